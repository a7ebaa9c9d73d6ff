"""
Two runs that differ only in what is withheld give the same pages, files, lists, logs and errors, byte for byte.

Clock and randomness are the same in both runs. The file of the person differs in everything that does not leave: every
national field, every element the purpose does not allow or nobody asked for, every reason that was typed. A length, a
digest, an order or a word that hung on one of them would show as a difference here.

Outlets are the pages of all three desks, their files and errors, both doors, mails and webhooks, figures, evidence,
and what of a copy of the database can be read. What is sealed draws its own randomness, so of that the length counts.
"""

import hashlib
import io
import json
import re
import sqlite3
import zipfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

import schemas
from gateway import app
from gateway.core.attachments import Rendition
from gateway.http import openapi
from gateway.http.local_api import LocalServices, local_app
from gateway.http.peer_api import peer_app
from gateway.services import evidence
from gateway.services.context import Person
from gateway.services.escalate import Escalation
from gateway.serving import desk_services, page_services
from gateway.transport.notices import DeskNotices, Mail, Webhook
from gateway.web import board, interior, operator
from keys import b64
from schemas import ijson
from tests.support import homeward, pictures, story
from tests.support.mail import MailServer
from tests.support.network import PEOPLE, Network, make_network
from tests.web.operator.reports import report
from tests.web.support import Answer, Desk, Officer, desks, links_of

DESKS = (interior.PAGES, board.PAGES, operator.PAGES)

PAGES_MAX = 300
"""Pages looked at by one person; none of them has more in this small world."""

SHORT = {"word": "Kestrel", "number": "417-Q8", "day": "2026-11-02"}
LONG = {"word": "Osprey above the harbour wall, second house", "number": "90421-77", "day": "2025-03-19"}
"""What is withheld in the one run and in the other: other words, other lengths, other places in every order."""

SAME = {"word": "Plain", "number": "200-Q1", "day": "2026-11-05"}
"""What the officer of both runs types into a new request, about a person whose case is stopped."""

LETTERS = "абвгде"
"""What tells the persons of a run apart; a file has one."""


class Seeded:
    """The ``Random`` port, the same in every run."""

    def __init__(self, seed: str) -> None:
        self._seed, self._drawn = seed, 0

    def bytes(self, count: int) -> bytes:
        """Return the next ``count`` bytes."""
        self._drawn += 1
        return hashlib.shake_256(f"{self._seed}/{self._drawn}".encode()).digest(count)

    def token(self) -> str:
        """Return 16 bytes as base64url."""
        return b64.encode(self.bytes(16))

    def spread(self) -> float:
        """Return a number in [0, 1)."""
        return int.from_bytes(self.bytes(4)) / 2**32


def file_with(held: Mapping[str, str], number: int) -> dict[str, Any]:
    """Return a draft about the person ``number`` whose withheld values are ``held``; what leaves is the same."""
    fields = schemas.load("case-draft")["properties"]["national"]["properties"]
    assert {"shelter", "health", "detention"} <= set(fields)
    national = {name: f"{held['word']} {name}" for name in fields}
    base = story.draft()
    (name, *_) = base["elements"]["names"]
    return story.draft(
        justification=f"The file says {held['word']}",
        asylum={**base["asylum"], "attested_on": held["day"], "basis": held["word"]},
        transfer_ground={"code": "DOMESTIC_LAW", "reference": f"Act {held['number']}"},
        handling=dict(homeward.HANDLING),
        national=national,
        elements={
            **base["elements"],
            "names": [{**name, "family": f"{name['family']}{LETTERS[number]}", "latin": None}],
            "birth_date": f"199{number}-05-0{number + 1}",
            "mother_given_names": held["word"].split()[0],
            "personal_number": f"{held['number']}{number}",
        },
    )


PORTRAIT = pictures.with_notes()
"""The same in both runs: what is withheld of it is another test's matter (``transport/test_render.py``)."""


class Renderer:
    """Draws in this process."""

    async def render(self, raw: bytes, member: str) -> Rendition:
        return pictures.rendition(member, raw)


