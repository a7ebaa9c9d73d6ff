"""
Exporting what proves a case: receipts, log openings with proofs, clocks, cards; and, where two persons say so, content.

Rule 1: the look is recorded before anything leaves (R-13), and with content for both persons; with content it says to
whom it goes, and the re-use table must allow that body and that purpose (R-05).
Rule 2: without content nothing leaves that names the person asked about, or tells whether and why the case paused
(``evidence_tables``).
Rule 3: what an erasure destroyed is named as gone; receipts and log entries outlive it, so they still verify.
Rule 4: proofs are made anew against a checkpoint of our log that is kept: the first after the entry that enough others
cosigned, if there is one. What is newer than all that are kept makes one more (``docs/protocol.md`` section 7.3).
Rule 5: whose keys these are is shown as of now: with a trust list its signed parts go along, and lead from its root to
the cards.
"""

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from gateway.core import checkpoint, evidence, evidence_manifest, merkle, wire
from gateway.core.codes import PeerError
from gateway.core.evidence import CLOCKS, EVENTS, GONE, MESSAGES, OPENINGS, README
from gateway.core.evidence_manifest import Manifest
from gateway.core.facts import Facts, When
from gateway.core.machine import RuleRefused
from gateway.core.merkle import BadProof
from gateway.core.notices import grants
from gateway.core.reuse import DESK, held_under, reuse_findings
from gateway.core.rules import findings
from gateway.core.witness_policy import BadPolicy, WitnessPolicy, parse_policy
from gateway.services import access, cases, checkpoints, own_card, tree
from gateway.services import evidence_tables as tables
from gateway.services.cases import Held
from gateway.services.checkpoints import Checkpoints
from gateway.services.context import Context, Forbidden, NotFound, acting
from gateway.services.ports import Tx, Unavailable
from gateway.services.rows import AccessRow, CaseRow, EventRow, InboundRow, KeptRow, LogEntry, LogHead, OutboundRow
from gateway.services.trust import CardSource
from keys import b64, jws
from keys.card import Card, parse_card
from keys.errors import BadJws, BadRest, CardRefused
from keys.trust_policy import WITNESS
from schemas.ijson import BadJson

ROLES = frozenset({"case_officer", "liaison_officer", "registry_clerk", "desk_head", "dpo"})
"""Roles that may export without content."""

DISCLOSERS = frozenset({"case_officer", "liaison_officer", "desk_head"})
"""Roles of the two persons an export with content needs; at least one of them is not the case officer alone."""

SECOND = frozenset({"liaison_officer", "desk_head"})

CANDIDATES = 48
"""Kept checkpoints looked at for one entry: those of the two days after it."""

PAGE = 2048
"""Log entries read at a time, so that an export holds up no message for long."""

LARGE_BYTES, LARGE_MOST_BYTES = 64 << 10, 24 << 20
"""Size of a message from which it has images, and how much of such messages goes into one file, the last ones first."""

_UNIX = 3

README_TEXT = """\
Evidence of one case between two States
=======================================

For an expert. This file proves what two State gateways said to each other and when, without telling about whom. It is
checked without network and database, by either of two programs that share no code:

    isthmus evidence verify FILE --root ROOT.json        all checks; names the member at fault; exit code 6 if any
    python verify.py FILE ROOT.json                      docs/evidence/verify.py of the same project: 149 lines, to read

or by hand with published standards only: JSON, JWS with Ed25519 (RFC 7515, RFC 8032), SHA-256, HMAC, Merkle tree proofs
(RFC 9162, C2SP tlog-proof), ML-DSA-44 (FIPS 204, C2SP tlog-cosignature), The Update Framework, RFC 3161.

  manifest.json   SHA-256 and size of every other member        manifest.jws   the same, signed by the exporting State
  cards/          signed key cards of both States, and of those that cosigned: whose key is whose, and when it was valid
  trust/          the trust list as of the export: from its root, which three of five trustees sign, to the cards; only
                  where the State that exported reads one
  messages.json   which messages passed, in which direction, with the digest (SHA-256, base64url) of each
  receipts/       signed receipts, named by the digest of the message: who received it, when, accepted or refused, and
                  where it started a clock the dates
  openings.json   for each receipt the secret r that opens its entry in a log, and where its proof is
  log/            proofs that the entry stood in the append-only log of the State in the name, under a checkpoint that
                  other States cosigned
  stamps/         time-stamps (RFC 3161) of such checkpoints, by an authority that is no State; only where it has one
  clocks.json     deadlines as the exporting State reckoned them, each with the message that started it
  events.json     steps taken in the exporting State, by role
  gone.json       what is missing and why
  content/        the signed messages; only in an export that two persons disclosed

Five questions and where the answer is:

  Was it sent and received?     receipts/: the State that received a message signed its digest and the instant.
  Was it on time?               the receipt's due_on, and the receipt of the reply; clocks.json tells the rule,
                                and how sure its figure is.
  Was it written afterwards?    log/: the checkpoint signs the whole log; the entry is HMAC-SHA-256 with key r of the
                                SHA-256 of the receipt, the leaf SHA-256 of 0x00 and the entry. The cosignatures say
                                since when other States know that tree, and a time-stamp says it too.
  Was the log the same for all? the cosigners of a checkpoint saw that it continues all they cosigned before.
  Whose signatures are these?   the root of the trust list, as the trustees publish its fingerprint, leads to the cards.
                                Without a list compare the fingerprint of each identity key with one that you got from
                                that State by another way. Without either the file proves only that it is whole.

Without content the file does not tell whether a case was paused, or why: no conclusion may be drawn from a silence.
Nor does it prove what kind a message was, that it is of this case, or that the other State sent one that was received:
a receipt names a digest alone. For that ask for the content, or for the export of the other State.
"""


