"""
One run against one gateway: the States that the suite plays, the clock, and how what comes back is judged.

Four things are judged. The reply: ``accepted``, ``refused``, ``problem``. The durable state: after each of them, what
the back-end lists as delivered is exactly what was delivered before, and the message if it was accepted. The evidence:
every answer is verified to its log, and the log must never change. The requests: ``tick`` returns what the gateway
posted, each opened and checked.
"""

import random
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from conformance.backend import Backend, Forbidden, NoBackend
from conformance.client import Client, Got
from conformance.door import PROBLEM, STATUS, TRANSIENT, Doors, json_of
from conformance.evidence import LogView, read_parts, read_receipt_of
from conformance.line import Line, Way
from conformance.reading import Json, strict_json, unb64u
from conformance.registry import PROFILES, NotOffered, Unclear, Wrong, includes
from conformance.state import ANSWER, Gateway, Post, Shot, State, example
from conformance.talk import Talk
from conformance.writing import stamp

START = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
"""Where the clock begins: a Wednesday, with a public holiday of ``XBB-2026-27`` before the reply is due."""

CODES = ("XAA", "XBB", "XCC", "XDD")
ASIDE = ("XAE", "XAD")


class Play:
    """
    The gateway under test and the States around it.

    ``a`` is the State that most cases use; ``b`` is another one; ``c`` has no address and collects; ``d`` takes suite 2
    alone. ``stranger`` has cards that the gateway was never given.
    """

    def __init__(
        self, client: Client, backend: Backend, *, seed: int, host: str = "127.0.0.1", secret: bytes | None = None
    ) -> None:
        """
        Play against the gateway at ``client``.

        ``seed`` decides every id and key; ``secret`` keeps the keys of the States the same from run to run.
        """
        self.client = client
        self.backend = backend
        self.manual = isinstance(backend, NoBackend)
        self.seed = seed
        self.random = random.Random(seed)  # noqa: S311 - it chooses faults, and no key of anybody
        self.doors = Doors(host, lambda: self.gateway)
        self.judged: set[str] = set()
        self.offers: frozenset[str] = frozenset()
        self.profile = "receive"
        self.software = ""
        self._secret = secret or sha256(f"isthmus conformance {seed}".encode()).digest()
        self._gateway: Gateway | None = None
        self._now = START
        self._views: dict[str, LogView] = {}
        self._problems: dict[str, bytes] = {}
        self._delivered: list[Json] | None = None
        self._heard = 0
        self.lines: dict[str, Line] = {}
        self._near: Line | None = None
        self._through = client
        self.a = self.b = self.c = self.d = self.stranger = self._state("XAE")

    # Begin

    @property
    def gateway(self) -> Gateway:
        """Return what is known of the gateway under test."""
        if self._gateway is None:
            raise Unclear("the run has not begun")
        return self._gateway

    @property
    def states(self) -> tuple[State, ...]:
        """Return the States whose cards the gateway is given."""
        return (self.a, self.b, self.c, self.d)

    def now(self) -> datetime:
        """Return the instant of the run: that of the back-end's clock, or in the manual profile the real one."""
        return datetime.now(UTC).replace(microsecond=0) if self.manual else self._now

    @property
    def leeway(self) -> timedelta:
        """
        Return by how much further beyond an edge a time must be to be beyond it still as the gateway reads it.

        None with a back-end's clock, which stands still. Real time goes on while a message is on its way, and two real
        clocks differ: a minute in the manual profile.
        """
        return timedelta(minutes=self.manual)

    def _state(self, code: str, suite: int = 1) -> State:
        return State(code, self._secret, self.now, suite=suite, tokens=self.seed)

    async def begin(
        self,
        country: str | None = None,
        cards: Iterable[str] = (),
        chains: Mapping[str, list[str]] | None = None,
    ) -> None:
        """
        Learn which State the gateway is of, and open the doors of the others.

        In the manual profile ``country`` and ``cards`` are what the operator said, and ``chains`` the cards of the
        test States that were given to the gateway; nobody posts to them.
        """
        if not self.manual:
            answer = await self._reset({})
            country = str(answer.get("country"))
        own = country or ""
        first, second, third = [code for code in CODES if code != own][:3]
        self.a, self.b, self.c = self._state(first), self._state(second), self._state(third)
        self.d = self._state("XAC" if own == "XEE" else "XEE", suite=2)
        self.stranger = self._state(next(code for code in ASIDE if code != own))
        if self.manual:
            self._gateway = Gateway(own, list(cards), None)
            for state in self.states:
                state.cards = list((chains or {})[state.code])
            self.stranger.first_card()
            return
        for state in (*self.states, self.stranger):
            if state is not self.c:
                await self._open(state)
        await self._open_near()
        await self.fresh()

    async def _open(self, state: State) -> None:
        """Open the door of ``state``, with a line before it; the card names the line."""
        door = urlsplit(await self.doors.open(state))
        line = Line(door.hostname or "", door.port or 0)
        state.addresses = [f"http://{door.hostname}:{await line.open()}"]
        self.lines[state.code] = line

    async def _open_near(self) -> None:
        """Lay a line between the suite and the gateway, where there is no TLS that it could not read."""
        if self.client.tls is None:
            self._near = Line(self.client.host, self.client.port)
            self._through = Client(f"http://{self.client.host}:{await self._near.open()}")

    def line(self, state: State) -> Line:
        """Return the line before the door of ``state``."""
        return self.lines[state.code]

    @property
    def near(self) -> Line:
        """Return the line between the suite and the gateway; ``through`` posts over it."""
        if self._near is None:
            raise NotOffered("the target speaks TLS, which a line cannot read")
        return self._near

    async def through(self, shot: Shot, *ways: Way) -> Got | None:
        """Post ``shot`` over the near line, which does each of ``ways``; ``None`` if no answer comes through."""
        self.near.ways = list(ways)
        self._delivered = None
        try:
            return await self._through.post(shot)
        except Unclear:
            return None
        finally:
            await self._through.close()
            self.near.ways = []

    async def fresh(self, now: datetime = START, cards: Mapping[str, list[str]] | None = None) -> None:
        """Reset the gateway and everything around it; ``cards`` replace those of some States."""
        if self.manual:
            raise NotOffered("the manual profile has no reset")
        self._now = now
        await self.client.close()
        for state in (*self.states, self.stranger):
            state.forget()
            state.first_card()
        for line in self.lines.values():
            line.ways.clear()
            line.passed.clear()
        for state in self.states:
            state.cards = list((cards or {}).get(state.code, state.cards))
        answer = await self._reset({state.code: state.cards for state in self.states})
        self._gateway = Gateway(str(answer["country"]), list(answer["cards"]), answer.get("calendar"))
        self._views.clear()
        self.doors.broken = ""
        self._delivered = []
        self._heard = len(self.doors.posts)

    async def _reset(self, cards: Json) -> Json:
        answer = await self.tell("/reset", {"now": stamp(self._now), "cards": cards})
        try:
            self.profile, self.offers = str(answer["profile"]), frozenset(answer["offers"])
            self.software = str(answer["software"])[:100]
            if self.profile not in PROFILES:
                raise Unclear(f"the back-end claims the unknown profile {self.profile[:20]}")
            answer["country"], answer["cards"] = str(answer["country"]), [str(card) for card in answer["cards"]]
        except (LookupError, TypeError) as error:
            raise Unclear(f"the answer to /reset lacks {error}") from None
        return answer

    async def tell(self, path: str, value: Json) -> Json:
        """Call the back-end; what it lists as delivered may be another afterwards."""
        self._delivered = None
        return await self.backend.post(path, value)

    async def close(self) -> None:
        """Close doors and connections."""
        await self.client.close()
        await self.backend.close()
        await self._through.close()
        for line in (*self.lines.values(), *([self._near] if self._near else [])):
            line.close()
        await self.doors.close()

    def need(self, profile: str) -> None:
        """Go on only if the gateway claims ``profile``. Raises ``NotOffered``."""
        if not includes(self.profile, profile):
            raise NotOffered(f"the gateway claims the profile {self.profile}")

    # The reply

    async def post(self, shot: Shot, method: str = "POST") -> Got:
        """Post ``shot``; what came back is the caller's to judge."""
        self._delivered = None
        got = await self.client.post(shot, method)
        self.judged.add("reply")
        return got

    async def accepted(self, shot: Shot) -> Json:
        """Post ``shot``, insist that it is accepted and applied exactly once, and return its receipt."""
        before = await self.delivered()
        receipt = self.receipt(await self.post(shot), shot)
        if receipt["status"] != "accepted":
            raise Wrong(f"{shot.type or 'the message'} was refused as {receipt['code']}, not accepted")
        if before is not None:
            await self._applied(before, shot)
        return receipt

    async def refused(self, shot: Shot, code: str) -> Json:
        """Post ``shot``, insist on a signed refusal that changes nothing and is given again, and return its receipt."""
        before = await self.delivered()
        got = await self.post(shot)
        receipt = self.receipt(got, shot)
        if (receipt["status"], receipt["code"]) != ("refused", code):
            seen = receipt["status"] if receipt["code"] is None else f"refused as {receipt['code']}"
            raise Wrong(f"{shot.type or 'the message'} was {seen}, not refused as {code}")
        if (receipt["start_on"], receipt["due_on"]) != (None, None):
            raise Wrong("a refusal states dates (M-5.13)")
        if code != "expired" and (again := await self.post(shot)).body != got.body:
            raise Wrong(f"the same bytes got another answer the second time: {again.status} (M-5.18)")
        await self._unchanged(before)
        return receipt

    async def problem(self, shot: Shot, code: str) -> Got:
        """Post ``shot``, and insist on the problem of ``code`` and that nothing was stored (M-5.5)."""
        before = await self.delivered()
        got = await self.post(shot)
        self.is_problem(got, code)
        await self._unchanged(before)
        return got

    async def fails(self, shot: Shot, code: str) -> None:
        """Post ``shot``, and insist on ``code`` in the way of its kind: a problem or a signed refusal."""
        await (self.problem if code in STATUS else self.refused)(shot, code)

    def is_problem(self, got: Got, code: str) -> None:
        """Insist that ``got`` is the problem of ``code`` and says nothing more, in the same bytes each time."""
        if got.status != STATUS[code]:
            said = f" ({self._code(got)})" if got.headers.get("content-type") == PROBLEM else ""
            raise Wrong(f"the status is {got.status}{said}, not {STATUS[code]} for {code} (5.4)")
        if got.headers.get("content-type") != PROBLEM:
            raise Wrong(f"the media type is {got.headers.get('content-type')}, not {PROBLEM} (M-5.5)")
        value = json_of(got.body)
        if set(value) != {"type", "title", "status"}:
            raise Wrong(f"the problem has the members {sorted(value)} (M-5.5)")
        if (value["type"], value["status"]) != (f"urn:xg1:{code}", STATUS[code]):
            raise Wrong(f"the problem is {value['type']} with status {value['status']}, not {code} (M-5.5)")
        if self._problems.setdefault(code, got.body) != got.body:
            raise Wrong(f"two problems {code} are not the same bytes: more than the code can be learned (5.4)")
        wait = got.headers.get("retry-after")
        if wait is not None and code in TRANSIENT and not (wait.isascii() and wait.isdigit()):
            raise Wrong("Retry-After is no whole number of seconds (M-5.11)")
        self._plain(got)

    def _code(self, got: Got) -> str:
        return str(json_of(got.body).get("type"))[:60]

    def _plain(self, got: Got) -> None:
        if "content-encoding" in got.headers:
            raise Wrong("the answer is encoded (M-1.4)")

    # The evidence

    def receipt(self, got: Got, shot: Shot) -> Json:
        """Return the receipt in an answer to ``shot`` after every check that its sender must make (M-5.17, M-7.4)."""
        if got.status != 200:
            said = f" ({self._code(got)})" if got.headers.get("content-type") == PROBLEM else ""
            raise Wrong(f"the status is {got.status}{said}, not 200 with a receipt (M-5.3)")
        if got.headers.get("content-type") != ANSWER:
            raise Wrong(f"the media type is {got.headers.get('content-type')}, not {ANSWER} (section 1)")
        self._plain(got)
        parts = read_parts(got.body)
        claims = read_receipt_of(parts["receipt"], shot.digest, self.gateway.code, shot.state, self.gateway.card)
        self.see(shot.state, parts)
        return claims

    def see(self, state: str, parts: Mapping[str, str]) -> int:
        """Verify receipt, opening and proof to the gateway's log about ``state``; return the size of its tree."""
        origin = f"{self.gateway.code}/{state}/{self._epoch_of(parts['proof'])}"
        view = self._views.setdefault(origin, LogView(origin))
        size = view.see(parts["receipt"], unb64u(parts["r"]), parts["proof"], self.gateway.card.logs)
        self.judged.add("evidence")
        return size

    def _epoch_of(self, proof: str) -> int:
        """Return the epoch of the log that a proof names: that of the gateway's card, or an earlier one."""
        newest = int(self.gateway.card.value["epoch"])
        named = proof.partition("\n\n")[2].partition("\n")[0].rpartition("/")[2]
        return int(named) if named.isdigit() and 1 <= int(named) <= newest else newest

    # The durable state

    async def delivered(self, thread: str | None = None) -> list[Json] | None:
        """Return what was taken in, of one thread or of all; ``None`` in the manual profile."""
        if self.manual:
            return None
        if self._delivered is None:
            answer = await self.backend.get("/delivered")
            try:
                self._delivered = [dict(row) for row in answer["messages"]]
            except (LookupError, TypeError, ValueError):
                raise Unclear("the answer to /delivered is no list of messages") from None
        return [row for row in self._delivered if thread is None or row.get("thread") == thread]

    async def _applied(self, before: list[Json], shot: Shot) -> None:
        after = await self.delivered() or []
        self.judged.add("state")
        if _rows(after[: len(before)]) != _rows(before):
            raise Wrong("what had been delivered before was changed, or is gone")
        added = after[len(before) :]
        if [row.get("digest") for row in added] != [shot.digest]:
            raise Wrong(f"the accepted message was applied {len(added)} times, not once (M-5.3)")
        wanted = {"partner": shot.state, "thread": shot.thread, "seq": shot.seq, "type": shot.type, "id": shot.id}
        for name, value in wanted.items():
            if added[0].get(name) != value:
                raise Wrong(f"the message was applied with {name} {added[0].get(name)}, not {value}")

    async def _unchanged(self, before: list[Json] | None) -> None:
        if before is None:
            return
        self.judged.add("state")
        after = _rows(await self.delivered() or [])
        if after[: len(before)] != _rows(before):
            raise Wrong("what had been delivered before was changed, or is gone")
        if len(after) != len(before):
            raise Wrong("something was delivered that must not be (M-5.4, M-5.5)")

    async def sent(self, thread: str | None = None) -> list[Json]:
        """Return where the gateway's own messages stand."""
        answer = await self.backend.get("/sent")
        self.judged.add("state")
        try:
            return [dict(row) for row in answer["messages"] if thread is None or row["thread"] == thread]
        except (LookupError, TypeError, ValueError):
            raise Unclear("the answer to /sent is no list of messages") from None

    # The requests of the gateway

    async def tick(self, **passes: float) -> list[Post]:
        """Let time pass, ``tick(hours=1)`` or none, and return what the gateway posted then, in order."""
        return await self.tick_to(self._now + timedelta(**passes))

    async def tick_to(self, now: datetime, *, unread: bool = False) -> list[Post]:
        """
        Set the clock to ``now`` and return what the gateway posted then; ``unread`` lets it read no cards meanwhile.
        """
        if len(self.doors.posts) != self._heard:
            raise Unclear("the gateway posted outside of a call of /clock, which the back-end must not do")
        self._now = now
        await self.tell("/clock", {"now": stamp(now), **({"unread": True} if unread else {})})
        self.judged.add("requests")
        posts = self.doors.posts[self._heard :]
        self._heard = len(self.doors.posts)
        if self.doors.broken:
            raise Unclear(f"a fault of the suite's own door: {self.doors.broken}")
        return posts

    async def silent(self, state: State | None = None, **passes: float) -> None:
        """Let time pass and insist that the gateway posts nothing, to ``state`` or to anybody."""
        posts = [post for post in await self.tick(**passes) if state is None or post.state is state]
        if posts:
            names = ", ".join(post.message.type if post.message else "what is no message" for post in posts)
            raise Wrong(f"the gateway posted where it must be silent: {names}")

    def one(self, posts: list[Post], type: str | None = None) -> Post:
        """Return the only post of ``posts``, which must be a right message (of ``type``). Raises ``Wrong``."""
        if len(posts) != 1:
            seen = ", ".join(post.message.type if post.message else "what is no message" for post in posts)
            raise Wrong(
                f"the gateway posted {len(posts)} times, not once"
                + (f": {seen}" if seen else "")
                + (f"; what is due is {type}" if type else "")
            )
        if type is not None and posts[0].read.type != type:
            raise Wrong(f"the gateway posted {posts[0].read.type}, not {type}")
        return posts[0]

    async def offered(self, path: str, **value: Any) -> Json:
        """Call what not every back-end offers; take over the gateway's cards, if the answer has them."""
        answer = await self.tell(path, value)
        await self.client.close()
        if "cards" in answer:
            self.gateway.cards = [str(card) for card in answer["cards"]]
        return answer

    async def evidence(self, talk: Talk) -> list[Json]:
        """Return what proves a thread to a third party, each entry verified to the gateway's log."""
        answer = await self.backend.get("/evidence", partner=talk.state.code, thread=talk.thread)
        entries = [dict(entry) for entry in answer.get("entries", [])]
        for entry in entries:
            self.see(talk.state.code, entry)
        return entries

    async def publish(self, *states: State, **cards: list[str]) -> Json:
        """Publish the newest cards of ``states`` (or just these ``cards``); return what the back-end holds then."""
        given = {state.code: state.cards[1:] for state in states} | cards
        return await self.tell("/cards", {"cards": given})

    async def restored(self, state: State) -> None:
        """Let ``state`` announce its next epoch, in which it has a new log and still knows what it answered."""
        state.next_card(epoch=state.epoch + 1)
        answer = await self.publish(state)
        if answer["held"].get(state.code) != state.card.value["serial"]:
            raise Wrong("the card with a raised epoch was not taken")
        state.epoch, state.log = state.epoch + 1, None

    # Threads

    def message(self, type: str = "verification.request", body: Json | bytes | None = None, **how: Any) -> Shot:
        """Return a message of ``a`` to the gateway, right but for ``how`` (see ``State.message``)."""
        return self.a.message(self.gateway, type, body, **how)

    async def asks(self, state: State | None = None, name: str = "nationality", **changes: Any) -> Talk:
        """Let ``state`` ask the gateway, which accepts."""
        talk = Talk(self, state or self.a, asking=True)
        talk.receipt = await talk.send("verification.request", talk.state.question(name, **changes))
        return talk

    async def acknowledged(self, state: State | None = None, name: str = "nationality", **changes: Any) -> Talk:
        """Let ``state`` ask the gateway, whose desk takes it up."""
        talk = await self.asks(state, name, **changes)
        await talk.said("verification.acknowledgement", {})
        return talk

    async def replied(self, outcome: str = "national", **changes: Any) -> Talk:
        """Let ``a`` ask the gateway, which replies as the example called ``outcome`` does."""
        talk = await self.acknowledged()
        await talk.said("verification.reply", self.reply(outcome, **changes))
        return talk

    def reply(self, outcome: str = "national", **changes: Any) -> Json:
        """Return the body of a reply from the examples without its handling, as of today."""
        body = example("verification.reply", outcome) | {"as_of": self.now().date().isoformat()} | changes
        return {name: value for name, value in body.items() if name != "handling"}

    def draft(self, state: State | None = None, **changes: Any) -> Json:
        """Return a case draft to ``state`` that every rule lets pass, with ``changes``."""
        attested = (self.now() - timedelta(days=2)).date().isoformat()
        value = example("case-draft", "adult") | {"to": (state or self.a).code}
        value["asylum"] = {"state": "none", "attested_by": "protection", "attested_on": attested, "basis": "interview"}
        value["transfer_ground"] = {"code": "DOMESTIC_LAW", "reference": "Act 1/2020 section 4"}
        until = (self.now() + timedelta(days=200)).date().isoformat()
        value["handling"] = {"use_restrictions": ["P0", "P1"], "retain_until": until, "onward": "none"}
        return value | changes

    async def submit(self, state: State | None = None, **changes: Any) -> str:
        """Hand a case to the gateway's desk; return the thread. The message waits for the next ``tick``."""
        answer = await self.tell("/submit", {"to": (state or self.a).code, "draft": self.draft(state, **changes)})
        thread = str(answer.get("thread"))
        self.gateway.opened.add(thread)
        return thread

    async def is_asked(self, state: State | None = None, **changes: Any) -> Talk:
        """Let the gateway ask ``state``, which accepts."""
        chosen = state or self.a
        try:
            thread = await self.submit(chosen, **changes)
        except Forbidden as error:
            raise Wrong(f"the gateway does not ask, where every rule is kept: {error}") from None
        talk = Talk(self, chosen, asking=False, thread=thread)
        talk.take(self.one(await self.tick(), "verification.request"))
        return talk

    async def taken_up(self, state: State | None = None, **changes: Any) -> Talk:
        """Let the gateway ask ``state``, whose desk acknowledges."""
        talk = await self.is_asked(state, **changes)
        await talk.acknowledge()
        return talk

    def elsewhere(self, shot: Shot, **changes: Any) -> Shot:
        """Return ``shot`` with other headers, path or bytes."""
        return replace(shot, **changes)


def _rows(messages: list[Json]) -> list[Json]:
    """Return what was delivered without the bodies, which may have been erased since."""
    return [{name: value for name, value in row.items() if name != "body"} for row in messages]


def body_of(message: Json) -> Json:
    """Return the body of a row of ``/delivered``."""
    text = message.get("body")
    return strict_json(text.encode()) if isinstance(text, str) else {}
