"""Section 3.5: what an acceptance must say, which proposal it answers, and that a no is heard."""

from collections.abc import Callable
from typing import Any

from conformance.bodies import accepts, body, day, send, signed, withholds
from conformance.play import Play, body_of
from conformance.reading import Json, compact
from conformance.registry import Wrong, case
from conformance.returning import acceptance, accepted_body, homeward, journey, plan, proposal_body, stated
from conformance.writing import digest

ACCEPTED: dict[str, dict[str, Any]] = {
    "no-carer": {"carer": None},
    "no-service": {"service": None},
    "nobody-receives": {"receiving_services": []},
    "no-end": {"expires_on": None},
    "with-a-reason": {"reason": "NO_CARER"},
}


@case("acceptances.form", "M-3.12", section="3.5", inputs=ACCEPTED, profile="return")
async def form(play: Play, changes: dict[str, Any]) -> None:
    """
    An acceptance that names no carer, no service or nobody who receives is `bad-schema`; the whole one is taken.

    A gateway that takes it sends a person to nobody.
    """
    talk = await homeward(play, "proposed")
    value = accepted_body(play, talk, **changes)
    await talk.refused("bad-schema", "return.acceptance", value, statements=signed(talk, "return.acceptance", value))
    await accepts(talk)


ACCEPTED_ON: dict[str, Callable[[Play], Json]] = {
    "signed-tomorrow": lambda play: {"signed_on": day(play, 1)},
    "over": lambda play: {"signed_on": day(play, -9), "expires_on": day(play, -1)},
    "agreed-tomorrow": lambda play: {
        "carer": {"class": "RELATIVE", "ref": "A" * 22, "agreed_in_writing_on": day(play, 1)}
    },
}


@case("acceptances.days", "M-3.12", section="3.5", inputs=ACCEPTED_ON, profile="return")
async def days(play: Play, changes: Callable[[Play], Json]) -> None:
    """
    An acceptance that is over, or signed or agreed on a day that has not come, is refused; one for today is taken.

    A gateway that takes it counts on a carer who has not said yes yet, or does not stand by it any more.
    """
    talk = await homeward(play, "proposed")
    value = accepted_body(play, talk, **changes(play))
    await talk.refused("illegal-step", "return.acceptance", value, statements=signed(talk, "return.acceptance", value))
    await accepts(talk, expires_on=day(play))


@case(
    "acceptances.another-person",
    "M-3.12",
    section="3.5",
    profile="return",
    inputs={"adult": False, "represented": True},
)
async def another_person(play: Play, represented: bool) -> None:
    """
    An acceptance whose `represented` is not that of the proposal is refused, and the right one taken.

    A gateway that takes it has a minor accepted as an adult, by whoever accepts adults.
    """
    talk = await homeward(play, "proposed", represented=represented)
    value = accepted_body(play, talk, represented=not represented)
    statements = signed(talk, "return.acceptance", value)
    await talk.refused("illegal-step", "return.acceptance", value, statements=statements)
    await accepts(talk)


@case(
    "acceptances.answers-one",
    "M-3.12",
    section="3.5",
    profile="return",
    inputs=["called-back", "refused"],
    seconds=60.0,
)
async def answers_one(play: Play, how: str) -> None:
    """
    An acceptance answers its own proposal: one for another, or that was taken before, is refused, and a new one taken.

    A gateway that takes it has a person received by people, and on days, that nobody has agreed to since.
    """
    talk = await homeward(play, "departed" if how == "called-back" else "proposed")
    if how == "called-back":
        taken = next(body_of(row) for row in await talk.delivered() if row["type"] == "return.acceptance")
        await send(talk, "return.take-back")
    else:
        taken = accepted_body(play, talk)
        await send(talk, "return.acceptance", handling=taken["handling"], represented=False)
        # Where none stands it is taken and changes nothing; what is proposed next may be in the same words.
        await talk.send("return.acceptance", taken, statements=signed(talk, "return.acceptance", taken))
    await talk.said("return.proposal", plan(play))
    other = accepted_body(play, talk, proposal="A" * 43)
    for value in (taken, other):
        statements = signed(talk, "return.acceptance", value)
        await talk.refused("illegal-step", "return.acceptance", value, statements=statements)
    await accepts(talk)


@case("acceptances.refused-before", "M-3.12", section="3.5", profile="return")
async def refused_before(play: Play) -> None:
    """
    An answer by whoever had not taken the proposal that stands is `illegal-step`, and a refusal that had is taken.

    A gateway that takes a refusal of before has a plan set back that nobody refused, and the acceptance of it comes to
    nothing; one that takes an acceptance, of a proposal in the same words, goes on where the other State waits for it.
    """
    talk = await homeward(play, "proposed")
    first, how = talk.taken, {"handling": talk.heard[-1].body["handling"], "represented": False}
    await send(talk, "return.acceptance", **how)
    await talk.said("return.proposal", plan(play))
    late = body(play, talk, "return.acceptance", **how)
    await talk.refused("illegal-step", "return.acceptance", late, in_reply_to=first)
    value = accepted_body(play, talk)
    statements = signed(talk, "return.acceptance", value)
    await talk.refused("illegal-step", "return.acceptance", value, statements=statements, in_reply_to=first)
    await send(talk, "return.acceptance", **how)


@case("acceptances.answers-the-last", "M-3.12", section="3.5", profile="return", positive=True)
async def answers_the_last(play: Play) -> None:
    """
    Where another return was proposed the gateway's acceptance is of that one, by the digest of its body.

    A gateway that accepts the first receives somebody on days, and with people, of which its partner says no more.
    """
    talk = await journey(play, "proposed")
    reply = next(message.digest for message in talk.heard if message.type == "verification.reply")
    value = proposal_body(play, reply, window={"from": day(play, 20), "until": day(play, 50)})
    await talk.send("return.proposal", value, statements=stated(talk, "return.release", "coordinator", value))
    said = await talk.said("return.acceptance", acceptance(play))
    if said.body["proposal"] != digest(compact(value)):
        raise Wrong(f"the acceptance is of {said.body['proposal']}, and not of the proposal that stands")
    if said.value["in_reply_to"] != talk.own:
        raise Wrong("the acceptance does not name the proposal that stands as the last message that was taken")


NO = ["of-this-person", "of-another-person"]


@case("acceptances.refused", "M-6.4", "M-5.35", "M-3.12", section="5.10", profile="return", inputs=NO)
async def refused(play: Play, what: str) -> None:
    """
    A refusal needs no signature and is taken, whatever else it says; after it the gateway asks for no document.

    A gateway that goes on after a no returns a person whom nobody will receive; one that asks of a no what it asks of a
    yes does not hear it.
    """
    talk = await homeward(play, "proposed")
    says = {"represented": what == "of-another-person"}
    await send(talk, "return.acceptance", handling=talk.heard[-1].body["handling"], **says)
    await withholds(talk, "travel-document.request", {"needed_by": body(play, talk, "return.take-back")["by"]})
    await accepts(talk)
    await withholds(talk, "travel-document.request", {"needed_by": body(play, talk, "return.take-back")["by"]})
