"""
What must hold once a run has drained, whatever happened in it. ``docs/simulation.md`` lists the invariants by name.

A restore from a backup is the one thing that may take back what was promised, and only what came after the backup. So
each check says for itself what it forgives a State that was restored, and to nobody else it forgives anything.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from gateway.core import attachments, checkpoint, merkle, wire
from gateway.core.age import treat_as_minor
from gateway.core.case import Case, Release
from gateway.core.clocks import Clock
from gateway.core.machine import NOT_TOLD
from gateway.core.merkle import Frontier
from gateway.core.messages import (
    ACCEPTANCE,
    AFTER_WITHDRAWAL,
    ASKS_OF_DATA,
    CONFIRMATION,
    CONTEST,
    DELAY,
    DOCUMENT,
    ELEMENTS,
    ERASURE,
    INFORMATION,
    INTERVIEW_ANSWER,
    NEGATIVE_OUTCOMES,
    POSITIVE_OUTCOMES,
    PROPOSAL,
    REDIRECT,
    REISSUE,
    REMINDER,
    REPLY,
    REQUEST,
    RESYNC,
    SUSPENSION,
)
from gateway.core.return_guards import UNTOLD
from gateway.core.verification import UNANSWERED_BY
from gateway.core.verification_changes import CORRECTED_HERE
from gateway.services.answers import GOES_BY_IT, SAYS_OTHERWISE
from gateway.services.heard import LOST_NUMBER
from gateway.services.judge import CAME_BEFORE
from gateway.services.person_stop import stops
from gateway.services.reckon import RECKONS_OTHERWISE
from gateway.services.resync import DROPPED, LOST, PASSED_OVER
from gateway.services.rows import CaseRow
from gateway.services.undelivered import NOT_BACK
from keys import jws, statement
from keys.errors import BadStatement, UnknownKey
from keys.sign import SigningKey
from tests.sim import homes
from tests.sim.books import Books, Got, Sent, read_books
from tests.sim.draining import NOTICED_S
from tests.sim.stops import AWAY
from tests.sim.world import UNPROVED, World

if TYPE_CHECKING:
    from tests.sim.scenario import Scenario


async def check(scenario: "Scenario") -> None:
    """Check every invariant that can be seen at the end; what does not hold is noted in the world."""
    world = scenario.world
    books = await _all_books(scenario)
    if not books:
        return
    for own in books.values():
        for their in books.values():
            if own is not their:
                _delivered(world, own, their)
                _logged(world, own, their)
        _ended_for_a_reason(world, own)
        _trees(world, own)
        _receipts(world, own, books)
        _applied_once(world, own)
        _kept_what_was_done(scenario, own)
        _convicted(world, own, books)
        _signed(world, own, scenario)
        _released(world, own, books, scenario)
    _remembered(world, books)
    _numbers(world, books)
    _agreed(world, books)
    _heard(world, books)
    _set_right(world, books)
    for own in books.values():
        _held(world, own)


async def _all_books(scenario: "Scenario") -> Mapping[str, Books]:
    """Return the books of every State; none at all if those of one cannot be read."""
    world = scenario.world
    books = {country: await read_books(world, host, scenario.faults) for country, host in world.hosts.items()}
    read = {country: one for country, one in books.items() if one is not None}
    return read if len(read) == len(books) else {}


async def check_silence(scenario: "Scenario", since: Mapping[str, int]) -> None:
    """
    Check what two years of silence did: timers ran, what was over is erased, and nothing else moved.

    ``since`` is the number of the last step before, by country.
    """
    world = scenario.world
    books = await _all_books(scenario)
    if not books:
        return
    for own in books.values():
        _trees(world, own)
        _receipts(world, own, books)
        _convicted(world, own, books)
        for ref, at, event, role in own.host.look(_SINCE, since[own.country]):
            # What was said against a message that waited goes off the case in the step with which that one ends.
            ended = event == "go_on" and "undelivered" in own.at_once[ref, at]
            if not (event in SILENT or ended) or role not in ("gateway", "partner"):
                world.fail("silence moves nothing", f"{own.country}: {event} by {role}, while nobody was there")
        for row, case in own.cases.values():
            if case is not None and _left_to_people(own, row, case):
                continue
            kept_days = (own.host.clock.now() - row.closed_at).days if row.closed_at else ERASED_AFTER_DAYS
            if row.state in ENDS and kept_days >= ERASED_AFTER_DAYS:
                world.fail("over is erased", f"{own.country} still has a case of two years ago in {row.state}")
            if row.state == "ERASED" and (row.sealed is not None or own.host.look(_LEFT, row.ref, row.ref)):
                world.fail("over is erased", f"{own.country} has erased a case and kept something of it")


SILENT = frozenset(
    {"remind", "reminder", "receipt", "not_accepted", *UNANSWERED_BY, "extension_not_accepted", "undelivered"}
    | {"delay_notice_due", "close", "discard", "block", "erase", "strip", "reckoned_anew", "resync", "document_expired"}
    | {"dropped", "not_told", "confirmation", "reckoned", "late"}
)
"""
Steps that a case may take while no person takes any: what timers and receipts bring, reminders, and findings. A State
whose timer erases a case confirms the erasure that was demanded of it. Word of who has left may wait for people until
its time is over, and goes on then.
"""

ERASED_AFTER_DAYS = 542
"""The policy's 540 days after a case was closed, and two in which the timers come round."""

ENDS = frozenset({"REPLIED", "WITHDRAWN", "CLOSED", "BLOCKED", "UNDELIVERED"})
"""States out of which the timers lead within two years: closed, hidden, erased."""


