"""
What the process that decodes a file may still do: it keeps its three pipes, and a bound of memory and of time.
"""

import ctypes
import errno
import os
import resource
import struct
import sys
from collections.abc import Mapping
from typing import Final

RENDER_CPU_S: Final = 20
RENDER_MEMORY_BYTES: Final = 1 << 30
"""What one file may cost. Ten pages at 200 dpi take four seconds; 40 million pixels take 400 MiB."""


def confine() -> None:
    """
    Give up, for the rest of this process, what it does not need: files, sockets, children, memory and time.

    Without a descriptor to spare nothing can be opened, neither a file nor a connection; the three it has are pipes.
    Much can be done without one, such as reading the memory of the gateway, ending it, or deleting its files: so on
    Linux the kernel is told to refuse every call but those that a decoder makes.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (RENDER_CPU_S, RENDER_CPU_S))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (RENDER_MEMORY_BYTES, RENDER_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
    if sys.platform == "linux":
        _refuse_calls()


_CALLS: Final[Mapping[str, tuple[int, frozenset[int]]]] = {
    "x86_64": (
        0xC000003E,
        frozenset(
            {0, 1, 3, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17, 19, 20, 24, 25, 28, 35, 39, 60, 79, 96, 98, 99, 100, 131}
            | {186, 202, 219, 228, 229, 230, 231, 262, 318, 324, 334}
        ),
    ),
    "aarch64": (
        0xC00000B7,
        frozenset(
            {17, 57, 62, 63, 64, 65, 66, 67, 73, 79, 80, 93, 94, 98, 101, 113, 114, 115, 124, 128, 132, 134, 135, 139}
            | {153, 165, 169, 172, 178, 179, 214, 215, 216, 222, 226, 233, 278, 283, 293}
        ),
    ),
}
"""
By machine, how the kernel names it, and the calls that are left: read, write, close, seek, memory, own signals, time,
randomness and the end. Source: ``linux/audit.h`` and the tables of system calls of Linux 6.1.
"""


def _refuse_calls() -> None:
    """Have the kernel answer every other call with EPERM (seccomp filter); where it has no filter, the limits stand."""
    if os.uname().machine not in _CALLS:
        return
    kernel, allowed = _CALLS[os.uname().machine]
    load, equal, answer = 0x20, 0x15, 0x06  # BPF: a word of the call; a jump if it is the value; the verdict
    lines = [(load, 0, 0, 4), (equal, 1, 0, kernel), (answer, 0, 0, 0x80000000), (load, 0, 0, 0)]
    for call in sorted(allowed):
        lines += [(equal, 0, 1, call), (answer, 0, 0, 0x7FFF0000)]
    lines.append((answer, 0, 0, 0x00050000 | errno.EPERM))
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in lines))
    program = ctypes.create_string_buffer(struct.pack("@HP", len(lines), ctypes.addressof(code)))
    prctl = ctypes.CDLL(None).prctl
    nothing, none_new, filtered = ctypes.c_ulong(0), 38, 22
    prctl(none_new, ctypes.c_ulong(1), nothing, nothing, nothing)
    prctl(filtered, ctypes.c_ulong(2), program, nothing, nothing)
