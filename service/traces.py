"""Traces of what this node does, by OpenTelemetry, where it is installed and asked for; else nothing is traced.

Where the spans go is told to OpenTelemetry by its own variables, such as OTEL_EXPORTER_OTLP_ENDPOINT.
"""

from __future__ import annotations

import importlib
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from service.settings import BadSetting, Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

_EXPORTERS = {
    "console": ("opentelemetry.sdk.trace.export", "ConsoleSpanExporter"),
    "otlp": ("opentelemetry.exporter.otlp.proto.http.trace_exporter", "OTLPSpanExporter"),
}
_NEEDED = "opentelemetry-sdk and, for otlp, opentelemetry-exporter-otlp-proto-http"


class Traces:
    """Makes spans, or nothing at all."""

    def __init__(self, provider: TracerProvider | None = None) -> None:
        """Take what collects the spans; without it nothing is traced."""
        self._provider = provider
        self._tracer = provider.get_tracer("tamga") if provider else None

    @property
    def enabled(self) -> bool:
        """Whether anything is traced."""
        return self._tracer is not None

    def span(self, name: str, **values: str | int | None) -> AbstractContextManager[Any]:
        """A span while the block runs, below the one that is open; an exception is noted on it."""
        if self._tracer is None:
            return nullcontext()
        told = {f"tamga.{key}": value for key, value in values.items() if value is not None}
        return self._tracer.start_as_current_span(name, attributes=told)

    def request(self, headers: dict[str, str], name: str, request_id: str) -> AbstractContextManager[Any]:
        """The span of a request, below that of the caller if its `traceparent` names one."""
        assert self._tracer is not None
        from opentelemetry.trace import SpanKind
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        caller = TraceContextTextMapPropagator().extract(headers)
        told = {"tamga.request_id": request_id}
        return self._tracer.start_as_current_span(name, caller, SpanKind.SERVER, told)

    def close(self) -> None:
        """Send what was not sent yet."""
        if self._provider is not None:
            self._provider.shutdown()


def open_traces(settings: Settings) -> Traces:
    """The traces that the settings ask for. Raises BadSetting if what they need is not installed."""
    if not settings.traces:
        return Traces()
    try:
        return Traces(_provider(settings.traces))
    except ImportError as error:
        raise BadSetting(f"TAMGA_TRACES: {settings.traces} needs {_NEEDED} ({error})") from None


def _provider(kind: str) -> TracerProvider:
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    module, name = _EXPORTERS[kind]
    exporter = getattr(importlib.import_module(module), name)()
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: "tamga"}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider
