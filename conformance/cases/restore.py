"""Section 5.8, and restarts: what a gateway still knows after it was ended, or brought back from a backup."""

from contextlib import suppress

from aiohttp import web

from conformance.backend import Forbidden
from conformance.bodies import day, refuses, send
from conformance.door import drops, says
from conformance.play import Play
from conformance.registry import Wrong, case
from conformance.returning import acceptance, departure, document, homeward, journey, schedule
from conformance.state import Instead, Post
from conformance.talk import Talk
from conformance.writing import stamp


@case("restore.restart", "M-5.3", "M-5.12", section="5.1", profile="verify", needs=["restart"], positive=True)
async def restart(play: Play) -> None:
    """
    After a restart the gateway gives the stored answers again, and goes on posting what was waiting.

    A gateway that keeps any of this in memory loses a message whose receipt it has signed.
    """
    shot = play.message()
    first = await play.post(shot)
    play.receipt(first, shot)
    thread = await play.submit()
    await play.offered("/restart")
    if (await play.post(shot)).body != first.body:
        raise Wrong("the stored answer was lost in a restart")
    post = play.one(await play.tick(), "verification.request")
    if post.read.thread != thread:
        raise Wrong("another message was posted after the restart than the one that waited")


@case("restore.epoch", "M-5.27", section="5.8", profile="verify", needs=["restore"], positive=True)
async def epoch(play: Play) -> None:
    """
    After a restore the gateway's card has a higher epoch, and its next message has that epoch and the number 1.

    A gateway that goes on in the old epoch uses numbers twice that it no longer remembers.
    """
    talk = await play.acknowledged()
    await play.offered("/backup")
    before = int(play.gateway.card.value["epoch"])
    await play.offered("/restore")
    if int(play.gateway.card.value["epoch"]) <= before:
        raise Wrong("the epoch was not raised by a restore")
    await talk.say("verification.reply", play.reply())
    message = play.one(await play.tick(), "verification.reply").read
    if (message.value["epoch"], message.value["seq"]) != (play.gateway.card.value["epoch"], 1):
        raise Wrong(f"the next message is number {message.value['seq']} of epoch {message.value['epoch']}")


async def _lists(talk: Talk) -> None:
    """Let the State list what it holds of the thread, as on every new epoch of a partner (M-5.28)."""
    last = talk.heard[-1]
    row = {"thread": talk.thread, "epoch": last.value["epoch"], "seq": len(talk.heard), "payload": last.digest}
    await talk.play.accepted(talk.state.message(talk.play.gateway, "resync", {"threads": [row], "more": False}))


@case(
    "restore.never-posted",
    "M-5.27",
    section="5.8",
    profile="verify",
    needs=["restore"],
    inputs=["verification.reply", "verification.request"],
)
async def never_posted(play: Play, type: str) -> None:
    """
    What the backup shows as never posted, and the partner does not hold, never leaves under its old number.

    A gateway that posts it as it stands uses a number that it may have given to something else since the backup, or
    asks about somebody whose case was stopped since.
    """
    if type == "verification.reply":
        talk = await play.acknowledged()
        await talk.say(type, play.reply())
    else:
        talk = Talk(play, play.a, asking=False, thread=await play.submit())
    before = play.gateway.card.value["epoch"]
    await play.offered("/backup")
    await play.offered("/restore")
    posts = await play.tick()
    if talk.heard:
        await _lists(talk)
    else:
        await play.accepted(play.message("resync", {"threads": [], "more": False}))
    for post in [*posts, *await play.tick(), *await play.tick(hours=3)]:
        # What was posted before the backup may be posted again, to ask for the answer that the partner holds.
        said = (post.read.type, post.read.value["epoch"])
        if post.read.thread == talk.thread and said == (type, before):
            raise Wrong(f"the gateway posted a {type} of its old epoch")


@case(
    "restore.listed",
    "M-5.27",
    "M-5.29",
    section="5.8",
    profile="verify",
    needs=["restore"],
    inputs={"itself": 1, "one-behind-it": 2},
    positive=True,
)
async def listed(play: Play, waits: int) -> None:
    """
    What the backup shows as never posted, and the partner lists, or what follows it, did leave: the same bytes go.

    A gateway that says it once more replies twice, and takes the refusal of the second reply for its answer.
    """
    talk = await (play.acknowledged() if waits == 1 else play.asks())
    if waits == 2:
        await talk.say("verification.acknowledgement", {})
    await talk.say("verification.reply", play.reply())
    await play.offered("/backup")
    before = [talk.take(post).raw for post in await play.tick()]
    await play.offered("/restore")
    await play.tick()
    await _lists(talk)
    posts = [post.read for post in [*await play.tick(), *await play.tick(hours=3)]]
    again = [message.raw for message in posts if message.thread == talk.thread]
    if len(before) != waits or again[-waits:] != before or set(again) - {message.raw for message in talk.heard}:
        raise Wrong(
            f"the gateway posted {', '.join(message.type for message in posts) or 'nothing'}, not what was listed again"
        )
    if await talk.states() != ["accepted", "accepted"]:
        raise Wrong(f"its messages stand as {', '.join(await talk.states())}")