def _left_to_people(own: Books, row: CaseRow, case: Case) -> bool:
    """
    Return whether the other State may await a person of ours (V-45), as it has a proposal that it did not refuse, or
    what was lost, or does not know that she was called back (V-35); whether one whom we accepted may come, though the
    acceptance was lost (R-25); or whether its only answer was taken back (R-25).
    """
    if row.state == "WITHDRAWN" and UNTOLD in case.findings:
        return True
    if (row.side, row.state) == ("requested", "UNDELIVERED"):
        return case.said.get(ACCEPTANCE, {}).get("decision") == "accepted"
    if row.side != "requesting" or row.state not in ("REPLIED", "UNDELIVERED"):
        return False
    if row.state == "REPLIED" and case.reply is None:
        return True
    lost = any(LOST_NUMBER.partition("%")[0] in found for found in case.findings)
    denied = case.reply is not None and case.reply["outcome"] not in POSITIVE_OUTCOMES
    mine = [sent for sent in own.sent.values() if (sent.ref, sent.type) == (row.ref, PROPOSAL)]
    heard = sum(sent.posted_at is not None and sent.status != "refused" for sent in mine)
    refused = sum((ref, event) == (row.ref, "refusal") for ref, event, _, _ in own.events)
    return (lost and not denied) or heard > refused


_SINCE = "SELECT ref, at, event, role FROM case_event WHERE n > ?"
_LEFT = """
SELECT 1 FROM outbound JOIN outbound_body USING (n) WHERE ref = ? AND (envelope IS NOT NULL OR sealed IS NOT NULL)
UNION ALL SELECT 1 FROM inbound WHERE ref = ? AND sealed IS NOT NULL
"""


def _delivered(world: World, own: Books, their: Books) -> None:
    """
    What was receipted is there, once, and says the same; what is there was sent.

    A restore is forgiven what it took: what was answered after the backup, or posted, and before it was put back.
    """
    kept = _kept_answers(world, their)
    posted = {post.digest for post in world.posts if post.sender == own.country and own.keeps(post.at, post.at)}
    for digest, sent in own.sent.items():
        if sent.partner != their.country or sent.state not in ("receipted", "refused") or sent.answer is None:
            continue
        got, lost = their.got.get(digest), (digest, sha256(sent.answer).hexdigest()) not in kept
        told = f"{own.country} to {their.country}: {sent.type} number {sent.seq}"
        if got is None:
            if not (lost and (_is_still(own, sent) or _passed_over(own, sent) or _was_over(sent, their))):
                world.fail("receipted and there", f"{told} was receipted and is not there")
        elif got.status != sent.status and not (lost or _came_too_late(sent, got)):
            world.fail("receipted and there", f"{told} is {got.status} there and {sent.status} here")
        elif got.answer not in (None, sent.answer) and not (lost or their.robbed or world.is_over(got.expires_at)):
            world.fail("one answer", f"{told} has two answers")
    for digest, got in their.got.items():
        if got.partner == own.country and digest not in own.sent and digest in posted:
            world.fail("sent and there", f"{their.country} has {got.type} of {own.country}, which never sent it")


def _kept_answers(world: World, their: Books) -> set[tuple[str, str]]:
    """Return the digest of each message that ``their`` State answered, and of the answer, if no restore took it."""
    return {
        (one.post.digest, one.digest)
        for one in world.answers
        if one.post.recipient == their.country and their.keeps(one.post.at, one.at)
    }


def _ended_for_a_reason(world: World, own: Books) -> None:
    """
    A message is done with its answer, given up when it was refused for good, and dropped for a stop.

    What drops it is a step of its case in the same second: any, where a new epoch settles what waited (M-5.27). What is
    given up because it ran out is so once its time is over, and not before thirty days of the run.
    """
    for sent in own.sent.values():
        events = own.at_once.get((sent.ref or "", sent.answered_at or 0), frozenset())
        match sent.state:
            case "receipted" | "refused":
                good = sent.answer is not None
            case "undelivered":
                good = sent.code is not None and sent.envelope_id in world.network.spoiled
                good = good or _ran_out(world, own, sent)
            case "dropped":
                out = OUTDATES | TAKEN_OUT.get(sent.type, OUTDATES)
                good = sent.type == RESYNC or bool(events & STOPS) or _put_back(own, sent)
                good = good or (own.renewed and bool(events))
                good = good or (sent.posted_at is None and (bool(events & out) or _at_the_end(own, sent)))
            case _:
                good = True  # what still waits is looked at when the run drains
        if not good:
            told = f"{own.country}: {sent.type} number {sent.seq} is {sent.state}, at {sorted(events)}"
            world.fail("ended for a reason", told)


def _ran_out(world: World, own: Books, sent: Sent) -> bool:
    """
    Return whether a message that nobody answered was given up once its time was over, by its State and in truth.

    That takes thirty days, but of one that a clock dated which was late by days.
    """
    over, late = sent.expires_at + wire.SKEW.total_seconds(), own.host.was_wrong and world.is_over(sent.expires_at)
    return sent.code is None and (sent.answered_at or 0) >= over and (late or world.now() >= homes.START + VALID)


VALID = timedelta(days=30)
"""How long a gateway posts a message for."""


def _put_back(own: Books, sent: Sent) -> bool:
    """Return whether a message that had not left stepped behind a later one, and stands in the outbox under it."""
    rows = list(own.sent.values())
    after = rows[rows.index(sent) + 1 :]
    return sent.posted_at is None and any((one.thread, one.type) == (sent.thread, sent.type) for one in after)


def _at_the_end(own: Books, sent: Sent) -> bool:
    """
    Return whether a message that had not left was dropped as one before it ended its thread, undelivered (M-5.10).

    That one is judged by itself.
    """
    return any(
        (one.state, one.partner, one.thread, one.epoch, one.answered_at)
        == ("undelivered", sent.partner, sent.thread, sent.epoch, sent.answered_at)
        and (one.seq or 0) < (sent.seq or 0)
        for one in own.sent.values()
    )


