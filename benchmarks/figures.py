"""What a benchmark hands back: figures with a unit and, where there is one, the target beside it."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """
    One measured figure.

    ``target`` is what ``docs/performance.md`` asks for, ``None`` where it asks nothing. A target holds if the figure is
    at least it, or, where ``less`` is set, at most it. ``aim`` marks a target that is hoped for and not demanded.
    """

    name: str
    value: float
    unit: str
    target: float | None = None
    less: bool = False
    aim: bool = False

    @property
    def met(self) -> bool | None:
        """Tell whether the target holds; ``None`` without one."""
        if self.target is None:
            return None
        return self.value <= self.target if self.less else self.value >= self.target

    def to_dict(self) -> dict[str, Any]:
        """Return the figure as JSON values."""
        return {**asdict(self), "met": self.met}

    def line(self) -> str:
        """Return the figure as a line of a table for people."""
        text = f"  {self.name:<46} {_number(self.value):>9} {self.unit:<9}"
        if self.target is None:
            return text.rstrip()
        word = "aim" if self.aim else "target"
        sign = "at most" if self.less else "at least"
        verdict = "reached" if self.met else "missed"
        return f"{text} {word} {sign} {_number(self.target)}: {verdict}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def median(values: Sequence[float]) -> float:
    """Return the median."""
    return float(statistics.median(values))


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that ``share`` (0 to 1) of ``values`` do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def rate(work: Callable[[], object], seconds: float) -> float:
    """Return how often ``work`` ran in a second, over at least ``seconds``."""
    count, began = 0, perf_counter()
    while (passed := perf_counter() - began) < seconds:
        for _ in range(20):
            work()
        count += 20
    return count / passed


def interleaved(works: dict[str, Callable[[], object]], seconds: float, rounds: int = 5) -> dict[str, float]:
    """
    Return the median rate of each work, measured in turns so that a slow moment of the machine meets all of them.

    ``seconds`` is for each work in all rounds together. Every second round takes them in the opposite order.
    """
    rates: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(rounds):
        for name in list(works)[:: 1 if turn % 2 == 0 else -1]:
            rates[name].append(rate(works[name], seconds / rounds))
    return {name: median(found) for name, found in rates.items()}
