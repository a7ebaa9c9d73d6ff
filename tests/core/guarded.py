"""For each guard of a verification a case, or an event, with what it alone refuses."""

from collections.abc import Callable
from typing import Any

from gateway.core.case import Case, SentBack, Side, State, replace
from gateway.core.machine import Event
from gateway.core.messages import REPLY, REQUEST
from gateway.core.verification import PARTNER
from gateway.core.verification_guards import DELAYS_MAX, REMINDERS_MAX
from schemas import ijson
from tests.core import return_support, support

Spoil = Callable[[Case, Event], tuple[Case, Event]]


def with_data(**changes: Any) -> Spoil:
    return lambda case, event: (case, replace(event, data={**event.data, **changes}))


def with_case(**changes: Any) -> Spoil:
    return lambda case, event: (replace(case, **changes), event)


def with_signed(**changes: Any) -> Spoil:
    def spoil(case: Case, event: Event) -> tuple[Case, Event]:
        assert case.pending is not None
        return replace(case, pending=replace(case.pending, **changes)), event

    return spoil


def with_facts(case: Case, event: Event) -> tuple[Case, Event]:
    """Let the rules find what every kind of look finds: an indication, or a method that was not allowed."""
    assert event.facts is not None
    if event.role == PARTNER or case.side is Side.REQUESTED:
        body = support.reply(method_used=["SOCIAL_ENQUIRY"])
        if event.name == "elements":
            body = {"handling": {**body["handling"], "use_restrictions": []}}
        return case, replace(
            event, facts=replace(event.facts, type="" if event.name == "elements" else REPLY, body=body)
        )
    return case, replace(event, facts=replace(event.facts, draft=INDICATED))


INDICATED = support.draft(asylum={**support.DRAFT["asylum"], "state": "indicated"}, justification="")
"""A record to which every kind of look objects."""


def interviewed(case: Case, event: Event) -> tuple[Case, Event]:
    """Let the answer rest on an interview that was never held."""
    said = support.reply(method_used=["CONSULAR_INTERVIEW"])
    if event.name == "reply":
        return case, replace(event, data={**event.data, "body": said})
    assert case.pending is not None
    pending = replace(case.pending, body=ijson.dumps(said).decode())
    return replace(case, pending=pending), replace(event, data={**event.data, "pending": pending})


def sent_back(case: Case, event: Event) -> tuple[Case, Event]:
    """Let a third person have sent back what is prepared."""
    assert case.pending is not None
    return replace(case, sent_back=(SentBack(case.pending.digest, "carol", "", "OTHER", None, ""),)), event


SPOILT: dict[str, Spoil] = {
    "two_persons": lambda case, event: (case, replace(event, actor="anna")),
    "same_bytes": with_data(digest="other"),
    "not_sent_back": sent_back,
    "minimised": with_case(draft=support.draft(elements={**support.DRAFT["elements"], "birth_date": "2001", "sex": 1})),
    "approved": with_signed(approver=None, statement=None),
    "prepared": with_signed(type=REQUEST),
    "countersigned": lambda case, event: (
        replace(case, pending=support.prepared(support.reply("NOT_FOUND"))),
        event,
    ),
    "within_cap": with_data(clock=None),
    "before_due": with_data(overdue=True),
    "overdue": with_data(overdue=False),
    "within_bound": with_case(reminders=REMINDERS_MAX, delays=DELAYS_MAX),
    "contest_once": with_case(contests=1),
    "same_freezer": lambda case, event: (case, replace(event, actor="mallory")),
    "released": with_case(released=False),
    "taken_there": with_case(resume_to=State.DEPARTED),
    "second_person": lambda case, event: (case, replace(event, actor="anna")),
    "never_posted_or_refused": with_data(draft=support.draft(to="XCC")),
    "in_directory": with_data(listed=False),
    "interview_allowed": with_case(draft=support.draft(), received=support.REQUEST_BODY),
    "interview_consented": with_case(interview={}),
    "interview_agreed": with_case(interview={}),
    "asked_still": with_data(asked_still=False),
    "attested": interviewed,
    "indication_stands": lambda case, event: (
        replace(case, draft=support.draft(asylum={**support.DRAFT["asylum"], "state": "indicated"})),
        replace(event, role="case_officer"),
    ),
    "age_stands": with_case(draft=return_support.MINOR),
    "restates": with_data(age=support.DRAFT["age"], representative=support.DRAFT["representative"]),
    "answered": with_case(reply=None),
    "nobody_left": with_case(resume_to=State.DEPARTED),
    "nobody_awaited": with_data(awaited=True),
    "remark_stands": with_case(remark=None),
    "retention_over": with_data(until=support.NOW.replace(year=2027)),
    **dict.fromkeys(
        ("rules_compose", "rules_approve", "rules_send", "rules_resume", "rules_remind", "rules_receive"), with_facts
    ),
}
