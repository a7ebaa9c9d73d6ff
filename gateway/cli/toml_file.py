"""Adding to a configuration file without touching what a person wrote in it."""

import json
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import schemas
from gateway import settings
from keys.durable_file import write_durably
from keys.folder_lock import alone_in


def value_text(value: Any) -> str:
    """Return a string, number, truth value or list of them as TOML; JSON writes these alike."""
    return json.dumps(value, ensure_ascii=False)


def table_text(name: str, values: Mapping[str, Any], *, of_many: bool = False) -> str:
    """Return ``values`` as a table of TOML, or as one of an array of tables."""
    head = f"[[{name}]]" if of_many else f"[{name}]"
    lines = [f"{key} = {value_text(value)}" for key, value in values.items() if value is not None]
    return "\n".join(["", head, *lines, ""])


def append(home: Path, text: str, *, first: Callable[[], object] = lambda: None) -> None:
    """
    Add ``text`` at the end of the configuration of ``home``, if what comes out is a valid configuration.

    The file is replaced as a whole, so a crash leaves the old one or the new one, and two who add at once do so one
    after the other. ``first`` is done once nothing speaks against it, and what it raises comes out. Raises
    ``BadConfiguration``.
    """
    with alone_in(home):
        _append(home / settings.FILE_NAME, home, text, first)


def _append(path: Path, home: Path, text: str, first: Callable[[], object]) -> None:
    settings.load(home, {})
    whole = f"{path.read_text(encoding='utf-8').rstrip()}\n{text}"
    try:
        settings.check(home, tomllib.loads(whole))
    except tomllib.TOMLDecodeError as error:
        raise settings.BadConfiguration([f"{path} would not be TOML any more: {error}"]) from error
    first()
    write_durably(path, whole.encode(), mode=path.stat().st_mode & 0o777)


EXAMPLE: Mapping[str, Any] = {
    "country": "XAA",
    "authority": "XAA-ID-01",
    "zone": "Europe/Vienna",
    "calendar": "XAA-2026-27",
    "data_dir": "data",
    "custody": "file:gateway.keys",
    "suites": [1, 2],
    "calendars_directory": "calendars",
    "listeners": {
        "peers": {"host": "127.0.0.1", "port": 8443, "tls_certificate": "tls.crt", "tls_key": "tls.key"},
        "api": {"host": "127.0.0.1", "port": 8080},
        "desks": {"host": "127.0.0.1", "port": 8446},
        "metrics": {"host": "127.0.0.1", "port": 8450, "drain_s": 0},
    },
    "trust": {
        "directory": "cards",
        "repository": "https://trust.example/list",
        "root": "trust.root.json",
        "refresh_s": 900,
    },
    "policy": {"auto_reminder": True, "reminder_cooldown_days": 7, "message_days": 30},
    "desks": {
        "origins": {
            "interior": "https://desk.interior.example",
            "board": "https://board.foreign.example",
            "operator": "https://gateway.interior.example",
        },
        "name": {"en": "Republic of Examplia", "fr": "Examplie"},
        "colour": "#1d4f5c",
        "emblem": "emblem.svg",
        "openid": {
            "issuer": "https://sign-on.example",
            "client_id": "isthmus",
            "client_secret": "file:openid.secret",
            "claim": "person",
        },
    },
    "notices": {
        "link": "https://desk.example/cases/{ref}",
        "smtp": {
            "host": "mail.example",
            "port": 587,
            "tls": "starttls",
            "user": "isthmus",
            "password": "file:mail.password",
            "from": "isthmus@desk.example",
            "recipients": {"interior": ["desk@interior.example"]},
        },
        "webhook": {"url": "https://desk.example/hooks/isthmus", "secret": "env:ISTHMUS_HOOK"},
    },
    "transparency": {
        "witnesses": ["XBB"],
        "timestamp": {"url": "https://tsa.example/", "roots": "tsa.pem"},
    },
    "retention": {"blocked_after_days": 180, "erased_after_days": 540, "envelope_days": 30},
    "limits": {"in_flight": 32, "post_timeout_s": 20},
    "partners": {
        "XBB": {
            "identity": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            "calendar": "XBB-2026-27",
            "transmission": "push",
            "instruments": ["POLICY_DEFAULT"],
        }
    },
    "persons": [
        {
            "id": "first.officer",
            "roles": ["case_officer"],
            "key": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            "token_sha256": "0" * 64,
        }
    ],
}
"""A configuration with every section; ``example`` adds what the schema says of each member."""


def example() -> str:
    """Return an annotated configuration file: the values of ``EXAMPLE``, each with its words from the schema."""
    schema = schemas.load("configuration")
    lines = ["# Configuration of one gateway. Any value may be overridden by the environment:"]
    lines += ["# ISTHMUS_LISTENERS__PEERS__PORT=8443 stands for listeners.peers.port. Check it with: isthmus check"]
    lines += _members(EXAMPLE, schema["properties"])
    for name, value in EXAMPLE.items():
        properties = schema["properties"][name]
        if name == "partners":
            for country, partner in value.items():
                lines += _section(f"[partners.{country}]", partner, schema["$defs"]["partner"])
        elif name == "persons":
            lines += _section("[[persons]]", value[0], schema["$defs"]["person"])
        elif name == "listeners":
            for listener, one in value.items():
                lines += _section(f"[listeners.{listener}]", one, properties["properties"][listener])
        elif isinstance(value, dict):
            lines += _section(f"[{name}]", value, properties)
        if name == "notices":
            for way in ("smtp", "webhook"):
                lines += _section(f"[notices.{way}]", value[way], properties["properties"][way])
        if name == "desks":
            lines += _section("[desks.openid]", value["openid"], properties["properties"]["openid"])
        if name == "transparency":
            lines += _section(f"[{name}.timestamp]", value["timestamp"], properties["properties"]["timestamp"])
    return "\n".join([*lines, ""])


def _description(schema: Mapping[str, Any]) -> str:
    """Return what ``schema``, or the common one that it refers to, says of itself."""
    shared = schemas.load("common")["$defs"].get(str(schema.get("$ref")).rpartition("/")[2], {})
    return str(schema.get("description") or shared.get("description", ""))


def _section(head: str, values: Mapping[str, Any], schema: Mapping[str, Any]) -> list[str]:
    return ["", f"# {schema['description']}", head, *_members(values, schema["properties"])]


_INLINE = frozenset({"origins", "name"})
"""Tables that stand in that around them, a line for each member."""


def _members(values: Mapping[str, Any], properties: Mapping[str, Any]) -> list[str]:
    lines = []
    for name, value in values.items():
        if name == "recipients":
            lines += [f"recipients.{desk} = {value_text(one)}  # Addresses of one desk." for desk, one in value.items()]
        elif name in _INLINE:
            said = properties[name]
            for one, text in value.items():
                description = _description(said["properties"][one]) or said["description"]
                lines.append(f"{name}.{one} = {value_text(text)}  # {description}")
        elif not isinstance(value, dict) and name != "persons":
            lines.append(f"{name} = {value_text(value)}  # {_description(properties[name])}")
    return lines
