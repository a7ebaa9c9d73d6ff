"""Sections 5.2 and 5.3: one number after the other, until it is received or over, and no hammering at a closed door."""

from collections.abc import Callable
from datetime import timedelta

from conformance.bodies import send, withholds
from conformance.door import answers, drops, loses, says
from conformance.play import Play
from conformance.reading import Json, instant
from conformance.registry import Wrong, case
from conformance.state import Answering, Instead, claim_of
from conformance.talk import Talk

LOST: dict[str, list[Instead]] = {"dropped": [drops()], "later": [says("later")], "no-answer": [drops(), drops()]}


async def _two_waiting(play: Play) -> Talk:
    """Let the gateway's desk say two things in one thread before either is posted."""
    talk = await play.asks()
    await talk.say("verification.acknowledgement", {})
    await talk.say("verification.reply", play.reply())
    return talk


@case("sending.stop-and-wait", "M-5.6", "M-1.2", section="5.2", inputs=LOST, profile="verify")
async def stop_and_wait(play: Play, instead: list[Instead]) -> None:
    """
    The second message of a thread is posted only after the first has its receipt; the first in the same bytes.

    A gateway that posts both at once has them arrive in any order, and the second is refused or comes first.
    """
    talk = await _two_waiting(play)
    play.a.instead = list(instead)
    posts = await play.tick()
    for _ in range(len(instead) - 1):
        posts += await play.tick(hours=1)
    if {post.raw for post in posts} != {posts[0].raw} or posts[0].read.type != "verification.acknowledgement":
        raise Wrong("something else than the first message was posted before its receipt was there (M-5.6)")
    after = await play.tick(hours=2)
    if [post.read.type for post in after] != ["verification.acknowledgement", "verification.reply"]:
        raise Wrong(f"then the gateway posted {', '.join(post.read.type for post in after)}")
    if after[0].raw != posts[0].raw:
        raise Wrong("the first message was posted again in other bytes (M-1.2)")
    for post in after:
        talk.take(post)


@case("sending.frame", "M-3.2", section="3.2", profile="verify", positive=True)
async def frame(play: Play) -> None:
    """
    Each message of the gateway names the last payload of the thread, the last one it took, and a clock where it has to.

    A gateway that leaves these out has a file in which nobody can show what had been read when something was said.
    """
    for talk, types in ((await play.is_asked(), (ELEMENTS, CONTEST)), (await play.asks(), (ACKNOWLEDGEMENT, REPLY))):
        if not talk.asking:
            _framed(talk, None, None, claim_of(play.a.code))
            await talk.acknowledge()
            await send(talk, "verification.question")
        for type in types:
            if type == CONTEST:
                await send(talk, "verification.reply")
            before, taken = talk.prev, talk.own
            await talk.said(type, SAYS[type](play))
            _framed(talk, before, taken, claim_of(play.a.code) if type == CONTEST else None)


ACKNOWLEDGEMENT, ELEMENTS = "verification.acknowledgement", "verification.elements"
REPLY, CONTEST = "verification.reply", "verification.contest"
SAYS: dict[str, Callable[[Play], Json]] = {
    ACKNOWLEDGEMENT: lambda play: {},
    ELEMENTS: lambda play: {},
    REPLY: lambda play: play.reply(),
    CONTEST: lambda play: {"ground": "NEW_ELEMENT"},
}


def _framed(talk: Talk, prev: str | None, taken: str | None, calendar: Json | None) -> None:
    """Insist on ``prev``, ``in_reply_to`` and ``clock`` of the gateway's last message in the thread."""
    value = talk.heard[-1].value
    clock = calendar and {"service": "IRC", "step": "reply", "calendar": calendar["id"], "version": calendar["version"]}
    for name, wanted in (("prev", prev), ("in_reply_to", taken), ("clock", clock)):
        if value[name] != wanted:
            raise Wrong(f"{value['type']} has {value[name]} as {name}, not {wanted} (3.2)")


