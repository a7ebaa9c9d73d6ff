"""
The form of the rows in the tables of an evidence file.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from gateway.core import wire
from gateway.core.evidence import CLOCKS, DIGEST, EVENTS, GONE, MESSAGES, OPENINGS, RECEIVED, SENT
from keys import instants

Form = Mapping[str, Callable[[Any], bool]]


def is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= 400


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(DIGEST, value) is not None


def is_bool(value: Any) -> bool:
    return isinstance(value, bool)


def _reads(parse: Callable[[str], object]) -> Callable[[Any], bool]:
    def check(value: Any) -> bool:
        try:
            parse(value)
        except (ValueError, TypeError, OverflowError):
            return False
        return True

    return check


_is_instant = _reads(instants.parse)


def _is_day(value: Any) -> bool:
    # Days are compared as text, so only the one text of each day will do.
    return _reads(date.fromisoformat)(value) and date.fromisoformat(value).isoformat() == value


def _maybe(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or check(value)


def _one_of(*values: str | None) -> Callable[[Any], bool]:
    return lambda value: value in values if isinstance(value, str | None) else False


FORMS: Mapping[str, Form] = {
    MESSAGES: {
        "direction": _one_of(SENT, RECEIVED),
        "type": is_text,
        "id": is_text,
        "epoch": _is_count,
        "seq": _maybe(_is_count),
        "digest": _is_digest,
        "queued_at": _maybe(_is_instant),
        "posted_at": _maybe(_is_instant),
        "received_at": _maybe(_is_instant),
        "answered_at": _maybe(_is_instant),
        "expires_at": _is_instant,
        "state": _maybe(is_text),
        "status": _one_of(wire.ACCEPTED, wire.REFUSED, None),
        "code": _maybe(is_text),
    },
    EVENTS: {
        "at": _is_instant,
        "event": is_text,
        "actor": _maybe(is_text),
        "role": _maybe(is_text),
        "source": _maybe(is_text),
        "target": _maybe(is_text),
        "digest": _maybe(_is_digest),
    },
    CLOCKS: {
        "step": is_text,
        "version": _is_count,
        "cause": is_text,
        "current": is_bool,
        "instrument": is_text,
        "start_event": is_text,
        "evidence": _is_digest,
        "start_on": _is_day,
        "soft_on": _maybe(_is_day),
        "due_on": _is_day,
        "due_at": _is_instant,
        "calendar": is_text,
        "calendar_version": is_text,
        "zone": is_text,
        "reason": _maybe(is_text),
        "confidence": is_text,
    },
    OPENINGS: {
        "receipt": is_text,
        "proof": is_text,
        "keeper": is_text,
        "origin": is_text,
        "index": _is_count,
        "r": _is_digest,
    },
    GONE: {"what": is_text, "digest": _maybe(_is_digest), "reason": is_text},
}
"""The members of each row, in their order, and what each must be."""

LATER: Mapping[str, frozenset[str]] = {CLOCKS: frozenset({"confidence"})}
"""Members that the rows of a file from before they were kept lack; it is as whole as any other."""
