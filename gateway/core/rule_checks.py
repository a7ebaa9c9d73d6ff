"""
The checks of the rules, in the order of their ids: each returns why it objects, or ``None``.

What is not there or is something else raises, and ``findings`` makes an objection of it (``gateway.core.rules``).
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

import schemas
from gateway.core.age import birth_objects, born_a_minor, is_decided, treat_as_minor
from gateway.core.calendars import local_date
from gateway.core.case import CONCLUDED, Side, State
from gateway.core.clocks import notice_until
from gateway.core.documents import STATUS_CODES, STATUS_TYPES
from gateway.core.edtf import overlaps, parse
from gateway.core.facts import Facts
from gateway.core.messages import (
    ACCEPTANCE,
    AFTER_WITHDRAWAL,
    CONTEST,
    DENIALS,
    DOCUMENT,
    DOCUMENT_REQUEST,
    ELEMENTS,
    ERASURE,
    HANDOVER,
    INTERVIEW_ANSWER,
    NEGATIVE_OUTCOMES,
    ONWARD_ANSWER,
    ONWARD_REQUEST,
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
    TAKE_BACK,
    TYPES,
    USE_ANSWER,
    USE_REQUEST,
    WITHDRAWAL,
    allowed_methods,
)
from gateway.core.remark import is_confirmed, is_read, is_waiting, still_stops, wire_value

EXEMPT = AFTER_WITHDRAWAL | {WITHDRAWAL}
"""
The only types that may leave while nothing else may (``docs/protocol.md`` section 5): first the withdrawal, then what
takes data back. There is no second list, and no other way past R-01. A rectification that brings a value is not exempt.
"""


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _day(value: Any) -> date:
    return date.fromisoformat(value)  # what is no text is a ``TypeError``


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


NOT_YET = "'none' is attested as of a day that has not come: stop the case and have it attested anew, or wait"
"""What a clock that was ahead has left in a file, or a hand that wrote the wrong day."""

STOPPED_ELSEWHERE = "something became known that may concern this person: look at the case for a reason to learn what"
"""That another case of the person is stopped is content, and told for a reason alone."""


def r01(facts: Facts) -> str | None:
    if _exempt(facts):
        return None
    file = _file(facts)
    if file is None:
        return None  # the requested side holds no such field
    state = file["asylum"]
    if state["state"] != "none":
        return "the protection state is another; only an attested 'none' lets anything leave"
    if not (_text(state["attested_by"]) and _text(state["attested_on"]) and _text(state["basis"])):
        return "'none' is not attested: who, when and on what basis are all needed"
    if not _on_or_before(state["attested_on"], facts.today):
        return NOT_YET
    return STOPPED_ELSEWHERE if facts.around.person_stopped else None


NOT_LET_GO = "who stopped the case has not let go; nothing of it is passed on"
"""Why data of a case that was closed while stopped is not passed on; that it is not may be said."""


def r02(facts: Facts) -> str | None:
    if facts.frozen and facts.type == SUSPENSION and facts.side is Side.REQUESTED:
        return None  # a veto of the side that is asked must be heard; it says that, and nothing else
    if facts.abroad and facts.side is Side.REQUESTED and facts.state is State.WITHDRAWN and not facts.held:
        return None  # the other State withdrew, which closes no number of ours: this one has to be used (M-5.23)
    if facts.frozen and not _exempt(facts):
        return "the case is frozen; nothing but a withdrawal may leave"
    if facts.frozen and facts.type != WITHDRAWAL and facts.state not in CONCLUDED:
        return "the case is frozen; what was said is taken back before it is corrected"
    if facts.state is State.SUSPENDED and facts.type not in (SUSPENSION, RESUMPTION) and not _exempt(facts):
        return "the case is suspended"
    if facts.held and facts.type == ONWARD_ANSWER and facts.body["decision"] == "GRANTED":
        return NOT_LET_GO
    return None


def _elements(facts: Facts) -> Mapping[str, Any]:
    elements: Mapping[str, Any] | None = facts.body.get("elements")
    return {} if elements is None else elements


def r03(facts: Facts) -> str | None:
    entry_date = _elements(facts).get("entry_date")
    if entry_date is None and facts.type != REQUEST:
        return None
    purpose = facts.body["handling"]["purpose"]
    if purpose not in OUTCOMES_FOR:
        return "it is not known what is asked"
    if purpose != "PERM_RESIDENCE":
        return None if entry_date is None else "nationality is asked as of now; the date of entry must not be sent"
    if not _text(entry_date):
        return "permanent residence is asked as of the date of entry, which is missing"
    permit = _elements(facts).get("permit")
    # What another State asks is taken as it is; of ours there is one question, and one day.
    if permit is None or facts.draft is None or overlaps(parse(permit["as_of"]), parse(str(entry_date))):
        return None
    return "the permit is asked about as of another day than that of entry"


_LEFT = frozenset(
    {
        *(State.DEPARTED, State.RECALL, State.HANDED_OVER, State.MONITORING, State.CLOSED),
        *(State.CONSIDERED, State.ASSESSED, State.NOT_RETURNED, State.PROPOSED),
    }
)
"""
States in which the news of a departure may still wait to be posted; in the last ones the person was called back since,
and word of that waits behind it.
"""


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


def r04(facts: Facts) -> str | None:
    if not _moves_return(facts):
        return None
    if facts.reply is None or (facts.side is not Side.REQUESTED and not _text(facts.reply_digest)):
        return "there is no signed reply, and silence is none, whatever an agreement says of it"
    if facts.reply["outcome"] not in POSITIVE_OUTCOMES & OUTCOMES_FOR[facts.reply["handling"]["purpose"]]:
        return "the reply does not say yes to the question that was asked"
    if not _text(facts.reply["signed_by_role"]):
        return "nobody is named who signed the reply"
    if facts.side is not Side.REQUESTED and not _as_of_entry(facts.reply, (facts.draft or {})["elements"]):
        return "the reply is not as of the day of entry"
    if facts.reply["valid_until"] is not None and _day(facts.reply["valid_until"]) < facts.now.date():
        return "the reply is no longer valid"
    if facts.type == PROPOSAL and facts.side is not Side.REQUESTED and facts.body["reply"] != facts.reply_digest:
        return "the proposal rests on another reply than the one on file"
    return None


def _as_of_entry(reply: Mapping[str, Any], elements: Mapping[str, Any]) -> bool:
    """Return whether a reply about permanent residence is as of a day on which the person may have entered."""
    if reply["outcome"] not in _OF_RESIDENCE:
        return True
    entry = parse(elements["entry_date"])
    return entry.lower <= _day(reply["as_of"]) <= entry.upper


_OF_RESIDENCE = frozenset({"PR_AT_DATE", "NO_PR_AT_DATE"})
"""Outcomes that are about the day of entry; a nationality is asked and answered as of now."""


_ONWARD = frozenset(schemas.codes("onward"))


def r05(facts: Facts) -> str | None:
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
    over = _day(handling["retain_until"]) <= facts.now.date()
    if over and facts.type != HANDOVER:  # who has left is handed over, whatever day has come since
        return "retain_until is not in the future"
    return None


_AGE_CLASSES = frozenset(schemas.codes("age_class"))


def _whatever_age(facts: Facts) -> bool:
    """Return whether the message sets right, asks anew or for the use of data, stops, declines, or is of who left."""
    if facts.type == SCHEDULE:
        return not _moves_return(facts)
    if facts.type == INTERVIEW_ANSWER:
        return bool(facts.body.get("decision") == "DECLINED")
    # A rectification that brings values is looked at as the elements that leave with it.
    return facts.type in _WHATEVER_AGE or (facts.type == ELEMENTS and "parts" in facts.body)


_WHATEVER_AGE = frozenset(
    {
        *(RECTIFICATION, CONTEST, USE_REQUEST, USE_ANSWER, ONWARD_REQUEST, ONWARD_ANSWER),
        *(SUSPENSION, TAKE_BACK, HANDOVER),
    }
)


def _accepted_as_adult(facts: Facts) -> str | None:
    """Return why the side that is asked accepts no return of an adult: what was sent makes a minor of her."""
    accepts = facts.type == ACCEPTANCE and facts.body["decision"] == "accepted" and not facts.body["represented"]
    sent = (facts.question or {}).get("elements") or {}
    if accepts and born_a_minor(sent, facts.today):
        return "by the date of birth that was sent the person is a minor, and is proposed as an adult: refuse it"
    return None


MINOR_ELSEWHERE = "another open case with the same number has the person as a minor; one of the two is set right first"
NO_ELSEWHERE = "in another case with the same number the person said no, and no other wish was written since"
"""
Which case that is no rule knows: a refusal is heard by whoever takes the step, who may not read the other one. A desk
that looks at this one for a reason learns it (``gateway.services.elsewhere``).
"""


def r06(facts: Facts) -> str | None:
    file = _file(facts)
    if file is None:
        return _accepted_as_adult(facts)
    if _whatever_age(facts):
        return None
    age = file["age"]
    if age["class"] not in _AGE_CLASSES or not isinstance(age.get("treat_as_child", False), bool):
        return "it cannot be read what is known about age"
    if age["class"] == "minor" and age.get("treat_as_child") is False:
        return "a minor cannot be treated as an adult"
    if age["class"] == "unknown" and age.get("treat_as_child") is False and not is_decided(age):
        return "age is unknown and no age decision is on record, so the person is treated as a minor"
    if _exempt(facts):
        return None
    if not treat_as_minor(file) and is_decided(age) and not _on_or_before(age["decision"]["on"], facts.today):
        return "the age decision is of a day that has not come"
    if facts.around.minor_elsewhere and not treat_as_minor(file):
        return MINOR_ELSEWHERE
    return birth_objects(file, facts.today)


def r07(facts: Facts) -> str | None:
    file = _file(facts)
    if file is None or _exempt(facts) or not treat_as_minor(file):
        return None
    representative = file["representative"]
    if representative is None or not (_text(representative["ref"]) and _text(representative["signed_by"])):
        return "no signed reference of an appointed guardian or representative"
    if not _on_or_before(representative["appointed_on"], facts.today):
        return "the guardian or representative is appointed from a day that has not come"
    return None


def r08(facts: Facts) -> str | None:
    if not _sends_return(facts):
        return None
    file, record = _return_record(facts)
    today = facts.today
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


def r09(facts: Facts) -> str | None:
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
            if (one["kind"], _day(one["on"])) == (kind, last) and (because := _unfit(one, facts.today)):
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


def r10(facts: Facts) -> str | None:
    if not _moves_return(facts):
        return None
    minor = _of_a_minor(facts)
    if not minor and facts.type != SCHEDULE:
        return None  # of an adult both authorities are looked at again when she is about to travel
    if facts.type != PROPOSAL and (because := _no_carer(facts)):
        return because
    asks = facts.side is not Side.REQUESTED
    ours, theirs = ("return.release", "return.acceptance") if asks else ("return.acceptance", "return.release")
    needed = {("ours", ours), ("theirs", theirs)} - ({("theirs", theirs)} if facts.type == PROPOSAL else set())
    signed = {
        (release.authority, release.kind)
        for release in facts.releases
        if release.role == ("welfare" if minor else _OF_AN_ADULT.get(release.kind))
        and datetime.fromisoformat(release.valid_until) > facts.now
    }
    if needed - signed:
        return "the authority in charge of each State must have signed, and its signature must still be valid"
    return None


_OF_AN_ADULT = {"return.release": "coordinator", "return.acceptance": "desk_head"}
"""Who signs for an adult, by the kind of the statement."""


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
    if not _text(carer["class"]) or not _text(carer["agreed_in_writing_on"]):
        return "who will receive the person has not agreed in writing"
    if not _on_or_before(carer["agreed_in_writing_on"], today):
        return "who will receive the person agreed on a day that has not begun in UTC yet"
    return "the acceptance is no longer valid" if _day(acceptance["expires_on"]) < today else None


def _departs(facts: Facts) -> bool:
    return _moves_return(facts) and facts.type == SCHEDULE and facts.body.get("status") != "planned"


def r12(facts: Facts) -> str | None:
    if not _departs(facts):
        return None
    _, record = _return_record(facts)
    if not _on_or_before(record["contacts_given_on"], facts.today):
        return "the person has not been given the addresses of those who can help"
    return None


def r23(facts: Facts) -> str | None:
    handling = facts.body.get("handling")
    if handling is not None and (not _text(handling["legal_basis"]) or "CONSENT" in handling["legal_basis"].upper()):
        return "consent is never the only ground of a disclosure"
    if not _sends_return(facts):
        return None
    file, record = _return_record(facts)
    if because := _not_her_wish(record, facts.today, minor=treat_as_minor(file)):
        return because
    counts_from = facts.around.no_elsewhere
    if counts_from is not None and _day(record["wish"]["written_on"]) < counts_from:
        return NO_ELSEWHERE
    return _not_today(facts, record) or _not_to_be_told(facts, record)


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


def _not_to_be_told(facts: Facts, record: Mapping[str, Any]) -> str | None:
    """Return why what must be at hand on the way may not be told, or ``None``: it is told with consent alone."""
    if facts.type != SCHEDULE or not facts.body.get("medical_needs"):
        return None
    if _on_or_before(record["travel"].get("medical_consent_on"), facts.today):
        return None
    return "the person has not agreed that medical needs are told"


def r11(facts: Facts) -> str | None:
    if _file(facts) is not None or facts.side is Side.REQUESTING or facts.frozen:
        return None  # the duty to answer is that of the side that is asked
    if facts.state in CONCLUDED or facts.reply is not None:
        return None
    clock = next((clock for clock in facts.clocks if clock.step == "reply"), None)
    if clock is None:
        return "it is not known by when the reply is due"
    today = local_date(facts.now, clock.zone)
    if today < clock.delay_on:
        return None
    if facts.delay is None:
        return "four fifths of the time are over, and there is neither a reply nor a notice of delay"
    over = notice_until(clock, _day(facts.delay["eta"])) < today
    return "the day that the notice of delay named, or the longest that one stands for, is past" if over else None


def r13(facts: Facts) -> str | None:
    reason = facts.justification if facts.justification is not None else (facts.draft or {}).get("justification")
    return None if _text(reason) else "no justification is given"


def r14(facts: Facts) -> str | None:
    file = _file(facts)
    if file is not None and file["category"] != "subject":
        return "the category is another; only a subject may be asked about"
    return None


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield each member of ``value`` at any depth: its name and what it holds."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, (list, tuple)):
            waiting.extend(one)
        elif not isinstance(one, str) and isinstance(one, Mapping):
            yield from one.items()
            waiting.extend(one.values())


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


def r15(facts: Facts) -> str | None:
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


def r16(facts: Facts) -> str | None:
    asked = _unanswered(facts) & {RECTIFICATION, ERASURE}
    return "a correction or an erasure that was asked for is not confirmed" if asked else None


def r17(facts: Facts) -> str | None:
    return "a question about the use of the data is not answered" if USE_REQUEST in _unanswered(facts) else None


_GROUNDS = frozenset(schemas.codes("transfer_ground"))


def r19(facts: Facts) -> str | None:
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


def r20(facts: Facts) -> str | None:
    file = _file(facts)
    if file is None or _exempt(facts):
        return None
    check = file["endangerment_check"]
    if check is None or check["result"] == "not_done":
        return "the endangerment check is not done" if treat_as_minor(file) else None
    if check["result"] != "passed":
        return "the endangerment check did not pass"
    return None if _checked(check, facts.today) else "the endangerment check does not say who made it and when"


_TELLING = re.compile(r"asylum|refugee|traffick|victim|exploit", re.IGNORECASE)
_WORDS = tuple(_TELLING.pattern.split("|"))
_NAMES = frozenset({"names", "mother_given_names", "father_given_names"})
"""Elements that are a person's own name, where a word says nothing."""


