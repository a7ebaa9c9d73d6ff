"""States that are not to be contacted: two persons for each entry and for its end, and nothing leaves meanwhile."""

import pytest

from gateway.core.machine import RuleRefused
from gateway.core.messages import DIRECTORY, RESYNC, WITHDRAWAL
from gateway.services import channel, undelivered
from gateway.services.context import Forbidden, NotFound
from gateway.services.ports import Tx
from tests.storage.support import outbound
from tests.support import story
from tests.support.network import Network, open_gateway
from tests.support.no_contact import listed
from tests.support.questions import ASKED, signed


async def test_queued_message_stops_at_once(network: Network) -> None:
    """What waits in the outbox for a State does not leave from the moment it is listed (N-01)."""
    await story.sent(network)
    await listed(network)
    assert (0, []) == (await network.deliver(), network.wires.posted)
    assert ("message.held", {"partner": "XBB", "rule": "N-01"}) in network.logs


async def test_posted_message_is_not_posted_again(network: Network) -> None:
    """A message without a receipt is not tried again."""
    network.wires.lose_answers = True
    await story.sent(network)
    await network.deliver(1)
    network.wires.lose_answers = False
    await listed(network)
    network.clock.pass_(days=1)
    assert 0 == await network.deliver()


async def test_listed_by_another_process_stops_too(network: Network) -> None:
    """What the command line lists, beside the gateway that serves, holds for the next message."""
    await story.sent(network)
    serving = network.gateways["XAA"]
    beside = await open_gateway(network, "XAA")
    await listed(network)
    network.gateways["XAA"] = serving
    assert (0, []) == (await network.deliver(), network.wires.posted)
    await beside.close()


async def test_nothing_is_approved_sent_or_reminded(network: Network) -> None:
    """No step that would let something leave is taken toward a listed State; a preview says so beforehand."""
    gateway = network.gateways["XAA"]
    waiting, _ = await story.acknowledged(network)
    cleared = await story.cleared(network)
    draft = await gateway.clear.new(story.draft(), "first")
    preview, thread = await gateway.clear.show(draft, "second", "liaison_officer")
    signed = network.approval(preview.digest, thread, "second", "request.approval", "liaison_officer")
    await listed(network)
    assert ["N-01"] == [finding.rule for finding in gateway.clear.preview(story.draft()).findings]
    with pytest.raises(RuleRefused, match="N-01"):
        await gateway.clear.approve(draft, signed, "second")
    with pytest.raises(RuleRefused, match="N-01"):
        await gateway.clear.send(cleared, "first")
    network.clock.pass_(days=60)
    with pytest.raises(RuleRefused, match="N-01"):
        await gateway.reminder.remind(waiting, "first", "case_officer")


async def test_what_belongs_to_no_case_stops_too(network: Network) -> None:
    """What is told or asked outside any case, and waits already, does not leave for a listed State either."""
    context = network.gateways["XAA"].context
    body = b'{"serial":1}'
    await context.commit(lambda tx: channel.queue(context, tx, "XBB", DIRECTORY, body, network.clock.now()))
    await listed(network)
    assert (0, []) == (await network.deliver(), network.wires.posted)


async def test_a_question_without_persons_stops_too(network: Network) -> None:
    """Signed before the State was listed, it does not leave afterwards."""
    office = network.gateways["XAA"].information
    made = await office.ask("XBB", ASKED, "writer")
    await office.send("XBB", made.thread, signed(network, made, "information.request"), "office")
    await listed(network)
    assert (0, []) == (await network.deliver(), network.wires.posted)


async def listings(network: Network) -> list[tuple[str, bool]]:
    """Return of each listing that XAA made for XBB its state, and whether it ever left."""
    since = network.clock.now().replace(year=2025)
    rows = await network.gateways["XAA"].store.read(lambda tx: tx.outbound_since("XBB", since))
    return [(row.state, row.posted_at is not None) for row in rows if row.type == RESYNC]


