"""
What the trustees decided for all gateways, at every process of this one: whom not to believe, which suites to use.

Rule 1: who reads the list tells the other processes by the store, for the line of one machine to it may be cut. Of two
lists that differ, as mirrors may have them, the newer one is told.
Rule 2: each process goes by what lies here and by what was told, so by whichever allows less.
Rule 3: what was told is sealed. Where it cannot be read nobody is believed until the list was read again (fail closed).
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product
from typing import NamedTuple, Protocol, TypeVar

from gateway.services.ports import Store, Tx
from keys import b64
from keys.card import Card, CardKey
from keys.errors import BadRest
from keys.rest import Vault
from keys.trust_policy import DISTRUST, SUITES, BadList, Distrust, parse_distrust, parse_suites, together
from schemas import ijson

NAME, _EARLIER = "trustees", "distrust"
"""Under which it is stored what the trustees decided; an earlier state kept whom they distrust alone, and unsealed."""


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

    def hold(self, country: str) -> str | None:
        """Return why ``country`` is on hold by what they decided, or ``None``."""
        if self.unread:
            return "what the trustees decided cannot be read here; it counts again once the trust list was read"
        since = self.distrust.countries.get(country)
        return None if since is None else f"distrusted by the trustees since {since:%Y-%m-%d %H:%M} UTC"

    def believed(self, card: Card) -> Card:
        """Return ``card`` with those of its keys revoked that the trustees do not believe."""
        revoked = {kid: at for (country, kid), at in self.distrust.keys.items() if country == card.country}
        if not revoked:
            return card
        return replace(
            card,
            signing=tuple(_revoked(key, revoked) for key in card.signing),
            sealing=tuple(_revoked(key, revoked) for key in card.sealing),
            roles=tuple(_revoked(key, revoked) for key in card.roles),
        )


class _Told(NamedTuple):
    version: int
    until: datetime
    policies: Mapping[str, str]

    def is_newer(self, other: "_Told") -> bool:
        """Return whether an older list than this says ``other``; one that was begun anew counts from 1, and lasts."""
        return self.version > other.version and self.until >= other.until


async def told(tx: Tx) -> str | None:
    """Return what any process was told last, as it is stored."""
    return await tx.find_meta(NAME) or await tx.find_meta(_EARLIER)


async def tell(source: PolicySource, store: Store, vault: Vault) -> None:
    """Have every process go by what the list says that ``source`` has just read. Raises ``Unavailable``."""
    version = source.version()
    read = {name: raw.decode() for name in (DISTRUST, SUITES) if (raw := source.policy(name)) is not None}
    said = None if version is None else _Told(*version, read)

    async def is_told(tx: Tx) -> bool:
        text = await told(tx)
        if text is None or said is None:
            return text is None and said is None
        try:
            before = _opened(vault, text)
        except ValueError:
            return False
        return before == said or before.is_newer(said)

    async def unit(tx: Tx) -> None:
        if await is_told(tx):
            return
        await tx.drop_meta(_EARLIER)
        await (tx.drop_meta(NAME) if said is None else tx.set_meta(NAME, _sealed(vault, said)))

    if not await store.read(is_told):
        await store.commit(unit)


def decided(source: PolicySource, text: str | None, vault: Vault) -> Decided:
    """Return what the trustees decided, by what lies here and by what was ``told``, the ``text``; it raises nothing."""

    def as_told(name: str) -> bytes | None:
        said = None if text is None else _opened(vault, text).policies.get(name)
        return None if said is None else said.encode()

    found = Decided()
    for name, read in product((DISTRUST, SUITES), (source.policy, as_told)):
        try:
            found = _narrowed(found, name, read(name))
        except (BadList, ValueError, OSError):
            found = found._replace(unread=True)
    return found


def _narrowed(found: Decided, name: str, raw: bytes | None) -> Decided:
    """Return what is left of ``found`` by the policy ``name``, too. Raises ``BadList``."""
    if raw is None:
        return found
    if name == DISTRUST:
        return found._replace(distrust=together(found.distrust, parse_distrust(raw)))
    suites = parse_suites(raw)
    return found._replace(suites=suites if found.suites is None else found.suites & suites)


def _sealed(vault: Vault, said: _Told) -> str:
    value = {"version": said.version, "until": said.until.isoformat(), "policies": said.policies}
    return b64.encode(vault.seal_own("trust", "list", NAME, ijson.dumps(value)))


def _opened(vault: Vault, text: str) -> _Told:
    """Return what was told. Raises ``ValueError`` where that is not ours, or cannot be read."""
    if text.startswith("{"):
        return _Told(0, datetime.min.replace(tzinfo=UTC), {DISTRUST: text})  # by an earlier state; no sealed text does
    try:
        value = ijson.loads(vault.open_own("trust", "list", NAME, b64.decode(text)))
        return _Told(value["version"], datetime.fromisoformat(value["until"]), value["policies"])
    except (BadRest, LookupError, TypeError) as error:
        raise ValueError("what was told of the trust list cannot be read") from error


K = TypeVar("K", bound=CardKey)


def _revoked(key: K, revoked: Mapping[str, datetime]) -> K:
    at = revoked.get(key.kid)
    if at is None or (key.revoked_at is not None and key.revoked_at <= at):
        return key
    return replace(key, revoked_at=at)
