"""
The reader of a trust list: fetches, verifies, and keeps what was verified where the gateway reads its cards.

Rule 1: roll-back, freeze, threshold and expiry are checked by the reference client of TUF, from the root that two
people compared. What it does not let pass is not looked at.
Rule 2: a country whose part is faulty is left as it was; the others do not wait for it.
Rule 3: what is kept is a copy. A message's path reads neither it nor the network, but the cards that ``services.trust``
holds in memory; and what a card says is believed only if it continues the chain of the one held.
"""

import asyncio
import os
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from tuf.api.exceptions import DownloadError, DownloadHTTPError, DownloadLengthMismatchError, RepositoryError
from tuf.api.metadata import Metadata, Root, TargetFile, Targets
from tuf.ngclient import FetcherInterface, Updater

from gateway.services.ports import Unavailable
from gateway.transport.card_directory import SERIAL_MAX, load_cards, replace_cards
from gateway.transport.trust_fetch import FolderFetcher, HttpFetcher
from gateway.transport.trust_state import load_state
from keys import jws, trust_list, trust_policy
from keys.card import digest_of
from keys.durable_file import confirm_all, write_durably
from keys.errors import BadJws
from keys.folder_lock import take
from keys.trust_policy import BadList
from schemas import ijson

METADATA, TARGETS = "metadata", "targets"
"""The two folders of a list, below its address."""

TIMEOUT_S = 30
TOTAL_S = 600
"""
How long a server may leave a reader without a byte, and how long one reading may take in all: less than until the next,
and long enough for the first one of a long list over a thin line.
"""


_LOOK_S = 0.1


def address(repository: str, home: Path) -> str:
    """Return the URL of the list at ``repository``: an address as it is, or a folder relative to ``home``."""
    if "://" in repository:
        return repository.rstrip("/")
    return (home / repository).absolute().as_uri()


