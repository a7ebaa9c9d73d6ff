"""
A case that is opened once, however often the request for it comes (draft-ietf-httpapi-idempotency-key-header-07).

Rule 1: a key is the sender's own: the same key of another person is another key.
Rule 2: it is entered in the transaction that opens the case, or neither is there.
Rule 3: neither key nor request stands in the database: what is compared is keyed, so that it confirms no guess.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from gateway.services.context import Context
from gateway.services.ports import Tx
from gateway.services.rows import OpeningRow

KEPT = timedelta(days=7)
"""How long a key is known. A system that was down over a long weekend may still ask what became of its request."""


class Reused(Exception):
    """A key came before with another request, which opened the case ``ref``."""

    def __init__(self, ref: str) -> None:
        super().__init__("this key came before, with another request")
        self.ref = ref


@dataclass(frozen=True, slots=True)
class Once:
    """Who asks under which key, and for what, as keyed values."""

    key: bytes
    body: bytes


def once(context: Context, person: str, key: str, draft: Mapping[str, Any], *, exercise: bool) -> Once:
    """Return what is compared of a request of ``person`` to open a case for ``draft``, sent under ``key``."""
    body = hashlib.sha256(orjson.dumps((draft, exercise), option=orjson.OPT_SORT_KEYS)).hexdigest()
    index = context.vault.index_value
    return Once(index(f"opening|key|{person}|{key}"), index(f"opening|body|{body}"))


async def find(tx: Tx, asked: Once) -> str | None:
    """Return the case that was opened under this key. Raises ``Reused`` if that was for something else."""
    row = await tx.find_opening(asked.key)
    if row is None:
        return None
    # Of an erased case nobody can tell any more what was asked for: it is not opened again.
    if row.body is not None and row.body != asked.body:
        raise Reused(row.ref)
    return row.ref


async def enter(tx: Tx, asked: Once, ref: str, now: datetime) -> None:
    """Enter that the case ``ref`` was opened. Raises ``Conflict`` if another was meanwhile, at another node."""
    await tx.add_opening(OpeningRow(asked.key, asked.body, ref, now))
