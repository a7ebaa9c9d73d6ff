"""Every rule objects when it should, at each moment it is looked at, and only then."""

from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import schemas
from gateway.core.age import treat_as_minor
from gateway.core.case import Notice, Release, Side, State, Stop
from gateway.core.facts import NOBODY_LOOKED, Facts, When, about
from gateway.core.messages import (
    ACCEPTANCE,
    ACKNOWLEDGEMENT,
    DOCUMENT,
    DOCUMENT_REQUEST,
    ELEMENTS,
    ERASURE,
    HANDOVER,
    INTERVIEW_ANSWER,
    MONITORING,
    NEGATIVE_OUTCOMES,
    ONWARD_ANSWER,
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
    USE_REQUEST,
    WITHDRAWAL,
)
from gateway.core.remark import About, digest_of
from gateway.core.rule_checks import EXEMPT
from gateway.core.rules import RULES, Rule, findings
from tests.core import support
from tests.core.support import AROUND, NOW, REQUEST_BODY, TOKEN, around, clock, draft, reply
from tests.support.rows import for_each

REPRESENTATIVE = {"ref": support.TOKEN, "appointed_on": "2026-11-18", "signed_by": "Family Court"}
DECISION = {"ref": "AGE-7", "on": "2026-11-19", "by": "Youth Office"}
HANDLING = REQUEST_BODY["handling"]
ASKED_FOR = {**REQUEST_BODY, "method_limit": "M0"}
RESIDENCE = {**ASKED_FOR, "handling": {**HANDLING, "purpose": "PERM_RESIDENCE"}}
PERMIT = {"type": "PR", "number": "77-1234"}


LISTED = around(no_contact="relations are broken off")
MINOR = {"class": "minor", "decision": None}
ADULT = {"class": "adult", "decision": None}


def request(record: dict[str, Any] | None = None, **changes: Any) -> Facts:
    """Return the facts about a good request for ``record``."""
    return replace(Facts(NOW, record or draft(), REQUEST, REQUEST_BODY, notices=(), around=AROUND), **changes)


def passing_on(decision: str, **changes: Any) -> Facts:
    """Return the facts about an answer on onward transfer, of a case that is closed."""
    body = {"number": 1, "decision": decision, "until": "2027-01-31" if decision == "GRANTED" else None}
    return request(type=ONWARD_ANSWER, body=body, state=State.CLOSED, **changes)


def born(birth_date: str, age: dict[str, Any] = ADULT, type: str = REQUEST) -> Facts:
    """Return the facts about a message of ``type`` for somebody of ``age`` who was born then."""
    record = draft(age=age)
    return request({**record, "elements": {**record["elements"], "birth_date": birth_date}}, type=type)


def agreeing(birth_date: str, decision: str) -> Facts:
    """Return the facts about an answer to an interview, for an adult by the file who was born then."""
    return replace(born(birth_date, type=INTERVIEW_ANSWER), body={"decision": decision})


def accepting(birth_date: str, **changes: Any) -> Facts:
    """Return the facts about our acceptance of an adult's return, of somebody who was born then by what was sent."""
    asked = {**ASKED_FOR, "elements": {**REQUEST_BODY["elements"], "birth_date": birth_date}}
    return adult(ACCEPTANCE, {**ACCEPTED, "represented": False, **changes}, question=asked)


def decided(on: str) -> dict[str, Any]:
    """Return what is on record of the age of somebody who was said to be an adult on a day."""
    return {"class": "adult", "decision": {**DECISION, "on": on}}


def taking_back(type: str, state: State = State.WITHDRAWN, **body: Any) -> Facts:
    """Return the facts about what may leave when nothing else may, from a file in which everything says no."""
    record = draft(
        age=MINOR,
        asylum={**support.DRAFT["asylum"], "state": "requested"},
        endangerment_check=ENDANGERED,
        transfer_ground=None,
    )
    says = {"number": 1, "parts": ["SEX"], "handling": None, "elements": None} if type == RECTIFICATION else {}
    return Facts(
        NOW,
        record,
        type,
        {**says, **body},
        frozen=True,
        around=around(no_contact="listed", person_stopped=True),
        side=Side.REQUESTING,
        state=state,
    )


def everything_taken_back() -> dict[str, Facts]:
    """Return each message that may leave when nothing else may."""
    return {type: taking_back(type) for type in EXEMPT}


def answer(value: dict[str, Any], question: dict[str, Any] | None = ASKED_FOR) -> Facts:
    """Return the facts about a reply."""
    return Facts(NOW, None, REPLY, value, question=question, justification="answer", around=AROUND)


def after_withdrawal(**changes: Any) -> Facts:
    """Return the facts about a reply in a case that the other State withdrew."""
    return replace(answer(reply()), **{"side": Side.REQUESTED, "state": State.WITHDRAWN, "frozen": True, **changes})


def resident_on(day: str) -> dict[str, Any]:
    """Return the reply that somebody had the right to live there on a day."""
    return reply("PR_AT_DATE", handling=RESIDENCE["handling"], as_of=day)


def answered(value: dict[str, Any], entry_date: str = "2024-08") -> Facts:
    """Return the facts about a reply of ours to the question about somebody who entered then."""
    question = {**RESIDENCE, "elements": {**REQUEST_BODY["elements"], "entry_date": entry_date}}
    return replace(answer(value, question), side=Side.REQUESTED)


def body(**changes: Any) -> Facts:
    """Return the facts about a request whose body has members changed."""
    return request(body={**REQUEST_BODY, **changes})


def asylum(**changes: Any) -> Facts:
    """Return the facts about a request whose protection state is changed."""
    return request(draft(asylum={**support.DRAFT["asylum"], **changes}))


def minor(**changes: Any) -> Facts:
    """Return the facts about a represented minor."""
    return request(draft(age=MINOR, representative=REPRESENTATIVE, **changes))


def minor_with(**changes: Any) -> Facts:
    """Return the facts about a minor whose appointment is changed."""
    return request(draft(age=MINOR, representative={**REPRESENTATIVE, **changes}))


def residence(**elements: Any) -> Facts:
    """Return the facts about a question for permanent residence."""
    return body(handling={**HANDLING, "purpose": "PERM_RESIDENCE"}, elements={**REQUEST_BODY["elements"], **elements})


def consular(**changes: Any) -> Facts:
    """Return the facts about a request that lets a consulate interview the person."""
    return request(draft(**changes), body={**REQUEST_BODY, "method_limit": "M2"})


RECORD: dict[str, Any] = {
    "wish": {
        "options_explained_on": "2026-11-20",
        "language": "ru",
        "interpreter": "INT-31",
        "wish": "return",
        "written_on": "2026-11-21",
        "copy_given": True,
        "revoked_on": None,
        "detained_now": False,
    },
    "views": {"heard_on": "2026-11-21", "by": "guardian"},
    "identification": {"concluded_on": "2026-10-10"},
    "reflection": {"granted_on": "2026-10-15", "ends_on": "2026-11-20", "waived_in_writing_on": None},
    "proceedings": {"open": False, "presence_needed": False, "released_by": None},
    "assessments": [
        {"kind": kind, "positive": True, "on": "2026-11-22", "expires_on": "2026-12-20", "signer": "child_welfare"}
        for kind in ("risk", "best_interests", "family")
    ],
    "decision": {
        "ref": "R 7/26",
        "authority": "Return Council",
        "on": "2026-11-25",
        "remedies_explained": True,
        "appeal_until": "2026-11-30",
        "waived": False,
    },
    "contacts_given_on": "2026-11-30",
    "reconfirmation": {"on": "2026-12-01", "by": "guardian", "consent_stands": True},
    "travel": {"departs_at": "2026-12-01T15:00:00+01:00", "notice_h": 48},
}
"""A record of a return in which everything is in order on the day of departure."""

