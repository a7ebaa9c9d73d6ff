"""The pages of signing in, at desks on loopback: cookies, links, means, leaving, and what they never say."""

import re
from asyncio import gather
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pyotp
import pytest
import pytest_asyncio
from aiohttp import web

from gateway.services.account_store import Passkey
from gateway.web.door import COOKIE
from gateway.web.operator.people import EVENT_NAMES
from gateway.web.signin import cookies
from gateway.web.signin.openid import OpenId
from gateway.web.signin.passkeys import Passkeys
from gateway.web.signin.sign_on import SignOn
from tests.web.signin.pages import PAGES
from tests.web.signin.provider import CLIENT, SECRET, provider
from tests.web.signin.support import Authenticator
from tests.web.support import Answer, Desk, Officer, one_desk


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """Three desks that have nothing but the pages of signing in."""
    async with one_desk(tmp_path, PAGES) as made:
        yield made


def device(desk: Desk, at: str = "interior") -> Authenticator:
    """Return an authenticator in a browser at a desk."""
    return Authenticator(origin=desk.site.origins[at], rp_id=f"{at}.localhost")


def options_of(answer: Answer) -> str:
    """Return what the page asks the authenticator with."""
    found = re.search(r'data-options="([^"]*)"', answer.text)
    assert found is not None, answer.words
    return found[1].replace("&#34;", '"').replace("&amp;", "&")


async def with_passkey(desk: Desk, person: str = "first") -> tuple[Officer, Authenticator]:
    """Return a person who came by a link and added a passkey."""
    browser, key = desk.nobody(), device(desk)
    now = desk.site.now()
    token = await desk.site.accounts.make_link(person, "interior", "enrol", now, now + timedelta(hours=1))
    await browser.get(f"/link/{token}")
    await browser.post(f"/link/{token}")
    page = await browser.get("/account/passkey")
    page = await browser.post("/account/passkey", {"name": "blue key", "credential": key.create(options_of(page))})
    assert "The passkey was added." in page.words
    return browser, key


async def with_code(desk: Desk, person: str = "first") -> pyotp.TOTP:
    """Give ``person`` codes; the one of now is used."""
    secret = desk.site.accounts.new_secret()
    totp, now = pyotp.TOTP(secret), desk.site.now()
    assert await desk.site.accounts.add_code(person, secret, totp.at(now), "interior", now)
    return totp


def later(desk: Desk, **span: float) -> None:
    """Move the gateway's clock on."""
    desk.network.clock.pass_(**span)


async def test_page_leads_to_sign_in_and_back(desk: Desk) -> None:
    """Whoever has no session is asked to sign in, and then gets the page they wanted (ASVS 7.2.1)."""
    _, key = await with_passkey(desk)
    browser = desk.nobody()
    page = await browser.get("/account")
    assert "Sign in" in page.words
    page = await browser.post("/sign-in/passkey", {"credential": key.get(options_of(page))})
    assert (200, "/account") == (page.status, page.path)


async def test_session_cookie_is_for_this_host_alone(desk: Desk) -> None:
    """Secure, out of reach of scripts, of this host and this site only (ASVS 3.3.1 to 3.3.4)."""
    _, key = await with_passkey(desk)
    browser = desk.nobody()
    page = await browser.get("/sign-in")
    before = page.headers["Set-Cookie"]
    answer = await browser.post("/sign-in/passkey", {"credential": key.get(options_of(page))}, follow=False)
    flags = {"Secure", "HttpOnly", "SameSite=Strict", "Path=/"}
    assert flags <= set(before.split("; "))
    assert before.startswith("__Host-")
    assert 303 == answer.status
    assert COOKIE.startswith("__Host-")
    assert "Domain" not in before


