"""The GraphiQL page as bytes: it asks for nothing but what is served beside it. How it behaves is a browser's test."""

import json
import re
from html import unescape

from graphql import ExecutableDefinitionNode, parse, validate

from schema import graphiql
from schema.schema import build


def test_the_page_asks_only_for_files_that_are_served_beside_it() -> None:
    asked = re.findall(r'(?:src|href)="([^"]+)"', graphiql.page().decode())
    assert asked
    assert {re.sub(r"\?v=\w+$", "", path) for path in asked} <= {f"/graphiql/{name}" for name in graphiql.assets()}


def test_the_page_runs_no_inline_script_and_its_policy_allows_none() -> None:
    assert re.findall(rb"<script[^>]*>([^<]+)</script>|<style|\son\w+=|style=", graphiql.page()) == []
    assert "unsafe" not in graphiql.CONTENT_SECURITY_POLICY


def test_the_style_sheet_loads_nothing() -> None:
    addresses = re.findall(rb"url\(([^)]*)\)", graphiql.assets()["graphiql.css"].body)
    assert [address for address in addresses if not address.strip(b"\"'").startswith((b"data:", b"#"))] == []


def test_the_page_speaks_with_the_endpoint_it_is_told() -> None:
    assert b'data-endpoint="/api/graphql"' in graphiql.page("/api/graphql", "/api/graphiql")


def test_each_welcome_file_opens_as_a_tab() -> None:
    found = re.search(r'data-tabs="([^"]*)"', graphiql.page().decode())
    assert found
    assert [tab["query"] for tab in json.loads(unescape(found[1]))] == list(graphiql.welcome())


def test_every_welcome_operation_is_well_formed_and_has_a_name() -> None:
    definitions = [definition for text in graphiql.welcome() for definition in parse(text).definitions]
    assert all(isinstance(definition, ExecutableDefinitionNode) and definition.name for definition in definitions)


def test_every_welcome_operation_fits_the_schema() -> None:
    schema = build()._schema
    assert [error.message for text in graphiql.welcome() for error in validate(schema, parse(text))] == []


def test_the_bundle_stays_small() -> None:
    assert sum(len(asset.body) for asset in graphiql.assets().values()) < 2_000_000
