"""Instants as text."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from keys import instants
from tests.support.rows import for_each


def test_round_trip() -> None:
    """An instant is written and read in one form."""
    instant = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
    assert "2026-02-03T04:05:06Z" == instants.serialize(instant)
    assert instant == instants.parse("2026-02-03T04:05:06Z")


def test_serialize_turns_into_utc() -> None:
    """Another zone is turned into UTC, and parts of seconds are cut."""
    there = timezone(timedelta(hours=2))
    assert "2026-02-03T02:05:06Z" == instants.serialize(datetime(2026, 2, 3, 4, 5, 6, 999_999, tzinfo=there))


def test_serialize_refuses_naive() -> None:
    """An instant without a zone is not one."""
    with pytest.raises(ValueError, match="zone"):
        instants.serialize(datetime(2026, 2, 3))


@for_each(
    "text",
    [
        "2026-02-03T04:05:06",
        "2026-02-03T04:05:06z",
        "2026-02-03 04:05:06Z",
        "2026-02-30T04:05:06Z",
        "2026-02-03T24:00:00Z",
        "2026-02-03T04:05:60Z",
        "2026-02-03T04:05:06.0Z",
        "2026-02-03T04:05:06+00:00",
        "2026-W06-2T04:05:06Z",
        "20260203T040506.000Z",
        "2026-02-03T04:05+00Z",
        "00010101T000000+0100",
        "99991231T235959-0100",
    ],
)
def test_parse_refuses(text: str) -> None:
    """Only the one form is read."""
    with pytest.raises(ValueError, match=r"."):
        instants.parse(text)
