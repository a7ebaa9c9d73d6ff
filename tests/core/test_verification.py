"""What single steps of a verification do besides moving the state; every path is tried in ``tests/test_tables.py``."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from gateway.core.case import Case, Side, State
from gateway.core.machine import DropUnsent, EndThread, Event, IllegalStep, Notify, RuleRefused, Send, step
from gateway.core.messages import (
    AFTER_WITHDRAWAL,
    CONTEST,
    DELAY,
    ELEMENTS,
    INTERVIEW_METHOD,
    QUESTION,
    REMINDER,
    REPLY,
    REQUEST,
    RESUMPTION,
    WITHDRAWAL,
)
from gateway.core.reuse import received_under
from gateway.core.tables import REQUESTED, REQUESTING, table_for
from gateway.core.verification import GATEWAY, PARTNER, WITHDRAWAL_BODY, undo_state
from gateway.core.verification_changes import ANSWERED_LATE, ANSWERED_WRONGLY, next_full_hour
from gateway.core.verification_guards import DELAYS_MAX
from schemas import ijson
from tests.core import support
from tests.core.support import BODIES, NOW, Taken, asked, asking, draft, good_case, good_event, reply, take


def freeze(case: Case, actor: str = "carol", role: str = "guardian", **data: Any) -> Taken:
    """Freeze a case."""
    return take(case, "freeze", actor, role, **{"reason": "why", "draft": None, "undo": None, **data})


def receive(case: Case, name: str, body: dict[str, Any] | None = None) -> Taken:
    """Let a message of the other State arrive."""
    return take(case, name, case.partner, PARTNER, body=BODIES.get(name, {}) if body is None else body, clock=None)


def good(case_side: Side, state: State, event: str) -> Taken:
    """Take a row with everything in order."""
    row = table_for(case_side).index[state, event]
    case = good_case(case_side, row)
    return step(table_for(case_side), case, good_event(row, case), NOW)


# Preparing, approving, sending.


def test_amending_voids_the_approval() -> None:
    """A changed draft has a new body that nobody approved, and the case asks what the draft asks."""
    record = draft(purpose="PERM_RESIDENCE", elements=support.ELEMENTS, officer="boris")
    new = support.preview(record).pending("anna")
    case = asking(State.CLEARED)
    moved, effects = take(case, "amend", "anna", "case_officer", draft=record, pending=new)
    assert (State.DRAFT, new, ()) == (moved.state, moved.pending, effects)
    assert ("PERM_RESIDENCE", "boris") == (moved.purpose, moved.officer)


def test_approval_is_kept_with_the_body() -> None:
    """The approver and the signed statement stand beside the bytes they are about."""
    moved, effects = good(Side.REQUESTING, State.DRAFT, "approve")
    assert moved.pending is not None
    assert ("boris", "statement", ()) == (moved.pending.approver, moved.pending.statement, effects)


@pytest.mark.parametrize(("until", "leaves"), [(NOW, True), (NOW - timedelta(seconds=1), False)])
@pytest.mark.parametrize(
    ("side", "state", "event"),
    [(Side.REQUESTING, State.CLEARED, "send"), (Side.REQUESTED, State.ACKNOWLEDGED, "answer")],
)
def test_a_signature_counts_when_the_body_leaves(
    side: Side, state: State, event: str, until: datetime, leaves: bool
) -> None:
    """What was approved, or countersigned, for a time leaves up to its last instant and not afterwards."""
    row = table_for(side).index[state, event]
    case = good_case(side, row)
    pending = case.pending if side is Side.REQUESTING else support.prepared(support.reply("NOT_NATIONAL"))
    assert pending is not None
    signed = replace(pending, approver="boris", statement="statement", valid_until=until.isoformat())
    case = replace(case, pending=signed)
    if leaves:
        assert row.target == step(table_for(side), case, good_event(row, case), NOW)[0].state
        return
    with pytest.raises(RuleRefused, match="no longer valid"):
        step(table_for(side), case, good_event(row, case), NOW)


def test_request_leaves_as_approved() -> None:
    """What leaves is the approved text, byte for byte, and nothing waits any more."""
    moved, effects = good(Side.REQUESTING, State.CLEARED, "send")
    assert (None, (Send(REQUEST, support.preview().body),)) == (moved.pending, effects)


def test_answer_to_a_question_leaves_as_approved() -> None:
    """The same holds for further elements."""
    _, effects = good(Side.REQUESTING, State.NEEDS_TIER2, "send")
    assert (Send(ELEMENTS, support.preview(asked=("SEX",)).body),) == effects


def test_incomplete_request_is_not_approved() -> None:
    """A body whose preview found a required element missing cannot be approved."""
    record = draft(elements={"birth_date": "2001"})
    case = asking(draft=record, pending=support.preview(record).pending("anna"))
    row = REQUESTING.index[State.DRAFT, "approve"]
    with pytest.raises(RuleRefused, match="MIN-5"):
        step(REQUESTING, case, good_event(row, case), NOW)


def test_facts_are_needed() -> None:
    """A step with rules refuses if nobody says what they should look at."""
    row = REQUESTING.index[State.CLEARED, "send"]
    case = good_case(Side.REQUESTING, row)
    with pytest.raises(RuleRefused, match="R-00"):
        step(REQUESTING, case, replace(good_event(row, case), facts=None), NOW)


# What the transport learns, what the other State says.


def test_receipt_starts_the_clocks() -> None:
    """The receipt of a request delivers it, starts its clocks and keeps what was found about them."""
    data = {"clocks": (support.clock(),), "findings": ("another day",)}
    moved, _ = take(asking(State.SENT), "receipt", "XBB", GATEWAY, **data)
    assert (State.DELIVERED, (support.clock(),), ("another day",)) == (moved.state, moved.clocks, moved.findings)


def test_refusal_is_noted() -> None:
    """A refused request says so to the desk and may be amended."""
    moved, effects = take(asking(State.SENT), "not_accepted", "XBB", GATEWAY, code="bad-schema")
    assert (State.NOT_ACCEPTED, ("not accepted: bad-schema",)) == (moved.state, moved.findings)
    assert (Notify("interior"),) == effects


def test_expiry_ends_the_thread() -> None:
    """A message that was never receipted ends its thread and takes what waits behind it along."""
    moved, effects = take(asking(State.SENT), "undelivered", "XBB", GATEWAY, code=None)
    assert (State.UNDELIVERED, (DropUnsent(), EndThread("undelivered"), Notify("interior"))) == (moved.state, effects)


def test_question_names_what_is_asked() -> None:
    """The elements asked for are kept, and a body prepared earlier is not."""
    moved, _ = receive(asking(State.ACKNOWLEDGED), "question")
    assert (State.NEEDS_TIER2, ("SEX",), None) == (moved.state, moved.asked, moved.pending)


@pytest.mark.parametrize("name", ["delay", "extension"])
def test_delay_is_kept(name: str) -> None:
    """A notice of delay stays with the case."""
    data = {"body": BODIES[name], "clock": support.clock(), "clocks": (support.clock(),)}
    moved, _ = take(asking(State.ACKNOWLEDGED), name, "XBB", PARTNER, **data)
    assert (BODIES[name], (support.clock(),)) == (moved.delay, moved.clocks)


def test_reply_is_kept() -> None:
    """The reply's exact content stays with the case."""
    moved, effects = receive(asking(State.NEEDS_TIER2), "reply")
    assert (State.REPLIED, reply(), (Notify("interior"),)) == (moved.state, moved.reply, effects)


