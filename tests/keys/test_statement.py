"""Statements: exactly this, by this key, until then."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from keys import jws, statement
from keys.errors import BadStatement
from keys.sign import SigningKey
from keys.statement import Statement
from schemas import ijson

UNTIL = datetime(2026, 4, 1, tzinfo=UTC)
MADE = Statement("A" * 22, "reply.second-signature", "second_signer", "A" * 43, UNTIL)
WANTED: dict[str, Any] = {
    "thread": MADE.thread,
    "kind": MADE.statement,
    "role": MADE.role,
    "digest": MADE.digest,
}


def test_round_trip(role_signer: SigningKey) -> None:
    """What was made is what is verified."""
    raw = statement.make(MADE, role_signer)
    assert MADE == statement.verify(raw, **WANTED, key=role_signer.public, now=UNTIL)


def test_names_its_key(role_signer: SigningKey) -> None:
    """A statement says by which key to look for it."""
    made, parts = statement.parse(statement.make(MADE, role_signer))
    assert (MADE, role_signer.kid) == (made, parts.kid)


OTHERS = {
    "thread": "B" * 21 + "A",
    "kind": "case.release",
    "role": "desk_head",
    "digest": "B" * 42 + "A",
}


@pytest.mark.parametrize(("name", "value"), OTHERS.items(), ids=OTHERS.keys())
def test_for_something_else(role_signer: SigningKey, name: str, value: str) -> None:
    """A statement for another thread, act, role or body counts for nothing here."""
    raw = statement.make(MADE, role_signer)
    with pytest.raises(BadStatement, match="another"):
        statement.verify(raw, **{**WANTED, name: value}, key=role_signer.public, now=UNTIL)


def test_by_another_key(role_signer: SigningKey, signer: SigningKey) -> None:
    """A statement by a key other than the one listed counts for nothing."""
    raw = statement.make(MADE, signer)
    with pytest.raises(BadStatement, match="signature"):
        statement.verify(raw, **WANTED, key=role_signer.public, now=UNTIL)


def test_too_late(role_signer: SigningKey) -> None:
    """A statement ends after its last instant."""
    raw = statement.make(MADE, role_signer)
    with pytest.raises(BadStatement, match="no longer"):
        statement.verify(raw, **WANTED, key=role_signer.public, now=UNTIL + timedelta(seconds=1))


def test_every_byte_counts(role_signer: SigningKey) -> None:
    """A statement with any byte changed is refused."""
    raw = statement.make(MADE, role_signer)
    for place in range(len(raw)):
        changed = bytearray(raw)
        changed[place] ^= 1
        with pytest.raises(BadStatement):
            statement.verify(bytes(changed), **WANTED, key=role_signer.public, now=UNTIL)


CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "one member more": lambda claims: claims.update(note="x"),
    "one member less": lambda claims: claims.pop("role"),
    "unknown kind": lambda claims: claims.update(statement="other"),
    "unknown role": lambda claims: claims.update(role="other"),
    "instant of another form": lambda claims: claims.update(valid_until="2026-04-01"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_claims_of_another_form(role_signer: SigningKey, change: Callable[[dict[str, Any]], object]) -> None:
    """Claims that do not fit the schema are refused, although they are signed."""
    claims = ijson.loads(statement.parse(statement.make(MADE, role_signer))[1].payload)
    change(claims)
    with pytest.raises(BadStatement):
        statement.parse(jws.sign(ijson.dumps(claims), jws.TYP_STATEMENT, role_signer))


def test_message_is_no_statement(signer: SigningKey) -> None:
    """A JWS of another kind is no statement, whatever it holds."""
    payload = statement.parse(statement.make(MADE, signer))[1].payload
    with pytest.raises(BadStatement):
        statement.parse(jws.sign(payload, jws.TYP_MESSAGE, signer))


def test_make_refuses_unknown_role(signer: SigningKey) -> None:
    """A statement in a role that does not exist is not made."""
    with pytest.raises(BadStatement):
        statement.make(Statement(MADE.thread, MADE.statement, "other", MADE.digest, UNTIL), signer)
