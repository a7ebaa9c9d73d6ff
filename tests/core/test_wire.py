"""Payloads, receipts and answers."""

import json
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.codes import Reason
from gateway.core.wire import (
    ANSWER_UNIT_BYTES,
    MEMBERS,
    Answer,
    BadAnswer,
    BadPayload,
    BadReceipt,
    ClockClaim,
    Receipt,
    format_instant,
    pad_answer,
    parse_answer,
    parse_payload,
    parse_receipt,
    parse_stored_answer,
    payload_digest,
    serialize_answer,
    serialize_payload,
    serialize_receipt,
    times_findings,
    without_padding,
)
from schemas import is_valid
from schemas.ijson import BadJson
from tests.support.rows import for_each

NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
DIGEST = "A" * 43
STATEMENT = "a" * 40 + "." + "b" * 60 + "." + "c" * 85 + "A"

FIELDS: dict[str, Any] = {
    "type": "verification.request",
    "id": "A" * 22,
    "sender": "XAA",
    "recipient": "XBB",
    "thread": "B" * 21 + "A",
    "epoch": 1,
    "seq": 1,
    "prev": None,
    "issued_at": NOW,
    "expires_at": NOW + timedelta(days=14),
    "in_reply_to": None,
    "clock": ClockClaim("reply", "XBB-2026-27", "1"),
    "statements": (),
    "body": b'{"a":1}',
}
CHANNEL: dict[str, Any] = {"thread": None, "seq": None, "clock": None}


def _raw(**changes: Any) -> bytes:
    return serialize_payload(**{**FIELDS, **changes})


def _edited(**changes: Any) -> bytes:
    """Return a payload with members changed as JSON, unchecked."""
    value = json.loads(_raw())
    return json.dumps({**value, **changes}, separators=(",", ":")).encode()


def test_payload_round_trip() -> None:
    """What was serialized is found again, with the digest of the exact bytes."""
    raw = _raw(prev=DIGEST, in_reply_to=DIGEST, statements=(STATEMENT, STATEMENT))
    found = parse_payload(raw)
    for name in ("type", "id", "sender", "recipient", "thread", "epoch", "seq", "issued_at", "expires_at", "clock"):
        assert FIELDS[name] == getattr(found, name)
    assert (DIGEST, DIGEST, (STATEMENT, STATEMENT)) == (found.prev, found.in_reply_to, found.statements)
    assert ({"a": 1}, payload_digest(raw)) == (found.body, found.digest)


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**53) + 1, 2**53 - 1)
        | st.text(st.characters(exclude_categories=["C"])),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('abc,":{}', max_size=8), inner, max_size=3),
        max_leaves=8,
    ),
    st.sampled_from([None, 1]),
)
def test_body_bytes_are_a_slice(value: Any, indent: int | None) -> None:
    """Whatever the body, its bytes come out as they went in."""
    body = json.dumps({"x": value}, indent=indent, ensure_ascii=False).encode()
    found = parse_payload(_raw(body=body))
    assert body == found.body_bytes
    assert ({"x": value}, payload_digest(body)) == (found.body, found.body_digest)


def test_members_match_the_schema() -> None:
    """The order here and the schema of the payload name the same members."""
    assert is_valid("payload", json.loads(_raw()))
    assert set(MEMBERS) == set(json.loads(_raw()))


@pytest.mark.parametrize("kind", ["collect", "resync"])
def test_channel_types_have_no_thread(kind: str) -> None:
    """Collect and resync parse without thread and number, and only so."""
    found = parse_payload(_raw(type=kind, **CHANNEL))
    assert (None, None) == (found.thread, found.seq)
    with pytest.raises(ValueError, match="thread"):
        _raw(type=kind)


