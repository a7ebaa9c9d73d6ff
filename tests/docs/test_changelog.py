"""The changelog stays something that a person reads in a few minutes."""

from pathlib import Path

PAGE = (Path(__file__).parents[2] / "CHANGELOG.md").read_text(encoding="utf-8")


def test_a_version_is_read_in_minutes() -> None:
    """The part of one version has at most 30 KB: what asks nothing of anybody stands in the history (CONTRIBUTING)."""
    versions = PAGE.split("\n## ")[1:]
    assert versions
    assert [] == [one.partition("\n")[0] for one in versions if len(one.encode()) > 30_000]
