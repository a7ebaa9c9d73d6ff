"""Sections 3.4 and 5.5: times of a message, and the days of a reply."""

from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import schemas
from conformance.backend import Forbidden
from conformance.bodies import day, refuses, send, withholds
from conformance.door import answers
from conformance.play import START, Play
from conformance.reading import Json
from conformance.reading import due_on as reckoned
from conformance.registry import NotOffered, Wrong, case
from conformance.state import COLLECT, Answering, calendar_of, reckon

S, D = timedelta(seconds=1), timedelta(days=1)
# Issued and expires, from now; the way on which both are further beyond the edge; what is answered.
TIMES = {
    "expires-before-issued": (0 * S, -S, 0, "stale"),
    "more-than-30-days": (0 * S, 30 * D + S, 0, "stale"),
    "more-than-30-days-from-then": (-20 * D, 10 * D + S, 0, "stale"),
    "issued-ahead": (301 * S, D, 1, "stale"),
    "expired": (-2 * D, -301 * S, -1, "expired"),
}


@case("clocks.times", "M-3.7", section="3.4", inputs=TIMES)
async def times(play: Play, given: tuple[timedelta, timedelta, int, str]) -> None:
    """
    Times that are not acceptable are refused `stale`, and what expired more than 300 s ago `expired`.

    A gateway that does not look takes a message of last year for one of today.
    """
    issued, expires, way, code = given
    now = play.now() + way * play.leeway
    await play.refused(play.message(issued_at=now + issued, expires_at=now + expires), code)


CHANNEL: dict[str, dict[str, Any]] = {
    "collect": {"type": "collect", "body": {"max": 1}, "path": COLLECT},
    "resync": {"type": "resync", "body": {"threads": [], "more": False}},
    "directory": {"type": "directory", "body": {"serial": 1}},
}


@case("clocks.channel", "M-3.7", section="3.4", inputs=CHANNEL)
async def channel(play: Play, how: dict[str, Any]) -> None:
    """
    The times of a message without a thread are judged like those of any other.

    A gateway that looks at threads alone gives what waits for a State to whoever kept an old `collect` of it.
    """
    for issued, expires, way, code in TIMES.values():
        now = play.now() + way * play.leeway
        await play.refused(play.message(**how, issued_at=now + issued, expires_at=now + expires), code)


EDGES = {
    "30-days": (0 * S, 30 * D),
    "30-days-from-then": (-20 * D, 10 * D),
    "30-days-from-300-s-ahead": (300 * S, 30 * D + 300 * S),
    "at-once": (0 * S, 0 * S),
    "issued-300-s-ahead": (300 * S, D),
    "expired-300-s-ago": (-2 * D, -300 * S),
}


@case("clocks.edges", "M-3.7", section="3.4", inputs=EDGES, positive=True, fresh=True)
async def edges(play: Play, given: tuple[timedelta, timedelta]) -> None:
    """
    Times at the very edge of what is allowed are accepted.

    A gateway that is stricter than the protocol refuses partners whose clocks are as good as its own.
    """
    issued, expires = given
    await play.accepted(play.message(issued_at=play.now() + issued, expires_at=play.now() + expires))


STARTS = {
    "wednesday": START,
    "friday-evening": datetime.fromisoformat("2026-11-27T19:59:00+00:00"),
    "friday-past-midnight-there": datetime.fromisoformat("2026-11-27T20:01:00+00:00"),
    "before-a-holiday": datetime.fromisoformat("2026-12-15T09:00:00+00:00"),
    "over-the-new-year": datetime.fromisoformat("2026-12-23T09:00:00+00:00"),
}


