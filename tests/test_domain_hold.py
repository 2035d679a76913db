"""What a stream holds after any corrections and retractions, against the rule said the plain way."""

from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.catalogue import new_aggregate, read_fact
from domain.common import EventRetracted, FactCorrected
from domain.fact import Fact, Refused, body, field_values
from domain.stream import Held, Recorded, apply, hold
from tests.support.examples import DEAL, Record, example, opened_world

FIELDS: dict[str, list[Any]] = {
    "title": ["One", "Two", None, 7],
    "kind": ["LOAN", "SUPPLY", "GIFT"],
    "occurred_on": ["2025", "1984?", "soon"],
}
targets = st.integers(1, 12)
corrections = st.sampled_from([(field, now) for field, values in FIELDS.items() for now in values])
acts = st.one_of(
    st.builds(lambda target: example("EventRetracted", target=target), targets),
    st.builds(
        lambda target, change: example("FactCorrected", target=target, field=change[0], now=change[1]),
        targets,
        corrections,
    ),
)
later = st.one_of(
    acts,
    st.sampled_from(["OptionExercised", "GoodsDelivered", "DealSuspended", "FactClaimed", "ClaimAdopted"]).map(example),
)


def stands(facts: list[Fact], version: int) -> bool:
    """Whether no later retraction that itself stands speaks of it."""
    return not any(
        isinstance(fact.content, EventRetracted) and fact.content.target == version and stands(facts, index)
        for index, fact in enumerate(facts[version:], version + 1)
    )


def corrected(facts: list[Fact], version: int) -> dict[str, Any]:
    """The fields of a fact with each correction that stands, in order; what it could not take left as it was."""
    values = {name: value for name, value in field_values(facts[version - 1]).items() if value is not None}
    for index, fact in enumerate(facts[version:], version + 1):
        content = fact.content
        if isinstance(content, FactCorrected) and content.target == version and stands(facts, index):
            tried = {**values, content.field: content.now}
            kept = _readable(facts[version - 1], tried)
            values = kept if kept is not None else values
    return values


def _readable(fact: Fact, values: dict[str, Any]) -> dict[str, Any] | None:
    envelope = {name: values[name] for name in ("occurred_on", "sources") if values.get(name) is not None}
    data = {
        name: value for name, value in values.items() if name not in ("occurred_on", "sources") and value is not None
    }
    try:
        read = read_fact({"event": fact.event, "id": fact.id, "data": data, **envelope})
    except Refused:
        return None
    return {name: value for name, value in field_values(read).items() if value is not None}


def held_values(held: Held) -> dict[str, Any]:
    return {name: value for name, value in field_values(held.fact).items() if value is not None}


@given(st.lists(later, max_size=11))
def test_a_stream_holds_what_the_rule_says_even_of_acts_that_no_door_would_take(values: list[dict[str, Any]]) -> None:
    facts = [read_fact(value) for value in [example("DealAnnounced", id=DEAL), *values]]
    held = hold(facts)
    assert [one.version for one in held] == list(range(1, len(facts) + 1))
    assert [one.live for one in held] == [stands(facts, version) for version in range(1, len(facts) + 1)]
    assert held_values(held[0]) == corrected(facts, 1)
    assert [one.original for one in held] == facts


@given(st.lists(later, max_size=12))
def test_applying_never_raises_and_counts_versions(values: list[dict[str, Any]]) -> None:
    stream = new_aggregate(DEAL)
    for version, value in enumerate(values, 1):
        apply(stream, Recorded(DEAL, version, read_fact(value)))
    assert stream.version == len(values) == len(stream.held())


@given(st.lists(later, max_size=12))
def test_after_whatever_the_door_takes_everything_recorded_is_as_it_was_sent(values: list[dict[str, Any]]) -> None:
    record = Record(opened_world())
    taken: list[Fact] = []
    for value in values:
        with suppress(Refused):
            taken.append(record.take(value))
    stream = record.get(DEAL)
    assert [body(fact) for fact in stream.facts[7:]] == [body(fact) for fact in taken]
    assert getattr(stream, "open_options")("jets") >= 0  # noqa: B009  # only deals have it
