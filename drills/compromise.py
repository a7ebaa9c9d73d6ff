"""
Steal the keys of one gateway among several partners, run ``isthmus compromise``, and be the thief.

XAA and its partners exchange messages over 45 days, in one process under a clock that is moved; a thief records the
line and copies XAA's home on two days. Then all of them are served as processes of their own over TLS on loopback, the
command is run once, and what its report says is compared with what the thief's copies really open, message by message.

    python -m drills.compromise [--partners 5] [--json] [--root DIR]

Exit status 1 if the report names one message too many or too few, if a partner was not met again, if the thief is
still listened to, or if it took five minutes.
"""

import argparse
import asyncio
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.pair import PEOPLE, approve, draft, free_port
from gateway import app, home, settings
from gateway.app import Gateway
from gateway.core import envelope, wire
from gateway.log import configure_log
from gateway.services.ports import HttpAnswer, Unavailable
from gateway.storage.sqlite import run_inline
from gateway.transport.card_directory import load_cards
from gateway.transport.peers import HttpPeers
from keys import b64, card, jws
from keys.custody import open_store
from keys.errors import CannotOpen
from keys.rest import Vault
from keys.seal import SealingKey
from keys.sign import SigningKey
from tests.support import drilling
from tests.support.erased import erase

ROOT = Path(__file__).resolve().parents[1]
WORDS = "several invented states"
OURS = "XAA"
PARTNERS = ("XBB", "XCC", "XDD", "XEE", "XAB")
CALENDAR = "XBB-2026-27"
LIMIT_S = 300.0
DAY = timedelta(days=1)

Known = set[tuple[str, str, str]]
"""Messages by direction, partner and payload digest."""


