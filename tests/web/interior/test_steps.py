"""The pages of the steps: what they show, what they ask, what they do, and what they do not let through."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyotp
import pytest
import pytest_asyncio

from gateway.core import wire
from gateway.core.case import Notice, Side, State, replace
from gateway.core.machine import Send, step
from gateway.core.messages import USE_REQUEST
from gateway.core.tables import table_for
from gateway.services import access, act_bodies, cases
from gateway.services.acts import VERBS, allowed
from gateway.services.ports import Tx
from gateway.web import forms
from gateway.web.form_fields import body_fields
from gateway.web.interior import PAGES
from gateway.web.interior.step_texts import TEXTS
from gateway.web.interior.step_variants import freeze_text, text_of
from gateway.web.signin.hand import Hand
from keys import b64
from keys.custody import open_store
from tests.core import return_support, support
from tests.support import homeward, story
from tests.support.network import PEOPLE, Network, make_network
from tests.web.support import Answer, Desk, Officer, desks, links_of

ZONE = ZoneInfo("Europe/Vienna")
REFERENCE = "b.representative.ref"
ATTESTED = {"state": "requested", "attested_by": "protection", "attested_on": "2026-11-25", "basis": "application"}


@dataclass
class Two:
    """Two States with their interior desks served."""

    network: Network
    desks: Mapping[str, Desk]
    secrets: dict[tuple[str, str], str] = field(default_factory=dict)

    async def officer(self, country: str, name: str) -> Officer:
        """Return ``name`` at the interior desk of ``country``, who can sign with codes."""
        desk = self.desks[country]
        if (country, name) not in self.secrets:
            accounts, now = desk.site.accounts, self.network.clock.now()
            secret = accounts.new_secret()
            assert await accounts.add_code(name, secret, pyotp.TOTP(secret).at(now), "interior", now)
            self.secrets[country, name] = secret
        return await desk.officer(name)

    def code(self, who: Officer) -> str:
        """Return a code of ``who`` that was not used; half a minute passes for it."""
        self.network.clock.pass_(seconds=30)
        return pyotp.TOTP(self.secrets[who.desk.country, who.name]).at(self.network.clock.now())


@pytest_asyncio.fixture
async def two(tmp_path: Path) -> AsyncIterator[Two]:
    """Two States and their desks."""
    network = await make_network(tmp_path)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(network.close)
        served = {
            country: await stack.enter_async_context(desks(network, tmp_path, [PAGES], country))
            for country in ("XAA", "XBB")
        }
        yield Two(network, served)


def at(ref: str, verb: str, **query: str) -> str:
    """Return the path of a step."""
    more = "&".join(f"{name}={value}" for name, value in query.items())
    return f"/cases/{ref}/steps/{verb}" + (f"?{more}" if more else "")


def posted(verb: str, value: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what the form of ``verb`` posts for ``value``."""
    return list(forms.fill(body_fields(act_bodies.TAKES[verb]), value, ZONE).items())


async def open_step(who: Officer, ref: str, verb: str, **query: str) -> Answer:
    """Open the page of a step, and give a reason where it asks for one."""
    page = await who.get(at(ref, verb, **query))
    if 'name="why"' in page.text:
        page = await who.post(page.path, {"why": "it is my case", "look": "yes"})
    return page


async def choose(who: Officer, ref: str, outcome: str) -> Answer:
    """Open the page of an answer and choose what was found."""
    await open_step(who, ref, "reply")
    return await who.post(at(ref, "reply"), {"b.outcome": outcome, "go": "yes"})


async def walk(who: Officer, ref: str, verb: str, value: Mapping[str, Any] | None = None, **query: str) -> Answer:
    """Take a step as a person does: the page, its form, the page to confirm, the case."""
    path = at(ref, verb, **query)
    page = await open_step(who, ref, verb, **query)
    assert 200 == page.status, page.words
    if value is not None:
        page = await who.post(path, posted(verb, value))
        assert 200 == page.status, page.words
        assert "Nothing has been" in page.words
    return await confirm(who, path)


async def confirm(who: Officer, path: str) -> Answer:
    """Send the form of the page to confirm as a browser does: a name that stands there twice is sent twice."""
    assert who.last is not None
    form = who.last.text.partition(f'action="{path}"')[2].partition("</form>")[0]
    hidden = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', form)
    return await who.post(path, [(unescape(name), unescape(value)) for name, value in hidden])


async def sign(two: Two, who: Officer, ref: str, verb: str) -> Answer:
    """Sign what the page of a step shows, with a code."""
    page = await open_step(who, ref, verb)
    assert 200 == page.status, page.words
    assert "Nothing has been signed yet" in page.words
    return await who.post(at(ref, verb), {"code": two.code(who)})


def test_every_step_has_a_text() -> None:
    """No step is without title, effect, button and what the other State learns; and no text is of none."""
    assert set(VERBS) == set(TEXTS)
    for text in TEXTS.values():
        assert all((text.title, text.does, text.learns, text.button, text.done))


Story = Callable[[Network], Awaitable[tuple[str, ...]]]


async def _drafted(network: Network) -> tuple[str, ...]:
    return (await network.gateways["XAA"].clear.new(story.draft(), "first"),)


async def _cleared(network: Network) -> tuple[str, ...]:
    return (await story.cleared(network),)


async def _frozen(network: Network) -> tuple[str, ...]:
    found = await story.acknowledged(network)
    await network.gateways["XAA"].hold.freeze(found[0], "a reason", "first", "case_officer")
    return found


async def _asked(network: Network) -> tuple[str, ...]:
    found = await story.acknowledged(network)
    await network.gateways["XBB"].answer.ask(found[1], ["BIRTH_PLACE"], 2, "first")
    await network.deliver()
    return found


async def _recalled(network: Network) -> tuple[str, ...]:
    found = await homeward.departed(network)
    await network.gateways["XAA"].returning.recall(found[0], "why", "UNSAFE", "2026-12-20", "first", "case_officer")
    return found


async def _considered(network: Network) -> tuple[str, ...]:
    found = await story.acknowledged(network, handling=homeward.HANDLING)
    await story.give_answer(network, found[1], story.reply())
    await network.deliver()
    await network.gateways["XAA"].returning.consider(found[0], homeward.record(), "first", "case_officer")
    return found


async def _interview(network: Network) -> tuple[str, ...]:
    found = await story.acknowledged(network, method_limit="M2", no_contact_methods=False)
    await network.gateways["XBB"].answer.ask_interview(found[1], PROPOSAL, "first")
    await network.deliver()
    return found


async def _suspended(network: Network) -> tuple[str, ...]:
    found = await homeward.accepted(network)
    await network.gateways["XAA"].returning.suspend(found[0], "a reason", "first", "case_officer")
    return found


PROPOSAL: Mapping[str, Any] = {
    "mode": "VIDEO",
    "place": "REMOTE",
    "present": ["LAWYER", "INTERPRETER"],
    "questions": "IDENTITY_ONLY",
    "from": "2026-12-07",
    "until": "2026-12-18",
}
CONSENT = {"language": "ru", "by": "interpreter", "on": "2026-11-25", "copy_given": True, "revoked_on": None}

STORIES: Mapping[str, Story] = {
    "draft": _drafted,
    "cleared": _cleared,
    "received": story.received,
    "acknowledged": story.acknowledged,
    "frozen": _frozen,
    "asked": _asked,
    "interview": _interview,
    "replied": story.replied,
    "considered": _considered,
    "assessed": homeward.assessed,
    "prepared": homeward.prepared,
    "proposed": homeward.proposed,
    "accepted": homeward.accepted,
    "suspended": _suspended,
    "documented": homeward.documented,
    "scheduled": homeward.scheduled,
    "departed": homeward.departed,
    "delivered": homeward.delivered,
    "handed over": homeward.handed_over,
    "recalled": _recalled,
}
"""How a case gets somewhere along the way."""


@pytest.mark.parametrize("tale", STORIES)
async def test_each_step_of_each_state_has_a_page_for_who_may_take_it(two: Two, tale: str) -> None:
    """What the tables allow opens and names its step; in two of the states, that all the rest is refused is tried."""
    refs = await STORIES[tale](two.network)
    for country, ref in zip(("XAA", "XBB"), refs, strict=False):
        row = await story.row(two.network, country, ref)
        stopped_by = {person for person, _ in (await story.case(two.network, country, ref)).holders}
        for name, roles in PEOPLE.items():
            if name in ("board", "writer", "office"):
                continue  # their desks are elsewhere, or they take no step in a case
            who = await two.officer(country, name)
            open_ = {
                verb: set(fitting) & VERBS[verb].roles(Side(row.side))
                for verb, fitting in allowed(Side(row.side), State(row.state), frozenset(roles))
            }
            for verb in VERBS:
                if open_.get(verb) and verb not in (
                    "amend",
                    "attachment",
                    "attachment-removal",
                    "remark",
                    "remark-confirmation",
                    "approval",
                    "send",
                    "protocol",
                ):
                    page = await open_step(who, ref, verb)
                    assert 200 == page.status, (country, name, verb, page.words)
                    text = text_of(verb, row.side, row.state, is_own=name in stopped_by)
                    assert text.title in page.words, (country, name, verb)
                elif not open_.get(verb) and tale in ("acknowledged", "assessed"):
                    page = await who.get(at(ref, verb))
                    assert page.status in (403, 409), (country, name, verb, page.status)


