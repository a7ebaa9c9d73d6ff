"""The test functions of a file, for the pages that name them; many rows name the same few files."""

import ast
from collections.abc import Mapping
from functools import cache
from pathlib import Path


@cache
def functions_of(path: Path) -> Mapping[str, bool]:
    """Return the test functions of a file, each with whether it is expected to fail; none if there is no such file."""
    if not path.is_file():
        return {}
    found = ast.parse(path.read_text(encoding="utf-8")).body
    functions = [one for one in found if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
    return {one.name: any("xfail" in ast.unparse(mark) for mark in one.decorator_list) for one in functions}