STOPS = frozenset({"freeze", "suspend", "withdraw", "withdrawal", "decline", "erase"})
"""Steps with which what waits is dropped."""


OUTDATES = frozenset({"cancel", "depart", "reassess", "proposal"})
"""Steps with which what of a return has not left is dropped: the journey goes otherwise, or all begins anew."""

TAKEN_OUT: Mapping[str, frozenset[str]] = {
    REPLY: frozenset({*UNANSWERED_BY, "revoked"}),
    DOCUMENT: frozenset({"document_not_accepted", "revoked"}),
    REISSUE: frozenset({"not_accepted", "revoked"}),
    **dict.fromkeys((ELEMENTS, INTERVIEW_ANSWER), frozenset({"reply"})),
    REMINDER: frozenset({"reply", "stop_pressing"}),
    CONTEST: frozenset({"close"}),
    **dict.fromkeys(ASKS_OF_DATA, frozenset({"dropped"})),
}
"""
Steps with which a message of that type is taken out that never left: what a reply or a document rests on was set right,
what asked for it came under a stolen key, the answer came without it, nobody waits any more for the second one,
nobody is to press, or a question about data waited in a case that was set aside and closed, which a finding says.
"""

STILL = frozenset({"FROZEN", "SUSPENDED", "WITHDRAWN", "BLOCKED", "ERASED"})
"""States in which nothing that was answered leaves again."""


def _came_too_late(sent: Sent, got: Got) -> bool:
    """
    Return whether a message had been taken, and was refused once its time was over: no answer of before came through.

    Such a refusal says nothing of what happened before (M-5.18), and its sender's desk is told of a refusal.
    """
    return (sent.code, got.status) == ("expired", "accepted") and (sent.answered_at or 0) > sent.expires_at


def _was_over(sent: Sent, their: Books) -> bool:
    """
    Return whether a message had run out as its recipient was put back, so that it is posted no more (M-5.28).

    Whoever says more in that case is told that what stands before it is lacking.
    """
    return their.put_back_at is not None and sent.expires_at <= their.put_back_at.timestamp() + NOTICED_S


def _is_still(own: Books, sent: Sent) -> bool:
    """
    Return whether a message is not posted again to a restored State because its case stands still, or is over.

    One that went on later is posted again then. Nor is a listing, which is made anew.
    """
    row = own.cases.get(sent.ref or "", (None, None))[0]
    over = any(ref == sent.ref and event in ("withdraw", "withdrawal") for ref, event, _, _ in own.events)
    return sent.type == RESYNC or (row is not None and (over or row.state in STILL or _was_put_away(own, row)))


def _was_put_away(own: Books, row: CaseRow) -> bool:
    """
    Return whether a case was set aside and closed, and is not asked anew where its partner was restored (M-5.28).

    Where word of the stop was told, what stands before it is posted again.
    """
    told = any(one.state != "dropped" and (one.ref, one.type) == (row.ref, SUSPENSION) for one in own.sent.values())
    closed = row.state == "CLOSED" and row.side == "requesting"
    return closed and not told and bool(own.host.look(_SET_ASIDE, row.ref))


_SET_ASIDE = "SELECT 1 FROM case_event WHERE ref = ? AND source = 'SUSPENDED' AND target = 'CLOSED'"


def _passed_over(own: Books, sent: Sent) -> bool:
    """Return whether a rule, or the line, kept a message of a case from a restored State, and a finding says so."""
    case = own.cases.get(sent.ref or "", (None, None))[1]
    return case is not None and bool({PASSED_OVER, NOT_BACK} & {*case.findings})


def _logged(world: World, own: Books, their: Books) -> None:
    """
    Each message that was answered stands in the logs of both States, once.

    A State whose keys were stolen signs anew, and one that forgot what it had answered answers it again. Once the time
    of a message is over its answer is kept no more, and who posts it still is told so by another (M-5.18).
    """
    lost = _taken_answers(world, own, their)
    for digest, got in their.got.items():
        if got.partner != own.country:
            continue
        count = their.issued[digest]
        if count != 1 and not (count > 1 and (their.robbed or world.is_over(got.expires_at))):
            told = f"{their.country} issued {count} entries for {got.type} of {own.country}"
            world.fail("logged once", told)
    for digest, sent in own.sent.items():
        if sent.partner != their.country or sent.answer is None:
            continue
        count = own.received[digest]
        over = world.is_over(sent.expires_at)
        if count != 1 and not (count > 1 and (their.robbed or digest in lost or over)):
            world.fail("logged once", f"{own.country} entered {count} receipts for its {sent.type}")


def _taken_answers(world: World, own: Books, their: Books) -> set[str]:
    """
    Return the digest of each message of which a restore may have taken an answer.

    Who fetches answers by a request of its own, which nobody heard as an answer: at some time before the next post.
    """
    heard = {(one.post.digest, one.post.at): one.at for one in world.answers}
    sent = sorted((post.digest, post.at) for post in world.posts if post.sender == own.country)
    ends = [heard.get(one) or (after[1] if after[0] == one[0] else None) for one, after in pairwise([*sent, ("", 0.0)])]
    return {one[0] for one, end in zip(sent, ends, strict=True) if end is not None and not their.keeps(one[1], end)}


def _trees(world: World, own: Books) -> None:
    """Each log is the tree that its head says, with an entry at every place."""
    for origin, size, hashes, note in own.host.look("SELECT origin, size, hashes, checkpoint FROM log_head"):
        leaves = own.host.look("SELECT leaf, idx FROM log_entry WHERE origin = ? ORDER BY idx", origin)
        tree, _ = merkle.batch_proofs(Frontier(), [leaf for leaf, _ in leaves])
        whole = (tree.size, b"".join(tree.hashes)) == (size, hashes) and [at for _, at in leaves] == list(range(size))
        if not whole or (size and not note.startswith(checkpoint.checkpoint_body(origin, tree.size, tree.root()))):
            world.fail("whole logs", f"the log {origin} is not the tree of its head")


