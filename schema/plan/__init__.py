"""Compiled reads: a GraphQL selection becomes SQL whose result is the JSON text of the answer."""
