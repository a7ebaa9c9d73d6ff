"""
Reports of conformance, for the operator's pages.

A report is a file somebody else made: it is read within bounds, and what does not fit is not shown.
"""

import hashlib
import json
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.services.health import N_

REPORT_MAX_BYTES = 4 << 20
REPORTS_MAX = 200
CASES_MAX = 2000
TEXT_MAX = 300
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}\Z")
REPORT_FILE = "report.json"
"""What ``isthmus-conformance`` calls a report in its folder."""

VERDICTS = ("pass", "fail", "not applicable", "inconclusive")
LEVELS = ("MUST", "SHOULD", "MAY")


class BadReport(Exception):
    """Say that a file is no report that can be shown; ``reason`` is a marked text and quotes nothing of it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Judged:
    """One case of a report that did not simply pass: id, section, level, verdict and what it is about."""

    id: str
    section: str
    level: str
    verdict: str
    purpose: str
    detail: str


@dataclass(frozen=True, slots=True)
class Report:
    """
    The summary of one report. ``counts`` are by level and verdict; ``judged`` what did not pass.

    ``digest`` is the SHA-256 of the file, which the signature beside it names. The signature is not checked here.
    """

    name: str
    suite: str
    protocol: str
    profile: str
    country: str
    software: str
    started_at: str
    verdict: str
    seconds: int
    cases: int
    counts: Mapping[str, Mapping[str, int]]
    judged: tuple[Judged, ...]
    unused: int
    digest: str


def report_names(folder: Path) -> tuple[str, ...]:
    """Return the names of what may be reports in ``folder``, sorted: ``NAME.json``, or a folder with a report in it."""
    try:
        with os.scandir(folder) as entries:
            found = [entry.name for entry in entries if NAME.match(entry.name) and _may_be(entry)]
    except OSError:
        return ()
    return tuple(sorted(found)[:REPORTS_MAX])


def _may_be(entry: "os.DirEntry[str]") -> bool:
    if entry.is_symlink():
        return False
    if entry.is_dir(follow_symlinks=False):
        return (Path(entry.path) / REPORT_FILE).is_file()
    return entry.is_file(follow_symlinks=False) and entry.name.endswith(".json")


def read_report(folder: Path, name: str) -> Report:
    """
    Return the report ``name`` of ``folder``. Raises ``BadReport``, also where there is none.

    No link is followed, so nothing outside of the folder is read.
    """
    if not NAME.match(name):
        raise BadReport(N_("There is no such report."))
    path = folder / name if name.endswith(".json") else folder / name / REPORT_FILE
    if path.parent.is_symlink() and path.parent != folder:
        raise BadReport(N_("There is no such report."))
    raw = _bytes_of(path)
    try:
        value = json.loads(raw, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise BadReport(N_("The file is no JSON.")) from None
    try:
        return _report(name, value, hashlib.sha256(raw).hexdigest())
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise BadReport(N_("The file is not a report of the conformance suite.")) from None


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


def _bytes_of(path: Path) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        raise BadReport(N_("There is no such report.")) from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise BadReport(N_("There is no such report."))
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            raw = file.read(REPORT_MAX_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(raw) > REPORT_MAX_BYTES:
        raise BadReport(N_("The file is too large for a report."))
    return raw


def _report(name: str, value: Any, digest: str) -> Report:
    if value["v"] != 1 or value["verdict"] not in VERDICTS:
        raise ValueError("another version")
    cases = value["cases"]
    if not isinstance(cases, list) or len(cases) > CASES_MAX:
        raise ValueError("too many cases")
    counts = {
        level: {verdict: _count(value["counts"].get(level, {}).get(verdict, 0)) for verdict in VERDICTS}
        for level in LEVELS
    }
    judged = [one for case in cases for one in _judged(case)]
    return Report(
        name=name,
        suite=_text(value["suite"]),
        protocol=_text(value["protocol"]),
        profile=_text(value["profile"]),
        country=_text(value["subject"]["country"] or ""),
        software=_text(value["subject"]["software"]),
        started_at=_text(value["started_at"]),
        verdict=value["verdict"],
        seconds=_count(int(value["seconds"])),
        cases=len(cases),
        counts=counts,
        judged=tuple(judged[:CASES_MAX]),
        unused=len(list(value["unused_exemptions"])),
        digest=digest,
    )


def _judged(case: Mapping[str, Any]) -> list[Judged]:
    return [
        Judged(
            _text(case["id"]),
            _text(case["section"]),
            _text(case["level"]),
            one["verdict"],
            _text(case["purpose"]),
            _text(one["detail"]),
        )
        for one in case["results"]
        if one["verdict"] in VERDICTS and one["verdict"] != "pass"
    ]


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 1 << 31:
        raise ValueError("no count")
    return value


def _text(value: Any) -> str:
    """Return a text that can be shown: shortened, without control and direction characters."""
    if not isinstance(value, str):
        raise TypeError("no text")
    return "".join(sign if sign.isprintable() else "?" for sign in value[:TEXT_MAX])