def _unasked(own: Books, their: Books, sent: Sent) -> bool:
    """
    Return whether a receipt that fell is not asked for again: of a listing, or of a case that stops.

    Nor is it where a rule stands against posting the message once more, which a finding says; nor where it was asked
    for when the return was declined, for the withdrawal that follows closes its number. In vain it is where the case
    was destroyed, and nothing is left of what a restored State forgot before it. And nobody can ask once the time of a
    message is over: its sender may hear of the theft that late (M-5.28).
    """
    declined = sent.state == "dropped" and any((ref, event) == (sent.ref, "decline") for ref, event, _, _ in own.events)
    in_vain = bool(their.restored) and (sent.type, sent.state, sent.ref) == (CONFIRMATION, "posted", None)
    late = sent.expires_at <= _noticed_at(own, sent.partner) + NOTICED_S
    return _is_still(own, sent) or _passed_over(own, sent) or declined or in_vain or late


def _noticed_at(own: Books, partner: str) -> float:
    """Return since when the card of ``partner`` has named its epoch here, in seconds since 1970."""
    ((known,),) = own.host.look("SELECT value FROM meta WHERE name = ?", f"epochs:{partner}")
    return datetime.fromisoformat(known.rsplit(" ", 1)[-1]).timestamp()


def _signed_anew(own: Books, their: Books, sent: Sent) -> bool:
    """
    Return whether a receipt of a message that counts stands in our log, beside one whose key was stolen.

    It says the same, unless who gave it was restored as well, and a person has been told of the difference.
    """
    card, now = own.gateway.context.trust.card(sent.partner), own.host.clock.now()
    for (raw,) in own.host.look(
        "SELECT receipt FROM log_entry WHERE direction = 'received' AND digest = ?", sent.digest
    ):
        signed = jws.parse(raw, jws.TYP_RECEIPT)
        receipt = wire.parse_receipt(signed.payload)
        with suppress(UnknownKey):
            signed.verify(card.receipt_key(signed.kid, receipt.received_at, now))
            return bool(receipt.status == sent.status or their.restored)
    return False


def _receipts(world: World, own: Books, books: Mapping[str, Books]) -> None:
    """Each answer kept verifies: signature, opening, proof, checkpoint."""
    for digest, sent in own.sent.items():
        if sent.answer is None:
            continue
        try:
            _, receipt = own.gateway.deliverer.answers.verify(sent.partner, digest, wire.pad_answer(sent.answer))
        except Exception as error:
            their = books[sent.partner]
            if their.robbed and (_signed_anew(own, their, sent) or _unasked(own, their, sent)):
                continue
            world.fail(
                "receipts verify", f"{own.country}: that of {sent.type} does not: {type(error).__name__} {error}"
            )
            continue
        if receipt.status != sent.status:
            world.fail(
                "receipts verify", f"{own.country}: that of {sent.type} says {receipt.status}, not {sent.status}"
            )


def _applied_once(world: World, own: Books) -> None:
    """No message moved a case twice, none that was accepted moved none, no thread has two cases."""
    moved = Counter((ref, digest) for ref, _, role, digest in own.events if role == "partner" and digest)
    for (ref, digest), count in moved.items():
        got = own.got.get(digest)
        if count > 1:
            world.fail("applied once", f"{own.country} moved a case {count} times by one message")
        if got is None or got.status != "accepted" or got.ref != ref:
            world.fail("applied once", f"{own.country} moved a case by a message that it did not accept")
    for digest, got in own.got.items():
        gone = got.ref in own.cases and own.cases[got.ref][0].state == "ERASED"  # and with it which message did what
        of_a_case = got.ref is not None and got.type not in INFORMATION
        if got.status == "accepted" and of_a_case and not moved[got.ref, digest] and not gone:
            world.fail("applied once", f"{own.country} accepted {got.type} and moved nothing by it")
    taken = Counter((got.partner, got.thread, got.epoch, got.seq) for got in own.got.values() if _counts(got))
    for (partner, _, _, seq), count in taken.items():
        if count > 1:
            world.fail("applied once", f"{own.country} accepted number {seq} of {partner} {count} times")
    for thread, count in Counter((row.partner, row.thread) for row, _ in own.cases.values()).items():
        if count > 1:
            world.fail("applied once", f"{own.country} has {count} cases in one thread with {thread[0]}")


def _counts(got: Got) -> bool:
    return got.thread is not None and got.status == "accepted"


def _kept_what_was_done(scenario: "Scenario", own: Books) -> None:
    """What a desk was told to be done is in the history of its case, as often as it was done."""
    known = Counter((ref, event) for ref, event, _, _ in own.events)
    done = Counter((ref, event) for _, ref, event in scenario.desks.journals[own.country].done)
    for (ref, event), count in done.items():
        # A reply that was never posted is taken out, and not taken back.
        unsaid = [one for one in own.sent.values() if (one.ref, one.type) == (ref, REPLY) and one.posted_at is None]
        fell = sum(known[ref, name] for name in UNANSWERED_BY)
        instead = min(fell, len(unsaid)) if event == "strike" else 0
        if known[ref, event] + instead < count:
            told = f"{own.country} did {event} {count} times, and {known[ref, event]} are kept"
            scenario.world.fail("done and kept", told)


def _remembered(world: World, books: Mapping[str, Books]) -> None:
    """No answer that came through was forgotten or changed by whoever gave it, but what a restore took."""
    for one in world.answers:
        post, their = one.post, books[one.post.recipient]
        if not their.keeps(post.at, one.at):
            continue
        got = their.got.get(post.digest)
        again = their.robbed or (got is not None and world.is_over(got.expires_at))
        changed = got is not None and got.answer is not None and sha256(got.answer).hexdigest() != one.digest
        if got is None or (changed and not again):
            told = f"{post.recipient} answered {post.type} number {post.seq} of {post.sender}"
            world.fail("answered and remembered", f"{told} and {'has forgotten it' if got is None else 'answers anew'}")