async def test_every_cookie_has_its_flags() -> None:
    """The cookie that another site brings back is ``Lax``, every other ``Strict`` (ASVS 3.3.2)."""
    for name, site in ((cookies.CEREMONY, "Strict"), (cookies.OPENID, "Lax")):
        response = web.Response()
        cookies.give(response, name, "x")
        text = response.cookies[name].OutputString()
        assert name.startswith("__Host-")
        assert {"Secure", "HttpOnly", f"SameSite={site}", "Path=/", "Max-Age=300"} <= set(text.split("; "))


async def test_passkey_answer_of_another_browser_is_refused(desk: Desk) -> None:
    """An answer to a challenge that somebody else was given opens nothing (ASVS 6.7.2)."""
    _, key = await with_passkey(desk)
    mine, theirs = desk.nobody(), desk.nobody()
    page = await theirs.get("/sign-in")
    await mine.get("/sign-in")
    page = await mine.post("/sign-in/passkey", {"credential": key.get(options_of(page))})
    assert (403, "") == (page.status, mine.cookie)


async def test_passkey_sent_twice_signs_in_once(desk: Desk) -> None:
    """A second click is led where the first one led, whether it knows of its session or not, and gets none itself."""
    _, key = await with_passkey(desk)
    browser, other = desk.nobody(), desk.nobody()
    page = await browser.get("/account")
    form = {**page.form("/sign-in/passkey"), "credential": key.get(options_of(page))}
    other.cookies = dict(browser.cookies)
    first = await browser.send("POST", "/sign-in/passkey", data=form)
    session, unaware = browser.cookie, await other.send("POST", "/sign-in/passkey", data=form)
    again = await browser.send("POST", "/sign-in/passkey", data=form)
    assert [(303, "/account")] * 3 == [(one.status, one.location) for one in (first, unaware, again)]
    assert (session, "") == (browser.cookie, other.cookie)
    assert "How you sign in" in (await browser.get(again.location)).words
    assert "Sign in with a passkey" in (await other.get(unaware.location)).words


async def test_passkey_form_of_another_page_is_refused_all_the_same(desk: Desk) -> None:
    """Only the very form that signed in leads on: the same answer in another one opens nothing and leads nowhere."""
    _, key = await with_passkey(desk)
    browser = desk.nobody()
    page = await browser.get("/sign-in")
    form = {**page.form("/sign-in/passkey"), "credential": key.get(options_of(page))}
    kept = dict(browser.cookies)
    assert 303 == (await browser.send("POST", "/sign-in/passkey", data=form)).status
    other = desk.nobody()
    other.cookies = kept
    answer = await other.send("POST", "/sign-in/passkey", data={**form, "once": "another"})
    assert (403, "") == (answer.status, other.cookie)


async def test_passkey_added_twice_is_said_to_be_added(desk: Desk) -> None:
    """The second click, which comes under the token that the first one brought, is told the same as the first."""
    browser, key = desk.nobody(), device(desk)
    now = desk.site.now()
    token = await desk.site.accounts.make_link("first", "interior", "enrol", now, now + timedelta(hours=1))
    await browser.get(f"/link/{token}")
    await browser.post(f"/link/{token}")
    page = await browser.get("/account/passkey")
    form = {**page.form("/account/passkey"), "name": "blue key", "credential": key.create(options_of(page))}
    answers = [await browser.send("POST", "/account/passkey", data=form) for _ in range(2)]
    assert [(303, "/account")] * 2 == [(one.status, one.location) for one in answers]
    page = await browser.get("/account")
    assert "The passkey was added." in page.words
    assert 1 == len(await desk.site.accounts.passkeys("first"))


async def test_link_used_by_two_clicks_opens_the_desk(desk: Desk) -> None:
    """The second click is not told that the form belongs to a session that has ended."""
    browser, now = desk.nobody(), desk.site.now()
    token = await desk.site.accounts.make_link("first", "interior", "enrol", now, now + timedelta(hours=1))
    form = (await browser.get(f"/link/{token}")).form(f"/link/{token}")
    answers = [await browser.send("POST", f"/link/{token}", data=form) for _ in range(2)]
    assert [(303, "/account")] * 2 == [(one.status, one.location) for one in answers]
    assert "You came by a link." in (await browser.get("/account")).words


