"""Signing keys inside a device, tried against SoftHSM."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from keys import b64, card, device, sign
from keys.errors import BadStore, NoSuchKey, StoreError, WrongPassphrase
from tests.support.device import PIN, address, token

Claims = dict[str, Any]


@pytest.fixture
def fresh() -> None:
    """Log this process out of the device, so that the next PIN counts."""
    import pkcs11

    pkcs11.lib(token()[0]).reinitialize()


def test_key_is_made_inside_and_signs() -> None:
    """What the device signs verifies like any other signature, and opening the key again finds the same one."""
    made = device.make_key(address("made"), environ={})
    again = device.open_device(address("made"), environ={})
    signature = again.sign(b"words")
    sign.verify(made.public, signature, b"words")
    assert (made.public, made.kid, 64) == (again.public, again.kid, len(signature))
    assert "made" not in repr(made)


@pytest.mark.usefixtures("fresh")
def test_private_half_does_not_leave() -> None:
    """The device itself refuses to give the private value away."""
    import pkcs11

    module, _ = token()
    device.make_key(address("inside"), environ={})
    pkcs11.lib(module).reinitialize()
    with pkcs11.lib(module).get_token(token_label="isthmus").open(user_pin=PIN) as session:
        (key,) = session.get_objects(
            {pkcs11.Attribute.LABEL: "inside", pkcs11.Attribute.CLASS: pkcs11.ObjectClass.PRIVATE_KEY}
        )
        assert (False, True) == (key[pkcs11.Attribute.EXTRACTABLE], key[pkcs11.Attribute.SENSITIVE])
        with pytest.raises(pkcs11.exceptions.PKCS11Error):
            key.__getitem__(pkcs11.Attribute.VALUE)


def test_label_is_never_taken_twice() -> None:
    """A key that is there is not written over."""
    first = device.make_key(address("once"), environ={})
    with pytest.raises(BadStore, match="already holds"):
        device.make_key(address("once"), environ={})
    assert first.kid == device.open_device(address("once"), environ={}).kid


def brought_in(label: str, private: dict[Any, bool]) -> None:
    """Have another program make a key under ``label``, whatever is there."""
    import pkcs11

    module, _ = token()
    with pkcs11.lib(module).get_token(token_label="isthmus").open(user_pin=PIN, rw=True) as session:
        parameters = session.create_domain_parameters(
            pkcs11.KeyType.EC_EDWARDS,
            {pkcs11.Attribute.EC_PARAMS: bytes.fromhex("130c656477617264733235353139")},
            local=True,
        )
        parameters.generate_keypair(
            mechanism=pkcs11.Mechanism.EC_EDWARDS_KEY_PAIR_GEN, store=True, label=label, private_template=private
        )


@pytest.mark.usefixtures("fresh")
def test_of_two_keys_of_one_label_neither_is_used() -> None:
    """Which of them signs would be the device's choice, and another one at each start."""
    import pkcs11

    for _ in range(2):
        brought_in("twice", {pkcs11.Attribute.EXTRACTABLE: False, pkcs11.Attribute.SENSITIVE: True})
    with pytest.raises(BadStore, match="more than one key"):
        device.open_device(address("twice"), environ={})


@pytest.mark.usefixtures("fresh")
def test_a_key_that_does_not_sign_for_its_public_half_is_not_used() -> None:
    """A card that listed it would be believed by nobody, and what it signs neither."""
    import pkcs11

    for label in ("half", "other half"):
        device.make_key(address(label.replace(" ", "%20")), environ={})
    wanted = {pkcs11.Attribute.CLASS: pkcs11.ObjectClass.PUBLIC_KEY}
    with pkcs11.lib(token()[0]).get_token(token_label="isthmus").open(rw=True) as session:
        for one in list(session.get_objects({**wanted, pkcs11.Attribute.LABEL: "half"})):
            one.destroy()
        (other,) = session.get_objects({**wanted, pkcs11.Attribute.LABEL: "other half"})
        other[pkcs11.Attribute.LABEL] = "half"
    with pytest.raises(BadStore, match="no usable"):
        device.open_device(address("half"), environ={})


