"""Who should approve a body and finds it wrong sends it back, with a reason of their own key (V-16)."""

import io
import zipfile

import pytest

from gateway.core.machine import RuleRefused
from gateway.core.messages import RECTIFICATION
from gateway.services import evidence
from gateway.services.context import Forbidden, Person
from gateway.services.ports import Unavailable
from keys import statement
from keys.sign import SigningKey
from tests.support import homeward, story
from tests.support.network import Network

ROLE = "liaison_officer"


def third(network: Network) -> str:
    """Let a third person who may approve be in office; return their id."""
    network.keys["third"] = key = SigningKey.generate()
    context = network.gateways["XAA"].context
    context.persons = {**context.persons, "third": Person("third", frozenset({ROLE}), key.public)}
    return "third"


async def send_back(
    network: Network,
    ref: str,
    person: str = "second",
    reason: str = "FACTS_WRONG",
    note: str | None = None,
    **wrong: str,
) -> None:
    """Send back what is prepared in ``ref`` as ``person``; ``wrong`` is what their statement says otherwise."""
    case = await story.case(network, "XAA", ref)
    said = {"digest": case.pending.digest if case.pending else "A" * 43, "thread": case.thread, "person": person}
    said |= {"kind": f"sent-back.{reason.lower().replace('_', '-')}", "role": ROLE}
    signed = network.approval(**(said | wrong))
    await network.gateways["XAA"].clear.send_back(ref, signed, reason, note, person)


async def approve(network: Network, ref: str, person: str) -> None:
    """Approve what is prepared in ``ref`` as ``person``."""
    preview, thread = await network.gateways["XAA"].clear.show(ref, person, ROLE)
    signed = network.approval(preview.digest, thread, person, "request.approval", ROLE)
    await network.gateways["XAA"].clear.approve(ref, signed, person)


async def test_a_third_person_does_not_approve_what_a_second_sent_back(network: Network) -> None:
    """The same bytes are barred to everybody else, a changed draft to nobody; and nothing of it leaves."""
    gateway, other = network.gateways["XAA"], third(network)
    ref = await gateway.clear.new(story.draft(), "first")
    await send_back(network, ref, note="the year of birth")
    with pytest.raises(RuleRefused, match="V-16"):
        await approve(network, ref, other)
    await gateway.clear.amend(ref, story.draft(), "first")  # handed in anew as it was
    with pytest.raises(RuleRefused, match="V-16"):
        await approve(network, ref, other)
    await gateway.clear.amend(ref, story.draft(method_limit="M1"), "first")
    await approve(network, ref, other)
    await gateway.clear.send(ref, "first")
    await network.deliver()
    assert "DELIVERED" == await story.state(network, "XAA", ref)
    assert ["verification.request"] == await types(network, ref)


async def types(network: Network, ref: str) -> list[str]:
    """Return the types of all that was ever put into the outbox of ``ref``."""
    return [row.type for row in await network.gateways["XAA"].context.store.read(lambda tx: tx.outbound_of_case(ref))]


async def test_what_was_missing_in_the_file_alone_is_looked_at_again_by_who_missed_it(network: Network) -> None:
    """The record is completed without a byte of the body changing; who asked for it approves, and nobody else."""
    gateway, other = network.gateways["XAA"], third(network)
    ref = await gateway.clear.new(story.draft(), "first")
    await send_back(network, ref, reason="BASIS_MISSING")
    before = (await story.case(network, "XAA", ref)).pending
    await gateway.clear.amend(ref, story.draft(justification="Identity unclear, order 7"), "first")
    assert before == (await story.case(network, "XAA", ref)).pending
    with pytest.raises(RuleRefused, match="V-16"):
        await approve(network, ref, other)
    await approve(network, ref, "second")
    assert "CLEARED" == await story.state(network, "XAA", ref)


async def test_it_is_kept_with_who_when_why_and_the_statement(network: Network) -> None:
    """The statement verifies over the very digest, names the reason by its kind, and a step of the case says it."""
    ref = await network.gateways["XAA"].clear.new(story.draft(), "first")
    await send_back(network, ref, note="the year of birth")
    case = await story.case(network, "XAA", ref)
    (word,) = case.disputed
    assert ("second", "FACTS_WRONG", "the year of birth") == (word.by, word.reason, word.note)
    assert (
        "sent-back.facts-wrong"
        == statement.verify(
            word.statement.encode(),
            thread=case.thread,
            kind="sent-back.facts-wrong",
            role=ROLE,
            digest=case.pending.digest,
            key=network.keys["second"].public,
            now=network.clock.now(),
        ).statement
    )
    steps = await network.gateways["XAA"].context.store.read(lambda tx: tx.events(ref))
    assert ("send_back", "second", ROLE, "DRAFT", "DRAFT") == (steps[-1].event, *steps[-1][3:7])
    assert "FACTS_WRONG" not in repr(steps[-1])


WRONG = {
    "kind": "sent-back.other",
    "thread": "A" * 22,
    "person": "first",
    "role": "second_signer",
    "digest": "A" * 43,
}


