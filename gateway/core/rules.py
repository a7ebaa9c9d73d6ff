"""
The safeguards as a table of checks.

Rule 1: a rule is a row: id, where the law says it, when it is looked at, and a check that returns what it found.
Rule 2: unknown means no. A field that is missing, or is not what it should be, is a finding and never a pass.
Rule 3: nobody can switch a rule off. There is no argument, role or setting here that makes a check return nothing.
Rule 4: what no check can hold is a procedure. Its row names the step that carries it out, and a test shows that nothing
goes round that step.
Rule 5: what makes a return safe is held twice, by the guards of its state table and by the rules here. Neither was
written from the other, so that a fault in one does not become a fault of both.

``docs/rules.md`` has a paragraph for each id.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import schemas
from gateway.core.case import Case, Notice, Release, Side, State
from gateway.core.deadlines import Clock
from gateway.core.documents import STATUS_CODES
from gateway.core.messages import (
    ACCEPTANCE,
    AFTER_WITHDRAWAL,
    DOCUMENT,
    DOCUMENT_REQUEST,
    ELEMENTS,
    ERASURE,
    INTERVIEW_ANSWER,
    NEGATIVE_OUTCOMES,
    OUTCOMES_FOR,
    POSITIVE_OUTCOMES,
    PROPOSAL,
    RECTIFICATION,
    REISSUE,
    REPLY,
    REQUEST,
    RESUMPTION,
    SCHEDULE,
    SUSPENSION,
    TYPES,
    USE_REQUEST,
    WITHDRAWAL,
    allowed_methods,
)
from gateway.core.remark import About, about_case, is_confirmed, is_read, is_waiting, still_stops, wire_value


class When(StrEnum):
    """The moments at which rules are looked at."""

    COMPOSE = "compose"
    APPROVE = "approve"
    SEND = "send"
    RETRY = "retry"
    REMIND = "remind"
    RECEIVE = "receive"
    EXPORT = "export"
    CLOSE = "close"


EXEMPT = AFTER_WITHDRAWAL | {WITHDRAWAL}
"""
The only types that may leave while nothing else may (``docs/protocol.md`` section 5): first the withdrawal, then what
takes data back. There is no second list, and no other way past R-01. A rectification that brings a value is not exempt.
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule found: its id, the reason in one sentence without any personal value, and the field it looked at."""

    rule: str
    because: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """
    What the rules may look at. ``about`` fills it from a case.

    ``draft`` is the national record of the requesting side; ``type`` and ``body`` the message about to leave or just
    received; ``question`` the request body an answer answers; ``frozen`` whether the case is frozen or withdrawn;
    ``no_contact`` the reason the partner is on the no-contact list; ``person_stopped`` whether another case that shares
    a value with this person is stopped; ``recipient_ready`` whether its card is held, valid and lists a sealing key;
    ``justification`` the reason given for looking at or disclosing the case.

    ``side`` and ``state`` are the case's, ``None`` where there is no case yet. ``record`` is the national record of a
    return, ``said`` the last body of each of its message types, ``releases`` what the authorities signed, ``reply`` the
    body of the signed reply and ``reply_digest`` its payload digest, ``delay`` the last notice of delay, ``clocks``
    what is due when. ``notices`` is what was asked and demanded about data that was sent; ``None`` says nobody looked.
    ``remark`` is what is known of a remark in free words.
    """

    now: datetime
    draft: Mapping[str, Any] | None = None
    type: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)
    question: Mapping[str, Any] | None = None
    frozen: bool = False
    no_contact: str | None = None
    person_stopped: bool = False
    recipient_ready: bool = True
    justification: str | None = None
    side: Side | None = None
    state: State | None = None
    record: Mapping[str, Any] | None = None
    said: Mapping[str, Any] = field(default_factory=dict)
    releases: Sequence[Release] = ()
    reply: Mapping[str, Any] | None = None
    reply_digest: str | None = None
    delay: Mapping[str, Any] | None = None
    clocks: Sequence[Clock] = ()
    notices: tuple[Notice, ...] | None = None
    remark: About = field(default_factory=About)


STOPPED = frozenset({State.FROZEN, State.WITHDRAWN})
"""States in which nothing but an exempt message may leave."""

_OVER = frozenset({State.WITHDRAWN, State.CLOSED, State.BLOCKED})
"""States in which a case that was stopped has been taken back; what it left abroad may then be corrected or erased."""


def about(
    case: Case,
    now: datetime,
    type: str = "",
    body: Mapping[str, Any] | None = None,
    *,
    question: Mapping[str, Any] | None = None,
    no_contact: str | None = None,
    person_stopped: bool = False,
    recipient_ready: bool = True,
    justification: str | None = None,
    remark: About | None = None,
) -> Facts:
    """
    Return the facts of ``case`` at ``now`` about a message of ``type`` with ``body``.

    What a case does not know of itself comes from the caller, who looked it up in the same transaction. A statement
    that was verified just now, and comes into the case with this step, is put into ``case`` before.
    """
    return Facts(
        now=now,
        draft=case.draft,
        type=type,
        body={} if body is None else body,
        question=question,
        frozen=case.state in STOPPED,
        no_contact=no_contact,
        person_stopped=person_stopped,
        recipient_ready=recipient_ready,
        justification=justification,
        side=case.side,
        state=case.state,
        record=case.record,
        said=case.said,
        releases=case.releases,
        reply=case.reply,
        reply_digest=case.reply_digest,
        delay=case.delay,
        clocks=case.clocks,
        notices=case.notices,
        remark=about_case(case) if remark is None else remark,
    )


Check = Callable[[Facts], str | None]
"""A check returns the reason it objects, or ``None``."""


@dataclass(frozen=True, slots=True)
class Rule:
    """
    One row: ``id``, a title, the source, the moments it is looked at, the field it concerns and the check.

    ``procedure`` names, as ``module:function``, the steps that carry out what no check can hold. A row has a check with
    its moments, or a procedure, or both.
    """

    id: str
    title: str
    source: str
    when: frozenset[When]
    where: str
    check: Check | None = None
    procedure: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a row that promises a check it has not, or nothing at all."""
        if bool(self.when) != (self.check is not None) or not (self.when or self.procedure):
            raise ValueError(f"{self.id} needs a check with its moments, a procedure, or both")


