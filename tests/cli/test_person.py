"""``isthmus person``: a key made in the gateway's store, and a link for a desk."""

import asyncio
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from gateway import settings
from gateway.cli import toml_file
from gateway.cli.errors import CommandError
from gateway.cli.person import _configure_held
from gateway.cli.running import alone
from gateway.services.account_store import hashed
from gateway.storage.sqlite_desks import SqliteDesks
from gateway.web.signin.hand import key_name
from keys import b64
from keys.custody import open_store
from keys.sign import SigningKey
from tests.cli.support import ENVIRON, PHRASE, ROOT, Homes, call, value


def test_key_of_a_person_is_made_in_the_store(homes: Homes) -> None:
    """``--held`` writes the public half into the configuration and the private one into the key store."""
    home = homes.home("XAA")
    value("person", "add", "new.officer", "-C", home, "--role", "case_officer", "--held")
    chosen = settings.load(home, {})
    (person,) = [one for one in chosen.values["persons"] if one["id"] == "new.officer"]
    store = open_store(chosen.custody, passphrase=lambda: PHRASE, environ={})
    assert person["key"] == b64.encode(SigningKey(store.get(key_name("new.officer"))).public)


@pytest.mark.parametrize("verb", [("person", "add", "new", "--role", "case_officer", "--held"), ("keys", "export")])
def test_where_the_key_store_is_gone_none_is_begun(homes: Homes, verb: tuple[str, ...]) -> None:
    """One key in a new store would be gone once the copy is put back, and nothing is no copy of every key."""
    home = homes.home("XAA")
    (home / "gateway.keys").unlink()
    result = call(*verb, "-C", home)
    assert (3, True, "") == (result.exit_code, "from its copy in the safe" in result.stderr, result.stdout)
    assert not (home / "gateway.keys").exists()


@pytest.mark.parametrize("options", [(), ("--held", "--key", "A" * 43)], ids=["neither", "both"])
def test_key_is_given_or_made(homes: Homes, options: tuple[str, ...]) -> None:
    """One of the two, and not both."""
    done = call("person", "add", "x", "-C", homes.home("XAA"), "--role", "operator", *options)
    assert 2 == done.exit_code


def test_person_that_cannot_be_added_leaves_no_key(homes: Homes) -> None:
    """Where the configuration is refused the key is destroyed again."""
    home = homes.home("XAA")
    roles = ("--role", "foreign_affairs", "--role", "case_officer")
    assert 0 != call("person", "add", "x", "-C", home, *roles, "--held").exit_code
    store = open_store(settings.load(home, {}).custody, passphrase=lambda: PHRASE, environ={})
    assert key_name("x") not in store.names()


def test_key_of_a_person_stays_where_the_answer_cannot_be_printed(homes: Homes) -> None:
    """Once the person stands in the configuration their key is kept, whatever happens after that."""
    home = homes.home("XAA")
    command = [sys.executable, "-m", "gateway.cli.main", "person", "add", "x", "-C", str(home), "--role", "operator"]
    with open("/dev/full", "w") as full:
        environ = {**os.environ, **ENVIRON}
        done = subprocess.run([*command, "--held"], cwd=ROOT, env=environ, stdout=full, stderr=subprocess.DEVNULL)
    chosen = settings.load(home, {})
    store = open_store(chosen.custody, passphrase=lambda: PHRASE, environ={})
    (person,) = [one for one in chosen.values["persons"] if one["id"] == "x"]
    assert (75, person["key"]) == (done.returncode, b64.encode(SigningKey(store.get(key_name("x"))).public))


def test_key_of_nobody_is_replaced(homes: Homes) -> None:
    """A key of a person who is not in the configuration, by a crash or after a theft, is destroyed for the new one."""
    home = homes.home("XAA")
    store = open_store(settings.load(home, {}).custody, passphrase=lambda: PHRASE, environ={})
    left = SigningKey.generate()
    store.put(key_name("x"), left.seed)
    value("person", "add", "x", "-C", home, "--role", "operator", "--held")
    assert left.seed != store.get(key_name("x"))
    assert b64.encode(SigningKey(store.get(key_name("x"))).public) in (home / settings.FILE_NAME).read_text()


