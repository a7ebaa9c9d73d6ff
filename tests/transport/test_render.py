"""The worker that draws images anew: what is in its outcome, what it refuses, and what it can do at all."""

import asyncio
import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

from gateway.core.attachments import (
    LONG_MAX_BYTES,
    MEMBERS,
    PAGE_MAX_BYTES,
    PHOTO_MAX_BYTES,
    SHORT_MAX_BYTES,
    SIDE_MAX,
    NotRendered,
    Rendition,
    measure,
)
from gateway.transport import render_worker
from gateway.transport.renderer import WorkerRenderer, _exchange
from tests.support import pictures
from tests.support.bad_images import BARE

ROOT = Path(__file__).parents[2]


def drawn(raw: bytes, member: str = "document_image") -> Rendition:
    """Return what a real worker makes of ``raw``."""
    return asyncio.run(WorkerRenderer().render(raw, member))


def refused(raw: bytes, member: str = "document_image") -> str:
    """Return the code by which a real worker refuses ``raw``."""
    with pytest.raises(NotRendered) as error:
        drawn(raw, member)
    return error.value.code


def shown(page: bytes) -> Image.Image:
    """Return the picture in a page."""
    return Image.open(io.BytesIO(page))


NOTED = {"jpeg": pictures.with_notes, "png": pictures.png_with_notes, "pdf": pictures.pdf}


@pytest.mark.parametrize("kind", NOTED)
@pytest.mark.parametrize("member", MEMBERS)
def test_no_word_of_the_file_is_in_the_outcome(kind: str, member: str) -> None:
    """Author, comment, XMP, profile and camera data are in the file, and none of their bytes in what was drawn."""
    raw = NOTED[kind]()
    assert pictures.AUTHOR.encode() in raw
    for page in drawn(raw, member).pages:
        measure(page)
        for word in (pictures.AUTHOR.encode(), b"Exif\0\0", b"adobe", b"ICC_PROFILE", b"%PDF-", b"Helvetica"):
            assert word not in page
        assert {} == dict(shown(page).getexif())
        assert {"jfif", "jfif_version", "jfif_unit", "jfif_density"} >= set(shown(page).info)


def test_place_is_removed_and_told() -> None:
    """GPS is listed among what was removed; the numbers it holds are nowhere in the outcome."""
    made = drawn(pictures.with_notes())
    assert {"exif", "gps", "xmp", "icc", "comment", "orientation"} <= set(made.removed)
    exif = Image.open(io.BytesIO(pictures.with_notes())).info["exif"]
    at = exif.index(b"2026:11:20")
    assert exif[at : at + 10] not in made.pages[0]


def test_orientation_is_applied() -> None:
    """A photograph lying on its side is turned, so that nobody needs the note any more."""
    width, height = measure(drawn(pictures.with_notes()).pages[0])
    assert height > width


@pytest.mark.parametrize("turn", range(1, 9))
def test_each_orientation_shows_the_same(turn: int) -> None:
    """A red corner that was up left is up left again, however the camera was held."""
    upright = Image.new("RGB", (400, 300), "white")
    upright.paste("red", (0, 0, 150, 100))
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    stored = upright.transpose(Image.Transpose(back[turn])) if turn in back else upright
    exif = Image.Exif()
    exif[0x0112] = turn
    (raw,), _ = render_worker.draw(pictures.saved(stored, exif=exif, quality=95), "document_image")
    page = shown(raw).convert("RGB")
    assert (400, 300) == page.size
    red, _, blue = page.getpixel((40, 40))
    assert red > 200 > 100 > blue
    assert min(page.getpixel((360, 260))) > 200


def segment(marker: int, body: bytes) -> bytes:
    """Return a portrait with one segment more."""
    raw = pictures.jpeg()
    return raw[:20] + bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2) + body + raw[20:]


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (segment(0xE2, b"MPF\x00 and what else a telephone puts there"), {"thumbnail"}),
        (segment(0xE2, b"ICC_PROFILE\x00\x01\x01 of a screen"), {"icc"}),
        (segment(0xED, b"Photoshop 3.0\x00 with a caption"), {"iptc"}),
        (segment(0xE5, b"of a maker"), {"comment"}),
        (pictures.jpeg() + b"\x00\x00\r\n", set()),
    ],
)
def test_what_was_left_behind_is_told_by_its_name(raw: bytes, told: set[str]) -> None:
    """Where nothing was, nothing is told: a few empty bytes at the end say nothing."""
    assert told == render_worker.draw(raw, "document_image")[1]


