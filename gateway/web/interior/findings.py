"""
What a case notes of itself, in words: each finding that the modules put on it, in every language.

Rule: a finding is kept in English, with codes, days and instants in it. A page finds its sentence again by the words
around them, and says the values in its own language; a finding that a later version notes is shown as it is.
"""

import re
from datetime import datetime
from functools import cache
from typing import Final

from gateway.web.language import N_, Tongue

FINDINGS: Final = (
    N_("no message of ours tells the other State of a step that was taken here; tell it by another way"),
    N_("the other State was not told that the person is called back; call back once more when it may know"),
    N_("the other State stopped the return when the person had left; speak to it, and call back if need be"),
    N_("the other State took its reply back when the person had left; speak to it, and call back if need be"),
    N_(
        "by the date of birth that was set right who came as an adult is a minor; tell the authority in charge of "
        "minors"
    ),
    N_("the other State stopped the return that was arranged before, and still does; speak to it first"),
    N_("the person left before the other State confirmed the plan of the journey; tell it another way who comes"),
    N_("the escort signed another protocol of the handover after both hands had signed one; compare the two"),
    N_(
        "%(part)s: the record was set right here alone; if what was wrong was sent, the other State is still to be told"
    ),
    N_("the answer came after the case was closed; it is kept until the case is erased"),
    N_("an answer came after the case was closed, and the rules do not let it be kept"),
    N_("a message of ours got no receipt in its time; tell the other State by another way that the line is down"),
    N_(
        "something became known that may concern this person: look at the case for a reason, and decide on a recall, "
        "or that it is another person"
    ),
    N_("the other State takes no word that the person left, and may await nobody; speak to it now"),
    N_("the other State says that a person left whom nobody here awaits, and its message was refused; speak to it now"),
    N_("a message of ours waits, for a rule stands against it: look at the case for a reason to learn which"),
    N_("a statement of ours in this return is by a key that is revoked since before it; have another one signed"),
    N_("a message that waited in the backup was dropped, and may have left since; ask the other State"),
    N_("word of a stop or a withdrawal is refused for its times, and said again; see whose clock is wrong"),
    N_("word of who has left is refused for its times, and said again; see whose clock is wrong"),
    N_("a message that waited was dropped at the restore; freeze and withdraw the case, or ask anew"),
    N_("a message that waited in the backup never left, and was dropped; see whether it is to be sent anew"),
    N_("the other State holds messages of ours in this case, which were lost before the restore"),
    N_("an answer that was never posted was taken out, for what it rests on was set right or fell; answer again"),
    N_("a document that was never told was taken out, for what it rests on was set right or fell; issue it again"),
    N_("a rule stands against posting a message again that the other State may have lost; ask it"),
    N_("a message that the other State may have lost was posted again and did not come through; ask it"),
    N_("since it was restored the other State goes by a message of ours that it had refused; ask it"),
    N_(
        "the other State has lost in a restore what we said in this case, as its reminder shows; tell it by another "
        "way, and have it withdraw and ask anew"
    ),
    N_(
        "the other State has lost in a restore what we said long ago, and takes none of it again; what still holds of "
        "it has to be said anew"
    ),
    N_(
        "the other State takes no reminder in this case, and may have given the answer that our restore has lost; ask "
        "it, and withdraw and ask anew"
    ),
    N_("the other State reports %(status)s as of %(day)s"),
    N_("the other State asks to take the person back by %(day)s: %(reason)s"),
    N_(
        "No State that the person is said to come from confirms what it was asked: each denies it, or found no entry. "
        "Refer the person to whoever determines statelessness here."
    ),
    N_(
        "Nobody is stateless by this alone. An entry that was not found denies nothing: a birth may not be registered, "
        "and a name may be written in another way. Silence and a refusal were not counted. A State that was asked "
        "about residence has not denied its nationality. Ask no further State only to complete a list, tell none of "
        "this, and hand an answer on only as its State allows."
    ),
    N_("not accepted: %(code)s"),
    N_("a message that waited was dropped when the case was stopped, and has to be said again: %(type)s"),
    N_("the other State holds our message number %(number)s, which was lost before the restore"),
    N_("the other State says it received at %(at)s"),
    N_("no calendar here knows the days for %(step)s"),
    N_("the other State reckons %(day)s, we reckon %(own_day)s"),
    N_("since it was restored the other State says %(receipt)s; its first receipt says %(first_receipt)s"),
    N_("since it was restored the other State reckons %(day)s; its first receipt says %(first_day)s"),
    N_(
        "the message may have come before the restore as well: the other State may reckon from %(day)s on, we reckon "
        "from %(own_day)s"
    ),
    N_("the extension came on %(day)s, after %(due_day)s; its sender dates it %(said_day)s"),
    N_(
        "the message %(digest)s of %(country)s was received on %(at)s and cannot be read here any more, and a key of "
        "that State is revoked as of %(since_at)s: do not rely on it, and ask again"
    ),
    N_(
        "the message %(digest)s of %(country)s was received on %(at)s, and its key is revoked as of %(since_at)s: do "
        "not rely on it, and ask again"
    ),
    N_(
        "the message %(digest)s of %(country)s was received on %(at)s, and the key of a statement in it is revoked as "
        "of %(since_at)s: do not rely on it, and ask again"
    ),
)
"""Findings as the modules have them that put them on a case, each value in its place by the kind of its name."""

_LISTS: Final = {
    "status": "monitoring",
    "reason": "take_back_reason",
    "code": "refusal_code",
    "part": "rectified_part",
    "type": "message_type",
    "step": "step",
    "receipt": "receipt_status",
    "country": "country",
}
"""The list of codes that a value of this kind is of."""

_PLACE: Final = re.compile(r"%\(([a-z_]+)\)s")


@cache
def _forms() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return what finds each finding with values in it, and the finding."""
    return tuple(
        (re.compile("".join(f"(?P<{part}>\\S+)" if odd else re.escape(part) for odd, part in _parted(text))), text)
        for text in FINDINGS
        if _PLACE.search(text)
    )


def _parted(text: str) -> list[tuple[int, str]]:
    """Return the parts of a finding, each with 1 for the name of a value and 0 for words."""
    return [(place % 2, part) for place, part in enumerate(_PLACE.split(text))]


def said(tongue: Tongue, finding: str) -> str:
    """Return a finding of a case in words."""
    for form, text in _forms():
        if (found := form.fullmatch(finding)) is not None:
            return tongue._(text, **{name: _value(tongue, name, one) for name, one in found.groupdict().items()})
    return tongue._(finding)


def _value(tongue: Tongue, name: str, text: str) -> str:
    """Return a value of a finding in words: a code by its list, an instant by the clocks of this place."""
    kind = name.rpartition("_")[2]
    if text == "None":
        return tongue._(N_("no day"))
    if kind in _LISTS:
        return tongue.code(_LISTS[kind], text)
    try:
        return tongue.instant(datetime.fromisoformat(text)) if kind == "at" else text
    except ValueError:
        return text
