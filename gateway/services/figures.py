"""
Releasing figures: from the cases and from what was kept of erased ones, to a table in the ledger.

Rule 1: a table is shown once for a direction and a period, and what was shown is in the ledger for good.
Rule 2: each new table is tested against all before it, for the readers of each kind.
Rule 3: one person of an overseeing office releases a table; one that tells about single States needs a second person,
of foreign affairs.
Rule 4: what is kept of an erased case is its course: no reference, no person, no day. It is sealed, for its durations
are those of the steps that stay in clear, and so lead to the case and tell what was answered in it.
Rule 5: a quarter is counted as it stood when the first table of it was shown, in every table of counts that holds it,
or the difference of two tables would tell what became of somebody in between.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from itertools import product
from typing import Any

from gateway.core import figures
from gateway.core.deadlines import CONDITIONAL
from gateway.core.escalation import answered_clock
from gateway.core.figures import PUBLIC, TABLES, Course, File, Step, Table
from gateway.core.instruments import POLICY_DEFAULT, Rule
from gateway.core.suppress import ONE_ROW, TOTAL, Cells, Key, Shape, Shown
from gateway.services import cases
from gateway.services.context import Context, Forbidden, acting
from gateway.services.journal import fill_journal
from gateway.services.ports import Tx
from gateway.services.rows import CaseRow, ReleaseRow
from keys import b64
from schemas import ijson

RELEASERS = frozenset({"coordinator", "dpo"})
"""Offices that release tables."""

SECOND = "foreign_affairs"
"""The office that signs too where a table tells about single States."""

_NOTICES = frozenset({"notify_delay", "extend", "delay", "extension"})
"""Steps by which a notice of delay is given, or comes."""

_SEALED = "figures.sealed"

_COURSE_SIZE = 1024
"""What the course of an erased case is filled up to: one with every step has some 500 bytes."""


class CannotRelease(ValueError):
    """There is no such table or period, it is too early, or it was shown before; says which."""


@dataclass(frozen=True, slots=True)
class Release:
    """One table as it was shown; ``number`` is its place in the ledger."""

    number: int
    at: datetime
    table: Table
    direction: str
    period: str
    first: str
    second: str | None
    shape: Shape
    cells: Cells

    def shown(self) -> Shown:
        """Return the table as the test against later ones sees it."""
        return Shown(self.table.rows, self.table.columns, figures.quarters(self.period), self.shape, self.cells)


async def course_of(context: Context, tx: Tx, row: CaseRow, now: datetime) -> Course | None:
    """Return the course of a case that is not erased; ``None`` if its request never arrived, or nobody is behind it."""
    case = cases.unseal(context, row).case
    if case.exercise:
        return None
    clock = answered_clock(case)
    steps = [Step(event.at, event.event, event.target) for event in await tx.events(row.ref)]
    # A second look is told of by notices of its own: the row has those of the last look alone.
    names = {step.event for step in steps}
    told = row.delay_notice or ("contest" in names and bool(names & _NOTICES))
    file = File(
        direction=row.side,
        partner=row.partner,
        instrument=clock.instrument if clock else row.instrument or "",
        extended=row.extended,
        delay_notice=told,
        reply=case.reply,
        due_at=clock.due_at if clock else None,
    )
    return figures.course(file, steps, now)


async def keep(context: Context, tx: Tx, ref: str, now: datetime) -> None:
    """Keep the course of the case ``ref``, which the same transaction erases; of one erased before nothing is left."""
    course = await _readable(context, tx, ref, now)
    if course is not None:
        await tx.add_figure(sealed(context, course))


def sealed(context: Context, course: Course) -> str:
    """Return the course of an erased case as it is kept: under the gateway's key, filled up so that no length tells."""
    raw = ijson.dumps(course.to_dict()).ljust(_COURSE_SIZE)
    return b64.encode(context.vault.seal_own("figure", "erased", "course", raw))


def _opened(context: Context, kept: str) -> Course:
    if kept.startswith("{"):  # by an earlier version, on another node or before the last start
        return Course.from_dict(ijson.loads(kept.encode()))
    raw = context.vault.open_own("figure", "erased", "course", b64.decode(kept))
    return Course.from_dict(ijson.loads(raw.rstrip(b" ")))


async def seal_kept(context: Context) -> None:
    """Seal, once, the courses that earlier versions kept in clear, and have the files cleaned of them."""
    if await context.store.read(partial(_meta, _SEALED)):
        return

    async def unit(tx: Tx) -> None:
        kept = [_opened(context, text) for text in await tx.kept_figures()]
        await tx.drop_figures()
        for one in kept:
            await tx.add_figure(sealed(context, one))
        if kept:
            await fill_journal(tx)
        await tx.set_meta(_SEALED, "yes")

    await context.commit(unit)


