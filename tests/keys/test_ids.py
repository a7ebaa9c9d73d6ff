"""Key ids."""

import hashlib

import pytest

from keys import ids


def test_key_id_is_labelled_hash() -> None:
    """A key id is the first half of the hash over label, zero byte and key."""
    assert hashlib.sha256(b"xg1 sign\x00key").digest()[:16] == ids.key_id(ids.SIGN, b"key")


def test_one_id_for_each_use() -> None:
    """The same bytes have another id in each use."""
    assert 3 == len({ids.key_id(label, b"key") for label in ids.LABELS})


def test_refuses_other_label() -> None:
    """There are no labels but the three."""
    with pytest.raises(ValueError, match="label"):
        ids.key_id("xg1 other", b"key")
