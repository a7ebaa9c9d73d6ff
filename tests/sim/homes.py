"""
The homes of the simulated States: made once a process with real keys and cards, then copied for every seed.

What is the same at every start of a gateway is worked out once a process too: the key of a key store, the self-test of
the primitives, the law, the schema that a store must have, the cards. A seed starts a dozen gateways, and these would
be most of its time. And a signature that verified does so again: who sends, who receives and the end look at the same.
"""

import asyncio
import gc
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from hashlib import sha256
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

from nacl.pwhash import argon2id
from PIL import Image

from gateway import app, configured, home, serving, settings
from gateway.cli.keys import SIGNING_MAX, next_signing
from gateway.core.attachments import Rendition
from gateway.core.remark import PROTECTION
from gateway.core.wire import format_instant
from gateway.services import own_card, windows
from gateway.services.context import NoRedactor
from gateway.services.ports import Redacted
from gateway.settings import Settings
from gateway.storage import migrate
from gateway.storage.sqlite import run_inline
from gateway.transport.card_directory import load_cards, newest_path, write_card, write_card_anew
from keys import b64, card, custody, selftest, statement
from keys import sign as ed25519
from keys.card import Card
from keys.custody import KeyStore, open_store
from keys.seal import SealingKey
from keys.sign import SigningKey
from tests.sim.loop import SimulatedLoop
from tests.sim.network import listen
from tests.support.memory import MEMORY
from tests.support.network import PEOPLE, introduce, make_home
from tests.support.pictures import rendition, saved
from tests.support.stolen import replace_keys

COUNTRIES = ("XAA", "XBB", "XCC")
START = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
PORT = 8443
LEAVES_DAYS = 1.5
"""After so many days a person of the asylum authority holds that office no more."""

ALONE = ("lawyer", "dpo")
"""Persons of the one role of that name, beside those of ``PEOPLE``."""

WORDS = "correct horse"
WINDOWS = 2
"""Sealing keys of a new home: reading one takes a thousandth of a second at every start."""

SETTINGS = """
[limits]
post_timeout_s = 3
in_flight = 2
"""
POST_TIMEOUT_S = 3.0


class NoInquiries:
    """Stands where desks read: nobody looks at a page in a simulation."""

    async def close(self) -> None:
        """Do nothing."""


FEARS = "The person says what awaits those who go back there."


def tells(draft: Mapping[str, Any]) -> bool:
    """Return whether the remark in a draft tells of a need for protection."""
    return bool(draft.get("remark")) and draft["remark"]["text"] == FEARS


class Reader:
    """Stands where small models read free words: one text tells of a need for protection, any other of nothing."""

    async def redact(self, text: str, language: str) -> Redacted:
        """Say so of ``text``."""
        return Redacted((), (PROTECTION,) if text == FEARS else (), language)

    async def close(self) -> None:
        """Do nothing."""


PORTRAIT = saved(Image.new("RGB", (480, 640), (180, 160, 150)))
"""The file of a picture, the same in every seed."""


class Renderer:
    """Stands where a worker draws pictures anew, in a process of its own: there is one picture, drawn once."""

    async def render(self, raw: bytes, member: str) -> Rendition:
        """Return what is drawn of it."""
        return _drawn(member)


@cache
def _drawn(member: str) -> Rendition:
    return rendition(member, PORTRAIT)


class NoCollector:
    """
    Stands for the module ``gc`` in the composition root.

    ``serve`` sets aside what is loaded at a start; here many gateways start in one process, one after another.
    """

    def collect(self) -> None:
        """Do nothing."""

    def freeze(self) -> None:
        """Do nothing."""

    def set_threshold(self, *counts: int) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class Homes:
    """The directory of all homes, and the signing keys of the people of every desk."""

    root: Path
    keys: Mapping[str, SigningKey]


def host(country: str) -> str:
    """Return the name of the machine on which the gateway of ``country`` runs."""
    return f"{country.lower()}.test"


