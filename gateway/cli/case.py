"""
``isthmus case``: the steps of a case, one verb each. JSON in, JSON out.

Rule 1: a verb takes the same step as the local API does, by the same code; who may take it stands in the state tables.
Rule 2: personal content is shown for a reason only (``--why``), and the look is recorded before it is shown (R-13).
Rule 3: who signs names the digest that the preview showed, so that nobody signs unseen what changed meanwhile.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import click

import schemas
from gateway.cli.errors import CommandError, Exit
from gateway.cli.output import Verbs, emit, json_option, say
from gateway.cli.session import (
    REASON,
    home_option,
    passphrase,
    passphrase_option,
    read_json,
    run,
)
from gateway.cli.signing import Pen, pen_options
from gateway.core.attachments import FILE_MAX_BYTES, MEMBER_OF, NotRendered, in_short
from gateway.core.case import Side, State
from gateway.core.machine import IllegalStep, RuleRefused
from gateway.core.verification import CLERK, GATEWAY, OFFICER
from gateway.services import access, act_bodies, elsewhere, referral
from gateway.services.acts import ANYBODY, APPROVALS, DESK, GONE, LISTS, VERBS, Call, check_shown
from gateway.services.answer import needs_second_signer
from gateway.services.as_json import (
    allowed_json,
    content_json,
    desk_json,
    made_json,
    pending_json,
    preview_json,
    row_json,
)
from gateway.services.audience import find_after, find_row, heard, list_cases
from gateway.services.clear import PREVIEWED, sent_back_kind
from gateway.services.context import Forbidden, NotFound, acting
from gateway.services.directory import stands_for
from gateway.serving import desk_services
from keys import b64

if TYPE_CHECKING:
    from gateway.app import Gateway

T = TypeVar("T")

LIST_MAX = 1000


class Desk:
    """Who acts, on which home: the options that every verb of this group has."""

    def __init__(self, home: Path, passphrase_file: Path | None, person: str, role: str | None, as_json: bool) -> None:
        self.home, self.person, self.role, self.as_json = home, person, role, as_json
        self.seen: str | None = None
        self.ask = passphrase(passphrase_file)

    def run(self, act: "Callable[[Gateway], Awaitable[Any]]") -> Any:
        """Do ``act`` with the gateway, print what it returns, and return it."""
        value = self.done(act)
        emit(value, as_json=self.as_json)
        return value

    def done(self, act: "Callable[[Gateway], Awaitable[T]]") -> T:
        """
        Do ``act`` with the gateway and return what it returned.

        A rule that refuses is told as far as it is for this person (``gateway.services.audience``).
        """

        async def told(gateway: "Gateway") -> T:
            try:
                return await act(gateway)
            except RuleRefused as error:
                raise RuleRefused(heard(error.findings, self.roles(gateway))) from None

        return run(self.home, self.ask, told)

    def roles(self, gateway: "Gateway") -> frozenset[str]:
        """Return every role of the person; none if there is no such person."""
        known = gateway.context.persons.get(self.person)
        return known.roles if known else frozenset()

    def fitting(self, gateway: "Gateway", allowed: frozenset[str], before: frozenset[str] = frozenset()) -> str:
        """
        Return the role to act in: the one named, or the only one of the person's that may, one of ``before`` first.

        Raises ``Forbidden``, and ``UsageError`` if several fit and none is named.
        """
        now = gateway.context.clock.now()
        if self.role is not None:
            acting(gateway.context, self.person, self.role, now)
            if self.role not in allowed:
                raise Forbidden(f"the role '{self.role}' may not do this", f"may: {', '.join(sorted(allowed))}")
            return self.role
        found = self._held(gateway, allowed)
        found = [role for role in found if role in before] or found
        if len(found) > 1:
            raise click.UsageError(f"name the role to act in with --role: {', '.join(found)}")
        acting(gateway.context, self.person, found[0], now)
        return found[0]

    def _held(self, gateway: "Gateway", allowed: frozenset[str]) -> list[str]:
        """Return the person's roles that are ``allowed``. Raises ``Forbidden`` if none is."""
        if self.person not in gateway.context.persons:
            raise Forbidden(f"'{self.person}' is not a person of this gateway")
        found = sorted(self.roles(gateway) & allowed)
        if not found:
            raise Forbidden(f"no role of '{self.person}' may do this", f"may: {', '.join(sorted(allowed))}")
        return found

    def looking(self, gateway: "Gateway", allowed: frozenset[str]) -> str:
        """Return the role to look in; where several of the person's would do, one of a desk."""
        known = gateway.context.persons.get(self.person)
        roles = sorted(known.roles & allowed, key=lambda role: (role not in DESK, role)) if known else []
        return self.fitting(gateway, frozenset(roles[:1]) if roles and self.role is None else allowed)

    async def step(self, gateway: "Gateway", name: str, ref: str, body: dict[str, Any]) -> dict[str, Any]:
        """
        Take the step ``name`` of the local API and return where the case stands then.

        Raises ``SchemaError`` for a ``body`` that the door would not take either.
        """
        verb, roles = VERBS[name], self.roles(gateway)
        # As at the local API: whoever may never take this step learns nothing about the case.
        self._held(gateway, verb.anybody() - {GATEWAY})
        row = await find_row(gateway.inquiries, ref, roles)
        if (schema := act_bodies.TAKES.get(name)) is not None:
            act_bodies.validate(schema, body)
        if Side(row.side) not in verb.sides:
            raise IllegalStep(row.state, name, self.role or "")
        here = OFFICER if row.side == Side.REQUESTING else CLERK
        role = self.fitting(gateway, verb.roles(Side(row.side)) - {GATEWAY}, here)
        call = Call(self.person, role, ref, body, self.seen if verb.compared else None)
        made = await verb.act(desk_services(gateway), call)
        row = await find_after(gateway.inquiries, row, roles)
        return {"ref": ref, "state": row.state, **made_json(made)}

    async def sign(
        self, gateway: "Gateway", pen: Pen, step: str, side: Side, ref: str, kind: str | None = None, **more: Any
    ) -> dict[str, Any]:
        """Take ``step`` with a statement over what is prepared: of ``kind``, or of that which approves such a body."""
        role = self.fitting(gateway, VERBS[step].roles(side))
        seen = await access.glance(gateway.context, ref, self.person, role)
        type, digest = (seen.pending.type, seen.pending.digest) if seen.pending else ("", None)
        kind = kind or APPROVALS.get(type, "request.approval")
        now = gateway.context.clock.now()
        made = pen.sign(seen.thread, digest, kind, schemas.statement_roles()[role], now)
        return await self.step(gateway, step, ref, {"statement": made, **more})


