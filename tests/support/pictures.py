"""Image files as people and attackers make them, built in memory; every person and place in them is invented."""

import io
import struct
import zipfile
import zlib
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from PIL import Image, ImageDraw, PngImagePlugin

from gateway.core.attachments import Rendition
from gateway.transport.render_worker import draw
from keys import b64

GPS: Final = 0x8825
AUTHOR: Final = "Unmistakable Author of Northtown"
"""Stands in every place of a file that can hold words; no byte of it may be in what is drawn."""


@cache
def noise(size: tuple[int, int]) -> Image.Image:
    """Return a wall; to make one takes as long as all else that is done to a picture, so each is made once."""
    return Image.effect_noise(size, 24)


def portrait(size: tuple[int, int] = (600, 800), mode: str = "RGB", seed: int = 0) -> Image.Image:
    """Return something like a face on a wall."""
    image = noise(size).convert("RGB")
    pen = ImageDraw.Draw(image)
    width, height = size
    pen.ellipse((width // 4, height // 5, 3 * width // 4, 4 * height // 5), fill=(200 - seed, 160, 130))
    pen.ellipse((2 * width // 5, 2 * height // 5, 9 * width // 20, 9 * height // 20), fill=(30, 20, 10))
    return image.convert(mode)


def saved(image: Image.Image, kind: str = "JPEG", **more: Any) -> bytes:
    """Return ``image`` as a file."""
    out = io.BytesIO()
    image.save(out, kind, **more)
    return out.getvalue()


def jpeg(**more: Any) -> bytes:
    """Return a portrait as a plain JPEG."""
    return saved(portrait(), **more)


def with_notes() -> bytes:
    """Return a JPEG with camera data, place, thumbnail, XMP, a colour profile and a comment, all naming the author."""
    exif = Image.Exif()
    exif[0x010E], exif[0x013B], exif[0x0112] = AUTHOR, AUTHOR, 6
    exif[GPS] = {1: "N", 2: (48.0, 12.0, 30.123), 3: "E", 4: (16.0, 22.0, 11.5), 29: "2026:11:20"}
    xmp = f"<x:xmpmeta xmlns:x='adobe:ns:meta/'>{AUTHOR}</x:xmpmeta>".encode()
    image = portrait((800, 600))
    return saved(image, exif=exif, xmp=xmp, icc_profile=AUTHOR.encode() * 8, comment=AUTHOR.encode(), quality=90)


def png_with_notes() -> bytes:
    """Return a PNG with texts, XMP, camera data and a profile."""
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Author", AUTHOR)
    notes.add_text("Comment", AUTHOR, zip=True)
    notes.add_itxt("XML:com.adobe.xmp", AUTHOR)
    exif = Image.Exif()
    exif[0x013B] = AUTHOR
    return saved(portrait(), "PNG", pnginfo=notes, exif=exif, icc_profile=AUTHOR.encode() * 8)


def chunk(name: bytes, body: bytes) -> bytes:
    """Return one chunk of a PNG."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_of(width: int, height: int, depth: int, colour: int, rows: bytes, *before: bytes) -> bytes:
    """Return a PNG written by hand; ``rows`` are compressed here."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    parts = (head, *before, chunk(b"IDAT", zlib.compress(rows, 9)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def bomb(width: int = 30_000, height: int = 30_000) -> bytes:
    """Return a small PNG of very many black pixels."""
    return png_of(width, height, 1, 0, bytes((width // 8 + 1) * height))


def zipped(inner: bytes = AUTHOR.encode(), name: str = "notes.txt") -> bytes:
    """Return a zip."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(name, inner)
    return out.getvalue()


def pdf(
    pages: int = 1,
    *,
    catalogue: str = "",
    page: str = "",
    objects: Sequence[str] = (),
    trailer: str = "",
    text: str = AUTHOR,
    size: tuple[int, int] = (298, 420),
) -> bytes:
    """Return a PDF of ``pages`` pages with words on them, built object by object, and what else is wished."""
    first = 5 + len(objects)
    kids = " ".join(f"{first + number} 0 R" for number in range(pages))
    shown = f"BT /F1 18 Tf 30 200 Td ({text}) Tj ET 0.2 0.5 0.7 rg 40 40 120 90 re f"
    body = [
        f"<< /Type /Catalog /Pages 2 0 R {catalogue} >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {pages} >>",
        f"<< /Length {len(shown)} >>\nstream\n{shown}\nendstream",
        f"<< /Title ({AUTHOR}) /Author ({AUTHOR}) /Producer (a program) >>",
        *objects,
    ]
    font = "<< /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>"
    box = f"/MediaBox [0 0 {size[0]} {size[1]}]"
    body += [f"<< /Type /Page /Parent 2 0 R {box} /Contents 3 0 R /Resources {font} {page} >>"] * pages
    made, places = b"%PDF-1.7\n", []
    for number, one in enumerate(body, 1):
        places.append(len(made))
        made += f"{number} 0 obj\n{one}\nendobj\n".encode("latin-1")
    start = len(made)
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    made += f"xref\n0 {len(body) + 1}\n0000000000 65535 f \n{table}".encode()
    return (
        made
        + f"trailer << /Size {len(body) + 1} /Root 1 0 R /Info 4 0 R {trailer} >>\nstartxref\n{start}\n%%EOF\n".encode()
    )


def scripted() -> bytes:
    """Return a PDF that runs a script when it is opened."""
    return pdf(catalogue="/OpenAction << /S /JavaScript /JS (app.alert\\(1\\)) >>")


def carrying() -> bytes:
    """Return a PDF with another file in it."""
    files = "<< /EmbeddedFiles << /Names [(a.txt) 5 0 R] >> >>"
    inner = "<< /Type /Filespec /F (a.txt) /EF << /F 6 0 R >> >>"
    stream = f"<< /Type /EmbeddedFile /Length {len(AUTHOR)} >>\nstream\n{AUTHOR}\nendstream"
    return pdf(catalogue=f"/Names {files}", objects=(inner, stream))


def locked() -> bytes:
    """Return a PDF that says it is encrypted, by the standard handler with a password nobody gave."""
    entry = f"/Filter /Standard /V 1 /R 2 /P -4 /O <{'41' * 32}> /U <{'42' * 32}>"
    return pdf(trailer=f"/Encrypt << {entry} >> /ID [<{'00' * 16}> <{'00' * 16}>]")


def changed_later() -> bytes:
    """Return a PDF whose page was covered up by a later version; the first is still in it."""
    raw = pdf(text="first version")
    start = len(raw)
    cover = "0 0 0 rg 0 0 298 420 re f"
    raw += f"3 0 obj\n<< /Length {len(cover)} >>\nstream\n{cover}\nendstream\nendobj\n".encode()
    table = f"xref\n3 1\n{start:010} 00000 n \n"
    at, before = len(raw), raw.rindex(b"xref\n0")
    return raw + f"{table}trailer << /Size 6 /Root 1 0 R /Prev {before} >>\nstartxref\n{at}\n%%EOF\n".encode()


def rendition(member: str = "photo", raw: bytes | None = None) -> Rendition:
    """Return what the worker makes of a file, made in this process."""
    from hashlib import sha256

    file = jpeg() if raw is None else raw
    pages, removed = draw(file, member)
    kind = {b"\xff\xd8": "image/jpeg", b"\x89P": "image/png", b"%P": "application/pdf"}[file[:2]]
    return Rendition(kind, b64.encode(sha256(file).digest()), tuple(pages), tuple(sorted(removed)))
