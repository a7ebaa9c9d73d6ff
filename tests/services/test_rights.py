"""What a person can learn of what was sent about her, what may hold it back, and how a correction reaches everybody."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.core.calendars import local_date
from gateway.core.case import State
from gateway.core.machine import RuleRefused
from gateway.core.notices import open_demands
from gateway.services import access, cases, rights
from gateway.services.context import Forbidden, NotFound, Person
from gateway.services.evidence import export
from gateway.services.ports import Tx, Unit
from gateway.services.resync import LOST
from gateway.services.rights import Account
from gateway.services.steady import SteadyClock
from keys import b64
from schemas import SchemaError
from tests.support import homeward, story
from tests.support.erased import erase
from tests.support.network import PEOPLE, Network
from tests.support.restoring import after_the_listing, back_up, restore
from tests.support.spoilt import spoilt


@pytest.fixture
def overseen(network: Network) -> Network:
    """A network whose first State has a data-protection officer, a guardian and a lawyer."""
    context = network.gateways["XAA"].context
    added = {name: Person(name, frozenset({name}), bytes(32)) for name in ("dpo", "guardian", "lawyer")}
    context.persons = {**context.persons, **added}
    return network


async def account(network: Network, ref: str, person: str = "first", role: str = "case_officer") -> Account:
    """Return the account of a case of XAA."""
    return await rights.account(network.gateways["XAA"].context, ref, person, role, "she asked for it")


async def test_account_lists_what_left(overseen: Network) -> None:
    """Each message that left is listed with recipient, purpose, conditions, elements and receipt."""
    ours, _ = await story.replied(overseen)
    (sent,) = (await account(overseen, ours)).sent
    draft = story.draft()
    assert ("verification.request", "XBB", "NATIONALITY") == (sent.type, sent.recipient, sent.purpose)
    assert (("P0", "P1"), "2027-05-01", "none") == (sent.use_restrictions, sent.retain_until, sent.onward)
    assert draft["elements"]["names"] == sent.elements["names"]
    assert ("accepted", False) == ((sent.receipt or {})["status"], "handling" in sent.elements)
    assert sent.legal_basis


async def test_account_tells_what_each_message_was_sent_for(overseen: Network) -> None:
    """What went with a proposal was not sent to ask whose national she is."""
    ours, _ = await homeward.proposed(overseen)
    purposes = {one.type: one.purpose for one in (await account(overseen, ours)).sent}
    assert {"verification.request": "NATIONALITY", "return.proposal": "RETURN_ARRANGEMENT"} == purposes


async def test_account_of_the_side_that_was_asked_lists_the_reply(overseen: Network) -> None:
    """The State that answered tells what its answer said."""
    _, theirs = await story.replied(overseen)
    context = overseen.gateways["XBB"].context
    context.persons = {**context.persons, "dpo": Person("dpo", frozenset({"dpo"}), bytes(32))}
    made = await rights.account(context, theirs, "dpo", "dpo", "a complaint")
    assert ["NATIONAL"] == [one.elements["outcome"] for one in made.sent if one.type == "verification.reply"]


async def test_account_tells_what_was_asked_for(overseen: Network) -> None:
    """A question names what it asks for, where a request has what is sent of the person: it is told like everything."""
    _, theirs = await story.acknowledged(overseen)
    await overseen.gateways["XBB"].answer.ask(theirs, ["SEX"], 2, "first")
    await overseen.deliver()
    context = overseen.gateways["XBB"].context
    context.persons = {**context.persons, "dpo": Person("dpo", frozenset({"dpo"}), bytes(32))}
    made = await rights.account(context, theirs, "dpo", "dpo", "a complaint")
    assert [["SEX"]] == [one.elements["elements"] for one in made.sent if one.type == "verification.question"]
    assert "   elements: SEX" in rights.account_text(made)


async def test_what_never_left_is_not_in_it(overseen: Network) -> None:
    """A request that is approved and not posted was sent to nobody."""
    ours = await story.sent(overseen)
    assert () == (await account(overseen, ours)).sent


async def test_look_is_recorded_before_it_is_given(overseen: Network) -> None:
    """The account itself is a disclosure: who, why and to whom is on record (R-13)."""
    ours, _ = await story.replied(overseen)
    made = await account(overseen, ours)
    assert ("access", "PERSON", None, None) == (
        made.looks[-1].action,
        made.looks[-1].recipient,
        made.looks[-1].person,
        made.looks[-1].why,
    )
    assert not {"by", "why"} & rights.account_json(made)["looks"][-1].keys()
    official = await account(overseen, ours, "dpo", "dpo")
    look = official.looks[-1]
    assert ("dpo", "she asked for it", None) == (look.person, look.why, look.recipient), "it was not given to her"


async def test_no_reason_no_account(overseen: Network) -> None:
    """An account without a reason is refused."""
    ours, _ = await story.replied(overseen)
    with pytest.raises(RuleRefused, match="R-13"):
        await rights.account(overseen.gateways["XAA"].context, ours, "first", "case_officer", " ")


async def test_other_roles_get_no_account(overseen: Network) -> None:
    """Who is not of the person's side, nor oversees it, gets none, in whatever role."""
    ours, _ = await story.replied(overseen)
    for person, roles in PEOPLE.items():
        for role in {*roles} - {"dpo", "guardian", "lawyer", "case_officer"}:
            with pytest.raises(Forbidden, match="gets no account"):
                await account(overseen, ours, person, role)
    for stranger in ("board", "nobody"):
        with pytest.raises(Forbidden):
            await account(overseen, ours, stranger, "dpo")
        with pytest.raises(Forbidden):
            await rights.lift(overseen.gateways["XAA"].context, ours, stranger)


