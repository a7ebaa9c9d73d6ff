"""
What people do in a seed: the desks of three States at work, each at its own gateway.

Rule 1: every choice is drawn from the seed.
Rule 2: a desk knows what its gateway told it and nothing else. What a crash left open it looks up again.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple

from gateway.app import Gateway
from gateway.core import wire
from gateway.core.machine import IllegalStep, RuleRefused
from gateway.core.messages import SUSPENSION, WITHDRAWAL
from gateway.services import cases
from gateway.services.context import Forbidden, NotFound
from gateway.services.ports import Conflict, Unavailable
from keys import statement
from tests.sim import homes
from tests.sim.world import Host, Post, World
from tests.support import homeward, story

MESSAGES = 60
"""After so many no desk does anything more."""

GOES_ON = 0.5
"""How often a desk that has returns under way takes the next step of one, before it looks at anything else."""

STOPS = 0.08
"""How often a desk that might stop a case does."""

EXPECTED = {error.__name__ for error in (IllegalStep, RuleRefused, Forbidden, NotFound, Unavailable, Conflict)}
"""What an act may raise: the case moved on meanwhile, a rule stands against it, or the disk is full."""

PLAN = {**homeward.PLAN, "window": {"from": "2026-11-25", "until": "2027-02-28"}}
NEEDED_BY = "2026-12-10"
RELEASED_DAYS = 60

FAMILIES = ("ADLER", "BERGER", "CONRAD", "DREXLER", "EBNER", "FUCHS", "GRUBER", "HALLER", "IMHOF", "JONAS", "KELLER")


@dataclass
class Journal:
    """What the desks of one State know to have done: (seconds of the loop, reference, event)."""

    done: list[tuple[float, str, str]] = field(default_factory=list)
    stopped: dict[str, float] = field(default_factory=dict)
    """References of cases that stand still by a person's word, and since when."""

    held: dict[str, float] = field(default_factory=dict)
    """References of returns that the child-welfare authority stopped, and since when."""


class OpenCase(NamedTuple):
    """What a desk sees of a case before it acts; ``due_at`` in seconds since 1970."""

    ref: str
    side: str
    state: str
    thread: str | None
    partner: str
    due_at: float | None


