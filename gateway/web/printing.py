"""
Print a page as PDF/A-3u (ISO 19005-3), the form archives keep; in a process of its own.

The library comes with the extra ``pdf`` and needs the Pango libraries of the system. It takes half a second to load and
holds the interpreter while it works, so a gateway starts it beside itself, one page at a time, with bounds.

    python -m gateway.web.printing < page.html > page.pdf
"""

import asyncio
import os
import resource
import sys
import warnings

VARIANT = "pdf/a-3u"

PAGE_MAX_BYTES = 2 << 20
PRINT_TIMEOUT_S = 30.0
PRINT_CPU_S = 25
PRINT_MEMORY_BYTES = 2 << 30
"""What one page may cost: a note of a thousand lines takes three seconds and 200 MiB."""

_CANNOT = 3
"""Exit status of the worker where a library is missing; its reason and hint are two lines on standard error."""

_ENVIRON = ("PATH", "HOME", "LANG", "PYTHONPATH", "LD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH", "XDG_CACHE_HOME")
"""What the worker is told of the environment; whatever else stands there is no business of a printer."""

_PRINTING = asyncio.Semaphore(1)


class CannotPrint(Exception):
    """There is no PDF: says why; ``hint`` is what to install or do."""

    def __init__(self, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.hint = hint


def serialize_pdf(page: str) -> bytes:
    """Return ``page``, HTML without any link, as PDF/A. Raises ``CannotPrint`` naming what to install."""
    try:
        with warnings.catch_warnings():
            # It warns of a library that a later release of it will need; whoever installs that release is told then.
            warnings.simplefilter("ignore", DeprecationWarning)
            from weasyprint import HTML  # here, because it takes half a second and loads a library of the system
    except ImportError as error:
        raise CannotPrint("the library for PDF is not installed", "install the extra: requirements/pdf.txt") from error
    except OSError as error:
        # Pango is loaded when the library is imported.
        raise CannotPrint(
            "the Pango libraries are not installed", "apt-get install libpango-1.0-0 libpangoft2-1.0-0"
        ) from error
    made: bytes = HTML(string=page, url_fetcher=_no_fetching).write_pdf(pdf_variant=VARIANT)
    return made


async def print_pdf(page: str) -> bytes:
    """Return ``page`` as ``serialize_pdf`` does, made by another process. Raises ``CannotPrint``."""
    raw = page.encode()
    if len(raw) > PAGE_MAX_BYTES:
        raise CannotPrint("the page is too large for one PDF")
    async with _PRINTING:
        worker = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", __name__),  # no code from wherever it is called
            env={name: os.environ[name] for name in _ENVIRON if name in os.environ},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(PRINT_TIMEOUT_S):
                made, said = await worker.communicate(raw)
        except TimeoutError:
            raise CannotPrint("printing took too long") from None
        finally:
            if worker.returncode is None:
                worker.kill()
                await worker.communicate()  # its end is told once all it said has been read, and nobody reads any more
    if worker.returncode == _CANNOT:
        why, _, hint = said.decode("utf-8", "replace").strip().rpartition("\n")
        raise CannotPrint(why.rpartition("\n")[2], hint)
    if worker.returncode != 0 or not made.startswith(b"%PDF-"):
        raise CannotPrint(f"the printing process ended with {worker.returncode} after {len(made)} bytes")
    return made


def _no_fetching(url: str, *_: object, **__: object) -> dict[str, object]:
    raise ValueError("a printed page refers to nothing outside itself")


def main() -> int:
    """Print the page on standard input to standard output."""
    resource.setrlimit(resource.RLIMIT_CPU, (PRINT_CPU_S, PRINT_CPU_S))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (PRINT_MEMORY_BYTES, PRINT_MEMORY_BYTES))
    page = sys.stdin.buffer.read(PAGE_MAX_BYTES + 1).decode()
    try:
        sys.stdout.buffer.write(serialize_pdf(page))
    except CannotPrint as error:
        sys.stderr.write(f"{error}\n{error.hint}\n")
        return _CANNOT
    return 0


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # The page is out. Taking the interpreter apart around what Pango still holds crashes one process in some hundreds.
    os._exit(status)
