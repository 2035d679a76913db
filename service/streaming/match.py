"""Which notes a happening gives under a filter: one for an event, one for each wanted change of a deal."""

from collections.abc import Callable

from service.streaming.filter import CORRECTIONS, ORDER, DealChange, Filter, Kind
from service.streaming.happening import Happening, State, Touched
from service.streaming.note import Note, whole

Earlier = Callable[[str, int], list[tuple[Happening, State]]]
"""The events that changed an object before a position, each with what it showed then."""

_NEW = ORDER.index(DealChange.NEW)


def notes_of(kind: Kind, filter: Filter, happening: Happening, earlier: Earlier) -> list[Note]:
    """The notes in order of place."""
    if filter.asks_event and not filter.takes(happening):
        return []
    if kind is Kind.EVENTS:
        return _event_note(filter, happening)
    found: list[Note] = []
    for touched in happening.deals:
        if filter.names(touched.noun, touched.id):
            _add_deal_notes(found, filter, happening, touched, earlier)
    return found


def _event_note(filter: Filter, happening: Happening) -> list[Note]:
    if not filter.names(happening.noun, happening.stream):
        return []
    if filter.asks_object and not (happening.objects and filter.fits(happening.objects[0].now)):
        return []
    if filter.changes and not any(filter.changes & changes(happening, each) for each in happening.deals):
        return []
    return [Note(whole(happening.position), happening.stream)]


def _add_deal_notes(
    found: list[Note], filter: Filter, happening: Happening, touched: Touched, earlier: Earlier
) -> None:
    matches = _matches(filter, touched.now)
    if matches and _is_first(filter, happening, touched, earlier):
        found.append(Note((happening.position, touched.id, _NEW), touched.id))
    elif filter.changes and (matches or _matches(filter, touched.before)):
        changed = changes(happening, touched)
        wanted = [number for number, each in enumerate(ORDER) if each in changed and each in filter.changes]
        found += [Note((happening.position, touched.id, number), touched.id) for number in wanted]


def _matches(filter: Filter, state: State | None) -> bool:
    return state is not None and not state.retracted and filter.fits(state)


def _is_first(filter: Filter, happening: Happening, touched: Touched, earlier: Earlier) -> bool:
    """Whether no event before this one left the object as the filter asks."""
    if touched.now is not None and touched.now.created == happening.position:
        return True
    if not filter.asks_event and _matches(filter, touched.before):
        return False
    past = earlier(touched.id, happening.position)
    return not any(filter.takes(event) and _matches(filter, state) for event, state in past)


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
