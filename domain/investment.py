"""Investments: capital put in by one party at another's place, and what came of it."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from domain.common import COMMON
from domain.fact import Content, Refused
from domain.stream import Aggregate
from domain.values import Money, Name, PartyId, Percent, SectorShare, StatedQuantity, Text, WorldDate, doc


@dataclass(frozen=True, kw_only=True)
class _Placement(Content):
    """What the announcement and the making of an investment both say."""

    opens: ClassVar[bool] = True
    title: Annotated[Name | None, doc("what to call it")] = None
    investor: Annotated[PartyId, doc("who puts in the capital")]
    host: Annotated[PartyId, doc("the country or place that receives it")]
    money: Annotated[Money | None, doc("the amount")] = None
    period: Annotated[WorldDate | None, doc("the period over which it is or was made")] = None
    cumulative: Annotated[bool, doc("whether the amount adds up the whole period")] = False
    sectors: Annotated[tuple[SectorShare, ...], doc("the sectors that it belongs to")] = ()
    purpose: Annotated[Text | None, doc("what it is for, in our words")] = None

    def subjects(self) -> dict[str, str]:
        """Announced and made amounts are different subjects; descriptions are shared."""
        amount = f"{self.dated}_value:{self.money.basis or ''}".rstrip(":") if self.money else ""
        own = {name: name for name in ("title", "investor", "host", "period", "purpose", "sectors")}
        return own | ({"money": amount} if amount else {})

    def _words(self) -> str:
        amount = str(self.money) if self.money else "an undisclosed amount"
        return f"{self.investor} in {self.host}: {amount}{f', {self.period}' if self.period else ''}"


@dataclass(frozen=True, kw_only=True)
class InvestmentAnnounced(_Placement):
    """An investment was announced."""

    dated: ClassVar[str | None] = "announced"

    def summary(self) -> str:
        """One line for people."""
        return f"investment announced by {self._words()}"


@dataclass(frozen=True, kw_only=True)
class InvestmentMade(_Placement):
    """An investment was made."""

    dated: ClassVar[str | None] = "invested"

    def summary(self) -> str:
        """One line for people."""
        return f"invested by {self._words()}"


@dataclass(frozen=True, kw_only=True)
class OutputReported(Content):
    """What an investment produced was reported."""

    item: Annotated[Name, doc("what is produced")]
    quantity: Annotated[StatedQuantity, doc("how much of it")]
    period: Annotated[WorldDate | None, doc("over what period")] = None
    destination: Annotated[Name | None, doc("where it goes, in our words")] = None

    def summary(self) -> str:
        """One line for people."""
        return (
            f"output: {self.quantity} of {self.item}" if self.item != self.quantity.unit else f"output: {self.quantity}"
        )

    def subjects(self) -> dict[str, str]:
        """Reports about one item compete."""
        return {"quantity": f"output:{self.item}"}


@dataclass(frozen=True, kw_only=True)
class LocalizationRateReported(Content):
    """The share of local content was reported."""

    percent: Annotated[StatedQuantity, doc("the share, its unit percent")]
    method: Annotated[Name | None, doc("how it is worked out")] = None
    period: Annotated[WorldDate | None, doc("for what period")] = None

    def summary(self) -> str:
        """One line for people."""
        return f"localization rate {self.percent}"

    def subjects(self) -> dict[str, str]:
        """Reports of the rate compete."""
        return {"percent": "localization_rate"}


@dataclass(frozen=True, kw_only=True)
class InvestmentDivested(Content):
    """An investment was given up, wholly or in part."""

    dated: ClassVar[str | None] = "divested"
    repeats: ClassVar[bool] = True
    percent: Annotated[Percent | None, doc("the share given up, in percent")] = None
    money: Annotated[Money | None, doc("what was received for it")] = None

    def summary(self) -> str:
        """One line for people."""
        return f"divested{f' {self.percent}%' if self.percent else ''}{f' for {self.money}' if self.money else ''}"


class Investment(Aggregate):
    """Capital of one party at another's place."""

    noun = "investment"
    events = (
        InvestmentAnnounced,
        InvestmentMade,
        OutputReported,
        LocalizationRateReported,
        InvestmentDivested,
        *COMMON,
    )

    def check(self, content: Content) -> None:
        """Refuse a rate in another unit than percent."""
        if isinstance(content, LocalizationRateReported) and content.percent.unit != "percent":
            raise Refused(
                "INVALID_VALUE", "data.percent.unit", f"a rate is given in percent, not {content.percent.unit}"
            )
