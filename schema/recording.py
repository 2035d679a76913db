"""Executes mutations: arguments to facts, facts to the registry, and what was recorded read back at its position.

graphql-core coerces and collects; the objects and events of an answer are read by the engine like any query.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace
from typing import Any, cast

import orjson
from eventsourcing.persistence import PersistenceError, RecordConflictError
from graphql import FieldNode, GraphQLError, GraphQLObjectType, GraphQLSchema, get_argument_values, get_named_type
from graphql.execution.collect_fields import FieldDetails, FragmentDetails, collect_fields, collect_subfields
from graphql.execution.values import VariableValues, get_variable_values

from domain.fact import Refused
from schema.audit import wait_sealed
from schema.context import Context
from schema.errors import ApiError, ErrorCode, Rejected, coded, formatted, logger, told
from schema.facts import Asked, api_path
from schema.mutations import FACTS, Facts
from schema.operation import MOST_ERRORS, Operation
from schema.readback import AT, ID, IDS, Reading, reading_events, reading_object, reading_proof
from service.log.log import Log
from service.registry import Receipt, Registry

_WRITERS = 16


class Recorder:
    """Executes mutations. One for each process: it has the threads in which the registry blocks."""

    def __init__(self, schema: GraphQLSchema) -> None:
        """Take the schema that declares the mutations."""
        self.schema = schema
        self._threads = ThreadPoolExecutor(_WRITERS, thread_name_prefix="record")

    async def execute(self, operation: Operation, variables: Mapping[str, Any], context: Context) -> bytes:
        """The whole response as JSON text. Raises Rejected without a key, and for variables that do not fit."""
        actor = context.actor
        coerced = get_variable_values(
            self.schema, operation.definition.variable_definitions or (), dict(variables), max_errors=MOST_ERRORS
        )
        if isinstance(coerced, list):
            raise Rejected(*coded(coerced, ErrorCode.INPUT))
        return await _Run(self, operation, variables, coerced, context, actor).response()

    async def record(self, asked: Sequence[Asked], command_id: str | None, context: Context, actor: str) -> Receipt:
        """Record in a thread, and wait until this node's reads see it. Raises Refused and ApiError."""
        work: Callable[[], Receipt] = lambda: _record(context.services.registry, asked, command_id, actor)  # noqa: E731
        receipt = await asyncio.get_running_loop().run_in_executor(self._threads, copy_context().run, work)
        await context.services.replica.reached(receipt.position, context.services.settings.min_position_timeout)
        return receipt

    def close(self) -> None:
        """Wait for what is being recorded."""
        self._threads.shutdown()


