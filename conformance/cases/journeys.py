"""Section 5.10: what must stand as a journey is planned and as it begins, and word that somebody has left."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from conformance.backend import Forbidden
from conformance.bodies import body, day, refuses, send, withholds
from conformance.door import answers, drops, says
from conformance.play import Play
from conformance.reading import instant, strict_json, unb64u
from conformance.registry import Wrong, case
from conformance.returning import (
    DEPARTED,
    acceptance,
    departure,
    document,
    homeward,
    journey,
    loses_a_document,
    on_the_day,
    record,
    schedule,
    told,
    untold,
)
from conformance.state import DAY, Answering, Message
from conformance.talk import Talk
from conformance.writing import stamp

H = timedelta(hours=1)

STANDS: dict[str, dict[str, Any]] = {
    "reply-over": {"replying": {"valid_until": 5}},
    "acceptance-over": {"accepting": {"expires_on": 5}},
    "statement-over": {"counts": 5 * DAY},
    "document-too-short": {"papers": {"valid_until": 18}},
    "document-to-the-day": {"papers": {"valid_until": 20}},
    "document-to-the-day-after": {"papers": {"valid_until": 21}},
    "document-over-on-the-way": {"papers": {"valid_until": 22}},
}


def _dated(play: Play, how: dict[str, Any]) -> dict[str, Any]:
    """Return ``how`` with days from now as dates."""
    made: dict[str, Any] = {}
    for name, value in how.items():
        made[name] = {key: day(play, days) for key, days in value.items()} if isinstance(value, dict) else value
    return made


WAITS: dict[str, dict[str, Any]] = {
    "acceptance-over": {"accepting": {"expires_on": 12}},
    "statement-over": {"counts": 12 * DAY},
    "suspended": {},
    "suspended-here": {},
    "stolen": {},
}
"""What ends between the day on which a journey is planned and the hour at which the plan may leave."""


@case("journeys.no-plan", "M-6.5", "M-5.36", section="5.10", inputs=STANDS, profile="return", seconds=60.0)
async def no_plan(play: Play, how: dict[str, Any]) -> None:
    """
    No journey is planned once reply or acceptance are over, nor where the document does not last two days beyond it.

    A gateway that plans it counts on a word that is over, and strands a person at a border.
    """
    talk = await homeward(play, "documented", **_dated(play, how))
    await play.tick(days=6)
    leaves = play.now() + 14 * DAY
    way = 3 * DAY if how == STANDS["document-over-on-the-way"] else 4 * H
    planned = schedule(play, leaves) | {"arrives_at": stamp(leaves + way)}
    await withholds(talk, "return.schedule", planned, days=0)
    await play.tick_to(leaves)
    untold(talk)


@case("journeys.not-any-more", "M-6.5", "M-5.33", section="5.10", profile="return", inputs=[*WAITS], seconds=60.0)
async def not_any_more(play: Play, what: str) -> None:
    """
    A plan that waits does not leave where the acceptance is over by its hour, or fell, or a suspension has come.

    A gateway that looks once, when the desk plans, tells of a journey on whose end nobody waits any more.
    """
    before = play.now() - H
    talk, leaves = await homeward(play, "documented", **_dated(play, WAITS[what])), departure(play)
    with suppress(Forbidden):
        await talk.say("return.schedule", schedule(play, leaves))
    if what == "suspended":
        await send(talk, "suspension")
    if what == "suspended-here":
        await talk.said("suspension", {})
    if what == "stolen":
        await _revoked(play, "desk_head", before)
    await play.tick_to(leaves - 72 * H)
    untold(talk)
    await play.tick_to(leaves)
    untold(talk)


@case("journeys.plan-too-late", "M-5.36", section="5.10", profile="return", seconds=60.0)
async def plan_too_late(play: Play) -> None:
    """
    As the asked State the gateway takes a plan while its own acceptance stands, and then word of a departure alone.

    A gateway that takes it has a person on the way to a carer who is bound no more, and its partner does not know.
    """
    talk = await journey(play, "documented")
    accepted = next(message for message in talk.heard if message.type == "return.acceptance")
    last = instant(f"{accepted.body['expires_on']}T00:00:00Z") + DAY
    over = min(last, _counts_until(accepted))
    plan = {"handling": body(play, talk, "return.schedule")["handling"], **schedule(play, over + 2 * DAY)}
    await play.tick_to(over - timedelta(seconds=1))
    await talk.send("return.schedule", plan)
    await play.tick_to(over + timedelta(seconds=1))
    await talk.refused("illegal-step", "return.schedule", plan)
    await talk.send("return.schedule", plan | {"status": "departed"})


@case(
    "journeys.release-over",
    "M-6.5",
    "M-5.36",
    section="5.10",
    profile="return",
    inputs=["plan", "departure"],
    seconds=60.0,
)
async def release_over(play: Play, step: str) -> None:
    """
    Once the release of the gateway's own authority is over no journey is planned, and no departure announced.

    A gateway that looks at its partner's signature alone sends a person whom its own authority has not looked at since.
    """
    last = day(play, 390)
    talk = await homeward(
        play,
        "documented",
        proposing={"window": {"from": day(play, 1), "until": last}},
        accepting={"expires_on": last},
        counts=390 * DAY,
        papers={"valid_until": last},
    )
    over = _release_until(talk)
    leaves = over + (96 * H if step == "plan" else 12 * H)
    await play.tick_to(over + timedelta(seconds=1) if step == "plan" else over - 48 * H)
    with suppress(Forbidden):
        await talk.say("return.schedule", schedule(play, leaves))
    posts = [post.read for post in await play.tick_to(leaves) if post.state is play.a]
    if step == "plan" and any(message.type == "return.schedule" for message in posts):
        raise Wrong("the gateway posted return.schedule")
    await withholds(talk, "return.schedule", DEPARTED, days=1)


def _release_until(talk: Talk) -> datetime:
    """Return until when the release counts that came with the gateway's proposal."""
    return _counts_until(next(message for message in talk.heard if message.type == "return.proposal"))


