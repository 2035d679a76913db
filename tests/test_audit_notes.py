"""Signed notes, checkpoints and keys, held to the C2SP texts and to Go's published example of a key."""

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from service.audit.checkpoint import Checkpoint, open_checkpoint, peek
from service.audit.keys import KeyRing, KeyUnusable
from service.audit.note import Note, NoteRefused, Signer, VerifierKey

GO_PRIVATE = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
GO_SIGNATURE = (
    "\N{EM DASH} PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
)
ORIGIN = "tamga/0123"
HEAD = Checkpoint(ORIGIN, 3, bytes(range(32)))


def test_a_key_of_gos_note_package_signs_as_it_does_there() -> None:
    signer = Signer.parse(GO_PRIVATE)
    assert str(signer.verifier) == GO_PUBLIC
    assert signer.private_text() == GO_PRIVATE
    assert bytes(Note.sign(GO_TEXT, [signer])).decode() == f"{GO_TEXT}\n{GO_SIGNATURE}\n"


def test_a_note_signed_elsewhere_is_verified() -> None:
    note = Note.parse(f"{GO_TEXT}\n{GO_SIGNATURE}\n".encode())
    assert note.verify([VerifierKey.parse(GO_PUBLIC)]) == [VerifierKey.parse(GO_PUBLIC)]


def test_a_note_is_refused_when_no_known_key_signed_it() -> None:
    note = Note.parse(HEAD.sign(Signer.generate(ORIGIN)))
    with pytest.raises(NoteRefused, match="no known key"):
        note.verify([Signer.generate(ORIGIN).verifier])


def test_a_note_is_refused_when_its_text_was_changed() -> None:
    signer = Signer.generate(ORIGIN)
    changed = HEAD.sign(signer).replace(b"\n3\n", b"\n4\n")
    with pytest.raises(NoteRefused, match="wrong"):
        open_checkpoint(changed, [signer.verifier])


def test_signatures_of_unknown_keys_are_ignored() -> None:
    ours, witness = Signer.generate(ORIGIN), Signer.generate("witness.example")
    assert open_checkpoint(HEAD.sign(ours, witness), [ours.verifier], ORIGIN) == HEAD


def test_a_checkpoint_of_another_log_is_refused() -> None:
    signer = Signer.generate(ORIGIN)
    with pytest.raises(NoteRefused, match="not of other"):
        open_checkpoint(HEAD.sign(signer), [signer.verifier], "other")


def test_extension_lines_are_ignored() -> None:
    assert Checkpoint.parse(HEAD.text + "more\n") == HEAD


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a\n",
        "a\n1\n",
        "a\n01\nAAAA\n",
        "a\n-1\nAAAA\n",
        "a\n1\nAAAA\n",
        HEAD.text + "\n",
        HEAD.text.rstrip(),
        "\n" + HEAD.text,
    ],
)
def test_a_malformed_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NoteRefused):
        Checkpoint.parse(text)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text\n",
        b"text\n\n",
        b"text\n\n\n",
        b"\xff\n\n\xe2\x80\x94 a AAAAAAA=\n",
        "text\n\n\N{EM DASH} a AAAAAAA=".encode(),
        "text\n\n\N{EM DASH} a AAAA\n".encode(),
        b"text\n\n- a AAAAAAA=\n",
        "te\rxt\n\n\N{EM DASH} a AAAAAAA=\n".encode(),
        "text\n\n\N{EM DASH} a b AAAAAAA=\n".encode(),
        "text\n\n\N{EM DASH} a AAAAAAB=\n".encode(),
        b"text\n\n" + "\N{EM DASH} a AAAAAAA=\n".encode() * 65,
    ],
)
def test_a_malformed_note_is_refused(data: bytes) -> None:
    with pytest.raises(NoteRefused):
        Note.parse(data)


@pytest.mark.parametrize(
    "vkey", ["", "a", "a+b", GO_PUBLIC.replace("c74f20a3", "c74f20a4"), "a+00000000+AAAA", "a b+0+AQ=="]
)
def test_a_malformed_public_key_is_refused(vkey: str) -> None:
    with pytest.raises(ValueError):
        VerifierKey.parse(vkey)


