"""
Messages that belong to the channel between two States and to no case: no thread, no number, no answer but a receipt.

They are signed, sealed, posted and tried again like every other message.
"""

from datetime import datetime

from gateway.core import envelope, wire
from gateway.services import cases
from gateway.services.context import Context
from gateway.services.ports import OutboundRow, Tx
from keys import jws


async def queue(context: Context, tx: Tx, country: str, type: str, body: bytes, now: datetime) -> str:
    """
    Put a message of ``type`` without a thread around ``body`` in the outbox for ``country``, and return its id.

    Raises ``Unavailable`` if no valid sealing key of it is held.
    """
    id, at = context.random.token(), now.replace(microsecond=0)
    expires_at = at + wire.MAX_VALIDITY
    raw = wire.serialize_payload(
        type=type,
        id=id,
        sender=context.country,
        recipient=country,
        thread=None,
        epoch=context.epoch,
        seq=None,
        prev=None,
        issued_at=at,
        expires_at=expires_at,
        in_reply_to=None,
        clock=None,
        statements=(),
        body=body,
    )
    kid, sealed = cases.seal_for(context, country, jws.sign(raw, jws.TYP_MESSAGE, context.keyring.signing), now)
    await tx.save_outbound(
        OutboundRow(
            partner=country,
            id=id,
            digest=wire.payload_digest(raw),
            envelope_id=envelope.envelope_id(sealed),
            thread=None,
            epoch=context.epoch,
            seq=None,
            type=type,
            state="queued",
            kid=kid,
            envelope=sealed,
            sealed=None,
            ref=None,
            queued_at=now,
            not_before=now,
            next_try_at=now,
            attempts=0,
            posted_at=None,
            expires_at=expires_at,
            answered_at=None,
            status=None,
            code=None,
            answer=None,
        )
    )
    context.queued = True
    return id