def test_elements_join_the_request() -> None:
    """Further elements are added to those of the request."""
    moved, _ = receive(asked(State.NEEDS_TIER2), "elements")
    assert moved.received is not None
    assert {**support.REQUEST_BODY["elements"], "sex": 2} == moved.received["elements"]


def test_reminders_are_counted_on_both_sides() -> None:
    """Each side knows how often it was reminded or did remind."""
    sent, effects = good(Side.REQUESTING, State.DELIVERED, "remind")
    came, _ = receive(asked(State.ACKNOWLEDGED), "reminder")
    assert (1, 1) == (sent.reminders, came.reminders)
    assert [REMINDER] == [effect.type for effect in effects if isinstance(effect, Send)]


@pytest.mark.parametrize("state", [State.ACKNOWLEDGED, State.UNDELIVERED, State.FROZEN, State.WITHDRAWN, State.CLOSED])
@pytest.mark.parametrize("name", ["delay", "extension"])
def test_putting_off_has_an_end(name: str, state: State) -> None:
    """A notice of either kind counts wherever the thread takes it, and at the bound no other is (M-5.41)."""
    case = asking(state, delays=DELAYS_MAX - 1, resume_to=State.ACKNOWLEDGED if state is State.FROZEN else None)
    full, _ = take(case, name, "XBB", PARTNER, body=BODIES[name], clock=support.clock())
    with pytest.raises(RuleRefused, match="D-10"):
        take(full, name, "XBB", PARTNER, body=BODIES[name], clock=support.clock())