def test_a_person_whom_another_command_added_meanwhile_keeps_their_key(homes: Homes) -> None:
    """Who typed the passphrase longer replaces no key that the configuration lists by then."""
    home = homes.home("XAA")
    value("person", "add", "x", "-C", home, "--role", "operator", "--held")
    store = open_store(settings.load(home, {}).custody, passphrase=lambda: PHRASE, environ={})
    before = store.get(key_name("x"))
    with pytest.raises((CommandError, settings.BadConfiguration)):
        _configure_held(home, "x", ("operator",), store, False)
    assert before == store.get(key_name("x"))


def test_two_persons_are_added_at_once(homes: Homes) -> None:
    """Of two commands that add to the configuration at the same time neither loses what the other wrote."""
    home = homes.home("XAA")

    def add(id: str) -> None:
        key = b64.encode(SigningKey.generate().public)
        toml_file.append(
            home, toml_file.table_text("persons", {"id": id, "roles": ["operator"], "key": key}, of_many=True)
        )

    with ThreadPoolExecutor(4) as many:
        list(many.map(add, wanted := [f"p{number}" for number in range(12)]))
    assert set(wanted) <= {one["id"] for one in settings.load(home, {}).values["persons"]}


def test_link_is_made_while_a_gateway_runs(homes: Homes) -> None:
    """It asks for no passphrase, and the running gateway finds it in the file."""
    home = homes.home("XAA")
    chosen = settings.load(home, {})
    with alone(chosen):
        made = value("person", "invite", "first", "-C", home, "--desk", "interior", "--hours", "2")

    async def find() -> object:
        store = await SqliteDesks.open(chosen.accounts, datetime.now(UTC))
        try:
            return await store.find_link(hashed(made["link"].rpartition("/")[2]))
        finally:
            await store.close()

    link = asyncio.run(find())
    assert ("first", "interior", "enrol") == (link.person, link.desk, link.purpose)
    assert 2 * 3600 == (link.until - link.made_at).total_seconds()


@pytest.mark.parametrize(("id", "desk"), [("nobody", "interior"), ("first", "board")])
def test_link_is_for_who_may_enter(homes: Homes, id: str, desk: str) -> None:
    """There is none for a stranger, nor for a desk at which the person has no role."""
    done = call("person", "invite", id, "-C", homes.home("XAA"), "--desk", desk)
    assert (2, True) == (done.exit_code, "no access" in done.stderr)
    assert "where the person is there already, put a role of that desk into isthmus.toml" in done.stderr


def test_a_token_that_outlasts_shutting_out_is_named(homes: Homes) -> None:
    """Who takes away the ways of signing in learns that the person has a token of the local API, if they have one."""
    home, key = homes.home("XAA"), b64.encode(SigningKey.generate().public)
    for options, told in (((), False), (("--token",), True)):
        id = "with" if told else "without"
        call("person", "add", id, "-C", home, "--role", "operator", "--key", key, *options)
        key = b64.encode(SigningKey.generate().public)
        assert told == ("token_sha256" in call("person", "shut-out", id, "-C", home).stderr)


def test_who_lost_a_key_is_shut_out_while_a_gateway_runs(homes: Homes) -> None:
    """It asks for no passphrase; a link that was made before opens nothing, and a wrong id is told."""
    home = homes.home("XAA")
    chosen = settings.load(home, {})
    with alone(chosen):
        made = value("person", "invite", "first", "-C", home, "--desk", "interior")
        assert {"id": "first", "means": 0, "sessions": 0} == value("person", "shut-out", "first", "-C", home)
        assert "check the id" in call("person", "shut-out", "frist", "-C", home).stderr

    async def find() -> object:
        store = await SqliteDesks.open(chosen.accounts, datetime.now(UTC))
        try:
            return await store.find_link(hashed(made["link"].rpartition("/")[2]))
        finally:
            await store.close()

    assert asyncio.run(find()) is None
