"""Vectors of everything that is neither asked nor answered about a person at first."""

from hashlib import sha256

from conformance.reading import b64u, compact
from conformance.vectors.makers.collector import Collector, Json
from conformance.vectors.makers.replies import replies
from conformance.vectors.makers.story import REQUEST_BODY, fixed

DIRECTORY: Json = {
    "serial": 1,
    "valid_from": "2026-12-01",
    "authorities": [
        {"id": "XAA-01", "name": "Register", "tasks": ["NATIONALITY"], "from": "2026-11-01", "until": None},
        {
            "id": "XAA-02",
            "name": "Passports",
            "tasks": ["DOC_AUTHENTICITY"],
            "from": "2026-11-01",
            "until": "2027-12-31",
        },
    ],
    "officers": [
        {
            "id": b64u(fixed("officer", 16)),
            "authority": "XAA-02",
            "tasks": ["NATIONALITY", "PERM_RESIDENCE"],
            "from": "2026-11-01",
            "until": None,
        }
    ],
}
TOPICS_HANDLING: Json = {
    "purpose": "DOCUMENT_ROUTES",
    "use_restrictions": ["P0"],
    "retain_until": "2027-06-01",
    "onward": "none",
}
PERIOD: Json = {"from": "2026-01", "until": "2026-06"}
INTERVIEW: Json = {
    "mode": "VIDEO",
    "place": "REMOTE",
    "present": ["REPRESENTATIVE", "INTERPRETER", "CONSULAR_OFFICER"],
    "questions": "IDENTITY_ONLY",
    "from": "2026-12-07",
    "until": "2026-12-18",
}
OTHER_BODIES: dict[str, Json] = {
    "use-report.request": {"number": 1},
    "use-report.answer": {
        "number": 1,
        "held": True,
        "restrictions_kept": True,
        "uses": [{"purpose": "NATIONALITY", "recipient": "REGISTRY", "on": "2026-12-02"}],
    },
    "onward.request": {"number": 1, "purpose": "TRAVEL_DOC", "recipient": "CONSULATE"},
    "onward.answer": {"number": 1, "decision": "GRANTED", "until": "2027-03-01"},
    "rectification": {
        "number": 1,
        "parts": ["BIRTH_DATE"],
        "handling": REQUEST_BODY["handling"],
        "elements": {"birth_date": "2001-05-XX"},
    },
    "erasure": {"number": 1},
    "confirmation": {"number": 1, "act": "ERASURE", "result": "DONE"},
    "verification.redirect": {"authority": {"id": "XBB-02"}, "reason": "OTHER_TASK"},
    "verification.interview": INTERVIEW,
    "verification.interview-answer": {"decision": "ACCEPTED", "present": ["LAWYER"], "on": "2026-12-10"},
    "verification.interview-result": {
        "result": "HELD",
        "on": "2026-12-10",
        "outcome": "SUPPORTS",
        "present": ["LAWYER", "CONSULAR_OFFICER"],
    },
    "information.request": {"handling": TOPICS_HANDLING, "topics": ["DOCUMENT_TYPES"], "period": PERIOD},
    "information.answer": {
        "handling": TOPICS_HANDLING,
        "period": PERIOD,
        "documents": [{"type": "P", "issuer": "XAA", "finding": "ALTERED", "count": "FROM_20"}],
        "means": [{"means": "ROAD", "count": "FROM_100"}],
        "routes": [{"from": "XAA", "via": ["XCC"], "to": "XBB", "means": "ROAD", "count": "UNDER_20"}],
    },
    "directory": DIRECTORY,
    "exercise": {"of": "verification.contest", "body": {"ground": "NEW_ELEMENT"}},
}


