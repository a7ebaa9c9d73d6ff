"""Section 7.3: checkpoints that are kept and shown, and logs that contradict themselves."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256

from aiohttp import web

from conformance.client import Got
from conformance.evidence import read_parts
from conformance.play import Play
from conformance.reading import Refused, b64u, compact, read_checkpoint, strict_json, tree_hash, unb64u
from conformance.registry import NotOffered, Wrong, case
from conformance.state import Shot, State, Watch
from conformance.witnessing import (
    ADD,
    CONFLICT,
    CONFLICTS,
    LOG,
    CosigningKey,
    KeptLog,
    Shown,
    check_shown,
    cosigned_at,
    proof_between,
    read_shown,
)
from conformance.writing import write_note

TEXT = {"Content-Type": "text/plain; charset=utf-8"}
PROBLEM = {"Content-Type": "application/problem+json"}

ASKED_H = 5
"""For how many hours a gateway may ask for a proof that the keeper has not (M-7.12)."""


def _key(state: State) -> CosigningKey:
    return CosigningKey(state.secret("cosigning"))


async def _cosigning(play: Play, *states: State) -> None:
    """Let ``states`` list a key to cosign with; the gateway must list one too."""
    if "watch" not in play.offers or not play.gateway.card.value.get("cosigning"):
        raise NotOffered("the gateway keeps no checkpoints")
    for state in states:
        state.next_card(cosigning=[b64u(_key(state).public)])
    await play.publish(*states)


def _log(play: Play, keeper: State, name: str = "", about: str | None = None) -> KeptLog:
    return KeptLog(keeper.code, about or play.gateway.code, keeper.log_key, _key(keeper), name)


async def _show(play: Play, shown: Shown | bytes) -> Got:
    raw = shown if isinstance(shown, bytes) else shown.write()
    return await play.post(Shot(raw, path=ADD, headers=TEXT))


def _is(got: Got, status: int) -> None:
    if got.status != status:
        raise Wrong(f"the status is {got.status}, not {status}")


def _own_keys(play: Play) -> list[bytes]:
    return [unb64u(key) for key in play.gateway.card.value["cosigning"]]


@case("witness.cosigns", "M-7.9", section="7.3", profile="full", positive=True, needs=["watch"])
async def cosigns(play: Play) -> None:
    """
    The gateway cosigns the log that a partner keeps about it, as it grows, and says which size it cosigned last.

    A gateway that cosigns nothing leaves its partner with a log that only the two of them have seen.
    """
    await _cosigning(play, play.a)
    log, now = _log(play, play.a), play.now()
    for number, (size, old) in enumerate(((3, 0), (3, 3), (11, 3))):
        shown = log.shown(size, old, now + timedelta(seconds=number))
        got = await _show(play, shown)
        _is(got, 200)
        line = got.body.decode()
        if cosigned_at(shown.note.partition("\n\n")[0] + "\n\n" + line, play.gateway.code, _own_keys(play)) is None:
            raise Wrong("the answer holds no cosignature of the gateway over the tree that was shown")
    got = await _show(play, log.shown(12, 3, now + timedelta(seconds=9)))
    _is(got, 409)
    if got.body != b"11\n":
        raise Wrong(f"asked from another size the gateway names {got.body!r}, not 11")


FAULTS = {
    "not-continued": 422,
    "no-proof": 422,
    "old-beyond": 400,
    "no-form": 400,
    "no-cosignature": 403,
    "cosigned-ahead": 403,
    "dated-before-a-smaller": 422,
    "cosigned-at-no-instant": 403,
    "cosigned-by-another": 403,
    "empty-with-another-root": 422,
    "another-log-key": 403,
    "our-own-log": 404,
    "of-strangers": 404,
    "of-nobody": 404,
}


@case("witness.judges", "M-7.9", "M-7.7", "M-7.1", section="7.3", inputs=list(FAULTS), profile="full", needs=["watch"])
async def judges(play: Play, fault: str) -> None:
    """
    What does not continue, is not by its keeper, or is of a log that it does not watch, the gateway does not cosign.

    A gateway that cosigns what it is shown lends its name to any history that somebody makes up.
    """
    await _cosigning(play, play.a, play.b)
    a, now = play.a, play.now()
    log, other = _log(play, a), _log(play, a, "another history")
    _is(await _show(play, log.shown(4, 0, now)), 200)
    later = now + timedelta(seconds=1)
    empty = write_note(f"{play.b.code}/{play.gateway.code}/1", 0, bytes(32), play.b.log_key)
    stranger = play.stranger
    nobody = KeptLog(stranger.code, play.gateway.code, stranger.log_key, _key(stranger))
    made: dict[str, Shown | bytes] = {
        "not-continued": other.shown(9, 4, later),
        "no-proof": Shown(4, [], log.kept(9, later)),
        "old-beyond": Shown(12, [], log.kept(9, later)),
        "no-form": b"old x\n\n" + log.kept(9, later).encode(),
        "no-cosignature": log.shown(9, 4, None),
        "cosigned-ahead": log.shown(9, 4, now + timedelta(seconds=302)),
        "dated-before-a-smaller": log.shown(9, 4, now - timedelta(seconds=1)),
        "cosigned-at-no-instant": log.shown(9, 4, datetime.fromtimestamp(0, UTC)),
        "cosigned-by-another": KeptLog(a.code, play.gateway.code, a.log_key, _key(play.b)).shown(9, 4, later),
        "empty-with-another-root": Shown(0, [], empty + _key(play.b).cosign(play.b.code, empty, now)),
        "another-log-key": KeptLog(a.code, play.gateway.code, a.signing, _key(a)).shown(9, 4, later),
        "our-own-log": KeptLog(play.gateway.code, a.code, a.log_key, _key(a)).shown(3, 0, later),
        "of-strangers": KeptLog(a.code, stranger.code, a.log_key, _key(a)).shown(3, 0, later),
        "of-nobody": nobody.shown(3, 0, later),
    }
    _is(await _show(play, made[fault]), FAULTS[fault])
    _is(await _show(play, log.shown(9, 4, later)), 200)


@case("witness.fork-shown", "M-7.10", "M-7.9", section="7.3", profile="full", needs=["watch"])
async def fork_shown(play: Play) -> None:
    """
    A second root for a size that it cosigned the gateway does not cosign: both notes go to the keeper and its partner.

    A gateway that only refuses knows that a log has two histories, and keeps it to itself.
    """
    await _cosigning(play, play.a)
    a, now = play.a, play.now()
    log, other = _log(play, a), _log(play, a, "another history")
    _is(await _show(play, log.shown(4, 0, now)), 200)
    got = await _show(play, Shown(4, [], other.kept(4, now)))
    _is(got, 409)
    if got.body.strip().isdigit():
        raise Wrong("another root of a size is answered as if another size were held")
    await play.tick(hours=1)
    told = [raw for method, path, raw in a.watched if (method, path) == ("POST", CONFLICTS)]
    if len(told) != 1 or tuple(value := strict_json(told[0])) != ("held", "shown"):
        raise Wrong(f"the two notes were brought to the keeper of the log {len(told)} times, or in another form")
    roots = {read_checkpoint(note, log.origin, a.log_key.public) for note in value.values()}
    if roots != {(4, tree_hash(one.leaves(4))) for one in (log, other)}:
        raise Wrong("what was brought to the keeper are not the two notes that convict it")


def _conflict(held: str, shown: str) -> bytes:
    return compact({"held": held, "shown": shown})


async def _bring(play: Play, held: str, shown: str) -> Got:
    return await play.post(Shot(_conflict(held, shown), path=CONFLICTS, headers={"Content-Type": CONFLICT}))


@case("witness.conflicts", "M-7.10", section="7.3", profile="full", needs=["watch"])
async def conflicts(play: Play) -> None:
    """
    Two notes that convict a keeper are taken from anybody, and what convicts nobody is not.

    A gateway that needs to be told by a friend never hears of it; one that believes everything accuses at will.
    """
    await _cosigning(play, play.a, play.b)
    a, now = play.a, play.now()
    log, other = _log(play, a), _log(play, a, "another history")
    later = now + timedelta(seconds=60)
    right = log.kept(4, now)
    stranger = play.stranger
    nobody = KeptLog(stranger.code, play.gateway.code, stranger.log_key, _key(stranger))
    forged = KeptLog(a.code, play.gateway.code, a.signing, _key(a), "another history")
    rows: list[tuple[str, str, int]] = [
        (right, log.kept(9, later), 400),
        (right, right, 400),
        (right, log.kept(3, now - timedelta(seconds=60)), 400),
        (right, forged.kept(4, now), 400),
        (right, _log(play, a, "x", about=play.b.code).kept(4, now), 400),
        (right, "no note", 400),
        (nobody.kept(4, now), nobody.kept(4, later), 404),
        (right, other.kept(4, now), 204),
        (log.kept(9, now), log.kept(5, later), 204),
    ]
    for number, (held, shown, status) in enumerate(rows):
        try:
            _is(await _bring(play, held, shown), status)
        except Wrong as error:
            raise Wrong(f"pair {number}: {error}") from None


async def _keeps(play: Play) -> tuple[int, bytes]:
    """Let the gateway keep a checkpoint of its log about ``a``, and return the size and root that ``a`` was shown."""
    await _cosigning(play, play.a)
    play.a.watch = lambda method, path, raw: web.Response(status=503)
    for _ in range(3):
        await play.accepted(play.message())
    await play.tick(hours=1)
    shown = _last_shown(play)
    origin = f"{play.gateway.code}/{play.a.code}/1"
    return read_checkpoint(shown.note, origin, play.gateway.card.logs[0])


def _last_shown(play: Play) -> Shown:
    """Return what the gateway showed ``a`` last."""
    seen = [raw for method, path, raw in play.a.watched if (method, path) == ("POST", ADD)]
    if not seen:
        raise Wrong("the gateway did not show the checkpoint that it keeps to the partner the log is about (M-7.8)")
    try:
        return read_shown(seen[-1])
    except (Refused, ValueError):
        raise Wrong("what the gateway showed is not in the form of add-checkpoint") from None


@case("witness.shows", "M-7.7", "M-7.8", section="7.3", profile="full", positive=True, needs=["watch"])
async def shows(play: Play) -> None:
    """
    Each hour the gateway keeps a checkpoint with its own cosignature, and shows it until its partner has cosigned it.

    A gateway that keeps its log to itself can write it anew, and nobody could tell.
    """
    a, gateway = play.a, play.gateway
    size, root = await _keeps(play)
    origin = f"{gateway.code}/{a.code}/1"
    shown = _last_shown(play)
    at = cosigned_at(shown.note, gateway.code, _own_keys(play))
    if at is None or at > play.now().timestamp() + 1:
        raise Wrong("the kept checkpoint carries no cosignature of its keeper of this hour (M-7.7)")
    await play.tick(hours=1)
    if len([1 for method, path, _ in a.watched if path == ADD]) < 2:
        raise Wrong("what was not cosigned was not shown again in the next hour (M-7.8)")
    a.watch = _cosigns(play, a)
    await play.tick(hours=1)
    before = len(a.watched)
    await play.tick(hours=1)
    if len(a.watched) != before:
        raise Wrong("a checkpoint that its partner has cosigned was shown again")
    for _ in range(4):
        await play.accepted(play.message())
    await play.tick(hours=1)
    grown = _last_shown(play)
    try:
        new, _ = check_shown(grown, origin, gateway.card.logs[0], (size, root))
    except Refused:
        raise Wrong("what is shown does not continue what was cosigned (M-7.7)") from None
    later = cosigned_at(grown.note, gateway.code, _own_keys(play))
    if new <= size or later is None or later <= at:
        raise Wrong(f"the next checkpoint has {new} entries after {size}, or no later instant (M-7.7)")


def _cosigns(play: Play, state: State) -> Watch:
    """Return how ``state`` answers as a witness does that takes what it is shown; others put their names to it too."""

    def watch(method: str, path: str, raw: bytes) -> web.Response:
        note, now = read_shown(raw).note, play.now()
        lines = _key(play.stranger).cosign(play.stranger.code, note, now)
        lines += CosigningKey(state.secret("another cosigning")).cosign(state.code, note, now)
        lines += _key(state).cosign(state.code, note, now)
        return web.Response(body=lines.encode(), headers=TEXT)

    return watch


@case("witness.third-state", "M-7.8", section="7.3", profile="full", needs=["watch"])
async def third_state(play: Play) -> None:
    """
    A kept checkpoint is shown to a third State as well, until that has cosigned it.

    A gateway that shows its log to the partner alone can, with that partner, make it say whatever both like.
    """
    thirds = (play.b, play.d)
    await _cosigning(play, play.a, *thirds)
    play.a.watch = _cosigns(play, play.a)
    for state in thirds:
        state.watch = lambda method, path, raw: web.Response(status=503)
    await play.accepted(play.message())
    await play.tick(hours=1)
    asked = [state for state in thirds if _shown_about(play, state)]
    if not asked:
        raise Wrong("a kept checkpoint was shown to no third State (M-7.8)")
    for state in asked:
        state.watch = _cosigns(play, state)
    for count in (2, 2):
        await play.tick(hours=1)
        if (shown := [len(_shown_about(play, state)) for state in asked]) != [count] * len(asked):
            raise Wrong(f"until a third State cosigned it, it was shown {shown} times, not {count} (M-7.8)")


def _shown_about(play: Play, state: State) -> list[Shown]:
    """Return what the gateway showed ``state`` of its log about ``a``."""
    seen = [read_shown(raw) for method, path, raw in state.watched if (method, path) == ("POST", ADD)]
    return [shown for shown in seen if shown.note.startswith(f"{play.gateway.code}/{play.a.code}/1\n")]


UNSIGNED = ["another-key", "another-name", "another-tree", "nothing"]


@case("witness.cosigned-wrongly", "M-7.13", "M-7.8", section="7.3", inputs=UNSIGNED, profile="full", needs=["watch"])
async def cosigned_wrongly(play: Play, fault: str) -> None:
    """
    A cosignature that is not the partner's own over this tree counts for none: the checkpoint is shown again.

    A gateway that counts lines and does not verify them has a log that nobody vouches for.
    """
    a = play.a
    await _keeps(play)

    def watch(method: str, path: str, raw: bytes) -> web.Response:
        note, key = read_shown(raw).note, _key(a)
        if fault == "another-key":
            key = CosigningKey(a.secret("another cosigning"))
        if fault == "another-tree":
            note = _log(play, a).kept(4, None)
        line = key.cosign(play.b.code if fault == "another-name" else a.code, note, play.now())
        return web.Response(body=b"" if fault == "nothing" else line.encode(), headers=TEXT)

    a.watch = watch
    await play.tick(hours=1)
    before = len(a.watched)
    a.watch = _cosigns(play, a)
    await play.tick(hours=1)
    if len(a.watched) != before + 1:
        raise Wrong("a checkpoint without a right cosignature of its partner was not shown again (M-7.8)")
    await play.tick(hours=1)
    if len(a.watched) != before + 1:
        raise Wrong("a right cosignature was not taken after a wrong one")


@case("witness.continues", "M-7.11", section="7.3", profile="full", needs=["watch"])
async def continues(play: Play) -> None:
    """
    Who knows a root of the gateway's log is given the proof up to a kept checkpoint; who does not gets 404.

    A gateway that gives no proof cannot show that its log is one; one that gives it to anybody tells how much is said.
    """
    await _cosigning(play, play.a)
    first = play.message()
    await play.accepted(first)
    small = await _known(play)
    size, root = await _keeps(play)
    origin = f"{play.gateway.code}/{play.a.code}/1"
    h = sha256(origin.encode()).hexdigest()
    got = await _ask(play, f"{h}/{small[0]}/{small[1].hex()}/{size}")
    _is(got, 200)
    try:
        if check_shown(read_shown(got.body), origin, play.gateway.card.logs[0], small) != (size, root):
            raise Wrong("the proof leads to another checkpoint than the one kept")
    except (Refused, ValueError):
        raise Wrong("the proof does not lead from the root that was named to the checkpoint kept (M-7.11)") from None
    got = await _ask(play, f"{h}/{size}/{root.hex()}/{size}")
    _is(got, 200)
    if read_shown(got.body).path:
        raise Wrong("from the kept checkpoint to itself there is something to prove (M-7.11)")
    other = sha256(f"{play.gateway.code}/{play.b.code}/1".encode()).hexdigest()
    for path in (
        f"{h}/{small[0]}/{bytes(32).hex()}/{size}",
        f"{h}/{small[0] + 1}/{small[1].hex()}/{size}",
        f"{h}/{small[0]}/{small[1].hex()}/{size + 1}",
        f"{h}/{small[0]}/{small[1].hex()}/{size - 1}",
        f"{h}/{size}/{root.hex()}/{small[0]}",
        f"{other}/{small[0]}/{small[1].hex()}/{size}",
        f"{h.upper()}/{small[0]}/{small[1].hex()}/{size}",
        f"{h}/0{small[0]}/{small[1].hex()}/{size}",
    ):
        try:
            _is(await _ask(play, path), 404)
        except Wrong as error:
            raise Wrong(f"{path[:8]}…{path[64:70]}: {error}") from None


async def _ask(play: Play, rest: str) -> Got:
    return await play.post(Shot(b"", path=LOG + rest, headers={}), method="GET")


async def _known(play: Play) -> tuple[int, bytes]:
    """Return size and root of the tree in which the gateway's newest answer to ``a`` stands."""
    shot = play.message()
    got = await play.post(shot)
    play.receipt(got, shot)
    note = read_parts(got.body)["proof"].partition("\n\n")[2]
    return read_checkpoint(note, f"{play.gateway.code}/{play.a.code}/1", play.gateway.card.logs[0])


