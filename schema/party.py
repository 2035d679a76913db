"""Parties: the type, the filter and the orders of their lists."""

import strawberry

from domain.codes import Code, IdentifierScheme, PartyKind
from schema.agreement import Agreement, AgreementFilter, AgreementOrder
from schema.choosing import COUNTRY, ObjectFilter, orders
from schema.claims import ClaimedText
from schema.common import RecordObject, prefixed, subject
from schema.connection import Connection
from schema.deal import Deal, DealFilter, DealOrder
from schema.deal_terms import Financing
from schema.filters import any_of, every, flag, neither, owning, some
from schema.investment import Investment, InvestmentFilter, InvestmentOrder
from schema.node import EventRef, PartyRef
from schema.plan.source import Row
from schema.programme import Programme, ProgrammeFilter, ProgrammeOrder
from schema.relation import Relation, RelationFilter, RelationOrder
from schema.scalars import EdtfDate
from schema.sql import claimed, column, connection, of_table, one, owned


@strawberry.type(description="What a register calls a party.")
class Identifier:
    """An identifier."""

    scheme: IdentifierScheme = column("The register.")
    value: str = column("The identifier in that register.")
    claimed: ClaimedText | None = claimed("Who says so.", prefixed("identifier:", "scheme"), kinds=None)


@strawberry.type(description="A name that a party went by.")
class PartyName:
    """A name."""

    name: str = column("The name.")
    valid_from: EdtfDate | None = column("Since when; null where that is not known.")
    event: EventRef | None = one("The event that recorded it.", "event")


def _takes_part(party: Row, row: Row) -> str:
    link = row.others("party_link")
    return f"{row['id']} IN (SELECT {link['owner']} FROM {link.rows} AND {link['party']} = {party['id']})"


@of_table("party")
@strawberry.type(description="A party: a country, body, company or grouping that takes part in deals.")
class Party(RecordObject):
    """A party."""

    name: str = column("What it is called now.")
    name_claimed: ClaimedText | None = claimed("Who calls it what.", subject("name"), kinds=None)
    kind: PartyKind = column("What it is.")
    kind_claimed: ClaimedText | None = claimed("Who says what it is.", subject("kind"), kinds=None)
    country: str | None = column("The country of its seat, ISO 3166 alpha-3; for a country, its own code.")
    seat: ClaimedText | None = claimed("Who says where its seat is.", subject("seat"), kinds=None)
    identifiers: list[Identifier] = owned("What registers call it.", "identifier")
    names: list[PartyName] = owned("The names that it went by.", "party_name")
    merged_into: PartyRef | None = one("The party that it proved to be; references to it mean that one.", "merged_into")
    successor: PartyRef | None = one("The party that took its place in the world.", "successor")
    deals: Connection[Deal] = connection(
        "Deals that it takes part in.", "deal", where=_takes_part, filter=DealFilter, order=DealOrder
    )
    agreements: Connection[Agreement] = connection(
        "Agreements that it takes part in.",
        "agreement",
        where=_takes_part,
        filter=AgreementFilter,
        order=AgreementOrder,
    )
    investments: Connection[Investment] = connection(
        "Investments by it or at its place.",
        "investment",
        where=_takes_part,
        filter=InvestmentFilter,
        order=InvestmentOrder,
    )
    programmes: Connection[Programme] = connection(
        "Programmes that it takes part in.",
        "programme",
        where=_takes_part,
        filter=ProgrammeFilter,
        order=ProgrammeOrder,
    )
    relations: Connection[Relation] = connection(
        "Relations that it is part of.", "relation", where=_takes_part, filter=RelationFilter, order=RelationOrder
    )
    financings: Connection[Financing] = connection(
        "Money that it offers for deals.",
        "financing",
        where=lambda party, row: f"{row['financier']} = {party['id']}",
        by="valid_until_day",
    )


@strawberry.input(description="Which parties.")
class PartyFilter(ObjectFilter):
    """Which parties."""

    kind: list[PartyKind] | None = any_of("Of one of these kinds.", "kind")
    country: list[str] | None = any_of(
        "With their seat in one of these countries, ISO 3166 alpha-3.", "country", known=COUNTRY
    )
    identifier: list[str] | None = owning("That a register calls so, such as an LEI.", "identifier", "value")
    merged: bool | None = flag("Whether they proved to be another.", lambda row: f"{row['merged_into']} IS NOT NULL")
    all_of: list["PartyFilter"] | None = every()
    any_of: list["PartyFilter"] | None = some()
    none_of: "PartyFilter | None" = neither()


@orders
class PartyOrder(Code):
    """What parties are sorted by."""

    RECORDED_NEWEST = "-created", "the latest recorded first"
    RECORDED_OLDEST = "created", "the earliest recorded first"
    CHANGED_NEWEST = "-changed", "the latest changed first"
    CHANGED_OLDEST = "changed", "the longest unchanged first"
    NAME = "name", "by name, A to Z; capital letters before small ones, other scripts last"
    NAME_BACKWARD = "-name", "by name, Z to A; the mirror image of A to Z"
