"""
What will leave, field by field: what is in our file, what the other State receives, and the rule that says so.

Rule 1: the table is that of the preview, line by line; nothing is left out of it because it stays here.
Rule 2: "received" says what is in the exact body that is approved. It is read from that body and never from the file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.core.attachments import MEMBERS, in_short
from gateway.core.facts import Finding
from gateway.core.minimise import Line
from gateway.core.preview import Preview
from gateway.web import readable, rules
from gateway.web.form_fields import body_fields
from gateway.web.language import N_
from gateway.web.readable import Part
from gateway.web.said import Said, as_said, say
from gateway.web.visit import Visit
from schemas import ijson

SENT: Final = "sent"

STATUS: Mapping[str, tuple[str, str]] = {
    SENT: (N_("Leaves"), "soon"),
    "withheld": (N_("Stays for now"), "still"),
    "forbidden": (N_("Never leaves"), "late"),
}
"""What happens to a field, in words, and the kind of the tag that repeats it."""

RULE_TEXTS: Mapping[str, str] = {
    "-": N_("Needed to answer the question"),
    "MIN-1": N_("The question can be answered without it, so it is not sent for this purpose"),
    "MIN-2": N_("It is sent only if the other State asks for just this, and not a second time"),
    "MIN-3": N_("It is of the national file; no message has a place for it"),
    "MIN-4": N_("It was not drawn anew yet, and a file does not leave as it is"),
    "REM-1": N_("No agreement with the other State allows a remark in this message"),
    "REM-2": N_("It is held; its page says why"),
    "REM-3": N_("It leaves only as a person confirmed it: redacted, compared with our file, and once"),
}
"""Why a field leaves or stays, by the rule of its line."""

WHAT_TO_DO: Mapping[str, str] = {
    "R-01": N_(
        "Nothing may leave while a need for protection is possible; only 'none' passes, as the authority in charge "
        "of protection attests it. Where it was not known, write into the draft what that authority attests. Where "
        "anything else is on record, stop the case: that authority attests anew only in a case that is stopped, and "
        "two persons let it go on; then open the draft and hand it in anew. If another case of the person is "
        "stopped, those who stopped it must let go. If something was sent already, freeze the case and withdraw."
    ),
    "R-02": N_("The case is stopped. Those who stopped it must let go, or it is withdrawn."),
    "R-03": N_("Say the day the question is about: residence is asked as of the day of entry, nationality as of now."),
    "R-05": N_(
        "Complete the conditions: limits on what the receiver may do, until when it is kept, and whether it is passed "
        "on."
    ),
    "R-06": N_(
        "Complete what is known about age. Compare the date of birth with it, which is written in years of the common "
        "calendar. While age is not decided, the person is treated as a minor. So is who is one in another open case "
        "with the same number: one of the two is set right first."
    ),
    "R-07": N_("Have a guardian or representative appointed, and write into the file on which day, and who signed it."),
    "R-13": N_("Write down why the question is asked."),
    "R-19": N_("Name the ground on which data is given to that State, with the act or agreement."),
    "R-20": N_(
        "Have it checked whether asking endangers somebody, and write down by whom and when. "
        "A failed check stops the case."
    ),
    "R-21": N_("Take out what tells of protection or of what happened to the person."),
    "R-23": N_("Record the consent of the person, or another ground beside it; consent alone is never enough."),
    "REM-1": N_("Take the remark out, or shorten it. Codes carry what a message says."),
    "REM-2": N_("Write the remark anew or take it out. Its page says why it is held."),
    "REM-3": N_("Look at the redacted remark and confirm it, write it anew, or take it out."),
    "REM-4": N_("Take out the words that tell something of the record. The page of the remark says what it is."),
    "REM-5": N_(
        "Ask the authority in charge of protection to attest the state anew. Taking the remark out does not help: what "
        "it told stays told."
    ),
    "MIN-5": N_("Add the element that the question cannot be answered without."),
    "E-01": N_("Correct the element: it cannot be what it says."),
    "E-02": N_("Bring in another file, or the same anew. Nothing of this one was kept."),
    "N-01": N_("Nothing in the draft changes that. The operator keeps that list; ask there, or discard the case."),
    "N-02": N_("Nothing in the draft changes that. The operator asks the other State for its keys."),
    "V-01": N_("Somebody else of the desk has to approve it: nobody approves what they wrote."),
    "V-02": N_("What was approved is not what would leave now. Look at it again and have it approved again."),
    "V-03": N_(
        "Nobody has approved it, or the approval is over. Have it approved. A request that was approved before is "
        "first opened by “Change the draft” and handed in anew, changed or not."
    ),
    "V-16": N_(
        "Change what was found wrong and hand it in, or prepare it anew: a changed text is approved as before. Where "
        "the text itself is right and only the file was completed, who sent it back looks again and may approve it."
    ),
}
"""What can be done about a finding, by its rule."""

_OTHERWISE: Final = N_("Mend what the rule names in the draft and check again. No role can override a rule.")


@dataclass(frozen=True, slots=True)
class Row:
    """One field: label, what is in our file, what is received of it, that in words and as a kind, and why."""

    label: str
    file: Said | None
    received: Said | None
    status: str
    kind: str
    rule: str
    because: str


@dataclass(frozen=True, slots=True)
class Objection:
    """One finding: its rule, what the page says of it, and what can be done."""

    rule: str
    said: str
    to_do: str


@dataclass(frozen=True, slots=True)
class Disclosure:
    """
    Everything a page says of a body before it leaves. ``conditions`` are the members beside the elements.

    ``size`` and ``digest`` are those of the exact body; ``is_short`` says that in ``body`` the bytes of images are left
    out. ``pictures`` are the images in the body: what each is, and the addresses of its pages.
    """

    type: str
    digest: str
    size: int
    body: str
    rows: tuple[Row, ...]
    conditions: tuple[Part, ...]
    objections: tuple[Objection, ...]
    is_short: bool = False
    pictures: tuple[tuple[str, tuple[str, ...]], ...] = ()


def disclosure(visit: Visit, draft: Mapping[str, Any], preview: Preview) -> Disclosure:
    """Return ``preview`` of ``draft`` as a page shows it."""
    value = ijson.loads(preview.body.encode())
    file, received = _said(visit, draft), _elements(visit, value["elements"]) | _remark(visit, value)
    rows = tuple(_row(visit, line, file, received) for line in preview.lines)
    return _made(visit, preview.type, preview.body, preview.digest, rows, preview.findings)


def plain(visit: Visit, type: str, body: str, digest: str) -> Disclosure:
    """Return a body that no draft stands behind, as those of a return: all of it leaves."""
    return _made(visit, type, body, digest, (), ())


def objections(visit: Visit, findings: Sequence[Finding]) -> tuple[Objection, ...]:
    """Return findings with what can be done about each."""
    return tuple(
        Objection(one.rule, rules.said(visit.tongue, one), visit.tongue._(WHAT_TO_DO.get(one.rule, _OTHERWISE)))
        for one in findings
    )


def _made(
    visit: Visit, type: str, body: str, digest: str, rows: tuple[Row, ...], findings: Sequence[Finding]
) -> Disclosure:
    value = ijson.loads(body.encode())
    if rows:
        del value["elements"]
        value.pop("remark", None)
    conditions = readable.parts(visit.tongue, type, value)
    size, images = len(body.encode()), [name for name in MEMBERS if f'"{name}":{{"media_type"' in body]
    # Nobody reads a picture in letters: where there is one, the text shows its digest and size in its place.
    text = ijson.dumps(in_short(ijson.loads(body.encode()))).decode() if images else body
    return Disclosure(type, digest, size, text, rows, conditions, objections(visit, findings), bool(images))


def _elements(visit: Visit, value: Mapping[str, Any], group: str = "elements") -> dict[str, Said]:
    """Return each member of ``value`` in words; the schema's ``group`` says what they are."""
    of = next(field.fields for field in body_fields("case-draft") if field.member == group)
    images = {name: readable.image(visit.tongue, one) for name, one in value.items() if _is_image(name, one)}
    rest = {name: one for name, one in value.items() if name not in images}
    found = {name: said for name, one in rest.items() for said in say(of, {name: one}, visit.tongue)}
    labels = {field.member: visit.tongue._(field.label) for field in of}
    return found | {name: as_said(Part(labels[name], parts=parts)) for name, parts in images.items()}


