"""
A trust list as the suite keeps it (protocol 8.4): trustees, publisher and States in one hand, and a server on loopback.

Every part is right until ``publish`` or ``next_root`` is told otherwise. A fault is put into one part and the parts
around it stay right: they name its version, length and digest, so that the reader meets it where it was planted.
"""

import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from aiohttp import web

from conformance.play import Play
from conformance.reading import Json, compact
from conformance.registry import Unclear, Wrong
from conformance.state import DAY, State
from conformance.writing import Key, stamp

LASTS = {"root": 400 * DAY, "targets": 400 * DAY, "snapshot": 7 * DAY, "timestamp": DAY}
"""For how long a part holds; what a State says holds as long as targets."""

HOST = "127.0.0.1"
TRUSTEES, THRESHOLD = 5, 3
KEYS_OF_STATE, THRESHOLD_OF_STATE = 3, 2

NEEDS = ["trust-list"]
"""What a back-end offers that can be asked of trust lists."""

Change = Callable[[Json], Any]
"""What is done to a part, in place, before it is signed."""


def nothing(part: Json) -> None:
    """Change nothing."""


def canonical(value: Any) -> bytes:
    """Return canonical JSON (OLPC), which is what is signed; no string here needs more than JSON's own escapes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def row_of(public: bytes, **changes: Any) -> Json:
    """Return a key as it stands in a list, with ``changes``."""
    return {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": public.hex()}, **changes}


def id_of(row: Json) -> str:
    """Return the id of a key of a list."""
    return sha256(canonical(row)).hexdigest()


def listed(keys: Sequence[Key]) -> dict[str, Json]:
    """Return ``keys`` by their ids."""
    return {id_of(row): row for row in (row_of(key.public) for key in keys)}


def rule(keys: Sequence[Key], threshold: int) -> Json:
    """Return the rule that ``threshold`` of ``keys`` sign."""
    return {"keyids": list(listed(keys)), "threshold": threshold}


def delegation(code: str, keys: Sequence[Key], **changes: Any) -> Json:
    """Return the delegation to the keys of one State, with ``changes``."""
    right = {"name": code, "terminating": True, "paths": [f"cards/{code}/*"], **rule(keys, THRESHOLD_OF_STATE)}
    return {name: value for name, value in (right | changes).items() if value is not None}


def sealed(signed: Json, keys: Sequence[Key]) -> Json:
    """Return the part ``signed`` with a signature of each of ``keys``."""
    content = canonical(signed)
    rows = [{"keyid": id_of(row_of(key.public)), "sig": key.sign(content).hex()} for key in keys]
    return {"signatures": rows, "signed": signed}


def cards_document(code: str, cards: Sequence[str], **changes: Any) -> bytes:
    """Return the target of a State's cards, with ``changes``."""
    return compact({"v": 1, "country": code, "cards": list(cards), **changes})