def desk_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of ``Desk`` to a command, which gets the desk first. Stands next to the function."""

    @home_option
    @passphrase_option
    @click.option("--as", "person", required=True, metavar="PERSON", envvar="ISTHMUS_PERSON", help="Who acts.")
    @click.option("--role", help="In which role; only needed where several of the person's roles fit.")
    @json_option
    @wraps(function)
    def command(
        *args: Any, home: Path, passphrase_file: Path | None, person: str, role: str | None, as_json: bool, **rest: Any
    ) -> Any:
        return function(Desk(home, passphrase_file, person, role, as_json), *args, **rest)

    return command


def seen_option(step: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add ``--seen`` if ``step`` is taken only on what was seen. Stands next to the function."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        if not VERBS[step].compared:
            return function

        @click.option("--seen", metavar="MARK", help="The mark that 'show' printed; refused if the case changed since.")
        @wraps(function)
        def command(desk: Desk, *args: Any, seen: str | None, **rest: Any) -> Any:
            desk.seen = seen
            return function(desk, *args, **rest)

        return command

    return decorate


def ref_argument(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the argument REF; it may begin with a dash, so ``--`` may go before it."""
    return click.argument("ref")(function)


def plain_step(group: click.Group, name: str, step: str, text: str) -> None:
    """Add to ``group`` a verb that takes a step without anything else to say."""

    @group.command(name, help=text)
    @ref_argument
    @desk_options
    @seen_option(step)
    def plain(desk: Desk, ref: str) -> None:
        desk.run(lambda gateway: desk.step(gateway, step, ref, {}))


