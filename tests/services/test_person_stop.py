"""The stop that holds for the person: what one case learns holds every other case of hers, until people decide."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.core.case import State
from gateway.core.machine import Event, IllegalStep, RuleRefused
from gateway.core.verification import MAY_FREEZE
from gateway.services import access, cases, elsewhere, person_index, person_stop
from gateway.services.account_store import Invitation
from gateway.services.context import Forbidden, Person
from gateway.services.offered import open_steps
from gateway.services.ports import Outdated, Tx, Unavailable
from gateway.serving import desk_services
from schemas import SchemaError, ijson
from tests.support import homeward, story
from tests.support.erased import erase
from tests.support.network import PEOPLE, Network, make_network, open_gateway

REQUESTED = {"state": "requested", "attested_by": "protection", "attested_on": "2026-11-25", "basis": "application"}
NONE = {"state": "none", "attested_by": "protection", "attested_on": "2026-11-25", "basis": "interview"}
UNKNOWN = {"state": "unknown", "attested_by": None, "attested_on": None, "basis": None}
DOCUMENT = {"type": "P", "number": "AB 12345", "issuer": "XBB"}
RESIDENT: dict[str, Any] = {
    "entry_date": "2024-08",
    "last_residence": {"country": "XBB", "unit": "Northtown"},
    "permit": {"type": "PR", "number": "77-1234", "as_of": "2024-08"},
}
AUTHORITY = ("protection", "asylum_authority")
OTHER_NAME = [{**story.ADULT["elements"]["names"][0], "family": "Кравчук", "given": "Олена", "latin": None}]


@pytest_asyncio.fixture
async def network(tmp_path: Path) -> AsyncIterator[Network]:
    """Three States, so that XAA may ask two of them about one person."""
    made = await make_network(tmp_path, ("XAA", "XBB", "XCC"))
    yield made
    await made.close()


def elements(**changes: Any) -> dict[str, Any]:
    """Return what is known of the person of every story, with changes."""
    return {**story.ADULT["elements"], **changes}


async def indicated(network: Network, ref: str) -> None:
    """Let it become known in the case ``ref`` that protection is asked for."""
    hold = network.gateways["XAA"].hold
    await hold.freeze(ref, "she asks for it", "protection", "asylum_authority", REQUESTED)


async def holders(network: Network, ref: str) -> list[tuple[str, str]]:
    """Return who holds the case."""
    return list((await story.case(network, "XAA", ref)).holders)


async def apart(network: Network, ref: str) -> None:
    """Let two persons say that the case is about another person."""
    hold = network.gateways["XAA"].hold
    assert not await hold.tell_apart(ref, "the photographs differ", "first", "case_officer")
    assert await hold.tell_apart(ref, "I looked at both files", "welfare", "child_welfare")


async def resumed(network: Network, ref: str) -> None:
    """Let two persons resume the case."""
    hold = network.gateways["XAA"].hold
    await hold.resume(ref, "first", "case_officer")
    await hold.resume(ref, "second", "liaison_officer")


# What is held.


async def test_indication_in_one_case_holds_the_other(network: Network) -> None:
    """What becomes known in the case toward one State freezes the case toward another, in the same moment."""
    there = await story.sent(network, to="XCC")
    await network.deliver()
    here = await story.sent(network)
    await indicated(network, here)
    assert ("FROZEN", [person_stop.HOLDER]) == (await story.state(network, "XAA", there), await holders(network, there))


async def test_reason_names_the_other_case_and_stays_sealed(network: Network) -> None:
    """The reason of the hold names the other case, and no open column of the store holds it."""
    there, here = await story.sent(network, to="XCC"), await story.sent(network)
    await indicated(network, here)
    assert f"{person_stop.BECAUSE}: {here}" == (await story.case(network, "XAA", there)).freeze_reason
    row = await story.row(network, "XAA", there)
    events = await network.gateways["XAA"].store.read(lambda tx: tx.events(there))
    assert not [value for value in (*map(str, events), row.step, row.officer) if here in str(value)]


async def test_nothing_of_the_held_case_leaves(network: Network) -> None:
    """A message that waited in the outbox is dropped with the hold."""
    await story.sent(network, to="XCC")
    await indicated(network, await story.sent(network))
    network.clock.pass_(days=2)
    assert (0, []) == (await network.deliver(), network.wires.posted)


async def test_new_case_of_a_stopped_person_is_held(network: Network) -> None:
    """A case opened about a person whose other case is stopped is frozen as it is opened, and its preview says why."""
    await indicated(network, await story.sent(network))
    gateway = network.gateways["XAA"]
    ref = await gateway.clear.new(story.draft(to="XCC"), "first")
    preview, _ = await gateway.clear.show(ref, "first")
    assert "FROZEN" == await story.state(network, "XAA", ref)
    assert ["R-01"] == [finding.rule for finding in preview.findings]


async def test_case_amended_to_the_stopped_person_is_held(network: Network) -> None:
    """A draft that is changed to name the person is held from then on."""
    await indicated(network, await story.sent(network))
    gateway = network.gateways["XAA"]
    ref = await gateway.clear.new(story.draft(to="XCC", elements=elements(names=OTHER_NAME)), "first")
    assert "DRAFT" == await story.state(network, "XAA", ref)
    await gateway.clear.amend(ref, story.draft(to="XCC"), "first")
    assert "FROZEN" == await story.state(network, "XAA", ref)


@pytest.mark.parametrize("draft", [story.draft(), story.draft(elements=elements(names=OTHER_NAME))])
async def test_an_indication_is_not_amended_away(network: Network, draft: dict[str, Any]) -> None:
    """Whoever opened a case with an indication cannot write over it, or over whose it is; the person stays stopped."""
    gateway = network.gateways["XAA"]
    ref = await gateway.clear.new(story.draft(asylum=REQUESTED), "first")
    with pytest.raises(RuleRefused, match="R-01"):
        await gateway.clear.amend(ref, draft, "first")
    other = await gateway.clear.new(story.draft(to="XCC"), "second", "liaison_officer")
    assert "FROZEN" == await story.state(network, "XAA", other)


@pytest.mark.parametrize(
    "changes",
    [
        {"birth_date": "2001"},
        {"birth_date": "199X/2002"},
        {"names": [{**OTHER_NAME[0], "family": "Ivanova", "given": "Maria", "script": "ru-Latn"}]},
        {"names": [{**OTHER_NAME[0], "family": "Ivanov A", "given": "Mar\u00ed-Ya", "script": "es-Latn"}]},
        {"names": OTHER_NAME, "birth_date": "1980", "document": {**DOCUMENT, "number": "ab12345"}},
        {"names": OTHER_NAME, "birth_date": "1980", "personal_number": "900101 1"},
    ],
    ids=["part of the date", "an interval", "transliterated", "by ear, other words", "document", "personal number"],
)
async def test_any_shared_value_holds(network: Network, changes: dict[str, Any]) -> None:
    """One shared value is enough, whatever else differs."""
    known = elements(document=DOCUMENT, personal_number="900101-1")
    await indicated(network, await story.sent(network, elements=known))
    ref = await network.gateways["XAA"].clear.new(story.draft(elements=elements(**changes)), "first")
    assert "FROZEN" == await story.state(network, "XAA", ref)


@pytest.mark.parametrize(
    "changes", [{"names": OTHER_NAME}, {"birth_date": "1980"}], ids=["another name", "another year"]
)
async def test_another_person_is_not_held(network: Network, changes: dict[str, Any]) -> None:
    """A case that shares nothing goes its way."""
    await indicated(network, await story.sent(network))
    ref = await story.sent(network, elements=elements(**changes))
    assert (1, "DELIVERED") == (await network.deliver(), await story.state(network, "XAA", ref))


async def test_freeze_that_says_nothing_of_protection_stops_its_case_alone(network: Network) -> None:
    """A case frozen for any other reason holds no other case."""
    here, there = await story.sent(network), await story.sent(network, to="XCC")
    await network.gateways["XAA"].hold.freeze(here, "entered twice", "welfare", "child_welfare")
    assert "SENT" == await story.state(network, "XAA", there)


async def test_not_knowing_undoes_nothing_that_was_indicated(network: Network) -> None:
    """Who stops a case later and does not know the state of protection ends no stop by it."""
    hold, clear = network.gateways["XAA"].hold, network.gateways["XAA"].clear
    ref = await story.sent(network)
    await hold.freeze(ref, "she asks for it", "first", "case_officer", {**UNKNOWN, "state": "indicated"})
    await hold.withdraw(ref, "first", "case_officer")
    await hold.freeze(ref, "again", "second", "liaison_officer", UNKNOWN)
    await clear.close(ref, "first")
    assert [person_stop.HOLDER] == await holders(network, await clear.new(story.draft(to="XCC"), "first"))


GRANTED = {"state": "granted", "attested_by": "protection", "attested_on": "2026-11-20", "basis": "decision 7"}
FALSE = {"state": "withdrawn", "attested_by": "first", "attested_on": "2026-11-25", "basis": "she changed her mind"}
DESKS = [("first", "case_officer"), ("second", "liaison_officer"), ("welfare", "child_welfare")]


async def asylum_of(network: Network, ref: str) -> Any:
    """Return the protection state on record."""
    return ((await story.case(network, "XAA", ref)).draft or {})["asylum"]


@pytest.mark.parametrize(("person", "role"), DESKS)
async def test_who_freezes_does_not_write_over_what_was_attested(network: Network, person: str, role: str) -> None:
    """The case is stopped and the word of the authority stands, whatever the desk or anybody else brings (R-01)."""
    hold, ref = network.gateways["XAA"].hold, await story.sent(network)
    await hold.freeze(ref, "protection was granted", *AUTHORITY, GRANTED)
    await hold.freeze(ref, "and so", person, role, FALSE)
    assert (GRANTED, [AUTHORITY, (person, role)]) == (await asylum_of(network, ref), await holders(network, ref))


@pytest.mark.parametrize(("person", "role"), DESKS)
async def test_who_calls_back_does_not_write_over_what_was_attested(network: Network, person: str, role: str) -> None:
    """A recall stops as a freeze does, and leaves the word of the authority where it is (R-01)."""
    ref, _ = await homeward.departed(network)
    returning = network.gateways["XAA"].returning
    await returning.recall(ref, "known", "UNSAFE", "2026-12-20", *AUTHORITY, GRANTED)
    await returning.recall(ref, "and so", "UNSAFE", "2026-12-20", person, role, FALSE)
    assert ("RECALL", GRANTED) == (await story.state(network, "XAA", ref), await asylum_of(network, ref))


async def test_a_guest_of_the_authority_does_not_write_over_what_was_attested(network: Network) -> None:
    """The desk holds the link of a guest first: what a guest says becomes known, and is no attestation (R-01)."""
    gateway, now = network.gateways["XAA"], network.clock.now()
    ref = await story.sent(network)
    made = Invitation("g", ref, "asylum_authority", "guest.g", "first", now, now + timedelta(days=9))
    gateway.context.guests.take(made)
    await gateway.hold.freeze(ref, "it was granted", "guest.g", "asylum_authority", GRANTED)
    await gateway.hold.freeze(ref, "and so", "guest.g", "asylum_authority", FALSE)
    with pytest.raises(Forbidden):
        await gateway.hold.attest(ref, FALSE, "and so", "guest.g", "asylum_authority")
    assert GRANTED == await asylum_of(network, ref)


async def test_the_authority_says_by_a_freeze_what_is_so_now(network: Network) -> None:
    """The role that attests puts a later state in place of an earlier one."""
    hold, ref = network.gateways["XAA"].hold, await story.sent(network)
    await hold.freeze(ref, "she asks for it", "first", "case_officer", REQUESTED)
    await hold.freeze(ref, "it was granted", *AUTHORITY, GRANTED)
    assert GRANTED == await asylum_of(network, ref)


async def test_no_other_act_of_a_desk_changes_what_was_attested(network: Network) -> None:
    """Amending, a remark, an image, a correction and an attestation: refused to the desk, or the state stays (R-01)."""
    gateway = network.gateways["XAA"]
    ref = await gateway.clear.new(story.draft(asylum=GRANTED), "first")
    frozen = await gateway.clear.new(story.draft(asylum=GRANTED), "first")
    await gateway.hold.freeze(frozen, "it was granted", "first", "case_officer")
    desk = ("first", "case_officer")
    tried = [
        gateway.clear.amend(ref, story.draft(asylum=FALSE), *desk),
        gateway.clear.amend(ref, story.draft(asylum=NONE), *desk),
        gateway.clear.remarks.write(ref, None, *desk),
        gateway.clear.images.detach(ref, "photo", *desk),
        gateway.hold.correct(frozen, elements(), "typed wrong", *desk),
        gateway.hold.attest(frozen, FALSE, "and so", *desk),
    ]
    for act in tried:
        with pytest.raises((RuleRefused, IllegalStep, Forbidden)):
            await act
    assert [GRANTED, GRANTED] == [await asylum_of(network, one) for one in (ref, frozen)]


async def test_hold_of_the_authority_stops_the_person(network: Network) -> None:
    """A freeze by the authority itself counts, whether it gives a state or not."""
    here, there = await story.sent(network), await story.sent(network, to="XCC")
    await network.gateways["XAA"].hold.freeze(here, "we look into it", "protection", "asylum_authority")
    assert "FROZEN" == await story.state(network, "XAA", there)


async def test_stop_holds_after_the_withdrawal(network: Network) -> None:
    """A case that was withdrawn and closed stops the person for as long as it is kept."""
    here = await story.sent(network)
    await indicated(network, here)
    gateway = network.gateways["XAA"]
    await gateway.hold.withdraw(here, "protection", "asylum_authority")
    await gateway.clear.close(here, "first")
    ref = await gateway.clear.new(story.draft(to="XCC"), "first")
    assert "FROZEN" == await story.state(network, "XAA", ref)


async def test_draft_that_nobody_attested_holds_the_other(network: Network) -> None:
    """Unknown means no: a second file that nobody attested puts the first in doubt."""
    there = await story.sent(network, to="XCC")
    await network.gateways["XAA"].clear.new(story.draft(asylum=UNKNOWN), "first")
    assert "FROZEN" == await story.state(network, "XAA", there)


async def test_discarded_draft_that_nobody_attested_holds_nothing(network: Network) -> None:
    """A draft that was given up before anybody attested anything says nothing of the person."""
    gateway = network.gateways["XAA"]
    await gateway.clear.close(await gateway.clear.new(story.draft(asylum=UNKNOWN), "first"), "first", event="discard")
    assert "SENT" == await story.state(network, "XAA", await story.sent(network, to="XCC"))


async def test_two_drafts_that_nobody_attested_stay_drafts(network: Network) -> None:
    """Two unattested drafts of one person need no hold: R-01 stands against both, and both can be amended."""
    gateway = network.gateways["XAA"]
    one = await gateway.clear.new(story.draft(asylum=UNKNOWN), "first")
    two = await gateway.clear.new(story.draft(asylum=UNKNOWN, to="XCC"), "first")
    assert ["DRAFT", "DRAFT"] == [await story.state(network, "XAA", ref) for ref in (one, two)]
    await gateway.clear.amend(one, story.draft(), "first")
    assert "FROZEN" == await story.state(network, "XAA", one)


async def test_frozen_case_is_held_too(network: Network) -> None:
    """A case somebody froze for another reason is held as well, so that letting go is not enough."""
    here, there = await story.sent(network), await story.sent(network, to="XCC")
    hold = network.gateways["XAA"].hold
    await hold.freeze(there, "entered twice", "first", "case_officer")
    await indicated(network, here)
    await hold.release(there, "first", "case_officer")
    with pytest.raises(RuleRefused, match="V-08"):
        await resumed(network, there)


async def test_return_under_way_is_held(network: Network) -> None:
    """A return that is being arranged is frozen like any other step of the person."""
    ours, _ = await homeward.proposed(network)
    await network.gateways["XAA"].clear.new(story.draft(to="XCC", asylum=REQUESTED), "first")
    assert ("FROZEN", [person_stop.HOLDER]) == (await story.state(network, "XAA", ours), await holders(network, ours))


async def recalled(network: Network) -> str:
    """Return a return under way that the asylum authority called back without a word of the state of protection."""
    here, _ = await homeward.departed(network)
    returning = network.gateways["XAA"].returning
    await returning.recall(here, "she asks for asylum", "UNSAFE", "2026-12-20", *AUTHORITY)
    return here


async def test_recall_by_the_authority_stops_the_person(network: Network) -> None:
    """Called back by the asylum authority, which gives no state: no other case of the person goes on."""
    await recalled(network)
    ref = await network.gateways["XAA"].clear.new(story.draft(to="XCC"), "first")
    assert ("FROZEN", [person_stop.HOLDER]) == (await story.state(network, "XAA", ref), await holders(network, ref))


async def test_recall_by_the_authority_holds_what_was_approved(network: Network) -> None:
    """A question about the same person that two persons approved before the recall does not leave."""
    here, _ = await homeward.departed(network)
    other = await story.cleared(network, handling=homeward.HANDLING)
    await network.gateways["XAA"].returning.recall(here, "she asks for asylum", "UNSAFE", "2026-12-20", *AUTHORITY)
    with pytest.raises(IllegalStep):
        await network.gateways["XAA"].clear.send(other, "first")


async def test_recall_by_another_stops_its_case_alone(network: Network) -> None:
    """Whoever else calls a person back says nothing of protection by it."""
    here, _ = await homeward.departed(network)
    await network.gateways["XAA"].returning.recall(here, "he is ill", "UNSAFE", "2026-12-20", "escort", "escort")
    assert [] == await holders(network, here)
    ref = await network.gateways["XAA"].clear.new(story.draft(to="XCC"), "first")
    assert "DRAFT" == await story.state(network, "XAA", ref)


async def test_the_authority_lets_go_of_a_recall(network: Network) -> None:
    """Who is back is considered anew once the authority that called let go; the other case then by two persons."""
    here, gateway = await recalled(network), network.gateways["XAA"]
    ref = await gateway.clear.new(story.draft(to="XCC"), "first")
    with pytest.raises(RuleRefused, match="V-08"):
        await gateway.returning.returned(here, "first", "case_officer")
    with pytest.raises(RuleRefused, match="V-07"):
        await gateway.hold.release(here, "welfare", "child_welfare")
    await gateway.hold.release(here, *AUTHORITY)
    await gateway.returning.returned(here, "first", "case_officer")
    await apart(network, ref)
    await resumed(network, ref)
    assert ("CONSIDERED", "DRAFT") == (await story.state(network, "XAA", here), await story.state(network, "XAA", ref))


async def test_who_is_back_is_held_by_what_was_indicated_while_she_was_called_back(network: Network) -> None:
    """A stop of another case that came during a recall holds the return once it is considered anew; people decide."""
    here, _ = await homeward.departed(network)
    gateway = network.gateways["XAA"]
    await gateway.returning.recall(here, "he is ill", "UNSAFE", "2026-12-20", "escort", "escort")
    await indicated(network, await gateway.clear.new(story.draft(to="XCC"), "first"))
    await gateway.returning.returned(here, "first", "case_officer")
    assert ("FROZEN", [person_stop.HOLDER]) == (await story.state(network, "XAA", here), await holders(network, here))
    await apart(network, here)
    await resumed(network, here)
    assert "CONSIDERED" == await story.state(network, "XAA", here)


async def test_a_recall_by_the_authority_is_told_after_the_case_was_closed(network: Network) -> None:
    """What calls the person back leaves although it was let go and the case closed while the line was down."""
    here, there = await homeward.departed(network)
    network.wires.cut = True
    returning = network.gateways["XAA"].returning
    await returning.recall(here, "she asks for asylum", "UNSAFE", "2026-12-20", *AUTHORITY)
    await network.gateways["XAA"].hold.release(here, *AUTHORITY)
    await network.gateways["XAA"].clear.close(here, "first")
    network.wires.cut = False
    network.clock.pass_(hours=2)
    await network.deliver()
    assert ("CLOSED", "RECALL") == await homeward.states(network, here, there)


async def test_person_on_the_way_becomes_a_finding(network: Network) -> None:
    """Nothing can be held back of somebody who has departed; the case says so, for people to decide on a recall."""
    ours, _ = await homeward.departed(network)
    await network.gateways["XAA"].clear.new(story.draft(to="XCC", asylum=REQUESTED), "first")
    case = await story.case(network, "XAA", ours)
    assert (State.DEPARTED, [person_stop.BECAUSE]) == (
        case.state,
        [text for text in case.findings if "stopped" in text],
    )


# Of who is away nothing can be held but what is said of her: people say whose file that is, or call her back.


BY_EAR = [{**OTHER_NAME[0], "family": "Ivanova", "given": "Maria", "script": "ru-Latn"}]


async def left_unheard(network: Network, **changes: Any) -> tuple[str, str, str]:
    """Return a return of which XBB has not heard that it began, both cases, and another that began to stop since."""
    ours, theirs = await homeward.on_the_day(network)
    network.wires.cut = True
    await network.gateways["XAA"].returning.depart(ours, "escort")
    await network.deliver()
    network.wires.cut = False
    other = await network.gateways["XAA"].clear.new(story.draft(to="XCC", asylum=REQUESTED, **changes), "first")
    return ours, theirs, other


async def heard(network: Network, ours: str, theirs: str) -> tuple[str, str]:
    """Return where both cases stand once all that may leave of what waits has left."""
    network.clock.pass_(hours=1)
    await network.refresh()
    await network.deliver()
    return await homeward.states(network, ours, theirs)


async def test_word_of_who_left_goes_on_once_two_persons_told_a_namesake_apart(network: Network) -> None:
    """It leaves by itself after the second word and not before; the finding is gone, and the journey goes on."""
    ours, theirs, other = await left_unheard(network)
    hold = network.gateways["XAA"].hold
    assert ("DEPARTED", "SCHEDULED") == await heard(network, ours, theirs)
    await hold.tell_apart(ours, "the photographs differ", "first", "case_officer")
    assert ("DEPARTED", "SCHEDULED") == await heard(network, ours, theirs)
    with pytest.raises(RuleRefused, match="V-01"):
        await hold.tell_apart(ours, "and again", "first", "case_officer")
    assert await hold.tell_apart(ours, "I looked at both files", "welfare", "child_welfare")
    assert ("DEPARTED", "DEPARTED") == await heard(network, ours, theirs)
    assert person_stop.BECAUSE not in (await story.case(network, "XAA", ours)).findings
    for ref in (ours, other):
        looks = await network.gateways["XAA"].store.read(lambda tx, ref=ref: tx.accesses(ref))
        assert ["first", "welfare"] == [row.person for row in looks if row.action == "tell-apart"]


async def test_who_looks_for_a_reason_learns_which_case_is_stopped_of_who_is_away(network: Network) -> None:
    """Two persons cannot compare what is not named; the look is recorded in the other case too."""
    ours, _, other = await left_unheard(network)
    context = network.gateways["XAA"].context
    assert (f"{person_stop.BECAUSE}: {other}",) == await elsewhere.find(context, ours, "first", "why is she held?")
    looks = await context.store.read(lambda tx: tx.accesses(other))
    assert ["first"] == [row.person for row in looks if row.action == "view"]
    await network.gateways["XAA"].hold.freeze(other, "looked at", "first", "case_officer")
    await network.gateways["XAA"].hold.attest(other, NONE, "heard", *AUTHORITY)
    assert (person_stop.NO_MORE,) == await elsewhere.find(context, ours, "first", "and now?")


async def test_a_number_is_no_matter_of_opinion_of_who_is_away(network: Network) -> None:
    """Nobody's word lets anything leave of a person who has the number of one who is stopped."""
    hers = {"elements": elements(document=DOCUMENT)}
    ours, theirs, _ = await left_unheard(network, **hers)
    gateway = network.gateways["XAA"]
    with_it = person_stop.person_values(story.draft(**hers), gateway.context.vault.index_value)
    await gateway.store.commit(lambda tx: tx.save_person_values(ours, with_it, False))
    with pytest.raises(RuleRefused, match="by a number"):
        await network.gateways["XAA"].hold.tell_apart(ours, "another person", "first", "case_officer")
    assert ("DEPARTED", "SCHEDULED") == await heard(network, ours, theirs)


