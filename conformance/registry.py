"""
The cases of the suite: what each proves, and how one is declared.

A case is a function with the decorator ``case``. The first paragraph of its docstring is its purpose and the second
says why a wrong gateway fails; both stand in the report. A case ends in one of four verdicts: it returns (``pass``), or
raises ``Wrong`` (``fail``), ``NotOffered`` (``not applicable``) or ``Unclear`` (``inconclusive``).
"""

import inspect
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

PROFILES = ("receive", "verify", "return", "full")
"""What a gateway may claim to do; each profile has the ones before it."""

LEVELS = ("MUST", "SHOULD", "MAY")
VERDICTS = ("pass", "fail", "not applicable", "inconclusive")


class Wrong(Exception):
    """The gateway did not do what the protocol demands."""


class NotOffered(Exception):
    """The gateway, or its back-end, does not offer what the case needs."""


class Unclear(Exception):
    """Nothing can be said of the gateway: it is gone, too slow, or the suite itself is at fault."""


class Gone(Unclear):
    """Nobody answers at an address of the gateway."""


@dataclass(frozen=True)
class Case:
    """
    One case.

    ``inputs`` are tried one by one under their names; a case without them has the one input ``""``. ``negative`` says
    that something is wrong on purpose. ``fresh`` asks for a gateway that was just reset, and ``alone`` that the case
    may leave it unusable. ``needs`` are calls of the back-end that not all offer.
    """

    id: str
    run: Callable[..., Awaitable[None]]
    rules: tuple[str, ...]
    section: str
    level: str
    profile: str
    negative: bool
    purpose: str
    why: str
    fresh: bool
    needs: tuple[str, ...]
    seconds: float
    inputs: Mapping[str, Any] = field(default_factory=lambda: {"": None})


CASES: dict[str, Case] = {}
_ID = re.compile(r"[a-z]+(?:\.[a-z0-9]+(?:-[a-z0-9]+)*)+")
_RULE = re.compile(r"M-([1-8])\.[1-9][0-9]?")

Declared = Callable[..., Awaitable[None]]


def case(
    id: str,
    *rules: str,
    section: str,
    inputs: Mapping[str, Any] | Iterable[str] | None = None,
    level: str = "MUST",
    profile: str = "receive",
    positive: bool = False,
    fresh: bool | None = None,
    needs: Iterable[str] = (),
    seconds: float = 20.0,
) -> Callable[[Declared], Declared]:
    """
    Declare a case: its ``id`` (``area.words``), the ``rules`` it proves (``M-4.1``), the section of the protocol.

    The function takes the ``Play`` and, if there are ``inputs``, one of their values. ``profile`` is the smallest that
    has it. A case is negative unless it is ``positive``. One of a profile above ``receive`` gets a fresh gateway
    unless told otherwise. ``seconds`` is the time it may take, for each input.
    """

    def declare(function: Declared) -> Declared:
        purpose, _, why = inspect.cleandoc(function.__doc__ or "").partition("\n\n")
        problems = [
            *(["the id is not area.words"] if not _ID.fullmatch(id) else []),
            *(["the id stands twice"] if id in CASES else []),
            *([f"no rule is called so: {rule}" for rule in rules if not _RULE.fullmatch(rule)]),
            *(["a MUST names no rule and no section"] if not section else []),
            *(["the docstring needs a purpose and, after an empty line, why a wrong gateway fails"] if not why else []),
            *(
                [f"unknown level {level} or profile {profile}"]
                if level not in LEVELS or profile not in PROFILES
                else []
            ),
        ]
        if problems:
            raise ValueError(f"case {id}: {'; '.join(problems)}")
        chosen = inputs if isinstance(inputs, Mapping) else {name: name for name in inputs or ()}
        CASES[id] = Case(
            id=id,
            run=function,
            rules=rules,
            section=section,
            level=level,
            profile=profile,
            negative=not positive,
            purpose=" ".join(purpose.split()),
            why=" ".join(why.split()),
            fresh=profile != "receive" if fresh is None else fresh,
            needs=tuple(needs),
            seconds=seconds,
            inputs=chosen or {"": None},
        )
        return function

    return declare


def load(package: ModuleType) -> dict[str, Case]:
    """Return every case of the modules of ``package``, in the order of the modules' names and of their lines."""
    for found in iter_modules(package.__path__):
        import_module(f"{package.__name__}.{found.name}")
    return CASES


def includes(profile: str, other: str) -> bool:
    """Return whether the profile has all that ``other`` has."""
    return PROFILES.index(profile) >= PROFILES.index(other)
