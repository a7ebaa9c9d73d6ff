"""What ``isthmus check`` looks at in a trust list: the root pinned, what was read last, and when each part runs out."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import schemas
from gateway.services.trust import stage
from gateway.settings import Settings
from keys import trust_policy
from keys.card import Card, parse_card

SOON = timedelta(days=60)
"""As for everything that takes officers, envoys and a holiday."""

STAGES = {
    "old": "soon nothing is sent to it; see that the list, or the directory of cards, can be read",
    "no-sending": "nothing is sent to it unless two officers go on: isthmus trust go-on {country}",
    "no-receiving": "nothing is sent to it or taken from it until its cards can be read",
}

Found = tuple[str, str]
"""What is wrong, and the next step."""


def stale(db: sqlite3.Connection, now: datetime) -> Iterator[Found]:
    """Yield the States of which nothing was read for long."""
    rows = db.execute("SELECT country, refreshed_at FROM partner WHERE refreshed_at IS NOT NULL ORDER BY country")
    for country, seconds in rows:
        age = now - datetime.fromtimestamp(seconds, UTC)
        hint = STAGES.get(stage(age))
        if hint is not None:
            hours = int(age.total_seconds() // 3600)
            yield f"what is published of {country} was last read {hours} hours ago", hint.format(country=country)


def listed(settings: Settings, own: Card, now: datetime) -> Iterator[Found]:
    """Yield what is wrong with the trust list as it was last read; nothing where none is configured."""
    if settings.values["trust"].get("repository") is None:
        return
    from tuf.api.metadata import Root, Targets, Timestamp

    from keys import trust_list

    cache = settings.data / "trust"
    pinned = settings.home / settings.values["trust"]["root"]
    trust_list.parse(pinned.read_bytes(), Root)
    for name, kind, hint in (
        ("root", Root, "the trustees sign the next one: isthmus trust renew FOLDER root"),
        ("targets", Targets, "the trustees sign it anew: isthmus trust renew FOLDER targets"),
        (own.country, Targets, f"sign our part anew: isthmus trust renew FOLDER {own.country}"),
        ("timestamp", Timestamp, "the publisher has to publish; ask the secretariat"),
    ):
        yield from _part(cache / "metadata" / f"{name}.json", kind, name, hint, now)
    yield from _own(cache, own)
    raw = _load(cache / "policy" / trust_policy.TYPES)
    unknown = sorted(trust_policy.parse_types(raw) - set(schemas.message_types())) if raw is not None else []
    if unknown:
        yield f"the list names message types that this version does not know: {', '.join(unknown)}", "upgrade"


def _part(path: Path, kind: Any, name: str, hint: str, now: datetime) -> Iterator[Found]:
    from keys import trust_list

    raw = _load(path)
    if raw is None:
        yield f"nothing of {name} was read from the trust list yet", "isthmus trust refresh"
        return
    expires = trust_list.parse(raw, kind).signed.expires
    left = expires - now
    if left < (timedelta(0) if name == "timestamp" else SOON):
        yield f"{name} of the trust list ends on {expires:%Y-%m-%d %H:%M} UTC", hint


def _own(cache: Path, own: Card) -> Iterator[Found]:
    """Compare our newest card with the one that others find in the list."""
    raw = _load(cache / "targets" / quote(trust_policy.cards_path(own.country), ""))
    if raw is None:
        return
    newest = parse_card(trust_policy.parse_cards(raw, own.country)[-1])
    if newest.digest != own.digest:
        text = f"the trust list has our card {newest.serial}, and our newest is {own.serial}"
        yield text, f"isthmus trust cards FOLDER {own.country} cards/{own.country}/*.jws, then sign and publish"


def _load(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None
