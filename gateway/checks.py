"""
Everything that can be wrong with a gateway, at once, each with the next step: what ``isthmus check`` and the operator's
first page show.

Rule 1: it changes nothing. The database is opened read-only, and no card is taken.
Rule 2: one check that fails does not keep the others from running.
Rule 3: a text is a template and its values, so that a page can say it in another language.
"""

import asyncio
import errno
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

import schemas
from gateway import home as homes
from gateway import settings, trust_checks
from gateway.core.calendars import Calendar
from gateway.core.checkpoint import parse_note
from gateway.core.leap import Steady
from gateway.erased import ERASED_FILE
from gateway.services import steady
from gateway.services.checkpoints import LATE
from gateway.services.compromise import DONE
from gateway.services.listing import RESTORED_AT
from gateway.services.nodes import PREFIX, differences, running
from gateway.services.operate import N_, Item, Terms, bad, note, ok
from gateway.services.own_card import every
from gateway.services.ports import GONE_BACK, Peers, Unavailable
from gateway.services.trust import advance_chain
from gateway.settings import BadConfiguration, Settings
from gateway.storage.migrate import ASIDE, ASIDE_FILE, LEDGER, load_migrations
from gateway.storage.query import Query, sqlite_query
from gateway.transport.card_directory import load_cards, newest_path
from gateway.transport.peers import HttpPeers, spki_hash
from keys import b64, card, selftest
from keys.card import Card
from keys.cosign import CosigningKey
from keys.custody import KeyStore, open_store
from keys.device import open_device
from keys.errors import CardRefused
from keys.ids import SIGN, key_id

T = TypeVar("T")

SOON = timedelta(days=60)
"""How long before an end it becomes a finding: time enough for two officers, an envoy and a holiday."""

DESKS_SOON = timedelta(days=7)
"""
How long before its end that of the desks becomes a finding: such certificates are made for weeks, and most of them are
renewed by a program long before. Of one that is made for days it is the last third, or it would always be one.
"""

CALENDAR_SOON = timedelta(days=366)
"""
How long before its end a calendar is told of: a clock whose last day lies behind it does not start, and the longest run
for months.
"""

DISK_FREE_MIN_BYTES = 1 << 30
SKEW_MAX = timedelta(seconds=300)
BUILT_ON = date(2025, 1, 1)
"""A clock before this day is wrong."""


POSTGRES_MIN = 150_000

CONNECTIONS = 14
"""What one process takes of a database at most: writer, leader, and four each for units that read, pages, desks."""

BESIDE_S = 10.0
"""How long a statement may take beside a gateway that runs: what it stops by waits until the look has ended."""

APART_MAX = timedelta(seconds=30)
"""How far our clock may be from that of the database, by which each node can be compared with the others."""

_ASK = frozenset({"case_officer", "liaison_officer"})
"""Who prepares a request; one of the second kind, who is another person, approves it (V-03)."""

_DURABLE = frozenset({"fsync", "full_page_writes"})
"""What makes a commit one; ``synchronous_commit`` each connection of ours sets for itself."""

_SERVER_SETTINGS = """
SELECT name, setting FROM pg_settings WHERE name IN ('server_version_num', 'fsync', 'full_page_writes')
"""
_SERVER = """
SELECT least(current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
        nullif(d.datconnlimit, -1), nullif(r.rolconnlimit, -1)), extract(epoch FROM clock_timestamp())::float8
FROM pg_database AS d, pg_roles AS r WHERE d.datname = current_database() AND r.rolname = current_user
"""
_NODES = f"SELECT name, value FROM meta WHERE name LIKE '{PREFIX}%' ORDER BY name"  # noqa: S608  # a constant
_LATEST = "SELECT max(at) FROM (SELECT at FROM case_event ORDER BY n DESC LIMIT 10000) AS newest"
_EPOCH = f"""
SELECT name, value FROM meta WHERE name IN ('epoch', '{GONE_BACK}', '{RESTORED_AT}', '{DONE}')
"""  # noqa: S608  # constants
_NEWEST_KEPT = """
SELECT c.origin, c.size, c.at, c.note FROM checkpoint_kept AS c
JOIN log_head AS h ON h.origin = c.origin AND h.current = 1
WHERE c.size = (SELECT max(k.size) FROM checkpoint_kept AS k WHERE k.origin = c.origin)
ORDER BY c.origin
"""


_RESTORE = N_("restore it from the backup of the configuration, or set right what the configuration says there")


class Missing(Exception):
    """What a check stands on is not there; ``hint`` is the next step."""

    def __init__(self, text: str, hint: str) -> None:
        super().__init__(text)
        self.hint = hint


def plainly(error: BaseException) -> tuple[str, str]:
    """Return what ``error`` says and its next step; of one that has no hint, its kind alone, for it may quote."""
    hint = getattr(error, "hint", "")
    return (str(error), hint) if hint else (type(error).__name__, "")


def device_kid(chosen: Settings) -> str | None:
    """Return the id of the signing key if it is in a device, ``None`` if it is in the key store."""
    return open_device(chosen.signing, environ=os.environ).kid if chosen.signing else None


