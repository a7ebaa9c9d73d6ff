"""
Clocks that could not be started when their evidence came, because no calendar knew the days they need.

Rule 1: what is kept of a case is its evidence: each message, and when it was received, as the first look at it had it.
Rule 2: a clock that runs is left alone; what may have started it anew was looked at when it came.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from gateway.core import exercise, wire
from gateway.core.case import Case
from gateway.core.clocks import Clock
from gateway.core.escalation import is_answered
from gateway.core.messages import CONTEST, DOCUMENT
from gateway.core.starts import ASKED, STATED, starts_of_message, starts_of_receipt
from gateway.services import threads
from gateway.services.cases import Held
from gateway.services.context import Context
from gateway.services.ports import Tx
from gateway.services.rows import InboundRow, OutboundRow


class Proof(NamedTuple):
    """A message of a case as evidence: what it says, since when that counts, and when it was received."""

    type: str
    digest: str
    body: Mapping[str, Any]
    stated_at: datetime
    received_at: datetime


async def begin(context: Context, tx: Tx, held: Held) -> tuple[Clock, ...]:
    """Return the clocks of ``held`` with those that its evidence starts and that are missing there."""
    case, reckoner, pair = held.case, context.reckoner, held.case.sides(context.country)
    running = {clock.step for clock in case.clocks if not is_answered(case, clock)}
    begun, documented = dict[str, Clock](), False
    for proof in await _proofs(context, tx, held):
        asked = starts_of_receipt(proof.type, proof.body, issued_before=documented)
        documented = documented or proof.type == DOCUMENT
        stated = starts_of_message(proof.type, proof.body)
        for starts, at in ((stated, proof.stated_at), (asked, proof.received_at)):
            clocks = reckoner.begin(*pair, starts, at, proof.digest, case.clocks)
            begun |= {
                clock.step: clock for clock in clocks if clock.step not in running and _counts(case, clock, proof)
            }
    return case.with_clocks(*begun.values()).clocks


def _counts(case: Case, clock: Clock, proof: Proof) -> bool:
    """Return whether ``proof`` may start ``clock``: once a reply was contested, only the contest starts another."""
    return clock.step != "reply" or not case.contests or proof.type == CONTEST


async def _proofs(context: Context, tx: Tx, held: Held) -> list[Proof]:
    """Return what was accepted in the thread and may start a clock, in the order in which it was received."""
    came = []
    for one in await tx.inbound_of_case(held.case.ref, bare=True):  # one after the other: each may have images
        row = await tx.find_inbound(one.partner, one.digest) if one.type in ASKED | STATED else None
        came.append(None if row is None else _of_inbound(context, held, row))
    went = [_of_outbound(context, held, row) for row in await tx.outbound_of_case(held.case.ref)]
    return sorted((one for one in (*came, *went) if one is not None), key=lambda one: one.received_at)


def _of_inbound(context: Context, held: Held, row: InboundRow) -> Proof | None:
    if row.type not in ASKED | STATED or row.status != wire.ACCEPTED or row.sealed is None:
        return None
    payload = threads.received(context, held, row)
    return Proof(row.type, row.digest, exercise.body_of(payload), payload.issued_at, row.received_at)


def _of_outbound(context: Context, held: Held, row: OutboundRow) -> Proof | None:
    received_at = threads.counted_at(row) if row.type in ASKED | STATED else None
    body = threads.said(context, held, row) if received_at is not None else None
    if received_at is None or body is None:
        return None
    return Proof(row.type, row.digest, body, max(row.queued_at, row.not_before), received_at)
