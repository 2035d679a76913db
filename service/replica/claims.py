"""Claims: who says what of each subject of an object, how the claims stand, and which of them is shown.

A claim is one field of one live event. Claims of one subject compete.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import msgspec

from domain.codes import SourceKind, Stance, Standing, Verification
from domain.common import ClaimAdopted, FactClaimed, FactCorrected
from domain.fact import patched
from domain.values import SourceRef
from service.replica.claimed_values import Said, alike, conflicting, field_of, say
from service.replica.view import Kept, View
from service.replica.world import RANKS, SourceFacet, World

Correction = tuple[Kept, FactCorrected]
_NO_ORIGINS: frozenset[str] = frozenset()
_OFFICIAL = frozenset({str(SourceKind.LEGAL_TEXT), str(SourceKind.OFFICIAL_RELEASE)})


class Backing(msgspec.Struct, frozen=True):
    """What a claim rests on."""

    heard: tuple[tuple[SourceRef, SourceFacet], ...]
    """The sources, each with what it shows of itself."""
    origins: frozenset[str]
    """Where the live ones go back to."""
    kind: str
    """The kind of the best live one."""
    denies: bool
    """Whether one of them denies it."""
    standing: Standing
    """How what rests on them stands where it was not corrected."""


class Claim(msgspec.Struct, frozen=True):
    """One field of one event as somebody's claim."""

    id: str
    subject: str
    event: Kept
    field: str
    value: Any
    said: Said
    """The value as text and JSON."""
    standing: Standing
    backing: Backing
    counts: bool
    """Whether it is live and says something."""


class Subject(msgspec.Struct):
    """The claims that compete about one thing."""

    name: str
    about: str
    """Its name up to the first colon."""
    claims: list[Claim] = []
    shown: Claim | None = None
    adopted: bool = False
    verification: Verification = Verification.RETRACTED
    agreeing: int = 0
    """How many independent origins say what is shown."""
    worded: bool = False
    """Whether any of them is made of words."""

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
        spoken_of: dict[int, list[str]] = {}
        for _, claimed in view.live(FactClaimed):
            spoken_of.setdefault(claimed.target, []).append(claimed.field)
        corrections: dict[int, list[Correction]] = {}
        for one in view.kept:
            if isinstance(one.content, FactCorrected):
                corrections.setdefault(one.content.target, []).append((one, one.content))
        self.subjects = {}
        for kept in view.kept:
            version = kept.version
            for claim in _claims_of(view, world, kept, spoken_of.get(version, ()), corrections.get(version, ())):
                self._add(claim)
        self.adopted = [content.claim for _, content in view.live(ClaimAdopted)]
        for subject in self.subjects.values():
            _settle(subject, self.adopted)
            _put_subject(view, subject)
            for claim in subject.claims:
                _put_claim(view, claim)

    def take_last(self, view: View, world: World) -> list[Subject] | None:
        """Add the claims of the last event, which corrects nothing; gives the subjects that it speaks of.

        None if others' claims must be gathered anew.
        """
        kept = view.kept[-1]
        content = kept.content
        if isinstance(content, ClaimAdopted):
            return self._adopt(view, content.claim)
        if isinstance(content, FactClaimed) and content.field not in _natural(view.kept[content.target - 1]):
            return None
        touched = []
        for claim in _claims_of(view, world, kept):
            subject = self._add(claim)
            _settle(subject, self.adopted)
            _put_subject(view, subject)
            _put_claim(view, claim)
            touched.append(subject)
        return touched

    def _adopt(self, view: View, id: str) -> list[Subject]:
        self.adopted = [*self.adopted, id]
        touched = [subject for subject in self.subjects.values() if id in [claim.id for claim in subject.claims]]
        for subject in touched:
            _settle(subject, self.adopted)
            _put_subject(view, subject)
        return touched

    def _add(self, claim: Claim) -> Subject:
        subject = self.subjects.get(claim.subject)
        if subject is None:
            subject = self.subjects[claim.subject] = Subject(claim.subject, claim.subject.partition(":")[0])
        subject.claims.append(claim)
        subject.worded = subject.worded or claim.said.kind == "TEXT"
        return subject


def _claims_of(
    view: View,
    world: World,
    kept: Kept,
    spoken_of: Sequence[str] = (),
    corrections: Sequence[Correction] = (),
) -> Iterable[Claim]:
    """The claims of an event, given its fields that others speak of and its corrections, those retracted included."""
    content = kept.content
    if isinstance(content, FactClaimed):
        return _further(view, world, kept, content)
    if content.editorial:
        return ()
    fields = _natural(kept)
    if not (spoken_of or corrections):
        backing = _backing(view, world, kept, kept.fact.sources)
        values = [(name, field_of(kept.fact, name)) for name in fields]
        return [_claim(kept, name, fields[name], value, backing) for name, value in values if value is not None]
    names = _fields(kept, fields, spoken_of)
    return [claim for name in names for claim in _stated(view, world, kept, name, corrections)]


