"""The main story without a mouse: Tab, Enter, Space and the arrows, and one can always see where one is."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Self

import pytest

from gateway.demo.report import case_of
from gateway.demo.states import ASKED, ASKING
from tests.web.browser.stage import Seat, Stage
from tests.web.browser.story import ANSWER, OWN, TASKS, WHY, Tale, written

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]

TABS_MAX = 160
"""Presses of Tab within which anything on a page is reached."""

ON_SIGN_OUT = """/sign-out': Cleared data types: "cache", "storage"."""
"""How a browser ends its word on what the header of signing out has it clear: these two and nothing else."""

_NO_POINTER = """
for (const kind of ["pointerdown", "mousedown", "touchstart"]) {
  addEventListener(kind, () => console.error("a pointer was used"), true);
}
"""
"""Has a page complain of a mouse; a button that a key presses gives none of these."""

_WHERE = """
() => {
  const looks = of => [of, of.labels?.[0]].filter(Boolean).flatMap(part => ["", "::before"].map(pseudo => {
    const style = getComputedStyle(part, pseudo || null);
    return [style.outlineStyle, style.outlineWidth, style.outlineColor, style.boxShadow, style.backgroundColor];
  })).join();
  const one = document.activeElement, was = window.wasAt;
  const same = was && was.one !== one && was.one.isConnected && looks(was.one) === was.looks;
  window.wasAt = one === document.body ? null : {one, looks: looks(one)};
  const style = getComputedStyle(one), box = one.getBoundingClientRect();
  const around = one.labels?.[0] ? getComputedStyle(one.labels[0], "::before") : style;
  return {
    name: (one.labels?.length ? one.labels[0].innerText : one.innerText || one.getAttribute("aria-label") || "").trim(),
    tag: one.tagName, type: one.type || "", field: one.name || "", value: one.value || "", checked: !!one.checked,
    shown: [style, around].some(of => of.outlineStyle !== "none" && parseFloat(of.outlineWidth) >= 2
      || of.boxShadow !== "none"),
    unmarked: same ? was.one.outerHTML.slice(0, 120) : "",
    inside: box.bottom > 0 && box.top < innerHeight,
    hidden: box.width * box.height <= 1,
  };
}
"""
"""Where the focus is, whether it shows; and what had it before and looks without it as it did with it."""


