"""The manual says of each line of the log what it means, of no line that there is not, and what to do at each alert."""

import ast
import re
from pathlib import Path

from gateway.log import LOG_KEYS

ROOT = Path(__file__).parents[2]
EVENT = re.compile(r"[a-z]+\.[a-z_]+")
WRITERS = {"log", "_log", "emit"}


def written() -> set[str]:
    """Return every event that the gateway writes into its log: first arguments, and constants that hold one."""
    found = {"log.lost"}  # of the log itself, written past it
    for path in (ROOT / "gateway").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        held = {
            target.id: node.value
            for node in tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and node.args and ast.unparse(node.func).rpartition(".")[2] in WRITERS:
                first = node.args[0]
                said = held.get(first.id, first) if isinstance(first, ast.Name) else first
                found |= {
                    one.value for one in ast.walk(said) if isinstance(one, ast.Constant) and isinstance(one.value, str)
                }
    return {one for one in found if EVENT.fullmatch(one)}


def test_manual_tells_each_line() -> None:
    """Whoever finds a line in the log at night finds it in the manual too."""
    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    told = page.partition("### Lines in the log\n")[2].partition("\n## ")[0]
    lines = {one for one in re.findall(r"`([^`]+)`", told) if EVENT.fullmatch(one)}
    libraries = {"library.warning", "library.error", "aiohttp.server"}
    assert (set(), set()) == (written() - lines, lines - written() - libraries)


def test_manual_tells_each_member_of_a_line() -> None:
    """Each key that a line may carry stands there once, and none that none carries."""
    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    told = page.partition("What a line has besides:\n")[2].partition("\n\nA line")[0]
    keys = [key for row in told.splitlines() for key in re.findall(r"`(\w+)`", row.split("|")[1] if "|" in row else "")]
    assert sorted(LOG_KEYS) == sorted(keys)


def test_manual_tells_what_to_do_at_each_alert() -> None:
    """Each alert stands at the head of the manual, with what to do first."""
    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    first = page.partition("## When something is wrong\n")[2].partition("\n## ")[0]
    alerts = re.findall(r"- alert: (\w+)", (ROOT / "docs/monitoring/alerts.yml").read_text(encoding="utf-8"))
    assert sorted(alerts) == sorted(re.findall(r"`(Isthmus\w+)`", first))
