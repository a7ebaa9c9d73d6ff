"""
One thread between a test State and the gateway: its numbers, its digests, and whose turn it is.

``send`` lets the State say the next thing and insists that it is accepted; ``said`` lets the gateway's desk say it and
insists that it arrives as it should.
"""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from conformance.backend import Forbidden
from conformance.reading import Json
from conformance.registry import Wrong
from conformance.state import Message, Post, Shot, State, claim_of

if TYPE_CHECKING:
    from conformance.play import Play


class Talk:
    """
    A thread; ``asking`` says that the test State opened it.

    ``own`` is the digest of the last payload of the State that was accepted, ``taken`` that of the last one it took.
    ``withdrawn`` says that the State withdrew it.
    """

    def __init__(self, play: "Play", state: State, *, asking: bool, thread: str | None = None) -> None:
        """Begin with nothing said in ``thread``, or in a new one."""
        self.play = play
        self.state = state
        self.asking = asking
        self.thread = thread or state.token()
        self.seq = 0
        self.prev: str | None = None
        self.taken: str | None = None
        self.own: str | None = None
        self.withdrawn = False
        self.heard: list[Message] = []
        self.receipt: Json = {}

    # What the test State says

    def message(self, type: str, body: Json | bytes | None = None, **how: Any) -> Shot:
        """Return the State's next message; ``seq`` and everything else may be another. It is not sent yet."""
        bare = self.withdrawn or _withdraws(type, body)  # of these none names a payload (M-5.26)
        frame: dict[str, Any] = {
            "thread": self.thread,
            "seq": self.seq + 1,
            "prev": None if bare else self.prev,
            "in_reply_to": None if bare else self.taken,
            **how,
        }
        return self.state.message(self.play.gateway, type, body, **frame)

    async def send(self, type: str, body: Json | bytes | None = None, **how: Any) -> Json:
        """Say it, and insist that it is accepted; return the receipt."""
        shot = self.message(type, body, **how)
        receipt = await self.play.accepted(shot)
        self.used(shot)
        self.prev = self.own = shot.digest
        self.withdrawn = self.withdrawn or _withdraws(type, body)
        return receipt

    async def refused(self, code: str, type: str, body: Json | bytes | None = None, **how: Any) -> Json:
        """Say it, and insist on the signed refusal ``code``, which uses up the number (M-5.9)."""
        shot = self.message(type, body, **how)
        receipt = await self.play.refused(shot, code)
        self.used(shot)
        return receipt

    def used(self, shot: Shot) -> None:
        """Count the number of ``shot``, if it was the next one."""
        if shot.seq == self.seq + 1:
            self.seq += 1

    async def acknowledge(self) -> Json:
        """Acknowledge as the asked State, with the dates of the receipt."""
        dates = self.state.reckon(self.play.now())
        body = {
            "authority": {"id": f"{self.state.code}-01"},
            "calendar": claim_of(self.state.code),
            **dates,
        }
        return await self.send("verification.acknowledgement", body)

    async def reply(self, outcome: str = "national", **how: Any) -> Json:
        """Reply as the asked State, with a second signature where one is due."""
        body = self.reply_body(outcome)
        due = outcome not in ("national", "resident-at-date", "document-authentic", "cannot-say")
        signed = [self.state.statement("reply.second-signature", "second_signer", body, self.thread)] if due else []
        return await self.send("verification.reply", body, **({"statements": signed} | how))

    def reply_body(self, outcome: str = "national", **changes: Any) -> Json:
        """Return the body of a reply from the examples, under the conditions of the request."""
        handling = self.heard[0].body["handling"] if self.heard else {}
        return {"handling": handling, **self.play.reply(outcome, **changes)}

    # What the gateway says

    async def say(self, type: str, body: Json) -> None:
        """Let the gateway's desk say it; it waits for the next ``tick``. Raises ``Forbidden``."""
        value = {"partner": self.state.code, "thread": self.thread, "type": type, "body": body}
        await self.play.tell("/say", value)

    async def said(self, type: str, body: Json) -> Message:
        """Let the gateway's desk say it, and return the message that arrives."""
        try:
            await self.say(type, body)
        except Forbidden as error:
            raise Wrong(f"the gateway does not say {type}, where every rule is kept: {error}") from None
        return self.take(self.play.one(await self.play.tick(), type))

    def take(self, post: Post) -> Message:
        """Take a post as the gateway's next message in this thread, after checking its place. Raises ``Wrong``."""
        message = post.read
        value, before = message.value, self.heard[-1] if self.heard else None
        if message.thread != self.thread:
            raise Wrong(f"the message is of another thread than the back-end said: {message.thread}")
        if value["seq"] != len(self.heard) + 1:
            raise Wrong(f"{message.type} has the number {value['seq']}, not {len(self.heard) + 1} (M-3.2, M-5.6)")
        if before is not None and value["id"] in {one.value["id"] for one in self.heard}:
            raise Wrong("an id was used twice (M-3.2)")
        self.heard.append(message)
        self.taken = self.prev = message.digest
        return message

    # What people of the gateway's State do

    async def act(self, act: str, **how: Any) -> None:
        """Let people of the gateway's State act in the thread. Raises ``Forbidden``."""
        await self.play.tell("/act", {"partner": self.state.code, "thread": self.thread, "act": act, **how})

    async def freeze(self, reason: str = "other") -> None:
        """Stop the thread within the gateway's State."""
        await self.act("freeze", reason=reason)

    async def withdraw(self, reason: str = "other") -> None:
        """Stop the thread and withdraw it; what leaves of it waits for the next full hour."""
        await self.freeze(reason)
        await self.act("withdraw")

    async def delivered(self) -> list[Json]:
        """Return what the gateway took in of this thread."""
        return await self.play.delivered(self.thread) or []

    async def states(self) -> list[str]:
        """Return where the gateway's own messages of this thread stand, in order."""
        return [str(row["state"]) for row in await self.play.sent(self.thread)]

    def to_full_hour(self) -> timedelta:
        """Return how long it is to the next full hour."""
        now = self.play.now()
        return timedelta(hours=1) - timedelta(minutes=now.minute, seconds=now.second)


def _withdraws(type: str, body: Json | bytes | None) -> bool:
    """Return whether a message withdraws its thread, also as an exercise, whose body begins so (M-5.37)."""
    return type == "withdrawal" or (isinstance(body, bytes) and body.startswith(b'{"of":"withdrawal"'))