async def play(network: Network, held: Mapping[str, str]) -> None:
    """
    Leave cases in several states in both States: a draft, one not answered, one stopped, one answered, a return.

    Then seven weeks pass, a note verbale is issued, and one more case is approved.
    """
    ours = network.gateways["XAA"]
    for gateway in network.gateways.values():
        gateway.clear.images.renderer = Renderer()
    drafted = await ours.clear.new(file_with(held, 0), "first")
    await ours.clear.images.attach(drafted, "photo", PORTRAIT, "first")
    await story.acknowledged(network, **file_with(held, 1))
    frozen = await story.sent(network, **file_with(held, 2))
    await network.deliver()
    await ours.hold.freeze(frozen, f"she spoke of {held['word']}", "protection", "asylum_authority")
    answered, _ = await replied(network, held, 3)
    await ours.clear.contest(answered, "WRONG_PERSON", "first")
    returned, there = await replied(network, held, 4)
    record = homeward.record(False, proceedings={"open": False, "presence_needed": False, "released_by": held["word"]})
    await ours.returning.consider(returned, record, "first", "case_officer")
    await ours.returning.assess(returned, "coordinator", "coordinator")
    await network.deliver()
    assert "REPLIED" == await story.state(network, "XBB", there)
    for _ in range(17):
        network.clock.pass_(days=3)
        await network.deliver(1)
    await Escalation(ours.context).note("XBB", "board", "foreign_affairs")
    await story.cleared(network, **file_with(held, 5))


async def replied(network: Network, held: Mapping[str, str], number: int) -> tuple[str, str]:
    """Ask about the person ``number`` and be answered; return both references."""
    ours, theirs = await story.acknowledged(network, **file_with(held, number))
    await story.give_answer(network, theirs, story.reply())
    await network.deliver()
    return ours, theirs


STAFF = {"ada": "operator", "grace": "operator", "dora": "dpo"}
"""Who works at the desks beside those of ``PEOPLE``."""

PERSONS = (*PEOPLE, *STAFF)