@dataclass(frozen=True, slots=True)
class Look:
    """
    What the checks look at.

    ``keys`` is the key store where it is open already; else ``ask`` gives its passphrase. ``told`` says what an error
    means. ``runs`` tells whether a gateway of this home runs, which has its doors open; without it that is this one.
    Without ``whole`` a database is not read to its end; ``wait_s`` is how long a server may take for one statement.
    """

    settings: Settings
    ask: Callable[[], str]
    now: datetime
    keys: KeyStore | None = None
    device_kid: Callable[[Settings], str | None] = device_kid
    told: Callable[[BaseException], tuple[str, str]] = plainly
    runs: Callable[[Settings], bool] | None = None
    whole: bool = True
    wait_s: float = 30.0


Check = Callable[[Look], Iterator[Item]]


def run(look: Look) -> list[Item]:
    """Run every check."""
    return [item for one in CHECKS for item in _guarded(one, look)]


def _guarded(one: Check, look: Look) -> list[Item]:
    """Run one check; what it raises is a finding too."""
    items: list[Item] = []
    area = one.__name__.strip("_")
    try:
        items.extend(one(look))
    except BadConfiguration as error:  # what it names, as the file with the address of the database
        items.extend(bad(area, "%(why)s", _RESTORE, why=why) for why in error.problems)
    except Exception as error:
        text, hint = plainly(error) if isinstance(error, Missing) else look.told(error)
        after = "%(then)s" if hint else N_("isthmus check again once this is mended")
        items.append(bad(area, "%(text)s", after, text=text, then=hint))
    return items


def own_card(chosen: Settings) -> Card:
    """Return our newest card. Raises ``Missing`` if there is none, or it is damaged."""
    found = load_cards(chosen.cards, str(chosen.values["country"]))
    if not found:
        text = f"{chosen.cards} holds no card of ours"
        raise Missing(text, "restore it from the backup of the configuration, or check 'trust.directory'")
    try:
        return card.parse_card(found[-1])
    except CardRefused as error:
        path = newest_path(chosen.cards, str(chosen.values["country"]))
        hint = "restore it from its copy; remove it only where none of you issued it"
        raise Missing(f"{path} is no card: {error}", hint) from error


# What is looked at.


def _configuration(look: Look) -> Iterator[Item]:
    values = look.settings.values
    yield ok("config", N_("%(file)s fits its schema"), file=look.settings.home / settings.FILE_NAME)
    if not values["persons"]:
        yield bad("config", N_("nobody may act here"), N_("isthmus keys new, then isthmus person add"))
    if not values["partners"]:
        yield bad("config", N_("there is no partner"), N_("isthmus partner add XBB --card FILE --fingerprint ..."))
    who_ask = [roles for one in values["persons"] if (roles := _ASK & set(one["roles"]))]
    if values["persons"] and not (len(who_ask) > 1 and any("liaison_officer" in roles for roles in who_ask)):
        text = N_("no request can leave: it takes a case officer and, as another person, a liaison officer")
        if any("case_officer" in roles for roles in who_ask):
            yield bad("config", text, N_("isthmus person add"))
        else:
            yield note("config", text, N_("isthmus person add, unless your State only answers"))


def _named(look: Look) -> Iterator[Item]:
    """Look at the files and secrets that the configuration names and nothing else here looks at."""
    from gateway.configured import mail, stamping_roots, webhook  # here: it takes up half of the gateway

    for read in (mail, webhook, settings.emblem, settings.client_secret, stamping_roots):
        try:
            read(look.settings, os.environ)
        except BadConfiguration as error:
            yield bad("config", "%(why)s", _RESTORE, why=error.problems[0])


def _doors(look: Look) -> Iterator[Item]:
    """Look at whether a gateway that starts now could listen where it is to, if none of this home does already."""
    from gateway.http.listen import try_address  # here, because no other check needs what it imports

    if look.runs is None:
        return
    for double in doubles(look.settings):
        yield bad("doors", DOUBLE, N_("take another port"), **double)
    for name, door in look.settings.values["listeners"].items():
        if door is None:
            continue
        place = {"door": f"/listeners/{name}", "address": f"{door['host']}:{door['port']}"}
        try:
            try_address(door["host"], door["port"])
        except PermissionError:
            continue  # a port below 1024, for which the gateway may have a right that we lack
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                text = N_("%(door)s: %(address)s is no address of this machine")
                yield bad("doors", text, N_("name an address of this machine there"), **place)
            elif look.runs(look.settings):
                return
            else:
                text = N_("%(door)s: another program listens at %(address)s")
                yield bad("doors", text, N_("choose another port there, or end the program that has it"), **place)


DOUBLE = N_("%(door)s: %(address)s is that of '%(other)s' too")


def doubles(chosen: Settings, count: int = 1) -> Iterator[dict[str, str]]:
    """Yield each door with an address of another; of ``count`` processes each has a port of its own for monitoring."""
    from gateway.http.listen import overlap  # here, because no other check needs what it imports

    doors: list[tuple[str, str, range]] = []
    for name, door in chosen.values["listeners"].items():
        if door is None or not door["port"]:
            continue
        ports = range(door["port"], door["port"] + (count if name == "metrics" else 1))
        for other, host, taken in doors:
            both = range(max(ports.start, taken.start), min(ports.stop, taken.stop))
            if both and overlap(host, door["host"]):
                yield {"door": f"/listeners/{name}", "address": f"{door['host']}:{both[0]}", "other": other}
        doors.append((name, door["host"], ports))


