"""The root of all reading: a pair of fields for each noun, and what looks over the whole record."""

import strawberry

from schema.agreement import Agreement, AgreementFilter, AgreementOrder
from schema.audit import Checkpoint, ConsistencyProof, InclusionProof, root_fields
from schema.changes import Change, changes
from schema.common import Correction
from schema.connection import Connection
from schema.deal import Deal, DealFilter, DealOrder
from schema.events import Event
from schema.gathering import Gathering, GatheringFilter, GatheringOrder
from schema.institution import Institution, InstitutionFilter, InstitutionOrder
from schema.investment import Investment, InvestmentFilter, InvestmentOrder
from schema.log import Log, newest
from schema.looking import CorrectionFilter, CorrectionOrder, EventFilter, EventOrder
from schema.node import EVENT_KINDS, Node
from schema.party import Party, PartyFilter, PartyOrder
from schema.programme import Programme, ProgrammeFilter, ProgrammeOrder
from schema.relation import Relation, RelationFilter, RelationOrder
from schema.search import SearchHit, search
from schema.source import Source, SourceFilter, SourceOrder
from schema.sql import listing, refetched, several, single
from schema.totals import DealTotals, deal_totals

_CHECKPOINT, _INCLUSION, _CONSISTENCY = root_fields()
_LIST = "All {} of the record, the latest recorded first if not said otherwise."
_ONE = "One {0} by its id, such as `{0}:{1}`; null if the record has none of this id."


@strawberry.type(description="Everything that can be read.")
class Query:
    """Everything that can be read."""

    node: Node | None = refetched("Any object or event by its id, as it is now, or null; `nodes` reads other moments.")
    nodes: list[Node | None] = several("Objects and events by their ids, null for each that is not there.")
    search: Connection[SearchHit] = search()
    deal_totals: DealTotals = deal_totals()
    events: Connection[Event] = listing(
        "All events of the record, the latest first if not said otherwise.",
        "event",
        filter=EventFilter,
        order=EventOrder,
        by="-position",
        kinds=EVENT_KINDS,
    )
    changes: Connection[Change] = changes()
    corrections: Connection[Correction] = listing(
        "Every act on the record: what was put right, by whom and why, the latest first if not said otherwise.",
        "correction",
        filter=CorrectionFilter,
        order=CorrectionOrder,
        by="-position",
    )
    log: Log = strawberry.field(resolver=newest, description="How far the record and this node have come.")
    checkpoint: Checkpoint | None = _CHECKPOINT
    inclusion_proof: InclusionProof | None = _INCLUSION
    consistency_proof: ConsistencyProof | None = _CONSISTENCY
    agreement: Agreement | None = single(_ONE.format("agreement", "us-uz-protocols-2025"))
    agreements: Connection[Agreement] = listing(
        _LIST.format("agreements"), "agreement", filter=AgreementFilter, order=AgreementOrder
    )
    deal: Deal | None = single(_ONE.format("deal", "uz-boeing-787"))
    deals: Connection[Deal] = listing(_LIST.format("deals"), "deal", filter=DealFilter, order=DealOrder)
    gathering: Gathering | None = single(_ONE.format("gathering", "unga-80"))
    gatherings: Connection[Gathering] = listing(
        _LIST.format("gatherings"), "gathering", filter=GatheringFilter, order=GatheringOrder
    )
    institution: Institution | None = single(_ONE.format("institution", "kz-ministry-ai"))
    institutions: Connection[Institution] = listing(
        _LIST.format("institutions"), "institution", filter=InstitutionFilter, order=InstitutionOrder
    )
    investment: Investment | None = single(_ONE.format("investment", "wabtec-kz"))
    investments: Connection[Investment] = listing(
        _LIST.format("investments"), "investment", filter=InvestmentFilter, order=InvestmentOrder
    )
    party: Party | None = single(_ONE.format("party", "boeing"))
    parties: Connection[Party] = listing(_LIST.format("parties"), "party", filter=PartyFilter, order=PartyOrder)
    programme: Programme | None = single(_ONE.format("programme", "us-central-asia-2025"))
    programmes: Connection[Programme] = listing(
        _LIST.format("programmes"), "programme", filter=ProgrammeFilter, order=ProgrammeOrder
    )
    relation: Relation | None = single(_ONE.format("relation", "us-uz"))
    relations: Connection[Relation] = listing(
        _LIST.format("relations"), "relation", filter=RelationFilter, order=RelationOrder
    )
    source: Source | None = single(_ONE.format("source", "asb-media-2025-09"))
    sources: Connection[Source] = listing(_LIST.format("sources"), "source", filter=SourceFilter, order=SourceOrder)
