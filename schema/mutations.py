"""The mutations: one for each event of the catalogue, one for a list of facts, and the two things that each can answer.

They are only declared here; `recording` executes them.
"""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import strawberry
from strawberry.types.field import StrawberryField

from domain.catalogue import CATALOGUE
from domain.codes import Code
from schema.audit import InclusionProof
from schema.enums import described as as_enum
from schema.facts import Asked, asked, asked_of_any, event_input, fact_input
from schema.inputs import described
from schema.scalars import Position

FACTS = "facts"
"""The key of a field's metadata that says how its arguments become facts, as `Facts`."""

Facts = Callable[[Mapping[str, Any]], list[Asked]]
"""The facts that a mutation's coerced arguments ask for. Raises domain.fact.Refused."""


class RefusalCode(Code):
    """Why the record did not take a fact."""

    INVALID_VALUE = "INVALID_VALUE", "a field has a value that it cannot have"
    NO_SOURCE = "NO_SOURCE", "a fact needs at least one source"
    NO_REASON = "NO_REASON", "an act on the record needs a reason"
    UNKNOWN_REFERENCE = "UNKNOWN_REFERENCE", "it names something that is not in the record"
    UNKNOWN_TARGET = "UNKNOWN_TARGET", "it names a version, field or claim that is not there"
    UNKNOWN_KEY = "UNKNOWN_KEY", "it names a line, condition or financing that the deal does not have"
    NOT_FOUND = "NOT_FOUND", "what it is about is not in the record"
    ALREADY_EXISTS = "ALREADY_EXISTS", "the id is taken"
    WRONG_NOUN = "WRONG_NOUN", "this event is not recorded of this kind of thing"
    PARTY_MERGED = "PARTY_MERGED", "the party was merged into another"
    TOO_MANY_OPTIONS = "TOO_MANY_OPTIONS", "more options than are open"
    TOO_LARGE = "TOO_LARGE", "the event is larger than an event may be"
    VERSION_CONFLICT = "VERSION_CONFLICT", "the object is not at the version that was expected"
    COMMAND_MISMATCH = "COMMAND_MISMATCH", "the command id was used before, for another request"
    HELD_BACK = "HELD_BACK", "an event of the object cannot be read by this version of the service"


as_enum(RefusalCode)


@strawberry.type(description="The record does not take it; nothing was recorded.")
class Refused:
    """The record does not take it."""

    code: RefusalCode = strawberry.field(description="Why, as a code that stays.")
    field: str = strawberry.field(description="The field of the input, as a path such as `money.low`.")
    message: str = strawberry.field(description="Why, in words.")
    index: int = strawberry.field(description="Which fact of the list, counted from 0.")


def recorded_type(node: Any, event: Any) -> type[Any]:
    """The type of what was recorded; `node` and `event` are the interfaces of objects and of events."""
    fields: dict[str, tuple[Any, str]] = {
        "position": (Position, "The last position that was recorded; reads from `minPosition` on see it all."),
        "command_id": (str, "The command's id: sending it again with the same facts records nothing twice."),
        "events": (list[event] | None, "The events, in order, as they are recorded."),
        "object": (node | None, "What the first fact is about, as it is after the command."),
        "proof": (InclusionProof | None, "The proof of the event at `position`; null if it is not sealed yet."),
    }
    namespace = {name: strawberry.field(description=meaning) for name, (_, meaning) in fields.items()}
    hints = {name: annotation for name, (annotation, _) in fields.items()}
    kind = type("Recorded", (), {"__annotations__": hints, "__module__": __name__, **namespace})
    return strawberry.type(kind, description="It is recorded, and this node's reads see it.")


def mutation_type(node: Any, event: Any) -> type[Any]:
    """The root type of all mutations."""
    recorded: Any = recorded_type(node, event)
    result = (
        Annotated[
            recorded | Refused,
            strawberry.union(
                "RecordResult", description="What came of a command: recorded, or refused with the reason."
            ),
        ]
        | None
    )
    fields = {f"record{name}": _one(name, result) for name in CATALOGUE}
    fields["recordFacts"] = _many(result)
    namespace = {_snake(name): field for name, field in fields.items()}
    kind = type("Mutation", (), {"__module__": __name__, **namespace})
    return strawberry.type(kind, description="Records facts. Needs a key.")


_COMMAND = Annotated[
    str | None,
    strawberry.argument(description="An id of your own: repeating a command with it is harmless. Made if left out."),
]

_WAIT = Annotated[
    bool,
    strawberry.argument(
        description="Answer only when a signed checkpoint covers the facts (a second, five at most), so that `proof` "
        "can be had. They are recorded all the same if that takes longer; `proof` is null then."
    ),
]


def _one(name: str, result: Any) -> StrawberryField:
    meaning = described(CATALOGUE[name])
    kind: Any = event_input(name)
    argument = Annotated[kind, strawberry.argument(description="The fact.")]

    def resolve(input: Any, command_id: Any = strawberry.UNSET, wait_for_seal: Any = False) -> Any:
        raise NotImplementedError

    resolve.__annotations__ = {"input": argument, "command_id": _COMMAND, "wait_for_seal": _WAIT, "return": result}
    return strawberry.field(  # type: ignore[no-any-return]
        resolver=resolve,
        name=f"record{name}",
        description=f"Record: {meaning[0].lower()}{meaning[1:]}",
        metadata={FACTS: lambda given: [asked(name, given["input"])]},
    )


def _many(result: Any) -> StrawberryField:
    kind: Any = list[fact_input()]  # type: ignore[misc]
    argument = Annotated[kind, strawberry.argument(description="The facts, in order.")]

    def resolve(facts: Any, command_id: Any = strawberry.UNSET, wait_for_seal: Any = False) -> Any:
        raise NotImplementedError

    resolve.__annotations__ = {"facts": argument, "command_id": _COMMAND, "wait_for_seal": _WAIT, "return": result}
    return strawberry.field(  # type: ignore[no-any-return]
        resolver=resolve,
        name="recordFacts",
        description="Record several facts, all or none; a fact can refer to what an earlier one of the list opened.",
        metadata={FACTS: lambda given: asked_of_any(given["facts"])},
    )


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
