"""Set a note verbale as PDF/A-3u; without the extra ``pdf`` the note is text. See ``gateway.web.printing``."""

from gateway.cli.errors import CommandError, Exit
from gateway.web import printing
from gateway.web.printing import VARIANT

__all__ = ["VARIANT", "serialize_pdf"]


def serialize_pdf(page: str) -> bytes:
    """Return ``page``, HTML without any link, as PDF/A. Raises ``CommandError`` naming what to install."""
    try:
        return printing.serialize_pdf(page)
    except printing.CannotPrint as error:
        raise CommandError(Exit.CONFIGURATION, "no-pdf", f"no PDF was written: {error}", error.hint) from error
