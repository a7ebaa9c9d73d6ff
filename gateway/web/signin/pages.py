"""
The pages of signing in, of one's own means of it, and of signing out. Each desk has them all.

Rule 1: a sign-in that fails says the same whoever it was, and whether there is such a person.
Rule 2: a link is followed by GET and used by POST, because programs that look into mail follow links.
Rule 3: a new means is added by who came by a link for it, or who has just proved presence with another. A guest adds
the first one by the first link of the invitation, and by none that was made later.
"""

import math

from aiohttp import web

from gateway.services.account_store import PRESENT, Passkey, Session, hashed
from gateway.services.context import Forbidden
from gateway.services.guests import is_guest
from gateway.services.ports import Unavailable
from gateway.web import words
from gateway.web.door import BACKGROUND, give_cookie, is_ours, set_session
from gateway.web.language import N_
from gateway.web.signin import cookies
from gateway.web.signin.codes import Codes
from gateway.web.signin.passkeys import PASSKEYS_MAX
from gateway.web.signin.presence import passkeys_of
from gateway.web.signin.refused import Refused
from gateway.web.visit import ANYONE, SIGNED_IN, Route, Visit, is_own

SIGN_IN = "sign-in"
FRESH = "fresh"
"""Uses of a challenge."""

WRONG = N_("This did not work. Check what you entered, wait a moment, and try again.")
WRONG_PASSKEY = N_("The passkey did not open this desk. Try again, or sign in another way.")
WRONG_ELSEWHERE = N_("Your State's sign-on did not lead in here. Try again, or sign in another way.")

HOME = "/"


def next_of(visit: Visit) -> str:
    """Return where to go on: a path of this desk, and home for anything else."""
    wanted = visit.form.get("next") or visit.query("next")
    return wanted if is_own(wanted) else HOME


def session_of(visit: Visit) -> Session:
    """Return the session of whoever visits; raises ``Forbidden`` where nobody has signed in."""
    if visit.session is None:
        raise Forbidden("nobody has signed in here")
    return visit.session


def _codes(visit: Visit) -> Codes:
    return Codes(visit.site.accounts, visit.pages.name, passkeys_of(visit).rp_id)


def step_in(visit: Visit, path: str) -> web.Response:
    """
    Return a page that goes on to ``path`` by itself.

    A browser that another site led here does not send the session's cookie (it is ``Strict``); a step from a page of
    ours it does. Without the header's effect there is a link.
    """
    if not is_own(path):
        raise ValueError("a desk leads to its own pages only")
    response = visit.page("signin/step_in.html", path=path)
    response.headers["Refresh"] = f"0; url={path}"
    return response


# Signing in.


async def sign_in(visit: Visit, problem: str = "", status: int = 200) -> web.StreamResponse:
    """Show the ways in."""
    if visit.session is not None and not problem:
        return await visit.to(next_of(visit))
    value = cookies.new_value()
    options = await passkeys_of(visit).options(SIGN_IN, hashed(value), visit.now)
    response = visit.page(
        "signin/sign_in.html",
        status=status,
        options=options,
        next=next_of(visit),
        kept=visit.query("kept"),
        openid=visit.site.openid is not None,
        problem=visit.tongue._(problem) if problem else "",
        id=visit.form.get("person", ""),
    )
    cookies.give(response, cookies.CEREMONY, value)
    return response


async def sign_in_by_passkey(visit: Visit) -> web.StreamResponse:
    """Begin a session for whoever's passkey answers."""
    binding = cookies.binding(visit.request, cookies.CEREMONY)
    try:
        asserted = await passkeys_of(visit).verify(SIGN_IN, binding, visit.form.get("credential", ""), visit.now)
        return await _enter(visit, asserted.passkey.person, "passkey")
    except Forbidden as error:
        return await _refuse(visit, error, WRONG_PASSKEY)


async def sign_in_by_code(visit: Visit) -> web.StreamResponse:
    """Begin a session for the person named, if the code is theirs."""
    person, code = visit.form.get("person", ""), visit.form.get("code", "")
    try:
        if not await visit.site.accounts.check_code(person, code, visit.now):
            raise Refused("code")
        return await _enter(visit, person, "code")
    except Forbidden as error:
        return await _refuse(visit, error, WRONG)


