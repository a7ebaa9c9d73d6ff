"""
How the files of a trust list come here: from a folder, or from a web server.

Rule 1: a server is asked at the address that is configured and nowhere else: no redirect is followed, for whoever
serves the list must not choose what a gateway asks inside of its own network.
Rule 2: one reading ends in its time, however slowly each byte comes. Nothing is decompressed, and no file is larger
than a reader takes.
Rule 3: a root that ``keys.trust_list`` does not read never gets to the client of TUF, which asks less of one and would
keep it and follow what is signed under it.
"""

import asyncio
import io
import re
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit

import aiohttp
from tuf.api.exceptions import DownloadError, DownloadHTTPError, SlowRetrievalError
from tuf.api.metadata import Root
from tuf.ngclient import FetcherInterface

from keys import trust_list

CHUNK_BYTES = 1 << 18

FILE_MAX_BYTES = 8 << 20
"""The largest file taken from a server. The client of TUF takes 5 MB of metadata; cards of one State are smaller."""

OK = 200

_ROOT = re.compile(r"/[0-9]+\.root\.json\Z")


class _ListFetcher(FetcherInterface):
    """Gives files of a list to the client of TUF, and no root that is none to us."""

    def download_bytes(self, url: str, max_length: int) -> bytes:
        """Return the file at ``url``. Raises ``DownloadError``, and ``BadList`` for such a root."""
        raw = super().download_bytes(url, max_length)
        if _ROOT.search(url):
            trust_list.parse(raw, Root)
        return raw


class FolderFetcher(_ListFetcher):
    """Reads a list from a folder: a disk, a stick, a mount."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Do nothing: each file is closed when it was read."""

    def stop(self) -> None:
        """Do nothing: a folder that does not answer is the operating system's affair."""

    def _fetch(self, url: str) -> Iterator[bytes]:
        path = Path(unquote(urlsplit(url).path))
        try:
            file = path.open("rb")
        except FileNotFoundError:
            raise DownloadHTTPError(f"{path.name} is not there", 404) from None
        return _chunks(file)


def _chunks(file: io.BufferedReader) -> Iterator[bytes]:
    with file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


class HttpFetcher(_ListFetcher):
    """Reads a list from a web server, in a thread without an event loop: it has one of its own."""

    def __init__(self, timeout_s: float, total_s: float) -> None:
        """Wait ``timeout_s`` for a connection and for each next byte, and ``total_s`` for all that is read."""
        self._timeout_s = timeout_s
        self._ends = time.monotonic() + total_s
        self._runner = asyncio.Runner()
        self._session: aiohttp.ClientSession | None = None
        self._reading: asyncio.Task[bytes] | None = None
        self._stopped = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        if self._session is not None:
            self._runner.run(self._session.close())
        self._runner.close()

    def stop(self) -> None:
        """End what is being read, from another thread."""
        self._stopped = True
        if (task := self._reading) is not None:
            task.get_loop().call_soon_threadsafe(task.cancel)

    def _fetch(self, url: str) -> Iterator[bytes]:
        return iter((self._runner.run(self._get(url)),))

    async def _get(self, url: str) -> bytes:
        """Return the whole file at ``url``. Raises ``DownloadError``."""
        self._reading = asyncio.current_task()
        left_s = self._ends - time.monotonic()
        if self._stopped or left_s <= 0:
            raise SlowRetrievalError("the list was not read in time")
        limit = aiohttp.ClientTimeout(total=left_s, sock_connect=self._timeout_s, sock_read=self._timeout_s)
        try:
            async with self._open().get(url, allow_redirects=False, timeout=limit) as response:
                if response.status != OK:
                    raise DownloadHTTPError(f"the server said {response.status}", response.status)
                return await _whole(response)
        except asyncio.CancelledError:
            raise SlowRetrievalError("the reading was stopped") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:  # a time-out is an OSError
            raise DownloadError(f"no answer: {type(error).__name__}") from error
        finally:
            self._reading = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"Accept-Encoding": "identity"},
                skip_auto_headers=["User-Agent"],
                auto_decompress=False,
                trust_env=True,  # as before: a ministry may let nothing out but by its proxy
            )
        return self._session


async def _whole(response: aiohttp.ClientResponse) -> bytes:
    raw = bytearray()
    async for chunk in response.content.iter_any():
        raw += chunk
        if len(raw) > FILE_MAX_BYTES:
            raise DownloadError(f"a file is larger than {FILE_MAX_BYTES} bytes")
    return bytes(raw)
