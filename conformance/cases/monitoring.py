"""Sections 3.5 and 5.10: reports after a handover, the last one not before six months."""

from datetime import datetime

from conformance.bodies import day, refuses, send, withholds
from conformance.play import Play
from conformance.reading import due_on
from conformance.registry import Wrong, case
from conformance.returning import homeward, journey
from conformance.state import DAY


@case("monitoring.six-months", "M-5.35", "M-5.30", section="3.5", profile="return", seconds=60.0)
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


@case("monitoring.own-report", "M-5.35", "M-5.30", section="3.5", profile="return", seconds=60.0)
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
