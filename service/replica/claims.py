"""Claims: who says what of each subject of an object, how the claims stand, and which of them is shown.

A claim is one field of one live event. Claims of one subject compete.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from domain.codes import SourceKind, Stance, Standing, Verification
from domain.common import ClaimAdopted, FactClaimed, FactCorrected
from domain.fact import Fact, patched
from domain.values import SourceRef
from service.replica.claimed_values import alike, conflicting, field_of, kind_of, text_of, value_json
from service.replica.view import Kept, View
from service.replica.world import RANKS, World

_OFFICIAL = frozenset({str(SourceKind.LEGAL_TEXT), str(SourceKind.OFFICIAL_RELEASE)})


@dataclass(frozen=True, slots=True)
class Claim:
    """One field of one event as somebody's claim."""

    id: str
    subject: str
    event: Kept
    field: str
    value: Any
    standing: Standing
    denies: bool
    sources: tuple[SourceRef, ...]
    origins: frozenset[str]
    """Where its live sources go back to."""
    kind: str
    """The kind of its best live source."""

    @property
    def counts(self) -> bool:
        """Whether it is live and says something."""
        return self.standing is Standing.LIVE and not self.denies and self.value is not None


@dataclass(slots=True)
class Subject:
    """The claims that compete about one thing."""

    name: str
    claims: list[Claim] = field(default_factory=list)
    shown: Claim | None = None
    adopted: bool = False
    verification: Verification = Verification.RETRACTED

    @property
    def value(self) -> Any:
        """The value shown, None if no claim is left."""
        return None if self.shown is None else self.shown.value


@dataclass(slots=True)
class Claims:
    """The claims of one object, by subject."""

    subjects: dict[str, Subject] = field(default_factory=dict)
    adopted: Sequence[str] = ()

    def take_all(self, view: View, world: World) -> None:
        """Gather the claims of every event from nothing and make their rows."""
        spoken_of = {(content.target, content.field) for _, content in view.live(FactClaimed)}
        corrections = [(one, one.fact.content) for one in view.kept if isinstance(one.fact.content, FactCorrected)]
        self.subjects = {}
        for kept in view.kept:
            self._add(_claims_of(view, world, kept, spoken_of, corrections))
        self.adopted = [content.claim for _, content in view.live(ClaimAdopted)]
        for subject in self.subjects.values():
            _settle(subject, self.adopted)
            _put_subject(view, subject)
            for claim in subject.claims:
                _put_claim(view, world, claim)

    def take_last(self, view: View, world: World) -> bool:
        """Add the claims of the last event, which corrects nothing; false if others' claims must be gathered anew."""
        kept = view.kept[-1]
        content = kept.fact.content
        if isinstance(content, FactClaimed) and content.field not in _natural(view.kept[content.target - 1]):
            return False
        touched = self._add(_claims_of(view, world, kept, set(), []))
        for claim in touched:
            subject = self.subjects[claim.subject]
            _settle(subject, self.adopted)
            _put_subject(view, subject)
            _put_claim(view, world, claim)
        return True

    def _add(self, claims: Iterable[Claim]) -> list[Claim]:
        added = list(claims)
        for claim in added:
            subject = self.subjects.get(claim.subject)
            if subject is None:
                subject = self.subjects[claim.subject] = Subject(claim.subject)
            subject.claims.append(claim)
        return added


def _claims_of(
    view: View,
    world: World,
    kept: Kept,
    spoken_of: set[tuple[int, str]],
    corrections: list[tuple[Kept, FactCorrected]],
) -> Iterator[Claim]:
    content = kept.fact.content
    if isinstance(content, FactClaimed):
        yield from _further(view, world, kept, content)
    elif not content.editorial:
        for name in _fields(kept, spoken_of):
            yield from _stated(view, world, kept, name, corrections)


def _settle(subject: Subject, adopted: Sequence[str]) -> None:
    _choose(subject, adopted)
    subject.verification = verification(subject)


def _natural(kept: Kept) -> list[str]:
    """The fields of an event that are claims whether or not others speak of them."""
    names = list(kept.fact.content.subjects())
    if kept.fact.content.dated is not None and "occurred_on" not in names:
        names.append("occurred_on")
    return names


def _fields(kept: Kept, spoken_of: set[tuple[int, str]]) -> list[str]:
    names = _natural(kept)
    names += [name for version, name in spoken_of if version == kept.held.version and name not in names]
    return names + [name for name in kept.held.corrections if name not in names and name != "sources"]


def _stated(
    view: View, world: World, kept: Kept, name: str, corrections: list[tuple[Kept, FactCorrected]]
) -> Iterator[Claim]:
    """The claim as recorded and, of a corrected field, each correction."""
    stands = kept.held.corrections.get(name)
    original = kept.held.original
    value = field_of(original if stands else kept.fact, name)
    if value is not None:
        standing = Standing.CORRECTED if stands else None
        yield _claim(view, world, kept, name, original if stands else kept.fact, value, standing)
    for correction, content in corrections:
        if content.target == kept.held.version and content.field == name:
            yield from _correction(view, world, kept, correction, content, stands)


def _correction(
    view: View, world: World, kept: Kept, correction: Kept, content: FactCorrected, stands: int | None
) -> Iterator[Claim]:
    latest = correction.held.version == stands
    try:
        fact = kept.fact if latest else patched(kept.held.original, content.field, content.now)
    except (msgspec.ValidationError, ValueError):
        return
    value = field_of(fact, content.field)
    if value is None:
        return
    standing = None if latest else Standing.RETRACTED if not correction.held.live else Standing.CORRECTED
    claim = _claim(view, world, kept, content.field, fact, value, standing)
    yield _placed(claim, correction, f"{correction.id}#now")


