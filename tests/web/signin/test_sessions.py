"""The sessions of one person, as the account page shows and ends them."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import pyotp
import pytest

from gateway.services.account_store import Passkey
from gateway.services.context import Forbidden
from gateway.web import interior
from gateway.web.door import COOKIE
from gateway.web.signin.codes import Codes
from tests.web.support import Desk, Officer, one_desk


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with one_desk(tmp_path, [interior.PAGES]) as made:
        yield made


async def test_open_sessions_are_listed_and_others_end_after_a_proof(desk: Desk) -> None:
    """Open sessions are listed, those that ran out are not; to end the others takes a fresh proof (ASVS 7.5.2)."""
    await desk.officer("first")
    desk.network.clock.pass_(minutes=16)
    other, here = await desk.officer("first"), await desk.officer("first")
    page = await here.get("/account")
    assert 2 == page.words.count("Confirmation desk 2026")
    assert 1 == page.words.count("This one")

    desk.network.clock.pass_(minutes=6)
    await here.get("/account")
    answer = await here.post("/account/sessions/end", follow=False)
    assert "/again" in answer.location
    assert 200 == (await other.get("/")).status

    fresh = await desk.officer("first")
    await fresh.get("/account")
    done = await fresh.post("/account/sessions/end")
    assert "other sessions were ended." in done.words
    assert "/sign-in" in (await other.get("/", follow=False)).location


async def _begun(
    officer: Officer, path: str, fields: dict[str, str], reads_form: asyncio.Event
) -> tuple[StreamReader, StreamWriter, bytes]:
    """Send all of a form but its last byte, which is returned."""
    body = urlencode(fields).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {officer.at}.localhost:{officer.desk.port}\r\nConnection: close\r\n"
        f"Sec-Fetch-Site: same-origin\r\nCookie: {COOKIE}={officer.cookie}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", officer.desk.port)
    reads_form.clear()
    writer.write(head.encode() + body[:-1])
    await reads_form.wait()
    return reader, writer, body[-1:]


async def test_a_form_on_its_way_does_nothing_once_its_session_was_ended(desk: Desk, reads_form: asyncio.Event) -> None:
    """Whoever came by a stolen link holds back a form that adds an app; it arrives after all sessions were ended."""
    accounts, now = desk.site.accounts, desk.site.now()
    token = await accounts.make_link("first", "interior", "enrol", now, now + timedelta(hours=24))
    browser = desk.nobody()
    await browser.get(f"/link/{token}")
    await browser.post(f"/link/{token}")
    form = (await browser.get("/account/code")).form("/account/code")
    session = await accounts.find(browser.cookie, "interior", now)
    assert session is not None
    secret = await Codes(accounts, "interior", "interior.localhost").find(session, form["pending"], now)
    assert secret is not None
    fields = {**form, "code": pyotp.TOTP(secret).at(now)}
    reader, writer, rest = await _begun(browser, "/account/code", fields, reads_form)
    await accounts.drop_links("first")
    assert 1 == await accounts.end_all("first")
    writer.write(rest)
    answer = (await asyncio.wait_for(reader.read(), 20)).decode()
    writer.close()
    assert "/sign-in" in answer
    assert not await accounts.has_code("first")


async def test_a_session_that_was_ended_is_not_refreshed(desk: Desk) -> None:
    """It was ended after its page had been found and before presence was proved: the proof does not bring it back."""
    accounts, now = desk.site.accounts, desk.site.now()
    _, session = await accounts.begin("first", "interior", "code", now)
    assert 1 == await accounts.end_all("first")
    with pytest.raises(Forbidden):
        await accounts.refresh(session, "code", now)
    secret = accounts.new_secret()
    with pytest.raises(Forbidden):
        await accounts.add_code("first", secret, pyotp.TOTP(secret).at(now), "interior", now, session=session)
    key = Passkey("b3RoZXI", "first", b"", 0, (), "other", now)
    with pytest.raises(Forbidden):
        await accounts.add_passkey(key, "interior", now, session=session)
    assert ([], False) == (await accounts.open_sessions("first", now), await accounts.has_code("first"))
    assert [] == await accounts.passkeys("first")
    assert ["session.begun"] == [event.event for event in await accounts.events("first")]
