"""
One story at six desks, as people live it in the browser: asked, approved, sent, answered, late, refused.

Every text is looked up as the person before the page reads it, so the story is the same in every language. Each step
leaves a picture for the manual where one is wanted (``DESK_MANUAL=1``).
"""

import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from playwright.async_api import Locator

from gateway.demo.population import files
from gateway.demo.report import case_of
from gateway.demo.states import ASKED, ASKING
from tests.web.browser.stage import ENROL, Seat, Stage

MANUAL = Path(__file__).parents[3] / "docs" / "desk"
COLOURS = 128
"""Colours of a picture of the manual: flat pages look the same, and weigh a third."""

WHY = "to work on the case"

YESTERDAY = "2026-12-14"
"""A day on which what the law asks for first was attested, as the demonstration's clock stands."""


def written() -> dict[str, Any]:
    """Return a draft as somebody of XAA would have written it, past the pages."""
    draft = files()[0].draft()
    draft["asylum"] |= {"attested_on": YESTERDAY}
    draft["endangerment_check"] |= {"on": YESTERDAY}
    return draft


TASKS: Mapping[str, Mapping[str, str | Sequence[str]]] = {
    "names": {
        "b.elements.names.0.use": "document",
        "b.elements.names.0.family": "Ветрова",
        "b.elements.names.0.given": "Ирена",
        "b.elements.names.0.script": "ru-Cyrl",
    },
    "person": {
        "b.elements.birth_date": "1996-07-12",
        "b.elements.birth_place.country": "XBB",
        "b.elements.birth_place.unit": "Vessmar",
        "b.elements.sex": "2",
    },
    "question": {
        "b.purpose": "NATIONALITY",
        "b.handling.use_restrictions": ["P0", "P1", "P2"],
        "b.handling.retain_until": "2028-06-30",
        "b.handling.onward": "none",
        "b.method_limit": "M0",
        "b.no_contact_methods": "yes",
    },
    "gates": {
        "b.category": "subject",
        "b.age.class": "adult",
        "b.asylum.state": "none",
        "b.asylum.attested_by": "protection",
        "b.asylum.attested_on": "2026-12-14",
        "b.asylum.basis": "counselling record, signed by the person",
        "b.endangerment_check.result": "passed",
        "b.endangerment_check.by": "protection",
        "b.endangerment_check.on": "2026-12-14",
        "b.transfer_ground.code": "BINDING_INSTRUMENT",
        "b.transfer_ground.reference": "Palermo Protocol, Article 8",
    },
    "recipient": {"b.to": "XBB"},
    "reason": {"b.justification": "The person has no document and asked to have it settled"},
    "national": {"b.national.notes": "first talk on 1 December"},
}
"""What the officer fills in, task by task: fields as they are posted."""

ANSWER: Mapping[str, str | Sequence[str]] = {
    "b.method_used": ["POPULATION_REGISTER"],
    "b.match_basis": ["NAME_EXACT", "DOB_EXACT"],
    "b.confidence": "HIGH",
}

OWN = ("Ветрова", "Ирена", "1996-07-12")
"""What of the person must stand on no page but those opened for a reason."""


async def fill_all(seat: Seat, fields: Mapping[str, str | Sequence[str]]) -> None:
    """Fill in several fields."""
    for name, value in fields.items():
        for one in [value] if isinstance(value, str) else value:
            await seat.fill(name, one)


