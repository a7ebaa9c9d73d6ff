"""What a configuration says, as the values that services and adapters take: people, law, policy, keys, ways out."""

import json
import os
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.x509 import Certificate

import schemas
from gateway import __version__, home
from gateway.core.calendars import BadCalendar, Calendar
from gateway.core.instruments import Instrument
from gateway.core.ladder import ladder_from_dict
from gateway.services.context import Keyring, Partner, Person, Policy
from gateway.services.ports import Clock, TimeStamper, Unavailable
from gateway.services.reckon import Reckoner
from gateway.services.trust import CardSource
from gateway.settings import BadConfiguration, Settings, calendars_directory, secret
from gateway.transport.card_directory import CardDirectory
from gateway.transport.notices import QUEUE_MAX, DeskNotices, Mail, Way, Webhook
from gateway.transport.timestamp import HttpTimeStamper, load_roots
from keys import b64
from keys.cosign import CosigningKey
from keys.custody import KeyStore
from keys.errors import NoSuchKey
from keys.sign import Signer, SigningKey


def keyring(store: KeyStore, signing: Signer | None = None) -> Keyring:
    """
    Return the private keys of ``store`` as the services need them; ``signing`` is in a device, if it is given.

    Raises ``NoSuchKey`` where neither has a signing key in use, or the store has no log key.
    """
    log = home.log_key(store)
    if signing is None and home.SIGNING not in store.names():
        hint = (
            "where it is in a device, name that in 'signing'; where that is lost: isthmus keys rotate signing, and the"
            " same with --activate"
        )
        raise NoSuchKey("the key store holds no signing key in use", hint)
    sealing = {key.kid: key for _, key in home.sealing_keys(store)}
    cosigning = CosigningKey(store.get(home.COSIGNING)) if home.COSIGNING in store.names() else None
    return Keyring(signing or SigningKey(store.get(home.SIGNING)), log, sealing, cosigning)


def persons(values: Mapping[str, Any]) -> dict[str, Person]:
    """Return the persons of a configuration by id."""

    def days(absence: Mapping[str, str]) -> tuple[date, date]:
        return date.fromisoformat(absence["from"]), date.fromisoformat(absence["until"])

    def instant(text: str | None) -> datetime | None:
        return datetime.fromisoformat(text) if text else None

    return {
        person["id"]: Person(
            person["id"],
            frozenset(person["roles"]),
            b64.decode(person["key"]),
            instant(person.get("active_from")),
            instant(person.get("active_until")),
            person.get("deputy"),
            tuple(days(one) for one in person.get("absent", ())),
            person.get("contact", ""),
        )
        for person in values["persons"]
    }


def partners(values: Mapping[str, Any]) -> dict[str, Partner]:
    """
    Return the States of a configuration by country, in the order of their codes.

    In that order everybody takes rows of several: nodes of one gateway do not wait for one another in a circle.
    """
    return {
        country: Partner(country, one.get("transmission", "push"), (one.get("no_contact") or {}).get("reason"))
        for country, one in sorted(values["partners"].items())
    }


def reckoner(settings: Settings) -> Reckoner:
    """Return the law of this gateway: instruments, the calendar of each State, the ladder."""
    values = settings.values
    calendars = {country: calendar for country, (calendar, _) in _calendars(settings).items()}
    agreed = {
        frozenset((values["country"], country)): frozenset(partner["instruments"])
        for country, partner in values["partners"].items()
        if partner.get("instruments")
    }
    return Reckoner(_instruments(), calendars, ladder_from_dict(schemas.load_ladder()), agreed)


@cache
def _instruments() -> tuple[Instrument, ...]:
    """Return the agreements of the package, which are the same for every gateway of a process."""
    return tuple(Instrument.from_dict(one) for one in schemas.load_instruments().values())


def _calendars(settings: Settings) -> dict[str, tuple[Calendar, Mapping[str, Any]]]:
    """Return the calendar of each State that has one which can be read, and what stands in its file."""
    directory = calendars_directory(settings.home, settings.values)
    found: dict[str, tuple[Calendar, Mapping[str, Any]]] = {}
    for country, name in named_calendars(settings.values).items():
        chosen = name or calendar_of(country, directory)
        if chosen is not None:
            with suppress(schemas.SchemaError):  # a finding of the check, and it keeps no gateway from its work
                found[country] = load_calendar(chosen, directory), schemas.load_calendar(chosen, directory)
    return found


