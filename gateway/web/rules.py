"""
What each rule says to the person it stops, in one sentence; ``docs/rules.md`` has the whole of it, with its sources.

A finding names its rule and a place. Its English reason is for the log; a page says this, in every language.
"""

from collections.abc import Mapping

from gateway.core.facts import Finding
from gateway.core.return_checks import NO_ELSEWHERE
from gateway.core.return_guards import CLOCK_LEAPT, OUTDATED, OVER_BY_THEN
from gateway.core.rule_checks import MINOR_ELSEWHERE, NOT_LET_GO, NOT_YET
from gateway.services.answer import ANSWER_WAITS
from gateway.services.clear import UNDER_WAY
from gateway.services.notices import STILL_HERE
from gateway.services.person_stop import BECAUSE, BY_A_NUMBER, NO_MORE
from gateway.services.returning import NOT_FORGOTTEN
from gateway.services.steps import DISOWNED
from gateway.web.language import N_, Tongue

RULES: Mapping[str, str] = {
    "R-00": N_("What the rules have to look at is missing from the record."),
    "R-01": N_(
        "Nothing may be asked of the other State unless the protection state of the person is attested as none. "
        "This is a hard stop: no role can override it."
    ),
    "R-02": N_("The case was stopped by a later indication. Nothing leaves but a withdrawal."),
    "R-03": N_(
        "Nationality is asked as of today, permanent residence as of the day of entry; the day of entry is missing."
    ),
    "R-04": N_("A return needs a signed answer that the other State knows the person as its own."),
    "R-05": N_("The conditions under which data was given do not allow this use."),
    "R-06": N_("If the age is in doubt, the person counts as a minor."),
    "R-07": N_("A minor needs a representative before anything is sent."),
    "R-08": N_("It is too early for this step of a return: identification, reflection and information come first."),
    "R-09": N_("An assessment stands against the return, is missing, or has expired."),
    "R-10": N_("The authorities in charge of both States must sign, and somebody must receive a minor."),
    "R-11": N_("An answer, or word that it will be late, is owed first."),
    "R-12": N_("The person must know where to find help before leaving."),
    "R-13": N_("A reason must be given before personal data is looked at or sent."),
    "R-14": N_("Only data about the person asked about may be sent."),
    "R-15": N_("Assessments and the national file stay in this State."),
    "R-16": N_("A correction must reach everybody who got the wrong data."),
    "R-17": N_("The other State asks what became of its data; it must get an answer."),
    "R-18": N_("What was sent and received must stay on file."),
    "R-19": N_("The transfer needs a ground in law that is on record."),
    "R-20": N_("It was not established that the question endangers nobody."),
    "R-21": N_("A question must tell nothing of protection or of what happened to the person."),
    "R-22": N_("The person has a right to know what was sent."),
    "R-23": N_("The consent of the person is missing, was taken back, or is the only ground there is."),
    "R-24": N_("A consulate is told only if the person wants it."),
    "R-25": N_("The period for which this may be kept is over, or is missing."),
    "R-26": N_("Not found is not no: the absence of an entry denies nobody a State."),
    "N-01": N_("This State is on the list of States that may not be contacted."),
    "N-02": N_("No valid key of the other State is held now. Tell the operator."),
    "Q-01": N_("The answer does not answer the question that was asked."),
    "E-01": N_("An element is not what it says: a name, a date or the type of a document does not hold."),
    "E-02": N_("The file is no image that can be taken, or it is not what it says."),
    "M-01": N_("The request does not allow this method of finding out."),
    "M-02": N_("No interview was agreed on and held."),
    "MIN-1": N_("This element may not be sent for this purpose."),
    "MIN-2": N_("This element leaves only when the other State asks for it."),
    "MIN-3": N_("The national file never leaves."),
    "MIN-4": N_("An image leaves only as this gateway drew it anew."),
    "MIN-5": N_("The question cannot be answered without an element that is not in the file."),
    "REM-1": N_("No agreement with the other State allows a remark here, or it is longer than the agreement allows."),
    "REM-2": N_("The remark is held: it could not be read, or must not leave."),
    "REM-3": N_("A person must confirm the redacted remark as it stands, beside the record as it stands."),
    "REM-4": N_("The remark tells something that stands in the record of this case."),
    "REM-5": N_("A remark told of a need for protection, or may have. The state must be attested anew."),
    "V-01": N_("A second person is needed; nobody decides this alone."),
    "V-02": N_("The bytes are not the ones that were shown and signed. Look at them again."),
    "V-03": N_("A second person must approve this before it leaves."),
    "V-04": N_("The text must be prepared before it can be sent."),
    "V-05": N_("An answer that is not a yes needs a second signer."),
    "V-06": N_("A second look may be asked for once."),
    "V-07": N_("Only who stopped the case can let it go."),
    "V-08": N_("Everybody who stopped the case must let it go first."),
    "V-09": N_("A case stays with the State it was opened with."),
    "V-10": N_("This number was used before."),
    "V-11": N_("There is no question that this would answer."),
    "V-12": N_("What was never sent cannot be taken back."),
    "V-13": N_("No such authority is in our directory."),
    "V-14": N_("An exercise names invented States only."),
    "V-15": N_("A stop does not show: the other State is answered as where the case was stopped."),
    "V-16": N_("A second person found this text wrong and sent it back; nobody else approves it."),
    "V-30": N_("Only the authority in charge of this person may do this."),
    "V-31": N_("Both sides must speak of the same person."),
    "V-32": N_("The proposal must say what the record says."),
    "V-33": N_("What was prepared belongs to another step."),
    "V-34": N_("What was prepared says something else than the step."),
    "V-35": N_("Who has left is awaited or called back, and nobody else is."),
    "V-36": N_("There is no final decision on record."),
    "V-37": N_("No travel document was asked for."),
    "V-38": N_("The travel document would not last for the journey."),
    "V-39": N_("The journey is not the one that was planned."),
    "V-40": N_("The notice that the agreement wants before the journey cannot be kept."),
    "V-41": N_("The person must be asked again on the day of departure."),
    "V-42": N_("Two persons must sign the handover, one on each side."),
    "V-43": N_("The person is looked after for six months before the case may end; no report is of a day to come."),
    "V-44": N_("The handover is dated before the departure, or later than now."),
    "V-45": N_("The other State may await this person. Freeze and withdraw the case to tell it that nobody comes."),
    "D-01": N_("The period cannot be extended any further."),
    "D-02": N_("An extension must be given before the day it is due."),
    "D-03": N_("The answer is not late yet."),
    "D-04": N_("Another role takes this step of the ladder."),
    "D-05": N_("The case is stopped; nobody is pressed."),
    "D-06": N_("Pressing may endanger somebody, says who answers for the person."),
    "D-07": N_("This step of the ladder is not reached."),
    "D-08": N_("This step was taken not long ago; it rests."),
    "D-09": N_("An exercise is no matter between ministries."),
    "D-10": N_("No more reminders, or notices of delay, can be sent in this case."),
}
"""One sentence for each rule that can be found against."""