@for_each(
    ("raw", "reason"),
    [
        (_edited(v=2), Reason.PAYLOAD_VERSION),
        (_edited(x=1), Reason.PAYLOAD_MEMBERS),
        (_edited(id="short"), Reason.PAYLOAD_VALUE),
        (_edited(epoch=0), Reason.PAYLOAD_VALUE),
        (_edited(**{"from": "QQQ"}), Reason.PAYLOAD_VALUE),
        (_edited(to="XZZ"), Reason.PAYLOAD_VALUE),
        (_edited(issued_at="2026-02-30T00:00:00Z"), Reason.PAYLOAD_VALUE),
        (_edited(body=[]), Reason.PAYLOAD_VALUE),
        (_edited(thread=None), Reason.PAYLOAD_THREAD),
        (_edited(type="collect", thread=None, seq=None), Reason.PAYLOAD_THREAD),
        (_raw().replace(b",", b", ", 1), Reason.PAYLOAD_MEMBERS),
        (_raw()[:-1] + b" }", Reason.PAYLOAD_VALUE),
        (_raw() + b"\n", Reason.PAYLOAD_VALUE),
        (_raw()[:-1] + b',"x":{}}', Reason.PAYLOAD_MEMBERS),
    ],
)
def test_bad_payload_has_its_reason(raw: bytes, reason: Reason) -> None:
    """Each fault has its local reason, and one outward code."""
    with pytest.raises((BadPayload, BadJson)) as caught:
        parse_payload(raw)
    if isinstance(caught.value, BadPayload):
        assert ("bad-payload", reason) == (caught.value.code.code, caught.value.reason)


def test_detail_never_quotes_content() -> None:
    """The log learns which member was at fault, not what stood in it."""
    with pytest.raises(BadPayload) as caught:
        parse_payload(_edited(id="Testova"))
    assert "payload.value: id" == str(caught.value)


def test_every_cut_is_refused() -> None:
    """No beginning of a payload is a payload."""
    raw = _raw()
    for end in range(len(raw)):
        with pytest.raises((BadPayload, BadJson)):
            parse_payload(raw[:end])


@pytest.mark.parametrize(
    "changes",
    [{"id": "x"}, {"body": b"[]"}, {"body": b'{"a":1.5}'}, {"body": b'{},"x":{}'}, {"sender": "xaa"}, {"seq": 0}],
    ids=str,
)
def test_serialize_refuses_what_would_not_parse(changes: dict[str, Any]) -> None:
    """A sender cannot make what a receiver would refuse."""
    with pytest.raises(ValueError, match="not a payload"):
        _raw(**changes)


@pytest.mark.parametrize(
    ("issued", "expires", "now", "reason"),
    [
        (0, 60, 0, None),
        (0, 60, -300, None),
        (0, 60, -301, Reason.TIME_FUTURE),
        (0, 60, 360, None),
        (0, 60, 361, Reason.TIME_EXPIRED),
        (0, 30 * 86400, 0, None),
        (0, 30 * 86400 + 1, 0, Reason.TIME_SPAN),
        (0, -1, 0, Reason.TIME_REVERSED),
    ],
)
def test_times(issued: int, expires: int, now: int, reason: Reason | None) -> None:
    """The times hold to the second, in seconds from an instant."""
    payload = parse_payload(
        _raw(issued_at=NOW + timedelta(seconds=issued), expires_at=NOW + timedelta(seconds=expires))
    )
    assert reason == times_findings(payload, NOW + timedelta(seconds=now))


def test_instant_is_utc_and_whole() -> None:
    """An instant of another zone is sent in UTC with whole seconds."""
    local = datetime(2026, 12, 1, 10, 0, 0, 999999, tzinfo=timezone(timedelta(hours=1)))
    assert "2026-12-01T09:00:00Z" == format_instant(local)
    with pytest.raises(ValueError, match="time zone"):
        format_instant(datetime(2026, 12, 1))


ACCEPTED = Receipt("XBB", "XAA", DIGEST, "accepted", None, NOW, date(2026, 12, 1), date(2026, 12, 15))
REFUSED = Receipt("XBB", "XAA", DIGEST, "refused", "illegal-step", NOW)


def test_error_about_a_receipt_quotes_nothing() -> None:
    """What stands in place of a date is in no word of the error, which is logged."""
    raw = serialize_receipt(ACCEPTED).replace(b'"2026-12-01"', b'"Testova"')
    with pytest.raises(BadReceipt) as error:
        parse_receipt(raw)
    assert "Testova" not in str(error.value)


