"""Section 5.9: what a thread takes at each place of a verification, on both sides."""

from collections.abc import Awaitable, Callable, Sequence

from conformance.bodies import (
    FROM_ASKED,
    FROM_ASKING,
    INTERVIEW,
    INTERVIEW_ANSWER,
    INTERVIEW_RESULT,
    OF_A_RETURN,
    OPEN,
    POINTERS,
    REDIRECT,
    RIGHTS,
    body,
    day,
    refuses,
    send,
    signed,
    withholds,
)
from conformance.door import answers
from conformance.play import Play
from conformance.registry import Wrong, case
from conformance.returning import loses
from conformance.state import Answering
from conformance.talk import Talk

Place = Callable[[Play], Awaitable[Talk]]
EVERY = (*FROM_ASKING, *FROM_ASKED)
SAID = tuple(type for type in EVERY if type != "verification.elements")
"""What is tried at the asking State; elements that it never asked for are too many before they are no step."""
QUESTION = {"candidates": 2, "elements": ["SEX"]}


async def _unknown(play: Play) -> Talk:
    return Talk(play, play.a, asking=True)


async def _asks(play: Play) -> Talk:
    return await play.asks(**OPEN)


async def _acknowledged(play: Play) -> Talk:
    return await play.acknowledged(**OPEN)


async def _questioned(play: Play) -> Talk:
    talk = await _acknowledged(play)
    await talk.said("verification.question", QUESTION)
    return talk


async def _answered(play: Play) -> Talk:
    talk = await _questioned(play)
    await send(talk, "verification.elements")
    return talk


async def _interviewed(play: Play) -> Talk:
    talk = await _acknowledged(play)
    await talk.said("verification.interview", body(play, talk, "verification.interview"))
    return talk


async def _replied(play: Play) -> Talk:
    talk = await _acknowledged(play)
    await talk.said("verification.reply", play.reply())
    return talk


async def _contested(play: Play) -> Talk:
    talk = await _replied(play)
    await send(talk, "verification.contest")
    return talk


async def _redirected(play: Play) -> Talk:
    talk = await _asks(play)
    own = play.gateway.card.value["authorities"][0]["id"]
    await talk.said("verification.redirect", {"authority": {"id": own}, "reason": "OTHER_AREA"})
    return talk


async def _withdrawn(play: Play) -> Talk:
    talk = await _acknowledged(play)
    await send(talk, "withdrawal")
    return talk


async def _closed(play: Play) -> Talk:
    talk = await _replied(play)
    await talk.act("close")
    return talk


async def _never_heard(play: Play) -> Talk:
    """Let the gateway's acknowledgement get no receipt for as long as it is valid."""
    talk = await _asks(play)
    await talk.say("verification.acknowledgement", {})
    await loses(talk)
    return talk


ASKED: dict[str, tuple[Place, Sequence[str]]] = {
    "no-request": (_unknown, ("verification.request", "withdrawal")),
    "requested": (_asks, ("reminder", "withdrawal")),
    "acknowledged": (_acknowledged, ("reminder", "withdrawal")),
    "question-sent": (_questioned, ("verification.elements", "reminder", "withdrawal")),
    "acknowledged-again": (_answered, ("reminder", "withdrawal")),
    "reply-sent": (_replied, ("verification.contest", "reminder", "withdrawal")),
    "contested": (_contested, ("reminder", "withdrawal")),
    "withdrawn": (_withdrawn, ("withdrawal",)),
    "closed": (_closed, ("withdrawal",)),
}
ASKED_FULL: dict[str, tuple[Place, Sequence[str]]] = {
    "redirected": (_redirected, ("reminder", "withdrawal")),
    "interview-proposed": (_interviewed, ("verification.interview-answer", "reminder", "withdrawal")),
    **{f"{name}-full": (make, ()) for name, (make, _) in ASKED.items()},
}


@case("places.asked", "M-5.30", "M-5.9", section="5.9", inputs=ASKED, profile="verify", seconds=40.0)
async def asked(play: Play, place: tuple[Place, Sequence[str]]) -> None:
    """
    As the asked State the gateway takes what the place of the thread allows, and refuses each other type.

    A gateway that takes more lets a partner lead a case where no desk has been; one that takes less is stuck.
    """
    make, takes = place
    talk = await make(play)
    for type in (one for one in EVERY if one not in takes):
        await refuses(talk, type, _code(make, type))
    await _takes_each(play, talk, make, takes)


