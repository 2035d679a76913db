"""What a measurement tells, and the list of all measurements. A measurement is one function in one file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from service.bench.bench import Bench


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measured thing, beside what it is compared with in the same run."""

    name: str
    value: float
    unit: str
    """What the value counts; a rate ends with '/s', anything else is a time or a size, of which less is better."""
    beside: str = ""
    """What the other value is of."""
    other: float | None = None
    p50: float | None = None
    """Median latency in milliseconds."""
    p99: float | None = None
    memory: float | None = None
    """Megabytes that the measured process holds beside the pages of its files."""

    @property
    def ratio(self) -> float | None:
        """How many times as good as the other; below 1 is worse."""
        if not self.other or not self.value:
            return None
        return self.value / self.other if self.unit.endswith("/s") else self.other / self.value

    def json(self) -> dict[str, Any]:
        """The figure as plain data, without what was not measured."""
        told = {**vars(self), "ratio": self.ratio}
        return {
            name: round(item, 4) if isinstance(item, float) else item
            for name, item in told.items()
            if item not in (None, "")
        }


Run = Callable[["Bench"], Iterable[Figure]]


@dataclass(frozen=True)
class Measurement:
    """A named function that measures."""

    name: str
    what: str
    run: Run


MEASUREMENTS: dict[str, Measurement] = {}
"""Every measurement by name, in the order in which they run."""


def measurement(name: str, what: str) -> Callable[[Run], Run]:
    """Puts a function into the list."""

    def register(run: Run) -> Run:
        MEASUREMENTS[name] = Measurement(name, what, run)
        return run

    return register


def percentile(values: Sequence[float], share: float) -> float:
    """The value that a share (0 to 1) of the values do not exceed; 0 where there are none."""
    return sorted(values)[min(int(len(values) * share), len(values) - 1)] if values else 0.0
