"""
Every code a partner may see, and every local reason behind it.

Rule 1: a code, its HTTP status and whether to retry are one row below; ``docs/protocol.md`` section 5 shows the same
table, and a test compares the two in both directions.
Rule 2: many local reasons map to one outward code. The local log keeps the reason; the partner gets the code alone.
Rule 3: what a problem says depends on the code only, so two different reasons give the same bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

PROBLEM_TYPE_PREFIX = "urn:xg1:"
PROBLEM_MEDIA_TYPE = "application/problem+json"


class Kind(StrEnum):
    """Say what a code ends: the attempt for good, this attempt only, or a verified message (by a signed receipt)."""

    PROBLEM = "problem"
    TRANSIENT = "transient"
    REFUSAL = "refusal"


@dataclass(frozen=True, slots=True)
class Code:
    """
    One row of the table of codes (protocol 5.4).

    ``retry`` tells a sender to post the same bytes again, ``section`` is where ``docs/protocol.md`` defines the check,
    and ``text`` is the whole of what a partner is told.
    """

    code: str
    kind: Kind
    status: int
    retry: bool
    section: str
    text: str

    def __str__(self) -> str:
        """Return the code with its status, as logs show it: ``409 out-of-order``."""
        return f"{self.status} {self.code}"


def _problem(code: str, status: int, section: str, text: str) -> Code:
    return Code(code, Kind.PROBLEM, status, False, section, text)


def _transient(code: str, status: int, section: str, text: str) -> Code:
    return Code(code, Kind.TRANSIENT, status, True, section, text)


def _refusal(code: str, section: str, text: str) -> Code:
    return Code(code, Kind.REFUSAL, 200, False, section, text)


_ROWS = (
    _problem("bad-envelope", 400, "4", "Not an envelope of this protocol"),
    _problem("too-large", 413, "4", "Larger than the largest envelope"),
    _problem("cannot-open", 400, "4", "The envelope does not open"),
    _problem("bad-padding", 400, "4", "The padding is not as defined"),
    _problem("bad-jws", 400, "3.3", "Not a signed message as defined"),
    _problem("bad-json", 400, "3.1", "Not strict I-JSON"),
    _problem("bad-payload", 400, "3.2", "Not a payload as defined"),
    _problem("not-for-me", 400, "5.1", "Addressed to another country"),
    _problem("bad-signature", 400, "3.3", "The signature does not verify"),
    _transient("later", 503, "5.3", "Not now"),
    _transient("rate", 429, "5.3", "Too many messages"),
    _transient("hold", 423, "8.2", "On hold"),
    _transient("unknown-key", 410, "4", "Sealed to a key not in use"),
    _transient("unknown-signer", 424, "8.2", "The signing key is not known"),
    _transient("out-of-order", 409, "5.2", "An earlier message is missing"),
    _refusal("stale", "3.4", "The times are not acceptable"),
    _refusal("expired", "3.4", "No longer valid"),
    _refusal("id-reuse", "5.1", "The id or number was used for other content"),
    _refusal("unsupported-type", "5.1", "This type is not supported"),
    _refusal("bad-schema", "5.1", "The body is not as the type defines"),
    _refusal("not-minimised", "5.1", "An element the purpose does not allow"),
    _refusal("bad-statement", "6", "A statement is missing or does not verify"),
    _refusal("illegal-step", "5.1", "The case does not allow this step"),
)

CODES: Mapping[str, Code] = MappingProxyType({row.code: row for row in _ROWS})


class Reason(StrEnum):
    """
    Name what a check found, for the local log and the operator; never sent.

    A value reads ``<where>.<what>``. ``OUTWARD`` gives the code the partner sees.
    """

    HTTP_MEDIA_TYPE = "http.media-type"
    HTTP_TOO_LARGE = "http.too-large"
    HTTP_CONTENT_ENCODING = "http.content-encoding"
    HTTP_BODY_TIMEOUT = "http.body-timeout"
    HTTP_RATE = "http.rate"
    STORE_UNAVAILABLE = "store.unavailable"
    STORE_CONFLICT = "store.conflict"
    DRAINING = "gateway.draining"
    SENDER_SHARE = "sender.share"
    SENDER_DAY = "sender.day"
    ENVELOPE_MAGIC = "envelope.magic"
    ENVELOPE_SUITE = "envelope.suite"
    ENVELOPE_SIZE = "envelope.size"
    KEY_UNKNOWN = "key.unknown"
    KEY_DESTROYED = "key.destroyed"
    KEY_NOT_YET = "key.not-yet"
    KEY_OTHER_SUITE = "key.other-suite"
    KEY_SUITE_NOT_ALLOWED = "key.suite-not-allowed"
    SEAL_OPEN = "seal.open"
    PADDING_LENGTH = "padding.length"
    PADDING_TAIL = "padding.tail"
    JWS_FORM = "jws.form"
    JSON_FORM = "json.form"
    PAYLOAD_VERSION = "payload.version"
    PAYLOAD_MEMBERS = "payload.members"
    PAYLOAD_VALUE = "payload.value"
    PAYLOAD_THREAD = "payload.thread"
    RECEIPT_FORM = "receipt.form"
    ANSWER_FORM = "answer.form"
    ANSWER_PROOF = "answer.proof"
    ANSWER_UNASKED = "answer.unasked"
    TO_OTHER = "to.other"
    COUNTRY_UNKNOWN = "country.unknown"
    CARD_MISSING = "card.missing"
    CARD_STALE = "card.stale"
    SIGNER_UNKNOWN = "signer.unknown"
    SIGNER_REVOKED = "signer.revoked"
    HOLD_CARD = "hold.card"
    SIGNATURE = "signature.false"
    TIME_FUTURE = "time.future"
    TIME_SPAN = "time.span"
    TIME_REVERSED = "time.reversed"
    TIME_EXPIRED = "time.expired"
    CLOCK_LEAPT = "clock.leapt"
    ANSWER_PURGED = "answer.purged"
    ID_REUSED = "id.reused"
    SEQ_REUSED = "seq.reused"
    SEQ_GAP = "seq.gap"
    SEQ_CLOSED = "seq.closed"
    EPOCH_BEHIND = "epoch.behind"
    EPOCH_AHEAD = "epoch.ahead"
    TYPE_UNKNOWN = "type.unknown"
    TYPE_LATER = "type.later-version"
    SCHEMA = "schema.body"
    SCHEMA_IMAGE = "schema.image"
    MATRIX_FORBIDDEN = "matrix.forbidden"
    MATRIX_TIER = "matrix.tier"
    REMARK_NOT_AGREED = "remark.not-agreed"
    METHOD_LIMIT = "rule.method-limit"
    STATEMENT_MISSING = "statement.missing"
    STATEMENT_FORM = "statement.form"
    STATEMENT_KEY = "statement.key"
    STEP_NONE = "step.none"
    STEP_THREAD_UNKNOWN = "step.thread-unknown"
    STEP_THREAD_ENDED = "step.thread-ended"


_BY_CODE: Mapping[str, tuple[Reason, ...]] = {
    "bad-envelope": (
        Reason.HTTP_MEDIA_TYPE,
        Reason.HTTP_CONTENT_ENCODING,  # M-1.4
        Reason.ENVELOPE_MAGIC,
        Reason.ENVELOPE_SUITE,
        Reason.ENVELOPE_SIZE,
    ),
    "too-large": (Reason.HTTP_TOO_LARGE,),
    "later": (
        Reason.HTTP_BODY_TIMEOUT,
        Reason.STORE_UNAVAILABLE,
        Reason.STORE_CONFLICT,
        Reason.DRAINING,
        Reason.SENDER_SHARE,
        # A restored partner posts under its new epoch before its new card has reached us: keep and try again.
        Reason.EPOCH_AHEAD,
        # With a trust list too old to judge by, the sender keeps its message; nothing is decided on stale keys.
        Reason.CARD_STALE,
        # A refusal is for good, and what is over by a clock that leapt may be valid.
        Reason.CLOCK_LEAPT,
    ),
    "rate": (Reason.HTTP_RATE, Reason.SENDER_DAY),
    "unknown-key": (
        Reason.KEY_UNKNOWN,
        Reason.KEY_DESTROYED,
        Reason.KEY_NOT_YET,
        Reason.KEY_OTHER_SUITE,
        # The trustees narrowed the suites while it was on its way: its sender reads that too, and seals it anew.
        Reason.KEY_SUITE_NOT_ALLOWED,
    ),
    "cannot-open": (Reason.SEAL_OPEN,),
    "bad-padding": (Reason.PADDING_LENGTH, Reason.PADDING_TAIL),
    "bad-jws": (Reason.JWS_FORM,),
    "bad-json": (Reason.JSON_FORM,),
    "bad-payload": (
        Reason.PAYLOAD_VERSION,
        Reason.PAYLOAD_MEMBERS,
        Reason.PAYLOAD_VALUE,
        Reason.PAYLOAD_THREAD,
        Reason.RECEIPT_FORM,
        Reason.ANSWER_FORM,
    ),
    "not-for-me": (Reason.TO_OTHER, Reason.ANSWER_UNASKED),
    # One code for all of these: which countries and keys we know is not an outsider's business.
    "unknown-signer": (
        Reason.COUNTRY_UNKNOWN,
        Reason.CARD_MISSING,
        Reason.SIGNER_UNKNOWN,
        Reason.SIGNER_REVOKED,
    ),
    "hold": (Reason.HOLD_CARD,),
    "bad-signature": (Reason.SIGNATURE, Reason.ANSWER_PROOF),
    "stale": (Reason.TIME_FUTURE, Reason.TIME_SPAN, Reason.TIME_REVERSED),
    "expired": (Reason.TIME_EXPIRED, Reason.ANSWER_PURGED),
    "id-reuse": (Reason.ID_REUSED, Reason.SEQ_REUSED),
    "out-of-order": (Reason.SEQ_GAP,),
    "unsupported-type": (Reason.TYPE_UNKNOWN, Reason.TYPE_LATER),
    "bad-schema": (Reason.SCHEMA, Reason.SCHEMA_IMAGE),
    "not-minimised": (Reason.MATRIX_FORBIDDEN, Reason.MATRIX_TIER, Reason.REMARK_NOT_AGREED),
    "bad-statement": (Reason.STATEMENT_MISSING, Reason.STATEMENT_FORM, Reason.STATEMENT_KEY),
    # One code for whatever the tables or rules do not allow: a frozen case must look like any other illegal step.
    "illegal-step": (
        Reason.STEP_NONE,
        Reason.STEP_THREAD_UNKNOWN,
        Reason.STEP_THREAD_ENDED,
        Reason.SEQ_CLOSED,
        Reason.EPOCH_BEHIND,
        Reason.METHOD_LIMIT,
    ),
}

OUTWARD: Mapping[Reason, Code] = MappingProxyType(
    {reason: CODES[code] for code, reasons in _BY_CODE.items() for reason in reasons}
)


class PeerError(Exception):
    """
    Say that a partner broke a rule of the protocol.

    ``reason`` is for the local log, ``code`` is what the partner sees; ``detail`` never quotes the content of a
    message.
    """

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason = reason
        self.code = OUTWARD[reason]


def get(code: str) -> Code:
    """Return the row of ``code``; raises ``KeyError`` for a code that is not in the table."""
    return CODES[code]


def outward(reason: Reason) -> Code:
    """Return the code a partner sees for ``reason``."""
    return OUTWARD[reason]


_PROBLEMS: Mapping[str, bytes] = {
    row.code: f'{{"type":"{PROBLEM_TYPE_PREFIX}{row.code}","title":"{row.text}","status":{row.status}}}'.encode()
    for row in _ROWS
    if row.kind is not Kind.REFUSAL
}


def problem(code: str) -> bytes:
    """
    Return the RFC 9457 problem document for ``code``: type, title and status, never a detail (M-5.5).

    Raises ``KeyError`` for an unknown code and for a refusal, which is answered by a signed receipt instead.
    """
    return _PROBLEMS[code]


def find_problem_code(type_uri: str) -> str | None:
    """Return the code named by a problem's ``type``, or ``None`` if it is none of this protocol's problems."""
    code = type_uri.removeprefix(PROBLEM_TYPE_PREFIX)
    return code if code != type_uri and code in _PROBLEMS else None
