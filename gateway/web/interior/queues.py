"""
The queues: lists of cases by what is to be done, without a name in them.

Rule 1: a queue is data. Where the states do not say whether a case waits for a role, the case does (``second``).
Rule 2: the address holds the whole state of the page. What is in it and means nothing is left out, never guessed at.
Rule 3: a page costs the page. Every list is read along one index and continued after its last row, and a count stops
at the most that is shown. What has no due date follows by its reference, which begins with the time: the oldest first.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Final

from aiohttp import web

from gateway.core.case import HELD, Side, State
from gateway.core.escalation import MAY_ALLOW
from gateway.core.returns import RETURN_STATES
from gateway.core.verification import ATTESTS, CLERK, IN_CHARGE, LIAISON, OFFICER
from gateway.services import directory, second
from gateway.services.acts import LISTS, VERBS
from gateway.services.context import NotFound
from gateway.services.inquire import BoardRow, Place, Wanted
from gateway.web import words
from gateway.web.interior.case_view import late
from gateway.web.interior.step_texts import TEXTS
from gateway.web.language import N_
from gateway.web.lateness import Lateness, due_soon_at
from gateway.web.visit import Route, Visit

PAGE: Final = 50
COUNT_MOST: Final = 100
"""A card says 99+ for more: nobody works off a queue by its exact number, and counting it would cost its length."""

S = State
_OPEN = tuple(state.value for state in State if state not in (S.CLOSED, S.BLOCKED, S.ERASED))
INTERIOR = LISTS - {"foreign_affairs"}
SEES: Final = INTERIOR | IN_CHARGE | ATTESTS
"""
Roles that have a queue here.