@pytest.mark.parametrize("how", ["another case", "another value"])
async def test_a_later_stop_holds_word_of_who_was_told_apart(network: Network, how: str) -> None:
    """The two words are about one case and what it shared then; the desk is told anew, and nothing leaves."""
    ours, theirs, other = await left_unheard(network, elements=elements(names=BY_EAR))
    await apart(network, ours)
    gateway = network.gateways["XAA"]
    if how == "another case":
        await gateway.clear.new(story.draft(to="XCC", asylum=REQUESTED), "first")
    else:
        await gateway.hold.freeze(other, "looked at", *AUTHORITY)
        await gateway.hold.correct(other, elements(), "as she says", *AUTHORITY)
    assert person_stop.BECAUSE in (await story.case(network, "XAA", ours)).findings
    assert ("DEPARTED", "SCHEDULED") == await heard(network, ours, theirs)


async def test_telling_apart_touches_nothing_that_is_known_in_the_case_of_who_is_away(network: Network) -> None:
    """What the asylum authority says in this very case stops it, whatever two persons say of another one."""
    ours, theirs, _ = await left_unheard(network)
    returning = network.gateways["XAA"].returning
    await returning.recall(ours, "she asks for it", "UNSAFE", "2026-12-20", *AUTHORITY, REQUESTED)
    await apart(network, ours)
    case = await story.case(network, "XAA", ours)
    assert (REQUESTED, [AUTHORITY]) == ((case.draft or {})["asylum"], list(case.holders))
    assert ("RECALL", "SCHEDULED") == await heard(network, ours, theirs)


