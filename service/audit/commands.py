"""`tamga audit`: export, verify and prove, for auditors; and the public keys of the log."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NoReturn

import click
from eventsourcing.persistence import PersistenceError

from service.audit.audit import Audit, NotSealed
from service.audit.export import ExportRefused, export
from service.audit.files import read_if_there
from service.audit.keys import KeyUnusable
from service.audit.note import VerifierKey
from service.audit.proof import ProofFile, ProofRefused
from service.audit.sealer import LAST
from service.audit.sources import LogSource, Source, SourceUnreadable, folder_source, web_source
from service.audit.verify import NothingToVerify, Older, Verdict, verify
from service.log import open_log
from service.settings import BadSetting, Settings, from_environment

DIFFERS, USAGE = 1, 2
"""Exit codes: something is not as it was signed; the command could not be carried out."""

_TROUBLE = (
    BadSetting,
    SourceUnreadable,
    NothingToVerify,
    PersistenceError,
    KeyUnusable,
    OSError,
    ValueError,
    NotSealed,
)


@click.group()
def audit() -> None:
    """Prove that no past event was altered, removed or slipped in."""


@audit.command("export")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option("--from", "origin", metavar="URL", help="A served log instead of the one of the settings.")
def export_command(directory: Path, origin: str | None) -> None:
    """Write tiles, entries, checkpoint and public keys into DIRECTORY; run again, it adds what is new."""
    with _trouble_ends(), _opened(origin) as source, _progress("exporting") as progress:
        try:
            done = export(source, directory, progress)
        except ExportRefused as error:
            _end(DIFFERS, str(error))
    click.echo(f"{directory}: {done.size:,} events, {done.added:,} of them new")


@audit.command("verify")
@click.argument("source", required=False)
@click.option("--against", multiple=True, metavar="FILE|FOLDER", help="An older checkpoint or export. Repeatable.")
@click.option("--key", "keys", multiple=True, metavar="VKEY", help="A public key that you trust, or a file of them.")
def verify_command(source: str | None, against: tuple[str, ...], keys: tuple[str, ...]) -> None:
    """Check SOURCE: an export's folder, a database's address, or http(s)://.../log; by default the log of the settings.

    Without --key the keys are those that SOURCE itself names, which proves less. Ends with 0 if all is as it was
    signed, 1 if something differs, 2 if it could not be checked.
    """
    with _trouble_ends(), _opened(source) as opened, _progress("verifying") as progress:
        older = [_older(each) for each in against] + ([] if source else _own_memory())
        verdict = verify(opened, keys=_keys(keys), against=older, progress=progress)
    _tell(verdict, opened.name, trusted=bool(keys))


@audit.command("proof")
@click.argument("position", type=click.IntRange(min=1))
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="Instead of standard output.")
def proof_command(position: int, output: Path | None) -> None:
    """Write the proof of the event at POSITION: one small file that C2SP tlog-proof tools read."""
    with _trouble_ends(), _own() as own:
        proof = own.proof_file(position)
    if output:
        output.write_bytes(proof)
    else:
        click.echo(proof, nl=False)


@audit.command("check-proof")
@click.argument("proof", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--key", "keys", multiple=True, required=True, metavar="VKEY", help="A public key that you trust, or a file."
)
@click.option(
    "--entry", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="By default the one inside."
)
def check_proof_command(proof: Path, keys: tuple[str, ...], entry: Path | None) -> None:
    """Check a proof file and print the event that it proves."""
    with _trouble_ends():
        trusted = _keys(keys)
        try:
            parsed = ProofFile.parse(proof.read_bytes())
            content = entry.read_bytes() if entry else parsed.extra or b""
            head = parsed.verify(content, trusted)
        except ProofRefused as error:
            _end(DIFFERS, str(error))
    click.echo(content)
    click.echo(f"position {parsed.index + 1} of {head.size:,} of {head.origin}: proven", err=True)


@audit.command("keys")
@click.option("--rotate", is_flag=True, help="Make a new key, which signs from now on; old ones stay listed.")
def keys_command(rotate: bool) -> None:
    """Print the public keys of the log, oldest first."""
    with _trouble_ends(), _own() as own:
        if rotate:
            own.keys.rotate()
        for key in own.vkeys():
            click.echo(key)


@contextmanager
def _trouble_ends() -> Iterator[None]:
    try:
        yield
    except _TROUBLE as error:
        _end(USAGE, str(error))


def _end(code: int, message: str) -> NoReturn:
    click.echo(f"Error: {message}", err=True)
    raise SystemExit(code)


@contextmanager
def _own() -> Iterator[Audit]:
    """The audit of the settings' log; it seals nothing."""
    settings = from_environment()
    with _log_audit(settings, settings.log_url, settings.data_dir) as own:
        yield own


@contextmanager
def _log_audit(settings: Settings, url: str, data_dir: Path) -> Iterator[Audit]:
    log = open_log(url)
    try:
        key_file = Path(settings.signing_key) if settings.signing_key else None
        yield Audit(log, data_dir, settings.origin or None, key_file=key_file)
    finally:
        log.close()


@contextmanager
def _opened(source: str | None) -> Iterator[Source]:
    with ExitStack() as stack:
        yield _source(source, stack)


def _source(source: str | None, stack: ExitStack) -> Source:
    settings = from_environment()
    if source and source.startswith(("http://", "https://")):
        return stack.enter_context(web_source(source))
    if source and "://" not in source:
        return folder_source(Path(source))
    log = open_log(source or settings.log_url)
    stack.callback(log.close)
    own = source in (None, settings.log_url)
    folder = settings.data_dir if own else _folder_of(source or "")
    keys = Audit(log, folder, settings.origin or None).verifiers() if folder else []
    return LogSource(log, folder, keys)


def _folder_of(url: str) -> Path | None:
    """The data folder of a SQLite log that stands in one."""
    folder = Path(url.removeprefix("sqlite:///")).parent
    return folder if url.startswith("sqlite:///") and (folder / LAST).exists() else None


def _own_memory() -> list[Older]:
    note = read_if_there(from_environment().data_dir / LAST)
    return [Older("the last checkpoint", note)] if note else []


def _older(path: str) -> Older:
    if not Path(path).is_dir():
        return Older(path, Path(path).read_bytes())
    kept = folder_source(Path(path))
    note = kept.checkpoint()
    if note is None:
        raise NothingToVerify(f"{path} has no checkpoint")
    return Older(path, note, kept)


def _keys(given: tuple[str, ...]) -> list[VerifierKey]:
    lines = [line for each in given for line in (Path(each).read_text().split() if Path(each).is_file() else [each])]
    return [VerifierKey.parse(line) for line in lines]


def _tell(verdict: Verdict, name: str, *, trusted: bool) -> None:
    if not verdict.ok:
        where = f"position {verdict.position}: " if verdict.position else ""
        _end(DIFFERS, f"{name} is not what was signed. {where}{verdict.problem}")
    head = verdict.checkpoint
    if head is None:
        return
    click.echo(f"{name}: all {head.size:,} events of {head.origin} are as they were signed")
    click.echo(f"root {head.root.hex()}; compared with {', '.join(verdict.compared)}")
    if not trusted:
        click.echo("The keys are those that the source names itself; give --key to check with one you trust.", err=True)


@contextmanager
def _progress(label: str) -> Iterator[Callable[[int, int], None] | None]:
    """A bar on standard error, only on a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    with click.progressbar(length=0, label=label, file=sys.stderr) as bar:

        def show(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        yield show
