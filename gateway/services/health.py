"""How a gateway is: what its checks find, one item for each thing looked at, with the next step."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

SOON = timedelta(days=60)
"""How long before an end it becomes a finding: time enough for two officers, an envoy and a holiday."""


def N_(text: str) -> str:
    """Mark ``text`` for the catalogues of the pages and return it as it is; whoever shows it may translate it."""
    return text


@dataclass(frozen=True, slots=True)
class Item:
    """
    One thing looked at: its area, whether it is well (``ok``, ``note``, ``finding``), what was seen, the next step.

    ``template`` and ``after`` are English with ``%(name)s`` for ``values``, so that they can be said in another
    language; ``text`` and ``hint`` are the English ones.
    """

    area: str
    level: str
    template: str
    after: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """Return what was seen, in English."""
        return self.template % self.values

    @property
    def hint(self) -> str:
        """Return the next step, in English; an empty text where there is none."""
        return self.after % self.values


class Terms(tuple[str, ...]):
    """Codes that stand in a value of an ``Item``; a page names each in its own language."""

    __slots__ = ()

    def __str__(self) -> str:
        """Return them as they are, one after the other."""
        return ", ".join(self)


def ok(area: str, template: str, **values: Any) -> Item:
    """Return an item that is well."""
    return Item(area, "ok", template, "", values)


def note(area: str, template: str, after: str, **values: Any) -> Item:
    """Return an item that somebody should know of."""
    return Item(area, "note", template, after, values)


def bad(area: str, template: str, after: str, **values: Any) -> Item:
    """Return a finding."""
    return Item(area, "finding", template, after, values)


@dataclass(frozen=True, slots=True)
class Health:
    """What the checks found, when, and whether partners were tried too."""

    at: datetime
    online: bool
    items: tuple[Item, ...]