@pytest.mark.usefixtures("fresh")
def test_key_that_can_be_read_out_is_not_used() -> None:
    """A key imported or made extractable is refused: it may lie elsewhere too."""
    import pkcs11

    brought_in("loose", {pkcs11.Attribute.EXTRACTABLE: True, pkcs11.Attribute.SENSITIVE: False})
    with pytest.raises(BadStore, match="can be read out"):
        device.open_device(address("loose"), environ={})


def test_identity_key_in_a_device_signs_a_card(claims: Claims) -> None:
    """A card signed inside a device verifies under its identity key as any other."""
    made = device.make_key(address("identity"), environ={})
    raw = card.sign_card({**claims, "identity": b64.encode(made.public)}, made)
    assert made.public == card.verify_card(raw, made.public).identity


def test_pin_comes_from_where_the_address_says(tmp_path: Path) -> None:
    """A variable, a credential of systemd, or a person, each in its turn."""
    device.make_key(address("pin"), environ={})
    (tmp_path / "pin").write_text(PIN)
    (tmp_path / "pin").chmod(0o400)
    by_variable = device.open_device(address("pin", pin_source="env:PIN"), environ={"PIN": PIN})
    credentials = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    by_credential = device.open_device(address("pin", pin_source="credential:pin"), environ=credentials)
    by_person = device.open_device(address("pin", pin_source=""), pin=lambda: PIN, environ={})
    assert by_variable.kid == by_credential.kid == by_person.kid


def test_pin_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    """The PIN is as private as a key store."""
    device.make_key(address("others"), environ={})
    (tmp_path / "pin").write_text(PIN)
    (tmp_path / "pin").chmod(0o644)
    with pytest.raises(BadStore, match="owner alone"):
        device.open_device(address("others", pin_source=f"file:{tmp_path / 'pin'}"), environ={})


FAULTS: dict[str, tuple[dict[str, str], type[StoreError], str]] = {
    "wrong PIN": ({"pin_source": "env:WRONG"}, WrongPassphrase, "PIN does not open"),
    "no PIN": ({"pin_source": ""}, BadStore, "needs its PIN"),
    "no variable": ({"pin_source": "env:ABSENT"}, BadStore, "no variable"),
    "no module": ({"module_path": "/nowhere/module.so"}, BadStore, "module cannot be used"),
    "not a module": ({"module_path": "/etc/passwd"}, BadStore, "module cannot be used"),
}


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("name", FAULTS)
def test_fault_is_said_in_one_line(name: str) -> None:
    """Whatever the library raises becomes one line and a next step, without the PIN."""
    options, kind, text = FAULTS[name]
    with pytest.raises(kind, match=text) as caught:
        device.open_device(address("fault", **options), environ={"WRONG": "999999"})
    assert caught.value.hint
    assert not {PIN, "999999"} & set(f"{caught.value} {caught.value.hint}".split())


def away() -> None:
    """Have the device forget every session of this process, as one does that was unplugged or started anew."""
    import pkcs11

    pkcs11.lib(token()[0]).reinitialize()


def test_device_that_was_away_signs_again() -> None:
    """Nobody has to start the gateway anew, which would take in nothing until then."""
    device.make_key(address("away"), environ={})
    asked = list[bool]()

    def pin() -> str:
        asked.append(True)
        return PIN

    held = device.open_device(address("away", pin_source=""), pin=pin, environ={})
    for _ in range(2):
        away()
        for _ in range(2):
            sign.verify(held.public, held.sign(b"words"), b"words")
    assert 3 == len(asked), "and goes on in the session it then has"


def test_a_module_that_was_begun_without_its_device_is_begun_anew() -> None:
    """Some look once for the devices that are there; nobody has to start the gateway for that either."""
    device.make_key(address("late"), environ={})
    held, other = [device.open_device(address("late"), environ={}) for _ in range(2)]
    there = token()[1].with_name("tokens")
    there.rename(there.with_name("elsewhere"))
    try:
        there.mkdir()
        away()
        with pytest.raises(BadStore, match="no device"):
            held.sign(b"words")
        there.rmdir()
    finally:
        there.with_name("elsewhere").rename(there)
    for one in (held, other, held):
        sign.verify(held.public, one.sign(b"words"), b"words")