@cache
def template() -> Homes:
    """Make the homes of this process, within ``shared``; they go when it ends."""
    root = Path(tempfile.mkdtemp(prefix="homes-", dir=MEMORY))
    Finalize(None, shutil.rmtree, (root, True), exitpriority=0)  # unlike atexit it is called in a worker of a pool too
    keys = {name: SigningKey(sha256(name.encode()).digest()) for name in (*PEOPLE, "leaver", *ALONE)}
    homes = {country: root / country.lower() for country in COUNTRIES}
    many, home.WINDOWS = home.WINDOWS, WINDOWS
    try:
        for country, path in homes.items():
            address = f"https://{host(country)}:{PORT}"
            make_home(path, country, keys, START, address=address, peers_host=host(country), api_port=None)
    finally:
        home.WINDOWS = many
    introduce(homes, dict(keys))
    for path in homes.values():
        file = path / settings.FILE_NAME
        lines = [line for line in file.read_text().splitlines() if not line.startswith("tls_")]
        text = "\n".join(lines).replace("refresh_s = 900", "refresh_s = 60")
        alone = "".join(_person(name, name, keys[name]) for name in ALONE)
        file.write_text(text + _leaver(keys["leaver"]) + alone + SETTINGS)
        loop = SimulatedLoop(0)
        loop.run_until_complete(_create(path))
        loop.close()
    gc.collect()
    gc.freeze()  # what is loaded by now stays: a collection looks at what seeds have made
    return Homes(root, keys)


def _leaver(key: SigningKey) -> str:
    """Return the table of a person of the asylum authority who leaves that office."""
    until = format_instant(START + timedelta(days=LEAVES_DAYS))
    return f'{_person("leaver", "asylum_authority", key)}active_until = "{until}"\n'


def _person(name: str, role: str, key: SigningKey) -> str:
    """Return the table of a person with one role."""
    return f'\n[[persons]]\nid = "{name}"\nroles = ["{role}"]\nkey = "{b64.encode(key.public)}"\n'


@contextmanager
def shared(*, leave: bool = False) -> Iterator[None]:
    """
    Work out once a process what every start of a gateway works out anew, and listen where there are no sockets.

    With ``leave`` no garbage is collected from then on.
    """
    before = [(module, name, getattr(module, name)) for module, name in _PLACES]
    for (module, name), made in zip(_PLACES, _shared(), strict=True):
        setattr(module, name, made)
    gc.disable()  # what a seed makes is kept until it ends: one look at it is enough, then
    try:
        yield
    finally:
        if not leave:
            gc.collect()
            gc.enable()
        for module, name, real in before:
            setattr(module, name, real)


_PLACES: tuple[tuple[Any, str], ...] = (
    (argon2id, "kdf"),
    (selftest, "run"),
    (app, "reckoner"),
    (serving, "gc"),
    (serving, "listen"),
    (migrate, "load_migrations"),
    (migrate, "_check_schema"),
    (card, "parse_card"),
    (own_card, "parse_card"),
    (windows, "parse_card"),
    (home, "SealingKey"),
    (configured, "CosigningKey"),
    (custody, "_parse_file"),
    (custody, "_parse_secrets"),
    (custody, "open_bytes"),
    (ed25519, "verify"),
    (settings, "load"),
)


@cache
def _shared() -> tuple[Any, ...]:
    """Return what stands in ``_PLACES`` during a seed, in their order."""
    read, law = configured.reckoner, dict[str, Any]()
    check, checked = migrate._check_schema, set[frozenset[tuple[Any, ...]]]()

    def reckoner(chosen: Settings) -> Any:
        country = chosen.values["country"]
        if country not in law:
            law[country] = read(chosen)
        return law[country]

    def check_schema(db: sqlite3.Connection, known: Any) -> None:
        found = frozenset(migrate._schema(db).items())
        if found not in checked:
            check(db, known)
            checked.add(found)

    def load(place: Path, environ: Mapping[str, str]) -> Settings:
        return loaded(place, (place / settings.FILE_NAME).read_bytes())

    load_anew = settings.load
    loaded = lru_cache(maxsize=16)(lambda place, _: load_anew(place, {}))
    parse = lru_cache(maxsize=1024)(card.parse_card)
    sealing: Any = lru_cache(maxsize=1024)(SealingKey)
    sealing.generate = SealingKey.generate
    stored = tuple(
        lru_cache(maxsize=1024)(one)
        for one in (configured.CosigningKey, custody._parse_file, custody._parse_secrets, custody.open_bytes)
    )
    verified = lru_cache(maxsize=1024)(ed25519.verify)
    pure = cache(argon2id.kdf), cache(selftest.run), reckoner, NoCollector(), listen, cache(migrate.load_migrations)
    return (*pure, check_schema, parse, parse, parse, sealing, *stored, verified, load)


