"""The ladder as people climb it: recorded, rested, held back, and never a step of the case."""

import pytest

from gateway.core.case import State
from gateway.core.machine import RuleRefused
from gateway.core.note_verbale import reference, serialize_text
from gateway.services import cases, threads
from gateway.services.context import Forbidden, NotFound
from gateway.services.escalate import Escalation, mark
from gateway.services.mention import mentionable
from gateway.services.ports import Changed, Tx
from tests.support import story
from tests.support.agreements import agree
from tests.support.network import Network
from tests.support.spoilt import spoilt

LATE_DAYS = {"L1": 15, "L2": 23, "L3": 30, "L4": 45, "L5": 110, "L6": 200}
WHO = {
    "L1": ("first", "case_officer"),
    "L2": ("second", "desk_head"),
    "L3": ("second", "liaison_officer"),
    "L4": ("board", "foreign_affairs"),
    "L5": ("board", "foreign_affairs"),
    "L6": ("board", "foreign_affairs"),
}


def ladder(network: Network, country: str = "XAA") -> Escalation:
    return Escalation(network.gateways[country].context)


async def late(network: Network, days: float = 45) -> str:
    """Return a case whose answer is overdue by as many days from the request as given."""
    ours, _ = await story.acknowledged(network)
    network.clock.pass_(days=days)
    await network.refresh()
    return ours


async def history(network: Network, ref: str) -> list[str]:
    events = await network.gateways["XAA"].store.read(lambda tx: tx.events(ref))
    return [event.event for event in events]


def rules(refused: pytest.ExceptionInfo[RuleRefused]) -> list[str]:
    return [finding.rule for finding in refused.value.findings]


@pytest.mark.parametrize("level", LATE_DAYS)
async def test_a_rung_is_recorded_and_moves_nothing(network: Network, level: str) -> None:
    """Every rung leaves one line in the history of the case, whose state stays what it was."""
    ours = await late(network, LATE_DAYS[level])
    await ladder(network).trigger(ours, level, *WHO[level])
    event = "remind" if level == "L1" else f"escalate_{level.lower()}"
    assert (event, "ACKNOWLEDGED") == ((await history(network, ours))[-1], await story.state(network, "XAA", ours))


@pytest.mark.parametrize("level", LATE_DAYS)
async def test_a_rung_rests_after_it_was_triggered(network: Network, level: str) -> None:
    """The same rung is refused until its cool-down has passed."""
    ours = await late(network, LATE_DAYS[level])
    await ladder(network).trigger(ours, level, *WHO[level])
    with pytest.raises(RuleRefused) as refused:
        await ladder(network).trigger(ours, level, *WHO[level])
    assert ["D-08"] == rules(refused)


async def test_the_first_rung_sends_the_next_numbered_reminder(network: Network) -> None:
    """L1 is the reminder that exists; the other desk gets its number."""
    ours = await late(network, 15)
    await ladder(network).trigger(ours, "L1", "first", "case_officer")
    await network.deliver()
    assert 1 == (await story.case(network, "XAA", ours)).reminders
    assert 1 == (await story.case(network, "XBB", await story.twin(network, ours))).reminders


async def test_only_the_roles_of_a_rung_and_only_when_reached(network: Network) -> None:
    """Another role and an early day are both told at once; a person without the role gets no further."""
    ours = await late(network, 15)
    with pytest.raises(RuleRefused) as refused:
        await ladder(network).trigger(ours, "L4", "second", "liaison_officer")
    assert ["D-04", "D-07"] == rules(refused)
    with pytest.raises(Forbidden):
        await ladder(network).trigger(ours, "L4", "first", "foreign_affairs")


async def test_a_frozen_case_climbs_nothing(network: Network) -> None:
    """While a case is frozen no rung is reached and none may be triggered."""
    ours = await late(network)
    await network.gateways["XAA"].hold.freeze(ours, "stop", "second", "liaison_officer")
    with pytest.raises(RuleRefused) as refused:
        await ladder(network).trigger(ours, "L4", "board", "foreign_affairs")
    assert ["D-05", "D-07", "R-02"] == rules(refused)
    assert None is (await ladder(network).standing(await story.case(network, "XAA", ours))).level
    with pytest.raises(RuleRefused):
        await ladder(network).note("XBB", "board", "foreign_affairs")


