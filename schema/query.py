"""The root of all reading: a pair of fields for each noun, and what looks over the whole record."""

import strawberry

from schema.agreement import Agreement, AgreementFilter, AgreementOrder
from schema.connection import Connection
from schema.deal import Deal, DealFilter, DealOrder
from schema.gathering import Gathering, GatheringFilter, GatheringOrder
from schema.institution import Institution, InstitutionFilter, InstitutionOrder
from schema.investment import Investment, InvestmentFilter, InvestmentOrder
from schema.node import Node
from schema.party import Party, PartyFilter, PartyOrder
from schema.programme import Programme, ProgrammeFilter, ProgrammeOrder
from schema.relation import Relation, RelationFilter, RelationOrder
from schema.source import Source, SourceFilter, SourceOrder
from schema.sql import listing, single

_LIST = "All {} of the record, the latest recorded first if not said otherwise."


@strawberry.type(description="Everything that can be read.")
class Query:
    """Everything that can be read."""

    node: Node | None = single("Any object or event by its id.")
    agreement: Agreement | None = single("One agreement.")
    agreements: Connection[Agreement] = listing(
        _LIST.format("agreements"), "agreement", filter=AgreementFilter, order=AgreementOrder
    )
    deal: Deal | None = single("One deal.")
    deals: Connection[Deal] = listing(_LIST.format("deals"), "deal", filter=DealFilter, order=DealOrder)
    gathering: Gathering | None = single("One gathering.")
    gatherings: Connection[Gathering] = listing(
        _LIST.format("gatherings"), "gathering", filter=GatheringFilter, order=GatheringOrder
    )
    institution: Institution | None = single("One institution.")
    institutions: Connection[Institution] = listing(
        _LIST.format("institutions"), "institution", filter=InstitutionFilter, order=InstitutionOrder
    )
    investment: Investment | None = single("One investment.")
    investments: Connection[Investment] = listing(
        _LIST.format("investments"), "investment", filter=InvestmentFilter, order=InvestmentOrder
    )
    party: Party | None = single("One party.")
    parties: Connection[Party] = listing(_LIST.format("parties"), "party", filter=PartyFilter, order=PartyOrder)
    programme: Programme | None = single("One programme.")
    programmes: Connection[Programme] = listing(
        _LIST.format("programmes"), "programme", filter=ProgrammeFilter, order=ProgrammeOrder
    )
    relation: Relation | None = single("One relation.")
    relations: Connection[Relation] = listing(
        _LIST.format("relations"), "relation", filter=RelationFilter, order=RelationOrder
    )
    source: Source | None = single("One source.")
    sources: Connection[Source] = listing(_LIST.format("sources"), "source", filter=SourceFilter, order=SourceOrder)
