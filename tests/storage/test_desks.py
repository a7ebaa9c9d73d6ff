"""What every store of the desks must do, whatever its dialect: what is durable, and what only one of many gets."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.services.account_store import (
    ATTEMPTS_MAX,
    BACK_OFF_MAX,
    DRAFTS_MAX,
    FREE_ATTEMPTS,
    SEALED,
    AccountEvent,
    Challenge,
    CodeSecret,
    Link,
    Snooze,
    Work,
)
from gateway.services.ports import BadValue, Conflict, Unavailable
from gateway.storage.desks import DeskStore
from gateway.storage.migrate import load_migrations
from gateway.storage.sqlite_desks import SqliteDesks
from tests.storage.desk_rows import APPROVAL, HOUR, INVITATION, LINK, PASSKEY, T0, session

Open = Callable[[], Awaitable[DeskStore]]


@pytest.fixture(params=["sqlite", "postgres"])
def open_one(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """What opens a store of the desks, the same one each time."""
    if request.param == "sqlite":
        return lambda: SqliteDesks.open(tmp_path / "desks.db", T0)
    from gateway.storage.postgres_desks import PostgresDesks

    dsn = request.getfixturevalue("dsn")
    return lambda: PostgresDesks.open(dsn, T0)


@pytest_asyncio.fixture
async def store(open_one: Open) -> AsyncIterator[DeskStore]:
    """An empty store, open."""
    made = await open_one()
    yield made
    await made.close()


async def test_what_is_kept_is_there_after_a_restart(store: DeskStore, open_one: Open) -> None:
    """Every kind of row comes back as it was put in."""
    await store.add_session(session(), b"told", None)
    await store.add_invitation(INVITATION)
    await store.add_link(LINK)
    await store.add_passkey(PASSKEY)
    await store.set_code(CodeSecret("first", b"sealed", 7, T0))
    await store.add_challenge(Challenge("c1", "use", "binding", None, b"sealed", T0 + HOUR))
    await store.add_approval(APPROVAL)
    await store.close()
    again = await open_one()
    assert (session(), b"told") == await again.find_session("s1")
    assert INVITATION == await again.find_invitation("i1")
    assert LINK == await again.find_link("l1")
    assert PASSKEY == await again.find_passkey("p1")
    assert CodeSecret("first", b"sealed", 7, T0) == await again.find_code("first")
    assert Challenge("c1", "use", "binding", None, b"sealed", T0 + HOUR) == await again.take_challenge("c1")
    assert [APPROVAL] == await again.approvals("ref1")
    await again.close()


@pytest.mark.parametrize("text", ["a\x00", "a\ud800"])
async def test_what_no_store_can_hold_is_refused_as_that(store: DeskStore, text: str) -> None:
    """In either dialect, and as no fault of the store."""
    with pytest.raises(BadValue):
        await store.add_session(session(person=text), b"", None)
    with pytest.raises(BadValue):
        await store.sessions(text)


async def test_only_one_of_many_gets_what_is_there_once(store: DeskStore) -> None:
    """A link, a challenge, a code's step, a counter and a form's token go to one of those that come together."""
    await store.add_link(LINK)
    await store.add_challenge(Challenge("c1", "use", "b", None, b"", T0 + HOUR))
    await store.set_code(CodeSecret("first", b"", 7, T0))
    await store.add_passkey(PASSKEY)
    links = await asyncio.gather(*(store.use_link("l1", T0) for _ in range(8)))
    challenges = await asyncio.gather(*(store.take_challenge("c1") for _ in range(8)))
    steps = await asyncio.gather(*(store.use_code("first", 8) for _ in range(8)))
    counts = await asyncio.gather(*(store.use_passkey("p1", 3, 4, T0) for _ in range(8)))
    claims = await asyncio.gather(*(store.claim("t", T0 + HOUR) for _ in range(8)))
    assert [7, 7] == [links.count(None), challenges.count(None)]
    assert [1, 1, 1] == [steps.count(True), counts.count(True), [one.state for one in claims].count("new")]


async def test_two_processes_get_it_once(store: DeskStore, open_one: Open) -> None:
    """The command line and a gateway, or two nodes, share the store, and one of them is too late."""
    other = await open_one()
    await other.add_link(LINK)
    used = await asyncio.gather(*(one.use_link("l1", T0) for one in (store, other) for _ in range(4)))
    assert 7 == used.count(None)
    await other.close()


async def test_session_takes_the_place_of_another_at_once(store: DeskStore) -> None:
    """The old one and the new one are never both there, nor neither."""
    await store.add_session(session("s1"), b"", None)
    await store.add_session(session("s2"), b"", "s1")
    assert await store.find_session("s1") is None
    await store.add_session(session("s3"), b"", None)
    with pytest.raises(Conflict):
        await store.add_session(session("s2"), b"", "s3")
    assert None not in (await store.find_session("s2"), await store.find_session("s3"))


@pytest.mark.parametrize("instead_of", [None, "s1"])
async def test_nothing_is_begun_by_means_that_were_taken_away(store: DeskStore, instead_of: str | None) -> None:
    """Who proved to hold a passkey just now is not let in where somebody took it away since."""
    await store.add_session(session("s1", "another"), b"", None)
    await store.add_passkey(PASSKEY)
    assert await store.add_session(session("s2"), b"", None, by_means=True)
    assert (1, 1) == await store.drop_means("first")
    assert not await store.add_session(session("s3"), b"", instead_of, by_means=True)
    assert await store.find_session("s3") is None
    assert await store.find_session("s1") is not None


async def test_nothing_is_begun_by_a_link_whose_person_was_shut_out_since(store: DeskStore) -> None:
    """Who used a stolen link in the moment in which every way in was taken away enters nothing, nor adds a passkey."""
    await store.add_link(LINK)
    assert await store.use_link("l1", T0) is not None
    by_link = replace(session("s1"), level="link", enrolling=True)
    assert await store.add_session(by_link, b"", None, by_means=True)
    assert (0, 1) == await store.drop_means("first")
    assert not await store.add_session(replace(by_link, id="s2"), b"", None, by_means=True)
    assert await store.find_session("s2") is None


async def test_what_was_ended_goes_on_in_no_way(store: DeskStore) -> None:
    """No session takes the place of one that was ended, and none adds a way of signing in, whatever was under way."""
    await store.add_session(session("s1"), b"", None)
    assert await store.add_passkey(PASSKEY, "s1")
    assert await store.set_code(CodeSecret("first", b"sealed", 7, T0), "s1")
    await store.end_sessions(person="first")
    assert not await store.add_session(session("s2"), b"", "s1")
    assert not await store.add_passkey(replace(PASSKEY, id="p2"), "s1")
    assert not await store.set_code(CodeSecret("first", b"another", 8, T0), "s1")
    assert await store.find_session("s2") is None
    assert ["p1"] == [one.id for one in await store.passkeys("first")]
    assert CodeSecret("first", b"sealed", 7, T0) == await store.find_code("first")


async def test_ways_of_signing_in_are_taken_away_with_what_they_opened(store: DeskStore) -> None:
    """Passkeys, codes, unused links and sessions of one person are gone; another's stay."""
    for person, number in (("first", "1"), ("second", "2")):
        await store.add_session(session(f"s{number}", person), b"", None)
        await store.add_link(replace(LINK, id=f"l{number}", person=person))
        await store.add_passkey(replace(PASSKEY, id=f"p{number}", person=person))
        await store.set_code(CodeSecret(person, b"sealed", 7, T0))
    assert [(2, 1), (0, 0)] == [await store.drop_means("first") for _ in range(2)]
    gone = [await store.find_session("s1"), await store.find_link("l1"), await store.find_passkey("p1")]
    assert [None] * 4 == [*gone, await store.find_code("first")]
    stays = [await store.find_session("s2"), await store.find_link("l2"), await store.find_passkey("p2")]
    assert None not in (*stays, await store.find_code("second"))


