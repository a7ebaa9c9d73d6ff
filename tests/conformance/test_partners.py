"""The suite without a back-end: the manual profile and the sandbox partner, against a gateway on real time."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.pair import free_port
from gateway import app, settings
from gateway.app import Gateway
from gateway.http.listen import listen
from gateway.http.peer_api import peer_app
from gateway.storage.sqlite import run_inline
from gateway.system import SystemClock
from keys import b64
from keys.card import parse_card
from tests.conformance.desk import Desk
from tests.support import network as support
from tests.support import story

ROOT = Path(__file__).parents[2]


@dataclass
class Live:
    """A gateway on real time behind its door, and the files that an operator of a partner has."""

    gateway: Gateway
    desk: Desk
    target: str
    card: Path
    states: Path


async def command(*arguments: str | Path) -> tuple[int, str]:
    """Run the suite's command to its end; return its exit code and standard output."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "conformance.cli", *map(str, arguments), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    told, _ = await asyncio.wait_for(process.communicate(), 280)
    return process.returncode or 0, told.decode()


class Ahead(SystemClock):
    """A clock that is twenty seconds ahead of the suite's, as far as two real ones or a slow line may be apart."""

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=20)


@asynccontextmanager
async def live(folder: Path, address: str = "", clock: SystemClock | None = None) -> AsyncIterator[Live]:
    """A gateway that took the test States of the suite as its partners."""
    keys, states, home = support.people_keys(), folder / "states", folder / "xbb"
    code, told = await command("cards", "--dir", states, *(["--address", address] if address else []))
    assert 0 == code
    support.make_home(home, "XBB", keys, datetime.now(UTC))
    text = (home / settings.FILE_NAME).read_text() + "\n[limits]\npost_timeout_s = 2\n"
    for line in told.splitlines():
        country, identity = line.split()
        card = parse_card((states / country / "1.jws").read_bytes().strip())
        assert identity == b64.encode(card.identity)
        if country != "XBB":
            text += f'\n[partners.{country}]\nidentity = "{identity}"\n'
            (home / "cards" / country).mkdir()
            (home / "cards" / country / "1.jws").write_bytes(card.raw)
    (home / settings.FILE_NAME).write_text(text + "\n" + support.persons_text(keys))
    gateway = await app.build(
        settings.load(home, {}),
        passphrase=lambda: "correct horse",
        clock=clock,
        run=run_inline,
        log=lambda event, **values: None,
        create=True,
    )
    await gateway.refresh_trust()
    quiet: Any = lambda event, **values: None  # noqa: E731
    door = await listen(peer_app(gateway.receiver, gateway.deliverer, log=quiet), "127.0.0.1", 0)
    target = f"http://127.0.0.1:{door.addresses[0][1]}"
    try:
        yield Live(gateway, Desk(gateway, keys), target, home / "cards" / "XBB" / "1.jws", states)
    finally:
        await door.cleanup()
        await gateway.close()


async def test_manual_profile_judges_answers_and_evidence(tmp_path: Path) -> None:
    """Without a back-end the cases that need none pass on real time, and the others are not applicable."""
    async with live(tmp_path, clock=Ahead()) as one:
        where = ("--target", one.target, "--states", one.states, "--card", one.card, "--report", tmp_path / "report")
        code, told = await command("run", "--profile", "manual", *where, "--json")
    value = json.loads(told)
    verdicts = {row["verdict"] for case in value["cases"] for row in case["results"]}
    failed = [case["id"] for case in value["cases"] if any(row["verdict"] == "fail" for row in case["results"])]
    assert (0, [], {"pass", "not applicable"}) == (code, failed, verdicts)
    assert ("manual", "pass") == (value["profile"], value["verdict"])
    assert value["counts"]["MUST"]["pass"] > 100


async def test_sandbox_partner_asks_and_answers(tmp_path: Path) -> None:
    """The sandbox partner asks, and answers what is asked of it, through all the trouble that it makes."""
    port = free_port()
    async with live(tmp_path, f"http://127.0.0.1:{port}") as one:
        arguments = ("serve", "--target", one.target, "--states", one.states, "--card", one.card, "--seed", "4")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "conformance.cli", *map(str, arguments), "--pace", "0.1", "--ask", "2"),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        try:
            assert "ready" == json.loads(await asyncio.wait_for(process.stdout.readline(), 90))["event"]
            today = datetime.now(UTC).date()
            asylum = story.draft()["asylum"] | {"attested_on": (today - timedelta(days=2)).isoformat()}
            handling = story.draft()["handling"] | {"retain_until": (today + timedelta(days=200)).isoformat()}
            thread = await one.desk.submit(story.draft(to="XAA", asylum=asylum, handling=handling))
            async with asyncio.timeout(200):
                while await _types(one.gateway, thread) != ["verification.acknowledgement", "verification.reply"]:
                    await one.gateway.deliverer.run_once()
                    await asyncio.sleep(0.2)
                while await _asked(one.gateway) < 2:
                    await asyncio.sleep(0.1)
        finally:
            process.kill()
            await process.communicate()


async def _types(gateway: Gateway, thread: str) -> list[str]:
    async def unit(tx: Any) -> list[str]:
        row = await tx.find_thread("XAA", thread)
        return [one.type for one in await tx.inbound_of_case(row.ref) if one.status == "accepted"]

    return await gateway.store.read(unit)


async def _asked(gateway: Gateway) -> int:
    async def unit(tx: Any) -> int:
        return len([row for row in await tx.cases(states=["RECEIVED"]) if row.partner == "XAA"])

    return int(await gateway.store.read(unit))
