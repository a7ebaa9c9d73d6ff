"""A remark goes from the officer's words to the partner, or is held: through the real services, keys and stores."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from gateway.core.instruments import RemarkTerms
from gateway.core.machine import IllegalStep, RuleRefused
from gateway.core.messages import ELEMENTS, REQUEST
from gateway.core.remark import digest_of
from gateway.services import cases
from gateway.services.ports import Redacted, Tx
from schemas import SchemaError
from tests.support import homeward, story
from tests.support.network import Network
from tests.support.remarks import TEXT, FakeRedactor, agree, found, write

HELD = [
    *(Redacted((), (code,), None) for code in ("recogniser-missing", "recogniser-timeout", "text-invisible")),
    Redacted(((0, 3, "PERSON"),), ("held-for-person",), "en"),
    Redacted((), (), None),
    Redacted(((5, 2, "PERSON"),), (), "en"),
    Redacted(((0, 10_000, "PERSON"),), (), "en"),
    Redacted(((0, len(TEXT), "TEXT"),), (), "en"),
]


async def opened(network: Network, redactor: Any = None, **changes: Any) -> str:
    """Open a case in XAA with a redactor of the test's own; return its reference."""
    network.gateways["XAA"].context.redactor = redactor or FakeRedactor()
    return await network.gateways["XAA"].clear.new(story.draft(**changes), "first")


async def confirmed(network: Network, redactor: Any = None) -> str:
    """Open a case, write a remark and confirm what was made of it."""
    ref = await opened(network, redactor)
    made = await write(network, ref)
    await network.gateways["XAA"].clear.remarks.confirm(ref, made.digest, None, "first")
    return ref


async def approved(network: Network, ref: str, person: str = "second") -> None:
    """Approve what is prepared in a case of XAA."""
    clear = network.gateways["XAA"].clear
    preview, thread = await clear.show(ref, person, "liaison_officer")
    signed = network.approval(preview.digest, thread, person, "request.approval", "liaison_officer")
    await clear.approve(ref, signed, person)


async def rules(network: Network, ref: str) -> set[str]:
    """Return the rules that object to what is prepared in a case of XAA."""
    preview, _ = await network.gateways["XAA"].clear.show(ref, "first")
    return {finding.rule for finding in preview.findings}


async def test_a_confirmed_remark_reaches_the_partner(network: Network) -> None:
    """What was confirmed is in the payload, with one mark for what was taken out, and in the other State's case."""
    ref = await confirmed(network, FakeRedactor(spans=found(TEXT, "Monday")))
    await approved(network, ref)
    await network.gateways["XAA"].clear.send(ref, "first")
    await network.deliver()
    leaves = {"language": "en", "text": "The person can be met on [...] before noon."}
    assert leaves == (await story.payload(network, "XAA", ref, REQUEST)).body["remark"]
    assert leaves == (await story.case(network, "XBB", await story.twin(network, ref))).received["remark"]


async def test_what_was_written_never_leaves(network: Network) -> None:
    """The officer's own words are in the record and nowhere in what is posted, in the log, or in the history."""
    ref = await confirmed(network, FakeRedactor(spans=found(TEXT, "Monday")))
    assert TEXT == (await story.case(network, "XAA", ref)).draft["remark"]["text"]
    assert "Monday" not in (await story.case(network, "XAA", ref)).pending.body
    assert "Monday" not in repr(network.logs)


@pytest.mark.parametrize("outcome", HELD, ids=lambda outcome: "-".join(outcome.reasons) or "no-answer")
async def test_whatever_goes_wrong_holds_the_message(network: Network, outcome: Redacted) -> None:
    """A remark that cannot be read, in whole, holds the message and cannot be confirmed."""
    ref = await opened(network, FakeRedactor(outcome))
    made = await write(network, ref)
    assert made.reasons
    assert "" == made.text
    logged = [values["reason"] for event, values in network.logs if event == "remark.held"]
    assert [one for one in made.reasons if one.startswith("recogniser-")] == logged, (
        "the others say something of a case"
    )
    with pytest.raises(RuleRefused, match="REM-2"):
        await network.gateways["XAA"].clear.remarks.confirm(ref, made.digest, None, "first")
    with pytest.raises(RuleRefused, match="REM-2"):
        await approved(network, ref)


