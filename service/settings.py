"""The settings of a node: `TAMGA_*` variables, checked at start. Everything that can be set is in this one place."""

import difflib
import ipaddress
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple, get_type_hints


class BadSetting(ValueError):
    """A variable that cannot be used, with what it must be."""


class Setting(NamedTuple):
    """How a variable is read, and what it means."""

    read: Callable[[str], Any]
    meaning: str


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        try:
            number = int(text) if text.isdecimal() else -1
        except ValueError:  # thousands of digits
            number = -1
        if not low <= number <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return number

    return read


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0.001 <= seconds < 1e6:
        raise ValueError("a number of seconds from 0.001 on, and below a million")
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
    if text.startswith("postgres"):
        from service.log.address import check_address

        check_address(text)
    return text


def _folder(text: str) -> Path:
    if os.path.exists(text) and not os.path.isdir(text):
        raise ValueError("a folder; it is made if it is not there")
    return Path(text)


def _present(text: str) -> str:
    if not os.path.exists(text):
        raise ValueError("a folder or a file that is there")
    return text


def _origin(text: str) -> str:
    if "+" in text or any(char.isspace() or not char.isprintable() for char in text):
        raise ValueError("a name without spaces and plus signs, such as example.org/tamga")
    return text


def _one_of(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(f"{', '.join(words[:-1])} or {words[-1]}")
        return text.lower()

    return read


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a node runs. Read them with `from_environment`."""

    data_dir: Annotated[Path, Setting(_folder, "folder for log, replica and keys")] = Path("var")
    database_url: Annotated[str, Setting(_database, "the log; by default sqlite:///<data dir>/log.db")] = ""
    host: Annotated[str, Setting(str, "address to serve on")] = "127.0.0.1"
    port: Annotated[int, Setting(_whole(0, 65535), "port to serve on; 0 takes a free one")] = 8000
    listen: Annotated[
        str,
        Setting(
            _one_of("now", "ready"),
            "when connections are taken: from the start, to tell of health (now), or once it has caught up (ready)",
        ),
    ] = "now"
    workers: Annotated[int, Setting(_whole(1, 64), "processes that serve; one of them follows the log")] = 1
    rebuild_processes: Annotated[
        int,
        Setting(_whole(0, 64), "processes that make a replica anew; 0: as many as there are cores, four at most"),
    ] = 0
    first_record: Annotated[bool, Setting(_switch, "record the first record at start, once")] = True
    origin: Annotated[str, Setting(_origin, "name of the log in checkpoints; by default tamga/<record id>")] = ""
    recorder_key: Annotated[
        str, Setting(str, "file with the keys that allow recording; by default made in the data folder")
    ] = ""
    signing_key: Annotated[
        str, Setting(str, "file with the key that signs checkpoints; by default made in the data folder")
    ] = ""
    seal: Annotated[
        bool, Setting(_switch, "sign checkpoints on this node while no other does; 0 only serves what others sign")
    ] = True
    min_position_timeout: Annotated[float, Setting(_seconds, "longest wait for minPosition, in seconds")] = 2.0
    query_timeout: Annotated[float, Setting(_seconds, "longest time for one operation, in seconds")] = 5.0
    max_body: Annotated[int, Setting(_whole(1_024, 1 << 30), "largest request body, in bytes")] = 1_048_576
    max_batch: Annotated[int, Setting(_whole(1, 1000), "most operations in one batch")] = 10
    max_depth: Annotated[int, Setting(_whole(1, 100), "deepest selection")] = 15
    max_cost: Annotated[int, Setting(_whole(1, 10_000_000), "most cost of one operation")] = 50_000
    page_default: Annotated[int, Setting(_whole(0, 10_000), "items of a page where none are asked for")] = 20
    page_most: Annotated[int, Setting(_whole(1, 10_000), "most items of one page")] = 100
    max_subscriptions: Annotated[int, Setting(_whole(1, 100_000), "most subscriptions on one socket")] = 100
    trusted_documents: Annotated[str, Setting(_present, "folder or JSON file of trusted documents, by hash")] = ""
    trusted_only: Annotated[bool, Setting(_switch, "accept trusted documents alone")] = False
    allowed_origins: Annotated[
        tuple[str, ...], Setting(_words, "origins of web pages that may call, comma-separated; * for any")
    ] = ()
    init_seconds: Annotated[float, Setting(_seconds, "longest wait for a socket's connection_init, in seconds")] = 10.0
    ping_seconds: Annotated[
        float, Setting(_seconds, "how often a quiet socket is asked whether it lives, in seconds")
    ] = 25.0
    idle_seconds: Annotated[float, Setting(_seconds, "how long a socket may have no operation, in seconds")] = 300.0
    draft_statuses: Annotated[
        bool, Setting(_switch, "answer with 422 and 294 as the draft of 2026 of GraphQL over HTTP has it")
    ] = False
    drain_seconds: Annotated[
        float, Setting(_seconds, "longest time for streams and requests to end at shutdown, in seconds")
    ] = 10.0
    stall_seconds: Annotated[
        float, Setting(_seconds, "how long the replica may stay behind the log before this node reports not ready")
    ] = 10.0
    reading: Annotated[
        str,
        Setting(
            _one_of("open", "key", "loopback"),
            "who may read: anybody (open), who has a key (key), or anybody if the host is of loopback (loopback)",
        ),
    ] = "loopback"
    log_level: Annotated[
        str,
        Setting(_one_of("debug", "info", "warning", "error"), "what is logged, at least: debug, info, warning, error"),
    ] = "info"
    traces: Annotated[
        str, Setting(_one_of("otlp", "console"), "send OpenTelemetry traces: otlp or console; none are made if unset")
    ] = ""
    log_format: Annotated[
        str, Setting(_one_of("text", "json"), "lines for people (text), or one JSON object a line (json)")
    ] = "text"

    @property
    def open_reading(self) -> bool:
        """Whether reading needs no key."""
        return self.reading == "open" or (self.reading == "loopback" and _is_loopback(self.host))

    @property
    def log_url(self) -> str:
        """The address of the log."""
        if self.database_url:
            return self.database_url
        return f"sqlite:///{self.data_dir / 'log.db'}"


def from_environment(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings that the TAMGA_* variables give.

    Raises BadSetting that names the variable and what it must be, also for one that is a slip of the pen for another.
    """
    given = os.environ if environment is None else environment
    _refuse_slips(given)
    values: dict[str, Any] = {}
    for name, setting in _settings().items():
        text = given.get(variable(name))
        if text is not None and text != "":
            values[name] = _read(name, setting.read, text)
    made = Settings(**values)
    if made.page_default > made.page_most:
        raise BadSetting(f"TAMGA_PAGE_DEFAULT: {made.page_default} is more than TAMGA_PAGE_MOST, {made.page_most}")
    if made.trusted_only and not made.trusted_documents:
        raise BadSetting("TAMGA_TRUSTED_ONLY: no document would be taken, for TAMGA_TRUSTED_DOCUMENTS names none")
    return made


def _refuse_slips(given: Mapping[str, str]) -> None:
    known = [variable(name) for name in _settings()]
    for name in given:
        if name.startswith("TAMGA") and name not in known:
            for meant in difflib.get_close_matches(name, known, 1, 0.85):
                raise BadSetting(f"{name} is not a setting; did you mean {meant}?")


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
    """Every variable with its default as it would be written ('' for none) and its meaning, for help."""
    default = Settings()
    return [
        (variable(name), _written(getattr(default, name)), setting.meaning) for name, setting in _settings().items()
    ]


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return str(int(value))
    return f"{value:g}" if isinstance(value, float) else ",".join(value) if isinstance(value, tuple) else str(value)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _settings() -> dict[str, Setting]:
    hints = get_type_hints(Settings, include_extras=True)
    return {name: hint.__metadata__[0] for name, hint in hints.items()}
