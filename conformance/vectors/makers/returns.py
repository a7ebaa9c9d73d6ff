"""Vectors of the messages of a return and of documents."""

from hashlib import sha256

from conformance.reading import b64u, compact
from conformance.vectors.makers.collector import Collector, Json
from conformance.vectors.makers.minimisation import travel_minimisation
from conformance.vectors.makers.story import ASKED, REQUEST_BODY, SIGNER, fixed, jws, public, with_member

RETURN_HANDLING: Json = {**REQUEST_BODY["handling"], "purpose": "RETURN_ARRANGEMENT"}
TRAVEL_HANDLING: Json = {**REQUEST_BODY["handling"], "purpose": "TRAVEL_DOC"}


def conclusion(kind: str, on: str, expires_on: str, role: str = "welfare") -> Json:
    """Return one positive conclusion."""
    return {"kind": kind, "positive": True, "on": on, "expires_on": expires_on, "signed_by_role": role}


PROPOSAL: Json = {
    "handling": RETURN_HANDLING,
    "reply": b64u(fixed("reply")),
    "represented": True,
    "window": {"from": "2027-02-01", "until": "2027-03-15"},
    "needs": ["INTERPRETER"],
    "consent": {"informed": True, "written": True, "on": "2027-01-11"},
    "conclusions": [
        conclusion("risk", "2027-01-12", "2027-04-12"),
        conclusion("best_interests", "2027-01-14", "2027-04-14"),
        conclusion("family", "2027-01-08", "2027-07-07"),
    ],
    "referral": {"services": ["RECEPTION", "CASE_WORK"], "competence": "CARE"},
}
RECEIVER: Json = {"service": "RECEPTION", "id": "XBB-20", "competence": "RECEPTION"}
ACCEPTANCE: Json = {
    "handling": RETURN_HANDLING,
    "proposal": b64u(sha256(compact(PROPOSAL)).digest()),
    "decision": "accepted",
    "represented": True,
    "reason": None,
    "carer": {"class": "RELATIVE", "ref": b64u(fixed("carer", 16)), "agreed_in_writing_on": "2027-01-18"},
    "service": {"id": "XBB-20", "competence": "CARE"},
    "receiving_services": [RECEIVER],
    "signed_on": "2027-01-20",
    "expires_on": "2027-04-20",
}
REFUSAL: Json = {
    **dict.fromkeys(ACCEPTANCE),
    "handling": RETURN_HANDLING,
    "decision": "refused",
    "represented": True,
    "reason": "NO_CARER",
    "receiving_services": [],
}
TRAVEL_DOCUMENT: Json = {
    "type": "RETURN_DOCUMENT",
    "number_digest": b64u(sha256(fixed("thread", 16) + b"X1234567").digest()),
    "issued_on": "2027-01-28",
    "valid_until": "2027-04-28",
}
SCHEDULE: Json = {
    "handling": RETURN_HANDLING,
    "status": "planned",
    "departs_at": "2027-02-09T08:30:00Z",
    "arrives_at": "2027-02-09T12:10:00Z",
    "point": {"country": "XBB", "unit": "Northtown"},
    "carrier": {"code": "X1", "number": "204"},
    "escort": {"count": 1, "refs": [b64u(fixed("escort", 16))]},
    "medical_needs": [],
}
CANCELLED: Json = {
    **dict.fromkeys(SCHEDULE),
    "handling": RETURN_HANDLING,
    "status": "cancelled",
    "medical_needs": [],
}
RECORD: Json = {
    "at": "2027-02-09T12:40:00Z",
    "place": {"country": "XBB", "unit": "Northtown"},
    "identity_check": "TRAVEL_DOCUMENT",
    "documents": ["TRAVEL_DOCUMENT"],
    "belongings": True,
    "medicines": False,
    "money": True,
    "contact_card": True,
    "services": [RECEIVER],
    "next_appointment": "2027-02-10",
    "discreet": True,
}
STATUS: Json = {"handling": RETURN_HANDLING, "status": "SEEN_SAFE", "on": "2027-02-23", "final": False}
RETURN_BODIES: dict[str, Json] = {
    "return.proposal": PROPOSAL,
    "return.acceptance": ACCEPTANCE,
    "travel-document.request": {
        "handling": TRAVEL_HANDLING,
        "elements": {**REQUEST_BODY["elements"], "sex": 2},
        "needed_by": "2027-02-01",
    },
    "travel-document.issued": {"handling": TRAVEL_HANDLING, "document": TRAVEL_DOCUMENT, "as_of": "2027-01-28"},
    "travel-document.reissue": {
        "handling": TRAVEL_HANDLING,
        "document": {**TRAVEL_DOCUMENT, "number_digest": b64u(sha256(fixed("thread", 16) + b"X1234568").digest())},
        "replaces": TRAVEL_DOCUMENT["number_digest"],
        "as_of": "2027-04-29",
    },
    "return.schedule": SCHEDULE,
    "return.handover": {"handling": RETURN_HANDLING, "protocol": RECORD},
    "return.monitoring": STATUS,
    "return.take-back": {"reason": "WRONG_PERSON", "by": "2027-03-09"},
    "suspension": {"code": "SUSPENDED"},
    "resumption": {"code": "RESUMED"},
}