def r21(facts: Facts) -> str | None:
    body = {**facts.body, "elements": {name: _elements(facts)[name] for name in _elements(facts).keys() - _NAMES}}
    if any(_says(name) or _tells(value) for name, value in _members(body)):
        return "the message says more than who is asked about"
    document = _elements(facts).get("document")
    if document is not None and document["type"] in STATUS_TYPES:
        return "the kind of the document tells a status; a passport of any kind is a P"
    return None


def _tells(value: Any) -> bool:
    """Return whether text, alone or in a list, names a status: in words, or as a code that passports use for one."""
    if isinstance(value, (list, tuple)):
        return any(_tells(inner) for inner in value)
    return isinstance(value, str) and (value in STATUS_CODES or _says(value))


def _says(text: str) -> bool:
    """Return whether a text has one of the words; in ASCII, as images are, a pattern takes fifteen times as long."""
    if text.isascii():
        small = text.lower()
        return any(word in small for word in _WORDS)
    return _TELLING.search(text) is not None


def r24(facts: Facts) -> str | None:
    file = _file(facts)
    if file is None or not _lets_a_consulate_in(facts):
        return None
    check = file["endangerment_check"]
    if check is None or check["result"] != "passed" or not _checked(check, facts.today):
        return "a consulate is let in only after the endangerment check has passed, for an adult too"
    return None


