"""
Every way a case can go, told as invented people's journeys through two real gateways, by the local API of each.

A journey is a coroutine that takes its steps and waits for days to come. Whatever a gateway says on the way is handed
to the search with the name of the place it came to, so that what may stand in one place is not mixed with another.
"""

import asyncio
import base64
import json
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from aiohttp import ClientSession

from gateway.core.returns import SEALED_H
from gateway.demo import homeward
from gateway.demo.states import ASKED, ASKING
from gateway.http import openapi
from keys import b64, statement
from tests.support import interviews
from tests.support.canaries import Findings, Person
from tests.support.processes import Processes

PATIENCE_S = 120.0

PROBLEM: Final = "problem bodies of the local API"
PLAIN: Final = "local API without a reason given"
SHOWN: Final = "content for a reason, at the local API"
PREPARED: Final = "what an author prepares, at the local API"
EVIDENCE: Final = "evidence without content"

WHY: Final = "Drill.of.the.search"


@dataclass
class Desk:
    """The local API of both States, asked by their people; ``findings`` hears every answer."""

    processes: Processes
    findings: Findings
    client: ClientSession
    room: asyncio.Semaphore
    """How many journeys take steps at the same time; one that waits for a day is none of them."""
    when: dict[datetime, asyncio.Event] = field(default_factory=dict)
    walking: int = 0
    """Journeys that do not wait for a day."""

    asking: int = 0
    open: asyncio.Event = field(default_factory=asyncio.Event)
    """Set unless the gateways are being killed: then nobody asks anything."""

    def __post_init__(self) -> None:
        """Begin open."""
        self.open.set()

    async def pause(self, act: Callable[[], Awaitable[None]]) -> None:
        """Do ``act`` while no request is under way: what the gateways send one another goes on."""
        self.open.clear()
        while self.asking:
            await asyncio.sleep(0.01)
        try:
            await act()
        finally:
            self.open.set()

    async def ask(
        self, country: str, person: str, role: str, method: str, path: str, *, body: Any = None, place: str = PLAIN
    ) -> tuple[int, Any]:
        """Send one request and return the status and the answer; every byte of it is looked through."""
        state = self.processes.states[country]
        headers = {"Authorization": f"Bearer {state.people[person].token}", openapi.ROLE_HEADER: role}
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        if data is not None:
            headers["Content-Type"] = "application/json"
        url = f"http://127.0.0.1:{state.ports.api}{path}"
        await self.open.wait()
        self.asking += 1
        try:
            async with self.client.request(method, url, data=data, headers=headers) as answer:
                raw = await answer.read()
        finally:
            self.asking -= 1
        told = "\n".join(f"{name}: {value}" for name, value in answer.headers.items()).encode()
        self.findings.add(PROBLEM if answer.status >= 400 else place, raw, f"{method} {path}")
        self.findings.add(PROBLEM if answer.status >= 400 else PLAIN, told, f"headers of {method} {path}")
        return answer.status, json.loads(raw) if raw else None

    async def step(self, country: str, who: str, verb: str, ref: str, body: Any = None, *, to: int = 200) -> Any:
        """Take a step as ``person/role``; raises ``AssertionError`` with the answer if its status is not ``to``."""
        person, _, role = who.partition("/")
        for _ in range(60):
            status, value = await self.ask(
                country, person, role, "POST", f"/v1/cases/{ref}/{verb}", body=body, place=PREPARED
            )
            if status != 503:
                break
            await asyncio.sleep(0.5)
        assert status == to, (country, who, verb, status, value)
        return value

    def row(self, country: str, column: str, value: str) -> tuple[str, str, str] | None:
        """Return reference, thread and state of a case of ``country``."""
        with closing(
            sqlite3.connect(f"{self.processes.database(country).as_uri()}?mode=ro", uri=True, timeout=60)
        ) as db:
            sql = f"SELECT ref, thread, state FROM case_file WHERE {column} = ?"  # noqa: S608  # a name of ours
            found: tuple[str, str, str] | None = db.execute(sql, (value,)).fetchone()
            return found

    async def until(self, country: str, thread: str, *states: str) -> str:
        """Wait until the case is in one of ``states`` and return its reference in ``country``."""
        for _ in range(int(PATIENCE_S / 0.1)):
            found = self.row(country, "thread", thread)
            if found and found[2] in states:
                return found[0]
            await asyncio.sleep(0.1)
        raise AssertionError(f"{country} does not come to {states}: {found}")

    def sign(self, country: str, person: str, kind: str, role: str, thread: str, digest: str, days: int = 1) -> str:
        """Return the statement of a person over ``digest``, as their own device signs it."""
        made = statement.Statement(thread, kind, role, digest, self.processes.now() + timedelta(days=days))
        return statement.make(made, self.processes.states[country].people[person].key).decode()

    async def day(self, instant: datetime) -> None:
        """Wait until the drill has come to ``instant``."""
        event = self.when.setdefault(instant, asyncio.Event())
        if event.is_set():
            return
        self.walking -= 1
        self.room.release()
        try:
            await event.wait()  # who sets it counts us as walking again
        finally:
            await self.room.acquire()

    def dawn(self) -> datetime | None:
        """Come to the next day that a journey waits for, and return it; ``None`` while somebody walks or none waits."""
        waiting = [instant for instant, event in self.when.items() if not event.is_set()]
        if self.walking or not waiting:
            return None
        self.processes.move_to(min(waiting))
        return min(waiting)

    def wake(self, instant: datetime) -> None:
        """Let the journeys that waited for ``instant`` go on."""
        event = self.when[instant]
        self.walking += len(event._waiters)
        event.set()


