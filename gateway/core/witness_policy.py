"""
Whose cosignatures suffice, as the trustees wrote it down: C2SP tlog-policy, of which this is a reader.

    log <vkey> [<url>]    witness <name> <vkey> [<url>]    group <name> all|any|<k> <name>...    quorum <name>|none
    vkey                  name "+" hexadecimal key id "+" base64(type | key)

Rule 1: a name is defined before it is used, once, and counts in one group at most; there is exactly one quorum.
Rule 2: witnesses cosign with ML-DSA-44 (type 0x06). One of another type stands in the file for others and counts for
nothing here.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from gateway.core.checkpoint import parse_base64
from gateway.core.cosign import COSIGNER_TYPE, cosigner_id
from gateway.core.merkle import BadProof

POLICY_MAX_BYTES = 256 << 10
NONE = "none"

_COUNT = re.compile(r"[1-9][0-9]{0,3}")


class BadPolicy(ValueError):
    """Say which line of a policy cannot be read, and why."""


@dataclass(frozen=True, slots=True)
class WitnessPolicy:
    """
    The quorum of a policy.

    ``witnesses`` maps a name of the file to (name of the cosigner, key of 1312 bytes); ``groups`` a name to (how many
    of its members, the members); ``quorum`` is one of these names, or ``none``.
    """

    witnesses: Mapping[str, tuple[str, bytes]]
    groups: Mapping[str, tuple[int, tuple[str, ...]]]
    quorum: str

    def satisfied(self, cosigners: Collection[tuple[str, bytes]]) -> bool:
        """Return whether (name, key) pairs whose cosignatures verified make the quorum."""
        return self.quorum == NONE or self._counts(self.quorum, cosigners)

    def _counts(self, name: str, cosigners: Collection[tuple[str, bytes]]) -> bool:
        if name in self.witnesses:
            return self.witnesses[name] in cosigners
        needed, members = self.groups[name]
        return sum(self._counts(member, cosigners) for member in members) >= needed


def parse_policy(raw: bytes) -> WitnessPolicy:
    """Return the policy in ``raw``; raises ``BadPolicy``."""
    witnesses: dict[str, tuple[str, bytes]] = {}
    groups: dict[str, tuple[int, tuple[str, ...]]] = {}
    defined, used, quorum = {NONE}, set[str](), list[str]()
    if len(raw) > POLICY_MAX_BYTES or not raw.endswith(b"\n"):
        raise BadPolicy("the policy is too long, or its last line does not end")
    for number, text in enumerate(raw[:-1].decode("latin-1").split("\n"), 1):
        parts = re.split(r"[ \t]+", text.strip(" \t"))
        try:
            match parts:
                case [""]:
                    continue
                case [word, *_] if word.startswith("#"):
                    continue
                case ["log", vkey] | ["log", vkey, _]:
                    parse_vkey(vkey)
                case ["witness", name, vkey] | ["witness", name, vkey, _]:
                    _define(name, defined)
                    cosigner, kind, key = parse_vkey(vkey)
                    if any(key == other for _, other in witnesses.values()):
                        raise BadPolicy("a key stands twice")
                    # Under another kind of key no cosignature of ours can stand: the pair matches none.
                    witnesses[name] = (cosigner, key if kind == COSIGNER_TYPE else kind + key)
                case ["group", name, count, *members]:
                    groups[name] = _group(count, members, defined, used)
                    _define(name, defined)
                case ["quorum", name] if name in defined and not quorum:
                    quorum.append(name)
                case _:
                    raise BadPolicy("not a line of a policy")
        except (BadPolicy, BadProof) as error:
            raise BadPolicy(f"line {number}: {error}") from None
    if not quorum:
        raise BadPolicy("the policy names no quorum")
    return WitnessPolicy(witnesses, groups, quorum[0])


def _define(name: str, defined: set[str]) -> None:
    if name in defined:
        raise BadPolicy("a name is defined twice")
    defined.add(name)


def _group(count: str, members: list[str], defined: set[str], used: set[str]) -> tuple[int, tuple[str, ...]]:
    for name in members:
        if name not in defined or name == NONE or name in used:
            raise BadPolicy("a member is not defined, or is one of a group already")
        used.add(name)
    needed = {"all": len(members), "any": 1}.get(count) or (int(count) if _COUNT.fullmatch(count) else 0)
    if not 1 <= needed <= len(members):
        raise BadPolicy("a group needs as many members as it has, at most, and one at least")
    return needed, tuple(members)


def parse_vkey(text: str) -> tuple[str, bytes, bytes]:
    """Return name, type (one byte) and key of a verifier key; raises ``BadProof``."""
    name, _, rest = text.partition("+")
    shown, _, encoded = rest.partition("+")
    blob = parse_base64(encoded, "a verifier key that is not base64")
    kind, key = blob[:1], blob[1:]
    if not name or not key or (kind == COSIGNER_TYPE and shown != cosigner_id(name, key).hex()):
        raise BadProof("a verifier key whose id is not its own")
    return name, kind, key