async def test_code_signs_in_once(desk: Desk) -> None:
    """A code opens the desk, and the same code no second time (ASVS 6.5.1)."""
    totp = await with_code(desk)
    later(desk, minutes=1)
    code = totp.at(desk.site.now())
    statuses = []
    for _ in range(2):
        browser = desk.nobody()
        await browser.get("/sign-in")
        statuses.append((await browser.post("/sign-in/code", {"person": "first", "code": code})).status)
    assert [200, 403] == statuses


@pytest.mark.parametrize("clicks", [2, 3])
async def test_code_sent_by_some_clicks_opens_the_desk(desk: Desk, clicks: int) -> None:
    """Whichever of those that come together is answered in the browser, it is led by a session; one of all lasts."""
    totp = await with_code(desk)
    later(desk, minutes=1)
    browsers = [desk.nobody() for _ in range(clicks)]
    page = await browsers[0].get("/sign-in?next=/account")
    form = {**page.form("/sign-in/code"), "person": "first", "code": totp.at(desk.site.now())}
    for other in browsers[1:]:
        other.cookies = dict(browsers[0].cookies)
    answers = await gather(*(one.send("POST", "/sign-in/code", data=form) for one in browsers))
    assert [(303, "/account")] * clicks == [(one.status, one.location) for one in answers]
    assert all(one.cookie for one in browsers)
    opened = [await desk.site.accounts.find(one.cookie, "interior", desk.site.now()) for one in browsers]
    assert 1 == len([one for one in opened if one is not None])
    assert 1 == len(await desk.site.accounts.open_sessions("first", desk.site.now()))


async def test_code_sent_again_opens_nothing_elsewhere_or_later(desk: Desk) -> None:
    """Without the cookie of the sign-in page, signed out, ten seconds later, or with something else typed: none."""
    totp = await with_code(desk)
    tries: list[tuple[bool, bool, int, dict[str, str]]] = [(True, False, 0, {}), (False, True, 0, {})]
    tries += [(False, False, 10, {}), (False, False, 0, {"person": "second"}), (False, False, 0, {"code": "000000"})]
    for elsewhere, out, seconds, typed in tries:
        later(desk, minutes=1)
        browser, again = desk.nobody(), desk.nobody()
        page = await browser.get("/sign-in")
        form = {**page.form("/sign-in/code"), "person": "first", "code": totp.at(desk.site.now())}
        again.cookies = {} if elsewhere else dict(browser.cookies)
        assert 303 == (await browser.send("POST", "/sign-in/code", data=form)).status
        if out:
            await browser.get("/account")
            await browser.post("/sign-out")
        later(desk, seconds=seconds)
        answer = await again.send("POST", "/sign-in/code", data={**form, **typed})
        assert ((303, "/"), "") == ((answer.status, answer.location), again.cookie), (elsewhere, out, seconds, typed)


async def test_failure_says_the_same_of_everybody(desk: Desk) -> None:
    """No such person, no codes, a wrong code, a person of another desk: one page (ASVS 6.3.8)."""
    totp = await with_code(desk, "board")
    await with_code(desk, "first")
    later(desk, minutes=1)
    right = totp.at(desk.site.now())
    seen = set()
    for person, code in (("nobody", "123456"), ("second", "123456"), ("first", "000000"), ("board", right)):
        browser = desk.nobody()
        await browser.get("/sign-in")
        page = await browser.post("/sign-in/code", {"person": person, "code": code})
        seen.add((page.status, page.words, browser.cookie))
    assert 1 == len(seen)
    assert (403, "") == (min(seen)[0], min(seen)[2])


