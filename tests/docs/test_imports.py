"""
Whatever is imported from our own packages is there: the types look at the packages, and not at what tries them.

Read from the text alone, so that nothing has to be installed which only a part of the tests needs.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = ("gateway", "keys", "schemas", "conformance", "benchmarks", "drills", "tools", "tests")


@pytest.mark.parametrize("package", OURS)
def test_what_is_imported_is_there(package: str) -> None:
    """Each name that a file imports from us stands in that module, or is imported there."""
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    missing = [
        f"{file.relative_to(ROOT)}: {module}.{name}"
        for file in files
        for module, name in imported(file)
        if name not in names_of(module) and not is_module(f"{module}.{name}")
    ]
    assert missing == []


def imported(file: Path) -> Iterator[tuple[str, str]]:
    """Yield module and name of each import from us in ``file``, at its top or within a function."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in OURS:
            yield from ((node.module, alias.name) for alias in node.names)


@cache
def names_of(module: str) -> frozenset[str]:
    """Return the names that ``module`` makes or imports."""
    path = ROOT / module.replace(".", "/")
    file = path.with_suffix(".py") if path.with_suffix(".py").is_file() else path / "__init__.py"
    if not file.is_file():
        return frozenset()
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {alias.asname or alias.name.split(".")[0] for alias in node.names}
    return frozenset(found)


def is_module(name: str) -> bool:
    """Return whether ``name`` is a module or a package of ours."""
    path = ROOT / name.replace(".", "/")
    return path.with_suffix(".py").is_file() or path.is_dir()
