"""When no State takes a person for its own that she is said to come from, and when that is not known (R-26)."""

from dataclasses import replace
from typing import Any

from gateway.core.case import Case, Notice, Side, State
from gateway.core.messages import OUTCOMES_FOR, RECTIFICATION
from gateway.core.referral import is_due, is_negative
from gateway.core.verification_changes import CORRECTED_HERE
from gateway.services.fallen import MESSAGE_FELL
from tests.core.support import draft, reply
from tests.support.rows import for_each


def file(to: str = "XBB", outcome: str | None = "NOT_NATIONAL", named: tuple[str, ...] = (), **changes: Any) -> Case:
    """Return a case that asks ``to`` and was answered with ``outcome``, in a record that names the States ``named``."""
    purpose = next(one for one in OUTCOMES_FOR if outcome is None or outcome in OUTCOMES_FOR[one])
    made = Case(
        "a", Side.REQUESTING, to, "t", State.ACKNOWLEDGED, "anna", purpose, draft=draft(claimed_origin=[*named])
    )
    if outcome is not None:
        made = replace(made, state=State.REPLIED, reply=reply(outcome), reply_digest="digest")
    return replace(made, **changes)


HELD = {"state": State.FROZEN, "resume_to": State.CONTESTED}
FELL = MESSAGE_FELL % {"digest": "digest", "country": "XBB", "at": "now", "since_at": "now"}

CORRECTED = CORRECTED_HERE % {"part": "personal_number"}


def told(on: str, *, ours: bool = True) -> Notice:
    """Return what was said on the day ``on``: that an element which was sent was wrong, and how it is right."""
    return Notice(RECTIFICATION, ours, 1, on, {"number": 1, "parts": ["personal_number"]})


DUE = {
    "the only State denies": [file()],
    "it was one, and is none any more": [file(outcome="FORMER_NATIONAL")],
    "it denies a right to live there": [file(outcome="NO_PR_AT_DATE")],
    "each that is named denies": [file(named=("XBB", "XCC")), file("XCC", named=("XBB",))],
    "one denies nationality and one residence": [file(named=("XCC",)), file("XCC", "NO_PR_AT_DATE")],
    "the file is closed": [file(state=State.CLOSED)],
    "the file stands still": [file(state=State.FROZEN, resume_to=State.REPLIED)],
    "no register knows the person": [file(outcome="NOT_FOUND", named=("XCC",)), file("XCC", "NOT_FOUND")],
    "one denies, and another found nothing": [file(), file("XCC", "NOT_FOUND")],
    "it was asked again, and found nothing": [file(), file(reply=reply("NOT_FOUND", as_of="2026-12-02"))],
    "it was asked again, and denies now": [
        file(outcome="CANNOT_SAY", state=State.CLOSED),
        file(reply=reply("NOT_NATIONAL", as_of="2026-12-02")),
    ],
    "one was given up, and another answered": [file(outcome=None, state=State.CLOSED), file()],
    "it was told what is right, and denies since": [file(notices=(told("2026-11-30"),))],
    "it was asked by what was wrong, and denies by what is right": [
        file(outcome="CANNOT_SAY", findings=(CORRECTED,), state=State.CLOSED),
        file(),
    ],
    "it set right what it said itself": [file(notices=(told("2026-12-01", ours=False),))],
    "a document is no claim": [file(), file("XCC", "DOC_NOT_AUTHENTIC")],
}