def test_contest_is_counted_on_both_sides() -> None:
    """The second look is asked for once; here it leaves, there it arrives."""
    sent, effects = good(Side.REQUESTING, State.REPLIED, "contest")
    came, _ = receive(asked(State.REPLIED), "contest")
    assert (1, 1) == (sent.contests, came.contests)
    assert (Send(CONTEST, '{"ground":"NEW_ELEMENT"}'),) == effects


# Answering.


@pytest.mark.parametrize(
    ("event", "type"), [("acknowledge", "verification.acknowledgement"), ("notify_delay", DELAY), ("ask", QUESTION)]
)
def test_coded_messages_leave(event: str, type: str) -> None:
    """What the asked desk says leaves with exactly the body given."""
    state = State.RECEIVED if event == "acknowledge" else State.ACKNOWLEDGED
    _, effects = good(Side.REQUESTED, state, event)
    assert [type] == [effect.type for effect in effects if isinstance(effect, Send)]


def test_extension_moves_the_clock() -> None:
    """An extension leaves as a notice of delay and puts the longer clock in place."""
    later = support.clock(due_on=support.clock().due_on + timedelta(days=10))
    data = {"body": "{}", "clock": later, "clocks": (later,), "overdue": False}
    case = asked(State.ACKNOWLEDGED, clocks=(support.clock(),))
    moved, effects = take(case, "extend", "anna", "registry_clerk", **data)
    assert (State.EXTENDED, later, (Send(DELAY, "{}"),)) == (moved.state, moved.clock("reply"), effects)


def test_conditions_that_came_with_elements_bind_too() -> None:
    """What the other State forbids of the further elements is looked up as what it forbids of the request (R-05)."""
    strict = {**support.REQUEST_BODY["handling"], "use_restrictions": ["P3", "PC"], "retain_until": "2026-12-20"}
    moved, _ = receive(asked(State.NEEDS_TIER2), "elements", {**BODIES["elements"], "handling": strict})
    of_request, of_elements = received_under(moved)
    assert frozenset(support.REQUEST_BODY["handling"]["use_restrictions"]) == of_request.restrictions
    assert (frozenset({"P3", "PC"}), date(2026, 12, 20)) == (of_elements.restrictions, of_elements.retain_until)


def test_later_conditions_loosen_no_earlier_ones() -> None:
    """Of elements that came twice every restriction stays, and the last day counts."""
    case, handling = asked(State.NEEDS_TIER2), support.REQUEST_BODY["handling"]
    for codes, day in ((["P3"], "2026-12-20"), (["P0"], "2026-12-30")):
        said = {**handling, "use_restrictions": codes, "retain_until": day}
        case, _ = receive(replace(case, state=State.NEEDS_TIER2), "elements", {**BODIES["elements"], "handling": said})
    later = received_under(case)[-1]
    assert (frozenset({"P0", "P3"}), date(2026, 12, 30)) == (later.restrictions, later.retain_until)


