"""
The remark of a case: written, looked at beside what was made of it, confirmed or taken out.

Rule 1: what was written and what would leave of it stand side by side, with a word on each thing that was taken out.
Rule 2: what may be typed at the confirmation is the redacted text with words taken out; the services hold that.
Rule 3: a remark takes the place of the one that the page showed, and of no other.
Rule 4: the words of a remark stand on this page alone, for a reason that stands, once the look is recorded (R-13).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from gateway.core import remark as remarks
from gateway.core.case import Case, Remark, Side
from gateway.core.machine import RuleRefused
from gateway.core.verification import OFFICER
from gateway.services import cases
from gateway.services.acts import DESK, VERBS, Call
from gateway.services.context import NotFound
from gateway.services.ports import Changed
from gateway.services.remark import NOT_COMPARED, type_of
from gateway.web.interior import case as case_page
from gateway.web.interior.case import Content
from gateway.web.interior.disclosure import Objection, objections
from gateway.web.interior.step_links import steps_of
from gateway.web.language import N_
from gateway.web.visit import Route, Visit
from schemas import SchemaError

LANGUAGES: Final[Mapping[str, str]] = {
    "en": N_("English"),
    "fr": N_("French"),
    "es": N_("Spanish"),
    "ro": N_("Romanian"),
    "sq": N_("Albanian"),
    "sr": N_("Serbian"),
    "uk": N_("Ukrainian"),
    "ru": N_("Russian"),
    "ar": N_("Arabic"),
}
"""Languages a remark can be read in."""

TAKEN_OUT: Final[Mapping[str, str]] = {
    "PERSON": N_("a person"),
    "PERSON_SUBJECT": N_("the person asked about"),
    "PHONE": N_("a telephone number"),
    "EMAIL": N_("an address of e-mail"),
    "HANDLE": N_("an account"),
    "ADDRESS": N_("an address"),
    "SHELTER": N_("a place where somebody is safe"),
    "CASE_NO": N_("the number of a case"),
    "DOC_ID": N_("the number of a document"),
    "DOB": N_("a date of birth"),
    "BANK": N_("an account at a bank"),
    "PLATE": N_("a number plate"),
    "GPS": N_("a position on the map"),
    "HEALTH": N_("health"),
    "SEXUAL": N_("what was done to somebody"),
    "ASYLUM": N_("a need for protection"),
}
"""What was taken out, by its type."""

OTHER: Final = N_("something that identifies")

HELD: Final[Mapping[str, str]] = {
    "held-for-person": N_(
        "It tells of a need for protection, or may. Nothing of this case leaves until the state is attested anew."
    ),
    "language-unknown": N_("It is in no language that can be read here."),
    "language-other": N_("It is in another language than you said."),
    "text-too-long": N_("It is too long to be read."),
    "text-not-printable": N_("It has characters that are no text."),
    "text-direction": N_("It has characters that turn the direction of writing."),
    "text-invisible": N_("It has characters that cannot be seen."),
    "text-coded": N_("It has letters written as codes, such as &#233;. Type the letters themselves."),
    "text-marks": N_("It has more marks on a letter than any language writes."),
    "text-mixed-script": N_("A word of it has letters of two scripts."),
    "nothing-left": N_("Nothing is left of it once everything that identifies is taken out."),
    "recogniser-missing": N_("This gateway has nothing that reads free words. The operator can install it."),
    "recogniser-timeout": N_("It took too long to read. Try once more."),
    "recogniser-busy": N_("Too many remarks wait to be read. Try again in a moment."),
}
"""Why a remark is held, by its code."""

HELD_OTHERWISE: Final = N_("It could not be read. Try once more; if it stays, tell the operator.")

FIELDS: Final[Mapping[str, str]] = {
    "names": N_("a name of the person"),
    "mother_given_names": N_("a name of the mother"),
    "father_given_names": N_("a name of the father"),
    "birth_date": N_("the date of birth"),
    "birth_place": N_("the place of birth"),
    "last_residence": N_("the last residence"),
    "personal_number": N_("the personal number"),
    "document": N_("the number of the document"),
    "permit": N_("the number of the permit"),
    "representative": N_("the representative"),
    "ref": N_("the number of this case"),
    NOT_COMPARED: N_("the comparison with the record failed"),
}
"""What a remark still tells, by the field of the record."""

NATIONAL: Final = N_("something of what stays here")
REST: Final = N_("something else of the record")


@dataclass(frozen=True, slots=True)
class Taken:
    """One thing that was taken out: what stood there, and what it was in words."""

    text: str
    what: str


@dataclass(frozen=True, slots=True)
class Shown:
    """
    What a page says of a remark: as it was written, in which language, what would leave, what was taken out.

    ``held`` says why it is held, ``tells`` what of the record it still tells, ``by`` who confirmed it.
    """

    written: str
    language: str
    text: str
    digest: str
    taken: tuple[Taken, ...]
    held: tuple[str, ...]
    tells: tuple[str, ...]
    by: str
    is_sent: bool


def shown(visit: Visit, case: Case) -> Shown | None:
    """Return the remark of ``case`` as a page shows it, ``None`` if it has none."""
    written = (case.draft or {}).get("remark")
    if written is None:
        return None
    tongue, remark = visit.tongue, case.remark
    if remark is None or not remarks.is_read(case.draft, remark):
        return Shown(
            written["text"], written["language"], "", "", (), (tongue._(HELD_OTHERWISE),), (), "", is_sent=False
        )
    text = written["text"]
    taken = tuple(Taken(text[a:b], tongue._(TAKEN_OUT.get(kind, OTHER))) for a, b, kind in remark.spans)
    held = tuple(tongue._(HELD.get(code, HELD_OTHERWISE)) for code in remark.reasons)
    tells = tuple(dict.fromkeys(tongue._(_field(name)) for name in remark.leaks))
    by = remark.by if remark.by and (remark.sent or remarks.is_confirmed(case.draft, remark)) else ""
    seal = remarks.seal(remark, case.draft) if remark.text else ""
    return Shown(text, written["language"], remark.text, seal, taken, held, tells, by, is_sent=remark.sent)


def _field(name: str) -> str:
    return NATIONAL if name.startswith("national.") else FIELDS.get(name, REST)


async def _opened(visit: Visit) -> Content | web.Response:
    return await case_page.content_of(visit, visit.request.path, Side.REQUESTING)


async def page(visit: Visit) -> web.StreamResponse:
    """Show the remark, what was made of it, and what can be done with it now."""
    opened = await _opened(visit)
    return opened if isinstance(opened, web.StreamResponse) else _page(visit, opened)


def _page(
    visit: Visit, opened: Content, problem: tuple[str, str] | None = None, found: tuple[Objection, ...] = ()
) -> web.Response:
    case, steps = opened.case, steps_of(visit, opened.row)
    context = visit.site.desk.context
    most = context.reckoner.remark_most(context.country, case.partner, type_of(case), visit.now)
    return case_page.shown(
        visit,
        "case_remark.html",
        opened.row,
        opened.head,
        status=422 if problem or found else 200,
        remark=shown(visit, case),
        languages=[(code, visit.tongue._(name)) for code, name in LANGUAGES.items()],
        most=most,
        may={name: name in steps for name in ("remark", "remark-confirmation")},
        problem=problem,
        objections=found,
        typed=visit.form or visit.draft,
        mark=remarks.MARK,
        seen=cases.mark(context, case),
    )


async def _act(visit: Visit, verb: str, body: Mapping[str, object], place: str, told: str) -> web.StreamResponse:
    """Take a step with the remark and come back to its page, which says what is wrong if anything is."""
    opened = await _opened(visit)
    if isinstance(opened, web.StreamResponse):
        return opened
    fitting = steps_of(visit, opened.row).get(verb, [])
    if not fitting:
        raise NotFound("the case takes no remark now")
    seen = visit.form.get("seen", "") if VERBS[verb].compared else None
    try:
        made = await VERBS[verb].act(visit.site.desk, Call(visit.person.id, fitting[0], opened.row.ref, body, seen))
    except Changed:
        text = visit.tongue._(
            N_("Somebody changed the case meanwhile. Look at what stands here now before you repeat it.")
        )
        return _page(visit, opened, (place, text))
    except RuleRefused as error:
        return _page(visit, opened, found=objections(visit, error.findings))
    except SchemaError:
        text = visit.tongue._(N_("Write at least a word, and at most 4,000 characters."))
        return _page(visit, opened, (place, text))
    if isinstance(made, Remark) and made.reasons:
        told = N_("The remark was read and is held. The page says why.")
    return await visit.to(visit.path("remark", ref=opened.row.ref), told=visit.tongue._(told))


async def write(visit: Visit) -> web.StreamResponse:
    """Have a remark read and redacted, in place of any other."""
    language = visit.form.get("language", "")
    if language not in LANGUAGES:
        opened = await _opened(visit)
        if isinstance(opened, web.StreamResponse):
            return opened
        return _page(visit, opened, ("language", visit.tongue._(N_("Say in which language it is written."))))
    text = visit.form.get("text", "").replace("\r\n", "\n").strip()
    told = N_("The remark was read and redacted. Look at it, and confirm what may leave.")
    return await _act(visit, "remark", {"remark": {"language": language, "text": text}}, "text", told)


async def drop(visit: Visit) -> web.StreamResponse:
    """Take the remark out of the record."""
    return await _act(visit, "remark", {"remark": None}, "text", N_("The remark was taken out of the record."))


async def confirm(visit: Visit) -> web.StreamResponse:
    """Confirm the redacted text that was seen, or that text with words taken out."""
    body = {"digest": visit.form.get("digest", ""), "text": visit.form.get("leaves", "").strip()}
    told = N_("You confirmed the remark. It is part of the message that a second person approves.")
    return await _act(visit, "remark-confirmation", body, "leaves", told)


ROUTES = (
    Route("GET", "/cases/{ref}/remark", "remark", page, DESK),
    Route("POST", "/cases/{ref}/remark", "remark-write", write, OFFICER),
    Route("GET", "/cases/{ref}/remark/drop", "remark-kept", page, DESK),
    Route("POST", "/cases/{ref}/remark/drop", "remark-drop", drop, OFFICER),
    Route("GET", "/cases/{ref}/remark/confirm", "remark-form", page, DESK),
    Route("POST", "/cases/{ref}/remark/confirm", "remark-confirm", confirm, OFFICER),
)
