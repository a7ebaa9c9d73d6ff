"""Section 5.10: when a journey may be told, what stops it, and what no time that passes ever brings about."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from conformance.backend import Forbidden
from conformance.bodies import accepts, body, day, refuses, send, withholds
from conformance.door import drops, says
from conformance.play import Play
from conformance.reading import due_on, instant, strict_json, unb64u
from conformance.registry import Wrong, case
from conformance.returning import (
    acceptance,
    departure,
    document,
    handling,
    homeward,
    journey,
    loses_a_document,
    plan,
    proposal_body,
    record,
    schedule,
    stated,
    told,
)
from conformance.state import DAY, Message
from conformance.talk import Talk
from conformance.writing import stamp

H = timedelta(hours=1)
DEPARTED = {"status": "departed"}
SUSPENDED, RESUMED = {"code": "SUSPENDED"}, {"code": "RESUMED"}


# Not before 72 hours


@case("journeys.not-before", "M-5.32", section="5.10", profile="return", seconds=60.0)
async def not_before(play: Play) -> None:
    """
    The plan of a journey is not posted earlier than 72 hours before its departure, and is posted before it.

    A gateway that posts it when it is made tells, for weeks, where a person will be on a day.
    """
    talk, leaves = await _planned(play)
    await play.silent(play.a)
    await play.tick_to(leaves - 73 * H)
    await _nothing(talk, "return.schedule")
    await play.tick_to(leaves - 72 * H - timedelta(seconds=1))
    await _nothing(talk, "return.schedule")
    await told(talk, leaves)


async def _planned(play: Play) -> tuple[Talk, Any]:
    """Let the gateway's desk plan a journey that is too far ahead to be told."""
    talk, leaves = await homeward(play, "documented"), departure(play)
    await talk.say("return.schedule", schedule(play, leaves))
    return talk, leaves


async def _nothing(talk: Talk, *types: str) -> None:
    """Insist that no message of ``types`` was posted in the thread since the last one that was taken."""
    found = {post.message.type for post in talk.state.posts if post.message and post.message.thread == talk.thread}
    heard = {message.type for message in talk.heard}
    if early := (found - heard) & set(types):
        raise Wrong(f"the gateway posted {', '.join(sorted(early))}")


@case("journeys.dropped", "M-5.32", "M-5.25", section="5.10", profile="return", seconds=60.0)
async def dropped(play: Play) -> None:
    """
    A plan that waits does not leave a thread that was stopped, withdrawn or not, and is dropped when that is over.

    A gateway that lets it leave, or forgets to drop it, tells of a journey that was stopped, on its eve.
    """
    talk, leaves = await _planned(play)
    await talk.freeze("protection")
    await play.tick_to(leaves - 71 * H)
    await _nothing(talk, "return.schedule")
    await talk.act("withdraw")
    await play.tick_to(leaves)
    await _nothing(talk, "return.schedule")
    if "dropped" not in await talk.states():
        raise Wrong(f"the messages stand as {', '.join(await talk.states())}, and the plan not as dropped")


@case("journeys.early-is-taken", "M-5.32", section="5.10", profile="return", positive=True)
async def early_is_taken(play: Play) -> None:
    """
    A plan that arrives earlier than 72 hours before the departure is taken.

    A gateway that refuses it has read it nevertheless, and its partner sends it again.
    """
    talk = await journey(play, "documented")
    await talk.send("return.schedule", {"handling": handling(play), **schedule(play, departure(play))})


# To stop, and to go on


BEFORE = ["proposed", "accepted", "documented", "planned"]
NEXT: dict[str, tuple[str, Any]] = {
    "accepted": ("travel-document.request", lambda play: {"needed_by": day(play, 15)}),
    "documented": ("return.schedule", lambda play: schedule(play, departure(play))),
    "planned": ("return.schedule", lambda play: DEPARTED),
}


@case("journeys.suspended", "M-5.33", section="5.10", inputs=list(NEXT), profile="return", seconds=60.0)
async def suspended(play: Play, place: str) -> None:
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
        await _leaves(talk)
    await withholds(talk, type, body(play), days=0)
    await send(talk, "resumption")
    if place == "documented":
        await talk.say(type, body(play))
        await told(talk, departure(play))
    else:
        await talk.said(type, body(play))


async def _leaves(talk: Talk) -> None:
    """Bring the clock to the morning of the journey that was told."""
    plan = next(message for message in reversed(talk.heard) if message.type == "return.schedule")
    leaves = instant(plan.body["departs_at"])
    if talk.play.now() < leaves:
        await talk.play.tick_to(leaves + timedelta(minutes=10))


