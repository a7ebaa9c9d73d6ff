"""
A test State: its keys and cards, the messages it sends, and how it answers what it gets.

It does everything right until a case tells it otherwise: ``message`` takes a fault for each layer, ``answer`` one for
each part, and ``instead`` holds what the State's door does with the next posts in place of answering them.
"""

import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

import schemas
from conformance.evidence import Card, read_chain
from conformance.reading import (
    Json,
    Refused,
    b64u,
    compact,
    due_on,
    due_statements,
    instant,
    open_envelope,
    read_jws,
    read_payload,
    strict_json,
    unb64u,
)
from conformance.registry import Wrong
from conformance.writing import (
    CARD,
    MESSAGE,
    RECEIPT,
    SIZES,
    Key,
    Log,
    Recipient,
    SealingKey,
    digest,
    pad,
    sign_jws,
    stamp,
    write_answer,
    write_payload,
    write_statement,
)

MESSAGES, COLLECT, ANSWERS = "/xg/1/messages", "/xg/1/collect", "/xg/1/answers"
ENVELOPE, ANSWER, SEVERAL = "application/xg1-envelope", "application/xg1-answer+json", "application/xg1-envelopes"
THREADLESS = ("collect", "directory", "resync")
DAY = timedelta(days=1)
DAYS = {"verification.request": 10, "verification.contest": 10, "travel-document.request": 3}
"""Working days of ``POLICY_DEFAULT`` that begin with the receipt of a message."""
ROLES = ("second_signer", "welfare", "coordinator", "desk_head", "escort", "reception", "information")
EXAMPLES = Path(schemas.__file__).parent / "examples"

Change = Callable[[bytes], bytes]


def example(kind: str, name: str, **changes: Any) -> Json:
    """Return a valid body of ``schemas/examples``, with ``changes``."""
    return {**strict_json((EXAMPLES / kind / "valid" / f"{name}.json").read_bytes()), **changes}


def same(raw: bytes) -> bytes:
    """Change nothing."""
    return raw


@dataclass(frozen=True)
class Shot:
    """One post to the gateway under test, and what the suite knows of the message in it."""

    raw: bytes
    state: str = ""
    digest: str = ""
    thread: str | None = None
    seq: int | None = None
    id: str = ""
    type: str = ""
    path: str = MESSAGES
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": ENVELOPE})


@dataclass(frozen=True)
class Message:
    """A message of the gateway under test, opened and found right."""

    raw: bytes
    payload: bytes
    value: Json
    suite: int

    @property
    def type(self) -> str:
        """Return its type."""
        return str(self.value["type"])

    @property
    def body(self) -> Json:
        """Return its body."""
        body: Json = self.value["body"]
        return body

    @property
    def thread(self) -> str:
        """Return its thread."""
        return str(self.value["thread"])

    @property
    def digest(self) -> str:
        """Return the digest of the payload."""
        return digest(self.payload)


@dataclass(frozen=True)
class Answering:
    """How a State answers; every member makes one part of the answer wrong, or leaves it right."""

    claims: Callable[[Json], Json] = lambda claims: claims
    content: Change = same
    key: Key | None = None
    typ: str = RECEIPT
    receipt: Callable[[str], str] = lambda receipt: receipt
    entered: Callable[[str], str] = lambda receipt: receipt
    r: Callable[[str], str] = lambda r: r
    log_key: Key | None = None
    origin: str | None = None
    proof: Callable[[str], str] = lambda proof: proof
    answer: Change = same
    refuse: str | None = None
    media_type: str = ANSWER
    status: int = 200


@dataclass
class Post:
    """One request of the gateway to a State's door, and what came of it."""

    state: "State"
    at: datetime
    path: str
    headers: list[tuple[str, str]]
    raw: bytes
    message: Message | None = None
    fault: str | None = None
    answer: bytes | None = None

    @property
    def read(self) -> Message:
        """Return the message. Raises ``Wrong`` if what was posted is none."""
        if self.message is None:
            raise Wrong(f"the gateway posted to {self.path} what is no message: {self.fault}")
        return self.message


Instead = Callable[[Post, web.Request], Awaitable[web.StreamResponse]]
Watch = Callable[[str, str, bytes], web.Response]
"""What a State says of logs (7.3): from method, path and body an answer; one that says nothing of them has none."""


