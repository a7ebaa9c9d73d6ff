"""Free text is redacted, or held with a code; whatever comes in, something safe comes out."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.redaction.redact import WITHHELD, Redaction, redact, replace


def test_names_numbers_and_places_become_their_types() -> None:
    """What stood there is told by its type, and the rest of the sentence stays."""
    made = redact("Her aunt, Mirela Hoxhaj, can be called on +355 69 20 12 345. Please confirm the nationality.", "en")
    assert "Please confirm the nationality." in made.text
    assert "[PERSON]" in made.text
    assert "[PHONE]" in made.text
    assert [] == [word for word in ("Mirela", "Hoxhaj", "355", "345") if word in made.text]


def test_office_language_stays_as_it_is() -> None:
    """A letter that names nobody is left word for word, the exchange's own references too."""
    text = "We acknowledge message NV-2025-0041. The registry will reply within ten working days."
    assert Redaction(text, (), False, (), "en") == redact(text, "en")


def test_name_found_once_goes_everywhere() -> None:
    """A second mention without any sign that it is a name goes as well."""
    made = redact("The driver was called Besnik Krasniqi. Later krasniqi phoned twice.", "en")
    assert "rasniqi" not in made.text


def test_the_name_behind_a_title_cut_short_goes() -> None:
    """So does a second surname behind a first one cut short."""
    assert "Crețu" not in redact("Insp. Crețu și interpreta Szabó Ildikó vin la ora zece.", "ro").text
    assert "Solís" not in redact("Agentes Quiroga y Belén Mtz. Solís firman el acta de entrega.", "es").text


@pytest.mark.parametrize(
    "text",
    [
        "The Embassy has the honour to request confirmation of nationality for the person named below.",
        "Le Consulat général a l'honneur de solliciter la vérification de l'état civil de la personne ci-dessous.",
        "Ambasada are onoarea de a ruga autoritatea să confirme cetățenia persoanei de mai jos.",
        "Konsullata ka nderin të kërkojë që të konfirmohet shtetësia e personit të shënuar më poshtë.",
        "Konzulat ima čast da zamoli za potvrdu državljanstva lica koje je navedeno u prilogu.",
        "Консульство має честь просити про підтвердження громадянства особи, вказаної нижче.",
        "Консульство имеет честь просить о подтверждении гражданства указанного ниже лица.",
        "تتشرف القنصلية بأن تطلب تأكيد جنسية الشخص المذكور أدناه.",
    ],
)
def test_the_honour_of_a_note_verbale_is_no_honour_to_be_avenged(text: str) -> None:
    """A consulate has the honour to ask in each of its notes, and none of them is held for it."""
    assert not redact(text).block


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("The papers say محمد and the driver left before the police arrived.", "محمد"),
        ("Në letra shkruhet Мирослава dhe shoferi u largua para policisë.", "Мирослава"),
        ("В документах стоит محمد, а водитель уехал до приезда полиции.", "محمد"),
        ("كتب في الأوراق Мирослава ثم غادر السائق قبل وصول الشرطة.", "Мирослава"),
        ("The papers say 王秀英 and the driver left before the police arrived.", "王秀英"),
    ],
)
def test_word_in_another_script_goes(text: str, name: str) -> None:
    """In a text of one script a word of another is taken for a name."""
    assert name not in redact(text).text


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("L'ufficio conferma che i documenti sono stati ricevuti e che non manca niente.", "language-unknown"),
        ("办公室确认文件已于星期二上午收到。", "language-unknown"),
        ("Her name is R\u043esa.", "text-mixed-script"),
        ("Her name is \u202easoR.", "text-direction"),
        ("x" * 10_000_000, "text-too-long"),
        ("\x00\x01binary", "text-not-printable"),
    ],
)
def test_what_cannot_be_read_is_withheld_whole(text: str, code: str) -> None:
    """Nothing of it is shown, it is held, and the code says why."""
    made = redact(text)
    assert (WITHHELD, True) == (made.text, made.block)
    assert code in made.reasons


def test_other_language_than_the_writer_says_is_held() -> None:
    """Who says French and writes English is asked, not believed."""
    assert "language-other" in redact("The office has confirmed that the papers were received.", "fr").reasons


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "She told the nurse that she wants to apply for asylum here."),
        ("fr", "Il dit qu'ils le tueront s'il est renvoyé là-bas."),
        ("es", "Tiene miedo de que la devuelvan a su país, porque allí la esperan para matarla."),
        ("ro", "A depus o cerere de azil și așteaptă interviul."),
        ("sq", "Ka frikë se po u kthye atje do ta vrasin."),
        ("sr", "Плаши се да ће је убити ако је врате кући."),
        ("uk", "Вона боїться повертатися, бо там її вб'ють."),
        ("ru", "Он подал прошение об убежище и ждёт решения."),
        ("ar", "تخاف أن يقتلوها إذا أعيدت إلى بلدها."),
    ],
)
def test_plain_wish_or_fear_is_held_in_every_language(language: str, text: str) -> None:
    """A wish for protection or a fear of return is held for a person."""
    made = redact(text, language)
    assert ("held-for-person" in made.reasons, True) == (True, made.block)


def test_fear_in_words_that_no_list_has_is_held_too() -> None:
    """Beside what is said plainly, the sentence and the text are judged as a whole."""
    assert "held-for-person" in redact("If he goes home they will kill him.", "en").reasons


@pytest.mark.parametrize(
    "text",
    [
        "The file has the number 482915 in it.",
        "The office has 48 291 573 on its list of numbers.",
        "We received file 48291573 from the office.",
    ],
)
def test_a_long_number_goes_though_nobody_is_named(text: str) -> None:
    """In office language too it is somebody's, unless it is known to be free."""
    assert [] == [part for part in ("482", "291", "573", "915") if part in redact(text, "en").text]


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=600))
def test_any_text_gets_an_answer(text: str) -> None:
    """Nothing is raised; spans lie in order within the text; the outcome is the text with them replaced."""
    made = redact(text)
    at = 0
    for span in made.spans:
        assert at <= span.start < span.end <= len(text)
        at = span.end
    assert made.block == bool(made.reasons)
    assert made.text in (WITHHELD, replace(text, made.spans))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from("Анна Mirela сказала +355692012345 the та në الى أحمد , . \n".split(" ")), max_size=40))
def test_same_text_gets_the_same_answer(words: list[str]) -> None:
    """The outcome depends on the text alone."""
    text = " ".join(words)
    assert redact(text) == redact(text)
