"""Sections 3.5 and 8.3: who is competent, as each State announces of itself."""

from datetime import timedelta
from typing import Any

from conformance.bodies import REDIRECT, day, refuses, send
from conformance.play import Play
from conformance.reading import Json
from conformance.registry import Wrong, case
from conformance.writing import stamp


def _authority(play: Play, id: str, **changes: Any) -> Json:
    begin = day(play, -5)
    return {"id": id, "name": id, "tasks": ["NATIONALITY"], "from": begin, "until": None} | changes


def _officer(play: Play, authority: str) -> Json:
    return {
        "id": play.a.token(),
        "authority": authority,
        "tasks": ["NATIONALITY"],
        "from": day(play, -5),
        "until": None,
    }


def _directory(play: Play, serial: int, *authorities: str, **changes: Any) -> Json:
    """Return a whole directory of ``a`` that holds from today on, with one officer at the first authority."""
    return {
        "serial": serial,
        "valid_from": day(play),
        "authorities": [_authority(play, id) for id in authorities],
        "officers": [_officer(play, authorities[0])],
    } | changes


async def _pointed(play: Play, authority: str, listed: bool) -> None:
    """Insist that a pointer to ``authority`` is taken exactly if it is listed."""
    talk = await play.is_asked()
    if listed:
        await send(talk, REDIRECT, authority={"id": authority})
    else:
        await refuses(talk, REDIRECT, authority={"id": authority})


@case("directory.announced", "M-3.22", section="8.3", profile="full", positive=True)
async def announced(play: Play) -> None:
    """
    What a State announces of itself is taken, and replaces what its card says: the whole of it, and at once.

    A gateway that adds to what it had goes on trusting an authority that was closed.
    """
    await play.accepted(play.message("directory", _directory(play, 1, "XAA-02", "XAA-03")))
    await _pointed(play, "XAA-03", listed=True)
    await _pointed(play, "XAA-01", listed=False)


@case("directory.another-state", "M-3.22", section="8.3", profile="full")
async def another_state(play: Play) -> None:
    """
    A State announces its own authorities only: `bad-schema`, and nothing of it is kept.

    A gateway that takes it lets one State close the offices of another.
    """
    for name in ("XBB-01", "XCC-01", "XA-01", "XAB-01"):
        await _contradicts(play, _directory(play, 1, name))
    await _pointed(play, "XAA-01", listed=True)


FAULTS = ["authority-twice", "officer-of-nobody", "officer-of-another"]


@case("directory.contradicts-itself", "M-3.22", section="8.3", inputs=FAULTS, profile="full")
async def contradicts_itself(play: Play, fault: str) -> None:
    """
    A directory in which an authority stands twice, or an officer works at none that is listed, is `bad-schema`.

    A gateway that takes half of it has another directory than everybody else.
    """
    value = _directory(play, 1, "XAA-02", "XAA-03")
    every: dict[str, Json] = {
        "authority-twice": {"authorities": [_authority(play, "XAA-02"), _authority(play, "XAA-02", tasks=[])]},
        "officer-of-nobody": {"officers": [_officer(play, "XAA-04")]},
        "officer-of-another": {"officers": [_officer(play, "XAA-02"), _officer(play, "XAA-01")]},
    }
    if fault == "authority-twice":
        every[fault]["authorities"][1]["tasks"] = ["TRAVEL_DOC"]
    await _contradicts(play, value | every[fault])
    await _pointed(play, "XAA-01", listed=True)


async def _contradicts(play: Play, value: Json) -> None:
    await play.refused(play.message("directory", value), "bad-schema")


@case("directory.older-serial", "M-3.22", section="8.3", inputs={"lower": 1, "equal": 2}, profile="full")
async def older_serial(play: Play, serial: int) -> None:
    """
    A directory is accepted and changes nothing if its serial is held, or is lower than that of one that holds by then.

    A gateway that takes it for the newest lets an old message, late or kept by somebody, bring an office back.
    """
    await play.accepted(play.message("directory", _directory(play, 2, "XAA-02")))
    await play.accepted(play.message("directory", _directory(play, serial, "XAA-03")))
    await _pointed(play, "XAA-03", listed=False)
    await _pointed(play, "XAA-02", listed=True)


@case("directory.other-order", "M-3.22", section="8.3", profile="full", positive=True)
async def other_order(play: Play) -> None:
    """
    A directory that comes behind a later one holds until the day from which that does.

    A gateway that drops it points to nobody, or to an office of before, for as long as that day is away.
    """
    await play.accepted(play.message("directory", _directory(play, 2, "XAA-03", valid_from=day(play, 2))))
    await play.accepted(play.message("directory", _directory(play, 1, "XAA-02")))
    await _pointed(play, "XAA-02", listed=True)
    await _pointed(play, "XAA-03", listed=False)
    await play.tick(days=2)
    await _pointed(play, "XAA-03", listed=True)
    await _pointed(play, "XAA-02", listed=False)


