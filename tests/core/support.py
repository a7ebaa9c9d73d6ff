"""A good national record, a good request, a good reply, and cases in any state, for the tests of the rules."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from datetime import UTC, date, datetime, timedelta
from typing import Any

from gateway.core.case import Case, Pending, Remark, Side, State, replace
from gateway.core.clocks import Clock
from gateway.core.facts import Around, Facts
from gateway.core.machine import Effect, Event, Row, Send, step
from gateway.core.messages import INTERVIEW_ANSWER, REPLY, SAID_BY
from gateway.core.preview import Preview, body_digest, compose
from gateway.core.remark import digest_of, seal
from gateway.core.tables import table_for
from gateway.core.verification import CALLED_OR_AWAY, GATEWAY, PARTNER
from schemas import ijson

NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
TOKEN = "2Xml2lW8lIXCjs1xU80jTA"
GUARDIAN = {"ref": TOKEN, "appointed_on": "2026-11-18", "signed_by": "gina"}

ELEMENTS: dict[str, Any] = {
    "names": [
        {
            "use": "document",
            "family": "Testova",
            "given": "Ana",
            "patronymic": None,
            "full": None,
            "script": "en-Latn",
            "latin": None,
        }
    ],
    "birth_date": "2001-04-XX",
    "birth_place": {"country": "XBB", "unit": "Northtown"},
    "sex": 2,
    "personal_number": "900101-1",
    "document": {"type": "P", "number": "AB12345", "issuer": "XBB"},
    "mother_given_names": "Vera",
    "father_given_names": "Ivan",
    "last_residence": {"country": "XBB", "unit": "Southtown"},
    "permit": {"type": "PR", "number": "77-1234", "as_of": "2024-08"},
    "entry_date": "2024-08",
    "photo": {"media_type": "image/jpeg", "sha256": "NY3Cbsi2SYZ9W_eU79IBRVJNoY57ZY0B-kRabjqEjwE"},
    "document_image": {"media_type": "image/png", "sha256": "NY3Cbsi2SYZ9W_eU79IBRVJNoY57ZY0B-kRabjqEjwE"},
}
"""Every element a file can hold."""

DRAFT: dict[str, Any] = {
    "to": "XBB",
    "purpose": "NATIONALITY",
    "officer": "anna",
    "justification": "identity unclear after loss of documents",
    "category": "subject",
    "age": {"class": "adult", "decision": None},
    "asylum": {"state": "none", "attested_by": "dora", "attested_on": "2026-11-20", "basis": "record 12"},
    "representative": None,
    "endangerment_check": {"result": "passed", "by": "dora", "on": "2026-11-20"},
    "transfer_ground": {"code": "BINDING_INSTRUMENT", "reference": "agreement of 2020, Article 9"},
    "handling": {"use_restrictions": ["P0"], "retain_until": "2027-06-30", "onward": "none"},
    "method_limit": "M0",
    "no_contact_methods": True,
    "elements": {name: ELEMENTS[name] for name in ("names", "birth_date", "birth_place", "sex")},
}


AROUND = Around(
    zone="UTC",
    no_contact=None,
    person_stopped=False,
    minor_elsewhere=False,
    no_elsewhere=None,
    recipient_ready=True,
)
"""Somebody looked around the case, and nothing stands against anything."""


def around(**changes: Any) -> Around:
    """Return what is around a case with members changed."""
    return replace(AROUND, **changes)


def draft(**changes: Any) -> dict[str, Any]:
    """Return the good record with members changed."""
    return {**deepcopy(DRAFT), **changes}


WRITTEN = {"language": "en", "text": "Ana asked that nobody calls before noon."}
"""A remark as it was written."""

LEAVES = {"language": "en", "text": "[...] asked that nobody calls before noon."}
"""What may leave of it."""


def remark(record: Mapping[str, Any] | None = None, **changes: Any) -> Remark:
    """Return what became of ``WRITTEN``; with a ``record`` that holds it, confirmed by anna beside that."""
    spans = ((0, 3, "PERSON"),)
    made = Remark(LEAVES["language"], LEAVES["text"], "", digest_of(WRITTEN), spans, author="anna")
    made = replace(made, digest=seal(made, draft(remark=WRITTEN) if record is None else record))
    if record is not None:
        made = replace(made, by="anna", at="2026-12-01T08:00:00Z", record=digest_of(record))
    return replace(made, **changes)


def preview(record: Mapping[str, Any] | None = None, asked: tuple[str, ...] | None = None) -> Preview:
    """Return what would leave for a record, or for the good one."""
    return compose(DRAFT if record is None else record, "XAA-01", NOW, around=AROUND, asked=asked)


REQUEST_BODY: dict[str, Any] = ijson.loads(preview().body.encode())


def reply(outcome: str = "NATIONAL", **changes: Any) -> dict[str, Any]:
    """Return a reply with ``outcome`` that the rules accept, with members changed."""
    reasons = {"NOT_NATIONAL": "CITIZENSHIP_LOST", "FORMER_NATIONAL": "CITIZENSHIP_RENOUNCED"}
    reasons |= {"NO_PR_AT_DATE": "PR_EXPIRED_BEFORE_DATE", "REFUSED": "NOT_COMPETENT", "CANNOT_SAY": "REGISTER_LOST"}
    found = outcome not in ("NOT_FOUND", "REFUSED", "CANNOT_SAY")
    value = {
        "handling": REQUEST_BODY["handling"],
        "outcome": outcome,
        "reason": reasons.get(outcome),
        "as_of": "2026-12-01",
        "method_used": ["POPULATION_REGISTER"],
        "match_basis": ["NAME_EXACT", "DOB_PARTIAL"] if found else [],
        "confidence": "HIGH" if found else "NONE",
        "signed_by_role": "REGISTRAR",
        "valid_until": None,
    }
    return {**value, **changes}


def prepared(value: Mapping[str, Any], author: str = "anna", type: str = REPLY) -> Pending:
    """Return a body that ``author`` prepared."""
    text = ijson.dumps(value).decode()
    return Pending(type, text, body_digest(text), author)


def clock(step: str = "reply", due_on: date = date(2026, 12, 15)) -> Clock:
    """Return a clock that runs until ``due_on``."""
    end = datetime.combine(due_on + timedelta(days=1), datetime.min.time(), UTC)
    return Clock(
        step=step,
        instrument="POLICY_DEFAULT",
        start_event="receipt",
        evidence="NY3Cbsi2SYZ9W_eU79IBRVJNoY57ZY0B-kRabjqEjwE",
        start_on=date(2026, 12, 1),
        start_at=NOW,
        soft_on=None,
        delay_on=due_on - timedelta(days=2),
        due_on=due_on,
        due_at=end,
        floor=False,
        calendar="XBB-2026-27",
        calendar_version="1",
        zone="UTC",
    )


PENDING = preview().pending("anna")
"""What anna prepared of the good record; composed once, for thousands of cases begin with it."""


def asking(state: State = State.DRAFT, **changes: Any) -> Case:
    """Return a case of the asking side in ``state``."""
    case = Case(
        ref=TOKEN,
        side=Side.REQUESTING,
        partner="XBB",
        thread=TOKEN,
        state=state,
        officer="anna",
        purpose="NATIONALITY",
        draft=DRAFT,
        pending=PENDING,
    )
    return replace(case, **changes)


def asked(state: State = State.RECEIVED, **changes: Any) -> Case:
    """Return a case of the asked side in ``state``."""
    case = Case(
        ref=TOKEN,
        side=Side.REQUESTED,
        partner="XAA",
        thread=TOKEN,
        state=state,
        officer="",
        purpose="NATIONALITY",
        received=REQUEST_BODY,
    )
    return replace(case, **changes)


def asking_facts(case: Case, **changes: Any) -> Facts:
    """Return facts to which no rule objects, about what the case would send."""
    pending = case.pending
    type, body = (pending.type, ijson.loads(pending.body.encode())) if pending else ("", {})
    return replace(Facts(NOW, case.draft, type, body, around=AROUND), **changes)


def asked_facts(case: Case, **changes: Any) -> Facts:
    """Return facts to which no rule objects, about the answer the case would give."""
    pending = case.pending
    type, body = (pending.type, ijson.loads(pending.body.encode())) if pending else ("", {})
    made = Facts(NOW, None, type, body, question=REQUEST_BODY, justification="answer", around=AROUND)
    return replace(made, **changes)


def received_facts(type: str, body: Mapping[str, Any]) -> Facts:
    """Return the facts about a message that arrived, with the question it belongs to."""
    return Facts(NOW, None, type, body, question=REQUEST_BODY)


PROPOSED_INTERVIEW: dict[str, Any] = {
    "mode": "VIDEO",
    "place": "REMOTE",
    "present": ["LAWYER", "CONSULAR_OFFICER"],
    "questions": "IDENTITY_ONLY",
    "from": "2026-12-07",
    "until": "2026-12-18",
}
HELD_INTERVIEW: dict[str, Any] = {
    "result": "HELD",
    "on": "2026-12-01",
    "outcome": "SUPPORTS",
    "present": ["LAWYER", "CONSULAR_OFFICER"],
}

BODIES: dict[str, dict[str, Any]] = {
    "question": {"code": "AMBIGUOUS", "candidates": 2, "elements": ["SEX"]},
    "delay": {"reason": "ARCHIVE_SEARCH", "eta": "2026-12-20", "extension": False, "due_on": None},
    "extension": {"reason": "ARCHIVE_SEARCH", "eta": "2026-12-20", "extension": True, "due_on": "2026-12-20"},
    "reply": reply(),
    "elements": {"handling": REQUEST_BODY["handling"], "elements": {"sex": 2}},
    "contest": {"ground": "NEW_ELEMENT"},
    "reminder": {"number": 1, "step": "reply"},
    "redirection": {"authority": {"id": "XBB-C-1"}, "reason": "OTHER_TASK"},
    "redirect": {"authority": {"id": "XBB-C-1"}, "reason": "OTHER_TASK"},
    "interview": PROPOSED_INTERVIEW,
    "ask_interview": PROPOSED_INTERVIEW,
    "interview_answer": {"decision": "ACCEPTED", "present": ["LAWYER"], "on": "2026-12-10"},
    "decline_interview": {"decision": "DECLINED", "present": [], "on": None},
    "interview_result": HELD_INTERVIEW,
    "report_interview": HELD_INTERVIEW,
}
"""What arrives with each event of the other State."""


RESUMED_IN = {
    "acknowledgement": State.SENT,
    "redirection": State.SENT,
    "elements": State.NEEDS_TIER2,
    "interview_answer": State.NEEDS_INTERVIEW,
    "contest": State.REPLIED,
}
INTERVIEWS = {"interview", "ask_interview", "interview_answer", "interview_result", "report_interview"}
"""Where a held case will go on, so that the event that arrives fits; ACKNOWLEDGED for all others."""


def _answered(side: Side, row: Row) -> bool:
    """Return whether the row is for a case whose question was answered before it was stopped."""
    return (side, row.source, row.event) == (Side.REQUESTED, State.SUSPENDED, "close")


def good_case(side: Side, row: Row) -> Case:
    """Return a case in the row's source state that nothing objects to."""
    tier_2 = row.source is State.NEEDS_TIER2
    if side is Side.REQUESTING:
        made = preview(asked=("SEX",) if tier_2 else None).pending("anna")
        case = asking(row.source, asked=("SEX",), pending=made)
    else:
        case = asked(row.source, pending=prepared(reply()), reply=reply() if _answered(side, row) else None)
    if row.event in INTERVIEWS or row.source is State.NEEDS_INTERVIEW:
        case = interviewing(case)
    if row.event == "confirm_remark":
        case = replace(case, draft=draft(remark=WRITTEN), remark=remark())
    assert case.pending is not None
    signed = replace(case.pending, approver="boris", statement="statement")
    return replace(
        case,
        pending=signed,
        clocks=(clock(),),
        resume_to=State.REPLIED if _answered(side, row) else RESUMED_IN.get(row.event, State.ACKNOWLEDGED),
        released=row.event != "release",
        resume_proposer="anna",
        holders=(("carol", letting_go(row)),) if row.event == "release" else case.holders,
    )


