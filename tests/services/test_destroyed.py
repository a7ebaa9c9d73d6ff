"""After a case is destroyed: which of all that the gateway stored of it is in any file of the home still."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from tests.support import homeward, story
from tests.support.erased import erase
from tests.support.network import Network

LEAST = 12
"""Bytes of a value that is looked for: what is shorter, such as a state or a role, stands in other rows as well."""

STAYS = {
    # That there was a case, which steps it took, who looked, and where its thread stands.
    *("case_file.thread", "case_file.instrument", "case_file.calendar"),
    *("case_event.event", "case_event.actor", "case_event.role", "case_event.source"),
    *("case_event.target", "access.action", "access.person"),
    *("thread.thread", "thread.in_digest", "thread.seen"),
    # That messages passed, and what proves it. The digest of a message covers its random id.
    *("inbound.id", "inbound.digest", "inbound.envelope_id", "inbound.thread", "inbound.type"),
    *("inbound.kid", "inbound.answer"),
    *("outbound.id", "outbound.digest", "outbound.envelope_id", "outbound.thread", "outbound.type"),
    *("outbound.kid", "outbound.answer", "case_event.digest"),
    *("log_entry.digest", "log_entry.leaf", "log_entry.r", "log_entry.receipt", "log_entry.origin"),
}
"""Columns of which an erased case leaves its values."""


def kept(database: Path) -> Iterator[tuple[str, bytes]]:
    """Yield each column of the rows that cases leave, with every value of some length in it."""
    with closing(sqlite3.connect(database)) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        for table in tables:
            if table in ("meta", "partner", "schema_migration", "log_head", "checkpoint", "sealing_key_end"):
                continue
            found = db.execute(f"SELECT * FROM {table}")  # noqa: S608  # names of the schema
            names = [one[0] for one in found.description]
            for row in found:
                for name, value in zip(names, row, strict=True):
                    raw = value.encode() if isinstance(value, str) else value
                    if isinstance(raw, bytes) and len(raw) >= LEAST:
                        yield f"{table}.{name}", raw


async def test_what_is_destroyed_is_in_no_file_of_the_home(network: Network) -> None:
    """Of a case that went far, in both States: neither a sealed value nor a key of it, nor what it is found by."""
    ours, theirs = await homeward.on_the_day(network)
    await network.gateways["XAA"].notices.ask_use(ours, "first", "case_officer")
    await network.deliver()
    before = {country: set(kept(gateway.settings.database)) for country, gateway in network.gateways.items()}
    for country, ref in (("XAA", ours), ("XBB", theirs)):
        gateway = network.gateways[country]
        await erase(gateway, ref, network.clock.now())
        files = {path: path.read_bytes() for path in network.homes[country].rglob("*") if path.is_file()}
        looked_for = {one for one in before[country] if one[1] != ref.encode()}
        found = {column for column, value in looked_for if any(value in raw for raw in files.values())}
        gone = {column for column, _ in looked_for} - found
        assert set() == found - STAYS, country
        assert {"case_file.wrapped", "case_file.sealed", "inbound.sealed", "outbound_body.sealed"} <= gone
        assert {"access.justification", "outbound_body.envelope"} <= gone
    assert "person_value.value" in {column for column, _ in before["XAA"]}
    assert "ERASED" == await story.state(network, "XAA", ours)
