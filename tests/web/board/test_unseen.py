"""What the board is told of a case that is not its to watch: what it is told of one that there is not."""

import re

from aiohttp import FormData

from gateway.web import board
from tests.support import story
from tests.web.support import Answer, Desk, Officer

FORM = {"confirm": "yes", "level": "L3", "until": "2026-12-24", "reason": "OTHER", "ref": "REF", "refs": "REF"}
"""Every field of a form of the board that is about cases, as its pages would fill it in."""

_DRAWN = re.compile('name="once" value="[^"]*"|reminders(?:/|%2F)[A-Za-z0-9_-]{22}')
"""What is drawn anew for each page, and for the address of a report."""


async def asked(someone: Officer, ref: str) -> dict[str, tuple[object, ...]]:
    """Return what every route that names a case, in its path or in what is sent, answers about ``ref``."""
    found = {}
    for route in board.PAGES.routes:
        path = route.path.replace("{ref}", ref)
        if path == route.path and "reminders" not in route.name:
            continue
        if route.method == "GET":
            answers = [await someone.send("GET", path if path != route.path else f"{path}?ref={ref}")]
        else:
            assert someone.session is not None
            fields = {name: text.replace("REF", ref) for name, text in FORM.items()}
            posted = FormData({"csrf": someone.session.csrf, **fields})
            answers = [await someone.send("POST", path, data=posted)]
            if answers[0].status == 303:
                answers.append(await someone.send("GET", answers[0].location))
        found[f"{route.method} {route.path}"] = tuple(_told(answer, ref) for answer in answers)
    return found


def _told(answer: Answer, ref: str) -> tuple[object, ...]:
    headers = {name: text for name, text in answer.headers.items() if name not in ("Date", "Content-Length")}
    return answer.status, _DRAWN.sub("", f"{headers}\n{answer.location}\n{answer.text}".replace(ref, "REF"))


async def test_a_case_that_is_not_watched_is_told_from_none_by_nothing(desk: Desk) -> None:
    """Begun, stopped, answered or closed: each page and each form says of it what it says of one that there is not."""
    network = desk.network
    ours = network.gateways["XAA"]
    drafted = await ours.clear.new(story.draft(), "first")
    stopped, _ = await story.acknowledged(network)
    await ours.hold.freeze(stopped, "she is in danger", "welfare", "child_welfare")
    answered, _ = await story.replied(network)
    closed = await ours.clear.new(story.draft(), "first")
    await ours.clear.close(closed, "first", event="discard")
    watched, _ = await story.acknowledged(network)
    someone = await desk.officer("board", at="board")
    none = await asked(someone, "A" * 22)
    assert len(none) >= 8
    for ref in (drafted, stopped, answered, closed):
        assert none == await asked(someone, ref)
    assert none != await asked(someone, watched)
