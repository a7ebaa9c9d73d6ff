"""
The guards of state table V: each returns what it found, and a row names those that it needs.
"""

from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from gateway.core.age import counts_as_adult, is_decided, treat_as_minor
from gateway.core.calendars import local_date
from gateway.core.case import PARTNER, Case, Pending, Side, State, is_guest
from gateway.core.elements import element_findings
from gateway.core.facts import Finding, When
from gateway.core.machine import Event, Guard, IllegalStep
from gateway.core.messages import (
    DOCUMENT_REQUEST,
    INTERVIEW_METHOD,
    NEGATIVE_OUTCOMES,
    REPLY,
    REQUEST,
    SUSPENSION,
    may_interview,
)
from gateway.core.minimise import disclose
from gateway.core.remark import is_confirmed, is_shortened
from gateway.core.rules import findings
from gateway.core.verification import ANSWERING, ATTESTS, CALLED_OR_AWAY
from schemas import ijson

REMINDERS_MAX, DELAYS_MAX = 99, 64
"""
Reminders, and notices that a reply takes longer, that one thread takes (M-5.41): a reminder a week, as the ladder has
it, for almost two years, and as many as its number can tell. Each makes the case longer, and is told to a desk.
"""


def value_of(pending: Pending) -> dict[str, Any]:
    """Return the body that was prepared, as a value."""
    return ijson.loads(pending.body.encode())


def body_of(event: Event) -> Mapping[str, Any]:
    """Return the body of the event: as it arrived, or parsed from the exact text that would leave."""
    body = event.data["body"]
    value: Mapping[str, Any] = ijson.loads(body.encode()) if isinstance(body, str) else body
    return value


def pending_of(case: Case) -> Pending:
    """Return what was prepared in ``case``; raises ``IllegalStep`` if nothing was."""
    if case.pending is None:
        raise IllegalStep(case.state, "send", "")
    return case.pending


def _found(rule: str, because: str) -> tuple[Finding, ...]:
    return (Finding(rule, because),)


