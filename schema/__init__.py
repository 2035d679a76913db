"""What clients see: GraphQL types, queries, mutations and streams. Imports the service and the values of the domain."""

from schema import enums  # first of all, so that every code list is known as an enum before a type uses it

__all__ = ["enums"]
