"""The plan of an operation, kept with it: what it selects, and the SQL of its root fields by shape of arguments."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as attribute
from itertools import count
from typing import Any, NamedTuple

from graphql import GraphQLSchema
from graphql.execution.values import VariableValues
from graphql.language import DirectiveNode, Node, VariableNode, Visitor, visit

from schema.operation import Operation
from schema.plan.arguments import Slot, plain
from schema.plan.compile import Compiler
from schema.plan.paging import MOMENTS, Ceilings, Moment, Prepared, Reader, within_moment
from schema.plan.run import Job, OnDay, Statement
from schema.plan.selection import ROOTS, Call, Field, Selection, Selector
from schema.plan.shelf import SHELF
from schema.plan.source import Row, Scope

_MOST_PLANS = 16
_KEPT = "plans"
_REQUESTED = frozenset((*MOMENTS, "from", "minPosition", "after", "before", "on"))
_PAGED = frozenset(("after", "before"))
_READ_AT = _PAGED | {*MOMENTS}


class Bound(NamedTuple):
    """A statement and its values for a shape of arguments, but for those that variables give as they are."""

    statement: Statement
    values: tuple[Any, ...]
    slots: tuple[Slot, ...]

    def job(self, given: Mapping[str, Any]) -> Job | None:
        """The job for these variables; None where one is null or out of bounds, which is another shape or an error."""
        values = list(self.values)
        for place, variable, most in self.slots:
            value = given.get(variable)
            if value is None or (most is not None and not 0 <= value <= most):
                return None
            values[place] = plain(value)
        return Job(self.statement, tuple(values))


@dataclass(eq=False)
class Root:
    """A root field with the calls in it, and its statements by shape."""

    field: Field
    calls: list[Call]
    statements: dict[tuple[Any, ...], Statement] = attribute(default_factory=dict)
    within: list[tuple[Call, Call]] = attribute(init=False)
    """Calls that may have a cursor, each with one around it that may have a moment."""
    bound: Bound | None = None
    """The statement of the usual shape, where nothing else of the arguments depends on the request."""
    is_sql: bool = attribute(init=False)
    """Whether the field itself is read by SQL."""
    is_plain: bool = attribute(init=False)
    """Whether no cursor and no moment is among the arguments, and a variable only where it gives a leaf as it is."""
    slots: int = attribute(init=False)
    """How many arguments are given by variables."""
    start: bytes = attribute(init=False)
    """The JSON text before the field's value."""

    def __post_init__(self) -> None:
        """Look at the field."""
        paged = any(_PAGED & call.named for call in self.calls if call is not self.field.call)
        self.within = list(dict.fromkeys(_cursors_in(self.field))) if paged else []
        self.is_sql = isinstance(self.field.reading, ROOTS)
        self.is_plain = all(call.is_plain and not _REQUESTED & call.named for call in self.calls)
        self.slots = sum(len(call.slots) for call in self.calls)
        self.start = f'"{self.field.key}":'.encode()


@dataclass(eq=False)
class Plan:
    """The plan of an operation, for one set of @skip and @include values."""

    selection: Selection
    roots: list[Root]
    demanding: bool
    """Whether a call names a moment, a cursor of one, or a position to wait for."""

    def usual_jobs(self, given: Mapping[str, Any]) -> list[Job] | None:
        """The statements with these variables where all root fields have a usual one that they fit."""
        jobs = []
        for root in self.roots:
            if root.bound is None or (job := root.bound.job(given)) is None:
                return None
            jobs.append(job)
        return jobs

    @property
    def calls(self) -> Iterator[Call]:
        """All calls."""
        return (call for root in self.roots for call in root.calls)


def plan_of(schema: GraphQLSchema, operation: Operation, variables: VariableValues) -> Plan:
    """The operation's plan; made once for each set of values that decide what is skipped or included."""
    kept = operation.kept.get(_KEPT)
    if kept is None:
        made = names_of_conditions((operation.definition, *operation.fragments.values()))
        kept = operation.kept[_KEPT] = (made, OrderedDict())
    names: tuple[str, ...] = kept[0]
    plans: OrderedDict[tuple[Any, ...], Plan] = kept[1]
    key = tuple([variables.coerced.get(name) for name in names])
    found = plans.get(key)
    if found is None:
        found = plans[key] = _planned(schema, operation, variables)
        if len(plans) > _MOST_PLANS:
            plans.popitem(last=False)
    return found


