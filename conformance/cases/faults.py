"""Section 5.3 under a bad line: somebody in the middle who loses, delays, cuts, changes, swaps, doubles and repeats."""

from conformance.line import (
    Way,
    changes_answer,
    changes_request,
    cuts_answer,
    cuts_request,
    delays,
    doubles,
    loses_answer,
    loses_request,
    repeats,
    swaps,
)
from conformance.play import Play
from conformance.registry import Wrong, case
from conformance.state import flip
from conformance.talk import Talk

NEAR: dict[str, Way] = {
    "request-lost": loses_request(),
    "request-cut-in-the-head": cuts_request(40),
    "request-cut-in-the-body": cuts_request(4000),
    "request-changed": changes_request(flip(3000)),
    "answer-lost": loses_answer(),
    "answer-cut": cuts_answer(700),
    "answer-late": delays(1.0),
    "doubled": doubles(),
}


@case("faults.to-the-gateway", "M-5.3", "M-5.15", "M-5.18", section="5.3", inputs=NEAR, fresh=True)
async def to_the_gateway(play: Play, way: Way) -> None:
    """
    Whatever the line did to a message, the same bytes posted again are accepted, and applied once.

    A gateway that keeps half a message, or counts an attempt as a message, loses a request or opens a case twice.
    """
    shot = play.message()
    await play.through(shot, way)
    got = await play.post(shot)
    if play.receipt(got, shot)["status"] != "accepted":
        raise Wrong("the message was not accepted when it came whole")
    if len(await play.delivered(shot.thread) or []) != 1:
        raise Wrong("the message was not applied exactly once")


def _far(play: Play) -> dict[str, Way]:
    line = play.line(play.a)
    return {
        "request-lost": loses_request(),
        "request-cut": cuts_request(4000),
        "answer-lost": loses_answer(),
        "answer-cut": cuts_answer(700),
        "answer-changed": changes_answer(flip(100)),
        "answer-late": delays(6.0),
        "doubled": doubles(),
        "repeated": repeats(line),
    }


FAR = ["request-lost", "request-cut", "answer-lost", "answer-cut", "answer-changed", "answer-late"]


@case("faults.from-the-gateway", "M-5.11", "M-5.17", "M-1.2", section="5.3", inputs=FAR, profile="verify", seconds=40.0)
async def from_the_gateway(play: Play, name: str) -> None:
    """
    Whatever the line did to a post of the gateway, it posts the same bytes again and takes the right answer.

    A gateway that believes the line takes a message for delivered that was not, or delivers it twice.
    """
    thread = await play.submit()
    play.line(play.a).ways = [_far(play)[name]]
    await play.tick()
    if [row["state"] for row in await play.sent(thread)] != ["waiting"]:
        raise Wrong("the message does not wait for its answer any more")
    posts = await play.tick(hours=2)
    if [row["state"] for row in await play.sent(thread)] != ["accepted"]:
        raise Wrong("the message was not accepted over a line that is whole again")
    raws = {post.raw for post in (*play.a.posts, *posts) if post.message is not None}
    if len(raws) != 1:
        raise Wrong("the message was posted in other bytes (M-1.2)")


@case("faults.swapped-answers", "M-5.17", section="5.5", profile="verify")
async def swapped_answers(play: Play) -> None:
    """
    An answer that belongs to another message of the gateway is not taken for this one.

    A gateway that does not compare the digest believes that everything was received as soon as anything was.
    """
    first = await play.submit()
    await play.tick()
    second = await play.submit()
    line = play.line(play.a)
    line.ways = [swaps(line)]
    await play.tick()
    stands = {row["thread"]: row["state"] for row in await play.sent()}
    if (stands[first], stands[second]) != ("accepted", "waiting"):
        raise Wrong(f"the messages stand as {stands[first]} and {stands[second]}, not as accepted and waiting")
    await play.tick(hours=2)
    if [row["state"] for row in await play.sent(second)] != ["accepted"]:
        raise Wrong("the right answer was not taken after a wrong one")


@case("faults.doubled", "M-5.11", "M-5.17", "M-1.2", section="5.3", inputs=["doubled", "repeated"], profile="verify")
async def doubled(play: Play, name: str) -> None:
    """
    A post of the gateway that the line delivers twice, or brings once more later, counts once for the gateway too.

    A gateway that counts answers and not messages is a number ahead of its partner after one repetition.
    """
    talk = await play.is_asked()
    second = await play.submit()
    play.line(play.a).ways = [_far(play)[name]]
    await play.tick()
    await play.tick(hours=2)
    if [row["state"] for row in await play.sent(second)] != ["accepted"] or await talk.states() != ["accepted"]:
        raise Wrong("a message that came twice was not accepted once")
    await talk.acknowledge()
    await talk.reply()


@case("faults.replayed", "M-5.18", "M-5.3", "M-5.23", section="5.5", fresh=True)
async def replayed(play: Play) -> None:
    """
    Whoever recorded a whole thread and plays it again, in any order, gets the answers of then, and moves nothing.

    A gateway that takes a recorded request after its withdrawal opens a case that was taken back.
    """
    talk = Talk(play, play.a, asking=True)
    shots = [talk.message("verification.request", play.a.question())]
    shots.append(talk.message("reminder", {"number": 1, "step": "reply"}, seq=2))
    shots.append(talk.message("withdrawal", {"code": "WITHDRAWN_NO_REASON"}, seq=3))
    bodies = []
    for shot in shots:
        await play.accepted(shot)
        bodies.append((await play.post(shot)).body)
    before = await play.delivered()
    for place in (2, 0, 1, 1, 0, 2):
        if (await play.post(shots[place])).body != bodies[place]:
            raise Wrong("a message that was recorded and played again got another answer")
    if await play.delivered() != before:
        raise Wrong("what was played again was applied again")


CHANGED = {"head": 5, "key-id": 10, "enc": 500, "sealed": 2000, "tag": -1}


@case("faults.changed", "M-4.1", "M-4.4", "M-4.2", "M-5.5", section="4", inputs=CHANGED)
async def changed(play: Play, at: int) -> None:
    """
    A message that the line changed by one bit is a problem, leaves nothing, and is accepted when it comes as it was.

    A gateway that remembers the changed one for the right one answers it for ever by what somebody else did to it.
    """
    shot = play.message()
    got = await play.through(shot, changes_request(flip(at)))
    if got is not None and got.status == 200:
        raise Wrong("a message that was changed on its way was answered by a receipt")
    await play.accepted(shot)
