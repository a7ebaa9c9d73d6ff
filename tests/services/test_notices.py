"""What may be said about data after it was sent, between two gateways: use, onward transfer, correction, erasure."""

import asyncio
from collections.abc import Awaitable
from datetime import date, timedelta
from typing import Any

import pytest

from gateway.cli.evidence_file import verify_bytes
from gateway.core.case import State
from gateway.core.machine import NOT_TOLD, IllegalStep, RuleRefused
from gateway.core.messages import AFTER_WITHDRAWAL, ERASURE, REISSUE, REQUEST
from gateway.core.notices import grants, open_demands, unanswered
from gateway.core.reuse import Grant
from gateway.core.rule_checks import NOT_LET_GO
from gateway.core.verification_changes import CORRECTED_HERE
from gateway.services import access, cases
from gateway.services.context import Forbidden, NotFound
from gateway.services.evidence import export
from gateway.services.journal import full_journal
from gateway.services.ports import Tx, Unavailable
from gateway.services.receive import Reply
from gateway.services.retain import erase_and_confirm
from keys import jws
from schemas import SchemaError
from tests.support import homeward, story
from tests.support.network import Network, nothing_leaves
from tests.support.spoilt import spoilt

CASE = "case_officer"
CLERK = "registry_clerk"
TWO = ("second", "first")
REPORT = {
    "number": 1,
    "held": True,
    "restrictions_kept": True,
    "uses": [{"purpose": "NATIONALITY", "recipient": "REGISTRY", "on": "2026-11-25"}],
}


async def refused(network: Network, country: str, ref: str) -> list[str | None]:
    """Return the codes with which the other State refused messages of the case."""

    async def unit(tx: Any) -> list[str | None]:
        return [row.code for row in await tx.outbound_of_case(ref) if row.status == "refused"]

    return await network.gateways[country].store.read(unit)


async def withdrawn(network: Network) -> tuple[str, str]:
    """Take a case to its reply and withdraw it."""
    ours, theirs = await story.replied(network)
    asking = network.gateways["XAA"]
    await asking.hold.freeze(ours, "known now", "first", CASE)
    await asking.hold.withdraw(ours, "first", CASE)
    network.clock.pass_(hours=1)
    await network.deliver()
    return ours, theirs


# What was done with it.


async def test_use_report_is_asked_and_answered(network: Network) -> None:
    """The sender asks what became of its data, and the answer stands beside the question."""
    ours, theirs = await story.replied(network)
    await network.gateways["XAA"].notices.ask_use(ours, "first", CASE)
    await network.deliver()
    await network.gateways["XBB"].notices.report_use(theirs, REPORT, "first", CLERK)
    await network.deliver()
    asked = (await story.case(network, "XAA", ours)).notices
    assert [REPORT] == [one.answer for one in asked]


async def test_use_report_answers_a_question(network: Network) -> None:
    """A report that nobody asked for is refused before it leaves."""
    _, theirs = await story.replied(network)
    with pytest.raises(RuleRefused, match="V-11"):
        await network.gateways["XBB"].notices.report_use(theirs, REPORT, "first", CLERK)


async def test_the_asked_side_may_ask_too(network: Network) -> None:
    """What the reply was used for may be asked by the State that gave it."""
    ours, theirs = await story.replied(network)
    await network.gateways["XBB"].notices.ask_use(theirs, "first", CLERK)
    await network.deliver()
    await network.gateways["XAA"].notices.report_use(ours, REPORT, "first", CASE)
    await network.deliver()
    assert [REPORT] == [one.answer for one in (await story.case(network, "XBB", theirs)).notices]


async def test_a_case_is_not_closed_on_an_open_question(network: Network) -> None:
    """Whoever was asked what became of the data answers before closing, and may close then."""
    ours, theirs = await story.replied(network)
    await network.gateways["XAA"].notices.ask_use(ours, "first", CASE)
    await network.deliver()
    asked = network.gateways["XBB"]
    with pytest.raises(RuleRefused, match="R-17"):
        await asked.answer.close(theirs, "first", CLERK)
    await asked.notices.report_use(theirs, REPORT, "first", CLERK)
    await asked.answer.close(theirs, "first", CLERK)
    assert (await story.case(network, "XBB", theirs)).state is State.CLOSED


async def test_an_open_question_keeps_nothing_longer(network: Network) -> None:
    """The timer of retention closes a case whatever people left open."""
    ours, theirs = await story.replied(network, "NOT_FOUND")
    await network.gateways["XAA"].notices.ask_use(ours, "first", CASE)
    await network.deliver()
    asked = network.gateways["XBB"]
    network.clock.pass_(days=asked.context.policy.closed_after_days + 1)
    await asked.retention.run_once(network.clock.now())
    assert (await story.case(network, "XBB", theirs)).state is State.CLOSED


# May it be passed on.


async def test_silence_is_no(network: Network) -> None:
    """A question about onward transfer that is not answered grants nothing, however long it stands."""
    _, theirs = await story.replied(network)
    await network.gateways["XBB"].notices.ask_onward(theirs, "TRAVEL_DOC", "CONSULATE", "first", CLERK)
    await network.deliver()
    network.clock.pass_(days=20)
    await network.deliver()
    assert () == grants(await story.case(network, "XBB", theirs))


async def onward(network: Network, until: str | None) -> str:
    """Let the asked State ask for onward transfer and the asking State answer."""
    ours, theirs = await story.replied(network)
    await network.gateways["XBB"].notices.ask_onward(theirs, "TRAVEL_DOC", "CONSULATE", "first", CLERK)
    await network.deliver()
    await network.gateways["XAA"].notices.answer_onward(ours, 1, until, "second", "liaison_officer")
    await network.deliver()
    return theirs


async def test_yes_grants_this_use_until_its_end(network: Network) -> None:
    """A yes is for one purpose at one kind of body and ends on its day."""
    theirs = await onward(network, "2027-01-31")
    granted = grants(await story.case(network, "XBB", theirs))
    assert (Grant("TRAVEL_DOC", "CONSULATE", date(2027, 1, 31)),) == granted


async def test_refusal_needs_no_reason(network: Network) -> None:
    """A refusal has no member for a reason and grants nothing."""
    theirs = await onward(network, None)
    case = await story.case(network, "XBB", theirs)
    assert [{"number": 1, "decision": "REFUSED", "until": None}] == [one.answer for one in case.notices]
    assert () == grants(case)


