"""
What a restore, a stop or the end of its time excuses of a message, and where people were told of what was lost.
"""

from datetime import datetime

from gateway.core.case import Case
from gateway.core.messages import RESYNC, SUSPENSION
from gateway.services.answers import GOES_BY_IT, SAYS_OTHERWISE
from gateway.services.heard import LOST_NUMBER
from gateway.services.resync import DROPPED, LOST, PASSED_OVER
from gateway.services.rows import CaseRow
from gateway.services.undelivered import NOT_BACK
from tests.sim.books import Books, Sent
from tests.sim.draining import NOTICED_S

STILL = frozenset({"FROZEN", "SUSPENDED", "WITHDRAWN", "BLOCKED", "ERASED"})
"""States in which nothing that was answered leaves again."""


def noticed_at(own: Books, partner: str) -> float:
    """Return since when the card of ``partner`` has named its epoch here, in seconds since 1970."""
    ((known,),) = own.host.look("SELECT value FROM meta WHERE name = ?", f"epochs:{partner}")
    return datetime.fromisoformat(known.rsplit(" ", 1)[-1]).timestamp()


def was_over(sent: Sent, their: Books) -> bool:
    """
    Return whether a message had run out as its recipient was put back, so that it is taken no more (M-5.28).

    It is posted for its number alone, once its sender says more in that case.
    """
    return their.put_back_at is not None and sent.expires_at <= their.put_back_at.timestamp() + NOTICED_S


def was_noticed_late(own: Books, sent: Sent) -> bool:
    """Return whether a message had run out as its sender heard that its recipient was put back (M-5.28)."""
    return sent.expires_at <= noticed_at(own, sent.partner)


def is_still(own: Books, sent: Sent) -> bool:
    """
    Return whether a message is not posted again to a restored State because its case stands still, or is over.

    One that went on later is posted again then. Nor is a listing, which is made anew. Over is a return, too, that was
    declined: the withdrawal that follows closes each number before it, whoever waits for one (M-5.22).
    """
    row = own.cases.get(sent.ref or "", (None, None))[0]
    over = any(ref == sent.ref and event in ("withdraw", "withdrawal", "decline") for ref, event, _, _ in own.events)
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


def passed_over(own: Books, sent: Sent) -> bool:
    """Return whether a rule, or the line, kept a message of a case from a restored State, and a finding says so."""
    case = own.cases.get(sent.ref or "", (None, None))[1]
    return case is not None and bool({PASSED_OVER, NOT_BACK} & {*case.findings})


def state(case: Case | None) -> str:
    """Return where a case stands; one that is stopped, where it would go on."""
    if case is None:
        return ""
    return str((case.resume_to if case.state in ("FROZEN", "SUSPENDED") and case.resume_to else case.state).value)


def is_explained(*sides: Case | None) -> bool:
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
