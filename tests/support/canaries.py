"""
Invented people whose every value is a canary, and a search that finds a canary in whatever form it got out.

A canary begins with a mark that no other text has, one for each script, and goes on with letters of its own. So bytes
of any size are looked through for a few hundred forms of the marks, and the rest says whose value it is. A value that
was cut short, folded, written in Latin letters or encoded is still found; a date has no mark and is found whole.
"""

import base64
import hashlib
import html
import io
import json
import random
import re
import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final
from urllib.parse import quote, unquote_to_bytes

import schemas
from gateway.core.names import transliterate

MARKS: Final[Mapping[str, str]] = {"Latn": "Zqvxj", "Cyrl": "Жщъфэ", "Arab": "ظضغثخ"}
LETTERS: Final[Mapping[str, str]] = {
    "Latn": "abcdefghiklmnoprstu",
    "Cyrl": "абвгдежзиклмнопрстуф",
    "Arab": "بتجحدرزسشصطعفقكلمن",
}
LANGUAGES: Final[Mapping[str, str]] = {"Latn": "en", "Cyrl": "ru", "Arab": "ar"}
DIGIT_MARK: Final = "739518"
TAIL: Final = 9
"""Letters or digits after the mark."""

PART: Final = 11
"""Letters that are enough to know a value that was cut short; fewer come about by chance in a gigabyte of base64."""

YEARS: Final = (1921, 1949)
"""Years of birth: no other date of a run lies there."""

NATIONAL: Final = tuple(schemas.load("case-draft")["properties"]["national"]["properties"])
"""Every field of the national file."""


class Maker:
    """Makes values that stand nowhere else; the same seed makes the same."""

    def __init__(self, seed: int) -> None:
        """Draw from ``seed``."""
        self._random = random.Random(seed)
        self.made: set[str] = set()

    def _new(self, draw: Callable[[], str]) -> str:
        while (text := draw()) in self.made:
            pass
        self.made.add(text)
        return text

    def word(self, script: str = "Latn") -> str:
        """Return a word in the letters of ``script`` (ISO 15924)."""
        return self._new(lambda: MARKS[script] + "".join(self._random.choices(LETTERS[script], k=TAIL)))

    def number(self) -> str:
        """Return a number of a paper, in digits."""
        return self._new(lambda: DIGIT_MARK + "".join(self._random.choices("0123456789", k=TAIL)))

    def day(self) -> str:
        """Return a day of birth (ISO 8601)."""

        def draw() -> str:
            year = self._random.randint(*YEARS)
            return f"{year}-{self._random.randint(1, 12):02}-{self._random.randint(1, 28):02}"

        return self._new(draw)


@dataclass(frozen=True)
class Person:
    """One invented person: what the file says, and words for whatever an official types about the person later."""

    number: int
    draft: Mapping[str, Any]
    words: tuple[str, ...]
    remark: str
    """A note in free words around values of the file."""

    def kinds(self) -> dict[str, str]:
        """Return what each canary is: an element of the matrix, a national field, ``remark``, or ``reason``."""
        elements = {member: row["element"] for row in schemas.load_matrix()["elements"] for member in row["members"]}
        found = dict.fromkeys(_canaries(json.dumps(self.draft, ensure_ascii=False) + " ".join(self.words)), "reason")
        found |= dict.fromkeys(_canaries(self.remark), "remark")
        for part in (self.draft["elements"], self.draft["national"]):
            for name, value in part.items():
                text = json.dumps(value, ensure_ascii=False)
                found |= {one: elements.get(name, name) for one in _canaries(text)}
        return found


def _canaries(text: str) -> list[str]:
    """Return the canaries that stand in a text as they were made."""
    marks = "|".join((*MARKS.values(), *(one.upper() for one in MARKS.values()), DIGIT_MARK))
    days = rf"{str(YEARS[0])[:2]}[2-4]\d-\d\d-\d\d"
    return re.findall(rf"(?:{marks})\w{{{TAIL}}}|{days}", text)


