"""Files of persons as their keyed values, and whether two of them meet."""

from typing import Any

from gateway.core.person_keys import PersonValue, Use, person_values
from keys.rest import Vault

VAULT = Vault(b"k" * 32)


def name(
    family: str | None,
    given: str | None,
    script: str = "en-Latn",
    full: str | None = None,
    latin: tuple[str, str] | None = None,
) -> Any:
    """Return a wire name; ``latin`` are family and given name in the document's own Latin form."""
    form = {"patronymic": None, "full": None, "system": "ICAO9303"}
    form |= dict(zip(("family", "given"), latin or (), strict=False))
    parts = {"use": "document", "family": family, "given": given, "patronymic": None, "full": full, "script": script}
    return {**parts, "latin": form if latin else None}


def values(*names: Any, born: str | None = "2001-04-17", to: str = "XBB", **elements: Any) -> tuple[PersonValue, ...]:
    """Return the values of a file."""
    known = {"names": list(names), **({"birth_date": born} if born else {}), **elements}
    return person_values({"to": to, "elements": known}, VAULT.index_value)


def meet(a: tuple[PersonValue, ...], b: tuple[PersonValue, ...]) -> frozenset[bytes]:
    """Return the values that two files share, as the store finds them."""
    sought = {one.value for one in a if Use.SEEKS in one.use}
    return frozenset(one.value for one in b if Use.FOUND in one.use and one.value in sought)


def both_meet(a: tuple[PersonValue, ...], b: tuple[PersonValue, ...]) -> bool:
    """Return whether two files meet, and that each finds the other or neither does."""
    there, back = bool(meet(a, b)), bool(meet(b, a))
    assert there == back
    return there
