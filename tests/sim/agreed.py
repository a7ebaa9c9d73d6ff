"""
What both sides of a case must say alike, or know why not: where it stands, what was set right, and what stopped it.
"""

from collections.abc import Callable, Mapping

from gateway.core import attachments, returns
from gateway.core.case import HELD, Case
from gateway.core.machine import NOT_TOLD
from gateway.core.messages import (
    CONFIRMATION,
    DELAY,
    ERASURE,
    ONWARD_ANSWER,
    ONWARD_REQUEST,
    RECTIFICATION,
    REDIRECT,
    REMINDER,
    REPLY,
    REQUEST,
    SUSPENSION,
    TAKE_BACK,
    USE_ANSWER,
    USE_REQUEST,
)
from gateway.core.return_changes import TO_BE_TAKEN_BACK
from gateway.core.return_guards import UNTOLD
from gateway.core.verification_changes import CORRECTED_HERE
from gateway.services.person_stop import stops
from gateway.services.resync import PASSED_OVER
from gateway.services.rows import CaseRow
from gateway.services.threads import STOPS
from tests.sim.books import Books, Sent
from tests.sim.forgiven import STILL, is_explained, state, was_over
from tests.sim.reckoned import OVER, same_days, told_of_days
from tests.sim.stops import AWAY
from tests.sim.world import World

ASKED_BACK = TO_BE_TAKEN_BACK.partition("%")[0]
"""How a finding begins by which the other State asks to have a person back."""

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
    **{outcome: frozenset({outcome}) for outcome in returns.OUTCOMES},
    "RECALL": frozenset({"RECALL"}),
    "CONTESTED": frozenset({"CONTESTED"}),
    "NOT_RETURNED": frozenset({"REPLIED", "WITHDRAWN", "CLOSED"}),
    "CLOSED": frozenset({"REPLIED", "CONTESTED", "WITHDRAWN", "CLOSED"}),
    "WITHDRAWN": frozenset({"WITHDRAWN", "CLOSED"}),
}
"""The state of who asks, and those in which who is asked may be then."""


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


def agreed(world: World, books: Mapping[str, Books]) -> None:
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
            told = f"{own.country} asks {their.country}: {state(case)} here, {state(twin) if twin else 'nothing'} there"
            alike = state(twin) in ALIKE.get(state(case), ()) if twin is not None else state(case) in ALONE
            stood = _stood(their, found[0][0].ref, twin) if twin is not None else None
            alike = alike or stood in ALIKE.get(_stood(own, row.ref, case), ())
            alike = alike or (_left_at_that(own, row.ref, case) and state(twin) in STILL_OWED)
            alike = alike or (twin is not None and _answered_in_vain(their, row.thread, case, twin))
            # Who was asked destroyed the whole case, as it was told to.
            gone = bool(found) and found[0][0].state == "ERASED"
            alike = alike or (gone and _demanded(world, own, row, case))
            astray = _astray(own, their, row.thread, without=MOVES_NOTHING)
            # Of who was called back and is here the other State hears by the next proposal; of who was so in silence by
            # nothing of ours, and a finding has people say it.
            back = any((ref, event) == (row.ref, "returned") for ref, event, _, _ in own.events)
            # Nor does that State hear that no return is proposed again.
            begun = {"CONSIDERED", "ASSESSED", *(("NOT_RETURNED",) if UNTOLD in case.findings else ())}
            called = state(case) == "RECALL" or (back and state(case) in begun) or _closed_as_called_back(own, row.ref)
            alike = alike or (called and stood in (AWAY if UNTOLD in case.findings else ("RECALL",)))
            # It asked to have her back once the case was put away here: a finding has people see to that.
            asked = any(found.startswith(ASKED_BACK) for found in case.findings)
            alike = alike or (asked and (state(case), state(twin)) == ("CLOSED", "RECALL"))
            # A journey was called off while that State was not to be contacted, and a finding has people tell it.
            off = any((ref, event) == (row.ref, "cancel") for ref, event, _, _ in own.events)
            alike = alike or (off and NOT_TOLD in case.findings and state(twin) == "SCHEDULED")
            why = astray or ((own.renewed or their.renewed) and is_explained(case, twin))
            # What the other has forgotten of a case that stands still is posted again once it goes on. That somebody
            # who is back was called back is told to people meanwhile.
            awaited = back and case.state in HELD and state(twin) in returns.AWAY
            why = why or bool(their.restored and case.state in STILL and not awaited)
            why = why or bool(own.restored and twin is not None and twin.state in STILL)
            undelivered = "UNDELIVERED" in {state(case), state(twin) if twin is not None else None}
            why = why or (undelivered and _was_spoiled(world, (own, their), row.thread))
            if not alike and not why:
                world.fail("both sides agree", told)
            wrong = own.host.was_wrong or their.host.was_wrong
            if twin is not None and not astray and (own.restored or their.restored or wrong):
                told_of_days(world, case, twin, told, either=wrong)
            elif twin is not None and not astray:
                same_days(world, own, their, case, twin, told)
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