def _counts_until(message: Message) -> datetime:
    """Return until when the one statement of ``message`` counts."""
    content = strict_json(unb64u(message.value["statements"][0].split(".")[1]))
    return instant(content["valid_until"])


@case("journeys.within-days", "M-5.36", section="5.10", profile="return", seconds=60.0)
async def within_days(play: Play) -> None:
    """
    No journey is planned on a day before, or after, those of the proposal that both authorities signed.

    A gateway that plans it brings a person on a day for which nobody has said that she is received.
    """
    talk = await homeward(play, "documented")
    morning = play.now().replace(hour=8, minute=30, second=0)
    for days in (9, 41):
        await withholds(talk, "return.schedule", schedule(play, morning + days * DAY), days=0)
    for days in (10, 40):
        await talk.say("return.schedule", schedule(play, morning + days * DAY))
        await talk.say("return.schedule", {"status": "cancelled"})
        if any(post.state is play.a and post.read.body["status"] != "cancelled" for post in await play.tick()):
            raise Wrong("a plan that was cancelled before its hour left all the same")
    await talk.say("return.schedule", schedule(play, departure(play)))


LATER: dict[str, dict[str, Any]] = {
    "reply-over": {"replying": {"valid_until": 19}},
    "acceptance-over": {"accepting": {"expires_on": 19}},
    "statement-over": {"counts": 19 * DAY},
}


@case("journeys.no-departure", "M-5.36", "M-6.5", section="5.10", inputs=LATER, profile="return", seconds=60.0)
async def no_departure(play: Play, how: dict[str, Any]) -> None:
    """
    A departure is not announced where reply, release or acceptance do not stand on that day any more.

    A gateway may see that as the journey is planned, and plan none; one that never looks ahead nor on the day sends a
    person to a carer whose word is over.
    """
    talk = await homeward(play, "documented", **_dated(play, how))
    leaves = departure(play)
    try:
        await talk.say("return.schedule", schedule(play, leaves))
    except Forbidden:
        return
    await told(talk, leaves)
    await on_the_day(talk)
    await withholds(talk, "return.schedule", DEPARTED, days=1)


@case("journeys.worse-document", "M-5.36", "M-5.30", section="5.10", profile="return", seconds=60.0)
async def worse_document(play: Play) -> None:
    """
    A departure is not announced on a document that came in place of the one planned with and does not last.

    A gateway that looks at the paper once, when the journey is planned, strands a person at a border.
    """
    talk = await homeward(play, "planned")
    over = document(play, issued_on=day(play, -60), valid_until=day(play, -1))
    for type in ("travel-document.issued", "travel-document.reissue"):
        await refuses(talk, type, document=over)
    too_short = (instant(talk.heard[-1].body["departs_at"]) + DAY).date().isoformat()
    await send(talk, "travel-document.reissue", document=document(play, valid_until=too_short))
    await on_the_day(talk)
    await withholds(talk, "return.schedule", DEPARTED, days=0)
    await send(talk, "travel-document.reissue", document=document(play, number_digest="E" * 43))
    await talk.said("return.schedule", DEPARTED)