@pytest.mark.parametrize("role", ["guardian", "lawyer"])
async def test_guardian_and_lawyer_get_their_own_cases_only(overseen: Network, role: str) -> None:
    """Who represents somebody else learns not even that there is such a case, also after stopping it."""
    theirs, _ = await story.replied(overseen)
    with pytest.raises(NotFound):
        await account(overseen, theirs, role, role)
    for look in (access.glance, access.stand):
        with pytest.raises(NotFound):
            await look(overseen.gateways["XAA"].context, theirs, role, role)
    await overseen.gateways["XAA"].hold.freeze(theirs, "to look into it", role, role)
    with pytest.raises(NotFound):
        await account(overseen, theirs, role, role)


@pytest.mark.parametrize("role", ["guardian", "lawyer"])
async def test_nobody_comes_to_read_a_case_by_acting_in_it(overseen: Network, role: str) -> None:
    """Whoever knows a reference may withdraw what they stopped, and reads nothing by it."""
    theirs, _ = await story.replied(overseen)
    gateway = overseen.gateways["XAA"]
    await gateway.hold.freeze(theirs, "to look into it", role, role)
    await gateway.hold.withdraw(theirs, role, role)
    with pytest.raises(NotFound):
        await account(overseen, theirs, role, role)


async def test_nobody_speaks_for_somebody_elses_ward(overseen: Network) -> None:
    """A guardian whom the file does not name objects in no case, and neither begins nor writes a return."""
    theirs, _ = await story.replied(overseen)
    gateway = overseen.gateways["XAA"]
    with pytest.raises(NotFound):
        await gateway.clear.contest(theirs, "NEW_ELEMENT", "guardian", "guardian")
    with pytest.raises(NotFound):
        await gateway.returning.consider(theirs, homeward.record(), "guardian", "guardian")
    await gateway.returning.consider(theirs, homeward.record(), "first", "case_officer")
    with pytest.raises(NotFound):
        await gateway.returning.record(theirs, homeward.record(), "guardian", "guardian")
    assert 0 == (await story.case(overseen, "XAA", theirs)).contests


async def test_who_the_file_names_objects(overseen: Network) -> None:
    """The person's own guardian contests a reply."""
    named = {"ref": "2Xml2lW8lIXCjs1xU80jTA", "appointed_on": "2026-11-18", "signed_by": "guardian"}
    ours, theirs = await story.acknowledged(overseen, representative=named)
    await story.give_answer(overseen, theirs, story.reply())
    await overseen.deliver()
    await overseen.gateways["XAA"].clear.contest(ours, "NEW_ELEMENT", "guardian", "guardian")
    assert 1 == (await story.case(overseen, "XAA", ours)).contests


