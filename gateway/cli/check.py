"""
``isthmus check``: everything that can be wrong with a gateway, at once, each with the next step.

Rule 1: it changes nothing. The database is opened read-only, and no card is taken.
Rule 2: one check that fails does not keep the others from running.
"""

import asyncio
import os
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

import schemas
from gateway import home as homes
from gateway import settings
from gateway.cli import trust_check
from gateway.cli.errors import Exit, describe
from gateway.cli.keys import device_key, ended_keys, own_card, private_kids
from gateway.cli.output import counted, emit, json_option, say, shown, styled
from gateway.cli.person import TRAVELS
from gateway.cli.session import home_option, passphrase, passphrase_option
from gateway.cli.toml_file import example
from gateway.core.calendars import Calendar
from gateway.core.checkpoint import parse_note
from gateway.core.envelope import MEDIA_TYPE
from gateway.services.checkpoints import LATE
from gateway.services.ports import Unavailable
from gateway.services.trust import advance_chain
from gateway.settings import Settings
from gateway.storage.errors import reason
from gateway.storage.migrate import load_migrations
from gateway.transport.card_directory import load_cards
from gateway.transport.peers import HttpPeers, spki_hash
from keys import b64, card, selftest
from keys.card import Card
from keys.cosign import CosigningKey
from keys.custody import open_store
from keys.errors import CardRefused
from keys.ids import SIGN, key_id

SOON = timedelta(days=60)
"""How long before an end it becomes a finding: time enough for two officers, an envoy and a holiday."""

DISK_FREE_MIN_BYTES = 1 << 30
SKEW_MAX = timedelta(seconds=300)
BUILT_ON = date(2025, 1, 1)
"""A clock before this day is wrong."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing looked at: its area, whether it is well, what was seen, and the next step where it is not."""

    area: str
    level: str
    text: str
    hint: str = ""


def ok(area: str, text: str) -> Item:
    """Return an item that is well."""
    return Item(area, "ok", text)


def bad(area: str, text: str, hint: str) -> Item:
    """Return a finding."""
    return Item(area, "finding", text, hint)


@dataclass(frozen=True, slots=True)
class Look:
    """What the checks look at."""

    settings: Settings
    ask: Callable[[], str]
    now: datetime


Check = Callable[[Look], Iterator[Item]]


@click.command()
@home_option
@passphrase_option
@click.option("--online", is_flag=True, help="Also try to reach every partner.")
@click.option("--example", "as_example", is_flag=True, help="Print an annotated configuration file, and nothing else.")
@json_option
def check(home: Path, passphrase_file: Path | None, online: bool, as_example: bool, as_json: bool) -> None:
    """
    Look at configuration, keys, cards, database, calendars, disk and clock, and name the next step for each finding.

    Exits 0 if all is well, 1 with findings, 3 if the configuration cannot be used, 4 if only a partner is out of reach.
    """
    if as_example:
        click.echo(example(), nl=False)
        return
    look = Look(settings.load(home, os.environ), passphrase(passphrase_file), datetime.now(UTC))
    items = [item for one in CHECKS for item in _guarded(one, look)]
    if online:
        items += asyncio.run(_reach(look))
    _tell(items, as_json)
    found = {item.area for item in items if item.level == "finding"}
    code = Exit.DONE if not found else Exit.UNREACHABLE if found == {"reach"} else Exit.FINDINGS
    click.get_current_context().exit(int(code))


def _guarded(one: Check, look: Look) -> list[Item]:
    """Run one check; what it raises is a finding too."""
    items: list[Item] = []
    try:
        items.extend(one(look))
    except Exception as error:
        told = describe(error)
        items.append(bad(one.__name__.strip("_"), told.detail, told.hint or "isthmus check again once this is mended"))
    return items


def _tell(items: list[Item], as_json: bool) -> None:
    findings = [item for item in items if item.level == "finding"]
    if as_json:
        emit({"ok": not findings, "items": items})
        return
    colours = {"ok": "green", "note": "yellow", "finding": "red"}
    for item in items:
        click.echo(f"{styled(f'{item.level:<8}', colours[item.level])} {item.area:<9} {shown(item.text)}")
        if item.hint:
            click.echo(f"{'':<19}-> {shown(item.hint)}")
    say(f"{counted(len(findings), 'finding')}.")


