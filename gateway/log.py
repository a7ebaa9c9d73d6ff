"""
The log of a process: JSON lines with allow-listed keys, also for what the libraries say.

Rule 1: a line carries keys of ``LOG_KEYS`` and nothing else.
Rule 2: of what a library says, its name and the type of the error are told, never its words: an exception, or a task
that nobody waited for, quotes whatever it held.
"""

import logging
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog

LOG_KEYS = frozenset(
    {"event", "level", "timestamp", "request", "ref", "source", "target", "step", "code", "reason", "type", "partner"}
    | {"state", "desk", "rule", "status", "error", "hint", "seq", "country", "count", "port", "listener", "posted"}
    | {"digest", "role", "kid", "process", "library"}
)
"""The only keys a log line may carry; whatever else is bound is dropped before it is written."""

Log = Callable[..., None]
"""Writes one line: the event, and values by key."""


def configure_log(stream: Any = None, level: int = logging.INFO) -> Log:
    """Return the log: JSON lines on ``stream`` (standard error), allow-listed keys only."""

    def render(logger: Any, method: str, event: Any) -> str:
        allowed = {key: value for key, value in event.items() if key in LOG_KEYS}
        allowed["level"], allowed["timestamp"] = method, f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
        return orjson.dumps(allowed, default=str).decode()

    logger = structlog.wrap_logger(
        structlog.WriteLogger(stream or sys.stderr),
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
        """Write one line; a record may name the type of its error in ``extra`` as ``error``."""
        caught = record.exc_info[0] if record.exc_info else None
        error = caught.__name__ if caught else getattr(record, "error", None)
        self._log("library.warning" if record.levelno < logging.ERROR else "library.error", **_said(record.name, error))


def hear_libraries(log: Log) -> None:
    """Let everything that libraries, and Python itself, would write to standard error go through ``log``."""
    logging.captureWarnings(True)
    logging.basicConfig(handlers=[_Libraries(log)], force=True)

    def lost(caught: Any) -> None:
        log("library.error", **_said("python", caught.exc_type.__name__))

    sys.unraisablehook = lost
    threading.excepthook = lost


def _said(library: str, error: str | None) -> dict[str, str]:
    return {"library": library} | ({"error": error} if error else {})
