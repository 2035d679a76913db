"""The whole schema, built once from its parts; `sdl` is its text, which is committed as schema.graphql."""

import strawberry
from strawberry.schema.config import StrawberryConfig

from schema.claims import CLAIMED_TYPES
from schema.events import EVENT_TYPES, Event
from schema.mutations import mutation_type
from schema.node import Node
from schema.query import Query
from schema.scalars import SCALARS
from schema.streams import Subscription

_ONE_OF = "directive @oneOf on INPUT_OBJECT"


def build() -> strawberry.Schema:
    """The schema."""
    return strawberry.Schema(
        query=Query,
        mutation=mutation_type(Node, Event),
        subscription=Subscription,
        types=[*CLAIMED_TYPES, *EVENT_TYPES.values()],
        config=StrawberryConfig(scalar_map=SCALARS),
    )


def sdl(schema: strawberry.Schema | None = None) -> str:
    """The schema as text."""
    return (schema or build()).as_str().replace(_ONE_OF, f'"""Exactly one of the fields is given."""\n{_ONE_OF}') + "\n"
