"""Section 6: acts of persons, and the replies that need two."""

from typing import Any

from conformance.play import Play
from conformance.reading import Json
from conformance.registry import Wrong, case
from conformance.state import DAY, example
from conformance.talk import Talk

NEGATIVE = ["not-national", "former-national", "not-found", "refused", "not-resident-at-date", "document-altered"]
KIND, ROLE = "reply.second-signature", "second_signer"


def _signed(talk: Talk, body: Json, **how: Any) -> list[str]:
    kind, role = how.pop("kind", KIND), how.pop("role", ROLE)
    return [talk.state.statement(kind, role, how.pop("body", body), talk.thread, **how)]


@case("statements.required", "M-6.1", "M-6.2", section="6", inputs=NEGATIVE, profile="verify")
async def required(play: Play, outcome: str) -> None:
    """
    A negative reply without a second signature is refused `bad-statement`, and taken once it has one.

    A gateway that takes it lets one person in a registry decide alone that somebody belongs nowhere.
    """
    about = example("case-draft", "permanent-residence") if outcome == "not-resident-at-date" else {}
    if outcome == "document-altered":
        elements = play.draft()["elements"] | example("verification.request", "document")["elements"]
        about = {"purpose": "DOC_AUTHENTICITY", "elements": elements}
    talk = await play.taken_up(**{name: about[name] for name in ("purpose", "elements") if name in about})
    body = talk.reply_body(outcome)
    await talk.refused("bad-statement", "verification.reply", body)
    await talk.send("verification.reply", body, statements=_signed(talk, body))


FAULTS: dict[str, dict[str, Any]] = {
    "another-body": {"about": "A" * 43},
    "another-thread": {"about_thread": "A" * 22},
    "another-kind": {"kind": "request.approval"},
    "another-role": {"role": "desk_head"},
    "past-its-time": {"past": True},
    "by-nobody": {"by": "nobody"},
    "by-another-role": {"by": "desk_head"},
    "by-a-revoked-key": {"by": "revoked"},
    "by-a-key-that-is-over": {"by": "over"},
    "by-a-key-to-come": {"by": "early"},
    "by-the-gateway-key": {"by": "signing"},
    "twice": {"twice": True},
}


@case("statements.checked", "M-6.2", section="6", inputs=FAULTS, profile="verify")
async def checked(play: Play, fault: dict[str, Any]) -> None:
    """
    A statement that is about something else, or by a key that is not listed for the role, is `bad-statement`.

    A gateway that counts statements and does not read them takes any signature for any act.
    """
    talk = await play.taken_up()
    body, how, a = talk.reply_body("not-found"), dict(fault), play.a
    keys = {
        "nobody": a.key("nobody"),
        "desk_head": a.roles["desk_head"],
        "revoked": a.revoked_signer,
        "over": a.over_signer,
        "early": a.early_signer,
        "signing": a.signing,
    }
    if by := how.pop("by", None):
        how["key"] = keys[by]
    if how.pop("past", False):
        how["valid_until"] = play.now() - DAY
    twice = how.pop("twice", False)
    signed = _signed(talk, body, **how)
    await talk.refused("bad-statement", "verification.reply", body, statements=signed * (2 if twice else 1))
    await talk.send("verification.reply", body, statements=_signed(talk, body))


@case("statements.none-but-required", "M-6.2", section="6", profile="verify")
async def none_but_required(play: Play) -> None:
    """
    A message that requires no statement and carries one is refused `bad-statement`.

    A gateway that takes more than is required keeps names of keys, and so of persons, that it has no use for.
    """
    talk = await play.taken_up()
    body = talk.reply_body()
    await talk.refused("bad-statement", "verification.reply", body, statements=_signed(talk, body))


@case("statements.own", "M-6.1", "M-6.3", section="6", inputs=NEGATIVE, profile="verify", positive=True)
async def own(play: Play, outcome: str) -> None:
    """
    A negative reply of the gateway carries the second signature over the exact bytes of its body.

    A gateway that signs another text than it sends has two persons who agreed on something else.
    """
    if outcome == "not-resident-at-date":
        talk = await play.acknowledged(name="permanent-residence")
        reply = play.reply(outcome, as_of=talk.state.question("permanent-residence")["elements"]["entry_date"][:10])
    else:
        name = "document" if outcome == "document-altered" else "nationality"
        talk, reply = await play.acknowledged(name=name), play.reply(outcome)
    message = await talk.said("verification.reply", reply)
    if len(message.value["statements"]) != 1:
        raise Wrong("the reply carries no second signature")
