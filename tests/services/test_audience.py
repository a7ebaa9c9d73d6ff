"""Who hears of a refusal what the record, or another case, says of the person."""

from gateway.core.facts import Finding
from gateway.core.machine import RuleRefused
from gateway.core.return_checks import NO_ELSEWHERE
from gateway.core.rule_checks import MINOR_ELSEWHERE, STOPPED_ELSEWHERE
from gateway.core.verification import ATTESTS
from gateway.http.local_problems import problem_for
from gateway.services.acts import ANYBODY, DESK, RETURN_DESK
from gateway.services.audience import FOREIGN_AFFAIRS, LESS, heard
from tests.support.rows import for_each

ELSEWHERE = (MINOR_ELSEWHERE, NO_ELSEWHERE, STOPPED_ELSEWHERE)
OF_HER = Finding("R-23", "the consent was revoked", "record.wish")
OF_PROTECTION = Finding(
    "R-01", "the protection state is another; only an attested 'none' lets anything leave", "asylum"
)
OF_THE_CALL = Finding("R-13", "no justification is given", "justification")
OF_THE_STEP = Finding("V-39", "the arrival as planned is past; say when it will be now")
OF_A_STATE = Finding("N-01", "the State is on the no-contact list", "to")
FOUND = (
    *(Finding("R-06", text, "age") for text in ELSEWHERE),
    OF_HER,
    OF_PROTECTION,
    OF_THE_CALL,
    OF_THE_STEP,
    OF_A_STATE,
)


@for_each("role", sorted(ANYBODY - {FOREIGN_AFFAIRS}))
def test_a_reason_is_told_to_who_may_read_what_it_is_of(role: str) -> None:
    """Everybody learns which rule stands against a step; what another case says, the desks, and what the record says,
    whoever may read it."""
    elsewhere = ELSEWHERE if role in DESK else (LESS,)  # how many reasons a rule has is not told either
    of_her = OF_HER.because if role in RETURN_DESK else LESS
    of_protection = OF_PROTECTION.because if role in RETURN_DESK | ATTESTS else LESS
    told = heard(FOUND, {role})
    rest = (OF_THE_CALL.because, OF_THE_STEP.because, OF_A_STATE.because)
    assert (*elsewhere, of_her, of_protection, *rest) == tuple(one.because for one in told)
    assert list(dict.fromkeys(one.rule for one in FOUND)) == list(dict.fromkeys(one.rule for one in told))


def test_foreign_affairs_hear_nothing_of_a_person() -> None:
    """Not which rule, nor that there is one more."""
    assert (OF_A_STATE,) == heard(FOUND, {FOREIGN_AFFAIRS})


def test_the_local_api_tells_the_escort_no_more() -> None:
    """A departure that is refused says which rule it was, and nothing of another case or of the record."""
    response = problem_for(RuleRefused(FOUND), frozenset({"escort"}))
    assert response is not None
    text = str(response.text)
    assert "R-06" in text
    assert [] == [one for one in (*ELSEWHERE, OF_HER.because, "record.wish") if one in text]
