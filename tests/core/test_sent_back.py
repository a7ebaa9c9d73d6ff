"""A second person sends back what is prepared (V-16): what that changes, and what it bars."""

import pytest

from gateway.core.case import Case, SentBack, Side, State, parse_case, replace, serialize_case
from gateway.core.machine import Event, IllegalStep, Notify, RuleRefused, Send, step
from gateway.core.tables import REQUESTED, REQUESTING, table_for
from tests.core import return_support, support

STATES = [row.source for row in REQUESTING.rows if row.event == "approve"]
BACK = {"reason": "FACTS_WRONG", "note": "the year of birth"}


def prepared(state: State) -> tuple[Case, Event]:
    """Return a case in ``state`` with something to approve, and its approval by boris, to which nothing objects."""
    row = REQUESTING.index[state, "approve"]
    kit = return_support if return_support.concerns(row) else support
    case = kit.good_case(Side.REQUESTING, row)
    assert case.pending is not None
    case = replace(case, releases=(), pending=replace(case.pending, approver=None, statement=None, valid_until=None))
    return case, replace(kit.good_event(row, case), actor="boris", role="liaison_officer")


def sent_back(case: Case, by: str = "boris", **data: object) -> Case:
    """Return ``case`` once ``by`` sent back what is prepared in it."""
    assert case.pending is not None
    brings = {"digest": case.pending.digest, "statement": f"jws of {by}", **BACK, **data}
    moved, effects = step(REQUESTING, case, Event("send_back", by, "liaison_officer", brings), support.NOW)
    assert [] == [one for one in effects if isinstance(one, Send)]
    assert (Notify("interior"),) == effects
    return moved


def test_it_stands_beside_each_approval() -> None:
    """Wherever something is approved it can be sent back, by the same roles and by no other row."""
    rows = [row for table in (REQUESTING, REQUESTED) for row in table.rows]
    approve, back = ([row for row in rows if row.event == name] for name in ("approve", "send_back"))
    assert 5 == len(approve)
    assert [(row.source, row.who) for row in approve] == [(row.source, row.who) for row in back]
    assert all("not_sent_back" in row.guards for row in approve)


@pytest.mark.parametrize("state", STATES)
def test_nobody_else_approves_the_same_bytes(state: State) -> None:
    """What one person sent back a third person does not approve; the case stays where it is, and nothing leaves."""
    case, approval = prepared(state)
    back = sent_back(case, "carol")
    assert (state, case.pending) == (back.state, back.pending)
    with pytest.raises(RuleRefused, match="V-16"):
        step(REQUESTING, back, approval, support.NOW)
    assert step(REQUESTING, case, approval, support.NOW)[0].pending is not None


@pytest.mark.parametrize("state", STATES)
def test_who_sent_it_back_may_still_approve_it(state: State) -> None:
    """A basis that was missing is put on record without a byte of the body changing: who missed it looks again."""
    case, approval = prepared(state)
    moved, _ = step(REQUESTING, sent_back(case, "boris"), approval, support.NOW)
    assert moved.pending is not None
    assert ("boris", ()) == (moved.pending.approver, moved.disputed)


def test_who_may_not_approve_it_does_not_either_once_it_is_approved() -> None:
    """The word stands in nobody's way once its giver approved; a third person's signature does not take that place."""
    case, approval = prepared(State.NEEDS_TIER2)
    moved, _ = step(REQUESTING, sent_back(case, "boris"), approval, support.NOW)
    with pytest.raises(RuleRefused, match="V-16"):
        step(REQUESTING, moved, replace(approval, actor="carol"), support.NOW)


def test_two_who_sent_it_back_bar_one_another() -> None:
    """Nobody takes another's word away by saying the same, or something milder."""
    case, approval = prepared(State.DRAFT)
    back = sent_back(sent_back(case, "carol"), "boris", reason="OTHER")
    assert ["carol", "boris"] == [one.by for one in back.disputed]
    for actor in ("boris", "carol"):
        with pytest.raises(RuleRefused, match="V-16"):
            step(REQUESTING, back, replace(approval, actor=actor), support.NOW)


def test_a_changed_draft_is_approved_as_before() -> None:
    """Another digest was sent back by nobody; the first one, prepared again, still is."""
    case, approval = prepared(State.DRAFT)
    back = sent_back(case, "carol")
    other = support.preview(support.draft(method_limit="M1")).pending("anna")
    first, _ = step(REQUESTING, back, Event("amend", "anna", "case_officer", amended(other)), support.NOW)
    assert ((), 1) == (first.disputed, len(first.sent_back))
    brings = {**approval.data, "digest": other.digest}
    facts = support.asking_facts(first)
    third, _ = step(REQUESTING, first, replace(approval, data=brings, facts=facts), support.NOW)
    assert State.CLEARED == third.state
    again, _ = step(REQUESTING, third, Event("amend", "anna", "case_officer", amended(case.pending)), support.NOW)
    with pytest.raises(RuleRefused, match="V-16"):
        step(REQUESTING, again, approval, support.NOW)


def amended(pending: object) -> dict[str, object]:
    """Return what a change of the draft brings, by which ``pending`` is prepared."""
    limit = "M1" if "M1" in getattr(pending, "body", "") else support.DRAFT["method_limit"]
    return {"draft": support.draft(method_limit=limit), "pending": pending, "renditions": {}}


def test_an_approval_of_it_is_void() -> None:
    """What was approved and has not left is taken back by a second look, whosever it is."""
    case, approval = prepared(State.NEEDS_TIER2)
    approved, _ = step(REQUESTING, case, approval, support.NOW)
    back = sent_back(approved, "carol")
    assert back.pending == case.pending
    with pytest.raises(RuleRefused, match="V-03"):
        step(REQUESTING, back, Event("send", "anna", "case_officer", facts=approval.facts), support.NOW)


def test_who_wrote_it_sends_nothing_back() -> None:
    """The author changes it instead; and of other bytes than those prepared nothing is said."""
    case, _ = prepared(State.DRAFT)
    with pytest.raises(RuleRefused, match="V-01"):
        sent_back(case, "anna")
    with pytest.raises(RuleRefused, match="V-02"):
        sent_back(case, "boris", digest="other")
    with pytest.raises(IllegalStep):
        step(REQUESTING, case, Event("send_back", "boris", "case_officer", {}), support.NOW)
    assert (State.RECEIVED, "send_back") not in table_for(Side.REQUESTED).index


def test_each_persons_last_word_is_kept_with_the_case() -> None:
    """Who, when, why and the statement outlive the store; whoever says it again is heard once."""
    case, _ = prepared(State.DRAFT)
    back = sent_back(sent_back(case, "carol"), "carol", reason="OTHER", note="see the passport")
    assert case.pending is not None
    word = SentBack(case.pending.digest, "carol", "2026-12-01T09:00:00Z", "OTHER", "see the passport", "jws of carol")
    assert ((word,), back.sent_back) == (back.sent_back, parse_case(serialize_case(back)).sent_back)