@pytest.mark.parametrize(("until", "heard"), [("2027-01-31", False), (None, True)])
async def test_a_no_is_told_and_a_yes_is_not_where_the_case_was_stopped_and_closed(
    network: Network, until: str | None, heard: bool
) -> None:
    """It was under way as our desk paused and put the case away: nothing is passed on after that (R-02)."""
    ours, theirs = await story.replied(network)
    await network.gateways["XBB"].notices.ask_onward(theirs, "TRAVEL_DOC", "CONSULATE", "first", CLERK)
    await network.deliver()
    gateway, network.wires.cut = network.gateways["XAA"], True
    await gateway.notices.answer_onward(ours, 1, until, "second", "liaison_officer")
    await network.deliver(1)
    await gateway.returning.suspend(ours, "she was seen there", "first", "case_officer")
    await gateway.clear.close(ours, "first")
    network.wires.cut = False
    network.clock.pass_(hours=1)
    await network.deliver()
    assert [heard] == [one.answer is not None for one in (await story.case(network, "XBB", theirs)).notices]


async def test_a_later_refusal_ends_a_yes(network: Network) -> None:
    """The sender may take its yes back, and the last word counts."""
    theirs = await onward(network, "2027-01-31")
    ours = (await thread_case(network, theirs))[0]
    await network.gateways["XAA"].notices.answer_onward(ours, 1, None, "second", "liaison_officer")
    await network.deliver()
    assert () == grants(await story.case(network, "XBB", theirs))


async def test_report_is_heard_from_a_case_that_was_closed_while_somebody_stopped_it(network: Network) -> None:
    """Who stopped a case can let go of it no more once it is closed; what was done with data is owed all the same."""
    ours, theirs = await story.replied(network)
    gateway = network.gateways["XAA"]
    await gateway.returning.suspend(ours, "danger", "first", CASE)
    await gateway.clear.close(ours, "first")
    await network.gateways["XBB"].notices.ask_use(theirs, "first", CLERK)
    await network.deliver()
    await gateway.notices.report_use(ours, REPORT, "first", CASE)
    network.wires.cut = True
    await network.deliver(1)
    network.wires.cut = False
    network.clock.pass_(hours=1)
    await network.deliver()
    assert [REPORT] == [one.answer for one in (await story.case(network, "XBB", theirs)).notices]


async def test_no_is_heard_from_a_case_that_was_closed_while_somebody_stopped_it(network: Network) -> None:
    """Whoever may pass nothing on can say so: only a yes waits until who stopped the case lets go."""
    ours, theirs = await story.replied(network)
    await network.gateways["XBB"].notices.ask_onward(theirs, "TRAVEL_DOC", "CONSULATE", "first", CLERK)
    await network.deliver()
    gateway = network.gateways["XAA"]
    await gateway.returning.suspend(ours, "danger", "first", CASE)
    await gateway.clear.close(ours, "first")
    with pytest.raises(RuleRefused, match=NOT_LET_GO):
        await gateway.notices.answer_onward(ours, 1, "2027-01-31", "second", "liaison_officer")
    await gateway.notices.answer_onward(ours, 1, None, "second", "liaison_officer")
    await network.deliver()
    asked = (await story.case(network, "XBB", theirs)).notices
    assert [{"number": 1, "decision": "REFUSED", "until": None}] == [one.answer for one in asked]


@pytest.mark.parametrize("came", [False, True], ids=["lost on its way", "its answer lost"])
async def test_no_is_heard_behind_a_yes_that_waits_for_who_stopped_the_case(network: Network, came: bool) -> None:
    """A yes that may be abroad is held as its case was stopped and closed; the no behind it leaves, and ends it."""
    ours, theirs = await story.replied(network)
    await network.gateways["XBB"].notices.ask_onward(theirs, "TRAVEL_DOC", "CONSULATE", "first", CLERK)
    await network.deliver()
    gateway = network.gateways["XAA"]
    network.wires.cut, network.wires.lose_answers = not came, came
    await gateway.notices.answer_onward(ours, 1, "2027-01-31", "second", "liaison_officer")
    await gateway.deliverer.run_once()
    network.wires.cut = network.wires.lose_answers = False
    await gateway.returning.suspend(ours, "danger", "first", CASE)
    await gateway.clear.close(ours, "first")
    network.clock.pass_(hours=2)
    await network.deliver()
    assert came == bool(grants(await story.case(network, "XBB", theirs))), "a yes alone waits"
    await gateway.notices.answer_onward(ours, 1, None, "second", "liaison_officer")
    network.clock.pass_(hours=2)
    await network.deliver()
    asked = (await story.case(network, "XBB", theirs)).notices
    assert [{"number": 1, "decision": "REFUSED", "until": None}] == [one.answer for one in asked]


async def thread_case(network: Network, theirs: str) -> tuple[str, str]:
    """Return the references in XAA and XBB of XBB's case."""
    thread = (await story.row(network, "XBB", theirs)).thread

    async def unit(tx: Any) -> Any:
        return await tx.find_thread("XBB", thread)

    return (await network.gateways["XAA"].store.read(unit)).ref, theirs


# It was wrong.


async def corrected(network: Network, elements: dict[str, Any]) -> tuple[str, str]:
    """Send right values for the date of birth, approved by a second person."""
    ours, theirs = await story.replied(network)
    asking = network.gateways["XAA"].notices
    pending = await asking.prepare_rectification(ours, ["BIRTH_DATE"], elements, "first", CASE)
    thread = (await story.row(network, "XAA", ours)).thread
    signed = network.approval(pending.digest, thread, "second", "rectification.approval", "liaison_officer")
    await asking.rectify(ours, signed, "second")
    await network.deliver()
    return ours, theirs


async def test_rectification_replaces_the_value_on_both_sides(network: Network) -> None:
    """The right value stands in the file of the sender and in what the receiver holds."""
    ours, theirs = await corrected(network, {"birth_date": "1999-01-02"})
    sent, held = await story.case(network, "XAA", ours), await story.case(network, "XBB", theirs)
    assert "1999-01-02" == sent.draft["elements"]["birth_date"] == held.received["elements"]["birth_date"]


async def test_who_sent_right_values_and_why_is_on_record(network: Network) -> None:
    """They are elements that leave, as those of the request were (R-13)."""
    ours, _ = await corrected(network, {"birth_date": "1999-01-02"})
    look = (await network.gateways["XAA"].store.read(lambda tx: tx.accesses(ours)))[-1]
    assert ("second", "rectify", "XBB") == (look.person, look.action, look.recipient)


