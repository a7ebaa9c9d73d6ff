"""What steps before a message, and what behind it, where others of its case wait unposted: a table of one thread."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.core.case import Case, Side, State
from gateway.core.machine import Send
from gateway.services import cases, threads
from gateway.services.ports import Tx
from gateway.services.rows import OutboundRow
from schemas import ijson
from tests.support import story
from tests.support.network import Network
from tests.support.no_contact import listed

ASK, ASKED = Side.REQUESTING, Side.REQUESTED

BODIES = {
    "departed": {"status": "departed"},
    "cancelled": {"status": "cancelled"},
    "planned": {"status": "planned"},
    "name": {"elements": {"names": [{"family": "Amadi"}]}},
    "birth": {"elements": {"birth_date": "1990-01-01"}},
    "strike": {"parts": ["NAMES"], "elements": None},
    "right": {"parts": ["NAMES"], "elements": {"names": [{"family": "Amadi"}]}},
}
"""What a message says, behind a stroke."""


async def put(
    network: Network, side: Side, waiting: str, said: str, *, left_out: str = ""
) -> list[tuple[str, OutboundRow, str | None]]:
    """
    Put ``said`` in the outbox where ``waiting`` waits, or leave a type of that out, and return what waits then.

    It is in the order of the numbers, each with what it names as the message before it.

    What has an @ waits since before a restore, what has a + for tomorrow; one with a ~ waited for a day that has come.
    """
    context, now, read = network.gateways["XAA"].context, network.clock.now(), dict[str, tuple[str, str | None]]()
    thread = context.random.token()
    draft = story.draft() if side is ASK else None
    case = Case("ref", side, "XBB", thread, State.SENT, "first", "verification", draft=draft)
    held = cases.fresh(context, case, now)

    async def unit(tx: Tx) -> list[OutboundRow]:
        await tx.save_case(held.row._replace(version=1))
        for text in waiting.split():
            context.epoch = 1 if "@" in text else 2
            at = now - timedelta(days=1) if "~" in text else now
            day = {"+": now + timedelta(days=1), "~": now - timedelta(hours=1)}.get(text[-1])
            await threads._queue(context, tx, held, replace(send(text), not_before=day), at)
        context.epoch = 2
        if left_out:
            assert await threads.leave_out(context, tx, held, left_out, now)
        else:
            await threads.queue(context, tx, held, send(said), now)
        every = await tx.outbound_of_case("ref")
        rows = [row for row in every if row.state == "queued"]
        assert not any(row.sealed or row.envelope for row in every if row not in rows), "nothing of it is kept"
        assert len(rows) == len({(row.epoch, row.seq) for row in rows}), "no number is used twice"
        for row in rows:
            payload = threads.payload_of(context, held, row)
            body = ijson.dumps(payload.body)
            text = next(text for text in [*waiting.split(), said] if same(text, row.type, body))
            read[row.id] = text.strip("@+~"), payload.prev
        return sorted(rows, key=lambda row: (row.epoch, row.seq or 0))

    rows: list[OutboundRow] = (await context.commit(unit)).value
    return [(("@" if row.epoch == 1 else "") + read[row.id][0], row, read[row.id][1]) for row in rows]


def send(text: str) -> Send:
    """Return what puts a message of the table in the outbox."""
    kind, _, says = text.strip("@+~").partition("/")
    return Send(kind, ijson.dumps(BODIES.get(says, {})).decode(), optional=True)


def same(text: str, type: str, body: bytes) -> bool:
    """Return whether ``text`` of the table is of that type and says that."""
    one = send(text)
    return one.type == type and one.body.encode() == body


async def order(network: Network, side: Side, waiting: str, said: str) -> str:
    """Return what waits then, with an @ where it is still of the epoch before."""
    return " ".join([text for text, _, _ in await put(network, side, waiting, said)])


STRIKE = "rectification/strike"


@pytest.mark.parametrize(
    "stays",
    [
        *("verification.request", "verification.reply", "rectification", "erasure", "verification.elements/name"),
        *("suspension", "return.take-back", "resumption", "return.handover", "return.monitoring"),
        *("return.schedule/departed", "return.schedule/cancelled", "use-report.request suspension"),
        *("@use-report.request", "return.schedule/planned erasure"),
    ],
)
async def test_a_correction_steps_before_nothing_that_brings_the_value_or_must_be_heard(
    network: Network, stays: str
) -> None:
    """Nor before what waits since before a restore, nor before what stands before any of these."""
    assert f"{stays} {STRIKE}" == await order(network, ASK, stays, STRIKE)


@pytest.mark.parametrize("said", [STRIKE, "confirmation"])
@pytest.mark.parametrize(
    "steps", ["use-report.request", "verification.elements/birth", "return.proposal return.schedule/planned"]
)
async def test_what_a_rule_may_hold_steps_behind_a_correction_and_a_confirmation(
    network: Network, steps: str, said: str
) -> None:
    """All of it, in its order."""
    assert f"{said} {steps}" == await order(network, ASK, steps, said)


@pytest.mark.parametrize("word", ["suspension", "return.take-back", "return.handover", "return.schedule/departed"])
async def test_where_nothing_may_be_said_a_correction_passes_word_of_a_stop_and_of_the_person(
    network: Network, word: str
) -> None:
    """A State that is not to be contacted hears that something was wrong, and no right value, before the rest."""
    await listed(network)
    assert f"{STRIKE} {word}" == await order(network, ASK, word, STRIKE)


@pytest.mark.parametrize("said", ["verification.request", "verification.reply", "rectification", "erasure"])
async def test_a_correction_passes_what_it_may_be_of_and_another_one_nowhere(network: Network, said: str) -> None:
    """Not where nothing may be said, either: the two are heard in their order."""
    await listed(network)
    assert f"{said} {STRIKE}" == await order(network, ASK, said, STRIKE)


async def test_a_right_value_waits_where_nothing_may_be_said(network: Network) -> None:
    """What brings something new passes no word of a stop: both wait."""
    await listed(network)
    assert "suspension rectification/right" == await order(network, ASK, "suspension", "rectification/right")


@pytest.mark.parametrize(
    ("waiting", "expected"),
    [
        ("erasure", f"erasure {STRIKE}"),
        ("return.acceptance erasure", f"erasure {STRIKE} return.acceptance"),
        ("erasure return.acceptance", f"erasure {STRIKE} return.acceptance"),
        (
            "return.acceptance erasure/name travel-document.issued erasure/birth",
            f"erasure/name erasure/birth {STRIKE} return.acceptance travel-document.issued",
        ),
        ("return.acceptance verification.reply", f"return.acceptance verification.reply {STRIKE}"),
    ],
)
async def test_neither_a_correction_of_the_asked_state_nor_a_demand_before_it_waits_behind_what_rests_on_it(
    network: Network, waiting: str, expected: str
) -> None:
    """Demands go first, in their order; what a reply led to follows, in its own."""
    assert expected == await order(network, ASKED, waiting, STRIKE)


@pytest.mark.parametrize(
    ("waiting", "said", "expected"),
    [
        ("use-report.request return.monitoring", "withdrawal", "withdrawal use-report.request return.monitoring"),
        ("@use-report.request", "withdrawal", "@use-report.request withdrawal"),
        (
            "use-report.request return.schedule/planned return.monitoring",
            "suspension",
            "use-report.request suspension return.schedule/planned return.monitoring",
        ),
        (
            "@return.schedule/departed @return.monitoring return.handover",
            "return.take-back",
            "@return.monitoring return.schedule/departed return.take-back return.handover",
        ),
        (
            "@return.monitoring suspension return.handover",
            "return.take-back",
            "@return.monitoring suspension return.take-back return.handover",
        ),
        (
            "@return.schedule/departed suspension return.handover",
            "return.take-back",
            "suspension return.schedule/departed return.take-back return.handover",
        ),
        (
            "use-report.request return.handover",
            "return.take-back",
            "use-report.request return.handover return.take-back",
        ),
    ],
)
async def test_what_a_withdrawal_or_word_of_a_stop_leaves_before_it(
    network: Network, waiting: str, said: str, expected: str
) -> None:
    """A stop waits for no listing, and for no plan; that somebody left goes before word that she is called back."""
    assert expected == await order(network, ASK, waiting, said)


@pytest.mark.parametrize(
    ("waiting", "expected"),
    [
        ("use-report.request return.schedule/planned+", "use-report.request {} return.schedule/planned"),
        ("return.schedule/planned+ use-report.request", "return.schedule/planned use-report.request {}"),
        ("@return.schedule/planned+", "{} return.schedule/planned"),
        ("return.schedule/planned~", "return.schedule/planned {}"),
        ("suspension+", "suspension {}"),
    ],
)
async def test_what_waits_for_its_day_steps_behind_what_is_said_before_it(
    network: Network, waiting: str, expected: str
) -> None:
    """Once its day has come it does not, nor does word of a stop that a clock bound to a later instant."""
    assert expected.format("reminder") == await order(network, ASK, waiting, "reminder")


@pytest.mark.parametrize(
    ("waiting", "expected"),
    [
        ("return.schedule/planned", "reminder return.schedule/planned"),
        ("return.schedule/cancelled", "return.schedule/cancelled reminder"),
        ("use-report.request", "use-report.request reminder"),
    ],
)
async def test_a_plan_that_a_clock_which_leapt_has_leave_at_once_lets_others_pass(
    network: Network, waiting: str, expected: str
) -> None:
    """It waits for a day all the same (V-40), whoever made it when; word that a journey is off does not."""
    before = network.clock.now() - timedelta(days=2)
    network.gateways["XAA"].context.doubts = lambda now: before
    assert expected == await order(network, ASK, waiting, "reminder")


@pytest.mark.parametrize(("text", "hours"), [("return.schedule/planned+", 24), ("return.schedule/planned~", 0)])
async def test_what_is_put_there_anew_keeps_its_day_as_long_as_that_is_to_come(
    network: Network, text: str, hours: int
) -> None:
    """One whose day has come bears the instant at which it is put there anew: an older one would be stale."""
    rows = await put(network, ASK, text, STRIKE)
    assert (network.clock.now() + timedelta(hours=hours)).replace(microsecond=0) == rows[-1][1].not_before


async def test_what_is_put_there_anew_leaves_no_trace_of_where_it_was(network: Network) -> None:
    """Its number is free again, and each names the message that is heard before it, not one that never is."""
    rows = await put(network, ASK, "rectification use-report.request verification.elements/birth", STRIKE)
    assert ["rectification", STRIKE, "use-report.request", "verification.elements/birth"] == [
        text for text, _, _ in rows
    ]
    assert [1, 2, 3, 4] == [row.seq for _, row, _ in rows]
    assert [None, *(row.digest for _, row, _ in rows[:-1])] == [prev for _, _, prev in rows]


async def test_what_is_left_out_takes_nothing_along(network: Network) -> None:
    """Neither what waits beside it, nor what waits since before a restore."""
    waiting = "@reminder @use-report.request reminder use-report.request verification.elements"
    rows = await put(network, ASK, waiting, "", left_out="reminder")
    expected = ["@reminder", "@use-report.request", "use-report.request", "verification.elements"]
    assert expected == [text for text, _, _ in rows]
    assert [1, 2, 1, 2] == [row.seq for _, row, _ in rows]