NAMED = "2Xml2lW8lIXCjs1xU80jTA"


@pytest.mark.parametrize("role", ["guardian", "lawyer"])
@pytest.mark.parametrize("signed_by", ["it", "Youth Court"])
async def test_who_the_file_names_gets_the_account(overseen: Network, role: str, signed_by: str) -> None:
    """A guardian or lawyer whom the file names, by either part, sees what was sent, and not who looked."""
    person = NAMED if signed_by == "Youth Court" else "it"
    context = overseen.gateways["XAA"].context
    context.persons = {**context.persons, person: Person(person, frozenset({role}), bytes(32))}
    named = {"ref": NAMED, "appointed_on": "2026-11-18", "signed_by": signed_by}
    ours, _ = await story.acknowledged(overseen, representative=named)
    made = await account(overseen, ours, person, role)
    assert (1, {(None, None)}) == (len(made.sent), {(one.person, one.why) for one in made.looks})


async def test_restriction_holds_it_back_and_is_recorded(overseen: Network) -> None:
    """While a restriction runs the officer gets no account, the attempt is on record, and the DPO still sees it."""
    ours, _ = await story.replied(overseen)
    context, today = overseen.gateways["XAA"].context, overseen.clock.now().date()
    await rights.restrict(context, ours, "ENDANGERS_PERSON", today + timedelta(days=30), "dpo")
    with pytest.raises(RuleRefused, match="R-22: a restriction holds it back until 2026-12-25"):
        await account(overseen, ours)
    seen = await account(overseen, ours, "dpo", "dpo")
    assert "ENDANGERS_PERSON" == (seen.restriction.ground if seen.restriction else None)
    assert ("access-withheld", None) == (seen.looks[-2].action, seen.looks[-2].recipient), "nobody was given anything"
    await rights.lift(context, ours, "dpo")
    assert 1 == len((await account(overseen, ours)).sent)


@pytest.mark.parametrize("spoils", [False, True], ids=["kept no more", "spoilt"])
async def test_what_was_sent_and_cannot_be_read_is_told_beside_the_rest(overseen: Network, spoils: bool) -> None:
    """The person learns what it was, when it left and to whom, and what the other messages said."""
    ours, _ = await homeward.proposed(overseen)

    async def spoil(tx: Tx) -> None:
        row, *_ = await tx.outbound_of_case(ours)
        await tx.save_outbound(row._replace(sealed=spoilt(row.sealed) if spoils else None))

    before = (await account(overseen, ours)).sent
    await overseen.gateways["XAA"].context.commit(spoil)
    made = await account(overseen, ours)
    first, *rest = made.sent
    left = before[0].type, before[0].digest, before[0].recipient, before[0].posted_at, before[0].receipt
    assert (left, None) == ((first.type, first.digest, first.recipient, first.posted_at, first.receipt), first.elements)
    assert list(before[1:]) == rest
    value, text = rights.account_json(made), rights.account_text(made)
    assert ([first.digest], [None]) == (value["not_readable"], [value["sent"][0]["elements"]])
    assert text.index(rights.NOT_READABLE) < text.index("2. ") < text.index("   for: ")


async def test_why_somebody_looked_and_cannot_be_read_hides_nothing_else(overseen: Network) -> None:
    """Who looked, and when, stands in clear."""
    ours, _ = await story.replied(overseen)
    await account(overseen, ours)

    async def spoil(tx: Tx) -> None:
        held = await cases.load(overseen.gateways["XAA"].context, tx, ours)
        other = b64.encode(overseen.gateways["XAA"].context.vault.seal(held.key, "access", ours, "other", b"x"))
        row = (await tx.accesses(ours))[-1]
        await tx.add_access(row._replace(justification=other))

    await overseen.gateways["XAA"].context.commit(spoil)
    seen = await account(overseen, ours, "dpo", "dpo")
    assert ["she asked for it", None, "she asked for it"] == [one.why for one in seen.looks[-3:]]
    assert {"first", "dpo"} == {one.person for one in seen.looks[-3:]}