def test_answer_is_possible_without_the_elements_asked_for() -> None:
    """A desk whose question is not answered can still reply."""
    moved, _ = good(Side.REQUESTED, State.NEEDS_TIER2, "answer")
    assert State.REPLIED == moved.state


def test_positive_answer_carries_no_statement() -> None:
    """A yes leaves without a second signature even if there is one, as the wire takes none."""
    moved, effects = good(Side.REQUESTED, State.ACKNOWLEDGED, "answer")
    assert (reply(), (Send(REPLY, ijson.dumps(reply()).decode()),)) == (moved.reply, effects)


def test_negative_answer_carries_its_statement() -> None:
    """A no leaves with the second signer's statement."""
    no = support.prepared(reply("NOT_NATIONAL"))
    signed = replace(no, approver="boris", statement="a.b.c")
    case = asked(State.ACKNOWLEDGED, pending=signed)
    row = REQUESTED.index[State.ACKNOWLEDGED, "answer"]
    _, effects = step(REQUESTED, case, good_event(row, case), NOW)
    assert (Send(REPLY, no.body, None, ("a.b.c",)),) == effects


def test_outcome_is_read_from_the_bytes() -> None:
    """An event that calls a no a yes does not get it past the second signer."""
    case = asked(State.ACKNOWLEDGED, pending=support.prepared(reply("NOT_FOUND")))
    event = good_event(REQUESTED.index[State.ACKNOWLEDGED, "answer"], case)
    with pytest.raises(RuleRefused, match="V-05"):
        step(REQUESTED, case, replace(event, data={**event.data, "outcome": "NATIONAL"}), NOW)


# Freezing and what follows.


def test_freezing_drops_what_did_not_leave() -> None:
    """A freeze empties the outbox of the thread and voids what was prepared."""
    moved, effects = freeze(asking(State.ACKNOWLEDGED))
    assert (State.FROZEN, State.ACKNOWLEDGED, None) == (moved.state, moved.resume_to, moved.pending)
    assert (DropUnsent(frozenset({RESUMPTION})), Notify("interior")) == effects


def test_freezing_undoes_what_was_dropped() -> None:
    """If the request was never posted, the case goes on from the draft."""
    moved, _ = freeze(asking(State.SENT), undo="DRAFT")
    assert State.DRAFT == moved.resume_to


def test_freezing_gives_back_an_objection_that_never_left() -> None:
    """A dropped contest was not made, so it may still be."""
    moved, _ = freeze(asking(State.CONTESTED, contests=1), undo="REPLIED")
    assert (State.REPLIED, 0) == (moved.resume_to, moved.contests)


@pytest.mark.parametrize("at", [State.REPLIED, State.NEEDS_TIER2, State.NEEDS_INTERVIEW])
@pytest.mark.parametrize(("contests", "state"), [(0, State.ACKNOWLEDGED), (1, State.CONTESTED)])
def test_freezing_takes_what_never_left_back_to_where_it_was_asked_for(contests: int, state: State, at: State) -> None:
    """A second look whose answer, or whose question, never left is still one."""
    moved, _ = freeze(asked(at, contests=contests), undo="ACKNOWLEDGED")
    assert state == moved.resume_to


def test_freezing_voids_an_approval() -> None:
    """Who approved did not know what stopped the case."""
    moved, _ = freeze(asking(State.CLEARED))
    assert State.DRAFT == moved.resume_to


def test_freezing_a_suspended_case_remembers_the_state_before() -> None:
    """It will go on where it stood before it was suspended."""
    moved, _ = freeze(asking(State.SUSPENDED, resume_to=State.EXTENDED))
    assert State.EXTENDED == moved.resume_to


def test_freezing_may_change_the_protection_state() -> None:
    """What became known goes into the record in the same step."""
    record = draft(asylum={**support.DRAFT["asylum"], "state": "indicated"})
    moved, _ = freeze(asking(State.SENT), draft=record)
    assert record == moved.draft


