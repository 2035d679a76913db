"""The bare peer: plain Strawberry over Python objects in memory, both of its caches on: a small service."""

import datetime
import os

import strawberry
from strawberry.asgi import GraphQL
from strawberry.extensions import ParserCache, ValidationCache

from service.bench.history import COUNTRIES, KINDS, PARTIES


@strawberry.type
class Party:
    """A party."""

    id: strawberry.ID
    name: str
    country: str


@strawberry.type
class Deal:
    """A deal."""

    id: strawberry.ID
    title: str
    kind: str
    commitment: str
    value: str
    currency: str
    announced: str
    sectors: list[str]
    parties: list[Party]


@strawberry.type
class Total:
    """The sum of one kind of deals."""

    kind: str
    currency: str
    total: str
    count: int


_DAY = datetime.date(2025, 9, 21)
_ALL = [Party(id=strawberry.ID(str(i)), name=f"Organisation {i}", country=COUNTRIES[i % 4]) for i in range(PARTIES)]


def _deal(number: int) -> Deal:
    return Deal(
        id=strawberry.ID(str(number)),
        title=f"Deal number {number} about rolling stock and aircraft",
        kind=KINDS[number % 3],
        commitment=("INTENDED", "FIRM", "IN_DELIVERY")[number % 3],
        value=str(1_000_000 * (1 + number % 9000)),
        currency="USD",
        announced=str(_DAY - datetime.timedelta(days=number % 3000)),
        sectors=["aviation", "mining"],
        parties=[_ALL[number % PARTIES], _ALL[(number + 1) % PARTIES]],
    )


DEALS = [_deal(number) for number in range(int(os.environ.get("TAMGA_BENCH_DEALS", "100")))]
NEWEST = DEALS[::-1]


@strawberry.type
class Query:
    """The questions that are measured."""

    @strawberry.field
    def deals(self, first: int) -> list[Deal]:
        """The latest recorded."""
        return NEWEST[:first]

    @strawberry.field
    def deal(self, id: strawberry.ID) -> Deal | None:
        """One of them."""
        return DEALS[int(id)]

    @strawberry.field
    def page(self, first: int, kind: str) -> list[Deal]:
        """Those of a kind, the highest value first."""
        chosen = [deal for deal in DEALS if deal.kind == kind]
        return sorted(chosen, key=lambda deal: int(deal.value), reverse=True)[:first]

    @strawberry.field
    def totals(self) -> list[Total]:
        """Sums by kind of those that are firm."""
        sums: dict[str, list[int]] = {}
        for deal in DEALS:
            if deal.commitment != "INTENDED":
                sums.setdefault(deal.kind, []).append(int(deal.value))
        return [Total(kind=kind, currency="USD", total=str(sum(all)), count=len(all)) for kind, all in sums.items()]

    @strawberry.field
    def search(self, text: str, first: int) -> list[Deal]:
        """Those whose title holds the words."""
        words = text.lower().split()
        return [deal for deal in DEALS if all(word in deal.title.lower().split() for word in words)][:first]


class _App(GraphQL[None, None]):
    async def __call__(self, scope, receive, send):  # type: ignore[no-untyped-def]
        if scope["type"] == "http" and scope["path"] == "/readyz":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})
        else:
            await super().__call__(scope, receive, send)


app = _App(strawberry.Schema(Query, extensions=[ParserCache, ValidationCache]))