@case("clocks.due-on", "M-5.14", "M-5.13", section="5.5", inputs=STARTS, positive=True, fresh=True)
async def due_on(play: Play, at: datetime) -> None:
    """
    The receipt of a request states the local day of receipt, and the tenth working day after it.

    A gateway that counts the day of the event, a holiday or another zone is late by its partner's calendar, or early.
    """
    calendar = play.gateway.calendar
    if calendar is None:
        raise NotOffered("the back-end names no calendar")
    await play.tick_to(at)
    talk = await play.asks()
    wanted = reckon(calendar, at, 10)
    stated = {name: talk.receipt[name] for name in ("start_on", "due_on")}
    if stated != wanted:
        raise Wrong(f"the receipt states {stated}, not {wanted}")


# An extension, and a delay


def _later(calendar: str | None, start_on: str, n: int = 10) -> str:
    """Return the day that is ``n`` working days after ``start_on`` by ``calendar``."""
    if calendar is None:
        raise NotOffered("the back-end names no calendar")
    holidays = list(schemas.load_calendar(calendar)["holidays"])
    rule = {"n": n, "unit": "working_day", "holidays": holidays, "roll": "none"}
    return reckoned({"start_on": start_on, **rule}).isoformat()


WEEKDAYS = {"wednesday": START, "before-a-holiday": datetime.fromisoformat("2026-12-02T09:00:00+00:00")}


@case("clocks.extension", "M-5.14", section="5.5", inputs=WEEKDAYS, profile="verify", positive=True)
async def extension(play: Play, at: datetime) -> None:
    """
    The gateway's desk uses the one extension, which counts from the old due day, and says the new one.

    A gateway that counts from the day of the message has another end than its partner.
    """
    await play.tick_to(at)
    talk = await play.acknowledged()
    await play.tick(days=2)
    message = await talk.said("verification.delay", {"reason": "ARCHIVE_SEARCH", "extension": True})
    wanted = _later(play.gateway.calendar, talk.receipt["due_on"])
    if (message.body["extension"], message.body["due_on"]) != (True, wanted):
        raise Wrong(f"the extension ends on {message.body['due_on']}, not {wanted}")


@case("clocks.extension-once", "M-5.14", "M-5.30", section="5.5", profile="verify")
async def extension_once(play: Play) -> None:
    """
    The gateway's desk uses the extension once, and up to the end of the due day where it is.

    A gateway that lets it begin again, or come late, has a partner who waits without an end.
    """
    talk = await play.acknowledged()
    longer = {"reason": "ARCHIVE_SEARCH", "extension": True}
    await talk.said("verification.delay", longer)
    await withholds(talk, "verification.delay", longer)
    talk, late = await play.acknowledged(), await play.acknowledged()
    calendar = play.gateway.calendar
    zone = ZoneInfo(schemas.load_calendar(calendar)["zone"]) if calendar else UTC
    day_over = datetime.combine(date.fromisoformat(talk.receipt["due_on"]) + D, time(), zone).astimezone(UTC)
    await play.tick_to(day_over - S)
    await talk.said("verification.delay", longer)
    await play.tick_to(day_over)
    await withholds(late, "verification.delay", longer)


@case("clocks.extension-refused", "M-5.30", "M-5.14", section="5.9", profile="verify", positive=True)
async def extension_refused(play: Play) -> None:
    """
    An extension that the partner refused moves no day: the gateway's desk may use it, counted from the same day.

    A gateway that counts it as used leaves a desk without its time, or goes by a day that the partner never took.
    """
    talk = await play.acknowledged()
    longer = {"reason": "ARCHIVE_SEARCH", "extension": True}
    talk.state.instead = [answers(play.doors, Answering(refuse="illegal-step"))]
    first, second = [(await talk.said("verification.delay", longer)).body["due_on"] for _ in range(2)]
    if second != first:
        raise Wrong(f"the extension leads to {second}, not to {first} as the one that was refused")


def _longer(play: Play, due_on: str) -> Json:
    return {"reason": "ARCHIVE_SEARCH", "eta": due_on, "extension": True, "due_on": due_on}


