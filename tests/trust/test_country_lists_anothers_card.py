"""A country that lists a card of another one (docs/protocol.md 8.4)."""

from pathlib import Path

from tests.trust.attacks import BY_NAME
from tests.trust.reading import attacked, held, verdict


async def test_a_card_at_the_path_of_another_country_is_not_found(tmp_path: Path) -> None:
    """What XBB signs for the path of XAA is not looked at: the cards of XAA are those that XAA signed."""
    world, reader = await attacked(tmp_path, BY_NAME["cards at the path of another country"])
    assert "taken" == await verdict(reader)
    assert tuple(card.raw for card in world.states["XAA"].cards) == await held(reader, "XAA")


async def test_a_card_of_another_country_is_refused(tmp_path: Path) -> None:
    """A card of XAA in the list of XBB is refused, and the cards of XBB stay (M-8.11)."""
    world, reader = await attacked(tmp_path, BY_NAME["a card of another country"])
    assert "part" == await verdict(reader)
    assert tuple(card.raw for card in world.states["XBB"].cards) == await held(reader, "XBB")