@case("directory.new-epoch", "M-3.22", section="8.3", profile="full", positive=True)
async def new_epoch(play: Play) -> None:
    """
    A directory of a later epoch holds, whatever its serial: a State that was restored may have lost how far it was.

    A gateway that goes by the serial alone points to an office of before, and no announcement brings it further.
    """
    await play.accepted(play.message("directory", _directory(play, 5, "XAA-02")))
    await play.restored(play.a)
    await play.tick()
    await play.accepted(play.message("directory", _directory(play, 1, "XAA-03")))
    await _pointed(play, "XAA-03", listed=True)
    await _pointed(play, "XAA-02", listed=False)


@case("directory.from-a-day", "M-3.22", section="8.3", profile="full")
async def from_a_day(play: Play) -> None:
    """
    A directory holds from its `valid_from` on, and of those valid by a day the highest serial holds.

    A gateway that takes it at once closes an office that is still at work.
    """
    await play.accepted(play.message("directory", _directory(play, 1, "XAA-02")))
    await play.accepted(play.message("directory", _directory(play, 2, "XAA-03", valid_from=day(play, 2))))
    await _pointed(play, "XAA-03", listed=False)
    await _pointed(play, "XAA-02", listed=True)
    await play.tick(days=2)
    await _pointed(play, "XAA-02", listed=False)
    await _pointed(play, "XAA-03", listed=True)


@case("directory.authority-over", "M-3.22", section="8.3", profile="full", inputs={"over": (-5, -1), "early": (1, 9)})
async def authority_over(play: Play, days: tuple[int, int]) -> None:
    """
    An authority is competent from its first day to its last.

    A gateway that looks at the id alone waits for an office that was closed, or is not there yet.
    """
    begin, end = days
    other = _authority(play, "XAA-02", **{"from": day(play, begin), "until": day(play, end)})
    rows = [_authority(play, "XAA-01"), other]
    await play.accepted(play.message("directory", _directory(play, 1, "XAA-01") | {"authorities": rows}))
    await _pointed(play, "XAA-02", listed=False)
    await _pointed(play, "XAA-01", listed=True)


@case("directory.fallen", "M-3.22", "M-8.3", section="8.3", profile="full")
async def fallen(play: Play) -> None:
    """
    What was announced by a key that had been revoked when it came, as a later card says, holds no more.

    A gateway that goes on by it sends a person to the office of whoever stole the key. One that counts it as held does
    not take the one that the State itself announced under that serial.
    """
    await play.accepted(play.message("directory", _directory(play, 9, "XAA-02"), key=play.a.spare))
    await play.tick(hours=1)
    rows = [dict(row) for row in play.a.card.value["signing"]]
    stolen = next(row for row in rows if row["kid"] == play.a.spare.kid)
    stolen["revoked_at"] = stamp(play.now() - timedelta(hours=2))
    play.a.next_card(signing=rows)
    await play.publish(play.a)
    await _pointed(play, "XAA-02", listed=False)
    await _pointed(play, "XAA-01", listed=True)
    await play.accepted(play.message("directory", _directory(play, 1, "XAA-03")))
    await _pointed(play, "XAA-03", listed=True)
    await play.accepted(play.message("directory", _directory(play, 9, "XAA-04")))
    await _pointed(play, "XAA-04", listed=True)


@case("directory.own", "M-3.22", section="8.3", profile="full", positive=True)
async def own(play: Play) -> None:
    """
    What the gateway announces of itself goes to every partner, under a serial that counts up.

    A gateway that tells some only leaves the others with the office of yesterday.
    """
    code = play.gateway.code
    first = {
        "valid_from": day(play),
        "authorities": [_authority(play, f"{code}-02")],
        "officers": [_officer(play, f"{code}-02")],
    }
    second = first | {"authorities": [_authority(play, f"{code}-02"), _authority(play, f"{code}-03")]}
    for serial, value in ((1, first), (2, second)):
        say = {"partner": play.a.code, "thread": None, "type": "directory", "body": value}
        await play.tell("/say", say)
        posts = await play.tick()
        if sorted(post.state.code for post in posts) != sorted(state.code for state in (play.a, play.b, play.d)):
            raise Wrong(f"it was posted to {', '.join(post.state.code for post in posts)}, not to every partner")
        for post in posts:
            message = post.read
            if message.type != "directory" or message.body != {"serial": serial, **value}:
                raise Wrong(f"the gateway posted {message.type} {serial} otherwise than its desk announced it")