def _is_image(name: str, value: Any) -> bool:
    return name in MEMBERS and "pages" in value


def _said(visit: Visit, draft: Mapping[str, Any]) -> Mapping[str, Said]:
    """Return each member of the file in words: elements, national notes, the reference of the representative."""
    found = _elements(visit, draft["elements"]) | _elements(visit, draft.get("national", {}), "national")
    if draft.get("representative"):
        label = visit.tongue._(N_("Reference of the representative"))
        found["representative_ref"] = Said(label, (draft["representative"]["ref"],), own=True)
    return found | _remark(visit, draft)


def _remark(visit: Visit, value: Mapping[str, Any]) -> dict[str, Said]:
    """Return the remark of a record, as it was written, or that of a body, as it leaves."""
    remark = value.get("remark")
    return {} if remark is None else {"remark": Said(visit.tongue._(N_("Remark")), (remark["text"],), own=True)}


def _row(visit: Visit, line: Line, file: Mapping[str, Said], received: Mapping[str, Said]) -> Row:
    tongue, said = visit.tongue, file.get(line.member)
    text, kind = STATUS[line.status]
    because = tongue._(RULE_TEXTS.get(line.rule, line.because))
    label = said.label if said else line.member
    return Row(label, said, received.get(line.member), tongue._(text), kind, line.rule, because)