class Keys:
    """Somebody who uses the keyboard alone."""

    def __init__(self, seat: Seat) -> None:
        """Sit before ``seat``."""
        self.seat = seat
        self.pressed = 0

    @classmethod
    async def by_link(
        cls, stage: Stage, person: str, country: str = ASKING, desk: str = "interior", purpose: str = "sign-in"
    ) -> Self:
        """Open a one-time link, the one page that no key leads to; whatever follows is reached by keys alone."""
        made = cls(await stage.seat(stage.address(country, desk)))
        await made.seat.page.add_init_script(_NO_POINTER)
        await made.seat.page.goto(await stage.link(person, country, desk, purpose))
        await made.seat.arrive()
        await made.press("Go on")
        return made

    async def tab_to(self, tag: str, *, name: str = "", field: str = "") -> None:
        """Press Tab until the element is reached."""
        for _ in range(TABS_MAX):
            at = await self._press("Tab")
            if at["tag"] == tag and (at["name"] == name if name else at["field"] == field):
                return
        raise AssertionError(f"{self.seat.path}: {TABS_MAX} presses of Tab do not reach {name or field}")

    async def _press(self, key: str) -> dict[str, Any]:
        """Press a key, and return where the focus is; it shows, within the window, wherever it comes by."""
        await self.seat.page.keyboard.press(key)
        self.pressed += 1
        at: dict[str, Any] = await self.seat.page.evaluate(_WHERE)
        who = f"{self.seat.path}: '{at['name'] or at['field']}'"
        assert not at["unmarked"], f"{self.seat.path}: the focus changes nothing in the look of {at['unmarked']}"
        if at["tag"] != "BODY":
            assert not at["hidden"], f"{who} has the focus and no size"
            assert at["shown"], f"nothing shows that {who} has the focus"
            assert at["inside"], f"{who} has the focus outside the window"
        return at

    async def enter(self) -> None:
        """Press Enter, and wait for what it leads to."""
        async with self.seat.page.expect_navigation():
            await self.seat.page.keyboard.press("Enter")

    async def follow(self, text: str, **values: object) -> None:
        """Follow the first link with a text (English)."""
        await self.tab_to("A", name=self.seat.say(text, **values))
        await self.enter()

    async def home(self) -> None:
        """Follow the first entry of the navigation, which leads to what waits."""
        await self.follow("Home")

    async def press(self, text: str) -> None:
        """Press the button with a text (English), with the space bar as with Enter."""
        await self.tab_to("BUTTON", name=self.seat.say(text))
        async with self.seat.page.expect_navigation():
            await self.seat.page.keyboard.press("Space")

    async def fill(self, fields: Mapping[str, str | Sequence[str]]) -> None:
        """Fill in the fields in the order of the page; choices by the arrows or the first letters, boxes by Space."""
        for name, value in fields.items():
            await self._fill(name, [value] if isinstance(value, str) else value)

    async def _fill(self, name: str, values: Sequence[str]) -> None:
        page = self.seat.page
        kind = await page.locator(f'[name="{name}"]').first.evaluate(
            "one => one.tagName === 'INPUT' ? one.type : one.tagName"
        )
        await self.tab_to({"SELECT": "SELECT", "TEXTAREA": "TEXTAREA"}.get(kind, "INPUT"), field=name)
        if kind == "radio":
            await self._choose(name, values[0])
        elif kind == "checkbox":
            await self._tick(values)
        elif kind == "SELECT":
            text = await page.locator(f'[name="{name}"] option[value="{values[0]}"]').inner_text()
            for _ in range(3):  # a list forgets what was typed when a second passes between two keys
                await page.keyboard.type(text)
                if values[0] == (found := (await page.evaluate(_WHERE))["value"]):
                    break
                await asyncio.sleep(1.5)
            assert values[0] == found
        else:
            await page.keyboard.type(values[0])

    async def _choose(self, name: str, value: str) -> None:
        """Choose one of several by Space and the arrow down."""
        at = await self._press("Space")
        for _ in range(await self.seat.page.locator(f'[name="{name}"]').count()):
            if at["value"] == value and at["checked"]:
                return
            at = await self._press("ArrowDown")
        raise AssertionError(f"{name}: {value} cannot be chosen with the keyboard")

    async def _tick(self, values: Sequence[str]) -> None:
        """Tick several boxes in the order of the page by Space, from the first of them on."""
        left = set(values)
        at = await self.seat.page.evaluate(_WHERE)
        for _ in range(TABS_MAX):
            if at["value"] in left:
                assert (await self._press("Space"))["checked"]
                left.discard(at["value"])
            if not left:
                return
            at = await self._press("Tab")
        raise AssertionError(f"{self.seat.path}: {left} cannot be ticked with the keyboard")

    async def explain(self, why: str, button: str) -> None:
        """Say why something of a person has to be seen, and press the button that shows it."""
        await self.fill({"why": why})
        await self.press(button)

    async def words(self) -> str:
        """Return what the page says."""
        return await self.seat.page.locator("main").inner_text()


async def test_story_by_keyboard(stage: Stage) -> None:
    """
    The whole story without a mouse, and with the focus in sight at every press: asked, approved, sent, answered, late,
    refused. The last page of each person says what became of it.
    """
    tale = Tale(stage, "en")
    officer = await drafted(tale)
    await approved(tale)
    await sent(tale, officer)
    await answered(tale)
    await read(tale, officer)
    await reminded(tale)
    await refused(tale)
    assert [] == [text for text in stage.complaints() if not text.endswith(ON_SIGN_OUT)]


