"""
Pages of the desks over a large store: how long the server takes for the board and for a queue.

A store of one gateway is filled with 100,000 cases with 24 States, straight into its tables (``fill``): two in five are
open and asked by us, two in five open and asked of us, one in five closed; due days lie from a year ago to two months
ahead. Sealed columns hold random bytes of the usual size, for no page of these opens one. The pages are served by a
process of its own over loopback HTTP, one request after another, and each figure is the time from the request's first
byte to the answer's last: what the server took, and a little more.

    python -m benchmarks.pages serve DIRECTORY COUNTRY      (prints its port and a session for each desk)
"""

import asyncio
import json
import os
import secrets
import signal
import socket
import sqlite3
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

from aiohttp import ClientSession, DummyCookieJar, web

import schemas
from benchmarks.figures import Figure, percentile
from benchmarks.load import child
from benchmarks.pair import Pair, make_pair
from benchmarks.resident import processor_s
from gateway import serving, settings
from gateway.core.case import State
from gateway.services.accounts import Accounts
from gateway.services.board import Board
from gateway.services.inquire import WATCHED
from gateway.storage.sqlite_desks import SqliteDesks
from gateway.web import board, interior
from gateway.web.door import COOKIE, desks_app
from gateway.web.signin.hand import Hand
from gateway.web.site import Look, Site
from keys import b64
from keys.custody import open_store
from keys.sign import SigningKey

CASES = 100_000
STATES = 24
REQUESTS = 300
WARM_UP = 30
TARGET_P99_MS = 50.0

OPEN_ASKED = (State.RECEIVED, State.ACKNOWLEDGED, State.EXTENDED, State.NEEDS_TIER2)
WRAPPED_BYTES, SEALED_BYTES = 60, 2600
"""What the key of a case weighs when it is wrapped, and a case with a few steps under it."""

DAYS_BACK, DAYS_AHEAD = 365, 60

Row = tuple[Any, ...]


def run(seconds: float = 20.0) -> list[Figure]:
    """Measure each page ``REQUESTS`` times whatever ``seconds`` says: so many are needed for a 99th percentile."""
    return asyncio.run(_run())


async def _run() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
        pair = await prepare(Path(directory))
        return [
            figure
            for name, (taken, used) in (await measure(pair, "XAA")).items()
            for figure in (
                Figure(f"{name}, p50", percentile(taken, 0.5) * 1000, "ms"),
                Figure(f"{name}, p95", percentile(taken, 0.95) * 1000, "ms"),
                Figure(f"{name}, p99", percentile(taken, 0.99) * 1000, "ms", TARGET_P99_MS, less=True),
                Figure(f"{name}, processor time", used * 1000, "ms"),
            )
        ]


async def measure(pair: Pair, country: str) -> Mapping[str, tuple[Sequence[float], float]]:
    """
    Ask for each page of the desks of ``country``, ``REQUESTS`` times.

    Returns for each the seconds that every request took, and the mean of the server's processor time in seconds.
    """
    partners = sorted(settings.load(pair.home(country), {}).values["partners"])
    found: dict[str, tuple[Sequence[float], float]] = {}
    async with child("benchmarks.pages", "serve", str(pair.root), country) as (server, said):
        for name, desk, paths in pages(partners):
            before = processor_s(server.pid)
            taken = await _measure(said["port"], desk, said["cookies"][desk], paths)
            found[name] = (taken, (processor_s(server.pid) - before) / (WARM_UP + REQUESTS))
    return found


def pages(partners: Sequence[str]) -> list[tuple[str, str, list[str]]]:
    """Return what is asked for: a name, at which desk, and the paths in turn, so that none comes twice running."""
    deep = [f"/?after={int((datetime.now(UTC) + timedelta(days=day)).timestamp())}.A" for day in range(-300, 0, 10)]
    narrow = [f"/?partner={one}&band={band}" for one in partners for band in ("very-late", "late", "soon", "open")]
    across = [f"/?band={band}" for band in ("very-late", "late", "due", "soon", "open", "undated")]
    return [
        ("board", "board", ["/", *deep]),
        ("board of one State", "board", narrow),
        ("board, one part of all States", "board", across),
        (
            "queue",
            "interior",
            ["/queues/open", *(f"/queues/open?partner={one}" for one in partners), "/queues/overdue"],
        ),
    ]


