"""What objects show of themselves to others (facets), and the questions by which a fold comes to depend on them.

A facet holds only what other objects' rows are made of; when it changes, whoever asked for it is folded again.
"""

from collections.abc import Callable
from dataclasses import dataclass

from domain.agreement import AgreementSigned
from domain.codes import Binding, SourceKind
from domain.party import PartyMerged, PartyRegistered
from domain.source import SourceRegistered, SourceWithdrawn
from service.replica.view import Kept, View

RANKS = {str(kind): rank for rank, kind in enumerate(SourceKind)}
"""Sources from the most trusted kind, 0, to the least."""


@dataclass(frozen=True, slots=True)
class SourceFacet:
    """What claims take from a source: where it goes back to, of what kind that is, whether either was withdrawn."""

    origin: str
    kind: str
    withdrawn: bool


@dataclass(frozen=True, slots=True)
class PartyFacet:
    """What others take from a party: who it is after mergers, and its country."""

    survivor: str
    country: str | None


@dataclass(frozen=True, slots=True)
class AgreementFacet:
    """What a deal takes from an agreement that governs it."""

    binding: str
    signed_event: str | None = None
    signed_position: int | None = None
    signed_on: str | None = None
    signed_day: str | None = None


Facet = SourceFacet | PartyFacet | AgreementFacet
KINDS: dict[str, type[SourceFacet] | type[PartyFacet] | type[AgreementFacet]] = {
    "source": SourceFacet,
    "party": PartyFacet,
    "agreement": AgreementFacet,
}


class World:
    """The facets of other objects, and a note of which were asked for."""

    def __init__(self, load: Callable[[str], Facet | None]) -> None:
        """Take the way to a facet by id."""
        self._load = load
        self.asked: set[str] = set()

    def source(self, id: str) -> SourceFacet:
        """The source's facet; one that is not there yet stands for itself as the least trusted."""
        self.asked.add(id)
        found = self._load(id)
        return found if isinstance(found, SourceFacet) else SourceFacet(id, SourceKind.AGGREGATOR, False)

    def party(self, id: str) -> PartyFacet:
        """The party's facet."""
        self.asked.add(id)
        found = self._load(id)
        return found if isinstance(found, PartyFacet) else PartyFacet(id, None)

    def survivor(self, id: str | None) -> str | None:
        """The party that the id means after mergers."""
        return None if id is None else self.party(id).survivor

    def agreement(self, id: str) -> AgreementFacet:
        """The agreement's facet."""
        self.asked.add(id)
        found = self._load(id)
        return found if isinstance(found, AgreementFacet) else AgreementFacet(Binding.UNKNOWN)


def facet_of(view: View, world: World) -> Facet | None:
    """What the object shows of itself; None for nouns that show nothing."""
    match view.noun:
        case "source":
            return _source(view, world)
        case "party":
            return _party(view, world)
        case "agreement":
            return _agreement(view)
        case _:
            return None


def _source(view: View, world: World) -> SourceFacet:
    opened = view.last(SourceRegistered)
    withdrawn = view.last(SourceWithdrawn) is not None or opened is None
    if opened is None:
        return SourceFacet(view.id, SourceKind.AGGREGATOR, withdrawn)
    original = opened[1].derived_from
    if original is None or original == view.id:
        return SourceFacet(view.id, str(opened[1].kind), withdrawn)
    facet = world.source(original)
    return SourceFacet(facet.origin, facet.kind, withdrawn or facet.withdrawn)


def _party(view: View, world: World) -> PartyFacet:
    merged, opened = view.last(PartyMerged), view.last(PartyRegistered)
    if merged is not None and merged[1].into != view.id:
        return world.party(merged[1].into)
    return PartyFacet(view.id, opened[1].seat if opened is not None else None)


def _agreement(view: View) -> AgreementFacet:
    binding, signed = binding_of(view), view.last(AgreementSigned)
    if signed is None:
        return AgreementFacet(binding)
    kept: Kept = signed[0]
    when = kept.fact.occurred_on
    return AgreementFacet(binding, kept.id, kept.position, str(when) if when else None, kept.day)


def binding_of(view: View) -> str:
    """Whether the instrument binds: the latest opening event that says so."""
    said = [
        str(getattr(kept.fact.content, "binding", Binding.UNKNOWN))
        for kept in view.kept
        if kept.held.live and kept.fact.content.opens
    ]
    known = [binding for binding in said if binding != Binding.UNKNOWN]
    return known[-1] if known else str(Binding.UNKNOWN)
