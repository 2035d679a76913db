"""The first record as its readers get it: recorded once, what is disputed, how far each deal has come, day by day."""

from functools import cache
from typing import Any

import apsw
import pytest

from service.first_record import FIRST_RECORD_ACTOR, first_record, first_record_parts
from service.log import Log
from service.registry import Receipt, Registry
from service.replica.day import fold_on
from service.replica.projector import Projector
from service.replica.tables import ALIVE, ddl
from tests.support.histories import entries

BOEING = "deal:uz-boeing-787"


def record_it(log: Log) -> list[Receipt]:
    registry = Registry(log)
    return [
        registry.record(part.facts, actor=FIRST_RECORD_ACTOR, command_id=part.command_id)
        for part in first_record_parts()
    ]


@cache
def replica() -> apsw.Connection:
    """A replica of the first record, with room for what held on a day."""
    connection = apsw.Connection(":memory:")
    connection.execute("ATTACH ':memory:' AS scratch")
    for schema in ("main", "scratch"):
        for statement in ddl(schema):
            connection.execute(statement)
    Projector(connection).apply(entries(first_record()))
    return connection


def rows(statement: str) -> list[tuple[Any, ...]]:
    return replica().execute(statement).fetchall()


def line_on(day: str) -> tuple[Any, ...]:
    """Firm aircraft, open options and aircraft of no stated commitment of the Boeing deal on a day."""
    assert fold_on(replica(), BOEING, day, len(first_record()))
    (line,) = rows("SELECT firm, open_options, not_stated FROM scratch.line")
    return line


def test_recording_it_again_adds_nothing(log: Log) -> None:
    first, again = record_it(log), record_it(log)
    assert log.head().position == len(first_record())
    assert [receipt.positions for receipt in again] == [receipt.positions for receipt in first]
    assert all(receipt.repeated for receipt in again)


def test_the_replica_reads_all_of_it() -> None:
    assert rows("SELECT * FROM held_back") == []


def test_what_the_sources_disagree_about_is_disputed_and_nothing_else() -> None:
    disputed = rows(f"SELECT owner, key FROM claimed WHERE until = {ALIVE} AND verification = 'DISPUTED'")
    assert set(disputed) == {
        ("agreement:us-uz-jif-2026", "kind"),
        ("agreement:us-uz-jif-2026", "signed"),
        ("deal:kz-johndeere", "value:HEADLINE"),
        ("deal:kz-tungsten", "effect:JOBS:KAZ"),
        ("deal:kz-wabtec-2025", "delivery_duration:locomotives"),
        ("institution:kz-ministry-ai", "gathering"),
    }


@pytest.mark.parametrize(
    ("subject", "verification"),
    [
        ("value:OFFICIAL_ESTIMATE", "OFFICIAL"),
        ("effect:JOBS_SUPPORTED:USA", "OFFICIAL"),
        ("effect:JOBS_CREATED:USA", "CORROBORATED"),
        ("line:boeing-787-9:FIRM", "SINGLE_ORIGIN"),
    ],
)
def test_a_reprint_counts_as_its_original(subject: str, verification: str) -> None:
    found = rows(f"SELECT verification FROM claimed WHERE until = {ALIVE} AND owner = '{BOEING}' AND key = '{subject}'")
    assert found == [(verification,)]


@pytest.mark.parametrize(
    ("deal", "commitment", "basis"),
    [
        (BOEING, "FIRM", "OFFICIAL_ESTIMATE"),
        ("deal:kz-airastana-787", "FIRM", "HEADLINE"),
        ("deal:kz-wabtec-2024", "FIRM", "CONTRACT"),
        ("deal:kz-airastana-737max-loi-2019", "INTENDED", "LIST_PRICE"),
        ("deal:kz-tungsten", "ANNOUNCED", "HEADLINE"),
        ("deal:tj-somonair-2025", "ANNOUNCED", None),
    ],
)
def test_each_deal_has_come_as_far_as_its_sources_say(deal: str, commitment: str, basis: str | None) -> None:
    found = rows(f"SELECT commitment, value_basis FROM deal WHERE until = {ALIVE} AND id = '{deal}'")
    assert found == [(commitment, basis)]


def test_on_the_day_of_the_summit_14_were_firm_and_8_options_beside_22_of_no_stated_commitment() -> None:
    assert line_on("2025-09-22") == ("14", "8", "22")


def test_on_the_day_of_the_exercise_all_22_were_firm() -> None:
    assert line_on("2025-11-06") == ("22", "0", "22")


def test_the_old_air_astana_order_slipped_three_times() -> None:
    slipped = rows(f"SELECT id, delays FROM deal WHERE until = {ALIVE} AND schedule = 'DELAYED'")
    assert slipped == [("deal:kz-airastana-787-8-2012", 3)]


def test_the_ministry_works_since_its_decree() -> None:
    assert fold_on(replica(), "institution:kz-ministry-ai", "2025-09-17", len(first_record()))
    assert rows("SELECT status FROM scratch.institution") == [("ANNOUNCED",)]
    assert rows(f"SELECT status FROM institution WHERE until = {ALIVE}") == [("OPERATING",)]


def test_nothing_in_it_looks_wrong() -> None:
    found = rows(f"SELECT owner, kind FROM anomaly WHERE until = {ALIVE}")
    assert [one for one in found if one[1] != "DATE_AFTER_RECORDED"] == []  # the histories of tests have a fixed clock
