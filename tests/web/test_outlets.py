"""
Two runs that differ only in what is withheld give the same pages, files, lists, logs and errors, byte for byte.

Clock and randomness are the same in both runs. The file of the person differs in everything that does not leave: every
national field, every element the purpose does not allow or nobody asked for, every reason that was typed. A length, a
digest, an order or a word that hung on one of them would show as a difference here.
"""

import hashlib
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

import schemas
from gateway.app import desk_services, page_services
from gateway.http.local_api import LocalServices, local_app
from gateway.web import board, interior
from keys import b64
from tests.support import homeward, story
from tests.support.network import PEOPLE, Network, make_network
from tests.web.support import Answer, Desk, Officer, desks, links_of

PAGES_MAX = 150
"""Pages looked at by one person; none of them has more in this small world."""

SHORT = {"word": "Kestrel", "number": "17", "day": "2026-11-02"}
LONG = {"word": "Osprey above the harbour wall, second house", "number": "90421-77", "day": "2025-03-19"}
"""What is withheld in the one run and in the other: other words, other lengths, other places in every order."""


LETTERS = "абвгде"
"""What tells the persons of a run apart; a file has one."""


class Seeded:
    """The ``Random`` port, the same in every run."""

    def __init__(self, seed: str) -> None:
        self._seed, self._drawn = seed, 0

    def bytes(self, count: int) -> bytes:
        """Return the next ``count`` bytes."""
        self._drawn += 1
        return hashlib.shake_256(f"{self._seed}/{self._drawn}".encode()).digest(count)

    def token(self) -> str:
        """Return 16 bytes as base64url."""
        return b64.encode(self.bytes(16))

    def spread(self) -> float:
        """Return a number in [0, 1)."""
        return int.from_bytes(self.bytes(4)) / 2**32


def file_with(held: Mapping[str, str], number: int) -> dict[str, Any]:
    """Return a draft about the person ``number`` whose withheld values are ``held``; what leaves is the same."""
    fields = schemas.load("case-draft")["properties"]["national"]["properties"]
    national = {
        name: [held["word"]] if shape.get("type") == "array" else held["word"]
        for name, shape in fields.items()
        if shape.get("type") in ("array", "string")
    }
    base = story.draft()
    (name, *_) = base["elements"]["names"]
    return story.draft(
        justification=f"The file says {held['word']}",
        asylum={**base["asylum"], "attested_on": held["day"], "basis": held["word"]},
        transfer_ground={"code": "DOMESTIC_LAW", "reference": f"Act {held['number']}"},
        handling=dict(homeward.HANDLING),
        national=national,
        elements={
            **base["elements"],
            "names": [{**name, "family": f"{name['family']}{LETTERS[number]}", "latin": None}],
            "birth_date": f"199{number}-05-0{number + 1}",
            "mother_given_names": held["word"].split()[0],
            "personal_number": f"{held['number']}{number}",
        },
    )


async def play(network: Network, held: Mapping[str, str]) -> None:
    """Leave cases in several states in both States: a draft, one sent, one stopped, one answered, a return."""
    ours = network.gateways["XAA"]
    await ours.clear.new(file_with(held, 0), "first")
    await story.sent(network, **file_with(held, 1))
    frozen = await story.sent(network, **file_with(held, 2))
    await network.deliver()
    await ours.hold.freeze(frozen, f"she spoke of {held['word']}", "protection", "asylum_authority")
    answered, _ = await replied(network, held, 3)
    await ours.clear.contest(answered, "WRONG_PERSON", "first")
    returned, there = await replied(network, held, 4)
    record = homeward.record(False, proceedings={"open": False, "presence_needed": False, "released_by": held["word"]})
    await ours.returning.consider(returned, record, "first", "case_officer")
    await ours.returning.assess(returned, "coordinator", "coordinator")
    await network.deliver()
    assert "REPLIED" == await story.state(network, "XBB", there)


async def replied(network: Network, held: Mapping[str, str], number: int) -> tuple[str, str]:
    """Ask about the person ``number`` and be answered; return both references."""
    ours, theirs = await story.acknowledged(network, **file_with(held, number))
    await story.give_answer(network, theirs, story.reply())
    await network.deliver()
    return ours, theirs


