"""What can be wrong with a key, a signature, a card, a statement or a key store."""


class KeysError(Exception):
    """Be the root of all errors of this package. No text here holds a secret or an opened plaintext."""


class BadKey(KeysError):
    """Say that bytes are not a public or private key of their kind."""


class UnknownKey(KeysError):
    """Say that no key of this id and use stands in the card at that instant."""


class RevokedKey(UnknownKey):
    """Say that the key stands in the card and had been revoked by that instant."""


class BadSignature(KeysError):
    """Say that a signature does not verify."""


class BadJws(KeysError):
    """Say that bytes are not a JWS of the one form allowed (``docs/protocol.md`` section 3)."""


class CannotOpen(KeysError):
    """Say that sealed bytes do not open. Why is not known, and would not be told."""


class CardRefused(KeysError):
    """
    Say that a card is not taken, by ``code``.

    ``needs_hold`` is true where someone else may be speaking for the country, so that a person must confirm the
    fingerprint out of band before anything more is sent or accepted.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code

    @property
    def needs_hold(self) -> bool:
        """Return whether the country must be put on hold."""
        return self.code in ("wrong-identity", "prev-mismatch", "epoch-lower", "revocation-undone")


class BadStatement(KeysError):
    """Say that a statement does not say what was asked, or is not signed by the key it should be."""


class BadRest(KeysError):
    """Say that a stored value does not open in the place where it was found."""


class StoreError(KeysError):
    """Be the root of what can be wrong with a key store; ``hint`` is the next step for an operator, in one line."""

    def __init__(self, text: str, hint: str) -> None:
        super().__init__(text)
        self.hint = hint


class BadStore(StoreError):
    """Say that a key store cannot be used as it is."""


class WrongPassphrase(StoreError):
    """Say that the passphrase does not open the key store."""


class NoSuchKey(StoreError):
    """Say that the key store holds nothing under this name."""


class SelfTestFailed(KeysError):
    """Say that a primitive gave another answer than the published one; ``name`` says which."""

    def __init__(self, name: str) -> None:
        super().__init__(f"self-test failed: {name}")
        self.name = name