@case("sending.after-a-refusal", "M-5.6", section="5.2", profile="verify")
async def after_a_refusal(play: Play) -> None:
    """
    A refused message has used up its number as well: the next one has the number after it.

    A gateway that uses it again is refused for ever, as its partner counts on.
    """
    talk = await play.acknowledged()
    play.a.instead = [answers(play.doors, Answering(refuse="illegal-step"))]
    await talk.said("verification.question", {"candidates": 2, "elements": ["SEX"]})
    await talk.said("verification.reply", play.reply("cannot-say"))
    if await talk.states() != ["accepted", "refused", "accepted"]:
        raise Wrong(f"the messages stand as {', '.join(await talk.states())}")


@case("sending.between-threads", "M-5.6", section="5.2", profile="verify", positive=True)
async def between_threads(play: Play) -> None:
    """
    Between threads there is no waiting: what is stuck in one holds up no other.

    A gateway with one queue for all lets one message that a partner cannot take stop every case between them.
    """
    first = await play.submit()
    play.a.instead = [says("out-of-order")]
    await play.tick()
    second = await play.submit()
    post = play.one(await play.tick(), "verification.request")
    if post.read.thread != second:
        raise Wrong("the message that was to wait was posted, and not the other one")
    if [row["state"] for row in await play.sent(first)] != ["waiting"]:
        raise Wrong("the message that its partner could not take yet does not wait any more")


def _expires(talk: Talk) -> timedelta:
    return instant(talk.heard[-1].value["expires_at"]) - talk.play.now()


@case("sending.undelivered", "M-5.10", section="5.2", profile="verify")
async def undelivered(play: Play) -> None:
    """
    A message without a receipt 300 s after it expired is posted no more, and nothing follows it in its thread.

    A gateway that goes on sends the next number to a partner that never got the one before.
    """
    talk = await play.asks()
    await talk.say("verification.acknowledgement", {})
    play.a.instead = [drops() for _ in range(3)]
    talk.take(play.one(await play.tick(), "verification.acknowledgement"))
    await play.tick(days=1)
    await talk.say("verification.reply", play.reply())
    play.a.instead = []
    await play.silent(play.a, seconds=_expires(talk).total_seconds() + 301)
    await withholds(talk, "verification.reply", play.reply(), days=3)
    rows = await play.sent(talk.thread)
    if rows[0]["state"] != "undelivered" or not rows[0]["told"]:
        raise Wrong(f"the message is {rows[0]['state']}, or nobody was told")
    if rows[1]["state"] not in ("dropped", "undelivered"):
        raise Wrong(f"what waited behind it is {rows[1]['state']}")


@case("sending.until-it-expires", "M-5.10", "M-5.11", section="5.3", profile="verify")
async def until_it_expires(play: Play) -> None:
    """
    Until 300 s after it expired a message is still posted, in the same bytes, and its receipt is taken.

    A gateway that gives up early leaves a message that its partner has and it does not count.
    """
    talk = await play.asks()
    await talk.say("verification.acknowledgement", {})
    play.a.instead = [loses(play.doors)]
    first = play.one(await play.tick(), "verification.acknowledgement")
    talk.take(first)
    again = await play.tick(seconds=_expires(talk).total_seconds() - 60)
    if [post.raw for post in again] != [first.raw]:
        raise Wrong(f"a message that is still valid was posted {len(again)} times again, or in other bytes")
    if await talk.states() != ["accepted"]:
        raise Wrong("the receipt was not taken in the last minute")


@case("sending.withdrawn-after-all", "M-5.10", "M-5.25", section="5.2", profile="verify")
async def withdrawn_after_all(play: Play) -> None:
    """
    After a message that was never received a withdrawal still leaves, under the number after the last one posted.

    A gateway that keeps it back leaves a request with its partner that nobody asks any more.
    """
    talk = await play.taken_up()
    await send(talk, "verification.question")
    await talk.say("verification.elements", {})
    play.a.instead = [drops()]
    talk.take(play.one(await play.tick(), "verification.elements"))
    await play.silent(play.a, seconds=_expires(talk).total_seconds() + 301)
    await talk.withdraw()
    posts = await play.tick(hours=1)
    message = talk.take(play.one(posts, "withdrawal"))
    if message.value["seq"] != 3:
        raise Wrong(f"the withdrawal has the number {message.value['seq']}, not 3")


