"""Input types made from the domain's own classes, and the way from their values to the JSON of a fact.

Nothing is declared by hand: names, types, defaults and descriptions come from the classes by their type hints.
"""

import dataclasses
import inspect
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, Any, NamedTuple, get_args, get_origin, get_type_hints

import msgspec
import strawberry
from strawberry.scalars import JSON
from strawberry.utils.str_converters import to_camel_case

from domain.codes import Code
from domain.values import Number, Ref, WorldDate
from schema.enums import ENUMS, sentence
from schema.scalars import Decimal, EdtfDate

assert ENUMS  # their classes annotate the fields below

_NUMBER = get_args(Number)[1]
_ABSENT = (dataclasses.MISSING, None)


def described(kind: type[Any]) -> str:
    """The meaning of a class, from the first line of its own docstring."""
    return sentence((inspect.getdoc(kind) or "").partition("\n")[0])


@cache
def input_type(kind: Any) -> type[Any]:
    """The input type of a value's class, such as MoneyInput of Money."""
    return make_input(f"{kind.__name__}Input", described(kind), dict(fields_of(kind)))


def make_input(name: str, description: str, fields: Mapping[str, tuple[Any, Any]], **options: Any) -> type[Any]:
    """An input type from fields by name, each an annotation and a `strawberry.field`."""
    hints = {field: annotation for field, (annotation, _) in fields.items()}
    namespace = {field: settings for field, (_, settings) in fields.items()}
    kind = type(name, (), {"__annotations__": hints, "__module__": __name__, **namespace})
    made: type[Any] = strawberry.input(kind, description=description, **options)
    return made


def fields_of(kind: type[Any]) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """The fields of an input type for a domain class."""
    hints = get_type_hints(kind, include_extras=True)
    for field in dataclasses.fields(kind):
        annotation = annotated(hints[field.name])
        options = {} if field.default is dataclasses.MISSING else _default(field.default)
        yield field.name, (annotation, strawberry.field(description=_meaning(hints[field.name]), **options))


def _default(value: Any) -> dict[str, Any]:
    if value is None:
        return {"default": strawberry.UNSET}
    return {"default_factory": lambda: list(value)} if isinstance(value, tuple) else {"default": value}


def annotated(hint: Any) -> Any:
    """The GraphQL annotation of a type hint of the domain."""
    if get_origin(hint) is Annotated:
        return _of_marked(*get_args(hint))
    if get_origin(hint) is tuple:
        return list[annotated(get_args(hint)[0])]  # type: ignore[misc]
    if type(None) in get_args(hint):
        return annotated(next(part for part in get_args(hint) if part is not type(None))) | None
    return _named(hint)


def _of_marked(hint: Any, *marks: Any) -> Any:
    if any(isinstance(mark, Ref) for mark in marks):
        return strawberry.ID
    return Decimal if _NUMBER in marks else annotated(hint)


def _named(hint: Any) -> Any:
    if hint is Any:
        return JSON | None
    if hint is WorldDate:
        return EdtfDate
    kind = _dataclass_in(hint)
    return hint if kind is None else input_type(kind)


def _meaning(hint: Any) -> str:
    """The description that stands with a field's type, and what its pattern says by example."""
    marks = hint.__metadata__ if get_origin(hint) is Annotated else ()
    told = [mark.description for mark in marks if isinstance(mark, msgspec.Meta) and mark.description]
    return sentence(told[-1]) if told else ""


class _Place(NamedTuple):
    """Where a value of an input goes on disk."""

    name: str
    nested: type[Any] | None
    free: bool
    """Whether null is a value of its own there."""


@cache
def places(kind: Any) -> dict[str, _Place]:
    """For each field of the API its place in the JSON of the class."""
    hints = get_type_hints(kind)
    fields = [field.name for field in dataclasses.fields(kind)]
    return {to_camel_case(name): _Place(name, _dataclass_in(hints[name]), hints[name] is Any) for name in fields}


def _dataclass_in(hint: Any) -> Any:
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return hint
    return next((found for part in get_args(hint) if (found := _dataclass_in(part)) is not None), None)


def on_disk(kind: Any, value: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON of the class from an input's coerced value; what is null or not of the class is left out."""
    found: dict[str, Any] = {}
    for name, place in places(kind).items():
        if (item := value.get(name)) is not None:
            found[place.name] = item if place.free else _plain(place.nested, item)
    return found


def _plain(nested: type[Any] | None, item: Any) -> Any:
    if isinstance(item, list):
        return [_plain(nested, one) for one in item]
    if nested is not None:
        return on_disk(nested, item)
    return item.value if isinstance(item, Code) else item
