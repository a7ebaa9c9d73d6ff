"""The operator's pages: health, keys, queues, logs, people, and what no operator ever sees."""

import json
import re
import sqlite3
from dataclasses import replace
from datetime import datetime, timedelta

import pyotp
import pytest

import schemas
from gateway.configured import alike
from gateway.services.account_store import Passkey
from gateway.services.health import Item, Terms, bad, note, ok
from gateway.services.nodes import PREFIX, Nodes
from gateway.settings import Settings
from gateway.web import operator
from gateway.web.language import tongue
from gateway.web.operator.health import PARTS, rows
from tests.support import story
from tests.web.support import Desk, links_of

PATHS = ("/", "/keys", "/states", "/states/XBB", "/queues", "/logs", "/reports", "/people", "/people/first")


@pytest.mark.parametrize("language", ["en", "ar"])
async def test_every_page_answers(desk: Desk, language: str) -> None:
    """Each page has one heading of the first rank, and is in the language asked for."""
    ada = await desk.officer("ada", "operator", language=language)
    for path in PATHS:
        page = await ada.get(path)
        assert (200, 1) == (page.status, page.text.count("<h1")), (path, page.words[:300])


async def test_what_happened_to_an_account_is_told_in_words(desk: Desk) -> None:
    """Neither how somebody signed in nor at which desk stands there as the code it is kept under."""
    ada = await desk.officer("ada", "operator", language="ar")
    page = await ada.get("/people/ada")
    told = page.words.partition("ما جرى للحساب")[2]
    assert {"operator", "code"}.isdisjoint(told.split())
    assert "برمز" in told


@pytest.mark.parametrize("path", ["/people/nobody", "/states/XZZ"])
async def test_what_is_not_there_is_called_no_case(desk: Desk, path: str) -> None:
    """An address of a person or a State that is not here is answered without a word of cases: no operator sees any."""
    page = await (await desk.officer("ada", "operator")).get(path)
    assert (404, True, False) == (page.status, "No such entry" in page.words, "case" in page.words)


async def test_only_an_operator_comes_in(desk: Desk) -> None:
    """Every page but help and signing in is for the role of the operator alone, and whoever has no session signs in."""
    own = [route for route in operator.ROUTES if route.handler.__module__.startswith("gateway.web.operator")]
    assert {frozenset({"operator"})} == {route.roles for route in own}
    answer = await desk.nobody("operator").get("/", follow=False)
    assert (303, True) == (answer.status, answer.location.startswith("/sign-in"))


async def test_no_page_has_a_case_in_it(desk: Desk) -> None:
    """With a case on its way and looked at, no page of the operator has its reference, its thread or a name."""
    ref, _ = await story.received(desk.network)
    case = await story.case(desk.network, "XAA", ref)
    ada = await desk.officer("ada", "operator")
    await ada.get("/logs")
    await ada.post("/logs/audit")
    (name,) = case.draft["elements"]["names"]
    names = (name["family"], name["given"], name["latin"]["family"], case.draft["elements"]["birth_date"])
    for path in (*PATHS, "/logs"):
        text = (await ada.get(path)).text
        assert [] == [one for one in (ref, case.thread, *names) if one in text], path


# Health.


@pytest.mark.parametrize(("language", "illness"), [("en", "Health"), ("fr", "Santé"), ("ar", "الصحة")])
async def test_the_first_page_is_of_the_gateway_and_of_no_illness(desk: Desk, language: str, illness: str) -> None:
    """No word of the first page, its title and the navigation is one by which a form asks for somebody's health."""
    page = await (await desk.officer("ada", "operator", language=language)).get("/")
    assert (200, False) == (page.status, illness in page.text)


async def test_health_shows_what_the_check_finds(desk: Desk) -> None:
    """The page names a finding with its next step, keeps its look for minutes, and looks again when told to."""
    ada = await desk.officer("ada", "operator")
    before = await ada.get("/")
    assert "may be used by others" not in before.words
    (desk.network.homes["XAA"] / "gateway.keys").chmod(0o644)
    assert "may be used by others" not in (await ada.get("/")).words
    after = await ada.post("/look")
    assert "may be used by others" in after.words
    assert "Next: chmod 600" in after.words
    assert "The partners were not tried." in after.words


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (ok("log", "Seen."), "All is well."),
        (note("log", "Seen.", "Look."), "Nothing is wrong; there is something to know."),
        (bad("log", "Seen.", "Mend."), "1 thing is to be mended."),
    ],
)
async def test_health_is_summed_up_by_the_worst_that_was_found(desk: Desk, item: Item, expected: str) -> None:
    """What stands above the table says no more than its rows, and no less."""

    async def checks(now: datetime, online: bool) -> tuple[Item, ...]:
        return (ok("disk", "Seen."), item)

    ada = await desk.officer("ada", "operator")
    desk.site.extra["operate"].checks = checks
    above = (await ada.get("/")).words.partition("How this gateway runs ")[2].partition(" What was looked at")[0]
    assert expected == above.removeprefix("! Warning: ")


