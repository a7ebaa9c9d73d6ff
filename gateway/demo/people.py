"""
Invented people: what XAA has on file of each, and what XBB's register holds.

No name, number or place here is taken from a record of anybody. The files hold far more than may leave, as real ones
do: each has something national, and most have elements that the purpose does not allow or nobody asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from gateway.demo.register import COUNTRY, Entry, Kept, Permit, Register, Standing, Volume

NATIONALITY, RESIDENCE = "NATIONALITY", "PERM_RESIDENCE"
_DIGEST = "A" * 43


@dataclass(frozen=True, slots=True)
class File:
    """
    What XAA has on file of one person: a title for the story, the question, what is known (elements, national file).

    ``changes`` go over the draft that is the same for all. ``fate`` is what the desks do with the case besides the
    ordinary: ``extend`` (the answer takes longer), ``return``, ``veto`` (a return that is refused), ``freeze``
    (protection comes up later) or ``silence``.
    """

    title: str
    purpose: str
    elements: Mapping[str, Any]
    national: Mapping[str, Any]
    changes: Mapping[str, Any]
    fate: str = ""

    @property
    def called(self) -> str:
        """Return the name as the file has it, given name first."""
        name = self.elements["names"][0]
        return f"{name['given']} {name['family']}"

    def draft(self) -> dict[str, Any]:
        """Return the national record (schema ``case-draft``)."""
        return {
            "to": COUNTRY,
            "purpose": self.purpose,
            "officer": "officer",
            "justification": "The person has no document and asked to have it settled",
            "category": "subject",
            "age": {"class": "adult", "decision": None},
            "asylum": {
                "state": "none",
                "attested_by": "protection",
                "attested_on": "2026-11-12",
                "basis": "counselling record, signed by the person",
            },
            "representative": None,
            "endangerment_check": {"result": "passed", "by": "protection", "on": "2026-11-12"},
            "transfer_ground": {"code": "BINDING_INSTRUMENT", "reference": "Palermo Protocol, Article 8"},
            "consent": None,
            "handling": {"use_restrictions": ["P0", "P1", "P2"], "retain_until": "2027-06-30", "onward": "none"},
            "method_limit": "M0",
            "no_contact_methods": True,
            "claimed_origin": [COUNTRY],
            "elements": dict(self.elements),
            "national": dict(self.national),
            **self.changes,
        }


def named(family: str, given: str, script: str) -> dict[str, Any]:
    """Return a name as a document has it; ``script`` is a language and script such as ``ru-Cyrl``."""
    return {
        "use": "document",
        "family": family,
        "given": given,
        "patronymic": None,
        "full": None,
        "script": script,
        "latin": None,
    }


def born(name: Mapping[str, Any], birth_date: str, unit: str | None, **more: Any) -> dict[str, Any]:
    """Return the elements of one born in XBB, in ``unit``."""
    return {
        "names": [name],
        "birth_date": birth_date,
        "birth_place": {"country": COUNTRY, "unit": unit},
        **more,
    }


def resident(name: Mapping[str, Any], birth_date: str, unit: str, permit: str, entry_date: str) -> dict[str, Any]:
    """Return the elements of one who lived in XBB by a permit."""
    return {
        "names": [name],
        "birth_date": birth_date,
        "last_residence": {"country": COUNTRY, "unit": unit},
        "permit": {"type": "permanent", "number": permit, "as_of": entry_date},
        "entry_date": entry_date,
    }


ILSE = named("Tarrowen", "Ilse", "de-Latn")
MILESTA = named("Зорянова", "Милеста", "ru-Cyrl")
MILESTA_LATIN = named("Zorianova", "Milesta", "ru-Latn")
LUNARA = named("الزمرداوي", "لونارا", "ar-Arab")
TADEJ = named("Korvenna", "Tadej", "sl-Latn")
DARISLAV = named("Велимец", "Дарислав", "ru-Cyrl")
ORSINA = named("Fellbrook", "Orsina", "en-Latn")
HOLLIS = named("Quenby", "Hollis", "en-Latn")
BRENNA = named("Ashmarrow", "Brenna", "en-Latn")
SAFWANA = named("النرجساني", "صفوانة", "ar-Arab")
PERRIN = named("Lødevang", "Perrin", "da-Latn")
IRADA = named("Светозарь", "Ирада", "ru-Cyrl")
MAELIS = named("Dravencourt", "Maëlis", "fr-Latn")
YORO = named("Tamberly", "Yoro", "en-Latn")

FOREIGN_PASSPORT = {"type": "P", "number": "C4471902", "issuer": "XCC"}
OWN_PASSPORT = {"type": "P", "number": "B8830417", "issuer": COUNTRY}
REPRESENTATIVE = "3q2-7wEBAgMEBQYHCAkKCw"

FILES: Sequence[File] = (
    File(
        "an entry like the file",
        NATIONALITY,
        born(ILSE, "1998-03-14", "Vessmar", sex=2, photo={"media_type": "image/jpeg", "sha256": _DIGEST}),
        {"shelter": "House by the mill", "health": "see the physician's letter", "notes": ["first talk"]},
        {"handling": {"use_restrictions": ["P0", "P1", "P2"], "retain_until": "2028-06-30", "onward": "none"}},
        "return",
    ),
    File(
        "a minor, represented; other script",
        NATIONALITY,
        born(MILESTA, "2012-09-02", "Vessmar"),
        {"guardian_contact": "at the youth office", "present_address": "with a foster family"},
        {
            "age": {"class": "minor", "decision": None, "treat_as_child": True},
            "representative": {"ref": REPRESENTATIVE, "appointed_on": "2026-11-10", "signed_by": "welfare"},
        },
        "veto",
    ),
    File(
        "two entries; one more detail",
        NATIONALITY,
        born(LUNARA, "2001-04-XX", "Qasrun", sex=2, mother_given_names="سلمارا", personal_number="204-117-93"),
        {"exploitation": "interview of 3 November", "religion": "as told", "social_media": "an account"},
        {},
    ),
    File(
        "two entries; the document decides",
        NATIONALITY,
        born(TADEJ, "1990-07", "Olmeva", sex=1, document=FOREIGN_PASSPORT, entry_date="2026-02-11"),
        {"recruiter": "named in the file", "debts": "claimed by others"},
        {},
    ),
    File(
        "nationality given up",
        NATIONALITY,
        born(DARISLAV, "1979-12-05", "Olmeva", last_residence={"country": COUNTRY, "unit": "Olmeva"}),
        {"criminal_file": "12 Js 88/26", "statement": "of 4 November"},
        {},
    ),
    File(
        "no entry, which is no 'no'",
        NATIONALITY,
        born(ORSINA, "199X", "Vessmar", father_given_names="Corwin"),
        {"residence_status": "none", "risk_assessment": "see annex"},
        {},
    ),
    File(
        "a volume that was lost",
        NATIONALITY,
        born(HOLLIS, "1988-06", "Hollin Vale", sex=9),
        {"physical_description": "on file", "family_conflict": "on file"},
        {},
        "extend",
    ),
    File(
        "the archive is closed to this request",
        NATIONALITY,
        born(BRENNA, "1961-01-30", "Hollin Vale", personal_number="101-550-08"),
        {"civil_status": "widowed", "compensation": "claimed"},
        {},
    ),
    File(
        "lived there when leaving",
        RESIDENCE,
        resident(SAFWANA, "1985-10-21", "Qasrun", "PR-20417", "2026-05-09")
        | {"birth_place": {"country": "XCC", "unit": None}, "mother_given_names": "ريمارا"},
        {"detention": "until 2 November", "biometrics": "taken nationally"},
        {},
    ),
    File(
        "the permit ended before",
        RESIDENCE,
        resident(PERRIN, "1993-02-08", "Olmeva", "PR-11850", "2026-04-18/2026-04-22"),
        {"ethnicity": "as told", "notes": ["second talk"]},
        {},
    ),
    File(
        "protection comes up later",
        NATIONALITY,
        born(IRADA, "1995-08-17", "Vessmar"),
        {"shelter": "House at the bridge", "risk_assessment": "new since 19 November"},
        {},
        "freeze",
    ),
    File(
        "nobody answers",
        NATIONALITY,
        born(MAELIS, "1999-05-26", "Vessmar", sex=2),
        {"present_address": "in care", "health": "in treatment"},
        {},
        "silence",
    ),
    File(
        "nobody asked about protection yet",
        NATIONALITY,
        born(YORO, "2003-11-11", "Vessmar"),
        {"statement": "not taken yet", "shelter": "House by the mill"},
        {"asylum": {"state": "unknown", "attested_by": None, "attested_on": None, "basis": None}},
    ),
)
"""The cases of the story, in its order."""

REGISTER = Register(
    entries=(
        Entry([ILSE], "1998-03-14", "Vessmar", Standing.NATIONAL, 2, personal_number="198-314-02"),
        Entry([MILESTA_LATIN], "2012-09-02", "Vessmar", Standing.NATIONAL, 2, mother_given_names="Radmila"),
        Entry([LUNARA], "2001-04-03", "Qasrun", Standing.NATIONAL, 2, mother_given_names="نوريدا"),
        Entry([LUNARA], "2001-04-21", "Qasrun", Standing.NATIONAL, 2, mother_given_names="سلمارا"),
        Entry([TADEJ], "1990-07-02", "Olmeva", Standing.NATIONAL, 1, documents=[OWN_PASSPORT]),
        Entry([TADEJ], "1990-07-19", "Olmeva", Standing.FOREIGN, 1, documents=[FOREIGN_PASSPORT]),
        Entry([DARISLAV], "1979-12-05", "Olmeva", Standing.RENOUNCED, 1),
        Entry([BRENNA], "1961-01-30", "Hollin Vale", Standing.NATIONAL, 2, kept=Kept.ARCHIVE),
        Entry(
            [SAFWANA],
            "1985-10-21",
            "Qasrun",
            Standing.FOREIGN,
            2,
            permits=[Permit("PR-20417", date(2011, 3, 1), None)],
        ),
        Entry(
            [PERRIN],
            "1993-02-08",
            "Olmeva",
            Standing.FOREIGN,
            1,
            permits=[Permit("PR-11850", date(2014, 6, 15), date(2025, 12, 31))],
        ),
        Entry([IRADA], "1995-08-17", "Vessmar", Standing.NATIONAL, 2),
        Entry([MAELIS], "1999-05-26", "Vessmar", Standing.NATIONAL, 2),
        Entry([YORO], "2003-11-11", "Vessmar", Standing.NATIONAL, 1),
    ),
    volumes=(
        Volume("Hollin Vale", 1950, 1979, Kept.ARCHIVE),
        Volume("Hollin Vale", 1980, 1992, Kept.LOST),
    ),
)
"""The toy register of XBB."""
