"""Facts as a client of the API writes them: camelCase, the event's own fields beside the envelope, over real HTTP."""

from typing import Any

import httpx
from strawberry.utils.str_converters import to_camel_case

from tests.support.examples import Json

_FREE = {"value", "now"}
"""Fields that hold JSON in the names on disk."""

RESULT = """__typename
... on Recorded { position commandId events { id type } object { id } }
... on Refused { code field message index }"""


def camel(value: Any) -> Any:
    """The JSON with its names as the API has them."""
    if isinstance(value, dict):
        return {to_camel_case(name): item if name in _FREE else camel(item) for name, item in value.items()}
    return [camel(one) for one in value] if isinstance(value, list) else value


def input_of(fact: Json, **changes: Any) -> Json:
    """The input of the event's mutation for the JSON of a fact."""
    envelope = {name: item for name, item in fact.items() if name not in ("event", "data")}
    return {**camel(envelope), **camel(fact["data"]), **changes}


def item_of(fact: Json, **changes: Any) -> Json:
    """The same as an item of `recordFacts`."""
    name = fact["event"]
    return {name[0].lower() + name[1:]: input_of(fact, **changes)}


def one(name: str, selection: str = RESULT) -> str:
    """The document of an event's mutation."""
    head = f"mutation($input: {name}Input!, $commandId: String)"
    return f"{head} {{ done: record{name}(input: $input, commandId: $commandId) {{ {selection} }} }}"


MANY = f"""mutation($facts: [FactInput!]!, $commandId: String) {{
  done: recordFacts(facts: $facts, commandId: $commandId) {{ {RESULT} }}
}}"""


class Writer:
    """A client with a key."""

    def __init__(self, client: httpx.AsyncClient, url: str, headers: dict[str, str]) -> None:
        """Take where to write, and the header with the key."""
        self._client = client
        self._url = url
        self._headers = headers

    async def ask(self, query: str, **variables: Any) -> Json:
        """The whole response."""
        body = {"query": query, "variables": variables}
        answer: Json = (await self._client.post(self._url, json=body, headers=self._headers)).json()
        return answer

    async def record(self, fact: Json, command_id: str | None = None, **changes: Any) -> Json:
        """What came of the event's own mutation."""
        answer = await self.ask(one(fact["event"]), input=input_of(fact, **changes), commandId=command_id)
        return done(answer)

    async def record_all(self, facts: list[Json], command_id: str | None = None) -> Json:
        """What came of the facts, recorded together."""
        return done(await self.ask(MANY, facts=[item_of(fact) for fact in facts], commandId=command_id))


def done(answer: Json) -> Json:
    """The result of the mutation; fails if there was an error."""
    assert "errors" not in answer, answer
    found: Json = answer["data"]["done"]
    return found
