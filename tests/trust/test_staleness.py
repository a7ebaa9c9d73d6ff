"""What happens when what is published cannot be read for long, and who may go on (docs/protocol.md 8.3)."""

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest

from gateway.checks.trust import stale
from gateway.core.codes import PeerError
from gateway.core.machine import RuleRefused
from gateway.services.context import Person
from gateway.services.rows import TrustEvent
from gateway.services.trust_acts import TrustActs
from gateway.storage.query import sqlite_query
from tests.support import story
from tests.support.network import Network, open_gateway
from tests.support.trust_list import World
from tests.trust.homes import OFFICERS


@pytest.fixture
def cut(both: tuple[Network, World]) -> Network:
    """XAA and XBB, whose trust list cannot be reached any more."""
    network, world = both
    shutil.rmtree(world.folder)
    return network


def _stages(network: Network) -> set[str]:
    return {values["state"] for event, values in network.logs if event == "trust.stale"}


@pytest.mark.parametrize(
    ("hours", "stages"),
    [(47, set()), (49, {"old"}), (7 * 24 + 1, {"no-sending"}), (14 * 24 + 1, {"no-receiving"})],
)
async def test_each_stage_is_told(cut: Network, hours: int, stages: set[str]) -> None:
    """A person is told after 48 hours, 7 days and 14 days, with the hours in the log (M-8.7)."""
    cut.clock.pass_(hours=hours)
    await cut.gateways["XAA"].refresh_trust()
    assert stages == _stages(cut)
    assert "trust.unreadable" in [event for event, _ in cut.logs]


async def test_nothing_is_sent_after_seven_days(cut: Network) -> None:
    """On cards a week old nothing is sent; the day before it is (M-8.7)."""
    cut.clock.pass_(days=6)
    assert cut.gateways["XAA"].context.trust.find("XBB") is not None
    cut.clock.pass_(days=1, minutes=1)
    ref = await story.cleared(cut)
    with pytest.raises(RuleRefused, match="N-02"):
        await cut.gateways["XAA"].clear.send(ref, "first")


async def test_two_named_officers_go_on(cut: Network) -> None:
    """One officer changes nothing, nor the same one twice; a second one opens the way, and both are kept."""
    cut.clock.pass_(days=7, minutes=1)
    context = cut.gateways["XAA"].context
    acts = TrustActs(context)
    assert not await acts.go_on("XBB", "the trustees meet on Monday", *OFFICERS[0])
    assert not await acts.go_on("XBB", "the trustees meet on Monday", *OFFICERS[0])
    assert context.trust.find("XBB") is None
    assert await acts.go_on("XBB", "spoke with the desk of XBB", *OFFICERS[1])
    ref = await story.cleared(cut)
    await cut.gateways["XAA"].clear.send(ref, "first")
    events = await context.store.read(lambda tx: tx.trust_events())
    assert ["second", "second", "third"] == [one.person for one in events if one.act == "go-on"]


async def test_words_that_somebody_wrote_into_the_database_open_no_way(cut: Network) -> None:
    """Whoever can write to it and has no key says nothing for an officer: the word of the other one is one word."""
    cut.clock.pass_(days=7, minutes=1)
    gateway = cut.gateways["XAA"]
    assert not await TrustActs(gateway.context).go_on("XBB", "the trustees meet on Monday", *OFFICERS[0])
    said = TrustEvent(0, cut.clock.now(), "XBB", "go-on", OFFICERS[1][0], "spoke with the desk of XBB")
    await gateway.store.commit(lambda tx: tx.add_trust_event(said))
    await gateway.context.trust.load()
    assert gateway.context.trust.find("XBB") is None


async def test_cards_of_which_nothing_says_when_they_were_read_are_old(cut: Network) -> None:
    """Whoever can write to the database and has no key makes no old card fresh by taking that out."""
    cut.clock.pass_(days=7, minutes=1)
    gateway = cut.gateways["XAA"]
    with closing(sqlite3.connect(cut.homes["XAA"] / "data/gateway.db")) as db, db:
        db.execute("UPDATE partner SET refreshed_at = NULL WHERE country = 'XBB'")
    await gateway.close()
    assert (await open_gateway(cut, "XAA")).context.trust.find("XBB") is None


