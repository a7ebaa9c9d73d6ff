"""Section 5.7: a thread that is stopped says nothing more, and takes itself back without a word of why."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

from conformance.backend import Forbidden
from conformance.bodies import OPEN, body, day, send, signed, withholds
from conformance.door import answers, drops, says
from conformance.play import Play
from conformance.reading import Json
from conformance.registry import Wrong, case
from conformance.returning import acceptance, departure, document, homeward, journey, loses, plan, schedule
from conformance.state import Answering
from conformance.talk import Talk
from conformance.writing import stamp

REASONS = ["protection", "welfare", "other"]


@case("stop.no-request", "M-5.25", section="5.7", profile="verify", inputs=["unknown", "indicated"])
async def no_request(play: Play, state: str) -> None:
    """
    A case in which the protection question is open never leaves, whatever the desk does.

    A gateway that sends it tells a State about a person who may have fled from it.
    """
    asylum = play.draft()["asylum"] | {"state": state}
    with suppress(Forbidden):
        await play.submit(asylum=asylum)
    await play.silent(days=3)


@case("stop.after-freeze", "M-5.25", section="5.7", profile="verify", inputs=REASONS)
async def after_freeze(play: Play, reason: str) -> None:
    """
    A case that is stopped before its request was posted is never heard of, nor is its withdrawal.

    A gateway that sends a withdrawal for what was never sent tells the partner that there is such a person.
    """
    talk = Talk(play, play.a, asking=False, thread=await play.submit())
    await talk.withdraw(reason)
    await play.silent(days=3)


@case("stop.withdrawal", "M-5.26", "M-5.22", section="5.7", profile="verify", inputs=REASONS, positive=True)
async def withdrawal(play: Play, reason: str) -> None:
    """
    A withdrawal leaves at the next full hour, not before, under the next number, and says nothing of the reason.

    A gateway whose withdrawals differ by their reason tells the reason.
    """
    talk = await play.taken_up()
    await play.tick(minutes=17)
    await talk.withdraw(reason)
    await play.silent()
    await play.silent(minutes=42, seconds=59)
    message = talk.take(play.one(await play.tick(seconds=1), "withdrawal"))
    if message.body != {"code": "WITHDRAWN_NO_REASON"}:
        raise Wrong(f"the withdrawal says {message.body}")
    if message.value["issued_at"] != stamp(play.now()):
        raise Wrong(f"its issued_at is {message.value['issued_at']} and not the hour, so it tells more (M-5.26)")
    await play.silent(days=2)


@case("stop.provoked", "M-5.30", section="5.9", profile="verify")
async def provoked(play: Play) -> None:
    """
    Nothing that a partner sends in a stopped thread makes the gateway post anything but the withdrawal.

    A gateway that answers a reminder, a question or a reply goes on talking about a person it was to protect.
    """
    talk = await play.taken_up()
    await talk.withdraw("protection")
    question = {"code": "AMBIGUOUS", "candidates": 2, "elements": ["document"]}
    await play.post(talk.message("verification.question", question))
    await play.post(talk.message("verification.reply", talk.reply_body(), seq=talk.seq + 2))
    posts = [post.read.type for post in await play.tick(hours=1)]
    if posts != ["withdrawal"]:
        raise Wrong(f"the gateway posted {posts}")
    await play.silent(days=9)


# What the desk may say no more


Says = Sequence[tuple[str, Callable[[Play], Json]]]
Scene = tuple[Callable[[Play], Awaitable[Talk]], Says]


async def _questioned(play: Play) -> Talk:
    talk = await play.taken_up(elements=play.draft()["elements"] | {"sex": 2})
    await send(talk, "verification.question")
    return talk


async def _invited(play: Play) -> Talk:
    talk = await play.taken_up(**OPEN)
    await send(talk, "verification.interview")
    return talk


async def _answered(play: Play) -> Talk:
    return await homeward(play, "replied")


async def _papers_asked(play: Play) -> Talk:
    talk = await journey(play, "accepted")
    await send(talk, "travel-document.request")
    return talk


def _agreed(play: Play) -> Json:
    return {"decision": "ACCEPTED", "present": ["LAWYER"], "on": day(play, 2)}


def _bare(play: Play) -> Json:
    return {}


ACKNOWLEDGES: Says = [("verification.acknowledgement", _bare)]
WORKS: Says = [
    ("verification.question", lambda play: {"candidates": 2, "elements": ["SEX"]}),
    ("verification.delay", lambda play: {"reason": "ARCHIVE_SEARCH", "eta": day(play, 20)}),
    ("verification.delay", lambda play: {"reason": "ARCHIVE_SEARCH", "extension": True}),
    ("verification.reply", lambda play: play.reply()),
]
QUIET: dict[str, Scene] = {
    "asking-elements": (_questioned, [("verification.elements", _bare)]),
    "asking-contest": (_answered, [("verification.contest", lambda play: {"ground": "WRONG_PERSON"})]),
    "asked-acknowledges": (Play.asks, ACKNOWLEDGES),
    "asked-works": (Play.acknowledged, WORKS),
}
QUIET_RETURN: dict[str, Scene] = {
    "asking-proposes": (_answered, [("return.proposal", plan)]),
    "asked-accepts": (lambda play: journey(play, "proposed"), [("return.acceptance", acceptance)]),
    "asked-issues": (_papers_asked, [("travel-document.issued", lambda play: {"document": document(play)})]),
}


async def _says_nothing(play: Play, scene: Scene) -> None:
    """Insist that nothing of ``scene`` leaves: neither what was handed in before its case was stopped, nor after it."""
    begin, says = scene
    for first in (True, False):
        talk = await begin(play)
        if first:
            await talk.say(says[0][0], says[0][1](play))
        await talk.freeze("other")  # so that nothing stands in the way but the stop itself
        posts = await play.tick()
        for type, value in () if first else says:
            with suppress(Forbidden):
                await talk.say(type, value(play))
            posts += await play.tick(hours=7)
        posts += await play.tick(days=1 if first else 40)
        allowed = {"suspension"} if talk.asking else set[str]()  # that a return is stopped the asked State may say
        if found := {post.read.type for post in posts} - allowed:
            when = "before" if first else "after"
            raise Wrong(f"of a case that was stopped {', '.join(sorted(found))} left, handed in {when} it")
        if first and not talk.asking:
            await play.fresh()  # a stop may hold every case of the person


@case("stop.desk-says-nothing", "M-5.25", section="5.7", profile="verify", inputs=QUIET, seconds=60.0)
async def desk_says_nothing(play: Play, scene: Scene) -> None:
    """
    Once a case is stopped its desk says nothing more, nor does what it handed in before leave that was never posted.

    A gateway that stops what its partner says, and not its own desk, goes on asking about a person to be left alone, or
    answering a State from which she fled.
    """
    await _says_nothing(play, scene)


@case("stop.desk-in-a-return", "M-5.25", section="5.7", profile="return", inputs=QUIET_RETURN, seconds=60.0)
async def desk_in_a_return(play: Play, scene: Scene) -> None:
    """
    Once a case is stopped nothing of a return is proposed, accepted or issued; that it is stopped the asked State says.

    A gateway whose desk goes on has a return under way which its own protection authority has stopped.
    """
    await _says_nothing(play, scene)


@case("stop.desk-interview", "M-5.25", section="5.7", profile="full")
async def desk_interview(play: Play) -> None:
    """
    Once a case is stopped its desk agrees to no interview.

    A gateway that lets it brings the person before the officials of the State that she fears.
    """
    await _says_nothing(play, (_invited, [("verification.interview-answer", _agreed)]))


@case("stop.answered-after-all", "M-5.22", "M-5.30", section="5.9", profile="return")
async def answered_after_all(play: Play) -> None:
    """
    A reply that comes after the gateway's withdrawal is taken, and its desk goes on with nothing by it.

    A gateway that lets it contest, or propose a return, has a case that was withdrawn and goes on.
    """
    talk = await _answered_late(play)
    await withholds(talk, "verification.contest", {"ground": "WRONG_PERSON"}, days=0)
    await withholds(talk, "return.proposal", plan(play))


async def _answered_late(play: Play) -> Talk:
    talk = await play.taken_up()
    await talk.withdraw("other")
    talk.take(play.one(await play.tick(hours=1), "withdrawal"))
    await send(talk, "verification.reply")
    return talk


# In the middle of something


@case("stop.under-retries", "M-5.25", "M-5.22", "M-5.26", section="5.7", profile="verify", inputs=REASONS)
async def under_retries(play: Play, reason: str) -> None:
    """
    A request that was posted and got no receipt is not posted again once its case is stopped; its withdrawal is.

    A gateway that goes on trying asks about a person from whom it was to keep away, each hour for a month.
    """
    talk = Talk(play, play.a, asking=False, thread=await play.submit())
    play.a.instead = [drops(), says("later")]
    talk.take(play.one(await play.tick(), "verification.request"))
    await play.tick(minutes=5)
    play.a.instead = []
    await talk.freeze(reason)
    await play.silent(days=2)
    await talk.act("withdraw")
    message = talk.take(play.one(await play.tick(hours=1), "withdrawal"))
    if message.value["seq"] != 2:
        raise Wrong(f"the withdrawal has the number {message.value['seq']}, not the one after the last posted")
    await play.silent(days=31)


@case("stop.after-a-restart", "M-5.25", "M-5.12", section="5.7", profile="verify", needs=["restart"])
async def after_a_restart(play: Play) -> None:
    """
    A stop outlasts a restart, and so does the hour of a withdrawal that was decided before it.

    A gateway that has either in memory alone asks about the person once more as soon as somebody starts it again.
    """
    talk = Talk(play, play.a, asking=False, thread=await play.submit())
    play.a.instead = [drops()]
    talk.take(play.one(await play.tick(), "verification.request"))
    await talk.freeze("other")
    await play.offered("/restart")
    await play.silent(days=2, minutes=7)
    await talk.act("withdraw")
    await play.offered("/restart")
    await play.silent()
    talk.take(play.one(await play.tick_to(play.now() + talk.to_full_hour()), "withdrawal"))


@case("stop.at-the-full-hour", "M-5.26", section="5.7", profile="verify", inputs=REASONS)
async def at_the_full_hour(play: Play, reason: str) -> None:
    """
    A withdrawal that is decided at a full hour leaves an hour later.

    A gateway that posts it at once shows that this one was urgent.
    """
    talk = await play.taken_up()
    await play.tick_to(play.now() + talk.to_full_hour())
    await talk.withdraw(reason)
    await play.silent()
    await play.silent(minutes=59, seconds=59)
    talk.take(play.one(await play.tick(seconds=1), "withdrawal"))


OUT_OF_TIME = ["stale", "expired"]


@case("stop.said-again", "M-5.27", "M-5.22", section="5.8", profile="verify", inputs=OUT_OF_TIME)
async def said_again(play: Play, code: str) -> None:
    """
    A withdrawal that its partner refuses for its times alone is said again, under the next number, until it is heard.

    A gateway that leaves it at that lets a wrong clock, here or there, keep a case open that was taken back.
    """
    talk = await play.taken_up()
    await talk.withdraw("protection")
    play.a.instead = [answers(play.doors, Answering(refuse=code))]
    await _twice(talk, "withdrawal")


@case("stop.suspended-again", "M-5.27", "M-5.33", section="5.8", profile="return", inputs=OUT_OF_TIME, seconds=60.0)
async def suspended_again(play: Play, code: str) -> None:
    """
    A suspension that its partner refuses for its times alone is said again until it is heard.

    A gateway that leaves it at that has stopped, and its partner goes on with a person who is not to come.
    """
    talk = await homeward(play, "accepted")
    play.a.instead = [answers(play.doors, Answering(refuse=code))]
    await talk.say("suspension", {})
    await _twice(talk, "suspension")


@case("stop.called-back-again", "M-5.27", "M-5.34", section="5.8", profile="return", inputs=OUT_OF_TIME, seconds=60.0)
async def called_back_again(play: Play, code: str) -> None:
    """
    A take-back that its partner refuses for its times alone is said again until it is heard.

    A gateway that leaves it at that has called somebody back, and nobody at the other end knows of the danger.
    """
    talk = await homeward(play, "departed")
    play.a.instead = [answers(play.doors, Answering(refuse=code))]
    await talk.say("return.take-back", {"reason": "UNSAFE", "by": day(play, 5)})
    await _twice(talk, "return.take-back")


@case("stop.resumed-not-again", "M-5.27", "M-5.33", section="5.8", profile="return", seconds=60.0)
async def resumed_not_again(play: Play) -> None:
    """
    A suspension that was refused for its times, and that does not stand any more, is not said again.

    A gateway that says it again stops what its own authority lets go on, and nobody lifts it.
    """
    talk = await homeward(play, "accepted")
    play.a.instead = [answers(play.doors, Answering(refuse="expired"))]
    await talk.say("suspension", {})
    await talk.say("resumption", {})
    said = [post.read.type for hour in range(3) for post in await play.tick(hours=hour)]
    if said[-1:] != ["resumption"]:
        raise Wrong(f"the gateway said {', '.join(said)}")


async def _twice(talk: Talk, type: str) -> None:
    """Insist that two messages of ``type`` are posted within some hours, and nothing else: the second one was heard."""
    for _ in range(6):
        for post in await talk.play.tick(hours=1):
            talk.take(post)
    if (said := [message.type for message in talk.heard[-2:]]) != [type, type]:
        raise Wrong(f"the {type} was refused for its times, and the gateway said at last {', '.join(said)}")
    if (await talk.states())[-2:] != ["refused", "accepted"]:
        raise Wrong(f"the messages stand as {', '.join(await talk.states())}")


@case("stop.until-heard", "M-5.11", "M-5.25", section="5.3", profile="return", inputs=["withdrawal", "suspension"])
async def until_heard(play: Play, type: str) -> None:
    """
    Word of a stop whose answer does not come is posted again, in the same bytes, until it is heard.

    A gateway that posts nothing any more of a case that is stopped has stopped, and nobody else has.
    """
    talk = await (play.taken_up() if type == "withdrawal" else homeward(play, "accepted"))
    play.a.instead = [drops(), says("later"), says("out-of-order")]
    await (talk.withdraw("protection") if type == "withdrawal" else talk.say(type, {}))
    posts = [post for _ in range(8) for post in await play.tick(hours=1)]
    if len(posts) != 4 or {post.raw for post in posts} != {posts[0].raw} or posts[0].read.type != type:
        raise Wrong(f"the gateway posted {', '.join(post.read.type for post in posts) or 'nothing'}")
    if (await talk.states())[-1] != "accepted":
        raise Wrong(f"the {type} stands as {(await talk.states())[-1]}")


@case("stop.never-answered", "M-5.25", "M-5.10", "M-5.26", section="5.7", profile="verify", inputs=REASONS)
async def never_answered(play: Play, reason: str) -> None:
    """
    A request that never got an answer is withdrawn all the same: it was posted, and may have come.

    A gateway that lets it be, because nobody seems to have it, leaves a State looking for a person who was to be let
    alone.
    """
    talk = Talk(play, play.a, asking=False, thread=await play.submit())
    await loses(talk)
    await talk.withdraw(reason)
    await play.silent(minutes=1)
    message = talk.take(play.one(await play.tick(hours=1), "withdrawal"))
    if message.body != {"code": "WITHDRAWN_NO_REASON"}:
        raise Wrong(f"the withdrawal says {message.body}")
    await play.silent(days=2)


RETURNING = ["proposed", "accepted", "documented", "planned"]


@case("stop.in-a-return", "M-5.25", "M-5.30", section="5.10", profile="return", inputs=RETURNING, seconds=60.0)
async def in_a_return(play: Play, place: str) -> None:
    """
    Once protection is asked for in a return nothing of it leaves any more but the withdrawal, whatever comes.

    A gateway that still answers, plans or announces brings a person to the State that the person fears.
    """
    talk = await homeward(play, place)
    await talk.freeze("protection")
    for type in ("travel-document.reissue", "suspension", "resumption"):
        value = body(play, talk, type)
        await play.post(talk.message(type, value, statements=signed(talk, type, value)))
        talk.seq += 1
    for type, value in (
        ("travel-document.request", {"needed_by": day(play, 15)}),
        ("return.schedule", schedule(play, departure(play))),
        ("return.schedule", {"status": "departed"}),
        ("suspension", {}),
    ):
        with suppress(Forbidden):
            await talk.say(type, value)
    await play.silent(days=30)
    with suppress(Forbidden):
        await talk.act("withdraw")
        types = [post.read.type for post in await play.tick(hours=1)]
        if types not in ([], ["withdrawal"]):
            raise Wrong(f"after the withdrawal was decided the gateway posted {', '.join(types)}")
    await play.silent(days=30)


@case("stop.left-all-the-same", "M-5.30", "M-5.25", section="5.9", profile="return", seconds=60.0)
async def left_all_the_same(play: Play) -> None:
    """
    Where the asked State's own desk has stopped the case word of a departure is taken, and the person called back.

    A gateway that refuses it knows of nobody on the way, and nobody calls back whom it stopped everything for.
    """
    talk = await journey(play, "planned")
    with suppress(Forbidden):
        await talk.freeze("other")
    await play.tick()
    left = {**schedule(play, departure(play)), "status": "departed", "departs_at": stamp(play.now())}
    await send(talk, "return.schedule", **left)
    await talk.say("return.take-back", {"reason": "UNSAFE", "by": day(play, 5)})
    if "return.take-back" not in [post.read.type for post in await play.tick()]:
        raise Wrong("the gateway does not say that whoever has left is to be taken back")


@case("stop.nobody-dropped", "M-5.34", "M-5.25", section="5.10", profile="return", seconds=60.0)
async def nobody_dropped(play: Play) -> None:
    """
    Once a person has left the gateway withdraws nothing, whatever its desk tries, and calls her back instead.

    A gateway whose withdrawal leaves has forgotten somebody who is in the air, and its partner refuses it for that.
    """
    talk = await homeward(play, "departed")
    for act in ("freeze", "withdraw", "close"):
        with suppress(Forbidden):
            await talk.act(act, **({"reason": "other"} if act == "freeze" else {}))
    posts = [post.read.type for _ in range(3) for post in await play.tick(hours=1)]
    if posts:
        raise Wrong(f"of somebody who is on the way the gateway posted {', '.join(posts)}")
    await talk.said("return.take-back", {"reason": "UNSAFE", "by": day(play, 5)})


# The same, whatever the reason


Seen = list[tuple[Any, ...]]
UNLIKE = ("id", "thread", "prev", "in_reply_to", "body_bytes", "reply", "carer")
"""What is random, or a digest of something random, in any two messages."""


async def _watch(play: Play, scene: Callable[[Play, str, Seen], Awaitable[None]], reason: str) -> Seen:
    """Play ``scene`` and return all that a partner and the line saw of it: when, where, how large, and what it said."""
    await play.fresh()
    answers: Seen = []
    heard = len(play.doors.posts)
    await scene(play, reason, answers)
    posts = [
        (post.at, post.path, sorted(post.headers), len(post.raw), _without(post.read.value))
        for post in play.doors.posts[heard:]
    ]
    return [*posts, *answers]


def _without(value: Json) -> str:
    kept = {name: part for name, part in value.items() if name not in UNLIKE}
    kept["body"] = {name: part for name, part in value["body"].items() if name not in UNLIKE}
    kept["statements"] = len(value["statements"])
    return repr(sorted(kept.items()))


async def _provoke(talk: Talk, seen: Seen, *types: str) -> None:
    """Say each of ``types`` in the thread and note how the gateway answers."""
    play = talk.play
    for type in types:
        value = body(play, talk, type)
        shot = talk.message(type, value, statements=signed(talk, type, value))
        got = await play.post(shot)
        headers = sorted(item for item in got.headers.items() if item[0] != "date")
        said = play.receipt(got, shot) if got.status == 200 else {"code": got.body}
        if got.status == 200:
            talk.used(shot)
        seen.append((play.now(), type, got.status, headers, len(got.body), said.get("status"), said["code"]))


async def _verification(play: Play, reason: str, seen: Seen) -> None:
    talk = await play.taken_up()
    await play.tick(minutes=17)
    await talk.freeze(reason)
    await _provoke(talk, seen, "verification.delay", "reminder")
    await play.tick(minutes=50)
    await talk.act("withdraw")
    for _ in range(6):
        await play.tick(minutes=20)
    await _provoke(talk, seen, "verification.reply", "use-report.request", "verification.delay", "erasure")
    await play.tick(days=3)


async def _question(play: Play, reason: str, seen: Seen) -> None:
    talk = await play.taken_up()
    await send(talk, "verification.question")
    play.a.instead = [says("later", "60")]
    await talk.say("verification.elements", {})
    await play.tick()
    await talk.freeze(reason)
    await _provoke(talk, seen, "verification.reply", "verification.question")
    await play.tick(hours=30)
    await talk.act("withdraw")
    await play.tick(days=2)


async def _asked(play: Play, reason: str, seen: Seen) -> None:
    talk = await play.acknowledged()
    await talk.freeze(reason)
    await _provoke(talk, seen, "reminder", "verification.contest", "use-report.request", "verification.request")
    await play.tick(days=12)
    await _provoke(talk, seen, "reminder", "withdrawal", "reminder")
    await play.tick(days=2)


async def _return(play: Play, reason: str, seen: Seen) -> None:
    talk = await homeward(play, "accepted")
    await talk.freeze(reason)
    await _provoke(talk, seen, "suspension", "travel-document.issued", "resumption", "return.take-back")
    await play.tick(days=1)
    with suppress(Forbidden):
        await talk.act("withdraw")
    await play.tick(days=2)
    await _provoke(talk, seen, "travel-document.issued", "suspension")


SCENES: dict[str, Callable[[Play, str, Seen], Awaitable[None]]] = {
    "asked-nothing-yet": _verification,
    "in-the-middle-of-retries": _question,
    "as-the-asked-state": _asked,
}


async def _alike(play: Play, scene: Callable[[Play, str, Seen], Awaitable[None]]) -> None:
    first, *others = [(reason, await _watch(play, scene, reason)) for reason in REASONS]
    for reason, seen in others:
        if len(seen) != len(first[1]):
            raise Wrong(
                f"with the reason {reason} there were {len(seen)} things to see, with {first[0]} {len(first[1])}"
            )
        for one, other in zip(first[1], seen, strict=True):
            if one != other:
                differs = next(place for place, pair in enumerate(zip(one, other, strict=True)) if pair[0] != pair[1])
                raise Wrong(f"{str(one[1])[:40]} shows the reason: {one[differs]!s:.80} or {other[differs]!s:.80}")


@case("stop.alike", "M-5.26", section="5.7", profile="verify", inputs=SCENES, seconds=60.0)
async def alike(play: Play, scene: Callable[[Play, str, Seen], Awaitable[None]]) -> None:
    """
    Runs that differ in nothing but the reason of a stop are the same to see: messages, times, sizes, codes, headers.

    A gateway in which one kind of stop looks another way tells the State that a person fled from it.
    """
    await _alike(play, scene)


@case("stop.alike-in-a-return", "M-5.26", "M-5.33", section="5.10", profile="return", seconds=60.0)
async def alike_in_a_return(play: Play) -> None:
    """
    In a return too a stop shows no reason, in nothing that leaves and in no answer.

    A gateway that suspends for illness and withdraws for protection says which of the two it was.
    """
    await _alike(play, _return)


@case("stop.goes-on", "M-5.30", section="5.9", inputs=["asking", "asked"], profile="return", needs=["go-on"])
async def goes_on(play: Play, side: str) -> None:
    """
    What came while the gateway's own desk had stopped a case leads to nothing before that goes on, and counts then.

    A gateway that acts on it goes on over its own stop; one that only filed it has lost the reply, or the proposal, by
    which its desk was to go on.
    """
    asking = side == "asking"
    talk = await (play.taken_up() if asking else journey(play, "replied"))
    await talk.freeze("other")
    await (send(talk, "verification.reply") if asking else send(talk, "return.proposal", reply=talk.heard[-1].digest))
    type, says = ("return.proposal", plan(play)) if asking else ("return.acceptance", acceptance(play))
    await withholds(talk, type, says, days=0)
    await talk.act("go-on", reason="other")
    said = await talk.said(type, says)
    if asking and said.body["reply"] != talk.own:
        raise Wrong("the proposal rests on another reply than the one that came")


@case("stop.nobody-reminded", "M-5.25", section="5.7", profile="verify", inputs=REASONS)
async def nobody_reminded(play: Play, reason: str) -> None:
    """
    While its desk has stopped a case the gateway reminds nobody of it, however long the reply is overdue.

    A gateway whose timers do not know of the stop presses a State to look for a person who is to be let alone.
    """
    talk = await play.taken_up()
    await talk.freeze(reason)
    for _ in range(3):
        await play.silent(days=12)


OF_DATA = {"use-report.request": {}, "onward.request": {"purpose": "TRAVEL_DOC", "recipient": "CONSULATE"}}


@case("stop.set-aside", "M-5.25", section="5.7", inputs=OF_DATA, profile="full", needs=["set-aside"])
async def set_aside(play: Play, says: Json) -> None:
    """
    What waited in a request when it was set aside leaves neither then nor once that is closed.

    A gateway that looks at the stop and not at what ends it asks about a person of whom its desk had decided to ask
    nothing more.
    """
    talk = await play.taken_up()
    await talk.say("onward.request" if says else "use-report.request", says)
    await talk.act("set-aside")
    await play.silent(play.a, hours=2)
    await talk.act("close")
    for days in (1, 31):
        await play.silent(play.a, days=days)
