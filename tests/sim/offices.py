"""
What is said in a seed that is of no case: questions between information offices, and what a State announces of itself.
"""

from collections.abc import Awaitable, Callable

from gateway.app import Gateway
from gateway.core.messages import INFORMATION_ANSWER, INFORMATION_REQUEST
from gateway.services.information import Question
from tests.sim import homes
from tests.sim.work import EXPECTED, LIAISON, Nothing, Work
from tests.sim.world import Host
from tests.support.questions import ANSWERED, ASKED

WRITER, OFFICE = "writer", "office"


class Offices(Work):
    """The information office of every State, and whoever keeps its directory."""

    async def _beside(self, host: Host) -> None:
        """Ask a State without a word of any person, answer what another one asked, or announce the directory anew."""
        partner = self.random.choice([one for one in homes.COUNTRIES if one != host.country])
        acts: dict[str, Callable[[Gateway], Awaitable[None]]] = {
            "inquire": lambda gateway: self._inquire(host, gateway, partner),
            "inform": lambda gateway: self._inform(host, gateway),
            "announce": self.announce,
        }
        name = self.random.choice(list(acts))
        outcome, value = await host.act(name, acts[name])
        if outcome == "done":
            self.counts[name] += 1
            self.counts["messages"] += name != "announce"
        elif outcome not in EXPECTED | {"down", "cut"}:
            self.world.fail("acts as documented", f"{name} in {host.country} raised {outcome}: {value}", value)

    async def _inquire(self, host: Host, gateway: Gateway, partner: str) -> None:
        made = await gateway.information.ask(partner, ASKED, WRITER)
        await self._sign_and_send(host, gateway, made, INFORMATION_REQUEST)

    async def _inform(self, host: Host, gateway: Gateway) -> None:
        """Answer the first question that waits. Raises ``Nothing``."""
        found = await gateway.information.questions(WRITER)
        waits = next((one for one in found if not one.ours and one.state in ("asked", "refused")), None)
        if waits is None:
            raise Nothing
        made = await gateway.information.prepare_answer(waits.partner, waits.thread, ANSWERED, WRITER)
        await self._sign_and_send(host, gateway, made, INFORMATION_ANSWER)

    async def _sign_and_send(self, host: Host, gateway: Gateway, made: Question, kind: str) -> None:
        signed = self._signed(host, made.thread, kind, "information", made.digest or "", OFFICE)
        await gateway.information.send(made.partner, made.thread, signed, OFFICE)

    async def announce(self, gateway: Gateway) -> None:
        """Announce the authority of our card and one more, the consular service."""
        country = gateway.context.country
        since = {"from": "2026-11-01", "until": None}
        register = {"id": f"{country}-ID-01", "name": "Register of Northtown", "tasks": ["NATIONALITY"], **since}
        consulates = {"id": f"{country}-C-01", "name": "Consular service", "tasks": ["TRAVEL_DOC"], **since}
        officer = {"id": "DPx6b_MxUGnTi3ssJc-4VA", "authority": register["id"], "tasks": ["NATIONALITY"], **since}
        change = {"valid_from": "2026-11-25", "authorities": [register, consulates], "officers": [officer]}
        await gateway.directory.announce(change, *LIAISON)
