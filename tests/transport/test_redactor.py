"""The process that reads free words: whatever becomes of it, a remark is held and the next one is read."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.services.ports import Redacted
from gateway.transport import redactor
from gateway.transport.redactor import WorkerRedactor

GOOD = """
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    text = asked["text"]
    {act}
    made = {{"id": asked["id"], "redacted": text, "spans": {spans}, "block": {block}, "reasons": {reasons}}}
    print(json.dumps({{**made, "language": "en"}}))
    sys.stdout.flush()
"""

Make = Callable[..., WorkerRedactor]


def script(act: str = "", spans: str = "[]", block: str = "False", reasons: str = "[]") -> tuple[str, ...]:
    """Return a worker that answers so; ``act`` is done before each answer."""
    return (sys.executable, "-c", GOOD.format(act=act or "pass", spans=spans, block=block, reasons=reasons))


@pytest_asyncio.fixture
async def make() -> AsyncIterator[Make]:
    """Make redactors whose processes are ended with the test."""
    made: list[WorkerRedactor] = []

    def one(command: tuple[str, ...] = (), **limits: float) -> WorkerRedactor:
        # A machine that stands still for a while is not what these tests are about, but for those with limits.
        made.append(WorkerRedactor(command, **{"time_limit_s": 60.0, **limits}))
        return made[-1]

    yield one
    for each in made:
        await each.close()


async def test_a_text_is_read_by_one_process_that_stays(make: Make) -> None:
    """The models are read once; each remark is answered by the same process."""
    worker = make(script(spans='[{"start": 0, "end": 3, "type": "PERSON"}]'))
    first = await worker.redact("Ana waits", "en")
    pid = worker._worker and worker._worker.pid
    assert Redacted(((0, 3, "PERSON"),), (), "en") == first == await worker.redact("Eva waits", "en")
    assert pid == (worker._worker and worker._worker.pid)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (script("time = __import__('time'); text.startswith('Ana') and time.sleep(60)"), "recogniser-timeout"),
        (script("text.startswith('Ana') and sys.exit(1)"), "recogniser-failed"),
        (script("text.startswith('Ana') and __import__('os').kill(__import__('os').getpid(), 9)"), "recogniser-failed"),
        (script("text.startswith('Ana') and print('no JSON')"), "recogniser-failed"),
        (script("text.startswith('Ana') and print('[]')"), "recogniser-failed"),
        (script("text.startswith('Ana') and print('x' * 3_000_000)"), "recogniser-failed"),
        (script(spans="[{'start': 0, 'end': 900, 'type': 'PERSON'}] if text[0] == 'A' else []"), "recogniser-failed"),
        (script(spans="[{'start': 2, 'end': 1, 'type': 'PERSON'}] if text[0] == 'A' else []"), "recogniser-failed"),
        (script(block="text[0] == 'A'"), "recogniser-failed"),
        (script(reasons="['code'] if text[0] == 'A' else []"), "recogniser-failed"),
    ],
    ids=["late", "ends", "killed", "no JSON", "no object", "too much", "outside", "reversed", "blocked", "unblocked"],
)
async def test_whatever_becomes_of_it_the_remark_is_held(make: Make, command: tuple[str, ...], code: str) -> None:
    """The remark is held with a code, and the next one is read by another process."""
    worker = make(command, time_limit_s=0.5 if code == "recogniser-timeout" else 60.0)
    assert Redacted((), (code,), None) == await worker.redact("Ana waits", "en")
    worker._time_limit_s = 60.0
    assert Redacted((), (), "en") == await worker.redact("Somebody waits", "en")


async def test_an_answer_to_the_text_before_is_none(make: Make) -> None:
    """A process that answers twice has its second answer taken for nobody's: the next remark is held, and it ends."""
    answer = '{"id": asked["id"], "spans": [], "block": False, "reasons": [], "language": "en"}'
    worker = make(script(f"text.startswith('Ana') and print(json.dumps({answer}))"))
    assert Redacted((), (), "en") == await worker.redact("Ana waits", "en")
    assert ("recogniser-failed",) == (await worker.redact("Eva Hoxha waits", "en")).reasons
    assert Redacted((), (), "en") == await worker.redact("Somebody waits", "en")


