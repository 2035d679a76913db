"""What SQL on the replica can call beyond SQLite's own functions: exact decimals, stated bounds, and searches."""

import contextlib
from collections.abc import Callable
from decimal import Context, Decimal, InvalidOperation
from typing import TYPE_CHECKING, cast

import apsw
import msgspec

from domain.codes import Modifier
from domain.values import Interval, Stated
from service.replica.view import number_key
from service.replica.words import Words

if TYPE_CHECKING:
    from apsw import AggregateClass


def at_least(stated: str | None) -> str | None:
    """The least that a stated number (its JSON) may mean, as a decimal; None if it has no lower bound."""
    return _plain(_interval(stated).low)


def at_most(stated: str | None) -> str | None:
    """The most that a stated number (its JSON) may mean, as a decimal; None if it has no upper bound."""
    return _plain(_interval(stated).high)


def _interval(stated: str | None) -> Interval:
    given = msgspec.json.decode(stated) if stated else {}
    modifier = Modifier[given.get("modifier") or "EXACTLY"]
    value = Stated(low=given.get("low"), high=given.get("high"), modifier=modifier)
    return value.interval() or Interval(None, None)


def _plain(number: Decimal | None) -> str | None:
    if number is None:
        return None
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


_EXACT = Context(prec=100)
"""More digits than any number of the record, and sum of such numbers, has."""


def decimal_add(*texts: "apsw.SQLiteValue") -> str | None:
    """The exact sum of decimals in text; what is missing counts nothing."""
    total = Decimal(0)
    for text in texts:
        total = _EXACT.add(total, Decimal(str(text or 0)))
    return _plain(total)


class _Sum:
    """An exact sum of decimals in text; what is no number counts nothing."""

    def __init__(self) -> None:
        self.total = Decimal(0)

    def step(self, *texts: "apsw.SQLiteValue") -> None:
        """Add one."""
        with contextlib.suppress(InvalidOperation):
            self.total = _EXACT.add(self.total, Decimal(str(texts[0] or 0)))

    def final(self) -> str | None:
        """The sum in plain notation."""
        return _plain(self.total)


def register(connection: apsw.Connection) -> None:
    """Make the functions known to a connection."""
    functions: tuple[Callable[..., str | None], ...] = (number_key, at_least, at_most)
    for function in functions:
        connection.create_scalar_function(function.__name__, function, 1, deterministic=True)
    words = Words(connection)
    searches: tuple[Callable[..., str], ...] = (words.all, words.run, words.marked)
    for search in searches:
        connection.create_scalar_function(f"fts_{search.__name__}", search, deterministic=True)
    connection.create_scalar_function("decimal_add", decimal_add, deterministic=True)
    connection.create_aggregate_function("decimal_sum", cast("Callable[[], AggregateClass]", _Sum), 1)
