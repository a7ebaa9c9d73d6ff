"""
What desks say in a seed about data that was sent: what became of it, may it be passed on, it was wrong, destroy it.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from gateway.app import Gateway
from gateway.core.case import Case, Notice
from gateway.core.messages import ERASURE, ONWARD_REQUEST, RECTIFICATION, USE_REQUEST
from gateway.core.notices import unanswered
from gateway.services import rights
from tests.sim.work import EXPECTED, OFFICER, Nothing, OpenCase, Work
from tests.sim.world import Host

GUARDING = ("dpo", "dpo")
"""Who decides what is held back from whoever asks for an account."""


class Afterwards(Work):
    """Either desk, on data that left or came. An answer is given to the first that waits for one."""

    def _owed(self, host: Host) -> list[str]:
        """Return the references of cases in which the other State asked or demanded something, and waits for us."""
        return [ref for (ref,) in host.look(_OWED)]

    async def _settle(self, host: Host, row: OpenCase) -> None:
        """Answer what the other State asked or demanded first, whatever it is."""
        acts = {USE_REQUEST: self._report_use, ONWARD_REQUEST: self._answer_onward, RECTIFICATION: self._confirm}
        found: list[str] = []

        async def look(gateway: Gateway) -> None:
            found.extend(one.kind for one in unanswered(await self.case(gateway, row.ref)))

        await host.act("look", look)
        if found:
            await acts.get(found[0], self._destroy)(host, row)

    async def _ask_use(self, host: Host, row: OpenCase) -> None:
        await self._do(host, row.ref, "ask_use", lambda g: g.notices.ask_use(row.ref, *row.desk), says=True)

    async def _report_use(self, host: Host, row: OpenCase) -> None:
        async def report(gateway: Gateway, number: int) -> None:
            use = {"purpose": "NATIONALITY", "recipient": "REGISTRY", "on": host.clock.now().date().isoformat()}
            value = {"number": number, "held": True, "restrictions_kept": True, "uses": [use]}
            await gateway.notices.report_use(row.ref, value, *row.desk)

        await self._reply_to(host, row, USE_REQUEST, "report_use", report)

    async def _ask_onward(self, host: Host, row: OpenCase) -> None:
        work = lambda g: g.notices.ask_onward(row.ref, "TRAVEL_DOC", "CONSULATE", *row.desk)  # noqa: E731
        await self._do(host, row.ref, "ask_onward", work, says=True)

    async def _answer_onward(self, host: Host, row: OpenCase) -> None:
        until = self.random.choice((None, (host.clock.now().date() + timedelta(days=30)).isoformat()))

        refusing = self.journals[host.country].refusing

        async def answer(gateway: Gateway, number: int) -> None:
            if until is None:
                refusing.add(row.ref)  # from here on, whether or not the desk hears of it
            await gateway.notices.answer_onward(row.ref, number, until, *row.head)

        if await self._reply_to(host, row, ONWARD_REQUEST, "answer_onward", answer) and until is not None:
            refusing.discard(row.ref)

    async def _strike(self, host: Host, row: OpenCase) -> None:
        """Say that a part of what was sent was wrong; of a reply there is one part, and nothing rests on it then."""
        parts = [self.random.choice(("BIRTH_PLACE", "SEX"))] if row.asks else ["REPLY"]
        await self._do(host, row.ref, "strike", lambda g: g.notices.strike(row.ref, parts, *row.desk), says=True)

    async def _rectify(self, host: Host, row: OpenCase) -> None:
        """Send another date of birth in place of the wrong one, approved by a second person."""
        if not row.asks:
            return
        day = f"{1 + self.random.randrange(28):02d}"

        async def rectify(gateway: Gateway) -> None:
            born = ((await self.case(gateway, row.ref)).draft or {})["elements"]["birth_date"]
            right = {"birth_date": f"{born[:8]}{day}"}
            pending = await gateway.notices.prepare_rectification(row.ref, ["BIRTH_DATE"], right, *row.desk)
            kind = "rectification.approval"
            signed = self._signed(host, row.thread or "", kind, "liaison_officer", pending.digest, "second")
            await gateway.notices.rectify(row.ref, signed, "second")

        if await self._do(host, row.ref, "rectify", rectify, says=True):
            self.counts["rectified"] += 1

    async def _demand_erasure(self, host: Host, row: OpenCase) -> None:
        work = lambda g: g.notices.demand_erasure(row.ref, *row.desk)  # noqa: E731
        await self._do(host, row.ref, "demand_erasure", work, says=True)

    async def _account(self, host: Host, row: OpenCase) -> None:
        """Hold back the account of what was sent, or let it be given again; or ask for one that is held back."""
        journal, until = self.journals[host.country], host.clock.now().date() + timedelta(days=90)
        if journal.withheld and self.random.random() < 0.5:
            await self._ask_account(host, self.random.choice(list(journal.withheld)))
        elif row.ref in journal.withheld:
            journal.withheld.pop(row.ref)  # from here on, whether or not the desk hears of it
            await self._do(host, row.ref, rights.LIFT, lambda g: rights.lift(g.context, row.ref, *GUARDING))
        else:
            work = lambda g: rights.restrict(g.context, row.ref, "INQUIRY", until, *GUARDING)  # noqa: E731
            if await self._do(host, row.ref, rights.RESTRICT, work):
                self.counts["held back"] += 1
                journal.withheld[row.ref] = self.world.loop.time()

    async def _ask_account(self, host: Host, ref: str) -> None:
        """Ask for an account that is held back, as the desk does for the person."""
        outcome, value = await host.act("account", lambda g: rights.account(g.context, ref, *OFFICER, "she asks"))
        if outcome == "done" and ref in self.journals[host.country].withheld:
            self.world.fail("held back", f"{host.country} gives an account that a restriction holds back")
        elif outcome not in EXPECTED | {"done", "down", "cut"}:
            self.world.fail("acts as documented", f"account in {host.country} raised {outcome}: {value}", value)

    async def _confirm(self, host: Host, row: OpenCase) -> None:
        async def confirm(gateway: Gateway, number: int) -> None:
            await gateway.notices.confirm(row.ref, number, "DONE", *row.desk)

        await self._reply_to(host, row, RECTIFICATION, "confirm", confirm)

    async def _destroy(self, host: Host, row: OpenCase) -> None:
        """Destroy what came, as the other State asks: on the side that was asked the whole case goes."""

        async def destroy(gateway: Gateway, number: int) -> None:
            await gateway.notices.destroy(row.ref, number, *row.head)

        if await self._reply_to(host, row, ERASURE, "destroy", destroy):
            self.counts["destroyed"] += 1

    async def _reply_to(
        self, host: Host, row: OpenCase, kind: str, event: str, work: Callable[[Gateway, int], Awaitable[None]]
    ) -> bool:
        async def reply(gateway: Gateway) -> None:
            await work(gateway, _first(await self.case(gateway, row.ref), kind).number)

        return await self._do(host, row.ref, event, reply, says=True)


_OWED = """
SELECT ref FROM inbound WHERE ref IS NOT NULL AND status = 'accepted'
AND type IN ('use-report.request', 'onward.request', 'rectification', 'erasure')
GROUP BY ref HAVING count(*) > (
    SELECT count(*) FROM outbound WHERE outbound.ref = inbound.ref AND state <> 'dropped'
    AND type IN ('use-report.answer', 'onward.answer', 'confirmation')
) ORDER BY ref
"""


def _first(case: Case, kind: str) -> Notice:
    """Return the first of ``kind`` that waits for our answer. Raises ``Nothing``."""
    found = next((one for one in unanswered(case) if one.kind == kind), None)
    if found is None:
        raise Nothing
    return found
