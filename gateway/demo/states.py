"""
Two invented States on this machine: homes, keys, cards, people, and both gateways with their doors open.

Everything is as it would be between two real States: files in two directories, two databases, two key stores, TLS 1.3
between two listeners, each known by the key in its card. Only the clock is moved, and the network is loopback.

The passphrase is drawn anew for each run and never written, so what is left of a key store or a database once the
directory is removed cannot be opened by anybody.
"""

import asyncio
import hashlib
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from gateway import app, home, serving, settings
from gateway.app import Gateway
from gateway.demo.clock import DemoClock
from gateway.log import configure_log
from gateway.transport.card_directory import write_card
from gateway.web.signin.hand import key_name
from keys import b64, statement
from keys.card import Card
from keys.custody import open_store
from keys.sign import SigningKey

if TYPE_CHECKING:
    from gateway.desks import Desks

HOST = "127.0.0.1"
ASKING, ASKED = "XAA", "XBB"
ZONES: Mapping[str, str] = {ASKING: "Europe/Vienna", ASKED: "Asia/Tbilisi"}
CALENDARS: Mapping[str, str] = {ASKING: "XAA-2026-27", ASKED: "XBB-2026-27"}

PEOPLE: Mapping[str, Sequence[str]] = {
    "officer": ("case_officer",),
    "liaison": ("liaison_officer", "desk_head"),
    "clerk": ("registry_clerk",),
    "signer": ("second_signer",),
    "welfare": ("child_welfare",),
    "protection": ("asylum_authority",),
    "board": ("foreign_affairs",),
    "operator": ("operator",),
    "custodian": ("operator",),
    "supervisor": ("dpo",),
    "coordinator": ("coordinator",),
    "escort": ("escort",),
    "reception": ("reception",),
    "issuer": ("document_issuer",),
    "guardian": ("guardian",),
    "counsel": ("lawyer",),
    "court": ("court",),
    "informant": ("information_officer",),
}
"""Who works for each State, and in which roles. A person has a key and a token of their own in each."""

LISTED: Mapping[str, str] = {
    "signer": "second_signer",
    "welfare": "welfare",
    "coordinator": "coordinator",
    "liaison": "desk_head",
    "escort": "escort",
    "reception": "reception",
}
"""Whose statements travel, and the role in which the card lists them."""

CUSTODY = "?profile=interactive"
"""The cheaper Argon2id profile: the passphrase has 256 random bits, which no search shortens."""


CUSTODY_URI = f"file:{home.KEY_FILE}{CUSTODY}"

NAMES: Mapping[str, Mapping[str, str]] = {
    ASKING: {"en": "Republic of Valmaria", "fr": "République de Valmarie", "ar": "جمهورية فالماريا"},
    ASKED: {"en": "Republic of Belmaria", "fr": "République de Belmarie", "ar": "جمهورية بلماريا"},
}
COLOURS: Mapping[str, str] = {ASKING: "#1d4f5c", ASKED: "#5c2d46"}


CONTACT = "Duty desk, +00 5550 100"


@dataclass(frozen=True, slots=True)
class Ports:
    """The three listeners of one State."""

    peers: int
    api: int
    desks: int


@dataclass(frozen=True, slots=True)
class Person:
    """One person of one State: signing key and API token."""

    id: str
    roles: Sequence[str]
    key: SigningKey
    token: str


@dataclass(frozen=True, slots=True)
class StateOf:
    """One State: its home directory, its listeners, its people by id."""

    country: str
    home: Path
    ports: Ports
    people: Mapping[str, Person]


OpenDesks = Callable[[Gateway], Awaitable["Desks"]]


@dataclass(frozen=True, slots=True)
class World:
    """Both States with their gateways running, and the clock they share."""

    clock: DemoClock
    states: Mapping[str, StateOf]
    gateways: Mapping[str, Gateway]

    def sign(self, country: str, person: str, kind: str, role: str, thread: str, digest: str, days: int = 1) -> str:
        """Return the statement of a person over ``digest``, as the person's own device signs it."""
        made = statement.Statement(thread, kind, role, digest, self.clock.now() + timedelta(days=days))
        return statement.make(made, self.states[country].people[person].key).decode()


PARTNERS_CONNECTIONS = 256
"""Connections at the door to partners of each State of the demonstration, which has one partner."""


def choose_ports(first: int | None) -> dict[str, Ports]:
    """
    Return six ports: ``first`` and the five after it, or free ones if it is ``None``.

    Both doors to partners come first (XAA, XBB), then both local APIs, then the desks of both.
    """
    numbers = list(range(first, first + 6)) if first is not None else _free_ports(6)
    return {ASKING: Ports(*numbers[0::2]), ASKED: Ports(*numbers[1::2])}


def _free_ports(count: int) -> list[int]:
    """Return ports below those that systems give to outgoing connections: making the homes takes a while."""
    found: set[int] = set()
    while len(found) < count:
        port = 20_000 + secrets.randbelow(12_000)
        with suppress(OSError), socket.create_server((HOST, port)):
            found.add(port)
    return list(found)