@dataclass
class Told:
    """What desks were told by mail and by webhook."""

    mail: MailServer
    hooks: list[tuple[str, bytes]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        """Take one call of the webhook."""
        self.hooks.append((request.headers["XG-Signature"], await request.read()))
        return web.Response()

    def bodies(self) -> dict[str, bytes]:
        """Return each mail, without the id that is drawn for it, and each call of the webhook."""
        found = {f"hook {number}": f"{sign}\n".encode() + body for number, (sign, body) in enumerate(self.hooks)}
        for number, one in enumerate(self.mail.mails):
            del one["Message-ID"]
            found[f"mail {number}"] = one.as_bytes()
        return found


@dataclass
class Played:
    """One run that was played: the network, the desks of both States, what they were told, the folder of it all."""

    network: Network
    opened: dict[str, Desk]
    told: Told
    root: Path


@asynccontextmanager
async def run(root: Path, held: Mapping[str, str]) -> AsyncIterator[Played]:
    """Play with ``held`` and open the desks of both States."""
    async with AsyncExitStack() as stack:
        root.mkdir()
        numbers = count()
        with pytest.MonkeyPatch.context() as patch:  # before a gateway is built, whose log draws its openings too
            patch.setattr(app, "SystemRandom", lambda: Seeded(f"gateway {next(numbers)}"))
            network = await make_network(root)
        stack.push_async_callback(network.close)
        told = Told(await stack.enter_async_context(MailServer()))
        hook = web.Application()
        hook.router.add_post("/", told.take)
        server = await stack.enter_async_context(TestServer(hook))
        lines = []
        for country, gateway in network.gateways.items():
            staff = {name: Person(name, frozenset({role}), bytes(32)) for name, role in STAFF.items()}
            gateway.context.persons = {**gateway.context.persons, **staff}
            to = {desk: [f"{desk}@{country.lower()}.example"] for desk in DESKS_TOLD}
            link = "https://desk.example/cases/{ref}"
            ways = [
                Mail("127.0.0.1", told.mail.port, "gateway@isthmus.example", to, "none", link=link),
                Webhook(str(server.make_url("/")), b"sixteen or more", link=link),
            ]
            lines.append(DeskNotices(ways, network.clock, gateway.context.emit))
            gateway.context.tell = lines[-1].tell
        await play(network, held)
        for line in lines:
            await line.close()
        opened = {}
        for country, gateway in network.gateways.items():
            reports = gateway.settings.data / "reports"
            reports.mkdir()
            (reports / "one.json").write_text(json.dumps(report()))
            opened[country] = await stack.enter_async_context(
                desks(network, root, DESKS, country, extra=page_services(gateway))
            )
        yield Played(network, opened, told, root)


DESKS_TOLD = ("interior",)
"""Desks that are told when a case moves."""

DISK_FREE = re.compile("[0-9.]+ (?:GiB|Gio|جيبيبايت)".encode())
"""What is free on this machine's disk, in the words of each language: two runs at two times need not find the same."""

NOT_FOLLOWED = re.compile(r"^/(sign-in|signed-out|link|account|again|static)|[?&]lang=")
"""Pages about how the visitor signs in, which are the same for everybody who has no case, and the same page again."""


async def look_around(officer: Officer, begin: Sequence[str] = ("/",)) -> dict[str, bytes]:
    """Return every page and file that links and pictures lead to from ``begin``, by path."""
    found: dict[str, bytes] = {}
    waiting = list(begin)
    while waiting:
        path = waiting.pop(0)
        assert len(found) < PAGES_MAX
        if path in found or NOT_FOLLOWED.search(path):
            continue
        answer: Answer = await officer.send("GET", path)
        found[path] = f"{answer.status}\n{answer.location}\n".encode() + answer.body
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            pictures = re.findall(r'<img [^>]*src="([^"]*)"', answer.text)
            waiting += [one for one in [*links_of(answer.text), *pictures] if one.startswith("/")]
    return found


WHO = {"board": "board", "ada": "operator", "grace": "operator"}
"""At which desk somebody sits, if not at that of the interior."""


async def outlets(played: Played, language: str) -> dict[str, bytes]:
    """Return everything that people and programs may get without a reason given for it, by a name for it."""
    network = played.network
    found: dict[str, bytes] = {}
    for country, desk in played.opened.items():
        refs = [row.ref for row in await desk.gateway.inquiries.cases(states=[], limit=100)]
        guest = await invited(desk, refs[0])
        for name in PERSONS:
            officer = await desk.officer(name, WHO.get(name, "interior"), language=language)
            asked = [f"/cases/{ref}/look" for ref in refs]  # no link leads there, only a session that ended
            for path, body in (await look_around(officer, ["/", *asked, *await acted(officer, refs)])).items():
                found[f"{country} {name} {path}"] = body
        for path, body in (await look_around(guest, ["/invited"])).items():
            found[f"{country} guardian {path}"] = body
        officer = await desk.officer("first")
        for ref in refs:
            for path in (f"/search?ref={ref}", f"/search?ref={ref[:-1]}", f"/cases/{ref[:-1]}A/"):
                found[f"{country} {path}"] = (await officer.send("GET", path)).body
        found |= await local_api(desk, country, refs)
        found |= await peer_door(desk, country)
        found |= await proofs(desk, country, refs)
        found[f"{country} figures"] = str(await desk.gateway.inquiries.figures(network.clock.now())).encode()
    found |= await content(played.opened["XBB"])
    found |= played.told.bodies()
    found |= wires(network)
    found["log"] = "\n".join(map(str, network.logs)).encode()
    for name in [name for name in found if re.fullmatch("X[AB]{2} (ada|grace) /(reports)?", name)]:
        # These two pages name a folder of the run; that of health says what is free on the disk of this machine too.
        body = found[name].replace(str(played.root).encode(), b"ROOT")
        found[name] = DISK_FREE.sub(b"", body)
    return found


async def acted(officer: Officer, refs: Sequence[str]) -> list[str]:
    """Do what leads to pages that no link leads to, and return where those are."""
    if officer.at == "operator":
        for path, form in (("/", "/look"), ("/logs", "/logs/audit")):
            await officer.get(path)
            await officer.post(form)
        return ["/states/XAA/back", "/states/XBB/back"]
    if officer.at == "board":
        await officer.get("/")
        await officer.post("/reminders", {"ref": list(refs)})
        if 'name="confirm"' in page_of(officer).text:
            await officer.post("/reminders")
        more = [f"/replies/{ref}/{part}" for ref in refs for part in ("aside", "level")]
        return [page_of(officer).path, *more, "/reminders", "/notes/issue", "/partners/XAA/test", "/partners/XBB/test"]
    if officer.name != "first":
        return []
    await officer.get("/requests/new")
    path = (await officer.post("/requests/import", {"file": ijson.dumps(file_with(SAME, 2))})).path
    typed = (await officer.get(f"{path}/documents")).form(f"{path}/documents")
    await officer.post(f"{path}/documents", {**typed, "member": "photo", "file": PORTRAIT})
    begun = page_of(officer).path
    unseen = [f"/cases/{ref}/pictures/{whose}/photo/1" for ref in refs for whose in ("ours", "theirs", "leaves")]
    return [begun, f"{begun}/review", "/queues/overdue/count", *unseen]


def page_of(officer: Officer) -> Answer:
    """Return the page that somebody has before them."""
    assert officer.last is not None
    return officer.last


async def invited(desk: Desk, ref: str) -> Officer:
    """Return somebody who is invited to the case ``ref``."""
    now = desk.network.clock.now()
    made = await desk.site.accounts.invite(ref, "guardian", "first", now, now + timedelta(days=30))
    return await desk.officer(made.person, level="link", invitation=made)


def wires(network: Network) -> dict[str, bytes]:
    """Return what passed between the States: who sent how much to which door, and what was answered how long."""
    posted = [(country, path, len(body)) for country, path, body in network.wires.posted]
    answered = [(reply.status, reply.media_type, len(reply.body)) for reply in network.wires.answers]
    return {"wire posted": str(posted).encode(), "wire answered": str(answered).encode()}


async def peer_door(desk: Desk, country: str) -> dict[str, bytes]:
    """Return what the door for partners says to what is none of theirs."""
    gateway, found = desk.gateway, {}
    made = peer_app(gateway.receiver, gateway.deliverer, log=gateway.context.log, watch=gateway.witness)
    async with TestClient(TestServer(made)) as client:
        for path in ("/", "/xg/1/messages", "/xg/1/collect", "/xg/1/answers"):
            for kind in ("text/plain", "application/xg1-envelope"):
                answer = await client.post(path, data=b"XG1 nothing", headers={"Content-Type": kind})
                found[f"{country} peer {path} {kind}"] = f"{answer.status}\n".encode() + await answer.read()
    return found


async def proofs(desk: Desk, country: str, refs: Sequence[str]) -> dict[str, bytes]:
    """Return the evidence of each case member by member: as the desk gives it, and as two persons disclose it."""
    found = {}
    officer = await desk.officer("first")
    for ref in refs:
        await officer.get(f"/cases/{ref}/documents")
        raw = (await officer.post(f"/cases/{ref}/evidence", {"why": "To prove when it was asked"})).body
        found |= {f"{country} evidence {ref} {name}": body for name, body in members(raw)}
        raw = await evidence.export(
            *(desk.gateway.context, ref, "first", "case_officer", "To prove what was asked"),
            cards=desk.gateway.cards,
            with_content_by=("first", "second"),
        )
        found |= {f"{country} disclosed {ref} {name}": body for name, body in members(raw)}
    return found


def members(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the whole of a zip, and each file in it."""
    yield "zip", raw
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        for one in archive.infolist():
            yield one.filename, archive.read(one)


DRAWN = frozenset({"wrapped", "sealed", "envelope", "envelope_id"})
"""Columns that are sealed or made of what is sealed: of them the length counts."""


def copy(desk: Desk, root: Path) -> dict[str, bytes]:
    """Return what is clear in a copy of the database as it is made for a backup, and of all else that is backed up."""
    gateway, country = desk.gateway, desk.country
    path, home = root / "copy.db", gateway.settings.home
    found = {}
    with closing(sqlite3.connect(gateway.settings.database)) as source, closing(sqlite3.connect(path)) as made:
        source.backup(made)
        for (table,) in made.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
            rows = made.execute(f"SELECT * FROM {table}")  # noqa: S608  # a name of the schema
            names = [column[0] for column in rows.description]
            shown = [str([_shown(table, name, value) for name, value in zip(names, row, strict=True)]) for row in rows]
            if table == "person_value":
                shown.sort()  # in the order of values that are keyed, which tells nothing without the key
            found[f"{country} copy {table}"] = "\n".join(shown).encode()
        found[f"{country} copy raw"] = path.read_bytes()
    found[f"{country} copy size"] = f"{path.stat().st_size} bytes".encode()
    path.unlink()
    for file in sorted(home.rglob("*")):
        if file.is_file() and not file.name.startswith("gateway.db"):
            found[f"{country} copy {file.relative_to(home)}"] = file.read_bytes()
    return found


def _shown(table: str, column: str, value: object) -> object:
    """Return what a copy shows of a value without a key."""
    if value is None:
        return False
    if (table, column) == ("access", "justification"):
        return len(str(value))
    if isinstance(value, bytes) and (column in DRAWN or (table, column) == ("person_value", "value")):
        return len(value)
    return "" if (table, column) == ("person_value", "n") else value


async def content(desk: Desk) -> dict[str, bytes]:
    """Return what the desk that was asked sees of each case once it has said why: all that ever left."""
    found = {}
    officer = await desk.officer("first")
    for row in await desk.gateway.inquiries.cases(states=[], limit=100):
        await officer.get(f"/cases/{row.ref}")
        page = await officer.post(f"/cases/{row.ref}/look", {"why": "To answer the question"})
        assert any(f"{story.ADULT['elements']['names'][0]['family']}{letter}" in page.text for letter in LETTERS)
        for path in ("", "/messages", "/timeline", "/log", "/print", "/return", "/steps/reply"):
            answer = await officer.send("GET", f"/cases/{row.ref}{path}")
            found[f"XBB content {row.ref}{path}"] = answer.body
    return found


REFUSED = ("answer", "propose", "returned")
"""Steps without a body for which no case stands ready, so that each is refused."""


async def local_api(desk: Desk, country: str, refs: Sequence[str]) -> dict[str, bytes]:
    """Return the lists and cases of the local API, as a desk gets them without a justification, and what it refuses."""
    tokens = {hashlib.sha256(name.encode()).hexdigest(): name for name in PEOPLE}
    app = local_app(LocalServices(desk_services(desk.gateway), tokens))
    steps = [route.path for route in openapi.ROUTES if route.method == "POST" and "{ref}" in route.path]
    refused = [route.path for route in openapi.ROUTES if route.request and "{ref}" in route.path]
    refused += [path for path in steps if path.rpartition("/")[2] in REFUSED]
    found = {}
    async with TestClient(TestServer(app)) as client:

        async def ask(method: str, path: str, person: str = "first", **more: Any) -> None:
            headers = {"Authorization": f"Bearer {person}", openapi.ROLE_HEADER: PEOPLE[person][0]}
            answer = await client.request(method, path, headers=headers, **more)
            assert answer.status in ((200,) if path in own else range(400, 500)), path
            told = f"{answer.status} {answer.headers.get('ETag')}\n"
            found[f"{country} api {person} {method} {path}"] = told.encode() + await answer.read()

        own = {"/v1/cases", "/v1/overdue", *(f"/v1/cases/{ref}" for ref in refs)}
        for path in sorted(own):
            await ask("GET", path)
        for ref in refs:
            for path in ("preview", "return", "evidence", "account", "nothing"):
                await ask("GET", f"/v1/cases/{ref}/{path}")
            await ask("GET", f"/v1/cases/{ref[:-1]}")
            for path in refused:
                for person in ("first", "second"):
                    await ask("POST", path.replace("{ref}", ref), person, json={})
    return found


async def preview(desk: Desk, held: Mapping[str, str]) -> dict[str, bytes]:
    """Return what would leave of a new draft, and its digest, as the author is shown them before there is a case."""
    made = desk.gateway.clear.preview(file_with(held, 1))
    return {"preview": json.dumps([made.type, made.body, made.digest, [asdict(one) for one in made.findings]]).encode()}


SIGNED = re.compile("(— [A-Z]{3} )[A-Za-z0-9+/]{3000,}=*".encode())
"""A cosignature: ML-DSA draws its own randomness, so each is another one (FIPS 204)."""


def settled(found: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return ``found`` without what is drawn anew for each signature: of those names and lengths are left."""
    made = {}
    for name, body in found.items():
        kept = SIGNED.sub(rb"\1", body)
        if name.endswith(" zip"):
            with zipfile.ZipFile(io.BytesIO(body)) as archive:
                kept = str([(one.filename, one.file_size, one.date_time) for one in archive.infolist()]).encode()
        elif name.endswith(" manifest.json"):
            value = json.loads(body)
            for one in [one for one in value["members"] if one.startswith("log/")]:
                value["members"][one] |= {"sha256": ""}
            kept = json.dumps(value).encode()
        elif name.endswith(" manifest.jws"):
            header, payload, signature = body.split(b".")
            assert b64.decode(payload.decode()) == found[f"{name.removesuffix('.jws')}.json"]
            kept = header + b" %d" % len(signature)
        elif name.endswith(" copy raw"):
            continue  # looked through for words; what it shows without a key is compared row by row
        made[name] = kept
    return made


def words(held: Mapping[str, str]) -> list[bytes]:
    """Return what is withheld in a run, as it would stand somewhere."""
    return [held["word"].encode(), held["word"].split()[0].encode(), held["number"].encode(), held["day"].encode()]


async def compare(root: Path, runs: Mapping[str, Mapping[str, str]], language: str = "en") -> tuple[int, list[str]]:
    """
    Play each of ``runs`` (what is withheld, by a name for it) under ``root`` and look at everything in ``language``.

    Returns how many outlets there are, and what is wrong: those that hold something withheld in any of the runs, and
    those that differ between the first run and another. Raises ``AssertionError`` if an outlet was not reached at all.
    """
    wrong: list[str] = []
    withheld = [word for held in runs.values() for word in words(held)]
    first: dict[str, bytes] | None = None
    for name, held in runs.items():
        async with run(root / name, held) as played:
            found = await outlets(played, language) | await preview(played.opened["XAA"], held)
            for desk in played.opened.values():
                found |= copy(desk, played.root)
        wrong += [f"{name}: {one} holds {word!r}" for one, body in found.items() for word in withheld if word in body]
        kept = settled(found)
        if first is None:
            first = kept
            covered(first)
        wrong += [f"{name}: {one} is not in both" for one in set(first) ^ set(kept)]
        wrong += [f"{name}: {one} differs" for one in first if one in kept and first[one] != kept[one]]
    return len(first or ()), wrong


def covered(found: Mapping[str, bytes]) -> None:
    """Check that what was compared is all there is: every page of each desk, and each kind of file."""
    assert len(found) > 2000
    pages = {name for name in found if re.match(r"X[AB]{2} [a-z]+ /", name)}
    paths = {name.split(" ", 2)[2] for name in pages if found[name].startswith((b"200", b"303"))}
    routes = [route for pages in DESKS for route in pages.routes if route.method == "GET"]
    # The page of a form stands at the address of the form too, where no link leads: it is the same page.
    reached = {one.handler for one in routes if any(_leads(path, one.path) for path in paths)}
    reached |= {one.handler for one in routes if NOT_FOLLOWED.search(one.path)}
    assert [] == [one.path for one in routes if one.handler not in reached]
    for country in ("XAA", "XBB"):
        for kind in ("/replies.csv", "/digests/", "evidence", "disclosed", "peer", "api", "copy"):
            assert [name for name in found if name.startswith(country) and kind in name]
    if find_spec("weasyprint") is not None:
        assert found["XAA board /notes/2027/1/pdf"].startswith(b"200\n\n%PDF-")
    assert [name for name in found if name.startswith("mail ")]
    assert [name for name in found if name.startswith("hook ")]


def _leads(path: str, route: str) -> bool:
    return re.fullmatch(re.sub(r"\{[a-z]+\}", "[^/]+", route), path.partition("?")[0]) is not None