async def test_an_exception_holds_the_message(network: Network) -> None:
    """A recogniser that fails is one that has not read the remark; its words come into no log."""
    ref = await opened(network, FakeRedactor(error=RuntimeError(TEXT)))
    assert ("recogniser-failed",) == (await write(network, ref)).reasons
    assert ("remark.held", {"error": "RuntimeError"}) in network.logs
    assert TEXT not in repr(network.logs)


async def test_an_unknown_language_holds_the_message(network: Network) -> None:
    """A language that nobody here reads is not tried in another."""
    ref = await opened(network)
    assert ("language-unknown",) == (await write(network, ref, language="de")).reasons


async def test_a_gateway_without_a_recogniser_holds_every_remark(network: Network) -> None:
    """The base install reads no free words, and says so."""
    from gateway.services.context import NoRedactor

    ref = await opened(network, NoRedactor())
    assert ("recogniser-missing",) == (await write(network, ref)).reasons


async def test_no_remark_without_an_agreement(network: Network) -> None:
    """Where no agreement allows a remark, none is taken, and a draft with one is not sent."""
    agree(network, None)
    ref = await opened(network)
    with pytest.raises(RuleRefused, match="REM-1"):
        await write(network, ref)
    other = await opened(network, remark={"language": "en", "text": TEXT})
    assert {"REM-1", "REM-3"} == await rules(network, other)


async def test_no_real_agreement_allows_a_remark() -> None:
    """What is invented says so; of the real ones none was found to allow free words."""
    import schemas

    allowing = [one for one in schemas.load_instruments().values() if "remark" in one]
    assert ["INVENTED-XAA-XBB"] == [one["id"] for one in allowing]
    assert all("invented" in one["source"].lower() for one in allowing)


async def test_a_remark_in_the_draft_is_read_when_the_case_is_opened(network: Network) -> None:
    """A draft with a remark opens a case that waits for its confirmation; nothing is confirmed by a draft."""
    ref = await opened(network, remark={"language": "en", "text": TEXT})
    case = await story.case(network, "XAA", ref)
    assert TEXT == case.remark.text
    assert None is case.remark.by
    assert {"REM-3"} == await rules(network, ref)
    assert "remark" not in case.pending.body


async def test_a_remark_that_is_too_long_is_shortened_first(network: Network) -> None:
    """The agreement's limit counts for what leaves; words may be taken out."""
    agree(network, RemarkTerms(30, frozenset({REQUEST}), "invented"))
    ref = await opened(network)
    made = await write(network, ref)
    confirm = network.gateways["XAA"].clear.remarks.confirm
    with pytest.raises(RuleRefused, match="REM-1"):
        await confirm(ref, made.digest, None, "first")
    preview = await confirm(ref, made.digest, "met on Monday", "first")
    assert '"text":"met on Monday"' in preview.body


@pytest.mark.parametrize("text", ["The person can be met on Tuesday", "Monday on", "met on Monday! ", ""])
async def test_no_word_is_put_in(network: Network, text: str) -> None:
    """Whoever confirms can take words out and put none in, nor change their order."""
    ref = await opened(network)
    made = await write(network, ref)
    with pytest.raises(RuleRefused, match="REM-3"):
        await network.gateways["XAA"].clear.remarks.confirm(ref, made.digest, text, "first")


async def test_what_has_nothing_left_but_marks_is_not_confirmed(network: Network) -> None:
    """A mark alone says that something was written, and nothing else."""
    ref = await opened(network, FakeRedactor(spans=found(TEXT, "Monday")))
    made = await write(network, ref)
    with pytest.raises(RuleRefused, match="REM-2: nothing is left"):
        await network.gateways["XAA"].clear.remarks.confirm(ref, made.digest, "[...]", "first")


