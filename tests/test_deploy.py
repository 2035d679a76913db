"""What the container files promise: settings that exist, rights that stay small, a proxy that holds nothing back."""

import json
import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from typing import Any

import psycopg
import pytest

from schema.errors import ErrorCode
from service.log import migrate
from service.settings import described, from_environment
from tests.support.compose import COMPOSE_FILE, compose, service_environment
from tests.support.postgres_server import find_programs, own_server
from tests.support.readme import ROOT

NODES = ("node-1", "node-2")
NGINX = (ROOT / "deploy" / "nginx.conf").read_text("utf-8")
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose()["services"]
    return found


def config_command() -> list[str] | None:
    """The Compose that is on this machine, if any: the plugin, else the older program."""
    docker = shutil.which("docker")
    if docker and not subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        return [docker, "compose"]
    older = shutil.which("docker-compose")
    return [older] if older else None


def test_compose_accepts_the_file() -> None:
    command = config_command()
    if command is None:
        pytest.skip("no Docker Compose on this machine; the tests beside this one read the file themselves")
    read = subprocess.run([*command, "-f", str(COMPOSE_FILE), "config", "--quiet"], capture_output=True, text=True)
    assert (read.returncode, read.stderr) == (0, "")


def test_every_variable_given_to_a_node_is_a_setting() -> None:
    known = {name for name, _, _ in described()}
    given = {name for node in (*NODES, "migrate") for name in service_environment(node) if name.startswith("TAMGA_")}
    assert given - known == set()


@pytest.mark.parametrize("node", NODES)
def test_a_node_accepts_its_settings(node: str) -> None:
    settings = from_environment(service_environment(node))
    assert settings.log_url == "postgresql://tamga_node@postgres:5432/tamga"
    assert settings.drain_seconds < float(services()[node]["stop_grace_period"].removesuffix("s"))


def test_nodes_log_in_with_the_small_role_and_only_the_migration_as_the_owner() -> None:
    addresses = {name: service_environment(name).get("TAMGA_DATABASE_URL", "") for name in services()}
    users = {name: address.split("//")[1].split("@")[0] for name, address in addresses.items() if address}
    assert users == {"migrate": "tamga_owner", "node-1": "tamga_node", "node-2": "tamga_node"}


def test_nodes_share_their_keys_and_nothing_else() -> None:
    first, second = (set(services()[node]["volumes"]) for node in NODES)
    assert first & second == {"keys:/keys"}


def test_passwords_can_be_given_and_reach_both_sides() -> None:
    given = {"TAMGA_NODE_PASSWORD": "n", "TAMGA_OWNER_PASSWORD": "o"}
    assert service_environment("node-1", given)["PGPASSWORD"] == "n"
    assert service_environment("migrate", given)["PGPASSWORD"] == "o"
    assert given.items() <= service_environment("postgres", given).items()


def test_only_the_proxy_is_published_and_on_loopback() -> None:
    assert {name: service["ports"] for name, service in services().items() if "ports" in service} == {
        "proxy": ["127.0.0.1:8000:8080"]
    }


def test_the_proxy_cannot_reach_the_database_nor_the_database_the_world() -> None:
    networks = {name: set(service["networks"]) for name, service in services().items()}
    assert networks["postgres"] == networks["migrate"] == {"record"}
    assert networks["proxy"] == {"front"}
    assert compose()["networks"]["record"]["internal"] is True


def test_what_is_logged_is_structured_and_never_fills_the_disk() -> None:
    assert {service["logging"]["driver"] for service in services().values()} == {"local"}
    assert {service_environment(node)["TAMGA_LOG_FORMAT"] for node in NODES} == {"json"}
    assert '"request_id":"$request_id"' in NGINX and "proxy_set_header X-Request-Id $request_id;" in NGINX


@pytest.mark.parametrize("node", NODES)
def test_a_node_behind_the_proxy_takes_no_request_before_it_has_caught_up(node: str) -> None:
    assert from_environment(service_environment(node)).listen == "ready"
    assert services()[node]["healthcheck"] == {"start_period": "30m"}


@pytest.mark.parametrize("name", [*NODES, "migrate", "proxy"])
def test_containers_can_do_little_beside_their_work(name: str) -> None:
    service = services()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_what_compose_names_is_there() -> None:
    bound = [v.split(":")[0] for s in services().values() for v in s.get("volumes", []) if v.startswith("./")]
    assert [path for path in bound if not (ROOT / path).is_file()] == []
    volumes = {v.split(":")[0] for s in services().values() for v in s.get("volumes", []) if not v.startswith("./")}
    assert volumes == set(compose()["volumes"])
    assert {name for s in services().values() for name in s.get("depends_on", {})} <= set(services())


def test_the_image_runs_as_a_user_without_rights_and_is_checked() -> None:
    final = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", final, re.MULTILINE)  # numbers, which a cluster can judge
    assert re.search(r"^HEALTHCHECK .*\n.*/healthz", final, re.MULTILINE)
    assert "VOLUME /data" in final


