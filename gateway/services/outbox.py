"""
The way out: a message is framed, signed, sealed for its recipient, and put in the outbox with what led to it.

Signed first and sealed then, the recipient named inside the signature (M-1.1): nobody can pass it on as theirs.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from gateway.core import envelope, wire
from gateway.core.messages import EXERCISE
from gateway.services.context import Context
from gateway.services.ports import Outdated, Tx, Unavailable
from gateway.services.rows import CaseRow, OutboundRow, ThreadRow
from keys import b64, jws
from keys.errors import BadRest, UnknownKey
from keys.seal import RecipientKey

AT_ONCE = 8
"""
Messages whose bytes are read together where many are changed: one with images has 4 MiB sealed, and nearly as much
again under the seal.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """
    What is to be said to ``partner``: a message of ``type`` with exactly this ``body``.

    ``issued_at`` and ``expires_at`` are the instants it bears, in whole seconds; it is posted from ``not_before`` on
    (``None``: now). ``framed_as`` is its type on the wire, if that is another one. ``clock`` is what its sender claims
    for the clock it starts.

    ``ref`` is the case it is of, and ``keep`` makes what is kept of it here from its id and its signed bytes. Without
    ``keep`` they are kept under a key of no case until the envelope goes, to seal them anew and for nothing else. One
    that ``may_wait`` is put in the outbox without an envelope where no key of the recipient is held. One that is
    ``undated`` names no payload: what it had seen would tell when it was made (M-5.26).
    """

    partner: str
    type: str
    body: bytes
    issued_at: datetime
    expires_at: datetime
    not_before: datetime | None = None
    framed_as: str | None = None
    clock: wire.ClockClaim | None = None
    statements: Sequence[str] = ()
    ref: str | None = None
    keep: Callable[[str, bytes], bytes] | None = None
    may_wait: bool = False
    undated: bool = False


async def put(context: Context, tx: Tx, letter: Letter, now: datetime, thread: ThreadRow | None = None) -> OutboundRow:
    """
    Put ``letter`` in the outbox and return its row; in a ``thread``, under the next number of it.

    Raises ``Unavailable`` if no valid sealing key of the recipient is held, unless the letter may wait for one, and
    ``Outdated`` if the thread went on in a later epoch than ours.
    """
    if thread is not None and thread.out_epoch > context.epoch:
        raise Outdated("a thread went on in a later epoch than that of this process", "start it again")
    seq = None
    if thread is not None:
        seq = thread.out_seq + 1 if thread.out_epoch == context.epoch else 1
    id, raw = frame(context, letter, thread, seq)
    digest, signed = wire.payload_digest(raw), jws.sign(raw, jws.TYP_MESSAGE, context.keyring.signing)
    kid, sealed = "", None
    if not letter.may_wait or recipient(context, letter.partner, now) is not None:
        kid, sealed = seal_for(context, letter.partner, signed, now)
    leaves_at = letter.not_before or now
    row = OutboundRow(
        partner=letter.partner,
        id=id,
        digest=digest,
        envelope_id=envelope.envelope_id(sealed or b""),
        thread=thread.thread if thread else None,
        epoch=context.epoch,
        seq=seq,
        type=letter.type,
        state="queued",
        kid=kid,
        envelope=sealed,
        sealed=letter.keep(id, signed) if letter.keep else context.vault.seal_own("outbound", id, "sealed", signed),
        ref=letter.ref,
        queued_at=now,
        not_before=leaves_at,
        next_try_at=leaves_at,
        attempts=0,
        posted_at=None,
        expires_at=letter.expires_at,
        answered_at=None,
        status=None,
        code=None,
        answer=None,
    )
    await tx.save_outbound(row)
    if thread is not None and seq is not None:
        await tx.save_thread(thread._replace(out_epoch=context.epoch, out_seq=seq, seen=digest))
    context.queued = True
    return row


