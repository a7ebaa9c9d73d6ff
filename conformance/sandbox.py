"""
``isthmus-conformance serve``: a partner to develop against, that misbehaves as real partners do.

It plays XAA of the test States on real time. What posts to it is answered, sometimes late, sometimes by 429 with
``Retry-After``, sometimes not at all; a request is acknowledged and answered after a while, and its own messages come
twice, out of order, or under its other key. Everything it does keeps the protocol: a gateway that copes with it copes
with partners. The seed decides what happens when, so that a bad minute can be had again.
"""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from aiohttp import web

from conformance import states
from conformance.backend import NoBackend
from conformance.client import Client
from conformance.door import drops, loses, says
from conformance.evidence import read_chain
from conformance.play import Play
from conformance.registry import Unclear, Wrong
from conformance.state import Instead, Message, Post, Shot, claim_of
from conformance.talk import Talk

TRIES = 40
Tell = Callable[..., None]


class Sandbox:
    """XAA towards one gateway."""

    def __init__(self, play: Play, seed: int, pace_s: float, tell: Tell) -> None:
        """Misbehave by ``seed``; wait about ``pace_s`` between two steps; ``tell`` is told each of them."""
        self._play = play
        self._random = random.Random(seed)  # noqa: S311 - it chooses nuisances
        self._pace_s = pace_s
        self._tell = tell
        self._talks: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def door(self, post: Post, request: web.Request) -> web.StreamResponse:
        """Answer one post, in one of the ways of a partner that has a bad day."""
        play, self._play.a.instead = self._play, [self.door]
        if post.message is None:
            self._tell("posted", fault=post.fault)
            return play.doors.right(post)
        ways: list[tuple[str, Instead]] = [
            ("answers", self._right),
            ("answers", self._right),
            ("answers", self._right),
            ("answers late", self._late),
            ("is busy", says("rate", str(self._random.randint(2, 5)))),
            ("cannot serve", says("later", "2")),
            ("loses the answer", loses(play.doors)),
            ("breaks off", drops()),
        ]
        name, way = self._random.choice(ways)
        self._tell("posted", type=post.message.type, thread=post.message.thread, way=name)
        if post.message.type == "verification.request" and name in ("answers", "answers late", "loses the answer"):
            self._begin(post.message)
        return await way(post, request)

    async def _right(self, post: Post, request: web.Request) -> web.StreamResponse:
        return self._play.doors.right(post)

    async def _late(self, post: Post, request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(self._pace_s * self._random.uniform(0.5, 2))
        return self._play.doors.right(post)

    def _begin(self, message: Message) -> None:
        """Take a request up, once, in its own time."""
        if message.thread in self._talks:
            return
        self._talks.add(message.thread)
        talk = Talk(self._play, self._play.a, asking=False, thread=message.thread)
        talk.heard.append(message)
        talk.taken = talk.prev = message.digest
        task = asyncio.create_task(self._answer(talk))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, talk: Talk) -> None:
        """Acknowledge and reply: in order or not, once or twice, under either key."""
        state = self._play.a
        await self._wait()
        first = talk.message("verification.acknowledgement", self._acknowledgement(talk))
        key = self._random.choice([state.signing, state.spare])
        second = talk.message("verification.reply", talk.reply_body(), seq=2, key=key, prev=first.digest)
        plan = self._random.choice(("in order", "twice", "out of order"))
        self._tell("answers", thread=talk.thread, plan=plan, key=key.kid)
        if plan == "out of order":
            await self._post(second, 1)
        await self._post(first)
        if plan == "twice":
            await self._post(first)
        await self._wait()
        await self._post(second)
        if plan == "twice":
            await self._post(second)

    def _acknowledgement(self, talk: Talk) -> dict[str, Any]:
        state = self._play.a
        dates = state.reckon(datetime.fromisoformat(talk.heard[0].value["issued_at"]))
        return {"authority": {"id": f"{state.code}-01"}, "calendar": claim_of(state.code), **dates}

    async def ask(self) -> None:
        """Ask the gateway once, as a correct partner does."""
        talk = Talk(self._play, self._play.a, asking=True)
        await self._post(talk.message("verification.request", self._play.a.question()))

    async def _post(self, shot: Shot, tries: int = TRIES) -> None:
        """Post the same bytes until there is a receipt, a final problem, or no patience left."""
        for attempt in range(tries):
            try:
                got = await self._play.post(shot)
                if got.status == 200:
                    receipt = self._play.receipt(got, shot)
                    self._tell("receipt", type=shot.type, status=receipt["status"], code=receipt["code"])
                    return
                self._tell("problem", type=shot.type, status=got.status)
                if got.status in (400, 413):
                    return
            except (Unclear, Wrong) as error:
                self._tell("trouble", type=shot.type, why=str(error))
            if attempt + 1 < tries:
                await self._wait()

    async def _wait(self) -> None:
        await asyncio.sleep(self._pace_s * self._random.uniform(0.5, 2))


@click.command()
@click.option("--target", required=True, metavar="URL", help="Where partners reach your gateway.")
@click.option("--card", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Its card.")
@click.option(
    "--states",
    "home",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The test States made by 'cards --address'.",
)
@click.option("--seed", default=1, show_default=True, type=int, help="What happens when.")
@click.option("--pace", default=5.0, show_default=True, type=click.FloatRange(0.01), help="Seconds between two steps.")
@click.option("--ask", "asks", default=0, show_default=True, type=click.IntRange(0), help="How often XAA asks you.")
def serve(target: str, card: Path, home: Path, seed: int, pace: float, asks: int) -> None:
    """
    Play the partner XAA to your gateway until stopped.

    With all that goes wrong on a real line. Each thing that happens is a line of JSON.
    """
    try:
        secret, chains = states.load(home)
        own = card.read_text(encoding="ascii").strip()
        address = read_chain(chains["XAA"]).value["addresses"]
        if not address:
            raise states.BadStates("XAA has no address; make the States with 'cards --address'")
    except (OSError, ValueError, Wrong) as error:
        raise click.UsageError(str(error)) from None

    def tell(event: str, **values: Any) -> None:
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        click.echo(json.dumps({"at": at, "event": event, **values}, ensure_ascii=False))

    try:
        asyncio.run(_serve(target, own, secret, chains, address[0], seed, pace, asks, tell))
    except (OSError, Wrong) as error:
        raise click.UsageError(str(error)) from None
    except KeyboardInterrupt:
        tell("stopped")


async def _serve(
    target: str,
    own: str,
    secret: bytes,
    chains: dict[str, list[str]],
    address: str,
    seed: int,
    pace_s: float,
    asks: int,
    tell: Tell,
) -> None:
    parts = urlsplit(address)
    # Ids must be new in every run; the nuisances are those of the seed.
    tokens = random.SystemRandom().getrandbits(48)
    play = Play(Client(target), NoBackend(), seed=tokens, host=parts.hostname or "127.0.0.1", secret=secret)
    await play.begin(str(read_chain([own]).value["country"]), [own], chains)
    played = Sandbox(play, seed, pace_s, tell)
    play.a.instead = [played.door]
    try:
        await play.doors.open(play.a, port=parts.port or 80)
        tell("ready", address=address)
        asking: list[Awaitable[None]] = [played.ask() for _ in range(asks)]
        await asyncio.gather(*asking)
        await asyncio.Event().wait()
    finally:
        await play.close()