async def test_right_values_leave_while_nothing_stands_against_their_leaving(network: Network) -> None:
    """What brings a value is no word that takes data back: nobody attests any more that no protection is asked for."""
    ours, _ = await story.replied(network)
    asking = network.gateways["XAA"].notices
    pending = await asking.prepare_rectification(ours, ["BIRTH_DATE"], {"birth_date": "1999-01-02"}, "first", CASE)
    case = await story.case(network, "XAA", ours)
    unknown = {"state": "unknown", "attested_by": None, "attested_on": None, "basis": None}
    await story.put(network, "XAA", ours, case.state, draft={**case.draft, "asylum": unknown})
    signed = network.approval(pending.digest, case.thread, "second", "rectification.approval", "liaison_officer")
    with pytest.raises(RuleRefused, match="R-01"):
        await asking.rectify(ours, signed, "second")


async def test_an_answer_made_before_a_correction_does_not_leave(network: Network) -> None:
    """What was prepared and countersigned on the wrong value is void once the right one arrives."""
    ours, theirs = await story.acknowledged(network)
    asked, asking = network.gateways["XBB"].answer, network.gateways["XAA"].notices
    made = await asked.prepare(theirs, story.reply("NOT_FOUND"), "first")
    thread = (await story.row(network, "XAA", ours)).thread
    countersigned = network.approval(made.digest, thread, "signer", "reply.second-signature", "second_signer")
    await asked.countersign(theirs, countersigned, "signer")
    pending = await asking.prepare_rectification(ours, ["BIRTH_DATE"], {"birth_date": "1999-01-02"}, "first", CASE)
    approved = network.approval(pending.digest, thread, "second", "rectification.approval", "liaison_officer")
    await asking.rectify(ours, approved, "second")
    await network.deliver()
    with pytest.raises(IllegalStep):
        await asked.answer(theirs, "first")


async def kept(network: Network, country: str, ref: str) -> dict[str, bytes]:
    """Return the payloads that ``country`` still holds of what came in a case, by type."""
    context = network.gateways[country].context

    async def unit(tx: Tx) -> dict[str, bytes]:
        held, found = await cases.load(context, tx, ref), {}
        for row in await tx.inbound_of_case(ref):
            if row.sealed is not None:
                signed = context.vault.open(held.key, "inbound", row.digest, "sealed", row.sealed)
                found[row.type] = jws.parse(signed, jws.TYP_MESSAGE).payload
        return found

    made: dict[str, bytes] = await context.store.read(unit)
    return made


async def test_struck_value_is_destroyed_with_the_message_that_brought_it(network: Network) -> None:
    """The file and every signed message let go of it as the word arrives; the journal that holds copies is cut."""
    ours, theirs = await story.replied(network)
    assert "verification.request" in await kept(network, "XBB", theirs)
    await network.gateways["XAA"].notices.strike(ours, ["BIRTH_PLACE"], "first", CASE)
    await network.deliver()
    assert {"rectification"} == set(await kept(network, "XBB", theirs))
    asked = network.gateways["XBB"]
    assert await asked.store.read(full_journal) is not None
    await asked.retention.empty_journal()
    assert await asked.store.read(full_journal) is None
    full = await export(asked.context, theirs, "second", "desk_head", "appeal", cards=asked.cards, with_content_by=TWO)
    assert () == verify_bytes(full).faults


async def test_message_that_cannot_be_read_is_taken_to_have_brought_what_was_struck(network: Network) -> None:
    """A copy of the key or of the bytes may be right elsewhere; what is struck is to be nowhere (R-16)."""
    ours, theirs = await story.replied(network)
    store = network.gateways["XBB"].store
    (row,) = [row for row in await store.read(lambda tx: tx.inbound_of_case(theirs)) if row.type == REQUEST]
    await store.commit(lambda tx: tx.save_inbound(row._replace(sealed=spoilt(row.sealed))))
    await network.gateways["XAA"].notices.strike(ours, ["BIRTH_PLACE"], "first", CASE)
    await network.deliver()
    assert {"rectification"} == set(await kept(network, "XBB", theirs))
    assert ("message.fault", {"partner": "XAA", "type": REQUEST, "error": "BadRest"}) in network.logs


async def test_struck_value_whose_message_is_gone_is_cut_from_the_journal_too(network: Network) -> None:
    """The file let go of it: earlier states of that are in the journal, whether or not a message still brought it."""
    ours, _ = await story.replied(network)
    asked = network.gateways["XBB"]
    for part in ("BIRTH_PLACE", "NAMES"):
        await network.gateways["XAA"].notices.strike(ours, [part], "first", CASE)
        await network.deliver()
        assert await asked.store.read(full_journal) is not None
        await asked.retention.empty_journal()


async def test_message_that_brought_nothing_struck_stays(network: Network) -> None:
    """What came right stays with its signature: the message with the right value, and the reply that was taken back."""
    _, theirs = await corrected(network, {"birth_date": "1999-01-02"})
    assert b"1999-01-02" in (await kept(network, "XBB", theirs))["rectification"]
    assert "verification.request" not in await kept(network, "XBB", theirs)
    ours, theirs = await story.replied(network)
    await network.gateways["XBB"].notices.strike(theirs, ["REPLY"], "first", CLERK)
    await network.deliver()
    assert "verification.reply" in await kept(network, "XAA", ours)


async def test_rectification_is_open_until_it_is_confirmed(network: Network) -> None:
    """A rectification is listed with its recipient until the recipient confirms that it was carried out."""
    ours, theirs = await corrected(network, {"birth_date": "1999-01-02"})
    before = await network.gateways["XAA"].notices.recipients(ours, "first", CASE, "to correct it")
    await network.gateways["XBB"].notices.confirm(theirs, 1, "DONE", "first", CLERK)
    await network.deliver()
    after = await network.gateways["XAA"].notices.recipients(ours, "first", CASE, "to correct it")
    assert [("XBB", 1), ("XBB", 0)] == [(one.partner, len(one.open)) for one in (*before, *after)]


