"""
The partners' doors over HTTPS.

Rule 1: TLS is 1.3, and a server is known by a key its State's card lists; only a card that lists none leaves it to the
Web PKI (``docs/protocol.md``, M-1.3).
Rule 2: nothing a server says is followed or kept: no redirect, no cookie, no proxy of the environment, no compression.
Rule 3: an answer is read to its bound and no further; every failure of the network is ``Unavailable``.
"""

import asyncio
import ssl
from collections.abc import Callable
from functools import cache, lru_cache
from hashlib import sha256
from io import BytesIO
from types import TracebackType
from typing import Self

import aiohttp
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
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

IN_ONE_PIECE_BYTES = 1 << 20

_RETRY_AFTER_DIGITS = 6


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
        public = x509.load_der_x509_certificate(certificate).public_key()
    except Exception:
        # Any certificate may come here, and the parser has many ways to say no; each is the answer of a stranger.
        return ""
    return b64.encode(sha256(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest())


_pin = lru_cache(maxsize=256)(SpkiPin)


@lru_cache(maxsize=1024)
def _url(address: str, path: str) -> URL:
    return URL(address.rstrip("/") + path, encoded=True)


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
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=CONNECT_TIMEOUT_S)
        longer_s = max(timeout_s, COLLECT_TIMEOUT_S)
        self._collect_timeout = aiohttp.ClientTimeout(total=longer_s, sock_connect=CONNECT_TIMEOUT_S)
        self._tls = tls or web_pki()
        self._connector = connector or self._over_tcp
        self._session: aiohttp.ClientSession | None = None
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
        session, self._session = self._session, None
        if session is not None:
            await session.close()

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
            async with self._open().request(
                method,
                _url(address, path),
                # Bytes beyond this are written in one piece by aiohttp, which then warns of it.
                data=BytesIO(body) if body is not None and len(body) > IN_ONE_PIECE_BYTES else body,
                headers={"Content-Type": media_type} if media_type is not None else {},
                ssl=_pin(spki) if spki else self._tls,
                allow_redirects=False,
                timeout=self._collect_timeout if collecting else self._timeout,
            ) as response:
                return await _read(response, COLLECT_MAX_BYTES if collecting else ANSWER_MAX_BYTES)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            # The text of the error may quote the server; its type is enough to know what to look at.
            raise Unavailable(f"no answer: {type(error).__name__}", "isthmus check tries every partner") from error

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=self._connector(),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"Accept-Encoding": "identity"},
                skip_auto_headers=["User-Agent"],
                auto_decompress=False,
                trust_env=False,
            )
        return self._session

    def _over_tcp(self) -> aiohttp.BaseConnector:
        return aiohttp.TCPConnector(
            limit=0, limit_per_host=CONNECTIONS_PER_HOST, keepalive_timeout=KEEPALIVE_S, ssl=self._tls
        )


def _speaks(answer: HttpAnswer) -> bool:
    """Return whether ``answer`` is of the protocol's kinds (``docs/protocol.md`` section 1): done, or a problem."""
    return answer.status in (200, 204) or answer.media_type == PROBLEM_MEDIA_TYPE


async def _read(response: aiohttp.ClientResponse, most: int) -> HttpAnswer:
    """Return the whole answer; raises ``Unavailable`` for one that is encoded, or larger than ``most`` bytes."""
    if response.headers.get("Content-Encoding", "identity") != "identity":
        response.close()
        raise Unavailable("the answer is encoded, which nobody asked for")
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > most:
            response.close()
            raise Unavailable(f"the answer is larger than {most} bytes")
    retry_after_s = parse_retry_after(response.headers.get("Retry-After"))
    return HttpAnswer(response.status, response.content_type, bytes(body), retry_after_s)


def parse_retry_after(text: str | None) -> float | None:
    """Return the seconds in a Retry-After header (RFC 9110 section 10.2.3), ``None`` for a date or anything else."""
    if text is None or not (text.isascii() and text.isdigit() and len(text) <= _RETRY_AFTER_DIGITS):
        return None
    return float(text)