def make_states(
    root: Path, ports: Mapping[str, Ports], now: datetime, passphrase: str, *, desks: bool = False
) -> dict[str, StateOf]:
    """
    Make the homes of both States under ``root``, and let each hold the other's card and identity key.

    With ``desks`` each has pages for its people, and their signing keys lie in its key store.
    """
    states, cards = {}, {}
    for country in (ASKING, ASKED):
        people = {
            id: Person(id, roles, SigningKey.generate(), secrets.token_urlsafe(24)) for id, roles in PEOPLE.items()
        }
        state = StateOf(country, root / country.lower(), ports[country], people)
        cards[country] = _make_home(state, now, passphrase)
        states[country] = state
    for country, other in ((ASKING, ASKED), (ASKED, ASKING)):
        write_card(states[country].home / "cards", cards[other])
        with (states[country].home / settings.FILE_NAME).open("a", encoding="utf-8") as file:
            persons = "".join(map(_person_text, states[country].people.values()))
            file.write(_partner_text(cards[other]) + persons + (_desks_text(states[country]) if desks else ""))
        if not desks:
            continue
        keys = open_store(
            settings.store_uri(states[country].home, CUSTODY_URI), passphrase=lambda: passphrase, environ={}
        )
        for person in states[country].people.values():
            keys.put(key_name(person.id), person.key.seed)
    return states


def _make_home(state: StateOf, now: datetime, passphrase: str) -> Card:
    wish = home.Wish(
        country=state.country,
        authority=f"{state.country}-ID-01",
        zone=ZONES[state.country],
        address=f"https://{HOST}:{state.ports.peers}",
        peers_host=HOST,
        peers_port=state.ports.peers,
        api_port=state.ports.api,
        custody=CUSTODY_URI,
        identity_custody=f"file:{home.IDENTITY_FILE}{CUSTODY}",
        roles=[{"role": role, "key": b64.encode(state.people[id].key.public)} for id, role in LISTED.items()],
    )
    return home.create(state.home, wish, now, lambda: passphrase, {})


def _partner_text(card: Card) -> str:
    """Return the other State as a table of the configuration: its identity key is the one thing trusted beforehand."""
    return (
        f'\n[partners.{card.country}]\nidentity = "{b64.encode(card.identity)}"\n'
        f'calendar = "{CALENDARS[card.country]}"\n'
    )


def origins(state: StateOf) -> dict[str, str]:
    """
    Return the addresses of the desks of ``state``, and of the page of the demonstration itself.

    A cookie knows hosts and no ports, so the second State has names of its own.
    """
    names = {"interior": "interior", "board": "board", "operator": "operator", "demonstration": "demo"}
    host = "localhost" if state.country == ASKING else f"{state.country.lower()}.localhost"
    return {desk: f"http://{name}.{host}:{state.ports.desks}" for desk, name in names.items()}


def _desks_text(state: StateOf) -> str:
    """Return the desks of a State as tables of the configuration."""
    places = ", ".join(f'{desk} = "{one}"' for desk, one in origins(state).items() if desk != "demonstration")
    names = ", ".join(f'{lang} = "{name}"' for lang, name in NAMES[state.country].items())
    return (
        # One process has the doors of both: what is left to the desks must do for a browser with many windows.
        f"\n[limits]\nconnections_max = {PARTNERS_CONNECTIONS}\n"
        f'\n[listeners.desks]\nhost = "{HOST}"\nport = {state.ports.desks}\n'
        f'\n[desks]\norigins = {{ {places} }}\nname = {{ {names} }}\ncolour = "{COLOURS[state.country]}"\n'
    )


def _person_text(person: Person) -> str:
    roles = ", ".join(f'"{role}"' for role in person.roles)
    return (
        f'\n[[persons]]\nid = "{person.id}"\nroles = [{roles}]\nkey = "{b64.encode(person.key.public)}"\n'
        f'token_sha256 = "{hashlib.sha256(person.token.encode()).hexdigest()}"\n'
        f'contact = "{CONTACT}"\n'
    )


@asynccontextmanager
async def running(
    root: Path,
    ports: Mapping[str, Ports],
    clock: DemoClock,
    open_desks: OpenDesks | None = None,
    *,
    alone: Callable[[settings.Settings], AbstractContextManager[None]] = lambda chosen: nullcontext(),
) -> AsyncIterator[World]:
    """
    Make both States under ``root`` and run their gateways, doors and loops, while the block runs.

    ``open_desks`` opens the pages of each for its people; without it there are none. ``alone`` holds what tells a
    command that a gateway runs on a home.

    Each writes its log to ``gateway.log`` in its home. Raises an ``ExceptionGroup`` of ``OSError`` if a port is taken.
    """
    passphrase = secrets.token_urlsafe(32)
    # Not in a thread, which would go on making homes where whoever cancels this removes them.
    states = make_states(root, ports, clock.now(), passphrase, desks=open_desks is not None)
    async with AsyncExitStack() as stack:
        gateways = {}
        for country, state in states.items():
            log = stack.enter_context((state.home / "gateway.log").open("a", encoding="utf-8", buffering=1))
            chosen = settings.load(state.home, {})
            stack.enter_context(alone(chosen))
            gateways[country] = await app.build(
                chosen,
                passphrase=lambda: passphrase,
                environ={},
                clock=clock,
                log=configure_log(log),
                create=True,
            )
            stack.push_async_callback(gateways[country].close)
        async with asyncio.TaskGroup() as group:
            ready = [asyncio.Event() for _ in gateways]
            served = [
                group.create_task(serving.serve(gateway, ready=event, open_desks=open_desks, moved=True))
                for gateway, event in zip(gateways.values(), ready, strict=True)
            ]
            for event in ready:
                await event.wait()
            yield World(clock, states, gateways)
            for task in served:
                task.cancel()