async def sign_in_elsewhere(visit: Visit) -> web.StreamResponse:
    """
    Send the browser to the State's own sign-on, if a page of this desk or the person led here.

    Another site would else begin a session without a step of the person, where the sign-on asks nothing.
    """
    if visit.site.openid is None:
        raise web.HTTPNotFound
    if visit.request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
        return await visit.to(visit.path("sign-in"))
    value = cookies.new_value()
    try:
        address = await visit.site.openid.begin(
            visit.site.origins[visit.pages.name], hashed(value), visit.now, back_to=next_of(visit)
        )
    except Unavailable as error:
        return await _not_now(visit, error)
    response = web.Response(status=303, headers={"Location": address})
    cookies.give(response, cookies.OPENID, value)
    return response


async def back_from_elsewhere(visit: Visit) -> web.StreamResponse:
    """Begin a session for the person that the State's own sign-on names."""
    if visit.site.openid is None:
        raise web.HTTPNotFound
    binding = cookies.binding(visit.request, cookies.OPENID)
    origin = visit.site.origins[visit.pages.name]
    try:
        person, path = await visit.site.openid.finish(visit.request.query, origin, binding, visit.now)
        token, session = await _begin(visit, person, "openid")
    except Forbidden as error:
        return await _refuse(visit, error, WRONG_ELSEWHERE)
    except Unavailable as error:
        return await _not_now(visit, error)
    visit.session = session
    response = step_in(visit, path)
    set_session(response, token)
    cookies.take_away(response, cookies.OPENID)
    return response


async def _not_now(visit: Visit, error: Unavailable) -> web.StreamResponse:
    """Show the other ways in, and tell the operator why the State's own sign-on is none now."""
    said = {"reason": "sign-on", "error": str(error), "hint": error.hint}
    visit.site.accounts.log("session.refused", desk=visit.pages.name, **said)
    return await sign_in(visit, WRONG_ELSEWHERE, 503)


async def _begin(visit: Visit, person: str, level: str) -> tuple[str, Session]:
    invitation = None
    if visit.session is not None and visit.session.person == person:
        invitation = visit.session.invitation
    if person not in visit.site.accounts.persons:
        invitation = invitation or await visit.site.accounts.find_invitation_of(person, visit.now)
    return await visit.site.accounts.begin(
        person,
        visit.pages.name,
        level,
        visit.now,
        instead_of=visit.session,
        invitation=invitation,
        language=visit.tongue.lang,
        by_means=level in PRESENT,
    )


async def _enter(visit: Visit, person: str, level: str) -> web.Response:
    token, visit.session = await _begin(visit, person, level)
    response = await visit.to(next_of(visit))
    set_session(response, token)
    cookies.take_away(response, cookies.CEREMONY)
    return response


async def _refuse(visit: Visit, error: Forbidden, problem: str) -> web.StreamResponse:
    """Show the ways in again; whatever was wrong, the page is the same."""
    reason = error.code if isinstance(error, Refused) else "not-here"
    visit.site.accounts.log("session.refused", desk=visit.pages.name, reason=reason)
    return await sign_in(visit, problem, 403)


# Links.


async def link(visit: Visit) -> web.StreamResponse:
    """Show what a link is for, and use nothing up."""
    if visit.session is None and visit.request.headers.get("Sec-Fetch-Site") == "cross-site":
        # Whoever follows a link from another site may have a session here all the same; a form made without its cookie
        # would be refused as soon as it comes back with it.
        return step_in(visit, visit.here())
    token = visit.request.match_info["token"]
    found = await visit.site.accounts.find_link(token, visit.pages.name, visit.now)
    return visit.page("signin/link.html", status=200 if found else 410, link=found, token=token)


