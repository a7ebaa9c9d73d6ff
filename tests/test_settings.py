"""What the configuration of the desks must be, beyond what a schema can see."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import schemas
from gateway import settings
from tests.support.rows import each_holds, for_each

FULL = Path(__file__).parent.parent / "schemas/examples/configuration/valid/full.json"


def values(**changes: Any) -> dict[str, Any]:
    """Return the example of everything, with ``changes``."""
    return {**json.loads(FULL.read_bytes()), **changes}


def problems(given: dict[str, Any]) -> list[str]:
    """Return what is wrong with a configuration about its desks, its notices or its persons."""
    try:
        settings.check(Path("/home"), given)
    except settings.BadConfiguration as error:
        return [one for one in error.problems if one.startswith(("/desks", "/listeners", "/notices", "/persons"))]
    return []


def test_the_example_of_everything_is_right() -> None:
    """Nothing is found in it."""
    assert [] == problems(values())


def test_who_is_in_another_directory_is_told_how_to_name_the_home(tmp_path: Path) -> None:
    """A home is seldom what is missing: making another one is not the first thing that is said."""
    with pytest.raises(settings.BadConfiguration) as caught:
        settings.load(tmp_path, {})
    (told,) = caught.value.problems
    assert 0 < told.index("-C") < told.index("ISTHMUS_HOME") < told.index("isthmus init")


def test_of_alternatives_only_what_is_not_known_is_named() -> None:
    """A table that may also be absent has members of its own: those that are right are not said to be unknown."""
    partners = values()["partners"]
    country = next(name for name, one in partners.items() if one.get("no_contact"))
    partners[country]["no_contact"]["untill"] = "2027-01-01"
    with pytest.raises(settings.BadConfiguration) as refused:
        settings.check(Path("/home"), values(partners=partners))
    text = f"/partners/{country}/no_contact: has a member that is not known here: 'untill'"
    assert text in refused.value.problems


def test_mail_to_nobody_is_no_notice() -> None:
    """A desk that was spelled wrongly is said: its mail would go to nobody, and nothing would tell."""
    given = values()["notices"]
    given["smtp"]["recipients"] = {"interiour": ["desk@interior.example"]}
    text = "/notices/smtp/recipients: names no 'interior', the desk that works the cases: nobody is told"
    assert text in problems(values(notices=given))


def test_a_desk_that_is_never_told_is_named() -> None:
    """No notice is for another desk than the interior's: whoever writes one in would wait for mail that never comes."""
    given = values()["notices"]
    given["smtp"]["recipients"]["foreign_affairs"] = ["desk@foreign.example"]
    text = "/notices/smtp/recipients: names 'foreign_affairs', and nobody but 'interior' is told; take it out"
    assert text in problems(values(notices=given))


def test_no_member_is_there_that_nothing_reads() -> None:
    """What the schema of the configuration takes is read somewhere: a door that nobody opens watches over nothing."""
    code = "".join(path.read_text(encoding="utf-8") for path in (FULL.parents[4] / "gateway").rglob("*.py"))
    assert [] == [name for name in members(schemas.load("configuration")) if f'"{name}"' not in code]


def members(form: dict[str, Any]) -> Iterator[str]:
    """Yield the name of every member that ``form`` allows, at any depth."""
    for name, one in form.get("properties", {}).items():
        yield name
        yield from members(one)
    for one in form.get("$defs", {}).values():
        yield from members(one)


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


def test_proxies_are_addresses_and_not_everybody() -> None:
    """Each that is none, that says two things, or that would let anybody name an address is told, all at once."""
    given = values()["listeners"]
    wrong = ["10.1.2.300", "10.1.2.5/28", "10.1.2.0/33", "::ffff:10.1.2.0/124", "::ffff:10.1.2.3", "0.0.0.0/0", "::/0"]
    right = ["10.1.2.0/28", "192.0.2.7", "2001:db8:0:0::/64", "::1"]
    peers, desks = ({**given[door], "proxies": proxies} for door, proxies in (("peers", wrong), ("desks", right)))
    at = "/listeners/peers/proxies: "
    assert [
        f"{at}'10.1.2.300' is neither an address nor a network such as 10.1.2.0/28",
        f"{at}'10.1.2.5/28' names one address in a network; the network is 10.1.2.0/28",
        f"{at}'10.1.2.0/33' is neither an address nor a network such as 10.1.2.0/28",
        f"{at}'::ffff:10.1.2.0/124' is of IPv4; write it so",
        f"{at}'::ffff:10.1.2.3' is of IPv4; write it so",
        f"{at}'0.0.0.0/0' is everybody; name your proxies alone",
        f"{at}'::/0' is everybody; name your proxies alone",
    ] == problems(values(listeners={**given, "peers": peers, "desks": desks}))


def test_proxies_are_no_names() -> None:
    """A name leads to whatever address somebody gives it."""
    given = values()["listeners"]
    found = problems(values(listeners={**given, "peers": {**given["peers"], "proxies": ["lb.interior.example"]}}))
    assert ["/listeners/peers/proxies"] == [one.partition(":")[0] for one in found if "neither" in one]
    assert ["/listeners/peers/proxies/0"] == [one.partition(":")[0] for one in found if "neither" not in one]


def test_an_absence_ends_after_it_begins() -> None:
    """Two days that were put in the wrong order are no absence: nobody would stand in, and nothing would tell."""
    (person, *others) = values()["persons"]
    days = [{"from": "2026-12-21", "until": "2027-01-02"}, {"from": "2027-01-02", "until": "2026-12-21"}]
    found = problems(values(persons=[{**person, "absent": days}, *others]))
    assert [f"/persons: an absence of '{person['id']}' ends on 2026-12-21, before it begins on 2027-01-02"] == found
    assert [] == problems(values(persons=[{**person, "absent": days[:1]}, *others]))