def _stood(books: Books, ref: str, case: Case) -> str:
    """Return where a case stands; one that its desk put away, where it stood or would: the other State is not told."""
    closed = "SELECT source FROM case_event WHERE ref = ? AND event = 'close' AND target = 'CLOSED' ORDER BY n DESC"
    before = [source for (source,) in books.host.look(closed, ref)][:1] if case.state == "CLOSED" else []
    if before == ["SUSPENDED"] and SUSPENSION in case.said and case.resume_to is not None:
        return str(case.resume_to)  # its stop was told, and stands
    return before[0] if before and before[0] in PUT_AWAY else state(case)


PUT_AWAY = frozenset({"REPLIED", "RECALL", *returns.OUTCOMES})
"""States from which a desk puts a case away without a word: of who asks CLOSED, where REPLIED was, is in ``ALIKE``."""


def _closed_as_called_back(own: Books, ref: str) -> bool:
    """Return whether a case was closed of who was called back and is here, of which nothing of ours tells."""
    closed = "SELECT 1 FROM case_event WHERE ref = ? AND source = 'RECALL' AND target = 'CLOSED'"
    return bool(own.host.look(closed, ref))


def _left_at_that(own: Books, ref: str, case: Case) -> bool:
    """Return whether a case was closed without an answer: one pointed to another authority, or set aside."""
    pointed = any((got.ref, got.type, got.status) == (ref, REDIRECT, "accepted") for got in own.got.values())
    aside = any((one, event) == (ref, "suspend") for one, event, _, _ in own.events)
    unanswered = aside or (pointed and case.reply is None)  # what was set aside may have had an answer, and contest it
    return unanswered and case.state == "CLOSED" and case.withdraws_at is None


def _answered_in_vain(their: Books, thread: str, case: Case, twin: Case) -> bool:
    """
    Return whether who was asked works on an answer anew, for one never left.

    What it had told or asked before that was heard, and the case stands as if it had not: whatever answers it is taken.
    """
    unsaid = any(
        (sent.thread, sent.type, sent.state, sent.posted_at) == (thread, REPLY, "dropped", None)
        for sent in their.sent.values()
    )
    return unsaid and state(case) in HEARD_BEFORE and state(twin) in ("ACKNOWLEDGED", "CONTESTED")


HEARD_BEFORE = frozenset({"EXTENDED", "NEEDS_TIER2", "NEEDS_INTERVIEW"})
"""Where who asks may be by what it heard before an answer that never left."""


def _demanded(world: World, own: Books, row: CaseRow, case: Case) -> bool:
    """
    Return whether who asks had demanded that the case is destroyed, also by a demand that it lost in a restore.

    It is then answered no reminder, and has to ask anew.
    """
    if any(one.kind == ERASURE and one.ours for one in case.notices):
        return True
    return own.restored and any((one.type, one.thread) == (ERASURE, row.thread) for one in world.posts)


def set_right(world: World, books: Mapping[str, Books]) -> None:
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
            if case is None or twin is None or _astray(own, their, row.thread, or_dropped=True):
                continue
            if restored and (is_explained(case, twin) or {case.state, twin.state} & STILL):
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


MAY_MOVE = frozenset(
    {"DEPARTED", "HANDED_OVER", "MONITORING", "RECALL", "WITHDRAWN", "CLOSED", "FROZEN", *returns.OUTCOMES}
)
"""States in which a case is held already, is over, or has a person whom nothing holds back."""


def held(world: World, own: Books) -> None:
    """Every case of a person is held with the one that stops her, which two files with one number show."""
    files = [case for _, case in own.cases.values() if case is not None and case.draft is not None]
    for one in files:
        if not stops(one):
            continue
        for other in files:
            alike = (one.draft or {})["elements"]["document"] == (other.draft or {})["elements"]["document"]
            if alike and not stops(other) and other.state not in MAY_MOVE:
                world.fail("held for the person", f"{own.country} has a case in {other.state} of who is stopped")


