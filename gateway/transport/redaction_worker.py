"""
The process that reads free words: one JSON object a line in, one a line out, in order, until its input ends.

    python -m gateway.transport.redaction_worker

In: ``{"id": …, "text": …, "language": …}``. Out: ``{"id": …, "redacted": …, "spans": [{"start", "end", "type"}],
"block": …, "reasons": […], "language": …}``, with the ``id`` it was asked under. It opens no file but the recogniser's
own, no socket, and writes nothing but its answers.

Rule 1: a text that cannot be read is withheld whole and blocked, with a code. There is no answer in which it stands.
Rule 2: where the extra ``redact`` is not installed, or its models cannot be read, every text is such a text.
"""

import json
import os
import resource
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

WITHHELD: Final = "[TEXT]"
"""What stands for a text that is withheld whole."""

MISSING: Final = "recogniser-missing"
FAILED: Final = "recogniser-failed"

LINE_MAX_BYTES: Final = 1 << 20
"""The longest line that is read; a remark has a few kilobytes."""

MEMORY_BYTES: Final = 1 << 30
"""What the process may take at most; with its models it takes about a tenth of it."""

Answer = dict[str, Any]


def withheld(text: str, reason: str) -> Answer:
    """Return the answer that holds ``text`` whole for ``reason``, a code."""
    spans = [{"start": 0, "end": len(text), "type": "TEXT"}] if text else []
    return {"redacted": WITHHELD if text else "", "spans": spans, "block": True, "reasons": [reason], "language": None}


def reader() -> Callable[[str, str | None], Answer]:
    """Return what reads a text (and its language, if it is known); without a recogniser it withholds every text."""
    try:
        from gateway.redaction.redact import redact
    except ImportError:
        return lambda text, language: withheld(text, MISSING)

    def read(text: str, language: str | None) -> Answer:
        try:
            made = redact(text, language)
            spans = [{"start": one.start, "end": one.end, "type": one.type} for one in made.spans]
        except FileNotFoundError:
            return withheld(text, MISSING)
        except Exception:
            return withheld(text, FAILED)
        reasons, block = list(made.reasons), bool(made.block or made.reasons)
        if block and not reasons:
            reasons = [FAILED]
        return {
            "redacted": made.text,
            "spans": spans,
            "block": block,
            "reasons": reasons,
            "language": made.language,
        }

    return read


def main() -> None:
    """Answer each line of the standard input."""
    with suppress(ValueError, OSError):  # some systems know no such bound
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints is no answer
    read = reader()
    read("", None)
    while line := sys.stdin.buffer.readline(LINE_MAX_BYTES + 1):
        try:
            value = json.loads(line)
            answer = {"id": value["id"], **read(str(value["text"]), value["language"])}
        except (ValueError, LookupError, TypeError):
            answer = withheld(" ", FAILED)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
