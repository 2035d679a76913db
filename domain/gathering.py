"""Gatherings: summits, assemblies and other meetings at which deals are announced."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from domain.common import COMMON
from domain.fact import Content
from domain.stream import Aggregate
from domain.values import Name, Version, WorldDate, doc


@dataclass(frozen=True, kw_only=True)
class GatheringConvened(Content):
    """A gathering was convened."""

    opens: ClassVar[bool] = True
    dated: ClassVar[str | None] = "convened"
    name: Annotated[Name, doc("its name")]
    series: Annotated[Name | None, doc("the series that it belongs to, such as UNGA or C5+1")] = None
    session: Annotated[Version | None, doc("its number in the series")] = None
    place: Annotated[Name | None, doc("where it was held")] = None
    period: Annotated[WorldDate | None, doc("when it was held, from first day to last")] = None

    def summary(self) -> str:
        """One line for people."""
        return f"{self.name}{f', {self.place}' if self.place else ''}{f', {self.period}' if self.period else ''}"

    def subjects(self) -> dict[str, str]:
        """Each descriptive field is a subject of its own."""
        return {"name": "name", "series": "series", "session": "session", "place": "place", "period": "period"}


class Gathering(Aggregate):
    """A meeting."""

    noun = "gathering"
    events = (GatheringConvened, *COMMON)