async def test_passkey_opens_its_own_desk_alone(desk: Desk) -> None:
    """A passkey of the interior desk is none at the board, whatever the browser says."""
    _, key = await with_passkey(desk)
    browser = desk.nobody("board")
    page = await browser.get("/sign-in")
    page = await browser.post("/sign-in/passkey", {"credential": key.get(options_of(page))})
    assert (403, "") == (page.status, browser.cookie)


async def test_cookie_of_one_desk_is_nothing_at_another(desk: Desk) -> None:
    """A token carried over by hand opens nothing (ASVS 7.2.1)."""
    browser, _ = await with_passkey(desk)
    thief = desk.nobody("board")
    thief.cookie = browser.cookie
    assert "Sign in" in (await thief.get("/account")).words


async def test_link_is_used_by_post_alone_and_once(desk: Desk) -> None:
    """Looking is free; the second use is told as such (ASVS 6.4.1)."""
    now = desk.site.now()
    token = await desk.site.accounts.make_link("first", "interior", "enrol", now, now + timedelta(hours=1))
    browser = desk.nobody()
    assert [200] * 3 == [(await browser.get(f"/link/{token}")).status for _ in range(3)]
    assert "/account" == (await browser.post(f"/link/{token}")).path
    late = desk.nobody()
    page = await late.get(f"/link/{token}")
    assert (410, True) == (page.status, "does not open anything" in page.words)
    assert (410, "") == ((await late.post(f"/link/{token}")).status, late.cookie)


async def test_link_followed_from_another_site_takes_one_more_step(desk: Desk) -> None:
    """The session's cookie does not come along from elsewhere: a page of ours goes on to the link, where it does."""
    now = desk.network.clock.now()
    token = await desk.site.accounts.make_link("first", "interior", "enrol", now, now + timedelta(hours=1))
    page = await desk.nobody().send("GET", f"/link/{token}", headers={"Sec-Fetch-Site": "cross-site"})
    assert (200, f"0; url=/link/{token}") == (page.status, page.headers["Refresh"])


async def test_whoever_came_by_a_link_can_only_add_a_means(desk: Desk) -> None:
    """Until then no other page opens, and afterwards it does under a new token (ASVS 7.2.4)."""
    now = desk.site.now()
    token = await desk.site.accounts.make_link("first", "interior", "enrol", now, now + timedelta(hours=1))
    browser = desk.nobody()
    await browser.get(f"/link/{token}")
    await browser.post(f"/link/{token}")
    before = browser.cookie
    assert "/account" == (await browser.get("/")).path
    page = await browser.get("/account/passkey")
    await browser.post("/account/passkey", {"name": "x", "credential": device(desk).create(options_of(page))})
    assert "/" == (await browser.get("/")).path
    assert before != browser.cookie
    assert await desk.site.accounts.find(before, "interior", now) is None


async def test_means_added_by_a_link_ends_other_sessions(desk: Desk) -> None:
    """Whoever lost the old means may have had them taken (ASVS 7.4.3)."""
    old, _ = await with_passkey(desk)
    await with_passkey(desk)
    assert "Sign in" in (await old.get("/account")).words


async def test_new_means_needs_presence(desk: Desk) -> None:
    """An open session alone, left at a desk, adds no passkey and no app (ASVS 7.5.1)."""
    browser, key = await with_passkey(desk)
    later(desk, minutes=6)
    for path in ("/account/passkey", "/account/code"):
        assert "/again" == (await browser.get(path)).path.partition("?")[0]
    page = await browser.get("/account/passkey")
    page = await browser.post("/again", {"credential": key.get(options_of(page)), "next": "/account/passkey"})
    assert (200, "/account/passkey") == (page.status, page.path)


async def test_posting_a_means_needs_presence_too(desk: Desk) -> None:
    """What the page would not show is not taken either (ASVS 8.3.1)."""
    browser, _ = await with_passkey(desk)
    page = await browser.get("/account/passkey")
    later(desk, minutes=6)
    credential = device(desk).create(options_of(page))
    page = await browser.post("/account/passkey", {"name": "x", "credential": credential})
    assert "/again" == page.path.partition("?")[0]
    assert 1 == len(await desk.site.accounts.passkeys("first"))


