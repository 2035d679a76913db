"""The compose file as Docker would read it: anchors merged, variables filled in. Starts nothing."""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from tests.support.readme import ROOT

COMPOSE_FILE = ROOT / "docker-compose.yml"
VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


def compose(environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The whole file, each `${NAME:-default}` replaced from `environment` or by its default."""
    given = environment or {}
    text = VARIABLE.sub(lambda found: given.get(found[1], found[2] or ""), COMPOSE_FILE.read_text("utf-8"))
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def service_environment(name: str, environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment variables that a service of the compose file runs with."""
    return {key: str(value) for key, value in compose(environment)["services"][name].get("environment", {}).items()}
