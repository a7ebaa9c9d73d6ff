"""
The test back-end of this gateway, as ``docs/partners.md`` describes it: ``python -m tests.conformance.backend``.

It runs the real gateway, with real SQLite files and its real doors on loopback, under a clock that is set by hand. It
prints one line of JSON, ``{"target","backend"}``, and runs until it is ended. It is no part of what is installed.
"""

import argparse
import asyncio
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web
from tuf.ngclient import FetcherInterface, Updater

import schemas
from gateway import app, configured, home, settings
from gateway.app import Gateway
from gateway.core import wire
from gateway.core.case import Case
from gateway.core.checkpoint import proof_text
from gateway.core.exercise import is_exercise
from gateway.core.machine import IllegalStep, RuleRefused
from gateway.core.messages import DOCUMENT_REQUEST, REQUEST
from gateway.http.listen import NeutralRunner, listen
from gateway.http.peer_api import peer_app
from gateway.services import cases
from gateway.services.context import Forbidden, NotFound
from gateway.services.ports import Unavailable
from gateway.serving import settle_in
from gateway.storage.sqlite import run_inline
from gateway.transport.card_directory import load_cards, write_card
from gateway.transport.trust_list import TrustList
from keys import b64, jws
from keys.card import claims_of, parse_card
from keys.custody import open_store
from keys.seal import SealingKey
from keys.sign import SigningKey
from schemas import ijson
from tests.conformance.desk import Desk, NotHere
from tests.support import network as support
from tests.support import once
from tests.support.memory import MEMORY
from tests.support.proofs import inclusion_proof

COUNTRY = "XBB"
FOLDER = "bench-"
"""How the name of a folder of this back-end begins; the number of its process follows."""

ROUNDS_MAX = 200
POST_TIMEOUT_S = 5
"""Less than the answer of a case is late that waits for it, and more than a busy machine is."""
WATCHED_APART = timedelta(hours=1)
WITNESSES = 2
"""How many partners watch our logs; of each log one of them is a third State."""
VARIABLE = "BENCH_KEYS"
OFFERS = ("restart", "rotate", "restore", "evidence", "erase", "set-aside", "go-on", "watch", "unread", "trust-list")
ANOTHER_DAY = "the other State reckons"
STATES = {
    "queued": "waiting",
    "posted": "waiting",
    "receipted": "accepted",
    "refused": "refused",
    "dropped": "dropped",
}
Handler = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


class HandClockTrustList(TrustList):
    """The reader of a trust list under a clock that is set by hand; the library of TUF knows that of the machine."""

    def __init__(
        self, repository: str, root: Path, cache: Path, directory: Path, own: str, clock: support.HandClock
    ) -> None:
        """Read as ``TrustList`` does, at the instant of ``clock``."""
        super().__init__(repository, root, cache, directory, own)
        self._clock = clock

    def read(self) -> None:
        """Read everything again: whether a part has run out meanwhile is not a question of the machine's clock."""
        self._read = None
        super().read()

    def _updater(self, fetcher: FetcherInterface) -> Updater:
        made = super()._updater(fetcher)
        made._trusted_set.reference_time = self._clock.now()
        return made


