"""
A person's word under one act: the bytes are shown, the person proves presence for just these, and their key signs.

Rule 1: what the person answers is a digest of the act: session, kind, role, thread, the digest of the bytes, and random
bytes. An answer for one act is none for another, and stays as evidence of which bytes were approved.
Rule 2: only ``verify_approval`` makes a ``Proof``, and a proof signs once, soon, and for its own act alone.
Rule 3: a code of an authenticator app proves presence only where its person has no passkey; the approval says which.

The key of a person whose statements are made here lies in the gateway's key store under ``person-<id>``. Whoever holds
that store and its passphrase can sign as these persons; who must not depend on that keeps a key of their own and signs
elsewhere (``isthmus case approve``).
"""

import asyncio
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from gateway.services.account_store import TOKEN_BYTES, Approval, Session
from gateway.services.accounts import Accounts
from gateway.services.context import Forbidden, Person
from gateway.web.signin.passkeys import Passkeys
from gateway.web.signin.refused import Refused
from keys import b64, statement
from keys.custody import KeyStore
from keys.errors import NoSuchKey
from keys.sign import SigningKey

LABEL: Final = b"isthmus desk approval v1"
USE: Final = "approve"

PROOF_LASTS = timedelta(minutes=2)
"""From the answer to the signature it is one request; this is room for a slow disk."""

STATEMENT_LASTS = timedelta(days=1)

_PREFIX = "person-"
_MINT = object()


def key_name(person: str) -> str:
    """Return the name in the key store of the key of ``person``."""
    return f"{_PREFIX}{person}"


def persons_held(store: KeyStore) -> list[str]:
    """Return the ids of the persons whose keys lie in ``store``."""
    return [name.removeprefix(_PREFIX) for name in store.names() if name.startswith(_PREFIX)]


@dataclass(frozen=True, slots=True)
class Act:
    """What is approved: the case, the kind of statement, the role, the thread, and the digest of the exact bytes."""

    ref: str
    kind: str
    role: str
    thread: str
    digest: str


class Proof:
    """That one person approved one act a moment ago. Made by ``verify_approval`` alone; good for one signature."""

    __slots__ = ("_used", "act", "at", "how", "person")

    def __init__(self, mint: object, person: str, act: Act, how: str, at: datetime) -> None:
        if mint is not _MINT:
            raise TypeError("a proof is made by verify_approval alone")
        self.person, self.act, self.how, self.at, self._used = person, act, how, at, False

    def use(self, now: datetime) -> None:
        """Use it up. Raises ``Forbidden`` if it was, or if it is no longer fresh."""
        if self._used or not self.at <= now < self.at + PROOF_LASTS:
            raise Forbidden("the approval was used or is no longer fresh", "look at the bytes again and approve them")
        self._used = True


@dataclass(frozen=True, slots=True)
class Question:
    """What the page asks with: ``options`` for the passkey, empty where a code is asked for, and ``approval``."""

    options: str
    approval: str


def challenge_bytes(session: str, act: Act, salt: bytes) -> bytes:
    """Return the challenge (32 bytes) of an act: SHA-256 over the label and its parts, each behind its length."""
    made = hashlib.sha256(LABEL)
    for part in (session, act.ref, act.kind, act.role, act.thread, act.digest):
        encoded = part.encode("utf-8")
        made.update(len(encoded).to_bytes(4) + encoded)
    made.update(len(salt).to_bytes(4) + salt)
    return made.digest()