@case(
    "journeys.stolen-hand",
    "M-8.3",
    "M-5.36",
    section="8.1",
    profile="return",
    inputs=["documented", "planned"],
    seconds=60.0,
)
async def stolen_hand(play: Play, place: str) -> None:
    """
    An acceptance by a key that had been revoked when it came, as a later card says, is none: nobody is sent by it.

    A gateway that looks at the key when the message comes, or when the journey is planned, and never again, sends a
    person to whoever stole it.
    """
    before = play.now() - H
    talk = await homeward(play, place)
    await play.tick(hours=1)
    await _revoked(play, "desk_head", before)
    if place == "planned":
        await on_the_day(talk)
        await withholds(talk, "return.schedule", DEPARTED)
        return
    await withholds(talk, "return.schedule", schedule(play, departure(play)), days=0)
    await play.tick_to(departure(play))
    untold(talk)


@case("journeys.stolen-release", "M-8.3", section="8.1", profile="return")
async def stolen_release(play: Play) -> None:
    """
    A proposal whose release is by a key that had been revoked when it came, as a later card says, is not accepted.

    A gateway whose desk accepts it receives a person for whom nobody but a thief has spoken.
    """
    talk = await journey(play, "proposed")
    await play.tick(hours=1)
    await _revoked(play, "coordinator", play.now() - 2 * H)
    await withholds(talk, "return.acceptance", acceptance(play))


@case("journeys.hand-that-stands", "M-8.3", section="8.1", profile="return", positive=True, seconds=60.0)
async def hand_that_stands(play: Play) -> None:
    """
    An acceptance that came before its key was revoked stands, and the return goes on.

    A gateway that lets every signature fall with its key can plan no journey when an authority changes its keys.
    """
    talk, leaves = await homeward(play, "documented"), departure(play)
    await play.tick(hours=1)
    await _revoked(play, "desk_head", play.now())
    await talk.say("return.schedule", schedule(play, leaves))
    await told(talk, leaves)


async def _revoked(play: Play, role: str, at: datetime) -> None:
    """Publish a card of the test State that says since when its key of ``role`` is revoked."""
    kid = play.a.roles[role].kid
    rows = [row | ({"revoked_at": stamp(at)} if row["kid"] == kid else {}) for row in play.a.card.value["roles"]]
    play.a.next_card(roles=rows)
    await play.publish(play.a)


@case("journeys.another-day", "M-5.36", section="5.10", profile="return", seconds=60.0)
async def another_day(play: Play) -> None:
    """
    A departure on another day than the one planned is not announced: the journey is planned anew.

    A gateway that announces it has everybody who should be at the gate there on the wrong day.
    """
    talk = await homeward(play, "documented")
    leaves = departure(play)
    arrives = stamp(leaves + timedelta(days=2))  # so that the day of departure is all that is wrong
    await talk.say("return.schedule", schedule(play, leaves) | {"arrives_at": arrives})
    await told(talk, leaves)
    await on_the_day(talk)
    await play.tick(days=1)
    await withholds(talk, "return.schedule", DEPARTED, days=1)


@case("journeys.new-document", "M-5.36", "M-5.30", section="5.10", profile="return", positive=True, seconds=60.0)
async def new_document(play: Play) -> None:
    """
    A document that does not last is replaced by one that is good for two days more, and then the journey is planned.

    A gateway that goes by the first document it was told of keeps a person waiting for a paper that is there.
    """
    talk = await homeward(play, "documented", papers={"valid_until": day(play, 18)})
    await withholds(talk, "return.schedule", schedule(play, departure(play)), days=0)
    leaves = departure(play)
    lasts = (leaves + 2 * DAY).date().isoformat()
    await send(talk, "travel-document.reissue", document=document(play, valid_until=lasts))
    await talk.say("return.schedule", schedule(play, leaves))
    await told(talk, leaves)


@case("journeys.until-answered", "M-5.10", section="5.2", profile="return", inputs=["left", "back"], seconds=60.0)
async def until_answered(play: Play, word: str) -> None:
    """
    Word that a person has left, or is to be taken back, is posted in the same bytes until it has an answer.

    A gateway that gives it up with its validity has a person on the way of whom nobody at the other end knows, or whom
    nobody there knows to be in danger.
    """
    talk = await homeward(play, "planned" if word == "left" else "departed")
    await on_the_day(talk)
    play.a.instead = [drops() for _ in range(500)]
    type = "return.schedule" if word == "left" else "return.take-back"
    await talk.say(type, DEPARTED if word == "left" else {"reason": "UNSAFE", "by": day(play, 5)})
    first = talk.take(play.one(await play.tick(), type))
    await play.tick_to(instant(first.value["expires_at"]) + DAY)
    play.a.instead = []
    again = play.one(await play.tick(hours=2), type)
    if again.raw != first.raw or (await talk.states())[-1] != "accepted":
        raise Wrong(f"the {type} was posted in other bytes, or its receipt was not taken")