# Reading the facts. What is not there or is something else raises, and ``findings`` makes an objection of it.


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _day(value: Any) -> date:
    if not isinstance(value, str):
        raise TypeError("a date is text")
    return date.fromisoformat(value)


def _instant(value: Any) -> datetime:
    found = datetime.fromisoformat(value)
    if found.tzinfo is None:
        raise ValueError("an instant without an offset")
    return found


def _on_or_before(value: Any, day: date) -> bool:
    return isinstance(value, str) and date.fromisoformat(value) <= day


def _codes(value: Any) -> frozenset[str]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(code, str) for code in value):
        raise TypeError("a list of codes is needed")
    return frozenset(value)


def _file(facts: Facts) -> Mapping[str, Any] | None:
    """Return the national record; the side that is asked holds none. The side that asks has one or may do nothing."""
    row = TYPES.get(facts.type)
    asks = facts.side is Side.REQUESTING or (facts.side is None and row is not None and row.sender == "requesting")
    if facts.draft is None and asks:
        raise ValueError("the side that asks has a record")
    return facts.draft


def _exempt(facts: Facts) -> bool:
    """Return whether the message is one that may leave when nothing else may: it brings no word about the person."""
    return facts.type in EXEMPT and (facts.type != RECTIFICATION or facts.body["elements"] is None)


def _r01(facts: Facts) -> str | None:
    if _exempt(facts):
        return None
    file = _file(facts)
    if file is None:
        return None  # the requested side holds no such field
    state = file["asylum"]
    if state["state"] != "none":
        return f"the protection state is '{state['state']}'; only an attested 'none' lets anything leave"
    attested = _text(state["attested_by"]) and _text(state["basis"])
    if not (attested and _on_or_before(state["attested_on"], facts.now.date())):
        return "'none' is not attested: who, when and on what basis are all needed"
    return "another case that shares a value with this person is stopped" if facts.person_stopped else None


def _r02(facts: Facts) -> str | None:
    if facts.frozen and facts.type == SUSPENSION and facts.side is Side.REQUESTED:
        return None  # a veto of the side that is asked must be heard; it says that, and nothing else
    if facts.frozen and not _exempt(facts):
        return "the case is frozen; nothing but a withdrawal may leave"
    if facts.frozen and facts.type != WITHDRAWAL and facts.state not in _OVER:
        return "the case is frozen; what was said is taken back before it is corrected"
    if facts.state is State.SUSPENDED and facts.type not in (SUSPENSION, RESUMPTION) and not _exempt(facts):
        return "the case is suspended"
    return None


def _elements(facts: Facts) -> Mapping[str, Any]:
    elements: Mapping[str, Any] | None = facts.body.get("elements")
    return {} if elements is None else elements


def _r03(facts: Facts) -> str | None:
    entry_date = _elements(facts).get("entry_date")
    if entry_date is None and facts.type != REQUEST:
        return None
    purpose = facts.body["handling"]["purpose"]
    if purpose not in OUTCOMES_FOR:
        return "it is not known what is asked"
    if purpose != "PERM_RESIDENCE":
        return None if entry_date is None else "nationality is asked as of now; the date of entry must not be sent"
    return None if _text(entry_date) else "permanent residence is asked as of the date of entry, which is missing"


_LEFT = frozenset({State.DEPARTED, State.RECALL, State.HANDED_OVER, State.MONITORING})
"""States in which the news of a departure may still wait to be posted."""


