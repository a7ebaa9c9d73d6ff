"""Homes made by the command line itself, for its tests; deriving keys is slow on purpose, so they are made once."""

import asyncio
import atexit
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from click.testing import CliRunner, Result

from benchmarks.pair import free_port
from gateway import app, serving, settings, stands
from gateway.cli.main import cli
from gateway.cli.own_card import own_card
from gateway.core.wire import format_instant
from gateway.home import IDENTITY, IDENTITY_FILE, next_card
from gateway.services.accounts import hashed
from gateway.storage.sqlite import run_inline
from gateway.stores import open_desk_store
from gateway.transport.card_directory import write_card
from keys import b64, card
from keys.custody import open_store
from keys.ids import SIGN, key_id
from keys.sign import SigningKey
from tests.support.libraries import put_back
from tests.support.network import Wires

PHRASE = "correct horse battery"
ROOT = Path(__file__).parents[2]
ENVIRON = {
    "ISTHMUS_PASSPHRASE": PHRASE,
    "ISTHMUS_KEY_PASSPHRASE": PHRASE,
    "NO_COLOR": "1",
}
CHEAP = ("--custody", "file:gateway.keys?profile=interactive")
CHEAP_IDENTITY = ("--identity-custody", "file:identity.keys?profile=interactive")
DESKS = """
[listeners.desks]
host = "127.0.0.1"
port = 8446
tls_certificate = "desks.crt"
tls_key = "desks.key"

[desks]
name = {en = "A desk"}
origins = {interior = "https://a.example", board = "https://b.example", operator = "https://c.example"}
"""
PEOPLE = {
    "first": ("case_officer", "registry_clerk"),
    "second": ("liaison_officer",),
    "signer": ("second_signer",),
    "board": ("foreign_affairs",),
}


def call(*args: Any, input: str | None = None, **environ: str) -> Result:
    """Call the command line in this process, with a passphrase in the environment."""
    with put_back():  # `serve` hears libraries, also where it then refuses to begin
        return CliRunner().invoke(cli, [str(arg) for arg in args], input=input, env={**ENVIRON, **environ})


def value(*args: Any, input: str | None = None) -> Any:
    """Call the command line with ``--json``, expect success, and return what it printed."""
    at = args.index("--") if "--" in args else len(args)
    result = call(*args[:at], "--json", *args[at:], input=input)
    assert 0 == result.exit_code, result.stderr
    return json.loads(result.stdout)


def spawn(*args: Any, **environ: str) -> "subprocess.CompletedProcess[str]":
    """Call the command line as a process of its own."""
    command = [sys.executable, "-m", "gateway.cli.main", *(str(arg) for arg in args)]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **ENVIRON, **environ}, capture_output=True, text=True, timeout=110
    )


@dataclass(frozen=True)
class Homes:
    """Two homes that know each other, and where each person's key is."""

    root: Path
    ports: dict[str, int]

    def home(self, country: str) -> Path:
        """Return the home of ``country``."""
        return self.root / country.lower()

    def key(self, person: str) -> Path:
        """Return the key store of ``person``, the same person in both States."""
        return self.root / f"{person}.keys"

    def second_officer(self, country: str) -> str:
        """Give ``country`` one more person who may decide about keys, beside ``second``, and return the id."""
        key = b64.encode(SigningKey.generate().public)
        value("person", "add", "third", "-C", self.home(country), "--role", "operator", "--key", key)
        return "third"


ZONES = {"XAA": "Europe/Vienna", "XBB": "Asia/Tbilisi"}
"""Where the days of a State end, as its calendar has it."""


def make_homes(root: Path, ports: Sequence[int]) -> Homes:
    """Make two homes and introduce them to each other, with nothing but the command line."""
    homes = Homes(root, dict(zip(("XAA", "XBB"), ports, strict=True)))
    keys = {name: value("keys", "new", homes.key(name), "--profile", "interactive")["key"] for name in PEOPLE}
    made = {}
    for country, port in homes.ports.items():
        home = homes.home(country)
        options = ("--country", country, "--zone", ZONES[country], "--peers-port", port, "--no-api")
        made[country] = value("init", home, *options, *CHEAP, *CHEAP_IDENTITY)
        for name, roles in PEOPLE.items():
            value("person", "add", name, "-C", home, *_roles(roles), "--key", keys[name])
    value("keys", "card", "-C", homes.home("XBB"), "--add-role", f"second_signer={keys['signer']}")
    for country, other in (("XAA", "XBB"), ("XBB", "XAA")):
        cards = sorted((homes.home(other) / "cards" / other).iterdir())
        printed = made[other]["fingerprint"]
        options = ("--fingerprint", printed, "--calendar", f"{other}-2026-27")
        value("partner", "add", other, "-C", homes.home(country), "--card", cards[0], *options)
        for later in cards[1:]:
            shutil.copy(later, homes.home(country) / "cards" / other / later.name)
    return homes


def _roles(roles: Sequence[str]) -> list[str]:
    return [part for role in roles for part in ("--role", role)]


