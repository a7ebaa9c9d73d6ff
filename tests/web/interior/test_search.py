"""Search by reference, and by nothing else."""

import pytest

from tests.support import story
from tests.web.support import Desk


async def test_own_reference_and_thread_lead_to_the_case(desk: Desk) -> None:
    """Our own reference leads to the case, and so does the thread that both States know; blanks do not matter."""
    ours, _ = await story.acknowledged(desk.network)
    thread = (await story.row(desk.network, "XAA", ours)).thread
    first = await desk.officer("first")
    for wanted in (ours, thread, f"%20{ours[:10]}%20{ours[10:]}"):
        assert (await first.get(f"/search?ref={wanted}")).path == f"/cases/{ours}"


@pytest.mark.parametrize("wanted", ["Иванова", "IVANOVA", "x", "A" * 22, "A" * 500, "%27%20OR%201=1", "../../etc"])
async def test_nothing_else_is_found(desk: Desk, wanted: str) -> None:
    """A name, a part or a near miss finds nothing, and every answer is the same but for what was typed."""
    await story.acknowledged(desk.network)
    page = await (await desk.officer("first")).get(f"/search?ref={wanted}")
    assert page.status == 404
    assert "There is no case with this reference here" in page.words
