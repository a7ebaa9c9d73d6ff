"""Cases to look at: two States with everybody a case concerns, cases in any state, and what is to stay unseen."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from gateway.core.case import Case
from gateway.services import access, cases
from gateway.services.context import Person
from gateway.services.ports import Tx
from gateway.web import interior
from tests.support.network import PEOPLE, Network, make_network
from tests.web.support import Desk, Officer, desks

MORE = ("dpo", "guardian", "lawyer", "court")
"""Persons that the network does not have, each named as its one role."""

WHY = "Checking the answer of 25 November"

PERSONAL = ("Иванова", "Мария", "IVANOVA", "MARIIA", "Северск", "2001-04", "House 3", "first talk", "insulin")
"""What the example says of the person and what nobody may read without a reason."""


@asynccontextmanager
async def two_desks(root: Path) -> AsyncIterator[tuple[Desk, Desk]]:
    """Serve the interior desks of both States of a new network, with everybody a case concerns."""
    network = await make_network(root)
    added = {name: Person(name, frozenset({name}), bytes(32)) for name in MORE}
    for gateway in network.gateways.values():
        gateway.context.persons = {**gateway.context.persons, **added}
    try:
        async with (
            desks(network, root, [interior.PAGES], "XAA") as asking,
            desks(network, root, [interior.PAGES], "XBB") as asked,
        ):
            yield asking, asked
    finally:
        await network.close()


def everybody() -> list[str]:
    """Return the persons who work at an interior desk."""
    return [name for name in PEOPLE if name not in ("board", "writer", "office")] + list(MORE)


async def read(network: Network, country: str, ref: str) -> Case:
    """Return the opened case."""
    context = network.gateways[country].context

    async def unit(tx: Tx) -> Case:
        return (await cases.load(context, tx, ref)).case

    return await context.store.read(unit)


async def recorded(network: Network, country: str, ref: str) -> list[tuple[str, str, str]]:
    """Return person, action and reason of each entry in the record of access, the oldest first."""
    context = network.gateways[country].context

    async def unit(tx: Tx) -> list[tuple[str, str, str]]:
        held = await cases.load(context, tx, ref)
        rows = await tx.accesses(ref)
        return [(row.person, row.action, access.justification_of(context, held, row)) for row in rows]

    return await context.store.read(unit)


async def looked(officer: Officer, ref: str, path: str = "", why: str = WHY) -> Any:
    """Open the content of a case as a person does: the page asks, the reason is given, the page shows."""
    await officer.get(f"/cases/{ref}{path}")
    return await officer.post(f"/cases/{ref}/look", {"why": why})


def personal(text: str) -> Sequence[str]:
    """Return what of the person stands in ``text``."""
    return [word for word in PERSONAL if word in text]


def title_of(html: str) -> str:
    """Return the title of a page."""
    found = re.search(r"<title>(.*?)</title>", html, re.DOTALL)
    assert found is not None
    return found[1]