@cache
def _template() -> Path:
    root = Path(mkdtemp(prefix="cli-homes-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    make_homes(root, [free_port(), free_port()])
    return root


def copy_homes(root: Path) -> Homes:
    """Return fresh homes under ``root``."""
    shutil.copytree(_template(), root, dirs_exist_ok=True)
    return Homes(root, {})


def with_role(home: Path, key: bytes, **changes: Any) -> dict[str, Any]:
    """Issue the next card of ``home`` with one role key, a second signer's but for ``changes``; return its entry."""
    begin, end = (format_instant(datetime.now(UTC) + timedelta(days=days)) for days in (-300, 30))
    entry = {"role": "second_signer", "kid": b64.encode(key_id(SIGN, key)), "key": b64.encode(key)}
    entry |= {"from": begin, "until": end, "revoked_at": None, **changes}
    _issue(home, {"roles": [entry]})
    return entry


def with_signing(home: Path, begin: int, end: int) -> None:
    """Issue the next card of ``home`` with its signing key in a window of days from now."""
    (entry,) = card.claims_of(own_card(settings.load(home, {})))["signing"]
    window = (format_instant(datetime.now(UTC) + timedelta(days=days)) for days in (begin, end))
    _issue(home, {"signing": [entry | dict(zip(("from", "until"), window, strict=True))]})


def _issue(home: Path, changes: dict[str, Any]) -> None:
    store = open_store(f"file:{home / IDENTITY_FILE}", passphrase=lambda: PHRASE, environ={})
    held, identity = own_card(settings.load(home, {})), SigningKey(store.get(IDENTITY))
    write_card(home / "cards", next_card(held, changes, identity, datetime.now(UTC)))


def write_stand(home: Path) -> None:
    """Write down how far the store of ``home`` has come, as a gateway that serves does."""

    async def write() -> None:
        gateway = await app.build(settings.load(home, {}), passphrase=lambda: PHRASE, log=lambda event, **values: None)
        await stands.keep(gateway.context, home / stands.STANDS_FILE, datetime.now(UTC))
        await gateway.close()

    asyncio.run(write())


def link_leads_on(home: Path, link: str) -> bool:
    """Return whether ``link`` still opens the page that adds a passkey; it is used up by that."""

    async def use() -> bool:
        store = await open_desk_store(settings.load(home, {}), {}, datetime.now(UTC))
        try:
            return await store.use_link(hashed(link.rpartition("/")[2]), datetime.now(UTC)) is not None
        finally:
            await store.close()

    return asyncio.run(use())


async def desks_begun(home: Path) -> None:
    """Open the desks of ``home`` as a start does."""
    chosen = settings.load(home, {})
    gateway = await app.build(chosen, passphrase=lambda: PHRASE, run=run_inline, log=lambda event, **values: None)
    try:
        await (await serving.open_desks_of(gateway, environ={})).close()
    finally:
        await gateway.close()


def in_environment(home: Path, name: str = "KEYS") -> None:
    """Let the variable ``name`` be the key store of ``home``, which is only read there."""
    path = home / settings.FILE_NAME
    path.write_text(path.read_text().replace(f'custody = "{CHEAP[1]}"', f'custody = "env:{name}"'))


def deliver(homes: Homes, rounds: int = 4) -> None:
    """Let both gateways post what waits, over wires instead of HTTP."""
    asyncio.run(_deliver(homes, rounds))


async def _deliver(homes: Homes, rounds: int) -> None:
    wires = Wires()
    for country in ("XAA", "XBB"):
        chosen = settings.load(homes.home(country), {})
        wires.gateways[country] = await app.build(
            chosen, passphrase=lambda: PHRASE, run=run_inline, peers=wires, log=lambda event, **values: None
        )
    try:
        for gateway in wires.gateways.values():
            await gateway.refresh_trust()
        for _ in range(rounds):
            for gateway in wires.gateways.values():
                await gateway.deliverer.run_once()
    finally:
        for gateway in wires.gateways.values():
            await gateway.close()


def answer_body(outcome: str) -> dict[str, Any]:
    """Return the coded answer of a registry clerk, as of today."""
    positive = outcome == "NATIONAL"
    return {
        "outcome": outcome,
        "reason": None,
        "as_of": datetime.now(UTC).date().isoformat(),
        "method_used": ["POPULATION_REGISTER"],
        "match_basis": ["NAME_EXACT", "DOB_EXACT"] if positive else [],
        "confidence": "HIGH" if positive else "NONE",
        "signed_by_role": "REGISTRAR",
        "valid_until": None,
    }


def draft(**changes: Any) -> dict[str, Any]:
    """Return a case draft to XBB that every rule lets pass, with ``changes``."""
    made: dict[str, Any] = json.loads((ROOT / "schemas/example-case-draft.json").read_text())
    return {**made, "to": "XBB", "officer": "first", **changes}


def desk(homes: Homes, country: str, person: str, verb: str, *args: Any, input: str | None = None) -> Any:
    """Take one step and return what it printed; arguments of a verb stand last."""
    return value("case", verb, "-C", homes.home(country), "--as", person, *args, input=input)


def refused(homes: Homes, country: str, person: str, verb: str, *args: Any) -> tuple[int, str]:
    """Take a step that fails and return exit code and short code."""
    result = call("case", verb, "-C", homes.home(country), "--as", person, "--json", *args)
    return result.exit_code, json.loads(result.stderr)["error"]["code"]


def opened(homes: Homes) -> str:
    return str(desk(homes, "XAA", "first", "new", "-", input=json.dumps(draft()))["ref"])


def approved(homes: Homes) -> str:
    ref = opened(homes)
    digest = desk(homes, "XAA", "second", "preview", "--why", "to approve", "--", ref)["digest"]
    desk(homes, "XAA", "second", "approve", "--key", homes.key("second"), "--digest", digest, "--", ref)
    return ref


def received(homes: Homes) -> tuple[str, str]:
    """Send a case and deliver it; return its reference here and there."""
    ref = approved(homes)
    desk(homes, "XAA", "first", "send", "--", ref)
    deliver(homes)
    (row,) = desk(homes, "XBB", "first", "list")
    return ref, row["ref"]


def state(homes: Homes, country: str, ref: str) -> str:
    return str(desk(homes, country, "first", "show", "--", ref)["case"]["state"])
