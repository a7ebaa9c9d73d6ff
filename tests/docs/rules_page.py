"""The paragraphs of docs/rules.md."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
PARAGRAPH = re.compile(
    r"^### (\S+): (.+)\n\nSource: (.+?)\.(?: Looked at: (.+)\.)?\n\n(.+(?:\n.+)*)\n\nCode: (.+(?:\n.+)*)\.$",
    re.MULTILINE,
)
PARAGRAPHS = {found[0]: found[1:] for found in PARAGRAPH.findall(PAGE)}
