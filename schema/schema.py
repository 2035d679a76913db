"""The whole schema, built once from its parts; `sdl` is its text, which is committed as schema.graphql."""

import strawberry
from graphql.utilities.print_schema import print_schema_definition
from strawberry.schema.config import StrawberryConfig

from schema.claims import CLAIMED_TYPES
from schema.events import EVENT_TYPES, Event
from schema.mutations import mutation_type
from schema.node import Node
from schema.query import Query
from schema.scalars import SCALARS
from schema.streams import Subscription

_ONE_OF = "directive @oneOf on INPUT_OBJECT"

_DESCRIPTION = """\
The public record of deals between nations and companies: who announced what, what was signed, what became of it, and
who says so.

- **Find** an object by `search`, a list such as `deals`, or its id: `deal(id: "deal:uz-boeing-787")`.
- **Who says so**: a claimed value reads `{ shown claim claims verification adopted }`. `shown` is what stands; `claims`
  are all that was ever said of it, each with its sources and the event that recorded it.
- **Two times**: `asOf` is what the record said at a past moment; `on`, of a single object, what held in the world on a
  day.
- **Add up** with `dealTotals`, which names what it leaves out. `changes` and `corrections` tell what became different,
  and why.
- **Follow** what is recorded with the subscription `newDeals`, or everything with `events`; `after` resumes behind a
  cursor.
- **Prove** that an event was not altered: `proof`, on every event.
- **Record** with the mutation that is named after the event (this needs a key), or several facts at once with
  `recordFacts`.\
"""


def build() -> strawberry.Schema:
    """The schema."""
    made = strawberry.Schema(
        query=Query,
        mutation=mutation_type(Node, Event),
        subscription=Subscription,
        types=[*CLAIMED_TYPES, *EVENT_TYPES.values()],
        config=StrawberryConfig(scalar_map=SCALARS),
    )
    made._schema.description = _DESCRIPTION  # for which Strawberry has no argument
    return made


def sdl(schema: strawberry.Schema | None = None) -> str:
    """The schema as text."""
    schema = schema or build()
    types = schema.as_str().replace(_ONE_OF, f'"""Exactly one of the fields is given."""\n{_ONE_OF}')
    return f"{print_schema_definition(schema._schema)}\n\n{types}\n"