def _moves_return(facts: Facts) -> bool:
    """
    Return whether the message takes a return a step further.

    Calling off, refusing, stopping, taking back and reporting are the safe ways: nothing here ever holds those. Nor the
    news that a person has left, once she has: who receives her must know, whatever lapsed while it waited to be posted.
    """
    if facts.type == SCHEDULE:
        gone = facts.body.get("status") == "departed" and facts.state in _LEFT
        return facts.body.get("status") != "cancelled" and not gone
    if facts.type == ACCEPTANCE:
        return facts.body.get("decision") != "refused"
    return facts.type in (PROPOSAL, DOCUMENT_REQUEST, DOCUMENT, REISSUE)


def _sends_return(facts: Facts) -> bool:
    """Return whether the message takes a return further on the side that holds the record of it."""
    return _moves_return(facts) and facts.type in (PROPOSAL, DOCUMENT_REQUEST, SCHEDULE)


def _return_record(facts: Facts) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the national record and the record of the return. Raises ``ValueError`` if either is missing."""
    if facts.draft is None or facts.record is None:
        raise ValueError("there is no record of the return")
    return facts.draft, facts.record


def _r04(facts: Facts) -> str | None:
    if not _moves_return(facts):
        return None
    if facts.reply is None or (facts.side is not Side.REQUESTED and not _text(facts.reply_digest)):
        return "there is no signed reply, and silence is none, whatever an agreement says of it"
    if facts.reply["outcome"] not in POSITIVE_OUTCOMES & OUTCOMES_FOR[facts.reply["handling"]["purpose"]]:
        return "the reply does not say yes to the question that was asked"
    if not _text(facts.reply["signed_by_role"]):
        return "nobody is named who signed the reply"
    if facts.reply["valid_until"] is not None and _day(facts.reply["valid_until"]) < facts.now.date():
        return "the reply is no longer valid"
    if facts.type == PROPOSAL and facts.side is not Side.REQUESTED and facts.body["reply"] != facts.reply_digest:
        return "the proposal rests on another reply than the one on file"
    return None


_ONWARD = frozenset(schemas.codes("onward"))


def _r05(facts: Facts) -> str | None:
    handling = facts.body.get("handling")
    if handling is None:
        personal = facts.type in TYPES and TYPES[facts.type].personal
        return "a body about a person carries no conditions" if personal else None
    if missing := [name for name in ("purpose", "legal_basis") if not _text(handling.get(name))]:
        return f"{', '.join(missing)} is not stated"
    if handling.get("onward") not in _ONWARD:
        return "onward is not stated"
    if not _codes(handling["use_restrictions"]):
        return "no use restriction is stated"
    if _day(handling["retain_until"]) <= facts.now.date():
        return "retain_until is not in the future"
    return None


def is_decided(age: Mapping[str, Any]) -> bool:
    """Return whether a decision on age is on record, with its reference, its day and who took it."""
    decision = age["decision"]
    return isinstance(decision, Mapping) and all(_text(decision.get(name)) for name in ("ref", "on", "by"))


def treat_as_minor(draft: Mapping[str, Any]) -> bool:
    """
    Return whether the person is to be treated as a minor: age unknown counts as one until it is decided (R-06).

    So does a class that nobody knows, and so does any mark but a plain ``false``.
    """
    age = draft["age"]
    if age.get("treat_as_child", False) is not False:
        return True
    return not (age["class"] == "adult" or (age["class"] == "unknown" and is_decided(age)))


_AGE_CLASSES = frozenset(schemas.codes("age_class"))


def _r06(facts: Facts) -> str | None:
    file = _file(facts)
    if file is None:
        return None
    age = file["age"]
    if age["class"] not in _AGE_CLASSES or not isinstance(age.get("treat_as_child", False), bool):
        return "it cannot be read what is known about age"
    if age["class"] == "minor" and age.get("treat_as_child") is False:
        return "a minor cannot be treated as an adult"
    if age["class"] == "unknown" and age.get("treat_as_child") is False and not is_decided(age):
        return "age is unknown and no age decision is on record, so the person is treated as a minor"
    return None


def _r07(facts: Facts) -> str | None:
    file = _file(facts)
    if file is None or _exempt(facts) or not treat_as_minor(file):
        return None
    representative = file["representative"]
    if representative is None or not (_text(representative["ref"]) and _text(representative["signed_by"])):
        return "no signed reference of an appointed guardian or representative"
    return None


def _r08(facts: Facts) -> str | None:
    if not _sends_return(facts):
        return None
    file, record = _return_record(facts)
    today = facts.now.date()
    if not _on_or_before(record["identification"]["concluded_on"], today):
        return "the identification is not concluded"
    reflection = record["reflection"]
    waived = _on_or_before(reflection["waived_in_writing_on"], today)
    if waived and treat_as_minor(file):
        return "a minor cannot waive the time to recover and reflect"
    if not waived and not _reflected(reflection, today):
        return "the time to recover and reflect is not over"
    proceedings = record["proceedings"]
    needed = proceedings["open"] is not False and proceedings["presence_needed"] is not False
    if needed and not _text(proceedings["released_by"]):
        return "proceedings are open in which the person is needed, and nobody has released her"
    return None


def _reflected(reflection: Mapping[str, Any], today: date) -> bool:
    """Return whether a time to reflect of the shortest length at least was granted and is over."""
    granted, ends = _day(reflection["granted_on"]), _day(reflection["ends_on"])
    return (ends - granted).days >= REFLECTION_DAYS and today > ends


REFLECTION_DAYS = 30
"""The shortest time to recover and reflect (CETS 197 Article 13(1)); national law may give more."""


def _r09(facts: Facts) -> str | None:
    if not _sends_return(facts):
        return None
    file, record = _return_record(facts)
    needed = {"risk", "best_interests", "family"} if treat_as_minor(file) else {"risk"}
    assessments = record["assessments"]
    if missing := sorted(needed - {one["kind"] for one in assessments}):
        return f"there is no assessment of {', '.join(missing)}"
    for kind in sorted({one["kind"] for one in assessments}):
        last = max(_day(one["on"]) for one in assessments if one["kind"] == kind)
        for one in assessments:
            if (one["kind"], _day(one["on"])) == (kind, last) and (because := _unfit(one, facts.now.date())):
                return f"the assessment of {kind} {because}"
    return None


_COUNTS_DAYS = {"risk": 90, "best_interests": 90, "family": 180, "medical": 14}
"""How long an assessment of a kind supports anything, whatever expiry it names; one of another kind never does."""


def _unfit(assessment: Mapping[str, Any], today: date) -> str | None:
    """Return why an assessment supports no return today, or ``None``."""
    if assessment["positive"] is not True:
        return "is not in favour of a return"
    age = (today - _day(assessment["on"])).days
    if not 0 <= age <= _COUNTS_DAYS[assessment["kind"]] or today > _day(assessment["expires_on"]):
        return "is not valid today"
    return None if _text(assessment["signer"]) else "does not say who signed it"


def _r10(facts: Facts) -> str | None:
    if not _moves_return(facts) or not _of_a_minor(facts):
        return None
    if facts.type != PROPOSAL and (because := _no_carer(facts)):
        return because
    asks = facts.side is not Side.REQUESTED
    ours, theirs = ("return.release", "return.acceptance") if asks else ("return.acceptance", "return.release")
    needed = {("ours", ours), ("theirs", theirs)} - ({("theirs", theirs)} if facts.type == PROPOSAL else set())
    signed = {
        (release.authority, release.kind)
        for release in facts.releases
        if release.role == "welfare" and datetime.fromisoformat(release.valid_until) > facts.now
    }
    if needed - signed:
        return "the welfare authority of each State must have signed, and its signature must still be valid"
    return None


def _of_a_minor(facts: Facts) -> bool:
    """Return whether the return is one of a minor: from the record where there is one, else as it was proposed."""
    if facts.type == PROPOSAL and facts.body["represented"] is not treat_as_minor(facts.draft or {}):
        raise ValueError("the proposal says something else of the person than the record")
    if facts.draft is not None:
        return treat_as_minor(facts.draft)
    return facts.said[PROPOSAL]["represented"] is not False


def _no_carer(facts: Facts) -> str | None:
    """Return why nobody is ready to receive the person, or ``None``."""
    acceptance = facts.body if facts.type == ACCEPTANCE else facts.said[ACCEPTANCE]
    carer, today = acceptance["carer"], facts.now.date()
    if acceptance["decision"] != "accepted" or carer is None:
        return "nobody is named who will receive the person"
    if not _text(carer["class"]) or not _on_or_before(carer["agreed_in_writing_on"], today):
        return "who will receive the person has not agreed in writing"
    return "the acceptance is no longer valid" if _day(acceptance["expires_on"]) < today else None


def _departs(facts: Facts) -> bool:
    return _moves_return(facts) and facts.type == SCHEDULE and facts.body.get("status") != "planned"


def _r12(facts: Facts) -> str | None:
    if not _departs(facts):
        return None
    _, record = _return_record(facts)
    if not _on_or_before(record["contacts_given_on"], facts.now.date()):
        return "the person has not been given the addresses of those who can help"
    return None


def _r23(facts: Facts) -> str | None:
    handling = facts.body.get("handling")
    if handling is not None and (not _text(handling["legal_basis"]) or "CONSENT" in handling["legal_basis"].upper()):
        return "consent is never the only ground of a disclosure"
    if not _sends_return(facts):
        return None
    file, record = _return_record(facts)
    return _not_her_wish(record, facts.now.date(), minor=treat_as_minor(file)) or _not_today(facts, record)


def _not_her_wish(record: Mapping[str, Any], today: date, *, minor: bool) -> str | None:
    """Return why no consent to this disclosure is on record, or ``None``."""
    wish = record["wish"]
    if wish["wish"] != "return":
        return "the person does not wish to return"
    if wish["revoked_on"] is not None:
        return "the consent was revoked"
    if wish["detained_now"] is not False:
        return "a consent given in detention is none"
    if not (_on_or_before(wish["options_explained_on"], today) and _on_or_before(wish["written_on"], today)):
        return "the consent is not informed, or not in writing"
    if not _text(wish["language"]) or wish["copy_given"] is not True:
        return "the consent does not say in which language it was explained, or no copy was given"
    if minor and not (_on_or_before(record["views"]["heard_on"], today) and _text(record["views"]["by"])):
        return "the person has not been heard"
    return None


def _not_today(facts: Facts, record: Mapping[str, Any]) -> str | None:
    """
    Return why the wish does not stand on the day of departure, or ``None``; before that day it need not.

    The day is that of the place of departure.
    """
    if not _departs(facts):
        return None
    again = record["reconfirmation"]
    day = facts.now.astimezone(_instant(record["travel"]["departs_at"]).tzinfo).date()
    if _day(again["on"]) == day and _text(again["by"]) and again["consent_stands"] is True:
        return None
    return "the consent was not confirmed today"


def _r11(facts: Facts) -> str | None:
    if _file(facts) is not None or facts.side is Side.REQUESTING or facts.frozen:
        return None  # the duty to answer is that of the side that is asked
    if facts.state in _NOTHING_OWED or facts.reply is not None:
        return None
    clock = next((clock for clock in facts.clocks if clock.step == "reply"), None)
    if clock is None:
        return "it is not known by when the reply is due"
    if facts.now.date() < clock.delay_on:
        return None
    if facts.delay is None:
        return "four fifths of the time are over, and there is neither a reply nor a notice of delay"
    return "the day that the notice of delay named is past" if _day(facts.delay["eta"]) < facts.now.date() else None


_NOTHING_OWED = _OVER | {State.REDIRECTED}
"""States in which the requested side owes no reply: it passed the question on, or it was taken back."""


def _r13(facts: Facts) -> str | None:
    reason = facts.justification if facts.justification is not None else (facts.draft or {}).get("justification")
    return None if _text(reason) else "no justification is given"


def _r14(facts: Facts) -> str | None:
    file = _file(facts)
    if file is not None and file["category"] != "subject":
        return f"the category is '{file['category']}'; only a subject may be asked about"
    return None


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield each member of ``value`` at any depth: its name and what it holds."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield name, inner
            yield from _members(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _members(inner)


_CONCLUSION = frozenset({"kind", "positive", "on", "expires_on", "signed_by_role"})
_ASSESSING = frozenset(
    {
        "assessments",
        "assessment",
        "views",
        "wish",
        "identification",
        "reflection",
        "proceedings",
        "suspicion",
        "opinion",
    }
)
"""Members of the record of a return, and names for what somebody thinks: none of them has a place in a message."""


def _r15(facts: Facts) -> str | None:
    if named := sorted({name for name, _ in _members(facts.body)} & _ASSESSING):
        return f"{', '.join(named)} is an assessment, and assessments stay"
    conclusions = facts.body.get("conclusions", [])
    if not isinstance(conclusions, list):
        raise TypeError("conclusions are a list")
    for conclusion in conclusions:
        if set(conclusion) != _CONCLUSION:
            return "of an assessment its conclusion, its days and its signer leave, all of them and nothing more"
        if conclusion["positive"] is not True:
            return "a conclusion that is not positive leads to no message, and its reasons stay"
    return None


def _unanswered(facts: Facts) -> frozenset[str]:
    """Return the types by which the other State asked for something about its data that it has not got."""
    if not isinstance(facts.notices, tuple):
        raise TypeError("nobody looked what the other State asked for")
    return frozenset(notice.kind for notice in facts.notices if not notice.ours and notice.answer is None)


def _r16(facts: Facts) -> str | None:
    asked = _unanswered(facts) & {RECTIFICATION, ERASURE}
    return "a correction or an erasure that was asked for is not confirmed" if asked else None


def _r17(facts: Facts) -> str | None:
    return "a question about the use of the data is not answered" if USE_REQUEST in _unanswered(facts) else None


_GROUNDS = frozenset(schemas.codes("transfer_ground"))


def _r19(facts: Facts) -> str | None:
    file = _file(facts)
    if file is None or _exempt(facts):
        return None
    ground = file["transfer_ground"]
    if ground is None or ground["code"] not in _GROUNDS or not _text(ground["reference"]):
        return "no ground for the transfer with its reference"
    return None


def _checked(check: Any, today: date) -> bool:
    """Return whether somebody named carried out the endangerment check on a day that is not to come."""
    return isinstance(check, Mapping) and _text(check["by"]) and _on_or_before(check["on"], today)


def _r20(facts: Facts) -> str | None:
    file = _file(facts)
    if file is None or _exempt(facts):
        return None
    check = file["endangerment_check"]
    if check is None or check["result"] == "not_done":
        return "the endangerment check is not done" if treat_as_minor(file) else None
    if check["result"] != "passed":
        return "the endangerment check did not pass"
    return None if _checked(check, facts.now.date()) else "the endangerment check does not say who made it and when"


_TELLING = re.compile(r"asylum|refugee|traffick|victim|exploit", re.IGNORECASE)
_NAMES = frozenset({"names", "mother_given_names", "father_given_names"})
"""Elements that are a person's own name, where a word says nothing."""


