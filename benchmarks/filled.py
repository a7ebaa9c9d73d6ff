"""
A store of a million cases, with every row that a case leaves: filled straight into the tables, from two real cases.

``models`` lets two gateways exchange one case, request, acknowledgement and both receipts, and reads what it left on
either side. ``fill`` copies those rows: ids, digests and sealed bytes are fresh and as long as they were, instants are
moved, stored answers and envelopes are gone where they would be by now. State, partner and due date of each case, and
its steps, are those of ``benchmarks.pages``. What a case holds is sealed for real, under a key of its own, and the logs
are the trees that their signed heads say, so gateway and timers go on with them as with their own.
"""

import asyncio
import os
import secrets
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import Any

from benchmarks.pages import CASE_COLUMNS, EVENT_COLUMNS, Row, add_partners, arrivals, case_rows, insert
from benchmarks.pair import COUNTRIES, Pair, draft, make_pair, submit
from gateway import serving
from gateway.app import Gateway
from gateway.core import checkpoint
from gateway.core.case import Case, Side, State, serialize_case
from gateway.core.merkle import HASH_BYTES, Frontier
from gateway.services import cases, tree
from gateway.services.context import Context
from gateway.services.ports import Tx
from gateway.services.receive import ANSWER_GRACE_S
from gateway.services.rows import LogHead
from keys import b64

COUNTRY = "XBB"
"""Whose store is filled: the one that accepts in ``benchmarks.accept``."""

PART = 5000
"""Cases written at once."""

WITHIN_S = 30

# Each table, and how its rows are found that belong to a case. `outbound` stands before what refers to it.
_TABLES = {
    "thread": "SELECT * FROM thread WHERE ref = ?",
    "inbound": "SELECT * FROM inbound WHERE ref = ? ORDER BY n",
    "outbound": "SELECT * FROM outbound WHERE ref = ? ORDER BY n",
    "outbound_body": "SELECT * FROM outbound_body WHERE n IN (SELECT n FROM outbound WHERE ref = ?) ORDER BY n",
    "log_entry": """SELECT * FROM log_entry WHERE digest IN (
        SELECT digest FROM inbound WHERE ref = ?1 UNION SELECT digest FROM outbound WHERE ref = ?1) ORDER BY n""",
    "person_value": "SELECT * FROM person_value WHERE ref = ? ORDER BY n",
}
_INSTANTS = frozenset(
    {"at", "received_at", "queued_at", "not_before", "next_try_at", "try_at", "posted_at", "expires_at", "answered_at"}
)
_FRESH = frozenset({"id", "digest", "in_digest", "seen"})
"""Texts that are random in life; the same one stays the same within a case."""

_KEPT = frozenset({"kid"})
"""Bytes that stay as they are: the id of a sealing key that the gateway has."""


@dataclass(frozen=True, slots=True)
class Model:
    """What one exchanged case left in a store: its value, when it was opened, and its rows by table."""

    case: Case
    opened: int
    rows: Mapping[str, Sequence[Mapping[str, Any]]]


async def prepare(root: Path, number: int, seen: Mapping[Side, Model]) -> Pair:
    """Return a pair without TLS whose ``COUNTRY`` knows many States and has ``number`` cases."""
    pair = make_pair(root, tls=False)
    add_partners(pair, COUNTRY)
    for country in COUNTRIES:
        gateway = await pair.open(country, create=True)
        await gateway.refresh_trust()
        await gateway.close()
        if country == COUNTRY:
            # What the rows need of a gateway is its keys and its policy, and those outlive the store that it closed.
            with closing(sqlite3.connect(pair.database(country), isolation_level=None)) as db:
                fill(db, gateway.context, seen, number, datetime.now(UTC).replace(microsecond=0))
            await _sign_logs(pair)
    return pair


# What is copied.


async def models(root: Path) -> Mapping[Side, Model]:
    """Let two gateways under ``root`` exchange one case, and return what it left on either side."""
    pair = make_pair(root)
    people = pair.people()
    gateways = [await pair.open(country, create=True) for country in COUNTRIES]
    for gateway in gateways:
        await gateway.refresh_trust()  # or the first message is made before a card of the other State is held
    asking, asked = gateways
    tasks = [asyncio.create_task(serving.serve(gateway)) for gateway in gateways]
    try:
        ref = await submit(asking, people, draft())
        theirs = await _until(asked, "RECEIVED")
        await asked.answer.acknowledge(theirs, "first")
        await _until(asking, "ACKNOWLEDGED")
        await _receipted(asked)
        return {
            Side.REQUESTING: await _model(asking, pair.database("XAA"), ref),
            Side.REQUESTED: await _model(asked, pair.database("XBB"), theirs),
        }
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        for gateway in gateways:
            await gateway.close()


