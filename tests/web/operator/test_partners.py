"""Whom we believe, at the operator's desk: one stops, two go on, and each of the two compared the fingerprint."""

import shutil

import pytest

from gateway import home as homes
from gateway.services.rows import TrustEvent
from gateway.transport.card_directory import load_cards, write_card
from keys import trust_words
from keys.card import Card, parse_card
from keys.sign import SigningKey
from keys.trust_words import fingerprint_of
from tests.support import story
from tests.support.trust_list import first_card
from tests.web.support import Answer, Desk, Officer

WHY = "liaison office, telephone"


def fingerprint(desk: Desk, country: str = "XBB") -> str:
    """Return the fingerprint of the newest card that is published of ``country``."""
    raw = load_cards(desk.network.homes["XAA"] / "cards", country)[-1]
    return parse_card(raw).fingerprint


async def hold(desk: Desk, officer: Officer) -> None:
    """Put XBB on hold."""
    await officer.get("/states/XBB/hold")
    await officer.post("/states/XBB/hold", {"why": "rumour of a theft"})
    await officer.post("/states/XBB/hold")


async def compare(officer: Officer, typed: str, why: str = WHY) -> Answer:
    """Say that ``officer`` compared ``typed``, to the last page."""
    await officer.get("/states/XBB/key")
    asked = await officer.post("/states/XBB/key", {"fingerprint": typed, "why": why})
    if asked.status != 200:
        return asked
    assert "Nothing has been confirmed yet" in asked.words
    return await officer.post("/states/XBB/key")


def holds(desk: Desk) -> list[str]:
    """Return who is on hold."""
    return sorted(desk.gateway.context.trust.holds())


async def events(desk: Desk) -> list[TrustEvent]:
    """Return what was decided."""
    return list(await desk.gateway.store.read(lambda tx: tx.trust_events()))


async def test_one_operator_stops(desk: Desk) -> None:
    """The first form says what would happen, the second one does it, with name and reason."""
    ada = await desk.officer("ada", "operator")
    await ada.get("/states/XBB/hold")
    asked = await ada.post("/states/XBB/hold", {"why": "rumour of a theft"})
    assert ("Nothing has been stopped yet" in asked.words, []) == (True, holds(desk))
    done = await ada.post("/states/XBB/hold")
    assert ("XBB is on hold." in done.words, ["XBB"]) == (True, holds(desk))
    assert [("hold", "ada", "rumour of a theft")] == [(one.act, one.person, one.reason) for one in await events(desk)]


async def test_a_hold_has_a_reason(desk: Desk) -> None:
    """Without a reason nothing is stopped, and the field says so."""
    ada = await desk.officer("ada", "operator")
    await ada.get("/states/XBB/hold")
    answer = await ada.post("/states/XBB/hold", {"why": "", "confirm": "yes"})
    assert (422, True, []) == (answer.status, "Say why." in answer.words, holds(desk))


async def test_two_operators_go_on(desk: Desk) -> None:
    """The word of one is kept and lifts nothing; a second one who compared the same lifts the hold."""
    ada, grace = await desk.officer("ada", "operator"), await desk.officer("grace", "operator")
    await hold(desk, ada)
    first = await compare(ada, fingerprint(desk))
    assert ("A second operator has to" in first.words, ["XBB"]) == (True, holds(desk))
    again = await compare(ada, fingerprint(desk))
    assert ("A second operator has to" in again.words, ["XBB"]) == (True, holds(desk))
    assert "Waits for a second operator" in (await grace.get("/states")).words
    words = " ".join(trust_words.words(trust_words.read(fingerprint(desk))))
    second = await compare(grace, words)
    assert ("confirmed by two operators" in second.words, []) == (True, holds(desk))
    said = [("hold", "ada"), ("confirm", "ada"), ("confirm", "grace")]
    assert said == [(one.act, one.person) for one in await events(desk)]
    assert {} == await desk.site.extra["operate"].acts.comparisons()


async def test_a_new_key_takes_two(desk: Desk) -> None:
    """A card under another identity key is held once two operators compared that key's fingerprint."""
    new = SigningKey.generate()
    write_card(desk.network.homes["XAA"] / "cards", await _next_under(desk, new))
    await desk.network.refresh()
    assert ["XBB"] == holds(desk)
    wanted = trust_words.hexadecimal(fingerprint_of(new.public))
    ada, grace = await desk.officer("ada", "operator"), await desk.officer("grace", "operator")
    await compare(ada, wanted)
    assert new.public != desk.gateway.context.trust.held("XBB").identity  # type: ignore[union-attr]
    await compare(grace, wanted)
    assert (new.public, []) == (desk.gateway.context.trust.card("XBB").identity, holds(desk))


