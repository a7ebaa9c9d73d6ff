"""Every rule objects when it should, at each moment it is looked at, and only then."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

import schemas
from gateway.core.messages import ACKNOWLEDGEMENT, ELEMENTS, NEGATIVE_OUTCOMES, REPLY, REQUEST, WITHDRAWAL
from gateway.core.rules import RULES, Facts, When, findings, treat_as_minor
from gateway.core.verification import REQUESTED, REQUESTING
from tests.core import support
from tests.core.support import NOW, REQUEST_BODY, draft, reply

REPRESENTATIVE = {"ref": support.TOKEN, "appointed_on": "2026-11-18", "signed_by": "Family Court"}
DECISION = {"ref": "AGE-7", "on": "2026-11-19", "by": "Youth Office"}
HANDLING = REQUEST_BODY["handling"]
ASKED_FOR = {**REQUEST_BODY, "method_limit": "M0"}
RESIDENCE = {**ASKED_FOR, "handling": {**HANDLING, "purpose": "PERM_RESIDENCE"}}


def request(record: dict[str, Any] | None = None, **changes: Any) -> Facts:
    """Return the facts about a good request for ``record``."""
    return replace(Facts(NOW, record or draft(), REQUEST, REQUEST_BODY), **changes)


def answer(value: dict[str, Any], question: dict[str, Any] | None = ASKED_FOR) -> Facts:
    """Return the facts about a reply."""
    return Facts(NOW, None, REPLY, value, question=question, justification="answer")


def body(**changes: Any) -> Facts:
    """Return the facts about a request whose body has members changed."""
    return request(body={**REQUEST_BODY, **changes})


def asylum(**changes: Any) -> Facts:
    """Return the facts about a request whose protection state is changed."""
    return request(draft(asylum={**support.DRAFT["asylum"], **changes}))


def minor(**changes: Any) -> Facts:
    """Return the facts about a represented minor."""
    return request(draft(age={"class": "minor", "decision": None}, representative=REPRESENTATIVE, **changes))


def residence(**elements: Any) -> Facts:
    """Return the facts about a question for permanent residence."""
    return body(handling={**HANDLING, "purpose": "PERM_RESIDENCE"}, elements={**REQUEST_BODY["elements"], **elements})


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
        },
        {
            "attested": request(),
            "attested today": asylum(attested_on="2026-12-01"),
            "the withdrawal": replace(asylum(state="requested"), type=WITHDRAWAL, body={}),
            "the requested side": answer(reply()),
        },
        lacking("asylum"),
    ),
    "R-02": Cases(
        {"frozen": request(frozen=True)},
        {"open": request(), "the withdrawal": request(frozen=True, type=WITHDRAWAL, body={})},
    ),
    "R-03": Cases(
        {
            "residence without its day": residence(),
            "nationality with a day of entry": body(elements={**REQUEST_BODY["elements"], "entry_date": "2024-08"}),
        },
        {"nationality": request(), "residence": residence(entry_date="2024-08/2024-10"), "no body": request(body={})},
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
        },
        {
            "adult": request(),
            "unknown": request(draft(age=UNKNOWN_AGE)),
            "decided": request(draft(age={"class": "unknown", "decision": DECISION, "treat_as_child": False})),
            "the requested side": answer(reply()),
        },
        lacking("age"),
    ),
    "R-07": Cases(
        {
            "a minor alone": request(draft(age={"class": "minor", "decision": None})),
            "unknown alone": request(draft(age=UNKNOWN_AGE)),
            "treated as one": request(draft(age={"class": "adult", "decision": None, "treat_as_child": True})),
            "unsigned": request(draft(age=UNKNOWN_AGE, representative={**REPRESENTATIVE, "signed_by": None})),
        },
        {"adult": request(), "represented": minor(), "the requested side": answer(reply())},
        lacking("age"),
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
    "R-19": Cases(
        {
            "none": request(draft(transfer_ground=None)),
            "no reference": request(draft(transfer_ground={"code": "ADEQUACY", "reference": ""})),
        },
        {"ground": request(), "the requested side": answer(reply())},
        lacking("transfer_ground"),
    ),
    "R-20": Cases(
        {
            "failed": request(draft(endangerment_check=ENDANGERED)),
            "minor unchecked": minor(endangerment_check=None),
            "minor not done": minor(endangerment_check={**ENDANGERED, "result": "not_done"}),
            "minor failed": minor(endangerment_check=ENDANGERED),
        },
        {
            "passed": request(),
            "minor passed": minor(),
            "adult unchecked": request(draft(endangerment_check=None)),
            "the requested side": answer(reply()),
        },
        lacking("endangerment_check"),
    ),
    "R-26": Cases(
        {
            "not found, but something matched": answer(reply("NOT_FOUND", match_basis=["NAME_EXACT"])),
            "not found, for a reason": answer(reply("NOT_FOUND", reason="CITIZENSHIP_LOST")),
            "no, but nothing matched": answer(reply("NOT_NATIONAL", match_basis=[])),
            "no residence, but nothing matched": answer(reply("NO_PR_AT_DATE", match_basis=[]), RESIDENCE),
            "former, but nothing matched": answer(reply("FORMER_NATIONAL", match_basis=[])),
            "yes, but nothing matched": answer(reply("NATIONAL", match_basis=[])),
        },
        {
            **{outcome: answer(reply(outcome)) for outcome in ("NATIONAL", "NOT_NATIONAL", "NOT_FOUND", "CANNOT_SAY")},
            "no reply": request(),
        },
        answer({name: value for name, value in reply("NOT_FOUND").items() if name != "match_basis"}),
    ),
    "N-01": Cases(
        {"listed": request(no_contact="relations are broken off")},
        {"not listed": request(), "the withdrawal": request(no_contact="listed", type=WITHDRAWAL, body={})},
    ),
    "N-02": Cases({"no key": request(recipient_ready=False)}, {"key": request()}),
    "Q-01": Cases(
        {
            "residence for nationality": answer(reply("PR_AT_DATE")),
            "nationality for residence": answer(reply("NATIONAL"), RESIDENCE),
            "another purpose": answer(reply("NATIONAL", handling={**HANDLING, "purpose": "PERM_RESIDENCE"})),
            "unknown question": answer(reply(), None),
        },
        {
            "nationality": answer(reply("NATIONAL")),
            "residence": answer(reply("PR_AT_DATE", handling=RESIDENCE["handling"]), RESIDENCE),
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
}

BY_ID = {rule.id: rule for rule in RULES}
REFUSED = [(id, when, name) for id, row in CASES.items() for when in BY_ID[id].when for name in row.refused]
PASSED = [(id, when, name) for id, row in CASES.items() for when in BY_ID[id].when for name in row.passed]
MISSING = [id for id, row in CASES.items() if row.missing is not None]


def ids(when: When, facts: Facts) -> set[str]:
    """Return the ids of the rules that object."""
    return {finding.rule for finding in findings(when, facts)}


def test_every_rule_is_tried() -> None:
    """There are cases for each rule of the code."""
    assert set(BY_ID) == set(CASES)


@pytest.mark.parametrize(("id", "when", "name"), REFUSED)
def test_rule_objects(id: str, when: When, name: str) -> None:
    """The rule objects at this moment."""
    assert id in ids(when, CASES[id].refused[name])


@pytest.mark.parametrize(("id", "when", "name"), PASSED)
def test_rule_lets_pass(id: str, when: When, name: str) -> None:
    """The rule does not object to what is in order."""
    assert id not in ids(when, CASES[id].passed[name])


@pytest.mark.parametrize("id", MISSING)
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


def test_no_role_and_no_flag_overrides() -> None:
    """No role of either table, no permission and no flag put anywhere in the record makes R-01 silent."""
    roles = {role for table in (REQUESTING, REQUESTED) for row in table.rows for role in row.who}
    flags = ("override", "emergency", "force", "permission", "court_order")
    for role in sorted(roles):
        for flag in flags:
            record = draft(asylum={**support.DRAFT["asylum"], "state": "requested", flag: True, "role": role})
            record |= {flag: True, "role": role, "officer": role}
            facts = request(record, justification=f"{flag} by {role}", body={**REQUEST_BODY, flag: role})
            assert "R-01" in ids(When.SEND, facts)


def test_rules_take_no_more_than_facts() -> None:
    """A check has one argument, the facts, so nothing else can change its answer."""
    checks: list[Callable[..., Any]] = [rule.check for rule in RULES]
    assert all(check.__code__.co_argcount == 1 and check.__defaults__ is None for check in checks)


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        ({"class": "minor", "decision": None}, True),
        ({"class": "unknown", "decision": None}, True),
        ({"class": "unknown", "decision": DECISION}, False),
        ({"class": "unknown", "decision": DECISION, "treat_as_child": True}, True),
        ({"class": "adult", "decision": None, "treat_as_child": True}, True),
        ({"class": "adult", "decision": None}, False),
    ],
)
def test_doubt_counts_for_the_person(age: dict[str, Any], expected: bool) -> None:
    """Unknown age counts as a minor's until a decision is on record."""
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
