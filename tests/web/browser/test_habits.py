"""What people do with a browser that nobody planned: back, twice, too late, without script, two at one case."""

from datetime import timedelta

import pyotp
import pytest

from gateway.demo.population import files
from gateway.demo.report import case_of
from gateway.demo.states import ASKING
from gateway.services.ports import Tx
from tests.web.browser.stage import ENROL, NARROW, Seat, Stage
from tests.web.browser.story import TASKS, WHY, Tale, fill_all, written

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]


async def steps_of(stage: Stage, ref: str) -> list[str]:
    """Return what happened in a case of XAA, in order."""

    async def unit(tx: Tx) -> list[str]:
        return [event.event for event in await tx.events(ref)]

    return await stage.world.gateways[ASKING].store.read(unit)


async def cases_of(stage: Stage) -> int:
    """Return how many cases XAA has."""
    refs = await stage.world.gateways[ASKING].store.read(lambda tx: tx.case_refs("", 1000))
    return len(refs)


async def drafted(stage: Stage) -> Tale:
    """Return a story in which the request is written, past the pages: what is tried here comes after them."""
    return Tale(stage, "en", await stage.world.gateways[ASKING].clear.new(written(), "officer"))


async def cleared(stage: Stage) -> Tale:
    """Return a story in which the request is approved and waits to be sent, past the pages likewise."""
    tale, clear = await drafted(stage), stage.world.gateways[ASKING].clear
    preview, thread = await clear.show(tale.ref, "liaison", "liaison_officer")
    signed = stage.world.sign(ASKING, "liaison", "request.approval", "liaison_officer", thread, preview.digest)
    await clear.approve(tale.ref, signed, "liaison")
    return tale


async def test_back_after_a_step(stage: Stage) -> None:
    """Going back after a case was opened or a request sent shows that it is done, and does nothing again."""
    tale = Tale(stage, "en")
    officer = await tale.draft()
    count = await cases_of(stage)
    await officer.page.go_back()
    assert officer.path.endswith("/review")
    assert "Nothing is being written here" == await officer.heading()
    await tale.approve()
    await tale.send(officer)
    await officer.page.go_back()
    await officer.page.go_back()
    assert f"/cases/{tale.ref}/send" == officer.path
    assert "There is nothing to do here now" == await officer.heading()
    assert count == await cases_of(stage)
    assert 1 == (await steps_of(stage, tale.ref)).count("send")


async def test_double_click(stage: Stage) -> None:
    """Whoever clicks twice sends once, and sees that it was sent."""
    tale = await cleared(stage)
    officer = await stage.sit("officer")
    await officer.go(f"/cases/{tale.ref}/send")
    await officer.button("Send").dblclick()
    await officer.page.get_by_text("Handed to the outbox.").wait_for()
    assert f"/cases/{tale.ref}" == officer.path
    assert 1 == (await steps_of(stage, tale.ref)).count("send")


async def test_form_sent_again(stage: Stage) -> None:
    """The same form sent a second time leads where the first one led; no second case is opened."""
    seat = await stage.sit("officer")
    await seat.go("/requests/new")
    await seat.press("Begin an empty request")
    overview = seat.path
    for task, fields in TASKS.items():
        await seat.go(f"{overview}/{task}")
        await fill_all(seat, fields)
        await seat.press("Save and go on")
    await seat.go(f"{overview}/review")
    count = await cases_of(stage)
    twin = await seat.page.context.new_page()
    form = seat.page.locator("main form")
    fields = await form.evaluate("form => Object.fromEntries(new FormData(form))")
    action = await form.evaluate("form => form.action")
    await seat.press("Open the case")
    await twin.goto(f"{seat.origin}/help")
    async with twin.expect_navigation():
        await twin.evaluate(_POST, [action, fields])
    assert seat.page.url == twin.url
    assert count + 1 == await cases_of(stage)


_POST = """
([action, fields]) => {
  const form = document.createElement("form");
  Object.assign(form, {method: "post", action});
  for (const [name, value] of Object.entries(fields)) {
    const field = document.createElement("input");
    Object.assign(field, {type: "hidden", name, value});
    form.append(field);
  }
  document.body.append(form);
  form.submit();
}
"""


