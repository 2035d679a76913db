"""Executes operations: compiled to SQL where every field of a query is SQL, else by graphql-core over the same rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import orjson
from graphql import ExecutionResult, GraphQLError, GraphQLResolveInfo, GraphQLSchema, execute, get_introspection_query
from graphql.execution.values import VariableValues

from schema.context import Surroundings
from schema.errors import ApiError, ErrorCode, coded, formatted
from schema.limits import Ceiling, Limits
from schema.operation import Operation, choose
from schema.operation import parsed as parsed_document
from schema.plan.description import Describer
from schema.plan.island import Islands
from schema.plan.paging import Ceilings, Moment, times_in
from schema.plan.pieces import MISSING
from schema.plan.plan import Plan, Request, Root, plan_of
from schema.plan.run import Job, Replica, Runner
from schema.plan.selection import Call
from schema.plan.slow import Loaded, prepare
from schema.plan.variables import coerced as variables_of
from schema.scalars import parse_moment
from service.cursor import position_in, record_mark

_USUAL = Ceilings()
_CLOCKS_APART = timedelta(minutes=1)
"""How far the clocks of clients may be ahead of ours."""
_MISSING = MISSING.encode()


@dataclass(frozen=True)
class Alone:
    """An operation without surroundings."""

    min_position: int = 0
    extensions: Mapping[str, Any] = field(default_factory=dict)


_ALONE = Alone()


class Wanted(NamedTuple):
    """What the arguments of a request want of the replica."""

    least: int = 0
    """The position that was asked for: an error where it is not reached in time."""
    seen: int = 0
    """The position of a cursor, which another node that was ahead may have given: waited for, if it is not here."""
    times: Mapping[str, str] = {}
    """The moments that are given by time, with the arguments' names."""
    given: Mapping[Call, dict[str, Any]] = {}
    """The values of the arguments that were looked at."""


