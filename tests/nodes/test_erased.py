"""What one machine erased stands in the list of each: it is what keeps a backup from bringing it back."""

from aiohttp import ClientSession

from gateway.erased import ERASED_FILE
from tests.support.nodes import Nodes, post, until


async def test_what_another_machine_erased_is_listed_here(nodes: Nodes, envelopes: list[bytes]) -> None:
    """A node adds to the list of its home what was erased while its own machine did something else, or was off."""
    listed = nodes.pair.home("XBB") / ERASED_FILE
    (node,) = await nodes.ready("XBB", 1)
    async with ClientSession() as client:
        for raw in envelopes[:3]:
            assert 200 == (await post(client, node, raw))[0]
    assert not listed.exists()
    erasing = "UPDATE case_file SET erased = 1, wrapped = NULL, sealed = NULL WHERE n > $1 RETURNING ref"
    refs = {ref for (ref,) in await nodes.rows("XBB", erasing, 1)}
    await nodes.ready("XBB", 1)

    async def is_listed() -> bool:
        return listed.exists() and refs == set(listed.read_text().split())

    try:
        await until(is_listed, 5)
        assert 2 == len(refs)
    finally:
        listed.unlink(missing_ok=True)
