"""The text by which an object is found: its title and the words that its rows hold."""

import hashlib

from service.replica.tables import TABLES
from service.replica.view import View

_WORDS = {
    "claimed": ("text",),
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


def put_prose(view: View) -> None:
    """Make the row that ties the object to its text, and keep the text for the index."""
    noun = TABLES[view.noun].names
    row = view.rows.get((view.noun, ""))
    if row is None:
        return
    title = str(row[noun.index("title" if "title" in noun else "name")])
    words = dict.fromkeys(_words(view))
    words.pop(title, None)
    view.prose = (title, "\n".join(words))
    view.put("prose", "", noun=view.noun, title=title, doc=document(*view.prose))


def _words(view: View) -> list[str]:
    return [
        str(row[place])
        for (table, _), row in view.rows.items()
        for place in _PLACES.get(table, ())
        if row[place] is not None
    ]


def document(title: str, body: str) -> int:
    """The row id of a text in the index: the same text has the same id for ever."""
    digest = hashlib.blake2b(f"{title}\0{body}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1
