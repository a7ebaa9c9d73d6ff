"""Every state and step has its words, and a value of a schema is read by its codes."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

import schemas
from gateway.core.case import Side, State
from gateway.core.tables import REQUESTED_ROWS, REQUESTING_ROWS
from gateway.services.reading import Step
from gateway.web import readable, words
from gateway.web.interior import case_view
from gateway.web.language import Tongue, tongue
from gateway.web.readable import Part
from tests.support import homeward, story

READ = {*schemas.message_types(), "case-draft", "return-record", "interview-consent"} - {"exercise"}
"""Schemas whose values are shown; an exercise is unwrapped when it arrives."""


@pytest.fixture
def english() -> Tongue:
    return tongue("en", "Europe/Vienna")


def test_every_state_has_words() -> None:
    """Where a case stands is said in words of its own, for each state once."""
    assert set(State) == set(words.STATES)
    assert len(set(words.STATES.values())) == len(State)
    assert set(Side) == set(words.SIDES)


def test_every_event_of_the_tables_has_words() -> None:
    """What the tables know happens, a timeline can say."""
    events = {row.event for row in (*REQUESTING_ROWS, *REQUESTED_ROWS)}
    assert set() == events - set(words.EVENTS)


def test_what_a_later_version_brings_is_shown_as_it_is(english: Tongue) -> None:
    """An unknown state, event or look is its own text, and no fault."""
    assert "NEW_STATE" == words.state(english, "NEW_STATE")
    assert "new_event" == words.event(english, "new_event")
    assert "new-look" == words.looked(english, "new-look")


def test_who_acted_is_a_role_a_state_or_a_gateway(english: Tongue) -> None:
    """The other State and this gateway are named as such, everybody else by role."""
    assert "The other State" == words.by(english, "partner")
    assert "This gateway" == words.by(english, "gateway") == words.by(english, "stop")
    assert "Case officer" == words.by(english, "case_officer")


def test_who_got_something_is_named(english: Tongue) -> None:
    """A State, a kind of body, a role and the person are told in words; nobody is an empty text."""
    assert "Test State XBB" == words.recipient(english, "XBB")
    assert "Police" == words.recipient(english, "POLICE")
    assert "Guardian" == words.recipient(english, "guardian")
    assert "The person" == words.recipient(english, "PERSON")
    assert "" == words.recipient(english, None)
    assert "SOMETHING" == words.recipient(english, "SOMETHING")


def leaves(parts: tuple[Part, ...]) -> list[Part]:
    """Return every part that is a text."""
    return [leaf for part in parts for leaf in (leaves(part.parts) if part.parts else [part])]


@pytest.mark.parametrize("name", sorted(READ))
def test_every_example_is_readable(english: Tongue, name: str) -> None:
    """Each valid example of each schema becomes parts with labels, and no code of a list is left as it is."""
    codes = {code for list_name in schemas.code_lists() for code in schemas.codes(list_name) if len(code) > 4}
    named = {code for code in codes if code.isupper()}
    for value in _examples(name):
        made = readable.parts(english, name, value)
        assert all(part.label for part in made)
        assert not {leaf.text for leaf in leaves(made)} & named


def _examples(name: str) -> list[dict[str, object]]:
    folder = Path(schemas.__file__).parent / "examples" / name / "valid"
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]


def test_null_is_left_out_and_no_and_none_stay(english: Tongue) -> None:
    """What is null says nothing; false is no, and an empty list is none."""
    made = {part.label: part for part in readable.parts(english, "return-record", homeward.record())}
    wish = {part.label: part.text for part in made["What the person wishes"].parts}
    assert "No" == wish["Is the person detained now?"]
    assert "To return" == wish["What the person chose"]
    assert "Reference of the interpreter" not in wish
    assert "Decision of the competent body" not in made
    empty = readable.parts(english, "return-record", homeward.record(assessments=[]))
    assert "None" == next(part.text for part in empty if part.label == "Assessments")


def test_what_the_schema_does_not_know_is_shown(english: Tongue) -> None:
    """A member that a later version brings stands there as it is."""
    made = readable.parts(english, "verification.delay", {"reason": "ARCHIVE_SEARCH", "mood": "calm"})
    assert ("mood", "calm") in [(part.label, part.text) for part in made]


def test_a_reason_is_read_by_the_list_it_is_of(english: Tongue) -> None:
    """A reply's reason is of one of three lists; the text is that of its own."""
    for list_name in ("reason_negative", "reason_refused", "reason_cannot_say"):
        code, texts = next(iter(schemas.codes(list_name).items()))
        made = readable.parts(english, "verification.reply", story.reply(reason=code))
        assert texts["en"] in [part.text for part in made]


def test_names_are_typed_and_codes_are_not(english: Tongue) -> None:
    """What somebody wrote stands apart from the direction around it; a text of ours does not."""
    made = leaves(readable.elements(english, story.draft()["elements"]))
    typed = {leaf.text: leaf.typed for leaf in made}
    assert typed["Иванова"]
    assert not typed[english.code("sex", "2")]


def test_instants_are_local(english: Tongue) -> None:
    """An instant with an offset is shown in the zone of the desk."""
    made = readable.parts(english, "return.handover", {"protocol": homeward.PROTOCOL})
    at = english.instant(datetime(2026, 12, 14, 12, 40, tzinfo=UTC))
    assert at in [leaf.text for leaf in leaves(made)]


@pytest.mark.parametrize("event", ["depart", "departure"])
def test_word_of_a_departure_is_not_dated_as_the_departure(english: Tongue, event: str) -> None:
    """A departure that a restore took is said days later: the day of a timeline is that of the word, and says so."""
    at = datetime(2026, 12, 14, 8, 30, tzinfo=UTC)
    (line,) = case_view.moments(english, [Step(at, event, "", "SCHEDULED", "DEPARTED")], ())
    assert "said that the journey began" in line.title
    assert line.text.startswith("Now: On the way. This is when it was said;")
