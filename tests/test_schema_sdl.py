"""The schema as clients get it: the committed text is the present one, and everything in it says what it means."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    specified_scalar_types,
)

from domain.catalogue import CATALOGUE
from domain.fact import field_names
from domain.values import NOUNS
from schema.schema import build, sdl

COMMITTED = Path(__file__).parent.parent / "schema" / "schema.graphql"


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build()._schema


def described(schema: GraphQLSchema) -> Iterator[tuple[str, str | None]]:
    """Every type, field, argument and enum value of our own, with its description."""
    for name, kind in schema.type_map.items():
        if name.startswith("__") or name in specified_scalar_types:
            continue
        yield name, kind.description
        if isinstance(kind, GraphQLEnumType):
            yield from ((f"{name}.{value}", each.description) for value, each in kind.values.items())
        elif isinstance(kind, GraphQLInputObjectType):
            yield from ((f"{name}.{field}", each.description) for field, each in kind.fields.items())
        elif isinstance(kind, (GraphQLObjectType, GraphQLInterfaceType)):
            for field, each in kind.fields.items():
                yield f"{name}.{field}", each.description
                yield from ((f"{name}.{field}({one})", said.description) for one, said in each.args.items())


def test_the_committed_text_is_the_present_schema() -> None:
    """After a change of the API: `tamga schema > schema/schema.graphql`, and a line in the changelog."""
    assert COMMITTED.read_text("utf-8") == sdl()


def test_everything_is_described(schema: GraphQLSchema) -> None:
    assert [name for name, said in described(schema) if not said] == []


def test_the_schema_says_where_to_begin_and_names_only_what_is_there(schema: GraphQLSchema) -> None:
    assert schema.description
    kinds = [schema.type_map[name] for name in ("Query", "Mutation", "Subscription", "Event", "Claimed")]
    there = {name for kind in kinds for name in kind.fields}  # type: ignore[attr-defined]
    there |= {name for field in schema.type_map["Query"].fields.values() for name in field.args}  # type: ignore[attr-defined]
    quoted = (words.split("(")[0] for words in re.findall("`([^`]+)`", schema.description))
    named = {name for words in quoted for name in re.findall(r"\w+", words)}
    assert {"deals", "asOf", "claims", "newDeals", "recordFacts"} <= named
    assert named - there == set()


def test_descriptions_are_sentences(schema: GraphQLSchema) -> None:
    ends = tuple(".?!`)")
    assert [name for name, said in described(schema) if said and not said.strip().endswith(ends)] == []


@pytest.mark.parametrize("noun", NOUNS)
def test_each_noun_has_a_pair_of_root_fields(schema: GraphQLSchema, noun: str) -> None:
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    assert schema.query_type
    single, many = schema.query_type.fields[noun], schema.query_type.fields[plural]
    assert {"id", "asOf", "on", "minPosition"} == single.args.keys()
    assert {"filter", "orderBy", "first", "after", "last", "before", "asOf", "minPosition"} == many.args.keys()
    assert str(many.type) == f"{noun.capitalize()}Connection!"


def test_the_other_root_fields_are_there(schema: GraphQLSchema) -> None:
    assert schema.query_type
    assert {"node", "nodes", "search", "dealTotals", "events", "changes", "corrections", "log"} <= (
        schema.query_type.fields.keys()
    )


@pytest.mark.parametrize("event", CATALOGUE)
def test_each_event_has_a_type_with_its_own_fields(schema: GraphQLSchema, event: str) -> None:
    kind = schema.type_map[event]
    assert isinstance(kind, GraphQLObjectType)
    assert "Event" in {each.name for each in kind.interfaces}
    own = {name for name in field_names(CATALOGUE[event]) if name not in ("occurred_on", "sources")}
    given = {"".join((first, *map(str.capitalize, rest))) for first, *rest in (name.split("_") for name in own)}
    assert given <= kind.fields.keys()
