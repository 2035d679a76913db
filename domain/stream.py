"""One stream of facts and what it holds after its corrections and retractions; the base of every aggregate.

Refusing (`check`) is apart from applying (`apply`): applying never raises, reads no clock and follows no rule of today.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Protocol, Self, TypeVar

import msgspec
from eventsourcing.domain import BaseAggregate, datetime_now_with_tzinfo

from domain.common import ClaimAdopted, EventRetracted, FactClaimed, FactCorrected
from domain.fact import Content, Fact, Refused, check_values, field_names, patched, references

TContent = TypeVar("TContent", bound=Content)


@dataclass(frozen=True)
class Held:
    """A fact as its stream holds it after the corrections that stand."""

    version: int
    fact: Fact
    original: Fact
    """The fact as it was recorded."""
    corrections: dict[str, int] = field(default_factory=dict)
    """Corrected fields, each with the version of the correction that stands."""
    retracted_by: int | None = None
    """The version of the retraction that stands."""

    @property
    def live(self) -> bool:
        """Whether it was not retracted."""
        return self.retracted_by is None


def hold(facts: Sequence[Fact]) -> list[Held]:
    """What the stream holds, in order of version, after retractions and corrections; the latest of a field wins."""
    retracted = _retractions(facts)
    held = [Held(index, fact, fact, retracted_by=retracted.get(index)) for index, fact in enumerate(facts, 1)]
    for version, fact in enumerate(facts, 1):
        content = fact.content
        if isinstance(content, FactCorrected) and version not in retracted and content.target < version:
            held[content.target - 1] = _corrected(held[content.target - 1], content, version)
    return held


def _retractions(facts: Sequence[Fact]) -> dict[int, int]:
    """Retracted versions, each with the retraction that stands. A retraction can itself be retracted by a later one."""
    found: dict[int, int] = {}
    for version in range(len(facts), 0, -1):
        content = facts[version - 1].content
        if isinstance(content, EventRetracted) and version not in found and content.target < version:
            found[content.target] = version
    return found


def _corrected(held: Held, correction: FactCorrected, version: int) -> Held:
    try:
        fact = patched(held.fact, correction.field, correction.now)
    except (msgspec.ValidationError, ValueError):
        return held
    return replace(held, fact=fact, corrections={**held.corrections, correction.field: version})


class World(Protocol):
    """What a check may ask about other streams."""

    def exists(self, id: str) -> bool:
        """Whether a stream has begun."""
        ...


@dataclass(frozen=True)
class Recorded:
    """The library's event: the envelope that carries a fact."""

    originator_id: str
    originator_version: int
    fact: Fact

    def mutate(self, aggregate: Any) -> Any:
        """Apply the fact; the library's own checks of version are made by the log."""
        return apply(aggregate, self)


