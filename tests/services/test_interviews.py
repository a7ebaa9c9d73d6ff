"""Pointing to the competent authority, and interviews within the limits of the request, between two gateways."""

from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.core.machine import IllegalStep, RuleRefused, Send
from gateway.core.messages import INTERVIEW_RESULT
from gateway.services import cases, threads
from gateway.services.context import Forbidden
from gateway.services.escalate import Escalation
from schemas import SchemaError, ijson
from tests.support import homeward, story
from tests.support.interviews import ANSWER, CONSENT, OPEN, PROPOSAL, RESULT, agreed, prepared, proposed
from tests.support.network import Network


async def held(network: Network) -> tuple[str, str]:
    """Take a case to an interview that was held on the day agreed on, and reported."""
    ours, theirs = await agreed(network)
    homeward.move_to(network, datetime(2026, 12, 10, 15, tzinfo=UTC))
    await network.refresh()
    await network.gateways["XBB"].answer.report_interview(theirs, RESULT, "first")
    await network.deliver()
    return ours, theirs


# Redirection.


async def test_redirection_points_to_an_authority_of_the_directory(network: Network) -> None:
    """The asking side learns which authority is competent, and may close the case and ask anew."""
    ours, theirs = await story.received(network)
    await network.gateways["XBB"].answer.redirect(theirs, "XBB-ID-01", "OTHER_TASK", "first")
    await network.deliver()
    assert ("REDIRECTED", "REDIRECTED") == (
        await story.state(network, "XAA", ours),
        await story.state(network, "XBB", theirs),
    )
    await network.gateways["XAA"].clear.close(ours, "first")
    assert "CLOSED" == await story.state(network, "XAA", ours)


async def redirected(network: Network) -> tuple[str, str]:
    """Take a case to where it was pointed to another authority, and fifty days of silence further."""
    ours, theirs = await story.received(network)
    await network.gateways["XBB"].answer.redirect(theirs, "XBB-ID-01", "OTHER_TASK", "first")
    await network.deliver()
    network.clock.pass_(days=50)
    await network.refresh()
    return ours, theirs


async def test_silence_after_a_redirection_is_pressed_for_like_any_other(network: Network) -> None:
    """It is overdue and reminded of, the other State takes the reminder, and the note verbale names the case."""
    ours, theirs = await redirected(network)
    gateway = network.gateways["XAA"]
    done = await gateway.reminder.run_once(network.clock.now())
    await network.deliver()
    note = await Escalation(gateway.context).note("XBB", "board", "foreign_affairs", draft=True)
    assert (1, (ours,), 1) == (done.overdue, done.refs, len(note.items))
    states = [await story.case(network, country, ref) for country, ref in (("XAA", ours), ("XBB", theirs))]
    assert [("REDIRECTED", 1, ())] * 2 == [(case.state, case.reminders, case.findings) for case in states]


async def test_whoever_redirected_is_told_of_the_notice_that_is_owed_and_cannot_close(network: Network) -> None:
    """The State that was asked owes the answer all the same, and leaves the request lying where it can be taken up."""
    _, theirs = await redirected(network)
    asked = network.gateways["XBB"]
    assert (theirs,) == (await asked.reminder.run_once(network.clock.now())).told
    with pytest.raises((IllegalStep, RuleRefused)):
        await asked.answer.close(theirs, "first")
    await asked.answer.acknowledge(theirs, "first")
    assert "ACKNOWLEDGED" == await story.state(network, "XBB", theirs)


async def test_redirection_nowhere_is_refused(network: Network) -> None:
    """An authority that is not in the State's own directory cannot be pointed to."""
    _, theirs = await story.received(network)
    with pytest.raises(Forbidden, match="directory"):
        await network.gateways["XBB"].answer.redirect(theirs, "XBB-ID-99", "OTHER_TASK", "first")


async def test_authority_pointed_to_takes_the_request_up(network: Network) -> None:
    """The competent authority is one of the same State: it acknowledges, and the case goes on."""
    ours, theirs = await story.received(network)
    asked = network.gateways["XBB"].answer
    await asked.redirect(theirs, "XBB-ID-01", "OTHER_TASK", "first")
    await network.deliver()
    await asked.acknowledge(theirs, "first")
    await network.deliver()
    assert "ACKNOWLEDGED" == await story.state(network, "XAA", ours)


# Interviews.


async def test_interview_is_proposed_accepted_held_and_named_in_the_reply(network: Network) -> None:
    """A whole interview: proposal, acceptance with consent, result, and a reply that names the method."""
    ours, theirs = await held(network)
    await story.give_answer(network, theirs, story.reply(method_used=["CONSULAR_INTERVIEW"]))
    await network.deliver()
    case = await story.case(network, "XAA", ours)
    assert ("REPLIED", "HELD") == (case.state, case.interview["result"]["result"])


@pytest.mark.parametrize(
    "limit",
    [
        {"method_limit": "M1", "no_contact_methods": False},
        {"method_limit": "M2", "no_contact_methods": True},
        {"method_limit": "M3", "no_contact_methods": True},
    ],
    ids=lambda limit: f"{limit['method_limit']}-{limit['no_contact_methods']}",
)
async def test_interview_beyond_the_limit_is_not_proposed(network: Network, limit: dict[str, Any]) -> None:
    """Below M2, and always with MX, no interview can be proposed."""
    _, theirs = await story.acknowledged(network, **limit)
    with pytest.raises(RuleRefused, match="M-01"):
        await network.gateways["XBB"].answer.ask_interview(theirs, PROPOSAL, "first")