class Engine:
    """Executes operations on one schema and one replica. One for each process."""

    def __init__(
        self, schema: GraphQLSchema, replica: Replica, ceilings: Ceilings = _USUAL, limits: Limits | None = None
    ) -> None:
        """Take the schema, whose resolvers are put in place, the replica, and what an operation may cost."""
        self._limits = limits or Limits(schema, Ceiling(page_default=ceilings.page_default))
        self.schema = prepare(schema, self._fetch)
        self._replica = replica
        self._ceilings = ceilings
        self._runner = Runner(replica, ceilings.time_limit, ceilings.threads)
        self._islands = Islands(schema, ceilings)
        self._describer = Describer(schema)

    def warm(self) -> None:
        """Work out what the schema says of itself: a tenth of a second, which the first who asks would wait."""
        text = get_introspection_query(True, True, True, True, True, one_of=True)
        for root in plan_of(self.schema, choose(parsed_document(text), text, None), VariableValues({}, {})).roots:
            self._describer.text(root.field, VariableValues({}, {}))

    def close(self) -> None:
        """End the threads of long reads."""
        self._runner.close()

    def at_once(
        self, operation: Operation, variables: Mapping[str, Any] | None = None, context: Surroundings = _ALONE
    ) -> bytes | None:
        """The response where it is data alone and takes no waiting; None where `execute` must respond."""
        coerced = self._coerced(operation, variables)
        if isinstance(coerced, list) or context.extensions.get("cost"):
            return None
        try:
            self._limits.check_cost(operation, coerced.coerced)
            plan = plan_of(self.schema, operation, coerced)
            jobs = self._jobs_at_once(plan, coerced, context)
            texts = None if jobs is None else self._runner.at_once(jobs)
        except GraphQLError:
            return None
        return None if texts is None else self._joined(plan, coerced, texts)

    def _jobs_at_once(self, plan: Plan, coerced: VariableValues, context: Surroundings) -> list[Job] | None:
        """The statements of a plan that is all SQL, if what they are to see is here already."""
        if not plan.selection.compiled:
            return None
        if not context.min_position and (usual := plan.usual_jobs(coerced.coerced)):
            return usual
        wanted = self._wanted(plan, coerced, context)
        most = max(wanted.least, wanted.seen)
        if most and most > self._replica.position:
            return None
        return self._request(plan, coerced, wanted).jobs(plan)

    async def execute(
        self, operation: Operation, variables: Mapping[str, Any] | None = None, context: Surroundings = _ALONE
    ) -> bytes:
        """The whole response as JSON text, errors first if there are any. Raises nothing that was foreseen."""
        coerced = self._coerced(operation, variables)
        if isinstance(coerced, list):
            return response(None, coded(coerced, ErrorCode.INPUT), began=False)
        try:
            cost = self._limits.check_cost(operation, coerced.coerced)
            answer = await self._executed(operation, variables, coerced, context)
        except GraphQLError as error:
            return response(None, [error])
        return with_cost(answer, cost, self._limits.ceiling.cost) if context.extensions.get("cost") else answer

    async def executed_slowly(
        self, operation: Operation, variables: Mapping[str, Any] | None = None, context: Surroundings = _ALONE
    ) -> bytes:
        """The same response by the slow path alone; tests hold one to the other."""
        coerced = self._coerced(operation, variables)
        if isinstance(coerced, list):
            return response(None, coded(coerced, ErrorCode.INPUT), began=False)
        try:
            self._limits.check_cost(operation, coerced.coerced)
            plan = plan_of(self.schema, operation, coerced)
            wanted = self._wanted(plan, coerced, context)
            await self._reach(wanted)
            request = self._request(plan, coerced, wanted)
            return await self._slow(operation, variables, context, await self._rows(plan, request))
        except GraphQLError as error:
            return response(None, [error])

    def _coerced(
        self, operation: Operation, variables: Mapping[str, Any] | None
    ) -> VariableValues | list[GraphQLError]:
        """The values of the variables, or what is wrong with them; what holds too much is not looked at."""
        try:
            self._limits.check_held(operation, variables or {})
        except GraphQLError as error:
            return [error]
        return variables_of(self.schema, operation, variables)

    def is_compiled(self, operation: Operation, variables: Mapping[str, Any] | None = None) -> bool:
        """Whether every field of the operation is SQL."""
        coerced = variables_of(self.schema, operation, variables)
        return isinstance(coerced, VariableValues) and plan_of(self.schema, operation, coerced).selection.compiled

    async def _executed(
        self,
        operation: Operation,
        variables: Mapping[str, Any] | None,
        coerced: VariableValues,
        context: Surroundings,
    ) -> bytes:
        plan = plan_of(self.schema, operation, coerced)
        if plan.selection.described and not plan.selection.compiled:
            raise ApiError(ErrorCode.TOO_COSTLY, "Ask for the description of the schema alone, or beside plain reads.")
        wanted = self._wanted(plan, coerced, context)
        await self._reach(wanted)
        request = self._request(plan, coerced, wanted)
        if plan.selection.compiled:
            answer = await self._fast(plan, request)
            if answer is not None:
                return answer
        root = await self._rows(plan, request)
        return await self._slow(operation, variables, context, root)

    def _wanted(self, plan: Plan, coerced: VariableValues, context: Surroundings) -> Wanted:
        """What the arguments want of the replica before anything can be read."""
        if not plan.demanding:
            return Wanted(context.min_position)
        least, seen = context.min_position, 0
        times: dict[str, str] = {}
        given: dict[Call, dict[str, Any]] = {}
        for call in plan.calls:
            values = given[call] = call.values(coerced)
            least = max(least, values.get("minPosition") or 0)
            seen = max(seen, self._seen(values))
            times |= times_in(values)
        return Wanted(least, seen, times, given)

    async def _reach(self, wanted: Wanted) -> None:
        if wanted.least:
            await self._wait(wanted.least)
        if wanted.seen > self._replica.position:
            await self._replica.reached(wanted.seen, self._ceilings.wait)

    def _request(self, plan: Plan, coerced: VariableValues, wanted: Wanted) -> Request:
        moment = Moment(self._replica.record_id, self._replica.position if plan.demanding else 0)
        positions = {time: self._position_at(time, name) for time, name in wanted.times.items()}
        return Request(self.schema, self._ceilings, coerced, moment, positions, wanted.given)

    def _seen(self, values: Mapping[str, Any]) -> int:
        """The greatest position of a cursor of this record; 0 without one."""
        cursors = [values[name] for name in ("after", "before") if values.get(name)]
        record = record_mark(self._replica.record_id) if cursors else ""
        return max([position_in(each, record) for each in cursors if isinstance(each, str)], default=0)

    async def _wait(self, position: int) -> None:
        if not await self._replica.reached(position, self._ceilings.wait):
            now = self._replica.position
            message = (
                f"Position {position} was not there within {self._ceilings.wait:g} seconds; this node is at {now}."
            )
            raise ApiError(ErrorCode.NOT_REACHED, message, extensions={"position": now})

    def _position_at(self, time: str, name: str) -> int:
        """The position of a recorded time; a time to come, by this clock and by that of the log, is an error."""
        soon = parse_moment((datetime.now(UTC) + _CLOCKS_APART).isoformat())
        if time > soon and self._replica.position_at(soon) == self._replica.position:
            message = f"{name}: {time} is in the future: the record does not say anything of it yet."
            raise ApiError(ErrorCode.INPUT, message)
        return self._replica.position_at(time)

    async def _fast(self, plan: Plan, request: Request) -> bytes | None:
        """The response; None where an error must be placed, which graphql-core does."""
        try:
            jobs = request.jobs(plan)
        except GraphQLError:
            return None
        return self._joined(plan, request.variables, await self._runner.answers(jobs))

    def _joined(self, plan: Plan, variables: VariableValues, texts: list[bytes]) -> bytes | None:
        """The response of what the jobs gave; None where something is missing that must be there."""
        found = iter(texts)
        parts = [b'{"data":']
        for root in plan.roots:
            value = next(found) if root.is_sql else self._told(root, variables)
            parts += (b"{" if len(parts) == 1 else b",", root.start, value)
        body = b"".join((*parts, b"}}" if plan.roots else b"{}}"))
        return None if _MISSING in body else body

    def _told(self, root: Root, variables: VariableValues) -> bytes:
        """What the schema says of itself."""
        if root.field.name == "__typename":
            return b'"%b"' % root.field.parent.name.encode()
        return self._describer.text(root.field, variables)

    # slow path

    async def _rows(self, plan: Plan, request: Request) -> Loaded:
        """What the root fields that are SQL fetch, or the errors that stand for them."""
        values: dict[str, Any] = {}
        jobs: dict[str, Job] = {}
        for root in plan.roots:
            if root.is_sql:
                try:
                    jobs[root.field.key] = request.job(root, loaded=True)
                except GraphQLError as error:
                    values[root.field.key] = error
        if jobs:
            texts = await self._runner.answers(list(jobs.values()))
            values.update(zip(jobs, map(parsed, texts), strict=True))
        return Loaded(values)

    async def _slow(
        self, operation: Operation, variables: Mapping[str, Any] | None, context: Surroundings, root: Loaded | None
    ) -> bytes:
        found = execute(
            self.schema,
            operation.document,
            root_value=root,
            context_value=context,
            variable_values=dict(variables or {}),
            operation_name=operation.name,
        )
        result = found if isinstance(found, ExecutionResult) else await found
        return response(result.data, result.errors or [])

    def _fetch(self, source: Any, info: GraphQLResolveInfo[Any]) -> Any:
        moment = Moment(self._replica.record_id, self._replica.position)
        job = self._islands.job(source, info, moment, self._position_at)
        found = self._runner.at_once([job])
        return self._fetch_later(job) if found is None else parsed(found[0])

    async def _fetch_later(self, job: Job) -> Any:
        return parsed((await self._runner.in_thread([job]))[0])


def parsed(text: bytes) -> Any:
    """The fetched JSON; what is missing is null."""
    return orjson.loads(text.replace(_MISSING, b"null"))


def with_cost(answer: bytes, cost: int, most: int) -> bytes:
    """The response with `extensions.cost`."""
    return b'%b,"extensions":{"cost":{"requested":%d,"most":%d}}}' % (answer[:-1], cost, most)


def response(data: Any, errors: list[GraphQLError], began: bool = True) -> bytes:
    """A response as JSON text."""
    made: dict[str, Any] = {"errors": formatted(errors)} if errors else {}
    if began:
        made["data"] = data
    return orjson.dumps(made)