class MovedClock:
    """A clock that stands where the drill puts it."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        """Return the instant it stands at."""
        return self.at

    async def sleep(self, seconds: float) -> None:
        """Move on."""
        self.at += timedelta(seconds=seconds)


@dataclass
class Line:
    """The line between all of them, with the thief on it. ``deaf`` loses answers, ``cut`` loses everything."""

    gateways: dict[str, Gateway] = field(default_factory=dict)
    recorded: list[tuple[str, bytes]] = field(default_factory=list)
    cut: bool = False
    deaf: bool = False

    async def post(self, country: str, path: str, body: bytes, media_type: str) -> HttpAnswer:
        """Hand ``body`` to the gateway of ``country``, and keep what passed."""
        if self.cut:
            raise Unavailable("the line is cut")
        self.recorded.append((country, body))
        reply = await self.gateways[country].receiver.receive(body)
        if self.deaf:
            raise Unavailable("the answer is lost")
        return HttpAnswer(reply.status, reply.media_type, reply.body, reply.retry_after_s)


@dataclass
class Figures(drilling.Figures):
    """What a run showed. Everything under ``faults`` must be 0."""

    WELL = "the report was exact on both, and everybody was met again"

    partners: int
    messages: int = 0
    on_the_line: int = 0
    in_the_store: int = 0
    command_s: float = 0.0
    steps_s: dict[str, float] = field(default_factory=dict)
    whole_s: float = 0.0

    def lines(self) -> Iterator[str]:
        """Yield what a person is told."""
        yield f"{self.partners} partners, {self.messages} messages at {OURS}"
        yield f"report: {self.on_the_line} readable on the line, {self.in_the_store} in the store"
        yield f"command {self.command_s} s {self.steps_s}, whole drill {self.whole_s} s"


class World:
    """All homes, and the gateways on them while history is made."""

    def __init__(self, root: Path, partners: Sequence[str]) -> None:
        self.root = root
        self.partners = partners
        self.countries = (OURS, *partners)
        self.people = {name: SigningKey.generate() for name in PEOPLE}
        self.clock = MovedClock(datetime.now(UTC).replace(microsecond=0) - 50 * DAY)
        self.line = Line()
        self.cases: dict[str, str] = {}

    def home(self, country: str) -> Path:
        """Return the home of ``country``."""
        return self.root / country.lower()

    # Homes.

    def make(self) -> None:
        """Make the homes as of 50 days ago, so that a first window has ended by now, and introduce all to XAA."""
        for country in self.countries:
            port = free_port()
            wish = home.Wish(
                country=country,
                authority=f"{country}-ID-01",
                zone="Europe/Vienna",
                address=f"https://127.0.0.1:{port}",
                peers_port=port,
                api_port=None,
                custody="file:gateway.keys?profile=interactive",
                identity_custody="file:identity.keys?profile=interactive",
            )
            home.create(self.home(country), wish, self.clock.now(), lambda: WORDS, os.environ)
        for partner in self.partners:
            self._introduce(OURS, partner)
            self._introduce(partner, OURS)
        for country in self.countries:
            self._configure(country)

    def _introduce(self, country: str, other: str) -> None:
        raw = load_cards(self.home(other) / "cards", other)[0]
        target = self.home(country) / "cards" / other / "1.jws"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(raw)
        identity = b64.encode(card.parse_card(raw).identity)
        file = self.home(country) / settings.FILE_NAME
        file.write_text(f'{file.read_text()}\n[partners.{other}]\nidentity = "{identity}"\ncalendar = "{CALENDAR}"\n')

    def _configure(self, country: str) -> None:
        file = self.home(country) / settings.FILE_NAME
        text = file.read_text().replace("refresh_s = 900", "refresh_s = 5")
        persons = [
            f'[[persons]]\nid = "{name}"\nroles = {json.dumps(roles)}\nkey = "{b64.encode(self.people[name].public)}"\n'
            for name, roles in PEOPLE.items()
        ]
        file.write_text(f'calendar = "{CALENDAR}"\n{text}\n[policy]\nauto_reminder = false\n\n' + "\n".join(persons))

    # History.

    async def live(self) -> datetime:
        """Exchange messages over 50 days, with the thief copying twice; return the day of the first copy."""
        now = datetime.now(UTC).replace(microsecond=0)
        try:
            return await self._live(now)
        finally:
            for gateway in self.line.gateways.values():
                await gateway.close()

    async def _live(self, now: datetime) -> datetime:
        for country in self.countries:
            await self._open(country, create=True)
        await self._day(now - 45 * DAY, "first")
        await self._erase(now - 30 * DAY, "first")
        await self._day(now - 10 * DAY, "second")
        await self._erase(now - 8 * DAY, "second")
        await self._day(now - 9 * DAY, "third")
        self.clock.at = now - 4 * DAY
        for gateway in self.line.gateways.values():
            await gateway.windows.run_once(self.clock.now())
        since = now - DAY
        self.clock.at = since
        self._copy("copy1")
        await self._day(now - timedelta(hours=12), "fourth")
        await self._erase(now - timedelta(hours=8), "third")
        await self._unfinished(now - timedelta(hours=4))
        self._copy("copy2")
        return since

    async def _open(self, country: str, *, create: bool = False) -> None:
        self.line.gateways[country] = await app.build(
            settings.load(self.home(country), {}),
            passphrase=lambda: WORDS,
            environ={},
            clock=self.clock,
            run=run_inline,
            peers=self.line,
            log=lambda *_, **__: None,
            create=create,
        )

    async def _day(self, at: datetime, name: str) -> None:
        """Let every partner ask XAA and be asked by it, and each acknowledge."""
        self.clock.at = at
        for gateway in self.line.gateways.values():
            await gateway.refresh_trust()
        for partner in self.partners:
            for asking, asked in ((partner, OURS), (OURS, partner)):
                self.cases[f"{name} {asking} {asked}"] = await self._send(asking, asked)
                await self._deliver()
                rows = await self.line.gateways[asked].store.read(lambda tx: tx.cases(states=("RECEIVED",)))
                for row in rows:
                    self.cases[f"{name} {asking} {asked} there"] = row.ref
                    await self.line.gateways[asked].answer.acknowledge(row.ref, "first")
                await self._deliver()

    async def _send(self, asking: str, asked: str) -> str:
        gateway, day = self.line.gateways[asking], self.clock.now().date()
        attested = {"state": "none", "attested_by": "protection", "attested_on": day.isoformat(), "basis": "interview"}
        checked = {"result": "passed", "by": "first", "on": day.isoformat()}
        changes = {"to": asked, "asylum": attested, "endangerment_check": checked}
        ref = await gateway.clear.new({**draft(), **changes}, "first")
        await approve(gateway, ref, self.people)
        await gateway.clear.send(ref, "first")
        return ref

    async def _deliver(self) -> None:
        for _ in range(6):
            done = [await gateway.deliverer.run_once() for gateway in self.line.gateways.values()]
            if not any(done):
                return

    async def _erase(self, at: datetime, name: str) -> None:
        """Erase at XAA one case of the day ``name`` that it asked, and one that it was asked."""
        self.clock.at = at
        one = self.partners[0]
        for ref in (self.cases[f"{name} {OURS} {one}"], self.cases[f"{name} {one} {OURS} there"]):
            await erase(self.line.gateways[OURS], ref, at)

    async def _unfinished(self, at: datetime) -> None:
        """Leave messages half way: accepted and the answer lost, both ways, and one that was never posted."""
        self.clock.at = at
        one = self.partners[0]
        self.line.deaf = True
        await self._send(one, OURS)
        await self._send(OURS, one)
        await self._deliver()
        self.line.deaf, self.line.cut = False, True
        await self._send(OURS, self.partners[-1])
        self.line.cut = False

    def _copy(self, name: str) -> None:
        """Copy XAA's home as a thief who has the machine: keys, configuration, a whole database."""
        target = self.root / name
        shutil.copytree(self.home(OURS), target, ignore=shutil.ignore_patterns("gateway.db*"))
        with (
            closing(sqlite3.connect(self.home(OURS) / "data/gateway.db")) as source,
            closing(sqlite3.connect(target / "data/gateway.db")) as copy,
        ):
            source.backup(copy)


