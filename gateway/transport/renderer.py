"""
Have an image drawn anew from its pixels alone, in a process of its own.

The process is started for one file and ends with it. What it gives back is measured here before it is believed, so that
even a worker that was taken over can pass on nothing but a bare image.
"""

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from typing import Any, Final

from gateway.core.attachments import (
    PAGE_MAX_BYTES,
    PAGES_MAX,
    REFUSALS,
    REMOVED,
    NotBare,
    NotRendered,
    Rendition,
    check_file,
    measure,
    most_bytes,
    most_pages,
)
from keys import b64

RENDER_TIMEOUT_S: Final = 30.0
"""What one file may take. Ten pages at 200 dpi take four seconds."""

WAITING_MAX: Final = 8
"""Files that wait while one is drawn; more are turned away, so that the memory they hold is bounded too."""

ANSWER_MAX_BYTES: Final = PAGES_MAX * PAGE_MAX_BYTES + 4096


class WorkerRenderer:
    """Draws images anew, one at a time. The ``Renderer`` of a gateway."""

    def __init__(self, timeout_s: float = RENDER_TIMEOUT_S, command: Sequence[str] = ()) -> None:
        """Give each file ``timeout_s`` seconds; ``command`` is what runs in place of the worker, in tests."""
        self._timeout_s = timeout_s
        self._command = tuple(command) or (sys.executable, "-P", "-m", "gateway.transport.render_worker")
        self._turn = asyncio.Semaphore(1)
        self._waiting = 0

    async def render(self, raw: bytes, member: str) -> Rendition:
        """
        Return what was drawn of the file ``raw`` for the element ``member``.

        Raises ``NotRendered`` with the code of why not; the file is kept nowhere either way.
        """
        kind = check_file(raw)
        if self._waiting > WAITING_MAX:
            raise NotRendered("worker-busy")
        self._waiting += 1
        try:
            async with self._turn:
                answer = await self._run(raw, member)
        finally:
            self._waiting -= 1
        pages, removed = _read_answer(answer, member)
        return Rendition(kind, b64.encode(sha256(raw).digest()), pages, removed)

    async def _run(self, raw: bytes, member: str) -> bytes:
        worker = await asyncio.create_subprocess_exec(
            *(*self._command, member),
            # Where its code lies, and nothing else: no environment, and no secret in one.
            env={"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=ANSWER_MAX_BYTES,
        )
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await _exchange(worker, raw)
                if await worker.wait() != 0:
                    raise NotRendered("worker-ended")
        except TimeoutError:
            raise NotRendered("worker-late") from None
        finally:
            if worker.returncode is None:
                with suppress(ProcessLookupError):
                    worker.kill()
                await worker.communicate()  # as in ``redactor``: its end is told once all it said has been read
        return answer


async def _exchange(worker: asyncio.subprocess.Process, raw: bytes) -> bytes:
    """Return what ``worker`` says to ``raw``. Raises ``NotRendered`` if it says more than it may."""
    stdin, stdout = worker.stdin, worker.stdout
    if stdin is None or stdout is None:
        raise NotRendered("worker-ended")
    feeding = asyncio.ensure_future(_feed(stdin, raw))
    try:
        answer = bytearray()
        while chunk := await stdout.read(1 << 16):
            answer += chunk
            if len(answer) > ANSWER_MAX_BYTES:
                raise NotRendered("worker-result")
    finally:
        feeding.cancel()
        # Not awaited itself: the end of our own time, if it comes in this very turn, would be taken for its end,
        # and a worker that falls silent and does not end would be waited for without end.
        await asyncio.wait({feeding})
    return bytes(answer)


async def _feed(stdin: asyncio.StreamWriter, raw: bytes) -> None:
    with suppress(ConnectionError):  # a worker that ended reads no further; its end says why
        stdin.write(raw)
        await stdin.drain()
        stdin.close()


def _read_answer(answer: bytes, member: str) -> tuple[tuple[bytes, ...], tuple[str, ...]]:
    """Return the pages and what was removed, once each page is known to be a bare image. Raises ``NotRendered``."""
    head, _, rest = answer.partition(b"\n")
    try:
        said: dict[str, Any] = json.loads(head)
        if "refused" in said:
            raise NotRendered(said["refused"] if said["refused"] in REFUSALS else "worker-result")
        removed = tuple(code for code in REMOVED if code in said["removed"])
        pages = _cut(rest, said["sizes"])
        for page in pages:
            measure(page)
    except (ValueError, KeyError, TypeError, RecursionError):  # ``NotBare`` too
        raise NotRendered("worker-result") from None
    fits = sum(map(len, pages)) <= most_bytes(member, len(pages)) and max(map(len, pages)) <= PAGE_MAX_BYTES
    if not 0 < len(pages) <= most_pages(member) or not fits:
        raise NotRendered("worker-result")
    return pages, removed


def _cut(rest: bytes, sizes: list[int]) -> tuple[bytes, ...]:
    if not sizes or any(type(size) is not int or size < 1 for size in sizes) or sum(sizes) != len(rest):
        raise NotBare("the pages do not fill the answer")
    pages, at = [], 0
    for size in sizes:
        pages.append(rest[at : at + size])
        at += size
    return tuple(pages)
