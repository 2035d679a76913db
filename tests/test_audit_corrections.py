"""Every act on the record through GraphQL: before its position the old answer stays byte for byte, then the new one."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.reading import Reading, reading

NEWS, RELEASE, REPRINT = "source:news", "source:release", "source:reprint"
MAKER, TWIN, DEAL, LETTER = "party:maker", "party:maker-twin", "deal:jets", "agreement:letter"

WHOLE = """query($at: AsOf) {
  deal(id: "deal:jets", asOf: $at) {
    id title commitment version changed retracted disputed
    value { text verification adopted claim { id standing } claims { id text standing sources { source { id } } } }
    parties { role party { id name } statedParty { id } }
    lines { item firm claims: reports { commitment quantity { text verification } } }
    claimed { subject text verification }
    corrections { kind was now retracted }
    history { totalCount nodes { id summary retracted } }
  }
  deals(asOf: $at) { totalCount edges { cursor node { id title } } }
  parties(asOf: $at) { nodes { id name mergedInto { id } } }
  sources(asOf: $at) { nodes { id withdrawn title } }
  agreements(asOf: $at) { nodes { id status binding } }
  corrections(asOf: $at) { totalCount nodes { kind target position retracted } }
}"""

ACTS = """{ corrections { nodes {
  kind of { id } target targetEvent { id type } field was now cause reason recordedBy position retracted
  rested { objectId kind fields { field was now position } } claims { id standing text }
} } }"""


def fact(event: str, id: str, *sources: str, **data: Any) -> dict[str, Any]:
    return {"event": event, "id": id, "data": data, "sources": [{"source": source} for source in sources]}


def dollars(low: str) -> dict[str, Any]:
    return {"low": low, "high": low, "currency": "USD", "basis": "CONTRACT"}


def act(event: str, id: str, **data: Any) -> dict[str, Any]:
    return {"event": event, "id": id, "data": {"reason": "looked at it again", **data}}


FACTS = (
    fact("SourceRegistered", NEWS, kind="NEWS", title="The news"),
    fact("SourceRegistered", RELEASE, kind="COMPANY_RELEASE", title="The release"),
    fact("SourceRegistered", REPRINT, kind="NEWS", title="A reprint", derived_from=RELEASE),
    fact("PartyRegistered", MAKER, NEWS, kind="COMPANY", name="Maker", seat="USA"),
    fact("PartyRegistered", TWIN, NEWS, kind="COMPANY", name="Maker Inc.", seat="USA"),
    fact("AgreementSigned", LETTER, NEWS, title="The letter", binding="NO"),
    fact("DealAnnounced", DEAL, NEWS, title="Jetts", parties=[{"party": TWIN, "role": "SELLER"}]),
    fact("DealValueReported", DEAL, NEWS, money=dollars("85")),
    fact("DealValueReported", DEAL, REPRINT, money=dollars("80")),
    fact(
        "DealLineReported", DEAL, NEWS, key="l", item="787", commitment="FIRM",
        quantity={"low": "22", "high": "22", "unit": "aircraft"},
    ),
)  # fmt: skip


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Reading]:
    with reading(tmp_path) as opened:
        opened.record(*FACTS)
        yield opened


def said(record: Reading, at: int | None = None) -> bytes:
    """The whole answer, as text; the compiled read and the slow path give the same."""
    operation = record.operations.prepare(WHOLE)
    variables = {"at": None if at is None else {"position": at}}
    answer = asyncio.run(record.engine.execute(operation, variables))
    assert asyncio.run(record.engine.executed_slowly(operation, variables)) == answer
    assert b'"errors"' not in answer
    return answer


def newest(record: Reading) -> dict[str, Any]:
    """The act that was recorded last, with what rested on it."""
    found: dict[str, Any] = record.ask(ACTS)["corrections"]["nodes"][0]
    return found


def fields(found: dict[str, Any], object: str = DEAL) -> dict[str, tuple[Any, Any]]:
    """What an act changed of an object: field, before and after."""
    (one,) = [each for each in found["rested"] if each["objectId"] == object]
    return {field["field"]: (field["was"], field["now"]) for field in one["fields"]}


def value(record: Reading, at: int | None = None) -> dict[str, Any]:
    moment = "" if at is None else f", asOf: {{position: {at}}}"
    query = f'{{ deal(id: "{DEAL}"{moment}) {{ value {{ text verification adopted claims {{ id standing }} }} }} }}'
    found: dict[str, Any] = record.ask(query)["deal"]["value"]
    return found


CHANGES = {
    "FactCorrected": act("FactCorrected", DEAL, target=1, field="title", now="Jets", cause="CLERICAL"),
    "EventRetracted": act("EventRetracted", DEAL, target=4, cause="MISREAD"),
    "PartyMerged": act("PartyMerged", TWIN, into=MAKER),
    "ClaimAdopted": act("ClaimAdopted", DEAL, claim=f"{DEAL}@2#money"),
    "SourceWithdrawn": act("SourceWithdrawn", RELEASE),
}


def test_before_an_act_the_old_answer_stays_and_after_it_the_new_one_shows(record: Reading) -> None:
    for kind, change in CHANGES.items():
        before, position = said(record), record.replica.position
        record.record(change)
        assert said(record, position) == before, kind
        assert said(record) == said(record, position + 1) != before, kind


def test_a_retracted_act_is_undone_from_then_on_and_stays_in_the_list(record: Reading) -> None:
    for kind, change in CHANGES.items():
        before, position = value(record), record.replica.position
        id = record.record(change).event_ids[0]
        stream, version = change["id"], int(id.partition("@")[2])
        during = said(record)
        record.record(act("EventRetracted", stream, target=version, cause="CLERICAL"))
        assert value(record) == before, kind
        assert said(record, position + 1) == during, kind
        acts = record.ask(ACTS)["corrections"]["nodes"][:2]
        assert [(one["kind"], one["retracted"]) for one in acts] == [("EventRetracted", False), (kind, True)]
        assert acts[0]["targetEvent"] == {"id": id, "type": kind}


def test_a_retraction_of_a_retraction_brings_the_event_back(record: Reading) -> None:
    record.record(CHANGES["EventRetracted"])
    gone = said(record)
    record.record(act("EventRetracted", DEAL, target=5, cause="CLERICAL"))
    assert fields(newest(record))["lines/l/firm"] == (None, "22")
    assert said(record, record.replica.position - 1) == gone
    assert record.ask(f'{{ node(id: "{DEAL}@4") {{ ... on Event {{ retracted }} }} }}') == {
        "node": {"retracted": False}
    }


def test_a_correction_says_was_now_cause_reason_by_whom_and_what_rested_on_it(record: Reading) -> None:
    now = dollars("84")
    record.record(act("FactCorrected", DEAL, target=3, field="money", now=now, cause="MISREAD"), actor="key:editor")
    found = newest(record)
    assert (found["was"]["low"], found["now"]["low"], found["cause"]) == ("80", "84", "MISREAD")
    assert (found["recordedBy"], found["reason"]) == ("key:editor", "looked at it again")
    assert (found["of"], found["targetEvent"]["type"]) == ({"id": DEAL}, "DealValueReported")
    assert fields(found)["value"] == ("USD 80", "USD 84")
    assert {claim["id"]: claim["standing"] for claim in found["claims"]} == {f"{DEAL}@3#money": "CORRECTED"}


def test_each_correction_of_a_field_begins_where_the_one_before_it_ended(record: Reading) -> None:
    for title in ("Jets", "Jet planes", "Aircraft"):
        record.record(act("FactCorrected", DEAL, target=1, field="title", now=title, cause="CLERICAL"))
    acts = record.ask(ACTS)["corrections"]["nodes"]
    steps = [("Jet planes", "Aircraft"), ("Jets", "Jet planes"), ("Jetts", "Jets")]
    assert [(one["was"], one["now"]) for one in acts] == steps


def test_a_retracted_correction_is_no_longer_where_the_next_one_begins(record: Reading) -> None:
    record.record(act("FactCorrected", DEAL, target=1, field="title", now="Jets", cause="CLERICAL"))
    record.record(act("EventRetracted", DEAL, target=5, cause="CLERICAL"))
    record.record(act("FactCorrected", DEAL, target=1, field="title", now="Aircraft", cause="CLERICAL"))
    assert (newest(record)["was"], newest(record)["now"]) == ("Jetts", "Aircraft")


def test_a_retracted_line_takes_the_commitment_with_it(record: Reading) -> None:
    record.record(CHANGES["EventRetracted"])
    changed = fields(newest(record))
    assert changed["commitment"] == ("FIRM", "ANNOUNCED")
    assert changed["lines/l/firm"] == ("22", None)
    assert {"id": f"{DEAL}@4#quantity", "standing": "RETRACTED", "text": "22 aircraft"} in newest(record)["claims"]


def test_a_merger_leads_references_of_other_objects_to_the_survivor(record: Reading) -> None:
    record.record(CHANGES["PartyMerged"])
    found = newest(record)
    assert [one["objectId"] for one in found["rested"]] == [TWIN, DEAL]
    assert [one["kind"] for one in found["rested"]] == ["CORRECTED", "CHANGED"]
    assert fields(found) == {f"parties/{TWIN}/SELLER/party": (TWIN, MAKER)}


def test_what_rested_on_an_act_is_counted_whole_and_listed_as_far_as_asked_for(record: Reading) -> None:
    record.record(CHANGES["PartyMerged"])
    for first, listed in (("", 2), ("(first: 1)", 1), ("(first: 0)", 0), ("(first: -1)", 0), ("(first: 9999)", 2)):
        query = (
            f"{{ corrections(first: 1) {{ nodes {{"
            f" objectsReached rested{first} {{ objectId }} claims{first} {{ id }} }} }} }}"
        )
        (found,) = record.ask(query)["corrections"]["nodes"]
        assert (found["objectsReached"], len(found["rested"])) == (2, listed)


def test_an_adopted_claim_is_shown_in_place_of_the_better_source(record: Reading) -> None:
    assert (value(record)["text"], value(record)["adopted"]) == ("USD 80", False)
    record.record(CHANGES["ClaimAdopted"])
    assert (value(record)["text"], value(record)["adopted"]) == ("USD 85", True)
    assert fields(newest(record))["value"] == ("USD 80", "USD 85")
    assert newest(record)["target"] == f"{DEAL}@2#money"


def test_what_is_or_is_not_is_told_as_true_or_false(record: Reading) -> None:
    record.record(act("SourceWithdrawn", REPRINT))
    assert {"field": "withdrawn", "was": "false", "now": "true"} in [
        {name: step[name] for name in ("field", "was", "now")}
        for change in newest(record)["rested"]
        for step in change["fields"]
    ]


def test_a_reprint_falls_with_the_original_that_is_withdrawn(record: Reading) -> None:
    claim = f"{DEAL}@3#money"
    assert value(record)["text"] == "USD 80"
    assert {"id": claim, "standing": "LIVE"} in value(record)["claims"]
    record.record(act("SourceWithdrawn", RELEASE))
    assert value(record)["text"] == "USD 85"
    assert {"id": claim, "standing": "SOURCE_WITHDRAWN"} in value(record)["claims"]
    assert not record.ask("query ($id: ID!) { source(id: $id) { withdrawn } }", id=REPRINT)["source"]["withdrawn"]


def test_a_withdrawn_source_leaves_its_values_in_sight_and_marks_them(record: Reading) -> None:
    record.record(act("EventRetracted", DEAL, target=2, cause="CLERICAL"))
    before = record.replica.position
    record.record(act("SourceWithdrawn", REPRINT))
    found = value(record)
    assert (found["text"], found["verification"]) == ("USD 80", "RETRACTED")
    assert {"id": f"{DEAL}@3#money", "standing": "SOURCE_WITHDRAWN"} in found["claims"]
    assert value(record, before)["verification"] == "SINGLE_ORIGIN"
    claims = [(claim["id"], claim["standing"]) for claim in newest(record)["claims"]]
    assert claims == [(f"{DEAL}@3#money", "SOURCE_WITHDRAWN")]
    assert fields(newest(record))["value/verification"] == ("SINGLE_ORIGIN", "RETRACTED")


def test_acts_are_listed_alone_by_kind_cause_and_whether_they_stand(record: Reading) -> None:
    for kind in CHANGES:
        record.record(CHANGES[kind])
    record.record(act("EventRetracted", DEAL, target=5, cause="CLERICAL"))

    def listed(filter: str) -> list[str]:
        nodes = record.ask(f"{{ corrections(filter: {filter}, orderBy: OLDEST) {{ nodes {{ kind }} }} }}")
        return [node["kind"] for node in nodes["corrections"]["nodes"]]

    assert listed("{}") == [*CHANGES, "EventRetracted"]
    assert listed('{kind: ["PartyMerged", "SourceWithdrawn"]}') == ["PartyMerged", "SourceWithdrawn"]
    assert listed("{cause: [MISREAD]}") == ["EventRetracted"]
    assert listed("{retracted: true}") == ["FactCorrected"]
    assert listed("{retracted: false, cause: [CLERICAL]}") == ["EventRetracted"]


def test_a_correction_that_was_undone_no_longer_counts_as_put_right(record: Reading) -> None:
    record.record(CHANGES["FactCorrected"])
    query = "{ events(filter: {putRight: true}) { nodes { id } } }"
    assert record.ask(query)["events"]["nodes"] == [{"id": f"{DEAL}@1"}]
    record.record(act("EventRetracted", DEAL, target=5, cause="CLERICAL"))
    assert record.ask(query)["events"]["nodes"] == [{"id": f"{DEAL}@5"}]
