"""The door for partners, over real sockets: what it lets through, and every fault it answers by itself."""

import asyncio
import gzip
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from gateway.core import envelope, wire
from gateway.core.codes import PeerError, Reason, problem
from gateway.http.limits import Limits, Room
from gateway.http.peer_api import peer_app
from gateway.services.ports import Conflict, Unavailable
from gateway.services.receive import Reply
from tests.http.places import until_taken
from tests.support.loop_time import LONG_S, pass_

ENVELOPE = {"Content-Type": envelope.MEDIA_TYPE}
ANSWER = {"Content-Type": wire.ANSWER_MEDIA_TYPE}


class FakeReceiver:
    """Keeps what came in; answers with ``reply`` or raises it."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, bytes]] = []
        self.reply: Reply | Exception = Reply(200, wire.ANSWER_MEDIA_TYPE, b"answer")

    async def receive(self, raw: bytes) -> Reply:
        return self._take("receive", raw)

    async def collect(self, raw: bytes) -> Reply:
        return self._take("collect", raw)

    async def take_answer(self, raw: bytes) -> None:
        self._take("answer", raw)

    def _take(self, name: str, raw: bytes) -> Reply:
        self.calls.append((name, raw))
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply


class Peer:
    """A gateway's door with a fake behind it, and a client in front of it."""

    def __init__(self, serve: Callable[..., Any], session: aiohttp.ClientSession) -> None:
        self.fake = FakeReceiver()
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.answered: Counter[int] = Counter()
        self.port = 0
        self._serve = serve
        self._session = session

    async def open(self, **limits: Any) -> None:
        def log(event: str, **values: Any) -> None:
            self.events.append((event, values))

        app = peer_app(self.fake, self.fake, log=log, limits=Limits(**limits), answered=self.answered)
        (door,) = {getattr(route.handler, "__self__", None) for route in app.router.routes()}
        self.room: Room = door._room
        self.port = await self._serve(app)

    async def until_under_way(self, bodies: int, held_bytes: int | None = None) -> None:
        """Return once so many bodies are under way, and so much has come of them. Raises ``TimeoutError``."""
        async with asyncio.timeout(60):
            while self.room.bodies != bodies or held_bytes not in (None, self.room.held_bytes):
                await asyncio.sleep(0.001)

    async def send(self, method: str, path: str, **how: Any) -> tuple[int, dict[str, str], bytes]:
        async with self._session.request(method, f"http://127.0.0.1:{self.port}{path}", **how) as response:
            return response.status, dict(response.headers), await response.read()

    async def raw(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(request)
        try:
            return await reader.read()
        finally:
            writer.close()


@pytest.fixture
async def peer(serve: Callable[..., Any]) -> AsyncIterator[Peer]:
    async with aiohttp.ClientSession() as session:
        yield Peer(serve, session)


async def test_an_envelope_reaches_the_receiver_and_its_answer_comes_back(peer: Peer) -> None:
    """The bytes of the body reach the receiver whole, and its status, media type and bytes go back."""
    await peer.open()
    status, headers, body = await peer.send("POST", "/xg/1/messages", data=b"bytes", headers=ENVELOPE)
    assert (200, wire.ANSWER_MEDIA_TYPE, b"answer") == (status, headers["Content-Type"], body)
    assert [("receive", b"bytes")] == peer.fake.calls


async def test_collect_and_answers_have_paths_of_their_own(peer: Peer) -> None:
    """A collect gets what waits; an answer gets 204 and no body."""
    await peer.open()
    peer.fake.reply = Reply(200, envelope.MEDIA_TYPE_SEVERAL, b"")
    status, headers, _ = await peer.send("POST", "/xg/1/collect", data=b"c", headers=ENVELOPE)
    assert (200, envelope.MEDIA_TYPE_SEVERAL) == (status, headers["Content-Type"])
    status, _, body = await peer.send("POST", "/xg/1/answers", data=b"a", headers=ANSWER)
    assert (204, b"") == (status, body)
    assert [("collect", b"c"), ("answer", b"a")] == peer.fake.calls


async def test_no_answer_tells_a_version_or_may_be_cached(peer: Peer) -> None:
    """Good and bad answers carry the same neutral headers."""
    await peer.open()
    for method, path in (("POST", "/xg/1/messages"), ("GET", "/xg/1/messages"), ("GET", "/nowhere")):
        _, headers, _ = await peer.send(method, path, headers=ENVELOPE)
        assert ("xg1", "no-store") == (headers["Server"], headers["Cache-Control"])


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "another media type": ({"headers": {"Content-Type": "application/json"}}, "bad-envelope"),
    "a media type with a parameter": ({"headers": {"Content-Type": envelope.MEDIA_TYPE + "; v=1"}}, "bad-envelope"),
    "a query": ({"headers": ENVELOPE, "params": {"a": "b"}}, "bad-envelope"),
    "an encoded body": (
        {"headers": {**ENVELOPE, "Content-Encoding": "gzip"}, "data": gzip.compress(bytes(1 << 18))},
        "bad-envelope",
    ),
    "even the identity encoding": ({"headers": {**ENVELOPE, "Content-Encoding": "identity"}}, "bad-envelope"),
    "more than the largest envelope": ({"headers": ENVELOPE, "data": bytes(1001)}, "too-large"),
    "too much of something else": ({"headers": {"Content-Type": "text/plain"}, "data": bytes(1001)}, "too-large"),
}


