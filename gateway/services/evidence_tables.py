"""
The tables of an export: messages, steps and clocks of one case, and what of them leaves without content.

Rule: without content nothing leaves that names the person asked about, or tells whether and why the case paused.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import schemas
from gateway.core.clocks import Clock
from gateway.core.escalation import ALLOW, PROPOSE, STOP, event_of
from gateway.core.evidence import RECEIVED, SENT
from gateway.core.instruments import UNVERIFIED, Rule
from gateway.core.messages import DELAY, REPLY, SAID_BY
from gateway.core.returns import IN_CHARGE
from gateway.core.tables import REQUESTED_ROWS, REQUESTING_ROWS
from gateway.core.verification import UNANSWERED_BY
from gateway.services import cases
from gateway.services.cases import Held
from gateway.services.context import Context
from gateway.services.rights import LIFT, RESTRICT
from gateway.services.rows import EventRow, InboundRow, OutboundRow
from keys import instants

_PERSON = {"correct", "attest", "restate", "stop"}
_DANGER = {"recall", "returned", STOP, PROPOSE, ALLOW}
_TRACES = {"dropped", "not_told", "go_on"}
PAUSES = (
    frozenset({"freeze", "release", "suspend", "propose_resume", "resume", "withdraw", RESTRICT, LIFT})
    | _PERSON
    | _DANGER
    | _TRACES
)
"""
Steps that tell that, or by whom, a case was stopped, or that pressing is dangerous; in an export with content only.