async def test_who_was_sent_what_is_looked_up_on_record(network: Network) -> None:
    """Which cases are of one person tells of the person: each of them says who looked, and why (R-13)."""
    refs = [await story.sent(network), await story.sent(network)]
    await network.deliver()
    gateway = network.gateways["XAA"]
    await gateway.clear.new(story.draft(to="XCC"), "first")  # of which nobody was sent anything
    found = await gateway.notices.recipients(refs[0], "second", "liaison_officer", "a wrong date of birth")
    assert set(refs) == {one.ref for one in found}

    async def unit(tx: Tx) -> list[tuple[str, str, str]]:
        rows = [(await cases.load(gateway.context, tx, ref), (await tx.accesses(ref))[-1]) for ref in refs]
        return [(row.person, row.action, access.justification_of(gateway.context, held, row)) for held, row in rows]

    assert [("second", "recipients", "a wrong date of birth")] * 2 == await gateway.store.read(unit)


async def test_rectification_brings_no_new_element(network: Network) -> None:
    """An element that was never sent cannot travel as a correction."""
    with pytest.raises(RuleRefused, match="R-16"):
        await corrected(network, {"birth_date": "1999-01-02", "personal_number": "900101-1"})


async def asked_twice(network: Network) -> str:
    """Take a case to its reply: what was asked for first was sent, and of what was asked for then nothing."""
    elements = {**story.draft()["elements"], "personal_number": "900101-1"}
    ours, theirs = await story.acknowledged(network, elements=elements)
    asking, asked = network.gateways["XAA"].clear, network.gateways["XBB"].answer
    await asked.ask(theirs, ["SEX"], 2, "first")
    await network.deliver()
    preview = await asking.prepare(ours, "first")
    thread = (await story.row(network, "XAA", ours)).thread
    signed = network.approval(preview.digest, thread, "second", "elements.approval", "liaison_officer")
    await asking.approve(ours, signed, "second")
    await asking.send(ours, "first")
    await network.deliver()
    await asked.ask(theirs, ["PERSONAL_NUMBER"], 2, "first")
    await network.deliver()
    await story.give_answer(network, theirs, story.reply())
    await network.deliver()
    return ours


async def put_right(network: Network, ours: str, part: str, elements: dict[str, Any]) -> None:
    """Send right values for one part, approved by a second person."""
    asking = network.gateways["XAA"].notices
    pending = await asking.prepare_rectification(ours, [part], elements, "first", CASE)
    thread = (await story.row(network, "XAA", ours)).thread
    signed = network.approval(pending.digest, thread, "second", "rectification.approval", "liaison_officer")
    await asking.rectify(ours, signed, "second")
    await network.deliver()


async def test_what_an_earlier_question_asked_for_is_put_right(network: Network) -> None:
    """An element that left is corrected by its value, whatever was asked for since (R-16)."""
    ours = await asked_twice(network)
    await put_right(network, ours, "SEX", {"sex": 9})
    assert 9 == (await story.case(network, "XBB", await story.twin(network, ours))).received["elements"]["sex"]


async def test_what_was_asked_for_and_never_sent_is_not_put_right(network: Network) -> None:
    """A reply that came without it needed no such element: it does not leave as a correction of nothing (R-16)."""
    ours = await asked_twice(network)
    with pytest.raises(RuleRefused, match="R-16"):
        await put_right(network, ours, "PERSONAL_NUMBER", {"personal_number": "900101-2"})


async def test_what_is_set_right_here_alone_is_noted_until_it_is_told(network: Network) -> None:
    """A stopped case says nothing: what was sent wrong is a finding until the other State hears of it (R-16)."""
    ours, _ = await story.replied(network)
    gateway = network.gateways["XAA"]
    await gateway.hold.freeze(ours, "to look into it", "first", CASE)
    right = {**story.draft()["elements"], "birth_date": "1999-01-02"}
    await gateway.hold.correct(ours, right, "misread", "first", CASE)
    alone = CORRECTED_HERE % {"part": "BIRTH_DATE"}
    assert (alone,) == (await story.case(network, "XAA", ours)).findings
    await gateway.hold.release(ours, "first", CASE)
    await gateway.hold.resume(ours, "first", CASE)
    await gateway.hold.resume(ours, "second", "liaison_officer")
    await gateway.notices.strike(ours, ["BIRTH_PLACE"], "first", CASE)
    assert (alone,) == (await story.case(network, "XAA", ours)).findings, "word of another part tells nothing of it"
    await gateway.notices.strike(ours, ["BIRTH_DATE"], "first", CASE)
    assert () == (await story.case(network, "XAA", ours)).findings


async def test_what_was_never_sent_is_set_right_without_a_word(network: Network) -> None:
    """Of a case that nobody abroad has there is nothing to tell."""
    ours, gateway = await story.cleared(network), network.gateways["XAA"]
    await gateway.hold.freeze(ours, "to look into it", "first", CASE)
    right = {**story.draft()["elements"], "birth_date": "1999-01-02"}
    await gateway.hold.correct(ours, right, "misread", "first", CASE)
    assert () == (await story.case(network, "XAA", ours)).findings


async def test_author_cannot_approve_a_rectification(network: Network) -> None:
    """Right values need a second person, like a request."""
    ours, _ = await story.replied(network)
    asking = network.gateways["XAA"].notices
    pending = await asking.prepare_rectification(
        ours, ["BIRTH_DATE"], {"birth_date": "1999-01-02"}, "second", "liaison_officer"
    )
    thread = (await story.row(network, "XAA", ours)).thread
    signed = network.approval(pending.digest, thread, "second", "rectification.approval", "liaison_officer")
    with pytest.raises(RuleRefused, match="V-01"):
        await asking.rectify(ours, signed, "second")


async def test_reply_that_is_taken_back_is_none(network: Network) -> None:
    """A State that takes its reply back leaves the asking State without one, so that nothing can rest on it."""
    ours, theirs = await story.replied(network)
    await network.gateways["XBB"].notices.strike(theirs, ["REPLY"], "first", CLERK)
    await network.deliver()
    case = await story.case(network, "XAA", ours)
    assert (None, None) == (case.reply, case.reply_digest)


async def test_reply_is_taken_back_behind_an_acceptance_that_rested_on_it(network: Network) -> None:
    """An acceptance that may be abroad rests on no reply any more (R-04); word of that does not wait behind it."""
    ours, theirs = await homeward.proposed(network)
    network.wires.cut = True
    await homeward.accept(network, theirs)
    await network.deliver()
    await network.gateways["XBB"].notices.strike(theirs, ["REPLY"], "first", CLERK)
    network.wires.cut = False
    network.clock.pass_(hours=1)
    await network.deliver()
    assert (await story.case(network, "XAA", ours)).reply is None