async def test_who_was_called_back_unsaid_is_called_back_once_more_when_told_apart(network: Network) -> None:
    """A recall that could not be told is, once two persons said that the stopped case is another person's."""
    ours, theirs, _ = await left_unheard(network)
    returning = network.gateways["XAA"].returning
    await returning.recall(ours, "it may be her", "UNSAFE", "2026-12-20", "escort", "escort")
    await apart(network, ours)
    assert ("RECALL", "DEPARTED") == await heard(network, ours, theirs)
    await returning.recall(ours, "it is not", "UNSAFE", "2026-12-20", "escort", "escort")
    assert ("RECALL", "RECALL") == await heard(network, ours, theirs)


async def test_telling_apart_is_offered_of_who_is_away_while_there_is_something_to_decide(network: Network) -> None:
    """Not before another case stops, nor to who has said it; and nobody decides on it in advance."""
    ours, _ = await homeward.departed(network)
    gateway = network.gateways["XAA"]
    with pytest.raises(IllegalStep):
        await gateway.hold.tell_apart(ours, "in advance", "first", "case_officer")
    assert [] == await offered(network, ours)
    await gateway.clear.new(story.draft(to="XCC", asylum=REQUESTED), "first")
    assert ["first", "second", "welfare", "protection"] == await offered(network, ours)
    await gateway.hold.tell_apart(ours, "the photographs differ", "second", "liaison_officer")
    assert ["first", "welfare", "protection"] == await offered(network, ours)
    assert await gateway.hold.tell_apart(ours, "I looked at both files", "welfare", "child_welfare")
    assert [] == await offered(network, ours)