def test_a_photograph_keeps_its_colours_however_they_are_written() -> None:
    """What its numbers mean may stand in a segment of its own, which is no note: without it red would be green."""
    red = Image.new("RGB", (300, 400), (200, 30, 30))
    plain, numbered = pictures.saved(red, keep_rgb=True), bytes.maketrans(b"RGB", b"\x01\x02\x03")
    for part in (b"\x03R\x11\x00G\x11\x00B\x11\x00", b"\x03R\x00G\x00B\x00"):  # the colours of frame and scan
        plain = plain.replace(part, part.translate(numbered))
    for raw in (plain, pictures.saved(red.convert("CMYK"))):
        ((page,), _) = render_worker.draw(raw, "photo")
        high, *low = shown(page).getpixel((150, 200))
        assert (True, True) == (high > 150, max(low) < 100)


def test_small_copy_is_removed() -> None:
    """A thumbnail may show what was cut off; it is told and is not in the outcome."""
    raw, small = pictures.jpeg(), b"JFXX\x00\x10small-copy-of-it"
    made = drawn(raw[:20] + b"\xff\xe0" + (len(small) + 2).to_bytes(2) + small + raw[20:])
    assert "thumbnail" in made.removed
    assert b"small-copy" not in made.pages[0]


def test_bytes_behind_the_end_are_removed() -> None:
    """What a camera adds behind the end of an image stays behind."""
    made = drawn(pictures.jpeg() + b"maker's trailer: unmistakable")
    assert "trailing" in made.removed
    assert b"unmistakable" not in made.pages[0]


def test_pages_of_a_pdf_become_images() -> None:
    """Three pages are three bare images; the text behind them is gone."""
    made = drawn(pictures.pdf(3))
    assert 3 == len(made.pages)
    assert {"author", "text"} <= set(made.removed)
    assert all(max(measure(page)) <= SIDE_MAX for page in made.pages)
    assert len(set(shown(made.pages[0]).convert("L").get_flattened_data())) > 2, "something is on the page"


def test_earlier_version_of_a_pdf_is_not_in_the_outcome() -> None:
    """What a later version covers is covered, and no byte of the earlier one travels."""
    made = drawn(pictures.changed_later())
    assert "history" in made.removed
    assert max(shown(made.pages[0]).convert("L").get_flattened_data()) < 40, "the cover is black"


def test_what_a_note_covers_stays_covered() -> None:
    """People cover a name by a black box of a viewer, which is a note: it is drawn, and what lies behind it is not."""
    box = "/Rect [0 0 298 420] /C [0 0 0] /IC [0 0 0] /AP << /N 5 0 R >>"
    cover = "0 0 0 rg 0 0 298 420 re f"
    form = f"<< /Type /XObject /Subtype /Form /BBox [0 0 298 420] /Length {len(cover)} >>\nstream\n{cover}\nendstream"
    note = f"<< /Type /Annot /Subtype /Square {box} /F 4 /Contents ({pictures.AUTHOR}) >>"
    made = drawn(pictures.pdf(objects=(form, note), page="/Annots [6 0 R]"))
    assert "notes" in made.removed
    assert max(shown(made.pages[0]).convert("L").get_flattened_data()) < 40


COLOURS: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "cmyk": (lambda: pictures.saved(pictures.portrait(mode="CMYK")), "RGB", "colour"),
    "grey": (lambda: pictures.saved(pictures.portrait(mode="L"), "PNG"), "L", ""),
    "two colours": (lambda: pictures.saved(pictures.portrait(mode="1"), "PNG"), "L", ""),
    "16 bit grey": (lambda: pictures.saved(Image.new("I;16", (300, 400), 0x8080), "PNG"), "L", "depth"),
    "palette": (lambda: pictures.saved(pictures.portrait().quantize(16), "PNG"), "RGB", ""),
    "palette with transparency": (
        lambda: pictures.saved(pictures.portrait().quantize(16), "PNG", transparency=3),
        "RGB",
        "alpha",
    ),
    "transparency": (lambda: pictures.saved(Image.new("RGBA", (300, 400), (0, 0, 0, 0)), "PNG"), "RGB", "alpha"),
}


