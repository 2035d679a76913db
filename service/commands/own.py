"""The audit of the log that the settings name, for commands that read it; nothing is sealed here."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service.audit.audit import Audit
from service.commands.common import opened_log
from service.settings import Settings


@contextmanager
def own_audit(given: Settings) -> Iterator[Audit]:
    """The audit of a log; it seals nothing."""
    with opened_log(given) as log:
        key_file = Path(given.signing_key) if given.signing_key else None
        yield Audit(log, given.data_dir, given.origin or None, key_file=key_file)