Who is in charge of adults, and who attests protection, sees no other case in one than those that wait for it.
"""


def _names(*states: State) -> tuple[str, ...]:
    return tuple(state.value for state in states)


@dataclass(frozen=True, slots=True)
class Queue:
    """
    One queue: name, title and what to do with its cases (English), who sees it, and what it holds.

    ``time`` is ``overdue``, ``soon`` or empty. ``unassigned`` holds cases whose officer is nobody in office. One with
    ``words`` holds the cases in which one of these steps is due by what stands in the case itself (``second``); of
    ``others`` alone, it leaves out what whoever looks did the first part of. One that ``signs`` holds those that wait
    for the signature of an authority in charge, which have a page of their own. One that is ``own`` holds what whoever
    looks has stopped and holds still.
    """

    name: str
    title: str
    about: str
    roles: frozenset[str]
    holds: Sequence[Wanted]
    time: str = ""
    unassigned: bool = False
    words: Sequence[str] = ()
    others: bool = False
    signs: bool = False
    own: bool = False


_KINDS: Mapping[str, str] = {
    **dict.fromkeys((S.FROZEN, S.SUSPENDED, S.RECALL, S.UNDELIVERED), "late"),
    **dict.fromkeys((S.NOT_ACCEPTED, S.NEEDS_TIER2, S.NEEDS_INTERVIEW), "soon"),
    **dict.fromkeys((S.REPLIED, S.RECEIVED), "new"),
}
"""Kinds of the tags of states; the words say all, the colour repeats it."""


def _ours(*states: State) -> tuple[Wanted, ...]:
    return (Wanted(Side.REQUESTING, _names(*states)),)


def _theirs(*states: State) -> tuple[Wanted, ...]:
    return (Wanted(Side.REQUESTED, _names(*states)),)


def _giving(verbs: Sequence[str]) -> frozenset[str]:
    return frozenset(role for verb in verbs for role in VERBS[verb].anybody()) & INTERIOR


_APPROVALS: Final = ("approval",)
_OTHER_WORDS: Final = tuple(verb for verb in second.SECOND if verb not in _APPROVALS)
"""What a second person says, in two lists: each case stands in the one of its word."""


QUEUES: Mapping[str, Queue] = {
    queue.name: queue
    for queue in (
        Queue(
            "drafts",
            N_("Drafts"),
            N_("Requests that are being written or wait for approval."),
            OFFICER,
            _ours(S.DRAFT),
        ),
        Queue(
            "to-approve",
            N_("To approve"),
            N_("What others prepared: check what will leave, and approve it. Nobody approves what they wrote."),
            LIAISON,
            (),
            words=_APPROVALS,
            others=True,
        ),
        Queue(
            "second",
            N_("Waiting for a second person"),
            N_(
                "Here one person has said or prepared something, and it counts only once another one has looked at it "
                "and says so too. Nobody is both."
            ),
            _giving(_OTHER_WORDS) | (MAY_ALLOW & INTERIOR),
            (),
            words=(*_OTHER_WORDS, second.PRESSING),
        ),
        Queue("to-send", N_("To send"), N_("Approved by a second person, not sent yet."), OFFICER, _ours(S.CLEARED)),
        Queue(
            "waiting",
            N_("Sent and waiting"),
            N_(
                "Our request, or our proposal of a return, is on its way or with the other State. "
                "Its answer is awaited."
            ),
            OFFICER,
            _ours(S.SENT, S.DELIVERED, S.ACKNOWLEDGED, S.EXTENDED, S.REDIRECTED, S.CONTESTED, S.PROPOSED),
        ),
        Queue("answers", N_("Answers to read"), N_("The other State has answered."), OFFICER, _ours(S.REPLIED)),
        Queue(
            "asked-of-us",
            N_("Questions asked of us"),
            N_("The other State asks for more, or proposes an interview."),
            OFFICER,
            _ours(S.NEEDS_TIER2, S.NEEDS_INTERVIEW),
        ),
        Queue(
            "not-taken",
            N_("Not taken or not delivered"),
            N_("Our message did not get through as it is. Mend it, say it by another way, or end the case."),
            OFFICER | CLERK,
            (*_ours(S.NOT_ACCEPTED, S.UNDELIVERED), *_theirs(S.UNDELIVERED)),
        ),
        Queue(
            "received",
            N_("New requests from other States"),
            N_("Acknowledge each: that tells the other State that somebody is in charge."),
            CLERK,
            _theirs(S.RECEIVED, S.REDIRECTED),
        ),
        Queue(
            "to-answer",
            N_("To answer"),
            N_("Requests of other States that we work on, and returns that they propose."),
            CLERK,
            _theirs(S.ACKNOWLEDGED, S.EXTENDED, S.CONTESTED, S.NEEDS_TIER2, S.NEEDS_INTERVIEW, S.PROPOSED),
        ),
        Queue(
            "about-data",
            N_("Asked about data"),
            N_(
                "The other State asks what became of data, or demands that it is set right or destroyed, also in cases "
                "that are closed. Each waits for an answer of ours."
            ),
            _giving(second.ABOUT_DATA),
            (),
            words=second.ABOUT_DATA,
        ),
        Queue(
            "returns",
            N_("Returns"),
            N_("Cases in which a return is considered, planned or followed."),
            LISTS,
            tuple(Wanted(side, _names(*RETURN_STATES)) for side in Side),
        ),
        Queue(
            "sign-offs",
            N_("Returns that wait for a signature"),
            N_("Without your authority they do not go on. Nobody can sign in its place."),
            IN_CHARGE,
            (),
            signs=True,
        ),
        Queue(
            "overdue",
            N_("Overdue"),
            N_("What somebody owes and is past its day. Silence is no answer."),
            LISTS,
            (Wanted(),),
            "overdue",
        ),
        Queue("due-soon", N_("Due soon"), N_("Due within three working days."), LISTS, (Wanted(),), "soon"),
        Queue(
            "held",
            N_("Frozen or suspended"),
            N_("Nothing leaves from these cases until those who stopped them let go."),
            LISTS,
            tuple(Wanted(side, _names(S.FROZEN, S.SUSPENDED)) for side in Side),
        ),
        Queue(
            "own-stops",
            N_("Cases that you stopped"),
            N_("These go on only once you let go of them, and others have decided that they may."),
            ATTESTS,
            tuple(Wanted(side, _names(S.FROZEN, S.SUSPENDED, S.RECALL)) for side in Side),
            own=True,
        ),
        Queue(
            "unassigned",
            N_("Without an officer"),
            N_("Nobody in office is in charge of these. An officer who acknowledges or amends one takes it."),
            LISTS,
            (Wanted(),),
            "",
            True,
        ),
        Queue("open", N_("All open cases"), N_("Every case that is not closed."), LISTS, (Wanted(),)),
    )
}


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a queue as it is shown; ``is_own_stop`` where whoever looks stopped the case and holds it still."""

    ref: str
    path: str
    partner: str
    side: str
    opened_on: date
    state: str
    kind: str
    officer: str
    role: str
    stands_in: str
    late: Lateness
    notice_due: bool
    is_own_stop: bool


async def held(visit: Visit, queue: Queue) -> list[Wanted]:
    """Return what ``queue`` holds now."""
    context, now = visit.site.desk.context, visit.now
    if queue.unassigned:
        officers = await visit.site.desk.inquiries.officers()
        gone = tuple(one for one in officers if one is None or directory.in_charge(context, one, now) is None)
        return [Wanted(officers=gone)] if gone else []
    if queue.time == "overdue":
        return [replace(one, due_before=now) for one in queue.holds]
    if queue.time == "soon":
        calendar = context.reckoner.calendars.get(context.country)
        return [replace(one, due_from=now, due_before=due_soon_at(now, calendar)) for one in queue.holds]
    return list(queue.holds)


