"""
The process that draws an image anew from its pixels alone: one file in, its pages out, and the end.

What a decoder may be made to do by a hostile file happens in a process that has nothing: no key, no environment, no
file, no socket, a bound of memory and of time.

    python -m gateway.transport.render_worker MEMBER < file > drawn

The answer is one line of JSON, ``{"removed": […], "sizes": […]}`` or ``{"refused": "code"}``, and then the pages.
"""

import io
import json
import re
import struct
import sys
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from gateway.core.attachments import (
    MEMBERS,
    PAGE_MAX_BYTES,
    PIXELS_MAX,
    SIDE_MAX,
    SIDE_MIN,
    NotRendered,
    check_file,
    most_bytes,
    most_pages,
)
from gateway.transport.confine import confine

if TYPE_CHECKING:
    from PIL import Image

PHOTO_SIDE_MAX: Final = 800
"""Pixels of the longer side of a portrait: more does not help to know a face, and has to fit into 30 KiB."""

QUALITIES: Final = (85, 70, 55)
"""Of JPEG, tried in this order before the image is made smaller."""

SHRINK: Final = 0.8


def draw(raw: bytes, member: str) -> tuple[list[bytes], set[str]]:
    """Return the pages drawn of ``raw``, and what is not in them any more. Raises ``NotRendered``."""
    match check_file(raw):
        case "application/pdf":
            images, removed = _pdf(raw, most_pages(member))
        case "image/png":
            images, removed = _png(raw)
        case _:
            images, removed = _jpeg(raw)
    side = PHOTO_SIDE_MAX if member == "photo" else SIDE_MAX
    most = min(PAGE_MAX_BYTES, most_bytes(member, len(images)) // len(images))
    pages = []
    for image in images:
        page, is_smaller = _fitted(image, side, most)
        pages.append(page)
        removed |= {"scaled"} if is_smaller else set()
    return pages, removed


def _fitted(image: "Image.Image", side: int, most: int) -> tuple[bytes, bool]:
    """Return ``image`` as a bare JPEG of at most ``most`` bytes, and whether it was made smaller for it."""
    whole = max(image.size)
    longest = min(whole, side)
    while True:
        made = _scaled(image, longest)
        for quality in QUALITIES:
            out = io.BytesIO()
            made.save(out, "JPEG", quality=quality, optimize=True, exif=b"", icc_profile=b"")
            if out.tell() <= most:
                return out.getvalue(), longest < whole
        longest = int(longest * SHRINK)
        if longest < SIDE_MIN:
            raise NotRendered("file-fit")


def _scaled(image: "Image.Image", longest: int) -> "Image.Image":
    from PIL.Image import Resampling

    whole = max(image.size)
    if longest >= whole:
        return image
    size = (max(1, image.width * longest // whole), max(1, image.height * longest // whole))
    return image.resize(size, Resampling.LANCZOS)


# One image.

_HIDING: Final = re.compile(
    rb"PK\x03\x04|PK\x05\x06|%PDF-|GIF8[79]a|Rar!\x1a|7z\xbc\xaf|\x7fELF|\x89PNG|<svg|<html|<script|<\?php|<\?xml",
    re.IGNORECASE,
)
"""Beginnings of files that are read from anywhere in a file, or by a browser that guesses."""

_EXIF, _ICC = b"Exif\x00\x00", b"ICC_PROFILE\x00"
_ORIENTATION, _GPS = 0x0112, 0x8825
_THUMBNAIL = -1
"""The second directory of an Exif note describes its thumbnail; the library names it so."""


def _check_tail(tail: bytes, removed: set[str]) -> None:
    """Note bytes behind the end of an image. Raises ``NotRendered`` if they are another file."""
    if _HIDING.search(tail) or tail.startswith(b"MZ"):
        raise NotRendered("file-joined")
    if tail.strip(b"\x00\r\n"):
        removed.add("trailing")


def _jpeg(raw: bytes) -> "tuple[list[Image.Image], set[str]]":
    """Return the first image in a JPEG; of its segments only what the picture needs reaches the decoder."""
    kept, removed, exif = [raw[:2]], set[str](), b""
    at = 2
    for marker, start, end in _jpeg_segments(raw):
        at, body = end, raw[start + 4 : end]
        if marker == 0xD9:
            break
        if marker == 0xE0 and body.startswith(b"JFXX"):
            removed.add("thumbnail")
        elif marker == 0xE1 and body.startswith(_EXIF):
            exif = body
            removed.add("exif")
        elif marker == 0xE1:
            removed.add("xmp")
        elif marker == 0xE2:
            removed.add("icc" if body.startswith(_ICC) else "thumbnail")
        elif marker == 0xED:
            removed.add("iptc")
        elif marker == 0xFE or (0xE3 <= marker <= 0xEF and marker != 0xEE):
            removed.add("comment")
        else:
            kept.append(raw[start:end])
    _check_tail(raw[at:], removed)
    return [_drawn(b"".join((*kept, b"\xff\xd9")), "JPEG", removed, _turn(exif, removed))], removed


_NEXT: Final = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")


def _jpeg_segments(raw: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield marker, first byte and end of each segment; picture data is of the segment before it."""
    at = 2
    while True:
        while raw[at : at + 2] == b"\xff\xff":  # a mark may be filled up in front
            at += 1
        if raw[at : at + 1] != b"\xff" or at + 2 > len(raw):
            raise NotRendered("file-broken")
        marker = raw[at + 1]
        if marker == 0xD9:
            yield marker, at, at + 2
            return
        end = at + 2 + int.from_bytes(raw[at + 2 : at + 4])
        if end > len(raw) or end < at + 4:
            raise NotRendered("file-broken")
        if marker == 0xDA:
            found = _NEXT.search(raw, end)
            if found is None:
                raise NotRendered("file-broken")
            end = found.start()
        yield marker, at, end
        at = end


_PNG_KEPT: Final = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_PNG_SAYS: Final = {b"tEXt": "comment", b"zTXt": "comment", b"iTXt": "comment", b"iCCP": "icc", b"tIME": "time"}


def _png(raw: bytes) -> "tuple[list[Image.Image], set[str]]":
    """Return the image in a PNG; of its chunks only what the picture needs reaches the decoder."""
    kept, removed, exif, at = [raw[:8]], set[str](), b"", 8
    while True:
        head = raw[at : at + 8]
        end = at + 12 + (int.from_bytes(head[:4]) if len(head) == 8 else len(raw))
        if end > len(raw):
            raise NotRendered("file-broken")
        name, body = head[4:], raw[at + 8 : end - 4]
        if name in (b"acTL", b"fcTL", b"fdAT"):
            raise NotRendered("file-moving")
        if name in _PNG_KEPT:
            kept.append(raw[at:end])
        elif name == b"eXIf":
            exif = _EXIF + body
            removed.add("exif")
        elif name == b"iTXt" and body.startswith(b"XML:com.adobe.xmp"):
            removed.add("xmp")
        elif name in _PNG_SAYS:
            removed.add(_PNG_SAYS[name])
        if name == b"IHDR" and body[8:9] == b"\x10":
            removed.add("depth")
        at = end
        if name == b"IEND":
            break
    _check_tail(raw[at:], removed)
    return [_drawn(b"".join(kept), "PNG", removed, _turn(exif, removed))], removed


def _turn(exif: bytes, removed: set[str]) -> int:
    """Return how the image is to be turned (1 to 8), as its camera noted it, and note what else that said."""
    from PIL import Image

    if not exif:
        return 1
    try:
        read = Image.Exif()
        read.load(exif)
        if read.get_ifd(_GPS):
            removed.add("gps")
        turn = read.get(_ORIENTATION, 1)
        if read.get_ifd(_THUMBNAIL):
            removed.add("thumbnail")
    except Exception:  # whatever a note says that cannot be read, it goes with the rest
        return 1
    if isinstance(turn, int) and 2 <= turn <= 8:
        removed.add("orientation")
        return turn
    return 1


def _drawn(raw: bytes, format: str, removed: set[str], turn: int) -> "Image.Image":
    """Return the pixels of ``raw`` as a new image in plain colours, turned upright, on white."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(raw), formats=(format,)) as opened:
            if opened.width * opened.height > PIXELS_MAX:
                raise NotRendered("file-pixels")
            opened.load()
            plain = _plain(opened, removed)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError):
        raise NotRendered("file-pixels") from None
    except (OSError, ValueError, SyntaxError, struct.error, OverflowError, LookupError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the machine refuses and not the decoder: the worker ends, and the file is not called broken for it
        raise NotRendered("file-broken") from None
    return _upright(plain, turn)


def _plain(image: "Image.Image", removed: set[str]) -> "Image.Image":
    """Return ``image`` in 8 bits of grey or of red, green and blue, with white behind it, and nothing beside pixels."""
    from PIL import Image

    is_grey = image.mode in ("1", "L", "LA") or image.mode.startswith("I")
    if image.mode.startswith("I"):
        removed.add("depth")
        image = image.convert("I").point(lambda value: value * (1 / 257)).convert("L")
    if image.has_transparency_data:
        removed.add("alpha")
        above = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", above.size, "white"), above)
    elif image.mode not in ("1", "L", "P", "RGB"):
        removed.add("colour")
    made = image.convert("L" if is_grey else "RGB")
    return Image.frombytes(made.mode, made.size, made.tobytes())


def _upright(image: "Image.Image", turn: int) -> "Image.Image":
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    return image.transpose(turns[turn]) if turn in turns else image


# Pages of a PDF.

_ACTIVE: Final = re.compile(rb"/(?:JavaScript|Launch|EmbeddedFile|RichMedia|XFA[\s\[])")
"""
Names of what a PDF may do or carry, where they stand in clear. What is compressed is left behind by drawing.

``/JS`` is not among them: it stands beside ``/JavaScript``, and one scan in some hundred has these bytes by chance.
"""


def _pdf(raw: bytes, most: int) -> "tuple[list[Image.Image], set[str]]":
    """Return each page of a PDF as an image. Scripts are never run and forms never filled in."""
    import pypdfium2
    from pypdfium2 import raw as pdfium

    removed = set[str]()
    ends = raw.rsplit(b"%%EOF", 1)
    _check_tail(ends[1] if len(ends) == 2 else b"", removed)
    if _ACTIVE.search(raw):
        raise NotRendered("file-active")
    if raw.count(b"%%EOF") > 1 and b"/Linearized" not in raw[:1024]:
        removed.add("history")
    try:
        document = pypdfium2.PdfDocument(raw)
    except pypdfium2.PdfiumError as error:
        locked = getattr(error, "err_code", None) == pdfium.FPDF_ERR_PASSWORD
        raise NotRendered("file-locked" if locked else "file-broken") from None
    try:
        if pdfium.FPDF_GetSecurityHandlerRevision(document.raw) != -1:
            raise NotRendered("file-locked")
        if pdfium.FPDFDoc_GetJavaScriptActionCount(document.raw) > 0 or document.count_attachments() > 0:
            raise NotRendered("file-active")
        if not 0 < len(document) <= most:
            raise NotRendered("file-pages")
        if any(document.get_metadata_dict().values()):
            removed.add("author")
        if b"<x:xmpmeta" in raw or b"/Metadata" in raw:
            removed.add("xmp")
        return [_page(document, number, removed) for number in range(len(document))], removed
    except (pypdfium2.PdfiumError, ValueError, MemoryError):
        raise NotRendered("file-broken") from None
    finally:
        document.close()


def _page(document: Any, number: int, removed: set[str]) -> "Image.Image":
    from PIL import Image
    from pypdfium2 import raw as pdfium

    page = document[number]
    width, height = page.get_size()
    if min(width, height) <= 0:
        raise NotRendered("file-broken")
    if page.get_textpage().count_chars() > 0:
        removed.add("text")
    if pdfium.FPDFPage_GetAnnotCount(page.raw) > 0:
        removed.add("notes")
    # A note may be a box that covers a name: what a viewer shows is drawn, or the name would come to light again.
    drawn = page.render(scale=SIDE_MAX / max(width, height), may_draw_forms=False, draw_annots=True)
    made = drawn.to_pil().convert("RGB")
    # Rounding may add a pixel to the longer side.
    made = made.crop((0, 0, min(made.width, SIDE_MAX), min(made.height, SIDE_MAX)))
    return Image.frombytes("RGB", made.size, made.tobytes())


_SAMPLE: Final = b"""%PDF-1.4
1 0 obj << /Type /Catalog /Pages 2 0 R >> endobj
2 0 obj << /Type /Pages /Kids [3 0 R] /Count 1 >> endobj
3 0 obj << /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R /Resources << /Font << /F << /Type /Font
/Subtype /Type1 /BaseFont /Helvetica >> >> >> >> endobj
4 0 obj << /Length 32 >> stream
BT /F 9 Tf 1 1 Td (a b) Tj ET   
endstream endobj
5 0 obj << /Title (a) >> endobj
trailer << /Root 1 0 R /Info 5 0 R >>
%%EOF
"""


def _warm() -> None:
    """Draw one file of each kind of our own, so that all that is loaded only when it is needed is loaded."""
    from PIL import Image

    Image.preinit()
    note = Image.Exif()
    note[_ORIENTATION], note[_GPS] = 6, {1: "N"}
    for kind, mode in (("JPEG", "RGB"), ("JPEG", "CMYK"), ("PNG", "RGBA"), ("PNG", "P"), ("PNG", "I;16")):
        out = io.BytesIO()
        Image.new(mode, (SIDE_MIN, SIDE_MIN)).save(out, kind, exif=note)
        draw(out.getvalue(), "photo")
    draw(_SAMPLE, "document_image")


def _answer(raw: bytes, member: str) -> bytes:
    try:
        pages, removed = draw(raw, member)
    except NotRendered as error:
        return json.dumps({"refused": error.code}).encode() + b"\n"
    head = {"removed": sorted(removed), "sizes": [len(page) for page in pages]}
    return json.dumps(head).encode() + b"\n" + b"".join(pages)


def main(member: str) -> int:
    """Draw the file on standard input to standard output, with nothing but these two."""
    try:
        import pypdfium2  # noqa: F401  # loaded before nothing can be opened any more
        from PIL import Image, JpegImagePlugin, PngImagePlugin  # noqa: F401  # likewise
    except ImportError:
        sys.stdout.buffer.write(json.dumps({"refused": "worker-library"}).encode() + b"\n")
        return 0
    if member not in MEMBERS:
        return 2
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    Image.MAX_IMAGE_PIXELS = PIXELS_MAX
    _warm()
    confine()
    sys.stdout.buffer.write(_answer(sys.stdin.buffer.read(), member))
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
