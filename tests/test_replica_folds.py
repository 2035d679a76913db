"""For random histories: the replica at any position is a fresh fold of the log up to it, however the batches fall."""

import dataclasses
from typing import Any

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.catalogue import read_fact
from domain.fact import Fact
from service.replica.day import fold_on
from service.replica.projector import Projector
from service.replica.store import position_of
from service.replica.tables import ALIVE, TABLES, ddl
from tests.support.histories import entries, histories

Rows = dict[str, list[tuple[Any, ...]]]


def replica() -> apsw.Connection:
    """An empty replica in memory."""
    connection = apsw.Connection(":memory:")
    for statement in ddl():
        connection.execute(statement)
    return connection


def fresh(facts: list[Fact], upto: int) -> Rows:
    """The rows alive after folding the first facts, one by one, into an empty replica."""
    connection = replica()
    projector = Projector(connection)
    for entry in entries(facts)[:upto]:
        projector.apply([entry])
    return rows_at(connection, upto)


def rows_at(connection: apsw.Connection, position: int) -> Rows:
    """The rows of every table alive at a position, without their versions."""
    found: Rows = {}
    for name, table in TABLES.items():
        columns = ", ".join(column for column in table.all_columns if column not in ("since", "until"))
        found[name] = sorted(
            connection.execute(
                f"SELECT {columns} FROM {name} WHERE since <= ? AND until > ?", (position, position)
            ).fetchall(),
            key=repr,
        )
    return found