def test_the_first_start_makes_a_key_that_only_its_owner_reads(tmp_path: Path) -> None:
    signer = KeyRing(tmp_path, ORIGIN).signer()
    assert stat.S_IMODE((tmp_path / "signing.key").stat().st_mode) == 0o600
    assert KeyRing(tmp_path, ORIGIN).signer().verifier == signer.verifier
    assert KeyRing(tmp_path, ORIGIN).verifiers() == [signer.verifier]


def test_a_key_may_be_given_as_pem(tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    (tmp_path / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    ring = KeyRing(tmp_path, ORIGIN, tmp_path / "key.pem")
    assert ring.signer().verifier == VerifierKey(ORIGIN, key.public_key().public_bytes_raw())
    assert not (tmp_path / "signing.key").exists()


def test_a_new_key_signs_on_and_the_old_public_key_is_kept(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path, ORIGIN)
    old = ring.signer()
    new = ring.rotate()
    assert ring.signer().verifier == new != old.verifier
    assert ring.verifiers() == [old.verifier, new]
    assert open_checkpoint(HEAD.sign(old), ring.verifiers()) == HEAD


def test_two_keys_sign_until_the_older_is_retired_and_never_more(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path, ORIGIN)
    first, second, third = ring.signer().verifier, ring.rotate(), ring.rotate()
    assert [signer.verifier for signer in ring.signers()] == [second, third]
    assert stat.S_IMODE((tmp_path / "signing.key").stat().st_mode) == 0o600
    ring.retire()
    assert [signer.verifier for signer in KeyRing(tmp_path, ORIGIN).signers()] == [third]
    assert ring.verifiers() == [first, second, third]


def test_a_key_in_pem_takes_part_in_a_change_of_keys(tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    (tmp_path / "signing.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    ring = KeyRing(tmp_path, ORIGIN)
    fresh = ring.rotate()
    old = VerifierKey(ORIGIN, key.public_key().public_bytes_raw())
    assert [signer.verifier for signer in ring.signers()] == ring.verifiers() == [old, fresh]


def test_a_lost_key_is_followed_by_another_where_that_is_asked_for(tmp_path: Path) -> None:
    lost = KeyRing(tmp_path, ORIGIN).signer().verifier
    (tmp_path / "signing.key").unlink()
    ring = KeyRing(tmp_path, ORIGIN)
    fresh = ring.rotate()
    assert [signer.verifier for signer in ring.signers()] == [fresh]
    assert ring.verifiers() == [lost, fresh]


def test_a_lost_key_is_not_replaced_in_silence(tmp_path: Path) -> None:
    KeyRing(tmp_path, ORIGIN).signer()
    (tmp_path / "signing.key").unlink()
    with pytest.raises(KeyUnusable, match=r"missing.*keys --rotate"):
        KeyRing(tmp_path, ORIGIN).signer()


def test_a_key_of_another_origin_is_refused(tmp_path: Path) -> None:
    KeyRing(tmp_path, ORIGIN).signer()
    with pytest.raises(KeyUnusable, match="not of other"):
        KeyRing(tmp_path, "other").signer()


def test_the_claim_of_a_checkpoint_can_be_read_unverified() -> None:
    assert peek(HEAD.sign(Signer.generate(ORIGIN))) == HEAD


def test_empty_lines_among_keys_and_line_ends_of_other_systems_are_nothing(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path, ORIGIN)
    first, second = ring.signer().verifier, ring.rotate()
    for name in ("signing.key", "vkeys"):
        (tmp_path / name).write_text((tmp_path / name).read_text().replace("\n", "\r\n\r\n"))
    again = KeyRing(tmp_path, ORIGIN)
    assert again.verifiers() == [signer.verifier for signer in again.signers()] == [first, second]


def test_a_list_of_keys_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "vkeys").write_bytes(b"\xff\xfe")
    with pytest.raises(KeyUnusable, match="vkeys"):
        KeyRing(tmp_path, ORIGIN).verifiers()