@case("witness.compares", "M-7.12", section="7.3", profile="full", needs=["watch"], inputs=["proof", "no-proof"])
async def compares(play: Play, given: str) -> None:
    """
    What a partner's answers showed the gateway holds against what it cosigned: it asks the keeper for the proof.

    A gateway that cosigns one history and takes receipts from another has been shown two, and does not notice.
    """
    await _cosigning(play, play.a)
    a, now = play.a, play.now()
    await play.is_asked()
    if a.log is None:
        raise ValueError("the State has answered without a log")
    answered = list(a.log.leaves)
    log = _log(play, a)
    leaves = [*answered, *log.leaves(6)]
    note = log.note(leaves, now + timedelta(seconds=5))
    asked: list[str] = []

    def watch(method: str, path: str, raw: bytes) -> web.Response:
        if method != "GET":
            return web.Response(status=204)
        asked.append(path)
        if given == "no-proof":
            return web.Response(status=404, body=b'{"type":"about:blank"}', headers=PROBLEM)
        shown = Shown(len(answered), proof_between(leaves, len(answered)), note)
        return web.Response(body=shown.write(), headers=TEXT)

    a.watch = watch
    _is(await _show(play, Shown(0, [], note)), 200)
    await play.tick(hours=1, seconds=1)
    h = sha256(log.origin.encode()).hexdigest()
    wanted = f"{LOG}{h}/{len(answered)}/{tree_hash(answered).hex()}/{len(leaves)}"
    if asked != [wanted]:
        raise Wrong(f"the gateway asked {len(asked)} times, and not once for the proof that is due (M-7.12)")
    if given == "no-proof":
        for _ in range(ASKED_H - 1):
            await play.tick(hours=1, seconds=1)
    settled = list(asked)
    await play.tick(hours=1, seconds=1)
    if asked != settled or set(asked) != {wanted}:
        raise Wrong("the gateway asked again for what was settled, or for something else")