def _lets_a_consulate_in(facts: Facts) -> bool:
    if facts.type == REQUEST:
        return "CONSULAR_INTERVIEW" in allowed_methods(facts.body["method_limit"], no_contact=False)
    if facts.type == INTERVIEW_ANSWER:
        return bool(facts.body["decision"] != "DECLINED")
    return facts.type == DOCUMENT_REQUEST


def v36(facts: Facts) -> str | None:
    if not _sends_return(facts) or facts.type == PROPOSAL:
        return None
    _, record = _return_record(facts)
    decision, today = record["decision"], facts.today
    if not (_text(decision["ref"]) and _text(decision["authority"]) and _on_or_before(decision["on"], today)):
        return "no decision of a competent body is on record"
    if decision["remedies_explained"] is not True:
        return "the remedies against the decision were not explained"
    if decision["waived"] is not True and _day(decision["appeal_until"]) >= today:
        return "a remedy against the decision is still open"
    return None


def r26(facts: Facts) -> str | None:
    if facts.type != REPLY:
        return None
    outcome, matched = facts.body["outcome"], _codes(facts.body["match_basis"])
    if outcome == "NOT_FOUND" and (matched or facts.body["reason"] is not None):
        return "NOT_FOUND carries neither a match nor a reason; it says that no entry was found and nothing more"
    if outcome in DENIALS and not matched:
        return f"{outcome} must rest on an entry that was found; where none was, the outcome is NOT_FOUND"
    if outcome in POSITIVE_OUTCOMES and not matched:
        return "a positive outcome names the elements that matched"
    return None if outcome in _OUTCOMES else "it is not known what the reply says"


