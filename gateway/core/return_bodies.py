"""
What each message of a return says: composed from the national record, the draft and what was said before.

Rule 1: only conclusions, their dates and who signed them leave. Text, names and reasons of an assessment have no place.
Rule 2: the conditions are our own draft's on one side, on the other those of what the other State sent.
Rule 3: a handover has one protocol. Both hands sign the same bytes, so the second repeats what the first sent.

Each function returns a body that its schema still has to accept (``schemas/json/messages``).
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import schemas
from gateway.core.case import Case
from gateway.core.messages import DOCUMENT, DOCUMENT_REQUEST, PROPOSAL, REISSUE, SCHEDULE
from gateway.core.minimise import disclose
from gateway.core.preview import LEGAL_BASIS
from gateway.core.return_guards import proposed, represented
from gateway.core.wire import format_instant

Body = dict[str, Any]

RETURN, TRAVEL = "RETURN_ARRANGEMENT", "TRAVEL_DOC"


class NotOnRecord(Exception):
    """Something a body is composed of is not on record; names it."""

    def __init__(self, what: str) -> None:
        super().__init__(f"not on record: {what}")


def _said(case: Case, type: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] | None = case.said.get(type)
    if found is None:
        raise NotOnRecord(type)
    return found


def _ours(case: Case, purpose: str) -> Body:
    return {"purpose": purpose, "legal_basis": LEGAL_BASIS, **(case.draft or {})["handling"]}


def _handling(case: Case, purpose: str) -> Body:
    """Return the conditions of a message: our own draft's, or those the other State stated for this purpose."""
    if case.draft is not None:
        return _ours(case, purpose)
    return {**_said(case, PROPOSAL if purpose == RETURN else DOCUMENT_REQUEST)["handling"]}


# The side that proposes.


def proposal(case: Case, plan: Mapping[str, Any]) -> Body:
    """
    Return the proposal for ``plan`` (``window``, ``needs``, ``referral``).

    Of each kind of assessment the latest positive conclusion is in it. Raises ``NotOnRecord`` if the reply that it
    would rest on was taken back by the State that gave it.
    """
    if case.reply_digest is None:
        raise NotOnRecord("the signed reply of the other State; one that was taken back is none")
    record = case.record or {}
    latest: dict[str, Mapping[str, Any]] = {}
    for one in sorted(record["assessments"], key=lambda one: str(one["on"])):
        if one["positive"]:
            latest[one["kind"]] = one
    return {
        "handling": _ours(case, RETURN),
        "reply": case.reply_digest,
        "represented": represented(case),
        "window": plan["window"],
        "needs": plan["needs"],
        "consent": {"informed": True, "written": True, "on": (record["wish"] or {}).get("written_on")},
        "conclusions": [_conclusion(one) for one in latest.values()],
        "referral": plan["referral"],
    }


def _conclusion(one: Mapping[str, Any]) -> Body:
    signer = schemas.statement_roles()[one["signer"]]
    return {**{name: one[name] for name in ("kind", "positive", "on", "expires_on")}, "signed_by_role": signer}


def document_request(case: Case, needed_by: str) -> Body:
    """Return the request for a travel document needed by the ISO date ``needed_by``; elements as the matrix says."""
    elements = disclose(case.draft or {}, TRAVEL, renditions=case.renditions).elements
    return {"handling": _ours(case, TRAVEL), "elements": elements, "needed_by": needed_by}


def planned(case: Case, plan: Mapping[str, Any]) -> Body:
    """
    Return the schedule: departure from the record, the rest from ``plan`` (all its members but ``departs_at``).

    Raises ``NotOnRecord`` if the record has no plan of travel.
    """
    travel = (case.record or {})["travel"]
    if travel is None:
        raise NotOnRecord("the plan of travel")
    leaves = datetime.fromisoformat(travel["departs_at"])
    return {"handling": _ours(case, RETURN), "status": "planned", "departs_at": format_instant(leaves), **plan}