class _Run:
    """One execution of one mutation document."""

    def __init__(
        self,
        recorder: Recorder,
        operation: Operation,
        variables: Mapping[str, Any],
        coerced: VariableValues,
        context: Context,
        actor: str,
    ) -> None:
        self._recorder = recorder
        self._schema = recorder.schema
        self._operation = operation
        self._variables = variables
        self._coerced = coerced
        self._context = context
        self._actor = actor
        self._fragments = {name: FragmentDetails(one) for name, one in operation.fragments.items()}
        self._errors: list[dict[str, Any]] = []
        self._audit = context.services.audit

    async def response(self) -> bytes:
        """Execute the fields one after the other; one that fails is null, and takes nothing from those beside it."""
        root = self._schema.mutation_type
        assert root is not None
        data: dict[str, Any] = {}
        for key, details in self._fields(root).items():
            try:
                data[key] = await self._field(root, key, details)
            except _Failed as failure:
                data[key] = None
                self._errors += formatted([failure.error])
        return orjson.dumps({"errors": self._errors, "data": data} if self._errors else {"data": data})

    def _fields(self, root: GraphQLObjectType) -> dict[str, list[FieldDetails]]:
        found = collect_fields(self._schema, self._fragments, self._coerced, root, self._operation.definition)
        return found.grouped_field_set

    async def _field(self, root: GraphQLObjectType, key: str, details: list[FieldDetails]) -> Any:
        node = details[0].node
        if node.name.value == "__typename":
            return root.name
        try:
            return await self._recorded(root, key, node, details)
        except Refused as no:
            return await self._object(key, "Refused", details, _refusal(no))
        except GraphQLError as error:
            raise _Failed(GraphQLError(error.message, node, path=[key], extensions=error.extensions)) from error
        except Exception as error:
            raise _Failed(told(GraphQLError("", node, path=[key], original_error=error))) from error

    async def _recorded(
        self, root: GraphQLObjectType, key: str, node: FieldNode, details: list[FieldDetails]
    ) -> dict[str, Any]:
        declared = root.fields[node.name.value]
        arguments = get_argument_values(declared, node, self._coerced)
        facts: Facts = declared.extensions["strawberry-definition"].metadata[FACTS]
        command_id = _checked(arguments.get("commandId"))
        receipt = await self._recorder.record(facts(arguments), command_id, self._context, self._actor)
        if arguments.get("waitForSeal") and self._audit is not None:
            await wait_sealed(self._audit, receipt.position)
        return await self._object(key, "Recorded", details, _values(receipt), receipt)

    async def _object(
        self,
        key: str,
        type_name: str,
        details: list[FieldDetails],
        values: dict[str, Any],
        receipt: Receipt | None = None,
    ) -> dict[str, Any]:
        """The selected fields of the answer: what is known at once, and what is read back."""
        kind = cast(GraphQLObjectType, self._schema.type_map[type_name])
        found = collect_subfields(
            self._schema, self._fragments, self._coerced, self._operation.definition, kind, details
        ).grouped_field_set
        answer: dict[str, Any] = {}
        for name, selected in found.items():
            nodes = [one.node for one in selected]
            field = nodes[0].name.value
            answer[name] = values[field] if field in values else await self._read([key, name], kind, nodes, receipt)
        return answer

    async def _read(
        self, path: list[str], kind: GraphQLObjectType, nodes: list[FieldNode], receipt: Receipt | None
    ) -> Any:
        """The object or the events, as of the position that the command got."""
        assert receipt is not None
        at = {AT: receipt.position}
        if nodes[0].name.value == "proof":
            if self._audit is None or not await wait_sealed(self._audit, receipt.position, 0):
                return None
            reading = reading_proof(self._operation, nodes)
        elif nodes[0].name.value == "object":
            reading = reading_object(self._operation, nodes)
            at[ID] = receipt.event_ids[0].partition("@")[0]  # type: ignore[assignment]
        else:
            reading = reading_events(self._operation, nodes, get_named_type(kind.fields["events"].type).name)
            at[IDS] = list(receipt.event_ids)  # type: ignore[assignment]
        return await self._answered(path, reading, reading.variables(self._variables, **at))

    async def _answered(self, path: list[str], reading: Reading, variables: dict[str, Any]) -> Any:
        services = self._context.services
        context = Context(services=services, access=self._context.access)
        answer = orjson.loads(await services.engine.execute(reading.operation, variables, context))
        for error in answer.get("errors", ()):
            error.pop("locations", None)
            self._errors.append({**error, "path": [*path, *reading.inside(error.get("path", ()))]})
        return reading.found(answer.get("data") or {})


class _Failed(Exception):
    """A root field failed, which is not to say that nothing was recorded."""

    def __init__(self, error: GraphQLError) -> None:
        super().__init__(error.message)
        self.error = error


def _record(registry: Registry, asked: Sequence[Asked], command_id: str | None, actor: str) -> Receipt:
    facts, expected = [one.fact for one in asked], [one.expected for one in asked]
    try:
        try:
            return registry.record(facts, actor=actor, command_id=command_id, expected=expected)
        except Refused as no:
            if no.code != "COMMAND_MISMATCH" or command_id is None or not any(one.generated for one in asked):
                raise
            asked = _with_recorded_ids(registry, asked, command_id, actor)
            return registry.record([one.fact for one in asked], actor=actor, command_id=command_id, expected=expected)
    except RecordConflictError:
        reason = "too many others write to it at this moment; send it again"
        raise Refused("VERSION_CONFLICT", "id", reason) from None
    except PersistenceError as error:
        logger.warning("the log does not answer: %s", error, extra={"command_id": command_id, "actor": actor})
        message = "The log does not answer. It is safe to send the command again with the same commandId."
        raise ApiError(ErrorCode.UNAVAILABLE, message) from None


def _with_recorded_ids(registry: Registry, asked: Sequence[Asked], command_id: str, actor: str) -> list[Asked]:
    """A repeat of a command whose ids were made up: the same facts with the ids that were recorded."""
    log = cast(Log, registry.recorder)
    stored = log.command(actor, command_id)
    if stored is None or len(stored.positions) != len(asked):
        return list(asked)
    entries = log.select_notifications(stored.positions[0], len(asked), stored.positions[-1])
    return [
        replace(one, fact=replace(one.fact, id=entry.stream))
        if one.generated and one.fact.event == entry.event
        else one
        for one, entry in zip(asked, entries, strict=True)
    ]


def _checked(command_id: str | None) -> str | None:
    if command_id is None:
        return None
    if not command_id.isprintable() or not 0 < len(command_id.encode()) <= 200:
        raise Refused("INVALID_VALUE", "command_id", "a command id is 1 to 200 bytes of printable text")
    return command_id


def _values(receipt: Receipt) -> dict[str, Any]:
    return {"__typename": "Recorded", "position": receipt.position, "commandId": receipt.command_id}


def _refusal(no: Refused) -> dict[str, Any]:
    told_as = {"code": no.code, "field": api_path(no.field), "message": no.reason, "index": no.index}
    return {"__typename": "Refused", **told_as}