def heard(world: World, books: Mapping[str, Books]) -> None:
    """A return that one side stopped, and says so, is stopped on the other side, unless nothing is under way there."""
    for own in books.values():
        for row, case in own.cases.values():
            if (
                case is None
                or SUSPENSION not in case.said
                or not (case.state in HELD or _put_away_stopped(own, row.ref, case))
            ):
                continue
            their = books[case.partner]
            twins = [
                one for other, one in their.cases.values() if (other.partner, other.thread) == (own.country, row.thread)
            ]
            quiet = case.state == "FROZEN" and case.side == "requesting"
            # It was proposed on what a restore had left, and refused: the other State knows of no return.
            quiet = quiet or (bool(own.restored) and state(case) == "ASSESSED")
            # Its restore took the return, and the answer that it rests on.
            quiet = quiet or (bool(their.restored) and bool(twins) and state(twins[0]) in STILL_OWED)
            # The same of who asks, put back to before its return, as a finding says.
            asks = bool(twins) and twins[0] is not None and (twins[0].side, twins[0].state) in BEFORE_A_RETURN
            quiet = quiet or (bool(their.restored) and asks and is_explained(twins[0]))
            # Nor where it has frozen its case before one was proposed.
            quiet = quiet or (bool(their.restored) and bool(twins) and state(twins[0]) in NOTHING_TO_STOP)
            # A byte changed of it, or of what it waited behind, which ends the thread; people tell it (M-5.11).
            # So they do where who asks had no answer in its time: of a stop of that State's none is said again.
            quiet = quiet or (NOT_TOLD in case.findings and _stop_was_lost(world, own, row))
            last = _last_word(own, row.ref)
            # It had nothing of a return as it refused the word, as a finding says; what it proposed since waits here.
            refused = case.side == "requested" and last is not None and last.status == "refused"
            proposed = bool(twins) and twins[0] is not None and twins[0].state == "PROPOSED"
            quiet = quiet or (bool(their.restored) and NOT_TOLD in case.findings and refused and proposed)
            # Who asks does not say it anew where it is posted again no more; people do, as a finding says (0041).
            over = case.side == "requesting" and last is not None and was_over(last, their)
            quiet = quiet or (PASSED_OVER in case.findings and over)
            if not (quiet or twins or their.restored):
                world.fail("a stop is heard", f"{own.country} stopped a return, of which {case.partner} knows nothing")
            if quiet or not twins or twins[0] is None or twins[0].state in NOTHING_TO_STOP:
                continue
            # A State that had nothing of a return by then took it in, and had nothing to stop.
            took = _last_is_taken(own, their, row.ref)
            if (own.country, "partner") not in twins[0].holders and not took:
                world.fail("a stop is heard", f"{own.country} stopped a return, {their.country} is {twins[0].state}")


def _put_away_stopped(own: Books, ref: str, case: Case) -> bool:
    """Return whether who is asked put a return away that it had stopped: that stop holds for good."""
    aside = "SELECT 1 FROM case_event WHERE ref = ? AND source = 'SUSPENDED' AND target = 'CLOSED'"
    return (case.side, case.state) == ("requested", "CLOSED") and bool(own.host.look(aside, ref))


def _last_word(own: Books, ref: str) -> Sent | None:
    """Return the last word of a stop that was said in a case."""
    said = [one for one in own.sent.values() if (one.ref, one.type) == (ref, SUSPENSION) and one.posted_at]
    return said[-1] if said else None


def _last_is_taken(own: Books, their: Books, ref: str) -> bool:
    """Return whether the last word of a stop that was said in a case was taken there, as its books say."""
    last = _last_word(own, ref)
    got = their.got.get(last.digest) if last is not None else None
    return got is not None and got.status == "accepted"


def kept_from_going(world: World, books: Mapping[str, Books]) -> None:
    """
    Who was called back is so on both sides, and no reply that was taken back is one there, whatever a restore took.

    Unless the word waits, or a finding has people tell it, for it was not taken, or what stands before it is not there.
    """
    for own in books.values():
        for row, case in own.cases.values():
            type = _kept_by(case) if case is not None else None
            if case is None or type is None:
                continue
            said = [one for one in own.sent.values() if (one.ref, one.type) == (row.ref, type)]
            waits = any(one.state in ("queued", "posted") for one in said)
            if not said or waits or {NOT_TOLD, PASSED_OVER} & {*case.findings}:
                continue
            for other, twin in books[case.partner].cases.values():
                if twin is None or (other.partner, other.thread) != (own.country, row.thread):
                    continue
                if GOES_ON[type](twin):
                    world.fail("a stop is heard", f"{own.country} said {type}, {case.partner} is {state(twin)}")


