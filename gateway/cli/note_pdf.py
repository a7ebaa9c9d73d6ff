"""
Set a note verbale as PDF/A-3u (ISO 19005-3), the form archives keep.

The library comes with the extra `pdf` and needs the Pango libraries of the system. Without either, the note is text.
"""

import warnings

from gateway.cli.errors import CommandError, Exit

VARIANT = "pdf/a-3u"


def serialize_pdf(page: str) -> bytes:
    """Return ``page``, HTML without any link, as PDF/A. Raises ``CommandError`` naming what to install."""
    try:
        with warnings.catch_warnings():
            # It warns of a library that a later release of it will need; whoever installs that release is told then.
            warnings.simplefilter("ignore", DeprecationWarning)
            from weasyprint import HTML  # here, because it takes half a second and loads a library of the system
    except ImportError as error:
        raise _missing("the library for PDF is not installed", "pip install 'isthmus[pdf]'") from error
    except OSError as error:
        # Pango is loaded when the library is imported.
        raise _missing(
            "the Pango libraries are not installed", "apt-get install libpango-1.0-0 libpangoft2-1.0-0"
        ) from error
    made: bytes = HTML(string=page, url_fetcher=_no_fetching).write_pdf(pdf_variant=VARIANT)
    return made


def _missing(detail: str, hint: str) -> CommandError:
    return CommandError(Exit.CONFIGURATION, "no-pdf", f"no PDF was written: {detail}", hint)


def _no_fetching(url: str, *_: object, **__: object) -> dict[str, object]:
    raise ValueError("a note verbale refers to nothing outside itself")