@case("clocks.extension-taken", "M-5.30", "M-5.14", section="5.9", profile="verify")
async def extension_taken(play: Play) -> None:
    """
    As the asking State the gateway takes one extension, reckons with its new day, and refuses another one.

    A gateway that takes a second one lets the other State answer when it likes.
    """
    talk = await play.taken_up()
    first = play.a.reckon(play.now())["due_on"]
    wanted = _later("XAA-2026-27", first)
    await send(talk, "verification.delay", **_longer(play, wanted))
    rows = await play.sent(talk.thread)
    if rows[0]["due_on"] != wanted:
        raise Wrong(f"the gateway reckons with {rows[0]['due_on']} after the extension, not with {wanted}")
    await refuses(talk, "verification.delay", **_longer(play, _later("XAA-2026-27", wanted)))
    await send(talk, "verification.reply")


@case("clocks.extension-where", "M-5.30", section="5.9", inputs=["question", "contested"], profile="verify")
async def extension_where(play: Play, place: str) -> None:
    """
    An extension is taken where the thread is acknowledged: while a question or a contest waits it is `illegal-step`.

    A gateway that takes it there lets the other State win time for what it has not even begun to look at.
    """
    talk = await play.taken_up()
    due = play.a.reckon(play.now())["due_on"]
    if place == "question":
        await send(talk, "verification.question")
    else:
        await send(talk, "verification.reply")
        await talk.said("verification.contest", {"ground": "NEW_ELEMENT"})
    await refuses(talk, "verification.delay", **_longer(play, _later("XAA-2026-27", due)))
    await send(talk, "verification.delay")


LATER = {"a-year-later": 365, "a-day-later": 1, "a-day-earlier": -1}


@case("clocks.extension-reckoned", "M-5.14", section="5.5", inputs=LATER, profile="verify")
async def extension_reckoned(play: Play, days: int) -> None:
    """
    An extension that names another day is taken, and the gateway reckons with the one of its own rule.

    A gateway that goes by the day it is told lets the other State put its answer off for as long as it likes.
    """
    talk = await play.taken_up()
    wanted = _later("XAA-2026-27", play.a.reckon(play.now())["due_on"])
    named = (date.fromisoformat(wanted) + timedelta(days=days)).isoformat()
    await send(talk, "verification.delay", **_longer(play, named))
    if (found := (await play.sent(talk.thread))[0]["due_on"]) != wanted:
        raise Wrong(f"the gateway reckons with {found} after an extension to {named}, not with {wanted}")


@case("clocks.acknowledges", "M-5.14", "M-3.8", section="3.5", profile="verify", positive=True)
async def acknowledges(play: Play) -> None:
    """
    The gateway's acknowledgement says the days of its receipt again, and by which calendar it reckons.

    A gateway that says none, or others, has told its partner two days for one reply.
    """
    talk = await play.asks()
    await play.tick(days=2)
    said = (await talk.said("verification.acknowledgement", {})).body
    for name in ("start_on", "due_on"):
        if said[name] != talk.receipt[name]:
            raise Wrong(f"{name} is {said[name]} in the acknowledgement, and {talk.receipt[name]} in the receipt")
    if calendar := play.gateway.calendar:
        wanted = {"id": calendar, "version": schemas.load_calendar(calendar)["version"]}
        if said["calendar"] != wanted:
            raise Wrong(f"the acknowledgement names the calendar {said['calendar']}, not {wanted}")


ACKNOWLEDGED: dict[str, dict[str, int | None]] = {
    "no-days": {"start_on": None, "due_on": None},
    "a-month-later": {"start_on": 30, "due_on": 60},
    "only-the-end": {"due_on": 90},
}


@case("clocks.acknowledged-otherwise", "M-5.14", section="3.5", inputs=ACKNOWLEDGED, profile="verify")
async def acknowledged_otherwise(play: Play, says: dict[str, int | None]) -> None:
    """
    An acknowledgement that names other days than the receipt, or none, is taken, and the receipt counts.

    A gateway that goes by it waits for a year, or for ever, and nobody is told that the reply is late.
    """
    talk = await play.is_asked()
    before = (await play.sent(talk.thread))[0]["due_on"]
    dates = {name: None if days is None else day(play, days) for name, days in says.items()}
    await send(talk, "verification.acknowledgement", **dates)
    if (after := (await play.sent(talk.thread))[0]["due_on"]) != before:
        raise Wrong(f"the reply is due on {after} after the acknowledgement, not on {before}")


