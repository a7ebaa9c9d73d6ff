"""
Where a gateway keeps its state: ``tx`` (what a unit of work sees), ``reads`` (what pages and reports see), ``desks``
(what the desks keep for themselves) and ``query`` (what checks see), each in two dialects, ``sqlite`` and ``postgres``;
``group`` (group commit), ``migrate`` (numbered SQL files), ``move`` (from one dialect to the other).
"""

import logging

from gateway.storage.errors import BrokenUnit, StoreError
from gateway.storage.sqlite import SqliteStore, Worker, open_store, run_inline
from gateway.storage.sqlite_reads import SqliteInquiries

# At debug level the library writes each statement with its values, among them whatever somebody typed into a search.
logging.getLogger("aiosqlite").setLevel(logging.INFO)

__all__ = ["BrokenUnit", "SqliteInquiries", "SqliteStore", "StoreError", "Worker", "open_store", "run_inline"]