_OUTCOMES = frozenset().union(*OUTCOMES_FOR.values())


def n01(facts: Facts) -> str | None:
    if facts.around.no_contact is None or _exempt(facts):
        return None
    if facts.side is Side.REQUESTED:
        return None  # what such a State asks us is no contact of ours: people decide on each answer to it
    return "the State is on the no-contact list"


def n02(facts: Facts) -> str | None:
    if facts.around.recipient_ready is True:
        return None
    return "no valid sealing key of the recipient is held, or the State is on hold"


def q01(facts: Facts) -> str | None:
    if facts.type != REPLY:
        return None
    if facts.question is None:
        return "the question that the reply answers is not known"
    purpose = facts.question["handling"]["purpose"]
    if facts.body["outcome"] not in OUTCOMES_FOR[purpose]:
        return f"{facts.body['outcome']} does not answer the question {purpose}"
    if facts.body["handling"]["purpose"] != purpose:
        return "the reply names another purpose than the request"
    # What another State sends is taken as it is; no return rests on it then, and it may be contested.
    if facts.side is Side.REQUESTED and not _as_of_entry(facts.body, facts.question.get("elements", {})):
        return "permanent residence is answered as of the day of entry"
    return None


def m01(facts: Facts) -> str | None:
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


def rem1(facts: Facts) -> str | None:
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


