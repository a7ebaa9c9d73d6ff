"""
The story: XAA asks, XBB answers from its register, people return or do not, something changes, somebody stays silent.

Each step is taken through the same services as by the desks of a real gateway, by a person with a key of their own.
The gateways' own loops deliver, answer and remind; the story only waits until they have.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.core.case import Case
from gateway.core.machine import RuleRefused
from gateway.core.note_verbale import Note
from gateway.core.returns import SEALED_H
from gateway.core.verification_changes import next_full_hour
from gateway.demo.clerk import Ask, Say, decide
from gateway.demo.homeward import DEPARTS_AT, HANDED_OVER_AT, Homeward
from gateway.demo.people import FILES, REGISTER, File
from gateway.demo.register import Register
from gateway.demo.report import Result, Told, case_of, result_of, told_of
from gateway.demo.states import ASKED, ASKING, World
from gateway.demo.tell import Tell, day_text, listed
from gateway.services.answer import needs_second_signer
from gateway.services.escalate import Escalation
from gateway.services.ports import Tx

PATIENCE_S = 60.0
"""Real time for the loops to bring about what the story waits for; loopback needs a hundredth of it."""

RUNGS: Mapping[str, tuple[str, str]] = {
    "L2": ("liaison", "desk_head"),
    "L3": ("liaison", "liaison_officer"),
    "L4": ("board", "foreign_affairs"),
}
"""Who presses on which rung; below, the gateway reminds by itself."""

UNDER_WAY = frozenset({"queued", "posted"})


class Stuck(Exception):
    """The loops did not bring about what the story waits for; says what it was."""


A_FEW_DAYS = timedelta(days=3)


@dataclass(slots=True)
class Course:
    """One case on its way: its number and file, its reference in both States, and what refused to let it leave."""

    number: int
    file: File
    ref: str = ""
    their_ref: str | None = None
    refused_by: Mapping[str, str] = field(default_factory=dict)


class Story:
    """The acts of both desks, told while they happen."""

    def __init__(self, world: World, tell: Tell, files: Sequence[File] = FILES, register: Register = REGISTER) -> None:
        """Play ``files`` in ``world`` against ``register``."""
        self._world = world
        self._tell = tell
        self._register = register
        self._courses = [Course(number, file) for number, file in enumerate(files, 1)]
        self._ours, self._theirs = world.gateways[ASKING], world.gateways[ASKED]
        self._climbed: list[str] = []
        self._note_number: str | None = None
        self.told: list[Told] = []
        """The stories that were told to their end, once ``run`` has returned."""

    async def run(self) -> list[Result]:
        """Play the story to its end and return what came of each case, in order."""
        self._tell.day(self._world.clock.now(), "XAA asks")
        for course in self._courses:
            await self._ask(course)
        await self._move_to(datetime(2026, 11, 18, 8, 0, tzinfo=UTC), "XBB looks into its register")
        answering = self._sent("", "extend", "return", "veto")
        questions = [course for course in answering if not await self._look_up(course)]
        await self._move_to(datetime(2026, 11, 19, 8, 0, tzinfo=UTC), "one more element, and no other")
        for course in questions:
            await self._give_more(course)
            await self._look_up(course, asked=True)
        await self._move_to(datetime(2026, 11, 20, 8, 30, tzinfo=UTC), "protection comes up in XAA")
        for course in self._sent("freeze"):
            await self._stop(course)
        await self._move_to(datetime(2026, 11, 24, 8, 0, tzinfo=UTC), "two returns are proposed, and answered")
        for course in self._sent("veto"):
            await self._refused(course)
        for course in self._sent("return"):
            await self._arranged(course)
        await self._move_to(datetime(2026, 12, 2, 8, 0, tzinfo=UTC), "silence")
        for course in self._sent("silence"):
            await self._wait_for_reminder(course, 1)
        await self._move_to(datetime(2026, 12, 9, 9, 0, tzinfo=UTC), "silence goes on")
        for course in self._sent("silence"):
            await self._wait_for_reminder(course, 2)
        for course in self._sent("return"):
            await self._travelled(course)
        for course in self._sent("silence"):
            await self._climb(course)
        results = {course.number: await self._result(course) for course in self._courses}
        told = {course.number: await self._told(course) for course in self._sent("return", "veto", "freeze", "silence")}
        # The other cases are over; in the months that follow their gateways close and block them by themselves.
        for course in self._sent("return"):
            await self._followed(course)
            results[course.number], told[course.number] = await self._result(course), await self._told(course)
        self.told = list(told.values())
        return list(results.values())

    async def _result(self, course: Course) -> Result:
        return await result_of(
            self._world, course.number, course.file.title, course.ref, course.their_ref, course.refused_by
        )

    async def _told(self, course: Course) -> Told:
        return await told_of(self._world, course.file.fate, course.ref, self._climbed, self._note_number)

    def _sent(self, *fates: str) -> list[Course]:
        return [course for course in self._courses if course.their_ref is not None and course.file.fate in fates]

    # XAA asks.

    async def _ask(self, course: Course, *, acknowledge: bool = True) -> None:
        """Draft, have a second person sign the exact bytes, send; XBB acknowledges, if it is to."""
        clear = self._ours.clear
        course.ref = await clear.new(course.file.draft(), "officer")
        self._tell.step(course.number, "draft", f"{course.file.title} · {course.file.called}")
        preview, thread = await clear.show(course.ref, "liaison", "liaison_officer")
        try:
            await clear.approve(course.ref, self._approval("request", thread, preview.digest), "liaison")
        except RuleRefused as error:
            course.refused_by = {finding.rule: finding.because for finding in error.findings}
            for finding in error.findings:
                self._tell.step(course.number, f"refused {finding.rule}", finding.because, "red")
            return
        await clear.send(course.ref, "officer")
        await self._settled(course)
        course.their_ref = await self._find_theirs(thread)
        if acknowledge:
            await self._theirs.answer.acknowledge(course.their_ref, "clerk")
            await self._settled(course)
        _, case = await case_of(self._ours, course.ref)
        sent = [line.member for line in preview.lines if line.status == "sent"]
        self._tell.step(course.number, "sent", f"{listed(sent)} · due {_due(case)}")

    def _approval(self, what: str, thread: str, digest: str) -> str:
        return self._world.sign(ASKING, "liaison", f"{what}.approval", "liaison_officer", thread, digest)

    async def _find_theirs(self, thread: str) -> str:
        async def unit(tx: Tx) -> str | None:
            row = await tx.find_thread(ASKING, thread)
            return row.ref if row else None

        ref = await self._theirs.store.read(unit)
        if ref is None:
            raise Stuck("the request was answered, and XBB has no case of it")
        return ref

    # XBB answers.

    async def _look_up(self, course: Course, asked: bool = False) -> bool:
        """Let the clerk search and answer, or ask back; return whether there is an answer."""
        desk, ref = self._theirs.answer, course.their_ref or ""
        if course.file.fate == "extend":
            await desk.extend(ref, "ARCHIVE_SEARCH", "clerk")
            await self._settled(course)
            _, case = await case_of(self._ours, course.ref)
            self._tell.step(course.number, "extended", f"ARCHIVE_SEARCH · due {_due(case)}", "yellow")
        _, case = await case_of(self._theirs, ref)
        said = decide(self._register, case.received or {}, asked, self._world.clock.now().date())
        match said:
            case Ask(elements, candidates):
                await desk.ask(ref, elements, candidates, "clerk")
                await self._settled(course)
                self._tell.step(course.number, "asks back", f"{candidates} entries fit; {listed(elements)}?", "yellow")
            case Say(reply):
                await self._reply(course, reply)
        return isinstance(said, Say)

    async def _reply(self, course: Course, reply: Mapping[str, Any]) -> None:
        desk, ref, outcome = self._theirs.answer, course.their_ref or "", reply["outcome"]
        pending = await desk.prepare(ref, reply, "clerk")
        second = needs_second_signer(outcome)
        if second:
            _, case = await case_of(self._theirs, ref)
            signed = self._world.sign(
                ASKED, "signer", "reply.second-signature", "second_signer", case.thread, pending.digest
            )
            await desk.countersign(ref, signed, "signer")
        await desk.answer(ref, "clerk")
        await self._settled(course)
        parts = [reply["reason"], ", ".join(reply["match_basis"]), "two signatures" if second else ""]
        self._tell.step(course.number, outcome, " · ".join(part for part in parts if part), "green")

    # XAA sends one more element.

    async def _give_more(self, course: Course) -> None:
        clear = self._ours.clear
        preview = await clear.prepare(course.ref, "officer")
        _, case = await case_of(self._ours, course.ref)
        await clear.approve(course.ref, self._approval("elements", case.thread, preview.digest), "liaison")
        await clear.send(course.ref, "officer")
        await self._settled(course)
        sent = [line.member for line in preview.lines if line.status == "sent"]
        self._tell.step(course.number, "sent", listed(sent))

    # Something changes.

    async def _stop(self, course: Course) -> None:
        """Freeze at once, withdraw at the full hour, and look at what XBB learns."""
        clock, hold, who = self._world.clock, self._ours.hold, ("protection", "asylum_authority")
        state = {"state": "indicated", "attested_by": "protection", "attested_on": None, "basis": None}
        await hold.freeze(course.ref, "the person spoke of a danger there", *who, protection=state)
        self._tell.step(course.number, "frozen", "nothing but a withdrawal leaves any more (R-02)", "yellow")
        await hold.withdraw(course.ref, *who)
        leaves_at = next_full_hour(clock.now())
        clock.move_to(leaves_at)
        self._ours.context.wake()
        await self._settled(course)
        row, _ = await case_of(self._theirs, course.their_ref or "")
        text = f"at {leaves_at:%H:%M}, as every withdrawal does; XBB reads {row.state} and no reason"
        self._tell.step(course.number, "withdrawn", text)

    # A return that is refused, and one that is not.

    def _homeward(self, course: Course, *, minor: bool) -> Homeward:
        return Homeward(self._world, course.ref, course.their_ref or "", minor=minor)

    async def _refused(self, course: Course) -> None:
        """Propose a return of a minor; the welfare authority of XBB refuses, and that ends it."""
        home = self._homeward(course, minor=True)
        await home.propose()
        await self._settled(course)
        self._tell.step(course.number, "proposed", "released by the welfare authority of XAA; conclusions alone left")
        await home.refuse()
        await self._settled(course)
        self._tell.step(course.number, "refused", "by the welfare authority of XBB · NO_CARER", "red")
        await home.decline()
        self._tell.step(course.number, "not returned", "without both authorities there is no return (R-10)", "yellow")

    async def _arranged(self, course: Course) -> None:
        """Propose a return of an adult, have it accepted and documented, and fix the journey."""
        home = self._homeward(course, minor=False)
        await home.propose()
        await self._settled(course)
        self._tell.step(course.number, "proposed", "informed, written, to be taken back until boarding (R-23)")
        await home.accept()
        await self._settled(course)
        self._tell.step(course.number, "accepted", "who receives agreed in writing; signed by the desk in charge")
        await home.ask_document()
        await self._settled(course)
        await home.issue()
        await self._settled(course)
        self._tell.step(course.number, "documented", "decided, remedies explained; a document for one journey")
        await home.schedule()
        row, _ = await case_of(self._theirs, course.their_ref or "")
        text = f"the plan lies sealed until 72 hours before; XBB stands at {row.state}"
        self._tell.step(course.number, "scheduled", text)

    async def _travelled(self, course: Course) -> None:
        """Let the plan leave, the person leave, and two hands sign."""
        home = self._homeward(course, minor=False)
        await self._move_to(DEPARTS_AT - timedelta(hours=SEALED_H) + timedelta(minutes=1), "72 hours before")
        await self._woken(course)
        row, _ = await case_of(self._theirs, course.their_ref or "")
        self._tell.step(course.number, "plan sent", f"XBB stands at {row.state}")
        await self._move_to(DEPARTS_AT, "the day of departure")
        await home.depart()
        await self._settled(course)
        self._tell.step(course.number, "departed", "asked once more this morning; nothing stood against it")
        self._world.clock.move_to(HANDED_OVER_AT)
        await home.hand_over()
        await self._settled(course)
        await home.confirm()
        await self._settled(course)
        self._tell.step(course.number, "handed over", "one protocol, two hands", "green")
        await self._move_to(datetime(2026, 12, 15, 9, 0, tzinfo=UTC), "the day after")
        await home.report("2026-12-15", False)
        await self._settled(course)
        self._tell.step(course.number, "seen safe", "a code and a day, no report")

    async def _followed(self, course: Course) -> None:
        """Half a year later: the last report."""
        await self._move_to(datetime(2027, 6, 15, 9, 0, tzinfo=UTC), "half a year after")
        await self._homeward(course, minor=False).report("2027-06-15", True)
        await self._settled(course)
        row, _ = await case_of(self._ours, course.ref)
        self._tell.step(course.number, "closed", f"{row.state}, on both sides", "green")

    async def _woken(self, course: Course) -> None:
        """Have the outbox looked at now that the clock was moved."""
        self._ours.context.wake()
        await self._settled(course)

    # Somebody stays silent.

    async def _wait_for_reminder(self, course: Course, number: int) -> None:
        """Wait until the gateway has reminded by itself for the ``number``-th time, and say how far it has come."""

        async def reminded() -> bool:
            return (await case_of(self._ours, course.ref))[0].reminders >= number

        await self._until(reminded, f"reminder {number} of case {course.number}")
        await self._settled(course)
        if "L1" not in self._climbed:
            self._climbed.append("L1")  # the numbered reminder is that rung itself, and the gateway climbs no higher
        result = await self._result(course)
        due = day_text(result.due_on) if result.due_on else "-"
        self._tell.step(course.number, f"overdue {result.level or ''}", f"was due {due}", "yellow")
        self._tell.step(course.number, f"reminder {number}", "sent by the gateway itself")
        self._tell.step(course.number, f"now acts {result.level or ''}", _who(self._world, result.level))

    async def _climb(self, course: Course) -> None:
        """Climb the ladder week by week, each rung by whose rung it is, up to the note verbale."""
        ladder = Escalation(self._ours.context)
        told = True
        while True:
            _, case = await case_of(self._ours, course.ref)
            reached = (await ladder.standing(case)).level
            for level, (person, role) in RUNGS.items():
                if level not in self._climbed and reached is not None and level <= reached:
                    note = await ladder.trigger(course.ref, level, person, role)
                    if not told:
                        self._tell.day(self._world.clock.now(), "silence goes on")
                        told = True
                    self._climbed.append(level)
                    self._tell.step(course.number, f"pressed {level}", f"by {person} · {_who(self._world, level)}")
                    if note is not None:
                        self._note(course, note)
                        return
            await self._wait_a_week(course)
            told = False

    async def _wait_a_week(self, course: Course) -> None:
        """Let a week pass a few days at a time, and the gateway remind whenever it is due to."""
        clock = self._world.clock
        wait = timedelta(days=self._ours.context.policy.reminder_cooldown_days)

        async def reminded() -> bool:
            async def unit(tx: Tx) -> list[datetime]:
                return [event.at for event in await tx.events(course.ref) if event.event == "remind"]

            return clock.now() < max(await self._ours.store.read(unit)) + wait

        for days in (3, 3, 1):
            clock.move_to(clock.now() + timedelta(days=days))
            for gateway in self._world.gateways.values():
                await gateway.refresh_trust()
            await self._until(reminded, f"the next reminder of case {course.number}")
            await self._settled(course)

    def _note(self, course: Course, note: Note) -> None:
        """Tell what the note says of the case: a reference of its own, days, and no identity."""
        self._note_number = note.number
        (item,) = note.items
        text = f"{note.number} to {note.recipient}: {item.reference}, due {day_text(item.due_on)}; no identity in it"
        self._tell.step(course.number, "note verbale", text, "green")

    # Time.

    async def _move_to(self, instant: datetime, text: str) -> None:
        """Let the days pass a few at a time: cards that nobody read for a week are not sent by."""
        clock = self._world.clock
        while clock.now() < instant:
            clock.move_to(min(instant, clock.now() + A_FEW_DAYS))
            for gateway in self._world.gateways.values():
                await gateway.refresh_trust()
        self._tell.day(instant, text)

    async def _settled(self, course: Course) -> None:
        """Wait until every message of the case that may leave now has left and was answered."""

        async def settled() -> bool:
            now = self._world.clock.now()
            for gateway, ref in ((self._ours, course.ref), (self._theirs, course.their_ref)):

                async def unit(tx: Tx, ref: str | None = ref) -> bool:
                    rows = await tx.outbound_of_case(ref) if ref else ()
                    return all(row.state not in UNDER_WAY or row.not_before > now for row in rows)

                if not await gateway.store.read(unit):
                    return False
            return True

        await self._until(settled, f"the messages of case {course.number}")

    async def _until(self, reached: Callable[[], Awaitable[bool]], what: str) -> None:
        if not await self._world.clock.pass_until(reached, PATIENCE_S):
            raise Stuck(f"waited {PATIENCE_S:.0f} s for {what}")


def _due(case: Case) -> str:
    clock = case.clock("reply")
    return day_text(clock.due_on) if clock else "-"


def _who(world: World, level: str | None) -> str:
    """Return who acts on a level of the ladder."""
    ladder = world.gateways[ASKING].context.reckoner.ladder
    acting = next((one.text for one in ladder if one.level == level), "")
    return f"{acting[:1].lower()}{acting[1:]}"
