"""How far the record and this node's replica of it have come."""

import asyncio
from typing import Any

import strawberry
from strawberry.types import Info

from schema.audit import Checkpoint, audit_of, checkpoint, of_log
from schema.rules import rules_of_answers
from schema.scalars import DateTime, Position
from schema.sql import needs
from schema.state import state_root

_ROOT_COST = 5_000
"""A state root is made of every row there is."""


async def verifier_keys(info: Info[Any, Any]) -> list[str]:
    """The public keys of the log."""
    return await asyncio.to_thread(audit_of(info.context).vkeys)


@strawberry.type(description="The log of the record, and how far this node has read it.")
class Log:
    """The log."""

    record_id: strawberry.ID = strawberry.field(description="The id of the record, made with it.")
    position: Position = strawberry.field(description="The position of its newest event; 0 for an empty record.")
    recorded_at: DateTime | None = strawberry.field(description="When that was recorded.")
    replica_position: Position = strawberry.field(description="The newest position that reads on this node see.")
    rules: str = strawberry.field(
        description="The rules by which this node makes what it shows of events, and answers of that, as two hashes. "
        "An answer by GET at a past position may be kept for ever if its address names them as `rules`."
    )
    checkpoint: Checkpoint | None = strawberry.field(
        resolver=checkpoint, description="The newest signed tree head; null before the first event was sealed."
    )
    vkeys: list[str] = strawberry.field(
        resolver=verifier_keys,
        description="The public keys that checkpoints are signed with, oldest first (C2SP vkey).",
    )
    state_root: str | None = strawberry.field(
        resolver=state_root,
        metadata=needs(cost=_ROOT_COST),
        description="One hash (SHA-256, in hex) over every row that reads of a position can see, so that two nodes, or "
        "a node and `tamga replay`, are compared by one line. It is the same for the same position and rules.",
    )


async def newest(info: Info[Any, Any]) -> Log:
    """The state of the log and of the replica of this node."""
    services = info.context.services
    head = await of_log(services.registry.recorder.head)
    replica = services.replica
    return Log(
        record_id=strawberry.ID(replica.record_id),
        position=Position(head.position),
        recorded_at=None if head.recorded_at is None else DateTime(head.recorded_at),
        replica_position=Position(replica.position),
        rules=rules_of_answers(replica.rules),
    )
