"""Each of the 33 facts of the article, asked through the fields of its noun: the value, its claim and its source."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from tests.support.reading import Reading, reading

ARTICLE = "source:asb-media-2025-09"
SAID = """fragment said on Claimed {
  text verification
  claims { id text standing event { id } sources { source { id } locator } }
}"""


class Fact(NamedTuple):
    """A fact, how to ask for it, where the claimed value stands in the answer, what it says, and its claim."""

    number: int
    para: int
    query: str
    at: Callable[[Any], Any]
    text: str
    claim: str


def with_(items: list[dict[str, Any]], **wanted: Any) -> dict[str, Any]:
    """The one item that has these values."""
    (found,) = [item for item in items if all(item[name] == value for name, value in wanted.items())]
    return found


def assessed(number: int, para: int, noun: str, id: str, theme: str, text: str, claim: str) -> Fact:
    query = f'{{ {noun}(id: "{id}") {{ assessments {{ theme claimed {{ ...said }} }} }} }}'
    return Fact(number, para, query, lambda d: with_(d[noun]["assessments"], theme=theme)["claimed"], text, claim)


def field(number: int, para: int, noun: str, id: str, name: str, text: str, claim: str) -> Fact:
    query = f'{{ {noun}(id: "{id}") {{ {name} {{ ...said }} }} }}'
    return Fact(number, para, query, lambda d: d[noun][name], text, claim)


def effect(number: int, para: int, noun: str, id: str, kind: str, text: str, claim: str) -> Fact:
    query = f'{{ {noun}(id: "{id}") {{ effects {{ kind outlook place claimed {{ ...said }} }} }} }}'
    return Fact(number, para, query, lambda d: with_(d[noun]["effects"], kind=kind)["claimed"], text, claim)


UZ, KZ = "agreement:us-uz-protocols-2025", "agreement:us-kz-protocols-2025"
PROGRAMME, GATHERING = "programme:us-central-asia-2025", "gathering:unga-80"
MINISTRY, WABTEC, DEAL = "institution:kz-ministry-ai", "investment:wabtec-kz", "deal:uz-boeing-787"

FACTS = (
    assessed(
        1, 1, "relation", "relation:us-kz", "ties", "Kazakhstan and the United States have come closer", "@2#statement",
    ),
    assessed(
        1, 1, "relation", "relation:us-uz", "ties", "Uzbekistan and the United States have come closer", "@2#statement",
    ),
    field(2, 1, "agreement", KZ, "signed", "2025-09", "@1#occurred_on"),
    field(2, 1, "agreement", UZ, "signed", "2025-09", "@1#occurred_on"),
    field(
        2, 1, "programme", PROGRAMME, "titleClaimed",
        "Trade agreements of the United States with Kazakhstan and Uzbekistan, September 2025", "@1#title",
    ),
    field(3, 1, "agreement", KZ, "kindClaimed", "PROTOCOL", "@1#kind"),
    field(3, 1, "agreement", UZ, "kindClaimed", "PROTOCOL", "@1#kind"),
    field(4, 1, "gathering", GATHERING, "seriesClaimed", "UNGA", "@1#series"),
    field(4, 1, "gathering", GATHERING, "sessionClaimed", "80", "@1#session"),
    field(4, 1, "agreement", UZ, "gatheringClaimed", GATHERING, "@1#gathering"),
    field(5, 1, "gathering", GATHERING, "placeClaimed", "New York", "@1#place"),
    field(5, 1, "agreement", KZ, "place", "New York", "@1#place"),
    field(
        6, 1, "programme", PROGRAMME, "sectorsClaimed",
        "transportation, mining, healthcare, artificial intelligence", "@2#sectors",
    ),
    field(
        7, 2, "institution", MINISTRY, "nameClaimed",
        "Ministry of Artificial Intelligence and Digital Development", "@1#name",
    ),
    field(7, 2, "institution", MINISTRY, "countryClaimed", "KAZ", "@1#country"),
    field(8, 2, "institution", MINISTRY, "gatheringClaimed", GATHERING, "@1#gathering"),
    field(9, 2, "institution", MINISTRY, "mandateClaimed", "emerging technologies", "@2#topics"),
    assessed(
        10, 2, "institution", MINISTRY, "innovation",
        "the new ministry shows that Kazakhstan is set on innovation and digital progress", "@3#statement",
    ),
    field(
        11, 3, "agreement", UZ, "sectorsClaimed",
        "transportation, mining, healthcare, finance, energy, artificial intelligence, biotechnology", "@1#sectors",
    ),
    field(12, 3, "agreement", UZ, "kindClaimed", "PROTOCOL", "@1#kind"),
    field(12, 3, "agreement", UZ, "term", "long-term; how long is not disclosed", "@1#term"),
    field(13, 3, "agreement", UZ, "purpose", "closer work together and more investment in these sectors", "@1#purpose"),
    effect(
        13, 3, "agreement", UZ, "INVESTMENT", "the protocols bring more investment in their sectors", "@2#statement"
    ),
    field(14, 4, "party", "party:wabtec", "seat", "USA", "@1#seat"),
    field(15, 4, "investment", WABTEC, "invested", "$230 million", "@1#money"),
    field(16, 4, "investment", WABTEC, "periodClaimed", "2009/..", "@1#period"),
    Fact(
        17, 4, '{ investment(id: "investment:wabtec-kz") { output { item quantity { ...said } } } }',
        lambda d: with_(d["investment"]["output"], item="locomotives")["quantity"],
        "over 600 locomotives", "@2#quantity",
    ),
    field(18, 4, "investment", WABTEC, "localizationRate", "up to 45%", "@3#percent"),
    effect(19, 4, "investment", WABTEC, "GROWTH", "the investment added to the country's growth", "@4#statement"),
    effect(19, 4, "investment", WABTEC, "JOBS_CREATED", "the investment created jobs", "@5#statement"),
    field(20, 5, "deal", DEAL, "kindClaimed", "PROCUREMENT", "@1#kind"),
    field(20, 5, "agreement", "agreement:uz-boeing-787-contract", "kindClaimed", "PURCHASE_CONTRACT", "@1#kind"),
    Fact(
        21, 5, '{ deal(id: "deal:uz-boeing-787") { values { basis claimed { ...said } } } }',
        lambda d: with_(d["deal"]["values"], basis="HEADLINE")["claimed"], "$8.5 billion", "@2#money",
    ),
    Fact(
        22, 5, '{ deal(id: "deal:uz-boeing-787") { lines { reports { commitment quantity { ...said } } } } }',
        lambda d: with_(d["deal"]["lines"][0]["reports"], commitment="NOT_STATED")["quantity"], "22 aircraft",
        "@3#quantity",
    ),
    effect(23, 5, "deal", DEAL, "JOBS_CREATED", "over 35,000 jobs", "@4#quantity"),
    effect(24, 5, "deal", DEAL, "INVESTMENT", "the order sets off wider rounds of investment", "@5#statement"),
    effect(25, 5, "deal", DEAL, "TOURISM", "the order brings more tourists", "@6#statement"),
    effect(26, 5, "deal", DEAL, "TRADE_CAPACITY", "the order makes room for more trade", "@7#statement"),
    Fact(
        27, 5, '{ relation(id: "relation:us-uz") { indicators { indicator period value { ...said } } } }',
        lambda d: with_(d["relation"]["indicators"], indicator="TRADE_GROWTH_FACTOR", period="2017~/2025")["value"],
        "fourfold", "@3#quantity",
    ),
    Fact(
        28, 5, '{ relation(id: "relation:us-uz") { indicators { indicator value { ...said } } } }',
        lambda d: next(one["value"] for one in d["relation"]["indicators"] if one["indicator"] == "FIRMS_OPERATING"),
        "more than 300 firms", "@4#quantity",
    ),
    assessed(
        29, 6, "relation", "relation:us-central-asia", "partnership",
        "the deals show that the partnership of the United States and Central Asia is growing", "@2#statement",
    ),
    assessed(
        30, 6, "institution", MINISTRY, "digital transformation",
        "the new ministry signals that Kazakhstan means to take up digital transformation", "@4#statement",
    ),
    assessed(
        31, 6, "party", "party:uzb", "diversification",
        "the deals show that Uzbekistan means to diversify its economy", "@2#statement",
    ),
    effect(32, 6, "programme", PROGRAMME, "JOBS_CREATED", "working together creates jobs", "@3#statement"),
    effect(32, 6, "programme", PROGRAMME, "INVESTMENT", "working together draws investment", "@4#statement"),
    effect(32, 6, "programme", PROGRAMME, "TRADE", "working together strengthens trade", "@5#statement"),
)  # fmt: skip


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reading]:
    with reading(tmp_path_factory.mktemp("record"), first_record=True) as made:
        yield made


def name_of(fact: Fact) -> str:
    return f"{fact.number}-{fact.claim}"


@pytest.mark.parametrize("fact", FACTS, ids=name_of)
def test_a_fact_is_read_with_its_claim_and_the_articles_paragraph(record: Reading, fact: Fact) -> None:
    value = fact.at(record.ask(fact.query + SAID))
    claim = next(claim for claim in value["claims"] if claim["id"].endswith(fact.claim))
    assert claim["text"] == fact.text
    assert claim["standing"] == "LIVE"
    assert claim["id"].startswith(claim["event"]["id"])
    assert {"source": {"id": ARTICLE}, "locator": f"para {fact.para}"} in claim["sources"]


def test_nothing_claims_whether_the_protocols_bind(record: Reading) -> None:
    agreement = record.ask("query ($id: ID!) { agreement(id: $id) { binding bindingClaimed { text } } }", id=UZ)
    assert agreement["agreement"] == {"binding": "UNKNOWN", "bindingClaimed": None}


def test_every_fact_of_the_article_but_the_article_itself_is_asked_for() -> None:
    assert {fact.number for fact in FACTS} == set(range(1, 33))


def test_the_article_is_registered_with_publisher_title_address_and_uncertain_date(record: Reading) -> None:
    query = """query ($id: ID!) { source(id: $id) {
      kind url publisher publishedOn titleClaimed { ...said } published { ...said shown { earliest latest } }
    } }"""
    source = record.ask(query + SAID, id=ARTICLE)["source"]
    assert source["kind"] == "NEWS"
    assert source["publisher"] == "ASB Media"
    assert source["url"].startswith("https://asb-media.info/en/")
    assert source["publishedOn"] == "2025-09"
    assert source["published"]["shown"] == {"earliest": "2025-09-01", "latest": "2025-09-30"}
    assert source["titleClaimed"]["text"].startswith("U.S. Strengthens Ties")
    assert source["titleClaimed"]["claims"][0]["sources"] == [{"source": {"id": ARTICLE}, "locator": None}]


@pytest.mark.parametrize(
    ("noun", "id", "field", "said"),
    [
        ("deal", "deal:uz-boeing-787", "partiesClaimed", "party:boeing (seller)"),
        ("agreement", UZ, "partiesClaimed", "party:uzb (signatory)"),
        ("programme", PROGRAMME, "partiesClaimed", "party:usa"),
        ("relation", "relation:us-uz", "partiesClaimed", "party:uzb"),
        ("investment", "investment:wabtec-kz", "investorClaimed", "party:wabtec"),
        ("investment", "investment:wabtec-kz", "hostClaimed", "party:kaz"),
    ],
)
def test_who_takes_part_is_a_claim_with_its_event_and_source(
    record: Reading, noun: str, id: str, field: str, said: str
) -> None:
    query = f"""query ($id: ID!) {{ {noun}(id: $id) {{ {field} {{ verification text claims {{
      event {{ id }} sources {{ source {{ id }} }}
    }} }} }} }}"""
    found = record.ask(query, id=id)[noun][field]
    assert said in found["text"]
    assert found["verification"] != "RETRACTED"
    assert found["claims"][0]["event"]["id"].startswith(f"{id}@")
    assert {"source": {"id": ARTICLE}} in found["claims"][0]["sources"]