CONCLUSION = {
    "kind": "risk",
    "positive": True,
    "on": "2026-11-22",
    "expires_on": "2026-12-20",
    "signed_by_role": "welfare",
}
RETURN_HANDLING = {**HANDLING, "purpose": "RETURN_ARRANGEMENT"}
TRAVEL_HANDLING = {**HANDLING, "purpose": "TRAVEL_DOC"}
PROPOSED: dict[str, Any] = {
    "handling": RETURN_HANDLING,
    "reply": "digest of the reply",
    "represented": True,
    "conclusions": [CONCLUSION],
}
ACCEPTED: dict[str, Any] = {
    "handling": RETURN_HANDLING,
    "decision": "accepted",
    "represented": True,
    "carer": {"class": "RELATIVE", "ref": TOKEN, "agreed_in_writing_on": "2026-11-25"},
    "signed_on": "2026-11-26",
    "expires_on": "2026-12-26",
}
DEPARTED: dict[str, Any] = {"handling": RETURN_HANDLING, "status": "departed"}
PLANNED = {**DEPARTED, "status": "planned"}
CANCELLED = {**DEPARTED, "status": "cancelled"}
TURNED_DOWN = {**ACCEPTED, "decision": "refused", "carer": None}
BODIES: dict[str, dict[str, Any]] = {
    PROPOSAL: PROPOSED,
    DOCUMENT_REQUEST: {"handling": TRAVEL_HANDLING, "elements": {}, "needed_by": "2026-12-10"},
    SCHEDULE: DEPARTED,
    ACCEPTANCE: ACCEPTED,
    DOCUMENT: {"handling": TRAVEL_HANDLING, "document": {}},
    REISSUE: {"handling": TRAVEL_HANDLING, "document": {}},
}
OF_A = (PROPOSAL, DOCUMENT_REQUEST, SCHEDULE)
OF_B = (ACCEPTANCE, DOCUMENT, REISSUE)
SAFE_WAYS = (TAKE_BACK, MONITORING, HANDOVER, SUSPENSION, RESUMPTION)


def signed(authority: str, kind: str, **changes: Any) -> Release:
    """Return the statement of the welfare authority of one side."""
    made = Release(authority, f"return.{kind}", "welfare", "digest", "2026-12-20T00:00:00Z", "statement")
    return replace(made, **changes)


def journey(type: str = SCHEDULE, body: dict[str, Any] | None = None, **changes: Any) -> Facts:
    """Return the facts about a message of a minor's return that is in order, of the side whose message it is."""
    asks = type not in OF_B
    ours, theirs = ("release", "acceptance") if asks else ("acceptance", "release")
    made = Facts(
        NOW,
        draft(age=MINOR, representative=REPRESENTATIVE) if asks else None,
        type,
        BODIES.get(type, {}) if body is None else body,
        side=Side.REQUESTING if asks else Side.REQUESTED,
        record=RECORD if asks else None,
        said={PROPOSAL: PROPOSED, ACCEPTANCE: ACCEPTED},
        releases=(signed("ours", ours), signed("theirs", theirs)),
        reply=reply(),
        reply_digest="digest of the reply",
        justification="return",
        around=AROUND,
    )
    return replace(made, **changes)


def adult(type: str = SCHEDULE, body: dict[str, Any] | None = None, **changes: Any) -> Facts:
    """Return the facts about an adult's return, which the referral mechanism and the desk of each State signed."""
    body = {**PROPOSED, "represented": False} if type == PROPOSAL else body
    ours, theirs = signed("ours", "release", role="coordinator"), signed("theirs", "acceptance", role="desk_head")
    said = {PROPOSAL: {**PROPOSED, "represented": False}, ACCEPTANCE: {**ACCEPTED, "represented": False}}
    facts = journey(type, body, releases=(ours, theirs) if type == SCHEDULE else (), said=said)
    return replace(facts, **{**({"draft": draft()} if facts.draft else {}), **changes})


def entered(entry_date: str | None, **changes: Any) -> Facts:
    """Return the facts about a return of somebody who entered on a day."""
    elements = {**support.DRAFT["elements"], "entry_date": entry_date}
    return journey(draft=draft(age=MINOR, representative=REPRESENTATIVE, elements=elements), **changes)


def recorded(type: str = SCHEDULE, **members: Any) -> Facts:
    """Return the facts about a message of a return whose record has members changed; a mapping is laid over."""
    record = deepcopy(RECORD)
    for name, value in members.items():
        record[name] = {**record[name], **value} if isinstance(value, dict) else value
    return journey(type, record=record)


NEEDING = {**PLANNED, "medical_needs": ["OXYGEN"]}


def agreed_on(day: str) -> Facts:
    """Return the facts about a journey of somebody who agreed on a day that medical needs are told."""
    return recorded(travel={"medical_consent_on": day})


def evening(facts: Facts) -> Facts:
    """Return ``facts`` where the record is kept in the West, and it is the evening of the last of November yet."""
    return replace(facts, now=datetime(2026, 12, 1, 1, tzinfo=UTC), around=around(zone="America/Bogota"))


def assessed(about_what: str, **changes: Any) -> list[dict[str, Any]]:
    """Return the assessments of the record, that of one kind changed."""
    return [{**one, **changes} if one["kind"] == about_what else one for one in RECORD["assessments"]]


NOTHING_IN_ORDER: dict[str, Any] = {"record": None, "reply": None, "releases": (), "said": {}}


def safe_ways() -> dict[str, Facts]:
    """Return the messages that no rule of a return ever holds, from a case in which nothing is in order."""
    return {
        **{type: journey(type, {}, **NOTHING_IN_ORDER) for type in SAFE_WAYS},
        "cancelled": journey(SCHEDULE, CANCELLED, **NOTHING_IN_ORDER),
        "turned down": journey(ACCEPTANCE, TURNED_DOWN, **NOTHING_IN_ORDER),
        "no return": replace(request(), **NOTHING_IN_ORDER),
    }


def steps() -> dict[str, Facts]:
    """Return each message that takes a return further, in order."""
    return {type: journey(type) for type in (*OF_A, *OF_B)} | {"planned": journey(SCHEDULE, PLANNED)}


def owing(days_left: int = 2, **changes: Any) -> Facts:
    """Return the facts of the side that is asked and has not answered, ``days_left`` before its reply is due."""
    due_on = NOW.date() + timedelta(days=days_left)
    made = Facts(NOW, clocks=(clock(due_on=due_on),), side=Side.REQUESTED, state=State.ACKNOWLEDGED, notices=())
    return replace(made, **changes)


def demand(kind: str, **changes: Any) -> Facts:
    """Return the facts of a case in which something about data was asked."""
    asked = replace(Notice(kind, False, 1, "2026-11-20", {"number": 1}), **changes)
    return request(notices=(asked,))


@dataclass
class Cases:
    """What one rule refuses and what it lets pass, by name; ``missing`` are the facts with its field taken out."""

    refused: dict[str, Facts]
    passed: dict[str, Facts] = field(default_factory=dict)
    missing: Facts | None = None


def lacking(name: str) -> Facts:
    """Return the facts about a request whose record lacks a member."""
    record = draft()
    del record[name]
    return request(record)


REMARKED = draft(remark=support.WRITTEN)
REMARK = support.remark(REMARKED)
BESIDE = {**REQUEST_BODY, "remark": support.LEAVES}


def beside(body: dict[str, Any] = BESIDE, record: dict[str, Any] = REMARKED, **changes: Any) -> Facts:
    """Return the facts about a request with a remark that was read, redacted, compared and confirmed."""
    return request(record, body=body, remark=replace(About(REMARK, 500, ()), **changes))


def stopped(**changes: Any) -> Facts:
    """Return the facts about a request of a case in which a remark told of a need for protection yesterday."""
    stop = Stop(digest_of(support.DRAFT["asylum"]), "2026-11-30")
    return request(draft(asylum={**support.DRAFT["asylum"], **changes}), remark=About(stop=stop))


STATES = [state for state in schemas.codes("asylum_state") if state != "none"]
UNKNOWN_AGE = {"class": "unknown", "decision": None}
ENDANGERED = {"result": "failed", "by": "dora", "on": "2026-11-20"}

