"""A small schema over the replica's own tables, with every way of reading a field."""

from enum import Enum
from typing import Annotated, Any

import strawberry
from strawberry.schema.config import StrawberryConfig

from schema.connection import Connection
from schema.filters import any_of, at_least, equals, every, flag, having, neither, some, where
from schema.plan.source import Row
from schema.scalars import SCALARS, Position
from schema.sql import (
    argument,
    choice,
    claimed,
    column,
    computed,
    connection,
    embed,
    embed_list,
    listing,
    needs,
    of_table,
    one,
    owned,
    rows,
    several,
    single,
)


@strawberry.enum(description="What sort of deal.")
class Kind(Enum):
    """What sort of deal."""

    LOAN = strawberry.enum_value("LOAN", description="A loan.")
    SUPPLY = strawberry.enum_value("SUPPLY", description="Goods.")
    OTHER = strawberry.enum_value("OTHER", description="Something else.")


@strawberry.enum(description="How deals are sorted.")
class DealOrder(Enum):
    """How deals are sorted."""

    NEWEST = strawberry.enum_value("-created", description="Newest first.")
    OLDEST = strawberry.enum_value("created", description="Oldest first.")
    TITLE = strawberry.enum_value("title", description="By title.")
    VALUE = strawberry.enum_value("-value_key", description="Greatest value first.")


@strawberry.input(description="Which links.")
class LinkFilter:
    """Which links."""

    role: list[str] | None = any_of("Of one of these roles.", "role")
    country: str | None = equals("Of this country.", "country")


@strawberry.input(description="Which deals.")
class DealFilter:
    """Which deals."""

    kind: list[Kind] | None = any_of("Of one of these kinds.", "kind")
    delays: int | None = at_least("Delayed so often at least.", "delays")
    disputed: bool | None = flag("Whether sources disagree.", "disputed")
    words: str | None = where("With these words in the title.", lambda row, value: f"instr({row['title']}, {value})")
    link: LinkFilter | None = having("With such a party.", lambda row: row.owned("party_link"))
    all_of: list["DealFilter"] | None = every()
    any_of: list["DealFilter"] | None = some()
    none_of: Annotated["DealFilter", strawberry.lazy("tests.support.compact")] | None = neither()


@strawberry.interface(description="Anything with an id.")
class Node:
    """Anything with an id."""

    id: strawberry.ID = column("The id.")


@strawberry.type(description="A number of a sort.")
class Amount:
    """A number of a sort."""

    low: str | None = column("The number.")
    exact: bool | None = column("Whether it is exact.")
    stated: str | None = column("The words.", "as_stated")


@strawberry.type(description="A claim about money.")
class ClaimedMoney:
    """A claim about money."""

    shown: Amount | None = embed("What is shown.")
    claims: int = column("How many claims.")
    adopted: bool = column("Whether it was chosen.")


@strawberry.type(description="A claim in words.")
class ClaimedText:
    """A claim in words."""

    text: str | None = column("The words.")
    claims: int = column("How many claims.")


Claimed = Annotated[ClaimedMoney | ClaimedText, strawberry.union("Claimed", description="A claimed value.")]


@of_table("party")
@strawberry.type(description="A party.")
class Party(Node):
    """A party."""

    name: str = column("Its name.")
    country: str | None = column("Where.")
    deals: Connection[Annotated["Deal", strawberry.lazy("tests.support.compact")]] = connection(
        "Its deals.",
        "deal",
        where=lambda parent, row: (
            f"{row['id']} IN (SELECT {(link := row.others('party_link'))['owner']}"
            f" FROM {link.rows} AND {link['party']} = {parent['id']})"
        ),
        filter=DealFilter,
        order=DealOrder,
    )


@strawberry.type(description="A party's part in a deal.")
class Link:
    """A party's part in a deal."""

    role: str | None = column("What it does.")
    party: Party = one("The party.", "party")
    key: str = column("Its key.")


@of_table("event")
@strawberry.type(description="An event.")
class Event(Node):
    """An event."""

    position: Position = column("Its place.")
    summary: str = column("In words.")
    body: strawberry.scalars.JSON = column("All of it.")

    @strawberry.field(description="No SQL.", metadata=needs("position", "summary"))  # type: ignore[untyped-decorator]
    async def told(self, twice: Annotated[bool, strawberry.argument(description="Say it twice.")] = False) -> str:
        """A field that is no SQL."""
        return f"{self.position}: {self.summary}" * (2 if twice else 1)


