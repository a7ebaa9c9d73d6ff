"""Accounts: sessions and their ends, links, invitations, codes, drafts, forms."""

import asyncio
from datetime import datetime, timedelta

import pyotp
import pytest

from gateway.services.account_store import (
    ABSOLUTE,
    ATTEMPTS_MAX,
    CHALLENGE_LASTS,
    DRAFT_LASTS,
    FRESH,
    IDLE,
    INVITATION_MAX,
    LINK_MAX,
    Link,
    Snooze,
    hashed,
)
from gateway.services.context import Forbidden, Person
from tests.web.signin.support import KEYS, PERSONS, T0, House, enrolled


async def begun(house: House, person: str = "officer", desk: str = "interior", level: str = "passkey") -> str:
    """Return the token of a new session."""
    return (await house.accounts.begin(person, desk, level, house.now))[0]


async def test_session_is_found_by_its_token(house: House) -> None:
    """Whoever has the token has the session."""
    found = await house.accounts.find(await begun(house), "interior", house.now)
    assert ("officer", "passkey") == (found.person, found.level)


async def test_token_is_long_and_random(house: House) -> None:
    """A token has 256 random bits, and no two are alike (ASVS 7.2.3)."""
    tokens = {await begun(house) for _ in range(20)}
    assert (20, {43}) == (len(tokens), {len(token) for token in tokens})


async def test_token_is_not_in_the_file(house: House) -> None:
    """Whoever reads the file cannot open a session."""
    token = await begun(house)
    await house.store.close()
    raw = b"".join(path.read_bytes() for path in house.path.parent.iterdir())
    assert (False, True) == (token.encode() in raw, hashed(token).encode() in raw)


async def test_session_ends_when_idle(house: House) -> None:
    """Fifteen minutes without a step end it (ASVS 7.3.1)."""
    token = await begun(house)
    assert await house.accounts.find(token, "interior", house.later(minutes=14)) is not None
    assert await house.accounts.find(token, "interior", house.later(minutes=15)) is None


async def test_session_ends_after_a_day_of_work(house: House) -> None:
    """Ten hours end it, however busy it was (ASVS 7.3.2)."""
    token = await begun(house)
    while house.now + timedelta(minutes=14) < T0 + ABSOLUTE:
        assert await house.accounts.find(token, "interior", house.later(minutes=14)) is not None
    assert await house.accounts.find(token, "interior", T0 + ABSOLUTE) is None


@pytest.mark.parametrize("before", [timedelta(), timedelta(minutes=5)])
async def test_session_seen_by_a_clock_that_was_ahead_ends(house: House, before: timedelta) -> None:
    """Who signed in, or took a step, by a clock that was a day ahead is not let in for a day once it is right."""
    token = await begun(house)
    house.later(minutes=5)
    if before == timedelta():
        token = (await house.accounts.begin("officer", "interior", "passkey", T0 + timedelta(days=1)))[0]
    else:
        await house.store.touch_session(hashed(token), T0 + timedelta(days=1))
    assert await house.accounts.find(token, "interior", house.now) is None


async def test_session_that_ended_because_a_clock_was_ahead_does_not_come_back(house: House) -> None:
    """Once a request met its end it is over, also at the instant that the clock showed when it was seen."""
    ahead = T0 + timedelta(days=1)
    token = (await house.accounts.begin("officer", "interior", "passkey", ahead))[0]
    assert await house.accounts.find(token, "interior", T0) is None
    assert await house.accounts.find(token, "interior", ahead) is None


async def test_link_and_invitation_by_a_clock_that_was_ahead_open_nothing(house: House) -> None:
    """Neither lasts longer than any may, however far ahead the clock was when it was made."""
    ahead = T0 + timedelta(days=365)
    made = await house.accounts.invite("ref1", "lawyer", "head", ahead, ahead + timedelta(days=30))
    assert not made.stands(T0)
    link = await house.accounts.make_link("officer", "interior", "sign-in", ahead, ahead + timedelta(hours=1))
    assert await house.accounts.use_link(link, "interior", T0) is None