@settings(max_examples=settings().max_examples // 2)
@given(histories(), st.data())
def test_the_replica_at_any_position_equals_a_fresh_fold_up_to_it(facts: list[Fact], data: st.DataObject) -> None:
    connection, log = replica(), entries(facts)
    start = 0
    while start < len(log):
        size = data.draw(st.integers(1, len(log)))
        Projector(connection).apply(log[start : start + size])
        start += size
    assert not connection.execute("SELECT * FROM held_back").fetchall()
    position = data.draw(st.integers(1, len(log)))
    assert rows_at(connection, position) == fresh(facts, position)
    assert rows_at(connection, len(log)) == fresh(facts, len(log))


@settings(max_examples=settings().max_examples // 3)
@given(histories())
def test_versions_of_a_row_follow_each_other_without_overlap(facts: list[Fact]) -> None:
    connection = replica()
    Projector(connection).apply(entries(facts))
    assert position_of(connection) == len(facts)
    for name, table in TABLES.items():
        keys = ", ".join(table.keys)
        versions = f"SELECT since, until, lead(since) OVER (PARTITION BY {keys} ORDER BY since) AS next FROM {name}"
        overlaps = f"SELECT 1 FROM ({versions}) WHERE since >= until OR next < until"
        assert connection.execute(overlaps).fetchone() is None, name


@settings(max_examples=settings().max_examples // 3)
@given(histories())
def test_a_row_is_only_written_anew_when_it_changed(facts: list[Fact]) -> None:
    connection = replica()
    Projector(connection).apply(entries(facts))
    for name, table in TABLES.items():
        columns = [column for column in table.all_columns if column not in ("since", "until")]
        same = " AND ".join(f"a.{column} IS b.{column}" for column in columns)
        assert not connection.execute(
            f"SELECT 1 FROM {name} a JOIN {name} b ON a.until = b.since AND {same}"
        ).fetchall(), name


@settings(max_examples=settings().max_examples // 3)
@given(histories())
def test_what_the_row_of_a_deal_holds_of_its_values_is_what_its_claims_show_at_any_moment(facts: list[Fact]) -> None:
    connection = replica()
    Projector(connection).apply(entries(facts))
    for subject, columns in (
        ("'announced'", {"announced": "edtf"}),
        ("deal.value_subject", {f"value_{key}": key for key in ("currency", "basis", "low", "high")}),
    ):
        held, told = (", ".join(f"{each}" for each in names) for names in (columns, columns.values()))
        shown = ", ".join(f"shown ->> '$.{key}' AS {key}" for key in columns.values())
        found = connection.execute(
            f"SELECT {held}, {told} FROM deal LEFT JOIN (SELECT owner, key, since, until, {shown} FROM claimed) AS c"
            f" ON c.owner = deal.id AND c.key = {subject} AND c.since < deal.until AND c.until > deal.since"
        ).fetchall()
        assert all(row[: len(columns)] == row[len(columns) :] for row in found)


@settings(max_examples=settings().max_examples // 3)
@given(histories())
def test_folding_event_by_event_equals_folding_each_object_from_nothing(facts: list[Fact]) -> None:
    connection = replica()
    connection.execute("ATTACH ':memory:' AS scratch")
    for statement in ddl("scratch"):
        connection.execute(statement)
    Projector(connection).apply(entries(facts))
    for id in {fact.id for fact in facts}:
        known = fold_on(connection, id, "9999-12-31", len(facts))
        for name, table in TABLES.items():
            columns = ", ".join(column for column in table.all_columns if column not in ("since", "until"))
            alive = f"WHERE until = {ALIVE} AND {table.keys[0]} = ? ORDER BY {', '.join(table.keys)}"
            main, scratch = (
                connection.execute(f"SELECT {columns} FROM {schema}.{name} {alive}", (id,)).fetchall()
                for schema in ("main", "scratch")
            )
            assert main == scratch or not known, (id, name)


@settings(max_examples=settings().max_examples // 2)
@given(histories(), st.data())
def test_a_rebuild_makes_every_row_that_following_makes(facts: list[Fact], data: st.DataObject) -> None:
    log = entries(facts)
    for broken in data.draw(st.sets(st.integers(0, len(log) - 1), max_size=2)):
        log[broken] = dataclasses.replace(log[broken], state=b"no fact")
    followed, rebuilt = replica(), replica()
    follower, start = Projector(followed), 0
    while start < len(log):
        size = data.draw(st.integers(1, len(log)))
        follower.apply(log[start : start + size])
        start += size
    projector, middle = Projector(rebuilt), data.draw(st.integers(1, len(log)))
    for part in filter(None, (log[:middle], log[middle:])):
        projector.take_shown(part, lambda position: False, lambda stream: True)
    projector.fold_streams(projector.left(), lambda position: False)
    for table in ("event", "facet", "depends", "touched", "held_back", "search", "state", *TABLES):
        rows = f"SELECT * FROM {table}"
        assert set(rebuilt.execute(rows)) == set(followed.execute(rows)), table


@pytest.mark.parametrize("batch", [1, 3, 4, 5])
def test_what_a_source_shows_of_itself_anew_reaches_every_object_that_rests_on_it(batch: int) -> None:
    deals = [{"event": "DealAnnounced", "id": f"deal:d{n}", "data": {"title": "one"}} for n in range(2)]
    cited = [{**deal, "sources": [{"source": "source:s"}]} for deal in deals]
    opened = {"event": "SourceRegistered", "id": "source:s", "data": {"kind": "NEWS", "title": "a paper"}}
    withdrawn = {"event": "SourceWithdrawn", "id": "source:s", "data": {"reason": "taken back"}}
    said = {"event": "DealResumed", "id": "deal:d0", "sources": [{"source": "source:s"}], "data": {}}
    log = entries([read_fact(one) for one in (opened, *cited, withdrawn, said)])
    connection = replica()
    for start in range(0, len(log), batch):
        Projector(connection).apply(log[start : start + batch])
    titles = "SELECT owner, since, until FROM claimed WHERE key = 'title' AND verification = 'RETRACTED' ORDER BY owner"
    assert connection.execute(titles).fetchall() == [("deal:d0", 4, ALIVE), ("deal:d1", 4, ALIVE)]
    assert connection.execute("SELECT id FROM touched WHERE position = 4 ORDER BY id").fetchall() == [
        ("deal:d0",),
        ("deal:d1",),
    ]


@pytest.mark.parametrize("batch", [1, 4, 5])
def test_a_correction_that_was_retracted_stays_among_the_claims_however_the_batches_fall(batch: int) -> None:
    cited, act = [{"source": "source:s"}], {"cause": "CLERICAL", "reason": "read again"}
    deal = "deal:d0"
    facts: list[dict[str, Any]] = [
        {"event": "SourceRegistered", "id": "source:s", "data": {"kind": "NEWS", "title": "a paper"}},
        {"event": "DealAnnounced", "id": deal, "sources": cited, "data": {"title": "one", "kind": "SUPPLY"}},
        {"event": "FactCorrected", "id": deal, "data": {"target": 1, "field": "title", "now": "two", **act}},
        {"event": "EventRetracted", "id": deal, "data": {"target": 2, **act}},
        {"event": "FactClaimed", "id": deal, "sources": cited, "data": {"target": 1, "field": "kind", "value": "LOAN"}},
    ]
    connection, log = replica(), entries([read_fact(one) for one in facts])
    for start in range(0, len(log), batch):
        Projector(connection).apply(log[start : start + batch])
    titles = f"SELECT key, standing, text FROM claim WHERE subject = 'title' AND until = {ALIVE} ORDER BY key"
    of_deal = [row for row in connection.execute(titles) if row[0].startswith(deal)]
    assert of_deal == [(f"{deal}@1#title", "LIVE", "one"), (f"{deal}@2#now", "RETRACTED", "two")]


def test_nothing_is_alive_before_the_first_position() -> None:
    assert all(not rows for rows in rows_at(replica(), 0).values())
    assert ALIVE == 2**63 - 1


@settings(max_examples=settings().max_examples // 4)
@given(histories(), st.data())
def test_entries_delivered_twice_change_nothing(facts: list[Fact], data: st.DataObject) -> None:
    connection, log = replica(), entries(facts)
    projector = Projector(connection)
    projector.apply(log)
    once = rows_at(connection, len(log))
    again = data.draw(st.integers(0, len(log) - 1))
    projector.apply(log[again:])
    Projector(connection).apply(log[again:])
    assert rows_at(connection, len(log)) == once
    assert connection.execute("SELECT count(*) FROM event").get == len(log)