def _r21(facts: Facts) -> str | None:
    body = {**facts.body, "elements": {name: _elements(facts)[name] for name in _elements(facts).keys() - _NAMES}}
    if any(_TELLING.search(name) or _tells(value) for name, value in _members(body)):
        return "the message says more than who is asked about"
    return None


def _tells(value: Any) -> bool:
    """Return whether text, alone or in a list, names a status: in words, or as a code that passports use for one."""
    if isinstance(value, (list, tuple)):
        return any(_tells(inner) for inner in value)
    return isinstance(value, str) and (value in STATUS_CODES or _TELLING.search(value) is not None)


def _r24(facts: Facts) -> str | None:
    file = _file(facts)
    if file is None or not _lets_a_consulate_in(facts):
        return None
    check = file["endangerment_check"]
    if check is None or check["result"] != "passed" or not _checked(check, facts.now.date()):
        return "a consulate is let in only after the endangerment check has passed, for an adult too"
    return None


def _lets_a_consulate_in(facts: Facts) -> bool:
    if facts.type == REQUEST:
        return "CONSULAR_INTERVIEW" in allowed_methods(facts.body["method_limit"], no_contact=False)
    if facts.type == INTERVIEW_ANSWER:
        return bool(facts.body["decision"] != "DECLINED")
    return facts.type == DOCUMENT_REQUEST