def _kept_by(case: Case) -> str | None:
    """Return the type of what a State said by which somebody is called back, or a return rests on no reply."""
    if case.state == "RECALL":
        return TAKE_BACK if TAKE_BACK in case.said else None
    arranged = case.side == "requested" and case.state in ("PROPOSED", "ACCEPTED", "DOCUMENTED", "SCHEDULED")
    return RECTIFICATION if arranged and case.reply is None else None


GOES_ON: Mapping[str, Callable[[Case], bool]] = {
    TAKE_BACK: lambda case: state(case) in (*returns.AWAY, *returns.OUTCOMES),
    RECTIFICATION: lambda case: case.reply is not None,
}
"""By which a State goes on, type by type, that did not hear who asks to have a person back, or takes its reply back."""


def _stop_was_lost(world: World, own: Books, row: CaseRow) -> bool:
    """
    Return whether the last word of a stop ended with a message of its thread, or was that message.

    A byte of that changed on the way; or, where who asks says it, its time was over.
    """
    sent = [one for one in own.sent.values() if one.ref == row.ref]
    lost = any(
        one.state == "undelivered"
        and (one.envelope_id in world.network.spoiled or (row.side == "requesting" and one.code is None))
        for one in sent
    )
    return lost and [one.state for one in sent if one.type == SUSPENSION][-1:] in (["undelivered"], ["dropped"])


def _was_spoiled(world: World, both: tuple[Books, Books], thread: str) -> bool:
    """
    Return whether a byte changed on the way in a message of the thread, which ends it where that message is from.

    Also where a second copy of it, which was under way by then, was taken, and its receipt came after that.
    """
    spoiled = world.network.spoiled
    return any(sent.thread == thread and sent.envelope_id in spoiled for one in both for sent in one.sent.values())


MOVES_NOTHING = frozenset({REMINDER, USE_REQUEST, USE_ANSWER, ONWARD_REQUEST, ONWARD_ANSWER, ERASURE, CONFIRMATION})
"""Types of which one that was not taken explains nothing of where the two sides of a case stand."""


def _astray(
    own: Books, their: Books, thread: str, *, or_dropped: bool = False, without: frozenset[str] = frozenset()
) -> bool:
    """
    Return whether either side knows of a message of the thread that was not accepted, or waits, or had run out by the
    time that who had it was put back, so that it is taken no more (M-5.28), and was not said once more.

    What a delay that was refused had changed is taken back, so it explains nothing; nor does what was dropped and had
    not left, but where the case says so. ``or_dropped`` takes it for one that does: of data each question has a number.
    """
    return any(
        sent.thread == thread
        and (sent.type not in without or sent.state == "undelivered")
        and (_ran_out(books, sent, to) or _is_not_taken(books, sent) or (or_dropped and sent.state == "dropped"))
        for books, to in ((own, their), (their, own))
        for sent in books.sent.values()
    )


def _is_not_taken(own: Books, sent: Sent) -> bool:
    if sent.state == "dropped" and sent.posted_at is None:
        return bool(TOLD_OF_A_DROP & own.at_once.get((sent.ref or "", sent.answered_at or 0), frozenset()))
    return sent.state != "receipted" and (sent.state, sent.type) != ("refused", DELAY)


TOLD_OF_A_DROP = frozenset({"dropped", "not_accepted", "restore", "withdrawal"})
"""Steps in the second of a drop that leave word of it on the case, for a stop or an epoch, or by which it is over."""


def _ran_out(books: Books, sent: Sent, their: Books) -> bool:
    """
    Return whether a message had run out as its recipient was put back, and is taken no more.

    A stop, or a recall, is not if it was said once more, and that is taken (decisions 0041, 0042).
    """
    again = (sent.thread, sent.type, "accepted")
    place = (sent.epoch, sent.seq or 0)
    said = sent.type in STOPS and any(
        (one.thread, one.type, one.status) == again and (one.epoch, one.seq or 0) > place for one in books.sent.values()
    )
    return was_over(sent, their) and not said
