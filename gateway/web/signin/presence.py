"""
What a page of another matter needs to have an act approved: ``ask`` for the page that shows the bytes, ``sign`` for the
form that comes back.

The template of the page begins its form with ``ask.start(question, action)`` of ``signin/_ask.html``.
"""

import asyncio
from datetime import timedelta

from gateway.services.context import Forbidden
from gateway.web.language import N_
from gateway.web.signin.hand import STATEMENT_LASTS, Act, Proof, Question, approve_challenge, verify_approval
from gateway.web.signin.passkeys import Passkeys
from gateway.web.signin.refused import Refused
from gateway.web.visit import Visit


def passkeys_of(visit: Visit) -> Passkeys:
    """Return the ceremonies of the desk that is visited."""
    return Passkeys(visit.site.accounts, visit.site.origins[visit.pages.name], visit.pages.name)


NO_KEY = N_(
    "No key of yours is held here, so you cannot sign on this page. Sign with your own key by the command line, or ask "
    "the operator to have one held here."
)
NO_PROOF = N_("To sign you need a passkey or codes. Ask the operator for a link to take up one.")


async def ask(visit: Visit, act: Act) -> tuple[Question | None, str]:
    """
    Return what to ask whoever approves ``act`` with; or nothing, and in words why they cannot sign here.

    Raises ``Refused`` where nobody has signed in.
    """
    if visit.session is None:
        raise Refused("session")
    if not await asyncio.to_thread(visit.site.hand.holds, visit.person.id):
        return None, visit.tongue._(NO_KEY)
    try:
        return await approve_challenge(visit.site.accounts, passkeys_of(visit), visit.session, act, visit.now), ""
    except Forbidden:
        return None, visit.tongue._(NO_PROOF)


async def answer(visit: Visit, act: Act) -> Proof:
    """Return the proof that whoever visits approved ``act`` with this form. Raises ``Refused``."""
    if visit.session is None:
        raise Refused("session")
    try:
        return await verify_approval(visit.site.accounts, passkeys_of(visit), visit.session, act, visit.form, visit.now)
    except Refused as error:
        visit.site.accounts.log("approval.refused", desk=visit.pages.name, reason=error.code)
        raise


async def sign(visit: Visit, act: Act, lasts: timedelta = STATEMENT_LASTS) -> str:
    """
    Return the statement (JWS) of whoever visits over ``act``, approved with this form, valid for as long as ``lasts``.

    Raises ``Refused``, ``Forbidden``.
    """
    proof = await answer(visit, act)
    return await visit.site.hand.sign(
        proof,
        person=visit.person.id,
        kind=act.kind,
        role=act.role,
        thread=act.thread,
        digest=act.digest,
        now=visit.now,
        lasts=lasts,
    )
