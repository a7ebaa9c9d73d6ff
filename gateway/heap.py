"""What the C library keeps of the memory that this process has freed."""

import ctypes

SINGLE_BYTES = 256 << 10
"""From this size on a piece of memory comes from the system by itself, and goes back to it when it is freed."""

KEPT_BYTES = 1 << 20
"""What is free at the end of the heap may be this much before it goes back, so that not every small one asks for it."""

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Numbers of ``mallopt`` in the GNU C library."""


def give_back_large() -> None:
    """
    Have memory of ``SINGLE_BYTES`` and more go back to the system as soon as it is freed, in this process.

    The GNU C library takes from its heap, from then on, whatever is not larger than something it once gave back by
    itself (``mallopt(3)``, ``M_MMAP_THRESHOLD``). Bodies of megabytes that come and go leave gaps there which nobody
    fills: a gateway under siege held 50 MiB more. To name a size turns that off. Other libraries have no such call,
    and nothing is done.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:
        return
    mallopt(_MMAP_THRESHOLD, SINGLE_BYTES)
    mallopt(_TRIM_THRESHOLD, KEPT_BYTES)
