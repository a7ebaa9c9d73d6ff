"""The directory of authorities and officers, announced between two gateways; and who is in charge of a case."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.services import directory
from gateway.services.channel import UNTAKEN
from gateway.services.context import Forbidden
from gateway.services.ports import HttpAnswer
from schemas import SchemaError
from tests.support import story
from tests.support.holds import held
from tests.support.network import START, Network, final, make_network, open_gateway, wrong_clock
from tests.support.restoring import after_the_listing, back_up, restore
from tests.support.stolen import steal_from

OFFICER = {
    "id": "DPx6b_MxUGnTi3ssJc-4VA",
    "authority": "XBB-ID-01",
    "tasks": ["NATIONALITY"],
    "from": "2026-11-01",
    "until": None,
}
REGISTER = {
    "id": "XBB-ID-01",
    "name": "Register of Northtown",
    "tasks": ["NATIONALITY"],
    "from": "2026-11-01",
    "until": None,
}
CONSULATES = {**REGISTER, "id": "XBB-C-1", "name": "Consular service", "tasks": ["TRAVEL_DOC"]}


def change(valid_from: str = "2026-11-25", **changes: Any) -> dict[str, Any]:
    """Return a directory of XBB that may be announced."""
    return {"valid_from": valid_from, "authorities": [REGISTER, CONSULATES], "officers": [OFFICER], **changes}


async def announced(network: Network, value: dict[str, Any]) -> int:
    """Announce ``value`` in XBB and deliver it."""
    serial = await network.gateways["XBB"].directory.announce(value, "second")
    await network.deliver()
    return serial


async def ids(network: Network, country: str, on: date | None = None) -> list[str]:
    """Return the authorities of XBB as ``country`` knows them."""
    found = await network.gateways[country].directory.show("XBB", on)
    return [one.id for one in found[0].authorities]


async def test_card_holds_until_something_is_announced(network: Network) -> None:
    """Without an announcement the authorities of the card are those of the State."""
    assert ["XBB-ID-01"] == await ids(network, "XAA")


async def test_change_reaches_the_partner(network: Network) -> None:
    """What a State announces of itself stands in the directory of its partner, officers included."""
    assert 1 == await announced(network, change())
    found = (await network.gateways["XAA"].directory.show("XBB"))[0]
    assert ["XBB-ID-01", "XBB-C-1"] == [one.id for one in found.authorities]
    assert [OFFICER["id"]] == [one.id for one in found.officers]


async def test_change_arrives_that_waited_longer_than_its_key(network: Network) -> None:
    """A change of no case is sealed anew like any message where its recipient's key ended while it waited."""
    network.clock.pass_(days=29)
    await network.refresh()
    await network.gateways["XBB"].directory.announce(change(), "second")
    await story.out_of_reach(network)
    assert ["XBB-ID-01", "XBB-C-1"] == await ids(network, "XAA")


async def test_change_arrives_that_was_refused_for_a_wrong_clock(network: Network) -> None:
    """Nobody here would know that it was not heard, so it is announced again once the clock may be right."""
    with wrong_clock(network, "XBB", 10):
        await network.gateways["XBB"].directory.announce(change(), "second")
        network.wires.posted.clear()
        await network.deliver(refresh=False)
    assert (1, ["XBB-ID-01"]) == (len(network.wires.posted), await ids(network, "XAA"))
    network.clock.pass_(minutes=40)
    await network.deliver()
    assert ["XBB-ID-01", "XBB-C-1"] == await ids(network, "XAA")


async def overtaken(network: Network, valid_from: str = "2026-11-25") -> None:
    """Have a change of XBB refused for a wrong clock, so that it waits, and one that closes an office taken."""
    with wrong_clock(network, "XBB", 10):
        await network.gateways["XBB"].directory.announce(change(), "second")
        await network.deliver(refresh=False)
    await announced(network, change(valid_from, authorities=[REGISTER]))
    assert ["XBB-ID-01"] == await ids(network, "XAA", date(2026, 12, 20))
    assert ["XBB-ID-01"] == await ids(network, "XAA")