async def test_a_stop_is_two_actions_from_the_case(two: Two) -> None:
    """The case page leads to the stop, and its one button stops; a reason stands there already."""
    ref, _ = await story.acknowledged(two.network)
    who = await two.officer("XAA", "first")
    case = await who.get(f"/cases/{ref}")
    assert at(ref, "freeze") in case.text
    page = await who.get(at(ref, "freeze"))
    assert "does not learn that the case was stopped" in page.words
    page = await who.post(at(ref, "freeze"), {"b.reason": page.form(at(ref, "freeze"))["b.reason"]})
    assert f"/cases/{ref}" == page.path
    assert "The case is stopped" in page.words
    assert "FROZEN" == await story.state(two.network, "XAA", ref)


@pytest.mark.parametrize("side", Side)
def test_who_stops_a_case_reads_whether_the_other_state_is_told(side: Side) -> None:
    """A veto of the State that is asked is heard there; the page said that nothing is sent, wherever it stopped."""
    rows = [row for row in table_for(side).rows if row.event == "freeze"]
    told, said = set(), set()
    for row in rows:
        kit = return_support if return_support.concerns(row) else support
        case = kit.good_case(side, row)
        if row.source is State.UNDELIVERED:  # somebody may come all the same
            case = replace(case, said={"return.proposal": {}})
        _, effects = step(table_for(side), case, kit.good_event(row, case), support.NOW)
        text = freeze_text(side, row.source)
        told |= {row.source} if any(isinstance(one, Send) for one in effects) else set()
        said |= {row.source} if "Nothing is sent" not in text.learns else set()
        assert not text.sends or row.source in told, row
    assert told <= said
    assert (said == set()) == (side is Side.REQUESTING)


async def test_who_stops_a_stopped_case_reads_that_it_is(two: Two) -> None:
    """The button of a case that stands still no longer says that it stops it; each who stops it has to let go."""
    ref, _ = await story.acknowledged(two.network)
    await two.network.gateways["XAA"].hold.freeze(ref, "doubt", "second", "liaison_officer")
    who = await two.officer("XAA", "first")
    case = await who.get(f"/cases/{ref}")
    assert ("Stop the case at once" in case.words, "Add your own stop" in case.words) == (False, True)
    assert "stopped already" in (await who.get(at(ref, "freeze"))).words


async def test_who_has_stopped_a_case_is_not_asked_to_stop_it_too(two: Two) -> None:
    """What can be added is a reason, or a need of protection that became known since; another is asked as before."""
    ref, _ = await story.acknowledged(two.network)
    who, other = await two.officer("XAA", "first"), await two.officer("XAA", "second")
    await who.get(at(ref, "freeze"))
    await who.post(at(ref, "freeze"), {"b.reason": "doubt"})
    for path in (f"/cases/{ref}", at(ref, "freeze"), at(ref, "withdraw")):
        assert "Add to your own stop" in (await who.get(path)).words
        assert "Add to your own stop" not in (await other.get(path)).words
    await who.get(at(ref, "freeze"))
    page = await who.post(at(ref, "freeze"), {"b.reason": "another doubt"})
    assert "You stop the case as before." in page.words
    assert "another doubt" in str((await story.case(two.network, "XAA", ref)).freeze_reason)


async def test_who_stops_a_withdrawn_request_reads_what_that_does(two: Two) -> None:
    """It stays withdrawn, and word of that leaves: nothing is taken back, and nobody lets it go on."""
    ref, _ = await _frozen(two.network)
    await two.network.gateways["XAA"].hold.withdraw(ref, "first", "case_officer")
    who = await two.officer("XAA", "first")
    page = await who.get(at(ref, "freeze"))
    assert "stays withdrawn" in page.words
    assert "taken out of the outbox" not in page.words
    page = await who.post(at(ref, "freeze"), {"b.reason": "in danger"})
    assert "resume" not in page.words
    assert "WITHDRAWN" == await story.state(two.network, "XAA", ref)


async def test_a_state_takes_back_what_it_sent_itself(two: Two) -> None:
    """Who asks is offered the elements, and who is asked the reply alone: anything else was refused (R-16)."""
    refs = await story.replied(two.network)
    found = []
    for country, ref, verb in (
        ("XAA", refs[0], "strike"),
        ("XAA", refs[0], "rectification"),
        ("XBB", refs[1], "strike"),
    ):
        page = await (await two.officer(country, "first")).get(at(ref, verb))
        parts = re.findall(r'name="b.parts" type="checkbox" value="([A-Z_]+)"', page.text)
        found.append((len(parts) > 1, "REPLY" in parts))
    assert [(True, False), (True, False), (False, True)] == found


async def test_who_suspends_a_suspended_case_reads_that_it_is(two: Two) -> None:
    """Pressed again, it adds a holder who has to let go as well; the page said that the case stands still from now."""
    ref, _ = await story.acknowledged(two.network)
    who = await two.officer("XAA", "first")
    titles = []
    for state in (State.ACKNOWLEDGED, State.SUSPENDED):
        await story.put(two.network, "XAA", ref, state, resume_to=State.ACKNOWLEDGED)
        words = (await who.get(f"/cases/{ref}")).words
        page = (await who.get(at(ref, "suspension"))).words
        titles.append(("Suspend the case too" in words, "suspended already" in page))
    assert [(False, False), (True, True)] == titles


def test_each_stop_says_how_many_let_the_case_go_on() -> None:
    """Whoever stops chooses between two ways that read alike; by the tables they differ in who ends them."""
    for verb, state in (("freeze", State.FROZEN), ("suspension", State.SUSPENDED)):
        rows = [row for side in Side for row in table_for(side).rows if (row.source, row.event) == (state, "resume")]
        assert len(rows) >= 2
        how = {"it takes two persons" if "second_person" in row.guards else "one person lets it" for row in rows}
        assert {one for one in how if one in TEXTS[verb].does} == how


async def test_who_calls_back_once_more_reads_that_no_other_day_is_told(two: Two) -> None:
    """The page asked for a day that the other State would learn, and once it knows of one nothing more is said."""
    ref, _ = await story.acknowledged(two.network)
    who, found = await two.officer("XAA", "first"), []
    for state in (State.DEPARTED, State.RECALL):
        await story.put(two.network, "XAA", ref, state)
        page = await who.get(at(ref, "recall"))
        found.append(("Call back once more" in page.words, "A day that it was told stays" in page.words))
    assert [(False, False), (True, True)] == found


async def test_a_stop_is_one_press_from_each_page_of_a_step(two: Two) -> None:
    """Before an answer is signed or sent its page leads to the stop, for who may; the page of a stop to no other."""
    _, theirs = await story.acknowledged(two.network)
    await two.network.gateways["XBB"].answer.prepare(theirs, story.reply("NOT_FOUND"), "first", "registry_clerk")
    stop, found = f'govuk-button--warning" href="{at(theirs, "freeze")}"', []
    for name, verb in (("first", "reply"), ("first", "answer"), ("signer", "countersignature"), ("first", "freeze")):
        page = await open_step(await two.officer("XBB", name), theirs, verb)
        assert 200 == page.status, (name, verb)
        found.append(stop in page.text)
    assert [True, True, False, False] == found


async def test_whoever_stops_a_case_attests_no_none(two: Two) -> None:
    """The page of a stop does not offer a protection state that only its authority attests, nor does it take it."""
    ref = await story.sent(two.network)
    who = await two.officer("XAA", "first")
    page = await who.get(at(ref, "freeze"))
    assert 'value="indicated"' in page.text
    assert 'value="none"' not in page.text
    page = await who.post(at(ref, "freeze"), {"b.reason": "x", "b.protection.state": "none"})
    assert 422 == page.status
    assert "SENT" == await story.state(two.network, "XAA", ref)


