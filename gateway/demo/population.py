"""
A population for the desks: cases of invented people left standing in every state that hands can bring about.

The states that only a broken line or months bring (SENT, UNDELIVERED, NOT_ACCEPTED; BLOCKED, ERASED) are not among
them: the clock of the demonstration brings the last two. REDIRECTED needs a second authority in the other State's
directory.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.core.verification_changes import next_full_hour
from gateway.demo.homeward import DEPARTS_AT, HANDED_OVER_AT, record
from gateway.demo.people import FILES, NATIONALITY, RESIDENCE, File, born, named, resident
from gateway.demo.report import case_of
from gateway.demo.states import World
from gateway.demo.story import Course, Story
from gateway.demo.tell import Tell

ENDS_AT = datetime(2026, 12, 15, 9, 0, tzinfo=UTC)
"""Where the clock stands when the desks open: the day after the journey, weeks after the first question."""

TWICE = ("DRAFT", "CLEARED", "DELIVERED", "ACKNOWLEDGED", "REPLIED", "NEEDS_TIER2", "FROZEN")
STANDING: Sequence[str] = (
    *TWICE,
    *TWICE,
    *("ACKNOWLEDGED", "ACKNOWLEDGED", "REPLIED", "REPLIED"),
    *("EXTENDED", "NEEDS_INTERVIEW", "CONTESTED", "WITHDRAWN", "CLOSED", "REFUSED", "NOT_FOUND", "SECOND"),
    *("CONSIDERED", "ASSESSED", "NOT_RETURNED", "PROPOSED", "ACCEPTED", "DECIDED", "DOCUMENTED", "SUSPENDED"),
    *("PROPOSED_MINOR", "SCHEDULED", "DEPARTED", "HANDED_OVER", "MONITORING", "RECALL"),
)
"""
What becomes of each further file: the state it is left in on the asking side.

