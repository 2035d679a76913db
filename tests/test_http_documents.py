"""Documents that are named instead of sent: trusted ones and those that clients leave, in three forms."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from schema.http.documents import digest, load_documents
from tests.support.server import Served, served
from tests.support.talk import talking

ECHO = '{ echo(text: "trusted") }'
OTHER = "{ echo }"
HASH = digest(ECHO)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("documents") / "documents.json"
    path.write_text(json.dumps({"echo-1": ECHO}))
    return path


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def strict(tmp_path_factory: pytest.TempPathFactory, manifest: Path) -> AsyncIterator[Served]:
    """Accepts trusted documents alone."""
    folder = tmp_path_factory.mktemp("strict")
    async with served(folder, trusted_documents=str(manifest), trusted_only=True) as one:
        yield one


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def open_one(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """Accepts any document."""
    async with served(tmp_path_factory.mktemp("open")) as one:
        yield one


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def answered(api: Served, body: dict[str, Any]) -> Any:
    async with httpx.AsyncClient(verify=False, timeout=60) as client:
        return (await client.post(api.url, json=body)).json()


def persisted(hash: str) -> dict[str, Any]:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": hash}}}


@pytest.mark.parametrize(
    "named",
    [
        {"documentId": f"sha256:{HASH}"},
        {"documentId": "echo-1"},
        {"doc_id": "echo-1"},
        {"doc_id": HASH},
        persisted(HASH),
        {"query": ECHO},
    ],
)
async def test_a_trusted_document_is_found_in_each_form(strict: Served, named: dict[str, Any]) -> None:
    assert await answered(strict, named) == {"data": {"echo": "trusted"}}


async def test_a_trusted_document_is_found_by_get(strict: Served) -> None:
    async with httpx.AsyncClient(verify=False, timeout=60) as client:
        answer = await client.get(strict.url, params={"documentId": f"sha256:{HASH}"})
    assert answer.json() == {"data": {"echo": "trusted"}}


@pytest.mark.parametrize("sent", [{"query": OTHER}, {"query": OTHER, **persisted(digest(OTHER))}])
async def test_another_document_is_refused_where_only_trusted_ones_are(strict: Served, sent: dict[str, Any]) -> None:
    assert (await answered(strict, sent))["errors"][0]["extensions"]["code"] == "DOCUMENT_NOT_TRUSTED"


async def test_an_unknown_hash_is_told_in_the_words_that_apollo_client_reads(open_one: Served) -> None:
    (error,) = (await answered(open_one, persisted("0" * 64)))["errors"]
    assert (error["message"], error["extensions"]["code"]) == ("PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND")


async def test_a_document_that_was_left_with_its_hash_is_found_by_it(open_one: Served) -> None:
    await answered(open_one, {"query": OTHER, **persisted(digest(OTHER))})
    assert await answered(open_one, persisted(digest(OTHER))) == {"data": {"echo": "nothing"}}


async def test_a_hash_of_another_document_is_refused(open_one: Served) -> None:
    (error,) = (await answered(open_one, {"query": OTHER, **persisted("1" * 64)}))["errors"]
    assert error["extensions"]["code"] == "BAD_REQUEST"


@pytest.mark.parametrize("named", [persisted(HASH), {"documentId": f"sha256:{HASH}"}, {"doc_id": "echo-1"}])
async def test_a_query_beside_the_id_of_another_document_that_is_known_is_refused(
    strict: Served, named: dict[str, Any]
) -> None:
    (error,) = (await answered(strict, {"query": OTHER, **named}))["errors"]
    assert error["extensions"]["code"] == "BAD_REQUEST"
    assert await answered(strict, {"query": ECHO, **named}) == {"data": {"echo": "trusted"}}


async def test_a_persisted_query_without_a_hash_is_refused(open_one: Served) -> None:
    given: list[Any] = [5, {}, {"sha256Hash": 1}]
    for wrong in ({"persistedQuery": one} for one in given):
        (error,) = (await answered(open_one, {"extensions": wrong}))["errors"]
        assert error["extensions"]["code"] == "BAD_REQUEST"


async def test_documents_are_read_from_a_folder_and_from_apollos_manifest(tmp_path: Path) -> None:
    (tmp_path / "echo-1.graphql").write_text(ECHO)
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps({"format": "x", "version": 1, "operations": [{"id": "echo-1", "body": ECHO}]}))
    assert load_documents(str(tmp_path)) == load_documents(str(manifest)) == {"echo-1": ECHO}


@pytest.mark.parametrize("content", [b"[]", b'{"a": 5}', b'{"operations": [{"id": "a"}]}', b"{ echo }", b"\xff"])
async def test_a_file_without_documents_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "wrong.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"wrong\.json"):
        load_documents(str(tmp_path / "wrong.json"))


async def test_over_a_socket_documents_are_named_in_the_same_forms_and_one_that_is_refused_closes_nothing(
    strict: Served, open_one: Served
) -> None:
    async with talking(strict) as talk:
        await talk.begin()
        for named in ({"documentId": f"sha256:{HASH}"}, {"doc_id": HASH}, persisted(HASH)):
            await talk.say({"id": "refused", "type": "subscribe", "payload": {"query": OTHER}})
            refused = await talk.hear()
            assert (refused["type"], refused["payload"][0]["extensions"]["code"]) == ("error", "DOCUMENT_NOT_TRUSTED")
            await talk.say({"id": "a", "type": "subscribe", "payload": named})
            assert await talk.until_complete("a") == [{"data": {"echo": "trusted"}}]
    async with talking(open_one) as talk:
        await talk.begin()
        text = '{ echo(text: "left over a socket") }'
        for payload in ({"query": text, **persisted(digest(text))}, persisted(digest(text))):
            await talk.say({"id": "a", "type": "subscribe", "payload": payload})
            assert await talk.until_complete("a") == [{"data": {"echo": "left over a socket"}}]
