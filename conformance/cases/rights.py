"""Sections 3.5 and 5.9: what may be said about data after it was sent."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

from conformance.backend import Forbidden
from conformance.bodies import RIGHTS, asked_about, body, day, refuses, send, withholds
from conformance.play import Play, body_of
from conformance.reading import instant
from conformance.registry import NotOffered, Wrong, case
from conformance.returning import acceptance, departure, homeward, journey, loses, plan, schedule
from conformance.talk import Talk

Place = Callable[[Play], Awaitable[Talk]]
FIRST = ("use-report.request", "onward.request", "rectification", "erasure")
"""What may come first: no answer to anything."""
ANSWERS = ("use-report.answer", "onward.answer", "confirmation")


async def _asks(play: Play) -> Talk:
    return await play.asks()


async def _acknowledged(play: Play) -> Talk:
    return await play.acknowledged()


async def _questioned(play: Play) -> Talk:
    talk = await play.acknowledged()
    await talk.said("verification.question", {"candidates": 2, "elements": ["SEX"]})
    return talk


async def _replied(play: Play) -> Talk:
    return await play.replied()


async def _closed(play: Play) -> Talk:
    talk = await play.replied()
    await talk.act("close")
    return talk


async def _is_asked(play: Play) -> Talk:
    return await play.is_asked()


async def _taken_up(play: Play) -> Talk:
    return await play.taken_up()


async def _has_replied(play: Play) -> Talk:
    talk = await play.taken_up()
    await talk.reply()
    return talk


async def _closed_there(play: Play) -> Talk:
    talk = await _has_replied(play)
    await talk.act("close")
    return talk


async def _withdrawn_there(play: Play) -> Talk:
    talk = await play.taken_up()
    await talk.withdraw()
    talk.take(play.one(await play.tick(hours=1), "withdrawal"))
    return talk


EVERYWHERE: dict[str, Place] = {
    "requested": _asks,
    "acknowledged": _acknowledged,
    "question-sent": _questioned,
    "reply-sent": _replied,
    "closed": _closed,
    "request-sent": _is_asked,
    "taken-up": _taken_up,
    "reply-accepted": _has_replied,
    "closed-here": _closed_there,
    "withdrawn-here": _withdrawn_there,
    "proposed": lambda play: journey(play, "proposed"),
    "departed": lambda play: journey(play, "departed"),
    "proposed-here": lambda play: homeward(play, "proposed"),
    "departed-here": lambda play: homeward(play, "departed"),
}


@case("rights.everywhere", "M-5.31", section="5.9", inputs=EVERYWHERE, profile="full", positive=True, seconds=60.0)
async def everywhere(play: Play, make: Place) -> None:
    """
    A thread whose request was accepted takes a question about data, and a demand, at every place and on both sides.

    A gateway that refuses one by the place of a case leaves a person's right to the pace of a desk.
    """
    talk = await make(play)
    for type in FIRST:
        await send(talk, type)


@case("rights.after-a-withdrawal", "M-5.31", "M-5.23", section="5.9", profile="full")
async def after_a_withdrawal(play: Play) -> None:
    """
    After a withdrawal the asked State takes a rectification, an erasure and a confirmation, and no question.

    A gateway that refuses them keeps what its partner has taken back; one that takes more goes on with the case.
    """
    talk = await play.replied()
    asked = await talk.said("erasure", {})
    await send(talk, "withdrawal")
    for type in ("use-report.request", "use-report.answer", "onward.request", "onward.answer"):
        await refuses(talk, type)
    await send(talk, "rectification")
    await send(talk, "erasure")
    await send(talk, "confirmation", number=asked.body["number"])


@case("rights.never-known", "M-5.31", "M-5.24", section="5.9", profile="full")
async def never_known(play: Play) -> None:
    """
    Of a thread known by its withdrawal only, a rectification and an erasure are confirmed with `NOT_HELD`.

    A gateway that refuses them leaves its partner asking for ever for what was never there.
    """
    talk = Talk(play, play.a, asking=True)
    await send(talk, "withdrawal")
    for act in ("rectification", "erasure"):
        await send(talk, act)
        answer = talk.take(play.one(await play.tick(), "confirmation"))
        if answer.body != {"number": 1, "act": act.upper(), "result": "NOT_HELD"}:
            raise Wrong(f"the gateway confirmed {answer.body}")
    await refuses(talk, "use-report.request")


@case("rights.numbers", "M-5.31", section="5.9", inputs=list(FIRST), profile="full")
async def numbers(play: Play, type: str) -> None:
    """
    A number may be left out, and none comes again, nor one that is lower.

    A gateway that takes an old number twice has two questions under it, and nobody knows which of them was answered.
    """
    talk = await play.replied()
    await send(talk, type, number=2)
    for number in (2, 1):
        await refuses(talk, type, number=number)
    await send(talk, type, number=3)


@case("rights.never-asked", "M-5.31", section="5.9", inputs=list(ANSWERS), profile="full")
async def never_asked(play: Play, type: str) -> None:
    """
    An answer or a confirmation to what the gateway never sent is refused.

    A gateway that takes it believes a grant that nobody asked for, or that data was destroyed which is still there.
    """
    await refuses(await play.replied(), type)


BOUNDS = {type: (type, 16 if type in FIRST[:2] else 64) for type in FIRST}


@case("rights.bounds", "M-5.39", section="5.12", inputs=BOUNDS, profile="full", seconds=60.0)
async def bounds(play: Play, bound: tuple[str, int]) -> None:
    """
    So many of a type may wait for their answer and not one more, also where the gateway's desk has stopped the case.

    A gateway that takes any number lets a partner fill its disk; one that counts otherwise in a stopped case shows it.
    """
    (type, most), talk = bound, await play.acknowledged()
    for number in range(1, most):
        await send(talk, type, number=number)
    await talk.freeze("protection")
    await send(talk, type, number=most)
    await refuses(talk, type, number=most + 1)


@case("rights.unanswered", "M-5.39", section="5.12", profile="full")
async def unanswered(play: Play) -> None:
    """
    Sixteen questions of a type may wait for an answer in a thread, and another one is refused until one was given.

    A gateway that takes any number lets a partner fill its disk, and its desk owes an answer to each.
    """
    talk = await play.asks()
    for number in range(1, 17):
        await send(talk, "use-report.request", number=number)
    await refuses(talk, "use-report.request", number=17)
    await send(talk, "onward.request")
    report = {"number": 1, "held": True, "restrictions_kept": True, "uses": []}
    await talk.said("use-report.answer", report)
    await send(talk, "use-report.request", number=18)


SAID_AGAIN: dict[str, tuple[Place, str, int, str]] = {
    "reminder": (_acknowledged, "reminder", 99, "withdrawal"),
    "delay": (_taken_up, "verification.delay", 64, "verification.reply"),
}


@case("rights.said-again", "M-5.41", section="5.12", inputs=SAID_AGAIN, profile="full", seconds=60.0)
async def said_again(play: Play, again: tuple[Place, str, int, str]) -> None:
    """
    So many reminders, or notices of delay, a thread takes and not one more; anything else it takes as before.

    A gateway that takes any number lets its partner press a desk without end, and its cases grow by it.
    """
    make, type, most, then = again
    talk = await make(play)
    for number in range(1, most):
        await send(talk, type, **_numbered(type, number))
    await talk.freeze("protection")
    await send(talk, type, **_numbered(type, most))
    for _ in range(2):  # a number of three digits is of no reminder, so it says an earlier one
        await refuses(talk, type, **_numbered(type, most))
    await send(talk, then)


async def _contest_lost(play: Play) -> Talk:
    talk = await _has_replied(play)
    await talk.say("verification.contest", {"ground": "WRONG_PERSON"})
    await loses(talk)
    return talk


async def _called_back(play: Play) -> Talk:
    talk = await journey(play, "departed")
    await send(talk, "return.take-back")
    return talk


SAID_OUT: dict[str, tuple[Place, str, int, str]] = {
    "resumption": (_replied, "resumption", 256, "suspension"),
    "suspension": (_replied, "suspension", 512, "resumption"),
    "acknowledgement": (_contest_lost, "verification.acknowledgement", 255, "verification.delay"),
}
SAID_OUT_AWAY: dict[str, tuple[Place, str, int, str]] = {
    "take-back": (_called_back, "return.take-back", 511, "withdrawal"),
    "report": (lambda play: homeward(play, "handed over"), "return.monitoring", 256, "return.take-back"),
}
"""
How a thread comes there, what it then takes so often still, and what it takes after that as before.