def person(maker: Maker, number: int) -> Person:
    """Return the person ``number``; names come in two scripts, and notes in each in turn."""
    script = list(MARKS)[number % len(MARKS)]
    other = list(MARKS)[(number + 1) % len(MARKS)]
    elements: dict[str, Any] = {
        "names": [_name(maker, script, "document"), _name(maker, other, "variant")],
        "birth_date": maker.day(),
        "birth_place": {"country": "XBB", "unit": maker.word(script)},
        "sex": 2,
        "personal_number": maker.number(),
        "document": {"type": "P", "number": maker.number(), "issuer": "XBB"},
        "mother_given_names": maker.word(script),
        "father_given_names": maker.word(other),
        "last_residence": {"country": "XBB", "unit": maker.word(script)},
        "permit": {"type": maker.word(), "number": maker.number(), "as_of": "2024-08"},
        "entry_date": "2024-08-14",
    }
    national = {name: _note(maker, place) for place, name in enumerate(NATIONAL)}
    draft = {
        "to": "XBB",
        "purpose": "NATIONALITY",
        "officer": "officer",
        "justification": f"{maker.word()} {maker.word(script)}",
        "category": "subject",
        "age": {"class": "adult", "decision": None},
        "asylum": {
            "state": "none",
            "attested_by": "protection",
            "attested_on": "2026-11-12",
            "basis": maker.word(),
        },
        "representative": None,
        "endangerment_check": {"result": "passed", "by": maker.word(), "on": "2026-11-12"},
        "transfer_ground": {"code": "BINDING_INSTRUMENT", "reference": maker.word()},
        "consent": None,
        "handling": {"use_restrictions": ["P0", "P1"], "retain_until": "2028-06-30", "onward": "none"},
        "method_limit": "M0",
        "no_contact_methods": True,
        "claimed_origin": ["XBB"],
        "elements": elements,
        "national": national,
    }
    names = elements["names"][0]
    remark = f"She is {names['given']} {names['family']}, born {elements['birth_date']}, telephone {maker.number()}."
    return Person(number, draft, tuple(maker.word(one) for one in (*MARKS, *MARKS)), remark)


def _name(maker: Maker, script: str, use: str) -> dict[str, Any]:
    latin = None
    if script != "Latn":
        parts = {"family": maker.word().upper(), "given": maker.word().upper()}
        latin = {**parts, "patronymic": None, "full": None, "system": "ICAO9303"}
    return {
        "use": use,
        "family": maker.word(script),
        "given": maker.word(script),
        "patronymic": maker.word(script),
        "full": None,
        "script": f"{LANGUAGES[script]}-{script}",
        "latin": latin,
    }


def _note(maker: Maker, place: int) -> Any:
    """Return a note of the national file: text, a list of texts, or texts by name, with a number now and then."""
    word = maker.word(list(MARKS)[place % len(MARKS)])
    if place % 7 == 3:
        return [word, f"+43 {maker.number()}"]
    return {"first": word, "second": maker.number()} if place % 7 == 5 else f"the file says {word}"


# Forms in which a mark is looked for.

_WIDE: Final = ("utf-16-le", "utf-16-be", "utf-32-le")
_NARROW: Final = {"Cyrl": "cp1251", "Arab": "cp1256"}
_DIGITS: Final = ("٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹")


@dataclass(frozen=True)
class Form:
    """Bytes to look for, and how what follows them is read (``None``: what is found says enough by itself)."""

    raw: bytes
    read: Callable[[bytes], str] | None
    step: int
    """Bytes of what is read after the place, at most."""


def _texts(script: str) -> set[str]:
    """Return each form of a mark as text: in its own letters, and as Latin letters write it."""
    mark = MARKS[script]
    found = {mark, mark.lower(), mark.upper()}
    if script != "Latn":
        for one in transliterate(mark, f"{LANGUAGES[script]}-{script}", usage=True):
            found |= {one.upper(), one.lower(), one.capitalize()}
    return {one for one in found if len(one) >= len(mark)}


def _decoder(codec: str) -> Callable[[bytes], str]:
    return lambda raw: raw.decode(codec, "ignore")


