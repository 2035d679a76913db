"""`tamga audit`: export, verify and prove, for auditors; and the public keys of the log."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from os.path import isfile
from pathlib import Path

import click
from eventsourcing.persistence import PersistenceError

from service.audit.audit import NotSealed
from service.audit.export import ExportRefused, export
from service.audit.keys import KeyUnusable
from service.audit.note import VerifierKey
from service.audit.proof import ProofFile, ProofRefused
from service.audit.sealer import LAST
from service.audit.sources import LogSource, Source, SourceUnreadable, folder_source, web_source
from service.audit.verify import NothingToVerify, Older, Verdict, verify
from service.commands.common import REFUSED, Unusable, opened_log, plural, progress_bar, reason, settings, written
from service.commands.own import own_audit
from service.commands.report import report_command

_TROUBLE = (SourceUnreadable, NothingToVerify, PersistenceError, KeyUnusable, NotSealed, OSError, ValueError)
_KEY = click.option(
    "--key", "keys", multiple=True, metavar="VKEY", help="A public key that you trust, or a file of them."
)
_READABLE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def audit() -> None:
    """Prove that no past event was altered, removed or slipped in.

    \b
    tamga audit export kept            keep the sealed record as plain files
    tamga audit verify --against kept  check the record against what was kept
    tamga audit proof 300 -o 300.tlog-proof
    tamga audit report --from 2026-01-01 --html january.html
    """


@audit.command("export")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option("--from", "url", metavar="URL", help="A served log, such as https://example.org/log, instead of our own.")
def export_command(directory: Path, url: str | None) -> None:
    """Write the sealed log into DIRECTORY as plain files.

    These are its tiles, entries, checkpoint and public keys. Run again, it adds what is new.
    """
    with _trouble_ends(), _opened(url) as source, progress_bar("Exporting") as progress:
        try:
            done = export(source, directory, progress)
        except ExportRefused as error:
            raise Differs(str(error)) from None
    click.echo(f"{directory}: {plural(done.size, 'event')}, {done.added:,} of them new")


@audit.command("verify")
@click.argument("source", required=False)
@click.option("--against", multiple=True, metavar="FILE|FOLDER", help="An older checkpoint or export. May be repeated.")
@_KEY
def verify_command(source: str | None, against: tuple[str, ...], keys: tuple[str, ...]) -> None:
    """Check that a log is as it was signed.

    SOURCE is an export's folder, a database's address or http(s)://.../log; by default the log of the settings.

    Without --key the keys are those that SOURCE itself names, which proves less. Ends with 0 if all is as it was
    signed, 1 if something differs, 2 if it could not be checked.
    """
    with _trouble_ends(), _opened(source) as opened, progress_bar("Verifying") as progress:
        older = [*map(_older, against), *_served(opened)]
        verdict = verify(opened, keys=_keys(keys), against=older, progress=progress)
        held = opened.head() if isinstance(opened, LogSource) else 0
    _tell(verdict, opened.name, held, trusted=bool(keys))


@audit.command("proof")
@click.argument("position", type=click.IntRange(min=1))
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="Instead of standard output.")
def proof_command(position: int, output: Path | None) -> None:
    """Write the proof of the event at POSITION.

    It is one small file, which C2SP tlog-proof tools read.
    """
    with _trouble_ends(), own_audit(settings()) as own:
        proof = own.proof_file(position)
    if output:
        written(output, proof)
    else:
        click.echo(proof, nl=False)


@audit.command("check-proof")
@click.argument("proof", type=_READABLE)
@click.option("--entry", type=_READABLE, help="The entry that it should prove; by default the one inside.")
@_KEY
def check_proof_command(proof: Path, entry: Path | None, keys: tuple[str, ...]) -> None:
    """Check a proof file and print the event that it proves.

    It proves no more than the keys that you give are worth.
    """
    with _trouble_ends():
        try:
            parsed = ProofFile.parse(proof.read_bytes())
            content = entry.read_bytes() if entry else parsed.extra or b""
            head = parsed.verify(content, _keys(keys))
        except ProofRefused as error:
            raise Differs(str(error)) from None
    click.echo(content)
    click.echo(f"Proven: position {parsed.index + 1:,} of {head.size:,} of {head.origin}", err=True)


@audit.command("keys")
@click.option("--rotate", is_flag=True, help="Make a new key, which signs from now on beside the one before it.")
@click.option("--retire", is_flag=True, help="Have the newest key sign alone from now on; old ones stay listed.")
def keys_command(rotate: bool, retire: bool) -> None:
    """Print the public keys of the log, oldest first.

    A key is replaced in two steps, while nodes run: --rotate, and once those who verify have the new public key,
    --retire. If others may know the old one, or if it is lost, do both at once: --rotate --retire.
    """
    given = settings()
    with _trouble_ends(), own_audit(given) as own:
        if rotate or retire:
            given.data_dir.mkdir(parents=True, exist_ok=True)
        if rotate:
            own.keys.rotate()
        if retire:
            own.keys.retire()
        for key in own.vkeys():
            click.echo(key)


@contextmanager
def _trouble_ends() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except _TROUBLE as error:
        raise Unusable(reason(error)) from None


class Differs(click.ClickException):
    """What was checked is not what was signed."""

    exit_code = REFUSED


@contextmanager
def _opened(source: str | None) -> Iterator[Source]:
    with ExitStack() as stack:
        if source and source.startswith(("http://", "https://")):
            yield stack.enter_context(web_source(source))
        elif source and "://" not in source:
            yield folder_source(Path(source))
        else:
            yield _log_source(source, stack)


def _log_source(url: str | None, stack: ExitStack) -> Source:
    """The log at an address, with the tiles and keys of its data folder if it stands in one."""
    given = settings()
    if url is None or url == given.log_url:
        own = stack.enter_context(own_audit(given))
        return LogSource(own.log, given.data_dir, own.verifiers())
    elsewhere = replace(given, database_url=url, data_dir=Path(url.removeprefix("sqlite:///")).parent, origin="")
    if url.startswith("sqlite:///") and (elsewhere.data_dir / LAST).exists():
        own = stack.enter_context(own_audit(elsewhere))
        return LogSource(own.log, elsewhere.data_dir, own.verifiers())
    return LogSource(stack.enter_context(opened_log(elsewhere)), None, [])


def _served(source: Source) -> list[Older]:
    """What the data folder shows to readers must be as true as what was signed last."""
    note = source.served if isinstance(source, LogSource) else None
    return [Older("the checkpoint that is served", note)] if note else []


def _older(path: str) -> Older:
    if not Path(path).is_dir():
        return Older(path, Path(path).read_bytes())
    kept = folder_source(Path(path))
    note = kept.checkpoint()
    if note is None:
        raise NothingToVerify(f"{path} has no checkpoint")
    return Older(path, note, kept)


def _keys(given: tuple[str, ...]) -> list[VerifierKey]:
    lines = [line for each in given for line in (Path(each).read_text().split() if isfile(each) else [each])]
    try:
        return [VerifierKey.parse(line) for line in lines]
    except ValueError as error:
        raise Unusable(f"--key takes a public key, <name>+<id>+<base64>, or a file of them: {error}") from None


def _tell(verdict: Verdict, name: str, held: int, *, trusted: bool) -> None:
    head = verdict.checkpoint
    if not verdict.ok or head is None:
        where = f"position {verdict.position}: " if verdict.position else ""
        raise Differs(f"{name} is not what was signed. {where}{verdict.problem}")
    click.echo(f"{name}: all {head.size:,} events of {head.origin} are as they were signed")
    click.echo(f"root {head.root.hex()}; compared with {', '.join(verdict.compared)}")
    if held > head.size:
        click.echo(f"{plural(held - head.size, 'event')} behind them, not sealed yet, can prove nothing", err=True)
    if not trusted:
        click.echo("The keys are those that the source names itself; give --key to check with one you trust.", err=True)


audit.add_command(report_command)
