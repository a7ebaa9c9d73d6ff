"""What comes out of two running gateways beside the local API: pages, commands, errors, crashes, files, memory."""

import asyncio
import contextlib
import json
import re
import shutil
import signal
import sqlite3
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast

from aiohttp import ClientError, ClientResponse, ClientSession, web
from aiohttp.test_utils import TestServer

from gateway import configured, home, settings
from gateway.demo.states import ASKED, ASKING
from gateway.services.accounts import Accounts
from gateway.services.guests import Guests
from gateway.storage.sqlite_desks import SqliteDesks
from gateway.system import SystemRandom
from keys.custody import open_store
from keys.rest import Vault
from tests.support.canaries import Findings, Person, held_forms
from tests.support.journeys import EVIDENCE, PREPARED, SHOWN, Desk, Journey
from tests.support.mail import MailServer
from tests.support.processes import COUNTRIES, WORDS, Processes, family, memory, shown, unlinked
from tests.web.support import Answer, Officer, links_of

LOGS: Final = "logs at debug level, and whatever else a process wrote"
DATABASES: Final = "database files, with journal and free pages"
BACKUPS: Final = "backups"
HOMES: Final = "other files of the homes"
TEMPORARY: Final = "temporary files, also those without a name"
CORES: Final = "cores and other crash output in files"
LINES: Final = "command lines and environments"
TYPED: Final = "what a person typed into a command line"
ECHO: Final = "what a visitor typed into an address or a search, given back to that visitor"
NOTICES: Final = "notices by mail and webhook"
LISTS: Final = "pages of all desks, without a reason given"
HEADS: Final = "titles, addresses and headers of pages, also of content"
PAGES: Final = "pages of content, for a reason or to their author"
ERRORS: Final = "error pages, and what the door for partners says"
COMMANDS: Final = "what commands print without a reason given"
TOLD: Final = "errors and talk of commands"
CONTENT: Final = "what commands print of content, for a reason or to its author"
FIGURES: Final = "figures and counts"
DISCLOSED: Final = "evidence with content, disclosed by two persons"
IDLE: Final = "memory of a gateway that is idle"
RESTARTED: Final = "memory after the restart"

MAY: Final[Mapping[str, str]] = {
    SHOWN: "R-13: the look is on record before it is given",
    PREPARED: "the answer to the author of what is prepared, or to who approves it",
    PAGES: "R-13, and what an officer is writing",
    CONTENT: "R-13, and a preview of the caller's own draft",
    DISCLOSED: "asked for on purpose, by two persons, to a named body",
    ECHO: "the page shows the address it has, and the search what was searched for",
    TYPED: "the process list of the machine shows it while the command runs; operations.md says to write no name",
    IDLE: "Python cannot wipe its memory; the count is published, and a restart ends it",
}
"""Where a value may stand, and why. Everywhere else the count is 0."""


# Watching while it runs.


class Watch:
    """Looks again and again at what the system shows of the processes, and at files that come and go."""

    def __init__(self, processes: Processes, findings: Findings) -> None:
        """Watch the gateways of ``processes`` and all that comes of them."""
        self._processes, self._findings = processes, findings
        self._seen: set[tuple[str, bytes]] = set()
        self._files: set[tuple[str, int, int]] = set()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._end.wait(0.2):
            for node in list(self._processes.running.values()):
                for process in family(node.pid):
                    for name, raw in shown(process):
                        self._once(LINES, name, raw)
                with contextlib.suppress(OSError):
                    for raw in unlinked(node.pid):
                        self._once(TEMPORARY, "a file without a name", raw)
            for file in (self._processes.root / "tmp").rglob("*"):
                with contextlib.suppress(OSError):
                    if file.is_file():
                        self._once(TEMPORARY, file.name, file.read_bytes())

    def _once(self, place: str, name: str, raw: bytes) -> None:
        if (name, raw) not in self._seen:
            self._seen.add((name, raw))
            self._findings.add(place, raw, name)


