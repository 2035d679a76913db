"""Which notes a happening gives under a filter: one for an event, one for each wanted change of a deal."""

from collections.abc import Callable

from domain.catalogue import CORRECTIONS
from service.streaming.filter import ORDER, DealChange, Filter, Kind
from service.streaming.happening import Happening, Touched
from service.streaming.note import Note, whole

Earlier = Callable[[Filter, str, int], bool]
"""Whether an event before a position, one that the filter takes, left the object as it asks."""

_NEW = ORDER.index(DealChange.NEW)


def notes_of(kind: Kind, filter: Filter, happening: Happening, earlier: Earlier) -> tuple[Note, ...]:
    """The notes in order of place."""
    if filter.asks_event and not filter.takes(happening):
        return ()
    if kind is Kind.EVENTS:
        return _event_note(filter, happening)
    found: tuple[Note, ...] = ()
    for touched in happening.deals:
        if not filter.asks_name or filter.names(touched.noun, touched.id):
            found += _deal_notes(filter, happening, touched, earlier)
    return found


def _event_note(filter: Filter, happening: Happening) -> tuple[Note, ...]:
    if not filter.names(happening.noun, happening.stream):
        return ()
    if filter.asks_object and not (happening.objects and filter.fits(happening.objects[0].now)):
        return ()
    wanted = filter.changes
    if wanted is not None and not any(wanted & changes(happening, each) for each in happening.deals):
        return ()
    return happening.note(whole(happening.position), happening.stream)


def _deal_notes(filter: Filter, happening: Happening, touched: Touched, earlier: Earlier) -> tuple[Note, ...]:
    position, id = happening.position, touched.id
    matches = filter.matches(touched.now)
    if matches and _is_first(filter, happening, touched, earlier):
        return happening.note((position, id, _NEW), id)
    if filter.changes and (matches or filter.matches(touched.before)):
        changed = changes(happening, touched)
        wanted = [number for number, each in enumerate(ORDER) if each in changed and each in filter.changes]
        return tuple(note for number in wanted for note in happening.note((position, id, number), id))
    return ()


def _is_first(filter: Filter, happening: Happening, touched: Touched, earlier: Earlier) -> bool:
    """Whether no event before this one left the object as the filter asks."""
    if touched.now is not None and touched.now.created == happening.position:
        return True
    if not filter.asks_event and filter.matches(touched.before):
        return False
    return not earlier(filter, touched.id, happening.position)


def changes(happening: Happening, touched: Touched) -> set[DealChange]:
    """What the event changed in the object."""
    now, before = touched.now, touched.before
    found: set[DealChange] = set()
    if now is not None and now.created == happening.position:
        found.add(DealChange.NEW)
    if now is not None and before is not None:
        if now.far != before.far:
            found.add(DealChange.COMMITMENT)
        if now.value != before.value:
            found.add(DealChange.VALUE)
    if happening.type in CORRECTIONS:
        found.add(DealChange.CORRECTION)
    return found
