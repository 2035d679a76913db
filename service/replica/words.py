"""What a search asks of the full-text index: the words of a text as queries of FTS5, run by run."""

from itertools import islice

import apsw

from service.replica.tables import NOUN_MARK, TOKENIZER

RUNS = 3
"""In how many runs hits are read, the best first: see `Words.run`."""

_NOTHING = '""'
_MOST_WORDS = 32
_LONGEST = 2_000
"""Characters that are looked at."""


class Words:
    """Makes queries of any text; its words are those that the index would make of it."""

    def __init__(self, connection: apsw.Connection) -> None:
        """Take the tokenizer of a connection."""
        name, *arguments = TOKENIZER.split()
        self._tokenizer = connection.fts5_tokenizer(name, arguments)

    def all(self, text: str | None, nouns: str | None = None) -> str:
        """All of the words, the last perhaps as the beginning of a word; none finds nothing.

        `nouns`, divided by spaces, are those of the objects that are looked for; none of them finds nothing.
        """
        whole, begun = self._terms(text)
        return _of(nouns, begun) if whole else _NOTHING

    def run(self, text: str | None, number: int, nouns: str | None = None) -> str:
        """The hits of one run: all words in the title; then, the last as a beginning there; then, anywhere."""
        whole, begun = self._terms(text)
        if not whole:
            return _NOTHING
        ways = (f"{{title}} : {whole}", f"{{title}} : {begun}", begun)
        found = _of(nouns, ways[number])
        return f"({found}) NOT ({ways[number - 1]})" if number else found

    def marked(self, text: str | None, number: int) -> str:
        """What is marked in the hits of one run: the words, the last as a beginning where the run takes it so."""
        return self._terms(text)[number > 0] or _NOTHING

    def _terms(self, text: str | None) -> tuple[str, str]:
        """The words, and the words with the last as a beginning; nothing where there are none."""
        plain = (text or "")[:_LONGEST].replace(NOUN_MARK, " ").replace("\0", " ").encode(errors="replace")
        tokens = self._tokenizer(plain, apsw.FTS5_TOKENIZE_QUERY, None, include_offsets=False, include_colocated=False)
        words = [f'"{token}"' for token in islice(tokens, _MOST_WORDS)]
        if not words:
            return "", ""
        *others, last = words
        before = [*dict.fromkeys(others)]
        return _every([*before, last]), _every([*before, f"{last}*"])


def _every(words: list[str]) -> str:
    return f"({' AND '.join(words)})"


def _of(nouns: str | None, found: str) -> str:
    if nouns is None:
        return found
    terms = [f'"{NOUN_MARK}{noun}"' for noun in nouns.split()]
    return f"({found}) AND {{noun}} : ({' OR '.join(terms)})" if terms else _NOTHING
