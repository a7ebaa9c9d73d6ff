"""A peer is a program of its own: it says one line of JSON when it is ready, and one for each line it is asked."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from subprocess import PIPE
from typing import Any

from benchmarks.resident import family_processor_s

Ask = Callable[[int], Awaitable[dict[str, Any]]]
"""Has a peer exchange so many messages; returns seconds of each part, processor time, and how many were done."""

STARTS_IN_S, ANSWERS_IN_S = 60, 300
LINE_BYTES = 1 << 26


class Program:
    """A running program that answers line by line."""

    def __init__(self, process: asyncio.subprocess.Process, name: str) -> None:
        self.pid = process.pid
        self._process = process
        self._name = name

    async def hear(self, within_s: float) -> dict[str, Any]:
        """Return the next line it says. Raises ``RuntimeError`` if it ends, ``TimeoutError`` if it stays silent."""
        assert self._process.stdout is not None  # noqa: S101  (it was started with a pipe)
        line = await asyncio.wait_for(self._process.stdout.readline(), within_s)
        if not line:
            raise RuntimeError(f"{self._name} ended with status {await self._process.wait()} and said nothing")
        said: dict[str, Any] = json.loads(line)
        return said

    async def ask(self, count: int) -> dict[str, Any]:
        """Have it do its work ``count`` times; return what it says of it."""
        assert self._process.stdin is not None  # noqa: S101
        self._process.stdin.write(f"{count}\n".encode())
        await self._process.stdin.drain()
        return await self.hear(ANSWERS_IN_S)


@asynccontextmanager
async def program(*command: str, environ: Mapping[str, str] | None = None) -> AsyncIterator[tuple[Program, Any]]:
    """Run ``command``; yield it with the first line of JSON it says; end it on the way out."""
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, limit=LINE_BYTES, env=environ)
    running = Program(process, command[-1])
    try:
        yield running, await running.hear(STARTS_IN_S)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def with_receiver(ask: Ask, receiver: int) -> Ask:
    """Return ``ask`` with the processor time that process ``receiver`` and its children spent on the answer added."""

    async def both(count: int) -> dict[str, Any]:
        before = family_processor_s(receiver)
        told = await ask(count)
        return told | {"processor_s": told["processor_s"] + family_processor_s(receiver) - before}

    return both


def module(name: str, *arguments: str) -> tuple[str, ...]:
    """Return the command that runs a module of ours."""
    return sys.executable, "-m", name, *arguments