async def test_a_name_that_was_rectified_is_compared_too(network: Network) -> None:
    """It is the person's still, though the record has another by now."""
    home = network.gateways["XAA"]
    home.context.redactor = FakeRedactor()
    ours, theirs = await story.acknowledged(network)
    name = story.draft()["elements"]["names"][0]
    right = [{**name, "family": "Коваль", "latin": {**name["latin"], "family": "KOVAL"}}]
    pending = await home.notices.prepare_rectification(ours, ["NAMES"], {"names": right}, "first", "case_officer")
    thread = (await story.row(network, "XAA", ours)).thread
    signed = network.approval(pending.digest, thread, "second", "rectification.approval", "liaison_officer")
    await home.notices.rectify(ours, signed, "second")
    await network.gateways["XBB"].answer.ask(theirs, ["SEX"], 2, "first")
    await network.deliver()
    made = await write(network, ours, "The file of Ivanova has the same answer.")
    assert ("names",) == made.leaks


async def test_a_guardian_who_was_taken_out_is_compared_too(network: Network) -> None:
    """Who was named wrongly may be who the person fears, and is told by nothing that leaves."""
    home = network.gateways["XAA"]
    home.context.redactor = FakeRedactor()
    right = homeward.MINOR["representative"]
    ours, theirs = await story.acknowledged(
        network, **{**homeward.MINOR, "representative": {**right, "signed_by": "Nadezhda Sokolova"}}
    )
    await network.gateways["XBB"].answer.ask(theirs, ["SEX"], 2, "first")
    await network.deliver()
    await home.hold.freeze(ours, "the record is wrong", "welfare", "child_welfare")
    await home.hold.restate(ours, homeward.MINOR["age"], right, "as decided", "welfare", "child_welfare")
    await home.hold.release(ours, "welfare", "child_welfare")
    await home.hold.resume(ours, "first", "case_officer")
    await home.hold.resume(ours, "second", "liaison_officer")
    made = await write(network, ours, "Sokolova brought the person here.")
    assert ("representative.signed_by",) == made.leaks


async def test_another_digest_confirms_nothing(network: Network) -> None:
    """Who confirms names what was seen."""
    ref = await opened(network)
    await write(network, ref)
    with pytest.raises(RuleRefused, match="V-02"):
        await network.gateways["XAA"].clear.remarks.confirm(ref, "A" * 43, None, "first")


async def test_a_confirmation_is_of_the_record_that_was_seen(network: Network) -> None:
    """A form that was open while somebody changed the record confirms nothing, though the remark reads the same."""
    ref = await opened(network)
    made = await write(network, ref)
    changed = story.draft(justification="another reason", remark={"language": "en", "text": TEXT})
    await network.gateways["XAA"].clear.amend(ref, changed, "second", "liaison_officer")
    with pytest.raises(RuleRefused, match="V-02"):
        await network.gateways["XAA"].clear.remarks.confirm(ref, made.digest, None, "first")


async def test_a_confirmation_is_of_the_remark_that_was_seen(network: Network) -> None:
    """Two remarks that look the same once they are redacted are two: the form of the first confirms not the second."""
    texts = ("Zana waits for an answer.", "Vera waits for an answer.")
    ref = await opened(network, FakeRedactor(spans=((0, 4, "PERSON"),)))
    one, two = [await write(network, ref, text) for text in texts]
    assert one.text == two.text
    with pytest.raises(RuleRefused, match="V-02"):
        await network.gateways["XAA"].clear.remarks.confirm(ref, one.digest, None, "first")


async def test_a_form_sent_twice_confirms_once(network: Network) -> None:
    """Once words were taken out, the form that was confirmed before brings them back no more."""
    ref = await opened(network)
    made = await write(network, ref)
    confirm = network.gateways["XAA"].clear.remarks.confirm
    await confirm(ref, made.digest, "met on Monday", "first")
    with pytest.raises(RuleRefused, match="V-02"):
        await confirm(ref, made.digest, None, "first")
    assert "met on Monday" == (await story.case(network, "XAA", ref)).remark.text


async def test_two_who_confirm_at_once(network: Network) -> None:
    """Of two windows that take out different words one wins, and the other is told that it saw another text."""
    ref = await opened(network)
    made = await write(network, ref)
    confirm = network.gateways["XAA"].clear.remarks.confirm
    told = await asyncio.gather(
        confirm(ref, made.digest, "met on Monday", "first"),
        confirm(ref, made.digest, "met before noon", "second", "liaison_officer"),
        return_exceptions=True,
    )
    assert 1 == sum(isinstance(one, RuleRefused) for one in told)


