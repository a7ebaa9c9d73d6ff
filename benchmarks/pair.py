"""
Two States on this machine, or more: homes that know one another, and the people of their desks.

Rule 1: everything is what ``isthmus init`` makes, with real keys, cards, certificates and files.
Rule 2: the words that open the key stores stand here in clear: these States are invented and last as long as a run.
"""

import json
import os
import secrets
import shutil
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import schemas
from gateway import app, home, settings
from gateway.app import Gateway
from gateway.configured import calendar_of
from gateway.services.ports import Peers
from keys import b64, statement
from keys.custody import open_store
from keys.sign import SigningKey

COUNTRIES = ("XAA", "XBB")
CALENDAR = "XBB-2026-27"
"""Of an invented State that has none of its own."""

WORDS = "two invented states"
PEOPLE = {
    "first": ["case_officer", "registry_clerk"],
    "second": ["liaison_officer", "desk_head"],
    "protection": ["asylum_authority"],
}
PEOPLE_FILE = "people.json"
DSN_FILE = "database.secret"

Log = Callable[..., None]
_PLAIN = {"tls_certificate": None, "tls_key": None}


@dataclass(frozen=True, slots=True)
class Pair:
    """The directory of the homes; a child process finds everything in it again with ``load``."""

    root: Path

    def home(self, country: str) -> Path:
        """Return the home of ``country``."""
        return self.root / country.lower()

    def database(self, country: str) -> Path:
        """Return the database of ``country``."""
        return settings.load(self.home(country), {}).database

    def dsn(self, country: str) -> str | None:
        """Return the address of the PostgreSQL database of ``country``, ``None`` if its store is a file."""
        return settings.load(self.home(country), {}).dsn({})

    def people(self) -> dict[str, SigningKey]:
        """Return the signing keys of the people of every desk."""
        seeds = json.loads((self.root / PEOPLE_FILE).read_text())
        return {name: SigningKey(b64.decode(seed)) for name, seed in seeds.items()}

    async def open(
        self, country: str, *, create: bool = False, log: Log = lambda *_, **__: None, peers: Peers | None = None
    ) -> Gateway:
        """Build the gateway of ``country`` on its home; ``create`` makes its database."""
        chosen = settings.load(self.home(country), {})
        peers_listener = chosen.values["listeners"]["peers"]
        chosen = settings.check(chosen.home, {**chosen.values, "listeners": {"peers": {**_PLAIN, **peers_listener}}})
        return await app.build(chosen, passphrase=lambda: WORDS, environ={}, log=log, peers=peers, create=create)


def free_port() -> int:
    """
    Return a TCP port of loopback that nothing listens on now, and that no process was given that runs still.

    It lies below those that systems give to outgoing connections, or one of them might have it by the time it is used.
    """
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        if port in _given:
            continue
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            _given[port] = _claim(port)
            return port


def _claim(port: int) -> int | None:
    """
    Keep other processes that ask here from ``port`` until this one ends, and return the descriptor that does it.

    Whoever was given a port may listen there much later, or once more after a restart. Raises ``OSError`` if another
    process has it. Where the system has no names that go with a process nothing is claimed.
    """
    if sys.platform != "linux":
        return None
    with socket.socket(socket.AF_UNIX) as claim:
        claim.bind(f"\0isthmus-port-{port}")
        return claim.detach()


_given: dict[int, int | None] = {}


def make_pair(
    root: Path,
    *,
    tls: bool = True,
    limits: Mapping[str, float] | None = None,
    databases: Mapping[str, str] | None = None,
    countries: Sequence[str] = COUNTRIES,
) -> Pair:
    """
    Make the homes under ``root``, introduced to one another; ``limits`` is that section of each configuration.

    ``databases`` are addresses of PostgreSQL databases by country; a State without one has its store in a file.
    """
    now = datetime.now(UTC)
    people = {name: SigningKey.generate() for name in PEOPLE}
    (root / PEOPLE_FILE).write_text(json.dumps({name: b64.encode(key.seed) for name, key in people.items()}))
    pair = Pair(root)
    for country in countries:
        _make_home(pair, country, now, tls)
    identities = {country: _identity(pair, country) for country in countries}
    for country in countries:
        _introduce(pair, country, identities, people, limits or {})
    for country, dsn in (databases or {}).items():
        use_database(pair, country, dsn)
    return pair


