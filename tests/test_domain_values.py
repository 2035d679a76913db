"""Values: what stated numbers may mean, codes of countries, currencies and companies, shares and ids."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.catalogue import CATALOGUE, read_fact
from domain.codes import IdentifierScheme, Modifier
from domain.fact import Refused, check_values, personal_fields
from domain.values import EXACT, Identifier, Interval, Money, StatedQuantity, broken, country_name, lei_is_valid
from tests.support.examples import dollars, example, number

ONE_SIDED = {Modifier.OVER: "high", Modifier.AT_LEAST: "high", Modifier.UP_TO: "low"}
NUMBERS = st.decimals(-(10**20), 10**20, places=4).map("{:f}".format)


def stated(low: str | None, high: str | None, modifier: str = "EXACTLY", words: str | None = None) -> StatedQuantity:
    return StatedQuantity(low=low, high=high, unit="aircraft", modifier=Modifier[modifier], as_stated=words)


def bounds(*of: Any) -> tuple[Decimal | None, Decimal | None]:
    interval = stated(*of).interval()
    assert interval is not None
    return interval.low, interval.high


def refusal(fact: dict[str, Any]) -> tuple[str, str]:
    with pytest.raises(Refused) as refused:
        check_values(read_fact(fact))
    return refused.value.code, refused.value.field


def is_taken(fact: dict[str, Any]) -> bool:
    check_values(read_fact(fact))
    return True


@pytest.mark.parametrize(
    ("low", "high", "modifier", "expected"),
    [
        ("22", "22", "EXACTLY", ("22", "22")),
        ("100", "100", "APPROXIMATELY", ("90", "110")),
        ("100", "200", "APPROXIMATELY", ("90", "220")),
        ("100", "100", "ESTIMATED", ("90", "110")),
        ("100", "100", "NEARLY", ("90", "100")),
        ("600", None, "OVER", ("600", None)),
        ("600", None, "AT_LEAST", ("600", None)),
        (None, "600", "UP_TO", (None, "600")),
        ("5", "8", "BETWEEN", ("5", "8")),
        ("-100", "-100", "APPROXIMATELY", ("-110", "-90")),
        ("-100", "-100", "NEARLY", ("-100", "-90")),
        ("0", "0", "ESTIMATED", ("0", "0")),
    ],
)
def test_the_modifier_says_which_numbers_are_meant(
    low: str | None, high: str | None, modifier: str, expected: tuple[str | None, str | None]
) -> None:
    assert bounds(low, high, modifier) == tuple(None if bound is None else Decimal(bound) for bound in expected)


def test_an_undisclosed_number_means_none_in_particular() -> None:
    undisclosed = stated(None, None, "UNDISCLOSED", "not published by either side")
    assert undisclosed.interval() is None
    assert undisclosed.number() is None


@given(NUMBERS, st.sampled_from(Modifier))
def test_the_stated_number_is_always_one_of_those_meant(text: str, modifier: Modifier) -> None:
    sides = {"low": text, "high": text} | {ONE_SIDED.get(modifier, "unit"): None} | {"unit": "jobs"}
    value = StatedQuantity(modifier=modifier, as_stated="as said", **sides)  # type: ignore[arg-type]  # either text
    interval = value.interval()
    if modifier is Modifier.UNDISCLOSED:
        assert interval is None
    else:
        assert interval is not None
        assert interval.overlaps(Interval(Decimal(text), Decimal(text)))


@pytest.mark.parametrize("modifier", ["APPROXIMATELY", "NEARLY", "ESTIMATED"])
def test_bounds_of_the_longest_numbers_are_not_rounded(modifier: str) -> None:
    longest = "9" * 30 + "." + "9" * 12
    low, high = bounds(longest, longest, modifier)
    assert low is not None and high is not None
    assert EXACT.multiply(low, Decimal(10)) == EXACT.multiply(Decimal(longest), Decimal(9))
    assert high == Decimal(longest) or EXACT.multiply(high, Decimal(10)) == EXACT.multiply(
        Decimal(longest), Decimal(11)
    )


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        (("22", "22"), ("22", "22"), True),
        (("22", "22"), ("23", "23"), False),
        (("100", None, "OVER"), ("35", "35"), False),
        (("100", None, "OVER"), (None, "100", "UP_TO"), True),
        (("100", None, "OVER"), ("200", "200"), True),
        ((None, "5", "UP_TO"), (None, "9", "UP_TO"), True),
        (("5", "8", "BETWEEN"), ("8", "9", "BETWEEN"), True),
        (("100", "100", "APPROXIMATELY"), ("110.0000", "110"), True),
        (("100", "100", "APPROXIMATELY"), ("110.000001", "111"), False),
    ],
)
def test_two_figures_agree_when_some_number_is_meant_by_both(
    one: tuple[Any, ...], other: tuple[Any, ...], meet: bool
) -> None:
    first, second = stated(*one).interval(), stated(*other).interval()
    assert first is not None and second is not None
    assert first.overlaps(second) is second.overlaps(first) is meet


limits = st.none() | st.integers(-50, 50).map(Decimal)
intervals = st.builds(Interval, limits, limits).filter(
    lambda one: one.low is None or one.high is None or one.low <= one.high
)


@given(intervals, intervals)
def test_intervals_overlap_just_when_a_number_lies_in_both(one: Interval, other: Interval) -> None:
    def holds(interval: Interval, number: int) -> bool:
        return (interval.low is None or interval.low <= number) and (interval.high is None or number <= interval.high)

    assert one.overlaps(other) is any(holds(one, number) and holds(other, number) for number in range(-51, 52))


@pytest.mark.parametrize(
    ("low", "high", "modifier", "field"),
    [
        ("1", None, "EXACTLY", "high"),
        (None, "1", "BETWEEN", "low"),
        (None, None, "APPROXIMATELY", "low"),
        (None, "1", "OVER", "low"),
        ("1", "2", "AT_LEAST", "high"),
        ("1", None, "UP_TO", "high"),
        ("1", "2", "UP_TO", "low"),
        ("2", "1", "BETWEEN", "low"),
        ("1", "1", "UNDISCLOSED", "modifier"),
    ],
)
def test_numbers_that_do_not_fit_their_modifier_are_refused(
    low: str | None, high: str | None, modifier: str, field: str
) -> None:
    quantity = number("1", "aircraft", modifier=modifier) | {"low": low, "high": high}
    expected = ("INVALID_VALUE", f"data.quantity.{field}")
    assert refusal(example("DealLineReported", quantity=quantity)) == expected


def test_an_undisclosed_number_says_why() -> None:
    quantity = {"modifier": "UNDISCLOSED", "unit": "aircraft"}
    expected = ("INVALID_VALUE", "data.quantity.as_stated")
    assert refusal(example("DealLineReported", quantity=quantity)) == expected
    assert is_taken(example("DealLineReported", quantity={**quantity, "as_stated": "several"}))


@pytest.mark.parametrize(
    "text", ["1e5", "1,000", "01", ".5", "5.", "+5", "", "٣", "NaN", "Infinity", "5\n", "1" * 31, "0." + "1" * 13]
)
def test_a_number_is_a_plain_decimal_text(text: str) -> None:
    assert refusal(example("DealLineReported", quantity=number(text, "aircraft")))[0] == "INVALID_VALUE"


@pytest.mark.parametrize("text", ["0", "-3", "-0.5", "12.50", "9" * 30 + "." + "9" * 12])
def test_a_number_keeps_the_digits_it_was_stated_with(text: str) -> None:
    fact = read_fact(example("DealLineReported", quantity=number(text, "percent")))
    assert getattr(fact.content, "quantity").low == text  # noqa: B009  # the content is one of many


@pytest.mark.parametrize("value", [22, 8.5, True, ["22"]])
def test_a_number_of_json_is_no_stated_number(value: Any) -> None:
    assert refusal(example("DealLineReported", quantity=number(value, "aircraft")))[0] == "INVALID_VALUE"


@pytest.mark.parametrize(
    ("low", "high", "modifier", "words"),
    [
        ("22", "22", "EXACTLY", "22 aircraft"),
        ("5", "8", "BETWEEN", "between 5 and 8 aircraft"),
        ("5", "8", "ESTIMATED", "estimated 5 to 8 aircraft"),
        (None, "8", "UP_TO", "up to 8 aircraft"),
        ("8", None, "AT_LEAST", "at least 8 aircraft"),
    ],
)
def test_a_figure_without_words_of_its_own_is_put_in_words(
    low: str | None, high: str | None, modifier: str, words: str
) -> None:
    assert str(stated(low, high, modifier)) == words


def test_the_words_of_the_source_are_kept_where_it_has_any() -> None:
    assert str(stated("600", None, "OVER", "over 600")) == "over 600 aircraft"
    assert str(Money(low="1", high="1", currency="USD", as_stated="$8.5 billion")) == "$8.5 billion"
    assert str(Money(low="12.50", high="12.50", currency="KZT")) == "KZT 12.50"


@pytest.mark.parametrize("code", ["USD", "KZT", "UZS", "EUR", "JPY", "XAU", "SUR", "DEM", "HRK", "BGN", "ZWD"])
def test_a_current_or_former_currency_of_iso_4217_is_accepted(code: str) -> None:
    assert is_taken(example("PaymentMade", money=dollars("1", currency=code)))


@pytest.mark.parametrize("code", ["usd", "US", "$", "", "ABC", "USD\n"])
def test_any_other_currency_is_refused(code: str) -> None:
    refused = refusal(example("PaymentMade", money=dollars("1", currency=code)))
    assert refused == ("INVALID_VALUE", "data.money.currency")


@pytest.mark.parametrize("basis", [None, "CONTRACT", "ACTUALLY_PAID"])
def test_money_may_leave_its_basis_open(basis: str | None) -> None:
    assert is_taken(example("DealValueReported", money=dollars("1", basis)))


@pytest.mark.parametrize("code", ["KAZ", "UZB", "USA", "SUN", "YUG", "CSK", "DDR"])
def test_countries_that_are_and_that_were_are_accepted(code: str) -> None:
    assert is_taken(example("MinistryAnnounced", country=code))
    assert country_name(code) != code


@pytest.mark.parametrize("code", ["kaz", "KZ", "XXX", "", "KAZ "])
def test_any_other_country_is_refused(code: str) -> None:
    assert refusal(example("MinistryAnnounced", country=code)) == ("INVALID_VALUE", "data.country")


@pytest.mark.parametrize("code", ["en", "uz", "kk", "kaa"])
def test_a_language_is_named_by_two_letters_or_three(code: str) -> None:
    assert is_taken(example("SourceRegistered", language=code))


LEIS = [
    "RVHJWBXLJ1RFUBSY1F30",  # Boeing
    "HWUPKR0MPOU8FGXBT394",  # Apple
    "7LTWFZYICNSX8D621K86",  # Deutsche Bank
    "INR2EJN1ERAN0W5ZP974",  # Microsoft
    "5493006MHB84DD0ZWV18",  # Alphabet
]


@pytest.mark.parametrize("lei", LEIS)
def test_the_lei_of_a_real_company_is_valid(lei: str) -> None:
    assert lei_is_valid(lei)


@given(st.sampled_from(LEIS), st.integers(0, 19), st.integers(0, 25))
def test_a_digit_for_a_digit_or_a_letter_for_a_letter_of_an_lei_is_found(lei: str, place: int, step: int) -> None:
    signs = "0123456789" if lei[place].isdigit() else "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    changed = lei[:place] + signs[step % len(signs)] + lei[place + 1 :]
    assert lei_is_valid(changed) is (changed == lei)


@given(st.sampled_from(LEIS), st.integers(0, 18))
def test_two_characters_of_an_lei_in_the_wrong_order_are_found(lei: str, place: int) -> None:
    changed = lei[:place] + lei[place + 1] + lei[place] + lei[place + 2 :]
    assert lei_is_valid(changed) is (changed == lei)


@given(st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=18, max_size=18))
def test_just_one_pair_of_check_digits_fits(base: str) -> None:
    fitting = [f"{digits:02d}" for digits in range(100) if lei_is_valid(f"{base}{digits:02d}")]
    assert len(fitting) == 1
    assert "02" <= fitting[0] <= "98"


@pytest.mark.parametrize("text", ["", "rvhjwbxlj1rfubsy1f30", LEIS[0] + "\n", LEIS[0][:-1], "٧" * 20, "Ａ" * 18 + "30"])
def test_what_has_not_the_form_of_an_lei_is_none(text: str) -> None:
    assert not lei_is_valid(text)


@pytest.mark.parametrize(
    ("scheme", "value"),
    [("LEI", "RVHJWBXLJ1RFUBSY1F31"), ("ISO_3166_1_ALPHA_3", "KZ"), ("ISO_3166_3", "KAZ")],
)
def test_an_identifier_that_its_register_cannot_have_issued_is_refused(scheme: str, value: str) -> None:
    refused = refusal(example("PartyIdentified", identifier={"scheme": scheme, "value": value}))
    assert refused == ("INVALID_VALUE", "data.identifier.value")


@pytest.mark.parametrize(
    ("scheme", "value"),
    [
        ("LEI", LEIS[0]),
        ("ISO_3166_1_ALPHA_3", "KAZ"),
        ("ISO_3166_3", "SUN"),
        ("KZ_BIN", "020340003904"),
        ("UZ_KTUT", "15535703"),
        ("US_EIN", "91-0425694"),
        ("WIKIDATA", "Q66"),
    ],
)
def test_identifiers_of_every_register_are_accepted(scheme: str, value: str) -> None:
    assert is_taken(example("PartyIdentified", identifier={"scheme": scheme, "value": value}))
    assert not list(Identifier(scheme=IdentifierScheme[scheme], value=value).problems())


@pytest.mark.parametrize("share", ["0", "0.01", "51", "100", "100.0"])
def test_a_share_lies_between_0_and_100(share: str) -> None:
    assert is_taken(example("OwnershipStated", percent=share))


@pytest.mark.parametrize("share", ["-0.01", "100.01", "1000"])
def test_a_share_beyond_the_whole_is_refused(share: str) -> None:
    assert refusal(example("OwnershipStated", percent=share)) == ("INVALID_VALUE", "data.percent")
    sectors = [{"code": "rail"}, {"code": "air", "percent": share}]
    assert refusal(example("SectorAssigned", sectors=sectors)) == ("INVALID_VALUE", "data.sectors[1].percent")


@pytest.mark.parametrize("id", ["deal:uz-boeing-787", "deal:7", "deal:" + "a" * 80, "deal:a-", "deal:a--b"])
def test_an_id_is_a_noun_and_a_readable_key(id: str) -> None:
    assert read_fact(example("DealAnnounced", id=id)).id == id


@pytest.mark.parametrize(
    "id",
    ["deal", "deal:", "deal:A", "deal:a b", "deal:-a", "deal:a\n", "deal:ä", "deal:a@1", "ship:a", "deal:" + "a" * 81,
     "DEAL:a", " deal:a", "deal:a:b", 7, None],
)  # fmt: skip
def test_any_other_id_is_refused(id: Any) -> None:
    fact = example("DealAnnounced") | {"id": id}
    assert refusal(fact) == ("INVALID_VALUE", "id")


@pytest.mark.parametrize("key", ["", "Jets", "j_ets", "jets\n", "-jets", "j" * 81])
def test_a_key_in_a_deal_has_the_form_of_a_key_in_an_id(key: str) -> None:
    assert refusal(example("DealLineReported", key=key)) == ("INVALID_VALUE", "data.key")


@pytest.mark.parametrize(
    ("wrong", "field", "told"),
    [
        ({"id": "deal:Bad Id"}, "id", "an id such as deal:uz-boeing-787: the noun, a colon, lower-case letters"),
        ({"data": {"title": ""}}, "data.title", "must not be empty"),
        ({"data": {"title": " \t\u2003"}}, "data.title", "must not be blank"),
        ({"data": {"title": "x" * 501}}, "data.title", "at most 500 characters"),
        ({"data": {"title": 5}}, "data.title", "it must be a text, not a whole number"),
        ({"data": {"title": "x", "purpose": []}}, "data.purpose", "it must be a text or null, not a list"),
        ({"data": {}}, "data", "title is missing"),
        ({"data": {"title": "x", "gathering": "party:kaz"}}, "data.gathering", "an id such as gathering:example"),
        ({"data": {"title": "x", "sectors": [{"code": "a", "percent": "1e2"}]}}, "data.sectors[0].percent", "exponent"),
        ({"occurred_on": "22/9/2025"}, "occurred_on", "not a date in EDTF, such as 2025-09-22"),
    ],
)  # fmt: skip
def test_a_refusal_is_told_in_words(wrong: dict[str, Any], field: str, told: str) -> None:
    with pytest.raises(Refused) as refused:
        read_fact(example("DealAnnounced") | wrong)
    assert (refused.value.field, told in refused.value.reason) == (field, True)


def test_one_number_is_given_as_low_and_high() -> None:
    (problem,) = stated("22", None).problems()
    assert problem == ("high", "EXACTLY needs low and high, the same where there is one number")


def test_a_rule_names_what_it_refuses() -> None:
    reason = broken("currency", "BTC")
    assert reason is not None
    assert "BTC" in reason and "ISO 4217" in reason


def test_the_fields_that_hold_personal_data_are_marked() -> None:
    marked = {name: fields for name, event in CATALOGUE.items() if (fields := personal_fields(event))}
    assert marked == {
        "SourceRegistered": ("author",),
        "OfficeholderAppointed": ("person",),
        "AssessmentVoiced": ("by",),
        "FactClaimed": ("value",),
        "FactCorrected": ("now",),
    }


def test_a_value_of_unknown_modifier_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"unit": "jobs", "modifier": "ROUGHLY"}, StatedQuantity)
