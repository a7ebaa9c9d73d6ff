"""
The report of a run: JSON for a program, JUnit for a build, a page for people, and a signature over it.

Rule 1: the JSON is the report; the page and the JUnit file say what it says. What is signed is the SHA-256 of its
bytes, and the page shows that digest.
Rule 2: the page is one file. It loads nothing, runs nothing, and prints as it is seen.
"""

import json
import os
import secrets
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from html import escape
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from conformance.reading import Json, Refused, b64u, compact, read_jws, strict_json, unb64u
from conformance.registry import LEVELS, VERDICTS, Case
from conformance.run import Outcome, Result
from conformance.writing import Key, sign_jws, stamp

REPORT, SIGNED, PAGE, JUNIT, KEY = "report.json", "report.jws", "report.html", "junit.xml", "suite.key"
TYP = "isthmus-report+jws"
SCHEMA = Path(__file__).parent / "report.schema.json"
SHOWN = {"pass": "passed", "fail": "FAILED", "not applicable": "not applicable", "inconclusive": "inconclusive"}


class BadReport(Exception):
    """The report, or its signature, is not what it should be."""


def suite_version() -> str:
    """Return the version of the suite, which is that of the package it comes in."""
    try:
        return version("isthmus")
    except PackageNotFoundError:
        return "0"


def compose(outcome: Outcome, *, profile: str, seed: int, subject: Json, started_at: datetime) -> Json:
    """Return the report of a run, by ``report.schema.json``."""
    counts: Json = {level: dict.fromkeys(VERDICTS, 0) for level in LEVELS}
    for result in outcome.results:
        counts[result.case.level][result.verdict] += 1
    return {
        "v": 1,
        "suite": suite_version(),
        "protocol": "XG1",
        "profile": profile,
        "seed": seed,
        "subject": subject,
        "started_at": stamp(started_at),
        "seconds": round(outcome.seconds, 3),
        "verdict": outcome.verdict,
        "counts": counts,
        "unused_exemptions": list(outcome.unused),
        "cases": [_case(case, rows) for case, rows in _grouped(outcome.results)],
    }


def _grouped(results: Iterable[Result]) -> list[tuple[Case, list[Result]]]:
    groups: dict[str, tuple[Case, list[Result]]] = {}
    for result in results:
        groups.setdefault(result.case.id, (result.case, []))[1].append(result)
    return list(groups.values())


def _case(case: Case, rows: list[Result]) -> Json:
    return {
        "id": case.id,
        "section": case.section,
        "rules": list(case.rules),
        "level": case.level,
        "profile": case.profile,
        "negative": case.negative,
        "purpose": case.purpose,
        "why": case.why,
        "results": [
            {
                "input": row.input,
                "verdict": row.verdict,
                "detail": row.detail,
                "judged": list(row.judged),
                "seconds": round(row.seconds, 3),
                "exempt": row.exempt,
            }
            for row in rows
        ],
    }


# Files


def suite_key(path: Path) -> Key:
    """Return the key in the file ``path``, 64 hexadecimal digits; it is made, for its owner alone, if there is none."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32) + "\n")
    try:
        seed = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as error:
        raise BadReport(f"the key {path} cannot be read: {error}") from None
    if len(seed) != 32:
        raise BadReport(f"the key {path} is no seed of 32 bytes")
    return Key(seed)


def write(folder: Path, report: Json, key: Key) -> None:
    """Write report, signature, page and JUnit file into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    raw = (json.dumps(report, ensure_ascii=False, indent=1) + "\n").encode()
    digest = b64u(sha256(raw).digest())
    claims = {"v": 1, "report": digest, "suite": report["suite"], "key": b64u(key.public), "signed_at": _now()}
    (folder / REPORT).write_bytes(raw)
    (folder / SIGNED).write_text(sign_jws(compact(claims), TYP, key) + "\n", encoding="ascii")
    (folder / PAGE).write_text(page(report, digest, key.kid), encoding="utf-8")
    (folder / JUNIT).write_bytes(junit(report))


def _now() -> str:
    return stamp(datetime.now(UTC))


def read(path: Path, public: bytes | None = None) -> tuple[Json, Json]:
    """
    Return the report at ``path`` (its file, or its folder) and what its signature says, after checking both.

    ``public`` is the key that must have signed it; without one, the key that the signature itself names is used, and
    it is for the reader to compare that. Raises ``BadReport``.
    """
    file = path / REPORT if path.is_dir() else path
    try:
        raw, signed = file.read_bytes(), file.with_name(SIGNED).read_text(encoding="ascii").strip()
        named = unb64u(strict_json(unb64u(signed.split(".")[1]))["key"])
        _, content = read_jws(signed, TYP, public or named)
        claims = strict_json(content)
        report: Json = json.loads(raw)
    except (OSError, Refused, LookupError, TypeError, ValueError) as error:
        raise BadReport(f"the signature of {file} does not verify: {error}") from None
    if claims["report"] != b64u(sha256(raw).digest()):
        raise BadReport(f"{file} was changed after it was signed")
    return report, claims


# JUnit