def _settle(subject: Subject, adopted: Sequence[str]) -> None:
    """Choose what is shown and say how well it is supported."""
    if len(subject.claims) == 1 and subject.claims[0].counts:
        _settle_one(subject, subject.claims[0], adopted)
        return
    _choose(subject, adopted)
    agreeing = _agreeing(subject)
    subject.agreeing = len(agreeing) if subject.shown is not None else 0
    subject.verification = _verification(subject, len(agreeing))


def _settle_one(subject: Subject, claim: Claim, adopted: Sequence[str]) -> None:
    """The same where nobody else says anything."""
    subject.shown, subject.agreeing, subject.adopted = claim, len(claim.backing.origins), claim.id in adopted
    subject.verification = _supported((claim.backing.kind,), subject.agreeing)


def _supported(kinds: Iterable[str], agreeing: int) -> Verification:
    if not _OFFICIAL.isdisjoint(kinds):
        return Verification.OFFICIAL
    return Verification.CORROBORATED if agreeing > 1 else Verification.SINGLE_ORIGIN


def _natural(kept: Kept) -> dict[str, str]:
    """The fields of an event that are claims whether or not others speak of them, with their subjects."""
    subjects = kept.content.subjects()
    dated = kept.content.dated
    if dated is not None and "occurred_on" not in subjects:
        subjects["occurred_on"] = f"{dated}@{kept.version}" if kept.content.repeats else dated
    return subjects


def _fields(kept: Kept, natural: Iterable[str], spoken_of: Iterable[str]) -> list[str]:
    names = list(natural)
    names += [name for name in dict.fromkeys(spoken_of) if name not in names]
    return names + [name for name in kept.held.corrections if name not in names and name != "sources"]


def _stated(view: View, world: World, kept: Kept, name: str, corrections: Sequence[Correction]) -> Iterator[Claim]:
    """The claim as recorded and, of a corrected field, each correction."""
    stands = kept.held.corrections.get(name)
    fact = kept.held.original if stands else kept.fact
    value = field_of(fact, name)
    if value is not None:
        standing = Standing.CORRECTED if stands else None
        backing = _backing(view, world, kept, fact.sources)
        yield _claim(kept, name, fact.subject(name, kept.version), value, backing, standing)
    for correction, content in corrections:
        if content.field == name:
            yield from _correction(view, world, kept, correction, content, stands)


def _correction(
    view: View, world: World, kept: Kept, correction: Kept, content: FactCorrected, stands: int | None
) -> Iterator[Claim]:
    latest = correction.version == stands
    try:
        fact = kept.fact if latest else patched(kept.held.original, content.field, content.now)
    except (msgspec.ValidationError, ValueError):
        return
    value = field_of(fact, content.field)
    if value is None:
        return
    standing = None if latest else Standing.RETRACTED if not correction.live else Standing.CORRECTED
    subject = fact.subject(content.field, kept.version)
    backing = _backing(view, world, kept, fact.sources)
    claim = _claim(kept, content.field, subject, value, backing, standing)
    yield msgspec.structs.replace(claim, id=f"{correction.id}#now", event=correction, field="now")


def _further(view: View, world: World, kept: Kept, content: FactClaimed) -> Iterator[Claim]:
    """What another source says of a field already recorded."""
    if not 1 <= content.target <= len(view.kept) or view.kept[content.target - 1].version != content.target:
        target = next((one for one in view.kept if one.version == content.target), None)
    else:
        target = view.kept[content.target - 1]
    if target is None:
        return
    try:
        fact = target.fact if content.value is None else patched(target.fact, content.field, content.value)
    except (msgspec.ValidationError, ValueError):
        return
    value = None if content.value is None else field_of(fact, content.field)
    backing = _backing(view, world, kept, kept.fact.sources)
    yield _claim(kept, "value", fact.subject(content.field, target.version), value, backing)


def _claim(
    kept: Kept, name: str, subject: str, value: Any, backing: Backing, standing: Standing | None = None
) -> Claim:
    stands = standing or backing.standing
    counts = stands is Standing.LIVE and not backing.denies and value is not None
    return Claim(f"{kept.id}#{name}", subject, kept, name, value, say(value), stands, backing, counts)


