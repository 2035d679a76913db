"""The text by which an object is found: its title and the words that its rows hold."""

import hashlib
from collections.abc import Iterable

from domain.codes import Code
from domain.values import WorldDate
from service.replica.claimed_values import is_id
from service.replica.claims import Subject
from service.replica.part import Subjects
from service.replica.tables import NOUN_MARK, TABLES
from service.replica.view import Rows, View

_WORDS = {
    "sector": ("code",),
    "effect": ("statement",),
    "assessment": ("theme", "statement"),
    "mandate": ("topic",),
    "line": ("item",),
    "output": ("item",),
    "condition": ("statement",),
    "party_name": ("name",),
    "identifier": ("value",),
}
_PLACES = {table: tuple(TABLES[table].names.index(column) for column in columns) for table, columns in _WORDS.items()}


Text = tuple[str, str, str]
"""A row of the index: title, body, and the noun with its mark."""

_MOST_WORDS = 15
_POSITIONS = 1 << 30
"""Positions that row ids tell apart; beyond that many events, order alone suffers."""
_DIGEST = 29
"""Bits of a row id that tell the texts of one object apart."""


def prose(view: View, subjects: Subjects, made: Iterable[tuple[str, ...]]) -> Text:
    """The object's text; makes the row that ties the object to it."""
    noun = TABLES[view.noun].names
    title = str(view.rows[view.noun, ""][noun.index("title" if "title" in noun else "name")])
    said = (_said(subject) for subject in subjects.values())
    words = dict.fromkeys((*filter(None, said), *(word for words in made for word in words)))
    words.pop(title, None)
    body = "\n".join(words)
    view.put("prose", "", noun=view.noun, title=title, doc=document(view.kept[0].position, title, body))
    return title, body, NOUN_MARK + view.noun


def _said(subject: Subject) -> str | None:
    """The words of a claimed value: of codes only the kind's, and no ids, which say nothing to readers."""
    value = subject.value
    if not isinstance(value, str) or isinstance(value, WorldDate):
        return None
    if isinstance(value, Code):
        return value.replace("_", " ").lower() if subject.name == "kind" else None
    return None if is_id(value) else value


def hold_words(names: Iterable[tuple[str, str]]) -> bool:
    """Whether rows of these names may hold words."""
    return not _PLACES.keys().isdisjoint([table for table, _ in names])


def words_of(made: Rows) -> tuple[str, ...]:
    """The words that rows hold."""
    return tuple(
        [
            str(row[place])
            for (table, _), row in made.items()
            for place in _PLACES.get(table, ())
            if row[place] is not None
        ]
    )


def document(created: int, title: str, body: str) -> int:
    """The row id of a text of the object that was opened at a position: the same text has the same id for ever.

    In their order lie first the texts with fewer words in the title, then those of the latest objects: the index
    gives the best hits of a search first without looking at the others.
    """
    digest = int.from_bytes(hashlib.blake2b(f"{title}\0{body}".encode(), digest_size=8).digest(), "big")
    length, age = min(len(title.split()), _MOST_WORDS), -created % _POSITIONS
    return (length * _POSITIONS + age << _DIGEST) + (digest >> 64 - _DIGEST)


def opened_by(document: str, position: str) -> str:
    """SQL that passes over most texts of objects that were opened behind a position, by their row ids alone."""
    return f"({document} >> {_DIGEST}) % {_POSITIONS} >= {_POSITIONS} - {position}"
