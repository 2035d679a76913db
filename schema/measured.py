"""What is executed, measured: an engine, streams and a registry that count and time what they pass on."""

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

from domain.fact import Fact, Refused
from schema.context import Context, Engine, Message, Stream, Streams, Surroundings
from schema.operation import Operation
from service.log import Log
from service.metrics import Metrics
from service.registry import Receipt, Registry

_LOGGER = logging.getLogger("tamga.record")


class MeasuredEngine:
    """Times queries."""

    def __init__(self, engine: Engine, metrics: Metrics) -> None:
        """Take the engine and where to count."""
        self._execute = engine.execute
        self._at_once = engine.at_once
        self._done = metrics.reads.labels("answered").observe
        self._failed = metrics.reads.labels("failed").observe

    def at_once(self, operation: Operation, variables: Mapping[str, Any], context: Surroundings) -> bytes | None:
        """The engine's answer."""
        began = time.perf_counter()
        answer = self._at_once(operation, variables, context)
        if answer is not None:
            self._done(time.perf_counter() - began)
        return answer

    async def execute(self, operation: Operation, variables: Mapping[str, Any], context: Context) -> bytes:
        """The engine's answer."""
        began = time.perf_counter()
        told = self._failed
        try:
            answer = await self._execute(operation, variables, context)
            told = self._done
        finally:
            told(time.perf_counter() - began)
        return answer


class MeasuredRegistry(Registry):
    """Times commands, and logs each with its id and position."""

    def __init__(self, log: Log, metrics: Metrics) -> None:
        """Take the log to write to and where to count."""
        super().__init__(log)
        self._metrics = metrics

    def record(
        self,
        facts: Sequence[Fact],
        *,
        actor: str,
        command_id: str | None = None,
        expected: Sequence[int | None] | None = None,
    ) -> Receipt:
        """Record as any registry does."""
        began, outcome = time.perf_counter(), "failed"
        try:
            receipt = super().record(facts, actor=actor, command_id=command_id, expected=expected)
            outcome = "repeated" if receipt.repeated else "recorded"
        except Refused as no:
            outcome = "refused"
            _LOGGER.info("refused: %s at %s", no.code, no.field, extra={"command_id": command_id, "actor": actor})
            raise
        finally:
            self._metrics.commands.labels(outcome).observe(time.perf_counter() - began)
        if not receipt.repeated:
            self._metrics.events.inc(len(receipt.positions))
        told = {"command_id": receipt.command_id, "position": receipt.position, "actor": actor}
        _LOGGER.info("%s %d", outcome, len(receipt.positions), extra=told)
        return receipt


class MeasuredStreams:
    """Counts open streams."""

    def __init__(self, streams: Streams, metrics: Metrics) -> None:
        """Take the streams and where to count."""
        self._streams = streams
        self._metrics = metrics

    async def subscribe(self, operation: Operation, variables: Mapping[str, Any], context: Context) -> Stream:
        """Begin to read."""
        return _Measured(await self._streams.subscribe(operation, variables, context), self._metrics)


class _Measured:
    """One stream."""

    __slots__ = ("_metrics", "_open", "_stream")

    def __init__(self, stream: Stream, metrics: Metrics) -> None:
        self._stream, self._metrics, self._open = stream, metrics, True
        metrics.streams.inc()

    @property
    def cursor(self) -> str | None:
        return self._stream.cursor

    def __aiter__(self) -> AsyncIterator[Message]:
        return self

    def __anext__(self) -> Awaitable[Message]:
        return self._stream.__anext__()

    def hand_to(self, take: Callable[[Message], bool]) -> None:
        self._stream.hand_to(take)

    async def aclose(self) -> None:
        if self._open:
            self._open = False
            self._metrics.streams.dec()
        await self._stream.aclose()