# What is looked at.


def _configuration(look: Look) -> Iterator[Item]:
    values = look.settings.values
    yield ok("config", f"{look.settings.home / settings.FILE_NAME} fits its schema")
    if not values["persons"]:
        yield bad("config", "nobody may act here", "isthmus keys new, then isthmus person add")
    if not values["partners"]:
        yield bad("config", "there is no partner", "isthmus partner add XBB --card FILE --fingerprint ...")
    if values["persons"] and not {"case_officer", "liaison_officer"} <= {
        r for p in values["persons"] for r in p["roles"]
    }:
        yield bad("config", "no request can leave: it takes a case officer and a liaison officer", "isthmus person add")


def _permissions(look: Look) -> Iterator[Item]:
    home = look.settings.home
    peers = look.settings.values["listeners"]["peers"]
    private = [home / homes.KEY_FILE, home / homes.IDENTITY_FILE, look.settings.database]
    private += [home / peers["tls_key"]] if peers["tls_key"] else []
    wrong = [path for path in private if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077]
    for path in wrong:
        yield bad("files", f"{path} may be used by others", f"chmod 600 {path}, and ask who could have read it")
    if stat.S_IMODE(home.stat().st_mode) & 0o022:
        yield bad("files", f"{home} may be changed by others", f"chmod 700 {home}")
    if not wrong:
        yield ok("files", "keys and database are the owner's alone")
    if (home / homes.IDENTITY_FILE).exists():
        hint = "carry it to its safe; it is needed to issue a card, and for nothing else"
        yield Item("files", "note", f"the identity key lies on this machine: {home / homes.IDENTITY_FILE}", hint)


def _crypto(look: Look) -> Iterator[Item]:
    selftest.run()
    yield ok("crypto", "every primitive gives its published answer")


def _keys(look: Look) -> Iterator[Item]:
    """Compare the private halves in the store with our card."""
    store = open_store(look.settings.custody, passphrase=look.ask, environ=os.environ)
    names = store.names()
    device = device_key(look.settings)
    for name in (homes.LOG, homes.KEK) if device else (homes.SIGNING, homes.LOG, homes.KEK):
        if name not in names:
            yield bad("keys", f"the key store holds no '{name}'", "restore the key store from its copy in the safe")
    if homes.COSIGNING not in names:
        yield bad("keys", "there is no key to cosign checkpoints with", "isthmus log cosigner")
    elif CosigningKey(store.get(homes.COSIGNING)).public not in own_card(look.settings).cosigning:
        yield bad("keys", "our card does not list the key that cosigns checkpoints", "isthmus log cosigner")
    here, held = private_kids(store), own_card(look.settings)
    in_use = device.kid if device else next((kid for kid, name in here.items() if name == homes.SIGNING), "")
    if device and homes.SIGNING in names:
        hint = "isthmus keys rotate signing --activate, once every partner has the card with the device's key"
        yield bad("keys", "a signing key is in the key store, and the one in use is in a device", hint)
    if not any(key.kid == in_use and key.is_active(look.now) for key in held.signing):
        yield bad(
            "keys", "our card does not list the signing key in use, or not for now", "isthmus keys rotate signing"
        )
    if not any(one.kid in here for one in held.log):
        yield bad(
            "keys", "our card does not list the log key in use", "restore the key store from its copy in the safe"
        )
    living = [key.kid for key in held.sealing if key.valid_until > look.now and key.revoked_at is None]
    lost = [kid for kid in living if kid not in here]
    if lost:
        hint = "restore the key store from its copy in the safe, or isthmus keys revoke KID"
        yield bad("keys", f"{len(lost)} sealing keys of our card cannot be opened here", hint)
    ended = ended_keys(store, held, look.now)
    if ended:
        yield bad("keys", f"{len(ended)} sealing keys have ended and are still here", "isthmus keys destroy")
    if not lost and not ended:
        yield ok("keys", f"the key store opens; {len(here)} keys agree with card {held.serial}")


