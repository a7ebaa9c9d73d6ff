"""
What the codes of the machine are called on a page: states, steps in a history, looks.

Rule 1: every state and every event of the tables has a text here, and a test holds the tables to it.
Rule 2: a text says where a case stands or what was done, never why; what says why is content of the case.
"""

from collections.abc import Mapping

from gateway.core.case import Side, State
from gateway.web.language import N_, Tongue

STATES: Mapping[State, str] = {
    State.DRAFT: N_("Being prepared"),
    State.CLEARED: N_("Approved, not sent yet"),
    State.SENT: N_("On its way"),
    State.NOT_ACCEPTED: N_("Not accepted by the other gateway"),
    State.UNDELIVERED: N_("Could not be delivered"),
    State.DELIVERED: N_("Delivered, waiting for the other State"),
    State.RECEIVED: N_("Received, to be acknowledged"),
    State.ACKNOWLEDGED: N_("Acknowledged, being worked on"),
    State.EXTENDED: N_("Being worked on, time extended"),
    State.NEEDS_TIER2: N_("Waiting for further elements"),
    State.NEEDS_INTERVIEW: N_("Waiting for a word on an interview"),
    State.REDIRECTED: N_("Pointed to another authority"),
    State.REPLIED: N_("Answered"),
    State.CONTESTED: N_("A second look was asked for"),
    State.CONSIDERED: N_("A return is being considered"),
    State.ASSESSED: N_("A return was assessed"),
    State.NOT_RETURNED: N_("There will be no return"),
    State.PROPOSED: N_("A return was proposed"),
    State.ACCEPTED: N_("The return was accepted"),
    State.DECIDED: N_("The return was decided"),
    State.DOCUMENTED: N_("The travel document is there"),
    State.SCHEDULED: N_("The journey is planned"),
    State.DEPARTED: N_("On the way"),
    State.HANDED_OVER: N_("Handed over"),
    State.MONITORING: N_("Looked after in the months after"),
    State.RECALL: N_("Called back"),
    State.CLOSED_SAFE: N_("Ended well"),
    State.CLOSED_CONCERN: N_("Ended with concern"),
    State.LOST_CONTACT: N_("Contact was lost"),
    State.SUSPENDED: N_("Suspended"),
    State.FROZEN: N_("Stopped"),
    State.WITHDRAWN: N_("Withdrawn"),
    State.CLOSED: N_("Closed"),
    State.BLOCKED: N_("Locked until it is erased"),
    State.ERASED: N_("Erased"),
}
"""Where a case stands, whichever side we are on."""

UNTIL: Mapping[State, str] = {
    **dict.fromkeys(
        (State.PROPOSED, State.ACCEPTED, State.DECIDED, State.DOCUMENTED),
        N_("The journey, by the last day proposed for it"),
    ),
    State.SCHEDULED: N_("Word of the journey"),
    State.DEPARTED: N_("Word of the arrival"),
    **dict.fromkeys((State.HANDED_OVER, State.MONITORING), N_("The last report")),
    State.RECALL: N_("Word that the person is back"),
}
"""What is to be heard by the day of a case in which no step is owed (``escalation.away_until``)."""

SIDES: Mapping[Side, str] = {
    Side.REQUESTING: N_("We asked"),
    Side.REQUESTED: N_("We were asked"),
}

