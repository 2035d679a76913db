"""The events that any stream can take: effects, assessments, sectors, further claims, and acts on the record."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from domain.codes import CorrectionCause, EffectKind, Outlook
from domain.fact import Content
from domain.values import Money, Name, Personal, SectorShare, StatedQuantity, Text, Version, doc


@dataclass(frozen=True, kw_only=True)
class EffectClaimed(Content):
    """An effect was claimed: jobs, investment, trade, tourism or growth."""

    kind: Annotated[EffectKind, doc("what it is said to bring")]
    quantity: Annotated[StatedQuantity | None, doc("how much of it, where a number is given")] = None
    money: Annotated[Money | None, doc("how much money, where an amount is given")] = None
    place: Annotated[Name | None, doc("where: a country code or a place in words")] = None
    outlook: Annotated[Outlook, doc("whether it is still to come")] = Outlook.EXPECTED
    statement: Annotated[Text | None, doc("the effect in our words, where there is no number")] = None

    def summary(self) -> str:
        """One line for people."""
        amounts = " and ".join(str(amount) for amount in (self.quantity, self.money) if amount is not None)
        said = amounts or self.statement or "no number given"
        place = f" in {self.place}" if self.place else ""
        note = f" ({self.statement})" if self.statement and self.statement != said else ""
        return f"{self.kind.lower().replace('_', ' ')}, {self.outlook.lower()}{place}: {said}{note}"

    def subjects(self) -> dict[str, str]:
        """Effects compete about the same kind in the same place."""
        subject = f"effect:{self.kind}:{self.place or ''}"
        said = ("quantity", "money", "statement")
        return {next((name for name in said if getattr(self, name) is not None), "kind"): subject}


@dataclass(frozen=True, kw_only=True)
class AssessmentVoiced(Content):
    """Somebody said what they think of it."""

    theme: Annotated[Name, doc("what it is about, such as 'ties' or 'innovation'")]
    statement: Annotated[Text, doc("what was said, in our words")]
    by: Annotated[Name | None, Personal(), doc("who said it, if not the source itself")] = None

    def summary(self) -> str:
        """One line for people."""
        return f"{self.by or 'the source'} on {self.theme}: {self.statement}"

    def subjects(self) -> dict[str, str]:
        """An assessment stands for itself under its theme."""
        return {"statement": f"assessment:{self.theme}"}


@dataclass(frozen=True, kw_only=True)
class SectorAssigned(Content):
    """It was said to belong to sectors."""

    sectors: Annotated[tuple[SectorShare, ...], doc("the sectors, with shares where stated")]

    def summary(self) -> str:
        """One line for people."""
        return f"sectors: {', '.join(str(sector) for sector in self.sectors)}"

    def subjects(self) -> dict[str, str]:
        """All statements of sectors speak of the same."""
        return {"sectors": "sectors"}


@dataclass(frozen=True, kw_only=True)
class FactClaimed(Content):
    """Another source was found to speak of a field already recorded: it repeats it, says otherwise, or denies it."""

    target: Annotated[Version, doc("version of the event whose field it speaks of")]
    field: Annotated[Name, doc("the field, as it is named on disk")]
    value: Annotated[Any, Personal(), doc("what the source says; left out where it only denies")] = None

    def summary(self) -> str:
        """One line for people."""
        if self.value is None:
            return f"another source denies {self.field} of version {self.target}"
        return f"another source on {self.field} of version {self.target}: {_brief(self.value)}"


@dataclass(frozen=True, kw_only=True)
class ClaimAdopted(Content):
    """The record chose which of several claims to show."""

    editorial: ClassVar[bool] = True
    claim: Annotated[Name, doc("id of the claim that stands, <event id>#<field>")]
    reason: Annotated[Text, doc("why this one")]

    def summary(self) -> str:
        """One line for people."""
        return f"adopted {self.claim}: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class FactCorrected(Content):
    """A field of a recorded event was wrong and is put right from here on."""

    editorial: ClassVar[bool] = True
    target: Annotated[Version, doc("version of the event that was wrong")]
    field: Annotated[Name, doc("the field, as it is named on disk; occurred_on and sources too")]
    now: Annotated[Any, Personal(), doc("its whole new value; null takes an optional one away")] = None
    cause: Annotated[CorrectionCause, doc("why it was wrong")]
    reason: Annotated[Text, doc("what happened, in words")]

    def summary(self) -> str:
        """One line for people."""
        return f"corrected {self.field} of version {self.target} to {_brief(self.now)} ({self.cause}): {self.reason}"


@dataclass(frozen=True, kw_only=True)
class EventRetracted(Content):
    """A recorded event does not stand; what it said leaves the record from here on."""

    editorial: ClassVar[bool] = True
    target: Annotated[Version, doc("version of the event that does not stand")]
    cause: Annotated[CorrectionCause, doc("why it was wrong")]
    reason: Annotated[Text, doc("what happened, in words")]

    def summary(self) -> str:
        """One line for people."""
        return f"retracted version {self.target} ({self.cause}): {self.reason}"


def _brief(value: Any) -> str:
    """A JSON value in a few words: of a number its words or bounds with unit and basis, of a list each item."""
    if value is None:
        return "nothing"
    if isinstance(value, list):
        return ", ".join(_brief(item) for item in value) or "nothing"
    if not isinstance(value, dict):
        return str(value)
    bounds = dict.fromkeys(str(value[name]) for name in ("low", "high") if value.get(name) is not None)
    number = str(value.get("as_stated") or " to ".join(bounds))
    rest = [str(item) for name, item in value.items() if name not in ("as_stated", "low", "high", "modifier")]
    return " ".join(filter(None, (number, *rest)))


COMMON: tuple[type[Content], ...] = (
    EffectClaimed,
    AssessmentVoiced,
    SectorAssigned,
    FactClaimed,
    ClaimAdopted,
    FactCorrected,
    EventRetracted,
)