@pytest.mark.parametrize("with_code", [False, True])
async def test_of_two_means_that_are_removed_at_once_one_stays(
    store: DeskStore, open_one: Open, with_code: bool
) -> None:
    """Nobody shuts themselves out with two tabs, also where each is of another node; the last one is not removed."""
    other = await open_one()
    await store.add_passkey(PASSKEY)
    if with_code:
        await store.set_code(CodeSecret("first", b"", 7, T0))
    else:
        await store.add_passkey(replace(PASSKEY, id="p2"))
    second = other.drop_code("first") if with_code else other.drop_passkey("first", "p2")
    assert [False, True] == sorted(await asyncio.gather(store.drop_passkey("first", "p1"), second))
    await other.close()
    left = len(await store.passkeys("first")), await store.find_code("first") is not None
    assert left in ((1, False), (0, True))
    assert not await store.drop_passkey("first", "p1")
    assert not await store.drop_code("first")
    assert left == (len(await store.passkeys("first")), await store.find_code("first") is not None)


async def test_who_ends_a_session_waits_for_what_is_added_in_it(store: DeskStore, open_one: Open) -> None:
    """Of an addition and an end at the same time each is whole: nothing is added after the end was told."""
    other = await open_one()
    for number in range(10):
        await store.add_session(session(f"s{number}"), b"", None)

        async def end() -> tuple[int, int]:
            ended = await other.end_sessions(person="first")
            return ended, len(await other.passkeys("first"))

        adding = store.add_passkey(replace(PASSKEY, id=f"p{number}"), f"s{number}")
        _, (_, seen) = await asyncio.gather(adding, end())
        assert seen == len(await store.passkeys("first"))
    await other.close()


