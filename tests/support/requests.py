"""Requests as a partner's gateway makes them, sealed and ready to post, each of a case of its own."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from gateway.app import Gateway
from gateway.core import wire
from gateway.core.messages import REQUEST
from gateway.services import outbox
from keys import jws


class Sealed(NamedTuple):
    """One request: the digest of its payload, its signed bytes, and the envelope around them."""

    digest: str
    signed: bytes
    envelope: bytes


def seal_requests(gateway: Gateway, recipient: str, draft: Mapping[str, Any], count: int) -> list[Sealed]:
    """Return ``count`` requests of ``gateway`` to ``recipient`` about ``draft``; nothing of them is stored."""
    context = gateway.context
    now = context.clock.now().replace(microsecond=0)
    body = gateway.clear.preview(draft).body.encode()
    made = []
    for _ in range(count):
        raw = wire.serialize_payload(
            type=REQUEST,
            id=context.random.token(),
            sender=context.country,
            recipient=recipient,
            thread=context.random.token(),
            epoch=context.epoch,
            seq=1,
            prev=None,
            issued_at=now,
            expires_at=now + wire.MAX_VALIDITY,
            in_reply_to=None,
            clock=context.reckoner.claim(recipient, "reply"),
            statements=(),
            body=body,
        )
        signed = jws.sign(raw, jws.TYP_MESSAGE, context.keyring.signing)
        _, envelope = outbox.seal_for(context, recipient, signed, now)
        made.append(Sealed(wire.payload_digest(raw), signed, envelope))
    return made