async def test_account_says_that_a_restore_took_what_was_sent(network: Network, tmp_path: Path) -> None:
    """A State put back to before it sent her request does not tell her that nothing was sent, at no time."""
    ours = await story.cleared(network)
    backup = back_up(network, "XAA", tmp_path / "backup")
    await network.gateways["XAA"].clear.send(ours, "first")
    await network.deliver()
    await restore(network, "XAA", backup)
    since = await story.cleared(network)
    before = await account(network, ours)
    assert [True, False] == [before.may_be_more, (await account(network, since)).may_be_more]
    await after_the_listing(network)
    made = await account(network, ours)
    assert ((), True) == (made.sent, made.may_be_more)
    assert rights.account_json(made)["may_be_more"]
    assert rights.MAY_BE_MORE in rights.account_text(made)
    assert "Nothing was sent" not in rights.account_text(made)


async def test_account_says_for_good_what_no_listing_told_before_the_next_restore(
    network: Network, tmp_path: Path
) -> None:
    """What the first of two restores took is behind a later message, which is known and the only one that is listed."""
    _, theirs = await story.acknowledged(network)
    backup = back_up(network, "XBB", tmp_path / "backup")
    await network.gateways["XBB"].answer.delay(theirs, "ARCHIVE_SEARCH", "2026-12-20", "first")
    await network.deliver()
    await restore(network, "XBB", backup)
    await network.gateways["XBB"].answer.ask(theirs, ["SEX"], 2, "first")
    again = back_up(network, "XBB", tmp_path / "again")
    await network.deliver()
    await restore(network, "XBB", again)
    await after_the_listing(network)
    context = network.gateways["XBB"].context
    context.persons = {**context.persons, "dpo": Person("dpo", frozenset({"dpo"}), bytes(32))}
    made = await rights.account(context, theirs, "dpo", "dpo", "a complaint")
    assert "verification.delay" not in {one.type for one in made.sent}
    assert made.may_be_more


async def test_account_of_which_a_restore_took_nothing_is_whole(network: Network, tmp_path: Path) -> None:
    """Once the other State has listed what it holds, and knows of nothing more, nothing more is told of."""
    ours, _ = await story.received(network)
    await restore(network, "XAA", back_up(network, "XAA", tmp_path / "backup"))
    assert (await account(network, ours)).may_be_more
    await after_the_listing(network)
    made = await account(network, ours)
    assert (1, False) == (len(made.sent), made.may_be_more)
    assert rights.MAY_BE_MORE not in rights.account_text(made)


async def test_account_of_a_case_that_came_back_says_that_more_was_sent(overseen: Network) -> None:
    """A case that a restore took, and that its partner brought back, tells that our answers to it are lost."""
    _, theirs = await story.replied(overseen)
    await story.put(overseen, "XBB", theirs, State.REPLIED, findings=(LOST,))
    context = overseen.gateways["XBB"].context
    context.persons = {**context.persons, "dpo": Person("dpo", frozenset({"dpo"}), bytes(32))}
    assert (await rights.account(context, theirs, "dpo", "dpo", "a complaint")).may_be_more


async def test_restriction_ends_by_itself(overseen: Network) -> None:
    """After its last day a restriction holds nothing back."""
    ours, _ = await story.replied(overseen)
    today = overseen.clock.now().date()
    await rights.restrict(overseen.gateways["XAA"].context, ours, "INQUIRY", today, "dpo")
    overseen.clock.pass_(days=1)
    assert 1 == len((await account(overseen, ours)).sent)


async def test_a_restriction_does_not_end_by_a_clock_that_leapt(overseen: Network) -> None:
    """What is given to a person cannot be taken back: its last day is over once the clock is believed."""
    ours, _ = await story.replied(overseen)
    context, clock = overseen.gateways["XAA"].context, overseen.clock
    steady = SteadyClock(context)
    await steady.run_once(clock.now())
    await rights.restrict(context, ours, "INQUIRY", clock.now().date(), "dpo")
    clock.pass_(days=365)
    assert await rights.restriction(context, ours) is not None
    for _ in range(25):
        await steady.run_once(clock.now())
        clock.pass_(hours=1)
    assert await rights.restriction(context, ours) is None


