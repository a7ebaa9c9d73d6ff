"""Key ids: short names of public keys, different for each use (``docs/protocol.md`` section 2)."""

from hashlib import sha256

SIGN = "xg1 sign"
SEAL = {1: "xg1 seal 1", 2: "xg1 seal 2"}
LABELS = frozenset({SIGN, *SEAL.values()})

KID_BYTES = 16


def key_id(label: str, public: bytes) -> bytes:
    """
    Return the first 16 bytes of SHA-256 over ``label``, a zero byte and the public key.

    The label keeps one key from having the same id in two uses. Raises ``ValueError`` for a label not in ``LABELS``.
    """
    if label not in LABELS:
        raise ValueError("not a label of key ids")
    return sha256(label.encode("ascii") + b"\x00" + public).digest()[:KID_BYTES]
