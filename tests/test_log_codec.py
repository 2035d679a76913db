"""The one JSON line of an entry, held to an independent implementation of RFC 8785."""

import json
from base64 import b64encode
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from service.log import Entry, entry_json, read_state
from service.log.codec import MAX_ENTRY, entry_length
from service.log.log import MAX_NAME, MAX_STATE

texts = st.text(st.characters(exclude_categories=["Cs"]))
keys = st.text(st.characters(max_codepoint=127))
numbers = st.integers(-(2**53) + 1, 2**53 - 1)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=20,
)
states = st.fixed_dictionaries(
    {"data": st.dictionaries(keys, values, max_size=5), "sources": st.lists(values, max_size=3)},
    optional={"occurred_on": texts},
)


def entry(state: bytes, **columns: Any) -> Entry:
    plain: dict[str, Any] = {
        "originator_id": "deal:1",
        "originator_version": 3,
        "topic": "DealOpened",
        "id": 7,
        "recorded_at": "2026-01-02T03:04:05.678Z",
        "recorded_by": "alice",
        "command_id": "c-1",
    }
    return Entry(state=state, **{**plain, **columns})


def envelope(of: Entry) -> dict[str, Any]:
    return {
        "command_id": of.command_id,
        "event": of.event,
        "id": of.stream,
        "position": of.position,
        "recorded_at": of.recorded_at,
        "recorded_by": of.recorded_by,
        "version": of.version,
    }


def test_the_line_is_sorted_compact_and_holds_the_state_unchanged() -> None:
    state = '{"data":{"name":"Шымкент","value":"12.50"},"occurred_on":"2026-01","sources":[{"url":"u"}]}'
    assert entry_json(entry(state.encode())).decode() == (
        '{"command_id":"c-1","data":{"name":"Шымкент","value":"12.50"},"event":"DealOpened","id":"deal:1",'
        '"occurred_on":"2026-01","position":7,"recorded_at":"2026-01-02T03:04:05.678Z","recorded_by":"alice",'
        '"sources":[{"url":"u"}],"version":3}'
    )


@given(states, texts, texts, texts, texts, numbers, numbers)
def test_the_line_is_what_rfc_8785_says(
    members: dict[str, Any], stream: str, name: str, actor: str, command_id: str, position: int, version: int
) -> None:
    one = entry(
        rfc8785.dumps(members),
        originator_id=stream,
        topic=name,
        recorded_by=actor,
        command_id=command_id,
        id=position,
        originator_version=version,
    )
    assert entry_json(one) == rfc8785.dumps(members | envelope(one))


@given(states)
def test_a_state_is_read_as_it_was_written(members: dict[str, Any]) -> None:
    assert read_state(rfc8785.dumps(members)) == members


@given(
    st.binary()
    | st.text().map(lambda text: text.encode("utf-8", "surrogatepass"))
    | states.map(json.dumps).map(str.encode)
)
def test_any_bytes_have_a_line(state: bytes) -> None:
    one = entry(state)
    line = entry_json(one)
    assert b"\n" not in line
    if read_state(state) is None:
        assert line == rfc8785.dumps(envelope(one) | {"state_base64": b64encode(state).decode()})


@pytest.mark.parametrize(
    "state",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"data":{}}',
        b'{"data":{},"sources":{}}',
        b'{"data":[],"sources":[]}',
        b'{"data":{},"occurred_on":null,"sources":[]}',
        b'{"data":{},"more":1,"sources":[]}',
        b'{"data":{},"position":1,"sources":[]}',
        b'{"sources":[],"data":{}}',
        b'{"data":{}, "sources":[]}',
        b'{"data":{"a": 1},"sources":[]}',
        b'{"data":{"b":1,"a":1},"sources":[]}',
        b'{"data":{"a":1,"a":1},"sources":[]}',
        b'{"data":{"a":1.5},"sources":[]}',
        b'{"data":{"a":1e3},"sources":[]}',
        b'{"data":{"a":-0},"sources":[]}',
        b'{"data":{"a":NaN},"sources":[]}',
        b'{"data":{"a":"\\u0041"},"sources":[]}',
        b'{"data":{"a":"\\/"},"sources":[]}',
        b'{"data":{"a":"\\ud800"},"sources":[]}',
        b'{"data":{"a":"\xff"},"sources":[]}',
        b'{"data":{},"sources":[]}\n',
        b'{"data":{"a":' + b"[" * 200 + b"]" * 200 + b'},"sources":[]}',
        b"[" * 60_000,
        b'{"a":' * 10_000,
    ],
)
def test_a_state_that_is_not_canonical_is_shown_whole(state: bytes) -> None:
    assert read_state(state) is None
    assert json.loads(entry_json(entry(state)))["state_base64"] == b64encode(state).decode()


def test_brackets_in_text_are_no_depth() -> None:
    state = rfc8785.dumps({"data": {"a": '[{"' * 500 + "\\"}, "sources": []})
    assert read_state(state) is not None


def test_the_longest_entry_fits_into_a_tile() -> None:
    name = '"' * MAX_NAME
    state = rfc8785.dumps({"data": {"a": "x" * (MAX_STATE - 30)}, "sources": []})
    assert len(state) == MAX_STATE
    greatest = entry(
        state, originator_id=name, topic=name, recorded_by=name, command_id=name, id=2**53, originator_version=2**53
    )
    assert len(entry_json(greatest)) <= entry_length(state) <= MAX_ENTRY
