"""What is wrong with what was read of the trust list: what was read last of it, and when each part runs out."""

from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import schemas
from gateway.checks.look import Look, own_card
from gateway.services.health import N_, SOON, Item, bad, ok
from gateway.services.trust import stage
from gateway.settings import Settings
from gateway.storage.query import Query
from keys import trust_policy
from keys.card import Card, parse_card

STAGES = {
    "old": N_("soon nothing is sent to it; see that the list, or the directory of cards, can be read"),
    "no-sending": N_("nothing is sent to it unless two officers go on: isthmus trust go-on %(country)s"),
    "no-receiving": N_("nothing is sent to it or taken from it until its cards can be read"),
}


def trust(look: Look) -> Iterator[Item]:
    """Look at the trust list as it was last read, where one is configured."""
    found = list(listed(look.settings, own_card(look.settings), look.now))
    if not found and look.settings.values["trust"].get("repository") is not None:
        yield ok("trust", N_("the trust list as last read is whole and does not run out soon"))
    yield from found


def stale(query: Query, now: datetime, partners: Collection[str]) -> Iterator[Item]:
    """Yield those of ``partners`` of which nothing was read for long."""
    rows = query("SELECT country, refreshed_at FROM partner WHERE refreshed_at IS NOT NULL ORDER BY country")
    for country, seconds in rows:
        age = abs(now - datetime.fromtimestamp(seconds, UTC))  # as in ``Trust``, where a clock was ahead
        hint = STAGES.get(stage(age))
        if hint is not None and country in partners:
            hours = int(age.total_seconds() // 3600)
            text = N_("what is published of %(country)s was last read %(hours)s hours ago")
            yield bad("trust", text, hint, country=country, hours=hours)


def listed(settings: Settings, own: Card, now: datetime) -> Iterator[Item]:
    """Yield what is wrong with the trust list as it was last read; nothing where none is configured."""
    if settings.values["trust"].get("repository") is None:
        return
    from tuf.api.metadata import Root, Targets, Timestamp

    from gateway.transport.trust_list import pinned_root

    cache = settings.data / "trust"
    pinned_root(settings.home / settings.values["trust"]["root"])
    named = _named(cache)
    for name, kind, hint in (
        ("root", Root, N_("the trustees sign the next one: isthmus trust renew FOLDER root")),
        ("targets", Targets, N_("the trustees sign it anew: isthmus trust renew FOLDER targets")),
        (own.country, Targets, N_("sign our part anew: isthmus trust renew FOLDER %(part)s")),
        ("timestamp", Timestamp, N_("the publisher has to publish; ask the secretariat")),
    ):
        if name == own.country and named is not None and name not in named:
            text = N_("the trust list does not name %(country)s: who goes by it takes no card of ours")
            hint = N_("ask the trustees to add it: isthmus trust add FOLDER %(country)s --key KEY")
            yield bad("trust", text, hint, country=name)
        else:
            yield from _part(cache / "metadata" / f"{name}.json", kind, name, hint, now)
    yield from left_out(settings)
    yield from _own(cache, own)
    raw = _load(cache / "policy" / trust_policy.TYPES)
    unknown = sorted(trust_policy.parse_types(raw) - set(schemas.message_types())) if raw is not None else []
    if unknown:
        text = N_("the list names message types that this version does not know: %(types)s")
        yield bad("trust", text, N_("upgrade"), types=", ".join(unknown))


def left_out(settings: Settings) -> Iterator[Item]:
    """Yield the partners for which nobody speaks in the trust list as it was last read, where one is configured."""
    named = _named(settings.data / "trust")
    if named is None or settings.values["trust"].get("repository") is None:
        return
    for country in sorted(settings.values["partners"].keys() - named):
        text = N_("the trust list does not name %(country)s: no card of it is taken")
        hint = N_("ask the trustees to add it: isthmus trust add FOLDER %(country)s --key KEY")
        yield bad("trust", text, hint, country=country)


def _named(cache: Path) -> Collection[str] | None:
    """Return the States for which somebody speaks in the list, ``None`` if it was not read yet."""
    from tuf.api.metadata import Targets

    from keys import trust_list

    raw = _load(cache / "metadata" / "targets.json")
    return None if raw is None else trust_list.countries(trust_list.parse(raw, Targets).signed)


def _part(path: Path, kind: Any, name: str, hint: str, now: datetime) -> Iterator[Item]:
    from keys import trust_list

    raw = _load(path)
    if raw is None:
        yield bad(
            "trust", N_("nothing of %(part)s was read from the trust list yet"), N_("isthmus trust refresh"), part=name
        )
        return
    expires = trust_list.parse(raw, kind).signed.expires
    left = expires - now
    if left < (timedelta(0) if name == "timestamp" else SOON):
        text = N_("%(part)s of the trust list ends on %(at)s UTC")
        yield bad("trust", text, hint, part=name, at=f"{expires:%Y-%m-%d %H:%M}")


def _own(cache: Path, own: Card) -> Iterator[Item]:
    """Compare our newest card with the one that others find in the list."""
    raw = _load(cache / "targets" / quote(trust_policy.cards_path(own.country), ""))
    if raw is None:
        return
    newest = parse_card(trust_policy.parse_cards(raw, own.country)[-1])
    if newest.digest != own.digest:
        text = N_("the trust list has our card %(listed)s, and our newest is %(serial)s")
        if newest.serial == own.serial:  # as where a clock that was ahead had dated it
            text = N_("the trust list has another card %(serial)s of ours than the one that is here")
        hint = N_(
            "isthmus trust cards FOLDER %(country)s cards/%(country)s/*.jws, sign, publish; then isthmus trust refresh"
        )
        yield bad("trust", text, hint, listed=newest.serial, serial=own.serial, country=own.country)


def _load(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None