class Aggregate(BaseAggregate[str]):
    """A stream of facts. A subclass says which events it takes and what it refuses."""

    noun: ClassVar[str]
    events: ClassVar[tuple[type[Content], ...]]
    facts: list[Fact]
    _held: list[Held] | None

    def held(self) -> list[Held]:
        """The facts after corrections, retracted ones included."""
        if self._held is None:
            self._held = hold(self.facts)
        return self._held

    def live(self, *kinds: type[TContent]) -> Iterator[TContent]:
        """The contents of these kinds that stand, corrected, in order."""
        return (one.fact.content for one in self.held() if one.live and isinstance(one.fact.content, kinds))

    def record(self, fact: Fact, world: World) -> None:
        """Refuse the fact or take it as the next event. Raises Refused."""
        self._check_order(fact)
        _check_provenance(fact)
        check_values(fact)
        _check_references(fact, world)
        self._check_target(fact.content, world)
        self.check(fact.content)
        event = Recorded(fact.id, self.version + 1, fact)
        self.pending_events.append(event)  # type: ignore[arg-type]  # the library asks only for the two protocols
        apply(self, event)

    @classmethod
    def begin(cls, id: str) -> Self:
        """An empty stream, at version 0."""
        aggregate = object.__new__(cls)
        aggregate.__base_init__(id, 0, datetime_now_with_tzinfo())
        aggregate.facts = []
        aggregate._held = None
        return aggregate

    def check(self, content: Content) -> None:
        """Refuse what does not fit this stream. Raises Refused; subclasses say more."""

    def needs(self, content: Content, *fields: str) -> None:
        """Refuse a content that leaves one of the optional fields out."""
        for name in fields:
            if getattr(content, name) is None:
                raise Refused(
                    "INVALID_VALUE", f"data.{name}", f"{type(content).__name__} needs it where it opens the stream"
                )

    def _check_order(self, fact: Fact) -> None:
        content = fact.content
        if not isinstance(content, self.events):
            raise Refused("WRONG_NOUN", "id", f"{fact.event} cannot be recorded of {fact.id}")
        opened = [one.event for one in self.facts if one.content.opens]
        if self.version == 0 and not content.opens:
            raise Refused("NOT_FOUND", "id", f"{fact.id} is not in the record; it begins with {self._openings()}")
        if self.version > 0 and content.opens and fact.event in opened:
            raise Refused("ALREADY_EXISTS", "id", f"{fact.id} has its {fact.event} already")

    def _openings(self) -> str:
        return " or ".join(event.__name__ for event in self.events if event.opens)

    def _check_target(self, content: Content, world: World) -> None:
        if isinstance(content, (FactClaimed, FactCorrected, EventRetracted)):
            self._check_version(content)
        if isinstance(content, FactClaimed) and content.value is not None:
            self._try("value", self.held()[content.target - 1].fact, content.field, content.value, world)
        if isinstance(content, FactCorrected):
            self._check_correction(content, world)
        if isinstance(content, ClaimAdopted):
            self._check_adopted(content)

    def _check_version(self, content: FactClaimed | FactCorrected | EventRetracted) -> None:
        if content.target > self.version:
            raise Refused(
                "UNKNOWN_TARGET",
                "data.target",
                f"{self.id} has no version {content.target}; its last is {self.version}",
            )
        target = self.held()[content.target - 1]
        if isinstance(content, EventRetracted):
            if not target.live:
                raise Refused("UNKNOWN_TARGET", "data.target", f"{self.id}@{content.target} is retracted already")
            return
        claim_on_claim = isinstance(target.fact.content, FactClaimed) and isinstance(content, FactClaimed)
        if target.fact.content.editorial or claim_on_claim:
            raise Refused("UNKNOWN_TARGET", "data.target", f"{target.fact.event} states no fact; retract it instead")
        if content.field not in field_names(type(target.fact.content)):
            known = ", ".join(field_names(type(target.fact.content)))
            raise Refused(
                "UNKNOWN_TARGET", "data.field", f"{target.fact.event} has no field {content.field!r}; it has {known}"
            )

    def _check_correction(self, content: FactCorrected, world: World) -> None:
        self._try("now", self.held()[content.target - 1].fact, content.field, content.now, world)
        if content.field == "sources" and not content.now:
            raise Refused("NO_SOURCE", "data.now", "a fact keeps at least one source")

    def _try(self, name: str, target: Fact, field: str, value: Any, world: World) -> None:
        """Refuse a value that the target's field would not take."""
        try:
            changed = patched(target, field, value)
        except (msgspec.ValidationError, ValueError) as error:
            raise Refused("INVALID_VALUE", f"data.{name}", str(error)) from None
        try:
            check_values(changed)
            _check_references(changed, world)
        except Refused as refused:
            raise Refused(refused.code, f"data.{name}", f"{refused.field}: {refused.reason}") from None

    def _check_adopted(self, content: ClaimAdopted) -> None:
        event, _, name = content.claim.partition("#")
        stream, _, version = event.rpartition("@")
        if stream != self.id or not version.isdigit() or not 1 <= int(version) <= self.version:
            raise Refused("UNKNOWN_TARGET", "data.claim", f"{content.claim} is no claim of {self.id}")
        held = self.held()[int(version) - 1]
        if not held.live or name not in field_names(type(held.fact.content)) or held.fact.content.editorial:
            raise Refused("UNKNOWN_TARGET", "data.claim", f"{content.claim} is no live claim")


def _check_provenance(fact: Fact) -> None:
    """Every fact has a source, every act on the record a reason."""
    if fact.content.editorial:
        if not getattr(fact.content, "reason", None):
            raise Refused("NO_REASON", "data.reason", f"{fact.event} needs a reason")
    elif not fact.sources and fact.event != "SourceRegistered":
        raise Refused("NO_SOURCE", "sources", f"{fact.event} needs at least one source")


def _check_references(fact: Fact, world: World) -> None:
    for leaf in references(fact):
        if not world.exists(leaf.value):
            raise Refused("UNKNOWN_REFERENCE", leaf.path, f"{leaf.value} is not in the record")


def apply(aggregate: Aggregate, event: Recorded) -> Aggregate:
    """Take the event into the aggregate. Never raises."""
    aggregate.facts.append(event.fact)
    aggregate._held = None
    aggregate.version = event.originator_version
    return aggregate
