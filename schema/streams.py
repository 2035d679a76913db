"""Subscriptions: the messages of the two streams, and what they can be asked for. How they run lies in `streaming`."""

from collections.abc import AsyncIterator
from typing import Annotated, TypeAlias, Union

import strawberry

from domain.codes import DealCommitment
from schema.common import RecordObject
from schema.enums import described
from schema.errors import ErrorCode, rejected
from schema.node import EVENT_KINDS, AgreementRef, DealRef, EventRef, InvestmentRef
from schema.scalars import DateTime, Position
from schema.search import Noun
from schema.sql import Arguments, Source, column, one, rows
from service.streaming import DealChange

described(DealChange)

_CURSOR = "Where this message stands: give it as `after` to go on exactly behind it, on any node."
_AS_OF = " All of it is read as of this position."


def _event(source: Source, arguments: Arguments) -> str:
    """The event at the message's position."""
    other = source.row.others("event")
    return f"SELECT {other.alias}.* FROM {other.named} WHERE {other['position']} = {source['position']}"


@strawberry.type(description="An event, right after it was recorded or as the record is replayed.")
class EventRecorded:
    """A message of `events`."""

    cursor: str = column(_CURSOR)
    position: Position = column("The position of the event." + _AS_OF)
    event: EventRef = rows("The event.", _event, kinds=EVENT_KINDS)
    object: RecordObject | None = one("The object that it belongs to, as it was right after it.", "object_id")
    object_id: strawberry.Private[str]

    @property
    def read_at(self) -> int:
        """The position to read at."""
        return self.position


@strawberry.type(description="A deal, an agreement or an investment that matches for the first time, or that changed.")
class NewDealMessage:
    """A message of `newDeals`."""

    cursor: str = column(_CURSOR)
    position: Position = column("The position of the event that brought it about." + _AS_OF)
    change: DealChange = column("What happened to it.")
    event: EventRef = rows("The event that brought it about; it may be of another object.", _event, kinds=EVENT_KINDS)
    object: RecordObject | None = one("The deal, agreement or investment.", "object_id")
    deal: DealRef | None = one("The deal, if it is one.", "object_id")
    agreement: AgreementRef | None = one("The agreement, if it is one.", "object_id")
    investment: InvestmentRef | None = one("The investment, if it is one.", "object_id")
    object_id: strawberry.Private[str]

    @property
    def read_at(self) -> int:
        """The position to read at."""
        return self.position


@strawberry.type(
    description="Everything recorded up to a position was sent; what follows comes as it is recorded. Sent once."
)
class CaughtUp:
    """The message between what was and what comes."""

    cursor: str = column(_CURSOR)
    position: Position = column("The position up to which everything was sent.")

    @property
    def read_at(self) -> int:
        """The position to read at."""
        return self.position


EventMessage = Annotated[
    Union[EventRecorded, CaughtUp],  # noqa: UP007  # Strawberry takes no other form
    strawberry.union("EventMessage", description="A message of the stream of events."),
]
NewDealsMessage = Annotated[
    Union[NewDealMessage, CaughtUp],  # noqa: UP007
    strawberry.union("NewDealsMessage", description="A message of the stream of new deals."),
]
Message: TypeAlias = EventRecorded | NewDealMessage | CaughtUp


@strawberry.input(
    description="What a stream sends: that for which all of this holds. Objects are judged as they are right after the "
    "event. An empty list of names takes nothing."
)
class StreamFilter:
    """What a stream sends."""

    noun: list[Noun] | None = strawberry.field(default=strawberry.UNSET, description="Objects of these nouns.")
    id: list[strawberry.ID] | None = strawberry.field(default=strawberry.UNSET, description="One of these objects.")
    type: list[str] | None = strawberry.field(
        default=strawberry.UNSET,
        description="Brought about by an event of one of these types, such as `AgreementSigned`.",
    )
    party: list[strawberry.ID] | None = strawberry.field(
        default=strawberry.UNSET, description="Objects with one of these parties."
    )
    country: list[str] | None = strawberry.field(
        default=strawberry.UNSET, description="Objects with a party of one of these countries, ISO 3166 alpha-3."
    )
    sector: list[str] | None = strawberry.field(
        default=strawberry.UNSET, description="Objects with one of these sector codes."
    )
    kind: list[str] | None = strawberry.field(
        default=strawberry.UNSET,
        description="Objects of one of these kinds: a `DealKind`, `AgreementKind`, `PartyKind` or `SourceKind`.",
    )
    commitment: list[DealCommitment] | None = strawberry.field(
        default=strawberry.UNSET, description="Deals that have come so far."
    )
    changes: list[DealChange] | None = strawberry.field(
        default=strawberry.UNSET,
        description="In `newDeals`: these changes too, whatever event brings them about. "
        "In `events`: only events that change a deal, agreement or investment so.",
    )
    corrections_only: bool | None = strawberry.field(
        default=strawberry.UNSET, description="Only what puts right or retracts something."
    )
    recorded_by: list[str] | None = strawberry.field(
        default=strawberry.UNSET, description="Brought about by an event that one of these recorded."
    )


@strawberry.input(one_of=True, description="Where a stream ends.")
class Until:
    """Where a stream ends."""

    position: Position | None = strawberry.field(
        default=strawberry.UNSET, description="Behind the event at this position, which may be in the future."
    )
    time: DateTime | None = strawberry.field(
        default=strawberry.UNSET, description="Behind everything recorded up to this time, which may be in the future."
    )


_FILTER = Annotated[StreamFilter | None, strawberry.argument(description="What to send; everything if absent.")]
_AFTER = Annotated[
    str | None,
    strawberry.argument(
        description="Go on behind this cursor of a message, of either stream; or behind a position, written as a text: "
        '"0" for all there is. If absent: what is recorded from now on.'
    ),
]
_UNTIL = Annotated[
    Until | None,
    strawberry.argument(description="Where to end; without `after`, the stream then begins at the first event."),
]


async def _new_deals(filter: _FILTER = None, after: _AFTER = None) -> AsyncIterator[NewDealsMessage]:
    raise rejected(ErrorCode.BAD_REQUEST, "Subscriptions are executed as streams.")
    yield CaughtUp(cursor="", position=Position(0))


async def _events(filter: _FILTER = None, after: _AFTER = None, until: _UNTIL = None) -> AsyncIterator[EventMessage]:
    raise rejected(ErrorCode.BAD_REQUEST, "Subscriptions are executed as streams.")
    yield CaughtUp(cursor="", position=Position(0))


@strawberry.type(description="What is sent as it is recorded, and replayed from any point of the record.")
class Subscription:
    """Both streams; `streaming.Subscriptions` executes them."""

    new_deals: AsyncIterator[NewDealsMessage] = strawberry.subscription(
        resolver=_new_deals,
        description="Each deal, agreement and investment once, when it first matches; with `filter.changes` also each "
        "such change of it.",
    )
    events: AsyncIterator[EventMessage] = strawberry.subscription(
        resolver=_events, description="Every event of the record in order."
    )
