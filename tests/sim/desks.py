"""
What people do in a seed: the desks of three States at work, each at its own gateway.

Rule 1: every choice is drawn from the seed.
Rule 2: a desk knows what its gateway told it and nothing else. What a crash left open it looks up again.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from gateway.app import Gateway
from gateway.core import wire
from gateway.core.age import treat_as_minor
from gateway.core.remark import still_stops
from gateway.services.guests import is_guest
from tests.sim import homes
from tests.sim.afterwards import Afterwards
from tests.sim.offices import Offices
from tests.sim.stops import ATTESTING, GUEST, WELFARE, Stops, invite
from tests.sim.work import EXPECTED, HEAD, Nothing, OpenCase
from tests.sim.world import Host, World
from tests.support import homeward, interviews, story

MESSAGES = 60
"""After so many no desk does anything more, unless the course of a seed has more of them."""

GOES_ON = 0.5
"""How often a desk that has returns under way takes the next step of one, before it looks at anything else."""

TWICE = 0.06
"""How often two persons take a step of one case at the same moment, or one presses twice."""

LEFT = 0.1
"""How often a draft is left as it is, for another step of the desk."""

MINORS = 0.08
"""How often a request is about a minor."""

TAKEN_OUT = 0.25
"""How often a picture is taken out in place of being brought in."""

SETS_RIGHT = 0.12
"""How often a desk says something about data that was sent, of a case that may be over."""

BESIDE = 0.015
"""How often a desk does something that is of no case."""

KNOWN = 0.15
"""How often a request is about somebody whom this State asked about before."""

PLAN = {**homeward.PLAN, "window": {"from": "2026-11-25", "until": "2027-02-28"}}
NEEDED_BY = "2026-12-10"
RELEASED_DAYS = 60

LEAVES_AT_THAT = 0.3
"""How often a desk that may close a case without an answer does."""

REPLIES_TAKEN_BACK = 0.4
"""How often a reply is taken back in place of stopping the return that rests on it."""

SINCE = 0.5
"""How often something becomes known of who is away, where a desk might hear of it."""

FAMILIES = ("ADLER", "BERGER", "CONRAD", "DREXLER", "EBNER", "FUCHS", "GRUBER", "HALLER", "IMHOF", "JONAS", "KELLER")


class Desks(Stops, Afterwards, Offices):
    """The desks of every State: what they do, and what they know to have done."""

    def __init__(self, world: World, counts: Counter[str]) -> None:
        """Work in ``world``, and count in ``counts`` what is done; what leaves is looked at from here on."""
        super().__init__(world, counts)
        self.working = True
        self.most = MESSAGES
        self.left_alone: set[str] = set()
        """Cases that no desk touches for a while: a stop in them stands."""
        self._persons = 0
        self._numbers: dict[int, tuple[str, str]] = {}
        world.watch = self.watch

    async def work(self, host: Host) -> None:
        """Do one thing after another until the work is over."""
        while self.working:
            await asyncio.sleep(self.random.uniform(0.1, 1.2))
            if host.up:
                await self._something(host)

    async def _something(self, host: Host) -> None:
        if self.counts["messages"] >= self.most:
            return
        if self.random.random() < BESIDE:
            await self._beside(host)
            return
        seen = [OpenCase(*row) for row in host.look(_OPEN_CASES) if row[0] not in self.left_alone]
        if seen and self.random.random() < SETS_RIGHT:
            owed = set(self._owed(host)) if self.random.random() < 0.5 else set()
            if waiting := [row for row in seen if row.ref in owed]:
                await self._settle(host, self.random.choice(waiting))
                return
            row = self.random.choice(seen)
            acts = AFTERWARDS[row.state in _OVER]
            await getattr(self, f"_{self.random.choice(acts)}")(host, row)
            return
        rows = [row for row in seen if row.state not in _OVER]
        if not rows or (self.random.random() < 0.1 and len(rows) < 5):
            await self._ask(host)
            return
        returns = [row for row in rows if row.state in _RETURN]
        row = self.random.choice(returns if returns and self.random.random() < GOES_ON else rows)
        if acts := ACTS.get((row.side, row.state), ()):
            persons = 1 + (self.random.random() < TWICE)
            self.counts["at once"] += persons > 1
            steps = self.random.choices(acts, k=persons)
            await asyncio.gather(*(getattr(self, f"_{step}")(host, row) for step in steps))

    async def _ask(self, host: Host) -> None:
        partner = self.random.choice([one for one in homes.COUNTRIES if one != host.country])
        number = self._person(list(dict.fromkeys(self.journals[host.country].persons.values())))
        ref = await self._open(host, partner, number)
        if ref and self.random.random() >= LEFT and await self._approve_ref(host, ref):
            await self._send_ref(host, ref)

    async def _open(self, host: Host, partner: str, number: int) -> str | None:
        """Open a case about an invented person; return its reference if the desk heard that it was done."""
        journal, draft = self.journals[host.country], self._draft(host, partner, number)
        outcome, ref = await host.act("new", lambda gateway: gateway.clear.new(draft, "first"))
        if outcome == "done":
            journal.done.append((self.world.loop.time(), ref, "open"))
            if self.is_stopped(host.country, number):
                journal.stopped[ref] = self.world.loop.time()
                journal.through.add(ref)
            journal.persons[ref], journal.numbers[ref] = number, draft["elements"]["document"]["number"]
            if treat_as_minor(draft):
                self._note_minor(host, ref)
            return str(ref)
        if outcome not in EXPECTED | {"down", "cut"}:
            self.world.fail("acts as documented", f"new in {host.country} raised {outcome}: {ref}", ref)
        return None

    async def _known_since(self, host: Host, row: OpenCase) -> None:
        """Open another case of who is away, in which the asylum authority says that she asks for protection."""
        number = self.journals[host.country].persons.get(row.ref)
        if number is None or self.random.random() >= SINCE:
            return
        if ref := await self._open(host, row.partner, number):
            await self._stop(host, row._replace(ref=ref), ATTESTING, self._protection(host, "requested"))
            self.counts["known since"] += 1

    def _person(self, before: list[int]) -> int:
        """Return the number of an invented adult; now and then it is one of those asked about ``before``."""
        if before and self.random.random() < KNOWN:
            self.counts["known"] += 1
            return self.random.choice(before)
        self._persons += 1
        return self._persons

    def _draft(self, host: Host, partner: str, number: int) -> dict[str, Any]:
        """Return a case draft about an invented person; her passport was misread once in a while."""
        day = host.clock.now().date()
        family = FAMILIES[number % len(FAMILIES)] + "ABCDEFGHIKLMNOPR"[number // len(FAMILIES) % 16] * 2
        passport, issuer = self._numbers.setdefault(number, (f"{number:06d}", partner))
        if self.random.random() < 0.2:
            passport = f"8{passport}"
        elements = {
            "names": [_name(family)],
            "birth_date": f"{1950 + number % 50}-04-{1 + number % 28:02d}",
            "birth_place": {"country": partner, "unit": "Northtown"},
            "sex": 2,
            "document": {"type": "P", "number": passport, "issuer": issuer},
        }
        attested = {"state": "none", "attested_by": "protection", "attested_on": day.isoformat(), "basis": "interview"}
        if self.random.random() < 0.04:
            attested = {"state": "unknown", "attested_by": None, "attested_on": None, "basis": None}
        return story.draft(
            to=partner,
            claimed_origin=[partner],
            elements=elements,
            asylum=attested,
            handling=homeward.HANDLING,
            **(interviews.OPEN if self.random.random() < 0.5 else {}),
            **(homeward.MINOR if self.random.random() < MINORS else {}),
        )

    async def _amend(self, host: Host, row: OpenCase) -> None:
        """Write a draft anew: another reading of the passport, and the attestation that may have been missing."""
        attested = self._protection(host, "none")

        async def amend(gateway: Gateway) -> None:
            case, journal = await self.case(gateway, row.ref), self.journals[host.country]
            draft = dict(case.draft or {})
            document = draft["elements"]["document"]
            number = document["number"].removeprefix("8") if document["number"][0] == "8" else f"8{document['number']}"
            elements = {**draft["elements"], "document": {**document, "number": number}}
            journal.numbers.pop(row.ref, None)
            if case.remark_stop and not still_stops(case.remark_stop, attested) and not homes.tells(draft):
                journal.stopped.pop(row.ref, None)  # what a remark told of was looked at anew
                journal.known.pop(row.ref, None)
            await gateway.clear.amend(row.ref, draft | {"elements": elements, "asylum": attested}, *row.desk)

        if await self._do(host, row.ref, "amend", amend):
            self.counts["amended"] += 1

    async def _approve(self, host: Host, row: OpenCase) -> None:
        await self._approve_ref(host, row.ref)

    async def _approve_ref(self, host: Host, ref: str) -> bool:
        async def approve(gateway: Gateway) -> None:
            preview, thread = await gateway.clear.show(ref, "second", "liaison_officer")
            kind = "request.approval" if preview.type == "verification.request" else "elements.approval"
            signed = self._signed(host, thread, kind, "liaison_officer", preview.digest, "second")
            await gateway.clear.approve(ref, signed, "second")

        return await self._do(host, ref, "approve", approve)

    async def _send(self, host: Host, row: OpenCase) -> None:
        await self._send_ref(host, row.ref)

    async def _send_ref(self, host: Host, ref: str) -> bool:
        return await self._do(host, ref, "send", lambda gateway: gateway.clear.send(ref, "first"), says=True)

    async def _acknowledge(self, host: Host, row: OpenCase) -> None:
        await self._do(host, row.ref, "acknowledge", lambda g: g.answer.acknowledge(row.ref, "first"), says=True)

    async def _redirect(self, host: Host, row: OpenCase) -> None:
        """Point to another authority: one of our card, or one that is announced first."""
        announces = self.random.random() < 0.5
        named = f"{host.country}-{'C' if announces else 'ID'}-01"

        async def redirect(gateway: Gateway) -> None:
            (ours,) = await gateway.directory.show(host.country)
            if announces and named not in [one.id for one in ours.authorities]:
                await self.announce(gateway)
            await gateway.answer.redirect(row.ref, named, "OTHER_TASK", *row.desk)

        if await self._do(host, row.ref, "redirect", redirect, says=True):
            self.counts["redirected"] += 1

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

    async def _question(self, host: Host, row: OpenCase) -> None:
        """Ask for more, for several entries fit."""
        asked = self.random.choice((["SEX"], ["DOCUMENT"], ["SEX", "DOCUMENT"], ["PHOTO"]))
        await self._do(host, row.ref, "ask", lambda g: g.answer.ask(row.ref, asked, 2, *row.desk), says=True)

    async def _elements(self, host: Host, row: OpenCase) -> None:
        """Tell what was asked for; a second person has approved it."""

        async def elements(gateway: Gateway) -> None:
            preview = await gateway.clear.prepare(row.ref, *row.desk)
            signed = self._signed(
                host, row.thread or "", "elements.approval", "liaison_officer", preview.digest, "second"
            )
            await gateway.clear.approve(row.ref, signed, "second")
            await gateway.clear.send(row.ref, *row.desk)

        await self._do(host, row.ref, "send", elements, says=True)

    async def _picture(self, host: Host, row: OpenCase) -> None:
        """Bring a picture into a case, or take it out; it leaves once it is asked for."""
        if self.random.random() < TAKEN_OUT:
            work = lambda g: g.clear.images.detach(row.ref, "photo", *row.desk)  # noqa: E731
        else:
            work = lambda g: g.clear.images.attach(row.ref, "photo", homes.PORTRAIT, *row.desk)  # noqa: E731
        if await self._do(host, row.ref, "amend" if row.state == "DRAFT" else "attach", work):
            self.counts["pictures"] += 1

    async def _interview(self, host: Host, row: OpenCase) -> None:
        work = lambda g: g.answer.ask_interview(row.ref, interviews.PROPOSAL, *row.desk)  # noqa: E731
        await self._do(host, row.ref, "ask_interview", work, says=True)

    async def _agree(self, host: Host, row: OpenCase) -> None:
        """Agree to an interview, with the consent of the person, approved by a second one."""

        async def agree(gateway: Gateway) -> None:
            clear = gateway.clear
            pending = await clear.prepare_interview(row.ref, interviews.ANSWER, interviews.CONSENT, *row.desk)
            signed = self._signed(
                host, row.thread or "", "interview.approval", "liaison_officer", pending.digest, "second"
            )
            await clear.approve(row.ref, signed, "second")
            await clear.agree_interview(row.ref, *row.desk)

        await self._do(host, row.ref, "interview_answer", agree, says=True)

    async def _decline_interview(self, host: Host, row: OpenCase) -> None:
        work = lambda g: g.clear.decline_interview(row.ref, *row.desk)  # noqa: E731
        await self._do(host, row.ref, "decline_interview", work, says=True)

    async def _report_interview(self, host: Host, row: OpenCase) -> None:
        result = {**interviews.RESULT, "on": host.clock.now().date().isoformat()}
        work = lambda g: g.answer.report_interview(row.ref, result, *row.desk)  # noqa: E731
        await self._do(host, row.ref, "report_interview", work, says=True)

    async def _contest(self, host: Host, row: OpenCase) -> None:
        work = lambda g: g.clear.contest(row.ref, "NEW_ELEMENT", "first")  # noqa: E731
        await self._do(host, row.ref, "contest", work, says=True)

    async def _propose(self, host: Host, row: OpenCase) -> None:
        """Go from a positive reply to a proposal of a return, which the authority in charge releases."""

        async def propose(gateway: Gateway) -> None:
            returning, minor = gateway.returning, await self._is_minor(gateway, row)
            person, role, named = homeward.in_charge(minor)
            if row.state == "REPLIED":
                await returning.consider(row.ref, homeward.record(minor), "first", "case_officer")
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
            minor = await self._is_minor(gateway, row)
            person, role, named = (*WELFARE, "welfare") if minor else (*HEAD, "desk_head")
            signed = self._signed(host, row.thread, "return.acceptance", named, pending.digest, person, RELEASED_DAYS)
            await returning.accept(row.ref, signed, person, role)

        await self._do(host, row.ref, "accept", accept, says=True)

    async def _refuse(self, host: Host, row: OpenCase) -> None:
        work = lambda g: g.returning.refuse(row.ref, "NO_CARER", "first", "registry_clerk")  # noqa: E731
        await self._do(host, row.ref, "refuse", work, says=True)

    async def _reassess(self, host: Host, row: OpenCase) -> None:
        """Begin a return anew, of which the other State learns by the next proposal."""
        if self.random.random() < self.stops:
            await self._do(host, row.ref, "reassess", lambda g: g.returning.reassess(row.ref, "first", "case_officer"))

    async def _decide(self, host: Host, row: OpenCase) -> None:
        """Enter the decision that the person returns, as the authority in charge, and ask for a travel document."""

        async def decide(gateway: Gateway) -> None:
            returning, minor = gateway.returning, await self._is_minor(gateway, row)
            person, role, _ = homeward.in_charge(minor)
            if row.state == "ACCEPTED":
                record = homeward.record(minor, decision=homeward.DECISION)
                await returning.record(row.ref, record, "first", "case_officer")
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
            minor = await self._is_minor(gateway, row)
            record = homeward.record(minor, decision=homeward.DECISION, travel=travel)
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
            case, minor = await self.case(gateway, row.ref), await self._is_minor(gateway, row)
            if (travel := (case.record or {}).get("travel")) is None:
                raise Nothing
            again = {"on": now.date().isoformat(), "by": "escort", "consent_stands": True}
            given = {"contacts_given_on": "2026-11-25", "reconfirmation": again}
            record = homeward.record(minor, decision=homeward.DECISION, travel=travel, **given)
            await gateway.returning.record(row.ref, record, "first", "case_officer")
            await gateway.returning.depart(row.ref, "escort")

        await self._do(host, row.ref, "depart", depart, says=True)

    async def _recall(self, host: Host, row: OpenCase) -> None:
        """Call back who has left, as the child-welfare authority of either side, or her lawyer, who is a guest."""
        if self.random.random() < self.stops:
            await self._recall_now(host, row)

    async def further(self, host: Host, steps: Mapping[tuple[str, str], str] | None = None) -> None:
        """Take each case one step further to a return that is under way, or by ``steps``."""
        for row in [OpenCase(*one) for one in host.look(_OPEN_CASES)]:
            if step := (steps or FURTHER).get((row.side, row.state)):
                await getattr(self, f"_{step}")(host, row)

    async def stop_returns(self, host: Host) -> list[str]:
        """
        Stop each return that a State is asked in and that is arranged, or take the reply back that it rests on; call
        back who has left. These cases are left alone from then on, until somebody clears ``left_alone``. Returns to
        whom that was said.
        """
        told = []
        for row in [OpenCase(*one) for one in host.look(_OPEN_CASES)]:
            if not row.asks and row.state in ("PROPOSED", "ACCEPTED", "DOCUMENTED", "SCHEDULED"):
                takes_back = self.random.random() < REPLIES_TAKEN_BACK
                await (self._strike if takes_back else self.suspend_now)(host, row)
            elif row.state in ("DEPARTED", "HANDED_OVER", "MONITORING"):
                await self._recall_now(host, row)
            else:
                continue
            self.left_alone.add(row.ref)
            told.append(row.partner)
        return told

    async def _recall_now(self, host: Host, row: OpenCase) -> None:
        by, who = (host.clock.now().date() + timedelta(days=9)).isoformat(), self.random.choice((WELFARE, GUEST))

        async def recall(gateway: Gateway) -> None:
            invite(gateway, row.ref, who)
            await gateway.returning.recall(row.ref, "danger", "UNSAFE", by, *who)

        if await self._do(host, row.ref, "recall", recall, says=True):
            self.counts["recalls"] += 1
            self.counts["by guests"] += is_guest(who[0])

    async def _hand_over(self, host: Host, row: OpenCase) -> None:
        """Sign that the person was handed over, as the escort; what holds all word of her two persons decide first."""
        at = wire.format_instant(host.clock.now())
        protocol = {**homeward.PROTOCOL, "at": at, "place": {"country": row.partner, "unit": "Northtown"}}

        async def hand_over(gateway: Gateway) -> None:
            await self._let_word_go_on(host, gateway, row.ref)
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

    async def _report_last(self, host: Host, row: OpenCase) -> None:
        """Say what became of her half a year later, with which a return is over."""
        seen, today = self.random.choice(list(_LAST)), host.clock.now().date().isoformat()
        work = lambda g: g.returning.report(row.ref, seen, today, True, "reception", "reception")  # noqa: E731
        await self._do(host, row.ref, _LAST[seen], work, says=True)

    async def _leave_at_that(self, host: Host, row: OpenCase) -> None:
        """Close what was pointed to another authority, or set aside, in place of waiting any longer."""
        if self.random.random() < LEAVES_AT_THAT:
            await self._close(host, row)

    async def _close(self, host: Host, row: OpenCase) -> None:
        if row.side == "requesting":
            await self._do(host, row.ref, "close", lambda g: g.clear.close(row.ref, "first"))
        else:
            await self._do(host, row.ref, "close", lambda g: g.answer.close(row.ref, "first"))

    async def _discard(self, host: Host, row: OpenCase) -> None:
        """Give up a draft, or what was not taken in."""
        if self.random.random() < self.stops:
            await self._do(host, row.ref, "discard", lambda g: g.clear.close(row.ref, *row.desk, "discard"))

    async def _decline(self, host: Host, row: OpenCase) -> None:
        """End a return before it is under way, as the authority in charge."""
        if self.random.random() < self.stops:

            async def decline(gateway: Gateway) -> None:
                person, role, _ = homeward.in_charge(await self._is_minor(gateway, row))
                await gateway.returning.decline(row.ref, person, role)

            await self._do(host, row.ref, "decline", decline)

    async def _reissue(self, host: Host, row: OpenCase) -> None:
        """Issue another document in place of the last."""
        if self.random.random() < self.stops:
            document = {**homeward.DOCUMENT, "number_digest": "B" * 42 + "A"}
            work = lambda g: g.returning.reissue(row.ref, document, "issuer")  # noqa: E731
            await self._do(host, row.ref, "reissue_document", work, says=True)

    async def _returned(self, host: Host, row: OpenCase) -> None:
        """Note that who was called back is here."""
        await self._do(host, row.ref, "returned", lambda g: g.returning.returned(row.ref, *row.desk))

    async def _remind(self, host: Host, row: OpenCase) -> None:
        if row.due_at is None or row.due_at > host.clock.now().timestamp():
            return
        work = lambda g: g.reminder.remind(row.ref, "first", "case_officer")  # noqa: E731
        await self._do(host, row.ref, "remind", work, says=True)


_LAST = {"SEEN_SAFE": "report_safe", "SEEN_CONCERN": "report_concern", "NOT_FOUND": "report_lost"}
"""What the last report says, and the step that it is."""

_ASKING, _ASKED = "requesting", "requested"
_STOP = ("freeze", "set_aside")
_WAITS = ("freeze", "indicate", "remind", "press_no_more")
ACTS: Mapping[tuple[str, str], tuple[str, ...]] = {
    (_ASKING, "DRAFT"): (*["approve"] * 3, "amend", "picture", "remark", "discard", "freeze"),
    (_ASKING, "CLEARED"): ("send", "send", "send", "amend", "freeze"),
    (_ASKING, "NOT_ACCEPTED"): ("amend", "remark", "discard"),
    (_ASKING, "SENT"): ("freeze", "indicate"),
    (_ASKING, "DELIVERED"): (*_WAITS, "set_aside"),
    (_ASKING, "ACKNOWLEDGED"): (*_WAITS, "set_aside"),
    (_ASKING, "EXTENDED"): (*_WAITS, "set_aside"),
    (_ASKING, "REDIRECTED"): (*_WAITS, "leave_at_that"),
    (_ASKING, "NEEDS_TIER2"): (*["elements"] * 3, "picture", "remark", *_STOP),
    (_ASKING, "NEEDS_INTERVIEW"): ("agree", "agree", "decline_interview", "freeze"),
    (_ASKING, "REPLIED"): ("contest", *["propose"] * 4, "close", "freeze", "indicate", "set_aside"),
    (_ASKING, "CONSIDERED"): ("propose", "decline"),
    (_ASKING, "ASSESSED"): ("propose", "propose", "decline", "indicate"),
    (_ASKING, "CONTESTED"): ("freeze", "remind", "press_no_more"),
    (_ASKING, "UNDELIVERED"): ("stop_what_was_lost",),
    (_ASKING, "FROZEN"): ("withdraw", "resume", "resume", "attest", "correct", "restate"),
    (_ASKED, "RECEIVED"): (*["acknowledge"] * 5, "redirect", "freeze"),
    (_ASKED, "REDIRECTED"): ("acknowledge", "acknowledge", "acknowledge", "freeze"),
    (_ASKED, "ACKNOWLEDGED"): ("answer", "answer", "answer", "question", "interview", "delay", "extend", *_STOP),
    (_ASKED, "EXTENDED"): ("answer", "answer", "answer", "question", "delay", *_STOP),
    (_ASKED, "NEEDS_TIER2"): ("answer", "delay", "freeze"),
    (_ASKED, "NEEDS_INTERVIEW"): ("answer", "delay", "freeze"),
    (_ASKED, "CONTESTED"): ("answer", "answer", "question", "delay", "set_aside"),
    (_ASKING, "PROPOSED"): ("suspend", "reassess", "indicate"),
    (_ASKING, "ACCEPTED"): ("decide", "decide", "suspend", "reassess", "indicate"),
    (_ASKING, "DECIDED"): ("decide", "suspend", "suspend", "suspend", "reassess", "indicate"),
    (_ASKING, "DOCUMENTED"): ("schedule", "schedule", "suspend", "reassess", "indicate"),
    (_ASKING, "SCHEDULED"): ("depart", "depart", "depart", "depart", "cancel", "suspend", "indicate"),
    (_ASKING, "DEPARTED"): ("hand_over", "recall", "known_since"),
    (_ASKING, "HANDED_OVER"): ("recall", "known_since"),
    (_ASKING, "MONITORING"): ("recall", "known_since"),
    (_ASKING, "RECALL"): ("returned", "returned", "close"),
    (_ASKED, "PROPOSED"): ("accept", "accept", "accept", "accept", "refuse", "suspend", "freeze"),
    (_ASKED, "ACCEPTED"): ("issue_document", "issue_document", "suspend", "freeze"),
    (_ASKED, "DOCUMENTED"): ("suspend", "reissue", "freeze"),
    (_ASKED, "SCHEDULED"): ("suspend", "reissue", "freeze"),
    (_ASKED, "DEPARTED"): ("confirm_handover", "confirm_handover", "recall"),
    (_ASKED, "HANDED_OVER"): ("report", "recall"),
    (_ASKED, "MONITORING"): ("report", "recall"),
    (_ASKED, "RECALL"): ("report",),
    (_ASKED, "FROZEN"): ("resume",),
    (_ASKING, "SUSPENDED"): (*["resume_return"] * 2, "leave_at_that", "reassess", "cancel"),
    (_ASKED, "SUSPENDED"): ("resume_return",),
}


FURTHER: Mapping[tuple[str, str], str] = {
    (_ASKED, "RECEIVED"): "acknowledge",
    (_ASKED, "ACKNOWLEDGED"): "answer",
    (_ASKING, "REPLIED"): "propose",
    (_ASKING, "CONSIDERED"): "propose",
    (_ASKING, "ASSESSED"): "propose",
    (_ASKED, "PROPOSED"): "accept",
    (_ASKING, "ACCEPTED"): "decide",
    (_ASKED, "ACCEPTED"): "issue_document",
    (_ASKING, "DOCUMENTED"): "schedule",
    (_ASKING, "SCHEDULED"): "depart",
}
"""The step by which a case gets to the departure soonest."""


_OVER = frozenset({"CLOSED", "WITHDRAWN", "NOT_RETURNED"})
"""States of a case that is over, of which a word about data may follow all the same."""

_TAKES_BACK = ("strike", "strike", "demand_erasure")
AFTERWARDS: Mapping[bool, tuple[str, ...]] = {
    True: (*_TAKES_BACK, "account", "freeze", "attest", "let_go_of_what_is_over"),
    False: (
        *("ask_use", "ask_onward", "answer_onward", "rectify", "rectify", "rectify"),
        *("report_interview", "account", *_TAKES_BACK),
    ),
}
"""What is said about data that was sent, by whether the case is over."""


_RETURN = frozenset({"PROPOSED", "ACCEPTED", "DECIDED", "DOCUMENTED", "SCHEDULED", "DEPARTED", "HANDED_OVER"})
"""States of a return that is under way."""

# The soonest due first, as a desk sees them. Read beside the gateway: it is what a person knows before an act.
_OPEN_CASES = f"""
SELECT ref, side, state, thread, partner, due_at FROM case_file
WHERE state IN ({", ".join(f"'{state}'" for state in sorted({*_OVER, *(state for _, state in ACTS)}))})
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