def _r26(facts: Facts) -> str | None:
    if facts.type != REPLY:
        return None
    outcome, matched = facts.body["outcome"], _codes(facts.body["match_basis"])
    if outcome == "NOT_FOUND" and (matched or facts.body["reason"] is not None):
        return "NOT_FOUND carries neither a match nor a reason; it says that no entry was found and nothing more"
    if outcome in {"NOT_NATIONAL", "NO_PR_AT_DATE", "FORMER_NATIONAL"} and not matched:
        return f"{outcome} must rest on an entry that was found; where none was, the outcome is NOT_FOUND"
    if outcome in POSITIVE_OUTCOMES and not matched:
        return "a positive outcome names the elements that matched"
    return None if outcome in _OUTCOMES else "it is not known what the reply says"


_OUTCOMES = frozenset().union(*OUTCOMES_FOR.values())


def _n01(facts: Facts) -> str | None:
    if facts.no_contact is None or _exempt(facts):
        return None
    return "the State is on the no-contact list"


def _n02(facts: Facts) -> str | None:
    if facts.recipient_ready is True:
        return None
    return "no valid sealing key of the recipient is held, or the State is on hold"


def _q01(facts: Facts) -> str | None:
    if facts.type != REPLY:
        return None
    if facts.question is None:
        return "the question that the reply answers is not known"
    purpose = facts.question["handling"]["purpose"]
    if facts.body["outcome"] not in OUTCOMES_FOR[purpose]:
        return f"{facts.body['outcome']} does not answer the question {purpose}"
    if facts.body["handling"]["purpose"] != purpose:
        return "the reply names another purpose than the request"
    return None


