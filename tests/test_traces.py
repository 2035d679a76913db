"""Traces: a request, the query or command below it, and the caller above it; nothing where nobody asks for them."""

import contextlib
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from service.app import App, create_app
from service.keys import open_keys
from service.node import Node
from service.settings import BadSetting, Settings
from service.traces import Traces, open_traces

CALLER = "4bf92f3577b34da6a3ce929d0e0e4736"
RECORD = """mutation { recordSourceRegistered(commandId: "c-1", input: {id: "source:x", kind: NEWS, title: "x"}) {
    ... on Recorded { position } } }"""


@contextlib.contextmanager
def serving(folder: Path, traces: Traces) -> Iterator[App]:
    node = Node(replace(Settings(data_dir=folder), first_record=False, seal=False))
    app = create_app(node, traces)
    node.start()
    app.health.started = True
    yield app
    app.close()
    node.stop()


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
async def client(tmp_path: Path, spans: InMemorySpanExporter) -> AsyncIterator[httpx.AsyncClient]:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    with serving(tmp_path, Traces(provider)) as app:
        headers = {"authorization": f"Bearer {open_keys(tmp_path).path.read_text().strip()}"}
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://node", headers=headers) as client:
            yield client


def named(spans: InMemorySpanExporter, name: str) -> ReadableSpan:
    [found] = [span for span in spans.get_finished_spans() if span.name == name]
    return found


async def test_a_query_is_traced_below_its_request_and_the_request_below_its_caller(
    client: httpx.AsyncClient, spans: InMemorySpanExporter
) -> None:
    headers = {"traceparent": f"00-{CALLER}-00f067aa0ba902b7-01", "x-request-id": "r-1"}
    await client.post("/graphql", json={"query": "query Titles { deals { nodes { title } } }"}, headers=headers)
    request, query = named(spans, "POST /graphql"), named(spans, "query")
    assert query.parent is not None
    assert query.parent.span_id == request.context.span_id
    assert f"{request.context.trace_id:032x}" == CALLER
    assert dict(request.attributes or {}) == {"tamga.request_id": "r-1"}
    assert dict(query.attributes or {}) == {"tamga.operation": "Titles"}


async def test_a_command_is_traced_with_its_id_and_position(
    client: httpx.AsyncClient, spans: InMemorySpanExporter
) -> None:
    answer = await client.post("/graphql", json={"query": RECORD})
    request, record = named(spans, "POST /graphql"), named(spans, "record")
    told = dict(record.attributes or {})
    assert (told["tamga.command_id"], told["tamga.position"]) == ("c-1", 1), answer.text
    assert record.parent is not None
    assert record.parent.span_id == request.context.span_id


def test_nothing_is_traced_unless_asked_for() -> None:
    traces = open_traces(Settings())
    assert not traces.enabled
    with traces.span("anything") as span:
        assert span is None


def test_what_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(BadSetting, match="opentelemetry-exporter-otlp-proto-http"):
        open_traces(Settings(traces="otlp"))