@asynccontextmanager
async def run(root: Path, held: Mapping[str, str]) -> AsyncIterator[tuple[Network, dict[str, Desk]]]:
    """Play with ``held`` and open the desks of both States."""
    async with AsyncExitStack() as stack:
        root.mkdir()
        network = await make_network(root)
        stack.push_async_callback(network.close)
        for country, gateway in network.gateways.items():
            gateway.context.random = Seeded(country)
        await play(network, held)
        opened = {}
        for country, gateway in network.gateways.items():
            opened[country] = await stack.enter_async_context(
                desks(network, root, [interior.PAGES, board.PAGES], country, extra=page_services(gateway))
            )
        yield network, opened


NOT_FOLLOWED = re.compile(r"^/(sign-|link|account|again|session|static)|[?&]lang=|logout")


async def look_around(officer: Officer, begin: Sequence[str] = ("/",)) -> dict[str, bytes]:
    """Return every page and file that links lead to from ``begin``, by path."""
    found: dict[str, bytes] = {}
    waiting = list(begin)
    while waiting and len(found) < PAGES_MAX:
        path = waiting.pop(0)
        if path in found or NOT_FOLLOWED.search(path):
            continue
        answer: Answer = await officer.send("GET", path)
        found[path] = f"{answer.status}\n{answer.location}\n".encode() + answer.body
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            waiting += [one for one in links_of(answer.text) if one.startswith("/")]
    return found


async def outlets(network: Network, opened: Mapping[str, Desk]) -> dict[str, bytes]:
    """Return everything that people and programs may get without a reason given for it, by a name for it."""
    found: dict[str, bytes] = {}
    for country, desk in opened.items():
        for name in ("first", "second", "protection", "welfare", "coordinator", "board"):
            at = "board" if name == "board" else "interior"
            for path, body in (await look_around(await desk.officer(name, at))).items():
                found[f"{country} {name} {path}"] = body
        refs = [row.ref for row in await desk.gateway.inquiries.cases(states=[], limit=100)]
        officer = await desk.officer("first")
        for ref in refs:
            for path in (f"/search?ref={ref}", f"/search?ref={ref[:-1]}", f"/cases/{ref[:-1]}A/"):
                found[f"{country} {path}"] = (await officer.send("GET", path)).body
        found |= await local_api(desk, country, refs)
    found |= await content(opened["XBB"])
    found["log"] = "\n".join(map(str, network.logs)).encode()
    return found


async def content(desk: Desk) -> dict[str, bytes]:
    """Return what the desk that was asked sees of each case once it has said why: all that ever left."""
    found = {}
    officer = await desk.officer("first")
    for row in await desk.gateway.inquiries.cases(states=[], limit=100):
        await officer.get(f"/cases/{row.ref}")
        page = await officer.post(f"/cases/{row.ref}/look", {"why": "To answer the question"})
        assert any(f"{story.ADULT['elements']['names'][0]['family']}{letter}" in page.text for letter in LETTERS)
        for path in ("", "/messages", "/timeline", "/log", "/print", "/return", "/steps/reply"):
            answer = await officer.send("GET", f"/cases/{row.ref}{path}")
            found[f"XBB content {row.ref}{path}"] = answer.body
    return found


async def local_api(desk: Desk, country: str, refs: Sequence[str]) -> dict[str, bytes]:
    """Return the lists and cases of the local API, as a desk gets them without a justification."""
    tokens = {hashlib.sha256(name.encode()).hexdigest(): name for name in PEOPLE}
    app = local_app(LocalServices(desk_services(desk.gateway), tokens))
    found = {}
    async with TestClient(TestServer(app)) as client:
        for path in ("/v1/cases", "/v1/overdue", *(f"/v1/cases/{ref}" for ref in refs)):
            answer = await client.get(path, headers={"Authorization": "Bearer first"})
            found[f"{country} api {path}"] = await answer.read()
    return found


@pytest.mark.timeout(300)
async def test_outlets_are_the_same_whatever_is_withheld(tmp_path: Path) -> None:
    """No page, file, list, log line or error differs between the two runs by a byte."""
    seen = []
    for name, held in (("short", SHORT), ("long", LONG)):
        async with run(tmp_path / name, held) as (network, opened):
            seen.append(await outlets(network, opened))
    first, second = seen
    assert len(first) > 150
    assert set(first) == set(second)
    assert [] == [name for name in first if first[name] != second[name]]
