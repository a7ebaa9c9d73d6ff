"""
What must hold once a run has drained, whatever happened in it. ``docs/simulation.md`` lists the invariants by name.

A restore from a backup is the one thing that may take back what was promised, and only what came after the backup. So
each check says for itself what it forgives a State that was restored, and to nobody else it forgives anything.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gateway.core.case import Case
from gateway.core.messages import ACCEPTANCE, POSITIVE_OUTCOMES, PROPOSAL
from gateway.core.return_guards import UNTOLD
from gateway.core.verification import UNANSWERED_BY
from gateway.services.heard import LOST_NUMBER
from gateway.services.rows import CaseRow
from tests.sim.agreed import agreed, heard, held, kept_from_going, set_right
from tests.sim.books import Books, read_books
from tests.sim.delivered import applied_once, delivered, ended_for_a_reason, kept_what_was_done, numbers
from tests.sim.logged import convicted, logged, receipts, remembered, trees
from tests.sim.obeyed import accounts, obeyed
from tests.sim.proved import proved
from tests.sim.signed import released, signed

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
                delivered(world, own, their)
                logged(world, own, their)
        ended_for_a_reason(world, own)
        trees(world, own)
        receipts(world, own, books)
        applied_once(world, own)
        kept_what_was_done(scenario, own)
        convicted(world, own, books)
        signed(world, own, scenario)
        released(world, own, books, scenario)
    remembered(world, books)
    numbers(world, books)
    agreed(world, books)
    heard(world, books)
    kept_from_going(world, books)
    set_right(world, books)
    for own in books.values():
        held(world, own)
        obeyed(world, own)
    await accounts(world, books)
    await proved(world, books)


async def check_heard(scenario: "Scenario") -> None:
    """Check in the middle of a run that whoever was restored holds to what was stopped, before any desk goes on."""
    if books := await _all_books(scenario):
        heard(scenario.world, books)
        kept_from_going(scenario.world, books)


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
        trees(world, own)
        receipts(world, own, books)
        convicted(world, own, books)
        for ref, at, event, role in own.host.look(_SINCE, since[own.country]):
            # What was said against a message that waited goes off the case in the step with which that one ends.
            ended = event == "go_on" and "undelivered" in own.at_once[ref, at]
            if not (event in SILENT or ended) or role not in ("gateway", "partner"):
                world.fail("silence moves nothing", f"{own.country}: {event} by {role}, while nobody was there")
        for row, case in own.cases.values():
            if case is not None and _left_to_people(own, row, case):
                continue
            # A reminder that nobody fetched may have ended it a day ago.
            ended_at = row.closed_at or datetime.fromtimestamp(own.host.look(_ENDED, row.ref, row.state)[0][0], UTC)
            if row.state in ENDS and (own.host.clock.now() - ended_at).days >= ERASED_AFTER_DAYS:
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
"""The policy's 540 days after a case was closed, or came to its end, and two in which the timers come round."""


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


_ENDED = "SELECT coalesce(max(at), 0) FROM case_event WHERE ref = ? AND target = ? AND source <> target"


_LEFT = """
SELECT 1 FROM outbound JOIN outbound_body USING (n) WHERE ref = ? AND (envelope IS NOT NULL OR sealed IS NOT NULL)
UNION ALL SELECT 1 FROM inbound WHERE ref = ? AND sealed IS NOT NULL
"""
