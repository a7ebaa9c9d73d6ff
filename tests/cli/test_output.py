"""What the command line passes on to a terminal."""

import json
import unicodedata

import pytest

from gateway.cli.output import emit, visible

HIDDEN = ["\x9b31m", "\x7f", "\x1b[2J", "\u202e", "\u2066", "\u200b", "\u2028", "\ud800", "\U000e0041", "\U000f0000"]


@pytest.mark.parametrize("as_json", [True, False], ids=["for a program", "for a reader"])
@pytest.mark.parametrize("hidden", HIDDEN, ids=lambda text: f"{ord(text[0]):04x}")
def test_no_control_or_direction_character_is_passed_on(
    capsys: pytest.CaptureFixture[str], hidden: str, as_json: bool
) -> None:
    """What a partner wrote does nothing to the terminal it is read on, and a program reads the same value."""
    value = {"draft": {"justification": f"said{hidden}so"}}
    emit(value, as_json=as_json)
    shown = capsys.readouterr().out
    assert value == json.loads(shown)
    assert not [sign for sign in shown if sign != "\n" and unicodedata.category(sign)[0] in "C"]


@pytest.mark.parametrize("name", ["Іванова Марія", "محمد", "می\u200cروم", "श्री", "Nguyễn", "李小龍", "Łódź\u00a0!"])
def test_letters_of_every_script_are_passed_on(name: str) -> None:
    """A name is read as it is written, with the joiners that spell it."""
    assert name == visible(name)