def _m01(facts: Facts) -> str | None:
    if facts.type != REPLY:
        return None
    if facts.question is None:
        return "the question that the reply answers is not known"
    allowed = allowed_methods(facts.question["method_limit"], facts.question["no_contact_methods"] is not False)
    used = _codes(facts.body["method_used"])
    if beyond := sorted(used - allowed):
        return f"{', '.join(beyond)} is outside the method limit of the request"
    if facts.body["outcome"] in POSITIVE_OUTCOMES | NEGATIVE_OUTCOMES - {"REFUSED"} and not used:
        return "the method used is not stated"
    return None


def _remark_matters(facts: Facts) -> bool:
    """Return whether the message has a remark, or the record one that is to go with it."""
    waits = is_waiting(_file(facts), facts.remark.remark) if facts.type in REMARKED else False
    return waits or "remark" in facts.body


REMARKED = frozenset({REQUEST, ELEMENTS})
"""The types that have a place for a remark."""


def _rem1(facts: Facts) -> str | None:
    if not _remark_matters(facts):
        return None
    if facts.type not in REMARKED or facts.remark.most is None:
        return "no agreement with that State allows a remark in this message"
    if "remark" not in facts.body:
        return None
    text = facts.body["remark"]["text"]
    if not isinstance(text, str):
        raise TypeError("a remark is text")
    return f"the agreement allows {facts.remark.most} characters" if len(text) > facts.remark.most else None


