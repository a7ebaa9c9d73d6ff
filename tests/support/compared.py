"""
Two gateways after a drill: what both databases say, held against each other.

Every message that one sent must stand in the other once, in the order of its thread, with one answer that both have.
"""

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.pair import COUNTRIES, Pair


def rows(database: Path, statement: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return what ``statement`` selects from a database that a gateway may be writing to."""
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, timeout=30)) as db:
        return db.execute(statement, values).fetchall()


def count(database: Path, statement: str, values: tuple[Any, ...] = ()) -> int:
    """Return the number that ``statement`` selects."""
    return int(rows(database, statement, values)[0][0])


def waiting(pair: Pair) -> int:
    """Return how many messages of both have no answer yet."""
    unanswered = "SELECT count(*) FROM outbound WHERE state IN ('queued', 'posted')"
    return sum(count(pair.database(country), unanswered) for country in COUNTRIES)


def compare(pair: Pair) -> Counter[str]:
    """Return how much went wrong, by a name for it; every count is there, and must be 0."""
    faults: Counter[str] = Counter()
    for ours, theirs in (COUNTRIES, COUNTRIES[::-1]):
        sent = rows(pair.database(ours), "SELECT digest, state, answer FROM outbound")
        got = rows(pair.database(theirs), "SELECT digest, status, answer, thread, seq FROM inbound ORDER BY n")
        stored = {row[0]: row for row in got}
        faults["applied twice"] += len(got) - len(stored)
        faults["from nowhere"] += len(set(stored) - {row[0] for row in sent})
        faults["lost"] += sum(digest not in stored for digest, _, _ in sent)
        faults["refused"] += sum(row[1] != "accepted" for row in got)
        faults["unanswered"] += sum(state != "receipted" for _, state, _ in sent)
        faults["answers differ"] += sum(answer != stored[digest][2] for digest, _, answer in sent if digest in stored)
        numbers: dict[str, list[int]] = {}
        for _, _, _, thread, number in got:
            numbers.setdefault(thread, []).append(number)
        faults["out of order"] += sum(found != list(range(1, len(found) + 1)) for found in numbers.values())
        steps = Counter(rows(pair.database(ours), "SELECT ref, event FROM case_event WHERE event <> 'receipt'"))
        faults["steps taken twice"] += sum(times - 1 for times in steps.values())
    threads = [Counter(rows(pair.database(country), "SELECT thread FROM case_file")) for country in COUNTRIES]
    faults["cases lost"] += sum((threads[0] - threads[1]).values())
    faults["cases doubled"] += sum((threads[1] - threads[0]).values())
    return faults