async def test_link_by_a_clock_that_was_ahead_opens_nothing_when_its_time_comes(house: House) -> None:
    """Nobody remembers by then that it lies in a mailbox: it is swept away once the clock is right."""
    ahead = T0 + timedelta(days=365)
    link = await house.accounts.make_link("officer", "interior", "sign-in", ahead, ahead + timedelta(hours=1))
    other = await house.accounts.make_link("officer", "interior", "sign-in", T0, T0 + LINK_MAX)
    await house.accounts.sweep(T0)
    assert await house.accounts.find_link(other, "interior", T0) is not None
    assert await house.accounts.use_link(link, "interior", ahead) is None


async def test_link_asked_for_by_a_clock_that_was_ahead_stands_no_longer_than_any(house: House) -> None:
    """Nobody makes the link of another by the word of an operator that lies ahead: two want it within one day."""
    accounts = house.accounts
    accounts.persons = {**PERSONS, "op": Person("op", frozenset({"operator"}), KEYS["head"].public)}
    await accounts.ask_link("officer", "interior", "op", T0 + timedelta(days=365))
    assert await accounts.link_asked("officer", "interior", T0) is None
    await accounts.ask_link("officer", "interior", "op", T0 + timedelta(minutes=1))
    assert "op" == await accounts.link_asked("officer", "interior", T0)


async def test_what_lasts_as_long_as_it_may_opens_at_a_node_whose_clock_is_a_minute_behind(house: House) -> None:
    """The clocks of two nodes differ a little; that one of them was ahead by a day is another matter."""
    ahead = T0 + timedelta(minutes=1)
    made = await house.accounts.invite("ref1", "lawyer", "head", ahead, ahead + INVITATION_MAX)
    assert made.stands(T0)
    link = await house.accounts.make_link("officer", "interior", "sign-in", ahead, ahead + LINK_MAX)
    assert await house.accounts.find_link(link, "interior", T0) is not None


async def test_asking_by_itself_is_no_step(house: House) -> None:
    """What a page asks by itself does not keep a session alive."""
    token = await begun(house)
    await house.accounts.find(token, "interior", house.later(minutes=14), touch=False)
    assert await house.accounts.find(token, "interior", house.later(minutes=1)) is None


async def test_keep_counts_as_a_step(house: House) -> None:
    """Staying on purpose begins the fifteen minutes anew."""
    token = await begun(house)
    session = await house.accounts.find(token, "interior", house.later(seconds=30))
    await house.accounts.keep(session, house.later(minutes=10))
    assert await house.accounts.find(token, "interior", house.later(minutes=14)) is not None


@pytest.mark.parametrize("desk", ["board", "operator"])
async def test_session_is_of_one_desk(house: House, desk: str) -> None:
    """A cookie of one desk opens no other (ASVS 7.2.1)."""
    assert await house.accounts.find(await begun(house), desk, house.now) is None


async def test_signing_out_ends_the_session(house: House) -> None:
    """After signing out the token opens nothing (ASVS 7.4.1)."""
    token = await begun(house)
    await house.accounts.end(await house.accounts.find(token, "interior", house.now), house.now)
    assert await house.accounts.find(token, "interior", house.now) is None


async def test_proving_more_draws_a_new_token(house: House) -> None:
    """The token from before opens nothing any more (ASVS 7.2.4)."""
    old = await begun(house, level="openid")
    session = await house.accounts.find(old, "interior", house.now)
    new, raised = await house.accounts.refresh(session, "code", house.later(minutes=1))
    assert await house.accounts.find(old, "interior", house.now) is None
    assert (await house.accounts.find(new, "interior", house.now)).id == raised.id
    assert ("code", session.opened_at) == (raised.level, raised.opened_at)


async def test_all_sessions_but_one_end(house: House) -> None:
    """A person ends the others and keeps this one (ASVS 7.4.3)."""
    others = [await begun(house) for _ in range(3)]
    mine = await begun(house)
    session = await house.accounts.find(mine, "interior", house.now)
    assert 3 == await house.accounts.end_all("officer", but=session)
    assert [None] * 3 == [await house.accounts.find(token, "interior", house.now) for token in others]
    assert await house.accounts.find(mine, "interior", house.now) is not None


async def test_session_ends_with_the_office(house: House) -> None:
    """Whoever holds office no more has no session (ASVS 7.4.2)."""
    token = await begun(house, "former")
    for _ in range(5):
        assert await house.accounts.find(token, "interior", house.later(minutes=11)) is not None
    assert await house.accounts.find(token, "interior", house.later(minutes=5)) is None


