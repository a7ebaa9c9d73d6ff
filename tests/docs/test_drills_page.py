"""The page of the drills names each of them, so that none is run by nobody."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_page_names_every_drill() -> None:
    """Each script of ``drills/`` stands on the page of reliability, and no other name does."""
    page = (ROOT / "docs/reliability.md").read_text(encoding="utf-8")
    drills = {path.stem for path in (ROOT / "drills").glob("*.py") if path.stem != "__init__"}
    assert sorted(drills) == sorted(set(re.findall(r"drills\.(\w+)", page)))