async def use_link(visit: Visit) -> web.StreamResponse:
    """Use a link up and begin the session it is for."""
    token = visit.request.match_info["token"]
    begun = await visit.site.accounts.use_link(token, visit.pages.name, visit.now, instead_of=visit.session)
    if begun is None:
        visit.site.accounts.log("session.refused", desk=visit.pages.name, reason="link")
        return visit.page("signin/link.html", status=410, link=None, token=token)
    cookie, visit.session = begun
    response = await visit.to(visit.path("methods") if visit.session.enrolling else HOME)
    set_session(response, cookie)
    return response


# Proving presence once more.


async def fresh(visit: Visit, problem: str = "", status: int = 200) -> web.StreamResponse:
    """Ask who it is once more."""
    session, accounts = session_of(visit), visit.site.accounts
    options = ""
    if await accounts.passkeys(session.person):
        options = await passkeys_of(visit).options(FRESH, session.id, visit.now, person=session.person)
    return visit.page(
        "signin/fresh.html",
        status=status,
        options=options,
        code=not options and await accounts.has_code(session.person),
        guest=is_guest(session.person),
        next=next_of(visit),
        problem=visit.tongue._(problem) if problem else "",
    )


async def prove(visit: Visit) -> web.StreamResponse:
    """Let the session go on under a new token, presence proved with a passkey, or a code where there is none."""
    session, accounts = session_of(visit), visit.site.accounts
    try:
        if await accounts.passkeys(session.person):
            await passkeys_of(visit).verify(FRESH, session.id, visit.form.get("credential", ""), visit.now)
            level = "passkey"
        elif await accounts.check_code(session.person, visit.form.get("code", ""), visit.now):
            level = "code"
        else:
            raise Refused("code")
    except Refused as error:
        accounts.log("presence.refused", desk=visit.pages.name, reason=error.code)
        return await fresh(visit, WRONG, 403)
    token, visit.session = await accounts.refresh(session, level, visit.now)
    response = await visit.to(next_of(visit))
    set_session(response, token)
    return response


# One's own means.


async def methods(visit: Visit) -> web.StreamResponse:
    """Show by what one may sign in, and what happened to the account."""
    session, accounts = session_of(visit), visit.site.accounts
    return visit.page(
        "signin/methods.html",
        passkeys=await accounts.passkeys(session.person),
        code=await accounts.has_code(session.person),
        events=await accounts.events(session.person),
        sessions=await accounts.open_sessions(session.person, visit.now),
        enrolling=session.enrolling,
        most=PASSKEYS_MAX,
        desks=words.DESKS,
        detail=words.detail,
    )


async def _may_add(visit: Visit) -> bool:
    """Tell whether a means may be added now (Rule 3); a guest's first one by the first link of the invitation alone."""
    session = session_of(visit)
    if session.enrolling or session.is_fresh(visit.now):
        return True
    if not is_guest(session.person) or await _has_means(visit):
        return False
    # The desk holds each further link too, and would act for good as the guest who came before.
    return not await visit.site.accounts.was_renewed(session.person)


async def _has_means(visit: Visit) -> bool:
    accounts, person = visit.site.accounts, session_of(visit).person
    return bool(await accounts.passkeys(person)) or await accounts.has_code(person)


async def _first_prove(visit: Visit, name: str) -> web.Response:
    return await visit.to(visit.path("fresh", next=visit.path(name)))


async def new_passkey(visit: Visit, problem: str = "", status: int = 200) -> web.StreamResponse:
    """Offer to add a passkey."""
    if not await _may_add(visit):
        return await _first_prove(visit, "passkey-new")
    options = await passkeys_of(visit).enrol_options(session_of(visit), visit.now)
    told = visit.tongue._(problem) if problem else ""
    return visit.page("signin/passkey.html", status=status, options=options, problem=told)


async def add_passkey(visit: Visit) -> web.StreamResponse:
    """Add the passkey that was just made."""
    if not await _may_add(visit):
        return await _first_prove(visit, "passkey-new")
    name = visit.form.get("name", "") or visit.tongue._("Passkey")
    try:
        await passkeys_of(visit).enrol(session_of(visit), visit.form.get("credential", ""), name, visit.now)
    except Refused as error:
        visit.site.accounts.log("passkey.refused", desk=visit.pages.name, reason=error.code)
        return await new_passkey(visit, N_("The passkey was not added. Try again."), 422)
    return await _enrolled(visit, "passkey", visit.tongue._("The passkey was added."))