_NEEDED_WHY = click.option("--why", required=True, type=REASON, metavar="TEXT", help="Why; recorded with your name.")
_WHY = click.option(
    "--why", type=REASON, metavar="TEXT", help="Why the content is looked at; recorded before it is shown."
)


@click.group(cls=Verbs)
def case() -> None:
    """
    Open, approve, send, answer, stop and close cases.

    Every verb says who acts (--as) and prints JSON. A reference that begins with a dash comes after "--". A reason may
    name somebody, and everyone on the machine sees arguments: "-" reads it as a line of standard input.
    """


# Looking.


@case.command("list")
@click.option("--state", "states", multiple=True, type=click.Choice(sorted(State.__members__)), help="Only this state.")
@click.option("--officer", help="Only cases of this officer, and of whom it stands in for.")
@desk_options
def list_(desk: Desk, states: tuple[str, ...], officer: str | None) -> None:
    """List cases, soonest due first; all open ones if no state is named. No identity is in the list."""

    async def act(gateway: "Gateway") -> Any:
        desk.looking(gateway, LISTS)
        # Whoever stands in for somebody who is away sees the cases of both.
        of = stands_for(gateway.context, officer, gateway.context.clock.now()) if officer else ()
        roles = desk.roles(gateway)
        found = [
            await list_cases(gateway.inquiries, roles, states=states, officer=one, limit=LIST_MAX + 1)
            for one in of or (officer,)
        ]
        if any(len(rows) > LIST_MAX for rows in found):
            say(f"There are more than these {LIST_MAX}, due later: name a --state or an --officer.")
        return [row_json(row, roles) for rows in found for row in rows[:LIST_MAX]]

    desk.run(act)


@case.command()
@ref_argument
@_WHY
@desk_options
def show(desk: Desk, ref: str, why: str | None) -> None:
    """Show where a case stands and the steps that are open; with --why also its content."""

    async def act(gateway: "Gateway") -> Any:
        role, roles = desk.looking(gateway, ANYBODY), desk.roles(gateway)
        row = await find_row(gateway.inquiries, ref, roles)
        if why and role not in DESK:
            raise Forbidden("the content is for the desks", "leave --why out to see where the case stands")
        of = (gateway.context, ref, desk.person, role)
        seen = mark = None
        if role in DESK and row.state not in GONE:
            mark = await access.stand(*of)
            seen = await (access.look(*of, why=why) if why else access.glance(*of))
        counted = await referral.find(*of[:3], why) if seen and why else None
        named = await elsewhere.find(*of[:3], why) if seen and why else ()
        return {
            "case": row_json(row, roles),
            "allowed": allowed_json(Side(row.side), State(row.state), roles),
            "desk": desk_json(seen, shown=bool(why)) if seen else None,
            "content": in_short(content_json(seen, counted, named)) if seen and why else None,
            "mark": mark,
        }

    desk.run(act)


@case.command()
@ref_argument
@click.option(
    "--why",
    type=REASON,
    metavar="TEXT",
    required=True,
    help="Why the content is looked at; recorded before it is shown.",
)
@desk_options
def preview(desk: Desk, ref: str, why: str) -> None:
    """Show the exact body that would leave, its digest, and what is withheld by which rule."""

    async def act(gateway: "Gateway") -> Any:
        role = desk.looking(gateway, DESK)
        check_shown(await find_row(gateway.inquiries, ref, {role}))
        seen = await access.look(gateway.context, ref, desk.person, role, why=why, action="preview")
        if seen.side is Side.REQUESTING and (seen.pending is None or seen.pending.type in PREVIEWED):
            made, thread = await gateway.clear.show(ref, desk.person, role)
            return preview_json(made, thread)
        if seen.pending is None:
            raise NotFound("nothing is prepared in this case")
        return pending_json(seen.pending, seen.thread)

    desk.run(act)


# Asking.


@case.command()
@click.argument("file")
@click.option("--exercise", is_flag=True, help="An exercise with an invented person; its reference begins with TST.")
@desk_options
def new(desk: Desk, file: str, exercise: bool) -> None:
    """Open a case for the case draft in FILE ("-": standard input) and print its reference. Nothing is sent."""
    draft = read_json(file, what="a case draft")

    async def act(gateway: "Gateway") -> Any:
        role = desk.fitting(gateway, OFFICER)
        ref = await gateway.clear.new(draft, desk.person, role, exercise=exercise)
        return {"ref": ref, "state": (await find_row(gateway.inquiries, ref, {role})).state}

    desk.run(act)