async def test_a_withdrawal_is_confirmed_on_a_page_of_its_own(two: Two) -> None:
    """Opening the page withdraws nothing; confirming it does, and the case says so."""
    ref, _ = await _frozen(two.network)
    who = await two.officer("XAA", "first")
    page = await who.get(at(ref, "withdraw"))
    assert "Nothing has been sent yet" in page.words
    assert 1 == page.words.count(TEXTS["withdraw"].does)  # where the button is, and not above it as well
    assert "FROZEN" == await story.state(two.network, "XAA", ref)
    page = await who.post(at(ref, "withdraw"), {"confirm": "yes"})
    assert "The request is withdrawn here. If it had left, the other State is told at the next full hour." in page.words
    assert "WITHDRAWN" == await story.state(two.network, "XAA", ref)


async def test_what_was_filled_in_is_repeated_before_it_is_done_and_can_be_changed(two: Two) -> None:
    """The confirm page says codes in words, carries the values on, and leads back to the form with them in it."""
    _, theirs = await story.acknowledged(two.network)
    who = await two.officer("XBB", "first")
    path = at(theirs, "delay")
    await who.get(path)
    page = await who.post(path, {"b.reason": "ARCHIVE_SEARCH", "b.eta": "2026-12-20"})
    assert "Nothing has been sent yet" in page.words
    assert "2026-12-20" in page.words
    assert "ARCHIVE_SEARCH" not in page.words
    back = await who.post(path, {"change": "yes"})
    assert ("ARCHIVE_SEARCH", "2026-12-20") == tuple(back.form(path)[one] for one in ("b.reason", "b.eta"))
    await who.post(path, {"b.reason": "ARCHIVE_SEARCH", "b.eta": "2026-12-21"})
    page = await who.post(path, {"confirm": "yes"})
    assert "notice of delay is in the outbox" in page.words
    assert {"reason": "ARCHIVE_SEARCH", "eta": "2026-12-21", "extension": False, "due_on": None} == (
        await story.payload(two.network, "XBB", theirs, "verification.delay")
    ).body


BAD: Mapping[str, tuple[str, Any, int, str]] = {
    "31 February": ("delay", {"b.reason": "ARCHIVE_SEARCH", "b.eta": "2026-02-31"}, 422, "a day that exists"),
    "an unknown code": ("delay", {"b.reason": "LAZY", "b.eta": "2026-12-20"}, 422, "answers that are listed"),
    "a mark of direction": ("delay", {"b.reason": "ARCHIVE_SEARCH", "b.eta": "2026-12-20\u202e"}, 422, "invisible"),
    "a control character": ("freeze", {"b.reason": "a\x07b"}, 422, "invisible"),
    "10,000 characters": ("freeze", {"b.reason": "x" * 10_000}, 422, "too long"),
    "1,000 rows": ("use-report", {"b.held": "no", "b.restrictions_kept": "yes", "b.uses.rows": "1000"}, 422, "rows"),
    "a number of rows that is none": ("use-report", {"b.held": "x", "b.uses.rows": "-1"}, 422, "choose an answer"),
    "more fields than a form has": ("freeze", {f"b.{n}": "x" for n in range(1_001)}, 413, "too large"),
    "no verb": ("nothing", {}, 404, "no such page"),
    "a verb of the other side": ("withdraw", {"confirm": "yes"}, 409, "moved on"),
    "a verb that is not for now": ("countersignature", {"statement": "a.b.c"}, 403, "role"),
}
"""What a person or a program may post to XBB's acknowledged case: the verb, the fields, the answer."""


@pytest.mark.parametrize(("verb", "fields", "status", "words"), BAD.values(), ids=BAD)
async def test_bad_input_changes_nothing(two: Two, verb: str, fields: Any, status: int, words: str) -> None:
    """Whatever is posted, the page says what is wrong, and the case stands where it stood."""
    ours, theirs = await story.acknowledged(two.network)
    await two.network.gateways["XAA"].notices.ask_use(ours, "first", "case_officer")
    await two.network.deliver()
    who = await two.officer("XBB", "first")
    await who.get(at(theirs, "freeze"))
    fields = {**fields, "confirm": "yes"}
    page = await who.post(at(theirs, verb), fields)
    assert (status, True) == (page.status, words in page.words), page.words
    assert "ACKNOWLEDGED" == await story.state(two.network, "XBB", theirs)


async def test_a_problem_leads_to_its_field_and_keeps_what_was_typed(two: Two) -> None:
    """The summary links to the id of the field; no other field loses its value."""
    _, theirs = await story.acknowledged(two.network)
    who = await two.officer("XBB", "first")
    await who.get(at(theirs, "delay"))
    page = await who.post(at(theirs, "delay"), {"b.reason": "ARCHIVE_SEARCH", "b.eta": "soon"})
    assert 'href="#b.eta"' in page.text
    assert 'id="b.eta"' in page.text
    assert "ARCHIVE_SEARCH" == page.form(at(theirs, "delay"))["b.reason"]


async def test_a_form_sent_twice_acts_once(two: Two) -> None:
    """The second submission of the same page is sent where the first one led."""
    ref, _ = await story.acknowledged(two.network)
    who = await two.officer("XAA", "first")
    page = await who.get(at(ref, "freeze"))
    once = {**page.form(at(ref, "freeze")), "b.reason": "now"}
    first = await who.send("POST", at(ref, "freeze"), data=once)
    second = await who.send("POST", at(ref, "freeze"), data=once)
    assert (303, 303) == (first.status, second.status)
    assert first.location == second.location == f"/cases/{ref}"


async def test_two_officers_at_once(two: Two) -> None:
    """The one who comes second is told that the case moved on, and nothing is done twice."""
    ours, _ = await _frozen(two.network)
    one, other = await two.officer("XAA", "first"), await two.officer("XAA", "second")
    await one.get(at(ours, "withdraw"))
    await other.get(at(ours, "withdraw"))
    assert 200 == (await one.post(at(ours, "withdraw"), {"confirm": "yes"})).status
    late = await other.post(at(ours, "withdraw"), {"confirm": "yes"})
    assert 409 == late.status
    assert "moved on" in late.words


async def test_who_goes_back_after_a_step_does_not_read_that_it_was_not_done(two: Two) -> None:
    """The page of a step that was taken, opened again, says that it may have been; nothing was pressed there."""
    ours, _ = await _frozen(two.network)
    who = await two.officer("XAA", "first")
    await who.get(at(ours, "withdraw"))
    assert 200 == (await who.post(at(ours, "withdraw"), {"confirm": "yes"})).status
    back = await who.get(at(ours, "withdraw"))
    said = ["Nothing was done" in back.words, "It was taken already, or the case has moved on." in back.words]
    assert (409, [False, True]) == (back.status, said)
    assert f"/cases/{ours}" in links_of(back.text)


async def test_a_rule_that_refuses_is_said_with_the_step(two: Two) -> None:
    """What stands against it is named, nothing was sent, and the way back is there."""
    ours, _ = await _frozen(two.network)
    who = await two.officer("XAA", "second")
    await who.get(at(ours, "release"))
    page = await who.post(at(ours, "release"), {"confirm": "yes"})
    assert 422 == page.status
    assert "A rule stands against this step" in page.words
    assert 'class="desk-interruption" role="alert" tabindex="-1" data-focus' in page.text  # is read first


async def test_what_a_rule_refuses_now_is_said_before_it_is_pressed(two: Two) -> None:
    """A case in which a question about data is open is not closed: its page says so, and has no button until then."""
    ours, _ = await story.replied(two.network)
    asked = Notice(USE_REQUEST, False, 1, "2026-11-25", {"number": 1})
    who, found = await two.officer("XAA", "first"), []
    for notices in ((asked,), ()):
        await story.put(two.network, "XAA", ours, State.REPLIED, notices=notices)
        page = await who.get(at(ours, "close"))
        refused = "A rule stands against this step" in page.words and "R-17" in page.words
        found.append((page.status, refused, f'action="{at(ours, "close")}"' in page.text))
    assert [(200, True, False), (200, False, True)] == found


async def test_a_rule_that_refuses_for_several_reasons_is_named_once(two: Two) -> None:
    """The sentence of a rule says the same each time; on the day of a departure one rule may lack several things."""
    ours, _ = await homeward.scheduled(two.network)
    who = await two.officer("XAA", "escort")
    await who.get(at(ours, "departure"))
    page = await who.post(at(ours, "departure"), {"confirm": "yes"})
    named = re.findall(r"<li><strong><bdi>([^<]+)</bdi>", page.text)
    assert (422, sorted(set(named))) == (page.status, sorted(named))
    assert "R-12" in named