@dataclass
class Journey:
    """One person's case on its way: its references in both States, and the thread they share."""

    desk: Desk
    person: Person
    ref: str = ""
    theirs: str = ""
    thread: str = ""
    changes: Mapping[str, Any] = field(default_factory=dict)
    """What this journey's draft says otherwise than the person's file."""

    @property
    def word(self) -> str:
        """Return something an official types about the person."""
        return " ".join(self.person.words[:3])

    def draft(self, **changes: Any) -> dict[str, Any]:
        """Return the file of the person with ``changes``."""
        return {**deepcopy(dict(self.person.draft)), **changes}

    async def ours(self, verb: str, body: Any = None, who: str = "officer/case_officer", *, to: int = 200) -> Any:
        """Take a step in the State that asks."""
        return await self.desk.step(ASKING, who, verb, self.ref, body, to=to)

    async def other(self, verb: str, body: Any = None, who: str = "clerk/registry_clerk", *, to: int = 200) -> Any:
        """Take a step in the State that is asked."""
        return await self.desk.step(ASKED, who, verb, self.theirs, body, to=to)

    # The request.

    async def begin(self, **changes: Any) -> None:
        """Show what would leave, then open the case."""
        self.changes = changes
        draft = self.draft(**changes)
        ask = self.desk.ask
        await ask(ASKING, "officer", "case_officer", "POST", "/v1/preview", body=draft, place=PREPARED)
        status, made = await ask(ASKING, "officer", "case_officer", "POST", "/v1/cases", body=draft)
        assert status == 201, made
        self.ref = made["ref"]
        row = self.desk.row(ASKING, "ref", self.ref)
        assert row is not None
        self.thread = row[1]

    async def preview(self, who: str = "liaison/liaison_officer") -> Mapping[str, Any]:
        """Return what is prepared, as who approves it is shown it."""
        person, _, role = who.partition("/")
        path = f"/v1/cases/{self.ref}/preview?justification={WHY}"
        _, seen = await self.desk.ask(ASKING, person, role, "GET", path, place=SHOWN)
        found: Mapping[str, Any] = seen
        return found

    async def approve(self, kind: str) -> None:
        """Approve what is prepared as a second person."""
        seen = await self.preview()
        signed = self.desk.sign(ASKING, "liaison", kind, "liaison_officer", self.thread, seen["digest"])
        await self.ours("approval", {"statement": signed}, "liaison/liaison_officer")

    async def leave(self) -> None:
        """Take the request that was begun to its arrival in the other State."""
        await self.approve("request.approval")
        await self.ours("send")
        self.theirs = await self.desk.until(ASKED, self.thread, "RECEIVED")

    async def send(self, **changes: Any) -> None:
        """Take the case from nothing to its arrival in the other State."""
        await self.begin(**changes)
        await self.leave()

    async def acknowledged(self, **changes: Any) -> None:
        """Take the case to an acknowledged request."""
        await self.send(**changes)
        await self.other("acknowledge")
        await self.desk.until(ASKING, self.thread, "ACKNOWLEDGED")

    async def asked_for(self, element: str) -> None:
        """Have the other State ask for one more element, and give it."""
        await self.other("question", {"elements": [element], "candidates": 2})
        await self.desk.until(ASKING, self.thread, "NEEDS_TIER2")
        await self.ours("elements")
        await self.approve("elements.approval")
        await self.ours("send")
        await self.desk.until(ASKED, self.thread, "ACKNOWLEDGED")

    async def look(self) -> None:
        """Look at the case in both States, first without a reason and then for one; take the account and the proof."""
        for country, ref in ((ASKING, self.ref), (ASKED, self.theirs)):
            if not ref:
                continue
            person, role = ("officer", "case_officer") if country == ASKING else ("clerk", "registry_clerk")
            ask = self.desk.ask
            await ask(country, person, role, "GET", f"/v1/cases/{ref}")
            await ask(country, person, role, "GET", f"/v1/cases/{ref}?justification={WHY}", place=SHOWN)
            await ask(country, "supervisor", "dpo", "GET", f"/v1/cases/{ref}/account?justification={WHY}", place=SHOWN)
            if self.person.number % 5:
                continue
            path = f"/v1/cases/{ref}/evidence?justification={WHY}"
            status, made = await ask(country, person, role, "GET", path, place=EVIDENCE)
            if status == 200:
                raw = base64.b64decode(made["zip"])
                self.desk.findings.add(EVIDENCE, raw, f"{country} {ref}", kind="file")

    # The answer.

    async def answer(self, outcome: str, reason: str | None = None, **changes: Any) -> None:
        """Prepare an answer, have it signed by a second person where that is needed, and send it."""
        found = outcome in ("NATIONAL", "NOT_NATIONAL", "FORMER_NATIONAL", "PR_AT_DATE", "NO_PR_AT_DATE")
        body = {
            "outcome": outcome,
            "reason": reason,
            "as_of": self.desk.processes.now().date().isoformat(),
            "method_used": ["POPULATION_REGISTER"],
            "match_basis": ["NAME_EXACT", "DOB_EXACT"] if found else [],
            "confidence": "HIGH" if found else "NONE",
            "signed_by_role": "REGISTRAR",
            "valid_until": None,
            **changes,
        }
        prepared = (await self.other("reply", body))["prepared"]
        signed = self.desk.sign(
            ASKED, "signer", "reply.second-signature", "second_signer", self.thread, prepared["digest"]
        )
        if outcome != "NATIONAL":
            await self.other("countersignature", {"statement": signed}, "signer/second_signer")
        await self.other("answer")
        await self.desk.until(ASKING, self.thread, "REPLIED")