def others_file() -> Collector:
    """Everything that is neither asked nor answered about a person at first, and what a reply must fit."""
    file = Collector(
        "others", "Notices, interviews, redirects, information, directories, exercises (protocol 3.5, 5.11)"
    )

    def given(kind: str, value: Json) -> Json:
        return {"type": kind, "text": compact(value).decode()}

    for kind, value in OTHER_BODIES.items():
        file.ok("body", kind, "M-3.8", given(kind, value))
        more = {**value, "note": "free text"}
        file.bad("body", f"{kind} with a member more", "M-3.8", given(kind, more), "bad-schema")
        due = [[kind, "information"]] if kind.startswith("information.") else []
        asked = {**given(kind, value), "from_asking": True}
        file.ok(
            "due-statements", f"{kind} carries {'its own' if due else 'none'}", "M-6.2 M-6.7", asked, statements=due
        )
    other_forms(file)
    other_faults(file)
    directories(file)
    exercises(file)
    replies(file)
    return file


def other_forms(file: Collector) -> None:
    """Add the other forms that these bodies have."""
    body = OTHER_BODIES
    taken_back = {"number": 2, "parts": ["REPLY"], "handling": None, "elements": None}
    not_held: Json = {"result": "NOT_HELD", "on": "2026-12-10", "outcome": None, "present": []}
    for about, cites, kind, value in (
        ("nothing is held any more", "M-3.8", "use-report.answer", {**body["use-report.answer"], "held": False}),
        ("no use at all", "M-3.8", "use-report.answer", {**body["use-report.answer"], "uses": []}),
        ("no", "M-3.19", "onward.answer", {"number": 1, "decision": "REFUSED", "until": None}),
        ("the reply was wrong", "M-3.20", "rectification", taken_back),
        ("parts are destroyed", "M-3.20", "rectification", {**taken_back, "parts": ["NAMES", "SEX"]}),
        ("there was nothing", "M-5.31", "confirmation", {"number": 1, "act": "RECTIFICATION", "result": "NOT_HELD"}),
        ("no", "M-3.17", "verification.interview-answer", {"decision": "DECLINED", "present": [], "on": None}),
        ("it was not held", "M-3.18", "verification.interview-result", not_held),
    ):
        file.ok("body", f"{kind}: {about}", cites, {"type": kind, "text": compact(value).decode()})


def other_faults(file: Collector) -> None:
    """Add a fault of its own for each of these bodies."""
    body = OTHER_BODIES
    use = {"purpose": "NATIONALITY", "recipient": "REGISTRY"}
    values = body["rectification"]
    agreed, held = body["verification.interview-answer"], body["verification.interview-result"]
    question, told = body["information.request"], body["information.answer"]
    for about, cites, kind, value in (
        ("number 0", "M-3.8", "use-report.request", {"number": 0}),
        ("a use without its day", "M-3.8", "use-report.answer", {**body["use-report.answer"], "uses": [use]}),
        ("a purpose nobody knows", "M-3.19", "onward.request", {**body["onward.request"], "purpose": "ANY"}),
        ("a grant without an end", "M-3.19", "onward.answer", {**body["onward.answer"], "until": None}),
        ("a refusal with an end", "M-3.19", "onward.answer", {**body["onward.answer"], "decision": "REFUSED"}),
        ("no part", "M-3.20", "rectification", {**values, "parts": []}),
        ("values without conditions", "M-3.20", "rectification", {**values, "handling": None}),
        ("conditions without values", "M-3.20", "rectification", {**values, "elements": None}),
        ("a reason", "M-3.8", "erasure", {"number": 1, "reason": "UNLAWFUL"}),
        ("an act nobody knows", "M-3.21", "confirmation", {**body["confirmation"], "act": "BLOCKING"}),
        ("done in part", "M-3.21", "confirmation", {**body["confirmation"], "result": "PARTLY"}),
        ("no authority", "M-3.8", "verification.redirect", {**body["verification.redirect"], "authority": None}),
        ("an address", "M-3.8", "verification.interview", {**INTERVIEW, "place": "Main Street 1, Northtown"}),
        ("nobody else is there", "M-3.8", "verification.interview", {**INTERVIEW, "present": []}),
        ("nobody for the person", "M-3.17", "verification.interview-answer", {**agreed, "present": ["INTERPRETER"]}),
        ("agreed for no day", "M-3.17", "verification.interview-answer", {**agreed, "on": None}),
        ("declined, with a day", "M-3.17", "verification.interview-answer", {**agreed, "decision": "DECLINED"}),
        ("held, and no outcome", "M-3.18", "verification.interview-result", {**held, "outcome": None}),
        ("not held, and an outcome", "M-3.18", "verification.interview-result", {**held, "result": "NOT_HELD"}),
        ("no topic", "M-3.8", "information.request", {**question, "topics": []}),
        ("days for months", "M-3.8", "information.request", {**question, "period": {**PERIOD, "from": "2026-01-01"}}),
        ("an exact number", "M-3.8", "information.answer", {**told, "means": [{"means": "ROAD", "count": 23}]}),
        ("a type that has no thread", "M-5.37", "exercise", {"of": "collect", "body": {"max": 8}}),
        ("an exercise of an exercise", "M-5.37", "exercise", {"of": "exercise", "body": body["exercise"]}),
        ("of information", "M-5.37", "exercise", {"of": "information.request", "body": question}),
    ):
        file.bad("body", f"{kind}: {about}", cites, {"type": kind, "text": compact(value).decode()}, "bad-schema")