def named_calendars(values: Mapping[str, Any]) -> dict[str, str | None]:
    """Return the id of the calendar that a configuration names for each State in it, ``None`` where it names none."""
    partners = {country: one.get("calendar") for country, one in values["partners"].items()}
    return {values["country"]: values.get("calendar"), **partners}


def calendar_of(country: str, directory: Path | None = None) -> str | None:
    """
    Return the id of the calendar of ``country``: of those whose id begins with its code, the one that ends last.

    ``None`` if there is none that can be read.
    """
    ends = {}
    for name in schemas.calendars(directory):
        if name.startswith(f"{country}-"):
            with suppress(schemas.SchemaError):
                ends[name] = load_calendar(name, directory).valid_until
    return max(ends, key=ends.__getitem__, default=None)


def load_calendar(name: str, directory: Path | None = None) -> Calendar:
    """
    Return the calendar ``name``, as ``schemas.load_calendar`` finds it.

    Raises ``UnknownName``, and ``SchemaError`` also where it contradicts itself, as one that somebody has mended may.
    """
    value = schemas.load_calendar(name, directory)
    try:
        return Calendar.from_dict(value)
    except BadCalendar as error:
        raise schemas.SchemaError("calendar", (schemas.Problem(f"{name}.json", "", str(error)),)) from error


def alike(settings: Settings) -> dict[str, str]:
    """
    Return what every node of one gateway goes by, as one text for each part of the configuration.

    What belongs to a machine (its doors, paths, bounds on load) is not in it, but for where the trust list is; nor a
    secret: of those the configuration says only where they are.
    """
    parts: dict[str, Any] = {name: value for name, value in settings.values.items() if name not in _OF_A_MACHINE}
    for section, names in (("limits", {"envelope_max_bytes"}), ("trust", {"repository"})):
        parts[section] = {name: value for name, value in parts.get(section, {}).items() if name in names}
    parts |= {
        "agreements": [*schemas.load_instruments().values(), schemas.load_ladder()],
        "calendars": {country: written for country, (_, written) in _calendars(settings).items()},
        "version": __version__,
    }
    return {name: _text(value) for name, value in parts.items()}


_OF_A_MACHINE = frozenset(
    {"listeners", "data_dir", "database", "custody", "signing", "calendars_directory"}
    | {"emblem", "ca", "roots", "password", "secret", "client_secret", "queue_max"}
)
"""Names of what belongs to a machine, in whichever section: its doors, where its files and secrets are, its bounds."""


def _text(value: Any) -> str:
    """Return one text for one meaning: the order of no table and of no list counts."""
    if isinstance(value, Mapping):
        value = {name: _text(one) for name, one in value.items() if name not in _OF_A_MACHINE}
    elif isinstance(value, list | tuple):
        value = sorted(map(_text, value))
    return json.dumps(value, sort_keys=True, default=str)


def policy(values: Mapping[str, Any]) -> Policy:
    """Return the policy of a configuration; what it does not say keeps its default."""
    chosen: dict[str, Any] = {"suites": frozenset(values.get("suites", (1, 2)))}
    for section, names in (
        ("policy", ("auto_reminder", "reminder_cooldown_days", "message_days")),
        ("retention", ("closed_after_days", "blocked_after_days", "erased_after_days", "envelope_days", "images_days")),
        ("limits", ("in_flight", "post_timeout_s", "messages_a_day", "mebibytes_a_day")),
    ):
        chosen |= {name: values[section][name] for name in names if name in values.get(section, {})}
    return Policy(**chosen)


def desk_notices(settings: Settings, environ: Mapping[str, str], clock: Clock, log: Callable[..., None]) -> DeskNotices:
    """
    Return what tells the desks that a case moved, as the configuration says; it may have no way at all.

    Raises ``BadConfiguration``: a secret is not where the configuration says, or authorities cannot be read.
    """
    ways = [way for way in (mail(settings, environ), webhook(settings, environ)) if way is not None]
    return DeskNotices(ways, clock, log, queue_max=settings.values.get("notices", {}).get("queue_max", QUEUE_MAX))


def mail(settings: Settings, environ: Mapping[str, str]) -> Way | None:
    """Return the way by mail, if there is one. Raises ``BadConfiguration``."""
    chosen = settings.values.get("notices", {})
    smtp = chosen.get("smtp")
    if not smtp:
        return None
    place = "/notices/smtp/password"
    return Mail(
        smtp["host"],
        smtp["port"],
        smtp["from"],
        smtp["recipients"],
        smtp.get("tls", "starttls"),
        smtp.get("user"),
        secret(smtp["password"], settings.home, environ, place) if "password" in smtp else None,
        chosen.get("link"),
        _trusted(settings, "smtp"),
    )


