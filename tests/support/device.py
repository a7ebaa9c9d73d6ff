"""A device made of software (SoftHSM), for tests of keys that never leave one; without it they are skipped."""

import os
import shutil
import subprocess
import tempfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

PIN = "394857"
MODULES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
)


@cache
def token() -> tuple[str, Path]:
    """
    Return the module and the file of the PIN of a fresh token named ``isthmus``, made once a process.

    The module reads its configuration when it is first loaded and never again.
    """
    module = next((path for path in MODULES if Path(path).exists()), None)
    if module is None or shutil.which("softhsm2-util") is None or find_spec("pkcs11") is None:
        pytest.skip("SoftHSM or the extra 'pkcs11' is not installed")
    root = Path(tempfile.mkdtemp(prefix="device-"))
    (root / "tokens").mkdir()
    (root / "softhsm2.conf").write_text(f"directories.tokendir = {root / 'tokens'}\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(root / "softhsm2.conf")
    command = ["softhsm2-util", "--init-token", "--free", "--label", "isthmus", "--pin", PIN, "--so-pin", "12345678"]
    subprocess.run(command, check=True, capture_output=True)
    (root / "pin").write_text(f"{PIN}\n")
    (root / "pin").chmod(0o600)
    return module, root / "pin"


def address(label: str, **options: str) -> str:
    """Return the address of the key ``label`` in the token; ``options`` replace those of the query."""
    module, pin = token()
    chosen = {
        "module-path": module,
        "pin-source": f"file:{pin}",
        **{k.replace("_", "-"): v for k, v in options.items()},
    }
    query = "&".join(f"{name}={value}" for name, value in chosen.items() if value)
    return f"pkcs11:token=isthmus;object={label}?{query}"
