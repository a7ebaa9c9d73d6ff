"""
A request as a list of tasks: which fields each has, how far it has come, and the draft that all of them make.

Rule 1: the fields are those of the schema `case-draft`, divided up; no member of it is asked for twice or left out.
Rule 2: what was typed is kept as typed, also what is wrong or half done. The schema and the sense of the elements judge
it, each at its field.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final

from multidict import MultiDict

import schemas
from gateway.core.elements import NAME_MAX, element_findings
from gateway.core.minimise import members_of, required
from gateway.core.names import NoTable, transliterate
from gateway.core.verification import OFFICER
from gateway.services import directory
from gateway.services.context import Context
from gateway.web import forms
from gateway.web.form_fields import Field, Option, body_fields, with_options
from gateway.web.forms import Problem
from gateway.web.language import N_, Tongue
from gateway.web.posted import clean
from schemas import ijson

SCHEMA: Final = "case-draft"
NAMES: Final = "b.elements.names"
PURPOSE: Final = "b.purpose"
PARTS: Final = ("family", "given", "patronymic", "full")
SPELLINGS_MAX: Final = 6
"""Latin spellings shown of one part of a name; the table can make hundreds, which help nobody."""


@dataclass(frozen=True, slots=True)
class Task:
    """
    One task: name, title and what it is for (English), the pointers of its members, and whether it must be done.

    Where it holds elements, that is so for most questions: ``is_needed`` tells it for one.
    """

    name: str
    title: str
    about: str
    members: tuple[str, ...]
    needed: bool = True

    def is_needed(self, purpose: str) -> bool:
        """Tell whether the task must be done for a question of ``purpose``, empty if none was chosen yet (MIN-5)."""
        if not purpose or not any(one.startswith("/elements/") for one in self.members):
            return self.needed
        return not set(_elements(*members_of(required(purpose)))).isdisjoint(self.members)

    def holds(self, name: str) -> bool:
        """Tell whether the field posted as ``name`` is one of this task."""
        return any(name == own or name.startswith(f"{own}.") for own in map(posted_name, self.members))


def posted_name(pointer: str) -> str:
    """Return the name under which the member at ``pointer`` is posted."""
    return forms.PREFIX + pointer.replace("/", ".")


def _elements(*members: str) -> tuple[str, ...]:
    return tuple(f"/elements/{member}" for member in members)


TASKS: Mapping[str, Task] = {
    task.name: task
    for task in (
        Task(
            "names",
            N_("Names of the person"),
            N_("Each form of the name, as it is written in its own script. A Latin form can be suggested."),
            _elements("names"),
        ),
        Task(
            "person",
            N_("What else is known of the person"),
            N_("Only what helps to find the person in a register. A date may be uncertain."),
            (
                *_elements("birth_date", "birth_place", "sex", "personal_number", "mother_given_names"),
                *_elements("father_given_names", "last_residence", "entry_date", "representative_ref"),
                "/claimed_origin",
            ),
        ),
        Task(
            "question",
            N_("What is asked"),
            N_("The question, how far the other State may go to answer it, and what it may do with the data."),
            ("/purpose", "/method_limit", "/no_contact_methods", "/handling"),
        ),
        Task(
            "gates",
            N_("What the law asks for first"),
            N_("Protection, age, representation, danger, ground and consent. Only an attested 'none' lets it leave."),
            (
                *("/category", "/asylum", "/age", "/representative", "/endangerment_check", "/transfer_ground"),
                "/consent",
            ),
        ),
        Task(
            "documents",
            N_("Documents"),
            N_("A travel document, a permit, a photograph. An image is drawn anew; the file itself is not kept."),
            _elements("document", "permit", "photo", "document_image"),
            needed=False,
        ),
        Task(
            "remark",
            N_("Remark"),
            N_("Only where an agreement allows one. It stays here; what may leave of it is redacted and confirmed."),
            ("/remark",),
            needed=False,
        ),
        Task("recipient", N_("State to ask"), N_("Only States that may be contacted are listed."), ("/to",)),
        Task(
            "officer",
            N_("Officer in charge"),
            N_("One person is in charge of the case and is named on every page of it."),
            ("/officer",),
        ),
        Task(
            "reason",
            N_("Why the question is asked"),
            N_("In a few words. It stays here and is recorded with each disclosure."),
            ("/justification",),
        ),
        Task(
            "national",
            N_("What stays here"),
            N_("Notes for this file. No message has a place for them."),
            ("/national",),
            needed=False,
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a task has come: ``new``, ``begun`` or ``done``, and what is still wrong with it."""

    task: Task
    state: str
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Spelling:
    """What the parts of one name may be in Latin letters: part by part, the recommended spelling first."""

    row: int
    parts: tuple[tuple[str, tuple[str, ...]], ...]


def _divided(of: Sequence[Field], pointers: Iterable[str]) -> tuple[Field, ...]:
    """Return the fields at ``pointers``, within the groups they stand in."""
    found = []
    for one in of:
        below = tuple(pointer for pointer in pointers if pointer.startswith(f"{one.pointer}/"))
        if one.pointer in pointers:
            found.append(one)
        elif below:
            found.append(replace(one, fields=_divided(one.fields, below)))
    return tuple(found)


