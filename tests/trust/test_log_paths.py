"""The paths for logs over real HTTP: cosigning, continuation, evidence, and what each says of a bad request."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from hashlib import sha256

import aiohttp
import pytest
import pytest_asyncio

from gateway.core import cosign
from gateway.core.cosign import Submission
from gateway.http.listen import listen
from gateway.http.peer_api import peer_app
from schemas import ijson
from tests.support import story
from tests.support.line import line
from tests.support.network import Network
from tests.trust.witnesses import ORIGIN, Liar, alarms, conflicts, hour

ADD, CONFLICTS = "/xg/1/log/add-checkpoint", "/xg/1/log/conflicts"


async def test_cosigned_over_http(trio: Network) -> None:
    """Three gateways that speak HTTP cosign one another's logs, and compare the answers they were given."""
    async with line(trio):
        await story.replied(trio)
        await hour(trio)
        await story.replied(trio)
        await hour(trio)
        kept = await trio.gateways["XAA"].checkpoints.cosigned("XBB", 2)
        assert [(6, ()), (3, ())] == [(one.row.size, one.missing) for one in kept]
        compared = await trio.gateways["XBB"].store.read(lambda tx: tx.find_meta("compared:XBB/XAA/1"))
        assert "6" == compared
        await (await Liar.of(trio)).show("XCC", 6, [bytes([n]) * 32 for n in range(6)])
        await hour(trio)
    assert [("XAA", "XBB", "fork")] * 3 == alarms(trio)


@dataclass
class Door:
    """The door of XCC, or of the keeper XAA, and a client that sends what it is told."""

    session: aiohttp.ClientSession
    url: str

    async def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, str, bytes]:
        """Return status, media type and body of an answer."""
        async with self.session.request(method, self.url + path, data=body, headers=headers) as answer:
            return answer.status, answer.content_type, await answer.read()


@pytest_asyncio.fixture
async def doors(trio: Network) -> AsyncIterator[dict[str, Door]]:
    """The doors of the three gateways, after a case that was not cosigned yet."""
    await story.replied(trio)
    closing, found = [], {}
    async with aiohttp.ClientSession(skip_auto_headers=["Content-Type"]) as session:
        for country, gateway in trio.gateways.items():
            app = peer_app(gateway.receiver, gateway.deliverer, log=gateway.context.log, watch=gateway.witness)
            made = await listen(app, "127.0.0.1", 0)
            closing.append(made)
            found[country] = Door(session, f"http://127.0.0.1:{made.addresses[0][1]}")
        yield found
    for made in closing:
        await made.cleanup()


async def test_statuses_are_those_of_a_witness(trio: Network, doors: dict[str, Door]) -> None:
    """200 with lines of signatures, 409 with the size in its own media type, and bare problems for the others."""
    liar, door = await Liar.of(trio), doors["XCC"]

    def body(old: int, leaves: list[bytes], **how: bool) -> bytes:
        return cosign.serialize_submission(Submission(old, (), liar.note(leaves, **how)))

    status, media_type, raw = await door.ask("POST", ADD, body(0, liar.leaves))
    assert (200, "text/plain", True) == (status, media_type, raw.decode().startswith("\u2014 XCC "))
    assert (409, "text/x.tlog.size", b"3\n") == await door.ask("POST", ADD, body(0, liar.leaves))
    for bad, expected in (
        (b"old 0\n", 400),
        (body(4, liar.leaves), 400),
        (body(3, liar.leaves, cosigned=False), 403),
        (body(0, liar.leaves).replace(ORIGIN.encode(), b"XAA/XDD/1"), 404),
        (body(3, [*liar.leaves[:-1], bytes(32)]), 409),
    ):
        status, media_type, raw = await door.ask("POST", ADD, bad)
        assert (expected, "application/problem+json", expected) == (status, media_type, ijson.loads(raw)["status"])
    assert 413 == (await door.ask("POST", ADD, bytes(70_000)))[0]
    assert 400 == (await door.ask("POST", ADD + "?x=1", body(0, liar.leaves)))[0]


async def test_continuation_is_for_who_knows_the_checkpoint(trio: Network, doors: dict[str, Door]) -> None:
    """Who names a root of the log gets the proof to a kept one; anybody else is told that there is nothing."""
    gateway, door = trio.gateways["XAA"], doors["XAA"]
    trio.clock.pass_(hours=1)
    kept = await gateway.checkpoints.keep("XBB", trio.clock.now())
    liar = await Liar.of(trio)
    assert kept is not None
    hashed = sha256(ORIGIN.encode()).hexdigest()
    small = cosign.verify_keeper(liar.note(liar.leaves[:1]), _keeper(trio))
    root = small.root.hex()
    status, media_type, raw = await door.ask("GET", f"/xg/1/log/{hashed}/1/{root}/3")
    assert (200, "text/plain") == (status, media_type)
    assert kept.root == cosign.check_continuation(small, raw, _keeper(trio)).root
    for path in (
        f"{hashed}/1/{'00' * 32}/3",
        f"{hashed}/2/{root}/3",
        f"{hashed}/1/{root}/2",
        f"{hashed}/1/{root}/4",
        f"{hashed}/9/{root}/3",
        f"{'11' * 32}/1/{root}/3",
        f"{hashed}/01/{root}/3",
        f"{hashed}",
        "",
    ):
        assert 404 == (await door.ask("GET", f"/xg/1/log/{path}"))[0], path
    assert 400 == (await door.ask("GET", f"/xg/1/log/{hashed}/1/{root}/3?x=1"))[0]
    assert 405 == (await door.ask("POST", f"/xg/1/log/{hashed}/1/{root}/3"))[0]


def _keeper(trio: Network) -> cosign.Keeper:
    found = trio.gateways["XBB"].witness.keeper(ORIGIN)
    assert found is not None
    return found


async def test_evidence_is_taken_by_its_media_type(trio: Network, doors: dict[str, Door]) -> None:
    """Two notes that convict are taken with 204; another media type, or what proves nothing, is a bad request."""
    liar, door = await Liar.of(trio), doors["XBB"]
    body = ijson.dumps(
        {"held": liar.note(liar.leaves), "shown": liar.note([*liar.leaves[:-1], bytes(32)])},
    )
    assert 400 == (await door.ask("POST", CONFLICTS, body))[0]
    kind = {"Content-Type": "application/xg1-conflict+json"}
    assert 400 == (await door.ask("POST", CONFLICTS, b"{}", **kind))[0]
    assert (204, b"") == (await door.ask("POST", CONFLICTS, body, **kind))[::2]
    assert (204, b"") == (await door.ask("POST", CONFLICTS, body, **kind))[::2]
    assert ["fork"] == [row.kind for row in await conflicts(trio, "XBB")]


@pytest.mark.parametrize("path", [ADD, CONFLICTS])
async def test_gateway_without_a_cosigning_key(trio: Network, doors: dict[str, Door], path: str) -> None:
    """A gateway of a home that has no cosigning key yet cosigns nothing, and still takes evidence."""
    liar = await Liar.of(trio)
    context = trio.gateways["XCC"].context
    context.keyring = replace(context.keyring, cosigning=None)
    body = cosign.serialize_submission(Submission(0, (), liar.note(liar.leaves)))
    if path == CONFLICTS:
        body = ijson.dumps({"held": liar.note(liar.leaves), "shown": liar.note([bytes(32)] * 3)})
    status, _, _ = await doors["XCC"].ask("POST", path, body, **{"Content-Type": "application/xg1-conflict+json"})
    assert {ADD: 404, CONFLICTS: 204}[path] == status
