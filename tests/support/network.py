"""
A network of real gateways in one process: real keys, real SQLite files, a clock that is set by hand.

Messages go through the real services. Between them is either a short cut (``Wires``) that can be cut, or real HTTP.
"""

import asyncio
import atexit
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from gateway import app, home, settings
from gateway.app import Gateway
from gateway.core.codes import PROBLEM_MEDIA_TYPE, problem
from gateway.services.checkpoints import ADD_PATH
from gateway.services.ports import HttpAnswer, Unavailable
from gateway.services.receive import Reply
from gateway.services.witness import CONFLICT_PATH
from gateway.storage.sqlite import Engine, run_inline
from gateway.transport.card_directory import CardDirectory, load_cards
from keys import b64, statement
from keys.custody import open_store
from keys.sign import SigningKey

START = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
PEOPLE = {
    "first": ["case_officer", "registry_clerk"],
    "second": ["liaison_officer", "desk_head"],
    "signer": ["second_signer"],
    "welfare": ["child_welfare"],
    "protection": ["asylum_authority"],
    "board": ["foreign_affairs"],
    "coordinator": ["coordinator"],
    "escort": ["escort"],
    "reception": ["reception"],
    "issuer": ["document_issuer"],
    "writer": ["information_officer"],
    "office": ["information_officer"],
}
LISTED = {
    "signer": "second_signer",
    "welfare": "welfare",
    "coordinator": "coordinator",
    "second": "desk_head",
    "escort": "escort",
    "reception": "reception",
    "office": "information",
}
"""Whose statements travel, and in which role the card lists them."""


class HandClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, start: datetime = START) -> None:
        self.instant = start

    def now(self) -> datetime:
        return self.instant

    async def sleep(self, seconds: float) -> None:
        self.instant += timedelta(seconds=seconds)

    def pass_(self, **kinds: float) -> None:
        """Let time pass: ``pass_(days=3)``."""
        self.instant += timedelta(**kinds)


class Cards(CardDirectory):
    """The cards of a home, read on the loop as its store is: a thread for each look was an eighth of a test."""

    async def cards(self, country: str) -> Sequence[bytes]:
        await asyncio.sleep(0)
        return load_cards(self._directory, country)


@dataclass
class Wires:
    """The ``Peers`` of every gateway: hands bytes over at once, and keeps what passed. ``cut`` loses everything."""

    gateways: dict[str, Gateway] = field(default_factory=dict)
    cut: bool = False
    lose_answers: bool = False
    posted: list[tuple[str, str, bytes]] = field(default_factory=list)
    answers: list[Reply] = field(default_factory=list)

    async def post(self, country: str, path: str, body: bytes, media_type: str) -> HttpAnswer:
        if self.cut:
            raise Unavailable("the wire is cut")
        self.posted.append((country, path, body))
        gateway = self.gateways[country]
        if path == "/xg/1/answers":
            await gateway.deliverer.take_answer(body)
            return HttpAnswer(204, "", b"", None)
        if path in (ADD_PATH, CONFLICT_PATH):
            witness = gateway.witness
            said = await (witness.add_checkpoint if path == ADD_PATH else witness.take_conflict)(body)
            return HttpAnswer(said.status, said.media_type, said.body, None)
        take = gateway.receiver.collect if path == "/xg/1/collect" else gateway.receiver.receive
        reply = await take(body)
        self.answers.append(reply)
        if self.lose_answers:
            raise Unavailable("the answer is lost")
        return HttpAnswer(reply.status, reply.media_type, reply.body, reply.retry_after_s)

    async def get(self, country: str, path: str) -> HttpAnswer:
        if self.cut:
            raise Unavailable("the wire is cut")
        if path == "/xg/1/messages":
            return HttpAnswer(405, PROBLEM_MEDIA_TYPE, b"", None)
        match = re.fullmatch(r"/xg/1/log/([0-9a-f]{64})/(\d+)/([0-9a-f]{64})/(\d+)", path)
        assert match is not None, path
        origin, size, root, to = match.groups()
        watch = self.gateways[country].witness
        said = await watch.continuation(bytes.fromhex(origin), int(size), bytes.fromhex(root), int(to))
        # A door says a bare status by a problem.
        return HttpAnswer(said.status, said.media_type or PROBLEM_MEDIA_TYPE, said.body, None)


@dataclass
class Network:
    """Gateways that know one another, the wires between them, their clock, and the people's keys."""

    clock: HandClock
    wires: Wires
    homes: dict[str, Path]
    keys: dict[str, SigningKey]
    gateways: dict[str, Gateway]
    logs: list[tuple[str, dict[str, Any]]]

    def approval(self, digest: str, thread: str, person: str, kind: str, role: str, days: int = 1) -> str:
        """Return the statement of ``person`` over ``digest``, as their own device would sign it."""
        made = statement.Statement(thread, kind, role, digest, self.clock.now() + timedelta(days=days))
        return statement.make(made, self.keys[person]).decode()

    async def refresh(self) -> None:
        """Read the cards again, as every gateway does each quarter of an hour."""
        for gateway in self.gateways.values():
            await gateway.refresh_trust()

    async def deliver(self, rounds: int = 8, *, refresh: bool = True) -> int:
        """Post everything that may be posted, until nothing is left or ``rounds`` have passed."""
        if refresh:
            await self.refresh()
        total = 0
        for _ in range(rounds):
            count = 0
            for gateway in self.gateways.values():
                count += await gateway.deliverer.run_once()
            total += count
            if not count:
                break
        return total

    async def close(self) -> None:
        for gateway in self.gateways.values():
            await gateway.close()