@pytest.mark.parametrize(("person", "desk"), [("officer", "board"), ("board", "interior"), ("nobody", "interior")])
async def test_no_session_at_a_desk_without_a_role_there(house: House, person: str, desk: str) -> None:
    """A role gives one desk, and an unknown id none (ASVS 8.2.1)."""
    with pytest.raises(Forbidden):
        await house.accounts.begin(person, desk, "passkey", house.now)


@pytest.mark.parametrize(("level", "fresh"), [("passkey", True), ("code", True), ("openid", False), ("link", False)])
async def test_only_own_means_prove_presence(house: House, level: str, fresh: bool) -> None:
    """Sign-on elsewhere and a link say who, not that they are here (ASVS 7.5.3)."""
    session = await house.session(level=level)
    assert fresh == session.is_fresh(house.now)
    assert not session.is_fresh(house.now + FRESH)


async def test_code_is_no_presence_where_there_is_a_passkey(house: House) -> None:
    """It still signs in, and what asks for presence asks for the passkey (ASVS 6.3.4)."""
    await enrolled(house)
    assert [False, True] == [(await house.session(level=level)).is_fresh(T0) for level in ("code", "passkey")]


async def test_banner_is_shown_once_and_sealed(house: House) -> None:
    """A banner is on the page it is for, and on no other in between; it is not in the file in clear."""
    token = await begun(house)
    session = await house.accounts.find(token, "interior", house.now)
    await house.accounts.tell(session, "/cases/1", "The request was approved.")
    kept = await house.store.find_session(session.id)
    assert b"approved" not in kept[1]
    told = await house.accounts.find(token, "interior", house.now)
    found = [await house.accounts.take_told(told, place) for place in ("/cases/2", "/cases/1")]
    assert ["", "The request was approved."] == found
    assert "" == (await house.accounts.find(token, "interior", house.now)).told


# Links and invitations.


async def test_link_opens_once(house: House) -> None:
    """Of two that use a link at the same time one is too late (ASVS 6.4.1)."""
    token = await house.accounts.make_link("officer", "interior", "enrol", T0, T0 + timedelta(hours=1))
    begun = await asyncio.gather(*(house.accounts.use_link(token, "interior", T0) for _ in range(5)))
    assert 4 == begun.count(None)