async def _measure(port: int, desk: str, cookie: str, paths: Sequence[str]) -> list[float]:
    taken = []
    headers = {"Host": f"{desk}.localhost:{port}", "Cookie": f"{COOKIE}={cookie}", "Sec-Fetch-Site": "same-origin"}
    async with ClientSession(cookie_jar=DummyCookieJar()) as client:
        for number in range(WARM_UP + REQUESTS):
            path = paths[number % len(paths)]
            began = perf_counter()
            async with client.get(f"http://127.0.0.1:{port}{path}", headers=headers, allow_redirects=False) as answer:
                body = await answer.read()
            if number >= WARM_UP:
                taken.append(perf_counter() - began)
            if answer.status != 200:
                raise RuntimeError(f"{desk} {path}: HTTP {answer.status}, {len(body)} bytes")
    return taken


# The store.


async def prepare(root: Path, cases: int = CASES) -> Pair:
    """Return a pair whose first gateway knows ``STATES`` States and has ``cases`` cases."""
    pair = make_pair(root)
    add_partners(pair, "XAA")
    gateway = await pair.open("XAA", create=True)
    partners = sorted(gateway.context.partners)
    await gateway.close()
    with closing(sqlite3.connect(pair.database("XAA"))) as db:
        fill(db, partners, cases, datetime.now(UTC).replace(microsecond=0))
    return pair


def add_partners(pair: Pair, country: str) -> None:
    """
    Let ``country`` know more States, and somebody of its foreign affairs.

    Nobody has the keys of these States; their calendar is that of the other invented one.
    """
    others = [code for code in sorted(schemas.codes("country"), reverse=True) if code not in ("XAA", "XBB")]
    file = pair.home(country) / settings.FILE_NAME
    parts = [
        f'[partners.{code}]\nidentity = "{b64.encode(SigningKey.generate().public)}"\ncalendar = "XBB-2026-27"\n'
        for code in others[: STATES - 1]
    ]
    key = b64.encode(SigningKey.generate().public)
    parts.append(f'[[persons]]\nid = "board"\nroles = ["foreign_affairs"]\nkey = "{key}"\n')
    file.write_text(f"{file.read_text()}\n" + "\n".join(parts))


def fill(db: sqlite3.Connection, partners: Sequence[str], cases: int, now: datetime) -> None:
    """Put ``cases`` cases and their steps into the tables of a store, in one transaction."""
    rows, events = list[Row](), list[Row]()
    for at in arrivals(cases):
        row, steps = case_rows(at, partners, now)
        rows.append((*row, secrets.token_bytes(WRAPPED_BYTES), os.urandom(SEALED_BYTES)))
        events += steps
    with db:
        db.executemany(insert("case_file", CASE_COLUMNS), rows)
        db.executemany(insert("case_event", EVENT_COLUMNS), events)


def insert(table: str, columns: Sequence[str]) -> str:
    """Return the statement that puts a row into ``table``."""
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608


def arrivals(cases: int) -> Sequence[int]:
    """Return the numbers of ``cases`` cases in the order in which they were opened."""
    return sorted(range(cases), key=_day)


def _day(at: int) -> int:
    """Return the day on which case number ``at`` is due, counted from ``DAYS_BACK`` days ago."""
    return at * 7919 % (DAYS_BACK + DAYS_AHEAD)


EVENT_COLUMNS = ("ref", "at", "event", "actor", "role", "source", "target")
CASE_COLUMNS = (
    *("ref", "side", "partner", "thread", "state", "officer", "step", "instrument", "calendar", "due_on", "due_at"),
    *("reminders", "extended", "delay_notice", "opened_at", "changed_at", "closed_at", "words", "version"),
    *("wrapped", "sealed"),
)


