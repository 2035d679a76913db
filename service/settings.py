"""The settings of a node: `TAMGA_*` variables, checked at start. Everything that can be set is in this one place."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any


class BadSetting(ValueError):
    """A variable that cannot be used, with what it must be."""


def _setting(default: Any, read: Callable[[str], Any], meaning: str) -> Any:
    return field(default=default, metadata={"read": read, "meaning": meaning})


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(text)

    return read


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < 1e6:
        raise ValueError("a number of seconds above 0")
    return seconds


def _switch(text: str) -> bool:
    if text.lower() not in ("0", "1", "true", "false", "yes", "no"):
        raise ValueError("1 or 0")
    return text.lower() in ("1", "true", "yes")


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in (part.strip() for part in text.split(",")) if word)


def _database(text: str) -> str:
    if not text.startswith(("sqlite:///", "postgresql://", "postgres://")):
        raise ValueError("sqlite:///relative, sqlite:////absolute or postgresql://user@host/name")
    return text


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a node runs. Read them with `from_environment`."""

    data_dir: Path = _setting(Path("var"), Path, "folder for log, replica and keys")
    database_url: str = _setting("", _database, "the log; by default sqlite:///<data dir>/log.db")
    host: str = _setting("127.0.0.1", str, "address to serve on")
    port: int = _setting(8000, _whole(0, 65535), "port to serve on; 0 takes a free one")
    workers: int = _setting(1, _whole(1, 64), "processes that serve; one of them follows the log")
    first_record: bool = _setting(True, _switch, "record the first record at start, once")
    origin: str = _setting("", str, "name of the log in checkpoints; by default tamga/<record id>")
    signing_key: str = _setting("", str, "file with the key that signs checkpoints; by default made in the data folder")
    seal: bool = _setting(True, _switch, "sign checkpoints on this node while no other does")
    min_position_timeout: float = _setting(2.0, _seconds, "longest wait for minPosition, in seconds")
    query_timeout: float = _setting(5.0, _seconds, "longest time for one operation, in seconds")
    max_body: int = _setting(1_048_576, _whole(1_024, 1 << 30), "largest request body, in bytes")
    max_batch: int = _setting(10, _whole(1, 1000), "most operations in one batch")
    max_depth: int = _setting(15, _whole(1, 100), "deepest selection")
    max_cost: int = _setting(50_000, _whole(1, 10_000_000), "most cost of one operation")
    max_subscriptions: int = _setting(100, _whole(1, 100_000), "most subscriptions on one socket")
    trusted_documents: str = _setting("", str, "folder or JSON file of trusted documents, by hash")
    trusted_only: bool = _setting(False, _switch, "accept trusted documents alone")
    allowed_origins: tuple[str, ...] = _setting((), _words, "origins of web pages that may call, comma-separated; * for any")
    drain_seconds: float = _setting(10.0, _seconds, "longest time to end open streams at shutdown")
    log_level: str = _setting("info", str.lower, "debug, info, warning or error")

    @property
    def log_url(self) -> str:
        """The address of the log."""
        if self.database_url:
            return self.database_url
        return f"sqlite:///{self.data_dir / 'log.db'}"


def from_environment(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings that the TAMGA_* variables give. Raises BadSetting that names the variable and what it must be."""
    given = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    for one in fields(Settings):
        text = given.get(variable(one.name))
        if text is not None and text != "":
            values[one.name] = _read(one.name, one.metadata["read"], text)
    return Settings(**values)


def _read(name: str, read: Callable[[str], Any], text: str) -> Any:
    try:
        return read(text)
    except ValueError as error:
        shown = "its value" if "url" in name else repr(text)
        raise BadSetting(f"{variable(name)}: {shown} does not fit; it must be {error}") from None


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return f"TAMGA_{name.upper()}"


def described() -> list[tuple[str, str, str]]:
    """Every variable with its default and meaning, for help and documentation."""
    return [(variable(one.name), str(one.default), str(one.metadata["meaning"])) for one in fields(Settings)]