def _numbers(world: World, books: Mapping[str, Books]) -> None:
    """
    No number of a thread and an epoch ever left twice for different messages.

    But who is asked takes data back under the number of a message that was given up (M-5.10).
    """
    used: dict[tuple[Any, ...], dict[str, str]] = defaultdict(dict)
    for post in world.posts:
        if post.thread is not None:
            used[post.sender, post.recipient, post.thread, post.epoch, post.seq].setdefault(post.digest, post.type)
    for (sender, recipient, thread, epoch, seq), types in used.items():
        later = list(types.values())[1:]
        asking = [row for row, _ in books[sender].cases.values() if (row.thread, row.side) == (thread, "requesting")]
        if later and (asking or not AFTER_WITHDRAWAL.issuperset(later)):
            told = f"{sender} to {recipient}: number {seq} of epoch {epoch} was used for {', '.join(types.values())}"
            world.fail("numbers used once", told)


def _convicted(world: World, own: Books, books: Mapping[str, Books]) -> None:
    """No log contradicts itself; nobody is said to have given no proof who was not restored."""
    for origin, kind in own.host.look("SELECT origin, kind FROM log_conflict"):
        keeper = origin.split("/")[0]
        if kind != UNPROVED or not books[keeper].restored:
            world.fail("one history", f"{own.country} keeps evidence against {keeper}: {kind}")


def _signed(world: World, own: Books, scenario: "Scenario") -> None:
    """Each reply that is not positive came with the signature of a second signer over its very bytes."""
    keys = scenario.world.homes.keys
    for row, case in own.cases.values():
        if case is None or case.side != "requesting" or case.reply is None or case.reply_digest is None:
            continue
        if case.reply["outcome"] in NEGATIVE_OUTCOMES:
            payload = _payload(own, row, case.reply_digest)
            if payload is not None and not _by(keys["signer"], payload, "reply.second-signature", "second_signer"):
                world.fail("two signatures", f"{own.country} has a negative {REPLY} that one person signed")


AUTHORITIES = (("return.release", "coordinator", "coordinator"), ("return.acceptance", "desk_head", "second"))
OF_A_MINOR = (("return.release", "welfare", "welfare"), ("return.acceptance", "welfare", "welfare"))
HANDS = (("handover.delivery", "escort", "escort"), ("handover.receipt", "reception", "reception"))
"""Kind of a statement, role and person."""

HANDED = frozenset({"HANDED_OVER", "MONITORING"})
RELEASED = HANDED | {"ACCEPTED", "DECIDED", "DOCUMENTED", "SCHEDULED", "DEPARTED"}
"""States of a return for which the authorities of both States have signed."""

PLANNED = frozenset({"SCHEDULED", "DOCUMENTED", "DECIDED"})
"""Where a return stands of which a plan was told, and once it is called off, or its document is over."""

AWAITED = HANDED | {"DEPARTED"}
"""Where who is asked may be by word that the person left, also without the acceptance that a restore of its took."""


def _released(world: World, own: Books, books: Mapping[str, Books], scenario: "Scenario") -> None:
    """
    No return is accepted, on either side, without the signatures of both authorities, nor over without two hands.

    A State that was restored to before its acceptance awaits who left; the other State has what it signed. A plan that
    was told outlives what was signed of a return, where age or guardian were set right, to be called off (R-10).
    """
    keys = scenario.world.homes.keys
    for row, case in own.cases.values():
        if case is None or _state(case) not in RELEASED or _is_to_be_called_off(case):
            continue
        handed = _state(case) in HANDED
        scenario.counts.update(accepted=1, handed_over=handed)
        represented = case.said[PROPOSAL]["represented"]
        for kind, role, person in (*(OF_A_MINOR if represented else AUTHORITIES), *(HANDS if handed else ())):
            found = case.releases
            if own.restored and case.side == "requested" and kind == "return.acceptance" and _state(case) in AWAITED:
                found = (*found, *_releases_there(own, books[case.partner], row.thread))
            if not any(one.kind == kind and _verifies(one, row.thread, role, keys[person]) for one in found):
                world.fail("two signatures", f"{own.country} has a return in {_state(case)} without a {kind}")


def _is_to_be_called_off(case: Case) -> bool:
    """
    Return whether nothing is signed of a return any more because age or guardian were set right once a plan was told.

    It goes on where the plan can be called off, and from there only as a return that begins anew.
    """
    if case.side != "requesting" or case.releases or _state(case) not in PLANNED or case.draft is None:
        return False
    return any(_signed_for({**case.draft, **before}) != _signed_for(case.draft) for before in case.earlier)


def _signed_for(draft: Mapping[str, Any]) -> tuple[bool, str | None]:
    return treat_as_minor(draft), (draft["representative"] or {}).get("ref")


def _releases_there(own: Books, their: Books, thread: str) -> tuple[Release, ...]:
    """Return what the other State has of what was signed in a thread with us."""
    rows = their.cases.values()
    twins = [one for row, one in rows if (row.partner, row.thread) == (own.country, thread) and one is not None]
    return tuple(release for twin in twins for release in twin.releases)


def _verifies(release: Release, thread: str, role: str, key: SigningKey) -> bool:
    now = datetime.fromisoformat(release.valid_until)
    try:
        statement.verify(
            release.statement.encode(),
            thread=thread,
            kind=release.kind,
            role=role,
            digest=release.digest,
            key=key.public,
            now=now,
        )
    except BadStatement:
        return False
    return True


