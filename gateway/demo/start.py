"""
The page of the demonstration itself: what leads to a desk for each role of both States, and the clock.

No gateway in earnest has it. It is served beside the desks of the asking State, under a host name of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from aiohttp import web

from gateway.app import Gateway
from gateway.demo.states import ASKED, ASKING, NAMES, World
from gateway.desks import Desks
from gateway.services.account_store import DESKS, desk_of
from gateway.services.context import NotFound
from gateway.serving import open_desks_of
from gateway.web.language import N_
from gateway.web.visit import ANYONE, DeskPages, Route, Visit

LINK_LASTS = timedelta(hours=12)

STEP = timedelta(days=3)
"""The clock moves a few days at a time: cards that nobody read for a week are not sent by."""

MOVES: Mapping[str, timedelta] = {
    N_("One hour"): timedelta(hours=1),
    N_("One day"): timedelta(days=1),
    N_("One week"): timedelta(days=7),
    N_("One month"): timedelta(days=30),
}
"""How far a button moves the clock."""


@dataclass(frozen=True, slots=True)
class Seat:
    """One person of one State, and a desk at which their roles let them sit."""

    person: str
    roles: tuple[str, ...]
    desk: str


@dataclass(slots=True)
class Start:
    """The start page. Give it ``world`` and ``desks`` once they run; until then it has nothing to show."""

    address: str
    world: World | None = None
    desks: dict[str, Desks] = field(default_factory=dict)

    async def open(self, gateway: Gateway) -> Desks:
        """Open the desks of ``gateway``, and this page beside those of the asking State."""
        country = gateway.context.country
        more, places = ([self.pages()], {"demonstration": self.address}) if country == ASKING else ([], {})
        desks = await open_desks_of(gateway, environ={}, more=more, origins=places)
        desks.site.demonstration = self
        self.desks[country] = desks
        return desks

    def pages(self) -> DeskPages:
        """Return the page as a desk of its own."""
        routes = (
            Route("GET", "/", "start", self.show, ANYONE),
            Route("GET", "/link/{country}/{desk}/{person}/{purpose}", "link", self.lead, ANYONE),
            Route("POST", "/clock", "clock", self.move, ANYONE),
        )
        return DeskPages("demonstration", N_("Demonstration"), routes, ())

    async def show(self, visit: Visit) -> web.StreamResponse:
        """Show every role of both States, each with what leads to its desk."""
        states = [(NAMES[country], country, self._seats(country)) for country in (ASKING, ASKED)]
        moves = [(text, int(step.total_seconds() // 3600)) for text, step in MOVES.items()]
        return visit.page("demonstration/start.html", states=states, moves=moves)

    def _seats(self, country: str) -> list[Seat]:
        if self.world is None or country not in self.desks:
            return []
        return [
            Seat(person.id, tuple(person.roles), desk)
            for person in self.world.states[country].people.values()
            for desk in sorted({desk_of(role) for role in person.roles}, key=DESKS.index)
        ]

    async def lead(self, visit: Visit) -> web.StreamResponse:
        """Make a one-time link, and lead to it. Raises ``NotFound`` for what is on no page."""
        country, desk, person, purpose = (
            visit.request.match_info[of] for of in ("country", "desk", "person", "purpose")
        )
        seated = {(seat.person, seat.desk) for seat in self._seats(country)}
        if (person, desk) not in seated or purpose not in ("sign-in", "enrol"):
            raise NotFound("the start page offers no such link")
        site = self.desks[country].site
        token = await site.accounts.make_link(person, desk, purpose, site.now(), site.now() + LINK_LASTS)
        address = site.origins[desk] + site.route(desk, "link").path.replace("{token}", token)
        return web.Response(status=303, headers={"Location": address})

    async def move(self, visit: Visit) -> web.StreamResponse:
        """Let time pass; nobody is signed out by it, because no time passed for those who sit at a desk."""
        hours = visit.form.get("hours", "")
        if self.world is not None and hours in {str(int(step.total_seconds() // 3600)) for step in MOVES.values()}:
            await self._pass(timedelta(hours=int(hours)))
        return await visit.to("/")

    async def _pass(self, time: timedelta) -> None:
        if self.world is None:
            return
        clock = self.world.clock
        end = clock.now() + time
        for desks in self.desks.values():
            await desks.store.shift(time)
        while (left := end - clock.now()) > timedelta(0):
            clock.move_to(clock.now() + min(left, STEP))
            for gateway in self.world.gateways.values():
                await gateway.refresh_trust()
                gateway.context.wake()
