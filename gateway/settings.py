"""
The configuration of one gateway: a TOML file, overridden by the environment, checked whole.

Rule 1: a bad configuration is told all at once: every problem, with its place, in one error.
Rule 2: what the schema does not know is refused, so a misspelt safeguard never looks like one that is set.
"""

import ipaddress
import os
import pwd
import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import SplitResult, quote, unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import schemas
from gateway.services.guests import GUEST, is_guest

FILE_NAME = "isthmus.toml"
PREFIX = "ISTHMUS_"
EMBLEM_MAX_BYTES = 64 * 1024

HELD_ALONE = frozenset({"foreign_affairs", "information_officer", "child_welfare", "coordinator", "asylum_authority"})
"""
Roles whose holder has no other: who must see no identity, who must know no case, and who must be able to say no.

A veto that the desk itself holds is none. That of a minor's return is child welfare's, of an adult's the coordinator's.
"""

APART = (("liaison_officer", "escort"),)
"""Roles that one person does not hold both of: who plans a journey is not who asks, on the day, and lets leave."""


class BadConfiguration(Exception):
    """
    The configuration cannot be used; ``problems`` are lines that each say where, what, and what to do.

    ``hint`` is the command that helps with all of them.
    """

    def __init__(self, problems: list[str], hint: str = "isthmus check --example prints one") -> None:
        super().__init__("; ".join(problems))
        self.problems = problems
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Settings:
    """A checked configuration: the home it was read from and its values (schema ``configuration``)."""

    home: Path
    values: Mapping[str, Any]

    @property
    def data(self) -> Path:
        """Return the directory of the database and the list of erased cases."""
        return self.home / str(self.values["data_dir"])

    @property
    def database(self) -> Path:
        """Return the path of the database file, where the store is SQLite."""
        return self.data / "gateway.db"

    def dsn(self, environ: Mapping[str, str]) -> str | None:
        """Return the address of the PostgreSQL database, ``None`` for SQLite. Raises ``BadConfiguration``."""
        uri = self.values.get("database")
        if uri is None:
            return None
        address = str(uri) if "://" in uri else secret(str(uri), self.home, environ, "/database")
        if (parts := split(address)) is None or parts.scheme not in ("postgres", "postgresql"):
            text = (
                f"/database: {UNREADABLE}, or it is no postgresql://; in a user's name or password write each sign that"
                " is neither letter nor digit as % and its code"
            )
            raise BadConfiguration([text])
        return address

    @property
    def accounts(self) -> Path:
        """Return the path of the database of sessions, passkeys and drafts."""
        return self.data / "desks.db"

    @property
    def cards(self) -> Path:
        """Return the directory of cards."""
        return self.home / str(self.values["trust"]["directory"])

    @property
    def custody(self) -> str:
        """Return the key store's URI; a ``file:`` path is relative to the home."""
        return store_uri(self.home, str(self.values["custody"]))

    @property
    def signing(self) -> str | None:
        """Return the PKCS #11 URI of the signing key, ``None`` if it is in the key store."""
        uri = self.values.get("signing")
        return None if uri is None else str(uri)


def store_uri(home: Path, uri: str) -> str:
    """Return ``uri`` with a ``file:`` path made relative to ``home``, whatever signs the name of that has."""
    scheme, _, rest = uri.partition(":")
    return f"file:{Path(quote(os.fsencode(home))) / rest}" if scheme == "file" else uri


def load(home: Path, environ: Mapping[str, str]) -> Settings:
    """
    Read ``home/isthmus.toml``, lay the environment over it, and check everything.

    ``ISTHMUS_LISTENERS__PEERS__PORT=8443`` overrides ``listeners.peers.port``. Raises ``BadConfiguration``.
    """
    path = home / FILE_NAME
    try:
        written = path.read_text(encoding="utf-8")
        values = tomllib.loads(written)
    except FileNotFoundError:
        hint = "name the home with -C DIR or in $ISTHMUS_HOME; a new one is made by isthmus init"
        raise BadConfiguration([f"{path} does not exist: {hint}"]) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadConfiguration([f"{path} cannot be read: {error}"]) from error
    for name, text in sorted(environ.items()):
        if name.startswith(PREFIX) and "__" in name:
            if text.encode(errors="ignore").decode() != text:
                raise BadConfiguration([f"the variable {name} is no text in UTF-8"], "set it anew, in UTF-8")
            _override(values, name, text)
        elif _means_a_member(name) and f"env:{name}" not in written:
            text = f"the variable {name} sets nothing; one sets what stands in a section, as {PREFIX}TRUST__REFRESH_S"
            raise BadConfiguration([text], f"edit {FILE_NAME}, and unset the variable")
    return check(home, values)