def test_the_image_has_bytecode_of_all_that_it_runs_since_it_can_keep_none() -> None:
    build, _, final = DOCKERFILE.rpartition("\nFROM ")
    assert "PYTHONDONTWRITEBYTECODE=1" in final
    assert [part.count("-m compileall") for part in (build, final)] == [1, 1]


def test_the_image_is_built_once_and_all_that_run_it_run_the_same() -> None:
    running = {name for name, service in services().items() if service["image"] == "tamga"}
    assert running == {"migrate", *NODES}
    assert [name for name, service in services().items() if "build" in service] == ["migrate"]


def test_the_image_is_built_from_what_is_there() -> None:
    sent = [line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")]
    assert [name for name in sent if not list(ROOT.glob(name))] == []
    copied = [name for line in re.findall(r"^COPY (deploy/.*) \./$", DOCKERFILE, re.MULTILINE) for name in line.split()]
    assert len(copied) == 2
    assert [name for name in copied if not any(fnmatch(name, pattern) for pattern in sent)] == []


def locked(name: str) -> dict[str, str]:
    """Each requirement of a lock with its marker and hashes."""
    text = (ROOT / name).read_text("utf-8").replace("\\\n", " ")
    return {line.partition("==")[0]: line for line in text.splitlines()}


@pytest.mark.parametrize("lock", ["deploy/requirements.lock", "deploy/build.lock"])
def test_the_image_holds_what_was_tested_and_each_file_is_checked(lock: str) -> None:
    assert locked(lock).items() <= locked("requirements.lock").items()
    assert all("--hash=sha256:" in line for line in locked(lock).values())
    assert f"--require-hashes -r {lock.rpartition('/')[2]}" in DOCKERFILE


def test_the_image_holds_what_the_service_needs_and_no_tool_of_its_tests() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    needed, tools = map(_names, (project["dependencies"], project["optional-dependencies"]["dev"]))
    assert needed <= set(locked("deploy/requirements.lock"))
    assert not tools & set(locked("deploy/requirements.lock"))


def _names(requirements: list[str]) -> set[str]:
    return {re.split(r"[^A-Za-z0-9-]", requirement)[0] for requirement in requirements}


def test_the_proxy_holds_nothing_back_and_lets_quiet_streams_live() -> None:
    assert "proxy_buffering off;" in NGINX
    assert "proxy_read_timeout 1h;" in NGINX
    assert "proxy_set_header Upgrade $upgrade;" in NGINX
    assert set(re.findall(r"server (node-\d):8000", NGINX)) == set(NODES)


def test_the_proxy_ends_before_compose_kills_it_though_streams_are_open() -> None:
    assert "stop_grace_period" not in services()["proxy"]  # so Compose waits ten seconds
    found = re.search(r"^worker_shutdown_timeout (\d+)s;", NGINX, re.MULTILINE)
    assert found and int(found[1]) < 10


def test_when_no_node_answers_the_proxy_says_so_as_nodes_do() -> None:
    told = re.search(r"error_page 502 504 = \$away;\s*location @away \{[^}]*return 503 '(.*)';", NGINX)
    assert told
    assert json.loads(told[1])["errors"][0]["extensions"] == {"code": ErrorCode.UNAVAILABLE}


def test_the_proxy_never_tells_the_metrics() -> None:
    assert re.search(r"location = /metrics \{\s*return 404;", NGINX)


@pytest.fixture(scope="module")
def set_up_server() -> Iterator[str]:
    """The owner's address of a database, migrated, on a server where the compose file's script made the roles."""
    with own_server() as server:
        port = server.url.rpartition(":")[2].partition("/")[0]
        connection = {"PGHOST": "127.0.0.1", "PGPORT": port, "PATH": f"{find_programs()}:{os.environ['PATH']}"}
        passwords = {"TAMGA_OWNER_PASSWORD": "it's", "TAMGA_NODE_PASSWORD": 'a "word"'}
        subprocess.run([ROOT / "deploy" / "postgres" / "roles.sh"], env={**connection, **passwords}, check=True)
        owner = f"postgresql://tamga_owner@127.0.0.1:{port}/tamga"
        migrate(owner, role="tamga_node")
        yield owner


def test_a_node_can_read_the_log_but_not_write_past_the_append_function(set_up_server: str) -> None:
    with psycopg.connect(set_up_server.replace("tamga_owner", "tamga_node")) as node:
        assert node.execute("SELECT position FROM tamga.head").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            node.execute("UPDATE tamga.head SET position = 7")


@pytest.mark.parametrize("statement", ["TABLE tamga.x (y int)", "TEMP TABLE x (y int)", "SCHEMA x", "ROLE x"])
def test_a_node_can_make_nothing_in_the_database(set_up_server: str, statement: str) -> None:
    node = psycopg.connect(set_up_server.replace("tamga_owner", "tamga_node"), autocommit=True)
    with node, pytest.raises(psycopg.errors.InsufficientPrivilege):
        node.execute(f"CREATE {statement}".encode())
