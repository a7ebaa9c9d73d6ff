"""
What would leave, before anything leaves: the exact body bytes, and for each element of the file what happens to it.

Rule 1: the preview is the body. ``body`` is the text that ``send`` will embed; approval signs its digest.
Rule 2: a preview with findings can be looked at, and cannot be sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import schemas
from gateway.core.case import Pending
from gateway.core.elements import element_findings
from gateway.core.facts import Around, Facts, Finding, When
from gateway.core.messages import ELEMENTS, REQUEST
from gateway.core.minimise import Line, disclose
from gateway.core.remark import About, is_confirmed, is_waiting, wire_value
from gateway.core.rules import findings
from gateway.core.wire import payload_digest
from schemas import ijson

LEGAL_BASIS = "CONFIRMATION"
"""The one neutral legal-basis code: the same for a lost passport and for everything else."""


@dataclass(frozen=True, slots=True)
class Preview:
    """
    A body that would leave.

    ``body`` is its exact JSON text, ``digest`` base64url SHA-256 of its UTF-8 bytes, ``lines`` what happens to each
    element of the file, ``findings`` what forbids sending it.
    """

    type: str
    body: str
    digest: str
    lines: tuple[Line, ...]
    findings: tuple[Finding, ...]

    def pending(self, author: str) -> Pending:
        """Return the body as something ``author`` prepared and another person may sign."""
        return Pending(self.type, self.body, self.digest, author)


def body_digest(body: str) -> str:
    """Return base64url SHA-256 of the body's UTF-8 bytes."""
    return payload_digest(body.encode())


def body_text(type: str, value: Mapping[str, Any]) -> str:
    """Return the exact text of a body of ``type``. Raises ``schemas.SchemaError`` if ``value`` is none."""
    schemas.validate(type, value)
    return ijson.dumps(value).decode()


def prepared(type: str, value: Mapping[str, Any], author: str) -> Pending:
    """Return ``value`` as a body of ``type`` that ``author`` prepared. Raises ``schemas.SchemaError`` if it is none."""
    text = body_text(type, value)
    return Pending(type, text, body_digest(text), author)


def compose(
    draft: Mapping[str, Any],
    authority: str,
    now: datetime,
    *,
    around: Around,
    asked: tuple[str, ...] | None = None,
    renditions: Mapping[str, Any] | None = None,
    remark: About | None = None,
) -> Preview:
    """
    Compose the request for the national record ``draft`` (schema ``case-draft``), or the answer to a tier-2 question.

    ``authority`` is the asking authority's directory id; ``asked`` the elements a question named, ``None`` for the
    request itself; ``around`` what the rules look at beside the record; ``renditions`` the images drawn anew, as the
    case keeps them; ``remark`` what is known of a remark. Findings are those of composing and approving together:
    everything that would stop the body on its way out.
    """
    purpose, known = draft["purpose"], remark or About()
    disclosure = disclose(draft, purpose, asked, renditions)
    handling = {"purpose": purpose, "legal_basis": LEGAL_BASIS, **draft["handling"]}
    if asked is None:
        type = REQUEST
        value = {
            "handling": handling,
            "authority": {"id": authority},
            "method_limit": draft["method_limit"],
            "no_contact_methods": draft["no_contact_methods"],
            "elements": disclosure.elements,
        }
    else:
        type = ELEMENTS
        value = {"handling": handling, "elements": disclosure.elements}
    if known.remark is not None and is_confirmed(draft, known.remark):
        value["remark"] = wire_value(known.remark)
    body = ijson.dumps(value).decode()
    facts = Facts(now, draft, type, value, around=around, remark=known)
    found = dict.fromkeys(
        (
            *findings(When.COMPOSE, facts),
            *findings(When.APPROVE, facts),
            *disclosure.findings,
            *element_findings(disclosure.elements),
        )
    )
    lines = (*disclosure.lines, *_remark_line(draft, known, leaves="remark" in value))
    return Preview(type, body, body_digest(body), lines, tuple(found))


def _remark_line(draft: Mapping[str, Any], known: About, *, leaves: bool) -> tuple[Line, ...]:
    """Return what happens to the remark in the record, if it has one."""
    if draft.get("remark") is None:
        return ()
    if leaves:
        return (Line("REMARK", "remark", "sent", "REM-3", "redacted, compared with the record, and confirmed"),)
    if not is_waiting(draft, known.remark):
        return (Line("REMARK", "remark", "withheld", "REM-3", "it left with a message before"),)
    if known.most is None:
        return (Line("REMARK", "remark", "forbidden", "REM-1", "no agreement with that State allows a remark here"),)
    if known.remark is not None and known.remark.reasons:
        return (Line("REMARK", "remark", "withheld", "REM-2", "it is held, and is written anew or taken out"),)
    return (Line("REMARK", "remark", "withheld", "REM-3", "nobody has confirmed the redacted text"),)
