"""Instants as text: RFC 3339 in UTC with whole seconds and the letter Z, and no other form."""

from datetime import UTC, datetime

_LENGTH = len("2026-01-01T00:00:00Z")


def parse(text: str) -> datetime:
    """Return the instant that ``text`` names, aware and in UTC. Raises ``ValueError`` for any other form."""
    if len(text) != _LENGTH or text[-1] != "Z":  # in another zone the first and last days have no equal in UTC
        raise ValueError("not an instant in UTC with whole seconds")
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None or serialize(instant) != text:
        raise ValueError("not an instant in UTC with whole seconds")
    return instant.astimezone(UTC)


def serialize(instant: datetime) -> str:
    """Return ``instant`` (aware) in UTC, cut to whole seconds. Raises ``ValueError`` for a naive one."""
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return instant.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"
