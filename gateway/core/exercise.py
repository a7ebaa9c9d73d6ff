"""
Exercises: the whole exchange with invented persons, which nobody and nothing can take for a real one.

Rule 1: every message of an exercise is of the type ``exercise`` inside the signature, and carries the message that is
exercised as its body. A reader that does not know exercises refuses it; one that does never finds a real type in it.
Rule 2: a thread is an exercise or it is not, from its first message to its last. Neither takes a message of the other.
Rule 3: the places and documents of an exercise are of invented States (codes XAA to XZZ), so a real person has no room.
Rule 4: a reference of an exercise begins with ``TST``, so every list, page and log line that names one shows it.

``docs/decisions/0012-exercise-mode.md`` says why it is so and not with keys of its own.
"""

from collections.abc import Mapping
from typing import Any, Final

from gateway.core.facts import Finding
from gateway.core.messages import EXERCISE, TYPES
from gateway.core.wire import Payload

MARK: Final = "TST"
"""Beginning of a reference; a real one begins with the time and reaches these letters after the year 4600."""

_HEAD: Final = '{"of":"'
_MIDDLE: Final = '","body":'


def wrap(type: str, body: str) -> str:
    """Return the body of the ``exercise`` message that carries ``body``, byte for byte, as one of ``type``."""
    return f"{_HEAD}{type}{_MIDDLE}{body}}}"


def unwrap(body: bytes) -> tuple[str, bytes]:
    """
    Return the type that is exercised and the exact bytes of its body, which people approve and statements sign.

    Raises ``ValueError`` for white space, escapes or another order around it: there is one form (M-5.37).
    """
    head, found, inner = body.partition(_MIDDLE.encode())
    if not (found and head.startswith(_HEAD.encode()) and inner.startswith(b"{") and inner.endswith(b"}}")):
        raise ValueError("not the one form of an exercise")
    type = head[len(_HEAD) :].decode("ascii", "replace")
    if type not in TYPES:
        raise ValueError("not a type that is exercised")
    return type, inner[:-1]


def body_of(payload: Payload) -> Mapping[str, Any]:
    """Return the body of a message; of one in an exercise, that of what is exercised."""
    return payload.body["body"] if payload.type == EXERCISE else payload.body


def invented(country: object) -> bool:
    """Return whether ``country`` is one of the codes that ISO 3166-1 leaves to users, XAA to XZZ, and not Kosovo's."""
    return isinstance(country, str) and len(country) == 3 and "XAA" <= country <= "XZZ" and country != "XKX"


def findings(elements: Mapping[str, Any]) -> tuple[Finding, ...]:
    """Return a finding (V-14) for each element of an exercise that names a State which exists."""
    return body_findings({"elements": elements})


def body_findings(body: Mapping[str, Any], within: str = "") -> tuple[Finding, ...]:
    """Return a finding (V-14) for each place, or issuer of a document, in ``body`` that is of a State which exists."""
    found: list[Finding] = []
    for name, value in body.items():
        if isinstance(value, Mapping):
            named = [value[key] for key in ("country", "issuer") if key in value]
            if any(not invented(country) for country in named):
                found.append(Finding("V-14", "an exercise names invented States only", f"{within}{name}"))
            found += body_findings(value, f"{within}{name}.")
    return tuple(found)


def is_exercise(ref: str) -> bool:
    """Return whether ``ref`` is the reference of a case of an exercise."""
    return ref.startswith(MARK)
