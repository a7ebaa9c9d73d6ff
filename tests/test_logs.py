"""A log line carries allow-listed keys and nothing else."""

import io
import json

import structlog

from gateway.app import LOG_KEYS, configure_log
from tests.support import story
from tests.support.network import Network, make_network


def test_unknown_keys_are_dropped() -> None:
    """A value bound under a name that is not on the list is not written, whatever it holds."""
    stream = io.StringIO()
    configure_log(stream)("case.moved", ref="r", name="Мария", body={"family": "Иванова"}, passphrase="x")
    assert {"event", "level", "timestamp", "ref"} == set(json.loads(stream.getvalue()))


def test_bound_ids_stand_on_every_line() -> None:
    """What the listener binds once, the request's id, is on each line written while it lasts."""
    stream = io.StringIO()
    log = configure_log(stream)
    with structlog.contextvars.bound_contextvars(request="0123"):
        log("case.moved", ref="r")
        log("message.answered", partner="XBB")
    assert ["0123", "0123"] == [json.loads(line)["request"] for line in stream.getvalue().splitlines()]


def test_no_listed_key_can_name_a_person() -> None:
    """The list has no key for a name, a body, an element or a statement."""
    assert not LOG_KEYS & {"name", "body", "elements", "draft", "statement", "justification", "person"}


async def test_a_whole_exchange_logs_nothing_personal(tmp_path: object) -> None:
    """No value of the draft appears in any line logged from opening a case to its answer."""
    network: Network = await make_network(tmp_path)  # type: ignore[arg-type]  # pytest's path
    try:
        await story.replied(network)
        text = json.dumps(network.logs, ensure_ascii=False, default=str)
        assert "case.moved" in text
        personal = ("Иванова", "Мария", "IVANOVA", "2001-04", "Северск", "House 3", "loss of documents")
        assert [] == [value for value in personal if value in text]
    finally:
        await network.close()