async def test_revoking_takes_links_and_sessions_along(store: DeskStore) -> None:
    """Nothing that an invitation gave outlives it, and it is revoked once."""
    await store.add_invitation(INVITATION)
    await store.add_link(Link("l2", "guest.i1", "interior", "invitation", T0, T0 + HOUR, None, "i1"))
    await store.add_session(session("s3", "guest.i1", INVITATION), b"", None)
    assert [True, False] == [await store.revoke_invitation("i1", T0) for _ in range(2)]
    assert (None, None) == (await store.find_session("s3"), await store.find_link("l2"))


async def test_session_whose_invitation_is_gone_is_none(store: DeskStore) -> None:
    """A session that goes by an invitation is nothing without it."""
    await store.add_session(session("s3", "guest.i1", INVITATION), b"", None)
    assert await store.find_session("s3") is None


async def test_wait_grows_to_a_quarter_of_an_hour(store: DeskStore) -> None:
    """Each wrong code doubles it, and the twentieth is the last that is looked at."""
    at, waits = T0, []
    for _ in range(ATTEMPTS_MAX):
        begun = at
        while not await store.try_code("k", at):
            at += timedelta(seconds=15)
        waits.append(int((at - begun).total_seconds()))
    assert [0, 0, 0, 30, 60, 120, 240, 480] == waits[:8]
    assert {int(BACK_OFF_MAX.total_seconds())} == set(waits[8:])
    assert not await store.try_code("k", at + timedelta(days=1))
    await store.clear_attempts("k")
    assert await store.try_code("k", at)


async def test_broken_unit_leaves_nothing_behind(store: DeskStore) -> None:
    """What fails in the middle is undone, and the next transaction works."""
    await store.add_session(session("s1"), b"", None)
    await store.add_session(session("s4"), b"", None)
    with pytest.raises(Conflict):
        await store.add_session(session("s1"), b"", "s4")
    assert await store.find_session("s4") is not None
    await store.add_session(session("s5"), b"", "s4")
    assert await store.find_session("s4") is None


async def test_a_code_is_tried_once_at_a_time(store: DeskStore, open_one: Open) -> None:
    """Of guesses that come to two processes together none is looked at uncounted."""
    other = await open_one()
    tried = await asyncio.gather(*(one.try_code("k", T0) for one in (store, other) for _ in range(6)))
    assert FREE_ATTEMPTS == tried.count(True)
    await other.close()


