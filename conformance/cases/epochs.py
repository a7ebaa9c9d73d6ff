"""Sections 5.2 and 5.8: a partner that came back from a backup, and what the gateway does for it."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from conformance.bodies import day, send
from conformance.door import answers, drops, says
from conformance.play import Play
from conformance.reading import Json, instant
from conformance.registry import Wrong, case
from conformance.returning import acceptance, departure, homeward, journey, schedule, told
from conformance.state import COLLECT, Answering, Message, Post
from conformance.talk import Talk

S, D = timedelta(seconds=1), timedelta(days=1)


CHANNEL: dict[str, dict[str, Any]] = {
    "request": {},
    "request-behind-a-gap": {"seq": 5},
    "withdrawal": {"type": "withdrawal", "body": {"code": "WITHDRAWN_NO_REASON"}},
    "collect": {"type": "collect", "body": {"max": 1}, "path": COLLECT},
    "resync": {"type": "resync", "body": {"threads": [], "more": False}},
    "directory": {"type": "directory", "body": {"serial": 1}},
}


@case("epochs.lower", "M-5.8", section="5.2", inputs=CHANNEL, fresh=True)
async def lower(play: Play, how: dict[str, Any]) -> None:
    """
    An epoch lower than the one in the sender's card is refused, of a thread and of the channel alike.

    A gateway that takes it lets whoever has the old machine, or recorded its messages, go on speaking for the State.
    """
    await play.restored(play.a)
    shot = play.message(**how, epoch=1)
    await play.refused(shot, "illegal-step")


@case("epochs.higher", "M-5.8", section="5.2", inputs=CHANNEL)
async def higher(play: Play, how: dict[str, Any]) -> None:
    """
    An epoch higher than the one in the sender's card is `later`, of a thread and of the channel alike.

    A gateway that refuses it for good loses a message whose card is on its way.
    """
    await play.problem(play.message(**how, epoch=2), "later")


EARLY = {
    "issued-ahead": (301 * S, D),
    "more-than-30-days": (0 * S, 30 * D + S),
    "expired": (-2 * D, -301 * S),
}


@case("epochs.higher-first", "M-5.9", "M-5.1", section="5.2", inputs=EARLY)
async def higher_first(play: Play, times: tuple[timedelta, timedelta]) -> None:
    """
    A higher epoch than that of the sender's card is `later` also where the times alone would have the message refused.

    A gateway that refuses it uses up no number where the sender does, and takes nothing more of that thread.
    """
    issued, expires = times
    shot = play.message(epoch=2, issued_at=play.now() + issued, expires_at=play.now() + expires)
    await play.problem(shot, "later")


@case("epochs.numbers-anew", "M-5.8", "M-5.7", section="5.2", fresh=True)
async def numbers_anew(play: Play) -> None:
    """
    In a new epoch numbers begin at 1 again, and a message of the old epoch uses none of them.

    A gateway that counts on waits for numbers that the restored sender does not remember.
    """
    talk = await play.asks()
    await send(talk, "reminder")
    await play.restored(play.a)
    await play.refused(talk.message("reminder", {"number": 1, "step": "reply"}, epoch=1), "illegal-step")
    await play.problem(talk.message("reminder", {"number": 1, "step": "reply"}, seq=2), "out-of-order")
    talk.seq = 0
    await send(talk, "reminder", number=2)
    await send(talk, "reminder", number=3)
    await send(talk, "withdrawal")


@case("epochs.posts-again", "M-5.28", "M-1.2", section="5.8", profile="verify", positive=True)
async def posts_again(play: Play) -> None:
    """
    On a new epoch the gateway posts the envelopes of the last 30 days again, byte for byte, and takes the old answer.

    A gateway that waits to be asked leaves a restored partner without messages that it had receipted.
    """
    asked, asking = await play.acknowledged(), await play.is_asked()
    play.a.instead = [answers(play.doors, Answering(refuse="illegal-step"))]
    for _ in range(2):
        await asked.said("verification.reply", play.reply())
    before = [row["state"] for row in await play.sent()]
    wanted = {message.raw for talk in (asked, asking) for message in talk.heard}
    await play.tick(days=1)
    await play.restored(play.a)
    posts = await play.tick()
    again = {post.raw for post in posts if post.read.type != "resync"}
    if again != wanted:
        raise Wrong(
            f"{len(again & wanted)} of {len(wanted)} envelopes were posted again, and {len(again - wanted)} new"
        )
    if [row["state"] for row in await play.sent() if row["type"] != "resync"] != before:
        raise Wrong("what was answered before stands otherwise after it was posted again")
    await asking.acknowledge()


@case("epochs.first-stands", "M-5.28", section="5.8", profile="verify", positive=True)
async def first_stands(play: Play) -> None:
    """
    Where a partner that was restored answers otherwise than it did before, the first answer stands.

    A gateway that goes by the second takes back a reply by which somebody has acted, and has a case without an answer.
    """
    talk = await play.replied()
    await play.restored(play.a)
    play.a.answering = Answering(refuse="illegal-step")
    await play.tick()
    play.a.answering = Answering()
    stands = [row["state"] for row in await play.sent(talk.thread)]
    if stands != ["accepted", "accepted"]:
        raise Wrong(f"what was accepted before stands as {', '.join(stands)}")
    await play.silent(play.a, days=1)
    play.a.epoch = 2
    talk.seq = 0
    await send(talk, "verification.contest")


@case("epochs.takes-back", "M-5.28", section="5.8", profile="full", level="SHOULD")
async def takes_back(play: Play) -> None:
    """
    A reply that was refused and replaced, and that its restored partner takes now, is taken back at once.

    A gateway that leaves it there has a partner that goes by the reply of which both had agreed that it is none.
    """
    talk = await play.acknowledged()
    play.a.instead = [answers(play.doors, Answering(refuse="illegal-step"))]
    first = await talk.said("verification.reply", play.reply())
    await talk.said("verification.reply", play.reply("cannot-say"))
    await play.restored(play.a)
    del play.a.answers[first.digest]
    posts = [post.read for post in [*await play.tick(), *await play.tick(hours=1)]]
    taken = [message.body["parts"] for message in posts if message.type == "rectification"]
    if taken != [["REPLY"]]:
        raise Wrong(
            f"the gateway posted {', '.join(message.type for message in posts)}, and took its reply back in none"
        )


ANSWERS: dict[str, Callable[[Play], Json]] = {
    "accepted": acceptance,
    "refused": lambda play: {"decision": "refused", "reason": "NO_CARER"},
}
"""What a gateway says in place of an acceptance that its partner refused."""


@case("epochs.acceptance-back", "M-5.28", section="5.8", inputs=ANSWERS, profile="return", level="SHOULD", seconds=60.0)
async def acceptance_back(play: Play, answer: Callable[[Play], Json]) -> None:
    """
    An acceptance that was refused and replaced, and that its restored partner takes now, is taken back by a suspension.

    A gateway that leaves it there has a person on the way whom it refused since, or to people who are not there.
    """
    talk = await journey(play, "proposed")
    play.a.instead = [answers(play.doors, Answering(refuse="illegal-step"))]
    first = await talk.said("return.acceptance", acceptance(play))
    await talk.said("return.acceptance", answer(play))
    await play.restored(play.a)
    del play.a.answers[first.digest]
    posts = [post.read.type for post in [*await play.tick(), *await play.tick(hours=1)]]
    if posts.count("suspension") != 1:
        raise Wrong(f"the gateway posted {', '.join(posts)}, and did not suspend what its partner takes for accepted")


async def _stopped_asking(play: Play) -> Talk:
    talk = await play.taken_up()
    await talk.freeze("protection")
    return talk


async def _stopped_asked(play: Play) -> Talk:
    talk = await play.replied()
    await talk.freeze("protection")
    return talk


async def _withdrawn(play: Play) -> Talk:
    talk = await play.taken_up()
    await talk.withdraw("protection")
    talk.take(play.one(await play.tick(hours=1), "withdrawal"))
    return talk


SILENT: dict[str, tuple[Callable[[Play], Awaitable[Talk]], list[str]]] = {
    "stopped-asking": (_stopped_asking, []),
    "stopped-asked": (_stopped_asked, []),
    "withdrawn": (_withdrawn, ["withdrawal"]),
}


@case("epochs.stopped", "M-5.28", "M-5.25", section="5.8", inputs=SILENT, profile="verify")
async def stopped(play: Play, how: tuple[Callable[[Play], Awaitable[Talk]], list[str]]) -> None:
    """
    Of a case that its desk has stopped nothing is posted again to a restored partner but its withdrawal.

    A gateway that posts it names the person once more to a State that had forgotten whom it was to forget.
    """
    begin, wanted = how
    other, talk = await play.acknowledged(), await begin(play)
    await play.restored(play.a)
    posts = [post.read for post in await play.tick() if post.read.type != "resync"]
    if (found := [message.type for message in posts if message.thread == talk.thread]) != wanted:
        raise Wrong(f"of the case that was stopped the gateway posted {', '.join(found) or 'nothing'} again")
    if [message.raw for message in posts if message.thread == other.thread] != [other.heard[0].raw]:
        raise Wrong("what was not stopped was not posted again")
    await play.silent(play.a, days=2)


@case("epochs.plan-again", "M-5.28", section="5.8", profile="return", positive=True, seconds=60.0)
async def plan_again(play: Play) -> None:
    """
    A plan that was made more than 30 days ago, and told since, is posted again to a restored partner.

    A gateway that counts from when its desk planned keeps to itself when somebody comes, and whoever forgot it waits at
    no gate: word of the departure has the number after it.
    """
    talk = await homeward(play, "documented", proposing={"window": {"from": day(play, 10), "until": day(play, 50)}})
    leaves = departure(play) + 15 * D
    await talk.say("return.schedule", schedule(play, leaves))
    plan = await told(talk, leaves)
    await play.tick(days=1)
    await play.restored(play.a)
    if plan.raw not in [post.raw for post in await play.tick()]:
        raise Wrong("the plan was not posted again, though it could leave within the last 30 days")


SIDES: dict[str, Callable[[Play], Awaitable[Talk]]] = {"asking": Play.taken_up, "asked": Play.replied}


@case("epochs.goes-on", "M-5.28", section="5.8", inputs=SIDES, profile="verify", needs=["go-on"], positive=True)
async def goes_on(play: Play, begin: Callable[[Play], Awaitable[Talk]]) -> None:
    """
    What was not posted again to a restored partner, because its case was stopped, is once that goes on.

    A gateway that leaves it out waits for an answer to what its partner has forgotten, or has replied to nobody.
    """
    talk = await begin(play)
    await talk.freeze("other")
    await play.restored(play.a)
    stopped = [post.read.type for post in await play.tick() if post.read.type != "resync"]
    await talk.act("go-on", reason="other")
    again = [post.raw for post in [*await play.tick(), *await play.tick(hours=1)] if post.read.type != "resync"]
    if stopped or sorted(again) != sorted(message.raw for message in talk.heard):
        raise Wrong(
            f"of {len(talk.heard)} messages {len(stopped)} were posted again before the case went on, {len(again)} then"
        )


@case(
    "epochs.set-aside",
    "M-5.28",
    "M-5.25",
    section="5.8",
    profile="verify",
    needs=["set-aside"],
    inputs=["after", "before", "under-way"],
)
async def set_aside(play: Play, when: str) -> None:
    """
    Of a request that was set aside and closed nothing is posted again, whenever its partner was restored.

    A gateway that posts it asks a State that had forgotten it about somebody of whom its desk had decided to ask
    nothing.
    """
    other, talk = await play.acknowledged(), await play.taken_up()
    if when == "under-way":
        play.a.instead = [drops() for _ in range(5)]
        await play.restored(play.a)
        await play.tick()
        play.a.instead = []
    await talk.act("set-aside")
    posts: list[Post] = []
    if when == "before":
        await play.restored(play.a)
        posts += await play.tick()
    await talk.act("close")
    if when == "after":
        await play.restored(play.a)
    posts += [*await play.tick(), *await play.tick(days=2)]
    if found := [post.read.type for post in posts if post.read.thread == talk.thread]:
        raise Wrong(f"of a request that was set aside the gateway posted {', '.join(found)}")
    if [post.raw for post in posts if post.read.thread == other.thread] != [other.heard[0].raw]:
        raise Wrong("what was not set aside was not posted again")


@case("epochs.takes-back-again", "M-5.28", "M-3.21", section="5.8", profile="full", positive=True)
async def takes_back_again(play: Play) -> None:
    """
    What takes data back is posted again to a restored partner, with the withdrawal behind which it was said.

    A gateway that posts the withdrawal alone leaves with its partner what a backup brought back, and believes it
    destroyed.
    """
    talk = await play.taken_up()
    await talk.withdraw("protection")
    talk.take(play.one(await play.tick(hours=1), "withdrawal"))
    await talk.said("rectification", {"parts": ["NAMES"], "elements": None})
    await talk.said("erasure", {})
    wanted = [message.raw for message in talk.heard[1:]]
    await play.restored(play.a)
    again = [post.raw for post in await play.tick() if post.read.type != "resync"]
    if sorted(again) != sorted(wanted):
        raise Wrong(f"{len({*again} & {*wanted})} of {len(wanted)} messages were posted again, and {len(again)} in all")


@case("epochs.signed-anew", "M-5.28", "M-3.6", section="5.8", profile="verify", needs=["rotate"], positive=True)
async def signed_anew(play: Play) -> None:
    """
    What was signed by a key that the gateway has revoked since is signed anew when it is posted again.

    A gateway that posts it as it was is told `unknown-signer` until it expires, and its reply is lost for good.
    """
    talk = await play.replied()
    before = [message.payload for message in talk.heard]
    await play.offered("/rotate", use="signing")
    await play.restored(play.a)
    again = [post.read.payload for post in await play.tick() if post.read.type != "resync"]
    if sorted(again) != sorted(before):
        raise Wrong(f"{len(again)} messages were posted again of {len(before)}, or in other payloads")


@case("epochs.word-of-a-stop", "M-5.28", "M-5.33", section="5.8", profile="return", positive=True, seconds=60.0)
async def word_of_a_stop(play: Play) -> None:
    """
    That a return is suspended is posted again to a restored partner, with all that stands before it in the thread.

    A gateway that keeps it to itself has a partner that knows the return, has forgotten the stop, and goes on.
    """
    talk = await homeward(play, "accepted")
    await talk.said("suspension", {})
    wanted = {message.raw for message in talk.heard}
    await play.restored(play.a)
    again = {post.raw for post in await play.tick() if post.read.type != "resync"}
    if again != wanted:
        raise Wrong(f"{len(again & wanted)} of the {len(wanted)} messages up to the suspension were posted again")


@case("epochs.lists-nothing", "M-5.28", section="5.8", profile="verify", positive=True)
async def lists_nothing(play: Play) -> None:
    """
    On a new epoch a gateway that holds nothing of its partner says so, by a `resync` without rows.

    A gateway that says nothing lets its partner wait for a listing, and not know whether it was forgotten.
    """
    await play.restored(play.a)
    message = play.one(await play.tick(), "resync").read
    if message.body != {"threads": [], "more": False}:
        raise Wrong(f"the listing says {message.body}")


@case("epochs.too-old", "M-5.28", section="5.8", profile="verify")
async def too_old(play: Play) -> None:
    """
    What is over is not posted again: of envelopes from more than 30 days ago there is nothing to take.

    A gateway that posts everything it ever sent keeps envelopes that it was to forget.
    """
    talk = await play.acknowledged()
    await play.tick(days=31)
    await play.restored(play.a)
    posts = await play.tick()
    if [post.read.type for post in posts] != ["resync"]:
        raise Wrong(f"the gateway posted {', '.join(post.read.type for post in posts)}")
    if _rows(posts) != [_row(talk)]:
        raise Wrong(f"it lists {_rows(posts)}")


@case("epochs.past-its-time", "M-5.28", section="5.8", profile="full", positive=True)
async def past_its_time(play: Play) -> None:
    """
    Where a restored partner lacks what is over, it is posted past its time, and what follows once that was refused.

    A gateway that posts it no more is never heard again: what it says is `out-of-order` there until that expires too.
    """
    talk = await play.acknowledged()
    over = talk.heard[-1]
    await play.tick(days=31)
    await play.restored(play.a)
    await play.tick()
    await talk.say("verification.reply", play.reply())
    expired = answers(play.doors, Answering(refuse="expired"))
    play.a.instead = [says("out-of-order"), expired]
    posts = [post for _ in range(3) for post in await play.tick(hours=1)]
    read = [post.read for post in posts]
    if [one.type for one in read] != ["verification.reply", "verification.acknowledgement", "verification.reply"]:
        raise Wrong(f"the gateway posted {', '.join(one.type for one in read) or 'nothing'}")
    if read[1].payload != over.payload:
        raise Wrong("what is posted past its time is another message than the one that the partner lacks")
    if read[0].raw != read[2].raw or await talk.states() != ["accepted", "accepted"]:
        raise Wrong(f"its messages stand as {', '.join(await talk.states())}")
    play.a.instead = []
    await play.silent(play.a, days=1)


def _calls_back(begin: Callable[[Play, str], Awaitable[Talk]]) -> Callable[[Play], Awaitable[Message]]:
    async def said(play: Play) -> Message:
        talk = await begin(play, "departed")
        return await talk.said("return.take-back", {"reason": "UNSAFE", "by": day(play, 5)})

    return said


async def _stops(play: Play) -> Message:
    return await (await journey(play, "accepted")).said("suspension", {})


async def _takes_its_reply_back(play: Play) -> Message:
    return await (await journey(play, "accepted")).said("rectification", {"parts": ["REPLY"], "elements": None})


async def _takes_back_what_is_stopped(play: Play) -> Message:
    talk = await journey(play, "accepted")
    word = await talk.said("rectification", {"parts": ["REPLY"], "elements": None})
    await talk.send("suspension", {"code": "SUSPENDED"})
    return word


WORDS: dict[str, Callable[[Play], Awaitable[Message]]] = {
    "stopped": _stops,
    "reply-taken-back": _takes_its_reply_back,
    "reply-taken-back-and-stopped-there": _takes_back_what_is_stopped,
    "called-back-asking": _calls_back(homeward),
    "called-back-asked": _calls_back(journey),
}
"""By which word of the gateway nobody leaves, or somebody is called back."""


@case("epochs.stop-again", "M-5.28", section="5.8", inputs=WORDS, profile="return", seconds=60.0)
async def stop_again(play: Play, say: Callable[[Play], Awaitable[Message]]) -> None:
    """
    A stop that was told too long ago to be posted again is said once more on a new epoch, and not on the one after it.

    A gateway that says nothing has a partner that was put back to before it, hears of it by nothing else, and lets the
    person leave, or leaves her where she is to be fetched from.
    """
    word = await say(play)
    await play.tick(days=31)
    await play.restored(play.a)
    posts = [post.read for post in await play.tick() if post.read.type != "resync"]
    if [(one.thread, one.type, one.body) for one in posts] != [(word.thread, word.type, word.body)]:
        raise Wrong(f"the gateway posted {', '.join(one.type for one in posts) or 'nothing'}")
    if posts[0].payload == word.payload:
        raise Wrong(f"the {word.type} is the message of then, and no new one")
    await play.restored(play.a)
    again = [post.read.payload for post in await play.tick() if post.read.type != "resync"]
    if again != [posts[0].payload]:
        raise Wrong(f"{len(again)} messages were posted again in the epoch after that, or in other payloads")


@case("epochs.reply-before-resumption", "M-5.28", section="5.8", profile="return", seconds=60.0)
async def reply_before_resumption(play: Play) -> None:
    """
    That a reply was taken back long ago is said once more before a return goes on that was stopped since.

    By the resumption alone a partner that was put back to before both goes on with a return that rests on that reply.
    """
    talk = await journey(play, "accepted")
    word = await talk.said("rectification", {"parts": ["REPLY"], "elements": None})
    await talk.said("suspension", {})
    await play.tick(days=31)
    await play.restored(play.a)
    await play.tick()
    await talk.say("resumption", {})
    posts = [post.read for post in await play.tick() if post.read.type not in ("resync", "suspension")]
    if [one.type for one in posts] != ["rectification", "resumption"] or posts[0].body != word.body:
        raise Wrong(f"the gateway posted {', '.join(one.type for one in posts) or 'nothing'}")


@case("epochs.stop-until-heard", "M-5.28", "M-5.10", section="5.8", profile="return", seconds=60.0)
async def stop_until_heard(play: Play) -> None:
    """
    A stop that is said once more on a new epoch is posted until it is answered, past its time too, and ends no thread.

    A gateway that gives it up with its validity has a partner that was put back to before the stop and was out of reach
    for a month: it lets the person leave.
    """
    talk = await journey(play, "accepted")
    await talk.said("suspension", {})
    await play.tick(days=31)
    await play.restored(play.a)
    play.a.instead = [drops() for _ in range(500)]
    stops = [post for post in await play.tick() if post.read.type == "suspension"]
    if not stops:
        raise Wrong("the gateway did not say its suspension once more")
    word = talk.take(stops[0])
    await play.tick_to(instant(word.value["expires_at"]) + D)
    play.a.instead = []
    again = [post.read for post in await play.tick(hours=2) if post.read.type == "suspension"]
    if [message.payload for message in again] != [word.payload] or (await talk.states())[-1] != "accepted":
        raise Wrong(f"the suspension was posted {len(again)} times, and stands as {(await talk.states())[-1]}")
    await talk.said("resumption", {})


@case("epochs.kept-no-longer", "M-5.28", section="5.8", profile="full")
async def kept_no_longer(play: Play) -> None:
    """
    What a restored partner lacks is not posted past its time on the last day on which it is kept, nor what stands
    before it.

    A gateway that posts it sends what nobody may hold any more to a State that had lost it.
    """
    handling = play.a.question()["handling"] | {"retain_until": day(play, 35)}
    talk = await play.asks(handling=handling)
    await talk.said("verification.acknowledgement", {})
    await talk.said("verification.reply", play.reply())
    await play.tick(days=35)
    await play.restored(play.a)
    await play.tick()
    await talk.say("rectification", {"parts": ["REPLY"], "elements": None})
    play.a.instead = [says("out-of-order") for _ in range(20)]
    types = {post.read.type for _ in range(6) for post in await play.tick(hours=1)}
    if types - {"rectification"}:
        raise Wrong(f"on the last day on which it is kept the gateway posted {', '.join(sorted(types))}")


def _rows(posts: list[Post]) -> list[Json]:
    """Return the rows of every listing among ``posts``."""
    return [row for post in posts if post.read.type == "resync" for row in post.read.body["threads"]]


def _row(talk: Talk) -> Json:
    """Return where the State's own messages stand in a thread, as the gateway must list it."""
    return {"thread": talk.thread, "epoch": 1, "seq": talk.seq, "payload": talk.own}


