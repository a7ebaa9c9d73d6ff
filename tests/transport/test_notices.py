"""Notices to desks over a real mail server and a real webhook: what they carry, and what a failing one costs."""

import asyncio
import gc
import hmac
import json
import socket
import ssl
import threading
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from gateway import settings
from gateway.configured import desk_notices
from gateway.transport import notices
from gateway.transport.notices import SIGNATURE, WAITS_S, DeskNotices, Mail, Notice, NotTold, Webhook
from tests.support import story
from tests.support.mail import MailServer
from tests.support.network import HandClock, Network, introduce, make_home, make_network, open_gateway, people_keys
from tests.support.telling import TELLING
from tests.support.tls import Identity

REF, LINK = "AZrQn0mYfFeDbGRsZWZ0MA", "https://desk.test/cases/{ref}"
TO = {"interior": ["desk@interior.test"]}
KEY = b"a key of the webhook"

Lines = list[tuple[str, dict[str, Any]]]


def told(*ways: Any, waits_s: tuple[float, ...] = (), queue_max: int = 16) -> tuple[DeskNotices, Lines]:
    """Return the queue of ``ways`` and the lines it will log."""
    lines: Lines = []

    def log(event: str, **values: Any) -> None:
        lines.append((event, values))

    return DeskNotices(ways, HandClock(), log, queue_max=queue_max, waits_s=waits_s), lines


def mail(server: MailServer, **changes: Any) -> Mail:
    chosen: dict[str, Any] = {"tls": "none", "link": LINK, "timeout_s": 2.0}
    return Mail("127.0.0.1", server.port, "isthmus@desk.test", TO, **{**chosen, **changes})


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    """A certificate of the mail server."""
    return Identity(tmp_path_factory.mktemp("mail"))


def client_trust(identity: Identity) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=identity.certificate)


# Mail.


async def test_a_mail_carries_reference_state_and_link() -> None:
    """Nothing but these three is in the body, and the subject is the same for every case."""
    async with MailServer() as server:
        queue, lines = told(mail(server))
        queue.tell(REF, "REPLIED", "interior")
        await queue.run_once()
        await queue.close()
    (got,) = server.mails
    assert f"Reference: {REF}\nState: REPLIED\nLink: https://desk.test/cases/{REF}\n" == got.get_content()
    assert ("Isthmus: a case moved", "isthmus@desk.test", "desk@interior.test") == (
        got["Subject"],
        got["From"],
        got["To"],
    )
    assert "auto-generated" == got["Auto-Submitted"], "or whoever is on leave answers it"
    assert [] == TELLING.findall(got.as_string())
    assert [] == lines


async def test_a_mail_server_learns_no_name_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is greeted by the domain of the sender, which stands in the mail, and not by a name of the network inside."""
    monkeypatch.setattr("socket.getfqdn", lambda *_: "vault-3.inner.example")
    async with MailServer() as server:
        queue, _ = told(mail(server))
        queue.tell(REF, "REPLIED", "interior")
        await queue.run_once()
        await queue.close()
    assert "ehlo desk.test" == server.commands[0].lower()
    assert not [one for one in (*server.commands, server.mails[0].as_string()) if "inner.example" in one]


async def test_a_server_that_is_down_at_one_address_is_tried_at_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name may have several."""
    async with MailServer() as server:
        loop = asyncio.get_running_loop()
        (kind,) = await loop.getaddrinfo("127.0.0.1", server.port, type=socket.SOCK_STREAM)

        async def found(*_: Any, **__: Any) -> list[Any]:
            return [(*kind[:4], ("127.0.0.1", 1)), kind]  # nobody listens at the first

        monkeypatch.setattr(loop, "getaddrinfo", found)
        queue, lines = told(mail(server))
        queue.tell(REF, "REPLIED", "interior")
        await queue.run_once()
    assert (1, []) == (len(server.mails), lines)