async def test_health_looks_again_by_itself(desk: Desk) -> None:
    """A look that is older than five minutes is not shown."""
    ada = await desk.officer("ada", "operator")
    await ada.get("/")
    (desk.network.homes["XAA"] / "gateway.keys").chmod(0o644)
    desk.network.clock.pass_(minutes=6)
    assert "may be used by others" in (await ada.get("/")).words


@pytest.mark.parametrize("cut", [False, True])
async def test_health_tries_partners_if_told_to(desk: Desk, cut: bool) -> None:
    """A partner that answers is named as such; one that does not is a finding."""
    ada = await desk.officer("ada", "operator")
    await ada.get("/")
    desk.network.wires.cut = cut
    page = await ada.post("/look", {"online": "yes"})
    assert ("the wire is cut" in page.words, "XBB answers" in page.words) == (cut, not cut)


@pytest.mark.parametrize("language", ["fr", "ar"])
async def test_what_nodes_differ_in_is_said_in_the_language_of_the_page(desk: Desk, language: str) -> None:
    """Each part in which two nodes may differ has a name, and stands on the page by that."""
    context, settings = desk.gateway.context, desk.gateway.settings
    sections = {**{name: {} for name in schemas.load("configuration")["properties"]}, **settings.values}
    await Nodes(context, "node", alike(Settings(settings.home, sections))).run_once(desk.network.clock.now())
    ((_, kept),) = await context.store.read(lambda tx: tx.metas(PREFIX))
    parts = Terms(json.loads(kept)["parts"])
    assert PARTS.keys() == set(parts)
    said = tongue(language, "UTC")
    (row,) = rows(said, (bad("nodes", "%(parts)s", "", parts=parts),))
    assert said.comma.join(said._(PARTS[part]) for part in parts) == row.text
    assert "Our card" not in row.text


# Keys.


async def test_keys_shows_the_card(desk: Desk) -> None:
    """Fingerprint, windows and the keys of roles are those of our card; the QR code is a picture of its own."""
    ada, own = await desk.officer("ada", "operator"), desk.gateway.context.own
    assert own is not None
    page = await ada.get("/keys")
    assert own.fingerprint in page.words
    assert all(key.kid in page.text for key in (*own.signing, *own.sealing, *own.roles))
    assert "Not in use yet" in page.words
    picture = await ada.get("/keys/fingerprint.svg")
    assert ("image/svg+xml", True) == (picture.headers["Content-Type"].split(";")[0], b"<path" in picture.body)
    assert b"style" not in picture.body
    assert own.raw == (await ada.get("/keys/card")).body


async def test_keys_tells_of_one_that_ends(desk: Desk) -> None:
    """A year on, what has ended says so in words."""
    desk.network.clock.pass_(days=400)
    ada = await desk.officer("ada", "operator")
    assert (await ada.get("/keys")).words.count("Ended") >= 13


# Queues.


async def test_queues_count_what_waits(desk: Desk) -> None:
    """What waits for a partner is counted with its age and attempts; once delivered nothing waits."""
    desk.network.wires.cut = True
    await story.sent(desk.network)
    await desk.network.deliver()
    desk.network.clock.pass_(hours=5)
    ada = await desk.officer("ada", "operator")
    page = await ada.get("/queues")
    assert re.search(r"XBB We post .* 1 5 hours ago \d+ ", page.words), page.words
    assert "failed" in page.words or "Out of reach" in page.words
    desk.network.wires.cut = False
    desk.network.clock.pass_(days=1)
    await desk.network.deliver()
    ada = await desk.officer("ada", "operator")
    assert "XBB We post Nothing waits 0" in (await ada.get("/queues")).words


async def test_queues_count_what_came(desk: Desk) -> None:
    """What was received is counted by State and verdict."""
    ours, _ = await story.acknowledged(desk.network)
    assert ours
    ada = await desk.officer("ada", "operator")
    assert "XBB Taken 1" in (await ada.get("/queues")).words


