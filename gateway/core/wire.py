"""
What is inside a message: payload, receipt, answer.

Rule 1: what is signed is the exact bytes sent. Nothing is put into a canonical form; instead one form is accepted.
Rule 2: the members of a payload stand in the order of ``MEMBERS`` without white space or escapes, ``body`` last, so the
bytes of the body, which people approve and statements sign, are a slice of the payload.
Rule 3: a receipt carries all its members always, ``null`` where one does not apply.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any, Final, NamedTuple

import schemas
from gateway.core.codes import CODES, Kind, PeerError, Reason
from keys import b64, instants, jws
from schemas import ijson

VERSION = 1
SERVICE = "IRC"
"""The neutral service code every clock names: identity and residence confirmation, the same for every request."""

# Protocol 3.4: how far two clocks may differ, and how long a message may be valid.
SKEW = timedelta(seconds=300)
MAX_VALIDITY = timedelta(days=30)

# A message needs at most two approvals and a second signature; more is an attempt to make us verify signatures.
MAX_STATEMENTS = 4

# Types that belong to the channel between two gateways, not to a case: no thread, no number.
THREADLESS = frozenset({"collect", "directory", "resync"})

ANSWER_MEDIA_TYPE = "application/xg1-answer+json"
ANSWER_UNIT_BYTES = 4096
ANSWER_MAX_BYTES = 16 * ANSWER_UNIT_BYTES
OPENING_BYTES = 32

ACCEPTED: Final = "accepted"
REFUSED: Final = "refused"

# Base64url without padding of 16 and 32 bytes; the last character's unused bits are zero, so one text per value.
_ID = r'"[A-Za-z0-9_-]{21}[AQgw]"'
_DIGEST = r'"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]"'
_COUNTRY = r'"[A-Z]{3}"'
_TYPE = r'"(?=[^"]{3,48}")[a-z]+(?:[.-][a-z]+)*"'
_STEP = r'"(?:acknowledgement|reply|interview|interview_result|travel_document|travel_document_reissue)"'
_INSTANT = r'"(?:19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"'
_CALENDAR = r'"(?=[^"]{4,32}")[A-Z]{2,3}-[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"'
_CALENDAR_VERSION = r'"(?=[^"]{1,32}")[A-Za-z0-9][A-Za-z0-9._+-]*"'
_STATEMENT = r'"(?=[^"]{100,1024}")[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{86}"'

# The grammar of a payload: {"v":1,"type":...,...,"statements":[...],"body":{...}} with these values in this order.
_GRAMMAR: Mapping[str, str] = {
    "v": "1",
    "type": _TYPE,
    "id": _ID,
    "from": _COUNTRY,
    "to": _COUNTRY,
    "thread": f"(?:{_ID}|null)",
    "epoch": "[1-9][0-9]{0,15}",
    "seq": "(?:[1-9][0-9]{0,15}|null)",
    "prev": f"(?:{_DIGEST}|null)",
    "issued_at": _INSTANT,
    "expires_at": _INSTANT,
    "in_reply_to": f"(?:{_DIGEST}|null)",
    "clock": (
        rf'(?:\{{"service":"{SERVICE}","step":{_STEP},"calendar":{_CALENDAR},"version":{_CALENDAR_VERSION}\}}|null)'
    ),
    "statements": rf"\[(?:{_STATEMENT}(?:,{_STATEMENT}){{0,{MAX_STATEMENTS - 1}}})?\]",
}
MEMBERS = (*_GRAMMAR, "body")
_FRAME = re.compile((r"\{" + "".join(f'"{name}":{value},' for name, value in _GRAMMAR.items()) + '"body":').encode())

RECEIPT_MEMBERS = ("v", "from", "to", "payload", "status", "code", "received_at", "start_on", "due_on")
_DIGEST_TEXT = re.compile(_DIGEST.strip('"'))
_COUNTRY_TEXT = re.compile(_COUNTRY.strip('"'))
_COUNTRIES = frozenset(schemas.codes("country"))


class BadPayload(PeerError):
    """Say that strict JSON is not a payload: members, their order, their form."""


class BadReceipt(PeerError):
    """Say that the content of a receipt is not as defined."""


class BadAnswer(PeerError):
    """Say that an answer's outside is not as defined."""


def payload_digest(raw: bytes) -> str:
    """Return SHA-256 of payload or body bytes as base64url (43 characters)."""
    return b64.encode(sha256(raw).digest())


