"""
Fetching our own messages from a partner, where no partner can reach us (``docs/protocol.md`` section 5, *Pull*).

Everything else is alike: an envelope that was collected is received like one that was posted, and its answer is posted.
"""

import asyncio
from datetime import datetime, timedelta

from gateway.core import envelope, wire
from gateway.core.codes import PeerError
from gateway.core.messages import COLLECT
from gateway.services import outbox
from gateway.services.context import Context
from gateway.services.outbox import Letter
from gateway.services.ports import Unavailable
from gateway.services.receive import Receiver
from keys import jws
from schemas import ijson

VALID = timedelta(minutes=5)
"""How long a ``collect`` message is good for; it asks about now."""

AT_ONCE = 16
"""How many partners are collected from at once: each may hand out 8 MiB, and take its time with every answer."""


class Collector:
    """The collecting side of one gateway."""

    def __init__(self, context: Context, receiver: Receiver) -> None:
        """Collect for ``context`` and hand what comes to ``receiver``."""
        self._context = context
        self._receiver = receiver

    async def run(self, every_s: float = 30.0) -> None:
        """Collect from each partner marked ``collect`` every ``every_s`` seconds until cancelled, each by itself."""
        places = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for country, partner in self._context.partners.items():
                if partner.transmission == "collect":
                    group.create_task(self._collect(country, places, every_s))

    async def _collect(self, country: str, places: asyncio.Semaphore, every_s: float) -> None:
        """Collect from ``country`` again and again; how long it takes, or what it hands out, holds up no other."""

        async def look(_: datetime) -> None:
            try:
                async with places:
                    await self.run_once(country)
            except Unavailable as error:
                self._context.log("collect.failed", partner=country, error=str(error))
            except Exception as error:
                # What a partner hands out must not end the process that serves all the others.
                self._context.log("collect.fault", partner=country, error=type(error).__name__)

        await self._context.every(every_s, look)

    async def run_once(self, country: str, most: int = envelope.COLLECT_MAX) -> int:
        """Collect once from ``country``, answer what came, and return how many came. Raises ``Unavailable``."""
        context = self._context
        reply = await context.peers.post(country, "/xg/1/collect", self._ask(country, most), envelope.MEDIA_TYPE)
        if reply.status != 200 or reply.media_type != envelope.MEDIA_TYPE_SEVERAL:
            raise Unavailable(f"{country} answered a collect with {reply.status}")
        try:
            envelopes = envelope.parse_several(reply.body)
        except PeerError as error:
            raise Unavailable(f"{country} sent no envelopes") from error
        for raw in envelopes:
            answer = await self._receiver.receive(raw)
            if answer.status == 200:
                await context.peers.post(country, "/xg/1/answers", answer.body, wire.ANSWER_MEDIA_TYPE)
        return len(envelopes)

    def _ask(self, country: str, most: int) -> bytes:
        context, now = self._context, self._context.clock.now()
        at = now.replace(microsecond=0)
        body = ijson.dumps({"max": most})
        letter = Letter(partner=country, type=COLLECT, body=body, issued_at=at, expires_at=at + VALID)
        _, raw = outbox.frame(context, letter)
        _, sealed = outbox.seal_for(context, country, jws.sign(raw, jws.TYP_MESSAGE, context.keyring.signing), now)
        return sealed
