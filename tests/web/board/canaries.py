"""
Cases full of canaries: values that stand nowhere else, in every element, and a crawl that looks for them.

A canary is looked for as it was typed, in other letters and forms, without blanks, and in the encodings a page, a file
or an address could carry it in.
"""

import base64
import hashlib
import html
import json
import random
import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, unquote_plus

from gateway.core.names import transliterate
from gateway.services.board import Filter
from gateway.services.escalate import Escalation
from tests.support import story
from tests.support.network import Network
from tests.web.support import Answer, Desk, Officer, links_of

SCRIPTS = {
    "Latn": ("ABCDEFGHIJKLMNOPRSTUVZ", "en"),
    "Cyrl": ("АБВГДЕЖЗИКЛМНОПРСТУФ", "ru"),
    "Arab": ("ابتثجحخدذرزسشصضطظعغف", "ar"),
}
"""Letters to make names of, with a language that writes them."""

LENGTH = 12
"""Letters of a canary: no page holds as many of them in a row by chance."""


class Canaries:
    """Makes values and remembers every one."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.made: set[str] = set()

    def word(self, script: str = "Latn") -> str:
        """Return a word that stands nowhere else."""
        letters, _ = SCRIPTS[script]
        text = "".join(self._random.choices(letters, k=LENGTH))
        text = text[0] + text[1:].lower()
        self.made.add(text)
        return text

    def number(self) -> str:
        """Return a number of a paper."""
        text = "".join(self._random.choices("0123456789", k=LENGTH))
        self.made.add(text)
        return text

    def birth(self) -> str:
        """Return a day of birth far from every other day of the cases."""
        text = f"{self._random.randint(1921, 1959)}-{self._random.randint(1, 12):02}-{self._random.randint(1, 28):02}"
        self.made.add(text)
        return text

    def draft(self, at: int) -> dict[str, Any]:
        """Return a draft whose every free value is a canary; ``at`` chooses the script of the names."""
        script = list(SCRIPTS)[at % len(SCRIPTS)]
        base = story.draft(justification=self.word())
        elements = {**base["elements"], "birth_date": self.birth(), "personal_number": self.number()}
        elements["names"] = [self._name(script)]
        elements["birth_place"] = {"country": "XBB", "unit": self.word(script)}
        elements["last_residence"] = {"country": "XBB", "unit": self.word(script)}
        elements["document"] = {"type": "P", "number": self.number(), "issuer": "XBB"}
        elements["permit"] = {"type": "PR", "number": self.number(), "as_of": "2024-08"}
        elements["mother_given_names"] = self.word(script)
        elements["father_given_names"] = self.word(script)
        return {**base, "elements": elements, "national": {name: self.word() for name in NOTES}}

    def _name(self, script: str) -> dict[str, Any]:
        _, language = SCRIPTS[script]
        family, given = self.word(script), self.word(script)
        latin = {"family": self.word().upper(), "given": self.word().upper(), "patronymic": None, "full": None}
        return {
            "use": "document",
            "family": family,
            "given": given,
            "patronymic": None,
            "full": None,
            "script": f"{language}-{script}",
            "latin": {**latin, "system": "ICAO9303"},
        }


NOTES = (
    *("present_address", "shelter", "health", "exploitation", "recruiter", "statement", "criminal_file"),
    *("residence_status", "detention", "religion", "ethnicity", "family_conflict", "risk_assessment", "social_media"),
    *("biometrics", "physical_description", "civil_status", "notes", "guardian_contact", "compensation", "debts"),
)
"""Every field of the national record that holds words."""


def forms(canary: str) -> Iterator[str]:
    """Yield every form in which a canary would still be that value."""
    yield from {canary, canary.lower(), canary.upper(), unicodedata.normalize("NFD", canary)}
    raw = canary.encode()
    yield base64.b64encode(raw).decode().rstrip("=")
    yield base64.urlsafe_b64encode(raw).decode().rstrip("=")
    yield raw.hex()
    yield hashlib.sha256(raw).hexdigest()
    yield quote(canary)
    yield json.dumps(canary)[1:-1]
    if canary.isalnum():
        yield folded(canary)
    if canary.isalpha():
        for script, (letters, language) in SCRIPTS.items():
            if canary[0].upper() in letters.upper():
                yield from (folded(one) for one in transliterate(canary, f"{language}-{script}"))


GRAM = 8
"""Letters by which a form is looked up before it is looked for; each form has more."""


class Hay:
    """Everything a desk said, to look for canaries in: as it came, without entities and percent signs, and folded."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._grams: set[str] = set()
        self._lines: set[str] = set()

    def add(self, text: str) -> None:
        """Take in a text; lines seen before, which most of a page are, are passed over."""
        new = [line for line in dict.fromkeys(text.splitlines()) if line not in self._lines]
        self._lines.update(new)
        # Folded as a whole too: a value may be broken over lines.
        whole = "\n".join(new)
        plain = re.sub(r"<[^>]*>", "", whole)
        for one in (
            whole,
            html.unescape(whole),
            unquote_plus(whole),
            folded(html.unescape(plain)),
            folded(unquote_plus(plain)),
        ):
            self._parts.append(one)
            self._grams.update(one[at : at + GRAM] for at in range(len(one) - GRAM + 1))

    def holds(self, canaries: Iterable[str]) -> list[str]:
        """Return which canaries are there in some form."""
        return [one for one in canaries if any(self._has(form) for form in forms(one))]

    def _has(self, form: str) -> bool:
        return form[:GRAM] in self._grams and any(form in part for part in self._parts)


