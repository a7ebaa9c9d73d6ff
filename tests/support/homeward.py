"""The steps of a return as both sides take them, for tests that need a case somewhere along the way."""

from collections.abc import Mapping
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.core.case import Pending
from tests.support import story
from tests.support.network import Network

DEPARTS_AT = datetime(2026, 12, 14, 8, 30, tzinfo=UTC)
MINOR: Mapping[str, Any] = {
    "age": {"class": "minor", "decision": None, "treat_as_child": True},
    "representative": {"ref": "2Xml2lW8lIXCjs1xU80jTA", "appointed_on": "2026-11-18", "signed_by": "Family Court"},
}
HANDLING = {"use_restrictions": ["P0", "P1"], "retain_until": "2028-06-30", "onward": "none"}
PLAN: Mapping[str, Any] = {
    "window": {"from": "2026-12-10", "until": "2027-02-28"},
    "needs": ["INTERPRETER"],
    "referral": {"services": ["RECEPTION", "HOUSING"], "competence": "COORDINATION"},
}
SERVICES = [{"service": "RECEPTION", "id": "XBB-20", "competence": "RECEPTION"}]
ANSWER: Mapping[str, Any] = {
    "carer": {"class": "RELATIVE", "agreed_in_writing_on": "2026-11-24"},
    "service": {"id": "XBB-20", "competence": "CARE"},
    "receiving_services": SERVICES,
    "expires_on": "2027-02-20",
}
DOCUMENT: Mapping[str, Any] = {
    "type": "RETURN_DOCUMENT",
    "number_digest": "A" * 43,
    "issued_on": "2026-11-25",
    "valid_until": "2027-01-20",
}
JOURNEY: Mapping[str, Any] = {
    "arrives_at": "2026-12-14T12:10:00Z",
    "point": {"country": "XBB", "unit": "Northtown"},
    "carrier": {"code": "X1", "number": "204"},
    "escort": {"count": 1, "refs": ["CJDAgXMgk34Kg3R2-Y6VVw"]},
    "medical_needs": [],
}
PROTOCOL: Mapping[str, Any] = {
    "at": "2026-12-14T12:40:00Z",
    "place": {"country": "XBB", "unit": "Northtown"},
    "identity_check": "TRAVEL_DOCUMENT",
    "documents": ["TRAVEL_DOCUMENT"],
    "belongings": True,
    "medicines": False,
    "money": True,
    "contact_card": True,
    "services": SERVICES,
    "next_appointment": "2026-12-15",
    "discreet": True,
}
RECORD: Mapping[str, Any] = {
    "wish": {
        "options_explained_on": "2026-11-20",
        "language": "ru",
        "interpreter": None,
        "wish": "return",
        "written_on": "2026-11-23",
        "copy_given": True,
        "revoked_on": None,
        "detained_now": False,
    },
    "views": None,
    "identification": {"concluded_on": "2026-10-01"},
    "reflection": {"granted_on": "2026-10-02", "ends_on": "2026-11-10", "waived_in_writing_on": None},
    "proceedings": {"open": False, "presence_needed": False, "released_by": None},
    "assessments": [
        {"kind": "risk", "positive": True, "on": "2026-11-24", "expires_on": "2027-02-20", "signer": "coordinator"}
    ],
    "decision": None,
    "contacts_given_on": None,
    "reconfirmation": None,
    "travel": None,
}
DECISION = {
    "ref": "R 7/26",
    "authority": "Return Council",
    "on": "2026-11-25",
    "remedies_explained": True,
    "appeal_until": None,
    "waived": True,
}
TRAVEL = {"departs_at": DEPARTS_AT.isoformat(), "notice_h": 48}
RECONFIRMATION = {"on": DEPARTS_AT.date().isoformat(), "by": "escort", "consent_stands": True}


def record(minor: bool = False, **changes: Any) -> dict[str, Any]:
    """Return a record that stands in the way of nothing, with ``changes``."""
    made = deepcopy(dict(RECORD))
    if minor:
        made["views"] = {"heard_on": "2026-11-22", "by": "the representative"}
        made["assessments"] = [assessment(kind) for kind in ("risk", "best_interests", "family")]
    return made | changes


