"""
``isthmus compromise``: what to do when keys of this gateway may be in somebody else's hands, in one command.

It stops the gateway, writes down what the thief can read, revokes what was here, puts new keys in its place, and
greets every partner under them until each has answered.

Rule 1: what can be read is found before a key is destroyed, and written to files before anything is changed.
Rule 2: new keys are on disk before the card that lists them, and that card before an old key is destroyed. A run that
was cut short is run again; it then begins with keys of its own.
Rule 3: what this command cannot change it names: the key-encryption key and the log key, the keys of persons that lie
here, and a certificate of others.
"""

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway import home as homes
from gateway import settings
from gateway.cli.errors import CommandError, Exit
from gateway.cli.keys import SEALING_MAX, SIGNING_MAX, window
from gateway.cli.output import counted, emit, json_option, plain, say
from gateway.cli.own_card import check_newest, device_key, identity_options, issue, open_identity, own_card
from gateway.cli.restore import again_option, begun_lately, sign_everybody_out
from gateway.cli.running import is_shared, stopped
from gateway.cli.session import home_option, opened, passphrase, passphrase_option
from gateway.cli.typed import check_folder, past_instant
from gateway.core import wire
from gateway.core.wire import format_instant
from gateway.services.compromise import ANSWERED, Compromise
from gateway.services.exposure import Exposure, exposure
from gateway.services.ports import Unavailable
from gateway.settings import Settings
from gateway.storage.errors import StoreError
from gateway.transport.card_directory import load_cards, write_card
from keys import b64, card
from keys.card import Card
from keys.custody import KeyStore, open_store
from keys.durable_file import write_durably, written_durably
from keys.errors import UnknownKey
from keys.sign import Signer, SigningKey
from schemas import ijson

if TYPE_CHECKING:
    from gateway.app import Gateway

BACK = wire.MAX_VALIDITY + timedelta(days=1)
"""How far back the new signing key is valid: receipts are given again for as long as a message may be posted again."""

NUDGE_S = 3.0
LOOK_S = 0.2

REMAINS = (
    "the key-encryption key is the same: whoever has the old one and takes the database again can read it",
    "the log key and the key of kept checkpoints are the same: alone they make no receipt and no message",
    "what a partner posts to a stolen key until it has the card is answered unknown-key and is not in this list",
)
"""What a thief keeps, said in every report."""

PERSONS = "the keys of persons in the key store are the same, and whoever has them signs as these persons"
TYPED = (
    "what people typed at the desks and had not handed in is read by whoever has the database of the desks and the"
    " key-encryption key, and is in no list: ask everybody there whom they were writing about"
)
CODES = "authenticator apps give the same codes to whoever has the database of the desks and the key-encryption key"

GIVEN_OUT = "what these of the configuration lead to was here too, and is the same until whoever gave it out changes it"
_GIVEN_OUT = (
    ("database",),
    ("listeners", "desks", "tls_key"),
    ("desks", "openid", "client_secret"),
    ("notices", "smtp", "password"),
    ("notices", "webhook", "secret"),
)
"""Where the configuration names a secret that this command makes no other of."""

TOKENS = "the tokens for the local API are the same, and crossed this machine in clear"

SESSIONS = (
    "the sessions and links at the desks are as they were ({}): before the gateway is started put the database of the"
    " desks back from its backup and run this again, or move it away and invite everybody anew"
)

UNPUBLISHED = "card {} was not put into {} ({}): put it there by hand"

DEVICE = "the signing key in the device is the same: until it was stopped, whoever had the machine could have it sign"
"""Said where a device signs. Any other signing key that our card lists lay in the key store, and is revoked."""


@dataclass(slots=True)
class Report:
    """
    What was done, and what can be read; ``messages`` names the file beside it that has each message, one a line.

    ``ran`` says whether a gateway was stopped here, ``None`` where that was not asked for.
    """

    country: str
    since: datetime
    until: datetime
    exposure: Exposure
    messages: str
    ran: bool | None
    card: int | None = None
    epoch: int | None = None
    revoked: list[str] = field(default_factory=list)
    destroyed: list[str] = field(default_factory=list)
    certificate: str = "kept"
    signed_again: int = 0
    dropped: int = 0
    partners: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    remains: tuple[str, ...] = REMAINS
    persons: list[str] = field(default_factory=list)
    """Ids of those whose keys lay here. They are told to the operator, and stand in no report."""