@dataclass(frozen=True, slots=True)
class _Stored:
    """All rows of a case and the end of our current log, read in one transaction."""

    row: CaseRow
    events: Sequence[EventRow]
    inbound: Sequence[InboundRow]
    outbound: Sequence[OutboundRow]
    held_card: bytes | None
    head: LogHead | None
    origins: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Log:
    """What one of our logs says about a case: the entries wanted, each with its proof as text; under which rows."""

    entries: Sequence[tuple[LogEntry, str]]
    under: Sequence[KeptRow]


async def export(
    context: Context,
    ref: str,
    person: str,
    role: str,
    justification: str,
    *,
    cards: CardSource,
    with_content_by: tuple[str, str] | None = None,
    recipient: str = DESK,
    purpose: str | None = None,
) -> bytes:
    """
    Return the evidence of the case ``ref`` as a zip.

    Args:
        context: the gateway.
        ref: our reference of the case; it may be erased.
        person: who exports, in office and in ``role``, one of ``ROLES``.
        role: see ``person``.
        justification: why, for the record of access (R-13).
        cards: where our own cards are, and those of the partner before the one held.
        with_content_by: the two persons who disclose the content, ``person`` being one of them, each a case officer,
            liaison officer or desk head, and not both only case officers; ``None``: no content.
        recipient: the body that gets the content, of the list of ``schemas/reuse.json``; by default it stays here.
        purpose: what that body uses it for; by default what each part was sent for.

    Raises ``Forbidden``, ``NotFound`` (also for content of an erased case), ``RuleRefused``, ``Unavailable``.
    """
    now = context.clock.now()
    _check_persons(context, person, role, with_content_by, now)
    to = (recipient, purpose)
    stored, held = await _recorded(context, ref, with_content_by or (person,), justification, with_content_by, to, now)
    stored, left_out = _bounded(stored, held)
    await Checkpoints(context).keep(stored.row.partner, now)  # so that the newest entries stand under one as well
    enough = Enough(context, stored.row.partner, _policy(cards))
    logs = [await _log(context, stored, origin, enough) for origin in _own_origins(context, stored)]
    known = [*await _cards(context, stored, cards), *_cosigners(context, stored, logs)]
    members = {README: README_TEXT.encode()}
    members |= {evidence.card_name(card): card.raw for card in known}
    members |= await _listed(context, stored, cards, known)
    members |= {
        evidence.stamp_name(row.origin, row.size): row.token
        for log in logs
        for row in log.under
        if row.token is not None
    }
    entries, left = _standing(context, stored, known, [pair for log in logs for pair in log.entries])
    receipts, unproved = _receipts(context, stored, entries)
    members |= receipts
    disclosed, passed = (held if with_content_by else None), (stored.outbound, stored.inbound)
    content, gone = await _content(context, stored, disclosed)
    members |= content
    members[MESSAGES] = evidence.table(MESSAGES, tables.messages(*passed, disclosed=with_content_by is not None))
    members[EVENTS] = evidence.table(EVENTS, tables.events(context, stored.events, *passed, disclosed))
    shown = tables.clocks(context, held, stored.outbound, disclosed=with_content_by is not None)
    members[CLOCKS] = evidence.table(CLOCKS, shown)
    members[GONE] = evidence.table(GONE, [*_erased(stored), *left_out, *gone, *left, *unproved])
    about = _about(context, stored, now, content=with_content_by is not None)
    context.log("evidence.exported", ref=ref, count=len(members))
    return pack(evidence_manifest.build(about, members, context.keyring.signing))


