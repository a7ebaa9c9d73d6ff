"""
Whoever acts holds the office in which they act, at that moment: every step of every service looks at it by itself.

The pages and the local API look as well; the command line is in front of nothing else.
"""

import inspect
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import fields
from datetime import date, timedelta
from importlib import import_module
from itertools import product
from typing import Any

import schemas
from gateway import services
from gateway.app import Gateway
from gateway.services.context import Forbidden, Person
from gateway.services.escalate import Escalation
from gateway.services.invitations import Wish
from gateway.services.trust_acts import TrustActs
from tests.support import homeward, story
from tests.support.network import Network

ROLES = frozenset(schemas.codes("person_role"))

READS = {"Hold.is_second", "access.look", "access.glance", "access.stand", "reading.opened_looks", "offered.against"}
"""Looks: whoever shows them has looked at the role, and a look may be anybody's who represents the person."""

KEEPS = {"Accounts.invite"}
"""Keeps what ``invitations.invite`` decided."""


def steps() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield every function of the services by which a person does something in a role, its own or a given one."""
    for module in pkgutil.iter_modules(services.__path__):
        held = import_module(f"{services.__name__}.{module.name}")
        own = {name: one for name, one in vars(held).items() if getattr(one, "__module__", None) == held.__name__}
        for name, one in own.items():
            found = {f"{name}.{verb}": step for verb, step in vars(one).items()} if inspect.isclass(one) else {}
            for known, step in (found or {f"{module.name}.{name}": one}).items():
                public = inspect.iscoroutinefunction(step) and not known.rpartition(".")[2].startswith("_")
                parts = inspect.signature(step).parameters.keys() if public else ()
                if "person" in parts and ("role" in parts or name == "Information"):
                    yield known, step


STEPS = {name: step for name, step in steps() if name not in READS | KEEPS}


def of_gateway(gateway: Gateway, owner: str) -> Any:
    """Return the service of the class ``owner``."""
    held = [getattr(gateway, one.name) for one in fields(gateway)]
    made = [Escalation(gateway.context), TrustActs(gateway.context), gateway.clear.images, gateway.clear.remarks]
    return next(one for one in (*held, *made) if type(one).__name__ == owner)


def given(gateway: Gateway, ref: str) -> dict[str, Any]:
    """Return something for each parameter that a step has, by its name."""
    until = gateway.context.clock.now() + timedelta(days=1)
    texts = ("digest", "id", "justification", "needed_by", "number", "on")
    words = (
        "note",
        "thread",
        "purpose",
        "reason",
        "recipient",
        "result",
        "sought",
        "statement",
        "status",
        "text",
        "why",
    )
    return {
        **dict.fromkeys((*texts, *words), "some words"),
        **dict.fromkeys(("country", "partner"), "XBB"),
        **{name: {} for name in ("answer", "change", "consent", "document", "plan", "proposal", "protocol", "report")},
        **{name: {} for name in ("age", "protection", "remark", "representative", "elements", "request", "value")},
        "accounts": None,
        "authority": gateway.context.authority,
        "by": "2026-12-01",
        "code": "UNSAFE",
        "cards": gateway.cards,
        "context": gateway.context,
        "candidates": 2,
        "direction": "requesting",
        "draft": story.draft(),
        "eta": "2026-12-01",
        "final": True,
        "ground": min(schemas.codes("restriction_ground")),
        "identity": bytes(32),
        "image": None,
        "level": "L4",
        "member": "portrait",
        "name": "durations",
        "notices": gateway.notices,
        "parts": ["NAMES"],
        "period": "2026Q1",
        "raw": b"",
        "record": homeward.RECORD,
        "ref": ref,
        "reply": story.reply(),
        "until": date(2027, 1, 1),
        "wish": Wish(ref, "lawyer", None, until, "to speak for the person"),
        "year": 2026,
    }


async def taken(gateway: Gateway, name: str, ref: str, person: str, role: str) -> str:
    """Take the step ``name``; return how it was refused, or what else became of it."""
    step, known = STEPS[name], {**given(gateway, ref), "person": person, "role": role}
    known |= {"ground": "NEW_ELEMENT"} if name == "Clear.contest" else {}
    owner = [of_gateway(gateway, name.partition(".")[0])] if name[0].isupper() else []
    needed = list(inspect.signature(step).parameters.values())[len(owner) :]
    values = {one.name: known[one.name] for one in needed if one.default is one.empty or one.name in ("person", "role")}
    try:
        await step(*owner, **values)
    except Forbidden as error:
        return str(error)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "taken"


async def test_nobody_acts_in_an_office_not_held(network: Network) -> None:
    """Who left, who never held the role, and who is unknown here are refused in every role, and told why in one."""
    ours, _ = await story.acknowledged(network)
    gateway = network.gateways["XAA"]
    context, now = gateway.context, network.clock.now()
    left, other = (
        Person("left", ROLES, bytes(32), None, now - timedelta(days=1)),
        Person("other", frozenset(), bytes(32)),
    )
    context.persons = {**context.persons, "left": left, "other": other}
    because = {"left": "is not in office", "other": "does not hold the role", "nobody": "is not a person of this"}
    wrong = []
    for name, (person, word) in product(STEPS, because.items()):
        said = {await taken(gateway, name, ours, person, role) for role in ROLES}
        wrong += [f"{name} by {person}: {one}" for one in said if ":" in one or one == "taken"]
        wrong += [f"{name} by {person}: {said}"] * (not any(word in one for one in said))
    assert [] == wrong
