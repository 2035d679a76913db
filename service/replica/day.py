"""What held in the world on a day, by what the record knew at a position: one object folded into the scratch tables."""

import apsw

from domain.values import WorldDate
from service.replica.events import load_placed
from service.replica.object import Object, kept_of
from service.replica.tables import ALIVE, TABLES
from service.replica.view import Events, View
from service.replica.world import Facet, World, facet_of


def fold_on(connection: apsw.Connection, id: str, day: str, position: int) -> bool:
    """Fill the connection's scratch tables with the object as of a day (YYYY-MM-DD); false if it was not there then.

    Events that surely happened later are left out, here and in the objects that it depends on; unknown dates stay.
    """
    for table in TABLES:
        connection.execute(f"DELETE FROM scratch.{table}")
    day_of = _Day(connection, day, position)
    view = day_of.view(id)
    if view.retracted:
        return False
    for (table, key), values in Object(id).fold_kept(view.kept, World(day_of.facet)).items():
        keys = (id, key) if TABLES[table].owned else (id,)
        marks = ", ".join("?" * len(TABLES[table].all_columns))
        connection.execute(f"INSERT INTO scratch.{table} VALUES ({marks})", (*keys, 1, ALIVE, *values))
    return True


class _Day:
    """The facets of objects as of a day and a position."""

    def __init__(self, connection: apsw.Connection, day: str, position: int) -> None:
        self._connection, self._day, self._position = connection, day, position
        self._facets: dict[str, Facet | None] = {}

    def view(self, id: str) -> View:
        kept = kept_of(load_placed(self._connection, id, self._position))
        return View(id, Events(one for one in kept if not _later(one.fact.occurred_on, self._day)))

    def facet(self, id: str) -> Facet | None:
        if id not in self._facets:
            self._facets[id] = None
            self._facets[id] = facet_of(self.view(id), World(self.facet))
        return self._facets[id]


def _later(when: WorldDate | None, day: str) -> bool:
    return when is not None and when.earliest is not None and when.earliest > day
