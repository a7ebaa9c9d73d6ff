"""
Inviting to one case: the desk in charge asks somebody in, in one role, until a day, and takes it back.

Rule 1: who invited whom, as what and why, is recorded in the case before the invitation is made (R-13).
Rule 2: the desk in charge invites; a guest invites nobody.
Rule 3: the link is shown to the desk once and sent by nobody here; the desk hands it over.
Rule 4: a link stands for a guest. A person of this gateway who is invited proves who they are by means of their own
before it opens anything: the desk held the link first, and their word may do what no guest's may.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from gateway.core.case import Case, Side
from gateway.core.return_guards import represented
from gateway.core.returns import RETURN_STATES
from gateway.core.tables import table_for
from gateway.core.verification import CLERK, OFFICER
from gateway.services import access, cases
from gateway.services.account_store import Invitation, desk_of
from gateway.services.accounts import Accounts
from gateway.services.acts import GONE, VERBS
from gateway.services.context import Context, Forbidden, NotFound, acting
from gateway.services.guests import EVENTS
from gateway.services.ports import Tx

INVITABLE: Final = (
    "guardian",
    "lawyer",
    "court",
    "asylum_authority",
    "escort",
    "reception",
    "document_issuer",
    "registry_clerk",
)
"""Roles that somebody may be invited in."""

DESKS: Final[Mapping[Side, frozenset[str]]] = {Side.REQUESTING: OFFICER, Side.REQUESTED: CLERK}
INVITERS: Final = OFFICER | CLERK | {"child_welfare"}

LINK_LASTS: Final = timedelta(days=7)
"""How long the link may lie about before it is used; the invitation lasts as long as the desk says."""

GUEST_VERBS: Final = frozenset(name for name, verb in VERBS.items() if verb.events & EVENTS and not verb.only)
"""The steps a guest may take where the tables give them to the role (``guests.EVENTS``)."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Whom a desk invites: to which case, in which role, a configured person or (``None``) a guest, until when, why."""

    ref: str
    role: str
    person: str | None
    until: datetime
    why: str


def invitable(side: Side) -> tuple[str, ...]:
    """Return the roles that somebody may be invited in on ``side``: those that have a step there."""
    known = {role for row in table_for(side).rows for role in row.who}
    return tuple(role for role in INVITABLE if role in known)


def inviters(case: Case) -> frozenset[str]:
    """Return the roles that may invite to ``case``: its desk; for a return of a minor also child welfare."""
    in_charge = {"child_welfare"} if case.state in RETURN_STATES and represented(case) else set()
    return DESKS[case.side] | in_charge


async def check_inviter(context: Context, ref: str, person: str, role: str) -> Case:
    """Return the case ``ref`` if ``person`` may invite to it in ``role``. Raises ``Forbidden``, ``NotFound``."""
    acting(context, person, role, context.clock.now())
    return await context.store.read(lambda tx: _may_invite(context, tx, ref, role))


async def _may_invite(context: Context, tx: Tx, ref: str, role: str) -> Case:
    return (await _held(context, tx, ref, role)).case


async def _held(context: Context, tx: Tx, ref: str, role: str) -> cases.Held:
    held = await cases.load(context, tx, ref)
    if role not in inviters(held.case):
        raise Forbidden(f"the role '{role}' invites nobody to this case", "the desk in charge does")
    return held


async def invite(context: Context, accounts: Accounts, wish: Wish, person: str, role: str) -> tuple[Invitation, str]:
    """
    Invite as ``wish`` says; return the invitation and the token of its link, which is shown once.

    Raises ``Forbidden``, ``NotFound`` and ``ValueError`` for too long a time.
    """
    now = context.clock.now()
    acting(context, person, role, now)
    _check(context, wish, now)
    await _record(context, wish.ref, role, "invite", wish.role, f"{wish.why} ({wish.person or 'guest'})", person)
    made = await accounts.invite(wish.ref, wish.role, person, now, wish.until, person=wish.person)
    return made, await _link(accounts, made, now)


def _check(context: Context, wish: Wish, now: datetime) -> None:
    """Look at what would make the invitation fail before it is recorded."""
    if not wish.why.strip():
        raise Forbidden("somebody is invited for a reason only", "say why")
    if wish.person is not None:
        acting(context, wish.person, wish.role, now)
    if not wish.until > now:
        raise ValueError("an invitation ends after it begins")


async def renew(
    context: Context, accounts: Accounts, id: str, wish: Wish, person: str, role: str
) -> tuple[Invitation, str]:
    """
    Let the invitation ``id`` last until ``wish.until`` and return it with a new link; links not used are over.

    It stays in its role and for who it is. Raises as ``invite``, and ``NotFound`` for one that was revoked.
    """
    now = context.clock.now()
    acting(context, person, role, now)
    found = await accounts.find_invitation(id, wish.ref)
    if found is None or found.revoked_at is not None:
        raise NotFound("there is no such invitation to this case")
    _check(context, wish, now)
    await _record(context, wish.ref, role, "invite", found.role, f"{wish.why} ({found.person})", person)
    made = await accounts.renew(id, wish.ref, now, wish.until)
    if made is None:
        raise NotFound("there is no such invitation to this case")
    return made, await _link(accounts, made, now)


async def revoke(context: Context, accounts: Accounts, ref: str, id: str, person: str, role: str) -> None:
    """Take the invitation ``id`` back with its links and sessions, at once. Raises ``Forbidden``, ``NotFound``."""
    await check_inviter(context, ref, person, role)
    found = await accounts.find_invitation(id, ref)
    if found is None or not await accounts.revoke(id, ref, context.clock.now()):
        raise NotFound("there is no such invitation to this case")
    await _record(context, ref, role, "uninvite", found.role, found.person, person)


async def _record(context: Context, ref: str, role: str, action: str, invited: str, why: str, person: str) -> None:
    now = context.clock.now()

    async def unit(tx: Tx) -> None:
        held = await _held(context, tx, ref, role)
        if action == "invite" and held.case.state.value in GONE:
            raise NotFound("the case is locked or erased; nobody is invited to it")
        if action == "invite" and invited not in invitable(held.case.side):
            raise Forbidden(f"nobody is invited as '{invited}' on this side", "choose another role")
        await access.record(context, tx, held, person, action, why, now, invited)

    await context.commit(unit)


async def _link(accounts: Accounts, made: Invitation, now: datetime) -> str:
    until = min(made.until, now + LINK_LASTS)
    return await accounts.make_link(made.person, desk_of(made.role), "invitation", now, until, made)
