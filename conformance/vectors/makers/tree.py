"""The log of that story: its leaves, its checkpoints, and the proof that the receipt stands in it."""

from collections.abc import Sequence
from hashlib import sha256

from nacl.signing import SigningKey

from conformance.reading import b64u, compact, leaf_hash, tree_hash
from conformance.vectors.makers.story import LOG, OPENING, ORIGIN, RECEIPT, entry, fixed, public, std64

LEAVES = [leaf_hash(fixed(f"entry {number}")) for number in range(12)]
LEAVES[5] = leaf_hash(entry(RECEIPT, OPENING))


def note(text: str, name: str = ORIGIN, key: SigningKey = LOG, extra: str = "") -> str:
    """Return a signed note, with further signature lines in ``extra``."""
    key_hash = sha256(name.encode() + b"\n\x01" + public(key)).digest()[:4]
    signature = key.sign(text.encode()).signature
    return f"{text}\n\u2014 {name} {std64(key_hash + signature)}\n{extra}"


def body(size: int = 8, origin: str = ORIGIN, root: bytes | None = None) -> str:
    """Return the text of a checkpoint of the example log."""
    return f"{origin}\n{size}\n{std64(root or tree_hash(LEAVES[:size]))}\n"


def path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """Return the inclusion proof of leaf ``index``, leaf's sibling first."""
    if len(leaves) == 1:
        return []
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if index < split:
        return [*path(index, leaves[:split]), tree_hash(list(leaves[split:]))]
    return [*path(index - split, leaves[split:]), tree_hash(list(leaves[:split]))]


def consistency(old: int, leaves: Sequence[bytes], whole: bool = True) -> list[bytes]:
    """Return the proof that the first ``old`` leaves are a prefix."""
    if old == len(leaves):
        return [] if whole else [tree_hash(list(leaves))]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if old <= split:
        return [*consistency(old, leaves[:split], whole), tree_hash(list(leaves[split:]))]
    return [*consistency(old - split, leaves[split:], False), tree_hash(list(leaves[:split]))]


def proof(index: int = 5, size: int = 8, checkpoint: str | None = None) -> str:
    """Return a tlog-proof in the example log."""
    hashes = [std64(item) for item in path(index, LEAVES[:size])]
    return "\n".join(["c2sp.org/tlog-proof@v1", f"index {index}", *hashes, "", checkpoint or note(body(size))])


PROOF = proof()
ANSWER = compact({"receipt": RECEIPT, "r": b64u(OPENING), "proof": PROOF}).decode()
