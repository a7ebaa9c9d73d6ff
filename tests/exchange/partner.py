"""
A gateway XBB behind its real door, and the State XAA as a program that can do each step of the protocol wrong.

XAA frames, signs and seals by itself, so that a fault can be planted in the place where it belongs.
"""

import asyncio
import json
import shutil
import sqlite3
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import aiohttp

import schemas
from gateway import home
from gateway.app import Gateway
from gateway.core import checkpoint, codes, envelope, merkle, wire
from gateway.http.limits import Limits
from gateway.http.listen import NeutralRunner, listen
from gateway.http.peer_api import peer_app
from gateway.transport.card_directory import write_card
from keys import b64, card, jws, statement
from keys.card import Card
from keys.custody import open_store
from keys.ids import SIGN, key_id
from keys.seal import RecipientKey
from keys.sign import Signer, SigningKey
from schemas import ijson
from tests.support import network as support
from tests.support.network import START, HandClock, Network, Wires

EXAMPLES = Path(schemas.__file__).parent / "examples"
MESSAGES, COLLECT, ANSWERS = "/xg/1/messages", "/xg/1/collect", "/xg/1/answers"
COUNTS = """
SELECT 'case_file' AS name, count(*) AS n FROM case_file
UNION ALL SELECT 'case key', count(wrapped) FROM case_file
UNION ALL SELECT 'case_event', count(*) FROM case_event
UNION ALL SELECT 'thread', count(*) FROM thread
UNION ALL SELECT 'inbound', count(*) FROM inbound
UNION ALL SELECT 'outbound', count(*) FROM outbound
UNION ALL SELECT 'outbound_body', count(*) FROM outbound_body
UNION ALL SELECT 'log_entry', count(*) FROM log_entry
"""
DAY = timedelta(days=1)
SMALL_ORDER = bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")
"""A point of order 8: under it one signature in eight verifies for a careless library, whatever the message."""
IDENTITY_POINT = bytes([1]) + bytes(31)
"""The neutral element: under it the signature (this point, 0) verifies for every message in a careless library."""

Change = Callable[[bytes], bytes]


def example(kind: str, name: str) -> dict[str, Any]:
    """Return a valid example body."""
    return ijson.loads((EXAMPLES / kind / "valid" / f"{name}.json").read_bytes())


def same(raw: bytes) -> bytes:
    """Change nothing."""
    return raw


@dataclass(frozen=True)
class FixedSigner:
    """A signer that says what it is told to say: another kid, another signature."""

    kid: str
    public: bytes
    signature: bytes = b""
    by: SigningKey | None = None

    def sign(self, message: bytes) -> bytes:
        """Return the planted signature, or that of another key under this kid."""
        return self.by.sign(message) if self.by is not None else self.signature


@dataclass(frozen=True)
class Shot:
    """One request to XBB's door, and what of it the database could show."""

    raw: bytes
    digest: str = ""
    thread: str | None = None
    seq: int | None = None
    id: str = ""
    path: str = MESSAGES
    url: str = ""
    declared: int | None = None
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": envelope.MEDIA_TYPE})


@dataclass(frozen=True)
class Got:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Secrets:
    """XAA's private keys, by what its card says of them."""

    identity: SigningKey
    signing: SigningKey
    log: SigningKey
    revoked: SigningKey
    over: SigningKey
    early: SigningKey
    desk_head: SigningKey
    revoked_signer: SigningKey
    second: Card


@cache
def prepared(suite: int = 1) -> tuple[Path, Any, Secrets]:
    """Make both homes once a process, and XAA's second card: one key of each kind that must not be believed."""
    root, people = support._template(("XAA", "XBB"), "", (("suite", suite),) if suite != 1 else ())
    folder = root / "xaa"
    held = card.parse_card((folder / "cards" / "XAA" / "1.jws").read_bytes())
    stores = [
        open_store(f"file:{folder / name}", passphrase=lambda: "correct horse", environ={})
        for name in (home.IDENTITY_FILE, home.KEY_FILE)
    ]
    identity, signing, log = (
        SigningKey(store.get(name))
        for store, name in zip((stores[0], stores[1], stores[1]), (home.IDENTITY, home.SIGNING, home.LOG), strict=True)
    )
    new = [SigningKey.generate() for _ in range(5)]
    claims = card.claims_of(held)
    past, soon = START - 10 * DAY, START - DAY
    changes = {
        "signing": [
            *claims["signing"],
            entry(new[0], past, START + 90 * DAY, revoked_at=soon),
            entry(new[1], past, soon),
            entry(new[2], START + DAY, START + 90 * DAY),
        ],
        "roles": [
            *claims["roles"],
            {"role": "desk_head", **entry(new[3], past, START + 90 * DAY)},
            {"role": "second_signer", **entry(new[4], past, START + 90 * DAY, revoked_at=soon)},
        ],
    }
    second = home.next_card(held, changes, identity, START)
    return root, people, Secrets(identity, signing, log, new[0], new[1], new[2], new[3], new[4], second)


