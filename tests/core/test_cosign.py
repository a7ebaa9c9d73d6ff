"""Cosignatures and what a witness judges, byte by byte."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core import checkpoint, cosign
from gateway.core.cosign import Conflict, Keeper, Submission, Verdict
from gateway.core.merkle import EMPTY_ROOT, BadProof, Frontier
from keys.cosign import CosigningKey
from keys.sign import SigningKey
from tests.support.proofs import consistency_proof
from tests.support.rows import for_each

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
ORIGIN = "XAA/XBB/1"
LOG, COSIGNING = SigningKey(bytes(32)), CosigningKey(bytes(32))
WITNESS = CosigningKey(bytes([1]) * 32)
KEEPER = Keeper("XAA", (LOG.public,), (COSIGNING.public,))
LEAVES = [bytes([number]) * 32 for number in range(12)]


def note(leaves: list[bytes], at: datetime | None = NOW, origin: str = ORIGIN) -> str:
    """Return a checkpoint over ``leaves``, cosigned by its keeper at ``at`` unless that is ``None``."""
    tree = Frontier().append(leaves)
    made = checkpoint.sign_note(checkpoint.checkpoint_body(origin, tree.size, tree.root()), origin, LOG)
    return made if at is None else cosign.with_lines(made, cosign.cosign(made, "XAA", COSIGNING, at))


def shown(leaves: list[bytes], old: int = 0, at: datetime | None = NOW) -> Submission:
    """Return a submission of ``leaves`` with the true proof from their first ``old``."""
    return Submission(
        old, consistency_proof(leaves, old, len(leaves)) if 0 < old < len(leaves) else (), note(leaves, at)
    )


def test_signed_bytes_are_those_of_the_format() -> None:
    """The bytes that are signed follow C2SP tlog-cosignature, laid out by hand."""
    head = checkpoint.Checkpoint(ORIGIN, 5, bytes(32))
    assert (
        b"subtree/v1\n\x00"
        + b"\x03XBB"
        + bytes.fromhex("0000000065f1a0c0")
        + b"\x09XAA/XBB/1"
        + bytes(8)
        + bytes.fromhex("0000000000000005")
        + bytes(32)
    ) == cosign.cosigned("XBB", 0x65F1A0C0, head)


def test_cosignature_names_its_instant() -> None:
    """A cosignature stands beside the keeper's, and gives back who signed when; another key or name sees none."""
    made = note(LEAVES[:3])
    both = cosign.with_lines(made, cosign.cosign(made, "XBB", WITNESS, NOW + timedelta(minutes=5)))
    assert NOW + timedelta(minutes=5) == cosign.cosigned_at(both, "XBB", (WITNESS.public,))
    assert NOW == cosign.cosigned_at(both, "XAA", (COSIGNING.public,))
    assert cosign.cosigned_at(both, "XCC", (WITNESS.public,)) is None
    assert cosign.cosigned_at(both, "XBB", (COSIGNING.public,)) is None
    assert made == cosign.with_lines(made, made.split("\n\n")[1])


def test_newer_cosignature_replaces_the_older() -> None:
    """A note holds one line of each key; a later one takes the place of the one before."""
    made = note(LEAVES[:3])
    for minutes in (1, 2):
        made = cosign.with_lines(made, cosign.cosign(made, "XBB", WITNESS, NOW + timedelta(minutes=minutes)))
    assert 3 == len(checkpoint.parse_note(made).signatures)
    assert NOW + timedelta(minutes=2) == cosign.cosigned_at(made, "XBB", (WITNESS.public,))


def test_a_note_takes_no_more_lines_than_can_be_read() -> None:
    """What would make a note too long to be read is not added to it."""
    made = note(LEAVES[:3], at=None)
    blob = cosign.cosigner_id("XBB", WITNESS.public) + bytes(8)
    for number in range(1, checkpoint.MAX_SIGNATURES):
        made = cosign.with_lines(made, checkpoint.signature_line(f"other-{number}", blob))
    with pytest.raises(BadProof):
        cosign.with_lines(made, checkpoint.signature_line("XBB", blob))