async def test_sign_on_alone_adds_no_means(desk: Desk) -> None:
    """Whoever can sign on elsewhere as somebody gets no key of theirs here by it (ASVS 6.8.4)."""
    browser = await desk.officer("first", level="openid")
    page = await browser.get("/account/passkey")
    assert "Ask the operator" in page.words


async def test_code_is_no_way_around_a_passkey(desk: Desk) -> None:
    """Where there is a passkey a code does not prove presence (ASVS 6.3.4)."""
    browser, _ = await with_passkey(desk)
    totp = await with_code(desk)
    later(desk, minutes=6)
    await browser.get("/again?next=/account")
    assert 403 == (await browser.post("/again", {"code": totp.at(desk.site.now())})).status


async def test_presence_draws_a_new_token(desk: Desk) -> None:
    """After proving presence the token of before opens nothing (ASVS 7.2.4)."""
    browser, key = await with_passkey(desk)
    before = browser.cookie
    later(desk, minutes=6)
    page = await browser.get("/again?next=/account")
    await browser.post("/again", {"credential": key.get(options_of(page))})
    assert before != browser.cookie
    assert await desk.site.accounts.find(before, "interior", desk.site.now()) is None


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x"])
async def test_way_on_stays_at_the_desk(desk: Desk, wanted: str) -> None:
    """After signing in nobody is sent elsewhere (ASVS 3.7.2)."""
    totp = await with_code(desk)
    later(desk, minutes=1)
    browser = desk.nobody()
    await browser.get("/sign-in")
    fields = {"person": "first", "code": totp.at(desk.site.now()), "next": wanted}
    assert "/" == (await browser.post("/sign-in/code", fields, follow=False)).location


async def test_app_is_set_up_by_picture_and_first_code(desk: Desk) -> None:
    """The secret is shown once, as an image of this desk that nothing keeps (ASVS 6.5.3)."""
    browser = await desk.officer("first", level="code")
    page = await browser.get("/account/code")
    fields = page.form("/account/code")
    secret = re.search(r"Secret: ([A-Z2-7]{32})", page.words)[1]
    picture = await browser.send("GET", f"/account/code/picture?pending={fields['pending']}")
    assert ("image/svg+xml", "no-store") == (picture.headers["Content-Type"], picture.headers["Cache-Control"])
    assert (
        404 == (await (await desk.officer("second")).get(f"/account/code/picture?pending={fields['pending']}")).status
    )
    page = await browser.post("/account/code", {"code": "000000"})
    assert 422 == page.status
    page = await browser.post("/account/code", {"code": pyotp.TOTP(secret).at(desk.site.now())})
    assert "The authenticator app was added." in page.words
    assert secret not in page.text
    assert await desk.site.accounts.has_code("first")
    picture = await browser.send("GET", f"/account/code/picture?pending={fields['pending']}")
    assert 404 == picture.status


async def test_passkey_is_removed_after_asking(desk: Desk) -> None:
    """One of two goes, other sessions with it (ASVS 6.5.6, 7.4.3)."""
    browser, _ = await with_passkey(desk)
    other = await desk.officer("first")
    page = await browser.get("/account/passkey")
    page = await browser.post("/account/passkey", {"name": "red", "credential": device(desk).create(options_of(page))})
    gone = (await desk.site.accounts.passkeys("first"))[0].id
    page = await browser.get(f"/account/passkey/{gone}/remove")
    assert "Nothing has been removed yet" in page.words
    assert 2 == len(await desk.site.accounts.passkeys("first"))
    page = await browser.post(f"/account/passkey/{gone}/remove", {"confirm": "yes"})
    assert "The passkey was removed." in page.words
    assert [False] == [one.id == gone for one in await desk.site.accounts.passkeys("first")]
    assert "Sign in" in (await other.get("/account")).words


