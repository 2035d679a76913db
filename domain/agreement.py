"""Agreements: the instruments that are announced, signed, brought into force and ended."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from domain.codes import AgreementKind, Binding
from domain.common import COMMON
from domain.fact import Content
from domain.stream import Aggregate
from domain.values import AgreementId, GatheringId, Name, PartyId, PartyRef, SectorShare, Text, WorldDate, doc


@dataclass(frozen=True, kw_only=True)
class _Instrument(Content):
    """What every opening event can say of the instrument."""

    opens: ClassVar[bool] = True
    title: Annotated[Name | None, doc("its title")] = None
    kind: Annotated[AgreementKind, doc("what sort of instrument it is")] = AgreementKind.UNKNOWN
    binding: Annotated[Binding, doc("whether it binds")] = Binding.UNKNOWN
    parties: Annotated[tuple[PartyRef, ...], doc("who takes part")] = ()
    sectors: Annotated[tuple[SectorShare, ...], doc("the sectors that it covers")] = ()
    purpose: Annotated[Text | None, doc("what it is for, in our words")] = None
    gathering: Annotated[GatheringId | None, doc("the meeting at which it happened")] = None
    place: Annotated[Name | None, doc("where it happened")] = None
    term: Annotated[Text | None, doc("how long it is to last, as stated")] = None

    def subjects(self) -> dict[str, str]:
        """Each descriptive field is a subject of its own; the place belongs to the act."""
        own = ("title", "kind", "binding", "parties", "sectors", "purpose", "gathering", "term")
        return {name: name for name in own} | {"place": f"{self.dated}_place"}

    def _words(self) -> str:
        title = self.title or self.kind.lower().replace("_", " ")
        return f"{title}{f' in {self.place}' if self.place else ''}"


@dataclass(frozen=True, kw_only=True)
class AgreementAnnounced(_Instrument):
    """An agreement was announced."""

    dated: ClassVar[str | None] = "announced"

    def summary(self) -> str:
        """One line for people."""
        return f"announced: {self._words()}"


@dataclass(frozen=True, kw_only=True)
class AgreementAdopted(_Instrument):
    """The text of an agreement was adopted."""

    dated: ClassVar[str | None] = "adopted"

    def summary(self) -> str:
        """One line for people."""
        return f"adopted: {self._words()}"


@dataclass(frozen=True, kw_only=True)
class AgreementSigned(_Instrument):
    """An agreement was signed."""

    dated: ClassVar[str | None] = "signed"
    signatories: Annotated[tuple[PartyId, ...], doc("who signed, where that is less than all parties")] = ()

    def summary(self) -> str:
        """One line for people."""
        return f"signed: {self._words()}"


@dataclass(frozen=True, kw_only=True)
class AgreementApproved(Content):
    """A body approved an agreement."""

    dated: ClassVar[str | None] = "approved"
    repeats: ClassVar[bool] = True
    body: Annotated[Name, doc("who approved it, such as a parliament or a meeting of shareholders")]

    def summary(self) -> str:
        """One line for people."""
        return f"approved by {self.body}"

    def subjects(self) -> dict[str, str]:
        """Reports of one approval compete."""
        return {"body": "approved_by"}


@dataclass(frozen=True, kw_only=True)
class _PartyAct(Content):
    """An act of one party."""

    party: Annotated[PartyId, doc("the party")]

    def subjects(self) -> dict[str, str]:
        """The dates of one party's act compete."""
        return {"occurred_on": f"{self.dated}:{self.party}"}


@dataclass(frozen=True, kw_only=True)
class AgreementRatified(_PartyAct):
    """A party ratified an agreement."""

    dated: ClassVar[str | None] = "ratified"

    def summary(self) -> str:
        """One line for people."""
        return f"ratified by {self.party}"


@dataclass(frozen=True, kw_only=True)
class AgreementAccededTo(_PartyAct):
    """A party acceded to an agreement."""

    dated: ClassVar[str | None] = "acceded"

    def summary(self) -> str:
        """One line for people."""
        return f"acceded to by {self.party}"