@click.command()
@home_option
@click.option(
    "--since",
    required=True,
    metavar="INSTANT",
    help="The earliest instant at which the theft may have begun, such as 2026-03-20T12:00:00Z.",
)
@click.option("--no-database", "database", flag_value=False, default=True, help="The database was surely not taken.")
@click.option("--destroyed-everywhere", "everywhere", is_flag=True,
              help="Each machine destroyed its copy of every sealing key whose window had ended. Over PostgreSQL those "
                   "count as stolen otherwise.")  # fmt: skip
@click.option("--publish", "places", multiple=True, type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
              help="Put the new card here too, as DIR/XAA/8.jws, for partners; may stand several times.")  # fmt: skip
@click.option("--wait", "wait_s", default=120, show_default=True, type=click.IntRange(0, 86400), metavar="SECONDS",
              help="How long to wait for the partners' answers.")  # fmt: skip
@click.option("--report", "file", type=click.Path(dir_okay=False, resolve_path=True, path_type=Path), metavar="FILE",
              help="Write it here, messages beside it; by default compromise-TIME.json in the home.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Write the report and change nothing; the gateway goes on.")
@again_option
@passphrase_option
@identity_options
@json_option
def compromise(
    home: Path,
    since: str,
    database: bool,
    everywhere: bool,
    places: tuple[Path, ...],
    wait_s: int,
    file: Path | None,
    dry_run: bool,
    again: bool,
    passphrase_file: Path | None,
    identity: Path | str | None,
    identity_passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """
    Stop the gateway, revoke and replace its keys, meet every partner again, and list what a thief could have read.

    Run it on a machine that is clean. Exits 1 while a partner has not answered; the gateway goes on trying once it
    serves again. A run that was cut short is run again; within a day of one that was not, it asks for --again.
    """
    chosen, begin = settings.load(home, os.environ), past_instant(since)
    wide = _Wide(database, is_shared(chosen) and not everywhere)
    path = _place(home, file)
    ask, held = passphrase(passphrase_file), own_card(chosen)
    _check_device(chosen, held)
    if dry_run:
        report = asyncio.run(_look(chosen, ask, path, begin, wide, ran=None))
        _write(path, report)
    else:
        signer = open_identity(home, identity, identity_passphrase_file, held)
        work = _Work(chosen, ask, signer, places, wait_s)
        work.store().check_changeable()
        _check_cards(work, held)
        if not again and (at := begun_lately(chosen, held, by_theft=True)) is not None:
            text = f"the keys were replaced at {at}, and card {held.serial} revokes the old ones"
            hint = "start the gateway, and it goes on; only if the new keys may be stolen too: --again"
            raise CommandError(Exit.USAGE, "replaced-already", text, hint)
        with stopped(chosen) as ran:
            report = asyncio.run(_all(work, path, begin, wide, ran))
    if as_json:
        emit({**_plain(report), "file": str(path)})
    else:
        _tell(report, path, is_shared(chosen))
    for id in report.persons:
        say(f"Take the entry of {id} out of {settings.FILE_NAME}, then: isthmus person add {id} --role ROLE --held")
    waits = any(state != ANSWERED for state in report.partners.values())
    click.get_current_context().exit(int(Exit.FINDINGS if waits else Exit.DONE))


def _check_device(chosen: Settings, held: Card) -> None:
    """Raise ``CommandError`` where a device signs that ``held`` does not list: every other signing key is revoked."""
    if (inside := device_key(chosen)) is None:
        return
    try:
        held.signing_key(inside.kid, datetime.now(UTC))
    except UnknownKey:
        text = (
            f"card {held.serial} does not list the key in the device, or not for now, or revokes it:"
            " every other signing key would be revoked, and none be left"
        )
        hint = (
            "isthmus keys rotate signing --device URI lists it; without the device take 'signing' out of"
            f" {settings.FILE_NAME}, and where the key store holds no signing key: isthmus keys rotate signing, and the"
            " same with --activate; then this again"
        )
        raise CommandError(Exit.CONFIGURATION, "device-unlisted", text, hint) from None


def _check_cards(work: "_Work", held: Card) -> None:
    """Raise ``CommandError`` where something tells that cards are missing, unless a run cut short made those keys."""
    store = work.store()
    here = {SigningKey(store.get(name)).kid for name in (homes.SIGNING, homes.NEXT) if name in store.names()}
    check_newest(work.settings, store, held, here if device_key(work.settings) is None else None)


def _place(home: Path, file: Path | None) -> Path:
    """Return where the report is written; an earlier one is never written over."""
    if file is not None:
        check_folder(file)
        for path in (file, _messages_of(file)):
            if path.exists():
                raise FileExistsError(None, "exists; a report is never overwritten", str(path))
        return file
    stem = f"compromise-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    names = (f"{stem}{'' if number == 1 else f'-{number}'}.json" for number in count(1))
    return next(path for path in (home / name for name in names) if not path.exists())


def _messages_of(report: Path) -> Path:
    """Return where each message stands that can be read: they may be more than there is memory."""
    return report.with_name(f"{report.stem}.messages.jsonl")


@dataclass(frozen=True, slots=True)
class _Wide:
    """How much counts as taken: the database too; and keys destroyed here that another machine may hold still."""

    database: bool
    elsewhere: bool


@dataclass(frozen=True, slots=True)
class _Work:
    """What the steps share."""

    settings: Settings
    ask: Callable[[], str]
    identity: Signer
    places: Sequence[Path]
    wait_s: int

    def store(self) -> KeyStore:
        """Return the key store, opened anew."""
        return open_store(self.settings.custody, passphrase=self.ask, environ=os.environ)


async def _look(
    chosen: Settings, ask: Callable[[], str], path: Path, since: datetime, wide: "_Wide", *, ran: bool | None
) -> Report:
    """Write each message that can be read beside ``path``, and return a report of them, with nothing done yet."""
    from gateway.web.signin.hand import persons_held  # here: the pages' libraries take a while

    async with opened(chosen.home, ask) as gateway:
        context, until = gateway.context, datetime.now(UTC)
        published, lines = load_cards(chosen.cards, context.country), _messages_of(path)
        with written_durably(lines, mode=0o600) as file:
            found = await exposure(
                *(context, published, since, until),
                database=wide.database,
                elsewhere=wide.elsewhere,
                tell=lambda one: file.write(ijson.dumps(plain(one)) + b"\n"),
            )
        report = Report(context.country, since, until, found, lines.name, ran, persons=persons_held(gateway.keys))
        if report.persons:
            report.remains = (*report.remains, f"{PERSONS} ({len(report.persons)} of them)")
        report.remains = (*report.remains, *given_out(chosen.values))
        if "desks" in chosen.values:
            report.remains = (*report.remains, CODES, *([TYPED] if wide.database else []))
        return report


def given_out(values: Mapping[str, Any]) -> Sequence[str]:
    """Return what is to be said of secrets that the configuration ``values`` names, and that others gave out."""
    named = ["/".join(("", *path)) for path in _GIVEN_OUT if _names(values, path)]
    said = [f"{GIVEN_OUT}: {', '.join(named)}"] if named else []
    tokens = sum(1 for person in values["persons"] if person.get("token_sha256"))
    return [*said, *([f"{TOKENS} ({tokens} of them)"] if tokens else [])]


def _names(values: Any, path: Sequence[str]) -> bool:
    for name in path:
        values = (values or {}).get(name)
    return bool(values)


async def _all(work: _Work, path: Path, since: datetime, wide: "_Wide", ran: bool) -> Report:
    began = time.monotonic()
    report = await _look(work.settings, work.ask, path, since, wide, ran=ran)
    _write(path, report)
    _mark(report, "read", began)
    await _sign_out(work.settings, report)
    report.epoch = await _raise_epoch(work)
    _replace_keys(work, report)
    _mark(report, "replaced", began)
    _write(path, report)
    await _meet(work, report)
    _mark(report, "met", began)
    _write(path, report)
    return report


async def _sign_out(chosen: Settings, report: Report) -> None:
    """End the sessions at the desks, which were taken too; where that fails the keys are replaced all the same."""
    try:
        await sign_everybody_out(chosen)
    except (StoreError, Unavailable) as error:
        report.remains = (*report.remains, SESSIONS.format(error))


def _mark(report: Report, name: str, began: float) -> None:
    report.seconds[name] = round(time.monotonic() - began, 2)


async def _raise_epoch(work: _Work) -> int:
    """Begin a new epoch: no number that a thief may have used is used again, and partners say what they hold."""
    async with opened(work.settings.home, work.ask) as gateway:
        context = gateway.context
        context.epoch = max(context.epoch, own_card(work.settings).epoch)
        return await gateway.resync.begin_epoch(context.clock.now())


# Keys and card.


def _replace_keys(work: _Work, report: Report) -> None:
    """Put new keys beside the old ones, issue the card that lists them and revokes those, then destroy those."""
    store, held, now = work.store(), own_card(work.settings), datetime.now(UTC).replace(microsecond=0)
    stolen = [name for name, _ in homes.sealing_keys(store)]
    claims, inside = card.claims_of(held), device_key(work.settings)
    new = None if inside is not None else _new_signing(store)
    if new is not None:
        goes_on = [window(new.kid, new.public, now - BACK, now + timedelta(days=366))]
    else:
        goes_on = [_from_earlier(one, now) for one in claims["signing"] if inside and one["kid"] == inside.kid]
        stolen += [name for name in (homes.SIGNING, homes.NEXT) if name in store.names()]
        report.remains = (*report.remains, DEVICE)
    others = [one for one in claims["signing"] if one["kid"] not in {entry["kid"] for entry in goes_on}]
    signing = _revoked(others, report.since, now - BACK)[-(SIGNING_MAX - 1) :]
    sealing = _revoked(_begun(claims["sealing"], now), report.since, now)
    changes: dict[str, Any] = {
        "epoch": report.epoch,
        "signing": [*signing, *goes_on],
        "sealing": [*sealing, *_new_sealing(store, claims["sealing"], SEALING_MAX - len(sealing), now)],
    }
    spki = _renew_certificate(work.settings, held, now)
    if spki is not None:
        changes["spki"], report.certificate = [spki], "renewed"
    made = issue(work.settings, held, changes, work.identity)
    report.card = made.serial
    report.revoked = [one["kid"] for one in (*signing, *sealing)]
    report.destroyed = _destroy(store, stolen, new)
    for place in work.places:
        try:
            write_card(place, made)
        except OSError as error:  # a folder that is not to be had keeps no partner from being met
            report.remains = (*report.remains, UNPUBLISHED.format(made.serial, place, error.strerror or error))


def _new_signing(store: KeyStore) -> SigningKey:
    if homes.NEXT in store.names():
        store.destroy(homes.NEXT)  # it was made before, and lay here too
    store.put(homes.NEXT, SigningKey.generate().seed)
    return SigningKey(store.get(homes.NEXT))


def _from_earlier(entry: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return the entry of the key in a device, good for whatever one that is revoked beside it had answered."""
    return {**entry, "from": format_instant(min(_at(entry["from"]), now - BACK))}


def _begun(entries: Sequence[Mapping[str, Any]], now: datetime) -> list[Mapping[str, Any]]:
    """
    Return the sealing keys in their window now: a partner may have one in use and must read that it is revoked.

    Those still to come are left out, which ends them as well and leaves room for new ones.
    """
    return [one for one in entries if _at(one["from"]) <= now < _at(one["until"])]


def _revoked(entries: Sequence[Mapping[str, Any]], since: datetime, living: datetime) -> list[dict[str, Any]]:
    """Return the entries that end after ``living``, revoked at ``since`` or where they already were before it."""
    return [
        {**one, "revoked_at": format_instant(min(since, _at(one["revoked_at"]) if one["revoked_at"] else since))}
        for one in entries
        if _at(one["until"]) > living
    ]


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _new_sealing(
    store: KeyStore, listed: Sequence[Mapping[str, Any]], count: int, now: datetime
) -> list[dict[str, Any]]:
    """Make ``count`` sealing keys of the suite of the last one, in windows that begin now."""
    suite = int(listed[-1]["suite"])
    made = []
    for index in range(count):
        key = homes.add_sealing_key(store, suite)
        start = now - timedelta(hours=1) + index * homes.WINDOW_EVERY
        made.append({"suite": suite, **window(b64.encode(key.kid), key.public, start, start + homes.WINDOW_LASTS)})
    return made


def _destroy(store: KeyStore, stolen: Sequence[str], new: SigningKey | None) -> list[str]:
    """Destroy what was stolen, put the new signing key in its place, and return the ids of the sealing keys."""
    kids = {name: b64.encode(secret.kid) for name, secret in homes.sealing_keys(store)}
    for name in stolen:
        store.destroy(name)
    if new is not None:
        store.replace(homes.SIGNING, homes.NEXT)
    return [kids[name] for name in stolen if name in kids]


def _renew_certificate(chosen: Settings, held: Card, now: datetime) -> str | None:
    """Make a new certificate where ours is one that ``init`` made; return its SPKI hash, ``None`` where it is not."""
    peers = chosen.values["listeners"]["peers"]
    if (peers["tls_key"], peers["tls_certificate"]) != ("tls.key", "tls.crt") or not held.spki:
        return None
    return homes.renew_certificate(chosen.home, held.country, peers["host"], now)


# The partners.


async def _meet(work: _Work, report: Report) -> None:
    """Serve with the new keys until every partner has answered under them, or the wait is over."""
    from gateway import serving  # here, because half of the verbs need no gateway and this takes half a second

    async with opened(work.settings.home, work.ask) as gateway:
        now = gateway.context.clock.now()
        met = Compromise(gateway.context)
        await met.note_destroyed(_windows_of(work.settings, report.destroyed), now)
        report.signed_again, report.dropped = await met.sign_again(now)
        await met.greet(now)
        # Nobody signs in meanwhile, and where what the desks keep was spoilt, partners are met all the same.
        gateway.settings.values["listeners"]["desks"] = None
        task = asyncio.create_task(serving.serve(gateway))
        try:
            report.partners = await _wait(gateway, met, task, work.wait_s)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def _windows_of(chosen: Settings, kids: Sequence[str]) -> dict[bytes, datetime]:
    from gateway.services.windows import endings

    ends = endings(load_cards(chosen.cards, str(chosen.values["country"])))
    now = datetime.now(UTC)
    return {
        kid: ends[kid].until if kid in ends else now  # a key that no card listed yet has no window
        for kid in map(b64.decode, kids)
    }


async def _wait(gateway: "Gateway", met: Compromise, task: "asyncio.Task[None]", wait_s: int) -> dict[str, str]:
    until, nudged = time.monotonic() + wait_s, time.monotonic()
    while True:
        found = await met.met()
        if all(state == ANSWERED for state in found.values()) or time.monotonic() >= until:
            await met.nudge(gateway.context.clock.now())  # what else waits goes on at once when the gateway is started
            return found
        if task.done():
            task.result()
        if time.monotonic() - nudged >= NUDGE_S:
            nudged = time.monotonic()
            await gateway.refresh_trust()
            await met.nudge(gateway.context.clock.now())
        await asyncio.sleep(LOOK_S)


# What is told.


def _plain(report: Report) -> dict[str, Any]:
    value: dict[str, Any] = plain(report)
    del value["persons"]
    return value


def _write(path: Path, report: Report) -> None:
    """Write the report for its owner alone, all of it or the one before."""
    write_durably(path, ijson.dumps(_json(report)) + b"\n", mode=0o600)


def _json(report: Report) -> dict[str, Any]:
    """Return the report without fractions, which strict JSON has not: seconds as milliseconds."""
    value = _plain(report)
    value["milliseconds"] = {name: round(1000 * seconds) for name, seconds in value.pop("seconds").items()}
    return value


def _tell(report: Report, path: Path, shared: bool) -> None:
    found = report.exposure
    click.echo(f"report        {path}, with each message in {report.messages}")
    click.echo(f"stolen        {counted(len(found.keys), 'sealing key')}")
    click.echo(f"on the line   {counted(found.line, 'message')} that a recording gives away")
    click.echo(f"in the store  {counted(found.disk, 'message')} of {counted(len(found.cases), 'case')}")
    if report.card is None:
        say("Nothing was changed. Without --dry-run the keys are replaced.")
        return
    click.echo(f"gateway       {'stopped' if report.ran else 'none ran here: stop it where it runs'}")
    click.echo(f"card          {report.card}, epoch {report.epoch}; {counted(len(report.revoked), 'key')} revoked")
    for country, state in report.partners.items():
        click.echo(f"{country:<13} {state}")
    for text in report.remains:
        say(f"Remains: {text}.")
    if report.certificate == "kept":
        say("Replace the certificate of the peers listener and its key: they may have been taken too.")
    say("Give the card to every partner that has not answered, by hand or in the trust list, and tell it by telephone.")
    if shared:
        say("Copy this home to every other machine before a gateway starts there: the old one has the stolen keys.")
    say("Start the gateway.")
    say("Put the identity key back in its safe, with a copy of the key store as it is now; destroy every older one.")
