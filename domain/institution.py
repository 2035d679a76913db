"""Institutions: ministries and other bodies of state, from announcement to dissolution."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from domain.common import COMMON
from domain.fact import Content, Refused
from domain.stream import Aggregate
from domain.values import Country, GatheringId, InstitutionId, Name, Personal, Text, doc


@dataclass(frozen=True, kw_only=True)
class MinistryAnnounced(Content):
    """A ministry was announced."""

    opens: ClassVar[bool] = True
    dated: ClassVar[str | None] = "announced"
    name: Annotated[Name, doc("its name")]
    country: Annotated[Country, doc("its country, ISO 3166 alpha-3")]
    gathering: Annotated[GatheringId | None, doc("the meeting at which it was announced")] = None

    def summary(self) -> str:
        """One line for people."""
        return f"{self.country} announced {self.name}{f' at {self.gathering}' if self.gathering else ''}"

    def subjects(self) -> dict[str, str]:
        """Each descriptive field is a subject of its own."""
        return {"name": "name", "country": "country", "gathering": "gathering"}


@dataclass(frozen=True, kw_only=True)
class MinistryEstablished(Content):
    """A ministry was established."""

    opens: ClassVar[bool] = True
    dated: ClassVar[str | None] = "established"
    name: Annotated[Name | None, doc("its name; needed where it was not announced before")] = None
    country: Annotated[
        Country | None, doc("its country, ISO 3166 alpha-3; needed where it was not announced before")
    ] = None
    legal_act: Annotated[Name | None, doc("the act that establishes it, such as a decree and its number")] = None
    predecessor: Annotated[InstitutionId | None, doc("the institution whose place it takes")] = None

    def summary(self) -> str:
        """One line for people."""
        return f"established{f' {self.name}' if self.name else ''}{f' by {self.legal_act}' if self.legal_act else ''}"

    def subjects(self) -> dict[str, str]:
        """Each descriptive field is a subject of its own."""
        return {"name": "name", "country": "country", "legal_act": "legal_act"}


@dataclass(frozen=True, kw_only=True)
class MandateDefined(Content):
    """What an institution is for was defined."""

    topics: Annotated[tuple[Name, ...], doc("what it is to work on; may be left out where an act is named")] = ()
    legal_act: Annotated[Name | None, doc("the act that says so")] = None

    def summary(self) -> str:
        """One line for people."""
        topics = ", ".join(self.topics) or "topics not known"
        return f"mandate: {topics}{f', by {self.legal_act}' if self.legal_act else ''}"

    def subjects(self) -> dict[str, str]:
        """Statements of the mandate speak of the same; the act behind it is a subject of its own."""
        return {"topics": "mandate", "legal_act": "mandate_act"}


@dataclass(frozen=True, kw_only=True)
class OfficeholderAppointed(Content):
    """Somebody was appointed to an office."""

    dated: ClassVar[str | None] = "appointed"
    repeats: ClassVar[bool] = True
    person: Annotated[Name, Personal(), doc("who was appointed")]
    office: Annotated[Name, doc("the office")]

    def summary(self) -> str:
        """One line for people."""
        return f"{self.person} appointed {self.office}"

    def subjects(self) -> dict[str, str]:
        """Holders of one office compete."""
        return {"person": f"officeholder:{self.office}"}


@dataclass(frozen=True, kw_only=True)
class InstitutionRenamed(Content):
    """An institution took another name."""

    dated: ClassVar[str | None] = "renamed"
    repeats: ClassVar[bool] = True
    name: Annotated[Name, doc("its new name")]

    def summary(self) -> str:
        """One line for people."""
        return f"renamed to {self.name}"


@dataclass(frozen=True, kw_only=True)
class InstitutionDissolved(Content):
    """An institution was dissolved."""

    dated: ClassVar[str | None] = "dissolved"
    legal_act: Annotated[Name | None, doc("the act that dissolves it")] = None
    statement: Annotated[Text | None, doc("what becomes of its tasks, in our words")] = None

    def summary(self) -> str:
        """One line for people."""
        return f"dissolved{f' by {self.legal_act}' if self.legal_act else ''}"


class Institution(Aggregate):
    """A ministry or other body of state."""

    noun = "institution"
    events = (
        MinistryAnnounced,
        MinistryEstablished,
        MandateDefined,
        OfficeholderAppointed,
        InstitutionRenamed,
        InstitutionDissolved,
        *COMMON,
    )

    def check(self, content: Content) -> None:
        """Refuse a ministry that begins without a name or country, and a mandate that says nothing."""
        if isinstance(content, MinistryEstablished) and not any(self.live(MinistryAnnounced)):
            self.needs(content, "name", "country")
        if isinstance(content, MandateDefined) and not content.topics and content.legal_act is None:
            raise Refused("INVALID_VALUE", "data.topics", "name at least one topic or the act")