@case(
    "restore.reply-anew",
    "M-5.27",
    "M-5.30",
    section="5.8",
    profile="verify",
    needs=["restore"],
    inputs=["never-posted", "never-came"],
    positive=True,
)
async def reply_anew(play: Play, what: str) -> None:
    """
    A reply that was made before the restore, and never came, is said anew, by the gateway or by its desk.

    A gateway that drops it, and holds the case for answered, has lost the reply, and nobody here looks for it again.
    """
    talk = await play.acknowledged()
    await talk.say("verification.reply", play.reply())
    if what == "never-came":
        play.a.instead = [drops()]
        await play.tick()
    await play.offered("/backup")
    await play.offered("/restore")
    await play.tick()
    await _lists(talk)
    for _ in range(4):
        await play.tick(hours=1)
    newest = play.gateway.card.value["epoch"]
    if not await _replied_in(talk, newest):
        with suppress(Forbidden):
            await talk.say("verification.reply", play.reply())
        await play.tick(hours=1)
    if not await _replied_in(talk, newest):
        raise Wrong("the reply never came, and is not said anew")


async def _replied_in(talk: Talk, epoch: int) -> bool:
    rows = await talk.play.sent(talk.thread)
    return ("verification.reply", epoch, "accepted") in {(row["type"], row["epoch"], row["state"]) for row in rows}


@case("restore.withdrawn-anew", "M-5.27", section="5.8", profile="verify", needs=["restore"], positive=True)
async def withdrawn_anew(play: Play) -> None:
    """
    A withdrawal that waited in the backup is said anew, where its partner refuses it as of an epoch that is over.

    A gateway that leaves it at the refusal has a partner that goes on asking for a person who was to be let alone.
    """
    talk = await play.taken_up()
    await talk.withdraw("protection")
    await play.offered("/backup")
    await play.offered("/restore")
    await play.tick()
    await _lists(talk)
    await _heard_anew(talk, "withdrawal")


WHERE = {"suspension": "accepted", "return.take-back": "departed"}
"""Word of a stop, and a place of a return at which it is said."""


@case(
    "restore.stopped-anew",
    "M-5.27",
    "M-5.33",
    "M-5.34",
    section="5.8",
    profile="return",
    needs=["restore"],
    inputs=[*WHERE],
    seconds=60.0,
)
async def stopped_anew(play: Play, type: str) -> None:
    """
    A suspension, or a take-back, that waited in the backup and never came is said anew, in the new epoch alone.

    A gateway that drops it has stopped a return by itself, and its partner goes on with it. One that posts it as it
    stands may use a number twice.
    """
    talk = await homeward(play, WHERE[type])
    await talk.say(type, {} if type == "suspension" else {"reason": "UNSAFE", "by": day(play, 5)})
    await play.offered("/backup")
    await play.offered("/restore")
    before = len(talk.state.posts)
    await play.tick()
    await _lists(talk)
    await _heard_anew(talk, type)
    for post in talk.state.posts[before:]:
        if post.read.type == type and post.read.value["epoch"] == talk.heard[-1].value["epoch"]:
            raise Wrong(f"the gateway posted a {type} of its old epoch")


@case(
    "restore.in-order",
    "M-5.27",
    section="5.8",
    profile="full",
    needs=["restore"],
    inputs=["posted", "never-posted"],
    seconds=60.0,
)
async def in_order(play: Play, what: str) -> None:
    """
    What follows in a thread waits for what of it is open in the old epoch; word of a stop waits for no listing.

    A gateway that posts it has it heard before what it rests on, or in place of that; one that keeps word of a stop
    back until it knows what it lost has a person on the way whom it stopped.
    """
    talk = await journey(play, "accepted")
    await send(talk, "travel-document.request")
    play.a.instead = [_puts_off(play, "travel-document.issued")]
    await talk.say("travel-document.issued", {"document": document(play)})
    if what == "posted":
        play.one(await play.tick(), "travel-document.issued")
    await play.offered("/backup")
    await play.offered("/restore")
    await play.tick()
    follows = "use-report.request" if what == "posted" else "suspension"
    await talk.say(follows, {})
    posts = [post.read for _ in range(4) for post in await play.tick(hours=1) if post.read.thread == talk.thread]
    if (follows in {message.type for message in posts}) is (what == "posted"):
        seen = ", ".join(message.type for message in posts) or "nothing"
        raise Wrong(f"{follows} was to {'wait' if what == 'posted' else 'leave'}, and the gateway posted {seen}")