format_instant = instants.serialize
"""The one form that an instant has on the wire."""


class ClockClaim(NamedTuple):
    """What a message says of the clock it starts: step, calendar id and calendar version; no date, no instrument."""

    step: str
    calendar: str
    version: str


class Payload(NamedTuple):
    """
    One payload as received: every member of the frame, the body, and its exact bytes.

    ``sender`` and ``recipient`` are ``from`` and ``to``. ``thread`` and ``seq`` are ``None`` for the types of
    ``THREADLESS`` only. ``digest`` and ``body_digest`` are base64url SHA-256 of the payload's and the body's bytes.
    """

    type: str
    id: str
    sender: str
    recipient: str
    thread: str | None
    epoch: int
    seq: int | None
    prev: str | None
    issued_at: datetime
    expires_at: datetime
    in_reply_to: str | None
    clock: ClockClaim | None
    statements: tuple[str, ...]
    body: dict[str, Any]
    body_bytes: bytes
    digest: str

    @property
    def body_digest(self) -> str:
        """Return the digest that statements sign."""
        return payload_digest(self.body_bytes)


def _fault(value: Mapping[str, Any]) -> PeerError:
    """Return the error naming the first member at fault, for the local log; never its value."""
    if value.get("v") != VERSION:
        return BadPayload(Reason.PAYLOAD_VERSION)
    if tuple(value) != MEMBERS:
        return BadPayload(Reason.PAYLOAD_MEMBERS, "missing, unknown or not in order")
    for name, pattern in _GRAMMAR.items():
        if not re.fullmatch(pattern.encode(), ijson.dumps(value[name])):
            return BadPayload(Reason.PAYLOAD_VALUE, name)
    return BadPayload(Reason.PAYLOAD_MEMBERS, "white space or escapes between members")


def parse_payload(raw: bytes) -> Payload:
    """
    Parse a payload strictly (protocol 3): I-JSON first, then the frame.

    Raises ``schemas.ijson.BadJson`` (code ``bad-json``) and ``BadPayload`` (code ``bad-payload``).
    """
    value = ijson.loads(raw)
    frame = _FRAME.match(raw)
    if frame is None or len(value) != len(MEMBERS):
        raise _fault(value)
    body_bytes = raw[frame.end() : -1]
    # Strict JSON has been checked, and ``body`` is the last member: brace to brace is the body, exactly.
    if not (body_bytes.startswith(b"{") and raw.endswith(b"}}")):
        raise BadPayload(Reason.PAYLOAD_VALUE, "body")
    kind, thread, seq, clock = value["type"], value["thread"], value["seq"], value["clock"]
    if (thread is None) != (kind in THREADLESS) or (seq is None) != (thread is None):
        raise BadPayload(Reason.PAYLOAD_THREAD, "thread and number belong to every type but those of the channel")
    if thread is None and (value["prev"] or value["in_reply_to"] or clock or value["statements"]):
        raise BadPayload(
            Reason.PAYLOAD_THREAD, "a message of the channel answers nothing, starts nothing and carries no statement"
        )
    if not _COUNTRIES.issuperset((value["from"], value["to"])):
        raise BadPayload(Reason.PAYLOAD_VALUE, "from or to is no State")
    try:
        issued_at = datetime.fromisoformat(value["issued_at"])
        expires_at = datetime.fromisoformat(value["expires_at"])
    except ValueError:
        raise BadPayload(Reason.PAYLOAD_VALUE, "issued_at or expires_at is no instant") from None
    return Payload(
        kind,
        value["id"],
        value["from"],
        value["to"],
        thread,
        value["epoch"],
        seq,
        value["prev"],
        issued_at,
        expires_at,
        value["in_reply_to"],
        None if clock is None else ClockClaim(clock["step"], clock["calendar"], clock["version"]),
        tuple(value["statements"]),
        value["body"],
        body_bytes,
        payload_digest(raw),
    )


