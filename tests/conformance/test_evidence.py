"""The suite's own view of a log: what it takes, and the forks it finds."""

import pytest

from conformance.evidence import LogView
from conformance.registry import Wrong
from conformance.writing import Key, Log

ORIGIN = "XBB/XAA/1"
KEY = Key(bytes(range(32)))


def entered(log: Log, count: int) -> list[tuple[str, bytes, str]]:
    """Enter ``count`` receipts and return each with its opening and its proof."""
    made = []
    for number in range(count):
        receipt, r = f"receipt {len(log.leaves)}", bytes([number]) * 32
        made.append((receipt, r, log.enter(receipt, r)))
    return made


def test_log_that_grows_is_taken() -> None:
    """Proofs of a log that only grows agree with one another, in any order."""
    view, log = LogView(ORIGIN), Log(ORIGIN, KEY)
    for receipt, r, proof in reversed(entered(log, 13)):
        view.see(receipt, r, proof, [KEY.public])
    assert 13 == view.size


@pytest.mark.parametrize("at", range(5))
def test_changed_entry_is_a_fork(at: int) -> None:
    """A log in which one entry became another is found out by the next proof, whatever its size."""
    view, log = LogView(ORIGIN), Log(ORIGIN, KEY)
    for receipt, r, proof in entered(log, 5):
        view.see(receipt, r, proof, [KEY.public])
    log.leaves[at] = bytes(32)
    receipt, r, proof = entered(log, 1)[0]
    with pytest.raises(Wrong, match="forked"):
        view.see(receipt, r, proof, [KEY.public])


def test_two_receipts_in_one_place_are_a_fork() -> None:
    """A log that shows another receipt at an index is forked, also at another size."""
    view, one, two = LogView(ORIGIN), Log(ORIGIN, KEY), Log(ORIGIN, KEY)
    receipt, r, proof = entered(one, 1)[0]
    view.see(receipt, r, proof, [KEY.public])
    with pytest.raises(Wrong, match="forked"):
        view.see("another", r, two.enter("another", r), [KEY.public])


def test_key_must_be_of_the_card() -> None:
    """A proof under a key that the card does not list is none."""
    view, log = LogView(ORIGIN), Log(ORIGIN, KEY)
    receipt, r, proof = entered(log, 1)[0]
    with pytest.raises(Wrong, match="does not verify"):
        view.see(receipt, r, proof, [Key(bytes(32)).public])
