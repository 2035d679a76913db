"""What every object's fold makes: parties, sectors, effects, assessments, corrections and the general anomalies."""

from collections.abc import Iterable

import msgspec

from domain.catalogue import CATALOGUE, CORRECTIONS
from domain.codes import AnomalyKind
from domain.common import AssessmentVoiced, EffectClaimed, EventRetracted, FactCorrected
from domain.fact import Content, field_values
from domain.party import PartyMerged
from domain.values import PartyRef, SectorShare, WorldDate
from service.replica.claimed_values import kind_of
from service.replica.part import Part, Subjects
from service.replica.view import Kept, View, sort_day
from service.replica.world import World


def put_parties(view: View, world: World, parties: Iterable[PartyRef]) -> int:
    """Make a row for each party and role, under the name that it goes by after mergers; gives how many."""
    count = 0
    for reference in parties:
        facet = world.party(reference.party)
        key = f"{reference.party}/{reference.role}"
        if ("party_link", key) not in view.rows:
            count += 1
            view.put(
                "party_link",
                key,
                party=facet.survivor,
                stated_party=reference.party,
                role=reference.role,
                country=facet.country,
            )
    return count


def _put_sectors(view: View, _: World) -> None:
    """All sectors that any live event names; opening events may name some too."""
    for kept in view.kept:
        sectors = getattr(kept.fact.content, "sectors", ()) if kept.held.live else ()
        for sector in sectors:
            if isinstance(sector, SectorShare) and ("sector", f"{sector.scheme}/{sector.code}") not in view.rows:
                view.put(
                    "sector",
                    f"{sector.scheme}/{sector.code}",
                    scheme=sector.scheme,
                    code=sector.code,
                    percent=sector.percent,
                    subject="sectors",
                )


def _put_assessments(view: View, _: World) -> None:
    for kept, content in view.live(AssessmentVoiced):
        view.put(
            "assessment",
            kept.id,
            subject=kept.fact.subject("statement", kept.held.version),
            theme=content.theme,
            statement=content.statement,
            said_by=content.by,
            event=kept.id,
        )


def _put_effects(view: View, world: World) -> None:
    for _, content in view.live(EffectClaimed):
        name, subject = next(iter(content.subjects().items()))
        key = f"{subject}:{content.outlook}"
        if ("effect", key) not in view.rows:
            view.put(
                "effect",
                key,
                subject=subject,
                kind=content.kind,
                place=content.place,
                outlook=content.outlook,
                statement=content.statement,
                measure=kind_of(getattr(content, name)),
            )


def _put_corrections(view: View, _: World) -> None:
    for kept in view.kept:
        content = kept.fact.content
        if kept.fact.event not in CORRECTIONS:
            continue
        if isinstance(content, FactCorrected):
            was, now = _was(view, kept, content), msgspec.json.encode(content.now).decode()
            _put_correction(view, kept, target=f"{view.id}@{content.target}", field=content.field, was=was, now=now)
        elif isinstance(content, EventRetracted):
            _put_correction(view, kept, target=f"{view.id}@{content.target}")
        elif isinstance(content, PartyMerged):
            _put_correction(view, kept, target=view.id, field="into", now=f'"{content.into}"')
        else:
            _put_correction(view, kept, target=getattr(content, "claim", view.id))


def _put_correction(view: View, kept: Kept, target: str, **values: str | None) -> None:
    view.put(
        "correction",
        kept.id,
        kind=kept.fact.event,
        event=kept.id,
        target=target,
        cause=getattr(kept.fact.content, "cause", None),
        reason=getattr(kept.fact.content, "reason", ""),
        position=kept.position,
        recorded_at=kept.placed.recorded_at,
        recorded_by=kept.placed.recorded_by,
        retracted=not kept.held.live,
        **values,
    )


def _was(view: View, correction: Kept, content: FactCorrected) -> str:
    """What the field said until then: what the correction before it made of it, if that stood, else the original."""
    version, value = correction.held.version, None
    for kept in view.kept[: version - 1]:
        other, fallen = kept.fact.content, kept.held.retracted_by
        if kept.held.version == content.target:
            value = field_values(kept.held.original).get(content.field)
        elif isinstance(other, FactCorrected) and (other.target, other.field) == (content.target, content.field):
            value = other.now if fallen is None or fallen > version else value
    return msgspec.json.encode(value).decode()


def _flag_dates(view: View, _: World) -> None:
    for kept in view.kept:
        if _is_ahead(kept):
            view.anomaly(AnomalyKind.DATE_AFTER_RECORDED, kept)


def _is_ahead(kept: Kept) -> bool:
    """Whether an event is dated after the day on which it was recorded."""
    when = kept.fact.occurred_on
    return when is not None and kept.live and (when.earliest or "") > kept.placed.recorded_at[:10]


def label(view: View, subjects: Subjects, name: str = "title") -> str:
    """What to call the object: the claimed title, else that of a retracted opening, else its key."""
    shown = subjects[name].value if name in subjects else None
    said = shown or next((found for kept in view.kept if (found := getattr(kept.fact.content, name, None))), None)
    return str(said or view.id.partition(":")[2].replace("-", " "))


def shown(subjects: Subjects, name: str) -> str | None:
    """The shown value of a subject as a text."""
    value = subjects[name].value if name in subjects else None
    return None if value is None else str(value)


def shown_day(subjects: Subjects, *names: str) -> str:
    """The earliest day of the first of these dates that is shown, as a sort key: lists go by what they show."""
    found = (subjects[name].value for name in names if name in subjects)
    return sort_day(next((value for value in found if isinstance(value, WorldDate)), None))


_WITH_SECTORS = tuple(event for event in CATALOGUE.values() if "sectors" in event.__dataclass_fields__)

COMMON_PARTS = (
    Part("sectors", _WITH_SECTORS, _put_sectors, single=True),
    Part("effects", (EffectClaimed,), _put_effects, single=True),
    Part("assessments", (AssessmentVoiced,), _put_assessments, single=True),
    Part("corrections", tuple(CATALOGUE[name] for name in CORRECTIONS), _put_corrections),
    Part("dates", (Content,), _flag_dates, single=True, concerns=_is_ahead),
)
"""The parts that every object has."""