# Logs.


async def test_logs_are_audited_on_demand(desk: Desk) -> None:
    """An audit counts what it read; a leaf that was changed is found and said with what to do."""
    await story.acknowledged(desk.network)
    ada = await desk.officer("ada", "operator")
    assert "None was made since" in (await ada.get("/logs")).words
    page = await ada.post("/logs/audit")
    assert "What does not fit Nothing" in page.words

    _spoil(desk)
    page = await ada.post("/logs/audit")
    assert "receipt and r do not give the leaf that is stored" in page.words
    assert "copy the home" in page.words


def _spoil(desk: Desk) -> None:
    with sqlite3.connect(desk.network.homes["XAA"] / "data" / "gateway.db", timeout=10) as db:
        assert db.execute("UPDATE log_entry SET leaf = zeroblob(32)").rowcount > 0
    db.close()


async def test_logs_show_who_cosigned(desk: Desk) -> None:
    """The newest checkpoint of each log is shown with who put their name to it."""
    await story.acknowledged(desk.network)
    for gateway in desk.network.gateways.values():
        await gateway.checkpoints.run_once(desk.network.clock.now())
    ada = await desk.officer("ada", "operator")
    words = (await ada.get("/logs")).words
    assert re.search(r"xg1/XAA/XBB/1|XAA/XBB/1", words), words
    assert "XBB Nobody No" in words


# People.


