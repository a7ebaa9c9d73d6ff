"""Vectors of what a reply must fit: its question, its reason, the methods allowed."""

from typing import Any

from conformance.reading import compact
from conformance.vectors.makers.collector import Collector, Json
from conformance.vectors.makers.story import NOW, REQUEST_BODY

REASONS: dict[str, tuple[str, ...]] = {
    "NOT_NATIONAL": (
        "DIFFERENT_PERSON_MATCHED",
        "CITIZENSHIP_RENOUNCED",
        "CITIZENSHIP_LOST",
        "DOCUMENT_NOT_ISSUED_BY_US",
    ),
    "FORMER_NATIONAL": ("CITIZENSHIP_RENOUNCED", "CITIZENSHIP_LOST"),
    "NO_PR_AT_DATE": ("DIFFERENT_PERSON_MATCHED", "PR_EXPIRED_BEFORE_DATE", "PR_GRANTED_AFTER_DATE"),
    "DOC_NOT_AUTHENTIC": ("DOCUMENT_NOT_ISSUED_BY_US", "DOCUMENT_ALTERED"),
    "CANNOT_SAY": ("REGISTER_INCOMPLETE",),
    "REFUSED": ("NOT_COMPETENT",),
}
SECOND = ("NOT_NATIONAL", "FORMER_NATIONAL", "NO_PR_AT_DATE", "DOC_NOT_AUTHENTIC", "NOT_FOUND", "REFUSED")
EVERY_REASON = tuple(dict.fromkeys(reason for reasons in REASONS.values() for reason in reasons))
QUESTIONS = {
    "NATIONALITY": ("NATIONAL", "NOT_NATIONAL", "FORMER_NATIONAL"),
    "PERM_RESIDENCE": ("PR_AT_DATE", "NO_PR_AT_DATE"),
    "DOC_AUTHENTICITY": ("DOC_AUTHENTIC", "DOC_NOT_AUTHENTIC"),
}
WAYS = (
    ("POPULATION_REGISTER", "PASSPORT_REGISTER", "PERMIT_REGISTER"),
    ("CIVIL_STATUS_ARCHIVE",),
    ("CONSULAR_INTERVIEW",),
    ("SOCIAL_ENQUIRY",),
)


def reply_to(purpose: str, outcome: str, **changes: Any) -> Json:
    """Return a reply with ``outcome`` that fits together, with members changed."""
    found = outcome not in ("NOT_FOUND", "CANNOT_SAY", "REFUSED")
    value: Json = {
        "handling": {**REQUEST_BODY["handling"], "purpose": purpose},
        "outcome": outcome,
        "reason": REASONS[outcome][0] if outcome in REASONS else None,
        "as_of": "2026-12-01",
        "method_used": ["POPULATION_REGISTER"],
        "match_basis": ["DOCNO"] if found else [],
        "confidence": "HIGH" if found else "NONE",
        "signed_by_role": "REGISTRAR",
        "valid_until": None,
    }
    return {**value, **changes}


def replies(file: Collector) -> None:
    """Add every outcome to every question, every reason with every outcome, every method under every limit."""

    def add(about: str, value: Json, code: str | None, purpose: str = "NATIONALITY", **question: Any) -> None:
        asked = {"purpose": purpose, "method_limit": "M0", "no_contact_methods": False, **question}
        given = {"question": asked, "text": compact(value).decode(), "now": NOW}
        if code is None:
            file.ok("reply", about, "M-3.8 M-5.30", given)
        else:
            file.bad("reply", about, "M-3.8 M-5.30", given, code)

    each = ("NOT_FOUND", "CANNOT_SAY", "REFUSED")
    home = {outcome: purpose for purpose, outcomes in QUESTIONS.items() for outcome in outcomes}
    for purpose in QUESTIONS:
        for outcome in (*home, *each):
            fits = outcome in each or home[outcome] == purpose
            add(f"{outcome} to {purpose}", reply_to(purpose, outcome), None if fits else "illegal-step", purpose)
    for outcome, reasons in REASONS.items():
        purpose = home.get(outcome, "NATIONALITY")
        for reason in EVERY_REASON:
            value = reply_to(purpose, outcome, reason=reason)
            add(f"{outcome} because of {reason}", value, None if reason in reasons else "bad-schema", purpose)
    for outcome in ("NATIONAL", "NOT_FOUND"):
        add(f"{outcome} with a reason", reply_to("NATIONALITY", outcome, reason="CITIZENSHIP_LOST"), "bad-schema")
    for rank, ways in enumerate(WAYS):
        for way in ways:
            value = reply_to("NATIONALITY", "NATIONAL", method_used=[way])
            for limit in range(4):
                code = None if rank <= limit else "illegal-step"
                add(f"{way} under M{limit}", value, code, method_limit=f"M{limit}")
            code = None if rank < 2 else "illegal-step"
            add(f"{way}, and nobody may be asked", value, code, method_limit="M3", no_contact_methods=True)
    ended = {"handling": {**REQUEST_BODY["handling"], "retain_until": NOW[:10]}}
    for about, value, code in (
        ("not national, and nothing matched", reply_to("NATIONALITY", "NOT_NATIONAL", match_basis=[]), "illegal-step"),
        (
            "former national, and nothing matched",
            reply_to("NATIONALITY", "FORMER_NATIONAL", match_basis=[]),
            "illegal-step",
        ),
        (
            "not found, and something matched",
            reply_to("NATIONALITY", "NOT_FOUND", match_basis=["DOCNO"]),
            "illegal-step",
        ),
        ("national, by no method", reply_to("NATIONALITY", "NATIONAL", method_used=[]), "illegal-step"),
        ("not found, by no method", reply_to("NATIONALITY", "NOT_FOUND", method_used=[]), "illegal-step"),
        ("refused, by no method", reply_to("NATIONALITY", "REFUSED", method_used=[]), None),
        ("nothing can be said, by no method", reply_to("NATIONALITY", "CANNOT_SAY", method_used=[]), None),
        ("conditions that end today", reply_to("NATIONALITY", "NATIONAL", **ended), "illegal-step"),
        ("conditions for another purpose", reply_to("PERM_RESIDENCE", "NATIONAL"), "illegal-step"),
    ):
        add(about, value, code)
    for outcome in (*home, *each):
        due = [["reply.second-signature", "second_signer"]] if outcome in SECOND else []
        value = reply_to(home.get(outcome, "NATIONALITY"), outcome)
        asked = {"type": "verification.reply", "text": compact(value).decode(), "from_asking": False}
        file.ok("due-statements", f"{outcome}: {'a second' if due else 'one signer'}", "M-6.1", asked, statements=due)
