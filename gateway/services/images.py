"""
Images of the person and of documents in a case: drawn anew, brought in, taken out.

Rule 1: what is kept is what a worker drew anew from the pixels (``gateway.core.attachments``); the file is not kept.
Rule 2: an image changes what would leave, so what was prepared or approved is void.
"""

from collections.abc import Callable, Mapping
from typing import Any

from gateway.core.attachments import NotRendered, Rendition
from gateway.core.case import Case
from gateway.core.machine import Event, IllegalStep, RuleRefused
from gateway.core.preview import Preview
from gateway.core.tables import table_for
from gateway.services import cases, steps
from gateway.services.context import Context, acting
from gateway.services.ports import Renderer, Tx, Unavailable

WORKER_HINTS: Mapping[str, str] = {
    "worker-late": "try once more; if it stays, bring the image as a plainer file",
    "worker-ended": "try once more; if it stays, look at the memory of the machine",
    "worker-busy": "try again in a moment",
    "worker-library": "install the pinned packages again: pillow and pypdfium2 are among them",
}
"""What can be done where the worker that draws images anew was at fault, by code; the file may be brought again."""


def _may_attach(case: Case, role: str) -> str:
    """Return the event that changes an image of ``case`` as it stands: of a draft its amendment. Raises."""
    rows = table_for(case.side).index
    name = "amend" if (case.state, "amend") in rows else "attach"
    row = rows.get((case.state, name))
    if row is None or role not in row.who:
        raise IllegalStep(case.state, name, role)
    return name


class Images:
    """What the requesting desk does with images."""

    def __init__(self, context: Context, renderer: Renderer, preview: Callable[..., Preview]) -> None:
        """Work on the cases of ``context``; ``renderer`` draws, ``preview`` (of ``Clear``) says what would leave."""
        self._context = context
        self.renderer = renderer
        self._preview = preview

    async def draw(self, raw: bytes, member: str) -> Rendition:
        """
        Return what was drawn anew of the file ``raw`` for the element ``member``; nothing of it is stored.

        Raises ``RuleRefused`` (E-02) with the code of what is wrong with the file, and ``Unavailable`` with the code of
        what is wrong with the worker: the same file may be brought again.
        """
        try:
            return await self.renderer.render(raw, member)
        except NotRendered as error:
            self._context.log("image.held", code=error.code)
            if error.code in WORKER_HINTS:
                raise Unavailable(str(error.finding.because), WORKER_HINTS[error.code]) from None
            raise RuleRefused((error.finding,)) from None

    async def attach(
        self, ref: str, member: str, raw: bytes, person: str, role: str = "case_officer", *, seen: str | None = None
    ) -> Preview | None:
        """
        Have the file ``raw`` drawn anew and bring the image into ``ref`` as ``member``; what was prepared is void.

        Returns what would leave, where that is prepared with it (before the case is sent). The file is kept nowhere.

        Raises as ``draw``, and ``IllegalStep``, ``Forbidden``, and ``Changed`` if the case is not what was ``seen``.
        """
        context, now = self._context, self._context.clock.now()
        acting(context, person, role, now)
        case = (await context.store.read(lambda tx: cases.load(context, tx, ref))).case
        _may_attach(case, role)  # before a worker is started for nothing
        image = await self.draw(raw, member)
        return await self.put(ref, member, image, person, role, seen=seen)

    async def detach(
        self, ref: str, member: str, person: str, role: str = "case_officer", *, seen: str | None = None
    ) -> Preview | None:
        """Take the image ``member`` out of ``ref``, and its file out of the record. Raises as ``attach``."""
        return await self.put(ref, member, None, person, role, seen=seen)

    async def put(
        self, ref: str, member: str, image: Rendition | None, person: str, role: str, *, seen: str | None = None
    ) -> Preview | None:
        """
        Bring ``image``, which was drawn anew, into ``ref`` in place of any other there; with none, take it out.

        Nothing else keeps what stood there, so whoever says what they have ``seen`` changes nothing but that.
        """
        context, now = self._context, self._context.clock.now()
        acting(context, person, role, now)

        async def unit(tx: Tx) -> Preview | None:
            held = await cases.load(context, tx, ref, seen)
            name, draft = _may_attach(held.case, role), held.case.draft or {}
            elements = {key: value for key, value in draft["elements"].items() if key != member}
            kept = {key: value for key, value in held.case.renditions.items() if key != member}
            if image is not None:
                elements[member], kept[member] = image.file, image.kept
            draft = {**draft, "elements": elements}
            data: dict[str, Any] = {"draft": draft, "renditions": kept, "digest": image.of if image else None}
            preview = self._preview(draft, renditions=kept) if name == "amend" else None
            if preview is not None:
                data |= {"pending": preview.pending(person), "digest": preview.digest}
            await steps.move(context, tx, held, Event(name, person, role, data), now)
            return preview

        made: Preview | None = (await context.commit(unit)).value
        return made