async def test_acceptance_needs_consent(network: Network) -> None:
    """A consent that was revoked is none, whoever approved."""
    ours, _ = await proposed(network)
    await prepared(network, ours, consent=CONSENT | {"revoked_on": "2026-11-25"})
    with pytest.raises(RuleRefused, match="R-23"):
        await network.gateways["XAA"].clear.agree_interview(ours, "first")


@pytest.mark.parametrize("lacks", sorted(CONSENT))
async def test_consent_is_whole(network: Network, lacks: str) -> None:
    """In which language, by whom, when, and whether the person has a copy: without one of them it is none."""
    ours, _ = await proposed(network)
    with pytest.raises(SchemaError, match="interview-consent"):
        await prepared(network, ours, consent={name: said for name, said in CONSENT.items() if name != lacks})


async def test_acceptance_needs_somebody_who_stands_up_for_the_person(network: Network) -> None:
    """With an interpreter alone no interview is agreed on."""
    ours, _ = await proposed(network)
    with pytest.raises(SchemaError):
        await prepared(network, ours, ANSWER | {"present": ["INTERPRETER"]})


async def test_acceptance_for_a_minor_needs_the_representative(network: Network) -> None:
    """A lawyer does not do in place of the appointed representative."""
    age: dict[str, Any] = {"class": "minor", "decision": None}
    representative = {"ref": "A" * 22, "appointed_on": "2026-11-01", "signed_by": "court"}
    ours, _ = await proposed(network, age=age, representative=representative)
    await prepared(network, ours)
    with pytest.raises(RuleRefused, match="R-07"):
        await network.gateways["XAA"].clear.agree_interview(ours, "first")


async def test_interview_is_declined_at_once(network: Network) -> None:
    """Saying no needs no second person and no reason, and the asked State goes on without an interview."""
    ours, theirs = await proposed(network)
    await network.gateways["XAA"].clear.decline_interview(ours, "first")
    await network.deliver()
    case = await story.case(network, "XBB", theirs)
    assert ("ACKNOWLEDGED", "DECLINED") == (case.state, case.interview["answer"]["decision"])


async def test_declined_interview_has_no_result(network: Network) -> None:
    """What was declined cannot be reported as held."""
    ours, theirs = await proposed(network)
    await network.gateways["XAA"].clear.decline_interview(ours, "first")
    await network.deliver()
    with pytest.raises(RuleRefused, match="M-02"):
        await network.gateways["XBB"].answer.report_interview(theirs, RESULT, "first")


async def test_an_interview_is_not_held_before_its_day(network: Network) -> None:
    """What is to come cannot be reported as held, or a deadline would run from a day that its author chose."""
    _, theirs = await agreed(network)
    with pytest.raises(RuleRefused, match="M-02"):
        await network.gateways["XBB"].answer.report_interview(theirs, RESULT, "first")


async def test_a_result_is_said_once(network: Network) -> None:
    """A result said again is refused on both sides, or each would put the reply off anew where it starts a clock."""
    ours, theirs = await held(network)
    before = (await story.case(network, "XAA", ours)).clocks
    again = RESULT | {"outcome": "DOES_NOT_SUPPORT"}
    with pytest.raises(RuleRefused, match="M-02"):
        await network.gateways["XBB"].answer.report_interview(theirs, again, "first")
    context, now = network.gateways["XBB"].context, network.clock.now()

    async def unit(tx: Any) -> None:  # as a gateway would that kept to no rule
        case = await cases.load(context, tx, theirs)
        await threads.queue(context, tx, case, Send(INTERVIEW_RESULT, ijson.dumps(again).decode()), now)

    await context.commit(unit)
    await network.deliver()
    case = await story.case(network, "XAA", ours)
    assert ("SUPPORTS", before) == (case.interview["result"]["outcome"], case.clocks)


async def test_reply_names_no_interview_that_was_not_held(network: Network) -> None:
    """A reply that rests on an interview nobody agreed on is refused before it leaves."""
    _, theirs = await story.acknowledged(network, **OPEN)
    with pytest.raises(RuleRefused, match="M-02"):
        await network.gateways["XBB"].answer.prepare(theirs, story.reply(method_used=["CONSULAR_INTERVIEW"]), "first")


async def test_interview_waits_for_an_answer(network: Network) -> None:
    """While the proposal is open, a second one is no step of the case."""
    _, theirs = await proposed(network)
    with pytest.raises(IllegalStep):
        await network.gateways["XBB"].answer.ask_interview(theirs, PROPOSAL, "first")


async def test_place_is_a_class_and_no_address(network: Network) -> None:
    """An address in place of a class of places is refused."""
    _, theirs = await story.acknowledged(network, **OPEN)
    with pytest.raises(SchemaError):
        await network.gateways["XBB"].answer.ask_interview(theirs, PROPOSAL | {"place": "Main Street 1"}, "first")
