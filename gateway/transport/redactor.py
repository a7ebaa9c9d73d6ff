"""
Have free words read in another process, which is started at the first remark and stays.

Rule 1: a remark has ``TIME_LIMIT_S`` seconds. A process that is late, dies, or says what is no answer is ended, the
remark is held with a code, and the next remark starts another process.
Rule 2: one remark is read at a time, and what waits is bounded: whoever comes when too many wait is held at once.
Rule 3: what the process answers is checked before it is believed: it names the question, so that an answer to another
text is none to this one. Its words come back into no log.
"""

import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from gateway.redaction.language import LANGUAGES
from gateway.services.ports import Redacted
from gateway.transport.redaction_worker import FAILED, LINE_MAX_BYTES

TIME_LIMIT_S: Final = 5.0
"""What a remark may take; it usually takes a hundredth of it. Starting the process counts apart."""

START_LIMIT_S: Final = 30.0
"""What the process may take to read its models, on a slow machine with a cold disk."""

WAITING_MAX: Final = 16

TIMED_OUT: Final = "recogniser-timeout"
BUSY: Final = "recogniser-busy"


class WorkerRedactor:
    """Reads free words, one text at a time. The ``Redactor`` of a gateway."""

    def __init__(
        self,
        command: Sequence[str] = (),
        *,
        time_limit_s: float = TIME_LIMIT_S,
        start_limit_s: float = START_LIMIT_S,
    ) -> None:
        """``command`` is what runs in place of the worker, in tests."""
        # -P: not from the directory the gateway was started in.
        self._command = tuple(command) or (sys.executable, "-P", "-m", "gateway.transport.redaction_worker")
        self._time_limit_s, self._start_limit_s = time_limit_s, start_limit_s
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._asked = 0
        self._worker: asyncio.subprocess.Process | None = None

    async def redact(self, text: str, language: str) -> Redacted:
        """Return what is to be taken out of ``text``; whatever goes wrong is a reason for which it is held."""
        if self._waiting >= WAITING_MAX:
            return Redacted((), (BUSY,), None)
        self._waiting += 1
        try:
            async with self._turn:
                return await self._read(text, language)
        finally:
            self._waiting -= 1

    async def close(self) -> None:
        """End the process."""
        async with self._turn:
            await self._end()

    async def _read(self, text: str, language: str) -> Redacted:
        try:
            worker = await self._started()
            answer = await self._ask(worker, text, language, self._time_limit_s)
            return _checked(answer, text)
        except TimeoutError:
            await self._end()
            return Redacted((), (TIMED_OUT,), None)
        except asyncio.CancelledError:
            # Its answer would be taken for that of the next remark.
            await self._end()
            raise
        except Exception:
            await self._end()
            return Redacted((), (FAILED,), None)

    async def _started(self) -> asyncio.subprocess.Process:
        """Return the process, with its models read. Raises what goes wrong."""
        if self._worker is not None and self._worker.returncode is None:
            return self._worker
        self._worker = await asyncio.create_subprocess_exec(
            *self._command,
            # Where its code lies, and nothing else: no other place to take code from, and no environment with a secret.
            env={"PYTHONPATH": os.pathsep.join((_ROOT, *(path for path in sys.path if path.endswith("-packages"))))},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=LINE_MAX_BYTES,
        )
        await self._ask(self._worker, _WARMING, "en", self._start_limit_s)
        return self._worker

    async def _ask(
        self, worker: asyncio.subprocess.Process, text: str, language: str, limit_s: float
    ) -> Mapping[str, Any]:
        if worker.stdin is None or worker.stdout is None:
            raise ChildProcessError("the worker has no pipes")
        self._asked += 1
        async with asyncio.timeout(limit_s):
            worker.stdin.write(json.dumps({"id": self._asked, "text": text, "language": language}).encode() + b"\n")
            await worker.stdin.drain()
            line = await worker.stdout.readline()
        answer = json.loads(line)
        if not isinstance(answer, dict):
            raise TypeError("an answer is an object")
        if answer["id"] != self._asked:
            raise ValueError("an answer to another question")
        return answer

    async def _end(self) -> None:
        worker, self._worker = self._worker, None
        if worker is None:
            return
        if worker.returncode is None:
            with suppress(ProcessLookupError):
                worker.kill()
        # Its end is told once all it said has been read, and asyncio reads no more than fits.
        await worker.communicate()


_ROOT: Final = str(Path(__file__).resolve().parents[2])
"""Where the package ``gateway`` lies."""

_WARMING: Final = "The person was here on Monday and asked for a letter."
"""Read once, so that the models are in memory before the first remark is timed."""


def _checked(answer: Mapping[str, Any], text: str) -> Redacted:
    """Return ``answer`` if it is one about ``text``. Raises ``ValueError``, ``TypeError``, ``LookupError``."""
    reasons = tuple(str(code) for code in answer["reasons"])
    if not isinstance(answer["block"], bool) or answer["block"] != bool(reasons):
        raise ValueError("what is blocked has a reason, and what has a reason is blocked")
    spans, last = [], 0
    for one in answer["spans"]:
        start, end, kind = one["start"], one["end"], one["type"]
        if not (isinstance(start, int) and isinstance(end, int) and last <= start < end <= len(text)):
            raise ValueError("spans overlap, or lie outside the text")
        spans.append((start, end, str(kind)))
        last = end
    language = answer["language"]
    if language is not None and language not in LANGUAGES:
        raise ValueError("a language that nobody here can read")
    return Redacted(tuple(spans), reasons, language)