@case("clocks.reminds", "M-3.8", "M-5.30", section="3.5", profile="verify", positive=True)
async def reminds(play: Play) -> None:
    """
    A reminder of the gateway names the step that is waited for, and counts from 1.

    A gateway that names another step presses a desk for what was done long ago, and that of which it is late goes on.
    """
    talk = await play.taken_up()
    posts = await play.tick(days=20)
    for _ in range(2):
        with suppress(Forbidden):  # where one left by itself a moment ago
            await talk.say("reminder", {})
        posts += await play.tick(days=10)
    said = [talk.take(post).body for post in posts if post.read.type == "reminder"]
    if not said or said != [{"number": number, "step": "reply"} for number in range(1, len(said) + 1)]:
        raise Wrong(f"a reply is waited for, and the reminders say {said}")


@case("clocks.delay-moves-nothing", "M-5.30", "M-5.14", section="5.9", profile="verify")
async def delay_moves_nothing(play: Play) -> None:
    """
    A notice of delay without an extension is taken, and the day of the reply stays what it was.

    A gateway that goes by the announced day lets a word about lateness stand for an agreement.
    """
    talk = await play.taken_up()
    before = (await play.sent(talk.thread))[0]["due_on"]
    await send(talk, "verification.delay", eta=day(play, 60))
    if (after := (await play.sent(talk.thread))[0]["due_on"]) != before:
        raise Wrong(f"the reply is due on {after} after a notice of delay, not on {before}")


SAID = {"in-time": -60 * S, "too-late": 0 * S}
"""When an extension is said: so long after the due day is over where the asked State is. It arrives hours later."""


@case("clocks.extension-under-way", "M-5.14", section="5.5", inputs=SAID, profile="verify")
async def extension_under_way(play: Play, said: timedelta) -> None:
    """
    An extension counts by when it was said: one that was in time and came late is taken, and one said late is not.

    A gateway that goes by the arrival has another day than its partner, whenever a line was down; one that goes by
    neither lets a partner who is late give itself more time.
    """
    calendar = calendar_of("XAA")
    if calendar is None or play.a.code != "XAA":
        raise NotOffered("the asked State has no calendar")
    talk = await play.taken_up()
    first = (await play.sent(talk.thread))[0]["due_on"]
    over = datetime.combine(date.fromisoformat(first) + D, time(0), ZoneInfo(schemas.load_calendar(calendar)["zone"]))
    await play.tick_to(over.astimezone(UTC) + timedelta(hours=9))
    longer, how = _longer(play, _later(calendar, first)), {"issued_at": over + said}
    if said < 0 * S:
        await talk.send("verification.delay", longer, **how)
    else:
        await talk.refused("illegal-step", "verification.delay", longer, **how)
    due_on, wanted = (await play.sent(talk.thread))[0]["due_on"], longer["due_on"] if said < 0 * S else first
    if due_on != wanted:
        raise Wrong(f"the gateway reckons with {due_on}, not with {wanted}")


@case("clocks.second-look", "M-5.14", "M-5.13", section="3.6", inputs=["asked", "asking"], profile="verify")
async def second_look(play: Play, side: str) -> None:
    """
    The time for a second look begins with the receipt of the contest, on both sides.

    A gateway that goes by the first receipt is late, or holds its partner for late, on the day on which it begins.
    """
    if side == "asked":
        talk = await play.replied()
        await play.tick(days=5)
        receipt = await send(talk, "verification.contest")
        found, wanted = receipt["due_on"], reckon(play.gateway.calendar, play.now(), 10)["due_on"]
    else:
        talk = await play.taken_up()
        await send(talk, "verification.reply")
        await play.tick(days=5)
        await talk.said("verification.contest", {"ground": "METHOD_DOUBTED"})
        found, wanted = (await play.sent(talk.thread))[-1]["due_on"], play.a.reckon(play.now())["due_on"]
    if found != wanted:
        raise Wrong(f"the second look is due on {found}, not on {wanted}")