EVENTS: Mapping[str, str] = {
    # A verification.
    "open": N_("The case was opened"),
    "amend": N_("The draft was changed"),
    "remark": N_("A remark was written, or taken out"),
    "confirm_remark": N_("The redacted remark was confirmed"),
    "attach": N_("An image was brought in or taken out"),
    "strip": N_("The images were erased: their time was over"),
    "approve": N_("What was prepared was approved"),
    "send_back": N_("What was prepared was sent back"),
    "send": N_("It was given to the outbox"),
    "discard": N_("The draft was discarded"),
    "request": N_("A request arrived"),
    "prepare": N_("A message was prepared"),
    "acknowledge": N_("We acknowledged"),
    "acknowledgement": N_("The other State acknowledged"),
    "redirect": N_("We pointed to another authority"),
    "redirection": N_("The other State pointed to another authority"),
    "ask": N_("We asked for further elements"),
    "question": N_("The other State asked for further elements"),
    "elements": N_("Further elements arrived"),
    "ask_interview": N_("We proposed an interview"),
    "interview": N_("The other State proposed an interview"),
    "interview_answer": N_("The proposal of an interview was answered"),
    "decline_interview": N_("The interview was declined"),
    "report_interview": N_("We reported the result of the interview"),
    "interview_result": N_("The result of the interview arrived"),
    "notify_delay": N_("We gave notice of delay"),
    "delay": N_("The other State gave notice of delay"),
    "delay_notice_due": N_("This desk was told that a reply or a notice of delay is due"),
    "extend": N_("We extended the time"),
    "extension": N_("The other State extended the time"),
    "countersign": N_("A second signer signed the reply"),
    "answer": N_("We replied"),
    "reply": N_("The reply of the other State arrived"),
    "reply_not_accepted": N_("The other gateway did not accept the reply"),
    "second_reply_not_accepted": N_("The other gateway did not accept the second reply"),
    "extension_not_accepted": N_("The other gateway did not accept the extension"),
    "contest": N_("A second look was asked for"),
    "taken_out": N_("A message that had not left yet was taken out"),
    "remind": N_("We reminded the other State"),
    "reminder": N_("The other State reminded us"),
    "close": N_("The case was closed"),
    # What the transport learns.
    "receipt": N_("A receipt came: the message arrived"),
    "not_accepted": N_("The other gateway did not accept the message"),
    "undelivered": N_("The message was given up: no receipt came in time"),
    # Stop and go on.
    "freeze": N_("The case was stopped"),
    "stop": N_("This gateway told the desk that something became known"),
    "go_on": N_("What held back a message that waited holds it back no more"),
    "release": N_("A stop was let go of"),
    "propose_resume": N_("Going on was proposed"),
    "resume": N_("The case went on"),
    "withdraw": N_("We withdrew"),
    "withdrawal": N_("The other State withdrew"),
    "suspend": N_("We suspended"),
    "suspension": N_("The other State suspended"),
    "resumption": N_("The other State goes on"),
    "correct": N_("The record was set right"),
    "attest": N_("The record was attested anew"),
    "restate": N_("What is recorded of age and guardian was set right"),
    "stop_pressing": N_("Pressing for an answer was stopped"),
    "propose_pressing": N_("Pressing for an answer again was proposed"),
    "allow_pressing": N_("Pressing for an answer was allowed again"),
    "escalate_l0": N_("The desk was told that the time is running out"),
    "escalate_l2": N_("The delay was taken up with the other desk"),
    "escalate_l3": N_("The delay was taken up between liaison officers"),
    "escalate_l4": N_("A note about the delay was made for the foreign ministry"),
    "escalate_l5": N_("The delay was taken to the joint committee"),
    "escalate_l6": N_("The delay was taken up between ministers"),
    # A return.
    "consider": N_("A return began to be considered"),
    "record": N_("The record of the return was brought up to date"),
    "assess": N_("The return was assessed"),
    "decline": N_("It was said that there will be no return"),
    "reassess": N_("The return is to be assessed anew"),
    "endorse": N_("The authority in charge signed the proposal"),
    "propose": N_("We proposed the return"),
    "proposal": N_("The other State proposed a return"),
    "proposal_not_accepted": N_("The other gateway did not accept the proposal"),
    "accept": N_("We accepted the return"),
    "acceptance": N_("The other State accepted the return"),
    "acceptance_not_accepted": N_("The other gateway did not accept the acceptance"),
    "refuse": N_("We refused the proposal"),
    "refusal": N_("The other State refused the proposal"),
    "decide": N_("The return was decided"),
    "request_document": N_("We asked for a travel document"),
    "document_request": N_("The other State asked for a travel document"),
    "issue": N_("We said that a travel document was issued"),
    "document": N_("The other State said that a travel document was issued"),
    "document_not_accepted": N_("The other gateway did not accept the notice of the travel document"),
    "document_expired": N_("The travel document expired"),
    "reissue_document": N_("We said that another travel document takes its place"),
    "reissue": N_("The other State said that another travel document takes its place"),
    "schedule": N_("We planned the journey"),
    "schedule_notice": N_("The plan of the journey arrived"),
    "schedule_not_accepted": N_("The other gateway did not accept the plan of the journey"),
    "cancel": N_("We cancelled the journey"),
    "cancellation": N_("The other State cancelled the journey"),
    "depart": N_("We said that the journey began"),
    "departure": N_("The other State said that the journey began"),
    "hand_over": N_("The escort signed the handover"),
    "handover": N_("The signature of the other hand arrived"),
    "confirm_handover": N_("The receiving service signed the handover"),
    "report": N_("We reported on the months after"),
    "report_safe": N_("We reported for the last time: all is well"),
    "report_concern": N_("We reported for the last time: there is concern"),
    "report_lost": N_("We reported for the last time: contact was lost"),
    "monitoring": N_("A report on the months after arrived"),
    "monitoring_safe": N_("The last report arrived: all is well"),
    "monitoring_concern": N_("The last report arrived: there is concern"),
    "monitoring_lost": N_("The last report arrived: contact was lost"),
    "recall": N_("We called back"),
    "take_back": N_("The other State calls back"),
    "returned": N_("The return was undone; everything is assessed anew"),
    # Data that was sent.
    "ask_use": N_("We asked what became of the data"),
    "use_request": N_("The other State asked what became of the data"),
    "report_use": N_("We reported what became of the data"),
    "use_answer": N_("The report on what became of the data arrived"),
    "ask_onward": N_("We asked whether the data may be passed on"),
    "onward_request": N_("The other State asked whether the data may be passed on"),
    "answer_onward": N_("We answered whether the data may be passed on"),
    "onward_answer": N_("The answer on passing the data on arrived"),
    "strike": N_("We said that something sent was wrong"),
    "prepare_rectification": N_("Right values for wrong ones were prepared"),
    "rectify": N_("We sent right values for wrong ones"),
    "rectification": N_("The other State corrected what it had sent"),
    "demand_erasure": N_("We asked to have the data destroyed"),
    "erasure": N_("The other State asked to have the data destroyed"),
    "confirm": N_("We confirmed that it was done"),
    "confirmation": N_("The other State confirmed that it was done"),
    "destroy": N_("We destroyed our copy"),
    # Rights of the person, retention, the gateway itself.
    "restrict_access": N_("The account to the person was restricted"),
    "lift_restriction": N_("The restriction of the account ended"),
    "block": N_("The case was locked"),
    "erase": N_("The case was erased"),
    "revoked": N_("A key that signed something here was revoked"),
    "reckoned": N_("The time was reckoned differently by the other State"),
    "reckoned_anew": N_("The time was reckoned anew with newer holidays"),
    "resync": N_("The other State came back from a restore"),
    "restore": N_("This gateway came back from a restore"),
}
"""What each line of a history says."""