@case("epochs.lists-threads", "M-5.28", section="5.8", profile="verify", positive=True)
async def lists_threads(play: Play) -> None:
    """
    On a new epoch the gateway lists where each thread stands: the last number used, and the last payload accepted.

    A gateway that leaves a thread out lets its partner forget that it ever asked.
    """
    first, second, third = await play.acknowledged(), await play.acknowledged(), await play.taken_up()
    accepted = {first.thread: first.own, third.thread: third.own}
    await send(second, "reminder")
    accepted[second.thread] = second.own
    await second.refused("illegal-step", "verification.contest", {"ground": "NEW_ELEMENT"})
    await play.asks(play.b)
    await play.restored(play.a)
    found = {row["thread"]: row for row in _rows(await play.tick())}
    numbers = {first.thread: 1, second.thread: 3, third.thread: 1}
    wanted = {
        thread: {"thread": thread, "epoch": 1, "seq": numbers[thread], "payload": accepted[thread]}
        for thread in numbers
    }
    if found != wanted:
        raise Wrong(
            f"the listing has {len(found)} threads, or other numbers or digests than the {len(wanted)} there are"
        )


@case("epochs.lists-before", "M-5.28", section="5.8", profile="verify", positive=True)
async def lists_before(play: Play) -> None:
    """
    A listing that was refused for its times is made anew; of a thread that went on in the new epoch by then the last
    message before it is listed as well.

    A gateway that lists nothing more, or the newest message alone, leaves its partner without knowing what it lost
    there: somebody goes by what it decided, and it awaits nobody.
    """
    talk = await play.asks()
    await send(talk, "reminder")
    before = _row(talk)
    await play.restored(play.a)
    talk.seq = 0
    await send(talk, "reminder", number=2)
    play.a.instead = [answers(play.doors, Answering(refuse="stale"))]
    play.one(await play.tick(), "resync")
    rows = _rows([post for _ in range(3) for post in await play.tick(hours=1)])
    newest = _row(talk) | {"epoch": 2}
    if before not in rows or [row for row in rows if row not in (before, newest)]:
        raise Wrong(f"the gateway lists {rows} anew, and not where the thread stood before the restore: {before}")


