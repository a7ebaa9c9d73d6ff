"""What read models ask their database, without one."""

from typing import Any

from gateway.services.inquire import Wanted
from gateway.storage.reads import SqlInquiries


class Asked(SqlInquiries):
    """Keeps each statement with its values, and finds nothing."""

    def __init__(self) -> None:
        self.statements: list[tuple[str, tuple[Any, ...]]] = []

    async def _all(self, statement: str, values: tuple[Any, ...]) -> list[Any]:
        self.statements.append((statement, values))
        return []

    async def close(self) -> None:
        """Do nothing: there is nothing to let go of."""


async def asked_of_queue(wanted: Wanted, *, latest: bool) -> list[tuple[str, tuple[Any, ...]]]:
    """Return the statements, with their values, that a page of a queue is."""
    asked = Asked()
    await asked.queue(wanted, latest=latest)
    return asked.statements