@pytest.mark.parametrize("level", LATE_DAYS)
async def test_a_state_on_the_list_is_pressed_on_no_rung(network: Network, level: str) -> None:
    """No reminder, call, note or list goes to a State that is not to be contacted (N-01)."""
    ours = await late(network, LATE_DAYS[level])
    listed = network.gateways["XAA"].no_contact
    await listed.propose("XBB", "officials take part", "second", "liaison_officer")
    await listed.confirm("XBB", "I agree", "board", "foreign_affairs")
    with pytest.raises(RuleRefused) as refused:
        await ladder(network).trigger(ours, level, *WHO[level])
    assert ["N-01"] == rules(refused)
    with pytest.raises(RuleRefused, match="held back"):
        await ladder(network).note("XBB", "board", "foreign_affairs")


async def test_an_open_protection_question_climbs_nothing(network: Network) -> None:
    """What forbids a reminder forbids every rung, although the case was let go."""
    ours = await late(network)
    gateway = network.gateways["XAA"]
    await gateway.hold.freeze(ours, "x", "second", "liaison_officer", {**story.draft()["asylum"], "state": "indicated"})
    await gateway.hold.release(ours, "second", "liaison_officer")
    with pytest.raises(RuleRefused) as refused:
        await ladder(network).trigger(ours, "L2", "second", "desk_head")
    assert "R-01" in rules(refused)


# Do not press.


async def test_one_person_stops_the_pressing_and_two_let_it_go_on(network: Network) -> None:
    """The mark is set alone and at once; the first of two proposes to take it away, the second does it."""
    ours, service = await late(network), ladder(network)
    await service.stop(ours, "the family was visited", "welfare", "child_welfare")
    standing = await service.standing(await story.case(network, "XAA", ours))
    assert (None, True) == (standing.level, standing.stopped)
    with pytest.raises(RuleRefused) as refused:
        await service.trigger(ours, "L4", "board", "foreign_affairs")
    assert ["D-06"] == rules(refused)
    assert [False, False] == [await service.allow(ours, "first", "case_officer") for _ in range(2)]
    assert await service.allow(ours, "second", "liaison_officer")
    assert None is not await service.trigger(ours, "L4", "board", "foreign_affairs")


async def test_no_reminder_leaves_by_itself_or_by_hand_while_the_mark_stands(network: Network) -> None:
    """The loop and a person's own reminder both stop at the mark."""
    ours, gateway = await late(network), network.gateways["XAA"]
    await ladder(network).stop(ours, "why", "first", "case_officer")
    assert () == (await gateway.reminder.run_once(network.clock.now())).refs
    with pytest.raises(RuleRefused, match="D-06"):
        await gateway.reminder.remind(ours, "first", "case_officer")


async def test_a_reminder_that_waits_does_not_leave_once_the_mark_is_set(network: Network) -> None:
    """What presses and was not posted is taken out of the outbox; what waits behind it leaves all the same."""
    ours, service = await late(network, 15), ladder(network)
    await service.trigger(ours, "L1", "first", "case_officer")
    await network.gateways["XAA"].notices.ask_use(ours, "first", "case_officer")
    await service.stop(ours, "the family was visited", "welfare", "child_welfare")
    await network.deliver()
    there = await story.case(network, "XBB", await story.twin(network, ours))
    assert (0, ["use-report.request"]) == (there.reminders, [one.kind for one in there.notices])


async def marked_behind_a_dead_line(network: Network) -> str:
    """Return a case whose reminder was posted once over a line that was down, and that was marked since."""
    ours, service = await late(network, 15), ladder(network)
    await service.trigger(ours, "L1", "first", "case_officer")
    network.wires.cut = True
    await network.deliver(1)
    network.wires.cut = False
    await service.stop(ours, "the family was visited", "welfare", "child_welfare")
    return ours


async def reminders_there(network: Network, ours: str) -> int:
    """Let an hour pass and what may leave arrive; return how many reminders the other State has by then."""
    network.clock.pass_(hours=1)
    await network.deliver()
    there = await story.case(network, "XBB", await story.twin(network, ours))
    return int(there.reminders)


async def test_a_reminder_that_may_be_abroad_is_not_tried_again_while_the_mark_stands(network: Network) -> None:
    """Nobody is pressed once the line is back; two persons who take the mark away let it go on."""
    ours = await marked_behind_a_dead_line(network)
    assert 0 == await reminders_there(network, ours)
    for person, role in (("first", "case_officer"), ("second", "liaison_officer")):
        await ladder(network).allow(ours, person, role)
    assert 1 == await reminders_there(network, ours)