Act = Callable[[Journey], Awaitable[None]]


def _answered(outcome: str, reason: str | None = None, draft: Mapping[str, Any] | None = None, **changes: Any) -> Act:
    async def act(journey: Journey) -> None:
        await journey.acknowledged(**(draft or {}))
        await journey.answer(outcome, reason, **changes)

    return act


async def _drafted(journey: Journey) -> None:
    await journey.begin()
    await journey.preview()
    await journey.ours("amend", journey.draft(justification=journey.word))


async def _discarded(journey: Journey) -> None:
    await journey.begin()
    await journey.ours("discard")


async def _held_back(journey: Journey) -> None:
    """A claim to asylum is known: nothing may leave, and the approval says so."""
    state = {"state": "indicated", "attested_by": journey.person.words[0], "attested_on": None, "basis": None}
    await journey.begin(asylum=state)
    seen = await journey.preview()
    signed = journey.desk.sign(
        ASKING, "liaison", "request.approval", "liaison_officer", journey.thread, seen["digest"] or "A" * 43
    )
    await journey.ours("approval", {"statement": signed}, "liaison/liaison_officer", to=422)


RESIDENCE: Final = {"purpose": "PERM_RESIDENCE"}
OF_PERMITS: Final = {"method_used": ["PERMIT_REGISTER"]}


async def _asked_back(journey: Journey) -> None:
    """One more element is asked for and given; which one, differs from person to person."""
    await journey.acknowledged()
    elements = ("PARENT_NAMES", "PERSONAL_NUMBER", "DOCUMENT", "LAST_RESIDENCE")
    await journey.asked_for(elements[journey.person.number % 4])
    await journey.answer("NATIONAL")