NOWHERE = b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n"
BROKEN = b"POST /xg/1/messages HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n\r\nx"


@pytest.mark.parametrize("request_bytes", [NOWHERE, BROKEN])
async def test_whoever_breaks_the_protocol_is_answered_once(peer: Peer, request_bytes: bytes) -> None:
    """A thousand more requests on that connection are not read."""
    await peer.open()
    answer = await peer.raw(request_bytes * 1000)
    assert 1 == answer.count(b"HTTP/1.1 ")


@pytest.mark.parametrize("status", [200, 409, 410, 423, 424, 503])
async def test_a_partner_that_has_to_wait_keeps_its_connection(peer: Peer, status: int) -> None:
    """What passes with time is no reason to shake hands again."""
    await peer.open()
    peer.fake.reply = Reply(status, "application/problem+json", b"{}", 5)
    async with aiohttp.ClientSession() as session:
        for _ in range(2):
            url = f"http://127.0.0.1:{peer.port}/xg/1/messages"
            async with session.post(url, data=b"x", headers=ENVELOPE) as response:
                assert "close" != response.headers.get("Connection")
                await response.read()


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_of_http_is_answered_by_its_code(peer: Peer, fault: str) -> None:
    """The receiver never sees it, and the problem document is the code's own bytes."""
    how, code = FAULTS[fault]
    await peer.open(envelope_max_bytes=1000)
    status, headers, body = await peer.send("POST", "/xg/1/messages", **{"data": b"x", **how})
    assert (problem(code), "application/problem+json") == (body, headers["Content-Type"])
    assert json.loads(body)["status"] == status
    assert [] == peer.fake.calls


async def test_a_body_without_a_length_is_read_to_the_bound_only(peer: Peer) -> None:
    """A chunked body that goes past the bound is refused while it still comes."""
    await peer.open(envelope_max_bytes=1000)
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(2000):
            sent += 1000
            yield bytes(1000)
            await asyncio.sleep(0.001)

    try:
        status, _, body = await peer.send("POST", "/xg/1/messages", data=endless(), headers=ENVELOPE)
        assert (413, problem("too-large")) == (status, body)
    except aiohttp.ClientConnectionError:
        pass  # the connection may end while the client still writes; the log tells what it was for
    assert ("request.refused", {"reason": "http.too-large"}) in peer.events
    assert sent < 2_000_000
    assert [] == peer.fake.calls


