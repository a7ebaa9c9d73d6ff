"""The canary drill in its small size; the long run is ``python -m drills.canaries``."""

import base64
import csv
import hashlib
import json
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from gateway.core.names import transliterate
from tests.support.canaries import LANGUAGES, MARKS, Maker, Seeker

ROOT = Path(__file__).parents[2]
MAKER = Maker(7)
NAMES = {script: MAKER.word(script) for script in MARKS}
DAY, NUMBER = MAKER.day(), MAKER.number()

FORMS: Mapping[str, Callable[[str], bytes]] = {
    "as it is": str.encode,
    "upper case": lambda text: text.upper().encode(),
    "decomposed": lambda text: unicodedata.normalize("NFD", text).encode(),
    "spaced out": lambda text: " ".join(text).encode(),
    "over two lines": lambda text: f"{text[:7]}\n{text[7:]}".encode(),
    "in tags": lambda text: f"<b>{text[:3]}</b>{text[3:]}".encode(),
    "UTF-16": lambda text: b"x" + text.encode("utf-16-le"),
    "UTF-16, the other way": lambda text: text.encode("utf-16-be"),
    "UTF-32": lambda text: text.encode("utf-32-le"),
    "base64": lambda text: base64.b64encode(f"y{text}".encode()),
    "base64url": lambda text: base64.urlsafe_b64encode(f"yy{text}".encode()).rstrip(b"="),
    "base64 twice": lambda text: base64.b64encode(base64.b64encode(f'{{"family": "{text}"}}'.encode() * 2)),
    "hexadecimal": lambda text: text.encode().hex().encode(),
    "percent": lambda text: quote(text).encode(),
    "JSON": lambda text: json.dumps(text).encode(),
    "HTML": lambda text: "".join(f"&#{ord(one)};" for one in text).encode(),
    "SHA-256": lambda text: hashlib.sha256(text.encode()).hexdigest().encode(),
    "cut short": lambda text: text[:11].encode(),
}
"""Forms in which a value must be found, by a name for each."""
TABLE = ROOT / "docs/security/outlets.csv"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of the run."""
    return tmp_path_factory.mktemp("canaries")


@pytest.fixture(scope="module")
def figures(root: Path) -> Any:
    """Run thirty people, one for each way a case can go, and return the figures."""
    command = [sys.executable, "-m", "drills.canaries", "--people", "30", "--brief", "--json", "--root", str(root)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=580)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


@pytest.mark.timeout(600)
def test_no_value_stands_where_none_may(figures: Any) -> None:
    """Thirty people on every way: no value outside the places for it, every way gone to its end, nothing overlooked."""
    assert {} == figures["leaks"]
    assert [] == figures["failed"] + figures["blind"]
    assert figures["good"]
    assert all(figures["looked"].values())


@pytest.mark.timeout(600)
def test_memory_after_the_restart_holds_nobody(figures: Any) -> None:
    """A gateway that was restarted as the handbook says holds no value of anybody, nor a part of one."""
    assert {"XAA": 0, "XBB": 0} == figures["restarted"]["canaries"] == figures["restarted"]["parts"]
    assert min(figures["restarted"]["mib"].values()) > 20


@pytest.mark.timeout(600)
def test_a_crash_leaves_no_core(figures: Any, root: Path) -> None:
    """A gateway that was aborted while cores were allowed has left none where it ran."""
    assert figures["good"]
    assert [] == list((root / "crashes").iterdir())


@pytest.mark.timeout(600)
def test_what_was_found_is_what_the_table_allows(figures: Any) -> None:
    """In each place stood only what ``docs/security/outlets.csv`` lets stand in one of its outlets."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for place, kinds in figures["kinds"].items():
        here = [row for row in rows if row["place"] == place]
        assert here, place
        assert [] == [kind for kind in kinds if all(row[kind] != "may" for row in here)], place


@pytest.mark.parametrize("script", MARKS)
@pytest.mark.parametrize("form", FORMS)
def test_the_search_finds_a_value_in_every_form(form: str, script: str) -> None:
    """A value that is there is found, in whatever form and letters it got there."""
    assert Seeker(MAKER.made).in_text(FORMS[form](NAMES[script]))


@pytest.mark.parametrize("script", ["Cyrl", "Arab"])
def test_the_search_finds_a_value_in_latin_letters(script: str) -> None:
    """A name is found as a passport would write it."""
    (form, *_) = transliterate(NAMES[script], f"{LANGUAGES[script]}-{script}")
    assert Seeker(MAKER.made).in_text(form.title().encode())


@pytest.mark.parametrize(
    "text", [DAY, DAY.replace("-", ""), "/".join(reversed(DAY.split("-"))), NUMBER, f"nr. {NUMBER}"]
)
def test_the_search_finds_days_and_numbers(text: str) -> None:
    """A day of birth and a number are found in the usual spellings."""
    assert {DAY, NUMBER} & set(Seeker(MAKER.made).in_text(f"a {text} b".encode()))


def test_the_search_finds_nothing_where_nothing_is() -> None:
    """Other words, other days and other numbers are no canaries."""
    assert not Seeker(MAKER.made).in_text("Мария, born 2001-04-05, number 7395 1844 of 1934 قرية 2026-11-25".encode())
