"""
Running cases one after the other, each to one of four verdicts, whatever the gateway under test does.

Rule 1: a case that raises anything but ``Wrong`` says nothing of the gateway; the report has its reason, and no trace.
Rule 2: no case takes longer than its time, and no run longer than its own: what is left over is ``inconclusive``.
Rule 3: an exemption that was not needed, or that names nothing that ran, fails the run like a failed case.
"""

import asyncio
import time
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from conformance.backend import Forbidden
from conformance.play import Play
from conformance.registry import Case, Gone, NotOffered, Unclear, Wrong, includes

RUN_S = 900.0
"""Longest run; a whole one takes a tenth of it."""

GONE_AFTER = 3
"""After so many cases in a row without an answer the gateway is taken for gone, and the rest is not tried."""


@dataclass(frozen=True)
class Result:
    """What came of one input of one case."""

    case: Case
    input: str
    verdict: str
    detail: str
    judged: tuple[str, ...]
    seconds: float
    exempt: str | None = None

    @property
    def name(self) -> str:
        """Return the id of the case and, in brackets, the input."""
        return f"{self.case.id}[{self.input}]" if self.input else self.case.id

    @property
    def counts(self) -> bool:
        """Return whether the run fails for it: a failed MUST that is not exempt, or an exempt one that passed."""
        if self.exempt is not None:
            return self.verdict == "pass"
        return self.verdict == "fail" and self.case.level == "MUST"


@dataclass(frozen=True)
class Outcome:
    """A whole run."""

    results: tuple[Result, ...]
    unused: tuple[str, ...]
    seconds: float

    @property
    def verdict(self) -> str:
        """Return ``fail``, ``inconclusive`` or ``pass`` for the whole."""
        if self.unused or any(result.counts for result in self.results):
            return "fail"
        if not self.results or any(result.verdict == "inconclusive" for result in self.results):
            return "inconclusive"
        return "pass"


class BadExemptions(ValueError):
    """The file of exemptions cannot be used."""


def load_exemptions(path: Path | None) -> dict[str, str]:
    """Return what is exempt, with its reason: a TOML table ``exempt`` of case ids, or of ids with an input."""
    if path is None:
        return {}
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadExemptions(f"{path} cannot be read: {error}") from None
    rows = table.get("exempt")
    if set(table) != {"exempt"} or not isinstance(rows, dict):
        raise BadExemptions(f"{path} must hold one table [exempt]")
    if not all(isinstance(reason, str) and reason.strip() for reason in rows.values()):
        raise BadExemptions(f"{path}: each exemption needs its reason")
    return rows


def choose(cases: Mapping[str, Case], only: Iterable[str]) -> list[Case]:
    """Return the cases called ``only`` (an id, or an area of ids), or all. Raises ``LookupError``."""
    wanted = list(only)
    found = [case for id, case in cases.items() if not wanted or any(_named(id, name) for name in wanted)]
    unknown = [name for name in wanted if not any(_named(id, name) for id in cases)]
    if unknown:
        raise LookupError(f"no case is called {', '.join(unknown)}")
    return found


def _named(id: str, name: str) -> bool:
    return id == name or id.startswith(f"{name}.")


class Runner:
    """Runs cases against one gateway."""

    def __init__(
        self,
        play: Play,
        profile: str | None = None,
        exempt: Mapping[str, str] | None = None,
        progress: Callable[[Result], None] = lambda result: None,
        run_s: float = RUN_S,
        unbegun: str = "",
    ) -> None:
        """
        Judge by ``profile``, or by what the gateway claims; ``progress`` is told each result.

        ``unbegun`` says why the run could not even begin; then nothing is tried.
        """
        self._play = play
        self._profile = profile
        self._exempt = dict(exempt or {})
        self._progress = progress
        self._run_s = run_s
        self._gone = 0
        self._area = ""
        self._unbegun = unbegun

    async def run(self, cases: Iterable[Case]) -> Outcome:
        """Run every input of every case; never raises for what a gateway does."""
        begun, results, used = time.monotonic(), list[Result](), set[str]()
        for case in cases:
            for name in case.inputs:
                left = begun + self._run_s - time.monotonic()
                result = await self._one(case, name, left)
                if result.exempt is not None and result.verdict in ("pass", "fail"):
                    used |= {result.name, case.id}
                results.append(result)
                self._progress(result)
        unused = tuple(sorted(name for name in self._exempt if name not in used))
        return Outcome(tuple(results), unused, time.monotonic() - begun)

    async def _one(self, case: Case, name: str, left_s: float) -> Result:
        begun = time.monotonic()
        self._play.judged = set()
        verdict, detail = await self._judge(case, name, left_s)
        judged = tuple(sorted(self._play.judged))
        label = f"{case.id}[{name}]"
        exempt = self._exempt.get(label, self._exempt.get(case.id))
        return Result(case, name, verdict, detail, judged, time.monotonic() - begun, exempt)

    async def _judge(self, case: Case, name: str, left_s: float) -> tuple[str, str]:
        if self._unbegun:
            return "inconclusive", self._unbegun
        profile = self._profile or self._play.profile
        if not includes(profile, case.profile):
            return "not applicable", f"the profile is {profile}"
        missing = [need for need in case.needs if need not in self._play.offers]
        if missing:
            return "not applicable", f"the back-end does not offer {', '.join(missing)}"
        if self._gone >= GONE_AFTER:
            return "inconclusive", "the gateway is gone; this was not tried"
        if left_s <= 0:
            return "inconclusive", f"the run took longer than {self._run_s:.0f} s; this was not tried"
        verdict, detail = await self._try(case, name, min(case.seconds, left_s))
        if verdict not in ("pass", "not applicable"):
            self._area = ""  # whatever the case left behind, the next one begins anew
        return verdict, detail

    async def _try(self, case: Case, name: str, seconds: float) -> tuple[str, str]:
        try:
            async with asyncio.timeout(seconds):
                await self._ready(case)
                value, heard = case.inputs[name], len(self._play.doors.posts)
                await (case.run(self._play) if value is None and not name else case.run(self._play, value))
            self._gone = 0
            faults = [post.fault for post in self._play.doors.posts[heard:] if post.fault is not None]
            # Whatever a case is about, all that the gateway posts meanwhile must be right.
            return ("fail", f"the gateway posted what is no right message: {faults[0]}") if faults else ("pass", "")
        except Wrong as error:
            self._gone = 0
            return "fail", str(error)
        except Forbidden as error:
            self._gone = 0
            return "fail", f"the gateway forbids what the protocol allows: {error}"
        except NotOffered as error:
            return "not applicable", str(error)
        except Unclear as error:
            self._gone += isinstance(error, Gone)
            return "inconclusive", str(error)
        except TimeoutError:
            self._gone += 1
            return "inconclusive", f"the case took longer than {seconds:.0f} s"
        except Exception as error:
            # The suite itself is at fault, or meets what nobody thought of; that is nothing against the gateway.
            return "inconclusive", f"a fault of the suite: {type(error).__name__}: {error}"[:300]

    async def _ready(self, case: Case) -> None:
        """Give the case a fresh gateway, if it wants one or is the first of its area."""
        area = case.id.partition(".")[0]
        if case.fresh or area != self._area:
            if not self._play.manual:
                await self._play.fresh()
            elif case.fresh:
                raise NotOffered("the manual profile has no reset")
        self._area = "" if case.fresh else area
