"""The statements that every dialect shares, as PostgreSQL says them."""

import re
from functools import lru_cache
from itertools import count

_WORDS = [
    (re.compile(r"\bIS NOT (?=\$|excluded\.)"), "IS DISTINCT FROM "),
    (re.compile(r"\bIS (?=\$|excluded\.)"), "IS NOT DISTINCT FROM "),
    # A number is no truth value there.
    (re.compile(r"\b\w+\.use & \d\b"), r"\g<0> <> 0"),
    (re.compile(r"\brandom\(\) & 9223372036854775807\b"), "floor(random() * 9223372036854775807)::bigint"),
    # What the planner of SQLite is told: PostgreSQL has figures about its tables, and no word for either.
    (re.compile(r"\s+INDEXED BY \w+"), ""),
    (re.compile(r"(?<!\S)\+(?=[a-z])"), ""),
]


@lru_cache(maxsize=512)
def translated(statement: str) -> str:
    """Return a shared statement with numbered parameters, and with PostgreSQL's words for the same functions."""
    numbers = count(1)
    text = re.sub(r"\?(\d*)", lambda found: f"${found[1] or next(numbers)}", statement)
    for theirs, ours in _WORDS:
        text = theirs.sub(ours, text)
    return text
