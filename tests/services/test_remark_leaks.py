"""
For any remark built around any name or number of the case, in any script and spelling, the unsealed payload is free.

Real gateways, stores, keys and wires. Once with what stands in for the recogniser and finds nothing, all, or half of
what it should; once with the recogniser itself, in the process it runs in. The worst is taken of everyone: the officer
confirms whatever the gateway lets be confirmed.
"""

import asyncio
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.case import State
from gateway.core.machine import RuleRefused
from gateway.core.messages import REQUEST
from gateway.core.remark import marked
from gateway.services.ports import Redactor
from gateway.transport.redactor import WorkerRedactor
from tests.redaction.disguises import (
    AROUND,
    Name,
    disguised_name,
    disguised_number,
    names,
    numbers,
    transliterations,
)
from tests.support import story
from tests.support.network import Network, make_network
from tests.support.remarks import FakeRedactor, write

Stage = tuple[asyncio.AbstractEventLoop, Network]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Two gateways and the loop they live on, for all examples."""
    loop = asyncio.new_event_loop()
    root: Path = tmp_path_factory.mktemp("stage")
    network = loop.run_until_complete(make_network(root))
    yield loop, network
    loop.run_until_complete(network.close())
    loop.close()


def joined(text: str) -> str:
    """Return the letters and digits of ``text`` alone, without case, accents and scripts of digits."""
    made = []
    for char in unicodedata.normalize("NFKD", text).casefold():
        if char.isdecimal():
            made.append(str(unicodedata.decimal(char)))
        elif char.isalnum():
            made.append(char)
    return "".join(made)


def says_name(text: str, name: Name) -> bool:
    """Tell whether the letters of ``text`` hold the name, or a transliteration of it."""
    forms = [joined(form) for form in (name.text, *transliterations(name))]
    return any(form in joined(text) for form in forms if len(form) > 3)


def says_number(text: str, number: str) -> bool:
    """Tell whether the digits of ``text`` hold those of the number."""
    return joined(number).strip("abckzx") in joined(text)


def spans(start: int, size: int, how: str) -> tuple[tuple[int, int, str], ...]:
    """Return what a recogniser finds that finds nothing, all, or the first half of what stands at ``start``."""
    found = {"nothing": 0, "all": size, "half": size // 2}[how]
    return ((start, start + found, "PERSON"),) if found else ()


def left_of(rest: str, text: str) -> str:
    """Return the words of ``text`` that are words of ``rest``, in their order."""
    words = rest.split()
    return " ".join(word for word in text.split() if word in words)


async def sent_with(
    network: Network, text: str, redactor: Redactor, rest: str, language: str = "en", **elements: Any
) -> str | None:
    """
    Take a case with a remark as far as the gateway lets it; return the remark in the payload at the partner, if any.

    Refused, the officer tries once more with the rest of the text, without what the gateway objected to.
    """
    gateway = network.gateways["XAA"]
    gateway.context.redactor = redactor
    known = {**story.draft()["elements"], **elements}
    ref = await gateway.clear.new(story.draft(elements=known), "first")
    if (await story.case(network, "XAA", ref)).state is State.FROZEN:
        return None  # an earlier remark about the same name or number told of what stops every case of that person
    made = await write(network, ref, text, language)
    try:
        await gateway.clear.remarks.confirm(ref, made.digest, None, "first")
    except RuleRefused:
        try:
            await gateway.clear.remarks.confirm(ref, made.digest, left_of(rest, made.text), "first")
        except RuleRefused:
            return None
    if (await story.case(network, "XAA", ref)).state is State.FROZEN:
        return None  # this remark did
    preview, thread = await gateway.clear.show(ref, "second", "liaison_officer")
    signed = network.approval(preview.digest, thread, "second", "request.approval", "liaison_officer")
    await gateway.clear.approve(ref, signed, "second")
    await gateway.clear.send(ref, "first")
    await network.deliver(refresh=False)
    theirs = await story.case(network, "XBB", await story.twin(network, ref))
    sent = (await story.payload(network, "XAA", ref, REQUEST)).body["remark"]
    assert sent == theirs.received["remark"]
    return str(sent["text"])


@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_no_payload_holds_a_name_of_the_case(stage: Stage, data: st.DataObject) -> None:
    """Whatever the recogniser misses and whatever the officer confirms, no name of the case is in what is unsealed."""
    loop, network = stage
    name = data.draw(names())
    inner = data.draw(disguised_name(name))
    before, after = data.draw(st.sampled_from(AROUND[1:10]))
    how = data.draw(st.sampled_from(("nothing", "all", "half")))
    redactor = FakeRedactor(spans=spans(len(before), len(inner), how))
    person = {"use": "document", "family": name.text, "given": None, "patronymic": None, "full": None}
    person |= {"script": name.script, "latin": None}
    rest = f"{before}{after}"
    text = loop.run_until_complete(sent_with(network, before + inner + after, redactor, rest, names=[person]))
    assert text is None or not says_name(text, name)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_payload_holds_a_number_of_the_case(stage: Stage, data: st.DataObject) -> None:
    """The same of numbers."""
    loop, network = stage
    number = data.draw(numbers())
    inner = data.draw(disguised_number(number))
    before, after = data.draw(st.sampled_from(AROUND[1:10]))
    how = data.draw(st.sampled_from(("nothing", "all", "half")))
    redactor = FakeRedactor(spans=spans(len(before), len(inner), how))
    rest = f"{before}{after}"
    text = loop.run_until_complete(sent_with(network, before + inner + after, redactor, rest, personal_number=number))
    assert text is None or not says_number(text, number)


SCENES = {
    "en": ("We have been told that ", " can be reached in writing, and waits for an answer from the office."),
    "fr": ("Nous avons appris que ", " peut être joint par écrit et attend une réponse du bureau."),
    "es": ("Nos han dicho que ", " puede venir a la oficina con sus papeles esta semana."),
    "ro": ("Ni s-a spus că ", " așteaptă un răspuns în scris de la birou în această săptămână."),
    "sq": ("Na thanë se ", " pret një përgjigje me shkrim nga zyra këtë javë."),
    "uk": ("Нам сказали, що ", " чекає на відповідь від установи цього тижня."),
    "ru": ("Нам сказали, что ", " ждёт письменного ответа от учреждения на этой неделе."),
    "sr": ("Речено нам је да ", " чека писмени одговор од установе ове недеље."),
    "ar": ("قيل لنا إن ", " ينتظر ردا مكتوبا من المكتب هذا الأسبوع."),
}
"""Sentences of each language around what must not leave; long enough to be told apart."""


@pytest.fixture(scope="module")
def reader(stage: Stage) -> Iterator[WorkerRedactor]:
    """The recogniser itself, in its process, with its models."""
    loop, _ = stage
    made = WorkerRedactor(start_limit_s=60.0, time_limit_s=30.0)
    read = loop.run_until_complete(made.redact("The person waits for an answer in writing.", "en"))
    assert ((), "en") == (read.reasons, read.language), "the extra redact is not installed, or its models do not fit"
    yield made
    loop.run_until_complete(made.close())


def test_the_recogniser_itself_lets_no_name_or_number_through(stage: Stage, reader: WorkerRedactor) -> None:
    """The whole way with the real recogniser, in nine languages; and most of these remarks do arrive, without them."""
    loop, network = stage
    outcomes: list[bool] = []

    @settings(max_examples=120, deadline=None)
    @given(data=st.data())
    def each(data: st.DataObject) -> None:
        language = data.draw(st.sampled_from(sorted(SCENES)))
        before, after = SCENES[language]
        name, number = data.draw(names()), data.draw(numbers())
        inner = data.draw(st.one_of(disguised_name(name), disguised_number(number)))
        person = {"use": "document", "family": name.text, "given": None, "patronymic": None, "full": None}
        known = {"names": [{**person, "script": name.script, "latin": None}], "personal_number": number}
        text = loop.run_until_complete(
            sent_with(network, before + inner + after, reader, before + after, language, **known)
        )
        assert text is None or not (says_name(text, name) or says_number(text, number))
        outcomes.append(text is not None)

    each()
    assert sum(outcomes) > len(outcomes) / 3, "a gate that lets nothing pass shows nothing"


@pytest.mark.parametrize("language", sorted(SCENES))
def test_the_recogniser_takes_a_number_out_that_no_record_holds(
    reader: WorkerRedactor, stage: Stage, language: str
) -> None:
    """What nobody's record holds is the recogniser's alone: a telephone number is taken out in every language."""
    loop, _ = stage
    before, after = SCENES[language]
    text = f"{before}+355 69 771 40 93{after}"
    read = loop.run_until_complete(reader.redact(text, language))
    assert not read.reasons
    assert "771" not in marked(text, read.spans)


async def test_what_tells_nothing_arrives(stage: Stage) -> None:
    """The tests above would be worth nothing if no remark ever left."""
    loop, network = stage
    text = await asyncio.to_thread(
        loop.run_until_complete, sent_with(network, "The person waits for an answer.", FakeRedactor(), "")
    )
    assert "The person waits for an answer." == text
