"""
Statements: acts that belong to a person or an authority and not to the gateway.

A statement signs the digest of the exact bytes of a body, or of an act, for one thread, in one role, until an instant.
The key is one that the card lists for that role; it need never lie on the gateway's disk (``docs/protocol.md``
section 6).
"""

from dataclasses import dataclass
from datetime import datetime

from keys import instants, jws
from keys.errors import BadJws, BadSignature, BadStatement
from keys.jws import Jws
from keys.sign import Signer
from schemas import SchemaError, ijson, validate


@dataclass(frozen=True, slots=True)
class Statement:
    """What is stated; ``thread`` and ``digest`` are base64url text, ``statement`` is the kind of act."""

    thread: str
    statement: str
    role: str
    digest: str
    valid_until: datetime


def make(statement: Statement, signer: Signer) -> bytes:
    """Return the JWS of ``statement`` by ``signer``. Raises ``BadStatement`` if it does not fit the schema."""
    claims = {
        "v": 1,
        "thread": statement.thread,
        "statement": statement.statement,
        "role": statement.role,
        "digest": statement.digest,
        "valid_until": instants.serialize(statement.valid_until),
    }
    _check_schema(claims)
    return jws.sign(ijson.dumps(claims), jws.TYP_STATEMENT, signer)


def parse(raw: bytes) -> tuple[Statement, Jws]:
    """Return what ``raw`` states and its JWS, the signature not yet verified. Raises ``BadStatement``."""
    try:
        parts = jws.parse(raw, jws.TYP_STATEMENT)
        claims = ijson.loads(parts.payload)
        _check_schema(claims)
        valid_until = instants.parse(claims["valid_until"])
    except (BadJws, ValueError) as error:
        raise BadStatement(str(error)) from error
    return Statement(claims["thread"], claims["statement"], claims["role"], claims["digest"], valid_until), parts


def verify(raw: bytes, *, thread: str, kind: str, role: str, digest: str, key: bytes, now: datetime) -> Statement:
    """
    Return the statement if it says exactly this, is by ``key`` (32 bytes), and is still valid at ``now``.

    Raises ``BadStatement``.
    """
    statement, parts = parse(raw)
    try:
        parts.verify(key)
    except BadSignature as error:
        raise BadStatement("the signature does not verify") from error
    wanted = {"thread": thread, "statement": kind, "role": role, "digest": digest}
    for name, value in wanted.items():
        if getattr(statement, name) != value:
            raise BadStatement(f"it is for another {name}")
    if now > statement.valid_until:
        raise BadStatement("it is no longer valid")
    return statement


def _check_schema(claims: dict[str, object]) -> None:
    try:
        validate("statement", claims)
    except SchemaError as error:
        raise BadStatement(str(error)) from error
