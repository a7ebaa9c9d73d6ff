"""The steps of a verification as two desks take them, for tests that need a case somewhere along the way."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import schemas
from gateway.core import wire
from gateway.core.case import State
from gateway.core.machine import Event
from gateway.services import cases
from keys import jws
from schemas import ijson
from tests.support.network import Network

ADULT: Mapping[str, Any] = ijson.loads(
    (Path(schemas.__file__).parent / "examples/case-draft/valid/adult.json").read_bytes()
)


def draft(**changes: Any) -> dict[str, Any]:
    """Return a case draft to XBB that every rule lets pass, with ``changes``."""
    base = dict(ADULT)
    base |= {"to": "XBB", "officer": "first"}
    base["asylum"] = {"state": "none", "attested_by": "protection", "attested_on": "2026-11-20", "basis": "interview"}
    base["transfer_ground"] = {"code": "DOMESTIC_LAW", "reference": "Act 1/2020 section 4"}
    base["handling"] = {"use_restrictions": ["P0", "P1"], "retain_until": "2027-05-01", "onward": "none"}
    return base | changes


def reply(outcome: str = "NATIONAL", **changes: Any) -> dict[str, Any]:
    """Return the coded answer of a registry clerk."""
    value: dict[str, Any] = {
        "outcome": outcome,
        "reason": None,
        "as_of": "2026-11-25",
        "method_used": ["POPULATION_REGISTER"],
        "match_basis": ["NAME_EXACT", "DOB_EXACT"],
        "confidence": "HIGH",
        "signed_by_role": "REGISTRAR",
        "valid_until": None,
    }
    if outcome == "NOT_FOUND":
        value |= {"match_basis": [], "confidence": "NONE"}
    return value | changes


async def cleared(network: Network, **changes: Any) -> str:
    """Open a case in XAA and approve it by a second person; return its reference."""
    gateway = network.gateways["XAA"]
    ref = await gateway.clear.new(draft(**changes), "first")
    preview, thread = await gateway.clear.show(ref, "second", "liaison_officer")
    signed = network.approval(preview.digest, thread, "second", "request.approval", "liaison_officer")
    await gateway.clear.approve(ref, signed, "second")
    return ref


async def sent(network: Network, **changes: Any) -> str:
    """Open, approve and send a case; nothing is delivered yet."""
    ref = await cleared(network, **changes)
    await network.gateways["XAA"].clear.send(ref, "first")
    return ref


async def received(network: Network, **changes: Any) -> tuple[str, str]:
    """Send a case and deliver it; return its reference in XAA and in XBB."""
    ref = await sent(network, **changes)
    await network.deliver()
    return ref, await twin(network, ref)


async def out_of_reach(network: Network) -> None:
    """Cut the wires for 17 days, in which the window of the sealing key in use ends; then let what waits be tried."""
    network.wires.cut = True
    for _ in range(17):
        network.clock.pass_(days=1)
        await network.deliver(1)
    network.wires.cut = False
    for _ in range(24):
        network.clock.pass_(hours=6)
        await network.deliver()


async def twin(network: Network, ref: str) -> str:
    """Return the reference in XBB of XAA's case ``ref``."""
    case = await row(network, "XAA", ref)

    async def unit(tx: Any) -> Any:
        return await tx.find_thread("XAA", case.thread)

    return str((await network.gateways["XBB"].store.read(unit)).ref)


async def acknowledged(network: Network, **changes: Any) -> tuple[str, str]:
    """Send a case, deliver it and have it acknowledged."""
    ours, theirs = await received(network, **changes)
    await network.gateways["XBB"].answer.acknowledge(theirs, "first")
    await network.deliver()
    return ours, theirs


async def replied(network: Network, outcome: str = "NATIONAL", **changes: Any) -> tuple[str, str]:
    """Take a case to its answer; one that is not positive is countersigned."""
    ours, theirs = await acknowledged(network)
    await give_answer(network, theirs, reply(outcome, **changes))
    await network.deliver()
    return ours, theirs


async def give_answer(network: Network, ref: str, value: Mapping[str, Any]) -> None:
    """Prepare, countersign where needed, and send the answer ``value`` to XBB's case ``ref``."""
    gateway = network.gateways["XBB"]
    pending = await gateway.answer.prepare(ref, value, "first")
    thread = (await row(network, "XBB", ref)).thread
    signed = network.approval(pending.digest, thread, "signer", "reply.second-signature", "second_signer")
    await gateway.answer.countersign(ref, signed, "signer")
    await gateway.answer.answer(ref, "first")


async def row(network: Network, country: str, ref: str) -> Any:
    """Return the stored row of a case."""

    async def unit(tx: Any) -> Any:
        return await tx.find_case(ref)

    return await network.gateways[country].store.read(unit)


async def state(network: Network, country: str, ref: str) -> str:
    """Return the state a case is in."""
    return str((await row(network, country, ref)).state)


async def case(network: Network, country: str, ref: str) -> Any:
    """Return the opened case value."""
    gateway = network.gateways[country]

    async def unit(tx: Any) -> Any:
        return (await cases.load(gateway.context, tx, ref)).case

    return await gateway.store.read(unit)


async def put(network: Network, country: str, ref: str, state: State, **changes: Any) -> None:
    """Put a case into ``state``, whatever led there, with ``changes`` of its value."""
    context = network.gateways[country].context

    async def unit(tx: Any) -> None:
        held = await cases.load(context, tx, ref)
        case = replace(held.case, state=state, **changes)
        now = context.clock.now()
        await cases.store(context, tx, held, case, Event("note", "test", "gateway"), held.case.state.value, now)

    await context.commit(unit)


async def payload(network: Network, country: str, ref: str, type: str) -> wire.Payload:
    """Return the payload of the last message of one type that ``country`` put in its outbox for a case."""
    context = network.gateways[country].context

    async def unit(tx: Any) -> wire.Payload:
        held = await cases.load(context, tx, ref)
        found = [row for row in await tx.outbound_of_case(ref) if row.type == type and row.sealed is not None][-1]
        signed = context.vault.open(held.key, "outbound", found.id, "sealed", found.sealed)
        return wire.parse_payload(jws.parse(signed, jws.TYP_MESSAGE).payload)

    return await context.store.read(unit)