def junit(report: Json) -> bytes:
    """Return the report as JUnit: one test for each input, by the area of its case."""
    root = Element("testsuites", name="isthmus-conformance")
    for area, cases in _areas(report).items():
        rows = [(case, row) for case in cases for row in case["results"]]
        kinds = Counter(row["verdict"] for _, row in rows)
        suite = SubElement(root, "testsuite", name=area, tests=str(len(rows)), failures=str(kinds["fail"]))
        suite.set("errors", str(kinds["inconclusive"]))
        suite.set("skipped", str(kinds["not applicable"]))
        for case, row in rows:
            _junit_case(suite, case, row)
    for name in report["unused_exemptions"]:
        suite = SubElement(root, "testsuite", name="exemptions", tests="1", failures="1", errors="0", skipped="0")
        test = SubElement(suite, "testcase", classname="exemptions", name=name, time="0")
        SubElement(test, "failure", message="the exemption was not used")
    indent(root)
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _areas(report: Json) -> dict[str, list[Json]]:
    areas: dict[str, list[Json]] = {}
    for case in report["cases"]:
        areas.setdefault(case["id"].partition(".")[0], []).append(case)
    return areas


def _junit_case(suite: Element, case: Json, row: Json) -> None:
    name = f"{case['id']}[{row['input']}]" if row["input"] else case["id"]
    test = SubElement(suite, "testcase", classname=f"{case['level']}.{case['id']}", name=name, time=str(row["seconds"]))
    if row["exempt"] is not None and row["verdict"] == "fail":
        SubElement(test, "skipped", message=f"exempt: {row['exempt']}")
    elif row["verdict"] == "fail":
        SubElement(test, "failure", message=row["detail"]).text = case["why"]
    elif row["verdict"] == "inconclusive":
        SubElement(test, "error", message=row["detail"])
    elif row["verdict"] == "not applicable":
        SubElement(test, "skipped", message=row["detail"])


# The page

_HEADLINE = {
    "pass": "This gateway keeps the protocol, as far as it was tested.",
    "fail": "This gateway does not keep the protocol.",
    "inconclusive": "Nothing can be said of this gateway yet: the test did not come to its end.",
    "exemptions": "This gateway keeps the protocol as far as it was tested, but exemptions were asked for in vain.",
}

_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 Georgia, 'Times New Roman', serif; color: #1a1a1a; background: #fff; max-width: 60rem;
  margin: 2.5rem auto; padding: 0 1.5rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; border-bottom: 1px solid #999; padding-bottom: .2rem; }