def _payload(own: Books, row: CaseRow, digest: str) -> wire.Payload | None:
    """Return a message that was received, out of its sealed column."""
    context = own.gateway.context
    sealed = own.host.look("SELECT sealed FROM inbound WHERE digest = ?", digest)
    if not sealed or sealed[0][0] is None or row.wrapped_key is None:
        return None
    key = context.vault.unwrap(row.ref, row.wrapped_key)
    raw = context.vault.open(key, "inbound", digest, "sealed", sealed[0][0])
    return wire.parse_payload(jws.parse(raw, jws.TYP_MESSAGE).payload)


def _by(key: SigningKey, payload: wire.Payload, kind: str, role: str) -> bool:
    """Return whether a statement of that kind by ``key`` over the body is in the message."""
    for raw in payload.statements:
        said, _ = statement.parse(raw.encode())
        try:
            statement.verify(
                raw.encode(),
                thread=payload.thread or "",
                kind=kind,
                role=role,
                digest=payload.body_digest,
                key=key.public,
                now=min(said.valid_until, payload.issued_at),
            )
        except BadStatement:
            continue
        return True
    return False


# What both sides of a case must say alike.


BEFORE_LEAVING = frozenset({"REPLIED", "PROPOSED", "ACCEPTED", "DOCUMENTED"})
"""Where who is asked may be while a return is looked at, for the first time or anew; of the latter nothing is told."""

ALIKE: Mapping[str, frozenset[str]] = {
    "DELIVERED": frozenset({"RECEIVED"}),
    "ACKNOWLEDGED": frozenset({"ACKNOWLEDGED"}),
    "EXTENDED": frozenset({"EXTENDED"}),
    "REDIRECTED": frozenset({"REDIRECTED"}),
    "NEEDS_TIER2": frozenset({"NEEDS_TIER2"}),
    "NEEDS_INTERVIEW": frozenset({"NEEDS_INTERVIEW"}),
    "REPLIED": frozenset({"REPLIED"}),
    "CONSIDERED": BEFORE_LEAVING,
    "ASSESSED": BEFORE_LEAVING,
    "PROPOSED": frozenset({"PROPOSED"}),
    "ACCEPTED": frozenset({"ACCEPTED"}),
    "DECIDED": frozenset({"ACCEPTED"}),
    "DOCUMENTED": frozenset({"DOCUMENTED", "ACCEPTED"}),
    "SCHEDULED": frozenset({"SCHEDULED"}),
    "DEPARTED": frozenset({"DEPARTED"}),
    "HANDED_OVER": frozenset({"HANDED_OVER"}),
    "MONITORING": frozenset({"MONITORING"}),
    "RECALL": frozenset({"RECALL"}),
    "CONTESTED": frozenset({"CONTESTED"}),
    "NOT_RETURNED": frozenset({"REPLIED", "WITHDRAWN", "CLOSED"}),
    "CLOSED": frozenset({"REPLIED", "CONTESTED", "WITHDRAWN", "CLOSED"}),
    "WITHDRAWN": frozenset({"WITHDRAWN", "CLOSED"}),
}
"""The state of who asks, and those in which who is asked may be then."""

OVER = frozenset({"WITHDRAWN", "CLOSED"})

NOTHING_TO_STOP = OVER | {"REPLIED", "CONSIDERED", "ASSESSED", "DEPARTED", "HANDED_OVER", "MONITORING", "RECALL"}
"""States of which word of a stop changes nothing: no return is under way, or the person has left."""

STILL_OWED = frozenset({"RECEIVED", "REDIRECTED", "ACKNOWLEDGED", "EXTENDED", "NEEDS_TIER2", "NEEDS_INTERVIEW"})
"""Where who is asked may be while who asked awaits nothing any more: decision 0022, or a case that was set aside."""

BEFORE_A_RETURN = frozenset(
    ("requesting", state) for state in ("DRAFT", "CLEARED", "NOT_ACCEPTED", "DELIVERED", "CONTESTED")
)
"""
Where who asks may be that was put back to before a return: it sends its request anew, which is refused, awaits the
first answer, or contests the reply that it was told anew. None leads to a return without a reply.
"""

ALONE = frozenset({"DRAFT", "CLEARED", "WITHDRAWN", "CLOSED"})
"""States of who asks in which the other State may know nothing of the case; one that was not accepted is astray."""


def _agreed(world: World, books: Mapping[str, Books]) -> None:
    """Both sides of each case are where the other thinks they are, or know why not, and reckon the same days."""
    for own in books.values():
        for row, case in own.cases.values():
            if case is None or case.side != "requesting":
                continue
            their = books[case.partner]
            found = [
                other
                for other in their.cases.values()
                if (other[0].partner, other[0].thread) == (own.country, row.thread)
            ]
            twin = found[0][1] if found else None
            told = (
                f"{own.country} asks {their.country}: {_state(case)} here, {_state(twin) if twin else 'nothing'} there"
            )
            alike = _state(twin) in ALIKE.get(_state(case), ()) if twin is not None else _state(case) in ALONE
            alike = alike or (_left_at_that(own, row.ref, case) and _state(twin) in STILL_OWED)
            # Who was asked destroyed the whole case, as it was told to.
            alike = alike or (bool(found) and found[0][0].state == "ERASED" and _demanded(case))
            astray = _astray(own, their, row.thread)
            # Of who was called back and is here the other State hears by the next proposal; of who was so in silence by
            # nothing of ours, and a finding has people say it.
            back = any((ref, event) == (row.ref, "returned") for ref, event, _, _ in own.events)
            called = _state(case) == "RECALL" or (back and _state(case) in ("CONSIDERED", "ASSESSED"))
            alike = alike or (called and _state(twin) in (AWAY if UNTOLD in case.findings else ("RECALL",)))
            # A journey was called off while that State was not to be contacted, and a finding has people tell it.
            off = any((ref, event) == (row.ref, "cancel") for ref, event, _, _ in own.events)
            alike = alike or (off and NOT_TOLD in case.findings and _state(twin) == "SCHEDULED")
            why = astray or ((own.renewed or their.renewed) and _is_explained(case, twin))
            # What the other has forgotten of a case that stands still is posted again once it goes on.
            why = why or bool(their.restored and case.state in STILL)
            why = why or bool(own.restored and twin is not None and twin.state in STILL)
            if not alike and not why:
                world.fail("both sides agree", told)
            if twin is not None and (own.restored or their.restored) and not astray:
                _told_of_days(world, case, twin, told)
            elif twin is not None and not astray and (own.host.was_wrong or their.host.was_wrong):
                _told_of_days(world, case, twin, told, either=True)
            elif twin is not None and not astray:
                _same_days(world, own, their, case, twin, told)
    asked = [post for post in world.posts if post.type == REQUEST]
    for own in books.values():
        for row, case in own.cases.values():
            if case is None or case.side != "requested":
                continue
            their = books[case.partner]
            known = any(other.thread == row.thread for other, _ in their.cases.values())
            if not known and any(post.thread == row.thread and their.keeps(post.at, post.at) for post in asked):
                world.fail(
                    "both sides agree", f"{own.country} has a case of {their.country}, which knows nothing of it"
                )


