"""``isthmus check`` and what ``serve`` says of a home that cannot be served."""

import asyncio
import json
import os
import re
import shutil
import socket
import sqlite3
import sys
import tomllib
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

import schemas
from benchmarks.pair import free_port
from gateway import app, serving, settings
from gateway.checks import run
from gateway.checks.look import Look, own_card
from gateway.checks.partners import reach
from gateway.cli.errors import describe
from gateway.cli.running import LOCK_FILE, alone
from gateway.configured import reckoner
from gateway.home import KEY_FILE, SIGNING
from gateway.http.listen import listen
from gateway.http.peer_api import peer_app
from gateway.storage.errors import StoreError
from gateway.storage.sqlite import run_inline
from gateway.storage.sqlite_desks import SqliteDesks
from gateway.transport.peers import HttpPeers
from keys import b64
from keys.card import Card
from keys.custody import open_store
from keys.errors import StoreError as KeyStoreError
from keys.sign import SigningKey
from tests.cli.support import (
    DESKS,
    PHRASE,
    Homes,
    approved,
    call,
    desk,
    desks_begun,
    in_environment,
    opened,
    spawn,
    value,
    with_role,
    with_signing,
)
from tests.web.signin.provider import SECRET, provider


def findings(home: Path, **environ: str) -> dict[str, str]:
    """Return what a check finds, by area, as its text."""
    result = call("check", "-C", home, "--json", **environ)
    items = json.loads(result.stdout)["items"]
    assert all(item["hint"] for item in items if item["level"] == "finding")
    return {item["area"]: item["text"] for item in items if item["level"] == "finding"}


def test_all_is_well(homes: Homes) -> None:
    """A home with people and a partner has no finding, and exits 0."""
    assert ({}, 0) == (findings(homes.home("XBB")), call("check", "-C", homes.home("XBB")).exit_code)


@pytest.mark.parametrize(
    ("first", "second", "level"),
    [
        ("registry_clerk", "desk_head", "note"),
        ("registry_clerk", "liaison_officer", "note"),
        ("case_officer", "desk_head", "finding"),
        ("case_officer liaison_officer", "desk_head", "finding"),
        ("case_officer", "liaison_officer", None),
        ("liaison_officer", "liaison_officer", None),
    ],
)
def test_who_is_missing_to_ask_is_a_finding_where_somebody_asks(
    homes: Homes, first: str, second: str, level: str | None
) -> None:
    """A State that only answers has no finding for good; a case officer without another who approves has one (V-03)."""
    home = homes.home("XBB")
    path = home / "isthmus.toml"
    written = path.read_text().replace('["case_officer", "registry_clerk"]', json.dumps(first.split()))
    path.write_text(written.replace('["liaison_officer"]', json.dumps(second.split())))
    result = call("check", "-C", home, "--json")
    items = [item for item in json.loads(result.stdout)["items"] if "no request can leave" in item["text"]]
    assert [level] * (level is not None) == [item["level"] for item in items]
    assert (level == "finding") is (result.exit_code == 1)
    assert level != "note" or "unless your State only answers" in items[0]["hint"]


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ("case_officer", "liaison_officer", True),
        ("registry_clerk", "liaison_officer", True),
        ("registry_clerk second_signer", "liaison_officer", True),
        ("case_officer", "second_signer", True),
        ("registry_clerk", "second_signer", False),
        ("registry_clerk second_signer", "desk_head", False),
    ],
)
def test_who_is_missing_to_answer_is_told(homes: Homes, first: str, second: str, told: bool) -> None:
    """What comes is receipted and its days run: who answers, and who signs a no as another person, is asked for."""
    path = (home := homes.home("XBB")) / "isthmus.toml"
    written = path.read_text().replace('["second_signer"]', '["escort"]')
    written = written.replace('["case_officer", "registry_clerk"]', json.dumps(first.split()))
    path.write_text(written.replace('["liaison_officer"]', json.dumps(second.split())))
    items = json.loads(call("check", "-C", home, "--json").stdout)["items"]
    assert ["note"] * told == [item["level"] for item in items if "answer can leave" in item["text"]]


@pytest.mark.parametrize(
    ("days", "level"), [(366, "ok"), (365, "note"), (60, "note"), (59, "finding"), (-1, "finding")]
)
def test_the_end_of_a_calendar_is_told_a_year_before(homes: Homes, days: int, level: str) -> None:
    """A year before its last day the next step is named, and 60 days before it is a finding."""
    now = datetime(2036, 12, 31, 12, tzinfo=UTC) - timedelta(days=days)
    look = Look(settings.load(homes.home("XAA"), {}), lambda: PHRASE, now)
    items = [item for item in run(look) if item.area == "calendar"]
    assert [level] * 2 == [item.level for item in items]
    assert (level != "ok") is all(item.hint for item in items)


@pytest.mark.parametrize("whole", [True, False])
def test_a_clock_behind_the_steps_of_the_cases_is_a_finding(homes: Homes, whole: bool) -> None:
    """Also where the database is not read to its end, as each hour beside a gateway that runs."""
    home = homes.home("XAA")
    opened(homes)
    with closing(sqlite3.connect(home / "data/gateway.db", isolation_level=None)) as db:
        db.execute("UPDATE case_event SET at = at + 3600 WHERE n = (SELECT min(n) FROM case_event)")
    look = Look(settings.load(home, {}), lambda: PHRASE, datetime.now(UTC), whole=whole)
    (found,) = [item for item in run(look) if (item.area, item.level) == ("clock", "finding")]
    assert "the database holds events later than now" == found.text
    assert "set the clock" not in found.hint  # it may have been ahead, and be right again


def with_calendar(home: Path, id: str, begins: str, ends: str) -> settings.Settings:
    """Put another calendar of XAA into the home, which names none, and return its settings."""
    made = {**schemas.load_calendar("XAA-2026-27"), "id": id, "valid_from": begins, "valid_until": ends, "holidays": {}}
    (home / "calendars").mkdir()
    (home / f"calendars/{id}.json").write_text(json.dumps(made))
    path = home / "isthmus.toml"
    path.write_text('calendars_directory = "calendars"\n' + path.read_text())
    return settings.load(home, {})


def _mended(id: str, holidays: dict[str, str]) -> str:
    """Return a calendar of XAA as somebody left it who set its holidays right."""
    ends = {"valid_from": "2036-01-01", "valid_until": "2038-12-31"}
    return json.dumps({**schemas.load_calendar("XAA-2026-27"), "id": id, "holidays": holidays, **ends})


def test_a_wrong_clock_is_named_before_what_comes_of_it(homes: Homes) -> None:
    """Whoever goes through the findings from the first sets the clock, and makes no key in place of one not yet due."""
    look = Look(settings.load(homes.home("XBB"), {}), lambda: PHRASE, datetime.now(UTC) - timedelta(days=2))
    found = [item.area for item in run(look) if item.level == "finding"]
    assert ("clock", True) == (found[0], "keys" in found)


