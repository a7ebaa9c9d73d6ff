"""Which steps are offered in a case: none of which it is known, before anything is typed, that it would be refused."""

from gateway.core.case import State
from gateway.services.offered import open_steps
from gateway.serving import desk_services
from tests.support import homeward, story
from tests.support.network import Network

BOTH = ("child_welfare", "coordinator")


async def offered(network: Network, country: str, ref: str, *roles: str) -> dict[str, tuple[str, ...]]:
    """Return the steps that stand open in a case for ``roles``, each with those that may."""
    services = desk_services(network.gateways[country])
    row = await services.inquiries.find_case(ref)
    assert row is not None
    return await open_steps(services, row, "somebody", frozenset(roles))


async def test_the_result_of_an_interview_is_reported_once_one_was_agreed_on(network: Network) -> None:
    """Before that there is none to report, and afterwards it was reported (M-02)."""
    _, theirs = await story.acknowledged(network)
    found = []
    agreed = {"answer": {"decision": "ACCEPTED"}}
    for said in (None, {"answer": {"decision": "DECLINED"}}, agreed, {**agreed, "result": {"result": "HELD"}}):
        await story.put(network, "XBB", theirs, State.ACKNOWLEDGED, interview=said)
        found.append("interview-result" in await offered(network, "XBB", theirs, "registry_clerk"))
    assert [False, False, True, False] == found


async def test_the_time_is_extended_as_often_as_the_agreement_allows_and_before_it_is_over(network: Network) -> None:
    """Once that was done, or the day is past, it would be refused (D-01, D-02)."""
    _, theirs = await story.acknowledged(network)
    assert "extension" in await offered(network, "XBB", theirs, "registry_clerk")
    network.clock.pass_(days=60)
    assert "extension" not in await offered(network, "XBB", theirs, "registry_clerk")
    network.clock.pass_(days=-60)
    await network.gateways["XBB"].answer.extend(theirs, "ARCHIVE_SEARCH", "first")
    assert "extension" not in await offered(network, "XBB", theirs, "registry_clerk")


async def test_the_assessments_are_complete_by_the_word_of_who_is_in_charge(network: Network) -> None:
    """Child welfare says it of a minor, and the coordinator of an adult (V-30)."""
    for minor, wanted in ((False, ("coordinator",)), (True, ("child_welfare",))):
        ours, _ = await homeward.assessed(network, minor=minor)
        await story.put(network, "XAA", ours, State.CONSIDERED)
        assert wanted == (await offered(network, "XAA", ours, *BOTH))["assessment"]


async def test_age_and_guardian_are_set_right_by_who_may_say_something_of_them(network: Network) -> None:
    """Of an adult who has left there is nothing for child welfare to say, and of a minor nothing for anybody else."""
    for minor, still, away in ((False, BOTH, ("coordinator",)), (True, ("child_welfare",), ("child_welfare",))):
        ours, _ = await story.acknowledged(network, **(homeward.MINOR if minor else {}))
        for state, wanted in ((State.FROZEN, still), (State.DEPARTED, away)):
            await story.put(network, "XAA", ours, state)
            found = (await offered(network, "XAA", ours, *BOTH))["restatement"]
            assert set(wanted) == set(found), (minor, state)


async def test_a_travel_document_is_issued_once_one_was_asked_for(network: Network) -> None:
    """Whoever issues one is offered no step before that: it would be refused (V-37)."""
    _, theirs = await homeward.accepted(network)
    assert "issue" not in await offered(network, "XBB", theirs, "document_issuer")
    _, theirs = await homeward.asked_for_a_document(network)
    assert "issue" in await offered(network, "XBB", theirs, "document_issuer")