# The thief.


def opened_on_the_line(world: World) -> tuple[Known, int]:
    """Return the messages that the recording and the stolen keys give away, and how many of ours were among them."""
    keys = {key.kid: key for name in ("copy1", "copy2") for key in _stolen(world.root / name)}
    known: Known = set()
    for _, raw in world.line.recorded:
        parsed = envelope.parse(raw, {1, 2})
        key = keys.get(parsed.kid)
        if key is None:
            continue
        try:
            signed = jws.parse(envelope.unpad(key.open(parsed.head, parsed.enc_ct)), jws.TYP_MESSAGE)
        except CannotOpen:
            continue
        payload = wire.parse_payload(signed.payload)
        known.add(("inbound", payload.sender, payload.digest))
    return known, sum(1 for _, partner, _ in known if partner == OURS)


def _stolen(copy: Path) -> Iterator[SealingKey]:
    store = open_store(f"file:{copy / home.KEY_FILE}", passphrase=lambda: WORDS, environ={})
    for _, key in home.sealing_keys(store):
        yield key


def opened_in_the_store(world: World) -> Known:
    """Return the messages that the copied databases give away to who has the key-encryption key."""
    known: Known = set()
    for name in ("copy1", "copy2"):
        copy = world.root / name
        store = open_store(f"file:{copy / home.KEY_FILE}", passphrase=lambda: WORDS, environ={})
        vault = Vault(store.get(home.KEK))
        with closing(sqlite3.connect(copy / "data/gateway.db")) as db:
            wrapped = dict(db.execute("SELECT ref, wrapped FROM case_file WHERE wrapped IS NOT NULL"))
            places = [
                ("inbound", *row) for row in db.execute("SELECT partner, digest, digest, ref, sealed FROM inbound")
            ]
            sent = (
                "SELECT o.partner, o.digest, o.id, o.ref, b.sealed FROM outbound AS o JOIN outbound_body AS b USING (n)"
            )
            places += [("outbound", *row) for row in db.execute(sent)]
        for table, partner, digest, row, ref, sealed in places:
            if sealed is not None and ref in wrapped:
                signed = vault.open(vault.unwrap(ref, wrapped[ref]), table, row, "sealed", sealed)
                assert digest == wire.payload_digest(jws.parse(signed, jws.TYP_MESSAGE).payload)
                known.add((table, partner, digest))
    return known