async def _until(gateway: Gateway, state: str) -> str:
    """Return the reference of the case of ``gateway`` once it is in ``state``."""
    async with asyncio.timeout(WITHIN_S):
        while not (rows := await gateway.store.read(lambda tx: tx.cases(states=(state,)))):
            await asyncio.sleep(0.05)
    return rows[0].ref


async def _receipted(gateway: Gateway) -> None:
    """Return once everything that ``gateway`` sent is answered."""
    async with asyncio.timeout(WITHIN_S):
        while await gateway.inquiries.outbox():
            await asyncio.sleep(0.05)


async def _model(gateway: Gateway, database: Path, ref: str) -> Model:
    row = await gateway.store.read(lambda tx: tx.find_case(ref))
    with closing(sqlite3.connect(database)) as db:
        db.row_factory = sqlite3.Row
        rows = {table: [dict(one) for one in db.execute(found, (ref,))] for table, found in _TABLES.items()}
    if row is None:
        raise RuntimeError("the exchanged case is gone")
    return Model(cases.unseal(gateway.context, row).case, int(row.opened_at.timestamp()), rows)


# What is made of it.


def fill(db: sqlite3.Connection, context: Context, seen: Mapping[Side, Model], number: int, now: datetime) -> None:
    """Put ``number`` cases with all they leave into the store that belongs to ``context``, which nobody has open."""
    # A store that is lost half-way is made again, so nothing is kept for a roll-back; indexes grow as they do in life.
    for pragma in ("journal_mode = OFF", "synchronous = OFF", "locking_mode = EXCLUSIVE", "cache_size = -3000000"):
        db.execute(f"PRAGMA {pragma}").fetchall()
    copies = {side: Copies(context, model, now) for side, model in seen.items()}
    partners = sorted(context.partners)
    origins = dict(db.execute("SELECT partner, origin FROM log_head WHERE current = 1"))
    last_n = {table: count(1 + db.execute(f"SELECT ifnull(max(n), 0) FROM {table}").fetchone()[0]) for table in _TABLES}  # noqa: S608
    last_idx = {partner: count() for partner in partners}
    columns = {"case_file": CASE_COLUMNS, "case_event": EVENT_COLUMNS}
    columns |= {table: tuple(rows[0]) for model in seen.values() for table, rows in model.rows.items() if rows}
    order = iter(arrivals(number))
    while part := list(islice(order, PART)):
        tables: dict[str, list[Row]] = defaultdict(list)
        for at in part:
            row, steps = case_rows(at, partners, now)
            side, partner = Side(row[1]), row[2]
            tables["case_file"].append((*row, *copies[side].sealed(row)))
            tables["case_event"] += steps
            places = (last_n, last_idx[partner], origins[partner])
            for table, values in copies[side].rows(row, *places):
                tables[table].append(values)
        db.execute("BEGIN")
        for table, rows in tables.items():
            db.executemany(insert(table, columns[table]), rows)
        db.execute("COMMIT")
    for pragma in ("locking_mode = NORMAL", "journal_mode = WAL"):
        db.execute(f"PRAGMA {pragma}").fetchall()


_PLACE = {name: at for at, name in enumerate(CASE_COLUMNS)}


class Pattern:
    """One row of a model, taken apart once: what stays, and where what changes stands in it."""

    __slots__ = ("at", "fixed", "fresh", "moved", "noise", "table", "values")

    def __init__(self, table: str, model: Mapping[str, Any]) -> None:
        self.table = table
        self.values = list(model.values())
        self.at = {name: place for place, name in enumerate(model)}
        self.fixed = [(self.at[name], _PLACE[name]) for name in ("ref", "partner", "thread") if name in model]
        there = [(place, name, value) for place, (name, value) in enumerate(model.items()) if value is not None]
        self.moved = [(place, value) for place, name, value in there if name in _INSTANTS]
        self.fresh = [(place, value) for place, name, value in there if name in _FRESH]
        self.noise = [(place, len(v)) for place, name, v in there if isinstance(v, bytes) and name not in _KEPT]