async def offered(network: Network, ref: str) -> list[str]:
    """Return to whom it is offered to tell the case apart."""
    gateway = network.gateways["XAA"]
    row, services = await gateway.inquiries.find_case(ref), desk_services(gateway)
    assert row is not None
    names = ("first", "second", "welfare", "protection", "escort", "board")
    return [name for name in names if "apart" in await open_steps(services, row, name, frozenset(PEOPLE[name]))]


@pytest.mark.parametrize("still", [True, False])
async def test_who_is_back_keeps_no_finding_of_when_she_was_away(network: Network, still: bool) -> None:
    """Or nobody would be told when another case stops during her next journey; what is still stopped holds her case."""
    ours, _, other = await left_unheard(network)
    gateway = network.gateways["XAA"]
    if not still:
        await gateway.hold.freeze(other, "looked at", "first", "case_officer")
        await gateway.hold.attest(other, NONE, "heard", *AUTHORITY)
    await gateway.returning.recall(ours, "it may be her", "UNSAFE", "2026-12-20", "escort", "escort")
    await gateway.returning.returned(ours, "first", "case_officer")
    case = await story.case(network, "XAA", ours)
    held = ("FROZEN", (f"{person_stop.BECAUSE}: {other}",)) if still else ("CONSIDERED", ())
    assert held == (case.state, person_stop.reasons(case))
    assert person_stop.BECAUSE not in case.findings


