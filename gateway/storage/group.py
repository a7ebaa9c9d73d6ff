"""
Group commit: units gather while a batch is in flight, and the next batch takes all that wait.

Rule 1: no time is waited. A batch begins once nobody new came for a few turns of the loop.
Rule 2: no answer is released before its batch is on disk, and a caller hears what became of its own unit alone.
Rule 3: the units of a batch run in the order of the partners they are about, and else in that of their coming.
Rule 4: a caller that is cancelled before its batch begins takes its unit back; later the unit stands, unheard.
"""

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from operator import itemgetter
from time import monotonic
from typing import Any

from gateway.services.ports import Committed, Load, Unavailable, Unit

MAX_BATCH = 32
"""
Units in one transaction. Bounds the time a batch keeps the loop and the write lock: about 10 ms. Half of what a busy
gateway has in hand, so that the other half is opened while this one is written to disk.
"""

QUEUE_MAX = 8192
"""Units that may wait for the store, before whoever comes is told to come later: some seconds of work."""

QUIET_TURNS = 2
"""Turns of the loop without a newcomer before a batch begins. A request takes about that many from socket to store."""

LEAVE_TURNS = 3
"""
Turns of the loop after a batch, in which its answers leave. Without them those would wait until the next batch has run,
and with them whoever sent the messages, and its next ones.
"""

CAREFUL_BATCHES = 16
"""Batches that run in savepoints at once after one in which a unit failed: who fails once may fail again."""

Waiting = tuple[Unit[Any], asyncio.Future[Committed], str]


class GroupCommit(ABC):
    """The part of the ``Store`` port that gathers units. It belongs to one event loop."""

    def __init__(self, queue_max: int = QUEUE_MAX, on_failure: Callable[[Unavailable], None] = lambda _: None) -> None:
        """``queue_max`` units may wait at most; ``on_failure`` hears the cause of each batch that did not commit."""
        self._queue_max = queue_max
        self._on_failure = on_failure
        self._batches = self._failed = 0
        self._busy_s = 0.0
        self._most = MAX_BATCH
        self._waiting: deque[Waiting] = deque()
        self._writer: asyncio.Task[None] | None = None
        self._closed = False

    @abstractmethod
    async def _outcomes(self, units: Sequence[Unit[Any]]) -> Sequence[Committed | Exception]:
        """Run a batch to its end and return what became of each unit, in order. Raises nothing of its own."""

    def _after(self, units: int) -> None:  # noqa: B027  (what a store has to do after a batch, if anything)
        """Hear that a batch of ``units`` is done."""

    async def commit(self, unit: Unit[Any], partner: str = "") -> Committed:
        """
        Run ``unit`` in the next batch, in the order of ``partner``, and return once the batch is durable.

        Raises:
            Unavailable: the batch did not commit, too many wait already, or the store is closed.
            BrokenUnit: the unit suspended or stored a row that breaks a rule of the store.
            Exception: whatever the unit raised. It alone was rolled back.
        """
        self._check_open()
        if len(self._waiting) >= self._queue_max:
            raise Unavailable("too many wait for the store", "try again later; if it stays, the disk is too slow")
        loop = asyncio.get_running_loop()
        made: asyncio.Future[Committed] = loop.create_future()
        self._waiting.append((unit, made, partner))
        if self._writer is None:
            self._writer = loop.create_task(self._write())
        return await made

    def load(self) -> Load:
        """Return what there was to do until now."""
        return Load(len(self._waiting), self._batches, self._busy_s, self._failed)

    def _fail(self, failure: Unavailable, units: int) -> list[Committed | Exception]:
        """Tell of a batch of ``units`` that came to nothing, and return what each caller hears."""
        self._failed += 1
        self._on_failure(failure)
        return _each(failure, units)

    def _check_open(self) -> None:
        if self._closed:
            raise Unavailable("the store is closed", "start the gateway again")

    async def _drained(self, patience_s: float | None = None) -> None:
        """
        Take no more units, and return once those that waited are done.

        After ``patience_s`` seconds, if that is given, what is not done yet is given up, as where the process is
        killed: nobody hears what became of it. That takes as long again at most.
        """
        self._closed = True
        writer = self._writer
        if writer is None:
            return
        if patience_s is None:
            await asyncio.shield(writer)
            return
        await asyncio.wait({writer}, timeout=patience_s)
        if not writer.done():
            writer.cancel()
            await asyncio.wait({writer}, timeout=patience_s)

    async def _write(self) -> None:
        batch: list[Waiting] = []
        try:
            while self._waiting:
                await self._gather()
                batch = self._take()
                if batch:
                    began = monotonic()
                    outcomes = await self._outcomes([unit for unit, *_ in batch])
                    self._busy_s += monotonic() - began
                    self._batches += 1
                    self._resolve(batch, outcomes)
                    self._after(len(batch))
                    for _ in range(LEAVE_TURNS if self._waiting else 0):
                        await asyncio.sleep(0)
        except Exception as error:
            # Something is wrong here, and whether the batch was stored is unknown. Whoever waits must hear of a fault:
            # one who was cancelled would end in silence.
            for _, made, _ in (*batch, *self._waiting):
                if not made.done():
                    made.set_exception(error)
            self._waiting.clear()
        except BaseException:
            # The loop is ending. Whether the batch was stored is unknown here, so no outcome may be claimed.
            for _, made, _ in (*batch, *self._waiting):
                made.cancel()
            self._waiting.clear()
            raise
        finally:
            self._writer = None

    async def _gather(self) -> None:
        """Let in whoever comes within the next turns of the loop, for as long as somebody does."""
        quiet, before = 0, 0
        while quiet < QUIET_TURNS and len(self._waiting) < self._most:
            quiet = 0 if len(self._waiting) > before else quiet + 1
            before = len(self._waiting)
            await asyncio.sleep(0)

    def _take(self) -> list[Waiting]:
        batch: list[Waiting] = []
        while self._waiting and len(batch) < self._most:
            waiting = self._waiting.popleft()
            if not waiting[1].done():
                batch.append(waiting)
        return sorted(batch, key=itemgetter(2))

    @staticmethod
    def _resolve(batch: Sequence[Waiting], outcomes: Sequence[Committed | Exception]) -> None:
        for (_, made, _), outcome in zip(batch, outcomes, strict=True):
            if made.done():
                continue
            if isinstance(outcome, Committed):
                made.set_result(outcome)
            else:
                made.set_exception(outcome)


def _each(failure: Unavailable, count: int) -> list[Committed | Exception]:
    """Return ``failure`` made anew ``count`` times, so that each caller raises an exception of its own."""
    found: list[Committed | Exception] = []
    for _ in range(count):
        made = type(failure)(str(failure), failure.hint)
        made.__cause__ = failure.__cause__
        found.append(made)
    return found