async def test_a_state_corrects_what_it_sent_itself(network: Network) -> None:
    """The asked State cannot strike an element, nor the asking State a reply."""
    ours, theirs = await story.replied(network)
    with pytest.raises(RuleRefused, match="R-16"):
        await network.gateways["XBB"].notices.strike(theirs, ["NAMES"], "first", CLERK)
    with pytest.raises(RuleRefused, match="R-16"):
        await network.gateways["XAA"].notices.strike(ours, ["REPLY"], "first", CASE)


# After a withdrawal.


async def test_rectification_and_erasure_follow_a_withdrawal(network: Network) -> None:
    """After the withdrawal of a thread both sides still take what corrects and destroys, and confirm it."""
    ours, theirs = await withdrawn(network)
    asking, asked = network.gateways["XAA"].notices, network.gateways["XBB"].notices
    await asking.strike(ours, ["NAMES"], "first", CASE)
    await asking.demand_erasure(ours, "first", CASE)
    await network.deliver()
    await asked.confirm(theirs, 1, "DONE", "first", CLERK)
    await network.deliver()
    await asked.destroy(theirs, 1, "second", "desk_head")
    await network.deliver()
    assert [] == await refused(network, "XAA", ours)
    assert () == open_demands(await story.case(network, "XAA", ours))


@pytest.mark.parametrize("frozen", [False, True])
async def test_what_was_on_its_way_as_the_withdrawal_came_keeps_no_confirmation_back(
    network: Network, frozen: bool
) -> None:
    """Its number has to be used before another is heard: the asked State posts it on, stopped or not (M-5.6)."""
    ours, theirs = await story.received(network)
    asking, asked = network.gateways["XAA"], network.gateways["XBB"]
    network.wires.cut = True
    await asked.answer.acknowledge(theirs, "first")
    await network.deliver()
    if frozen:
        await asked.hold.freeze(theirs, "known now", "first", CLERK)
    await asking.hold.freeze(ours, "known now", "first", CASE)
    await asking.hold.withdraw(ours, "first", CASE)
    await asking.notices.strike(ours, ["NAMES"], "first", CASE)
    network.wires.cut = False
    network.clock.pass_(hours=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asked.deliverer, "run_once", nothing_leaves)
        await network.deliver()
    await asked.notices.confirm(theirs, 1, "DONE", "first", CLERK)
    network.clock.pass_(hours=1)
    await network.deliver()
    assert () == open_demands(await story.case(network, "XAA", ours))


@pytest.mark.parametrize("confirmed", [False, True], ids=["lost before", "lost after"])
async def test_whoever_confirms_behind_a_number_that_was_lost_is_heard_under_it(
    network: Network, confirmed: bool
) -> None:
    """What met a final problem uses no number: what takes data back has it, also in a withdrawn thread (M-5.10)."""
    ours, theirs = await story.received(network)
    asking, asked = network.gateways["XAA"], network.gateways["XBB"]
    await asked.answer.acknowledge(theirs, "first")
    receive, spoilt = asking.receiver.receive, list[bytes]()

    def spoil(body: bytes) -> Awaitable[Reply]:
        first = not spoilt
        spoilt.append(body)
        return receive(body[:-1] + bytes([body[-1] ^ 1])) if first else receive(body)

    asking.receiver.receive = spoil  # type: ignore[method-assign]
    network.wires.cut = confirmed
    await asked.deliverer.run_once()
    network.wires.cut = False
    await asking.hold.freeze(ours, "known now", "first", CASE)
    await asking.hold.withdraw(ours, "first", CASE)
    await asking.notices.strike(ours, ["NAMES"], "first", CASE)
    network.clock.pass_(hours=1)
    await asking.deliverer.run_once()
    await asking.deliverer.run_once()
    assert NOT_TOLD not in (await story.case(network, "XBB", theirs)).findings
    await asked.notices.confirm(theirs, 1, "DONE", "first", CLERK)
    network.clock.pass_(hours=1)
    await network.deliver()
    assert () == open_demands(await story.case(network, "XAA", ours))
    assert NOT_TOLD not in (await story.case(network, "XBB", theirs)).findings


async def test_whoever_closed_a_case_learns_that_its_confirmation_was_lost(network: Network) -> None:
    """No state of a case that is over tells it, and the demand stays open there: people say it another way."""
    ours, theirs = await story.replied(network)
    asking, asked = network.gateways["XAA"], network.gateways["XBB"]
    await asking.notices.strike(ours, ["NAMES"], "first", CASE)
    await network.deliver()
    await asked.notices.confirm(theirs, 1, "DONE", "first", CLERK)
    await asked.answer.close(theirs, "first")
    receive = asking.receiver.receive
    asking.receiver.receive = lambda body: receive(body[:-1] + bytes([body[-1] ^ 1]))  # type: ignore[method-assign]
    await asked.deliverer.run_once()
    asking.receiver.receive = receive  # type: ignore[method-assign]
    await network.deliver()
    assert 1 == len(open_demands(await story.case(network, "XAA", ours)))
    assert NOT_TOLD in (await story.case(network, "XBB", theirs)).findings


async def test_a_confirmation_that_waits_is_not_taken_out_by_a_withdrawal(network: Network) -> None:
    """What takes data back follows a withdrawal, also where the asked State had said it before that came (M-5.23)."""
    ours, theirs = await story.received(network)
    asking, asked = network.gateways["XAA"], network.gateways["XBB"]
    await asking.notices.strike(ours, ["NAMES"], "first", CASE)
    await network.deliver()
    await asked.answer.acknowledge(theirs, "first")
    await asked.notices.confirm(theirs, 1, "DONE", "first", CLERK)
    await asking.hold.freeze(ours, "known now", "first", CASE)
    await asking.hold.withdraw(ours, "first", CASE)
    network.clock.pass_(hours=1)
    await asking.deliverer.run_once()
    await network.deliver()
    assert () == open_demands(await story.case(network, "XAA", ours))
    assert [] == await refused(network, "XBB", theirs)


async def test_nothing_else_follows_a_withdrawal(network: Network) -> None:
    """A question about use does not leave a thread that was withdrawn."""
    ours, _ = await withdrawn(network)
    with pytest.raises(IllegalStep):
        await network.gateways["XAA"].notices.ask_use(ours, "first", CASE)


