"""The door for monitoring and for a load balancer, over HTTP and a real store: what it tells, and what it does not."""

import asyncio
import json
import random
import re
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.pair import WORDS, free_port, make_pair
from gateway import app, serving, settings
from gateway.http.errors import NEUTRAL_SERVER
from gateway.http.metrics import metrics_app
from gateway.services import monitor as monitoring
from gateway.services.daily import Daily
from gateway.services.monitor import Monitor
from gateway.services.rows import PartnerRow
from gateway.storage import reads
from tests.support import story
from tests.support.loop_time import LONG_S, pass_
from tests.support.network import Network, make_network
from tests.support.no_contact import listed
from tests.web.board.canaries import Canaries, Hay, fill

ALERTS = Path(__file__).parents[2] / "docs/monitoring/alerts.yml"
TRIED = ALERTS.with_name("alerts.test.yml")
OPERATIONS = Path(__file__).parents[2] / "docs/operations.md"

CASES = 60
"""Cases of the search: each state that ``fill`` takes them to is there twice."""

Figures = dict[tuple[str, str], float]


class Watched:
    """Two gateways, and what monitoring sees of one of them."""

    def __init__(self, network: Network, serve: Callable[..., Any], session: aiohttp.ClientSession) -> None:
        self.network = network
        self._serve = serve
        self._session = session

    async def open(self, country: str = "XAA") -> Monitor:
        """Open the door of ``country``, as a gateway that serves, without what it kept of an earlier look."""
        gateway = self.network.gateways[country]
        monitor = serving.monitor_of(gateway)
        monitor.serves = True
        self.port = await self._serve(metrics_app(monitor, log=gateway.context.log))
        return monitor

    async def ask(self, path: str, method: str = "GET") -> tuple[int, str, dict[str, str]]:
        """Return status, body and headers."""
        async with self._session.request(method, f"http://127.0.0.1:{self.port}{path}") as answer:
            return answer.status, await answer.text(), dict(answer.headers)

    async def scrape(self) -> Figures:
        """Return every figure of the gateway, and of its way to XBB, by name and label value."""
        status, text, _ = await self.ask("/metrics")
        assert 200 == status
        return {
            (sample.name, ",".join(sample.labels.values())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    async def ways(self) -> dict[str, float]:
        """Return what is told of the partner, looked at anew."""
        await self.open()
        found = await self.scrape()
        return {name: value for (name, label), value in found.items() if label == "XBB"}


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a store that answers late, on a machine that stood still, count as no store that is away."""
    monkeypatch.setattr(monitoring, "PATIENCE_S", 60.0)


@pytest.fixture
async def watched(tmp_path: Path, serve: Callable[..., Any]) -> AsyncIterator[Watched]:
    network = await make_network(tmp_path)
    async with aiohttp.ClientSession() as session:
        yield Watched(network, serve, session)
    await network.close()


WELL = {"isthmus_partner_out_of_reach": 0, "isthmus_partner_on_hold": 0, "isthmus_partner_busy": 0}
STOPPED = {"state": "requested", "attested_by": "protection", "attested_on": "2026-11-25", "basis": "application"}


async def test_a_scrape_tells_how_the_gateway_is(watched: Watched) -> None:
    """The text format of Prometheus, with the store, when keys end, and what a look at everything found."""
    monitor = await watched.open()
    await monitor.look(watched.network.clock.now())
    found = await watched.scrape()
    status, _, headers = await watched.ask("/metrics")
    assert (200, "text/plain; version=0.0.4; charset=utf-8", NEUTRAL_SERVER, "no-store") == (
        status,
        *(headers[name] for name in ("Content-Type", "Server", "Cache-Control")),
    )
    assert 1 == found["isthmus_store_up", ""] == found["isthmus_ready", ""] == found["isthmus_clock_steady", ""]
    assert 0 == found["isthmus_leader", ""] == found["isthmus_store_failures_total", ""]
    assert 0 == found["isthmus_answers_total", "503"]  # before the first: how much it grows is told by Prometheus alone
    assert 0 == found["isthmus_findings", "card"] == found["isthmus_findings", "database"]
    assert watched.network.clock.now().timestamp() == found["isthmus_checked_timestamp_seconds", ""]
    ends = {label for name, label in found if name == "isthmus_end_timestamp_seconds"}
    assert {"signing_key", "sealing_keys", "certificate_peers"} == ends
    assert found["process_resident_memory_bytes", ""] > 0 < found["process_open_fds", ""]


async def test_nothing_of_anybody_is_told(watched: Watched) -> None:
    """After a whole exchange neither person, reference nor thread is there, and of the partner what was before."""
    network = watched.network
    before = await watched.ways()
    refs = await story.replied(network)
    threads = [
        (await story.row(network, country, ref)).thread for country, ref in zip(("XAA", "XBB"), refs, strict=True)
    ]
    for country in ("XAA", "XBB"):
        await (await watched.open(country)).look(network.clock.now())
        text = (await watched.ask("/metrics"))[1]
        personal = ("Иванова", "Мария", "IVANOVA", "2001-04", "Северск", "House 3", "loss of documents")
        assert [] == [one for one in (*personal, *refs, *threads, "first", "signer") if one in text]
    assert WELL == before == await watched.ways()


async def test_no_value_of_many_cases_is_told_or_logged(watched: Watched) -> None:
    """Over cases full of canaries, on their way and stopped, no figure, probe, look or log line holds one of them."""
    network, canaries, hay = watched.network, Canaries(random.randrange(1 << 32)), Hay()
    refs = await fill(network, canaries, CASES)
    network.clock.pass_(days=60)
    await network.refresh()
    told = list[str]()
    for country in ("XAA", "XBB"):
        await (await watched.open(country)).look(network.clock.now())
        for path in ("/metrics", "/health/live", "/health/ready", f"/cases/{refs[0]}", "/metrics?name[]=x"):
            _, text, headers = await watched.ask(path)
            told.append(f"{text}\n{headers}")
    lines = [f"{event} {values}" for event, values in network.logs]
    assert len(lines) > CASES < len(canaries.made)
    for one in told + lines:
        hay.add(one)
    assert [] == hay.holds(canaries.made)
    assert [] == [ref for ref in refs if any(ref in one for one in told)]


async def test_what_a_person_holds_back_is_not_told(watched: Watched) -> None:
    """A request that waits because its person asked for protection changes no figure of the way to the partner."""
    network = watched.network
    before = await watched.ways()
    ref = await story.sent(network)
    await network.gateways["XAA"].hold.freeze(ref, "she is afraid", "protection", "asylum_authority", STOPPED)
    network.clock.pass_(hours=5)
    assert before == await watched.ways()


async def test_a_partner_out_of_reach_is_told(watched: Watched) -> None:
    """Once posts fail one after the other it is told, until it answers again."""
    network = watched.network
    await story.sent(network)
    assert WELL == await watched.ways()
    network.wires.cut = True
    for _ in range(6):
        await network.deliver(1, refresh=False)
        network.clock.pass_(minutes=20)
    assert {**WELL, "isthmus_partner_out_of_reach": 1} == await watched.ways()
    network.wires.cut = False
    network.clock.pass_(hours=2)
    await network.deliver()
    assert WELL == await watched.ways()


async def test_what_was_never_posted_is_not_told(watched: Watched) -> None:
    """A message that nobody has tried yet may be one that is held back: that it waits would tell of it."""
    network = watched.network
    gone = PartnerRow("XBB", 6, network.clock.now() + timedelta(minutes=20))
    await network.gateways["XAA"].store.commit(lambda tx: tx.save_partner(gone))
    await story.sent(network)
    assert WELL == await watched.ways()


async def test_a_process_that_stops_or_whose_clock_leapt_is_told(watched: Watched) -> None:
    """It is not ready from then on, and its clock not believed; the store is there all the same."""
    monitor = await watched.open()
    monitor.stop()
    monitor.context.believes = lambda _: False
    found = await watched.scrape()
    told = [found[f"isthmus_{name}", ""] for name in ("ready", "clock_steady", "store_up")]
    assert [0, 0, 1] == told


async def test_a_state_that_is_not_to_be_contacted_is_told_of_as_any_other(watched: Watched) -> None:
    """That it is on the list is for those who keep it, also where posts to it failed and something waits for good."""
    network = watched.network
    await story.sent(network)
    network.wires.cut = True
    for _ in range(6):
        await network.deliver(1, refresh=False)
        network.clock.pass_(minutes=20)
    await listed(network)
    assert WELL == await watched.ways()


async def test_a_state_on_hold_is_told(watched: Watched) -> None:
    """Nothing is exchanged with it until officers have decided; one that is no partner any more is not named."""
    network, context = watched.network, watched.network.gateways["XAA"].context
    await story.sent(network)
    await context.trust.hold("XBB", "second", "a theft was heard of", network.clock.now())
    assert {**WELL, "isthmus_partner_on_hold": 1} == await watched.ways()
    context.partners = {}
    assert {} == await watched.ways()


async def test_a_state_that_sends_as_none_does_is_told_before_it_is_put_off(watched: Watched) -> None:
    """Half of what a State may leave in a day is more than any needs; it is told of for as long as that day lasts."""
    receiver = watched.network.gateways["XAA"].receiver
    receiver.daily = Daily(2, 64)
    assert WELL == await watched.ways()
    await story.acknowledged(watched.network)
    assert {**WELL, "isthmus_partner_busy": 1} == await watched.ways()
    watched.network.clock.pass_(days=1)
    assert WELL == await watched.ways()


async def test_what_is_held_back_after_posts_that_failed_is_not_told(watched: Watched) -> None:
    """A person stopped the one message that waits: nothing is tried any more, and nothing told of it for the month."""
    network = watched.network
    ref = await story.sent(network)
    network.wires.cut = True
    for _ in range(6):
        await network.deliver(1, refresh=False)
        network.clock.pass_(minutes=20)
    await network.gateways["XAA"].hold.freeze(ref, "she is afraid", "protection", "asylum_authority", STOPPED)
    network.wires.cut = False
    network.clock.pass_(hours=4)
    assert 0 == await network.deliver(1)
    assert WELL == await watched.ways()


async def test_nor_for_as_long_as_a_clock_was_ahead(watched: Watched) -> None:
    """Posts failed by a clock that is set right then: until when the partner was to be left alone lies far ahead."""
    network = watched.network
    ref, right = await story.sent(network), network.clock.now()
    network.wires.cut = True
    network.clock.pass_(hours=40)
    for _ in range(6):
        await network.deliver(1, refresh=False)
        network.clock.pass_(minutes=20)
    assert {**WELL, "isthmus_partner_out_of_reach": 1} == await watched.ways()
    network.clock.instant = right
    await network.gateways["XAA"].hold.freeze(ref, "she is afraid", "protection", "asylum_authority", STOPPED)
    network.clock.pass_(hours=4)
    assert 0 == await network.deliver(1, refresh=False)
    assert WELL == await watched.ways()


async def test_a_store_that_is_away_is_told(watched: Watched) -> None:
    """A scrape and the question whether it lives are answered; whether it is ready with 503."""
    await watched.open()
    await watched.network.gateways["XAA"].store.close()
    found = await watched.scrape()
    assert 0 == found["isthmus_store_up", ""] == found["isthmus_ready", ""]
    assert [] == [name for name, label in found if label == "XBB"]
    assert (200, "live\n") == (await watched.ask("/health/live"))[:2]
    assert (503, "not ready\n") == (await watched.ask("/health/ready"))[:2]


async def test_who_scrapes_often_does_not_load_the_store(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the store said is kept for some seconds, also for those who ask at once; then it is asked again."""
    statements: list[str] = []
    all_ = type(watched.network.gateways["XAA"].inquiries)._all

    async def counted(self: Any, statement: str, values: reads.Row) -> Any:
        statements.append(statement)
        return await all_(self, statement, values)

    monkeypatch.setattr(type(watched.network.gateways["XAA"].inquiries), "_all", counted)
    monkeypatch.setattr(monitoring, "KEPT_S", LONG_S)
    await watched.open()
    await asyncio.gather(*(watched.scrape() for _ in range(4)), watched.ask("/health/ready"))
    assert 1 == len(statements)
    pass_(LONG_S)
    await watched.scrape()
    assert 2 == len(statements)


async def test_a_process_that_stops_while_the_store_is_looked_at_is_not_ready(watched: Watched) -> None:
    """Who asked before it stopped hears how it is now: a store that is slow takes seconds to say."""
    monitor = await watched.open()
    async with monitor._looking:
        asked = asyncio.create_task(watched.ask("/health/ready"))
        async with asyncio.timeout(60):
            while not monitor._looking._waiters:
                await asyncio.sleep(0.01)
        monitor.stop()
    assert (503, "not ready\n") == (await asked)[:2]


async def test_it_takes_nothing_in(watched: Watched) -> None:
    """Nothing but GET and HEAD, no other path, and a neutral problem for whatever else."""
    await watched.open()
    assert (200, "ready\n") == (await watched.ask("/health/ready"))[:2]
    assert [200] * 3 == [(await watched.ask(path, "HEAD"))[0] for path in ("/metrics", "/health/live", "/health/ready")]
    for method, path, status in (("POST", "/metrics", 405), ("GET", "/", 404), ("GET", "/cases/x", 404)):
        found, body, headers = await watched.ask(path, method)
        assert (status, NEUTRAL_SERVER) == (found, headers["Server"])
        assert {"type", "title", "status"} == json.loads(body).keys()


# A gateway that serves.


async def _status(session: aiohttp.ClientSession, port: int, path: str) -> int:
    async with session.get(f"http://127.0.0.1:{port}{path}") as answer:
        return answer.status


async def test_a_load_balancer_hears_before_the_doors_close(tmp_path: Path) -> None:
    """A gateway that is stopped says first that it is not ready, and answers partners on for ``drain_s``."""
    pair, door = make_pair(tmp_path, tls=False), free_port()
    chosen = settings.load(pair.home("XAA"), {"ISTHMUS_LISTENERS__METRICS__PORT": str(door)})
    cast(dict[str, Any], chosen.values["listeners"]["metrics"])["drain_s"] = LONG_S
    port, ready = chosen.values["listeners"]["peers"]["port"], asyncio.Event()
    gateway = await app.build(chosen, passphrase=lambda: WORDS, log=lambda *_, **__: None, create=True)
    serving_ = asyncio.create_task(serving.serve(gateway, ready=ready))
    try:
        async with aiohttp.ClientSession() as session:
            await asyncio.wait({serving_, asyncio.create_task(ready.wait())}, return_when=asyncio.FIRST_COMPLETED)
            assert (200, 405) == (
                await _status(session, door, "/health/ready"),
                await _status(session, port, "/xg/1/messages"),
            )
            async with session.get(f"http://127.0.0.1:{door}/metrics") as answer:
                text = await answer.text()
            assert re.search(r'^isthmus_answers_total\{code="405"\} 1\.0$', text, re.MULTILINE)
            assert re.search(r"^isthmus_leader 1\.0$", text, re.MULTILINE)
            serving_.cancel()
            async with asyncio.timeout(60):
                while await _status(session, door, "/health/ready") != 503:
                    await asyncio.sleep(0.01)
            assert 405 == await _status(session, port, "/xg/1/messages")
            assert 200 == await _status(session, door, "/health/live")
            pass_(LONG_S)
            with suppress(asyncio.CancelledError):
                await serving_
            with pytest.raises(aiohttp.ClientConnectionError):
                await _status(session, door, "/health/live")
    finally:
        serving_.cancel()
        await asyncio.gather(serving_, return_exceptions=True)
        await gateway.close()


# What is written about the figures.


def test_each_alert_says_when_and_what_to_do() -> None:
    """Every rule has a name of its own, an expression and a summary."""
    rules = ALERTS.read_text(encoding="utf-8").split("      - alert: ")[1:]
    names = [rule.split("\n", 1)[0] for rule in rules]
    assert len(names) == len(set(names)) > 10
    form = r"Isthmus\w+\n {8}expr: [^:#\n]+\n(?: {8}for: \d+[mh]\n)? {8}annotations:\n {10}summary: [^:#\n]+[.?]\s*"
    odd = [rule for rule in rules if not re.fullmatch(form, rule)]
    assert [] == odd


def test_each_alert_has_a_test_of_its_own() -> None:
    """In the tests for promtool each fires at some instant, with the text that it has now, and is silent at another."""
    rules = re.findall(r"- alert: (\w+)\n(?:.+\n)+? +summary: (.+)", ALERTS.read_text(encoding="utf-8"))
    tests = TRIED.read_text(encoding="utf-8")
    fires = re.findall(r"alertname: (\w+)\n +eval_time: \w+\n +exp_alerts:\n(?: +-? ?exp_.+\n)+ +summary: (.+)", tests)
    silent = set(re.findall(r"alertname: (\w+), eval_time: \w+, exp_alerts: \[\]", tests))
    assert silent == {name for name, _ in fires} == {name for name, _ in rules}
    said = {name: re.escape(re.sub(r"{{ .+? }}", "0", text)).replace("0", ".+") for name, text in rules}
    assert [] == [one for one in fires if not re.fullmatch(said[one[0]], one[1])]


async def test_a_gateway_that_never_looked_at_itself_is_told(watched: Watched) -> None:
    """The alert that it does so no more goes by a figure that is there before it has done so once."""
    await watched.open()
    rule = re.search(r"alert: IsthmusNotChecked\n +expr: (.+)", ALERTS.read_text(encoding="utf-8"))
    assert rule is not None
    assert {"process_start_time_seconds"} == {name for name, _ in await watched.scrape()} & set(
        re.findall(r"\w+_seconds", rule[1])
    )


async def test_what_is_written_about_them_names_figures_that_there_are(watched: Watched) -> None:
    """The alerts and the table for operators name every figure of ours and no other."""
    monitor = await watched.open()
    await monitor.look(watched.network.clock.now())
    monitor.answered[200] += 1
    there = {name for name, _ in await watched.scrape()}
    ours = {name for name in there if name.startswith("isthmus_") and not name.endswith("_created")}
    alerts = set(re.findall(r"\b(?:isthmus|process)_[a-z_]+", re.sub(r"#.*", "", ALERTS.read_text(encoding="utf-8"))))
    table = set(re.findall(r"`((?:isthmus|process)_[a-z_]+)", OPERATIONS.read_text(encoding="utf-8")))
    assert (set(), set(), set()) == (alerts - there, table - there, ours - table)
