"""Sources: what facts rest on. A reprint or quotation is a source of its own, derived from the original."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from domain.codes import SourceKind
from domain.common import COMMON
from domain.fact import Content
from domain.stream import Aggregate
from domain.values import Language, Name, Personal, SourceId, Text, Url, WorldDate, doc


@dataclass(frozen=True, kw_only=True)
class SourceRegistered(Content):
    """A source was registered."""

    opens: ClassVar[bool] = True
    onward: ClassVar[str | None] = "derived_from"
    kind: Annotated[SourceKind, doc("what it is, which says how far it is trusted")]
    title: Annotated[Name, doc("its title")]
    url: Annotated[Url | None, doc("its address, if it has one")] = None
    publisher: Annotated[Name | None, doc("who published it")] = None
    author: Annotated[Name | None, Personal(), doc("who wrote it")] = None
    published_on: Annotated[WorldDate | None, doc("when it was published")] = None
    language: Annotated[Language | None, doc("ISO 639 code of its language")] = None
    content_hash: Annotated[Name | None, doc("hash of its content, as algorithm:hex")] = None
    derived_from: Annotated[SourceId | None, doc("the original that it reprints or quotes")] = None

    def summary(self) -> str:
        """One line for people."""
        return f"source: {self.title}{f', {self.publisher}' if self.publisher else ''} ({self.kind})"

    def subjects(self) -> dict[str, str]:
        """Each descriptive field is a subject of its own."""
        return {"title": "title", "published_on": "published", "publisher": "publisher"}


@dataclass(frozen=True, kw_only=True)
class SourceArchived(Content):
    """A copy of a source was kept."""

    editorial: ClassVar[bool] = True
    url: Annotated[Url, doc("address of the copy")]
    content_hash: Annotated[Name | None, doc("hash of the copy, as algorithm:hex")] = None
    reason: Annotated[Text, doc("why it was archived")]

    def summary(self) -> str:
        """One line for people."""
        return f"archived at {self.url}"


@dataclass(frozen=True, kw_only=True)
class SourceWithdrawn(Content):
    """A source was withdrawn: what rests on it alone stands no more."""

    editorial: ClassVar[bool] = True
    reason: Annotated[Text, doc("who withdrew it and why")]

    def summary(self) -> str:
        """One line for people."""
        return f"source withdrawn: {self.reason}"


class Source(Aggregate):
    """A source and what became of it."""

    noun = "source"
    events = (SourceRegistered, SourceArchived, SourceWithdrawn, *COMMON)
