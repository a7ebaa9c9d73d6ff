"""
Two hosts with a cable between them, on one machine, and what can be wrong with a cable: all of it done by the kernel.

A host is a network namespace with a loopback and an address of its own. The cable is a veth pair, and there is no other
way from one host to the other. Nothing stands in between: who asks meets what TCP of the kernel makes of the trouble.

Rule 1: the names of namespaces are drawn, and they are deleted in the end, whatever happened in them. A name says which
process made it: where that was killed, the next that makes hosts deletes its.
Rule 2: nothing outside them is touched: both ends of the cable are made inside, and go with them.
"""

import ctypes
import os
import re
import secrets
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

NAMED = Path("/run/netns")
"""Where ``ip`` keeps a file for each namespace that has a name."""

PREFIX = "isthmus-drill-"
_NAME = re.compile(rf"{PREFIX}([0-9]+)-([0-9]+)-[0-9a-f]{{12}}")
END = "cable"
NOBODY = "02:00:00:00:00:00"
"""A hardware address that no end of the cable has: what is sent to it is seen by the other end, and not taken."""

SLOW: Mapping[str, tuple[str, ...]] = {
    "netem": ("netem", "delay", "100ms", "20ms", "loss", "5%"),
    "tbf": ("tbf", "rate", "1mbit", "burst", "4kb", "limit", "12kb"),
}
"""
How the kernel makes an end of the cable slow and lossy: the first of these queues that it knows.

That of ``tbf`` is narrow and short: what waits in it is late, and what finds it full is dropped.
"""

_CLONE_NEWNET = 0x40000000
_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"


class Host:
    """One of two hosts; what is wrong with its end of the cable is set while it runs, as with a ``FaultyLine``."""

    def __init__(self, name: str, address: str, other: str) -> None:
        """Speak of the namespace ``name``, which has ``address``; ``other`` is that of the host at the other end."""
        self.name, self.address = name, address
        self._other = other
        self._mended: list[Callable[[], object]] = []

    @property
    def seen(self) -> Counter[str]:
        """What the kernel counted here so far: connections it opened, and segments it had to send again."""
        text = _do("ip", "netns", "exec", self.name, "cat", "/proc/net/snmp")
        names, values = (line.split()[1:] for line in text.splitlines() if line.startswith("Tcp:"))
        told = dict(zip(names, map(int, values), strict=True))
        return Counter({"connections": told["ActiveOpens"], "segments sent again": told["RetransSegs"]})

    def unplug(self) -> None:
        """Take the link down: who sends here is told at once that there is no way, and nobody at the other end is."""
        self._ip("link", "set", END, "down")
        self._mended.append(self.plug)

    def plug(self) -> None:
        """Put the link up again; both hosts have to find each other first, as after any such thing."""
        self._ip("link", "set", END, "up")

    def mute(self) -> None:
        """Lose whatever this host sends, and tell nobody; what is sent to it arrives."""
        self._ip("neigh", "replace", self._other, "lladdr", NOBODY, "dev", END, "nud", "permanent")
        self._mended.append(lambda: self._ip("neigh", "del", self._other, "dev", END))

    def slow(self) -> str:
        """Be late and lose some of what this host sends; return which of ``SLOW`` does it. Raises ``RuntimeError``."""
        refused = []
        for name, queue in SLOW.items():
            try:
                _do("tc", "-n", self.name, "qdisc", "replace", "dev", END, "root", *queue)
            except RuntimeError as error:
                refused.append(f"{name}: {error}")
            else:
                self._mended.append(lambda: _do("tc", "-n", self.name, "qdisc", "del", "dev", END, "root"))
                return name
        raise RuntimeError("; ".join(refused))

    def heal(self) -> None:
        """Take every fault away. Connections are left to TCP: both ends may still know of them, or one."""
        while self._mended:
            self._mended.pop()()

    def inside(self, work: Callable[P, T], *rest: P.args, **named: P.kwargs) -> T:
        """
        Call ``work`` in this thread as a process of this host would; what it starts stays on the host.

        So whatever starts processes can be used as it is, without ``ip netns exec`` before the command.
        """
        with open("/proc/thread-self/ns/net") as before, (NAMED / self.name).open() as here:
            _enter(here.fileno())
            try:
                return work(*rest, **named)
            finally:
                _enter(before.fileno())

    def _ip(self, *words: str) -> None:
        _do("ip", "-n", self.name, *words)


@contextmanager
def two_hosts() -> Iterator[tuple[Host, Host]]:
    """Make two hosts and the cable, and delete them. Raises ``RuntimeError`` with what the kernel, or ``ip``, says."""
    for left in _left():
        _delete(left)
    pid = os.getpid()
    names = [f"{PREFIX}{pid}-{_began(pid)}-{secrets.token_hex(6)}" for _ in range(2)]
    addresses = ["10.77.0.1", "10.77.0.2"]
    with ExitStack() as stack:
        for name in names:
            stack.callback(_delete, name)
            _do("ip", "netns", "add", name)
        _do("ip", "-n", names[0], "link", "add", END, "type", "veth", "peer", "name", END, "netns", names[1])
        for name, address in zip(names, addresses, strict=True):
            _do("ip", "-n", name, "address", "add", f"{address}/24", "dev", END)
            for device in ("lo", END):
                _do("ip", "-n", name, "link", "set", device, "up")
        yield Host(names[0], *addresses), Host(names[1], *addresses[::-1])


def _left() -> list[str]:
    """Return the namespaces of processes that are no more, by the number and the beginning of each."""
    found = [_NAME.fullmatch(path.name) for path in NAMED.glob(f"{PREFIX}*")]
    return [one[0] for one in found if one is not None and _began(int(one[1])) != int(one[2])]


def _began(pid: int) -> int | None:
    """Return when a process began, in ticks since the machine did; ``None`` if there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    state, *rest = text.rpartition(")")[2].split()
    return None if state in "ZX" else int(rest[18])


def _delete(name: str) -> None:
    if (NAMED / name).exists():
        _do("ip", "netns", "del", name)


def lacking(*, slow: bool = False) -> str | None:
    """Return what this machine lacks for two hosts, or for a ``slow`` cable between them; ``None`` if nothing."""
    if sys.platform != "linux":
        return "network namespaces are of Linux"
    if os.geteuid() != 0:
        return "network namespaces are made by root"
    if not all(shutil.which(program, path=_PATH) for program in ("ip", "tc")):
        return "ip is missing (Debian: apt install iproute2)"
    try:
        with two_hosts() as (one, _):
            one.inside(os.getpid)
            if slow:
                one.slow()
    except (RuntimeError, OSError) as error:
        return f"the kernel says no ({error})"
    return None


def _do(*command: str) -> str:
    done = subprocess.run(command, env={**os.environ, "PATH": _PATH}, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:1])}: {' '.join(done.stderr.split())}")
    return done.stdout


def _enter(namespace: int) -> None:
    """Move this thread, and no other, into the network namespace of an open file."""
    if ctypes.CDLL(None, use_errno=True).setns(namespace, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")
