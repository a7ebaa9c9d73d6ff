"""The board's read model: what it cannot hold, what it cannot open, and which part of the list a case is in."""

import ast
import dataclasses
import inspect
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta

from gateway.core.calendars import Calendar, end_of_day
from gateway.core.case import Case
from gateway.services import board, inquire
from gateway.services.board import Band, Board, Filter
from gateway.services.inquire import AskedRow, WatchRow
from tests.support import story
from tests.support.network import Network

TYPES = (WatchRow, AskedRow, board.Watched, board.Counts, board.ReplyTimes, board.Filter)
OPENS = (
    "gateway.services.cases",
    "keys.rest",
    "gateway.storage",
    "gateway.services.context",
    "gateway.services.ports",
    "gateway.services.rows",
)
"""What a case is opened with."""


def test_no_field_of_the_read_model_can_hold_an_identity() -> None:
    """The fields are references, codes, instants and counts; none is one of those in which a case names a person."""
    naming = {"draft", "received", "record", "said", "pending", "reply", "delay", "notices", "interview", "asked"}
    assert naming <= {field.name for field in dataclasses.fields(Case)}
    for kind in TYPES:
        names = {field.name for field in dataclasses.fields(kind)}
        assert not names & (naming | {"name", "names", "elements", "sealed", "body", "person", "thread", "purpose"}), (
            kind
        )
        for field in dataclasses.fields(kind):
            assert "Any" not in str(field.type), (kind, field.name)
            assert "bytes" not in str(field.type), (kind, field.name)


def test_the_module_imports_nothing_that_opens_a_case() -> None:
    """Neither the read model nor anything it imports brings the store, the vault, or what unseals a case with it."""
    for module in (board, inquire):
        tree = ast.parse(inspect.getsource(module))
        named = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not named & set(OPENS), module
    code = f"import sys, gateway.services.board; print([one for one in {OPENS[:3]!r} if one in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]" == done.stdout.strip()


def board_of(network: Network) -> Board:
    """Return the board of XAA."""
    gateway = network.gateways["XAA"]
    return Board(gateway.inquiries, gateway.context.reckoner, tuple(gateway.context.partners))


async def test_a_case_goes_from_part_to_part_as_its_date_passes(network: Network) -> None:
    """In time, due soon, due today, late, very late: by working days of the State that owes; counts say the same."""
    ref, _ = await story.acknowledged(network)
    watching = board_of(network)
    row = await story.row(network, "XAA", ref)
    calendar = network.gateways["XAA"].context.reckoner.calendars["XBB"]
    noon = timedelta(hours=-12)
    for day, band in (
        (calendar.add_working(row.due_on, -4), Band.OPEN),
        (calendar.add_working(row.due_on, -3), Band.SOON),
        (row.due_on, Band.DUE),
        (calendar.add_working(row.due_on, 1), Band.LATE),
        (calendar.add_working(row.due_on, 9), Band.LATE),
        (calendar.add_working(row.due_on, 10), Band.VERY_LATE),
    ):
        now = end_of_day(day, calendar.zone) + noon
        (shown,) = await watching.rows(Filter(), now, limit=9)
        assert (ref, band) == (shown.row.ref, shown.band), day
        for part in Band:
            found = await watching.rows(Filter(band=part), now, limit=9)
            assert ([ref] if part is band else []) == [one.row.ref for one in found], (day, part)
        (counts,) = await watching.counts(now)
        assert {one: int(one is band) for one in Band} == dict(counts.of)
        assert ("L3" if band is Band.VERY_LATE else None) == (shown.level if shown.level == "L3" else None)


async def test_a_case_without_a_date_is_undated(network: Network) -> None:
    """What was sent and not receipted yet has no date, and stands in its own part."""
    ref = await story.sent(network)
    watching, now = board_of(network), network.clock.now()
    (shown,) = await watching.rows(Filter("XBB", Band.UNDATED), now, limit=9)
    assert (ref, Band.UNDATED, None) == (shown.row.ref, shown.band, shown.level)
    assert [] == list(await watching.rows(Filter(band=Band.OPEN), now, limit=9))


async def test_what_nothing_is_waited_for_in_is_not_there(network: Network) -> None:
    """A draft, a stopped case, an answered one, and one in which we are asked are no rows."""
    gateway = network.gateways["XAA"]
    drafted = await gateway.clear.new(story.draft(), "first")
    stopped, _ = await story.acknowledged(network)
    await gateway.hold.freeze(stopped, "asked for", "second", "liaison_officer")
    answered, theirs = await story.replied(network)
    watching, now = board_of(network), network.clock.now()
    assert [] == list(await watching.rows(Filter(), now, limit=9))
    for ref in (drafted, stopped, answered):
        assert await watching.find(ref, now) is None
    other = network.gateways["XBB"]
    asked = Board(other.inquiries, other.context.reckoner, tuple(other.context.partners))
    assert await asked.find(theirs, now) is None


def test_outside_its_calendar_a_state_is_counted_by_weekdays() -> None:
    """Where a calendar does not speak about the days, weekdays are counted instead of none."""
    short = Calendar("X", "1", "UTC", {}, date(2026, 11, 25), date(2026, 11, 26))
    very_late, due, soon = board._ends_on(short, date(2026, 11, 25))
    assert datetime(2026, 11, 26, tzinfo=UTC) == due
    assert very_late < due < soon