async def test_a_desk_without_an_address_gets_no_mail() -> None:
    """Another desk's notice reaches nobody here, and that is no failure."""
    async with MailServer() as server:
        queue, lines = told(mail(server))
        queue.tell(REF, "REPLIED", "foreign")
        await queue.run_once()
    assert ([], []) == (server.mails, lines)


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
async def test_a_mail_goes_over_tls_and_logs_in(identity: Identity, tls: str) -> None:
    """The line is closed before the password is said, and the certificate is checked."""
    async with MailServer(trust=identity.server(), implicit=tls == "implicit", login=("isthmus", "secret")) as server:
        way = mail(server, tls=tls, user="isthmus", password="secret", ssl_context=client_trust(identity))
        queue, lines = told(way)
        queue.tell(REF, "REPLIED", "interior")
        await queue.run_once()
    assert ([True], []) == (server.encrypted, lines)
    assert "AUTH" in [command.split(" ")[0].upper() for command in server.commands]


@pytest.mark.parametrize("offered", [True, False])
async def test_no_mail_leaves_in_clear(identity: Identity, offered: bool) -> None:
    """A server with another certificate, or without TLS, gets no mail and no recipient."""
    async with MailServer(trust=identity.server() if offered else None) as server:
        queue, lines = told(mail(server, tls="starttls"))
        queue.tell(REF, "REPLIED", "interior")
        await queue.run_once()
    assert [] == server.mails
    assert [] == [command for command in server.commands if command.upper().startswith("RCPT")]
    assert ["notice.failed", "notice.lost"] == [event for event, _ in lines]


def test_clear_mail_beyond_loopback_cannot_be_built() -> None:
    """No configuration makes a way that speaks in clear to another machine."""
    with pytest.raises(ValueError, match="loopback"):
        Mail("mail.example", 25, "a@b.test", TO, tls="none")


async def test_a_server_that_refuses_is_asked_again_and_quoted_nowhere() -> None:
    """A refusal is tried again after a wait; the log has its kind and not its words."""
    async with MailServer(refuse=2) as server:
        queue, lines = told(mail(server), waits_s=(5.0, 30.0))
        queue.tell(REF, "REPLIED", "interior")
        await queue.run_once()
    assert (1, [1, 2]) == (len(server.mails), [values["count"] for event, values in lines if event == "notice.failed"])
    assert "somebody" not in str(lines)


async def test_a_server_that_stalls_is_given_up() -> None:
    """An attempt has its time, and the notice is lost with a line in the log."""
    async with MailServer(stall=True) as server:
        queue, lines = told(mail(server, timeout_s=0.2))
        queue.tell(REF, "REPLIED", "interior")
        await queue.run_once()
    assert ["notice.failed", "notice.lost"] == [event for event, _ in lines]


async def test_a_server_that_drips_is_given_up_too() -> None:
    """The time is that of the whole attempt, not of each byte, and nothing of it goes on afterwards."""
    async with MailServer(drip=True) as server, asyncio.timeout(10):
        queue, lines = told(mail(server, timeout_s=0.3))
        queue.tell(REF, "REPLIED", "interior")
        await queue.run_once()
        await server.left()
    assert ["notice.failed", "notice.lost"] == [event for event, _ in lines]


async def test_a_stop_waits_for_no_mail_server() -> None:
    """An attempt that is called off lets go of its connection: its thread would keep the process from ending."""
    async with MailServer(drip=True) as server, asyncio.timeout(10):
        queue, _ = told(mail(server, timeout_s=60.0))
        queue.tell(REF, "REPLIED", "interior")
        running = asyncio.create_task(queue.run_once())
        await server.reached()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await server.left()


# Webhook.


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def hooked(handler: Handler) -> AsyncIterator[str]:
    """Serve ``handler`` on loopback and yield its address."""
    made = web.Application()
    made.router.add_post("/hook", handler)
    runner = web.AppRunner(made)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    finally:
        await runner.cleanup()


