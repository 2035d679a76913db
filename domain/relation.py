"""Relations: two parties or a group, and the measures of what passes between them."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from domain.codes import Flow, Indicator
from domain.common import COMMON
from domain.fact import Content, Refused
from domain.stream import Aggregate
from domain.values import Money, Name, PartyId, StatedQuantity, WorldDate, doc


@dataclass(frozen=True, kw_only=True)
class RelationOpened(Content):
    """A relation was taken into the record."""

    opens: ClassVar[bool] = True
    title: Annotated[Name, doc("what to call it")]
    parties: Annotated[tuple[PartyId, ...], doc("the parties, the first two as the direction of flows counts them")]

    def summary(self) -> str:
        """One line for people."""
        return f"relation: {self.title}"

    def subjects(self) -> dict[str, str]:
        """Each descriptive field is a subject of its own."""
        return {"title": "title", "parties": "parties"}


@dataclass(frozen=True, kw_only=True)
class IndicatorReported(Content):
    """A measure of the relation was reported."""

    indicator: Annotated[Indicator, doc("what is measured")]
    quantity: Annotated[StatedQuantity | None, doc("the number, if it is no money")] = None
    money: Annotated[Money | None, doc("the amount, if it is money")] = None
    period: Annotated[WorldDate | None, doc("the period that it measures")] = None
    flow: Annotated[Flow, doc("the direction that it measures")] = Flow.TOTAL
    reporter: Annotated[Name | None, doc("whose figure it is")] = None

    def summary(self) -> str:
        """One line for people."""
        name = self.indicator.lower().replace("_", " ")
        return f"{name}: {self.money or self.quantity or 'no number given'}{f' ({self.period})' if self.period else ''}"

    def subjects(self) -> dict[str, str]:
        """Reports compete about the same indicator, flow and period."""
        subject = f"indicator:{self.indicator}:{self.flow}:{self.period or ''}"
        return {"money": subject} if self.money else {"quantity": subject}


class Relation(Aggregate):
    """What passes between two parties or within a group."""

    noun = "relation"
    events = (RelationOpened, IndicatorReported, *COMMON)

    def check(self, content: Content) -> None:
        """Refuse a report of no number or of two."""
        if isinstance(content, IndicatorReported) and (content.quantity is None) == (content.money is None):
            raise Refused("INVALID_VALUE", "data.quantity", "give either a quantity or money")