@case(
    "sending.after-a-final-problem",
    "M-5.11",
    "M-5.10",
    section="5.3",
    profile="verify",
    inputs=["bad-jws", "not-for-me"],
)
async def after_a_final_problem(play: Play, code: str) -> None:
    """
    After a problem that is not transient nothing follows in the thread, and a person is told.

    A gateway that goes on with the next number waits for an answer that cannot come.
    """
    talk = await _two_waiting(play)
    play.a.instead = [says(code)]
    play.one(await play.tick(), "verification.acknowledgement")
    await play.silent(play.a, days=5)
    rows = await play.sent(talk.thread)
    if (rows[0]["state"], rows[0]["code"], rows[0]["told"]) != ("ended", code, True):
        raise Wrong(f"the message stands as {rows[0]['state']} ({rows[0]['code']})")
    if rows[1]["state"] not in ("dropped", "undelivered", "ended"):
        raise Wrong(f"the message after it stands as {rows[1]['state']}")


NUMBERS: dict[str, int] = {"never-came": 2, "came": 3}


@case("sending.takes-back-all-the-same", "M-5.10", section="5.2", profile="full", inputs=NUMBERS)
async def takes_back_all_the_same(play: Play, number: int) -> None:
    """
    The asked State confirms under the number of a message that was never received, and under the next if that was used.

    A gateway that confirms behind the lost number is never heard, and the State that asked believes the data kept.
    """
    talk = await play.acknowledged()
    play.a.instead = [says("not-for-me")]
    await talk.say("verification.reply", play.reply())
    play.one(await play.tick(), "verification.reply")
    await send(talk, "rectification")
    if number == NUMBERS["came"]:
        play.a.instead = [answers(play.doors, Answering(refuse="id-reuse"))]
    done = {"number": 1, "act": "RECTIFICATION", "result": "DONE"}
    await talk.say("confirmation", done)
    posts = await play.tick()
    if [post.read.type for post in posts] != ["confirmation"] * (number - 1):
        seen = ", ".join(post.read.type for post in posts) or "nothing"
        raise Wrong(f"the gateway posted {seen}, not confirmation {number - 1} times up to number {number} (M-5.10)")
    last = [talk.take(post) for post in posts][-1]
    if (last.value["seq"], last.body) != (number, done):
        raise Wrong(f"number {last.value['seq']} says {last.body}")


@case("sending.left-alone", "M-5.12", section="5.3", profile="verify", seconds=40.0)
async def left_alone(play: Play) -> None:
    """
    After repeated failures the gateway leaves the partner alone, then tries with one message, and after it all go.

    A gateway that knocks with everything it has keeps a partner down that is just getting up.
    """
    threads = [await play.submit() for _ in range(8)]
    play.a.instead = [drops() for _ in range(100)]
    await play.tick()
    for _ in range(3):
        await play.tick(hours=1, seconds=1)
    posts = await play.tick(hours=1, seconds=1)
    if len(posts) != 1:
        raise Wrong(f"after many failures in a row the gateway tried with {len(posts)} messages, not with one (M-5.12)")
    play.a.instead = []
    posts = await play.tick(hours=1, seconds=1)
    if len({post.read.thread for post in posts}) != len(threads):
        raise Wrong(f"once the partner answered, {len(posts)} of {len(threads)} messages were posted")


@case("sending.nothing-in-common", "M-3.2", section="3.2", profile="verify")
async def nothing_in_common(play: Play) -> None:
    """
    Two States that are asked about one person get two threads and two ids: nothing in the frame links them.

    A gateway that names the case toward both by one id lets them find out from one another whom both were asked about.
    """
    first, second = await play.is_asked(), await play.is_asked(play.b)
    values = [{talk.thread, talk.heard[0].value["id"]} for talk in (first, second)]
    if values[0] & values[1]:
        raise Wrong("the requests to two States share their thread or id")


@case("sending.one-partner", "M-5.12", "M-5.6", section="5.3", profile="verify", positive=True)
async def one_partner(play: Play) -> None:
    """
    A partner that does not answer holds up nothing that goes to another one.

    A gateway that waits for all when it waits for one is stopped by the weakest of its partners.
    """
    for _ in range(8):
        await play.submit()
    play.a.instead = [drops() for _ in range(100)]
    await play.tick()
    await play.submit(play.b)
    posts = [post for post in await play.tick() if post.state is play.b]
    play.one(posts, "verification.request")