def use_database(pair: Pair, country: str, dsn: str) -> None:
    """Have the gateway of ``country`` keep its store in the PostgreSQL database at ``dsn`` from now on."""
    file, line = pair.home(country) / settings.FILE_NAME, f'database = "file:{DSN_FILE}"\n'
    if not (text := file.read_text()).startswith(line):
        file.write_text(line + text)
    secret = pair.home(country) / DSN_FILE
    secret.touch(mode=0o600)
    secret.write_text(dsn)


def _make_home(pair: Pair, country: str, now: datetime, tls: bool) -> None:
    port = free_port()
    wish = home.Wish(
        country=country,
        authority=f"{country}-ID-01",
        zone="Europe/Vienna",
        address=f"{'https' if tls else 'http'}://127.0.0.1:{port}",
        peers_port=port,
        api_port=None,
        custody="file:gateway.keys?profile=interactive",
        identity_custody="file:identity.keys?profile=interactive",
    )
    home.create(pair.home(country), wish, now, lambda: WORDS, os.environ)
    if not tls:
        file = pair.home(country) / settings.FILE_NAME
        lines = [line for line in file.read_text().splitlines() if not line.startswith("tls_")]
        file.write_text("\n".join(lines))


def _identity(pair: Pair, country: str) -> str:
    """Return the public key, as text, by which others know ``country``."""
    store = open_store(f"file:{pair.home(country) / home.IDENTITY_FILE}", passphrase=lambda: WORDS, environ={})
    return b64.encode(SigningKey(store.get(home.IDENTITY)).public)


def _introduce(
    pair: Pair,
    country: str,
    identities: Mapping[str, str],
    people: Mapping[str, SigningKey],
    limits: Mapping[str, float],
) -> None:
    parts = []
    for other, identity in identities.items():
        if other != country:
            calendar = calendar_of(other) or CALENDAR
            parts.append(f'[partners.{other}]\nidentity = "{identity}"\ncalendar = "{calendar}"\n')
            place = Path("cards") / other
            shutil.copytree(pair.home(other) / place, pair.home(country) / place, dirs_exist_ok=True)
    parts += [
        f'[[persons]]\nid = "{name}"\nroles = {json.dumps(roles)}\nkey = "{b64.encode(people[name].public)}"\n'
        for name, roles in PEOPLE.items()
    ]
    if limits:
        parts.append("[limits]\n" + "\n".join(f"{name} = {value}" for name, value in limits.items()))
    own = "" if calendar_of(country) else f'calendar = "{CALENDAR}"\n'
    file = pair.home(country) / settings.FILE_NAME
    file.write_text(f"{own}{file.read_text()}\n" + "\n".join(parts))


def draft() -> dict[str, Any]:
    """Return a case draft of XAA about an invented adult, which every rule lets pass today."""
    example = Path(schemas.__file__).parent / "examples/case-draft/valid/adult.json"
    value: dict[str, Any] = json.loads(example.read_text())
    today = datetime.now(UTC).date()
    day, later = today.isoformat(), (today + timedelta(days=200)).isoformat()
    return value | {
        "to": "XBB",
        "officer": "first",
        "asylum": {"state": "none", "attested_by": "protection", "attested_on": day, "basis": "interview"},
        "transfer_ground": {"code": "DOMESTIC_LAW", "reference": "Act 1/2020 section 4"},
        "handling": {"use_restrictions": ["P0", "P1"], "retain_until": later, "onward": "none"},
    }


async def approve(gateway: Gateway, ref: str, people: Mapping[str, SigningKey]) -> None:
    """Approve the case ``ref`` as its second person, with a statement signed by that person's own key."""
    preview, thread = await gateway.clear.show(ref, "second", "liaison_officer")
    until = gateway.context.clock.now() + timedelta(days=1)
    made = statement.Statement(thread, "request.approval", "liaison_officer", preview.digest, until)
    await gateway.clear.approve(ref, statement.make(made, people["second"]).decode(), "second")


async def submit(gateway: Gateway, people: Mapping[str, SigningKey], value: Mapping[str, Any]) -> str:
    """Open, approve and send a case; it stands in the outbox, durably, when this returns its reference."""
    ref = await gateway.clear.new(value, "first")
    await approve(gateway, ref, people)
    await gateway.clear.send(ref, "first")
    return ref
