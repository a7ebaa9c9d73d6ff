"""
The safeguards as a table of checks.

Rule 1: a rule is a row: id, where the law says it, when it is looked at, and a check that returns what it found.
Rule 2: unknown means no. A missing field is a finding, never a pass.
Rule 3: nobody can switch a rule off. There is no argument, role or setting here that makes a check return nothing.

``docs/rules.md`` has a paragraph for each id. Rules that concern returns come with the return arrangement.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from gateway.core.messages import (
    NEGATIVE_OUTCOMES,
    OUTCOMES_FOR,
    POSITIVE_OUTCOMES,
    REPLY,
    REQUEST,
    TYPES,
    WITHDRAWAL,
    allowed_methods,
)


class When(StrEnum):
    """The moments at which rules are looked at."""

    COMPOSE = "compose"
    APPROVE = "approve"
    SEND = "send"
    RETRY = "retry"
    REMIND = "remind"
    RECEIVE = "receive"
    EXPORT = "export"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule found: its id, the reason in one sentence without any personal value, and the field it looked at."""

    rule: str
    because: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """
    What the rules may look at.

    ``draft`` is the national record of the requesting side; ``type`` and ``body`` the message about to leave or just
    received; ``question`` the request body an answer answers; ``frozen`` whether the case is frozen or withdrawn;
    ``no_contact`` the reason the partner is on the no-contact list; ``recipient_ready`` whether its card is held, valid
    and lists a sealing key; ``justification`` the reason given for looking at or disclosing the case.
    """

    now: datetime
    draft: Mapping[str, Any] | None = None
    type: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)
    question: Mapping[str, Any] | None = None
    frozen: bool = False
    no_contact: str | None = None
    recipient_ready: bool = True
    justification: str | None = None


Check = Callable[[Facts], str | None]
"""A check returns the reason it objects, or ``None``."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: ``id``, a title, the source, the moments it is looked at, the field it concerns and the check."""

    id: str
    title: str
    source: str
    when: frozenset[When]
    where: str
    check: Check


def _on_or_before(text: Any, day: date) -> bool:
    return isinstance(text, str) and date.fromisoformat(text) <= day


def _r01(facts: Facts) -> str | None:
    if facts.draft is None or facts.type == WITHDRAWAL:
        return None  # the requested side holds no such field; a withdrawal is the one exemption (protocol 5)
    state = facts.draft["asylum"]
    if state["state"] != "none":
        return f"the protection state is '{state['state']}'; only an attested 'none' lets anything leave"
    if not (state["attested_by"] and state["basis"] and _on_or_before(state["attested_on"], facts.now.date())):
        return "'none' is not attested: who, when and on what basis are all needed"
    return None


def _r02(facts: Facts) -> str | None:
    if facts.frozen and facts.type != WITHDRAWAL:
        return "the case is frozen; nothing but a withdrawal may leave"
    return None


def _elements(facts: Facts) -> Mapping[str, Any]:
    elements: Mapping[str, Any] = facts.body.get("elements", {})
    return elements


def _r03(facts: Facts) -> str | None:
    purpose = facts.body.get("handling", {}).get("purpose")
    carries = "entry_date" in _elements(facts)
    if purpose == "PERM_RESIDENCE" and not carries and facts.type == REQUEST:
        return "permanent residence is asked as of the date of entry, which is missing"
    if purpose == "NATIONALITY" and carries:
        return "nationality is asked as of now; the date of entry must not be sent"
    return None


def _r05(facts: Facts) -> str | None:
    handling = facts.body.get("handling")
    if handling is None:
        personal = facts.type in TYPES and TYPES[facts.type].personal
        return "a body about a person carries no conditions" if personal else None
    if missing := [name for name in ("purpose", "legal_basis", "onward") if not handling.get(name)]:
        return f"{', '.join(missing)} is not stated"
    if not handling.get("use_restrictions"):
        return "no use restriction is stated"
    if date.fromisoformat(handling["retain_until"]) <= facts.now.date():
        return "retain_until is not in the future"
    return None


def treat_as_minor(draft: Mapping[str, Any]) -> bool:
    """Return whether the person is to be treated as a minor: age unknown counts as one until it is decided (R-06)."""
    age = draft["age"]
    return bool(
        age["class"] == "minor" or age.get("treat_as_child") or (age["class"] == "unknown" and not age["decision"])
    )


