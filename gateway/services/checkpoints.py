"""
Keeping checkpoints of our logs, and having others put their name to them.

Once an hour, where anything was added, the newest checkpoint of each log is signed with ML-DSA-44 as well and kept; the
partner and third gateways are asked to cosign it, each with a proof that it continues what it cosigned before
(``docs/protocol.md`` section 7.3). Evidence is proved against kept checkpoints.

Rule 1: a checkpoint is kept, durably, before anybody is shown it.
Rule 2: a log that is shorter than it was, or has another root than was kept, is not kept again: it is an alarm.
Rule 3: no message waits for any of this, and a cosigner that is out of reach holds up no other.
Rule 4: none is kept while the clock leapt less than a day ago: each later one must bear a later instant (M-7.7), and
where it was ahead nobody would cosign one before that day (M-7.9).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import NamedTuple

from gateway.core import checkpoint, cosign
from gateway.core.cosign import Submission
from gateway.core.merkle import BadProof
from gateway.services import tree
from gateway.services.context import Context
from gateway.services.ports import HttpAnswer, TimeStamper, Tx, Unavailable
from gateway.services.rows import KeptRow, LogHead
from keys.card import Card

ADD_PATH = "/xg/1/log/add-checkpoint"
MEDIA_TYPE = "text/plain"
SIZE_MEDIA_TYPE = "text/x.tlog.size"

EVERY_S = 3600.0
LATE = timedelta(hours=3)
"""After how long a kept checkpoint that lacks a cosigner is told of, round by round."""

STAMP_EVERY = timedelta(days=1)


class Cosigning(NamedTuple):
    """Who was asked to cosign a kept checkpoint: the countries whose cosignature is on it, and those still missing."""

    row: KeptRow
    by: tuple[str, ...]
    missing: tuple[str, ...]


class Checkpoints:
    """The keeper's side: the logs of one gateway, and those who watch them."""

    def __init__(self, context: Context, witnesses: Sequence[str] = (), stamper: TimeStamper | None = None) -> None:
        """Keep the logs of ``context``; ``witnesses`` are third States that are asked to cosign."""
        self._context = context
        self._witnesses = tuple(witnesses)
        self._stamper = stamper

    async def run(self, every_s: float = EVERY_S) -> None:
        """Keep, show and stamp every ``every_s`` seconds until cancelled."""
        # A gateway that is started again and again keeps no more than one an hour all the same.
        await self._context.every(every_s, partial(self.run_once, apart=timedelta(seconds=every_s)))

    async def run_once(self, now: datetime, apart: timedelta = timedelta(0)) -> None:
        """
        Keep the newest checkpoint of every log, ask for the cosignatures that are missing, stamp once a day.

        Of a log of which one is kept that is younger than ``apart``, that one is shown again.
        """
        down: set[str] = set()
        for country in self._context.partners:
            try:
                _, last = await self._context.store.read(partial(_ends, country=country))
                young = last is not None and now - last.at < apart
                row = last if young else await self.keep(country, now)
                if row is not None:
                    await self._show(country, row, down)
                    await self._stamp(country, row.origin, now)
                    await self._tell_late(country, row.origin, now)
            except Unavailable as error:
                self._context.unavailable(error)
            except Exception as error:
                # Whatever a witness or an authority manages to send, it must not end the process that serves all.
                self._context.log("checkpoint.fault", partner=country, error=type(error).__name__)

    async def keep(self, country: str, now: datetime) -> KeptRow | None:
        """
        Keep the newest checkpoint of our log about ``country`` and return it; ``None`` if nothing stands in the log.

        Also ``None``, with an alarm, if the log contradicts what was kept, and where this home has no cosigning key. By
        a clock that leapt none is kept (rule 4), and the last one is returned.
        """
        context, signer = self._context, self._context.keyring.cosigning
        head, last = await context.store.read(lambda tx: _ends(tx, country))
        if signer is None or head is None or not head.checkpoint or head.frontier.size == 0:
            return None
        if context.doubts(now) is not None:
            return last
        await tree.grow(context, head.origin, head.frontier.size)

        async def unit(tx: Tx) -> KeptRow | str:
            head, last = await _ends(tx, country)
            if head is None or not head.checkpoint:
                return "the log is gone"
            size, root = head.frontier.size, head.frontier.root()
            if last is not None and last.size > size:
                return "the log is shorter than it was"
            if last is not None and last.size == size:
                return last if last.root == root else "the log has another root than was kept"
            if last is not None and await tree.root(tx, head.origin, last.size) != last.root:
                return "the log does not continue what was kept"
            # Later than the one before, whatever the clock says (M-7.7): two of ours must never contradict one another.
            at = max(now, last.at + timedelta(seconds=1)) if last is not None else now
            at = at.replace(microsecond=0)
            note = cosign.with_lines(head.checkpoint, cosign.cosign(head.checkpoint, context.country, signer, at))
            row = KeptRow(head.origin, size, root, at, note, None)
            await tx.save_kept(row)
            return row

        made: KeptRow | str = (await context.commit(unit)).value
        if isinstance(made, str):
            context.log("log.broken", partner=country, reason=made)
            return None
        if last is None or made.size != last.size:
            context.log("checkpoint.kept", partner=country, seq=made.size)
        return made

    # Showing it to those who cosign.

    def cosigners(self, country: str) -> tuple[str, ...]:
        """Return who is asked to cosign our log about ``country`` (M-7.8): that State first, then the witnesses."""
        return (country, *(one for one in self._witnesses if one != country))

    async def _show(self, country: str, row: KeptRow, down: set[str]) -> None:
        """Ask those who have not cosigned; who cannot be reached is added to ``down`` and not waited for again."""
        for cosigner in self.cosigners(country):
            if cosigner in down or cosigned(self._context, row.note, cosigner):
                continue
            try:
                await self._ask(country, cosigner, row)
            except Unavailable as error:
                down.add(cosigner)
                self._context.log("checkpoint.unshown", partner=cosigner, country=country, error=str(error))
            except (BadProof, ValueError) as error:
                self._context.log("checkpoint.unsigned", partner=cosigner, country=country, error=str(error))

    async def _ask(self, country: str, cosigner: str, row: KeptRow) -> None:
        card = self._context.trust.find(cosigner)
        if card is None or not card.addresses or not card.cosigning:
            raise BadProof("it is on hold, has no address, or lists no key to cosign with")
        name = f"shown:{cosigner}:{row.origin}"
        old = int(await self._context.store.read(lambda tx: tx.find_meta(name)) or 0)
        answer = await self._post(cosigner, row, min(old, row.size))
        if answer.status == 409 and answer.media_type == SIZE_MEDIA_TYPE:
            size = checkpoint.parse_number(answer.body.decode().removesuffix("\n"), "no size")
            if size > row.size:
                # An honest one keeps ours beside what it has, and brings both: these convict a restored copy, or tell
                # of somebody who signs in our name. Without them it is a word that nobody signed.
                reason = "says that it cosigned a larger one"
                self._context.log("checkpoint.larger", partner=cosigner, country=country, seq=size, reason=reason)
                return
            answer = await self._post(cosigner, row, size)
        if answer.status != 200:
            raise BadProof(f"answered with {answer.status}")
        await self._add(cosigner, row, cosign.lines_by(answer.body.decode(), cosigner, card.cosigning), name)

    async def _post(self, cosigner: str, row: KeptRow, old: int) -> HttpAnswer:
        path = await self._context.store.read(lambda tx: _path(tx, row.origin, old, row.size))
        body = cosign.serialize_submission(Submission(old, path, row.note))
        return await self._context.peers.post(cosigner, ADD_PATH, body, MEDIA_TYPE)

    async def _add(self, cosigner: str, row: KeptRow, lines: str, name: str) -> None:
        """Store a cosignature that verifies, beside those that came meanwhile; ``lines`` are by its keys alone."""
        if not lines or not cosigned(self._context, cosign.with_lines(row.note, lines), cosigner):
            raise BadProof("the answer holds no cosignature of its key")

        async def unit(tx: Tx) -> None:
            (current,) = await tx.kept(row.origin, at_least=row.size, limit=1, smallest=True)
            await tx.save_kept(current._replace(note=cosign.with_lines(current.note, lines)))
            await tx.set_meta(name, str(row.size))

        await self._context.commit(unit)
        self._context.log("checkpoint.cosigned", partner=cosigner, seq=row.size)

    # Who has signed, and who has not.

    async def cosigned(self, country: str, limit: int = 1) -> Sequence[Cosigning]:
        """Return the last kept checkpoints of our log about ``country`` with who cosigned them, newest first."""

        async def look(tx: Tx) -> Sequence[KeptRow]:
            head = await tx.log_head(country)
            return await tx.kept(head.origin, limit=limit) if head is not None else ()

        return [self._split(country, row) for row in await self._context.store.read(look)]

    def _split(self, country: str, row: KeptRow) -> Cosigning:
        asked = self.cosigners(country)
        by = tuple(one for one in asked if cosigned(self._context, row.note, one))
        return Cosigning(row, by, tuple(one for one in asked if one not in by))

    async def _tell_late(self, country: str, origin: str, now: datetime) -> None:
        late = 0
        for row in await self._context.store.read(lambda tx: tx.kept(origin, limit=24)):
            if not self._split(country, row).missing:
                break  # one that all cosigned covers those before it: a larger tree proves the smaller
            late += now - row.at > LATE
        if late:
            self._context.log("checkpoint.late", partner=country, count=late)

    # A time-stamp of somebody who is no State.

    async def _stamp(self, country: str, origin: str, now: datetime) -> None:
        """Have the newest kept checkpoint stamped, once a day: its text alone, whoever signs it by then."""
        if self._stamper is None:
            return
        rows = await self._context.store.read(lambda tx: tx.kept(origin, limit=48))
        last = next((row.at for row in rows if row.token is not None), None)
        if rows[0].token is not None or (last is not None and now - last < STAMP_EVERY):
            return
        token = await self._stamper.stamp(checkpoint.parse_note(rows[0].note).text.encode())

        async def unit(tx: Tx) -> None:
            (current,) = await tx.kept(origin, at_least=rows[0].size, limit=1, smallest=True)
            await tx.save_kept(current._replace(token=token))

        await self._context.commit(unit)
        self._context.log("checkpoint.stamped", partner=country, seq=rows[0].size)