# Looked at again, wherever something would leave, also if a hold should be missing.


async def marked(network: Network, ref: str) -> None:
    """Mark a stop for the person of ``ref`` in the store behind the back of the services."""
    gateway = network.gateways["XAA"]
    other = await gateway.clear.new(story.draft(to="XCC"), "first")
    case = await story.case(network, "XAA", other)
    values = person_stop.person_values(case.draft, gateway.context.vault.index_value)
    await gateway.store.commit(lambda tx: tx.save_person_values(other, values, True))
    assert person_stop.HOLDER not in await holders(network, ref)


async def test_approval_looks(network: Network) -> None:
    """No approval is taken while another case of the person is stopped."""
    gateway = network.gateways["XAA"]
    ref = await gateway.clear.new(story.draft(), "first")
    preview, thread = await gateway.clear.show(ref, "second", "liaison_officer")
    await marked(network, ref)
    signed = network.approval(preview.digest, thread, "second", "request.approval", "liaison_officer")
    with pytest.raises(RuleRefused, match="R-01: something became known"):
        await gateway.clear.approve(ref, signed, "second")


async def test_sending_looks(network: Network) -> None:
    """Nothing is queued while another case of the person is stopped."""
    ref = await story.cleared(network)
    await marked(network, ref)
    with pytest.raises(RuleRefused, match="R-01: something became known"):
        await network.gateways["XAA"].clear.send(ref, "first")


async def test_every_post_looks(network: Network) -> None:
    """Nothing queued is posted, and nothing posted is posted again, while another case of the person is stopped."""
    ref = await story.sent(network)
    network.wires.cut = True
    await network.deliver(1)
    network.wires.cut = False
    await marked(network, ref)
    network.clock.pass_(hours=2)
    assert (0, []) == (await network.deliver(), network.wires.posted)
    held = [values for event, values in network.logs if event == "message.held"]
    assert {"partner": "XBB"} == held[0]
    assert "R-01" not in repr(network.logs)


async def test_reminder_looks(network: Network) -> None:
    """Nobody is reminded while another case of the person is stopped."""
    ref, _ = await story.acknowledged(network)
    await marked(network, ref)
    network.clock.pass_(days=60)
    with pytest.raises(RuleRefused, match="R-01: something became known"):
        await network.gateways["XAA"].reminder.remind(ref, "first", "case_officer")


async def test_resuming_looks(network: Network) -> None:
    """No case goes on while another case of the person is stopped."""
    ref = await story.sent(network)
    hold = network.gateways["XAA"].hold
    await hold.freeze(ref, "a mistake", "first", "case_officer")
    await hold.release(ref, "first", "case_officer")
    await marked(network, ref)
    with pytest.raises(RuleRefused, match="R-01: something became known"):
        await resumed(network, ref)


# Letting go.


async def test_two_persons_tell_two_people_apart(network: Network) -> None:
    """Two persons who say that it is another person let the case go on, and it leaves."""
    there, here = await story.sent(network, to="XCC"), await story.sent(network)
    await indicated(network, here)
    await apart(network, there)
    await resumed(network, there)
    assert "DRAFT" == await story.state(network, "XAA", there)
    gateway = network.gateways["XAA"]
    await gateway.clear.amend(there, story.draft(to="XCC"), "first")
    preview, thread = await gateway.clear.show(there, "second", "liaison_officer")
    signed = network.approval(preview.digest, thread, "second", "request.approval", "liaison_officer")
    await gateway.clear.approve(there, signed, "second")
    await gateway.clear.send(there, "first")
    assert (1, "DELIVERED") == (await network.deliver(), await story.state(network, "XAA", there))


async def test_each_stopped_case_is_told_apart_by_two_persons(network: Network) -> None:
    """One that was stopped after the first had spoken waits for a second word of its own (V-01)."""
    there, here = await story.sent(network, to="XCC"), await story.sent(network)
    other, hold = await network.gateways["XAA"].clear.new(story.draft(), "first"), network.gateways["XAA"].hold
    await indicated(network, here)
    assert not await hold.tell_apart(there, "the photographs differ", "first", "case_officer")
    await indicated(network, other)
    assert not await hold.tell_apart(there, "I looked at all files", "welfare", "child_welfare")
    assert [person_stop.HOLDER] == await holders(network, there)
    assert await hold.tell_apart(there, "so did I", "first", "case_officer")
    assert [] == await holders(network, there)


async def test_one_person_is_not_two(network: Network) -> None:
    """The person who says it first cannot confirm it, in whatever role."""
    there, here = await story.sent(network, to="XCC"), await story.sent(network)
    await indicated(network, here)
    hold = network.gateways["XAA"].hold
    await hold.tell_apart(there, "the photographs differ", "second", "liaison_officer")
    with pytest.raises(RuleRefused, match="V-01"):
        await hold.tell_apart(there, "and again", "second", "liaison_officer")


@pytest.mark.parametrize("why", ["", "  "])
async def test_telling_apart_needs_a_reason(network: Network, why: str) -> None:
    """Without a reason nobody says anything (R-13)."""
    there, here = await story.sent(network, to="XCC"), await story.sent(network)
    await indicated(network, here)
    with pytest.raises(RuleRefused, match="R-13"):
        await network.gateways["XAA"].hold.tell_apart(there, why, "first", "case_officer")


async def test_both_reasons_are_recorded_in_both_cases(network: Network) -> None:
    """Who compared the two cases, and why, stands in the record of access of each, sealed under its own key."""
    there, here = await story.sent(network, to="XCC"), await story.sent(network)
    await indicated(network, here)
    await apart(network, there)
    context = network.gateways["XAA"].context
    for ref in (there, here):

        async def unit(tx: Tx, ref: str = ref) -> list[tuple[str, str]]:
            held = await cases.load(context, tx, ref)
            looks = [row for row in await tx.accesses(ref) if row.action == "tell-apart"]
            return [(row.person, access.justification_of(context, held, row)) for row in looks]

        expected = [("first", "the photographs differ"), ("welfare", "I looked at both files")]
        assert expected == await context.store.read(unit)


