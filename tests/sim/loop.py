"""
A loop without a machine under it: time is a number, and the order of what may run is drawn from a seed.

Rule 1: nothing waits. When nothing is ready, time goes to the next timer; when there is none either, everybody waits
for ever, and that is an error.
Rule 2: callbacks that are ready together run in an order the seed draws. asyncio promises the order in which they were
asked for, but no order between tasks that know nothing of one another, and a machine gives none.
Rule 3: a callback belongs to the process in whose context it was asked for. A process that died runs no more: its tasks
stand for ever where they were, at whatever ``await`` that was. One that stands still runs later what came meanwhile.
"""

import asyncio
import heapq
import random
from asyncio import base_events
from collections.abc import Callable, Generator, Iterable
from contextvars import Context, ContextVar
from types import coroutine
from typing import Any

SHUFFLED = 0.5
"""How often the order is drawn anew where several may run: the other half of the time it is the order of asking."""

AFTER_S = 1e-6
"""Between two things that a process finds waiting when it goes on: what the first wakes runs before the second."""


class Deadlock(Exception):
    """Nothing is ready and no timer runs: whoever still waits would wait for ever."""


class Process:
    """
    One start of one program on a host, from its first callback to its death.

    ``fuse`` is how many more callbacks it runs before it dies by itself; ``None`` for as many as there are. ``died``
    is called once, in the middle of the loop, when it does. ``left`` is what it would have run since.
    """

    def __init__(self, host: str, died: Callable[["Process"], None]) -> None:
        """Begin to live on ``host``."""
        self.host = host
        self.alive = True
        self.fuse: int | None = None
        self.left: list[asyncio.Handle] = []
        self._died = died

    def die(self) -> None:
        """Run nothing of this process any more."""
        if self.alive:
            self.alive = False
            self._died(self)

    def stand_still(self) -> None:
        """Run nothing until the loop lets it go on, as a machine does whose host took its processor away."""
        self.alive = False

    def may_run(self) -> bool:
        """Return whether the next callback runs; burn the fuse."""
        if self.fuse is not None:
            self.fuse -= 1
            if self.fuse < 0:
                self.die()
        return self.alive


PROCESS: ContextVar[Process | None] = ContextVar("process", default=None)
"""The process that runs; ``None`` for the world outside of all of them."""


class _Due(float):
    """The instant of a timer, with the timer: the heap compares numbers, not timers, which costs a tenth."""

    __slots__ = ("timer",)
    timer: asyncio.Handle


class _Task(asyncio.Task[Any]):
    """
    A task whose place in a set is its number.

    asyncio keeps the tasks of a group in a set and cancels them in its order, which is otherwise that of their
    addresses: the same seed would end its gateways in another order each time.
    """

    def __init__(self, number: int, work: Any, **options: Any) -> None:
        self._number = number
        super().__init__(work, **options)

    def __hash__(self) -> int:
        return self._number


@coroutine
def turn() -> Generator[None]:
    """Let the loop turn once, as ``asyncio.sleep(0)`` does."""
    yield


class SimulatedLoop(base_events.BaseEventLoop):
    """An event loop over virtual time; see the rules of this file."""

    def __init__(self, seed: int) -> None:
        """Begin at instant 0.0 with an order drawn from ``seed``."""
        super().__init__()
        self._instant = 0.0
        self._random = random.Random(seed)
        self._timers: list[_Due] = []
        self._tasks = 0
        self.callbacks = 0
        vars(self)["get_debug"] = bool  # nobody debugs; each handle, future and task asks, and this costs no frame

    def time(self) -> float:
        """Return the seconds since the loop began."""
        return self._instant

    # What follows does as asyncio's own, without what each call of that looks at: whether somebody debugs, and what a
    # callback might be. A seed makes fourteen thousand calls.

    def create_task(self, work: Any, *, name: str | None = None, context: Context | None = None) -> asyncio.Task[Any]:
        """Begin ``work``."""
        if self._closed:
            raise RuntimeError("Event loop is closed")
        self._tasks += 1
        return _Task(self._tasks, work, loop=self, name=name, context=context)

    def call_soon(self, callback: Callable[..., Any], *args: Any, context: Context | None = None) -> asyncio.Handle:
        """Ask for ``callback`` in the next turn."""
        if self._closed:
            raise RuntimeError("Event loop is closed")
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_later(
        self, delay: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Ask for ``callback`` in ``delay`` seconds."""
        return self.call_at(self._instant + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Ask for ``callback`` at the instant ``when``."""
        if self._closed:
            raise RuntimeError("Event loop is closed")
        due = _Due(when)
        due.timer = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._timers, due)
        return due.timer

    def _run_once(self) -> None:
        timers, ready = self._timers, self._ready
        while timers and timers[0].timer._cancelled:
            heapq.heappop(timers)
        if not ready:
            if not timers:
                raise Deadlock("nothing is left to do, and somebody waits")
            self._instant = max(self._instant, float(timers[0]))
        while timers and timers[0] <= self._instant:
            ready.append(heapq.heappop(timers).timer)
        batch = list(ready)
        ready.clear()
        if len(batch) > 1 and self._random.random() < SHUFFLED:
            self._random.shuffle(batch)
        for handle in batch:
            if handle._cancelled:
                continue
            process = handle._context.get(PROCESS)
            if process is None or (process.alive if process.fuse is None else process.may_run()):
                self.callbacks += 1
                try:
                    handle._context.run(handle._callback, *handle._args)
                except (SystemExit, KeyboardInterrupt):
                    raise
                except BaseException as error:
                    self.call_exception_handler({"message": "a callback failed", "exception": error, "handle": handle})
            else:
                process.left.append(handle)

    def close(self) -> None:
        """Close; whatever still waits for its time never runs."""
        self._timers.clear()
        super().close()

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Leave it: it is passed over when its time comes."""

    def call_soon_threadsafe(
        self, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """Ask for ``callback`` like ``call_soon``: there is one thread."""
        return self.call_soon(callback, *args, context=context)

    async def create_server(self, factory: Any, host: Any = None, port: Any = None, **options: Any) -> Any:
        """Listen on the simulated network; TLS, backlog and the like have no meaning there."""
        return self.listen(factory, host, port)

    def listen(self, factory: Any, host: str, port: int) -> Any:
        """Listen at an address; a network puts its own in place of this."""
        raise NotImplementedError("this loop has no network")

    def go_on(self, process: Process) -> None:
        """Let a process that stood still run what it left: one after another, as a kernel hands over what came."""
        process.alive = True
        for number, handle in enumerate(process.left, 1):
            due = _Due(self._instant + number * AFTER_S)
            due.timer = handle
            heapq.heappush(self._timers, due)
        process.left.clear()

    def revive(self, processes: Iterable[Process]) -> None:
        """Let dead processes run what they left, so that their tasks can be brought to an end once all is over."""
        for process in processes:
            process.alive, process.fuse = True, None
            self._ready.extend(process.left)
            process.left.clear()

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        """Call ``func`` at once; the result is there when the loop turns."""
        made = self.create_future()
        try:
            made.set_result(func(*args))
        except Exception as error:
            made.set_exception(error)
        return made

    def _process_events(self, event_list: list[Any]) -> None:
        """Do nothing: there are no events from outside."""

    def _write_to_self(self) -> None:
        """Do nothing: there is no selector to wake."""
