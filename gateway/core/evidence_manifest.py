"""
The manifest of an evidence file, which lists each member with SHA-256 and size, and its signature.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from gateway.core.evidence import FORMAT, MANIFEST, SIGNED, indented, known_name
from gateway.core.evidence_rows import is_bool, is_text
from keys import instants, jws
from keys.sign import Signer
from schemas import ijson


@dataclass(frozen=True, slots=True)
class Manifest:
    """
    What an export says of itself: whose case it is, when it was made, and every other member but its signed copy.

    ``members`` maps a name to (SHA-256 in hexadecimal, bytes). ``content`` tells whether the messages are in it.
    """

    case: str
    country: str
    partner: str
    side: str
    thread: str
    opened_at: datetime
    exported_at: datetime
    content: bool
    erased: bool
    members: Mapping[str, tuple[str, int]]


_MANIFEST_MEMBERS = (
    *("format", "case", "country", "partner", "side", "thread", "opened_at", "exported_at", "content", "erased"),
    "members",
)
_MANIFEST_TEXTS = ("case", "country", "partner", "side", "thread")


def serialize_manifest(manifest: Manifest) -> bytes:
    """Return ``manifest`` as JSON, members in the order of their names."""
    return indented(
        {
            "format": FORMAT,
            "case": manifest.case,
            "country": manifest.country,
            "partner": manifest.partner,
            "side": manifest.side,
            "thread": manifest.thread,
            "opened_at": instants.serialize(manifest.opened_at),
            "exported_at": instants.serialize(manifest.exported_at),
            "content": manifest.content,
            "erased": manifest.erased,
            "members": {
                name: {"sha256": digest, "size": size} for name, (digest, size) in sorted(manifest.members.items())
            },
        }
    )


def parse_manifest(raw: bytes) -> Manifest:
    """Return the manifest in ``raw``; only the one form that ``serialize_manifest`` gives. Raises ``ValueError``."""
    value = ijson.loads(raw)
    if tuple(value) != _MANIFEST_MEMBERS or value["format"] != FORMAT:
        raise ValueError("not a manifest of this format")
    try:
        manifest = Manifest(
            **{name: value[name] for name in (*_MANIFEST_TEXTS, "content", "erased")},
            opened_at=instants.parse(value["opened_at"]),
            exported_at=instants.parse(value["exported_at"]),
            members={name: (entry["sha256"], entry["size"]) for name, entry in value["members"].items()},
        )
        same = serialize_manifest(manifest) == raw
    except (TypeError, KeyError, AttributeError):
        raise ValueError("not a manifest of this format") from None
    typed = all(map(is_text, (value[name] for name in _MANIFEST_TEXTS)))
    typed = typed and is_bool(value["content"]) and is_bool(value["erased"])
    if not (same and typed and all(map(known_name, manifest.members))):
        raise ValueError("not a manifest of this format")
    return manifest


def build(about: Manifest, members: Mapping[str, bytes], signer: Signer) -> dict[str, bytes]:
    """Return every member of an export: ``members`` with the manifest over them (``about``) and its signed copy."""
    listed = {name: (sha256(raw).hexdigest(), len(raw)) for name, raw in members.items()}
    fields = {name: getattr(about, name) for name in Manifest.__dataclass_fields__}
    manifest = serialize_manifest(Manifest(**{**fields, "members": listed}))
    return {**members, MANIFEST: manifest, SIGNED: jws.sign(manifest, jws.TYP_EVIDENCE, signer)}