def returns_file() -> Collector:
    """The messages of a return, their statements, and what else the sides reckon alike."""
    file = Collector("returns", "The messages of a return and of documents (protocol 3.5, 5.10, 6)")
    return_bodies(file)
    return_statements(file)
    thread = b64u(fixed("thread", 16))
    for number in ("X1234567", "X1234568", "\u0410\u0411 123456"):
        digest = b64u(sha256(fixed("thread", 16) + number.encode()).digest())
        file.ok(
            "number-digest",
            f"{number} in the example thread",
            "M-3.13",
            {"thread": thread, "number": number},
            digest=digest,
        )
    other = {"thread": b64u(fixed("other", 16)), "number": "X1234567"}
    digest = b64u(sha256(fixed("other", 16) + b"X1234567").digest())
    file.ok("number-digest", "the same number in another thread", "M-3.13", other, digest=digest)
    leaves = "2027-02-09T08:30:00Z"
    for about, now, at in (
        ("planned long before", "2027-01-29T10:00:00Z", "2027-02-06T08:30:00Z"),
        ("planned 72 h before", "2027-02-06T08:30:00Z", "2027-02-06T08:30:00Z"),
        ("planned later than that", "2027-02-08T07:00:00Z", "2027-02-08T07:00:00Z"),
    ):
        file.ok("leaves-at", about, "M-5.32", {"departs_at": leaves, "now": now}, at=at)
    travel_minimisation(file)
    documents(file)
    return file


