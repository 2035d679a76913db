"""The interface of everything with a global id, and lazy names of the nouns, which refer to one another in circles."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from domain.catalogue import CATALOGUE
from schema.sql import Kinds

if TYPE_CHECKING:
    from schema.agreement import Agreement
    from schema.changes import Change
    from schema.deal import Deal
    from schema.events import Event
    from schema.gathering import Gathering
    from schema.institution import Institution
    from schema.investment import Investment
    from schema.party import Party
    from schema.programme import Inclusion, Programme
    from schema.source import Source

AgreementRef = Annotated["Agreement", strawberry.lazy("schema.agreement")]
ChangeRef = Annotated["Change", strawberry.lazy("schema.changes")]
DealRef = Annotated["Deal", strawberry.lazy("schema.deal")]
EventRef = Annotated["Event", strawberry.lazy("schema.events")]
GatheringRef = Annotated["Gathering", strawberry.lazy("schema.gathering")]
InclusionRef = Annotated["Inclusion", strawberry.lazy("schema.programme")]
InstitutionRef = Annotated["Institution", strawberry.lazy("schema.institution")]
InvestmentRef = Annotated["Investment", strawberry.lazy("schema.investment")]
PartyRef = Annotated["Party", strawberry.lazy("schema.party")]
ProgrammeRef = Annotated["Programme", strawberry.lazy("schema.programme")]
SourceRef = Annotated["Source", strawberry.lazy("schema.source")]


@strawberry.interface(description="Whatever has an id of its own: the objects of the record and its events.")
class Node:
    """Whatever has an id of its own."""

    id: strawberry.ID = strawberry.field(
        description="The global id: `deal:uz-boeing-787` for an object, `deal:uz-boeing-787@3` for its third event."
    )


UNREADABLE = "UnreadableEvent"
"""The type of events that this version cannot read; the replica keeps an empty body for them."""

EVENT_KINDS = Kinds(
    lambda source: f"iif({source['body']} = '{{}}', '{UNREADABLE}', {source['type']})",
    {name: name for name in (*CATALOGUE, UNREADABLE)},
)
"""Which type the row of an event is: the name of the event is the name of its type."""