def _json_read(raw: bytes) -> str:
    text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), raw.decode("ascii", "ignore"))
    return text


def _hex_read(raw: bytes) -> str:
    found = re.match(rb"(?:[0-9a-fA-F]{2})+", raw)
    return bytes.fromhex(found[0].decode()).decode("utf-8", "ignore") if found else ""


@cache
def forms() -> tuple[Form, ...]:
    """Return every form of every mark."""
    made: dict[bytes, Form] = {}
    for script in MARKS:
        for text in _texts(script):
            for form in _forms_of(text, script):
                made.setdefault(form.raw, form)
    digits = [DIGIT_MARK, *("".join(others[int(one)] for one in DIGIT_MARK) for others in _DIGITS)]
    for text in digits:
        for form in _forms_of(text, "Zyyy"):
            made.setdefault(form.raw, form)
    return tuple(made.values())


@cache
def held_forms() -> tuple[Form, ...]:
    """Return the forms in which Python itself holds text: one, two or four bytes a letter, and UTF-8."""
    texts = [DIGIT_MARK, *(one for mark in MARKS.values() for one in {mark, mark.lower(), mark.upper()})]
    codecs = ("utf-8", "utf-16-le", "utf-32-le")
    return tuple(Form(one.encode(codec), _decoder(codec), 128) for one in texts for codec in codecs)


def _forms_of(text: str, script: str) -> Iterator[Form]:
    """Yield what a text may be as bytes; what was written in other letters is looked for as it is, and as base64."""
    utf8, own = text.encode(), text.lower().startswith((*(one.lower() for one in MARKS.values()), DIGIT_MARK))
    yield Form(utf8, _decoder("utf-8"), 64)
    for codec in _WIDE if own else ():
        yield Form(text.encode(codec), _decoder(codec), 128)
    if script in _NARROW:
        with suppress(UnicodeEncodeError):
            yield Form(text.encode(_NARROW[script]), _decoder(_NARROW[script]), 32)
    for bare in _base64_of(utf8):
        yield Form(bare, None, 0)
        yield Form(bare.replace(b"+", b"-").replace(b"/", b"_"), None, 0)
    for number in (utf8.hex(), utf8.hex().upper()) if own else ():
        yield Form(number.encode(), _hex_read, 256)
    if not text.isascii():
        yield Form(quote(text).encode(), lambda raw: unquote_to_bytes(raw).decode("utf-8", "ignore"), 192)
        yield Form(quote(text).lower().encode(), lambda raw: unquote_to_bytes(raw).decode("utf-8", "ignore"), 192)
        yield Form(json.dumps(text)[1:-1].encode(), _json_read, 128)
        yield Form(json.dumps(text)[1:-1].upper().replace("\\U", "\\u").encode(), _json_read, 128)
        for one in ("".join(f"&#{ord(char)};" for char in text), "".join(f"&#x{ord(char):x};" for char in text)):
            yield Form(one.encode(), lambda raw: html.unescape(raw.decode("ascii", "ignore")), 192)


def _base64_of(raw: bytes) -> Iterator[bytes]:
    """Yield what stands for ``raw`` in base64 whatever stands before and after it."""
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + raw + b"\0\0\0")
        yield whole[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6]


_ISO: Final = re.compile(rb"19[2-4]\d-[01]\d-[0-3]\d")
_ISO_16: Final = re.compile(rb"1\x009\x00[2-4]\x00\d\x00-\x00[01]\x00\d\x00-\x00[0-3]\x00\d\x00")
_ISO_32: Final = re.compile(rb"1\0\0\0009\0\0\0[2-4]\0\0\0\d\0\0\0-\0\0\0[01]\0\0\0\d\0\0\0-\0\0\0[0-3]\0\0\0\d\0\0\0")
_SPOKEN: Final = re.compile(
    r"(?<!\d)(\d{1,2})[./ -](\d{1,2})[./ -](19[2-4]\d)(?!\d)|(?<!\d)(19[2-4]\d)([01]\d)([0-3]\d)(?!\d)"
)