@case("places.asked-full", "M-5.30", section="5.9", inputs=ASKED_FULL, profile="full", seconds=40.0)
async def asked_full(play: Play, place: tuple[Place, Sequence[str]]) -> None:
    """
    As the asked State the gateway knows a redirect and an interview by their places, and elsewhere refuses their types.

    A gateway that has no such places takes an answer to what was never proposed.
    """
    make, takes = place
    talk = await make(play)
    for type in (one for one in (*POINTERS, *(EVERY if takes else ())) if one not in takes):
        await refuses(talk, type, _code(make, type))
    await _takes_each(play, talk, make, takes)


async def _takes_each(play: Play, talk: Talk, make: Place, takes: Sequence[str]) -> None:
    """Insist that each of ``takes`` is taken at the place: the first in ``talk``, the others in threads like it."""
    for number, type in enumerate(takes):
        await _takes(talk if number == 0 else await make(play), type)


async def _takes(talk: Talk, type: str) -> None:
    try:
        await send(talk, type)
    except Wrong as error:
        raise Wrong(f"{type}: {error}") from None


UNASKED = (_asks, _acknowledged, _replied, _contested, _closed, _redirected, _interviewed)
"""Places at which no question was sent: there elements are too many (step 18) before they are too early (step 20)."""


def _code(make: Place, type: str) -> str:
    return "not-minimised" if type == "verification.elements" and make in UNASKED else "illegal-step"


@case("places.asked-undelivered", "M-5.30", "M-5.10", section="5.9", profile="verify", seconds=40.0)
async def asked_undelivered(play: Play) -> None:
    """
    Where a message of the gateway was never received, it takes a withdrawal as the asked State, and no reminder.

    A gateway that goes on there answers under a number that its partner does not wait for.
    """
    talk = await _never_heard(play)
    for type in (one for one in EVERY if one not in ("withdrawal", "verification.elements")):
        await refuses(talk, type)
    await _takes(talk, "withdrawal")


async def _sent(play: Play) -> Talk:
    return await play.is_asked(**OPEN)


async def _taken_up(play: Play) -> Talk:
    return await play.taken_up(**OPEN)


async def _asked_back(play: Play) -> Talk:
    talk = await _taken_up(play)
    await send(talk, "verification.question")
    return talk


async def _told(play: Play) -> Talk:
    talk = await _taken_up(play)
    await send(talk, "verification.reply")
    return talk


async def _doubted(play: Play) -> Talk:
    talk = await _told(play)
    await talk.said("verification.contest", {"ground": "METHOD_DOUBTED"})
    return talk


async def _pointed(play: Play) -> Talk:
    talk = await _sent(play)
    await send(talk, "verification.redirect")
    return talk


async def _invited(play: Play) -> Talk:
    talk = await _taken_up(play)
    await send(talk, "verification.interview")
    return talk


UNDER_WORK = ("verification.delay", "verification.question", "verification.reply")
ASKING: dict[str, tuple[Place, Sequence[str]]] = {
    "request-sent": (_sent, ("verification.acknowledgement",)),
    "acknowledged": (_taken_up, UNDER_WORK),
    "question-accepted": (_asked_back, ("verification.delay", "verification.reply")),
    "reply-accepted": (_told, ()),
    "contested": (_doubted, UNDER_WORK),
}
ASKING_FULL: dict[str, tuple[Place, Sequence[str]]] = {
    "request-sent": (_sent, ("verification.redirect",)),
    "redirected": (_pointed, ("verification.acknowledgement",)),
    "acknowledged": (_taken_up, ("verification.interview",)),
    "question-accepted": (_asked_back, ()),
    "interview-accepted": (_invited, ("verification.delay", "verification.reply")),
    "reply-accepted": (_told, ()),
    "contested": (_doubted, ("verification.interview",)),
}


@case("places.asking", "M-5.30", "M-5.9", section="5.9", inputs=ASKING, profile="verify", seconds=40.0)
async def asking(play: Play, place: tuple[Place, Sequence[str]]) -> None:
    """
    As the asking State the gateway takes what the place of the thread allows, and refuses each other type.

    A gateway that takes a reply before anybody took the request up believes a machine that nobody answers for.
    """
    make, takes = place
    talk = await make(play)
    for type in (one for one in SAID if one not in takes):
        await refuses(talk, type)
    await _takes_each(play, talk, make, takes)


@case("places.asking-full", "M-5.30", section="5.9", inputs=ASKING_FULL, profile="full", seconds=40.0)
async def asking_full(play: Play, place: tuple[Place, Sequence[str]]) -> None:
    """
    As the asking State the gateway takes a redirect and an interview where their places are, and nowhere else.

    A gateway that takes a pointer after the reply waits for another authority to say what was said already.
    """
    make, takes = place
    talk = await make(play)
    others = (*SAID, *POINTERS) if make in (_pointed, _invited) else POINTERS
    for type in (one for one in others if one not in takes):
        await refuses(talk, type)
    await _takes_each(play, talk, make, takes)