async def test_change_that_comes_behind_a_later_one_holds_until_that_begins(network: Network) -> None:
    """It may have been refused for a wrong clock, or lost: nobody is without an office for it (M-3.22)."""
    await overtaken(network, "2026-12-20")
    network.clock.pass_(minutes=40)
    await network.deliver()
    days = (date(2026, 12, 19), date(2026, 12, 20))
    assert [["XBB-ID-01", "XBB-C-1"], ["XBB-ID-01"]] == [await ids(network, "XAA", day) for day in days]


async def test_change_that_meets_a_final_problem_is_not_announced_without_end(network: Network) -> None:
    """It would meet it again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network.wires, "post", final)
        await announced(network, change())
    assert 0 == await network.deliver()
    noted = await network.gateways["XBB"].store.read(lambda tx: tx.metas(UNTAKEN))
    assert [f"{UNTAKEN}XAA:directory"] == [name for name, _ in noted]  # for who runs it: no desk sees it


async def test_change_holds_from_its_day(network: Network) -> None:
    """Until the day a change is valid from, what was there before holds."""
    await announced(network, change("2026-12-01"))
    before, after = date(2026, 11, 30), date(2026, 12, 1)
    assert [["XBB-ID-01"], ["XBB-ID-01", "XBB-C-1"]] == [await ids(network, "XAA", day) for day in (before, after)]


async def test_later_serial_counts(network: Network) -> None:
    """Of two changes that are valid by the day, the one announced last holds, also after a restart."""
    await announced(network, change())
    assert 2 == await announced(network, change(authorities=[REGISTER]))
    await network.gateways["XAA"].close()
    await open_gateway(network, "XAA")
    assert ["XBB-ID-01"] == await ids(network, "XAA")


async def test_authority_over_its_last_day_is_gone(network: Network) -> None:
    """Tasks end on their last day, which counts."""
    await announced(network, change(authorities=[REGISTER, {**CONSULATES, "until": "2026-12-31"}]))
    days = (date(2026, 12, 31), date(2027, 1, 1))
    assert [["XBB-ID-01", "XBB-C-1"], ["XBB-ID-01"]] == [await ids(network, "XAA", day) for day in days]


async def test_redirection_may_name_what_was_announced(network: Network) -> None:
    """An authority that was announced, and is in no card, can be pointed to."""
    await announced(network, change())
    ours, theirs = await story.received(network)
    await network.gateways["XBB"].answer.redirect(theirs, "XBB-C-1", "OTHER_TASK", "first")
    await network.deliver()
    assert "REDIRECTED" == await story.state(network, "XAA", ours)


async def test_what_was_pointed_to_another_authority_stays_so_where_its_acknowledgement_is_stopped(
    network: Network,
) -> None:
    """The other State knows of the redirection, and takes no second one."""
    await announced(network, change())
    ours, theirs = await story.received(network)
    gateway = network.gateways["XBB"]
    await gateway.answer.redirect(theirs, "XBB-C-1", "OTHER_TASK", "first")
    await network.deliver()
    await gateway.answer.acknowledge(theirs, "first")
    await gateway.hold.freeze(theirs, "in doubt", "first", "registry_clerk")
    await gateway.hold.release(theirs, "first", "registry_clerk")
    await gateway.hold.resume(theirs, "first", "registry_clerk")
    await gateway.hold.resume(theirs, "second", "desk_head")
    assert ("REDIRECTED", "REDIRECTED") == (
        await story.state(network, "XAA", ours),
        await story.state(network, "XBB", theirs),
    )


async def test_redirection_to_an_unknown_authority_is_refused(network: Network) -> None:
    """What the asking side does not find in the directory does not move its case."""
    await network.gateways["XBB"].directory.announce(change(), "second")
    ours, theirs = await story.received(network)

    async def forget(tx: Any) -> None:
        await tx.set_meta("directory:XBB", "")

    await network.gateways["XAA"].store.commit(forget)
    await network.gateways["XBB"].answer.redirect(theirs, "XBB-C-1", "OTHER_TASK", "first")
    await network.deliver()
    assert "DELIVERED" == await story.state(network, "XAA", ours)


async def test_directory_that_contradicts_itself_is_not_announced(network: Network) -> None:
    """An officer of no listed authority, an authority of another State or one that stands twice is refused here."""
    with pytest.raises(Forbidden, match="not listed"):
        await announced(network, change(authorities=[CONSULATES]))
    with pytest.raises(Forbidden, match="no authority of XBB"):
        await announced(network, change(authorities=[REGISTER, {**REGISTER, "id": "XAA-ID-01"}]))
    with pytest.raises(Forbidden, match="stands twice"):
        await announced(network, change(authorities=[CONSULATES, REGISTER, REGISTER]))


async def test_nobody_is_announced_by_name(network: Network) -> None:
    """The schema has no member for an officer's name."""
    with pytest.raises(SchemaError):
        await announced(network, change(officers=[{**OFFICER, "name": "A. Clerk"}]))


