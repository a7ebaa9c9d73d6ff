"""
The state tables of both sides: a verification and, from a positive reply on, a return.

Rule 1: a side has one table. What a verification and a return do alike (stop, go on, learn of a receipt) is one event.
Rule 2: every guard is marked with what would fail without it; ``tests/test_explore.py`` takes each out and looks.
"""

from collections.abc import Mapping
from datetime import datetime

from gateway.core import (
    notices,
    return_changes,
    return_guards,
    returns,
    verification,
    verification_changes,
    verification_guards,
)
from gateway.core.case import Case, Side, State
from gateway.core.facts import Finding
from gateway.core.machine import Event, Guard, Row, Table

TERMINAL = verification.TERMINAL
"""States without an exit."""


def _taken_there(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    """A case that is stopped takes what it takes where it was stopped, so that no answer tells of the stop (M-5.30)."""
    if case.resume_to is not None and (case.resume_to, event.name) in table_for(case.side).index:
        return ()
    return (Finding("V-15", "where the case was stopped there is no such step"),)


GUARDS: Mapping[str, Guard] = {
    **verification_guards.GUARDS,
    **return_guards.GUARDS,
    **notices.GUARDS,
    "taken_there": _taken_there,
}
APPLIES = {**verification_changes.APPLIES, **return_changes.APPLIES, **notices.APPLIES}


def _with_notices(side: Side, rows: tuple[Row, ...]) -> tuple[Row, ...]:
    """Return ``rows`` and those of what is said about data that was sent, in every state the rows know."""
    return (*rows, *notices.rows(side, frozenset(row.source for row in rows)))


REQUESTING_ROWS = _with_notices(Side.REQUESTING, (*verification.REQUESTING_ROWS, *returns.REQUESTING_RETURN))
REQUESTED_ROWS = _with_notices(Side.REQUESTED, (*verification.REQUESTED_ROWS, *returns.REQUESTED_RETURN))

REQUESTING = Table(REQUESTING_ROWS, GUARDS, APPLIES, TERMINAL)
REQUESTED = Table(REQUESTED_ROWS, GUARDS, APPLIES, TERMINAL)


def table_for(side: Side) -> Table:
    """Return the state table of ``side``."""
    return REQUESTING if side is Side.REQUESTING else REQUESTED


def stop_event(side: Side, state: State) -> str | None:
    """Return the event that stops a case in ``state`` at once: ``freeze``, or ``recall`` once the person has left."""
    table = table_for(side)
    found = ((name, table.index.get((state, name))) for name in ("freeze", "recall"))
    # What only tells of an earlier recall stops nothing.
    return next((name for name, row in found if row is not None and "untold" not in row.guards), None)


MARKS: Mapping[str, str] = {
    # The six that a return must never break (docs/rules.md), as the rows hold them.
    "positive_reply": "R-04",
    "reply_spent": "R-25",
    "represented": "R-07",
    "identified": "R-08",
    "reflection_over": "R-08",
    "no_open_proceedings": "R-08",
    "assessed": "R-09",
    "assessed_positive": "R-09",
    "assessments_kept": "R-09",
    "accepted_once": "R-10",
    "carer_agreed": "R-10",
    "welfare_released": "R-10",
    "welfare_accepted": "R-10",
    "rules_send": "R-01",
    "rules_approve": "R-01",
    "rules_resume": "R-01",
    "rules_remind": "R-01",
    # What else a return needs.
    "contacts_given": "R-12",
    "consented": "R-23",
    "revocation_kept": "R-23",
    "in_charge": "V-30",
    "same_person": "V-31",
    "proposal_known": "V-31",
    "true_to_record": "V-32",
    "right_type": "V-33",
    "says": "V-34",
    "has_left": "V-35",
    "untold": "V-35",
    "nobody_left": "V-35",
    "decided_finally": "V-36",
    "document_asked": "V-37",
    "document_valid": "V-38",
    "document_over": "V-38",
    "document_outlasts_travel": "V-38",
    "as_planned": "V-39",
    "notice_kept": "V-40",
    "reconfirmed_today": "V-41",
    "both_hands": "V-42",
    "six_months": "V-43",
    "seen": "V-43",
    "handover_dated": "V-44",
    "nobody_awaited": "V-45",
    "let_go": "V-08",
    "taken_there": "V-15",
    # Who acts, and on what.
    "two_persons": "V-01",
    "second_person": "V-01",
    "same_bytes": "V-02",
    "not_sent_back": "V-16",
    "approved": "V-03",
    "prepared": "V-04",
    "countersigned": "V-05",
    "contest_once": "V-06",
    "same_freezer": "V-07",
    "released": "V-08",
    "never_posted_or_refused": "V-09",
    "remark_stands": "REM-3",
    "indication_stands": "R-01",
    "age_stands": "R-06",
    "restates": "R-06",
    "answered": "R-11",
    "minimised": "MIN-1",
    "rules_compose": "R-13",
    "rules_receive": "M-01",
    "within_cap": "D-01",
    "before_due": "D-02",
    "overdue": "D-03",
    "within_bound": "D-10",
    "retention_over": "R-25",
    "in_directory": "V-13",
    "interview_allowed": "M-01",
    "interview_consented": "R-23",
    "interview_agreed": "M-02",
    "attested": "M-02",
    # What is said of data that was sent.
    "fresh_number": "V-10",
    "asked_still": "V-11",
    "asked_before": "V-11",
    "was_asked": "V-11",
    "posted": "V-12",
    "nothing_new": "R-16",
    "was_sent": "R-16",
    "correction_only": "R-16",
    "erasure_asked": "R-16",
    "nobody_comes": "V-45",
}
"""Each guard with the id of the promise that needs it; ``docs/rules.md`` has the paragraph of each."""