async def test_link_that_is_being_used_as_its_person_is_shut_out_opens_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else may have the link: what is begun by it would outlast that every way in was taken away."""
    token = await house.accounts.make_link("officer", "interior", "enrol", T0, T0 + timedelta(hours=1))
    use = house.accounts.store.use_link

    async def shut_out(id: str, at: datetime) -> Link | None:
        used = await use(id, at)
        await house.accounts.drop_means("officer", "operator", "operator", T0)
        return used

    monkeypatch.setattr(house.accounts.store, "use_link", shut_out)
    assert await house.accounts.use_link(token, "interior", T0) is None


async def test_looking_at_a_link_does_not_use_it(house: House) -> None:
    """Programs that look into mail follow links."""
    token = await house.accounts.make_link("officer", "interior", "enrol", T0, T0 + timedelta(hours=1))
    for _ in range(3):
        assert "enrol" == (await house.accounts.find_link(token, "interior", T0)).purpose
    _, session = await house.accounts.use_link(token, "interior", T0)
    assert (True, "link") == (session.enrolling, session.level)


@pytest.mark.parametrize(("desk", "hours"), [("interior", 1), ("board", 0)])
async def test_link_is_for_a_time_and_a_desk(house: House, desk: str, hours: int) -> None:
    """Later or elsewhere it opens nothing, and is not used up there."""
    token = await house.accounts.make_link("officer", "interior", "sign-in", T0, T0 + timedelta(hours=1))
    assert await house.accounts.use_link(token, desk, T0 + timedelta(hours=hours)) is None
    assert await house.accounts.use_link(token, "interior", T0) is not None


@pytest.mark.parametrize(("person", "desk"), [("officer", "board"), ("nobody", "interior")])
async def test_no_link_is_made_to_where_its_person_may_not_be(house: House, person: str, desk: str) -> None:
    """A link for a desk at which somebody holds no role, or for somebody unknown, is not handed out at all."""
    with pytest.raises(Forbidden, match="no access"):
        await house.accounts.make_link(person, desk, "sign-in", T0, T0 + timedelta(hours=1))


async def test_invited_guest_sees_one_case_until_revoked(house: House) -> None:
    """A guest has the one role for the one case, and nothing at all once it is taken back."""
    made = await house.accounts.invite("ref1", "lawyer", "head", T0, T0 + timedelta(days=30))
    link = await house.accounts.make_link(
        made.person, "interior", "invitation", T0, T0 + timedelta(days=2), invitation=made
    )
    other = await house.accounts.make_link(
        made.person, "interior", "invitation", T0, T0 + timedelta(days=2), invitation=made
    )
    token, session = await house.accounts.use_link(link, "interior", T0)
    assert ("ref1", "lawyer", False) == (session.invitation.ref, session.invitation.role, session.enrolling)
    assert await house.accounts.revoke(made.id, "ref2", T0) is False
    assert await house.accounts.revoke(made.id, "ref1", T0) is True
    assert await house.accounts.find(token, "interior", T0) is None
    assert await house.accounts.use_link(other, "interior", T0) is None
    assert [made.id] == [one.id for one in await house.accounts.invitations("ref1")]


@pytest.mark.parametrize("lasts", [timedelta(0), INVITATION_MAX + timedelta(seconds=1)])
async def test_invitation_has_a_longest_time(house: House, lasts: timedelta) -> None:
    """Nobody is let in for longer, at first or by a longer time, or until an instant that is over."""
    with pytest.raises(ValueError, match="at most"):
        await house.accounts.invite("ref1", "lawyer", "head", T0, T0 + lasts)
    made = await house.accounts.invite("ref1", "lawyer", "head", T0, T0 + INVITATION_MAX)
    with pytest.raises(ValueError, match="at most"):
        await house.accounts.renew(made.id, "ref1", T0, T0 + lasts)


async def test_a_guest_may_step_in_at_once_and_no_longer_than_invited(house: House) -> None:
    """What the desks know of guests is told with the invitation, and with its end."""
    made = await house.accounts.invite("ref1", "lawyer", "head", T0, T0 + timedelta(days=1))
    guests = house.accounts.guests
    assert guests.may_bring("freeze", made.person, "lawyer", "ref1", T0)
    assert not guests.may_bring("freeze", made.person, "lawyer", "ref1", T0 + timedelta(days=1))
    await house.accounts.revoke(made.id, "ref1", T0)
    assert not guests.may_bring("freeze", made.person, "lawyer", "ref1", T0)


async def test_invitation_ends_by_itself(house: House) -> None:
    """When its time is over the session by it is over."""
    made = await house.accounts.invite("ref1", "court", "head", T0, T0 + timedelta(minutes=5))
    token, _ = await house.accounts.begin(made.person, "interior", "link", T0, invitation=made)
    assert await house.accounts.find(token, "interior", house.later(minutes=4)) is not None
    assert await house.accounts.find(token, "interior", house.later(minutes=1)) is None


async def test_configured_person_is_invited_in_a_role_of_theirs(house: House) -> None:
    """A person of the configuration gets no role by an invitation that they do not hold."""
    assert "head" == (await house.accounts.invite("r", "lawyer", "x", T0, T0 + timedelta(days=1), person="head")).person
    with pytest.raises(Forbidden):
        await house.accounts.invite("r", "lawyer", "x", T0, T0 + timedelta(days=1), person="officer")


# Codes.


async def with_codes(house: House, person: str = "officer") -> pyotp.TOTP:
    """Give ``person`` codes and return what makes them; the code of now is used."""
    secret = house.accounts.new_secret()
    totp = pyotp.TOTP(secret)
    assert await house.accounts.add_code(person, secret, totp.at(house.now), "interior", house.now)
    return totp


async def test_code_is_good_once(house: House) -> None:
    """A code that was seen over a shoulder is used up (ASVS 6.5.1)."""
    totp = await with_codes(house)
    code = totp.at(house.later(seconds=60))
    assert [True, False] == [await house.accounts.check_code("officer", code, house.now) for _ in range(2)]


async def test_code_is_taken_in_the_digits_of_any_script(house: House) -> None:
    """An Arabic keyboard types Arabic digits; nobody is shut out by that."""
    totp = await with_codes(house)
    now, arabic = house.later(seconds=60), str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
    assert await house.accounts.check_code("officer", totp.at(now).translate(arabic), now)


async def test_code_of_enrolment_is_used(house: House) -> None:
    """The code that set the app up does not sign in."""
    totp = await with_codes(house)
    assert not await house.accounts.check_code("officer", totp.at(T0), T0)


async def test_older_code_is_not_taken_after_a_newer_one(house: House) -> None:
    """Once a later step was used, the one before it is too late."""
    totp = await with_codes(house)
    now = house.later(minutes=5)
    assert await house.accounts.check_code("officer", totp.at(now), now)
    assert not await house.accounts.check_code("officer", totp.at(now - timedelta(seconds=30)), now)


@pytest.mark.parametrize(("drift_s", "good"), [(-60, False), (-30, True), (30, True), (60, False)])
async def test_telephone_may_be_half_a_minute_off(house: House, drift_s: int, good: bool) -> None:
    """A code lasts a step to either side and no longer (ASVS 6.5.5)."""
    totp = await with_codes(house)
    now = house.later(minutes=5)
    assert good == await house.accounts.check_code("officer", totp.at(now + timedelta(seconds=drift_s)), now)


async def test_secret_is_sealed(house: House) -> None:
    """The file does not hold the secret."""
    totp = await with_codes(house)
    kept = await house.store.find_code("officer")
    assert totp.secret.encode() not in kept.sealed


async def test_wrong_codes_are_slowed(house: House) -> None:
    """After three wrong codes even the right one waits (ASVS 6.3.1)."""
    totp = await with_codes(house)
    now = house.later(minutes=5)
    for _ in range(3):
        assert not await house.accounts.check_code("officer", "000000", now)
    assert not await house.accounts.check_code("officer", totp.at(now), now)
    later = house.later(seconds=30)
    assert await house.accounts.check_code("officer", totp.at(later), later)


async def test_wrong_codes_by_a_clock_that_was_ahead_are_not_slowed_for_as_long(house: House) -> None:
    """Nobody waits longer than the longest wait there is, however far ahead the clock was when codes were tried."""
    totp = await with_codes(house)
    for _ in range(4):
        await house.accounts.check_code("officer", "000000", house.now + timedelta(days=1))
    now = house.later(minutes=5)
    assert await house.accounts.check_code("officer", totp.at(now), now)


async def test_wrong_codes_at_once_are_counted_each(house: House) -> None:
    """Ten at the same moment are not ten for free."""
    await with_codes(house)
    now = house.later(minutes=5)
    await asyncio.gather(*(house.accounts.check_code("officer", "000000", now) for _ in range(10)))
    reasons = [values["reason"] for event, values in house.log if event == "code.refused"]
    assert (3, 7) == (reasons.count("wrong"), reasons.count("back-off"))


async def test_too_many_wrong_codes_end_codes(house: House) -> None:
    """After twenty in a row no code is taken, until a passkey or a new link is used (ASVS 6.3.1)."""
    totp = await with_codes(house)
    for _ in range(ATTEMPTS_MAX):
        await house.accounts.check_code("officer", "000000", house.later(hours=1))
    now = house.later(days=2)
    assert not await house.accounts.check_code("officer", totp.at(now), now)
    again = await with_codes(house)
    now = house.later(minutes=1)
    assert await house.accounts.check_code("officer", again.at(now), now)


async def test_unknown_person_is_refused_alike(house: House) -> None:
    """Guesses at ids that are nobody's are slowed, and told apart by nothing (ASVS 6.3.8)."""
    for _ in range(4):
        assert not await house.accounts.check_code("nobody.here", "000000", T0)
    assert not await house.accounts.check_code("officer", "000000", T0)
    assert ["wrong"] * 3 + ["back-off", "wrong"] == [values["reason"] for _, values in house.log]


