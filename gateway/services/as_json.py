"""
A case, and what a step made, as the JSON values that the local API and the command line give.

Rule 1: a row has no field for an identity; what a case says of its person is in ``content_json`` and ``return_json``
alone, for whoever gave a reason (R-13).
"""

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from gateway.core.attachments import in_short
from gateway.core.case import Case, Pending, Remark, Side, State
from gateway.core.messages import HANDOVER
from gateway.core.preview import Preview
from gateway.core.referral import DUE, LIMITS
from gateway.core.remark import seal
from gateway.services import person_stop
from gateway.services.acts import allowed
from gateway.services.audience import FOREIGN_AFFAIRS
from gateway.services.inquire import BoardRow
from gateway.services.reading import part_of_return
from gateway.services.returning import Protocol


def plain(value: object) -> object:
    """Return an instant or a day as text, anything else as it is."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value


def row_json(row: BoardRow, roles: Collection[str]) -> dict[str, Any]:
    """
    Return a row of a list as JSON values for a person with ``roles``; it has no field for an identity.

    When a case that went on after a stop last changed would tell foreign affairs of the stop.
    """
    hidden = {"changed_at": None} if FOREIGN_AFFAIRS in roles else {}
    return {name: plain(value) for name, value in asdict(row).items()} | hidden


def preview_json(preview: Preview, thread: str | None) -> dict[str, Any]:
    """Return a preview as JSON values; ``thread`` is named by the statement that approves it."""
    return {
        "type": preview.type,
        "body": preview.body,
        "digest": preview.digest,
        "thread": thread,
        "lines": [asdict(line) for line in preview.lines],
        "findings": [asdict(finding) for finding in preview.findings],
    }


def pending_json(pending: Pending, thread: str | None) -> dict[str, Any]:
    """Return a body prepared by the requested desk as JSON values, in the form of a preview."""
    return {
        "type": pending.type,
        "body": pending.body,
        "digest": pending.digest,
        "thread": thread,
        "lines": [],
        "findings": [],
    }


def made_json(made: Preview | Pending | Protocol | Remark | None) -> dict[str, Any]:
    """Return what a step made, by the name it has in an answer; nothing if it made nothing."""
    if isinstance(made, Remark):
        return {"remark": remark_json(made, made.digest)}
    return {} if made is None else {"prepared": prepared_json(made)}


def remark_json(remark: Remark, digest: str) -> dict[str, Any]:
    """Return what became of a remark as JSON values, with the digest that whoever confirms it names."""
    return {
        "language": remark.language,
        "text": remark.text,
        "digest": digest if remark.text else None,
        "spans": [{"start": start, "end": end, "type": kind} for start, end, kind in remark.spans],
        "reasons": list(remark.reasons),
        "leaks": list(remark.leaks),
        "confirmed_by": remark.by,
        "confirmed_at": remark.at,
        "sent": remark.sent,
    }


def prepared_json(made: Preview | Pending | Protocol) -> dict[str, Any]:
    """
    Return what a step prepared as JSON values, by its digest: what it says is shown for a reason, by a preview (R-13).

    The protocol of a handover is stored nowhere that could be previewed. It names place, time and hands, no identity.
    """
    match made:
        case Preview(type=type, digest=digest, findings=findings):
            return {"type": type, "digest": digest, "findings": [asdict(finding) for finding in findings]}
        case Pending(type=type, digest=digest):
            return {"type": type, "digest": digest, "findings": []}
        case Protocol(body, digest, thread):
            return {"type": HANDOVER, "digest": digest, "findings": [], "body": body, "thread": thread}


def allowed_json(side: Side, state: State, roles: frozenset[str]) -> list[dict[str, Any]]:
    """Return the steps that somebody with ``roles`` may take in ``state``, each with the roles that may take it."""
    return [{"verb": name, "roles": fitting} for name, fitting in allowed(side, state, roles)]


def desk_json(case: Case, *, shown: bool) -> dict[str, Any]:
    """
    Return what a desk sees of a case without a justification: nothing of the person.

    The digest of what is prepared is there only where the content is ``shown`` too: a body can be guessed by it.
    """
    pending = case.pending and {
        "type": case.pending.type,
        "digest": case.pending.digest if shown else None,
        "author": case.pending.author,
        "approver": case.pending.approver,
        "sent_back": [
            {"by": one.by, "at": one.at, "reason": one.reason, "note": one.note if shown else None}
            for one in case.disputed
        ],
    }
    return {
        "thread": case.thread,
        "purpose": case.purpose,
        "clocks": [clock.to_dict() for clock in case.clocks],
        "findings": list(person_stop.known(case)),
        "pending": pending,
        "contests": case.contests,
        "exercise": case.exercise,
        "notices": [asdict(notice) for notice in case.notices],
    }


def return_json(case: Case, role: str) -> dict[str, Any]:
    """Return what ``role`` sees of the return: record, what was said, who signed until when, what is prepared."""
    part = part_of_return(case, role)
    return {
        "thread": part.thread,
        "record": part.record,
        "person": part.person,
        "said": dict(part.said),
        "releases": [
            {"authority": one.authority, "kind": one.kind, "role": one.role, "valid_until": one.valid_until}
            for one in part.releases
        ],
        "prepared": pending_json(part.prepared, part.thread) if part.prepared else None,
    }


def content_json(case: Case, counted: Sequence[str] | None, named: Sequence[str]) -> dict[str, Any]:
    """
    Return the personal content of a case; ``counted`` are the files of its referral, ``None`` if there is none.

    ``named`` is what other cases say of the person, and which.
    """
    return {
        "draft": case.draft,
        "received": case.received,
        "asked": list(case.asked),
        "reply": case.reply,
        "delay": case.delay,
        "held": list(person_stop.told(case, named)),
        "referral": None if counted is None else {"text": [DUE, LIMITS], "counted": list(counted)},
        "interview": case.interview,
        "remark": remark_json(case.remark, seal(case.remark, case.draft)) if case.remark is not None else None,
        "images": in_short(case.renditions),
    }
