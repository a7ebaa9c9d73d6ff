"""
The rights of the person: an account of what was sent about her, a restriction of it, and corrections that arrive.

Rule 1: the account is made from the signed messages themselves, not from what a file says of them.
Rule 2: every look at it is recorded before it is given (R-13), and one that a restriction holds back is recorded too.
Rule 3: a restriction has a ground and an end, is decided by the data-protection officer, and never hides itself: who
asks learns that something is held back, until when, and where to complain (R-22).
Rule 4: a correction goes to every State that got something about the person, and stays open until each confirmed it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import schemas
from gateway.core import exercise, wire
from gateway.core.attachments import in_short
from gateway.core.calendars import local_date
from gateway.core.case import Case, Notice, State
from gateway.core.facts import Facts, Finding, When
from gateway.core.machine import IllegalStep, RuleRefused
from gateway.core.messages import RECTIFICATION
from gateway.core.notices import open_demands
from gateway.core.rules import findings
from gateway.services import access, cases, heard, listing, threads
from gateway.services.cases import Held
from gateway.services.context import Context, Forbidden, acting
from gateway.services.notices import Notices
from gateway.services.ports import Outdated, Tx, Unavailable
from gateway.services.representing import check_representing
from gateway.services.resync import LOST
from gateway.services.rows import AccessRow, EventRow, OutboundRow
from keys.errors import BadRest
from schemas import ijson

READERS = frozenset({"dpo", "guardian", "lawyer", "case_officer"})
"""Roles that get an account: the officer for the person herself."""

OFFICIAL = frozenset({"dpo"})
"""Roles that also see who looked and why, what a restriction holds back, and the account of a locked case (R-25)."""

RESTRICTION_MAX_DAYS = 180
"""A restriction is decided anew after half a year at the latest."""

CONFIRM_DAYS = 30
"""Days in which a State is expected to confirm a correction; the time that Article 12(3) GDPR gives for an answer."""

RESTRICT, LIFT = "restrict_access", "lift_restriction"

MAY_BE_MORE = (
    "Other messages were sent, or may have been: our records were put back to an older copy, "
    "and what is missing is not known here any more."
)
"""What an account says where a restore took from us what left, or may have; pages say it in each language."""

NOT_READABLE = "What it said is not kept any more, or cannot be read."
"""What an account says of such a message; pages say it in each language."""


@dataclass(frozen=True, slots=True)
class Sent:
    """
    One message that left: what it was, when and to whom, under which conditions, with which elements, and its receipt.

    ``elements`` are the members of the body as they were sent, but of an image digest and size alone; ``None``, as what
    else its body said, if that is not kept any more or cannot be read. ``receipt`` is status, code and instant of the
    signed receipt, or ``None`` if none came; its instant is ``None`` where what is kept of it cannot be read.
    """

    type: str
    digest: str
    recipient: str
    posted_at: datetime
    purpose: str | None
    legal_basis: str | None
    use_restrictions: tuple[str, ...]
    retain_until: str | None
    onward: str | None
    elements: Mapping[str, Any] | None
    receipt: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Look:
    """One look at, or disclosure of, the case; who and why for an official account only."""

    at: datetime
    action: str
    recipient: str | None
    person: str | None
    why: str | None


@dataclass(frozen=True, slots=True)
class Restriction:
    """Why an account is held back, and until when (the last day)."""

    ground: str
    until: date


@dataclass(frozen=True, slots=True)
class Account:
    """
    What was sent about the person of one case, to whom, when and why; and who looked.

    ``may_be_more`` says that a restore took from us what else was sent, or that the other State has still to say so.
    """

    ref: str
    country: str
    partner: str
    made_at: datetime
    sent: tuple[Sent, ...]
    may_be_more: bool
    looks: tuple[Look, ...]
    restriction: Restriction | None


@dataclass(frozen=True, slots=True)
class OpenDemand:
    """A correction or erasure of ours that a State has not confirmed: where, which, since when, and when it is due."""

    ref: str
    partner: str
    kind: str
    number: int
    asked_on: date
    due_on: date


@dataclass(frozen=True, slots=True)
class Reached:
    """A past recipient of something that was wrong: told now, told before, or not to be told yet, and why."""

    ref: str
    partner: str
    told: bool
    because: str
    due_on: date | None


async def account(context: Context, ref: str, person: str, role: str, why: str) -> Account:
    """
    Return the account of the case ``ref`` for ``person`` in ``role``: of ``READERS``, if it is locked of ``OFFICIAL``.

    Raises ``Forbidden``, ``NotFound`` (also for an erased case: nothing is left to tell), and ``RuleRefused``: no
    reason was given (R-13), or a restriction holds the account back (R-22).
    """
    now = context.clock.now()
    acting(context, person, role, now, ref)
    if role not in READERS:
        raise Forbidden(f"the role '{role}' gets no account", f"one of {', '.join(sorted(READERS))} does")
    if found := findings(When.EXPORT, Facts(now, justification=why)):
        raise RuleRefused(found)

    async def unit(tx: Tx) -> Account | Finding:
        held = await cases.load(context, tx, ref)
        check_representing(context, held.case, person, role, now)
        if held.case.state is State.BLOCKED and role not in OFFICIAL:
            raise Forbidden("the case is locked; its content is not shown", "the data-protection officer does this")
        restriction = await restriction_of(context, tx, held, now)
        kept_back = restriction is not None and role not in OFFICIAL
        recipient = None if role in OFFICIAL else "PERSON"
        action = "access-withheld" if kept_back else "access"
        await access.record(context, tx, held, person, action, why, now, None if kept_back else recipient)
        if restriction is not None and kept_back:
            until = restriction.until.isoformat()
            return Finding(
                "R-22", f"a restriction holds it back until {until}; the supervisory authority can review it"
            )
        return await _account(context, tx, held, restriction, now, official=role in OFFICIAL)

    made = (await context.commit(unit)).value
    if isinstance(made, Finding):
        raise RuleRefused((made,))
    result: Account = made
    return result


async def _account(
    context: Context, tx: Tx, held: Held, restriction: Restriction | None, now: datetime, *, official: bool
) -> Account:
    case = held.case
    rows = await tx.outbound_of_case(case.ref)
    sent = [_sent(context, held, row, row.posted_at) for row in rows if row.posted_at is not None]  # or it never left
    looks = [
        Look(
            row.at,
            row.action,
            row.recipient,
            row.person if official else None,
            _why(context, held, row) if official else None,
        )
        for row in await tx.accesses(case.ref)
    ]
    more = await _may_be_more(tx, case, now)
    return Account(case.ref, context.country, case.partner, now, tuple(sent), more, tuple(looks), restriction)


def _why(context: Context, held: Held, row: AccessRow) -> str | None:
    """Return why somebody looked, ``None`` if that cannot be read, which is logged."""
    try:
        return access.justification_of(context, held, row)
    except BadRest as error:
        context.log("case.unreadable", ref=held.case.ref, error=type(error).__name__)
        return None


async def _may_be_more(tx: Tx, case: Case, now: datetime) -> bool:
    """Return whether a restore took from us what left in this case, or may have: the other State is to list it."""
    if LOST in case.findings or heard.has_lost(case):
        return True
    last = await listing.may_have_left(tx, case.partner, now)
    if last is None:
        return False
    return len(await tx.events(case.ref, last)) < len(await tx.events(case.ref))  # not one that was opened since


def _sent(context: Context, held: Held, row: OutboundRow, posted_at: datetime) -> Sent:
    payload = _payload(context, held, row)
    if payload is None:
        receipt = _receipt(context, row)
        return Sent(row.type, row.digest, row.partner, posted_at, None, None, (), None, None, None, receipt)
    body = exercise.body_of(payload)
    handling = body.get("handling") or {}
    said = in_short({name: value for name, value in body.items() if name != "handling"})
    if isinstance(said.get("elements"), Mapping):  # a question has a list there, of what it asks for
        said |= said.pop("elements")
    return Sent(
        type=row.type,
        digest=payload.digest,
        recipient=payload.recipient,
        posted_at=posted_at,
        purpose=handling.get("purpose", held.case.purpose),
        legal_basis=handling.get("legal_basis"),
        use_restrictions=tuple(handling.get("use_restrictions", ())),
        retain_until=handling.get("retain_until"),
        onward=handling.get("onward"),
        elements=said,
        receipt=_receipt(context, row),
    )


def _payload(context: Context, held: Held, row: OutboundRow) -> wire.Payload | None:
    """Return the payload of a message of ours, ``None`` if it is not kept, or cannot be read, which is logged."""
    try:
        return threads.payload_of(context, held, row) if row.sealed is not None else None
    except BadRest as error:
        context.log_fault(row.partner, row.type, error)
        return None


def _receipt(context: Context, row: OutboundRow) -> Mapping[str, Any] | None:
    if row.answer is None:
        return None
    found = threads.find_receipt(row)
    if found is None:
        context.log("message.fault", partner=row.partner, type=row.type, error=wire.BadAnswer.__name__)
    return {"status": row.status, "code": row.code, "received_at": found[1].received_at if found else None}


# Restrictions.


async def restrict(context: Context, ref: str, ground: str, until: date, person: str, role: str = "dpo") -> None:
    """
    Hold back the account of ``ref`` until and including a day, at most ``RESTRICTION_MAX_DAYS`` away.

    ``ground`` is of the code list ``restriction_ground``. Raises ``SchemaError`` if it is not, ``Forbidden``,
    ``NotFound``, ``RuleRefused``.
    """
    now = context.clock.now()
    value = {"ground": ground, "until": until.isoformat()}
    schemas.validate("restriction", value)
    today = local_date(now, context.zone)
    if not today <= until <= today + timedelta(days=RESTRICTION_MAX_DAYS):
        raise RuleRefused((Finding("R-22", f"a restriction ends within {RESTRICTION_MAX_DAYS} days"),))
    await _decide(context, ref, RESTRICT, value, person, role, now)


async def lift(context: Context, ref: str, person: str, role: str = "dpo") -> None:
    """End the restriction on the account of ``ref``. Raises ``Forbidden``, ``NotFound``."""
    await _decide(context, ref, LIFT, {}, person, role, context.clock.now())


async def _decide(
    context: Context, ref: str, name: str, value: Mapping[str, str], person: str, role: str, now: datetime
) -> None:
    acting(context, person, role, now)
    if role not in OFFICIAL:
        raise Forbidden(f"the role '{role}' decides on no restriction", "the data-protection officer does")

    async def unit(tx: Tx) -> None:
        held = await cases.load(context, tx, ref)
        sealed = context.vault.seal(held.key, "event", ref, "sealed", ijson.dumps(value))
        state = held.case.state.value
        await tx.add_event(EventRow(ref, now, name, person, role, state, state, None, sealed))

    await context.commit(unit)


async def restriction(context: Context, ref: str) -> Restriction | None:
    """Return the restriction that holds today, for whoever it holds something back from. Raises ``NotFound``."""

    async def unit(tx: Tx) -> Restriction | None:
        return await restriction_of(context, tx, await cases.load(context, tx, ref), context.clock.now())

    return await context.store.read(unit)


async def restriction_of(context: Context, tx: Tx, held: Held, now: datetime) -> Restriction | None:
    """
    Return the restriction that holds on the day that ``now`` is here, or ``None``.

    One that is over by a clock that is not believed holds on: what was given cannot be taken back (decision 0027).
    """
    decided = [row for row in await tx.events(held.case.ref) if row.event in (RESTRICT, LIFT)]
    if not decided or decided[-1].event == LIFT or decided[-1].sealed is None:
        return None
    value = ijson.loads(context.vault.open(held.key, "event", held.case.ref, "sealed", decided[-1].sealed))
    found = Restriction(value["ground"], date.fromisoformat(value["until"]))
    over = local_date(now, context.zone) > found.until and context.believes(now)
    return None if over else found


# Corrections.


async def rectify(
    context: Context, notices: Notices, ref: str, parts: Sequence[str], person: str, role: str
) -> tuple[Reached, ...]:
    """
    Tell every State that got something of this person that ``parts`` of it were wrong (R-16).

    It goes to every case that ``Notices.recipients`` finds; one that was told the same and has not confirmed is not
    told again. A case that cannot be told now is named with the reason, and holds up no other: no key of that State is
    held, or the file cannot be read. Whoever corrects comes back to it.
    """
    today = context.clock.now().date()
    reached = []
    for one in await notices.recipients(ref, person, role, "correction of what was sent (R-16)"):
        open = [notice for notice in one.open if notice.kind == RECTIFICATION and _same(notice, parts)]
        told = [notice for notice in open if notice not in one.untold]
        if told:
            reached.append(Reached(one.ref, one.partner, False, "told before, not confirmed", _due(told[-1])))
            continue
        try:
            await notices.strike(one.ref, parts, person, role)
        except Outdated:
            raise
        except (IllegalStep, RuleRefused, Unavailable) as error:
            reached.append(Reached(one.ref, one.partner, False, str(error), None))
        except BadRest:
            reached.append(Reached(one.ref, one.partner, False, "its file cannot be read", None))
        else:
            due_on = today + timedelta(days=CONFIRM_DAYS)
            reached.append(Reached(one.ref, one.partner, True, "told now", due_on))
    return tuple(reached)


def _same(notice: Notice, parts: Sequence[str]) -> bool:
    return set(notice.body["parts"]) == set(parts)


def _due(notice: Notice) -> date:
    return date.fromisoformat(notice.on) + timedelta(days=CONFIRM_DAYS)


async def unconfirmed(context: Context) -> tuple[OpenDemand, ...]:
    """Return every correction and erasure of ours that no State has confirmed yet, the longest due first."""
    demands = []
    async for row in cases.in_states(context, _MAY_DEMAND):
        if row.wrapped_key is None:
            continue
        try:
            case = cases.unseal(context, row).case
        except Exception as error:
            context.log("case.unreadable", ref=row.ref, error=type(error).__name__)
            continue
        demands += [
            OpenDemand(case.ref, case.partner, one.kind, one.number, date.fromisoformat(one.on), _due(one))
            for one in open_demands(case)
        ]
    return tuple(sorted(demands, key=lambda one: (one.due_on, one.ref, one.number)))


_MAY_DEMAND = tuple(state for state in State if state not in (State.DRAFT, State.ERASED))


# What the person gets.


def account_json(made: Account) -> dict[str, Any]:
    """Return an account as JSON values."""

    def plain(value: Any) -> Any:
        if isinstance(value, datetime):
            return wire.format_instant(value)
        return value.isoformat() if isinstance(value, date) else value

    return {
        "ref": made.ref,
        "country": made.country,
        "made_at": plain(made.made_at),
        "sent": [
            {
                "type": one.type,
                "to": one.recipient,
                "at": plain(one.posted_at),
                "purpose": one.purpose,
                "legal_basis": one.legal_basis,
                "use_restrictions": list(one.use_restrictions),
                "retain_until": one.retain_until,
                "onward": one.onward,
                "elements": one.elements and dict(one.elements),
                "digest": one.digest,
                "receipt": one.receipt and {name: plain(value) for name, value in one.receipt.items()},
            }
            for one in made.sent
        ],
        "not_readable": [one.digest for one in made.sent if one.elements is None],
        "may_be_more": made.may_be_more,
        "looks": [
            {
                "at": plain(one.at),
                "action": one.action,
                "to": one.recipient,
                **({"by": one.person, "why": one.why} if one.person is not None else {}),
            }
            for one in made.looks
        ],
        "restriction": made.restriction and {"ground": made.restriction.ground, "until": plain(made.restriction.until)},
    }


def account_text(made: Account) -> str:
    """Return an account as plain English text for the person: every message, one element a line."""
    lines = [
        f"What {made.country} has sent about you to other States",
        f"as of {wire.format_instant(made.made_at)}, case {made.ref}",
        "",
    ]
    for number, one in enumerate(made.sent, 1):
        lines += [f"{number}. {_text('message_type', one.type)}", f"   to: {one.recipient}"]
        lines.append(f"   on: {wire.format_instant(one.posted_at)}")
        if one.elements is None:
            lines.append(f"   {NOT_READABLE}")
        if one.purpose is not None:
            lines.append(f"   for: {_text('purpose', one.purpose)}")
        if one.legal_basis is not None:
            lines.append(f"   legal basis: {_text('legal_basis', one.legal_basis)}")
        lines += [f"   condition: {_text('use_restriction', code)}" for code in one.use_restrictions]
        if one.retain_until is not None:
            lines.append(f"   to be erased there by: {one.retain_until}")
        if one.onward is not None:
            lines.append(f"   passing on: {_text('onward', one.onward)}")
        lines += [f"   {name}: {_flat(value)}" for name, value in (one.elements or {}).items()]
        if one.receipt is None:
            lines.append("   no receipt came")
        else:
            at = one.receipt["received_at"]
            when = wire.format_instant(at) if at else "at an instant that cannot be read any more"
            lines.append(f"   received: {when}, {one.receipt['status']}")
        lines.append("")
    if not made.sent and not made.may_be_more:
        lines += ["Nothing was sent.", ""]
    if made.may_be_more:
        lines += [MAY_BE_MORE, ""]
    lines.append("When the case was looked at, and who was given something of it:")
    lines += [f"   {wire.format_instant(one.at)}  {one.action}{_to(one.recipient)}" for one in made.looks]
    lines += ["", "You may ask for a correction, and complain to the data-protection authority."]
    return "\n".join(lines) + "\n"


def _to(recipient: str | None) -> str:
    return f", to {recipient}" if recipient else ""


def _text(list_name: str, code: str) -> str:
    return schemas.codes(list_name).get(code, {}).get("en", code)


def _flat(value: Any) -> str:
    """Return a value on one line as a person reads it, without control characters: names may come from anywhere."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "yes" if value else "no"
        case dict():
            return ", ".join(f"{name} {_flat(one)}" for name, one in value.items() if one is not None)
        case list() | tuple():
            return "; ".join(map(_flat, value))
    return "".join(sign if sign.isprintable() else "?" for sign in str(value))