def frame(
    context: Context, letter: Letter, thread: ThreadRow | None = None, seq: int | None = None
) -> tuple[str, bytes]:
    """Return a fresh id and the payload of ``letter``, as number ``seq`` of ``thread``."""
    id = context.random.token()
    after = None if letter.undated else thread
    raw = wire.serialize_payload(
        type=letter.framed_as or letter.type,
        id=id,
        sender=context.country,
        recipient=letter.partner,
        thread=thread.thread if thread else None,
        epoch=context.epoch,
        seq=seq,
        prev=after.seen if after else None,
        issued_at=letter.issued_at,
        expires_at=letter.expires_at,
        in_reply_to=after.in_digest if after else None,
        clock=letter.clock,
        statements=letter.statements,
        body=letter.body,
    )
    return id, raw


def recipient(context: Context, country: str, now: datetime) -> RecipientKey | None:
    """Return the sealing key to use for ``country`` now, or ``None`` if no valid one is held or it is on hold."""
    card = context.trust.find(country)
    try:
        return card.sealing_key(now, context.suites) if card else None
    except UnknownKey:
        return None


def check_recipient(context: Context, country: str, now: datetime) -> RecipientKey:
    """Return the same. Raises ``Unavailable`` if no valid one is held."""
    key = recipient(context, country, now)
    if key is None:
        raise Unavailable(f"no valid sealing key of {country} is held", "refresh trust, or lift the hold")
    return key


def kept(context: Context, row: OutboundRow, case: CaseRow | None) -> bytes:
    """
    Return the signed message of ``row``, sealed under the key of its ``case`` or, of no case, under our own.

    Raises ``BadRest`` if it does not open, or is another message than ``row`` says (``check_said``).
    """
    if case is None or case.wrapped_key is None:
        signed = context.vault.open_own("outbound", row.id, "sealed", row.sealed or b"")
    else:
        key = context.vault.unwrap(case.ref, case.wrapped_key)
        signed = context.vault.open(key, "outbound", row.id, "sealed", row.sealed or b"")
    check_said(row, wire.payload_in(signed))
    return signed


def check_said(row: OutboundRow, payload: wire.Payload) -> None:
    """
    Raise ``BadRest`` if ``payload``, sealed with ``row``, is not the message that the row says in clear.

    Whoever can write to the database and holds no key shall not have it sealed to another State, nor said once more
    as what it was not: that a return is stopped, and that it goes on, have the same body.
    """
    said = (payload.recipient, payload.thread, payload.epoch, payload.seq, payload.digest)
    type = payload.body.get("of") if payload.type == EXERCISE else payload.type
    if (*said, type) != (row.partner, row.thread, row.epoch, row.seq, row.digest, row.type):
        raise BadRest("the message is another one than its row says")


def sign_anew(context: Context, row: OutboundRow, case: CaseRow | None, now: datetime) -> OutboundRow:
    """
    Return ``row`` with its payload signed by the key in use, so it stays the same message: same id, number and digest.

    Where no sealing key of its recipient is held it has no envelope: it is sealed when the hold is lifted.
    """
    payload, vault = jws.parse(kept(context, row, case), jws.TYP_MESSAGE).payload, context.vault
    signed = jws.sign(payload, jws.TYP_MESSAGE, context.keyring.signing)
    if case is None or case.wrapped_key is None:
        sealed = vault.seal_own("outbound", row.id, "sealed", signed)
    else:
        sealed = vault.seal(vault.unwrap(case.ref, case.wrapped_key), "outbound", row.id, "sealed", signed)
    kid, raw = "", None
    with suppress(Unavailable):
        kid, raw = seal_for(context, row.partner, signed, now)
    return row._replace(kid=kid, envelope=raw, envelope_id=envelope.envelope_id(raw or b""), sealed=sealed)


def seal_for(context: Context, country: str, signed: bytes, now: datetime) -> tuple[str, bytes]:
    """Return the key id (text) and the envelope of ``signed`` for ``country``; raises ``Unavailable`` without a key."""
    key = check_recipient(context, country, now)
    head = envelope.head(key.suite, key.kid)
    return b64.encode(key.kid), head + key.seal(head, envelope.pad(signed))