def entry(key: SigningKey, begin: datetime, end: datetime, revoked_at: datetime | None = None) -> dict[str, Any]:
    """Return the entry of a key in a card."""
    return {
        "kid": key.kid,
        "key": b64.encode(key.public),
        "from": wire.format_instant(begin),
        "until": wire.format_instant(end),
        "revoked_at": wire.format_instant(revoked_at) if revoked_at else None,
    }


class Partner:
    """XAA: builds messages to XBB, with any fault that is asked for."""

    def __init__(self, secrets: Secrets, second_signer: SigningKey, recipient: RecipientKey, clock: HandClock) -> None:
        self.secrets = secrets
        self.second_signer = second_signer
        self.recipient = recipient
        self.clock = clock
        self._count = 0

    def token(self) -> str:
        """Return an id that was not used before."""
        self._count += 1
        return b64.encode(self._count.to_bytes(16, "big"))

    def message(
        self,
        type: str = "verification.request",
        body: Mapping[str, Any] | bytes | None = None,
        *,
        payload: Change = same,
        signer: Signer | None = None,
        typ: str = jws.TYP_MESSAGE,
        signed: Change = same,
        plain: Change = same,
        head: bytes | None = None,
        key: RecipientKey | None = None,
        sealed: Change = same,
        path: str = MESSAGES,
        **frame: Any,
    ) -> Shot:
        """Return a message; ``payload``, ``signed``, ``plain`` and ``sealed`` change the bytes of their layer."""
        threaded = type not in wire.THREADLESS
        now = self.clock.now()
        values: dict[str, Any] = {
            "v": 1,
            "type": type,
            "id": self.token(),
            "from": "XAA",
            "to": "XBB",
            "thread": self.token() if threaded else None,
            "epoch": 1,
            "seq": 1 if threaded else None,
            "prev": None,
            "issued_at": now,
            "expires_at": now + 14 * DAY,
            "in_reply_to": None,
            "clock": None,
            "statements": [],
        } | frame
        if type == "verification.request" and body is None:
            body = example(type, "nationality")
        text = body if isinstance(body, bytes) else ijson.dumps(body or {})
        written = {k: wire.format_instant(v) if isinstance(v, datetime) else v for k, v in values.items()}
        raw = payload(ijson.dumps(written)[:-1] + b',"body":' + text + b"}")
        made = signed(jws.sign(raw, typ, signer or self.secrets.signing))
        key = key or self.recipient
        outside = head if head is not None else envelope.head(key.suite, key.kid)
        whole = sealed(outside + key.seal(outside, plain(envelope.pad(made))))
        return Shot(whole, wire.payload_digest(raw), values["thread"], values["seq"], values["id"], path)

    def answer(
        self,
        digest: str,
        *,
        signer: Signer | None = None,
        typ: str = jws.TYP_RECEIPT,
        log_epoch: int = 1,
        **how: Any,
    ) -> Shot:
        """
        Return XAA's answer to a message of XBB's, the first entry of its log; ``how`` changes the receipt.

        ``log_epoch`` is the epoch whose log it stands in.
        """
        values: dict[str, Any] = {
            "sender": "XAA",
            "recipient": "XBB",
            "payload": digest,
            "status": wire.ACCEPTED,
            "code": None,
            "received_at": self.clock.now(),
        } | how
        signed = jws.sign(wire.serialize_receipt(wire.Receipt(**values)), typ, signer or self.secrets.signing)
        r, origin = bytes(32), checkpoint.origin("XAA", "XBB", log_epoch)
        frontier, proofs = merkle.batch_proofs(merkle.Frontier(), [merkle.leaf_hash(checkpoint.log_entry(signed, r))])
        note = checkpoint.sign_note(checkpoint.checkpoint_body(origin, 1, frontier.root()), origin, self.secrets.log)
        raw = wire.pad_answer(wire.serialize_answer(wire.Answer(signed, r, checkpoint.proof_text(0, proofs[0], note))))
        return Shot(raw, digest, path=ANSWERS, headers={"Content-Type": wire.ANSWER_MEDIA_TYPE})

    def reply(self, outcome: str = "not-found", **how: Any) -> dict[str, Any]:
        """Return the body of a reply from the examples, with changes."""
        return example("verification.reply", outcome) | how

    def statement(self, body: Mapping[str, Any], thread: str, /, **how: Any) -> str:
        """Return the second signature over ``body``, with any fault in it."""
        values: dict[str, Any] = {
            "thread": thread,
            "statement": "reply.second-signature",
            "role": "second_signer",
            "digest": wire.payload_digest(ijson.dumps(body)),
            "valid_until": self.clock.now() + DAY,
        } | how
        signer = values.pop("signer", self.second_signer)
        return statement.make(statement.Statement(**values), signer).decode()


