"""
Set the clock of a gateway wrong in every way there is, and see whom that harms.

XBB is a process of its own, as ``isthmus serve`` runs it, under libfaketime: its clock jumps while it runs, its sleeps
do not. XAA keeps the time, or is off by some minutes itself. At each jump XAA sends new messages and replays old ones,
and ``isthmus overdue`` is asked what is late, under that clock, in time zones at both ends of the world. XBB's desk
acknowledges; what it says must leave though the clock went back. Last come a leap second, and the next change to or
from summer time.

    python -m drills.clock [--brief] [--json]

Exit status 1 if a message was accepted or refused otherwise than ``docs/protocol.md`` 3.4 says, if a replay had any
effect, if anything was shown as late that is not, or if something was stuck once the clock was right again.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from benchmarks.pair import COUNTRIES, WORDS, Pair, draft, make_pair, submit
from gateway import app, settings
from gateway.app import Gateway
from gateway.core import envelope, wire
from gateway.core.codes import get
from gateway.services.answers import BadAnswer
from gateway.services.ports import HttpAnswer, Unavailable
from gateway.transport.peers import HttpPeers
from tests.support import drilling
from tests.support.compared import count, rows
from tests.support.served import PROGRAM, serve

LIBRARIES = (
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
)
CALENDAR = "XAA-2026-27"
"""XBB goes by XAA's calendar instead of its own: in its own zone there is no summer time."""

HOME_ZONE = ZoneInfo("Europe/Vienna")
"""Of that calendar: a reply is late once its day is over there."""

ZONES = ("UTC", "Pacific/Kiritimati", "America/St_Johns")
"""Of the machine, which must not matter."""

BASE = timedelta(days=10)
"""Everybody lives so far ahead of the machine, so that four days back is still after their keys began."""

CACHED_S = 1
"""How long libfaketime goes by an offset before it reads the file again, counted in whole seconds."""

LATER = "later"
LATER_S = 20.0
STUCK_S = 100.0
MESSAGES = 3

JUMPS: Mapping[str, timedelta] = {
    "right": timedelta(0),
    "4 min back": timedelta(minutes=-4),
    "4 min ahead": timedelta(minutes=4),
    "10 min back": timedelta(minutes=-10),
    "10 min ahead": timedelta(minutes=10),
    "1 h back": timedelta(hours=-1),
    "1 h ahead": timedelta(hours=1),
    "4 days back": timedelta(days=-4),
    "right again": timedelta(0),
}
SKEWS: Mapping[str, timedelta] = {
    "partner 4 min ahead": timedelta(minutes=4),
    "partner 10 min ahead": timedelta(minutes=10),
    "partner 10 min behind": timedelta(minutes=-10),
}
EVERYWHERE = ("4 days back", "right again")
"""When what is late is asked for in each of ``ZONES``."""

BRIEF = ("right", "10 min back", "4 days back", "right again")


def library() -> str | None:
    """Return libfaketime, or ``None`` if it is not here (Debian: ``apt install faketime``)."""
    return next((path for path in LIBRARIES if Path(path).exists()), None)


class FalseClock:
    """What a process under libfaketime takes for the time: the machine's clock and an offset that can be changed."""

    def __init__(self, file: Path, preload: str) -> None:
        """Keep the offset in ``file``; at first there is none."""
        self._file, self.preload = file, preload
        self.set(timedelta(0))

    def set(self, offset: timedelta) -> None:
        """Be off by ``offset`` from the right time, in every process, from when this returns."""
        self.offset = offset
        made = self._file.with_suffix(".new")
        made.write_text(f"{(BASE + offset).total_seconds():+.3f}\n")
        made.rename(self._file)
        time.sleep(2 * CACHED_S + 0.5)

    def set_to(self, instant: datetime) -> None:
        """Let it be ``instant`` now."""
        self.set(instant - datetime.now(UTC) - BASE)

    def now(self) -> datetime:
        """Return what it shows."""
        return datetime.now(UTC) + BASE + self.offset

    def environ(self, zone: str = "UTC") -> dict[str, str]:
        """Return the environment of a process that goes by it."""
        return {
            "LD_PRELOAD": self.preload,
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": str(CACHED_S),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "TZ": zone,
        }