# Drafts, forms, the rest.


async def test_fields_are_kept_for_their_person_and_page(house: House) -> None:
    """What was typed comes back once, to who typed it, where they did (WCAG 2.2.5)."""
    fields = [("note", "first"), ("note", "second")]
    await house.accounts.papers.keep_draft("officer", "/new", fields, T0)
    assert await house.accounts.papers.take_draft("head", "/new", T0) is None
    assert await house.accounts.papers.take_draft("officer", "/other", T0) is None
    assert fields == await house.accounts.papers.take_draft("officer", "/new", T0)
    assert await house.accounts.papers.take_draft("officer", "/new", T0) is None


async def test_fields_are_sealed_and_last_a_day(house: House) -> None:
    """A draft is in the file in no clear column, and goes after a day."""
    await house.accounts.papers.keep_draft("officer", "/new", [("name", "Ana Maria")], T0)
    await house.accounts.papers.keep_draft("officer", "/old", [("name", "Ana Maria")], T0)
    assert await house.accounts.papers.take_draft("officer", "/old", T0 + DRAFT_LASTS) is None
    await house.store.close()
    assert b"Ana Maria" not in b"".join(path.read_bytes() for path in house.path.parent.iterdir())


async def test_session_that_ran_out_names_its_person_for_a_day(house: House) -> None:
    """A form sent too late can be kept for its person, but one of a session that was ended cannot."""
    token = await begun(house)
    assert await house.accounts.find_ended(token, "interior", T0) is None
    assert "officer" == (await house.accounts.find_ended(token, "interior", T0 + IDLE)).person
    assert await house.accounts.find_ended(token, "interior", T0 + DRAFT_LASTS) is None
    await house.accounts.end_all("officer")
    assert await house.accounts.find_ended(token, "interior", T0 + IDLE) is None