async def test_a_declared_length_is_refused_before_a_byte_of_the_body(peer: Peer) -> None:
    """A client that only announces too much is answered at once."""
    await peer.open()
    head = b"POST /xg/1/messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/xg1-envelope\r\n"
    answer = await peer.raw(head + b"Content-Length: 99999999\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert answer.endswith(problem("too-large"))


async def test_a_body_that_drips_is_answered_later_and_the_connection_ends(peer: Peer) -> None:
    """The deadline is for the body as a whole, whatever drips in."""
    await peer.open(body_timeout_s=0.2)
    head = b"POST /xg/1/messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/xg1-envelope\r\n"
    answer = await peer.raw(head + b"Content-Length: 9349\r\n\r\nXG1")
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nRetry-After: 5\r\n" in answer
    assert b"\r\nConnection: close\r\n" in answer  # and what still comes of it is not read
    assert answer.endswith(problem("later"))
    assert [("request.refused", {"reason": "http.body-timeout"})] == peer.events


async def test_a_client_that_goes_away_is_no_fault_of_ours(peer: Peer) -> None:
    """A connection broken in the middle of a body raises no alarm and frees its room."""
    await peer.open()
    _, writer = await asyncio.open_connection("127.0.0.1", peer.port)
    head = b"POST /xg/1/messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/xg1-envelope\r\n"
    writer.write(head + b"Content-Length: 9349\r\n\r\nXG1")
    await peer.until_under_way(1)
    writer.transport.abort()
    await peer.until_under_way(0)
    assert "gateway.fault" not in [event for event, _ in peer.events]
    status, _, _ = await peer.send("POST", "/xg/1/messages", data=b"x", headers=ENVELOPE)
    assert 200 == status


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/xg/1/messages", 405), ("PUT", "/xg/1/answers", 405), ("POST", "/xg/2/messages", 404), ("GET", "/", 404)],
)
async def test_another_method_or_path_gets_a_bare_status(peer: Peer, method: str, path: str, status: int) -> None:
    """The problem says what HTTP says and no more."""
    await peer.open()
    got, headers, body = await peer.send(method, path)
    assert (status, "application/problem+json") == (got, headers["Content-Type"])
    assert {"type": "about:blank", "status": status} == {k: v for k, v in json.loads(body).items() if k != "title"}
    assert (status == 405) == ("Allow" in headers)


@pytest.mark.parametrize(
    "noise", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", b"HELLO\r\n\r\n", b"POST / HTTP/9.9\r\n\r\n"]
)
async def test_what_is_no_http_gets_a_neutral_400_and_no_echo(peer: Peer, noise: bytes) -> None:
    """No library, version or byte of what was sent comes back."""
    await peer.open()
    answer = await peer.raw(noise)
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.0 400 ", b"HTTP/1.1 505 "))
    assert b"aiohttp" not in answer
    assert b"Python" not in answer
    assert b"HELLO" not in answer


@pytest.mark.parametrize(
    "error", [RuntimeError("Anna Testova"), KeyError("Anna"), Unavailable("disk full"), Conflict("row"), OSError("x")]
)
async def test_a_fault_of_ours_is_later_to_a_partner(peer: Peer, error: Exception) -> None:
    """The partner is told to try again; the log gets the type of the error and never its text."""
    await peer.open()
    peer.fake.reply = error
    status, headers, body = await peer.send("POST", "/xg/1/messages", data=b"x", headers=ENVELOPE)
    assert (503, "5", problem("later")) == (status, headers["Retry-After"], body)
    assert "Anna" not in repr(peer.events)
    alarms = [values for event, values in peer.events if event == "gateway.fault"]
    expected = isinstance(error, (RuntimeError, KeyError, OSError))
    assert [{"error": type(error).__name__}] * expected == alarms


async def test_an_answer_that_does_not_check_gets_its_code(peer: Peer) -> None:
    """A fault the services find in an answer is a problem with their code."""
    await peer.open()
    peer.fake.reply = PeerError(Reason.ANSWER_PROOF, "detail for the log")
    status, _, body = await peer.send("POST", "/xg/1/answers", data=b"a", headers=ANSWER)
    assert (400, problem("bad-signature")) == (status, body)


