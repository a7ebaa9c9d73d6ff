"""Opens the store that the configuration names, and what pages read of it: SQLite in the home, or PostgreSQL."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from gateway.services.inquire import Inquiries
from gateway.services.operate import Queues
from gateway.services.ports import SignBatch, Store, Unavailable
from gateway.settings import Settings
from gateway.storage.desks import DeskStore
from gateway.storage.errors import StoreError
from gateway.storage.group import QUEUE_MAX
from gateway.storage.postgres_schema import DESKS_TABLES
from gateway.storage.query import Query
from gateway.storage.sqlite import Run, Worker, check_here, open_store
from gateway.storage.sqlite_desks import SqliteDesks
from gateway.storage.sqlite_reads import SqliteInquiries
from keys.durable_file import make_folder

DESKS_KEPT = "desks"
"""Name of the stored word that the desks keep something: what is not there was lost, or not put back."""

DESKS_SCHEMA = "the schema desks of the database"

_DESKS_KEPT = f"SELECT 1 FROM meta WHERE name = '{DESKS_KEPT}'"  # noqa: S608  # a constant


class Reads(Inquiries, Queues, Protocol):
    """What pages, reports and the operator read."""

    async def close(self) -> None:
        """Let go of the store."""
        ...


@dataclass(frozen=True, slots=True)
class Opened:
    """A store, what pages read of it, and what closes both."""

    store: Store
    inquiries: Reads
    close: Callable[[], Awaitable[None]]


async def open_stores(
    settings: Settings,
    *,
    environ: Mapping[str, str],
    run: Run | None,
    sign_batch: SignBatch,
    now: datetime,
    create: bool,
    on_failure: Callable[[Unavailable], None],
    inquiries: Reads | None = None,
) -> Opened:
    """
    Open what ``settings`` names.

    ``on_failure`` hears why a batch, or what is done beside the batches, came to nothing. ``run`` calls the work of an
    SQLite store, in place of threads of its own; ``inquiries`` read in place of those over the file. Raises
    ``StoreError`` and ``BadConfiguration``.
    """
    make_folder(settings.data, mode=0o700)
    dsn, queue_max = settings.dsn(environ), settings.values.get("limits", {}).get("queue_max", QUEUE_MAX)
    if dsn is not None:
        return await _postgres(dsn, sign_batch, now, create, on_failure, queue_max)
    async with AsyncExitStack() as held:
        workers = [Worker(), Worker()] if run is None else []
        for worker in workers:
            held.callback(worker.close)
        store = await open_store(
            settings.database,
            run=run or workers[0],
            aside=workers[1] if workers else None,
            sign_batch=sign_batch,
            now=now,
            create=create,
            on_failure=on_failure,
            queue_max=queue_max,
        )
        held.push_async_callback(store.close)
        reads = inquiries or await SqliteInquiries.open(settings.database)
        held.push_async_callback(reads.close)
        return Opened(store, reads, held.pop_all().aclose)


async def lacks_desks(settings: Settings, environ: Mapping[str, str]) -> bool:
    """Return whether the file, or the schema, of what the desks keep is not there. Raises as ``open_stores`` does."""
    dsn = settings.dsn(environ)
    if dsn is None:
        check_here(settings.database)
        return not _holds(settings.accounts)
    from gateway.storage.postgres_desks import is_missing

    return await is_missing(dsn)


def _holds(path: Path) -> bool:
    """Return whether something is in the file ``path``: a copy on a disk that was full leaves one with nothing."""
    return path.is_file() and path.stat().st_size > 0


def lost_desks(place: Path | str) -> StoreError:
    """Return what to say of what the desks kept at ``place``: an empty one made anew would let nobody in."""
    hint = (
        "put it back from its backup; where there is none: isthmus person invite ID --desk DESK makes another, and"
        " everybody needs a new link"
    )
    text = f"{place} is missing or empty, with every passkey, code and proof of what was approved at the desks"
    return StoreError(text, hint)


def find_lost_desks(settings: Settings, dialect: str, query: Query) -> StoreError | None:
    """Return what to say where what the desks keep is gone, though the store that ``query`` reads knows of it."""
    if "desks" not in settings.values or not query(_DESKS_KEPT):
        return None
    there = _holds(settings.accounts) if dialect == "sqlite" else query(DESKS_TABLES)
    return None if there else lost_desks(settings.accounts if dialect == "sqlite" else DESKS_SCHEMA)


async def open_desk_store(settings: Settings, environ: Mapping[str, str], now: datetime) -> DeskStore:
    """Open what the desks keep for themselves, making it if it is not there. Raises as ``open_stores`` does."""
    dsn = settings.dsn(environ)
    if dsn is None:
        check_here(settings.database)
        return await SqliteDesks.open(settings.accounts, now)
    from gateway.storage.postgres_desks import PostgresDesks

    return await PostgresDesks.open(dsn, now)


async def _postgres(
    dsn: str,
    sign_batch: SignBatch,
    now: datetime,
    create: bool,
    on_failure: Callable[[Unavailable], None],
    queue_max: int,
) -> Opened:
    from gateway.storage.postgres import open_postgres  # here, because only the extra `postgres` has its library
    from gateway.storage.postgres_reads import PostgresInquiries

    async with AsyncExitStack() as held:
        store = await open_postgres(
            dsn, sign_batch=sign_batch, now=now, create=create, on_failure=on_failure, queue_max=queue_max
        )
        held.push_async_callback(store.close)
        inquiries = await PostgresInquiries.open(dsn)
        held.push_async_callback(inquiries.close)
        return Opened(store, inquiries, held.pop_all().aclose)