CASES: dict[str, Cases] = {
    "R-01": Cases(
        {
            **{state: asylum(state=state) for state in STATES},
            "word nobody knows": asylum(state="NONE"),
            "nobody attests": asylum(attested_by=None),
            "no day": asylum(attested_on=None),
            "no basis": asylum(basis=None),
            "attested tomorrow": asylum(attested_on="2026-12-02"),
            "no file": Facts(NOW, None, REQUEST, REQUEST_BODY),
            "no file of a return": journey(SUSPENSION, {}, draft=None),
            "another case of hers is stopped": request(around=around(person_stopped=True)),
            "a correction that brings a value": taking_back(RECTIFICATION, elements={"sex": 2}),
            "a correction nobody has read": replace(taking_back(RECTIFICATION), body={}),
            **{f"of a return: {type}": replace(asylum(state="pending"), type=type) for type in (*OF_A, *SAFE_WAYS)},
        },
        {
            "attested": request(),
            "attested today": asylum(attested_on="2026-12-01"),
            **everything_taken_back(),
            "the requested side": answer(reply()),
        },
        lacking("asylum"),
    ),
    "R-02": Cases(
        {
            "frozen": request(frozen=True),
            "corrected before it is taken back": taking_back(ERASURE, State.FROZEN),
            "a correction that brings a value": taking_back(RECTIFICATION, elements={"sex": 2}),
            "suspended": request(state=State.SUSPENDED),
            "an acceptance while it is frozen": journey(ACCEPTANCE, frozen=True, state=State.FROZEN),
            "frozen by the side that asks": journey(SUSPENSION, {}, frozen=True, state=State.FROZEN),
            "passed on, though closed while stopped": passing_on("GRANTED", held=True),
            "an answer that never left before the withdrawal": after_withdrawal(),
            "one that people here had stopped": after_withdrawal(abroad=True, held=True),
            "what who asks had posted before its withdrawal": request(frozen=True, state=State.WITHDRAWN, abroad=True),
            "posted before it was frozen": after_withdrawal(state=State.FROZEN, abroad=True),
        },
        {
            "passed on, and nobody stopped it": passing_on("GRANTED"),
            "not passed on, though closed while stopped": passing_on("REFUSED", held=True),
            "open": request(),
            "open, and somebody holds it": request(held=True),
            "an answer that was posted before the other State withdrew": after_withdrawal(abroad=True),
            "taken back while it is suspended": replace(taking_back(RECTIFICATION, State.SUSPENDED), frozen=False),
            "the withdrawal": taking_back(WITHDRAWAL, State.FROZEN),
            **everything_taken_back(),
            "that it is suspended": journey(SUSPENSION, {}, state=State.SUSPENDED),
            "that it goes on": journey(RESUMPTION, {}, state=State.SUSPENDED),
            "a veto": journey(SUSPENSION, {}, side=Side.REQUESTED, draft=None, frozen=True, state=State.FROZEN),
        },
    ),
    "R-03": Cases(
        {
            "elements that tell the day": replace(
                body(elements={**REQUEST_BODY["elements"], "entry_date": "2024-08"}), type=ELEMENTS
            ),
            "residence without its day": residence(),
            "nationality with a day of entry": body(elements={**REQUEST_BODY["elements"], "entry_date": "2024-08"}),
            "another question": body(handling={**HANDLING, "purpose": "RETURN_ARRANGEMENT"}),
            "no question": request(body={}),
            "a permit as of today": residence(entry_date="2024-08", permit={**PERMIT, "as_of": "2026-12-01"}),
        },
        {
            "nationality": request(),
            "residence": residence(entry_date="2024-08/2024-10"),
            "a permit as of those days": residence(entry_date="2024-08/2024-10", permit={**PERMIT, "as_of": "2024-09"}),
            "a permit as of today, of another State": replace(
                residence(entry_date="2024-08", permit={**PERMIT, "as_of": "2026-12-01"}), draft=None
            ),
            "an answer to a question": replace(residence(), type=ELEMENTS),
            "no request": request(body={}, type=""),
        },
    ),
    "R-04": Cases(
        {
            "no reply": journey(reply=None),
            "nothing signed": journey(reply_digest=None),
            "planned anew once she was called back": journey(SCHEDULE, PLANNED, state=State.RECALL, reply=None),
            **{outcome: journey(reply=reply(outcome)) for outcome in (*NEGATIVE_OUTCOMES, "CANNOT_SAY")},
            "the other question": journey(reply=reply("PR_AT_DATE")),
            "a genuine document": journey(reply=reply("DOC_AUTHENTIC")),
            "no signer": journey(reply=reply(signed_by_role="")),
            "no longer valid": journey(reply=reply(valid_until="2026-11-30")),
            "another reply": journey(PROPOSAL, reply_digest="digest of another reply"),
            "residence as of another day": entered("2024-08", reply=resident_on("2026-12-01")),
            "residence as of nobody knows what day": entered(None, reply=resident_on("2024-08-14")),
            **{f"without: {type}": journey(type, reply=None) for type in (*OF_A, *OF_B)},
        },
        {
            **steps(),
            **safe_ways(),
            "valid today": journey(reply=reply(valid_until="2026-12-01")),
            "residence": entered("2024-08", reply=resident_on("2024-08-14")),
            "residence as of the first day it may have been": entered("2024-08", reply=resident_on("2024-08-01")),
            "residence as of the last": entered("2024-08", reply=resident_on("2024-08-31")),
            "our own reply": journey(ACCEPTANCE, reply_digest=None),
        },
    ),
    "R-05": Cases(
        {
            "no conditions": request(body={"elements": {}}),
            "elements without conditions": request(type=ELEMENTS, body={"elements": {}}),
            "no restriction": body(handling={**HANDLING, "use_restrictions": []}),
            "no purpose": body(handling={**HANDLING, "purpose": ""}),
            "no legal basis": body(handling={**HANDLING, "legal_basis": None}),
            "onward unsaid": body(handling={name: HANDLING[name] for name in HANDLING if name != "onward"}),
            "kept until today": body(handling={**HANDLING, "retain_until": "2026-12-01"}),
            "kept without end": body(handling={**HANDLING, "retain_until": None}),
            "kept until some day": body(handling={**HANDLING, "retain_until": "later"}),
        },
        {
            "conditions": request(),
            "kept until tomorrow": body(handling={**HANDLING, "retain_until": "2026-12-02"}),
            "handed over after the day": request(
                type=HANDOVER, body={"handling": {**HANDLING, "retain_until": "2026-11-30"}}
            ),
            "a message about nobody": request(type=ACKNOWLEDGEMENT, body={"authority": {"id": "XBB-01"}}),
        },
        body(handling={name: HANDLING[name] for name in HANDLING if name != "retain_until"}),
    ),
    "R-06": Cases(
        {
            "a minor as an adult": request(
                draft(age={"class": "minor", "decision": DECISION, "treat_as_child": False})
            ),
            "unknown as an adult": request(draft(age={**UNKNOWN_AGE, "treat_as_child": False})),
            "a minor in another case": request(around=around(minor_elsewhere=True)),
            "an adult of fifteen": born("2011-04-17"),
            "an adult until tomorrow": born("2008-12-02"),
            "an adult who may be fifteen": born("200X"),
            "an adult who may be seventeen": born("2008"),
            "an adult of fifteen, later": born("2011-04-17", type=ELEMENTS),
            "an adult who may be fifteen, later": born("200X", type=ELEMENTS),
            "about eighteen, later": born("2008-06~", type=ELEMENTS),
            "corrected to the year of another calendar": born("1388-01-28", type=ELEMENTS),
            "an adult of fifteen who agrees to be asked": agreeing("2011-04-17", "ACCEPTED"),
            "an adult of eighteen or about that": born("2008-06~"),
            "an adult whose eighteen years are in doubt": born("2008-11-30?"),
            "a decision of tomorrow": born("2011-04-17", decided("2026-12-02")),
            "a decision of another day": born("1998-04-17", decided("later")),
            "unknown until tomorrow": request(
                draft(age={**decided("2026-12-02"), "class": "unknown", "treat_as_child": False})
            ),
            "planned as an adult of fifteen": replace(born("2011-04-17", type=SCHEDULE), body=PLANNED),
            "accepted as an adult of fifteen": accepting("2011-04-17"),
            "accepted as an adult until tomorrow": accepting("2008-12-02"),
            "born in the year of another calendar": born("1388-01-28"),
            "born in that of a third one": born("2544"),
            "a minor born in that": born("1388-01-28", MINOR),
        },
        {
            "adult": request(),
            "eighteen today": born("2008-12-01"),
            "about nineteen": born("2007-11~"),
            "about eighteen, by a decision": born("2008-06~", {"class": "adult", "decision": DECISION}),
            "decided today": born("2011-04-17", decided("2026-12-01")),
            "an adult of fifteen by a decision": born("2011-04-17", {"class": "adult", "decision": DECISION}),
            "a minor by date and class": born("2011-04-17", MINOR),
            "a withdrawal": born("2011-04-17", type=WITHDRAWAL),
            "handed over by the escort": born("2011-04-17", type=HANDOVER),
            "put right": born("2011-04-17", type=RECTIFICATION),
            "called off": replace(born("2011-04-17", type=SCHEDULE), body=CANCELLED),
            "a minor in both cases": replace(minor(), around=around(minor_elsewhere=True)),
            "word of a stop": born("2011-04-17", type=SUSPENSION),
            "accepted as an adult": accepting("2001-04-17"),
            "accepted as an adult of doubtful age": accepting("200X"),
            "a child of fifteen accepted as one": accepting("2011-04-17", represented=True),
            "a child of fifteen refused as an adult": accepting("2011-04-17", decision="refused"),
            "accepted without a date": adult(ACCEPTANCE, {**ACCEPTED, "represented": False}),
            "an interview declined": agreeing("2011-04-17", "DECLINED"),
            "a recall": born("2011-04-17", type=TAKE_BACK),
            "unknown": request(draft(age=UNKNOWN_AGE)),
            "decided": request(draft(age={"class": "unknown", "decision": DECISION, "treat_as_child": False})),
            "the requested side": answer(reply()),
        },
        lacking("age"),
    ),
    "R-07": Cases(
        {
            "a minor alone": request(draft(age=MINOR)),
            "unknown alone": request(draft(age=UNKNOWN_AGE)),
            "treated as one": request(draft(age={"class": "adult", "decision": None, "treat_as_child": True})),
            "unsigned": request(draft(age=UNKNOWN_AGE, representative={**REPRESENTATIVE, "signed_by": None})),
            "appointed from tomorrow": minor_with(appointed_on="2026-12-02"),
        },
        {
            "adult": request(),
            "represented": minor(),
            "appointed today": minor_with(appointed_on="2026-12-01"),
            "the requested side": answer(reply()),
            **everything_taken_back(),
        },
        lacking("age"),
    ),
    "R-08": Cases(
        {
            "not identified": recorded(identification={"concluded_on": None}),
            "identified tomorrow": recorded(identification={"concluded_on": "2026-12-02"}),
            "still reflecting": recorded(reflection={"ends_on": "2026-12-01"}),
            "still reflecting, where it is evening": evening(recorded(reflection={"ends_on": "2026-11-30"})),
            "no time given": recorded(reflection={"granted_on": None, "ends_on": None}),
            "too short a time": recorded(reflection={"granted_on": "2026-10-22", "ends_on": "2026-11-20"}),
            "waived by a minor": recorded(reflection={"waived_in_writing_on": "2026-11-01"}),
            "needed in court": recorded(proceedings={"open": True, "presence_needed": True}),
            **{f"without: {type}": journey(type, record=None) for type in OF_A},
            "not known what it says": journey(SCHEDULE, {}, record=None),
        },
        {
            **steps(),
            **safe_ways(),
            "thirty days": recorded(reflection={"granted_on": "2026-10-31", "ends_on": "2026-11-30"}),
            "waived by an adult": adult(
                record={**RECORD, "reflection": {**RECORD["reflection"], "waived_in_writing_on": "2026-11-01"}}
            ),
            "not needed in court": recorded(proceedings={"open": True, "presence_needed": False}),
            "released": recorded(proceedings={"open": True, "presence_needed": True, "released_by": "Prosecutor"}),
        },
    ),
    "R-09": Cases(
        {
            **{f"no {kind}": recorded(assessments=assessed(kind, kind="medical")) for kind in ("risk", "family")},
            "no best interests": recorded(assessments=assessed("best_interests", kind="medical")),
            "against": recorded(assessments=assessed("risk", positive=False)),
            "over": recorded(assessments=assessed("family", expires_on="2026-11-30")),
            "too old": recorded(assessments=assessed("risk", on="2026-09-01", expires_on="2027-12-31")),
            "too old of the family": recorded(assessments=assessed("family", on="2026-06-03", expires_on="2027-12-31")),
            "not yet": recorded(assessments=assessed("family", on="2026-12-02")),
            "unsigned": recorded(assessments=assessed("risk", signer="")),
            "not fit to travel": recorded(
                assessments=[*RECORD["assessments"], {**RECORD["assessments"][0], "kind": "medical", "positive": False}]
            ),
            "a later one against": recorded(
                assessments=[
                    *RECORD["assessments"],
                    {**RECORD["assessments"][0], "on": "2026-11-25", "positive": False},
                ]
            ),
            "no risk of an adult": adult(record={**RECORD, "assessments": []}),
        },
        {
            **steps(),
            **safe_ways(),
            "valid to the end of today": recorded(assessments=assessed("risk", expires_on="2026-12-01")),
            "adult": adult(record={**RECORD, "assessments": assessed("risk")[:1]}),
            "ninety days old": recorded(assessments=assessed("risk", on="2026-09-02", expires_on="2027-12-31")),
            "half a year old, of the family": recorded(
                assessments=assessed("family", on="2026-06-04", expires_on="2027-12-31")
            ),
            "an older one against": recorded(
                assessments=[
                    {**RECORD["assessments"][0], "on": "2026-10-25", "positive": False},
                    *RECORD["assessments"],
                ]
            ),
        },
    ),
    "R-10": Cases(
        {
            "nobody signed": journey(releases=()),
            "ours alone": journey(releases=(signed("ours", "release"),)),
            "theirs alone": journey(releases=(signed("theirs", "acceptance"),)),
            "proposed unsigned": journey(PROPOSAL, releases=()),
            "accepted unsigned": journey(ACCEPTANCE, releases=(signed("theirs", "release"),)),
            "expired": journey(
                releases=(signed("ours", "release", valid_until=f"{NOW.isoformat()}"), signed("theirs", "acceptance"))
            ),
            "another role": journey(
                releases=(signed("ours", "release", role="coordinator"), signed("theirs", "acceptance"))
            ),
            "until nobody knows when": journey(
                releases=(signed("ours", "release", valid_until="2026-12-20T00:00:00"),)
            ),
            "no carer": journey(ACCEPTANCE, {**ACCEPTED, "carer": None}),
            "a carer who has not agreed": journey(
                ACCEPTANCE, {**ACCEPTED, "carer": {**ACCEPTED["carer"], "agreed_in_writing_on": "2026-12-02"}}
            ),
            "an acceptance that is over": journey(said={ACCEPTANCE: {**ACCEPTED, "expires_on": "2026-11-30"}}),
            "no acceptance": journey(said={PROPOSAL: PROPOSED}),
            "turned down": journey(said={ACCEPTANCE: TURNED_DOWN}),
            "called an adult": journey(PROPOSAL, {**PROPOSED, "represented": False}),
            "no proposal": journey(DOCUMENT, said={ACCEPTANCE: ACCEPTED}, releases=()),
            "a minor who was proposed as an adult": adult(draft=draft(age=MINOR, representative=REPRESENTATIVE)),
            "an adult who was proposed as a minor": journey(draft=draft()),
            "adult: not released": adult(releases=(signed("theirs", "acceptance", role="desk_head"),)),
            "adult: not accepted": adult(releases=(signed("ours", "release", role="coordinator"),)),
            "adult: accepted by another": adult(
                releases=(signed("ours", "release", role="coordinator"), signed("theirs", "acceptance"))
            ),
            "adult: over before the plan leaves": adult(
                SCHEDULE,
                PLANNED,
                releases=tuple(replace(one, valid_until=NOW.isoformat()) for one in adult().releases),
            ),
            "adult: an acceptance that is over": adult(said={ACCEPTANCE: {**ACCEPTED, "expires_on": "2026-11-30"}}),
        },
        {
            **steps(),
            **safe_ways(),
            **{f"adult: {type}": adult(type) for type in (*OF_A, *OF_B)},
            "the first proposal": journey(PROPOSAL, said={}, releases=(signed("ours", "release"),)),
            "on the last day of the acceptance": journey(
                said={PROPOSAL: PROPOSED, ACCEPTANCE: {**ACCEPTED, "expires_on": "2026-12-01"}}
            ),
            "adult: planned": adult(SCHEDULE, PLANNED),
            "adult: signed by more than two": adult(
                releases=(
                    *adult().releases,
                    Release("ours", "handover.delivery", "escort", "digest", "2026-12-20T00:00:00Z", "statement"),
                )
            ),
        },
    ),
    "R-11": Cases(
        {
            "four fifths over": owing(2),
            "overdue": owing(-1),
            "no clock": owing(clocks=()),
            "a notice that is over": owing(delay={"eta": "2026-11-30"}),
            "a notice that names no day that will come": owing(-91, delay={"eta": "2099-12-31"}),
            "pointed to another authority": owing(state=State.REDIRECTED),
        },
        {
            "time is left": owing(3),
            "answered": owing(reply=reply()),
            "told": owing(delay={"eta": "2026-12-01"}),
            "told, for as long as a notice stands": owing(-90, delay={"eta": "2099-12-31"}),
            "withdrawn": owing(state=State.WITHDRAWN),
            "frozen": owing(frozen=True),
            "the side that asks": request(),
        },
        owing(delay={}),
    ),
    "R-12": Cases(
        {
            "not given": recorded(contacts_given_on=None),
            "given tomorrow": recorded(contacts_given_on="2026-12-02"),
            "no record": journey(record=None),
            "not known what it says": journey(SCHEDULE, {}, record={**RECORD, "contacts_given_on": None}),
        },
        {
            **steps(),
            **safe_ways(),
            "asked on the day it is there": recorded(
                travel={"departs_at": "2026-11-30T23:30:00-10:00"}, reconfirmation={"on": "2026-11-30"}
            ),
            "not on the day yet": journey(SCHEDULE, PLANNED, record={**RECORD, "contacts_given_on": None}),
        },
    ),
    "R-13": Cases(
        {
            "empty": request(draft(justification="")),
            "blank": request(draft(justification=" \n")),
            "given empty": request(justification=""),
        },
        {"in the record": request(), "given": Facts(NOW, justification="answer")},
        Facts(NOW),
    ),
    "R-14": Cases(
        {kind: request(draft(category=kind)) for kind in ("suspect", "witness", "other")},
        {"subject": request(), "the requested side": answer(reply())},
        lacking("category"),
    ),
    "R-15": Cases(
        {
            "its reasons": journey(PROPOSAL, {**PROPOSED, "conclusions": [{**CONCLUSION, "reasons": "family"}]}),
            "no signer": journey(PROPOSAL, {**PROPOSED, "conclusions": [{"kind": "risk", "positive": True}]}),
            "against": journey(PROPOSAL, {**PROPOSED, "conclusions": [{**CONCLUSION, "positive": False}]}),
            **{name: body(other=[{name: "text"}]) for name in ("assessments", "views", "opinion", "proceedings")},
        },
        {"conclusions": journey(PROPOSAL), "none": request(), "the decision": journey(ACCEPTANCE)},
        journey(PROPOSAL, {**PROPOSED, "conclusions": None}),
    ),
    "R-16": Cases(
        {kind: demand(kind) for kind in (RECTIFICATION, ERASURE)},
        {
            "confirmed": demand(ERASURE, answer={"number": 1}),
            "ours": demand(ERASURE, ours=True),
            "another question": demand(USE_REQUEST),
            "none": request(),
        },
        request(notices=None),
    ),
    "R-17": Cases(
        {"asked": demand(USE_REQUEST)},
        {
            "answered": demand(USE_REQUEST, answer={"number": 1}),
            "ours": demand(USE_REQUEST, ours=True),
            "none": request(),
        },
        request(notices=None),
    ),
    "R-19": Cases(
        {
            "none": request(draft(transfer_ground=None)),
            "no reference": request(draft(transfer_ground={"code": "ADEQUACY", "reference": ""})),
            "no ground of law": request(draft(transfer_ground={"code": "CONSENT", "reference": "signed"})),
        },
        {"ground": request(), "the requested side": answer(reply()), **everything_taken_back()},
        lacking("transfer_ground"),
    ),
    "R-20": Cases(
        {
            "failed": request(draft(endangerment_check=ENDANGERED)),
            "minor unchecked": minor(endangerment_check=None),
            "minor not done": minor(endangerment_check={**ENDANGERED, "result": "not_done"}),
            "minor failed": minor(endangerment_check=ENDANGERED),
            "passed, but nobody checked": minor(endangerment_check={"result": "passed", "by": "", "on": "2026-11-20"}),
            "passed tomorrow": minor(endangerment_check={"result": "passed", "by": "dora", "on": "2026-12-02"}),
        },
        {
            **everything_taken_back(),
            "passed": request(),
            "minor passed": minor(),
            "adult unchecked": request(draft(endangerment_check=None)),
            "the requested side": answer(reply()),
        },
        lacking("endangerment_check"),
    ),
    "R-21": Cases(
        {
            "a passport for refugees": body(elements={"document": {"type": "P", "number": "1", "issuer": "XXB"}}),
            **{
                f"a document of the kind {code}": body(
                    elements={"document": {"type": code, "number": "1", "issuer": "XBB"}}
                )
                for code in ("PR", "PS", "PT")
            },
            "no State": body(elements={"claimed": ["XBB", "XXA"]}),
            "a member": body(elements={"asylum_state": "none"}),
            "a word": body(note="was a Victim"),
            "a word among letters of another script": body(note="Справка: VICTIM"),
            "a word with an old letter": body(note="granted a\u017fylum"),
            "a place": body(elements={"birth_place": {"country": "XBB", "unit": "Refugee Camp 4"}}),
        },
        {
            "request": request(),
            "an official passport": body(elements={"document": {"type": "PO", "number": "1", "issuer": "XBB"}}),
            "a permit named PR": body(elements={"permit": {"type": "PR", "number": "1", "as_of": "2024"}}),
            "a name": body(elements={"names": [{"family": "Asylumov", "given": "Victimia"}]}),
            "a return": journey(PROPOSAL),
            "a correction": taking_back(RECTIFICATION),
        },
        request(body={"elements": "text"}),
    ),
    "R-23": Cases(
        {
            "consent alone": body(handling={**HANDLING, "legal_basis": "CONSENT"}),
            "no legal basis": body(handling={**HANDLING, "legal_basis": ""}),
            "wishes to stay": recorded(wish={"wish": "stay"}),
            "undecided": recorded(wish={"wish": "undecided"}),
            "nothing written": recorded(wish={"written_on": None}),
            "written tomorrow": recorded(wish={"written_on": "2026-12-02"}),
            "not informed": recorded(wish={"options_explained_on": None}),
            "no language": recorded(wish={"language": ""}),
            "no copy": recorded(wish={"copy_given": False}),
            "revoked": recorded(wish={"revoked_on": "2026-11-30"}),
            "detained": recorded(wish={"detained_now": True}),
            "no wish": recorded(wish=None),
            "a minor not heard": recorded(views=None),
            "a no elsewhere since": journey(around=around(no_elsewhere=date(2026, 11, 22))),
            "not asked today": recorded(reconfirmation={"on": "2026-11-30"}),
            "no longer": recorded(reconfirmation={"consent_stands": False}),
            "not asked": recorded(reconfirmation=None),
            "asked on a day that has not begun there": recorded(travel={"departs_at": "2026-11-30T23:30:00-10:00"}),
            "departs nowhere": recorded(travel={"departs_at": "2026-12-01T15:00:00"}),
            "medical needs without a yes": journey(SCHEDULE, NEEDING),
            "medical needs with a yes of tomorrow": replace(agreed_on("2026-12-02"), body=NEEDING),
            "medical needs of who leaves": journey(SCHEDULE, {**NEEDING, "status": "departed"}),
            **{f"without: {type}": journey(type, record=None) for type in OF_A},
        },
        {
            **steps(),
            **safe_ways(),
            "adult": adult(record={**RECORD, "views": None}),
            "asked on the day it is there": recorded(
                travel={"departs_at": "2026-11-30T23:30:00-10:00"}, reconfirmation={"on": "2026-11-30"}
            ),
            "not on the day yet": journey(SCHEDULE, PLANNED, record={**RECORD, "reconfirmation": None}),
            "medical needs with a yes": replace(agreed_on("2026-12-01"), body=NEEDING),
            "a no elsewhere before": journey(around=around(no_elsewhere=date(2026, 11, 21))),
        },
    ),
    "R-24": Cases(
        {
            "unchecked": consular(endangerment_check=None),
            "failed": consular(endangerment_check=ENDANGERED),
            "by nobody": consular(endangerment_check={"result": "passed", "by": "", "on": "2026-11-20"}),
            "a travel document": adult(DOCUMENT_REQUEST, draft=draft(endangerment_check=None)),
            "an interview": request(
                draft(endangerment_check=None), type=INTERVIEW_ANSWER, body={"decision": "ACCEPTED"}
            ),
            "no limit": replace(
                request(), body={name: REQUEST_BODY[name] for name in REQUEST_BODY if name == "elements"}
            ),
        },
        {
            "checked": consular(),
            "registers only": request(draft(endangerment_check=None)),
            "an interview declined": request(
                draft(endangerment_check=None), type=INTERVIEW_ANSWER, body={"decision": "DECLINED"}
            ),
            "the requested side": answer(reply()),
        },
        consular(endangerment_check={}),
    ),
    "V-36": Cases(
        {
            "quashed": recorded(decision=None),
            "quashed before the document is asked for": recorded(DOCUMENT_REQUEST, decision=None),
            "quashed while the plan waits": journey(SCHEDULE, PLANNED, record={**RECORD, "decision": None}),
            "by nobody": recorded(decision={"authority": ""}),
            "decided tomorrow": recorded(decision={"on": "2026-12-02"}),
            "remedies not explained": recorded(decision={"remedies_explained": None}),
            "the last day to appeal": recorded(decision={"appeal_until": "2026-12-01"}),
            "its evening": evening(recorded(decision={"appeal_until": "2026-11-30"})),
            "no record": journey(record=None),
        },
        {
            **steps(),
            **safe_ways(),
            "waived": recorded(decision={"appeal_until": None, "waived": True}),
            "proposed before it is decided": recorded(PROPOSAL, decision=None),
        },
    ),
    "R-26": Cases(
        {
            "not found, but something matched": answer(reply("NOT_FOUND", match_basis=["NAME_EXACT"])),
            "not found, for a reason": answer(reply("NOT_FOUND", reason="CITIZENSHIP_LOST")),
            "no, but nothing matched": answer(reply("NOT_NATIONAL", match_basis=[])),
            "no residence, but nothing matched": answer(reply("NO_PR_AT_DATE", match_basis=[]), RESIDENCE),
            "former, but nothing matched": answer(reply("FORMER_NATIONAL", match_basis=[])),
            "yes, but nothing matched": answer(reply("NATIONAL", match_basis=[])),
            "a word nobody knows": answer(reply("PROBABLY", match_basis=["NAME_EXACT"])),
        },
        {
            **{outcome: answer(reply(outcome)) for outcome in ("NATIONAL", "NOT_NATIONAL", "NOT_FOUND", "CANNOT_SAY")},
            "no reply": request(),
        },
        answer({name: value for name, value in reply("NOT_FOUND").items() if name != "match_basis"}),
    ),
    "N-01": Cases(
        {"listed": request(around=LISTED), "nobody looked": request(around=NOBODY_LOOKED)},
        {
            "not listed": request(),
            "what it asked is answered": replace(answer(reply()), side=Side.REQUESTED, around=LISTED),
            **everything_taken_back(),
        },
    ),
    "N-02": Cases(
        {
            "no key": request(around=around(recipient_ready=False)),
            "not known": request(around=around(recipient_ready=None)),
            "nobody looked": request(around=NOBODY_LOOKED),
        },
        {"key": request()},
    ),
    "Q-01": Cases(
        {
            "residence for nationality": answer(reply("PR_AT_DATE")),
            "nationality for residence": answer(reply("NATIONAL"), RESIDENCE),
            "another purpose": answer(reply("NATIONAL", handling={**HANDLING, "purpose": "PERM_RESIDENCE"})),
            "unknown question": answer(reply(), None),
            "residence as of today": answered(resident_on("2026-12-01")),
            "no residence as of today": answered({**resident_on("2026-12-01"), "outcome": "NO_PR_AT_DATE"}),
            "residence of who entered nobody knows when": answered(resident_on("2024-08-14"), "later"),
        },
        {
            "nationality": answer(reply("NATIONAL")),
            "residence": answered(resident_on("2024-08-31")),
            "no residence found": answered({**resident_on("2026-12-01"), "outcome": "NOT_FOUND"}),
            "what the other State sends": answer(resident_on("2026-12-01"), RESIDENCE),
            "no reply": request(),
        },
        answer(reply(), {"method_limit": "M0", "no_contact_methods": True}),
    ),
    "M-01": Cases(
        {
            "beyond the limit": answer(reply(method_used=["CIVIL_STATUS_ARCHIVE"])),
            "contact": answer(
                reply(method_used=["SOCIAL_ENQUIRY"]), {**ASKED_FOR, "method_limit": "M3", "no_contact_methods": True}
            ),
            "unsaid": answer(reply(method_used=[])),
            "unknown question": answer(reply(), None),
        },
        {
            "within": answer(reply()),
            "enquiry allowed": answer(
                reply(method_used=["SOCIAL_ENQUIRY"]), {**ASKED_FOR, "method_limit": "M3", "no_contact_methods": False}
            ),
            "refused unlooked": answer(reply("REFUSED", method_used=[])),
            "no reply": request(),
        },
        answer(reply(), {"handling": HANDLING}),
    ),
    "REM-1": Cases(
        {
            "no agreement": beside(most=None),
            "none for what is to leave": request(REMARKED),
            "longer than agreed": beside(most=41),
            "in a type that has no place for it": replace(beside(), type=REPLY),
        },
        {"agreed": beside(), "as long as agreed": beside(most=len(support.LEAVES["text"])), "no remark": request()},
    ),
    "REM-2": Cases(
        {
            "not read": beside(remark=None),
            "held": beside(remark=replace(REMARK, reasons=("language-unknown",))),
            "another was read": beside(remark=replace(REMARK, of="digest of another")),
            "not read yet": request(REMARKED, remark=About(None, 500)),
        },
        {
            "read": beside(),
            "it left before": request(REMARKED, remark=About(replace(REMARK, sent=True), 500)),
            "no remark": request(),
            "another type": replace(request(REMARKED), type=INTERVIEW_ANSWER),
        },
    ),
    "REM-3": Cases(
        {
            "not confirmed": beside(remark=support.remark()),
            "the record has changed": beside(record={**REMARKED, "officer": "boris"}),
            "another text": beside({**BESIDE, "remark": {**support.LEAVES, "text": "Ana asked"}}),
            "confirmed and left out": beside(REQUEST_BODY),
            "nobody wrote one": beside(record=draft()),
            "it left before": beside(remark=replace(REMARK, sent=True)),
        },
        {"confirmed": beside(), "no remark": request()},
    ),
    "REM-4": Cases(
        {"a name": beside(leaks=("names",)), "not compared": beside(leaks=None)},
        {"nothing": beside(), "no remark": request(), "not in the body": beside(REQUEST_BODY, leaks=("names",))},
    ),
    "REM-5": Cases(
        {
            "the same attestation": stopped(),
            "another one of the day before": stopped(basis="record 13", attested_on="2026-11-29"),
            "of a return": replace(stopped(), type=PROPOSAL, body=PROPOSED),
        },
        {
            "attested anew": stopped(basis="record 13", attested_on="2026-11-30"),
            "nothing was told": request(),
            **{
                type: replace(facts, remark=About(stop=Stop("digest", "2026-11-30")))
                for type, facts in everything_taken_back().items()
            },
        },
    ),
}