def test_undelivered_case_can_be_withdrawn() -> None:
    """What was posted may be with the other State though it never said so."""
    frozen, _ = freeze(asking(State.UNDELIVERED))
    moved, effects = take(frozen, "withdraw", "carol", "guardian", posted=True)
    assert (State.WITHDRAWN, [WITHDRAWAL]) == (moved.state, [e.type for e in effects if isinstance(e, Send)])


def test_everyone_who_froze_must_let_go() -> None:
    """A second freezer is not overruled by the first who lets go."""
    once, _ = freeze(asking(State.SENT))
    twice, _ = freeze(once, "dora", "asylum_authority")
    first, _ = take(twice, "release", "carol", "guardian")
    both, _ = take(first, "release", "dora", "asylum_authority")
    assert (False, True) == (first.released, both.released)


def test_freezing_again_takes_back_the_release() -> None:
    """A new reason to stop counts, whatever was released before."""
    frozen, _ = freeze(asking(State.SENT))
    released, _ = take(frozen, "release", "carol", "guardian")
    proposed, _ = take(released, "propose_resume", "anna", "case_officer")
    again, _ = freeze(proposed, reason="another")
    assert (False, None, "why\nanother") == (again.released, again.resume_proposer, again.freeze_reason)


def test_same_person_in_another_role_cannot_release() -> None:
    """Who froze as guardian lets go as guardian."""
    frozen, _ = freeze(asking(State.SENT))
    with pytest.raises(RuleRefused, match="V-07"):
        take(frozen, "release", "carol", "lawyer")


@pytest.mark.parametrize(("actor", "role"), [("guest.g", "lawyer"), ("guest.h", "lawyer"), ("carol", "guardian")])
def test_what_a_guest_stopped_is_let_go_by_nobody_else(actor: str, role: str) -> None:
    """Neither by the guest, nor by another one, nor by a person in another role (V-07)."""
    frozen, _ = freeze(asking(State.SENT), "guest.g", "lawyer")
    with pytest.raises(RuleRefused, match="V-07"):
        take(frozen, "release", actor, role)


def test_who_holds_the_role_of_a_guest_lets_go_for_it() -> None:
    """Once they hold nothing themselves; what others stopped stays."""
    frozen, _ = freeze(asking(State.SENT), "guest.g", "lawyer")
    frozen, _ = freeze(frozen, "guest.h", "court")
    frozen, _ = freeze(frozen, "carol", "lawyer")
    once, _ = take(frozen, "release", "carol", "lawyer")
    twice, _ = take(once, "release", "carol", "lawyer")
    stops = [("guest.g", "lawyer"), ("guest.h", "court")]
    assert (stops, stops[1:], False) == (list(once.holders), list(twice.holders), twice.released)


def test_resuming_forgets_the_freeze() -> None:
    """A case that goes on is as it was."""
    moved, _ = good(Side.REQUESTING, State.FROZEN, "resume")
    assert (State.ACKNOWLEDGED, None, (), None) == (moved.state, moved.freeze_reason, moved.holders, moved.resume_to)


@pytest.mark.parametrize("state", [State.CONTESTED, State.NEEDS_TIER2])
def test_a_second_look_is_given_and_not_closed(state: State) -> None:
    """A reply that was contested answers nothing: who is asked cannot suspend the case and close it on that."""
    suspended, _ = take(asked(state, reply=reply(), contests=1), "suspend", "anna", "registry_clerk")
    with pytest.raises(RuleRefused, match="R-11"):
        take(suspended, "close", "anna", "registry_clerk")


def test_no_interview_is_agreed_to_before_the_person_consents() -> None:
    """A consent of a day that has not come is none (R-23)."""
    row = REQUESTING.index[State.NEEDS_INTERVIEW, "interview_answer"]
    case = good_case(Side.REQUESTING, row)
    interview = {**(case.interview or {}), "consent": {"on": "2026-12-02", "revoked_on": None}}
    with pytest.raises(RuleRefused, match="R-23"):
        step(REQUESTING, replace(case, interview=interview), good_event(row, case), NOW)