NOT_DUE = {
    "no file": [],
    "a document alone": [file(outcome="DOC_NOT_AUTHENTIC")],
    "it cannot say": [file(outcome="CANNOT_SAY")],
    "it refuses": [file(outcome="REFUSED")],
    "it was asked already": [file(reply=reply("REFUSED", reason="DUPLICATE"))],
    "nobody answered": [file(outcome=None)],
    "it was not delivered": [file(outcome=None, state=State.UNDELIVERED)],
    "it was closed unanswered": [file(outcome=None, state=State.CLOSED)],
    "it was withdrawn": [file(state=State.WITHDRAWN, withdraws_at="2026-12-01T10:00:00+00:00")],
    "it was withdrawn and closed": [file(state=State.CLOSED, withdraws_at="2026-12-01T10:00:00+00:00")],
    "a second look was asked for": [file(state=State.CONTESTED)],
    "a second look waits in a file that stands still": [file(**HELD)],
    "the reply fell": [file(findings=(FELL,))],
    "the reply fell in a file that was closed": [file(), file(state=State.CLOSED, findings=(FELL,))],
    "the reply was destroyed": [file(reply=None, reply_digest=None)],
    "a State that is named was not asked": [file(named=("XCC",))],
    "a State that another file names was not asked": [file(), file(named=("XCC",))],
    "a further State is being asked": [file(), file("XCC", None)],
    "a further State is about to be asked": [file(), file("XCC", None, state=State.DRAFT)],
    "a further State cannot say": [file(), file("XCC", "CANNOT_SAY")],
    "no entry was found by what was wrong": [file(outcome="NOT_FOUND", findings=(CORRECTED,))],
    "it found nothing, and confirms now": [
        file(outcome="NOT_FOUND"),
        file(outcome="NATIONAL", reply=reply("NATIONAL", as_of="2026-12-02")),
    ],
    "a further State confirms": [file(), file("XCC", "NATIONAL")],
    "a right to live there is confirmed": [file(), file("XBB", "PR_AT_DATE")],
    "it was asked again": [file(), file(outcome=None)],
    "it was asked again, and cannot say": [file(), file(reply=reply("CANNOT_SAY", as_of="2026-12-02"))],
    "it confirmed in a file that was withdrawn": [
        file(),
        file(outcome="NATIONAL", state=State.WITHDRAWN, withdraws_at="2026-12-01T10:00:00+00:00"),
    ],
    "it confirmed last, and that file was withdrawn and closed": [
        file(),
        file(
            outcome="NATIONAL",
            state=State.CLOSED,
            withdraws_at="2026-12-03T10:00:00+00:00",
            reply=reply("NATIONAL", as_of="2026-12-02"),
        ),
    ],
    "it confirmed, and the return was declined": [
        file(),
        file(outcome="NATIONAL", state=State.NOT_RETURNED, withdraws_at="2026-12-01T10:00:00+00:00"),
    ],
    "what it was asked by was set right here alone": [file(findings=(CORRECTED,))],
    "it was told what is right, and has not answered since": [file(notices=(told("2026-12-01"),))],
    "it was told what is right, and looks again": [
        file(),
        file(state=State.CONTESTED, notices=(told("2026-12-01"),)),
    ],
    "two answers of a day differ": [file(), file(outcome="NATIONAL")],
    "two answers about residence differ": [
        file(outcome="NO_PR_AT_DATE"),
        file(outcome="PR_AT_DATE", reply=reply("PR_AT_DATE", as_of="2019-01-01")),
    ],
}


@for_each("name", DUE)
def test_no_state_takes_the_person_for_its_own(name: str) -> None:
    """Each State that is named or asked denies or found no entry, in whichever file: the person is to be referred."""
    assert is_due(DUE[name])
    assert is_due(DUE[name][::-1])


@for_each("name", NOT_DUE)
def test_what_is_no_negative_answer_refers_nobody(name: str) -> None:
    """Silence, a refusal and whatever is not known are none, beside however many that are."""
    assert not is_due(NOT_DUE[name])
    assert not is_due(NOT_DUE[name][::-1])


def test_a_question_that_was_given_up_gives_nobody_a_task() -> None:
    """A denial counts while its question does: of one that is being withdrawn the desk is told nothing."""
    assert is_negative(file())
    assert not is_negative(file(withdraws_at="2026-12-01T10:00:00+00:00"))