def return_bodies(file: Collector) -> None:
    """Add a body of each type, one with a member too many, the other forms, and faults of their own."""

    def given(kind: str, value: Json) -> Json:
        return {"type": kind, "text": compact(value).decode()}

    for kind, value in RETURN_BODIES.items():
        file.ok("body", kind, "M-3.8", given(kind, value))
        file.bad(
            "body", f"{kind} with a member more", "M-3.10", given(kind, {**value, "note": "free text"}), "bad-schema"
        )
    risk, interests, family = PROPOSAL["conclusions"]
    adult = {
        **PROPOSAL,
        "represented": False,
        "conclusions": [conclusion("risk", "2027-01-12", "2027-04-12", "coordinator")],
    }
    by_road = {**SCHEDULE, "status": "departed", "carrier": None}
    agreed = {**STATUS, "status": "CLOSED_AGREED", "final": True}
    for about, cites, kind, value in (
        ("nobody acts for the person", "M-3.11", "return.proposal", adult),
        ("a refusal", "M-3.12", "return.acceptance", REFUSAL),
        ("a cancellation", "M-3.14", "return.schedule", CANCELLED),
        ("departed, without a carrier", "M-3.14", "return.schedule", by_road),
        ("ended in agreement", "M-3.8", "return.monitoring", agreed),
    ):
        file.ok("body", f"{kind}: {about}", cites, given(kind, value))
    negative = {**risk, "positive": False}
    for about, cites, kind, value in (
        ("no conclusion on risk", "M-3.11", "return.proposal", {**adult, "conclusions": [interests]}),
        ("no best interests", "M-3.11", "return.proposal", {**PROPOSAL, "conclusions": [risk, family]}),
        ("no family", "M-3.11", "return.proposal", {**PROPOSAL, "conclusions": [risk, interests]}),
        ("one kind twice", "M-3.11", "return.proposal", {**PROPOSAL, "conclusions": [*PROPOSAL["conclusions"], risk]}),
        ("a conclusion that is negative", "M-3.11", "return.proposal", {**adult, "conclusions": [negative]}),
        ("consent that was only spoken", "M-3.11", "return.proposal", with_member(PROPOSAL, "consent", written=False)),
        ("no reply", "M-3.11", "return.proposal", {**PROPOSAL, "reply": None}),
        ("accepted, and nobody takes the person in", "M-3.12", "return.acceptance", {**ACCEPTANCE, "carer": None}),
        ("accepted, and no service", "M-3.12", "return.acceptance", {**ACCEPTANCE, "receiving_services": []}),
        ("accepted, and no proposal", "M-3.12", "return.acceptance", {**ACCEPTANCE, "proposal": None}),
        ("a carer by name", "M-3.10", "return.acceptance", with_member(ACCEPTANCE, "carer", ref="Ana Testova")),
        ("a refusal with a carer", "M-3.12", "return.acceptance", {**REFUSAL, "carer": ACCEPTANCE["carer"]}),
        ("an escort by name", "M-3.10", "return.schedule", with_member(SCHEDULE, "escort", refs=["B. Escortova"])),
        ("a cancellation with a carrier", "M-3.14", "return.schedule", {**CANCELLED, "carrier": SCHEDULE["carrier"]}),
        ("departed at an unknown time", "M-3.14", "return.schedule", {**by_road, "departs_at": None}),
        (
            "no contact card",
            "M-3.8",
            "return.handover",
            {"handling": RETURN_HANDLING, "protocol": {**RECORD, "contact_card": False}},
        ),
        ("ended in agreement and not final", "M-3.8", "return.monitoring", {**agreed, "final": False}),
        ("a reason", "M-5.33", "suspension", {"code": "SUSPENDED", "reason": "COURT"}),
        ("another code", "M-5.33", "resumption", {"code": "SUSPENDED"}),
    ):
        file.bad("body", f"{kind}: {about}", cites, given(kind, value), "bad-schema")