NOT_CONFIRMED: dict[str, Callable[[Case, Event], tuple[Case, Event]]] = {
    "there is none": lambda case, event: (replace(case, remark=None), event),
    "none was read": lambda case, event: (case, replace(event, data={**event.data, "remark": None})),
    "what is here is held": lambda case, event: (replace(case, remark=support.remark(reasons=("PROTECTION",))), event),
    "what was read is held": lambda case, event: (
        case,
        replace(event, data={**event.data, "remark": support.remark(case.draft, reasons=("PROTECTION",))}),
    ),
    "it left": lambda case, event: (replace(case, remark=support.remark(sent=True)), event),
}


@pytest.mark.parametrize("name", NOT_CONFIRMED)
def test_no_remark_is_confirmed_that_is_held_or_has_left(name: str) -> None:
    """Each alone stands against a confirmation (REM-2)."""
    row = REQUESTING.index[State.DRAFT, "confirm_remark"]
    case = good_case(Side.REQUESTING, row)
    spoilt, event = NOT_CONFIRMED[name](case, good_event(row, case))
    with pytest.raises(RuleRefused, match="REM-2"):
        step(REQUESTING, spoilt, event, NOW)


def test_closing_takes_nothing_back_but_from_a_case_that_was_stopped() -> None:
    """What waits in a case that goes on is owed; what waited while it was stopped was to wait (R-02)."""
    assert () == good(Side.REQUESTING, State.REPLIED, "close")[1]
    (dropped,) = good(Side.REQUESTING, State.SUSPENDED, "close")[1]
    assert isinstance(dropped, DropUnsent)


def test_suspending_and_going_on() -> None:
    """A suspended case returns to the state it left."""
    moved, _ = take(asked(State.EXTENDED), "suspend", "anna", "registry_clerk")
    back, _ = take(moved, "resume", "anna", "registry_clerk")
    assert (State.SUSPENDED, State.EXTENDED) == (moved.state, back.state)


@pytest.mark.parametrize("state", [State.FROZEN, State.SUSPENDED])
@pytest.mark.parametrize(
    ("before", "name", "after"),
    [
        (State.SENT, "acknowledgement", State.ACKNOWLEDGED),
        (State.ACKNOWLEDGED, "question", State.NEEDS_TIER2),
        (State.ACKNOWLEDGED, "reply", State.REPLIED),
    ],
)
def test_held_case_moves_where_it_will_go_on(state: State, before: State, name: str, after: State) -> None:
    """A message that arrives is taken in; the case stays stopped and goes on from where it then would be."""
    moved, _ = receive(asking(state, resume_to=before), name)
    assert (state, after) == (moved.state, moved.resume_to)


@pytest.mark.parametrize(
    ("name", "after"),
    [("receipt", State.DELIVERED), ("not_accepted", State.NOT_ACCEPTED), ("undelivered", State.UNDELIVERED)],
)
def test_held_case_learns_what_became_of_its_request(name: str, after: State) -> None:
    """The fate of the request is not lost because the case was stopped meanwhile."""
    data = {"clocks": (), "findings": (), "code": "stale"}
    moved, _ = take(asking(State.FROZEN, resume_to=State.SENT), name, "XBB", GATEWAY, **data)
    assert (State.FROZEN, after) == (moved.state, moved.resume_to)


def test_held_case_takes_a_late_receipt() -> None:
    """A receipt that the state to go on in does not expect changes nothing."""
    case = asking(State.FROZEN, resume_to=State.DRAFT)
    moved, _ = take(case, "receipt", "XBB", GATEWAY, clocks=(), findings=())
    assert State.DRAFT == moved.resume_to


