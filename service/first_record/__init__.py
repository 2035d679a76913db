"""The first record: the facts of one news article and the sourced, partly conflicting claims about the same story.

The facts stand in `facts.jsonl` in recording order; only reading them and grouping them into commands lives here.
"""

from importlib.resources import files
from itertools import islice
from typing import NamedTuple

import msgspec

from domain.catalogue import read_fact
from domain.fact import Fact

FIRST_RECORD_ACTOR = "first-record"
"""Who records it, as `recorded_by` says."""


class Part(NamedTuple):
    """Facts of the first record that are recorded whole or not at all."""

    command_id: str
    """For ever the same, so that recording the part again adds nothing."""
    facts: tuple[Fact, ...]


_LENGTHS = (53, 22, 34, 101)
"""How many facts each part has: the sources; parties, gatherings and relations; the article; what others say."""


def first_record() -> list[Fact]:
    """Every fact of the first record, in an order in which each refers only to what was opened before it."""
    lines = files(__package__).joinpath("facts.jsonl").read_text("utf-8").splitlines()
    return [read_fact(msgspec.json.decode(line)) for line in lines]


def first_record_parts() -> list[Part]:
    """The first record as commands with fixed ids, in recording order."""
    facts = iter(first_record())
    return [
        Part(f"{FIRST_RECORD_ACTOR}-{number}", tuple(islice(facts, length)))
        for number, length in enumerate(_LENGTHS, 1)
    ]
