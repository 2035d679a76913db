"""What a monitoring system can know of this node: counted here, shown at /metrics in the Prometheus format.

Workers of one node count into files of one folder (PROMETHEUS_MULTIPROC_DIR), so that any of them shows the sum.
"""

import logging
import os
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from service.health import Health
from service.log import AppendStats, Log

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The variable with the folder that the workers of a node share; unset in a node of one process."""

_READS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
_WRITES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)


class Metrics:
    """The counters of this process."""

    def __init__(self) -> None:
        """Begin at zero, or where the workers before this one ended."""
        self._registry = own = CollectorRegistry()
        self.reads = Histogram(
            "tamga_read_seconds", "Time to execute a query", ["outcome"], buckets=_READS, registry=own
        )
        self.commands = Histogram(
            "tamga_command_seconds",
            "Time to record a command, durably, or to refuse it",
            ["outcome"],
            buckets=_WRITES,
            registry=own,
        )
        self.events = Counter("tamga_events_recorded", "Events recorded by this node", registry=own)
        self.appends = Counter("tamga_appends", "Transactions of the log written by this node", registry=own)
        self.append_seconds = Counter("tamga_append_seconds", "Time spent in these transactions", registry=own)
        self.streams = Gauge("tamga_streams_open", "Subscriptions now open", multiprocess_mode="livesum", registry=own)
        self.messages = Counter("tamga_stream_messages", "Messages sent to subscribers", registry=own)
        self.errors = Counter("tamga_errors", "Errors logged", ["logger"], registry=own)
        self._appended = AppendStats()
        self._told = 0

    def appended(self, log: Log) -> None:
        """Count what the log has written since this was last asked."""
        now, before = log.stats(), self._appended
        self._appended = now
        self.appends.inc(now.transactions - before.transactions)
        self.append_seconds.inc(now.seconds - before.seconds)

    def told(self, messages: int) -> None:
        """Count what subscribers were sent since this was last asked, by how many messages they were ever sent."""
        self.messages.inc(messages - self._told)
        self._told = messages

    def shown(self, health: Health) -> bytes:
        """All of it as text, with the node's state as it is now."""
        folder = os.environ.get(FOLDER)
        shown = CollectorRegistry() if folder else self._registry
        if folder:
            shown.register(_Workers(folder))
        text: bytes = generate_latest(shown)
        state = CollectorRegistry()
        state.register(_State(health))
        return text + generate_latest(state)


class _Workers(Collector):
    """What the workers of this node have counted, those that ended too.

    The file of a worker that has just begun it is empty and cannot be read: nothing was counted in it yet.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def collect(self) -> Iterator[Metric]:
        with os.scandir(self._folder) as files:
            begun = [file.path for file in files if _size(file)]
        yield from MultiProcessCollector.merge(begun)  # type: ignore[no-untyped-call]


def _size(file: os.DirEntry[str]) -> int:
    """Of a file; 0 if it was taken away, as are those of what only a living process has."""
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


class _State(Collector):
    """The node's state at this moment; the same whichever of its workers is asked."""

    def __init__(self, health: Health) -> None:
        self._health = health

    def collect(self) -> Iterator[Metric]:
        health = self._health
        position, head = health.position, health.head
        yield GaugeMetricFamily("tamga_log_position", "Newest position of the log", value=head)
        yield GaugeMetricFamily("tamga_replica_position", "Newest position that reads see", value=position)
        yield GaugeMetricFamily("tamga_sealed_position", "Newest position that is sealed", value=health.sealed())
        yield GaugeMetricFamily("tamga_lag_events", "Events that reads do not see yet", value=max(0, head - position))
        yield GaugeMetricFamily("tamga_lag_seconds", "For how long reads have been behind", value=health.lag_seconds)
        held = len(health.held_back())
        yield GaugeMetricFamily("tamga_held_back_streams", "Streams with an event that cannot be read", value=held)
        yield GaugeMetricFamily("tamga_ready", "Whether this node is ready", value=not health.reasons())


class CountedErrors(logging.Handler):
    """Counts what is logged as an error."""

    def __init__(self, metrics: Metrics) -> None:
        """Take where to count."""
        super().__init__(logging.ERROR)
        self._metrics = metrics

    def emit(self, record: logging.LogRecord) -> None:
        """Count one."""
        self._metrics.errors.labels(record.name).inc()
