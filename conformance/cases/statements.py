"""Section 6: acts of persons and authorities: the replies that need two, and who signs a message of a return."""

from typing import Any

from conformance.bodies import accepts, body, send
from conformance.play import Play
from conformance.reading import Json
from conformance.registry import Wrong, case
from conformance.returning import accepted_body, homeward, journey, proposal_body, stated
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


# Who signs a message of a return


SIGNS: dict[str, tuple[str, dict[str, Any]]] = {
    "nobody": ("none", {}),
    "another-role": ("role", {"role": "desk_head"}),
    "another-kind": ("role", {"kind": "return.acceptance"}),
    "welfare-for-an-adult": ("role", {"role": "welfare"}),
    "the-gateway": ("key", {"key": "signing"}),
    "another-body": ("key", {"about": "A" * 43}),
    "over": ("over", {}),
}


@case("statements.release", "M-6.4", "M-6.2", "M-6.5", section="6", inputs=SIGNS, profile="return")
async def release(play: Play, how: tuple[str, dict[str, Any]]) -> None:
    """
    A proposal without the release of the authority in charge over its own body is `bad-statement`.

    A gateway that takes it believes a desk that its own authority has not asked.
    """
    talk = await journey(play, "replied")
    value = proposal_body(play, talk.heard[-1].digest)
    await talk.refused("bad-statement", "return.proposal", value, statements=_by(talk, how, "return.release", value))
    await send(talk, "return.proposal", reply=talk.heard[-1].digest)


def _by(talk: Talk, how: tuple[str, dict[str, Any]], kind: str, value: Json) -> list[str]:
    what, changes = how[0], dict(how[1])
    if what == "none":
        return []
    if changes.get("key") == "signing":
        changes["key"] = talk.state.signing
    if what == "over":
        changes["valid_until"] = talk.play.now().replace(year=2025)
    role = changes.pop("role", "coordinator" if kind == "return.release" else "desk_head")
    until = {"valid_until": talk.play.now().replace(year=2027)} | changes
    return [talk.state.statement(until.pop("kind", kind), role, value, talk.thread, **until)]


TAKES: dict[str, tuple[str, dict[str, Any]]] = {
    "nobody": ("none", {}),
    "another-role": ("role", {"role": "coordinator"}),
    "another-kind": ("role", {"kind": "return.release"}),
    "welfare-for-an-adult": ("role", {"role": "welfare"}),
    "the-gateway": ("key", {"key": "signing"}),
    "another-body": ("key", {"about": "A" * 43}),
    "over": ("over", {}),
}


@case("statements.acceptance", "M-6.4", "M-6.2", section="6", inputs=TAKES, profile="return")
async def acceptance(play: Play, how: tuple[str, dict[str, Any]]) -> None:
    """
    An acceptance without the statement of who answers for the reception is `bad-statement`.

    A gateway that takes it sends a person to a desk that has asked no service.
    """
    talk = await homeward(play, "proposed")
    value = accepted_body(play, talk)
    statements = _by(talk, how, "return.acceptance", value)
    await talk.refused("bad-statement", "return.acceptance", value, statements=statements)
    await accepts(talk)


@case("statements.welfare-accepts", "M-6.4", section="6", profile="return", inputs=["desk_head", "coordinator"])
async def welfare_accepts(play: Play, role: str) -> None:
    """
    For a represented person the welfare authority accepts, and nobody in its place.

    A gateway that takes the head of a desk for it has a minor received by an office.
    """
    talk = await homeward(play, "proposed", represented=True)
    value = accepted_body(play, talk)
    wrong = stated(talk, "return.acceptance", role, value)
    await talk.refused("bad-statement", "return.acceptance", value, statements=wrong)
    await accepts(talk)


@case("statements.stop-unsigned", "M-6.4", "M-6.2", section="6", profile="return", inputs=["suspension", "resumption"])
async def stop_unsigned(play: Play, type: str) -> None:
    """
    To stop takes no signature: a suspension with a statement is `bad-statement`, one without is taken.

    A gateway that waits for a signature before it stops goes on while somebody looks for a key.
    """
    talk = await homeward(play, "accepted")
    value = body(play, talk, type)
    await talk.refused("bad-statement", type, value, statements=stated(talk, "return.release", "coordinator", value))
    await send(talk, type)