def people_keys() -> dict[str, SigningKey]:
    """Return a signing key for each person of ``PEOPLE``."""
    return {name: SigningKey.generate() for name in PEOPLE}


def make_home(path: Path, country: str, keys: dict[str, SigningKey], now: datetime, **wish: Any) -> None:
    """Make a home whose card lists all whose statements travel, with a cheap passphrase profile for tests."""
    roles = [{"role": role, "key": b64.encode(keys[name].public)} for name, role in LISTED.items()]
    asked = home.Wish(
        country=country,
        authority=f"{country}-ID-01",
        zone="Europe/Vienna",
        address=wish.pop("address", "https://127.0.0.1:8443"),
        custody="file:gateway.keys?profile=interactive",
        identity_custody="file:identity.keys?profile=interactive",
        roles=roles,
        **wish,
    )
    home.create(path, asked, now, lambda: "correct horse", os.environ)


def persons_text(keys: dict[str, SigningKey]) -> str:
    """Return the ``persons`` of a configuration as TOML."""
    tables = []
    for name, roles in PEOPLE.items():
        tables.append(f'[[persons]]\nid = "{name}"\nroles = {roles}\nkey = "{b64.encode(keys[name].public)}"\n')
    return "\n".join(tables)


def introduce(homes: dict[str, Path], keys: dict[str, SigningKey], extra: str = "") -> None:
    """Let every home know the others' identity keys and hold their cards."""
    identities = {}
    for country, path in homes.items():
        store = open_store(f"file:{path / home.IDENTITY_FILE}", passphrase=lambda: "correct horse", environ={})
        identities[country] = b64.encode(SigningKey(store.get(home.IDENTITY)).public)
    for country, path in homes.items():
        text = (path / settings.FILE_NAME).read_text()
        for other, identity in identities.items():
            if other != country:
                text += f'\n[partners.{other}]\nidentity = "{identity}"\n{extra}'
                for card in (homes[other] / "cards").rglob("*"):
                    if card.is_file() and other in str(card.relative_to(homes[other] / "cards")):
                        target = path / "cards" / card.relative_to(homes[other] / "cards")
                        target.parent.mkdir(parents=True, exist_ok=True)
                        target.write_bytes(card.read_bytes())
        (path / settings.FILE_NAME).write_text(text + "\n" + persons_text(keys))


def make_store(path: Path) -> None:
    """Make the empty store of a home, to be copied with it: the schema of every store is the same."""

    def never(*_: object) -> Any:
        raise AssertionError("nothing is logged in an empty store")

    database = settings.load(path, {}).database
    database.touch(0o600)
    engine = Engine(database, never)
    engine.open(START)
    engine.close()


@cache
def _template(countries: tuple[str, ...], extra: str, wish: tuple[tuple[str, Any], ...]) -> tuple[Path, Any]:
    """Make homes once a process; deriving their keys from a passphrase is slow on purpose."""
    root, keys = Path(tempfile.mkdtemp(prefix="homes-")), people_keys()
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    homes = {country: root / country.lower() for country in countries}
    for country, path in homes.items():
        make_home(path, country, keys, START, **dict(wish))
    introduce(homes, keys, extra)
    for path in homes.values():
        make_store(path)
    return root, keys


async def make_network(root: Path, countries: Sequence[str] = ("XAA", "XBB"), extra: str = "", **wish: Any) -> Network:
    """Return a network of fresh gateways of ``countries`` under ``root``, wired directly."""
    template, keys = _template(tuple(countries), extra, tuple(sorted(wish.items())))
    clock, wires = HandClock(), Wires()
    homes = {country: root / country.lower() for country in countries}
    for path in homes.values():
        shutil.copytree(template / path.name, path)
    network = Network(clock, wires, homes, keys, {}, [])
    for country in countries:
        await open_gateway(network, country, create=True)
    for gateway in network.gateways.values():
        await gateway.refresh_trust()
    return network


@contextmanager
def wrong_clock(network: Network, country: str, minutes: int) -> Iterator[HandClock]:
    """Give the gateway of ``country`` a clock that is so many minutes ahead, or behind; then the right one again."""
    context = network.gateways[country].context
    right, wrong = context.clock, HandClock(network.clock.now() + timedelta(minutes=minutes))
    context.clock = wrong
    yield wrong
    context.clock = right


async def open_gateway(network: Network, country: str, *, create: bool = False) -> Gateway:
    """Open (again) the gateway of ``country`` on its home, in the network's clock and wires."""

    def log(event: str, **values: Any) -> None:
        network.logs.append((event, values))

    read = settings.load(network.homes[country], {})
    gateway = await app.build(
        read,
        passphrase=lambda: "correct horse",
        clock=network.clock,
        run=run_inline,
        peers=network.wires,
        cards=None if "repository" in read.values["trust"] else Cards(read.cards),
        log=log,
        create=create,
    )
    network.gateways[country] = network.wires.gateways[country] = gateway
    return gateway


async def nothing_leaves() -> int:
    """Post nothing: the line from there is down."""
    return 0


async def final(*_: object) -> HttpAnswer:
    """Answer any post with a problem that is final, as who cannot open an envelope does."""
    return HttpAnswer(400, PROBLEM_MEDIA_TYPE, problem("cannot-open"), None)