def directories(file: Collector) -> None:
    """Add what a directory says of its own State, beyond its schema."""
    first, second = DIRECTORY["authorities"]
    officer = DIRECTORY["officers"][0]
    good = {"from": "XAA", "text": compact(DIRECTORY).decode()}
    file.ok("directory", "of XAA, by XAA", "M-3.22", good)
    alone = {**DIRECTORY, "serial": 9, "authorities": [second]}
    file.ok("directory", "one authority", "M-3.22", {**good, "text": compact(alone).decode()})
    file.bad("directory", "of XAA, by XBB", "M-3.22", {**good, "from": "XBB"}, "bad-schema")
    for about, changes in (
        ("an authority twice", {"authorities": [first, second, {**first, "tasks": ["PERM_RESIDENCE"]}]}),
        ("an authority of another State", {"authorities": [first, second, {**first, "id": "XBB-01"}]}),
        ("an officer of an authority that is not listed", {"officers": [{**officer, "authority": "XAA-03"}]}),
        ("no authority", {"authorities": [], "officers": []}),
        ("an officer by name", {"officers": [{**officer, "id": "B. Officerova"}]}),
    ):
        text = compact({**DIRECTORY, **changes}).decode()
        file.bad("directory", about, "M-3.22", {**good, "text": text}, "bad-schema")


def exercises(file: Collector) -> None:
    """Add the one form of an exercise, and what is digested in it."""
    inner = '{"ground" : "NEW_ELEMENT"}'
    for about, kind, text in (
        ("a contest", "verification.contest", '{"ground":"NEW_ELEMENT"}'),
        ("white space inside the inner body is the sender's", "verification.contest", inner),
        ("a request", "verification.request", compact(REQUEST_BODY).decode()),
    ):
        found = {"of": kind, "body_digest": b64u(sha256(text.encode()).digest())}
        file.ok("exercise", about, "M-5.37", {"text": f'{{"of":"{kind}","body":{text}}}'}, **found)
    for about, text in (
        ("white space before the inner body", f'{{"of":"verification.contest","body": {inner}}}'),
        ("white space after it", f'{{"of":"verification.contest","body":{inner} }}'),
        ("members in another order", f'{{"body":{inner},"of":"verification.contest"}}'),
        ("an escape in the type", f'{{"of":"verification.c\\u006fntest","body":{inner}}}'),
        ("an escape in a name", f'{{"\\u006ff":"verification.contest","body":{inner}}}'),
    ):
        file.bad("exercise", about, "M-5.37", {"text": text}, "bad-schema")