# Whose calendar, and whose word

TOLD: dict[str, Answering] = {
    "as-reckoned": Answering(),
    "a-week-later": Answering(claims=lambda claims: _moved(claims, 7)),
    "a-day-earlier": Answering(claims=lambda claims: _moved(claims, -1)),
}


def _moved(claims: Json, days: int) -> Json:
    moved = date.fromisoformat(claims["due_on"]) + timedelta(days=days)
    return claims | {"due_on": moved.isoformat()}


@case("clocks.its-own-copy", "M-5.14", section="5.5", inputs=TOLD, profile="verify")
async def its_own_copy(play: Play, how: Answering) -> None:
    """
    When it asks, the gateway reckons by its own copy of the asked State's calendar, whatever the receipt says.

    A gateway that believes the receipt lets the other State decide when it is late.
    """
    await play.tick_to(datetime.fromisoformat("2026-12-21T09:00:00+00:00"))
    thread = await play.submit()
    play.a.instead = [answers(play.doors, how)]
    await play.tick()
    row = (await play.sent(thread))[0]
    wanted = play.a.reckon(play.now())["due_on"]
    if (row["state"], row["due_on"]) != ("accepted", wanted):
        raise Wrong(f"the request is {row['state']} and due on {row['due_on']}, not accepted and due on {wanted}")


# Silence


@case("clocks.silence-of-the-asked", "M-5.30", "M-5.11", section="5.9", profile="verify")
async def silence_of_the_asked(play: Play) -> None:
    """
    However long the asked State is silent, the gateway concludes nothing: it may remind, and takes the late answer.

    A gateway that takes silence for an answer turns a lost letter into a decision about a person.
    """
    talk = await play.is_asked(handling={"use_restrictions": ["P0"], "retain_until": day(play, 300), "onward": "none"})
    for _ in range(12):
        for post in await play.tick(days=5):
            if talk.take(post).type != "reminder":
                raise Wrong(f"the gateway posted {post.read.type} because nobody answered")
    if {row["state"] for row in await play.sent(talk.thread)} != {"accepted"}:
        raise Wrong("a message of the gateway was given up although it was received")
    await talk.acknowledge()
    await send(talk, "verification.reply")


@case("clocks.silence-of-the-desk", "M-5.30", section="5.9", profile="verify")
async def silence_of_the_desk(play: Play) -> None:
    """
    However long its own desk is silent, the gateway says nothing by itself, and the desk may still answer.

    A gateway that answers when the time is over signs what nobody has found out.
    """
    talk = await play.asks(handling=play.a.question()["handling"] | {"retain_until": day(play, 300)})
    await play.silent(days=60)
    await send(talk, "reminder")
    await play.silent(days=5)
    await talk.said("verification.acknowledgement", {})
    await play.silent(days=30)
    await talk.said("verification.reply", play.reply("cannot-say"))


@case("clocks.no-calendar", "M-5.14", section="3.6", profile="verify")
async def no_calendar(play: Play) -> None:
    """
    Of a State whose calendar it does not hold the gateway reckons no date, whatever the receipt says.

    A gateway that guesses the weekend of another State presses a partner that is in time.
    """
    if calendar_of(play.b.code) is not None:
        raise NotOffered("every State of the suite has a calendar")
    talk = await play.is_asked(play.b)
    if talk.heard[0].value["clock"] is not None:
        raise Wrong(f"the request names the clock {talk.heard[0].value['clock']}, of no calendar that is held")
    row = (await play.sent(talk.thread))[0]
    if (row["state"], row["due_on"]) != ("accepted", None):
        raise Wrong(f"the request is {row['state']} and due on {row['due_on']}, though no calendar is held")
    await play.silent(days=60)
