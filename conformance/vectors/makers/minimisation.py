"""Vectors of the matrix that says which element may travel for which purpose."""

from conformance.vectors.makers.collector import Collector
from schemas import load_matrix


def minimisation_file() -> Collector:
    """Every cell of the matrix for the two questions of this version, in a first request and in an answer."""
    file = Collector("minimisation", "Which element may travel for which purpose: every cell of schemas/matrix.json")
    rows = load_matrix()["elements"]
    for purpose in ("NATIONALITY", "PERM_RESIDENCE"):
        for row in rows:
            need, element = row["purposes"][purpose], row["element"]
            for member in row["members"]:
                first = {"purpose": purpose, "members": [member], "asked": None}
                unasked = {**first, "asked": [next(r["element"] for r in rows if r is not row)]}
                verdicts = (
                    (first, "in the first request", need == "required"),
                    ({**first, "asked": [element]}, "asked for", need != "forbidden"),
                    (unasked, "where another element was asked for", False),
                )
                for given, where, allowed in verdicts:
                    about = f"{member} for {purpose} ({need}), {where}"
                    if allowed:
                        file.ok("minimise", about, "M-5.1", given)
                    else:
                        file.bad("minimise", about, "M-5.1", given, "not-minimised")
    needed = ["names", "birth_date", "birth_place"]
    whole = {"purpose": "NATIONALITY", "members": needed, "asked": None}
    file.ok("minimise", "all that a question of nationality needs", "M-5.1", whole)
    for about, change in (
        ("one element too many", {"members": [*needed, "sex"]}),
        ("an element nobody knows", {"members": [*needed, "religion"]}),
        ("a purpose nobody knows", {"purpose": "ENFORCEMENT"}),
        ("one asked for and one not", {"members": ["sex", "document"], "asked": ["SEX"]}),
    ):
        file.bad("minimise", about, "M-5.1", {**whole, **change}, "not-minimised")
    both = {"purpose": "NATIONALITY", "members": ["mother_given_names", "sex"], "asked": ["SEX", "PARENT_NAMES"]}
    file.ok("minimise", "two elements asked for, one of them in part", "M-5.1", both)
    return file


def travel_minimisation(file: Collector) -> None:
    """Add every cell of the matrix for a travel document, a return and a document, in the message that carries it."""
    for purpose in ("TRAVEL_DOC", "RETURN_ARRANGEMENT", "DOC_AUTHENTICITY"):
        for row in load_matrix()["elements"]:
            for member in row["members"]:
                need = row["purposes"][purpose]
                given = {"purpose": purpose, "members": [member], "asked": None}
                if need == "required":
                    file.ok("minimise", f"{member} for {purpose} ({need})", "M-5.1", given)
                else:
                    file.bad("minimise", f"{member} for {purpose} ({need})", "M-5.1", given, "not-minimised")