async def listened_to(world: World, partner: str) -> list[str]:
    """Return where the thief still gets through: a message by the old key, and one sealed to a stolen key."""
    store = open_store(f"file:{world.root / 'copy2' / home.KEY_FILE}", passphrase=lambda: WORDS, environ={})
    signing, now = SigningKey(store.get(home.SIGNING)), datetime.now(UTC).replace(microsecond=0)
    # The thief dates the message back to before the theft.
    at = now - 2 * DAY
    to, own = (card.parse_card(load_cards(world.home(one) / "cards", one)[-1]) for one in (partner, OURS))
    found = []
    async with HttpPeers({partner: to, OURS: own}.get) as peers:
        raw = wire.serialize_payload(
            type="resync",
            id=b64.encode(os.urandom(16)),
            sender=OURS,
            recipient=partner,
            thread=None,
            epoch=1,
            seq=None,
            prev=None,
            issued_at=at,
            expires_at=at + wire.MAX_VALIDITY,
            in_reply_to=None,
            clock=None,
            statements=(),
            body=b'{"threads":[],"more":false}',
        )
        key = to.sealing_key(now, {1, 2})
        head = envelope.head(key.suite, key.kid)
        forged = head + key.seal(head, envelope.pad(jws.sign(raw, jws.TYP_MESSAGE, signing)))
        answer = await peers.post(partner, "/xg/1/messages", forged, envelope.MEDIA_TYPE)
        if answer.status != 424:
            found.append(f"{partner} answered {answer.status} to the stolen signing key")
        mine = next(raw for country, raw in reversed(world.line.recorded) if country == OURS)
        unseen = mine[:-1] + bytes([mine[-1] ^ 1])  # not an envelope answered before
        answer = await peers.post(OURS, "/xg/1/messages", unseen, envelope.MEDIA_TYPE)
        if answer.status != 410:
            found.append(f"{OURS} answered {answer.status} to an envelope for a stolen key")
    return found


# Processes.


@contextmanager
def serving(world: World, countries: Sequence[str]) -> Iterator[dict[str, "subprocess.Popen[bytes]"]]:
    """Serve ``countries`` as processes while the block runs."""
    running = {country: _serve(world, country) for country in countries}
    try:
        for country in countries:
            _ready(world, country)
        yield running
    finally:
        for process in running.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in running.values():
            process.wait(30)


def _serve(world: World, country: str) -> "subprocess.Popen[bytes]":
    with (world.home(country) / "gateway.log").open("wb") as log:
        return subprocess.Popen(
            [*ISTHMUS, "serve", "-C", str(world.home(country))], cwd=ROOT, env=_environ(), stderr=log
        )


ISTHMUS = (sys.executable, "-m", "gateway.cli.main")


def _environ() -> dict[str, str]:
    return {**os.environ, "ISTHMUS_PASSPHRASE": WORDS, "NO_COLOR": "1"}


def _ready(world: World, country: str) -> None:
    log, until = world.home(country) / "gateway.log", time.monotonic() + 60
    while b"gateway.ready" not in log.read_bytes():
        if time.monotonic() > until:
            raise RuntimeError(f"{country} does not start:\n{log.read_text()[-2000:]}")
        time.sleep(0.05)


def _count(world: World, country: str, query: str) -> int:
    with closing(sqlite3.connect(f"file:{world.home(country)}/data/gateway.db?mode=ro", uri=True, timeout=10)) as db:
        (number,) = db.execute(query).fetchone()
        return int(number)


def run_command(world: World, since: datetime) -> "subprocess.CompletedProcess[str]":
    """Run the one command, with the card published to every partner's directory."""
    command = [*ISTHMUS, "compromise", "-C", str(world.home(OURS)), "--since", since.isoformat(), "--json"]
    for partner in world.partners:
        command += ["--publish", str(world.home(partner) / "cards")]
    return subprocess.run(
        command, cwd=ROOT, env=_environ(), capture_output=True, text=True, timeout=LIMIT_S, check=False
    )


# The drill.