@case.command()
@ref_argument
@click.argument("file")
@desk_options
@seen_option("amend")
def amend(desk: Desk, ref: str, file: str) -> None:
    """Replace the draft by the one in FILE; an approval given before is void."""
    draft = read_json(file, what="a case draft")
    desk.run(lambda gateway: desk.step(gateway, "amend", ref, draft))


_ELEMENT = click.option(
    "--element", type=click.Choice(list(MEMBER_OF)), default="DOCUMENT_IMAGE", show_default=True, help="What it is."
)


@case.command()
@ref_argument
@click.argument("file", type=click.File("rb"))
@_ELEMENT
@desk_options
@seen_option("attachment")
def attach(desk: Desk, ref: str, file: BinaryIO, element: str) -> None:
    """
    Have the image in FILE ("-": standard input) drawn anew and keep it with the record. The file itself is not kept.

    A JPEG, PNG or PDF of at most 8 MiB. What was prepared before is void. Prints the digest of each page, and what was
    removed.
    """
    raw = file.read(FILE_MAX_BYTES + 1)
    if len(raw) > FILE_MAX_BYTES:
        finding = NotRendered("file-large").finding
        raise CommandError(Exit.REFUSED, "rule-refused", f"{finding.rule}: {finding.because}", "scan it smaller")
    body = {"element": element, "content": b64.encode(raw)}
    desk.run(lambda gateway: _changed(desk, gateway, "attachment", ref, body))


@case.command()
@ref_argument
@_ELEMENT
@desk_options
@seen_option("attachment-removal")
def detach(desk: Desk, ref: str, element: str) -> None:
    """Take an image out of the record. What was prepared before is void."""
    desk.run(lambda gateway: _changed(desk, gateway, "attachment-removal", ref, {"element": element}))


async def _changed(desk: Desk, gateway: "Gateway", verb: str, ref: str, body: dict[str, Any]) -> dict[str, Any]:
    """Take a step that changes an image, and return the images there are then, without their content."""
    made = await desk.step(gateway, verb, ref, body)
    seen = await access.glance(gateway.context, ref, desk.person, desk.looking(gateway, DESK))
    return {**made, "images": in_short(seen.renditions)}


@case.command()
@ref_argument
@click.argument("file", required=False)
@click.option("--drop", is_flag=True, help="Take the remark out of the record.")
@desk_options
@seen_option("remark")
def remark(desk: Desk, ref: str, file: str | None, drop: bool) -> None:
    """
    Write the remark in FILE ("-": standard input; "language" and "text"), and have it read and redacted.

    Only where an agreement allows one. Prints what would leave of it, what was taken out, and why it is held, if it is.
    Nothing of it leaves before somebody confirms it (isthmus case confirm-remark).
    """
    if (file is None) == (not drop):
        raise click.UsageError("name a FILE, '-' for standard input, or --drop")
    value = None if file is None else read_json(file, what="a remark")
    desk.run(lambda gateway: desk.step(gateway, "remark", ref, {"remark": value}))


@case.command("confirm-remark")
@ref_argument
@click.argument("file", required=False)
@click.option("--digest", required=True, help="The digest of the redacted remark that was seen.")
@desk_options
def confirm_remark(desk: Desk, ref: str, file: str | None, digest: str) -> None:
    """
    Confirm the redacted remark, which then is part of the body prepared; an approval given before is void.

    With FILE ("-": standard input; "text"), confirm that instead: the same text with words taken out.
    """
    body: dict[str, Any] = {"digest": digest}
    if file is not None:
        body |= read_json(file, what="a text")
    desk.run(lambda gateway: desk.step(gateway, "remark-confirmation", ref, body))


@case.command()
@ref_argument
@pen_options()
@desk_options
def approve(desk: Desk, ref: str, pen: Pen) -> None:
    """Approve what was previewed, as a second person with a key of their own."""
    desk.run(lambda gateway: desk.sign(gateway, pen, "approval", Side.REQUESTING, ref))