@pytest.mark.parametrize("name", ["acknowledgement", "question", "delay", "extension", "reply"])
@pytest.mark.parametrize("before", [State.ACKNOWLEDGED, State.NEEDS_TIER2, State.REPLIED, State.DELIVERED])
def test_freeze_does_not_show(before: State, name: str) -> None:
    """The other State's message is taken or refused alike, frozen or not."""

    def taken(case: Case) -> bool:
        try:
            receive(case, name)
        except (IllegalStep, RuleRefused):
            return False
        return True

    assert taken(asking(before)) == taken(asking(State.FROZEN, resume_to=before))


# Withdrawing.


def test_withdrawal_says_nothing_and_leaves_on_the_hour() -> None:
    """The one body there is, at the next full hour, and the thread is over."""
    moved, effects = take(asking(State.FROZEN), "withdraw", "carol", "guardian", posted=True)
    sent = Send(WITHDRAWAL, '{"code":"WITHDRAWN_NO_REASON"}', datetime(2026, 12, 1, 10, tzinfo=UTC))
    assert (State.WITHDRAWN, (DropUnsent(AFTER_WITHDRAWAL), EndThread("withdrawn"), sent)) == (moved.state, effects)


def test_withdrawal_of_what_never_left_is_silent() -> None:
    """If nothing was ever posted, nothing is sent."""
    _, effects = take(asking(State.FROZEN), "withdraw", "carol", "guardian", posted=False)
    assert (DropUnsent(AFTER_WITHDRAWAL), EndThread("withdrawn")) == effects


def test_withdrawals_are_alike() -> None:
    """Whoever withdraws and whatever the reason, the effects are the same."""
    one, _ = freeze(asking(State.SENT), reason="a child asks for protection")
    two, _ = freeze(asking(State.SENT), "anna", "case_officer", reason="sent by mistake")
    first = take(one, "withdraw", "carol", "guardian", posted=True)
    second = take(two, "withdraw", "anna", "case_officer", posted=True)
    assert first[1] == second[1]


def test_withdrawal_arrives_anywhere() -> None:
    """The asked side takes it in every open state and stops its own answer."""
    moved, effects = receive(asked(State.ACKNOWLEDGED, pending=support.prepared(reply())), "withdrawal", {})
    assert (State.WITHDRAWN, None) == (moved.state, moved.pending)
    assert (DropUnsent(AFTER_WITHDRAWAL), EndThread("withdrawn"), Notify("interior")) == effects


def test_withdrawal_that_is_known_is_no_news() -> None:
    """It is said once more to whoever may have forgotten it: no desk is told of each that was not."""
    case = asked(State.WITHDRAWN)
    moved, effects = receive(case, "withdrawal", {})
    assert (case, (DropUnsent(AFTER_WITHDRAWAL), EndThread("withdrawn"))) == (moved, effects)


def test_message_that_crossed_is_not_kept() -> None:
    """After a withdrawal the other State's reply is taken and forgotten."""
    case = asking(State.WITHDRAWN)
    assert (case, ()) == receive(case, "reply")


def test_first_answer_to_what_was_closed_without_one_is_kept_and_told() -> None:
    """The case stays closed and says that the answer came late; another answer after it is taken and forgotten."""
    moved, effects = receive(asking(State.CLOSED), "reply")
    assert (State.CLOSED, reply(), (Notify("interior"),)) == (moved.state, moved.reply, effects)
    assert (ANSWERED_LATE,) == moved.findings
    assert (moved, ()) == receive(moved, "reply")


def test_closed_and_withdrawn_answer_alike() -> None:
    """An answer that the rules do not take is accepted by both and kept by neither; what was closed tells of it."""
    wrong = {**reply(), "method_used": [INTERVIEW_METHOD]}
    withdrawn, _ = receive(asking(State.WITHDRAWN), "reply", wrong)
    closed, effects = receive(asking(State.CLOSED), "reply", wrong)
    assert (None, None, ()) == (withdrawn.reply, closed.reply, withdrawn.findings)
    assert ((ANSWERED_WRONGLY,), (Notify("interior"),)) == (closed.findings, effects)