def drill(root: Path, partners: Sequence[str]) -> Figures:
    """Make the world, steal, run the command, compare, and return the figures."""
    figures, world = Figures(len(partners)), World(root, partners)
    began = time.monotonic()
    world.make()
    since = asyncio.run(world.live())
    with serving(world, world.countries) as running:
        started = time.monotonic()
        done = run_command(world, since)
        figures.command_s = round(time.monotonic() - started, 2)
        if not done.stdout:
            raise RuntimeError(done.stderr)
        report = json.loads(done.stdout)
        figures.steps_s = report["seconds"]
        figures.faults["not_stopped"] += running[OURS].poll() != 0
        _compare(world, report, figures)
        with serving(world, [OURS]):
            for partner in world.partners:
                figures.faults["not_met"] += report["partners"].get(partner) != "answered"
                for text in asyncio.run(listened_to(world, partner)):
                    figures.faults["thief_heard"] += 1
                    print(text, file=sys.stderr)
            _settle(world, figures)
            asyncio.run(_exchange(world, figures))
    figures.whole_s = round(time.monotonic() - began, 2)
    figures.faults["too_slow"] += figures.whole_s > LIMIT_S
    return figures


def _compare(world: World, report: Mapping[str, Any], figures: Figures) -> None:
    """Compare what the report says with what the thief's copies open."""
    lines = (world.home(OURS) / report["messages"]).read_text().splitlines()
    said = [json.loads(line) for line in lines]
    line = {(one["direction"], one["partner"], one["digest"]) for one in said if one["line"]}
    disk = {(one["direction"], one["partner"], one["digest"]) for one in said if one["disk"]}
    opened, own = opened_on_the_line(world)
    kept = opened_in_the_store(world)
    figures.messages = _count(world, OURS, "SELECT (SELECT count(*) FROM inbound) + (SELECT count(*) FROM outbound)")
    figures.on_the_line, figures.in_the_store = len(line), len(disk)
    figures.faults["sent_by_us_opened"] += own
    figures.faults["line_too_many"] += len(line - opened)
    figures.faults["line_too_few"] += len(opened - line)
    figures.faults["store_too_many"] += len(disk - kept)
    figures.faults["store_too_few"] += len(kept - disk)
    received = _count(world, OURS, "SELECT count(*) FROM inbound")
    figures.faults["nothing_to_compare"] += not (opened and kept and len(line) < received)


def _settle(world: World, figures: Figures) -> None:
    """Wait until no message of a partner waits for a receipt: all stand under the new key."""
    waiting = "SELECT count(*) FROM outbound WHERE state IN ('queued', 'posted')"
    until = time.monotonic() + 60
    left = dict.fromkeys(world.countries, 1)
    while any(left.values()) and time.monotonic() < until:
        time.sleep(0.2)
        left = {country: _count(world, country, waiting) for country in world.countries}
    figures.faults["unsettled"] += sum(left.values())


async def _exchange(world: World, figures: Figures) -> None:
    """Let XAA ask every partner once more, under the new keys."""
    log = configure_log((world.root / "desk.log").open("w"))
    gateway = await app.build(settings.load(world.home(OURS), {}), passphrase=lambda: WORDS, environ={}, log=log)
    try:
        refs = []
        for partner in world.partners:
            ref = await gateway.clear.new({**draft(), "to": partner}, "first")
            await approve(gateway, ref, world.people)
            await gateway.clear.send(ref, "first")
            refs.append(ref)
        until = time.monotonic() + 60
        states: list[str] = []
        while time.monotonic() < until:
            rows = [await gateway.store.read(lambda tx, ref=ref: tx.find_case(ref)) for ref in refs]
            states = [row.state for row in rows]
            if all(state == "DELIVERED" for state in states):
                return
            await asyncio.sleep(0.2)
        figures.faults["not_delivered"] += sum(state != "DELIVERED" for state in states)
    finally:
        await gateway.close()


def main() -> int:
    """Run the drill and print its figures."""
    parser = argparse.ArgumentParser(description="Steal keys, run isthmus compromise, and compare.")
    parser.add_argument("--partners", type=int, default=len(PARTNERS), choices=range(1, len(PARTNERS) + 1))
    parser.add_argument("--root", type=Path, help="work in this empty directory and leave it")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    kept = chosen.root is not None
    root = chosen.root or Path(tempfile.mkdtemp(prefix="compromise-"))
    try:
        figures = drill(root, PARTNERS[: chosen.partners])
    finally:
        if not kept:
            shutil.rmtree(root, ignore_errors=True)
    return drilling.report(figures, as_json=chosen.json)


if __name__ == "__main__":
    sys.exit(main())
