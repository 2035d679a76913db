"""Every code list of the record, each value with its meaning; the API, validation and documentation read them here.

Currencies and countries are not listed here: they come from ISO 4217 and ISO 3166 by way of libraries (see `values`).
"""

from enum import StrEnum
from typing import Self


class Code(StrEnum):
    """A code of a closed list: its name on disk and in the API, with what it means."""

    description: str
    __hash__ = str.__hash__

    def __new__(cls, value: str, description: str) -> Self:
        """Make the member from its name on disk and its meaning."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.description = description
        return member


class Modifier(Code):
    """How a source qualifies a number."""

    EXACTLY = "EXACTLY", "the number as it stands"
    APPROXIMATELY = "APPROXIMATELY", "about; taken as 10% to either side"
    OVER = "OVER", "more than the number"
    AT_LEAST = "AT_LEAST", "the number or more"
    NEARLY = "NEARLY", "almost; taken as 90% of the number up to the number"
    UP_TO = "UP_TO", "the number or less"
    BETWEEN = "BETWEEN", "a range from low to high"
    ESTIMATED = "ESTIMATED", "an estimate; taken as 10% to either side"
    UNDISCLOSED = "UNDISCLOSED", "no number was given; the words say why"


class MoneyBasis(Code):
    """What an amount of money counts."""

    CONTRACT = "CONTRACT", "the price that the contract states"
    LIST_PRICE = "LIST_PRICE", "catalogue prices, which buyers rarely pay"
    OFFICIAL_ESTIMATE = "OFFICIAL_ESTIMATE", "an estimate by a government or other official body"
    HEADLINE = "HEADLINE", "a number from a headline or a speech, with nothing said of what it counts"
    FINANCING_CEILING = "FINANCING_CEILING", "the most that a financier may lend"
    EXPORT_CONTENT = "EXPORT_CONTENT", "the part of the value that one country exports"
    ACTUALLY_PAID = "ACTUALLY_PAID", "money that has changed hands"


class Stance(Code):
    """What a source does with a statement."""

    ASSERTS = "ASSERTS", "says it on its own account"
    DENIES = "DENIES", "says that it is not so"
    REPEATS = "REPEATS", "passes on what another said"


class SectorScheme(Code):
    """The classification that a sector code belongs to."""

    AS_STATED = "AS_STATED", "the sector in the words of the source"
    DAC = "DAC", "purpose codes of the OECD Development Assistance Committee"
    HS = "HS", "Harmonized System of the World Customs Organization"
    ISIC = "ISIC", "International Standard Industrial Classification of the United Nations"


class PartyRole(Code):
    """What a party does in a deal, agreement, investment or programme."""

    BUYER = "BUYER", "buys goods or services"
    SELLER = "SELLER", "sells goods or services"
    INVESTOR = "INVESTOR", "puts in capital"
    HOST = "HOST", "the country or place that receives an investment"
    SIGNATORY = "SIGNATORY", "signs an instrument"
    FINANCIER = "FINANCIER", "lends or arranges money"
    GUARANTOR = "GUARANTOR", "answers for another's debt"
    ANNOUNCER = "ANNOUNCER", "made it public"
    BENEFICIARY = "BENEFICIARY", "is meant to gain from it"
    REGULATOR = "REGULATOR", "must permit it or oversees it"
    PARTNER = "PARTNER", "takes part in a way that no other role names"


class IdentifierScheme(Code):
    """The register that an identifier of a party belongs to."""

    ISO_3166_1_ALPHA_3 = "ISO_3166_1_ALPHA_3", "three-letter country code"
    ISO_3166_3 = "ISO_3166_3", "code of a state that no longer exists, by its former three letters"
    LEI = "LEI", "Legal Entity Identifier (ISO 17442), with check digits"
    KZ_BIN = "KZ_BIN", "business identification number of Kazakhstan, 12 digits"
    UZ_KTUT = "UZ_KTUT", "organisation code of Uzbekistan's statistics register"
    US_EIN = "US_EIN", "employer identification number of the United States"
    WIKIDATA = "WIKIDATA", "item of Wikidata, such as Q66"


class SourceKind(Code):
    """What a source is, from the one trusted most to the one trusted least."""

    LEGAL_TEXT = "LEGAL_TEXT", "a law, decree, treaty or contract itself"
    OFFICIAL_RELEASE = "OFFICIAL_RELEASE", "published by a government or international body"
    COMPANY_RELEASE = "COMPANY_RELEASE", "published by a company that takes part"
    TRADE_PRESS = "TRADE_PRESS", "journalism for one industry"
    NEWS = "NEWS", "general journalism"
    SOCIAL_POST = "SOCIAL_POST", "a post on a social network"
    DATASET = "DATASET", "a data collection"
    RESEARCH = "RESEARCH", "a study or a think tank's paper"
    AGGREGATOR = "AGGREGATOR", "a page that collects what others published"


class PartyKind(Code):
    """What a party is."""

    COUNTRY = "COUNTRY", "a state"
    GOVERNMENT_BODY = "GOVERNMENT_BODY", "a ministry, agency or other organ of a state"
    COMPANY = "COMPANY", "a business, state-owned or private"
    INTERNATIONAL_ORGANISATION = "INTERNATIONAL_ORGANISATION", "an organisation that states formed"
    GROUPING = "GROUPING", "several countries or firms named together, such as Central Asia"


class AgreementKind(Code):
    """What sort of instrument an agreement is."""

    PROTOCOL = "PROTOCOL", "a protocol"
    MEMORANDUM_OF_UNDERSTANDING = "MEMORANDUM_OF_UNDERSTANDING", "a memorandum of understanding"
    LETTER_OF_INTENT = "LETTER_OF_INTENT", "a letter of intent"
    HEADS_OF_TERMS = "HEADS_OF_TERMS", "the main points of an agreement still to be written"
    FRAMEWORK = "FRAMEWORK", "a framework under which further agreements are made"
    PURCHASE_CONTRACT = "PURCHASE_CONTRACT", "a contract of sale"
    TREATY = "TREATY", "a treaty between states or international organisations"
    JOINT_STATEMENT = "JOINT_STATEMENT", "a statement made together"
    ROADMAP = "ROADMAP", "a plan of steps"
    OTHER = "OTHER", "an instrument of another sort"
    UNKNOWN = "UNKNOWN", "the source does not say"


class Binding(Code):
    """Whether an instrument binds those who signed it."""

    YES = "YES", "it binds"
    NO = "NO", "it does not bind"
    PARTLY = "PARTLY", "some of its clauses bind"
    UNKNOWN = "UNKNOWN", "the source does not say"


class DealKind(Code):
    """What sort of business a deal is."""

    PROCUREMENT = "PROCUREMENT", "goods are bought"
    JOINT_VENTURE = "JOINT_VENTURE", "a company or project is owned together"
    LOAN = "LOAN", "money is lent"
    SUPPLY = "SUPPLY", "goods are delivered over a period"
    SERVICE = "SERVICE", "services are bought"
    PLEDGE = "PLEDGE", "something is promised with nothing asked in return"
    OTHER = "OTHER", "business of another sort"
    UNKNOWN = "UNKNOWN", "the source does not say"


class LineCommitment(Code):
    """How firmly a line of a deal is ordered."""

    FIRM = "FIRM", "ordered"
    OPTION = "OPTION", "may be ordered at terms already agreed"
    PURCHASE_RIGHT = "PURCHASE_RIGHT", "may be ordered at terms still to be agreed"
    INTENDED = "INTENDED", "is meant to be ordered"
    NOT_STATED = "NOT_STATED", "the source does not say"


class DealCommitment(Code):
    """How far a deal has come; derived from its events."""

    ANNOUNCED = "ANNOUNCED", "made public, nothing signed that the record knows of"
    INTENDED = "INTENDED", "a non-binding instrument is signed"
    CONDITIONAL = "CONDITIONAL", "a binding instrument is signed and a condition is still open"
    FIRM = "FIRM", "lines are firmly ordered, or a binding instrument is signed with no condition open"
    IN_DELIVERY = "IN_DELIVERY", "a first delivery or payment was made"
    COMPLETED = "COMPLETED", "done, or everything firm was delivered"
    LAPSED = "LAPSED", "ran out with nothing done"
    CANCELLED = "CANCELLED", "called off before it was firm"
    TERMINATED = "TERMINATED", "ended after it was firm"
    SUPERSEDED = "SUPERSEDED", "replaced by another deal"
    SUSPENDED = "SUSPENDED", "paused"


class AgreementStatus(Code):
    """How far an agreement has come; derived from its events."""

    ANNOUNCED = "ANNOUNCED", "made public, not signed"
    ADOPTED = "ADOPTED", "its text is agreed"
    SIGNED = "SIGNED", "signed"
    IN_FORCE = "IN_FORCE", "in force"
    SUSPENDED = "SUSPENDED", "paused"
    TERMINATED = "TERMINATED", "ended"
    LAPSED = "LAPSED", "ran out"
    SUPERSEDED = "SUPERSEDED", "replaced by another agreement"


class InstitutionStatus(Code):
    """How far an institution has come; derived from its events."""

    ANNOUNCED = "ANNOUNCED", "made public"
    ESTABLISHED = "ESTABLISHED", "a legal act or a source says that it exists"
    OPERATING = "OPERATING", "established, with an officeholder or a mandate"
    DISSOLVED = "DISSOLVED", "exists no more"


class FinancingKind(Code):
    """How serious an offer of money is."""

    INTEREST = "INTEREST", "a letter of interest"
    OFFER = "OFFER", "an offer with terms"


class FinancingStatus(Code):
    """How far a financing has come; derived from its events."""

    INTEREST = "INTEREST", "a letter of interest"
    OFFERED = "OFFERED", "offered with terms"
    COMMITTED = "COMMITTED", "the financier is bound"
    LAPSED = "LAPSED", "ran out or was withdrawn"


class EffectKind(Code):
    """What an effect is said to bring."""

    JOBS = "JOBS", "jobs, with nothing said of whether they are new"
    JOBS_SUPPORTED = "JOBS_SUPPORTED", "jobs that exist and are kept busy"
    JOBS_CREATED = "JOBS_CREATED", "new jobs"
    INVESTMENT = "INVESTMENT", "further investment"
    TRADE = "TRADE", "more trade"
    TOURISM = "TOURISM", "more tourism"
    TRADE_CAPACITY = "TRADE_CAPACITY", "more capacity to trade"
    GROWTH = "GROWTH", "economic growth"


class Outlook(Code):
    """Whether an effect is still to come."""

    EXPECTED = "EXPECTED", "still to come"
    ACHIEVED = "ACHIEVED", "said to have come about"


class Indicator(Code):
    """A measure of the relation between parties."""

    TRADE_TURNOVER = "TRADE_TURNOVER", "exports and imports together"
    TRADE_GROWTH_FACTOR = "TRADE_GROWTH_FACTOR", "by how many times trade grew"
    FIRMS_OPERATING = "FIRMS_OPERATING", "firms of one that operate in the other"
    FDI_STOCK = "FDI_STOCK", "foreign direct investment held"


class Flow(Code):
    """The direction that an indicator measures."""

    TOTAL = "TOTAL", "both directions together"
    EXPORTS = "EXPORTS", "from the first party to the second"
    IMPORTS = "IMPORTS", "from the second party to the first"


class Certainty(Code):
    """How sure it is that a deal belongs to a programme."""

    STATED = "STATED", "the source says so"
    INFERRED = "INFERRED", "concluded from what the source says"


class CorrectionCause(Code):
    """Why a recorded fact was wrong."""

    CLERICAL = "CLERICAL", "a slip in writing it down"
    MISREAD = "MISREAD", "the source was misunderstood"
    SOURCE_CORRECTED = "SOURCE_CORRECTED", "the source corrected itself"
    WRONG_ENTITY = "WRONG_ENTITY", "it was recorded of the wrong party or object"
    WRONG_UNIT = "WRONG_UNIT", "the number was read in the wrong unit or currency"


class Verification(Code):
    """How well a claimed value is supported; the first that holds."""

    RETRACTED = "RETRACTED", "no live claim is left"
    DISPUTED = "DISPUTED", "independent claims do not agree, or one is denied"
    OFFICIAL = "OFFICIAL", "a legal text or official release says so"
    CORROBORATED = "CORROBORATED", "two independent origins or more say so"
    SINGLE_ORIGIN = "SINGLE_ORIGIN", "one origin says so, however many repeat it"


class Standing(Code):
    """What became of a claim."""

    LIVE = "LIVE", "it stands"
    CORRECTED = "CORRECTED", "the record had it wrong and a correction replaced it"
    RETRACTED = "RETRACTED", "its event was retracted"
    SOURCE_WITHDRAWN = "SOURCE_WITHDRAWN", "every source that it rests on was withdrawn, or reprints one that was"


class ScheduleStatus(Code):
    """Whether deliveries keep to the plan."""

    ON_PLAN = "ON_PLAN", "no delivery was put off"
    DELAYED = "DELAYED", "a delivery was put off"
    UNKNOWN = "UNKNOWN", "no delivery is scheduled"


class AnomalyKind(Code):
    """What looks wrong in a record that is kept all the same."""

    IN_FORCE_BEFORE_SIGNED = "IN_FORCE_BEFORE_SIGNED", "in force before it was signed"
    DELIVERED_BEFORE_SIGNED = "DELIVERED_BEFORE_SIGNED", "delivered before it was signed"
    TERMINATED_BEFORE_IN_FORCE = "TERMINATED_BEFORE_IN_FORCE", "ended before it was in force"
    VALUE_WITHOUT_BASIS = "VALUE_WITHOUT_BASIS", "an amount with nothing said of what it counts"
    NO_PARTIES = "NO_PARTIES", "no party is named"
    DATE_AFTER_RECORDED = "DATE_AFTER_RECORDED", "said to have happened after it was recorded"
    DELIVERED_MORE_THAN_ORDERED = "DELIVERED_MORE_THAN_ORDERED", "more delivered than was firmly ordered"
    OWNERSHIP_NOT_100_PERCENT = "OWNERSHIP_NOT_100_PERCENT", "the shares stated add up to more than the whole"
    EVENT_AFTER_END = "EVENT_AFTER_END", "an act recorded of something that had ended"