async def _create(path: Path) -> None:
    """Make the empty database of a home, with the cards of its partners."""

    class Standing:
        def now(self) -> datetime:
            return START

        async def sleep(self, seconds: float) -> None:
            await asyncio.sleep(seconds)

    gateway = await app.build(
        settings.load(path, {}),
        passphrase=lambda: WORDS,
        environ={},
        clock=Standing(),
        run=run_inline,
        peers=_Nobody(),
        redactor=NoRedactor(),
        inquiries=NoInquiries(),
        log=lambda event, **values: None,
        create=True,
    )
    await gateway.refresh_trust()
    await gateway.close()


class _Nobody:
    """The doors of partners while nothing is posted."""


# What an operator does at the command line, while the gateway runs or not.


def key_store(path: Path) -> KeyStore:
    """Open the key store of a home."""
    return open_store(f"file:{path / home.KEY_FILE}?profile=interactive", passphrase=lambda: WORDS, environ={})


def own_card(path: Path, country: str) -> Card:
    """Return the newest card that a State published."""
    return card.parse_card(newest_path(path / "cards", country).read_bytes())


def issue(path: Path, country: str, changes: Mapping[str, Any], now: datetime) -> Card:
    """Sign the next card of a State with ``changes`` and publish it in its own home."""
    store = open_store(f"file:{path / home.IDENTITY_FILE}?profile=interactive", passphrase=lambda: WORDS, environ={})
    held = own_card(path, country)
    made = home.next_card(held, changes, SigningKey(store.get(home.IDENTITY)), max(now, held.issued_at))
    write_card(path / "cards", made)
    return made


def date_anew(path: Path, country: str, now: datetime) -> list[Card]:
    """Put the cards of a State that are dated ahead anew in their places, in its own home, and return them."""
    store = open_store(f"file:{path / home.IDENTITY_FILE}?profile=interactive", passphrase=lambda: WORDS, environ={})
    cards = [card.parse_card(raw) for raw in load_cards(path / "cards", country)]
    made = home.dated_anew(cards, SigningKey(store.get(home.IDENTITY)), now)
    for one in made:
        write_card_anew(path / "cards", one)
    return made


def fetch(path: Path, country: str, partner: str, *, fetches: str | None, beside: bool = False) -> None:
    """
    Say in the home of ``country`` how messages pass between it and ``partner``, of whom ``fetches`` does, or nobody.

    With ``beside`` the one that fetches has a door too, and is posted to all the same.
    """
    way = "collect" if country == fetches else "pull" if partner == fetches and not beside else "push"
    file, head = path / settings.FILE_NAME, rf"(?m)^(\[partners\.{partner}\]\n)(transmission = .*\n)?"
    file.write_text(re.sub(head, rf'\1transmission = "{way}"\n', file.read_text()))


def new_sealing(path: Path, country: str, now: datetime, *, keep: bool, days: int) -> dict[str, Any]:
    """Make a sealing key for ``days`` and return what the next card says: it beside the old ones, or it alone."""
    store, claims = key_store(path), card.claims_of(own_card(path, country))
    secret = home.add_sealing_key(store, 1)
    begin = now.replace(microsecond=0) - timedelta(hours=1)
    until = format_instant(begin + timedelta(days=days))
    window = {"from": format_instant(begin), "until": until, "revoked_at": None}
    made = {"suite": 1, "kid": b64.encode(secret.kid), "key": b64.encode(secret.public), **window}
    living = [one for one in claims["sealing"] if keep and datetime.fromisoformat(one["until"]) > now]
    signing = [{**one, "until": max(one["until"], until)} for one in claims["signing"]]
    roles = [{**one, "until": max(one["until"], until)} for one in claims["roles"]]
    return {"sealing": [*living, made], "signing": signing, "roles": roles}


def new_signing(path: Path, country: str, now: datetime) -> dict[str, Any]:
    """Make the next key to sign with and return what the next card says: it beside those listed; nothing if full."""
    held, secret = own_card(path, country), SigningKey.generate()
    if len(held.signing) >= SIGNING_MAX:
        return {}
    key_store(path).put(home.NEXT, secret.seed)
    return next_signing(secret, held, now)


def begin_to_sign(path: Path) -> None:
    """Put the next signing key in the place of the one in use, which is destroyed."""
    key_store(path).replace(home.SIGNING, home.NEXT)


def stolen(path: Path, country: str, now: datetime) -> tuple[dict[str, Any], dict[bytes, datetime]]:
    """Put new keys in the place of stolen ones; return what the next card says, and until when what is gone opened."""
    return replace_keys(key_store(path), own_card(path, country), now)


def sign(homes: Homes, person: str, said: statement.Statement) -> str:
    """Return a statement as the person's own device signs it."""
    return statement.make(said, homes.keys[person]).decode()