async def test_a_webhook_carries_the_same_three_and_a_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    """The body has no fourth member, its signature verifies over the time and the exact bytes, no proxy sees either."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    seen: list[tuple[bytes, str]] = []

    async def take(request: web.Request) -> web.Response:
        seen.append((await request.read(), request.headers[SIGNATURE]))
        return web.Response(status=204)

    async with hooked(take) as url:
        queue, lines = told(Webhook(url, KEY, LINK))
        queue.tell(REF, "REPLIED", "interior")
        await queue.run_once()
        await queue.close()
    ((body, signed),) = seen
    assert {"ref": REF, "state": "REPLIED", "link": f"https://desk.test/cases/{REF}"} == json.loads(body)
    at_s = int(HandClock().now().timestamp())
    assert f"t={at_s},v1={hmac.digest(KEY, f'{at_s}.'.encode() + body, 'sha256').hex()}" == signed
    assert [] == lines


@pytest.mark.parametrize("status", [302, 401, 500])
async def test_a_webhook_that_does_not_take_it_is_logged_by_status(status: int) -> None:
    """No redirect is followed, and no answer's text is logged."""

    async def refuse(request: web.Request) -> web.Response:
        return web.Response(status=status, text="about somebody", headers={"Location": "http://127.0.0.1:9/elsewhere"})

    async with hooked(refuse) as url:
        queue, lines = told(Webhook(url, KEY))
        queue.tell(REF, "REPLIED", "interior")
        await queue.run_once()
        await queue.close()
    assert (f"HTTP {status}", False) == (lines[0][1]["error"], "somebody" in str(lines))


# The queue.


async def test_a_full_queue_loses_the_oldest_and_says_so() -> None:
    """A way that is down for long costs old notices, and never the gateway's memory."""
    async with MailServer() as server:
        queue, lines = told(mail(server), queue_max=2)
        for number in range(4):
            queue.tell(f"{number}" * 22, "REPLIED", "interior")
        await queue.run_once()
    assert ["0" * 22, "1" * 22] == [values["ref"] for event, values in lines if event == "notice.lost"]
    assert 2 == len(server.mails)


async def test_what_is_said_again_and_again_takes_no_place_from_others() -> None:
    """A State that reminds without end has no notice of another case lost: the same waits once."""
    async with MailServer() as server:
        queue, lines = told(mail(server), queue_max=2)
        queue.tell(REF, "REPLIED", "interior")
        for _ in range(4):
            queue.tell("A" * 22, "RECEIVED", "interior")
        await queue.run_once()
    assert ([], 2) == (lines, len(server.mails))


async def test_a_notice_is_tried_after_each_of_the_waits_and_told_to_be_lost() -> None:
    """A desk that is down for seconds misses none, and one that is down for long is not hurried."""

    class Down:
        name = "down"

        async def send(self, notice: Any, now_s: int) -> None:
            tried.append(now_s)
            raise NotTold("down")

        async def close(self) -> None:
            """Nothing to close."""

    tried: list[int] = []
    queue, lines = told(Down(), waits_s=WAITS_S)
    queue.tell(REF, "REPLIED", "interior")
    await queue.run_once()
    assert [0, 5, 35] == [one - tried[0] for one in tried]
    assert ("notice.lost", {"ref": REF, "type": "down", "error": "GivenUp"}) == lines[-1]


