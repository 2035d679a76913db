"""The fold of an investment."""

from typing import Any

from domain.codes import PartyRole
from domain.investment import InvestmentAnnounced, InvestmentDivested, InvestmentMade, OutputReported
from domain.values import Money, PartyRef
from service.replica.folds.common import label, put_parties
from service.replica.part import Fold, Part, Results, Subjects
from service.replica.view import View, number_key, sort_day
from service.replica.world import World


def _row(view: View, world: World, subjects: Subjects, _: Results) -> dict[str, Any] | None:
    content, opening = _opening(view), view.last(InvestmentMade, InvestmentAnnounced)
    if content is None:
        return None
    value = _value(subjects)
    money = subjects[value].value if value else None
    number = money.digits if isinstance(money, Money) else None
    return {
        "title": label(view, subjects),
        "investor": world.survivor(content.investor),
        "host": world.survivor(content.host),
        "stage": _stage(view),
        "cumulative": content.cumulative,
        "period": content.period,
        "value_subject": value,
        "value_currency": money.currency if isinstance(money, Money) else None,
        "value_number": number,
        "value_key": number_key(number),
        "day": sort_day(content.period or (opening[0].fact.occurred_on if opening else None)),
    }


def _put_output(view: View, world: World) -> None:
    for _, output in view.live(OutputReported):
        item, subject = output.item, f"output:{output.item}"
        view.put("output", subject, item=item, subject=subject, period=output.period, destination=output.destination)


def _put_parties(view: View, world: World) -> None:
    content = _opening(view)
    if content is not None:
        investor = PartyRef(party=content.investor, role=PartyRole.INVESTOR)
        put_parties(view, world, (investor, PartyRef(party=content.host, role=PartyRole.HOST)))


def _opening(view: View) -> InvestmentAnnounced | InvestmentMade | None:
    """The content that describes it: what was made before what was announced, one that stands before one retracted."""
    openings = [
        (one.held.live, isinstance(one.fact.content, InvestmentMade), one.position, one.fact.content)
        for one in view.kept
        if isinstance(one.fact.content, (InvestmentAnnounced, InvestmentMade))
    ]
    if not openings:
        return None
    return max(openings, key=lambda one: one[:3])[3]


def _stage(view: View) -> str:
    if view.last(InvestmentDivested):
        return "DIVESTED"
    return "MADE" if view.last(InvestmentMade) else "ANNOUNCED"


def _value(subjects: Subjects) -> str | None:
    """The subject whose value is shown: what was made before what was announced."""
    for prefix in ("invested_value", "announced_value"):
        found = [name for name in subjects if name.startswith(prefix) and subjects[name].shown is not None]
        if found:
            return found[0]
    return None


FOLD = Fold(
    (
        Part("parties", (InvestmentAnnounced, InvestmentMade), _put_parties),
        Part("output", (OutputReported,), _put_output),
    ),
    _row,
)