async def test_a_reminder_that_may_be_abroad_keeps_nothing_else_from_being_heard(network: Network) -> None:
    """Its number has to be used before the next one counts: it leaves with what is said behind it."""
    ours = await marked_behind_a_dead_line(network)
    await network.gateways["XAA"].notices.ask_use(ours, "first", "case_officer")
    assert 1 == await reminders_there(network, ours)
    there = await story.case(network, "XBB", await story.twin(network, ours))
    assert ["use-report.request"] == [one.kind for one in there.notices]


async def test_a_reminder_that_may_be_abroad_does_not_end_the_thread(network: Network) -> None:
    """It leaves in the last three of its thirty days: past them nothing more could be said of the person."""
    ours = await marked_behind_a_dead_line(network)
    network.clock.pass_(days=26, hours=22)
    assert 0 == await reminders_there(network, ours)
    assert 1 == await reminders_there(network, ours)
    network.clock.pass_(days=4)
    await network.gateways["XAA"].deliverer.expire(network.clock.now())
    assert "ACKNOWLEDGED" == await story.state(network, "XAA", ours)


async def test_who_may_set_and_take_away_the_mark(network: Network) -> None:
    """A ministry that only counts days neither sets nor takes away what protects a person."""
    ours, service = await late(network), ladder(network)
    with pytest.raises(Forbidden):
        await service.stop(ours, "why", "board", "foreign_affairs")
    await service.stop(ours, "why", "first", "case_officer")
    with pytest.raises(Forbidden):
        await service.allow(ours, "board", "foreign_affairs")


async def test_the_reason_of_the_mark_is_sealed(network: Network) -> None:
    """What somebody wrote stands nowhere in clear, and no log line has it."""
    ours = await late(network)
    await ladder(network).stop(ours, "the uncle knows", "welfare", "child_welfare")
    raw = network.gateways["XAA"].settings.database.read_bytes()
    assert [False, False] == [b"the uncle" in raw, "the uncle" in str(network.logs)]


async def test_without_a_mark_there_is_nothing_to_take_away(network: Network) -> None:
    """Letting go of what nobody set is refused."""
    ours = await late(network)
    with pytest.raises(RuleRefused):
        await ladder(network).allow(ours, "first", "case_officer")


# The note verbale.


async def test_one_note_is_about_every_case_that_is_due(network: Network) -> None:
    """It counts them, numbers itself, and each case on it rests; the next note has the next number."""
    first, second = await late(network, 0), await late(network)
    note = await ladder(network).note("XBB", "board", "foreign_affairs")
    threads = {(await story.case(network, "XAA", ref)).thread for ref in (first, second)}
    assert ("1/2027", {reference(thread) for thread in threads}) == (
        note.number,
        {item.reference for item in note.items},
    )
    with pytest.raises(RuleRefused):
        await ladder(network).note("XBB", "board", "foreign_affairs")
    network.clock.pass_(days=31)
    assert "2/2027" == (await ladder(network).note("XBB", "board", "foreign_affairs")).number


async def test_the_note_says_when_it_was_asked_and_how_sure_the_figure_is(network: Network) -> None:
    """The day of the request, not of the acknowledgement that started the clock; a figure nobody verified is marked."""
    agree(network, "BILAT-RU-CH")
    _, theirs = await story.received(network)
    network.clock.pass_(days=3)
    await network.gateways["XBB"].answer.acknowledge(theirs, "first")
    await network.deliver()
    network.clock.pass_(days=60)
    await network.refresh()
    note = await ladder(network).note("XBB", "board", "foreign_affairs", draft=True)
    assert ("2026-11-25", "2026-12-23") == (note.items[0].asked_on.isoformat(), note.items[0].due_on.isoformat())
    assert "(figure not verified)" in serialize_text(note)


async def test_the_note_says_when_a_second_look_was_asked_for(network: Network) -> None:
    """What is owed of a reply that was contested was asked for by the contest, and not by the request before it."""
    ours, _ = await story.replied(network)
    network.clock.pass_(days=3)
    await network.gateways["XAA"].clear.contest(ours, "NEW_ELEMENT", "first")
    await network.deliver()
    network.clock.pass_(days=45)
    await network.refresh()
    note = await ladder(network).note("XBB", "board", "foreign_affairs", draft=True)
    assert ["2026-11-28"] == [item.asked_on.isoformat() for item in note.items]