async def test_session_ended_while_typing(stage: Stage) -> None:
    """What was typed when the session ran out is there again after signing in, and on no page before."""
    seat = await stage.sit("officer", link=ENROL)
    await Tale(stage, "en").enrol(seat)
    await seat.go("/requests/new")
    await seat.press("Begin an empty request")
    task = f"{seat.path}/names"
    await seat.go(task)
    await fill_all(seat, TASKS["names"])
    clock = stage.world.clock
    clock.move_to(clock.now() + timedelta(minutes=16))
    await seat.press("Save and go on")
    assert "Sign in" == await seat.heading()
    assert "What you typed is kept" in await seat.page.locator("main").inner_text()
    assert str(TASKS["names"]["b.elements.names.0.family"]) not in await seat.page.content()
    await seat.press("Sign in with a passkey")
    assert task == seat.path
    for name in ("family", "given", "script"):
        field = f"b.elements.names.0.{name}"
        assert TASKS["names"][field] == await seat.page.locator(f'[name="{field}"]').input_value()
    await seat.press("Save and go on")
    assert task.removesuffix("/names") == seat.path


async def test_left_open_while_typing(stage: Stage) -> None:
    """What nobody sent before the time was over waits for who typed it; so it does when nobody touches it again."""
    seat = await stage.sit("officer", link=ENROL)
    await Tale(stage, "en").enrol(seat)
    await seat.go("/requests/new")
    await seat.press("Begin an empty request")
    task = f"{seat.path}/names"
    await seat.page.clock.install()
    await seat.go(task)
    await fill_all(seat, TASKS["names"])
    for _ in range(2):
        clock = stage.world.clock
        clock.move_to(clock.now() + timedelta(minutes=16))
        async with seat.page.expect_navigation():
            await seat.page.clock.fast_forward("14:02")
        assert "What you typed is kept" in await seat.page.locator("main").inner_text()
        assert str(TASKS["names"]["b.elements.names.0.family"]) not in await seat.page.content()
        await seat.press("Sign in with a passkey")
        assert task == seat.path
        for field, text in TASKS["names"].items():
            if not field.endswith("use"):
                assert text == await seat.page.locator(f'[name="{field}"]').input_value()
    await seat.press("Save and go on")
    assert task.removesuffix("/names") == seat.path


async def test_left_open_while_reading(stage: Stage) -> None:
    """Whoever was signed out over a page comes back to it."""
    seat = await stage.sit("officer", link=ENROL)
    await Tale(stage, "en").enrol(seat)
    await seat.page.clock.install()
    await seat.go("/queues/drafts?page=1")
    clock = stage.world.clock
    clock.move_to(clock.now() + timedelta(minutes=16))
    async with seat.page.expect_navigation():
        await seat.page.clock.fast_forward("14:02")
    await seat.press("Sign in with a passkey")
    assert "/queues/drafts?page=1" == seat.path


async def test_without_script_at_400_percent(stage: Stage) -> None:
    """The main story works with no script at all, by codes of an app, in a window as narrow as one at 400 %."""
    tale = Tale(stage, "en")
    officer = await drafted_without_script(stage, tale)
    await without_means(stage, "liaison")
    liaison = await stage.sit("liaison", window=NARROW, script=False, link=ENROL)
    app = await with_app(stage, liaison)
    await liaison.go("/")
    await liaison.follow("To approve")
    await liaison.open(tale.ref)
    await liaison.follow("Approve what is prepared")
    await liaison.explain(WHY)
    assert tale.digest == await tale.digest_on(liaison)
    await liaison.fill("code", next_code(stage, app))
    await liaison.press("Approve")
    assert ("CLEARED", "") == await tale.state()
    await officer.go(f"/cases/{tale.ref}")
    await officer.follow("Send what was approved")
    await officer.press("Send")
    await stage.settled(ASKING)
    assert "DELIVERED" == (await tale.state())[0]


