"""The catalogue of message types agrees with schemas and code lists."""

from itertools import combinations, pairwise

import pytest

import schemas
from gateway.core.messages import (
    ACCEPTANCE,
    HANDOVER,
    INFORMATION,
    METHODS_FOR,
    NEGATIVE_OUTCOMES,
    OUTCOMES_FOR,
    POSITIVE_OUTCOMES,
    PROPOSAL,
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
    assert set(schemas.codes("outcome")) == POSITIVE_OUTCOMES | NEGATIVE_OUTCOMES | {"CANNOT_SAY", "DOC_AUTHENTIC"}


def test_genuine_document_is_no_positive_reply() -> None:
    """That a document is authentic says nothing about who holds it, so no return can rest on it (R-04)."""
    assert "DOC_AUTHENTIC" in OUTCOMES_FOR["DOC_AUTHENTICITY"] - POSITIVE_OUTCOMES


def test_outcomes_answer_their_question() -> None:
    """Each outcome answers one of the questions, and only what says nothing answers more than one."""
    assert set(schemas.codes("outcome")) == set().union(*OUTCOMES_FOR.values())
    for one, other in combinations(OUTCOMES_FOR.values(), 2):
        assert {"NOT_FOUND", "CANNOT_SAY", "REFUSED"} == one & other


def test_methods_grow_with_the_limit() -> None:
    """A wider limit allows all that a narrower one allows, and the widest allows every method."""
    levels = [METHODS_FOR[limit] for limit in ("M0", "M1", "M2", "M3")]
    assert all(narrow < wide for narrow, wide in pairwise(levels))
    assert set(schemas.codes("method_used")) == levels[-1]


@pytest.mark.parametrize("limit", sorted(METHODS_FOR))
def test_no_contact_takes_out_the_enquiry(limit: str) -> None:
    """Without contact nobody is visited or asked about, whatever the limit."""
    assert METHODS_FOR[limit] - {"CONSULAR_INTERVIEW", "SOCIAL_ENQUIRY"} == allowed_methods(limit, True)
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
    """Beside replies, the two consents to a return, its handover and what is told of no person, nothing is signed."""
    signing = {REPLY, PROPOSAL, ACCEPTANCE, HANDOVER, *INFORMATION}
    assert all(required_statements(type, {"outcome": "NOT_FOUND"}) == () for type in TYPES.keys() - signing)


@pytest.mark.parametrize(
    ("represented", "ours", "theirs"), [(True, "welfare", "welfare"), (False, "coordinator", "desk_head")]
)
def test_return_needs_the_authority_in_charge_on_each_side(represented: bool, ours: str, theirs: str) -> None:
    """Who is represented is released and accepted by the welfare authorities of both States."""
    body = {"represented": represented, "decision": "accepted"}
    assert (("return.release", ours),) == required_statements(PROPOSAL, body)
    assert (("return.acceptance", theirs),) == required_statements(ACCEPTANCE, body)
    assert () == required_statements(ACCEPTANCE, {**body, "decision": "refused"})