async def test_a_departure_of_the_past_is_not_confirmed_as_one_of_now(two: Two) -> None:
    """Whoever says when it was, after a restore that took it, is asked to confirm that, and not that she leaves now."""
    ours, _ = await homeward.scheduled(two.network)
    who = await two.officer("XAA", "escort")
    await who.get(at(ours, "departure"))
    page = await who.post(at(ours, "departure"), {"b.left_at": "2026-11-14 08:40"})
    assert "2026-11-14 08:40" in page.words
    assert "begins now" not in page.words


async def test_case_that_says_another_age_is_not_named_without_a_reason(two: Two) -> None:
    """Whoever is refused learns that there is one, and for a reason which it is."""
    hers: Any = {"elements": {**story.ADULT["elements"], "document": {"type": "P", "number": "AB 1", "issuer": "XBB"}}}
    ours, _ = await story.acknowledged(two.network, **hers)
    gateway = two.network.gateways["XAA"]
    await gateway.hold.freeze(ours, "doubt", "first", "case_officer")
    await gateway.hold.release(ours, "first", "case_officer")
    await gateway.hold.resume(ours, "first", "case_officer")
    child = await gateway.clear.new(story.draft(**homeward.MINOR, **hers), "first")
    who = await two.officer("XAA", "second")
    await who.get(at(ours, "resume"))
    page = await who.post(at(ours, "resume"), {"confirm": "yes"})
    assert (422, False, True) == (page.status, child in page.words, "Another case with the same number" in page.words)


async def test_letting_go_is_offered_to_who_stopped_the_case(two: Two) -> None:
    """And to nobody whom the rule would refuse (V-07); of two roles the page takes the one it was stopped in."""
    ours, _ = await story.acknowledged(two.network)
    hold = two.network.gateways["XAA"].hold
    await hold.freeze(ours, "doubt", "second", "liaison_officer")
    held = [name for name, roles in PEOPLE.items() if "release" in _open_to(roles)]
    pages = {name: await (await two.officer("XAA", name)).get(f"/cases/{ours}") for name in held}
    assert {"first", "second", "welfare", "protection"} <= set(held)
    assert ["second"] == [name for name, page in pages.items() if at(ours, "release") in page.text]
    assert at(ours, "apart") not in pages["first"].text  # this gateway holds it for no other case of the person
    page = await walk(await two.officer("XAA", "second"), ours, "release")
    assert "You have let go of the case" in page.words
    assert at(ours, "release") not in page.text


async def test_no_way_on_is_offered_that_the_stop_bars(two: Two) -> None:
    """While somebody holds the case nobody is offered to resume it, nor the authority to say it is another person."""
    ours, _ = await story.acknowledged(two.network)
    hold = two.network.gateways["XAA"].hold
    await hold.freeze(ours, "doubt", "second", "liaison_officer")
    here = [name for name in PEOPLE if name not in ("board", "writer", "office")]
    pages = {name: (await (await two.officer("XAA", name)).get(f"/cases/{ours}")).text for name in here}
    assert {"apart", "resume"} <= {*_open_to(PEOPLE["protection"]), *_open_to(PEOPLE["first"])}
    barred = (at(ours, "resume"), at(ours, "apart"))
    assert [] == [(name, path) for name, page in pages.items() for path in barred if path in page]
    await hold.release(ours, "second", "liaison_officer")
    assert at(ours, "resume") in (await (await two.officer("XAA", "first")).get(f"/cases/{ours}")).text


async def test_what_is_prepared_is_offered_to_be_signed_and_sent_once_it_can_be(two: Two) -> None:
    """Nobody approves what they wrote, and nothing is sent that waits for a signature: each would be refused."""
    network, returning = two.network, two.network.gateways["XAA"].returning

    async def offered(country: str, ref: str, path: str) -> list[str]:
        names = [name for name in PEOPLE if name not in ("board", "writer", "office")]
        pages = {name: (await (await two.officer(country, name)).get(f"/cases/{ref}")).text for name in names}
        return [name for name in names if f'href="{path}"' in pages[name]]

    draft = await network.gateways["XAA"].clear.new(story.draft(), "second", "liaison_officer")
    assert "second" not in await offered("XAA", draft, f"/cases/{draft}/approve")
    _, theirs = await story.acknowledged(network)
    answer = network.gateways["XBB"].answer
    pending = await answer.prepare(theirs, story.reply("NOT_FOUND"), "first")
    assert ([], ["signer"]) == (
        await offered("XBB", theirs, at(theirs, "answer")),
        await offered("XBB", theirs, at(theirs, "countersignature")),
    )
    thread = (await story.row(network, "XBB", theirs)).thread
    signed = network.approval(pending.digest, thread, "signer", "reply.second-signature", "second_signer")
    await answer.countersign(theirs, signed, "signer")
    assert "first" in await offered("XBB", theirs, at(theirs, "answer"))
    ours, _ = await homeward.assessed(network)
    proposal = await returning.prepare(ours, homeward.PLAN, "first", "case_officer")
    assert ["coordinator"] == await offered("XAA", ours, at(ours, "endorsement"))  # an adult's is not for child welfare
    await homeward.approve(network, ours, proposal, "return.approval")
    assert [] == await offered("XAA", ours, at(ours, "propose"))
    await homeward.endorse(network, ours, proposal)
    assert "first" in await offered("XAA", ours, at(ours, "propose"))


async def test_who_tells_apart_reads_whether_their_word_decides(two: Two) -> None:
    """The first of two persons sends nothing by it; the second is told before that it leaves, and after that it did."""
    ours, _ = await homeward.departed(two.network)
    hold, network = two.network.gateways["XAA"].hold, two.network
    other = await network.gateways["XAA"].clear.new(story.draft(to="XCC"), "first")
    await hold.freeze(other, "she asks for it", "protection", "asylum_authority", ATTESTED)
    first, second = await two.officer("XAA", "first"), await two.officer("XAA", "second")
    for who in (first, second):
        assert "Nothing is sent by the first word." in (await who.get(at(ours, "apart"))).words
    page = await walk(first, ours, "apart", {"why": "the photographs differ"})
    assert "A second, other person has to say the same." in page.words
    assert "Nothing is sent by the first word." in (await first.get(at(ours, "apart"))).words
    assert "Yours is the second word" in (await second.get(at(ours, "apart"))).words
    page = await walk(second, ours, "apart", {"why": "I looked at both"})
    assert ("A second" in page.words, "the gateway has let go" in page.words) == (False, True)


async def test_what_a_destruction_destroys_is_said_on_either_side(two: Two) -> None:
    """Where we were asked the whole case goes; where we asked what came goes, and the case is closed by it."""
    ours, theirs = await story.replied(two.network)
    await two.network.gateways["XBB"].notices.demand_erasure(theirs, "first", "registry_clerk")
    await two.network.gateways["XAA"].notices.demand_erasure(ours, "first", "case_officer")
    await two.network.deliver()
    asking = (await (await two.officer("XAA", "second")).get(at(ours, "destruction"))).words
    asked = (await (await two.officer("XBB", "second")).get(at(theirs, "destruction"))).words
    assert (True, False) == ("its reply too, and the case is closed" in asking, "with its key" in asking)
    assert (False, True) == ("the case is closed" in asked, "destroyed with its key" in asked)


async def test_a_request_that_is_set_aside_is_said_not_to_be_asked_anew(two: Two) -> None:
    """Who closes a suspended request reads before and after what that is; of another nothing of it stands."""
    other, _ = await story.replied(two.network)
    who = await two.officer("XAA", "first")
    page = await walk(who, other, "close")
    assert ("The case is closed." in page.words, "set aside" in page.words) == (True, False)
    ours, _ = await story.acknowledged(two.network)
    await open_step(who, ours, "suspension")
    await who.post(at(ours, "suspension"), posted("suspension", {"reason": "somebody doubts it"}))
    page = await who.get(at(ours, "close"))
    assert "is set aside by this for good" in page.words
    assert "stop the case and withdraw it instead" in page.words
    page = await confirm(who, at(ours, "close"))
    assert "The other State is not asked anew." in page.words
    assert "it is set aside. The other State was not told so" in page.words


def _open_to(roles: list[str]) -> list[str]:
    """Return the steps that the tables give to ``roles`` in a case that is stopped."""
    return [verb for verb, _ in allowed(Side.REQUESTING, State.FROZEN, frozenset(roles))]


async def test_an_unknown_case_and_another_ones_invitation(two: Two) -> None:
    """Neither says more than that there is no such case here."""
    ours, _ = await story.acknowledged(two.network)
    other = await story.sent(two.network)
    who = await two.officer("XAA", "first")
    assert 404 == (await who.get(at("A" * 22, "freeze"))).status
    guest = await two.desks["XAA"].guest(ours, "guardian")
    assert 404 == (await guest.get(at(other, "freeze"))).status


