"""Checkpoints and proofs in GraphQL: what somebody needs to check, with tools of their own, that nothing was altered.

Nothing here is SQL: it is read from the log and its tree, in threads, once a moment for each operation.
"""

import asyncio
from base64 import b64encode
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, TypeVar

import strawberry
from eventsourcing.persistence import PersistenceError
from strawberry.types import Info

from schema.context import Context
from schema.errors import ApiError, ErrorCode, logger
from schema.scalars import Position
from schema.sql import needs
from service.asking import ask_log
from service.audit import checkpoint as signed
from service.audit import proof as proven
from service.audit.audit import Audit, NotSealed
from service.audit.proof import ProofFile

T = TypeVar("T")
_KEPT = "audit.checkpoint"


@strawberry.type(description="A signed tree head (C2SP tlog-checkpoint): whoever keeps one can prove any later change.")
class Checkpoint:
    """A signed tree head."""

    origin: str = strawberry.field(description="The name of the log.")
    size: Position = strawberry.field(description="How many events it covers: the positions from 1 to this.")
    root_hash: str = strawberry.field(description="The root of the tree over their entries (RFC 6962), in base64.")
    note: str = strawberry.field(description="The signed note itself, which other tools read.")


@strawberry.type(
    description="That an event is in a tree: hash `entry` (SHA-256 of a zero byte and its UTF-8 bytes) to `leafHash`, "
    "follow `path` (RFC 9162, 2.1.3.2) to `rootHash`, and find that in a checkpoint whose signature you check."
)
class InclusionProof:
    """That an event is in a tree."""

    position: Position = strawberry.field(description="The position of the event; its leaf's index is one less.")
    entry: str = strawberry.field(
        description="The event as it is exported and hashed: canonical JSON (RFC 8785) of all that the log holds of it."
    )
    leaf_hash: str = strawberry.field(description="The hash of the entry as a leaf of the tree, in base64.")
    path: list[str] = strawberry.field(description="The hashes from the leaf up to the root, in base64.")
    tree_size: Position = strawberry.field(description="How many events the tree has.")
    root_hash: str = strawberry.field(description="The root of that tree, in base64.")
    checkpoint: Checkpoint | None = strawberry.field(
        description="The newest checkpoint, if it is of that tree; null for a tree of another size."
    )
    file: str | None = strawberry.field(
        description="All of it as one C2SP tlog-proof file; null where there is no checkpoint."
    )


@strawberry.type(
    description="That one tree extends another and changed nothing in it: check `path` as RFC 9162, 2.1.4.2, says."
)
class ConsistencyProof:
    """That a tree extends another."""

    from_size: Position = strawberry.field(description="How many events the earlier tree has.")
    to_size: Position = strawberry.field(description="How many events the later tree has.")
    path: list[str] = strawberry.field(description="The hashes that lead to both roots, in base64.")
    from_root_hash: str = strawberry.field(description="The root of the earlier tree, in base64.")
    to_root_hash: str = strawberry.field(description="The root of the later tree, in base64.")


_Position = Annotated[Position, strawberry.argument(description="The position of the event.")]
_TreeSize = Annotated[
    Position | None,
    strawberry.argument(description="How many events the tree has; as many as the newest checkpoint's if left out."),
]
_FromSize = Annotated[
    Position,
    strawberry.argument(description="How many events the earlier tree has: the size of a checkpoint you hold."),
]
_ToSize = Annotated[
    Position | None,
    strawberry.argument(description="How many events the later tree has; as many as the newest if left out."),
]


def audit_of(context: Context) -> Audit:
    """The audit of this node. Raises ApiError where there is none."""
    if context.services.audit is None:
        raise ApiError(ErrorCode.NOT_SEALED, "This node has no checkpoints.")
    return context.services.audit


async def checkpoint(info: Info[Any, Any]) -> Checkpoint | None:
    """The newest signed tree head; null before the first event was sealed."""
    return await _newest(info.context)


async def inclusion_proof(
    info: Info[Any, Any], position: _Position, tree_size: _TreeSize = strawberry.UNSET
) -> InclusionProof:
    """The proof of one event. Raises ApiError with NOT_SEALED."""
    newest = await _newest(info.context)
    return await _sealed(partial(_proof, audit_of(info.context), newest, position, _given(tree_size)))


