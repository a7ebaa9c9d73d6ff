"""
The note verbale of the fourth rung: text for a ministry of foreign affairs, without a person in it.

Rule 1: it names references of its own, days and agreements. No reference of ours, no thread, no purpose, no name.
Rule 2: it asks for an answer by code and threatens nothing: silence has one effect, the next rung.
Rule 3: it is not signed. A note verbale bears a seal and initials, and those are put on paper by hand.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from hashlib import sha256
from html import escape
from typing import Any

from gateway.core.columns import columns
from gateway.core.instruments import POLICY_DEFAULT, VERIFIED

LANGUAGES = ("en", "fr")

_LABEL = b"xg1 note\x00"
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Thirty-two signs that are read out and typed without being mistaken for one another."""


def reference(thread: str) -> str:
    """
    Return the reference of a case in notes: 16 signs in groups of four, made from its ``thread`` one way.

    Both States hold the thread and make the same reference of it; from the reference alone nobody comes back to the
    thread, and it is another one toward every State. 80 bits make a chance meeting of two cases no matter.
    """
    number = int.from_bytes(sha256(_LABEL + thread.encode("ascii")).digest()[:10])
    signs = "".join(_ALPHABET[number >> shift & 31] for shift in range(75, -1, -5))
    return "-".join(signs[at : at + 4] for at in range(0, 16, 4))


@dataclass(frozen=True, slots=True)
class Item:
    """
    One pending case: its reference in notes, the step owed, since when, until when, and the agreement's rule.

    ``asked_on`` is the local day on which the other State had our request, whatever started the clock. ``confidence``
    says how sure the figure of the rule is; notes from before it was kept have none, and read as they were issued.
    """

    reference: str
    step: str
    asked_on: date
    due_on: date
    instrument: str
    article: str | None
    confidence: str | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """One note: its ``number``, the day, who writes to whom (names of States in ``language``), what is pending."""

    number: str
    on: date
    sender: str
    recipient: str
    language: str
    items: tuple[Item, ...]


def note_to_dict(note: Note) -> dict[str, Any]:
    """Return ``note`` as JSON values."""
    items = [
        {**asdict(one), "asked_on": one.asked_on.isoformat(), "due_on": one.due_on.isoformat()} for one in note.items
    ]
    return {**asdict(note), "on": note.on.isoformat(), "items": items}


def note_from_dict(value: Mapping[str, Any]) -> Note:
    """Return the note that ``note_to_dict`` made ``value`` from."""
    items = tuple(
        Item(
            **{
                **one,
                "asked_on": date.fromisoformat(one["asked_on"]),
                "due_on": date.fromisoformat(one["due_on"]),
            }
        )
        for one in value["items"]
    )
    return Note(**{**value, "on": date.fromisoformat(value["on"]), "items": items})


@dataclass(frozen=True, slots=True)
class _Words:
    title: str
    draft: str
    courtesy: str
    matter: str
    one: str
    many: str
    head: tuple[str, str, str, str]
    default: str
    policy: str
    unverified: str
    request: str
    closing: str
    joined: tuple[str, str, str]


_WORDS: Mapping[str, _Words] = {
    "en": _Words(
        "Note verbale No. {number}",
        "Draft of a note verbale",
        "The Ministry of Foreign Affairs of {sender} presents its compliments to the Ministry of Foreign Affairs of "
        "{recipient} and has the honour to refer to the confirmations of identity and residence that the competent "
        "authorities of the two States request from each other.",
        "The competent authority of {sender} has asked for the following and has received no answer to date, although "
        "the time for it is over.",
        "One matter is pending.",
        "{count} matters are pending.",
        ("Reference", "Asked on", "Due on", "Under"),
        "the time usual between the two authorities",
        "policy; no agreement names a time",
        "figure not verified",
        "The Ministry would be grateful if the competent authority of {recipient} could be invited to answer, or to "
        "state by the agreed channel the reason for the delay and the date on which an answer may be expected. The "
        "references are known to that authority.",
        "The Ministry of Foreign Affairs of {sender} avails itself of this opportunity to renew to the Ministry of "
        "Foreign Affairs of {recipient} the assurances of its highest consideration.",
        ("article", "articles", "and"),
    ),
    "fr": _Words(
        "Note verbale n°\u00a0{number}",
        "Projet de note verbale",
        "Le Ministère des affaires étrangères ({sender}) présente ses compliments au Ministère des affaires étrangères "
        "({recipient}) et a l’honneur de se référer aux confirmations d’identité et de résidence que les autorités "
        "compétentes des deux États se demandent mutuellement.",
        "L’autorité compétente ({sender}) a présenté les demandes suivantes et n’a reçu à ce jour aucune réponse, bien "
        "que le délai soit écoulé.",
        "Une demande est en attente.",
        "{count} demandes sont en attente.",
        ("Référence", "Demandé le", "Échéance", "Fondement"),
        "délai d’usage entre les deux autorités",
        "règle interne\u202f; aucun accord ne fixe de délai",
        "délai non vérifié",
        "Le Ministère saurait gré de bien vouloir inviter l’autorité compétente ({recipient}) à répondre, ou à "
        "indiquer par la voie convenue le motif du retard et la date à laquelle une réponse peut être attendue. Les "
        "références sont connues de cette autorité.",
        "Le Ministère des affaires étrangères ({sender}) saisit cette occasion pour renouveler au Ministère des "
        "affaires étrangères ({recipient}) les assurances de sa très haute considération.",
        ("article", "articles", "et"),
    ),
}