@contextmanager
def _alone(folder: Path, stopping: threading.Event) -> Iterator[None]:
    """
    Keep other processes from reading the list into ``folder`` at the same time.

    Raises ``Unavailable`` if one does so for long, or once ``stopping`` is set.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        until = time.monotonic() + TIMEOUT_S
        while not take(descriptor):
            if stopping.wait(_LOOK_S) or time.monotonic() > until:
                raise Unavailable("another process reads the trust list", "it is read again by itself")
        yield
    finally:
        os.close(descriptor)


class TrustList:
    """The ``CardSource`` port over a trust list that is signed by a threshold."""

    def __init__(self, repository: str, root: Path, cache: Path, directory: Path, own: str) -> None:
        """
        Read the list at ``repository`` (a URL) from the pinned ``root``, and keep its cards in ``directory``.

        ``cache`` is a folder of this reader alone. The cards of ``own`` in ``directory`` are not touched: a State says
        itself what its card is, and the list follows.
        """
        self._repository = repository
        self._root = root
        self._cache = cache
        self._directory = directory
        self._own = own
        self._read: _Reading | None = None
        self._lock = asyncio.Lock()
        self._fetcher: FolderFetcher | HttpFetcher | None = None
        self._stopping = threading.Event()

    async def cards(self, country: str) -> Sequence[bytes]:
        """
        Return the raw cards of ``country`` as the list last said, lowest serial first.

        Raises ``Unavailable`` if its part of the list is faulty.
        """
        fault = self._read.fault(country) if self._read and country != self._own else None
        if fault is not None:
            more = "" if country in self.faults() else f" to add it: isthmus trust add FOLDER {country} --key KEY"
            hint = f"ask that State and the trustees{more}"
            raise Unavailable(f"nothing new of {country} is believed: {fault}", hint)
        return await self.kept(country)

    def faults(self) -> Mapping[str, str]:
        """Return the countries whose part was refused when the list was last read, and why."""
        return self._read.faults if self._read else {}

    async def kept(self, country: str) -> Sequence[bytes]:
        """Return the raw cards of ``country`` that lie here from an earlier reading, whatever the last one said."""
        return await asyncio.to_thread(load_cards, self._directory, country)

    async def refresh(self) -> None:
        """
        Fetch and verify what is new. Raises ``Unavailable`` if the list cannot be reached, or is not to be believed.

        Runs in a thread of its own; no message waits for it.
        """
        async with self._lock:
            self._stopping = threading.Event()
            try:
                await asyncio.to_thread(self.read)
            except asyncio.CancelledError:
                self._stopping.set()  # or a process that ends would wait for a slow server, or for another process
                if self._fetcher is not None:
                    self._fetcher.stop()
                raise

    async def state(self, countries: Collection[str]) -> Mapping[str, bytes]:
        """Return the signed parts behind the cards of ``countries`` for an export. Raises ``Unavailable``."""
        return await asyncio.to_thread(load_state, self._cache, countries)

    def policy(self, name: str) -> bytes | None:
        """Return the policy ``name`` as the list last said, or ``None`` if it holds none."""
        path = self._cache / "policy" / name
        return path.read_bytes() if path.is_file() else None

    def version(self) -> tuple[int, datetime] | None:
        """Return the version of what the trustees signed, as it was last read, and until when it holds."""
        return self._read.version if self._read else None

    def read(self) -> None:
        """Do what ``refresh`` does, here and now. Raises as it does."""
        self._read = self._refresh()

    def _refresh(self) -> "_Reading":
        for folder in (self._cache / METADATA, self._cache / TARGETS, self._cache / "policy"):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._directory.mkdir(parents=True, exist_ok=True)
        try:
            with _alone(self._cache, self._stopping), self._opened() as fetcher:
                updater = self._updater(fetcher)
                updater.refresh()
                # The client leaves that to the disk: a power cut might have us take an older list for the newest.
                confirm_all(self._cache / METADATA)
                for name in trust_policy.POLICIES:  # each time: what lies here may have been spoiled since
                    self._take_policy(updater, name)
                snapshot = (self._cache / METADATA / "snapshot.json").read_bytes()
                # Nothing changed since this process read it all, and nothing has run out meanwhile.
                if self._read is not None and self._read.holds(snapshot, datetime.now(UTC)):
                    return self._read
                return self._parts(updater, snapshot)
        except DownloadError as error:
            raise Unavailable(f"the trust list cannot be reached: {error}", "check 'trust.repository'") from error
        except (RepositoryError, BadList) as error:
            raise Unavailable(
                f"the trust list was refused: {error}",
                "an old or forged list, or one that nobody renewed; ask the trustees by another way",
            ) from error
        except OSError as error:
            raise Unavailable(f"the trust list cannot be kept: {error}", "check disk and owner of the data") from error

    def _opened(self) -> FolderFetcher | HttpFetcher:
        at_home = urlsplit(self._repository).scheme == "file"
        self._fetcher = FolderFetcher() if at_home else HttpFetcher(TIMEOUT_S, TOTAL_S)
        if self._stopping.is_set():
            self._fetcher.stop()
        return self._fetcher

    def _updater(self, fetcher: FetcherInterface) -> Updater:
        root = pinned_root(self._root)
        self._forget_roots()
        return Updater(
            metadata_dir=str(self._cache / METADATA),
            metadata_base_url=f"{self._repository}/{METADATA}/",
            target_dir=str(self._cache / TARGETS),
            target_base_url=f"{self._repository}/{TARGETS}/",
            fetcher=fetcher,
            bootstrap=root,
        )

    def _forget_roots(self) -> None:
        """Take away what is kept as a root and is none to us, as one that was read before less of it was taken."""
        for path in (self._cache / METADATA / "root_history").glob("*.root.json"):
            try:
                trust_list.parse(path.read_bytes(), Root)
            except BadList:
                path.unlink()

    def _parts(self, updater: Updater, snapshot: bytes) -> "_Reading":
        """Take the cards of every country; a fault in one country's part is kept, not raised."""
        listed = trust_list.parse((self._cache / METADATA / "targets.json").read_bytes(), Targets).signed
        faults, ends = {}, [listed.expires]
        countries = frozenset(trust_list.countries(listed))
        for country in sorted(countries):
            try:
                ends.append(self._take_country(updater, country))
            except (RepositoryError, BadList, *_OF_ONE_FILE) as error:
                faults[country] = str(error) or type(error).__name__
            except (DownloadError, OSError, Unavailable):
                raise
            except Exception as error:
                # A State signs what it likes. Whatever its part does to a reader, the others do not wait for it.
                faults[country] = f"its part cannot be read ({type(error).__name__})"
        return _Reading(snapshot, countries, faults, min(ends), (listed.version, listed.expires))

    def _take_policy(self, updater: Updater, name: str) -> None:
        path = self._cache / "policy" / name
        raw = _content(updater, trust_policy.policy_path(name), trust_policy.POLICY_MAX_BYTES)
        if raw is None:
            path.unlink(missing_ok=True)
            return
        trust_policy.check_policy(name, raw)
        if not path.is_file() or path.read_bytes() != raw:
            write_durably(path, raw)

    def _take_country(self, updater: Updater, country: str) -> datetime:
        """Keep the cards of ``country`` as its part lists them, and return until when that part holds."""
        raw = _content(updater, trust_policy.cards_path(country), trust_policy.CARDS_MAX_BYTES)
        if raw is None:
            raise BadList("it lists no cards")
        found = trust_policy.parse_cards(raw, country)
        kept = load_cards(self._directory, country) if country != self._own else found
        if found != kept:
            wanted = _before(country, kept, found) | _by_serial(country, found)
            if kept != tuple(wanted.values()):
                replace_cards(self._directory, country, wanted)
        # The client has just verified this file, read as here; it does not say what stands in it. What TUF does not
        # know it keeps, signed or not, so this is no place to be stricter.
        part = Metadata[Targets].from_bytes((self._cache / METADATA / f"{country}.json").read_bytes())
        return part.signed.expires