class State:
    """One State that the suite plays, and the door where the gateway under test posts to it."""

    def __init__(self, code: str, seed: bytes, now: Callable[[], datetime], *, suite: int = 1, tokens: int = 0) -> None:
        """Make the keys of ``code`` from ``seed`` and its ids from ``tokens``; ``now`` is the clock of the run."""
        self.code = code
        self.now = now
        self.suite = suite
        self._seed = seed
        self._tokens = tokens
        self._count = 0
        self.identity = self.key("identity")
        self.signing = self.key("signing")
        self.spare = self.key("spare")
        self.revoked, self.over, self.early = self.key("revoked"), self.key("over"), self.key("early")
        self.log_key = self.key("log")
        self.roles = {role: self.key(role) for role in ROLES}
        self.revoked_signer = self.key("revoked signer")
        self.over_signer, self.early_signer = self.key("over signer"), self.key("early signer")
        self.sealing = [SealingKey(suite, self.secret("sealing"))]
        self.addresses: list[str] = []
        self.spki: list[str] = []
        self.cards: list[str] = []
        self.forget()

    def forget(self) -> None:
        """Begin anew, as the gateway under test does after a reset: no log, no answers, no faults."""
        self.epoch = 1
        self.log: Log | None = None
        self.answers: dict[str, bytes] = {}
        self.answering = Answering()
        self.instead: list[Instead] = []
        self.posts: list[Post] = []
        self.watch: Watch | None = None
        self.watched: list[tuple[str, str, bytes]] = []
        self._issued: set[str | None] = set()

    def secret(self, name: str) -> bytes:
        """Return 32 secret bytes under a name."""
        return hmac.digest(self._seed, f"{self.code} {name}".encode(), "sha256")

    def key(self, name: str) -> Key:
        """Return the signing key called ``name``."""
        return Key(self.secret(name))

    def token(self) -> str:
        """Return an id that this State has not used before."""
        self._count += 1
        return b64u(self.secret(f"token {self._tokens} {self._count}")[:16])

    # Cards

    def claims(self) -> Json:
        """Return the content of a first card as of now: one key of each kind that must not be believed among them."""
        now = self.now()
        begin, end = now - 10 * DAY, now + 400 * DAY

        def window(key: Key, first: datetime = begin, last: datetime = end, revoked: datetime | None = None) -> Json:
            return {
                "kid": key.kid,
                "key": b64u(key.public),
                "from": stamp(first),
                "until": stamp(last),
                "revoked_at": stamp(revoked) if revoked else None,
            }

        return {
            "v": 1,
            "country": self.code,
            "serial": 1,
            "prev": None,
            "epoch": 1,
            "identity": b64u(self.identity.public),
            "signing": [
                window(self.signing),
                window(self.spare),
                window(self.revoked, revoked=now - DAY),
                window(self.over, last=now - DAY),
                window(self.early, first=now + DAY),
            ],
            "sealing": [self.sealing_row(key, begin, end) for key in self.sealing],
            "roles": [
                *({"role": role, **window(key)} for role, key in self.roles.items()),
                {"role": "second_signer", **window(self.revoked_signer, revoked=now - DAY)},
                {"role": "second_signer", **window(self.over_signer, last=now - DAY)},
                {"role": "second_signer", **window(self.early_signer, first=now + DAY)},
            ],
            "log": [{"kid": self.log_key.kid, "key": b64u(self.log_key.public)}],
            "addresses": self.addresses,
            "spki": self.spki,
            "authorities": [
                {
                    "id": f"{self.code}-01",
                    "name": f"{self.code}-01",
                    "tasks": ["NATIONALITY", "PERM_RESIDENCE"],
                    "from": begin.date().isoformat(),
                    "until": None,
                }
            ],
            "issued_at": stamp(now),
        }

    def sealing_row(self, key: SealingKey, begin: datetime, end: datetime) -> Json:
        """Return the row of a sealing key in a card."""
        return {
            "kid": b64u(key.recipient.kid),
            "suite": key.suite,
            "key": b64u(key.recipient.public),
            "from": stamp(begin),
            "until": stamp(end),
            "revoked_at": None,
        }

    def first_card(self, **changes: Any) -> str:
        """Make the first card, with ``changes``, and hold it as this State's only one."""
        self.cards = [sign_jws(compact(self.claims() | changes), CARD, self.identity)]
        return self.cards[0]

    def next_card(self, key: Key | None = None, keep: bool = True, **changes: Any) -> str:
        """Return the card that follows the last one, with ``changes``; ``keep`` holds it as this State's newest."""
        last = self.card
        following = {"serial": last.value["serial"] + 1, "prev": last.digest, "issued_at": stamp(self.now())}
        card = sign_jws(compact({**last.value, **following, **changes}), CARD, key or self.identity)
        if keep:
            self.cards.append(card)
        return card

    @property
    def card(self) -> Card:
        """Return this State's newest card."""
        return read_chain(self.cards)

    # Sending

    def message(
        self,
        gateway: "Gateway",
        /,
        type: str = "verification.request",
        body: Json | bytes | None = None,
        *,
        payload: Change = same,
        key: Key | None = None,
        typ: str = MESSAGE,
        header: bytes | None = None,
        signed: Change = same,
        size: int | None = None,
        plain: Change = same,
        head: bytes | None = None,
        recipient: Recipient | None = None,
        sealed: Change = same,
        path: str = MESSAGES,
        **frame: Any,
    ) -> Shot:
        """
        Return a message to the gateway, right but for what is asked for.

        ``payload``, ``signed``, ``plain`` and ``sealed`` change the bytes of their layer and leave those around it
        right. ``frame`` are members of the payload; instants may be given as such.
        """
        threaded, now = type not in THREADLESS, self.now()
        if type == "travel-document.issued":
            self._issued.add(frame.get("thread"))
        values: Json = {
            "v": 1,
            "type": type,
            "id": self.token(),
            "from": self.code,
            "to": gateway.code,
            "thread": self.token() if threaded else None,
            "epoch": self.epoch,
            "seq": 1 if threaded else None,
            "prev": None,
            "issued_at": now,
            "expires_at": now + 14 * DAY if type != "collect" else now + timedelta(minutes=5),
            "in_reply_to": None,
            "clock": None,
            "statements": [],
        } | frame
        if type == "verification.request" and body is None:
            body = self.question()
        text = body if isinstance(body, bytes) else compact(body or {})
        written = {name: stamp(value) if isinstance(value, datetime) else value for name, value in values.items()}
        raw = payload(write_payload(written, text))
        made = signed(sign_jws(raw, typ, key or self.signing, header).encode())
        target = recipient or gateway.card.sealing(now)
        outside = head if head is not None else target.head
        whole = sealed(outside + target.seal(outside, plain(pad(made, size))))
        return Shot(whole, self.code, digest(raw), values["thread"], values["seq"], values["id"], values["type"], path)

    def question(self, name: str = "nationality", **changes: Any) -> Json:
        """Return the body of a request, the example ``name`` with ``changes``."""
        body = example("verification.request", name, authority={"id": f"{self.code}-01"})
        until = (self.now() + 200 * DAY).date().isoformat()
        return {**body, "handling": {**body["handling"], "retain_until": until}, **changes}

    def statement(self, kind: str, role: str, body: Json | bytes, thread: str, **how: Any) -> str:
        """Return a statement over ``body``; ``key``, ``about``, ``about_thread`` and ``valid_until`` may be others."""
        text = body if isinstance(body, bytes) else compact(body)
        return write_statement(
            how.get("about_thread", thread),
            kind,
            role,
            how.get("about", digest(text)),
            how.get("valid_until", self.now() + DAY),
            how.get("key", self.roles.get(role, self.signing)),
        )

    # Receiving

    def open(self, raw: bytes, sender: "Gateway") -> Message:
        """
        Return the message that the gateway under test sealed to this State, after every check of section 5.1.

        Raises ``Wrong`` naming the first fault.
        """
        key = next((key for key in self.sealing if raw[5:21] == key.recipient.kid), None)
        if key is None:
            raise Wrong("the envelope is sealed to no key of the recipient's card (M-4.4)")
        try:
            active = self.card.sealing(self.now()).kid
            if len(raw) >= 21 and raw[5:21] != active and [post.raw for post in self.posts].count(raw) < 2:
                raise Wrong("the envelope is sealed to a key that is not the active one (2.1)")  # as it was, it may be
            jws = open_envelope(raw, key.seed).decode()
            kid = strict_json(unb64u(jws.split(".")[0]))["kid"]
            public = sender.card.signing(kid, self.now())
            if public is None:
                raise Wrong("the message is signed by no signing key of the gateway's card that is active (M-3.6)")
            _, payload = read_jws(jws, MESSAGE, public)
            value = read_payload(payload)
        except (Refused, LookupError, TypeError, ValueError) as error:
            raise Wrong(f"the message does not pass the checks of 5.1: {error}") from None
        overhead = len(raw) - next(size for size in reversed(SIZES) if size < len(raw))
        if len(raw) - overhead != len(pad(jws.encode())):
            raise Wrong("the envelope is larger than the smallest that holds the message (M-4.3)")
        self._check(value, sender, digest(payload))
        return Message(raw, payload, value, raw[4])

    def _check(self, value: Json, sender: "Gateway", named: str) -> None:
        """Check what a payload of the gateway with the digest ``named`` says."""
        wanted = {"from": sender.code, "to": self.code, "epoch": sender.card.value["epoch"]}
        if value["epoch"] < wanted["epoch"] and (value["type"] == "withdrawal" or self._has_come(named)):
            del wanted["epoch"]  # from before a restore: posted again, or with a number that is never freed (M-5.27)
        for name, expected in wanted.items():
            if name == "epoch" and value["epoch"] < expected:
                was = f"a {value['type']} of epoch {value['epoch']}, which is over; in that epoch"
                raise Wrong(f"{was} only what had been posted before is posted again (M-5.27)")
            if value[name] != expected:
                raise Wrong(f"{name} is {value[name]}, not {expected} (M-3.2)")
        issued, expires, now = instant(value["issued_at"]), instant(value["expires_at"]), self.now()
        if not timedelta(0) <= expires - issued <= 30 * DAY or issued > now + timedelta(seconds=300):
            raise Wrong("issued_at and expires_at are not as allowed (M-3.7)")
        if value["type"] not in schemas.message_types():
            raise Wrong(f"the type {value['type']} is none of this version (M-3.8)")
        if not schemas.is_valid(value["type"], value["body"]):
            raise Wrong(f"the body does not fit the schema of {value['type']} (M-3.8)")
        self._check_statements(value, sender)

    def _has_come(self, named: str) -> bool:
        """Return whether a message with this payload digest was answered, or posted here, before."""
        return named in self.answers or any(post.message and post.message.digest == named for post in self.posts)

    def _check_statements(self, value: Json, sender: "Gateway") -> None:
        kind, said, text = value["type"], value["body"], value["body_bytes"]
        if kind == "exercise":  # as the message that is exercised, over the bytes of its body (M-5.37)
            kind, said, text = said["of"], said["body"], text.partition(b',"body":')[2][:-1]
        due = due_statements(kind, said, sender.asking(value["thread"]))
        if len(due) != len(value["statements"]):
            raise Wrong(f"the message carries {len(value['statements'])} statements, not {len(due)} (M-6.2)")
        for raw, (named, role) in zip(value["statements"], due, strict=True):
            try:
                kid = strict_json(unb64u(raw.split(".")[0]))["kid"]
                key = sender.card.role(role, kid, self.now())
                if key is None:
                    raise Wrong(f"the statement is by no key that the card lists as {role} (M-6.2)")
                _, content = read_jws(raw, "xg1-statement+jws", key)
                stated = strict_json(content)
            except (Refused, LookupError, TypeError) as error:
                raise Wrong(f"a statement does not verify: {error} (M-6.2)") from None
            about = (stated["thread"], stated["statement"], stated["role"], stated["digest"])
            if about != (value["thread"], named, role, digest(text)):
                raise Wrong("a statement is not about this thread, kind, role and body (M-6.2)")
            if self.now() > instant(stated["valid_until"]):
                raise Wrong("a statement is past its valid_until (M-6.2)")

    def answer(self, message: Message, sender: "Gateway", how: Answering | None = None) -> bytes:
        """Return this State's answer to a message; the stored one, if it was answered before and is right."""
        how, known = how or self.answering, self.answers.get(message.digest)
        if known is not None and how == Answering():
            return known
        if known is None and message.value["epoch"] < sender.card.value["epoch"]:
            how = replace(how, refuse="illegal-step")  # M-5.8
        if self.log is None:
            self.log = Log(f"{self.code}/{sender.code}/{self.card.value['epoch']}", self.log_key)
        claims: Json = {
            "v": 1,
            "from": self.code,
            "to": sender.code,
            "payload": message.digest,
            "status": "refused" if how.refuse else "accepted",
            "code": how.refuse,
            "received_at": stamp(self.now()),
            "start_on": None,
            "due_on": None,
        }
        if not how.refuse:
            claims |= self._dates(message)
        receipt = sign_jws(how.content(compact(how.claims(claims))), how.typ, how.key or self.signing)
        sent, r = how.receipt(receipt), self.secret(f"r {len(self.log.leaves)}")
        log = self.log
        if how.log_key or how.origin:
            log = Log(how.origin or log.origin, how.log_key or log.key)
            log.leaves = list(self.log.leaves)
        proof = how.proof(log.enter(how.entered(sent), r))
        raw = how.answer(write_answer(sent, how.r(b64u(r)), proof))
        if how in (Answering(), Answering(refuse=how.refuse)):
            self.answers[message.digest] = raw  # a wrong answer stays in the log, which goes on, and is given once
        return raw

    def _dates(self, message: Message) -> Json:
        """Return the dates that the receipt of an accepted message states (3.6), none where it starts no period."""
        kind = message.body["of"] if message.type == "exercise" else message.type
        n = None if kind == "travel-document.request" and message.thread in self._issued else DAYS.get(kind)
        return self.reckon(self.now(), n) if n else {}

    def reckon(self, at: datetime, n: int = 10) -> Json:
        """Return the dates of a receipt of this State, by its calendar and ``POLICY_DEFAULT``."""
        return reckon(calendar_of(self.code), at, n)


