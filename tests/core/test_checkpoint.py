"""Checkpoints and proofs as text."""

import pytest

from gateway.core.checkpoint import (
    BadProof,
    checkpoint_body,
    log_entry,
    note_key_id,
    origin,
    parse_checkpoint,
    parse_note,
    parse_proof,
    proof_text,
    sign_note,
    verify_entry,
    verify_note,
)
from gateway.core.merkle import Frontier, batch_proofs, leaf_hash
from keys.sign import SigningKey

KEY, OTHER = SigningKey(bytes(32)), SigningKey(bytes([1]) * 32)
ORIGIN = origin("XBB", "XAA", 1)
ROOT = bytes(range(32))
NOTE = sign_note(checkpoint_body(ORIGIN, 5, ROOT), ORIGIN, KEY)


def test_body_is_three_lines() -> None:
    """A checkpoint is origin, size and root, and comes back."""
    text = checkpoint_body(ORIGIN, 5, ROOT)
    assert "XBB/XAA/1\n5\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n" == text
    found = parse_checkpoint(text)
    assert (ORIGIN, 5, ROOT) == (found.origin, found.size, found.root)


def test_size_is_a_number_of_the_protocol() -> None:
    """A size is at most 2^53 - 1, so that every database and every other reader holds it."""
    assert 2**53 - 1 == parse_checkpoint(checkpoint_body(ORIGIN, 2**53 - 1, ROOT)).size
    for size in (2**53, 2**63, 10**19 - 1):
        with pytest.raises(BadProof, match="checkpoint size"):
            parse_checkpoint(checkpoint_body(ORIGIN, size, ROOT))


def test_note_key_id_known() -> None:
    """The key id is the one other implementations give for this key and name."""
    # The key "PeterNeumann+c74f20a3+ARpc2Qc..." of the Go package golang.org/x/mod/sumdb/note.
    public = bytes.fromhex("1a5cd907143c384c41e830c5bce12aa8817ec5649aaabf2c31388b35b2d744d6")
    assert "c74f20a3" == note_key_id("PeterNeumann", public).hex()


def test_note_verifies() -> None:
    """A signed note gives its text to who knows name and key."""
    assert checkpoint_body(ORIGIN, 5, ROOT) == verify_note(NOTE, ORIGIN, KEY.public)


def test_other_signatures_ignored() -> None:
    """A witness may have signed too."""
    witness = sign_note(checkpoint_body(ORIGIN, 5, ROOT), "w.example", OTHER).rpartition("\n\n")[2]
    assert verify_note(NOTE + witness, ORIGIN, KEY.public)
    assert 2 == len(parse_note(NOTE + witness).signatures)


def test_any_known_key_may_sign_and_none_wrongly() -> None:
    """Of two known keys one suffices; a line of either that does not verify is a fault, whichever stands first."""
    body = checkpoint_body(ORIGIN, 5, ROOT)
    good, forged = (
        sign_note(text, ORIGIN, OTHER).rpartition("\n\n")[2] for text in (body, checkpoint_body(ORIGIN, 6, ROOT))
    )
    line, keys = NOTE.rpartition("\n\n")[2], (KEY.public, OTHER.public)
    for lines in (line, good, line + good, good + line):
        assert body == verify_note(f"{body}\n{lines}", ORIGIN, *keys)
    for lines in (line + forged, forged + line):
        assert body == verify_note(f"{body}\n{lines}", ORIGIN, KEY.public)
        with pytest.raises(BadProof, match="does not verify"):
            verify_note(f"{body}\n{lines}", ORIGIN, *keys)


@pytest.mark.parametrize(("name", "key"), [("XBB/XCC/1", KEY), (ORIGIN, OTHER)])
def test_note_of_another_refused(name: str, key: SigningKey) -> None:
    """Another name or key has not signed."""
    with pytest.raises(BadProof, match="not signed"):
        verify_note(NOTE, name, key.public)


def test_every_changed_byte_refused() -> None:
    """No character of a note can be changed."""
    for place in range(len(NOTE)):
        changed = NOTE[:place] + ("A" if NOTE[place] != "A" else "B") + NOTE[place + 1 :]
        with pytest.raises(BadProof):
            verify_note(changed, ORIGIN, KEY.public)


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "text\n",
        "text\n\n",
        NOTE[:-1],
        NOTE.replace("\u2014 ", "- "),
        NOTE + "\n",
        NOTE + "\u2014 a\n",
        NOTE * 1 + "\u2014 a !!\n",
    ],
)
def test_note_form(raw: str) -> None:
    """A note without a well-formed block of signatures is refused."""
    with pytest.raises(BadProof):
        parse_note(raw)


def test_note_with_too_many_signatures() -> None:
    """A note with more signatures than a log and its witnesses can have is refused."""
    with pytest.raises(BadProof):
        parse_note(NOTE + "\u2014 a AAAA\n" * 16)