@pytest.mark.parametrize("days", [0, 31, 62])
async def test_a_listing_for_a_restored_state_waits_until_it_is_off_the_list(network: Network, days: int) -> None:
    """Whatever a listed State announces of itself, nothing leaves by itself; it gets its listing afterwards (N-01)."""
    await story.acknowledged(network)
    await listed(network)
    gateway, keeper = network.gateways["XAA"], network.gateways["XAA"].no_contact
    before = len(network.wires.posted)
    await gateway.resync.partner_restored("XBB", network.clock.now())
    for _ in range(0, days + 1, 31):
        await gateway.deliverer.run_once()
        network.clock.pass_(days=min(days, 31))
        await gateway.deliverer.expire(network.clock.now())  # while no key of it is held: the trust list is old
        for one in network.gateways.values():
            await one.refresh_trust()
        await gateway.deliverer.expire(network.clock.now())
    assert (before, {False}) == (len(network.wires.posted), {left for _, left in await listings(network)})
    await keeper.lift("XBB", "it is over", "board", "foreign_affairs")
    await keeper.confirm_lift("XBB", "we looked into it", "welfare", "child_welfare")
    network.clock.pass_(minutes=2)
    await network.deliver()
    assert [("receipted", True)] == [one for one in await listings(network) if one[0] != "dropped"]


@pytest.mark.parametrize(
    ("is_partner", "is_barred", "waits"), [(True, True, True), (True, False, False), (False, True, False)]
)
@pytest.mark.parametrize("state", ["queued", "dropped"])
async def test_a_listing_that_expired_is_made_anew_for_a_partner_that_is_on_the_list(
    network: Network, is_partner: bool, is_barred: bool, waits: bool, state: str
) -> None:
    """Once; one to a State that may be contacted ends in its time, and so does one to a State that is no partner."""
    context, now = network.gateways["XAA"].context, network.clock.now()
    row = outbound(type=RESYNC, state=state, ref=None, thread=None, seq=None, queued_at=now)
    if is_barred:
        await listed(network)
    if not is_partner:
        context.partners = {}

    async def unit(tx: Tx) -> bool:
        await tx.save_outbound(row)
        return await undelivered._waits_on(context, tx, row, now)

    assert waits is (await context.commit(unit)).value
    anew = [("dropped", False), ("queued", False)] if waits and state == "queued" else [(state, False)]
    assert sorted(anew) == sorted(await listings(network))


async def test_a_restored_state_that_is_not_listed_gets_its_listing_at_once(network: Network) -> None:
    """Nothing keeps it from a State that may be contacted."""
    await story.acknowledged(network)
    await network.gateways["XAA"].resync.partner_restored("XBB", network.clock.now())
    await network.deliver()
    assert [("receipted", True)] == await listings(network)


async def test_withdrawal_still_leaves(network: Network) -> None:
    """The one message that must be able to leave does."""
    ref, theirs = await story.acknowledged(network)
    await listed(network)
    hold = network.gateways["XAA"].hold
    await hold.freeze(ref, "listed", "first", "case_officer")
    await hold.withdraw(ref, "first", "case_officer")
    network.clock.pass_(hours=1)
    assert 1 == await network.deliver()
    rows = await network.gateways["XAA"].store.read(lambda tx: tx.outbound_of_case(ref))
    assert (WITHDRAWAL, "WITHDRAWN") == (rows[-1].type, await story.state(network, "XBB", theirs))


async def test_proposal_alone_changes_nothing(network: Network) -> None:
    """One person lists nobody."""
    await network.gateways["XAA"].no_contact.propose("XBB", "a rumour", "second", "liaison_officer")
    await story.sent(network)
    assert 1 == await network.deliver()


async def test_two_persons_are_two(network: Network) -> None:
    """Neither a beginning nor an end is confirmed by who proposed it."""
    keeper = network.gateways["XAA"].no_contact
    await keeper.propose("XBB", "a rumour", "second", "liaison_officer")
    with pytest.raises(RuleRefused, match="V-01"):
        await keeper.confirm("XBB", "it is so", "second", "liaison_officer")
    await keeper.confirm("XBB", "it is so", "board", "foreign_affairs")
    await keeper.lift("XBB", "it is over", "board", "foreign_affairs")
    with pytest.raises(RuleRefused, match="V-01"):
        await keeper.confirm_lift("XBB", "really", "board", "foreign_affairs")


async def test_entry_holds_until_its_end_is_confirmed(network: Network) -> None:
    """One person lifts nothing; two do, and what waited leaves."""
    await story.sent(network)
    await listed(network)
    keeper = network.gateways["XAA"].no_contact
    await keeper.lift("XBB", "it is over", "board", "foreign_affairs")
    assert 0 == await network.deliver()
    await keeper.confirm_lift("XBB", "we looked into it", "welfare", "child_welfare")
    network.clock.pass_(minutes=2)
    assert 1 == await network.deliver()
    assert () == await keeper.entries("second", "liaison_officer")


