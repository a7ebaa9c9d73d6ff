"""The catalogue of message types agrees with schemas and code lists."""

from itertools import pairwise

import pytest

import schemas
from gateway.core.messages import (
    METHODS_FOR,
    NEGATIVE_OUTCOMES,
    OUTCOMES_FOR,
    POSITIVE_OUTCOMES,
    REPLY,
    TYPES,
    allowed_methods,
    event_name,
    required_statements,
)
from tests.core.support import BODIES, reply


def test_types_have_schemas() -> None:
    """Every type of the catalogue has a schema, and every message schema is a type."""
    assert set(schemas.message_types()) == set(TYPES)


def test_codes_are_those_of_the_list() -> None:
    """A type's catalogue code is the one the code list gives."""
    assert {row.type: row.code for row in TYPES.values()} == {
        type: code for code, types in schemas.catalogue().items() for type in types if type in TYPES
    }


def test_only_a_request_opens_a_thread() -> None:
    """No other type may begin a thread."""
    assert ["verification.request"] == [row.type for row in TYPES.values() if row.opens]


def test_personal_types_carry_conditions() -> None:
    """A type is personal exactly if its schema demands ``handling``."""
    demanding = {type for type in TYPES if "handling" in schemas.load(type)["required"]}
    assert demanding == {row.type for row in TYPES.values() if row.personal}


def test_outcomes_are_those_of_the_list() -> None:
    """Positive, negative and the one that says nothing are all outcomes there are."""
    assert set(schemas.codes("outcome")) == POSITIVE_OUTCOMES | NEGATIVE_OUTCOMES | {"CANNOT_SAY"}


def test_outcomes_answer_their_question() -> None:
    """Each outcome answers one of the two questions, and only what says nothing of either answers both."""
    assert set(schemas.codes("outcome")) == OUTCOMES_FOR["NATIONALITY"] | OUTCOMES_FOR["PERM_RESIDENCE"]
    assert {"NOT_FOUND", "CANNOT_SAY", "REFUSED"} == OUTCOMES_FOR["NATIONALITY"] & OUTCOMES_FOR["PERM_RESIDENCE"]


def test_methods_grow_with_the_limit() -> None:
    """A wider limit allows all that a narrower one allows, and the widest allows every method."""
    levels = [METHODS_FOR[limit] for limit in ("M0", "M1", "M2", "M3")]
    assert all(narrow < wide for narrow, wide in pairwise(levels))
    assert set(schemas.codes("method_used")) == levels[-1]


@pytest.mark.parametrize("limit", sorted(METHODS_FOR))
def test_no_contact_takes_out_the_enquiry(limit: str) -> None:
    """Without contact nobody is visited or asked about, whatever the limit."""
    assert METHODS_FOR[limit] - {"SOCIAL_ENQUIRY"} == allowed_methods(limit, True)
    assert METHODS_FOR[limit] == allowed_methods(limit, False)


def test_delay_that_extends_is_another_event() -> None:
    """A notice of delay is a delay, and an extension if it says so."""
    assert event_name("verification.delay", BODIES["delay"]) == "delay"
    assert event_name("verification.delay", BODIES["extension"]) == "extension"


def test_other_events_are_named_by_the_type() -> None:
    """Every other type has one event."""
    assert event_name(REPLY, reply()) == "reply"


@pytest.mark.parametrize("outcome", sorted(NEGATIVE_OUTCOMES))
def test_negative_reply_needs_a_second_signer(outcome: str) -> None:
    """Whatever is not positive needs a second signature on the wire."""
    assert (("reply.second-signature", "second_signer"),) == required_statements(REPLY, {"outcome": outcome})


@pytest.mark.parametrize("outcome", sorted(POSITIVE_OUTCOMES | {"CANNOT_SAY"}))
def test_other_replies_need_one_signer(outcome: str) -> None:
    """A yes, and a reply that says nothing, need no statement."""
    assert required_statements(REPLY, {"outcome": outcome}) == ()


def test_no_other_type_needs_a_statement() -> None:
    """A message that is no reply needs none."""
    assert all(required_statements(type, {"outcome": "NOT_FOUND"}) == () for type in TYPES if type != REPLY)