def _placed(claim: Claim, event: Kept, id: str) -> Claim:
    return replace(claim, id=id, event=event, field="now")


def _further(view: View, world: World, kept: Kept, content: FactClaimed) -> Iterator[Claim]:
    """What another source says of a field already recorded."""
    if not 1 <= content.target <= len(view.kept) or view.kept[content.target - 1].held.version != content.target:
        target = next((one for one in view.kept if one.held.version == content.target), None)
    else:
        target = view.kept[content.target - 1]
    if target is None:
        return
    try:
        fact = target.fact if content.value is None else patched(target.fact, content.field, content.value)
    except (msgspec.ValidationError, ValueError):
        return
    value = None if content.value is None else field_of(fact, content.field)
    subject = fact.subject(content.field, target.held.version)
    yield _claim(view, world, kept, "value", kept.fact, value, None, subject)


def _claim(
    view: View,
    world: World,
    kept: Kept,
    name: str,
    fact: Fact,
    value: Any,
    standing: Standing | None,
    subject: str = "",
) -> Claim:
    sources = fact.sources or ((SourceRef(source=view.id),) if view.noun == "source" else ())
    facets = [(source, world.source(source.source)) for source in sources]
    live = [(source, facet) for source, facet in facets if not facet.withdrawn]
    heard = live or facets
    return Claim(
        id=f"{kept.id}#{name}",
        subject=subject or fact.subject(name, kept.held.version),
        event=kept,
        field=name,
        value=value,
        standing=standing or _standing(kept, rests_on_nothing=bool(facets) and not live and view.noun != "source"),
        denies=any(source.stance is Stance.DENIES for source, _ in heard),
        sources=sources,
        origins=frozenset(facet.origin for source, facet in live if source.stance is not Stance.DENIES),
        kind=min((facet.kind for _, facet in heard), key=RANKS.__getitem__, default=str(SourceKind.AGGREGATOR)),
    )


def _standing(kept: Kept, *, rests_on_nothing: bool) -> Standing:
    if not kept.held.live:
        return Standing.RETRACTED
    return Standing.SOURCE_WITHDRAWN if rests_on_nothing else Standing.LIVE


def _choose(subject: Subject, adopted: Sequence[str]) -> None:
    """Choose what is shown: the adopted claim, else the best by kind of source, then the latest.

    Where every source was withdrawn the value stays in sight; its verification says that no live claim is left.
    """
    counting = [claim for claim in subject.claims if claim.counts]
    chosen = [claim for id in adopted for claim in counting if claim.id == id]
    subject.adopted = bool(chosen)
    withdrawn = [claim for claim in subject.claims if claim.standing is Standing.SOURCE_WITHDRAWN and not claim.denies]
    standing = counting or [claim for claim in withdrawn if claim.value is not None]
    ranked = sorted(standing, key=lambda claim: (-RANKS[claim.kind], claim.event.position))
    best = chosen or ranked
    subject.shown = best[-1] if best else None


def verification(subject: Subject) -> Verification:
    """How well the shown value is supported; the first rule that holds."""
    live = [claim for claim in subject.claims if claim.standing is Standing.LIVE]
    counting = [claim for claim in live if claim.counts]
    if not counting:
        return Verification.RETRACTED
    if any(claim.denies for claim in live) or _disagree(counting):
        return Verification.DISPUTED
    if any(claim.kind in _OFFICIAL for claim in counting):
        return Verification.OFFICIAL
    return Verification.CORROBORATED if len(_agreeing(subject)) > 1 else Verification.SINGLE_ORIGIN


def _disagree(claims: list[Claim]) -> bool:
    """Whether two claims of independent origin cannot both be true."""
    return any(
        not (one.origins & other.origins) and conflicting(one.value, other.value)
        for index, one in enumerate(claims)
        for other in claims[index + 1 :]
    )


def _agreeing(subject: Subject) -> frozenset[str]:
    """The origins of the claims that the shown one can stand beside."""
    shown = subject.value
    together = [claim.origins for claim in subject.claims if claim.counts and alike(claim.value, shown)]
    return frozenset().union(*together)


def _put_subject(view: View, subject: Subject) -> None:
    shown = subject.shown
    sample = shown.value if shown else next((claim.value for claim in subject.claims if claim.value is not None), "")
    view.put(
        "claimed",
        subject.name,
        ord=_order(subject.claims[0]),
        kind=kind_of(sample),
        shown=value_json(shown.value) if shown else None,
        text=text_of(shown.value) if shown else None,
        claim=shown.id if shown else None,
        verification=subject.verification,
        adopted=subject.adopted,
        claims=len(subject.claims),
        origins=len(_agreeing(subject)) if shown else 0,
    )


def _order(claim: Claim) -> int:
    """The place of a claim among those of its object: that of its event."""
    return claim.event.held.version


def _put_claim(view: View, world: World, claim: Claim) -> None:
    view.put(
        "claim",
        claim.id,
        ord=_order(claim),
        subject=claim.subject,
        position=claim.event.position,
        event=claim.event.id,
        field=claim.field,
        standing=claim.standing,
        denies=claim.denies,
        kind=kind_of(claim.value),
        value=None if claim.value is None else value_json(claim.value),
        text=None if claim.value is None else text_of(claim.value),
        basis=getattr(claim.value, "basis", None),
        source_kind=claim.kind,
        recorded_at=claim.event.placed.recorded_at,
    )
    for index, source in enumerate(claim.sources):
        view.put(
            "claim_source",
            f"{claim.id}/{index}",
            ord=index,
            claim=claim.id,
            source=source.source,
            origin=world.source(source.source).origin,
            stance=source.stance,
            locator=source.locator,
            quote=source.quote,
        )