def _rem2(facts: Facts) -> str | None:
    if not _remark_matters(facts):
        return None
    remark = facts.remark.remark
    if remark is None or not is_read(facts.draft, remark):
        return "the remark has not been read and redacted as it stands in the record"
    return f"the remark is held: {', '.join(remark.reasons)}" if remark.reasons else None


def _rem3(facts: Facts) -> str | None:
    if not _remark_matters(facts):
        return None
    remark = facts.remark.remark
    if remark is None or not is_confirmed(facts.draft, remark):
        return "nobody has confirmed the redacted remark as it stands, beside the record as it stands"
    if facts.body.get("remark") != wire_value(remark):
        return "the body has another remark than the one that was confirmed"
    return None


def _rem4(facts: Facts) -> str | None:
    if "remark" not in facts.body:
        return None
    if facts.remark.leaks is None:
        return "nobody has compared the remark with the record"
    if facts.remark.leaks:
        return f"the remark tells something of the record: {', '.join(facts.remark.leaks)}"
    return None


def _rem5(facts: Facts) -> str | None:
    stop = facts.remark.stop
    if stop is None or _exempt(facts):
        return None
    if not still_stops(stop, (_file(facts) or {})["asylum"]):
        return None  # looked at anew since, by whoever attests: that decides, as ever
    return "a remark told of a need for protection, or may have; the state is attested anew before anything leaves"


_REPLY = frozenset({When.COMPOSE, When.APPROVE, When.SEND, When.RECEIVE})
_OUT = frozenset({When.APPROVE, When.SEND, When.RETRY, When.REMIND})
_WRITE = frozenset({When.COMPOSE, When.APPROVE, When.SEND})
_JOURNEY = frozenset({When.SEND, When.RETRY})
"""A message of a return is looked at when it is sent and again when it is posted: a plan may wait days in between."""

