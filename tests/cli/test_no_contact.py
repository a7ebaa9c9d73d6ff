"""The list of States not to be contacted, kept from the command line by two persons."""

from typing import Any

from tests.cli.support import Homes, call, value


def keep(homes: Homes, verb: str, person: str, *more: Any) -> Any:
    """Call a verb of the list in XAA as ``person``."""
    return value("partner", verb, "-C", homes.home("XAA"), "--as", person, *more)


def notes(homes: Homes) -> list[str]:
    """Return what ``check`` says of the list."""
    items = call("check", "-C", homes.home("XAA"), "--json")
    return [line for line in items.stdout.split('"') if "contact" in line and "isthmus" not in line]


def test_two_persons_list_a_state_and_lift_it(homes: Homes) -> None:
    """An entry begins and ends with two persons, and everybody's reason can be read by those who keep the list."""
    keep(homes, "no-contact", "second", "XBB", "--reason", "its registry passes questions on")
    listed = keep(homes, "confirm", "board", "XBB", "--reason", "our embassy confirms it")
    assert (True, ["propose", "confirm"]) == (listed["holds"], [one["act"] for one in listed["said"]])
    assert [listed] == keep(homes, "list", "second")
    keep(homes, "lift", "second", "XBB", "--reason", "it is over")
    assert not keep(homes, "confirm-lift", "board", "XBB", "--reason", "so it is")["holds"]
    assert [] == keep(homes, "list", "board")


def test_who_gives_a_reason_is_told_who_reads_it(homes: Homes) -> None:
    """Foreign affairs keep the list too, so a reason that names a person would tell them of one."""
    for verb in ("no-contact", "confirm", "lift", "confirm-lift"):
        told = " ".join(call("partner", verb, "--help").stdout.split())
        assert "who keeps the list reads it, foreign affairs too. Name no person." in told


def test_one_person_is_refused(homes: Homes) -> None:
    """Who proposed an entry cannot confirm it; the exit code is that of a rule."""
    keep(homes, "no-contact", "second", "XBB", "--reason", "a rumour")
    again = ("-C", homes.home("XAA"), "XBB", "--reason", "it is so", "--as", "second")
    result = call("partner", "confirm", *again)
    assert (5, True) == (result.exit_code, "V-01" in result.stderr)


def test_check_shows_the_list(homes: Homes) -> None:
    """The check names what waits for a second person, and the State that is not to be contacted."""
    keep(homes, "no-contact", "second", "XBB", "--reason", "a rumour")
    assert ["XBB is proposed for the no-contact list"] == notes(homes)
    keep(homes, "confirm", "board", "XBB", "--reason", "it is so")
    assert ["XBB is not to be contacted"] == notes(homes)
    keep(homes, "lift", "board", "XBB", "--reason", "it is over")
    assert ["XBB is not to be contacted; that this ends is proposed"] == notes(homes)