@case("journeys.behind-the-plan", "M-5.10", section="5.2", profile="return", seconds=60.0)
async def behind_the_plan(play: Play) -> None:
    """
    A plan that got no answer in its time is posted on once the person has left, and word of that follows it.

    A gateway that gives the plan up has given up its number, behind which nobody hears that somebody is on the way.
    """
    talk, leaves = await homeward(play, "documented"), departure(play)
    await talk.say("return.schedule", schedule(play, leaves))
    play.a.instead = [drops() for _ in range(500)]
    plan = await told(talk, leaves)
    await on_the_day(talk)
    await talk.say("return.schedule", DEPARTED)
    await play.tick_to(instant(plan.value["expires_at"]) + DAY)
    play.a.instead = [answers(play.doors, Answering(refuse="expired"))]
    posts = [*await play.tick(hours=2), *await play.tick(hours=2)]
    if [post.raw for post in posts][:1] != [plan.raw]:
        raise Wrong("the plan is not posted any more, and nothing that follows it can be heard")
    if "departed" not in [post.read.body.get("status") for post in posts] or (await talk.states())[-1] != "accepted":
        raise Wrong("word of the departure is not posted once the plan was answered")


@case("journeys.final-problem", "M-5.11", section="5.3", profile="return", seconds=60.0)
async def final_problem(play: Play) -> None:
    """
    Word of a departure that meets a final problem is not posted again, nor is what follows, and a person is told.

    A gateway that goes on with it waits for an answer that never comes, and nobody calls whoever should be at the gate.
    """
    talk = await homeward(play, "planned")
    await on_the_day(talk)
    play.a.instead = [says("bad-jws")]
    await talk.said("return.schedule", DEPARTED)
    await play.silent(play.a, days=2)
    row = (await play.sent(talk.thread))[-1]
    if (row["state"], row["code"], row["told"]) != ("ended", "bad-jws", True):
        raise Wrong(f"the departure stands as {row['state']} ({row['code']}), told {row['told']}")
    await withholds(talk, "return.handover", {"protocol": record(play)}, days=0)


@case("journeys.ended-for-good", "M-5.10", "M-5.11", section="5.2", profile="return", seconds=60.0)
async def ended_for_good(play: Play) -> None:
    """
    In a thread that a final problem has ended word of a departure is taken, and nothing more is said.

    A gateway that goes on there posts what meets the same problem again, and nobody calls whoever brings the person.
    """
    talk = await journey(play, "accepted")
    await send(talk, "travel-document.request")
    play.a.instead = [says("bad-jws")]
    await talk.say("travel-document.issued", {"document": document(play)})
    talk.take(play.one(await play.tick(), "travel-document.issued"))
    left = schedule(play, departure(play)) | DEPARTED | {"departs_at": stamp(play.now())}
    await send(talk, "return.schedule", **left)
    await play.silent(play.a, hours=5)
    await send(talk, "return.handover")
    await withholds(talk, "return.handover", {}, days=2)


LEFT = ["otherwise", "suspended", "after-a-loss"]
"""How somebody left who is awaited in any case."""


@case(
    "journeys.who-has-left",
    "M-3.14",
    "M-3.15",
    "M-5.36",
    "M-5.10",
    section="5.10",
    profile="return",
    inputs=LEFT,
    positive=True,
    seconds=60.0,
)
async def who_has_left(play: Play, how: str) -> None:
    """
    Word of a departure is taken whatever it names, also where the gateway suspended, and the record is measured by it.

    A gateway that refuses it has nobody at the gate for a person who is on the way. One that measures the record by the
    plan refuses the hand of whoever brought her earlier; one whose thread has ended signs for nobody.
    """
    talk = await journey(play, "accepted" if how == "after-a-loss" else "planned")
    if how == "after-a-loss":
        await loses_a_document(talk)
    if how == "suspended":
        await talk.said("suspension", {})
    await play.tick(hours=30)
    now, leaves = play.now(), departure(play)
    other = {"carrier": None, "point": {"country": "XBB", "unit": "Southtown"}, "medical_needs": ["OXYGEN"]}
    await send(talk, "return.schedule", **(schedule(play, leaves) | other | DEPARTED | {"departs_at": stamp(now)}))
    await play.tick(hours=2)
    await send(talk, "return.handover")
    if how == "suspended":
        with suppress(Forbidden):  # it may hold nothing any more
            await talk.say("resumption", {})
    await talk.say("return.handover", {})
    if [post.read.type for post in await play.tick(hours=2)][-1:] != ["return.handover"]:
        raise Wrong("the gateway's desk does not sign the record of whoever came")
