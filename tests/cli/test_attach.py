"""``isthmus case attach`` and ``detach``: a real worker draws the file, and what is printed holds no picture."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.services import access
from tests.cli.support import Homes, call, draft, value
from tests.support import pictures


def desk(homes: Homes, verb: str, *args: Any, person: str = "first") -> Any:
    """Take one step in XAA and return what it printed."""
    return value("case", verb, "-C", homes.home("XAA"), "--as", person, *args)


@pytest.fixture
def ref(homes: Homes) -> str:
    """A draft case."""
    printed = value("case", "new", "-C", homes.home("XAA"), "--as", "first", "-", input=json.dumps(draft()))
    return str(printed["ref"])


def test_image_is_attached_and_taken_out(homes: Homes, ref: str, tmp_path: Path) -> None:
    """The digest, the size and what was removed are printed, and no letter of the picture."""
    file = tmp_path / "scan.png"  # what it is called does not count
    file.write_bytes(pictures.with_notes())
    made = desk(homes, "attach", "--element", "PHOTO", "--", ref, file)
    image = made["images"]["photo"]
    assert {"exif", "gps", "xmp"} <= set(image["removed"])
    assert {"sha256", "bytes"} == set(image["wire"]["pages"][0])
    assert "content" not in json.dumps(made)
    full = desk(homes, "show", "--why", "to go on", "--", ref)
    assert full["content"]["images"] == made["images"]
    assert {} == desk(homes, "detach", "--element", "PHOTO", "--", ref)["images"]


def test_picture_of_the_other_state_is_not_printed(homes: Homes, ref: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an image that came, digest and size are printed: a terminal shows no picture, and it was not drawn anew."""
    image = pictures.rendition("photo").kept["wire"]
    look = access.look

    async def looked(*args: Any, **named: Any) -> Any:
        return replace(await look(*args, **named), received={"elements": {"photo": image}})

    monkeypatch.setattr(access, "look", looked)
    shown = desk(homes, "show", "--why", "to go on", "--", ref)["content"]["received"]["elements"]["photo"]
    assert {"sha256", "bytes"} == set(shown["pages"][0])


BAD = {
    "zip": (pictures.zipped, "file-kind"),
    "cut short": (lambda: pictures.jpeg()[:5000], "file-broken"),
    "with a script": (pictures.scripted, "file-active"),
    "10 MB": (lambda: b"\xff\xd8\xff" + bytes(10 << 20), "file-large"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_file_is_refused_by_its_code(homes: Homes, ref: str, tmp_path: Path, name: str) -> None:
    """Exit code 5, as for every rule that refuses, with the code of what is wrong."""
    make, code = BAD[name]
    file = tmp_path / "scan.jpg"
    file.write_bytes(make())
    result = call("case", "attach", "-C", homes.home("XAA"), "--as", "first", "--json", "--", ref, file)
    assert 5 == result.exit_code
    assert f"{code}:" in result.stderr