@case(
    "witness.contradicts",
    "M-7.12",
    "M-7.10",
    section="7.3",
    profile="full",
    needs=["watch"],
    inputs=["after", "before"],
)
async def contradicts(play: Play, shown: str) -> None:
    """
    A checkpoint with another root than an answer showed for its size is a fork, whichever of the two came first.

    A gateway that compares what it cosigns with nothing but that, and answers with answers alone, lets its partner show
    one history to it and another to everybody else.
    """
    await _cosigning(play, play.a)
    log = _log(play, play.a, "another history")
    fork = log.kept(1, play.now())
    if shown == "before":
        _is(await _show(play, Shown(0, [], fork)), 200)
    await play.is_asked()
    if shown == "after":
        _is(await _show(play, Shown(0, [], fork)), 422)
    await play.tick(hours=1, seconds=1)
    told = [raw for method, path, raw in play.a.watched if (method, path) == ("POST", CONFLICTS)]
    if not told:
        raise Wrong(
            "two roots of one size, of an answer and of what was shown, were not brought to the keeper (M-7.12)"
        )
    found = {read_checkpoint(note, log.origin, play.a.log_key.public) for note in strict_json(told[0]).values()}
    if len(found) != 2 or (1, tree_hash(log.leaves(1))) not in found:
        raise Wrong("what was brought to the keeper are not the two notes that convict it")