def webhook(settings: Settings, environ: Mapping[str, str]) -> Way | None:
    """Return the way by webhook, if there is one. Raises ``BadConfiguration``."""
    chosen, place = settings.values.get("notices", {}), "/notices/webhook/secret"
    hook = chosen.get("webhook")
    if not hook:
        return None
    key = secret(hook["secret"], settings.home, environ, place).encode()
    if len(key) < HOOK_KEY_MIN:
        raise BadConfiguration([f"{place}: at least {HOOK_KEY_MIN} characters"])
    return Webhook(hook["url"], key, chosen.get("link"), _trusted(settings, "webhook"))


def _trusted(settings: Settings, way: str) -> ssl.SSLContext | None:
    """Return the authorities that a way of the notices names, if it names any. Raises ``BadConfiguration``."""
    chosen = settings.values["notices"][way]
    if "ca" not in chosen:
        return None
    path = settings.home / chosen["ca"]
    try:
        return ssl.create_default_context(cafile=path)
    except OSError as error:  # ``ssl.SSLError`` among them, whose words are no help
        why = "holds no certificate" if isinstance(error, ssl.SSLError) else f"cannot be read: {error.strerror}"
        raise BadConfiguration([f"/notices/{way}/ca: {path} {why}"]) from error


def stamper(settings: Settings) -> TimeStamper | None:
    """Return the time-stamping authority of a configuration, ``None`` if it names none."""
    chosen = settings.values.get("transparency", {}).get("timestamp")
    return HttpTimeStamper(chosen["url"], settings.home / chosen["roots"]) if chosen else None


def stamping_roots(settings: Settings, _: Mapping[str, str]) -> list[Certificate] | None:
    """Return the certificates of the time-stamping authority, if one is named. Raises ``BadConfiguration``."""
    chosen = settings.values.get("transparency", {}).get("timestamp")
    try:
        return load_roots(settings.home / chosen["roots"]) if chosen else None
    except Unavailable as error:
        raise BadConfiguration([f"/transparency/timestamp/roots: {error}"]) from error


HOOK_KEY_MIN = 16
"""Characters of the shortest key a webhook is signed with."""


def card_source(settings: Settings) -> CardSource:
    """Return where cards come from: the trust list that the configuration names, or the directory alone."""
    repository, own = settings.values["trust"].get("repository"), str(settings.values["country"])
    if repository is None:
        return CardDirectory(settings.cards)
    from gateway.transport import trust_list  # here, because few commands read a list and this takes a while

    place, root = trust_list.address(repository, settings.home), settings.home / settings.values["trust"]["root"]
    return trust_list.TrustList(place, root, settings.data / "trust", settings.cards, own)


def tls(settings: Settings, listener: str = "peers") -> ssl.SSLContext | None:
    """
    Return the TLS 1.3 context of a listener, or ``None`` where a proxy in front speaks TLS.

    Raises ``BadConfiguration`` that names the files, which the library does not.
    """
    chosen = settings.values["listeners"][listener]
    if not (chosen["tls_certificate"] and chosen["tls_key"]):
        return None
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    made.num_tickets = 0  # two of them are a tenth of a handshake, and partners do not come again on a session
    certificate, key = (settings.home / chosen[name] for name in ("tls_certificate", "tls_key"))
    try:
        # Without a passphrase given, a key that is under one would be asked for at a terminal that nobody sits at.
        made.load_cert_chain(certificate, key, password="")
    except OSError as error:  # ``ssl.SSLError`` among them
        unread = [path for path in (certificate, key) if not (os.path.isfile(path) and os.access(path, os.R_OK))]
        why = getattr(error, "reason", None)  # what the library calls it, as of a key that is too short
        pair = f"{certificate} and {key} are no certificate with its key{f' ({why})' if why else ''}"
        text = f"{unread[0]} cannot be read" if unread else pair
        raise BadConfiguration([f"/listeners/{listener}: {text}"], "isthmus check names the next step") from error
    return made


def tokens(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the persons' API tokens: SHA-256 in hexadecimal to person id."""
    return {person["token_sha256"]: person["id"] for person in values["persons"] if person.get("token_sha256")}