def rem2(facts: Facts) -> str | None:
    if not _remark_matters(facts):
        return None
    remark = facts.remark.remark
    if remark is None or not is_read(facts.draft, remark):
        return "the remark has not been read and redacted as it stands in the record"
    return f"the remark is held: {', '.join(remark.reasons)}" if remark.reasons else None


def rem3(facts: Facts) -> str | None:
    if not _remark_matters(facts):
        return None
    remark = facts.remark.remark
    if remark is None or not is_confirmed(facts.draft, remark):
        return "nobody has confirmed the redacted remark as it stands, beside the record as it stands"
    if facts.body.get("remark") != wire_value(remark):
        return "the body has another remark than the one that was confirmed"
    return None


def rem4(facts: Facts) -> str | None:
    if "remark" not in facts.body:
        return None
    if facts.remark.leaks is None:
        return "nobody has compared the remark with the record"
    if facts.remark.leaks:
        return f"the remark tells something of the record: {', '.join(facts.remark.leaks)}"
    return None


def rem5(facts: Facts) -> str | None:
    stop = facts.remark.stop
    if stop is None or _exempt(facts):
        return None
    if not still_stops(stop, (_file(facts) or {})["asylum"]):
        return None  # looked at anew since, by whoever attests: that decides, as ever
    return "a remark told of a need for protection, or may have; the state is attested anew before anything leaves"