@pytest.mark.parametrize("place", [4, 11, 12, 1000, 2431])
def test_changed_cosignature(place: int) -> None:
    """A changed byte of instant or signature is a fault, not an absent signature."""
    made = note(LEAVES[:3], at=None)
    line = cosign.cosign(made, "XBB", WITNESS, NOW)
    blob = bytearray(checkpoint.parse_base64(line.split(" ")[2].strip(), ""))
    blob[place] ^= 1
    changed = cosign.with_lines(made, checkpoint.signature_line("XBB", bytes(blob)))
    with pytest.raises(BadProof):
        cosign.cosigned_at(changed, "XBB", (WITNESS.public,))


def test_cosignature_without_an_instant() -> None:
    """An instant of zero, or beyond the year 9999, is none."""
    made = note(LEAVES[:3], at=None)
    for seconds in (0, 1 << 40, (1 << 63) - 1):
        head = checkpoint.parse_checkpoint(checkpoint.parse_note(made).text)
        signature = WITNESS.sign(cosign.cosigned("XBB", seconds, head))
        blob = cosign.cosigner_id("XBB", WITNESS.public) + seconds.to_bytes(8) + signature
        with pytest.raises(BadProof, match="names no instant"):
            cosign.cosigned_at(
                cosign.with_lines(made, checkpoint.signature_line("XBB", blob)), "XBB", (WITNESS.public,)
            )


# Submissions as bytes.


def test_submission_comes_back() -> None:
    """What is written is read again."""
    made = shown(LEAVES, 5)
    assert made == cosign.parse_submission(cosign.serialize_submission(made))


