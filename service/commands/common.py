"""What the commands share: settings with errors that say what to do, a progress bar, exit codes."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import click
from eventsourcing.persistence import PersistenceError

from service.log import Log, open_log
from service.settings import BadSetting, Settings, from_environment

F = TypeVar("F", bound=Callable[..., Any])

REFUSED = 1
"""The exit code where the record does not take something, or what was checked does not hold."""
USAGE = 2
"""The exit code where the command, a setting or a file cannot be used."""


class Unusable(click.ClickException):
    """Something that the command needs cannot be used; says what to do next."""

    exit_code = USAGE


def settings() -> Settings:
    """The settings of the environment, or exit with what is wrong with them."""
    try:
        return from_environment()
    except BadSetting as error:
        raise Unusable(str(error)) from None


@contextlib.contextmanager
def opened_log(given: Settings, *, make: bool = False) -> Iterator[Log]:
    """The log of the settings, for reading alone, or (`make`) for writing and made if it is not there.

    Exits with a clear error if it cannot be used.
    """
    path = given.log_url.removeprefix("sqlite:///")
    if not make and path != given.log_url and not Path(path).exists():
        raise Unusable(f"there is no log at {path}; 'tamga serve' or 'tamga record' makes one, or set TAMGA_DATA_DIR")
    try:
        if make:
            given.data_dir.mkdir(parents=True, exist_ok=True)
        log = open_log(given.log_url, reading=not make)
    except (PersistenceError, OSError) as error:
        raise Unusable(reason(error)) from None
    try:
        yield log
    except PersistenceError as error:
        raise Unusable(str(error)) from None
    finally:
        log.close()


def reason(error: Exception) -> str:
    """What went wrong, in words; of a file, which."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def written(file: Path, content: bytes) -> None:
    """Write a file that the user named, or exit with why that cannot be."""
    try:
        file.write_bytes(content)
    except OSError as error:
        raise Unusable(reason(error)) from None


@contextlib.contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error that a function of (done, all) moves; silent where it is no terminal."""
    if not sys.stderr.isatty():
        yield lambda done, whole: None
        return
    with contextlib.ExitStack() as shown:
        bar: Any = None

        def move(done: int, whole: int) -> None:
            nonlocal bar
            if bar is None:  # not before something was done, or what is refused at once would stand behind an empty bar
                bar = shown.enter_context(click.progressbar(length=whole, label=label, file=sys.stderr, show_pos=True))
            bar.length = whole
            bar.update(done - bar.pos)

        yield move


def plural(count: int, word: str) -> str:
    """The count with its word, such as '1 event' or '2 events'."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"
