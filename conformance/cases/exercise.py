"""Section 5.11: exercises with invented persons, which nobody can take for real ones."""

from contextlib import suppress
from typing import Any

from conformance.backend import Forbidden
from conformance.bodies import body, refuses, send
from conformance.play import Play
from conformance.reading import Json, compact
from conformance.registry import Wrong, case
from conformance.talk import Talk

TYPE, REQUEST = "exercise", "verification.request"
REMINDER = {"number": 1, "step": "reply"}
WITHDRAWN = {"code": "WITHDRAWN_NO_REASON"}


def wrap(type: str, value: Json | bytes) -> bytes:
    """Return the body of an exercise of ``type``, in its one form (M-5.37)."""
    inner = value if isinstance(value, bytes) else compact(value)
    return b'{"of":"' + type.encode() + b'","body":' + inner + b"}"


def _question(play: Play, **elements: Any) -> Json:
    value = play.a.question()
    return value | {"elements": value["elements"] | elements}


async def _asks(play: Play) -> Talk:
    """Let ``a`` open an exercise with the gateway."""
    talk = Talk(play, play.a, asking=True)
    talk.receipt = await talk.send(TYPE, wrap(REQUEST, _question(play)))
    return talk


async def _practised(talk: Talk, type: str, value: Json) -> Json:
    """Let the gateway's desk say ``type`` in an exercise; return the body of what is exercised."""
    await talk.say(type, value)
    message = talk.take(talk.play.one(await talk.play.tick(), TYPE))
    if message.body["of"] != type or message.value["body_bytes"] != wrap(type, message.body["body"]):
        raise Wrong(f"the exercise is of {message.body['of']}, or not written in its one form (M-5.37)")
    inner: Json = message.body["body"]
    return inner


async def _is_asked(play: Play) -> Talk:
    """Let the gateway open an exercise with ``a``, which accepts."""
    value = {"to": play.a.code, "draft": play.draft(), "exercise": True}
    thread = str((await play.tell("/submit", value)).get("thread"))
    play.gateway.opened.add(thread)
    talk = Talk(play, play.a, asking=False, thread=thread)
    message = talk.take(play.one(await play.tick(), TYPE))
    if message.body["of"] != REQUEST or message.value["body_bytes"] != wrap(REQUEST, message.body["body"]):
        raise Wrong("the request of the exercise is not written in its one form (M-5.37)")
    return talk


@case("exercise.both-ways", "M-5.37", section="5.11", profile="full", positive=True)
async def both_ways(play: Play) -> None:
    """
    An exercise goes from the request to the reply and the contest, on both sides, every message inside the type.

    A gateway that cannot do this is used for the first time when there is a person.
    """
    talk = await _asks(play)
    await _practised(talk, "verification.acknowledgement", {})
    await _practised(talk, "verification.reply", play.reply())
    await talk.send(TYPE, wrap("verification.contest", {"ground": "NEW_ELEMENT"}))
    talk = await _is_asked(play)
    await talk.send(TYPE, wrap("verification.acknowledgement", body(play, talk, "verification.acknowledgement")))
    reply = {"handling": talk.heard[0].body["body"]["handling"], **play.reply()}
    await talk.send(TYPE, wrap("verification.reply", reply))
    await _practised(talk, "verification.contest", {"ground": "WRONG_PERSON"})


@case("exercise.dated", "M-5.37", "M-5.13", section="5.11", profile="full", positive=True)
async def dated(play: Play) -> None:
    """
    The receipt of an exercised request states the same dates as that of a real one.

    A gateway that states none practises without the one thing that a desk is measured by.
    """
    talks = [await _asks(play), await play.asks()]
    dates = [{name: talk.receipt[name] for name in ("start_on", "due_on")} for talk in talks]
    if dates[0] != dates[1]:
        raise Wrong(f"the receipt of the exercise states {dates[0]}, and that of a real request {dates[1]}")


@case("exercise.says-so", "M-5.37", section="5.11", profile="full", positive=True)
async def says_so(play: Play) -> None:
    """
    What was taken in as an exercise is kept as one: type, digest and bytes are those of the whole message.

    A gateway that keeps what was inside has a real request in its records, and somebody will act on it.
    """
    talk = await _asks(play)
    rows = await talk.delivered()
    if [row["type"] for row in rows] != [TYPE]:
        raise Wrong(f"it was kept as {', '.join(row['type'] for row in rows)}")
    if rows[0]["body"] is not None and not rows[0]["body"].startswith('{"of":"verification.request","body":{'):
        raise Wrong("the body that was kept does not say that it is an exercise")


def _text(play: Play) -> bytes:
    return compact(_question(play))