BAD = {
    "no old": lambda raw: raw.replace(b"old ", b"new ", 1),
    "leading zero": lambda raw: raw.replace(b"old 5", b"old 05", 1),
    "negative": lambda raw: raw.replace(b"old 5", b"old -5", 1),
    "no empty line": lambda raw: raw.replace(b"\n\n", b"\n", 1),
    "bad hash": lambda raw: raw.replace(b"\n", b"\nAAAA\n", 1),
    "no signature": lambda raw: raw[: raw.index("\u2014".encode())],
    "not text": lambda raw: raw + b"\xff",
    "too long": lambda raw: raw + b" " * cosign.SUBMISSION_MAX_BYTES,
    "empty": lambda raw: b"",
    "64 hashes": lambda raw: raw.replace(b"\n", b"\n" + b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n" * 64, 1),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_submission(name: str) -> None:
    """Each departure from the format is refused."""
    with pytest.raises(BadProof):
        cosign.parse_submission(BAD[name](cosign.serialize_submission(shown(LEAVES, 5))))


@given(st.binary(max_size=300))
def test_any_bytes_raise_one_kind(raw: bytes) -> None:
    """Whatever is sent, it is read or refused."""
    try:
        cosign.parse_submission(raw)
    except BadProof:
        return


# What a witness says.

LATER = NOW + timedelta(hours=1)
OTHER = [*LEAVES[:4], bytes(32)]
CASES: dict[str, tuple[str | None, Submission, Verdict]] = {
    "first": (None, shown(LEAVES[:5]), Verdict(200)),
    "first, with a proof": (None, Submission(0, (bytes(32),), note(LEAVES[:5])), Verdict(422)),
    "grown": (note(LEAVES[:5]), shown(LEAVES[:9], 5, LATER), Verdict(200, 5)),
    "grown, and dated back": (note(LEAVES[:5], LATER), shown(LEAVES[:9], 5), Verdict(422, 5, Conflict.ROLLBACK)),
    "the same again": (note(LEAVES[:5]), Submission(5, (), note(LEAVES[:5])), Verdict(200, 5)),
    "empty": (None, shown([]), Verdict(200)),
    "old above the size": (note(LEAVES[:5]), Submission(6, (), note(LEAVES[:5])), Verdict(400, 5)),
    "another old": (note(LEAVES[:5]), shown(LEAVES[:9], 4, LATER), Verdict(409, 5)),
    "proof cut": (note(LEAVES[:5]), Submission(5, shown(LEAVES[:9], 5).path[:-1], note(LEAVES[:9])), Verdict(422, 5)),
    "fork": (note(LEAVES[:5]), Submission(5, (), note(OTHER)), Verdict(409, None, Conflict.FORK)),
    "fork, old wrong": (note(LEAVES[:5]), Submission(0, (), note(OTHER)), Verdict(409, 5, Conflict.FORK)),
    "rollback": (note(LEAVES[:9]), shown(LEAVES[:5], 0, LATER), Verdict(409, 9, Conflict.ROLLBACK)),
    "an older one": (note(LEAVES[:9], LATER), shown(LEAVES[:5]), Verdict(409, 9)),
    "not cosigned by its keeper": (None, shown(LEAVES[:5], 0, None), Verdict(403)),
    "of the future": (None, shown(LEAVES[:5], 0, NOW + timedelta(hours=2, seconds=301)), Verdict(403)),
}


@for_each("name", CASES)
def test_verdict(name: str) -> None:
    """Each submission gets the status of tlog-witness, and convicts where it contradicts what is held."""
    held, submission, expected = CASES[name]
    assert expected == cosign.judge(held, submission, KEEPER, NOW + timedelta(hours=2))


def test_signature_of_another_keeper() -> None:
    """Neither another log key, nor the keeper's signature over another size, gets further than 403."""
    made = shown(LEAVES[:5])
    stranger = Keeper("XAA", (SigningKey(bytes([2]) * 32).public,), (COSIGNING.public,))
    assert Verdict(403) == cosign.judge(None, made, stranger, NOW)
    assert Verdict(403) == cosign.judge(None, made, Keeper("XAA", (), ()), NOW)
    changed = Submission(0, (), made.note.replace("\n5\n", "\n6\n"))
    assert Verdict(403) == cosign.judge(None, changed, KEEPER, NOW)


def test_empty_tree_has_one_root() -> None:
    """A tree of no entries under another root than that of nothing is no tree."""
    body = checkpoint.checkpoint_body(ORIGIN, 0, bytes(32))
    made = checkpoint.sign_note(body, ORIGIN, LOG)
    made = cosign.with_lines(made, cosign.cosign(made, "XAA", COSIGNING, NOW))
    assert bytes(32) != EMPTY_ROOT
    assert Verdict(422) == cosign.judge(None, Submission(0, (), made), KEEPER, NOW)


def test_what_two_notes_convict_of() -> None:
    """Order does not matter; two logs, or a note that the keeper did not sign, convict nobody."""
    assert Conflict.FORK == cosign.conflict(note(LEAVES[:5]), note(OTHER), KEEPER)
    assert Conflict.FORK == cosign.conflict(note(OTHER), note(LEAVES[:5]), KEEPER)
    assert Conflict.ROLLBACK == cosign.conflict(note(LEAVES[:4], LATER), note(LEAVES[:5]), KEEPER)
    assert cosign.conflict(note(LEAVES[:4]), note(LEAVES[:5], LATER), KEEPER) is None
    assert cosign.conflict(note(LEAVES[:4], None), note(LEAVES[:5], None), KEEPER) is None
    with pytest.raises(BadProof, match="two logs"):
        cosign.conflict(note(LEAVES[:5]), note(OTHER, origin="XAA/XBB/2"), KEEPER)
    with pytest.raises(BadProof):
        cosign.conflict(note(LEAVES[:5]), note(OTHER).replace("\n5\n", "\n6\n"), KEEPER)


def test_continuation() -> None:
    """An answer must begin at the checkpoint asked about, be by the keeper, and prove what it says."""
    small = cosign.verify_keeper(note(LEAVES[:5]), KEEPER)
    raw = cosign.serialize_submission(shown(LEAVES[:9], 5))
    assert 9 == cosign.check_continuation(small, raw, KEEPER).size
    for wrong in (
        cosign.serialize_submission(shown(LEAVES[:9], 4)),
        cosign.serialize_submission(Submission(5, (), note(LEAVES[:9]))),
        raw.replace(b"\n9\n", b"\n8\n"),
        b"old 5\n\n",
    ):
        with pytest.raises(BadProof):
            cosign.check_continuation(small, wrong, KEEPER)


@pytest.mark.parametrize("turn", [1, -1])
def test_any_log_key_of_the_card_may_have_signed(turn: int) -> None:
    """While a log key gives way to the next, the card lists both, in either order."""
    keys = (LOG.public, SigningKey(bytes([2]) * 32).public)[::turn]
    assert 3 == cosign.verify_keeper(note(LEAVES[:3]), replace(KEEPER, log=keys)).size
    with pytest.raises(BadProof):
        cosign.verify_keeper(note(LEAVES[:3]), replace(KEEPER, log=keys[::turn][1:]))
