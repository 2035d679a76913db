"""The values that events are made of: dates of the world, stated quantities, money, references and identifiers.

A value only holds and computes; `problems` says what is wrong with it at the door, and reading never refuses (lists of
countries and currencies change, the record does not).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from functools import lru_cache
from typing import Annotated, Any, ClassVar, NamedTuple, Protocol, Self, runtime_checkable

import msgspec
import pycountry

from domain import edtf
from domain.codes import IdentifierScheme, Modifier, MoneyBasis, PartyRole, SectorScheme, Stance


def doc(description: str) -> msgspec.Meta:
    """The description of a field, for validation messages, documentation and the API."""
    return msgspec.Meta(description=description)


class Ref(NamedTuple):
    """Marks an id that must exist in the log; an empty noun accepts any."""

    noun: str


class Rule(NamedTuple):
    """Marks a text that the door checks by the rule of this name (see `broken`)."""

    name: str


class Personal(NamedTuple):
    """Marks a field that holds personal data, or may: what puts a field right repeats what the field holds."""


NOUNS = ("source", "party", "institution", "gathering", "agreement", "deal", "investment", "relation", "programme")
_KEY = "[a-z0-9][a-z0-9-]{0,79}"


PATTERNS: dict[str, str] = {}
"""What each pattern asks for, in words."""


def _pattern(pattern: str, words: str, shortest: int | None = None, longest: int | None = None) -> msgspec.Meta:
    PATTERNS[pattern] = words
    return msgspec.Meta(pattern=pattern, min_length=shortest, max_length=longest)


_KEY_IN_WORDS = "lower-case letters, digits and hyphens, 80 at most"


def _id_pattern(noun: str) -> msgspec.Meta:
    example = f"{noun}:example" if noun in NOUNS else "deal:uz-boeing-787"
    return _pattern(rf"^{noun}:{_KEY}\Z", f"an id such as {example}: the noun, a colon, {_KEY_IN_WORDS}")


Text = Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
Words = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Quote = Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
Url = Annotated[str, _pattern(r"^https?://[^\s]+\Z", "an http or https address", 1, 2000)]
LineKey = Annotated[str, _pattern(rf"^{_KEY}\Z", f"a key: {_KEY_IN_WORDS}")]
Number = Annotated[
    str,
    _pattern(
        r"^-?(0|[1-9][0-9]{0,29})(\.[0-9]{1,12})?\Z",
        'a plain number such as "1500.25": 30 digits at most, 12 more behind the point, no exponent',
    ),
]
Version = Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]
Country = Annotated[str, Rule("country")]
Currency = Annotated[str, Rule("currency")]
Percent = Annotated[Number, Rule("percent")]
Language = Annotated[str, Rule("language")]
SourceId = Annotated[str, _id_pattern("source"), Ref("source")]
PartyId = Annotated[str, _id_pattern("party"), Ref("party")]
InstitutionId = Annotated[str, _id_pattern("institution"), Ref("institution")]
GatheringId = Annotated[str, _id_pattern("gathering"), Ref("gathering")]
AgreementId = Annotated[str, _id_pattern("agreement"), Ref("agreement")]
DealId = Annotated[str, _id_pattern("deal"), Ref("deal")]
AnyId = Annotated[str, _id_pattern(f"({'|'.join(NOUNS)})")]


class WorldDate(str):
    """When something held or happened in the world: an EDTF text, often imprecise.

    Sorts by its earliest day, then by the position of its event; an unknown date or open start sorts after the rest.
    Raises ValueError for a text that is not in the accepted subset of EDTF (see `edtf`).
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Check the text and keep it as it is written."""
        edtf.bounds(text)
        return super().__new__(cls, text)

    @property
    def earliest(self) -> str | None:
        """First day that it may mean, YYYY-MM-DD; None if unknown or open."""
        return edtf.bounds(self)[0]

    @property
    def latest(self) -> str | None:
        """Last day that it may mean, YYYY-MM-DD; None if unknown or open."""
        return edtf.bounds(self)[1]


@lru_cache(maxsize=65536)
def world_date(text: str) -> WorldDate:
    """The date, one for all equal texts: dates repeat. Raises ValueError as WorldDate does."""
    return WorldDate(text)


class Problem(NamedTuple):
    """What is wrong with one field of a value."""

    field: str
    reason: str


@runtime_checkable
class Checked(Protocol):
    """A value with rules of its own beyond the types of its fields."""

    def problems(self) -> Iterator[Problem]:
        """What is wrong with it, field by field."""
        ...


class Interval(NamedTuple):
    """The numbers that a stated quantity may mean; None is unbounded."""

    low: Decimal | None
    high: Decimal | None

    def overlaps(self, other: "Interval") -> bool:
        """Whether some number lies in both."""
        starts_later = self.low is not None and other.high is not None and self.low > other.high
        ends_earlier = self.high is not None and other.low is not None and self.high < other.low
        return not (starts_later or ends_earlier)


EXACT = Context(prec=100)
"""Room for any sum and any tenth of numbers on disk, without rounding."""

_TENTH = Decimal("0.1")


@dataclass(frozen=True, kw_only=True)
class Stated:
    """A number as a source states it."""

    low: Annotated[Number | None, doc("the lower stated number; the same as high for one number, absent for UP_TO")] = (
        None
    )
    high: Annotated[
        Number | None, doc("the upper stated number; the same as low for one number, absent for OVER and AT_LEAST")
    ] = None
    modifier: Annotated[Modifier, doc("how the source qualifies the number")] = Modifier.EXACTLY
    as_stated: Annotated[Words | None, doc("the figure's own words, such as 'over 600'")] = None

    def interval(self) -> Interval | None:
        """The numbers that it may mean; None if undisclosed."""
        if self.modifier is Modifier.UNDISCLOSED or (self.low is None and self.high is None):
            return None
        return _interval(self.modifier, self.low, self.high)

    @property
    def digits(self) -> str | None:
        """The stated number to sort, count or add up by, as it is written: low, else high; None if undisclosed."""
        return self.low if self.low is not None else self.high

    def number(self) -> Decimal | None:
        """The same as a number."""
        return None if self.digits is None else Decimal(self.digits)

    def problems(self) -> Iterator[Problem]:
        """What is wrong with the numbers for this modifier."""
        if self.modifier is Modifier.UNDISCLOSED:
            yield from self._undisclosed_problems()
        elif self.modifier in (Modifier.OVER, Modifier.AT_LEAST):
            yield from _missing("low", self.low, self.modifier)
            yield from _unwanted("high", self.high, self.modifier)
        elif self.modifier is Modifier.UP_TO:
            yield from _missing("high", self.high, self.modifier)
            yield from _unwanted("low", self.low, self.modifier)
        else:
            both = "low and high, the same where there is one number"
            yield from _missing("low", self.low, self.modifier, both)
            yield from _missing("high", self.high, self.modifier, both)
        if self.low is not None and self.high is not None and Decimal(self.low) > Decimal(self.high):
            yield Problem("low", f"{self.low} is greater than high, {self.high}")

    def _undisclosed_problems(self) -> Iterator[Problem]:
        if self.low is not None or self.high is not None:
            yield Problem("modifier", "UNDISCLOSED has no number: leave low and high out")
        if self.as_stated is None:
            yield Problem("as_stated", "UNDISCLOSED needs the words that say why no number is given")

    def words(self) -> str:
        """The number with its qualification, for people."""
        if self.as_stated is not None:
            return self.as_stated
        number = self._bounds_in_words()
        if self.modifier is Modifier.EXACTLY:
            return number
        return f"{self.modifier.lower().replace('_', ' ')} {number}".strip()

    def _bounds_in_words(self) -> str:
        low, high = self.low, self.high
        if low is None or high is None or low == high:
            return low or high or ""
        return f"{low} {'and' if self.modifier is Modifier.BETWEEN else 'to'} {high}"


def _missing(field: str, value: str | None, modifier: Modifier, needed: str = "this number") -> Iterator[Problem]:
    if value is None:
        yield Problem(field, f"{modifier} needs {needed}")


def _unwanted(field: str, value: str | None, modifier: Modifier) -> Iterator[Problem]:
    if value is not None:
        yield Problem(field, f"{modifier} has one side alone: leave this number out")


@lru_cache(maxsize=65536)
def _interval(modifier: Modifier, low: str | None, high: str | None) -> Interval:
    with localcontext(EXACT):
        return _widened(modifier, Decimal(low or high or 0), Decimal(high or low or 0))


def _widened(modifier: Modifier, first: Decimal, last: Decimal) -> Interval:
    match modifier:
        case Modifier.APPROXIMATELY | Modifier.ESTIMATED:
            return Interval(first - abs(first) * _TENTH, last + abs(last) * _TENTH)
        case Modifier.NEARLY:
            near = first - first * _TENTH
            return Interval(min(near, last), max(near, last))
        case Modifier.OVER | Modifier.AT_LEAST:
            return Interval(first, None)
        case Modifier.UP_TO:
            return Interval(None, last)
        case _:
            return Interval(first, last)


@dataclass(frozen=True, kw_only=True)
class StatedQuantity(Stated):
    """A number of things as a source states it, with its unit."""

    unit: Annotated[Name, doc("what is counted, such as aircraft, jobs, percent or years")]

    def __str__(self) -> str:
        words = self.words()
        unit = "%" if self.unit == "percent" and "%" in words else self.unit
        counts = any(letter.isdigit() for letter in words)
        return f"{words} {self.unit}" if counts and unit not in words else words


@dataclass(frozen=True, kw_only=True)
class Money(Stated):
    """An amount of money as a source states it. Converted nowhere; missing is UNDISCLOSED with the reason, never 0."""

    currency: Annotated[Currency, doc("ISO 4217 code, such as USD")]
    basis: Annotated[
        MoneyBasis | None, doc("what the amount counts; without it the value is flagged as an anomaly")
    ] = None

    def __str__(self) -> str:
        return self.words() if self.as_stated else f"{self.currency} {self.words()}"


@dataclass(frozen=True, kw_only=True)
class SourceRef:
    """Where a statement is found and what the source does with it."""

    source: Annotated[SourceId, doc("the source")]
    locator: Annotated[Name | None, doc("where in the source, such as 'para 4'")] = None
    quote: Annotated[Quote | None, doc("the words of the source, verbatim, 300 characters at most")] = None
    stance: Annotated[Stance, doc("what the source does with the statement")] = Stance.ASSERTS


@dataclass(frozen=True, kw_only=True)
class SectorShare:
    """A sector that something belongs to, with its share where one is stated."""

    scheme: Annotated[SectorScheme, doc("the classification of the code")] = SectorScheme.AS_STATED
    code: Annotated[Name, doc("the code, or the words of the source for AS_STATED")]
    percent: Annotated[Percent | None, doc("share in percent, 0 to 100")] = None

    def __str__(self) -> str:
        return f"{self.code} {self.percent}%" if self.percent is not None else self.code


@dataclass(frozen=True, kw_only=True)
class PartyRef:
    """A party and its role."""

    party: Annotated[PartyId, doc("the party")]
    role: Annotated[PartyRole, doc("what it does")]

    def __str__(self) -> str:
        return f"{self.party} ({self.role.lower()})"


@dataclass(frozen=True, kw_only=True)
class Identifier:
    """What a register calls a party."""

    scheme: Annotated[IdentifierScheme, doc("the register")]
    value: Annotated[Name, doc("the identifier in that register")]

    _RULES: ClassVar[dict[IdentifierScheme, str]] = {
        IdentifierScheme.ISO_3166_1_ALPHA_3: "country",
        IdentifierScheme.ISO_3166_3: "former country",
        IdentifierScheme.LEI: "LEI",
    }

    def problems(self) -> Iterator[Problem]:
        """What is wrong with the value in its register."""
        rule = self._RULES.get(self.scheme)
        if rule is not None and (reason := broken(rule, self.value)):
            yield Problem("value", reason)


def lei_is_valid(text: str) -> bool:
    """Whether the 20 characters are a Legal Entity Identifier: ISO 17442, check digits by ISO 7064 MOD 97-10."""
    if _LEI.fullmatch(text) is None:
        return False
    number = int("".join(str(int(letter, 36)) for letter in text[:18]))
    return 98 - number * 100 % 97 == int(text[18:])


_LEI = re.compile("[0-9A-Z]{18}[0-9]{2}")


@lru_cache(maxsize=1)
def _codes() -> dict[str, frozenset[str]]:
    """The code lists: ISO 3166-1, 3166-3, 639-1 and 639-3 as pycountry keeps them, ISO 4217 with former currencies."""
    from iso_4217 import Currency as Iso4217  # type: ignore[import-untyped]  # reads its lists as it is imported

    current = frozenset(country.alpha_3 for country in pycountry.countries)
    former = frozenset(country.alpha_3 for country in pycountry.historic_countries)
    return {
        "country": current | former,
        "former country": former,
        "currency": frozenset(currency.name for currency in Iso4217),
        "language": frozenset(
            code for language in pycountry.languages for code in (language.alpha_3, getattr(language, "alpha_2", ""))
        ),
    }


_EXAMPLES = {
    "country": "ISO 3166 alpha-3, such as KAZ",
    "former country": "ISO 3166-3, such as SUN",
    "currency": "ISO 4217, such as USD",
    "language": "ISO 639, such as en or kaa",
}


def broken(rule: str, text: str) -> str | None:
    """Why the text breaks the named rule; None if it keeps it."""
    if rule in _EXAMPLES:
        return None if text in _codes()[rule] else f"{text!r} is not a {rule} code ({_EXAMPLES[rule]})"
    if rule == "percent":
        return None if 0 <= Decimal(text) <= 100 else f"{text} is not between 0 and 100"
    return None if lei_is_valid(text) else f"{text!r} is not a valid LEI"


def country_name(code: str) -> str:
    """The English short name of a country code, current or former; the code itself if unknown."""
    found: Any = pycountry.countries.get(alpha_3=code) or pycountry.historic_countries.get(alpha_3=code)
    return str(found.name) if found is not None else code