async def test_no_value_follows_a_withdrawal(network: Network) -> None:
    """Right values cannot be prepared once the case is withdrawn."""
    ours, _ = await withdrawn(network)
    with pytest.raises(IllegalStep):
        await network.gateways["XAA"].notices.prepare_rectification(
            ours, ["BIRTH_DATE"], {"birth_date": "1999-01-02"}, "first", CASE
        )


async def test_nothing_is_said_about_what_never_left(network: Network) -> None:
    """If nothing of a case was ever posted, no erasure is asked for: it would tell that there was something."""
    ours = await story.sent(network)
    asking = network.gateways["XAA"]
    await asking.hold.freeze(ours, "known now", "first", CASE)
    await asking.hold.withdraw(ours, "first", CASE)
    with pytest.raises(RuleRefused, match="V-12"):
        await asking.notices.demand_erasure(ours, "first", CASE)
    await network.deliver()
    assert [] == network.wires.posted


async def test_frozen_case_says_nothing(network: Network) -> None:
    """While a case is frozen and not withdrawn, not even an erasure is asked for."""
    ours, _ = await story.replied(network)
    await network.gateways["XAA"].hold.freeze(ours, "known now", "first", CASE)
    with pytest.raises(IllegalStep):
        await network.gateways["XAA"].notices.demand_erasure(ours, "first", CASE)


def test_exempt_types_are_three() -> None:
    """What may follow a withdrawal is named once: rectification, erasure, confirmation (M-5.31)."""
    assert {"rectification", "erasure", "confirmation"} == AFTER_WITHDRAWAL


# It is destroyed.


async def erased(network: Network) -> tuple[str, str]:
    """Ask for erasure and have it carried out."""
    ours, theirs = await story.replied(network)
    await network.gateways["XAA"].notices.demand_erasure(ours, "first", CASE)
    await network.deliver()
    await network.gateways["XBB"].notices.destroy(theirs, 1, "second", "desk_head")
    return ours, theirs


async def test_erasure_destroys_the_case_with_its_key(network: Network) -> None:
    """The copy of the asked State is gone: no key, no content, and the reference is on the list of erased cases."""
    _, theirs = await erased(network)
    row = await story.row(network, "XBB", theirs)
    assert ("ERASED", None, None) == (row.state, row.wrapped_key, row.sealed)
    assert theirs in (network.homes["XBB"] / "erased.txt").read_text()
    with pytest.raises(NotFound):
        await story.case(network, "XBB", theirs)


async def test_erasure_is_confirmed(network: Network) -> None:
    """The confirmation outlives the case it is about, and closes the demand."""
    ours, _ = await erased(network)
    await network.deliver()
    case = await story.case(network, "XAA", ours)
    assert () == open_demands(case)
    assert [{"number": 1, "act": "ERASURE", "result": "DONE"}] == [one.answer for one in case.notices]


async def test_confirmation_arrives_that_waited_longer_than_its_key(network: Network) -> None:
    """The confirmation of an erased case is sealed anew like any message, or the demand would stay open for ever."""
    network.clock.pass_(days=29)
    await network.refresh()
    ours, theirs = await erased(network)
    kept = await network.gateways["XBB"].store.read(lambda tx: tx.outbound_of_case(theirs))
    assert {(None, None)} == {(row.sealed, row.envelope) for row in kept}
    await story.out_of_reach(network)
    assert () == open_demands(await story.case(network, "XAA", ours))


async def test_erasure_is_not_confirmed_without_being_done(network: Network) -> None:
    """A confirmation of erasure has no way out but the step that destroys the copy."""
    ours, theirs = await story.replied(network)
    await network.gateways["XAA"].notices.demand_erasure(ours, "first", CASE)
    await network.deliver()
    with pytest.raises(RuleRefused):
        await network.gateways["XBB"].notices.confirm(theirs, 1, "DONE", "first", CLERK)


async def test_erasure_that_a_timer_carried_out_is_confirmed(network: Network) -> None:
    """Where the desk did nothing and the day came on which all goes, whoever demanded it learns that it is gone."""
    ours, theirs = await story.replied(network)
    await network.gateways["XAA"].notices.strike(ours, ["NAMES"], "first", CASE)
    await network.gateways["XAA"].notices.demand_erasure(ours, "first", CASE)
    await network.deliver()
    for days in (157, 1):
        network.clock.pass_(days=days)
        await network.refresh()
        await network.gateways["XBB"].retention.run_once(network.clock.now())
    assert "ERASED" == await story.state(network, "XBB", theirs)
    await network.deliver()
    assert () == open_demands(await story.case(network, "XAA", ours))
    sent = await network.gateways["XBB"].store.read(lambda tx: tx.outbound_of_case(theirs))
    assert not [row for row in sent if row.type == "confirmation"], "nothing of it is kept with the case"


@pytest.mark.parametrize("asked", ["XBB", "XAA"])
async def test_what_waits_behind_a_demand_holds_up_no_confirmation(network: Network, asked: str) -> None:
    """A question of ours that never left is gone with the case: no number is missing before word of the erasure."""
    ours, theirs = await story.replied(network)
    refs, roles = {"XAA": ours, "XBB": theirs}, {"XAA": CASE, "XBB": CLERK}
    (asking,) = refs.keys() - {asked}
    await network.gateways[asking].notices.demand_erasure(refs[asking], "first", roles[asking])
    await network.deliver()
    await network.gateways[asked].notices.ask_use(refs[asked], "first", roles[asked])
    context, now = network.gateways[asked].context, network.clock.now()
    await context.commit(lambda tx: erase_and_confirm(context, tx, refs[asked], now))
    assert "ERASED" == await story.state(network, asked, refs[asked])
    await network.deliver()
    assert () == open_demands(await story.case(network, asking, refs[asking]))


async def test_what_is_due_to_go_waits_for_no_key_of_the_other_state(network: Network) -> None:
    """Where it is on hold its data is destroyed all the same, and word of that leaves once its card is held again."""
    ours, theirs = await story.replied(network)
    await network.gateways["XAA"].notices.demand_erasure(ours, "first", CASE)
    await network.deliver()
    context, now = network.gateways["XBB"].context, network.clock.now()
    card = context.trust._cards.pop("XAA")
    await context.commit(lambda tx: erase_and_confirm(context, tx, theirs, now))
    assert "ERASED" == await story.state(network, "XBB", theirs)
    context.trust._cards["XAA"] = card
    await network.deliver()
    assert () == open_demands(await story.case(network, "XAA", ours))


