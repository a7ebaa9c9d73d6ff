"""
What the trustees decided for all gateways, at every process of this one: whom not to believe, which suites to use.

Rule 1: who reads the list tells the other processes by the store, for the line of one machine to it may be cut. Of two
lists that differ, as mirrors may have them, the newer one is told.
Rule 2: each process goes by what lies here and by what was told, so by whichever allows less.
Rule 3: what was told is sealed. Where it cannot be read nobody is believed until the list was read again (fail closed).
"""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple, Protocol

from gateway.services.ports import Store, Tx
from keys import b64
from keys.errors import BadRest
from keys.rest import Vault
from keys.trust_policy import DISTRUST, SUITES, BadList, Distrust, parse_distrust, parse_suites, together
from schemas import ijson

NAME = "trustees"
"""Under which it is stored what the trustees decided."""


class PolicySource(Protocol):
    """Where what the trustees decided is read: the part of ``CardSource`` that is needed here."""

    def policy(self, name: str) -> bytes | None:
        """Return the policy ``name`` as it was last read, or ``None``."""
        ...

    def version(self) -> tuple[int, datetime] | None:
        """Return the version of what the trustees signed last, and until when it holds; ``None`` of a directory."""
        ...


class Decided(NamedTuple):
    """What the trustees decided: whom they do not believe, the suites (``None``: all), whether that could be read."""

    distrust: Distrust = Distrust()
    suites: frozenset[int] | None = None
    unread: bool = False


class _Told(NamedTuple):
    version: int
    until: datetime
    policies: dict[str, str]

    def is_newer(self, other: "_Told") -> bool:
        """Return whether an older list than this says ``other``; one that was begun anew counts from 1, and lasts."""
        return self.version > other.version and self.until >= other.until


async def tell(source: PolicySource, store: Store, vault: Vault) -> None:
    """Have every process go by what the list says that ``source`` has just read. Raises ``Unavailable``."""
    version = source.version()
    read = ((name, source.policy(name)) for name in (DISTRUST, SUITES))
    said = None if version is None else _Told(*version, {name: raw.decode() for name, raw in read if raw is not None})

    async def is_told(tx: Tx) -> bool:
        text = await tx.find_meta(NAME)
        if text is None or said is None:
            return text is None and said is None
        try:
            told = _opened(vault, text)
        except ValueError:
            return False
        return told == said or told.is_newer(said)

    async def unit(tx: Tx) -> None:
        if said is None:
            await tx.drop_meta(NAME)
        elif not await is_told(tx):
            await tx.set_meta(NAME, _sealed(vault, said))

    if not await store.read(is_told):
        await store.commit(unit)


def decided(source: PolicySource, told: str | None, vault: Vault) -> Decided:
    """Return what the trustees decided, by what lies here and by what any process was ``told``; it raises nothing."""
    found = Decided()
    try:
        for one in _read(source, told, vault):
            suites = one.suites if found.suites is None or one.suites is None else found.suites & one.suites
            both = together(found.distrust, one.distrust)
            found = Decided(both, found.suites if suites is None else suites)
    except (BadList, ValueError, OSError):
        return found._replace(unread=True)
    return found


def _read(source: PolicySource, told: str | None, vault: Vault) -> Iterator[Decided]:
    policies = {} if told is None else _opened(vault, told).policies
    for name in (DISTRUST, SUITES):
        texts = policies.get(name)
        for raw in (source.policy(name), None if texts is None else texts.encode()):
            if raw is not None:
                yield Decided(parse_distrust(raw)) if name == DISTRUST else Decided(suites=parse_suites(raw))


def _sealed(vault: Vault, said: _Told) -> str:
    value = {"version": said.version, "until": said.until.isoformat(), "policies": said.policies}
    return b64.encode(vault.seal_own("trust", "list", NAME, ijson.dumps(value)))


def _opened(vault: Vault, text: str) -> _Told:
    """Return what was told. Raises ``ValueError`` where that is not ours, or cannot be read."""
    try:
        value = ijson.loads(vault.open_own("trust", "list", NAME, b64.decode(text)))
        return _Told(value["version"], datetime.fromisoformat(value["until"]), value["policies"])
    except (BadRest, LookupError, TypeError) as error:
        raise ValueError("what was told of the trust list cannot be read") from error
