"""What is recorded: a fact is the content of one event with its stream, its time in the world and its sources.

Here is what all contents share: their JSON, the references in them, and what the door refuses in any of them.
"""

import dataclasses
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property, wraps
from typing import Annotated, Any, ClassVar, NamedTuple, get_args, get_origin, get_type_hints

import msgspec

from domain.values import AnyId, Checked, Personal, Ref, Rule, SourceRef, WorldDate, broken, world_date

_BREAKS = re.compile("[\\s\\x00-\\x1f\\x7f-\\x9f]+")


def _on_one_line(summary: Callable[[Any], str]) -> Callable[[Any], str]:
    @wraps(summary)
    def line(content: Any) -> str:
        text = summary(content).strip()
        return text if text.isprintable() and "  " not in text else _BREAKS.sub(" ", text)

    return line


@dataclass(frozen=True, kw_only=True)
class Content:
    """What one event says. Subclasses are the events of the record; the class name is the name on disk, for ever."""

    opens: ClassVar[bool] = False
    """Whether a stream may begin with it."""
    editorial: ClassVar[bool] = False
    """Whether it is an act on the record rather than a fact of the world: it needs a reason in place of a source."""
    dated: ClassVar[str | None] = None
    """The subject that `occurred_on` is a claim about, such as 'signed'."""
    repeats: ClassVar[bool] = False
    """Whether it can happen again to the same object, so that two dates of it do not compete."""

    onward: ClassVar[str | None] = None
    """The field with the id of a like object that stands for this one; following it must not lead back."""

    def __init_subclass__(cls) -> None:
        """Keep each event's summary on one line, whatever its texts hold."""
        if "summary" in cls.__dict__:
            cls.summary = _on_one_line(cls.summary)  # type: ignore[assignment, method-assign]

    def summary(self) -> str:
        """One line for people, with the names and amounts."""
        raise NotImplementedError

    def subjects(self) -> dict[str, str]:
        """The fields that are claims, each with the subject that they compete about."""
        return {}


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One event as it is asked for and as it is kept: stream, content, when in the world, and on whose word."""

    id: AnyId
    content: Content
    occurred_on: WorldDate | None = None
    sources: tuple[SourceRef, ...] = ()

    @property
    def event(self) -> str:
        """The name of the event."""
        return type(self.content).__name__

    @property
    def noun(self) -> str:
        """What the stream is, such as 'deal'."""
        return self.id.partition(":")[0]

    @cached_property
    def state(self) -> bytes:
        """What the log keeps of it: its stored part as canonical JSON."""
        return canonical(body(self))

    def subject(self, field: str, version: int) -> str:
        """What a claim about the field competes about; a field that is no shared subject is one of its own."""
        own = self.content.subjects().get(field)
        if own is not None or field != "occurred_on" or self.content.dated is None:
            return own or f"{field}@{version}"
        return f"{self.content.dated}@{version}" if self.content.repeats else self.content.dated


class Refused(Exception):
    """The record does not take this: a stable code, the field and the reason. Nothing was recorded."""

    def __init__(self, code: str, field: str, reason: str) -> None:
        """Keep the three; the field is a path in the event's JSON."""
        super().__init__(f"{field}: {reason}")
        self.index = 0
        """Which fact of the command it concerns."""
        self.code = code
        self.field = field
        self.reason = reason


def decode(kind: type[Any], value: object) -> Any:
    """Make the value of a type that msgspec does not know from its JSON."""
    if kind is WorldDate and isinstance(value, str):
        return world_date(value)
    raise ValueError(f"expected a text, got {type(value).__name__}")


_ENCODER = msgspec.json.Encoder(order="sorted", decimal_format="string")


def plain(value: object) -> Any:
    """The value as plain JSON data, without the optional fields that are absent."""
    kind: Any = type(value)
    if kind is str:
        return value
    names = _members(kind)
    if names is not None:
        items = ((name, getattr(value, name)) for name in names)
        return {name: plain(item) for name, item in items if item is not None}
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return str(value) if isinstance(value, str) else value


@cache
def _decoders(kind: Any) -> dict[str, "msgspec.json.Decoder[Any]"]:
    """For each field of a dataclass, what reads its value; kept, or msgspec would look through its type each time."""
    hints = get_type_hints(kind, include_extras=True)
    return {name: msgspec.json.Decoder(hints[name], dec_hook=decode) for name in _names(kind)}


@cache
def _members(kind: Any) -> tuple[str, ...] | None:
    """The fields of a dataclass; None for any other type."""
    holds_fields: bool = dataclasses.is_dataclass(kind)
    return _names(kind) if holds_fields else None


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))


def body(fact: Fact) -> dict[str, Any]:
    """The stored part of a fact as plain data: data, occurred_on if known, sources."""
    kept: dict[str, Any] = {"data": plain(fact.content), "sources": plain(fact.sources)}
    if fact.occurred_on is not None:
        kept["occurred_on"] = str(fact.occurred_on)
    return kept


def canonical(value: object) -> bytes:
    """Canonical JSON (RFC 8785) of plain data with ASCII keys and no floats."""
    return _ENCODER.encode(value)


def field_values(fact: Fact) -> dict[str, Any]:
    """The top-level fields on disk that a correction or claim can name, as plain data."""
    kept = body(fact)
    return {**kept["data"], "sources": kept["sources"], "occurred_on": kept.get("occurred_on")}


def field_names(kind: Any) -> tuple[str, ...]:
    """The names that a correction of this event can give."""
    return (*_names(kind), "occurred_on", "sources")