class Seeker:
    """Finds the canaries that were made in bytes, in text, and in files that hold others."""

    def __init__(self, made: Iterable[str]) -> None:
        """Look for ``made``."""
        self._values = {folded(one): one for one in made}
        self._days = {one.encode(): one for one in made if re.fullmatch(r"\d{4}-\d\d-\d\d", one)}
        digests = [(hashlib.sha256(one.encode()).digest(), one) for one in made]
        self._digests = dict(digests)
        self._named = {raw.hex(): one for raw, one in digests}
        self._named |= {base64.urlsafe_b64encode(raw).decode().rstrip("="): one for raw, one in digests}
        self._romanised = {
            folded(one): value
            for value in made
            for script, mark in MARKS.items()
            if script != "Latn" and value.startswith(mark)
            for one in transliterate(value, f"{LANGUAGES[script]}-{script}")
        }
        self._parts = {one[:PART] for one in self._values}
        self._lengths = sorted({len(one) for one in self._values}, reverse=True)

    def in_bytes(self, raw: bytes, among: Sequence[Form] | None = None) -> Counter[str]:
        """
        Return which canaries stand in ``raw``, each with how often; of one that was cut short, what is there of it.

        ``among`` are the forms to look for, if not all.
        """
        found: Counter[str] = Counter()
        for form in forms() if among is None else among:
            at = raw.find(form.raw)
            while at >= 0:
                if name := self._named_at(raw, at, form):
                    found[name] += 1
                at = raw.find(form.raw, at + 1)
        for pattern in (_ISO, _ISO_16, _ISO_32) if among is None else (_ISO,):
            for hit in pattern.finditer(raw):
                if (day := hit[0].replace(b"\0", b"")) in self._days:
                    found[self._days[day]] += 1
        return found

    def _named_at(self, raw: bytes, at: int, form: Form) -> str:
        if form.read is None:
            return self._in_base64(raw, at)
        text = form.read(raw[at : at + form.step])
        part = folded(text[:64])[:PART]
        return self.known(text) or (f"?{part}" if part in self._parts else "")

    def _in_base64(self, raw: bytes, at: int) -> str:
        """Return the canary that base64 around ``at`` holds, or nothing: six letters come about by chance as well."""
        begin = at
        while begin > max(0, at - 4096) and raw[begin - 1 : begin] in _BASE64:
            begin -= 1
        end = at
        while end < min(len(raw), at + 256) and raw[end : end + 1] in _BASE64:
            end += 1
        run = raw[begin:end].replace(b"-", b"+").replace(b"_", b"/")
        for skip in range(4):
            part = run[skip:]
            part = part[:-1] if len(part) % 4 == 1 else part
            plain = base64.b64decode(part + b"=" * (-len(part) % 4))
            for text in (
                plain.decode("utf-8", "ignore"),
                *(plain[one:].decode("utf-16-le", "ignore") for one in (0, 1)),
            ):
                for mark in _found_marks(text):
                    if name := self.known(text[mark:]):
                        return name
        return ""

    def known(self, text: str) -> str:
        """Return the canary that ``text`` begins with, or nothing."""
        plain = folded(text[:64])
        for length in self._lengths:
            if plain[:length] in self._values:
                return self._values[plain[:length]]
        return next((value for one, value in self._romanised.items() if plain.startswith(one)), "")

    def in_text(self, raw: bytes) -> Counter[str]:
        """Return which canaries stand in a text as it is, unescaped, decoded, without tags and folded, or hashed."""
        found = self.in_bytes(raw)
        text = raw.decode("utf-8", "replace")
        plain = html.unescape(_json_read(text.encode("ascii", "backslashreplace")) if "\\u" in text else text)
        bare = folded(re.sub(r"<[^>]*>", "", plain))
        for view in (plain, unquote_to_bytes(text).decode("utf-8", "replace"), bare):
            if view != text:
                found |= self.in_bytes(view.encode("utf-8", "replace"))
        for hit in _SPOKEN.finditer(plain):
            for day in _days_of(hit):
                if day.encode() in self._days:
                    found[day] += 1
        found |= self._hashed(text)
        for run in re.findall(r"[A-Za-z0-9_+/-]{40,}", text):
            with suppress(ValueError):
                inner = base64.b64decode(run.replace("-", "+").replace("_", "/")[: len(run) // 4 * 4])
                found |= self.in_bytes(inner)
        return found

    def _hashed(self, text: str) -> Counter[str]:
        words = re.findall(r"[0-9a-f]{64}|[A-Za-z0-9_-]{43}", text)
        return Counter(f"sha256({self._named[one]})" for one in words if one in self._named)

    def in_cells(self, values: Iterable[object]) -> Counter[str]:
        """Return which canaries the cells of one column of a database hold."""
        values = list(values)
        blobs = [one for one in values if isinstance(one, bytes)]
        found = self.in_bytes(b"\n".join(blobs))
        found |= self.in_text("\n".join(one for one in values if isinstance(one, str)).encode())
        return found | Counter(f"sha256({self._digests[one]})" for one in blobs if one in self._digests)

    def in_file(self, raw: bytes) -> Counter[str]:
        """Return which canaries a file holds: as bytes, and what a zip or a PDF has packed."""
        found = self.in_text(raw)
        if raw[:2] == b"PK":
            with zipfile.ZipFile(io.BytesIO(raw)) as archive:
                for name in archive.namelist():
                    found |= self.in_text(name.encode()) | self.in_text(archive.read(name))
        if raw[:5] == b"%PDF-":
            for packed in re.findall(rb"stream\r?\n(.*?)endstream", raw, re.DOTALL):
                with suppress(zlib.error):
                    found |= self.in_bytes(zlib.decompressobj().decompress(packed))
            found |= self.in_text(_pdf_words(raw).encode())
        return found


_BASE64: Final = frozenset(
    bytes([one]) for one in b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_"
)


def _found_marks(text: str) -> Iterator[int]:
    lower = text.lower()
    for mark in (*MARKS.values(), DIGIT_MARK):
        at = lower.find(mark.lower())
        while at >= 0:
            yield at
            at = lower.find(mark.lower(), at + 1)


def _days_of(hit: "re.Match[str]") -> Iterator[str]:
    day, month, year, year_too, month_too, day_too = hit.groups()
    if year:
        yield f"{year}-{int(month):02}-{int(day):02}"
        yield f"{year}-{int(day):02}-{int(month):02}"
    else:
        yield f"{year_too}-{month_too}-{day_too}"


def _pdf_words(raw: bytes) -> str:
    """Return the words of a PDF; nothing where the library that reads them is missing."""
    try:
        import pypdfium2
    except ImportError:
        return ""
    document = pypdfium2.PdfDocument(raw)
    return "\n".join(page.get_textpage().get_text_range() for page in document)


def folded(text: str) -> str:
    """Return ``text`` without case, marks, blanks and signs, with the digits of the West."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    kept = (str(unicodedata.digit(one)) if one.isdigit() else one for one in plain if not unicodedata.combining(one))
    return re.sub(r"[\W_]", "", "".join(kept))


@dataclass
class Findings:
    """What was found where: for each place how much was looked at, and each canary with how often."""

    seeker: Seeker
    looked: Counter[str] = field(default_factory=Counter)
    found: dict[str, Counter[str]] = field(default_factory=dict)
    where: dict[str, set[str]] = field(default_factory=dict)

    def add(self, place: str, raw: bytes, name: str = "", *, kind: str = "text") -> None:
        """Look through ``raw``, which came to ``place`` under ``name``; ``kind`` is text, file, or bytes."""
        look = {"text": self.seeker.in_text, "file": self.seeker.in_file, "bytes": self.seeker.in_bytes}[kind]
        self.note(place, len(raw), look(raw), name)

    def note(self, place: str, size: int, hits: Counter[str], name: str = "") -> None:
        """Take in what a search of ``size`` bytes found."""
        self.looked[place] += size
        self.found.setdefault(place, Counter()).update(hits)
        if hits:
            self.where.setdefault(place, set()).add(name)

    def count(self, place: str) -> int:
        """Return how many different canaries were found in a place."""
        return len(self.found.get(place, ()))
