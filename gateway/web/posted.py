"""
A form as a browser posts it: its fields and files, read within bounds, and its texts made clean.

Rule: what cannot be taken is no form (``BadForm``), and nothing of it is quoted.
"""

import re
import unicodedata
from collections.abc import Callable

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from gateway.core.unseen import JOINERS, has_unseen

FORM_MAX_BYTES = 256 * 1024
STRANGER_FORM_MAX_BYTES = 16 * 1024
"""
Of a visitor without a session. What proves who it is has two or three of these kilobytes; and thousands of strangers
may each send the rest slowly, so that what they may fill together is no more than the memory that there is.
"""

FIELDS_MAX = 1000

UNSENT = "unsent"
"""In a form that a page sends as its time is over: nobody pressed a button, so it waits for its person, untaken."""

PROVING = frozenset({"csrf", "once", "confirm", "credential", "approval", "code", "pending"})
_SAID_NOT_KEPT = frozenset({"draft", "matrix", "mrz", "digit", "b.number_digest"})

NEVER_KEPT = PROVING | _SAID_NOT_KEPT | {UNSENT}
"""
Fields that do not wait for a page as others do, once a session or a reason has ended: what is good for one sending or
proves who it was, and what its page says is not kept: a dry run, the lines of a document, the number of another.
"""

CARRIED = frozenset(
    {"seen", "digest", "proof", "take", "member", "refs", "partner", "language", "end", "work", "back", "waits"}
)
"""Fields that a page carries by itself, and its buttons: where no other came, nothing was typed that could wait."""

ASKED = frozenset({"why", "look"})
"""Fields of a page that asks for a reason before it shows what stands at the same address."""

NO_FORM = (ValueError, LookupError, RuntimeError, HttpProcessingError)
"""What reading a form may raise that is none; the last two come of the library, for parts it cannot read."""

MARKS_MAX = 30
"""Marks on one letter, as in the Stream-Safe Text Format of Unicode (UAX #15, section 13)."""


class BadForm(Exception):
    """
    A form that cannot be taken: ``code`` says why (``error_page``), ``field`` the field, if it is one.

    ``most`` is how many bytes would have been taken of what was too large; 0 where it is no matter of bytes.
    """

    def __init__(self, code: str, field: str = "", most: int = 0) -> None:
        super().__init__(code)
        self.code = code
        self.field = field
        self.most = most


async def read_fields(
    request: web.Request,
    upload: int,
    fields: list[tuple[str, str]],
    came: Callable[[int], None],
    *,
    is_known: bool,
) -> dict[str, bytes]:
    """
    Add the fields of a form to ``fields`` one by one, and return the files in it (at most ``upload`` bytes, with 0 none
    may come). Those before a file that is too large are there when ``BadForm`` says that it is. ``came`` is told how
    many bytes of a form with files have come, as they do.

    Files are held in memory only: what reads forms in the library writes a large one to a file of the system, in clear,
    and unpacks a compressed one without a bound. Of a visitor without a session no file is held, and of a form no more
    than ``STRANGER_FORM_MAX_BYTES``: ``is_known`` says whether there is one. Raises ``BadForm``, and ``ValueError`` for
    what is no form.
    """
    room = FORM_MAX_BYTES if is_known else STRANGER_FORM_MAX_BYTES
    if request.content_type != "multipart/form-data":
        request = request.clone(client_max_size=room)
        try:
            posted = await request.post()
        except web.HTTPRequestEntityTooLarge:
            # The same is raised for too many fields.
            raise BadForm("large", most=room if request.content.total_bytes > room else 0) from None
        fields += [(name, value) for name, value in posted.items() if isinstance(value, str)]
        return {}
    files, most = dict[str, bytes](), FORM_MAX_BYTES + upload
    reader = await request.multipart()
    while (part := await reader.next()) is not None:
        if not isinstance(part, BodyPartReader) or part.name is None or _is_packed(part):
            raise BadForm("kind")
        if not part.filename and not is_utf8(part.get_charset("utf-8")):
            raise BadForm("kind")
        if part.filename and not upload:
            raise BadForm("kind")
        raw, size, bound = bytearray(), 0, upload if part.filename else room
        while chunk := await part.read_chunk():
            size += len(chunk)
            came(request.content.total_bytes)
            if size > bound or request.content.total_bytes > most:
                raise BadForm("large", most=bound if size > bound else most)
            if is_known or not part.filename:
                raw += chunk
        if len(fields) + len(files) >= FIELDS_MAX:
            raise BadForm("large")
        if part.filename:
            files[part.name] = bytes(raw)
        else:
            fields.append((part.name, raw.decode("utf-8")))
            room -= size if not is_known else 0
    return files


def _is_packed(part: BodyPartReader) -> bool:
    """Tell whether a part is not the bytes themselves; no browser sends such a form."""
    how = part.headers.get("Content-Transfer-Encoding", "binary").lower()
    return "Content-Encoding" in part.headers or how not in ("7bit", "8bit", "binary")


def is_utf8(charset: str | None) -> bool:
    """Tell whether a form is in UTF-8, as all of ours are; another decoder may take minutes for what a form holds."""
    return charset is None or charset.lower() == "utf-8"


def _has_heap(text: str) -> bool:
    """Tell whether more marks stand on one letter than in any script; to put them in order would take minutes."""
    marks = sorted(char for char in set(text) if unicodedata.category(char).startswith("M"))
    return bool(marks) and re.search(f"[{''.join(marks)}]{{{MARKS_MAX + 1}}}", text) is not None


_ISOLATED = re.compile("\u2066([^\u2066\u2069]*)\u2069")
"""What ``keep_in_order`` isolates, between the signs that it puts around it."""


def clean(name: str, text: str) -> str:
    """
    Return a field in normal form C without outer blanks. Raises ``BadForm`` for what nobody types.

    The isolates that come along with what is copied from a page (``keep_in_order``) are taken out, and as blanks are at
    the ends. Of what cannot be seen only the joiners are let through: they are part of the spelling of some scripts.
    Each character is looked at once, however often it stands there: a field may have a quarter of a million.
    """
    plain = _ISOLATED.sub(r"\1", text.replace("\r\n", "\n"))
    if not plain.isascii() and _has_heap(plain):
        raise BadForm("text", name)
    made = unicodedata.normalize("NFC", plain).strip().strip("\u2066\u2069").strip()
    for char in set(made):
        kind = unicodedata.category(char)
        if (
            (kind == "Cc" and char not in "\n\t")
            or kind in ("Cs", "Co", "Cn")
            or ((kind == "Cf" or has_unseen(char)) and char not in JOINERS)
        ):
            raise BadForm("text", name)
    return made