async def test_no_link_is_offered_that_nobody_gets(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody makes one to their own account, and none opens anything for who is not in office: the page says so."""
    persons, ada = desk.site.desk.context.persons, await desk.officer("ada", "operator", "code")
    monkeypatch.setitem(persons, "dora", replace(persons["dora"], active_until=desk.network.clock.now()))
    desk.network.clock.pass_(seconds=1)
    found = {}
    for name in ("ada", "grace", "dora"):
        page = await ada.get(f"/people/{name}")
        said = "two other operators" in page.words, "gets no link" in page.words
        found[name] = (f"/people/{name}/link" in links_of(page.text), *said)
    assert {"ada": (False, True, False), "grace": (True, False, False), "dora": (False, False, True)} == found


async def test_a_link_is_shown_once_and_lets_its_person_in(desk: Desk) -> None:
    """One operator asks, another makes it: it works for that person at that desk, and the account says who did what."""
    ada, grace = await desk.officer("ada", "operator", "code"), await desk.officer("grace", "operator", "code")
    await grace.get("/people/dora/link")
    assert "You ask for a link" in (await grace.post("/people/dora/link", {"desk": "interior"})).words
    assert "You asked for the link" in (await grace.post("/people/dora/link")).words
    for path in ("/people", "/people/dora"):  # who comes on duty finds it, though nobody told them
        assert "grace asked for a link to “Confirmation desk”" in (await ada.get(path)).words

    await ada.get("/people/dora/link")
    asked = await ada.post("/people/dora/link", {"desk": "interior"})
    assert "No link has been made yet grace asked for this link" in asked.words
    first = await ada.post("/people/dora/link", follow=False)
    ada.last = asked
    shown = await ada.post("/people/dora/link")  # the second of two clicks: it sees what came of the first
    assert (303, shown.path) == (first.status, first.location)
    (token,) = re.findall(r"/link/([\w-]{43})", shown.words)
    assert "/link/" not in (await ada.get("/people/dora/link")).words
    page = await ada.get("/people/dora")
    assert (False, False) == (token in page.text, "asked for a link to" in page.words)
    assert "An operator made it ada" in page.words
    assert "An operator asked for a link grace" in page.words
    used = await desk.site.accounts.use_link(token, "interior", desk.network.clock.now())
    assert used is not None
    assert ("dora", True) == (used[1].person, used[1].enrolling)


async def test_no_operator_makes_a_link_alone(desk: Desk) -> None:
    """Asking twice makes none, nor does asking for oneself; a word given a day before does not count any more."""
    ada, grace = await desk.officer("ada", "operator", "code"), await desk.officer("grace", "operator", "code")
    for _ in range(2):
        await ada.get("/people/dora/link")
        await ada.post("/people/dora/link", {"desk": "interior"})
        assert "/link/" not in (await ada.post("/people/dora/link")).words
    await grace.get("/people/dora/link")
    assert 403 == (await grace.post("/people/grace/link", {"desk": "operator"})).status
    desk.network.clock.pass_(hours=25)
    later = await desk.officer("grace", "operator", "code")
    await later.get("/people/dora/link")
    assert "You ask for a link" in (await later.post("/people/dora/link", {"desk": "interior"})).words


async def test_a_link_names_its_desk(desk: Desk) -> None:
    """Without a desk of the person there is no link."""
    ada = await desk.officer("ada", "operator")
    await ada.get("/people/first/link")
    for wrong in ({}, {"desk": "operator", "confirm": "yes"}):
        answer = await ada.post("/people/first/link", wrong)
        assert (422, True) == (answer.status, "Choose the desk" in answer.words)


async def test_all_sessions_of_a_person_end(desk: Desk) -> None:
    """Whoever was signed in is out at once, and the operator's own session goes on."""
    ada, grace = await desk.officer("ada", "operator"), await desk.officer("grace", "operator")
    assert "No session has been ended yet" in (await ada.get("/people/grace/end")).words
    assert 200 == (await grace.get("/")).status
    done = await ada.post("/people/grace/end")
    assert "1 session was ended." in done.words
    assert "/sign-in" in (await grace.get("/", follow=False)).location
    assert 403 == (await ada.get("/people/ada/end")).status


async def test_a_stolen_way_of_signing_in_is_taken_away_by_one_operator(desk: Desk) -> None:
    """It is gone with every link and session, the account says who did it, and a new link still takes two."""
    accounts, now = desk.site.accounts, desk.network.clock.now()
    ada, grace = await desk.officer("ada", "operator"), await desk.officer("grace", "operator")
    await accounts.add_passkey(Passkey("c3RvbGVu", "grace", b"", 0, (), "stolen", now), "operator", now)
    secret = accounts.new_secret()
    await accounts.add_code("grace", secret, pyotp.TOTP(secret).at(now), "operator", now)
    token = await accounts.make_link("grace", "operator", "enrol", now, now + timedelta(hours=1))
    page = await ada.get("/people/grace/means")
    assert (True, False) == ("Nothing has been taken away yet" in page.words, "token for the local API" in page.words)
    assert await accounts.has_code("grace")
    done = await ada.post("/people/grace/means")
    assert ("Nothing set up yet" in done.words, "An operator took away every way" in done.words) == (True, True)
    assert ([], False) == (await accounts.passkeys("grace"), await accounts.has_code("grace"))
    assert await accounts.find_link(token, "operator", now) is None
    assert "/sign-in" in (await grace.get("/", follow=False)).location
    (event,) = [one for one in await accounts.events("grace") if one.event == "means.removed"]
    assert ("ada", "operator") == (event.detail, event.desk)
    assert 403 == (await ada.get("/people/ada/means")).status


async def test_who_is_shut_out_and_has_a_token_still_is_named(desk: Desk) -> None:
    """What the page takes away is not all by which somebody may act as the person; it says what else there is."""
    (grace,) = [one for one in desk.site.values["persons"] if one["id"] == "grace"]
    grace["token_sha256"] = "00" * 32
    ada = await desk.officer("ada", "operator")
    assert "It does not end the person’s token for the local API" in (await ada.get("/people/grace/means")).words


@pytest.mark.parametrize(
    "path", ["/people/grace/link", "/people/grace/end", "/people/grace/means", "/states/XBB/hold", "/states/XBB/key"]
)
async def test_what_changes_something_asks_who_it_is(desk: Desk, path: str) -> None:
    """Five minutes after the last proof of presence an act asks for another one first."""
    ada = await desk.officer("ada", "operator")
    assert 200 == (await ada.get(path)).status
    desk.network.clock.instant += timedelta(minutes=6)
    assert "/again" in (await ada.post(path, {"confirm": "yes", "why": "x"}, follow=False)).location
    assert "/again" in (await ada.get(path, follow=False)).location


async def test_a_stranger_is_no_page(desk: Desk) -> None:
    """A person, a State or a report that is not there is a page that says so."""
    ada = await desk.officer("ada", "operator")
    found = [(await ada.get(path)).status for path in ("/people/nobody", "/states/XZZ", "/reports/none.json")]
    assert [404, 404, 422] == found


async def test_people_shows_who_has_nothing_set_up(desk: Desk) -> None:
    """A person who cannot sign in yet is listed as such."""
    ada = await desk.officer("ada", "operator")
    assert "grace" in (words := (await ada.get("/people")).words)
    assert "Nothing set up yet" in words