def test_the_next_calendar_counts_once_its_file_is_there(homes: Homes) -> None:
    """Of the calendars of a State the one that ends last is reckoned by, and the check asks for no other one."""
    chosen = with_calendar(homes.home("XAA"), "XAA-2036", "2035-01-01", "2037-12-31")
    items = [
        item for item in run(Look(chosen, lambda: PHRASE, datetime(2036, 12, 1, tzinfo=UTC))) if item.area == "calendar"
    ]
    assert ("XAA-2036", "ok") == (reckoner(chosen).calendars["XAA"].id, items[0].level)


def test_days_that_end_in_another_zone_than_those_of_our_calendar_are_a_finding(homes: Homes) -> None:
    """For hours the desks and a deadline would go by two days; a zone whose days end alike is none."""
    path = homes.home("XAA") / settings.FILE_NAME
    told = []
    for zone in ("Europe/Vienna", "Europe/Berlin", "UTC"):
        path.write_text(re.sub('zone = "[^"]*"', f'zone = "{zone}"', path.read_text(), count=1))
        look = Look(settings.load(homes.home("XAA"), {}), lambda: PHRASE, datetime(2026, 12, 1, tzinfo=UTC))
        told.append([item.text for item in run(look) if (item.area, item.level) == ("calendar", "finding")])
    text = "our days end in UTC by the configuration, and in Europe/Vienna by the calendar XAA-2026-27"
    assert [[], [], [text]] == told


def test_a_calendar_that_has_not_begun_is_a_finding(homes: Homes) -> None:
    """What is asked before the first day of the calendar that counts gets no deadline, and the next step makes one."""
    chosen = with_calendar(homes.home("XAA"), "XAA-2037", "2037-01-01", "2038-12-31")
    items = [
        item for item in run(Look(chosen, lambda: PHRASE, datetime(2036, 12, 1, tzinfo=UTC))) if item.area == "calendar"
    ]
    assert ("finding", "XAA-2037 begins only on 2037-01-01, and no other one of XAA counts") == (
        items[0].level,
        items[0].text,
    )
    step = items[0].hint.partition(" > ")[0].replace("XAA", "AUT").replace("ZONE", "Europe/Vienna")
    made = value(*step.split()[1:])
    assert ("2035-01-01", "2037-12-31") == (made["valid_from"], made["valid_until"])


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("", "XAA-2037.json: is no JSON"),
        ('{"id":"XAA-2037"}', "XAA-2037.json: lacks"),
        (None, "XAA-2037.json: cannot be opened"),
        (_mended("XAA-2037", {"2039-01-01": "New Year"}), "XAA-2037 names a holiday outside its validity"),
    ],
    ids=["empty", "cut off", "of another owner", "mended wrongly"],
)
def test_a_calendar_that_cannot_be_read_stands_in_the_way_of_no_other(
    homes: Homes, written: str | None, problem: str
) -> None:
    """What a command that failed leaves in the folder is a finding, and the calendar that was there counts on."""
    chosen = with_calendar(homes.home("XAA"), "XAA-2036", "2035-01-01", "2037-12-31")
    path = homes.home("XAA") / "calendars/XAA-2037.json"
    if written is None:
        path.mkdir()  # whoever runs the tests may open any file
    else:
        path.write_text(written)
    items = [
        item for item in run(Look(chosen, lambda: PHRASE, datetime(2036, 12, 1, tzinfo=UTC))) if item.area == "calendar"
    ]
    assert ("XAA-2036", "finding", "ok") == (reckoner(chosen).calendars["XAA"].id, items[0].level, items[1].level)
    assert problem in items[0].text


def test_a_gateway_whose_only_calendar_cannot_be_read_goes_on_without_it(homes: Homes) -> None:
    """It is named in the configuration, or is the one there is: no deadline is reckoned, and the check says so."""
    home = homes.home("XAA")
    with_calendar(home, "XAA-2036", "2035-01-01", "2037-12-31")
    path = home / "isthmus.toml"
    path.write_text('calendar = "XAA-2036"\n' + path.read_text())
    (home / "calendars/XAA-2036.json").write_text("")
    (home / "calendars/XBB-2026-27.json").write_text("")  # goes before the one of the package
    chosen = settings.load(home, {})
    assert {} == reckoner(chosen).calendars
    found = [item.text for item in run(Look(chosen, lambda: PHRASE, datetime.now(UTC))) if item.area == "calendar"]
    none = "no calendar of {}: no deadline is reckoned there"
    assert [none.format("XAA"), none.format("XBB")] == found[2:]


def test_a_calendar_that_is_named_and_not_there_is_a_problem_of_the_configuration(homes: Homes) -> None:
    """Whoever mistypes an id is told so as the configuration is read, and which calendars there are."""
    home = homes.home("XAA")
    path = home / "isthmus.toml"
    path.write_text('calendar = "XAA-2062"\n' + path.read_text())
    with pytest.raises(settings.BadConfiguration) as caught:
        settings.load(home, {})
    assert ["/calendar: there is no calendar 'XAA-2062'; there are: AT-2026-27, XAA-2026-27, XBB-2026-27"] == [
        *caught.value.problems
    ]


def test_a_check_changes_nothing(homes: Homes) -> None:
    """The files of the home are the same before and after."""
    home = homes.home("XBB")
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file() and "-" not in path.suffix}
    call("check", "-C", home)
    assert before == {path: path.read_bytes() for path in before}


def test_the_example_is_a_valid_configuration(tmp_path: Path) -> None:
    """``--example`` prints a file that the settings accept, with a comment on every value."""
    text = spawn("check", "--example").stdout
    assert "XAA" == settings.check(tmp_path, tomllib.loads(text)).values["country"]
    assert [] == [line for line in text.splitlines() if " = " in line and "#" not in line]
    assert text == json.loads(spawn("check", "--example", "--json").stdout)["example"]


