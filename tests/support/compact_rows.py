"""Rows of random histories: in memory for the oracle, and in a replica file for the compiler."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import apsw
import orjson

from service.replica.store import open_for_reading
from service.replica.tables import ALIVE, TABLES, ddl

RECORD = "record-of-the-tests"


@dataclass
class Rows:
    """Versioned rows of random histories, in memory: what the replica file holds and the oracle reads."""

    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    position: int = 0

    def alive(self, table: str, at: int) -> list[dict[str, Any]]:
        """The rows of a moment."""
        rows = self.tables.get(table, [])
        if table == "event":
            return [row for row in rows if row["position"] <= at]
        return [row for row in rows if row["since"] <= at < row["until"]]

    def put(self, table: str, **values: Any) -> None:
        """A new version from this position on."""
        keys = TABLES[table].keys
        for row in self.tables.setdefault(table, []):
            if row["until"] == ALIVE and all(row[key] == values[key] for key in keys):
                row["until"] = self.position
        self.tables[table].append({**_blank(table), **values, "since": self.position, "until": ALIVE})


def _blank(table: str) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for column_ in TABLES[table].columns.split():
        name = column_.rstrip("!#?")
        mark = column_[len(name) :]
        made[name] = {"!": "", "#": 0}.get(mark)
    return made


TITLES = ("Aircraft", 'Loan "A"', "Rails", "Rails", "Кен \u2028", "tab\tand\x00null", "Zinc")


def random_rows(random: Random, steps: int = 60) -> Rows:
    """Histories of a few parties and deals, one change a position."""
    made = Rows()
    for number in range(4):
        made.position += 1
        made.put("party", id=f"party:p{number}", name=f"Party {number}", country=random.choice(["KAZ", "UZB", None]))
        _event(made, f"party:p{number}", "registered")
    created: dict[str, int] = {}
    for _ in range(steps):
        made.position += 1
        id = f"deal:d{random.randrange(12)}"
        created.setdefault(id, made.position)
        _deal(made, random, id, created[id])
        _event(made, id, random.choice(["seen", "heard", "told"]))
    return made


def _deal(made: Rows, random: Random, id: str, created: int) -> None:
    made.put(
        "deal",
        id=id,
        created=created,
        changed=made.position,
        title=random.choice(TITLES),
        kind=random.choice(["LOAN", "SUPPLY", "OTHER"]),
        disputed=random.randrange(2),
        delays=random.randrange(3),
        days_late=random.choice([None, 3, -2]),
        value_key=random.choice(["a", "b", "c"]),
        value_subject=random.choice([None, "money", "words", "none"]),
        gathering=random.choice([None, "party:p1", "party:nowhere"]),
        value_currency="party:p0" if random.random() < 0.97 else "party:nowhere",
    )
    for key in random.sample("abcd", 2):
        party, role = f"party:p{random.randrange(4)}", random.choice(["BUYER", "SELLER", None])
        country = random.choice(["KAZ", "UZB", None])
        made.put("party_link", owner=id, key=key, ord=ord(key) % 3, party=party, role=role, country=country)
    shown = random.choice(['{"low":"5","exact":true}', '{"low":null,"as_stated":"quite \\"much\\""}', "{}", None])
    made.put("claimed", owner=id, key="money", kind="MONEY", shown=shown, claims=2, adopted=random.randrange(2))
    made.put("claimed", owner=id, key="words", kind="TEXT", text=random.choice(["w", None]), claims=1)


def _event(made: Rows, stream: str, summary: str) -> None:
    events = made.tables.setdefault("event", [])
    version = 1 + sum(row["stream"] == stream for row in events)
    noun = stream.partition(":")[0]
    recorded_at = f"2026-01-01T00:{made.position // 60:02d}:{made.position % 60:02d}.000Z"
    body = {"data": {"n": version, "words": summary, "list": [1, None, True, "é"]}}
    events.append(
        {"position": made.position, "id": f"{stream}@{version}", "stream": stream, "noun": noun, "version": version,
         "type": "Seen", "occurred_on": None, "day": "2026", "recorded_at": recorded_at, "recorded_by": "key:a",
         "command_id": str(made.position), "summary": summary, "body": orjson.dumps(body).decode()}
    )  # fmt: skip


class Filled:
    """A replica file that was filled by hand."""

    def __init__(self, path: Path, rows: Rows) -> None:
        """Write the rows into a new file."""
        self.path = path
        self.record_id = RECORD
        self._writer = apsw.Connection(str(path))
        self._writer.execute("PRAGMA journal_mode = WAL")
        self._writer.execute("PRAGMA synchronous = OFF")
        for statement in ddl():
            self._writer.execute(statement)
        self.fill(rows)
        self._idle: list[apsw.Connection] = []

    def fill(self, rows: Rows) -> None:
        """Replace all rows."""
        with self._writer:
            for table, found in rows.tables.items():
                self._writer.execute(f"DELETE FROM {table}")
                for row in found:
                    names, marks = ", ".join(row), ", ".join("?" * len(row))
                    self._writer.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(row.values()))
            self._writer.execute("INSERT OR REPLACE INTO state VALUES ('position', ?)", (rows.position,))
        self.position = rows.position

    @contextmanager
    def read(self) -> Iterator[apsw.Connection]:
        """A connection that nobody else has."""
        taken = self._idle.pop() if self._idle else open_for_reading(self.path)
        yield taken
        self._idle.append(taken)

    def position_at(self, recorded_time: str) -> int:
        """The last position by a time."""
        found = self._writer.execute("SELECT max(position) FROM event WHERE recorded_at <= ?", (recorded_time,)).get
        return int(found or 0)

    async def reached(self, position: int, timeout: float) -> bool:  # noqa: ASYNC109
        """Whether reads see the position."""
        return self.position >= position

    def fold_on(self, connection: apsw.Connection, id: str, day: str, position: int) -> bool:
        """Nothing was known on any day."""
        for table in TABLES:
            connection.execute(f"DELETE FROM scratch.{table}")
        return False

    def close(self) -> None:
        """Close the file."""
        for each in (*self._idle, self._writer):
            each.close()
