"""
The test States of the manual profile: made once, kept in a folder, and taken by an operator like any partner.

The folder is ``STATES/secret``, from which all their keys come, and ``STATES/<code>/1.jws``, their cards.
"""

import os
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from conformance.evidence import read_chain
from conformance.registry import Wrong
from conformance.state import State

SECRET = "secret"  # noqa: S105 - the name of a file
CODES = ("XAA", "XBB", "XCC", "XDD", "XEE", "XAC")
SUITES = {"XEE": 2, "XAC": 2}


class BadStates(ValueError):
    """The folder holds no test States."""


def make(folder: Path, addresses: Mapping[str, str] | None = None) -> dict[str, str]:
    """
    Make the test States of ``folder``; return the identity key of each. Raises ``FileExistsError``.

    ``addresses`` are those of the States that can be posted to; the others collect.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / SECRET, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    secret = secrets.token_bytes(32)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secret.hex() + "\n")
    now = datetime.now(UTC).replace(microsecond=0)
    identities = {}
    for code in CODES:
        state = State(code, secret, lambda: now, suite=SUITES.get(code, 1))
        state.addresses = [addresses[code]] if addresses and code in addresses else []
        (folder / code).mkdir()
        (folder / code / "1.jws").write_text(state.first_card() + "\n", encoding="ascii")
        identities[code] = str(state.card.value["identity"])
    return identities


def load(folder: Path) -> tuple[bytes, dict[str, list[str]]]:
    """Return the secret and the cards of the States in ``folder``. Raises ``BadStates``."""
    try:
        secret = bytes.fromhex((folder / SECRET).read_text(encoding="ascii").strip())
        cards = {code: [(folder / code / "1.jws").read_text(encoding="ascii").strip()] for code in CODES}
        for chain in cards.values():
            read_chain(chain)
    except (OSError, ValueError, Wrong) as error:
        raise BadStates(f"{folder} holds no test States: {error}") from None
    return secret, cards
