"""
Reminders for several cases at once: chosen in the list, confirmed with their effect, sent one by one, reported.

Rule 1: each goes the way of a single reminder, with every rule that stands against one.
Rule 2: none goes twice within the days the policy sets between two, whoever or whatever sent the last.
Rule 3: why a rule holds a case back is its content, and is not told here.
"""

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from aiohttp import web

from gateway.core.case import State
from gateway.core.machine import IllegalStep, RuleRefused
from gateway.core.verification import AWAITED
from gateway.core.verification_guards import REMINDERS_MAX
from gateway.services.board import Band, Watched, cool_down_until
from gateway.services.context import NotFound
from gateway.services.ports import Conflict, Unavailable
from gateway.services.remind import TOO_RECENT
from gateway.web.board.desk import ROLE, ROLES, board_of, line_of
from gateway.web.language import N_
from gateway.web.rules import RULES
from gateway.web.visit import Route, Visit

MOST = 100
"""Cases reminded of at once."""

SENT = "sent"
OUTCOMES: Mapping[str, str] = {
    SENT: N_("The reminder is in the outbox"),
    "early": N_("Not sent: the reply is not late"),
    "cooling": N_("Not sent: the last reminder is too recent"),
    "stopped": N_("Not sent: the case is marked “do not press”"),
    "barred": N_("Not sent: this State is not to be contacted"),
    "step": N_("Not sent: no reminder is foreseen for what is waited for"),
    "full": RULES["D-10"],
    "gone": N_("Not sent: nothing is waited for in this case any more"),
    "held": N_("Not sent: a rule holds the case back; the desk in charge can say more"),
    "later": N_("Not sent: the gateway could not do it now; try again"),
    "changed": N_("Not sent: the case changed at the same moment; try again"),
}
"""What became of each."""


BEFOREHAND: Mapping[str, str] = {
    "early": N_("A reminder can be sent once the reply is late."),
    "stopped": N_("No reminder is sent: the case is marked “do not press”."),
    "barred": N_("No reminder is sent: this State is not to be contacted."),
    "step": N_("No reminder is foreseen for what is waited for here."),
    "full": RULES["D-10"],
}
"""Why none is offered on the page of one case, by what ``against`` says; of one too recent the page has the day."""


async def chosen(visit: Visit) -> web.StreamResponse:
    """Show what would go and what would not; without a choice, which a session that ended may have lost, the list."""
    refs = list(dict.fromkeys(visit.request.query.getall("ref", [])))
    if not refs:
        return await visit.to(visit.path("replies", problem="again"))
    if len(refs) > MOST:
        return await visit.to(visit.path("replies", problem="many"))
    return _confirm(visit, await _found(visit, refs))


async def remind(visit: Visit) -> web.StreamResponse:
    """
    Lead to the page of what was chosen; with the confirmation, send it and lead to the report.

    That page has an address: whoever goes back to it from the report reads there what became of each case.
    """
    refs = list(dict.fromkeys([*visit.forms.getall("ref", []), *visit.form.get("refs", "").split()]))
    if not refs:
        return await visit.to(visit.path("replies", problem="none"))
    if len(refs) > MOST:
        return await visit.to(visit.path("replies", problem="many"))
    if visit.form.get("confirm") != "yes":
        return await visit.to(f"{visit.path('reminders')}?{urlencode([('ref', ref) for ref in refs])}")
    found = await _found(visit, refs)
    said = []
    for ref, watched in found.items():
        code = against(visit, watched) or await _send(visit, ref)
        said.append((ref, f"{code} {watched.row.partner if watched else ''}"))
    place = visit.path("reminders-report", report=visit.site.desk.context.random.token())
    await visit.site.accounts.papers.keep_draft(visit.person.id, place, said, visit.now)
    return await visit.to(place)


async def _found(visit: Visit, refs: Sequence[str]) -> dict[str, Watched | None]:
    return {ref: await board_of(visit).find(ref, visit.now) for ref in refs}


def _confirm(visit: Visit, found: Mapping[str, Watched | None]) -> web.StreamResponse:
    goes = [line_of(visit, one, {}) for one in found.values() if one and not against(visit, one)]
    stays = [
        (ref, one.row.partner if one else "", _why(visit, one, code))
        for ref, one in found.items()
        if (code := against(visit, one))
    ]
    return visit.page("board/remind.html", goes=goes, stays=stays, days=_rest(visit))


def _rest(visit: Visit) -> int:
    return visit.site.desk.context.policy.reminder_cooldown_days


def _why(visit: Visit, watched: Watched | None, code: str) -> str:
    """Return why no reminder goes; of one that comes too soon, from when it may."""
    until = cool_down_until(watched, _rest(visit)) if watched is not None and code == "cooling" else None
    if until is None:
        return visit.tongue._(OUTCOMES[code])
    text = N_("Not sent: the last reminder is too recent. The next one may go from %(at)s on.")
    return visit.tongue._(text, at=visit.tongue.instant(until))


def against(visit: Visit, watched: Watched | None) -> str:
    """Return what stands against reminding of a case as far as the board can see it; an empty text for nothing."""
    context = visit.site.desk.context
    if watched is None:
        return "gone"
    if State(watched.row.state) not in AWAITED:
        return "step"
    if watched.band not in (Band.LATE, Band.VERY_LATE):
        return "early"
    if watched.stopped:
        return "stopped"
    if context.no_contact(watched.row.partner) is not None:
        return "barred"
    if watched.row.reminders >= REMINDERS_MAX:
        return "full"
    until = cool_down_until(watched, _rest(visit))
    return "cooling" if until is not None and visit.now < until else ""


async def _send(visit: Visit, ref: str) -> str:
    """Remind of one case and return what became of it; one that cannot be done keeps no other from it."""
    try:
        await visit.site.desk.reminder.remind(ref, visit.person.id, ROLE, rested=True)
    except NotFound:
        return "gone"
    except IllegalStep:
        return "held"
    except RuleRefused as error:
        return "cooling" if [one.rule for one in error.findings] == [TOO_RECENT] else "held"
    except Conflict:
        return "changed"
    except Unavailable:
        return "later"
    return SENT


async def report(visit: Visit) -> web.StreamResponse:
    """Show which reminders went, which did not, and why; kept for a day for whoever sent them."""
    if not visit.draft:
        raise NotFound("there is no such report any more")
    await visit.site.accounts.papers.keep_draft(
        visit.person.id, visit.request.path, list(visit.draft.items()), visit.now
    )
    rows: Sequence[tuple[str, str, str]] = [(ref, *_parts(said)) for ref, said in visit.draft.items()]
    visit.draft = {}  # nothing that anybody typed
    texts = [(ref, partner, visit.tongue._(OUTCOMES[code]), code == SENT) for ref, code, partner in rows]
    return visit.page("board/reminded.html", rows=texts, sent=sum(sent for *_, sent in texts))


def _parts(said: str) -> tuple[str, str]:
    code, _, partner = said.partition(" ")
    return code, partner


ROUTES = (
    Route("GET", "/reminders", "reminders-chosen", chosen, ROLES),
    Route("POST", "/reminders", "reminders", remind, ROLES),
    Route("GET", "/reminders/{report}", "reminders-report", report, ROLES),
)