def test_the_example_has_every_table(tmp_path: Path) -> None:
    """Whoever looks up a table of the configuration finds it in the example, as the page on operations says."""
    held = tomllib.loads(spawn("check", "--example").stdout)
    form = schemas.load("configuration")["properties"]
    tables = {name for name, one in form.items() if "object" == one.get("type")}
    assert [] == sorted(tables - held.keys())
    for name in tables - {"partners"}:
        inner = {one for one, said in form[name].get("properties", {}).items() if "object" == said.get("type")}
        assert [] == sorted(inner - held[name].keys())


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("tls.key", None, "tls.key cannot be read"),
        ("tls.crt", None, "tls.crt cannot be read"),
        ("tls.key", "folder", "tls.key cannot be read"),
        ("tls.crt", "junk", "no certificate with its key"),
        ("tls.key", "another", "no certificate with its key (KEY_VALUES_MISMATCH)"),
        ("tls.key", "closed", "no certificate with its key"),
    ],
)
def test_a_certificate_that_does_not_open(homes: Homes, name: str, content: str | None, said: str) -> None:
    """A gateway that could not start for its certificate is found by a check, and both name the file."""
    home = homes.home("XAA")
    path = home / name
    path.unlink()
    if content == "folder":
        path.mkdir()
    elif content == "junk":
        path.write_text(content)
    elif content is not None:
        sealing = BestAvailableEncryption(b"a passphrase") if content == "closed" else NoEncryption()
        key = ec.generate_private_key(ec.SECP256R1())
        path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, sealing))
    assert said in findings(home)["tls"]
    result = call("serve", "-C", home, "--json")
    assert (3, True) == (result.exit_code, said in json.loads(result.stderr.splitlines()[-1])["error"]["problems"][0])


def test_a_certificate_without_its_key_is_told(homes: Homes) -> None:
    """The gateway speaks no TLS then, and a certificate that is in order must not hide that."""
    path = homes.home("XAA") / "isthmus.toml"
    path.write_text("".join(line for line in path.read_text().splitlines(keepends=True) if "tls_key" not in line))
    items = json.loads(call("check", "-C", homes.home("XAA"), "--json").stdout)["items"]
    said = {(item["level"], item["text"]) for item in items if item["area"] == "tls"}
    assert ("note", "the certificate has no key here: the gateway speaks no TLS") in said


@pytest.mark.parametrize("name", ["desks.crt", "desks.key"])
def test_a_certificate_of_the_desks_that_does_not_open(homes: Homes, name: str) -> None:
    """No door opens where that of the desks does not: a check finds it, and whoever may read its key."""
    home = homes.home("XAA")
    for end in ("crt", "key"):
        shutil.copy(home / f"tls.{end}", home / f"desks.{end}")
    with (home / "isthmus.toml").open("a") as file:
        file.write(DESKS)
    assert "tls" not in findings(home)
    (home / "desks.key").chmod(0o644)
    assert "desks.key" in findings(home)["files"]
    (home / name).unlink()
    assert f"/listeners/desks: {home / name} cannot be read" == findings(home)["tls"]