def _permissions(look: Look) -> Iterator[Item]:
    home = look.settings.home
    doors = [door for door in look.settings.values["listeners"].values() if door is not None]
    private = [home / homes.KEY_FILE, home / homes.IDENTITY_FILE, look.settings.database]
    private += [home / door["tls_key"] for door in doors if door.get("tls_key")]
    private = [path for path in private if path.exists()]
    wrong = [path for path in private if stat.S_IMODE(path.stat().st_mode) & 0o077]
    for path in wrong:
        hint = N_("chmod 600 %(path)s, and ask who could have read it")
        yield bad("files", N_("%(path)s may be used by others"), hint, path=path)
    # Made by root at the command line, most often; the gateway fails by it when it opens it next.
    owner = look.settings.data.stat().st_uid if look.settings.data.exists() else home.stat().st_uid
    for path in (*private, look.settings.accounts, home / ERASED_FILE):
        if path.exists() and path.stat().st_uid != owner:
            text, user = N_("%(path)s belongs to another user than the data directory"), settings.user_name(owner)
            yield bad("files", text, N_("chown %(user)s %(path)s"), path=path, user=user)
    if stat.S_IMODE(home.stat().st_mode) & 0o022:
        yield bad("files", N_("%(path)s may be changed by others"), N_("chmod 700 %(path)s"), path=home)
    data = look.settings.data
    if data.is_dir() and not os.access(data, os.W_OK | os.X_OK):
        yield bad("files", N_("%(path)s cannot be written"), N_("check its owner, mode and mount"), path=data)
    if not wrong:
        yield ok("files", N_("keys and database are the owner's alone"))
    if (home / homes.IDENTITY_FILE).exists():
        hint = N_("carry it to its safe; it is needed to issue a card, and for nothing else")
        text = N_("the identity key lies on this machine: %(path)s")
        yield note("files", text, hint, path=home / homes.IDENTITY_FILE)


def _crypto(look: Look) -> Iterator[Item]:
    selftest.run()
    yield ok("crypto", N_("every primitive gives its published answer"))


def _keys(look: Look) -> Iterator[Item]:
    """Compare the private halves in the store with our card."""
    store = look.keys or open_store(look.settings.custody, passphrase=look.ask, environ=os.environ)
    names = store.names()
    device = look.device_kid(look.settings)
    lost = N_("restore the key store from its copy in the safe")
    for name in (homes.LOG, homes.KEK) if device else (homes.SIGNING, homes.LOG, homes.KEK):
        if name not in names and not (name == homes.SIGNING and homes.NEXT in names):  # an activation cut short: below
            yield bad("keys", N_("the key store holds no '%(name)s'"), lost, name=name)
    if homes.COSIGNING not in names:
        yield bad("keys", N_("there is no key to cosign checkpoints with"), N_("isthmus log cosigner"))
    elif CosigningKey(store.get(homes.COSIGNING)).public not in own_card(look.settings).cosigning:
        text = N_("our card does not list the key that cosigns checkpoints")
        yield bad("keys", text, N_("isthmus log cosigner"))
    here, held = homes.private_kids(store), own_card(look.settings)
    yield from _signing(look, held, device, here)
    if device and homes.SIGNING in names:
        hint = N_("isthmus keys rotate signing --activate, once every partner has the card with the device's key")
        yield bad("keys", N_("a signing key is in the key store, and the one in use is in a device"), hint)
    if not any(one.kid in here for one in held.log):
        yield bad("keys", N_("our card does not list the log key in use"), lost)
    living = [key.kid for key in held.sealing if key.valid_until > look.now and key.revoked_at is None]
    gone = [kid for kid in living if kid not in here]
    if gone:
        hint = N_("restore the key store from its copy in the safe, or isthmus keys revoke KID")
        yield bad("keys", N_("%(count)s sealing keys of our card cannot be opened here"), hint, count=len(gone))
    cards = [one.raw for one in every(load_cards(look.settings.cards, held.country), held.country, held)]
    ended, unlisted = homes.ended_keys(store, cards, look.now), homes.unlisted_keys(store, cards)
    if ended and _ends_nothing(look):
        text = N_("%(count)s sealing keys have ended and go once the clock has gone on for a day")
        yield note("keys", text, N_("nothing to do if the clock is right"), count=len(ended))
    elif ended:
        text = N_("%(count)s sealing keys have ended and are still here")
        yield bad("keys", text, N_("isthmus keys destroy"), count=len(ended))
    if unlisted:
        text = N_("%(count)s sealing keys stand in no card of ours that is here")
        hint = N_(
            "restore the newest cards; if a rotation was cut short, isthmus keys rotate sealing goes on with them"
        )
        yield bad("keys", text, hint, count=len(unlisted))
    if not gone and not ended and not unlisted:
        text = N_("the key store opens; %(count)s keys agree with card %(serial)s")
        yield ok("keys", text, count=len(here), serial=held.serial)


def _ends_nothing(look: Look) -> bool:
    """Return whether a gateway that runs destroys no key yet, for its clock leapt; nobody is told to do it then."""
    with suppress(Unavailable):  # ``_database`` tells of it
        return waits(look.settings, look.now) is not None
    return False


