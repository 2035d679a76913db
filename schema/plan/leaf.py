"""The JSON text of a leaf in SQL, by its GraphQL type: texts, numbers, booleans, enums, JSON as it stands."""

from graphql import GraphQLBoolean, GraphQLEnumType, GraphQLList, GraphQLNonNull, get_nullable_type

from schema.plan.pieces import MISSING_SQL, Pieces, Text, leaf_of, literal, otherwise
from schema.plan.selection import Field
from schema.plan.source import Document, Row, Source
from schema.sql import Column
from service.replica.tables import TABLES

_NUMBERS = ("Int", "Position")


def leaf(field: Field, source: Source, sql: str) -> Pieces:
    """The JSON text of a value that SQL gives."""
    nullable = is_nullable(field)
    bare = get_nullable_type(field.definition.type)
    if isinstance(bare, GraphQLList) or getattr(bare, "name", None) == "JSON":
        return [otherwise(sql, nullable)]
    column = _column(field, source)
    declared = column is not None and not _may_be_null(*column)
    if isinstance(bare, GraphQLEnumType):
        return _enum(bare, sql, nullable, declared)
    if bare is GraphQLBoolean:
        return [f"CASE WHEN {sql} THEN 'true' WHEN {sql} IS NULL THEN {absent(nullable)} ELSE 'false' END"]
    if column is not None and column[1] == "id":
        return [Text('"'), sql, Text('"')]
    if column is None and getattr(bare, "name", None) not in _NUMBERS:
        sql = f"CAST({sql} AS TEXT)"
    if nullable or declared:
        return [leaf_of(sql)]
    return [f"iif({sql} IS NULL, {MISSING_SQL}, json_quote({sql}))"]


def key_leaf(field: Field, source: Document, name: str) -> Pieces:
    """The JSON text of a leaf of a document: as it stands there."""
    bare = get_nullable_type(field.definition.type)
    if isinstance(bare, GraphQLEnumType) and _renamed(bare):
        return leaf(field, source, source[name])
    found = source.document(name)
    return [otherwise(found if is_nullable(field) else f"nullif({found}, 'null')", is_nullable(field))]


def is_nullable(field: Field) -> bool:
    """Whether the field may be null."""
    return not isinstance(field.definition.type, GraphQLNonNull)


def absent(nullable: bool) -> str:
    """SQL of what stands for a value that is not there."""
    return literal("null") if nullable else MISSING_SQL


def _renamed(kind: GraphQLEnumType) -> dict[str, str]:
    """The names of values that are kept under another."""
    kept = {name: getattr(value.value, "value", value.value) for name, value in kind.values.items()}
    return {name: str(value) for name, value in kept.items() if value != name}


def _enum(kind: GraphQLEnumType, sql: str, nullable: bool, declared: bool) -> Pieces:
    if renamed := _renamed(kind):
        whens = " ".join(f"WHEN {literal(value)} THEN {literal(name)}" for name, value in renamed.items())
        sql = f"CASE {sql} {whens} ELSE {sql} END"
    if declared:
        return [Text('"'), sql, Text('"')]
    return [f"iif({sql} IS NULL, {absent(nullable)}, concat('\"', {sql}, '\"'))"]


def _column(field: Field, source: Source) -> tuple[str, str] | None:
    """The table and column that the field reads as they are."""
    if not isinstance(field.reading, Column) or not isinstance(source, Row) or source.given is not None:
        return None
    return (source.table, field.reading.name or field.name) if source.table else None


def _may_be_null(table: str, column: str) -> bool:
    """Whether the table leaves open that the column is null."""
    if table == "event":
        return column == "occurred_on"
    declared = TABLES[table]
    columns = declared.columns.split()
    return column not in declared.all_columns[:4] and f"{column}!" not in columns and f"{column}#" not in columns
