"""
What must hold of clocks: both sides of a case reckon the same days, or a finding says otherwise.
"""

from gateway.core.case import Case
from gateway.core.clocks import Clock
from gateway.services.judge import CAME_BEFORE
from gateway.services.reckon import RECKONS_OTHERWISE
from tests.sim.books import Books
from tests.sim.forgiven import STILL, is_explained, state
from tests.sim.world import World

OVER = frozenset({"WITHDRAWN", "CLOSED"})
"""States in which nothing is due any more."""


def same_days(world: World, own: Books, their: Books, case: Case, twin: Case, told: str) -> None:
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


def told_of_days(world: World, case: Case, twin: Case, told: str, *, either: bool = False) -> None:
    """
    Where a restore made two States reckon from different days, a finding on each side says so.

    Where a clock was wrong by days a finding on ``either`` does: whoever went by it cannot know. None is owed where it
    began on another day and nothing is due on another, as over a weekend (M-5.14).
    """
    for clock, other in _apart(case, twin):
        if either and _days(clock)[1:] == _days(other)[1:]:
            continue
        if either and any("reckon" in finding for one in (case, twin) for finding in one.findings):
            continue
        if clock.extended != other.extended and is_explained(case, twin):
            continue  # whoever was restored has lost the extension, and knows that something was lost
        for one in (case, twin):
            # The receipt that tells who stands still may be lost: the message is posted again once the case goes on.
            if one.state not in STILL and not any("reckon" in finding for finding in one.findings):
                days = f"{clock.step} is due {clock.due_on} here and {other.due_on} there"
                world.fail("same days", f"{told}; {days}, and the {one.side} side does not say so")


def _apart(case: Case, twin: Case) -> list[tuple[Clock, Clock]]:
    """Return the clocks that one message started on both sides and that do not run alike."""
    if state(case) in OVER or state(case) != state(twin):
        return []  # what comes once it is over is not kept, and nothing is due any more
    theirs = {(clock.step, clock.evidence): clock for clock in twin.clocks}
    pairs = [(clock, theirs.get((clock.step, clock.evidence))) for clock in case.clocks]
    return [(clock, other) for clock, other in pairs if other is not None and _days(clock) != _days(other)]


def _days(clock: Clock) -> tuple[object, ...]:
    return clock.start_on, clock.due_on, clock.due_at, clock.extended