async def test_only_keepers_announce(network: Network) -> None:
    """A case officer keeps no directory."""
    with pytest.raises(Forbidden):
        await network.gateways["XBB"].directory.announce(change(), "first", "case_officer")


# Who is in charge.


@pytest_asyncio.fixture
async def staffed(tmp_path: Path) -> AsyncIterator[Network]:
    """Two States, of which XAA has an officer who is away with a deputy."""
    made = await make_network(tmp_path)
    persons = dict(made.gateways["XAA"].context.persons)
    away = ((date(2026, 11, 20), date(2026, 11, 30)),)
    persons["first"] = replace(persons["first"], deputy="second", absences=away)
    made.gateways["XAA"].context.persons = persons
    yield made
    await made.close()


async def test_deputy_acts_while_the_officer_is_away(staffed: Network) -> None:
    """During an absence the deputy is in charge, and after its last day the officer again."""
    context = staffed.gateways["XAA"].context
    assert "second" == directory.in_charge(context, "first", START)
    assert ("first", "second") == directory.stands_for(context, "second", START)
    staffed.clock.pass_(days=6)
    assert "first" == directory.in_charge(context, "first", staffed.clock.now())


@pytest.mark.parametrize(
    ("at", "acts"),
    [
        ("2026-11-19T22:59:59+00:00", "first"),
        ("2026-11-19T23:00:00+00:00", "second"),
        ("2026-11-30T22:59:59+00:00", "second"),
        ("2026-11-30T23:00:00+00:00", "first"),
    ],
)
async def test_days_of_an_absence_are_those_of_the_desk(staffed: Network, at: str, acts: str) -> None:
    """They begin and end at midnight by the clocks of the desk, an hour before that of UTC in Vienna."""
    assert acts == directory.in_charge(staffed.gateways["XAA"].context, "first", datetime.fromisoformat(at))


async def test_no_case_without_a_named_officer(network: Network) -> None:
    """A draft that names nobody of this gateway opens no case."""
    with pytest.raises(Forbidden, match="no officer"):
        await network.gateways["XAA"].clear.new(story.draft(officer="somebody"), "first")


async def test_no_case_for_an_officer_whom_nobody_stands_in_for(staffed: Network) -> None:
    """While the officer and the deputy are both away, no case is opened in their name."""
    context = staffed.gateways["XAA"].context
    persons = dict(context.persons)
    persons["second"] = replace(persons["second"], absences=persons["first"].absences)
    context.persons = persons
    with pytest.raises(Forbidden, match="nobody stands in"):
        await staffed.gateways["XAA"].clear.new(story.draft(), "first")


async def test_received_case_has_an_officer(network: Network) -> None:
    """A request that arrives is in somebody's charge at once, and then of who acknowledged it."""
    _, theirs = await story.received(network)
    before = (await story.row(network, "XBB", theirs)).officer
    await network.gateways["XBB"].answer.acknowledge(theirs, "second", "desk_head")
    assert ("first", "second") == (before, (await story.row(network, "XBB", theirs)).officer)


async def test_deputies_in_a_circle_end(staffed: Network) -> None:
    """Two who are away and stand in for each other leave nobody, and the look ends."""
    context = staffed.gateways["XAA"].context
    persons = dict(context.persons)
    persons["second"] = replace(persons["second"], deputy="first", absences=persons["first"].absences)
    context.persons = persons
    assert None is directory.in_charge(context, "first", START)


@pytest.mark.parametrize("stolen", [False, True], ids=["restored", "stolen keys"])
async def test_change_that_waits_is_announced_in_the_new_epoch(network: Network, tmp_path: Path, stolen: bool) -> None:
    """A partner takes nothing of an epoch that is over, and nobody would announce once more what it has not heard."""
    network.wires.cut = True
    await announced(network, change())
    await (steal_from(network, "XBB") if stolen else restore(network, "XBB", back_up(network, "XBB", tmp_path / "b")))
    network.wires.cut = False
    await after_the_listing(network)
    assert ["XBB-C-1", "XBB-ID-01"] == sorted(await ids(network, "XAA"))


