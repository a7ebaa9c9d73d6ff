"""Section 5.10: either State stops a return at any time, and it goes on once each that stopped it has said so."""

from datetime import timedelta
from typing import Any

from conformance.bodies import accepts, day, send, signed, withholds
from conformance.door import answers, drops
from conformance.play import Play
from conformance.reading import instant, strict_json
from conformance.registry import Wrong, case
from conformance.returning import (
    DEPARTED,
    SIDES,
    acceptance,
    departure,
    document,
    homeward,
    journey,
    on_the_day,
    plan,
    record,
    schedule,
    told,
)
from conformance.state import Answering

SUSPENDED, RESUMED = {"code": "SUSPENDED"}, {"code": "RESUMED"}

NEXT: dict[str, tuple[str, Any]] = {
    "accepted": ("travel-document.request", lambda play: {"needed_by": day(play, 15)}),
    "documented": ("return.schedule", lambda play: schedule(play, departure(play))),
    "planned": ("return.schedule", lambda play: DEPARTED),
}


@case("suspension.asking", "M-5.33", section="5.10", inputs=list(NEXT), profile="return", seconds=60.0)
async def asking(play: Play, place: str) -> None:
    """
    After its partner's suspension the gateway does not go on with the return; after one resumption it does.

    A gateway that goes on takes no notice of the one word that each State may say at any time; one that counts how
    often it was said never goes on again.
    """
    talk = await homeward(play, place)
    type, body = NEXT[place]
    for _ in range(2):
        await send(talk, "suspension")
    if place == "planned":
        await on_the_day(talk)
    await withholds(talk, type, body(play), days=0)
    await send(talk, "resumption")
    if place == "documented":
        await talk.say(type, body(play))
        await told(talk, departure(play))
    else:
        await talk.said(type, body(play))


ASKED_NEXT: dict[str, tuple[str, Any]] = {
    "proposed": ("return.acceptance", acceptance),
    "accepted": ("travel-document.issued", lambda play: {"document": document(play)}),
    "documented": ("travel-document.reissue", lambda play: {"document": document(play)}),
}


@case("suspension.asked", "M-5.33", section="5.10", inputs=list(ASKED_NEXT), profile="return", seconds=60.0)
async def asked(play: Play, place: str) -> None:
    """
    As the asked State too the gateway says nothing more of the return until its partner has resumed it.

    A gateway that accepts, or issues a document, during a suspension has a return that nobody can stop.
    """
    talk = await journey(play, place)
    if place == "accepted":
        await send(talk, "travel-document.request")
    type, body = ASKED_NEXT[place]
    await send(talk, "suspension")
    await withholds(talk, type, body(play))
    await send(talk, "resumption")
    await talk.said(type, body(play))


@case("suspension.its-own-alone", "M-5.33", section="5.10", inputs=SIDES, profile="return", seconds=60.0)
async def its_own_alone(play: Play, begin: Any) -> None:
    """
    A State lifts its own suspension and never the other's: after one of two resumptions nothing goes on.

    A gateway that takes its partner's word for both lets the one State go on over the other's no.
    """
    talk = await begin(play, "accepted")
    if talk.asking:
        await send(talk, "travel-document.request")
    type, body = ASKED_NEXT["accepted"] if talk.asking else NEXT["accepted"]
    said = await talk.said("suspension", {})
    if said.body != SUSPENDED:
        raise Wrong(f"the suspension says {said.body}")
    await send(talk, "suspension")
    await send(talk, "resumption")
    await withholds(talk, type, body(play), days=0)
    if (said := await talk.said("resumption", {})).body != RESUMED:
        raise Wrong(f"the resumption says {said.body}")
    await talk.said(type, body(play))


@case("suspension.theirs-stands", "M-5.33", section="5.10", inputs=SIDES, profile="return", seconds=60.0)
async def theirs_stands(play: Play, begin: Any) -> None:
    """
    The gateway's own resumption does not lift its partner's suspension.

    A gateway whose desk can lift it needs no partner to go on.
    """
    talk = await begin(play, "accepted")
    if talk.asking:
        await send(talk, "travel-document.request")
    type, body = ASKED_NEXT["accepted"] if talk.asking else NEXT["accepted"]
    await talk.said("suspension", {})
    await send(talk, "suspension")
    await talk.said("resumption", {})
    await withholds(talk, type, body(play), days=2)
    await send(talk, "resumption")
    await talk.said(type, body(play))


@case("suspension.proposed-anew", "M-5.33", section="5.10", profile="return", inputs=["own", "theirs"], seconds=60.0)
async def proposed_anew(play: Play, whose: str) -> None:
    """
    A suspension stands over a new proposal: that is taken, and accepted once whoever suspended has resumed.

    A gateway that begins anew with each proposal lets the asking State get round every stop by proposing once more.
    """
    talk = await journey(play, "accepted")
    await (talk.said("suspension", {}) if whose == "own" else send(talk, "suspension"))
    reply = next(message.digest for message in talk.heard if message.type == "verification.reply")
    await send(talk, "return.proposal", reply=reply)
    await withholds(talk, "return.acceptance", acceptance(play), days=0)
    await (talk.said("resumption", {}) if whose == "own" else send(talk, "resumption"))
    await talk.said("return.acceptance", acceptance(play))