async def test_nobody_destroys_unasked(network: Network) -> None:
    """A copy is destroyed here when the other State asks for it; our own timers do the rest."""
    _, theirs = await story.replied(network)
    with pytest.raises(RuleRefused, match="R-16"):
        await network.gateways["XBB"].notices.destroy(theirs, 1, "second", "desk_head")
    assert "REPLIED" == await story.state(network, "XBB", theirs)


@pytest.mark.parametrize("posted", [False, True])
async def test_erasure_waits_for_what_is_on_its_way(network: Network, posted: bool) -> None:
    """A copy is not destroyed while a message of ours is unanswered: its confirmation could not follow it."""
    ours, theirs = await story.replied(network)
    await network.gateways["XAA"].notices.demand_erasure(ours, "first", CASE)
    await network.deliver()
    await network.gateways["XBB"].notices.ask_use(theirs, "first", CLERK)
    if posted:
        network.wires.lose_answers = True
        await network.deliver(1)
    with pytest.raises(Unavailable):
        await network.gateways["XBB"].notices.destroy(theirs, 1, "second", "desk_head")


@pytest.mark.parametrize(("asked", "role"), [("XBB", "desk_head"), ("XAA", "liaison_officer")])
async def test_the_journal_is_cut_with_what_is_destroyed(
    network: Network, monkeypatch: pytest.MonkeyPatch, asked: str, role: str
) -> None:
    """On either side no copy lies in what was written before."""
    refs = dict(zip(("XAA", "XBB"), await story.replied(network), strict=True))
    (asking,) = refs.keys() - {asked}
    sender = CASE if asking == "XAA" else CLERK
    await network.gateways[asking].notices.demand_erasure(refs[asking], "first", sender)
    await network.deliver()
    store, cut = network.gateways[asked].store, list[bool]()
    truncate = store.truncate

    async def counted() -> None:
        cut.append(True)
        await truncate()

    monkeypatch.setattr(store, "truncate", counted)
    await network.gateways[asked].notices.destroy(refs[asked], 1, "second", role)
    assert ([True], None) == (cut, await store.read(full_journal))


async def test_copy_is_not_listed_as_erased_before_it_is_certain(network: Network) -> None:
    """What another step of the desk keeps from being destroyed, in the same instant, outlives the next start too."""
    ours, theirs = await story.replied(network)
    await network.gateways["XAA"].notices.demand_erasure(ours, "first", CASE)
    await network.deliver()
    asked = network.gateways["XBB"]
    asking = asyncio.create_task(asked.notices.ask_use(theirs, "first", CLERK))
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await asked.notices.destroy(theirs, 1, "second", "desk_head")
    await asking
    assert "REPLIED" == await story.state(network, "XBB", theirs)
    file = network.homes["XBB"] / "erased.txt"
    assert theirs not in (file.read_text() if file.exists() else "")


async def test_the_asking_side_destroys_what_it_was_told(network: Network) -> None:
    """Asked by the other State, the asking State lets go of the reply and keeps its own file, closed."""
    ours, theirs = await story.replied(network)
    await network.gateways["XBB"].notices.demand_erasure(theirs, "first", CLERK)
    await network.deliver()
    await network.gateways["XAA"].notices.destroy(ours, 1, "second", "liaison_officer")
    await network.deliver()
    case = await story.case(network, "XAA", ours)

    async def unit(tx: Any) -> list[Any]:
        return [row.sealed for row in await tx.inbound_of_case(ours) if row.type == "verification.reply"]

    assert ("CLOSED", None, [None]) == (case.state, case.reply, await network.gateways["XAA"].store.read(unit))
    assert () == open_demands(await story.case(network, "XBB", theirs))


@pytest.mark.parametrize("barred", [False, True], ids=["R-01", "N-01"])
async def test_what_takes_back_waits_for_no_word_that_may_not_leave(network: Network, barred: bool) -> None:
    """Of who seeks protection, or to a State that is barred, no hand is told; what was wrong is taken back first."""
    ours, theirs = await homeward.departed(network)
    homeward.move_to(network, homeward.DEPARTS_AT + timedelta(hours=5))
    asking = network.gateways["XAA"]
    seen = await asking.returning.protocol(ours, homeward.PROTOCOL, "escort", "escort")
    signed = network.approval(seen.digest, seen.thread, "escort", "handover.delivery", "escort")
    await asking.returning.hand_over(ours, homeward.PROTOCOL, signed, "escort")
    if barred:
        await asking.no_contact.propose("XBB", "danger", "second", "liaison_officer")
        await asking.no_contact.confirm("XBB", "danger", "welfare", "child_welfare")
    known = {"state": "indicated", "attested_by": "protection", "attested_on": None, "basis": None}
    who = ("protection", "asylum_authority")
    await asking.returning.recall(ours, "so", "UNSAFE", "2026-12-20", *who, protection=None if barred else known)
    await asking.notices.strike(ours, ["BIRTH_PLACE"], "first", CASE)
    await network.deliver()
    case = await story.case(network, "XBB", theirs)
    assert ("DEPARTED", False) == (case.state, "birth_place" in case.received["elements"])


@pytest.mark.parametrize("held", [True, False], ids=["held by R-01", "out of reach"])
async def test_what_takes_back_in_a_closed_case_waits_for_nothing_in_silence(network: Network, held: bool) -> None:
    """Behind a question that a rule holds, or that expires, it is not heard, and nothing withdraws: people are told."""
    ours, _ = await story.replied(network)
    asking = network.gateways["XAA"]
    network.wires.cut = True
    await asking.notices.ask_onward(ours, "TRAVEL_DOC", "CONSULATE", "first", CASE)
    await network.deliver()
    await asking.notices.strike(ours, ["BIRTH_PLACE"], "first", CASE)
    await asking.clear.close(ours, "first")
    network.wires.cut = not held
    if held:
        other = await story.sent(network)
        known = {"state": "requested", "attested_by": "protection", "attested_on": "2026-11-25", "basis": "so"}
        await asking.hold.freeze(other, "she asks for it", "protection", "asylum_authority", known)
    network.clock.pass_(days=2 if held else 31)
    await network.deliver()
    await asking.deliverer.look()
    assert (NOT_TOLD,) == (await story.case(network, "XAA", ours)).findings