def _means_a_member(name: str) -> bool:
    """Return whether the variable ``name`` reads as a member of the configuration, with too few underlines for one."""
    said = name.removeprefix(PREFIX).lower()
    known = schemas.load("configuration")["properties"]
    return name.startswith(PREFIX) and any(said == one or said.startswith(f"{one}_") for one in known)


def _override(values: dict[str, Any], name: str, text: str) -> None:
    path = name.removeprefix(PREFIX).lower().split("__")
    for part in path[:-1]:
        inner = values.setdefault(part, {})
        if not isinstance(inner, dict):
            raise BadConfiguration([f"the variable {name} sets nothing: '{part}' is no table; edit {FILE_NAME}"])
        values = inner
    try:
        values[path[-1]] = tomllib.loads(f"v = {text}")["v"]
    except tomllib.TOMLDecodeError:
        values[path[-1]] = text


def check(home: Path, values: Mapping[str, Any]) -> Settings:
    """Return the settings in ``values``; raises ``BadConfiguration`` with every problem found."""
    problems: list[str] = []
    try:
        schemas.validate("configuration", values)
    except schemas.SchemaError as error:
        problems += [f"{one.pointer or '/'}: {one.text}{_named(values, one)}" for one in error.problems]
    problems += _cross_checks(values) + _calendar_checks(home, values)
    if problems:
        raise BadConfiguration(problems)
    return Settings(home, _complete(values))


def _named(values: Mapping[str, Any], problem: schemas.Problem) -> str:
    """
    Return the names of the members that a problem says are not known, to be added to its text; of other problems none.

    A schema never quotes what it was given, which may be of a person. Names in this file are the operator's own.
    """
    if problem.keyword != "additionalProperties":
        return ""
    whole = schemas.load("configuration")
    form, held = whole, cast(Any, values)
    for step in problem.pointer.split("/")[1:]:
        if isinstance(held, list):
            form, held = form["items"], held[int(step)]
        else:
            name = step.replace("~1", "/").replace("~0", "~")
            known = [one for pattern, one in form.get("patternProperties", {}).items() if re.search(pattern, name)]
            form, held = form.get("properties", {}).get(name) or known[0], held[name]
        form = whole["$defs"][form["$ref"].rpartition("/")[2]] if "$ref" in form else form
        form = next((one for one in form.get("anyOf", ()) if one.get("type") == "object"), form)  # or null
    patterns, members = form.get("patternProperties", {}), form.get("properties", {})
    unknown = [name for name in held if name not in members and not any(re.search(one, name) for one in patterns)]
    return f": {', '.join(map(repr, unknown))}"