@case(
    "suspension.after-departure", "M-5.33", section="5.10", inputs=SIDES, profile="return", positive=True, seconds=60.0
)
async def after_departure(play: Play, begin: Any) -> None:
    """
    A suspension that comes once the person has left holds nothing: hands are put under the record, reports follow.

    A gateway that stops then has nobody sign for a person who is there, and nobody look how she is.
    """
    talk = await begin(play, "departed")
    await send(talk, "suspension")
    await play.tick(hours=5)
    if begin is homeward:
        text = bytes((await talk.said("return.handover", {"protocol": record(play)})).value["body_bytes"])
        await talk.send("return.handover", text, statements=signed(talk, "return.handover", strict_json(text)))
        await send(talk, "return.monitoring")
        return
    await send(talk, "return.handover")
    await talk.said("return.handover", {})
    await send(talk, "suspension")
    await talk.said("return.monitoring", {"status": "SEEN_SAFE", "on": day(play), "final": False})


@case("suspension.stopped-before", "M-5.33", section="5.10", inputs=SIDES, profile="return", positive=True)
async def stopped_before(play: Play, begin: Any) -> None:
    """
    A suspension that comes where no proposal stands holds none that is made later.

    A gateway that holds it has a return that nobody can resume, for its partner knows of no suspension.
    """
    talk = await begin(play, "replied" if begin is journey else "proposed")
    if begin is homeward:
        await send(talk, "return.acceptance", handling=talk.heard[-1].body["handling"], represented=False)
    await send(talk, "suspension")
    if begin is homeward:
        await talk.said("return.proposal", plan(play))
        return
    reply = next(message.digest for message in talk.heard if message.type == "verification.reply")
    await send(talk, "return.proposal", reply=reply)
    await talk.said("return.acceptance", acceptance(play))


NEEDED = ("travel-document.request", lambda play: {"needed_by": day(play, 15)})


ISSUED = ("travel-document.issued", lambda play: {"document": document(play)})


CROSSES: dict[str, tuple[Any, str, str, tuple[str, Any] | None]] = {
    "asking": (homeward, "proposed", "return.acceptance", NEEDED),
    "asking-refused": (homeward, "proposed", "a refusal", ("return.proposal", plan)),
    "asking-document": (homeward, "accepted", "travel-document.issued", None),
    "asked": (journey, "accepted", "travel-document.request", ISSUED),
    "asked-plan": (journey, "documented", "return.schedule", ("travel-document.reissue", ISSUED[1])),
}
"""Where the gateway suspends, what crosses that, and what its desk may say next once it has resumed."""


@case("suspension.crossing", "M-5.33", "M-5.30", section="5.10", profile="return", inputs=CROSSES, seconds=60.0)
async def crossing(play: Play, how: tuple[Any, str, str, tuple[str, Any] | None]) -> None:
    """
    What crosses the gateway's own suspension is accepted, and changes nothing before that ends.

    A gateway that refuses it tells its partner that it has stopped before its word has come; one that proposes anew
    what was refused meanwhile goes on over its own stop.
    """
    begin, place, type, follows = how
    talk = await begin(play, place)
    if type == "travel-document.issued":
        await talk.said(NEEDED[0], NEEDED[1](play))
    await talk.say("suspension", {})
    if type == "return.acceptance":
        await accepts(talk)
    elif type == "a refusal":
        await send(talk, "return.acceptance", handling=talk.heard[-1].body["handling"], represented=False)
    else:
        await send(talk, type, **(schedule(play, departure(play)) if type == "return.schedule" else {}))
    talk.take(play.one(await play.tick(), "suspension"))
    if follows is not None:
        await withholds(talk, follows[0], follows[1](play), days=0)
    await talk.said("resumption", {})
    if follows is not None:
        await talk.said(follows[0], follows[1](play))


NUMBERS = {"never-came": 1, "came": 2}
"""How often a suspension is said, as the number of the lost message was used or not."""


@case("suspension.after-a-loss", "M-5.10", "M-5.33", section="5.2", profile="return", inputs=NUMBERS, seconds=60.0)
async def after_a_loss(play: Play, times: int) -> None:
    """
    In a thread that ended with a lost message the asked State suspends under the number of that, or the next if it was
    used, and what lifts it follows.

    A gateway that suspends behind the lost number is never heard: it has stopped, and its partner brings the person.
    """
    talk = await journey(play, "accepted")
    await send(talk, "travel-document.request")
    play.a.instead = [drops() for _ in range(500)]
    await talk.say("travel-document.issued", {"document": document(play)})
    lost = play.one(await play.tick(), "travel-document.issued").read
    await talk.say("suspension", {})
    await play.tick_to(instant(lost.value["expires_at"]) + timedelta(hours=1))
    play.a.instead = [answers(play.doors, Answering(refuse="id-reuse"))] if times == NUMBERS["came"] else []
    if times == NUMBERS["came"]:
        talk.heard.append(lost)
    posts = [post.read for _ in range(3) for post in await play.tick(hours=1)]
    if [message.type for message in posts] != ["suspension"] * times:
        seen = ", ".join(message.type for message in posts) or "nothing"
        raise Wrong(f"the gateway posted {seen}, not suspension {times} times from the lost number on (M-5.10)")
    numbers = [message.value["seq"] - lost.value["seq"] for message in posts]
    if numbers != list(range(times)) or len({message.value["id"] for message in (lost, *posts)}) != times + 1:
        raise Wrong(f"the suspension has a number {numbers} beyond the lost one, or an id that was used")
    talk.heard.append(posts[-1])
    if (said := await talk.said("resumption", {})).body != RESUMED or (await talk.states())[-1] != "accepted":
        raise Wrong(f"the resumption says {said.body}, or stands as {(await talk.states())[-1]}")
