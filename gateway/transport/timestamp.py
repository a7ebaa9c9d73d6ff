"""
A time-stamping authority over HTTP (RFC 3161 section 3.4).

A token says that somebody who is no State saw these bytes at that instant. It is taken only if it verifies under the
roots of the configuration, so that what is stored is worth something later. The parsing is that of ``rfc3161-client``,
of the extra ``timestamp``; it is loaded when the first token is asked for.
"""

from datetime import datetime
from pathlib import Path

import aiohttp
from cryptography import x509

from gateway.services.ports import Unavailable

REQUEST_TYPE = "application/timestamp-query"
RESPONSE_TYPE = "application/timestamp-reply"
RESPONSE_MAX_BYTES = 64 << 10
ROOTS_MAX_BYTES = 1 << 20
"""The largest file of certificates read: that of all authorities of a web browser has a quarter of it."""

TIMEOUT_S = 30.0


class HttpTimeStamper:
    """The ``TimeStamper`` port: one request over one connection, once a day for each log."""

    def __init__(self, url: str, roots: Path) -> None:
        """Ask at ``url``; ``roots`` is a PEM file with the certificates its tokens must lead to."""
        self._url = url
        self._roots = roots
        self._timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)

    async def stamp(self, message: bytes) -> bytes:
        """Return a response (DER) over ``message`` that verifies. Raises ``Unavailable``."""
        try:
            from rfc3161_client import HashAlgorithm, TimestampRequestBuilder
        except ImportError:
            raise Unavailable(
                "time-stamps need the extra 'timestamp'", "install the extra: requirements/timestamp.txt"
            ) from None
        request = TimestampRequestBuilder().data(message).hash_algorithm(HashAlgorithm.SHA256).build()
        raw = await self._post(request.as_bytes())
        try:
            verify_token(raw, message, load_roots(self._roots), nonce=request.nonce)
        except ValueError as error:
            raise Unavailable(f"the time-stamp does not stand: {error}", "check 'transparency.timestamp'") from error
        return raw

    async def _post(self, body: bytes) -> bytes:
        try:
            async with (
                aiohttp.ClientSession(timeout=self._timeout, trust_env=False) as session,
                session.post(
                    self._url, data=body, headers={"Content-Type": REQUEST_TYPE}, allow_redirects=False
                ) as response,
            ):
                if response.status != 200 or response.content_type != RESPONSE_TYPE:
                    raise Unavailable(f"the authority answered with {response.status}")
                return await _whole(response)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise Unavailable(f"the authority cannot be reached: {type(error).__name__}") from error


async def _whole(response: aiohttp.ClientResponse) -> bytes:
    """Return the whole answer, in however many pieces it comes. Raises ``Unavailable``."""
    raw = bytearray()
    async for chunk in response.content.iter_any():
        raw += chunk
        if len(raw) > RESPONSE_MAX_BYTES:
            raise Unavailable("the answer of the authority is too large")
    return bytes(raw)


def load_roots(path: Path) -> list[x509.Certificate]:
    """Return the certificates in the PEM file ``path``. Raises ``Unavailable``."""
    try:
        with path.open("rb") as file:
            raw = file.read(ROOTS_MAX_BYTES + 1)
        return x509.load_pem_x509_certificates(raw if len(raw) <= ROOTS_MAX_BYTES else b"")
    except (OSError, ValueError) as error:
        why = f"cannot be read: {error.strerror}" if isinstance(error, OSError) else "holds no certificate"
        raise Unavailable(f"{path} {why}", "check 'transparency.timestamp.roots'") from error


def verify_token(raw: bytes, message: bytes, roots: list[x509.Certificate], nonce: int | None = None) -> str:
    """
    Return the instant in a time-stamp response over ``message`` that verifies under ``roots``, as ISO 8601 text.

    The certificates must have been valid at that instant. Raises ``ValueError`` for anything else.
    """
    from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

    try:
        response = decode_timestamp_response(raw)
        VerifierBuilder(roots=list(roots), nonce=nonce).build().verify_message(response, message)
        at: datetime = response.tst_info.gen_time
        return at.isoformat()
    except VerificationError as error:
        raise ValueError(str(error)) from error