REFUSED and NOT_FOUND are replies of these outcomes; SECOND is a negative answer that waits for its second signer;
PROPOSED_MINOR waits for the child-welfare authority of the State asked.
"""

RETURNS = frozenset(STANDING[STANDING.index("CONSIDERED") :])

FAMILIES = ("Almarund", "Bessovar", "Cordwell", "Derevanko", "Elbasar", "Fjordahl", "Gorzelin", "Haldimeer", "Iskarova")
GIVEN = ("Anouk", "Brann", "Calla", "Dorin", "Esmé", "Farid", "Galya", "Henrik", "Ioana", "Jasmin", "Kiril")
UNITS = ("Vessmar", "Qasrun", "Olmeva")


def files() -> list[File]:
    """Return the invented files, one for each entry of ``STANDING``; no two people have the same name."""
    made = []
    for number, fate in enumerate(STANDING):
        name = named(FAMILIES[number % len(FAMILIES)], GIVEN[number % len(GIVEN)], "en-Latn")
        birth_date, unit = f"{1970 + number % 35}-{1 + number % 12:02}-{1 + number % 28:02}", UNITS[number % len(UNITS)]
        changes: dict[str, Any] = {}
        purpose, elements = NATIONALITY, born(name, birth_date, unit, sex=1 + number % 2)
        if number % 7 == 3 and fate not in RETURNS:
            purpose = RESIDENCE
            elements = resident(name, birth_date, unit, f"PR-{30000 + 37 * number}", "2026-05-09")
        if fate in RETURNS:
            changes["handling"] = {
                "use_restrictions": ["P0", "P1", "P2"],
                "retain_until": "2028-06-30",
                "onward": "none",
            }
        if fate == "PROPOSED_MINOR":
            changes |= FILES[1].changes
        if fate == "NEEDS_INTERVIEW":
            changes |= {"method_limit": "M2", "no_contact_methods": False}
        made.append(File(f"left at {fate}", purpose, elements, {"notes": ["first talk"]}, changes, fate))
    return made


def _said(
    outcome: str, reason: str | None = None, basis: Sequence[str] = ("NAME_EXACT", "DOB_EXACT")
) -> dict[str, Any]:
    found = outcome not in ("NOT_FOUND", "REFUSED", "CANNOT_SAY")
    return {
        "outcome": outcome,
        "reason": reason,
        "as_of": "2026-11-18",
        "method_used": [] if outcome in ("REFUSED", "CANNOT_SAY") else ["POPULATION_REGISTER"],
        "match_basis": list(basis) if found else [],
        "confidence": "HIGH" if found else "NONE",
        "signed_by_role": "REGISTRAR",
        "valid_until": None,
    }


ANSWERS: Mapping[str, Mapping[str, Any]] = {
    "REFUSED": _said("REFUSED", "METHOD_LIMIT_TOO_NARROW"),
    "NOT_FOUND": _said("NOT_FOUND"),
}
INTERVIEW: Mapping[str, Any] = {
    "mode": "VIDEO",
    "place": "REMOTE",
    "present": ["INTERPRETER", "CONSULAR_OFFICER"],
    "questions": "IDENTITY_ONLY",
    "from": "2026-12-16",
    "until": "2026-12-22",
}


class Population(Story):
    """The story's cases up to the journey, and beside them those that are left standing."""

    def __init__(self, world: World, tell: Tell) -> None:
        """Fill ``world`` with the files of the story and those of ``files``."""
        super().__init__(world, tell, [*FILES, *files()])

    async def fill(self) -> None:
        """Take every case where it is left."""
        self._tell.day(self._world.clock.now(), "XAA asks, for all of them")
        for course in self._courses:
            if course.file.fate == "DRAFT":
                course.ref = await self._ours.clear.new(course.file.draft(), "officer")
            elif course.file.fate == "CLEARED":
                await self._cleared(course)
            else:
                await self._ask(course, acknowledge=course.file.fate != "DELIVERED")
        await self._move_to(datetime(2026, 11, 18, 8, 0, tzinfo=UTC), "XBB looks into its register")
        for course in self._sent("", "extend", "return", "veto"):
            if not await self._look_up(course):
                await self._give_more(course)
                await self._look_up(course, asked=True)
        for course in self._courses:
            await self._leave(course)
        await self._move_to(datetime(2026, 11, 24, 8, 0, tzinfo=UTC), "returns are proposed, and answered")
        for course in self._sent("return"):
            await self._arranged(course)
        for course in self._courses:
            if course.file.fate in RETURNS:
                await self._begin_return(course)
        for day in (datetime(2026, 12, 2, 8, 0, tzinfo=UTC), datetime(2026, 12, 9, 9, 0, tzinfo=UTC)):
            await self._move_to(day, "silence")
        travelling = [course for course in self._courses if course.file.fate in _TRAVELLING]
        await self._move_to(DEPARTS_AT - timedelta(hours=71), "plans of journeys leave, sealed until now")
        for course in travelling:
            await self._woken(course)
        await self._move_to(DEPARTS_AT, "the day of departure")
        for course in travelling:
            await self._journey(course)
        await self._move_to(ENDS_AT, "the desks open")

    async def _cleared(self, course: Course) -> None:
        clear = self._ours.clear
        course.ref = await clear.new(course.file.draft(), "officer")
        preview, thread = await clear.show(course.ref, "liaison", "liaison_officer")
        await clear.approve(course.ref, self._approval("request", thread, preview.digest), "liaison")

    async def _leave(self, course: Course) -> None:
        """Take a case of a verification where it is left, and one of a return to its positive answer."""
        desk, theirs, fate = self._theirs.answer, course.their_ref or "", course.file.fate
        match fate:
            case "REPLIED" | "CONTESTED" | "CLOSED":
                await self._reply(course, _positive(course))
            case "REFUSED" | "NOT_FOUND":
                await self._reply(course, ANSWERS[fate])
            case "SECOND":
                await desk.prepare(theirs, _said("NOT_NATIONAL", "DOCUMENT_NOT_ISSUED_BY_US", ("DOCNO",)), "clerk")
            case "NEEDS_TIER2":
                await desk.ask(theirs, ["SEX"], 2, "clerk")
            case "NEEDS_INTERVIEW":
                await desk.ask_interview(theirs, INTERVIEW, "clerk")
            case "EXTENDED":
                await desk.extend(theirs, "ARCHIVE_SEARCH", "clerk")
            case "FROZEN" | "WITHDRAWN":
                await self._ours.hold.freeze(
                    course.ref, "new information about the person", "protection", "asylum_authority"
                )
            case _ if fate in RETURNS:
                await self._reply(course, _positive(course))
        if course.their_ref is not None:
            await self._settled(course)
        if fate == "CONTESTED":
            await self._ours.clear.contest(course.ref, "WRONG_PERSON", "officer")
            await self._settled(course)
        if fate == "CLOSED":
            await self._ours.clear.close(course.ref, "officer")
        if fate == "WITHDRAWN":
            await self._ours.hold.withdraw(course.ref, "protection", "asylum_authority")
            self._world.clock.move_to(next_full_hour(self._world.clock.now()))
            await self._woken(course)

    async def _begin_return(self, course: Course) -> None:
        """Go as far along a return as the case is left, or as it can before the day of departure."""
        fate, home = course.file.fate, self._homeward(course, minor=course.file.fate == "PROPOSED_MINOR")
        returning = self._ours.returning
        if fate in ("CONSIDERED", "ASSESSED", "NOT_RETURNED"):
            await returning.consider(course.ref, record(False), "officer", "case_officer")
            if fate == "ASSESSED":
                await returning.assess(course.ref, "coordinator", "coordinator")
            if fate == "NOT_RETURNED":
                await returning.decline(course.ref, "coordinator", "coordinator")
            return
        await home.propose()
        await self._settled(course)
        for reached, act in (
            (("PROPOSED", "PROPOSED_MINOR"), home.accept),
            (("ACCEPTED", "SUSPENDED"), home.ask_document),
            (("DECIDED",), home.issue),
            (("DOCUMENTED",), home.schedule),
        ):
            if fate in reached:
                break
            await act()
            await self._settled(course)
        if fate == "SUSPENDED":
            await returning.suspend(course.ref, "a new risk was told of", "protection", "asylum_authority")
            await self._settled(course)

    async def _journey(self, course: Course) -> None:
        """Let the person leave, and take the case where it is left."""
        home, fate = self._homeward(course, minor=False), course.file.fate
        await home.depart()
        await self._settled(course)
        if fate == "DEPARTED":
            return
        if fate == "RECALL":
            told = "a danger at the place of arrival"
            await self._ours.returning.recall(course.ref, told, "UNSAFE", "2026-12-16", "officer", "case_officer")
            await self._settled(course)
            return
        if self._world.clock.now() < HANDED_OVER_AT:
            self._world.clock.move_to(HANDED_OVER_AT)
        await home.hand_over()
        await self._settled(course)
        await home.confirm()
        await self._settled(course)
        if fate == "HANDED_OVER":
            return
        await home.report("2026-12-14", False)
        await self._settled(course)

    async def states(self) -> tuple[frozenset[str], frozenset[str]]:
        """Return the states in which cases stand, in XAA and in XBB."""
        ours = {(await case_of(self._ours, course.ref))[0].state for course in self._courses}
        theirs = {(await case_of(self._theirs, one.their_ref))[0].state for one in self._courses if one.their_ref}
        return frozenset(ours), frozenset(theirs)


_TRAVELLING = ("DEPARTED", "RECALL", "return", "HANDED_OVER", "MONITORING")
"""In this order they leave; the clock does not go back for one who left earlier."""


def _positive(course: Course) -> Mapping[str, Any]:
    if course.file.purpose == RESIDENCE:
        return {**_said("PR_AT_DATE"), "as_of": course.file.elements["entry_date"]}
    return _said("NATIONAL")