async def consistency_proof(
    info: Info[Any, Any], from_size: _FromSize, to_size: _ToSize = strawberry.UNSET
) -> ConsistencyProof:
    """The proof that one tree extends another. Raises ApiError with NOT_SEALED or BAD_USER_INPUT."""
    newest = await _newest(info.context)
    size = _given(to_size) or (newest.size if newest else 0)
    found = await _sealed(partial(audit_of(info.context).consistency_proof, from_size, size))
    return ConsistencyProof(
        from_size=Position(found.from_size),
        to_size=Position(found.to_size),
        path=[*map(_text, found.path)],
        from_root_hash=_text(found.from_root),
        to_root_hash=_text(found.to_root),
    )


async def proof_of_event(root: Any, info: Info[Any, Any]) -> InclusionProof | None:
    """The proof of the event that is read; null until it is sealed."""
    newest = await _newest(info.context)
    if newest is None or newest.size < root.position:
        return None
    return await _sealed(partial(_proof, audit_of(info.context), newest, root.position, None))


def root_fields() -> tuple[Any, Any, Any]:
    """The root fields `checkpoint`, `inclusionProof` and `consistencyProof`."""
    return (
        strawberry.field(
            resolver=checkpoint, description="The newest signed tree head; null before the first event was sealed."
        ),
        strawberry.field(
            resolver=inclusion_proof,
            description="The proof that an event is in a tree. An event or tree that is not sealed is an error, "
            "NOT_SEALED.",
        ),
        strawberry.field(
            resolver=consistency_proof,
            description="The proof that a later tree extends an earlier one. A tree that is not sealed is an error, "
            "NOT_SEALED.",
        ),
    )


def proof_field() -> Any:
    """The field of an event that proves it."""
    meaning = "The proof that it is in the record, in the newest checkpoint; null until it is sealed, about a second."
    return strawberry.field(resolver=proof_of_event, description=meaning, metadata=needs("position"))


async def wait_sealed(audit: Audit, position: int, seconds: float = 5.0) -> bool:
    """Wait until a checkpoint covers the position, at most so many seconds; say whether one does. Blocks no thread."""
    deadline = asyncio.get_running_loop().time() + seconds
    while await asyncio.to_thread(audit.size) < position:
        if asyncio.get_running_loop().time() >= deadline:
            return False
        await asyncio.sleep(0.05)
    return True


async def _newest(context: Context) -> Checkpoint | None:
    """The newest checkpoint, the same for all fields of an operation, which may ask for it at once."""
    if _KEPT not in context.kept:
        context.kept[_KEPT] = asyncio.ensure_future(asyncio.to_thread(_read, audit_of(context)))
    found: asyncio.Future[Checkpoint | None] = context.kept[_KEPT]
    return await asyncio.shield(found)


def _read(audit: Audit) -> Checkpoint | None:
    note = audit.checkpoint()
    if note is None:
        return None
    head = signed.peek(note)
    return Checkpoint(origin=head.origin, size=Position(head.size), root_hash=_text(head.root), note=note.decode())


async def of_log(work: Callable[[], T]) -> T:
    """What is read from the log. Raises ApiError with UNAVAILABLE if that does not answer."""
    try:
        return await ask_log(work)
    except PersistenceError as error:
        logger.warning("the log cannot be read: %s", error)
        raise ApiError(ErrorCode.UNAVAILABLE, "The log does not answer just now.") from None


async def _sealed(work: Callable[[], T]) -> T:
    """Do it in a thread; what is not sealed, or no size, is an error that clients read."""
    try:
        return await of_log(work)
    except NotSealed as error:
        raise ApiError(ErrorCode.NOT_SEALED, f"Not sealed: {error}.") from None
    except ValueError as error:
        raise ApiError(ErrorCode.INPUT, f"There is no such proof: {error}.") from None


def _proof(audit: Audit, newest: Checkpoint | None, position: int, tree_size: int | None) -> InclusionProof:
    size = newest.size if newest else 0
    found = audit.inclusion_proof(position, size if tree_size is None else tree_size)
    entry = audit.entry(position)
    covering = newest if found.tree_size == size else None
    return InclusionProof(
        position=Position(position),
        entry=entry.decode(),
        leaf_hash=_text(found.leaf),
        path=[*map(_text, found.path)],
        tree_size=Position(found.tree_size),
        root_hash=_text(found.root),
        checkpoint=covering,
        file=_file(found, covering, entry) if covering else None,
    )


def _file(found: proven.InclusionProof, checkpoint: Checkpoint, entry: bytes) -> str:
    return bytes(ProofFile(found.index, found.path, checkpoint.note.encode(), entry)).decode()


def _given(size: Position | None) -> Position | None:
    return None if size is strawberry.UNSET else size


def _text(digest: bytes) -> str:
    return b64encode(digest).decode()
