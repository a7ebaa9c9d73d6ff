"""A request at the desk that was brought in whole, and what the desks keep of it."""

from typing import Any

from schemas import ijson
from tests.support import story
from tests.web.support import Desk, Officer


def kept_bytes(desk: Desk) -> bytes:
    """Return everything the desks keep on the disk."""
    raw = b"".join(one.read_bytes() for one in desk.network.homes["XAA"].parent.glob("desks-XAA.db*"))
    assert b"CREATE TABLE work" in raw
    return raw


async def brought_in(officer: Officer, **changes: Any) -> str:
    """Bring in a whole draft and return the address of the request."""
    await officer.get("/requests/new")
    answer = await officer.post("/requests/import", {"file": ijson.dumps(story.draft(**changes))})
    assert answer.path.startswith("/requests/"), answer.words
    return answer.path