FORMS: dict[str, Any] = {
    "white-space-before": lambda text: b'{ "of":"verification.request","body":' + text + b"}",
    "white-space-between": lambda text: b'{"of":"verification.request", "body":' + text + b"}",
    "white-space-before-the-body": lambda text: b'{"of":"verification.request","body": ' + text + b"}",
    "white-space-after": lambda text: b'{"of":"verification.request","body":' + text + b" }",
    "another-order": lambda text: b'{"body":' + text + b',"of":"verification.request"}',
    "escape": lambda text: b'{"of":"verification\\u002erequest","body":' + text + b"}",
    "another-member": lambda text: b'{"of":"verification.request","body":' + text + b',"note":"x"}',
    "no-type": lambda text: b'{"body":' + text + b"}",
    "a-type-of-nobody": lambda text: wrap("verification.guess", text),
    "of-itself": lambda text: wrap(TYPE, wrap(REQUEST, text)),
    "of-the-channel": lambda text: wrap("collect", b'{"max":1}'),
    "of-no-case": lambda text: wrap("information.request", text),
    "body-text": lambda text: b'{"of":"verification.request","body":"x"}',
    "inside-not-as-defined": lambda text: wrap(REQUEST, b'{"note":"x"}'),
    "inside-of-another-type": lambda text: wrap("reminder", text),
}


@case("exercise.form", "M-5.37", section="5.11", inputs=FORMS, profile="full", fresh=False)
async def form(play: Play, make: Any) -> None:
    """
    An exercise that is not written in its one form, or holds no body of its type, is `bad-schema`.

    A gateway that reads it in several ways approves other bytes than its partner.
    """
    talk = Talk(play, play.a, asking=True)
    await talk.refused("bad-schema", TYPE, make(_text(play)))
    await talk.send(TYPE, wrap(REQUEST, _question(play)))


@case("exercise.white-space-inside", "M-5.37", section="5.11", profile="full", positive=True)
async def white_space_inside(play: Play) -> None:
    """
    Inside the body that is exercised white space is the sender's own affair.

    A gateway that refuses it practises another protocol than the real one.
    """
    talk = Talk(play, play.a, asking=True)
    await talk.send(TYPE, wrap(REQUEST, _text(play).replace(b'"method_limit":', b'"method_limit" : ')))


@case("exercise.checked-inside", "M-5.37", section="5.11", profile="full")
async def checked_inside(play: Play) -> None:
    """
    What is inside is checked as a message of its type: elements by the matrix, statements over the inner bytes.

    A gateway that checks less in an exercise practises what it must not do.
    """
    talk = Talk(play, play.a, asking=True)
    await talk.refused("not-minimised", TYPE, wrap(REQUEST, _question(play, entry_date="2020-01-01")))
    talk = await _is_asked(play)
    await talk.send(TYPE, wrap("verification.acknowledgement", body(play, talk, "verification.acknowledgement")))
    reply = {"handling": talk.heard[0].body["body"]["handling"], **play.reply("not-found")}
    whole = wrap("verification.reply", reply)
    kind, role = "reply.second-signature", "second_signer"
    await talk.refused("bad-statement", TYPE, whole)
    about_all = play.a.statement(kind, role, whole, talk.thread)
    await talk.refused("bad-statement", TYPE, whole, statements=[about_all])
    await talk.send(TYPE, whole, statements=[play.a.statement(kind, role, reply, talk.thread)])


@case("exercise.withdrawal-jumps", "M-5.37", "M-5.22", section="5.11", profile="full")
async def withdrawal_jumps(play: Play) -> None:
    """
    The withdrawal of an exercise is accepted at any higher number, as a real one is, and so is what takes data back.

    A gateway that counts it as an exercise, and not as what is exercised, cannot end one that was interrupted.
    """
    talk = await _asks(play)
    await talk.send(TYPE, wrap("withdrawal", WITHDRAWN), seq=talk.seq + 3)
    talk.seq += 3
    await talk.refused("illegal-step", TYPE, wrap("reminder", REMINDER))
    await talk.send(TYPE, wrap("erasure", {"number": 1}))


@case("exercise.real-in-an-exercise", "M-5.38", section="5.11", profile="full")
async def real_in_an_exercise(play: Play) -> None:
    """
    A real message in the thread of an exercise is refused, a withdrawal too.

    A gateway that takes it has a real person in a case that everybody plays with.
    """
    talk = await _asks(play)
    await talk.refused("illegal-step", "reminder", REMINDER)
    await talk.refused("illegal-step", REQUEST, _question(play))
    for type in ("withdrawal", "suspension", "use-report.request", "rectification", "erasure"):
        await refuses(talk, type)
    await talk.send(TYPE, wrap("reminder", REMINDER))