BY_ID = {rule.id: rule for rule in RULES if rule.check is not None}
REFUSED = [(id, when, name) for id, row in CASES.items() for when in BY_ID[id].when for name in row.refused]
PASSED = [(id, when, name) for id, row in CASES.items() for when in BY_ID[id].when for name in row.passed]
MISSING = [id for id, row in CASES.items() if row.missing is not None]


def ids(when: When, facts: Facts) -> set[str]:
    """Return the ids of the rules that object."""
    return {finding.rule for finding in findings(when, facts)}


def test_every_rule_is_tried() -> None:
    """There are cases for each rule of the code."""
    assert set(BY_ID) == set(CASES)


def test_rule_objects() -> None:
    """Each rule objects to what it is there for, at each of its moments."""
    assert [] == [case for case in REFUSED if case[0] not in ids(case[1], CASES[case[0]].refused[case[2]])]


def test_rule_lets_pass() -> None:
    """No rule objects to what is in order, at any of its moments."""
    assert [] == [case for case in PASSED if case[0] in ids(case[1], CASES[case[0]].passed[case[2]])]


def dated_in_the_record() -> dict[str, Facts]:
    """Return, by rule and what it looks at, facts in order from the first of December on, where they are kept."""
    passed = {**support.DRAFT["endangerment_check"], "result": "passed", "on": "2026-12-01"}
    return {
        "R-01 attested": asylum(attested_on="2026-12-01"),
        "R-09 assessed": recorded(assessments=assessed("risk", on="2026-12-01")),
        "R-12 contacts": recorded(contacts_given_on="2026-12-01"),
        "R-20 checked": minor(endangerment_check=passed),
        "R-23 written": recorded(wish={"written_on": "2026-12-01"}),
    }


