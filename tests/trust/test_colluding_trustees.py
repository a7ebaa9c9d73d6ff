"""Two trustees of five, colluding (docs/protocol.md 8.4)."""

from pathlib import Path

from keys import trust_list
from keys.sign import SigningKey
from tests.support.trust_list import now
from tests.trust.attacks import BY_NAME
from tests.trust.reading import attacked, held, verdict


async def test_two_of_five_change_nothing(tmp_path: Path) -> None:
    """Targets that two trustees signed are refused, and the cards held stay."""
    world, reader = await attacked(tmp_path, BY_NAME["two of five trustees"])
    assert "refused" == await verdict(reader)
    assert tuple(card.raw for card in world.states["XBB"].cards) == await held(reader, "XBB")


async def test_a_third_signature_is_what_they_lack(tmp_path: Path) -> None:
    """The same targets with a third trustee are taken; the part of XBB is then by none who speaks for it."""
    world, reader = await attacked(tmp_path, BY_NAME["two of five trustees"])
    targets = world.repository.targets()
    assert targets is not None
    forged = trust_list.next_targets(targets.signed, now())
    trust_list.delegate(forged.signed, "XBB", [SigningKey.generate().public for _ in range(3)])
    world.forge_part("targets", forged, list(world.trustees.values())[2:])
    assert "part" == await verdict(reader)