def rebuild(kind: type[Content], stream: str, kept: dict[str, Any]) -> Fact:
    """A fact from its stored part. Raises msgspec.ValidationError that names the field."""
    return Fact(
        id=stream,
        content=_converted(kept.get("data", {}), kind, "data"),
        occurred_on=_converted(kept.get("occurred_on"), WorldDate | None, "occurred_on"),
        sources=_converted(kept.get("sources", []), tuple[SourceRef, ...], "sources"),
    )


def _converted(value: Any, kind: Any, name: str) -> Any:
    try:
        return msgspec.convert(value, kind, dec_hook=decode)
    except msgspec.ValidationError as error:
        raise _at(name, error) from None


def _at(name: str, error: msgspec.ValidationError) -> msgspec.ValidationError:
    """The error with the place of the value in the fact."""
    text = str(error)
    place = f"`$.{name}" if "`$" in text else ""
    return msgspec.ValidationError(text.replace("`$", place) if place else f"{text} - at `$.{name}`")


def patched(fact: Fact, field: str, now: Any) -> Fact:
    """The fact with one field changed, validated like the original. Raises msgspec.ValidationError."""
    if now is None:
        kept = body(fact)
        (kept if field in ("occurred_on", "sources") else kept["data"]).pop(field, None)
        return rebuild(type(fact.content), fact.id, kept)
    if field == "occurred_on":
        return dataclasses.replace(fact, occurred_on=_converted(now, WorldDate, field))
    if field == "sources":
        return dataclasses.replace(fact, sources=_converted(now, tuple[SourceRef, ...], field))
    kind: Any = type(fact.content)
    decoders = _decoders(kind)
    if field not in decoders:
        return fact
    try:
        value = decoders[field].decode(_ENCODER.encode(now))
    except msgspec.ValidationError as error:
        raise _at(f"data.{field}", error) from None
    content = kind(**{**vars(fact.content), field: value})
    return Fact(id=fact.id, content=content, occurred_on=fact.occurred_on, sources=fact.sources)


class Leaf(NamedTuple):
    """A marked value in a fact: where it is, its mark, and what it is."""

    path: str
    mark: Ref | Rule
    value: str


def leaves(value: object, path: str = "data") -> Iterator[Leaf]:
    """Every marked text in a content or value, with its path."""
    kind: Any = type(value)
    for name, marks, nested in _plan(kind):
        item = getattr(value, name)
        if item is None:
            continue
        many = isinstance(item, tuple)
        for index, one in enumerate(item if many else (item,)):
            place = f"{path}.{name}[{index}]" if many else f"{path}.{name}"
            yield from (Leaf(place, mark, one) for mark in marks)
            if nested:
                yield from leaves(one, place)


@cache
def _plan(kind: Any) -> tuple[tuple[str, tuple[Ref | Rule, ...], bool], ...]:
    """For each field of a dataclass that holds something marked: name, marks, whether it is a dataclass itself."""
    holds_fields: bool = dataclasses.is_dataclass(kind)
    if not holds_fields:
        return ()
    hints = get_type_hints(kind, include_extras=True)
    found = ((name, tuple(_marks(hints[name])), _holds_dataclass(hints[name])) for name in _names(kind))
    return tuple(step for step in found if step[1] or step[2])


def _marks(hint: Any) -> Iterator[Ref | Rule]:
    if get_origin(hint) is Annotated:
        yield from (mark for mark in hint.__metadata__ if isinstance(mark, (Ref, Rule)))
    if get_origin(hint) is not None and not dataclasses.is_dataclass(hint):
        for part in get_args(hint)[:1] if get_origin(hint) is Annotated else get_args(hint):
            yield from _marks(part)


def _holds_dataclass(hint: Any) -> bool:
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return True
    return any(_holds_dataclass(part) for part in get_args(hint))


def references(fact: Fact) -> Iterator[Leaf]:
    """Every id in the fact that must exist in the log, its sources first."""
    for index, source in enumerate(fact.sources):
        yield from (leaf for leaf in leaves(source, f"sources[{index}]") if isinstance(leaf.mark, Ref))
    yield from (leaf for leaf in leaves(fact.content) if isinstance(leaf.mark, Ref))


def check_values(fact: Fact) -> None:
    """Refuse values that break a rule of their own: codes, shares, numbers that do not fit their modifier."""
    for leaf in leaves(fact.content):
        if isinstance(leaf.mark, Rule) and (reason := broken(leaf.mark.name, leaf.value)):
            raise Refused("INVALID_VALUE", leaf.path, reason)
    for path, value in _nested(fact.content, "data"):
        kind: Any = type(value)
        if _has_rules(kind):
            for problem in value.problems():
                raise Refused("INVALID_VALUE", f"{path}.{problem.field}", problem.reason)


@cache
def _has_rules(kind: Any) -> bool:
    """Whether values of this type are `Checked`; asking that of each value costs more than all its rules."""
    return issubclass(kind, Checked)


def _nested(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    yield path, value
    kind: Any = type(value)
    for name, _, nested in _plan(kind):
        item = getattr(value, name) if nested else None
        many = isinstance(item, tuple)
        for index, one in enumerate(item if isinstance(item, tuple) else () if item is None else (item,)):
            yield from _nested(one, f"{path}.{name}[{index}]" if many else f"{path}.{name}")


def personal_fields(kind: Any) -> tuple[str, ...]:
    """The fields of an event that hold personal data."""
    hints = get_type_hints(kind, include_extras=True)
    return tuple(
        name
        for name in _names(kind)
        if any(isinstance(mark, Personal) for mark in getattr(hints[name], "__metadata__", ()))
    )