def serialize_payload(
    *,
    type: str,
    id: str,
    sender: str,
    recipient: str,
    thread: str | None,
    epoch: int,
    seq: int | None,
    prev: str | None,
    issued_at: datetime,
    expires_at: datetime,
    in_reply_to: str | None,
    clock: ClockClaim | None,
    statements: Sequence[str],
    body: bytes,
) -> bytes:
    """
    Return the bytes of a payload around ``body``, which is embedded byte for byte (protocol 3.2, M-6.3).

    Raises ``ValueError`` if the result would not parse.
    """
    frame = {
        "v": VERSION,
        "type": type,
        "id": id,
        "from": sender,
        "to": recipient,
        "thread": thread,
        "epoch": epoch,
        "seq": seq,
        "prev": prev,
        "issued_at": format_instant(issued_at),
        "expires_at": format_instant(expires_at),
        "in_reply_to": in_reply_to,
        "clock": None
        if clock is None
        else {"service": SERVICE, "step": clock.step, "calendar": clock.calendar, "version": clock.version},
        "statements": list(statements),
    }
    raw = b"".join((ijson.dumps(frame)[:-1], b',"body":', body, b"}"))
    try:
        parse_payload(raw)
    except (PeerError, ijson.BadJson) as error:
        raise ValueError(f"not a payload: {error}") from error
    return raw


def times_findings(payload: Payload, now: datetime) -> Reason | None:
    """
    Return what is wrong with a payload's times at ``now``, or ``None`` (protocol 3.4).

    Reversed, too long and future times are ``stale``; past ``expires_at`` and 300 s is ``expired``.
    """
    validity = payload.expires_at - payload.issued_at
    if validity < timedelta(0):
        return Reason.TIME_REVERSED
    if validity > MAX_VALIDITY:
        return Reason.TIME_SPAN
    if payload.issued_at > now + SKEW:
        return Reason.TIME_FUTURE
    if now > payload.expires_at + SKEW:
        return Reason.TIME_EXPIRED
    return None


@dataclass(frozen=True, slots=True)
class Receipt:
    """
    What a receiver signs about one payload (protocol 5.5).

    ``sender`` is the country that received the message and signs, ``recipient`` the one that sent it. ``payload`` is
    the digest (base64url). ``start_on`` and ``due_on`` are local dates of the requested State, both or neither, where
    receipt starts the clock. Nothing of the log or the envelope is in it (M-5.15).

    Raises ``ValueError`` when members contradict one another.
    """

    sender: str
    recipient: str
    payload: str
    status: str
    code: str | None
    received_at: datetime
    start_on: date | None = None
    due_on: date | None = None

    def __post_init__(self) -> None:
        """Check the members one by one and together."""
        if not (_COUNTRY_TEXT.fullmatch(self.sender) and _COUNTRY_TEXT.fullmatch(self.recipient)):
            raise ValueError("country")
        if not _DIGEST_TEXT.fullmatch(self.payload):
            raise ValueError("payload")
        if self.status not in (ACCEPTED, REFUSED):
            raise ValueError("status")
        known = self.code is None if self.status == ACCEPTED else _is_refusal(self.code)
        if not known:
            raise ValueError("code")
        if self.received_at.tzinfo is None:
            raise ValueError("received_at")
        if (self.start_on is None) != (self.due_on is None):
            raise ValueError("start_on and due_on stand together")
        if self.start_on is not None and self.status == REFUSED:
            raise ValueError("a refusal starts no clock")
        if self.start_on is not None and self.due_on is not None and self.due_on < self.start_on:
            raise ValueError("due_on is before start_on")


def _is_refusal(code: str | None) -> bool:
    row = CODES.get(code or "")
    return row is not None and row.kind is Kind.REFUSAL


def serialize_receipt(receipt: Receipt) -> bytes:
    """Return the bytes of a receipt's content, to be signed with typ ``xg1-receipt+jws``."""
    # Every text in it was checked when it was made and holds nothing to escape.
    code, start_on, due_on = (
        "null" if value is None else f'"{value}"' for value in (receipt.code, receipt.start_on, receipt.due_on)
    )
    return (
        f'{{"v":{VERSION},"from":"{receipt.sender}","to":"{receipt.recipient}","payload":"{receipt.payload}",'
        f'"status":"{receipt.status}","code":{code},"received_at":"{format_instant(receipt.received_at)}",'
        f'"start_on":{start_on},"due_on":{due_on}}}'
    ).encode()


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def parse_receipt(raw: bytes) -> Receipt:
    """
    Parse a receipt's content; only the one form that ``serialize_receipt`` gives is accepted.

    Raises ``schemas.ijson.BadJson`` and ``BadReceipt``.
    """
    value = ijson.loads(raw)
    if tuple(value) != RECEIPT_MEMBERS or value["v"] != VERSION:
        raise BadReceipt(Reason.RECEIPT_FORM, "members")
    try:
        receipt = Receipt(
            value["from"],
            value["to"],
            value["payload"],
            value["status"],
            value["code"],
            datetime.fromisoformat(value["received_at"]),
            _day(value["start_on"]),
            _day(value["due_on"]),
        )
        same = serialize_receipt(receipt) == raw
    except (TypeError, ValueError, OverflowError):  # the last of an instant that has no equal in UTC
        # Not in the words of the error: what is no date is quoted there, and the detail of a refusal is logged.
        raise BadReceipt(Reason.RECEIPT_FORM, "a value") from None
    if not same:
        raise BadReceipt(Reason.RECEIPT_FORM, "not in its only form")
    return receipt