@case.command("send-back")
@ref_argument
@click.option("--reason", required=True, type=click.Choice(sorted(schemas.codes("reason_sent_back"))), help="Why.")
@click.option("--note", type=REASON, metavar="TEXT", help="Words for who prepared it; they stay here.")
@pen_options()
@desk_options
def send_back(desk: Desk, ref: str, reason: str, note: str | None, pen: Pen) -> None:
    """
    Send back what was previewed and is not right, as a second person with a key of their own.

    Nobody else approves the same bytes any more; what is prepared in their place is approved as before.
    """
    more = {"reason": reason} | ({} if note is None else {"note": note})
    kind = sent_back_kind(reason)
    desk.run(lambda gateway: desk.sign(gateway, pen, "send-back", Side.REQUESTING, ref, kind, **more))


plain_step(case, "send", "send", "Send what was approved; it is durable when this returns.")
plain_step(case, "elements", "elements", "Prepare the answer to a question: only the elements asked for are in it.")
plain_step(case, "remind", "reminder", "Remind the other State of an overdue reply.")
plain_step(case, "discard", "discard", "Close a case before anything of it was accepted.")
plain_step(case, "close", "close", "Close a case that is answered, withdrawn or was not delivered.")
plain_step(case, "release", "release", "Let go of a case that this person, or a guest in this role, froze.")
plain_step(case, "resume", "resume", "Propose that a frozen case goes on, or, as a second person, let it go on.")
plain_step(case, "withdraw", "withdraw", "Withdraw a frozen case; the withdrawal gives no reason.")
plain_step(case, "acknowledge", "acknowledge", "Acknowledge a request that was received.")


@case.command()
@ref_argument
@click.option("--authority", required=True, metavar="ID", help="Which authority of our directory is competent.")
@click.option("--reason", required=True, type=click.Choice(sorted(schemas.codes("redirect_reason"))), help="Why.")
@desk_options
def redirect(desk: Desk, ref: str, authority: str, reason: str) -> None:
    """Point to the competent authority of our State."""
    body = {"authority": {"id": authority}, "reason": reason}
    desk.run(lambda gateway: desk.step(gateway, "redirect", ref, body))


@case.command()
@ref_argument
@click.option("--ground", required=True, type=click.Choice(sorted(schemas.codes("contest_ground"))), help="Why.")
@desk_options
def contest(desk: Desk, ref: str, ground: str) -> None:
    """Ask for a second look at a reply, once."""
    desk.run(lambda gateway: desk.step(gateway, "contest", ref, {"ground": ground}))


@case.command()
@ref_argument
@click.option("--reason", required=True, type=REASON, metavar="TEXT", help="Why; it stays sealed here.")
@click.option("--protection", metavar="FILE", help="The protection state that became known: 'asylum' of a case draft.")
@desk_options
def freeze(desk: Desk, ref: str, reason: str, protection: str | None) -> None:
    """Stop a case at once; what was never posted is taken back."""
    body: dict[str, Any] = {"reason": reason}
    if protection is not None:
        body["protection"] = read_json(protection, what="a protection state")
    desk.run(lambda gateway: desk.step(gateway, "freeze", ref, body))


@case.command()
@ref_argument
@_NEEDED_WHY
@desk_options
def apart(desk: Desk, ref: str, why: str) -> None:
    """
    Say that a case is about another person than the stopped one it is held for.

    A second person says so too; then the gateway lets go, and two persons may resume the case. Where the person has
    left nothing is resumed: what waited for this leaves by itself.
    """
    desk.run(lambda gateway: desk.step(gateway, "apart", ref, {"why": why}))


@case.command()
@ref_argument
@_NEEDED_WHY
@desk_options
def settle(desk: Desk, ref: str, why: str) -> None:
    """Say what was done about what 'show --why' asks of people under 'referral'; REF asks it no more."""

    async def act(gateway: "Gateway") -> Any:
        role = desk.fitting(gateway, OFFICER)
        row = await find_row(gateway.inquiries, ref, {role})
        await referral.settle(gateway.context, ref, why, desk.person, role)
        return {"ref": ref, "state": row.state}

    desk.run(act)


