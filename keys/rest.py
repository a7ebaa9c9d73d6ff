"""
Stored rows: XChaCha20-Poly1305 under a key for each case, so that destroying one key erases one case.

The place of a value (table, row, column) is authenticated with it: a row put in another's place does not open. The
case key is wrapped by the key-encryption key, with the case's reference authenticated (``docs/protocol.md`` section 9).
"""

import hmac

from nacl import bindings, exceptions
from nacl.utils import random

from keys.errors import BadKey, BadRest

KEY_BYTES = 32
NONCE_BYTES = 24  # drawn at random for each value: 192 bits do not meet twice
TAG_BYTES = 16

_WRAP_LABEL = "xg1 case key"
_INDEX_LABEL = b"xg1 index key"
_LIST_LABEL = b"xg1 list key"

INDEX_BYTES = 16  # of a keyed value: 2^-40 for one false meeting among 2^44 values


def _place(*parts: str) -> bytes:
    """Return the parts, each behind its length, so that no two places give the same bytes."""
    place = b""
    for part in parts:
        encoded = part.encode("utf-8")
        place += len(encoded).to_bytes(4) + encoded
    return place


def seal_bytes(key: bytes, place: bytes, plaintext: bytes) -> bytes:
    """Return nonce and ciphertext of ``plaintext`` under ``key`` (32 bytes), bound to ``place``."""
    nonce = random(NONCE_BYTES)
    return nonce + bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext, place, nonce, key)


def open_bytes(key: bytes, place: bytes, sealed: bytes) -> bytes:
    """Return the plaintext that ``seal_bytes`` sealed for ``place``. Raises ``BadRest``."""
    if len(sealed) < NONCE_BYTES + TAG_BYTES:
        raise BadRest("shorter than any sealed value")
    nonce, ciphertext = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
    try:
        return bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(ciphertext, place, nonce, key)
    except exceptions.CryptoError:
        raise BadRest("the stored value does not open in this place") from None


class Vault:
    """The key-encryption key, and what is done under it."""

    __slots__ = ("_index", "_kek", "_list")

    def __init__(self, kek: bytes) -> None:
        """Take the key-encryption key (32 bytes). Raises ``BadKey`` for another length."""
        if len(kek) != KEY_BYTES:
            raise BadKey(f"a key-encryption key has {KEY_BYTES} bytes")
        self._kek = kek
        self._index = _derived(kek, _INDEX_LABEL)
        self._list = _derived(kek, _LIST_LABEL)

    def __repr__(self) -> str:
        return "Vault()"

    def new_case_key(self, ref: str) -> tuple[bytes, bytes]:
        """Return a new key (32 bytes) for the case ``ref``, and the same wrapped, to be stored."""
        key = random(KEY_BYTES)
        return key, seal_bytes(self._kek, _place(_WRAP_LABEL, ref), key)

    def unwrap(self, ref: str, wrapped: bytes) -> bytes:
        """Return the key (32 bytes) of the case ``ref``. Raises ``BadRest`` if it is another's, or is damaged."""
        return open_bytes(self._kek, _place(_WRAP_LABEL, ref), wrapped)

    def seal(self, key: bytes, table: str, row: str, column: str, plaintext: bytes) -> bytes:
        """Return ``plaintext`` sealed under the case key for this place: 40 bytes longer."""
        return seal_bytes(key, _place(table, row, column), plaintext)

    def open(self, key: bytes, table: str, row: str, column: str, sealed: bytes) -> bytes:
        """Return what was sealed for this place. Raises ``BadRest`` for another key or place, or a changed value."""
        return open_bytes(key, _place(table, row, column), sealed)

    def index_value(self, text: str) -> bytes:
        """
        Return the keyed value (16 bytes) under which ``text`` may be found again in an index.

        HMAC-SHA-256 under a key of its own, derived from the key-encryption key. A name or a number can be guessed, so
        a plain hash of it would be the name; without the key nobody can try one, nor tell whose value this is.
        """
        return hmac.digest(self._index, text.encode("utf-8"), "sha256")[:INDEX_BYTES]

    def seal_own(self, table: str, row: str, column: str, plaintext: bytes) -> bytes:
        """Return ``plaintext`` sealed for a place that belongs to no case: what is kept about a State."""
        return seal_bytes(self._list, _place(table, row, column), plaintext)

    def open_own(self, table: str, row: str, column: str, sealed: bytes) -> bytes:
        """Return what ``seal_own`` sealed for this place. Raises ``BadRest``."""
        return open_bytes(self._list, _place(table, row, column), sealed)


def _derived(kek: bytes, label: bytes) -> bytes:
    """Return a key of its own purpose: HMAC-SHA-256 of the label under the key-encryption key (RFC 5869, expand)."""
    return hmac.digest(kek, label + b"\x01", "sha256")
