"""
Write the pages of the state tables from their rows: ``python -m tools.draw_tables [--check]``.

``docs/state-table-v.md`` has the rows of a verification and of what is said about its data, ``docs/state-table-r.md``
those of a return. ``--check`` writes nothing and ends with 1 if a page is not what the rows say.
"""

import re
import sys
from collections.abc import Iterable
from pathlib import Path

from gateway.core.case import Side, State
from gateway.core.machine import KEEP, LEARN, LET_GO, STAY, Row
from gateway.core.returns import REQUESTED_RETURN, REQUESTING_RETURN
from gateway.core.tables import MARKS, table_for
from gateway.core.verification import GATEWAY, MAY_FREEZE, PARTNER, STOP

DOCS = Path(__file__).parents[1] / "docs"

VERIFICATION = """# State table V

How a verification moves, and what may be said afterwards about data that was sent, drawn from the rows in
`gateway/core/verification.py` and `gateway/core/notices.py`. Why the rows are as they are is in
[decision 0006](decisions/0006-state-table-v.md). A positive reply may lead on into [table R](state-table-r.md), which
also has the rows by which a suspended case goes on: they are the same for both."""

RETURN = """# State table R

How a return goes on in the case of a positive reply, drawn from the rows in `gateway/core/returns.py`. Why the rows are
as they are is in [decision 0010](decisions/0010-state-table-r.md). How the case got there, and what may be said about
data that was sent, is in [table V](state-table-v.md)."""

LEGEND = f"""
Do not edit this page: change a row and run `python -m tools.draw_tables`. A test compares the two.

A row holds in each state of its first column. *stays* leaves the state as it is. *let go* returns to the state the
case was in before it was stopped once nobody holds it any more, and suspends it until then. *kept* leaves a stopped
case where it is and moves the state it will go on in, by the row of that state and with its guards; *learnt* does so
where that state has such a row.

`{GATEWAY}` is this gateway itself, on a receipt or a timer; `{STOP}` is this gateway too, where another case of the
same person is stopped; `{PARTNER}` is the other State's gateway, whose signature was verified. *may freeze* means
{", ".join(f"`{role}`" for role in sorted(MAY_FREEZE))}.

The diagrams leave out what happens in the same way everywhere: rows that stay, a stop and the way on from it, and
UNDELIVERED.
"""

SHOWN = {STAY: "*stays*", LET_GO: "*let go*", KEEP: "*kept*", LEARN: "*learnt*"}
EVERYWHERE = (State.FROZEN, State.SUSPENDED, State.UNDELIVERED)
SIDES = ((Side.REQUESTING, "The side that asks"), (Side.REQUESTED, "The side that is asked"))


def rows(side: Side, *, returning: bool) -> list[Row]:
    """Return the rows of one page; every row of a table is on one of the two."""
    of_return = {*REQUESTING_RETURN, *REQUESTED_RETURN}
    return [row for row in table_for(side).rows if (row in of_return) is returning]


def who(row: Row) -> str:
    """Return who may bring a row's event, with all who may freeze as one."""
    return ", ".join(["*may freeze*", *sorted(row.who - MAY_FREEZE)] if row.who >= MAY_FREEZE else sorted(row.who))


def diagram(drawn: Iterable[Row]) -> str:
    """Return the Mermaid diagram of rows, with one line for each pair of states."""
    edges: dict[tuple[State, str], list[str]] = {}
    for row in drawn:
        if row.target not in (*SHOWN, *EVERYWHERE, row.source):
            edges.setdefault((row.source, row.target), []).append(row.event)
    lines = [f"    {source} --> {goal}: {' / '.join(events)}" for (source, goal), events in edges.items()]
    return "\n".join(["```mermaid", "stateDiagram-v2", *lines, "```"])


def listing(listed: Iterable[Row]) -> str:
    """Return the rows as a table, in the order of the code; those that differ in nothing but their state are one."""
    alike: dict[str, list[State]] = {}
    for row in listed:
        guards = ", ".join(f"`{guard}`" for guard in row.guards)
        rest = f"`{row.event}` | {SHOWN.get(row.target, row.target)} | {who(row)} | {guards} | {row.evidence}"
        alike.setdefault(rest, []).append(row.source)
    lines = [f"| {', '.join(states)} | {rest} |" for rest, states in alike.items()]
    return "\n".join(["| in | event | to | who | guards | evidence |", "|---|---|---|---|---|---|", *lines])


def promises(guards: Iterable[str]) -> str:
    """Return each guard with the promise it is marked with, as its paragraph in ``docs/rules.md`` is headed."""
    headings = re.findall(r"^### ((\S+): .+)$", (DOCS / "rules.md").read_text(encoding="utf-8"), re.MULTILINE)
    titles = {id: heading for heading, id in headings}
    lines = []
    for guard in sorted(guards):
        title = titles[MARKS[guard]]
        anchor = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        lines.append(f"| `{guard}` | [{title}](rules.md#{anchor}) |")
    return "\n".join(["| guard | the promise that needs it |", "|---|---|", *lines])


def page(*, returning: bool) -> str:
    """Return the page of the return or of the verification."""
    parts, guards = [(RETURN if returning else VERIFICATION) + "\n" + LEGEND], set[str]()
    for side, title in SIDES:
        shown = rows(side, returning=returning)
        guards |= {guard for row in shown for guard in row.guards}
        parts += [f"## {title}", diagram(shown), listing(shown)]
    return "\n\n".join(part.strip() for part in (*parts, "## What each guard holds", promises(guards))) + "\n"


def pages() -> dict[Path, str]:
    """Return every page by its place."""
    return {
        DOCS / "state-table-v.md": page(returning=False),
        DOCS / "state-table-r.md": page(returning=True),
    }


def main() -> int:
    """Write the pages, or compare them; return the exit code."""
    check, wrong = "--check" in sys.argv[1:], 0
    for path, text in pages().items():
        if not check:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            print(f"not as drawn: {path.name}; run python -m tools.draw_tables")
            wrong = 1
    return wrong


if __name__ == "__main__":
    sys.exit(main())
