"""What the arguments of a call mean: the moment to read at, the page, the cursor; made anew for each request."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from schema.errors import ApiError, ErrorCode
from schema.plan.arguments import Binder
from schema.plan.selection import PAGE_ARGUMENTS, ROOT_ARGUMENTS, Call
from schema.plan.source import Row, Scope
from schema.sql import Listing, Single
from service.cursor import BadCursor, list_mark, read_cursor, record_mark
from service.replica.tables import TABLES


@dataclass(frozen=True, kw_only=True)
class Ceilings:
    """What one operation may take."""

    page_default: int = 20
    page_most: int = 100
    time_limit: float = 5.0
    """Seconds."""
    wait: float = 2.0
    """Seconds to wait for a position."""
    threads: int = 4
    """Long reads at once."""


@dataclass
class Page:
    """One page of a list, as placeholders."""

    limit: str
    backward: bool
    after: list[str] | None
    before: list[str] | None
    mark: str
    """The start of its cursors: record and list."""


@dataclass
class Prepared:
    """A call's arguments, ready for SQL."""

    arguments: dict[str, Any]
    scope: Scope | None = None
    """The moment, where the call sets it itself."""
    position: int | None = None
    """The position of that moment."""
    page: Page | None = None
    on: str | None = None
    order: str = ""

    def scoped(self, row: Row) -> Row:
        """The row with the call's moment for all that is read from it."""
        return row if self.scope is None else row.at(self.scope)


class Moment(NamedTuple):
    """What can be read: the record, and the newest position when the request began."""

    record_id: str
    newest: int


