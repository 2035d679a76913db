"""Parties: countries, bodies, companies and groupings that take part in deals."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from domain.codes import PartyKind
from domain.common import COMMON, EventRetracted
from domain.fact import Content, Refused
from domain.stream import Aggregate
from domain.values import Country, Identifier, Name, PartyId, Text, doc


@dataclass(frozen=True, kw_only=True)
class PartyRegistered(Content):
    """A party was registered."""

    opens: ClassVar[bool] = True
    kind: Annotated[PartyKind, doc("what it is")]
    name: Annotated[Name, doc("its name")]
    seat: Annotated[Country | None, doc("the country of its seat, ISO 3166 alpha-3; for a country, its own code")] = (
        None
    )
    identifiers: Annotated[tuple[Identifier, ...], doc("what registers call it")] = ()

    def summary(self) -> str:
        """One line for people."""
        return f"{self.kind.lower().replace('_', ' ')} {self.name}{f', {self.seat}' if self.seat else ''}"

    def subjects(self) -> dict[str, str]:
        """Each descriptive field is a subject of its own."""
        return {"name": "name", "seat": "seat", "kind": "kind"}


@dataclass(frozen=True, kw_only=True)
class PartyIdentified(Content):
    """What a register calls a party became known."""

    identifier: Annotated[Identifier, doc("the identifier")]

    def summary(self) -> str:
        """One line for people."""
        return f"identified as {self.identifier.scheme} {self.identifier.value}"

    def subjects(self) -> dict[str, str]:
        """Identifiers of one register compete."""
        return {"identifier": f"identifier:{self.identifier.scheme}"}


@dataclass(frozen=True, kw_only=True)
class PartyRenamed(Content):
    """A party took another name."""

    dated: ClassVar[str | None] = "renamed"
    repeats: ClassVar[bool] = True
    name: Annotated[Name, doc("its new name")]

    def summary(self) -> str:
        """One line for people."""
        return f"renamed to {self.name}"


@dataclass(frozen=True, kw_only=True)
class PartyMerged(Content):
    """A party proved to be another one recorded twice; references to it mean the survivor from here on."""

    editorial: ClassVar[bool] = True
    onward: ClassVar[str | None] = "into"
    into: Annotated[PartyId, doc("the party that it is")]
    reason: Annotated[Text, doc("how it was found out")]

    def summary(self) -> str:
        """One line for people."""
        return f"merged into {self.into}: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class PartySucceeded(Content):
    """In the world, another party took this one's place."""

    dated: ClassVar[str | None] = "succeeded"
    successor: Annotated[PartyId, doc("the party that took its place")]

    def summary(self) -> str:
        """One line for people."""
        return f"succeeded by {self.successor}"

    def subjects(self) -> dict[str, str]:
        """Successors compete."""
        return {"successor": "successor"}


class Party(Aggregate):
    """A party and what registers and the world call it."""

    noun = "party"
    events = (PartyRegistered, PartyIdentified, PartyRenamed, PartyMerged, PartySucceeded, *COMMON)

    def check(self, content: Content) -> None:
        """Refuse any event on a merged party but the retraction of the merger."""
        merged = next(self.live(PartyMerged), None)
        undoes = isinstance(content, EventRetracted) and isinstance(self.facts[content.target - 1].content, PartyMerged)
        if merged is not None and not undoes:
            raise Refused("PARTY_MERGED", "id", f"{self.id} was merged into {merged.into}; record it there")