@of_table("deal")
@strawberry.type(description="A deal.")
class Deal(Node):
    """A deal."""

    title: str = column("Its title.")
    kind: Kind = column("What sort.")
    disputed: bool = column("Whether sources disagree.")
    days_late: int | None = column("How late.")
    created: Position = column("Since when.")
    links: list[Link] = owned("Its parties.", "party_link")
    lead: Link | None = owned("The first party.", "party_link")
    buyers: list[Link] = owned(
        "Its buyers.", "party_link", lambda parent, row: f"{row['role']} = 'BUYER'", order="-ord"
    )
    paged: Connection[Link] = connection("Its parties in pages.", "party_link", owned=True, filter=LinkFilter)
    value: Claimed | None = claimed("What it is worth.", "value_subject")
    count: int = computed("How many parties.", lambda s: _count(s.row))
    marked: str = computed(
        "The title with a mark.",
        lambda s, a: f"concat({s['title']}, {a['mark']})",
        argument("mark", str, "What to add.", "!"),
    )
    history: Connection[Event] = connection(
        "Its events.", "event", where=lambda parent, row: f"{row['stream']} = {parent['id']}", by="position"
    )
    gathering: Party | None = one("A reference that may lead nowhere.", "gathering")
    must: Party = one("A reference that must lead somewhere.", "value_currency")


def _count(row: Row) -> str:
    links = row.owned("party_link")
    return f"(SELECT count(*) FROM {links.rows})"


@strawberry.type(description="Deals of a kind.")
class Total:
    """Deals of a kind."""

    kind: Kind = column("The kind.")
    deals: int = column("How many.")
    first: Deal | None = one("The first of them.", "first_id")
    tags: list[str] = embed_list("Words.")
    amounts: list[Amount] = embed_list("Numbers.")


def _totals(source: Any, given: Any) -> str:
    deal = source.row.others("deal")
    only = f" AND {given['kinds'].is_in(deal['kind'])}" if given["kinds"] else ""
    down = " DESC" if given["down"] else ""
    return (
        f"SELECT {deal['kind']} AS kind, count(*) AS deals, min({deal['id']}) AS first_id,"
        """ '["a","b"]' AS tags, '[{"low":"1","exact":true},{"low":null,"as_stated":"é\\u0001"}]' AS amounts"""
        f" FROM {deal.rows}{only} GROUP BY {deal['kind']} ORDER BY {deal['kind']}{down}"
    )


def _said(parent: Any, given: Any) -> str:
    event = parent.row.others("event")
    return (
        f"SELECT {event['id']} AS key, {event['stream']} AS stream, {event['summary']} AS summary"
        f" FROM {event.rows} AND instr({event['summary']}, {given['word']})"
    )


@strawberry.type(description="Something found.")
class Hit:
    """Something found."""

    node: Node | None = one("What.", "stream")
    summary: str = column("The words.")


@strawberry.type(description="What Python made.")
class Made:
    """What Python made."""

    deal_id: strawberry.Private[str]
    read_at: strawberry.Private[int | None]
    note: str = strawberry.field(description="A note.")
    deal: Deal | None = one("The deal.", "deal_id")


@strawberry.type(description="The root.")
class Query:
    """The root."""

    deal: Deal | None = single("A deal.")
    deals: Connection[Deal] = listing("Deals.", "deal", filter=DealFilter, order=DealOrder)
    events: Connection[Event] = listing("Events.", "event", by="position")
    found: Connection[Hit] = listing(
        "Events with a word.", "event", select=_said, by="key", arguments=(argument("word", str, "The word.", "e"),)
    )
    node: Node | None = single("Anything.")
    nodes: list[Node | None] = several("Anything, by ids.")
    totals: list[Total] = rows(
        "Deals by kind.",
        _totals,
        argument("kinds", list[Kind] | None, "Only these."),
        choice("down", bool, "Backward.", False),
        root=True,
    )

    @strawberry.field(description="No SQL itself.")  # type: ignore[untyped-decorator]
    def made(
        self,
        id: Annotated[strawberry.ID, strawberry.argument(description="The deal.")],
        at: Annotated[int | None, strawberry.argument(description="The moment.")] = None,
    ) -> Made:
        """No SQL itself."""
        return Made(deal_id=id, read_at=at, note=f"made for {id}")


def compact_schema() -> strawberry.Schema:
    """The schema, new, since an engine puts its resolvers into it."""
    return strawberry.Schema(Query, config=StrawberryConfig(scalar_map=SCALARS))
