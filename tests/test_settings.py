"""What the configuration of the desks must be, beyond what a schema can see."""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway import settings

FULL = Path(__file__).parent.parent / "schemas/examples/configuration/valid/full.json"


def values(**changes: Any) -> dict[str, Any]:
    """Return the example of everything, with ``changes``."""
    return {**json.loads(FULL.read_bytes()), **changes}


def problems(given: dict[str, Any]) -> list[str]:
    """Return what is wrong with a configuration about its desks or its persons."""
    try:
        settings.check(Path("/home"), given)
    except settings.BadConfiguration as error:
        return [one for one in error.problems if one.startswith(("/desks", "/listeners/desks", "/persons"))]
    return []


def test_the_example_of_everything_is_right() -> None:
    """Nothing is found in it."""
    assert [] == problems(values())


def test_desks_need_their_listener_and_it_them() -> None:
    """One without the other is said."""
    given = values()
    alone = {name: one for name, one in given["listeners"].items() if name != "desks"}
    assert ["/desks: 'desks' and 'listeners.desks' go together"] == problems({**given, "listeners": alone})
    without = {name: one for name, one in given.items() if name != "desks"}
    assert ["/desks: 'desks' and 'listeners.desks' go together"] == problems(without)


def test_each_desk_has_a_host_name_of_its_own() -> None:
    """Two desks under one host name, also on two ports, would share sessions."""
    given = values()
    shared = {**given["desks"]["origins"], "board": "https://desk.interior.example:8443"}
    found = problems({**given, "desks": {**given["desks"], "origins": shared}})
    assert ["/desks/origins: each desk has a host name of its own, or they would share sessions"] == found


def test_pages_cross_no_network_in_clear() -> None:
    """Without a certificate the desks listen on loopback only; half a certificate is none."""
    given = values()

    def at(**changes: Any) -> list[str]:
        listeners = {**given["listeners"], "desks": {**given["listeners"]["desks"], **changes}}
        return problems({**given, "listeners": listeners})

    assert "/listeners/desks: without a certificate it listens on loopback only" in at(host="0.0.0.0")[0]  # noqa: S104
    assert [] == at(host="0.0.0.0", tls_certificate="a.crt", tls_key="a.key")  # noqa: S104
    assert ["/listeners/desks: 'tls_certificate' and 'tls_key' go together"] == at(tls_certificate="a.crt")


@pytest.mark.parametrize("id", ["guest.x", "guest."])
def test_no_person_is_named_as_a_guest_is(id: str) -> None:
    """The ids of invited persons are never those of the configuration."""
    given = values()
    found = problems({**given, "persons": [{**given["persons"][0], "id": id}]})
    assert any("begins with 'guest.'" in one for one in found)