async def drafted_without_script(stage: Stage, tale: Tale) -> Seat:
    """Write the request in a narrow window in which no script runs."""
    seat = await stage.sit("officer", window=NARROW, script=False)
    await seat.follow("Write a new request")
    await seat.press("Begin an empty request")
    overview = seat.path
    for task, fields in TASKS.items():
        await seat.lead(seat.page.locator(f'.govuk-task-list a[href="{overview}/{task}"]'))
        await fill_all(seat, fields)
        await seat.press("Save and go on")
        assert overview == seat.path
    await seat.follow("Check what will leave")
    await seat.press("Open the case")
    tale.ref, tale.digest = seat.path.split("/")[2], await tale.digest_on(seat)
    return seat


async def without_means(stage: Stage, person: str) -> None:
    """Take every way of signing in from ``person``: whoever has one is not asked for a code."""
    site = stage.start.desks[ASKING].site
    await site.accounts.drop_means(person, "operator", "operator", site.now())


async def with_app(stage: Stage, seat: Seat) -> pyotp.TOTP:
    """Set up an authenticator app for who sits there, and return it."""
    await seat.follow("Set up an app")
    secret = await seat.page.locator("main bdi").first.inner_text()
    app = pyotp.TOTP(secret)
    await seat.fill("code", app.at(stage.world.clock.now()))
    await seat.press("Set up the app")
    return app


def next_code(stage: Stage, app: pyotp.TOTP) -> str:
    """Return a code that was not used yet: half a minute later there is another."""
    clock = stage.world.clock
    clock.move_to(clock.now() + timedelta(seconds=31))
    return app.at(clock.now())


async def test_approver_without_a_key_is_told(stage: Stage) -> None:
    """Whoever came by a link and can prove presence by nothing reads what is missing, and sees no button to approve."""
    tale = await drafted(stage)
    await without_means(stage, "liaison")
    seat = await stage.sit("liaison")
    await seat.go(f"/cases/{tale.ref}/approve")
    await seat.explain(WHY)
    assert "To sign you need a passkey or codes." in await seat.page.locator("main").inner_text()
    assert 0 == await seat.button("Approve").count()


async def test_two_officers_at_one_case(stage: Stage) -> None:
    """Two have the same page open; the second is told that the case has moved on, and nothing is sent twice."""
    tale = await cleared(stage)
    first, second = await stage.sit("officer"), await stage.sit("liaison")
    for seat in (first, second):
        await seat.go(f"/cases/{tale.ref}/send")
    await first.press("Send")
    await second.press("Send")
    assert "There is nothing to do here now" == await second.heading()
    assert 1 == (await steps_of(stage, tale.ref)).count("send")
    ours, _ = await case_of(stage.world.gateways[ASKING], tale.ref)
    assert "officer" == ours.officer


async def test_change_after_it_was_sent(stage: Stage) -> None:
    """A draft that is being changed while another sends it is not changed any more."""
    tale = await cleared(stage)
    writer, sender = await stage.sit("officer"), await stage.sit("liaison")
    await writer.go(f"/cases/{tale.ref}/amend")
    await writer.explain("to add what was found")
    change = writer.path
    await writer.go(f"{change}/review")
    await sender.go(f"/cases/{tale.ref}/send")
    await sender.press("Send")
    await writer.press("Change the draft of the case")
    assert "This cannot be changed now" == await writer.heading()
    assert 1 == (await steps_of(stage, tale.ref)).count("send")
    assert "amend" not in await steps_of(stage, tale.ref)


async def test_signing_out_in_one_window_closes_the_others(stage: Stage) -> None:
    """A case that is open in another window is read by nobody once its reader has signed out, and only then."""
    seat = await stage.sit("officer")
    tale = await drafted(stage)
    await seat.go(f"/cases/{tale.ref}")
    await seat.explain(WHY)
    name = str(files()[0].elements["names"][0]["family"])
    other = await seat.page.context.new_page()
    async with seat.page.expect_response("**/session/keep"):
        await other.goto(f"{seat.origin}/signed-out")  # of a link that anybody may have written
    assert name in await seat.page.locator("main").inner_text()
    await other.goto(f"{seat.origin}/account")
    async with seat.page.expect_navigation():
        await other.get_by_role("button", name="Sign out").click()
    assert ("Sign in", False) == (await seat.heading(), name in await seat.page.content())