@pytest.mark.parametrize(("zone", "hours", "held"), [("America/Lima", 17, True), ("Asia/Tokyo", 7, False)])
async def test_the_last_day_of_a_restriction_is_one_of_ours(
    overseen: Network, zone: str, hours: int, held: bool
) -> None:
    """It holds until the day is over where the gateway is, wherever the day is over before or after that."""
    ours, _ = await story.replied(overseen)
    context = overseen.gateways["XAA"].context
    context.zone = zone
    await rights.restrict(context, ours, "ENDANGERS_PERSON", local_date(overseen.clock.now(), zone), "dpo")
    overseen.clock.pass_(hours=hours)
    found = await rights.restriction(context, ours)
    assert held == (found is not None)
    if held:
        with pytest.raises(RuleRefused, match="R-22"):
            await account(overseen, ours)


@pytest.mark.parametrize("days", [181, -1])
async def test_restriction_needs_an_end(overseen: Network, days: int) -> None:
    """A restriction for longer than half a year, or one that is over already, is refused."""
    ours, _ = await story.replied(overseen)
    until = overseen.clock.now().date() + timedelta(days=days)
    with pytest.raises(RuleRefused, match="R-22"):
        await rights.restrict(overseen.gateways["XAA"].context, ours, "INQUIRY", until, "dpo")


@pytest.mark.parametrize("days", [180, 0])
async def test_restriction_may_end_at_the_latest_and_today(overseen: Network, days: int) -> None:
    """Half a year to the day, and a day that has begun, are taken."""
    ours, _ = await story.replied(overseen)
    context, until = overseen.gateways["XAA"].context, overseen.clock.now().date() + timedelta(days=days)
    await rights.restrict(context, ours, "INQUIRY", until, "dpo")
    found = await rights.restriction(context, ours)
    assert until == (found.until if found else None)
    await rights.restrict(context, ours, "ENDANGERS_PERSON", overseen.clock.now().date() + timedelta(days=9), "dpo")
    found = await rights.restriction(context, ours)
    assert "ENDANGERS_PERSON" == (found.ground if found else None), "the last one counts"


async def test_restriction_needs_a_listed_ground(overseen: Network) -> None:
    """A ground in somebody's own words is none."""
    ours, _ = await story.replied(overseen)
    with pytest.raises(SchemaError):
        await rights.restrict(overseen.gateways["XAA"].context, ours, "BECAUSE", overseen.clock.now().date(), "dpo")


async def test_only_the_dpo_restricts(overseen: Network) -> None:
    """A desk cannot hold back what it sent itself."""
    ours, _ = await story.replied(overseen)
    today = overseen.clock.now().date()
    with pytest.raises(Forbidden):
        await rights.restrict(overseen.gateways["XAA"].context, ours, "INQUIRY", today, "first", "case_officer")


async def test_copy_for_the_person_is_text(overseen: Network) -> None:
    """The person's copy names every element, in words and without a control character."""
    ours, _ = await story.replied(overseen)
    text = rights.account_text(await account(overseen, ours))
    assert "for: Confirmation of nationality" in text
    assert "names: use document, family Иванова, given Мария" in text
    assert not set('{}[]"') & set(text)
    assert [] == [line for line in text.splitlines() if not line.isprintable()]


async def test_no_sign_of_control_reaches_the_paper(overseen: Network) -> None:
    """A name may come from anywhere: what would move the cursor, or turn the line round, is a question mark."""
    ours, _ = await story.replied(overseen)
    made = await account(overseen, ours)
    bad = replace(made, sent=(replace(made.sent[0], elements={"names": "A\x1b[2J\u202eB\nC"}),))
    assert "names: A?[2J?B?C\n" in rights.account_text(bad)