async def test_desk_without_the_say_tells_nobody_apart(network: Network) -> None:
    """A role that has no say in it cannot release a hold, nor can any role release it as if it had frozen the case."""
    there, here = await story.sent(network, to="XCC"), await story.sent(network)
    await indicated(network, here)
    hold = network.gateways["XAA"].hold
    with pytest.raises(Forbidden):
        await hold.tell_apart(there, "we would like to go on", "board", "foreign_affairs")
    for person, roles in PEOPLE.items():
        for role in set(roles) & MAY_FREEZE:
            with pytest.raises(RuleRefused, match="V-07"):
                await hold.release(there, person, role)


async def test_case_that_is_not_held_is_not_told_apart(network: Network) -> None:
    """There is nothing to decide on a case that the gateway does not hold."""
    ref = await story.sent(network)
    with pytest.raises(IllegalStep):
        await network.gateways["XAA"].hold.tell_apart(ref, "in advance", "first", "case_officer")


async def test_shared_number_is_no_matter_of_opinion(network: Network) -> None:
    """Two cases that share a number are not told apart by anybody's word."""
    there = await story.sent(network, to="XCC", elements=elements(document=DOCUMENT))
    await indicated(network, await story.sent(network, elements=elements(document=DOCUMENT)))
    with pytest.raises(RuleRefused, match="by a number"):
        await network.gateways["XAA"].hold.tell_apart(there, "another person", "first", "case_officer")


async def test_one_shared_number_of_several_cases_is_no_matter_of_opinion(network: Network) -> None:
    """A namesake beside it, who might be told apart, makes it none."""
    there = await story.sent(network, to="XCC", elements=elements(document=DOCUMENT))
    number = await network.gateways["XAA"].clear.new(story.draft(elements=elements(document=DOCUMENT)), "first")
    await indicated(network, await story.sent(network))
    await indicated(network, number)
    with pytest.raises(RuleRefused, match="by a number"):
        await network.gateways["XAA"].hold.tell_apart(there, "another person", "first", "case_officer")


async def test_wrong_number_is_corrected_first(network: Network) -> None:
    """Once the wrong entry is corrected, two persons may decide; the correction alone releases nothing."""
    there = await story.sent(network, to="XCC", elements=elements(names=OTHER_NAME, document=DOCUMENT))
    await indicated(network, await story.sent(network, elements=elements(document=DOCUMENT)))
    hold = network.gateways["XAA"].hold
    right = elements(names=OTHER_NAME, document={**DOCUMENT, "number": "AB 12346"})
    await hold.correct(there, right, "the last digit was read wrong", "first", "case_officer")
    assert [person_stop.HOLDER] == await holders(network, there)
    await apart(network, there)
    await resumed(network, there)
    assert ("DRAFT", right) == (
        await story.state(network, "XAA", there),
        (await story.case(network, "XAA", there)).draft["elements"],
    )


async def test_a_number_that_was_set_right_is_a_matter_for_two_persons(network: Network) -> None:
    """
    It went abroad for another person, and neither file has a wrong entry any more that could be corrected.

    So it holds the case still, and no longer than until two persons say whose it is.
    """
    residence = {"purpose": "PERM_RESIDENCE", "elements": elements(**RESIDENT)}
    here = await story.sent(network, **residence)
    await network.deliver()
    there = await story.sent(network, to="XBB", **{**residence, "elements": elements(names=OTHER_NAME, **RESIDENT)})
    await rectified(network, here, "PERMIT", permit={**RESIDENT["permit"], "number": "R-2"})
    await indicated(network, here)
    assert [person_stop.HOLDER] == await holders(network, there)
    await apart(network, there)
    await resumed(network, there)
    assert "DELIVERED" == await story.state(network, "XAA", there)


async def test_the_stopped_person_is_not_corrected_away(network: Network) -> None:
    """Of whom an indication is known only the authority that attests corrects; a desk could else end the stop alone."""
    here = await story.sent(network)
    await indicated(network, here)
    hold = network.gateways["XAA"].hold
    with pytest.raises(RuleRefused, match="R-01"):
        await hold.correct(here, elements(names=OTHER_NAME), "mistyped", "first", "case_officer")
    ref = await network.gateways["XAA"].clear.new(story.draft(to="XCC"), "first")
    assert "FROZEN" == await story.state(network, "XAA", ref)
    await hold.correct(here, elements(sex=1), "mistyped", *AUTHORITY)


async def test_correction_changes_nothing_but_the_person(network: Network) -> None:
    """A correction that would bring in another protection state, or is no record, is refused."""
    there = await story.sent(network, to="XCC")
    await indicated(network, await story.sent(network))
    hold = network.gateways["XAA"].hold
    with pytest.raises(SchemaError):
        await hold.correct(there, {**elements(), "asylum": NONE}, "smuggled", "first", "case_officer")
    await hold.correct(there, elements(sex=1), "typing error", "first", "case_officer")
    draft = (await story.case(network, "XAA", there)).draft
    assert {**story.draft(to="XCC"), "elements": elements(sex=1)} == draft


async def rectified(network: Network, ref: str, part: str = "NAMES", **right: Any) -> None:
    """Send what is right of ``ref`` in place of a name, or of another ``part``, that was sent, by two persons."""
    notices = network.gateways["XAA"].notices
    pending = await notices.prepare_rectification(ref, [part], right, "first", "case_officer")
    thread = (await story.row(network, "XAA", ref)).thread
    signed = network.approval(pending.digest, thread, "second", "rectification.approval", "liaison_officer")
    await notices.rectify(ref, signed, "second")
    await network.deliver()


async def test_a_rectified_name_still_stops_the_person(network: Network) -> None:
    """The wrong name went to two States; corrected toward one, it still leads to the other, also after an upgrade."""
    here, there = await story.sent(network), await story.sent(network, to="XCC")
    await network.deliver()
    await rectified(network, here, names=OTHER_NAME)
    gateway = network.gateways["XAA"]
    await gateway.store.commit(lambda tx: tx.set_meta("person_index", "of an earlier program"))
    assert 2 == await person_index.renew(gateway.context)
    await indicated(network, here)
    assert "FROZEN" == await story.state(network, "XAA", there)
    ref = await gateway.clear.new(story.draft(to="XCC", elements=elements(names=OTHER_NAME)), "first")
    assert "FROZEN" == await story.state(network, "XAA", ref)


async def test_the_index_is_not_made_anew_under_nodes_of_another_version(network: Network) -> None:
    """They would go on entering persons in their way, where no stop finds them; nor is it by a node of another key."""
    context = network.gateways["XAA"].context
    _, _, key = person_stop.mark(context).rpartition(" ")
    noted = ijson.dumps({"at": int(network.clock.now().timestamp()), "parts": {"gateway": "x"}}).decode()
    await context.commit(lambda tx: tx.set_meta("node:abc@here:1", noted))

    async def renewed(mark: str) -> tuple[int, str | None]:
        await context.commit(lambda tx: tx.set_meta("person_index", mark))
        count = await person_index.renew(context)
        return count, await context.store.read(lambda tx: tx.find_meta("person_index"))

    await story.sent(network)
    with pytest.raises(Unavailable, match="another version"):
        await renewed(f"1 {key}")
    assert (0, "1 another") == await renewed("1 another")
    network.clock.pass_(minutes=2)
    assert (1, person_stop.mark(context)) == await renewed(f"1 {key}")


