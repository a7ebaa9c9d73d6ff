"""The toy register and its clerk: what is found decides, and nothing else."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

import schemas
from gateway.core.facts import before_a_case
from gateway.core.preview import compose
from gateway.demo import people
from gateway.demo.clerk import Ask, Say, decide
from gateway.demo.people import FILES, REGISTER, File
from gateway.demo.register import Kept, Register, Standing
from schemas import ijson
from tests.support.rows import for_each

TODAY = date(2026, 11, 18)


def request(file: File, **more: Any) -> dict[str, Any]:
    """Return the request body that leaves for ``file``, with ``more`` elements as if they had been sent later."""
    now = datetime(2026, 11, 16, 8, tzinfo=UTC)
    made = compose(file.draft(), "XAA-ID-01", now, around=before_a_case("UTC", None))
    body = ijson.loads(made.body.encode())
    body["elements"] |= more
    return body


def file_of(name: Mapping[str, Any]) -> File:
    """Return the file that has ``name``."""
    return next(file for file in FILES if name in file.elements["names"])


def say(file: File, register: Register = REGISTER, asked: bool = False, **more: Any) -> Mapping[str, Any]:
    """Return the reply to the request for ``file``, which a schema has looked at."""
    said = decide(register, request(file, **more), asked, TODAY)
    assert isinstance(said, Say)
    handling = {**request(file)["handling"]}
    schemas.validate("verification.reply", {"handling": handling, **said.reply})
    return said.reply


def with_entry(name: Mapping[str, Any], **changes: Any) -> Register:
    """Return the register with the entries of ``name`` changed."""
    entries = [replace(entry, **changes) if name in entry.names else entry for entry in REGISTER.entries]
    return replace(REGISTER, entries=entries)


@for_each("file", FILES, ids=lambda file: file.title)
def test_every_file_is_a_draft(file: File) -> None:
    """Each file is a case draft as its schema has it."""
    schemas.validate("case-draft", file.draft())


@pytest.mark.parametrize(
    ("standing", "outcome"),
    [
        (Standing.NATIONAL, "NATIONAL"),
        (Standing.RENOUNCED, "FORMER_NATIONAL"),
        (Standing.LOST, "FORMER_NATIONAL"),
        (Standing.FOREIGN, "CANNOT_SAY"),
    ],
)
def test_the_entry_decides(standing: Standing, outcome: str) -> None:
    """The same file gets another answer when the entry says something else."""
    register = with_entry(people.ILSE, standing=standing)
    assert outcome == say(file_of(people.ILSE), register)["outcome"]


def test_a_name_in_another_script_is_found() -> None:
    """A Cyrillic name finds its Latin entry, and the answer says that it was by transliteration."""
    assert ["NAME_TRANSLIT", "DOB_EXACT", "POB"] == say(file_of(people.MILESTA))["match_basis"]


def test_no_entry_is_not_a_no() -> None:
    """Without an entry nothing is said about the person but that none was found."""
    empty = Register((), ())
    replies = [say(file, empty) for file in FILES]
    assert {"NOT_FOUND"} == {reply["outcome"] for reply in replies}
    assert all(reply["match_basis"] == [] and reply["reason"] is None for reply in replies)


def test_another_birthday_is_another_person() -> None:
    """An entry whose date cannot be the one asked about does not match."""
    register = with_entry(people.ILSE, birth_date="1998-03-15")
    assert "NOT_FOUND" == say(file_of(people.ILSE), register)["outcome"]


def test_two_entries_are_told_apart_by_the_least_telling_element() -> None:
    """Where both entries have the same sex, the parents' names are asked for, before any number."""
    assert Ask(["PARENT_NAMES"], 2) == decide(REGISTER, request(file_of(people.LUNARA)), False, TODAY)


def test_an_element_sent_later_decides() -> None:
    """The mother's name leaves one of two entries."""
    reply = say(file_of(people.LUNARA), asked=True, mother_given_names="سلمارا")
    assert ("NATIONAL", True) == (reply["outcome"], "MOTHER" in reply["match_basis"])


def test_an_element_that_fits_nobody_decides_nothing() -> None:
    """A detail that agrees with neither entry leaves both, and then nothing can be said."""
    reply = say(file_of(people.LUNARA), asked=True, mother_given_names="ناديارا")
    assert ("CANNOT_SAY", "SEVERAL_MATCHES") == (reply["outcome"], reply["reason"])


def test_a_foreign_document_leads_to_a_no() -> None:
    """Only an entry identified by the document another State issued makes a NOT_NATIONAL."""
    reply = say(file_of(people.TADEJ), asked=True, document=people.FOREIGN_PASSPORT)
    assert ("NOT_NATIONAL", "DOCUMENT_NOT_ISSUED_BY_US") == (reply["outcome"], reply["reason"])


def test_the_archive_is_opened_by_the_method_limit() -> None:
    """What M0 refuses, M1 finds: the entry is in the archive."""
    file = file_of(people.BRENNA)
    assert "METHOD_LIMIT_TOO_NARROW" == say(file)["reason"]
    wider = replace(file, changes={"method_limit": "M1"})
    assert ("NATIONAL", ["CIVIL_STATUS_ARCHIVE"]) == (say(wider)["outcome"], say(wider)["method_used"])


def test_a_lost_volume_is_said() -> None:
    """No entry where the volume is lost is CANNOT_SAY; with the volume there it is NOT_FOUND."""
    file = file_of(people.HOLLIS)
    assert ("CANNOT_SAY", "REGISTER_LOST") == (say(file)["outcome"], say(file)["reason"])
    kept = replace(REGISTER, volumes=[replace(volume, kept=Kept.REGISTER) for volume in REGISTER.volumes])
    assert "NOT_FOUND" == say(file, kept)["outcome"]


@pytest.mark.parametrize(
    ("entry_date", "outcome", "reason"),
    [
        ("2020-05-01", "PR_AT_DATE", None),
        ("2026-01-01", "NO_PR_AT_DATE", "PR_EXPIRED_BEFORE_DATE"),
        ("2014-06-14", "NO_PR_AT_DATE", "PR_GRANTED_AFTER_DATE"),
        ("2025-12-30/2026-01-02", "CANNOT_SAY", "STATUS_UNDECIDED"),
    ],
)
def test_residence_is_looked_at_on_the_day_of_entry(entry_date: str, outcome: str, reason: str | None) -> None:
    """A permit counts if it held on every day the entry may have been."""
    reply = say(file_of(people.PERRIN), entry_date=entry_date)
    assert (outcome, reason) == (reply["outcome"], reply["reason"])
