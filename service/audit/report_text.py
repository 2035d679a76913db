"""A report of a period as plain text, and as JSON."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby
from typing import Any

from service.audit.report import Act, Recorded, Report
from service.audit.rested import Step

TITLES = {
    "FactCorrected": "Corrected",
    "EventRetracted": "Retracted",
    "SourceWithdrawn": "Sources withdrawn",
    "PartyMerged": "Parties merged",
    "ClaimAdopted": "Claims adopted",
}
"""The acts on the record in the order of a report, and what each is called there."""


def as_json(report: Report) -> str:
    """The whole report as one JSON object."""
    return json.dumps({"events": report.events, **asdict(report)}, ensure_ascii=False)


def as_text(report: Report) -> str:
    """The report as lines for people."""
    return "\n".join(_lines(report)) + "\n"


def period(report: Report) -> str:
    """The period in words."""
    if not report.events:
        return f"nothing was recorded from position {report.first:,} on"
    count = f"{report.events:,} event{'' if report.events == 1 else 's'}"
    times = " to ".join(dict.fromkeys(minute(moment) for moment in (report.since, report.until)))
    return f"{times}, positions {report.first:,} to {report.last:,}: {count}"


def minute(moment: str | None) -> str:
    """A time as people read it."""
    return "" if moment is None else f"{moment[:10]} {moment[11:16]} UTC"


def brief(value: Any) -> str:
    """A value of an event in a few words."""
    if isinstance(value, dict):
        return str(value.get("as_stated") or _number(value) or json.dumps(value, ensure_ascii=False))
    if isinstance(value, list):
        return ", ".join(map(brief, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "nothing" if value is None else str(value)


def _number(value: dict[str, Any]) -> str:
    sides = [value[side] for side in ("low", "high") if side in value]
    words = [" to ".join(dict.fromkeys(sides)), value.get("unit") or value.get("currency"), value.get("basis")]
    return " ".join(word for word in words if word) if sides else ""


def by_object(recorded: list[Recorded]) -> list[tuple[str, list[Recorded]]]:
    """The facts of each object together, objects in the order of their first fact."""
    order = {fact.object: index for index, fact in reversed(list(enumerate(recorded)))}
    ordered = sorted(recorded, key=lambda fact: (order[fact.object], fact.position))
    return [(id, list(facts)) for id, facts in groupby(ordered, key=lambda fact: fact.object)]


def change(step: Step) -> str:
    """One answer before and after."""
    return f"{step.field}: {brief(step.was)} → {brief(step.now)}"


def _lines(report: Report) -> Iterator[str]:
    yield f"Record {report.origin}"
    yield period(report)
    yield ""
    for kind, title in TITLES.items():
        acts = report.of_kind(kind)
        yield f"{title}: {len(acts)}"
        for act in acts:
            yield from _act_lines(act, report)
    yield ""
    facts = len(report.recorded) + report.left_out
    yield f"Facts recorded: {facts:,}"
    for _, recorded in by_object(report.recorded):
        yield from _object_lines(recorded)
    if report.left_out:
        yield f"  … and {report.left_out:,} more; 'tamga events' lists them all"
    yield from _people_and_sources(report)
    yield from _seal_lines(report)


def _act_lines(act: Act, report: Report) -> Iterator[str]:
    undone = " (itself retracted since)" if act.undone else ""
    yield f"  {act.position}  {act.title} ({act.object}){undone}"
    if act.field:
        yield f"      {act.target}, {act.field}: {brief(act.was)} → {brief(act.now)}"
    elif act.target != act.object:
        yield f"      {act.target}"
    cause = f"{act.cause}: " if act.cause else ""
    yield f"      {cause}{act.reason} [{act.recorded_by}, {minute(act.recorded_at)}]"
    for step in act.rested:
        other = "" if step.object == act.object else f"{report.titles.get(step.object, step.object)}, "
        yield f"      - {other}{change(step)}"


def _object_lines(facts: list[Recorded]) -> Iterator[str]:
    first = facts[0]
    yield f"  {first.title} ({first.object}){', new' if first.opens else ''}"
    for fact in facts:
        when = f"{fact.occurred_on}: " if fact.occurred_on else ""
        sources = ", ".join(dict.fromkeys(citation.source for citation in fact.sources))
        on = f" [{sources}]" if sources else ""
        yield f"    {fact.position}  {fact.event}  {when}{fact.summary}{on}"


def _people_and_sources(report: Report) -> Iterator[str]:
    yield ""
    yield "Recorded by"
    for who, count in report.by_recorder.items():
        yield f"  {count:>6,}  {who}"
    yield ""
    yield f"On {len(report.sources) + report.sources_left_out:,} sources"
    for source in report.sources:
        withdrawn = ", WITHDRAWN" if source.withdrawn else ""
        yield f"  {source.events:>6,}  {source.title} ({source.kind}{withdrawn}, {source.id})"
    if report.sources_left_out:
        yield f"  … and {report.sources_left_out:,} more, which fewer events name"


def _seal_lines(report: Report) -> Iterator[str]:
    yield ""
    yield f"State root at {report.last:,} by rules {report.rules}: {report.state_root}"
    if report.sealed is None:
        yield "No checkpoint covers this period yet."
    else:
        yield f"Covered by the checkpoint of {report.sealed.size:,} events, root {report.sealed.root}"