@pytest.mark.parametrize("name", dated_in_the_record())
@pytest.mark.parametrize("zone", ["America/Bogota", "Europe/Vienna", "Asia/Tbilisi"])
def test_a_day_of_the_record_begins_where_the_record_is_kept(name: str, zone: str) -> None:
    """What was written down today counts today, by the clock of the State that keeps the record."""
    facts = dated_in_the_record()[name]
    midnight = datetime(2026, 12, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    for now, counts in ((midnight - timedelta(minutes=1), False), (midnight, True)):
        there = replace(facts, now=now, around=around(zone=zone))
        found = {one.because for one in findings(When.SEND, there) if one.rule == name[:4]}
        # Whether it was confirmed on the day is of the place of departure, and another test.
        assert counts is not (found - {"the consent was not confirmed today"} != set())


@for_each("id", MISSING)
def test_missing_field_is_a_finding(id: str) -> None:
    """A field that the rule needs and cannot read counts against sending."""
    facts = CASES[id].missing
    assert facts is not None
    assert all(id in ids(when, facts) for when in BY_ID[id].when)


@pytest.mark.parametrize("when", list(When))
def test_rules_keep_to_their_moments(when: When) -> None:
    """At a moment only those rules speak that say they are looked at then."""
    every = {id for row in CASES.values() for facts in row.refused.values() for id in ids(when, facts)}
    assert {rule.id for rule in RULES if when in rule.when} == every


@pytest.mark.parametrize("when", list(When))
def test_good_request_meets_no_objection(when: When) -> None:
    """A request that is in order may go all the way."""
    assert findings(when, request()) == ()


def test_finding_says_where_and_names_nobody() -> None:
    """A finding carries id, reason and field, and no value of the record."""
    (found,) = findings(When.SEND, asylum(state="pending"))
    assert ("R-01", "asylum") == (found.rule, found.where)
    assert "Testova" not in found.because


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("when", [When.APPROVE, When.SEND, When.RETRY, When.REMIND])
def test_nothing_leaves_while_protection_is_open(when: When, state: str) -> None:
    """Whatever leaves is looked at for R-01, at each moment it could leave."""
    assert "R-01" in ids(when, asylum(state=state))


def test_rules_take_no_more_than_facts() -> None:
    """A check has one argument, the facts, so nothing else can change its answer."""
    code = [rule.check.__code__ for rule in RULES if rule.check is not None]
    assert all(one.co_argcount == 1 and one.co_kwonlyargcount == 0 for one in code)


def test_a_row_promises_no_check_that_it_has_not() -> None:
    """A row without a check names moments in vain, and one with neither check nor procedure holds nothing."""
    for when, procedure in ((frozenset({When.SEND}), ()), (frozenset(), ())):
        with pytest.raises(ValueError, match="R-99"):
            Rule("R-99", "title", "source", when, "where", None, procedure)


def test_facts_are_the_cases() -> None:
    """What the rules look at is what the case says, with what its caller looked up."""
    case = support.asking(State.SCHEDULED, record=RECORD, releases=(signed("ours", "release"),), reply=reply())
    facts = about(case, NOW, SCHEDULE, PLANNED, around=LISTED)
    assert (Side.REQUESTING, State.SCHEDULED, RECORD) == (facts.side, facts.state, facts.record)
    assert (case.releases, case.reply, case.notices) == (facts.releases, facts.reply, facts.notices)
    assert (LISTED, PLANNED) == (facts.around, facts.body)


@for_each(("state", "expected"), [(state, state in (State.FROZEN, State.WITHDRAWN)) for state in State])
def test_what_stands_still_is_frozen(state: State, expected: bool) -> None:
    """Of a case that is frozen or was withdrawn nothing leaves, whoever composes the facts."""
    assert expected == about(support.asking(state), NOW, around=AROUND).frozen


@pytest.mark.parametrize("when", [When.SEND, When.RETRY])
@pytest.mark.parametrize("name", sorted(steps()))
def test_return_in_order_meets_no_objection(name: str, when: When) -> None:
    """A return in which everything is in order may go all the way, at each of its steps and on either side."""
    assert () == findings(when, steps()[name])


@pytest.mark.parametrize("when", [When.SEND, When.RETRY])
@pytest.mark.parametrize("type", sorted(set(TYPES) - EXEMPT))
def test_no_type_escapes_the_stop(type: str, when: When) -> None:
    """Of all message types there are, those of a return and those to come, none but the exempt ones passes R-01."""
    record = draft(asylum={**support.DRAFT["asylum"], "state": "indicated"})
    assert "R-01" in ids(when, Facts(NOW, record, type, side=Side.REQUESTING))


def test_exempt_are_four_types() -> None:
    """The list of protocol section 5 is the only one, and each of its types exists."""
    assert {"withdrawal", "rectification", "erasure", "confirmation"} == EXEMPT
    assert set(TYPES) >= EXEMPT


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        ({"class": "minor", "decision": None}, True),
        ({"class": "unknown", "decision": None}, True),
        ({"class": "unknown", "decision": DECISION}, True),
        ({"class": "unknown", "decision": DECISION, "treat_as_child": False}, False),
        ({"class": "unknown", "decision": DECISION, "treat_as_child": True}, True),
        ({"class": "adult", "decision": None, "treat_as_child": True}, True),
        ({"class": "adult", "decision": None}, False),
    ],
)
def test_doubt_counts_for_the_person(age: dict[str, Any], expected: bool) -> None:
    """Unknown age counts as a minor's until a decision is on record, and the file says that it makes an adult."""
    assert expected == treat_as_minor({"age": age})


