"""
Telling a desk that a case moved: by mail and by webhook, with reference, state and link, and nothing else.

Rule 1: no step waits for a notice and none fails by one. What cannot be told is logged, and the board shows it anyway.
Rule 2: a notice is queued once the step is on disk; the queue is bounded and lives in memory alone. What waits in it is
not queued once more: a State may say the same again and again, and no notice of another case is lost by it.
Rule 3: subject and body are the same for every case but for its reference, its state and the link.
Rule 4: nothing goes in clear over a network: TLS everywhere but on loopback.
"""

import asyncio
import hmac
import smtplib
import socket
import ssl
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from hashlib import sha256
from typing import Protocol

import aiohttp
import orjson

from gateway.services.ports import Clock
from gateway.settings import is_loopback

QUEUE_MAX = 256
"""Notices that wait for one way; a mail server that is down for longer makes room by losing the oldest."""

TIMEOUT_S = 10.0
"""Longest time that one attempt by a webhook may take."""

MAIL_TIMEOUT_S = 30.0
"""
Longest time of one mail, from the first address tried to the last word of the server. Some wait for seconds before they
greet, and look at a mail for as long before they take it.
"""

WAITS_S = (5.0, 30.0)
"""Seconds before the second and the third attempt; after that the notice is given up."""

DRAIN_S = 5.0
"""How long a gateway that closes waits for what is still queued."""

SIGNATURE = "XG-Signature"
"""Header of a webhook: ``t=<seconds since 1970>,v1=<hex HMAC-SHA-256 of "t." and the body>``."""

SUBJECT = "Isthmus: a case moved"


@dataclass(frozen=True, slots=True)
class Notice:
    """That a case moved: our reference, the state it is in, and the desk that is told."""

    ref: str
    state: str
    desk: str


class NotTold(Exception):
    """Say by kind why an attempt failed; never what the other side answered, which may quote anything."""


class Way(Protocol):
    """One way to tell a desk."""

    name: str

    async def send(self, notice: Notice, now_s: int) -> None:
        """Send ``notice``, at ``now_s`` seconds since 1970; raise ``NotTold`` if it was not taken."""
        ...

    async def close(self) -> None:
        """Close what is open."""
        ...


def _link(template: str | None, ref: str) -> str | None:
    return template and template.replace("{ref}", ref)


@dataclass(slots=True)
class Mail:
    """
    The way by SMTP (RFC 5321), in a thread, for the library waits; its connection is cut where the time is up.

    ``tls`` is ``starttls``, ``implicit`` or, on loopback alone, ``none``. ``recipients`` maps a desk to its addresses;
    a desk that is not in it gets no mail. ``link`` is an address with ``{ref}`` in it, or ``None``.
    """

    host: str
    port: int
    sender: str
    recipients: Mapping[str, Sequence[str]]
    tls: str = "starttls"
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    link: str | None = None
    ssl_context: ssl.SSLContext | None = None
    timeout_s: float = MAIL_TIMEOUT_S
    name: str = "smtp"

    def __post_init__(self) -> None:
        """Refuse a mail server that would be spoken to in clear."""
        if self.tls == "none" and not is_loopback(self.host):
            raise ValueError("mail leaves in clear on loopback only")

    @property
    def _domain(self) -> str:
        """Return what we are called toward the mail server: never what this machine is called within its network."""
        return self.sender.rpartition("@")[2]

    def message(self, notice: Notice, now_s: int) -> EmailMessage:
        """Return the mail: reference, state, link."""
        made = EmailMessage()
        made["From"], made["To"] = self.sender, ", ".join(self.recipients[notice.desk])
        made["Subject"], made["Date"] = SUBJECT, formatdate(now_s)
        made["Message-ID"] = make_msgid(domain=self._domain)
        made["Auto-Submitted"] = "auto-generated"
        lines = [f"Reference: {notice.ref}", f"State: {notice.state}"]
        if (link := _link(self.link, notice.ref)) is not None:
            lines.append(f"Link: {link}")
        made.set_content("\n".join(lines) + "\n")
        return made

    async def send(self, notice: Notice, now_s: int) -> None:
        """Send the mail; raise ``NotTold``."""
        if not self.recipients.get(notice.desk):
            return
        try:
            async with asyncio.timeout(self.timeout_s):
                line = await self._connected()
                untaken = [line]
                with line.dup() as same:  # the library puts TLS in place of the one that it is given
                    try:
                        await asyncio.to_thread(self._send, untaken, self.message(notice, now_s))
                    finally:
                        with suppress(OSError):
                            same.shutdown(socket.SHUT_RDWR)  # whatever the thread waits for, it waits no longer
                        with suppress(IndexError):
                            untaken.pop().close()  # no thread was free, and whoever waited for one is gone
        except (OSError, smtplib.SMTPException) as error:
            raise NotTold(type(error).__name__) from error

    async def _connected(self) -> socket.socket:
        """Return a connection to the first address that takes one; each has a part of the time. Raises ``OSError``."""
        loop, failed = asyncio.get_running_loop(), OSError()
        found = await loop.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        for family, kind, protocol, _, address in found:
            try:
                with ExitStack() as held:
                    line = held.enter_context(socket.socket(family, kind, protocol))
                    line.setblocking(False)
                    async with asyncio.timeout(self.timeout_s / len(found)):
                        await loop.sock_connect(line, address)
                    held.pop_all()
                    return line
            except OSError as error:
                failed = error
        raise failed

    def _send(self, untaken: list[socket.socket], message: EmailMessage) -> None:
        with untaken.pop() as line:  # in one step: it is closed here or where this is waited for, and never in both
            line.settimeout(self.timeout_s)
            trust = self.ssl_context or ssl.create_default_context()
            with _Server(self.host, line, trust if self.tls == "implicit" else None, self._domain) as server:
                if self.tls == "starttls":
                    server.starttls(context=trust)
                if self.user is not None and self.password is not None:
                    server.login(self.user, self.password)
                server.send_message(message)

    async def close(self) -> None:
        """Nothing stays open between two mails."""