@pytest.mark.parametrize("wrong", [*WRONG, "approval"])
async def test_a_statement_of_something_else_sends_nothing_back(network: Network, wrong: str) -> None:
    """Another reason than the one signed, another thread, key, role or text, or an approval, is no word against it."""
    ref = await network.gateways["XAA"].clear.new(story.draft(), "first")
    case = await story.case(network, "XAA", ref)
    if wrong == "person":
        key = {"person": "first"}
        said = network.approval(case.pending.digest, case.thread, **key, kind="sent-back.other", role=ROLE)
        with pytest.raises(Forbidden):
            await network.gateways["XAA"].clear.send_back(ref, said, "OTHER", "see the file", "second")
    else:
        bad = {"kind": "request.approval"} if wrong == "approval" else {wrong: WRONG[wrong]}
        with pytest.raises(Forbidden):
            await send_back(network, ref, **bad)
    signed = network.approval(case.pending.digest, case.thread, "second", "sent-back.facts-wrong", ROLE)
    with pytest.raises(Forbidden):  # nor is a word against it an approval
        await network.gateways["XAA"].clear.approve(ref, signed, "second")
    assert ((), "DRAFT") == ((await story.case(network, "XAA", ref)).sent_back, await story.state(network, "XAA", ref))


async def test_who_wrote_it_and_who_may_not_send_nothing_back(network: Network) -> None:
    """The author changes it; a role that does not approve has no word; and where nothing is prepared there is none."""
    clear = network.gateways["XAA"].clear
    own = await clear.new(story.draft(), "second", ROLE)
    with pytest.raises(RuleRefused, match="V-01"):
        await send_back(network, own)
    ref = await clear.new(story.draft(), "first")
    with pytest.raises(Forbidden):
        await clear.send_back(ref, "", "OTHER", None, "first", ROLE)
    gone, _ = await story.received(network)
    with pytest.raises(Forbidden):
        await send_back(network, gone)


async def test_a_return_is_sent_back_too(network: Network) -> None:
    """A proposal that was approved and released does not leave once it is sent back, and nobody else approves it."""
    ours, _ = await homeward.assessed(network)
    gateway, other = network.gateways["XAA"], third(network)
    made = await gateway.returning.prepare(ours, homeward.PLAN, "first", "case_officer")
    await homeward.approve(network, ours, made, "return.approval")
    await send_back(network, ours, other)
    assert await story.state(network, "XAA", ours) == "ASSESSED"
    case = await story.case(network, "XAA", ours)
    assert (None, None) == (case.pending.approver, case.pending.statement)
    with pytest.raises(RuleRefused, match="V-16"):
        await homeward.approve(network, ours, made, "return.approval")
    with pytest.raises(RuleRefused, match="V-03"):
        await gateway.returning.propose(ours, "first", "case_officer")


async def test_right_values_for_wrong_ones_have_steps_of_their_own(network: Network) -> None:
    """What another step approves and sends is not sent back here, where that would bar nothing."""
    ref, _ = await homeward.assessed(network)
    elements = {"birth_date": "1999-01-02"}
    pending = await network.gateways["XAA"].notices.prepare_rectification(
        ref, ["BIRTH_DATE"], elements, "first", "case_officer"
    )
    assert RECTIFICATION == pending.type
    with pytest.raises(Forbidden, match="a step of its own"):
        await send_back(network, ref)


async def test_an_export_without_content_does_not_tell_of_it(network: Network) -> None:
    """Whoever gets the evidence reads neither that a draft was found wrong nor why; with content that it was."""
    gateway = network.gateways["XAA"]
    ref = await gateway.clear.new(story.draft(), "first")
    await send_back(network, ref, note="the year of birth")
    await approve(network, ref, "second")
    await gateway.clear.send(ref, "first")
    await network.deliver()
    for two, told in ((None, False), (("first", "second"), True)):
        raw = await evidence.export(
            gateway.context, ref, "first", "case_officer", "audit", cards=gateway.cards, with_content_by=two
        )
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            read = {name: archive.read(name) for name in archive.namelist()}
        assert told is (b"send_back" in read["events.json"])
        assert not [name for name, one in read.items() if b"year of birth" in one or b"FACTS_WRONG" in one]


async def test_a_word_that_was_not_stored_was_not_said(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the statement and the step the store is full, or the process ends: the same statement says it after."""
    gateway, other = network.gateways["XAA"], third(network)
    ref = await gateway.clear.new(story.draft(), "first")
    stored = type(gateway.context.store).commit

    async def failing(*args: object, **more: object) -> None:
        raise Unavailable("the store is full", "free some space")

    with monkeypatch.context() as patch:
        patch.setattr(gateway.context.store, "commit", failing)
        with pytest.raises(Unavailable):
            await send_back(network, ref)
    assert stored == type(gateway.context.store).commit
    assert () == (await story.case(network, "XAA", ref)).sent_back
    await send_back(network, ref)
    await send_back(network, ref)
    assert ["second"] == [one.by for one in (await story.case(network, "XAA", ref)).sent_back]
    with pytest.raises(RuleRefused, match="V-16"):
        await approve(network, ref, other)