ASKED_NEXT: dict[str, tuple[str, Any]] = {
    "proposed": ("return.acceptance", acceptance),
    "accepted": ("travel-document.issued", lambda play: {"document": document(play)}),
    "documented": ("travel-document.reissue", lambda play: {"document": document(play)}),
}


@case("journeys.suspended-asked", "M-5.33", section="5.10", inputs=list(ASKED_NEXT), profile="return", seconds=60.0)
async def suspended_asked(play: Play, place: str) -> None:
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


SIDES = {"asking": homeward, "asked": journey}


@case("journeys.its-own-alone", "M-5.33", section="5.10", inputs=SIDES, profile="return", seconds=60.0)
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


@case("journeys.theirs-stands", "M-5.33", section="5.10", inputs=SIDES, profile="return", seconds=60.0)
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


@case("journeys.proposed-anew", "M-5.33", section="5.10", profile="return", inputs=["own", "theirs"], seconds=60.0)
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


@case("journeys.stopped-before", "M-5.33", section="5.10", inputs=SIDES, profile="return", positive=True)
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


@case("journeys.without-time", "M-5.33", "M-5.35", section="5.10", profile="return", seconds=60.0)
async def without_time(play: Play) -> None:
    """
    However long its partner says nothing, a suspension does not end by itself.

    A gateway for which a stop has an end waits until nobody looks any more.
    """
    talk = await homeward(play, "accepted")
    await send(talk, "suspension")
    for _ in range(3):
        await _only_reminders(play, days=20)
    await withholds(talk, "travel-document.request", {"needed_by": day(play, 15)}, days=0)


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


@case("journeys.crossing", "M-5.33", "M-5.30", section="5.10", profile="return", inputs=CROSSES, seconds=60.0)
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


# To be called back


@case("journeys.take-back-late", "M-5.34", section="5.10", inputs=BEFORE, profile="return", seconds=60.0)
async def take_back_late(play: Play, place: str) -> None:
    """
    Before departure there is nobody to take back: the message is refused, and the return goes on.

    A gateway that takes it ends a return that its partner believes to be under way.
    """
    talk = await journey(play, place)
    await refuses(talk, "return.take-back")
    await send(talk, "suspension")


AWAY = ["departed", "handed over", "departed-and-stopped"]


@case("journeys.no-withdrawal", "M-5.34", section="5.10", inputs=AWAY, profile="return")
async def no_withdrawal(play: Play, place: str) -> None:
    """
    From departure until a person is called back a withdrawal is refused, at any number, also where a desk has stopped.

    A gateway that takes it forgets somebody who is in the air.
    """
    talk = await journey(play, place.partition("-")[0])
    if place.endswith("stopped"):
        with suppress(Forbidden):
            await talk.freeze()
    await refuses(talk, "withdrawal")
    await play.refused(talk.message("withdrawal", {"code": "WITHDRAWN_NO_REASON"}, seq=talk.seq + 5), "illegal-step")
    await send(talk, "return.take-back")
    await send(talk, "withdrawal")


@case("journeys.called-back", "M-5.34", section="5.10", inputs=SIDES, profile="return", seconds=60.0)
async def called_back(play: Play, begin: Any) -> None:
    """
    A take-back needs nobody's consent and ends the return: no handover and no plan follow, but a report and a proposal.

    A gateway that goes on with what was called back hands over a person whom somebody wants back. One that reports no
    more is silent of a danger to somebody who is still there.
    """
    talk = await begin(play, "departed")
    await send(talk, "return.take-back")
    await withholds(talk, "return.handover", {} if talk.asking else {"protocol": record(play)}, days=1)
    if not talk.asking:
        await withholds(talk, "return.schedule", DEPARTED, days=1)
    if not talk.asking:
        await send(talk, "return.monitoring")
        await talk.said("return.proposal", plan(play))
    else:
        today = play.now().date().isoformat()
        await talk.said("return.monitoring", {"status": "SEEN_CONCERN", "on": today, "final": False})
        reply = next(message.digest for message in talk.heard if message.type == "verification.reply")
        value = proposal_body(play, reply)
        await talk.send("return.proposal", value, statements=stated(talk, "return.release", "coordinator", value))


