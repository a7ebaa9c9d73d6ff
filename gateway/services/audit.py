"""
Auditing the logs: everything derived anew and compared with what is stored and with what was signed.

Rule 1: nothing is believed because it stands in a row: a leaf is made again from receipt and r, a root from all leaves.
Rule 2: what we showed binds us. Each checkpoint in an answer we gave, or kept for others to cosign, must be a state
this log went through.
Rule 3: an audit reads and never mends; it reads page by page, and holds up no message.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from gateway.core import checkpoint, merkle, wire
from gateway.core.codes import PeerError
from gateway.core.merkle import BadProof, Frontier
from gateway.services import threads
from gateway.services.context import Context
from gateway.services.ports import Tx
from gateway.services.rows import InboundRow, KeptRow, LogEntry, LogHead, OutboundRow
from keys import jws
from keys.errors import BadJws

PAGE = 1024
"""Entries or threads read in one transaction."""


PAGE_KEPT = 64
"""Checkpoints read in one transaction; each has some kilobytes of signatures."""


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """One thing that does not fit: the log (origin), the index of the entry or ``None`` for the whole log, and why."""

    origin: str
    index: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Audited:
    """What an audit looked at and what it found; nothing found means that store, log and signatures agree."""

    origins: tuple[str, ...]
    entries: int
    answers: int
    findings: tuple[AuditFinding, ...]


@dataclass(slots=True)
class _Walk:
    """
    One log while it is read from its first entry to its last; ``before`` is the last one about this partner, of an
    earlier epoch, that has any entry: only that one's end can be what this one begins with (protocol 7.1).

    ``shown`` holds the checkpoints of answers by the size they name, as root -> index of the entry; ``kept`` the roots
    of checkpoints that were kept, by size; ``unmatched`` the receipts in stored answers, by (direction, digest), that
    were not the one of an entry about the same message.
    """

    origin: str
    partner: str
    before: str | None
    frontier: Frontier = field(default_factory=Frontier)
    shown: dict[int, dict[bytes, int]] = field(default_factory=dict)
    kept: dict[int, bytes] = field(default_factory=dict)
    unmatched: dict[tuple[str, str], bytes] = field(default_factory=dict)
    findings: list[AuditFinding] = field(default_factory=list)
    answers: int = 0

    def found(self, index: int | None, reason: object) -> None:
        self.findings.append(AuditFinding(self.origin, index, str(reason)))


async def audit(context: Context) -> Audited:
    """
    Derive every log of the store anew and return what does not fit.

    Raises ``Unavailable`` if the store cannot be read.
    """
    origins = tuple(await context.store.read(lambda tx: tx.log_origins()))
    walks: list[_Walk] = []
    for origin in sorted(origins, key=_epoch):
        walks.append(await _audit_log(context, origin, walks))
    stray = [finding for partner in context.partners async for finding in _unlogged(context, partner)]
    stray += await _unmatched(context, walks)
    return Audited(
        origins,
        sum(walk.frontier.size for walk in walks),
        sum(walk.answers for walk in walks),
        (*(finding for walk in walks for finding in walk.findings), *stray),
    )


async def _audit_log(context: Context, origin: str, earlier: Sequence[_Walk]) -> _Walk:
    """Read one log from its first entry to the end its head names; those of ``earlier`` epochs were read before."""
    keeper, partner, _ = f"{origin}//".split("/")[:3]
    ended = (walk.origin for walk in reversed(earlier) if walk.partner == partner and walk.frontier.size)
    walk = _Walk(origin, partner, next(ended, None))
    if keeper != context.country:
        walk.found(None, "a log that another State keeps")
    # The head first: what is added while we read comes after it and is left for the next audit.
    head = await context.store.read(lambda tx: tx.log_head(partner))
    current = head if head is not None and head.origin == origin else None
    size = current.frontier.size if current else None
    async for row in _kept(context, origin):
        _take_kept(context, walk, row)
    async for page in _entries(context, origin, size):
        for entry, inbound in page:
            _check_entry(context, walk, entry, inbound)
    _check_end(context, walk, current)
    return walk


Logged = tuple[LogEntry, InboundRow | OutboundRow | None]
"""An entry, and the message that its receipt is about."""


async def _entries(context: Context, origin: str, size: int | None) -> AsyncIterator[Sequence[Logged]]:
    """Yield pages of entries with the message each receipt is about; ``size`` as in the head, or to the end."""
    start, partner = 0, origin.split("/")[1]
    while size is None or start < size:
        limit = PAGE if size is None else min(PAGE, size - start)

        async def look(tx: Tx, start: int = start, limit: int = limit) -> Sequence[Logged]:
            entries = await tx.log_entries(origin, start, limit)
            return [(entry, await _message(tx, partner, entry)) for entry in entries]

        page = await context.store.read(look)
        if not page:
            return
        yield page
        start += len(page)


async def _message(tx: Tx, partner: str, entry: LogEntry) -> InboundRow | OutboundRow | None:
    """Return the message without its bytes, of which one with images has 4 MiB, and a page has a thousand messages."""
    if entry.direction == "issued":
        came = await tx.find_inbound(partner, entry.digest)
        return came and came._replace(sealed=None)
    said = await tx.find_outbound_by_digest(partner, entry.digest)
    return said and said._replace(envelope=None, sealed=None)


def _check_entry(context: Context, walk: _Walk, entry: LogEntry, message: InboundRow | OutboundRow | None) -> None:
    """Make the leaf again, and check the receipt and the answer that holds it."""
    size = walk.frontier.size
    if entry.index != size:
        walk.found(entry.index, f"entry {size} is missing, or one stands twice")
    leaf = merkle.leaf_hash(checkpoint.log_entry(entry.receipt, entry.r))
    if leaf != entry.leaf:
        walk.found(entry.index, "receipt and r do not give the leaf that is stored")
    walk.frontier = walk.frontier.append([leaf])
    if entry.index == 0 and walk.before is not None:
        _check_beginning(context, walk, entry, walk.before)
        _compare(walk)
        return
    _check_receipt(context, walk, entry)
    if message is None:
        walk.found(entry.index, "a receipt for a message that is not stored")
    elif message.answer is not None:
        _check_answer(context, walk, entry, message.answer)
    _compare(walk)


def _epoch(origin: str) -> int:
    written = origin.rpartition("/")[2]
    return int(written) if written.isdecimal() else 0


def _check_beginning(context: Context, walk: _Walk, entry: LogEntry, before: str) -> None:
    """Check that the log of a raised epoch begins with the last checkpoint of ``before``, which ended with entries."""
    try:
        head = checkpoint.parse_checkpoint(
            checkpoint.verify_note(entry.receipt.decode(), before, context.keyring.log.public)
        )
    except (BadProof, ValueError) as error:
        walk.found(0, f"the log does not begin with the last checkpoint of {before}: {error}")
        return
    if head.origin != before:
        walk.found(0, "the log begins with a checkpoint of another log")


def _check_receipt(context: Context, walk: _Walk, entry: LogEntry) -> None:
    two = (context.country, walk.partner) if entry.direction == "issued" else (walk.partner, context.country)
    try:
        receipt = wire.parse_receipt(jws.parse(entry.receipt, jws.TYP_RECEIPT).payload)
    except (BadJws, PeerError, ValueError, OverflowError):
        walk.found(entry.index, "what is logged is no receipt")
        return
    if (receipt.sender, receipt.recipient) != two:
        walk.found(entry.index, "the receipt is not between the States of this log in this direction")
    if receipt.payload != entry.digest:
        walk.found(entry.index, "the receipt is about another message than the entry says")


def _check_answer(context: Context, walk: _Walk, entry: LogEntry, raw: bytes) -> None:
    """Check a stored answer, if it is the one of this entry; remember the checkpoint that we showed in it."""
    try:
        answer = wire.parse_stored_answer(raw)
        if answer.receipt != entry.receipt:
            # A message may have several receipts, each with an entry; one of them must be the answer's.
            walk.unmatched[entry.direction, entry.digest] = answer.receipt
            return
        walk.unmatched.pop((entry.direction, entry.digest), None)
        if entry.direction != "issued":
            return  # the proof in it is of the partner's log, and was checked when it came
        key = context.keyring.log.public
        proof = checkpoint.parse_proof(answer.proof)
        head = checkpoint.verify_entry(answer.receipt, answer.r, proof, walk.origin, key)
    except (BadProof, PeerError, ValueError) as error:
        walk.found(entry.index, f"the stored answer does not verify: {error}")
        return
    walk.answers += 1
    if proof.index != entry.index:
        walk.found(entry.index, "the stored answer proves another index")
    walk.shown.setdefault(head.size, {})[head.root] = entry.index


async def _kept(context: Context, origin: str) -> AsyncIterator[KeptRow]:
    """Yield the checkpoints that are kept of a log, the smallest first, a page in each transaction."""
    start = 0

    async def look(tx: Tx) -> Sequence[KeptRow]:
        return await tx.kept(origin, at_least=start, limit=PAGE_KEPT, smallest=True)

    while page := await context.store.read(look):
        for row in page:
            yield row
        start = page[-1].size + 1


def _take_kept(context: Context, walk: _Walk, row: KeptRow) -> None:
    """Remember a kept checkpoint until the log has its size; one that we did not sign as it stands is a finding."""
    walk.kept[row.size] = row.root
    try:
        text = checkpoint.verify_note(row.note, walk.origin, context.keyring.log.public)
    except BadProof as error:
        walk.found(None, f"the checkpoint kept of {row.size} entries does not verify: {error}")
        return
    if text != checkpoint.checkpoint_body(walk.origin, row.size, row.root):
        walk.found(None, f"the checkpoint kept of {row.size} entries says something else than was signed")


def _compare(walk: _Walk) -> None:
    """Check the checkpoints that were shown or kept when the log had the size it has reached now."""
    if walk.kept.pop(walk.frontier.size, walk.frontier.root()) != walk.frontier.root():
        walk.found(None, f"the checkpoint kept of {walk.frontier.size} entries is no state of this log")
    for root, index in walk.shown.pop(walk.frontier.size, {}).items():
        if root != walk.frontier.root():
            walk.found(index, "the checkpoint shown in the answer is no state of this log")


def _check_end(context: Context, walk: _Walk, head: LogHead | None) -> None:
    """Check that the log ends where its head says, under a checkpoint that we signed."""
    for size in sorted(walk.kept):
        walk.found(None, f"the checkpoint kept of {size} entries is beyond the end of the log")
    for shown in walk.shown.values():
        for index in shown.values():
            walk.found(index, "the answer shows a checkpoint beyond the end of the log")
    if head is None:
        return  # ended by a restore: the store keeps no head of it to read, and the answers above bind it
    if head.frontier != walk.frontier:
        walk.found(None, "the entries do not lead to the stored end of the log")
    if head.frontier.size == 0 and not head.checkpoint:
        return
    body = checkpoint.checkpoint_body(walk.origin, walk.frontier.size, walk.frontier.root())
    try:
        if checkpoint.verify_note(head.checkpoint, walk.origin, context.keyring.log.public) != body:
            walk.found(None, "the entries do not lead to the signed checkpoint")
    except BadProof as error:
        walk.found(None, f"the stored checkpoint does not verify: {error}")


# The other way: what was answered must be in a log.


async def _unmatched(context: Context, walks: Sequence[_Walk]) -> list[AuditFinding]:
    """Return a finding for each stored answer whose receipt is none of those logged for its message, in any log."""
    findings = []
    for partner in {walk.partner for walk in walks}:
        own = [walk for walk in walks if walk.partner == partner]
        left = {key: receipt for walk in own for key, receipt in walk.unmatched.items()}
        for walk in own if left else ():
            async for page in _entries(context, walk.origin, walk.frontier.size):
                for entry, _ in page:
                    if left.get((entry.direction, entry.digest)) == entry.receipt:
                        del left[entry.direction, entry.digest]
        findings += [
            AuditFinding(f"{context.country}/{partner}", None, f"the answer {direction} for {digest} is in no log")
            for direction, digest in left
        ]
    return findings


async def _unlogged(context: Context, partner: str) -> AsyncIterator[AuditFinding]:
    """Yield a finding for each answer, given or got, of the cases with ``partner`` whose receipt is in no log."""
    refs = [row.ref async for row in threads.each_with(context, partner) if row.ref is not None]
    for start in range(0, len(refs), PAGE):

        async def look(tx: Tx, part: Sequence[str] = refs[start : start + PAGE]) -> list[AuditFinding]:
            return [finding for ref in part for finding in await _unlogged_of(context, tx, ref)]

        for finding in await context.store.read(look):
            yield finding


async def _unlogged_of(context: Context, tx: Tx, ref: str) -> list[AuditFinding]:
    came = await tx.inbound_of_case(ref, bare=True)
    rows: list[tuple[str, InboundRow | OutboundRow]] = [("issued", row) for row in came]
    rows += [("received", row) for row in await tx.outbound_of_case(ref) if row.status is not None]
    return [
        AuditFinding(f"{context.country}/{row.partner}", None, f"the answer {direction} for {row.digest} is in no log")
        for direction, row in rows
        if await tx.find_log_entry(row.partner, direction, row.digest) is None
    ]