def _complete(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``values`` with every optional member that others read without asking."""
    listeners = dict(values["listeners"])
    for name in ("peers", "desks"):
        if name in listeners:
            listeners[name] = {"tls_certificate": None, "tls_key": None, **listeners[name]}
    if "metrics" in listeners:
        listeners["metrics"] = {"host": "127.0.0.1", "drain_s": 0, **listeners["metrics"]}
    return {"partners": {}, "persons": [], **values, "listeners": listeners}


def _cross_checks(values: Mapping[str, Any]) -> list[str]:
    """Return what a schema cannot see: zones and instruments that do not exist, persons named twice."""
    problems = []
    try:
        ZoneInfo(str(values.get("zone", "")))
    except (ZoneInfoNotFoundError, ValueError, OSError):  # the last of a continent alone, which is a folder
        problems.append("/zone: not an IANA time zone; use a name such as Europe/Vienna")
    own = values.get("country")
    if not str(values.get("authority")).startswith(f"{own}-"):
        problems.append(f"/authority: it is of another State; ids of ours begin with {own}-")
    problems += _place_checks(values)
    problems += _notice_checks(values.get("notices"))
    problems += _trust_checks(values.get("trust"))
    problems += _desk_checks(values)
    problems += _proxy_checks(values.get("listeners"))
    persons = [person.get("id") for person in _list(values.get("persons")) if isinstance(person, dict)]
    problems += [
        f"/persons: '{id}' begins with '{GUEST}', as the ids of invited persons do; choose another"
        for id in persons
        if is_guest(str(id))
    ]
    problems += [f"/persons: '{id}' stands twice" for id in sorted({str(p) for p in persons if persons.count(p) > 1})]
    problems += [
        f"/persons: '{person.get('id')}' holds '{role}' and another role; this one is held alone"
        for person in _list(values.get("persons"))
        if isinstance(person, dict) and len(set(map(str, _list(person.get("roles"))))) > 1
        for role in sorted(HELD_ALONE.intersection(map(str, _list(person.get("roles")))))
    ]
    problems += [
        f"/persons: '{person.get('id')}' holds '{one}' and '{other}'; these are held by two persons"
        for person in _list(values.get("persons"))
        if isinstance(person, dict)
        for one, other in APART
        if {one, other} <= set(map(str, _list(person.get("roles"))))
    ]
    for name in ("key", "token_sha256"):
        # Two persons act with two keys; one that two of them hold is one person who decides alone.
        held = [person.get(name) for person in _list(values.get("persons")) if isinstance(person, dict)]
        shared = {str(one) for one in held if one is not None and held.count(one) > 1}
        problems += [f"/persons: two of them have the same '{name}'" for _ in sorted(shared)]
    problems += [
        f"/persons: the deputy '{person['deputy']}' is not one of 'persons'"
        for person in _list(values.get("persons"))
        if isinstance(person, dict) and person.get("deputy") and person["deputy"] not in persons
    ]
    problems += _absence_checks(_list(values.get("persons")))
    partners = values.get("partners")
    problems += _witness_checks(values.get("transparency"), partners)
    for country, partner in (partners if isinstance(partners, dict) else {}).items():
        if country == own:
            problems.append(f"/partners/{country}: a State is no partner of itself")
        if not isinstance(partner, dict):
            continue  # the schema says so already
        for person in _list(_at(partner, "/no_contact/by")):
            if person not in persons:
                problems.append(f"/partners/{country}/no_contact/by: '{person}' is not one of 'persons'")
        for id in _list(partner.get("instruments")):
            if str(id) not in schemas.load_instruments():
                problems.append(f"/partners/{country}/instruments: '{id}' is unknown; see: isthmus agreements list")
    return problems


def _absence_checks(persons: list[Any]) -> list[str]:
    """Return whose absence is none, because its days were put in the wrong order."""
    return [
        f"/persons: an absence of '{person.get('id')}' ends on {away['until']}, before it begins on {away['from']}"
        for person in persons
        if isinstance(person, dict)
        for away in _list(person.get("absent"))
        if isinstance(away, dict) and str(away.get("until", "9")) < str(away.get("from", ""))
    ]


def _notice_checks(notices: Any) -> list[str]:
    """Return where a notice would cross a network in clear, or have no place for the reference in its link."""
    if not isinstance(notices, dict):
        return []
    smtp, webhook, problems = notices.get("smtp"), notices.get("webhook"), []
    if isinstance(smtp, dict) and smtp.get("tls") == "none" and not is_loopback(str(smtp.get("host"))):
        problems.append("/notices/smtp/tls: 'none' is for loopback only; take starttls or implicit")
    if isinstance(smtp, dict) and ("user" in smtp) != ("password" in smtp):
        problems.append("/notices/smtp: 'user' and 'password' go together")
    recipients = smtp.get("recipients") if isinstance(smtp, dict) else None
    if isinstance(recipients, dict) and "interior" not in recipients:
        problems.append("/notices/smtp/recipients: names no 'interior', the desk that works the cases: nobody is told")
    elif isinstance(recipients, dict) and len(recipients) > 1:
        others = ", ".join(f"'{one}'" for one in recipients if one != "interior")
        problems.append(f"/notices/smtp/recipients: names {others}, and nobody but 'interior' is told; take it out")
    if isinstance(webhook, dict):
        url = split(str(webhook.get("url")))
        if url is not None and url.scheme != "https" and not is_loopback(url.hostname or ""):
            problems.append("/notices/webhook/url: https, but on loopback")
    if "link" in notices and "{ref}" not in str(notices["link"]):
        problems.append("/notices/link: has no {ref} for the reference of the case")
    return problems


def _desk_checks(values: Mapping[str, Any]) -> list[str]:
    """Return where desks would share a host name, and so sessions, or where pages would cross a network in clear."""
    listeners, desks = values.get("listeners"), values.get("desks")
    door = listeners.get("desks") if isinstance(listeners, dict) else None
    if (door is None) != (desks is None):
        return ["/desks: 'desks' and 'listeners.desks' go together"]
    if not isinstance(desks, dict) or not isinstance(door, dict):
        return []
    origins = desks.get("origins")
    read = [split(str(one)) for one in origins.values()] if isinstance(origins, dict) else []
    hosts = [one.hostname for one in read if one is not None]
    problems = []
    if len(set(hosts)) < len(hosts):
        problems.append("/desks/origins: each desk has a host name of its own, or they would share sessions")
    if bool(door.get("tls_certificate")) != bool(door.get("tls_key")):
        problems.append("/listeners/desks: 'tls_certificate' and 'tls_key' go together")
    if not door.get("tls_certificate") and not is_loopback(str(door.get("host"))):
        problems.append("/listeners/desks: without a certificate it listens on loopback only, behind a proxy with TLS")
    return problems


_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
"""The addresses of IPv4 as IPv6 writes them (RFC 4291, 2.5.5.2); what comes from one of them comes by IPv4."""


def _proxy_checks(listeners: Any) -> list[str]:
    """Return which proxies are no addresses, or everybody: whoever is one says by whose address a client is counted."""
    problems = []
    for door, given in (listeners if isinstance(listeners, dict) else {}).items():
        for one in _list(given.get("proxies") if isinstance(given, dict) else None):
            place = f"/listeners/{door}/proxies: '{one}'"
            try:
                network = ipaddress.ip_network(str(one), strict=False)
            except ValueError:
                problems.append(f"{place} is neither an address nor a network such as 10.1.2.0/28")
                continue
            if network.network_address != ipaddress.ip_address(str(one).partition("/")[0]):
                problems.append(f"{place} names one address in a network; the network is {network}")
            if network.version == 6 and network.subnet_of(_MAPPED):
                problems.append(f"{place} is of IPv4; write it so")
            if not network.prefixlen:
                problems.append(f"{place} is everybody; name your proxies alone")
    return problems


def _calendar_checks(home: Path, values: Mapping[str, Any]) -> list[str]:
    """Return which calendars are named and have no file: what is asked there would get no deadline."""
    known = schemas.calendars(calendars_directory(home, values))
    partners = values.get("partners")
    by_place = {f"/partners/{one}": part for one, part in partners.items()} if isinstance(partners, dict) else {}
    named = {
        place: part.get("calendar") for place, part in {"": values, **by_place}.items() if isinstance(part, Mapping)
    }
    return [
        f"{place}/calendar: there is no calendar '{name}'; there are: {', '.join(known)}"
        for place, name in named.items()
        if name is not None and name not in known
    ]


def calendars_directory(home: Path, values: Mapping[str, Any]) -> Path | None:
    """Return the directory of the operator's calendars, if the configuration names one."""
    name = values.get("calendars_directory")
    return home / str(name) if name else None


def _trust_checks(trust: Any) -> list[str]:
    """Return where a trust list would be read without a root that was compared, or over a network in clear."""
    if not isinstance(trust, dict):
        return []
    problems = []
    if ("repository" in trust) != ("root" in trust):
        problems.append("/trust: 'repository' and 'root' go together; make the root with: isthmus trust pin")
    url = split(str(trust.get("repository"))) if "://" in str(trust.get("repository")) else None
    near = url is not None and url.scheme == "http" and is_loopback(url.hostname or "")
    if url is not None and url.scheme not in ("https", "file") and not near:
        problems.append("/trust/repository: a folder or an https address; http is for loopback only")
    return problems


def _witness_checks(transparency: Any, partners: Any) -> list[str]:
    """Return which witnesses are no partners: nobody else holds our card, or could be asked."""
    known = partners if isinstance(partners, dict) else {}
    named = _list(transparency.get("witnesses")) if isinstance(transparency, dict) else []
    return [
        f"/transparency/witnesses: '{country}' is not one of 'partners'"
        for country in map(str, named)
        if country not in known
    ]


UNREADABLE = "its host or its port cannot be read"

_ADDRESSES = (
    "/notices/link",
    "/notices/webhook/url",
    "/trust/repository",
    "/transparency/timestamp/url",
    "/desks/openid/issuer",
    *(f"/desks/origins/{desk}" for desk in ("interior", "board", "operator")),
)
_NAMES = (*(f"/listeners/{door}/host" for door in ("peers", "api", "desks", "metrics")), "/notices/smtp/host")


def _place_checks(values: Mapping[str, Any]) -> list[str]:
    """Return where an address or a name leads nowhere, whoever is asked: what needs it would only fail later."""
    addresses = {place: str(_at(values, place)) for place in _ADDRESSES}
    return [
        f"{place}: {UNREADABLE}; an address of IPv6 stands in brackets, a port is at most 65535"
        for place, one in addresses.items()
        if "://" in one and ((parts := split(one)) is None or not (parts.hostname or parts.scheme == "file"))
    ] + [
        f"{place}: no machine has such a name; see that no part of it is empty or longer than 63 characters"
        for place in _NAMES
        if not _is_name(str(_at(values, place)))
    ]


def _at(values: Any, place: str) -> Any:
    """Return what stands where ``place``, a JSON Pointer, leads to, ``None`` where nothing does."""
    for step in place.split("/")[1:]:
        values = values.get(step) if isinstance(values, Mapping) else None
    return values


def split(address: str) -> SplitResult | None:
    """
    Return the parts of ``address``, ``None`` where its host or its port cannot be read.

    That of a database may name several, and a folder in place of a host. Nobody is told what is in it, as a password.
    """
    try:
        found = urlsplit(address)
        each = [urlsplit(f"//{one}") for one in found.netloc.rpartition("@")[2].split(",")]
        ports = [one.port for one in each]  # asked for: it is looked at no sooner
    except ValueError:
        return None
    names = [unquote(one.hostname or "") for one in each]
    return found if ports and all(name.startswith("/") or _is_name(name) for name in names) else None


def _is_name(host: str) -> bool:
    """Tell whether ``host`` can be asked for: whoever does so of another fails before a server is asked."""
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Tell whether ``host`` is this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def secret(uri: str, home: Path, environ: Mapping[str, str], place: str) -> str:
    """
    Return the secret that ``uri`` (``file:/path`` or ``env:NAME``) leads to; a path is relative to the home.

    ``place`` is where in the configuration it is named.

    Raises ``BadConfiguration``: there is none, or others may read the file.
    """
    scheme, _, rest = uri.partition(":")
    if scheme == "env":
        if not environ.get(rest):
            raise BadConfiguration([f"{place}: the variable {rest} is not set"])
        return environ[rest]
    path = home / rest
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise BadConfiguration([f"{place}: {path} may be read by others; chmod 600 it"])
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfiguration([f"{place}: {path} cannot be read: {error}"]) from error


def emblem(settings: Settings, _: Mapping[str, str]) -> bytes | None:
    """Return the emblem of the desks, an SVG, if they have one. Raises ``BadConfiguration``."""
    chosen = settings.values.get("desks", {})
    if "emblem" not in chosen:
        return None
    path = settings.home / str(chosen["emblem"])
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise BadConfiguration([f"/desks/emblem: {path} cannot be read: {error.strerror}"]) from error
    if len(raw) > EMBLEM_MAX_BYTES or b"<svg" not in raw[:1024]:
        raise BadConfiguration([f"/desks/emblem: {path} is no SVG of at most {EMBLEM_MAX_BYTES // 1024} KiB"])
    return raw


def client_secret(settings: Settings, environ: Mapping[str, str]) -> str | None:
    """Return the secret by which the desks ask the State's own sign-on, if they do. Raises ``BadConfiguration``."""
    chosen = settings.values.get("desks", {}).get("openid")
    place = "/desks/openid/client_secret"
    return None if chosen is None else secret(str(chosen["client_secret"]), settings.home, environ, place)


def user_name(uid: int) -> str:
    """Return the name of the user ``uid``, or its number if it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
