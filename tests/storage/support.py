"""Rows, a signer and a log for the tests of the store."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.core.merkle import Frontier
from gateway.services.ports import Draft, Signed, Tx
from gateway.services.rows import CaseRow, EventRow, InboundRow, LogEntry, LogHead, OutboundRow, ThreadRow

NOW = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)
EMPTY_LOG = LogHead("XAA/XBB/1", Frontier(0, ()), "")


def digest(text: str) -> bytes:
    """Return 32 bytes that stand for ``text``."""
    return hashlib.sha256(text.encode()).digest()


class Signer:
    """A ``SignBatch`` that keeps its calls; it fails while ``failing`` is set."""

    def __init__(self) -> None:
        self.calls: list[tuple[Mapping[str, LogHead], Sequence[Draft]]] = []
        self.failing = False

    def __call__(self, heads: Mapping[str, LogHead], drafts: Sequence[Draft]) -> Signed:
        """Enter the drafts in order; an answer is the claims with a mark before them."""
        self.calls.append((heads, tuple(drafts)))
        if self.failing:
            raise ValueError("no key")
        new, entries = dict(heads), []
        for draft in drafts:
            head = new[draft.partner]
            body = draft.claims or draft.receipt or b""
            leaf = digest(draft.digest)
            direction = "issued" if draft.claims is not None else "received"
            index = head.frontier.size
            entries.append(LogEntry(head.origin, index, body, digest("r"), leaf, direction, draft.digest, NOW))
            new[draft.partner] = LogHead(head.origin, head.frontier.append([leaf]), f"checkpoint {index + 1}")
        return Signed(entries, [None if d.claims is None else b"answer " + d.claims for d in drafts], new)


def case(ref: str = "c1", **changes: Any) -> CaseRow:
    """Return a new case of version 1."""
    row = CaseRow(
        ref=ref,
        side="asked",
        partner="XBB",
        thread=f"thread-{ref}",
        state="RECEIVED",
        officer="p1",
        step="reply",
        instrument="POLICY_DEFAULT",
        calendar="XAA-2026",
        due_on=(NOW + timedelta(days=10)).date(),
        due_at=NOW + timedelta(days=10),
        reminders=0,
        extended=False,
        delay_notice=True,
        opened_at=NOW,
        changed_at=NOW,
        closed_at=None,
        words=0,
        version=1,
        wrapped_key=b"wrapped " + digest(ref),
        sealed=b"sealed " + digest(ref),
    )
    return row._replace(**changes)


def event(ref: str = "c1", **changes: Any) -> EventRow:
    """Return a step of a case."""
    row = EventRow(ref, NOW, "RECEIVE", "XBB", "partner", "NONE", "RECEIVED", "digest", b"event " + digest(ref))
    return row._replace(**changes)


def thread(**changes: Any) -> ThreadRow:
    """Return where a thread stands."""
    return ThreadRow("XBB", "thread-c1", "c1", 1, 3, "in", 2, 4, "seen", None)._replace(**changes)


def inbound(name: str = "m1", **changes: Any) -> InboundRow:
    """Return a received message whose id, digest and envelope id are made of ``name``."""
    row = InboundRow(
        partner="XBB",
        id=f"id-{name}",
        digest=f"digest-{name}",
        envelope_id=digest(name),
        thread="thread-c1",
        epoch=1,
        seq=1,
        type="verification.request",
        status="accepted",
        code=None,
        received_at=NOW,
        expires_at=NOW + timedelta(days=7),
        ref="c1",
        answer=None,
        sealed=b"inbound " + digest(name),
    )
    return row._replace(**changes)


def outbound(name: str = "m1", **changes: Any) -> OutboundRow:
    """Return a message to send whose id, digest and envelope are made of ``name``."""
    row = OutboundRow(
        partner="XBB",
        id=f"id-{name}",
        digest=f"digest-{name}",
        envelope_id=digest(name),
        thread="thread-c1",
        epoch=1,
        seq=1,
        type="verification.reply",
        state="queued",
        kid="kid",
        envelope=b"envelope " + digest(name),
        sealed=b"outbound " + digest(name),
        ref="c1",
        queued_at=NOW,
        not_before=NOW,
        next_try_at=NOW,
        attempts=0,
        posted_at=None,
        expires_at=NOW + timedelta(days=7),
        answered_at=None,
        status=None,
        code=None,
        answer=None,
    )
    return row._replace(**changes)


def receipt(name: str = "m1") -> Draft:
    """Return a draft of a receipt for the message ``name``."""
    return Draft("XBB", f"digest-{name}", claims=f"claims {name}".encode(), receipt=None)


def accept(name: str) -> Any:
    """Return a unit that stores the message ``name`` and drafts its receipt."""

    async def unit(tx: Tx) -> str:
        await tx.add_inbound(inbound(name))
        tx.draft(receipt(name))
        return name

    return unit
