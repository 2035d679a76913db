"""The state root in GraphQL: one hash over all that the record says at a position, made in a thread of its own.

It reads every row, so only one is made at a time, within the time of an operation, and those made are remembered.
"""

import asyncio
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

import apsw
import strawberry
from strawberry.types import Info

from schema.context import Services
from schema.errors import ApiError, ErrorCode
from schema.scalars import Position
from service.audit.state import state_at
from service.replica.store import Replica

_STEPS = 10_000
_MOST = 1000
_thread = ThreadPoolExecutor(1, thread_name_prefix="state-root")
_kept: OrderedDict[tuple[str, str, int], str] = OrderedDict()

_At = Annotated[Position | None, strawberry.argument(description="The position; the newest that this node reads.")]


async def state_root(info: Info[Any, Any], position: _At = strawberry.UNSET) -> str | None:
    """The state root. Raises ApiError with POSITION_NOT_REACHED or TIMEOUT."""
    services: Services = info.context.services
    replica = services.replica
    at = replica.position if position is None or position is strawberry.UNSET else int(position)
    if at > replica.position:
        raise ApiError(ErrorCode.NOT_REACHED, f"This node has read up to {replica.position}, not {at}.")
    key = (replica.record_id, replica.rules, at)
    found = _kept.get(key)
    if found is None:
        deadline = time.monotonic() + services.settings.query_timeout
        found = await asyncio.get_running_loop().run_in_executor(_thread, _made, replica, key, deadline)
    return found


def _made(replica: Replica, key: tuple[str, str, int], deadline: float) -> str:
    """Make it, unless it was made while this waited for its turn."""
    if key not in _kept:
        _kept[key] = _hashed(replica, key[2], deadline)
        if len(_kept) > _MOST:
            _kept.popitem(last=False)
    return _kept[key]


def _hashed(replica: Replica, position: int, deadline: float) -> str:
    if time.monotonic() > deadline:
        raise _too_long()
    with replica.read() as connection:
        connection.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
        try:
            return state_at(connection, position).root
        except apsw.InterruptError:
            raise _too_long() from None
        finally:
            connection.set_progress_handler(None)


def _too_long() -> ApiError:
    return ApiError(ErrorCode.TIMEOUT, "There is too much to hash within an operation; 'tamga replay' has the time.")
