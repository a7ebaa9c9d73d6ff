"""Where the thread of who has left goes on, over a store of one case; ``test_returning`` plays it."""

from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.services import away, cases
from tests.services.one_case import message, over, value
from tests.storage.support import NOW, case, outbound, thread


@pytest.mark.parametrize(
    ("said", "last"),
    [
        (["1.1 return.proposal receipted", "1.2 return.schedule queued"], 2),
        (["1.1 return.proposal receipted", "1.2 return.schedule posted"], 2),
        (["2.3 return.proposal receipted", "1.1 return.schedule posted"], 1),
        ([], 0),
    ],
)
async def test_last_number_that_counts_left_or_waits(said: list[str], last: int) -> None:
    """One that was never posted, and waits no more, was given back."""
    given_back = outbound("gone", state="dropped", epoch=1, seq=7, posted_at=None)
    store = await over(case(), [given_back, *(message(text) for text in said)])
    held: Any = SimpleNamespace(case=value())
    assert last == await store.read(partial(away._last_given, held=held, thread=thread(out_epoch=1)))


@pytest.mark.parametrize(("ended", "code"), [(None, None), ("withdrawn", None), ("undelivered", "cannot-open")])
async def test_no_thread_goes_on_that_is_withdrawn_or_met_a_final_problem(ended: str | None, code: str | None) -> None:
    """It would meet it again; and to who heard that nobody comes nothing more is said."""
    context, held = SimpleNamespace(epoch=1), SimpleNamespace(case=value())
    lost = message("1.1 return.schedule undelivered")._replace(code=code)
    store, stood = await over(case(), [lost], thread=thread(ended=ended)), thread(ended=ended)
    revive: Any = partial(away.revive, context, held=held, now=NOW)
    assert held is (await store.commit(revive)).value
    assert stood == await store.read(lambda tx: tx.find_thread(stood.partner, stood.thread))


async def test_that_a_line_is_down_is_told_once() -> None:
    """A case does not grow by each message that gets no receipt in its time."""
    nothing: Any = None
    held: Any = SimpleNamespace(case=value(findings=(away.LATE,)))
    assert held is await cases.add_finding(nothing, nothing, held, away.LATE, "late", "XAA", NOW)
