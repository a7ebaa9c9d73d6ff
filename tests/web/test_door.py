"""What stands before every page: host, headers, session, form, rights, errors. Over real HTTP and a real gateway."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, FormData, web
from yarl import URL

import gateway.web
from gateway.core.facts import Finding
from gateway.core.machine import IllegalStep, RuleRefused
from gateway.services.account_store import Claim
from gateway.services.context import Forbidden, NotFound
from gateway.services.papers import Papers
from gateway.services.ports import Conflict, Unavailable, Unsaid
from gateway.web import board, door, help, interior, operator
from gateway.web.door import COOKIE
from gateway.web.headers import HEADERS
from gateway.web.posted import (
    FIELDS_MAX,
    FORM_MAX_BYTES,
    MARKS_MAX,
    STRANGER_FORM_MAX_BYTES,
    UNSENT,
    BadForm,
    clean,
)
from gateway.web.signin.pages import ROUTES as SIGN_IN
from gateway.web.signin.refused import Refused
from gateway.web.visit import ANYONE, SIGNED_IN, DeskPages, Entry, Route, Visit, is_own
from schemas import Problem, SchemaError
from tests.support.pace import slowness
from tests.web.support import Desk, Officer, one_desk

OFFICERS = frozenset({"case_officer", "liaison_officer"})
NAME = "Ionescu Вера"

ERRORS = {
    "forbidden": (Forbidden(NAME), 403),
    "unproved": (Refused("challenge"), 403),
    "gone": (NotFound(NAME), 404),
    "illegal": (IllegalStep("SENT", NAME, "case_officer"), 409),
    "refused": (RuleRefused((Finding("R-01", NAME, "elements"),)), 422),
    "two-rules": (RuleRefused((Finding("R-01", NAME, "elements"), Finding("D-08", NAME))), 422),
    "schema": (SchemaError("case-draft", (Problem("/to", "enum", "is not in the closed list of values"),)), 422),
    "conflict": (Conflict(NAME), 409),
    "later": (Unavailable(NAME, NAME), 503),
    "unsaid": (Unsaid(NAME, NAME), 503),
    "fault": (ZeroDivisionError(NAME), 500),
}
"""What a page may raise, and the status it becomes; each says a name, which no answer may repeat."""


class Pages:
    """A few pages of a desk that keep what they were asked."""

    def __init__(self) -> None:
        self.posted: list[dict[str, str]] = []
        self.goes_on = asyncio.Event()
        self.goes_on.set()
        self.fails: Exception | None = None
        self.begun, self.done_with = asyncio.Event(), asyncio.Event()

    async def home(self, visit: Visit) -> web.StreamResponse:
        """Show the help page in place of a home."""
        return visit.page("help.html", shortcuts=False)

    async def raises(self, visit: Visit) -> web.StreamResponse:
        """Raise what the path names."""
        raise ERRORS[visit.request.match_info["what"]][0]

    async def lasts(self, visit: Visit) -> web.StreamResponse:
        """Show the help page once a test is done with it."""
        self.begun.set()
        await self.done_with.wait()
        return visit.page("help.html", shortcuts=False)

    async def act(self, visit: Visit) -> web.StreamResponse:
        """Do something once and lead on."""
        await self.goes_on.wait()
        if self.fails is not None:
            raise self.fails
        self.posted.append(dict(visit.form))
        if visit.form.get("again"):
            return visit.page("help.html", status=422, shortcuts=False)
        return await visit.to(f"/done/{len(self.posted)}", told="It was done")

    async def done(self, visit: Visit) -> web.StreamResponse:
        """Show where the act led, and what was typed here when the session ended."""
        return web.Response(text=f"{visit.request.path} {visit.told} {dict(visit.draft)}")

    def routes(self) -> tuple[Route, ...]:
        """Return the pages, one of each kind."""
        return (
            Route("GET", "/", "home", self.home, SIGNED_IN),
            Route("GET", "/raises/{what}", "raises", self.raises, SIGNED_IN),
            Route("GET", "/cases/{ref}", "case", self.home, OFFICERS),
            Route("GET", "/cases/{ref}/raises/{what}", "case-raises", self.raises, SIGNED_IN),
            Route("GET", "/lasts", "lasts", self.lasts, ANYONE),
            Route("POST", "/act", "act", self.act, OFFICERS),
            Route("POST", "/act/{n}", "act-of", self.act, OFFICERS),
            Route("GET", "/act", "act-page", self.done, OFFICERS),
            Route("GET", "/typed", "typed-page", self.home, OFFICERS),
            Route("POST", "/typed", "typed", self.act, OFFICERS),
            Route("GET", "/done/{n}", "done", self.done, SIGNED_IN),
            Route("GET", "/officers", "officers", self.home, OFFICERS),
            Route("GET", "/nobody", "nobody", self.home, frozenset()),
            Route("GET", "/fresh-page", "fresh-page", self.home, SIGNED_IN, fresh=True),
            Route("POST", "/file", "file", self.act, SIGNED_IN, upload=1024),
            *help.ROUTES,
            *SIGN_IN,
        )


@pytest.fixture
def pages() -> Pages:
    return Pages()


@pytest.fixture
async def desk(tmp_path: Path, pages: Pages) -> AsyncIterator[Desk]:
    own = DeskPages("interior", "Interior", pages.routes(), (Entry("officers", "Officers", OFFICERS),))
    of_board = [route for route in pages.routes() if route.name in ("home", "raises")]
    other = DeskPages("board", "Board", (*of_board, *help.ROUTES, *SIGN_IN), ())
    async with one_desk(tmp_path, [own, other]) as made:
        yield made


async def test_every_answer_has_the_headers(desk: Desk) -> None:
    """Pages, redirections, errors and files carry the policy; nothing but a file may be kept."""
    officer = await desk.officer("first")
    for path in ("/", "/nothing", "/raises/fault", "/static/desk.css", "/sign-in"):
        answer = await officer.get(path, follow=False)
        assert {name: answer.headers.get(name) for name in HEADERS} == dict(HEADERS), path
        kept = "max-age" in answer.headers["Cache-Control"]
        assert path.startswith("/static") == kept, path


KEPT_HERE = ('spellcheck="false"', 'writingsuggestions="false"')


@pytest.mark.parametrize("path", ["/", "/nothing", "/sign-in"])
async def test_a_page_is_sent_to_no_service_of_the_browser(desk: Desk, path: str) -> None:
    """No page is offered for translation, and nothing typed for the checking of its spelling or its completion."""
    text = (await (await desk.officer("first")).get(path)).text
    (begin,) = re.findall("<html[^>]*>", text)
    assert [] == [one for one in ('translate="no"', *KEPT_HERE) if one not in begin]
    assert '<meta name="google" content="notranslate">' in text


def test_no_field_is_read_by_a_service_of_the_browser() -> None:
    """Each field that takes words says so itself: a name, a reason or a remark is typed there."""
    folder = Path(gateway.web.__file__).parent / "templates"
    texts = [file.read_text() for file in folder.rglob("*.html")]
    fields = [field for text in texts for field in re.findall(r'<(?:textarea|input class="govuk-input)[^\n]*', text)]
    assert fields
    assert [] == [field for field in fields if not all(one in field for one in KEPT_HERE)]


def test_no_field_is_kept_by_the_browser() -> None:
    """
    Each form says that nothing of it is to be kept: what is ticked or chosen has no such word of its own (HTML,
    4.10.18.7.1), and Firefox writes it to the file from which it opens its windows again.
    """
    folder = Path(gateway.web.__file__).parent / "templates"
    forms = [form for file in folder.rglob("*.html") for form in re.findall(r"<form [^\n>]*", file.read_text())]
    forms = [form for form in forms if 'method="dialog"' not in form]  # it is never sent, and has no field
    assert forms
    assert [] == [form for form in forms if 'autocomplete="off"' not in form]


async def test_the_policy_runs_nothing_that_is_written_into_a_page() -> None:
    """No inline script or style, no foreign source, no frame, trusted types demanded."""
    policy = dict(part.split(" ", 1) for part in HEADERS["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert "unsafe" not in HEADERS["Content-Security-Policy"]
    assert {policy[name] for name in ("script-src", "style-src", "img-src", "connect-src", "form-action")} == {"'self'"}


async def test_another_host_name_is_answered_by_no_desk(desk: Desk) -> None:
    """A request for a name that is no desk's gets 421, whatever its path."""
    officer = await desk.officer("first")
    for host in ("evil.example", f"interior.localhost.evil.example:{desk.port}", f"127.0.0.1:{desk.port}"):
        answer = await officer.send("GET", "/", headers={"Host": host})
        assert 421 == answer.status


