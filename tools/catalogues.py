"""
The catalogues of the desks' texts: take up what pages say now, and tell what is not translated.

    python -m tools.catalogues           write gateway/web/locale/*/LC_MESSAGES/desk.po anew, translations kept
    python -m tools.catalogues --check   change nothing; exit 1 if a catalogue is not complete, not up to date, or
                                         breaks a French line before a sign that belongs to the word before it
"""

import io
import re
import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parent.parent / "gateway"
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None}
METHODS = [("web/templates/**.html", "jinja2"), ("**.py", "python")]
OPTIONS = {"web/templates/**.html": {"newstyle_gettext": "true", "silent": "false", "extensions": "jinja2.ext.do"}}


def texts() -> Catalog:
    """Return every text that a page may show."""
    made = Catalog(project="isthmus", charset="utf-8")
    found = extract_from_dir(
        ROOT, METHODS, OPTIONS, keywords=KEYWORDS, comment_tags=("Translators:",), strip_comment_tags=True
    )
    for name, line, message, comments, context in sorted(found, key=lambda one: (one[0], one[1])):
        made.add(message, None, [(name, line)], auto_comments=comments, context=context)
    return made


def path_of(lang: str) -> Path:
    """Return where the catalogue of ``lang`` is."""
    return ROOT / "web" / "locale" / lang / "LC_MESSAGES" / "desk.po"


def load(lang: str) -> Catalog:
    """Return the catalogue of ``lang`` as it stands; an empty one if there is none yet."""
    path = path_of(lang)
    if not path.exists():
        return Catalog(locale=lang, project="isthmus", charset="utf-8")
    with path.open("rb") as file:
        return read_po(file, locale=lang)


def missing(catalogue: Catalog) -> list[str]:
    """Return the texts of ``catalogue`` without a translation, with one that is a guess, or without a plural form."""
    return [str(one.id) for one in catalogue if one.id and (one.fuzzy or not _whole(one.string))]


def _whole(text: object) -> bool:
    return all(text) if isinstance(text, tuple | list) else bool(text)


LOOSE = re.compile(r"[^\S\u00a0\u202f](?=[:;!?»])|(?<=«)[^\S\u00a0\u202f]")
"""A blank at which a browser may break a line of French, where none may: next to a sign that belongs to its word."""


def loose(catalogue: Catalog) -> list[str]:
    """Return the translations of ``catalogue`` that hold such a blank."""
    forms = [one.string if isinstance(one.string, tuple | list) else (one.string,) for one in catalogue if one.id]
    return [str(text) for texts in forms for text in texts if LOOSE.search(str(text))]


def written(catalogue: Catalog) -> bytes:
    """Return the catalogue as its file: in order of its texts, without places, which every edit would change."""
    made = io.BytesIO()
    write_po(made, catalogue, no_location=True, omit_header=False, sort_output=True, ignore_obsolete=True, width=120)
    return made.getvalue()


def main(arguments: list[str]) -> int:
    """Bring the catalogues up to date, or check that they are."""
    template, check, wrong = texts(), "--check" in arguments, 0
    for lang in ("fr", "ar"):
        held = load(lang)
        before = {str(one.id) for one in held if one.id}
        # Of the day on which it was written nobody reads, and two who add texts would be at odds by it alone.
        held.update(template, no_fuzzy_matching=True, update_creation_date=False)
        after = {str(one.id) for one in held if one.id}
        left, breaks = missing(held), loose(held) if lang == "fr" else []
        print(f"{lang}: {len(after)} texts, {len(left)} without a translation, {len(before - after)} no longer used")
        for text in left[:5]:
            print(f"    {text[:100]}")
        for text in breaks:
            print(f"    a blank that may break a line: {text[:100]}")
        if check:
            wrong |= bool(left) or bool(breaks) or before != after
        else:
            path_of(lang).parent.mkdir(parents=True, exist_ok=True)
            path_of(lang).write_bytes(written(held))
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