def _card(look: Look) -> Iterator[Item]:
    """Look at our own card: chain, windows left, certificate, the keys of second signers."""
    held = own_card(look.settings)
    yield from _chain(look, held)
    yield from _windows(look, held)
    yield from _certificate(look, held)
    listed = {(key.role, key.kid) for key in held.roles if key.is_active(look.now)}
    for person in look.settings.values["persons"]:
        kid = b64.encode(key_id(SIGN, b64.decode(person["key"])))
        for role in sorted(TRAVELS.keys() & set(person["roles"])):
            named = TRAVELS[role]
            if (named, kid) in listed:
                continue
            hint = f"isthmus keys card --add-role {named}={person['key']}"
            if role == "second_signer":
                yield bad("card", f"'{person['id']}' signs second, and our card does not list that key", hint)
            else:
                text = f"'{person['id']}' cannot sign a return as {named}: our card does not list that key"
                yield Item("card", "note", text, hint)


def under(identity: bytes, raws: Sequence[bytes]) -> Sequence[bytes]:
    """Return ``raws`` from the first by ``identity`` (32 bytes) on; those before a new identity key are history."""
    for index, raw in enumerate(raws):
        with suppress(CardRefused):
            if card.parse_card(raw).identity == identity:
                return raws[index:]
    return raws


def _chain(look: Look, held: Card) -> Iterator[Item]:
    raws = under(held.identity, load_cards(look.settings.cards, held.country))
    newest, why = advance_chain(None, held.identity, raws, look.now)
    if why or newest is None or newest.digest != held.digest:
        yield bad(
            "card", f"our cards do not follow one another: {why or 'one is missing'}", "restore the card directory"
        )
    else:
        yield ok("card", f"card {held.serial}, epoch {held.epoch}, fingerprint {held.fingerprint}")


def _windows(look: Look, held: Card) -> Iterator[Item]:
    ends = max((key.valid_until for key in held.sealing if not key.is_revoked(look.now)), default=look.now)
    left = ends - look.now
    if left < SOON:
        hint = "isthmus keys rotate sealing, then give the card to every partner"
        yield bad("card", f"the last sealing key ends on {ends.date()}", hint)
    else:
        yield ok("card", f"sealing keys for {left.days} more days")
    signing = max((key.valid_until for key in held.signing if not key.is_revoked(look.now)), default=look.now)
    if signing - look.now < SOON:
        yield bad("card", f"the signing key ends on {signing.date()}", "isthmus keys rotate signing")


def _certificate(look: Look, held: Card) -> Iterator[Item]:
    peers = look.settings.values["listeners"]["peers"]
    if not peers["tls_certificate"]:
        yield Item("tls", "note", "no certificate here", "a proxy in front must speak TLS 1.3")
        return
    certificate = x509.load_pem_x509_certificate((look.settings.home / peers["tls_certificate"]).read_bytes())
    if held.spki and spki_hash(certificate.public_bytes(Encoding.DER)) not in held.spki:
        yield bad(
            "tls",
            "our card does not list the key of this certificate",
            "use the certificate of init, or renew it with the same key",
        )
    if certificate.not_valid_after_utc - look.now < SOON:
        yield bad(
            "tls", f"the certificate ends on {certificate.not_valid_after_utc.date()}", "renew it with the same key"
        )
    else:
        yield ok("tls", f"certificate until {certificate.not_valid_after_utc.date()}")


def _database(look: Look) -> Iterator[Item]:
    path = look.settings.database
    if not path.is_file():
        yield bad("database", f"{path} is missing", "restore the last backup, then isthmus restore begin-epoch")
        return
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as db:
            yield from _database_items(look, db)
    except sqlite3.Error as error:
        text, hint = reason(error)
        yield bad("database", text, hint)