def pack(members: Mapping[str, bytes]) -> bytes:
    """Return ``members`` as a zip that is the same for the same members."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name in sorted(members):
            entry = zipfile.ZipInfo(name)  # dated 1980, the earliest there is
            entry.create_system, entry.external_attr = _UNIX, 0o644 << 16
            archive.writestr(entry, members[name], zipfile.ZIP_DEFLATED)
    return made.getvalue()


def _check_persons(context: Context, person: str, role: str, two: tuple[str, str] | None, now: datetime) -> None:
    """Raise ``Forbidden`` unless these persons may export this."""
    acting(context, person, role, now)
    if role not in ROLES:
        raise Forbidden(f"the role '{role}' exports no evidence", f"one of {', '.join(sorted(ROLES))} does")
    if two is None:
        return
    hint = "name two of: case officer, liaison officer, desk head"
    if len(set(two)) != 2 or person not in two:
        raise Forbidden("content is disclosed by two different persons, one of them the one who exports", hint)
    found = [context.persons.get(id) for id in two]
    roles = [one.roles & DISCLOSERS for one in found if one is not None and one.active(now)]
    if len(roles) != 2 or not all(roles) or not any(held & SECOND for held in roles):
        raise Forbidden("content is disclosed by two persons in office and in these roles only", hint)


async def _recorded(
    context: Context,
    ref: str,
    persons: Sequence[str],
    justification: str,
    two: tuple[str, str] | None,
    to: tuple[str, str | None],
    now: datetime,
) -> tuple[_Stored, Held | None]:
    """Record the access durably, then return all rows of the case, and the case itself unless it was erased."""
    body, purpose = to

    async def record(tx: Tx) -> None:
        row = await tx.find_case(ref)
        if row is None:
            raise NotFound("there is no such case here")
        held = cases.unseal(context, row) if two is not None or row.wrapped_key is not None else None
        if found := findings(When.EXPORT, Facts(now, justification=justification)):
            raise RuleRefused(found)
        if held is not None and two is not None:
            under, released = held_under(held.case), grants(held.case)
            if found := reuse_findings(under, released, purpose=purpose, body=body, today=now.date()):
                raise RuleRefused(found)
        action = "evidence-content" if two is not None else "evidence"
        recipient = body if two is not None else None
        for person in persons:
            if held is not None:
                await access.record(context, tx, held, person, action, justification, now, recipient)
            else:
                # There is no key left to seal the words with, and they may name a person.
                await tx.add_access(AccessRow(ref, now, person, action, "", None))

    async def look(tx: Tx) -> _Stored:
        row = await tx.find_case(ref)
        if row is None:
            raise NotFound("there is no such case here")
        partner = await tx.find_partner(row.partner)
        return _Stored(
            row=row,
            events=await tx.events(ref),
            inbound=await tx.inbound_of_case(ref, bare=True),
            outbound=await tx.outbound_of_case(ref),
            held_card=partner.card if partner else None,
            head=await tx.log_head(row.partner),
            origins=await tx.log_origins(),
        )

    await context.commit(record)
    stored = await context.store.read(look)
    return stored, cases.unseal(context, stored.row) if stored.row.wrapped_key is not None else None


def _bounded(stored: _Stored, held: Held | None) -> tuple[_Stored, list[dict[str, Any]]]:
    """Return what the file proves of a case, and a row for each type of which it leaves messages out."""
    began = {one.evidence for clock in held.case.clocks for one in (clock, *clock.history)} if held else set[str]()
    inbound, gone = tables.bounded(stored.inbound, began)
    left = {row.digest for row in stored.inbound} - {row.digest for row in inbound}
    return replace(stored, inbound=inbound, events=[one for one in stored.events if one.digest not in left]), gone


def _about(context: Context, stored: _Stored, now: datetime, *, content: bool) -> Manifest:
    row = stored.row
    return Manifest(
        case=row.ref,
        country=context.country,
        partner=row.partner,
        side=row.side,
        thread=row.thread,
        opened_at=row.opened_at,
        exported_at=now,
        content=content,
        erased=row.wrapped_key is None,
        members={},
    )


# Cards.


async def _cards(context: Context, stored: _Stored, source: CardSource) -> list[Card]:
    """
    Return our own cards and the partner's up to the one held.

    Raises ``Unavailable`` if our own card is not published where ``source`` looks: nothing we sign could be checked.
    """
    ours = own_card.every(await source.cards(context.country), context.country, context.own)
    if not any(key.kid == context.keyring.signing.kid for card in ours for key in card.signing):
        raise Unavailable("our own card is not in the directory of cards", "publish it there: isthmus keys show")
    try:
        held = parse_card(stored.held_card) if stored.held_card is not None else None
    except CardRefused:
        held = None
    if held is None:
        raise Unavailable(f"no card of {stored.row.partner} is held", "refresh trust, then export again")
    # Only what leads to the card held: what somebody else may have published under its name is no evidence.
    older = own_card.every(await source.cards(held.country), held.country, held)
    return [*ours, *(card for card in older if card.serial < held.serial), held]


def _cosigners(context: Context, stored: _Stored, logs: Sequence[_Log]) -> list[Card]:
    """Return the cards held of the third States that cosigned a checkpoint of the export."""
    names = {name for log in logs for row in log.under for name, _ in checkpoint.parse_note(row.note).signatures}
    others = sorted(names - {context.country, stored.row.partner})
    return [card for name in others if (card := checkpoints.card_of(context, name)) is not None]


async def _listed(context: Context, stored: _Stored, source: CardSource, known: Sequence[Card]) -> Mapping[str, bytes]:
    """
    Return the signed parts of the trust list behind the cards ``known``; nothing of a list that does not name both.

    A verifier asks for the part of either State where there is a list at all; one that joins is not in it at first.
    """
    found = await source.state(frozenset(one.country for one in known))
    both = {f"trust/{country}.cards.json" for country in (context.country, stored.row.partner)}
    return found if both <= found.keys() else {}


def _policy(source: CardSource) -> WitnessPolicy | None:
    """Return whose cosignatures suffice by the trust list; ``None`` without one, or if it cannot be read."""
    raw = source.policy(WITNESS)
    try:
        return parse_policy(raw) if raw is not None else None
    except BadPolicy:
        return None


# Receipts and the log.


def _own_origins(context: Context, stored: _Stored) -> list[str]:
    """Return our logs about the partner, those of earlier epochs too."""
    prefix = f"{context.country}/{stored.row.partner}/"
    return [origin for origin in stored.origins if origin.startswith(prefix)]


async def _log(context: Context, stored: _Stored, origin: str, enough: "Enough") -> _Log:
    """Read a log once, and return the entries about the case, each with a proof against the best checkpoint kept."""
    wanted = {row.digest for row in stored.inbound} | {row.digest for row in stored.outbound}
    head = stored.head if stored.head is not None and stored.head.origin == origin else None
    leaves: list[bytes] = []
    found: list[LogEntry] = []
    async for page in _pages(context, origin, head.frontier.size if head else None):
        leaves += [entry.leaf for entry in page]
        found += [entry for entry in page if entry.digest in wanted]
    if not found:
        return _Log((), ())
    used: dict[int, KeptRow] = {}
    proved = []
    until, row = 0, None
    for entry in found:  # in the order of the log, so that what one hour brought is under the same checkpoints
        if row is None or entry.index >= until:
            kept = await context.store.read(partial(_kept_after, origin=origin, index=entry.index))
            rows = [one for one in kept if _is_readable(context, stored.row.partner, one)]
            row = max(rows, key=enough.rank) if rows else _unkept(context, origin, leaves, head)
            until, used[row.size] = rows[0].size if rows else len(leaves), row
        path = await context.store.read(partial(tree.inclusion, origin=origin, index=entry.index, size=row.size))
        proved.append((entry, checkpoint.proof_text(entry.index, path, row.note)))
    return _Log(proved, tuple(used.values()))


async def _kept_after(tx: Tx, origin: str, index: int) -> Sequence[KeptRow]:
    """Return the first checkpoints that were kept once the entry at ``index`` stood in the log."""
    return await tx.kept(origin, at_least=index + 1, limit=CANDIDATES, smallest=True)


def _is_readable(context: Context, partner: str, row: KeptRow) -> bool:
    """Return whether a checkpoint that was kept is one still; that it is not is logged, and another proves the same."""
    try:
        checkpoint.parse_note(row.note)
    except BadProof as error:
        context.log("checkpoint.fault", partner=partner, error=type(error).__name__)
        return False
    return True


@dataclass(frozen=True, slots=True)
class Enough:
    """Who cosigned what we kept about ``partner``, judged by the trustees' ``policy`` or, without one, by the rule."""

    context: Context
    partner: str
    policy: WitnessPolicy | None

    def rank(self, row: KeptRow) -> tuple[bool, bool, int]:
        """Return what makes a kept checkpoint better to prove against: a quorum, a time-stamp, that it is early."""
        return self.by(row), row.token is not None, -row.size

    def by(self, row: KeptRow) -> bool:
        """Return whether those who cosigned ``row`` are enough."""
        names = {name for name, _ in checkpoint.parse_note(row.note).signatures}
        signed = {name for name in names if checkpoints.cosigned(self.context, row.note, name)}
        if self.policy is not None:
            cards = {name: checkpoints.card_of(self.context, name) for name in signed}
            return self.policy.satisfied(
                {(name, key) for name, card in cards.items() if card for key in card.cosigning}
            )
        two = {self.context.country, self.partner}
        return two <= signed and bool(signed - two)


