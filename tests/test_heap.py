"""What was large goes back to the system, so that strangers' bodies leave no gaps in the heap."""

import platform
import subprocess
import sys

import pytest

SCRIPT = """
import ctypes, sys
from gateway.heap import give_back_large

class Told(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in ("a", "b", "c", "d", "mapped", "e", "f", "g", "h", "i")]

told = ctypes.CDLL(None).mallinfo2
told.restype = Told
if sys.argv[1] == "yes":
    give_back_large()
large = bytearray(8 << 20)
del large
before = told().mapped
body = bytearray(4 << 20)
print(told().mapped - before >= 4 << 20)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have no such gaps")
@pytest.mark.parametrize(("asked", "single"), [("yes", "True"), ("no", "False")])
def test_a_large_piece_goes_back_by_itself(asked: str, single: str) -> None:
    """After one of 8 MiB was freed, one of 4 MiB is mapped by itself; left alone the library takes it from its heap."""
    ran = subprocess.run([sys.executable, "-c", SCRIPT, asked], capture_output=True, text=True, timeout=60, check=True)
    assert single == ran.stdout.strip()
