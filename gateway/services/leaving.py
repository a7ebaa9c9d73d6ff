"""
Whether a message may leave now, looked at again before every attempt, and in which envelope.

Nothing of a frozen case is posted but its withdrawal (R-01, R-02). Where word of a stop, of a departure or that a
journey is off may leave, it takes what stands before it in its thread along, for no other number is taken before that;
so does what takes data back where we are asked, and of a return another proposal or the answer to it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gateway.core import envelope, wire
from gateway.core.case import HELD, Case, Side, State, replace
from gateway.core.escalation import Pressed, is_stopped
from gateway.core.facts import Facts, Finding, When, about
from gateway.core.machine import NOT_TOLD, PARTNER, Notify
from gateway.core.messages import (
    ACCEPTANCE,
    ACKNOWLEDGEMENT,
    AFTER_WITHDRAWAL,
    DELAY,
    DIRECTORY,
    DOCUMENT,
    DOCUMENT_REQUEST,
    ELEMENTS,
    HANDOVER,
    INFORMATION_REQUEST,
    INTERVIEW,
    INTERVIEW_ANSWER,
    INTERVIEW_RESULT,
    MONITORING,
    ONWARD_ANSWER,
    ONWARD_REQUEST,
    PROPOSAL,
    QUESTION,
    RECTIFICATION,
    REDIRECT,
    REISSUE,
    REMINDER,
    REPLY,
    REQUEST,
    RESUMPTION,
    RESYNC,
    SCHEDULE,
    SUSPENSION,
    TAKE_BACK,
    USE_ANSWER,
    USE_REQUEST,
    WITHDRAWAL,
    WORD_OF_STOP,
)
from gateway.core.return_guards import CLOCK_LEAPT, outdated
from gateway.core.rule_checks import MINOR_ELSEWHERE
from gateway.core.rules import findings
from gateway.services import cases, no_contact, outbox, standing, threads
from gateway.services.around import look
from gateway.services.audience import of_no_person
from gateway.services.context import Context
from gateway.services.person_stop import AGAINST, without_waiting
from gateway.services.ports import Tx
from gateway.services.rows import CaseRow, OutboundRow
from keys import b64, jws
from keys.errors import BadRest

UNASKED = frozenset({INFORMATION_REQUEST, DIRECTORY, RESYNC})
"""
Types of no case that a State not to be contacted does not get: what we ask of it, who asks, and, whatever it announces
of itself, where its threads stand here (N-01).
"""

OF_HER = frozenset({REQUEST, ELEMENTS, INTERVIEW_ANSWER, PROPOSAL, DOCUMENT_REQUEST})
"""Types that ask about somebody, or take a return further, as the minor or the adult that the file has."""

OF_A_RETURN = frozenset({PROPOSAL, ACCEPTANCE, DOCUMENT_REQUEST, DOCUMENT, REISSUE, SCHEDULE, HANDOVER, MONITORING})
"""Types of a return whose body says which rules stand before them."""

OF_AN_ANSWER = frozenset({ACKNOWLEDGEMENT, DELAY, QUESTION, INTERVIEW, INTERVIEW_RESULT, REDIRECT, REPLY})
"""Types by which a State answers what it was asked."""

OF_DATA = frozenset({USE_REQUEST, USE_ANSWER, ONWARD_REQUEST, ONWARD_ANSWER})
"""Types that ask about data that was sent, or answer; none tells of the person, or goes on with the case."""

_MAKES_VOID = frozenset({PROPOSAL, ACCEPTANCE})
"""Types that leave nothing of what was said of an earlier return: another proposal, and the answer to it."""

_JUDGED = AFTER_WITHDRAWAL | OF_A_RETURN | {INTERVIEW_ANSWER, ONWARD_ANSWER}
"""Types whose body decides on whether they leave: one that declines an interview is not held as one that accepts it."""

STOPPED = frozenset({State.FROZEN, State.SUSPENDED, State.WITHDRAWN, State.BLOCKED, State.ERASED})
"""States of a case that nothing leaves, but for what ``_passes``."""

OVER = frozenset({State.WITHDRAWN, State.BLOCKED})
"""States that are over and not stopped: what may follow a withdrawal still leaves, and more (``still_says``)."""


def still_says(state: State, type: str) -> bool:
    """Return whether a message of ``type`` leaves a case that is over: of a locked one what outlives that, too."""
    return type in (threads.OUTLIVES_ITS_CASE if state is State.BLOCKED else AFTER_WITHDRAWAL) and state in OVER


def _passes(row: CaseRow, message: OutboundRow) -> bool:
    """
    Return whether ``message`` leaves a case that is stopped: what may follow a withdrawal, and word of the stop.

    What the asked State had posted before the other one withdrew does too: its number has to be used (M-5.6).
    """
    type = message.type
    if row.state in OVER:
        return still_says(State(row.state), type) or (row.side == Side.REQUESTED and message.posted_at is not None)
    # That a return is stopped must reach the other side. A frozen case of the asking side says nothing at all.
    told = row.state == State.SUSPENDED or (row.state == State.FROZEN and row.side == Side.REQUESTED)
    return told and type in (SUSPENSION, RESUMPTION)


def brings_too_late(case: Case, row: OutboundRow) -> bool:
    """Return whether a right value was heard before our withdrawal: it leaves no more, but that another was wrong."""
    return row.type == RECTIFICATION and case.withdraws_at is not None and case.state in OVER | {State.CLOSED}


def was_never_told(case: Case, row: OutboundRow) -> bool:
    """Return whether a right value was refused before who asks set the case aside: nobody is told it now (R-02)."""
    aside = case.side is Side.REQUESTING and case.state is State.CLOSED and bool(_staying(case))
    return aside and row.type == RECTIFICATION and row.status == wire.REFUSED


def _staying(case: Case) -> frozenset[str]:
    """
    Return the types of which nothing leaves any more, because the case was over while it was stopped (R-02).

    Whoever stopped it may have let go since. Word of a recall leaves, and what stands before it. An answer stays where
    the stop is ours: one that the other State waits for is owed, whatever that State stops.
    """
    over = case.state in (State.CLOSED, State.BLOCKED) or (case.side, case.state) == (Side.REQUESTED, State.WITHDRAWN)
    if not over or TAKE_BACK in case.said or not (case.holders or case.resume_to):
        return frozenset()
    ours = not case.holders or any(role != PARTNER for _, role in case.holders)
    return OF_A_RETURN | OF_AN_ANSWER if ours else OF_A_RETURN


async def _stays(tx: Tx, case: Case, type: str) -> bool:
    """
    Return whether a message of ``type`` leaves no more, because the case was over while it was stopped (R-02).

    What was done with data is owed once it is closed, as is a no to passing it on: nobody of a desk lets go of it then.
    After a withdrawal of the other State nothing of that is (M-5.23): what leaves then was said before our stop.
    """
    staying = _staying(case)
    if type in OF_DATA and staying >= OF_AN_ANSWER:
        return (await threads.thread_of(tx, case)).ended == "withdrawn"
    return type in staying


async def stays(tx: Tx, held: cases.Held, row: OutboundRow) -> bool:
    """Return whether ``row`` does not leave because its case is stopped, or was closed so (R-01, R-02)."""
    if held.row.state in STOPPED and not _passes(held.row, row):
        return True
    if (row.type == RESUMPTION and row.posted_at is None and _is_stopped_anew(held.case)) or _is_past(held.case, row):
        return True
    return await _stays(tx, held.case, row.type)


def _is_stopped_anew(case: Case) -> bool:
    """
    Return whether somebody of ours holds a case of which word that it goes on has not left.

    The other State was told of the first stop alone, and what it believes is so: the return stands still (R-02).
    """
    return case.state is State.SUSPENDED and any(role != PARTNER for _, role in case.holders)


def _is_past(case: Case, row: OutboundRow) -> bool:
    """
    Return whether ``row`` was heard of a stop that is over, in a case that stands still by one which nobody was told.

    To a State that forgot it no word of that is due, and with it what stands before it would leave (R-02).
    """
    ours = not case.holders or any(role != PARTNER for _, role in case.holders)
    heard = row.answer is not None and row.type in WORD_OF_STOP
    return heard and ours and case.state in HELD and SUSPENSION not in case.said


def _is_a_plan_that_waited(row: OutboundRow, body: Mapping[str, Any]) -> bool:
    """
    Return whether ``row`` is the plan of a journey that was never posted.

    Days may lie between the step that made it and its leaving, and all that would stand before that step now stands
    before it: who turned out to be a child meanwhile does not travel as an adult (R-06). Once it may be abroad it is
    no longer held so, because what sets it right waits behind it.
    """
    return row.type == SCHEDULE and row.posted_at is None and body.get("status") == "planned"


def _leaves_first(row: OutboundRow) -> bool:
    """
    Return whether ``row`` leaves for the first time, and waited for the hour of a withdrawal, as far as its type tells.

    The keys in use as it was made would tell when that was: a State may list another sealing key each minute (M-5.26).
    """
    return row.posted_at is None and row.type in {WITHDRAWAL, *AFTER_WITHDRAWAL}


def _as_an_adult(facts: Facts) -> tuple[Finding, ...]:
    """
    Return why what was never posted does not go as that of an adult: another case has her as a minor meanwhile (R-06).

    Once it may be abroad it is no longer held so: what sets it right waits behind it.
    """
    return tuple(one for one in findings(When.SEND, facts) if one.because.startswith(MINOR_ELSEWHERE))


class Leaving:
    """The rules of an attempt, of one gateway."""

    def __init__(self, context: Context) -> None:
        """Judge what stands in the outbox of ``context``."""
        self._context = context

    async def ready(self, tx: Tx, row: OutboundRow, now: datetime) -> OutboundRow | None:
        """Return ``row`` as it may be posted now, or ``None`` if a rule objects; no more is written than a finding."""
        if row.ref is not None and row.type != WITHDRAWAL and not await self._may_leave(tx, row, now):
            stop = await self._stop_behind(tx, row)
            if stop is None or not await self._may_leave(tx, stop, now, behind=True):
                await self._tell_what_is_not_heard(tx, row, now)
                return None
        if row.type in UNASKED and await no_contact.barred(self._context, tx, row.partner) is not None:
            self._context.log("message.held", partner=row.partner, rule="N-01")
            return None
        if await self._presses(tx, row, now):
            self._context.log("message.held", partner=row.partner)
            return None
        ready = await self._resealed(tx, await self._signed_anew(tx, row, now), now)
        if ready.posted_at is None and self._is_of_a_barred_suite(ready):
            # What was never abroad does not go there in a suite that the trustees allow no more (M-8.12).
            self._context.log("message.held", partner=row.partner)
            return None
        return ready

    async def _may_leave(self, tx: Tx, row: OutboundRow, now: datetime, *, behind: bool = False) -> bool:
        """
        Look at the rules of a retry again; what they object to stays where it is, unposted.

        The desk is told of what another case, the record or the clock says against it, but for what leaves ``behind``
        another message, and what was answered before its partner's restore: that does not wait.
        """
        case_row = await tx.find_case(row.ref or "")
        if case_row is None or case_row.sealed is None:
            return False
        held = cases.unseal(self._context, case_row)
        case = held.case
        # That a reply is none leaves what the other State alone has stopped: it may have forgotten both.
        if case_row.state in STOPPED and not _passes(case_row, row) and row.type != standing.stop_of(case):
            return False
        if (row.type == RESUMPTION and row.posted_at is None and _is_stopped_anew(case)) or _is_past(case, row):
            return False
        # A stop that was lifted before it left stays in a locked case, and so does what stands behind it.
        if case.state is State.BLOCKED and row.posted_at is None and row.type in threads.STOPS - set(case.said):
            return False
        if await _stays(tx, case, row.type):
            return False
        # What may follow a withdrawal is judged by its body: only what brings nothing new is exempt.
        # A message of a return is judged by what it says: a cancelled plan is not held back, a departure is.
        body = threads.said(self._context, held, row) or {} if row.type in _JUDGED else {}
        too_late = brings_too_late(case, row) or was_never_told(case, row)
        if row.answer is not None and body.get("elements") and too_late:
            return False
        abroad = row.posted_at is not None and row.answer is None
        facts = about(case, now, row.type, body, around=await look(self._context, tx, case, now), abroad=abroad)
        found = findings(When.SEND if _is_a_plan_that_waited(row, body) else When.RETRY, facts)
        if row.posted_at is None and row.type in OF_HER and facts.around.minor_elsewhere:
            found = (*found, *_as_an_adult(facts))
        if row.posted_at is None:
            found = (*found, *outdated(case, row.type, body, now))
        if _is_a_plan_that_waited(row, body) and row.not_before > self._context.surely(now):
            found = (*found, Finding("V-40", CLOCK_LEAPT))  # once it is told it cannot be taken back
        if row.answer is None and not behind:
            await self._tell(tx, held, found, now)
        if found:
            self._held(case.partner, found)
        return not found

    async def _tell(self, tx: Tx, held: cases.Held, found: tuple[Finding, ...], now: datetime) -> None:
        """Have the desk see at once what another case, the record or the clock says against a message, and while."""
        says = tuple(one.because for one in found if one.because.startswith(AGAINST))
        case = without_waiting(held.case)
        if says == tuple(text for text in held.case.findings if text not in case.findings):
            return
        if says:
            case = replace(case, findings=(*case.findings, *says))
            self._context.notify(case, Notify("interior"))
        await cases.note(self._context, tx, held, case, "stop" if says else "go_on", self._context.country, now)

    async def _tell_what_is_not_heard(self, tx: Tx, row: OutboundRow, now: datetime) -> None:
        """
        Have the desk learn that what takes data back waits behind ``row``, which a rule holds in a case it has closed.

        Nobody looks there, and no withdrawal closes that number: it may wait until it expires (R-16). That it must be
        told by another way stays on the case, for telling it twice does no harm.
        """
        case_row = await tx.find_case(row.ref or "")
        closed = case_row is not None and (case_row.state, case_row.side) == (State.CLOSED, Side.REQUESTING)
        held = cases.readable(self._context, case_row) if closed else None
        if held is None or row.answer is not None or NOT_TOLD in held.case.findings:
            return  # what was answered before its partner's restore is passed over, and nothing waits for it
        waiting = [one for one in await tx.outbound_of_case(held.case.ref) if one.waits]
        for one in waiting:
            behind = one.type in AFTER_WITHDRAWAL and one.place > row.place
            if behind and await self._may_leave(tx, one, now, behind=True):
                self._context.notify(held.case, Notify("interior"))
                await cases.add_finding(self._context, tx, held, NOT_TOLD, "not_told", self._context.country, now)
                return

    async def _presses(self, tx: Tx, row: OutboundRow, now: datetime) -> bool:
        """
        Return whether ``row`` is a reminder that waits because somebody said since that pressing endangers (D-06).

        It may be abroad, so its number has to be used. It leaves where something waits behind it, which is heard after
        it alone (M-5.6); and in the last tenth of its time: without an answer it would end the thread (M-5.10).
        """
        if row.type != REMINDER or row.ref is None or row.answer is not None:
            return False  # one that was heard comes back to a restored State with the rest of its thread (M-5.28)
        if not is_stopped([Pressed(one.event, one.actor, one.at) for one in await tx.events(row.ref)]):
            return False
        if now >= row.expires_at - (row.expires_at - max(row.queued_at, row.not_before)) / 10:
            return False
        return not any(one.waits and one.place > row.place for one in await tx.outbound_of_case(row.ref))

    def _held(self, partner: str, found: tuple[Finding, ...]) -> None:
        """Tell the log that a message for ``partner`` waits: of no case, and by no rule that is of a person."""
        told = of_no_person(found)
        self._context.log("message.held", partner=partner, **({"rule": told[0].rule} if told else {}))

    async def _stop_behind(self, tx: Tx, row: OutboundRow) -> OutboundRow | None:
        """
        Return word of a stop, a departure or a plan called off that waits behind ``row`` in its thread, if any does.

        Where we are asked what takes data back is such a word too: a State that asks withdraws instead. Of a return the
        last proposal is, or the answer to it: what was said before is void once that is heard, and not until then. A
        yes to passing data on is by a later answer.

        Only if ``row`` was posted and may be abroad. Whether it came nobody knows: if it did, the other State goes on
        by it until it hears what waits.
        """
        if row.posted_at is None:
            return None
        waiting = [one for one in await tx.outbound_of_case(row.ref or "") if one.waits]
        behind = [one for one in waiting if one.place > row.place]
        stop = next((one for one in behind if one.type in threads.STOPS), None)
        case_row = await tx.find_case(row.ref or "")
        if stop is None and case_row is not None and case_row.side == Side.REQUESTED:
            stop = next((one for one in behind if one.type in AFTER_WITHDRAWAL), None)
        journeys = [one for one in behind if one.type == SCHEDULE]
        if stop is None and journeys:
            held = cases.unseal(self._context, case_row)
            said = ((one, threads.said(self._context, held, one) or {}) for one in journeys)
            stop = next((one for one, body in said if body.get("status") in ("departed", "cancelled")), None)
        if stop is None and row.type in OF_A_RETURN:
            stop = next((one for one in reversed(behind) if one.type in _MAKES_VOID), None)
        if stop is None and row.type == ONWARD_ANSWER:
            held = cases.unseal(self._context, case_row)
            answers = [one for one in (row, *behind) if one.type == ONWARD_ANSWER]
            number = {one.id: (threads.said(self._context, held, one) or {}).get("number") for one in answers}
            stop = next((one for one in reversed(answers[1:]) if number[one.id] == number[row.id]), None)
        return stop

    async def _signed_anew(self, tx: Tx, row: OutboundRow, now: datetime) -> OutboundRow:
        """
        Return ``row`` signed by the key in use where nobody takes the one it bears: our card revokes that.

        After a theft what waits is signed anew at once; this is what is posted again later because its partner was
        restored, and what waits in a backup of ours from before the theft. What was answered long ago may bear a key
        whose window is over since. What waits for an hour bears the key of that hour (``_leaves_first``).
        """
        context, first = self._context, _leaves_first(row)
        if row.sealed is None or context.own is None:
            return row
        if row.answer is None and not first and all(key.revoked_at is None for key in context.own.signing):
            return row
        case = await tx.find_case(row.ref or "")
        if row.ref and (case is None or case.wrapped_key is None):
            return row
        try:
            kid = jws.parse(outbox.kept(context, row, case), jws.TYP_MESSAGE).kid
        except BadRest:
            if row.envelope is None or any(key.revoked_at is not None for key in context.own.signing):
                raise
            return row  # what cannot be read any more is in its envelope still
        over = kid != context.keyring.signing.kid if first else row.answer is not None
        over = over and (first or not context.vouches_for(kid, now))
        over = over and context.vouches_for(context.keyring.signing.kid, now)
        return outbox.sign_anew(context, row, case, now) if over or context.is_revoked(kid) else row

    async def _resealed(self, tx: Tx, row: OutboundRow, now: datetime) -> OutboundRow:
        """
        Return ``row`` in an envelope for a key the recipient still lists; the signed message stays the same.

        What waits for an hour is sealed to the key of that hour (``_leaves_first``).
        """
        key = outbox.recipient(self._context, row.partner, now)
        if key is None or b64.encode(key.kid) == row.kid or row.sealed is None:
            return row
        case_row = await tx.find_case(row.ref or "")
        if self._is_listed(row, now) and not _leaves_first(row):
            return row
        if row.ref and (case_row is None or case_row.wrapped_key is None):
            return row
        try:
            signed = outbox.kept(self._context, row, case_row)
        except BadRest:
            if row.envelope is None or not self._is_listed(row, now):
                raise
            return row  # as above: it is heard, which matters more than what its key tells
        kid, sealed = outbox.seal_for(self._context, row.partner, signed, now)
        return row._replace(kid=kid, envelope=sealed, envelope_id=envelope.envelope_id(sealed))

    def is_sealed_in_vain(self, row: OutboundRow, now: datetime) -> bool:
        """Return whether ``row`` is sealed to a key that its recipient lists no more, while it lists another."""
        return outbox.recipient(self._context, row.partner, now) is not None and not self._is_listed(row, now)

    def _is_listed(self, row: OutboundRow, now: datetime) -> bool:
        """Return whether the card of the recipient still lists the key ``row`` is sealed to, of a suite in use."""
        card, suites = self._context.trust.find(row.partner), self._context.suites
        return card is not None and any(
            entry.kid == row.kid and entry.suite in suites and entry.is_active(now) for entry in card.sealing
        )

    def _is_of_a_barred_suite(self, row: OutboundRow) -> bool:
        return bool(row.envelope) and envelope.suite_of(row.envelope or b"") not in self._context.suites
