"""Evidence of a case that is older than the identity key of a State, or than the cards that a list still has."""

from datetime import timedelta
from pathlib import Path

import pytest

from gateway.cli.evidence_file import verify_bytes
from gateway.core import evidence_manifest
from gateway.core.evidence_verifier import Anchors
from gateway.core.wire import format_instant
from gateway.services.evidence import pack
from keys import b64, card
from keys.card import Card
from keys.sign import SigningKey
from tests.support import story
from tests.support.evidence import exported, faults_by_member, members_of
from tests.support.holds import lift
from tests.support.network import Network
from tests.support.restoring import card_of, next_card_of
from tests.trust.second_verifier import run
from tests.trust.witnesses import hour


async def changed(network: Network, country: str) -> SigningKey:
    """Let ``country`` leave its first signing key out of its card, and then change its identity key; all confirm it."""
    now, signing, identity = network.clock.now(), SigningKey.generate(), SigningKey.generate()
    window = {"from": format_instant(now), "until": format_instant(now + timedelta(days=900)), "revoked_at": None}
    next_card_of(network, country, signing=[{"kid": signing.kid, "key": b64.encode(signing.public), **window}])
    for each in network.gateways.values():
        await each.refresh_trust()
    held = card_of(network, country)
    claims = {"serial": held.serial + 1, "prev": held.digest, "identity": b64.encode(identity.public)}
    raw = card.sign_card(card.claims_of(held) | claims, identity)
    for home in network.homes.values():
        (home / "cards" / country / f"{held.serial + 1}.jws").write_bytes(raw)
    for gateway in network.gateways.values():
        if gateway.context.country != country:
            await gateway.refresh_trust()
            await lift(gateway.context.trust, country, identity.public, now)
        else:  # as a start with the new key does
            object.__setattr__(gateway.context.keyring, "signing", signing)
            gateway.context.own = card.parse_card(raw)
    return identity


async def compared(network: Network) -> Anchors:
    """Return the identity keys of the two States as they are now, as an expert compared them."""
    held: list[Card] = [card_of(network, country) for country in ("XAA", "XBB")]
    return Anchors(identities={one.country: {one.identity} for one in held})


@pytest.mark.parametrize("country", ["XAA", "XBB"])
async def test_case_of_before_a_change_of_the_identity_key(trio: Network, tmp_path: Path, country: str) -> None:
    """What either State exports verifies by the key of today: its card names the one before, and so on."""
    refs = dict(zip(("XAA", "XBB"), await story.replied(trio), strict=True))
    await hour(trio)
    await changed(trio, "XBB")
    raw = await exported(trio, country, refs[country])
    assert () == verify_bytes(raw, await compared(trio)).faults
    assert (0, "nothing is wrong") == ((said := await run(tmp_path / "case.zip", raw))[0], said[1].split("\n")[0])
    shown = {(one.fingerprint, one.pinned) for one in verify_bytes(raw, await compared(trio)).identities}
    assert {True, False} == {pinned for _, pinned in shown}, "that nobody compared the key before is told"


async def test_card_of_before_that_none_names(trio: Network) -> None:
    """Whoever exports puts a card of its own making among those of before: no card by the key compared leads to it."""
    ours, _ = await story.replied(trio)
    await changed(trio, "XBB")
    raw, stranger = await exported(trio, "XAA", ours), SigningKey.generate()
    members, about = members_of(raw), verify_bytes(raw).manifest
    assert about is not None
    claims = card.claims_of(card.parse_card(members["cards/XBB-2.jws"])) | {"identity": b64.encode(stranger.public)}
    forged = {name: one for name, one in members.items() if not name.startswith("manifest")}
    forged["cards/XBB-2.jws"] = card.sign_card(claims, stranger)
    signer = trio.gateways["XAA"].context.keyring.signing
    report = verify_bytes(pack(evidence_manifest.build(about, forged, signer)), await compared(trio))
    found = faults_by_member(report.faults)
    for name in ("cards/XBB-1.jws", "cards/XBB-2.jws"):
        assert ["the card is signed by another identity key than the one given"] == found[name]
