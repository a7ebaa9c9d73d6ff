"""A network of three States for the tests of logs and witnesses, and a keeper that can be made to lie."""

from dataclasses import dataclass
from pathlib import Path

from gateway.core import checkpoint, cosign
from gateway.core.cosign import Submission
from gateway.core.merkle import Frontier
from gateway.services.ports import HttpAnswer
from gateway.services.rows import ConflictRow
from keys.cosign import CosigningKey
from keys.sign import SigningKey
from tests.support.network import Network, make_network
from tests.support.proofs import consistency_proof

ORIGIN = "XAA/XBB/1"


async def three(root: Path) -> Network:
    """Return XAA, XBB and XCC; each is a third gateway for the other two."""
    network = await make_network(root, ("XAA", "XBB", "XCC"))
    for gateway in network.gateways.values():
        others = [country for country in network.gateways if country != gateway.context.country]
        gateway.checkpoints._witnesses = gateway.witness._witnesses = tuple(others)  # as 'transparency.witnesses' does
    return network


async def hour(network: Network) -> None:
    """Let an hour pass and every gateway do what it does each hour."""
    network.clock.pass_(hours=1)
    for gateway in network.gateways.values():
        await gateway.checkpoints.run_once(network.clock.now())
    for gateway in network.gateways.values():
        await gateway.witness.run_once(network.clock.now())


async def conflicts(network: Network, country: str) -> list[ConflictRow]:
    """Return the evidence that ``country`` holds."""
    return list(await network.gateways[country].store.read(lambda tx: tx.conflicts()))


def alarms(network: Network) -> list[tuple[str, str, str]]:
    """Return the alarms of all gateways, in order: keeper, other side, kind."""
    return [
        (values["partner"], values["country"], values["code"])
        for event, values in network.logs
        if event == "log.contradicted"
    ]


@dataclass
class Liar:
    """The keys of XAA in the hands of somebody who signs whatever serves, beside the log of the gateway itself."""

    network: Network
    leaves: list[bytes]

    @classmethod
    async def of(cls, network: Network) -> "Liar":
        """Return one that knows the log of XAA about XBB as it stands."""
        gateway = network.gateways["XAA"]
        return cls(network, list(await gateway.store.read(lambda tx: tx.log_leaves(ORIGIN, 0, 10_000))))

    @property
    def log(self) -> SigningKey:
        """Return the log key."""
        key = self.network.gateways["XAA"].context.keyring.log
        assert isinstance(key, SigningKey)
        return key

    @property
    def cosigning(self) -> CosigningKey:
        """Return the cosigning key."""
        key = self.network.gateways["XAA"].context.keyring.cosigning
        assert isinstance(key, CosigningKey)
        return key

    def note(self, leaves: list[bytes], *, cosigned: bool = True) -> str:
        """Return a checkpoint over ``leaves``, signed as a kept one is, now."""
        tree = Frontier().append(leaves)
        body = checkpoint.checkpoint_body(ORIGIN, tree.size, tree.root())
        note = checkpoint.sign_note(body, ORIGIN, self.log)
        if not cosigned:
            return note
        return cosign.with_lines(note, cosign.cosign(note, "XAA", self.cosigning, self.network.clock.now()))

    async def show(self, to: str, old: int, leaves: list[bytes], known: list[bytes] | None = None) -> HttpAnswer:
        """Show a checkpoint over ``leaves`` to ``to``, with the proof from the first ``old`` of ``known``."""
        path = consistency_proof(known or leaves, old, len(leaves)) if 0 < old < len(leaves) else ()
        body = cosign.serialize_submission(Submission(old, path, self.note(leaves)))
        return await self.network.wires.post(to, "/xg/1/log/add-checkpoint", body, "text/plain")
