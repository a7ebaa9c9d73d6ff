"""What the manual has registered at the State's own sign-on is what the gateway asks it for."""

from pathlib import Path

from gateway.web.signin.openid import BACK

OPERATIONS = Path(__file__).parents[2] / "docs/operations.md"


def test_the_manual_names_the_address_to_which_people_are_sent_back() -> None:
    """A provider sends nobody to an address that it was not told of, and no page shows it."""
    assert f"`https://desk.interior.example{BACK}`" in OPERATIONS.read_text(encoding="utf-8")