def _signing(look: Look, held: Card, device: str | None, here: Mapping[str, str]) -> Iterator[Item]:
    """Look at the signing key in use; where the card lists the next one already, that is to be activated."""
    active = {key.kid: key.valid_until for key in held.signing if key.is_active(look.now)}
    in_use = device or next((kid for kid, name in here.items() if name == homes.SIGNING), "")
    end = active.get(in_use)
    hint = N_("isthmus keys rotate signing")
    if any(here.get(kid) == homes.NEXT for kid in active):
        hint = N_(
            "isthmus keys rotate signing --activate, once every partner has taken the card that lists the new key"
        )
    if end is None:
        yield bad("keys", N_("our card does not list the signing key in use, or not for now"), hint)
    elif end - look.now < SOON:
        yield bad("keys", N_("the signing key ends on %(day)s"), hint, day=end.date())


def _card(look: Look) -> Iterator[Item]:
    """Look at our own card: chain, windows left, certificate, the keys of second signers."""
    held = own_card(look.settings)
    yield from _chain(look, held)
    yield from _windows(look, held)
    yield from _certificate(look, held)
    yield from _roles(look, held)


def _roles(look: Look, held: Card) -> Iterator[Item]:
    """Look at whose statements partners cannot verify, or soon cannot any more."""
    ends = {(key.role, key.kid): key.valid_until for key in held.roles if key.is_active(look.now)}
    revoked = {key.kid for key in held.roles if key.revoked_at is not None}
    for person in look.settings.values["persons"]:
        kid = b64.encode(key_id(SIGN, b64.decode(person["key"])))
        for role in sorted(homes.TRAVELS.keys() & set(person["roles"])):
            named = homes.TRAVELS[role]
            end = ends.get((named, kid))
            hint = N_("isthmus keys card --add-role %(role)s=%(key)s")
            values = {"person": person["id"], "role": named, "key": person["key"]}
            if end is not None and end - look.now >= SOON:
                continue
            if kid in revoked:
                text = N_("the key of '%(person)s' as %(role)s is revoked, and the configuration has it still")
                hint = N_("isthmus keys new; put that key in its place in isthmus.toml, and list it in the card")
                yield bad("card", text, hint, **values)
            elif end is not None:
                text = N_("the key of '%(person)s' as %(role)s ends on %(day)s in our card")
                yield bad("card", text, hint, day=end.date(), **values)
            elif role == "second_signer":
                yield bad("card", N_("'%(person)s' signs second, and our card does not list that key"), hint, **values)
            else:
                text = N_("'%(person)s' cannot sign a return as %(role)s: our card does not list that key")
                yield note("card", text, hint, **values)


def _chain(look: Look, held: Card) -> Iterator[Item]:
    raws = load_cards(look.settings.cards, held.country)
    newest, why, _ = advance_chain(None, held.identity, raws, look.now)
    if why or newest is None or newest.digest != held.digest:
        text = N_("our cards do not follow one another: %(why)s")
        yield bad("card", text, N_("restore the card directory"), why=why or "one is missing")
    else:
        text = N_("card %(serial)s, epoch %(epoch)s, fingerprint %(fingerprint)s")
        yield ok("card", text, serial=held.serial, epoch=held.epoch, fingerprint=held.fingerprint)


def _windows(look: Look, held: Card) -> Iterator[Item]:
    ends = _last_window(held, look.now)
    left = ends - look.now
    if left < SOON:
        hint = N_("isthmus keys rotate sealing, then give the card to every partner")
        yield bad("card", N_("the last sealing key ends on %(day)s"), hint, day=ends.date())
    else:
        yield ok("card", N_("sealing keys for %(days)s more days"), days=left.days)


def _last_window(held: Card, now: datetime) -> datetime:
    return max((key.valid_until for key in held.sealing if not key.is_revoked(now)), default=now)


def _certificate(look: Look, held: Card) -> Iterator[Item]:
    from gateway.configured import tls  # here: it takes up half of the gateway

    peers = look.settings.values["listeners"]["peers"]
    if not peers["tls_certificate"]:
        yield note("tls", N_("no certificate here"), N_("a proxy in front must speak TLS 1.3"))
        return
    try:
        tls(look.settings)
    except BadConfiguration as error:
        hint = N_("restore certificate and key from the backup; for another key: isthmus keys card --certificate FILE")
        yield bad("tls", "%(why)s", hint, why=error.problems[0])
        return
    if not peers["tls_key"]:
        text = N_("the certificate has no key here: the gateway speaks no TLS")
        yield note("tls", text, N_("a proxy in front must speak TLS 1.3"))
    certificate = _read_certificate(look.settings, peers)
    if held.spki and spki_hash(certificate.public_bytes(Encoding.DER)) not in held.spki:
        hint = N_("use the one before, then list this one beside it: isthmus keys card --certificate FILE")
        yield bad("tls", N_("our card does not list the key of this certificate"), hint)
    ends = certificate.not_valid_after_utc
    if ends - look.now < SOON:
        yield bad("tls", N_("the certificate ends on %(day)s"), N_("renew it with the same key"), day=ends.date())
    else:
        yield ok("tls", N_("certificate until %(day)s"), day=ends.date())