async def test_the_worker_reads_no_code_where_the_gateway_was_started(
    make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A file that lies in the working directory is not taken for a part of the program."""
    (tmp_path / "resource.py").write_text("open('ran', 'w')", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    await make(start_limit_s=60.0, time_limit_s=30.0).redact("Ana waits for an answer in writing.", "en")
    assert not (tmp_path / "ran").exists()


async def test_a_program_that_is_not_there_holds_the_remark(make: Make) -> None:
    """Nothing is raised, whatever cannot be started."""
    assert ("recogniser-failed",) == (await make(("/nowhere/at/all",)).redact("Ana waits", "en")).reasons


async def test_a_program_that_does_not_begin_holds_the_remark(make: Make) -> None:
    """Reading the models has a limit of its own."""
    worker = make((sys.executable, "-c", "import time; time.sleep(60)"), start_limit_s=0.3)
    assert ("recogniser-timeout",) == (await worker.redact("Ana waits", "en")).reasons


async def test_remarks_that_come_together_do_not_mix(make: Make) -> None:
    """One is read at a time, and each gets its own answer."""
    worker = make(script(spans='[{"start": 0, "end": len(text), "type": "PERSON"}]'))
    texts = ["a" * size for size in range(1, 9)]
    found = await asyncio.gather(*(worker.redact(text, "en") for text in texts))
    assert [len(text) for text in texts] == [one.spans[0][1] for one in found]


async def test_too_many_that_wait_are_held(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits is bounded."""
    monkeypatch.setattr(redactor, "WAITING_MAX", 2)
    worker = make(script())
    found = await asyncio.gather(*(worker.redact("Ana", "en") for _ in range(4)))
    assert 2 == sum(one.reasons == ("recogniser-busy",) for one in found)


async def test_a_remark_nobody_waits_for_leaves_no_answer_behind(make: Make, tmp_path: Path) -> None:
    """The answer to one that was given up is not taken for that of the next."""
    given_up, begun = tmp_path / "given-up", tmp_path / "begun"
    slow = (
        f"if text.startswith('Ana'):\n        __import__('pathlib').Path({str(begun)!r}).touch()\n"
        f"        while not __import__('os').path.exists({str(given_up)!r}): __import__('time').sleep(0.01)"
    )
    worker = make(script(slow, spans='[{"start": 0, "end": len(text), "type": "PERSON"}]'))
    await worker.redact("warm", "en")
    task = asyncio.create_task(worker.redact("Ana waits for long", "en"))
    while not begun.exists():
        await asyncio.sleep(0.01)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    given_up.touch()
    assert ((0, 3, "PERSON"),) == (await worker.redact("Eva", "en")).spans


async def test_the_worker_sees_nothing_of_the_environment(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """No secret that a service manager put there can be in what it reads."""
    monkeypatch.setenv("ISTHMUS_PASSPHRASE", "correct horse")
    seen = "__import__('os').environ.get('ISTHMUS_PASSPHRASE')"
    worker = make(script(spans=f"[{{'start': 0, 'end': 1, 'type': str({seen})}}]"))
    assert ((0, 1, "None"),) == (await worker.redact("Ana", "en")).spans


async def test_the_real_worker_answers(make: Make) -> None:
    """The program itself reads a line; without its models it holds every text, and says why."""
    made = await make(start_limit_s=60.0, time_limit_s=30.0).redact("Ana waits for an answer in writing.", "en")
    assert made.language == "en" or made.reasons == ("recogniser-missing",)


def test_the_models_lie_beside_the_code() -> None:
    """Nothing is fetched when it runs: what the worker opens is in the package."""
    from gateway.transport import redaction_worker

    source = Path(redaction_worker.__file__).read_text(encoding="utf-8")
    assert not {"socket", "urllib", "http"} & set(source.replace(".", " ").split())


async def test_a_process_that_says_more_than_anybody_reads_is_ended(make: Make) -> None:
    """What it goes on to say after an answer is read by nobody; its end is not waited for until somebody does."""
    more = "    if text.startswith('Ana'): print('more\\n' * 2_000_000)\n"
    worker = make((sys.executable, "-c", script()[2] + more))
    assert not (await worker.redact("Ana waits", "en")).reasons
    said = worker._worker and worker._worker.stdout
    while not said._paused:  # asyncio reads no more of it: it has said more than fits
        await asyncio.sleep(0.01)
    assert ("recogniser-failed",) == (await asyncio.wait_for(worker.redact("Eva waits", "en"), 60)).reasons