def case_rows(at: int, partners: Sequence[str], now: datetime) -> tuple[Row, Iterator[Row]]:
    """
    Return the row of case number ``at`` and its steps: everything follows from the number, but for what is random.

    The row lacks its last two columns, the wrapped key and the sealed content.
    """
    kind = at % 5
    closed, asking = kind == 4, kind in (0, 1) or (kind == 4 and at % 2 == 0)
    state = State.CLOSED if closed else WATCHED[at // 5 % len(WATCHED)] if asking else OPEN_ASKED[at % len(OPEN_ASKED)]
    dated = not closed and state is not State.SENT
    due = now + timedelta(days=_day(at) - DAYS_BACK)
    opened = min(due - timedelta(days=45), now)
    due_at = int(due.replace(hour=23, minute=0, second=0).timestamp())
    # As ``Context.new_ref`` makes it: a reference begins with the time, so that indexes over it grow at one end.
    ref = b64.encode(int(opened.timestamp() * 1000).to_bytes(6) + secrets.token_bytes(10))
    partner = partners[at * 31 % len(partners)]
    row = (
        *(ref, "requesting" if asking else "requested", partner, secrets.token_urlsafe(16), state.value),
        *("first" if at % 3 else "second", "reply" if dated else None, "POLICY_DEFAULT", "XBB-2026-27"),
        *(due.date().isoformat() if dated else None, due_at if dated else None, at % 3 if dated else 0, 0, at % 7 == 0),
        *(int(opened.timestamp()), int(opened.timestamp()), due_at if closed else None, 0, 3),
    )
    return row, _steps(ref, asking, closed, state, opened, at)


def _steps(ref: str, asking: bool, closed: bool, state: State, opened: datetime, at: int) -> Iterator[Row]:
    def step(day: int, event: str, role: str, target: str) -> Row:
        return ref, int((opened + timedelta(days=day)).timestamp()), event, role, role, target, target

    yield step(0, "send" if asking else "request", "case_officer" if asking else "partner", "SENT")
    yield step(0, "receipt", "gateway", "DELIVERED")
    yield step(1, "acknowledgement", "partner", "ACKNOWLEDGED")
    for number in range(at % 3):
        yield step(50 + 7 * number, "remind", "gateway", state.value)
    if closed:
        yield step(2 + at % 60, "reply" if asking else "answer", "partner", "REPLIED")
        yield step(70, "close", "case_officer", "CLOSED")


# The desks.


async def _serve(root: Path, country: str) -> None:
    """Serve board and interior desk of ``country``; print the port and a session for each."""
    gateway = await Pair(root).open(country)
    services, context = serving.desk_services(gateway), gateway.context
    store = await SqliteDesks.open(root / "desks.db", context.clock.now())
    accounts = Accounts(store, context.persons, context.vault, context.random)
    keys = open_store("env:KEYS", environ={"KEYS": b64.encode(b"{}")})
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
        site = Site(
            desk=services,
            accounts=accounts,
            look=Look({"en": "Benchmark"}),
            origins={name: f"http://{name}.localhost:{port}" for name in ("interior", "board")},
            values=gateway.settings.values,
            hand=Hand(keys, context.persons),
            extra={"board": Board(gateway.inquiries, context.reckoner, tuple(context.partners))},
        )
        runner = web.AppRunner(desks_app(site, [interior.PAGES, board.PAGES]), handle_signals=False)
        await runner.setup()
        await web.SockSite(runner, door).start()
        serving.settle_in()  # as ``serving.serve`` does
        print(json.dumps({"port": port, "cookies": await _sessions(accounts, context.clock.now())}), flush=True)
        ended = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
        await ended.wait()
        await runner.cleanup()
    await store.close()
    await gateway.close()


async def _sessions(accounts: Accounts, now: datetime) -> Mapping[str, str]:
    who = {"board": "board", "interior": "first"}
    return {desk: (await accounts.begin(person, desk, "code", now))[0] for desk, person in who.items()}


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(_serve(Path(sys.argv[2]), sys.argv[3]))
    else:
        for figure in run():
            print(figure.line())