RULES: tuple[Rule, ...] = (
    Rule(
        "R-01",
        "No contact unless no protection need is attested",
        "UNICEF Guidelines 7.3; Directive 2013/32/EU Article 30",
        _OUT,
        "asylum",
        _r01,
    ),
    Rule("R-02", "A later indication freezes", "UNICEF Guidelines 7.3", _OUT - {When.APPROVE}, "state", _r02),
    Rule(
        "R-03",
        "Two questions, two as-of dates",
        "Palermo Protocol Article 8(3)",
        _WRITE | {When.RECEIVE},
        "elements.entry_date",
        _r03,
    ),
    Rule(
        "R-04",
        "No return without a signed yes",
        "Palermo Protocol Article 8 and its interpretative notes (unverified)",
        _JOURNEY,
        "reply",
        _r04,
    ),
    Rule(
        "R-05",
        "Every disclosure carries its conditions",
        "Palermo Protocol Article 10(3)",
        _WRITE | {When.RECEIVE},
        "handling",
        _r05,
    ),
    Rule("R-06", "Doubt about age counts for the person", "CETS 197 Article 10(3)", _WRITE - {When.SEND}, "age", _r06),
    Rule(
        "R-07",
        "A minor is represented before anything is sent",
        "CETS 197 Article 10(4)(a)",
        _OUT - {When.REMIND, When.RETRY},
        "representative",
        _r07,
    ),
    Rule(
        "R-08",
        "No step of a return before its time",
        "CETS 197 Articles 10(2) and 13(1); Palermo Protocol Article 8(2)",
        _JOURNEY,
        "record",
        _r08,
    ),
    Rule(
        "R-09",
        "No return against an assessment",
        "CETS 197 Article 16(7); CRC General Comment 6 paragraph 84",
        _JOURNEY,
        "record.assessments",
        _r09,
    ),
    Rule(
        "R-10",
        "Somebody receives a minor, and both States' authorities sign",
        "UNODC Toolkit 7.10; Directive 2008/115/EC Article 10(2)",
        _JOURNEY,
        "releases",
        _r10,
    ),
    Rule(
        "R-11",
        "A reply in time, or word that it will be late",
        "CETS 197 Article 34(1)",
        frozenset({When.CLOSE}),
        "clocks",
        _r11,
        ("gateway.services.remind:Reminder._tell_desk", "gateway.core.verification:_answered"),
    ),
    Rule(
        "R-12",
        "Nobody leaves without knowing where help is",
        "CETS 197 Article 16(6)",
        _JOURNEY,
        "record.contacts_given_on",
        _r12,
    ),
    Rule(
        "R-13",
        "No look and no disclosure without a reason",
        "Directive (EU) 2016/680 Article 25",
        _WRITE - {When.SEND} | {When.EXPORT},
        "justification",
        _r13,
    ),
    Rule("R-14", "Only the person asked about", "Directive (EU) 2016/680 Article 6", _WRITE, "category", _r14),
    Rule("R-15", "Assessments stay", "Directive (EU) 2016/680 Article 7", _WRITE, "conclusions", _r15),
    Rule(
        "R-16",
        "A correction reaches who got the data",
        "Regulation (EU) 2016/679 Article 19; Directive (EU) 2016/680 Article 16",
        frozenset({When.CLOSE}),
        "notices",
        _r16,
        (
            "gateway.core.notices:_rectify",
            "gateway.core.notices:_struck",
            "gateway.core.notices:_destroy",
            "gateway.services.rights:rectify",
        ),
    ),
    Rule(
        "R-17",
        "Asked what became of the data, a State answers",
        "data-protection articles of readmission agreements (unverified)",
        frozenset({When.CLOSE}),
        "notices",
        _r17,
    ),
    Rule(
        "R-18",
        "What is sent and what is received is on file",
        "data-protection articles of readmission agreements (unverified)",
        frozenset(),
        "",
        procedure=("gateway.services.threads:queue", "gateway.services.receive:Receiver._record"),
    ),
    Rule(
        "R-19",
        "A transfer has a ground",
        "Regulation (EU) 2016/679 Chapter V",
        _OUT - {When.REMIND, When.RETRY},
        "transfer_ground",
        _r19,
    ),
    Rule(
        "R-20",
        "Nothing that endangers",
        "Hague Convention 1996 Article 37",
        _OUT - {When.RETRY},
        "endangerment_check",
        _r20,
    ),
    Rule(
        "R-21",
        "A question tells nothing of protection or of what happened",
        "CRC General Comment 6 paragraph 80 (unverified)",
        _WRITE,
        "body",
        _r21,
    ),
    Rule(
        "R-22",
        "The person learns what was sent about her",
        "EU Charter Article 8(2); Regulation (EU) 2016/679 Article 15",
        frozenset(),
        "",
        procedure=("gateway.services.rights:account",),
    ),
    Rule(
        "R-23",
        "Consent is recorded, and is never the only ground",
        "Regulation (EU) 2016/679 recital 43; Palermo Protocol Article 8(2)",
        _JOURNEY,
        "record.wish",
        _r23,
    ),
    Rule(
        "R-24",
        "No consulate is told by itself",
        "Vienna Convention on Consular Relations Articles 36(1)(b) and 37(b)",
        _OUT - {When.REMIND, When.RETRY},
        "endangerment_check",
        _r24,
        ("gateway.core.verification:_two_persons", "gateway.core.verification:_approved"),
    ),
    Rule(
        "R-25",
        "Nothing is kept longer than its period",
        "national retention law; the periods are configuration",
        frozenset(),
        "",
        procedure=("gateway.services.retain:Retention.run_once", "gateway.core.verification:_retention_over"),
    ),
    Rule("R-26", "Not found is not no", "Palermo Protocol Article 8(3); CETS 197 Article 10", _REPLY, "outcome", _r26),
    Rule("N-01", "States not to be contacted", "national policy under dual control", _OUT, "to", _n01),
    Rule(
        "N-02",
        "Only to a key that is the recipient's now",
        "docs/protocol.md section 2",
        frozenset({When.SEND}),
        "to",
        _n02,
    ),
    Rule("Q-01", "The reply answers the question asked", "Palermo Protocol Article 8(3)", _REPLY, "outcome", _q01),
    Rule(
        "M-01",
        "Only the methods the request allows",
        "Palermo Protocol Articles 6 and 10(3)",
        _REPLY,
        "method_used",
        _m01,
    ),
    Rule(
        "REM-1",
        "No remark without an agreement",
        "the agreement between the two States; domain rule of the least data",
        _WRITE,
        "remark",
        _rem1,
    ),
    Rule("REM-2", "A remark that cannot be read is held", "policy of this gateway", _WRITE, "remark", _rem2),
    Rule(
        "REM-3",
        "A person confirms exactly the words that leave",
        "policy of this gateway",
        _WRITE,
        "remark",
        _rem3,
    ),
    Rule("REM-4", "Nothing of the record in a remark", "policy of this gateway", _WRITE, "remark", _rem4),
    Rule(
        "REM-5",
        "What a remark tells of protection stops the message",
        "UNICEF Guidelines 7.3; Directive 2013/32/EU Article 30",
        _OUT,
        "asylum",
        _rem5,
    ),
)

_UNREADABLE = (LookupError, TypeError, ValueError, AttributeError, OverflowError)
"""What a check raises over facts that are missing, or are of another kind than they should be."""


def findings(when: When, facts: Facts) -> tuple[Finding, ...]:
    """
    Return what every rule looked at in the moment ``when`` finds in ``facts``; empty means nothing objects.

    A check that cannot read its facts (a field is missing) objects: unknown means no.
    """
    found = []
    for rule, check in _BY_WHEN[when]:
        try:
            because = check(facts)
        except _UNREADABLE:
            because = "a field this rule needs is missing or unreadable"
        if because:
            found.append(Finding(rule.id, because, rule.where))
    return tuple(found)


_BY_WHEN: Mapping[When, tuple[tuple[Rule, Check], ...]] = {
    when: tuple((rule, rule.check) for rule in RULES if when in rule.when and rule.check is not None) for when in When
}
