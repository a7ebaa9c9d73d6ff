"""
The partners' doors over HTTPS.

Rule 1: TLS is 1.3, and a server is known by a key its State's card lists; only a card that lists none leaves it to the
Web PKI (``docs/protocol.md``, M-1.3).
Rule 2: nothing a server says is followed or kept: no redirect, no cookie, no proxy of the environment, no compression.
Rule 3: an answer is read to its bound and no further; every failure of the network is ``Unavailable``.

aiohttp keeps the connections, looks who is at their other end and reads the answers. Its session, which can do much
more than ask once, is left out: it took half of the processor time of a request.
"""

import asyncio
import ssl
from asyncio.sslproto import SSLProtocol
from collections.abc import Callable
from functools import cache, lru_cache
from hashlib import sha256
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp.connector import Connection
from aiohttp.http import HttpProcessingError
from cryptography import x509
from yarl import URL

from gateway.core.codes import PROBLEM_MEDIA_TYPE
from gateway.core.envelope import COLLECT_MAX_BYTES
from gateway.core.wire import ANSWER_MAX_BYTES
from gateway.services.ports import HttpAnswer, Unavailable
from keys import b64
from keys.card import Card

COLLECT_PATH = "/xg/1/collect"

TIMEOUT_S = 20.0
"""For a whole exchange, where the caller sets no time of its own."""

CONNECT_TIMEOUT_S = 5.0
"""For one address, so that a dead first address leaves time for a second."""

COLLECT_TIMEOUT_S = 60.0
"""A reply to ``collect`` may be 8 MiB."""

KEEPALIVE_S = 12.0
"""Shorter than the 15 s after which a gateway closes an idle connection, so that a post does not meet its end."""

CONNECTIONS_PER_HOST = 64

TLS_READ_BYTES = 32 << 10
"""Set aside for each connection, as at our own door, which opens before or not at all; asyncio takes 256 KiB."""

_RETRY_AFTER_DIGITS = 6

_CONNECTING = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S)

_INTERIM = frozenset(range(100, 200)) - {101}
"""Statuses before that of the answer (RFC 9110 section 15.2)."""

_FAILURES = (aiohttp.ClientError, HttpProcessingError, aiohttp.EofStream, OSError, TimeoutError, ValueError)
"""What the network, and whatever is at its other end, makes of a request; ``ValueError`` is of an address."""


class SpkiPin(aiohttp.Fingerprint):
    """
    Know a server by the SHA-256 of its certificate's SubjectPublicKeyInfo, whoever issued the certificate.

    Two pins of the same keys are equal, so that connections are shared; a card with other keys opens new ones.
    """

    def __init__(self, accepted: tuple[str, ...]) -> None:
        """``accepted`` are base64url SHA-256 hashes as cards list them, at least one."""
        super().__init__(b64.decode(accepted[0]))
        self._accepted = frozenset(accepted)

    def __eq__(self, other: object) -> bool:
        """Compare by accepted keys."""
        return isinstance(other, SpkiPin) and self._accepted == other._accepted

    def __hash__(self) -> int:
        """Hash by accepted keys."""
        return hash(self._accepted)

    def check(self, transport: asyncio.Transport) -> None:
        """Raise ``ServerFingerprintMismatch``, before a byte is sent, unless TLS is 1.3 and the key is listed."""
        tls = transport.get_extra_info("ssl_object")
        host, port, *_ = transport.get_extra_info("peername")
        certificate = tls.getpeercert(binary_form=True) if tls is not None and tls.version() == "TLSv1.3" else None
        got = spki_hash(certificate) if certificate else ""
        if got not in self._accepted:
            raise aiohttp.ServerFingerprintMismatch(self.fingerprint, b64.decode(got), host, port)