class Bench:
    """One gateway on a bench: reset, wound up, looked into."""

    def __init__(self, folder: Path, peers_port: int, *, tls: bool = False) -> None:
        """Keep everything under ``folder``; the door for partners is on ``peers_port``, or on a free one."""
        self._folder = folder
        # Kept for as long as the bench: between two gateways nobody else's connection may be given the port.
        self._kept = socket.socket()
        self._kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._kept.bind(("127.0.0.1", peers_port))
        self._port = int(self._kept.getsockname()[1])
        self._tls = tls
        self._keys = support.people_keys()
        self._template = folder / "template"
        # A partner that is no part of the suite goes by the address in the card.
        own = f"{'https' if tls else 'http'}://127.0.0.1:{self._port}"
        support.make_home(self._template, COUNTRY, self._keys, support.START, address=own)
        support.make_store(self._template)
        # The keys of the template, by the environment: a passphrase costs more than everything else of a reset.
        self._first = _whole_store(self._template, home.KEY_FILE)
        self._secrets = dict(self._first)
        self._identity = SigningKey(_whole_store(self._template, home.IDENTITY_FILE)[home.IDENTITY])
        self._count = 0
        self._home = self._template
        self._clock = support.HandClock()
        self._gateway: Gateway | None = None
        self._looking: sqlite3.Connection | None = None
        self._door: NeutralRunner | None = None
        self._lock = asyncio.Lock()
        self._list: tuple[str, Path] | None = None

    @property
    def target(self) -> str:
        """Return the address of the door for partners."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._port}"

    @property
    def gateway(self) -> Gateway:
        """Return the gateway as it runs now."""
        if self._gateway is None:
            raise ValueError("call /reset first")
        return self._gateway

    # Life

    async def reset(self, value: dict[str, Any]) -> dict[str, Any]:
        """Begin anew with the cards given, and nothing else."""
        await self.stop()
        self._count += 1
        if self._home != self._template:
            shutil.rmtree(self._home)
        self._home = self._folder / f"home-{self._count}"
        shutil.copytree(self._template, self._home)
        self._clock.instant = _instant(value["now"])
        self._secrets = dict(self._first)
        self._list = None
        self._write(value["cards"])
        await self._start(create=True)
        return {
            "country": COUNTRY,
            "cards": self._own(),
            "calendar": f"{COUNTRY}-2026-27",
            "profile": "full",
            "offers": list(OFFERS),
            "software": "isthmus",
        }

    def _write(self, cards: Mapping[str, list[str]]) -> None:
        path = self._home / settings.FILE_NAME
        text = re.sub('custody = "[^"]*"', f'custody = "env:{VARIABLE}"', path.read_text(encoding="utf-8"))
        text += f"\n[limits]\npost_timeout_s = {POST_TIMEOUT_S}\n"
        for country, chain in cards.items():
            identity = parse_card(chain[0].encode()).identity
            text += f'\n[partners.{country}]\nidentity = "{b64.encode(identity)}"\n'
        text += f"\n[transparency]\nwitnesses = {sorted(cards)[:WITNESSES]}\n"
        path.write_text(text + "\n" + support.persons_text(self._keys), encoding="utf-8")
        self._publish(cards)

    def _publish(self, cards: Mapping[str, list[str]]) -> None:
        """Put cards where the gateway reads them, whatever is wrong with them, under the next free serials."""
        for country, chain in cards.items():
            folder = self._home / "cards" / country
            folder.mkdir(parents=True, exist_ok=True)
            known = [path.read_text(encoding="ascii") for path in folder.glob("*.jws")]
            for card in chain:
                if card not in known:
                    serial = ijson.loads(b64.decode(card.split(".")[1]))["serial"]
                    (folder / f"{serial}.jws").write_text(card, encoding="ascii")

    def _own(self) -> list[str]:
        """Return our own cards, in the order of their serials."""
        return [raw.decode() for raw in load_cards(self._home / "cards", COUNTRY)]

    def _issue(self, changes: Mapping[str, Any]) -> None:
        """Issue our next card, as an operator does with the identity key."""
        held = parse_card(self._own()[-1].encode())
        write_card(self._home / "cards", home.next_card(held, changes, self._identity, self._clock.now()))

    async def _start(self, *, create: bool = False) -> None:
        self._gateway = await app.build(
            settings.load(self._home, {}),
            environ={VARIABLE: b64.encode(json.dumps({n: b64.encode(s) for n, s in self._secrets.items()}).encode())},
            clock=self._clock,
            run=run_inline,
            log=lambda event, **values: None,
            create=create,
            cards=self._reader(),
        )
        await self._gateway.refresh_trust()
        await self._gateway.reminder.reckon_anew(self._clock.now())
        watch, silent = self._gateway.witness, lambda event, **values: None
        door = peer_app(self._gateway.receiver, self._gateway.deliverer, log=silent, watch=watch)
        context = configured.tls(self._gateway.settings) if self._tls else None
        self._door = await listen(door, "127.0.0.1", self._port, ssl_context=context, reuse_port=True)

    def _reader(self) -> TrustList | None:
        """Return the reader of the trust list of this home, where it was told of one."""
        if self._list is None:
            return None
        repository, root = self._list
        return HandClockTrustList(repository, root, self._home / "trust", self._home / "cards", COUNTRY, self._clock)

    async def stop(self) -> None:
        """Close the door and the gateway behind it."""
        if self._door is not None:
            server, self._door = self._door, None
            if server.server is not None:
                for connection in list(server.server.connections):
                    connection.force_close()
            await server.cleanup()
        if self._looking is not None:
            self._looking.close()
            self._looking = None
        if self._gateway is not None:
            gateway, self._gateway = self._gateway, None
            await gateway.close()

    async def restart(self, value: dict[str, Any]) -> dict[str, Any]:
        """End the gateway without warning, and start it on the same files."""
        await self.stop()
        await self._start()
        return {}

    # Offered: keys, backups, evidence

    async def rotate(self, value: dict[str, Any]) -> dict[str, Any]:
        """Make a new key of one use, revoke those before it in the next card, and destroy their private halves."""
        use, now = value["use"], self._clock.now()
        claims = claims_of(parse_card(self._own()[-1].encode()))
        begin, end = home.format_instant(now), home.format_instant(now + home.WINDOW_LASTS)
        window = {"from": begin, "until": end, "revoked_at": None}
        old = [row | {"revoked_at": row["revoked_at"] or begin} for row in claims[use] if row["from"] <= begin]
        if use == "sealing":
            made = SealingKey.generate(1)
            row = {"suite": 1, "kid": b64.encode(made.kid), "key": b64.encode(made.public), **window}
            self._secrets = {name: one for name, one in self._secrets.items() if not name.startswith("seal.")}
            self._secrets["seal.1.1"] = made.seed
        else:
            signer = SigningKey.generate()
            row = {"kid": signer.kid, "key": b64.encode(signer.public), **window}
            self._secrets[home.SIGNING] = signer.seed
        await self.stop()
        self._issue({use: [*old, row]})
        await self._start()
        return {"cards": self._own()}

    async def backup(self, value: dict[str, Any]) -> dict[str, Any]:
        """Keep what is stored now aside."""
        database, target = self.gateway.settings.database, self._home / "backup.db"
        with closing(sqlite3.connect(database)) as db, closing(sqlite3.connect(target)) as aside:
            db.backup(aside)
        return {}

    async def restore(self, value: dict[str, Any]) -> dict[str, Any]:
        """Bring the backup back as an operator does: a new epoch, announced in the next card."""
        database = self.gateway.settings.database
        await self.stop()
        for suffix in ("-wal", "-shm"):
            database.with_name(database.name + suffix).unlink(missing_ok=True)
        shutil.copyfile(self._home / "backup.db", database)
        await self._start()
        epoch = await self.gateway.resync.begin_epoch(self._clock.now())
        await self.stop()
        self._issue({"epoch": epoch})
        await self._start()
        return {"cards": self._own()}

    async def evidence(self, value: dict[str, Any]) -> dict[str, Any]:
        """List what proves a thread: each receipt with its opening, and its proof in our log as it stands now."""
        rows = self._rows(
            "SELECT DISTINCT e.*, h.checkpoint FROM log_entry e JOIN log_head h ON h.origin = e.origin"
            " JOIN (SELECT partner, thread, digest FROM inbound UNION SELECT partner, thread, digest FROM outbound) m"
            " ON m.digest = e.digest WHERE m.partner = ? AND m.thread = ? ORDER BY e.n",
            value["partner"],
            value["thread"],
        )
        return {"entries": [self._proved(row) for row in rows]}

    def _proved(self, row: Mapping[str, Any]) -> dict[str, Any]:
        found = self._rows("SELECT leaf FROM log_entry WHERE origin = ? ORDER BY idx", row["origin"])
        leaves = [bytes(one["leaf"]) for one in found]
        path = inclusion_proof(leaves, row["idx"], len(leaves))
        return {
            "digest": row["digest"],
            "receipt": bytes(row["receipt"]).decode(),
            "r": b64.encode(row["r"]),
            "proof": proof_text(row["idx"], path, row["checkpoint"]),
        }

    # Time and trust

    async def clock(self, value: dict[str, Any]) -> dict[str, Any]:
        """Set the clock and do all that is due."""
        now, gateway = _instant(value["now"]), self.gateway
        if now < self._clock.instant:
            raise ValueError("the clock never goes back")
        self._clock.instant = now
        if not value.get("unread"):
            await gateway.refresh_trust()
        await gateway.deliverer.expire(now)
        await gateway.reminder.run_once(now)
        await gateway.returning.run_once(now)
        await gateway.information.run_once(now)
        await gateway.retention.run_once(now)
        for _ in range(ROUNDS_MAX):
            if not await gateway.deliverer.run_once():
                await self._watch(now)
                return {"now": value["now"]}
        raise ValueError("the gateway does not come to an end")

    async def _watch(self, now: datetime) -> None:
        """Keep and show checkpoints as each hour; where no partner cosigns nobody would see it, and it is left out."""
        gateway, find = self.gateway, self.gateway.context.trust.find
        if any(card is not None and card.cosigning for card in map(find, gateway.context.partners)):
            await gateway.checkpoints.run_once(now, apart=WATCHED_APART)
            await gateway.witness.run_once(now)

    async def cards(self, value: dict[str, Any]) -> dict[str, Any]:
        """Publish further cards, and read them."""
        self._publish(value["cards"])
        await self.gateway.refresh_trust()
        trust = self.gateway.context.trust
        held = {country: card.serial for country in value["cards"] if (card := trust.find(country))}
        return {"held": held, "hold": sorted(set(trust.holds()) & set(value["cards"]))}

    async def trust(self, value: dict[str, Any]) -> dict[str, Any]:
        """Take cards from a trust list alone from now on, and read it."""
        root = self._home / "root.json"
        wanted = (value["repository"], root)
        if self._list != wanted or root.read_text(encoding="utf-8") != value["root"]:
            await self.stop()
            root.write_text(value["root"], encoding="utf-8")
            self._list = wanted
            await self._start()
        else:
            await self.gateway.refresh_trust()
        trust = self.gateway.context.trust
        held = {country: card.serial for country in self.gateway.context.partners if (card := trust.held(country))}
        return {"held": held, "hold": sorted(trust.holds())}

    # People

    async def submit(self, value: dict[str, Any]) -> dict[str, Any]:
        """Draft, approve and send."""
        exercise = value.get("exercise") is True
        return {"thread": await self._desk().submit(value["draft"], exercise=exercise)}

    async def say(self, value: dict[str, Any]) -> dict[str, Any]:
        """Say the next thing in a thread."""
        thread = await self._desk().say(value["partner"], value.get("thread"), value["type"], value["body"])
        return {"thread": thread} if thread else {}

    async def act(self, value: dict[str, Any]) -> dict[str, Any]:
        """Do something in a thread."""
        await self._desk().act(value["partner"], value["thread"], value["act"], value.get("reason"))
        return {}

    def _desk(self) -> Desk:
        return Desk(self.gateway, self._keys)

    # Looking inside, past the gateway

    async def delivered(self, value: dict[str, Any]) -> dict[str, Any]:
        """List what was taken in, as often as it moved a case."""
        rows = self._rows("SELECT * FROM inbound WHERE status = 'accepted' AND type != 'collect' ORDER BY n")
        return {"messages": [row for one in rows for row in [await self._shown(one)] * self._times(one)]}

    def _times(self, row: Mapping[str, Any]) -> int:
        """Return how often a message moved its case; one of no case, or of an erased one, is counted once."""
        erased = self._rows("SELECT 1 FROM case_file WHERE ref = ? AND wrapped IS NOT NULL", row["ref"]) == []
        if row["ref"] is None or erased:
            return 1
        found = self._rows(
            "SELECT count(*) AS n FROM case_event WHERE ref = ? AND digest = ? AND actor = ? AND event != 'reckoned'",
            row["ref"],
            row["digest"],
            row["partner"],
        )
        return int(found[0]["n"])

    async def _shown(self, row: Mapping[str, Any]) -> dict[str, Any]:
        members = ("partner", "thread", "epoch", "seq", "type", "id", "digest")
        return {name: row[name] for name in members} | {"type": _type(row), "body": await self._body(row)}

    async def _body(self, row: Mapping[str, Any]) -> str | None:
        if row["sealed"] is None or row["ref"] is None:
            return None
        context, store = self.gateway.context, self.gateway.store
        case = await store.read(lambda tx: tx.find_case(row["ref"]))
        if case is None or case.wrapped_key is None:
            return None
        key = context.vault.unwrap(row["ref"], case.wrapped_key)
        signed = context.vault.open(key, "inbound", row["digest"], "sealed", row["sealed"])
        return wire.parse_payload(jws.parse(signed, jws.TYP_MESSAGE).payload).body_bytes.decode()

    async def sent(self, value: dict[str, Any]) -> dict[str, Any]:
        """List where our own messages stand."""
        rows = self._rows("SELECT * FROM outbound ORDER BY queued_at, n")
        cases_of = {ref: await self._case(ref) for ref in {row["ref"] for row in rows}}
        return {"messages": [self._stands(row, cases_of[row["ref"]]) for row in rows]}

    async def _case(self, ref: str | None) -> Case | None:
        """Return the case of a message, as far as it is kept."""
        context, store = self.gateway.context, self.gateway.store
        row = await store.read(lambda tx: tx.find_case(ref)) if ref else None
        if row is None or row.sealed is None or row.wrapped_key is None:
            return None
        return cases.unseal(context, row).case

    def _stands(self, row: Mapping[str, Any], case: Case | None) -> dict[str, Any]:
        state = row["state"]
        named = STATES.get(state) or ("ended" if row["code"] else "undelivered")
        members = ("partner", "thread", "epoch", "seq", "type", "digest", "code")
        clock = case.clock("reply") if case else None
        # The day of a receipt that is not ours stands as a finding beside the case; these two requests start a clock.
        found = case.findings if case else ()
        differs = row["type"] in (REQUEST, DOCUMENT_REQUEST) and any(ANOTHER_DAY in one for one in found)
        return {name: row[name] for name in members} | {
            "type": _type(row),
            "state": named,
            "due_on": clock.due_on.isoformat() if clock else None,
            "told": differs or named in ("ended", "undelivered"),
        }

    def _rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        if self._looking is None:
            where = f"{self.gateway.settings.database.absolute().as_uri()}?mode=ro"
            self._looking = sqlite3.connect(where, uri=True)
            self._looking.row_factory = sqlite3.Row
        return [dict(row) for row in self._looking.execute(statement, values)]

    # The listener

    def app(self) -> web.Application:
        """Return the application of the back-end."""
        made = web.Application(client_max_size=4 << 20)
        for name in (
            "reset",
            "clock",
            "cards",
            "submit",
            "say",
            "act",
            "restart",
            "rotate",
            "backup",
            "restore",
            "trust",
        ):
            made.router.add_post(f"/{name}", self._handler(getattr(self, name)))
        for name in ("delivered", "sent", "evidence"):
            made.router.add_get(f"/{name}", self._handler(getattr(self, name)))
        made.router.add_route("*", "/{rest:.*}", self._handler(_not_here))
        return made

    def _handler(self, call: Handler) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            try:
                async with self._lock:
                    value = await request.json() if request.method == "POST" else dict(request.query)
                    return web.json_response(await call(value))
            except NotHere as error:
                return web.json_response({"error": str(error)}, status=501)
            except (RuleRefused, IllegalStep, Forbidden, NotFound, schemas.SchemaError, Unavailable) as error:
                return web.json_response({"error": f"{type(error).__name__}: {error}"[:300]}, status=409)
            except (LookupError, TypeError, ValueError) as error:
                return web.json_response({"error": f"{type(error).__name__}: {error}"[:300]}, status=400)

        return handle


def _type(row: Mapping[str, Any]) -> str:
    """Return the type of a message as it stands on the wire: in a case that is an exercise, that one."""
    return "exercise" if is_exercise(row["ref"] or "") else str(row["type"])


def _whole_store(folder: Path, name: str) -> dict[str, bytes]:
    """Return every secret of a key store of a home by its name."""
    store = open_store(f"file:{folder / name}", passphrase=lambda: "correct horse", environ={})
    return {one: store.get(one) for one in store.names()}


async def _not_here(value: dict[str, Any]) -> dict[str, Any]:
    raise NotHere("no such call")


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _new_folder() -> Path:
    """
    Return a new folder named for this process, and clear those of processes that were killed: they could not.

    It is in memory where there is such a place: a reset is a new database, and a run has hundreds of them.
    """
    for old in (MEMORY or Path(tempfile.gettempdir())).glob(f"{FOLDER}*-*"):
        number = old.name.removeprefix(FOLDER).partition("-")[0]
        if number.isdecimal() and not _runs(int(number)):
            shutil.rmtree(old, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{FOLDER}{os.getpid()}-", dir=MEMORY))


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass  # it is somebody else's, or no process at all, and so is its folder
    return True


async def _run(backend_port: int, peers_port: int, *, tls: bool) -> None:
    folder = _new_folder()
    bench = Bench(folder, peers_port, tls=tls)
    runner = web.AppRunner(bench.app(), access_log=None)
    try:
        await bench.reset({"now": home.format_instant(support.START), "cards": {}})
        await runner.setup()
        settle_in()  # as a gateway does that serves
        site = web.TCPSite(runner, "127.0.0.1", backend_port)
        await site.start()
        told = {"target": bench.target, "backend": f"http://127.0.0.1:{runner.addresses[0][1]}"}
        print(json.dumps(told), flush=True)
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
        await bench.stop()
        shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    """Run until interrupted."""
    parser = argparse.ArgumentParser(description="Run this gateway with its test back-end, on loopback.")
    parser.add_argument("--port", type=int, default=0, help="port of the back-end; 0 takes a free one")
    parser.add_argument("--peers-port", type=int, default=0, help="port of the door for partners")
    parser.add_argument("--tls", action="store_true", help="the door for partners speaks TLS 1.3")
    options = parser.parse_args()
    once.install()
    # A shell that runs the tests in the background has all that they start ignore it, and whoever ends this would wait.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        asyncio.run(_run(options.port, options.peers_port, tls=options.tls))
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
