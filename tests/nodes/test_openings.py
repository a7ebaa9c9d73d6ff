"""A request to open a case that comes to two nodes in one instant under one key."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import asyncpg
import pytest

from benchmarks.pair import draft
from gateway.app import Gateway
from gateway.services.opening import Reused
from tests.nodes.conftest import here
from tests.support.nodes import Nodes, until

WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'opening'::regclass"


async def together(nodes: Nodes, *drafts: dict[str, Any]) -> list[Any]:
    """Return what each node made of a draft, when neither saw that the other had one under the same key."""

    async def opened(desk: Gateway, value: dict[str, Any]) -> str:
        return await desk.clear.new(value, "first", "case_officer", once="a key")

    async def both_wait() -> bool:
        return await nodes.rows("XAA", WAITING) == [(len(drafts),)]

    async with AsyncExitStack() as stack:
        desks = [await stack.enter_async_context(here(nodes, "XAA")) for _ in drafts]
        gate = await asyncpg.connect(nodes.pair.dsn("XAA"))
        try:
            await gate.execute("BEGIN")
            await gate.execute("LOCK TABLE opening IN SHARE MODE")  # both look, and neither enters anything
            made = asyncio.gather(*map(opened, desks, drafts), return_exceptions=True)
            await until(both_wait, 20)
        finally:
            await gate.close()
        return await made


async def test_both_nodes_say_which_case_was_opened(nodes: Nodes) -> None:
    """The later one finds the case of the other, and does not say that a case changed."""
    first, second = await together(nodes, draft(), draft())
    assert (first, [(1,)]) == (second, await nodes.rows("XAA", "SELECT count(*) FROM case_file"))


async def test_a_node_refuses_what_came_to_the_other_for_something_else(nodes: Nodes) -> None:
    """One of the two opens its case, and the other is told that the key was used."""
    made = await together(nodes, draft(), {**draft(), "justification": "another"})
    (reused,) = [one for one in made if isinstance(one, Exception)]
    with pytest.raises(Reused):
        raise reused
    assert [(reused.ref,)] == await nodes.rows("XAA", "SELECT ref FROM case_file")