async def test_a_case_that_cannot_be_read_keeps_no_other_off_the_note(network: Network) -> None:
    """Whoever waits in another case is asked about all the same."""
    broken, ours = await late(network, 0), await late(network)

    async def damage(tx: Tx) -> None:
        row = await tx.find_case(broken)
        assert row is not None
        await tx.save_case(row._replace(sealed=spoilt(row.sealed), version=row.version + 1))

    await network.gateways["XAA"].store.commit(damage)
    note = await ladder(network).note("XBB", "board", "foreign_affairs", draft=True)
    assert [reference((await story.case(network, "XAA", ours)).thread)] == [item.reference for item in note.items]


async def test_a_draft_is_neither_numbered_nor_recorded(network: Network) -> None:
    """What the note would say can be read before anybody decides to write it."""
    ours = await late(network)
    draft = await ladder(network).note("XBB", "board", "foreign_affairs", draft=True)
    assert ("", 1) == (draft.number, len(draft.items))
    assert "escalate_l4" not in await history(network, ours)
    assert "1/2027" == (await ladder(network).note("XBB", "board", "foreign_affairs")).number


async def test_the_note_names_nothing_of_ours_and_nobody(network: Network) -> None:
    """Neither our reference nor the thread nor a name stands in it."""
    ours = await late(network)
    case = await story.case(network, "XAA", ours)
    text = serialize_text(await ladder(network).note("XBB", "board", "foreign_affairs"))
    names = [name[part] for name in story.draft()["elements"]["names"] for part in ("family", "given")]
    assert [] == [word for word in (ours, case.thread, case.officer, *names) if word and word in text]


