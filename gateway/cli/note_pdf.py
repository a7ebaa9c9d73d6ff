"""Set a note verbale as PDF/A-3u; without the extra ``pdf`` the note is text. See ``gateway.web.printing``."""

import asyncio

from gateway.cli.errors import CommandError, Exit
from gateway.web.printing import CannotPrint, print_pdf


def serialize_pdf(page: str) -> bytes:
    """Return ``page``, HTML without any link, as PDF/A. Raises ``CommandError`` naming what to install."""
    try:
        return asyncio.run(print_pdf(page))
    except CannotPrint as error:
        raise CommandError(Exit.CONFIGURATION, "no-pdf", f"no PDF was written: {error}", error.hint) from error
