"""
Write ``docs/state-table-v.md`` from the rows of state table V: ``python -m tools.draw_tables [--check]``.

``--check`` writes nothing and ends with 1 if the page is not what the rows say.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

from gateway.core.case import State
from gateway.core.machine import RESUME, STAY, Row, Table
from gateway.core.verification import GATEWAY, LATER, MAY_FREEZE, REQUESTED, REQUESTING

PAGE = Path(__file__).parents[1] / "docs" / "state-table-v.md"

HEAD = """# State table V

How a verification moves, drawn from the rows in `gateway/core/verification.py`. Do not edit this page: change a row and
run `python -m tools.draw_tables`. A test compares the two. Why the rows are as they are is in
[decision 0006](decisions/0006-state-table-v.md), and what each guard and rule looks at is in [rules.md](rules.md).

*stays* leaves the state as it is. *back* returns to the state the case was in before it was stopped. *may freeze* means
{freezers}.
`{gateway}` is this gateway itself, on a receipt or a timer; `partner` is the other State's gateway, whose signature was
verified. No service of this version brings the events {later}:
their message types come later.

The diagrams leave out what happens in the same way everywhere: rows that stay, and the way to FROZEN, which is open
from every state that is not over.
"""


def names(values: Iterable[str]) -> str:
    """Return values as a list in words."""
    return ", ".join(f"`{value}`" for value in sorted(values))


def who(row: Row) -> str:
    """Return who may bring a row's event, with all who may freeze as one."""
    shown = ["*may freeze*", *sorted(row.who - MAY_FREEZE)] if row.who >= MAY_FREEZE else sorted(row.who)
    return ", ".join(shown)


def target(row: Row) -> str:
    """Return a row's target as the table shows it."""
    return {STAY: "*stays*", RESUME: "*back*"}.get(row.target, row.target)


def diagram(table: Table) -> list[str]:
    """Return the Mermaid lines of a table, one for each pair of states."""
    edges: dict[tuple[State, str], list[str]] = {}
    for row in table.rows:
        if row.target not in (STAY, RESUME, row.source, State.FROZEN):
            edges.setdefault((row.source, row.target), []).append(row.event)
    drawn = [f"    {source} --> {goal}: {' / '.join(events)}" for (source, goal), events in edges.items()]
    return ["```mermaid", "stateDiagram-v2", *drawn, "```"]


def rows(table: Table) -> list[str]:
    """Return the rows of a table, by source state in the order of ``State``."""
    order = list(State)
    ordered = sorted(table.rows, key=lambda row: order.index(row.source))
    lines = ["| in | event | to | who | guards | evidence |", "|---|---|---|---|---|---|"]
    for row in ordered:
        guards = ", ".join(f"`{guard}`" for guard in row.guards)
        lines.append(f"| {row.source} | `{row.event}` | {target(row)} | {who(row)} | {guards} | {row.evidence} |")
    return lines


def page() -> str:
    """Return the page."""
    head = HEAD.format(freezers=names(MAY_FREEZE), gateway=GATEWAY, later=names(LATER))
    parts = [head]
    for title, first, table in (
        ("The side that asks", State.DRAFT, REQUESTING),
        ("The side that is asked", State.RECEIVED, REQUESTED),
    ):
        parts.append(f"## {title}\n\nA case begins in {first}.\n")
        parts.append("\n".join([*diagram(table), "", *rows(table)]) + "\n")
    return "\n".join(parts)


def main() -> int:
    """Write the page, or compare it; return the exit code."""
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(page(), encoding="utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == page():
        return 0
    print(f"not as drawn: {PAGE.name}; run python -m tools.draw_tables")
    return 1


if __name__ == "__main__":
    sys.exit(main())
