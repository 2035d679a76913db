"""What is executed, traced: an engine and a registry that put a span around each operation and command."""

from collections.abc import Mapping, Sequence
from typing import Any

from domain.fact import Fact
from schema.context import Context, Engine, Surroundings
from schema.measured import MeasuredRegistry
from schema.operation import Operation
from service.log import Log
from service.metrics import Metrics
from service.registry import Receipt
from service.traces import Traces


class TracedEngine:
    """A span for each query."""

    def __init__(self, engine: Engine, traces: Traces) -> None:
        """Take the engine and what makes spans."""
        self._engine = engine
        self._traces = traces

    def at_once(self, operation: Operation, variables: Mapping[str, Any], context: Surroundings) -> bytes | None:
        """Nothing: a span may wait for who takes it."""
        return None

    async def execute(self, operation: Operation, variables: Mapping[str, Any], context: Context) -> bytes:
        """The engine's answer."""
        with self._traces.span("query", operation=operation.name, min_position=context.min_position or None):
            return await self._engine.execute(operation, variables, context)


class TracedRegistry(MeasuredRegistry):
    """A span for each command, with its id, and its position once it has one."""

    def __init__(self, log: Log, metrics: Metrics, traces: Traces) -> None:
        """Take the log, where to count, and what makes spans."""
        super().__init__(log, metrics)
        self._traces = traces

    def record(
        self,
        facts: Sequence[Fact],
        *,
        actor: str,
        command_id: str | None = None,
        expected: Sequence[int | None] | None = None,
    ) -> Receipt:
        """Record as any registry does."""
        with self._traces.span("record", facts=len(facts), actor=actor) as span:
            receipt = super().record(facts, actor=actor, command_id=command_id, expected=expected)
            if span is not None:
                span.set_attributes({"tamga.command_id": receipt.command_id, "tamga.position": receipt.position})
            return receipt