async def test_proposal_is_taken_back_by_one(network: Network) -> None:
    """A proposal that was never confirmed ends at once, and another can be made."""
    keeper = network.gateways["XAA"].no_contact
    await keeper.propose("XBB", "a rumour", "second", "liaison_officer")
    await keeper.lift("XBB", "it was none", "second", "liaison_officer")
    assert () == await keeper.entries("second", "liaison_officer")
    assert not (await keeper.propose("XBB", "another", "second", "liaison_officer")).holds


async def test_reasons_are_kept_sealed(network: Network) -> None:
    """Everybody's reason is kept with name and time, and no open column holds one."""
    await listed(network)
    keeper = network.gateways["XAA"].no_contact
    (entry,) = await keeper.entries("board", "foreign_affairs")
    expected = [
        ("propose", "second", "its registry passes our questions on"),
        ("confirm", "board", "confirmed by our embassy"),
    ]
    assert expected == [(one.act, one.person, one.reason) for one in entry.said]
    (row,) = await network.gateways["XAA"].store.read(lambda tx: tx.no_contacts())
    assert b"registry" not in row.sealed
    await keeper.lift("XBB", "it is over", "board", "foreign_affairs")
    ended = await keeper.confirm_lift("XBB", "we looked into it", "welfare", "child_welfare")
    expected += [("lift", "board", "it is over"), ("confirm-lift", "welfare", "we looked into it")]
    assert (False, expected) == (ended.holds, [(one.act, one.person, one.reason) for one in ended.said])


async def test_list_survives_a_restart(network: Network) -> None:
    """A gateway that is opened again knows the list before it posts anything."""
    await listed(network)
    await network.gateways["XAA"].close()
    again = await open_gateway(network, "XAA")
    assert again.context.no_contact("XBB") is not None


@pytest.mark.parametrize(("person", "role"), [("first", "case_officer"), ("signer", "second_signer")])
async def test_other_roles_do_not_keep_the_list(network: Network, person: str, role: str) -> None:
    """Who does not keep the list neither sees nor changes it."""
    keeper = network.gateways["XAA"].no_contact
    with pytest.raises(Forbidden):
        await keeper.propose("XBB", "a rumour", person, role)
    with pytest.raises(Forbidden):
        await keeper.entries(person, role)


async def test_what_is_not_on_the_list(network: Network) -> None:
    """A stranger cannot be listed, what is not there is neither confirmed nor lifted, and nothing is said twice."""
    keeper = network.gateways["XAA"].no_contact
    with pytest.raises(NotFound):
        await keeper.propose("XZZ", "unknown", "second", "liaison_officer")
    for act in (keeper.confirm, keeper.lift, keeper.confirm_lift):
        with pytest.raises(RuleRefused, match="not on the list"):
            await act("XBB", "a reason", "second", "liaison_officer")
    await listed(network)
    with pytest.raises(RuleRefused, match="already"):
        await keeper.propose("XBB", "again", "second", "liaison_officer")
    with pytest.raises(RuleRefused, match="not proposed"):
        await keeper.confirm_lift("XBB", "again", "welfare", "child_welfare")
    await keeper.lift("XBB", "it is over", "board", "foreign_affairs")
    with pytest.raises(RuleRefused, match="proposed already"):  # or the first to say so could confirm it as the second
        await keeper.lift("XBB", "it is over", "welfare", "child_welfare")


async def test_a_word_for_an_entry_ends_none(network: Network) -> None:
    """Who confirms that a State is listed, after another did and its end was proposed, does not end the entry."""
    await listed(network)
    keeper = network.gateways["XAA"].no_contact
    await keeper.lift("XBB", "they promised", "board", "foreign_affairs")
    with pytest.raises(RuleRefused, match="already"):
        await keeper.confirm("XBB", "its police waits at the airport", "welfare", "child_welfare")
    (entry,) = await keeper.entries("welfare", "child_welfare")
    assert (True, ["propose", "confirm", "lift"]) == (entry.holds, [one.act for one in entry.said])


async def test_every_word_needs_a_reason(network: Network) -> None:
    """Nobody proposes, confirms or lifts without one (R-13)."""
    keeper = network.gateways["XAA"].no_contact
    for act in (keeper.propose, keeper.confirm, keeper.lift, keeper.confirm_lift):
        with pytest.raises(RuleRefused, match="R-13"):
            await act("XBB", " ", "second", "liaison_officer")