@pytest.mark.parametrize(("wait_s", "told"), [(900, "900"), (0.2, "1"), (2.5, "3")])
async def test_the_retry_after_of_the_receiver_goes_out(peer: Peer, wait_s: float, told: str) -> None:
    """A transient problem tells how long to wait, in whole seconds and never too few."""
    await peer.open()
    peer.fake.reply = Reply(423, "application/problem+json", problem("hold"), wait_s)
    _, headers, _ = await peer.send("POST", "/xg/1/messages", data=b"x", headers=ENVELOPE)
    assert told == headers["Retry-After"]


async def test_an_answer_has_a_bound_of_its_own(peer: Peer) -> None:
    """It is far smaller than a message may be."""
    await peer.open()
    status, _, _ = await peer.send("POST", "/xg/1/answers", data=bytes(wire.ANSWER_MAX_BYTES + 1), headers=ANSWER)
    assert (413, []) == (status, peer.fake.calls)


async def test_too_many_requests_of_one_address_are_answered_rate(peer: Peer) -> None:
    """Beyond its bucket an address gets 429 with a wait."""
    await peer.open(requests_per_minute=1)
    statuses = [(await peer.send("POST", "/xg/1/messages", data=b"x", headers=ENVELOPE))[0] for _ in range(12)]
    assert [200] * 10 + [429] * 2 == statuses


LOG = f"/xg/1/log/{'0' * 64}/1/{'0' * 64}/2"


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/xg/1/log/add-checkpoint"), ("POST", "/xg/1/log/conflicts"), ("GET", LOG)]
)
async def test_a_gateway_that_watches_no_log_has_no_such_path(peer: Peer, method: str, path: str) -> None:
    """It says so, and nothing failed here."""
    await peer.open()
    headers = {"Content-Type": "application/xg1-conflict+json"}
    assert 404 == (await peer.send(method, path, headers=headers))[0]
    assert [] == peer.events


async def test_questions_about_a_log_count_as_any_request(peer: Peer) -> None:
    """They have no body, and cost a look into the store each."""
    await peer.open(requests_per_minute=1)
    statuses = [(await peer.send("GET", LOG))[0] for _ in range(12)]
    assert [404] * 10 + [429] * 2 == statuses


async def test_when_all_room_for_bodies_is_taken_the_next_is_later(peer: Peer) -> None:
    """Slow senders take places; one more is told to come again, and gets in once they are gone."""
    await peer.open(bodies_max=2, body_timeout_s=LONG_S)
    head = b"POST /xg/1/messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/xg1-envelope\r\n"
    slow = [asyncio.create_task(peer.raw(head + b"Content-Length: 9349\r\n\r\n")) for _ in range(2)]
    await peer.until_under_way(2)
    status, _, body = await peer.send("POST", "/xg/1/messages", data=b"x", headers=ENVELOPE)
    assert (503, problem("later")) == (status, body)
    pass_(LONG_S)
    await asyncio.gather(*slow)
    status, _, _ = await peer.send("POST", "/xg/1/messages", data=b"x", headers=ENVELOPE)
    assert 200 == status


async def test_all_bodies_together_are_held_to_a_size(peer: Peer) -> None:
    """A body for which there is no memory left is later, though it is not too large by itself."""
    await peer.open(held_max_bytes=100)
    status, _, body = await peer.send("POST", "/xg/1/messages", data=bytes(101), headers=ENVELOPE)
    assert (503, problem("later")) == (status, body)