async def approve_challenge(
    accounts: Accounts, passkeys: Passkeys, session: Session, act: Act, now: datetime
) -> Question:
    """
    Return what the page of ``act`` asks the person of ``session`` with.

    Raises ``Forbidden`` if the person has nothing to prove presence with.
    """
    salt = accounts.random.bytes(TOKEN_BYTES)
    raw = challenge_bytes(session.id, act, salt)
    more = {
        "ref": act.ref,
        "kind": act.kind,
        "role": act.role,
        "thread": act.thread,
        "digest": act.digest,
        "salt": b64.encode(salt),
    }
    if await accounts.passkeys(session.person):
        options = await passkeys.options(USE, session.id, now, person=session.person, raw=raw, more=more)
        return Question(options, b64.encode(raw))
    if not await accounts.has_code(session.person):
        raise Forbidden("approving needs a passkey or codes", "ask the operator for a link to enrol one")
    await accounts.make_challenge(b64.encode(raw), USE, session.id, now, person=session.person, more=more)
    return Question("", b64.encode(raw))


async def verify_approval(
    accounts: Accounts, passkeys: Passkeys, session: Session, act: Act, form: Mapping[str, str], now: datetime
) -> Proof:
    """
    Return the proof that the person of ``session`` approved ``act``, and keep the approval.

    ``form`` has ``credential``, or ``approval`` and ``code``. Raises ``Refused``; the challenge is taken in any case.
    """
    if form.get("credential"):
        asserted = await passkeys.verify(USE, session.id, form["credential"], now)
        kept, challenge, how = asserted.kept, asserted.challenge, "passkey"
        evidence = (
            asserted.passkey.id,
            asserted.passkey.key,
            asserted.authenticator_data,
            asserted.client_data,
            asserted.signature,
        )
    else:
        challenge, how, evidence = form.get("approval", ""), "code", ("", b"", b"", b"", b"")
        found = await accounts.take_challenge(challenge, USE, session.id, now)
        if found is None or await accounts.passkeys(session.person):
            raise Refused("challenge")
        if not await accounts.check_code(session.person, form.get("code", ""), now):
            raise Refused("code")
        kept = found
    # The page acts on what it shows now: the answer must be for that, and not only for some act of this session.
    expected = challenge_bytes(session.id, act, b64.decode(kept["salt"]))
    if kept["person"] != session.person or not hmac.compare_digest(b64.encode(expected), challenge):
        raise Refused("another-act")
    made = (act.ref, act.thread, act.kind, act.role, act.digest, session.person, how, challenge, kept["salt"])
    await accounts.papers.add_approval(Approval(*made, session.id, now, *evidence))
    return Proof(_MINT, session.person, act, how, now)


@dataclass(frozen=True, slots=True)
class Hand:
    """Signs for persons whose keys lie in the gateway's key store; ``persons`` are those of the configuration."""

    keys: KeyStore
    persons: Mapping[str, Person]

    async def sign(
        self,
        proof: Proof,
        *,
        person: str,
        kind: str,
        role: str,
        thread: str,
        digest: str,
        now: datetime,
        lasts: timedelta = STATEMENT_LASTS,
    ) -> str:
        """
        Return the statement (JWS) of ``person`` over ``digest``, valid for a day or as long as ``lasts`` says.

        Raises ``Forbidden``: the proof is another's, for another act, used or stale; the key is not here or is another
        than the configuration says.
        """
        act = proof.act
        if (proof.person, act.kind, act.role, act.thread, act.digest) != (person, kind, role, thread, digest):
            raise Forbidden("the approval is for another act", "look at the bytes again and approve them")
        proof.use(now)
        key = await asyncio.to_thread(self._key, person)
        known = self.persons.get(person)
        if known is None or not known.active(now) or not hmac.compare_digest(known.key, key.public):
            raise Forbidden("the key held here is not the one of the configuration", "isthmus person add ID --held")
        made = statement.Statement(thread, kind, role, digest, now + lasts)
        return statement.make(made, key).decode("ascii")

    def holds(self, person: str) -> bool:
        """Return whether the key of ``person`` lies here. It reads the key store."""
        return key_name(person) in self.keys.names()

    def _key(self, person: str) -> SigningKey:
        try:
            return SigningKey(self.keys.get(key_name(person)))
        except NoSuchKey:
            raise Forbidden("no key of yours is held here", "sign with your own key: isthmus case approve") from None
