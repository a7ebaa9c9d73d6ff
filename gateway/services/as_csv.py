"""Rows as CSV (RFC 4180), in which no cell is a formula."""

import csv
import io
from collections.abc import Sequence
from datetime import date
from typing import Any

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_line(values: Sequence[Any]) -> str:
    """
    Return one line of CSV.

    A cell that a spreadsheet would take for a formula begins with an apostrophe, which spreadsheets show as text.
    """
    made = io.StringIO()
    csv.writer(made).writerow([_cell(value) for value in values])
    return made.getvalue()


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return value
    text = value.isoformat() if isinstance(value, date) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