class Door:
    """XBB: a real gateway, its store, and its door on the loopback."""

    def __init__(self, network: Network, partner: Partner) -> None:
        self.network = network
        self.partner = partner
        self.session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        self.url = ""
        self._runners: list[NeutralRunner] = []

    @property
    def gateway(self) -> Gateway:
        """Return the gateway as it runs now."""
        return self.network.gateways["XBB"]

    @property
    def card(self) -> Card:
        """Return XBB's card."""
        return card.parse_card((self.network.homes["XBB"] / "cards" / "XBB" / "1.jws").read_bytes())

    async def open(self, tls: ssl.SSLContext | None = None, **limits: Any) -> str:
        """Open a door with ``limits`` and return its address."""
        app = peer_app(
            self.gateway.receiver,
            self.gateway.deliverer,
            log=self.gateway.context.log,
            limits=Limits(**limits),
        )
        runner = await listen(app, "127.0.0.1", 0, ssl_context=tls)
        self._runners.append(runner)
        return f"http{'s' if tls else ''}://127.0.0.1:{runner.addresses[0][1]}"

    async def post(self, shot: Shot, **how: Any) -> Got:
        """Post ``shot`` and return what came back; one that only declares a length never sends its body."""
        if shot.declared is not None:
            return await self._announce(shot, shot.declared)
        address = (shot.url or self.url) + shot.path
        async with self.session.post(address, data=shot.raw, headers=shot.headers, **how) as response:
            return Got(response.status, dict(response.headers), await response.read())

    async def _announce(self, shot: Shot, length: int) -> Got:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(self.url.rpartition(":")[2]))
        lines = [f"POST {shot.path} HTTP/1.1", "Host: x", *(f"{name}: {value}" for name, value in shot.headers.items())]
        writer.write(("\r\n".join([*lines, f"Content-Length: {length}"]) + "\r\n\r\n").encode() + shot.raw)
        try:
            async with asyncio.timeout(10):
                first, *rest = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
                headers = dict(line.split(": ", 1) for line in rest)
                body = await reader.readexactly(int(headers["Content-Length"]))
        finally:
            writer.close()
        return Got(int(first.split(" ")[1]), headers, body)

    async def restart(self) -> None:
        """Close gateway and door, and open both again on the same files."""
        await self._shut()
        await self.gateway.close()
        await support.open_gateway(self.network, "XBB")
        self.url = await self.open()

    def no_fault(self) -> None:
        """Insist that nothing a partner sent was a fault nobody expected."""
        assert "gateway.fault" not in {event for event, _ in self.network.logs}

    async def close(self) -> None:
        """Close everything."""
        await self.session.close()
        await self._shut()
        await self.network.close()

    async def _shut(self) -> None:
        for runner in self._runners:
            await runner.cleanup()
        self._runners.clear()

    # What the database holds, read past the gateway.

    def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        """Return rows of XBB's database."""
        db = sqlite3.connect(f"{self.gateway.settings.database.absolute().as_uri()}?mode=ro", uri=True)
        try:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute(statement, values)]
        finally:
            db.close()

    def counts(self) -> dict[str, int]:
        """Return how many rows each table of messages and cases holds."""
        return {row["name"]: row["n"] for row in self.rows(COUNTS)}

    def thread(self, shot: Shot) -> dict[str, Any] | None:
        """Return where the shot's thread stands."""
        found = self.rows("SELECT * FROM thread WHERE partner = 'XAA' AND thread = ?", shot.thread)
        return found[0] if found else None

    def last(self, shot: Shot) -> int:
        """Return the last number used in the shot's thread."""
        row = self.thread(shot)
        return int(row["in_seq"]) if row else 0

    def inbound(self, shot: Shot) -> dict[str, Any] | None:
        """Return the row of a received message."""
        found = self.rows("SELECT * FROM inbound WHERE digest = ?", shot.digest)
        return found[0] if found else None

    # What an answer must be.

    def receipt(self, got: Got, digest: str) -> wire.Receipt:
        """Return the receipt in an answer after every check that its sender must make (M-5.17, M-7.4)."""
        assert (200, wire.ANSWER_MEDIA_TYPE) == (got.status, got.headers["Content-Type"])
        answer = wire.parse_answer(got.body)
        signed = jws.parse(answer.receipt, jws.TYP_RECEIPT)
        signed.verify(self.card.signing_key(signed.kid, self.network.clock.now()))
        origin = checkpoint.origin("XBB", "XAA", 1)
        (log_key,) = (entry.key for entry in self.card.log)
        checkpoint.verify_entry(answer.receipt, answer.r, checkpoint.parse_proof(answer.proof), origin, log_key)
        receipt = wire.parse_receipt(signed.payload)
        assert ("XBB", "XAA", digest) == (receipt.sender, receipt.recipient, receipt.payload)
        return receipt

    async def accepted(self, shot: Shot) -> wire.Receipt:
        """Post ``shot`` and insist that it is accepted."""
        receipt = self.receipt(await self.post(shot), shot.digest)
        assert ("accepted", None) == (receipt.status, receipt.code)
        return receipt

    async def refused(self, shot: Shot, code: str) -> wire.Receipt:
        """
        Post ``shot`` and insist on a signed refusal that leaves only what it may (M-5.4).

        The number is used up if it is the next one, and not otherwise (M-5.9).
        """
        before, last = self.counts(), self.last(shot)
        got = await self.post(shot)
        receipt = self.receipt(got, shot.digest)
        assert ("refused", code, None, None) == (receipt.status, receipt.code, receipt.start_on, receipt.due_on)
        after, row = self.counts(), self.inbound(shot)
        assert {"inbound": 1, "log_entry": 1} == {
            table: count - before[table]
            for table, count in after.items()
            if table != "thread" and count != before[table]
        }
        assert row is not None
        assert ("refused", code, None, None) == (row["status"], row["code"], row["ref"], row["sealed"])
        assert row["answer"] == got.body.rstrip(b" ")
        if shot.thread is not None:
            assert last + (shot.seq == last + 1 and row["epoch"] == 1) == self.last(shot)
        return receipt

    async def problem(self, shot: Shot, code: str) -> Got:
        """Post ``shot`` and insist on the problem of ``code``, and that nothing at all was stored (M-5.5)."""
        before, thread = self.counts(), self.thread(shot)
        got = await self.post(shot)
        self.is_problem(got, code)
        assert (before, thread) == (self.counts(), self.thread(shot))
        return got

    def is_problem(self, got: Got, code: str) -> None:
        """Insist that ``got`` is the problem of ``code``, byte for byte."""
        row = codes.get(code)
        assert (row.status, codes.PROBLEM_MEDIA_TYPE, codes.problem(code)) == (
            got.status,
            got.headers["Content-Type"],
            got.body,
        )
        assert row.retry == ("Retry-After" in got.headers)
        assert {"type", "title", "status"} == set(json.loads(got.body))

    async def fails(self, shot: Shot, code: str) -> None:
        """Post ``shot`` and insist on ``code``, in the way its kind demands (M-5.3, M-5.5)."""
        if codes.get(code).kind is codes.Kind.REFUSAL:
            await self.refused(shot, code)
        else:
            await self.problem(shot, code)


