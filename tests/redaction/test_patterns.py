"""What has a form is found in its usual spellings, and what the exchange itself writes is left."""

import pytest

from gateway.redaction.patterns import hits, own
from gateway.redaction.refuse import MOST_CHARACTERS
from tests.support.rows import for_each


@for_each(
    ("kind", "text"),
    [
        ("EMAIL", "ana.pop@posta.example.ro"),
        ("EMAIL", "ana dot pop at posta dot example dot ro"),
        ("EMAIL", "a.pop (at) posta (dot) example"),
        ("EMAIL", "mirela آت posta دوت com"),
        ("EMAIL", "mirela arond posta punct ro"),
        ("EMAIL", "ana majmunče posta tačka rs"),
        ("EMAIL", "ana песик posta крапка ua"),
        ("HANDLE", "@dulce_ioana"),
        ("HANDLE", "t.me/some_one"),
        ("HANDLE", "https://vk.com/id10597"),
        ("BANK", "AL35 2021 1109 0000 0000 0123 4567"),
        ("BANK", "4111 1111 1111 1111"),
        ("GPS", "41.3275, 19.8187"),
        ("GPS", "41°19'N 19°49'E"),
        ("GPS", "geo:41.32,19.81"),
        ("GPS", "filled.count.soap"),
        ("GPS", "птахи.весна.річка"),
    ],
)
def test_form_is_found_for_sure(kind: str, text: str) -> None:
    """The whole of it is within hits of its kind that are sure."""
    found = [hit for hit in hits(f"x: {text} .") if hit.sure and hit.kind == kind]
    assert min(hit.start for hit in found) <= 3
    assert max(hit.end for hit in found) >= 3 + len(text)


@pytest.mark.parametrize(
    "text", ["+355 69 20 12 345", "0044 (0)20 7946 0142", "٠٦٩٢٢٣٣٧١٥", "O69 22 l2 345", "069-20-12-345"]
)
def test_number_to_call_is_found(text: str) -> None:
    """A number is found with its gaps, in Arabic digits, and with letters in place of digits."""
    assert "PHONE" in {hit.kind for hit in hits(f"tel {text}")}


def test_three_words_of_a_place_are_found_at_the_end_of_a_sentence() -> None:
    """The full stop after them is not a fourth word; four words with dots are another thing."""
    assert [(15, 32)] == [
        (hit.start, hit.end) for hit in hits("She waits near filled.count.soap.") if hit.kind == "GPS"
    ]
    assert [] == [hit for hit in hits("filled.count.soap.salt") if hit.kind == "GPS"]


@pytest.mark.parametrize("text", ["NV-2025-0041", "RA-2025-123456"])
def test_reference_of_the_exchange_is_left(text: str) -> None:
    """The exchange's own references are told, so that no rule about numbers takes them."""
    assert own(f"see {text}.") == [(4, 4 + len(text))]
    assert [] == [hit for hit in hits(f"see {text}.") if hit.start == 4 and hit.end == 4 + len(text)]


@pytest.mark.parametrize("text", ["EUR 2 500", "2.500 euro", "350 лв. и 2 500 євро", "1,250.00 USD"])
def test_amount_of_money_is_no_number_of_somebody(text: str) -> None:
    """Amounts are left."""
    assert "RUN" not in {hit.kind for hit in hits(text)}


@pytest.mark.timeout(60)  # unbounded repetitions took ten seconds for one such text
@pytest.mark.parametrize(
    "piece",
    ["a", "1 ", "a.b.", "@", "a dot b ", "(at) ", "A1-", "O0l", "12.123,", "a@b.", "-1", "abcd.", "ab/1", "AL35 2021 "],
)
def test_no_text_takes_long_whatever_it_is_made_of(piece: str) -> None:
    """The longest texts that are read, made to mislead a pattern, are looked through ten times over."""
    text = (piece * MOST_CHARACTERS)[:MOST_CHARACTERS]
    assert 1 == len({tuple(hits(text)) for _ in range(10)})
