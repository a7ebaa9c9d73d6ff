"""
Information without persons: which documents, means and routes are used, asked and answered between States by code.

This is the exchange of Article 10(1) of the Palermo Protocol, and it is kept apart from cases on purpose.

Rule 1: it has a purpose, roles and keys of its own. Question and answer carry a statement by the information office,
whose key the card lists for that role and for no other; no role of a case may act here, and this role in no case.
Rule 2: no thread of it is the thread of a case. It stands under a mark that is no case's reference, so nothing of a
case can arrive in it, and nothing of it in a case.
Rule 3: this file knows no case: it imports nothing that opens, reads or moves one.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import schemas
from gateway.core import wire
from gateway.core.codes import PeerError, Reason
from gateway.core.messages import INFORMATION_ANSWER, INFORMATION_REQUEST
from gateway.core.wire import Payload
from gateway.services import outbox
from gateway.services.context import Context, Forbidden, NoPartner, NotFound, acting
from gateway.services.outbox import Letter
from gateway.services.ports import Tx
from gateway.services.rows import ThreadRow
from keys import statement as statements
from keys.errors import BadSignature, BadStatement, UnknownKey
from schemas import ijson

ROLE: Final = "information_officer"
MARK: Final = "information"
"""What stands in place of a case's reference in the thread of a question; a reference has 22 letters."""

WAITING_MAX = 64
"""Questions of one State that may wait for our answer (M-5.40)."""

_ROWS = "information:"
"""Before the name of each question."""
_SENT = ":sent"
"""Behind the name of a question: the id of our message of it."""
_OLD_INDEX = "information"
"""Under what earlier versions listed the names of all questions; the rows themselves are the same."""

_ENDS = {"refused": "refused", "undelivered": "undelivered", "dropped": "undelivered"}


@dataclass(frozen=True, slots=True)
class Question:
    """
    One question and its answer: ``thread`` (22 characters), ``partner``, whether it is ``ours``, the dates (ISO 8601).

    ``state`` is ``prepared``, ``asked`` or ``answered``; or, where our own message of it did not arrive, how that
    ended: ``undelivered`` or ``refused``. No member has room for a person.
    """

    thread: str
    partner: str
    ours: bool
    state: str
    on: str
    request: Mapping[str, Any]
    answer: Mapping[str, Any] | None = None
    prepared: str | None = None
    author: str | None = None

    @property
    def digest(self) -> str | None:
        """Return the digest of the body that is prepared: what the information office signs."""
        return wire.payload_digest(self.prepared.encode()) if self.prepared else None


def _name(partner: str, thread: str) -> str:
    return f"{_ROWS}{partner}:{thread}"


async def _find(tx: Tx, partner: str, thread: str) -> Question | None:
    text = await tx.find_meta(_name(partner, thread))
    return Question(**ijson.loads(text.encode())) if text else None


async def _save(tx: Tx, question: Question) -> None:
    # A row for each, and none that names them all: what one question costs must not grow with those before it.
    await tx.set_meta(_name(question.partner, question.thread), ijson.dumps(asdict(question)).decode())


async def _rows(tx: Tx, partner: str = "") -> list[tuple[str, str]]:
    """Return what is kept of all questions, or those with ``partner``, by name."""
    rows = await tx.metas(f"{_ROWS}{partner}:" if partner else _ROWS)
    return [(name, text) for name, text in rows if not name.endswith(_SENT)]


async def _all(tx: Tx, partner: str = "") -> list[tuple[str, Question | None]]:
    """
    Return all questions, or those with ``partner``, by name; ``None`` stands for one an earlier version erased.

    One that cannot be read any more is left out, and stops nothing beside it (``run_once`` says which).
    """
    read = [(name, text, _read(text)) for name, text in await _rows(tx, partner)]
    return [(name, question) for name, text, question in read if question is not None or not text]


def _read(text: str) -> Question | None:
    """Return the question in ``text``, ``None`` where it cannot be read any more."""
    try:
        question = Question(**ijson.loads(text.encode()))
        _last_day(question)
    except (ijson.BadJson, LookupError, TypeError):
        return None
    return question


async def _forget(tx: Tx, name: str) -> None:
    # What still waits of it goes on as it is sealed; nobody here can read it any more.
    sent, partner = await tx.find_meta(name + _SENT), name.removeprefix(_ROWS).split(":")[0]
    row = await tx.find_outbound(partner, sent) if sent else None
    if row is not None and row.sealed is not None:
        await tx.save_outbound(row._replace(sealed=None))
    await tx.drop_meta(name)
    await tx.drop_meta(name + _SENT)


