"""A log line carries allow-listed keys and nothing else."""

import ast
import asyncio
import errno
import gc
import io
import json
import logging
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

import gateway
from gateway.core.person_keys import person_values
from gateway.log import LOG_KEYS, WHY, configure_log, hear_libraries
from gateway.services.ports import Redacted
from tests.support import story
from tests.support.libraries import put_back
from tests.support.network import Network, make_network
from tests.support.remarks import FakeRedactor, write


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


def test_a_line_that_names_a_case_has_no_reason() -> None:
    """Whatever is bound beside a reference, the line does not say why: an operator could tell cases by it."""
    stream = io.StringIO()
    configure_log(stream)("message.held", ref="r", rule="R-01", reason="held-for-person")
    assert {"event", "level", "timestamp", "ref"} == set(json.loads(stream.getvalue()))


def calls_of_the_log() -> Iterator[tuple[str, int, set[str | None]]]:
    """Yield the file, the line and the keys of each call of the log in the source."""
    for file in sorted(Path(gateway.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in ("log", "_log"):
                yield file.name, node.lineno, {one.arg for one in node.keywords}


def test_no_call_of_the_log_names_a_case_and_a_reason() -> None:
    """Held in the source as well, so that nothing is lost that somebody meant to tell."""
    assert [] == [(*at, keys) for *at, keys in calls_of_the_log() if "ref" in keys and keys & (WHY | {None})]


def test_no_call_of_the_log_gives_a_key_that_is_dropped() -> None:
    """Nor is anything else lost that somebody meant to tell."""
    assert [] == [(*at, keys) for *at, keys in calls_of_the_log() if keys - LOG_KEYS - {None}]


REASONS = ("R-0", "R-1", "R-2", "REM-", "held-for-person", "protection", "asylum", "afraid")


async def test_no_line_tells_that_a_case_is_about_protection(tmp_path: Path) -> None:
    """A remark that tells of it, a case held for it in its outbox, and a stop by the authority: no line says so."""
    network = await make_network(tmp_path)
    try:
        home = network.gateways["XAA"]
        waiting = await story.sent(network)
        draft, other = [await home.clear.new(story.draft(), "first") for _ in range(2)]
        values = person_values(story.draft(), home.context.vault.index_value)
        await home.store.commit(lambda tx: tx.save_person_values(other, values, True))
        assert 0 == await network.deliver()
        home.context.redactor = FakeRedactor(Redacted((), ("held-for-person",), "en"))
        await write(network, draft)
        asked = {"state": "requested", "attested_by": "protection", "attested_on": "2026-11-25", "basis": "application"}
        await home.hold.freeze(waiting, "she is afraid", "protection", "asylum_authority", asked)
        # A reference is drawn at random and says "R-0" by chance, once in two thousand runs.
        lines = [repr((event, values | {"ref": None})) for event, values in network.logs]
        assert [] == [line for line in lines if any(word in line for word in REASONS)]
        assert any("message.held" in line for line in lines)
    finally:
        await network.close()


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


@pytest.fixture
def heard() -> Iterator[io.StringIO]:
    """What is logged once libraries are heard; what the test run itself listens with is put back."""
    stream = io.StringIO()
    with put_back():
        hear_libraries(configure_log(stream))
        yield stream


def _lines(stream: io.StringIO) -> list[tuple[str, str, str | None]]:
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    return [(line["event"], line["library"], line.get("error")) for line in lines]


def test_a_library_is_named_and_not_quoted(heard: io.StringIO) -> None:
    """Of what a library writes, its name and the type of the error reach the log, and no word of it."""
    try:
        raise ValueError("Иванова")
    except ValueError:
        logging.getLogger("aiohttp.server").exception("cannot answer %s", "Мария")
    logging.getLogger("asyncpg").warning("Мария is late")
    logging.getLogger("asyncio").info("nothing of note")
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.warn("Мария is deprecated", stacklevel=1)
    expected = [("library.error", "aiohttp.server", "ValueError"), ("library.warning", "asyncpg", None)]
    assert [*expected, ("library.warning", "py.warnings", None)] == _lines(heard)


def test_a_task_that_nobody_waited_for_is_not_quoted(heard: io.StringIO) -> None:
    """asyncio says of a lost task which exception it ended by, with its text: the log has the type alone."""

    async def lost() -> None:
        raise ValueError("Иванова")

    async def main() -> None:
        task = asyncio.create_task(lost())
        await asyncio.wait([task])
        del task
        gc.collect()

    asyncio.run(main())
    assert [("library.error", "asyncio", "ValueError")] == _lines(heard)


def test_what_python_itself_would_print_is_not_quoted(heard: io.StringIO) -> None:
    """An exception that ends a thread, or that a finaliser raises, is told by its type."""

    class Fragile:
        def __del__(self) -> None:
            raise KeyError("Мария")

    def run() -> None:
        raise ValueError("Иванова")

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    Fragile()
    assert [("library.error", "python", "ValueError"), ("library.error", "python", "KeyError")] == _lines(heard)


class Full:
    """A stream on a disk that is full until ``room`` is set."""

    def __init__(self) -> None:
        self.room, self.text = False, ""

    def write(self, text: str) -> None:
        """Take ``text``, if there is room."""
        if not self.room:
            raise OSError(errno.ENOSPC, "no space left on device")
        self.text += text

    def flush(self) -> None:
        """Keep nothing back."""


def test_a_log_that_cannot_be_written_stops_nothing() -> None:
    """Lines that the stream does not take are counted, and the count is told once it takes them again."""
    stream = Full()
    log = configure_log(stream)
    for _ in range(3):
        log("case.moved", ref="r")
    stream.room = True
    log("case.moved", ref="s")
    first, second = map(json.loads, stream.text.splitlines())
    assert ("case.moved", "s", "log.lost", 3) == (first["event"], first["ref"], second["event"], second["count"])


def test_a_value_that_is_no_text_is_told_nevertheless() -> None:
    """A path with bytes that are not UTF-8 stands in an error of the system: the line is written, and escapes them."""
    stream = io.StringIO()
    configure_log(stream)("store.unavailable", error="no room in \udc80")
    assert "\\udc80" in json.loads(stream.getvalue())["error"]


def test_what_is_found_in_the_middle_of_a_line_follows_it() -> None:
    """The collector of garbage may log while a line is written, in the same thread: nothing waits for itself."""

    class Interrupted(io.StringIO):
        def flush(self) -> None:
            if "found" not in self.getvalue() and not self.found:
                self.found = True
                log("library.error", library="asyncio", reason="found")

        found = False

    stream = Interrupted()
    log = configure_log(stream)
    log("case.moved", ref="r")
    assert ["case.moved", "library.error"] == [json.loads(line)["event"] for line in stream.getvalue().splitlines()]


def test_a_library_that_brings_a_handler_of_its_own_is_heard_like_the_others(
    heard: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing of it reaches standard error beside the log, and its line has its level."""
    logging.getLogger("securesystemslib.signer").error("Мария")
    assert ("", "") == capsys.readouterr()
    assert ["error"] == [json.loads(line)["level"] for line in heard.getvalue().splitlines()]