async def test_what_is_not_told_as_the_gateway_ends_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its time to end is short, and each notice that it takes along is a line."""
    monkeypatch.setattr(notices, "DRAIN_S", 0.05)
    async with MailServer(stall=True) as server:
        queue, lines = told(mail(server, timeout_s=30.0))
        for number in range(2):
            queue.tell(f"{number}" * 22, "REPLIED", "interior")
        await queue.close()
    assert ["0" * 22, "1" * 22] == [values["ref"] for event, values in lines if event == "notice.lost"]


async def test_one_way_that_is_down_holds_up_no_other() -> None:
    """While the mail server stalls, the webhook is told."""
    done = asyncio.Event()

    async def take(request: web.Request) -> web.Response:
        done.set()
        return web.Response()

    async with MailServer(stall=True) as server, hooked(take) as url:
        queue, _ = told(mail(server, timeout_s=30.0), Webhook(url, KEY))
        running = asyncio.create_task(queue.run())
        queue.tell(REF, "REPLIED", "interior")
        await asyncio.wait_for(done.wait(), 15)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await queue.close()


class Busy(ThreadPoolExecutor):
    """One thread, which looks up an address and is then taken until ``free`` is set."""

    def __init__(self) -> None:
        super().__init__(1)
        self.free, self.waiting = threading.Event(), asyncio.Event()

    def submit(self, call: Callable[..., Any], /, *values: Any, **named: Any) -> Future[Any]:
        if "getaddrinfo" not in repr(call):
            super().submit(self.free.wait)
            self.waiting.set()
        return super().submit(call, *values, **named)


async def test_a_line_that_no_thread_took_is_closed() -> None:
    """Every thread is busy when a gateway that stops lets go of a mail: its connection is closed all the same."""
    with warnings.catch_warnings(record=True) as seen, Busy() as threads:
        warnings.simplefilter("always", ResourceWarning)
        asyncio.get_running_loop().set_default_executor(threads)
        async with MailServer(drip=True) as server:
            sending = asyncio.create_task(mail(server, timeout_s=30.0).send(Notice(REF, "REPLIED", "interior"), 0))
            await threads.waiting.wait()
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            threads.free.set()
            await server.left()
        del sending
        threads.shutdown()
        gc.collect()
    assert [] == [str(one.message) for one in seen]


async def test_a_way_that_breaks_unforeseen_does_not_end_the_loop() -> None:
    """Whatever a way raises is a line in the log, and the next notice is sent."""

    class Broken:
        name, calls = "broken", 0

        async def send(self, notice: Any, now_s: int) -> None:
            Broken.calls += 1
            raise RuntimeError("about somebody")

        async def close(self) -> None:
            """Nothing to close."""

    queue, lines = told(Broken())
    for state in ("RECEIVED", "REPLIED"):
        queue.tell(REF, state, "interior")
    await queue.run_once()
    assert (2, False) == (Broken.calls, "somebody" in str(lines))


async def test_a_notice_that_was_under_way_as_the_gateway_stops_has_a_last_chance() -> None:
    """It was taken out of the queue and is told to nobody yet: closing tries it too, and says so where that fails."""
    begun, over = asyncio.Event(), asyncio.Event()
    posts: list[bytes] = []

    async def take(request: web.Request) -> web.Response:
        posts.append(await request.read())
        if len(posts) == 1:
            begun.set()
            await over.wait()
        return web.Response()

    async with hooked(take) as url:
        queue, lines = told(Webhook(url, KEY))
        running = asyncio.create_task(queue.run())
        queue.tell(REF, "REPLIED", "interior")
        await asyncio.wait_for(begun.wait(), 15)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await queue.close()
        over.set()
    assert (2, []) == (len(posts), lines)


# In the gateway.

CLOSED_PORT = 9
"""Discard: nothing listens there."""


def configured(port: int) -> str:
    """Return a section that tells the desk by a mail server on ``port``."""
    return f"""