async def test_who_may_never_take_a_step_learns_nothing_of_the_case(two: Two) -> None:
    """The answer is the same whether there is such a case or not."""
    ours, _ = await story.acknowledged(two.network)
    who = await two.officer("XAA", "issuer")
    known, unknown = await who.get(at(ours, "freeze")), await who.get(at("A" * 22, "freeze"))
    assert (403, known.words) == (unknown.status, unknown.words)


async def looks_at(desk: Desk, ref: str) -> list[str]:
    """Return the looks at a case that are on record, the oldest first."""
    rows = await desk.gateway.inquiries.audit(ref=ref)
    return [row.action for row in reversed(rows)]


async def test_nothing_on_record_is_shown_without_a_reason(two: Two) -> None:
    """The page that answers asks why first; each look at it is recorded before it is shown."""
    _, theirs = await story.acknowledged(two.network)
    who = await two.officer("XBB", "first")
    before = await looks_at(two.desks["XBB"], theirs)
    family = story.ADULT["elements"]["names"][0]["family"]
    page = await who.get(at(theirs, "reply"))
    assert "Why do you need to see it?" in page.words
    assert family not in page.text
    page = await who.post(at(theirs, "reply"), {"why": "", "look": "yes"})
    assert 422 == page.status
    assert family not in page.text
    page = await who.post(at(theirs, "reply"), {"why": "to answer the request", "look": "yes"})
    assert family in page.text
    assert [*before, "view"] == await looks_at(two.desks["XBB"], theirs)