def cancelled(case: Case) -> Body:
    """Return the notice that the journey does not take place as planned; it names no reason."""
    empty = dict.fromkeys(("departs_at", "arrives_at", "point", "carrier", "escort"))
    return {"handling": _ours(case, RETURN), "status": "cancelled", **empty, "medical_needs": []}


def departed(case: Case, left_at: datetime, arrives_at: str | None) -> Body:
    """
    Return the notice that the person left at ``left_at``; ``arrives_at`` (instant) if it is later than planned.

    Medical needs are told again only while the person agrees to that; who no longer does leaves all the same.
    """
    plan = _said(case, SCHEDULE)
    needs = plan["medical_needs"] if _agrees((case.record or {}).get("travel") or {}, left_at) else []
    times = {"departs_at": format_instant(left_at), "arrives_at": arrives_at or plan["arrives_at"]}
    return {**plan, "status": "departed", **times, "medical_needs": needs}


def _agrees(travel: Mapping[str, Any], now: datetime) -> bool:
    """Return whether the person agrees today, at the place of departure, that medical needs are told (R-23)."""
    on = travel.get("medical_consent_on")
    if on is None:
        return False
    return date.fromisoformat(on) <= now.astimezone(datetime.fromisoformat(travel["departs_at"]).tzinfo).date()


def handover(case: Case, protocol: Mapping[str, Any]) -> Body:
    """Return the protocol of the handover, as the first hand writes it and the second repeats it."""
    return {"handling": _ours(case, RETURN), "protocol": dict(protocol)}


# The side that accepts.


def acceptance(case: Case, answer: Mapping[str, Any], carer_ref: str, now: datetime) -> Body:
    """
    Return the acceptance.

    ``answer`` has ``carer`` (without ``ref``), ``service``, ``receiving_services`` and ``expires_on``.
    ``carer_ref`` is a random reference of the carer, made for these two States. Raises ``NotOnRecord`` if no release of
    the proposal was received.
    """
    carer, proposal = answer["carer"], proposed(case)
    if proposal is None:
        raise NotOnRecord("the release of the proposal")
    return {
        "handling": _handling(case, RETURN),
        "proposal": proposal,
        "decision": "accepted",
        "represented": represented(case),
        "reason": None,
        "carer": {"class": carer["class"], "ref": carer_ref, "agreed_in_writing_on": carer["agreed_in_writing_on"]},
        "service": answer["service"],
        "receiving_services": answer["receiving_services"],
        "signed_on": now.date().isoformat(),
        "expires_on": answer["expires_on"],
    }


def refusal(case: Case, reason: str) -> Body:
    """Return the refusal of a proposal, with its coded ``reason``."""
    return {
        "handling": _handling(case, RETURN),
        "proposal": None,
        "decision": "refused",
        "represented": represented(case),
        "reason": reason,
        "carer": None,
        "service": None,
        "receiving_services": [],
        "signed_on": None,
        "expires_on": None,
    }


def document(case: Case, document: Mapping[str, Any], now: datetime) -> Body:
    """Return the notice of a travel document: ``type``, ``number_digest``, ``issued_on``, ``valid_until``."""
    return {"handling": _handling(case, TRAVEL), "document": dict(document), "as_of": now.date().isoformat()}


def reissued(case: Case, document: Mapping[str, Any], now: datetime) -> Body:
    """Return the notice of a document that takes the place of the last one."""
    last = (case.said.get(REISSUE) or _said(case, DOCUMENT))["document"]["number_digest"]
    value = {"handling": _handling(case, TRAVEL), "document": dict(document), "replaces": last}
    return {**value, "as_of": now.date().isoformat()}


def monitoring(case: Case, status: str, on: str, final: bool) -> Body:
    """Return how the person was found on the ISO date ``on``, as a code; ``final`` if no other will follow."""
    return {"handling": _handling(case, RETURN), "status": status, "on": on, "final": final}
