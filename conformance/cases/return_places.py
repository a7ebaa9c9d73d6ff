"""Section 5.9: what a thread of a return takes at each place, and that a step that was refused is none."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

from conformance.bodies import FROM_ASKED, FROM_ASKING, accepts, body, day, refuses, send, withholds
from conformance.door import answers
from conformance.play import START, Play
from conformance.registry import Wrong, case
from conformance.returning import (
    acceptance,
    departure,
    document,
    homeward,
    journey,
    loses,
    loses_a_document,
    plan,
    record,
    schedule,
    told,
)
from conformance.state import DAY, Answering
from conformance.talk import Talk
from conformance.writing import stamp

STOPS = ("resumption", "suspension", "resumption")
OF_ASKING = (
    "return.proposal",
    "travel-document.request",
    "return.schedule",
    "return.handover",
    "return.take-back",
    "withdrawal",
    *STOPS,
)
BEFORE = tuple(type for type in FROM_ASKING if type not in ("verification.elements", "withdrawal"))
"""What belongs before a return: none of it is taken in one."""

UNDELIVERED = (
    "return.proposal",
    "travel-document.request",
    "return.schedule",
    "return.handover",
    "return.take-back",
)
"""What the asked State still takes where a message of its own never came."""

ASKED: dict[str, tuple[Sequence[str], Sequence[str]]] = {
    "proposed": ((*STOPS, "return.proposal", "withdrawal"), ()),
    "accepted": ((*STOPS, "travel-document.request", "withdrawal"), ("return.proposal", "return.schedule")),
    "documented": ((*STOPS, "withdrawal"), ("return.proposal", "travel-document.request", "return.schedule")),
    "planned": ((*STOPS, "withdrawal"), ("return.proposal", "return.schedule")),
    "departed": ((*STOPS, "return.handover", "return.take-back"), ()),
    "handed over": ((*STOPS, "return.handover", "return.take-back"), ()),
    "return ended": ((*STOPS, "return.take-back"), ()),
    "called back": ((*STOPS, "return.handover", "return.take-back", "withdrawal"), ("return.proposal",)),
    "undelivered": ((*STOPS, *UNDELIVERED, "withdrawal"), ()),
    "closed": ((*STOPS, "return.take-back", "withdrawal"), ()),
}
"""What is taken at each place: first what leaves the thread there, the last one apart; then what moves it."""


async def _journey(play: Play, place: str) -> Talk:
    """Return a thread in which the test State proposed, at ``place``."""
    if place == "return ended":
        talk = await journey(play, "handed over")
        await play.tick(days=190)
        await talk.said("return.monitoring", {"status": "SEEN_SAFE", "on": day(play), "final": True})
        return talk
    if place == "closed":
        talk = await journey(play, "replied")
        await talk.act("close")
        return talk
    if place == "undelivered":
        talk = await journey(play, "accepted")
        await loses_a_document(talk)
        return talk
    if place != "called back":
        return await journey(play, place)
    talk = await journey(play, "departed")
    await send(talk, "return.take-back")
    return talk


async def _says(talk: Talk, place: str, type: str) -> None:
    """Say a right ``type`` from the asking side, and insist that it is accepted."""
    play, changes = talk.play, dict[str, Any]()
    if type == "return.proposal":
        changes["reply"] = next(one.digest for one in reversed(talk.heard) if one.type == "verification.reply")
    if type == "return.schedule" and place == "accepted":
        changes = {**schedule(play, departure(play)), "status": "departed"}
    if type == "return.schedule" and place == "documented":
        changes = schedule(play, departure(play))
    if place == "called back":
        changes |= _whatever_day(play, type)
    try:
        await send(talk, type, **changes)
    except Wrong as error:
        raise Wrong(f"{type}: {error}") from None


def _whatever_day(play: Play, type: str) -> dict[str, Any]:
    """Return what a message that crossed a step, and changes nothing, may say of its days (5.9)."""
    if type == "return.handover":
        return {"protocol": record(play) | {"at": stamp(play.now() - 200 * DAY)}}
    if type == "return.monitoring":
        return {"final": True}
    if type in DOCUMENTS:
        return {"document": document(play, issued_on=day(play, -60), valid_until=day(play, -1))}
    return {}


@case("returnplaces.asked", "M-5.30", "M-5.33", section="5.9", inputs=list(ASKED), profile="return", seconds=90.0)
async def asked_places(play: Play, place: str) -> None:
    """
    As the asked State the gateway takes at each place of a return what belongs there, and refuses each other type.

    A gateway that takes a departure before it accepted has a person on the way whom it never agreed to receive.
    """
    here, apart = ASKED[place]
    talk = await _journey(play, place)
    for type in (one for one in (*OF_ASKING, *BEFORE) if one not in (*here, *apart)):
        await refuses(talk, type)
    if place == "accepted":
        await refuses(talk, "return.schedule")  # a departure alone is taken here
        await refuses(talk, "return.schedule", **schedule(play, departure(play)))
    for type in here:
        await _says(talk, place, type)
    for type in apart:
        await _again(play)
        await _says(await _journey(play, place), place, type)


async def _again(play: Play) -> None:
    """Begin anew, if the clock has moved."""
    if play.now() != START:
        await play.fresh()


OF_ASKED = (
    "return.acceptance",
    "travel-document.issued",
    "travel-document.reissue",
    "return.handover",
    "return.monitoring",
    "return.take-back",
    *STOPS,
)
DOCUMENTS = ("travel-document.issued", "travel-document.reissue")
ASKING: dict[str, tuple[Sequence[str], Sequence[str]]] = {
    "proposed": ((*STOPS, "return.acceptance"), ()),
    "refused": (OF_ASKED, ()),
    "accepted": (STOPS, ()),
    "decided": ((*STOPS, "travel-document.issued"), ("travel-document.reissue",)),
    "documented": ((*DOCUMENTS, *STOPS), ()),
    "planned": ((*DOCUMENTS, *STOPS), ()),
    "departed": ((*DOCUMENTS, *STOPS, "return.take-back"), ()),
    "handed over": ((*STOPS, "return.monitoring", "return.take-back"), ()),
    "return ended": ((*STOPS, "return.take-back"), ()),
    "called back": (OF_ASKED, ()),
    "closed": ((*OF_ASKED, *FROM_ASKED), ()),
    "withdrawn": ((*OF_ASKED, *FROM_ASKED), ()),
    "undelivered": ((*OF_ASKED, *FROM_ASKED), ()),
    "request undelivered": ((*OF_ASKED, *FROM_ASKED), ()),
}


async def _homeward(play: Play, place: str) -> Talk:
    """Return a thread in which the gateway proposed, at ``place``."""
    if place == "refused":
        talk = await homeward(play, "proposed")
        await send(talk, "return.acceptance", represented=False)
    elif place == "decided":
        talk = await homeward(play, "accepted")
        await talk.said("travel-document.request", {"needed_by": body(play, talk, "return.take-back")["by"]})
    elif place == "return ended":
        talk = await homeward(play, "handed over")
        await play.tick(days=190)
        await send(talk, "return.monitoring", final=True)
    elif place == "closed":
        talk = await homeward(play, "replied")
        await talk.act("close")
    elif place == "withdrawn":
        talk = await homeward(play, "accepted")
        await talk.withdraw()
        talk.take(play.one(await play.tick(hours=1), "withdrawal"))
    elif place == "undelivered":
        talk = await homeward(play, "accepted")
        await talk.say("travel-document.request", {"needed_by": body(play, talk, "return.take-back")["by"]})
        await loses(talk)
    elif place == "request undelivered":
        talk = Talk(play, play.a, asking=False, thread=await play.submit())
        await loses(talk)
    elif place == "called back":
        talk = await homeward(play, "departed")
        await send(talk, "return.take-back")
    else:
        talk = await homeward(play, place)
    return talk


@case("returnplaces.asking", "M-5.30", "M-5.33", section="5.9", inputs=list(ASKING), profile="return", seconds=90.0)
async def asking_places(play: Play, place: str) -> None:
    """
    As the asking State the gateway takes at each place of a return what belongs there, and refuses each other type.

    A gateway that takes a document before it was decided has a return that goes on by itself.
    """
    here, apart = ASKING[place]
    talk = await _homeward(play, place)
    # Before a first handover of the asking State the second has nothing to repeat; it stands in handovers.one-record.
    others = [one for one in (*OF_ASKED, *FROM_ASKED) if one not in (*here, *apart)]
    for type in (one for one in others if (place, one) != ("departed", "return.handover")):
        await refuses(talk, type)
    for type in here:
        crossed = {*OF_ASKED} <= {*here} or (place == "departed" and type in DOCUMENTS)
        await send(talk, type, **(_whatever_day(play, type) if crossed else {}))
    for type in apart:
        await _again(play)
        await send(await _homeward(play, place), type)


async def _refused_proposal(play: Play) -> None:
    talk = await homeward(play, "replied")
    _refuses_next(talk)
    await talk.said("return.proposal", plan(play))
    await accepts(talk)
    await withholds(talk, "travel-document.request", {"needed_by": body(play, talk, "return.take-back")["by"]}, days=0)
    await talk.said("return.proposal", plan(play))


async def _refused_answers(play: Play) -> None:
    talk = await journey(play, "proposed")
    planned = schedule(play, departure(play))
    for type, says, follows, how in (
        ("return.acceptance", acceptance(play), "travel-document.request", {}),
        ("travel-document.issued", {"document": document(play)}, "return.schedule", planned),
    ):
        _refuses_next(talk)
        await talk.said(type, says)
        await refuses(talk, follows, **how)
        await talk.said(type, says)
        await send(talk, follows, **how)


async def _refused_plan(play: Play) -> None:
    talk, leaves = await homeward(play, "documented"), departure(play)
    _refuses_next(talk)
    await talk.say("return.schedule", schedule(play, leaves))
    await told(talk, leaves)
    await play.tick_to(leaves + timedelta(minutes=10))
    await withholds(talk, "return.schedule", {"status": "departed"}, days=0)


def _refuses_next(talk: Talk) -> None:
    talk.state.instead = [answers(talk.play.doors, Answering(refuse="illegal-step"))]


REFUSES: dict[str, Callable[[Play], Awaitable[None]]] = {
    "proposal": _refused_proposal,
    "acceptance-and-document": _refused_answers,
    "plan": _refused_plan,
}


@case("returnplaces.refused-step", "M-5.30", "M-5.6", section="5.9", inputs=REFUSES, profile="return", seconds=60.0)
async def refused_step(play: Play, tries: Callable[[Play], Awaitable[None]]) -> None:
    """
    A step of a return that its partner refused leaves the thread where it was: nothing rests on it, and it may follow.

    A gateway for which a refused proposal is one asks for a document of somebody who was never proposed; one that keeps
    its refused acceptance, document or plan has somebody on the way by what the other State does not have.
    """
    await tries(play)