def test_another_key_under_the_label_signs_nothing_for_this_one() -> None:
    """Where another was made under its label while the device was away, a partner would believe no receipt by that."""
    import pkcs11

    device.make_key(address("replaced"), environ={})
    held = device.open_device(address("replaced"), environ={})
    away()
    with pkcs11.lib(token()[0]).get_token(token_label="isthmus").open(rw=True, user_pin=PIN) as session:
        for one in list(session.get_objects({pkcs11.Attribute.LABEL: "replaced"})):
            one.destroy()
    device.make_key(address("replaced"), environ={})
    away()
    for _ in range(2):
        with pytest.raises(BadStore, match="another key"):
            held.sign(b"words")


def test_a_pin_that_does_not_open_it_any_more_is_tried_once() -> None:
    """Too many wrong ones lock a device for everybody; who starts the gateway again has seen to it that it is right."""
    device.make_key(address("changed"), environ={})
    pins, asked = [PIN, "999999", PIN], list[str]()

    def pin() -> str:
        asked.append(pins[len(asked)])
        return asked[-1]

    away()
    held = device.open_device(address("changed", pin_source=""), pin=pin, environ={})
    away()
    with pytest.raises(WrongPassphrase, match="does not open"):
        held.sign(b"words")
    with pytest.raises(StoreError):
        held.sign(b"words")
    assert [PIN, "999999"] == asked


def test_absent_token_and_key_are_told_apart() -> None:
    """A device that is not plugged in is another fault than a key that is not in it."""
    with pytest.raises(NoSuchKey):
        device.open_device(address("absent"), environ={})
    with pytest.raises(BadStore, match="no device"):
        device.open_device(address("absent").replace("token=isthmus", "token=other"), environ={})


@pytest.mark.parametrize(
    "uri",
    [
        "pkcs11:",
        "pkcs11:token=a",
        "pkcs11:token=a;object=b",
        "pkcs11:token=a;object=b?module-path=relative.so",
        "pkcs11:token=a;object=b;object=c?module-path=/m.so",
        "pkcs11:token=a;object=b;id=%01?module-path=/m.so",
        "pkcs11:token=a;object=b?module-path=/m.so&pin-value=1234",
        "pkcs11:token=;object=b?module-path=/m.so",
        "pkcs11:token=a;object=b?module-path=/m.so&pin-source=file:/p&pin-source=env:PIN",
        "file:token=a;object=b?module-path=/m.so",
    ],
)
def test_other_addresses(uri: str) -> None:
    """An address with anything else in it is refused, above all one with the PIN itself."""
    with pytest.raises(BadStore, match="not the address"):
        device.parse_uri(uri)


def test_labels_with_escapes() -> None:
    """Labels are written as in a URI."""
    assert "a b;c" == device.parse_uri("pkcs11:token=t;object=a%20b%3Bc?module-path=/m.so").object


def test_a_plus_in_a_path_is_a_plus() -> None:
    """An address is no form of a web page, in which it would stand for a blank (RFC 7512)."""
    found = device.parse_uri("pkcs11:token=t;object=o?module-path=/opt/c++/m.so&pin-source=file:/p+q")
    assert ("/opt/c++/m.so", "file:/p+q") == (found.module, found.pin_source)


def test_without_the_extra_it_is_said() -> None:
    """A gateway without the library names the extra, and never starts without its key."""
    script = (
        "import sys; sys.modules['pkcs11'] = None\n"
        "from keys import device\nfrom keys.errors import BadStore\n"
        "try: device.open_device('pkcs11:token=t;object=o?module-path=/m.so', environ={})\n"
        "except BadStore as error: print(error, error.hint)\n"
    )
    root = Path(device.__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=False)
    assert "keys in devices need the extra 'pkcs11'" in done.stdout, done.stderr
