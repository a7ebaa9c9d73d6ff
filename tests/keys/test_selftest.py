"""The self-test at start-up."""

import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from keys import selftest, sign
from keys.errors import SelfTestFailed


def test_run() -> None:
    """The installed libraries give the published answers."""
    selftest.run()


def test_argon2id_by_second_implementation() -> None:
    """The answer known for Argon2id is also that of OpenSSL."""
    other = Argon2id(salt=bytes(range(16)), length=32, iterations=1, lanes=1, memory_cost=8)
    assert "3bfa796a86260b73457e1290b51695931a17e266f601d0fb45563e282fb6865b" == other.derive(b"correct horse").hex()


def test_names_what_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that accepts the forgery under the identity point stops the start, by name."""
    monkeypatch.setattr(sign, "check_public", lambda public: None)
    with pytest.raises(SelfTestFailed, match="identity point"):
        selftest.run()


def test_what_raises_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that raises has failed the test."""
    monkeypatch.setattr(sign.bindings, "crypto_sign", None)
    with pytest.raises(SelfTestFailed, match="Ed25519"):
        selftest.run()