def _r06(facts: Facts) -> str | None:
    if facts.draft is None:
        return None
    age = facts.draft["age"]
    if age["class"] == "minor" and age.get("treat_as_child") is False:
        return "a minor cannot be treated as an adult"
    if age["class"] == "unknown" and age.get("treat_as_child") is False and not age["decision"]:
        return "age is unknown and no age decision is on record, so the person is treated as a minor"
    return None


def _r07(facts: Facts) -> str | None:
    if facts.draft is None or not treat_as_minor(facts.draft):
        return None
    representative = facts.draft["representative"]
    if representative is None or not representative["signed_by"]:
        return "no signed reference of an appointed guardian or representative"
    return None


def _r13(facts: Facts) -> str | None:
    text = facts.justification if facts.justification is not None else (facts.draft or {}).get("justification")
    return None if text and str(text).strip() else "no justification is given"


def _r14(facts: Facts) -> str | None:
    if facts.draft is not None and facts.draft["category"] != "subject":
        return f"the category is '{facts.draft['category']}'; only a subject may be asked about"
    return None


def _r19(facts: Facts) -> str | None:
    if facts.draft is None:
        return None
    ground = facts.draft["transfer_ground"]
    return None if ground and ground["reference"] else "no ground for the transfer with its reference"


def _r20(facts: Facts) -> str | None:
    if facts.draft is None:
        return None
    check = facts.draft["endangerment_check"]
    needed = treat_as_minor(facts.draft)
    if check is None or check["result"] == "not_done":
        return "the endangerment check is not done" if needed else None
    return None if check["result"] == "passed" else "the endangerment check did not pass"


def _r26(facts: Facts) -> str | None:
    if facts.type != REPLY:
        return None
    body = facts.body
    if body["outcome"] == "NOT_FOUND" and (body["match_basis"] or body["reason"]):
        return "NOT_FOUND carries neither a match nor a reason; it says that no entry was found and nothing more"
    if body["outcome"] in {"NOT_NATIONAL", "NO_PR_AT_DATE", "FORMER_NATIONAL"} and not body["match_basis"]:
        return f"{body['outcome']} must rest on an entry that was found; where none was, the outcome is NOT_FOUND"
    if body["outcome"] in POSITIVE_OUTCOMES and not body["match_basis"]:
        return "a positive outcome names the elements that matched"
    return None


def _n01(facts: Facts) -> str | None:
    if facts.no_contact is None or facts.type == WITHDRAWAL:
        return None
    return "the State is on the no-contact list"


def _n02(facts: Facts) -> str | None:
    return None if facts.recipient_ready else "no valid sealing key of the recipient is held, or the State is on hold"


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
    allowed = allowed_methods(facts.question["method_limit"], facts.question["no_contact_methods"])
    if used := sorted(set(facts.body["method_used"]) - allowed):
        return f"{', '.join(used)} is outside the method limit of the request"
    if facts.body["outcome"] in POSITIVE_OUTCOMES | NEGATIVE_OUTCOMES - {"REFUSED"} and not facts.body["method_used"]:
        return "the method used is not stated"
    return None


_REPLY = frozenset({When.COMPOSE, When.APPROVE, When.SEND, When.RECEIVE})
_OUT = frozenset({When.APPROVE, When.SEND, When.RETRY, When.REMIND})
_WRITE = frozenset({When.COMPOSE, When.APPROVE, When.SEND})

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
        "R-13",
        "No look and no disclosure without a reason",
        "Directive (EU) 2016/680 Article 25",
        _WRITE - {When.SEND} | {When.EXPORT},
        "justification",
        _r13,
    ),
    Rule("R-14", "Only the person asked about", "Directive (EU) 2016/680 Article 6", _WRITE, "category", _r14),
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
)


def findings(when: When, facts: Facts) -> tuple[Finding, ...]:
    """
    Return what every rule looked at in the moment ``when`` finds in ``facts``; empty means nothing objects.

    A check that cannot read its facts (a field is missing) objects: unknown means no.
    """
    found = []
    for rule in _BY_WHEN[when]:
        try:
            because = rule.check(facts)
        except (KeyError, TypeError, ValueError):
            because = "a field this rule needs is missing or unreadable"
        if because:
            found.append(Finding(rule.id, because, rule.where))
    return tuple(found)


_BY_WHEN: Mapping[When, tuple[Rule, ...]] = {when: tuple(r for r in RULES if when in r.when) for when in When}