@case("epochs.pages", "M-5.28", section="5.8", profile="verify", positive=True, seconds=60.0)
async def pages(play: Play) -> None:
    """
    More threads than one `resync` holds are listed in several, of which all but the last say that more follows.

    A gateway that lists one page lets its partner believe that this was all.
    """
    threads = {(await play.asks()).thread for _ in range(40)}
    await play.restored(play.a)
    posts = [post for post in await play.tick() if post.read.type == "resync"]
    listed = [row["thread"] for row in _rows(posts)]
    if sorted(listed) != sorted(threads):
        raise Wrong(f"{len(listed)} of {len(threads)} threads are listed")
    if sum(not post.read.body["more"] for post in posts) != 1:
        raise Wrong("not exactly one of the listings says that it is the last")


@case("epochs.only-once", "M-5.28", section="5.8", profile="verify")
async def only_once(play: Play) -> None:
    """
    After that the gateway is silent: the same epoch on another card makes it post nothing again.

    A gateway that starts anew with every card floods its partner each time a key changes.
    """
    await play.acknowledged()
    await play.restored(play.a)
    await play.tick()
    await play.silent(days=1)
    play.a.next_card()
    await play.publish(play.a)
    await play.silent(days=1)


LISTED = {
    "nothing": [],
    "of-an-unknown-thread": [{"thread": "A" * 22, "epoch": 1, "seq": 4, "payload": "A" * 43}],
    "of-one-thread-twice": [
        {"thread": "A" * 22, "epoch": 1, "seq": 4, "payload": "A" * 43},
        {"thread": "A" * 22, "epoch": 2, "seq": 1, "payload": "A" * 43},
    ],
}


