"""Interfaces and unions: which type a row is, from which table, and which types are asked for the same."""

from collections.abc import Hashable
from typing import Any

from graphql import GraphQLSchema

from schema.plan.arguments import DEFINITION
from schema.plan.pieces import literal, quoted
from schema.plan.selection import Field, likeness
from schema.sql import Kinds


def find_table(schema: GraphQLSchema, type_name: str) -> str | None:
    """The table that a type is read from by id, if `of_table` says one."""
    found: str | None = _said(schema, type_name, "__table__")
    return found


def kinds_of(schema: GraphQLSchema, type_name: str) -> Kinds | None:
    """By what the types of an interface are told, if the interface says so."""
    found: Kinds | None = _said(schema, type_name, "__kinds__")
    return found


def _said(schema: GraphQLSchema, type_name: str, name: str) -> Any:
    definition = schema.type_map[type_name].extensions.get(DEFINITION)
    return getattr(getattr(definition, "origin", None), name, None)


def groups(field: Field, kinds: Kinds) -> list[dict[str, str]]:
    """The types that may stand in a field, by discriminator, in groups that are asked the same; the largest first."""
    found: dict[Hashable, dict[str, str]] = {}
    for value, name in kinds.types.items():
        if name in field.children:
            found.setdefault(_signature(field.children[name]), {})[value] = name
    return sorted(found.values(), key=len, reverse=True)


def _signature(fields: list[Field]) -> Hashable:
    """Equal for selections that make the same SQL but for the type's name."""
    return tuple((each.key, each.name, _meaning(each), str(each.definition.type), id(each.call)) for each in fields)


def _meaning(field: Field) -> Hashable:
    """What a field reads and what is asked for below it; for `__typename` the same everywhere."""
    return None if field.name == "__typename" else (likeness(field.reading), id(field.children or None))


def type_name_sql(tag: str, group: dict[str, str]) -> str:
    """SQL of the quoted name of the type that a row is, among the types of a group."""
    if len(group) == 1:
        return quoted(next(iter(group.values())))
    if all(value == name for value, name in group.items()):
        return f"concat('\"', {tag}, '\"')"
    whens = " ".join(f"WHEN {literal(value)} THEN {literal(quoted(name))}" for value, name in group.items())
    return f"CASE {tag} {whens} END"
