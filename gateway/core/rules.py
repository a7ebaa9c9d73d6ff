"""
The safeguards as a table of checks.

Rule 1: a rule is a row: id, where the law says it, when it is looked at, and a check that returns what it found.
Rule 2: unknown means no. A field that is missing, or is not what it should be, is a finding and never a pass.
Rule 3: nobody can switch a rule off. There is no argument, role or setting here that makes a check return nothing.
Rule 4: what no check can hold is a procedure. Its row names the step that carries it out, and a test shows that nothing
goes round that step.
Rule 5: what makes a return safe is held twice, by the guards of its state table and by the rules here. Neither was
written from the other, so that a fault in one does not become a fault of both.

``docs/rules.md`` has a paragraph for each id.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gateway.core import return_checks
from gateway.core import rule_checks as checks
from gateway.core.facts import Facts, Finding, When

Check = Callable[[Facts], str | None]
"""A check returns the reason it objects, or ``None``."""


@dataclass(frozen=True, slots=True)
class Rule:
    """
    One row: ``id``, a title, the source, the moments it is looked at, the field it concerns and the check.

    ``procedure`` names, as ``module:function``, the steps that carry out what no check can hold. A row has a check with
    its moments, or a procedure, or both.
    """

    id: str
    title: str
    source: str
    when: frozenset[When]
    where: str
    check: Check | None = None
    procedure: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a row that promises a check it has not, or nothing at all."""
        if bool(self.when) != (self.check is not None) or not (self.when or self.procedure):
            raise ValueError(f"{self.id} needs a check with its moments, a procedure, or both")


_REPLY = frozenset({When.COMPOSE, When.APPROVE, When.SEND, When.RECEIVE})
_OUT = frozenset({When.APPROVE, When.SEND, When.RETRY, When.REMIND})
_WRITE = frozenset({When.COMPOSE, When.APPROVE, When.SEND})
_JOURNEY = frozenset({When.SEND, When.RETRY})
"""A message of a return is looked at when it is sent and again when it is posted: a plan may wait days in between."""