@asynccontextmanager
async def told(findings: Findings) -> AsyncIterator[str]:
    """Listen for notices while the block runs, and yield the configuration that sends them here."""

    async def take(request: web.Request) -> web.Response:
        head = "\n".join(f"{name}: {value}" for name, value in request.headers.items())
        findings.add(NOTICES, head.encode() + await request.read(), "hook")
        return web.Response()

    hook = web.Application()
    hook.router.add_post("/", take)
    async with MailServer() as mail, TestServer(hook) as server:
        yield (
            f'\n[notices]\nlink = "https://desk.example/cases/{{ref}}"\n\n[notices.smtp]\nhost = "127.0.0.1"\n'
            f'port = {mail.port}\ntls = "none"\nfrom = "gateway@{{country}}.example"\n'
            f'recipients.interior = ["desk@{{country}}.example"]\n\n[notices.webhook]\nurl = "{server.make_url("/")}"\n'
            'secret = "file:hook.secret"\n'
        )
        for one in mail.mails:
            findings.add(NOTICES, one.as_bytes(), "mail")


# Bad requests that carry values.


async def send_badly(desk: Desk, who: Person) -> None:
    """Send every kind of request that is refused, each full of canaries."""
    good = json.dumps(who.draft, ensure_ascii=False)
    name = who.draft["elements"]["names"][0]["family"]
    wrong = {
        "cut short": good[: len(good) // 2].encode(),
        "named twice": f'{{"to": {good}, "to": "{name}"}}'.encode(),
        "not UTF-8": good.encode("utf-16"),
        "another member": json.dumps({**who.draft, name: name}).encode(),
        "another kind": json.dumps({**who.draft, "elements": name, "category": name}).encode(),
        "no such State": json.dumps({**who.draft, "to": "XCC"}).encode(),
        "a name for a State": json.dumps({**who.draft, "to": name}).encode(),
        "a name for a person": json.dumps({**who.draft, "officer": name}).encode(),
        "witness": json.dumps({**who.draft, "category": "witness"}).encode(),
    }
    for body in wrong.values():
        for path in ("/v1/cases", "/v1/preview", "/v1/exercises"):
            await desk.ask(
                ASKING,
                "officer",
                "case_officer",
                "POST",
                path,
                body=body,
                place=PREPARED,
            )
    word = who.words[0]
    for path in (
        f"/v1/cases/{word}",
        f"/v1/cases?state={word}",
        f"/v1/cases?officer={word}",
        f"/v1/cases?after={word}~x",
        f"/{word}",
        f"/v1/overdue?partner={word}",
    ):
        await desk.ask(ASKING, "officer", "case_officer", "GET", path)
    for path in (f"/v1/cases/{word}/freeze", f"/v1/cases/{word}/{word}"):
        await desk.ask(ASKING, "officer", "case_officer", "POST", path, body={"reason": word})
    await at_the_peer_door(desk, good.encode(), word)


async def at_the_peer_door(desk: Desk, body: bytes, word: str) -> None:
    """Say the same at the door for partners, in TLS, and bytes that are no HTTP at all."""
    for country in COUNTRIES:
        port = desk.processes.states[country].ports.peers
        for path in ("/xg/1/messages", "/xg/1/collect", "/xg/1/answers", f"/{word}", f"/xg/1/log/{word}"):
            for kind in ("application/xg1-envelope", "text/plain", word):
                url = f"https://127.0.0.1:{port}{path}"
                async with desk.client.post(url, data=body, headers={"Content-Type": kind}, ssl=False) as answer:
                    said = f"{answer.status} {dict(answer.headers)}".encode() + await answer.read()
                    desk.findings.add(ERRORS, said, f"peer door {path}")
        ports = desk.processes.states[country].ports
        for number in (ports.api, ports.desks):
            reader, writer = await asyncio.open_connection("127.0.0.1", number)
            writer.write(f"{word} {word}\r\n{word}\r\n\r\n".encode())
            desk.findings.add(ERRORS, await reader.read(), "no HTTP")
            writer.close()


# Pages.


@asynccontextmanager
async def accounts_of(processes: Processes, country: str) -> AsyncIterator[Accounts]:
    """Yield the accounts of a running gateway, to begin sessions as its own sign-in does."""
    chosen = settings.load(processes.states[country].home, {})
    keys = open_store(chosen.custody, passphrase=lambda: WORDS, environ={})
    store = await SqliteDesks.open(chosen.accounts, processes.now())
    try:
        vault = Vault(keys.get(home.KEK))
        yield Accounts(store, configured.persons(chosen.values), vault, SystemRandom(), lambda *_, **__: None, Guests())
    finally:
        await store.close()


class _Anew:
    """A browser with a connection for each request: what it kept would be gone with a gateway that is killed."""

    @asynccontextmanager
    async def request(self, method: str, url: str, **options: Any) -> AsyncIterator[ClientResponse]:
        async with ClientSession() as client, client.request(method, url, **options) as answer:
            yield answer


async def officer_of(desk: Desk, accounts: Accounts, country: str, name: str, at: str) -> Officer:
    """Return a person with a session at a desk of ``country``."""
    token, session = await accounts.begin(name, at, "code", desk.processes.now())
    host = at if country == ASKING else f"{at}.{country.lower()}"
    door = cast(Any, SimpleNamespace(port=desk.processes.states[country].ports.desks, client=_Anew()))
    return Officer(door, name, host, token, session)


SEATS: Final = (
    *(("officer", "interior"), ("liaison", "interior"), ("clerk", "interior"), ("supervisor", "interior")),
    *(("welfare", "interior"), ("escort", "interior"), ("board", "board"), ("operator", "operator")),
)


async def read_pages(desk: Desk, journeys: Sequence[Journey], strangers: Sequence[Person], most: int) -> None:
    """
    Read the pages of all desks: first without a reason, then of some cases for one; and make mistakes there. Then read
    what monitoring does.

    ``most`` is how many pages one person reads: of lists the first are like the rest.
    """
    for country in COUNTRIES:
        async with accounts_of(desk.processes, country) as accounts:
            for name, at in SEATS:
                someone = await officer_of(desk, accounts, country, name, at)
                await _crawl(desk, someone, "/", LISTS, most)
            someone = await officer_of(desk, accounts, country, "officer" if country == ASKING else "clerk", "interior")
            refs = [one.ref if country == ASKING else one.theirs for one in journeys]
            await _look(desk, someone, refs[: most // 20 + 1], most)
            await _mistakes(desk, someone, strangers[0])
            if country == ASKING:
                await _write(desk, await officer_of(desk, accounts, country, "officer", "interior"), strangers[1])
        async with desk.client.get(desk.processes.metrics(country)) as told:
            desk.findings.add(FIGURES, await told.read(), "metrics")


def _take(desk: Desk, place: str, answer: Answer) -> None:
    kind = "file" if not answer.headers.get("Content-Type", "").startswith("text/") else "text"
    desk.findings.add(ERRORS if answer.status >= 400 else place, answer.body, answer.path, kind=kind)
    titles = " ".join(re.findall(r"<title>(.*?)</title>", answer.text, re.DOTALL))
    told = f"{answer.path}\n{titles}\n{json.dumps(dict(answer.headers))}\n" + "\n".join(links_of(answer.text))
    desk.findings.add(HEADS, told.encode(), answer.path)


_ELSEWHERE: Final = re.compile(r"^/(sign-in|signed-out|link|account|again|static)|[?&]lang=")


async def _crawl(desk: Desk, someone: Officer, begin: str, place: str, most: int, within: str = "/") -> None:
    waiting, seen = [begin], set[str]()
    while waiting and len(seen) < most:
        path = waiting.pop(0)
        if path in seen or _ELSEWHERE.search(path) or not path.startswith(within):
            continue
        seen.add(path)
        answer = await someone.send("GET", path)
        _take(desk, place, answer)
        waiting += [answer.location] if answer.status == 303 else links_of(answer.text)


async def _look(desk: Desk, someone: Officer, refs: Sequence[str], most: int) -> None:
    """Give a reason for a few cases and read everything that it opens."""
    for ref in refs:
        await someone.get(f"/cases/{ref}")
        _take(desk, PAGES, await someone.post(f"/cases/{ref}/look", {"why": "To answer the question"}))
        await _crawl(desk, someone, f"/cases/{ref}", PAGES, most, f"/cases/{ref}")
        _take(desk, PAGES, await someone.send("GET", f"/cases/{ref}/print"))


async def _mistakes(desk: Desk, someone: Officer, who: Person) -> None:
    """Search for a name, and come to addresses with one."""
    word = who.words[0]
    for path in (
        f"/search?ref={word}",
        f"/cases/{word}",
        f"/{word}",
        f"/requests/{word}",
        f"/cases/{word}/steps/{word}",
    ):
        answer = await someone.send("GET", path)
        desk.findings.add(ECHO, answer.body, path)
    await someone.get("/search")
    desk.findings.add(ECHO, (await someone.post("/search", {"ref": word, "text": word})).body, "/search")


async def _write(desk: Desk, someone: Officer, who: Person) -> None:
    """Bring in a file that is wrong and one that is right, and leave the right one unfinished."""
    good = json.dumps(who.draft, ensure_ascii=False)
    for body in (
        good[:-9],
        json.dumps({**who.draft, "to": who.words[0]}),
        json.dumps({**who.draft, "category": "other"}),
        good,
    ):
        await someone.get("/requests/new")
        answer = await someone.post("/requests/import", {"file": body.encode()})
        _take(desk, PAGES, answer)
        if answer.status == 200:
            await _crawl(desk, someone, answer.path, PAGES, 20, "/requests/")


# Commands.


async def run_commands(desk: Desk, journey: Journey, who: Person, typed: str, *, thorough: bool) -> list[str]:
    """
    Run the commands that show something, those that fail, and one with a reason on its command line.

    Returns which ended otherwise than they should. Not ``thorough``: one of each kind alone.
    """
    good = json.dumps(who.draft, ensure_ascii=False).encode()
    name = who.draft["elements"]["names"][0]["family"]
    by, board = ("--as", "officer"), ("--as", "board")
    out = desk.processes.root / "drill"
    ref = ("--", journey.ref)
    why = ("--why", "To answer the question")
    export = ("evidence", "export", *by, "--role", "case_officer", *why)
    disclosed = ("--with-content", "liaison", "--to", "REGISTRY")
    every: list[tuple[str, tuple[str, ...], bytes]] = [
        (COMMANDS, ("case", "show", *by, *ref), b""),
        (CONTENT, ("case", "show", *by, *why, *ref), b""),
        (COMMANDS, ("case", "list", *by), b""),
        (COMMANDS, ("overdue", "--csv"), b""),
        (FIGURES, ("stats", "--json"), b""),
        (CONTENT, ("access", "--as", "supervisor", "--role", "dpo", *why, *ref), b""),
        (COMMANDS, ("check", "--json"), b""),
        (COMMANDS, ("log", "audit"), b""),
        (COMMANDS, ("note-verbale", "XBB", "--draft", *board), b""),
        (CONTENT, ("preview", "-"), good),
        (TOLD, ("case", "new", "-", *by), good[:-7]),
        (TOLD, ("case", "new", "-", *by), json.dumps({**who.draft, name: name, "category": name}).encode()),
        (COMMANDS, ("case", "new", "-", *by), json.dumps({**who.draft, "to": "XCC"}).encode()),
        (TOLD, ("case", "new", "-", "--json", *by), json.dumps({**who.draft, "officer": name}).encode()),
        (TYPED, ("escalate", "stop", *by, "--why", typed, *ref), b""),
        (COMMANDS, (*export, "-o", str(out / "plain.zip"), *ref), b""),
        (DISCLOSED, (*export, *disclosed, "-o", str(out / "content.zip"), *ref), b""),
    ]  # fmt: skip
    plain = every
    if not thorough:
        plain = [next(each for each in every if each[0] == place) for place in (CONTENT, FIGURES)]
        plain += [each for each in every if each[0] in (TOLD, TYPED, DISCLOSED)][1:]
    room, odd = asyncio.Semaphore(3), list[str]()

    async def one(place: str, arguments: tuple[str, ...], given: bytes) -> None:
        async with room:
            made = await desk.processes.isthmus(ASKING, *arguments, given=given)
        said = " ".join(arguments[:2])
        if (made.code in (0, 1)) is (place == TOLD):
            odd.append(f"isthmus {said} ended with {made.code}: {made.err.decode()[-400:]}")
        desk.findings.add(place, made.out, said)
        desk.findings.add(TYPED if place == TYPED else TOLD, made.err, said)
        desk.findings.add(TYPED if place == TYPED else LINES, "\0".join(arguments).encode(), said)

    await asyncio.gather(*(one(*each) for each in plain))
    for file, place in (("plain.zip", EVIDENCE), ("content.zip", DISCLOSED)):
        if (out / file).exists():
            desk.findings.add(place, (out / file).read_bytes(), file, kind="file")
    return odd


# Crashes.


async def kill_both(desk: Desk) -> None:
    """Kill both gateways while messages are on their way, and start them again."""
    for country in COUNTRIES:
        desk.processes.stop(country, signal.SIGKILL)
    await asyncio.gather(*(asyncio.to_thread(desk.processes.start, country) for country in COUNTRIES))


async def break_things(desk: Desk, strangers: Sequence[Person]) -> list[str]:
    """
    Have functions fail with an error that quotes a whole draft.

    Returns what did not happen as it should have.
    """
    texts = [json.dumps(one.draft, ensure_ascii=False) for one in strangers]
    odd = list[str]()
    processes = desk.processes
    processes.fault(ASKING, "api", texts[:1])
    status, _ = await desk.ask(ASKING, "officer", "case_officer", "POST", "/v1/cases", body=strangers[0].draft)
    odd += [] if status == 500 else [f"a fault of the API gave {status}"]
    processes.fault(ASKING, "list", texts[:1])
    status, _ = await desk.ask(ASKING, "officer", "case_officer", "GET", "/v1/cases")
    odd += [] if status == 500 else [f"a fault of a list gave {status}"]
    async with accounts_of(processes, ASKING) as accounts:
        someone = await officer_of(desk, accounts, ASKING, "officer", "interior")
        processes.fault(ASKING, "page", texts[:1])
        _take(desk, ERRORS, await someone.send("GET", "/"))
    processes.fault(ASKED, "receive", texts[:2])
    processes.fault(ASKED, "store", texts[:2])
    sent = Journey(desk, strangers[0])
    with contextlib.suppress(AssertionError, OSError, ClientError, TimeoutError):
        async with asyncio.timeout(3):
            await sent.send()
    await _revive(desk)
    return odd + await _end_loudly(desk, strangers, texts)


async def _end_loudly(desk: Desk, strangers: Sequence[Person], texts: Sequence[str]) -> list[str]:
    """Let several deliveries fail at once, which ends the process."""
    processes, odd = desk.processes, list[str]()
    made = [Journey(desk, one) for one in strangers[1:4]]
    for journey in made:
        await journey.begin()
        await journey.approve("request.approval")
    processes.fault(ASKING, "deliver", texts[:3])
    await asyncio.gather(*(journey.ours("send") for journey in made), return_exceptions=True)
    for _ in range(900):
        if processes.running[ASKING].poll() is not None:
            break
        await asyncio.sleep(0.1)
    code = processes.running[ASKING].poll()
    odd += [] if code == 70 else [f"a fault of a delivery ended the gateway with {code}"]
    await _revive(desk)
    return odd


def abort(processes: Processes) -> list[str]:
    """Abort the gateway that asks, as a fault in a library does; return what did not happen as it should have."""
    processes.stop(ASKING, signal.SIGABRT)
    said = b"Fatal Python error: Aborted" in processes.log(ASKING).read_bytes()
    return [] if said else ["an abort left no report of the interpreter"]


async def _revive(desk: Desk) -> None:
    """Take back every fault that has not happened yet, and start again what ended, or is about to."""
    for country in COUNTRIES:
        for left in (desk.processes.root / "drill" / "faults" / country).iterdir():
            left.unlink(missing_ok=True)
    for _ in range(5):
        await asyncio.sleep(0.3)
        for country in COUNTRIES:
            if desk.processes.running[country].poll() is not None:
                await asyncio.to_thread(desk.processes.start, country)
    for country in COUNTRIES:  # who is ending closes its doors first, and takes long where the machine is busy
        while not await _answers(desk, country):
            if desk.processes.running[country].poll() is not None:
                await asyncio.to_thread(desk.processes.start, country)
            await asyncio.sleep(0.1)


async def _answers(desk: Desk, country: str) -> bool:
    """Return whether the local API of ``country`` says anything."""
    person, role = ("officer", "case_officer") if country == ASKING else ("clerk", "registry_clerk")
    try:
        return (await desk.ask(country, person, role, "GET", "/v1/cases?limit=1"))[0] == 200
    except (ClientError, OSError):
        return False


# What lies there afterwards.


@dataclass
class Held:
    """What the memory of the gateways held, by State: how many different canaries, and how much was looked at."""

    canaries: dict[str, int] = field(default_factory=dict)
    parts: dict[str, int] = field(default_factory=dict)
    """Of these, how many were a part of a value alone."""

    mib: dict[str, int] = field(default_factory=dict)


def search_memory(processes: Processes, findings: Findings, place: str, *, thorough: bool) -> Held:
    """
    Look through the memory of each gateway and of all that came of it.

    Not ``thorough``: for the forms alone in which Python holds text.
    """
    held = Held()
    for country, node in processes.running.items():
        found, size = Counter[str](), 0
        for process in family(node.pid):
            for raw in memory(process):
                found |= findings.seeker.in_bytes(raw, None if thorough else held_forms())
                size += len(raw)
        findings.note(place, size, found, country)
        held.parts[country] = sum(one.startswith("?") for one in found)
        held.canaries[country] = len(found) - held.parts[country]
        held.mib[country] = size >> 20
    return held


def back_up(processes: Processes) -> None:
    """Make a backup of each State as ``docs/operations.md`` says."""
    for country in COUNTRIES:
        folder = processes.root / "backups" / country
        folder.mkdir()
        with (
            closing(sqlite3.connect(processes.database(country), timeout=60)) as source,
            closing(sqlite3.connect(folder / "gateway.db")) as made,
        ):
            source.backup(made)
        state = processes.states[country].home
        for one in state.rglob("*"):
            if one.is_file() and one.parent.name != "data":
                target = folder / one.relative_to(state)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(one, target)


def search_files(processes: Processes, findings: Findings) -> None:
    """Look through every file that is there: databases by bytes and by cells, logs, backups, homes, crashes, rest."""
    for country in COUNTRIES:
        for path in (processes.database(country), processes.accounts(country)):
            for part in ("", "-wal", "-shm"):
                file = path.with_name(path.name + part)
                if file.exists():
                    findings.add(DATABASES, file.read_bytes(), f"{country} {file.name}", kind="bytes")
            search_cells(path, findings, DATABASES)
        for file in _files(processes.states[country].home):
            if file.parent.name != "data" or ".db" not in file.name:
                findings.add(HOMES, file.read_bytes(), f"{country} {file.name}", kind="file")
        folder = processes.root / "backups" / country
        for file in _files(folder):
            findings.add(BACKUPS, file.read_bytes(), file.name, kind="bytes" if file.suffix == ".db" else "file")
        search_cells(folder / "gateway.db", findings, BACKUPS)
        findings.add(LOGS, processes.log(country).read_bytes(), country)
    for file in _files(processes.root / "crashes"):
        findings.add(CORES, file.read_bytes(), file.name, kind="bytes")
    for file in _files(processes.root / "tmp"):
        findings.add(TEMPORARY, file.read_bytes(), file.name, kind="file")


def search_cells(path: Path, findings: Findings, place: str) -> None:
    """Look through every cell of a database: a value that lies on two pages is whole only here."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=60)) as db:
        for (table,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
            rows = db.execute(f'SELECT * FROM "{table}"')  # noqa: S608  # a name of the schema
            names = [column[0] for column in rows.description]
            for column, values in zip(names, zip(*rows, strict=True), strict=False):
                findings.note(place, 0, findings.seeker.in_cells(values), f"{table}.{column}")


def _files(folder: Path) -> Iterator[Path]:
    yield from (one for one in sorted(folder.rglob("*")) if one.is_file())
