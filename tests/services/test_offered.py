"""Which steps are offered in a case: none of which it is known, before anything is typed, that it would be refused."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from gateway.core.case import Case, Notice, State
from gateway.core.machine import Event, RuleRefused
from gateway.core.messages import RECTIFICATION, USE_REQUEST
from gateway.core.verification_guards import DELAYS_MAX, REMINDERS_MAX
from gateway.core.wire import format_instant
from gateway.services.acts import VERBS, Call
from gateway.services.heard import LOST_NUMBER
from gateway.services.offered import OF_WHAT_LEFT, _has_place, _is_let, against, open_steps
from gateway.serving import desk_services
from tests.core import support
from tests.support import homeward, story
from tests.support.network import Network
from tests.support.restoring import back_up, put_back

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


async def test_who_represents_somebody_else_is_offered_no_word_for_this_person(network: Network) -> None:
    """To stop is any guardian's; to ask for a second look is for who is named, and else would be told of no case."""
    representative = {**homeward.MINOR["representative"], "signed_by": "somebody"}
    for named, wanted in (({}, [False, True]), ({"representative": representative}, [True, True])):
        ours, _ = await story.acknowledged(network, **{**homeward.MINOR, **named})
        await story.put(network, "XAA", ours, State.REPLIED)
        steps = await offered(network, "XAA", ours, "guardian")
        assert wanted == [verb in steps for verb in ("contest", "freeze")]


async def test_what_became_of_the_data_is_asked_once_some_left(network: Network) -> None:
    """Before a request, or a reply, was posted the other State has none: an acknowledgement brings nothing."""
    discarded = await network.gateways["XAA"].clear.new(story.draft(), "first")
    await network.gateways["XAA"].clear.close(discarded, "first", "case_officer", "discard")
    _, received = await story.received(network)
    ours, acknowledged = await story.acknowledged(network)
    _, replied = await story.replied(network)
    found = {
        ref: OF_WHAT_LEFT & (await offered(network, country, ref, role)).keys()
        for country, ref, role in (
            ("XAA", discarded, "case_officer"),
            ("XBB", received, "registry_clerk"),
            ("XBB", acknowledged, "registry_clerk"),
            ("XAA", ours, "case_officer"),
            ("XBB", replied, "registry_clerk"),
        )
    }
    assert {discarded: set(), received: set(), acknowledged: set(), ours: OF_WHAT_LEFT, replied: OF_WHAT_LEFT} == found


async def test_what_became_of_data_is_asked_too_where_a_restore_took_what_brought_it(network: Network) -> None:
    """Of the reply that was lost nothing is known here but that the other State has it: an acknowledgement is left."""
    _, acknowledged = await story.acknowledged(network)
    await story.put(network, "XBB", acknowledged, State.ACKNOWLEDGED, findings=(LOST_NUMBER % {"number": 2},))
    assert OF_WHAT_LEFT <= (await offered(network, "XBB", acknowledged, "registry_clerk")).keys()


async def test_steps_are_offered_though_the_clock_was_ahead_at_a_restore(network: Network, tmp_path: Path) -> None:
    """Whoever opens a case only reads: what is noted about the listing that is awaited, others note."""
    _, theirs = await story.acknowledged(network)
    await put_back(network, "XBB", back_up(network, "XBB", tmp_path / "backup"), minutes=60)
    assert OF_WHAT_LEFT <= (await offered(network, "XBB", theirs, "registry_clerk")).keys()
    listed = "listing_awaited:XAA", format_instant(network.clock.now() + timedelta(hours=9))
    await network.gateways["XBB"].context.commit(lambda tx: tx.set_meta(*listed))
    assert OF_WHAT_LEFT <= (await offered(network, "XBB", theirs, "registry_clerk")).keys()


async def test_a_travel_document_is_issued_once_one_was_asked_for(network: Network) -> None:
    """Whoever issues one is offered no step before that: it would be refused (V-37)."""
    _, theirs = await homeward.accepted(network)
    assert "issue" not in await offered(network, "XBB", theirs, "document_issuer")
    _, theirs = await homeward.asked_for_a_document(network)
    assert "issue" in await offered(network, "XBB", theirs, "document_issuer")


