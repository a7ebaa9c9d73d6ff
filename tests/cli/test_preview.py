"""``isthmus preview``."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.system import SystemClock
from tests.cli.support import Homes, call, draft, spawn, value


def test_the_example_is_valid_and_may_be_sent(tmp_path: Path) -> None:
    """``--example`` prints a draft that previews without a finding, and each element is named with its rule."""
    file = tmp_path / "draft.json"
    file.write_text(spawn("preview", "--example").stdout)
    done = spawn("preview", file, "--json")
    assert 0 == done.returncode, done.stderr
    made = json.loads(done.stdout)
    assert {"type", "digest", "body", "sent", "withheld", "forbidden", "findings"} == set(made)
    assert {"MIN-2", "MIN-4"} == {line["rule"] for line in made["withheld"]}
    assert {"MIN-1", "MIN-3"} == {line["rule"] for line in made["forbidden"]}
    assert set(draft()["national"]) <= {line["element"] for line in made["forbidden"]}
    assert {line["member"] for line in made["sent"]} == set(json.loads(made["body"])["elements"])


@pytest.mark.parametrize("state", ["indicated", "requested", "pending", "granted", "refused", "withdrawn", "unknown"])
def test_any_other_protection_state_is_refused(state: str) -> None:
    """With any state but an attested ``none`` the preview exits 5 and names R-01."""
    changed = draft(asylum={**draft()["asylum"], "state": state})
    result = call("preview", "-", "--json", input=json.dumps(changed))
    assert (5, ["R-01"]) == (result.exit_code, [one["rule"] for one in json.loads(result.stdout)["findings"]])
    assert "rule-refused" == json.loads(result.stderr)["error"]["code"]


def test_none_that_nobody_attested_is_refused() -> None:
    """``none`` without who attested it exits 5."""
    changed = draft(asylum={**draft()["asylum"], "attested_by": None})
    assert 5 == call("preview", "-", input=json.dumps(changed)).exit_code


def test_what_is_no_draft_lists_its_problems() -> None:
    """A file that does not fit the schema exits 2 with every place, quoting no value."""
    result = call("preview", "-", "--json", input=json.dumps(draft(to="Xbb", purpose="CURIOSITY")))
    problems = json.loads(result.stderr)["error"]["problems"]
    assert (2, "") == (result.exit_code, result.stdout)
    assert ["/purpose", "/to"] == sorted(line.partition(":")[0] for line in problems)
    assert "CURIOSITY" not in result.stderr


@pytest.mark.parametrize("text", ["", "{", "[]", '{"to":1,"to":2}', "\ufeff{}"])
def test_what_is_no_json_is_told(text: str) -> None:
    """What is not strict JSON exits 2 with one line."""
    result = call("preview", "-", input=text)
    assert (2, True) == (result.exit_code, result.stderr.startswith("error: the input is not strict JSON"))


def test_without_a_file_it_says_what_to_name() -> None:
    """Neither FILE nor ``--example`` is a usage error."""
    assert 2 == call("preview").exit_code


def test_a_question_lets_only_its_elements_leave() -> None:
    """``--asked`` previews the answer to a question: what was sent before stays."""
    made = value("preview", "-", "--asked", "SEX", input=json.dumps(draft()))
    assert ["sex"] == [line["member"] for line in made["sent"]]


def test_a_home_names_its_authority_and_partners(homes: Homes) -> None:
    """With ``-C`` the body names the home's authority, and a State that is no partner is refused."""
    home = homes.home("XAA")
    made = value("preview", "-", "-C", home, input=json.dumps(draft()))
    assert "XAA-ID-01" == json.loads(made["body"])["authority"]["id"]
    assert 5 == call("preview", "-", "-C", home, input=json.dumps(draft(to="XCC"))).exit_code


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_days_are_those_of_the_home(homes: Homes, monkeypatch: pytest.MonkeyPatch, zone: str) -> None:
    """With ``-C`` a day begins where the record is kept: what is attested of tomorrow counts for nothing."""
    home = homes.home("XAA")
    config = home / "isthmus.toml"
    config.write_text(config.read_text().replace('"Europe/Vienna"', f'"{zone}"'))
    now = datetime.now(UTC)
    monkeypatch.setattr(SystemClock, "now", lambda self: now)  # no day ends there while this is looked at
    today = now.astimezone(ZoneInfo(zone)).date()
    for day, code in ((today, 0), (today + timedelta(days=1), 5)):
        changed = draft(asylum={**draft()["asylum"], "attested_on": day.isoformat()})
        assert code == call("preview", "-", "-C", home, input=json.dumps(changed)).exit_code


def test_the_table_is_for_people() -> None:
    """Without ``--json`` a table says of each field what is in the file, what they receive and why."""
    result = call("preview", "-", input=json.dumps(draft()))
    groups = [line for line in result.stdout.splitlines() if line in ("They receive", "Stays for now", "Never leaves")]
    assert ["They receive", "Stays for now", "Never leaves"] == groups
    never = result.stdout.partition("Never leaves")[2].partition("The message:")[0]
    assert len(draft()["national"]) <= never.count(" nothing ")
    assert "MIN-3: a shelter's name or place endangers everyone in it" in never
    assert "No rule forbids sending this.\n" == result.stderr


def test_what_they_receive_is_read_from_the_body() -> None:
    """A field that leaves shows the body's value beside the file's; one that stays shows nothing."""
    shown = call("preview", "-", input=json.dumps(draft(remark={"language": "en", "text": "Thank you."}))).stdout
    names = next(line for line in shown.splitlines() if line.strip().startswith("Names"))
    assert 2 == names.count("Иванова")
    remark = next(line for line in shown.splitlines() if "REM-3" in line)
    assert "Thank you." in remark
    assert " nothing " in remark