async def test_the_history_does_not_tell_what_was_written(network: Network) -> None:
    """What outlives an erased case is no plain digest of a few words, which anybody could guess and compare."""
    ref = await opened(network)
    made = await write(network, ref)
    await network.gateways["XAA"].clear.remarks.confirm(ref, made.digest, None, "first")
    context = network.gateways["XAA"].context
    held = cases.unseal(context, await story.row(network, "XAA", ref))
    events = await context.store.read(lambda tx: tx.events(ref))
    value = {"language": "en", "text": TEXT}
    guesses = {digest_of(value), digest_of(TEXT), digest_of({**value, "of": digest_of(value)})}
    told = {cases.digest_of(context, held, one) for one in events}
    assert made.digest in told
    assert not guesses & told


async def test_who_wrote_a_remark_does_not_approve_it(network: Network) -> None:
    """Whoever wrote it knows what was taken out: another one looks at what leaves."""
    ref = await opened(network)
    value = {"language": "en", "text": TEXT}
    clear = network.gateways["XAA"].clear
    made = await clear.remarks.write(ref, value, "second", "liaison_officer")
    await clear.remarks.confirm(ref, made.digest, None, "first")
    with pytest.raises(RuleRefused, match="V-01"):
        await approved(network, ref)


@pytest.mark.parametrize("remark", [{"language": "en", "text": TEXT}, None])
async def test_a_remark_frees_nobody_to_approve_a_request_of_their_own(network: Network, remark: Any) -> None:
    """Who wrote the request stays its author, whoever writes a remark into it, confirms it or takes one out."""
    network.gateways["XAA"].context.redactor = FakeRedactor()
    clear = network.gateways["XAA"].clear
    ref = await clear.new(story.draft(), "second", "liaison_officer")
    made = await clear.remarks.write(ref, remark, "first")
    if made is not None:
        await clear.remarks.confirm(ref, made.digest, None, "first")
    assert "second" == (await story.case(network, "XAA", ref)).pending.author


async def test_another_language_than_was_said_holds_the_message(network: Network) -> None:
    """Whatever a recogniser makes of it, a text in another language was not read as what it was said to be."""
    ref = await opened(network, FakeRedactor(Redacted((), (), "fr")))
    assert ("language-other",) == (await write(network, ref)).reasons


async def test_a_name_of_the_record_is_not_confirmed(network: Network) -> None:
    """What the recogniser let through is found by the comparison with the record, unless it is taken out."""
    family = story.draft()["elements"]["names"][0]["family"]
    ref = await opened(network)
    made = await write(network, ref, f"The person {family} can be met on Monday.")
    assert ("names",) == made.leaks
    confirm = network.gateways["XAA"].clear.remarks.confirm
    with pytest.raises(RuleRefused, match="REM-4"):
        await confirm(ref, made.digest, None, "first")
    preview = await confirm(ref, made.digest, "The person can be met on Monday.", "first")
    assert family not in preview.body.partition("remark")[2]


@pytest.mark.parametrize("member", ["ref", "thread"])
async def test_a_number_of_the_case_is_not_confirmed(network: Network, member: str) -> None:
    """Our reference and the thread stand in no record, and are compared all the same."""
    ref = await opened(network)
    number = getattr(await story.case(network, "XAA", ref), member)
    made = await write(network, ref, f"The person asked about {number} on Monday.")
    assert ("ref",) == made.leaks