async def test_what_is_kept_once_is_kept_anew(store: DeskStore) -> None:
    """A request for a link, a secret, a draft and a snooze take the place of the one before."""
    for name, at in (("a", T0), ("b", T0 + HOUR)):
        await store.ask_link("first", "board", name, at)
        await store.set_code(CodeSecret("first", name.encode(), 7, at))
        await store.add_draft("first", "/place", name.encode(), at + HOUR)
        await store.set_snooze(Snooze("ref1", "first", at + HOUR, name))
    assert "b" == await store.link_asked("first", "board", T0, T0 + HOUR, take=True)
    assert await store.link_asked("first", "board", T0, T0 + HOUR, take=True) is None
    assert CodeSecret("first", b"b", 7, T0 + HOUR) == await store.find_code("first")
    assert b"b" == await store.take_draft("first", "/place", T0)
    assert [Snooze("ref1", "first", T0 + 2 * HOUR, "b")] == await store.snoozes("first", T0)


async def test_session_was_never_seen_earlier(store: DeskStore) -> None:
    """Of two looks that come in the wrong order the later one counts."""
    await store.add_session(session(), b"", None)
    for at in (T0 + HOUR, T0):
        await store.touch_session("s1", at)
    assert [T0 + HOUR] == [row[3] for row in await store.sessions("first")]


async def test_sessions_of_a_person_end_but_one(store: DeskStore) -> None:
    """All of a person's sessions end, or all but the one that asks; those of others stay."""
    for id, person in (("s1", "first"), ("s2", "first"), ("s3", "first"), ("s4", "second")):
        await store.add_session(session(id, person), b"", None)
    assert [2, 1] == [await store.end_sessions(person="first", but="s1"), await store.end_sessions(person="first")]
    assert await store.find_session("s4") is not None


async def test_everybody_is_signed_out(store: DeskStore) -> None:
    """Every session ends, a link nobody used leads nowhere any more, and means of signing in stay."""
    await store.add_passkey(PASSKEY)
    for id, person in (("s1", "first"), ("s2", "second")):
        await store.add_session(session(id, person), b"", None)
    await store.add_link(LINK)
    assert [2, 0] == [await store.sign_everybody_out(), await store.sign_everybody_out()]
    assert (None, None) == (await store.find_session("s1"), await store.use_link("l1", T0))
    assert PASSKEY == await store.find_passkey("p1")


async def test_work_is_bounded_and_of_its_version(store: DeskStore) -> None:
    """A person keeps so many texts and no more, and a change made to an older version is none."""
    works = [Work(f"w{n}", "first", "", T0, T0, 1) for n in range(3)]
    assert [True, True, False] == [await store.add_work(one, b"fields", 2) for one in works]
    assert [True, False] == [await store.save_work(works[0], b"changed") for _ in range(2)]
    assert (replace(works[0], version=2), b"changed") == await store.find_work("first", "w0")


async def test_clock_that_jumps_takes_sessions_along(store: DeskStore) -> None:
    """Every instant of a session moves by the same time."""
    await store.add_session(session(), b"", None)
    await store.shift(HOUR)
    found = await store.find_session("s1")
    assert found is not None
    assert {T0 + HOUR} == {found[0].opened_at, found[0].seen_at, found[0].fresh_at}


async def test_what_is_over_goes(store: DeskStore) -> None:
    """A sweep deletes what is over and nothing else."""
    await store.add_session(session(), b"", None)
    await store.add_challenge(Challenge("c1", "use", "b", None, b"", T0))
    await store.claim("t", T0 + HOUR)
    await store.add_approval(APPROVAL)
    assert 1 == await store.sweep(T0)
    assert 2 == await store.sweep(T0 + timedelta(days=400))
    assert [APPROVAL] == await store.approvals("ref1")


