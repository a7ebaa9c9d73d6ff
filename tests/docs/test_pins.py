"""The pinned requirements cover what the project asks for, and agree with one another."""

import configparser
import re
from pathlib import Path

import pytest

from gateway import __version__

ROOT = Path(__file__).parents[2]
PARTS = ("build", "base", "test", "postgres", "pdf", "pkcs11", "timestamp", "redact", "peers", "dev")
APART = "as2"
"""Installed into an environment of its own: it wants an older release of what the gateway needs."""

PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)((?: \\\n +--hash=sha256:[0-9a-f]{64})+)$", re.MULTILINE)


def normal(name: str) -> str:
    """Return a package name as registries compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def wanted(part: str) -> set[str]:
    """Return the names that ``requirements/<part>.in`` asks for."""
    lines = (ROOT / "requirements" / f"{part}.in").read_text(encoding="utf-8").splitlines()
    return {normal(re.split(r"[<>=!~\[; ]", line)[0]) for line in lines if line and not line.startswith("#")}


def pins(part: str) -> dict[str, str]:
    """Return name to version of every hash-pinned package in ``requirements/<part>.txt``."""
    text = (ROOT / "requirements" / f"{part}.txt").read_text(encoding="utf-8")
    return {normal(name): version for name, version, _ in PIN.findall(text)}


def setup() -> configparser.ConfigParser:
    """Return what ``setup.cfg`` says."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    return config


@pytest.mark.parametrize("part", [*PARTS, APART])
def test_every_wanted_package_is_pinned_by_hash(part: str) -> None:
    """Each direct dependency has a version and at least one hash."""
    assert set() == wanted(part) - pins(part).keys()


@pytest.mark.parametrize("part", [*PARTS, APART])
def test_no_pin_lacks_a_hash(part: str) -> None:
    """A line that pins a version without a hash would make the whole install fail."""
    text = (ROOT / "requirements" / f"{part}.txt").read_text(encoding="utf-8")
    assert len(re.findall(r"^\S+==", text, re.MULTILINE)) == len(pins(part))


@pytest.mark.parametrize("part", [part for part in PARTS if part != "dev"])
def test_parts_agree(part: str) -> None:
    """A package pinned in two files has one version, so that they install together."""
    dev, own = pins("dev"), pins(part)
    assert {} == {name: (own[name], dev[name]) for name in own.keys() & dev.keys() if own[name] != dev[name]}


def test_nobody_is_told_to_install_an_extra_past_the_pins() -> None:
    """By its name alone an extra comes without hashes, or from a registry where anybody may have the name."""
    folders = ROOT / "docs", ROOT / "gateway", ROOT / "keys"
    files = [path for folder in folders for path in folder.rglob("*") if path.suffix in {".md", ".py"}]
    assert [] == [str(path) for path in [ROOT / "README.md", *files] if "isthmus[" in path.read_text(encoding="utf-8")]


def test_version_is_one() -> None:
    """What is installed and what the program says of itself have the same number."""
    assert __version__ == setup()["metadata"]["version"]


def test_metadata_reads_the_same_lists() -> None:
    """``setup.cfg`` takes every dependency from the files that are pinned."""
    config = setup()
    extras = dict(config["options.extras_require"])
    assert "file: requirements/base.in" == config["options"]["install_requires"]
    assert ["postgres", "pdf", "pkcs11", "timestamp", "redact", "peers", "test", "dev"] == list(extras)
    assert all(text in ("", f"file: requirements/{name}.in") for name, text in extras.items())
