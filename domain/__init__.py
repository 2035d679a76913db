"""What the record is about: values, aggregates, events, and what is refused. Knows nothing of storage or GraphQL."""
