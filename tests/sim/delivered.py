"""
What must hold of each message: it is there once, moved its case once, kept its number, and ended for a reason.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from gateway.core import wire
from gateway.core.messages import (
    AFTER_WITHDRAWAL,
    ASKS_OF_DATA,
    CONTEST,
    DOCUMENT,
    ELEMENTS,
    INFORMATION,
    INTERVIEW_ANSWER,
    REISSUE,
    REMINDER,
    REPLY,
    RESYNC,
    STILL_SAID,
    WITHDRAWAL,
)
from gateway.core.verification import UNANSWERED_BY
from tests.sim import homes
from tests.sim.books import Books, Got, Sent
from tests.sim.forgiven import is_still, passed_over, was_noticed_late, was_over
from tests.sim.world import World

if TYPE_CHECKING:
    from tests.sim.scenario import Scenario


def delivered(world: World, own: Books, their: Books) -> None:
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
            if not (lost and (is_still(own, sent) or passed_over(own, sent) or _is_late(own, sent, their))):
                world.fail("receipted and there", f"{told} was receipted and is not there")
        elif got.status != sent.status and not (lost or _came_too_late(sent, got)):
            world.fail("receipted and there", f"{told} is {got.status} there and {sent.status} here")
        elif got.answer not in (None, sent.answer) and not (lost or their.robbed or world.is_over(got.expires_at)):
            world.fail("one answer", f"{told} has two answers")
    for digest, got in their.got.items():
        if got.partner == own.country and digest not in own.sent and digest in posted:
            world.fail("sent and there", f"{their.country} has {got.type} of {own.country}, which never sent it")


def _is_late(own: Books, sent: Sent, their: Books) -> bool:
    """Return whether a message had run out as its State was put back, or as its sender heard of that."""
    return was_over(sent, their) or was_noticed_late(own, sent)


def _kept_answers(world: World, their: Books) -> set[tuple[str, str]]:
    """Return the digest of each message that ``their`` State answered, and of the answer, if no restore took it."""
    return {
        (one.post.digest, one.digest)
        for one in world.answers
        if one.post.recipient == their.country and their.keeps(one.post.at, one.at)
    }


def ended_for_a_reason(world: World, own: Books) -> None:
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
                good = good or (own.renewed and bool(events)) or _went_behind(own, sent)
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


def _went_behind(own: Books, sent: Sent) -> bool:
    """
    Return whether what takes data back had no answer but that a number is missing, and is said behind our withdrawal.

    That closes the numbers which its recipient forgot (decision 0046).
    """
    rows = [one for one in own.sent.values() if one.ref == sent.ref and (one.epoch, one.seq) > (sent.epoch, sent.seq)]
    said = [one.type for one in rows if one.state != "dropped"]
    return sent.type in AFTER_WITHDRAWAL and WITHDRAWAL in said and sent.type in said[said.index(WITHDRAWAL) :]


def _at_the_end(own: Books, sent: Sent) -> bool:
    """
    Return whether a message that had not left was dropped as one before it ended its thread, undelivered (M-5.10).

    That one is judged by itself. The answer that its time is over may come after that, and stands in its place then.
    """
    before = [
        one
        for one in own.sent.values()
        if (one.partner, one.thread, one.epoch) == (sent.partner, sent.thread, sent.epoch)
        and (one.seq or 0) < (sent.seq or 0)
    ]
    ended = "undelivered" in own.at_once.get((sent.ref or "", sent.answered_at or 0), frozenset())
    return any((one.state, one.answered_at) == ("undelivered", sent.answered_at) for one in before) or (
        ended and any(one.code == "expired" and (one.answered_at or 0) >= (sent.answered_at or 0) for one in before)
    )


STOPS = frozenset({"freeze", "suspend", "withdraw", "withdrawal", "decline", "erase"})
"""Steps with which what waits is dropped."""


OUTDATES = frozenset({"cancel", "depart", "reassess", "proposal"})
"""Steps with which what of a return has not left is dropped: the journey goes otherwise, or all begins anew."""


TAKEN_OUT: Mapping[str, frozenset[str]] = {
    REPLY: frozenset({*UNANSWERED_BY, "revoked"}),
    DOCUMENT: frozenset({"document_not_accepted", "revoked"}),
    REISSUE: frozenset({"not_accepted", "document_not_accepted", "revoked"}),
    **dict.fromkeys((ELEMENTS, INTERVIEW_ANSWER), frozenset({"reply", "close"})),
    REMINDER: frozenset({"reply", "stop_pressing", "close"}),
    CONTEST: frozenset({"close"}),
    **dict.fromkeys(ASKS_OF_DATA, frozenset({"dropped"})),
}
"""
Steps with which a message of that type is taken out that never left: what a reply or a document rests on was set right,
what asked for it came under a stolen key, the answer came without it, its case was closed and nobody waits any more,
nobody is to press, or a question about data waited in a case that was set aside and closed, which a finding says.
"""


def _came_too_late(sent: Sent, got: Got) -> bool:
    """
    Return whether a message had been taken, and was refused once its time was over: no answer of before came through.

    Such a refusal says nothing of what happened before (M-5.18), and its sender's desk is told of a refusal.
    """
    return (sent.code, got.status) == ("expired", "accepted") and (sent.answered_at or 0) > sent.expires_at


def applied_once(world: World, own: Books) -> None:
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


def kept_what_was_done(scenario: "Scenario", own: Books) -> None:
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


def numbers(world: World, books: Mapping[str, Books]) -> None:
    """
    No number of a thread and an epoch ever left twice for different messages.

    But who is asked takes data back, or says a stop, under the number of a message that was given up (M-5.10).
    """
    used: dict[tuple[Any, ...], dict[str, str]] = defaultdict(dict)
    for post in world.posts:
        if post.thread is not None:
            used[post.sender, post.recipient, post.thread, post.epoch, post.seq].setdefault(post.digest, post.type)
    for (sender, recipient, thread, epoch, seq), types in used.items():
        later = list(types.values())[1:]
        asking = [row for row, _ in books[sender].cases.values() if (row.thread, row.side) == (thread, "requesting")]
        if later and (asking or not STILL_SAID.issuperset(later)):
            told = f"{sender} to {recipient}: number {seq} of epoch {epoch} was used for {', '.join(types.values())}"
            world.fail("numbers used once", told)
