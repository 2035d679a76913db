"""The types of keyset connections, by the Relay specification; `sql.connection` and `sql.listing` read them."""

from typing import Generic, TypeVar

import strawberry

T = TypeVar("T")


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    """Where a page lies in its list."""

    has_next_page: bool = strawberry.field(description="Whether more follow.")
    has_previous_page: bool = strawberry.field(description="Whether there are some before.")
    start_cursor: str | None = strawberry.field(description="Cursor of the first of the page.")
    end_cursor: str | None = strawberry.field(description="Cursor of the last of the page.")


@strawberry.type(description="One item of a list, with its place.")
class Edge(Generic[T]):
    """One item of a list."""

    node: T = strawberry.field(description="The item.")
    cursor: str = strawberry.field(description="Its place: opaque, and true for the moment that the list was read at.")


@strawberry.type(description="A page of a list.")
class Connection(Generic[T]):
    """A page of a list."""

    edges: list[Edge[T]] = strawberry.field(description="The items of the page, each with its cursor.")
    nodes: list[T] = strawberry.field(description="The items of the page.")
    page_info: PageInfo = strawberry.field(description="Where the page lies in the list.")
    total_count: int = strawberry.field(description="How many the whole list has.")