@dataclass
class Reader:
    """Reads the calls of one statement; collects its values and shape."""

    moment: Moment
    ceilings: Ceilings
    times: dict[str, int]
    """Positions of the recorded times that the request names."""
    binder: Binder = field(default_factory=Binder)

    def read(self, call: Call, values: dict[str, Any]) -> Prepared:
        """Make a call ready. Raises GraphQLError with a code for a cursor, page or moment that cannot be."""
        parameters = call.parameters
        given = {parameters[name].name: value for name, value in values.items()}
        prepared = Prepared(self._arguments(call, given))
        position = self._position(call, given)
        if isinstance(call.reading, Listing):
            position = self._page(call, call.reading, given, prepared, position)
        if position is not None:
            self._forward(given.get("from"), position)
            prepared.scope, prepared.position = Scope(self.binder.bind(position)), position
        self.binder.shape.append(position is not None)
        if isinstance(call.reading, Single) and given.get("on") is not None:
            prepared.on = str(given["on"])
            self.binder.shape.append("on")
        return prepared

    def read_within(self, call: Call, values: dict[str, Any]) -> Prepared:
        """Make a call below another ready; what is wrong with it is told with its name and place."""
        try:
            return self.read(call, values)
        except ApiError as error:
            raise ApiError(error.code, f"{call.key}: {error.message}", nodes=call.node) from None

    def _arguments(self, call: Call, given: dict[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        shape, read = self.binder.shape, self.binder.read
        for name, kind, choice, for_sql, moment in call.parameters.values():
            if for_sql:
                if moment:
                    self._there(name, (given.get(name) or {}).get("position"))
                shape.append(name)
                made[name] = read(given.get(name), kind, choice)
                if name in call.slots and given.get(name) is not None:
                    self.binder.given_by(call.slots[name])
        return made

    def _position(self, call: Call, given: dict[str, Any]) -> int | None:
        as_of = given.get("as_of")
        if not as_of:
            return None
        position = as_of["position"] if "position" in as_of else self.times[as_of["time"]]
        self._there(next(name for name, each in call.parameters.items() if each.name == "as_of"), position)
        return int(position)

    def _forward(self, start: dict[str, Any] | None, end: int) -> None:
        """Refuse a span of the record that ends before it begins."""
        if not start:
            return
        first = start["position"] if "position" in start else self.times[start["time"]]
        if first > end:
            raise ApiError(ErrorCode.INPUT, f"from is position {first}, which is behind to: {end}.")

    def _there(self, name: str, position: int | None) -> None:
        if position is not None and position > self.moment.newest:
            message = f"{name}: Position {position} is not there yet; the newest is {self.moment.newest}."
            raise ApiError(ErrorCode.INPUT, message)

    def _page(
        self, call: Call, reading: Listing, given: dict[str, Any], prepared: Prepared, position: int | None
    ) -> int | None:
        prepared.order = order_of(reading, given)
        limit, backward = self._limit(given)
        record = record_mark(self.moment.record_id)
        list_ = list_mark(reading.table, call.node.name.value, prepared.order, _telling(given))
        ends: list[list[str] | None] = []
        for name in ("after", "before"):
            text = given.get(name)
            self.binder.shape.append(text is not None)
            if text is None:
                ends.append(None)
                continue
            try:
                cursor = read_cursor(text, record, list_, len(sorts_of(reading, prepared.order)))
                position = self._same(position, cursor.position)
            except BadCursor as error:
                raise ApiError(ErrorCode.BAD_CURSOR, f"{name}: {error}") from None
            ends.append([self.binder.bind(key) for key in cursor.keys])
        self.binder.shape.append(backward)
        mark = self.binder.bind(f'"{record}{list_}.')
        prepared.page = Page(self.binder.bind(limit), backward, ends[0], ends[1], mark)
        sized_by = call.slots.get("last" if backward else "first")
        if sized_by is not None and given.get("last" if backward else "first") is not None:
            self.binder.given_by(sized_by, self.ceilings.page_most)
        return position

    def _same(self, position: int | None, of_cursor: int) -> int:
        if position is not None and position != of_cursor:
            raise BadCursor(f"This cursor was read at position {of_cursor}, not at {position}.")
        if of_cursor > self.moment.newest:
            raise BadCursor(f"This cursor was read at position {of_cursor}, which is not there.")
        return of_cursor

    def _limit(self, given: dict[str, Any]) -> tuple[int, bool]:
        first, last = given.get("first"), given.get("last")
        if first is not None and last is not None:
            raise ApiError(ErrorCode.INPUT, "Give first or last, not both.")
        limit = last if last is not None else first if first is not None else self.ceilings.page_default
        if not 0 <= limit <= self.ceilings.page_most:
            name = "last" if last is not None else "first"
            raise ApiError(ErrorCode.INPUT, f"{name} is from 0 to {self.ceilings.page_most}, not {limit}.")
        return limit, last is not None


def within_moment(name: str, found: int | None, outer: str, moment: int | None) -> None:
    """Refuse a cursor of another moment than the one that what stands around its list is read at."""
    if found is not None and moment is not None and found != moment:
        message = f"{name}: This cursor was read at position {found}, but {outer} is read at {moment}."
        raise ApiError(ErrorCode.BAD_CURSOR, message)


def keys_of(reading: Listing) -> tuple[str, ...]:
    """The columns by which a row of the list is found again."""
    if reading.select is not None:
        return ("key",)
    if reading.table == "event":
        return ("position",)
    table = TABLES.get(reading.table)
    if table is not None and not table.owned:
        return ("id",)
    return ("key",) if reading.owned else ("owner", "key")


def sorts_of(reading: Listing, order: str) -> tuple[str, ...]:
    """The columns by which the list is sorted: those of the order, and the row's keys."""
    finds = keys_of(reading)
    return (*(name for name in order.lstrip("-").split(", ") if name not in finds), *finds)


def order_of(reading: Listing, given: dict[str, Any]) -> str:
    """The order that a list is asked for in."""
    asked = given.get("order_by")
    return reading.order if asked is None else str(asked.value)


def _telling(given: dict[str, Any]) -> dict[str, Any]:
    """The arguments that tell one list from another."""
    return {name: value for name, value in given.items() if name not in (*ROOT_ARGUMENTS, *PAGE_ARGUMENTS, "order_by")}


MOMENTS = ("asOf", "to")
"""What clients call the argument with the moment that a field is read at."""


def times_in(values: Mapping[str, Any]) -> dict[str, str]:
    """The recorded times that coerced arguments name as moments, each with the argument's name."""
    given = {name: values[name] for name in (*MOMENTS, "from") if values.get(name)}
    return {moment["time"]: name for name, moment in given.items() if moment.get("time")}