async def _withdrawn(journey: Journey) -> None:
    """Frozen because of protection, and withdrawn at the full hour."""
    await journey.acknowledged()
    state = {"state": "indicated", "attested_by": "protection", "attested_on": None, "basis": journey.person.words[1]}
    body = {"reason": journey.word, "protection": state}
    await journey.ours("freeze", body, "protection/asylum_authority")
    await journey.ours("withdraw", None, "protection/asylum_authority")
    await journey.desk.day(datetime(2026, 11, 17, 8, 0, tzinfo=UTC))
    await journey.desk.until(ASKED, journey.thread, "WITHDRAWN")


async def _released(journey: Journey) -> None:
    """Frozen, corrected, let go again, and answered."""
    await journey.acknowledged()
    await journey.ours("freeze", {"reason": journey.word})
    body = {"elements": journey.draft()["elements"], "why": journey.word}
    await journey.ours("correction", body)
    await journey.ours("release")
    await journey.ours("resume")
    await journey.ours("resume", None, "liaison/liaison_officer")
    await journey.answer("NATIONAL")


async def _interviewed(journey: Journey) -> None:
    await journey.acknowledged(**interviews.OPEN)
    await journey.other("interview", interviews.PROPOSAL)
    await journey.desk.until(ASKING, journey.thread, "NEEDS_INTERVIEW")
    today = journey.desk.processes.now().date().isoformat()
    consent = {**interviews.CONSENT, "by": journey.word, "on": today}
    await journey.ours("interview-consent", {**interviews.ANSWER, "consent": consent})
    await journey.approve("interview.approval")
    await journey.ours("interview-agreement")
    await journey.desk.until(ASKED, journey.thread, "ACKNOWLEDGED")
    await journey.desk.day(datetime(2026, 12, 10, 15, 0, tzinfo=UTC))
    await journey.other("interview-result", interviews.RESULT)
    await journey.answer("NATIONAL", method_used=["CONSULAR_INTERVIEW"])


# Returns: the words of the demonstration's, with canaries where a person writes.


def _record(journey: Journey, *, minor: bool = False, **changes: Any) -> dict[str, Any]:
    made = homeward.record(minor, **changes)
    made["proceedings"] = {"open": False, "presence_needed": False, "released_by": journey.person.words[0]}
    if made["decision"]:
        made["decision"] = {**made["decision"], "ref": journey.person.words[1], "authority": journey.person.words[2]}
    return made


def _signed(
    journey: Journey, country: str, person: str, kind: str, role: str, made: Mapping[str, Any], days: int = 1
) -> dict[str, str]:
    """Return the statement over what a step prepared, as the body of the step that brings it."""
    digest = made["prepared"]["digest"]
    return {"statement": journey.desk.sign(country, person, kind, role, journey.thread, digest, days)}


async def _proposed(journey: Journey, *, minor: bool = False) -> None:
    """Take a case that was answered to a proposal that the other State has."""
    who = "welfare/child_welfare" if minor else "coordinator/coordinator"
    person, named = who.partition("/")[0], "welfare" if minor else "coordinator"
    await journey.desk.day(datetime(2026, 11, 24, 8, 0, tzinfo=UTC))
    await journey.ours("consideration", _record(journey, minor=minor))
    await journey.ours("assessment", None, who)
    made = await journey.ours("proposal", homeward.PLAN)
    signed = _signed(journey, ASKING, "liaison", "return.approval", "liaison_officer", made)
    await journey.ours("approval", signed, "liaison/liaison_officer")
    signed = _signed(journey, ASKING, person, "return.release", named, made, 60)
    await journey.ours("endorsement", signed, who)
    await journey.ours("propose")
    await journey.desk.until(ASKED, journey.thread, "PROPOSED")


async def _accepted(journey: Journey) -> None:
    made = await journey.other("acceptance", homeward.ANSWER)
    signed = _signed(journey, ASKED, "liaison", "return.acceptance", "desk_head", made, 60)
    await journey.other("accept", signed, "liaison/desk_head")
    await journey.desk.until(ASKING, journey.thread, "ACCEPTED")


