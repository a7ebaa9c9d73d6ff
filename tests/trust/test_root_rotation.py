"""Who may change the trustees (docs/protocol.md 8.4)."""

from pathlib import Path

import pytest
from tuf.api.metadata import Root

from keys import trust_list
from keys.trust_policy import BadList
from tests.support.trust_list import make_world
from tests.trust.attacks import BY_NAME
from tests.trust.reading import attacked, verdict


@pytest.mark.parametrize(
    "name",
    [
        "a root not signed by the old threshold",
        "a root not signed by the new threshold",
        "a root that skips a version",
        "two of five trustees by a root that all signed",
    ],
)
async def test_a_root_without_both_thresholds_is_refused(tmp_path: Path, name: str) -> None:
    """Trustees are changed by as many of the old and of the new as it takes, version by version (M-8.8, M-8.13)."""
    _, reader = await attacked(tmp_path, BY_NAME[name])
    assert "refused" == await verdict(reader)


async def test_a_root_signed_by_both_is_followed(tmp_path: Path) -> None:
    """A reader pinned to the first root follows to new trustees, and takes what those sign."""
    world, reader = await attacked(tmp_path, BY_NAME["a new root"])
    assert "taken" == await verdict(reader)
    world.add("XCC")
    await reader.refresh()
    assert 1 == len(await reader.cards("XCC"))


async def test_a_root_of_a_minority_is_not_followed_where_it_was_kept_or_pinned(tmp_path: Path) -> None:
    """A reader that had followed one goes back to the root before it; pinned, it leads nowhere (M-8.8)."""
    world, reader = await attacked(tmp_path, BY_NAME["two of five trustees by a root that all signed"])
    forged = (world.folder / "metadata" / "2.root.json").read_bytes()
    kept = tmp_path / "reader" / "cache" / "metadata" / "root_history" / "2.root.json"
    kept.write_bytes(forged)
    assert ("refused", False) == (await verdict(reader), kept.exists())
    (tmp_path / "reader" / "root.json").write_bytes(forged)
    (world.folder / "metadata" / "2.root.json").unlink()
    assert "refused" == await verdict(reader)


@pytest.mark.parametrize("role", trust_list.TRUSTEES_ROLES)
@pytest.mark.parametrize("threshold", [2, 6])
def test_a_root_by_half_of_the_trustees_or_by_more_than_all_is_not_read(
    tmp_path: Path, role: str, threshold: int
) -> None:
    """However it is signed: it takes more than half of them, for root and targets alike (M-8.8)."""
    root = make_world(tmp_path).repository.root()
    assert root is not None
    root.signed.roles[role].threshold = threshold
    with pytest.raises(BadList, match="more than half"):
        trust_list.parse(trust_list.serialize(root), Root)