async def test_what_never_came_whole_is_counted_as_no_answer_to_a_partner(peer: Peer) -> None:
    """A body that stops half-way, or finds no room, may be anybody's, as often as they like: no alarm goes by it."""
    await peer.open(body_timeout_s=0.2, held_max_bytes=100)
    head = b"POST /xg/1/messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/xg1-envelope\r\n"
    assert b"HTTP/1.1 503 " == (await peer.raw(head + b"Content-Length: 9349\r\n\r\nXG1"))[:13]
    assert 503 == (await peer.send("POST", "/xg/1/messages", data=bytes(101), headers=ENVELOPE))[0]
    peer.fake.reply = Unavailable("disk full")
    assert 503 == (await peer.send("POST", "/xg/1/messages", data=b"x", headers=ENVELOPE))[0]
    assert {503: 1} == peer.answered


async def test_who_holds_most_and_is_not_whole_gives_way(peer: Peer) -> None:
    """Large bodies that stand still half-way take the room from no message that is smaller: one of them comes later."""
    await peer.open(held_max_bytes=40_000, body_timeout_s=LONG_S)
    head = b"POST /xg/1/messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/xg1-envelope\r\n"
    large = head + b"Content-Length: 20000\r\n\r\n" + bytes(13_000)
    slow = [asyncio.create_task(peer.raw(large)) for _ in range(3)]
    await peer.until_under_way(3, 3 * 13_000)
    status, _, _ = await peer.send("POST", "/xg/1/messages", data=bytes(5000), headers=ENVELOPE)
    assert 200 == status
    gone, _ = await asyncio.wait(slow, return_when=asyncio.FIRST_COMPLETED)
    assert 1 == len(gone)
    status, _, _ = await peer.send("POST", "/xg/1/messages", data=bytes(30_000), headers=ENVELOPE)
    assert 503 == status  # nobody holds as much
    pass_(LONG_S)
    assert [503] * 3 == [int(answer[9:12]) for answer in await asyncio.gather(*slow)]


async def test_many_slow_senders_do_not_slow_an_honest_one(peer: Peer) -> None:
    """With a hundred bodies dripping, a whole one is answered at once, and they a good while later."""
    await peer.open(body_timeout_s=LONG_S)
    head = b"POST /xg/1/messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/xg1-envelope\r\n"
    slow = [asyncio.create_task(peer.raw(head + b"Content-Length: 9349\r\n\r\nX")) for _ in range(100)]
    await peer.until_under_way(100)
    async with asyncio.timeout(60):
        status, _, _ = await peer.send("POST", "/xg/1/messages", data=b"x", headers=ENVELOPE)
    assert (200, []) == (status, [task for task in slow if task.done()])
    pass_(LONG_S)
    answers = await asyncio.gather(*slow)
    assert {b"HTTP/1.1 503 Service Unavailable"} == {answer.partition(b"\r\n")[0] for answer in answers}


async def test_a_connection_beyond_the_bound_is_closed_unread(serve: Callable[..., Any]) -> None:
    """The door closes it before it sends a byte."""
    fake = FakeReceiver()
    port = await serve(peer_app(fake, fake, log=lambda event, **values: None), connections_max=1)
    _, first = await asyncio.open_connection("127.0.0.1", port)
    await until_taken(1)
    with pytest.raises(ConnectionError):
        await asyncio.wait_for(read_of_another(port), 60)
    first.close()


async def read_of_another(port: int) -> bytes:
    reader, _ = await asyncio.open_connection("127.0.0.1", port)
    return await reader.read()


def test_the_application_has_these_paths_and_no_other() -> None:
    """What is not in the protocol is not reachable through this door."""
    fake = FakeReceiver()
    app = peer_app(fake, fake, log=print)
    paths = {(route.method, route.resource.canonical) for route in app.router.routes() if route.resource}
    posted = ("messages", "collect", "answers", "log/add-checkpoint", "log/conflicts")
    assert {("POST", f"/xg/1/{name}") for name in posted} == {one for one in paths if one[0] == "POST"}
    assert {("GET", "/xg/1/log/{origin}/{size}/{root}/{to}")} == {one for one in paths if one[0] != "POST"}
    assert isinstance(app, web.Application)
