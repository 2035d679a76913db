"""What goes wrong outside the result types: stable codes, and one form for all errors of a response.

An error that nobody foresaw is logged under an id and answered with that id alone; no other module formats errors.
"""

import logging
from collections.abc import Iterable
from enum import StrEnum
from typing import Any
from uuid import uuid4

from graphql import GraphQLError

logger = logging.getLogger("tamga.errors")

_LONGEST = 1_000
"""Characters of a message: some repeat what was sent."""


class ErrorCode(StrEnum):
    """The values of `extensions.code`."""

    BAD_REQUEST = "BAD_REQUEST"
    """The request is not GraphQL over HTTP (or over a socket)."""
    SYNTAX = "GRAPHQL_PARSE_FAILED"
    """The document is not GraphQL."""
    INVALID = "GRAPHQL_VALIDATION_FAILED"
    """The document does not fit the schema."""
    OPERATION = "OPERATION_NAME_NEEDED"
    """The document has no such operation, or several and none is named."""
    INPUT = "BAD_USER_INPUT"
    """A variable or argument does not fit its type or its meaning."""
    TOO_COSTLY = "TOO_COSTLY"
    """The document asks for more than a limit allows."""
    UNAUTHENTICATED = "UNAUTHENTICATED"
    """No key, or one that is not known, where one is needed."""
    NOT_TRUSTED = "DOCUMENT_NOT_TRUSTED"
    """Only trusted documents are accepted, and this is none."""
    UNKNOWN_DOCUMENT = "PERSISTED_QUERY_NOT_FOUND"
    """No document is kept under this id."""
    NOT_REACHED = "POSITION_NOT_REACHED"
    """The position asked for was not there in time."""
    NOT_SEALED = "NOT_SEALED"
    """The position or tree size asked for is not covered by a signed checkpoint, or not yet."""
    BAD_CURSOR = "BAD_CURSOR"
    """A cursor of another record, another list, or from the future."""
    TIMEOUT = "TIMEOUT"
    """It took longer than an operation may."""
    TOO_MANY = "TOO_MANY_SUBSCRIPTIONS"
    """This connection has as many operations as it may."""
    UNAVAILABLE = "UNAVAILABLE"
    """The log's database does not answer; repeating a command under the same id is safe."""
    SHUTTING_DOWN = "SHUTTING_DOWN"
    """This node takes no new work; another does."""
    INTERNAL = "INTERNAL_ERROR"
    """Our fault; the log has it under the id that is told."""


class ApiError(GraphQLError):
    """An error that clients are meant to read."""

    def __init__(self, code: ErrorCode, message: str, **options: Any) -> None:
        """Take the code and what to say; `options` are those of GraphQLError."""
        extensions = {"code": code.value, **options.pop("extensions", {})}
        super().__init__(message, extensions=extensions, **options)
        self.code = code


class Rejected(Exception):
    """The operation was not begun: its errors, without any data."""

    def __init__(self, *errors: GraphQLError, status: int = 400) -> None:
        """Take the errors; `status` is the HTTP status where the response's media type lets it speak."""
        super().__init__("; ".join(error.message for error in errors))
        self.errors = errors
        self.status = status


def rejected(code: ErrorCode, message: str, status: int = 400, **options: Any) -> Rejected:
    """A refusal to begin, with one error."""
    return Rejected(ApiError(code, message, **options), status=status)


def coded(errors: Iterable[GraphQLError], code: ErrorCode) -> list[GraphQLError]:
    """The errors, those without a code given this one; a ValueError behind one is the reason that clients may read."""
    found = list(errors)
    for error in found:
        if isinstance(error.original_error, ValueError):
            error.original_error = None
        error.extensions = {"code": code.value, **(error.extensions or {})}
    return found


def formatted(errors: Iterable[GraphQLError | Exception]) -> list[dict[str, Any]]:
    """The errors as the response shows them; what was not meant for clients is logged and masked."""
    return [_brief(dict(told(error).formatted)) for error in errors]


def _brief(error: dict[str, Any]) -> dict[str, Any]:
    message = error["message"]
    return error if len(message) <= _LONGEST else {**error, "message": f"{message[:_LONGEST]}…"}


def told(error: Exception) -> GraphQLError:
    """The error as clients may read it: itself if it is meant for them, else one that only names the log's entry."""
    cause = error.original_error if isinstance(error, GraphQLError) else error
    if isinstance(error, GraphQLError) and (cause is None or isinstance(cause, GraphQLError)):
        return cause_in_place(cause, error) if isinstance(cause, ApiError) else error
    return _masked(error, cause or error)


def cause_in_place(cause: ApiError, place: GraphQLError) -> GraphQLError:
    """An error raised by a resolver, at the place that it names or where the resolver stands."""
    return GraphQLError(cause.message, cause.nodes or place.nodes, path=place.path, extensions=cause.extensions)


def _masked(error: Exception, cause: BaseException) -> GraphQLError:
    id = uuid4().hex[:12]
    logger.error("internal error %s", id, exc_info=cause)
    nodes, path = (error.nodes, error.path) if isinstance(error, GraphQLError) else (None, None)
    extensions = {"code": ErrorCode.INTERNAL.value, "id": id}
    return GraphQLError(f"Internal error {id}. The server's log says more.", nodes, path=path, extensions=extensions)