async def _ended(tx: Tx, name: str, question: Question) -> Question:
    """Return ``question``, stored under ``name``, with the end that our own message of it came to without arriving."""
    if question.state != ("asked" if question.ours else "answered"):
        return question
    sent = await tx.find_meta(name + _SENT)
    row = await tx.find_outbound(question.partner, sent) if sent else None
    if row is None or row.status == wire.ACCEPTED or (row.state == "dropped" and row.posted_at is not None):
        return question  # it arrived, waits, or may have arrived
    return replace(question, state=_ENDS.get(row.state, question.state))


class Information:
    """The information office of one State."""

    def __init__(self, context: Context) -> None:
        """Work for the gateway of ``context``."""
        self._context = context

    # What we ask, and answer.

    async def ask(self, country: str, request: Mapping[str, Any], person: str) -> Question:
        """
        Prepare the question ``request`` (schema ``information.request``) to ``country``; it leaves once it is signed.

        Raises ``SchemaError``, ``Forbidden``, ``NotFound`` for a State that is no partner.
        """
        context, now = self._context, self._acting(person)
        schemas.validate(INFORMATION_REQUEST, request)
        if country not in context.partners:
            raise NoPartner(country)
        if context.no_contact(country) is not None:  # why is for those who keep the list
            raise Forbidden(f"{country} is not to be contacted", "ask who keeps the list")
        text = ijson.dumps(dict(request)).decode()
        thread = context.random.token()
        made = Question(thread, country, True, "prepared", now.date().isoformat(), dict(request), None, text, person)

        async def unit(tx: Tx) -> None:
            await _save(tx, made)

        await context.commit(unit)
        return made

    async def prepare_answer(self, country: str, thread: str, answer: Mapping[str, Any], person: str) -> Question:
        """
        Prepare ``answer`` (schema ``information.answer``) to a question of ``country``. Raises as ``ask``.

        An answer that was refused is none (M-5.6): another one may be given, and the refused one is forgotten.
        """
        context, _ = self._context, self._acting(person)
        schemas.validate(INFORMATION_ANSWER, answer)

        async def unit(tx: Tx) -> Question:
            question = await _ended(tx, _name(country, thread), await self._get(tx, country, thread))
            if question.ours or question.state not in ("asked", "refused"):
                raise Forbidden("there is nothing to answer here", "list the questions: isthmus information list")
            text = ijson.dumps(dict(answer)).decode()
            made = replace(question, state="asked", answer=None, prepared=text, author=person)
            await _save(tx, made)
            return made

        prepared: Question = (await context.commit(unit)).value
        return prepared

    async def send(self, country: str, thread: str, statement: str, person: str) -> Question:
        """
        Send what is prepared, with ``statement``: by another person, with a key our card lists for the office.

        Raises ``Forbidden``, ``Unavailable``.
        """
        context, now = self._context, self._acting(person)

        async def unit(tx: Tx) -> Question:
            question = await self._get(tx, country, thread)
            if question.prepared is None or question.digest is None:
                raise Forbidden("nothing is prepared here", "prepare it first")
            if question.author == person:
                raise Forbidden("author and signer are different persons", "ask a second person of the office")
            type = INFORMATION_REQUEST if question.ours else INFORMATION_ANSWER
            self._check(statement, thread, type, question.digest, person, now)
            await tx.set_meta(_name(country, thread) + _SENT, await self._queue(tx, question, type, statement, now))
            said = {"state": "asked"} if question.ours else {"state": "answered", "answer": _value(question)}
            made = replace(question, prepared=None, author=None, **said)
            await _save(tx, made)
            return made

        sent: Question = (await context.commit(unit)).value
        return sent

    async def questions(self, person: str) -> tuple[Question, ...]:
        """Return every question, ours and theirs, in the order of the days on which they were written or came."""
        self._acting(person)

        async def unit(tx: Tx) -> tuple[Question, ...]:
            found = [await _ended(tx, name, question) for name, question in await _all(tx) if question is not None]
            return tuple(sorted(found, key=lambda question: question.on))

        return await self._context.store.read(unit)

    # What is over.

    async def run(self, every_s: float = 3600.0) -> None:
        """Erase what is over every ``every_s`` seconds until cancelled."""
        await self._context.every(every_s, self.run_once)

    async def run_once(self, now: datetime) -> int:
        """
        Erase each question whose own ``retain_until`` or that of its answer has passed; return how many.

        Its sender chooses that day, so none is kept for longer than a closed case (``Policy.erased_after_days``). Not
        while the clock is not believed, as with cases (``gateway.services.steady``).
        """
        if not self._context.believes(now):
            return 0
        today = now.date()
        oldest = (today - timedelta(days=self._context.policy.erased_after_days)).isoformat()

        async def unit(tx: Tx) -> int:
            gone, readable = 0, dict(await _all(tx))
            for name in [name for name, _ in await _rows(tx) if name not in readable]:
                self._context.log("information.unreadable", partner=name.removeprefix(_ROWS).split(":")[0])
            for name, question in readable.items():
                if question is None or question.on < oldest or _last_day(question) < today.isoformat():
                    await _forget(tx, name)
                    gone += question is not None
            await tx.drop_meta(_OLD_INDEX)
            return gone

        erased: int = (await self._context.commit(unit)).value
        return erased

    # What arrives.

    async def take(self, tx: Tx, thread: ThreadRow, payload: Payload, now: datetime) -> str:
        """
        Take in a question or an answer whose statement was verified, and return the mark its thread stands under.

        Raises ``PeerError`` (``illegal-step``) for a thread of a case, a second question in a thread, an answer to
        nothing (M-3.23), and a question while as many wait as may (M-5.40).
        """
        partner, name = payload.sender, payload.thread or ""
        held = await _find(tx, partner, name)
        on = now.date().isoformat()
        if payload.type == INFORMATION_REQUEST:
            if thread.ref is not None or thread.out_seq or held is not None:
                raise PeerError(Reason.STEP_NONE)
            asked = [one for _, one in await _all(tx, partner) if one and not one.ours and one.state == "asked"]
            if len([one for one in asked if _last_day(one) > on]) >= WAITING_MAX:
                raise PeerError(Reason.STEP_NONE)
            await _save(tx, Question(name, partner, False, "asked", on, payload.body))
        else:
            if held is None or not held.ours or held.state != "asked":
                raise PeerError(Reason.STEP_NONE)
            await _save(tx, replace(held, state="answered", answer=payload.body))
        self._context.log("information.received", partner=partner, type=payload.type)
        return MARK

    # What these have in common.

    def _acting(self, person: str) -> datetime:
        now = self._context.clock.now()
        acting(self._context, person, ROLE, now)
        return now

    async def _get(self, tx: Tx, country: str, thread: str) -> Question:
        found = await _find(tx, country, thread)
        if found is None:
            raise NotFound("there is no such question here")
        return found

    def _check(self, statement: str, thread: str, kind: str, digest: str, person: str, now: datetime) -> None:
        """
        Check the statement as the other State will, under a key of our own card; and that it is the key of ``person``.

        Raises ``Forbidden``.
        """
        role = schemas.statement_roles()[ROLE]
        own = self._context.own
        try:
            if own is None:
                raise UnknownKey("no card of ours is published")
            _, signed = statements.parse(statement.encode())
            key = own.role_key(signed.kid, role, now)
            statements.verify(statement.encode(), thread=thread, kind=kind, role=role, digest=digest, key=key, now=now)
            if key != self._context.persons[person].key:
                raise BadSignature("it is another person's")
        except (BadStatement, BadSignature, UnknownKey) as error:
            raise Forbidden(
                f"the statement does not verify: {error}", "sign the digest with a key our card lists for the office"
            ) from error

    async def _queue(self, tx: Tx, question: Question, type: str, statement: str, now: datetime) -> str:
        """Put what is prepared in the outbox; return the id of the message."""
        context, country = self._context, question.partner
        row = await tx.find_thread(country, question.thread)
        thread = row or ThreadRow(country, question.thread, MARK)
        at = now.replace(microsecond=0)
        letter = Letter(
            partner=country,
            type=type,
            body=(question.prepared or "").encode(),
            issued_at=at,
            expires_at=at + wire.MAX_VALIDITY,
            statements=(statement,),
        )
        return (await outbox.put(context, tx, letter, now, thread)).id


def _last_day(question: Question) -> str:
    """Return the first of the days until which the question, and its answer, may be kept."""
    bodies = [body for body in (question.request, question.answer) if body is not None]
    return min(str(body["handling"]["retain_until"]) for body in bodies)


def _value(question: Question) -> Mapping[str, Any]:
    return ijson.loads((question.prepared or "{}").encode())