@pytest.mark.parametrize(
    ("days", "lasts", "found"), [(8, 68, False), (6, 66, True), (-1, 59, True), (3, 6, False), (1, 6, True)]
)
def test_a_certificate_of_the_desks_that_ends(homes: Homes, days: int, lasts: int, found: bool) -> None:
    """No browser opens a page under one that has ended: a check says so days before, and not always of a short one."""
    home, now = homes.home("XBB"), datetime.now(UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "desks")])
    ends = now + timedelta(days=days)
    begins = ends - timedelta(days=lasts)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, begins, ends)
    (home / "desks.crt").write_bytes(made.sign(key, SHA256()).public_bytes(Encoding.PEM))
    (home / "desks.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (home / "desks.key").chmod(0o600)
    with (home / "isthmus.toml").open("a") as file:
        file.write(DESKS)
    said = f"the certificate of the desks ends on {ends.date()}"
    assert (said if found else None) == findings(home).get("tls")


def test_an_empty_file_is_no_database(homes: Homes) -> None:
    """What a copy that failed leaves is found, with the step that mends it."""
    home = homes.home("XAA")
    with closing(sqlite3.connect(home / "data/gateway.db")) as db:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        for name in names:
            if not name.startswith("sqlite_"):
                db.execute(f"DROP TABLE {name}")
    items = json.loads(call("check", "-C", home, "--json").stdout)["items"]
    assert [("the database holds no store", "restore the last backup, then isthmus restore begin-epoch")] == [
        (item["text"], item["hint"]) for item in items if (item["area"], item["level"]) == ("database", "finding")
    ]


def test_a_directory_that_takes_no_data_is_found(homes: Homes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A data directory on a disk that was mounted read-only keeps a gateway from starting."""
    home = homes.home("XAA")
    # As on such a disk, which a test cannot mount: the system says so of whoever asks, of root too.
    asked = os.access
    monkeypatch.setattr(os, "access", lambda path, mode, **rest: not mode & os.W_OK and asked(path, mode, **rest))
    assert f"{home / 'data'} cannot be written" in findings(home)["files"]


def test_a_bad_configuration_lists_all_problems(homes: Homes) -> None:
    """``check`` and ``serve`` exit 3 and name every problem, in one answer."""
    path = homes.home("XAA") / "isthmus.toml"
    path.write_text(path.read_text().replace('"Europe/Vienna"', '"Nowhere"') + "\n[safeguards]\noff = true\n")
    for verb in ("check", "serve"):
        result = call(verb, "-C", path.parent, "--json")
        problems = json.loads(result.stderr)["error"]["problems"]
        assert (3, 2) == (result.exit_code, len(problems))


@pytest.mark.parametrize("name", ["key", "token_sha256"])
def test_two_persons_have_two_keys(homes: Homes, name: str) -> None:
    """A key, or a token, that two persons share is refused: whoever has it would be both of them."""
    values = tomllib.loads((homes.home("XAA") / "isthmus.toml").read_text())
    for person in values["persons"][:2]:
        person[name] = "A" * 43 if name == "key" else "a" * 64
    with pytest.raises(settings.BadConfiguration) as refused:
        settings.check(homes.home("XAA"), values)
    assert (f"/persons: two of them have the same '{name}'",) == tuple(refused.value.problems)


@pytest.mark.parametrize("role", sorted(settings.HELD_ALONE))
def test_who_watches_the_desk_is_not_of_it(homes: Homes, role: str) -> None:
    """Foreign affairs, the information office and the protecting authorities hold no role of the desk as well."""
    values = tomllib.loads((homes.home("XAA") / "isthmus.toml").read_text())
    values["persons"][0]["roles"] = [role]
    settings.check(homes.home("XAA"), values)
    values["persons"][0]["roles"] = ["liaison_officer", role]
    with pytest.raises(settings.BadConfiguration, match=f"holds '{role}' and another role"):
        settings.check(homes.home("XAA"), values)


def test_who_plans_a_journey_does_not_escort(homes: Homes) -> None:
    """The plan and the departure are in two hands; whoever prepares the case may travel with the person."""
    values = tomllib.loads((homes.home("XAA") / "isthmus.toml").read_text())
    values["persons"][0]["roles"] = ["case_officer", "escort"]
    settings.check(homes.home("XAA"), values)
    values["persons"][0]["roles"] = ["liaison_officer", "escort"]
    with pytest.raises(settings.BadConfiguration, match="holds 'liaison_officer' and 'escort'"):
        settings.check(homes.home("XAA"), values)


def test_a_home_that_is_none(tmp_path: Path) -> None:
    """A directory without a home exits 3 and names ``init``."""
    result = call("serve", "-C", tmp_path)
    assert (3, True) == (result.exit_code, "isthmus init" in result.stderr)


def test_a_wrong_passphrase_is_one_line(homes: Homes) -> None:
    """A wrong passphrase exits 6 with one line and the next step."""
    done = spawn("serve", "-C", homes.home("XAA"), ISTHMUS_PASSPHRASE="another one entirely")
    lines = done.stderr.splitlines()
    assert (6, 2) == (done.returncode, len(lines)), done.stderr
    assert "the passphrase does not open the key store" in lines[0]
    assert "keys" in findings(homes.home("XAA"), ISTHMUS_PASSPHRASE="another one entirely")


@pytest.mark.parametrize(
    "name",
    [
        "ISTHMUS_PERSONS__0__ROLES",
        "ISTHMUS_COUNTRY__CODE",
        "ISTHMUS_CUSTODY",  # it stands before the first section
        "ISTHMUS_LISTENERS_PEERS_PORT",  # one underline in the place of two
    ],
)
def test_a_variable_that_sets_nothing_is_told(homes: Homes, name: str) -> None:
    """A variable that goes into what is no table is a problem: it would look like something that is set."""
    result = call("check", "-C", homes.home("XBB"), **{name: "x"})
    assert (3, True) == (result.exit_code, name in result.stderr)


def test_a_variable_that_the_configuration_names_may_be_called_as_it_likes(homes: Homes) -> None:
    """Where a secret is taken from the environment, the name of its variable is the operator's own."""
    home = homes.home("XBB")
    content = call("keys", "export", "-C", home).stdout
    in_environment(home, "ISTHMUS_CUSTODY")
    assert 0 == call("keys", "show", "-C", home, ISTHMUS_CUSTODY=content).exit_code


def test_a_missing_database_is_told(homes: Homes) -> None:
    """Without its database a gateway does not start as an empty one."""
    (homes.home("XAA") / "data/gateway.db").unlink()
    result = call("serve", "-C", homes.home("XAA"))
    assert (3, True) == (result.exit_code, "no such file" in result.stderr)
    assert "is missing" in findings(homes.home("XAA"))["database"]


def test_where_the_data_lie_is_looked_at_before_a_backup_is_put_back(homes: Homes) -> None:
    """A disk that is not mounted, or a mistyped folder, loses nothing: an older state in its place would."""
    home = homes.home("XAA")
    (home / "data").rename(home / "elsewhere")
    (hint,) = [item["hint"] for item in _items(home) if item["area"] == "database" and item["level"] == "finding"]
    served = call("case", "list", "-C", home, "--as", "first").stderr
    for told in (hint, served.partition("hint: ")[2]):
        assert 0 <= told.index("data_dir") < told.index("mounted") < told.index("restore the last backup")


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_of_calendars_that_is_none_is_found(homes: Homes, there: bool) -> None:
    """Mistyped, it holds no calendar of ours, and what the program brings along would count in its place."""
    home = homes.home("XAA")
    path = home / "isthmus.toml"
    path.write_text(f'calendars_directory = "calendars"\n{path.read_text()}')
    if there:
        (home / "calendars").mkdir()
    told = [item["text"] for item in _items(home) if (item["area"], item["level"]) == ("calendar", "finding")]
    assert ([] if there else [f"{home / 'calendars'} is no folder, and no calendar is read from it"]) == told


def _items(home: Path) -> list[dict[str, str]]:
    """Return what a check says."""
    found: list[dict[str, str]] = json.loads(call("check", "-C", home, "--json").stdout)["items"]
    return found


def test_a_missing_table_is_told(homes: Homes) -> None:
    """A database without a table is not served, and a check names it: a gateway that runs goes on until a restart."""
    with sqlite3.connect(homes.home("XAA") / "data/gateway.db") as db:
        db.execute("DROP TABLE access")
    db.close()
    result = call("serve", "-C", homes.home("XAA"))
    assert (3, True) == (result.exit_code, "the store has no table access" in result.stderr)
    assert "the store has no table access" in findings(homes.home("XAA"))["database"]


def test_a_damaged_database_is_told(homes: Homes) -> None:
    """A file that is no database exits 6, and a check says what to do."""
    (homes.home("XAA") / "data/gateway.db").write_bytes(b"no database at all" * 100)
    assert 6 == call("stats", "-C", homes.home("XAA")).exit_code
    assert "database" in findings(homes.home("XAA"))


def test_a_database_of_an_earlier_epoch_than_the_card_is_a_finding(homes: Homes) -> None:
    """On a machine that ``stands.txt`` was not copied to nothing else tells that an older one was put there."""
    home = homes.home("XAA")
    value("restore", "begin-epoch", "-C", home)
    (home / "stands.txt").unlink(missing_ok=True)
    assert "database" not in findings(home)
    _altered(home / "data/gateway.db", "UPDATE meta SET value = '1' WHERE name = 'epoch'")
    assert "its epoch is 1, the card says otherwise" == findings(home)["database"]


def _torn(path: Path) -> None:
    """Write over the page of an index, as a bad disk does: nobody who opens the file meets it."""
    with closing(sqlite3.connect(path)) as db:
        ((page, size),) = db.execute(
            "SELECT rootpage, page_size FROM sqlite_schema, pragma_page_size WHERE name = 'case_by_officer'"
        )
    with open(path, "r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * 100)


@pytest.mark.parametrize(
    ("spoil", "area", "text"),
    [
        (_torn, "database", "the database is damaged"),
        (
            lambda path: _altered(path, "UPDATE schema_migration SET sha256 = 'another' WHERE number = 3"),
            *("database", "it was written by another version"),
        ),
        (
            lambda path: _altered(
                path, "INSERT OR REPLACE INTO partner VALUES ('XBB', 0, NULL, NULL, NULL, 1767225600, 1)"
            ),
            *("trust", "what is published of XBB was last read"),
        ),
        (
            lambda path: _altered(
                path, "INSERT INTO meta SELECT 'untaken:XBB:directory', strftime('%Y-%m-%dT%H:%M:%S+00:00')"
            ),
            *("partner", "XBB refused for good on"),
        ),
    ],
)
def test_what_only_a_check_can_see_of_a_database_is_a_finding(
    homes: Homes, spoil: Callable[[Path], object], area: str, text: str
) -> None:
    """A gateway over it runs on: it reads no index to its end, and what it goes by it holds in memory."""
    home = homes.home("XAA")
    assert area not in findings(home)
    spoil(home / "data/gateway.db")
    assert findings(home)[area].startswith(text)


@pytest.mark.parametrize(
    ("spoil", "exit", "text"),
    [
        (lambda path: path.write_bytes(b"no database at all" * 100), 6, "the file is not a store"),
        (lambda path: _altered(path, "CREATE TABLE mine (a)"), 3, "the store has a table mine that is not its own"),
        (lambda path: path.write_bytes(path.read_bytes()[:60_000]), 6, "the store is damaged"),
        (
            lambda path: _altered(path, "UPDATE schema_migration SET number = 99 WHERE number = 1"),
            3,
            "the store has schema 99",
        ),
    ],
)
def test_a_database_of_the_desks_that_does_not_open_is_a_finding(
    homes: Homes, spoil: Callable[[Path], object], exit: int, text: str
) -> None:
    """Check and start name the file, and nobody is sent to restore the store of the cases, which is whole."""
    home = homes.home("XBB")
    with open(home / "isthmus.toml", "a") as file:
        file.write(DESKS)
    path = home / "data/desks.db"
    asyncio.run(_opened_once(path))
    assert "database" not in findings(home)
    spoil(path)
    with pytest.raises(StoreError, match=f"^{path}: {text}") as refused:
        asyncio.run(_opened_once(path))
    items = json.loads(call("check", "-C", home, "--json").stdout)["items"]
    (item,) = [one for one in items if (one["area"], one["level"]) == ("database", "finding")]
    assert (exit, refused.value.hint) == (describe(refused.value).exit, item["hint"])
    assert f": {path}: {text}" in item["text"]
    assert "begin-epoch" not in item["hint"]


def test_a_database_of_the_desks_that_is_empty_is_none_that_does_not_open(homes: Homes) -> None:
    """A first start that was cut off, or a full disk, leaves such a file; the next start makes its tables."""
    home = homes.home("XBB")
    with open(home / "isthmus.toml", "a") as file:
        file.write(DESKS)
    (home / "data/desks.db").touch(0o600)
    assert "database" not in findings(home)
    asyncio.run(_opened_once(home / "data/desks.db"))


@pytest.mark.parametrize("empty", [False, True])
def test_a_lost_database_of_the_desks_is_told_and_not_made_anew(homes: Homes, empty: bool) -> None:
    """Who restored the cases alone would have nobody sign in and no proof of approvals: another one is made by hand."""
    home = homes.home("XBB")
    with open(home / "isthmus.toml", "a") as file:
        file.write(DESKS)
    path = home / "data/desks.db"
    assert "database" not in findings(home)  # there never was one
    asyncio.run(desks_begun(home))
    for one in path.parent.glob("desks.db*"):
        one.unlink()
    if empty:  # as a copy on a disk that was full leaves it
        path.touch(0o600)
    call("person", "shut-out", "first", "-C", home)
    with pytest.raises(StoreError, match=f"^{path} is missing") as refused:
        asyncio.run(desks_begun(home))
    assert (3, 0 if empty else None) == (describe(refused.value).exit, path.stat().st_size if path.exists() else None)
    assert f": {path} is missing" in findings(home)["database"]
    value("person", "invite", "first", "-C", home, "--desk", "interior")
    assert "database" not in findings(home)
    asyncio.run(desks_begun(home))


def test_what_several_checks_stand_on_is_told_once(homes: Homes) -> None:
    """One loss is one finding: whoever reads five looks for five causes."""
    home, text = homes.home("XBB"), "the card directory cannot be read"
    shutil.rmtree(home / "cards/XBB")
    items = json.loads(call("check", "-C", home, "--json").stdout)["items"]
    assert 1 == sum("holds no card of ours" in item["text"] for item in items)
    assert ["ok"] == [item["level"] for item in items if item["area"] == "clock"]
    shutil.rmtree(home / "cards")
    items = json.loads(call("check", "-C", home, "--json").stdout)["items"]
    assert [text] == [item["text"][: len(text)] for item in items if text in item["text"]]


async def _opened_once(path: Path) -> None:
    await (await SqliteDesks.open(path, datetime.now(UTC))).close()


def _altered(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(statement)


@pytest.mark.parametrize("name", ["gateway.keys", "tls.key", "data/gateway.db", "data/desks.db"])
def test_a_file_that_others_may_read(homes: Homes, name: str) -> None:
    """A private file of another mode is a finding."""
    (homes.home("XBB") / name).touch()
    (homes.home("XBB") / name).chmod(0o644)
    assert name in findings(homes.home("XBB"))["files"]


def test_a_card_of_ours_that_is_damaged_is_named(homes: Homes) -> None:
    """Where our newest card cannot be read, a check and every command about keys name the file and what to do."""
    home = homes.home("XBB")
    path = home / "cards/XBB/2.jws"
    path.write_bytes(path.read_bytes()[:200])
    items = json.loads(call("check", "-C", home, "--json").stdout)["items"]
    assert {True} == {str(path) in one["text"] and "copy" in one["hint"] for one in items if one["level"] == "finding"}
    result = call("keys", "show", "-C", home)
    assert (6, True, True) == (result.exit_code, str(path) in result.stderr, "hint:" in result.stderr)


def test_a_key_store_or_a_database_of_another_state_is_named(homes: Homes) -> None:
    """Nothing leads to new keys in that store, or to an epoch in that database: one finding each says whose it is."""
    home = homes.home("XAA")
    shutil.copy(homes.home("XBB") / "gateway.keys", home / "gateway.keys")
    with closing(sqlite3.connect(home / "data/gateway.db")) as db, db:
        db.execute("INSERT INTO log_head VALUES ('XBB/XAA/1', 'XAA', 1, 0, x'', '')")
    items = json.loads(call("check", "-C", home, "--json").stdout)["items"]
    found = [(item["area"], item["text"]) for item in items if item["level"] == "finding" and item["area"] != "card"]
    store = "the key store is of another gateway: our card does not list its log key"
    assert [("keys", store), ("database", "the database is of another State: XBB")] == found
    begun = call("restore", "begin-epoch", "-C", home, "--json")
    assert (3, "the database is of XBB, and we are XAA") == (
        begun.exit_code,
        json.loads(begun.stderr)["error"]["detail"],
    )
    assert 1 == own_card(settings.load(home, {})).serial


def test_nothing_is_served_with_what_is_of_another_gateway(homes: Homes) -> None:
    """Neither with its key store, of which no card lists a key either, nor over its database, which stays as it is."""
    home = homes.home("XAA")
    own, foreign = (homes.home(country) / "gateway.keys" for country in ("XAA", "XBB"))
    kept = own.read_bytes()
    shutil.copy(foreign, own)
    rotations = [["keys", "rotate", "sealing"], ["keys", "rotate", "signing"], ["log", "cosigner"]]
    for command in (*rotations, ["stats"], ["serve"]):
        result = call(*command, "-C", home, "--json")
        said = json.loads(result.stderr)["error"]
        assert (3, "key-store", True) == (result.exit_code, said["code"], "copy in the safe" in said["hint"]), command
    assert foreign.read_bytes() == own.read_bytes()
    own.write_bytes(kept)
    with closing(sqlite3.connect(home / "data/gateway.db")) as db, db:
        db.execute("DELETE FROM log_head")
        db.execute("INSERT INTO log_head VALUES ('XBB/XAA/1', 'XAA', 1, 0, x'', '')")
    result = call("serve", "-C", home, "--json")
    assert (3, "database", "the database is of XBB, and we are XAA") == (
        *(result.exit_code, json.loads(result.stderr)["error"]["code"]),
        json.loads(result.stderr)["error"]["detail"],
    )
    with closing(sqlite3.connect(home / "data/gateway.db")) as db:
        assert [("XBB/XAA/1",)] == db.execute("SELECT origin FROM log_head").fetchall()


def test_a_lost_key_store_is_restored_and_not_begun_anew(homes: Homes) -> None:
    """On a new machine the copy of the safe is missing: nobody is led to a rotation, nor does that make a store."""
    home = homes.home("XAA")
    (home / "gateway.keys").unlink()
    for command in (["serve"], ["case", "list", "--as", "first"], ["keys", "rotate", "signing"]):
        result = call(*command, "-C", home, "--json")
        said = json.loads(result.stderr)["error"]
        assert (3, "key-store") == (result.exit_code, said["code"]), command
        assert "restore the key store from its copy in the safe" == said["hint"], command
    assert not (home / "gateway.keys").exists()


def test_an_unknown_partner_card(homes: Homes) -> None:
    """A card under another identity key than the one pinned is a finding."""
    path = homes.home("XBB") / "isthmus.toml"
    values: Any = tomllib.loads(path.read_text())
    pinned = values["partners"]["XAA"]["identity"]
    path.write_text(path.read_text().replace(pinned, values["persons"][0]["key"]))
    assert "not by the identity key pinned" in findings(homes.home("XBB"))["partner"]


@pytest.mark.parametrize("waits", ["queued", "posted"])
def test_a_state_that_is_no_partner_any_more(homes: Homes, waits: str) -> None:
    """What is open with a State that was taken out of the configuration is a finding; nothing else is asked of it."""
    home, ref = homes.home("XAA"), approved(homes)
    desk(homes, "XAA", "first", "send", "--", ref)
    file = home / settings.FILE_NAME
    file.write_text(re.sub(r"(?m)^\[partners\.XBB\]\n(\w.*\n?)+", "", file.read_text()))
    with closing(sqlite3.connect(home / "data/gateway.db")) as db, db:
        db.execute("INSERT OR REPLACE INTO partner VALUES ('XBB', 0, NULL, 'another key', NULL, 1, 1)")
        db.execute("UPDATE outbound SET state = ?", (waits,))
    still = "XBB is no partner any more; cases that are open with it: 1, messages that wait for it: 1"
    alone = {"card": "'signer' signs second, and our card does not list that key", "config": "there is no partner"}
    assert {**alone, "partner": still} == findings(home)
    with closing(sqlite3.connect(home / "data/gateway.db")) as db, db:
        db.execute("UPDATE outbound SET state = 'undelivered'")
        db.execute("UPDATE case_file SET closed_at = 1")
    assert alone == findings(home)


def test_a_card_of_a_partner_that_is_missing(homes: Homes) -> None:
    """A newer card of a partner is not taken while one before it is not here, and a check says which one to ask for."""
    home, other = homes.home("XAA"), homes.home("XBB")
    value("keys", "card", "-C", other, "--address", "https://other.example")
    value("keys", "card", "-C", other, "--address", "https://another.example")
    shutil.copy(other / "cards/XBB/4.jws", home / "cards/XBB/4.jws")
    assert "the newest card of XBB that is here is not taken" in findings(home)["partner"]
    assert "every card after 2" in _hint(home, "not taken")
    shutil.copy(other / "cards/XBB/3.jws", home / "cards/XBB/3.jws")
    assert "partner" not in findings(home)


def test_cards_of_a_partner_that_cannot_be_read_hide_nothing_of_the_database(homes: Homes) -> None:
    """What is wrong with the cards here is said of the partner; that an older database was put back is said too."""
    home = homes.home("XAA")
    value("restore", "begin-epoch", "-C", home)
    (home / "stands.txt").unlink(missing_ok=True)
    _altered(home / "data/gateway.db", "UPDATE meta SET value = '1' WHERE name = 'epoch'")
    card = max((home / "cards/XBB").iterdir())
    row = "INSERT OR REPLACE INTO partner VALUES ('XBB', 0, NULL, NULL, ?, 1, 1)"
    with closing(sqlite3.connect(home / "data/gateway.db")) as db, db:
        db.execute(row, (card.read_bytes().strip(),))
    card.write_bytes(bytes(1 << 20))
    found = findings(home)
    assert "too large for a card" in found["partners"]
    assert "its epoch is 1, the card says otherwise" == found["database"]


def test_a_second_signer_whom_nobody_could_verify(homes: Homes) -> None:
    """A second signer whose key is not in our card is a finding that names the command."""
    assert "'signer' signs second" in findings(homes.home("XAA"))["card"]


def test_the_key_of_a_second_signer_that_ends_soon(homes: Homes) -> None:
    """A second signer whose key our card lists for some weeks more is a finding, and its command lists it longer."""
    home = homes.home("XBB")
    (key,) = (one["key"] for one in settings.load(home, {}).values["persons"] if one["id"] == "signer")
    with_role(home, b64.decode(key))
    assert "the key of 'signer' as second_signer ends on" in findings(home)["card"]
    value("keys", "card", "-C", home, "--add-role", f"second_signer={key}")
    assert {} == findings(home)


@pytest.mark.parametrize(("begin", "end"), [(-360, 30), (-390, -1)])
def test_the_signing_key_in_use_that_ends(homes: Homes, begin: int, end: int) -> None:
    """A new signing key that nobody activated ends no finding about the one in use, and is the next step of it."""
    home = homes.home("XBB")
    with_signing(home, begin, end)
    assert "isthmus keys rotate signing" == _hint(home, "signing key")
    value("keys", "rotate", "signing", "-C", home)
    assert "isthmus keys rotate signing --activate" in _hint(home, "signing key")
    value("keys", "rotate", "signing", "-C", home, "--activate")
    assert {} == findings(home)


def test_a_signing_key_in_use_that_is_revoked(homes: Homes) -> None:
    """As where an older copy of the key store was put back after a theft: another signing key alone would not do."""
    home = homes.home("XBB")
    (listed,) = own_card(settings.load(home, {})).signing
    value("keys", "revoke", "-C", home, "--", listed.kid)
    assert "put the newest copy of the key store back" in _hint(home, "revokes the signing key in use")
    assert "newest copy of the key store" in _not_served(home, "revokes the signing key in use")
    value("keys", "rotate", "signing", "-C", home)
    assert "--activate" in _hint(home, "revokes the signing key in use")
    value("keys", "rotate", "signing", "-C", home, "--activate")
    assert {} == findings(home)


def test_a_signing_key_in_use_that_no_card_lists(homes: Homes) -> None:
    """As where a key store of years ago was put back, or the configuration names another key of a device."""
    home = homes.home("XBB")
    store = open_store(f"file:{home / KEY_FILE}", passphrase=lambda: PHRASE, environ={})
    store.destroy(SIGNING)
    store.put(SIGNING, SigningKey.generate().seed)
    assert "isthmus keys rotate signing" == _hint(home, "does not list the signing key in use")
    assert "newest copy of the key store" in _not_served(home, "does not list the signing key in use")


def test_cards_that_are_older_than_the_database(homes: Homes) -> None:
    """As where begin-epoch was cut short, or the home of another machine is newer: nothing would leave, in silence."""
    home = homes.home("XBB")
    Path(value("restore", "begin-epoch", "-C", home)["card"]).unlink()
    assert "run it again" in _not_served(home, "epoch 2, and our newest card here is of epoch 1")
    shutil.rmtree(home / "cards/XBB")
    assert "from a partner" in _not_served(home, "no card of ours is here")


def _not_served(home: Path, why: str) -> str:
    """Return the hint with which ``home`` is not served, which is said before any door is open."""

    async def serve() -> str:
        gateway = await app.build(settings.load(home, {}), passphrase=lambda: PHRASE, run=run_inline, log=_silent)
        try:
            with pytest.raises((StoreError, KeyStoreError), match=why) as raised:
                await asyncio.wait_for(serving.serve(gateway), 30)
        finally:
            await gateway.close()
        return describe(raised.value).hint

    return asyncio.run(serve())


def _silent(event: str, **_: Any) -> None:
    """Log nothing."""


def test_a_key_store_that_is_not_there(homes: Homes) -> None:
    """As on a new machine before it came from the safe: nobody is led to make the keys that are in it."""
    home = homes.home("XBB")
    (home / KEY_FILE).unlink()
    items = json.loads(call("check", "-C", home, "--json").stdout)["items"]
    assert [("there is no key store, or nothing is in it", "restore the key store from its copy in the safe")] == [
        (one["text"], one["hint"]) for one in items if one["area"] == "keys"
    ]


def test_an_activation_that_was_cut_short(homes: Homes) -> None:
    """Where the old signing key is gone and the new one not in its place yet, a check says how to finish that."""
    home = homes.home("XBB")
    value("keys", "rotate", "signing", "-C", home)
    open_store(f"file:{home / KEY_FILE}", passphrase=lambda: PHRASE, environ={}).destroy(SIGNING)
    assert "isthmus keys rotate signing --activate" in _hint(home, "signing key")
    assert ["keys"] == list(findings(home))
    value("keys", "rotate", "signing", "-C", home, "--activate")
    assert {} == findings(home)


def _hint(home: Path, text: str) -> str:
    items = json.loads(call("check", "-C", home, "--json").stdout)["items"]
    (found,) = (item["hint"] for item in items if item["level"] == "finding" and text in item["text"])
    return str(found)


def test_a_partner_that_does_not_answer(homes: Homes) -> None:
    """If all that is wrong is a partner out of reach, ``--online`` exits 4."""
    done = spawn("check", "-C", homes.home("XBB"), "--online", "--json")
    assert 4 == done.returncode, done.stdout


async def test_a_knock_is_no_refusal_in_the_log_of_a_partner(homes: Homes) -> None:
    """Nothing is posted: what a door refuses stands in the log of its gateway as what somebody tried there."""
    told = list[str]()

    def log(event: str, **_: Any) -> None:
        told.append(event)

    asked = await app.build(settings.load(homes.home("XAA"), {}), passphrase=lambda: PHRASE, run=run_inline, log=log)
    runner = await listen(peer_app(asked.receiver, asked.deliverer, log=log), "127.0.0.1", 0)
    address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    told.clear()
    async with HttpPeers(lambda country: cast(Card, SimpleNamespace(addresses=(address,), spki=()))) as peers:
        look = Look(settings.load(homes.home("XBB"), {}), lambda: PHRASE, datetime.now(UTC))
        items = await reach(look, peers)
    await runner.cleanup()
    await asked.close()
    assert (["XAA answers (HTTP 405)"], []) == ([item.text for item in items], told)


PROVIDER = """
[desks.openid]
issuer = "{}"
client_id = "isthmus"
client_secret = "env:SIGN_ON"
claim = "sub"
"""


async def test_a_sign_on_is_asked_before_anybody_stands_at_a_desk(
    homes: Homes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a partner: a look that reaches out tells whether anybody could sign in by it, and says what to do."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    home, now = homes.home("XAA"), datetime.now(UTC)
    written = (home / settings.FILE_NAME).read_text()

    async def asked(issuer: str) -> list[tuple[str, str]]:
        (home / settings.FILE_NAME).write_text(written + DESKS + PROVIDER.format(issuer))
        items = await reach(Look(settings.load(home, {}), lambda: PHRASE, now))
        return [(item.level, item.text) for item in items if "sign-on" in item.text]

    async with provider(now) as there:
        monkeypatch.setenv("SIGN_ON", SECRET)
        assert [("ok", "the sign-on answers, and takes our client and secret")] == await asked(there.issuer)
        monkeypatch.setenv("SIGN_ON", "one that has ended")
        ((level, text),) = await asked(there.issuer)
    assert ("finding", "our client and secret") == (level, text[-21:])
    assert [("finding", "nobody signs in by the sign-on: the sign-on cannot be reached")] == await asked(there.issuer)


def test_a_port_that_is_taken(homes: Homes) -> None:
    """A listener whose port is taken exits 3 with the next step."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = spawn("serve", "-C", homes.home("XAA"), ISTHMUS_LISTENERS__PEERS__PORT=port)
    assert 3 == done.returncode
    assert "hint: choose another port" in done.stderr


def _doors_of(home: Path, port: int) -> list[str]:
    """Return what a check finds of the doors of ``home``, whose first one is at ``port``."""
    result = call("check", "-C", home, "--json", ISTHMUS_LISTENERS__PEERS__PORT=str(port))
    return [item["text"] for item in json.loads(result.stdout)["items"] if item["area"] == "doors"]


def test_a_port_that_another_program_has_is_found(homes: Homes) -> None:
    """A gateway that could not start is found before it is started; one that runs has its port itself."""
    home, port = homes.home("XAA"), free_port()
    with socket.create_server(("127.0.0.1", port)):
        assert [f"/listeners/peers: another program listens at 127.0.0.1:{port}"] == _doors_of(home, port)
        with alone(settings.load(home, {})):
            assert [] == _doors_of(home, port)
    assert [] == _doors_of(home, port)


def test_a_port_for_monitoring_that_is_taken_is_found(homes: Homes) -> None:
    """The door of monitoring is on loopback unless its address is named, and is looked at as any other."""
    home = homes.home("XAA")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (home / "isthmus.toml").open("a") as file:
            file.write(f"\n[listeners.metrics]\nport = {port}\n")
        assert [f"/listeners/metrics: another program listens at 127.0.0.1:{port}"] == _doors_of(home, free_port())


@pytest.mark.parametrize(
    ("peers", "metrics", "clash"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("localhost", "127.0.0.1", True),
        ("0.0.0.0", "127.0.0.1", sys.platform == "linux"),  # noqa: S104
        ("127.0.0.1", "0.0.0.0", sys.platform == "linux"),  # noqa: S104
        ("0.0.0.0", "::", False),  # noqa: S104
        ("127.0.0.1", "::1", False),
    ],
)
def test_two_doors_at_one_address_are_found_as_a_start_finds_them(
    homes: Homes, peers: str, metrics: str, clash: bool
) -> None:
    """The same words from a check and from a start, and only where the system lets nobody listen at both."""
    home, port = homes.home("XAA"), str(free_port())
    path = home / "isthmus.toml"
    path.write_text(path.read_text().replace('host = "127.0.0.1"', f'host = "{peers}"'))
    with path.open("a") as file:
        file.write(f'\n[listeners.metrics]\nhost = "{metrics}"\nport = {port}\n')
    said = [f"/listeners/metrics: {metrics}:{port} is that of 'peers' too"] if clash else []
    assert said == [text for text in _doors_of(home, int(port)) if "too" in text]
    if clash:
        done = spawn("serve", "-C", home, ISTHMUS_LISTENERS__PEERS__PORT=port)
        expected = (f"{said[0]}; take another port", "isthmus check looks at every door")
        assert (3, [True, True]) == (done.returncode, [words in done.stderr for words in expected])


def test_looking_at_a_port_hinders_nobody(homes: Homes) -> None:
    """A gateway that starts while a check looks gets its port, and the lock of the home is not made for the check."""
    home, lock = homes.home("XAA"), homes.home("XAA") / "data" / LOCK_FILE
    lock.unlink(missing_ok=True)
    with socket.socket() as looking:
        looking.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        looking.bind(("127.0.0.1", 0))
        port = looking.getsockname()[1]
        with socket.create_server(("127.0.0.1", port)):
            assert 1 == len(_doors_of(home, port))
    assert not lock.exists()


def test_an_address_of_another_machine_is_found(homes: Homes) -> None:
    """Where no door can be opened at all, the door is named; a port of nobody in particular is always there."""
    home = homes.home("XAA")
    path = home / "isthmus.toml"
    path.write_text(path.read_text().replace('host = "127.0.0.1"', 'host = "192.0.2.1"'))
    assert [f"/listeners/peers: 192.0.2.1:{port} is no address of this machine" for port in (8443, 0)] == [
        *_doors_of(home, 8443),
        *_doors_of(home, 0),
    ]


NOTICES = """
[notices.smtp]
host = "mail.example"
port = 587
from = "a@example.org"
recipients.interior = ["b@example.org"]
ca = "mail.pem"

[notices.webhook]
url = "https://desk.example/hooks"
secret = "file:hook.secret"
"""
STAMPS = """
[transparency.timestamp]
url = "https://tsa.example/"
roots = "tsa.pem"
"""
SIGN_ON = """
[desks.openid]
issuer = "https://sign-on.example"
client_id = "desk"
client_secret = "env:NOT_THERE"
claim = "sub"
"""


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (DESKS + 'emblem = "none.svg"\n', ["/desks/emblem: {home}/none.svg cannot be read: No such file or directory"]),
        (DESKS + 'emblem = "isthmus.toml"\n', ["/desks/emblem: {home}/isthmus.toml is no SVG of at most 64 KiB"]),
        (DESKS + SIGN_ON, ["/desks/openid/client_secret: the variable NOT_THERE is not set"]),
        (
            NOTICES,
            [
                "/notices/smtp/ca: {home}/mail.pem cannot be read: No such file or directory",
                "/notices/webhook/secret: {home}/hook.secret cannot be read",
            ],
        ),
        (
            NOTICES.replace("mail.pem", "isthmus.toml").replace("file:hook.secret", "env:NOT_THERE"),
            [
                "/notices/smtp/ca: {home}/isthmus.toml holds no certificate",
                "/notices/webhook/secret: the variable NOT_THERE is not set",
            ],
        ),
        (STAMPS, ["/transparency/timestamp/roots: {home}/tsa.pem cannot be read: No such file or directory"]),
        (
            STAMPS.replace("tsa.pem", "isthmus.toml"),
            ["/transparency/timestamp/roots: {home}/isthmus.toml holds no certificate"],
        ),
    ],
    ids=["emblem", "no emblem", "sign-on", "notices", "no authorities", "time-stamps", "no roots"],
)
def test_a_file_that_the_configuration_names_is_found_missing(homes: Homes, more: str, said: list[str]) -> None:
    """What keeps a gateway from starting, or from what it is configured to do, is named with its place and file."""
    home = homes.home("XBB")
    for end in ("crt", "key"):
        shutil.copy(home / f"tls.{end}", home / f"desks.{end}")
    with (home / "isthmus.toml").open("a") as file:
        file.write(more)
    items = json.loads(call("check", "-C", home, "--json").stdout)["items"]
    found = [item["text"] for item in items if (item["area"], item["level"]) == ("config", "finding")]
    assert [True] * len(said) == [text.startswith(one.format(home=home)) for text, one in zip(found, said, strict=True)]
    assert all(item["hint"] for item in items if item["level"] == "finding")


def test_a_stolen_key_is_not_asked_for_again(homes: Homes) -> None:
    """Once the key of a role is revoked, the next step is another key, and not to list that one in the card."""
    home = homes.home("XBB")
    kid = next(key.kid for key in own_card(settings.load(home, {})).roles)
    value("keys", "revoke", "-C", home, "--since", "2026-11-20T00:00:00Z", "--", kid)
    items = json.loads(call("check", "-C", home, "--json").stdout)["items"]
    (found,) = (item for item in items if item["level"] == "finding")
    assert ("card", True) == (found["area"], "is revoked" in found["text"])
    assert (True, False) == (found["hint"].startswith("isthmus keys new"), "=" in found["hint"])