def test_not_found_never_becomes_a_no() -> None:
    """A reply that found nothing passes as NOT_FOUND alone; as any outcome that denies, it is refused."""
    nothing = reply("NOT_FOUND")
    passing = {
        outcome
        for outcome in NEGATIVE_OUTCOMES
        if not ids(When.SEND, answer({**nothing, "outcome": outcome})) & {"R-26", "Q-01"}
    }
    assert {"NOT_FOUND", "REFUSED"} == passing


# A field that is missing, or is something else than it should be, is a finding: unknown means no.

CONSULAR_M3 = {**REQUEST_BODY, "method_limit": "M3", "no_contact_methods": False}
IN_COURT = {"open": True, "presence_needed": True, "released_by": "Prosecutor"}

READS: dict[str, list[tuple[Facts, str]]] = {
    "R-01": [(request(), "draft draft/asylum"), (request(), "draft/asylum: state attested_by attested_on basis")],
    "R-03": [(residence(entry_date="2024-08"), "body/handling body/handling/purpose body/elements/entry_date")],
    "R-04": [
        (journey(), "reply reply_digest reply/outcome reply/handling reply/handling/purpose reply/signed_by_role"),
        (journey(PROPOSAL), "body/reply"),
    ],
    "R-05": [(request(), "body/handling: purpose legal_basis onward use_restrictions retain_until")],
    "R-06": [(request(), "draft draft/age draft/age/class")],
    "R-07": [
        (request(), "draft draft/age draft/age/class"),
        (minor(), "draft/representative: ref appointed_on signed_by"),
        (minor(), "draft/representative"),
    ],
    "R-08": [
        (journey(), "record record/identification record/identification/concluded_on record/proceedings"),
        (journey(), "record/reflection record/reflection/granted_on record/reflection/ends_on"),
        (recorded(proceedings={**IN_COURT, "open": False, "released_by": None}), "record/proceedings/open"),
        (
            recorded(proceedings={**IN_COURT, "presence_needed": False, "released_by": None}),
            "record/proceedings/presence_needed",
        ),
        (recorded(proceedings=IN_COURT), "record/proceedings/released_by"),
    ],
    "R-09": [
        (journey(), "draft record record/assessments record/assessments/0"),
        (journey(), "record/assessments/0: kind positive on expires_on signer"),
    ],
    "R-10": [
        (journey(ACCEPTANCE), "releases body/carer body/carer/class body/carer/agreed_in_writing_on body/expires_on"),
        (journey(ACCEPTANCE), "body/decision"),
        (journey(), f"releases said said/{ACCEPTANCE} said/{ACCEPTANCE}/decision said/{ACCEPTANCE}/carer"),
        (adult(DOCUMENT), f"said said/{PROPOSAL} said/{PROPOSAL}/represented"),
        (adult(), f"releases said said/{ACCEPTANCE} said/{ACCEPTANCE}/expires_on"),
        (journey(PROPOSAL), "body/represented draft"),
    ],
    "REM-1": [(beside(), "remark body/remark/text")],
    "REM-2": [(beside(), "remark draft/remark draft")],
    "REM-3": [(beside(), "remark draft/remark body/remark body/remark/language body/remark/text")],
    "REM-4": [(beside(), "remark")],
    "REM-5": [
        (
            stopped(basis="record 13", attested_on="2026-11-30"),
            "remark draft draft/asylum draft/asylum/attested_on",
        )
    ],
    "R-11": [(owing(2, delay={"eta": "2026-12-20"}), "clocks delay delay/eta"), (owing(3), "clocks")],
    "R-12": [(journey(), "record record/contacts_given_on")],
    "R-13": [(request(), "draft/justification")],
    "R-14": [(request(), "draft draft/category")],
    "R-15": [(journey(PROPOSAL), "body/conclusions/0/positive")],
    "R-16": [(demand(ERASURE, answer={}), "notices")],
    "R-17": [(demand(USE_REQUEST, answer={}), "notices")],
    "R-19": [(request(), "draft draft/transfer_ground draft/transfer_ground/code draft/transfer_ground/reference")],
    "R-20": [
        (minor(), "draft draft/endangerment_check"),
        (minor(), "draft/endangerment_check: result by on"),
    ],
    "R-23": [
        (request(), "body/handling/legal_basis"),
        (journey(), "record record/wish record/views record/views/heard_on record/views/by"),
        (journey(), "record/wish: wish options_explained_on written_on language copy_given revoked_on detained_now"),
        (journey(), "record/reconfirmation record/reconfirmation/on record/reconfirmation/by"),
        (journey(), "record/reconfirmation/consent_stands record/travel record/travel/departs_at"),
    ],
    "R-24": [
        (consular(), "draft draft/endangerment_check body/method_limit"),
        (consular(), "draft/endangerment_check: result by on"),
    ],
    "V-36": [
        (journey(), "record record/decision record/decision/ref record/decision/authority record/decision/on"),
        (journey(), "record/decision: remedies_explained appeal_until"),
        (recorded(decision={"appeal_until": None, "waived": True}), "record/decision/waived"),
    ],
    "R-26": [(answer(reply("NOT_FOUND")), "body/outcome body/match_basis body/reason")],
    "N-02": [(request(), "around")],
    "Q-01": [
        (answer(reply()), "question question/handling question/handling/purpose"),
        (answer(reply()), "body/outcome body/handling body/handling/purpose"),
    ],
    "M-01": [
        (answer(reply()), "question question/method_limit body/method_used"),
        (answer(reply(method_used=["SOCIAL_ENQUIRY"]), CONSULAR_M3), "question/no_contact_methods"),
    ],
}
"""For each rule, facts that it lets pass and the places in them that it must be able to read (``in: members``)."""

