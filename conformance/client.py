"""
Posting to the gateway under test: whole, in pieces, slowly, or as bytes that are hardly HTTP.

Whatever the network does is ``Unclear``; whether the gateway may close a connection is for a case to say.
"""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import urlsplit

import aiohttp
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from conformance.reading import b64u
from conformance.registry import Gone, Unclear
from conformance.state import Shot

TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Got:
    """What came back: status, headers by lower-case name, body."""

    status: int
    headers: dict[str, str]
    body: bytes


class Client:
    """The suite's way to the gateway's listener for partners."""

    def __init__(self, url: str) -> None:
        """Post to ``url``, which has no slash at its end."""
        self.url = url.rstrip("/")
        parts = urlsplit(self.url)
        self.host, self.port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        self.tls = tls_context() if parts.scheme == "https" else None
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close every connection; a later post opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def post(self, shot: Shot, method: str = "POST") -> Got:
        """Post ``shot`` and return what came back. Raises ``Gone``."""
        if shot.path.endswith("?"):  # the library would leave an empty query out
            if (got := await self.raw([self.request(shot)])) is None:
                raise Unclear("the gateway gave no answer")
            return got
        if self._session is None:
            self._session = aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                skip_auto_headers=["User-Agent", "Accept", "Content-Type"],
                headers={"Accept-Encoding": "gzip, deflate"},
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
                connector=aiohttp.TCPConnector(limit=0, ssl=self.tls or True),
            )
        try:
            async with self._session.request(
                method, self.url + shot.path, data=shot.raw, headers=shot.headers, allow_redirects=False
            ) as response:
                headers = {name.lower(): value for name, value in response.headers.items()}
                return Got(response.status, headers, await response.read())
        except aiohttp.ServerDisconnectedError as error:
            raise Unclear(f"the gateway closed the connection without an answer: {error}") from None
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise Gone(f"no answer of the target: {type(error).__name__}") from None

    async def raw(
        self,
        pieces: Sequence[bytes],
        every_s: float = 0.0,
        timeout_s: float = TIMEOUT_S,
        after: asyncio.Event | None = None,
    ) -> Got | None:
        """
        Write ``pieces`` as they are, ``every_s`` seconds apart, and return what comes back; ``None`` if nothing does.

        All but the first wait for ``after`` too, where there is one. Raises ``Gone`` only if no connection can be made.
        """
        reader, writer = await self._connect()
        sending = asyncio.create_task(_write(writer, pieces, every_s, after))
        try:
            async with asyncio.timeout(timeout_s):
                return await read_response(reader)
        except (TimeoutError, OSError, asyncio.IncompleteReadError, ValueError):
            return None
        finally:
            sending.cancel()
            writer.transport.abort()

    async def answer(
        self, pieces: Sequence[bytes], every_s: float = 0.0, after: asyncio.Event | None = None
    ) -> Got | None:
        """As ``raw``, of what has to be answered. Raises ``Gone`` if nothing comes, and the target is gone."""
        got = await self.raw(pieces, every_s, after=after)
        if got is None:
            _, writer = await self._connect()
            writer.transport.abort()
        return got

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection to the target. Raises ``Gone``."""
        try:
            return await asyncio.open_connection(self.host, self.port, ssl=self.tls)
        except OSError as error:
            raise Gone(f"no connection to the target: {type(error).__name__}") from None

    def request(self, shot: Shot, length: int | None = None, **headers: str) -> bytes:
        """Return the bytes of a request; ``length`` is what it declares, whatever it holds."""
        lines = [
            f"POST {shot.path} HTTP/1.1",
            f"Host: {self.host}:{self.port}",
            *(f"{name}: {value}" for name, value in {**shot.headers, **headers}.items()),
            f"Content-Length: {len(shot.raw) if length is None else length}",
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + shot.raw

    async def spki(self) -> tuple[str, str]:
        """Return the SPKI hash of the target's certificate, and its version of TLS. Raises ``Gone``."""
        _, writer = await self._connect()
        tls = writer.get_extra_info("ssl_object")
        certificate, version = tls.getpeercert(binary_form=True), tls.version()
        writer.transport.abort()
        public = x509.load_der_x509_certificate(certificate).public_key()
        raw = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return b64u(sha256(raw).digest()), str(version)


async def _write(
    writer: asyncio.StreamWriter, pieces: Sequence[bytes], every_s: float, after: asyncio.Event | None
) -> None:
    try:
        for place, piece in enumerate(pieces):
            if place:
                await asyncio.sleep(every_s)
            if place and after is not None:
                await after.wait()
            writer.write(piece)
            await writer.drain()
    except OSError:
        return  # the gateway closed it; what it answered is read by the other half


async def read_response(reader: asyncio.StreamReader) -> Got:
    """Return one HTTP response with a length or in chunks."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip()
    first, *rest = head.split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in rest)}
    if headers.get("transfer-encoding") == "chunked":
        body = b""
        while size := int((await reader.readline()).split(b";")[0], 16):
            body += await reader.readexactly(size)
            await reader.readline()
        return Got(int(first.split(" ")[1]), headers, body)
    return Got(int(first.split(" ")[1]), headers, await reader.readexactly(int(headers.get("content-length", "0"))))


def tls_context(version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    """Return a context of one version of TLS that takes any certificate: the card says which is right."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    made.minimum_version = made.maximum_version = version
    return made
