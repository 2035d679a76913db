"""One stream of facts and what it holds after its corrections and retractions; the base of every aggregate.

Refusing (`check`) is apart from applying (`apply`): applying never raises, reads no clock and follows no rule of today.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self, TypeVar

import msgspec
from eventsourcing.domain import BaseAggregate, datetime_now_with_tzinfo

from domain.codes import Stance
from domain.common import ClaimAdopted, EventRetracted, FactClaimed, FactCorrected
from domain.fact import Content, Fact, Refused, check_values, field_names, field_values, patched, references
from domain.shape import in_words, unknown_in

TContent = TypeVar("TContent", bound=Content)
_VERSION = re.compile("[1-9][0-9]{0,15}")


class Held(msgspec.Struct, frozen=True):
    """A fact as its stream holds it after the corrections that stand."""

    version: int
    fact: Fact
    original: Fact
    """The fact as it was recorded."""
    corrections: dict[str, int] = {}
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
    return msgspec.structs.replace(held, fact=fact, corrections={**held.corrections, correction.field: version})


class World(Protocol):
    """What a check may ask about other streams."""

    def exists(self, id: str) -> bool:
        """Whether a stream has begun."""
        ...

    def get(self, id: str) -> "Aggregate":
        """The stream, empty if it has not begun."""
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
        self._check_target(fact, world)
        self.check(fact.content)
        self._check_circle(fact.content, world)
        if isinstance(fact.content, (FactCorrected, EventRetracted)):
            self._check_consequences(fact.content, hold([*self.facts, fact]), world)
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
        opened = {one.fact.event for one in self.held() if one.fact.content.opens and (one.live or one.version == 1)}
        if self.version == 0 and not content.opens:
            raise Refused("NOT_FOUND", "id", f"{fact.id} is not in the record; it begins with {self._openings()}")
        if self.version > 0 and content.opens and fact.event in opened:
            raise Refused("ALREADY_EXISTS", "id", f"{fact.id} has its {fact.event} already")

    def _openings(self) -> str:
        return " or ".join(event.__name__ for event in self.events if event.opens)

    def _check_target(self, fact: Fact, world: World) -> None:
        match fact.content:
            case FactClaimed():
                self._check_claimed(fact, fact.content, world)
            case FactCorrected():
                self._check_correction(fact.content, world)
            case EventRetracted():
                if not self._target(fact.content).live:
                    reason = f"{self.id}@{fact.content.target} is retracted already"
                    raise Refused("UNKNOWN_TARGET", "data.target", reason)
            case ClaimAdopted():
                self._check_adopted(fact.content)

    def _target(self, content: FactClaimed | FactCorrected | EventRetracted) -> Held:
        if content.target > self.version:
            reason = f"{self.id} has no version {content.target}; its last is {self.version}"
            raise Refused("UNKNOWN_TARGET", "data.target", reason)
        return self.held()[content.target - 1]

    def _check_claimed(self, fact: Fact, content: FactClaimed, world: World) -> None:
        target = self._target(content).fact
        if target.content.editorial or isinstance(target.content, FactClaimed):
            reason = f"{target.event} is no first report; speak of the event that it speaks of"
            raise Refused("UNKNOWN_TARGET", "data.target", reason)
        _check_field(content.field, target, [name for name in field_names(type(target.content)) if name != "sources"])
        if content.value is not None:
            _try("value", target, content.field, content.value, world)
        elif all(source.stance is not Stance.DENIES for source in fact.sources):
            reason = "give what the source says, or a source with the stance DENIES"
            raise Refused("INVALID_VALUE", "data.value", reason)

    def _check_correction(self, content: FactCorrected, world: World) -> None:
        target = self._target(content).fact
        if target.content.editorial:
            raise Refused("UNKNOWN_TARGET", "data.target", f"{target.event} states no fact; retract it instead")
        _check_field(content.field, target, field_names(type(target.content)))
        _try("now", target, content.field, content.now, world)

    def _check_adopted(self, content: ClaimAdopted) -> None:
        event, _, name = content.claim.partition("#")
        stream, _, version = event.rpartition("@")
        if stream != self.id or not _VERSION.fullmatch(version) or int(version) > self.version:
            raise Refused("UNKNOWN_TARGET", "data.claim", f"{content.claim} is no claim of {self.id}")
        if not self._is_live_claim(self.held()[int(version) - 1], name):
            raise Refused("UNKNOWN_TARGET", "data.claim", f"{content.claim} is no live claim")

    def _is_live_claim(self, held: Held, name: str) -> bool:
        """Whether the field of the event is a claim that stands; of a corrected field it is the correction's `now`."""
        content = held.fact.content
        if isinstance(content, FactCorrected):
            target = self.held()[content.target - 1]
            stands = target.live and target.corrections.get(content.field) == held.version
            return stands and name == "now" and content.now is not None
        if content.editorial or not held.live or name in held.corrections:
            return False
        if isinstance(content, FactClaimed) and name != "value":
            return False
        return name != "sources" and field_values(held.fact).get(name) not in (None, [])

    def _check_circle(self, content: Content, world: World) -> None:
        """Refuse an id that leads back here by way of other streams."""
        pointed, seen = _pointed(content), {""}
        while pointed not in seen:
            if pointed == self.id:
                raise Refused("INVALID_VALUE", f"data.{content.onward}", f"it leads back to {self.id}")
            seen.add(pointed)
            pointed = next((to for one in world.get(pointed).live(Content) if (to := _pointed(one))), "")

    def _check_consequences(self, content: Content, after: list[Held], world: World) -> None:
        """Refuse a correction or retraction if a fact that it changes or brings back would not be taken now.

        What did not fit before may stay so: a slip beside it can still be put right.
        """
        for was, now in zip(self.held(), after, strict=False):
            if not now.live or (was.live and was.fact == now.fact):
                continue
            fault = self._fault(now, after, world)
            if fault is not None and not (was.live and self._fault(was, self.held(), world)):
                own = isinstance(content, FactCorrected) and content.target == now.version
                reason = f"{self.id}@{now.version} would not be taken: {fault.reason}"
                raise Refused(fault.code, "data.now" if own else "data.target", reason)

    def _fault(self, held: Held, all: list[Held], world: World) -> Refused | None:
        """Why the fact would be refused beside all others of these; None if it would be taken."""
        rest = self.begin(self.id)
        rest.facts, rest.version = self.facts, held.version - 1
        rest._held = [msgspec.structs.replace(one, retracted_by=held.version) if one is held else one for one in all]
        try:
            if isinstance(held.fact.content, FactClaimed):
                rest._check_claimed(held.fact, held.fact.content, world)
            rest.check(held.fact.content)
            rest._check_circle(held.fact.content, world)
        except Refused as fault:
            return fault
        return None


def _pointed(content: Content) -> str:
    return "" if content.onward is None else getattr(content, content.onward) or ""


def _check_field(field: str, target: Fact, known: Sequence[str]) -> None:
    if field not in known:
        reason = f"{target.event} has no field {field!r}; it has {', '.join(known)}"
        raise Refused("UNKNOWN_TARGET", "data.field", reason)


def _try(name: str, target: Fact, field: str, value: Any, world: World) -> None:
    """Refuse a value that the target's field would not take."""
    for path in unknown_in(type(target.content), field, value):
        raise Refused("INVALID_VALUE", f"data.{name}", f"{path}: no such field")
    try:
        changed = patched(target, field, value)
    except msgspec.ValidationError as error:
        raise Refused("INVALID_VALUE", f"data.{name}", "{}: {}".format(*in_words(error))) from None
    except ValueError as error:
        raise Refused("INVALID_VALUE", f"data.{name}", str(error)) from None
    try:
        _check_provenance(changed)
        check_values(changed)
        _check_references(changed, world)
    except Refused as refused:
        raise Refused(refused.code, f"data.{name}", f"{refused.field}: {refused.reason}") from None


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
