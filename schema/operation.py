"""One operation of a document that was parsed and found valid, and the bounded cache of such operations.

Nothing is executed here.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    ValidationRule,
    get_nullable_type,
    is_input_object_type,
    is_non_null_type,
    parse,
    specified_rules,
    validate,
)
from graphql.language import NonNullTypeNode

from schema.errors import ErrorCode, Rejected, coded, rejected

MAX_TOKENS = 20_000
"""The most words and signs of a document."""
MAX_LENGTH = 200_000
"""The most characters of a document."""
MOST_ERRORS = 8
"""The most errors of one document, or of its variables: to tell what was meant instead takes time for each."""
_OVERHEAD = 400
"""What remembering a document takes, whatever its length, as characters."""

Limit = Callable[["Operation"], Sequence[GraphQLError]]
"""What an operation may ask for: the errors of one that asks too much. Runs before validation, on parsed documents."""


class SureMember(ValidationRule):
    """A variable in a @oneOf input cannot be null. graphql-core's own rule overlooks it where the input is non-null."""

    def leave_operation_definition(self, node: OperationDefinitionNode, *_: Any) -> None:
        """Look at the variables that the operation and its fragments use."""
        nullable = {
            one.variable.name.value
            for one in node.variable_definitions or ()
            if not isinstance(one.type, NonNullTypeNode)
        }
        for usage in self.context.get_recursive_variable_usages(node):
            one_of = usage.parent_type and get_nullable_type(usage.parent_type)
            overlooked = is_non_null_type(usage.parent_type) and is_input_object_type(one_of) and one_of.is_one_of
            if overlooked and usage.node.name.value in nullable:
                message = f"Variable '${usage.node.name.value}' must be non-nullable to be used in '{one_of}'."
                self.report_error(GraphQLError(message, usage.node))


_RULES = (*specified_rules, SureMember)


@dataclass(frozen=True, eq=False)
class Operation:
    """A valid operation; made once for each text and operation name, so that plans can be kept on it by identity."""

    text: str
    document: DocumentNode
    definition: OperationDefinitionNode
    fragments: dict[str, FragmentDefinitionNode]
    kept: dict[str, Any] = field(default_factory=dict)
    """What executors keep for the next time, under their own keys."""

    @cached_property
    def kind(self) -> str:
        """'query', 'mutation' or 'subscription'."""
        return self.definition.operation.value

    @property
    def name(self) -> str | None:
        """The operation's name."""
        return self.definition.name.value if self.definition.name else None


class Operations:
    """Parses and validates, and remembers what it found."""

    def __init__(self, schema: GraphQLSchema, *, limit: Limit | None = None, room: int = 800_000) -> None:
        """Take the schema, a check that runs before validation, and how many characters of documents to remember."""
        self.schema = schema
        self._limit = limit
        self._room = room
        self._kept: OrderedDict[tuple[str, str | None], Operation | Rejected] = OrderedDict()

    def prepare(self, text: str, name: str | None = None) -> Operation:
        """The operation of the document with this name, or its only one. Raises Rejected."""
        key = (text, name)
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = self._made(text, name)
            self._room -= _weight(*key)
            self._forget()
        else:
            self._kept.move_to_end(key)
        if isinstance(found, Rejected):
            raise Rejected(*found.errors, status=found.status)
        return found

    def _made(self, text: str, name: str | None) -> Operation | Rejected:
        try:
            operation = choose(parsed(text), text, name)
            if self._limit and (errors := self._limit(operation)):
                return Rejected(*coded(errors, ErrorCode.TOO_COSTLY))
            if errors := validate(self.schema, operation.document, _RULES, MOST_ERRORS):
                return Rejected(*coded(errors, ErrorCode.INVALID))
        except Rejected as refusal:
            return refusal
        return operation

    def _forget(self) -> None:
        while self._room < 0 and len(self._kept) > 1:
            key, _ = self._kept.popitem(last=False)
            self._room += _weight(*key)


def _weight(text: str, name: str | None) -> int:
    return len(text) + len(name or "") + _OVERHEAD


def parsed(text: str) -> DocumentNode:
    """The document of the text. Raises Rejected."""
    try:
        return parse(text, max_lexical_tokens=MAX_TOKENS, max_source_length=MAX_LENGTH, max_comments=MAX_TOKENS)
    except GraphQLError as error:
        raise Rejected(*coded([error.with_traceback(None)], ErrorCode.SYNTAX)) from None


def choose(document: DocumentNode, text: str, name: str | None) -> Operation:
    """The operation with the name, or the only one. Raises Rejected."""
    found = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    fragments = {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}
    if name is not None:
        found = [one for one in found if one.name is not None and one.name.value == name]
        if not found:
            raise rejected(ErrorCode.OPERATION, f"The document has no operation named {name[:100]!r}.")
    if not found:
        raise rejected(ErrorCode.OPERATION, "The document has no operation.")
    if len(found) > 1:
        raise rejected(ErrorCode.OPERATION, "The document has several operations: operationName must name one.")
    return Operation(text, document, found[0], fragments)


def sound(schema: GraphQLSchema) -> GraphQLSchema:
    """The schema with every @oneOf input marked for graphql-core, whose own rule of them is then in force."""
    for kind in schema.type_map.values():
        if isinstance(kind, GraphQLInputObjectType):
            definition = kind.extensions.get("strawberry-definition")
            kind.is_one_of = kind.is_one_of or bool(getattr(definition, "is_one_of", False))
    return schema
