"""Accounts over a real file with a clock that is moved, and an authenticator made of software."""

import hashlib
import json
import os
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.services.account_store import Session
from gateway.services.accounts import Accounts
from gateway.services.context import Person
from gateway.storage.sqlite_desks import SqliteDesks
from gateway.system import SystemRandom
from gateway.web.signin.passkeys import Passkeys
from keys import b64
from keys.rest import Vault
from keys.sign import SigningKey

T0 = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
ORIGIN = "https://interior.example"

KEYS = {name: SigningKey.generate() for name in ("officer", "head", "board", "former")}
PERSONS = {
    "officer": Person("officer", frozenset({"case_officer"}), KEYS["officer"].public),
    "head": Person("head", frozenset({"desk_head", "lawyer"}), KEYS["head"].public),
    "board": Person("board", frozenset({"foreign_affairs"}), KEYS["board"].public),
    "former": Person("former", frozenset({"case_officer"}), KEYS["former"].public, None, T0 + timedelta(hours=1)),
}


@dataclass
class House:
    """Accounts, their store, and the log they keep."""

    accounts: Accounts
    store: SqliteDesks
    path: Path
    log: list[tuple[str, dict[str, Any]]]
    now: datetime = T0

    @property
    def passkeys(self) -> Passkeys:
        """Return the ceremonies of the interior desk."""
        return Passkeys(self.accounts, ORIGIN, "interior")

    def later(self, **span: float) -> datetime:
        """Move the clock on and return the instant it shows."""
        self.now += timedelta(**span)
        return self.now

    async def session(self, person: str = "officer", level: str = "link", **more: Any) -> Session:
        """Return a session of ``person``, begun now."""
        return (await self.accounts.begin(person, "interior", level, self.now, **more))[1]


@asynccontextmanager
async def house(folder: Path) -> AsyncIterator[House]:
    """Open accounts in ``folder``."""
    log: list[tuple[str, dict[str, Any]]] = []
    path = folder / "desks.db"
    store = await SqliteDesks.open(path, T0)
    accounts = Accounts(
        store, PERSONS, Vault(bytes(32)), SystemRandom(), lambda event, **values: log.append((event, values))
    )
    try:
        yield House(accounts, store, path, log)
    finally:
        await store.close()


UP, UV, AT = 0x01, 0x04, 0x40
"""Flags of authenticator data: user present, user verified, credential attached (WebAuthn section 6.1)."""


@dataclass
class Authenticator:
    """
    An authenticator with one ES256 key. What it says of itself and of the browser can be set, to be wrong on purpose.
    """

    origin: str = ORIGIN
    rp_id: str = "interior.example"
    flags: int = UP | UV
    count: int = 0
    step: int = 1
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    id: bytes = field(default_factory=lambda: os.urandom(32))
    handle: bytes = b""
    client: dict[str, Any] = field(default_factory=dict)

    def create(self, options: str) -> str:
        """Answer ``navigator.credentials.create``."""
        wanted = json.loads(options)
        self.handle = b64.decode(wanted["user"]["id"])
        numbers = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)}
        attached = bytes(16) + struct.pack(">H", len(self.id)) + self.id + cbor2.dumps(cose)
        data = self._data(AT) + attached
        made = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        client = self._client("webauthn.create", wanted["challenge"])
        return self._answer(
            {"clientDataJSON": b64.encode(client), "attestationObject": b64.encode(made), "transports": ["internal"]}
        )

    def get(self, options: str) -> str:
        """Answer ``navigator.credentials.get``."""
        self.count += self.step
        client = self._client("webauthn.get", json.loads(options)["challenge"])
        data = self._data()
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return self._answer(
            {
                "clientDataJSON": b64.encode(client),
                "authenticatorData": b64.encode(data),
                "signature": b64.encode(signature),
                "userHandle": b64.encode(self.handle),
            }
        )

    def _data(self, more: int = 0) -> bytes:
        return hashlib.sha256(self.rp_id.encode()).digest() + bytes([self.flags | more]) + struct.pack(">I", self.count)

    def _client(self, kind: str, challenge: str) -> bytes:
        said = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False, **self.client}
        return json.dumps(said).encode()

    def _answer(self, response: dict[str, Any]) -> str:
        id = b64.encode(self.id)
        return json.dumps({"id": id, "rawId": id, "type": "public-key", "response": response})


async def enrolled(house: House, person: str = "officer", **wish: Any) -> Authenticator:
    """Return an authenticator with a passkey of ``person``; ``wish`` sets what it says from then on."""
    made = Authenticator()
    session = await house.session(person)
    await house.passkeys.enrol(session, made.create(await house.passkeys.enrol_options(session, house.now)), "key", T0)
    return replace(made, **wish)