@case("epochs.listing-moves-nothing", "M-5.29", section="5.8", inputs=LISTED)
async def listing_moves_nothing(play: Play, rows: list[Json]) -> None:
    """
    A `resync` gets a receipt like any message, and moves no number.

    A gateway that believes the listing lets a partner set the numbers of a thread as it likes.
    """
    talk = await play.asks()
    await play.accepted(play.message("resync", {"threads": rows, "more": False}))
    mine = [{"thread": talk.thread, "epoch": 1, "seq": 7, "payload": "A" * 43}]
    await play.accepted(play.message("resync", {"threads": mine, "more": True}))
    await play.problem(talk.message("reminder", {"number": 1, "step": "reply"}, seq=8), "out-of-order")
    await send(talk, "reminder")


@case("epochs.listed-before-its-request", "M-5.29", "M-5.28", section="5.8", profile="verify", positive=True)
async def listed_before_its_request(play: Play) -> None:
    """
    A listing may name a thread that is not known: the request that opens it comes after that, and is taken.

    A restored gateway that goes by the listing refuses that request for good, or says the next thing under a number
    that nobody waits for.
    """
    talk = Talk(play, play.a, asking=True)
    rows = [{"thread": talk.thread, "epoch": 1, "seq": 3, "payload": "A" * 43}]
    await play.accepted(play.message("resync", {"threads": rows, "more": False}))
    await send(talk, "verification.request")
    await talk.said("verification.acknowledgement", {})


@case("epochs.listing-posts-nothing", "M-5.29", section="5.8", profile="verify")
async def listing_posts_nothing(play: Play) -> None:
    """
    What a partner lists and the gateway never sent makes it post nothing: its own numbers go on as before.

    A gateway that answers a listing can be made to speak in a thread by whoever makes one up.
    """
    talk = await play.acknowledged()
    rows = [{"thread": talk.thread, "epoch": 1, "seq": 9, "payload": "A" * 43}]
    await play.accepted(play.message("resync", {"threads": rows, "more": False}))
    await play.silent(days=1)
    reply = await talk.said("verification.reply", play.reply())
    if reply.value["seq"] != 2:
        raise Wrong(f"after the listing the gateway counts on with {reply.value['seq']}, not with 2")
