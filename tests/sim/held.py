"""
What a rule holds in the outbox of a case, and rightly: nothing that must be heard stands behind it.
"""

from datetime import datetime

from gateway.core.case import Case, Side, State
from gateway.core.facts import When, about
from gateway.core.machine import PARTNER
from gateway.core.messages import (
    ACCEPTANCE,
    AFTER_WITHDRAWAL,
    DOCUMENT,
    DOCUMENT_REQUEST,
    HANDOVER,
    ONWARD_ANSWER,
    PROPOSAL,
    RECTIFICATION,
    REISSUE,
    RESUMPTION,
    SCHEDULE,
    SUSPENSION,
    TAKE_BACK,
)
from gateway.core.return_guards import outdated
from gateway.core.rules import findings
from gateway.services import cases, threads
from gateway.services.around import look
from gateway.services.cases import Held
from gateway.services.context import Context
from gateway.services.leaving import OF_A_RETURN, OF_AN_ANSWER, OF_DATA
from gateway.services.person_stop import BECAUSE
from gateway.services.ports import Tx
from gateway.services.rows import OutboundRow
from tests.sim.world import Host

FURTHER = frozenset({PROPOSAL, ACCEPTANCE, DOCUMENT_REQUEST, DOCUMENT, REISSUE, SCHEDULE})
"""Types that take a return further."""

ENDED = "ended while stopped"
"""Why nothing of a return leaves that either State had stopped as the one that asks withdrew."""

BY = frozenset({"R-04", "R-06", "R-10", ENDED})
"""What may hold one for good: the reply is taken back, the person is a minor since, nothing is signed, it is over."""

BY_A_REMARK = frozenset({"REM-5"})
"""What may hold a rectification that brings a value for good: a remark told of a need for protection since."""

BY_ANOTHER_CASE = frozenset({"R-01"})
"""What may hold it for good too, of who has left, as a finding says, or once the case is closed: another is stopped."""

BY_ITS_END = frozenset({ENDED})
"""What may hold an answer, or a word about data, for good: its own desk had stopped what is over."""

BY_ITS_STOP = BY_ITS_END | {"R-02"}
"""
What may hold a yes to passing data on for good: its own desk had stopped what is closed, and lets go no more; and an
answer, or a question about data, that had no receipt as the other State withdrew what people here had stopped: nothing
that takes data back stands behind it.
"""

HEARD = frozenset({PROPOSAL, ACCEPTANCE, SCHEDULE, SUSPENSION, TAKE_BACK})
"""Types that must be heard, whatever stands before them, unless a rule holds them too."""


async def held_from(host: Host, ref: str) -> tuple[int, int] | None:
    """
    Return epoch and number of the first message of a case that a rule holds until people go on, ``None`` if none is.

    What stands behind it waits with it. None is held so where something waits behind it that has to be heard.
    """
    gateway, now = host.gateway, host.clock.now()
    if gateway is None:
        return None
    context = gateway.context

    async def held(tx: Tx) -> tuple[int, int] | None:
        case = cases.readable(context, await tx.find_case(ref))
        if case is None:
            return None
        rows = await _waiting(tx, ref)
        for place, one in enumerate(rows):
            by = _by(case.case, one.type)
            if by and await _against(context, tx, case, one, now) & by:
                free = await _free(context, tx, case, rows[place + 1 :], now)
                return None if free else _place(one)
        return None

    found: tuple[int, int] | None = await gateway.store.read(held)
    return found


async def has_to_be_heard(host: Host, ref: str) -> bool:
    """Return whether something waits in a case that has to be heard, and that no rule holds."""
    gateway, now = host.gateway, host.clock.now()
    if gateway is None:
        return False
    context = gateway.context

    async def waits(tx: Tx) -> bool:
        case = cases.readable(context, await tx.find_case(ref))
        return case is not None and await _free(context, tx, case, await _waiting(tx, ref), now)

    found: bool = await gateway.store.read(waits)
    return found


async def _waiting(tx: Tx, ref: str) -> list[OutboundRow]:
    """Return what of a case waits, in the order of its numbers."""
    return sorted((one for one in await tx.outbound_of_case(ref) if one.state in ("queued", "posted")), key=_place)


async def _free(context: Context, tx: Tx, held: Held, rows: list[OutboundRow], now: datetime) -> bool:
    """Return whether one of ``rows`` has to be heard, and no rule holds it."""
    heard = HEARD | (AFTER_WITHDRAWAL if held.case.side == Side.REQUESTED else frozenset())
    for row in rows:
        if row.type in heard and not await _against(context, tx, held, row, now):
            return True
    return False


def _by(case: Case, type: str) -> frozenset[str]:
    """Return what may hold a message of ``type`` of ``case`` for good."""
    by_another = BY_ANOTHER_CASE if BECAUSE in case.findings else frozenset()
    if type == RECTIFICATION:
        return BY_A_REMARK | (BY_ANOTHER_CASE if case.state is State.CLOSED else by_another)
    if type == ONWARD_ANSWER:
        return BY_ITS_STOP | by_another
    if type in OF_AN_ANSWER | OF_DATA:
        over = (case.side, case.state) == (Side.REQUESTED, State.WITHDRAWN)
        closed = type in OF_DATA and case.state is State.CLOSED
        return BY_ITS_STOP if over else BY_ITS_END | (BY_ANOTHER_CASE if closed else frozenset())
    if type in (HANDOVER, SUSPENSION, RESUMPTION):
        return by_another
    return BY | by_another if type in FURTHER else frozenset()


def _place(row: OutboundRow) -> tuple[int, int]:
    return row.epoch, row.seq or 0


async def _against(context: Context, tx: Tx, held: Held, row: OutboundRow, now: datetime) -> set[str]:
    """Return what stands against a message now: the rules, or how its return ended."""
    case, body = held.case, threads.said(context, held, row) or {}
    ours = not case.holders or any(role != PARTNER for _, role in case.holders)
    stays = row.type in OF_A_RETURN or (ours and row.type in OF_AN_ANSWER | OF_DATA)
    if stays and await _ended_while_stopped(tx, case):
        return {ENDED}
    abroad = row.posted_at is not None and row.answer is None
    facts = about(case, now, row.type, body, around=await look(context, tx, case, now), abroad=abroad)
    waited = row.type == SCHEDULE and row.posted_at is None and body.get("status") == "planned"
    found = findings(When.SEND if waited else When.RETRY, facts)
    if row.posted_at is None:
        found = (*found, *outdated(case, row.type, body, now))
    return {one.rule for one in found}


async def _ended_while_stopped(tx: Tx, case: Case) -> bool:
    """
    Return whether a case stood still here as the other State withdrew, and nobody has to be called back.

    Also where whoever had stopped it has let go, and nobody of the desk had taken it on by then.
    """
    if case.side is Side.REQUESTING or not (case.holders or case.resume_to) or TAKE_BACK in case.said:
        return False
    withdrawn = (await threads.thread_of(tx, case)).ended == "withdrawn"
    return withdrawn and case.state in (State.WITHDRAWN, State.CLOSED)