class Desks:
    """The desks of every State: what they do, and what they know to have done."""

    def __init__(self, world: World, counts: Counter[str]) -> None:
        """Work in ``world``, and count in ``counts`` what is done; what leaves is looked at from here on."""
        self.world = world
        self.counts = counts
        self.random = world.random
        self.journals = {country: Journal() for country in homes.COUNTRIES}
        self.working = True
        self._persons = 0
        world.watch = self.watch

    async def work(self, host: Host) -> None:
        """Do one thing after another until the work is over."""
        while self.working:
            await asyncio.sleep(self.random.uniform(0.1, 1.2))
            if host.up:
                await self._something(host)

    async def _something(self, host: Host) -> None:
        if self.counts["messages"] >= MESSAGES:
            return
        rows = [OpenCase(*row) for row in host.look(_OPEN_CASES)]
        if not rows or (self.random.random() < 0.1 and len(rows) < 5):
            await self._ask(host)
            return
        returns = [row for row in rows if row.state in _RETURN]
        row = self.random.choice(returns if returns and self.random.random() < GOES_ON else rows)
        if acts := _ACTS.get((row.side, row.state)):
            await getattr(self, f"_{self.random.choice(acts)}")(host, row)

    async def _do(
        self, host: Host, ref: str, event: str, work: Callable[[Gateway], Awaitable[Any]], *, says: bool = False
    ) -> bool:
        """Have a step taken; note it if the gateway says it was. One that ``says`` something sends a message."""
        outcome, value = await host.act(event, work)
        if outcome == "done":
            self.journals[host.country].done.append((self.world.loop.time(), ref, event))
            self.counts["messages"] += says
            self.counts["acts"] += 1
            return True
        if outcome not in EXPECTED | {"down", "cut"}:
            self.world.fail("acts as documented", f"{event} in {host.country} raised {outcome}: {value}", value)
        return False

    async def _ask(self, host: Host) -> None:
        partner = self.random.choice([one for one in homes.COUNTRIES if one != host.country])
        draft = self._draft(host, partner)
        outcome, ref = await host.act("new", lambda gateway: gateway.clear.new(draft, "first"))
        if outcome == "done":
            self.journals[host.country].done.append((self.world.loop.time(), ref, "open"))
            if await self._approve_ref(host, ref):
                await self._send_ref(host, ref)
        elif outcome not in EXPECTED | {"down", "cut"}:
            self.world.fail("acts as documented", f"new in {host.country} raised {outcome}: {ref}", ref)

    def _draft(self, host: Host, partner: str) -> dict[str, Any]:
        """Return a case draft about an invented adult; now and then it is one who was asked about before."""
        if not self._persons or self.random.random() < 0.95:
            self._persons += 1
        number = self._persons
        day = host.clock.now().date()
        family = FAMILIES[number % len(FAMILIES)] + "ABCDEFGHIKLMNOPR"[number // len(FAMILIES) % 16] * 2
        elements = {
            "names": [_name(family)],
            "birth_date": f"{1950 + number % 50}-04-{1 + number % 28:02d}",
            "birth_place": {"country": partner, "unit": "Northtown"},
            "sex": 2,
        }
        attested = {"state": "none", "attested_by": "protection", "attested_on": day.isoformat(), "basis": "interview"}
        return story.draft(
            to=partner,
            claimed_origin=[partner],
            elements=elements,
            asylum=attested,
            handling=homeward.HANDLING,
        )

    async def _approve(self, host: Host, row: OpenCase) -> None:
        await self._approve_ref(host, row.ref)

    async def _approve_ref(self, host: Host, ref: str) -> bool:
        async def approve(gateway: Gateway) -> None:
            preview, thread = await gateway.clear.show(ref, "second", "liaison_officer")
            kind = "request.approval" if preview.type == "verification.request" else "elements.approval"
            signed = self._signed(host, thread, kind, "liaison_officer", preview.digest, "second")
            await gateway.clear.approve(ref, signed, "second")

        return await self._do(host, ref, "approve", approve)

    def _signed(self, host: Host, thread: str, kind: str, role: str, digest: str, person: str, days: int = 2) -> str:
        until = host.clock.now() + timedelta(days=days)
        return homes.sign(self.world.homes, person, statement.Statement(thread, kind, role, digest, until))

    async def _send(self, host: Host, row: OpenCase) -> None:
        await self._send_ref(host, row.ref)

    async def _send_ref(self, host: Host, ref: str) -> bool:
        return await self._do(host, ref, "send", lambda gateway: gateway.clear.send(ref, "first"), says=True)

    async def _acknowledge(self, host: Host, row: OpenCase) -> None:
        await self._do(host, row.ref, "acknowledge", lambda g: g.answer.acknowledge(row.ref, "first"), says=True)

    async def _delay(self, host: Host, row: OpenCase) -> None:
        eta = (host.clock.now().date() + timedelta(days=20)).isoformat()
        work = lambda g: g.answer.delay(row.ref, "ARCHIVE_SEARCH", eta, "first")  # noqa: E731  (one line of work)
        await self._do(host, row.ref, "notify_delay", work, says=True)

    async def _extend(self, host: Host, row: OpenCase) -> None:
        work = lambda g: g.answer.extend(row.ref, "ARCHIVE_SEARCH", "first")  # noqa: E731
        await self._do(host, row.ref, "extend", work, says=True)

    async def _answer(self, host: Host, row: OpenCase) -> None:
        outcome = self.random.choice(("NATIONAL", "NATIONAL", "NATIONAL", "NOT_FOUND"))
        value = story.reply(outcome, as_of=host.clock.now().date().isoformat())

        async def answer(gateway: Gateway) -> None:
            pending = await gateway.answer.prepare(row.ref, value, "first")
            if outcome != "NATIONAL":
                kind = "reply.second-signature"
                signed = self._signed(host, row.thread, kind, "second_signer", pending.digest, "signer")
                await gateway.answer.countersign(row.ref, signed, "signer")
            await gateway.answer.answer(row.ref, "first")

        await self._do(host, row.ref, "answer", answer, says=True)

    async def _contest(self, host: Host, row: OpenCase) -> None:
        work = lambda g: g.clear.contest(row.ref, "NEW_ELEMENT", "first")  # noqa: E731
        await self._do(host, row.ref, "contest", work, says=True)

    async def _propose(self, host: Host, row: OpenCase) -> None:
        """Go from a positive reply to a proposal of a return, which the authority in charge releases."""
        person, role, named = homeward.in_charge(minor=False)

        async def propose(gateway: Gateway) -> None:
            returning = gateway.returning
            if row.state == "REPLIED":
                await returning.consider(row.ref, homeward.record(), "first", "case_officer")
            if row.state in ("REPLIED", "CONSIDERED"):
                await returning.assess(row.ref, person, role)
            pending = await returning.prepare(row.ref, PLAN, "first", "case_officer")
            kind = "return.approval"
            signed = self._signed(host, row.thread, kind, "liaison_officer", pending.digest, "second")
            await returning.approve(row.ref, signed, "second")
            signed = self._signed(host, row.thread, "return.release", named, pending.digest, person, RELEASED_DAYS)
            await returning.endorse(row.ref, signed, person, role)
            await returning.propose(row.ref, "first", "case_officer")

        await self._do(host, row.ref, "propose", propose, says=True)

    async def _accept(self, host: Host, row: OpenCase) -> None:
        """Accept a return, as the authority in charge on the other side."""

        async def accept(gateway: Gateway) -> None:
            returning = gateway.returning
            pending = await returning.prepare_acceptance(row.ref, homeward.ANSWER, "first", "registry_clerk")
            kind, role = "return.acceptance", "desk_head"
            signed = self._signed(host, row.thread, kind, role, pending.digest, "second", RELEASED_DAYS)
            await returning.accept(row.ref, signed, "second", role)

        await self._do(host, row.ref, "accept", accept, says=True)

    async def _refuse(self, host: Host, row: OpenCase) -> None:
        work = lambda g: g.returning.refuse(row.ref, "NO_CARER", "first", "registry_clerk")  # noqa: E731
        await self._do(host, row.ref, "refuse", work, says=True)

    async def _reassess(self, host: Host, row: OpenCase) -> None:
        """Begin a return anew, of which the other State learns by the next proposal."""
        if self.random.random() < STOPS:
            await self._do(host, row.ref, "reassess", lambda g: g.returning.reassess(row.ref, "first", "case_officer"))

    async def _decide(self, host: Host, row: OpenCase) -> None:
        """Enter the decision that the person returns, as the authority in charge, and ask for a travel document."""
        person, role, _ = homeward.in_charge(minor=False)

        async def decide(gateway: Gateway) -> None:
            returning = gateway.returning
            if row.state == "ACCEPTED":
                await returning.record(row.ref, homeward.record(decision=homeward.DECISION), "first", "case_officer")
                await returning.decide(row.ref, person, role)
            pending = await returning.prepare_document(row.ref, NEEDED_BY, "first", "case_officer")
            signed = self._signed(host, row.thread, "travel.approval", "liaison_officer", pending.digest, "second")
            await returning.approve(row.ref, signed, "second")
            await returning.request_document(row.ref, "first", "case_officer")

        await self._do(host, row.ref, "request_document", decide, says=True)

    async def _issue_document(self, host: Host, row: OpenCase) -> None:
        work = lambda g: g.returning.issue(row.ref, homeward.DOCUMENT, "issuer")  # noqa: E731
        await self._do(host, row.ref, "issue", work, says=True)

    async def _schedule(self, host: Host, row: OpenCase) -> None:
        """Plan a journey for tomorrow: the soonest that there may be."""
        leaves = host.clock.now() + timedelta(hours=25)
        travel = {"departs_at": wire.format_instant(leaves), "notice_h": 24}
        point = {"country": row.partner, "unit": "Northtown"}
        arrives_at = wire.format_instant(leaves + timedelta(hours=4))

        async def schedule(gateway: Gateway) -> None:
            record = homeward.record(decision=homeward.DECISION, travel=travel)
            await gateway.returning.record(row.ref, record, "first", "case_officer")
            journey = {**homeward.JOURNEY, "arrives_at": arrives_at, "point": point}
            await gateway.returning.schedule(row.ref, journey, "second")

        await self._do(host, row.ref, "schedule", schedule, says=True)

    async def _cancel(self, host: Host, row: OpenCase) -> None:
        work = lambda g: g.returning.cancel(row.ref, "first", "case_officer")  # noqa: E731
        await self._do(host, row.ref, "cancel", work, says=True)

    async def _depart(self, host: Host, row: OpenCase) -> None:
        """Have the person leave, who confirms her wish on that day."""
        now = host.clock.now()

        async def depart(gateway: Gateway) -> None:
            held = await gateway.store.read(lambda tx: cases.load(gateway.context, tx, row.ref))
            travel = (held.case.record or {})["travel"]
            again = {"on": now.date().isoformat(), "by": "escort", "consent_stands": True}
            given = {"contacts_given_on": "2026-11-25", "reconfirmation": again}
            record = homeward.record(decision=homeward.DECISION, travel=travel, **given)
            await gateway.returning.record(row.ref, record, "first", "case_officer")
            await gateway.returning.depart(row.ref, "escort")

        await self._do(host, row.ref, "depart", depart, says=True)

    async def _recall(self, host: Host, row: OpenCase) -> None:
        """Call back who has left, as the child-welfare authority of either side."""
        if self.random.random() >= STOPS:
            return
        by = (host.clock.now().date() + timedelta(days=9)).isoformat()
        work = lambda g: g.returning.recall(row.ref, "danger", "UNSAFE", by, "welfare", "child_welfare")  # noqa: E731
        if await self._do(host, row.ref, "recall", work, says=True):
            self.counts["recalls"] += 1

    async def _hand_over(self, host: Host, row: OpenCase) -> None:
        """Sign that the person was handed over, as the escort."""
        at = wire.format_instant(host.clock.now())
        protocol = {**homeward.PROTOCOL, "at": at, "place": {"country": row.partner, "unit": "Northtown"}}

        async def hand_over(gateway: Gateway) -> None:
            seen = await gateway.returning.protocol(row.ref, protocol, "escort", "escort")
            signed = self._signed(host, seen.thread, "handover.delivery", "escort", seen.digest, "escort")
            await gateway.returning.hand_over(row.ref, protocol, signed, "escort")

        await self._do(host, row.ref, "hand_over", hand_over, says=True)

    async def _confirm_handover(self, host: Host, row: OpenCase) -> None:
        """Sign that the person arrived, as the service that receives her."""

        async def confirm(gateway: Gateway) -> None:
            seen = await gateway.returning.protocol(row.ref, None, "reception", "reception")
            signed = self._signed(host, seen.thread, "handover.receipt", "reception", seen.digest, "reception")
            await gateway.returning.confirm_handover(row.ref, signed, "reception")

        await self._do(host, row.ref, "confirm_handover", confirm, says=True)

    async def _report(self, host: Host, row: OpenCase) -> None:
        today = host.clock.now().date().isoformat()
        work = lambda g: g.returning.report(row.ref, "SEEN_SAFE", today, False, "reception", "reception")  # noqa: E731
        await self._do(host, row.ref, "report", work, says=True)

    async def _close(self, host: Host, row: OpenCase) -> None:
        if row.side == "requesting":
            await self._do(host, row.ref, "close", lambda g: g.clear.close(row.ref, "first"))
        else:
            await self._do(host, row.ref, "close", lambda g: g.answer.close(row.ref, "first"))

    async def _freeze(self, host: Host, row: OpenCase) -> None:
        """Stop a case; what the desk was not told of it does again until it is."""
        if self.random.random() >= STOPS:
            return
        who = ("first", "case_officer") if row.side == "requesting" else ("first", "registry_clerk")
        work = lambda g: g.hold.freeze(row.ref, "known now", *who)  # noqa: E731
        if await self._do(host, row.ref, "freeze", work):
            self.counts["freezes"] += 1
            self.journals[host.country].stopped[row.ref] = self.world.loop.time()

    async def _suspend(self, host: Host, row: OpenCase) -> None:
        """Stop a return, as the child-welfare authority of either side."""
        if self.random.random() >= STOPS:
            return
        work = lambda g: g.returning.suspend(row.ref, "danger", "welfare", "child_welfare")  # noqa: E731
        if await self._do(host, row.ref, "suspend", work):
            self.counts["suspensions"] += 1
            self.journals[host.country].held[row.ref] = self.world.loop.time()

    async def _withdraw(self, host: Host, row: OpenCase) -> None:
        if await self._do(host, row.ref, "withdraw", lambda g: g.hold.withdraw(row.ref, "first", "case_officer")):
            self.counts["withdrawals"] += 1

    async def _resume(self, host: Host, row: OpenCase) -> None:
        """Let a case go on: who froze it lets go, two persons agree."""
        role = "case_officer" if row.side == "requesting" else "registry_clerk"
        other = "liaison_officer" if row.side == "requesting" else "desk_head"

        async def resume(gateway: Gateway) -> None:
            await gateway.hold.release(row.ref, "first", role)
            await gateway.hold.resume(row.ref, "first", role)
            # From here on it may go on, whether or not the desk hears of it.
            self.journals[host.country].stopped.pop(row.ref, None)
            await gateway.hold.resume(row.ref, "second", other)

        await self._do(host, row.ref, "resume", resume)

    async def _resume_return(self, host: Host, row: OpenCase) -> None:
        """Let a return go on once its authority lets go; the other State may hold it still."""
        role = "case_officer" if row.side == "requesting" else "registry_clerk"

        async def resume(gateway: Gateway) -> None:
            await gateway.hold.release(row.ref, "welfare", "child_welfare")
            self.journals[host.country].held.pop(row.ref, None)  # as above
            await gateway.hold.resume(row.ref, "first", role)

        if await self._do(host, row.ref, "resume", resume):
            self.counts["resumptions"] += 1

    async def _remind(self, host: Host, row: OpenCase) -> None:
        if row.due_at is None or row.due_at > host.clock.now().timestamp():
            return
        work = lambda g: g.reminder.remind(row.ref, "first", "case_officer")  # noqa: E731
        await self._do(host, row.ref, "remind", work, says=True)

    def watch(self, post: Post) -> None:
        """
        Look whether a message may leave.

        Of a case that was stopped the withdrawal does alone; of a return word of the stop, and what had left before.
        """
        journal, ref = self.journals[post.sender], post.ref or ""
        since, silent = journal.stopped.get(ref), post.type != WITHDRAWAL
        if since is None:
            since = journal.held.get(ref)
            silent = post.type not in (WITHDRAWAL, SUSPENSION) and not self._is_again(post)
        if since is not None and silent and post.at > since + HANDED_OVER_S:
            told = f"{post.sender} posts {post.type} number {post.seq}, stopped since {since:.3f}"
            self.world.fail("silent once stopped", told)

    def _is_again(self, post: Post) -> bool:
        """
        Return whether a message may have come already, for word of a stop comes after that.

        It may have where it was claimed before: a gateway that died between the claim and the line cannot tell.
        """
        return post.attempts > 1 or any(one.digest == post.digest for one in self.world.posts if one is not post)


HANDED_OVER_S = 0.3
"""How long after a stop a message may leave that was handed over to be posted before it."""

_ASKING, _ASKED = "requesting", "requested"
_ACTS: Mapping[tuple[str, str], tuple[str, ...]] = {
    (_ASKING, "DRAFT"): ("approve",),
    (_ASKING, "CLEARED"): ("send", "send", "freeze"),
    (_ASKING, "SENT"): ("freeze",),
    (_ASKING, "DELIVERED"): ("freeze", "remind"),
    (_ASKING, "ACKNOWLEDGED"): ("freeze", "remind"),
    (_ASKING, "EXTENDED"): ("freeze", "remind"),
    (_ASKING, "REPLIED"): ("contest", "propose", "propose", "propose", "propose", "close", "freeze"),
    (_ASKING, "CONSIDERED"): ("propose",),
    (_ASKING, "ASSESSED"): ("propose",),
    (_ASKING, "CONTESTED"): ("freeze", "remind"),
    (_ASKING, "FROZEN"): ("withdraw", "resume"),
    (_ASKED, "RECEIVED"): ("acknowledge", "acknowledge", "acknowledge", "freeze"),
    (_ASKED, "ACKNOWLEDGED"): ("answer", "answer", "answer", "delay", "extend", "freeze"),
    (_ASKED, "EXTENDED"): ("answer", "answer", "answer", "delay", "freeze"),
    (_ASKED, "CONTESTED"): ("answer", "answer", "delay"),
    (_ASKING, "PROPOSED"): ("suspend", "reassess"),
    (_ASKING, "ACCEPTED"): ("decide", "decide", "suspend", "reassess"),
    (_ASKING, "DECIDED"): ("decide", "suspend", "suspend", "suspend", "reassess"),
    (_ASKING, "DOCUMENTED"): ("schedule", "schedule", "suspend", "reassess"),
    (_ASKING, "SCHEDULED"): ("depart", "depart", "depart", "depart", "cancel", "suspend"),
    (_ASKING, "DEPARTED"): ("hand_over", "recall"),
    (_ASKING, "HANDED_OVER"): ("recall",),
    (_ASKED, "PROPOSED"): ("accept", "accept", "accept", "accept", "refuse", "suspend"),
    (_ASKED, "ACCEPTED"): ("issue_document", "issue_document", "suspend"),
    (_ASKED, "DOCUMENTED"): ("suspend",),
    (_ASKED, "SCHEDULED"): ("suspend",),
    (_ASKED, "DEPARTED"): ("confirm_handover", "confirm_handover", "recall"),
    (_ASKED, "HANDED_OVER"): ("report", "recall"),
    (_ASKED, "FROZEN"): ("resume",),
    (_ASKING, "SUSPENDED"): ("resume_return",),
    (_ASKED, "SUSPENDED"): ("resume_return",),
}


_RETURN = frozenset({"PROPOSED", "ACCEPTED", "DECIDED", "DOCUMENTED", "SCHEDULED", "DEPARTED", "HANDED_OVER"})
"""States of a return that is under way."""

# The soonest due first, as a desk sees them. Read beside the gateway: it is what a person knows before an act.
_OPEN_CASES = f"""
SELECT ref, side, state, thread, partner, due_at FROM case_file
WHERE state IN ({", ".join(f"'{state}'" for state in sorted({state for _, state in _ACTS}))})
ORDER BY due, ref LIMIT 40
"""  # noqa: S608  (our own words)


def _name(family: str) -> dict[str, Any]:
    return {
        "use": "document",
        "family": family,
        "given": "MARIIA",
        "patronymic": None,
        "full": None,
        "script": "ro-Latn",
        "latin": {"family": family, "given": "MARIIA", "patronymic": None, "full": None, "system": "ICAO9303"},
    }