async def test_form_acts_once(house: House) -> None:
    """The second of two learns that the first is at work, and then where it led and a digest of what stood in it."""
    session = await house.session()
    states = await asyncio.gather(*(house.accounts.papers.claim(session, "t", T0) for _ in range(3)))
    assert ["new", "running", "running"] == sorted(claim.state for claim in states)
    await house.accounts.papers.finish(session, "t", "digest", "/cases/1?a=b")
    claim = await house.accounts.papers.claim(session, "t", T0)
    assert ("done", "digest", "/cases/1?a=b") == (claim.state, claim.typed, claim.location)
    assert "new" == (await house.accounts.papers.claim(await house.session("head"), "t", T0)).state


async def test_form_that_led_nowhere_may_be_sent_again(house: House) -> None:
    """A token given back is new; one that is done is not given back."""
    session = await house.session()
    await house.accounts.papers.claim(session, "t", T0)
    await house.accounts.papers.release(session, "t")
    assert "new" == (await house.accounts.papers.claim(session, "t", T0)).state
    await house.accounts.papers.finish(session, "t", "digest", "/done")
    await house.accounts.papers.release(session, "t")
    assert "done" == (await house.accounts.papers.claim(session, "t", T0)).state


async def test_challenge_is_for_one_use_browser_and_time(house: House) -> None:
    """It is taken once, and gone also when it did not fit."""
    make, take = house.accounts.make_challenge, house.accounts.take_challenge
    for number, (use, binding, at) in enumerate(
        [("other", "b", T0), ("use", "c", T0), ("use", "", T0), ("use", "b", T0 + CHALLENGE_LASTS)]
    ):
        await make(f"challenge {number}", "use", "b", T0)
        assert await take(f"challenge {number}", use, binding, at) is None
        assert await take(f"challenge {number}", "use", "b", T0) is None
    await make("challenge", "use", "b", T0, person="officer", more={"n": 1})
    assert {"n": 1, "person": "officer"} == await take("challenge", "use", "b", T0)
    assert await take("challenge", "use", "b", T0) is None


async def test_sweep_deletes_what_is_over_and_nothing_else(house: House) -> None:
    """Sessions, challenges, forms, drafts and snoozes go when their time is over."""
    await house.accounts.make_challenge("c", "use", "b", T0)
    await house.accounts.papers.keep_draft("officer", "/new", [("a", "b")], T0)
    await house.accounts.papers.snooze(Snooze("ref", "board", T0 + timedelta(hours=1), "AWAITING"))
    session = await house.session()
    await house.accounts.papers.claim(session, "t", T0)
    assert 0 == await house.accounts.sweep(T0)
    assert ["ref"] == list(await house.accounts.papers.snoozes("board", T0))
    assert 2 == await house.accounts.sweep(T0 + timedelta(hours=2))
    assert {} == await house.accounts.papers.snoozes("board", T0 + timedelta(hours=2))
    assert 3 == await house.accounts.sweep(T0 + timedelta(days=2))


async def test_log_names_nobody(house: House) -> None:
    """No line of the log has an id of a person or a token."""
    await begun(house)
    await with_codes(house)
    await house.accounts.check_code("officer", "000000", house.now)
    assert house.log
    assert "officer" not in str(house.log)
