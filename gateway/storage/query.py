"""A look at a store from outside of it, for checks: one statement after another, read only, without a loop."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from gateway.storage.errors import unavailable

Query = Callable[[str], Sequence[Any]]
"""Runs a statement that every dialect shares and returns its rows. Raises ``Unavailable``."""


@contextmanager
def sqlite_query(path: Path) -> Iterator[Query]:
    """Yield a look at the file at ``path``, which must exist. Raises ``Unavailable``."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as db:
            yield lambda statement: db.execute(statement).fetchall()
    except sqlite3.Error as error:
        raise unavailable(error) from error