@case("exercise.in-a-real-thread", "M-5.38", section="5.11", profile="full")
async def in_a_real_thread(play: Play) -> None:
    """
    An exercise in the thread of a real case is refused, on either side, and the case goes on.

    A gateway that takes it closes a real request by a withdrawal that was meant as a game.
    """
    talk = await play.acknowledged()
    for type, value in (("reminder", REMINDER), ("withdrawal", WITHDRAWN), (REQUEST, _question(play))):
        await talk.refused("illegal-step", TYPE, wrap(type, value))
    await send(talk, "reminder")
    talk = await play.taken_up()
    reply = body(play, talk, "verification.reply")
    await talk.refused("illegal-step", TYPE, wrap("verification.reply", reply))
    await talk.send("verification.reply", reply)


REAL: dict[str, dict[str, Any]] = {
    "born-in-germany": {"birth_place": {"country": "DEU", "unit": "Kiel"}},
    "born-in-kosovo": {"birth_place": {"country": "XKX", "unit": "Peja"}},
    "born-in-zambia": {"birth_place": {"country": "ZMB", "unit": "Ndola"}},
    "born-in-a-former-state": {"birth_place": {"country": "YUG", "unit": "Bitola"}},
}


@case("exercise.real-place", "M-5.38", section="5.11", inputs=REAL, profile="full")
async def real_place(play: Play, elements: dict[str, Any]) -> None:
    """
    An exercise in which a place is of a State that exists is refused; one of an invented State is taken.

    A gateway that takes it has room in its exercises for somebody who was born there.
    """
    talk = Talk(play, play.a, asking=True)
    await talk.refused("illegal-step", TYPE, wrap(REQUEST, _question(play, **elements)))
    invented = {"birth_place": {"country": "XCC", "unit": "Northtown"}}
    await talk.send(TYPE, wrap(REQUEST, _question(play, **invented)))


@case("exercise.real-place-later", "M-5.38", section="5.11", profile="full")
async def real_place_later(play: Play) -> None:
    """
    A place that exists is refused in every message of an exercise, and not in its first one alone.

    A gateway that looks at the request alone is told of a real person by what the request left out.
    """
    talk = await _asks(play)
    await _practised(talk, "verification.acknowledgement", {})
    await _practised(talk, "verification.question", {"candidates": 2, "elements": ["BIRTH_PLACE"]})
    value = {"handling": _question(play)["handling"], "elements": REAL["born-in-germany"]}
    await talk.refused("illegal-step", TYPE, wrap("verification.elements", value))
    value["elements"] = {"birth_place": {"country": "XCC", "unit": "Northtown"}}
    await talk.send(TYPE, wrap("verification.elements", value))


@case("exercise.own-statement", "M-5.37", "M-6.1", section="5.11", profile="full", positive=True)
async def own_statement(play: Play) -> None:
    """
    The second signature of the gateway's own reply stands, in an exercise too, over the body that is exercised.

    A gateway that signs something else in an exercise finds out with a real person that nobody takes it.
    """
    talk = await _asks(play)
    await _practised(talk, "verification.acknowledgement", {})
    await _practised(talk, "verification.reply", play.reply("not-found"))


ISSUERS = ["FRA", "XKX", "SUN"]


@case("exercise.real-document", "M-5.38", section="5.11", inputs=ISSUERS, profile="full")
async def real_document(play: Play, issuer: str) -> None:
    """
    An exercise with a document of a State that exists is refused.

    A gateway that takes it looks a real passport up for practice.
    """
    talk = Talk(play, play.a, asking=True)
    value = play.a.question("document")
    real = value | {"elements": {"document": value["elements"]["document"] | {"issuer": issuer}}}
    await talk.refused("illegal-step", TYPE, wrap(REQUEST, real))
    await talk.send(TYPE, wrap(REQUEST, value))


@case("exercise.own-real-place", "M-5.38", section="5.11", profile="full")
async def own_real_place(play: Play) -> None:
    """
    The gateway's desk does not open an exercise with a place that exists.

    A gateway that lets it sends a person as practice to a State that keeps it.
    """
    draft = play.draft()
    draft["elements"] = draft["elements"] | {"birth_place": {"country": "DEU", "unit": "Kiel"}}
    with suppress(Forbidden):
        await play.tell("/submit", {"to": play.a.code, "draft": draft, "exercise": True})
    await play.silent(play.a)


@case("exercise.stays-one", "M-5.38", section="5.11", profile="full")
async def stays_one(play: Play) -> None:
    """
    What the gateway says in the thread of an exercise is an exercise, a withdrawal too.

    A gateway that forgets it once sends a real message about an invented person, and an office begins to search.
    """
    talk = await _is_asked(play)
    await talk.send(TYPE, wrap("verification.acknowledgement", body(play, talk, "verification.acknowledgement")))
    await talk.withdraw()
    message = talk.take(play.one(await play.tick(hours=1), TYPE))
    if message.body != {"of": "withdrawal", "body": WITHDRAWN}:
        raise Wrong(f"the exercise ended with {message.body}")