@case.command()
@ref_argument
@click.argument("file")
@_NEEDED_WHY
@desk_options
@seen_option("correction")
def correct(desk: Desk, ref: str, file: str, why: str) -> None:
    """Set right what the record says of the person, in a case that stands still: 'elements' of a case draft in FILE."""
    body = {"elements": read_json(file, what="the elements"), "why": why}
    desk.run(lambda gateway: desk.step(gateway, "correction", ref, body))


@case.command()
@ref_argument
@click.argument("file")
@_NEEDED_WHY
@desk_options
def attest(desk: Desk, ref: str, file: str, why: str) -> None:
    """Attest the protection state anew, in a case that stands still: 'asylum' of a case draft in FILE."""
    body = {"protection": read_json(file, what="a protection state"), "why": why}
    desk.run(lambda gateway: desk.step(gateway, "attestation", ref, body))


@case.command()
@ref_argument
@click.argument("file")
@_NEEDED_WHY
@desk_options
@seen_option("restatement")
def restate(desk: Desk, ref: str, file: str, why: str) -> None:
    """
    Set right what is recorded of age and guardian, in a case that stands still, as the authority in charge.

    FILE has 'age' and 'representative' of a case draft; 'isthmus return show' prints what is on record under 'person'.
    What stood is kept.
    """
    body = {**read_json(file, what="age and representative"), "why": why}
    desk.run(lambda gateway: desk.step(gateway, "restatement", ref, body))


# Answering.


@case.command()
@ref_argument
@click.option(
    "--element", "elements", multiple=True, required=True, metavar="CODE", help="Element that tells them apart."
)
@click.option("--candidates", required=True, type=click.IntRange(2, 99), help="How many entries fit so far.")
@desk_options
def ask(desk: Desk, ref: str, elements: tuple[str, ...], candidates: int) -> None:
    """Ask for one more element because several entries fit."""
    body = {"elements": list(elements), "candidates": candidates}
    desk.run(lambda gateway: desk.step(gateway, "question", ref, body))


_REASON = click.option(
    "--reason", required=True, type=click.Choice(sorted(schemas.codes("reason_delay"))), help="Why it takes longer."
)


@case.command()
@ref_argument
@_REASON
@click.option("--eta", required=True, type=click.DateTime(["%Y-%m-%d"]), help="When the answer is to be expected.")
@desk_options
def delay(desk: Desk, ref: str, reason: str, eta: datetime) -> None:
    """Say that the answer will take longer; the clock goes on."""
    desk.run(lambda gateway: desk.step(gateway, "delay", ref, {"reason": reason, "eta": eta.date().isoformat()}))


@case.command()
@ref_argument
@_REASON
@desk_options
def extend(desk: Desk, ref: str, reason: str) -> None:
    """Extend the clock as far as the agreement allows, before it is due."""
    desk.run(lambda gateway: desk.step(gateway, "extension", ref, {"reason": reason}))


@case.command()
@ref_argument
@click.argument("file", required=False)
@desk_options
@seen_option("answer")
def answer(desk: Desk, ref: str, file: str | None) -> None:
    """
    Prepare the answer in FILE ("-": standard input), and send it unless a second person must sign it first.

    FILE is a reply without "handling". Without FILE, send what was prepared and signed.
    """
    reply = None if file is None else read_json(file, what="a reply")

    async def act(gateway: "Gateway") -> Any:
        prepared = None
        if reply is not None:
            made = await desk.step(gateway, "reply", ref, reply)
            desk.seen = None  # what was seen is behind: the answer that leaves is the one just prepared
            prepared = made["prepared"]
            if needs_second_signer(str(reply.get("outcome"))):
                say("A second person signs it now: isthmus case countersign; then: isthmus case answer REF")
                return made
        return {**await desk.step(gateway, "answer", ref, {}), **({"prepared": prepared} if prepared else {})}

    desk.run(act)


@case.command()
@ref_argument
@pen_options()
@desk_options
def countersign(desk: Desk, ref: str, pen: Pen) -> None:
    """Sign a prepared answer as the second signer; the key must stand in our own card."""
    kind = "reply.second-signature"
    desk.run(lambda gateway: desk.sign(gateway, pen, "countersignature", Side.REQUESTED, ref, kind))
