"""What schemathesis is told of Tamga: what its scalars look like, which arguments fit together, what no answer may be.

It runs in an environment of its own (.venv/clients), which `make clients` makes.
"""

from typing import Any

import schemathesis  # type: ignore[import-not-found]
from graphql import ArgumentNode, ConstValueNode, DocumentNode, NullValueNode, ObjectValueNode, Visitor, visit
from graphql.language.visitor import REMOVE
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from schemathesis.graphql import nodes  # type: ignore[import-not-found]

WHENS = ["2025", "2025-09", "2025-09-22", "2009/..", "2025-09?", "20XX"]


def register(name: str, values: SearchStrategy[ConstValueNode]) -> None:
    """Values that a document may hold for a scalar."""
    schemathesis.graphql.scalar(name, values)


register("Position", st.integers(0, 300).map(nodes.Int))
register("Decimal", st.decimals(allow_nan=False, allow_infinity=False, places=2).map(str).map(nodes.String))
register("EdtfDate", st.sampled_from(WHENS).map(nodes.String))
register("Date", st.dates().map(str).map(nodes.String))
register("DateTime", st.datetimes().map(lambda time: nodes.String(f"{time.isoformat()}Z")))
register("JSON", st.one_of(st.text().map(nodes.String), st.integers(-9, 9).map(nodes.Int), st.just(ObjectValueNode())))


class _Sensible(Visitor):
    """Leaves out what would make any page an error: both ends, invented cursors, moments that are null."""

    def enter_argument(self, node: ArgumentNode, *_: Any) -> Any:
        name, value = node.name.value, node.value
        empty = isinstance(value, ObjectValueNode) and any(isinstance(one.value, NullValueNode) for one in value.fields)
        return REMOVE if name in ("last", "after", "before") or (name == "asOf" and empty) else None


@schemathesis.hook  # type: ignore[untyped-decorator]
def map_body(context: Any, body: DocumentNode) -> Any:
    """The document that is sent."""
    return visit(body, _Sensible())


@schemathesis.check  # type: ignore[untyped-decorator]
def every_error_has_a_code_and_was_foreseen(context: Any, response: Any, case: Any) -> None:
    """Whatever is asked, the answer is GraphQL, and its errors are none that nobody foresaw."""
    assert response.status_code < 500, response.status_code
    answer = response.json()
    codes = [error["extensions"]["code"] for error in answer.get("errors", ())]
    assert "data" in answer or codes
    assert "INTERNAL_ERROR" not in codes
