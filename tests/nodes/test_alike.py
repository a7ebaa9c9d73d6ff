"""Nodes of one gateway that do not go by the same: told of where people look, and another gateway's is turned away."""

import asyncio
import json

import pytest

from benchmarks.pair import WORDS
from gateway import home
from gateway.cli.errors import Exit
from gateway.settings import BadConfiguration
from keys.custody import open_store
from tests.cli.support import call
from tests.support.nodes import Node, Nodes

DAYS = "ISTHMUS_POLICY__REMINDER_COOLDOWN_DAYS"


async def differing(nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> tuple[Node, Node]:
    """Start two nodes, of which the second reminds after another time, and return them when both are ready."""
    (first,) = await nodes.ready("XBB", 1)
    monkeypatch.setenv(DAYS, "3")
    (second,) = await nodes.ready("XBB", 1)
    monkeypatch.delenv(DAYS)
    return first, second


async def checked(nodes: Nodes) -> list[tuple[str, str]]:
    """Return level and text of what ``isthmus check`` finds of the nodes."""
    done = await asyncio.to_thread(call, "check", "-C", nodes.pair.home("XBB"), "--json", ISTHMUS_PASSPHRASE=WORDS)
    return [(one["level"], one["text"]) for one in json.loads(done.stdout)["items"] if one["area"] == "nodes"]


async def test_a_node_that_goes_by_other_rules_is_told_of(nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both run; the log says once who differs and in what, and so does the check, until that node is gone."""
    first, second = await differing(nodes, monkeypatch)
    (line,) = second.events("nodes.differ")
    assert {str(first.port), str(second.port)} == {line[of].rpartition(":")[2] for of in ("node", "other")}
    assert ["policy"] == line["parts"]
    ((level, text),) = await checked(nodes)
    assert ("finding", True) == (level, text.endswith(": policy"))
    assert 0 == await asyncio.to_thread(second.stop)
    assert [("ok", "nodes that run and go by the same: 1")] == await checked(nodes)


async def test_nothing_that_is_kept_of_a_node_can_be_tried(nodes: Nodes) -> None:
    """The database has keyed values of each part, and none of what the parts say."""
    await nodes.ready("XBB", 1)
    ((value,),) = await nodes.rows("XBB", "SELECT value FROM meta WHERE name LIKE 'node:%'")
    parts = json.loads(value)["parts"]
    assert {"persons", "partners", "calendars", "card", "version"} <= parts.keys()
    assert {22} == {len(one) for one in parts.values()}


async def test_nodes_alike_say_nothing(nodes: Nodes) -> None:
    """Two of one home: no line, and a check that counts them."""
    first, second = await nodes.ready("XBB")
    assert [("ok", "nodes that run and go by the same: 2")] == await checked(nodes)
    assert [[], []] == [node.events("nodes.differ") for node in (first, second)]


async def test_a_node_with_another_key_encryption_key_does_not_start(nodes: Nodes) -> None:
    """What it stored the others could not open: exit 3, and those that run go on."""
    (first,) = await nodes.ready("XBB", 1)
    file = nodes.pair.home("XBB") / home.KEY_FILE
    kept = file.read_bytes()
    store = open_store(f"file:{file}", passphrase=lambda: WORDS, environ={})
    store.destroy(home.KEK)
    store.put(home.KEK, bytes(32))
    try:
        second = nodes.start("XBB")
        assert Exit.CONFIGURATION == await asyncio.to_thread(second.process.wait, 60)
        with pytest.raises(BadConfiguration, match="key-encryption key"):  # nor does a command
            await nodes.pair.open("XBB")
    finally:
        file.write_bytes(kept)
    assert "key-encryption key" in second.log.read_text()
    assert first.runs
    assert [("ok", "nodes that run and go by the same: 1")] == await checked(nodes)