def _planned(schema: GraphQLSchema, operation: Operation, variables: VariableValues) -> Plan:
    selection = Selector(schema, operation.fragments, operation.definition, variables).select()
    roots = [Root(each, list(dict.fromkeys(calls_in(each)))) for each in selection.fields]
    named = {argument.name.value for root in roots for call in root.calls for argument in call.node.arguments or ()}
    return Plan(selection, roots, bool(named & _REQUESTED))


def calls_in(field: Field, seen: set[int] | None = None) -> Iterator[Call]:
    """The calls of a field and of all below it, always in the same order; what types share is visited once."""
    seen = set() if seen is None else seen
    if field.call is not None:
        yield field.call
    if id(field.children) not in seen:
        seen.add(id(field.children))
        for fields in field.children.values():
            for each in fields:
                if each.call is not None or each.children:
                    yield from calls_in(each, seen)


def _cursors_in(
    field: Field, around: tuple[Call, ...] = (), seen: set[tuple[Any, ...]] | None = None
) -> Iterator[tuple[Call, Call]]:
    """The calls with a cursor in a field and below it, each with those around it that may have a moment."""
    seen = set() if seen is None else seen
    if field.call is not None:
        if _PAGED & field.call.named:
            yield from ((field.call, outer) for outer in around)
        if _READ_AT & field.call.named:
            around = (*around, field.call)
    key = (id(field.children), *around)
    if key not in seen:
        seen.add(key)
        for fields in field.children.values():
            for each in fields:
                yield from _cursors_in(each, around, seen)


class _Conditions(Visitor):
    """Finds the variables that @skip and @include depend on."""

    def __init__(self) -> None:
        super().__init__()
        self.names: dict[str, None] = {}

    def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
        if node.name.value in ("skip", "include"):
            for argument in node.arguments or ():
                if isinstance(argument.value, VariableNode):
                    self.names[argument.value.name.value] = None


def names_of_conditions(nodes: Iterable[Node]) -> tuple[str, ...]:
    """The variables that decide what of an operation and its fragments is skipped or included."""
    finder = _Conditions()
    for node in nodes:
        visit(node, finder)
    return tuple(finder.names)


@dataclass
class Request:
    """What the jobs of one request depend on."""

    schema: GraphQLSchema
    ceilings: Ceilings
    variables: VariableValues
    moment: Moment
    times: dict[str, int]
    values: Mapping[Call, dict[str, Any]]
    """Arguments that were looked at already."""

    def jobs(self, plan: Plan) -> list[Job]:
        """The statements of all root fields that are read. Raises GraphQLError for arguments that cannot be."""
        return [self.job(root, loaded=False) for root in plan.roots if root.is_sql]

    def job(self, root: Root, loaded: bool) -> Job:
        """The statement of a root field with its values. Raises GraphQLError for arguments that cannot be."""
        if root.bound is not None and not loaded:
            bound = root.bound.job(self.variables.coerced)
            if bound is not None:
                return bound
        reader = Reader(self.moment, self.ceilings, self.times)
        prepared = {call: self._read(reader, root, call) for call in root.calls}
        for call, outer in root.within:
            within_moment(call.key, prepared[call].position, outer.key, prepared[outer].position)
        key = (loaded, *reader.binder.shape)
        statement = root.statements.get(key)
        if statement is None:
            statement = Statement(self._sql(root, prepared, loaded))
            SHELF.keep(root, key, statement)
        job = statement.job(reader.binder.values, _on_day(root, prepared, reader))
        slots = reader.binder.slots
        if root.is_plain and len(slots) == root.slots and not loaded:
            root.bound = Bound(statement, job.values, tuple(slot for slot in slots if slot.place < statement.takes))
        return job

    def _read(self, reader: Reader, root: Root, call: Call) -> Prepared:
        read = reader.read if call is root.field.call else reader.read_within
        return read(call, self.values.get(call) or call.values(self.variables))

    def _sql(self, root: Root, prepared: Mapping[Call, Prepared], loaded: bool) -> str:
        return Compiler(self.schema, prepared, loaded).root(root.field, Row("", "", Scope(), count(1), given={}))


def _on_day(root: Root, prepared: Mapping[Call, Prepared], reader: Reader) -> OnDay | None:
    call = root.field.call
    if call is None or (made := prepared[call]).on is None:
        return None
    values = reader.binder.values
    at = None if made.scope is None else values[int(str(made.scope.moment)[1:]) - 1]
    return OnDay(values[int(made.arguments["id"][1:]) - 1], made.on or "", at)