A recall that the other State is told of stands among the messages. One it is not told of is a stop like any other. What
the gateway notes of a message that a stop took back, or did not send, tells of the stop as well.
"""

_HERE_ALONE = PAUSES | {"send_back"}
"""What an export without content leaves out: the other State does not learn that a draft was found wrong either."""

_DECIDING = IN_CHARGE | {"desk_head", "person", "guardian", "lawyer", "court", "asylum_authority"}
"""Roles that decide about the person, or speak for it: which of them acted tells who the person is."""

_FOR_A_CHILD = frozenset({"child_welfare", "guardian"})

_EITHER = frozenset(
    row.event
    for row in (*REQUESTING_ROWS, *REQUESTED_ROWS)
    if row.who & _FOR_A_CHILD and not row.who & (_DECIDING - _FOR_A_CHILD)
)
"""Steps that nobody who decides takes but for a child, as a report: whoever took one is an authority too."""

_AUTHORITY = "authority"
"""What each of them is in an export without content."""

_NOTE = event_of("L4")

RECEIVED_MOST = 800
"""
Messages received that one file proves. A State may say some things without end, and each is two or three members; what
we sent has four. `isthmus evidence verify` reads no file of more than 4,096 members.
"""

_UNSAID_BY = {DELAY: frozenset({"extension_not_accepted"}), REPLY: frozenset(UNANSWERED_BY)}
"""What the gateway notes of a message of a type that was taken back before it left, and of one that was refused."""


def _instant(at: datetime | None) -> str | None:
    return None if at is None else instants.serialize(at)


def messages(
    outbound: Sequence[OutboundRow], inbound: Sequence[InboundRow], *, disclosed: bool
) -> list[dict[str, Any]]:
    """Return a row for each message, in order of queueing or receipt."""
    # What was taken back before it left proves nothing, and tells that something stopped it.
    left = [row for row in outbound if disclosed or not row.never_left]
    rows = [(row.queued_at, _sent(row)) for row in left] + [(row.received_at, _received(row)) for row in inbound]
    return [row for _, row in sorted(rows, key=lambda pair: pair[0])]


def bounded(inbound: Sequence[InboundRow], began: Collection[str]) -> tuple[Sequence[InboundRow], list[dict[str, Any]]]:
    """
    Return the messages received that a file proves, and a row for each type of which it leaves some out.

    Left out are those between the first and the last of the types that came most often; none by which a clock ``began``
    (digests).
    """
    places = defaultdict[str, list[int]](list)
    for place, row in enumerate(inbound):
        places[row.type].append(place)
    most = RECEIVED_MOST
    while sum(min(len(of_type), most) for of_type in places.values()) > RECEIVED_MOST:
        most -= 1
    ends = ((*of_type[: most - most // 2], *of_type[len(of_type) - most // 2 :]) for of_type in places.values())
    kept = {place for of_type in ends for place in of_type}
    kept |= {place for place, row in enumerate(inbound) if row.digest in began}
    left = Counter(row.type for place, row in enumerate(inbound) if place not in kept)
    return [inbound[place] for place in sorted(kept)], [
        {"what": "messages", "digest": None, "reason": f"{count} of the type {type}, between those that are here"}
        for type, count in sorted(left.items())
    ]


def _unsaid(rows: Sequence[OutboundRow]) -> list[OutboundRow]:
    """
    Return which of ``rows`` (in order of queueing) never left, nor anything that was queued in their place.

    What steps behind another message is taken out and queued once more in the same second. Nothing names the one that
    took its place; it is the first of that type, and waits as long.
    """
    lost = [row for row in rows if row.never_left]
    free = [row for row in rows if not (row.never_left and row.queued_at == row.answered_at)]
    place = dict[str, OutboundRow]()
    for row in lost:
        at = row.answered_at
        if at is None or at == row.queued_at:
            continue
        said = (row.type, at, max(row.not_before, at))
        found = next((one for one in free if (one.type, one.queued_at, one.not_before) == said), None)
        if found is not None:
            free.remove(found)
            place[row.id] = found

    def left(row: OutboundRow) -> bool:
        return left(place[row.id]) if row.id in place else not row.never_left

    return [row for row in lost if not left(row)]


def _sent(row: OutboundRow) -> dict[str, Any]:
    return {
        "direction": SENT,
        "type": row.type,
        "id": row.id,
        "epoch": row.epoch,
        "seq": row.seq,
        "digest": row.digest,
        "queued_at": _instant(row.queued_at),
        "posted_at": _instant(row.posted_at),
        "received_at": None,
        "answered_at": _instant(row.answered_at),
        "expires_at": _instant(row.expires_at),
        "state": row.state,
        "status": row.status,
        "code": row.code,
    }


def _received(row: InboundRow) -> dict[str, Any]:
    return {
        "direction": RECEIVED,
        "type": row.type,
        "id": row.id,
        "epoch": row.epoch,
        "seq": row.seq,
        "digest": row.digest,
        "queued_at": None,
        "posted_at": None,
        "received_at": _instant(row.received_at),
        "answered_at": None,
        "expires_at": _instant(row.expires_at),
        "state": None,
        "status": row.status,
        "code": row.code,
    }


def events(
    context: Context,
    steps: Sequence[EventRow],
    outbound: Sequence[OutboundRow],
    inbound: Sequence[InboundRow],
    disclosed: Held | None,
) -> list[dict[str, Any]]:
    """
    Return who did what and when; of a case not disclosed no step that stopped it, and no state it was in.

    Nor a step whose message was taken back before it left: it says such a message, at the instant it was queued; nor
    the one that notes it, at the instant it was taken back. And who decided about the person is an authority: which one
    it was, or its person, would tell a child from an adult.

    Nor the digest of a body: it holds a name and a date of birth and nothing random, so it could be found by trying.
    That of a message holds its id, and that of a note verbale its reference.
    """
    digests = {row.digest for row in inbound} | {row.digest for row in outbound}
    lost = _unsaid(outbound)
    unsaid = [(row.queued_at, SAID_BY.get(row.type, frozenset())) for row in lost]
    unsaid += [(row.answered_at, _UNSAID_BY.get(row.type, frozenset())) for row in lost if row.answered_at is not None]
    return [
        {
            "at": _instant(event.at),
            "event": event.event,
            **_who(event, disclosed=disclosed is not None),
            "source": event.source if disclosed else None,
            "target": event.target if disclosed else None,
            "digest": cases.digest_of(context, disclosed, event)
            if disclosed or event.digest in digests or event.event == _NOTE
            else None,
        }
        for event in steps
        if disclosed
        or not (event.event in _HERE_ALONE or any(event.at == at and event.event in says for at, says in unsaid))
    ]


def _who(event: EventRow, *, disclosed: bool) -> dict[str, Any]:
    """Return who took a step, in which role."""
    if not disclosed and (event.role in _DECIDING or event.event in _EITHER):
        return {"actor": None, "role": _AUTHORITY}
    return {"actor": event.actor, "role": schemas.statement_roles().get(event.role, event.role)}


def clocks(
    context: Context, held: Held | None, outbound: Sequence[OutboundRow], *, disclosed: bool
) -> list[dict[str, Any]]:
    """
    Return every version of every clock, the oldest first; none of an erased case.

    Of a case not disclosed none that an extension made which a stop took back before it left: nobody heard of it.
    """
    if held is None:
        return []
    case, pair = held.case, held.case.sides(context.country)
    unheard = not disclosed and any(row.type == DELAY for row in _unsaid(outbound))
    found = [(*clock.history, clock) for clock in case.clocks]
    return [
        _clock(version, context.reckoner.of(*pair, version), current=version is versions[-1])
        for versions in (map(_as_heard, found) if unheard else found)
        for version in versions
    ]


def _as_heard(versions: Sequence[Clock]) -> tuple[Clock, ...]:
    """Return ``versions`` without each extension that was taken back and without what says so, numbered on."""
    kept = list[Clock]()
    for version in versions:
        if version.cause != "shortened":
            kept.append(version)
            continue
        while kept and kept.pop().cause != "extended":
            pass
    return tuple(replace(one, version=number) for number, one in enumerate(kept, versions[0].version))


def _clock(clock: Clock, rule: Rule | None, *, current: bool) -> dict[str, Any]:
    return {
        "step": clock.step,
        "version": clock.version,
        "cause": clock.cause,
        "current": current,
        "instrument": clock.instrument,
        "start_event": clock.start_event,
        "evidence": clock.evidence,
        "start_on": clock.start_on.isoformat(),
        "soft_on": clock.soft_on and clock.soft_on.isoformat(),
        "due_on": clock.due_on.isoformat(),
        "due_at": _instant(clock.due_at),
        "calendar": clock.calendar,
        "calendar_version": clock.calendar_version,
        "zone": clock.zone,
        "reason": clock.reason,
        "confidence": rule.confidence if rule else UNVERIFIED,
    }
