"""``isthmus access`` and ``isthmus stats release``: what they print, and how they refuse."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.cli.support import Homes, call, received, value


def code(*args: Any) -> tuple[int, str]:
    """Call a verb that fails and return exit code and short code."""
    result = call(*args, "--json")
    return result.exit_code, json.loads(result.stderr)["error"]["code"]


def test_account_as_text_and_as_json(homes: Homes) -> None:
    """The account names recipient and purpose in words, and every value in JSON."""
    ref, _ = received(homes)
    who = ("access", "-C", homes.home("XAA"), "--as", "first", "--role", "case_officer", "--why", "she asked")
    text = call(*who, "--", ref).stdout
    assert "to: XBB" in text
    assert "for: Confirmation of nationality" in text
    (sent,) = value(*who, "--", ref)["sent"]
    assert ("verification.request", "XBB", "accepted") == (sent["type"], sent["to"], sent["receipt"]["status"])


def test_account_needs_a_reason_and_a_role(homes: Homes) -> None:
    """Without a reason nothing is shown; a role that gets none is refused."""
    ref, _ = received(homes)
    who = ("access", "-C", homes.home("XAA"), "--as", "first")
    assert (2, "usage") == code(*who, "--role", "case_officer", ref)
    assert (5, "forbidden") == code(*who, "--role", "registry_clerk", "--why", "curious", ref)


def test_desk_restricts_nothing(homes: Homes) -> None:
    """Only the data-protection officer holds an account back, with a last day."""
    ref, _ = received(homes)
    who = ("access", "-C", homes.home("XAA"), "--as", "first", "--role", "case_officer", "--restrict", "INQUIRY")
    assert (5, "forbidden") == code(*who, "--until", (datetime.now(UTC) + timedelta(days=9)).date(), ref)
    assert (2, "usage") == code(*who, ref)


def test_nothing_is_unconfirmed(homes: Homes) -> None:
    """Without a correction of ours the list of those not confirmed is empty."""
    assert [] == value("access", "--unconfirmed", "-C", homes.home("XAA"))


def test_content_names_its_recipient(homes: Homes) -> None:
    """An export with content says which body gets it, and a body that is not on the list gets nothing."""
    ref, _ = received(homes)
    out = homes.home("XAA") / "out.zip"
    who = ("evidence", "export", "-C", homes.home("XAA"), "--as", "first", "--role", "case_officer")
    two = (*who, "--why", "a dispute", "--with-content", "second", "-o", out)
    assert (2, "usage") == code(*two, ref)
    assert (5, "rule-refused") == code(*two, "--to", "POLICE", ref)
    assert value(*two, "--to", "DESK", ref)["with_content"]


def test_table_is_not_released_too_early_nor_by_a_desk(homes: Homes) -> None:
    """A period that has not ended long enough ago, and a role that does not oversee, release nothing."""
    who = ("stats", "release", "answers", "-C", homes.home("XAA"), "--direction", "requesting", "--as", "first")
    assert (5, "not-released") == code(*who, "--role", "case_officer", "--period", "2999")
    assert (5, "forbidden") == code(*who, "--role", "case_officer", "--period", "2020")
    assert [] == value("stats", "list", "-C", homes.home("XAA"))
    assert (2, "not-found") == code("stats", "list", "-C", homes.home("XAA"), "--number", 3)