async def test_the_word_of_an_officer_who_left_is_none(cut: Network) -> None:
    """Who said so must be an officer when the second one does, and as long as it lasts."""
    cut.clock.pass_(days=7, minutes=1)
    context = cut.gateways["XAA"].context
    persons = cast(dict[str, Person], context.persons)
    acts, (first, role), (second, other) = TrustActs(context), *OFFICERS
    assert not await acts.go_on("XBB", "the trustees meet on Monday", first, role)
    left = persons.pop(first)
    assert not await acts.go_on("XBB", "spoke with the desk of XBB", second, other)
    persons[first] = replace(left, roles=frozenset({"case_officer"}))
    await context.trust.load()
    assert context.trust.find("XBB") is None
    persons[first] = left
    await context.trust.load()
    assert context.trust.find("XBB") is not None


async def test_going_on_ends_after_fourteen_days(cut: Network) -> None:
    """After 14 days nothing is sent or taken in, whoever went on."""
    cut.clock.pass_(days=7, minutes=1)
    trust = cut.gateways["XAA"].context.trust
    for person, role in OFFICERS:
        await TrustActs(cut.gateways["XAA"].context).go_on("XBB", "the trustees meet on Monday", person, role)
    cut.clock.pass_(days=7)
    assert trust.find("XBB") is None
    with pytest.raises(PeerError, match="stale"):
        trust.card("XBB")


async def test_going_on_ends_with_the_next_reading(both: tuple[Network, World]) -> None:
    """Once the list is read again the officers' word is spent: the next silence takes two words of its own."""
    network, world = both
    away = world.folder.rename(world.folder.with_name("away"))
    network.clock.pass_(days=7, minutes=1)
    for person, role in OFFICERS:
        await TrustActs(network.gateways["XAA"].context).go_on("XBB", "the trustees meet on Monday", person, role)
    away.rename(world.folder)
    network.clock.pass_(minutes=1)
    trust = network.gateways["XAA"].context.trust
    await network.gateways["XAA"].refresh_trust()
    assert frozenset() == trust.going_on()
    network.clock.pass_(days=7, minutes=1)
    await trust.load()
    assert trust.find("XBB") is None


async def test_two_officers_go_on_with_cards_that_a_clock_read_which_was_ahead(cut: Network) -> None:
    """Cards that lie ahead by more than a week are old until the next reading, and two officers open the way then."""
    context = cut.gateways["XAA"].context
    cut.clock.pass_(days=-10)
    assert context.trust.find("XBB") is None
    for person, role in OFFICERS:
        went_on = await TrustActs(context).go_on("XBB", "the trustees meet on Monday", person, role)
    assert went_on
    assert context.trust.find("XBB") is not None


async def test_the_word_of_officers_by_a_clock_that_was_ahead_is_none_afterwards(both: tuple[Network, World]) -> None:
    """Said of an earlier silence, it does not open the next one, in which nobody said anything."""
    network, world = both
    away = world.folder.rename(world.folder.with_name("away"))
    network.clock.pass_(days=8)
    for person, role in OFFICERS:
        await TrustActs(network.gateways["XAA"].context).go_on("XBB", "the trustees meet on Monday", person, role)
    network.clock.pass_(days=-8)
    away.rename(world.folder)
    await network.gateways["XAA"].refresh_trust()
    network.clock.pass_(days=7, minutes=1)
    trust = network.gateways["XAA"].context.trust
    await trust.load()
    assert trust.find("XBB") is None


def test_the_check_tells_of_cards_that_a_clock_read_which_was_ahead(cut: Network) -> None:
    """Nothing is sent by them until the next reading, and whoever looks for why is told."""
    with sqlite_query(cut.homes["XAA"] / "data" / "gateway.db") as query:
        found = list(stale(query, cut.clock.now() - timedelta(days=10), {"XBB"}))
    assert ["isthmus trust go-on XBB" in item.hint for item in found]


@pytest.mark.parametrize("hours", [1, 14 * 24 + 1])
async def test_nobody_goes_on_too_early_or_too_late(cut: Network, hours: int) -> None:
    """While the cards are fresh there is nothing to go on with, and after 14 days there is nobody who could."""
    cut.clock.pass_(hours=hours)
    with pytest.raises(RuleRefused):
        await TrustActs(cut.gateways["XAA"].context).go_on("XBB", "because", *OFFICERS[0])


async def test_a_state_that_the_list_no_longer_names_grows_stale(both: tuple[Network, World]) -> None:
    """When the trustees take a State out, its cards are not read any more, and a week later nothing is sent to it."""
    network, world = both
    world.remove("XBB")
    network.clock.pass_(days=7, minutes=1)
    await network.gateways["XAA"].refresh_trust()
    assert network.gateways["XAA"].context.trust.find("XBB") is None
    assert ("trust.unread", "XBB") in [(event, values.get("country")) for event, values in network.logs]
