"""Generated GraphQL documents: aliases, merged fields, fragments of every sort, @skip and @include, variables."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
)

Leaf = Callable[[Random, str, str], Any]
"""A value for an argument or input field: its name, its type's name."""


@dataclass
class Document:
    """A document with its variables."""

    text: str = ""
    variables: dict[str, Any] = field(default_factory=dict)


class Documents:
    """Makes documents for a schema from a random source."""

    def __init__(
        self,
        schema: GraphQLSchema,
        random: Random,
        leaf: Leaf,
        avoid: frozenset[str] = frozenset(),
        withheld: frozenset[str] = frozenset(("after", "before", "minPosition", "on")),
    ) -> None:
        """Take the schema, what makes values, names of fields (Type.field) to leave out, and of arguments."""
        self._schema = schema
        self._random = random
        self._leaf = leaf
        self._avoid = avoid
        self._withheld = withheld

    def make(self, roots: int = 2, depth: int = 5) -> Document:
        """A document with one query."""
        self._names = 0
        self._declared: list[str] = []
        self._fragments: list[str] = []
        self._made = Document()
        query = self._schema.query_type
        assert query is not None
        body = self._object(query, depth, roots)
        declared = f"({', '.join(self._declared)})" if self._declared else ""
        self._made.text = "\n".join([f"query Q{declared} {body}", *self._fragments])
        return self._made

    def literal(self, name: str, type_: GraphQLInputType) -> str:
        """A value for an argument, as it is written in a document."""
        return _literal(self._value(name, type_, 3), type_)

    def _name(self, start: str) -> str:
        self._names += 1
        return f"{start}{self._names}"

    def _selection(self, kind: GraphQLNamedType, depth: int) -> str:
        if is_abstract_type(kind):
            return self._abstract(kind, depth)
        assert isinstance(kind, GraphQLObjectType)
        return self._object(kind, depth, self._random.randint(1, 5))

    def _abstract(self, kind: Any, depth: int) -> str:
        parts = ["__typename"] if self._random.random() < 0.5 else []
        possible = list(self._schema.get_possible_types(kind))
        for each in self._random.sample(possible, self._random.randint(1, len(possible))):
            parts.append(self._fragment(each, self._object(each, depth - 1, 3, unique=True)))
        if hasattr(kind, "fields"):
            parts += [f"{self._name('i')}: {name}" for name, it in kind.fields.items() if is_leaf_type(_named(it))]
        self._random.shuffle(parts)
        return "{ " + " ".join(parts) + " }"

    def _fragment(self, kind: GraphQLNamedType, body: str) -> str:
        if self._random.random() < 0.5:
            return f"... on {kind.name}{self._directive()} {body}"
        name = self._name("F")
        self._fragments.append(f"fragment {name} on {kind.name} {body}")
        return f"...{name}{self._directive()}"

    def _object(self, kind: GraphQLObjectType, depth: int, most: int, unique: bool = False) -> str:
        names = [
            name
            for name, it in kind.fields.items()
            if (depth > 0 or is_leaf_type(_named(it))) and f"{kind.name}.{name}" not in self._avoid
        ]
        parts = ["__typename"] if not names or self._random.random() < 0.1 else []
        for name in self._random.sample(names, min(most, len(names))):
            parts += self._field(kind.fields[name], name, depth, unique)
        if not unique and self._random.random() < 0.3:
            parts.append(self._fragment(kind, self._object(kind, depth - 1, 2, unique=True)))
        return "{ " + " ".join(parts or ["__typename"]) + " }"

    def _field(self, it: GraphQLField, name: str, depth: int, unique: bool) -> list[str]:
        given = self._arguments(it)
        alias = f"{self._name('a')}: " if unique or it.args or self._random.random() < 0.3 else ""
        named = _named(it)
        if is_leaf_type(named):
            return [f"{alias}{name}{given}{self._directive()}"]
        once = f"{alias}{name}{given}{self._directive()} {self._selection(named, depth - 1)}"
        if self._random.random() < 0.15:
            return [once, f"{alias}{name}{given} {self._selection(named, depth - 1)}"] if not unique else [once]
        return [once]

    def _directive(self) -> str:
        chance = self._random.random()
        if chance < 0.85:
            return ""
        name = self._random.choice(["skip", "include"])
        wanted = self._random.random() < (0.7 if name == "include" else 0.3)
        if chance < 0.93:
            return f" @{name}(if: {str(wanted).lower()})"
        return f" @{name}(if: {self._variable('Boolean!', wanted, literal=str(wanted).lower())})"

    def _variable(self, type_: str, value: Any, literal: str) -> str:
        name = self._name("v")
        if (self._random.random() < 0.3 and not type_.endswith("!")) or (
            self._random.random() < 0.1 and type_.endswith("!")
        ):
            self._declared.append(f"${name}: {type_} = {literal}")
        else:
            self._declared.append(f"${name}: {type_}")
            self._made.variables[name] = value
        return f"${name}"

    def _arguments(self, it: GraphQLField) -> str:
        chosen = {name: each for name, each in it.args.items() if self._given(name, each)}
        if "first" in chosen and "last" in chosen:
            del chosen[self._random.choice(["first", "last"])]
        parts = [f"{name}: {self._argument(name, each)}" for name, each in chosen.items()]
        return f"({', '.join(parts)})" if parts else ""

    def _given(self, name: str, argument: GraphQLArgument) -> bool:
        needed = isinstance(argument.type, GraphQLNonNull) and argument.default_value is None
        return name not in self._withheld and (
            isinstance(argument.type, GraphQLNonNull) or needed or self._random.random() < 0.4
        )

    def _argument(self, name: str, argument: GraphQLArgument) -> str:
        value = self._value(name, argument.type, 3)
        literal = _literal(value, argument.type)
        if self._random.random() < 0.4:
            return self._variable(str(argument.type), value, literal)
        return literal

    def _value(self, name: str, type_: GraphQLInputType, depth: int) -> Any:
        if isinstance(type_, GraphQLNonNull):
            return self._value(name, type_.of_type, depth)
        if isinstance(type_, GraphQLList):
            return [self._value(name, type_.of_type, depth - 1) for _ in range(self._random.randint(0, 2))]
        if isinstance(type_, GraphQLEnumType):
            return self._random.choice(list(type_.values))
        if isinstance(type_, GraphQLInputObjectType):
            return self._input(type_, depth)
        return self._leaf(self._random, name, type_.name)

    def _input(self, type_: GraphQLInputObjectType, depth: int) -> dict[str, Any]:
        names = [name for name, it in type_.fields.items() if depth > 0 or is_leaf_type(get_named_type(it.type))]
        definition = type_.extensions["strawberry-definition"]
        most = 1 if definition.is_one_of else min(2, len(names))
        least = 1 if definition.is_one_of else 0
        chosen = self._random.sample(names, self._random.randint(least, most))
        return {name: self._value(name, type_.fields[name].type, depth - 1) for name in chosen}


def _named(it: GraphQLField) -> Any:
    return get_named_type(it.type)


def _literal(value: Any, type_: Any) -> str:
    import json

    if isinstance(type_, GraphQLNonNull):
        return _literal(value, type_.of_type)
    if value is None:
        return "null"
    if isinstance(type_, GraphQLList):
        return f"[{', '.join(_literal(each, type_.of_type) for each in value)}]"
    if isinstance(type_, GraphQLEnumType):
        return str(value)
    if isinstance(type_, GraphQLInputObjectType):
        return (
            "{" + ", ".join(f"{name}: {_literal(each, type_.fields[name].type)}" for name, each in value.items()) + "}"
        )
    return json.dumps(value)
