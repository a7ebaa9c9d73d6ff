"""The vectors of one file, gathered and numbered."""

from typing import Any

Json = dict[str, Any]


class Collector:
    """Gather the vectors of one file and number them."""

    def __init__(self, name: str, about: str) -> None:
        self.name = name
        self.about = about
        self.vectors: list[Json] = []
        self.extra: Json = {}

    def _add(self, op: str, about: str, cites: str, given: Json, verdict: Json) -> None:
        number = f"{self.name}-{len(self.vectors) + 1:03d}"
        row = {"id": number, "op": op, "about": about, "cites": cites.split(), "input": given, **verdict}
        self.vectors.append(row)

    def ok(self, op: str, about: str, cites: str, given: Json, **expect: Any) -> None:
        """Add a vector that is accepted and gives ``expect``."""
        self._add(op, about, cites, given, {"outcome": "ok", "code": None, "expect": expect})

    def bad(self, op: str, about: str, cites: str, given: Json, code: str | None = None) -> None:
        """Add a vector that is refused with ``code``, or without one where the protocol has none."""
        self._add(op, about, cites, given, {"outcome": "refused", "code": code, "expect": None})

    def content(self) -> Json:
        """Return the file's content."""
        return {"file": self.name, "about": self.about, **self.extra, "vectors": self.vectors}
