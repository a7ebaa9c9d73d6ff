"""
What every start of a gateway works out anew is worked out once a process in tests.

Hundreds of homes are copies of one, so their keys, settings and cards are the same bytes. All that is kept here are
pure functions of their arguments: the first answer is the real one, and the same question has no other.
"""

import signal
from functools import cache, lru_cache
from types import SimpleNamespace
from typing import Any

from nacl.pwhash import argon2id

from gateway import app, home
from keys import custody, selftest
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


def install() -> None:
    """
    Keep what is pure: the key of a key store, which Argon2id makes slow on purpose; the test of the primitives at the
    start of a gateway; the sealing keys of a home and what its key store holds, from their bytes.
    """
    argon2id.kdf = cache(argon2id.kdf)
    once: Any = SimpleNamespace(run=cache(selftest.run))
    app.selftest = once
    sealing: Any = lru_cache(maxsize=KEPT)(SealingKey)
    sealing.generate = SealingKey.generate
    home.SealingKey = sealing
    custody._parse_secrets = lru_cache(maxsize=KEPT)(custody._parse_secrets)