async def _closed_here(play: Play) -> Talk:
    talk = await _told(play)
    await talk.act("close")
    return talk


async def _withdrawn_here(play: Play) -> Talk:
    talk = await _taken_up(play)
    await talk.withdraw()
    talk.take(play.one(await play.tick(hours=1), "withdrawal"))
    return talk


async def _contest_lost(play: Play) -> Talk:
    talk = await _told(play)
    await talk.say("verification.contest", {"ground": "WRONG_PERSON"})
    await loses(talk)
    return talk


async def _request_lost(play: Play) -> Talk:
    """Let the gateway's request get no receipt; the State has it all the same, and only its answer was lost."""
    talk = Talk(play, play.a, asking=False, thread=await play.submit(**OPEN))
    await loses(talk)
    return talk


LOST: dict[str, Place] = {"undelivered": _contest_lost, "request-undelivered": _request_lost}
OVER: dict[str, Place] = {"closed": _closed_here, "withdrawn": _withdrawn_here, **LOST}


@case("places.asking-over", "M-5.30", section="5.9", inputs=OVER, profile="verify", seconds=40.0)
async def asking_over(play: Play, make: Place) -> None:
    """
    Where a thread is over for the asking State it still takes what the asked one says, and answers nothing.

    A gateway that refuses it tells that the case is over, and one that answers it goes on with what was stopped. One
    that throws the reply away since a message of its own was lost has its officer wait for what came.
    """
    talk = await make(play)
    for type in ("verification.contest", "reminder", "withdrawal"):
        await refuses(talk, type)
    for type in FROM_ASKED:
        await _takes(talk, type)
    if make in LOST.values() and (await talk.delivered())[-1]["body"] is None:
        raise Wrong("the reply was taken and not kept, where a message of the gateway was lost and nothing withdrawn")
    await play.silent(talk.state)


@case("places.asking-over-full", "M-5.30", section="5.9", inputs=OVER, profile="full", seconds=40.0)
async def asking_over_full(play: Play, make: Place) -> None:
    """
    Where a thread is over a redirect, an interview and its result are taken too, and change nothing.

    A gateway that asks the person for an interview there goes on with what was stopped.
    """
    talk = await make(play)
    await refuses(talk, INTERVIEW_ANSWER)
    for type in (REDIRECT, INTERVIEW, INTERVIEW_RESULT):
        await _takes(talk, type)
    await play.silent(talk.state)


@case("places.reply-after-a-loss", "M-5.30", "M-5.10", section="5.9", inputs=LOST, profile="verify", seconds=40.0)
async def reply_after_a_loss(play: Play, make: Place) -> None:
    """
    A reply in a thread in which a message of the gateway was lost is its reply: nothing more is taken, nor said.

    A gateway that stays where it was takes a second answer in place of the first; one that goes on speaks under a
    number that its partner does not wait for.
    """
    talk = await make(play)
    await _takes(talk, "verification.reply")
    for type in FROM_ASKED:
        await refuses(talk, type)
    await withholds(talk, "verification.contest", {"ground": "WRONG_PERSON"})


STOPS = ("suspension", "resumption")
TAKE_STOPS: dict[str, tuple[Place, bool]] = {
    "no-request": (_unknown, False),
    "requested": (_asks, False),
    "acknowledged": (_acknowledged, False),
    "question-sent": (_questioned, False),
    "reply-sent": (_replied, True),
    "contested": (_contested, True),
    "withdrawn": (_withdrawn, False),
    "closed": (_closed, True),
    "undelivered": (_never_heard, True),
    "request-sent": (_sent, False),
    "taken-up": (_taken_up, False),
    "question-accepted": (_asked_back, False),
    "reply-accepted": (_told, False),
    "contested-here": (_doubted, False),
    "closed-here": (_closed_here, True),
    "withdrawn-here": (_withdrawn_here, True),
    "undelivered-here": (_contest_lost, True),
    "request-undelivered": (_request_lost, True),
}


@case("places.stops", "M-5.33", "M-5.30", section="5.10", inputs=TAKE_STOPS, profile="verify", seconds=40.0)
async def stops(play: Play, place: tuple[Place, bool]) -> None:
    """
    A suspension and a resumption are taken wherever a return may be under way as the other State sees it, and there
    alone, also by a State without returns.

    A gateway that refuses one where its own word may have crossed it, or where a message was lost, tells a State that
    the return it stops goes on; one that takes it where there is none has its partner believe that there is.
    """
    make, taken = place
    talk = await make(play)
    for type in STOPS:
        await (send(talk, type) if taken else refuses(talk, type))
    await play.silent(talk.state)