async def _next_under(desk: Desk, new: SigningKey) -> Card:
    held = desk.gateway.context.trust.card("XBB")
    return homes.card_of_new_identity(held, new, desk.network.clock.now())


async def test_two_who_compared_different_keys_agree_on_nothing(desk: Desk) -> None:
    """If the second typed another fingerprint that is published too, neither counts, and the hold stays."""
    new, old = SigningKey.generate(), fingerprint(desk)
    write_card(desk.network.homes["XAA"] / "cards", await _next_under(desk, new))
    await desk.network.refresh()
    ada, grace = await desk.officer("ada", "operator"), await desk.officer("grace", "operator")
    await compare(ada, old)
    refused = await compare(grace, trust_words.hexadecimal(fingerprint_of(new.public)))
    assert (422, ["XBB"]) == (refused.status, holds(desk))


async def test_key_of_a_state_that_lost_its_logs_waits_for_a_new_epoch(desk: Desk) -> None:
    """The page says what that State has to do; whoever compared its key compares it again then."""
    await story.replied(desk.network)
    folder, new = desk.network.homes["XAA"] / "cards", SigningKey.generate()
    shutil.rmtree(folder / "XBB")
    write_card(folder, first_card("XBB", new, desk.network.clock.now()))
    await desk.gateway.refresh_trust()
    answer = await compare(await desk.officer("ada", "operator"), trust_words.hexadecimal(fingerprint_of(new.public)))
    assert (422, ["XBB"]) == (answer.status, holds(desk))
    assert "It has to raise its epoch" in answer.words


@pytest.mark.parametrize("typed", ["", "not a fingerprint", "00" * 32, "f" * 5000])
async def test_what_is_no_fingerprint_confirms_nothing(desk: Desk, typed: str) -> None:
    """Something that is no fingerprint, or nobody's, is refused at the first form."""
    ada = await desk.officer("ada", "operator")
    await hold(desk, ada)
    answer = await compare(ada, typed)
    assert (422, ["XBB"]) == (answer.status, holds(desk))
    assert {} == await desk.site.extra["operate"].acts.comparisons()


async def test_the_fingerprint_of_another_state_confirms_nothing(desk: Desk) -> None:
    """Our own fingerprint is no card of the other State."""
    own = desk.gateway.context.own
    assert own is not None
    ada = await desk.officer("ada", "operator")
    await hold(desk, ada)
    assert (422, ["XBB"]) == ((await compare(ada, own.fingerprint)).status, holds(desk))


async def test_a_word_is_taken_back(desk: Desk) -> None:
    """After it was taken back the next operator is the first one again."""
    ada, grace = await desk.officer("ada", "operator"), await desk.officer("grace", "operator")
    await hold(desk, ada)
    await compare(ada, fingerprint(desk))
    await grace.get("/states/XBB/back")
    await grace.post("/states/XBB/back", {"why": "the line was not safe"})
    await compare(grace, fingerprint(desk))
    assert ["XBB"] == holds(desk)


async def test_a_word_waits_seven_days(desk: Desk) -> None:
    """A week later the second operator is the first one again."""
    ada = await desk.officer("ada", "operator")
    await hold(desk, ada)
    await compare(ada, fingerprint(desk))
    desk.network.clock.pass_(days=7)
    await desk.network.refresh()
    grace = await desk.officer("grace", "operator")
    await compare(grace, fingerprint(desk))
    assert ["XBB"] == holds(desk)


async def test_a_key_that_is_held_needs_no_word(desk: Desk) -> None:
    """Where nothing is on hold and the key is the one held, there is nothing to confirm."""
    ada = await desk.officer("ada", "operator")
    answer = await compare(ada, fingerprint(desk))
    assert (422, []) == (answer.status, await events(desk))


async def test_a_card_that_is_old_says_so(desk: Desk) -> None:
    """What was not read for days is shown with how long ago that was."""
    desk.network.clock.pass_(days=3)
    ada = await desk.officer("ada", "operator")
    words = (await ada.get("/states")).words
    assert "3 days ago Not read for days" in words


async def test_the_no_contact_list_shows_no_reason(desk: Desk) -> None:
    """The operator sees that a State is not to be contacted, and neither why nor who said so."""
    listing = desk.gateway.no_contact
    await listing.propose("XBB", "a very secret reason", "board", "foreign_affairs")
    ada = await desk.officer("ada", "operator")
    assert "A change waits for a second person" in (await ada.get("/states")).words
    await listing.confirm("XBB", "another secret", "protection", "asylum_authority")
    assert "A change waits for a second person" not in (await ada.get("/states")).words
    for path in ("/states", "/states/XBB", "/queues"):
        page = await ada.get(path)
        assert "not to be contacted" in page.words.lower(), path
        assert "secret" not in page.text
    assert "It is not to be contacted" in (await ada.get("/states/XBB")).words