def _database_items(look: Look, db: sqlite3.Connection) -> Iterator[Item]:
    verdict = [text for (text,) in db.execute("PRAGMA quick_check(5)")]
    if verdict != ["ok"]:
        yield bad("database", "the database is damaged", "stop the gateway and restore the last backup")
        return
    known = {one.number: one.sha256 for one in load_migrations()}
    applied = dict(db.execute("SELECT number, sha256 FROM schema_migration"))
    if any(known.get(number) != digest for number, digest in applied.items()):
        yield bad("database", "it was written by another version", "install the version that wrote it, or a newer one")
    elif len(applied) < len(known):
        yield Item(
            "database", "note", f"{len(known) - len(applied)} migrations run at the next start", "make a backup before"
        )
    else:
        yield ok("database", f"whole, {len(applied)} migrations applied")
    (latest,) = db.execute("SELECT max(at) FROM case_event").fetchone()
    if latest is not None and datetime.fromtimestamp(latest, UTC) > look.now + SKEW_MAX:
        yield bad("clock", "the database holds events later than now", "set the clock; see that NTP runs")
    for country, hold in db.execute("SELECT country, hold FROM partner WHERE hold IS NOT NULL ORDER BY country"):
        hint = f"ask for its fingerprint by another way, then isthmus trust confirm {country} ..."
        yield bad("hold", f"{country} is on hold: {hold}", hint)
    for text, hint in trust_check.stale(db, look.now):
        yield bad("trust", text, hint)
    if len(applied) == len(known):
        yield from _not_contacted(db)
        yield from _watched(look, db)
    (epoch,) = db.execute("SELECT value FROM meta WHERE name = 'epoch'").fetchone() or ("1",)
    if int(epoch) != own_card(look.settings).epoch:
        yield bad("database", f"its epoch is {epoch}, the card says otherwise", "stop; isthmus restore begin-epoch")


def _not_contacted(db: sqlite3.Connection) -> Iterator[Item]:
    """Look at the list that persons keep, and at what waits there for a second person."""
    rows = db.execute("SELECT country, confirmed_at, lift_at FROM no_contact WHERE lifted_at IS NULL ORDER BY country")
    for country, confirmed_at, lift_at in rows:
        waiting = f"isthmus partner confirm {country} --reason ... --as PERSON"
        if confirmed_at is None:
            yield Item("partner", "note", f"{country} is proposed for the no-contact list", waiting)
        elif lift_at is not None:
            text = f"{country} is not to be contacted; that this ends is proposed"
            yield Item("partner", "note", text, waiting)
        else:
            hint = f"nothing is sent to it until isthmus partner lift {country}, by two persons"
            yield Item("partner", "note", f"{country} is not to be contacted", hint)


def _watched(look: Look, db: sqlite3.Connection) -> Iterator[Item]:
    """Look at logs that contradict themselves, and at checkpoints of ours that nobody else put their name to."""
    for origin, kind, count in db.execute("SELECT origin, kind, count(*) FROM log_conflict GROUP BY origin, kind"):
        text = f"the log {origin} contradicts itself: {kind}, {counted(count, 'time')}"
        yield bad("log", text, "isthmus log conflicts; tell both States by another way, and keep what is stored")
    witnesses = set(look.settings.values.get("transparency", {}).get("witnesses", ()))
    newest = (
        "SELECT c.origin, max(c.size), c.at, c.note FROM checkpoint_kept AS c "
        "JOIN log_head AS h ON h.origin = c.origin AND h.current = 1 GROUP BY c.origin"
    )
    for origin, size, at, note in db.execute(newest):
        partner = origin.split("/")[1]
        signed = {name for name, _ in parse_note(note).signatures}
        missing = sorted(({partner} | witnesses) - {look.settings.values["country"]} - signed)
        if missing and datetime.fromtimestamp(at, UTC) + LATE < look.now:
            text = f"the checkpoint of {size} entries of {origin} is not cosigned by {', '.join(missing)}"
            yield bad("log", text, "isthmus log keep asks again and tells why not")


def _trust(look: Look) -> Iterator[Item]:
    """Look at the trust list as it was last read, where one is configured."""
    found = [
        bad("trust", text, hint) for text, hint in trust_check.listed(look.settings, own_card(look.settings), look.now)
    ]
    if not found and look.settings.values["trust"].get("repository") is not None:
        yield ok("trust", "the trust list as last read is whole and does not run out soon")
    yield from found


