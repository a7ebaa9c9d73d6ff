"""What nodes of one gateway say of themselves, and who hears it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.configured import alike, partners
from gateway.services.nodes import GONE, PREFIX, SAME, Node, Nodes, differences
from gateway.serving import nodes_of, stay
from gateway.settings import BadConfiguration, Settings
from keys.rest import Vault
from tests.support import story
from tests.support.network import HandClock, Network


def node_of(network: Network, name: str, **said: str) -> Nodes:
    """Return a node of XBB that goes by ``said``."""
    return Nodes(network.gateways["XBB"].context, name, said)


def told(network: Network) -> list[tuple[str, object]]:
    """Return the lines about nodes: the event, and in what they differ."""
    return [(event, values.get("parts")) for event, values in network.logs if event.startswith("nodes.")]


async def test_a_difference_is_logged_once_and_so_is_its_end(network: Network) -> None:
    """As long as it lasts nothing is said again; that all are alike again is one line."""
    now = network.clock.now()
    one, other = node_of(network, "one", persons="a"), node_of(network, "other", persons="b")
    assert [] == await other.run_once(now)
    for _ in range(3):
        (found,) = await one.run_once(now)
        assert ({"one", "other"}, ("persons",)) == ({found.node, found.other}, found.parts)
    assert [("nodes.differ", ["persons"])] == told(network)
    assert [] == await one.run_once(now + GONE + timedelta(seconds=1))
    assert [("nodes.differ", ["persons"]), ("nodes.alike", None)] == told(network)


def test_partners_have_one_order() -> None:
    """Nodes take rows of several in that of their codes, whatever the configuration says, and wait in no ring."""
    assert ["XBB", "XCC", "XDD"] == list(partners({"partners": {"XCC": {}, "XDD": {}, "XBB": {}}}))


async def test_who_left_or_fell_silent_is_not_counted(network: Network) -> None:
    """A node that stops says so; of one that was killed nothing is kept after a day."""
    now = network.clock.now()
    one, other, killed = (node_of(network, name, persons=name) for name in ("one", "other", "killed"))
    await other.run_once(now)
    await other.leave()
    await killed.run_once(now)
    assert [] == await one.run_once(now + timedelta(hours=25))
    rows = await network.gateways["XBB"].store.read(lambda tx: tx.metas(PREFIX))
    assert [f"{PREFIX}one"] == [name for name, _ in rows]


async def test_a_node_whose_clock_was_years_ahead_is_not_counted_for_years(network: Network) -> None:
    """It was killed before its clock was set right: what it said last is no later word than that of the others."""
    now = network.clock.now()
    await node_of(network, "ahead", persons="a").run_once(now + timedelta(days=3000))
    one = node_of(network, "one", persons="b")
    assert [("one", "ahead", ("clock",))] == await one.run_once(now)
    assert [] == await one.run_once(now + timedelta(seconds=100))
    rows = await network.gateways["XBB"].store.read(lambda tx: tx.metas(PREFIX))
    assert [f"{PREFIX}one"] == [name for name, _ in rows]


async def test_two_machines_of_one_name_are_told_apart(network: Network) -> None:
    """Containers, and machines made of one image, are called alike: neither writes over what the other says."""
    gateway, now = network.gateways["XBB"], network.clock.now()
    values = {**gateway.settings.values, "database": "env:DSN"}
    one, other = (nodes_of(replace(gateway, settings=Settings(gateway.settings.home, values))) for _ in range(2))
    assert one is not None
    assert other is not None
    other.said = {**other.said, "persons": "others"}
    await one.run_once(now)
    await other.run_once(now)
    assert [("persons",)] == [found.parts for found in await one.run_once(now + timedelta(seconds=20))]


async def test_a_node_that_starts_again_is_counted_once(network: Network) -> None:
    """What was killed is forgotten once its machine serves again; another machine of that name says itself anew."""
    now = network.clock.now()
    await node_of(network, "a@here:8443", persons="a").run_once(now)
    again = node_of(network, "b@here:8443", persons="b")
    assert [] == await again.run_once(now)
    await node_of(network, "a@here:8443", persons="a").run_once(now)
    assert 1 == len(await again.run_once(now))


async def test_another_gateway_of_the_same_name_is_seen_at_the_start(network: Network) -> None:
    """What runs under our name with another key-encryption key is no earlier start of ours."""
    now, context = network.clock.now(), network.gateways["XBB"].context
    await node_of(network, "a@here:8443").run_once(now)
    (found,) = await Nodes(replace(context, vault=Vault(bytes(32))), "b@here:8443", {}).run_once(now)
    assert SAME in found.parts


async def test_another_key_encryption_key_is_another_gateway(network: Network) -> None:
    """Every keyed value is another one under it, that of the gateway among them."""
    now, context = network.clock.now(), network.gateways["XBB"].context
    await node_of(network, "one", persons="a").run_once(now)
    (found,) = await Nodes(replace(context, vault=Vault(bytes(32))), "other", {"persons": "a"}).run_once(now)
    assert {SAME, "persons"} <= set(found.parts)


async def test_another_gateway_that_could_not_look_at_its_start_is_turned_away_once_it_can(network: Network) -> None:
    """A node that found no database when it began takes its place as any other, and no foreign one takes it."""
    now, context = network.clock.now(), network.gateways["XBB"].context
    await node_of(network, "one").run_once(now)
    with pytest.raises(BadConfiguration, match="'one' runs there"):
        await stay(Nodes(replace(context, vault=Vault(bytes(32))), "other", {}))


@pytest.mark.parametrize("value", ["", "[]", "{}", '{"at": "x"}', '{"at": 1e99, "parts": {}}', '{"at": 1, "parts": 2}'])
async def test_what_cannot_be_read_of_a_node_ends_no_other(network: Network, value: str) -> None:
    """A later version may say it in another way: this one runs on, and may start."""
    now = network.clock.now()
    await network.gateways["XBB"].store.commit(lambda tx: tx.set_meta(f"{PREFIX}other", value))
    assert [] == await node_of(network, "a", persons="a").run_once(now)


@pytest.mark.parametrize("hours", [2, 30, 2400])
async def test_a_node_whose_clock_is_behind_lets_nothing_leave_sooner(network: Network, hours: int) -> None:
    """A withdrawal leaves at its full hour though a node goes by an earlier one, and that node is named (M-5.26)."""
    ours, _ = await story.received(network)
    gateway = network.gateways["XAA"]
    await gateway.hold.freeze(ours, "new facts", "first", "case_officer")
    await gateway.hold.withdraw(ours, "first", "case_officer")
    right, wrong = (Nodes(gateway.context, name, {}) for name in ("right", "wrong"))
    (before,) = await gateway.store.read(lambda tx: tx.waiting_outbound("XBB"))
    assert before.not_before > network.clock.now()
    gateway.context.clock = behind = HandClock(network.clock.now() - timedelta(hours=hours))
    for _ in range(3):
        await right.run_once(network.clock.now())
        (found,) = await wrong.run_once(behind.now())
        assert ("wrong", "right", ("clock",)) == tuple(found)
        await gateway.deliverer.look()
        assert (before,) == await gateway.store.read(lambda tx: tx.waiting_outbound("XBB"))
        network.clock.pass_(minutes=1)
        behind.pass_(minutes=1)
    await gateway.deliverer.look()  # nobody says any more that it runs: that clock was ahead, and its waits end
    (after,) = await gateway.store.read(lambda tx: tx.waiting_outbound("XBB"))
    assert after.not_before < before.not_before


def test_the_few_differ_from_the_many() -> None:
    """The node that is alone in what it says is named as the one that differs."""
    nodes = [Node("a", {"persons": "1"}), Node("b", {"persons": "2"}), Node("c", {"persons": "2"})]
    assert [("a", "b", ("persons",))] == [tuple(one) for one in differences(nodes)]


def test_order_and_what_belongs_to_a_machine_make_no_difference(network: Network) -> None:
    """Doors, paths and bounds on load are a machine's own; persons may stand in any order; a role more counts."""
    chosen = network.gateways["XBB"].settings
    values = {**chosen.values, "data_dir": "elsewhere", "limits": {"queue_max": 7}, "listeners": {}}
    values["persons"] = [
        {**person, "roles": [*reversed(person["roles"])]} for person in reversed(chosen.values["persons"])
    ]
    assert alike(chosen) == alike(Settings(chosen.home, values))
    values["persons"][0]["roles"].append("operator")
    assert {"persons"} == {name for name, _ in alike(chosen).items() ^ alike(Settings(chosen.home, values)).items()}


def test_where_a_file_or_a_secret_is_makes_no_difference(network: Network) -> None:
    """Each machine may keep them in a place of its own; the address that a notice goes to is everybody's."""
    chosen = network.gateways["XBB"].settings

    def said(place: str, recipient: str = "desk@example.org") -> dict[str, str]:
        smtp = {"host": "mail", "port": 25, "from": "a@example.org", "recipients": {"interior": [recipient]}}
        hook = {"url": "https://hook.example", "secret": f"file:{place}", "ca": place}
        return alike(
            Settings(
                chosen.home,
                {
                    **chosen.values,
                    "notices": {"smtp": {**smtp, "ca": place, "password": f"file:{place}"}, "webhook": hook},
                    "desks": {"emblem": place, "openid": {"client_secret": f"file:{place}"}},
                    "transparency": {"timestamp": {"url": "https://stamp.example", "roots": place}},
                },
            )
        )

    assert said("/one") == said("/two")
    assert {"notices"} == {name for name, _ in said("/one").items() ^ said("/one", "other@example.org").items()}
