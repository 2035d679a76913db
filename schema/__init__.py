"""What clients see: GraphQL types, queries, mutations and streams. Imports the service and the values of the domain."""