@pytest.mark.parametrize(
    "text",
    [
        "XBB/XAA/1\n5\n",
        checkpoint_body(ORIGIN, 5, ROOT) + "more\n",
        checkpoint_body("", 5, ROOT),
        checkpoint_body("a b", 5, ROOT),
        checkpoint_body(ORIGIN, 5, ROOT[:31]),
        checkpoint_body(ORIGIN, 5, ROOT).replace("\n5\n", "\n05\n"),
        checkpoint_body(ORIGIN, 5, ROOT).replace("\n5\n", "\n-5\n"),
        checkpoint_body(ORIGIN, 5, ROOT).replace("=", ""),
        checkpoint_body(ORIGIN, 5, ROOT).replace("8=", "9="),
    ],
)
def test_checkpoint_form(text: str) -> None:
    """A checkpoint that is not exactly three good lines is refused."""
    with pytest.raises(BadProof):
        parse_checkpoint(text)


@pytest.mark.parametrize(("keeper", "partner", "epoch"), [("xbb", "XAA", 1), ("XBB", "XA", 1), ("XBB", "XAA", 0)])
def test_origin_checked(keeper: str, partner: str, epoch: int) -> None:
    """An origin is two country codes and an epoch from 1."""
    with pytest.raises(ValueError, match="origin"):
        origin(keeper, partner, epoch)


RECEIPTS = [f"receipt.{number}.x".encode() for number in range(6)]
OPENINGS = [bytes([number]) * 32 for number in range(6)]


def _proofs() -> list[str]:
    leaves = [leaf_hash(log_entry(receipt, r)) for receipt, r in zip(RECEIPTS, OPENINGS, strict=True)]
    before = Frontier().append(leaves[:2])
    after, paths = batch_proofs(before, leaves[2:])
    note = sign_note(checkpoint_body(ORIGIN, after.size, after.root()), ORIGIN, KEY)
    return [proof_text(2 + number, path, note) for number, path in enumerate(paths)]


def test_entry_verifies() -> None:
    """Each receipt of a batch is proved in the log."""
    for number, text in enumerate(_proofs(), start=2):
        proof = parse_proof(text)
        checkpoint = verify_entry(RECEIPTS[number], OPENINGS[number], proof, ORIGIN, KEY.public)
        assert (number, 6) == (proof.index, checkpoint.size)


@pytest.mark.parametrize(
    ("receipt", "r", "name", "key"),
    [
        (RECEIPTS[3], OPENINGS[2], ORIGIN, KEY),
        (RECEIPTS[2], OPENINGS[3], ORIGIN, KEY),
        (RECEIPTS[2], OPENINGS[2], "XBB/XCC/1", KEY),
        (RECEIPTS[2], OPENINGS[2], ORIGIN, OTHER),
    ],
    ids=["receipt", "opening", "log", "key"],
)
def test_entry_of_another_refused(receipt: bytes, r: bytes, name: str, key: SigningKey) -> None:
    """Another receipt, opening, log or key does not fit the proof."""
    with pytest.raises(BadProof):
        verify_entry(receipt, r, parse_proof(_proofs()[0]), name, key.public)


def test_checkpoint_of_another_log_refused() -> None:
    """A key cannot show another log's checkpoint under this log's name."""
    leaf = leaf_hash(log_entry(RECEIPTS[0], OPENINGS[0]))
    note = sign_note(checkpoint_body("XBB/XCC/1", 1, leaf), ORIGIN, KEY)
    with pytest.raises(BadProof, match="another log"):
        verify_entry(RECEIPTS[0], OPENINGS[0], parse_proof(proof_text(0, (), note)), ORIGIN, KEY.public)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "c2sp.org/tlog-proof@v1",
        "c2sp.org/tlog-proof@v2\nindex 0\n\n" + NOTE,
        "c2sp.org/tlog-proof@v1\n\n" + NOTE,
        "c2sp.org/tlog-proof@v1\nindex x\n\n" + NOTE,
        "c2sp.org/tlog-proof@v1\nindex 01\n\n" + NOTE,
        "c2sp.org/tlog-proof@v1\nextra AAAA\nindex 0\n\n" + NOTE,
        "c2sp.org/tlog-proof@v1\nindex 0\nAAAA\n\n" + NOTE,
        "c2sp.org/tlog-proof@v1\nindex 0\n" + "A" * 43 + "=\n" * 64 + "\n" + NOTE,
        "c2sp.org/tlog-proof@v1\nindex 0\n\n" + NOTE + "x" * (48 << 10),
    ],
)
def test_proof_form(text: str) -> None:
    """A proof that is not header, index, hashes and note is refused."""
    with pytest.raises(BadProof):
        parse_proof(text)


def test_proof_limits_path() -> None:
    """A path longer than any tree's is refused."""
    with pytest.raises(BadProof, match="too many"):
        parse_proof(proof_text(0, [ROOT] * 64, NOTE))