async def _pages(context: Context, origin: str, size: int | None) -> Any:
    """Yield the entries of a log in order, a page in each transaction, up to ``size`` (``None``: to its end)."""
    start = 0
    while size is None or start < size:
        limit = PAGE if size is None else min(PAGE, size - start)

        async def look(tx: Tx, start: int = start, limit: int = limit) -> Sequence[LogEntry]:
            return await tx.log_entries(origin, start, limit)

        page = await context.store.read(look)
        if not page:
            return
        yield page
        start += len(page)


def _unkept(context: Context, origin: str, leaves: Sequence[bytes], head: LogHead | None) -> KeptRow:
    """
    Return the newest checkpoint of a log of which none is kept that is as large: signed by the log key alone.

    A log that a restore ended is signed again. Nothing was added to it since and Ed25519 has one signature for a text,
    so this is the very one signed then.
    """
    body = checkpoint.checkpoint_body(origin, len(leaves), merkle.root_hash(leaves))
    note = head.checkpoint if head is not None else checkpoint.sign_note(body, origin, context.keyring.log)
    return KeptRow(origin, len(leaves), merkle.root_hash(leaves), context.clock.now(), note, None)


def _standing(
    context: Context, stored: _Stored, cards: Sequence[Card], entries: Sequence[tuple[LogEntry, str]]
) -> tuple[list[tuple[LogEntry, str]], list[dict[str, Any]]]:
    """
    Return ``entries`` without a receipt that fell with its key where another says the same under a key that stands.

    After a theft the very same words were signed again, and other ones of the same outcome where the message had been
    forgotten in a restore as well: then a row says so. A receipt that nobody signed again stays, and is the fault that
    it is. One that cannot be read any more is left out, with a row that says so.
    """
    revoked = {(card.country, key.kid): key for card in cards for key in card.signing if key.revoked_at is not None}
    standing, out = dict[tuple[str, ...], set[bytes]](), list[dict[str, Any]]()
    kept, fell = list[tuple[LogEntry, str]](), list[tuple[tuple[LogEntry, str], bytes, tuple[str, ...], datetime]]()
    for pair in entries:
        try:
            parts = jws.parse(pair[0].receipt, jws.TYP_RECEIPT)
            receipt = wire.parse_receipt(parts.payload)
        except (PeerError, BadJws, BadJson) as error:
            out.append(_unread(context, stored, pair[0].digest, "receipts", error))
            continue
        outcome = (receipt.sender, receipt.payload, receipt.status, receipt.code or "")
        key = revoked.get((receipt.sender, parts.kid))
        if key is not None and key.is_revoked(receipt.received_at):
            fell.append((pair, parts.payload, outcome, receipt.received_at))
        else:
            kept.append(pair)
            standing.setdefault(outcome, set()).add(parts.payload)
    for pair, said, of, at in fell:
        if of not in standing:
            kept.append(pair)
        elif said not in standing[of]:
            reason = _FELL % {"at": wire.format_instant(at)}
            out.append({"what": "receipts", "digest": pair[0].digest, "reason": reason})
    return kept, out


