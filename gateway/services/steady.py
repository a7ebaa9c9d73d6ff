"""
The clock of this process, looked at each hour, and whether what it says may end anything for good.

Rule 1: while it has not gone on steadily for a day nothing is erased, no key's window ends a key and no message is
given up (``gateway.core.leap``). Nothing that is over is used meanwhile: it is only not destroyed yet. Nor is a message
refused for its times by a clock that leapt, which would be for good (M-3.7).
Rule 2: what was seen of it is kept in the store, so that a restart is no leap. Of many nodes each goes by its own clock
and by what any of them kept last: one that starts with a clock that is wrong finds that it leapt.
Rule 3: nobody can hasten it. A clock that is right has only to go on.
"""

from datetime import datetime
from functools import partial

from gateway.core import leap
from gateway.core.leap import Steady
from gateway.core.wire import format_instant
from gateway.services.context import Context
from gateway.services.ports import Tx, Unavailable

META = "clock"
"""The name under which it is kept: the instants of ``Steady``, in its order, with a space between them."""

LOOK_S = 3600.0


class SteadyClock:
    """What this process has seen of its clock."""

    def __init__(self, context: Context) -> None:
        """Look at the clock of ``context``, which believes it for what cannot be undone only as this says."""
        self._context = context
        self._last: Steady | None = None
        context.believes, context.doubts, context.settled = self.believes, self.doubts, self.settled

    def believes(self, now: datetime) -> bool:
        """Return whether what is over at ``now`` may be ended for good."""
        return leap.is_steady(self._last, now)

    def doubts(self, now: datetime) -> datetime | None:
        """Return what the clock that shows ``now`` said before it leapt, if that is less than a day ago."""
        return leap.before_leap(self._last, now)

    def settled(self, now: datetime) -> bool:
        """Return whether what lies ahead of the clock that shows ``now`` was entered by a wrong one."""
        return leap.is_settled(self._last, now)

    async def begin(self) -> None:
        """Look for the first time; where the store cannot be had, ``run`` does later, and nothing ends until then."""
        try:
            await self.run_once(self._context.clock.now())
        except Unavailable as error:
            self._context.unavailable(error)

    async def run(self) -> None:
        """Look each hour until cancelled."""
        await self._context.every(LOOK_S, self.run_once)

    async def run_once(self, now: datetime) -> None:
        """Look at the clock, which shows ``now``, and keep what was seen. Raises ``Unavailable``."""
        last = self._last or await self._context.store.read(_kept)
        found = leap.look(last, now)
        if last is not None and found.since != last.since:
            self._context.log(
                "clock.leapt",
                before=format_instant(last.seen),
                until=format_instant(found.until),
                hint="see that the clock is right; until then nothing is erased, destroyed or given up",
            )
        self._last = found
        await self._context.commit(partial(_keep, steady=found))


async def go_by_what_was_seen(context: Context) -> None:
    """
    Believe the clock, in a process that does not serve, as far as those that do saw it, and doubt it as they do.

    Raises ``Unavailable``.
    """
    seen = await context.store.read(_kept)
    context.believes, context.doubts = partial(leap.is_steady, seen), partial(leap.before_leap, seen)
    context.settled = partial(leap.is_settled, seen)


def waiting(text: str, now: datetime) -> Steady | None:
    """
    Return what was seen of the clock if nothing is ended for good at ``now``, by ``text`` of the store; else ``None``.

    For whoever looks from outside: the clock may have leapt, either way, since a process that serves looked at it.
    """
    found = leap.look(_parse(text), now)
    return None if leap.is_steady(found, now) else found


def _parse(text: str) -> Steady:
    return Steady(*map(datetime.fromisoformat, text.split(" ")))


async def _kept(tx: Tx) -> Steady | None:
    text = await tx.find_meta(META)
    return None if text is None else _parse(text)


async def _keep(tx: Tx, steady: Steady) -> None:
    await tx.set_meta(META, " ".join(format_instant(at) for at in steady if at is not None))