def pinned_root(path: Path) -> bytes:
    """Return the root at ``path`` that was compared. Raises ``Unavailable`` where the home has lost it."""
    hint = "restore it from the backup of the configuration, or pin it again: isthmus trust pin FILE"
    try:
        root = path.read_bytes()
        trust_list.parse(root, Root)
    except OSError as error:
        raise Unavailable(f"the pinned root {path} cannot be read: {error.strerror}", hint) from error
    except BadList as error:
        raise Unavailable(f"the pinned root {path} is none: {error}", hint) from error
    return root


class _Reading:
    """What one reading of the list gave: snapshot, countries, faulty parts, and until when no part runs out."""

    def __init__(
        self,
        snapshot: bytes,
        countries: frozenset[str],
        faults: Mapping[str, str],
        ends: datetime,
        version: tuple[int, datetime],
    ) -> None:
        self._snapshot = snapshot
        self._countries = countries
        self.faults = faults
        self._ends = ends
        self.version = version

    def holds(self, snapshot: bytes, now: datetime) -> bool:
        """Tell whether reading it again, now and for ``snapshot``, would give the same."""
        return snapshot == self._snapshot and not self.faults and now < self._ends

    def fault(self, country: str) -> str | None:
        """Return what is wrong with the part of ``country``, or ``None``."""
        return self.faults.get(country) if country in self._countries else "the list does not name it"


_OF_ONE_FILE = (DownloadHTTPError, DownloadLengthMismatchError)
"""What can be wrong with one file while the others can be had."""


def _content(updater: Updater, path: str, most: int) -> bytes | None:
    """Return the target at ``path``, verified, or ``None`` if the list has none. Raises ``BadList`` if too large."""
    info: TargetFile | None = updater.get_targetinfo(path)
    if info is None:
        return None
    if info.length > most:
        raise BadList(f"{path} is larger than {most} bytes")
    kept = updater.find_cached_target(info) or updater.download_target(info)
    return Path(kept).read_bytes()


def _before(country: str, kept: Sequence[bytes], listed: Sequence[bytes]) -> dict[int, bytes]:
    """
    Return those of the cards ``kept`` here, by serial, that the first of ``listed`` follows, one after the other.

    A list has the cards of the last 400 days; what was signed under older ones is proved by them for as long as it is
    kept. Each is named by the digest in the one after it.
    """
    found: dict[int, bytes] = {}
    prev = _claims(listed[0])[1] if listed else None
    for raw in reversed(kept):
        with suppress(BadList):
            digest, before = _claims(raw)
            if digest == prev:
                found, prev = _by_serial(country, [raw]) | found, before
    return found


def _claims(raw: bytes) -> tuple[str, object]:
    """Return the digest of a card and that of the one before it, as it says. Raises ``BadList``."""
    try:
        payload = jws.parse(raw, jws.TYP_CARD).payload
        return digest_of(payload), ijson.loads(payload).get("prev")
    except (BadJws, ijson.BadJson) as error:
        raise BadList(f"it lists what is no card: {error}") from error


def _by_serial(country: str, raws: Sequence[bytes]) -> dict[int, bytes]:
    """
    Return the cards ``raws`` by serial. Raises ``BadList`` unless all are of ``country`` and their serials rise.

    What is read here decides where a card is kept, not whether it is believed; ``services.trust`` verifies it.
    """
    found: dict[int, bytes] = {}
    for raw in raws:
        try:
            claims = ijson.loads(jws.parse(raw, jws.TYP_CARD).payload)
        except (BadJws, ijson.BadJson) as error:
            raise BadList(f"it lists what is no card: {error}") from error
        if claims.get("country") != country:
            raise BadList("it lists a card of another country")
        serial = claims.get("serial")
        if type(serial) is not int or not max(found, default=0) < serial <= SERIAL_MAX:
            raise BadList("its cards are not in the order of their serials")
        found[serial] = raw
    return found
