"""Which HTTP requests are understood, and how the others are refused, over a real server."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.support.server import Served, served

RESPONSE = "application/graphql-response+json"


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    async with served(tmp_path_factory.mktemp("node")) as one:
        yield one


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def http(api: Served) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"content-type": "application/json"}
    async with httpx.AsyncClient(base_url=api.root, verify=False, timeout=60, headers=headers) as client:
        yield client


def code(answer: httpx.Response) -> Any:
    """The code of the only error; the body must be JSON and hold no data."""
    assert answer.headers["content-type"].startswith("application/")
    (error,) = answer.json()["errors"]
    assert "data" not in answer.json()
    return error["extensions"]["code"]


NOT_AN_OPERATION = [b"5", b"null", b'"x"', b"true", b"[1,2]", b"[]", b"[null]", b"", b"{", b'{"query":"\xff"}', b"NaN"]
NOT_AN_OPERATION += [b"{}", b'{"query":5}', b'{"query":null}', b'{"query":"{echo}","variables":[]}']
DEEP = b'{"query":"{ echo }","variables":' + b'{"a":' * 900 + b"1" + b"}" * 901
TOO_DEEP = [b"[" * 100_000, b'{"a":' * 100_000, DEEP]


@pytest.mark.parametrize("body", NOT_AN_OPERATION + TOO_DEEP, ids=lambda body: repr(body[:30]))
async def test_a_body_that_is_no_operation_is_refused_with_400(http: httpx.AsyncClient, body: bytes) -> None:
    answer = await http.post("/graphql", content=body)
    assert (answer.status_code, code(answer)) == (400, "BAD_REQUEST")


async def test_several_operations_need_a_name(http: httpx.AsyncClient) -> None:
    answer = await http.post(
        "/graphql", json={"query": "query A { echo } query B { echo }"}, headers={"accept": RESPONSE}
    )
    assert (answer.status_code, code(answer)) == (400, "OPERATION_NAME_NEEDED")


async def test_the_named_operation_of_several_is_executed(http: httpx.AsyncClient) -> None:
    query = 'query A { echo(text: "a") } query B { echo(text: "b") }'
    answer = await http.post("/graphql", json={"query": query, "operationName": "B"})
    assert answer.json() == {"data": {"echo": "b"}}


async def test_empty_parameters_of_an_address_count_as_absent(http: httpx.AsyncClient) -> None:
    params = {"query": "{ echo }", "operationName": "", "variables": "", "extensions": ""}
    answer = await http.get("/graphql", params=params)
    assert (answer.status_code, answer.json()) == (200, {"data": {"echo": "nothing"}})


@pytest.mark.parametrize("name", ["variables", "extensions"])
@pytest.mark.parametrize("value", ["{", "[1]", "5", "[" * 5000])
async def test_malformed_parameters_of_an_address_are_refused(http: httpx.AsyncClient, name: str, value: str) -> None:
    answer = await http.get("/graphql", params={"query": "{ echo }", name: value})
    assert (answer.status_code, code(answer)) == (400, "BAD_REQUEST")


@pytest.mark.parametrize("method", ["PUT", "HEAD", "OPTIONS", "DELETE", "PATCH"])
async def test_other_methods_are_refused_with_what_is_allowed(http: httpx.AsyncClient, method: str) -> None:
    answer = await http.request(method, "/graphql")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")


async def test_a_mutation_by_get_is_refused_with_what_is_allowed(http: httpx.AsyncClient) -> None:
    answer = await http.get("/graphql", params={"query": "mutation { __typename }"}, headers={"accept": RESPONSE})
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    "media", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "text/json"]
)
async def test_a_body_of_another_type_is_refused_with_415(api: Served, media: str) -> None:
    """Also the types that a foreign web page could send without asking first."""
    async with httpx.AsyncClient(verify=False, timeout=60) as client:
        headers = {"content-type": media} if media else {}
        answer = await client.post(api.url, content=b'{"query":"{ echo }"}', headers=headers)
    assert (answer.status_code, code(answer)) == (415, "BAD_REQUEST")


async def test_a_body_in_another_charset_or_compressed_is_refused(http: httpx.AsyncClient) -> None:
    body = b'{"query":"{ echo }"}'
    other = await http.post("/graphql", content=body, headers={"content-type": "application/json; charset=latin-1"})
    packed = await http.post("/graphql", content=body, headers={"content-encoding": "gzip"})
    assert (other.status_code, packed.status_code) == (415, 415)


async def test_a_body_over_the_limit_is_refused_with_413(http: httpx.AsyncClient) -> None:
    answer = await http.post("/graphql", content=b" " * (1 << 20) + b"{}")
    assert (answer.status_code, code(answer)) == (413, "BAD_REQUEST")


async def test_a_body_over_the_limit_is_refused_when_its_length_is_not_told(http: httpx.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 65_536

    answer = await http.post("/graphql", content=pieces())
    assert answer.status_code == 413


async def test_a_body_up_to_the_limit_is_read(http: httpx.AsyncClient) -> None:
    body = b'{"query":"{ echo }"}'
    answer = await http.post("/graphql", content=body + b" " * ((1 << 20) - len(body)))
    assert answer.json() == {"data": {"echo": "nothing"}}


@pytest.mark.parametrize("accept", ["application/json", "*/*", "application/json, image/png"])
async def test_a_subscription_without_a_transport_for_streams_is_refused(accept: str, http: httpx.AsyncClient) -> None:
    answer = await http.post("/graphql", json={"query": "subscription { count(to: 2) }"}, headers={"accept": accept})
    assert (answer.status_code, code(answer)) == (406, "BAD_REQUEST")


async def test_a_syntax_error_is_told_with_its_place(http: httpx.AsyncClient) -> None:
    answer = await http.post("/graphql", json={"query": "{"}, headers={"accept": RESPONSE})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["locations"] == [{"line": 1, "column": 2}]
    assert code(answer) == "GRAPHQL_PARSE_FAILED"


async def test_a_document_that_does_not_fit_the_schema_is_refused(http: httpx.AsyncClient) -> None:
    asked = {"query": "{ eco }"}
    new = await http.post("/graphql", json=asked, headers={"accept": RESPONSE})
    old = await http.post("/graphql", json=asked, headers={"accept": "application/json"})
    assert (new.status_code, code(new)) == (400, "GRAPHQL_VALIDATION_FAILED")
    assert (old.status_code, code(old)) == (200, "GRAPHQL_VALIDATION_FAILED")


async def test_a_variable_that_does_not_fit_is_refused(http: httpx.AsyncClient) -> None:
    asked = {"query": "query($t: String!) { echo(text: $t) }", "variables": {"t": 5}}
    answer = await http.post("/graphql", json=asked, headers={"accept": RESPONSE})
    assert (answer.status_code, code(answer)) == (400, "BAD_USER_INPUT")


async def test_an_error_of_a_field_keeps_the_status_200_and_is_masked(
    http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await http.post("/graphql", json={"query": "{ boom echo }"}, headers={"accept": RESPONSE})
    (error,) = answer.json()["errors"]
    assert (answer.status_code, answer.json()["data"]) == (200, {"boom": None, "echo": "nothing"})
    assert error["extensions"]["code"] == "INTERNAL_ERROR"
    assert "secret" not in answer.text
    assert error["extensions"]["id"] in caplog.text and "a secret of the machine" in caplog.text


async def test_a_minimum_position_that_is_none_is_refused(http: httpx.AsyncClient) -> None:
    for text in ("x", "-1", "1.5", str(2**53)):
        answer = await http.post("/graphql", json={"query": "{ echo }"}, headers={"tamga-min-position": text})
        assert (answer.status_code, code(answer)) == (400, "BAD_REQUEST")


async def test_an_operation_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    async with (
        served(tmp_path, query_timeout=0.05, min_position_timeout=0.05) as api,
        httpx.AsyncClient(verify=False, timeout=60) as client,
    ):
        answer = await client.post(api.url, json={"query": "{ slow(seconds: 5) }"})
    assert (answer.status_code, code(answer)) == (503, "TIMEOUT")


async def test_the_schema_is_served_as_text(http: httpx.AsyncClient) -> None:
    answer = await http.get("/graphql/schema")
    assert answer.headers["content-type"] == "application/graphql; charset=utf-8"
    assert "type Mutation {" in answer.text


async def test_a_browser_gets_graphiql_and_its_files(api: Served) -> None:
    async with httpx.AsyncClient(verify=False, timeout=60) as client:
        page = await client.get(api.url, headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
        names = ("graphiql.js", "graphiql.css")
        files = [await client.get(f"{api.root}/graphiql/{name}") for name in names]
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert [file.status_code for file in files] == [200, 200]


async def test_an_answer_by_get_can_be_asked_for_again_cheaply(http: httpx.AsyncClient) -> None:
    first = await http.get("/graphql", params={"query": "{ echo }"})
    again = await http.get("/graphql", params={"query": "{ echo }"}, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_a_one_of_input_takes_a_variable_of_an_earlier_fragment(http: httpx.AsyncClient) -> None:
    query = """fragment F on Query { choice(which: {position: $p}) }
    query A($p: Position!) { ...F } query B { echo }"""
    answer = await http.post("/graphql", json={"query": query, "operationName": "A", "variables": {"p": 3}})
    assert answer.json() == {"data": {"choice": "position 3"}}


@pytest.mark.parametrize("which", ["{}", "{position: null}", "{position: $p}"])
async def test_a_one_of_input_that_might_hold_nothing_is_refused(http: httpx.AsyncClient, which: str) -> None:
    head = "query($p: Position)" if "$" in which else ""
    answer = await http.post("/graphql", json={"query": f"{head}{{ choice(which: {which}) }}"})
    assert code(answer) == "GRAPHQL_VALIDATION_FAILED"


@pytest.mark.parametrize("written", ["-1", '"7"', "1.5"])
async def test_a_literal_that_its_scalar_refuses_is_told_with_the_reason(http: httpx.AsyncClient, written: str) -> None:
    answer = await http.post("/graphql", json={"query": f"{{ choice(which: {{position: {written}}}) }}"})
    assert code(answer) == "GRAPHQL_VALIDATION_FAILED"
    (error,) = answer.json()["errors"]
    assert "a position is a whole number from 0 to" in error["message"] and error["locations"]


async def test_a_batch_is_answered_in_order(http: httpx.AsyncClient) -> None:
    batch = [{"query": '{ echo(text: "a") }'}, {"query": "{"}, {"query": "{ echo }"}]
    answer = await http.post("/graphql", json=batch)
    assert [list(one) for one in answer.json()] == [["data"], ["errors"], ["data"]]


async def test_a_batch_over_the_limit_is_refused(http: httpx.AsyncClient) -> None:
    answer = await http.post("/graphql", json=[{"query": "{ echo }"}] * 11)
    assert (answer.status_code, code(answer)) == (400, "BAD_REQUEST")


async def test_a_subscription_in_a_batch_is_refused_alone(http: httpx.AsyncClient) -> None:
    answer = await http.post("/graphql", json=[{"query": "subscription { count(to: 2) }"}, {"query": "{ echo }"}])
    assert [list(one) for one in answer.json()] == [["errors"], ["data"]]


async def test_a_connection_ends_that_sends_a_head_without_end(api: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    writer.write(b"GET /graphql HTTP/1.1\r\nhost: x\r\nx-long: ")
    answer = b""
    with contextlib.suppress(ConnectionError):  # what was sent after the refusal may cost the client the answer
        async with asyncio.timeout(60):
            while not reader.at_eof():
                writer.write(b"a" * 4096)
                await writer.drain()
                await asyncio.sleep(0.001)
            answer = await reader.read()
    assert answer[:13] in (b"", b"HTTP/1.1 431 ")
    writer.close()


@pytest.mark.parametrize("sent", [b"", b"GET /graphql HTTP/1.1\r\nhost", b"GET / HTTP/1.1\r\nhost: x\r\n\r\nGET /gr"])
async def test_a_connection_ends_whose_head_does_not_come(
    api: Served, sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.server.config, "timeout_keep_alive", 0.2)
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    writer.write(sent)
    async with asyncio.timeout(60):
        answer = await reader.read()
    assert b"HTTP/1.1 408 Request Timeout" in answer
    writer.close()


async def test_a_long_head_that_comes_in_pieces_is_read(api: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    writer.write(b"GET /graphql?query=%7B__typename%7D HTTP/1.1\r\nhost: x\r\nx-long: ")
    for _ in range(10):
        writer.write(b"a" * 4096)
        await writer.drain()
        await asyncio.sleep(0.001)
    writer.write(b"\r\n\r\n")
    async with asyncio.timeout(60):
        assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
    writer.close()


@pytest.mark.parametrize("parameters", ["query=%ff", "&".join(f"p{number}=1" for number in range(60))])
async def test_an_address_that_no_client_writes_is_refused_with_400(http: httpx.AsyncClient, parameters: str) -> None:
    answer = await http.get(f"/graphql?{parameters}", headers={"accept": "application/json"})
    assert (answer.status_code, code(answer)) == (400, "BAD_REQUEST")
