"""Eight gateways that are wrong in one thing each are found out; ``python -m drills.mutants`` runs all of them."""

import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from conformance import cases
from conformance.registry import load
from drills import mutants as drill
from tests.conformance import mutate
from tests.conformance.mutate import KILLED, SURVIVED, BadPatch, Hunk, Mutant
from tests.support.rows import each_holds

MUTANTS = {one.name: one for one in mutate.load()}
FEW = (
    "121-signature-not-verified",
    "161-number-used-twice",
    "191-receipt-about-another",
    "201-fork-taken",
    "222-holidays-are-worked",
    "231-excess-taken",
    "262-freeze-stops-nothing",
    "301-answered-before-it-is-kept",
)


@pytest.mark.parametrize("name", FEW)
def test_mutant_is_killed(name: str) -> None:
    """The case that the patch names fails against the gateway with it."""
    outcome = mutate.judge(MUTANTS[name])
    assert (KILLED, True) == (outcome.result, bool(outcome.detail)), outcome.detail


def test_reference_passes() -> None:
    """Against a copy of the gateway without a patch the same cases pass."""
    assert [] == mutate.reference(MUTANTS[name].case for name in FEW)


def test_survivor_is_told() -> None:
    """A patch that changes nothing a partner can see is not killed: the harness can say so."""
    hunk = Hunk("gateway/core/retry.py", "MIN_WAIT_S = 2.0\n", "MIN_WAIT_S = 2.00\n")
    mutant = Mutant("000-nothing", "none", "framing.magic", "M-4.1", "Nothing.", (hunk,))
    assert SURVIVED == mutate.judge(mutant).result


def test_a_restored_gateway_may_ask_again_for_an_answer() -> None:
    """One that posts once more, byte for byte, what was answered before its backup is not told to be wrong."""
    before = "            if known is not None and not known.never_left:\n"
    again = (
        '                if known.state == "receipted":\n'
        '                    known = known._replace(state="posted", next_try_at=now, answered_at=None)\n'
        "                    await tx.save_outbound(known)\n"
    )
    hunk = Hunk("gateway/services/resync.py", before, before + again)
    mutant = Mutant("000-asks-again", "none", "restore.never-posted", "M-5.27", "Nothing.", (hunk,))
    assert SURVIVED == mutate.judge(mutant).result


def test_patch_applies() -> None:
    """Every patch applies to the tree as it is, each hunk at one place."""
    each_holds(mutate.check, MUTANTS.values(), lambda one: one.name)


def test_patch_leaves_no_name_that_is_not_there(tmp_path: Path) -> None:
    """A gateway that breaks off where it should be wrong says nothing about the case, whether that fails or not."""
    for mutant in MUTANTS.values():
        for path in {hunk.path for hunk in mutant.hunks}:
            (tmp_path / mutant.name / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(mutate.ROOT / path, tmp_path / mutant.name / path)
        mutate.apply(mutant, tmp_path / mutant.name)
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F821", "--output-format", "concise"]
    told = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, check=False)
    assert (0, "All checks passed!") == (told.returncode, told.stdout.strip())


def test_each_patch_names_a_case_that_proves_its_demand() -> None:
    """The case named exists, counts as a MUST, and proves the demand that the mutant breaks."""
    proving = {(case.id, rule) for case in load(cases).values() if case.level == "MUST" for rule in case.rules}
    assert {} == {
        name: (one.case, one.demand) for name, one in MUTANTS.items() if (one.case, one.demand) not in proving
    }


def test_there_are_enough() -> None:
    """There are forty mutants at least, each number and each change once, in every area that has to be proved."""
    assert 40 <= len(MUTANTS)
    assert 1 == max(Counter(name[:3] for name in MUTANTS).values())
    assert 1 == max(Counter(one.hunks for one in MUTANTS.values()).values())
    areas = {one.area for one in MUTANTS.values()}
    assert set() == {"framing", "suites", "signatures", "replay", "ids", "order", "retries", "restore"} - areas
    assert set() == {"receipts", "forks", "trust", "clocks", "minimisation", "neutral codes", "withdrawal"} - areas
    assert set() == {"stop and freeze", "returns", "erasure", "back-pressure", "partial bodies", "durability"} - areas


def test_page_lists_them() -> None:
    """The kill matrix has a line for every patch as it is, none for anything else, and all are killed."""
    known, text = load(cases), drill.PAGE.read_text(encoding="utf-8")
    shown = [found.groups()[:-1] for one in text.splitlines() if (found := drill.ROW.match(one))]
    wanted = [(one.name, one.flips, known[one.case].section, one.demand, one.case, KILLED) for one in MUTANTS.values()]
    assert wanted == shown
    assert text == drill.page(drill.lines(text), list(MUTANTS.values()))


def write(folder: Path, text: str) -> Path:
    """Write a patch file."""
    path = folder / "900-a-patch.patch"
    path.write_text(text, encoding="utf-8")
    return path


HEAD = "Area: order\nCase: order.next\nDemand: M-5.7\nFlips: It is wrong.\n\n"
DIFF = "--- a/{0}\n+++ b/{0}\n@@ -1 +1 @@\n-MIN_WAIT_S = 2.0\n+MIN_WAIT_S = 3.0\n"
RETRY = "gateway/core/retry.py"
BAD = {
    "no-case": HEAD.replace("Case: order.next\n", "") + DIFF.format(RETRY),
    "no-words": HEAD.replace("It is wrong.", "") + DIFF.format(RETRY),
    "no-diff": HEAD,
    "the-suite": HEAD + DIFF.format("conformance/run.py"),
    "the-back-end": HEAD + DIFF.format("tests/conformance/desk.py"),
    "another-file": HEAD + DIFF.format(RETRY).replace("+++ b/gateway", "+++ b/keys"),
    "outside": HEAD + DIFF.format("gateway/../conformance/run.py"),
}


@pytest.mark.parametrize("fault", BAD)
def test_bad_patch_is_refused(tmp_path: Path, fault: str) -> None:
    """A patch file without its head, without a diff, or for anything but the gateway is an error."""
    with pytest.raises(BadPatch):
        mutate.read(write(tmp_path, BAD[fault]))


STALE = {
    "gone": ("-MIN_WAIT_S = 2.0\n", "-MIN_WAIT_S = 5.0\n"),
    "twice": ("-MIN_WAIT_S = 2.0\n+MIN_WAIT_S = 3.0\n", '-    """\n+    pass\n'),
    "no-such-file": (RETRY, "gateway/core/retries.py"),
}


@pytest.mark.parametrize("fault", STALE)
def test_stale_patch_is_an_error(tmp_path: Path, fault: str) -> None:
    """A patch whose lines are gone, or stand at several places, does not apply anywhere."""
    mutate.check(mutate.read(write(tmp_path, HEAD + DIFF.format(RETRY))))
    old, new = STALE[fault]
    mutant = mutate.read(write(tmp_path, HEAD + DIFF.format(RETRY).replace(old, new)))
    with pytest.raises(BadPatch):
        mutate.check(mutant)