async def new_code(visit: Visit, problem: str = "", status: int = 200) -> web.StreamResponse:
    """Show the secret of an authenticator app, once, and ask for its first code."""
    if not await _may_add(visit):
        return await _first_prove(visit, "code-new")
    pending = visit.form.get("pending", "")
    secret = await _codes(visit).find(session_of(visit), pending, visit.now) if pending else None
    if secret is None:
        pending, secret = await _codes(visit).offer(session_of(visit), visit.now)
    told = visit.tongue._(problem) if problem else ""
    return visit.page("signin/code.html", status=status, pending=pending, secret=secret, problem=told)


async def code_picture(visit: Visit) -> web.StreamResponse:
    """Return the QR code of the secret that waits."""
    made = await _codes(visit).picture(session_of(visit), visit.query("pending"), visit.now)
    if made is None:
        raise web.HTTPNotFound
    return web.Response(body=made, content_type="image/svg+xml")


async def add_code(visit: Visit) -> web.StreamResponse:
    """Add the codes whose first one was just typed."""
    if not await _may_add(visit):
        return await _first_prove(visit, "code-new")
    pending, code = visit.form.get("pending", ""), visit.form.get("code", "")
    if not await _codes(visit).enrol(session_of(visit), pending, code, visit.now):
        return await new_code(visit, N_("This is not the code the app shows now. Try the next one."), 422)
    return await _enrolled(visit, "code", visit.tongue._("The authenticator app was added."))


async def _enrolled(visit: Visit, level: str, told: str) -> web.Response:
    """
    Go on under a new token, presence proved by what was just added.

    Whoever came by a link for it may have lost the old means, or had them taken: every other session ends.
    """
    session, accounts = session_of(visit), visit.site.accounts
    token, visit.session = await accounts.refresh(session, level, visit.now)
    if session.enrolling:
        await accounts.end_all(session.person, but=visit.session)
    response = await visit.to(visit.path("methods"), told=told)
    set_session(response, token)
    return response


async def remove_passkey(visit: Visit) -> web.StreamResponse:
    """Ask before a passkey is removed, then remove it."""
    accounts, person, id = visit.site.accounts, session_of(visit).person, visit.request.match_info["id"]
    if _is_confirmed(visit) and await accounts.drop_passkey(person, id, visit.pages.name, visit.now):
        return await _removed(visit, visit.tongue._("The passkey was removed. Other sessions of yours have ended."))
    known = await accounts.passkeys(person)
    found = next((one for one in known if one.id == id), None)
    if found is None:
        raise web.HTTPNotFound
    return _remove_page(visit, found, len(known) == 1 and not await accounts.has_code(person))


async def remove_code(visit: Visit) -> web.StreamResponse:
    """Ask before the authenticator app is removed, then remove it."""
    accounts, person = visit.site.accounts, session_of(visit).person
    if _is_confirmed(visit) and await accounts.drop_code(person, visit.pages.name, visit.now):
        return await _removed(visit, visit.tongue._("The app was removed. Other sessions of yours have ended."))
    if not await accounts.has_code(person):
        raise web.HTTPNotFound
    return _remove_page(visit, None, not await accounts.passkeys(person))


def _is_confirmed(visit: Visit) -> bool:
    return visit.request.method == "POST" and bool(visit.form.get("confirm"))


def _remove_page(visit: Visit, passkey: Passkey | None, last: bool) -> web.Response:
    return visit.page("signin/remove.html", status=409 if last else 200, passkey=passkey, last=last)


async def _removed(visit: Visit, told: str) -> web.Response:
    await visit.site.accounts.end_all(session_of(visit).person, but=visit.session)
    return await visit.to(visit.path("methods"), told=told)


async def end_others(visit: Visit) -> web.StreamResponse:
    """End every other session of the same person."""
    count = await visit.site.accounts.end_all(session_of(visit).person, but=visit.session)
    told = visit.tongue.ngettext("%(n)s other session was ended.", "%(n)s other sessions were ended.", count)
    return await visit.to(visit.path("methods"), told=told)