def _tls(look: Look) -> Iterator[Item]:
    """Look at the certificate of the desks: without it no door is opened, and once it ended no browser takes it."""
    from gateway.configured import tls  # here: it takes up half of the gateway

    door = look.settings.values["listeners"].get("desks")
    if door is None or not door["tls_certificate"]:
        return
    try:
        tls(look.settings, "desks")
    except BadConfiguration as error:
        yield bad("tls", "%(why)s", N_("restore certificate and key from the backup"), why=error.problems[0])
        return
    certificate = _read_certificate(look.settings, door)
    ends = certificate.not_valid_after_utc
    if ends - look.now < min(DESKS_SOON, (ends - certificate.not_valid_before_utc) / 3):
        hint = N_("put a new one in its place, then start the gateway again")
        yield bad("tls", N_("the certificate of the desks ends on %(day)s"), hint, day=ends.date())


def _read_certificate(chosen: Settings, door: Mapping[str, Any]) -> x509.Certificate:
    return x509.load_pem_x509_certificate((chosen.home / door["tls_certificate"]).read_bytes())


def ends(chosen: Settings, held: Card | None, signing: str, now: datetime) -> dict[str, datetime]:
    """
    Return until when what has an end is good: ``signing`` and the last sealing key of our card, and each certificate.

    ``held`` is our card. What cannot be read is left out; the checks tell of it.
    """
    found = {}
    if held is not None:
        found["sealing_keys"] = _last_window(held, now)
    for key in held.signing if held is not None else ():
        if key.kid == signing:
            found["signing_key"] = key.valid_until
    for name, door in chosen.values["listeners"].items():
        if door is not None and door.get("tls_certificate"):
            with suppress(OSError, ValueError):
                found[f"certificate_{name}"] = _read_certificate(chosen, door).not_valid_after_utc
    return found


def _database(look: Look) -> Iterator[Item]:
    dsn, path = look.settings.dsn(os.environ), look.settings.database
    if dsn is not None:
        from gateway.storage.postgres_query import postgres_query  # here, because only the extra has its library

        yield from _address(dsn)
        with postgres_query(dsn, look.wait_s) as query:
            yield from _server(look, query)
            yield from _database_items(look, query, "postgres")
    elif path.is_file():
        with sqlite_query(path) as query:
            if look.whole and [text for (text,) in query("PRAGMA quick_check(5)")] != ["ok"]:
                yield bad("database", N_("the database is damaged"), N_("stop the gateway and restore the last backup"))
                return
            yield from _database_items(look, query, "sqlite")
    elif path.with_name(path.name + ASIDE_FILE).exists():
        yield bad("database", N_("%(path)s was moved away from"), _MOVED_HINTS["sqlite"], path=path)
    else:
        hint = N_("restore the last backup, then isthmus restore begin-epoch")
        yield bad("database", N_("%(path)s is missing"), hint, path=path)


_MOVED_HINTS = {
    "sqlite": N_(
        "name the database it was moved to as 'database' in the configuration; where it was moved back since, restore "
        "the last backup, then isthmus restore begin-epoch"
    ),
    "postgres": N_("take 'database' out of the configuration"),
}
"""What to do where the configuration names what ``isthmus store move`` moved away from, by dialect."""

_TABLES = {
    "sqlite": "SELECT name FROM sqlite_schema WHERE type = 'table'",
    "postgres": "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()",
}


def _address(dsn: str) -> Iterator[Item]:
    """Look at whether rows would cross a network in clear, or to a server that nobody asked for its name."""
    parts = urlsplit(dsn)
    options = dict(parse_qsl(parts.query))
    named = [urlsplit(f"//{one}").hostname for one in parts.netloc.rpartition("@")[2].split(",")]
    hosts = [unquote(one) for one in named if one] or options.get("host", "").split(",")
    away = [one for one in hosts if one and not one.startswith("/") and not settings.is_loopback(one)]
    if away and options.get("sslmode") != "verify-full":
        hint = N_("add ?sslmode=verify-full to the address, and name the authority with sslrootcert")
        yield bad("database", N_("the address of the database lets anybody in between read along"), hint)