def assessment(kind: str, *, positive: bool = True) -> dict[str, Any]:
    """Return an assessment by the child-welfare authority."""
    expires = "2027-02-20"
    return {"kind": kind, "positive": positive, "on": "2026-11-24", "expires_on": expires, "signer": "child_welfare"}


def in_charge(minor: bool) -> tuple[str, str, str]:
    """Return who is in charge of a return in XAA: person, role, and the role's neutral name."""
    return ("welfare", "child_welfare", "welfare") if minor else ("coordinator", "coordinator", "coordinator")


async def thread(network: Network, ref: str) -> str:
    """Return the thread of XAA's case ``ref``."""
    return str((await story.row(network, "XAA", ref)).thread)


async def states(network: Network, ours: str, theirs: str) -> tuple[str, str]:
    """Return where the case stands in XAA and in XBB."""
    return await story.state(network, "XAA", ours), await story.state(network, "XBB", theirs)


async def assessed(network: Network, minor: bool = False) -> tuple[str, str]:
    """Take a case from its draft to a return that is assessed; return both references."""
    changes = dict(MINOR) if minor else {}
    ours, theirs = await story.acknowledged(network, handling=HANDLING, **changes)
    await story.give_answer(network, theirs, story.reply())
    await network.deliver()
    person, role, _ = in_charge(minor)
    returning = network.gateways["XAA"].returning
    await returning.consider(ours, record(minor), "first", "case_officer")
    await returning.assess(ours, person, role)
    return ours, theirs


async def prepared(network: Network, minor: bool = False, days: int = 60) -> tuple[str, str]:
    """Take a case to a proposal that two persons and the authority in charge have signed."""
    ours, theirs = await assessed(network, minor)
    returning = network.gateways["XAA"].returning
    pending = await returning.prepare(ours, PLAN, "first", "case_officer")
    await approve(network, ours, pending, "return.approval")
    await endorse(network, ours, pending, minor, days)
    return ours, theirs


async def approve(network: Network, ref: str, pending: Pending, kind: str) -> None:
    """Approve what is prepared in XAA as a second person."""
    signed = network.approval(pending.digest, await thread(network, ref), "second", kind, "liaison_officer")
    await network.gateways["XAA"].returning.approve(ref, signed, "second")


async def endorse(network: Network, ref: str, pending: Pending, minor: bool = False, days: int = 60) -> None:
    """Release what is prepared in XAA as the authority in charge, for ``days``."""
    person, role, named = in_charge(minor)
    signed = network.approval(pending.digest, await thread(network, ref), person, "return.release", named, days)
    await network.gateways["XAA"].returning.endorse(ref, signed, person, role)


async def proposed(network: Network, minor: bool = False, days: int = 60) -> tuple[str, str]:
    """Take a case to a proposal that XBB has."""
    ours, theirs = await prepared(network, minor, days)
    await network.gateways["XAA"].returning.propose(ours, "first", "case_officer")
    await network.deliver()
    return ours, theirs


async def accepted(network: Network, minor: bool = False, days: int = 60) -> tuple[str, str]:
    """Take a case to an acceptance that XAA has."""
    ours, theirs = await proposed(network, minor)
    await accept(network, theirs, minor, days)
    await network.deliver()
    return ours, theirs


async def accept(network: Network, theirs: str, minor: bool = False, days: int = 60) -> None:
    """Accept the proposal in XBB as the authority in charge there."""
    returning = network.gateways["XBB"].returning
    pending = await returning.prepare_acceptance(theirs, ANSWER, "first", "registry_clerk")
    person, role, named = ("welfare", "child_welfare", "welfare") if minor else ("second", "desk_head", "desk_head")
    at = (await story.row(network, "XBB", theirs)).thread
    signed = network.approval(pending.digest, at, person, "return.acceptance", named, days)
    await returning.accept(theirs, signed, person, role)


async def asked_for_a_document(network: Network, minor: bool = False, days: int = 60) -> tuple[str, str]:
    """Take a case to a request for a travel document that XBB knows of."""
    ours, theirs = await accepted(network, minor, days)
    person, role, _ = in_charge(minor)
    returning = network.gateways["XAA"].returning
    await returning.record(ours, record(minor, decision=DECISION), "first", "case_officer")
    await returning.decide(ours, person, role)
    pending = await returning.prepare_document(ours, "2026-12-10", "first", "case_officer")
    await approve(network, ours, pending, "travel.approval")
    await returning.request_document(ours, "first", "case_officer")
    await network.deliver()
    return ours, theirs


