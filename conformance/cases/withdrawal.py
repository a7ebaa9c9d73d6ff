"""Sections 5.7 and 5.9: a withdrawal at our door, and what a thread takes after it."""

from collections.abc import Awaitable, Callable
from contextlib import suppress

from conformance.backend import Forbidden
from conformance.bodies import send, withholds
from conformance.door import drops
from conformance.play import Play
from conformance.reading import Json
from conformance.registry import Wrong, case, includes
from conformance.returning import acceptance, document, journey
from conformance.talk import Talk

WITHDRAWN = {"code": "WITHDRAWN_NO_REASON"}
REMINDER = {"number": 1, "step": "reply"}


@case("withdrawal.jumps", "M-5.22", "M-5.23", section="5.7")
async def jumps(play: Play) -> None:
    """
    A withdrawal is accepted at any higher number, and closes the numbers that it jumped over and the thread.

    A gateway that waits for what was never received keeps a request alive that was taken back.
    """
    talk = await play.asks()
    await talk.send("withdrawal", WITHDRAWN, seq=7)
    for number in (1, 2, 6, 8):
        await play.refused(talk.message("reminder", REMINDER, seq=number), "illegal-step")


@case("withdrawal.gap-behind", "M-5.23", section="5.7")
async def gap_behind(play: Play) -> None:
    """
    After a withdrawal what can never be taken is refused at any number, and of what may follow a gap is `out-of-order`.

    A gateway that waits for the numbers between keeps a sender trying for a month at what is over.
    """
    talk = await play.asks()
    await talk.send("withdrawal", WITHDRAWN)
    await play.refused(talk.message("reminder", REMINDER, seq=talk.seq + 4), "illegal-step")
    await play.problem(talk.message("erasure", {"number": 1}, seq=talk.seq + 2), "out-of-order")


@case("withdrawal.by-the-asked", "M-5.22", "M-5.9", section="5.7", profile="verify")
async def by_the_asked(play: Play) -> None:
    """
    A withdrawal by the asked State is refused at once, at any number, and uses one only if it is the next.

    A gateway that waits for the numbers between, or counts them as used, takes no reply in that thread any more.
    """
    talk = await play.taken_up()
    await play.refused(talk.message("withdrawal", WITHDRAWN, seq=talk.seq + 5), "illegal-step")
    await talk.refused("illegal-step", "withdrawal", WITHDRAWN)
    await send(talk, "verification.reply")


@case("withdrawal.refused-jumps-nothing", "M-5.9", "M-5.22", section="5.2")
async def refused_jumps_nothing(play: Play) -> None:
    """
    A withdrawal that is refused, under a number higher than the next one, uses and closes none.

    A gateway that counts it takes nothing more of the thread, and no right withdrawal under the numbers between.
    """
    talk = await play.asks()
    await play.refused(talk.message("withdrawal", {"code": "OTHER"}, seq=talk.seq + 4), "bad-schema")
    await send(talk, "reminder")
    await send(talk, "withdrawal")


@case("withdrawal.again", "M-5.23", section="5.7", positive=True)
async def again(play: Play) -> None:
    """
    Another withdrawal at a higher number is accepted.

    A gateway that refuses it leaves a restored sender without a way to take a request back.
    """
    talk = await play.asks()
    await talk.send("withdrawal", WITHDRAWN, seq=2)
    await talk.send("withdrawal", WITHDRAWN, seq=5)


@case("withdrawal.unknown-thread", "M-5.24", section="5.7")
async def unknown_thread(play: Play) -> None:
    """
    A withdrawal of a thread that is not known is accepted; what was posted before it and comes late opens no case.

    A gateway that refuses it opens a case when the delayed request arrives, after it was taken back.
    """
    talk = Talk(play, play.a, asking=True)
    request = talk.message("verification.request", play.a.question())
    shot = talk.message("withdrawal", WITHDRAWN, seq=2)
    await play.accepted(shot)
    await play.refused(request, "illegal-step")
    rows = await play.delivered(talk.thread)
    if rows is not None and [row["type"] for row in rows] != ["withdrawal"]:
        raise Wrong("a case was opened after its withdrawal")
    if rows and rows[0]["body"] is not None:
        raise Wrong("more than ids and digests was kept of a thread that was never known (M-5.24)")


@case("withdrawal.lower-number", "M-5.23", "M-5.7", section="5.7")
async def lower_number(play: Play) -> None:
    """
    A withdrawal under a number that was used is no withdrawal.

    A gateway that takes it lets an old number speak twice.
    """
    talk = await play.asks()
    await talk.send("reminder", REMINDER)
    await play.refused(talk.message("withdrawal", WITHDRAWN, seq=1), "id-reuse")
    await talk.send("withdrawal", WITHDRAWN)