async def _stopped(play: Play) -> Talk:
    talk = await _acknowledged(play)
    await talk.freeze("protection")
    return talk


async def _stopped_asking(play: Play) -> Talk:
    talk = await _taken_up(play)
    await talk.freeze("protection")
    return talk


async def _untold(play: Play) -> Talk:
    talk = await _taken_up(play)
    await talk.withdraw()
    return talk


NO_RETURN = {
    "acknowledged": _acknowledged,
    "reply-sent": _replied,
    "request-sent": _sent,
    "reply-accepted": _told,
    "acknowledged-and-stopped": _stopped,
    "taken-up-and-stopped": _stopped_asking,
    "withdrawn-before-its-hour": _untold,
}


@case("places.no-return", "M-5.30", section="5.9", inputs=NO_RETURN, profile="return", seconds=40.0)
async def no_return(play: Play, make: Place) -> None:
    """
    Where no return is under way a thread takes nothing of one.

    A gateway that takes a schedule without a proposal lets a journey begin that nobody agreed to. One that takes word
    of a stop only where its own desk has stopped or withdrawn the thread tells that it has.
    """
    talk = await make(play)
    for type in OF_A_RETURN:
        if type != "return.handover" or talk.asking:
            await refuses(talk, type)


@case("places.no-rights", "M-5.31", "M-5.30", section="5.9", inputs=RIGHTS, profile="full", fresh=False)
async def no_rights(play: Play, type: str) -> None:
    """
    A thread whose request was never accepted takes no question about data, and no demand.

    A gateway that takes it keeps a record of a person about whom nobody has asked.
    """
    talk = Talk(play, play.a, asking=True)
    await refuses(talk, type)
    await send(talk, "verification.request")


@case("places.from-its-own-hand", "M-5.30", section="5.9", profile="verify")
async def from_its_own_hand(play: Play) -> None:
    """
    What the gateway's desk has handed in counts for its place before it is posted: what crosses it may be refused.

    A gateway that counts from the receipt takes elements for a question that its own desk has just answered.
    """
    talk = await _questioned(play)
    await talk.say("verification.reply", play.reply("cannot-say"))
    await refuses(talk, "verification.elements")
    talk.take(play.one(await play.tick(), "verification.reply"))
    await send(talk, "verification.contest")


@case("places.refused-reply", "M-5.30", "M-5.6", section="5.9", profile="verify")
async def refused_reply(play: Play) -> None:
    """
    A reply that the partner refused is no reply: a contest is refused, and another reply follows under the next number.

    A gateway for which it is one leaves the partner without an answer that either of them could see.
    """
    talk = await _acknowledged(play)
    play.a.instead = [answers(play.doors, Answering(refuse="illegal-step"))]
    first = await talk.said("verification.reply", play.reply("cannot-say"))
    await refuses(talk, "verification.contest")
    second = await talk.said("verification.reply", play.reply())
    if second.value["seq"] != first.value["seq"] + 1:
        raise Wrong("the reply after a refused one is not under the next number (M-5.6)")
    await send(talk, "verification.contest")


@case("places.refused-request", "M-5.30", section="5.9", profile="verify", inputs=FROM_ASKED, fresh=False)
async def refused_request(play: Play, type: str) -> None:
    """
    After its request was refused the gateway takes nothing in the thread.

    A gateway that takes an answer to what was refused believes a State that said it would not answer.
    """
    thread = await play.submit()
    talk = Talk(play, play.a, asking=False, thread=thread)
    play.a.instead = [answers(play.doors, Answering(refuse="not-minimised"))]
    talk.take(play.one(await play.tick(), "verification.request"))
    await refuses(talk, type)


@case("places.one-contest", "M-5.30", section="5.9", profile="verify")
async def one_contest(play: Play) -> None:
    """
    There is one contest in a thread: after the second reply another one is refused.

    A gateway that takes a third look gives in to whoever asks most often.
    """
    talk = await _contested(play)
    await talk.said("verification.reply", play.reply())
    await refuses(talk, "verification.contest")


OUTDATED = ["verification.request", "verification.elements"]