async def courses(context: Context, now: datetime) -> tuple[Course, ...]:
    """
    Return the course of every case, those of erased ones as they were kept.

    A part of them in each transaction. What was erased meanwhile would be counted twice, or not at all: then anew.
    """

    async def unit(tx: Tx, refs: Sequence[str]) -> list[Course]:
        return [course for ref in refs if (course := await _readable(context, tx, ref, now)) is not None]

    while True:
        kept = await context.store.read(lambda tx: tx.kept_figures())
        found = [_opened(context, text) for text in kept]
        async for refs in cases.parts(context):
            found += await context.store.read(partial(unit, refs=refs))
        if await context.store.read(lambda tx: tx.kept_figures()) == kept:
            return tuple(found)


async def _readable(context: Context, tx: Tx, ref: str, now: datetime) -> Course | None:
    """Return the course of the case ``ref``; ``None`` if it was erased, has none, or cannot be read."""
    row = await tx.find_case(ref)
    if row is None or row.wrapped_key is None or row.sealed is None:
        return None
    try:
        return await course_of(context, tx, row, now)
    except Exception as error:
        # Neither an erasure nor a table fails for one case: it counts in no figure.
        context.log("case.unreadable", ref=ref, error=type(error).__name__)
        return None


async def release(
    context: Context, name: str, direction: str, period: str, person: str, role: str, second: str | None = None
) -> Release:
    """
    Show a table, and enter it in the ledger.

    Args:
        context: the gateway.
        name: one of ``TABLES``.
        direction: ``requesting`` or ``requested``.
        period: a year or a quarter that ended a whole quarter ago.
        person: who releases it, in office and in ``role``, one of ``RELEASERS``.
        role: see ``person``.
        second: for a table that tells about single States, another person of foreign affairs.

    Raises ``Forbidden``, ``CannotRelease``, and ``Conflict`` if another was released meanwhile.
    """
    now = context.clock.now()
    table = _checked(name, direction, period, context.surely(now))
    _check_persons(context, table, person, role, second, now)
    before = await ledger(context)
    if any((one.table.name, one.direction, one.period) == (name, direction, period) for one in before):
        raise CannotRelease("this table was shown before; isthmus stats list has it")
    live = await courses(context, now)
    rest = {} if table.durations else await _standing(context, live, direction, period)
    counted = tuple(one for part in rest.values() for one in part)
    counted = figures.chosen(live, direction, period) if table.durations else counted
    rows = _rows(context, table, counted)
    if table.durations:
        shape, cells = figures.shape_of(table, rows), figures.tabulate_durations(table, rows, counted)
    else:
        same = [(one.table.audience, one.shown()) for one in before if _adds_up_with(one, direction)]
        made = figures.tabulate(table, rows, period, counted, same, _bound(context, direction, period, counted, same))
        shape, cells = made.shape, made.cells
    known = len(before)

    async def enter(tx: Tx) -> int:
        if len(await tx.releases()) != known:
            raise CannotRelease("another table was shown meanwhile; try again")
        for quarter, standing in rest.items():
            await tx.set_meta(_place(direction, quarter), _frozen(context, direction, quarter, standing))
        text = ijson.dumps(content_json(table, direction, period, cells)).decode()
        return await tx.add_release(ReleaseRow(0, now, name, direction, period, person, second, text))

    number: int = (await context.commit(enter)).value
    context.log("figures.released", count=number)
    return Release(number, now, table, direction, period, person, second, shape, cells)


async def _standing(
    context: Context, live: Sequence[Course], direction: str, period: str
) -> dict[str, tuple[Course, ...]]:
    """Return the courses of each quarter of a period: as they stood when it was first shown, or as they stand now."""
    found = {}
    for quarter in figures.quarters(period):
        kept = await context.store.read(partial(_meta, _place(direction, quarter)))
        found[quarter] = (
            _thawed(context, direction, quarter, kept) if kept else figures.chosen(live, direction, quarter)
        )
    return found


async def _meta(name: str, tx: Tx) -> str | None:
    return await tx.find_meta(name)


def _place(direction: str, quarter: str) -> str:
    return f"figures.{direction}.{quarter}"


def _frozen(context: Context, direction: str, quarter: str, courses: Sequence[Course]) -> str:
    """Return courses without their durations, sealed: what is shown of them is for the tables alone to say."""
    raw = ijson.dumps({"courses": [replace(one, spans=()).to_dict() for one in courses]})
    return b64.encode(context.vault.seal_own("figures", direction, quarter, raw))


