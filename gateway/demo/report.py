"""
What came of each case: what left, what stayed and by which rule, whether every answer verifies, what is overdue.

Rule 1: what left is read from the bytes that were sent, not from what was meant to be sent.
Rule 2: every stored answer of both States is verified again, as if it had just come.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from gateway.app import Gateway
from gateway.core import wire
from gateway.core.case import HELD, Case, State
from gateway.core.escalation import owed
from gateway.core.messages import DOCUMENT_REQUEST, ELEMENTS, REQUEST
from gateway.core.minimise import Line
from gateway.core.preview import Preview
from gateway.demo.states import ASKED, ASKING, World
from gateway.demo.tell import COLUMNS, listed, styled, wrapped
from gateway.services import cases
from gateway.services.answers import BadAnswer
from gateway.services.ports import Tx
from gateway.services.reckon import overdue
from gateway.services.rows import CaseRow, OutboundRow
from keys import jws


@dataclass(frozen=True, slots=True)
class Result:
    """
    One case at the end of the story.

    ``outcome`` is ``None`` where there is no answer. ``withheld`` maps each element or field that did not leave to the
    rule that says so. ``answers`` counts the answers stored by both States about messages of the case; ``verified``
    those that verify again. ``refused_by`` are the rules that let nothing leave, with their reason.
    """

    number: int
    story: str
    ref: str
    state: str
    outcome: str | None
    reason: str | None
    sent: tuple[str, ...]
    withheld: Mapping[str, str]
    messages: int
    answers: int
    verified: int
    due_on: date | None
    overdue: bool
    level: str | None
    reminders: int
    extended: bool
    refused_by: Mapping[str, str]

    @property
    def receipt_verified(self) -> bool:
        """Tell whether something was sent, every message of it was answered, and every answer verifies."""
        return 0 < self.messages == self.answers == self.verified

    def to_dict(self) -> dict[str, Any]:
        """Return the case as JSON values."""
        return {
            "ref": self.ref,
            "outcome": self.outcome,
            "sent_fields": list(self.sent),
            "withheld_fields": list(self.withheld),
            "receipt_verified": self.receipt_verified,
            "due_on": self.due_on.isoformat() if self.due_on else None,
            "overdue": self.overdue,
            "state": self.state,
            "reason": self.reason,
            "level": self.level,
            "reminders": self.reminders,
            "extended": self.extended,
            "rules": dict(self.withheld),
            "refused_by": dict(self.refused_by),
            "messages": self.messages,
            "story": self.story,
        }


STORIES: Mapping[str, str] = {
    "return": "a confirmed adult who returns",
    "veto": "a return of a minor that is refused",
    "freeze": "a freeze after sending, withdrawn without a reason",
    "silence": "a reply that never comes",
}
"""The stories that are told to their end, by the fate of their file."""


@dataclass(frozen=True, slots=True)
class Told:
    """
    One story: the states its case passed in the asking State, in order, and how it ended.

    ``end`` is the last state, or the note verbale that silence led to; ``pressed`` the rungs of the ladder climbed.
    """

    name: str
    ref: str
    states: tuple[str, ...]
    pressed: tuple[str, ...]
    end: str

    def to_dict(self) -> dict[str, Any]:
        """Return the story as JSON values."""
        return {
            "name": self.name,
            "ref": self.ref,
            "states": list(self.states),
            "pressed": list(self.pressed),
            "end": self.end,
        }


async def told_of(world: World, fate: str, ref: str, climbed: Sequence[str], note: str | None) -> Told:
    """
    Return the story of the case ``ref`` from its history.

    ``climbed`` are the rungs and ``note`` the number of the note verbale, if it is the story of silence.
    """

    async def unit(tx: Tx) -> list[str]:
        return [event.target for event in await tx.events(ref)]

    passed = await world.gateways[ASKING].store.read(unit)
    states = tuple(state for place, state in enumerate(passed) if place == 0 or passed[place - 1] != state)
    pressed = tuple(climbed) if fate == "silence" else ()
    return Told(STORIES[fate], ref, states, pressed, f"note verbale {note}" if pressed and note else states[-1])


async def result_of(
    world: World, number: int, story: str, ref: str, their_ref: str | None, refused_by: Mapping[str, str]
) -> Result:
    """Return what came of the case ``ref`` of the asking State, ``their_ref`` in the State asked."""
    ours, theirs = world.gateways[ASKING], world.gateways[ASKED]
    held, rows = await _held(ours, ref)
    sides = [(ours, rows)]
    if their_ref is not None:
        sides.append((theirs, (await _held(theirs, their_ref))[1]))
    case, now = held.case, world.clock.now()
    clock = owed(case)
    stopped = case.state in (*HELD, State.WITHDRAWN)  # no silence counts then
    reply_clock = case.clock("reply")
    sent = _sent(ours, held, rows)
    return Result(
        number=number,
        story=story,
        ref=ref,
        state=case.state.value,
        outcome=case.reply["outcome"] if case.reply else None,
        reason=case.reply["reason"] if case.reply else None,
        sent=sent,
        withheld=_withheld(ours.clear.preview(case.draft or {}), sent, refused_by),
        messages=sum(len(rows) for _, rows in sides),
        answers=sum(row.answer is not None for _, rows in sides for row in rows),
        verified=sum(_verifies(gateway, row) for gateway, rows in sides for row in rows),
        due_on=reply_clock.due_on if reply_clock else None,
        overdue=overdue(clock, now, held=stopped),
        level=ours.context.reckoner.level(ASKED, clock, now, held=stopped),
        reminders=case.reminders,
        extended=held.row.extended,
        refused_by=refused_by,
    )


async def _held(gateway: Gateway, ref: str) -> tuple[cases.Held, Sequence[OutboundRow]]:
    async def unit(tx: Tx) -> tuple[cases.Held, Sequence[OutboundRow]]:
        return await cases.load(gateway.context, tx, ref), await tx.outbound_of_case(ref)

    return await gateway.store.read(unit)


async def case_of(gateway: Gateway, ref: str) -> tuple[CaseRow, Case]:
    """Return the row and the value of the case ``ref`` as ``gateway`` holds it."""
    held, _ = await _held(gateway, ref)
    return held.row, held.case


def _sent(gateway: Gateway, held: cases.Held, rows: Sequence[OutboundRow]) -> tuple[str, ...]:
    """Return the elements in the messages that were posted, opened again from what is stored of them."""
    fields: dict[str, None] = {}
    for row in rows:
        if row.type in (REQUEST, ELEMENTS, DOCUMENT_REQUEST) and row.posted_at is not None and row.sealed is not None:
            signed = gateway.context.vault.open(held.key, "outbound", row.id, "sealed", row.sealed)
            payload = wire.parse_payload(jws.parse(signed, jws.TYP_MESSAGE).payload)
            fields |= dict.fromkeys(payload.body["elements"])
    return tuple(fields)


def _withheld(preview: Preview, sent: Sequence[str], refused_by: Mapping[str, str]) -> dict[str, str]:
    def rule(line: Line) -> str:
        # What the matrix lets leave, and yet did not, was stopped by the rule that refused the whole message.
        return line.rule if line.rule != "-" else next(iter(refused_by), "-")

    return {line.member: rule(line) for line in preview.lines if line.member not in sent}


def _verifies(gateway: Gateway, row: OutboundRow) -> bool:
    if row.answer is None or row.state != "receipted":
        return False
    try:
        gateway.deliverer.answers.verify(row.partner, row.digest, wire.pad_answer(row.answer))
    except BadAnswer:
        return False
    return True


# The table


def table(results: Sequence[Result], colour: bool) -> str:
    """Return the table of all cases, at most 80 columns wide."""
    head = f"{'':>3} {'outcome':<16}{'state':<14}{'answers':<14}{'due':<12}{'overdue':<9}level"
    lines = [styled(head, colour, bold=True)]
    for result in results:
        lines += _rows(result, colour)
    return "\n".join(lines)


def _rows(result: Result, colour: bool) -> list[str]:
    if not result.messages:
        verified, paint = "-", None
    elif result.receipt_verified:
        verified, paint = f"{result.verified} verified", "green"
    else:
        verified, paint = f"{result.verified} of {result.messages}!", "red"
    cells = (
        f"{result.number:>3} ",
        styled((result.outcome or "-").ljust(16), colour, bold=True),
        result.state.ljust(14),
        styled(verified.ljust(14), colour, fg=paint),
        (result.due_on.isoformat() if result.due_on else "-").ljust(12),
        styled(("yes" if result.overdue else "no").ljust(9), colour, fg="yellow" if result.overdue else None),
        result.level or "-",
    )
    lines = ["".join(cells), *_field("left", listed(result.sent))]
    by_rule: dict[str, list[str]] = {}
    for name, rule in sorted(result.withheld.items(), key=lambda item: item[1]):
        by_rule.setdefault(rule, []).append(name)
    for rule, names in by_rule.items():
        lines += _field(f"kept {rule}", listed(names))
    return lines


def _field(name: str, text: str) -> list[str]:
    lines = wrapped(text, COLUMNS - 17)
    return [f"    {name if place == 0 else '':<13}{line}" for place, line in enumerate(lines)]


def path(told: Told) -> str:
    """Return the states of a story and how far it was pressed, broken at the width."""
    steps = [*told.states, *told.pressed, *([told.end] if told.pressed else [])]
    return "\n".join(f"    {line}" for line in wrapped(" > ".join(steps), COLUMNS - 4))


RULES: Mapping[str, str] = {
    "MIN-1": "this purpose does not need it",
    "MIN-2": "leaves only after the other State asks for exactly this",
    "MIN-3": "national; the wire has no place for it",
    "MIN-4": "an image; it leaves only once it was drawn anew",
    "R-01": "protection is not settled, so nothing leaves",
}
"""A gloss for each rule the table may name; ``docs/rules.md`` has the rules."""


def legend(results: Sequence[Result]) -> str:
    """Return one line for each rule that the table names."""
    named = {rule for result in results for rule in result.withheld.values()}
    return "\n".join(f"    {rule:<13}{RULES[rule]}" for rule in sorted(named) if rule in RULES)
