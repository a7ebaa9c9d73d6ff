"""The protocol text agrees with the code: codes, types, lengths, the example, and every numbered demand."""

import json
import re
from pathlib import Path

import schemas
from conformance import check
from gateway.core import envelope, wire
from gateway.core.codes import CODES
from gateway.core.messages import TYPES
from tests.support.rows import for_each

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
SECTIONS = {number.rstrip(".") for number in re.findall(r"^#{2,3} ([0-9.]+) ", PAGE, re.MULTILINE)}
DEMANDS = re.findall(r"^- \[(M-[0-9.]+)\]", PAGE, re.MULTILINE)
ROW = re.compile(
    r"^\| `([a-z-]+)` \| (problem|transient|refusal) \| (\d+) \| (yes|no) \| ([0-9.]+) \| (.+) \|$", re.MULTILINE
)


def _section(number: str) -> str:
    """Return the text of a section up to the next heading of its rank or above."""
    rank = "#" * (2 + number.count("."))
    found = re.search(rf"^{rank} {re.escape(number)}\.? .*?(?=^#{{2,{len(rank)}}} |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[0]


def test_table_of_codes() -> None:
    """The table has the rows of codes.py, all of them, no others, in the same order."""
    shown = [(c, k, int(s), r == "yes", n, t) for c, k, s, r, n, t in ROW.findall(_section("5.4"))]
    held = [(c.code, str(c.kind), c.status, c.retry, c.section, c.text) for c in CODES.values()]
    assert held == shown


def test_code_sections_exist() -> None:
    """Each code points at a section that is there."""
    assert set() == {code.section for code in CODES.values()} - SECTIONS


def test_order_names_every_code() -> None:
    """The order of receiving and the text around it leave no code unexplained."""
    named = set(re.findall(r"`([a-z-]+)`", _section("5.1")))
    assert set() == set(CODES) - named


def test_refusals_match_the_code_list() -> None:
    """The codes a receipt may carry are those of the closed list."""
    assert {code.code for code in CODES.values() if code.status == 200} == set(schemas.codes("refusal_code"))


def test_heading_for_each_type() -> None:
    """Each type of this version has a heading with its catalogue code."""
    headings = re.findall(r"^#### ([A-Z0-9]{3}) `([a-z.-]+)`$", PAGE, re.MULTILINE)
    assert {(row.code, row.type) for row in TYPES.values()} == set(headings)
    assert set(schemas.message_types()) == {kind for _, kind in headings}


def test_later_types() -> None:
    """The types of later versions are those the schemas name without having them."""
    shown = set(re.findall(r"`([a-z.-]+)`", _section("3.5").partition("#### Later versions")[2].partition("|")[2]))
    assert schemas.known_types_without_schema() == shown


@for_each("kind", sorted(schemas.message_types()))
def test_body_table(kind: str) -> None:
    """The table under a type's heading has the members of its schema."""
    part = re.search(rf"^#### [A-Z0-9]+ `{re.escape(kind)}`\n(.*?)(?=^#)", PAGE, re.MULTILINE | re.DOTALL)
    assert part is not None
    rows = re.findall(r"^\| (`[^|]+`) \|", part[1], re.MULTILINE)
    shown = {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)}
    assert set(schemas.load(kind)["properties"]) == shown


def test_payload_table() -> None:
    """The table of the frame lists the members in their order."""
    rows = re.findall(r"^\| (`[^|]+`) \|", _section("3.2"), re.MULTILINE)
    assert list(wire.MEMBERS) == [name for row in rows for name in re.findall(r"`([a-z_]+)`", row)]


def test_lengths() -> None:
    """The text gives the lengths the code computes."""
    for suite, text in ((1, "9,349"), (2, "9,894")):
        assert f"{envelope.envelope_bytes(suite, envelope.SIZES[0]):,}" == text
        assert text in PAGE


def test_example() -> None:
    """Every value of the worked example stands in the text as the generator made it."""
    example = json.loads((check.VECTORS / "example.json").read_text(encoding="utf-8"))["example"]
    lines = {line.strip() for line in PAGE.splitlines()}
    missing = []
    for name, value in example.items():
        found = all(line in lines for line in str(value).split("\n")) or str(value) in PAGE
        if not found and not name.startswith("signing seed"):
            missing.append(name)
    assert [] == missing


def test_demands_are_numbered_once() -> None:
    """Each section counts its demands from 1, without a gap or a double."""
    seen: dict[str, int] = {}
    for demand in DEMANDS:
        section, _, number = demand.removeprefix("M-").partition(".")
        assert seen.get(section, 0) + 1 == int(number), demand
        seen[section] = int(number)


def test_vectors_cite_demands_that_exist() -> None:
    """A vector cites only what the text demands."""
    cited = {
        cite for content in check.load_files().values() for vector in content["vectors"] for cite in vector["cites"]
    }
    assert set() == cited - set(DEMANDS)


def test_every_demand_is_held() -> None:
    """Each demand is cited by a vector, by code or by a test, so none is only written down."""
    vectors = {
        cite for content in check.load_files().values() for vector in content["vectors"] for cite in vector["cites"]
    }
    places = ("gateway", "keys", "schemas", "conformance", "tests")
    sources = [path for place in places for path in (ROOT / place).rglob("*.py") if path != Path(__file__)]
    cited = {cite for path in sources for cite in re.findall(r"M-[1-9]\.\d+", path.read_text(encoding="utf-8"))}
    assert [] == [demand for demand in DEMANDS if demand not in vectors | cited]
