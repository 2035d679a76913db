"""A selection becomes SQL: each field's JSON text by how it is read, from rows and documents of one moment."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from graphql import (
    GraphQLList,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_leaf_type,
)

from schema.errors import ApiError, ErrorCode
from schema.plan.kinds import find_table, groups, kinds_of, type_name_sql
from schema.plan.leaf import absent, is_nullable, key_leaf, leaf
from schema.plan.listing import page_sql
from schema.plan.paging import Prepared
from schema.plan.pieces import (
    Leaf,
    Pieces,
    Text,
    array,
    joined,
    leaf_of,
    listed,
    literal,
    object_of,
    otherwise,
    quoted,
    sorted_list,
)
from schema.plan.selection import Call, Field
from schema.plan.source import SELECTED, Document, Owned, Row, Source
from schema.sql import Column, Computed, Embedded, Kinds, Listing, Needs, One, Own, Select, Several, Single
from service.replica.tables import TABLES

_MOST_FIELDS = 2_000

COLUMN = "~"
"""Before the name of a column that a Python resolver reads."""


class Compiler:
    """Makes the SQL of root fields; `loaded` adds what the slow path needs: type names and columns for resolvers."""

    def __init__(self, schema: GraphQLSchema, calls: Mapping[Call, Prepared], loaded: bool) -> None:
        self._schema = schema
        self._calls = calls
        self.loaded = loaded
        self._room = _MOST_FIELDS
        self._groups: dict[tuple[int, int], list[dict[str, str]]] = {}
        self._joins: dict[str, list[str]] = {}
        """What is joined to the rows of a list while its items are made, by the alias of the row."""

    def root(self, field: Field, source: Row) -> str:
        """The statement of one root field: one row with the JSON text of its value, as a blob."""
        return f"SELECT CAST({joined(self.value(field, source))} AS BLOB)"

    def value(self, field: Field, source: Source) -> Pieces:
        """The JSON text of a field."""
        if field.name == "__typename":
            return [quoted(field.parent.name)]
        match field.reading:
            case Column(name):
                own = name or field.name
                return (
                    key_leaf(field, source, own) if isinstance(source, Document) else leaf(field, source, source[own])
                )
            case Computed(sql, arguments):
                made = sql(source, self._arguments(field)) if arguments else sql(source)  # type: ignore[call-arg]
                return leaf(field, source, made)
            case Embedded():
                return self._embedded(field, source, field.reading)
            case One():
                return self._one(field, source, field.reading)
            case Single():
                return self._single(field, source, field.reading)
            case Several():
                return self._several(field, source)
            case Own():
                return self._own(field, source, field.reading)
            case Select():
                return self._select(field, source, field.reading)
            case Listing():
                return page_sql(self, field, source, field.reading, self._prepared(field))
            case Needs():
                return [Text("null")]

    def _prepared(self, field: Field) -> Prepared:
        assert field.call is not None
        return self._calls[field.call]

    def _arguments(self, field: Field) -> Mapping[str, Any]:
        return self._prepared(field).arguments

    def object(self, fields: list[Field], source: Source, type_name: str) -> str:
        """SQL of the JSON text of one object: `type_name` is SQL of the quoted name of its type, or a Text."""
        self._count(len(fields))
        parts: list[tuple[str, Pieces]] = []
        for field in fields:
            if field.name == "__typename":
                parts.append((field.key, [type_name]))
            elif not isinstance(field.reading, Needs):
                parts.append((field.key, self.value(field, source)))
        if self.loaded:
            columns = {name for field in fields if isinstance(field.reading, Needs) for name in field.reading.columns}
            parts += [(f"{COLUMN}{name}", [leaf_of(source[name])]) for name in sorted(columns)]
        return self.enclosed(parts, type_name)

    def enclosed(self, parts: list[tuple[str, Pieces]], type_name: str) -> str:
        """SQL of the JSON text of an object with these members."""
        return object_of([*parts, (COLUMN, [type_name])] if self.loaded else parts)

    def _count(self, fields: int) -> None:
        self._room -= fields + 1
        if self._room < 0:
            raise ApiError(ErrorCode.TOO_COSTLY, f"This asks for more than {_MOST_FIELDS} fields.")

    def node(self, field: Field, source: Source, kinds: Kinds | None) -> str:
        """SQL of the object that a row or document is: of the field's type, or the one that `kinds` tells."""
        named = get_named_type(field.definition.type)
        if not is_abstract_type(named):
            return self.object(field.children[named.name], source, quoted(named.name))
        kinds = kinds or kinds_of(self._schema, named.name)
        if kinds is None:
            raise TypeError(f"{field.parent.name}.{field.name} is of several types: say by what to tell them (Kinds)")
        return self._by_kind(field, source, kinds)

    def _by_kind(self, field: Field, source: Source, kinds: Kinds) -> str:
        tag = source[kinds.by] if isinstance(kinds.by, str) else kinds.by(source)
        found = (id(field.children), id(kinds))
        if found not in self._groups:
            self._groups[found] = groups(field, kinds)
        common, *others = self._groups[found]
        whens = "".join(
            f" WHEN {literal(value)} THEN {self.object(field.children[name], source, quoted(name))}"
            for group in others
            for value, name in group.items()
        )
        made = self.object(field.children[next(iter(common.values()))], source, type_name_sql(tag, common))
        if len(common) == 1:
            return f"CASE {tag}{whens} WHEN {literal(next(iter(common)))} THEN {made} END"
        return f"CASE {tag}{whens} ELSE {made} END" if whens else made

    def _embedded(self, field: Field, source: Source, reading: Embedded) -> Pieces:
        json = reading.json or field.name
        document = json(source) if callable(json) else _document(source, json)
        bare = get_nullable_type(field.definition.type)
        nullable = is_nullable(field)
        if isinstance(bare, GraphQLList):
            return [otherwise(self._embedded_list(field, source, document, reading.kinds), nullable)]
        if is_leaf_type(bare):
            return leaf(field, source, document)
        inner = self.node(field, Document(document, source.row), reading.kinds)
        is_column = isinstance(json, str) and isinstance(source, Row)
        test = document if is_column else f"({document} ->> '$')"
        return [f"CASE WHEN {test} IS NULL THEN {absent(nullable)} ELSE {inner} END"]

    def _embedded_list(self, field: Field, source: Source, document: str, kinds: Kinds | None) -> str:
        if is_leaf_type(get_named_type(field.definition.type)):
            return document
        alias = f"js{next(source.row.aliases)}"
        item = self.node(field, Document(f"{alias}.value", source.row), kinds)
        whole = listed(item, f"json_each({document}) AS {alias}")
        return f"iif(({document} ->> '$') IS NULL, NULL, {whole})"

    def _one(self, field: Field, source: Source, reading: One) -> Pieces:
        key = reading.key(source) if callable(reading.key) else source[reading.key]
        joins = self._joins.get(source.alias) if isinstance(source, Row) else None
        if joins is not None and not is_abstract_type(get_named_type(field.definition.type)):
            return [self._joined(field, source.row, key, reading.table, joins)]
        return [otherwise(self._object_of(field, source, key, reading.table), is_nullable(field))]

    def _joined(self, field: Field, source: Row, key: str, table: str | None, joins: list[str]) -> str:
        """SQL of the JSON text of an object that is joined to the row: a join costs less than a subquery."""
        other = source.others(table or str(find_table(self._schema, get_named_type(field.definition.type).name)))
        joins.append(f"LEFT JOIN {other.named} ON {other.alive} AND {other.has_id(key)}")
        node, there = self.node(field, other, None), f"{other['id']} IS NOT NULL"
        if isinstance(node, Leaf) and is_nullable(field):
            return leaf_of(f"CASE WHEN {there} THEN {node.value} END")
        return f"CASE WHEN {there} THEN {node} ELSE {absent(is_nullable(field))} END"

    def _single(self, field: Field, source: Source, reading: Single) -> Pieces:
        prepared = self._prepared(field)
        schema = "scratch" if prepared.on else "main"
        key = prepared.arguments["id"]
        found = self._object_of(field, prepared.scoped(source.row), key, reading.table, schema)
        return [otherwise(found, is_nullable(field))]

    def _several(self, field: Field, source: Source) -> Pieces:
        prepared = self._prepared(field)
        alias = f"id{next(source.row.aliases)}"
        found = self._object_of(field, prepared.scoped(source.row), f"{alias}.value", None)
        return [listed(otherwise(found, True), f"{prepared.arguments['ids'].rows} AS {alias}")]

    def _object_of(self, field: Field, source: Source, key: str, table: str | None, schema: str = "main") -> str:
        """SQL of the JSON text of an object by id, NULL if it is not there."""
        named = get_named_type(field.definition.type)
        table = table or find_table(self._schema, named.name)
        if table is not None:
            return self._row(field, source, table, key, schema)
        return self._any(field, source, key, schema)

    def _any(self, field: Field, source: Source, key: str, schema: str) -> str:
        tag = f"CASE WHEN instr({key}, '@') THEN 'event' ELSE substr({key}, 1, instr({key}, ':') - 1) END"
        tables: dict[str, list[str]] = {}
        for name in field.children:
            tables.setdefault(find_table(self._schema, name) or "", []).append(name)
        whens = "".join(
            f" WHEN {literal(table)} THEN {self._row(field, source, table, key, schema, names[0])}"
            for table, names in tables.items()
            if table
        )
        return f"CASE {tag}{whens} END"

    def _row(
        self, field: Field, source: Source, table: str, key: str, schema: str, type_name: str | None = None
    ) -> str:
        schema = "main" if table == "event" else schema
        row = replace(source.row.others(table), schema=schema)
        kinds = None if type_name is None else kinds_of(self._schema, type_name)
        if type_name is None or kinds is not None:
            made = self.node(field, row, kinds)
        else:
            made = self.object(field.children[type_name], row, quoted(type_name))
        return f"(SELECT {made} FROM {row.rows} AND {row.has_id(key)})"

    def _own(self, field: Field, source: Source, reading: Own) -> Pieces:
        row = source.row.owned(reading.table)
        is_list = isinstance(get_nullable_type(field.definition.type), GraphQLList)
        if is_list and reading.order == "ord" and TABLES[reading.table].listed:
            return [self._in_order(field, source, row, reading)]
        rows = row.rows if reading.where is None else f"{row.rows} AND {reading.where(source, row)}"
        node = self.node(field, row, reading.kinds)
        if not reading.order:
            found = otherwise(f"(SELECT {node} FROM {rows})", is_nullable(field))
            return [self._shown(field, source, reading.shown, found) if reading.shown else found]
        order = sorted_by(row, reading.order)
        if is_list:
            return [sorted_list(node, row.alias, rows, order)]
        return [otherwise(f"(SELECT {node} FROM {rows} ORDER BY {order} LIMIT 1)", is_nullable(field))]

    def _in_order(self, field: Field, source: Source, row: Owned, reading: Own) -> str:
        """SQL of a JSON array of the rows of a listed table: a walk along its key gives them in their order."""
        joins = self._joins[row.alias] = []
        node = self.node(field, row, reading.kinds)
        where = row.alive if reading.where is None else f"{row.alive} AND {reading.where(source, row)}"
        rows = " ".join((f"{row.named} INDEXED BY sqlite_autoindex_{row.table}_1", *joins))
        return array(node, f"{rows} WHERE {where}")

    def _shown(self, field: Field, source: Source, columns: Mapping[str, str], otherwise: str) -> str:
        """SQL of what is claimed from the object's own row, if it holds all that is asked for and a value is shown."""
        ((type_name, fields),) = field.children.items()
        parts: list[tuple[str, Pieces]] = []
        for each in fields:
            if each.name == "__typename":
                parts.append((each.key, [quoted(type_name)]))
                continue
            below = each.children.get(get_named_type(each.definition.type).name, [])
            if each.name != "shown" or any(key.name not in columns and key.name != "__typename" for key in below):
                return otherwise
            inner = [(key.key, self._held(key, source, columns)) for key in below]
            parts.append((each.key, [self.enclosed(inner, quoted(get_named_type(each.definition.type).name))]))
        first = source[next(iter(columns.values()))]
        return f"CASE WHEN {first} IS NULL THEN {otherwise} ELSE {self.enclosed(parts, quoted(type_name))} END"

    def _held(self, key: Field, source: Source, columns: Mapping[str, str]) -> Pieces:
        if key.name == "__typename":
            return [quoted(key.parent.name)]
        return [leaf_of(source[columns[key.name]])]

    def _select(self, field: Field, source: Source, reading: Select) -> Pieces:
        arguments = self._arguments(field) if reading.arguments else {}
        inside = source
        if reading.root:
            inside = self._prepared(field).scoped(source.row)
            arguments = {**arguments, SELECTED: frozenset(field.names_below())}
        alias = f"se{next(source.row.aliases)}"
        made = reading.select(inside, arguments)
        table = find_table(self._schema, get_named_type(field.definition.type).name) or ""
        row = replace(inside.row, table=table, alias=alias, schema="main" if table else inside.row.schema, given=None)
        node = self.node(field, row, reading.kinds)
        if isinstance(get_nullable_type(field.definition.type), GraphQLList):
            return [listed(node, f"({made}) AS {alias}")]
        return [otherwise(f"(SELECT {node} FROM ({made}) AS {alias} LIMIT 1)", is_nullable(field))]


def _document(source: Source, name: str) -> str:
    return source.document(name) if isinstance(source, Document) else source[name]


def sorted_by(row: Source, order: str) -> str:
    """ORDER BY of owned rows by an order such as "day, ord" or "-day"; rows that are equal in it, by key."""
    down = " DESC" if order.startswith("-") else ""
    return ", ".join(f"{row[name]}{down}" for name in dict.fromkeys((*order.lstrip("-").split(", "), "key")))