async def test_the_other_desk_finds_the_case_by_its_reference(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is asked by note finds the case; a reference that is not there, and a ministry, find nothing."""
    monkeypatch.setattr(threads, "_PART", 1)
    ours, *_ = await late(network), await story.sent(network), await story.sent(network)
    await network.deliver()
    theirs = await story.twin(network, ours)
    note = await ladder(network).note("XBB", "board", "foreign_affairs")
    service, sought = ladder(network, "XBB"), note.items[0].reference
    assert theirs == await service.find("XAA", sought.lower(), "first", "registry_clerk")
    with pytest.raises(NotFound):
        await service.find("XAA", "2222-2222-2222-2222", "first", "registry_clerk")
    with pytest.raises(Forbidden):
        await service.find("XAA", sought, "board", "foreign_affairs")


async def test_only_who_issues_notes_reads_those_that_were_issued(network: Network) -> None:
    """The ministry finds a note by its number, and those of a year; another role is told that it may not."""
    await late(network)
    note = await ladder(network).note("XBB", "board", "foreign_affairs")
    assert note == (await ladder(network).issued(note.number, "board", "foreign_affairs")).note
    assert [note] == [one.note for one in await ladder(network).issued_until(2027, "board", "foreign_affairs")]
    with pytest.raises(Forbidden, match="may not do this"):
        await ladder(network).issued(note.number, "first", "case_officer")
    with pytest.raises(Forbidden, match="may not do this"):
        await ladder(network).issued_until(2027, "first", "case_officer")
    with pytest.raises(NotFound):
        await ladder(network).issued("9/2027", "board", "foreign_affairs")


async def test_the_quarterly_list(network: Network) -> None:
    """The list for the committee names what waited a quarter, records the rung, and is empty afterwards."""
    ours = await late(network, 110)
    texts = [await ladder(network).quarterly("XBB", "board", "foreign_affairs") for _ in range(2)]
    assert reference((await story.case(network, "XAA", ours)).thread) in texts[0]
    assert "Nothing is pending." in texts[1]
    assert "escalate_l5" == (await history(network, ours))[-1]


async def test_an_answer_ends_the_climbing(network: Network) -> None:
    """Once the answer is there nothing is owed and nothing pressed."""
    ours = await late(network)
    theirs = await story.twin(network, ours)
    await story.give_answer(network, theirs, story.reply(as_of=network.clock.now().date().isoformat()))
    await network.deliver()
    with pytest.raises(RuleRefused) as refused:
        await ladder(network).trigger(ours, "L2", "second", "desk_head")
    assert ["D-07"] == rules(refused)


async def test_a_case_stopped_meanwhile_is_on_no_list(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look for what is due and the list, a stop takes the case off it, and nothing is recorded in it."""
    ours, service = await late(network, 110), ladder(network)
    ready = await service._ready("XBB", service._rung("L5"), "foreign_affairs", network.clock.now())
    assert [ours] == ready

    async def as_it_was(*args: object) -> list[str]:
        return ready

    monkeypatch.setattr(service, "_ready", as_it_was)
    await network.gateways["XAA"].hold.freeze(ours, "known", "protection", "asylum_authority")
    named = await story.row(network, "XAA", ours)
    assert reference(named.thread) not in await service.quarterly("XBB", "board", "foreign_affairs")
    assert "escalate_l5" not in await history(network, ours)


async def test_a_note_is_of_the_cases_that_did_not_leave_it_meanwhile(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A case in which nobody may press any more is left off, and no other; a note that was seen is another then."""
    left, stays = await late(network, 110), await late(network, 110)
    service, who = ladder(network), ("XBB", "board", "foreign_affairs")
    now = network.clock.now()
    ready = await service._ready("XBB", service._rung("L4"), "foreign_affairs", now)
    seen = mark(await service.note(*who, draft=True))

    async def as_it_was(*args: object) -> list[str]:
        return ready

    monkeypatch.setattr(service, "_ready", as_it_was)
    await service.stop(left, "it endangers", "welfare", "child_welfare")
    kept = reference((await story.row(network, "XAA", stays)).thread)
    assert [kept] == [one.reference for one in (await service.note(*who, draft=True)).items]
    with pytest.raises(Changed):
        await service.note(*who, seen=seen)
    await service.stop(stays, "it endangers", "welfare", "child_welfare")
    with pytest.raises(Changed):
        await service.note(*who, seen=seen)
    with pytest.raises(RuleRefused) as refused:
        await service.note(*who)
    assert {"D-06"} == set(rules(refused))
    assert [[], []] == [[one for one in await history(network, ref) if one == "escalate_l4"] for ref in (left, stays)]


async def test_only_what_the_other_state_owes_is_mentioned_to_it(network: Network) -> None:
    """A digest presses: not for what was answered, for what we owe, or while a protection question is open."""
    ours, theirs = await story.acknowledged(network)
    answered, _ = await story.replied(network)
    asylum = {**story.draft()["asylum"], "state": "unknown"}
    asking, asked = (network.gateways[country].context for country in ("XAA", "XBB"))
    now = network.clock.now()
    assert {ours} == await mentionable(asking, [ours, answered, "no case"], now)
    assert set() == await mentionable(asked, [theirs], now)
    await story.put(network, "XAA", ours, State.ACKNOWLEDGED, draft={**story.draft(), "asylum": asylum})
    assert set() == await mentionable(asking, [ours], now)


@pytest.mark.parametrize("partner", ["ZZZ", "", "xbb"])
async def test_a_state_that_is_no_partner_has_no_list(network: Network, partner: str) -> None:
    """Neither the quarterly list nor a note is made about a State that is not configured."""
    for made in (ladder(network).quarterly, ladder(network).note):
        with pytest.raises(NotFound):
            await made(partner, "board", "foreign_affairs")


async def test_an_exercise_is_no_matter_between_ministries(network: Network) -> None:
    """The desks practise reminders and calls with it; no note, list or minister takes an invented case for real."""
    gateway = network.gateways["XAA"]
    ref = await gateway.clear.new(story.draft(), "first", exercise=True)
    preview, thread = await gateway.clear.show(ref, "second", "liaison_officer")
    signed = network.approval(preview.digest, thread, "second", "request.approval", "liaison_officer")
    await gateway.clear.approve(ref, signed, "second")
    await gateway.clear.send(ref, "first")
    await network.deliver()
    network.clock.pass_(days=200)
    await network.refresh()
    for level in ("L2", "L3"):
        await ladder(network).trigger(ref, level, *WHO[level])
    for level in ("L4", "L5", "L6"):
        with pytest.raises(RuleRefused, match="D-09"):
            await ladder(network).trigger(ref, level, *WHO[level])
    assert "Nothing is pending." in await ladder(network).quarterly("XBB", "board", "foreign_affairs")


async def test_a_case_that_rests_hides_none_behind_it(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every overdue case is reminded of and noted, however many that rest are overdue for longer."""
    monkeypatch.setattr(cases, "PART", 1)
    gateway, refs = network.gateways["XAA"], [await late(network, 0), await late(network, 0), await late(network, 45)]
    reminded = await gateway.reminder.run_once(network.clock.now())
    assert (3, set(refs)) == (reminded.overdue, set(reminded.refs))
    await ladder(network).trigger(min(refs), "L4", "board", "foreign_affairs")
    assert 2 == len((await ladder(network).note("XBB", "board", "foreign_affairs")).items)