class TrustList:
    """A list of the States of a run, with all its keys."""

    def __init__(self, play: Play, states: Sequence[State], name: str = "list") -> None:
        """Make the keys called ``name`` and the first root; nothing is published yet."""
        self._play = play
        self.states = tuple(states)
        self.trustees = self.some_keys(f"{name} trustee", TRUSTEES)
        self.online = play.stranger.key(f"{name} online")
        self.keys = {one.code: self.some_keys(f"{name} {one.code}", KEYS_OF_STATE) for one in states}
        self.policies: dict[str, bytes] = {}
        self.files: dict[str, bytes] = {}
        self.address = ""
        self.afterwards: Callable[[], None] = lambda: None
        self._versions: dict[str, int] = {}
        self._beside: Json = {}
        self._root: Json = {}
        self.next_root()
        self.first = self.files["metadata/1.root.json"].decode()

    def some_keys(self, name: str, count: int) -> list[Key]:
        """Return ``count`` keys called ``name``."""
        return [self._play.stranger.key(f"{name} {number}") for number in range(count)]

    @property
    def code(self) -> str:
        """Return the code of the first State, which is the one that a fault concerns."""
        return self.states[0].code

    @property
    def publisher(self) -> list[Key]:
        """Return the keys that sign online."""
        return [self.online]

    # The parts

    def _signed(self, kind: str, version: int, at: datetime, **members: Any) -> Json:
        ends = stamp(at + LASTS.get(kind, LASTS["targets"]))
        return {"_type": kind, "spec_version": "1.0.31", "version": version, "expires": ends, **members}

    def next_root(
        self,
        trustees: Sequence[Key] | None = None,
        by: Sequence[Key] | None = None,
        change: Change | None = None,
        version: int | None = None,
    ) -> None:
        """
        Write the next root, in which ``trustees`` are those from now on, signed ``by`` these keys; ``version`` is what
        its file is called.

        Without ``by`` the trustees before and after sign it.
        """
        before, self.trustees = self.trustees, list(trustees or self.trustees)
        number = int(self._root.get("version", 0)) + 1
        roles = {
            **dict.fromkeys(("root", "targets"), rule(self.trustees, THRESHOLD)),
            **dict.fromkeys(("snapshot", "timestamp"), rule(self.publisher, 1)),
        }
        keys = listed([*self.trustees, self.online])
        signed = self._signed("root", number, self._play.now(), consistent_snapshot=True, keys=keys, roles=roles)
        (change or nothing)(signed)
        both = {key.seed: key for key in (*before, *self.trustees)}
        raw = canonical(sealed(signed, list(both.values()) if by is None else by))
        self.files[f"metadata/{version or signed['version']}.root.json"] = raw
        self._root = signed

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Take back afterwards what was done to roots and keys; what was published has its version for good."""
        before = (self.trustees, self.online, dict(self.keys), dict(self.policies), self._root)
        roots = {name for name in self.files if name.endswith(".root.json")}
        yield
        self.afterwards()
        self.afterwards = lambda: None
        self.trustees, self.online, self.keys, self.policies, self._root = before
        for name in [name for name in self.files if name.endswith(".root.json") and name not in roots]:
            del self.files[name]

    def publish(
        self,
        change: Mapping[str, Change] | None = None,
        by: Mapping[str, Sequence[Key]] | None = None,
        whole: Mapping[str, Change] | None = None,
        cards: Mapping[str, bytes] | None = None,
        at: datetime | None = None,
    ) -> None:
        """
        Publish the newest cards of every State and the policies, as of ``at`` or now.

        By role, ``change`` changes a part before it is signed, ``by`` are the keys that sign it in place of the right
        ones, ``whole`` changes it after that; ``cards`` are other targets of cards by State.
        """
        when = at or self._play.now()
        changes, signers, wholes = change or {}, by or {}, whole or {}
        written: dict[str, bytes] = {}

        def put(role: str, kind: str, right: Sequence[Key], **members: Any) -> None:
            version = self._versions[role] = self._versions.get(role, 0) + 1
            signed = self._signed(kind, version, when, **members)
            changes.get(role, nothing)(signed)
            made = sealed(signed, signers.get(role, right))
            wholes.get(role, nothing)(made)
            written[role] = canonical(made)
            name = "timestamp.json" if role == "timestamp" else f"{signed['version']}.{role}.json"
            self.files[f"metadata/{name}"] = written[role]

        def named(*roles: str) -> Json:
            return {f"{role}.json": _meta(written[role]) for role in roles}

        for one in self.states:
            content = (cards or {}).get(one.code, cards_document(one.code, one.cards))
            targets = self._targets({f"cards/{one.code}/card.json": content})
            put(one.code, "targets", self.keys[one.code], targets=targets)
        policies = self._targets({f"policy/{name}": content for name, content in self.policies.items()})
        put("targets", "targets", self.trustees, targets=policies, delegations=self._delegations())
        put("snapshot", "snapshot", self.publisher, meta=named("targets", *self.keys) | self._beside)
        put("timestamp", "timestamp", self.publisher, meta=named("snapshot"))

    def another(self) -> "TrustList":
        """Return a list of the same States by trustees, publisher and keys of its own; its versions go on."""
        made = TrustList(self._play, self.states, "another list")
        made._versions = dict(self._versions)
        return made

    def beside(self, name: str, keys: Sequence[Key], files: Mapping[str, bytes]) -> None:
        """Write a part called ``name`` with ``files`` that is none of a State; every snapshot has it from now on."""
        raw = canonical(sealed(self._signed("targets", 1, self._play.now(), targets=self._targets(files)), keys))
        self.files[f"metadata/1.{name}.json"] = raw
        self._beside[f"{name}.json"] = _meta(raw)

    def add(self, signed: Json, path: str, content: bytes) -> None:
        """Let a part name ``content`` at ``path`` as well."""
        signed["targets"].update(self._targets({path: content}))

    def _targets(self, files: Mapping[str, bytes]) -> Json:
        for path, content in files.items():
            folder, _, name = path.rpartition("/")
            self.files[f"targets/{folder}/{sha256(content).hexdigest()}.{name}"] = content
        return {
            path: {"length": len(content), "hashes": {"sha256": sha256(content).hexdigest()}}
            for path, content in files.items()
        }

    def _delegations(self) -> Json:
        every = [key for keys in self.keys.values() for key in keys]
        return {"keys": listed(every), "roles": [delegation(code, keys) for code, keys in self.keys.items()]}

    # Reading

    async def read(self, root: str | None = None) -> Json:
        """Let the gateway read the list now, from its first root or from ``root``; return whose cards it holds."""
        answer = await self._play.offered("/trust", repository=self.address, root=root or self.first)
        if not isinstance(answer.get("held"), dict) or not isinstance(answer.get("hold"), list):
            raise Unclear("the answer to /trust lacks held or hold")
        return answer

    async def held(self, *serials: int) -> None:
        """Let the gateway read the list, and insist that it holds these cards of its States, none of them on hold."""
        answer = await self.read()
        found = tuple(answer["held"].get(one.code) for one in self.states)
        if found != serials:
            raise Wrong(f"the gateway holds the cards {found} of {[one.code for one in self.states]}, not {serials}")
        if on_hold := sorted({one.code for one in self.states} & set(answer["hold"])):
            raise Wrong(f"{', '.join(on_hold)} is on hold without a reason (M-8.5, M-8.12)")

    async def serve(self, request: web.Request) -> web.Response:
        """Serve a file of the list as it is now."""
        content = self.files.get(request.path.lstrip("/"))
        return web.Response(status=404) if content is None else web.Response(body=content)


def _meta(raw: bytes) -> Json:
    return {
        "version": json.loads(raw)["signed"]["version"],
        "length": len(raw),
        "hashes": {"sha256": sha256(raw).hexdigest()},
    }


@asynccontextmanager
async def published(play: Play, *states: State) -> AsyncIterator[TrustList]:
    """
    A list of ``states`` (of ``a`` and ``b``), published, served and read by the gateway, which holds their first cards.
    """
    made = TrustList(play, states or (play.a, play.b))
    made.publish()
    app = web.Application()
    app.router.add_get("/{path:.*}", made.serve)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, 0).start()
        made.address = f"http://{HOST}:{runner.addresses[0][1]}"
        await made.read()
        yield made
    finally:
        await runner.cleanup()


def expires(by: timedelta) -> Change:
    """Return a change of when a part ends: later, or earlier, ``by`` so much."""

    def change(signed: Json) -> None:
        signed["expires"] = stamp(datetime.fromisoformat(signed["expires"]) + by)

    return change


def leave_out(book: TrustList) -> Change:
    """Return a change of targets that takes out the first State and its keys."""

    def change(signed: Json) -> None:
        rows = signed["delegations"]["roles"]
        signed["delegations"]["roles"] = [row for row in rows if row["name"] != book.code]
        for keyid in listed(book.keys[book.code]):
            del signed["delegations"]["keys"][keyid]

    return change


# What is believed of a list that is wrong

Fault = Callable[[TrustList], None]
"""What publishes a list with a fault in it; where only one State is concerned it is the first."""


async def none_taken(play: Play, fault: Fault) -> None:
    """Insist that nothing is taken of a list with ``fault``, and all of the right one after it."""
    await _judge(play, fault, (1, 1))


async def part_not_taken(play: Play, fault: Fault) -> None:
    """Insist that nothing is taken of the State concerned and all of the other, and all once the list is right."""
    await _judge(play, fault, (1, 2))


async def _judge(play: Play, fault: Fault, serials: tuple[int, int]) -> None:
    async with published(play) as book:
        for one in book.states:
            one.next_card()
        with book.undone():
            fault(book)
            await book.held(*serials)
            for one in book.states:
                await play.accepted(one.message(play.gateway))
        book.publish()
        await book.held(2, 2)
