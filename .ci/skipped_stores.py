"""Fails when a test was skipped for want of PostgreSQL although a server answers. Reads pytest's JUnit report."""

import os
import sys
from xml.etree import ElementTree

import psycopg

LOCAL = "postgresql://postgres@127.0.0.1:5432/postgres?connect_timeout=3"


def answering_server() -> str | None:
    """The first PostgreSQL address that answers: the environment's, else the local one."""
    for url in filter(None, (os.environ.get("TAMGA_TEST_POSTGRES_URL"), LOCAL)):
        try:
            psycopg.connect(url).close()
        except psycopg.Error:
            continue
        return url
    return None


def skipped_for_want_of_postgres(report: str) -> list[str]:
    """The tests that a JUnit report names as skipped with PostgreSQL in the reason."""
    return [
        f"{case.get('classname')}::{case.get('name')}"
        for case in ElementTree.parse(report).iter("testcase")
        if (skipped := case.find("skipped")) is not None and "postgres" in (skipped.get("message") or "").lower()
    ]


def main() -> int:
    skipped = skipped_for_want_of_postgres(sys.argv[1])
    if skipped and answering_server():
        print("A PostgreSQL server answers, and yet these tests were skipped for want of one:", *skipped, sep="\n  ")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