_ARTICLE = re.compile(r"(Articles?) ([0-9]+(?:\([0-9]+\))?)(?: and ([0-9]+(?:\([0-9]+\))?))?")


def _under(item: Item, words: _Words) -> str:
    """
    Return the ground of one item: id and number of the article, no title, which may tell what it is about.

    What nobody agreed is called policy, and a figure that nobody compared with the text of its agreement is marked.
    """
    if item.instrument == POLICY_DEFAULT:
        return words.default if item.confidence is None else words.policy
    unsure = item.confidence not in (None, VERIFIED)
    return f"{_rule(item, words)} ({words.unverified})" if unsure else _rule(item, words)


def _rule(item: Item, words: _Words) -> str:
    found = _ARTICLE.fullmatch(item.article or "")
    if found is None:
        return item.instrument
    one, many, both = words.joined
    number = found[2] if found[3] is None else f"{found[2]} {both} {found[3]}"
    return f"{item.instrument}, {one if found[1] == 'Article' else many} {number}"


def paragraphs(note: Note) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...], tuple[str, ...]]:
    """Return the note as paragraphs before its list, the rows of the list with their head, and paragraphs after it."""
    words, names = _WORDS[note.language], {"sender": note.sender, "recipient": note.recipient}
    count = len(note.items)
    before = (
        words.title.format(number=note.number) if note.number else words.draft,
        words.courtesy.format(**names),
        words.matter.format(**names),
        words.one if count == 1 else words.many.format(count=count),
    )
    rows = tuple(
        (item.reference, item.asked_on.isoformat(), item.due_on.isoformat(), _under(item, words)) for item in note.items
    )
    after = (words.request.format(**names), words.closing.format(**names), note.on.isoformat())
    return before, (words.head, *rows), after


def serialize_text(note: Note) -> str:
    """Return the note as plain text, ready to be set on the ministry's paper."""
    before, rows, after = paragraphs(note)
    return "\n\n".join([*before, columns(rows), *after]) + "\n"


def serialize_html(note: Note) -> str:
    """Return the note as one HTML page without a link or a script, from which a PDF is set."""
    before, rows, after = paragraphs(note)
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in rows[0])
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows[1:])
    first, last = escape(before[0]), "".join(f"<p>{escape(text)}</p>" for text in after)
    middle = "".join(f"<p>{escape(text)}</p>" for text in before[1:])
    return (
        f'<!DOCTYPE html><html lang="{note.language}"><head><meta charset="utf-8"><title>{first}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{first}</h1>{middle}"
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{last}</body></html>"
    )


_STYLE = (
    "@page{size:A4;margin:25mm}body{font:11pt/1.45 'DejaVu Serif',serif}h1{font-size:13pt}"
    "table{border-collapse:collapse;width:100%;font-size:9.5pt}th,td{text-align:left;padding:2mm;"
    "border-bottom:.2mm solid #888}td{white-space:nowrap}td+td+td+td{white-space:normal}"
    "tr{break-inside:avoid}p{text-align:justify}"
)


def quarterly_text(sender: str, recipient: str, on: date, items: Sequence[Item], language: str) -> str:
    """Return the quarterly list for a joint committee: count, references, days, agreements; nothing else."""
    title, none = _QUARTERLY[language]
    note = Note("", on, sender, recipient, language, tuple(items))
    before, rows, _ = paragraphs(note)
    heading = title.format(sender=sender, recipient=recipient, on=on.isoformat())
    return "\n\n".join([heading, before[3], columns(rows)] if items else [heading, none]) + "\n"


_QUARTERLY: Mapping[str, tuple[str, str]] = {
    "en": ("Matters pending between {sender} and {recipient}, {on}", "Nothing is pending."),
    "fr": ("Demandes en attente entre {sender} et {recipient}, {on}", "Aucune demande n’est en attente."),
}