async def test_what_takes_back_and_was_taken_out_with_a_lost_message_is_told(network: Network) -> None:
    """A question had no receipt in its time: what was struck behind it never leaves, nor once the case is withdrawn."""
    ours, theirs = await story.replied(network)
    asking = network.gateways["XAA"]
    network.wires.cut = True
    await asking.notices.ask_onward(ours, "TRAVEL_DOC", "CONSULATE", "first", CASE)
    await network.deliver()
    await asking.notices.strike(ours, ["BIRTH_PLACE"], "first", CASE)
    network.clock.pass_(days=31)
    await asking.deliverer.look()
    network.wires.cut = False
    await network.refresh()
    case = await story.case(network, "XAA", ours)
    assert ("UNDELIVERED", (NOT_TOLD,)) == (case.state, case.findings)
    await asking.hold.freeze(ours, "no more", "first", CASE)
    await asking.hold.withdraw(ours, "first", CASE)
    network.clock.pass_(hours=2)
    await network.deliver()
    assert "birth_place" in (await story.case(network, "XBB", theirs)).received["elements"]


@pytest.mark.parametrize("came", [False, True], ids=["lost on its way", "its answer lost"])
@pytest.mark.parametrize("kind", ["confirmation", "erasure"])
async def test_what_takes_back_is_said_again_behind_a_withdrawal_that_closes_its_number(
    network: Network, kind: str, came: bool
) -> None:
    """Whether it came nobody knows as the case is withdrawn; the other State has it afterwards, either way."""
    ours, theirs = await story.replied(network)
    asking, asked = network.gateways["XAA"], network.gateways["XBB"]
    await asked.notices.strike(theirs, ["REPLY"], "first", CLERK)
    await network.deliver()
    network.wires.cut, network.wires.lose_answers = not came, came
    if kind == "confirmation":
        await asking.notices.confirm(ours, 1, "DONE", "first", CASE)
    else:
        await asking.notices.demand_erasure(ours, "first", CASE)
    await asking.deliverer.run_once()
    network.wires.cut = network.wires.lose_answers = False
    await asking.hold.freeze(ours, "no more", "first", CASE)
    await asking.hold.withdraw(ours, "first", CASE)
    network.clock.pass_(hours=2)
    await network.deliver()
    case = await story.case(network, "XBB", theirs)
    heard = () == open_demands(case) if kind == "confirmation" else [ERASURE] == [one.kind for one in unanswered(case)]
    assert ("WITHDRAWN", True) == (case.state, heard)
    assert NOT_TOLD not in (await story.case(network, "XAA", ours)).findings


async def test_what_was_reported_goes_with_what_the_other_state_sent(network: Network) -> None:
    """Of a report on the person no word stays where its own sender has all destroyed, not as a finding either."""
    ours, theirs = await homeward.handed_over(network)
    asked = network.gateways["XBB"]
    await asked.returning.report(theirs, "SEEN_SAFE", "2026-12-14", False, "reception", "reception")
    await network.deliver()
    network.clock.pass_(days=186)
    await network.refresh()
    await asked.returning.report(theirs, "SEEN_SAFE", "2027-06-17", True, "reception", "reception")
    await network.deliver()
    assert any("SEEN_SAFE" in found for found in (await story.case(network, "XAA", ours)).findings)
    await asked.notices.demand_erasure(theirs, "first", CLERK)
    await network.deliver()
    await network.gateways["XAA"].notices.destroy(ours, 1, "second", "liaison_officer")
    assert () == (await story.case(network, "XAA", ours)).findings


async def test_wrong_people_and_bodies_are_refused(network: Network) -> None:
    """A role that has no part in it may not ask, and a code that is none is told as such."""
    ours, _ = await story.replied(network)
    asking = network.gateways["XAA"].notices
    with pytest.raises(IllegalStep):
        await asking.ask_use(ours, "board", "foreign_affairs")
    with pytest.raises(SchemaError):
        await asking.ask_onward(ours, "ANYTHING", "CONSULATE", "first", CASE)
    with pytest.raises(Forbidden):
        await asking.rectify(ours, "no statement", "second")


async def test_nothing_that_the_other_state_said_is_left(network: Network) -> None:
    """An acceptance and its signature, and the result of an interview, go as the reply goes."""
    ours, theirs = await homeward.accepted(network)
    await network.gateways["XBB"].notices.demand_erasure(theirs, "first", CLERK)
    await network.deliver()
    await network.gateways["XAA"].hold.freeze(ours, "no more", "first", CASE)
    await network.gateways["XAA"].hold.withdraw(ours, "first", CASE)
    network.clock.pass_(hours=2)
    await network.deliver()
    assert "theirs" in {one.authority for one in (await story.case(network, "XAA", ours)).releases}
    await network.gateways["XAA"].notices.destroy(ours, 1, "second", "liaison_officer")
    case = await story.case(network, "XAA", ours)
    assert ({}, None, None, {"ours"}) == (
        case.said,
        case.reply,
        case.interview,
        {one.authority for one in case.releases},
    )


@pytest.mark.parametrize(("person", "role"), [("board", "foreign_affairs"), ("writer", "information_officer")])
async def test_which_cases_are_of_one_person_is_for_the_desk(network: Network, person: str, role: str) -> None:
    """Who may learn no identity does not learn either that two States were asked about the same person."""
    ours, _ = await story.received(network)
    with pytest.raises(Forbidden):
        await network.gateways["XAA"].notices.recipients(ours, person, role, "to correct it")


@pytest.mark.parametrize("first", ["erasure", "rectification"])
async def test_neither_a_reply_taken_back_nor_a_demand_waits_behind_what_rests_on_it(
    network: Network, first: str
) -> None:
    """A document that waits is held as the reply is taken back (R-04); what is said of that is heard without it."""
    _, theirs = await homeward.documented(network)
    gateway = network.gateways["XBB"]
    await gateway.returning.reissue(theirs, {**homeward.DOCUMENT, "number_digest": "B" * 42 + "A"}, "issuer")
    said = ["erasure", "rectification"] if first == "erasure" else ["rectification", "erasure"]
    for kind in said:
        if kind == "erasure":
            await gateway.notices.demand_erasure(theirs, "first", CLERK)
        else:
            await gateway.notices.strike(theirs, ["REPLY"], "first", CLERK)
    await network.deliver()
    rows = await gateway.store.read(lambda tx: tx.outbound_of_case(theirs))
    last = [(row.type, row.state) for row in sorted(rows, key=lambda row: row.seq or 0) if row.state != "dropped"][-3:]
    assert [*((kind, "receipted") for kind in said), (REISSUE, "queued")] == last