# Staying and leaving.


async def keep(visit: Visit) -> web.StreamResponse:
    """
    Note that the person wants to stay; a page that asks by itself has waited in vain, and the session ends.

    Where it does not, the page is told for how many seconds it may wait before it asks again.
    """
    session, accounts = session_of(visit), visit.site.accounts
    if BACKGROUND not in visit.request.headers:
        await accounts.keep(session, visit.now)
        return web.Response(status=204)
    left = await accounts.leave_idle(session, visit.now)
    if not left:
        return await visit.to(visit.path("sign-in"))
    return web.Response(status=204, headers={"Retry-After": str(math.ceil(left.total_seconds()))})


async def sign_out(visit: Visit) -> web.StreamResponse:
    """End the session, and let the browser forget everything it has of this desk."""
    await visit.site.accounts.end(session_of(visit), visit.now)
    visit.session = None
    response = await visit.to(visit.path("signed-out"))
    # By name: "cookies" clears those of every host below the same registered domain, so that whoever signs out here
    # would be signed out of the other desks, and of whatever else the ministry has there (decision 0048).
    for name in filter(is_ours, visit.request.cookies):
        give_cookie(response, name, "", 0)
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


async def signed_out(visit: Visit) -> web.StreamResponse:
    """Say that the session has ended."""
    return visit.page("signin/signed_out.html")


ROUTES = (
    Route("GET", "/sign-in", "sign-in", sign_in, ANYONE, enrolling=True),
    Route("POST", "/sign-in/passkey", "sign-in-passkey", sign_in_by_passkey, ANYONE, enrolling=True),
    Route("POST", "/sign-in/code", "sign-in-code", sign_in_by_code, ANYONE, enrolling=True),
    Route("GET", "/sign-in/openid", "sign-in-openid", sign_in_elsewhere, ANYONE, enrolling=True),
    Route("GET", "/sign-in/openid/back", "openid-back", back_from_elsewhere, ANYONE, enrolling=True),
    Route("GET", "/link/{token}", "link", link, ANYONE, enrolling=True),
    Route("POST", "/link/{token}", "link-use", use_link, ANYONE, enrolling=True),
    Route("GET", "/signed-out", "signed-out", signed_out, ANYONE, enrolling=True),
    Route("GET", "/again", "fresh", fresh, SIGNED_IN),
    Route("POST", "/again", "prove", prove, SIGNED_IN),
    Route("GET", "/account", "methods", methods, SIGNED_IN, enrolling=True),
    Route("GET", "/account/passkey", "passkey-new", new_passkey, SIGNED_IN, enrolling=True),
    Route("POST", "/account/passkey", "passkey-add", add_passkey, SIGNED_IN, enrolling=True),
    Route("GET", "/account/passkey/{id}/remove", "passkey-remove", remove_passkey, SIGNED_IN, fresh=True),
    Route("POST", "/account/passkey/{id}/remove", "passkey-removed", remove_passkey, SIGNED_IN, fresh=True),
    Route("GET", "/account/code", "code-new", new_code, SIGNED_IN, enrolling=True),
    Route("POST", "/account/code", "code-add", add_code, SIGNED_IN, enrolling=True),
    Route("GET", "/account/code/picture", "code-picture", code_picture, SIGNED_IN, enrolling=True),
    Route("GET", "/account/code/remove", "code-remove", remove_code, SIGNED_IN, fresh=True),
    Route("POST", "/account/code/remove", "code-removed", remove_code, SIGNED_IN, fresh=True),
    Route("GET", "/account/sessions/end", "others", methods, SIGNED_IN),
    Route("POST", "/account/sessions/end", "end-others", end_others, SIGNED_IN, fresh=True),
    Route("POST", "/session/keep", "keep", keep, SIGNED_IN, enrolling=True),
    Route("GET", "/sign-out", "leave", methods, SIGNED_IN, enrolling=True),
    Route("POST", "/sign-out", "sign-out", sign_out, SIGNED_IN, enrolling=True),
)