RULES: tuple[Rule, ...] = (
    Rule(
        "R-01",
        "No contact unless no protection need is attested",
        "UNICEF Guidelines 7.3; Directive 2013/32/EU Article 30",
        _OUT,
        "asylum",
        checks.r01,
    ),
    Rule("R-02", "A later indication freezes", "UNICEF Guidelines 7.3", _OUT - {When.APPROVE}, "state", checks.r02),
    Rule(
        "R-03",
        "Two questions, two as-of dates",
        "Palermo Protocol Article 8(3)",
        _WRITE | {When.RECEIVE},
        "elements.entry_date",
        checks.r03,
    ),
    Rule(
        "R-04",
        "No return without a signed yes",
        "Palermo Protocol Article 8 and its interpretative notes (unverified)",
        _JOURNEY,
        "reply",
        return_checks.r04,
    ),
    Rule(
        "R-05",
        "Every disclosure carries its conditions",
        "Palermo Protocol Article 10(3)",
        _WRITE | {When.RECEIVE},
        "handling",
        checks.r05,
    ),
    Rule(
        "R-06",
        "Doubt about age counts for the person",
        "CETS 197 Article 10(3)",
        _WRITE,
        "age",
        checks.r06,
    ),
    Rule(
        "R-07",
        "A minor is represented before anything is sent",
        "CETS 197 Article 10(4)(a)",
        _OUT - {When.REMIND, When.RETRY},
        "representative",
        checks.r07,
    ),
    Rule(
        "R-08",
        "No step of a return before its time",
        "CETS 197 Articles 10(2) and 13(1); Palermo Protocol Article 8(2)",
        _JOURNEY,
        "record",
        return_checks.r08,
    ),
    Rule(
        "R-09",
        "No return against an assessment",
        "CETS 197 Article 16(7); CRC General Comment 6 paragraph 84",
        _JOURNEY,
        "record.assessments",
        return_checks.r09,
    ),
    Rule(
        "R-10",
        "Somebody receives a minor, and both States' authorities sign",
        "UNODC Toolkit 7.10; Directive 2008/115/EC Article 10(2)",
        _JOURNEY,
        "releases",
        return_checks.r10,
    ),
    Rule(
        "R-11",
        "A reply in time, or word that it will be late",
        "CETS 197 Article 34(1)",
        frozenset({When.CLOSE}),
        "clocks",
        checks.r11,
        ("gateway.services.remind:Reminder._tell_desk", "gateway.core.verification_guards:_answered"),
    ),
    Rule(
        "R-12",
        "Nobody leaves without knowing where help is",
        "CETS 197 Article 16(6)",
        _JOURNEY,
        "record.contacts_given_on",
        return_checks.r12,
    ),
    Rule(
        "R-13",
        "No look and no disclosure without a reason",
        "Directive (EU) 2016/680 Article 25",
        _WRITE - {When.SEND} | {When.EXPORT},
        "justification",
        checks.r13,
    ),
    Rule("R-14", "Only the person asked about", "Directive (EU) 2016/680 Article 6", _WRITE, "category", checks.r14),
    Rule("R-15", "Assessments stay", "Directive (EU) 2016/680 Article 7", _WRITE, "conclusions", checks.r15),
    Rule(
        "R-16",
        "A correction reaches who got the data",
        "Regulation (EU) 2016/679 Article 19; Directive (EU) 2016/680 Article 16",
        frozenset({When.CLOSE}),
        "notices",
        checks.r16,
        (
            "gateway.core.notices:_rectify",
            "gateway.core.notices:_struck",
            "gateway.core.notices:_destroy",
            "gateway.services.rights:rectify",
        ),
    ),
    Rule(
        "R-17",
        "Asked what became of the data, a State answers",
        "data-protection articles of readmission agreements (unverified)",
        frozenset({When.CLOSE}),
        "notices",
        checks.r17,
    ),
    Rule(
        "R-18",
        "What is sent and what is received is on file",
        "data-protection articles of readmission agreements (unverified)",
        frozenset(),
        "",
        procedure=("gateway.services.threads:queue", "gateway.services.receive:Receiver._record"),
    ),
    Rule(
        "R-19",
        "A transfer has a ground",
        "Regulation (EU) 2016/679 Chapter V",
        _OUT - {When.REMIND, When.RETRY},
        "transfer_ground",
        checks.r19,
    ),
    Rule(
        "R-20",
        "Nothing that endangers",
        "Hague Convention 1996 Article 37",
        _OUT - {When.RETRY},
        "endangerment_check",
        checks.r20,
    ),
    Rule(
        "R-21",
        "A question tells nothing of protection or of what happened",
        "CRC General Comment 6 paragraph 80 (unverified)",
        _WRITE,
        "body",
        checks.r21,
    ),
    Rule(
        "R-22",
        "The person learns what was sent about her",
        "EU Charter Article 8(2); Regulation (EU) 2016/679 Article 15",
        frozenset(),
        "",
        procedure=("gateway.services.rights:account",),
    ),
    Rule(
        "R-23",
        "Consent is recorded, and is never the only ground",
        "Regulation (EU) 2016/679 recital 43; Palermo Protocol Article 8(2)",
        _JOURNEY,
        "record.wish",
        return_checks.r23,
    ),
    Rule(
        "R-24",
        "No consulate is told by itself",
        "Vienna Convention on Consular Relations Articles 36(1)(b) and 37(b)",
        _OUT - {When.REMIND, When.RETRY},
        "endangerment_check",
        checks.r24,
        ("gateway.core.verification_guards:_two_persons", "gateway.core.verification_guards:_approved"),
    ),
    Rule(
        "R-25",
        "Nothing is kept longer than its period",
        "national retention law; the periods are configuration",
        frozenset(),
        "",
        procedure=("gateway.services.retain:Retention.run_once", "gateway.core.verification_guards:_retention_over"),
    ),
    Rule(
        "R-26",
        "Not found is not no",
        "Palermo Protocol Article 8(3); CETS 197 Article 10; Stateless Persons Convention Article 1(1)",
        _REPLY,
        "outcome",
        checks.r26,
    ),
    Rule(
        "V-36",
        "A decision that stands",
        "a design decision; decision 0010",
        _JOURNEY,
        "record.decision",
        return_checks.v36,
    ),
    Rule("N-01", "States not to be contacted", "national policy under dual control", _OUT, "to", checks.n01),
    Rule(
        "N-02",
        "Only to a key that is the recipient's now",
        "docs/protocol.md section 2",
        frozenset({When.SEND}),
        "to",
        checks.n02,
    ),
    Rule(
        "Q-01", "The reply answers the question asked", "Palermo Protocol Article 8(3)", _REPLY, "outcome", checks.q01
    ),
    Rule(
        "M-01",
        "Only the methods the request allows",
        "Palermo Protocol Articles 6 and 10(3)",
        _REPLY,
        "method_used",
        checks.m01,
    ),
    Rule(
        "REM-1",
        "No remark without an agreement",
        "the agreement between the two States; domain rule of the least data",
        _WRITE,
        "remark",
        checks.rem1,
    ),
    Rule("REM-2", "A remark that cannot be read is held", "policy of this gateway", _WRITE, "remark", checks.rem2),
    Rule(
        "REM-3",
        "A person confirms exactly the words that leave",
        "policy of this gateway",
        _WRITE,
        "remark",
        checks.rem3,
    ),
    Rule("REM-4", "Nothing of the record in a remark", "policy of this gateway", _WRITE, "remark", checks.rem4),
    Rule(
        "REM-5",
        "What a remark tells of protection stops the message",
        "UNICEF Guidelines 7.3; Directive 2013/32/EU Article 30",
        _OUT,
        "asylum",
        checks.rem5,
    ),
)

_UNREADABLE = (LookupError, TypeError, ValueError, AttributeError, OverflowError)
"""What a check raises over facts that are missing, or are of another kind than they should be."""


def findings(when: When, facts: Facts) -> tuple[Finding, ...]:
    """
    Return what every rule looked at in the moment ``when`` finds in ``facts``; empty means nothing objects.

    A check that cannot read its facts (a field is missing) objects: unknown means no.
    """
    found = []
    for rule, check in _BY_WHEN[when]:
        try:
            because = check(facts)
        except _UNREADABLE:
            because = "a field this rule needs is missing or unreadable"
        if because:
            found.append(Finding(rule.id, because, rule.where))
    return tuple(found)


_BY_WHEN: Mapping[When, tuple[tuple[Rule, Check], ...]] = {
    when: tuple((rule, rule.check) for rule in RULES if when in rule.when and rule.check is not None) for when in When
}