def _thawed(context: Context, direction: str, quarter: str, kept: str) -> tuple[Course, ...]:
    raw = context.vault.open_own("figures", direction, quarter, b64.decode(kept))
    return tuple(Course.from_dict(one) for one in ijson.loads(raw)["courses"])


def _checked(name: str, direction: str, period: str, now: datetime) -> Table:
    table = TABLES.get(name)
    if table is None:
        raise CannotRelease(f"there is no table of this name; there are {', '.join(TABLES)}")
    if direction not in figures.DIRECTIONS:
        raise CannotRelease(f"a direction is one of {', '.join(figures.DIRECTIONS)}")
    try:
        earliest = figures.released_from(period)
    except ValueError as error:
        raise CannotRelease(str(error)) from error
    if now.date() < earliest:
        raise CannotRelease(f"figures of {period} may be shown from {earliest.isoformat()} on")
    return table


def _check_persons(context: Context, table: Table, person: str, role: str, second: str | None, now: datetime) -> None:
    acting(context, person, role, now)
    if role not in RELEASERS:
        raise Forbidden(f"the role '{role}' releases no figures", f"one of {', '.join(sorted(RELEASERS))} does")
    if not table.counterpart:
        return
    if second is None or second == person:
        raise Forbidden("figures about single States are released by two different persons", f"name one of {SECOND}")
    acting(context, second, SECOND, now)


def _adds_up_with(one: Release, direction: str) -> bool:
    return one.direction == direction and not one.table.durations


def _rows(context: Context, table: Table, counted: Sequence[Course]) -> list[str]:
    """Return every row the table can have: all partners or agreements known here, so that no row tells by itself."""
    if not table.rows:
        return []
    known = set(context.partners) if table.rows == "partner" else {one.id for one in context.reckoner.instruments}
    return sorted(known | {str(getattr(one, table.rows)) for one in counted})


def _bound(
    context: Context, direction: str, period: str, counted: Sequence[Course], before: Sequence[tuple[str, Shown]]
) -> dict[str, frozenset[str]]:
    """Return under which agreements each State is, or was, asked in a direction: whoever reads the law knows them."""
    quarters = {*figures.quarters(period), *(one for _, shown in before for one in shown.periods)}
    days = [datetime(int(one[:4]), int(one[5]) * 3 - month, 1, tzinfo=UTC) for one in quarters for month in range(3)]
    partners = {*context.partners, *(one.partner for one in counted)}
    found = {partner: {one.instrument for one in counted if one.partner == partner} for partner in partners}
    for partner, day in product(partners, days):
        pair = (context.country, partner) if direction == "requesting" else (partner, context.country)
        found[partner] |= _governing(context.reckoner.rules(*pair, "reply", day))
    return {partner: frozenset(names) for partner, names in found.items()}


def _governing(rules: Sequence[Rule]) -> set[str]:
    """Return the agreements whose clock may run for a reply; the policy default only where no other always does."""
    others = {rule.instrument for rule in rules if rule.instrument != POLICY_DEFAULT}
    always = any(rule.start_event not in CONDITIONAL for rule in rules if rule.instrument != POLICY_DEFAULT)
    return others if always else {rule.instrument for rule in rules}


def content_json(table: Table, direction: str, period: str, cells: Cells) -> dict[str, Any]:
    """Return a table as JSON values: its cells row by row, ``null`` where one is hidden, sums last."""
    rows = list(dict.fromkeys(row for row, _ in cells))
    columns = list(dict.fromkeys(column for _, column in cells))
    return {
        "table": table.name,
        "title": table.title,
        "audience": table.audience,
        "minimum": figures.MINIMUM[table.audience],
        "direction": direction,
        "period": period,
        "rows": rows,
        "columns": columns,
        "cells": [[cells[row, column] for column in columns] for row in rows],
    }


def _parse(row: ReleaseRow) -> Release:
    value = ijson.loads(row.content.encode())
    cells: dict[Key, int | None] = {
        (across, down): cell
        for across, line in zip(value["rows"], value["cells"], strict=True)
        for down, cell in zip(value["columns"], line, strict=True)
    }
    rows = tuple(one for one in value["rows"] if one != TOTAL) or ONE_ROW
    shape = Shape(rows, tuple(one for one in value["columns"] if one != TOTAL))
    table = replace(TABLES[row.name], title=value["title"], audience=value["audience"])
    return Release(row.number, row.at, table, row.direction, row.period, row.first, row.second, shape, cells)


async def ledger(context: Context, audience: str | None = None) -> tuple[Release, ...]:
    """Return every table that was shown, in order; with ``audience`` ``public`` those alone that everybody may see."""
    rows = await context.store.read(lambda tx: tx.releases())
    found = tuple(map(_parse, rows))
    return tuple(one for one in found if one.table.audience == PUBLIC) if audience == PUBLIC else found