LOOKS: Mapping[str, str] = {
    "open": N_("opened the case"),
    "view": N_("looked at the content"),
    "preview": N_("looked at what is prepared"),
    "sign": N_("looked at what is to be signed"),
    "print": N_("printed the summary"),
    "log": N_("read the reasons in this log"),
    "search": N_("searched for the reply"),
    "send": N_("sent something of it"),
    "rectify": N_("sent a correction"),
    "recipients": N_("looked up who was sent something about the person"),
    "tell-apart": N_("compared it with another case"),
    "correct": N_("set the record right"),
    "attest": N_("attested anew"),
    "restate": N_("set right what is recorded of age and guardian"),
    "evidence": N_("exported the evidence"),
    "evidence-content": N_("exported the evidence with its content"),
    "invite": N_("invited somebody to the case"),
    "uninvite": N_("took an invitation back"),
    "access": N_("made the account for the person"),
    "access-withheld": N_("asked for the account, which is restricted"),
    "settle": N_("said what was done about it"),
    "erase": N_("erased it as ordered"),
}
"""What somebody did that an access log tells of."""

DESKS: Mapping[str, str] = {
    "interior": N_("Confirmation desk"),
    "board": N_("Replies to watch"),
    "operator": N_("Operator"),
}
"""The desks of a gateway."""

WAYS: Mapping[str, str] = {
    "passkey": N_("by passkey"),
    "code": N_("by a code"),
    "openid": N_("by the State's sign-on"),
    "link": N_("by a link"),
    "enrol": N_("to add a way of signing in"),
    "sign-in": N_("to sign in once"),
    "invitation": N_("to one case"),
}
"""How somebody signed in, or what a link is for."""

CHECKED: Mapping[str, str] = {
    "compose": N_("when it is composed"),
    "approve": N_("when it is approved"),
    "send": N_("when it is sent"),
    "retry": N_("when it is tried again"),
    "remind": N_("when a reminder is due"),
    "receive": N_("when it is received"),
    "export": N_("when it is exported"),
    "close": N_("when the case is closed"),
}
"""When a rule is looked at."""

MACHINE: Mapping[str, str] = {
    "partner": N_("The other State"),
    "gateway": N_("This gateway"),
    "stop": N_("This gateway"),
    "person": N_("The person"),
}
"""Who acts in a history without being a role that somebody here holds."""


def state(tongue: Tongue, code: str) -> str:
    """Return where a case stands in words; a state that a later version brings, as it is."""
    return tongue._(STATES[State(code)]) if code in State.__members__ else code


def until(tongue: Tongue, code: str) -> str:
    """Return what is to be heard by the day of a case in this state, where no step is owed; an empty text for none."""
    return tongue._(UNTIL[State(code)]) if code in State.__members__ and State(code) in UNTIL else ""


def side(tongue: Tongue, code: str) -> str:
    """Return which side we are on in words."""
    return tongue._(SIDES[Side(code)])


def event(tongue: Tongue, code: str) -> str:
    """Return what a line of a history says; one that a later version brings, as it is."""
    return tongue._(EVENTS[code]) if code in EVENTS else code


def looked(tongue: Tongue, code: str) -> str:
    """Return what somebody did, as an access log says it."""
    return tongue._(LOOKS[code]) if code in LOOKS else code


def recipient(tongue: Tongue, code: str | None) -> str:
    """Return to whom something was given, as a record of access has it: a State, a body, a role, or the person."""
    if code is None:
        return ""
    if code == "PERSON":
        return tongue._(N_("The person"))
    names = (tongue.code(name, code) for name in ("country", "recipient_class", "person_role"))
    return next((text for text in names if text != code), code)


def by(tongue: Tongue, role: str) -> str:
    """Return who acted: a role, the other State, or this gateway."""
    return tongue._(MACHINE[role]) if role in MACHINE else tongue.role(role)


def detail(tongue: Tongue, text: str) -> str:
    """Return what is noted with an event of an account: a way, or the role or the person it is about."""
    return tongue._(WAYS[text]) if text in WAYS else tongue.role(text) if text else ""