class OffClock:
    """The ``Clock`` port of XAA: the right time and an offset."""

    def __init__(self) -> None:
        self.offset = timedelta(0)

    def now(self) -> datetime:
        """Return the right time and the offset."""
        return datetime.now(UTC) + BASE + self.offset

    async def sleep(self, seconds: float) -> None:
        """Sleep on the running loop."""
        await asyncio.sleep(seconds)


@dataclass
class Moment:
    """What happened while the clock was off in one way."""

    name: str
    accepted: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    replays: int = 0
    overdue: dict[str, int] = field(default_factory=dict)
    """How many cases ``isthmus overdue`` named, by the time zone of the machine."""


@dataclass
class Figures(drilling.Figures):
    """What a run showed. Everything under ``faults`` must be 0."""

    WELL = "only what the protocol says was refused"

    moments: list[Moment] = field(default_factory=list)
    back_in_step_s: float = 0.0
    """How long what waited from a time an hour ahead waited on, once the clock was right and the line whole."""

    asleep_s: float = 0.0
    """How long a message waited for the loops of a gateway whose clock had just gone back four days."""

    told_later: int = 0
    """After a jump of more than a week the cards held are too old to go by, until they are read again: a second."""

    taken_after: int = 0
    """What a clock that had leapt by more than a day put off, and was taken once it was right."""

    def lines(self) -> Iterator[str]:
        """Yield what a person is told."""
        for one in self.moments:
            refused = ", ".join(f"{times} x {code}" for code, times in one.refused.items()) or "0"
            late = (
                f"; late: {', '.join(f'{number} ({zone})' for zone, number in one.overdue.items())}"
                if one.overdue
                else ""
            )
            yield f"  {one.name:<34} accepted {one.accepted}, refused {refused}, replayed {one.replays}{late}"
        yield f"what waited from an hour ahead left {self.back_in_step_s} s after the clock was right and XAA was there"
        yield f"put off by a clock that leapt, and taken once it was right: {self.taken_after}"
        yield f"told later, and taken at another try: {self.told_later}"
        yield f"after a jump of four days back a message left within {self.asleep_s} s"