@pytest.mark.parametrize("id", ["guest.x", "guest."])
def test_no_person_is_named_as_a_guest_is(id: str) -> None:
    """The ids of invited persons are never those of the configuration."""
    given = values()
    found = problems({**given, "persons": [{**given["persons"][0], "id": id}]})
    assert any("begins with 'guest.'" in one for one in found)


PLACES = (
    "/notices/link",
    "/notices/webhook/url",
    "/trust/repository",
    "/transparency/timestamp/url",
    "/desks/origins/board",
    "/desks/openid/issuer",
)
UNREADABLE = ("https://[::1", "https://a..b", f"https://{'a' * 64}.example", "https://a.example:99999", "https://a:b/")


@for_each(("place", "address"), [(place, address) for place in PLACES for address in UNREADABLE])
def test_an_address_that_nobody_can_read_is_told_by_its_place(place: str, address: str) -> None:
    """A bracket that is not closed, a doubled dot or a port that is none: at the check, and not once it is asked."""
    given = values()
    _put(given, place, address)
    with pytest.raises(settings.BadConfiguration) as refused:
        settings.check(Path("/home"), given)
    assert any(one.startswith(f"{place}: its host or its port cannot be read") for one in refused.value.problems)


@for_each("place", ["/listeners/peers/host", "/listeners/metrics/host", "/notices/smtp/host"])
def test_a_name_that_no_machine_has_is_told_by_its_place(place: str) -> None:
    """A part of a name is neither empty nor longer than 63 characters: who asks for one fails in another way."""
    for name in ("a..b", "a" * 64):
        given = values()
        _put(given, place, name)
        with pytest.raises(settings.BadConfiguration) as refused:
            settings.check(Path("/home"), given)
        assert any(one.startswith(f"{place}: no machine has such a name") for one in refused.value.problems)


@for_each(
    ("written", "fits"),
    [
        ("postgresql://[::1/x", False),
        ("postgresql://u:secret@db:port/x", False),
        ("postgresql://u:se/cret@db/x", False),
        ("postgresql://db:99999/x", False),
        ("postgresql://d..b/x", False),
        ("mysql://secret@db/x", False),
        ("postgresql://[::1]:5432/x", True),
        ("postgresql://127.0.0.1:5432,db.example:5433/x", True),
        (f"postgresql://{'%2Frun' * 20}/x", True),
        ("postgres:///x?host=/run/postgresql", True),
    ],
)
def test_an_address_of_a_database_is_read_before_it_is_gone_to(written: str, fits: bool) -> None:
    """One that cannot be read is a problem of the configuration, wherever it is written, and is not quoted."""
    for uri, environ in ((written, {}), ("env:PLACE", {"PLACE": written})):
        chosen = settings.Settings(Path("/home"), values(database=uri))
        if fits:
            assert written == chosen.dsn(environ)
        elif not uri.startswith("mysql"):  # the schema refuses it there
            with pytest.raises(settings.BadConfiguration) as refused:
                chosen.dsn(environ)
            (told,) = refused.value.problems
            assert (True, False) == (told.startswith("/database: "), "cret" in told)


def test_whatever_stands_in_a_place_is_a_problem_with_a_place() -> None:
    """No value of another kind, as a list where a name belongs, is more than a problem of the configuration."""

    def attempt(row: tuple[str, object]) -> None:
        given = values()
        _put(given, *row)
        with suppress(settings.BadConfiguration):
            settings.check(Path("/home"), given)

    wrong: tuple[object, ...] = ("http://[", [[]])
    each_holds(attempt, [(place, one) for place in _places(values()) for one in wrong])


@pytest.mark.parametrize("zone", ["Europe", "a" * 300])
def test_a_zone_that_is_a_folder_of_zones_is_none(zone: str) -> None:
    """The continent alone, or what no file system takes as a name, is a problem, and no file that cannot be read."""
    with pytest.raises(settings.BadConfiguration) as refused:
        settings.check(Path("/home"), values(zone=zone))
    assert any(one.startswith("/zone: not an IANA time zone") for one in refused.value.problems)


WHOLE = """
country = "XAA"
authority = "XAA-ID-01"
zone = "UTC"
data_dir = "data"
custody = "file:gateway.keys"
[listeners.peers]
host = "127.0.0.1"
port = 8443
[listeners.api]
host = "127.0.0.1"
port = 8080
[trust]
directory = "cards"
"""


def test_a_variable_that_is_no_text_is_named(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 come from a file of units in another encoding; the variable is told, not the schema."""
    (tmp_path / settings.FILE_NAME).write_text(WHOLE)
    with pytest.raises(settings.BadConfiguration) as refused:
        settings.load(tmp_path, {"ISTHMUS_TRUST__DIRECTORY": "\udcff"})
    assert ["the variable ISTHMUS_TRUST__DIRECTORY is no text in UTF-8"] == refused.value.problems


def _put(given: dict[str, Any], place: str, value: Any) -> None:
    """Put ``value`` where ``place``, a JSON Pointer, leads to in ``given``."""
    *path, last = place.split("/")[1:]
    at: Any = given
    for step in path:
        at = at[int(step)] if isinstance(at, list) else at[step]
    at[int(last) if isinstance(at, list) else last] = value


def _places(given: Any, place: str = "") -> Iterator[str]:
    """Yield the place of each value in ``given``, at any depth."""
    steps = given.items() if isinstance(given, dict) else enumerate(given) if isinstance(given, list) else ()
    for step, one in steps:
        yield f"{place}/{step}"
        yield from _places(one, f"{place}/{step}")
