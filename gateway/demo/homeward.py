"""
Two returns: one that reaches its end after half a year, and one that the other State's welfare authority refuses.

Each step is taken through the services of a real gateway, by the person whose step it is. Who signs does so with a key
of their own over the exact bytes.
"""

from collections.abc import Mapping
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.core.wire import format_instant
from gateway.demo.report import case_of
from gateway.demo.states import ASKED, ASKING, World
from gateway.services.returning import Protocol

DEPARTS_AT = datetime(2026, 12, 14, 8, 30, tzinfo=UTC)
HANDED_OVER_AT = datetime(2026, 12, 14, 12, 40, tzinfo=UTC)

SERVICES = [{"service": "RECEPTION", "id": "XBB-20", "competence": "RECEPTION"}]

RECORD: Mapping[str, Any] = {
    "wish": {
        "options_explained_on": "2026-11-19",
        "language": "de",
        "interpreter": None,
        "wish": "return",
        "written_on": "2026-11-20",
        "copy_given": True,
        "revoked_on": None,
        "detained_now": False,
    },
    "views": None,
    "identification": {"concluded_on": "2026-10-02"},
    "reflection": {"granted_on": "2026-10-05", "ends_on": "2026-11-10", "waived_in_writing_on": None},
    "proceedings": {"open": False, "presence_needed": False, "released_by": None},
    "assessments": [],
    "decision": None,
    "contacts_given_on": None,
    "reconfirmation": None,
    "travel": None,
}
PLAN: Mapping[str, Any] = {
    "window": {"from": "2026-12-10", "until": "2026-12-20"},
    "needs": ["QUIET_PLACE"],
    "referral": {"services": ["RECEPTION", "HOUSING", "LEGAL_ADVICE"], "competence": "COORDINATION"},
}
ANSWER: Mapping[str, Any] = {
    "carer": {"class": "OWN_HOUSEHOLD", "agreed_in_writing_on": "2026-11-23"},
    "service": {"id": "XBB-20", "competence": "COORDINATION"},
    "receiving_services": SERVICES,
    "expires_on": "2027-02-20",
}
DECISION: Mapping[str, Any] = {
    "ref": "R 7/26",
    "authority": "Return Council",
    "on": "2026-11-24",
    "remedies_explained": True,
    "appeal_until": None,
    "waived": True,
}
DOCUMENT: Mapping[str, Any] = {
    "type": "RETURN_DOCUMENT",
    "number_digest": "A" * 43,
    "issued_on": "2026-11-24",
    "valid_until": "2027-01-20",
}
JOURNEY: Mapping[str, Any] = {
    "arrives_at": "2026-12-14T12:10:00Z",
    "point": {"country": ASKED, "unit": "Vessmar"},
    "carrier": {"code": "X1", "number": "204"},
    "escort": {"count": 1, "refs": ["CJDAgXMgk34Kg3R2-Y6VVw"]},
    "medical_needs": [],
}
PROTOCOL: Mapping[str, Any] = {
    "at": "2026-12-14T12:40:00Z",
    "place": {"country": ASKED, "unit": "Vessmar"},
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


def record(minor: bool, **changes: Any) -> dict[str, Any]:
    """Return the national record of a return, with ``changes``."""
    made = deepcopy(dict(RECORD))
    kinds = ("risk", "best_interests", "family") if minor else ("risk",)
    signer = "child_welfare" if minor else "coordinator"
    days = {"on": "2026-11-23", "expires_on": "2027-02-20", "signer": signer}
    made["assessments"] = [{"kind": kind, "positive": True, **days} for kind in kinds]
    made["views"] = {"heard_on": "2026-11-20", "by": "the representative"} if minor else None
    return made | changes


def ready() -> dict[str, Any]:
    """Return the record of the morning of departure: all is there, and the wish was confirmed this day."""
    travel = {"departs_at": DEPARTS_AT.isoformat(), "notice_h": 48}
    again = {"on": DEPARTS_AT.date().isoformat(), "by": "escort", "consent_stands": True}
    return record(False, decision=DECISION, travel=travel, contacts_given_on="2026-12-11", reconfirmation=again)


class Homeward:
    """The acts of both States in one return; the caller lets messages pass in between."""

    def __init__(self, world: World, ref: str, their_ref: str, *, minor: bool) -> None:
        """Act on the case ``ref`` of the asking State, ``their_ref`` in the State asked."""
        self._world = world
        self._ref, self._their_ref, self._minor = ref, their_ref, minor
        self._ours = world.gateways[ASKING].returning
        self._theirs = world.gateways[ASKED].returning

    async def _sign(self, country: str, person: str, kind: str, role: str, days: int = 1) -> str:
        """Return the statement of a person over what is prepared in the case of ``country``."""
        ref = self._ref if country == ASKING else self._their_ref
        _, case = await case_of(self._world.gateways[country], ref)
        digest = case.pending.digest if case.pending else ""
        return self._world.sign(country, person, kind, role, case.thread, digest, days)

    async def propose(self) -> None:
        """Consider, assess, prepare, approve, release and send."""
        person, role, named = ("welfare", "child_welfare", "welfare") if self._minor else ("coordinator",) * 3
        await self._ours.consider(self._ref, record(self._minor), "officer", "case_officer")
        await self._ours.assess(self._ref, person, role)
        await self._ours.prepare(self._ref, PLAN, "officer", "case_officer")
        approval = await self._sign(ASKING, "liaison", "return.approval", "liaison_officer")
        await self._ours.approve(self._ref, approval, "liaison")
        release = await self._sign(ASKING, person, "return.release", named, 60)
        await self._ours.endorse(self._ref, release, person, role)
        await self._ours.propose(self._ref, "officer", "case_officer")

    async def refuse(self) -> None:
        """Refuse as the welfare authority of the other State."""
        await self._theirs.refuse(self._their_ref, "NO_CARER", "welfare", "child_welfare")

    async def decline(self) -> None:
        """End it here: there is no return."""
        await self._ours.decline(self._ref, "welfare", "child_welfare")

    async def accept(self) -> None:
        """Accept as the head of desk of the other State: a carer agreed in writing."""
        await self._theirs.prepare_acceptance(self._their_ref, ANSWER, "clerk", "registry_clerk")
        signed = await self._sign(ASKED, "liaison", "return.acceptance", "desk_head", 60)
        await self._theirs.accept(self._their_ref, signed, "liaison", "desk_head")

    async def ask_document(self) -> None:
        """Note the decision, and ask for a travel document."""
        await self._ours.record(self._ref, record(False, decision=DECISION), "officer", "case_officer")
        await self._ours.decide(self._ref, "coordinator", "coordinator")
        await self._ours.prepare_document(self._ref, "2026-12-10", "officer", "case_officer")
        approval = await self._sign(ASKING, "liaison", "travel.approval", "liaison_officer")
        await self._ours.approve(self._ref, approval, "liaison")
        await self._ours.request_document(self._ref, "officer", "case_officer")

    async def issue(self) -> None:
        """Issue the travel document."""
        await self._theirs.issue(self._their_ref, DOCUMENT, "issuer")

    async def schedule(self) -> None:
        """Fix the journey; its plan lies in the outbox until 72 hours before."""
        planned = {**ready(), "contacts_given_on": None, "reconfirmation": None}
        await self._ours.record(self._ref, planned, "officer", "case_officer")
        await self._ours.schedule(self._ref, JOURNEY, "liaison")

    async def depart(self) -> None:
        """Ask once more, on the day itself, and leave; who leaves after the planned arrival says another one."""
        await self._ours.record(self._ref, ready(), "officer", "case_officer")
        now = self._world.clock.now()
        is_late = now >= datetime.fromisoformat(JOURNEY["arrives_at"])
        await self._ours.depart(
            self._ref, "escort", arrives_at=format_instant(now + timedelta(hours=4)) if is_late else None
        )

    async def hand_over(self) -> None:
        """Sign the protocol of now as the first hand."""
        protocol = {**PROTOCOL, "at": format_instant(self._world.clock.now())}
        seen = await self._ours.protocol(self._ref, protocol, "escort", "escort")
        await self._ours.hand_over(self._ref, protocol, self._hand(ASKING, "escort", "delivery", seen), "escort")

    async def confirm(self) -> None:
        """Sign the same bytes as the second hand."""
        seen = await self._theirs.protocol(self._their_ref, None, "reception", "reception")
        signed = self._hand(ASKED, "reception", "receipt", seen)
        await self._theirs.confirm_handover(self._their_ref, signed, "reception")

    def _hand(self, country: str, person: str, hand: str, seen: Protocol) -> str:
        return self._world.sign(country, person, f"handover.{hand}", person, seen.thread, seen.digest)

    async def report(self, on: str, final: bool) -> None:
        """Report that the person was seen, and safe."""
        await self._theirs.report(self._their_ref, "SEEN_SAFE", on, final, "reception", "reception")
