"""
The client of a gateway's test back-end, as ``docs/partners.md`` describes it.

Rule 1: what the back-end does not offer is ``NotOffered``, what the gateway forbids is ``Forbidden``, and everything
else that is no 200 is ``Unclear``: it says nothing of the gateway.
"""

from typing import Any, Protocol

import aiohttp

from conformance.reading import Json
from conformance.registry import Gone, NotOffered, Unclear

TIMEOUT_S = 20.0


class Forbidden(Exception):
    """A rule of the gateway forbids what was asked of it; nothing was changed."""


class Backend(Protocol):
    """What the suite asks of a gateway's back-end."""

    async def post(self, path: str, value: Json) -> Json:
        """Call ``path`` and return its answer. Raises ``Forbidden``, ``NotOffered``, ``Unclear``."""
        ...

    async def get(self, path: str, **query: str) -> Json:
        """Read ``path``. Raises as ``post``."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


class HttpBackend:
    """A back-end over HTTP."""

    def __init__(self, url: str) -> None:
        """Call the back-end at ``url``, which has no slash at its end."""
        self._url = url.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def post(self, path: str, value: Json) -> Json:
        """Call ``path`` with ``value``."""
        return await self._call("POST", path, {"json": value})

    async def get(self, path: str, **query: str) -> Json:
        """Read ``path``."""
        return await self._call("GET", path, {"params": query})

    async def _call(self, method: str, path: str, how: dict[str, Any]) -> Json:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S), trust_env=False)
        try:
            async with self._session.request(method, self._url + path, **how) as response:
                value = await response.json(content_type=None)
                status = response.status
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise Gone(f"the back-end does not answer {path}: {type(error).__name__}") from None
        if not isinstance(value, dict):
            raise Unclear(f"the back-end answers {path} by no JSON object")
        text = str(value.get("error", ""))[:200]
        if status == 409:
            raise Forbidden(text)
        if status == 501:
            raise NotOffered(f"the back-end does not offer {path}: {text}")
        if status != 200:
            raise Unclear(f"the back-end answers {path} with {status}: {text}")
        return value


class NoBackend:
    """The manual profile: nobody sets a clock, hands in a case or looks inside."""

    async def post(self, path: str, value: Json) -> Json:
        """Refuse."""
        raise NotOffered(f"the manual profile has no {path}")

    async def get(self, path: str, **query: str) -> Json:
        """Refuse."""
        raise NotOffered(f"the manual profile has no {path}")

    async def close(self) -> None:
        """Close nothing."""