def _backing(view: View, world: World, kept: Kept, sources: Sequence[SourceRef]) -> Backing:
    if not sources and view.noun == "source":
        sources = (SourceRef(source=view.id),)
    if len(sources) == 1:
        return _backing_one(view, kept, sources[0], world.source(sources[0].source))
    heard = tuple([(source, world.source(source.source)) for source in sources])
    live = [each for each in heard if not each[1].withdrawn]
    return Backing(
        heard,
        _origins(*[facet.origin for source, facet in live if source.stance is not Stance.DENIES]),
        _best([facet.kind for _, facet in live or heard]),
        Stance.DENIES in [source.stance for source, _ in live or heard],
        _standing(kept, rests_on_nothing=bool(heard) and not live and view.noun != "source"),
    )


def _backing_one(view: View, kept: Kept, source: SourceRef, facet: SourceFacet) -> Backing:
    """The same for one source."""
    denies = source.stance is Stance.DENIES
    origins = _NO_ORIGINS if denies or facet.withdrawn else _origins(facet.origin)
    standing = _standing(kept, rests_on_nothing=facet.withdrawn and view.noun != "source")
    return Backing(((source, facet),), origins, facet.kind, denies, standing)


@lru_cache(maxsize=65536)
def _origins(*origins: str) -> frozenset[str]:
    return frozenset(origins)


def _best(kinds: Sequence[str]) -> str:
    if len(kinds) == 1:
        return kinds[0]
    return min(kinds, key=RANKS.__getitem__, default=str(SourceKind.AGGREGATOR))


def _standing(kept: Kept, *, rests_on_nothing: bool) -> Standing:
    if not kept.live:
        return Standing.RETRACTED
    return Standing.SOURCE_WITHDRAWN if rests_on_nothing else Standing.LIVE


def _choose(subject: Subject, adopted: Sequence[str]) -> None:
    """Choose what is shown: the adopted claim, else the best by kind of source, then the latest.

    Where every source was withdrawn the value stays in sight; its verification says that no live claim is left.
    """
    counting = [claim for claim in subject.claims if claim.counts]
    chosen = [claim for id in adopted for claim in counting if claim.id == id]
    subject.adopted = bool(chosen)
    if chosen:
        subject.shown = chosen[-1]
        return
    standing = counting or [claim for claim in subject.claims if _withdrawn(claim)]
    subject.shown = sorted(standing, key=_preference)[-1] if standing else None


def _withdrawn(claim: Claim) -> bool:
    return claim.standing is Standing.SOURCE_WITHDRAWN and not claim.backing.denies and claim.value is not None


def _preference(claim: Claim) -> tuple[int, int]:
    return -RANKS[claim.backing.kind], claim.event.position


def _verification(subject: Subject, agreeing: int) -> Verification:
    """How well the shown value is supported; the first rule that holds."""
    live = [claim for claim in subject.claims if claim.standing is Standing.LIVE]
    counting = [claim for claim in live if claim.counts]
    if not counting:
        return Verification.RETRACTED
    if True in [claim.backing.denies for claim in live] or _disagree(counting):
        return Verification.DISPUTED
    return _supported({claim.backing.kind for claim in counting}, agreeing)


def _disagree(claims: list[Claim]) -> bool:
    """Whether two claims of independent origin cannot both be true."""
    return len(claims) > 1 and any(
        not (one.backing.origins & other.backing.origins) and conflicting(one.value, other.value)
        for index, one in enumerate(claims)
        for other in claims[index + 1 :]
    )


def _agreeing(subject: Subject) -> frozenset[str]:
    """The origins of the claims that the shown one can stand beside."""
    shown = subject.shown
    value = None if shown is None else shown.value
    together = [
        one.backing.origins for one in subject.claims if one.counts and (one is shown or alike(one.value, value))
    ]
    return together[0] if len(together) == 1 else frozenset().union(*together)


def _put_subject(view: View, subject: Subject) -> None:
    shown = subject.shown
    said = shown.said if shown else next((one.said for one in subject.claims if one.value is not None), say(""))
    view.rows["claimed", subject.name] = (  # in the order of the columns
        subject.claims[0].event.version,
        said.kind,
        said.json if shown else None,
        said.text if shown else None,
        shown.id if shown else None,
        subject.verification,
        subject.adopted,
        len(subject.claims),
        subject.agreeing,
    )


def _put_claim(view: View, claim: Claim) -> None:
    event, said = claim.event, claim.said
    view.rows["claim", claim.id] = (  # in the order of the columns
        event.version,
        claim.subject,
        event.position,
        event.id,
        claim.field,
        claim.standing,
        claim.backing.denies,
        said.kind,
        said.json,
        said.text,
        getattr(claim.value, "basis", None),
        claim.backing.kind,
        event.placed.recorded_at,
    )
    for index, (source, facet) in enumerate(claim.backing.heard):
        said_by = index, claim.id, source.source, facet.origin, source.stance, source.locator, source.quote
        view.rows["claim_source", f"{claim.id}/{index}"] = said_by