def _puts_off(play: Play, type: str) -> Instead:
    """Return what answers every message as it should, but for those of ``type``, which it cannot take yet."""

    async def door(post: Post, request: web.Request) -> web.StreamResponse:
        play.a.instead = [door]
        if post.message is not None and post.message.type == type:
            return await says("unknown-signer")(post, request)
        return play.doors.right(post)

    return door


async def _heard_anew(talk: Talk, type: str) -> None:
    """Insist that a message of ``type`` was posted in the new epoch after some hours, and accepted."""
    for _ in range(4):
        await talk.play.tick(hours=1)
    newest = talk.play.gateway.card.value["epoch"]
    said = [row for row in await talk.play.sent(talk.thread) if (row["type"], row["epoch"]) == (type, newest)]
    if [row["state"] for row in said] != ["accepted"]:
        raise Wrong(f"in the new epoch a {type} was said {len(said)} times, and not accepted once")


LOSES = ["listed", "in-the-first-row", "in-the-second-row", "not-listed", "nothing"]
"""Whether a restore lost the acceptance of a return, and whether, or where, the partner that goes on has said so."""


@case(
    "restore.who-has-left",
    "M-5.30",
    "M-5.27",
    section="5.9",
    profile="return",
    needs=["restore"],
    inputs=LOSES,
    seconds=60.0,
)
async def who_has_left(play: Play, what: str) -> None:
    """
    Where a restore may have lost the acceptance, word of a departure is taken after the proposal; else it is refused.

    A gateway that refuses it has nobody at the gate for a person whom it agreed to receive, and does not remember.
    """
    talk = await journey(play, "proposed")
    await play.offered("/backup")
    if what != "nothing":
        await talk.said("return.acceptance", acceptance(play))
    await play.offered("/restore")
    await play.tick()
    if what.startswith("in-"):
        await _lists_both(talk, lost_first=what == "in-the-first-row")
    elif what != "not-listed":
        await _lists(talk)
    await play.tick(hours=3)  # one may wait for another part of the listing
    left = schedule(play, departure(play)) | {"status": "departed", "departs_at": stamp(play.now())}
    if what == "nothing":
        await refuses(talk, "return.schedule", **left)
        return
    await send(talk, "return.schedule", **left)
    await play.tick(hours=5)
    await send(talk, "return.handover")
    await talk.say("return.handover", {})
    if "return.handover" not in [post.read.type for post in await play.tick(hours=2)]:
        raise Wrong("the gateway's desk does not sign the record of whoever came")


async def _lists_both(talk: Talk, *, lost_first: bool) -> None:
    """Let the thread go on in the new epoch, and list both its last messages: that one, and the one that was lost."""
    lost = talk.heard[-1]
    said = []
    for type in ("suspension", "resumption"):
        await talk.say(type, {})
        said.append(talk.play.one(await talk.play.tick(), type).read)
    rows = [
        {"thread": talk.thread, "epoch": one.value["epoch"], "seq": seq, "payload": one.digest}
        for one, seq in ((said[-1], 2), (lost, len(talk.heard)))
    ]
    listed = {"threads": rows[::-1] if lost_first else rows, "more": False}
    await talk.play.accepted(talk.state.message(talk.play.gateway, "resync", listed))


@case("restore.evidence", "M-7.2", "M-7.4", section="7.2", profile="verify", needs=["evidence", "erase"], positive=True)
async def evidence(play: Play) -> None:
    """
    What proves a thread verifies, and still does after everything about the person was destroyed.

    A gateway whose evidence goes with the person can deny that it was ever asked.
    """
    talk = await play.replied()
    before = await play.evidence(talk)
    if len(before) != 3:
        raise Wrong(f"a request, an acknowledgement and a reply are proved by {len(before)} entries")
    await talk.act("erase")
    after = await play.evidence(talk)
    if [entry["receipt"] for entry in after] != [entry["receipt"] for entry in before]:
        raise Wrong("receipts are gone after an erasure")
    if any(row.get("body") is not None for row in await talk.delivered()):
        raise Wrong("the body of a message is still there after an erasure")