@dataclass
class Tale:
    """The story in one language. ``pictures`` are those taken; ``digest`` is that of the text the officer saw."""

    stage: Stage
    lang: str
    ref: str = ""
    their_ref: str = ""
    digest: str = ""
    pictures: list[str] = field(default_factory=list)

    async def sit(self, person: str, country: str = ASKING, desk: str = "interior", **wish: Any) -> Seat:
        """Seat somebody who reads the language of the story."""
        return await self.stage.sit(person, country, desk, self.lang, **wish)

    async def state(self) -> tuple[str, str]:
        """Return where the case stands in XAA and in XBB."""
        ours, _ = await case_of(self.stage.world.gateways[ASKING], self.ref)
        if not self.their_ref:
            return ours.state, ""
        theirs, _ = await case_of(self.stage.world.gateways[ASKED], self.their_ref)
        return ours.state, theirs.state

    async def picture(self, seat: Seat, name: str, at: Locator | None = None) -> None:
        """Take a picture of the window for the manual, if it is being made; ``at`` is brought to the top of it."""
        self.pictures.append(name)
        if os.environ.get("DESK_MANUAL") != "1":
            return
        if at is not None:
            await at.first.evaluate("one => { one.scrollIntoView(); window.scrollBy(0, -24); }")
        raw = await seat.page.screenshot()
        from PIL import Image  # comes with the extra 'pdf', and only the manual needs it

        path = MANUAL / self.lang / f"{len(self.pictures):02}-{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.open(io.BytesIO(raw)).convert("RGB").quantize(COLOURS).save(path, optimize=True)

    # XAA asks.

    async def draft(self) -> Seat:
        """The officer writes a request, task by task, sees what would leave, and opens the case."""
        first = await self.stage.seat("", self.lang)
        await first.page.goto(first.origin)
        await self.picture(first, "start")
        seat = await self.sit("officer")
        await self.picture(seat, "home")
        await seat.follow("Write a new request")
        await seat.press("Begin an empty request")
        overview = seat.path
        for task, fields in TASKS.items():
            await seat.lead(seat.page.locator(f'.govuk-task-list a[href="{overview}/{task}"]'))
            await fill_all(seat, fields)
            if task == "names":
                await seat.press("Suggest Latin letters for number %(number)s", number=1)
                await self.picture(seat, "names", seat.page.get_by_role("status"))
            if task == "gates":
                await self.picture(seat, "gates")
            await seat.press("Save and go on")
            assert overview == seat.path, f"{task}: {await seat.page.locator('.govuk-error-summary').all_inner_texts()}"
        await self.picture(seat, "tasks")
        await seat.follow("Check what will leave")
        await self.picture(seat, "check")
        await seat.press("Open the case")
        self.ref = seat.path.split("/")[2]
        self.digest = await self.digest_on(seat)
        await self.picture(seat, "asked", seat.page.locator("dl").last)
        return seat

    async def digest_on(self, seat: Seat) -> str:
        """Return the digest of the exact text that the page shows."""
        text = await seat.page.locator("main").inner_text()
        (found,) = {one for one in text.split() if len(one) == 43}
        return found

    async def approve(self) -> Seat:
        """The liaison officer takes up a passkey, and approves with it exactly what the officer saw."""
        seat = await self.sit("liaison", link=ENROL)
        await self.enrol(seat)
        await self.picture(seat, "passkey")
        await seat.go("/")
        await seat.follow("To approve")
        await seat.open(self.ref)
        await seat.follow("Approve what is prepared")
        await seat.explain(WHY)
        assert self.digest == await self.digest_on(seat)
        await self.picture(seat, "approve", seat.page.locator(".desk-confirm"))
        await seat.press("Approve")
        return seat

    async def enrol(self, seat: Seat, name: str = "blue key") -> None:
        """Add a passkey in a session that came by the link for it."""
        await seat.follow("Add a passkey")
        await seat.page.locator('[name="name"]').fill(name)
        await seat.press("Add a passkey")

    async def send(self, seat: Seat) -> None:
        """The officer sends what was approved, and sees that it arrived."""
        await seat.go(f"/cases/{self.ref}")
        await seat.follow("Send what was approved")
        await self.picture(seat, "send")
        await seat.press("Send")
        await self.delivered(ASKING)
        await seat.follow("Timeline")
        await self.picture(seat, "timeline")

    async def delivered(self, country: str) -> None:
        """Wait until nothing is on its way from ``country`` any more."""
        await self.stage.settled(country)

    # XBB answers.

    async def answer(self) -> Seat:
        """The clerk acknowledges, and answers by codes; nothing of a register is in it."""
        seat = await self.sit("clerk", ASKED)
        await seat.follow("New requests from other States")
        await self.picture(seat, "received")
        row, _ = await case_of(self.stage.world.gateways[ASKING], self.ref)
        self.their_ref = await self.stage.other_ref(ASKED, row.thread)
        await seat.open(self.their_ref)
        await seat.follow("Acknowledge the request")
        await seat.press("Acknowledge it")
        await self.delivered(ASKED)
        await seat.follow("Prepare the answer")
        await seat.explain("to look the person up")
        await seat.fill("b.outcome", "NATIONAL")
        await seat.press("Go on")
        await fill_all(seat, ANSWER)
        await self.picture(seat, "answer")
        await seat.press("Go on")
        await self.picture(seat, "codes")
        await seat.lead(seat.page.locator("main form button").first)
        await seat.follow("Send the answer")
        await seat.lead(seat.page.locator("main form button").first)
        await self.delivered(ASKED)
        return seat

    async def read(self, seat: Seat) -> None:
        """The officer finds the answer in the list, and opens it for a reason."""
        await seat.go("/")
        await seat.follow("Answers to read")
        await seat.open(self.ref)
        await seat.explain(WHY)
        await self.picture(seat, "reply", seat.page.locator("h2").last)

    # Time passes.

    def leave_reminders_to_people(self) -> None:
        """Choose the policy by which no gateway reminds by itself; else it was there before its people."""
        for gateway in self.stage.world.gateways.values():
            gateway.context.policy = replace(gateway.context.policy, auto_reminder=False)

    async def press(self) -> Seat:
        """A week passes on the start page; foreign affairs see what is late, and press for it."""
        self.leave_reminders_to_people()
        clock = await self.stage.seat("", self.lang)
        await clock.page.goto(clock.origin)
        await clock.press("One week")
        await self.picture(clock, "clock", clock.page.locator("h2").last)
        seat = await self.sit("board", ASKING, "board")
        await self.picture(seat, "late")
        await seat.page.locator("[data-select-all] input").check()
        await seat.press("Remind of the chosen cases")
        await self.picture(seat, "remind")
        await seat.lead(seat.page.locator("main form button").first)
        await self.delivered(ASKING)
        await self.picture(seat, "reminded")
        return seat

    async def refuse(self) -> tuple[Seat, str]:
        """The child-welfare authority of XBB refuses the return of a minor; nobody can sign in its place."""
        seat = await self.sit("welfare", ASKED)
        await seat.follow("Sign-offs")
        link = seat.page.locator("main table").get_by_role("link").first
        ref = await link.inner_text()
        await seat.lead(link)
        await seat.explain("to decide on the return")
        await self.picture(seat, "sign-off")
        await seat.follow("Refuse the proposal")
        await seat.fill("b.reason", "NO_CARER")
        await seat.press("Go on")
        await self.picture(seat, "refuse")
        await seat.lead(seat.page.locator("main form button").first)
        await self.delivered(ASKED)
        await self.picture(seat, "refused")
        return seat, ref