def letting_go(row: Row) -> str:
    """Return the role of who lets go by the row: a guardian, if one may."""
    return "guardian" if "guardian" in row.who else min(row.who)


def interviewing(case: Case) -> Case:
    """Return the case as one whose request allows an interview, to which the person consented and both sides agreed."""
    limits = {"method_limit": "M2", "no_contact_methods": False}
    consent = {"on": "2026-11-30", "revoked_on": None}
    interview = {"proposal": PROPOSED_INTERVIEW, "consent": consent, "answer": BODIES["interview_answer"]}
    if case.side is Side.REQUESTED:
        return replace(case, received={**REQUEST_BODY, **limits}, interview=interview)
    answer = prepared(BODIES["interview_answer"], type=INTERVIEW_ANSWER)
    pending = answer if case.state is State.NEEDS_INTERVIEW else case.pending
    return replace(case, draft=draft(**limits), interview=interview, pending=pending)


def good_event(row: Row, case: Case, actor: str = "boris") -> Event:
    """Return the row's event as somebody who may brings it, with everything it may need."""
    role = letting_go(row) if row.event == "release" else min(row.who)
    gone = row.event == "restate" and row.source in CALLED_OR_AWAY
    role = "coordinator" if gone else role
    actor = {GATEWAY: "gateway", PARTNER: case.partner}.get(role, "carol" if row.event == "release" else actor)
    body: Any = BODIES.get(row.event, {})
    facts = asking_facts(case) if case.side is Side.REQUESTING else asked_facts(case)
    if role == PARTNER:
        facts = received_facts(REPLY if row.event == "reply" else "", body)
    elif row.event in ("contest", "remind", "resume"):
        facts = replace(facts, type="", body={})
    ours = ijson.dumps(body).decode() if role != PARTNER else body
    data: dict[str, Any] = {
        "draft": DRAFT if row.event in ("amend", "attach", "remark") else None,
        "remark": remark(case.draft) if row.event == "confirm_remark" else None,
        "remark_stop": None,
        "elements": DRAFT["elements"],
        "renditions": {},
        "asylum": DRAFT["asylum"],
        "age": DRAFT["age"] if gone else {"class": "minor", "decision": None},
        "representative": GUARDIAN if gone else DRAFT["representative"],
        "pending": case.pending,
        "digest": case.pending.digest if case.pending else "",
        "statement": "statement",
        "valid_until": "2027-01-01T00:00:00Z",
        "body": ours,
        "asked": ("SEX",),
        "asked_still": True,
        "reason": "reason",
        "note": None,
        "undo": None,
        "posted": True,
        "clock": clock(),
        "clocks": (),
        "findings": (),
        "code": "stale",
        "until": NOW,
        "overdue": row.event == "remind",
        "listed": True,
        "awaited": False,
    }
    return Event(row.event, actor, role, data, facts)


Taken = tuple[Case, tuple[Effect, ...]]


def take(case: Case, name: str, actor: str, role: str, **data: Any) -> Taken:
    """Step a case by an event with the data given and nothing else."""
    facts = replace(received_facts(REPLY if name == "reply" else "", data.get("body", {})), around=AROUND)
    return step(table_for(case.side), case, Event(name, actor, role, data, facts), NOW)


def named(item: tuple[Any, ...]) -> str:
    """Return a readable name for a row of a table: its side, state and event, and what else is given."""
    side, row, *more = item
    return "-".join((side, row.source, row.event, *more))


def not_named(rows: Sequence[tuple[Side, Row]], good: Callable[[Side, Row], tuple[Case, Event]]) -> list[str]:
    """Return each of ``rows`` that says something by a step which the type of the message does not list."""
    said = [
        (named((side, row)), row.event in SAID_BY[one.type])
        for side, row in rows
        for one in step(table_for(side), *good(side, row), NOW)[1]
        if isinstance(one, Send)
    ]
    assert said, "none of these rows says anything"
    return [name for name, is_named in said if not is_named]