async def open_door(folder: Path, suite: int = 1) -> Door:
    """Return a fresh XBB with its door open, that knows both cards of XAA."""
    root, people, secrets = prepared(suite)
    homes = {"XBB": folder / "xbb"}
    shutil.copytree(root / "xbb", homes["XBB"])
    write_card(homes["XBB"] / "cards", secrets.second)
    network = Network(HandClock(), Wires(), homes, people, {}, [])
    gateway = await support.open_gateway(network, "XBB", create=True)
    await gateway.refresh_trust()
    own = card.parse_card((homes["XBB"] / "cards" / "XBB" / "1.jws").read_bytes())
    partner = Partner(secrets, people["signer"], own.sealing_key(START, {1, 2}), network.clock)
    door = Door(network, partner)
    door.url = await door.open()
    return door


def sign_kid(public: bytes) -> str:
    """Return the key id of a signing key."""
    return b64.encode(key_id(SIGN, public))


def flip(at: int, bit: int = 0) -> Change:
    """Return a change of one bit."""

    def change(raw: bytes) -> bytes:
        made = bytearray(raw)
        made[at] ^= 1 << bit
        return bytes(made)

    return change


def instant(text: str) -> datetime:
    """Return an instant on the wire."""
    return datetime.fromisoformat(text).astimezone(UTC)