async def test_a_session_of_one_desk_is_none_at_another(desk: Desk) -> None:
    """The token of the interior desk, carried to the board, leads to its sign-in page."""
    officer = await desk.officer("first")
    officer.at = "board"
    assert "/sign-in" in (await officer.get("/", follow=False)).location


@pytest.mark.parametrize(("path", "who", "status"), [("/officers", "signer", 403), ("/nobody", "first", 403)])
async def test_a_page_is_for_its_roles(desk: Desk, path: str, who: str, status: int) -> None:
    """A role that a route does not name is refused; a route that names none is open to nobody."""
    assert status == (await (await desk.officer(who)).get(path)).status


async def test_whoever_has_not_signed_in_is_led_to_do_so(desk: Desk) -> None:
    """A page leads to the sign-in page and back to itself."""
    answer = await desk.nobody().get("/officers", follow=False)
    assert (303, "/sign-in?next=%2Fofficers") == (answer.status, answer.location)


async def test_whom_another_site_leads_here_takes_one_more_step(desk: Desk) -> None:
    """A link followed elsewhere comes without the cookie: a page of ours goes on to the same address, with it."""
    answer = await desk.nobody().send("GET", "/officers?a=1", headers={"Sec-Fetch-Site": "cross-site"})
    assert (200, "0; url=/officers?a=1") == (answer.status, answer.headers["Refresh"])
    assert 'href="/officers?a=1"' in answer.text


async def test_a_fresh_proof_is_asked_for_where_a_page_wants_one(desk: Desk) -> None:
    """Who proved presence more than five minutes ago does so again, and comes back."""
    officer = await desk.officer("first")
    assert 200 == (await officer.get("/fresh-page", follow=False)).status
    desk.network.clock.pass_(minutes=6)
    assert "/again?next=%2Ffresh-page" == (await officer.get("/fresh-page", follow=False)).location


@pytest.mark.parametrize("error", ERRORS)
async def test_an_error_is_a_page_that_quotes_nothing(desk: Desk, error: str) -> None:
    """Whatever a page raises becomes a page with its status; no word of the error, which may be a name, is on it."""
    answer = await (await desk.officer("first")).get(f"/raises/{error}")
    assert ERRORS[error][1] == answer.status
    assert "Ionescu" not in answer.text
    assert "Traceback" not in answer.text
    assert "<h1" in answer.text


async def test_who_signed_in_finds_a_way_on_and_out_where_there_is_no_page(desk: Desk) -> None:
    """An unknown address has the navigation and Sign out; it offers no language, which no page there could take."""
    officer, nobody = await desk.officer("first", language="fr"), desk.nobody()
    for path, status in (("/nothing", 404), ("/nothing?lang=ar", 404), ("/static/nothing", 404), ("/act/1", 405)):
        for who, signed_in in ((officer, True), (nobody, False)):
            page = await who.send("GET", path)
            found = [part in page.text for part in ('href="/officers"', 'action="/sign-out"', ">first<")]
            assert (status, [signed_in] * 3, False) == (page.status, found, "lang=ar" in page.text), (path, signed_in)
    now = desk.site.now()
    session = officer.session
    assert session is not None
    await desk.site.accounts.end(session, now)
    assert 'action="/sign-out"' not in (await officer.send("GET", "/nothing")).text


