"""Section 5.10: what no time that passes ever brings about."""

from typing import Any

from conformance.bodies import day, send, withholds
from conformance.play import Play
from conformance.registry import Wrong, case
from conformance.returning import DEPARTED, PLACES, departure, homeward, journey, schedule


@case("silence.asking", "M-5.35", section="5.10", inputs=PLACES[1:], profile="return", seconds=60.0)
async def asking(play: Play, place: str) -> None:
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


@case("silence.asked", "M-5.35", section="5.10", profile="return", seconds=60.0, inputs=PLACES[1:])
async def asked(play: Play, place: str) -> None:
    """
    As the asked State too the gateway concludes nothing from silence: it accepts, issues and confirms nothing.

    A gateway that confirms a handover because the day has passed signs for somebody who never came.
    """
    talk = await journey(play, place)
    for _ in range(3):
        await play.silent(play.a, days=20)
    if place == "departed":
        await withholds(talk, "return.handover", {}, days=0)


@case("silence.suspended", "M-5.33", "M-5.35", section="5.10", profile="return", seconds=60.0)
async def suspended(play: Play) -> None:
    """
    However long its partner says nothing, a suspension does not end by itself.

    A gateway for which a stop has an end waits until nobody looks any more.
    """
    talk = await homeward(play, "accepted")
    await send(talk, "suspension")
    for _ in range(3):
        await _only_reminders(play, days=20)
    await withholds(talk, "travel-document.request", {"needed_by": day(play, 15)}, days=0)


async def _only_reminders(play: Play, **passes: float) -> None:
    types = {post.read.type for post in await play.tick(**passes) if post.state is play.a}
    if types - {"reminder"}:
        raise Wrong(f"while nobody said anything the gateway posted {', '.join(sorted(types - {'reminder'}))}")