async def _documented(journey: Journey) -> None:
    await journey.ours("record", _record(journey, decision=homeward.DECISION))
    await journey.ours("decision", None, "coordinator/coordinator")
    made = await journey.ours("document", {"needed_by": "2026-12-10"})
    signed = _signed(journey, ASKING, "liaison", "travel.approval", "liaison_officer", made)
    await journey.ours("approval", signed, "liaison/liaison_officer")
    await journey.ours("document-request")
    await _has(journey, ASKED, "travel-document.request")
    await journey.other("issue", homeward.DOCUMENT, "issuer/document_issuer")
    await journey.desk.until(ASKING, journey.thread, "DOCUMENTED")


def _ready(journey: Journey, *, again: bool) -> dict[str, Any]:
    made = homeward.ready()
    changes = {name: made[name] for name in ("decision", "travel")}
    if again:
        changes |= {"contacts_given_on": made["contacts_given_on"], "reconfirmation": made["reconfirmation"]}
    return _record(journey, **changes)


async def _returned(journey: Journey) -> None:
    """A whole return: proposed, accepted, documented, travelled, handed over, and followed for half a year."""
    await _answered("NATIONAL")(journey)
    await _proposed(journey)
    await _accepted(journey)
    await _documented(journey)
    await journey.ours("record", _ready(journey, again=False))
    await journey.ours("schedule", homeward.JOURNEY, "liaison/liaison_officer")
    # By a clock that has leapt no plan is told for a day, so it goes on from there by less than a day at a time.
    for hours in (-20, 0, 5):
        await journey.desk.day(homeward.DEPARTS_AT + timedelta(hours=hours - SEALED_H, minutes=1))
    await journey.desk.until(ASKED, journey.thread, "SCHEDULED")
    await journey.desk.day(homeward.DEPARTS_AT + timedelta(minutes=1))
    await journey.ours("record", _ready(journey, again=True))
    await journey.ours("departure", {"arrives_at": None}, "escort/escort")
    await journey.desk.until(ASKED, journey.thread, "DEPARTED")
    await journey.desk.day(homeward.HANDED_OVER_AT)
    seen = (await journey.ours("protocol", {"protocol": homeward.PROTOCOL}, "escort/escort"))["prepared"]
    signed = journey.desk.sign(ASKING, "escort", "handover.delivery", "escort", seen["thread"], seen["digest"])
    await journey.ours("handover", {"protocol": homeward.PROTOCOL, "statement": signed}, "escort/escort")
    await _has(journey, ASKED, "return.handover")
    seen = (await journey.other("protocol", {"protocol": None}, "reception/reception"))["prepared"]
    signed = journey.desk.sign(ASKED, "reception", "handover.receipt", "reception", seen["thread"], seen["digest"])
    await journey.other("handover-confirmation", {"statement": signed}, "reception/reception")
    await journey.desk.until(ASKING, journey.thread, "HANDED_OVER")
    for day, final, then in (("2026-12-15", False, "MONITORING"), ("2027-06-15", True, "CLOSED_SAFE")):
        await journey.desk.day(datetime.fromisoformat(f"{day}T09:00:00+00:00"))
        await journey.other("report", {"status": "SEEN_SAFE", "on": day, "final": final}, "reception/reception")
        await journey.desk.until(ASKING, journey.thread, then)


async def _vetoed(journey: Journey) -> None:
    """A return of a minor that the other State's welfare authority refuses."""
    minor = {
        "age": {"class": "minor", "decision": None, "treat_as_child": True},
        "representative": {
            "ref": "3q2-7wEBAgMEBQYHCAkKCw",
            "appointed_on": "2026-11-10",
            "signed_by": journey.person.words[3],
        },
    }
    await journey.acknowledged(**minor)
    await journey.answer("NATIONAL")
    await _proposed(journey, minor=True)
    await journey.other("refusal", {"reason": "NO_CARER"}, "welfare/child_welfare")
    await journey.desk.until(ASKING, journey.thread, "ASSESSED", "CONSIDERED", "NOT_RETURNED")


async def _stopped(journey: Journey) -> None:
    """A return that was accepted and is called off for the person's own reason."""
    await _answered("NATIONAL")(journey)
    await _proposed(journey)
    await _accepted(journey)
    state = {"state": "indicated", "attested_by": "protection", "attested_on": None, "basis": journey.person.words[1]}
    body = {"reason": journey.word, "protection": state}
    await journey.ours("freeze", body, "protection/asylum_authority")