async def count(visit: Visit, queue: Queue) -> int:
    """Return how many cases ``queue`` holds, at most ``COUNT_MOST``."""
    if queue.words:
        return len(await _waiting(visit, queue, COUNT_MOST))
    if queue.signs:
        return len(await second.signatures(visit.site.desk, visit.roles & IN_CHARGE, COUNT_MOST))
    if queue.own:
        return len(await _rows(visit, queue, queue.holds, None, limit=COUNT_MOST))
    total = 0
    for one in await held(visit, queue):
        total += await visit.site.desk.inquiries.count(one, COUNT_MOST - total)
        if total >= COUNT_MOST:
            break
    return total


def shown(found: int) -> str:
    """Return a figure as a card says it, when it is made and when it is kept fresh: exact up to 99."""
    return f"{COUNT_MOST - 1}+" if found >= COUNT_MOST else str(found)


def line(visit: Visit, row: BoardRow, own: Collection[str] = ()) -> Line:
    """Return a row as it is shown: words instead of codes, and who is in charge today. ``own`` are the own stops."""
    context, tongue = visit.site.desk.context, visit.tongue
    person = context.persons.get(row.officer or "")
    today = directory.in_charge(context, row.officer, visit.now) if row.officer else None
    shown = sorted(person.roles & (OFFICER | CLERK)) if person else []
    return Line(
        ref=row.ref,
        path=f"/cases/{row.ref}",
        partner=tongue.country(row.partner),
        side=words.side(tongue, row.side),
        opened_on=row.opened_at.astimezone(tongue.zone).date(),
        state=words.state(tongue, row.state),
        kind=_KINDS.get(row.state, "still"),
        officer=row.officer or "",
        role=tongue.comma.join(tongue.role(role) for role in shown),
        stands_in=today if today and today != row.officer else "",
        late=late(visit, row),
        notice_due=row.notice_due,
        is_own_stop=row.ref in own,
    )


async def queue_page(visit: Visit) -> web.StreamResponse:
    """Show one queue: narrowed, in one of two orders, a page at a time."""
    queue = find_queue(visit, visit.request.match_info["name"])
    if queue.signs:
        return await visit.to(visit.path("sign-offs"))
    if queue.words:
        return await _words_page(visit, queue)
    latest = visit.query("order") == "latest"
    chosen = _chosen(visit)
    wanted = _narrowed(await held(visit, queue), chosen)
    rows = await _rows(visit, queue, wanted, _place(visit.query("after")), latest=latest, limit=PAGE + 1)
    more = len(rows) > PAGE
    rows = rows[:PAGE]
    own = await _stopped_here(visit, [row for row in rows if row.state in HELD])
    return visit.page(
        "interior/queue.html",
        queue=queue,
        lines=[line(visit, row, own) for row in rows],
        chosen=chosen,
        partners=[(code, visit.tongue.country(code)) for code in sorted(visit.site.desk.context.partners)],
        officers=[(id, id) for id in _officers(visit)],
        states=_states(visit, queue),
        sides=[(side.value, words.side(visit.tongue, side)) for side in Side],
        narrowed=any(chosen.values()),
        latest=latest,
        other_order=visit.here(order="" if latest else "latest", after=""),
        clear=visit.path("queue", name=queue.name),
        next=visit.here(after=_after(rows[-1])) if more else "",
        first=visit.here(after="") if visit.query("after") else "",
    )


@dataclass(frozen=True, slots=True)
class WordLine:
    """One case in which words are due: its line, and of each word what ``_said`` returns."""

    line: Line
    words: tuple[tuple[str, str, tuple[str, ...], bool], ...]


async def _words_page(visit: Visit, queue: Queue) -> web.StreamResponse:
    """Show the cases in which a word is due, a page at a time."""
    found = await _waiting(visit, queue, PAGE + 1, _place(visit.query("after")))
    rows, more = found[:PAGE], len(found) > PAGE
    return visit.page(
        "interior/words.html",
        queue=queue,
        lines=[WordLine(line(visit, one.row), tuple(_said(visit, word) for word in one.words)) for one in rows],
        next=visit.here(after=_after(rows[-1].row)) if more else "",
        first=visit.here(after="") if visit.query("after") else "",
    )


async def _waiting(visit: Visit, queue: Queue, limit: int, after: Place | None = None) -> Sequence[second.Waiting]:
    """Return the cases in which a word of ``queue`` is due that whoever looks may give, or gave the first part of."""
    who = (visit.person.id, visit.roles)
    return await second.waiting(visit.site.desk, queue.words, *who, limit, after, others=queue.others)


