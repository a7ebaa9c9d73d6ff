"""What every drill shares: figures that are good while no fault was counted, a seed, and the report at the end."""

import json
import random
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(kw_only=True)
class Figures(ABC):
    """
    What a run of a drill showed: what its own fields say, and ``faults``, of which each must be 0.

    ``WELL`` is what the last line says when there was none.
    """

    WELL: ClassVar[str]

    faults: Counter[str] = field(default_factory=Counter)

    @property
    def good(self) -> bool:
        """Tell whether no fault was counted."""
        return not any(self.faults.values())

    @abstractmethod
    def lines(self) -> Iterator[str]:
        """Yield what a person is told, before the faults."""


def drawn(seed: int | None) -> int:
    """Return ``seed``, or one that is drawn."""
    return random.SystemRandom().randrange(2**32) if seed is None else seed


def report(figures: Figures, *, as_json: bool) -> int:
    """Print what a drill showed, as one JSON object or as lines for people; return the exit status, 1 after a fault."""
    if as_json:
        print(json.dumps(vars(figures) | {"good": figures.good}, default=vars))
        return 0 if figures.good else 1
    for line in figures.lines():
        print(line)
    width = max(map(len, figures.faults), default=0)
    for name, count in sorted(figures.faults.items()):
        print(f"  {name:<{width}} {count}")
    print(figures.WELL if figures.good else "FAILED")
    return 0 if figures.good else 1
