"""
What every start of a gateway works out anew is worked out once a process in tests.

Hundreds of homes are copies of one, so their keys, settings and cards are the same bytes. All that is kept here are
pure functions of their arguments: the first answer is the real one, and the same question has no other.
"""

import pickle
import signal
import tomllib
from functools import cache, lru_cache
from types import SimpleNamespace
from typing import Any

from nacl.pwhash import argon2id

from gateway import app, configured, home, settings
from gateway.services import own_card, windows
from keys import card, custody, selftest
from keys.cosign import CosigningKey
from keys.seal import SealingKey

KEPT = 1024
"""How many keys are kept: homes have 13 each, and a process has few that are not copies."""


def quiet_signals() -> None:
    """
    Let ``signal`` ask of numbers alone whether they are SIG_DFL or SIG_IGN, as it does in newer versions of Python.

    Before, it had an error say what any other handler looks like: that of ``asyncio.Runner`` holds the task that has
    ended, the task its result, and that is a whole network of gateways, written out six times a test.
    """
    library: Any = signal
    convert = library._int_to_enum
    library._int_to_enum = lambda value, kind: convert(value, kind) if isinstance(value, int) else value


def share_ports() -> None:
    """Let a demonstration ask for its ports as all tests do: four processes of them look for some at once."""
    # Here, once all is installed: what these load takes what it keeps from the modules that are changed.
    from benchmarks.pair import free_port
    from gateway.demo import states

    made: Any = states
    made._free_ports = lambda count: [free_port() for _ in range(count)]


def install() -> None:
    """
    Keep what is pure: the key of a key store, which Argon2id makes slow on purpose; the test of the primitives at the
    start of a gateway; the keys of a home, what its key store holds and the cards, from their bytes; its configuration
    from the text.
    """
    argon2id.kdf = cache(argon2id.kdf)
    once: Any = SimpleNamespace(run=cache(selftest.run))
    app.selftest = once
    sealing: Any = lru_cache(maxsize=KEPT)(SealingKey)
    sealing.generate = SealingKey.generate
    home.SealingKey = sealing
    cosigning: Any = lru_cache(maxsize=KEPT)(CosigningKey)
    configured.CosigningKey = cosigning
    for name in ("_parse_file", "_parse_secrets"):
        setattr(custody, name, lru_cache(maxsize=KEPT)(getattr(custody, name)))
    parse: Any = lru_cache(maxsize=KEPT)(card.parse_card)
    for module in (card, own_card, windows):
        module.parse_card = parse
    # Whoever reads a configuration lays more over it, so each gets one of their own.
    read = lru_cache(maxsize=KEPT)(lambda text: pickle.dumps(tomllib.loads(text)))
    library: Any = SimpleNamespace(TOMLDecodeError=tomllib.TOMLDecodeError)
    library.loads = lambda text: pickle.loads(read(text))  # noqa: S301  (our own bytes)
    settings.tomllib = library