@pytest.mark.parametrize("receipt", [ACCEPTED, REFUSED], ids=["accepted", "refused"])
def test_receipt_round_trip(receipt: Receipt) -> None:
    """A receipt is found again, and fits its schema."""
    raw = serialize_receipt(receipt)
    assert receipt == parse_receipt(raw)
    assert is_valid("receipt", json.loads(raw))


@pytest.mark.parametrize(
    "changes",
    [
        {"sender": "xbb"},
        {"payload": "x"},
        {"status": "maybe"},
        {"code": "stale"},
        {"code": "later", "status": "refused", "start_on": None, "due_on": None},
        {"status": "refused", "code": "stale"},
        {"due_on": None},
        {"due_on": date(2026, 11, 1)},
        {"received_at": datetime(2026, 12, 1)},
    ],
    ids=str,
)
def test_contradicting_receipt_is_not_built(changes: dict[str, Any]) -> None:
    """Members that contradict one another make no receipt."""
    fields = {name: getattr(ACCEPTED, name) for name in Receipt.__slots__}
    with pytest.raises(ValueError, match=r"^[a-z]"):
        Receipt(**{**fields, **changes})


@pytest.mark.parametrize(
    "raw",
    [
        serialize_receipt(ACCEPTED).replace(b",", b", ", 1),
        serialize_receipt(ACCEPTED).replace(b"accepted", b"accepte\\u0064"),
        serialize_receipt(ACCEPTED).replace(b'"2026-12-01"', b'"20261201"'),
        serialize_receipt(ACCEPTED).replace(b'"2026-12-01"', b"1"),
        serialize_receipt(ACCEPTED).replace(format_instant(NOW).encode(), b"9999-12-31T23:59:59-23:59"),
        b"{}",
    ],
)
def test_receipt_has_one_form(raw: bytes) -> None:
    """The same content in another form is refused."""
    with pytest.raises(BadReceipt):
        parse_receipt(raw)


ANSWER = Answer(b"aa.bb.cc", bytes(range(32)), "c2sp.org/tlog-proof@v1\n\u2014\n")


def test_answer_round_trip() -> None:
    """An answer comes back from its padded and its stored form."""
    raw = pad_answer(serialize_answer(ANSWER))
    assert 0 == len(raw) % ANSWER_UNIT_BYTES
    assert ANSWER == parse_answer(raw) == parse_stored_answer(serialize_answer(ANSWER))
    assert serialize_answer(ANSWER) == without_padding(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        serialize_answer(ANSWER),
        pad_answer(serialize_answer(ANSWER))[:-1],
        pad_answer(serialize_answer(ANSWER))[:-1] + b"\n",
        pad_answer(serialize_answer(ANSWER)) + b" " * 65536,
        pad_answer(serialize_answer(ANSWER)).replace(b'"r"', b'"s"'),
        pad_answer(serialize_answer(ANSWER)).replace(b'"r":"', b'"r":"_'),
        b"[]".ljust(4096),
        b'{"receipt":1,"r":2,"proof":3}'.ljust(4096),
        b'{"receipt":"a","receipt":"a"}'.ljust(4096),
    ],
)
def test_bad_answer(raw: bytes) -> None:
    """Anything but the one form is a bad answer."""
    with pytest.raises(BadAnswer):
        parse_answer(raw)


@pytest.mark.parametrize(
    "fields",
    [(b"a.b", bytes(32), "p"), (b"a.b.c", b"short", "p"), (b"a.b.c", bytes(32), 'p"'), (b"a.b.c", bytes(32), "")],
    ids=["receipt", "opening", "proof", "no proof"],
)
def test_answer_checked(fields: tuple[bytes, bytes, str]) -> None:
    """What would not be read is not written."""
    with pytest.raises(ValueError, match=r"^an? (receipt|opening|proof)"):
        Answer(*fields)


def test_answer_is_json() -> None:
    """What is written without a JSON parser is what one would write."""
    expected = {"receipt": "aa.bb.cc", "r": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", "proof": ANSWER.proof}
    assert json.dumps(expected, separators=(",", ":"), ensure_ascii=False).encode() == serialize_answer(ANSWER)