async def test_the_board_reads_no_rule_that_lies_in_the_person(desk: Desk) -> None:
    """Foreign affairs reads that a step was refused, and of the rules that did it those of days and States alone."""
    for who, at, told in (("first", "interior", {"R-01", "D-08"}), ("board", "board", {"D-08"})):
        page = await (await desk.officer(who, at)).get("/raises/two-rules")
        assert told == set(re.findall(r"\b[A-Z]-\d\d\b", page.text)), (who, at)
        # What the list names is set right by the other desk.
        hints = ("Set right on the case", "Speak to the desk in charge")
        assert [at != "board", at == "board"] == [hint in page.words for hint in hints], who


async def test_a_guest_is_told_what_a_guest_can_do(desk: Desk) -> None:
    """Whoever is invited to one case sets nothing right on it and has no list: each error names the officer or it."""
    guest = await desk.guest("c1", "lawyer")
    not_theirs = "Set right on the case", "Ask a person whose role may", "Look for it in the lists", "the operator"
    for path, what, told in (
        (
            "/cases/c1/raises/refused",
            "refused",
            "Ask the officer in charge of the case to set right what the list names.",
        ),
        ("/cases/c1/raises/forbidden", "forbidden", "Ask the officer in charge of the case."),
        ("/cases/c1/raises/gone", "gone", "You were invited to one case and see no other."),
        ("/raises/gone", "gone", "You were invited to one case and see no other."),
    ):
        page = await guest.get(path)
        assert (ERRORS[what][1], True) == (page.status, told in page.words), path
        assert [] == [one for one in not_theirs if one in page.words], path


async def test_an_error_leads_back_to_the_case_whoever_may_see_it(desk: Desk) -> None:
    """Nobody is led to a page that is not for them, nor to a case of which the page said that there is none."""
    back = 'href="/cases/c1"'
    for who, what, leads in (("first", "illegal", True), ("first", "gone", False), ("signer", "illegal", False)):
        page = await (await desk.officer(who)).get(f"/cases/c1/raises/{what}")
        assert (ERRORS[what][1], leads) == (page.status, back in page.text), (who, what)


@pytest.mark.parametrize("language", ["fr", "ar"])
async def test_a_rule_is_said_by_its_sentence(desk: Desk, language: str) -> None:
    """A refusal names the rule and says it in the language of the page."""
    answer = await (await desk.officer("first", language=language)).get("/raises/refused")
    assert "R-01" in answer.text
    assert f'lang="{language}"' in answer.text


@pytest.mark.parametrize(("language", "wrong"), [("fr", "n’est pas dans la liste fermée"), ("ar", "القائمة المغلقة")])
async def test_what_does_not_fit_is_said_in_the_language_of_the_page(desk: Desk, language: str, wrong: str) -> None:
    """What a schema finds wrong is told in words of the page, and not as the schema says it."""
    words = (await (await desk.officer("first", language=language)).get("/raises/schema")).words
    assert (True, False) == (wrong in words, "closed list" in words)


@pytest.mark.parametrize("error", [name for name in ERRORS if name != "unproved"])
async def test_an_error_says_what_to_do_next(desk: Desk, error: str) -> None:
    """Below what happened stands what the reader can do, beside the way to the home page."""
    page = (await (await desk.officer("first")).get(f"/raises/{error}")).text
    main = page.partition("<main")[2].partition("</main")[0]
    assert 3 <= main.count('<p class="govuk-body">') + main.count("<li>")


# Forms.


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"},
    ],
)
async def test_a_form_from_elsewhere_is_refused(desk: Desk, pages: Pages, headers: dict[str, str]) -> None:
    """Fetch Metadata or an origin that is not the desk's own: nothing is done, also with the right token."""
    officer = await desk.officer("first")
    assert officer.session is not None
    data = FormData({"csrf": officer.session.csrf})
    assert 403 == (await officer.send("POST", "/act", data=data, headers=headers)).status
    assert [] == pages.posted


@pytest.mark.parametrize("token", ["", "x", "A" * 43])
async def test_a_form_without_the_token_of_its_session_is_refused(desk: Desk, pages: Pages, token: str) -> None:
    """A wrong, empty or missing token: nothing is done."""
    officer = await desk.officer("first")
    fields = {"csrf": token} if token else {"other": "1"}
    assert 403 == (await officer.send("POST", "/act", data=FormData(fields))).status
    assert [] == pages.posted


async def test_a_form_is_taken_once(desk: Desk, pages: Pages) -> None:
    """The second submission of the same form does nothing and is sent where the first one led."""
    officer = await desk.officer("first")
    assert officer.session is not None
    data = {"csrf": officer.session.csrf, "once": "one-form", "a": "1"}
    answers = [await officer.send("POST", "/act", data=FormData(data)) for _ in range(3)]
    assert [(303, "/done/1")] * 3 == [(answer.status, answer.location) for answer in answers]
    assert 1 == len(pages.posted)


async def test_a_form_that_was_changed_is_no_second_click(desk: Desk, pages: Pages) -> None:
    """A window that was stopped as it sent has the form still: what is changed in it then is not said to be taken."""
    officer = await desk.officer("first")
    assert officer.session is not None
    data = {"csrf": officer.session.csrf, "once": "one-form", "a": "1", "credential": "one"}
    for path, more, status in (
        ("/act", {}, 303),
        ("/act", {"credential": "another"}, 303),
        ("/act", {"a": "2"}, 409),
        ("/act/2", {}, 409),
        ("/act", {}, 303),
    ):
        answer = await officer.send("POST", path, data=FormData({**data, **more}))
        assert (status, status == 409) == (answer.status, "What you sent now was not" in answer.words), (path, more)
    assert (1, True) == (len(pages.posted), "'a': '2'" in (await officer.get("/act")).text)


