"""
The rows that the store keeps, as the services read and write them.

Rule 1: nothing in a row that can be searched names a person. What does is in a ``sealed`` column, under the case's key.
Rule 2: a row is a value: a named tuple where a dozen of them are made for one message, in a third of the time that a
frozen dataclass takes.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from gateway.core.merkle import Frontier


class CaseRow(NamedTuple):
    """
    One case as the store keeps it. Every column but ``sealed`` may be read by a desk that must not learn an identity.

    ``wrapped_key`` and ``sealed`` are ``None`` once the case is erased. ``version`` counts saves from 1; a save whose
    row carries another version than the stored one plus 1 raises ``Conflict``. ``words`` says which words may be due in
    the case (``gateway.services.cases.words``).
    """

    ref: str
    side: str
    partner: str
    thread: str
    state: str
    officer: str | None
    step: str | None
    instrument: str | None
    calendar: str | None
    due_on: date | None
    due_at: datetime | None
    reminders: int
    extended: bool
    delay_notice: bool
    opened_at: datetime
    changed_at: datetime
    closed_at: datetime | None
    words: int
    version: int
    wrapped_key: bytes | None
    sealed: bytes | None


class EventRow(NamedTuple):
    """One step of a case: who did what and when. ``sealed`` holds what may identify a person, or is ``None``."""

    ref: str
    at: datetime
    event: str
    actor: str
    role: str
    source: str
    target: str
    digest: str | None
    sealed: bytes | None


class ThreadRow(NamedTuple):
    """
    Where both directions of a thread stand.

    ``in_seq`` is the last number used by the partner in ``in_epoch`` and ``in_digest`` its payload digest; ``out_seq``
    is the last number given to a message of ours in ``out_epoch``. ``seen`` is the digest of the last payload seen.
    ``ended`` says why nothing more may be sent: ``undelivered`` or ``withdrawn``, or is ``None``. In a new thread
    nothing was said yet.
    """

    partner: str
    thread: str
    ref: str | None
    in_epoch: int = 0
    in_seq: int = 0
    in_digest: str | None = None
    out_epoch: int = 0
    out_seq: int = 0
    seen: str | None = None
    ended: str | None = None


class InboundRow(NamedTuple):
    """
    One message received, keyed by (partner, digest).

    ``answer`` is the whole unpadded answer, kept until 300 s after ``expires_at``; then ids and digests stay alone. An
    accepted ``collect`` has no answer, and a ``code`` only once it came again and was refused; without one it goes.
    ``sealed`` is the JWS of an accepted message under the case's key. ``envelope_id`` is 32 raw bytes, ``kid`` the raw
    id of our sealing key that opened it (``None`` in a row from before it was kept).
    """

    partner: str
    id: str
    digest: str
    envelope_id: bytes
    thread: str | None
    epoch: int
    seq: int | None
    type: str
    status: str
    code: str | None
    received_at: datetime
    expires_at: datetime
    ref: str | None
    answer: bytes | None
    sealed: bytes | None
    kid: bytes | None = None


class OutboundRow(NamedTuple):
    """
    One message to send, keyed by (partner, id).

    ``state`` is ``queued`` (never posted), ``posted`` (at least one attempt), ``receipted``, ``refused`` (final problem
    or refusal), ``dropped`` (freeze) or ``undelivered`` (expired). ``kid`` names the recipient's sealing key that
    ``envelope`` was sealed to. ``posted_at`` is committed before the first byte leaves.
    """

    partner: str
    id: str
    digest: str
    envelope_id: bytes
    thread: str | None
    epoch: int
    seq: int | None
    type: str
    state: str
    kid: str
    envelope: bytes | None
    sealed: bytes | None
    ref: str | None
    queued_at: datetime
    not_before: datetime
    next_try_at: datetime
    attempts: int
    posted_at: datetime | None
    expires_at: datetime
    answered_at: datetime | None
    status: str | None
    code: str | None
    answer: bytes | None

    @property
    def place(self) -> tuple[int, int]:
        """Return where it stands in its thread: epoch and number, 0 for one without a number."""
        return self.epoch, self.seq or 0

    @property
    def never_left(self) -> bool:
        """Return whether it was taken out before it left, as far as we know: of a listing one may hear otherwise."""
        return self.state == "dropped" and self.posted_at is None

    @property
    def waits(self) -> bool:
        """Return whether its answer is still to come, whether it was posted or not."""
        return self.state in ("queued", "posted")

    @property
    def stands(self) -> bool:
        """Return whether it is said: it waits for its answer, or was taken."""
        return self.waits or self.state == "receipted"


class SealingEnd(NamedTuple):
    """The private half of a sealing key of ours that was destroyed: raw id, end of its window, when, and why."""

    kid: bytes
    until: datetime
    destroyed_at: datetime
    reason: str


class Trace(NamedTuple):
    """
    That a message passed, without anything of it: for saying what a thief can read.

    ``at`` is when it was received or queued; ``kid`` is as in ``InboundRow``, and ``None`` for one of ours; ``kept``
    says that its signed bytes still lie in the store, under the key of its case.
    """

    number: int
    direction: str
    partner: str
    id: str
    digest: str
    type: str
    at: datetime
    ref: str | None
    kid: bytes | None
    kept: bool


CARD_END = 86
"""Bytes at the end of a card that tell it from every other: its signature, the last part of the JWS."""


class PartnerRow(NamedTuple):
    """
    What is known of a partner's reachability and trust: circuit, hold, the card held, the last epoch seen.

    Of a new partner nothing is known yet.
    """

    country: str
    failures: int = 0
    open_until: datetime | None = None
    hold: str | None = None
    card: bytes | None = None
    refreshed_at: datetime | None = None
    epoch: int = 0


class TrustEvent(NamedTuple):
    """
    What was decided about a State: ``act`` is ``held`` (by the gateway itself), ``hold``, ``confirm`` or ``go-on``.

    ``number`` is given by the store; 0 in a row that is new. ``fingerprint`` is of the identity key that was confirmed.
    """

    number: int
    at: datetime
    country: str
    act: str
    person: str | None
    reason: str
    fingerprint: str | None = None


class AccessRow(NamedTuple):
    """One look at, or disclosure of, a case: who, when, why (sealed, as base64url), to whom (rule R-13)."""

    ref: str
    at: datetime
    person: str
    action: str
    justification: str
    recipient: str | None


@dataclass(frozen=True, slots=True)
class Shared:
    """
    Another case of ours that shares values with one: its reference, the values (16 bytes each, in order).

    ``number`` says that one of them is made of a number that both files have; ``stopped`` that the other case stops the
    person's others.
    """

    ref: str
    values: tuple[bytes, ...]
    number: bool
    stopped: bool


@dataclass(frozen=True, slots=True)
class ApartRow:
    """
    What people decided on a case that was held because ``other`` is stopped: that it is another person.

    ``shared`` is a digest of the values the two cases shared then. It holds once there is a ``second``. Where ``other``
    is the case itself, it says that nothing it shares a value with is stopped any more.
    """

    ref: str
    other: str
    shared: bytes
    first: str
    first_at: datetime
    second: str | None
    second_at: datetime | None


@dataclass(frozen=True, slots=True)
class OpeningRow:
    """
    That the case ``ref`` was opened ``at`` an instant for a request that may come again.

    ``key`` and ``body`` are keyed values (16 bytes): of who sent it under which key, and of what was asked for, which
    is ``None`` once the case is erased.
    """

    key: bytes
    body: bytes | None
    ref: str
    at: datetime


@dataclass(frozen=True, slots=True)
class NoContactRow:
    """
    A State that is not to be contacted, from ``confirmed_at`` until ``lifted_at``; ``sealed`` holds the reasons.

    ``number`` is given by the store; 0 in a row that is new.
    """

    number: int
    country: str
    proposed_by: str
    proposed_at: datetime
    confirmed_by: str | None
    confirmed_at: datetime | None
    lift_by: str | None
    lift_at: datetime | None
    lifted_by: str | None
    lifted_at: datetime | None
    sealed: bytes

    @property
    def holds(self) -> bool:
        """Return whether the State is not to be contacted now."""
        return self.confirmed_at is not None and self.lifted_at is None


class ReleaseRow(NamedTuple):
    """One table of figures that was shown: number, when, which, of what, who signed, and its content as JSON text."""

    number: int
    at: datetime
    name: str
    direction: str
    period: str
    first: str
    second: str | None
    content: str


@dataclass(frozen=True, slots=True)
class LogHead:
    """The end of our log about one partner: origin, Merkle frontier, last signed checkpoint (text, or empty)."""

    origin: str
    frontier: Frontier
    checkpoint: str


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One entry of a log: the receipt it commits to, the opening ``r`` (32 bytes) and the leaf hash (32 bytes)."""

    origin: str
    index: int
    receipt: bytes
    r: bytes
    leaf: bytes
    direction: str
    digest: str
    at: datetime


class KeptRow(NamedTuple):
    """
    A checkpoint of one of our logs that is kept: root (32 bytes), and the signed note with the cosignatures so far.

    ``token`` is a time-stamp response (DER) over the text of the checkpoint, without signatures, or ``None``.
    """

    origin: str
    size: int
    root: bytes
    at: datetime
    note: str
    token: bytes | None


class WitnessedRow(NamedTuple):
    """The last checkpoint we cosigned of a log another State keeps: its size, and the note with our cosignature."""

    origin: str
    size: int
    at: datetime
    note: str


class ConflictRow(NamedTuple):
    """
    Two signed notes of one log that do not fit together: ``fork``, ``rollback`` or ``unproved``.

    ``source`` is who showed the second one: a country, or ``us`` for what we found ourselves. ``told`` are the
    countries that took it from us. ``number`` is given by the store; 0 in a row that is new.
    """

    number: int
    origin: str
    kind: str
    at: datetime
    source: str
    held: str
    shown: str
    told: tuple[str, ...]