class _Server(smtplib.SMTP):
    """A mail server at the other end of a connection that is there already."""

    def __init__(self, host: str, line: socket.socket, trust: ssl.SSLContext | None, name: str) -> None:
        """Speak to ``host`` as ``name`` over ``line``, by TLS from the first byte where ``trust`` is given."""
        self._line, self._trust = line, trust
        super().__init__(host, local_hostname=name)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        """Take the place of what opens a connection."""
        return self._line if self._trust is None else self._trust.wrap_socket(self._line, server_hostname=host)


@dataclass(slots=True)
class Webhook:
    """
    The way by HTTP: one POST of ``{"ref","state","link"}``, signed in the header ``XG-Signature``.

    The signature covers the time, so that a receiver can refuse what somebody recorded and posts again.
    """

    url: str
    secret: bytes = field(repr=False)
    link: str | None = None
    ssl_context: ssl.SSLContext | None = None
    timeout_s: float = TIMEOUT_S
    name: str = "webhook"
    _session: aiohttp.ClientSession | None = None

    async def send(self, notice: Notice, now_s: int) -> None:
        """Post the notice; raise ``NotTold`` unless the answer is a success."""
        body = orjson.dumps({"ref": notice.ref, "state": notice.state, "link": _link(self.link, notice.ref)})
        headers = {"Content-Type": "application/json", SIGNATURE: signature(self.secret, body, now_s)}
        session = self._opened()
        try:
            async with session.post(self.url, data=body, headers=headers, allow_redirects=False) as answer:
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise NotTold(type(error).__name__) from error
        if not 200 <= status < 300:
            raise NotTold(f"HTTP {status}")

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(ssl=self.ssl_context or True, limit=1)
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=self.timeout_s),
                headers={"User-Agent": "isthmus"},
                trust_env=False,
            )
        return self._session

    async def close(self) -> None:
        """Close the connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def signature(secret: bytes, body: bytes, at_s: int) -> str:
    """Return the value of the header ``XG-Signature`` for ``body`` at ``at_s`` seconds since 1970."""
    return f"t={at_s},v1={hmac.new(secret, f'{at_s}.'.encode() + body, sha256).hexdigest()}"


class DeskNotices:
    """The queue of each way, and what empties it."""

    def __init__(
        self,
        ways: Sequence[Way],
        clock: Clock,
        log: Callable[..., None],
        *,
        queue_max: int = QUEUE_MAX,
        waits_s: Sequence[float] = WAITS_S,
    ) -> None:
        """Tell by ``ways``; ``waits_s`` are the seconds before each further attempt."""
        self._lines = {way.name: deque[Notice]() for way in ways}
        self._ways, self._clock, self._log = tuple(ways), clock, log
        self._max, self._waits_s = queue_max, tuple(waits_s)
        self._more = {way.name: asyncio.Event() for way in ways}

    def tell(self, ref: str, state: str, desk: str) -> None:
        """
        Queue a notice for every way, where the same does not wait already.

        Never waits and never fails; a full queue loses its oldest notice.
        """
        notice = Notice(ref, state, desk)
        for way in self._ways:
            line = self._lines[way.name]
            if notice in line:
                continue
            if len(line) >= self._max:
                lost = line.popleft()
                self._log("notice.lost", ref=lost.ref, type=way.name, error="QueueFull")
            line.append(notice)
            self._more[way.name].set()

    async def run(self) -> None:
        """Send what is queued until cancelled; one way that fails holds up no other."""
        async with asyncio.TaskGroup() as group:
            for way in self._ways:
                group.create_task(self._run(way))

    async def _run(self, way: Way) -> None:
        while True:
            await self._more[way.name].wait()
            self._more[way.name].clear()
            await self._empty(way)

    async def run_once(self) -> None:
        """Send what is queued now."""
        await asyncio.gather(*(self._empty(way) for way in self._ways))

    async def close(self) -> None:
        """Give what is still queued a last, short chance, and close every way."""
        try:
            async with asyncio.timeout(DRAIN_S):
                await self.run_once()
        except TimeoutError:
            pass
        for way in self._ways:
            for notice in self._lines[way.name]:
                self._log("notice.lost", ref=notice.ref, type=way.name, error="Closed")
            self._lines[way.name].clear()
            await way.close()

    async def _empty(self, way: Way) -> None:
        line = self._lines[way.name]
        while line:
            notice = line.popleft()
            try:
                await self._deliver(way, notice)
            except asyncio.CancelledError:
                line.appendleft(notice)  # perhaps it is told twice; ``close`` tries once more, or says that it is lost
                raise

    async def _deliver(self, way: Way, notice: Notice) -> None:
        """Try until it is taken or the attempts are used up; whatever happens, it happened to a notice only."""
        tries = 1 + len(self._waits_s)
        for number in range(tries):
            if number:
                await self._clock.sleep(self._waits_s[number - 1])
            try:
                await way.send(notice, int(self._clock.now().timestamp()))
            except NotTold as error:
                self._log("notice.failed", ref=notice.ref, type=way.name, error=str(error), count=number + 1)
            except Exception as error:
                # A way that breaks in a manner nobody foresaw must not end the loop, and with it the gateway.
                self._log("notice.failed", ref=notice.ref, type=way.name, error=type(error).__name__, count=number + 1)
                break
            else:
                return
        self._log("notice.lost", ref=notice.ref, type=way.name, error="GivenUp")
