"""The code blocks of the README, so that tests can run exactly what a reader would paste."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
FENCE = re.compile(r"^```(?P<language>\w+)[^\n]*\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, its text and the README line on which it opens."""

    language: str
    text: str
    line: int


def readme_blocks(*languages: str) -> list[Block]:
    """The blocks written in one of `languages` ("bash", "graphql", ...), in reading order; all blocks without any."""
    readme = README.read_text("utf-8")
    found = [Block(m["language"], m["text"], readme.count("\n", 0, m.start()) + 1) for m in FENCE.finditer(readme)]
    return [block for block in found if not languages or block.language in languages]