def _rules(when: When) -> Guard:
    def guard(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
        if event.facts is None:
            return _found("R-00", "the facts the rules need were not given")
        return findings(when, event.facts)

    return guard


def _two_persons(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    if case.pending is None or event.actor == case.pending.author:
        return _found("V-01", "author and approver are different persons")
    released = {one.by for one in case.releases if (one.authority, one.digest) == ("ours", case.pending.digest)}
    others = {"approve": released, "endorse": {case.pending.approver}}.get(event.name, set())
    if event.actor in others:
        return _found("V-01", "who approves a proposal and who releases the return are different persons")
    remark = case.remark
    if remark is not None and event.actor in (remark.author, remark.by) and "remark" in value_of(case.pending):
        return _found("V-01", "who wrote or confirmed the remark wrote a part of it, and does not approve it")
    return ()


def _same_bytes(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    if case.pending is None or event.data["digest"] != case.pending.digest:
        return _found("V-02", "the signature covers other bytes than the body that was prepared")
    return ()


def _not_sent_back(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    """What one person found wrong another does not let pass; who found it looks at the same bytes again, if anybody."""
    digest = case.pending and case.pending.digest
    if any(one.by != event.actor for one in case.sent_back if one.digest == digest):
        return _found("V-16", "somebody else sent this very body back")
    return ()


def _minimised(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    """The body holds what file and matrix give, no more and no less; what the preview found missing is missing here."""
    if case.pending is None or case.draft is None:
        return _found("MIN-5", "there is no body, or no file to compare it with")
    purpose = "TRAVEL_DOC" if case.pending.type == DOCUMENT_REQUEST else case.purpose
    asked = None if case.pending.type in (REQUEST, DOCUMENT_REQUEST) else case.asked
    disclosure = disclose(case.draft, purpose, asked, case.renditions)
    if value_of(case.pending).get("elements") != disclosure.elements:
        return _found("MIN-1", "the body holds other elements than the file and the purpose give")
    return (*disclosure.findings, *element_findings(disclosure.elements))


def _approved(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    if case.pending is None or case.pending.approver is None:
        return _found("V-03", "a second person has not approved this body")
    return _found("V-03", "the approval is no longer valid") if lapsed(case.pending, now) else ()


def lapsed(pending: Pending, now: datetime) -> bool:
    """Return whether the signature over what is prepared has ended since; it has to count when the body leaves."""
    return pending.valid_until is not None and now > datetime.fromisoformat(pending.valid_until)


def _prepared(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    if case.pending is None or case.pending.type != REPLY:
        return _found("V-04", "no answer is prepared")
    return ()


def _countersigned(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    # The exact bytes decide what is answered, not what the event says of them.
    pending = case.pending
    if pending is None or value_of(pending)["outcome"] not in NEGATIVE_OUTCOMES:
        return ()
    if not pending.statement:
        return _found("V-05", "an answer that is not positive needs a second signer")
    return _found("V-05", "the second signature is no longer valid") if lapsed(pending, now) else ()


def _within_cap(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    if event.data["clock"] is None:
        return _found("D-01", "the rule of this clock allows no further extension")
    return ()


def _before_due(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    clock = case.clock("reply")
    if clock is None or event.data["overdue"]:
        return _found("D-02", "an extension is announced before the due date")
    return ()


def _overdue(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    return () if event.data["overdue"] else _found("D-03", "nothing is overdue, so nothing is pressed")


def _within_bound(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    """Neither side says without end that it waits, or that it takes longer; each counts what it said and took."""
    if event.name in ("remind", "reminder"):
        full = case.reminders >= REMINDERS_MAX
        return _found("D-10", "as many reminders as a thread takes were sent in it") if full else ()
    full = case.delays >= DELAYS_MAX
    return _found("D-10", "as many notices of delay as a thread takes were sent in it") if full else ()


def _asked_still(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    """The store knows which question was told, and whether anything answered it or came in its place."""
    return () if event.data.get("asked_still") else _found("V-11", "no question that waits for this was told")


def _contest_once(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    return _found("V-06", "a reply is contested once") if case.contests else ()


def _in_directory(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    return () if event.data["listed"] else _found("V-13", "the authority named is not in the directory of its State")


def _interview_allowed(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    """Nobody is questioned beyond the limit the asking State set, and with MX nobody at all (M-3.16)."""
    asked = case.draft if case.side is Side.REQUESTING else case.received
    if asked is None or not may_interview(asked["method_limit"], asked["no_contact_methods"]):
        return _found("M-01", "the method limit of the request allows no interview")
    return ()


def _interview_consented(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    """The person consented to this interview, and who stands up for the person is there (R-07, R-23, M-3.17)."""
    draft, consent = case.draft or {}, (case.interview or {}).get("consent")
    today = local_date(now, event.data.get("zone", "UTC"))
    if consent is None or consent["on"] > today.isoformat() or consent["revoked_on"] is not None:
        return _found("R-23", "the person's consent to this interview is not on record")
    present = set(value_of(pending_of(case))["present"])
    needed = {"REPRESENTATIVE"} if treat_as_minor(draft) else {"REPRESENTATIVE", "LAWYER"}
    if not present & needed:
        return _found("R-07", "nobody who stands up for the person would be present")
    if "REPRESENTATIVE" in present and draft.get("representative") is None:
        return _found("R-07", "no appointed representative is on record")
    return ()


def _interview_agreed(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    said = case.interview or {}
    if said.get("answer") is None or said["answer"]["decision"] != "ACCEPTED":
        return _found("M-02", "no interview was agreed on in this case")
    # A result may start the clock of the reply anew: said twice, or of a day to come, it would put the reply off.
    if said.get("result") is not None:
        return _found("M-02", "what came of the interview was said already")
    result = body_of(event)
    if result["result"] == "HELD" and result["on"] > (now.date() + timedelta(days=1)).isoformat():
        return _found("M-02", "an interview that was held was held on a day that has come")
    return ()


def _attested(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    """A reply rests on an interview only if one was agreed on and held, and was said to be (M-3.18)."""
    if event.name == "reply":
        value = event.data["body"]
    else:
        value = value_of(event.data["pending"] if event.name == "prepare" else pending_of(case))
    result = (case.interview or {}).get("result")
    if INTERVIEW_METHOD in value["method_used"] and (result is None or result["result"] != "HELD"):
        return _found("M-02", "it names an interview, and none was agreed on and held")
    return ()


def let_go_by(case: Case, actor: str, role: str, left: Collection[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """
    Return whose stops of ``case`` end when ``actor`` lets go in ``role``: their own; where they hold none, those in the
    very same role of guests and of who has ``left`` that office. A guest lets go of nothing (V-07,
    ``docs/decisions/0021-who-lets-go-for-a-guest.md``).
    """
    if is_guest(actor):
        return ()
    own = (actor, role)
    if own in case.holders:
        return (own,)
    return tuple(holder for holder in case.holders if holder[1] == role and (is_guest(holder[0]) or holder in left))


def _same_freezer(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    if not let_go_by(case, event.actor, event.role, event.data.get("left", ())):
        return _found("V-07", "only who froze the case can let go")
    return ()


def _released(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    """Of a stop that both States told of each lets go while the other still holds it, or neither ever would."""
    told = SUSPENSION in case.said and all(role == PARTNER for _, role in case.holders)
    goes_on = case.released if not case.holders else told
    return () if goes_on else _found("V-08", "somebody who froze the case has not let go")


def _second_person(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    if case.resume_proposer is None or case.resume_proposer == event.actor:
        return _found("V-01", "two different persons resume a case")
    return ()


def _remark_stands(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    """What is confirmed was made of the remark that stands in the record, was not held, and has not left yet."""
    remark = event.data["remark"]
    if case.remark is None or remark is None or case.remark.reasons or remark.reasons or case.remark.sent:
        return _found("REM-2", "there is no remark here that may be confirmed")
    if not is_confirmed(case.draft, remark):
        return _found("REM-3", "it is another remark than the one in the record, or the record has changed")
    if not is_shortened(remark.text, case.remark.text):
        return _found("REM-3", "words may be taken out of what was redacted, and none put in")
    return ()


def _never_posted_or_refused(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    # DRAFT, CLEARED and NOT_ACCEPTED are exactly the states in which no accepted request is with the other State.
    return () if event.data["draft"]["to"] == case.partner else _found("V-09", "a case never moves to another State")


def is_indicated(draft: Mapping[str, Any]) -> bool:
    """Return whether a need for protection is known: the state is neither that there is none, nor that nobody knows."""
    return draft["asylum"]["state"] not in ("none", "unknown")


def _indication_stands(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    """
    What is known of a need for protection is not written over by the desk, nor of whom it is known (R-01).

    A frozen case is attested anew or corrected by the authority that attests: it decides on the stop in any case.
    """
    if event.role in ATTESTS:
        return ()
    if case.draft is None or is_indicated(case.draft):
        return _found("R-01", "protection was indicated; freeze the case, and the authority that attests it decides")
    return ()


def _age_stands(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    """Whoever was treated as a minor is one until a decision on age is on record (R-06)."""
    age = event.data["draft"]["age"]
    if case.draft is not None and case.earlier and restated(event.data["draft"]) != restated(case.draft):
        return _found("R-06", "the authority in charge said what is recorded of age and guardian, and it alone does")
    if (case.draft is None or treat_as_minor(case.draft)) and not treat_as_minor(event.data["draft"]):
        return () if is_decided(age) else _found("R-06", "no age decision is on record, so the person stays a minor")
    return ()


def restated(of: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a restatement is of: the members of ``of``, a draft or what an event brings, on age and guardian."""
    return {name: of[name] for name in ("age", "representative")}


def named_guardian(of: Mapping[str, Any] | None) -> tuple[str | None, str | None]:
    """Return whom ``of``, a draft or what stood of one, names as guardian: by reference, and by signature."""
    guardian = (of or {}).get("representative") or {}
    return guardian.get("ref"), guardian.get("signed_by")


def _restates(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    """
    The authority in charge says what is recorded of age and guardian: in all that age is about, child welfare.

    Saying that somebody is a minor takes nothing; that she is an adult takes as much as saying so first (R-06).
    """
    if case.draft is None or restated(event.data) == restated(case.draft):
        return _found("R-06", "there is no record to set right, or it says just this already")
    before, after = case.draft, {**case.draft, **restated(event.data)}
    wanted = "child_welfare" if treat_as_minor(after) or before["age"] != after["age"] else "coordinator"
    if event.role != wanted:
        return _found("V-30", f"for this person it is the role '{wanted}' that decides")
    today = local_date(now, event.data.get("zone", "UTC"))
    if case.state in CALLED_OR_AWAY and not (before["age"] == after["age"] and _is_represented(after, today)):
        return _found("R-07", "of who has left another guardian is named, and nothing else: word of her must leave")
    if before["age"] == after["age"] or treat_as_minor(after):
        return ()
    because = _makes_no_adult(case, before, after["age"], today)
    return _found("R-06", because) if because else ()


def _is_represented(file: Mapping[str, Any], today: date) -> bool:
    """Return whether a guardian stands up for the person by now, or none has to."""
    named = file["representative"]
    if not treat_as_minor(file):
        return True
    return bool(named and named["ref"] and named["signed_by"]) and date.fromisoformat(named["appointed_on"]) <= today


def _makes_no_adult(case: Case, before: Mapping[str, Any], age: Mapping[str, Any], today: date) -> str | None:
    """
    Return why the person of the draft ``before`` is no adult by ``age``, or ``None``.

    No decision counts that was on record when she last counted as a minor, or before: it found one, or was quashed.
    """
    decision, story = age["decision"], [*case.earlier, before]
    while story and not treat_as_minor(story[-1]):
        story.pop()
    if decision and decision["ref"] in [one["age"]["decision"]["ref"] for one in story if one["age"]["decision"]]:
        return "this decision was on record before, and the person counted as a minor all the same; it takes another"
    if not is_decided(age) and (is_decided(before["age"]) or not counts_as_adult(before, today)):
        return "no age decision is on record, so the person stays a minor"
    if counts_as_adult(before, today):
        return None
    if case.state is not State.FROZEN:
        return "nobody becomes an adult by a correction but in a case that is frozen, where two persons let it go on"
    if date.fromisoformat(decision["on"]) > today:
        return "the age decision is of a day that has not come"
    return None


def _answered(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    # Contested, it is open again although there is a reply: the second look is owed as the first one was.
    is_open = case.reply is None or case.resume_to in ANSWERING
    return _found("R-11", "a question that is open is answered and not closed") if is_open else ()


def _retention_over(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    return () if event.data["until"] <= now else _found("R-25", "the retention period is not over")


GUARDS = {
    "two_persons": _two_persons,
    "same_bytes": _same_bytes,
    "not_sent_back": _not_sent_back,
    "minimised": _minimised,
    "approved": _approved,
    "prepared": _prepared,
    "countersigned": _countersigned,
    "within_cap": _within_cap,
    "before_due": _before_due,
    "overdue": _overdue,
    "within_bound": _within_bound,
    "contest_once": _contest_once,
    "in_directory": _in_directory,
    "interview_allowed": _interview_allowed,
    "interview_consented": _interview_consented,
    "interview_agreed": _interview_agreed,
    "asked_still": _asked_still,
    "attested": _attested,
    "same_freezer": _same_freezer,
    "released": _released,
    "second_person": _second_person,
    "remark_stands": _remark_stands,
    "never_posted_or_refused": _never_posted_or_refused,
    "indication_stands": _indication_stands,
    "age_stands": _age_stands,
    "restates": _restates,
    "answered": _answered,
    "retention_over": _retention_over,
    "rules_compose": _rules(When.COMPOSE),
    "rules_approve": _rules(When.APPROVE),
    "rules_send": _rules(When.SEND),
    "rules_resume": _rules(When.APPROVE),
    "rules_remind": _rules(When.REMIND),
    "rules_receive": _rules(When.RECEIVE),
}
