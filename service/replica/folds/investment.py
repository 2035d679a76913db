"""The fold of an investment."""

from domain.codes import PartyRole
from domain.investment import InvestmentAnnounced, InvestmentDivested, InvestmentMade, OutputReported
from domain.values import Money, PartyRef
from service.replica.claims import Subject
from service.replica.folds.common import label, put_parties
from service.replica.view import View, number_key, sort_day
from service.replica.world import World


def fold(view: View, world: World, subjects: dict[str, Subject]) -> None:
    """Make the rows of an investment."""
    for _, output in view.live(OutputReported):
        subject = f"output:{output.item}"
        view.put(
            "output", subject, item=output.item, subject=subject, period=output.period, destination=output.destination
        )
    opening = view.last(InvestmentMade, InvestmentAnnounced)
    content = _opening(view)
    if content is None:
        return
    put_parties(
        view,
        world,
        (PartyRef(party=content.investor, role=PartyRole.INVESTOR), PartyRef(party=content.host, role=PartyRole.HOST)),
    )
    value = _value(subjects)
    money = subjects[value].value if value else None
    number = money.number() if isinstance(money, Money) else None
    view.put_noun(
        title=label(view, subjects),
        investor=world.survivor(content.investor),
        host=world.survivor(content.host),
        stage=_stage(view),
        cumulative=content.cumulative,
        period=content.period,
        value_subject=value,
        value_currency=money.currency if isinstance(money, Money) else None,
        value_number=None if number is None else format(number, "f"),
        value_key=number_key(None if number is None else format(number, "f")),
        day=sort_day(content.period or (opening[0].fact.occurred_on if opening else None)),
    )


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


def _value(subjects: dict[str, Subject]) -> str | None:
    """The subject whose value is shown: what was made before what was announced."""
    for prefix in ("invested_value", "announced_value"):
        found = [name for name in subjects if name.startswith(prefix) and subjects[name].shown is not None]
        if found:
            return found[0]
    return None