async def _suspended(journey: Journey) -> None:
    await _answered("NATIONAL")(journey)
    await _proposed(journey)
    await _accepted(journey)
    await journey.ours("suspension", {"reason": journey.word}, "liaison/liaison_officer")


# What becomes of data that was sent.


async def _corrected(journey: Journey) -> None:
    """Wrong values are struck, right ones sent, and both confirmed."""
    await _answered("NATIONAL")(journey)
    elements = {"names": journey.draft()["elements"]["names"][:1]}
    made = await journey.ours("rectification", {"parts": ["NAMES"], "elements": elements})
    signed = _signed(journey, ASKING, "liaison", "rectification.approval", "liaison_officer", made)
    await journey.ours("rectification-approval", signed, "liaison/liaison_officer")
    await _has(journey, ASKED, "rectification")
    await journey.other("confirmation", {"number": 1, "result": "DONE"})


async def _struck(journey: Journey) -> None:
    await _answered("NATIONAL")(journey)
    await journey.ours("strike", {"parts": ["BIRTH_PLACE"]})
    await _has(journey, ASKED, "rectification")
    await journey.other("confirmation", {"number": 1, "result": "DONE"})


async def _accounted(journey: Journey) -> None:
    """What was done with it, and whether it may be used for something else."""
    await _answered("NATIONAL")(journey)
    await journey.ours("use-question")
    await _has(journey, ASKED, "use-report.request")
    report = {"number": 1, "held": True, "restrictions_kept": True, "uses": []}
    await journey.other("use-report", report)
    await journey.other("onward-question", {"purpose": "TRACING", "recipient": "INTERIOR"})
    await _has(journey, ASKING, "onward.request")
    await journey.ours("onward-answer", {"number": 1, "until": None}, "liaison/liaison_officer")


async def _erased(journey: Journey) -> None:
    """The other State destroys its copy and says so."""
    await _answered("NATIONAL")(journey)
    await journey.ours("erasure-demand")
    await _has(journey, ASKED, "erasure")
    await journey.other("destruction", {"number": 1}, "liaison/desk_head")


async def _has(journey: Journey, country: str, kind: str) -> None:
    """Wait until ``country`` has the message ``kind`` of the case."""
    database = journey.desk.processes.database(country)
    for _ in range(int(PATIENCE_S / 0.1)):
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, timeout=60)) as db:
            sql = "SELECT count(*) FROM inbound WHERE thread = ? AND type = ?"
            if db.execute(sql, (journey.thread, kind)).fetchone()[0]:
                return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{country} has no {kind}")


async def _late(journey: Journey) -> None:
    """An answer that takes longer, says so, and is asked about."""
    await journey.acknowledged()
    await journey.other("extension", {"reason": "ARCHIVE_SEARCH"})
    await journey.other("delay", {"reason": "ARCHIVE_SEARCH", "eta": "2027-01-20"})
    await journey.desk.day(datetime(2027, 1, 25, 9, 0, tzinfo=UTC))
    await journey.ours("reminder")


async def _redirected(journey: Journey) -> None:
    await journey.send()
    await journey.other("redirect", {"authority": {"id": "XBB-ID-01"}, "reason": "OTHER_TASK"})
    await journey.desk.until(ASKING, journey.thread, "REDIRECTED")


async def _contested(journey: Journey) -> None:
    await _answered("NOT_FOUND")(journey)
    await journey.ours("contest", {"ground": "WRONG_PERSON"})
    await journey.desk.until(ASKED, journey.thread, "CONTESTED")
    await journey.answer("NATIONAL")


async def _silent(journey: Journey) -> None:
    """No answer comes; the gateway reminds by itself, and somebody presses or says that nobody may."""
    await journey.send()
    await journey.desk.day(datetime(2027, 1, 25, 9, 0, tzinfo=UTC))


