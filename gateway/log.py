"""
The log of a process: JSON lines with allow-listed keys, also for what the libraries say.

Rule 1: a line carries keys of ``LOG_KEYS`` and nothing else, and one that names a case carries none of ``WHY``.
Rule 2: of what a library says, its name and the type of the error are told, never its words: an exception, or a task
that nobody waited for, quotes whatever it held.
Rule 3: a log that cannot be written stops nothing.
"""

import logging
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
import securesystemslib
import structlog

LOG_KEYS = frozenset(
    {"event", "level", "timestamp", "request", "ref", "source", "target", "step", "code", "reason", "type", "partner"}
    | {"state", "desk", "rule", "status", "error", "hint", "seq", "country", "count", "port"}
    | {"digest", "kid", "process", "library", "node", "other", "parts", "before", "until"}
)
"""The only keys a log line may carry; whatever else is bound is dropped before it is written."""

WHY = frozenset({"rule", "reason"})
"""Keys that tell why something waits or was refused: beside a reference they would say what a case is about."""

Log = Callable[..., None]
"""Writes one line: the event, and values by key."""


class _Lines:
    """
    Writes lines to a stream, and neither fails nor waits for itself.

    A log that cannot be written must not stop what it tells of. Lines that the stream did not take at once are counted,
    and the count is told when it takes them again; a buffer may still bring some of those counted. The collector of
    garbage may run in the middle of a line, and what it finds has to be told too: that is written after the line.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._waiting: deque[str] = deque()
        self._one = threading.RLock()
        self._writing = False
        self._lost = 0

    def info(self, line: str) -> None:
        """Write ``line``."""
        with self._one:
            self._waiting.append(line)
            if self._writing:
                return
            self._writing = True
            try:
                while self._waiting:
                    self._take(self._waiting.popleft())
            finally:
                self._writing = False

    def _take(self, line: str) -> None:
        if not self._wrote(line):
            self._lost += 1
        elif self._lost and self._wrote(_rendered({"event": "log.lost", "level": "error", "count": self._lost})):
            self._lost = 0

    def _wrote(self, line: str) -> bool:
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except (OSError, ValueError, RuntimeError):  # a full disk, a closed pipe or file, a stream that is busy
            return False
        return True


def _rendered(values: Mapping[str, Any]) -> str:
    keys = LOG_KEYS - WHY if "ref" in values else LOG_KEYS
    allowed = {key: value for key, value in values.items() if key in keys}
    allowed["timestamp"] = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    try:
        return orjson.dumps(allowed, default=str).decode()
    except TypeError:  # a path that is not UTF-8, a number that is too long: told as Python would show it
        return orjson.dumps({key: ascii(value) for key, value in allowed.items()}).decode()


def configure_log(stream: Any = None, level: int = logging.INFO) -> Log:
    """Return the log: JSON lines on ``stream`` (standard error), allow-listed keys only. Writing never raises."""

    def render(logger: Any, method: str, event: Any) -> str:
        return _rendered({"level": method} | event)

    logger = structlog.wrap_logger(
        _Lines(stream or sys.stderr),
        processors=[
            structlog.contextvars.merge_contextvars,
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
    ).bind()  # bound once: the lazy proxy would build its processors anew for every line

    def log(event: str, **values: Any) -> None:
        logger.info(event, **values)

    return log


class _Libraries(logging.Handler):
    """Tells of a record from which library it came and which error it is about."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line; a record may name the type of its error in ``extra`` as ``caught``."""
        caught = record.exc_info[0] if record.exc_info else getattr(record, "caught", None)
        _tell(self._log, "error" if record.levelno >= logging.ERROR else "warning", record.name, caught)


def hear_libraries(log: Log) -> None:
    """Let everything that libraries, and Python itself, would write to standard error go through ``log``."""
    logging.captureWarnings(True)
    logging.basicConfig(handlers=[_Libraries(log)], force=True)
    logging.getLogger(securesystemslib.__name__).handlers.clear()  # it gave itself one that writes to standard error

    def lost(caught: Any) -> None:
        _tell(log, "error", "python", caught.exc_type)

    sys.unraisablehook = lost
    threading.excepthook = lost


def _tell(log: Log, level: str, library: str, caught: object) -> None:
    error = {"error": caught.__name__} if isinstance(caught, type) else {}  # a type: it quotes nobody
    log(f"library.{level}", level=level, library=library, **error)
