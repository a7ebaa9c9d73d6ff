"""The language of a text is told for sure, or not at all."""

import pytest

from gateway.redaction.language import LANGUAGES, recognise
from gateway.redaction.tokens import tokens

SENTENCES = {
    "en": "The office has confirmed that the documents were received on Tuesday.",
    "fr": "Le bureau confirme que les documents ont été reçus mardi dernier.",
    "es": "La oficina confirma que los documentos fueron recibidos el martes.",
    "ro": "Biroul confirmă că documentele au fost primite marți dimineață.",
    "sq": "Zyra konfirmon se dokumentet janë marrë të martën në mëngjes.",
    "sr": "Kancelarija potvrđuje da su dokumenta primljena u utorak ujutro.",
    "uk": "Відділ підтверджує, що документи отримано у вівторок вранці.",
    "ru": "Отдел подтверждает, что документы получены во вторник утром.",
    "ar": "يؤكد المكتب أن الوثائق قد وصلت يوم الثلاثاء صباحاً.",
}
OTHERS = {
    "it": "L'ufficio conferma che i documenti sono stati ricevuti martedì mattina e che non manca niente.",
    "pt": "A repartição confirma que os documentos foram recebidos na terça-feira e que não falta nada.",
    "de": "Das Amt bestätigt, dass die Unterlagen am Dienstag eingegangen sind und nichts fehlt.",
    "tr": "Büro belgelerin salı sabahı alındığını ve bir eksik olmadığını onaylıyor.",
    "pl": "Urząd potwierdza, że dokumenty otrzymano we wtorek rano i że niczego nie brakuje.",
    "bg": "Службата потвърждава, че документите са получени във вторник сутринта и нищо не липсва.",
    "el": "Η υπηρεσία επιβεβαιώνει ότι τα έγγραφα παραλήφθηκαν την Τρίτη το πρωί.",
    "fa": "این اداره تأیید می‌کند که اسناد صبح سه‌شنبه دریافت شده‌اند.",
    "zh": "办公室确认文件已于星期二上午收到。",
}


def detect(text: str) -> str | None:
    """Return the language of ``text``."""
    return recognise(tokens(text))[0]


@pytest.mark.parametrize("language", LANGUAGES)
def test_language_is_told(language: str) -> None:
    """One plain sentence is enough."""
    assert language == detect(SENTENCES[language])


def test_serbian_is_read_in_both_scripts() -> None:
    """Cyrillic and Latin are one language."""
    assert "sr" == detect("Канцеларија потврђује да су документа примљена у уторак ујутро.")


@pytest.mark.parametrize("language", OTHERS)
def test_other_language_is_none(language: str) -> None:
    """A neighbour is not taken for one of ours."""
    assert detect(OTHERS[language]) is None


@pytest.mark.parametrize("text", ["", "12 34 56", "@@@", "Xqzt wvbn plmk"])
def test_no_words_no_language(text: str) -> None:
    """Where there are no words there is no language."""
    assert detect(text) is None


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("uk", "Dobryi den, divchyna prosyt skazaty, shcho vona khoche dodomu i chekaie na mamu."),
        ("ru", "Zvonila tyotya devochki, govorit chto zhdyot doma i khochet znat kogda ona vernyotsya."),
    ],
)
def test_what_is_typed_in_latin_letters_abroad_is_read(language: str, text: str) -> None:
    """Ukrainian and Russian without a keyboard of their own are told, and compared in Cyrillic."""
    assert language == detect(text)