p.lead { font-size: 1.15rem; margin: .4rem 0 1.4rem; padding: .7rem 1rem; border-left: .4rem solid; }
p.lead.pass { border-color: #1b6e3c; background: #eef6f0; }
p.lead.fail { border-color: #a32020; background: #fbeeee; }
p.lead.inconclusive { border-color: #8a6100; background: #fbf5e6; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid #ddd; }
th { font-weight: 600; border-bottom: 1px solid #999; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.2rem; margin: 0; }
dt { color: #555; } dd { margin: 0; overflow-wrap: anywhere; }
code { font: .86em/1.4 ui-monospace, Menlo, Consolas, monospace; }
.v { white-space: nowrap; font-weight: 600; }
.v.pass { color: #1b6e3c; } .v.fail { color: #a32020; } .v.inconclusive { color: #8a6100; }
.v.na { color: #666; font-weight: 400; }
.small { color: #555; font-size: .86rem; }
tr { break-inside: avoid; }
@media print { body { margin: 0; max-width: none; font-size: 10.5pt; } h2 { break-after: avoid; }
  p.lead { -webkit-print-color-adjust: exact; print-color-adjust: exact; } }
"""


def page(report: Json, digest: str, kid: str) -> str:
    """Return the report as one page of HTML that a person can read and print."""
    subject = report["subject"]
    facts = {
        "State": subject["country"] or "unknown",
        "Software, as it names itself": subject["software"] or "not said",
        "Its card (digest)": subject["card"] or "unknown",
        "Profile": report["profile"],
        "Protocol": report["protocol"],
        "Suite": f"isthmus-conformance {report['suite']}",
        "Tested": f"{report['started_at']}, in {report['seconds']:.0f} s",
        "Seed": str(report["seed"]),
        "Digest of the report": digest,
        "Signed by the key": kid,
    }
    bad = [(case, row) for case in report["cases"] for row in case["results"] if row["verdict"] == "fail"]
    open_ = [(case, row) for case in report["cases"] for row in case["results"] if row["verdict"] == "inconclusive"]
    parts = [
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>",
        "<meta name='viewport' content='width=device-width, initial-scale=1'>",
        f"<title>Conformance report: {escape(str(facts['State']))}</title><style>{_STYLE}</style></head><body>",
        f"<h1>Conformance report: gateway of {escape(str(facts['State']))}</h1>",
        f"<p class='lead {report['verdict']}'>{_HEADLINE[_kind(report, bad)]}</p>",
        f"<p>{len(report['cases'])} cases were tried with {sum(len(case['results']) for case in report['cases'])} "
        "inputs. In each the suite plays partners of this gateway that are right, or wrong in one way, and judges "
        "what can be seen from outside: the reply, what was stored, what can be proved to others, and what the "
        "gateway sent itself.</p>",
        _facts(facts),
        "<h2>In figures</h2>",
        _counts(report["counts"]),
        "<p class='small'>A MUST is what the protocol demands; a SHOULD that fails is advice, and does not fail the "
        "run. <i>Not applicable</i> is what the gateway does not claim to do. <i>Inconclusive</i> says nothing for or "
        "against it.</p>",
        *_named("What failed", bad),
        *_named("What could not be decided", _alike(open_)[:50]),
        *_unused(report["unused_exemptions"] + _vain(report)),
        "<h2>Every case</h2>",
        _table(report),
        "</body></html>\n",
    ]
    return "\n".join(parts)


def _kind(report: Json, bad: list[tuple[Json, Json]]) -> str:
    """Return which headline is true: a run also fails for an exemption that was not needed."""
    failed = any(case["level"] == "MUST" and row["exempt"] is None for case, row in bad)
    return "exemptions" if report["verdict"] == "fail" and not failed else str(report["verdict"])


def _facts(facts: Mapping[str, str]) -> str:
    rows = (f"<dt>{escape(name)}</dt><dd>{_marked(name, value)}</dd>" for name, value in facts.items())
    return f"<dl>{''.join(rows)}</dl>"


def _marked(name: str, value: str) -> str:
    return f"<code>{escape(value)}</code>" if "igest" in name or "key" in name else escape(value)


def _counts(counts: Json) -> str:
    head = "".join(f"<th class='n'>{SHOWN[verdict].lower()}</th>" for verdict in VERDICTS)
    rows = "".join(
        f"<tr><th>{level}</th>"
        + "".join(f"<td class='n'>{counts[level][verdict]}</td>" for verdict in VERDICTS)
        + "</tr>"
        for level in LEVELS
        if any(counts[level].values())
    )
    return f"<table><tr><th>Level</th>{head}</tr>{rows}</table>"


def _named(title: str, rows: list[tuple[Json, Json]]) -> list[str]:
    if not rows:
        return []
    shown = "".join(
        f"<tr><td><code>{escape(_label(case, row))}</code><br><span class='small'>{case['level']}, section "
        f"{escape(case['section'])} {escape(', '.join(case['rules']))}</span></td><td>{_markup(case['purpose'])}<br>"
        f"<b>{escape(row['detail'])}</b><br>{_markup(case['why'])}{_exempt(row)}</td></tr>"
        for case, row in rows
    )
    return [f"<h2>{title}</h2>", f"<table>{shown}</table>"]


def _alike(rows: list[tuple[Json, Json]]) -> list[tuple[Json, Json]]:
    """Return the first of those that have one reason, with how many more there are: of a gone gateway it is one row."""
    first: dict[str, tuple[Json, Json]] = {}
    for case, row in rows:
        first.setdefault(row["detail"], (case, row))
    more = Counter(row["detail"] for _, row in rows)
    return [
        (case, row | {"detail": f"{text} (and {more[text] - 1} more)" if more[text] > 1 else text})
        for text, (case, row) in first.items()
    ]


def _label(case: Json, row: Json) -> str:
    return f"{case['id']}[{row['input']}]" if row["input"] else str(case["id"])


def _exempt(row: Json) -> str:
    return f"<br><i>Exempt: {escape(row['exempt'])}</i>" if row["exempt"] is not None else ""


def _markup(text: str) -> str:
    """Return prose as HTML; what stands in backticks is code."""
    pieces = escape(text).split("`")
    return "".join(f"<code>{piece}</code>" if place % 2 else piece for place, piece in enumerate(pieces))


def _vain(report: Json) -> list[str]:
    """Return what was exempt and passed."""
    rows = [(case, row) for case in report["cases"] for row in case["results"]]
    return [_label(case, row) for case, row in rows if row["exempt"] is not None and row["verdict"] == "pass"]


def _unused(names: list[str]) -> list[str]:
    if not names:
        return []
    listed = "".join(f"<li><code>{escape(name)}</code></li>" for name in names)
    return ["<h2>Exemptions that were not needed</h2>", f"<ul>{listed}</ul>"]


def _table(report: Json) -> str:
    rows = []
    for case in report["cases"]:
        kinds = Counter(row["verdict"] for row in case["results"])
        shown = ", ".join(
            f"<span class='v {'na' if verdict == 'not applicable' else verdict}'>"
            f"{SHOWN[verdict]}{f' {kinds[verdict]}' if len(case['results']) > 1 else ''}</span>"
            for verdict in VERDICTS
            if kinds[verdict]
        )
        rows.append(
            f"<tr><td><code>{escape(case['id'])}</code></td><td>{_markup(case['purpose'])}</td>"
            f"<td>{escape(', '.join(case['rules']) or case['section'])}</td><td>{shown}</td></tr>"
        )
    head = "<tr><th>Case</th><th>What it shows</th><th>Demand</th><th>Verdict</th></tr>"
    return f"<table>{head}{''.join(rows)}</table>"


@cache
def schema() -> Json:
    """Return the JSON Schema of a report."""
    value: Json = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return value