def cosigned(context: Context, note: str, country: str) -> bool:
    """Return whether ``note`` holds a cosignature of ``country`` that verifies under its card."""
    card = card_of(context, country)
    try:
        return card is not None and cosign.cosigned_at(note, country, card.cosigning) is not None
    except BadProof:
        return False


def card_of(context: Context, country: str) -> Card | None:
    """Return our own card, or the one held of another State."""
    return context.own if country == context.country else context.trust.find(country)


async def _ends(tx: Tx, country: str) -> tuple[LogHead | None, KeptRow | None]:
    head = await tx.log_head(country)
    kept = await tx.kept(head.origin, limit=1) if head is not None else ()
    return head, kept[0] if kept else None


async def _path(tx: Tx, origin: str, old: int, new: int) -> tuple[bytes, ...]:
    return await tree.consistency(tx, origin, old, new) if 0 < old < new else ()


# What we answer to who asks what continues a checkpoint of ours.


async def continuation(context: Context, origin_hash: bytes, size: int, root: bytes, to: int) -> bytes | None:
    """
    Return a submission that leads from a checkpoint of one of our logs to the kept one of ``to`` entries (M-7.11).

    The asker names the log by the SHA-256 of its origin and shows by the root (32 bytes) that it knows the checkpoint,
    so that nobody else learns how many messages pass. ``None`` if there is no such log, state or kept checkpoint.
    """

    async def look(tx: Tx) -> Submission | None:
        origins = [one for one in await tx.log_origins() if sha256(one.encode()).digest() == origin_hash]
        near = [row for one in origins for row in await tx.kept(one, at_least=to, limit=1, smallest=True)]
        rows = [row for row in near if row.size == to]
        if not rows or not 0 < size <= to or await tree.root(tx, rows[0].origin, size) != root:
            return None
        return Submission(size, await _path(tx, rows[0].origin, size, to), rows[0].note)

    try:
        found = await context.store.read(look)
    except ValueError:
        return None
    return None if found is None else cosign.serialize_submission(found)