def folded(text: str) -> str:
    """Return a text without case, marks, blanks and hyphens."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return re.sub(r"[\W_]", "", "".join(char for char in plain if not unicodedata.combining(char)))


# Cases somewhere along the way, and everything a board says of them.


async def fill(network: Network, canaries: Canaries, count: int) -> list[str]:
    """Open ``count`` cases, send them, and take some of them further; return their references."""
    refs = [await story.sent(network, **canaries.draft(at)) for at in range(count)]
    await network.deliver(rounds=count)
    ours, theirs = network.gateways["XAA"], network.gateways["XBB"]
    for at, ref in enumerate(refs):
        twin = await story.twin(network, ref)
        if at % 5:
            await theirs.answer.acknowledge(twin, "first")
        if at % 5 == 2:
            await theirs.answer.delay(twin, "ARCHIVE_SEARCH", "2026-12-20", "first", "registry_clerk")
    await network.deliver(rounds=count)
    for at, ref in enumerate(refs):
        if at % 25 == 3:
            await story.give_answer(network, await story.twin(network, ref), story.reply())
        elif at % 25 == 4:
            await ours.hold.freeze(ref, canaries.word(), "second", "liaison_officer")
        elif at % 25 == 6:
            await Escalation(ours.context).stop(ref, canaries.word(), "welfare", "child_welfare")
    await network.deliver(rounds=count)
    return refs


async def crawl(someone: Officer, hay: Hay) -> set[str]:
    """Follow every link from the first page on, take in all that comes, and return the paths."""
    waiting, seen = ["/"], {"/"}
    while waiting:
        answer = await someone.send("GET", waiting.pop())
        assert answer.status in (200, 303), (answer.path, answer.status)
        _take(hay, answer)
        found = [answer.location] if answer.status == 303 else links_of(answer.text)
        for path in found:
            if path.startswith("/") and "lang=" not in path and path not in seen:
                seen.add(path)
                waiting.append(path)
    return seen


def _take(hay: Hay, answer: Answer) -> None:
    hay.add(answer.path)
    hay.add(answer.text)
    hay.add("\n".join(f"{name}: {value}" for name, value in answer.headers.items()))


async def act(someone: Officer, refs: list[str], hay: Hay) -> None:
    """Take the steps of the board: choose, remind, report, put aside, record, draft, issue, test."""
    for path, to, fields in (
        ("/", "/reminders", {"ref": refs}),
        (None, "/reminders", {}),
        (f"/replies/{refs[0]}", f"/replies/{refs[0]}/aside", {"until": "x", "reason": "HOLIDAY"}),
        (f"/replies/{refs[1]}", f"/replies/{refs[1]}/level", {"level": "L3"}),
        (None, f"/replies/{refs[1]}/level", {}),
        ("/notes/draft?partner=XBB", "/notes/issue", {}),
        (None, "/notes/issue", {}),
        ("/partners/XBB", "/partners/XBB/test", {}),
    ):
        if path is not None:
            _take(hay, await someone.get(path))
        answer = await someone.post(to, fields)
        assert answer.status in (200, 422), (to, answer.status)
        _take(hay, answer)


async def search(desk: Desk, count: int, seed: int) -> tuple[int, int, int, list[str]]:
    """Fill, act and crawl in every language; return how many cases, canaries and pages there were, and the finds."""
    network, canaries, hay = desk.network, Canaries(seed), Hay()
    refs = await fill(network, canaries, count)
    network.clock.pass_(days=60)
    await network.refresh()
    someone = await desk.officer("board", at="board")
    rows = await desk.site.extra["board"].inquiries.watched(limit=40)
    await act(someone, [row.ref for row in rows if not row.ref.startswith("TST")], hay)
    paths = set[str]()
    for language in ("en", "fr", "ar"):
        paths |= await crawl(await desk.officer("board", at="board", language=language), hay)
    watched = [one.row.ref async for one in desk.site.extra["board"].every(Filter(), network.clock.now())]
    assert watched == hay.holds(watched), "the crawl did not come to every case"
    for event, values in network.logs:
        hay.add(f"{event} {values}")
    return len(refs), len(canaries.made), len(paths), hay.holds(canaries.made)