[notices]
link = "https://desk.test/cases/{{ref}}"
[notices.smtp]
host = "127.0.0.1"
port = {port}
tls = "none"
from = "isthmus@desk.test"
recipients.interior = ["desk@interior.test"]
"""


async def notified(root: Path, port: int) -> Network:
    """Return two gateways of which XBB tells its desk by mail."""
    network = await make_network(root)
    path = network.homes["XBB"] / settings.FILE_NAME
    await network.gateways["XBB"].close()
    path.write_text(path.read_text() + configured(port))
    await open_gateway(network, "XBB")
    await network.refresh()
    return network


async def test_a_desk_is_told_when_a_case_moved(tmp_path: Path) -> None:
    """A message that arrived is on disk first, then a mail says that its case moved."""
    async with MailServer() as server:
        network = await notified(tmp_path, server.port)
        _, theirs = await story.acknowledged(network)
        await network.gateways["XBB"].hold.freeze(theirs, "stop", "second", "desk_head")
        await network.gateways["XBB"].desk_notices.run_once()
        await network.close()
    assert [f"Reference: {theirs}\nState: FROZEN\nLink: https://desk.test/cases/{theirs}\n"] == [
        one.get_content() for one in server.mails
    ]


async def test_a_mail_server_that_is_down_costs_no_step(tmp_path: Path) -> None:
    """The step is taken and stays; the log has a line and the gateway goes on."""
    network = await notified(tmp_path, CLOSED_PORT)
    _, theirs = await story.acknowledged(network)
    await network.gateways["XBB"].hold.freeze(theirs, "stop", "second", "desk_head")
    await network.gateways["XBB"].desk_notices.run_once()
    assert "FROZEN" == await story.state(network, "XBB", theirs)
    assert "notice.lost" in [event for event, _ in network.logs]
    await network.close()


async def test_a_step_that_was_rolled_back_tells_nobody(tmp_path: Path) -> None:
    """A notice is queued after the commit; what never happened is told to nobody."""
    async with MailServer() as server:
        network = await notified(tmp_path, server.port)
        gateway = network.gateways["XBB"]

        async def unit(tx: Any) -> None:
            gateway.context.log("case.notice", ref=REF, state="REPLIED", desk="interior")
            raise RuntimeError("no")

        with pytest.raises(RuntimeError):
            await gateway.context.commit(unit)
        await gateway.desk_notices.run_once()
        await network.close()
    assert [] == server.mails


@pytest.mark.parametrize(
    ("notices", "place"),
    [
        ({"smtp": {"host": "mail.example", "port": 25, "tls": "none", "from": "a@b.test", "recipients": TO}}, "tls"),
        ({"smtp": {"host": "m.test", "port": 25, "user": "a", "from": "a@b.test", "recipients": TO}}, "password"),
        ({"webhook": {"url": "http://desk.example/hook", "secret": "env:HOOK"}}, "url"),
        ({"link": "https://desk.example/cases"}, "link"),
    ],
)
def test_what_a_configuration_may_not_say(tmp_path: Path, notices: dict[str, Any], place: str) -> None:
    """Clear lines, half a login and a link that leads nowhere are refused with their place."""
    keys = people_keys()
    make_home(tmp_path / "xaa", "XAA", keys, HandClock().now())
    introduce({"XAA": tmp_path / "xaa"}, keys)
    values = settings.load(tmp_path / "xaa", {}).values
    with pytest.raises(settings.BadConfiguration) as refused:
        settings.check(tmp_path / "xaa", {**values, "notices": notices})
    assert [True] == [place in problem for problem in refused.value.problems]


def test_a_secret_that_others_may_read_is_refused(tmp_path: Path) -> None:
    """A secret comes from a variable that is set or a file of one's own."""
    (tmp_path / "open").write_text("x" * 20)
    (tmp_path / "open").chmod(0o644)
    for uri in ("file:open", "file:none", "env:NONE"):
        with pytest.raises(settings.BadConfiguration):
            settings.secret(uri, tmp_path, {}, "/here")
    (tmp_path / "open").chmod(0o600)
    assert ["x" * 20, "y"] == [
        settings.secret("file:open", tmp_path, {}, "/here"),
        settings.secret("env:Y", tmp_path, {"Y": "y"}, "/here"),
    ]


def test_a_short_key_signs_nothing(tmp_path: Path) -> None:
    """A key that can be guessed is refused at the start."""
    values = {"notices": {"webhook": {"url": "https://desk.example/hook", "secret": "env:HOOK"}}}
    chosen = settings.Settings(tmp_path, values)
    with pytest.raises(settings.BadConfiguration):
        desk_notices(chosen, {"HOOK": "short"}, HandClock(), print)