@case("withdrawal.closed-number", "M-5.7", "M-5.23", section="5.2")
async def closed_number(play: Play) -> None:
    """
    Another withdrawal that is not at a higher number is `illegal-step`, whether its number was closed or used.

    A gateway that calls a closed number used says that something was received which never came.
    """
    talk = await play.asks()
    await talk.send("withdrawal", WITHDRAWN, seq=7)
    for number in (4, 1, 7):
        await play.refused(talk.message("withdrawal", WITHDRAWN, seq=number), "illegal-step")
    await play.accepted(talk.message("withdrawal", WITHDRAWN, seq=8))


@case("withdrawal.used-by-the-asked", "M-5.23", "M-5.10", section="5.7", profile="full")
async def used_by_the_asked(play: Play) -> None:
    """
    After a withdrawal by the gateway a number that the asked State used is `id-reuse`, and what takes back follows.

    A gateway that calls it closed does not tell that the lost message came, and what is said anew is never heard.
    """
    talk = await play.taken_up()
    await talk.withdraw()
    talk.take(play.one(await play.tick(hours=1), "withdrawal"))
    await play.refused(talk.message("erasure", {"number": 1}, seq=1), "id-reuse")
    await talk.send("erasure", {"number": 1})


@case("withdrawal.after-the-last-posted", "M-5.25", section="5.7", profile="verify")
async def after_the_last_posted(play: Play) -> None:
    """
    What was never posted is dropped, and the withdrawal takes the number after the last one that was.

    A gateway that counts on shows by a gap that there was something else that it wanted to say.
    """
    talk = await play.taken_up()
    await send(talk, "verification.question")
    await talk.say("verification.elements", {})
    await talk.withdraw()
    message = talk.take(play.one(await play.tick(hours=1), "withdrawal"))
    if message.value["seq"] != 2:
        raise Wrong(f"the withdrawal has the number {message.value['seq']}, not the one after the request")


@case("withdrawal.posted-before-it", "M-5.23", "M-5.6", section="5.7", profile="verify", inputs=["posted", "waiting"])
async def posted_before_it(play: Play, what: str) -> None:
    """
    What the asked State had posted when the other one withdrew is posted until it is answered, and nothing else is.

    A gateway that lets it lie has its confirmation under a number that its partner does not wait for, and never heard;
    one that still posts what had not left answers a State that no longer asks.
    """
    talk = await play.acknowledged()
    await talk.say("verification.reply", play.reply())
    if what == "posted":
        talk.state.instead = [drops()]
        first = talk.take(play.one(await play.tick(), "verification.reply"))
    await send(talk, "withdrawal")
    whole = includes(play.profile, "full")
    if whole:
        await send(talk, "erasure")
    posts = await play.tick(hours=1)
    if [post.raw for post in posts] != ([first.raw] if what == "posted" else []):
        raise Wrong(
            f"after the withdrawal the gateway posted {', '.join(post.read.type for post in posts) or 'nothing'}"
        )
    if whole:
        await talk.said("confirmation", {"number": 1, "act": "ERASURE", "result": "DONE"})
    await play.silent(days=2)


@case("withdrawal.desk-stops", "M-5.22", "M-5.30", section="5.9", profile="verify")
async def desk_stops(play: Play) -> None:
    """
    After a withdrawal the desk of the asked State says nothing more in the thread.

    A gateway that still lets its desk reply sends data about a person to a State that no longer asks.
    """
    talk = await play.acknowledged()
    await talk.send("withdrawal", WITHDRAWN)
    with suppress(Forbidden):
        await talk.say("verification.reply", play.reply())
    await play.silent(days=1)


async def _papers_asked(play: Play) -> Talk:
    talk = await journey(play, "accepted")
    await send(talk, "travel-document.request")
    return talk


ENDS: dict[str, tuple[Callable[[Play], Awaitable[Talk]], str, Callable[[Play], Json]]] = {
    "proposed": (lambda play: journey(play, "proposed"), "return.acceptance", acceptance),
    "accepted": (_papers_asked, "travel-document.issued", lambda play: {"document": document(play)}),
}


@case("withdrawal.ends-a-return", "M-5.22", "M-5.30", section="5.9", profile="return", inputs=ENDS)
async def ends_a_return(play: Play, how: tuple[Callable[[Play], Awaitable[Talk]], str, Callable[[Play], Json]]) -> None:
    """
    After a withdrawal in a return the asked State accepts nothing and issues nothing, nor leaves what waited.

    A gateway that goes on makes out papers for somebody whose return was taken back, perhaps because she fled.
    """
    begin, type, says = how
    for first in (True, False):
        talk = await begin(play)
        if first:
            await talk.say(type, says(play))
        await send(talk, "withdrawal")
        await withholds(talk, type, says(play))
