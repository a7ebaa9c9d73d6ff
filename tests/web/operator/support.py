"""A gateway that has operators and a data-protection officer, and its desks with what the operator's pages need."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from gateway import checks, settings
from gateway.app import Gateway
from gateway.services.operate import Operate
from gateway.web.visit import DeskPages
from keys import b64
from keys.sign import SigningKey
from tests.support.network import Network, make_network, open_gateway
from tests.web.support import Desk, desks

STAFF: Mapping[str, Sequence[str]] = {"ada": ["operator"], "grace": ["operator"], "dora": ["dpo"]}


def operate_of(gateway: Gateway) -> Operate:
    """Return what the operator's pages of ``gateway`` stand on, as the composition root makes it."""
    context, chosen = gateway.context, gateway.settings
    return Operate(
        context=context,
        checks=partial(checks.looked, chosen, gateway.keys, context.keyring.signing.kid, context.peers),
        queues=gateway.inquiries,
        checkpoints=gateway.checkpoints,
        cards=gateway.cards.cards,
        reports=chosen.data / "reports",
    )


async def staffed(root: Path) -> Network:
    """Return a network in which XAA has ``STAFF`` too."""
    network = await make_network(root)
    await network.gateways["XAA"].close()
    path = network.homes["XAA"] / settings.FILE_NAME
    tables = [
        f'\n[[persons]]\nid = "{name}"\nroles = {list(roles)}\nkey = "{b64.encode(SigningKey.generate().public)}"\n'
        for name, roles in STAFF.items()
    ]
    path.write_text(path.read_text() + "".join(tables))
    await (await open_gateway(network, "XAA")).refresh_trust()
    return network


@asynccontextmanager
async def staffed_desk(root: Path, pages: Sequence[DeskPages]) -> AsyncIterator[Desk]:
    """Serve ``pages`` for XAA of a network with ``STAFF``."""
    network = await staffed(root)
    try:
        gateway = network.gateways["XAA"]
        async with desks(network, root, pages, extra={"operate": operate_of(gateway)}) as made:
            yield made
    finally:
        await network.close()