async def test_erased_case_has_no_account(overseen: Network) -> None:
    """After an erasure there is nothing to tell."""
    ours, _ = await story.replied(overseen)
    await erase(overseen.gateways["XAA"], ours, overseen.clock.now())
    with pytest.raises(NotFound):
        await account(overseen, ours)


async def test_locked_case_has_an_account_from_the_data_protection_officer_alone(overseen: Network) -> None:
    """Nobody reads a locked case any more (R-25), nor its account; what the person is owed stays owed (R-22)."""
    named = {"ref": "2Xml2lW8lIXCjs1xU80jTA", "appointed_on": "2026-11-18", "signed_by": "guardian"}
    ours, _ = await story.acknowledged(overseen, representative=named)
    assert 1 == len((await account(overseen, ours, "guardian", "guardian")).sent)
    await story.put(overseen, "XAA", ours, State.BLOCKED)
    for person, role in (("first", "case_officer"), ("guardian", "guardian")):
        with pytest.raises(Forbidden, match="locked"):
            await account(overseen, ours, person, role)
    with pytest.raises(NotFound):  # who represents somebody else learns of none, locked or not
        await account(overseen, ours, "lawyer", "lawyer")
    assert 1 == len((await account(overseen, ours, "dpo", "dpo")).sent)


# Corrections.


async def test_correction_stays_open_until_it_is_confirmed(overseen: Network) -> None:
    """A correction goes out, has a due date, is not sent twice, and leaves the list when the other State confirmed."""
    ours, theirs = await story.replied(overseen)
    gateway, other = overseen.gateways["XAA"], overseen.gateways["XBB"]
    (reached,) = await rights.rectify(gateway.context, gateway.notices, ours, ["SEX"], "first", "case_officer")
    assert (True, "XBB", overseen.clock.now().date() + timedelta(days=30)) == (
        reached.told,
        reached.partner,
        reached.due_on,
    )
    await overseen.deliver()
    (again,) = await rights.rectify(gateway.context, gateway.notices, ours, ["SEX"], "first", "case_officer")
    assert not again.told
    (open_,) = await rights.unconfirmed(gateway.context)
    assert (ours, "rectification", 1, reached.due_on) == (open_.ref, open_.kind, open_.number, open_.due_on)
    await other.notices.confirm(theirs, 1, "DONE", "first", "registry_clerk")
    await overseen.deliver()
    assert () == await rights.unconfirmed(gateway.context)
    assert () == open_demands(await story.case(overseen, "XAA", ours))