def fields_of(task: Task, context: Context, at: datetime, tongue: Tongue) -> tuple[Field, ...]:
    """Return the fields of ``task``; State and officer are chosen from those there are."""
    made = _divided(body_fields(SCHEMA), task.members)
    made = with_options(made, "/to", [Option(code, "country") for code in partners(context)], asked=True)
    chosen = [Option(id, text=f"{id} ({roles})") for id, roles in officers(context, at, tongue)]
    return with_options(made, "/officer", chosen, asked=True)


def partners(context: Context) -> list[str]:
    """Return the States that may be contacted."""
    return [code for code in sorted(context.partners) if context.no_contact(code) is None]


def officers(context: Context, at: datetime, tongue: Tongue) -> list[tuple[str, str]]:
    """Return who may be in charge of a case now, with the roles in words."""
    found = []
    for id, person in sorted(context.persons.items()):
        if person.roles & OFFICER and directory.in_charge(context, id, at) is not None:
            found.append((id, tongue.roles(person.roles & OFFICER)))
    return found


@cache
def _stub() -> Mapping[str, Any]:
    """Return a draft that fits the schema, to stand beside one task while that is judged."""
    value: Mapping[str, Any] = ijson.loads(files(schemas).joinpath("example-case-draft.json").read_bytes())
    return value


def check(task: Task, of: Sequence[Field], posted: MultiDict[str], tongue: Tongue) -> tuple[Problem, ...]:
    """
    Return what is wrong with ``task`` as it stands in ``posted``, whatever the others lack.

    The rest of the draft is that of the example, which fits, so what does not fit is of this task.
    """
    rest = forms.fill(body_fields(SCHEMA), _stub(), tongue.zone)
    merged: MultiDict[str] = MultiDict((name, value) for name, value in rest.items() if not task.holds(name))
    merged.extend((name, value) for name, value in posted.items() if task.holds(name))
    _, own = forms.read(of, posted, tongue.zone)
    if own:
        return own
    value, found = forms.read(body_fields(SCHEMA), merged, tongue.zone, SCHEMA)
    if found:
        return tuple(one for one in found if task.holds(one.name)) or found
    findings = element_findings(value["elements"])
    made = [Problem(posted_name("/" + one.where.replace(".", "/")), one.because) for one in findings]
    return tuple(one for one in made if task.holds(one.name))


def standing(task: Task, of: Sequence[Field], posted: MultiDict[str], tongue: Tongue) -> Standing:
    """Return how far ``task`` has come."""
    own = [value for name, value in posted.items() if task.holds(name) and not name.endswith(".rows")]
    if not any(own):
        return Standing(task, "new", ())
    problems = check(task, of, posted, tongue)
    return Standing(task, "begun" if problems else "done", problems)


def read(posted: MultiDict[str], tongue: Tongue) -> tuple[dict[str, Any], tuple[Problem, ...]]:
    """Return the draft that all tasks make, and what is wrong with it."""
    value, problems = forms.read(body_fields(SCHEMA), posted, tongue.zone, SCHEMA)
    if problems:
        return value, problems
    found = element_findings(value["elements"])
    return value, tuple(Problem(posted_name("/" + one.where.replace(".", "/")), one.because) for one in found)


def task_of(name: str) -> Task | None:
    """Return the task that has the field posted as ``name``."""
    return next((task for task in TASKS.values() if task.holds(name)), None)


def from_draft(draft: Mapping[str, Any], tongue: Tongue) -> MultiDict[str]:
    """
    Return what a form with ``draft`` (schema ``case-draft``) in it posts.

    A file may hold what no form lets through. Raises ``gateway.web.posted.BadForm`` for that.
    """
    filled = forms.fill(body_fields(SCHEMA), draft, tongue.zone)
    made: MultiDict[str] = MultiDict()
    for name, value in filled.items():
        made.add(name, clean(name, value))
    return made


def with_task(kept: MultiDict[str], task: Task, posted: MultiDict[str]) -> MultiDict[str]:
    """Return ``kept`` with the fields of ``task`` as they were posted in place of those before."""
    made: MultiDict[str] = MultiDict((name, value) for name, value in kept.items() if not task.holds(name))
    made.extend((name, value) for name, value in posted.items() if task.holds(name) and value != "")
    return made


# Names in Latin letters.


def spellings(posted: MultiDict[str], row: int) -> Spelling | None:
    """
    Return the Latin spellings of the name in ``row``, or ``None`` if there is no table for what stands there.

    For what is longer than any name none are made: they are many times as long.
    """
    place = f"{NAMES}.{row}"
    found = []
    for part in PARTS:
        text = posted.get(f"{place}.{part}", "")
        if not text:
            continue
        if len(text) > NAME_MAX:
            return None
        try:
            made = transliterate(text, posted.get(f"{place}.script", ""))
        except NoTable:
            return None
        found.append((part, made[:SPELLINGS_MAX]))
    return Spelling(row, tuple(found)) if found else None


def with_spelling(posted: MultiDict[str], spelling: Spelling) -> MultiDict[str]:
    """Return ``posted`` with the recommended spelling where none was typed: what a document carries goes before it."""
    made = MultiDict(posted)
    for part, texts in spelling.parts:
        name = f"{NAMES}.{spelling.row}.latin.{part}"
        if texts and not made.get(name):
            made[name] = texts[0]
    return made