async def test_change_reaches_a_partner_that_was_on_hold_once_that_is_lifted(network: Network) -> None:
    """Nor does it keep the change from all the others that no key of one State is held."""
    lifted = await held(network, "XBB", "XAA")
    await announced(network, change())
    await lifted()
    await network.deliver()
    assert ["XBB-C-1", "XBB-ID-01"] == sorted(await ids(network, "XAA"))


async def test_change_that_is_spoiled_on_its_way_to_who_forgot_it_is_announced_again(
    network: Network, tmp_path: Path
) -> None:
    """It had its receipt before that State was restored, and is posted again: nobody here would know that it fell."""
    backup, since = back_up(network, "XAA", tmp_path / "theirs"), network.clock.now()
    await announced(network, change())
    (row,) = await network.gateways["XBB"].store.read(lambda tx: tx.outbound_since("XAA", since))
    post = network.wires.post

    async def spoils(country: str, path: str, body: bytes, media_type: str) -> HttpAnswer:
        return await (final if body == row.envelope else post)(country, path, body, media_type)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network.wires, "post", spoils)
        await restore(network, "XAA", backup)
        await after_the_listing(network)
    assert ["XBB-C-1", "XBB-ID-01"] == sorted(await ids(network, "XAA"))


async def test_change_that_expired_in_an_outage_is_announced_once_more(network: Network) -> None:
    """A partner that was out of reach for longer than a message counts hears of the authorities all the same."""
    network.wires.cut = True
    await announced(network, change())
    network.clock.pass_(days=31)
    await network.gateways["XBB"].deliverer.expire(network.clock.now())
    network.wires.cut = False
    await network.refresh()
    network.clock.pass_(hours=1)
    await network.deliver()
    assert ["XBB-C-1", "XBB-ID-01"] == sorted(await ids(network, "XAA"))


@pytest.mark.parametrize("stolen", [False, True], ids=["restored", "stolen keys"])
async def test_change_of_before_our_epoch_takes_the_place_of_no_later_one(
    network: Network, tmp_path: Path, stolen: bool
) -> None:
    """Said again in our new epoch, one that waited would bring back an office that another one has closed."""
    await overtaken(network)
    await (steal_from(network, "XBB") if stolen else restore(network, "XBB", back_up(network, "XBB", tmp_path / "b")))
    network.clock.pass_(minutes=40)
    await after_the_listing(network)
    assert ["XBB-ID-01"] == await ids(network, "XAA")


async def test_change_that_fell_with_a_stolen_key_is_announced_again(network: Network) -> None:
    """What came after the theft, from us or from the thief, nobody goes by any more (M-8.3)."""
    await announced(network, change())
    await steal_from(network, "XBB")
    await after_the_listing(network)
    assert ["XBB-C-1", "XBB-ID-01"] == sorted(await ids(network, "XAA"))


async def test_change_of_before_our_epoch_is_announced_again_to_who_forgot_it(network: Network, tmp_path: Path) -> None:
    """A partner that was restored takes nothing of an epoch of ours that is over, though it had taken it before."""
    backup = back_up(network, "XAA", tmp_path / "theirs")
    await announced(network, change())
    await restore(network, "XBB", back_up(network, "XBB", tmp_path / "ours"))
    await after_the_listing(network)
    await restore(network, "XAA", backup)
    await after_the_listing(network)
    assert ["XBB-C-1", "XBB-ID-01"] == sorted(await ids(network, "XAA"))


async def test_no_more_is_kept_than_the_changes_made_last(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of those that came in another order than they were made the one made first goes, and not the one that came so."""
    monkeypatch.setattr(directory, "KEPT", 2)
    await overtaken(network)
    await announced(network, change(authorities=[CONSULATES, REGISTER]))
    network.clock.pass_(minutes=40)
    await network.deliver()
    changes = await network.gateways["XAA"].store.read(
        lambda tx: directory._changes(network.gateways["XAA"].context, tx, "XBB")
    )
    assert [2, 3] == [one.serial for one in changes]