class Gateway:
    """What the suite knows of the gateway under test: its cards, and which threads it opened."""

    def __init__(self, code: str, cards: list[str], calendar: str | None) -> None:
        """Take what the back-end or the operator said of it."""
        self.code = code
        self.cards = list(cards)
        self.calendar = calendar
        self.opened: set[str] = set()

    @property
    def card(self) -> Card:
        """Return its newest card."""
        return read_chain(self.cards)

    def asking(self, thread: str | None) -> bool:
        """Return whether the gateway is the asking State of a thread."""
        return thread in self.opened


def calendar_of(code: str) -> str | None:
    """Return the calendar of ``schemas/calendars`` that belongs to a State."""
    return next((name for name in schemas.calendars() if name.startswith(f"{code}-")), None)


def claim_of(code: str) -> Json:
    """Return how a State names in an acknowledgement the calendar that it reckons with (3.6)."""
    calendar = calendar_of(code)
    if calendar is None:
        return {"id": f"{code}-NONE", "version": "0"}
    return {"id": calendar, "version": schemas.load_calendar(calendar)["version"]}


def reckon(calendar: str | None, at: datetime, n: int) -> Json:
    """Return ``start_on`` and ``due_on`` of ``n`` working days by ``calendar`` (M-5.14)."""
    if calendar is None:
        return {"start_on": at.date().isoformat(), "due_on": due_on(_rule(at.date(), n, ())).isoformat()}
    value = schemas.load_calendar(calendar)
    start = at.astimezone(ZoneInfo(value["zone"])).date()
    return {"start_on": start.isoformat(), "due_on": due_on(_rule(start, n, value["holidays"])).isoformat()}


def _rule(start: date, n: int, holidays: Any) -> Json:
    return {"start_on": start.isoformat(), "n": n, "unit": "working_day", "holidays": list(holidays), "roll": "none"}


def flip(at: int, bit: int = 0) -> Change:
    """Return a change of one bit."""

    def change(raw: bytes) -> bytes:
        made = bytearray(raw)
        made[at] ^= 1 << bit
        return bytes(made)

    return change


def swap(old: bytes, new: bytes) -> Change:
    """Return a change of ``old``, which must be there, into ``new``."""

    def change(raw: bytes) -> bytes:
        if old not in raw:
            raise ValueError(f"the case changes {old!r}, and it is not there")
        return raw.replace(old, new, 1)

    return change