def _left_at_that(own: Books, ref: str, case: Case) -> bool:
    """Return whether a case was closed without an answer: one pointed to another authority, or set aside."""
    pointed = any((got.ref, got.type, got.status) == (ref, REDIRECT, "accepted") for got in own.got.values())
    aside = any((one, event) == (ref, "suspend") for one, event, _, _ in own.events)
    unanswered = aside or (pointed and case.reply is None)  # what was set aside may have had an answer, and contest it
    return unanswered and case.state == "CLOSED" and case.withdraws_at is None


def _demanded(case: Case) -> bool:
    return any(one.kind == ERASURE and one.ours for one in case.notices)


def _set_right(world: World, books: Mapping[str, Books]) -> None:
    """
    Both sides know what was said about data, and what it was answered; what the asked one holds is what our file says.

    Unless either knows why not: a message of the thread was not accepted, or waits, or one of them was restored; or the
    desk set an element right here alone, and a finding has it tell the other State.
    """
    for own in books.values():
        for row, case in own.cases.values():
            their = books[row.partner]
            found = [
                one for other, one in their.cases.values() if (other.partner, other.thread) == (own.country, row.thread)
            ]
            twin = found[0] if found else None
            restored = own.restored or their.restored
            if case is None or twin is None or _astray(own, their, row.thread):
                continue
            if restored and (_is_explained(case, twin) or {case.state, twin.state} & STILL):
                continue
            said, heard = (
                {(one.kind, one.number): (one.body, one.answer) for one in side.notices if one.ours is ours}
                for side, ours in ((case, True), (twin, False))
            )
            told = f"{own.country} said of data to {their.country}"
            if said != heard:
                world.fail("set right on both sides", f"{told} {said}, and there is {heard}")
            held = (twin.received or {}).get("elements", {}) if case.side == "requesting" and case.draft else {}
            pictures = {name: one["wire"] for name, one in case.renditions.items()}
            ours = {**(case.draft or {}).get("elements", {}), **pictures}
            told_here = {name for name in held if CORRECTED_HERE % {"part": name.upper()} in case.findings}
            # That a picture was taken out of the file since says nothing of the one that was sent.
            known = told_here | {"representative_ref"} | (MEMBERS - pictures.keys())
            if wrong := sorted(name for name in held.keys() - known if held[name] != ours.get(name)):
                world.fail("set right on both sides", f"{their.country} holds another {wrong} than {own.country}")


MEMBERS = frozenset(attachments.MEMBERS)
MAY_MOVE = frozenset({"DEPARTED", "HANDED_OVER", "MONITORING", "RECALL", "WITHDRAWN", "CLOSED", "FROZEN"})
"""States in which a case is held already, is over, or has a person whom nothing holds back."""


def _held(world: World, own: Books) -> None:
    """Every case of a person is held with the one that stops her, which two files with one number show."""
    files = [case for _, case in own.cases.values() if case is not None and case.draft is not None]
    for one in files:
        if not stops(one):
            continue
        for other in files:
            alike = (one.draft or {})["elements"]["document"] == (other.draft or {})["elements"]["document"]
            if alike and not stops(other) and other.state not in MAY_MOVE:
                world.fail("held for the person", f"{own.country} has a case in {other.state} of who is stopped")


def _heard(world: World, books: Mapping[str, Books]) -> None:
    """A return that one side stopped, and says so, is stopped on the other side, unless nothing is under way there."""
    for own in books.values():
        for row, case in own.cases.values():
            if case is None or SUSPENSION not in case.said or case.state not in ("FROZEN", "SUSPENDED"):
                continue
            their = books[case.partner]
            twins = [
                one for other, one in their.cases.values() if (other.partner, other.thread) == (own.country, row.thread)
            ]
            quiet = case.state == "FROZEN" and case.side == "requesting"
            # It was proposed on what a restore had left, and refused: the other State knows of no return.
            quiet = quiet or (bool(own.restored) and _state(case) == "ASSESSED")
            # Its restore took the return, and the answer that it rests on.
            quiet = quiet or (bool(their.restored) and bool(twins) and _state(twins[0]) in STILL_OWED)
            # The same of who asks, put back to before its return, as a finding says.
            asks = bool(twins) and twins[0] is not None and (twins[0].side, twins[0].state) in BEFORE_A_RETURN
            quiet = quiet or (bool(their.restored) and asks and _is_explained(twins[0]))
            # Nor where it has frozen its case before one was proposed.
            quiet = quiet or (bool(their.restored) and bool(twins) and _state(twins[0]) in NOTHING_TO_STOP)
            # A byte changed of it, or of what it waited behind, which ends the thread; people tell it (M-5.11).
            quiet = quiet or (NOT_TOLD in case.findings and _stop_was_spoiled(world, own, row))
            if not (quiet or twins or their.restored):
                world.fail("a stop is heard", f"{own.country} stopped a return, of which {case.partner} knows nothing")
            if quiet or not twins or twins[0] is None or twins[0].state in NOTHING_TO_STOP:
                continue
            # A State that had nothing of a return by then took it in, and had nothing to stop.
            took = any(
                (got.thread, got.type, got.status) == (row.thread, SUSPENSION, "accepted") for got in their.got.values()
            )
            if (own.country, "partner") not in twins[0].holders and not took:
                world.fail("a stop is heard", f"{own.country} stopped a return, {their.country} is {twins[0].state}")


