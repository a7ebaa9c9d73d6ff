"""Sections 3.5 and 5.9: what a gateway still says and takes of a person of whom it has destroyed everything."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from conformance.backend import Forbidden
from conformance.bodies import FROM_ASKED, day, refuses, send
from conformance.door import answers, drops
from conformance.play import Play
from conformance.registry import Wrong, case
from conformance.state import Answering
from conformance.talk import Talk

ERASES = ["erase"]


async def _asked(play: Play) -> Talk:
    talk = await play.replied()
    await talk.act("erase")
    return talk


async def _asking(play: Play) -> Talk:
    talk = await play.taken_up()
    await send(talk, "verification.reply")
    await talk.act("close")
    await talk.act("erase")
    return talk


GONE: dict[str, tuple[Callable[[Play], Awaitable[Talk]], Sequence[str]]] = {
    "asked": (_asked, ("verification.contest", "reminder", "use-report.request", "onward.request")),
    "asking": (_asking, (*FROM_ASKED, "use-report.request", "onward.request")),
}


@case("erased.takes-nothing", "M-5.31", "M-3.21", section="5.9", profile="full", needs=ERASES, inputs=GONE)
async def takes_nothing(play: Play, how: tuple[Callable[[Play], Awaitable[Talk]], Sequence[str]]) -> None:
    """
    Of a case that was erased nothing is taken but what takes data back, which is confirmed at once with `NOT_HELD`.

    A gateway that takes more begins a new file about somebody of whom it was to forget everything; one that confirms
    nothing is asked for ever.
    """
    begin, others = how
    talk = await begin(play)
    for type in others:
        await refuses(talk, type, "not-minimised" if type == "verification.elements" else "illegal-step")
    for act in ("rectification", "erasure"):
        await send(talk, act)
        answer = talk.take(play.one(await play.tick(), "confirmation"))
        if answer.body != {"number": 1, "act": act.upper(), "result": "NOT_HELD"}:
            raise Wrong(f"the gateway confirmed {answer.body}")
    if talk.asking:
        await send(talk, "withdrawal")
    if any(row["body"] is not None for row in await talk.delivered()):
        raise Wrong("a body is there of a case that was erased")
    await play.silent(days=20)


@case("erased.played-again", "M-5.18", "M-5.7", section="5.5", profile="verify", needs=ERASES)
async def played_again(play: Play) -> None:
    """
    What opened a case that was erased gets its stored answer when it comes again, and opens nothing.

    A gateway that forgets with the person that it had the message lets anybody who recorded it bring everything back.
    """
    talk = Talk(play, play.a, asking=True)
    shot = talk.message("verification.request", play.a.question())
    first = await play.post(shot)
    play.receipt(first, shot)
    talk.used(shot)
    await talk.said("verification.acknowledgement", {})
    await talk.said("verification.reply", play.reply())
    await talk.act("erase")
    if (await play.post(shot)).body != first.body:
        raise Wrong("the message that opened the case got another answer once the case was erased")
    await play.refused(talk.message("verification.request", play.a.question()), "illegal-step")
    rows = await talk.delivered()
    if [row["type"] for row in rows] != ["verification.request"] or rows[0]["body"] is not None:
        raise Wrong("a case that was erased is there again")
    await play.silent(days=2)


@case("erased.not-posted-again", "M-5.28", "M-5.25", section="5.8", profile="verify", needs=ERASES, inputs=list(GONE))
async def not_posted_again(play: Play, side: str) -> None:
    """
    To a restored partner nothing is posted again of a case that was erased.

    A gateway that posts it has kept the envelopes, and has a case opened again that nobody on its side knows of.
    """
    other, talk = await play.acknowledged(), await GONE[side][0](play)
    await play.restored(play.a)
    posts = [post.read for post in await play.tick() if post.read.type != "resync"]
    if found := [message.type for message in posts if message.thread == talk.thread]:
        raise Wrong(f"of a case that was erased the gateway posted {', '.join(found)} again")
    if [message.raw for message in posts if message.thread == other.thread] != [other.heard[0].raw]:
        raise Wrong("what was not erased was not posted again")


UNDER_WAY = {"never-came": 2, "came": 3}
"""What number the confirmation has that is heard, as the one of the reply was used or not."""


@case("erased.confirmed", "M-5.10", "M-3.21", section="5.2", profile="full", needs=ERASES, inputs=UNDER_WAY)
async def confirmed(play: Play, number: int) -> None:
    """
    Where the reply was under way as its case was erased, the confirmation has its number, or the next if that was used.

    A gateway that confirms behind a number that it has destroyed is never heard, and its partner believes the data
    kept.
    """
    talk = await play.acknowledged()
    await talk.say("verification.reply", play.reply())
    play.a.instead = [drops()]
    play.one(await play.tick(), "verification.reply")
    await send(talk, "erasure")
    if number == 3:
        play.a.instead = [answers(play.doors, Answering(refuse="id-reuse"))]
    try:
        await talk.act("erase")
    except Forbidden:
        return  # nothing is erased while something is under way
    with suppress(Forbidden):  # where the gateway says so by itself
        await talk.say("confirmation", {"number": 1, "act": "ERASURE", "result": "DONE"})
    posts = [post for _ in range(3) for post in await play.tick(hours=1)]
    if [post.read.type for post in posts] != ["confirmation"] * (number - 1):
        seen = ", ".join(post.read.type for post in posts) or "nothing"
        raise Wrong(f"the gateway posted {seen}, not confirmation {number - 1} times up to number {number} (M-5.10)")
    last = [talk.take(post) for post in posts][-1]
    if (last.value["seq"], last.body["number"], last.body["act"]) != (number, 1, "ERASURE"):
        raise Wrong(f"number {last.value['seq']} says {last.body}")


@case("erased.waiting", "M-5.10", "M-3.21", section="5.2", profile="verify", needs=ERASES)
async def waiting(play: Play) -> None:
    """
    What waits to be posted of a case that was erased never leaves.

    A gateway that looks for the person in its files, and not in its outbox, sends what it has just destroyed.
    """
    talk = await play.acknowledged()
    await talk.say("verification.reply", play.reply(valid_until=day(play, 90)))
    try:
        await talk.act("erase")
    except Forbidden:
        return  # nor is anything erased while something waits
    await play.silent(days=2)
