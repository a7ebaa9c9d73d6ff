"""
What each step of a case is called, what it does, who learns what of it, and what is said when it is done.

Rule 1: every step of ``gateway.services.acts.VERBS`` has its text here, and a test holds the two together.
Rule 2: a text says what the step does and what it does not; it promises nothing that the tables do not keep.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.web.language import N_


@dataclass(frozen=True, slots=True)
class StepText:
    """
    One step in words (English): its title, what it ``does``, what the other State ``learns``, its button, what is said
    when it is ``done``.

    ``sends`` says that a message leaves by it, ``severe`` that it ends or destroys something or cannot be taken back.
    """

    title: str
    does: str
    learns: str
    button: str
    done: str
    sends: bool = False
    severe: bool = False


NOTHING = N_("Nothing is sent. The other State does not learn of this step.")

TEXTS: Mapping[str, StepText] = {
    # Asking.
    "amend": StepText(
        N_("Change the draft"),
        N_("The draft is replaced by what you fill in. An approval that was given before is void."),
        NOTHING,
        N_("Change the draft"),
        N_("The draft was changed. It needs an approval before it can be sent."),
    ),
    "attachment": StepText(
        N_("Bring in an image"),
        N_("A photograph or a document is drawn anew and kept with the record. What was prepared before is void."),
        NOTHING,
        N_("Draw the image anew"),
        N_("The image was drawn anew. What was prepared before has to be prepared and approved again."),
    ),
    "attachment-removal": StepText(
        N_("Take out an image"),
        N_("The image is deleted here and its file no longer named in the record. What was prepared before is void."),
        NOTHING,
        N_("Take it out"),
        N_("The image was taken out."),
    ),
    "remark": StepText(
        N_("Write a remark"),
        N_("A remark in free words is read by a machine here, which says what has to be taken out of it."),
        NOTHING,
        N_("Have it read"),
        N_("The remark was read and redacted. Look at it, and confirm what may leave."),
    ),
    "remark-confirmation": StepText(
        N_("Confirm the redacted remark"),
        N_("You say that exactly the redacted text may leave, or that text with words taken out."),
        N_("Nothing is sent yet: it becomes part of the message that a second person approves."),
        N_("Confirm this text"),
        N_("You confirmed the remark. It is part of the message that a second person approves."),
    ),
    "approval": StepText(
        N_("Approve what is prepared"),
        N_("You sign exactly the text on this page, as a second person. Once it is approved, it can be sent as it is."),
        N_("Nothing is sent by approving. When the message is sent, the other State gets exactly this text."),
        N_("Approve and sign"),
        N_("Approved. Nothing has been sent yet."),
    ),
    "send-back": StepText(
        N_("Send back what is prepared"),
        N_(
            "You sign that exactly this text is not right, and why. Nobody else can approve the same text any more, "
            "and an approval of it is void; a changed one is approved as before."
        ),
        NOTHING,
        N_("Sign and send back"),
        N_("Sent back. Your reason stands with the case, for who prepared it."),
    ),
    "send": StepText(
        N_("Send what was approved"),
        N_("The text that was approved goes to the outbox and leaves from there. It cannot be changed any more."),
        N_("The other State gets exactly the text that was approved, and nothing else from the file."),
        N_("Send it"),
        N_("It is in the outbox and leaves from there."),
        sends=True,
    ),
    "elements": StepText(
        N_("Prepare the further elements"),
        N_("An answer is prepared with only those elements of the draft that the other State asked for."),
        N_("Nothing is sent yet: a second person approves it first."),
        N_("Prepare it"),
        N_("The further elements are prepared. A second person approves them before they can be sent."),
    ),
    "contest": StepText(
        N_("Ask for a second look"),
        N_("The other State is asked once to look at its reply again. This can be asked one time only."),
        N_("It learns the ground you choose, as a code, and no other words."),
        N_("Ask for a second look"),
        N_("A second look was asked for."),
        sends=True,
    ),
    "reminder": StepText(
        N_("Remind the other State"),
        N_("A reminder about the overdue reply goes to the other State. It is numbered and recorded."),
        N_("It learns that a reply is awaited, and nothing about the person."),
        N_("Send the reminder"),
        N_("The reminder is in the outbox."),
        sends=True,
    ),
    "discard": StepText(
        N_("Discard the case"),
        N_("The case is closed before anything of it was accepted by the other State. It cannot be opened again."),
        NOTHING,
        N_("Discard the case"),
        N_("The case was discarded."),
        severe=True,
    ),
    # Stopping and going on.
    "freeze": StepText(
        N_("Stop the case at once"),
        N_(
            "Everything in this case stops now, and what has not left yet is taken out of the outbox. No reason is "
            "weighed. Once everybody who stopped it has let go, it takes two persons to let it go on."
        ),
        N_("Nothing is sent. The other State does not learn that the case was stopped, nor why."),
        N_("Stop the case now"),
        N_("The case is stopped. Nothing leaves until those who stopped it let go and two persons resume it."),
    ),
    "release": StepText(
        N_("Let go of a case that you, or a guest in your role, stopped"),
        N_(
            "You say that you no longer hold the case. If you hold no stop of your own, you end those of guests in "
            "your role, and of persons who hold that role no more. The case goes on only when everybody has let go "
            "and it is resumed."
        ),
        NOTHING,
        N_("Let go"),
        N_("You have let go of the case. It still stands until it is resumed."),
    ),
    "resume": StepText(
        N_("Let the case go on"),
        N_(
            "A first person proposes that a stopped case goes on; a second, other person lets it go on, where we "
            "asked a liaison officer. All rules are looked at again. A return that was only suspended needs one "
            "person. It goes on where it stood: if what it rested on is no longer so, such as who was to receive the "
            "person, speak to the other State first. The State that proposed begins the assessment anew while the "
            "stop stands."
        ),
        N_(
            "If the other State was told that the return is suspended, it is told that it goes on. It learns no reason."
        ),
        N_("Let it go on"),
        N_("Your word was recorded. The case page says whether the case goes on or waits for a second person."),
    ),
    "apart": StepText(
        N_("Say that it is about another person"),
        N_(
            "The gateway holds this case, or what is said of who is away, because a case that may be about the same "
            "person is stopped. Two different persons say, each with a reason, that it is somebody else; then the "
            "gateway lets go."
        ),
        N_(
            "Nothing is sent by the first word. With the second what waits of who is away leaves, such as word that "
            "the person left. The other State learns no reason."
        ),
        N_("It is another person"),
        N_("Your word was recorded. A second, other person has to say the same."),
    ),
    "correction": StepText(
        N_("Set the record right"),
        N_("What the record says of the person is replaced. The rest of the record stays as it is."),
        N_("Nothing is sent. What was sent before is not changed by it: that takes a rectification."),
        N_("Set the record right"),
        N_("The record was set right."),
    ),
    "attestation": StepText(
        N_("Attest the protection state"),
        N_("The protection state on record is replaced by what you attest. It decides whether anything may leave."),
        NOTHING,
        N_("Attest it"),
        N_("The protection state is attested anew."),
    ),
    "restatement": StepText(
        N_("Set right age and guardian"),
        N_(
            "What is recorded of age and guardian is replaced, and what stood is kept. A return that rested on what is "
            "not so begins anew. Who was invited as the guardian that you take out reads nothing more. No stop is let "
            "go of by it. Of a person who has left another guardian is named, and nothing else."
        ),
        NOTHING,
        N_("Set it right"),
        N_("Age and guardian are recorded as you said."),
    ),
    "withdraw": StepText(
        N_("Withdraw the request"),
        N_("The request is withdrawn for good. If nothing of it ever left, nothing is sent at all."),
        N_("The other State is told at the next full hour that it is withdrawn. It gets no reason."),
        N_("Withdraw it"),
        N_("The request is withdrawn here. If it had left, the other State is told at the next full hour."),
        sends=True,
        severe=True,
    ),
    "close": StepText(
        N_("Close the case"),
        N_("The case is closed. From then on the time runs after which it is locked and erased."),
        NOTHING,
        N_("Close the case"),
        N_("The case is closed."),
        severe=True,
    ),
    # Interviews.
    "interview": StepText(
        N_("Propose an interview"),
        N_("An interview with the person is proposed. It needs the person's own consent, and the other State decides."),
        N_("It learns how, where, with whom and when it could be held, and which questions would be asked."),
        N_("Propose the interview"),
        N_("The proposal is in the outbox."),
        sends=True,
    ),
    "interview-consent": StepText(
        N_("Prepare to accept the interview"),
        N_("The person's consent to this one interview is put on record, and an acceptance is prepared."),
        N_("Nothing is sent yet: a second person approves it first. The consent itself stays here."),
        N_("Prepare the acceptance"),
        N_("The acceptance is prepared. A second person approves it before it can be sent."),
    ),
    "interview-agreement": StepText(
        N_("Accept the interview"),
        N_("The acceptance that was approved is sent."),
        N_("The other State learns on which day it is held and who must be present."),
        N_("Send the acceptance"),
        N_("The acceptance is in the outbox."),
        sends=True,
    ),
    "interview-refusal": StepText(
        N_("Decline the interview"),
        N_("The interview is declined at once. No reason is needed and none is recorded."),
        N_("The other State learns that there will be no interview, and no reason."),
        N_("Decline the interview"),
        N_("The interview was declined."),
        sends=True,
    ),
    "interview-result": StepText(
        N_("Report the result of the interview"),
        N_("It is said whether the interview was held and what it showed, by code."),
        N_("The other State learns the code, the day and who was present. What was said stays with who heard it."),
        N_("Report the result"),
        N_("The result is in the outbox."),
        sends=True,
    ),
    # Data that was sent.
    "use-question": StepText(
        N_("Ask what became of the data"),
        N_("The other State is asked what it did with what we sent. It has to answer by code."),
        N_("It learns that we ask."),
        N_("Ask"),
        N_("The question is in the outbox."),
        sends=True,
    ),
    "use-report": StepText(
        N_("Report what became of the data"),
        N_("The question of the other State is answered: every use, by code and day."),
        N_("It learns purpose, kind of body and day of each use. No person is named."),
        N_("Send the report"),
        N_("The report is in the outbox."),
        sends=True,
    ),
    "onward-question": StepText(
        N_("Ask whether the data may be passed on"),
        N_("The other State is asked whether what it sent may be used for something else. No answer is no."),
        N_("It learns the purpose and the kind of body."),
        N_("Ask"),
        N_("The question is in the outbox. Until a yes arrives the answer is no."),
        sends=True,
    ),
    "onward-answer": StepText(
        N_("Answer whether the data may be passed on"),
        N_("The request is granted up to a day, or refused."),
        N_("The other State learns the day, or that it is refused. A refusal has no reason."),
        N_("Send the answer"),
        N_("The answer is in the outbox."),
        sends=True,
    ),
    "strike": StepText(
        N_("Say that something sent was wrong"),
        N_("The other State is told which parts were wrong and has to destroy them. Nothing goes in their place."),
        N_("It learns which parts, by code, and nothing else."),
        N_("Have these parts destroyed"),
        N_("The demand is in the outbox. The case shows when the other State confirms."),
        sends=True,
        severe=True,
    ),
    "rectification": StepText(
        N_("Prepare right values for wrong ones"),
        N_("Right values for parts that were wrong are prepared."),
        N_("Nothing is sent yet: a second person approves it first."),
        N_("Prepare the right values"),
        N_("The right values are prepared. A second person approves and sends them."),
    ),
    "rectification-approval": StepText(
        N_("Approve and send the right values"),
        N_(
            "You sign exactly the text on this page, as a second person. It is sent at once, and our own file is "
            "corrected."
        ),
        N_("The other State gets exactly this text and has to put the right values in place of the wrong ones."),
        N_("Sign and send"),
        N_("The right values are in the outbox."),
        sends=True,
    ),
    "erasure-demand": StepText(
        N_("Have the data destroyed"),
        N_("The other State is asked to destroy all that we sent in this case. It may follow a withdrawal."),
        N_("It learns that all of it is to be destroyed, and no reason."),
        N_("Demand it"),
        N_("The demand is in the outbox. The case shows when the other State confirms."),
        sends=True,
        severe=True,
    ),
    "confirmation": StepText(
        N_("Confirm that it was corrected"),
        N_("You confirm that the correction was carried out wherever our State holds the data."),
        N_("The other State learns that it was done, or that we do not hold the data."),
        N_("Confirm it"),
        N_("The confirmation is in the outbox."),
        sends=True,
    ),
    "destruction": StepText(
        N_("Destroy our copy"),
        N_("Our copy is destroyed with its key, for good, and the other State is told so. It cannot be undone."),
        N_("The other State learns that its data was destroyed here."),
        N_("Destroy our copy"),
        N_("Our copy was destroyed, and the confirmation is in the outbox."),
        sends=True,
        severe=True,
    ),
    # Being asked.
    "acknowledge": StepText(
        N_("Acknowledge the request"),
        N_("The request is acknowledged. It says which authority answers, and when the reply is due."),
        N_("The other State learns the authority, the calendar and the due date."),
        N_("Acknowledge it"),
        N_("The acknowledgement is in the outbox."),
        sends=True,
    ),
    "question": StepText(
        N_("Ask for a further element"),
        N_("Several entries fit. The other State is asked for what would tell them apart."),
        N_("It learns how many entries fit and which elements would help. It learns nothing of the entries."),
        N_("Ask"),
        N_("The question is in the outbox."),
        sends=True,
    ),
    "delay": StepText(
        N_("Say that it takes longer"),
        N_("A notice of delay is given. The clock goes on: a notice extends nothing."),
        N_("The other State learns the reason as a code, and the day on which to expect the answer."),
        N_("Give notice"),
        N_("The notice of delay is in the outbox."),
        sends=True,
    ),
    "extension": StepText(
        N_("Extend the time"),
        N_("The time is extended as far as the agreement allows, before it is over. This is possible once."),
        N_("The other State learns the reason as a code, and the new due date."),
        N_("Extend the time"),
        N_("The extension is in the outbox."),
        sends=True,
    ),
    "reply": StepText(
        N_("Prepare the answer"),
        N_("An answer is prepared, by codes alone. No extract of a register is in it."),
        N_("Nothing is sent yet. An answer that is not positive needs the signature of a second signer first."),
        N_("Prepare the answer"),
        N_(
            "The answer is prepared. Nothing has been sent yet: one that is not a yes needs a second signer first, and "
            "then somebody sends it."
        ),
    ),
    "countersignature": StepText(
        N_("Sign the answer as second signer"),
        N_("You sign exactly the text on this page. An answer that is not positive leaves only with your signature."),
        N_("Nothing is sent by signing. When the answer is sent, your signature travels with it."),
        N_("Sign the answer"),
        N_("Signed. The answer can be sent now."),
    ),
    "answer": StepText(
        N_("Send the answer"),
        N_("The answer that was prepared goes to the outbox and leaves from there. It cannot be changed any more."),
        N_("The other State gets exactly the text that was prepared, with the second signature if one is due."),
        N_("Send the answer"),
        N_("The answer is in the outbox and leaves from there."),
        sends=True,
    ),
    "redirect": StepText(
        N_("Point to the competent authority"),
        N_("The request goes on with another authority of our State. It has to be one of our directory."),
        N_("The other State learns which authority is competent and why, as a code."),
        N_("Point to it"),
        N_("The pointer to the competent authority is in the outbox."),
        sends=True,
    ),
    # A return: the side that proposes.
    "consideration": StepText(
        N_("Begin to consider a return"),
        N_(
            "A national record of the return is opened. Nothing is proposed by it. It takes a reply that the other "
            "State knows the person as its own, and for a minor a guardian on record: look at both first."
        ),
        NOTHING,
        N_("Begin"),
        N_("The return is being considered."),
    ),
    "record": StepText(
        N_("Bring the record of the return up to date"),
        N_("The national record of the return is replaced by what you fill in."),
        NOTHING,
        N_("Keep the record"),
        N_("The record was brought up to date."),
    ),
    "assessment": StepText(
        N_("Say that the assessments are complete"),
        N_("As the authority in charge you say that everything was assessed, whatever the conclusions are."),
        NOTHING,
        N_("The assessments are complete"),
        N_("The return is assessed."),
    ),
    "decline": StepText(
        N_("Say that there is no return"),
        N_("The return ends here. Nothing stands before this step, and nobody can override it."),
        NOTHING,
        N_("No return"),
        N_("There will be no return."),
        severe=True,
    ),
    "reassessment": StepText(
        N_("Begin the assessment anew"),
        N_(
            "Something changed. Everything is assessed anew, and what was signed before is void. A case that is "
            "stopped stays stopped, and goes on at the assessment once everybody who stopped it, the other State too, "
            "lets go."
        ),
        NOTHING,
        N_("Begin anew"),
        N_("The return is to be assessed anew. What was signed before is void."),
        severe=True,
    ),
    "proposal": StepText(
        N_("Prepare the proposal of a return"),
        N_("A proposal is prepared from the record: conclusions, dates, who signed them, and your plan."),
        N_("Nothing is sent yet: a second person and the authority in charge sign it first."),
        N_("Prepare the proposal"),
        N_("The proposal is prepared. A second person and the authority in charge sign it before it can be sent."),
    ),
    "endorsement": StepText(
        N_("Release the return as the authority in charge"),
        N_(
            "You sign exactly the text on this page. Without your signature there is no return, and nobody can "
            "override that."
        ),
        N_("Nothing is sent by signing. When the proposal is sent, your signature travels with it."),
        N_("Release and sign"),
        N_("Released. Nothing has been sent yet."),
    ),
    "propose": StepText(
        N_("Send the proposal of a return"),
        N_("The proposal that was approved and released goes to the outbox. All rules are looked at again."),
        N_("The other State gets exactly the text that was signed: conclusions, dates, signers, needs, days."),
        N_("Send the proposal"),
        N_("The proposal is in the outbox."),
        sends=True,
    ),
    "decision": StepText(
        N_("Note that the decision is final"),
        N_("The decision on record counts as final: remedies were explained, the time to appeal is over or waived."),
        NOTHING,
        N_("The decision is final"),
        N_("The decision is noted as final."),
    ),
    "document": StepText(
        N_("Prepare the request for a travel document"),
        N_("A request for a travel document is prepared, with the elements that the rules allow for it."),
        N_("Nothing is sent yet: a second person approves it first."),
        N_("Prepare the request"),
        N_("The request is prepared. A second person approves it before it can be sent."),
    ),
    "document-request": StepText(
        N_("Send the request for a travel document"),
        N_("The request that was approved goes to the outbox."),
        N_("The other State gets exactly the text that was approved."),
        N_("Send the request"),
        N_("The request for a travel document is in the outbox."),
        sends=True,
    ),
    "schedule": StepText(
        N_("Plan the journey"),
        N_("The journey is fixed; its departure is that on record. The plan lies sealed here until 72 hours before."),
        N_("The other State gets the plan 72 hours before departure and not earlier. Nobody is named in it."),
        N_("Fix the journey"),
        N_("The journey is planned. The plan leaves 72 hours before departure."),
        sends=True,
    ),
    "cancellation": StepText(
        N_("Cancel the journey"),
        N_("The plan is taken back. One that has not left is dropped, and then nothing is sent."),
        N_(
            "If the plan has left, the other State learns that it does not take place: at once, or, where the return "
            "is suspended, once it goes on. It gets no reason."
        ),
        N_("Cancel the journey"),
        N_("The journey is cancelled."),
        sends=True,
        severe=True,
    ),
    "departure": StepText(
        N_("Say that the journey begins"),
        N_("As the escort you say that the person leaves: now, or at the time given. All is looked at once more."),
        N_("The other State learns that the journey began, and when it ends."),
        N_("Confirm the departure"),
        N_("The journey has begun."),
        sends=True,
    ),
    "protocol": StepText(
        N_("Look at the record of the handover"),
        N_("The exact text that both hands sign is shown."),
        NOTHING,
        N_("Show it"),
        N_("Nothing was changed."),
    ),
    "handover": StepText(
        N_("Sign the handover as the escort"),
        N_("You sign exactly the text that your entries make, as the first of two hands. It is sent at once."),
        N_("The other State gets exactly this text; the receiving service signs the same."),
        N_("Sign and send"),
        N_("The handover is signed and in the outbox."),
        sends=True,
    ),
    "returned": StepText(
        N_("Note that the person is back"),
        N_("The person is back. Everything is assessed anew."),
        NOTHING,
        N_("The person is back"),
        N_("It is noted that the person is back. Everything is assessed anew."),
    ),
    "recall": StepText(
        N_("Call the person back"),
        N_(
            "The return does not go on, and the person is to be taken back by the day you name. Nothing stands before "
            "this step. Your own words stay sealed here."
        ),
        N_(
            "The other State learns the code and the day. If a need of protection became known, it learns nothing at "
            "all."
        ),
        N_("Call back now"),
        N_("The person is called back."),
        sends=True,
        severe=True,
    ),
    "suspension": StepText(
        N_("Suspend the case at once"),
        N_(
            "The case stands still from now, and what has not left yet is taken out of the outbox. No reason is "
            "weighed. Once everybody who suspended it has let go, one person lets it go on."
        ),
        N_("If a return is under way, the other State learns that it is stopped, and no reason; else nothing."),
        N_("Suspend it now"),
        N_("The case is suspended."),
        sends=True,
    ),
    # A return: the side that accepts.
    "acceptance": StepText(
        N_("Prepare to accept the return"),
        N_("An acceptance is prepared: who takes the person in, and which services receive."),
        N_("Nothing is sent yet: the authority in charge signs it first."),
        N_("Prepare the acceptance"),
        N_("The acceptance is prepared. The authority in charge signs it; it leaves with the signature."),
    ),
    "accept": StepText(
        N_("Accept the return as the authority in charge"),
        N_("You sign exactly the text on this page. It is sent at once, with your signature."),
        N_("The other State gets exactly this text and your signature. Who takes the person in is not named in it."),
        N_("Sign and send"),
        N_("The acceptance is in the outbox."),
        sends=True,
    ),
    "refusal": StepText(
        N_("Refuse the proposal"),
        N_("The proposal of a return is refused. The other State may propose again."),
        N_("It learns the reason as a code."),
        N_("Refuse the proposal"),
        N_("The refusal is in the outbox."),
        sends=True,
    ),
    "issue": StepText(
        N_("Say that a travel document was issued"),
        N_("It is said which kind of document was issued and how long it is valid."),
        N_("The other State learns kind and dates, and a digest of the number. The number itself is not sent."),
        N_("Say so"),
        N_("The notice of the travel document is in the outbox."),
        sends=True,
    ),
    "reissue": StepText(
        N_("Say that another travel document takes its place"),
        N_("It is said that another document takes the place of the last one."),
        N_("The other State learns kind and dates, and a digest of the number. The number itself is not sent."),
        N_("Say so"),
        N_("The notice of the travel document is in the outbox."),
        sends=True,
    ),
    "handover-confirmation": StepText(
        N_("Sign the handover as the receiving service"),
        N_("You sign exactly the text that the escort signed, as the second of two hands. It is sent at once."),
        N_("The other State gets your signature under the same text."),
        N_("Sign and send"),
        N_("The handover is signed by both hands."),
        sends=True,
    ),
    "report": StepText(
        N_("Report on the months after"),
        N_("It is said by code how the person was found. A last report is not possible before six months."),
        N_("The other State learns the code, the day, and whether it is the last report."),
        N_("Send the report"),
        N_("The report is in the outbox."),
        sends=True,
    ),
}
"""The text of each step, by its name in ``VERBS``."""