class World:
    """XAA with a clock that can be off, XBB under a false one, and what was sent from one to the other."""

    def __init__(
        self, pair: Pair, asking: Gateway, ours: OffClock, peers: HttpPeers, false: FalseClock, figures: Figures
    ) -> None:
        """``asking`` is XAA, which goes by ``ours``; what it sends is posted by ``peers`` and by nobody else."""
        self.pair, self.asking, self.ours, self.false, self.figures = pair, asking, ours, false, figures
        self._peers = peers
        self._people = pair.people()
        self._sent: list[tuple[bytes, bytes]] = []
        self._put_off: list[tuple[bytes, str, int, int]] = []
        self.due: list[date] = []

    async def moment(self, name: str, messages: int = MESSAGES) -> Moment:
        """Send, replay, and look what is late; whatever is not as it must be is counted."""
        told = Moment(name)
        self.figures.moments.append(told)
        await self.asking.refresh_trust()  # what was read long before this moment would not be gone by any more
        await self._post_on()
        for _ in range(messages):
            await self._send(told)
        await self._replay(told)
        return told

    async def _send(self, told: Moment) -> None:
        """
        Send one message. It must be accepted unless it comes from more than 300 s ahead, or expired as long ago.

        Where XBB's clock leapt by more than a day such a one is put off, and must be accepted once it is right again.
        """
        ref = await submit(self.asking, self._people, self._draft())
        columns = "envelope, digest, o.queued_at, expires_at"
        query = f"SELECT {columns} FROM outbound o JOIN outbound_body USING (n) WHERE ref = ?"  # noqa: S608  (our own)
        ((raw, digest, issued, expires),) = rows(self.pair.database("XAA"), query, (ref,))
        due = self._is_due(issued, expires)
        answer = await self._post(raw, waits=due)
        if answer.status != 200:
            told.refused[LATER if answer.status == get(LATER).status else str(answer.status)] += 1
            self.figures.faults["valid refused"] += due
            self._put_off.append((raw, digest, issued, expires))
            return
        _, receipt = self.asking.deliverer.answers.verify("XBB", digest, answer.body)
        if receipt.status != wire.ACCEPTED:
            told.refused[receipt.code or "?"] += 1
            self.figures.faults["valid refused"] += due
            return
        told.accepted += 1
        self.figures.faults["accepted outside the window"] += not due
        self._note_taken(raw, answer, receipt)

    def _is_due(self, issued: int, expires: int) -> bool:
        now, skew = self.false.now().timestamp(), wire.SKEW.total_seconds()
        return issued - skew <= now <= expires + skew

    async def _post_on(self) -> None:
        """Post again what was put off, where its times are right by now: it must be accepted."""
        for one in [one for one in self._put_off if self._is_due(*one[2:])]:
            self._put_off.remove(one)
            raw, digest, *_ = one
            answer = await self._post(raw)
            receipt = None
            if answer.status == 200:
                _, receipt = self.asking.deliverer.answers.verify("XBB", digest, answer.body)
            if receipt is None or receipt.status != wire.ACCEPTED:
                self.figures.faults["refused after a leap"] += 1
                continue
            self.figures.taken_after += 1
            self._note_taken(raw, answer, receipt)

    def _note_taken(self, raw: bytes, answer: HttpAnswer, receipt: wire.Receipt) -> None:
        """Remember what was accepted, to send it again, and the day on which its reply is due."""
        self._sent.append((raw, answer.body))
        if receipt.due_on is None:
            self.figures.faults["no clock was started"] += 1
        else:
            self.due.append(receipt.due_on)

    def _draft(self) -> dict[str, Any]:
        """Return a draft that is of the day XAA takes it for."""
        value, today = draft(), self.ours.now().date()
        value["asylum"] = value["asylum"] | {"attested_on": today.isoformat()}
        value["handling"] = value["handling"] | {"retain_until": (today + timedelta(days=200)).isoformat()}
        return value

    async def _replay(self, told: Moment) -> None:
        """Send again what was accepted: it must have no effect, and the answer be the first one or that it expired."""
        before = self._stored()
        for raw, first in self._sent[:: max(1, len(self._sent) // 6)]:
            answer = await self._post(raw)
            told.replays += 1
            if answer.status == 200 and answer.body != first:
                try:
                    _, receipt = self.asking.deliverer.answers.verify("XBB", "", answer.body)
                except BadAnswer:
                    # A year ahead its key is over: whoever asks believes nothing that is dated so.
                    told.refused["unbelieved"] += 1
                    continue
                self.figures.faults["replays accepted"] += receipt.status == wire.ACCEPTED
        self.figures.faults["replays accepted"] += self._stored() - before

    async def _post(self, raw: bytes, *, waits: bool = True) -> HttpAnswer:
        """
        Post ``raw``, and if it ``waits`` again while the answer is ``later``, as the delivery loop does.

        Raises ``Unavailable``.
        """
        until = time.monotonic() + LATER_S
        while True:
            try:
                answer = await self._peers.post("XBB", "/xg/1/messages", raw, envelope.MEDIA_TYPE)
                if answer.status != get(LATER).status or not waits:
                    return answer
                self.figures.told_later += 1
            except Unavailable:
                if time.monotonic() > until:
                    raise
            else:
                if time.monotonic() > until:
                    return answer
            await asyncio.sleep(1.0)

    def _stored(self) -> int:
        return count(
            self.pair.database("XBB"), "SELECT (SELECT count(*) FROM inbound) + (SELECT count(*) FROM case_file)"
        )

    async def overdue(self, told: Moment, zones: tuple[str, ...] = ZONES) -> None:
        """Ask ``isthmus overdue`` of XBB under the false clock: late is what was due before today, where it is due."""
        today = self.false.now().astimezone(HOME_ZONE).date()
        late = sum(day < today for day in self.due)
        for zone in zones:
            told.overdue[zone] = len(await asyncio.to_thread(self._command, zone))
            self.figures.faults["wrong overdue flags"] += abs(told.overdue[zone] - late)

    async def late(self, told: Moment) -> set[str]:
        """Return the references that ``isthmus overdue`` of XBB lists under the false clock."""
        found = {str(one["ref"]) for one in await asyncio.to_thread(self._command, ZONES[0])}
        told.overdue[ZONES[0]] = len(found)
        return found

    def _command(self, zone: str) -> list[Any]:
        command = [sys.executable, "-m", "gateway.cli.main", "overdue", "-C", str(self.pair.home("XBB")), "--json"]
        environ = {**os.environ, **self.false.environ(zone), "PYTHONPATH": str(PROGRAM), "ISTHMUS_PASSPHRASE": WORDS}
        done = subprocess.run(command, cwd=PROGRAM, env=environ, capture_output=True, check=True)
        found: list[Any] = json.loads(done.stdout)
        return found


@asynccontextmanager
async def world(root: Path, figures: Figures, preload: str) -> AsyncIterator[World]:
    """Make both homes, and serve XBB under a false clock; XAA sends and listens to nothing yet."""
    pair, ours = make_pair(root, limits={"post_timeout_s": 3}), OffClock()
    theirs, own = (pair.home(country) / settings.FILE_NAME for country in COUNTRIES)
    theirs.write_text(theirs.read_text().replace("XBB-2026-27", CALENDAR))
    own.write_text(f'calendar = "{CALENDAR}"\n{own.read_text()}')
    for country in COUNTRIES:
        gateway = await pair.open(country, create=True)
        await gateway.close()
    false = FalseClock(root / "clock", preload)
    served = await asyncio.to_thread(serve, pair, "XBB", environ=false.environ())
    asking = await app.build(
        settings.load(pair.home("XAA"), {}), passphrase=lambda: WORDS, environ={}, clock=ours, log=lambda *_, **__: None
    )
    try:
        await asking.refresh_trust()
        async with HttpPeers(asking.context.trust.find) as peers:
            yield World(pair, asking, ours, peers, false, figures)
    finally:
        figures.faults["gateway fell over"] += served.process.poll() is not None
        figures.faults["gateway ended badly"] += await asyncio.to_thread(served.stop) != 0
        figures.faults["faults in its log"] += served.events("gateway.fault")
        await asking.close()


async def run(root: Path, preload: str, *, brief: bool) -> Figures:
    """Run under ``root`` and return the figures; ``brief`` leaves most jumps out."""
    figures = Figures()
    async with world(root, figures, preload) as within:
        for name in BRIEF if brief else JUMPS:
            within.false.set(JUMPS[name])
            told = await within.moment(name)
            await within.overdue(told, ZONES if name in EVERYWHERE and not brief else ZONES[:1])
        for name in () if brief else SKEWS:
            within.ours.offset = SKEWS[name]
            await within.moment(name)
        within.ours.offset = timedelta(0)
        if not brief:
            await _set_right(within)
            await _leap(within)
            await _summer(within)
            within.false.set(timedelta(days=366))
            told = await within.moment("1 year ahead")
            within.false.set(timedelta(0))
            await within.moment("right after a year")
    return figures


@asynccontextmanager
async def _desk(within: World) -> AsyncIterator[None]:
    """Have XBB's desk acknowledge, under the false clock, whatever comes in; begin once nothing waits for it."""
    command = [sys.executable, str(PROGRAM / "tests/support/desk.py"), str(within.pair.root), "XBB"]
    environ = {**os.environ, **within.false.environ(), "PYTHONPATH": str(PROGRAM)}
    desk = subprocess.Popen(command, cwd=PROGRAM, env=environ)
    try:
        open_ones = "SELECT count(*) FROM case_file WHERE state = 'RECEIVED'"
        waited = await _until(lambda: not count(within.pair.database("XBB"), open_ones))
        within.figures.faults["the desk did not acknowledge"] += waited >= STUCK_S
        yield
    finally:
        desk.terminate()
        desk.wait(30)


async def _set_right(within: World) -> None:
    """
    Let what XBB acknowledged be tried while its clock is an hour ahead and nobody listens, then set it right, and back.

    What waits must leave soon after XAA is there, and what is said afterwards too. What is said while the clock is
    ahead bears its date, so no partner takes it before that.
    """
    figures, pair = within.figures, within.pair
    right = FalseClock(pair.root / "right", within.false.preload)
    try:
        async with _desk(within):
            within.false.set(timedelta(hours=1))
            ahead = "SELECT count(*) FROM outbound WHERE state = 'posted' AND next_try_at > ?"
            later = (right.now() + timedelta(minutes=30)).timestamp()
            tried = await _until(lambda: bool(rows(pair.database("XBB"), ahead, (later,))[0][0]))
            figures.faults["nothing was tried"] += tried >= STUCK_S
            within.false.set(timedelta(0))
            listening = await asyncio.to_thread(serve, pair, "XAA", environ=right.environ())
            try:
                figures.back_in_step_s = await _until(lambda: not _unanswered(pair))
                figures.faults["stuck once the clock was right"] += _unanswered(pair)
                within.ours.offset = timedelta(days=-4)
                within.false.set(timedelta(days=-4))
                before = _answered(pair)
                await within.moment("both 4 days back", messages=1)
                figures.asleep_s = await _until(lambda: _answered(pair) > before)
                figures.faults["asleep after a jump"] += _answered(pair) <= before
            finally:
                await asyncio.to_thread(listening.stop)
    finally:
        within.false.set(timedelta(0))
        within.ours.offset = timedelta(0)


def _unanswered(pair: Pair) -> int:
    return count(pair.database("XBB"), "SELECT count(*) FROM outbound WHERE state IN ('queued', 'posted')")


def _answered(pair: Pair) -> int:
    return count(pair.database("XBB"), "SELECT count(*) FROM outbound WHERE state IN ('receipted', 'refused')")


async def _until(ready: Any) -> float:
    """Wait until ``ready`` is true, for ``STUCK_S`` at most, and return how long that took."""
    began = time.monotonic()
    while not ready() and time.monotonic() - began < STUCK_S:
        await asyncio.sleep(0.1)
    return round(time.monotonic() - began, 1)


def leap_after(now: datetime) -> datetime:
    """Return two seconds before the next end of June or December in UTC: where a leap second comes, it comes then."""
    ends = (datetime(now.year + at // 2, 7 if at % 2 else 1, 1, tzinfo=UTC) for at in range(1, 4))
    return next(end for end in ends if end > now + timedelta(days=1)) - timedelta(seconds=2)


def change_after(now: datetime) -> datetime:
    """Return noon in UTC two days before the clocks of ``HOME_ZONE`` change next, to summer time or from it."""
    noon = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), UTC) + timedelta(hours=12)
    days = (noon + timedelta(days=at) for at in range(366))
    return next(day for day in days if _offset(day + timedelta(days=1)) != _offset(day + timedelta(days=2)))


def _offset(at: datetime) -> timedelta | None:
    return at.astimezone(HOME_ZONE).utcoffset()


async def _leap(within: World) -> None:
    """Live through the end of a half-year whose last second comes twice."""
    within.false.set_to(leap_after(within.false.now()))
    within.ours.offset = within.false.offset
    await within.moment("before the leap second", messages=2)
    within.false.set(within.false.offset - timedelta(seconds=1))
    within.ours.offset = within.false.offset
    told = await within.moment("in and after it", messages=2)
    await within.overdue(told)


async def _summer(within: World) -> None:
    """Ask before the clocks change what is due after it; it is late when its day is over, and not before."""
    within.false.set_to(change_after(within.false.now()))
    within.ours.offset = within.false.offset
    within.due.clear()
    await within.moment("before the clocks change")
    if not within.due:
        within.figures.faults["the change of the clocks was not reached"] += 1
        return
    async with _desk(within):
        pass  # once they are acknowledged, the day that counts is that of the reply
    midnight = datetime.combine(max(within.due) + timedelta(days=1), datetime.min.time(), HOME_ZONE)
    late = []
    for name, instant in (("last", midnight - timedelta(seconds=40)), ("first", midnight + timedelta(seconds=5))):
        within.false.set_to(instant.astimezone(UTC))
        told = Moment(f"{name} seconds of a day after the clocks changed")
        within.figures.moments.append(told)
        late.append(await within.late(told))
    ended = within.due.count(max(within.due))
    within.figures.faults["wrong overdue flags"] += abs(len(late[1] - late[0]) - ended) + len(late[0] - late[1])
    within.false.set(timedelta(0))
    within.ours.offset = timedelta(0)


def main() -> int:
    """Run as the arguments say; print the figures on stdout; return the exit status. Without libfaketime it passes."""
    parser = argparse.ArgumentParser(prog="clock", description="Set the clock of a gateway wrong in many ways.")
    parser.add_argument("--brief", action="store_true", help="fewer jumps: for the tests")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    asked = parser.parse_args()
    preload = library()
    if preload is None:
        print("note: libfaketime is missing (Debian: apt install faketime), so no clock is set wrong", file=sys.stderr)
        return 0
    with tempfile.TemporaryDirectory(prefix="clock-drill-") as directory:
        figures = asyncio.run(run(Path(directory), preload, brief=asked.brief))
    return drilling.report(figures, as_json=asked.json)


if __name__ == "__main__":
    sys.exit(main())
