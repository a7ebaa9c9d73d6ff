"""Vectors of what stands in a name and in a remark and does not show."""

from conformance.reading import compact
from conformance.vectors.makers.collector import Collector, Json
from conformance.vectors.makers.story import REQUEST_BODY

JOINERS = {"the non-joiner": "\u200c", "the joiner": "\u200d"}


def texts_file() -> Collector:
    """Names without anything that does not show; remarks with joiners where they spell a word, and nowhere else."""
    file = Collector("texts", "What does not show, in names and in remarks (protocol 3.5)")
    for about, sign in JOINERS.items():
        for letters, name in (("Latin", f"Test{sign}ova"), ("Arabic", f"\u0639\u0644\u06cc{sign}\u0631\u0636\u0627")):
            file.bad("body", f"a name, {about} between {letters} letters", "M-3.9", _named(name), "bad-schema")
    file.ok("body", "the same name without it", "M-3.9", _named("\u0639\u0644\u06cc\u0631\u0636\u0627"))
    for about, sign in JOINERS.items():
        spelled = _remarked(f"\u0645\u06cc{sign}\u0622\u06cc\u0645")
        file.ok("body", f"a remark, {about} between Arabic letters", "M-3.8", spelled)
        for where, text in (
            ("between Latin letters", f"Test{sign}ova"),
            ("between Cyrillic letters", f"\u0422\u0435{sign}\u0441\u0442"),
            ("at the end of an Arabic word", f"\u0645\u06cc{sign} \u0622\u06cc\u0645"),
            ("between an Arabic letter and a Latin one", f"\u0645\u06cc{sign}A"),
            ("twice in one place", f"\u0645\u06cc{sign}{sign}\u0622\u06cc\u0645"),
            ("at the beginning", f"{sign}\u0622\u06cc\u0645"),
            ("at the end", f"\u0645\u06cc{sign}"),
        ):
            file.bad("body", f"a remark, {about} {where}", "M-3.8", _remarked(text), "bad-schema")
    file.ok("body", "a remark in normalisation form C", "M-3.8", _remarked("T\u00e9st, [...] \u0447\u0435\u043a"))
    for about, text in (
        ("in form D", "Te\u0301st"),
        ("on two lines", "one\ntwo"),
        ("with a mark that turns the direction", "Test\u202eova"),
        ("with a space at the end", "Test "),
        ("of nothing", ""),
        ("of 501 characters", "a" * 501),
    ):
        file.bad("body", f"a remark {about}", "M-3.8", _remarked(text), "bad-schema")
    return file


def _named(family: str) -> Json:
    elements = REQUEST_BODY["elements"]
    (name,) = elements["names"]
    named = {**name, "family": family, "script": "fa-Arab" if family[0] > "\u0600" else name["script"]}
    return _given({**REQUEST_BODY, "elements": {**elements, "names": [named]}})


def _remarked(text: str) -> Json:
    return _given({**REQUEST_BODY, "remark": {"language": "en", "text": text}})


def _given(value: Json) -> Json:
    return {"type": "verification.request", "text": compact(value).decode()}
