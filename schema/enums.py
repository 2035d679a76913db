"""Every code list of the domain as a GraphQL enum, each value with its meaning.

Importing it is enough: the domain's own classes then annotate fields and arguments, the same enum on both sides.
"""

import inspect

import strawberry
from strawberry.types.enum import StrawberryEnumDefinition

from domain import codes


def _is_code(member: object) -> bool:
    return inspect.isclass(member) and issubclass(member, codes.Code) and member is not codes.Code


def described(kind: type[codes.Code]) -> StrawberryEnumDefinition:
    """The definition that Strawberry reads from the class, with the values' meanings filled in."""
    strawberry.enum(kind, description=sentence(inspect.getdoc(kind) or ""))
    definition: StrawberryEnumDefinition = kind.__strawberry_definition__  # type: ignore[attr-defined]
    for value, member in zip(definition.values, kind, strict=True):
        value.description = sentence(member.description)
    return definition


def sentence(text: str) -> str:
    """The text as the API's descriptions are written: a capital at the start, a stop at the end."""
    ended = text if text.endswith((".", "?", "!")) or not text else f"{text}."
    return ended[:1].upper() + ended[1:]


ENUMS: dict[str, type[codes.Code]] = dict(inspect.getmembers(codes, _is_code))
"""The code lists by name; each is a Strawberry enum from here on."""

for _kind in ENUMS.values():
    described(_kind)