async def test_a_look_that_cannot_be_recorded_shows_nothing(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the record of the look fails, so does the page."""
    from gateway.services import access
    from gateway.services.ports import Unavailable

    _, theirs = await story.acknowledged(two.network)
    who = await two.officer("XBB", "first")
    await open_step(who, theirs, "reply")

    async def fails(*_: Any, **__: Any) -> None:
        raise Unavailable("no disk", "")

    monkeypatch.setattr(access, "record", fails)
    page = await who.get(at(theirs, "reply"))
    assert 503 == page.status
    assert story.ADULT["elements"]["names"][0]["family"] not in page.text


async def test_the_one_authority_there_is_is_chosen_by_somebody(two: Two) -> None:
    """Whoever points to another authority sees to which, also where the directory has one alone."""
    _, theirs = await story.received(two.network)
    page = await (await two.officer("XBB", "first")).get(at(theirs, "redirect"))
    assert re.search(r'name="b.authority.id" type="radio" value="XBB-ID-01"(?! checked)', page.text)


async def test_an_answer_is_chosen_among_those_that_fit_the_question(two: Two) -> None:
    """Outcomes are those of the purpose; it is said that not found is not no; reasons are those of the outcome."""
    _, theirs = await story.acknowledged(two.network)
    who = await two.officer("XBB", "first")
    page = await open_step(who, theirs, "reply", role="registry_clerk")
    assert "Not found is not no" in page.words
    assert 'value="NATIONAL"' in page.text
    assert 'value="PR_AT_DATE"' not in page.text
    page = await choose(who, theirs, "NOT_NATIONAL")
    assert 'value="DIFFERENT_PERSON_MATCHED"' in page.text
    assert 'value="REGISTER_LOST"' not in page.text
    page = await choose(who, theirs, "NOT_FOUND")
    assert "b.reason" not in page.text
    assert "b.match_basis" not in page.text
    assert "signature of a second signer" in page.words


async def test_no_address_of_an_answer_tells_what_was_found(two: Two) -> None:
    """History, proxies and whatever reads an address learn no outcome; it goes on in the form, also over a sign-in."""
    _, theirs = await story.acknowledged(two.network)
    who, path = await two.officer("XBB", "first"), at(theirs, "reply")
    pages = [await open_step(who, theirs, "reply"), await who.post(path, {"go": "yes"})]
    assert (422, True) == (pages[1].status, "Choose what was found." in pages[1].words)
    pages += [await choose(who, theirs, "NOT_FOUND")]
    form = {**pages[-1].form(path), "b.method_used": "POPULATION_REGISTER"}
    pages += [await who.post(path, form)]
    assert "Nothing has been changed yet" in pages[-1].words
    pages += [await who.post(path, {"change": "yes"})]
    two.network.clock.pass_(minutes=16)
    late = await who.send("POST", path, data=form)
    assert late.location.startswith("/sign-in?")
    again = await two.officer("XBB", "first")
    page = await open_step(again, theirs, "reply")
    assert ("NOT_FOUND", True) == (page.form(path)["b.outcome"], 'value="POPULATION_REGISTER" checked' in page.text)
    places = [
        late.location,
        *(place for one in pages for place in (one.path, *re.findall(r'(?:href|action)="([^"]*)', one.text))),
    ]
    assert [] == [place for place in places if "outcome=" in place or "NOT_FOUND" in place]


async def test_an_answer_that_is_not_positive_is_signed_and_sent(two: Two) -> None:
    """The clerk prepares, the second signer signs exactly that text with a code, the clerk sends it."""
    ours, theirs = await story.acknowledged(two.network)
    clerk, signer = await two.officer("XBB", "first"), await two.officer("XBB", "signer")
    path = at(theirs, "reply")
    await choose(clerk, theirs, "NOT_FOUND")
    page = await clerk.post(
        path,
        {
            "b.as_of": "2026-11-25",
            "b.method_used": ["POPULATION_REGISTER"],
            "b.confidence": "NONE",
            "b.signed_by_role": "REGISTRAR",
        },
    )
    assert "Nothing has been changed yet" in page.words, page.words
    page = await clerk.post(path, {"confirm": "yes"})
    assert "The answer is prepared" in page.words
    case = await story.case(two.network, "XBB", theirs)
    shown = await open_step(signer, theirs, "countersignature")
    assert "sign nothing and tell first , who prepared it" in shown.words
    assert case.pending.digest in shown.words
    # Whoever says no as the second person sees of whom: without that it is no second look.
    assert case.received["elements"]["birth_date"] in shown.words
    page = await signer.post(at(theirs, "countersignature"), {"code": two.code(signer)})
    assert "Signed. The answer can be sent now." in page.words
    assert "sign" in await looks_at(two.desks["XBB"], theirs)
    page = await walk(clerk, theirs, "answer")
    assert "in the outbox" in page.words
    await two.network.deliver()
    assert "NOT_FOUND" == (await story.case(two.network, "XAA", ours)).reply["outcome"]


async def test_what_was_shown_is_what_is_signed(two: Two) -> None:
    """If something else is prepared after the page was opened, its proof signs nothing."""
    _, theirs = await story.acknowledged(two.network)
    answer = two.network.gateways["XBB"].answer
    await answer.prepare(theirs, story.reply("NOT_FOUND"), "first")
    signer = await two.officer("XBB", "signer")
    await open_step(signer, theirs, "countersignature")
    await answer.prepare(theirs, story.reply("NOT_FOUND", method_used=["PASSPORT_REGISTER"]), "first")
    page = await signer.post(at(theirs, "countersignature"), {"code": two.code(signer)})
    assert 422 == page.status
    assert "nothing was signed" in page.words
    assert (await story.case(two.network, "XBB", theirs)).pending.statement is None


@pytest.mark.parametrize("code", ["", "000000", "12345", "code"])
async def test_a_wrong_code_signs_nothing(two: Two, code: str) -> None:
    """The page is shown again with a new question, and nothing is signed."""
    _, theirs = await story.acknowledged(two.network)
    await two.network.gateways["XBB"].answer.prepare(theirs, story.reply("NOT_FOUND"), "first")
    signer = await two.officer("XBB", "signer")
    await open_step(signer, theirs, "countersignature")
    page = await signer.post(at(theirs, "countersignature"), {"code": code})
    assert 422 == page.status
    assert "nothing was signed" in page.words


async def test_nothing_prepared_is_said(two: Two) -> None:
    """A step that signs is open before there is anything to sign; its page says so."""
    _, theirs = await story.acknowledged(two.network)
    signer = await two.officer("XBB", "signer")
    page = await open_step(signer, theirs, "countersignature")
    assert (200, True) == (page.status, "There is nothing here that this step could be about" in page.words)


async def test_who_has_no_proof_of_presence_is_told_what_to_do(two: Two) -> None:
    """Without a passkey and without codes what is signed is shown, and no button."""
    _, theirs = await story.acknowledged(two.network)
    await two.network.gateways["XBB"].answer.prepare(theirs, story.reply("NOT_FOUND"), "first")
    signer = await two.desks["XBB"].officer("signer")
    page = await open_step(signer, theirs, "countersignature")
    assert "Ask the operator for a link" in page.words
    assert 'name="proof"' not in page.text


async def test_whose_key_lies_elsewhere_is_told_before_they_sign(two: Two) -> None:
    """They prove presence for nothing else: what is signed is shown, where it can be signed is said, and no button."""
    _, theirs = await story.acknowledged(two.network)
    await two.network.gateways["XBB"].answer.prepare(theirs, story.reply("NOT_FOUND"), "first")
    signer = await two.officer("XBB", "signer")
    none = open_store("env:KEYS", environ={"KEYS": b64.encode(b"{}")})
    two.desks["XBB"].site.hand = Hand(none, two.network.gateways["XBB"].context.persons)
    page = await open_step(signer, theirs, "countersignature")
    assert (200, True) == (page.status, "No key of yours is held here" in page.words)
    assert 'name="code"' not in page.text


async def test_whose_key_no_card_lists_is_told_so(two: Two) -> None:
    """Whoever may sign by their role, and would sign for nothing abroad, reads that and who sets it right."""
    _, theirs = await story.acknowledged(two.network)
    await two.network.gateways["XBB"].answer.prepare(theirs, story.reply("NOT_FOUND"), "first")
    signer, context = await two.officer("XBB", "signer"), two.network.gateways["XBB"].context
    await open_step(signer, theirs, "countersignature")
    assert context.own is not None
    context.own = replace(context.own, roles=())
    page = await signer.post(at(theirs, "countersignature"), {"code": two.code(signer)})
    assert (403, True) == (page.status, "card does not list your key for this role" in page.words)
    assert "Your role does not allow this" not in page.words


async def test_a_demand_is_answered_by_its_number(two: Two) -> None:
    """Only what is open can be answered, and the number stands on the page before the act."""
    ours, theirs = await story.replied(two.network)
    clerk = await two.officer("XBB", "first")
    page = await clerk.get(at(theirs, "confirmation"))
    assert "There is nothing here" in page.words
    await two.network.gateways["XAA"].notices.strike(ours, ["BIRTH_DATE"], "first", "case_officer")
    await two.network.deliver()
    await clerk.get(at(theirs, "confirmation"))
    page = await clerk.post(at(theirs, "confirmation"), {"b.result": "DONE"})
    assert "Number 1 of 2026-11-25" in page.words
    page = await clerk.post(at(theirs, "confirmation"), {"confirm": "yes"})
    assert "confirmation is in the outbox" in page.words


async def test_a_number_of_a_travel_document_is_not_kept(two: Two) -> None:
    """Only its digest for this case goes on to the next page and to the other State."""
    ours, theirs = await homeward.accepted(two.network)
    returning = two.network.gateways["XAA"].returning
    await returning.record(ours, homeward.record(decision=homeward.DECISION), "first", "case_officer")
    await returning.decide(ours, "coordinator", "coordinator")
    pending = await returning.prepare_document(ours, "2026-12-10", "first", "case_officer")
    await homeward.approve(two.network, ours, pending, "travel.approval")
    await returning.request_document(ours, "first", "case_officer")
    await two.network.deliver()
    issuer = await two.officer("XBB", "issuer")
    await issuer.get(at(theirs, "issue"))
    fields = {**dict(posted("issue", homeward.DOCUMENT)), "b.number_digest": "R 1234567"}
    page = await issuer.post(at(theirs, "issue"), fields)
    assert "1234567" not in page.text
    page = await issuer.post(at(theirs, "issue"), {"confirm": "yes"})
    assert "travel document is in the outbox" in page.words
    body = (await story.payload(two.network, "XBB", theirs, "travel-document.issued")).body
    assert 43 == len(body["document"]["number_digest"])


async def test_a_return_goes_all_the_way_through_the_pages(two: Two) -> None:
    """From the positive reply to a handover signed by both hands, every step on a page of who may take it."""
    network = two.network
    ours, theirs = await story.acknowledged(network, handling=homeward.HANDLING)
    await story.give_answer(network, theirs, story.reply())
    await network.deliver()

    async def step(country: str, name: str, verb: str, value: Mapping[str, Any] | None = None) -> None:
        ref = ours if country == "XAA" else theirs
        page = await walk(await two.officer(country, name), ref, verb, value)
        assert TEXTS[verb].done in page.words, (verb, page.words)

    async def signed(country: str, name: str, verb: str) -> None:
        page = await sign(two, await two.officer(country, name), ours if country == "XAA" else theirs, verb)
        assert TEXTS[verb].done in page.words, (verb, page.words)

    async def approved(kind: str) -> None:
        await homeward.approve(network, ours, (await story.case(network, "XAA", ours)).pending, kind)

    await step("XAA", "first", "consideration", homeward.record())
    await step("XAA", "coordinator", "assessment")
    await step("XAA", "first", "proposal", homeward.PLAN)
    await approved("return.approval")
    await signed("XAA", "coordinator", "endorsement")
    await step("XAA", "first", "propose")
    await network.deliver()
    await step("XBB", "first", "acceptance", homeward.ANSWER)
    await signed("XBB", "second", "accept")
    await network.deliver()
    await step("XAA", "first", "record", homeward.record(decision=homeward.DECISION))
    await step("XAA", "coordinator", "decision")
    await step("XAA", "first", "document", {"needed_by": "2026-12-10"})
    await approved("travel.approval")
    await step("XAA", "first", "document-request")
    await network.deliver()
    await step("XBB", "issuer", "issue", homeward.DOCUMENT)
    await network.deliver()
    planned = homeward.record(decision=homeward.DECISION, travel=homeward.TRAVEL)
    await step("XAA", "first", "record", planned)
    await step("XAA", "second", "schedule", {**homeward.JOURNEY, "escort": {"count": 2, "refs": []}})
    plan = (await story.payload(network, "XAA", ours, "return.schedule")).body
    assert (2, 2) == (plan["escort"]["count"], len(set(plan["escort"]["refs"])))
    homeward.move_to(network, homeward.DEPARTS_AT - timedelta(hours=71))
    await network.deliver()
    homeward.move_to(network, homeward.DEPARTS_AT + timedelta(minutes=12))
    await network.refresh()
    today = {**planned, "contacts_given_on": "2026-12-11", "reconfirmation": homeward.RECONFIRMATION}
    await step("XAA", "first", "record", today)
    await step("XAA", "escort", "departure", {"arrives_at": None})
    await network.deliver()
    homeward.move_to(network, homeward.DEPARTS_AT + timedelta(hours=5))
    escort = await two.officer("XAA", "escort")
    await open_step(escort, ours, "handover")
    protocol = posted("protocol", {"protocol": homeward.PROTOCOL})
    page = await escort.post(at(ours, "handover"), protocol)
    assert "Nothing has been signed yet" in page.words, page.words
    assert "Change what I filled in" in page.words
    back = await escort.post(at(ours, "handover"), {"change": "yes"})
    typed = back.form(at(ours, "handover"))
    assert dict(protocol)["b.protocol.place.unit"] == typed["b.protocol.place.unit"]  # nobody fills all of it in again
    await escort.post(at(ours, "handover"), protocol)
    page = await escort.post(at(ours, "handover"), {"code": two.code(escort)})
    assert TEXTS["handover"].done in page.words, page.words
    await network.deliver()
    await signed("XBB", "reception", "handover-confirmation")
    await network.deliver()
    assert ("HANDED_OVER", "HANDED_OVER") == await homeward.states(network, ours, theirs)
    hands = [one for one in (await story.case(network, "XAA", ours)).releases if one.kind.startswith("handover.")]
    told_until = wire.format_instant(network.clock.now() + timedelta(days=190))
    assert [True, True] == [told_until < one.valid_until for one in hands], "a hand is heard after a line was down"


async def test_a_look_of_the_receiving_hand_is_recorded_once(two: Two) -> None:
    """Whoever checks the log counts looks: a page that showed what is signed is one, for the reason that was given."""
    _, theirs = await homeward.delivered(two.network)
    reception = await two.officer("XBB", "reception")
    page = await open_step(reception, theirs, "handover-confirmation")
    assert "Nothing has been signed yet" in page.words
    gateway = two.network.gateways["XBB"]

    async def unit(tx: Tx) -> list[tuple[str, str]]:
        held = await cases.load(gateway.context, tx, theirs)
        rows = [row for row in await tx.accesses(theirs) if row.person == "reception"]
        return [(row.action, access.justification_of(gateway.context, held, row)) for row in rows]

    assert [("preview", "it is my case")] == await gateway.context.store.read(unit)


async def test_an_interview_is_proposed_agreed_and_reported_through_the_pages(two: Two) -> None:
    """Both desks take their steps; what leaves is what was filled in."""
    ours, theirs = await story.acknowledged(two.network, method_limit="M2", no_contact_methods=False)
    officer, clerk = await two.officer("XAA", "first"), await two.officer("XBB", "first")
    assert TEXTS["interview"].done in (await walk(clerk, theirs, "interview", PROPOSAL)).words
    await two.network.deliver()
    path = at(ours, "interview-consent")
    await officer.get(path)
    await officer.post(
        path, posted("interview-consent", {"present": ["INTERPRETER"], "on": "2026-12-10", "consent": CONSENT})
    )
    page = await confirm(officer, path)
    assert (422, True) == (page.status, 'href="#b.present"' in page.text)
    answer = {"present": ["LAWYER", "INTERPRETER"], "on": "2026-12-10", "consent": CONSENT}
    page = await walk(officer, ours, "interview-consent", answer)
    assert TEXTS["interview-consent"].done in page.words, page.words
    pending = (await story.case(two.network, "XAA", ours)).pending
    thread = await homeward.thread(two.network, ours)
    signed = two.network.approval(pending.digest, thread, "second", "interview.approval", "liaison_officer")
    await two.network.gateways["XAA"].clear.approve(ours, signed, "second")
    assert TEXTS["interview-agreement"].done in (await walk(officer, ours, "interview-agreement")).words
    await two.network.deliver()
    homeward.move_to(two.network, datetime(2026, 12, 10, 15, tzinfo=UTC))
    await two.network.refresh()
    clerk = await two.officer("XBB", "first")
    result = {"result": "HELD", "on": "2026-12-10", "outcome": "SUPPORTS", "present": ["LAWYER", "INTERPRETER"]}
    page = await walk(clerk, theirs, "interview-result", result)
    assert TEXTS["interview-result"].done in page.words, page.words


async def test_right_values_are_prepared_by_one_and_signed_by_another(two: Two) -> None:
    """The record is corrected and the message is in the outbox with exactly the values that were shown."""
    ours, _ = await story.replied(two.network)
    officer, other = await two.officer("XAA", "first"), await two.officer("XAA", "second")
    value = {"parts": ["BIRTH_DATE"], "elements": {"birth_date": "1998-03-04"}}
    page = await walk(officer, ours, "rectification", value)
    assert TEXTS["rectification"].done in page.words, page.words
    page = await sign(two, other, ours, "rectification-approval")
    assert TEXTS["rectification-approval"].done in page.words, page.words
    body = (await story.payload(two.network, "XAA", ours, "rectification")).body
    assert value["elements"] == body["elements"]


async def test_a_record_is_corrected_from_what_stands_there(two: Two) -> None:
    """The form begins with what is on record, and what is kept is what was changed in it."""
    ours, _ = await _frozen(two.network)
    who = await two.officer("XAA", "first")
    page = await open_step(who, ours, "correction", role="case_officer")
    path = at(ours, "correction", role="case_officer")
    fields = {name: value for name, value in page.form(path).items() if name.startswith("b.")}
    page = await who.post(path, {**fields, "b.elements.birth_date": "1998-03-04", "b.why": "a slip of the pen"})
    assert "1998-03-04" in page.words, page.words
    page = await who.post(path, {"confirm": "yes"})
    assert TEXTS["correction"].done in page.words
    elements = (await story.case(two.network, "XAA", ours)).draft["elements"]
    assert {**story.ADULT["elements"], "birth_date": "1998-03-04"} == elements


async def test_a_row_is_added_by_a_button(two: Two) -> None:
    """Without script: the page comes back with one row more, everything typed still in it, and nothing is done."""
    _, theirs = await homeward.proposed(two.network)
    who = await two.officer("XBB", "first")
    path = at(theirs, "acceptance", role="registry_clerk")
    await who.get(path)
    fields = dict(posted("acceptance", homeward.ANSWER))
    page = await who.post(path, {**fields, "add": "b.receiving_services"})
    assert 200 == page.status
    assert "2" == page.form(path)["b.receiving_services.rows"]
    assert {**fields, "b.receiving_services.rows": "2"}.items() <= page.form(path).items()


async def test_whoever_holds_two_roles_says_in_which_they_act(two: Two) -> None:
    """The page names the role and leads to the other; the step is recorded in the one that was chosen."""
    _, theirs = await story.acknowledged(two.network)
    who = await two.officer("XBB", "first")
    page = await who.get(at(theirs, "freeze", role="registry_clerk"))
    assert "You act in this role: Registry clerk." in page.words
    assert at(theirs, "freeze", role="case_officer") in page.text
    await who.post(at(theirs, "freeze", role="registry_clerk"), {"b.reason": "stop"})
    assert (("first", "registry_clerk"),) == (await story.case(two.network, "XBB", theirs)).holders


@pytest.mark.parametrize("lang", ["fr", "ar"])
async def test_a_step_speaks_the_visitors_language(two: Two, lang: str) -> None:
    """Codes come in the visitor's language, and the page says which way it is written."""
    _, theirs = await story.acknowledged(two.network)
    who = await two.desks["XBB"].officer("first", language=lang)
    page = await who.get(at(theirs, "delay"))
    assert (200, True) == (page.status, f'lang="{lang}"' in page.text)
    assert "Archive search" not in page.words


STOPS = frozenset(
    {"freeze", "suspension", "recall", "withdraw", "decline", "cancellation", "interview-refusal", "refusal"}
)


def test_a_stop_is_not_held_to_what_was_seen() -> None:
    """Whoever stops waits for nothing; what replaces, counts or leaves is held to what was seen."""
    assert not [verb for verb in STOPS if VERBS[verb].compared]
    assert VERBS["record"].compared


async def test_the_authority_decides_on_the_record_it_saw(two: Two) -> None:
    """A record that was replaced while the page of the decision was open does not count as assessed."""
    ours, theirs = await story.acknowledged(two.network, handling=homeward.HANDLING, **homeward.MINOR)
    await story.give_answer(two.network, theirs, story.reply())
    await two.network.deliver()
    returning = two.network.gateways["XAA"].returning
    await returning.consider(ours, homeward.record(True), "first", "case_officer")
    who = await two.officer("XAA", "welfare")
    assert 200 == (await who.get(at(ours, "assessment"))).status
    other = {**homeward.record(True), "views": {"heard_on": "2026-11-24", "by": "somebody else"}}
    await returning.record(ours, other, "first", "case_officer")
    assert 409 == (await who.post(at(ours, "assessment"), {"confirm": "yes"})).status
    assert State.CONSIDERED is (await story.case(two.network, "XAA", ours)).state
    await walk(who, ours, "assessment")
    assert State.ASSESSED is (await story.case(two.network, "XAA", ours)).state


async def test_the_answer_that_leaves_is_the_one_that_was_there(two: Two) -> None:
    """Another answer was prepared while the page of sending was open: that one does not leave by it."""
    _, theirs = await story.acknowledged(two.network)
    answer = two.network.gateways["XBB"].answer
    await answer.prepare(theirs, story.reply(), "first")
    who = await two.officer("XBB", "first")
    assert 200 == (await who.get(at(theirs, "answer"))).status
    await answer.prepare(theirs, story.reply(signed_by_role="DESK_HEAD"), "second", "desk_head")
    assert 409 == (await who.post(at(theirs, "answer"), {"confirm": "yes"})).status
    assert State.REPLIED is not (await story.case(two.network, "XBB", theirs)).state
    await walk(who, theirs, "answer")
    assert State.REPLIED is (await story.case(two.network, "XBB", theirs)).state


async def test_an_answer_does_not_take_the_place_of_one_that_was_not_shown(two: Two) -> None:
    """What a colleague found and prepared meanwhile stays, and is shown; sent once more, that was seen."""
    _, theirs = await story.acknowledged(two.network)
    who, path = await two.officer("XBB", "first"), at(theirs, "reply")
    await choose(who, theirs, "NOT_FOUND")
    prepared = await two.network.gateways["XBB"].answer.prepare(theirs, story.reply(), "second", "desk_head")
    typed = {"b.as_of": "2026-11-25", "b.method_used": ["POPULATION_REGISTER"], "b.confidence": "NONE"}
    await who.post(path, {**typed, "b.signed_by_role": "REGISTRAR"})
    page = await who.post(path, {"confirm": "yes"})
    assert (409, True) == (page.status, "Prepared already, by second" in page.words)
    assert prepared == (await story.case(two.network, "XBB", theirs)).pending
    assert 'value="POPULATION_REGISTER" checked' in page.text, "what was typed stands there still"
    await who.post(path, {**typed, "b.signed_by_role": "REGISTRAR"})
    page = await who.post(path, {"confirm": "yes"})
    assert "The answer is prepared" in page.words
    assert "first" == (await story.case(two.network, "XBB", theirs)).pending.author


async def test_a_correction_does_not_undo_another(two: Two) -> None:
    """The page shows what was recorded meanwhile beside what was typed; sent once more, that was seen."""
    ours, _ = await _frozen(two.network)
    who, path = await two.officer("XAA", "first"), at(ours, "correction", role="case_officer")
    page = await open_step(who, ours, "correction", role="case_officer")
    fields = {name: value for name, value in page.form(path).items() if name.startswith("b.")}
    theirs = {**story.draft()["elements"], "birth_date": "1999-12-31"}
    await two.network.gateways["XAA"].hold.correct(ours, theirs, "the right day", "second", "liaison_officer")
    await who.post(path, {**fields, "b.why": "a wrong spelling"})
    page = await confirm(who, path)
    assert (409, True) == (page.status, "1999-12-31" in page.words)
    assert "1999-12-31" == (await story.case(two.network, "XAA", ours)).draft["elements"]["birth_date"]
    again = {name: value for name, value in page.form(path).items() if name.startswith("b.")}
    assert {**fields, "b.why": "a wrong spelling"} == again
    await who.post(path, {**again, "b.elements.birth_date": "1999-12-31"})
    assert TEXTS["correction"].done in (await confirm(who, path)).words


async def test_a_correction_that_came_late_is_taken_where_nobody_changed_anything(two: Two) -> None:
    """The page does not say that somebody changed the record, for nobody did."""
    ours, _ = await _frozen(two.network)
    who, path = await two.officer("XAA", "first"), at(ours, "correction", role="case_officer")
    page = await open_step(who, ours, "correction", role="case_officer")
    fields = {name: value for name, value in page.form(path).items() if name.startswith("b.")}
    two.network.clock.pass_(minutes=20)
    late = {**fields, "b.why": "a wrong spelling", "b.elements.birth_date": "1999-12-31"}
    await who.post(path, late, follow=False)
    again = await two.officer("XAA", "first")
    page = await open_step(again, ours, "correction", role="case_officer")
    assert "a wrong spelling" in page.text
    await again.post(path, {name: value for name, value in page.form(path).items() if name.startswith("b.")})
    assert TEXTS["correction"].done in (await confirm(again, path)).words


async def test_a_correction_that_came_late_does_not_undo_another(two: Two) -> None:
    """What was typed in a session that ended comes back, with the state of the record that it was typed over."""
    ours, _ = await _frozen(two.network)
    who, path = await two.officer("XAA", "first"), at(ours, "correction", role="case_officer")
    page = await open_step(who, ours, "correction", role="case_officer")
    fields = {name: value for name, value in page.form(path).items() if name.startswith("b.")}
    two.network.clock.pass_(minutes=20)
    await who.post(path, {**fields, "b.why": "a wrong spelling"}, follow=False)
    theirs = {**story.draft()["elements"], "birth_date": "1999-12-31"}
    await two.network.gateways["XAA"].hold.correct(ours, theirs, "the right day", "second", "liaison_officer")
    again = await two.officer("XAA", "first")
    page = await open_step(again, ours, "correction", role="case_officer")
    assert "a wrong spelling" in page.text
    fields = {name: value for name, value in page.form(path).items() if name.startswith("b.")}
    await again.post(path, fields)
    assert 409 == (await confirm(again, path)).status
    assert "1999-12-31" == (await story.case(two.network, "XAA", ours)).draft["elements"]["birth_date"]


async def test_age_and_guardian_are_set_right_over_what_stands_there(two: Two) -> None:
    """Child welfare sees for a reason what is recorded, and replaces it; what a colleague said meanwhile is shown."""
    ours, _ = await story.acknowledged(two.network, **homeward.MINOR)
    hold = two.network.gateways["XAA"].hold
    await hold.freeze(ours, "the record is wrong", "welfare", "child_welfare")
    who, path = await two.officer("XAA", "welfare"), at(ours, "restatement", role="child_welfare")
    page = await open_step(who, ours, "restatement", role="child_welfare")
    fields = {name: value for name, value in page.form(path).items() if name.startswith("b.")}
    assert "Family Court" == fields["b.representative.signed_by"]
    fields[REFERENCE] = homeward.MINOR["representative"]["ref"]
    unknown = {"class": "unknown", "decision": None}
    await hold.restate(ours, unknown, homeward.MINOR["representative"], "so it was said", "welfare", "child_welfare")
    await who.post(path, {**fields, "b.why": "the court was another", "b.representative.signed_by": "Youth Court"})
    page = await confirm(who, path)
    assert 409 == page.status
    again = {name: value for name, value in page.form(path).items() if name.startswith("b.")}
    await who.post(path, again)
    assert TEXTS["restatement"].done in (await confirm(who, path)).words
    case = await story.case(two.network, "XAA", ours)
    assert (2, "Youth Court") == (len(case.earlier), case.draft["representative"]["signed_by"])


async def test_who_represents_a_minor_instead_gets_a_reference_of_their_own(two: Two) -> None:
    """Which guardian it is is to be said: with the reference of the one before, what was signed for him would stand."""
    ours, _ = await story.acknowledged(two.network, **homeward.MINOR)
    await two.network.gateways["XAA"].hold.freeze(ours, "the record is wrong", "welfare", "child_welfare")
    who, path = await two.officer("XAA", "welfare"), at(ours, "restatement", role="child_welfare")
    page = await open_step(who, ours, "restatement", role="child_welfare")
    fields = {name: value for name, value in page.form(path).items() if name.startswith("b.")}
    fields |= {"b.why": "another was appointed", "b.representative.signed_by": "Youth Court"}
    before, other = re.findall(f'name="{REFERENCE}" type="radio" value="([^"]+)"', page.text)
    assert (homeward.MINOR["representative"]["ref"], 22) == (before, len(other))
    page = await who.post(path, fields)
    assert (422, True) == (page.status, "Which guardian or representative this is: choose" in page.words)
    page = await who.post(path, {**fields, REFERENCE: other})
    assert "Another one, who is appointed instead" in page.words
    assert TEXTS["restatement"].done in (await confirm(who, path)).words
    assert other == (await story.case(two.network, "XAA", ours)).draft["representative"]["ref"]
    page = await open_step(who, ours, "restatement", role="child_welfare")
    await who.post(path, {**fields, "b.why": "the first one after all", REFERENCE: before})
    assert before not in re.findall(f'name="{REFERENCE}" type="radio" value="([^"]+)"', who.last.text)


async def test_a_guardian_is_not_taken_out_without_a_word(two: Two) -> None:
    """Whoever leaves the guardian empty reads that there is none before it is so; age is nothing that is left empty."""
    ours, _ = await story.acknowledged(two.network, **homeward.MINOR)
    await two.network.gateways["XAA"].hold.freeze(ours, "the record is wrong", "welfare", "child_welfare")
    who, path = await two.officer("XAA", "welfare"), at(ours, "restatement", role="child_welfare")
    page = await open_step(who, ours, "restatement", role="child_welfare")
    fields = {name: value for name, value in page.form(path).items() if name.startswith("b.")}
    emptied = {name: "" if "representative" in name else value for name, value in fields.items()}
    page = await who.post(path, {**emptied, "b.why": "he was never appointed"})
    assert (200, True) == (page.status, "Guardian or representative none" in page.words), page.words
    assert 422 == (await who.post(path, {**dict.fromkeys(fields, ""), "b.why": "nothing is filled in"})).status
    assert homeward.MINOR["representative"] == (await story.case(two.network, "XAA", ours)).draft["representative"]


async def test_a_record_of_a_return_does_not_undo_another(two: Two) -> None:
    """What a colleague recorded meanwhile stays, and stands beside what was typed."""
    ours, theirs = await story.acknowledged(two.network, handling=homeward.HANDLING, **homeward.MINOR)
    await story.give_answer(two.network, theirs, story.reply())
    await two.network.deliver()
    returning = two.network.gateways["XAA"].returning
    await returning.consider(ours, homeward.record(True), "first", "case_officer")
    who, path = await two.officer("XAA", "first"), at(ours, "record", role="case_officer")
    await open_step(who, ours, "record", role="case_officer")
    theirs_now = {**homeward.record(True), "views": {"heard_on": "2026-11-19", "by": "the guardian in Vienna"}}
    await returning.record(ours, theirs_now, "second", "liaison_officer")
    await who.post(path, posted("record", homeward.record(True)))
    page = await confirm(who, path)
    assert (409, True) == (page.status, "the guardian in Vienna" in page.words)
    assert theirs_now == (await story.case(two.network, "XAA", ours)).record