async def _pictured(journey: Journey) -> None:
    """A photograph whose file holds words, drawn anew; asked for and sent."""
    await journey.begin()
    for element in ("PHOTO", "DOCUMENT_IMAGE"):
        body = {"element": element, "content": b64.encode(picture(journey.word))}
        await journey.ours("attachment", body)
    await journey.ours("attachment", {"element": "PHOTO", "content": b64.encode(journey.word.encode())}, to=422)
    await journey.leave()
    await journey.other("acknowledge")
    await journey.asked_for("DOCUMENT_IMAGE")
    await journey.answer("NATIONAL")


async def _remarked(journey: Journey) -> None:
    """A note in free words around the person's own values: read, compared, and confirmed or taken out again."""
    await journey.begin()
    for text in (journey.person.remark, "The date on the copy of the certificate cannot be read."):
        made = (await journey.ours("remark", {"remark": {"language": "en", "text": text}}))["remark"]
        if (digest := made["digest"]) and not made["leaks"]:
            await journey.ours("remark-confirmation", {"digest": digest})
            break
    else:
        await journey.ours("remark", {"remark": None})
    await journey.leave()
    await journey.other("acknowledge")
    await journey.answer("NATIONAL")


def picture(words: str) -> bytes:
    """Return a photograph as JPEG whose file says ``words`` in its comment and at its end."""
    from tests.support.pictures import jpeg

    raw, said = jpeg(), words.encode()
    comment = b"\xff\xfe" + (len(said) + 2).to_bytes(2) + said
    return raw[:2] + comment + raw[2:]


async def _exercised(journey: Journey) -> None:
    status, made = await journey.desk.ask(
        ASKING, "officer", "case_officer", "POST", "/v1/exercises", body=journey.draft()
    )
    assert status == 201, made
    journey.ref = made["ref"]


JOURNEYS: Final[Mapping[str, Act]] = {
    "a return to its end": _returned,
    "a national": _answered("NATIONAL"),
    "not found": _answered("NOT_FOUND"),
    "no national": _answered("NOT_NATIONAL", "DOCUMENT_NOT_ISSUED_BY_US", match_basis=["DOCNO"]),
    "a former national": _answered("FORMER_NATIONAL", "CITIZENSHIP_RENOUNCED"),
    "cannot say": _answered("CANNOT_SAY", "STATUS_UNDECIDED"),
    "refused": _answered("REFUSED", "METHOD_LIMIT_TOO_NARROW"),
    "a resident": _answered("PR_AT_DATE", None, RESIDENCE, as_of="2024-08-14", **OF_PERMITS),
    "no resident": _answered("NO_PR_AT_DATE", "PR_EXPIRED_BEFORE_DATE", RESIDENCE, as_of="2024-08-14", **OF_PERMITS),
    "a second question": _asked_back,
    "pictures": _pictured,
    "frozen and withdrawn": _withdrawn,
    "frozen and released": _released,
    "an interview": _interviewed,
    "a return refused": _vetoed,
    "a return stopped": _stopped,
    "a return suspended": _suspended,
    "corrected": _corrected,
    "struck": _struck,
    "accounted for": _accounted,
    "erased": _erased,
    "an answer that is late": _late,
    "sent elsewhere": _redirected,
    "contested": _contested,
    "no answer": _silent,
    "a draft": _drafted,
    "discarded": _discarded,
    "held back": _held_back,
    "an exercise": _exercised,
    "a remark": _remarked,
}
"""Every way, by its name; a person takes the one that its number falls on."""


async def walk(desk: Desk, people: list[Person]) -> tuple[list[Journey], list[str]]:
    """Let everybody go their way, a day passing whenever all wait for one; return the journeys and what went wrong."""
    failed = list[str]()
    journeys = [Journey(desk, one) for one in people]
    ways = list(JOURNEYS.items())
    desk.walking = len(journeys)

    async def go(journey: Journey) -> None:
        name, act = ways[journey.person.number % len(ways)]
        async with desk.room:
            try:
                await act(journey)
                await journey.look()
            except Exception as error:  # told at the end with all others
                failed.append(f"{name} ({journey.person.number}): {type(error).__name__}: {error}"[:600])
            finally:
                desk.walking -= 1

    tasks = [asyncio.create_task(go(journey)) for journey in journeys]
    while not all(task.done() for task in tasks):
        await asyncio.sleep(0.1)
        if (instant := desk.dawn()) is not None:
            await asyncio.sleep(0.4)  # each gateway looks at the clock ten times a second, and reads the cards anew
            desk.wake(instant)
    return journeys, failed