async def test_only_way_in_stays(desk: Desk) -> None:
    """Nobody shuts themselves out by a slip."""
    browser, _ = await with_passkey(desk)
    (only,) = await desk.site.accounts.passkeys("first")
    offered = await browser.get("/account")
    assert (False, True) == ("/remove" in offered.text, "It is your only way in" in offered.words)
    page = await browser.get(f"/account/passkey/{only.id}/remove")
    assert 409 == page.status
    page = await browser.post(f"/account/passkey/{only.id}/remove", {"confirm": "yes"})
    assert (409, 1) == (page.status, len(await desk.site.accounts.passkeys("first")))


async def test_passkey_of_another_is_not_removed(desk: Desk) -> None:
    """An id of somebody else's passkey is no page (ASVS 8.2.2)."""
    now = desk.site.now()
    await desk.site.accounts.add_passkey(Passkey("b3RoZXI", "second", b"", 0, (), "other", now), "interior", now)
    browser, _ = await with_passkey(desk)
    assert 404 == (await browser.get("/account/passkey/b3RoZXI/remove")).status


async def test_account_shows_what_happened(desk: Desk) -> None:
    """A person sees each means added and each sign-in (ASVS 6.3.5, 6.3.7)."""
    browser, _ = await with_passkey(desk)
    words = (await browser.get("/account")).words
    assert ["A passkey was added", "A link was made"] == [
        text for text in ("A passkey was added", "A link was made") if text in words
    ]


async def test_account_says_what_happened_in_words(desk: Desk) -> None:
    """Every event that is noted of an account has a name on its page, and on that of the operators."""
    browser, _ = await with_passkey(desk)
    noted = {*EVENT_NAMES, "invitation.renewed"}
    for event in sorted(noted):
        await desk.site.accounts.note("first", event, "", "interior", desk.site.now())
    words = (await browser.get("/account")).words
    assert [] == [event for event in sorted(noted) if event in words or event not in EVENT_NAMES]


async def test_signing_out_ends_and_clears(desk: Desk) -> None:
    """The session is over here, and the browser forgets what it had of this desk alone (ASVS 7.4.1, 7.4.4, 14.3.1)."""
    browser, _ = await with_passkey(desk)
    token = browser.cookie
    browser.cookies |= {"__Host-lang": "en", "of-another-site-of-the-ministry": "kept"}
    await browser.get("/account")
    answer = await browser.post("/sign-out", follow=False)
    assert ("/signed-out", '"cache", "storage"') == (answer.location, answer.headers["Clear-Site-Data"])
    kept = {name: value for name, value in browser.cookies.items() if value}
    assert ("", {"of-another-site-of-the-ministry": "kept"}) == (browser.cookie, kept)
    assert await desk.site.accounts.find(token, "interior", desk.site.now()) is None


async def test_other_sessions_are_ended(desk: Desk) -> None:
    """From one browser every other is signed out (ASVS 7.4.3)."""
    browser, _ = await with_passkey(desk)
    others = [await desk.officer("first") for _ in range(2)]
    await browser.get("/account")
    page = await browser.post("/account/sessions/end")
    assert "2 other sessions were ended." in page.words
    assert all(["Sign in" in (await other.get("/account")).words for other in others])


async def test_staying_keeps_the_session(desk: Desk) -> None:
    """Asking to stay counts as a step (ASVS 7.3.1)."""
    browser, _ = await with_passkey(desk)
    await browser.get("/account")
    for _ in range(3):
        later(desk, minutes=13)
        assert 204 == (await browser.post("/session/keep", follow=False)).status
        await browser.get("/account")
    later(desk, minutes=16)
    assert "Sign in" in (await browser.get("/account")).words