Path = tuple[str | int, ...]


def paths(text: str) -> list[Path]:
    """Return the places that ``text`` names: the name of a field of the facts, then of members and numbers in lists."""
    within, _, members = text.rpartition(": ")
    names = [f"{within}/{name}" if within else name for name in members.split()]
    return [tuple(int(step) if step.isdigit() else step for step in name.split("/")) for name in names]


PLACES = [(id, facts, path) for id, rows in READS.items() for facts, text in rows for path in paths(text)]
READ_BY_WHAT_IT_IS = {"R-02", "R-21", "N-01"}
"""Rules that look for what must not be there: whatever they find there is an objection."""


class Gone:
    """Stands for a member that is taken out."""


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=8),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.sampled_from(["on", "by", "x"]), st.integers(), max_size=2),
    st.just(Gone),
)


@cache
def junk_but(good: type) -> st.SearchStrategy[Any]:
    """Return what is of another kind than ``good`` (``sort``); made once, for it is looked through before it draws."""
    return JUNK.filter(lambda value: sort(value) is not good)


def spoilt(facts: Facts, path: Path, value: Any) -> Facts:
    """Return ``facts`` with ``value`` at ``path``: a field of the facts and then members of it."""
    name, *inner = path
    whole = deepcopy(getattr(facts, str(name)))
    if not inner:
        changed: dict[str, Any] = {str(name): None if value is Gone else value}
        return replace(facts, **changed)
    at = whole
    for step in inner[:-1]:
        at = at[step]
    if value is Gone:
        del at[inner[-1]]
    else:
        at[inner[-1]] = value
    return replace(facts, **{str(name): whole})