def _stop_was_spoiled(world: World, own: Books, row: CaseRow) -> bool:
    """Return whether the last word of a stop ended with a message of its thread of which a byte changed on the way."""
    sent = [one for one in own.sent.values() if one.ref == row.ref]
    lost = any(one.state == "undelivered" and one.envelope_id in world.network.spoiled for one in sent)
    return lost and [one.state for one in sent if one.type == SUSPENSION][-1:] in (["undelivered"], ["dropped"])


def _state(case: Case | None) -> str:
    """Return where a case stands; one that is stopped, where it would go on."""
    if case is None:
        return ""
    return str((case.resume_to if case.state in ("FROZEN", "SUSPENDED") and case.resume_to else case.state).value)


def _astray(own: Books, their: Books, thread: str) -> bool:
    """
    Return whether either side knows of a message of the thread that was not accepted, or waits, or had run out by the
    time that who had it was put back, so that it is posted no more (M-5.28).

    What a delay that was refused had changed is taken back, so it explains nothing.
    """
    return any(
        sent.thread == thread
        and (_was_over(sent, to) or (sent.state != "receipted" and (sent.state, sent.type) != ("refused", DELAY)))
        for books, to in ((own, their), (their, own))
        for sent in books.sent.values()
    )


def _is_explained(*sides: Case | None) -> bool:
    """Return whether a finding on either side tells people what a restore took, or that nobody knows."""
    return any(finding.startswith(LOST_SINCE) for one in sides if one is not None for finding in one.findings)


LOST_SINCE = (
    *(text.partition("%")[0] for text in (LOST, LOST_NUMBER, SAYS_OTHERWISE, GOES_BY_IT)),
    *(DROPPED, PASSED_OVER, NOT_BACK),
)
"""
How findings begin that tell of what was lost in a restore, of one State or the other. One that tells of days alone is
none of them: the two sides stand where they should.
"""


def _same_days(world: World, own: Books, their: Books, case: Case, twin: Case, told: str) -> None:
    """
    A clock that both sides started by the same message runs from the same day to the same day.

    A finding that says otherwise is forgiven of a request for a travel document that crossed a document: whoever issued
    one before it heard of the request states no day for it, and who asks knows of no document yet. So it is of what was
    taken first by a State of a new epoch, after a theft: it cannot know that nothing came before (M-5.28).
    """
    for clock, other in _apart(case, twin):
        world.fail("same days", f"{told}; {clock.step} is due {clock.due_on} here and {other.due_on} there")
    for one, where, other in ((case, own, their), (twin, their, own)):
        crossed = RECKONS_OTHERWISE.partition("%")[0] + "None" if _crossed_a_document(one, twin, their) else "-"
        known = (crossed, CAME_BEFORE.partition("%")[0] if where.renewed or other.renewed else "-")
        if any("reckon" in finding and not finding.startswith(known) for finding in one.findings):
            world.fail("same days", f"{told}; {one.findings}")


def _crossed_a_document(case: Case, twin: Case, their: Books) -> bool:
    """Return whether who asks has asked for a document that it had been sent before that was heard of."""
    return case.side == "requesting" and bool(their.host.look(_ISSUED_BEFORE_IT_WAS_ASKED_FOR, twin.ref))


_ISSUED_BEFORE_IT_WAS_ASKED_FOR = """
SELECT 1 FROM case_event AS issued JOIN case_event AS asked ON asked.ref = issued.ref AND issued.n < asked.n
WHERE issued.ref = ? AND issued.event IN ('issue', 'reissue_document') AND asked.event = 'document_request'
"""


def _told_of_days(world: World, case: Case, twin: Case, told: str, *, either: bool = False) -> None:
    """
    Where a restore made two States reckon from different days, a finding on each side says so.

    Where a clock was wrong by days a finding on ``either`` does: whoever went by it cannot know.
    """
    for clock, other in _apart(case, twin):
        if either and any("reckon" in finding for one in (case, twin) for finding in one.findings):
            continue
        if clock.extended != other.extended and _is_explained(case, twin):
            continue  # whoever was restored has lost the extension, and knows that something was lost
        for one in (case, twin):
            # The receipt that tells who stands still may be lost: the message is posted again once the case goes on.
            if one.state not in STILL and not any("reckon" in finding for finding in one.findings):
                days = f"{clock.step} is due {clock.due_on} here and {other.due_on} there"
                world.fail("same days", f"{told}; {days}, and the {one.side} side does not say so")


def _apart(case: Case, twin: Case) -> list[tuple[Clock, Clock]]:
    """Return the clocks that one message started on both sides and that do not run alike."""
    if _state(case) in OVER or _state(case) != _state(twin):
        return []  # what comes once it is over is not kept, and nothing is due any more
    theirs = {(clock.step, clock.evidence): clock for clock in twin.clocks}
    pairs = [(clock, theirs.get((clock.step, clock.evidence))) for clock in case.clocks]
    return [(clock, other) for clock, other in pairs if other is not None and _days(clock) != _days(other)]


def _days(clock: Clock) -> tuple[object, ...]:
    return clock.start_on, clock.due_on, clock.due_at, clock.extended