async def drafted(tale: Tale) -> Keys:
    """The officer writes a request, sees what would leave, and opens the case."""
    officer = await Keys.by_link(tale.stage, "officer")
    await officer.follow("Write a new request")
    await officer.press("Begin an empty request")
    overview = officer.seat.path
    titles = {"names": "Names of the person", "person": "What else is known of the person", "question": "What is asked"}
    titles |= {"gates": "What the law asks for first", "recipient": "State to ask"}
    titles |= {"reason": "Why the question is asked", "national": "What stays here"}
    for task, fields in TASKS.items():
        await officer.follow(titles[task])
        assert f"{overview}/{task}" == officer.seat.path
        await officer.fill(fields)
        await officer.press("Save and go on")
        assert overview == officer.seat.path
    await officer.follow("Check what will leave")
    await officer.press("Open the case")
    tale.ref = officer.seat.path.split("/")[2]
    assert ("DRAFT", "") == await tale.state()
    return officer


async def approved(tale: Tale) -> None:
    """The liaison officer takes up a passkey and approves with it."""
    liaison = await Keys.by_link(tale.stage, "liaison", purpose="enrol")
    await liaison.follow("Add a passkey")
    await liaison.fill({"name": "blue key"})
    await liaison.press("Add a passkey")
    await liaison.home()
    await liaison.follow("To approve")
    await liaison.follow(tale.ref)
    await liaison.follow("Approve what is prepared")
    await liaison.explain(WHY, "Show the content")
    await liaison.press("Approve")
    assert "Approved. Nothing has been sent yet." == await liaison.seat.told()
    assert ("CLEARED", "") == await tale.state()


async def sent(tale: Tale, officer: Keys) -> None:
    """The officer finds what was approved, sends it, and sees in the timeline that it arrived."""
    await officer.home()
    await officer.follow("To send")
    await officer.follow(tale.ref)
    await officer.follow("Send what was approved")
    await officer.press("Send")
    assert (await officer.seat.told()).startswith("Handed to the outbox.")
    await tale.delivered(ASKING)
    assert "DELIVERED" == (await tale.state())[0]


async def answered(tale: Tale) -> None:
    """The clerk of XBB acknowledges the request and answers it by codes."""
    clerk = await Keys.by_link(tale.stage, "clerk", ASKED)
    row, _ = await case_of(tale.stage.world.gateways[ASKING], tale.ref)
    tale.their_ref = await tale.stage.other_ref(ASKED, row.thread)
    await clerk.follow("New requests from other States")
    await clerk.follow(tale.their_ref)
    await clerk.follow("Acknowledge the request")
    await clerk.press("Acknowledge it")
    await tale.delivered(ASKED)
    await clerk.follow("Prepare the answer")
    await clerk.explain("to look the person up", "Show it")
    await clerk.fill({"b.outcome": "NATIONAL"})
    await clerk.press("Go on")
    await clerk.fill(ANSWER)
    await clerk.press("Go on")
    await clerk.press("Prepare the answer")
    await clerk.follow("Send the answer")
    await clerk.press("Send the answer")
    assert "The answer is in the outbox and leaves from there." == await clerk.seat.told()
    await tale.delivered(ASKED)
    assert ("REPLIED", "REPLIED") == await tale.state()


async def read(tale: Tale, officer: Keys) -> None:
    """The officer finds the answer in the list, and opens it again for a reason of its own."""
    await officer.home()
    await officer.follow("Answers to read")
    await officer.follow(tale.ref)
    await officer.press("Close the content now")  # it stood open for the reason of the draft
    assert OWN[0] not in await officer.words()
    await officer.explain(WHY, "Show the content")
    words = await officer.words()
    assert officer.seat.tongue.code("outcome", "NATIONAL") in words
    assert OWN[0] in words