async def documented(network: Network, minor: bool = False, days: int = 60) -> tuple[str, str]:
    """Take a case to a travel document that XAA knows of."""
    ours, theirs = await asked_for_a_document(network, minor, days)
    await network.gateways["XBB"].returning.issue(theirs, DOCUMENT, "issuer")
    await network.deliver()
    return ours, theirs


async def scheduled(network: Network, minor: bool = False, days: int = 60) -> tuple[str, str]:
    """Take a case to a plan that lies in XAA's outbox."""
    ours, theirs = await documented(network, minor, days)
    returning = network.gateways["XAA"].returning
    await returning.record(ours, record(minor, decision=DECISION, travel=TRAVEL), "first", "case_officer")
    await returning.schedule(ours, JOURNEY, "second")
    return ours, theirs


async def on_the_day(network: Network, minor: bool = False, days: int = 60, **changes: Any) -> tuple[str, str]:
    """Take a case to the morning of departure: XBB has the plan, the record says everything that is needed."""
    ours, theirs = await scheduled(network, minor, days)
    move_to(network, DEPARTS_AT - timedelta(hours=71))
    await network.deliver()
    move_to(network, DEPARTS_AT + timedelta(minutes=12))
    full = {"decision": DECISION, "travel": TRAVEL, "contacts_given_on": "2026-12-11", "reconfirmation": RECONFIRMATION}
    await network.gateways["XAA"].returning.record(ours, record(minor, **{**full, **changes}), "first", "case_officer")
    await network.refresh()
    return ours, theirs


async def departed(network: Network, minor: bool = False) -> tuple[str, str]:
    """Take a case to a departure that XBB knows of."""
    ours, theirs = await on_the_day(network, minor)
    await network.gateways["XAA"].returning.depart(ours, "escort")
    await network.deliver()
    return ours, theirs


async def delivered(network: Network, minor: bool = False) -> tuple[str, str]:
    """Take a case to a protocol that the escort has signed and XBB has."""
    ours, theirs = await departed(network, minor)
    move_to(network, DEPARTS_AT + timedelta(hours=5))
    await hand_over(network, ours)
    await network.deliver()
    return ours, theirs


async def hand_over(network: Network, ours: str) -> None:
    """Have the escort of XAA sign the protocol of the handover."""
    returning = network.gateways["XAA"].returning
    seen = await returning.protocol(ours, PROTOCOL, "escort", "escort")
    signed = network.approval(seen.digest, seen.thread, "escort", "handover.delivery", "escort")
    await returning.hand_over(ours, PROTOCOL, signed, "escort")


async def handed_over(network: Network, minor: bool = False) -> tuple[str, str]:
    """Take a case to a handover that both hands have signed."""
    ours, theirs = await delivered(network, minor)
    await confirm_handover(network, theirs)
    await network.deliver()
    return ours, theirs


async def confirm_handover(network: Network, theirs: str, days: int = 1) -> None:
    """Have the reception of XBB sign that the person arrived, by a statement that counts for ``days``."""
    returning = network.gateways["XBB"].returning
    seen = await returning.protocol(theirs, None, "reception", "reception")
    signed = network.approval(seen.digest, seen.thread, "reception", "handover.receipt", "reception", days)
    await returning.confirm_handover(theirs, signed, "reception")


def move_to(network: Network, instant: datetime) -> None:
    """Let the time until ``instant`` pass."""
    network.clock.instant = max(network.clock.instant, instant)


async def propose_other_days(network: Network, ours: str, minor: bool = True) -> None:
    """Have XAA propose the return, by default of a minor, once more, on other days."""
    plan = {**PLAN, "window": {"from": "2027-01-10", "until": "2027-01-20"}, "needs": []}
    returning = network.gateways["XAA"].returning
    pending = await returning.prepare(ours, plan, "first", "case_officer")
    await approve(network, ours, pending, "return.approval")
    await endorse(network, ours, pending, minor)
    await returning.propose(ours, "first", "case_officer")
    await network.deliver()