_FELL = "it says %(at)s, and its key was revoked by then; another receipt of the same outcome stands"


def _unread(context: Context, stored: _Stored, digest: str, what: str, error: Exception) -> dict[str, Any]:
    """Return the row that says of a message that ``what`` is kept of it cannot be read any more, and log it."""
    types = {row.digest: row.type for row in stored.outbound} | {row.digest: row.type for row in stored.inbound}
    context.log_fault(stored.row.partner, types.get(digest), error)
    return {"what": what, "digest": digest, "reason": "what is stored cannot be read"}


def _receipts(
    context: Context, stored: _Stored, entries: Sequence[tuple[LogEntry, str]]
) -> tuple[dict[str, bytes], list[dict[str, Any]]]:
    """Return receipts, proofs and the table of openings, and a row for each answer that cannot be read any more."""
    members: dict[str, bytes] = {}
    openings: list[dict[str, Any]] = []
    numbers: dict[str, int] = {}
    theirs, unread = dict[str, wire.Answer](), list[dict[str, Any]]()
    for row in stored.outbound:
        try:
            if row.answer is not None:
                answer = wire.parse_stored_answer(row.answer)
                checkpoint.parse_proof(answer.proof)
                theirs[row.digest] = answer
        except (PeerError, BadProof) as error:
            unread.append(_unread(context, stored, row.digest, "proofs", error))
    for entry, proof in entries:
        numbers[entry.digest] = numbers.get(entry.digest, 0) + 1
        stem = evidence.receipt_stem(entry.digest, numbers[entry.digest])
        members[f"receipts/{stem}.jws"] = entry.receipt
        places = [(context.country, entry.r, proof)]
        given = theirs.get(entry.digest)
        if given is not None and given.receipt == entry.receipt:
            places.append((stored.row.partner, given.r, given.proof))
        for keeper, r, text in places:
            members[f"log/{stem}.{keeper}.proof"] = text.encode()
            openings.append(_opening(stem, keeper, r, text))
    return {**members, OPENINGS: evidence.table(OPENINGS, openings)}, unread


