"""What holds for the project's own files: arrows between packages, sizes, names and the lock. Runs no part of Tamga."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from statistics import median

import pytest

from tests.support.readme import ROOT, readme_blocks

PACKAGES = ("domain", "service", "schema")
MAY_IMPORT = {"domain": {"domain"}, "service": {"domain", "service"}, "schema": {"domain", "service", "schema"}}
OUTSIDE = {"service.app", "service.cli", "service.commands", "service.server"}  # these tie the packages together
DOMAIN_LIBRARIES = {"eventsourcing", "msgspec", "iso_4217", "pycountry", "uuid6"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def modules(*folders: str) -> list[Path]:
    found = (path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return sorted(path for path in found if "node_modules" not in path.parts)


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def imports(path: Path) -> Iterator[str]:
    """The absolute dotted names that a module imports, also those inside functions."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join((*start, *filter(None, [node.module])))
            yield from (f"{base}.{alias.name}" for alias in node.names)


def stands_outside(path: Path) -> bool:
    return any(dotted(path) == name or dotted(path).startswith(f"{name}.") for name in OUTSIDE)


def lines(node: Function) -> int:
    """How long a function is, its docstring not counted."""
    first = node.body[0]
    documented = ast.get_docstring(node) is not None
    docstring = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
    return (node.end_lineno or 0) - node.lineno + 1 - docstring


def functions(*folders: str) -> Iterator[tuple[str, int]]:
    for path in modules(*folders):
        for node in ast.walk(parsed(path)):
            if isinstance(node, Function):
                yield f"{dotted(path)}.{node.name}", lines(node)


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout, so nothing tells which files belong to the project")
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def locked() -> dict[str, str]:
    """Each requirement of the lock: its normalised name and all that stands behind it."""
    text = (ROOT / "requirements.lock").read_text("utf-8").replace("\\\n", " ")
    return {re.split(r"[=\[ ;]", line, maxsplit=1)[0]: line for line in text.splitlines() if line[:1].isalnum()}


def declared() -> set[str]:
    """The names of all dependencies that pyproject.toml asks for."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    project = settings["project"]
    groups = [settings["build-system"]["requires"], project["dependencies"], *project["optional-dependencies"].values()]
    return {re.split(r"[\[<>=;~ ]", wanted, maxsplit=1)[0].lower() for group in groups for wanted in group}


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_follow_the_one_arrow_from_schema_to_service_to_domain(package: str) -> None:
    against = [
        f"{dotted(path)} imports {name}"
        for path in modules(package)
        if not stands_outside(path)
        for name in imports(path)
        if name.split(".")[0] in {*PACKAGES, "tests"} - MAY_IMPORT[package]
    ]
    assert against == []


def test_only_what_starts_the_service_imports_its_wiring() -> None:
    importers = {
        dotted(path)
        for path in modules(*PACKAGES)
        if not stands_outside(path) and any(f"{name}.".startswith("service.app.") for name in imports(path))
    }
    assert importers == set()


def test_the_domain_leans_on_few_libraries() -> None:
    roots = {name.split(".")[0] for path in modules("domain") for name in imports(path)}
    assert roots - set(sys.stdlib_module_names) - {"domain"} <= DOMAIN_LIBRARIES


def test_the_domain_takes_only_the_domain_part_of_the_event_sourcing_library() -> None:
    taken = {name for path in modules("domain") for name in imports(path) if name.startswith("eventsourcing")}
    assert {name for name in taken if not name.startswith("eventsourcing.domain")} == set()


def test_no_file_is_longer_than_400_lines() -> None:
    long = {dotted(p): n for p in modules(*PACKAGES, "tests") if (n := len(p.read_text("utf-8").splitlines())) > 400}
    assert long == {}


def test_no_function_is_longer_than_40_lines() -> None:
    assert {name: length for name, length in functions(*PACKAGES, "tests") if length > 40} == {}


def test_functions_are_short_as_a_rule() -> None:
    assert median(length for _, length in functions(*PACKAGES)) < 8


def test_every_module_says_what_lives_in_it() -> None:
    silent = [dotted(path) for path in modules(*PACKAGES, "tests") if ast.get_docstring(parsed(path)) is None]
    assert silent == []


def test_no_tracked_file_names_a_machine_or_a_registry() -> None:
    told = re.compile(rb"(?<![\w.~}/-])/(work|root|home)/\w|(registry\.)?npmjs\.(org|com)|pypi\.org|pythonhosted")
    bundled = ROOT / "schema" / "graphiql" / "assets"  # other people's code and licences
    exempt = {Path(__file__), *bundled.iterdir()}
    assert [path for path in tracked() if path not in exempt and told.search(path.read_bytes())] == []


def test_the_library_that_would_shadow_our_schema_package_is_no_dependency() -> None:
    assert "schema" not in declared() | set(locked())


def test_the_lock_holds_all_that_the_project_asks_for() -> None:
    assert declared() <= set(locked())


def test_the_readme_says_why_each_dependency_is_there() -> None:
    told = (ROOT / "README.md").read_text("utf-8").partition("## What it is built with")[2]
    assert [name for name in sorted(declared()) if not re.search(rf"(?<![\w-]){name}(?![\w-])", told)] == []


def test_every_locked_package_is_pinned_with_hashes() -> None:
    pinned = re.compile(r"\S+==\S+ .*--hash=sha256:[0-9a-f]{64}")
    assert [name for name, line in locked().items() if not pinned.match(line)] == []


@pytest.mark.parametrize("pattern", ["requirements.lock", "package-lock.json"])
def test_locks_hold_no_download_address(pattern: str) -> None:
    locks = [path for path in tracked() if path.name == pattern]
    address = re.compile(r'"resolved"|--(extra-)?index-url|--find-links|file:|@ http')
    assert locks
    assert [path for path in locks if address.search(path.read_text("utf-8"))] == []


def test_every_command_and_query_of_the_readme_is_run_by_a_test() -> None:
    blocks = readme_blocks("bash", "graphql")
    runner = ROOT / "tests" / "test_readme.py"
    run = set(re.findall(r"readme_blocks\(([^)]*)\)", runner.read_text("utf-8"))) if runner.exists() else set()
    unrun = {block.language for block in blocks if not any(f'"{block.language}"' in call for call in run)}
    assert unrun == set()
