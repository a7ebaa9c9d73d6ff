"""Section 5.10: whoever has left may be called back, by either State, and is not dropped."""

from contextlib import suppress
from typing import Any

from conformance.backend import Forbidden
from conformance.bodies import day, refuses, send, withholds
from conformance.play import Play
from conformance.registry import Wrong, case
from conformance.returning import DEPARTED, SIDES, journey, plan, proposal_body, record, stated

BEFORE = ["proposed", "accepted", "documented", "planned"]


@case("takeback.before-departure", "M-5.34", section="5.10", inputs=BEFORE, profile="return", seconds=60.0)
async def before_departure(play: Play, place: str) -> None:
    """
    Before departure there is nobody to take back: the message is refused, and the return goes on.

    A gateway that takes it ends a return that its partner believes to be under way.
    """
    talk = await journey(play, place)
    await refuses(talk, "return.take-back")
    await send(talk, "suspension")


AWAY = ["departed", "handed over", "departed-and-stopped"]


@case("takeback.no-withdrawal", "M-5.34", section="5.10", inputs=AWAY, profile="return")
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


@case("takeback.called-back", "M-5.34", section="5.10", inputs=SIDES, profile="return", seconds=60.0)
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


@case("takeback.calls-back", "M-5.34", section="5.10", inputs=SIDES, profile="return", seconds=60.0)
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


@case("takeback.stopped-and-away", "M-5.25", "M-5.34", section="5.7", inputs=SIDES, profile="return", seconds=60.0)
async def stopped_and_away(play: Play, begin: Any) -> None:
    """
    Also where its desk has stopped the case the gateway says that whoever has left is to be taken back.

    A gateway that says nothing any more in a stopped case leaves a person where whoever stopped it saw the danger.
    """
    talk = await begin(play, "departed")
    with suppress(Forbidden):
        await talk.freeze("protection")
    await talk.said("return.take-back", {"reason": "UNSAFE", "by": day(play, 5)})
