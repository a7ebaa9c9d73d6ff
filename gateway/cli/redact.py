"""
``isthmus redact``: notes in, notes out with a type in the place of everything that identifies, one JSON object a line.

Rule 1: each line is answered before the next is read, in order; nothing is kept of it.
Rule 2: a line that is no note gets an object with the code of what is wrong, and the rest goes on.
Rule 3: what cannot be read is withheld whole and blocked, with the code of why; without the extra ``redact`` that is
every note.
"""

import json
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

import click

from gateway.cli.errors import Exit
from gateway.cli.output import json_option, say
from gateway.transport.redaction_worker import LINE_MAX_BYTES, reader

_REDACTED: Final = ("redacted", "spans", "block", "reasons")


@click.command()
@json_option
def redact(as_json: bool) -> None:
    """
    Redact notes from standard input, JSON Lines {"id", "lang"?, "text"}, one object a line.

    Prints {"id", "redacted", "spans": [{"start", "end", "type"}], "block", "reasons"} for each, in order. With "block"
    true the note is held for a person to look at; "reasons" are codes. "lang" is the language the note is said to be
    in. A line that is no note gets {"id", "error", …} with a code; then the exit code is 1.

    Reads English, French, Spanish, Romanian, Albanian, Serbian, Ukrainian, Russian and Arabic. Needs the extra redact;
    without it every note is withheld.
    """
    read, wrong = reader(), 0
    out = sys.stdout.buffer
    for line in _lines(sys.stdin.buffer):
        made = _answer(line, read)
        wrong += "error" in made
        # A lone surrogate of the input is written as the escape it came in as.
        out.write(json.dumps(made, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n")
        out.flush()
    if wrong:
        say(f"{wrong} line{'s' if wrong > 1 else ''} could not be read as a note")
        click.get_current_context().exit(Exit.FINDINGS)


def _lines(stream: BinaryIO) -> Iterator[bytes | None]:
    """Yield each line that is not blank; ``None`` for one that is too long, of which no more is kept than the bound."""
    while line := stream.readline(LINE_MAX_BYTES + 1):
        if len(line) > LINE_MAX_BYTES and not line.endswith(b"\n"):
            while (rest := stream.readline(LINE_MAX_BYTES)) and not rest.endswith(b"\n"):
                pass
            yield None
        elif line.strip():
            yield line


def _answer(line: bytes | None, read: Any) -> dict[str, Any]:
    if line is None:
        return _wrong(None, "line-too-long")
    try:
        value = json.loads(line)
    except UnicodeDecodeError:
        return _wrong(None, "line-not-utf8")
    except (ValueError, RecursionError):
        return _wrong(None, "line-not-json")
    if not isinstance(value, dict):
        return _wrong(None, "line-not-object")
    id, text, language = value.get("id"), value.get("text"), value.get("lang")
    if not isinstance(id, str | int) or isinstance(id, bool):
        return _wrong(None, "id-missing")
    if not isinstance(text, str):
        return _wrong(id, "text-missing")
    if not (language is None or isinstance(language, str)):
        return _wrong(id, "lang-not-text")
    made = read(text, language)
    return {"id": id, **{name: made[name] for name in _REDACTED}}


def _wrong(id: str | int | None, code: str) -> dict[str, Any]:
    return {"id": id, "error": code, "redacted": "", "spans": [], "block": True, "reasons": [code]}
