"""Fields that are SQL below an object that a Python resolver gave: compiled and read where graphql-core meets them."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from graphql import GraphQLObjectType, GraphQLResolveInfo, GraphQLSchema
from graphql.execution.collect_fields import FieldDetails

from schema.plan.arguments import Binder
from schema.plan.compile import Compiler
from schema.plan.kinds import find_table
from schema.plan.paging import Ceilings, Moment, Prepared, Reader, times_in, within_moment
from schema.plan.plan import calls_in, names_of_conditions
from schema.plan.run import Job, Statement
from schema.plan.selection import Call, Field, Selector
from schema.plan.source import Row, Scope

_MOST = 256


class Given(Mapping[str, str]):
    """The attributes of a Python object as bound values."""

    def __init__(self, binder: Binder, source: Any) -> None:
        self._binder = binder
        self._source = source
        self._bound: dict[str, str] = {}

    def __getitem__(self, name: str) -> str:
        """The placeholder of an attribute."""
        if name not in self._bound:
            self._bound[name] = self._binder.bind(getattr(self._source, name))
        return self._bound[name]

    def __iter__(self) -> Iterator[str]:
        """The names in the order of binding."""
        return iter(self._bound)

    def __len__(self) -> int:
        """How many are bound."""
        return len(self._bound)


@dataclass(eq=False)
class _Made:
    field: Field
    calls: list[Call]
    statements: dict[tuple[Any, ...], tuple[Statement, list[str]]]
    node: Any
    """Keeps the key, an id, from being used again."""


class Islands:
    """Compiles fields below Python objects, and remembers them by the node of their document."""

    def __init__(self, schema: GraphQLSchema, ceilings: Ceilings) -> None:
        """Take the schema and the ceilings of pages."""
        self._schema = schema
        self._ceilings = ceilings
        self._kept: OrderedDict[tuple[Any, ...], _Made] = OrderedDict()

    def job(
        self, source: Any, info: GraphQLResolveInfo[Any], moment: Moment, time_at: Callable[[str, str], int]
    ) -> Job:
        """The statement that reads the field. Raises GraphQLError for arguments that cannot be."""
        made = self._made(info)
        calls = {call: call.values(info.variable_values) for call in made.calls}
        named = {time: name for values in calls.values() for time, name in times_in(values).items()}
        reader = Reader(moment, self._ceilings, {time: time_at(time, name) for time, name in named.items()})
        prepared = {call: reader.read(call, values) for call, values in calls.items()}
        read_at = getattr(source, "read_at", None)
        for call, one in prepared.items():
            within_moment(call.key, one.position, info.parent_type.name, read_at)
        scope = Scope() if read_at is None else Scope(reader.binder.bind(read_at))
        key = (read_at is None, *reader.binder.shape)
        if key not in made.statements:
            given = Given(reader.binder, source)
            made.statements[key] = Statement(self._sql(made.field, prepared, scope, given)), list(given)
        else:
            for name in made.statements[key][1]:
                reader.binder.bind(getattr(source, name))
        return made.statements[key][0].job(reader.binder.values)

    def _sql(self, field: Field, prepared: Mapping[Call, Prepared], scope: Scope, given: Given) -> str:
        table = find_table(self._schema, field.parent.name) or ""
        return Compiler(self._schema, prepared, loaded=True).root(field, Row(table, "", scope, count(1), given=given))

    def _made(self, info: GraphQLResolveInfo[Any]) -> _Made:
        conditions = names_of_conditions((info.operation, *info.fragments.values()))
        node = info.field_nodes[0]
        values = info.variable_values.coerced
        key = (id(node), info.parent_type.name, *(values.get(name) for name in conditions))
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = self._make(info)
            if len(self._kept) > _MOST:
                self._kept.popitem(last=False)
        return found

    def _make(self, info: GraphQLResolveInfo[Any]) -> _Made:
        parent = info.parent_type
        assert isinstance(parent, GraphQLObjectType)
        selector = Selector(self._schema, info.fragments, info.operation, info.variable_values)
        details = [FieldDetails(node, None) for node in info.field_nodes]
        key = info.path.key
        assert isinstance(key, str)
        field = selector.field(parent, key, details)
        return _Made(field, list(dict.fromkeys(calls_in(field))), {}, info.field_nodes[0])