def test_answer_to_what_was_withdrawn_and_closed_is_not_kept() -> None:
    """A withdrawn question has no answer any more, closed or not, before its hour and after it."""
    for hour in (NOW, NOW + timedelta(hours=1)):
        case = asking(State.CLOSED, withdraws_at=hour.isoformat(), resume_to=State.ACKNOWLEDGED)
        moved, effects = receive(case, "reply")
        assert (State.CLOSED, None, (), ()) == (moved.state, moved.reply, moved.findings, effects)


def test_undelivered_withdrawal_changes_nothing() -> None:
    """A withdrawal that expires leaves the thread withdrawn."""
    case = asking(State.WITHDRAWN)
    moved, effects = take(case, "undelivered", "XBB", GATEWAY, code=None)
    assert (case, (Notify("interior"),)) == (moved, effects)


def test_withdrawal_body_is_the_only_one_the_schema_takes() -> None:
    """The constant is a valid body."""
    assert {"code": "WITHDRAWN_NO_REASON"} == ijson.loads(WITHDRAWAL_BODY.encode())


@pytest.mark.parametrize(
    ("now", "hour"),
    [
        (datetime(2026, 12, 1, 9, 0, tzinfo=UTC), 10),
        (datetime(2026, 12, 1, 9, 59, 59, 999999, tzinfo=UTC), 10),
        (datetime(2026, 12, 1, 23, 30, tzinfo=UTC), 0),
    ],
)
def test_next_full_hour(now: datetime, hour: int) -> None:
    """Always later than now, always on the hour, never more than an hour away."""
    later = next_full_hour(now)
    assert (hour, 0, 0, 0) == (later.hour, later.minute, later.second, later.microsecond)
    assert timedelta(0) < later - now <= timedelta(hours=1)


@pytest.mark.parametrize(
    ("dropped", "state"),
    [
        ((REQUEST,), "DRAFT"),
        ((REMINDER,), None),
        ((REMINDER, CONTEST), "REPLIED"),
        ((REQUEST, REMINDER), "DRAFT"),
        ((), None),
    ],
)
def test_undo_follows_the_earliest(dropped: tuple[str, ...], state: str | None) -> None:
    """What followed a dropped message followed from it."""
    assert state == undo_state(dropped)


def test_erasure_waits_for_its_time() -> None:
    """A closed case is blocked, and a blocked one erased, only when the period is over."""
    case = asking(State.CLOSED)
    with pytest.raises(RuleRefused, match="R-25"):
        take(case, "block", "gateway", GATEWAY, until=NOW + timedelta(seconds=1))
    assert State.BLOCKED == take(case, "block", "gateway", GATEWAY, until=NOW)[0].state


MINOR: dict[str, Any] = {"class": "minor", "decision": None}


@pytest.mark.parametrize("state", [State.DEPARTED, State.RECALL])
def test_of_who_has_left_a_guardian_is_named_by_whom_word_of_her_may_leave(state: State) -> None:
    """A guardian who is not named, not signed for, or appointed from tomorrow would hold the news of a child."""
    case = asking(state, draft=draft(age=MINOR, representative=support.GUARDIAN))
    other = {**support.GUARDIAN, "appointed_on": "2026-12-01", "signed_by": "hana"}
    for wrong in ({"ref": ""}, {"signed_by": ""}, {"appointed_on": "2026-12-02"}):
        with pytest.raises(RuleRefused, match="R-07"):
            take(case, "restate", "dora", "child_welfare", age=MINOR, representative={**other, **wrong})
    taken, _ = take(case, "restate", "dora", "child_welfare", age=MINOR, representative=other)
    assert taken.draft is not None
    assert other == taken.draft["representative"]


def test_of_an_adult_who_has_left_the_guardian_may_go() -> None:
    """An adult needs none, so that of hers may be struck out by whoever is in charge of her."""
    case = asking(State.DEPARTED, draft=draft(representative=support.GUARDIAN))
    taken, _ = take(case, "restate", "cora", "coordinator", age=support.DRAFT["age"], representative=None)
    assert taken.draft is not None
    assert taken.draft["representative"] is None