async def test_a_page_that_waited_in_vain_ends_the_session(desk: Desk) -> None:
    """Only where nobody stepped elsewhere for as long; it ends as by itself, so what was typed is kept (ASVS 7.3.1)."""
    browser, _ = await with_passkey(desk)
    await browser.get("/account")
    session = await desk.site.accounts.find(browser.cookie, "interior", desk.site.now())
    data, asked = {"csrf": session.csrf}, {"Desk-Background": "1"}
    later(desk, minutes=8)
    await browser.get("/account")
    later(desk, minutes=6)
    answer = await browser.send("POST", "/session/keep", data=data, headers=asked)
    assert (204, "480") == (answer.status, answer.headers["Retry-After"])
    later(desk, minutes=8)
    answer = await browser.send("POST", "/session/keep", data=data, headers=asked)
    assert (303, "/sign-in") == (answer.status, answer.location)
    assert await desk.site.accounts.find(browser.cookie, "interior", desk.site.now()) is None
    answer = await browser.send("POST", "/account/code", data={**data, "label": "typed"})
    assert "kept=1" in answer.location


async def test_guest_adds_a_passkey_and_comes_back(desk: Desk) -> None:
    """Who was invited signs in again by their own means, to the same one case, until it is taken back."""
    guest, key = await desk.guest("ref1", "lawyer"), device(desk)
    page = await guest.get("/account/passkey")
    await guest.post("/account/passkey", {"name": "x", "credential": key.create(options_of(page))})
    browser = desk.nobody()
    page = await browser.get("/sign-in")
    await browser.post("/sign-in/passkey", {"credential": key.get(options_of(page))})
    session = await desk.site.accounts.find(browser.cookie, "interior", desk.site.now())
    assert ("ref1", "lawyer") == (session.invitation.ref, session.invitation.role)
    await desk.site.accounts.revoke(session.invitation.id, "ref1", desk.site.now())
    page = await browser.get("/sign-in")
    page = await browser.post("/sign-in/passkey", {"credential": key.get(options_of(page))})
    assert 403 == page.status


async def test_sign_on_elsewhere_leads_in(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the provider back: a page of ours that goes on by itself, with a session of the level it proved."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    async with provider(desk.site.now()) as there:
        there.person, there.redirects = "first", desk.site.origins["interior"]
        desk.site.openid = OpenId(desk.site.accounts, SignOn(there.issuer, CLIENT, SECRET))
        browser = desk.nobody()
        away = await browser.get("/sign-in/openid?next=/account", follow=False)
        query = await there.visit(away.location)
        answer = await browser.send("GET", f"/sign-in/openid/back?state={query['state']}&code={query['code']}")
        assert (200, "0; url=/account") == (answer.status, answer.headers["Refresh"])
        session = await desk.site.accounts.find(browser.cookie, "interior", desk.site.now())
        assert ("first", "openid", False) == (session.person, session.level, session.is_fresh(desk.site.now()))
        again = await desk.nobody().send("GET", f"/sign-in/openid/back?state={query['state']}&code={query['code']}")
        assert 403 == again.status
        await desk.site.openid.close()


async def test_a_sign_on_that_is_away_leads_to_the_other_ways_and_tells_the_operator(desk: Desk) -> None:
    """Nobody is left with a page that has no way in, and the log says what is wrong and what to do."""
    desk.site.openid = OpenId(desk.site.accounts, SignOn("http://127.0.0.1:9", CLIENT, SECRET))
    page = await desk.nobody().send("GET", "/sign-in/openid")
    await desk.site.openid.close()
    assert 503 == page.status
    assert "sign-on did not lead in here" in page.text
    assert 'action="/sign-in/passkey"' in page.text
    (said,) = [values for event, values in desk.network.logs if event == "session.refused"]
    assert ("interior", "sign-on", "the sign-on cannot be reached") == (said["desk"], said["reason"], said["error"])
    assert "desks.openid.issuer" in said["hint"]


def test_passkeys_name_the_host_of_the_desk() -> None:
    """The relying party is a host name without port."""
    made = Passkeys(None, "http://interior.localhost:8443", "interior")  # type: ignore[arg-type]  # not asked
    assert "interior.localhost" == made.rp_id
