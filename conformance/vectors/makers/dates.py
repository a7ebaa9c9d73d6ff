"""Vectors of deadlines, uncertain dates and check digits."""

from functools import partial
from typing import Any

from conformance.vectors.makers.collector import Collector

DAY, WORK, WERKTAG, MONTH = "calendar_day", "working_day", "werktag", "month"
AT_HOLIDAYS = ["2026-12-08", "2026-12-25", "2026-12-26", "2027-01-01", "2027-01-06"]


def dates_file() -> Collector:
    """Deadlines, uncertain dates, document numbers."""
    file = Collector("dates", "Reckoning of days; uncertain dates (EDTF level 1); check digits (ICAO 9303)")
    periods(file)
    uncertain_dates(file)
    check_digits(file)
    weekly_rest(file)
    extensions(file)
    full_hours(file)
    return file


def add_due(file: Collector, about: str, n: int, unit: str, start_on: str, due_on: str, **more: Any) -> None:
    """Add the due day of ``n`` times ``unit`` from ``start_on``; ``more`` changes the rule."""
    rule = {"n": n, "unit": unit, "roll": "none", "holidays": AT_HOLIDAYS}
    file.ok("due", about, "M-5.14", {**rule, "start_on": start_on, **more}, due_on=due_on)


def periods(file: Collector) -> None:
    """Add periods in each unit, over holidays and the ends of months."""
    due = partial(add_due, file)
    due("10 days, and no rule that moves a holiday", 10, DAY, "2026-12-15", "2026-12-25")
    due("10 days, moved to the next working day", 10, DAY, "2026-12-15", "2026-12-28", roll="next_working")
    due("6 days more, from the old due day", 6, DAY, "2026-12-25", "2026-12-31")
    due("3 working days over holidays", 3, WORK, "2026-12-24", "2026-12-30")
    due("3 working days, no holidays known", 3, WORK, "2026-12-24", "2026-12-29", holidays=[])
    due("14 Werktage, Saturday counts", 14, WERKTAG, "2026-12-21", "2027-01-11")
    due("14 working days from the same day, Saturday does not", 14, WORK, "2026-12-21", "2027-01-13")
    due("10 days from the application", 10, DAY, "2026-12-01", "2026-12-11")
    due("25 days from the notice, which comes later", 25, DAY, "2026-12-09", "2027-01-03")
    due("3 months into a short month", 3, MONTH, "2026-11-30", "2027-02-28")
    due("3 months into a leap year", 3, MONTH, "2027-11-29", "2028-02-29")
    due("14 days, the soft limit", 14, DAY, "2027-01-29", "2027-02-12")
    due("30 days, the hard limit", 30, DAY, "2027-01-29", "2027-02-28")
    due("4 months from the end of a month", 4, MONTH, "2026-10-31", "2027-02-28")
    due("6 months from the end of a month", 6, MONTH, "2026-08-31", "2027-02-28")
    due("90 days of validity", 90, DAY, "2026-12-01", "2027-03-01")
    due("14 days after that", 14, DAY, "2027-03-01", "2027-03-15")
    due("30 days that must pass first", 30, DAY, "2026-11-24", "2026-12-24")
    due("11 working days, no holidays known", 11, WORK, "2026-12-18", "2027-01-04", holidays=[])
    due("11 working days over holidays", 11, WORK, "2026-12-18", "2027-01-07")


def uncertain_dates(file: Collector) -> None:
    """Add dates of which only a part is known, and texts that are no date."""
    for text, lower, upper in (
        ("2001-04-12", "2001-04-12", "2001-04-12"),
        ("2001-04", "2001-04-01", "2001-04-30"),
        ("2001", "2001-01-01", "2001-12-31"),
        ("2001-04-XX", "2001-04-01", "2001-04-30"),
        ("2001-XX", "2001-01-01", "2001-12-31"),
        ("2001-XX-XX", "2001-01-01", "2001-12-31"),
        ("2000-02", "2000-02-01", "2000-02-29"),
        ("1900-02", "1900-02-01", "1900-02-28"),
        ("200X", "2000-01-01", "2009-12-31"),
        ("19XX", "1900-01-01", "1999-12-31"),
        ("1998~", "1998-01-01", "1998-12-31"),
        ("2009-04?", "2009-04-01", "2009-04-30"),
        ("2009-04-01%", "2009-04-01", "2009-04-01"),
        ("2006/2008", "2006-01-01", "2008-12-31"),
        ("2006-05-10/2006-05-20", "2006-05-10", "2006-05-20"),
    ):
        file.ok("edtf", f"{text} lies between {lower} and {upper}", "M-3.9", {"text": text}, lower=lower, upper=upper)
    for text in (
        "",
        "98",
        "1998-uu",
        "2001-13",
        "2001-02-30",
        "1900-02-29",
        "2008/2006",
        "2001-4",
        "12.04.2001",
        "2001-04-12T00:00",
        "2001-04-12\n",
    ):
        file.bad("edtf", f"{text!r} is no such date", "M-3.9", {"text": text})


