"""
Whether the books of a gateway agree with one another and with what it answered: messages, cases, log, checkpoint.

What is wrong is counted by a name; a gateway whose books are in order has nothing to count.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from gateway.core import checkpoint, merkle
from gateway.core.merkle import Frontier

Rows = Callable[[str], Sequence[tuple[Any, ...]]]
"""Runs a statement and returns its rows."""


def faults(rows: Rows, answers: Mapping[str, bytes]) -> Counter[str]:
    """
    Return what is wrong in the database behind ``rows``.

    ``answers`` are those that were given out, unpadded, by the digest of the message they are about.
    """
    found: Counter[str] = Counter()
    if _is_damaged(rows):
        return Counter(corrupt=1)
    stored = rows("SELECT digest, answer, status, thread FROM inbound")
    kept = {digest: answer for digest, answer, _, _ in stored}
    found["lost"] += len(set(answers) - set(kept))
    found["wrong_acknowledgements"] += sum(digest in kept and kept[digest] != said for digest, said in answers.items())
    found["accepted_twice"] += len(stored) - len(kept)
    found["without_answer"] += sum(answer is None for answer in kept.values())
    _compare_cases(rows, stored, found)
    _compare_log(rows, set(kept), found)
    return +found


def faults_of_file(database: Path, answers: Mapping[str, bytes]) -> Counter[str]:
    """Return what is wrong in the file ``database``, which no gateway has open."""
    with closing(sqlite3.connect(database)) as db:
        return faults(lambda statement: db.execute(statement).fetchall(), answers)


def _is_damaged(rows: Rows) -> bool:
    try:
        return [("ok",)] != list(rows("PRAGMA integrity_check")) or bool(rows("PRAGMA foreign_key_check"))
    except sqlite3.DatabaseError:
        return True


def _compare_cases(rows: Rows, stored: Sequence[tuple[Any, ...]], found: Counter[str]) -> None:
    accepted = {thread for _, _, status, thread in stored if status == "accepted" and thread}
    threads = Counter(thread for (thread,) in rows("SELECT thread FROM case_file WHERE side = 'requested'"))
    found["cases_doubled"] += sum(times - 1 for times in threads.values())
    found["cases_from_nowhere"] += len(set(threads) - accepted)
    steps = Counter(rows("SELECT ref, event, digest FROM case_event WHERE digest IS NOT NULL"))
    found["steps_taken_twice"] += sum(times - 1 for times in steps.values())


def _compare_log(rows: Rows, digests: set[str], found: Counter[str]) -> None:
    """Check that each message stands in the log about its sender once, and that each log is the tree its head says."""
    issued = Counter(digest for (digest,) in rows("SELECT digest FROM log_entry WHERE direction = 'issued'"))
    found["logged_twice"] += sum(times - 1 for times in issued.values())
    found["receipts_without_row"] += len(set(issued) - digests)
    found["not_logged"] += len(digests - set(issued))
    entries: dict[str, list[tuple[int, bytes]]] = {}
    for origin, index, leaf in rows("SELECT origin, idx, leaf FROM log_entry ORDER BY origin, idx"):
        entries.setdefault(origin, []).append((index, leaf))
    for origin, size, hashes, note in rows("SELECT origin, size, hashes, checkpoint FROM log_head"):
        of_log = entries.get(origin, [])
        tree, _ = merkle.batch_proofs(Frontier(), [leaf for _, leaf in of_log])
        body = checkpoint.checkpoint_body(origin, tree.size, tree.root()) if of_log else ""
        whole = (tree.size, b"".join(tree.hashes)) == (size, hashes) and note.startswith(body)
        found["broken_log"] += not (whole and [index for index, _ in of_log] == list(range(size)))
