"""
After a restore: a raised epoch, and what partners do about it (``docs/protocol.md`` section 5, *Restore*).

A restored gateway may have forgotten its last hours. It never uses an old number again, because its numbers begin
anew in the new epoch; and its partners bring back what it forgot.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from gateway.core import checkpoint, wire
from gateway.core.case import Side, State
from gateway.core.machine import Send
from gateway.core.merkle import Frontier
from gateway.core.messages import CONFIRMATION, ERASURE, RESYNC, WITHDRAWAL
from gateway.core.verification import WITHDRAWAL_BODY, next_full_hour
from gateway.core.wire import Payload
from gateway.services import cases, channel
from gateway.services.context import Context
from gateway.services.deliver import STOPPED
from gateway.services.ports import Draft, LogHead, OutboundRow, ThreadRow, Tx
from schemas import ijson

RESTORED_AT = "restored_at"
"""Name of the stored instant at which the database last came back from a backup."""

THREADS_A_MESSAGE = 32
"""Threads listed in one ``resync`` message: what its schema allows, so that it fits the smallest envelope."""


class Resync:
    """Both ends of a restore."""

    def __init__(self, context: Context) -> None:
        """Work for the gateway of ``context``."""
        self._context = context

    async def partner_restored(self, country: str, now: datetime) -> int:
        """
        Post the last days of envelopes to a partner whose epoch was raised again, and list what we hold of it.

        Returns how many messages will be posted again. What the partner still knows gets its stored answer.
        """
        context = self._context
        since = now - timedelta(days=context.policy.envelope_days)

        async def unit(tx: Tx) -> int:
            rows = [row for row in await tx.outbound_since(country, since) if _may_repeat(row, now)]
            again = [row for row in rows if await _may_leave(tx, row)]
            for row in again:
                # The answer stays: it is what the partner said, and proves it, whatever it says now.
                await tx.save_outbound(row._replace(state="posted", next_try_at=now))
            threads = [row for row in await tx.threads(country) if row.in_digest is not None]
            for start in range(0, len(threads), THREADS_A_MESSAGE):
                part = threads[start : start + THREADS_A_MESSAGE]
                await self._queue(tx, country, part, start + THREADS_A_MESSAGE < len(threads), now)
            partner = await tx.find_partner(country)
            card = context.trust.find(country)
            if partner is not None and card is not None:
                # In this transaction: a crash before it leaves the new epoch to be noticed again.
                await tx.save_partner(partner._replace(epoch=card.epoch))
            return len(again)

        committed = await context.commit(unit)
        context.wake()
        count: int = committed.value
        return count

    async def _queue(self, tx: Tx, country: str, threads: list[ThreadRow], more: bool, now: datetime) -> None:
        context = self._context
        listed = [
            {"thread": row.thread, "epoch": row.in_epoch, "seq": row.in_seq, "payload": row.in_digest}
            for row in threads
        ]
        await channel.queue(context, tx, country, RESYNC, ijson.dumps({"threads": listed, "more": more}), now)

    async def take_listing(self, tx: Tx, payload: Payload, now: datetime) -> None:
        """
        Compare a partner's listing of our messages with what we remember; what we lost becomes a finding.

        A message that we dropped because the backup had not posted it did leave: its case may be withdrawn as one whose
        message is abroad, and is if that was decided already (M-5.25).
        """
        for item in payload.body["threads"]:
            thread = await tx.find_thread(payload.sender, item["thread"])
            known = await tx.find_outbound_by_digest(payload.sender, item["payload"])
            if known is not None and not _dropped_unposted(known):
                continue
            if known is not None:
                await tx.save_outbound(known._replace(posted_at=known.queued_at))
            self._context.log("thread.behind", partner=payload.sender, seq=item["seq"])
            row = await tx.find_case(thread.ref) if thread is not None and thread.ref is not None else None
            if row is not None and row.sealed is not None:
                held = cases.unseal(self._context, row)
                text = f"the other State holds our message number {item['seq']}, which was lost before the restore"
                if text in held.case.findings:
                    continue  # said before; a listing that is repeated must not make the case grow
                case = replace(held.case, findings=(*held.case.findings, text))
                noted = await cases.note(self._context, tx, held, case, "resync", payload.sender, now)
                if known is not None and case.side is Side.REQUESTING and case.state is State.WITHDRAWN:
                    late = Send(WITHDRAWAL, WITHDRAWAL_BODY, next_full_hour(now))
                    await cases.queue(self._context, tx, noted, late, now)

    async def begin_epoch(self, now: datetime) -> int:
        """
        Raise our own epoch after a restore and begin each log anew with its last checkpoint as first entry.

        A request or an answer to a question that waited in the backup does not leave: the case may have been frozen
        since, and the backup does not know. For the same reason no reminder leaves by itself before a person has taken
        a step of the case. Returns the new epoch; it is announced in the next card.
        """
        context = self._context
        epoch = context.epoch + 1

        async def unit(tx: Tx) -> None:
            await tx.set_meta("epoch", str(epoch))
            await tx.set_meta(RESTORED_AT, wire.format_instant(now))
            for country in context.partners:
                await self._forget_unsent(tx, country, now)
                old = await tx.log_head(country)
                head = LogHead(checkpoint.origin(context.country, country, epoch), Frontier(), "")
                await tx.save_log_head(country, head)
                if old is not None and old.checkpoint:
                    digest = wire.payload_digest(old.checkpoint.encode())
                    tx.draft(Draft(country, digest, None, old.checkpoint.encode()))

        await context.commit(unit)
        context.epoch = epoch
        return epoch

    async def _forget_unsent(self, tx: Tx, country: str, now: datetime) -> None:
        """Drop what we as the asking State never posted, and say so on each case; a person decides what follows."""
        for row in await tx.outbound_since(country, now - _LONGEST_WAIT):
            found = await tx.find_case(row.ref or "") if _never_left(row) else None
            if found is None or found.side != Side.REQUESTING.value or found.sealed is None:
                continue
            await tx.save_outbound(row._replace(state="dropped", envelope=None, sealed=None, answered_at=now))
            held = cases.unseal(self._context, found)
            text = "a message that waited was dropped at the restore; freeze and withdraw the case, or ask anew"
            case = replace(held.case, findings=(*held.case.findings, text))
            await cases.note(self._context, tx, held, case, "restore", self._context.country, now)


def _dropped_unposted(row: OutboundRow) -> bool:
    """Return whether a message of ours was dropped and, as far as we know, never left."""
    return row.state == "dropped" and row.posted_at is None


def _never_left(row: OutboundRow) -> bool:
    return row.state == "queued" and row.ref is not None and row.type != WITHDRAWAL


def _may_repeat(row: OutboundRow, now: datetime) -> bool:
    return (
        row.envelope is not None
        and row.state in ("posted", "receipted", "refused")
        and row.type != RESYNC
        and now <= row.expires_at + wire.SKEW
    )


_LONGEST_WAIT = 2 * wire.MAX_VALIDITY
"""No message waits longer than it is valid; twice that is surely all of them."""


async def _may_leave(tx: Tx, row: OutboundRow) -> bool:
    """
    Return whether a message that was answered may be posted again.

    Of a case that is frozen or withdrawn nothing is but the withdrawal, and what follows it and names nothing: neither
    must wait behind the others.
    """
    if row.state == "posted" or row.ref is None or row.type in (WITHDRAWAL, ERASURE, CONFIRMATION):
        return True
    case = await tx.find_case(row.ref)
    return case is not None and case.sealed is not None and case.state not in STOPPED
