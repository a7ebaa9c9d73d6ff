"""The demonstration's desks: a population in every state that hands can bring about, links that sign in, a clock."""

import re
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from gateway.core.case import State
from gateway.demo.clock import DemoClock
from gateway.demo.population import ENDS_AT, Population
from gateway.demo.start import Start
from gateway.demo.states import ASKED, ASKING, HOST, choose_ports, running
from gateway.demo.tell import Tell
from gateway.web.door import COOKIE

NOT_BY_HAND = {
    # What only a broken line brings, and what months do.
    *("SENT", "NOT_ACCEPTED", "UNDELIVERED", "BLOCKED", "ERASED"),
    # What needs a second authority in the directory, or the end of half a year.
    *("REDIRECTED", "CLOSED_SAFE", "CLOSED_CONCERN", "LOST_CONTACT"),
}


@dataclass
class Shown:
    """The start page of a running demonstration, and what stands behind it."""

    start: Start
    states: tuple[frozenset[str], frozenset[str]]
    port: int

    async def get(self, host: str, path: str, **headers: str) -> tuple[int, str]:
        """Return status and text of a page under the host name ``host``."""
        async with (
            aiohttp.ClientSession() as client,
            client.get(
                f"http://{HOST}:{self.port}{path}",
                headers={"Host": f"{host}:{self.port}", **headers},
                allow_redirects=False,
            ) as answer,
        ):
            return answer.status, await answer.text()

    async def led(self, path: str) -> str:
        """Return the path of the one-time link to which a link of the start page leads."""
        async with (
            aiohttp.ClientSession() as client,
            client.get(
                f"http://{HOST}:{self.port}{path}",
                headers={"Host": f"demo.localhost:{self.port}"},
                allow_redirects=False,
            ) as answer,
        ):
            return "/" + answer.headers["Location"].partition("://")[2].partition("/")[2]


@pytest.fixture
async def shown(tmp_path: Path) -> AsyncIterator[Shown]:
    ports = choose_ports(None)
    start = Start(f"http://demo.localhost:{ports[ASKING].desks}")
    async with running(tmp_path, ports, DemoClock(), start.open) as world:
        population = Population(world, Tell(sys.stderr))
        await population.fill()
        start.world = world
        yield Shown(start, await population.states(), ports[ASKING].desks)


async def test_the_desks_open_over_a_population(shown: Shown) -> None:
    """Cases stand in every state but those of ``NOT_BY_HAND``; links sign in once; a clock moved signs nobody out."""
    ours, theirs = shown.states
    assert {state.value for state in State} - NOT_BY_HAND == ours | theirs

    status, page = await shown.get("demo.localhost", "/")
    assert 200 == status
    for state in ("Republic of Valmaria (Test State XAA)", "Republic of Belmaria (Test State XBB)"):
        assert state in re.sub("<[^>]+>", "", page), "a State by the name of its own pages, and by that of lists"
    links = re.findall(r'href="(/link/XAA/interior/[^"]+/sign-in)"', page)
    assert len(links) > 4
    made = await shown.led(links[0])
    cookies = [await sign_in(shown, made) for _ in range(2)]
    assert cookies[0]
    assert not cookies[1]

    assert shown.start.world is not None
    before = shown.start.world.clock.now()
    await move(shown, 24 * 7)
    assert shown.start.world.clock.now() - before >= timedelta(days=7) > timedelta(0)
    assert before >= ENDS_AT
    status, page = await shown.get("interior.localhost", "/", Cookie=f"{COOKIE}={cookies[0]}")
    assert 200 == status
    assert set(shown.start.desks) == {ASKING, ASKED}


@pytest.fixture
async def empty(tmp_path: Path) -> AsyncIterator[Shown]:
    ports = choose_ports(None)
    start = Start(f"http://demo.localhost:{ports[ASKING].desks}")
    async with running(tmp_path, ports, DemoClock(), start.open) as world:
        start.world = world
        yield Shown(start, (frozenset(), frozenset()), ports[ASKING].desks)


async def test_no_link_of_the_start_page_is_dead(empty: Shown) -> None:
    """Whatever the start page, or its page about an address that there is not, links to on this site is there."""
    found = dict[str, int]()
    for place, expected in (("/", 200), ("/nothing", 404)):
        status, page = await empty.get("demo.localhost", place)
        assert expected == status
        links = re.findall(r'<a [^>]*href="(/[^"]*)"', page)
        found |= {link: (await empty.get("demo.localhost", link))[0] for link in links}
    assert "/" in found
    assert [] == [link for link, status in found.items() if status not in (200, 303)]


async def test_a_link_is_made_when_it_is_followed(empty: Shown) -> None:
    """The start page makes no link; who follows what it offers gets one for that person, and nothing else gives one."""
    _, page = await empty.get("demo.localhost", "/")
    assert set() == await linked(empty)
    (offered,) = re.findall(r'href="(/link/XAA/interior/officer/sign-in)"', page)
    for part in offered.split("/")[2:]:
        assert 404 == (await empty.get("demo.localhost", offered.replace(part, "other")))[0]
    assert set() == await linked(empty)
    assert 303 == (await empty.get("demo.localhost", offered))[0]
    assert {("XAA", "officer")} == await linked(empty)


async def linked(shown: Shown) -> set[tuple[str, str]]:
    """Return for whom a link was made, by State and person."""
    assert shown.start.world is not None
    return {
        (country, id)
        for country, state in shown.start.world.states.items()
        for id in state.people
        for event in await shown.start.desks[country].site.accounts.events(id)
        if event.event == "link.made"
    }


async def sign_in(shown: Shown, path: str) -> str:
    """Use the link at ``path`` and return the session it gave, or an empty text."""
    async with (
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as client,
        client.post(
            f"http://{HOST}:{shown.port}{path}",
            data={"next": "/"},
            headers={"Host": f"interior.localhost:{shown.port}", "Sec-Fetch-Site": "same-origin"},
            allow_redirects=False,
        ) as answer,
    ):
        return answer.cookies[COOKIE].value if COOKIE in answer.cookies else ""


async def move(shown: Shown, hours: int) -> None:
    """Press the button that moves the clock."""
    async with (
        aiohttp.ClientSession() as client,
        client.post(
            f"http://{HOST}:{shown.port}/clock",
            data={"hours": str(hours)},
            headers={"Host": f"demo.localhost:{shown.port}", "Sec-Fetch-Site": "same-origin"},
            allow_redirects=False,
        ) as answer,
    ):
        assert 303 == answer.status


async def test_a_moved_clock_ends_what_is_over_at_once(tmp_path: Path) -> None:
    """Months pass by a button so that people see what they bring: nobody waits for a day after each."""
    clock = DemoClock()
    async with running(tmp_path, choose_ports(None), clock) as world:
        clock.move_to(clock.now() + timedelta(days=3))
        assert all(one.context.believes(clock.now()) for one in world.gateways.values())
