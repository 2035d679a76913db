"""Programmes: umbrellas that deals are counted under. Their values are never added to those of their deals."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from domain.codes import Certainty
from domain.common import COMMON
from domain.fact import Content
from domain.stream import Aggregate
from domain.values import DealId, GatheringId, Money, Name, PartyRef, SectorShare, StatedQuantity, Text, WorldDate, doc


@dataclass(frozen=True, kw_only=True)
class ProgrammeAnnounced(Content):
    """A programme was announced."""

    opens: ClassVar[bool] = True
    dated: ClassVar[str | None] = "announced"
    title: Annotated[Name, doc("what to call it")]
    parties: Annotated[tuple[PartyRef, ...], doc("who takes part")] = ()
    horizon: Annotated[WorldDate | None, doc("the period that it is meant for")] = None
    gathering: Annotated[GatheringId | None, doc("the meeting at which it was announced")] = None
    sectors: Annotated[tuple[SectorShare, ...], doc("the sectors that it covers")] = ()
    purpose: Annotated[Text | None, doc("what it is for, in our words")] = None

    def summary(self) -> str:
        """One line for people."""
        return f"programme announced: {self.title}"

    def subjects(self) -> dict[str, str]:
        """Each descriptive field is a subject of its own."""
        return {name: name for name in ("title", "parties", "horizon", "gathering", "sectors", "purpose")}


@dataclass(frozen=True, kw_only=True)
class ProgrammeValueReported(Content):
    """A value of a programme was reported."""

    money: Annotated[Money, doc("the amount")]
    period: Annotated[WorldDate | None, doc("the period that it covers")] = None
    duration: Annotated[StatedQuantity | None, doc("how long a time it covers, where no dates are given")] = None
    covers: Annotated[Text | None, doc("what it covers, in our words")] = None

    def summary(self) -> str:
        """One line for people."""
        span = self.period or self.duration
        basis = f" ({self.money.basis.lower().replace('_', ' ')})" if self.money.basis else ""
        covers = f"; covers {self.covers}" if self.covers else ""
        return f"programme value{basis}: {self.money}{f' over {span}' if span else ''}{covers}"

    def subjects(self) -> dict[str, str]:
        """Values compete about the same basis and time."""
        span = self.period or (self.duration.words() if self.duration else "")
        return {"money": ":".join(("value", str(self.money.basis or ""), span)).rstrip(":")}


@dataclass(frozen=True, kw_only=True)
class DealIncluded(Content):
    """A deal was found to be part of a programme."""

    deal: Annotated[DealId, doc("the deal")]
    certainty: Annotated[Certainty, doc("whether the source says so or it was concluded")]

    def summary(self) -> str:
        """One line for people."""
        return f"includes {self.deal} ({self.certainty.lower()})"

    def subjects(self) -> dict[str, str]:
        """Statements about one deal compete."""
        return {"certainty": f"includes:{self.deal}"}


@dataclass(frozen=True, kw_only=True)
class DealExcluded(Content):
    """A deal was found not to be part of a programme, or no longer."""

    deal: Annotated[DealId, doc("the deal")]

    def summary(self) -> str:
        """One line for people."""
        return f"excludes {self.deal}"


@dataclass(frozen=True, kw_only=True)
class ProgrammeClosed(Content):
    """A programme came to its end."""

    dated: ClassVar[str | None] = "closed"
    statement: Annotated[Text | None, doc("how it ended, in our words")] = None

    def summary(self) -> str:
        """One line for people."""
        return f"programme closed{f': {self.statement}' if self.statement else ''}"


class Programme(Aggregate):
    """An umbrella over deals."""

    noun = "programme"
    events = (ProgrammeAnnounced, ProgrammeValueReported, DealIncluded, DealExcluded, ProgrammeClosed, *COMMON)
