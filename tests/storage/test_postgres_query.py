"""A look at a store in PostgreSQL from outside of it."""

import os
import signal
import time

import pytest

from gateway.services.ports import Unavailable
from gateway.storage.postgres_query import postgres_query


def test_a_look_waits_no_longer_than_it_is_told(dsn: str) -> None:
    """A statement that takes too long is ended: a gateway that is stopped beside it waits for the look."""
    began = time.monotonic()
    with pytest.raises(Unavailable), postgres_query(dsn, 0.5) as query:
        query("SELECT pg_sleep(30)")
    assert time.monotonic() - began < 10


def test_a_server_that_stands_still_keeps_no_look(dsn: str) -> None:
    """Nor is a server waited for that ends nothing any more, as one whose machine is suspended."""
    began = time.monotonic()
    with postgres_query(dsn, 0.5) as query:
        ((pid,),) = query("SELECT pg_backend_pid()")
        os.kill(pid, signal.SIGSTOP)
        try:
            with pytest.raises(Unavailable):
                query("SELECT 1")
        finally:
            os.kill(pid, signal.SIGCONT)
    assert time.monotonic() - began < 10