FAULTS = (
    N_("a name has no space at either end"),
    N_("a word of a name has letters of one script"),
    N_("a name has no control, bidirectional or invisible character"),
    N_("a name has plain letters, no mathematical, full width or presentation forms"),
    N_("no date of the calendar in EDTF level 1"),
    N_("a document type that ICAO Doc 9303 does not name"),
)
"""What the checks of elements (E-01) say of a field, as they say it; a page translates it where it shows it."""

OTHER = N_("A rule of this gateway does not allow it.")


_AGAINST: Mapping[str, str] = {
    MINOR_ELSEWHERE: N_(
        "Another open case with the same number has the person as a minor: %(cases)s. What is wrong there or here is "
        "set right first: the number by the desk, with a second person if it was sent, or the age by the authority in "
        "charge."
    ),
    NO_ELSEWHERE: N_(
        "In another case with the same number the person said no, and wrote no other wish since: %(cases)s. If the "
        "number is wrong there or here, the desk sets it right first, with a second person if it was sent."
    ),
    BY_A_NUMBER: N_(
        "Both cases have the same number, and nobody's word decides on that. The wrong entry is corrected first, in a "
        "case that is stopped; where it is in the case of who is away, decide on a recall."
    ),
    NO_MORE: N_(
        "No other case that shares a value with this person is stopped any more, and nothing waits for that. Two "
        "persons say so, each with a reason, and it is told no longer."
    ),
    BECAUSE: N_(
        "Another case that shares a value with this person is stopped: %(cases)s. What is said of the person, such as "
        "word of the departure, waits. If it is somebody else, two persons say so here, each with a reason, and it "
        "leaves. If it may be the same person, decide on a recall."
    ),
    NOT_YET: N_(
        "That no protection is sought is attested as of a day that has not come, and nothing leaves before. If the day "
        "is wrong, stop the case, have the authority that attests say so anew, and let it go on."
    ),
    OUTDATED: N_(
        "A message of the return that waits says something else than the record by now, and does not leave. Begin the "
        "return anew, or call the journey off, and say it again."
    ),
    CLOCK_LEAPT: N_(
        "The clock of this gateway went by more than a day at once, as it does where it is set, or after days on which "
        "it was off. The plan of the journey may be told too early by it, and waits until that is a day ago. See that "
        "the clock is right; if the journey is near, tell the other State of it by another way."
    ),
    OVER_BY_THEN: N_(
        "By the day of departure it is over, and nobody would leave. Set an earlier day in the record, or begin the "
        "return anew, so that it is given for longer; an answer that is over is asked for anew."
    ),
    STILL_HERE: N_(
        "What brings it waits here and has not left. Stop the case, which takes it out, and set right what is wrong; "
        "once the case goes on, say it again."
    ),
    DISOWNED: N_(
        "It was approved by a key that its person has no more. Prepare it anew and have it approved; if nobody can say "
        "why the key is another, ask the operator first."
    ),
    NOT_LET_GO: N_(
        "Whoever stopped this case has not let go of it. Say no: a yes waits until they do, and most cannot once a "
        "case is closed."
    ),
    NOT_FORGOTTEN: N_(
        "Only where this gateway was restored is a departure of the past said here, and only one from before that. "
        "Leave the time empty if the journey begins now."
    ),
    UNDER_WAY: N_(
        "What was posted in this case has no receipt, and would be posted again once it is closed. Freeze and withdraw "
        "the case, or let it go on."
    ),
    ANSWER_WAITS: N_("The answer waits here and has not left yet. Close the case once it has."),
}
"""What is said against a message that waits, or for one, and of the cases that it names, by how the reason begins."""


_ELSEWHERE = N_(
    "Another case with the same number says otherwise. Look at the content of this case for a reason: it says which "
    "case that is, and what to do."
)
"""What is said where no case may be named: no reason was given."""


def sentence(rule: str) -> str:
    """Return the sentence (English, to be translated) for ``rule``."""
    return RULES.get(rule, OTHER)


def said(tongue: Tongue, finding: Finding) -> str:
    """Return what ``finding`` says to whom it stops: the sentence of its rule, and that another case, or what, says."""
    return " ".join(filter(None, (tongue._(sentence(finding.rule)), against(tongue, finding.because))))


def against(tongue: Tongue, because: str) -> str:
    """
    Return what other cases, which stand in ``because`` for a reason alone, or the record says, and what to do.

    Empty where ``because`` is neither.
    """
    for begin, text in _AGAINST.items():
        if because.startswith(begin):
            cases = because.removeprefix(begin).removeprefix(": ")
            if cases or "%(cases)s" not in text:
                return tongue._(text, cases=cases)
            return "" if begin == BECAUSE else tongue._(_ELSEWHERE)
    return ""