@dataclass(frozen=True, kw_only=True)
class AgreementWithdrawnFrom(_PartyAct):
    """A party withdrew from an agreement."""

    dated: ClassVar[str | None] = "withdrawn"

    def summary(self) -> str:
        """One line for people."""
        return f"withdrawn from by {self.party}"


@dataclass(frozen=True, kw_only=True)
class AgreementEnteredIntoForce(Content):
    """An agreement entered into force, for all or for one party."""

    dated: ClassVar[str | None] = "in_force"
    party: Annotated[PartyId | None, doc("the party for which it entered into force; all if left out")] = None
    provisional: Annotated[bool, doc("whether it is applied provisionally")] = False

    def summary(self) -> str:
        """One line for people."""
        return f"{'provisionally ' if self.provisional else ''}in force{f' for {self.party}' if self.party else ''}"

    def subjects(self) -> dict[str, str]:
        """The dates for one party, or for all, compete; provisional application is another matter."""
        act = "provisionally_in_force" if self.provisional else "in_force"
        return {"occurred_on": f"{act}:{self.party}" if self.party else act}


@dataclass(frozen=True, kw_only=True)
class AgreementAmended(Content):
    """The parties changed an agreement."""

    dated: ClassVar[str | None] = "amended"
    repeats: ClassVar[bool] = True
    statement: Annotated[Text, doc("what was changed, in our words")]
    by: Annotated[AgreementId | None, doc("the instrument that changes it")] = None

    def summary(self) -> str:
        """One line for people."""
        return f"amended{f' by {self.by}' if self.by else ''}: {self.statement}"


@dataclass(frozen=True, kw_only=True)
class AgreementExtended(Content):
    """The parties prolonged an agreement."""

    dated: ClassVar[str | None] = "extended"
    repeats: ClassVar[bool] = True
    until: Annotated[WorldDate | None, doc("until when")] = None
    by: Annotated[AgreementId | None, doc("the instrument that prolongs it")] = None

    def summary(self) -> str:
        """One line for people."""
        return f"extended{f' until {self.until}' if self.until else ''}{f' by {self.by}' if self.by else ''}"


@dataclass(frozen=True, kw_only=True)
class _Ending(Content):
    """A pause or an end, with what is known of why."""

    statement: Annotated[Text | None, doc("why or how, in our words")] = None

    def _because(self) -> str:
        return f": {self.statement}" if self.statement else ""


@dataclass(frozen=True, kw_only=True)
class AgreementSuspended(_Ending):
    """An agreement was suspended."""

    dated: ClassVar[str | None] = "suspended"
    repeats: ClassVar[bool] = True

    def summary(self) -> str:
        """One line for people."""
        return f"suspended{self._because()}"


@dataclass(frozen=True, kw_only=True)
class AgreementTerminated(_Ending):
    """An agreement was terminated."""

    dated: ClassVar[str | None] = "terminated"

    def summary(self) -> str:
        """One line for people."""
        return f"terminated{self._because()}"


@dataclass(frozen=True, kw_only=True)
class AgreementLapsed(_Ending):
    """An agreement ran out."""

    dated: ClassVar[str | None] = "lapsed"

    def summary(self) -> str:
        """One line for people."""
        return f"lapsed{self._because()}"


@dataclass(frozen=True, kw_only=True)
class AgreementSuperseded(Content):
    """Another agreement took the place of this one."""

    dated: ClassVar[str | None] = "superseded"
    by: Annotated[AgreementId | None, doc("the agreement that took its place")] = None

    def summary(self) -> str:
        """One line for people."""
        return f"superseded{f' by {self.by}' if self.by else ''}"


class Agreement(Aggregate):
    """An instrument between parties."""

    noun = "agreement"
    events = (
        AgreementAnnounced, AgreementAdopted, AgreementSigned, AgreementApproved, AgreementRatified, AgreementAccededTo,
        AgreementWithdrawnFrom, AgreementEnteredIntoForce, AgreementAmended, AgreementExtended, AgreementSuspended,
        AgreementTerminated, AgreementLapsed, AgreementSuperseded, *COMMON,
    )  # fmt: skip