def _said(visit: Visit, word: second.Word) -> tuple[str, str, tuple[str, ...], bool]:
    """Return a word that is due: what it does, of which message, who was first, and whether that is who looks."""
    type = visit.tongue.code("message_type", word.type) if word.type else ""
    title = _PRESSING if word.verb == second.PRESSING else TEXTS[word.verb].title
    return visit.tongue._(title), type, word.first, visit.person.id in word.first


_PRESSING: Final = N_("Let the other State be reminded again")


def find_queue(visit: Visit, name: str) -> Queue:
    """Return the queue ``name`` if whoever asks may see it. Raises ``NotFound``."""
    queue = QUEUES.get(name)
    if queue is None or not queue.roles & visit.roles & SEES:
        raise NotFound("there is no such list for your role")
    return queue


def _chosen(visit: Visit) -> dict[str, str]:
    """Return what the address narrows the list to; what names nothing is left out."""
    partner, side, state = visit.query("partner"), visit.query("side"), visit.query("state")
    return {
        "partner": partner if partner in visit.site.desk.context.partners else "",
        "officer": visit.query("officer") if visit.query("officer") in _officers(visit) else "",
        "side": side if side in tuple(Side) else "",
        "state": state if state in _OPEN else "",
    }


def _officers(visit: Visit) -> list[str]:
    persons = visit.site.desk.context.persons.values()
    return sorted(one.id for one in persons if one.roles & (OFFICER | CLERK))


def _states(visit: Visit, queue: Queue) -> list[tuple[str, str]]:
    """Return the states to choose from: those of the queue, or all open ones."""
    named = tuple(dict.fromkeys(state for one in queue.holds for state in one.states)) or _OPEN
    return [(state, words.state(visit.tongue, state)) for state in named]


def _narrowed(wanted: Sequence[Wanted], chosen: Mapping[str, str]) -> list[Wanted]:
    """Return what is left of ``wanted`` under what was chosen."""
    found = []
    for one in wanted:
        if chosen["side"]:
            if one.side not in (None, chosen["side"]):
                continue
            one = replace(one, side=chosen["side"], states=one.states or _OPEN)
        if chosen["state"]:
            if one.states and chosen["state"] not in one.states:
                continue
            one = replace(one, states=(chosen["state"],))
        if chosen["officer"]:
            if one.officers and chosen["officer"] not in one.officers:
                continue
            one = replace(one, officers=(chosen["officer"],))
        found.append(replace(one, partner=chosen["partner"] or one.partner))
    return found


async def _rows(
    visit: Visit, queue: Queue, wanted: Sequence[Wanted], after: Place | None, *, limit: int, latest: bool = False
) -> list[BoardRow]:
    """Return the next ``limit`` rows; of a queue of ``own`` cases those alone."""
    found: list[BoardRow] = []
    while len(found) < limit:
        rows: list[BoardRow] = []
        for one in wanted:
            rows += await visit.site.desk.inquiries.queue(one, limit=limit, after=after, latest=latest)
        if len(wanted) > 1:
            rows = sorted(rows, key=_order, reverse=latest)[:limit]
        own = await _stopped_here(visit, rows) if queue.own else None
        found += [row for row in rows if own is None or row.ref in own]
        if own is None or len(rows) < limit:
            break
        after = rows[-1].place
    return found[:limit]


async def _stopped_here(visit: Visit, rows: Sequence[BoardRow]) -> frozenset[str]:
    """Return those of ``rows``, by reference, that whoever looks has stopped and holds still."""
    refs = [row.ref for row in rows]
    return await visit.site.desk.hold.stopped_by(refs, visit.person.id, visit.roles) if refs else frozenset()


def _order(row: BoardRow) -> tuple[bool, float, str]:
    return row.due_at is None, row.due_at.timestamp() if row.due_at else 0.0, row.ref


def _after(row: BoardRow) -> str:
    return f"{int(row.due_at.timestamp()) if row.due_at else ''}~{row.ref}"


def _place(text: str) -> Place | None:
    """Return the place that ``text`` names, or ``None`` for what names none: then the list begins anew."""
    due, mark, ref = text.partition("~")
    if not mark or not ref or len(text) > 64 or (due and not (due.isascii() and due.isdigit() and len(due) < 12)):
        return None
    return Place(datetime.fromtimestamp(int(due), UTC) if due else None, ref)


async def count_json(visit: Visit) -> web.StreamResponse:
    """Return the figure of one card in plain text, as the card says it, for the script that keeps it fresh."""
    queue = find_queue(visit, visit.request.match_info["name"])
    return web.Response(text=shown(await count(visit, queue)), content_type="text/plain")


ROUTES = (
    Route("GET", "/queues/{name}", "queue", queue_page, SEES),
    Route("GET", "/queues/{name}/count", "queue-count", count_json, SEES),
)
