"""Back-off and circuits."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.retry import FAILURES_TO_OPEN, MAX_WAIT_S, Circuit, backoff

NOW = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)


@given(st.integers(1, 10**6), st.floats(0, 1))
def test_backoff_bounds(attempt: int, spread: float) -> None:
    """A wait is never below 2 s or above an hour."""
    assert 2.0 <= backoff(attempt, spread) <= 3600.0


def test_backoff_doubles() -> None:
    """The longest wait doubles until it is an hour."""
    assert [4.0, 8.0, 16.0, 2048.0, 3600.0] == [backoff(attempt, 1.0) for attempt in (1, 2, 3, 10, 11)]


def test_backoff_spreads() -> None:
    """Two senders with different spreads wait differently."""
    assert backoff(4, 0.1) != backoff(4, 0.9)


@pytest.mark.parametrize(("asked_s", "wait_s"), [(None, 4.0), (1.0, 4.0), (90.0, 90.0), (90000.0, 3600.0)])
def test_backoff_heeds_retry_after(asked_s: float | None, wait_s: float) -> None:
    """A partner may ask for a longer wait, up to an hour, never for a shorter one."""
    assert wait_s == backoff(1, 1.0, asked_s)


@pytest.mark.parametrize(("attempt", "spread"), [(0, 0.5), (1, -0.1), (1, 1.1)])
def test_backoff_checks_arguments(attempt: int, spread: float) -> None:
    """Attempts count from 1 and spread is a fraction."""
    with pytest.raises(ValueError, match=r"attempts|spread"):
        backoff(attempt, spread)


def _failed(times: int) -> Circuit:
    circuit = Circuit()
    for _ in range(times):
        circuit = circuit.after_failure(NOW, 0.5)
    return circuit


def test_circuit_stays_closed_below_limit() -> None:
    """A few failures in a row do not stop sending."""
    assert 32 == _failed(FAILURES_TO_OPEN - 1).width(NOW, 32)


def test_circuit_opens() -> None:
    """At the limit nothing is posted."""
    circuit = _failed(FAILURES_TO_OPEN)
    assert (False, 0) == (circuit.allows(NOW), circuit.width(NOW, 32))


def test_circuit_probes() -> None:
    """After the pause one message goes at a time until one succeeds."""
    circuit = _failed(FAILURES_TO_OPEN)
    later = NOW + timedelta(seconds=5)
    assert (1, 0) == (circuit.width(later, 32), circuit.width(later, 0))  # where nothing may leave, no probe does
    assert 32 == circuit.after_success().width(later, 32)


def test_circuit_waits_longer_each_time() -> None:
    """Each failed probe lengthens the pause."""
    first, second = _failed(FAILURES_TO_OPEN).open_until, _failed(FAILURES_TO_OPEN + 1).open_until
    assert first is not None
    assert second is not None
    assert second > first


@pytest.mark.parametrize(("failures", "until"), [(-1, None), (5, datetime(2026, 1, 1))])
def test_circuit_checked(failures: int, until: datetime | None) -> None:
    """A circuit that cannot be is not built."""
    with pytest.raises(ValueError, match=r"failures|aware"):
        Circuit(failures, until)


def test_circuit_does_not_believe_a_clock_that_was_ahead() -> None:
    """An end that lies further ahead than any wait was set by another clock, and holds nothing up."""
    longest = Circuit(FAILURES_TO_OPEN, NOW + timedelta(seconds=MAX_WAIT_S))
    beyond = Circuit(FAILURES_TO_OPEN, NOW + timedelta(seconds=MAX_WAIT_S + 1))
    assert (False, True) == (longest.allows(NOW), beyond.allows(NOW))