@case("places.conditions-over", "M-5.30", section="5.9", inputs=OUTDATED, profile="verify")
async def conditions_over(play: Play, type: str) -> None:
    """
    A request or elements under conditions that have run out are refused: `retain_until` must lie after today.

    A gateway that takes them keeps data from the first moment for longer than it was allowed to.
    """
    talk = await _questioned(play) if type == "verification.elements" else await _unknown(play)
    value = body(play, talk, type)
    value["handling"] = value["handling"] | {"retain_until": day(play)}
    await talk.refused("illegal-step", type, value, statements=signed(talk, type, value))
    value["handling"] = value["handling"] | {"retain_until": day(play, 1)}
    await talk.send(type, value)


@case("places.day-in-utc", "M-5.30", section="3.5", profile="receive", positive=True, fresh=True)
async def day_in_utc(play: Play) -> None:
    """
    "Today" is the day in UTC: conditions until tomorrow have not run out half an hour before that day begins.

    A gateway that goes by its own midnight refuses what its partner may still send, or keeps what is over.
    """
    await play.tick_to(play.now().replace(hour=23, minute=30))
    talk = Talk(play, play.a, asking=True)
    value = play.a.question()
    for days, code in ((0, "illegal-step"), (1, None)):
        asked = value | {"handling": value["handling"] | {"retain_until": day(play, days)}}
        await (talk.refused(code, "verification.request", asked) if code else talk.send("verification.request", asked))


BEYOND: dict[str, tuple[str, bool, str]] = {
    "archive": ("M0", False, "CIVIL_STATUS_ARCHIVE"),
    "enquiry": ("M2", False, "SOCIAL_ENQUIRY"),
    "enquiry-where-nobody-is-asked": ("M3", True, "SOCIAL_ENQUIRY"),
}


@case("places.desk-within-limits", "M-5.30", section="3.5", inputs=BEYOND, profile="verify")
async def desk_within_limits(play: Play, given: tuple[str, bool, str]) -> None:
    """
    The gateway's desk replies by no method that the request rules out; within its limits it replies.

    A gateway that lets it signs that somebody went and asked where the asking State had said that nobody may.
    """
    limit, nobody, method = given
    talk = await play.acknowledged(method_limit=limit, no_contact_methods=nobody)
    await withholds(talk, "verification.reply", play.reply(method_used=[method]))
    await talk.said("verification.reply", play.reply())


MISFITS: dict[str, dict[str, object]] = {
    "of-another-question": {"outcome": "DOC_AUTHENTIC"},
    "of-residence": {"outcome": "PR_AT_DATE"},
    "beyond-the-limit": {"method_used": ["CIVIL_STATUS_ARCHIVE"]},
    "an-enquiry": {"method_used": ["SOCIAL_ENQUIRY"]},
    "conditions-over": {"handling": "over"},
    "another-purpose": {"handling": "other"},
}


@case("places.reply-fits", "M-5.30", section="3.5", inputs=MISFITS, profile="verify")
async def reply_fits(play: Play, changes: dict[str, object]) -> None:
    """
    A reply that does not answer the question, or goes beyond its method limit, is refused; one that does is taken.

    A gateway that takes any signed reply shows its officer an answer to something that was never asked.
    """
    talk = await play.taken_up(method_limit="M0")
    right = talk.reply_body()
    wrong = right | changes
    if "handling" in changes:
        other = {"retain_until": day(play)} if changes["handling"] == "over" else {"purpose": "PERM_RESIDENCE"}
        wrong["handling"] = right["handling"] | other
    await talk.refused("illegal-step", "verification.reply", wrong)
    await talk.send("verification.reply", right)


NOWHERE: dict[str, tuple[Place, bool]] = {
    "closed": (_closed_here, True),
    "withdrawn": (_withdrawn_here, True),
    "undelivered": (_contest_lost, False),
}
"""Where a thread is over for the asking State, and whether a reply leads nowhere from there."""


@case("places.leads-nowhere", "M-5.30", section="5.9", inputs=NOWHERE, profile="verify", seconds=40.0)
async def leads_nowhere(play: Play, place: tuple[Place, bool]) -> None:
    """
    A reply that leads nowhere is taken whatever it answers, and under conditions that have run out; one that leads to
    the reply accepted is not.

    A gateway that measures what it does not keep tells by its refusal which cases are over; one that measures nothing
    where a message was lost has an answer to what it never asked.
    """
    make, taken = place
    talk = await make(play)
    right = talk.reply_body()
    for changes in ({"outcome": "PR_AT_DATE"}, {"handling": right["handling"] | {"retain_until": day(play)}}):
        if taken:
            await talk.send("verification.reply", right | changes)
        else:
            await talk.refused("illegal-step", "verification.reply", right | changes)
    await talk.send("verification.reply", right | {"as_of": day(play)})