def return_statements(file: Collector) -> None:
    """Add which statements are due, and the two hands of a handover."""
    adult = {**PROPOSAL, "represented": False}
    for about, kind, value, asking, due in (
        ("a proposal for a represented person", "return.proposal", PROPOSAL, True, ["return.release", "welfare"]),
        ("a proposal for another person", "return.proposal", adult, True, ["return.release", "coordinator"]),
        (
            "an acceptance of somebody represented",
            "return.acceptance",
            ACCEPTANCE,
            False,
            ["return.acceptance", "welfare"],
        ),
        (
            "an acceptance of somebody else",
            "return.acceptance",
            {**ACCEPTANCE, "represented": False},
            False,
            ["return.acceptance", "desk_head"],
        ),
        (
            "the hand that delivers",
            "return.handover",
            RETURN_BODIES["return.handover"],
            True,
            ["handover.delivery", "escort"],
        ),
        (
            "the hand that receives",
            "return.handover",
            RETURN_BODIES["return.handover"],
            False,
            ["handover.receipt", "reception"],
        ),
    ):
        given = {"type": kind, "text": compact(value).decode(), "from_asking": asking}
        file.ok("due-statements", about, "M-6.4", given, statements=[due])
    for kind in ("information.request", "information.answer"):
        given = {"type": kind, "text": "{}", "from_asking": kind.endswith("request")}
        file.ok("due-statements", f"{kind} has its own", "M-6.7", given, statements=[[kind, "information"]])
    refused = {"type": "return.acceptance", "text": compact(REFUSAL).decode(), "from_asking": False}
    file.ok("due-statements", "a refusal needs none", "M-6.4", refused, statements=[])
    for kind, value in RETURN_BODIES.items():
        if kind not in ("return.proposal", "return.acceptance", "return.handover"):
            given = {"type": kind, "text": compact(value).decode(), "from_asking": True}
            file.ok("due-statements", f"{kind} needs none", "M-6.4", given, statements=[])
    digest = b64u(sha256(compact(RETURN_BODIES["return.handover"])).digest())
    thread = b64u(fixed("thread", 16))
    for kind, role, key in (("handover.delivery", "escort", SIGNER), ("handover.receipt", "reception", ASKED)):
        subject = {"thread": thread, "kind": kind, "role": role, "digest": digest}
        base = {**subject, "public": public(key).hex(), "now": "2027-02-09T12:45:00Z"}
        claims = {"v": 1, "thread": thread, "statement": kind, "role": role, "digest": digest}
        until = {"valid_until": "2027-02-10T00:00:00Z"}
        text = jws(compact({**claims, **until}), "xg1-statement+jws", key)
        file.ok("statement", f"{kind} over the record", "M-6.4 M-6.6", {**base, "statement": text})
        other = {**claims, "digest": b64u(fixed("another record")), **until}
        wrong = {**base, "statement": jws(compact(other), "xg1-statement+jws", key)}
        file.bad("statement", f"{kind} over another record", "M-6.6", wrong, "bad-statement")


def documents(file: Collector) -> None:
    """Add the question whether a document is authentic, and its answers."""
    handling = {**REQUEST_BODY["handling"], "purpose": "DOC_AUTHENTICITY"}
    document = {"document": {"type": "P", "number": "X1234567", "issuer": "XBB"}}
    question = {**REQUEST_BODY, "handling": handling, "elements": document}
    answer: Json = {
        "handling": handling,
        "outcome": "DOC_AUTHENTIC",
        "reason": None,
        "as_of": "2026-12-03",
        "method_used": ["PASSPORT_REGISTER"],
        "match_basis": ["DOCNO"],
        "confidence": "HIGH",
        "signed_by_role": "REGISTRAR",
        "valid_until": None,
    }
    altered = {**answer, "outcome": "DOC_NOT_AUTHENTIC", "reason": "DOCUMENT_ALTERED", "match_basis": []}
    ask, say = "verification.request", "verification.reply"
    for about, kind, value in (
        ("about a document", ask, question),
        ("the document is authentic", say, answer),
        ("the document is altered", say, altered),
    ):
        file.ok("body", f"{kind}: {about}", "M-3.8", {"type": kind, "text": compact(value).decode()})
    for about, value in (
        ("altered, and no reason", {**altered, "reason": None}),
        ("a reason that is about a person", {**altered, "reason": "CITIZENSHIP_LOST"}),
        ("authentic on no basis", {**answer, "match_basis": []}),
        ("authentic by no method", {**answer, "method_used": []}),
    ):
        file.bad("body", f"{say}: {about}", "M-3.8", {"type": say, "text": compact(value).decode()}, "bad-schema")
    for about, value, due in (
        ("an authentic document needs one signer", answer, []),
        ("a document that is not authentic needs a second", altered, [["reply.second-signature", "second_signer"]]),
    ):
        given = {"type": say, "text": compact(value).decode(), "from_asking": False}
        file.ok("due-statements", about, "M-6.1", given, statements=due)