def _server(look: Look, query: Query) -> Iterator[Item]:
    """Look at the server itself: its version, what it promises of a commit, its connections, its clock."""
    chosen: dict[str, str] = dict(query(_SERVER_SETTINGS))
    if int(chosen["server_version_num"]) < POSTGRES_MIN:
        hint = N_("install PostgreSQL %(least)s or newer")
        yield bad(
            "database", N_("the server is older than what this was tried with"), hint, least=POSTGRES_MIN // 10_000
        )
    for name in sorted(_DURABLE & chosen.keys()):
        if chosen[name] != "on":
            text = N_("the server has %(name)s off: what was answered may be gone after a crash")
            yield bad("database", text, N_("set %(name)s = on in postgresql.conf and restart the server"), name=name)
    ((most, clock),) = query(_SERVER)
    processes = most // CONNECTIONS
    if processes < 2:
        text = N_("the server lets us have %(most)s connections, and each process takes up to %(each)s")
        hint = N_("raise max_connections, or the limit of the user or the database")
        yield bad("database", text, hint, most=most, each=CONNECTIONS)
    else:
        text = N_("PostgreSQL %(version)s, with connections for %(count)s processes")
        yield ok("database", text, version=int(chosen["server_version_num"]) // 10_000, count=processes)
    apart = abs(look.now.timestamp() - clock)
    if apart > APART_MAX.total_seconds():
        text = N_("the clock of the database and ours are %(seconds)s seconds apart")
        yield bad("clock", text, N_("set both; see that NTP runs on every machine"), seconds=int(apart))


def _database_items(look: Look, query: Query, dialect: str) -> Iterator[Item]:
    known = {one.number: one.sha256 for one in load_migrations(dialect)}
    tables = {name for (name,) in query(_TABLES[dialect])}
    if f"{LEDGER}{ASIDE}" in tables and LEDGER not in tables:
        yield bad("database", N_("the database was moved away from"), _MOVED_HINTS[dialect])
        return
    if LEDGER not in tables:
        hint = N_("restore the last backup, then isthmus restore begin-epoch")
        yield bad("database", N_("the database holds no store"), hint)
        return
    applied = dict(query("SELECT number, sha256 FROM schema_migration"))
    if any(known.get(number) != digest for number, digest in applied.items()):
        hint = N_("install the version that wrote it, or a newer one")
        yield bad("database", N_("it was written by another version"), hint)
    elif len(applied) < len(known):
        text = N_("%(count)s migrations run at the next start")
        yield note("database", text, N_("make a backup before"), count=len(known) - len(applied))
    else:
        yield ok("database", N_("whole, %(count)s migrations applied"), count=len(applied))
    ((latest,),) = query("SELECT max(at) FROM case_event" if look.whole else _LATEST)
    if latest is not None and datetime.fromtimestamp(latest, UTC) > look.now + SKEW_MAX:
        yield bad("clock", N_("the database holds events later than now"), N_("set the clock; see that NTP runs"))
    yield from _leap(look, query)
    for country, hold in query("SELECT country, hold FROM partner WHERE hold IS NOT NULL ORDER BY country"):
        hint = N_("ask for its fingerprint by another way, then isthmus trust confirm %(country)s ...")
        yield bad("hold", N_("%(country)s is on hold: %(why)s"), hint, country=country, why=hold)
    yield from trust_checks.stale(query, look.now)
    yield from _nodes(query, look.now)
    if len(applied) == len(known):
        yield from _not_contacted(query)
        yield from _watched(look, query)
    ((epoch,),) = query("SELECT value FROM meta WHERE name = 'epoch'") or (("1",),)
    if int(epoch) != own_card(look.settings).epoch:
        hint = N_("stop; isthmus restore begin-epoch")
        yield bad("database", N_("its epoch is %(epoch)s, the card says otherwise"), hint, epoch=epoch)
    ((seen,),) = query(f"SELECT value FROM meta WHERE name = '{GONE_BACK}'") or (("0",),)  # noqa: S608  # a constant
    if int(epoch) <= int(seen):
        hint = N_("stop; isthmus restore begin-epoch")
        yield bad("database", N_("an older state was put in its place, and no epoch was begun since"), hint)


def _nodes(query: Query, now: datetime) -> Iterator[Item]:
    """Look at whether all nodes that run go by the same."""
    nodes = running(query(_NODES), now)
    differ = differences(nodes)
    for one in differ:
        text = N_("%(node)s does not go by what %(other)s does: %(parts)s")
        hint = N_("give both machines one home, and start again what was started before it changed")
        yield bad("nodes", text, hint, node=one.node, other=one.other, parts=Terms(one.parts))
    if nodes and not differ:
        yield ok("nodes", N_("nodes that run and go by the same: %(count)s"), count=len(nodes))


def _not_contacted(query: Query) -> Iterator[Item]:
    """Look at the list that persons keep, and at what waits there for a second person."""
    rows = query("SELECT country, confirmed_at, lift_at FROM no_contact WHERE lifted_at IS NULL ORDER BY country")
    for country, confirmed_at, lift_at in rows:
        if confirmed_at is None:
            hint = N_("isthmus partner confirm %(country)s --reason ... --as PERSON")
            yield note("partner", N_("%(country)s is proposed for the no-contact list"), hint, country=country)
        elif lift_at is not None:
            text = N_("%(country)s is not to be contacted; that this ends is proposed")
            hint = N_("isthmus partner confirm-lift %(country)s --reason ... --as PERSON")
            yield note("partner", text, hint, country=country)
        else:
            hint = N_("nothing is sent to it until isthmus partner lift %(country)s, by two persons")
            yield note("partner", N_("%(country)s is not to be contacted"), hint, country=country)


def _watched(look: Look, query: Query) -> Iterator[Item]:
    """Look at logs that contradict themselves, and at checkpoints of ours that nobody else put their name to."""
    for origin, kind, count in query("SELECT origin, kind, count(*) FROM log_conflict GROUP BY origin, kind"):
        once = N_("the log %(origin)s contradicts itself: %(kind)s, 1 time")
        text = once if count == 1 else N_("the log %(origin)s contradicts itself: %(kind)s, %(count)s times")
        hint = N_("isthmus log conflicts; tell both States by another way, and keep what is stored")
        yield bad("log", text, hint, origin=origin, kind=kind, count=count)
    witnesses = set(look.settings.values.get("transparency", {}).get("witnesses", ()))
    for origin, size, at, signed_note in query(_NEWEST_KEPT):
        partner = origin.split("/")[1]
        signed = {name for name, _ in parse_note(signed_note).signatures}
        missing = sorted(({partner} | witnesses) - {look.settings.values["country"]} - signed)
        if missing and datetime.fromtimestamp(at, UTC) + LATE < look.now:
            text = N_("the checkpoint of %(size)s entries of %(origin)s is not cosigned by %(missing)s")
            hint = N_("isthmus log keep asks again and tells why not")
            yield bad("log", text, hint, size=size, origin=origin, missing=", ".join(missing))


def _trust(look: Look) -> Iterator[Item]:
    """Look at the trust list as it was last read, where one is configured."""
    found = list(trust_checks.listed(look.settings, own_card(look.settings), look.now))
    if not found and look.settings.values["trust"].get("repository") is not None:
        yield ok("trust", N_("the trust list as last read is whole and does not run out soon"))
    yield from found


def _partners(look: Look) -> Iterator[Item]:
    for country, partner in look.settings.values["partners"].items():
        pin = b64.decode(partner["identity"])
        published = load_cards(look.settings.cards, country)
        held, why, _ = advance_chain(None, pin, published, look.now)
        if held is None:
            other = N_("the card of %(country)s is not by the identity key pinned")
            hint = N_("ask %(country)s for its card, and compare the fingerprint by another way")
            yield bad("partner", other if why else N_("no card of %(country)s is here"), hint, country=country)
            continue
        if why:
            text = N_("a card of %(country)s does not follow: %(why)s")
            yield bad("partner", text, N_("ask %(country)s by another way"), country=country, why=why)
        elif published[-1] != held.raw:
            text = N_(
                "the newest card of %(country)s that is here is not taken: one before it is missing, or not whole"
            )
            hint = N_("ask %(country)s for every card after %(serial)s")
            yield bad("partner", text, hint, country=country, serial=held.serial)
        active = [key.valid_until for key in held.sealing if key.is_active(look.now)]
        last = max((key.valid_until for key in held.sealing), default=look.now)
        if not active:
            hint = N_("ask %(country)s for its next card")
            yield bad("partner", N_("%(country)s has no sealing key for now"), hint, country=country)
        elif last - look.now < timedelta(days=15):
            text, hint = N_("the last sealing key of %(country)s ends on %(day)s"), N_("ask it for its next card")
            yield bad("partner", text, hint, country=country, day=last.date())
        else:
            text = N_("%(country)s: card %(serial)s, epoch %(epoch)s, fingerprint %(fingerprint)s")
            shown = {"serial": held.serial, "epoch": held.epoch, "fingerprint": held.fingerprint}
            yield ok("partner", text, country=country, **shown)
        if partner.get("no_contact"):
            hint = N_("nothing is sent to it until that is lifted")
            yield note("partner", N_("%(country)s is not to be contacted"), hint, country=country)


def _calendars(look: Look) -> Iterator[Item]:
    values = look.settings.values
    directory = look.settings.home / values["calendars_directory"] if values.get("calendars_directory") else None
    wanted: dict[str, Any] = {values["country"]: values.get("calendar")}
    wanted |= {country: partner.get("calendar") for country, partner in values["partners"].items()}
    for name in schemas.calendars(directory):
        try:
            schemas.load_calendar(name, directory)
        except schemas.SchemaError as error:
            text = N_("a file of a calendar cannot be read, and counts for nothing: %(problem)s")
            yield bad("calendar", text, N_("make it anew, or remove it"), problem=str(error))
    for country, id in wanted.items():
        yield _calendar(look, country, id, directory)


def _calendar(look: Look, country: str, id: str | None, directory: Path | None) -> Item:
    chosen = id or schemas.calendar_of(country, directory)
    year = look.now.year
    # The last year too: the ladder counts on from a day that was missed in it.
    hint = N_("isthmus agreements calendar %(country)s %(last)s %(next)s --id %(country)s-%(year)s --zone ZONE > FILE")
    values = {"country": country, "last": year - 1, "year": year, "next": year + 1}
    if chosen is None or chosen not in schemas.calendars(directory):
        return bad("calendar", N_("no calendar of %(country)s: no deadline is reckoned there"), hint, **values)
    found = Calendar.from_dict(schemas.load_calendar(chosen, directory))
    if found.valid_from > look.now.date():
        text = N_("%(calendar)s begins only on %(day)s, and no other one of %(country)s counts")
        return bad("calendar", text, hint, calendar=chosen, day=found.valid_from, **values)
    left = found.valid_until - look.now.date()
    if left < CALENDAR_SOON:
        text, tell = N_("%(calendar)s ends on %(day)s"), bad if left < SOON else note
        return tell("calendar", text, hint, calendar=chosen, day=found.valid_until, **values)
    text = N_("%(country)s: %(calendar)s version %(version)s, until %(day)s")
    return ok("calendar", text, country=country, calendar=chosen, version=found.version, day=found.valid_until)


def _disk(look: Look) -> Iterator[Item]:
    free = shutil.disk_usage(look.settings.data if look.settings.data.exists() else look.settings.home).free
    text, size = N_("%(size)s GiB free for the data directory"), f"{free / (1 << 30):.1f}"
    if free >= DISK_FREE_MIN_BYTES:
        yield ok("disk", text, size=size)
    else:
        yield bad("disk", text, N_("free space; at 0 nothing is accepted"), size=size)


def _leap(look: Look, query: Query) -> Iterator[Item]:
    """Tell of a leap of the clock for as long as nothing is ended for good because of it."""
    seen = _waiting(query, look.now)
    if seen is not None and seen.before is not None:
        before, at, until = (f"{one:%Y-%m-%d %H:%M}" for one in (seen.before, seen.since, seen.until))
        text = N_(
            "the clock went from %(before)s to %(at)s UTC at once: nothing is erased, destroyed or given up before "
            "%(until)s"
        )
        hint = N_("nothing to do if it is right and the gateway was off; else set it, and see that NTP runs")
        yield note("clock", text, hint, before=before, at=at, until=until)


def _waiting(query: Query, now: datetime) -> Steady | None:
    rows = query(f"SELECT value FROM meta WHERE name = '{steady.META}'")  # noqa: S608  # a constant
    return steady.waiting(rows[0][0], now) if rows else None


def waits(chosen: Settings, now: datetime) -> Steady | None:
    """Return what was seen of the clock if a gateway ends nothing for good at ``now``. Raises ``Unavailable``."""
    return _read(chosen, lambda query: _waiting(query, now))


def raised_at(chosen: Settings, epoch: int, *, by_theft: bool = False) -> datetime | None:
    """
    Return when ``epoch`` was begun in the database; ``None`` if it is in another, or an older state took its place.

    ``by_theft``: ``None`` too unless that was since keys were stolen, and all is done. Raises ``Unavailable``.
    """
    found = dict(_read(chosen, lambda query: query(_EPOCH)) or ())
    if RESTORED_AT not in found or epoch != int(found["epoch"]) or epoch <= int(found.get(GONE_BACK, "0")):
        return None
    return None if by_theft and epoch != int(found.get(DONE, "0")) else datetime.fromisoformat(found[RESTORED_AT])


def _read(chosen: Settings, look: Callable[[Query], T]) -> T | None:
    """Return what ``look`` reads in the database, ``None`` where there is none. Raises ``Unavailable``."""
    dsn, path = chosen.dsn(os.environ), chosen.database
    if dsn is not None:
        from gateway.storage.postgres_query import postgres_query  # here, because only the extra has its library

        with postgres_query(dsn) as query:
            return look(query)
    if not path.is_file():
        return None
    with sqlite_query(path) as query:
        return look(query)


def _clock(look: Look) -> Iterator[Item]:
    issued_at = own_card(look.settings).issued_at
    if look.now.date() < BUILT_ON or look.now + SKEW_MAX < issued_at:
        text, at = N_("the clock says %(at)s UTC, earlier than it can be"), f"{look.now:%Y-%m-%d %H:%M}"
        yield bad("clock", text, N_("set it; run NTP"), at=at)
    else:
        yield ok("clock", N_("%(at)s UTC"), at=f"{look.now:%Y-%m-%d %H:%M:%S}")


CHECKS: tuple[Check, ...] = (
    _configuration,
    _named,
    _doors,
    _permissions,
    _crypto,
    _keys,
    _card,
    _tls,
    _database,
    _trust,
    _partners,
    _calendars,
    _disk,
    _clock,
)


async def reach(look: Look, peers: Peers | None = None) -> list[Item]:
    """
    Knock at the door of every partner that has one, through ``peers``: any answer at all is one.

    Nothing is posted: what a partner refuses stands in its log as what somebody tried there. Another method than POST
    is answered by every door (405, protocol section 1).
    """
    cards: dict[str, Card] = {}
    for country, partner in look.settings.values["partners"].items():
        pin = b64.decode(partner["identity"])
        held, _, _ = advance_chain(None, pin, load_cards(look.settings.cards, country), look.now)
        if held is not None and partner.get("transmission", "push") != "pull":
            cards[country] = held
    if peers is not None:
        return list(await asyncio.gather(*(_knock(peers, cards, country) for country in cards)))
    async with HttpPeers(cards.get) as made:
        return list(await asyncio.gather(*(_knock(made, cards, country) for country in cards)))


async def _knock(peers: Peers, cards: Mapping[str, Card], country: str) -> Item:
    try:
        answer = await peers.get(country, "/xg/1/messages")
    except Unavailable as error:
        addresses = ", ".join(cards[country].addresses) or "no address in its card"
        hint = N_("ask its operators; tried %(addresses)s")
        return bad("reach", N_("%(country)s: %(why)s"), hint, country=country, why=error, addresses=addresses)
    return ok("reach", N_("%(country)s answers (HTTP %(status)s)"), country=country, status=answer.status)


async def looked(
    settings: Settings, keys: KeyStore, signing: str, peers: Peers, now: datetime, online: bool, *, whole: bool = True
) -> list[Item]:
    """
    Return what the checks find of a gateway that runs: its key store is open, and ``signing`` the key it signs with.

    The checks read files and, where they are ``whole``, a whole database, so they do it beside the loop.
    """

    def ask() -> str:
        raise Missing("the key store is not open", "start the gateway again")

    def signing_kid(chosen: Settings) -> str | None:
        return signing if chosen.signing else None

    look = Look(settings, ask, now, keys, signing_kid, whole=whole, wait_s=BESIDE_S)
    items = await asyncio.to_thread(run, look)
    return items + (await reach(look, peers) if online else [])
