"""Nothing that leaves the process tells why a person is asked about: paths, log lines, wire schemas, codes."""

import ast
import json
from pathlib import Path

from aiohttp import web

import schemas
from gateway.core import codes
from gateway.http.peer_api import peer_app
from tests.support.rows import for_each
from tests.support.telling import TELLING

ROOT = Path(schemas.__file__).parent.parent
WIRE = sorted((ROOT / "schemas/json/messages").glob("*.json")) + [
    ROOT / f"schemas/json/{name}.json" for name in ("payload", "receipt", "answer", "card", "statement")
]


class Nobody:
    """A receiver and deliverer that is never called."""


@for_each("path", WIRE, ids=lambda path: path.name)
def test_wire_schema_is_neutral(path: Path) -> None:
    """No name, text or code of a schema that partners see tells."""
    assert [] == TELLING.findall(path.read_text(encoding="utf-8"))


def test_paths_are_neutral() -> None:
    """No path of the peers listener tells."""
    app: web.Application = peer_app(Nobody(), Nobody(), log=print)  # type: ignore[arg-type]  # never called
    paths = [resource.canonical for resource in app.router.resources()]
    assert paths
    assert [] == [path for path in paths if TELLING.search(path)]


def test_codes_are_neutral() -> None:
    """No code, title or problem a partner is told tells."""
    assert [] == [row.code for row in codes.CODES.values() if TELLING.search(row.code + row.text)]


def logged() -> list[str]:
    """Return the first argument and the argument names of every log call in the gateway."""
    found = []
    for path in (ROOT / "gateway").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rsplit(".", 1)[-1] in ("log", "_log", "emit"):
                found += [
                    arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)
                ]
                found += [keyword.arg for keyword in node.keywords if keyword.arg]
    return found


def test_log_lines_are_neutral() -> None:
    """No event and no key of a log line tells."""
    lines = logged()
    assert "case.moved" in lines
    assert [] == [text for text in lines if TELLING.search(text)]


def test_neutral_code_lists_say_nothing() -> None:
    """The codes that travel, and the neutral role names on cards, tell nothing in any language."""
    travelling = [
        "outcome",
        "reason_delay",
        "reason_negative",
        "reason_refused",
        "method_used",
        "match_basis",
        "contest_ground",
    ]
    lists = {name: schemas.codes(name) for name in travelling if name in schemas.code_lists()}
    assert lists
    assert [] == [name for name, codes_ in lists.items() if TELLING.search(json.dumps(codes_))]
    assert [] == [role for role in schemas.statement_roles().values() if TELLING.search(role)]