def at(facts: Facts, path: Path) -> Any:
    """Return what stands at ``path``."""
    value = getattr(facts, str(path[0]))
    for step in path[1:]:
        value = value[step]
    return value


def sort(value: Any) -> type:
    """Return what kind of value it is; whether a list is written as a tuple makes no difference."""
    return list if isinstance(value, tuple) else type(value)


def test_every_rule_is_spoilt() -> None:
    """The list of places leaves out no rule with a check, but those that look for what must not be there."""
    assert set(BY_ID) - READ_BY_WHAT_IT_IS == set(READS)


@pytest.mark.parametrize(("id", "facts", "path"), PLACES, ids=lambda value: value if isinstance(value, str) else None)
@settings(max_examples=20)
@given(data=st.data())
def test_what_cannot_be_read_is_a_finding(id: str, facts: Facts, path: Path, data: st.DataObject) -> None:
    """A field that is missing, or of another kind than it should be, makes its rule object at each of its moments."""
    bad = data.draw(junk_but(sort(at(facts, path))))
    assert all(id not in ids(when, facts) for when in BY_ID[id].when)
    assert all(id in ids(when, spoilt(facts, path, bad)) for when in BY_ID[id].when)


@given(body=st.recursive(JUNK, lambda inner: st.lists(inner, max_size=3)), kind=st.sampled_from(sorted(TYPES)))
def test_no_body_makes_a_rule_fail(body: Any, kind: str) -> None:
    """Whatever stands in the place of a body, looking at it gives findings and raises nothing."""
    for when in When:
        assert isinstance(findings(when, replace(journey(), type=kind, body=body)), tuple)