def _partners(look: Look) -> Iterator[Item]:
    for country, partner in look.settings.values["partners"].items():
        pin = b64.decode(partner["identity"])
        held, why = advance_chain(None, pin, under(pin, load_cards(look.settings.cards, country)), look.now)
        if held is None:
            text = (
                f"the card of {country} is not by the identity key pinned" if why else f"no card of {country} is here"
            )
            yield bad("partner", text, f"ask {country} for its card, and compare the fingerprint by another way")
            continue
        if why:
            yield bad("partner", f"a card of {country} does not follow: {why}", f"ask {country} by another way")
        active = [key.valid_until for key in held.sealing if key.is_active(look.now)]
        last = max((key.valid_until for key in held.sealing), default=look.now)
        if not active:
            yield bad("partner", f"{country} has no sealing key for now", f"ask {country} for its next card")
        elif last - look.now < timedelta(days=15):
            yield bad("partner", f"the last sealing key of {country} ends on {last.date()}", "ask it for its next card")
        else:
            yield ok("partner", f"{country}: card {held.serial}, epoch {held.epoch}, fingerprint {held.fingerprint}")
        if partner.get("no_contact"):
            yield Item(
                "partner", "note", f"{country} is not to be contacted", "nothing is sent to it until that is lifted"
            )


def _calendars(look: Look) -> Iterator[Item]:
    values = look.settings.values
    directory = look.settings.home / values["calendars_directory"] if values.get("calendars_directory") else None
    wanted: dict[str, Any] = {values["country"]: values.get("calendar")}
    wanted |= {country: partner.get("calendar") for country, partner in values["partners"].items()}
    for country, id in wanted.items():
        yield _calendar(look, country, id, directory)


def _calendar(look: Look, country: str, id: str | None, directory: Path | None) -> Item:
    known = schemas.calendars(directory)
    chosen = id or next((name for name in known if name.startswith(f"{country}-")), None)
    year = look.now.year
    hint = f"isthmus agreements calendar {country} {year} {year + 1} --id {country}-{year} --zone ZONE > FILE"
    if chosen is None or chosen not in known:
        return bad("calendar", f"no calendar of {country}: no deadline is reckoned there", hint)
    found = Calendar.from_dict(schemas.load_calendar(chosen, directory))
    if found.valid_until - look.now.date() < SOON:
        return bad("calendar", f"{chosen} ends on {found.valid_until}", hint)
    return ok("calendar", f"{country}: {chosen} version {found.version}, until {found.valid_until}")


def _disk(look: Look) -> Iterator[Item]:
    free = shutil.disk_usage(look.settings.data if look.settings.data.exists() else look.settings.home).free
    text = f"{free / (1 << 30):.1f} GiB free for the data directory"
    yield ok("disk", text) if free >= DISK_FREE_MIN_BYTES else bad("disk", text, "free space; at 0 nothing is accepted")


def _clock(look: Look) -> Iterator[Item]:
    issued_at = own_card(look.settings).issued_at
    if look.now.date() < BUILT_ON or look.now + SKEW_MAX < issued_at:
        yield bad("clock", f"the clock says {look.now:%Y-%m-%d %H:%M} UTC, earlier than it can be", "set it; run NTP")
    else:
        yield ok("clock", f"{look.now:%Y-%m-%d %H:%M:%S} UTC")


CHECKS: tuple[Check, ...] = (
    _configuration,
    _permissions,
    _crypto,
    _keys,
    _card,
    _database,
    _trust,
    _partners,
    _calendars,
    _disk,
    _clock,
)


async def _reach(look: Look) -> list[Item]:
    """Knock at the door of every partner that has one: any answer at all is one."""
    cards: dict[str, Card] = {}
    for country, partner in look.settings.values["partners"].items():
        pin = b64.decode(partner["identity"])
        held, _ = advance_chain(None, pin, under(pin, load_cards(look.settings.cards, country)), look.now)
        if held is not None and partner.get("transmission", "push") != "pull":
            cards[country] = held
    async with HttpPeers(cards.get) as peers:
        return list(await asyncio.gather(*(_knock(peers, cards, country) for country in cards)))


async def _knock(peers: HttpPeers, cards: Mapping[str, Card], country: str) -> Item:
    try:
        answer = await peers.post(country, "/xg/1/messages", b"", MEDIA_TYPE)
    except Unavailable as error:
        addresses = ", ".join(cards[country].addresses) or "no address in its card"
        return bad("reach", f"{country}: {error}", f"ask its operators; tried {addresses}")
    return ok("reach", f"{country} answers (HTTP {answer.status})")