def _opening(stem: str, keeper: str, r: bytes, proof: str) -> dict[str, Any]:
    parsed = checkpoint.parse_proof(proof)
    return {
        "receipt": f"receipts/{stem}.jws",
        "proof": f"log/{stem}.{keeper}.proof",
        "keeper": keeper,
        "origin": parsed.checkpoint.split("\n", 1)[0],
        "index": parsed.index,
        "r": b64.encode(r),
    }


# Content, and what is missing of it.


def _erased(stored: _Stored) -> list[dict[str, Any]]:
    if stored.row.wrapped_key is not None:
        return []
    return [
        {"what": what, "digest": None, "reason": "erased with the key of the case"} for what in ("clocks", "content")
    ]


async def _content(
    context: Context, stored: _Stored, held: Held | None
) -> tuple[dict[str, bytes], list[dict[str, str | None]]]:
    """Return the signed messages of a case that is disclosed, and a row for each that is not here, with why."""
    if held is None:
        return {}, []
    places = [("outbound", row.id, row.digest, row.sealed) for row in stored.outbound]
    members: dict[str, bytes] = {}
    gone: list[dict[str, str | None]] = []
    room = LARGE_MOST_BYTES
    for came in reversed(stored.inbound):
        sealed = await context.store.read(partial(_received, row=came))
        size = len(sealed or b"")
        room -= size if size > LARGE_BYTES else 0
        if size > LARGE_BYTES and room < 0:
            gone.append({"what": "content", "digest": came.digest, "reason": "more images than one file takes"})
        else:
            places.insert(0, ("inbound", came.digest, came.digest, sealed))
    for table, row, digest, sealed in places:
        if sealed is None:
            gone.append({"what": "content", "digest": digest, "reason": "not kept"})
            continue
        try:
            members[f"content/{digest}.jws"] = context.vault.open(held.key, table, row, "sealed", sealed)
        except BadRest:
            gone.append({"what": "content", "digest": digest, "reason": "the stored message does not open"})
    return members, gone


async def _received(tx: Tx, row: InboundRow) -> bytes | None:
    """Return the sealed bytes of a message received, read alone: one has up to 4 MiB."""
    found = await tx.find_inbound(row.partner, row.digest)
    return found.sealed if found is not None else None
