"""``isthmus log``: what is kept and cosigned, what contradicts, and the key that an older home lacks."""

import asyncio
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gateway import app, home, settings
from gateway.checks import run
from gateway.checks.look import Look
from gateway.core.cosign import Conflict
from gateway.core.wire import format_instant
from gateway.services.ports import Draft, Tx
from gateway.services.rows import ConflictRow
from gateway.storage.sqlite import run_inline
from keys import b64
from keys.cosign import CosigningKey
from keys.custody import open_store
from tests.cli.support import PHRASE, Homes, call, value


def with_gateway(path: Path, act: Any) -> Any:
    """Do ``act`` with the gateway at ``path``."""

    async def whole() -> Any:
        gateway = await app.build(
            settings.load(path, {}), passphrase=lambda: PHRASE, run=run_inline, log=lambda event, **values: None
        )
        try:
            return await act(gateway)
        finally:
            await gateway.close()

    return asyncio.run(whole())


async def enter(gateway: Any) -> None:
    """Enter a receipt of XBB into the log of XAA, whatever it says."""

    async def unit(tx: Tx) -> None:
        tx.draft(Draft("XBB", "A" * 43, None, b"a.b.c"))

    await gateway.context.commit(unit)


def test_nothing_is_kept_of_empty_logs(homes: Homes) -> None:
    """A home in whose logs nothing stands shows no checkpoint and no conflict."""
    assert [] == value("log", "checkpoints", "-C", homes.home("XAA"))
    assert [] == value("log", "conflicts", "-C", homes.home("XAA"))
    assert 0 == call("log", "conflicts", "-C", homes.home("XAA")).exit_code


def test_keep_says_who_has_not_cosigned(homes: Homes) -> None:
    """The newest checkpoint is kept although the partner cannot be reached, and what is missing is named."""
    with_gateway(homes.home("XAA"), enter)
    (kept,) = value("log", "keep", "-C", homes.home("XAA"))
    assert ("XAA/XBB/1", 1, [], ["XBB"], False) == (
        *(kept["origin"], kept["entries"], kept["cosigned"], kept["missing"]),
        kept["stamped"],
    )
    assert [kept] == value("log", "checkpoints", "-C", homes.home("XAA"))
    assert "checkpoint.unshown XBB: no answer" in call("log", "keep", "-C", homes.home("XAA")).stderr
    assert "XBB" in call("log", "checkpoints", "-C", homes.home("XAA")).stdout


def test_nothing_is_kept_by_a_clock_that_leapt(homes: Homes) -> None:
    """Whoever keeps one once a gateway was off for days reads why none is, and not that nothing stands in the logs."""
    with_gateway(homes.home("XAA"), enter)
    seen = " ".join(format_instant(datetime.now(UTC) - timedelta(days=days)) for days in (4, 2))
    with_gateway(homes.home("XAA"), lambda gateway: gateway.store.commit(lambda tx: tx.set_meta("clock", seen)))
    done = call("log", "keep", "-C", homes.home("XAA"))
    assert (75, "", True) == (done.exit_code, done.stdout, "no checkpoint is kept by it" in done.stderr)


def test_check_names_who_has_not_cosigned_for_hours(homes: Homes) -> None:
    """A kept checkpoint that lacks its cosigner for more than three hours is a finding."""
    with_gateway(homes.home("XAA"), enter)
    value("log", "keep", "-C", homes.home("XAA"))

    async def age(gateway: Any) -> None:
        (row,) = await gateway.store.read(lambda tx: tx.kept("XAA/XBB/1"))
        older = row._replace(size=row.size + 1, at=datetime(2026, 1, 1, tzinfo=UTC))
        await gateway.store.commit(lambda tx: tx.save_kept(older))

    assert "not cosigned" not in call("check", "-C", homes.home("XAA")).stdout
    with_gateway(homes.home("XAA"), age)
    assert "is not cosigned by XBB" in call("check", "-C", homes.home("XAA")).stdout
    chosen = settings.load(homes.home("XAA"), {})
    chosen.values["transparency"] = {"witnesses": ["XCC"]}
    found = [item.values for item in run(Look(chosen, lambda: PHRASE, datetime.now(UTC))) if item.area == "log"]
    assert ["XBB, XCC"] == [values["missing"] for values in found]


def test_conflict_is_shown_whole(homes: Homes) -> None:
    """Evidence against a keeper is printed with both notes, and the exit code says that there is some."""
    row = ConflictRow(0, "XBB/XAA/1", Conflict.FORK, datetime(2026, 3, 1, tzinfo=UTC), "XBB", "one\n", "two\n", ())
    with_gateway(homes.home("XAA"), lambda gateway: gateway.store.commit(lambda tx: tx.save_conflict(row)))
    shown = call("log", "conflicts", "-C", homes.home("XAA"), "--json")
    (printed,) = json.loads(shown.stdout)
    assert (6, "one\n", "two\n") == (shown.exit_code, printed["held"], printed["shown"])
    assert "contradicts itself: fork, 1 time" in call("check", "-C", homes.home("XAA")).stdout


def test_older_home_gets_its_key(homes: Homes) -> None:
    """A home without a cosigning key is told so, and gets one with the card that lists it; once is enough."""
    path = homes.home("XAA")
    store = open_store(
        f"file:{path / home.KEY_FILE}?profile=interactive", passphrase=lambda: PHRASE, environ=os.environ
    )
    store.destroy(home.COSIGNING)
    assert "no key to cosign" in call("check", "-C", path).stdout
    made = value("log", "cosigner", "-C", path)
    public = b64.encode(CosigningKey(store.get(home.COSIGNING)).public)
    assert public.encode() in b64.decode(Path(made["card"]).read_text().split(".")[1])
    assert "no key to cosign" not in call("check", "-C", path).stdout
    again = call("log", "cosigner", "-C", path)
    assert (1, True) == (again.exit_code, "lists the key already" in again.stderr)


def test_witness_is_a_partner(homes: Homes) -> None:
    """A witness that is no partner is refused with the configuration: nobody else could be asked."""
    file = homes.home("XAA") / settings.FILE_NAME
    file.write_text(file.read_text() + '\n[transparency]\nwitnesses = ["XBB", "XCC"]\n')
    told = call("log", "checkpoints", "-C", homes.home("XAA"))
    assert (3, True) == (told.exit_code, "/transparency/witnesses: 'XCC' is not one of 'partners'" in told.stderr)