def spki_hash(certificate: bytes) -> str:
    """Return the base64url SHA-256 of a DER certificate's SubjectPublicKeyInfo; empty if it holds no key we read."""
    try:
        read = x509.load_der_x509_certificate(certificate)
        read.public_key()
        return b64.encode(sha256(_spki(read.tbs_certificate_bytes)).digest())
    except Exception:
        # Any certificate may come here, and the parser has many ways to say no; each is the answer of a stranger.
        return ""


def _spki(signed: bytes) -> bytes:
    """
    Return the SubjectPublicKeyInfo of what is signed of a certificate (RFC 5280 section 4.1), byte for byte.

    The library writes it anew, and that may be other bytes, as of a point that was compressed.
    """
    parts, (at, end) = [], _content(signed, 0)
    while at < end:
        begin, (_, at) = at, _content(signed, at)
        parts.append(signed[begin:at])
    return parts[_SPKI_AT + (parts[0][0] == _VERSION)]


_VERSION, _SPKI_AT = 0xA0, 5
"""The tag of the version, which may be left out, and how many parts stand between it and the key."""


def _content(der: bytes, at: int) -> tuple[int, int]:
    """Return where the content of the DER value at ``at`` begins and ends."""
    first = der[at + 1]
    begin = at + 2 + (first & 0x7F if first & 0x80 else 0)
    return begin, begin + (int.from_bytes(der[at + 2 : begin], "big") if first & 0x80 else first)


_pin = lru_cache(maxsize=256)(SpkiPin)


def _server(address: str, path: str, tls: SpkiPin | ssl.SSLContext) -> aiohttp.ClientRequest:
    """Return what says to a pool of connections which server is asked, for what, and how it is known."""
    return aiohttp.ClientRequest("GET", URL(address.rstrip("/") + path, encoded=True), ssl=tls)


@cache
def web_pki() -> ssl.SSLContext:
    """Return the context for servers whose card lists no key: certificates of the system's authorities, TLS 1.3."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(["http/1.1"])
    return context


class HttpPeers:
    """The ``Peers`` port. Made anywhere, used on one event loop, and closed there."""

    def __init__(
        self,
        card_of: Callable[[str], Card | None],
        *,
        timeout_s: float = TIMEOUT_S,
        tls: ssl.SSLContext | None = None,
        connector: Callable[[], aiohttp.BaseConnector] | None = None,
    ) -> None:
        """
        ``card_of(country)`` is the card to send by, ``None`` if there is none; ``tls`` replaces ``web_pki()``.

        ``connector`` makes the pool of connections, in place of one over TCP.
        """
        self._card_of = card_of
        self._timeout_s = timeout_s
        self._tls = tls or web_pki()
        self._connector = connector or self._over_tcp
        self._pool: aiohttp.BaseConnector | None = None
        self._server = lru_cache(maxsize=1024)(_server)
        self._last_good: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        """Return itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection."""
        await self.close()

    async def close(self) -> None:
        """Close every connection; a later post opens new ones."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()

    async def post(self, country: str, path: str, body: bytes, media_type: str) -> HttpAnswer:
        """
        Post ``body`` to the first address of ``country`` that answers, the one that answered last before the others.

        Any HTTP status is an answer, but an address that does not speak the protocol is passed over for the next, and
        what it said is returned if none does. Raises ``Unavailable`` if no address answers within its bounds.
        """
        return await self._ask("POST", country, path, body, media_type)

    async def get(self, country: str, path: str) -> HttpAnswer:
        """Get ``path`` as ``post`` posts to it."""
        return await self._ask("GET", country, path, None, None)

    async def _ask(
        self, method: str, country: str, path: str, body: bytes | None, media_type: str | None
    ) -> HttpAnswer:
        card = self._card_of(country)
        if card is None or not card.addresses:
            raise Unavailable(f"no address of {country} is known", "refresh trust, or lift the hold")
        last = self._last_good.get(country)
        failure: Unavailable | None = None
        strange: HttpAnswer | None = None
        for address in sorted(card.addresses, key=lambda one: one != last):
            try:
                answer = await self._ask_at(address, card.spki, method, path, body, media_type)
            except Unavailable as error:
                failure = error
                continue
            if not _speaks(answer):
                strange = strange or answer  # from a proxy, most likely; another address may lead past it
                continue
            self._last_good[country] = address
            return answer
        if strange is not None:
            return strange
        raise failure or Unavailable(f"{country} cannot be reached")

    async def _ask_at(
        self, address: str, spki: tuple[str, ...], method: str, path: str, body: bytes | None, media_type: str | None
    ) -> HttpAnswer:
        collecting = path == COLLECT_PATH
        try:
            async with asyncio.timeout(max(self._timeout_s, COLLECT_TIMEOUT_S) if collecting else self._timeout_s):
                server = self._server(address, path, _pin(spki) if spki else self._tls)
                self._pool = self._pool or self._connector()
                connection = await self._pool.connect(server, [], _CONNECTING)
                try:
                    asked = _asked(method, server.url, body, media_type)
                    answer = await _exchange(connection, asked, COLLECT_MAX_BYTES if collecting else ANSWER_MAX_BYTES)
                except BaseException:
                    connection.close()
                    raise
                connection.release()
                return answer
        except _FAILURES as error:
            # The text of the error may quote the server; its type is enough to know what to look at.
            raise Unavailable(f"no answer: {type(error).__name__}", "isthmus check tries every partner") from error

    def _over_tcp(self) -> aiohttp.BaseConnector:
        SSLProtocol.max_size = TLS_READ_BYTES
        return aiohttp.TCPConnector(
            limit=0, limit_per_host=CONNECTIONS_PER_HOST, keepalive_timeout=KEEPALIVE_S, ssl=self._tls
        )