async def test_open_corrections_are_looked_for_a_part_at_a_time(
    overseen: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large store is not read in one go, in which nobody else is served; and none that is open is left out."""
    gateway, parts = overseen.gateways["XAA"], list[int]()
    monkeypatch.setattr(cases, "PART", 2)
    refs = [(await story.replied(overseen))[0] for _ in range(5)]
    for ref in refs:
        await gateway.notices.strike(ref, ["SEX"], "first", "case_officer")
    read = gateway.context.store.read

    async def counted(unit: Unit[Any]) -> Any:
        found = await read(unit)
        parts.append(len(found) if isinstance(found, tuple | list) else 0)
        return found

    monkeypatch.setattr(gateway.context.store, "read", counted)
    assert set(refs) == {one.ref for one in await rights.unconfirmed(gateway.context)}
    assert 2 == max(parts)


async def test_a_correction_of_more_or_less_is_another_one(overseen: Network) -> None:
    """Told before is what was told of just these parts; a demand to destroy all of it is no correction."""
    ours, _ = await story.received(overseen)
    gateway, told = overseen.gateways["XAA"], []
    await gateway.notices.demand_erasure(ours, "first", "case_officer")
    for parts in (["SEX", "BIRTH_PLACE"], ["SEX"], ["BIRTH_PLACE", "SEX"], ["SEX", "BIRTH_DATE"]):
        await overseen.deliver()
        (reached,) = await rights.rectify(gateway.context, gateway.notices, ours, parts, "first", "case_officer")
        told.append((reached.told, reached.because))
    assert [(True, "told now"), (True, "told now"), (False, "told before, not confirmed"), (True, "told now")] == told


async def test_a_correction_that_no_message_tells_any_more_is_told_again(overseen: Network) -> None:
    """One that a restore dropped was heard by nobody."""
    ours, _ = await story.received(overseen)
    assert [(ours, True, "told now")] == await corrected(overseen, ours)

    async def drop(tx: Tx) -> None:
        *_, row = await tx.outbound_of_case(ours)
        await tx.save_outbound(row._replace(state="dropped"))

    await overseen.gateways["XAA"].store.commit(drop)
    assert [(ours, True, "told now")] == await corrected(overseen, ours)


async def corrected(network: Network, ref: str) -> list[tuple[str, bool, str]]:
    """Say everywhere that the sex was wrong; return of each case whether its State was told, and why not."""
    gateway = network.gateways["XAA"]
    reached = await rights.rectify(gateway.context, gateway.notices, ref, ["SEX"], "first", "case_officer")
    return [(one.ref, one.told, one.because) for one in reached]


async def test_state_that_cannot_be_written_to_is_named_and_holds_up_no_other(overseen: Network) -> None:
    """A State on hold is told later, and its case named with the reason; a correction does not end with it (R-16)."""
    first, second = [(await story.received(overseen))[0] for _ in range(2)]
    trust = overseen.gateways["XAA"].context.trust
    await trust.hold("XBB", "second", "a theft was heard of", overseen.clock.now())
    why = "no valid sealing key of XBB is held"
    assert [(first, False, why), (second, False, why)] == await corrected(overseen, first)


@pytest.mark.parametrize("own", [False, True])
async def test_case_that_cannot_be_read_is_named_and_holds_up_no_other(overseen: Network, own: bool) -> None:
    """Something was sent in it all the same: people tell that State, and the gateway tells the others (R-16)."""
    first, second = [(await story.received(overseen))[0] for _ in range(2)]
    row = await story.row(overseen, "XAA", bad := first if own else second)
    spoiled = row._replace(sealed=spoilt(row.sealed), version=row.version + 1)
    await overseen.gateways["XAA"].store.commit(lambda tx: tx.save_case(spoiled))
    said = {True: "told now", False: "its file cannot be read"}
    told = [(ref, ref != bad, said[ref != bad]) for ref in (first, second)]
    assert told == await corrected(overseen, first)
    open_ = await rights.unconfirmed(overseen.gateways["XAA"].context)
    assert [second if own else first] == [one.ref for one in open_]


# To whom content goes.


async def test_content_goes_to_bodies_on_the_list_only(overseen: Network) -> None:
    """An export with content to a body, or for a purpose, that the re-use table does not allow is refused (R-05)."""
    ours, _ = await story.replied(overseen)
    gateway = overseen.gateways["XAA"]

    async def exported(recipient: str, purpose: str | None = None) -> bytes:
        two = ("first", "second")
        return await export(
            gateway.context,
            ours,
            "first",
            "case_officer",
            "a dispute",
            cards=gateway.cards,
            with_content_by=two,
            recipient=recipient,
            purpose=purpose,
        )

    for recipient, purpose in (("POLICE", None), ("DESK", "CRIMINAL_INVESTIGATION"), ("CONSULATE", "TRAVEL_DOC")):
        with pytest.raises(RuleRefused, match="R-05"):
            await exported(recipient, purpose)
    assert await exported("INTERIOR")

    async def looked(tx: Tx) -> list[str | None]:
        held = await cases.load(gateway.context, tx, ours)
        return [row.recipient for row in await tx.accesses(held.case.ref) if row.action == "evidence-content"]

    assert ["INTERIOR", "INTERIOR"] == await gateway.store.read(looked)


async def test_restriction_does_not_show_in_evidence(overseen: Network) -> None:
    """Evidence without content does not tell that an account was held back."""
    ours, _ = await story.replied(overseen)
    gateway = overseen.gateways["XAA"]
    today = overseen.clock.now().date()
    await rights.restrict(gateway.context, ours, "INQUIRY", today, "dpo")
    raw = await export(gateway.context, ours, "first", "case_officer", "a dispute", cards=gateway.cards)
    assert b"restrict" not in raw