async def test_a_comparison_that_fails_counts_as_a_leak(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last gate fails closed."""

    def fails(*_: Any) -> Any:
        raise RuntimeError("no")

    ref = await confirmed(network)
    monkeypatch.setattr("gateway.services.remark.leaks", fails)
    with pytest.raises(RuleRefused, match="REM-4"):
        await approved(network, ref)


async def test_the_comparison_is_made_once_more_before_sending(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was approved does not leave if it now tells something of the record."""
    ref = await confirmed(network)
    await approved(network, ref)
    monkeypatch.setattr("gateway.services.remark.told", lambda *_: ("names",))
    with pytest.raises(RuleRefused, match="REM-4"):
        await network.gateways["XAA"].clear.send(ref, "first")


async def test_a_change_of_the_draft_voids_the_confirmation(network: Network) -> None:
    """Another record is another one to compare with: it is confirmed anew, and leaves no trace in the body."""
    ref = await confirmed(network)
    changed = story.draft(justification="another reason", remark={"language": "en", "text": TEXT})
    await network.gateways["XAA"].clear.amend(ref, changed, "first")
    assert {"REM-3"} == await rules(network, ref)
    assert "remark" not in (await story.case(network, "XAA", ref)).pending.body
    with pytest.raises(RuleRefused, match="REM-3"):
        await approved(network, ref)


async def test_another_remark_voids_the_confirmation(network: Network) -> None:
    """A remark that is written anew is read and confirmed anew."""
    ref = await confirmed(network)
    await write(network, ref, "The person can be met on Tuesday.")
    assert {"REM-3"} == await rules(network, ref)
    assert None is (await story.case(network, "XAA", ref)).remark.by


async def test_an_approval_ends_with_another_remark(network: Network) -> None:
    """What was approved is void once the remark changes."""
    ref = await confirmed(network)
    await approved(network, ref)
    await write(network, ref, "The person can be met on Tuesday.")
    assert "DRAFT" == await story.state(network, "XAA", ref)
    with pytest.raises(IllegalStep):
        await network.gateways["XAA"].clear.send(ref, "first")


async def test_a_remark_that_is_taken_out_holds_nothing(network: Network) -> None:
    """Without a remark the message is what it was."""
    ref = await opened(network, FakeRedactor(HELD[0]))
    await write(network, ref)
    await network.gateways["XAA"].clear.remarks.write(ref, None, "first")
    assert set() == await rules(network, ref)
    await approved(network, ref)


async def test_who_confirmed_a_remark_does_not_approve_it(network: Network) -> None:
    """Two persons look at what leaves: whoever confirmed the remark is one of those who wrote the message."""
    ref = await opened(network)
    made = await write(network, ref)
    await network.gateways["XAA"].clear.remarks.confirm(ref, made.digest, None, "second", "liaison_officer")
    with pytest.raises(RuleRefused, match="V-01"):
        await approved(network, ref)


async def test_who_confirmed_and_when_is_in_the_history(network: Network) -> None:
    """The confirmation is an event of the case, with its person and, sealed with the case, the digest of the words."""
    ref = await confirmed(network)
    context = network.gateways["XAA"].context

    async def unit(tx: Tx) -> list[tuple[str, str, str | None]]:
        held = await cases.load(context, tx, ref)
        told = [one for one in await tx.events(ref) if one.event == "confirm_remark"]
        return [(one.actor, one.role, cases.digest_of(context, held, one)) for one in told]

    remark = (await story.case(network, "XAA", ref)).remark
    assert [("first", "case_officer", remark.digest)] == await context.store.read(unit)


async def test_what_a_remark_tells_of_protection_stays_told(network: Network) -> None:
    """Taking the remark out does not let the message go; an attestation made anew decides."""
    ref = await opened(network, FakeRedactor(Redacted((), ("held-for-person",), "en")))
    await write(network, ref)
    clear = network.gateways["XAA"].clear
    await clear.remarks.write(ref, None, "first")
    with pytest.raises(RuleRefused, match="REM-5"):
        await approved(network, ref)
    await clear.amend(ref, story.draft(), "first")
    with pytest.raises(RuleRefused, match="REM-5"):
        await approved(network, ref)
    anew = {**story.draft()["asylum"], "attested_on": "2026-11-25", "basis": "looked at again"}
    await clear.amend(ref, story.draft(asylum=anew), "first")
    await approved(network, ref)


async def test_what_a_remark_tells_of_protection_stops_the_person(network: Network) -> None:
    """Neither a case that lies beside, nor the same case opened anew without the remark, says what this one may not."""
    clear = network.gateways["XAA"].clear
    number = {**story.draft()["elements"], "personal_number": "7714093"}
    beside = await clear.new(story.draft(elements=number), "first")
    ref = await opened(network, FakeRedactor(Redacted((), ("held-for-person",), "en")), elements=number)
    await write(network, ref)
    await clear.close(ref, "first", event="discard")
    again = await clear.new(story.draft(elements=number), "first")
    assert ["FROZEN", "FROZEN"] == [await story.state(network, "XAA", one) for one in (beside, again)]


async def test_a_remark_without_a_word_of_protection_releases_nothing(network: Network) -> None:
    """The attested field decides, whatever a remark tells."""
    ref = await opened(network, asylum={**story.draft()["asylum"], "state": "unknown"})
    made = await write(network, ref)
    await network.gateways["XAA"].clear.remarks.confirm(ref, made.digest, None, "first")
    with pytest.raises(RuleRefused, match="R-01"):
        await approved(network, ref)


async def test_a_remark_with_further_elements(network: Network) -> None:
    """The answer to a question may have a remark of its own; that of the request does not leave twice."""
    ref = await confirmed(network)
    await approved(network, ref)
    ours, theirs = network.gateways["XAA"].clear, network.gateways["XBB"].answer
    await ours.send(ref, "first")
    await network.deliver()
    other = await story.twin(network, ref)
    await theirs.acknowledge(other, "first")
    await theirs.ask(other, ["SEX"], 2, "first")
    await network.deliver()
    await ours.prepare(ref, "first")
    assert "remark" not in (await story.case(network, "XAA", ref)).pending.body
    made = await write(network, ref, "There are two of that name in the village.")
    preview = await ours.remarks.confirm(ref, made.digest, None, "first")
    assert None is preview
    preview = await ours.prepare(ref, "first")
    _, thread = await ours.show(ref, "second", "liaison_officer")
    signed = network.approval(preview.digest, thread, "second", "elements.approval", "liaison_officer")
    await ours.approve(ref, signed, "second")
    await ours.send(ref, "first")
    await network.deliver()
    received = (await story.case(network, "XBB", other)).received
    assert "There are two of that name in the village." == received["further_remark"]["text"]
    assert TEXT == received["remark"]["text"]
    assert ELEMENTS == (await story.payload(network, "XAA", ref, ELEMENTS)).type


async def test_a_receiver_refuses_a_remark_that_no_agreement_allows(network: Network) -> None:
    """It is `not-minimised` for a State that agreed to none, whatever the sender thinks was agreed."""
    ref = await confirmed(network)
    await approved(network, ref)
    await network.gateways["XAA"].clear.send(ref, "first")
    agree(network, None, "XBB")
    await network.deliver()
    assert "NOT_ACCEPTED" == await story.state(network, "XAA", ref)
    assert ("not accepted: not-minimised",) == (await story.case(network, "XAA", ref)).findings


async def test_a_receiver_refuses_a_longer_remark_than_agreed(network: Network) -> None:
    """The limit is that of the receiver's own data."""
    ref = await confirmed(network)
    await approved(network, ref)
    await network.gateways["XAA"].clear.send(ref, "first")
    agree(network, RemarkTerms(10, frozenset({REQUEST}), "invented"), "XBB")
    await network.deliver()
    assert "NOT_ACCEPTED" == await story.state(network, "XAA", ref)


async def test_a_remark_is_erased_with_the_case(network: Network) -> None:
    """Nothing of it outlives the case: neither the officer's words nor what was made of them."""
    ref = await confirmed(network)
    await network.gateways["XAA"].clear.close(ref, "first", event="discard")
    network.clock.pass_(days=400)
    await network.gateways["XAA"].retention.run_once(network.clock.now())
    network.clock.pass_(days=800)
    await network.gateways["XAA"].retention.run_once(network.clock.now())
    assert None is (await story.row(network, "XAA", ref)).sealed


async def test_ten_megabytes_are_no_remark(network: Network) -> None:
    """What is longer than a page is refused before anything reads it."""
    ref = await opened(network, FakeRedactor(error=AssertionError("read")))
    with pytest.raises(SchemaError):
        await write(network, ref, "a" * 10_000_000)


async def test_the_most_special_agreement_decides(network: Network) -> None:
    """A special agreement that allows a shorter remark goes before the general one."""
    context = network.gateways["XAA"].context
    general = next(one for one in context.reckoner.instruments if one.remark)
    special = replace(general, id="SPECIAL", specificity=99, remark=RemarkTerms(7, frozenset({REQUEST}), "invented"))
    context.reckoner = replace(context.reckoner, instruments=[*context.reckoner.instruments, special])
    now = network.clock.now()
    assert 7 == context.reckoner.remark_most("XAA", "XBB", REQUEST, now)
    assert None is context.reckoner.remark_most("XAA", "XBB", ELEMENTS, now)