None of these threads is over: a gateway may keep a closed case under lock, and nothing of one that is withdrawn (5.9).
"""


@case("rights.said-out", "M-5.42", section="5.12", inputs=SAID_OUT, profile="verify", seconds=120.0)
async def said_out(play: Play, bound: tuple[Place, str, int, str]) -> None:
    """
    So often a thread takes a message of one type, and not once more, word of a stop twice as often; another as before.

    A gateway that takes any number, or counts anew in each epoch, lets its partner make a case longer without end; one
    that takes no more of a stop than of its end lets a State go on that would stop.
    """
    await _says_out(play, bound)


@case("rights.said-out-away", "M-5.42", section="5.12", inputs=SAID_OUT_AWAY, profile="return", seconds=120.0)
async def said_out_away(play: Play, bound: tuple[Place, str, int, str]) -> None:
    """
    Of whoever has left a thread takes a report so often, and that she is to be taken back twice as often.

    A gateway that takes any number lets its partner fill the case; one that bounds a recall as it bounds a report hears
    nothing of the last danger.
    """
    await _says_out(play, bound)


async def _says_out(play: Play, bound: tuple[Place, str, int, str]) -> None:
    make, type, most, other = bound
    talk = await make(play)
    for number in range(1, most + 1):
        if number == most:
            with suppress(Forbidden):  # who is away, or withdrawn, is not stopped any more
                await talk.freeze("protection")
        if number == most // 2:
            await _begins_an_epoch(talk)
        shot = talk.message(type, body(play, talk, type))
        if play.receipt(await play.post(shot), shot)["status"] != "accepted":  # what is listed then would take long
            raise Wrong(f"{type} number {number} of {most} was refused (M-5.42)")
        talk.used(shot)
        talk.prev = shot.digest
    for _ in range(2):
        await refuses(talk, type)
    await send(talk, other)


async def _begins_an_epoch(talk: Talk) -> None:
    talk.state.next_card(epoch=2)
    await talk.play.publish(talk.state)
    talk.state.epoch, talk.state.log, talk.seq = 2, None, 0


def _numbered(type: str, number: int) -> dict[str, Any]:
    return {"number": number} if type == "reminder" else {}


# What was done with it, and may it be passed on


@case("rights.use-reported", "M-5.31", section="3.5", profile="full", positive=True)
async def use_reported(play: Play) -> None:
    """
    Asked what became of the data, the gateway's desk answers under the number of the question, and may ask itself.

    A gateway that cannot do this leaves the State that sent the data without an account of it.
    """
    talk = await play.replied()
    await send(talk, "use-report.request", number=4)
    use = {"purpose": "NATIONALITY", "recipient": "REGISTRY", "on": day(play)}
    report = {"number": 4, "held": True, "restrictions_kept": True, "uses": [use]}
    answer = await talk.said("use-report.answer", report)
    if answer.body != report:
        raise Wrong(f"the report says {answer.body}")
    asked = [(await talk.said("use-report.request", {})).body["number"] for _ in range(2)]
    if not 1 <= asked[0] < asked[1]:
        raise Wrong(f"two questions have the numbers {asked}")
    await send(talk, "use-report.answer", number=asked[1])


@case("rights.onward-asked", "M-3.19", section="3.5", profile="full", positive=True)
async def onward_asked(play: Play) -> None:
    """
    The gateway asks before it passes data on; a grant is taken, and a later answer of the same number in its place.

    A gateway that refuses the later answer goes on using what was granted in error.
    """
    talk = await _has_replied(play)
    wish = {"purpose": "STATISTICS", "recipient": "INTERIOR"}
    asked = await talk.said("onward.request", wish)
    number = asked.body["number"]
    if asked.body != {"number": number, **wish}:
        raise Wrong(f"the question says {asked.body}")
    await send(talk, "onward.answer", number=number, decision="GRANTED", until=day(play, 30))
    await send(talk, "onward.answer", number=number)


@case("rights.stopped-grants-nothing", "M-5.25", "M-3.19", section="5.7", profile="full", inputs=["asked", "asking"])
async def stopped_grants_nothing(play: Play, side: str) -> None:
    """
    Of a case that its desk has stopped nothing is granted, and nothing is told of what became of the data.

    A gateway that lets it hands the person, whom it stopped everything for, on to whoever asks next.
    """
    talk = await (play.replied() if side == "asked" else _has_replied(play))
    await send(talk, "onward.request")
    await send(talk, "use-report.request")
    await talk.freeze("other")
    await withholds(talk, "onward.answer", {"number": 1, "decision": "GRANTED", "until": day(play, 30)})
    report = {"number": 1, "held": True, "restrictions_kept": True, "uses": []}
    await withholds(talk, "use-report.answer", report)


@case("rights.onward-silence", "M-3.19", "M-5.35", section="3.5", profile="full")
async def onward_silence(play: Play) -> None:
    """
    A wish to pass data on is answered by nobody but the desk: until then the gateway says nothing, however long.

    A gateway that answers by itself, or lets time answer, gives away what it was to ask a person about.
    """
    talk = await _taken_up(play)
    await talk.reply()
    await send(talk, "onward.request")
    await play.silent(days=40)
    answer = await talk.said("onward.answer", {"number": 1, "decision": "REFUSED", "until": None})
    if answer.body != {"number": 1, "decision": "REFUSED", "until": None}:
        raise Wrong(f"the answer says {answer.body}")


@case("rights.answers-nothing", section="3.5", profile="full")
async def answers_nothing(play: Play) -> None:
    """
    The desk's answer to a question that was never asked does not leave: its number is that of the question.

    A gateway that lets it answers a partner about a wish that the partner never had.
    """
    talk = await _has_replied(play)
    await withholds(talk, "onward.answer", {"number": 3, "decision": "GRANTED", "until": day(play, 30)})
    report = {"number": 3, "held": True, "restrictions_kept": True, "uses": []}
    await withholds(talk, "use-report.answer", report)


# It was wrong


def _value(play: Play, *parts: str, **elements: Any) -> dict[str, Any]:
    return {"parts": list(parts), "handling": asked_about(play), "elements": elements}


@case("rights.rectified", "M-3.20", section="3.5", profile="full", positive=True)
async def rectified(play: Play) -> None:
    """
    Right values for what was sent before are taken, and the desk confirms what it carried out.

    A gateway that cannot do this answers about somebody who does not exist.
    """
    talk = await play.acknowledged()
    await send(talk, "rectification", **_value(play, "BIRTH_DATE", birth_date="2001-05-XX"))
    done = {"number": 1, "act": "RECTIFICATION", "result": "DONE"}
    answer = await talk.said("confirmation", done)
    if answer.body != done:
        raise Wrong(f"the gateway confirmed {answer.body}")


@case("rights.struck", "M-3.20", section="3.5", profile="full")
async def struck(play: Play) -> None:
    """
    What is taken back without a value is destroyed by the time it is confirmed, in the message that brought it too.

    A gateway that mends its file, and keeps the message, has what its partner said to be wrong, and shows it again.
    """
    talk = await play.acknowledged()
    await send(talk, "rectification")
    await talk.said("confirmation", {"number": 1, "act": "RECTIFICATION", "result": "DONE"})
    if any("birth_date" in (body_of(row).get("elements") or {}) for row in await talk.delivered()):
        raise Wrong("what was taken back still stands in the message that brought it")


NEW: dict[str, dict[str, Any]] = {
    "never-sent": {"parts": ["SEX"], "elements": {"sex": 2}},
    "another-part": {"parts": ["NAMES"], "elements": {"birth_date": "2001-05-XX"}},
    "more-than-named": {"parts": ["BIRTH_DATE"], "elements": {"birth_date": "2001-05-XX", "sex": 1}},
    "of-the-reply": {"parts": ["REPLY"], "elements": {"birth_date": "2001-05-XX"}},
}


@case("rights.brings-something-new", "M-3.20", section="3.5", inputs=NEW, profile="full")
async def brings_something_new(play: Play, fault: dict[str, Any]) -> None:
    """
    A rectification that brings an element which was not sent before, or is not named in it, is refused.

    A gateway that takes it has a second way in for data, past the question of what is needed.
    """
    talk = await play.acknowledged()
    await refuses(talk, "rectification", handling=asked_about(play), **fault)
    await send(talk, "rectification", **_value(play, "BIRTH_DATE", birth_date="2001-05-XX"))


@case("rights.from-the-asked", "M-3.20", section="3.5", profile="full")
async def from_the_asked(play: Play) -> None:
    """
    From the asked State no values are taken: what was wrong in its reply is destroyed.

    A gateway that takes them lets the other State write into its file.
    """
    talk = await _has_replied(play)
    await refuses(talk, "rectification", **_value(play, "BIRTH_DATE", birth_date="2001-05-XX"))
    await send(talk, "rectification")


OF_THE_OTHER = {
    "reply-by-the-asking": ["REPLY"],
    "reply-among-others": ["NAMES", "REPLY"],
    "elements-by-the-asked": ["BIRTH_DATE"],
    "elements-among-others": ["REPLY", "BIRTH_DATE"],
}


@case("rights.of-the-other", "M-3.20", section="3.5", inputs=OF_THE_OTHER, profile="full")
async def of_the_other(play: Play, parts: list[str]) -> None:
    """
    A State takes back what it sent itself: its request the asking one, and its reply alone the asked one.

    A gateway that takes it from the other one forgets an answer that it gave, because whoever did not like it says so.
    """
    talk = await (play.replied() if parts[-1] == "REPLY" else _has_replied(play))
    await refuses(talk, "rectification", parts=parts, elements=None)


@case("rights.nothing-new-after", "M-3.20", "M-5.23", section="3.5", profile="full")
async def nothing_new_after(play: Play) -> None:
    """
    After a withdrawal no values are taken, not even right ones.

    A gateway that takes them keeps data on a person whom its partner has taken back.
    """
    talk = await play.acknowledged()
    await send(talk, "withdrawal")
    await refuses(talk, "rectification", **_value(play, "BIRTH_DATE", birth_date="2001-05-XX"))
    await send(talk, "rectification")


@case(
    "rights.reply-taken-back",
    "M-3.20",
    "M-5.36",
    section="3.5",
    inputs=["replied", "documented", "planned"],
    profile="full",
    seconds=60.0,
)
async def reply_taken_back(play: Play, place: str) -> None:
    """
    A reply that was taken back is no reply any more: nothing of a return is proposed, planned or begun on it.

    A gateway that goes on brings somebody to a State that has just said it was wrong.
    """
    talk = await homeward(play, place)
    await send(talk, "rectification")
    if place == "replied":
        await withholds(talk, "return.proposal", plan(play))
        return
    if place == "planned":
        leaves = instant(next(one for one in talk.heard if one.type == "return.schedule").body["departs_at"])
    else:
        leaves = departure(play)
        with suppress(Forbidden):
            await talk.say("return.schedule", schedule(play, leaves))
    posts = [post.read.type for post in await play.tick_to(leaves + timedelta(minutes=10)) if post.state is play.a]
    if "return.schedule" in posts:
        raise Wrong("a journey was planned on a reply that was taken back")
    await withholds(talk, "return.schedule", {"status": "departed"})


@case("rights.own-rectification", "M-3.20", section="3.5", profile="full", positive=True)
async def own_rectification(play: Play) -> None:
    """
    The gateway's desk corrects by value what it sent, and takes back its own reply without one.

    A gateway that cannot do this leaves an error of its own with another State.
    """
    talk = await play.taken_up()
    made = await talk.said("rectification", {"parts": ["BIRTH_DATE"], "elements": {"birth_date": "2001-05-XX"}})
    told = (made.body["parts"], made.body["elements"])
    if told != (["BIRTH_DATE"], {"birth_date": "2001-05-XX"}):
        raise Wrong(f"the rectification says {told}")
    talk = await play.replied()
    made = await talk.said("rectification", {"parts": ["REPLY"], "elements": None})
    if made.body | {"number": 1} != {"number": 1, "parts": ["REPLY"], "handling": None, "elements": None}:
        raise Wrong(f"the rectification says {made.body}")


@case("rights.nothing-on-it", "M-3.20", "M-3.11", section="3.5", profile="full")
async def nothing_on_it(play: Play) -> None:
    """
    Once the gateway has taken its reply back a proposal that rests on it is refused.

    A gateway that takes it receives somebody whom it has said it was wrong about.
    """
    talk = await play.replied()
    reply = talk.heard[-1].digest
    await talk.said("rectification", {"parts": ["REPLY"], "elements": None})
    await refuses(talk, "return.proposal", reply=reply)


@case("rights.answered-anew", "M-3.20", "M-5.30", section="3.5", profile="full", inputs=["asked", "asking"])
async def answered_anew(play: Play, side: str) -> None:
    """
    Once a reply was taken back another one comes after a contest, and not before it, on both sides.

    A gateway that takes, or gives, another answer by itself lets a State change its word as often as it likes, and
    nobody asked it to look again.
    """
    if side == "asked":
        talk = await play.replied()
        await talk.said("rectification", {"parts": ["REPLY"], "elements": None})
        await withholds(talk, "verification.reply", play.reply("cannot-say"))
        await send(talk, "verification.contest")
        await talk.said("verification.reply", play.reply("cannot-say"))
        return
    talk = await _has_replied(play)
    await send(talk, "rectification")
    await refuses(talk, "verification.reply")
    await talk.said("verification.contest", {"ground": "WRONG_PERSON"})
    await send(talk, "verification.reply")


@case("rights.accepted-on-it", "M-3.20", "M-3.11", section="3.5", profile="full")
async def accepted_on_it(play: Play) -> None:
    """
    Once the gateway has taken its reply back its desk accepts no proposal that rests on it, also one that came before.

    A gateway that lets it receives somebody whom it has said it was wrong about.
    """
    talk = await journey(play, "proposed")
    await talk.said("rectification", {"parts": ["REPLY"], "elements": None})
    await withholds(talk, "return.acceptance", acceptance(play))


OTHERS = {"an-erasure": ("erasure", "RECTIFICATION"), "a-rectification": ("rectification", "ERASURE")}


@case("rights.confirmed-otherwise", "M-5.31", section="5.9", profile="full", inputs=OTHERS)
async def confirmed_otherwise(play: Play, how: tuple[str, str]) -> None:
    """
    A demand is confirmed by its own act: a confirmation of the other one under its number is refused.

    A gateway that takes it counts as destroyed what its partner has set right, and asks no more.
    """
    (demand, other), talk = how, await play.taken_up()
    says = {"parts": ["BIRTH_DATE"], "elements": None} if demand == "rectification" else {}
    number = (await talk.said(demand, says)).body["number"]
    await refuses(talk, "confirmation", number=number, act=other)
    await send(talk, "confirmation", number=number, act=demand.upper())


@case("rights.own-nothing-new", "M-3.20", section="3.5", profile="full")
async def own_nothing_new(play: Play) -> None:
    """
    The gateway's desk sends no value that it did not send before.

    A gateway that lets it has found a way past the minimisation of its own request.
    """
    talk = await play.taken_up()
    await withholds(talk, "rectification", {"parts": ["SEX"], "elements": {"sex": 2}})


# It is to be destroyed


@case("rights.destroyed-first", "M-3.21", section="3.5", profile="full", inputs=["asked", "asking"])
async def destroyed_first(play: Play, side: str) -> None:
    """
    An erasure is confirmed once the copy is destroyed: whoever gets the confirmation finds no body any more.

    A gateway that confirms first may never come to it; one that destroys what it was asked about, and not what it was
    answered, keeps what another State says of the person.
    """
    talk = await (play.replied() if side == "asked" else _has_replied(play))
    await send(talk, "erasure")
    if not any(body_of(row) for row in await talk.delivered()):
        raise NotOffered("the back-end shows no bodies")
    await withholds(talk, "confirmation", {"number": 2, "act": "ERASURE", "result": "DONE"})
    done = {"number": 1, "act": "ERASURE", "result": "DONE"}
    await talk.say("confirmation", done)
    if any(row["body"] is not None for row in await talk.delivered()):
        raise Wrong("a body is still there when the erasure is about to be confirmed")
    answer = talk.take(play.one(await play.tick(), "confirmation"))
    if answer.body != done:
        raise Wrong(f"the gateway confirmed {answer.body}")


@case("rights.not-by-itself", "M-3.21", section="3.5", profile="full")
async def not_by_itself(play: Play) -> None:
    """
    An erasure that nobody has carried out is not confirmed, however long it takes.

    A gateway that answers by itself says of data what no person has looked at.
    """
    talk = await play.replied()
    await send(talk, "erasure")
    await play.silent(days=20)


@case("rights.goes-on-asking", "M-3.21", section="3.5", profile="full")
async def goes_on_asking(play: Play) -> None:
    """
    The gateway's desk demands an erasure again until it is confirmed, under a higher number and after a withdrawal too.

    A gateway that asks once takes no answer for a yes.
    """
    talk = await play.taken_up()
    made = []
    for _ in range(2):
        made.append((await talk.said("erasure", {})).body["number"])
        await play.tick(days=1)
    await talk.withdraw()
    talk.take(play.one(await play.tick(hours=1), "withdrawal"))
    made.append((await talk.said("erasure", {})).body["number"])
    if not 1 <= made[0] < made[1] < made[2]:
        raise Wrong(f"three demands have the numbers {made}")
    await send(talk, "confirmation", number=made[2])


@case("rights.nothing-sent", "M-5.25", "M-5.31", section="5.7", profile="full", inputs=RIGHTS)
async def nothing_sent(play: Play, type: str) -> None:
    """
    In a thread of which nothing was ever posted the desk asks and demands nothing.

    A gateway that does tells a State about a person whom it was never asked about.
    """
    talk = Talk(play, play.a, asking=False, thread=await play.submit())
    await talk.withdraw("other")
    says: dict[str, dict[str, Any]] = {
        "use-report.answer": {"number": 1, "held": True, "restrictions_kept": True, "uses": []},
        "onward.request": {"purpose": "STATISTICS", "recipient": "INTERIOR"},
        "onward.answer": {"number": 1, "decision": "REFUSED", "until": None},
        "rectification": {"parts": ["BIRTH_DATE"], "elements": None},
        "confirmation": {"number": 1, "act": "RECTIFICATION", "result": "DONE"},
    }
    await withholds(talk, type, says.get(type, {}), days=3)