class Copies:
    """Makes the rows of a case out of those of a model."""

    def __init__(self, context: Context, model: Model, now: datetime) -> None:
        self._vault = context.vault
        self._model = model
        self._patterns = [Pattern(table, row) for table, rows in model.rows.items() for row in rows]
        self._plain: dict[State, bytes] = {}
        self._noise = Noise()
        self._now = int(now.timestamp())
        self._envelopes = self._now - int(timedelta(days=context.policy.envelope_days).total_seconds())

    def sealed(self, row: Row) -> tuple[bytes, bytes]:
        """Return the wrapped key and the sealed content of the case in ``row``."""
        model, state, ref = self._model.case, State(row[_PLACE["state"]]), row[_PLACE["ref"]]
        if state not in self._plain:
            self._plain[state] = serialize_case(replace(model, state=state))
        plain = self._plain[state].replace(model.ref.encode(), ref.encode())
        plain = plain.replace(model.thread.encode(), row[_PLACE["thread"]].encode())
        plain = plain.replace(f'"{model.partner}"'.encode(), f'"{row[_PLACE["partner"]]}"'.encode())
        key, wrapped = self._vault.new_case_key(ref)
        return wrapped, self._vault.seal(key, "case", ref, "sealed", plain)

    def rows(
        self, row: Row, last_n: Mapping[str, Iterator[int]], last_idx: Iterator[int], origin: str
    ) -> Iterator[tuple[str, Row]]:
        """Yield table and values of each row that the case in ``row`` leaves beside its own."""
        later = row[_PLACE["opened_at"]] - self._model.opened
        fresh: dict[str, str] = {}
        numbers: dict[int, int] = {}
        for pattern in self._patterns:
            values, at = pattern.values.copy(), pattern.at
            for place, source in pattern.fixed:
                values[place] = row[source]
            for place, value in pattern.moved:
                values[place] = value + later
            for place, like in pattern.fresh:
                values[place] = fresh.get(like) or fresh.setdefault(like, self._noise.text(like))
            for place, length in pattern.noise:
                values[place] = self._noise.bytes(length)
            number = values[at["n"]]
            if pattern.table == "outbound_body":
                values[at["n"]] = numbers[number]
                if values[at["queued_at"]] < self._envelopes:
                    values[at["envelope"]] = None
            else:
                values[at["n"]] = next(last_n[pattern.table])
            if pattern.table == "outbound":
                numbers[number] = values[at["n"]]
            elif pattern.table == "inbound" and values[at["expires_at"]] + ANSWER_GRACE_S < self._now:
                values[at["answer"]] = None
            elif pattern.table == "log_entry":
                values[at["origin"]], values[at["idx"]] = origin, next(last_idx)
            yield pattern.table, tuple(values)


class Noise:
    """Random bytes out of a pool that is made once: fast, and nothing in it can be pressed together."""

    POOL_BYTES = 1 << 24

    def __init__(self) -> None:
        self._pool = os.urandom(self.POOL_BYTES)

    def bytes(self, length: int) -> bytes:
        """Return ``length`` bytes; short ones, which stand in indexes, are fresh."""
        if length <= HASH_BYTES:
            return secrets.token_bytes(length)
        at = secrets.randbelow(self.POOL_BYTES - length)
        return self._pool[at : at + length]

    def text(self, like: str) -> str:
        """Return fresh base64url as long as ``like``."""
        return b64.encode(secrets.token_bytes(len(like) * 3 // 4))


async def _sign_logs(pair: Pair) -> None:
    """Sign the head of each log over what was filled in, and store the hashes of its subtrees."""
    gateway, database = await pair.open(COUNTRY), pair.database(COUNTRY)
    context = gateway.context
    for partner in context.partners:
        head = await context.store.read(partial(_head, partner=partner))
        with closing(sqlite3.connect(database)) as db:
            found = db.execute("SELECT leaf FROM log_entry WHERE origin = ? ORDER BY idx", (head.origin,))
            frontier = Frontier().append([leaf for (leaf,) in found])
        body = checkpoint.checkpoint_body(head.origin, frontier.size, frontier.root())
        signed = LogHead(head.origin, frontier, checkpoint.sign_note(body, head.origin, context.keyring.log))
        await context.store.commit(partial(_save_head, partner=partner, head=signed))
        await tree.grow(context, head.origin, frontier.size)
    await gateway.close()


async def _head(tx: Tx, partner: str) -> LogHead:
    head = await tx.log_head(partner)
    if head is None:
        raise RuntimeError(f"the gateway has begun no log about {partner}")
    return head


async def _save_head(tx: Tx, partner: str, head: LogHead) -> None:
    await tx.save_log_head(partner, head)