async def test_a_second_click_sees_what_came_of_the_first(
    desk: Desk, pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A form sent again while the first is at work waits for it, does nothing, and is sent where it led."""
    officer = await desk.officer("first")
    assert officer.session is not None
    claim, waiting = Papers.claim, set[asyncio.Task[Any] | None]()

    async def heard(*form: Any) -> Claim:
        claimed = await claim(*form)
        if claimed.state == "running":
            waiting.add(asyncio.current_task())
        if len(waiting) == 2:
            pages.goes_on.set()
        return claimed

    monkeypatch.setattr(Papers, "claim", heard)
    pages.goes_on.clear()
    data = {"csrf": officer.session.csrf, "once": "one-form"}
    sent = (officer.send("POST", "/act", data=FormData(data)) for _ in range(3))
    answers = await asyncio.gather(*sent)
    assert [(303, "/done/1")] * 3 == [(answer.status, answer.location) for answer in answers]
    assert 1 == len(pages.posted)


async def test_a_second_click_reads_what_came_of_the_first(desk: Desk) -> None:
    """A click that lets go of the page with the banner, asked for already, leads to one that says the same."""
    officer = await desk.officer("first")
    assert officer.session is not None
    data = {"csrf": officer.session.csrf, "once": "one-form"}
    for _ in range(2):
        answer = await officer.send("POST", "/act", data=FormData(data))
        assert "It was done" in (await officer.get(answer.location)).text
    assert "It was done" not in (await officer.get(answer.location)).text


async def test_a_form_that_led_nowhere_can_be_sent_again(desk: Desk, pages: Pages) -> None:
    """A page that showed the form once more gives its token back."""
    officer = await desk.officer("first")
    assert officer.session is not None
    data = {"csrf": officer.session.csrf, "once": "one-form"}
    assert 422 == (await officer.send("POST", "/act", data=FormData({**data, "again": "1"}))).status
    assert 303 == (await officer.send("POST", "/act", data=FormData(data))).status
    assert 2 == len(pages.posted)


async def test_nobody_is_told_that_a_step_was_not_done_of_which_nobody_knows(desk: Desk, pages: Pages) -> None:
    """Where the store was lost as it committed, the page has its person look before doing it again."""
    officer = await desk.officer("first")
    assert officer.session is not None
    pages.fails = Unsaid("the database was lost during a commit")
    answer = await officer.send("POST", "/act", data=FormData({"csrf": officer.session.csrf, "once": "one-form"}))
    told = answer.text
    assert (503, True) == (answer.status, "look before you repeat it" in told)
    assert "Nothing was lost" not in told


async def test_a_form_that_failed_can_be_sent_again(desk: Desk, pages: Pages) -> None:
    """What came to nothing gives its token back: whoever tries again once the store is there does not wait in vain."""
    officer = await desk.officer("first")
    assert officer.session is not None
    data = {"csrf": officer.session.csrf, "once": "one-form"}
    pages.fails = Unavailable("the store is busy", "try again later")
    assert 503 == (await officer.send("POST", "/act", data=FormData(data))).status
    pages.fails = None
    assert 303 == (await officer.send("POST", "/act", data=FormData(data))).status


@pytest.mark.parametrize(
    "path", ["//evil.example", "/\\evil.example", "https://evil.example", "", "act", "/a\\b", "/a\nb"]
)
def test_a_desk_leads_to_its_own_pages_alone(path: str) -> None:
    """A browser reads two slashes, or a backslash, as another's address, and after a new line another header."""
    assert (True, False) == (is_own("/act?next=/a"), is_own(path))


async def test_a_guest_is_led_to_no_list(desk: Desk) -> None:
    """Who is invited to one case has no navigation, whatever the desk shows to their role."""
    link = 'href="/officers"'
    guest = await desk.guest("c1", "case_officer")
    officer = await desk.officer("first")
    assert [True, False] == [link in (await one.get("/")).text for one in (officer, guest)]


UNSEEN = [f"a{char}b" for char in "\u034f\u3164\u115f\ufe0f\u2800\U000e0100\U000e01ef\U00016fe4\U0001d159"]
"""Marks, letters and signs by their category, and nothing to the eye."""


@pytest.mark.parametrize(
    "text", ["a\u202eb", "a\u2066b", "a\u200bb", "a\x00b", "a\x1bb", "a\ufeffb", "a\ue000b", *UNSEEN]
)
async def test_hidden_characters_are_refused(desk: Desk, pages: Pages, text: str) -> None:
    """Controls, direction marks, zero-width and private characters in a field: 422, and nothing is done."""
    officer = await desk.officer("first")
    assert officer.session is not None
    data = FormData({"csrf": officer.session.csrf, "a": text})
    assert 422 == (await officer.send("POST", "/act", data=data)).status
    assert [] == pages.posted


async def test_value_copied_from_an_arabic_page_is_taken(desk: Desk, pages: Pages) -> None:
    """The signs that keep a value in order there come along with it, or a line; nobody fills them in."""
    officer = await desk.officer("first")
    assert officer.session is not None
    for copied in (" \u20662026-12-18\u2069 ", "حتى \u20662026-12-18\u2069، \u2066+00 5550 100\u2069."):
        data = FormData({"csrf": officer.session.csrf, "a": copied})
        assert 303 == (await officer.send("POST", "/act", data=data)).status
    assert ["2026-12-18", "حتى 2026-12-18، +00 5550 100."] == [form["a"] for form in pages.posted]


async def test_a_heap_of_marks_is_refused_before_it_is_put_in_order(desk: Desk, pages: Pages) -> None:
    """Marks on one letter that would keep the gateway busy for seconds, or with a whole form for a minute: 422."""
    officer = await desk.officer("first")
    assert officer.session is not None
    isolated = "\u0315" * 20 + "\u2066" + "\u0316" * 20 + "\u2069"  # signs that are taken out first
    for marks in ("\u0315" * 9000 + "\u0316" * 9000, "\u0f73" * 9000, isolated):
        data = FormData({"csrf": officer.session.csrf})
        data.add_field("a", f"a{marks}", content_type="text/plain; charset=utf-8")
        assert 422 == (await officer.send("POST", "/act", data=data)).status
    assert [] == pages.posted


async def test_a_stranger_fills_no_more_memory_than_it_takes_to_sign_in(desk: Desk, pages: Pages) -> None:
    """Of a form without a session 16 kB are read, 413; of one with a session, also if it ended, what a page sends."""
    long = "x" * (STRANGER_FORM_MAX_BYTES + 1)
    officer = await desk.officer("first")
    assert officer.session is not None
    for made in ({}, {"content_type": "text/plain"}):
        data = FormData()
        data.add_field("a", long, **made)
        assert 413 == (await desk.nobody().send("POST", "/act", data=data)).status
    data = FormData()
    for number in range(4):
        data.add_field(f"a{number}", long[: len(long) // 3], content_type="text/plain")
    assert 413 == (await desk.nobody().send("POST", "/act", data=data)).status
    typed = {"csrf": officer.session.csrf, "a": long}
    assert 303 == (await officer.send("POST", "/act", data=FormData(typed))).status
    assert [long] == [one["a"] for one in pages.posted]
    desk.network.clock.pass_(minutes=16)
    answer = await officer.send("POST", "/act", data=FormData(typed))
    assert "/sign-in?next=%2Fact&kept=1" == answer.location


@pytest.mark.parametrize("text", ["x", "ж", "ш\u0301", " ", "e\u0301x\u0301\u0302"])
def test_the_largest_field_is_looked_at_in_no_time(text: str) -> None:
    """A field that fills a form keeps every visitor waiting for some thousandths of a second, and no tenth."""
    field = text * (FORM_MAX_BYTES // len(text.encode()))
    took = []
    for _ in range(3):
        started = time.process_time()
        clean("a", field)
        took.append(time.process_time() - started)
    assert min(took) < 0.05 * slowness()


@pytest.mark.parametrize("charset", ["latin-1", "punycode", "utf-16", "x" * 40])
async def test_a_form_is_in_utf_8_alone(desk: Desk, pages: Pages, charset: str) -> None:
    """No page sends another charset, and some take ten seconds to decode: 422, however the form says it."""
    officer = await desk.officer("first")
    assert officer.session is not None
    token = officer.session.csrf
    named = f'Content-Disposition: form-data; name="_charset_"\r\n\r\n{charset}'
    typed = f'Content-Disposition: form-data; name="a"\r\nContent-Type: text/plain; charset={charset}\r\n\r\nb'
    own = f'Content-Disposition: form-data; name="csrf"\r\n\r\n{token}'
    bodies = [f"--x\r\n{part}\r\n--x\r\n{own}\r\n--x--\r\n" for part in (named, typed)]
    sent = [(f"application/x-www-form-urlencoded; charset={charset}", f"csrf={token}")]
    for kind, body in (*sent, *(("multipart/form-data; boundary=x", body) for body in bodies)):
        answer = await officer.send("POST", "/act", data=body.encode(), headers={"Content-Type": kind})
        assert 422 == answer.status, (kind, body)
    assert [] == pages.posted


@pytest.mark.parametrize("head", ["no header", ": x", "a: " + "x" * 9000, "Content-Disposition: form-data"])
async def test_a_part_that_is_none_is_no_fault(desk: Desk, pages: Pages, head: str) -> None:
    """A form whose parts have no headers that can be read, or no name, is refused as one that no page sends."""
    officer = await desk.officer("first")
    body = f"--x\r\n{head}\r\n\r\nb\r\n--x--\r\n".encode()
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    assert 422 == (await officer.send("POST", "/act", data=body, headers=kind)).status
    assert [] == pages.posted


async def test_names_of_every_script_go_through(desk: Desk, pages: Pages) -> None:
    """Letters, marks and the joiners of a spelling are kept, in normal form C."""
    officer = await desk.officer("first")
    assert officer.session is not None
    name = "Ве\u0301ра علی\u200cرضا Nguye\u0302\u0303n"
    await officer.send("POST", "/act", data=FormData({"csrf": officer.session.csrf, "a": f"  {name} "}))
    assert "Ве\u0301ра علی\u200cرضا Nguy\u1ec5n" == pages.posted[0]["a"]


async def test_a_form_too_large_is_refused(desk: Desk, pages: Pages) -> None:
    """More bytes, in one file or in many, or more fields than any page sends: 413, with how many would be taken."""
    officer = await desk.officer("first")
    assert officer.session is not None
    large = {"csrf": officer.session.csrf, "a": "x" * 300_000}
    many = [("csrf", officer.session.csrf), *((f"f{n}", "1") for n in range(1001))]
    file = FormData({"csrf": officer.session.csrf})
    file.add_field("f", b"x" * 2000, filename="f")
    files = FormData({"csrf": officer.session.csrf})
    for n in range(300):
        files.add_field(f"f{n}", b"x" * 1000, filename="f")
    sent = [("/act", FormData(large)), ("/act", FormData(many)), ("/file", file), ("/file", files)]
    answers = [await officer.send("POST", path, data=data) for path, data in sent]
    assert [413] * 4 == [one.status for one in answers]
    bounds = [re.findall(r"no more than (\d+ .iB)", one.words) for one in answers]
    assert [["256 KiB"], [], ["1 KiB"], ["257 KiB"]] == bounds
    assert [] == pages.posted


def parts(*named: tuple[str, str, bytes]) -> bytes:
    """Return a form in parts, each with its name, more headers, and what it holds."""
    made = (
        f'--x\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + raw + b"\r\n"
        for name, more, raw in named
    )
    return b"".join(made) + b"--x--\r\n"


IN_PARTS = {"Content-Type": "multipart/form-data; boundary=x"}


async def test_a_form_of_the_largest_size_is_taken(desk: Desk, pages: Pages) -> None:
    """To its last byte, its last byte of a file, and its last field; one more is too many."""
    officer = await desk.officer("first")
    assert officer.session is not None
    own = ("csrf", "", officer.session.csrf.encode())
    room = FORM_MAX_BYTES - len(parts(own, ("a", "", b"")))
    file = '; filename="f"\r\nContent-Type: text/plain'
    sent: list[tuple[str, Callable[[int], bytes]]] = [
        ("/act", lambda more: parts(own, ("a", "", b"x" * (room + more)))),
        ("/file", lambda more: parts(own, ("f", file, b"x" * (1024 + more)))),
        ("/act", lambda more: parts(own, *((f"f{n}", "", b"1") for n in range(FIELDS_MAX - 1 + more)))),
    ]
    for path, made in sent:
        told = [(await officer.send("POST", path, data=made(more), headers=IN_PARTS)).status for more in (0, 1)]
        assert [303, 413] == told, path
    assert [room, FIELDS_MAX] == [len(pages.posted[0]["a"]), len(pages.posted[2])]


@pytest.mark.parametrize("more", ["Content-Encoding: gzip", "Content-Transfer-Encoding: base64"])
async def test_a_part_that_is_packed_is_no_form(desk: Desk, pages: Pages, more: str) -> None:
    """Nothing is unpacked, so nothing can unpack to more than it says: 422. Bytes as they are may be called so."""
    officer = await desk.officer("first")
    assert officer.session is not None
    own = ("csrf", "", officer.session.csrf.encode())
    statuses = [
        (await officer.send("POST", "/act", data=parts(own, ("a", f"\r\n{one}", b"eA==")), headers=IN_PARTS)).status
        for one in (more, "Content-Transfer-Encoding: 8BIT")
    ]
    assert ([422, 303], ["eA=="]) == (statuses, [one["a"] for one in pages.posted])


@pytest.mark.parametrize("text", ["a\u0378", "a\ue000", "a\u0007", f"a{chr(0x315) * (MARKS_MAX + 1)}"])
def test_what_nobody_types_is_refused(text: str) -> None:
    """What is no character, or is one of a machine's own, and one mark more than any script has."""
    with pytest.raises(BadForm, match="text"):
        clean("a", text)


def test_what_people_type_is_taken() -> None:
    """Lines as a browser ends them, and as many marks on a letter as any script has."""
    assert "a\nb\tc" == clean("a", "a\r\nb\tc")
    assert MARKS_MAX == len(clean("a", "q" + "\u0315" * MARKS_MAX)) - 1


async def test_a_file_where_none_is_wanted_is_refused(desk: Desk, pages: Pages) -> None:
    """An upload to a page without a file field: 422; JSON in place of a form likewise."""
    officer = await desk.officer("first")
    assert officer.session is not None
    file = FormData({"csrf": officer.session.csrf})
    file.add_field("f", b"x", filename="../../etc/passwd")
    assert 422 == (await officer.send("POST", "/act", data=file)).status
    json = {"Content-Type": "application/json"}
    assert 422 == (await officer.send("POST", "/act", data=b"{}", headers=json)).status
    assert [] == pages.posted


# Sessions.


async def test_what_was_typed_when_the_session_ended_is_kept(desk: Desk) -> None:
    """Signed in again after 15 idle minutes, its fields are on the page, and nothing that proves who sent it."""
    officer = await desk.officer("first")
    assert officer.session is not None
    desk.network.clock.pass_(minutes=16)
    proofs = dict.fromkeys(("confirm", "credential", "approval", "code", "pending", "mrz"), "proof")
    data = FormData({"csrf": officer.session.csrf, "once": "f", "name": "Анна"} | proofs)
    answer = await officer.send("POST", "/act", data=data)
    assert "/sign-in?next=%2Fact&kept=1" == answer.location
    other = await (await desk.officer("second")).get("/act")
    again = await (await desk.officer("first")).get("/act")
    assert ("Анна" in again.text, "proof" in again.text) == (True, False)
    assert "Анна" not in other.text


async def test_what_a_page_sends_as_it_is_left_is_kept_and_never_taken(desk: Desk, pages: Pages) -> None:
    """It sends what was typed once its time is over: kept for its person, also where the session goes on elsewhere."""
    officer = await desk.officer("first")
    assert officer.session is not None
    left = {"csrf": officer.session.csrf, "b.name": NAME, "confirm": "yes", UNSENT: "yes"}
    answer = await officer.send("POST", "/act", data=left)
    assert (303, "/sign-in?next=%2Fact&kept=1") == (answer.status, answer.location)
    assert f"/act  {{'b.name': '{NAME}'}}" == (await officer.get(answer.location)).text
    desk.network.clock.pass_(minutes=16)
    answer = await officer.send("POST", "/act", data=left)
    assert "/sign-in?next=%2Fact&kept=1" == answer.location
    again = await desk.officer("first")
    assert [] == pages.posted
    assert f"/act  {{'b.name': '{NAME}'}}" == (await again.get("/act")).text
    nothing = await officer.send("POST", "/act", data={"csrf": officer.session.csrf, UNSENT: "yes"})
    assert "/sign-in?next=%2Fact" == nothing.location  # nobody pressed what would be said to have done nothing


@pytest.mark.parametrize("purpose", ["invitation", "enrol"])
async def test_who_holds_a_link_leaves_nothing_in_the_forms_of_its_person(
    desk: Desk, pages: Pages, purpose: str
) -> None:
    """Whoever made it held it first: what is typed by it alone does not stand where its person signs later."""
    accounts, now = desk.site.accounts, desk.network.clock.now()
    made = await accounts.invite("ref", "case_officer", "second", now, now + timedelta(days=3), person="first")
    of = made if purpose == "invitation" else None
    token, session = await accounts.begin("first", "interior", "link", now, invitation=of, enrolling=of is None)
    holder = Officer(desk, "first", "interior", token, session)
    left = {"csrf": session.csrf, "b.name": NAME}
    answers = [await holder.send("POST", "/act", data=left | odd) for odd in ({UNSENT: "yes"}, {"b.odd": "\u202e"})]
    desk.network.clock.pass_(minutes=16)
    answers.append(await holder.send("POST", "/act", data=left))
    assert ["/sign-in?next=%2Fact", "", "/sign-in?next=%2Fact&kept=0"] == [one.location for one in answers]
    assert "What you typed is kept" not in answers[1].words
    assert [] == pages.posted
    assert "/act  {}" == (await (await desk.officer("first")).get("/act")).text


async def test_a_session_that_ends_while_a_form_arrives_takes_no_step(
    desk: Desk, pages: Pages, reads_form: asyncio.Event
) -> None:
    """A form may come slowly: who signed out meanwhile, or was taken the account, does nothing by it any more."""
    officer = await desk.officer("first")
    session = officer.session
    assert session is not None

    async def slowly() -> AsyncIterator[bytes]:
        yield f"csrf={session.csrf}".encode()
        await reads_form.wait()
        await desk.site.accounts.end(session, desk.network.clock.now())
        yield b"&a=1"

    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await officer.send("POST", "/act", data=slowly(), headers=form)
    assert (True, []) == (answer.location.startswith("/sign-in"), pages.posted)


async def test_a_session_goes_on_from_when_a_form_had_arrived(
    desk: Desk, pages: Pages, reads_form: asyncio.Event
) -> None:
    """A large file takes minutes: the page after it offers to stay in time, for its clock begins with the page."""
    officer = await desk.officer("first")
    session, clock = officer.session, desk.network.clock
    assert session is not None

    async def slowly() -> AsyncIterator[bytes]:
        yield f"csrf={session.csrf}".encode()
        await reads_form.wait()
        clock.pass_(minutes=8)
        yield b"&a=1"

    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await officer.send("POST", "/act", data=slowly(), headers=form)
    clock.pass_(minutes=14)
    page = await officer.get("/officers", follow=False)
    assert ("/done/1", 1, 200) == (answer.location, len(pages.posted), page.status)


@pytest.mark.parametrize("more", [{}, {UNSENT: "yes"}], ids=["sent", "left"])
async def test_a_window_from_before_a_new_sign_in_loses_nothing_that_was_typed(
    desk: Desk, pages: Pages, more: dict[str, str]
) -> None:
    """A window that slept as its person signed in again in another: its form is not taken, and stands in its page."""
    before = (await desk.officer("first")).session
    assert before is not None
    desk.network.clock.pass_(minutes=16)
    again = await desk.officer("first")
    answer = await again.send("POST", "/act", data=FormData({"csrf": before.csrf, "once": "f", "name": "Анна"} | more))
    assert (303, "/act") == (answer.status, answer.location)
    assert "Анна" in (await again.get("/act")).text
    assert [] == pages.posted


async def test_who_signs_out_in_a_window_from_before_reads_that_a_session_is_open(desk: Desk) -> None:
    """That the form is of one that has ended reads as if it were done: the page says that another is, and ends it."""
    before = (await desk.officer("first")).session
    assert before is not None
    desk.network.clock.pass_(minutes=16)
    again = await desk.officer("first")
    answer = await again.send("POST", "/sign-out", data=FormData({"csrf": before.csrf}))
    assert (403, True) == (answer.status, "A session of yours is open" in answer.words)
    assert 'action="/sign-out"' in answer.text


@pytest.mark.parametrize(("level", "enrolling"), [("code", False), ("link", True)])
async def test_a_window_of_another_leaves_nothing_in_a_new_session(desk: Desk, level: str, enrolling: bool) -> None:
    """Whose form it was is told by its token: what another typed, or who came by a link alone, is kept for nobody."""
    person = "first" if enrolling else "second"
    _, before = await desk.site.accounts.begin(person, "interior", level, desk.site.now(), enrolling=enrolling)
    desk.network.clock.pass_(minutes=16)
    officer = await desk.officer("first")
    answer = await officer.send("POST", "/act", data=FormData({"csrf": before.csrf, "once": "f", "name": "planted"}))
    assert 403 == answer.status
    for one in ("first", "second"):
        assert "planted" not in (await (await desk.officer(one)).get("/act")).text


@pytest.mark.parametrize("token", ["", "another"])
async def test_an_ended_session_puts_nothing_into_a_form_that_is_not_its_own(desk: Desk, token: str) -> None:
    """A cookie that ran out is not enough to have words stand in its person's page: it takes a form of that session."""
    officer = await desk.officer("first")
    desk.network.clock.pass_(hours=11)
    answer = await officer.send("POST", "/act", data=FormData({"csrf": token, "once": "f", "name": "planted"}))
    assert "/sign-in?next=%2Fact&kept=0" == answer.location
    assert "planted" not in (await (await desk.officer("first")).get("/act")).text


async def test_a_form_without_a_token_waits_for_no_page_of_another(
    desk: Desk, pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has no session and sends no token began nothing: they are led to sign in while any page is being made."""
    monkeypatch.setattr(door, "RUNNING_LOOKS", 10_000)  # who waited would wait longer than this test
    nobody = desk.nobody()
    being_made = asyncio.create_task(nobody.get("/lasts"))
    await pages.begun.wait()
    try:
        async with asyncio.timeout(60):
            answer = await nobody.send("POST", "/act", data=FormData({"name": "typed"}))
    finally:
        pages.done_with.set()
    assert ("/sign-in?next=%2Fact&kept=0", 200) == (answer.location, (await being_made).status)


@pytest.mark.parametrize("pages", [interior.PAGES, board.PAGES, operator.PAGES], ids=lambda pages: pages.name)
def test_every_form_has_a_page_at_its_own_address(pages: DeskPages) -> None:
    """Where a session ended over a form, signing in leads to its address; signing in itself needs no session."""
    shown = {route.path for route in pages.routes if route.method == "GET"}
    posted = {route.path for route in pages.routes if route.method == "POST" and route.roles != ANYONE}
    assert {"/session/keep"} == posted - shown


async def test_a_page_that_asks_by_itself_keeps_no_session(desk: Desk) -> None:
    """Counts that a page fetches do not count as a step: 16 minutes of them end the session."""
    officer = await desk.officer("first")
    for _ in range(4):
        desk.network.clock.pass_(minutes=4)
        last = await officer.send("GET", "/", headers={"Desk-Background": "1"})
    assert "/sign-in" in last.location


async def test_a_step_keeps_the_session(desk: Desk) -> None:
    """Steps a few minutes apart keep it, until ten hours have passed."""
    officer = await desk.officer("first")
    for _ in range(59):
        desk.network.clock.pass_(minutes=10)
        assert 200 == (await officer.get("/", follow=False)).status
    desk.network.clock.pass_(minutes=10)
    assert 303 == (await officer.get("/", follow=False)).status


async def test_a_banner_is_shown_once(desk: Desk) -> None:
    """What an act says stands on the next page and no further one."""
    officer = await desk.officer("first")
    assert officer.session is not None
    data = FormData({"csrf": officer.session.csrf})
    answer = await officer.send("POST", "/act", data=data)
    by_itself = await officer.send("GET", answer.location, headers={"Desk-Background": "1"})
    assert "It was done" not in by_itself.text  # a count that another window fetches reads nobody's banner
    assert "It was done" in (await officer.get(answer.location)).text
    assert "It was done" not in (await officer.get(answer.location)).text


async def test_the_cookie_is_for_this_host_alone(desk: Desk) -> None:
    """The session cookie has the prefix that browsers hold to one host, and is out of reach of scripts."""
    now = desk.network.clock.now()
    token = await desk.site.accounts.make_link("first", "interior", "sign-in", now, now + timedelta(hours=1))
    browser = desk.nobody()
    await browser.get(f"/link/{token}")
    answer = await browser.post(f"/link/{token}", follow=False)
    cookie = answer.headers["Set-Cookie"]
    assert COOKIE.startswith("__Host-")
    assert cookie.startswith(COOKIE)
    for flag in ("Secure", "HttpOnly", "SameSite=Strict", "Path=/"):
        assert flag in cookie


# Languages.


@pytest.mark.parametrize(("language", "direction"), [("en", "ltr"), ("fr", "ltr"), ("ar", "rtl")])
async def test_a_page_is_in_the_language_asked_for(desk: Desk, language: str, direction: str) -> None:
    """The browser's first language that there is; the page says it and its direction."""
    officer = await desk.officer("first", language=f"xx, {language};q=0.8, en;q=0.1")
    answer = await officer.get("/")
    assert f'lang="{language}" dir="{direction}"' in answer.text


async def test_a_language_chosen_stays(desk: Desk) -> None:
    """A choice leads back to the page without it in its address, and counts from then on."""
    officer = await desk.officer("first", language="en")
    answer = await officer.get("/?lang=ar&after=x", follow=False)
    assert "/?after=x" == answer.location
    assert 'lang="ar"' in (await officer.get("/")).text
    await officer.get("/?lang=xx")
    assert 'lang="ar"' in (await officer.get("/")).text


async def test_no_language_is_offered_where_its_link_would_lose_what_was_typed(desk: Desk) -> None:
    """A page that answers a form, or shows what came too late, offers none; every other page offers all."""
    officer = await desk.officer("first")
    assert officer.session is not None
    typed = {"csrf": officer.session.csrf, "name": "Анна"}
    answer = await officer.send("POST", "/act", data=FormData({**typed, "again": "1"}))
    assert (422, False) == (answer.status, "lang=ar" in answer.text)
    desk.network.clock.pass_(minutes=16)
    assert 303 == (await officer.send("POST", "/typed", data=FormData(typed))).status
    again = await desk.officer("first")
    assert [False, True] == ["lang=ar" in (await again.get("/typed")).text for _ in range(2)]


@pytest.mark.parametrize("path", ["//evil.example", "https://evil.example", "/\\evil.example", "/a\r\nSet-Cookie: b=c"])
async def test_a_desk_leads_to_its_own_pages_only(desk: Desk, path: str) -> None:
    """An address of somebody else's in place of where to go on leads home."""
    browser = desk.nobody()
    now = desk.network.clock.now()
    token = await desk.site.accounts.make_link("first", "interior", "sign-in", now, now + timedelta(hours=1))
    await browser.get(f"/link/{token}")
    answer = await browser.post(f"/link/{token}", {"next": path}, follow=False)
    assert "evil" not in answer.location
    assert "\n" not in answer.location


@pytest.mark.parametrize(
    "path", ["/link/%5Cx", "/link/%0Ax", "/link/%0D%0ASet-Cookie:x", "/link/%FFx", "/link/%E2%80%AEx"]
)
@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Site": "cross-site"}], ids=["of this desk", "from elsewhere"])
async def test_no_address_is_a_fault(desk: Desk, path: str, headers: dict[str, str]) -> None:
    """Whatever an address holds, choosing a language at it leads back to it, and stepping in does."""
    head = {"Host": f"interior.localhost:{desk.port}", "Sec-Fetch-Site": "same-origin", **headers}
    for query in ("", "?lang=fr", "?lang=fr&x=%0A%FF"):
        url = URL(f"http://127.0.0.1:{desk.port}{path}{query}", encoded=True)
        async with ClientSession() as client, client.get(url, headers=head, allow_redirects=False) as answer:
            assert answer.status < 500
            assert answer.headers.get("Location", path).startswith("/link/%")
    assert [] == [values for event, values in desk.network.logs if event == "gateway.fault"]


async def test_what_is_typed_at_an_address_that_no_store_holds_is_no_fault(desk: Desk) -> None:
    """What would be kept for the page is left out where the store refuses its address: the page tells what is wrong."""
    officer = await desk.officer("first")
    assert officer.session is not None
    url, headers = URL(f"http://127.0.0.1:{desk.port}/act/%00", encoded=True), officer._headers()
    fields = FormData({"csrf": officer.session.csrf, "a": "a\u202eb", "b": "typed"})
    async with ClientSession() as client, client.post(url, data=fields, headers=headers) as answer:
        assert (422, "text/html") == (answer.status, answer.content_type)
