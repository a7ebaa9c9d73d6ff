"""
What must hold of signatures: no negative reply, return or handover goes by one hand where it takes two.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gateway.core import wire
from gateway.core.age import treat_as_minor
from gateway.core.case import Case, Release
from gateway.core.messages import NEGATIVE_OUTCOMES, PROPOSAL, REPLY
from gateway.services.rows import CaseRow
from keys import jws, statement
from keys.errors import BadStatement
from keys.sign import SigningKey
from tests.sim.books import Books
from tests.sim.forgiven import state
from tests.sim.world import World

if TYPE_CHECKING:
    from tests.sim.scenario import Scenario


def signed(world: World, own: Books, scenario: "Scenario") -> None:
    """Each reply that is not positive came with the signature of a second signer over its very bytes."""
    keys = scenario.world.homes.keys
    for row, case in own.cases.values():
        if case is None or case.side != "requesting" or case.reply is None or case.reply_digest is None:
            continue
        if case.reply["outcome"] in NEGATIVE_OUTCOMES:
            payload = _payload(own, row, case.reply_digest)
            if payload is not None and not _by(keys["signer"], payload, "reply.second-signature", "second_signer"):
                world.fail("two signatures", f"{own.country} has a negative {REPLY} that one person signed")


AUTHORITIES = (("return.release", "coordinator", "coordinator"), ("return.acceptance", "desk_head", "second"))


OF_A_MINOR = (("return.release", "welfare", "welfare"), ("return.acceptance", "welfare", "welfare"))


HANDS = (("handover.delivery", "escort", "escort"), ("handover.receipt", "reception", "reception"))
"""Kind of a statement, role and person."""


HANDED = frozenset({"HANDED_OVER", "MONITORING"})


RELEASED = HANDED | {"ACCEPTED", "DECIDED", "DOCUMENTED", "SCHEDULED", "DEPARTED"}
"""States of a return for which the authorities of both States have signed."""


PLANNED = frozenset({"SCHEDULED", "DOCUMENTED", "DECIDED"})
"""Where a return stands of which a plan was told, and once it is called off, or its document is over."""


AWAITED = HANDED | {"DEPARTED"}
"""Where who is asked may be by word that the person left, also without the acceptance that a restore of its took."""


def released(world: World, own: Books, books: Mapping[str, Books], scenario: "Scenario") -> None:
    """
    No return is accepted, on either side, without the signatures of both authorities, nor over without two hands.

    A State that was restored to before its acceptance awaits who left; the other State has what it signed. A plan that
    was told outlives what was signed of a return, where age or guardian were set right, to be called off (R-10).
    """
    keys = scenario.world.homes.keys
    for row, case in own.cases.values():
        if case is None or state(case) not in RELEASED or _is_to_be_called_off(case):
            continue
        handed = state(case) in HANDED
        scenario.counts.update(accepted=1, handed_over=handed)
        represented = case.said[PROPOSAL]["represented"]
        for kind, role, person in (*(OF_A_MINOR if represented else AUTHORITIES), *(HANDS if handed else ())):
            found = case.releases
            if own.restored and case.side == "requested" and kind == "return.acceptance" and state(case) in AWAITED:
                found = (*found, *_releases_there(own, books[case.partner], row.thread))
            if not any(one.kind == kind and _verifies(one, row.thread, role, keys[person]) for one in found):
                world.fail("two signatures", f"{own.country} has a return in {state(case)} without a {kind}")


def _is_to_be_called_off(case: Case) -> bool:
    """
    Return whether nothing is signed of a return any more because age or guardian were set right once a plan was told.

    It goes on where the plan can be called off, and from there only as a return that begins anew.
    """
    if case.side != "requesting" or case.releases or state(case) not in PLANNED or case.draft is None:
        return False
    return any(_signed_for({**case.draft, **before}) != _signed_for(case.draft) for before in case.earlier)


def _signed_for(draft: Mapping[str, Any]) -> tuple[bool, str | None]:
    return treat_as_minor(draft), (draft["representative"] or {}).get("ref")


def _releases_there(own: Books, their: Books, thread: str) -> tuple[Release, ...]:
    """Return what the other State has of what was signed in a thread with us."""
    rows = their.cases.values()
    twins = [one for row, one in rows if (row.partner, row.thread) == (own.country, thread) and one is not None]
    return tuple(release for twin in twins for release in twin.releases)


def _verifies(release: Release, thread: str, role: str, key: SigningKey) -> bool:
    now = datetime.fromisoformat(release.valid_until)
    try:
        statement.verify(
            release.statement.encode(),
            thread=thread,
            kind=release.kind,
            role=role,
            digest=release.digest,
            key=key.public,
            now=now,
        )
    except BadStatement:
        return False
    return True


def _payload(own: Books, row: CaseRow, digest: str) -> wire.Payload | None:
    """Return a message that was received, out of its sealed column."""
    context = own.gateway.context
    sealed = own.host.look("SELECT sealed FROM inbound WHERE digest = ?", digest)
    if not sealed or sealed[0][0] is None or row.wrapped_key is None:
        return None
    key = context.vault.unwrap(row.ref, row.wrapped_key)
    raw = context.vault.open(key, "inbound", digest, "sealed", sealed[0][0])
    return wire.parse_payload(jws.parse(raw, jws.TYP_MESSAGE).payload)


def _by(key: SigningKey, payload: wire.Payload, kind: str, role: str) -> bool:
    """Return whether a statement of that kind by ``key`` over the body is in the message."""
    for raw in payload.statements:
        said, _ = statement.parse(raw.encode())
        try:
            statement.verify(
                raw.encode(),
                thread=payload.thread or "",
                kind=kind,
                role=role,
                digest=payload.body_digest,
                key=key.public,
                now=min(said.valid_until, payload.issued_at),
            )
        except BadStatement:
            continue
        return True
    return False