async def test_what_would_be_refused_now_is_told_before_it_is_tried(network: Network) -> None:
    """Of a step that takes nothing: exactly the rules by which it is refused when it is taken, in either State."""
    ours, theirs = await story.replied(network)
    home, _ = await homeward.assessed(network)
    record = homeward.record(decision={**homeward.DECISION, "remedies_explained": False})
    rows = (
        ("XAA", ours, State.REPLIED, "close", {"notices": (THEIRS,)}, "R-17"),
        ("XAA", ours, State.REPLIED, "close", {"findings": (LOST_NUMBER % {"number": 2},), "notices": ()}, "V-45"),
        ("XAA", ours, State.DRAFT, "discard", {"findings": (LOST_NUMBER % {"number": 2},)}, "V-45"),
        ("XAA", ours, State.REPLIED, "close", {"findings": ()}, ""),
        ("XBB", theirs, State.SUSPENDED, "close", {"reply": None}, "R-11"),
        ("XAA", home, State.RECALL, "returned", {"holders": (("else", "child_welfare"),)}, "V-08"),
        ("XAA", home, State.ACCEPTED, "decision", {"record": record}, "V-36"),
    )
    said, refused = [], []
    for country, ref, state, verb, changes, _ in rows:
        await story.put(network, country, ref, state, **changes)
        services = desk_services(network.gateways[country])
        row = await services.inquiries.find_case(ref)
        assert row is not None
        who, role = "first", "case_officer" if country == "XAA" else "registry_clerk"
        if verb == "decision":
            who, role = "coordinator", "coordinator"
        said.append([one.rule for one in await against(services, row, verb, who, role)])
        try:
            await VERBS[verb].act(services, Call(who, role, ref, {}))
            refused.append([])
        except RuleRefused as error:
            refused.append([one.rule for one in error.findings])
    assert refused == said
    assert [row[-1] for row in rows] == ["".join(one[:1]) for one in said]


# What has a place by the case alone, and needs no gateway.


LATE = support.asking(State.ACKNOWLEDGED, clocks=(support.clock(due_on=date(2026, 11, 20)),))
ASKED = support.asked(State.ACKNOWLEDGED)
THEIRS = Notice(USE_REQUEST, False, 1, "2026-11-25", {"number": 1})
WRITTEN = support.draft(remark=support.WRITTEN)


def noted(**changes: object) -> Case:
    """Return a case with a question about data, with members of it changed."""
    return support.asking(State.REPLIED, notices=(replace(THEIRS, **changes),))


def remarked(**changes: object) -> Case:
    """Return a case whose remark was read, with members of what became of it changed."""
    return support.asking(draft=WRITTEN, remark=support.remark(**changes))


PLACES: dict[str, tuple[tuple[Case, ...], tuple[Case, ...]]] = {
    "reminder": (
        (LATE, replace(LATE, reminders=REMINDERS_MAX - 1)),
        (replace(LATE, reminders=REMINDERS_MAX), replace(LATE, clocks=(support.clock(),)), replace(LATE, clocks=())),
    ),
    "contest": ((support.asking(State.REPLIED),), (support.asking(State.REPLIED, contests=1),)),
    "delay": ((ASKED, replace(ASKED, delays=DELAYS_MAX - 1)), (replace(ASKED, delays=DELAYS_MAX),)),
    "extension": ((ASKED, replace(ASKED, delays=DELAYS_MAX - 1)), (replace(ASKED, delays=DELAYS_MAX),)),
    "interview": (
        (replace(ASKED, received={**support.REQUEST_BODY, "method_limit": "M2", "no_contact_methods": False}),),
        (ASKED, replace(ASKED, received=None)),
    ),
    "approval": (
        (support.asking(),),
        (support.asking(pending=None), support.asking(pending=support.prepared({}, type=RECTIFICATION))),
    ),
    "rectification-approval": (
        (support.asking(pending=support.prepared({}, type=RECTIFICATION)),),
        (support.asking(), support.asking(pending=None)),
    ),
    "use-report": ((noted(),), (noted(ours=True), noted(answer={}), noted(kind=RECTIFICATION), support.asking())),
    "remark-confirmation": (
        (remarked(),),
        (
            remarked(sent=True),
            remarked(reasons=("PROTECTION",)),
            support.asking(),
            support.asking(draft=WRITTEN, remark=support.remark(WRITTEN)),
        ),
    ),
}
"""For each step cases in which it has a place, and some in which it has none."""


def test_a_step_is_offered_where_it_has_a_place() -> None:
    """Something is prepared, late, asked or read for it, no bound is reached, and it was not done."""
    rows = [(verb, True, case) for verb, (may, _) in PLACES.items() for case in may]
    rows += [(verb, False, case) for verb, (_, not_) in PLACES.items() for case in not_]
    assert [] == [(verb, may, case) for verb, may, case in rows if may is not _has_place(case, verb, support.NOW)]


def test_a_signature_that_is_over_is_told_by_the_step_itself() -> None:
    """An answer waits to be sent once a second person signed it, also where that is over: no other page says so."""
    reply = support.prepared(support.reply("NOT_NATIONAL"))
    over = format_instant(support.NOW - timedelta(days=1))
    signed = replace(reply, approver="boris", statement="statement", valid_until=over)
    by = Event("", "anna", "registry_clerk")
    assert [False, True] == [_is_let(replace(ASKED, pending=one), by, "answer", support.NOW) for one in (reply, signed)]
