"""The text by which an object is found: its title and the words that its rows hold."""

import hashlib
from collections.abc import Iterable

from domain.values import WorldDate
from service.replica.claimed_values import text_of
from service.replica.part import Subjects
from service.replica.tables import TABLES
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


def prose(view: View, subjects: Subjects, made: Iterable[tuple[str, ...]]) -> tuple[str, str]:
    """Title and body of the object's text; makes the row that ties the object to it."""
    noun = TABLES[view.noun].names
    title = str(view.rows[view.noun, ""][noun.index("title" if "title" in noun else "name")])
    said = (text_of(subject.value) for subject in subjects.values() if _is_text(subject.value))
    words = dict.fromkeys((*said, *(word for words in made for word in words)))
    words.pop(title, None)
    text = (title, "\n".join(words))
    view.put("prose", "", noun=view.noun, title=title, doc=document(*text))
    return text


def _is_text(value: object) -> bool:
    return isinstance(value, str) and not isinstance(value, WorldDate)


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


def document(title: str, body: str) -> int:
    """The row id of a text in the index: the same text has the same id for ever."""
    digest = hashlib.blake2b(f"{title}\0{body}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1