async def test_who_enters_persons_in_an_older_way_enters_nobody(network: Network) -> None:
    """A process under which a newer version makes, or made, the index anew ends: no stop would find what it enters."""
    gateway, drafted = network.gateways["XAA"], story.draft()
    version, key = person_stop.mark(gateway.context).split(" ")
    for noted in (f"{int(version) + 1} anew {key}", f"{int(version) + 1} {key}"):
        await gateway.context.commit(lambda tx, noted=noted: tx.set_meta("person_index", noted))  # type: ignore[misc]
        with pytest.raises(Outdated, match="another version"):
            await gateway.clear.new(drafted, "first")
    assert () == await gateway.store.read(lambda tx: tx.case_refs("", 10))
    for noted in (f"{version} anew {key}", f"{version} {key}"):
        await gateway.context.commit(lambda tx, noted=noted: tx.set_meta("person_index", noted))  # type: ignore[misc]
        await gateway.clear.new(drafted, "first")
    assert 2 == len(await gateway.store.read(lambda tx: tx.case_refs("", 10)))


async def test_who_got_the_wrong_name_is_found_after_it_was_rectified(network: Network) -> None:
    """The list of recipients has the State that was not told yet (R-16)."""
    here, there = await story.sent(network), await story.sent(network, to="XCC")
    await network.deliver()
    await rectified(network, here, names=OTHER_NAME)
    found = await network.gateways["XAA"].notices.recipients(here, "first", "case_officer", "a wrong name went out")
    assert {here, there} == {one.ref for one in found}


async def test_correction_of_a_wrong_entry_takes_it_from_what_was_rectified_too(network: Network) -> None:
    """Who shared a number only, and by a correction of our own record does no more, shares no value any more."""
    there = await story.sent(network, to="XCC", elements=elements(document=DOCUMENT))
    await network.deliver()
    await rectified(network, there, names=OTHER_NAME)
    third = [{**story.ADULT["elements"]["names"][0], "family": "Бондар", "given": "Ірина", "latin": None}]
    await indicated(network, await story.sent(network, elements=elements(document=DOCUMENT, names=third)))
    right = elements(names=OTHER_NAME, document={**DOCUMENT, "number": "AB 12346"})
    await network.gateways["XAA"].hold.correct(there, right, "the last digit was read wrong", "first", "case_officer")
    assert () == await network.gateways["XAA"].store.read(lambda tx: tx.shared(there))


BORN = {"birth_date": "1991-02-03"}


@pytest.mark.parametrize(("changed", "theirs"), [({"sex": 1}, {}), ({"document": DOCUMENT}, {}), (BORN, BORN)])
async def test_correction_of_something_else_keeps_what_was_rectified(
    network: Network, changed: dict[str, Any], theirs: dict[str, Any]
) -> None:
    """A name that was wrong and went abroad still leads to the person's other case when something else is corrected."""
    here, there = await story.sent(network), await story.sent(network, to="XCC", elements=elements(**theirs))
    await network.deliver()
    await rectified(network, here, names=OTHER_NAME)
    hold = network.gateways["XAA"].hold
    await hold.freeze(here, "looked at", *AUTHORITY)
    await hold.correct(here, elements(names=OTHER_NAME, **changed), "typing error", *AUTHORITY)
    assert there in {one.ref for one in await network.gateways["XAA"].store.read(lambda tx: tx.shared(here))}


async def test_decision_holds_for_what_was_compared(network: Network) -> None:
    """Two cases told apart by name are held again once they share something else."""
    there, here = await story.sent(network, to="XCC"), await story.sent(network)
    await indicated(network, here)
    await apart(network, there)
    await resumed(network, there)
    shared = elements(document=DOCUMENT)
    await network.gateways["XAA"].hold.correct(here, shared, "the document was found", *AUTHORITY)
    await network.gateways["XAA"].clear.amend(there, story.draft(to="XCC", elements=shared), "first")
    assert "FROZEN" == await story.state(network, "XAA", there)


async def test_decision_is_about_one_stopped_case(network: Network) -> None:
    """A third case that is stopped later holds a case that was told apart from the first."""
    there, here = await story.sent(network, to="XCC"), await story.sent(network)
    await indicated(network, here)
    await apart(network, there)
    await resumed(network, there)
    third = await network.gateways["XAA"].clear.new(story.draft(asylum=REQUESTED), "first")
    case = await story.case(network, "XAA", there)
    assert ("FROZEN", f"{person_stop.BECAUSE}: {third}") == (case.state, case.freeze_reason)


async def test_attestation_releases_nothing_by_itself(network: Network) -> None:
    """Once the authority attests none in the stopped case, the other stays held until two persons let it go on."""
    there, here = await story.sent(network, to="XCC"), await story.sent(network)
    await indicated(network, here)
    hold = network.gateways["XAA"].hold
    await hold.release(here, "protection", "asylum_authority")
    await hold.attest(here, NONE, "she withdrew it, with counsel", "protection", "asylum_authority")
    assert [person_stop.HOLDER] == await holders(network, there)
    await apart(network, there)
    await resumed(network, there)
    assert "DRAFT" == await story.state(network, "XAA", there)


async def test_that_none_is_stopped_any_more_is_said_by_two_persons_each_time(network: Network) -> None:
    """What two said once, of a stop that is over, lets nobody go of the next one alone (V-01)."""
    there, here = await story.sent(network, to="XCC"), await story.sent(network)
    hold = network.gateways["XAA"].hold
    for _ in range(2):
        await indicated(network, here)
        await hold.release(here, "protection", "asylum_authority")
        await hold.attest(here, NONE, "she withdrew it, with counsel", "protection", "asylum_authority")
        assert [person_stop.HOLDER] == await holders(network, there)
        await apart(network, there)


async def test_who_spoke_before_more_was_shared_has_said_nothing_of_it(network: Network) -> None:
    """Two persons compare the same: after a correction it begins anew (V-01)."""
    both = elements(names=[*story.ADULT["elements"]["names"], *OTHER_NAME])
    there, here = await story.sent(network, to="XCC"), await story.sent(network, elements=both)
    await indicated(network, here)
    hold = network.gateways["XAA"].hold
    assert not await hold.tell_apart(there, "the photographs differ", "first", "case_officer")
    await hold.correct(there, both, "she has two names", *AUTHORITY)
    assert not await hold.tell_apart(there, "I looked at both files", "welfare", "child_welfare")
    assert await hold.tell_apart(there, "so did I, once more", "first", "case_officer")


async def test_only_the_authority_attests(network: Network) -> None:
    """No other role changes the protection state of a case that stands still."""
    here = await story.sent(network)
    await indicated(network, here)
    for person, role in (("first", "case_officer"), ("second", "liaison_officer"), ("welfare", "child_welfare")):
        with pytest.raises(IllegalStep):
            await network.gateways["XAA"].hold.attest(here, NONE, "no need", person, role)


