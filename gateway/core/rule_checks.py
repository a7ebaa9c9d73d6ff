"""
The checks of the rules that are not of a return alone, in the order of their ids: each returns why it objects, or
``None``.

What is not there or is something else raises, and ``findings`` makes an objection of it (``gateway.core.rules``).
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import schemas
from gateway.core.age import birth_objects, born_a_minor, is_decided, treat_as_minor
from gateway.core.calendars import local_date
from gateway.core.case import CONCLUDED, Side, State
from gateway.core.clocks import notice_until
from gateway.core.documents import STATUS_CODES, STATUS_TYPES
from gateway.core.edtf import overlaps, parse
from gateway.core.facts import Facts, day_of, is_on_or_before, is_text
from gateway.core.messages import (
    ACCEPTANCE,
    AFTER_WITHDRAWAL,
    CONTEST,
    DENIALS,
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
    RECTIFICATION,
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
from gateway.core.return_checks import is_as_of_entry, moves_return

EXEMPT = AFTER_WITHDRAWAL | {WITHDRAWAL}
"""
The only types that may leave while nothing else may (``docs/protocol.md`` section 5): first the withdrawal, then what
takes data back. There is no second list, and no other way past R-01. A rectification that brings a value is not exempt.
"""


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
    if not (is_text(state["attested_by"]) and is_text(state["attested_on"]) and is_text(state["basis"])):
        return "'none' is not attested: who, when and on what basis are all needed"
    if not is_on_or_before(state["attested_on"], facts.today):
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
    if not is_text(entry_date):
        return "permanent residence is asked as of the date of entry, which is missing"
    permit = _elements(facts).get("permit")
    # What another State asks is taken as it is; of ours there is one question, and one day.
    if permit is None or facts.draft is None or overlaps(parse(permit["as_of"]), parse(str(entry_date))):
        return None
    return "the permit is asked about as of another day than that of entry"


_ONWARD = frozenset(schemas.codes("onward"))


def r05(facts: Facts) -> str | None:
    handling = facts.body.get("handling")
    if handling is None:
        personal = facts.type in TYPES and TYPES[facts.type].personal
        return "a body about a person carries no conditions" if personal else None
    if missing := [name for name in ("purpose", "legal_basis") if not is_text(handling.get(name))]:
        return f"{', '.join(missing)} is not stated"
    if handling.get("onward") not in _ONWARD:
        return "onward is not stated"
    if not _codes(handling["use_restrictions"]):
        return "no use restriction is stated"
    over = day_of(handling["retain_until"]) <= facts.now.date()
    if over and facts.type != HANDOVER:  # who has left is handed over, whatever day has come since
        return "retain_until is not in the future"
    return None


_AGE_CLASSES = frozenset(schemas.codes("age_class"))


def _whatever_age(facts: Facts) -> bool:
    """Return whether the message sets right, asks anew or for the use of data, stops, declines, or is of who left."""
    if facts.type == SCHEDULE:
        return not moves_return(facts)
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
    if not treat_as_minor(file) and is_decided(age) and not is_on_or_before(age["decision"]["on"], facts.today):
        return "the age decision is of a day that has not come"
    if facts.around.minor_elsewhere and not treat_as_minor(file):
        return MINOR_ELSEWHERE
    return birth_objects(file, facts.today)


def r07(facts: Facts) -> str | None:
    file = _file(facts)
    if file is None or _exempt(facts) or not treat_as_minor(file):
        return None
    representative = file["representative"]
    if representative is None or not (is_text(representative["ref"]) and is_text(representative["signed_by"])):
        return "no signed reference of an appointed guardian or representative"
    if not is_on_or_before(representative["appointed_on"], facts.today):
        return "the guardian or representative is appointed from a day that has not come"
    return None


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
    over = notice_until(clock, day_of(facts.delay["eta"])) < today
    return "the day that the notice of delay named, or the longest that one stands for, is past" if over else None


def r13(facts: Facts) -> str | None:
    reason = facts.justification if facts.justification is not None else (facts.draft or {}).get("justification")
    return None if is_text(reason) else "no justification is given"


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
    if ground is None or ground["code"] not in _GROUNDS or not is_text(ground["reference"]):
        return "no ground for the transfer with its reference"
    return None


def _checked(check: Any, today: date) -> bool:
    """Return whether somebody named carried out the endangerment check on a day that is not to come."""
    return isinstance(check, Mapping) and is_text(check["by"]) and is_on_or_before(check["on"], today)


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
    if facts.side is Side.REQUESTED and not is_as_of_entry(facts.body, facts.question.get("elements", {})):
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
