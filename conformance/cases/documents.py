"""Section 3.5: dates that are known in part, in the one form that two States can compare."""

from conformance.play import Play
from conformance.reading import Json
from conformance.registry import case

KNOWN = {
    "day": "2001-04-12",
    "month": "2001-04",
    "year": "2001",
    "day-unknown": "2001-04-XX",
    "all-but-the-year-unknown": "2001-XX-XX",
    "month-unknown": "2001-XX",
    "decade": "200X",
    "century": "19XX",
    "uncertain": "2001?",
    "approximate": "2001-04~",
    "both": "2001-04-12%",
    "interval": "2000-12/2001-04",
    "interval-of-doubts": "2000~/2001-04-12?",
    "leap-day": "2000-02-29",
}


def _born(play: Play, text: str) -> Json:
    value = play.a.question()
    return value | {"elements": value["elements"] | {"birth_date": text}}


@case("documents.dates", "M-3.9", section="3.5", inputs=KNOWN, positive=True)
async def dates(play: Play, text: str) -> None:
    """
    A date in EDTF level 1 is taken as it stands, however little of it is known.

    A gateway that wants a whole date makes its partner invent a birthday.
    """
    await play.accepted(play.message(body=_born(play, text)))


WRONG = {
    "month-13": "2001-13",
    "month-0": "2001-00",
    "day-32": "2001-01-32",
    "30-february": "2001-02-30",
    "no-leap-year": "1900-02-29",
    "season": "2001-21",
    "day-of-an-unknown-month": "2001-XX-12",
    "month-of-an-unknown-year": "200X-04",
    "digit-known-after-an-unknown": "2X01",
    "one-digit": "2001-4-1",
    "old-draft": "2001-uu",
    "open": "2001/..",
    "unknown-end": "/2001",
    "backwards": "2002/2001",
    "three-ends": "2000/2001/2002",
    "before-our-time": "-0044",
    "five-digits": "Y12001",
    "qualifier-first": "?2001",
    "two-qualifiers": "2001?~",
    "another-order": "12-04-2001",
    "slashes": "12/04/2001",
    "time": "2001-04-12T00:00:00Z",
    "empty": "",
    "space": "2001 ",
    "arabic-digits": "٢٠٠١",
}


@case("documents.no-dates", "M-3.9", section="3.5", inputs=WRONG)
async def no_dates(play: Play, text: str) -> None:
    """
    A text that is no date in EDTF level 1, or no day of the calendar, is `bad-schema`.

    A gateway that guesses what was meant looks for another person than was asked about.
    """
    await play.refused(play.message(body=_born(play, text)), "bad-schema")


ENTRIES = {"30-february": "2024-02-30", "backwards": "2024-08-14/2024-08-01", "season": "2024-22"}


@case("documents.entry-dates", "M-3.9", section="3.5", inputs=ENTRIES)
async def entry_dates(play: Play, text: str) -> None:
    """
    The day of entry, and the day on which a permit was valid, are dates of the same form.

    A gateway that checks the birthday alone answers about a day that never was.
    """
    value = play.a.question("permanent-residence")
    elements = value["elements"]
    await play.refused(play.message(body=value | {"elements": elements | {"entry_date": text}}), "bad-schema")
    permit = elements["permit"] | {"as_of": text}
    await play.refused(play.message(body=value | {"elements": elements | {"permit": permit}}), "bad-schema")
    await play.accepted(play.message(body=value))


NAMES = {
    "control": "Iva\u0007nova",
    "right-to-left-override": "Iva\u202enova",
    "zero-width": "Iva\u200bnova",
    "joiner": "Iva\u200dnova",
    "non-joiner-of-arabic-letters": "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627",
    "variation-selector-of-plane-14": "Iva\U000e0100nova",
    "filler-of-a-small-script": "Iva\U00016fe4nova",
    "blank-of-braille": "Iva\u2800nova",
    "line-feed": "Iva\nnova",
    "space-at-the-end": "Ivanova ",
}


@case("documents.names", "M-3.8", section="3.5", inputs=NAMES, level="SHOULD")
async def names(play: Play, text: str) -> None:
    """
    A name with characters that do not show is `bad-schema`.

    A gateway that takes it shows its officer one name and looks for another.
    """
    value = play.a.question()
    rows = [value["elements"]["names"][0] | {"family": text}]
    await play.refused(play.message(body=value | {"elements": value["elements"] | {"names": rows}}), "bad-schema")
