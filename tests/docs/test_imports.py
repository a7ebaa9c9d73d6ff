"""Where CONTRIBUTING.md has a helper stand: in a file of its own, and never in a test file that others import."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILES = sorted(path for folder in ("benchmarks", "drills", "tests", "tools") for path in (ROOT / folder).rglob("*.py"))


def imported(path: Path) -> list[str]:
    """Return the full name of everything that a file imports, wherever in it."""
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [one.name for one in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [f"{node.module}.{one.name}" for one in node.names]
    return names


def test_nothing_is_imported_from_a_test_file() -> None:
    """A test file can be changed, or deleted, with an eye on itself alone."""
    found = [(str(path.relative_to(ROOT)), name) for path in FILES for name in imported(path)]
    assert ("tests/web/outlets.py", "tests.support.story") in found
    assert [] == [one for one in found if one[1].startswith("tests.") and ".test_" in one[1]]