async def test_stop_of_a_closed_case_ends_by_attestation(network: Network) -> None:
    """The authority can end a stop that rests on a case which is closed."""
    here = await story.sent(network)
    await indicated(network, here)
    gateway = network.gateways["XAA"]
    await gateway.hold.release(here, "protection", "asylum_authority")
    await gateway.hold.withdraw(here, "protection", "asylum_authority")
    await gateway.clear.close(here, "first")
    await gateway.hold.attest(here, NONE, "she withdrew it, with counsel", "protection", "asylum_authority")
    assert "DRAFT" == await story.state(network, "XAA", await gateway.clear.new(story.draft(to="XCC"), "first"))


OVER = ("WITHDRAWN", "CLOSED", "BLOCKED")


async def put_away(network: Network, ref: str, to: str) -> None:
    """Have the desk withdraw a case that the authority stopped, and let it be closed and locked, as far as ``to``."""
    gateway = network.gateways["XAA"]
    await gateway.hold.withdraw(ref, "first", "case_officer")
    if to != "WITHDRAWN":
        await gateway.clear.close(ref, "first")
    if to == "BLOCKED":
        network.clock.pass_(days=181)
        await gateway.retention.run_once(network.clock.now())
    assert to == await story.state(network, "XAA", ref)


@pytest.mark.parametrize("over", OVER)
async def test_the_authority_lets_go_of_what_the_desk_put_away(network: Network, over: str) -> None:
    """A stop that somebody else withdrew from under it is no stop for good: the person's others can go on (V-07)."""
    there, here = await story.sent(network, to="XCC"), await story.sent(network)
    await network.gateways["XAA"].hold.freeze(here, "we look into it", *AUTHORITY)
    await put_away(network, here, over)
    await network.gateways["XAA"].hold.release(here, *AUTHORITY)
    assert "DRAFT" == await story.state(network, "XAA", await network.gateways["XAA"].clear.new(story.draft(), "first"))
    assert [person_stop.HOLDER] == await holders(network, there), "people say so, two of them"
    await apart(network, there)
    await resumed(network, there)
    assert ("DRAFT", over) == (await story.state(network, "XAA", there), await story.state(network, "XAA", here))


@pytest.mark.parametrize("over", OVER)
async def test_to_let_go_of_what_was_put_away_is_offered_while_it_is_held(network: Network, over: str) -> None:
    """Nothing is offered that would be refused, in a case that is locked too."""
    here, gateway = await story.sent(network), network.gateways["XAA"]

    async def offers() -> bool:
        row = await gateway.inquiries.find_case(here)
        assert row is not None
        return "release" in await open_steps(desk_services(gateway), row, "protection", frozenset({AUTHORITY[1]}))

    await gateway.hold.freeze(here, "we look into it", *AUTHORITY)
    await put_away(network, here, over)
    assert await offers()
    await gateway.hold.release(here, *AUTHORITY)
    assert not await offers()


@pytest.mark.parametrize("over", OVER)
async def test_nobody_else_lets_go_of_what_the_desk_put_away(network: Network, over: str) -> None:
    """Neither the desk that withdrew it, nor child welfare, nor another of the authority ends the stop (V-07)."""
    here = await story.sent(network)
    context, hold = network.gateways["XAA"].context, network.gateways["XAA"].hold
    context.persons = {**context.persons, "colleague": Person("colleague", frozenset({"asylum_authority"}), bytes(32))}
    await hold.freeze(here, "we look into it", *AUTHORITY)
    await put_away(network, here, over)
    for person, known in context.persons.items():
        for role in known.roles - ({"asylum_authority"} if person == "protection" else set()):
            with pytest.raises((IllegalStep, RuleRefused)):
                await hold.release(here, person, role)
    assert [AUTHORITY] == await holders(network, here)
    ref = await network.gateways["XAA"].clear.new(story.draft(to="XCC"), "first")
    assert "FROZEN" == await story.state(network, "XAA", ref)


async def test_letting_go_of_what_was_put_away_unsays_nothing(network: Network) -> None:
    """What was indicated holds the person's other cases for as long as it stands, whoever lets go (R-01)."""
    here = await story.sent(network)
    await indicated(network, here)
    await put_away(network, here, "CLOSED")
    await network.gateways["XAA"].hold.release(here, *AUTHORITY)
    ref = await network.gateways["XAA"].clear.new(story.draft(to="XCC"), "first")
    assert "FROZEN" == await story.state(network, "XAA", ref)


async def test_letting_go_of_what_was_closed_lets_nothing_of_its_return_leave(network: Network) -> None:
    """A proposal without an answer, in a case that was stopped and closed so, is not posted again by it (R-02)."""
    here, _ = await homeward.prepared(network)
    await network.gateways["XAA"].returning.propose(here, "first", "case_officer")
    network.wires.lose_answers = True
    await network.deliver()
    network.wires.lose_answers = False
    await story.put(network, "XAA", here, State.CLOSED, resume_to=State.PROPOSED, holders=(AUTHORITY,))
    await network.gateways["XAA"].hold.release(here, *AUTHORITY)
    network.clock.pass_(hours=2)
    assert 0 == await network.deliver()


async def test_erasure_takes_the_values_and_releases_nothing(network: Network) -> None:
    """An erased case holds no new case; what it held stays held until two persons let go."""
    there, here = await story.sent(network, to="XCC"), await story.sent(network)
    await indicated(network, here)
    gateway = network.gateways["XAA"]
    await erase(gateway, here, network.clock.now())
    assert "SENT" == await story.state(network, "XAA", await story.sent(network))
    assert [person_stop.HOLDER] == await holders(network, there)
    await apart(network, there)
    await resumed(network, there)
    assert "DRAFT" == await story.state(network, "XAA", there)


# The index.


async def test_index_is_made_anew_for_a_store_without_one(network: Network) -> None:
    """A store from before there was an index gets one when the gateway is opened, and what it shows is held."""
    there = await story.sent(network, to="XCC")
    here = await story.sent(network, elements=elements(names=OTHER_NAME))
    gateway = network.gateways["XAA"]
    await indicated(network, here)
    await gateway.hold.correct(here, elements(names=OTHER_NAME), "nothing new", *AUTHORITY)
    other = replace(await story.case(network, "XAA", here), draft=story.draft(asylum=REQUESTED))

    async def forget(tx: Tx) -> None:
        held = await cases.load(gateway.context, tx, here)
        await cases.store(gateway.context, tx, held, other, Event("x", "first", "x"), "FROZEN", network.clock.now())
        for ref in (here, there):
            await tx.save_person_values(ref, (), False)
        await tx.set_meta("person_index", "")

    await gateway.context.commit(forget)
    await gateway.close()
    await open_gateway(network, "XAA")
    assert "FROZEN" == await story.state(network, "XAA", there)
    assert 0 == await person_index.renew(network.gateways["XAA"].context)


async def test_asked_side_enters_nothing(network: Network) -> None:
    """The State that is asked keeps no values of the person: it knows nothing of protection, and holds nobody by it."""
    _, theirs = await story.received(network)
    assert () == await network.gateways["XBB"].store.read(lambda tx: tx.shared(theirs))
    again, _ = await story.received(network)
    assert "DELIVERED" == await story.state(network, "XAA", again)
    assert () == await network.gateways["XBB"].store.read(lambda tx: tx.shared(theirs))
