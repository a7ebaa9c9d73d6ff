"""A redactor that says what it was told to say, and the steps of a remark, for tests that need one."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from gateway.core.case import Remark
from gateway.core.instruments import RemarkTerms
from gateway.services.ports import Redacted
from tests.support.network import Network

TEXT = "The person can be met on Monday before noon."

Spans = tuple[tuple[int, int, str], ...]


class FakeRedactor:
    """
    Says of every text what it was told to say, and keeps the texts it got in a list.

    Told nothing, it finds nothing: what stands between a name and the wire is then the comparison alone.
    """

    def __init__(self, outcome: Redacted | None = None, *, spans: Spans = (), error: Exception | None = None) -> None:
        self.outcome, self.spans, self.error = outcome, spans, error
        self.texts: list[str] = []

    async def redact(self, text: str, language: str) -> Redacted:
        self.texts.append(text)
        if self.error is not None:
            raise self.error
        return self.outcome or Redacted(self.spans, (), language)

    async def close(self) -> None:
        """Hold nothing."""


def found(text: str, *parts: str) -> Spans:
    """Return where each of ``parts`` stands in ``text``, as persons."""
    return tuple(sorted((text.index(part), text.index(part) + len(part), "PERSON") for part in parts))


async def write(network: Network, ref: str, text: str = TEXT, language: str = "en") -> Remark | Any:
    """Write a remark into a case of XAA and return what became of it."""
    value = {"language": language, "text": text}
    return await network.gateways["XAA"].clear.remarks.write(ref, value, "first")


def agree(network: Network, terms: RemarkTerms | None, *countries: str) -> None:
    """Let the gateways of ``countries`` (all, if none is named) know other terms of remarks than those on file."""
    for country in countries or tuple(network.gateways):
        context = network.gateways[country].context
        instruments: Sequence[Any] = context.reckoner.instruments
        changed = [replace(one, remark=terms) if one.remark else one for one in instruments]
        context.reckoner = replace(context.reckoner, instruments=changed)
