"""
Where a gateway keeps its state: ``sqlite`` (the store and its group commit), ``sqlite_tx`` (what a unit of work sees),
``reads`` (what pages and reports see), ``migrate`` (numbered SQL files).
"""

import logging

from gateway.storage.errors import BrokenUnit, StoreError
from gateway.storage.sqlite import SqliteStore, Worker, open_store, run_inline
from gateway.storage.sqlite_reads import SqliteInquiries

# At debug level the library writes each statement with its values, among them whatever somebody typed into a search.
logging.getLogger("aiosqlite").setLevel(logging.INFO)

__all__ = ["BrokenUnit", "SqliteInquiries", "SqliteStore", "StoreError", "Worker", "open_store", "run_inline"]