@pytest.mark.parametrize("name", COLOURS)
def test_colours_become_plain(name: str) -> None:
    """Whatever colours a file has, the outcome is grey or red, green and blue in 8 bits, and says what was done."""
    make, mode, removed = COLOURS[name]
    made = drawn(make())
    assert mode == shown(made.pages[0]).mode
    assert not removed or removed in made.removed


def test_16_bits_keep_their_middle() -> None:
    """A middle grey of 16 bits is the middle grey of 8, and not white."""
    (level,) = set(
        shown(drawn(pictures.saved(Image.new("I;16", (300, 400), 0x8080), "PNG")).pages[0]).get_flattened_data()
    )
    assert abs(level - 128) < 3


def test_transparent_becomes_white() -> None:
    """Behind what is transparent there is white, and never what the file hid in colours nobody saw."""
    hidden = Image.new("RGBA", (300, 400), (9, 9, 9, 0))
    lowest, _ = shown(drawn(pictures.saved(hidden, "PNG")).pages[0]).convert("L").getextrema()
    assert lowest > 250


def test_size_class_is_kept() -> None:
    """A portrait fits its class and a page its own, whatever is brought; what was made smaller is told."""
    raw = pictures.saved(Image.effect_noise((1600, 1600), 120), "PNG")
    photo, page = drawn(raw, "photo"), drawn(raw)
    assert len(photo.pages[0]) <= PHOTO_MAX_BYTES
    assert len(page.pages[0]) <= PAGE_MAX_BYTES
    assert "scaled" in photo.removed
    two = drawn(pictures.pdf(2))
    assert sum(map(len, two.pages)) <= SHORT_MAX_BYTES


def test_a_portrait_has_no_more_pixels_than_help_to_know_a_face() -> None:
    """A page of a document has to be read, and keeps more of them."""
    raw = pictures.saved(Image.new("L", (1600, 1200), "white"), "PNG")
    sides = {member: max(measure(render_worker.draw(raw, member)[0][0])) for member in MEMBERS}
    assert {"photo": render_worker.PHOTO_SIDE_MAX, "document_image": 1600} == sides


@pytest.mark.parametrize(("pages", "most"), [(2, SHORT_MAX_BYTES), (3, LONG_MAX_BYTES)])
def test_pages_fit_their_class_together(monkeypatch: pytest.MonkeyPatch, pages: int, most: int) -> None:
    """However much there is to see on each: the whole would be thrown away as too large otherwise."""
    noise = Image.effect_noise((720, 720), 120)
    monkeypatch.setattr(render_worker, "_pdf", lambda raw, most: ([noise] * pages, set[str]()))
    made, _ = render_worker.draw(pictures.pdf(), "document_image")
    assert (pages, True) == (len(made), sum(map(len, made)) <= most)
    assert max(map(len, made)) <= PAGE_MAX_BYTES


def test_what_would_be_told_no_more_is_not_made_to_fit() -> None:
    """A face of a few pixels is none: it is refused, and people bring another picture."""
    with pytest.raises(NotRendered) as error:
        render_worker._fitted(Image.effect_noise((400, 400), 120), 400, 2000)
    assert "file-fit" == error.value.code


def test_same_file_gives_the_same_image() -> None:
    """Drawing again gives the same bytes, so that a digest stands for the file too."""
    raw = pictures.with_notes()
    assert drawn(raw) == drawn(raw)


def test_name_of_the_file_does_not_count() -> None:
    """A PDF brought as a picture is read as what it is."""
    made = drawn(pictures.pdf(), "photo")
    assert ("application/pdf", 1) == (made.media_type, len(made.pages))


BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "bomb of pixels": (pictures.bomb, "file-pixels"),
    "bomb of pixels that says less": (lambda: pictures.bomb(20_000, 20_000), "file-pixels"),
    "zip named as a picture": (pictures.zipped, "file-kind"),
    "zip bomb named as a picture": (lambda: pictures.zipped(bytes(50 << 20)), "file-kind"),
    "JPEG cut short": (lambda: pictures.jpeg()[:5000], "file-broken"),
    "JPEG cut at each place": (lambda: pictures.jpeg()[:30], "file-broken"),
    "PNG cut short": (lambda: pictures.saved(pictures.portrait(), "PNG")[:9000], "file-broken"),
    "PNG without an end": (lambda: pictures.saved(pictures.portrait(), "PNG")[:-12], "file-broken"),
    "PDF cut short": (lambda: pictures.pdf()[:60], "file-broken"),
    "only the mark of a JPEG": (lambda: b"\xff\xd8\xff", "file-broken"),
    "only the mark of a PNG": (lambda: b"\x89PNG\r\n\x1a\n", "file-broken"),
    "only the mark of a PDF": (lambda: b"%PDF-", "file-broken"),
    "PNG with a wrong checksum": (
        lambda: pictures.saved(pictures.portrait(), "PNG").replace(b"IDAT", b"IDAU", 1),
        "file-broken",
    ),
    "PNG and zip": (lambda: pictures.saved(pictures.portrait(), "PNG") + pictures.zipped(), "file-joined"),
    "JPEG and zip": (lambda: pictures.jpeg() + pictures.zipped(), "file-joined"),
    "JPEG and PDF": (lambda: pictures.jpeg() + pictures.pdf(), "file-joined"),
    "PDF and zip": (lambda: pictures.pdf() + pictures.zipped(), "file-joined"),
    "JPEG and program": (lambda: pictures.jpeg() + b"MZ\x90\x00", "file-joined"),
    "JPEG and script": (lambda: pictures.jpeg() + b"<script>alert(1)</script>", "file-joined"),
    "PDF with a script": (pictures.scripted, "file-active"),
    "PDF with a file in it": (pictures.carrying, "file-active"),
    "PDF that is encrypted": (pictures.locked, "file-locked"),
    "PDF of 1,000 pages": (lambda: pictures.pdf(1000), "file-pages"),
    "PDF of eleven pages": (lambda: pictures.pdf(11), "file-pages"),
    "PDF of no page": (lambda: pictures.pdf(0), "file-broken"),
    "moving PNG": (
        lambda: pictures.saved(pictures.portrait(), "PNG", save_all=True, append_images=[pictures.portrait(seed=9)]),
        "file-moving",
    ),
    "moving GIF": (
        lambda: pictures.saved(pictures.portrait(), "GIF", save_all=True, append_images=[pictures.portrait(seed=9)]),
        "file-kind",
    ),
    "10 MB": (lambda: pictures.jpeg() + bytes(10 << 20), "file-large"),
    "TIFF": (lambda: pictures.saved(pictures.portrait(), "TIFF"), "file-kind"),
    "SVG": (lambda: b"<?xml version='1.0'?><svg onload='x()'/>", "file-kind"),
    "a line of too many pixels": (lambda: pictures.png_of(2_100_000, 20, 1, 0, bytes(262_501 * 20)), "file-pixels"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_file_is_refused_by_its_code(name: str) -> None:
    """Each is refused, by the code that says what is wrong with it, and nothing else comes of it."""
    make, code = BAD[name]
    assert code == refused(make())


def test_scan_that_spells_a_script_by_chance_is_drawn() -> None:
    """Three bytes of picture data are no script; a script stands in a PDF with its whole name."""
    stream = "<< /Length 9 >>\nstream\n..x/JS(..\nendstream"
    assert 1 == len(drawn(pictures.pdf(objects=(stream,))).pages)


def test_photograph_has_one_page() -> None:
    """Two pages are no portrait."""
    assert "file-pages" == refused(pictures.pdf(2), "photo")


# The worker itself.


def worker(text: str, timeout_s: float = 60.0) -> WorkerRenderer:
    """Return a renderer whose worker is a script."""
    return WorkerRenderer(timeout_s, (sys.executable, "-c", text))


def outcome(renderer: WorkerRenderer, raw: bytes | None = None) -> str:
    """Return the code that comes of a file."""
    with pytest.raises(NotRendered) as error:
        asyncio.run(renderer.render(pictures.jpeg() if raw is None else raw, "photo"))
    return error.value.code


def giving(pages: str) -> str:
    """Return the script of a worker that was taken over: it gives ``pages`` (Python, of ``bare``) and words with it."""
    return (
        f"import json, sys\nsys.stdin.buffer.read()\nbare = bytes.fromhex({BARE.hex()!r})\npages = {pages}\n"
        "head = {'removed': ['from the shelter', 'exif'], 'sizes': [len(page) for page in pages]}\n"
        "sys.stdout.buffer.write(json.dumps(head).encode() + b'\\n' + b''.join(pages))"
    )


def test_worker_that_was_taken_over_passes_on_no_word() -> None:
    """What was removed is told by the codes there are; a page is bare, or it is none."""
    made = asyncio.run(worker(giving("[bare]")).render(pictures.jpeg(), "photo"))
    assert ((BARE,), ("exif",)) == (made.pages, made.removed)


def test_worker_that_was_taken_over_gives_no_page_that_is_too_large() -> None:
    """Of a document no page is larger than a schema lets travel, however few there are."""
    with pytest.raises(NotRendered, match="no bare image"):
        asyncio.run(worker(giving("[bare[:-2] + bytes(192 << 10) + bare[-2:]]")).render(pictures.pdf(), MEMBERS[1]))


FAULTS = {
    "gives two portraits": (giving("[bare, bare]"), "worker-result"),
    "gives a portrait that is too large": (giving("[bare[:-2] + bytes(30 << 10) + bare[-2:]]"), "worker-result"),
    "gives words in place of a page": (giving("[b'from the shelter']"), "worker-result"),
    "gives half a page": ('print(\'{"removed": [], "sizes": [1.5]}\')', "worker-result"),
    "killed": ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "worker-ended"),
    "ends with an error": ("raise SystemExit(1)", "worker-ended"),
    "late": ("import time; time.sleep(60)", "worker-late"),
    "reads nothing and is late": ("import time; time.sleep(60)", "worker-late"),
    "says nothing": ("import sys; sys.stdin.buffer.read()", "worker-result"),
    "says no JSON": ("print('hello')", "worker-result"),
    "says a code there is not": ('print(\'{"refused": "nonsense"}\')', "worker-result"),
    "says too much": ("import sys\nwhile True: sys.stdout.buffer.write(bytes(65536))", "worker-result"),
    "gives the file back as it is": (
        "import sys, json; raw = sys.stdin.buffer.read()\n"
        "sys.stdout.buffer.write(json.dumps({'removed': [], 'sizes': [len(raw)]}).encode() + b'\\n' + raw)",
        "worker-result",
    ),
    "gives sizes that do not add up": ('print(\'{"removed": [], "sizes": [5]}\')', "worker-result"),
    "says what is too deep to read": ("print('[' * 200_000)", "worker-result"),
    "gives negative sizes": ('print(\'{"removed": [], "sizes": [-5, 5]}\')', "worker-result"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_fault_of_the_worker_holds_the_image(name: str) -> None:
    """A worker that dies, hangs or was taken over gives a code and no image; the file can be brought again."""
    text, code = FAULTS[name]
    timeout_s = 0.5 if code == "worker-late" else 60.0
    assert code == outcome(worker(text, timeout_s), pictures.with_notes())


def test_renderer_goes_on_after_a_fault() -> None:
    """The next file is drawn as if nothing had been."""

    async def twice() -> Rendition:
        renderer = WorkerRenderer(0.01)
        with pytest.raises(NotRendered):
            await renderer.render(pictures.jpeg(), "photo")
        renderer._timeout_s = 30.0
        return await renderer.render(pictures.jpeg(), "photo")

    assert 1 == len(asyncio.run(twice()).pages)


async def test_too_many_at_once_are_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits is bounded, so that files cannot fill the memory."""
    monkeypatch.setattr("gateway.transport.renderer.WAITING_MAX", 1)
    renderer = worker("import time; time.sleep(60)", 0.5)
    many = await asyncio.gather(*(renderer.render(pictures.jpeg(), "photo") for _ in range(4)), return_exceptions=True)
    codes = [error.code for error in many if isinstance(error, NotRendered)]
    assert (2, 2) == (codes.count("worker-busy"), codes.count("worker-late"))
    assert 0 == renderer._waiting, "and nobody is turned away for who waits no more"


async def test_time_that_is_over_as_a_worker_falls_silent_counts() -> None:
    """In the turn in which what feeds it is given up: that is another cancellation than ours, and swallows it not."""
    said = asyncio.StreamReader()

    class Unread:
        """What a worker does not read."""

        def write(self, raw: bytes) -> None: ...

        async def drain(self) -> None:
            said.feed_eof()
            try:
                await asyncio.Event().wait()
            finally:
                exchange.cancel()

    exchange = asyncio.ensure_future(_exchange(SimpleNamespace(stdin=Unread(), stdout=said), b"raw"))  # type: ignore[arg-type]
    with pytest.raises(asyncio.CancelledError):
        await exchange


def test_no_worker_is_left_over() -> None:
    """A worker that is late is ended, and waited for."""

    async def run() -> int:
        renderer = worker("import time; time.sleep(60)", 0.3)
        with pytest.raises(NotRendered):
            await renderer.render(pictures.jpeg(), "photo")
        return len([one for one in asyncio.all_tasks() if one is not asyncio.current_task()])

    assert 0 == asyncio.run(run())


def in_confinement(text: str) -> str:
    """Return what a process prints that gave up what the worker gives up, before it does ``text``."""
    script = f"from gateway.transport.confine import confine\nimport socket, os, subprocess\nconfine()\n{text}"
    run = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=110)
    return run.stdout.strip()


FORBIDDEN = {
    "a connection": "socket.create_connection(('127.0.0.1', 9))",
    "a socket": "socket.socket()",
    "a file": "open('/etc/hostname')",
    "a new file": "os.open('stolen', os.O_CREAT | os.O_WRONLY)",
    "a program": "subprocess.Popen(['true'])",
}

WITHOUT_A_DESCRIPTOR = {
    "a child": "os.fork()",
    "another program in its place": "os.execv('/bin/true', ['true'])",
    "the end of the gateway": "os.kill(os.getppid(), 0)",
    "its limits": "import resource; resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE)",
    "its memory": "import ctypes\n"
    "    library = ctypes.CDLL(None, use_errno=True)\n"
    "    if library.ptrace(16, os.getppid(), 0, 0): raise OSError(ctypes.get_errno(), '')",
    "a file deleted": "os.unlink('/nowhere')",
    "a file renamed": "os.rename('/nowhere', '/elsewhere')",
    "a file cut": "os.truncate('/nowhere', 0)",
    "a right changed": "os.chmod('/nowhere', 0)",
}


@pytest.mark.parametrize("name", FORBIDDEN)
def test_worker_can_open_nothing(name: str) -> None:
    """Neither file nor connection nor program: there is no descriptor left to hold one."""
    text = f"try:\n    {FORBIDDEN[name]}\n    print('open')\nexcept OSError as error:\n    print(error.errno)"
    assert in_confinement(text) in ("1", "24")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no filter of calls")
@pytest.mark.parametrize("name", WITHOUT_A_DESCRIPTOR)
def test_worker_can_do_nothing_to_others(name: str) -> None:
    """What needs no descriptor is refused by the kernel: children, signals, memory of the gateway, names of files."""
    text = (
        f"try:\n    {WITHOUT_A_DESCRIPTOR[name]}\n    print('done')\nexcept OSError as error:\n    print(error.errno)"
    )
    assert "1" == in_confinement(text)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems bound no address space")
def test_worker_has_a_bound_of_memory() -> None:
    """More than a gigabyte is not to be had."""
    text = "try:\n    bytearray(1200 << 20)\n    print('yes')\nexcept MemoryError:\n    print('no')"
    assert "no" == in_confinement(text)


def test_worker_is_told_nothing_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No secret that stands in the environment of a gateway reaches the worker."""
    monkeypatch.setenv("ISTHMUS_PASSPHRASE", "correct horse")
    text = "import os, sys; sys.exit(9 if 'ISTHMUS_PASSPHRASE' in os.environ or 'HOME' in os.environ else 0)"
    assert "ISTHMUS_PASSPHRASE" in os.environ
    assert "worker-result" == outcome(worker(text))


def test_missing_library_has_its_own_code() -> None:
    """Where Pillow or pypdfium2 is not installed, the operator is told just that."""
    text = (
        "import sys\nfor name in ('PIL', 'pypdfium2'): sys.modules[name] = None\n"
        "from gateway.transport.render_worker import main\nsys.exit(main('photo'))"
    )
    assert "worker-library" == outcome(worker(text))


def test_worker_loads_nothing_of_cases() -> None:
    """The process that decodes a file begins without the schemas and all that rules look at: one is begun for each."""
    text = "import gateway.transport.render_worker, sys"
    text += "; print([name for name in ('gateway.core.case', 'schemas', 'aiohttp') if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", text], cwd=ROOT, capture_output=True, text=True, timeout=110)
    assert "[]" == run.stdout.strip()


def test_gateway_itself_loads_no_decoder() -> None:
    """The process that holds the keys imports neither Pillow nor pypdfium2."""
    text = "import gateway.app, sys; print([name for name in ('PIL', 'pypdfium2') if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", text], cwd=ROOT, capture_output=True, text=True, timeout=110)
    assert "[]" == run.stdout.strip()
