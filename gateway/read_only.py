"""What the database of a home says, read beside a gateway that may run: nothing is changed."""

import os
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TypeVar

from gateway import stands
from gateway.core.leap import Steady
from gateway.services import steady
from gateway.services.compromise import DONE
from gateway.services.health import N_
from gateway.services.listing import RESTORED_AT
from gateway.services.ports import GONE_BACK, Unavailable
from gateway.settings import Settings
from gateway.storage.errors import EMPTY, RESTORE, StoreError
from gateway.storage.query import Query, sqlite_query
from keys.card import Card

T = TypeVar("T")

FOREIGN_HINT = N_("put our own database in its place, or set data_dir or database of the configuration right")

_EPOCH = f"""
SELECT name, value FROM meta WHERE name IN ('epoch', '{GONE_BACK}', '{RESTORED_AT}', '{DONE}')
"""  # noqa: S608  # constants


def waits(chosen: Settings, now: datetime) -> Steady | None:
    """Return what was seen of the clock if a gateway ends nothing for good at ``now``. Raises ``Unavailable``."""
    return _read(chosen, lambda query: leap(query, now))


def leap(query: Query, now: datetime) -> Steady | None:
    """Return the same, as ``query`` reads it."""
    rows = query(f"SELECT value FROM meta WHERE name = '{steady.META}'")  # noqa: S608  # a constant
    return steady.waiting(rows[0][0], now) if rows else None


def raised_at(chosen: Settings, held: Card, *, by_theft: bool = False) -> datetime | None:
    """
    Return when the epoch of our card ``held`` was begun in the database.

    ``None`` if it is in another, or an older state took its place; ``by_theft``: too unless that was since keys were
    stolen, and all is done. Raises ``Unavailable``.
    """
    known, epoch = stands.noted(chosen.home / stands.STANDS_FILE, stands.of_card(held)), held.epoch

    def look(query: Query) -> dict[str, str]:
        return {} if stands.is_behind(query, known) else dict(query(_EPOCH))

    found = _read(chosen, look) or {}
    if RESTORED_AT not in found or epoch != int(found["epoch"]) or epoch <= int(found.get(GONE_BACK, "0")):
        return None
    return None if by_theft and epoch != int(found.get(DONE, "0")) else datetime.fromisoformat(found[RESTORED_AT])


def foreign(query: Query, country: str) -> str | None:
    """Return the State whose logs the database keeps as its own, as ``query`` reads it, if it is not ``country``."""
    return _other([origin for (origin,) in query("SELECT origin FROM log_head")], country)


def check_ours(chosen: Settings) -> None:
    """
    Raise ``StoreError`` if the database is of another State: an epoch begun in it is taken back by nobody.

    So it does where nothing can be read there, as a start of the gateway would.
    """
    country = str(chosen.values["country"])
    try:
        other = _read(chosen, lambda query: foreign(query, country))
    except Unavailable as error:
        text = str(error) if chosen.dsn(os.environ) else f"{chosen.database}: {error}"
        raise StoreError(text, error.hint) from error.__cause__
    if other is not None:
        raise _foreign(other, country)


def check_origins(origins: Iterable[str], country: str) -> None:
    """Raise ``StoreError`` if the logs that a database keeps, by ``origins``, are another State's than ``country``."""
    if (other := _other(origins, country)) is not None:
        raise _foreign(other, country)


def _other(origins: Iterable[str], country: str) -> str | None:
    return min({origin.split("/")[0] for origin in origins} - {country}, default=None)


def _foreign(other: str, country: str) -> StoreError:
    return StoreError(f"the database is of {other}, and we are {country}", FOREIGN_HINT)


def _read(chosen: Settings, look: Callable[[Query], T]) -> T | None:
    """Return what ``look`` reads in the database, ``None`` where there is none. Raises ``Unavailable``."""
    dsn, path = chosen.dsn(os.environ), chosen.database
    if dsn is not None:
        from gateway.storage.postgres_query import postgres_query  # here, because only the extra has its library

        with postgres_query(dsn) as query:
            return look(query)
    if not path.is_file():
        return None
    with sqlite_query(path) as query:
        if not query("SELECT 1 FROM sqlite_schema LIMIT 1"):
            raise Unavailable(EMPTY, RESTORE)  # what a failed copy leaves: nothing may be concluded from it
        return look(query)