@case("journeys.calls-back", "M-5.34", section="5.10", inputs=SIDES, profile="return", seconds=60.0)
async def calls_back(play: Play, begin: Any) -> None:
    """
    The gateway's own State calls a person back from departure on, by a code and a day, and not before.

    A gateway that asks its partner's leave, or gives the reason in words, calls back nobody in time.
    """
    talk = await begin(play, "accepted")
    await withholds(talk, "return.take-back", {"reason": "UNSAFE", "by": day(play, 5)}, days=0)
    await play.fresh()
    talk = await begin(play, "departed")
    by = day(play, 5)
    said = await talk.said("return.take-back", {"reason": "UNSAFE", "by": by})
    if said.body != {"reason": "UNSAFE", "by": by}:
        raise Wrong(f"the take-back says {said.body}")
    await withholds(talk, "return.handover", {} if talk.asking else {"protocol": record(play)}, days=0)
    if talk.asking:
        await send(talk, "withdrawal")


@case("journeys.stopped-and-away", "M-5.25", "M-5.34", section="5.7", inputs=SIDES, profile="return", seconds=60.0)
async def stopped_and_away(play: Play, begin: Any) -> None:
    """
    Also where its desk has stopped the case the gateway says that whoever has left is to be taken back.

    A gateway that says nothing any more in a stopped case leaves a person where whoever stopped it saw the danger.
    """
    talk = await begin(play, "departed")
    with suppress(Forbidden):
        await talk.freeze("protection")
    await talk.said("return.take-back", {"reason": "UNSAFE", "by": day(play, 5)})


# What time never does


PLACES = ["proposed", "accepted", "documented", "planned", "departed", "handed over"]


async def _only_reminders(play: Play, **passes: float) -> None:
    types = {post.read.type for post in await play.tick(**passes) if post.state is play.a}
    if types - {"reminder"}:
        raise Wrong(f"while nobody said anything the gateway posted {', '.join(sorted(types - {'reminder'}))}")


@case("journeys.silence", "M-5.35", section="5.10", inputs=PLACES, profile="return", seconds=60.0)
async def silence(play: Play, place: str) -> None:
    """
    However long its partner is silent, the gateway goes on with nothing: it may remind, and no more.

    A gateway that takes silence for an acceptance, a document or a handover returns a person by default.
    """
    talk = await homeward(play, place)
    for _ in range(3):
        await _only_reminders(play, days=20)
    wanted: dict[str, tuple[str, Any]] = {
        "proposed": ("travel-document.request", {"needed_by": day(play, 15)}),
        "accepted": ("return.schedule", schedule(play, departure(play))),
        "documented": ("return.schedule", DEPARTED),
        "departed": ("verification.contest", {"ground": "WRONG_PERSON"}),
    }
    if place in wanted:
        await withholds(talk, *wanted[place], days=0)


@case("journeys.silence-of-the-asking", "M-5.35", section="5.10", profile="return", seconds=60.0, inputs=PLACES)
async def silence_of_the_asking(play: Play, place: str) -> None:
    """
    As the asked State too the gateway concludes nothing from silence: it accepts, issues and confirms nothing.

    A gateway that confirms a handover because the day has passed signs for somebody who never came.
    """
    talk = await journey(play, place)
    for _ in range(3):
        await play.silent(play.a, days=20)
    if place == "departed":
        await withholds(talk, "return.handover", {}, days=0)


# What must stand on the day


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
    await _nothing(talk, "return.schedule")


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
    await _nothing(talk, "return.schedule")
    await play.tick_to(leaves)
    await _nothing(talk, "return.schedule")


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
    await _leaves(talk)
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
    await _leaves(talk)
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
        await _leaves(talk)
        await withholds(talk, "return.schedule", DEPARTED)
        return
    await withholds(talk, "return.schedule", schedule(play, departure(play)), days=0)
    await play.tick_to(departure(play))
    await _nothing(talk, "return.schedule")


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
    await _leaves(talk)
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
    await _leaves(talk)
    play.a.instead = [drops() for _ in range(500)]
    type = "return.schedule" if word == "left" else "return.take-back"
    await talk.say(type, DEPARTED if word == "left" else {"reason": "UNSAFE", "by": day(play, 5)})
    first = talk.take(play.one(await play.tick(), type))
    await play.tick_to(instant(first.value["expires_at"]) + DAY)
    play.a.instead = []
    again = play.one(await play.tick(hours=2), type)
    if again.raw != first.raw or (await talk.states())[-1] != "accepted":
        raise Wrong(f"the {type} was posted in other bytes, or its receipt was not taken")