def _speaks(answer: HttpAnswer) -> bool:
    """Return whether ``answer`` is of the protocol's kinds (``docs/protocol.md`` section 1): done, or a problem."""
    return answer.status in (200, 204) or answer.media_type == PROBLEM_MEDIA_TYPE


def _asked(method: str, url: URL, body: bytes | None, media_type: str | None) -> bytes:
    """Return a whole request (RFC 9112), which says no more of us than it must. A body has at most some megabytes."""
    lines = [f"{method} {url.raw_path_qs} HTTP/1.1", f"Host: {url.host_port_subcomponent}", "Accept-Encoding: identity"]
    lines += [f"Content-Type: {media_type}"] if media_type is not None else []
    lines += ["Accept: */*", *([] if body is None else [f"Content-Length: {len(body)}"]), "", ""]
    return "\r\n".join(lines).encode("ascii") + (body or b"")


async def _exchange(connection: Connection, asked: bytes, most: int) -> HttpAnswer:
    """
    Send ``asked`` over a connection of nobody else and return the whole answer, with which it is free again.

    Raises ``Unavailable`` for an answer that is encoded, or larger than ``most`` bytes.
    """
    protocol, transport = connection.protocol, connection.transport
    if protocol is None or transport is None:
        raise ConnectionResetError
    protocol.set_response_params(read_until_eof=True, auto_decompress=False)
    transport.write(asked)
    message, content = await protocol.read()
    while message.code in _INTERIM:
        message, content = await protocol.read()
    if message.headers.get("Content-Encoding", "identity") != "identity":
        raise Unavailable("the answer is encoded, which nobody asked for")
    body = bytearray()
    while chunk := await content.readany():
        body += chunk
        if len(body) > most:
            raise Unavailable(f"the answer is larger than {most} bytes")
    media_type = message.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return HttpAnswer(message.code, media_type, bytes(body), parse_retry_after(message.headers.get("Retry-After")))


def parse_retry_after(text: str | None) -> float | None:
    """Return the seconds in a Retry-After header (RFC 9110 section 10.2.3), ``None`` for a date or anything else."""
    if text is None or not (text.isascii() and text.isdigit() and len(text) <= _RETRY_AFTER_DIGITS):
        return None
    return float(text)
