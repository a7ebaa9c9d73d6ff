"""The main story without a mouse: Tab, Enter, Space and the arrows, and one can always see where one is."""

from collections.abc import Mapping, Sequence

import pytest

from tests.web.browser.stage import ENROL, Seat, Stage
from tests.web.browser.story import TASKS, WHY, Tale

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

TABS_MAX = 160
"""Presses of Tab within which anything on a page is reached."""

_WHERE = """
() => {
  const one = document.activeElement;
  const style = getComputedStyle(one), box = one.getBoundingClientRect();
  const around = one.labels?.[0] ? getComputedStyle(one.labels[0], "::before") : style;
  return {
    name: (one.labels?.length ? one.labels[0].innerText : one.innerText || one.getAttribute("aria-label") || "").trim(),
    tag: one.tagName, type: one.type || "", field: one.name || "", value: one.value || "", checked: !!one.checked,
    shown: [style, around].some(of => of.outlineStyle !== "none" && parseFloat(of.outlineWidth) >= 2
      || of.boxShadow !== "none"),
    inside: box.bottom > 0 && box.top < innerHeight,
    hidden: box.width * box.height <= 1,
  };
}
"""


class Keys:
    """Somebody who uses the keyboard alone."""

    def __init__(self, seat: Seat) -> None:
        """Sit before ``seat``."""
        self.seat = seat
        self.pressed = 0

    async def tab_to(self, tag: str, *, name: str = "", field: str = "") -> None:
        """Press Tab until the element is reached; whatever is passed shows that it has the focus, within the window."""
        for _ in range(TABS_MAX):
            await self.seat.page.keyboard.press("Tab")
            self.pressed += 1
            at = await self.seat.page.evaluate(_WHERE)
            if at["tag"] == "BODY":
                continue
            assert at["shown"], f"{self.seat.path}: nothing shows that '{at['name'] or at['field']}' has the focus"
            assert at["inside"], f"{self.seat.path}: '{at['name'] or at['field']}' has the focus outside the window"
            if at["tag"] == tag and (at["name"] == name if name else at["field"] == field):
                return
        raise AssertionError(f"{self.seat.path}: {TABS_MAX} presses of Tab do not reach {name or field}")

    async def enter(self) -> None:
        """Press Enter, and wait for what it leads to."""
        async with self.seat.page.expect_navigation():
            await self.seat.page.keyboard.press("Enter")

    async def follow(self, text: str) -> None:
        """Follow the link with a text (English)."""
        await self.tab_to("A", name=self.seat.say(text))
        await self.enter()

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
            await page.keyboard.type(await page.locator(f'[name="{name}"] option[value="{values[0]}"]').inner_text())
            assert values[0] == (await page.evaluate(_WHERE))["value"]
        else:
            await page.keyboard.type(values[0])

    async def _choose(self, name: str, value: str) -> None:
        """Choose one of several by Space and the arrow down."""
        page = self.seat.page
        await page.keyboard.press("Space")
        for _ in range(await page.locator(f'[name="{name}"]').count()):
            at = await page.evaluate(_WHERE)
            if at["value"] == value and at["checked"]:
                return
            await page.keyboard.press("ArrowDown")
        raise AssertionError(f"{name}: {value} cannot be chosen with the keyboard")

    async def _tick(self, values: Sequence[str]) -> None:
        page, left = self.seat.page, set(values)
        while left:
            at = await page.evaluate(_WHERE)
            if at["value"] in left:
                await page.keyboard.press("Space")
                left.discard(at["value"])
            await page.keyboard.press("Tab")


async def test_story_by_keyboard(stage: Stage) -> None:
    """From the first page to the message that leaves, without a mouse, and with the focus in sight at every press."""
    tale = Tale(stage, "en")
    officer = Keys(await tale.sit("officer"))
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

    liaison = Keys(await tale.sit("liaison", link=ENROL))
    await liaison.follow("Add a passkey")
    await liaison.fill({"name": "blue key"})
    await liaison.press("Add a passkey")
    await liaison.seat.go("/")
    await liaison.follow("To approve")
    await liaison.follow(tale.ref)
    await liaison.follow("Approve what is prepared")
    await liaison.fill({"why": WHY})
    await liaison.press("Show the content")
    await liaison.press("Approve")
    assert ("CLEARED", "") == await tale.state()

    await officer.seat.go(f"/cases/{tale.ref}")
    await officer.follow("Send what was approved")
    await officer.press("Send")
    await stage.settled("XAA")
    assert "DELIVERED" == (await tale.state())[0]
    assert [] == stage.complaints()


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