async def test_a_clock_that_is_not_believed_sweeps_away_nothing_of_people(store: DeskStore) -> None:
    """What was typed, put aside and told of accounts is there afterwards; what strangers can make goes all the same."""
    await store.add_session(session(), b"", None)
    await store.add_challenge(Challenge("c1", "use", "b", None, b"", T0))
    await store.add_work(Work("w1", "first", "", T0, T0, 1), b"fields", 2)
    await store.add_draft("first", "/cases/a", b"sealed", T0 + HOUR)
    assert 1 == await store.sweep(T0 + timedelta(days=800), believed=False)
    assert (b"sealed", True) == (
        await store.find_draft("first", "/cases/a", T0),
        await store.find_work("first", "w1") is not None,
    )
    assert await store.find_session("s1") is not None


async def test_approvals_of_one_case_forget_what_was_approved(store: DeskStore) -> None:
    """Digest and salt go, all else and the approvals of other cases stay, and nothing is left to be sealed."""
    await store.add_approval(APPROVAL)
    await store.add_approval(replace(APPROVAL, ref="ref2", challenge="another"))
    assert 1 == await store.blind_approvals("ref1")
    assert [replace(APPROVAL, digest="", salt="")] == await store.approvals("ref1")
    assert (["ref2"], 1) == (await store.approval_refs(), len(await store.approvals("ref2")))
    await store.seal_approval("another", f"{SEALED}d", f"{SEALED}s")
    assert ([], ["ref2"]) == (await store.approvals_in_clear(), await store.approval_refs())


async def test_drafts_go_for_one_place_and_all_below_it(store: DeskStore) -> None:
    """Whoever typed; what only begins alike stays."""
    places = ("/cases/a", "/cases/a/steps/freeze", "/cases/ab/steps/freeze")
    for person in ("first", "second"):
        for place in places:
            await store.add_draft(person, place, b"sealed", T0 + HOUR)
    assert set(places) == set(await store.draft_places())
    assert 4 == await store.drop_drafts("/cases/a")
    assert ["/cases/ab/steps/freeze"] == await store.draft_places()


async def test_a_person_has_so_many_drafts_and_no_more(store: DeskStore) -> None:
    """A form may be sent to any number of addresses: the one kept now stays, and those that end first go."""
    await store.add_draft("second", "/of-another", b"sealed", T0 + HOUR)
    for number in range(DRAFTS_MAX + 1):
        await store.add_draft("first", f"/{number}", b"sealed", T0 + 2 * HOUR + timedelta(seconds=number))
    assert {f"/{number}" for number in range(1, DRAFTS_MAX + 1)} | {"/of-another"} == set(await store.draft_places())
    await store.add_draft("first", "/soonest", b"sealed", T0 + HOUR)
    gone = {f"/{number}" for number in (0, 1)}
    kept = {f"/{number}" for number in range(DRAFTS_MAX + 1)} - gone
    assert kept | {"/soonest", "/of-another"} == set(await store.draft_places())


async def test_closed_store_is_unavailable(open_one: Open) -> None:
    """After closing nothing is served, and the error is one that callers know."""
    made = await open_one()
    await made.close()
    with pytest.raises(Unavailable):
        await made.find_link("l1")


@pytest.mark.parametrize("folder", ["desks", "postgres_desks"])
def test_each_column_has_a_sentence(folder: str) -> None:
    """What a column holds stands beside it."""
    sql = "\n".join(migration.sql for migration in load_migrations(folder))
    columns = re.findall(r"^    [a-z_]+ +(?:TEXT|INTEGER|BLOB|BIGINT|BYTEA)\b.*$", sql, re.MULTILINE)
    assert columns
    assert [] == [line for line in columns if not re.search(r"-- [A-Z].*\.$|-- [a-z]+ or [a-z]+\.$", line)]


async def test_an_event_is_found_however_many_follow(store: DeskStore) -> None:
    """What an account was noted for once is told of it, and of no other account."""
    await store.add_event(AccountEvent("guest.g", T0, "invitation.renewed", "lawyer", "interior"))
    for _ in range(30):
        await store.add_event(AccountEvent("guest.g", T0, "link.made", "invitation", "interior"))
    found = [await store.has_event(person, "invitation.renewed") for person in ("guest.g", "guest.h")]
    assert [True, False] == found