# The grammar of an answer. A proof is printable ASCII, the dash of a signed note, and line feeds, so its only escape is
# that of the line feed, and an answer is read and written without a JSON parser.
_COMPACT = re.compile(rb"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_PROOF_TEXT = re.compile(r"[ !#-\[\]-~\u2014\n]+")
_BEFORE_RECEIPT, _BEFORE_R, _BEFORE_PROOF, _BEHIND_PROOF = '{"receipt":"', '","r":"', '","proof":"', '"}'


@dataclass(frozen=True, slots=True)
class Answer:
    """What a final verdict sends back: the receipt (JWS), the log opening ``r`` (32 bytes) and the proof (text)."""

    receipt: bytes
    r: bytes
    proof: str

    def __post_init__(self) -> None:
        """Check the form of the receipt, the opening's length and the proof's characters."""
        if not _COMPACT.fullmatch(self.receipt):
            raise ValueError("a receipt is a JWS")
        if len(self.r) != OPENING_BYTES:
            raise ValueError("an opening has 32 bytes")
        if not _PROOF_TEXT.fullmatch(self.proof):
            raise ValueError("a proof is printable text")


def serialize_answer(answer: Answer) -> bytes:
    """Return an answer as JSON, not yet padded; this is what a receiver stores."""
    proof = answer.proof.replace("\n", "\\n")
    receipt, r = answer.receipt.decode("ascii"), b64.encode(answer.r)
    return f"{_BEFORE_RECEIPT}{receipt}{_BEFORE_R}{r}{_BEFORE_PROOF}{proof}{_BEHIND_PROOF}".encode()


def pad_answer(raw: bytes) -> bytes:
    """Return a serialized answer with spaces after it, to the next multiple of 4096 bytes (M-5.16)."""
    return raw + b" " * (-len(raw) % ANSWER_UNIT_BYTES)


def parse_answer(raw: bytes) -> Answer:
    """
    Parse an answer as received; the receipt, opening and proof inside are still to be verified.

    Raises ``BadAnswer``, also for the same content in another form.
    """
    if not raw or len(raw) % ANSWER_UNIT_BYTES or len(raw) > ANSWER_MAX_BYTES:
        raise BadAnswer(Reason.ANSWER_FORM, f"{len(raw)} bytes")
    return parse_stored_answer(without_padding(raw))


def without_padding(raw: bytes) -> bytes:
    """Return an answer as it is stored, from one as received; raises ``BadAnswer`` if more than spaces is behind it."""
    # Not ``rstrip``, which looks at each space by itself: that took longer than the rest.
    end = raw.rfind(b"}") + 1
    if raw[end:] != b" " * (len(raw) - end):
        raise BadAnswer(Reason.ANSWER_FORM, "not in its only form")
    return raw[:end]


def parse_stored_answer(raw: bytes) -> Answer:
    """Parse an answer without its padding, as ``serialize_answer`` made it; raises ``BadAnswer``."""
    try:
        text = raw.decode()
        before, between, rest = text.partition(_BEFORE_R)
        r, behind, proof = rest.partition(_BEFORE_PROOF)
        parts_stand = between and behind and before.startswith(_BEFORE_RECEIPT) and proof.endswith(_BEHIND_PROOF)
        if not parts_stand or "\n" in text:
            raise ValueError
        # An answer has no quotation mark and no backslash in any part, so these are the only bytes that say it.
        receipt, escaped = before[len(_BEFORE_RECEIPT) :], proof[: -len(_BEHIND_PROOF)]
        return Answer(receipt.encode(), b64.decode(r), escaped.replace("\\n", "\n"))
    except ValueError:
        raise BadAnswer(Reason.ANSWER_FORM, "not in its only form") from None


def payload_in(signed: bytes) -> Payload:
    """Return the payload of a message that is kept as it was signed. Raises ``BadJws``, ``BadPayload``."""
    return parse_payload(jws.parse(signed, jws.TYP_MESSAGE).payload)