def check_digits(file: Collector) -> None:
    """Add numbers of documents with their digit."""
    for text, digit in (
        ("L898902C3", "6"),
        ("740812", "2"),
        ("120415", "9"),
        ("ZE184226B<<<<<", "1"),
        ("D23145890", "7"),
        ("AB2134<<<", "5"),
        ("520727", "3"),
    ):
        file.ok("check-digit", f"{text} has the digit {digit}", "M-3.9", {"text": text}, digit=digit)
    for text in ("ab2134", "AB 2134", "AB-2134", "\u0410\u0411"):
        file.bad("check-digit", f"{text!r} is outside the alphabet", "M-3.9", {"text": text})


def weekly_rest(file: Collector) -> None:
    """Add periods where other days than Saturday and Sunday are for rest."""
    due = partial(add_due, file)
    friday = {"weekend": [4, 5], "holidays": ["2026-12-09"]}
    due("5 working days, rest on Friday and Saturday", 5, WORK, "2026-12-03", "2026-12-13", **friday)
    due("5 Werktage, rest on Friday and Saturday: Saturday counts", 5, WERKTAG, "2026-12-03", "2026-12-10", **friday)
    due("5 Werktage, no weekly rest day", 5, WERKTAG, "2026-12-03", "2026-12-08", weekend=[], holidays=[])
    due("8 days, moved past Friday and Saturday", 8, DAY, "2026-12-03", "2026-12-13", roll="next_working", **friday)
    due("2 Werktage from Thursday, moved from Saturday", 2, WERKTAG, "2026-12-10", "2026-12-14", roll="next_working")
    sunday: dict[str, list[Any]] = {"weekend": [6], "holidays": []}
    due("2 days, no rest on Saturday: not moved", 2, DAY, "2026-12-10", "2026-12-12", roll="next_working", **sunday)


def extensions(file: Collector) -> None:
    """Add what an extension adds, and extensions that are none."""
    for about, n, unit, due_on, n_more, max_total, already, after, added in (
        ("10 more of 20 in all", 10, WORK, "2026-12-09", 10, 20, [], "2026-12-23", 10),
        ("once where nothing says how much in all", 10, WORK, "2026-12-09", 10, None, [], "2026-12-23", 10),
        ("what is left of 15 in all", 10, WORK, "2026-12-09", 10, 15, [], "2026-12-16", 5),
        ("a second one, what is left of 15 in all", 10, WORK, "2026-12-11", 3, 15, [3], "2026-12-15", 2),
        ("a month, from the last day of one", 1, MONTH, "2027-01-31", 1, 2, [], "2027-02-28", 1),
    ):
        given = {"n": n, "unit": unit, "roll": "none", "holidays": AT_HOLIDAYS, "start_on": "2026-11-25"}
        given |= {"due_on": due_on, "already": already, "extension": {"n": n_more, "max_total": max_total}}
        file.ok("extend", about, "M-5.14", given, due_on=after, added=added)
    for about, max_total, already in (("a second one of one", None, [10]), ("nothing is left of 20 in all", 20, [10])):
        given = {**given, "n": 10, "unit": WORK, "already": already, "extension": {"n": 10, "max_total": max_total}}
        file.bad("extend", about, "M-5.14", given)


def full_hours(file: Collector) -> None:
    """Add when a withdrawal leaves."""
    for now, at in (
        ("2026-12-01T09:00:00Z", "2026-12-01T10:00:00Z"),
        ("2026-12-01T09:00:01Z", "2026-12-01T10:00:00Z"),
        ("2026-12-01T09:59:59Z", "2026-12-01T10:00:00Z"),
        ("2026-12-31T23:30:00Z", "2027-01-01T00:00:00Z"),
    ):
        file.ok("withdrawal-leaves", f"decided at {now[11:19]}", "M-5.26", {"now": now}, at=at)
