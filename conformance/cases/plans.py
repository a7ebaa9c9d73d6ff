"""Section 5.10: the plan of a journey, which waits until 72 hours before it and is told then, dropped, or cancelled."""

from datetime import timedelta
from typing import Any

from conformance.bodies import send, withholds
from conformance.door import drops
from conformance.play import Play
from conformance.reading import instant
from conformance.registry import Wrong, case
from conformance.returning import departure, handling, homeward, journey, plan, schedule, told, untold
from conformance.talk import Talk
from conformance.writing import stamp

H = timedelta(hours=1)


@case("plans.not-before", "M-5.32", section="5.10", profile="return", seconds=60.0)
async def not_before(play: Play) -> None:
    """
    The plan of a journey is not posted earlier than 72 hours before its departure, and is posted before it.

    A gateway that posts it when it is made tells, for weeks, where a person will be on a day.
    """
    talk, leaves = await _planned(play)
    await play.silent(play.a)
    await play.tick_to(leaves - 73 * H)
    untold(talk)
    await play.tick_to(leaves - 72 * H - timedelta(seconds=1))
    untold(talk)
    await told(talk, leaves)


async def _planned(play: Play) -> tuple[Talk, Any]:
    """Let the gateway's desk plan a journey that is too far ahead to be told."""
    talk, leaves = await homeward(play, "documented"), departure(play)
    await talk.say("return.schedule", schedule(play, leaves))
    return talk, leaves


@case("plans.dropped", "M-5.32", "M-5.25", section="5.10", profile="return", seconds=60.0)
async def dropped(play: Play) -> None:
    """
    A plan that waits does not leave a thread that was stopped, withdrawn or not, and is dropped when that is over.

    A gateway that lets it leave, or forgets to drop it, tells of a journey that was stopped, on its eve.
    """
    talk, leaves = await _planned(play)
    await talk.freeze("protection")
    await play.tick_to(leaves - 71 * H)
    untold(talk)
    await talk.act("withdraw")
    await play.tick_to(leaves)
    untold(talk)
    if "dropped" not in await talk.states():
        raise Wrong(f"the messages stand as {', '.join(await talk.states())}, and the plan not as dropped")


@case("plans.early-is-taken", "M-5.32", section="5.10", profile="return", positive=True)
async def early_is_taken(play: Play) -> None:
    """
    A plan that arrives earlier than 72 hours before the departure is taken.

    A gateway that refuses it has read it nevertheless, and its partner sends it again.
    """
    talk = await journey(play, "documented")
    await talk.send("return.schedule", {"handling": handling(play), **schedule(play, departure(play))})


@case("plans.posted-again", "M-5.32", "M-1.2", section="5.10", profile="return", seconds=60.0)
async def posted_again(play: Play) -> None:
    """
    A plan whose answer was lost is posted again in the same bytes, and not before its time.

    A gateway that makes a new message of it plans two journeys for one person.
    """
    talk, leaves = await _planned(play)
    play.a.instead = [drops()]
    first = await told(talk, leaves)
    again = play.one(await play.tick(hours=1), "return.schedule")
    if again.raw != first.raw or first.body["departs_at"] != stamp(leaves):
        raise Wrong("the plan was posted again in other bytes (M-1.2)")
    await withholds(talk, "return.proposal", plan(play), days=0)


@case("plans.cancelled", "M-3.14", "M-5.32", "M-5.36", section="3.5", profile="return", seconds=60.0)
async def cancelled(play: Play) -> None:
    """
    A plan that is cancelled after it was posted is taken back by a message that says nothing else, and nobody leaves.

    A gateway that repeats the plan in its cancellation tells twice where a person will be; one whose escort leaves all
    the same brings her to where nobody waits any more.
    """
    talk = await homeward(play, "planned")
    said = (await talk.said("return.schedule", {"status": "cancelled"})).body
    rest = {name: value for name, value in said.items() if name not in ("handling", "status")}
    if said["status"] != "cancelled" or any(rest.values()):
        raise Wrong(f"the cancellation says {rest}")
    planned = next(message for message in talk.heard if message.type == "return.schedule")
    await play.tick_to(instant(planned.body["departs_at"]))
    await withholds(talk, "return.schedule", {"status": "departed"}, days=0)


@case("plans.cancelled-unsaid", "M-5.32", "M-3.14", section="5.10", profile="return", seconds=60.0)
async def cancelled_unsaid(play: Play) -> None:
    """
    A plan that is cancelled before it was posted never leaves, and another one may be made and told.

    A gateway that lets it leave has somebody waited for at a gate whom nobody brings, and not where she comes.
    """
    talk, leaves = await _planned(play)
    await talk.say("return.schedule", {"status": "cancelled"})
    other = leaves + 72 * H
    await talk.say("return.schedule", schedule(play, other))
    posts = await play.tick_to(leaves)
    while play.now() < other - H:
        posts += await play.tick(hours=6)
    told = [post.read.body["departs_at"] for post in posts if post.read.body["status"] == "planned"]
    if told != [stamp(other)]:
        raise Wrong(f"the gateway told of journeys at {', '.join(told) or 'no hour'}, and {stamp(other)} was planned")


@case("plans.nothing-to-cancel", "M-5.30", section="5.9", profile="return", positive=True)
async def nothing_to_cancel(play: Play) -> None:
    """
    A cancellation where no plan stands is taken, changes nothing, and a plan may still come.

    A gateway that refuses it leaves a partner in doubt whether somebody will be waited for.
    """
    talk = await journey(play, "documented")
    await send(talk, "return.schedule")
    await send(talk, "return.schedule", **schedule(play, departure(play)))