@case("journeys.final-problem", "M-5.11", section="5.3", profile="return", seconds=60.0)
async def final_problem(play: Play) -> None:
    """
    Word of a departure that meets a final problem is not posted again, nor is what follows, and a person is told.

    A gateway that goes on with it waits for an answer that never comes, and nobody calls whoever should be at the gate.
    """
    talk = await homeward(play, "planned")
    await _leaves(talk)
    play.a.instead = [says("bad-jws")]
    await talk.said("return.schedule", DEPARTED)
    await play.silent(play.a, days=2)
    row = (await play.sent(talk.thread))[-1]
    if (row["state"], row["code"], row["told"]) != ("ended", "bad-jws", True):
        raise Wrong(f"the departure stands as {row['state']} ({row['code']}), told {row['told']}")
    await withholds(talk, "return.handover", {"protocol": record(play)}, days=0)


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


# Afterwards


@case("journeys.six-months", "M-5.35", "M-5.30", section="3.5", profile="return", seconds=60.0)
async def six_months(play: Play) -> None:
    """
    A last report not six months after the handover, to the day, is refused, also one dated ahead; others are taken.

    A gateway that takes it ends its care for a person on the day that its partner finds convenient.
    """
    talk, handed = await homeward(play, "handed over"), play.now()
    await send(talk, "return.monitoring")
    await refuses(talk, "return.monitoring", final=True, on=day(play, 200))
    for days, status in ((1, "CLOSED_AGREED"), (89, "NOT_FOUND"), (60, "SEEN_CONCERN"), (30, "SEEN_SAFE")):
        await play.tick(days=days)
        await refuses(talk, "return.monitoring", final=True, status=status)
        await send(talk, "return.monitoring")
    await play.tick_to(_six_months_after(handed, play) - DAY)
    await refuses(talk, "return.monitoring", final=True)
    await refuses(talk, "return.monitoring", final=True, on=day(play, 2))
    await send(talk, "return.monitoring", final=True, on=day(play, 1))


def _six_months_after(handed: datetime, play: Play) -> datetime:
    """Return this hour on the day, in UTC, that is six months after ``handed``."""
    months = {"start_on": handed.date().isoformat(), "n": 6, "unit": "month", "holidays": [], "roll": "none"}
    return datetime.combine(due_on(months), play.now().timetz())


@case("journeys.own-report", "M-5.35", "M-5.30", section="3.5", profile="return", seconds=60.0)
async def own_report(play: Play) -> None:
    """
    The gateway's own desk makes no last report before six months, and none before the handover.

    A gateway that lets it has a person who was seen once, at the airport.
    """
    talk = await journey(play, "departed")
    early = {"status": "SEEN_SAFE", "on": day(play), "final": False}
    await withholds(talk, "return.monitoring", early, days=0)
    await play.fresh()
    talk = await journey(play, "handed over")
    await talk.said("return.monitoring", {"status": "SEEN_SAFE", "on": day(play), "final": False})
    over = _six_months_after(play.now(), play)
    for at in (play.now() + 90 * DAY, over - DAY):
        await play.tick_to(at)
        await withholds(talk, "return.monitoring", {"status": "SEEN_SAFE", "on": day(play), "final": True}, days=0)
    await play.tick_to(over)
    said = await talk.said("return.monitoring", {"status": "SEEN_SAFE", "on": day(play), "final": True})
    if not said.body["final"]:
        raise Wrong("the last report does not say so")
    await talk.refused("illegal-step", "withdrawal", {"code": "WITHDRAWN_NO_REASON"})


@case("journeys.once-more", "M-5.30", section="5.9", profile="return", positive=True)
async def once_more(play: Play) -> None:
    """
    A new proposal takes the place of an earlier one, as long as nobody has left, and is answered anew.

    A gateway that holds the first acceptance for the answer to the second proposal receives on the wrong days.
    """
    talk = await journey(play, "accepted")
    reply = next(message.digest for message in talk.heard if message.type == "verification.reply")
    value = proposal_body(play, reply, window={"from": day(play, 20), "until": day(play, 50)})
    await talk.send("return.proposal", value, statements=stated(talk, "return.release", "coordinator", value))
    await refuses(talk, "travel-document.request")
    await talk.said("return.acceptance", acceptance(play))
    await send(talk, "travel-document.request")


@case("journeys.posted-again", "M-5.32", "M-1.2", section="5.10", profile="return", seconds=60.0)
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