async def reminded(tale: Tale) -> None:
    """Foreign affairs sign out for a week, which passes on the start page; then they press for all that is late."""
    tale.leave_reminders_to_people()
    board = await Keys.by_link(tale.stage, "board", ASKING, "board")
    await board.press("Sign out")
    await board.follow("Demonstration: invented States and people")
    await board.press("One week")
    await board.follow("Sign in as %(person)s", person="board")
    await board.seat.arrive()
    await board.press("Go on")
    assert board.seat.page.url.startswith(board.seat.origin)
    await board.tab_to("INPUT", name=board.seat.say("Choose all on this page"))
    await board.seat.page.keyboard.press("Space")
    await board.press("Remind of the chosen cases")
    await board.press("Send")
    assert board.seat.path.startswith("/reminders/")
    assert "The reminder is in the outbox" in await board.words()
    await tale.delivered(ASKING)


async def refused(tale: Tale) -> None:
    """The child-welfare authority of XBB refuses the return of a minor."""
    welfare = await Keys.by_link(tale.stage, "welfare", ASKED)
    await welfare.follow("Sign-offs")
    minor = await welfare.seat.page.locator("main table").get_by_role("link").first.inner_text()
    await welfare.follow(minor)
    await welfare.explain("to decide on the return", "Show the content")
    await welfare.follow("Refuse the proposal")
    await welfare.fill({"b.reason": "NO_CARER"})
    await welfare.press("Go on")
    await welfare.press("Refuse the proposal")
    assert f"/cases/{minor}" == welfare.seat.path
    assert "The refusal is in the outbox." == await welfare.seat.told()
    await tale.delivered(ASKED)
    theirs, _ = await case_of(tale.stage.world.gateways[ASKED], minor)
    assert "REPLIED" == theirs.state


async def test_what_is_wrong_is_sent_back_by_keyboard(stage: Stage) -> None:
    """The liaison officer says so with a passkey; the officer reads it with the case, and what to change."""
    ref = await stage.world.gateways[ASKING].clear.new(written(), "officer")
    liaison = await Keys.by_link(stage, "liaison", purpose="enrol")
    await liaison.follow("Add a passkey")
    await liaison.fill({"name": "red key"})
    await liaison.press("Add a passkey")
    await liaison.home()
    await liaison.follow("To approve")
    await liaison.follow(ref)
    await liaison.follow("Approve what is prepared")
    await liaison.explain(WHY, "Show the content")
    await liaison.follow("Send it back")
    await liaison.fill({"b.reason": "MORE_THAN_NEEDED", "b.note": "Leave out the sex"})
    await liaison.press("Go on")
    await liaison.press("Sign and send back")
    assert (await liaison.seat.told()).startswith("Sent back.")
    officer = await Keys.by_link(stage, "officer")
    await officer.follow("Drafts")
    await officer.follow(ref)
    assert "was sent back by liaison" in await officer.words()
    await officer.seat.go(f"/cases/{ref}/check")
    await officer.explain(WHY, "Show the content")
    assert "Leave out the sex" in await officer.words()
    await officer.follow("Change the draft")


async def test_enter_in_a_field_saves_it(stage: Stage) -> None:
    """Enter presses the button that goes on, never one that adds a row, takes one out or suggests something."""
    seat = await stage.sit("officer")
    await seat.go("/requests/new")
    await seat.press("Begin an empty request")
    overview = seat.path
    for task, name, text in (
        ("names", "b.elements.names.0.family", "Ветрова"),
        ("person", "b.elements.birth_date", "x"),
    ):
        await seat.go(f"{overview}/{task}")
        before = await seat.page.locator("main fieldset").count()
        await seat.page.locator(f'[name="{name}"]').fill(text)
        async with seat.page.expect_navigation():
            await seat.page.keyboard.press("Enter")
        assert before == await seat.page.locator("main fieldset").count()
        assert (
            1 == await seat.page.locator(".govuk-error-summary").count()
        )  # judged, so it was saved and not helped with
        assert text == await seat.page.locator(f'[name="{name}"]').input_value()


async def test_skip_link_leads_past_the_navigation(stage: Stage) -> None:
    """The first Tab on a page shows a link to its content."""
    keys = Keys(await stage.sit("officer"))
    await keys.tab_to("A", name="Skip to main content")
    assert 1 == keys.pressed
    await keys.seat.page.keyboard.press("Enter")
    assert "main" == await keys.seat.page.evaluate("document.activeElement.id")
