"""What every store must do with the keyed values of persons and with the list of States not to be contacted."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.core.person_keys import PersonValue, Use
from gateway.services.ports import Conflict, Store, Tx
from gateway.services.rows import ApartRow, NoContactRow, Shared
from tests.storage.support import NOW, case, digest

BOTH = Use.FOUND | Use.SEEKS
APART = ApartRow("c1", "c2", digest("shared"), "first", NOW, None, None)
ENTRY = NoContactRow(0, "XBB", "first", NOW, None, None, None, None, None, None, b"sealed")


def value(name: str, use: Use = BOTH, *, number: bool = False) -> PersonValue:
    """Return a keyed value made of ``name``."""
    return PersonValue(digest(name)[:16], use, number)


async def put(store: Store, *persons: tuple[str, list[PersonValue], bool]) -> None:
    """Store cases that are not stored yet, and the values of their persons."""

    async def unit(tx: Tx) -> None:
        for ref, values, stop in persons:
            if await tx.find_case(ref) is None:
                await tx.save_case(case(ref))
            await tx.save_person_values(ref, values, stop)

    await store.commit(unit)


async def shared(store: Store, ref: str, *, stopped: bool = False, number: bool = False) -> list[Shared]:
    """Return the cases that share a value with ``ref``."""

    async def unit(tx: Tx) -> list[Shared]:
        return list(await tx.shared(ref, stopped=stopped, number=number))

    return await store.read(unit)


async def test_cases_meet_in_a_value(store: Store) -> None:
    """A case finds the others that share a value, with all they share, and none that shares nothing."""
    first, last = sorted(("a", "b"), key=lambda name: value(name).value)
    await put(
        store,
        ("c1", [value(first), value(last, number=True)], False),
        ("c2", [value(first), value(last, number=True)], True),
        ("c3", [value(first), value("x")], False),
        ("c4", [value("y")], True),
    )
    both = value(first).value, value(last).value
    assert [Shared("c2", both, True, True), Shared("c3", both[:1], False, False)] == await shared(store, "c1")


async def test_only_stopped_cases_on_request(store: Store) -> None:
    """With ``stopped`` a case finds only those that stop the person's others."""
    await put(store, ("c1", [value("a")], False), ("c2", [value("a")], True), ("c3", [value("a")], False))
    assert ["c2"] == [one.ref for one in await shared(store, "c1", stopped=True)]


async def test_only_cases_with_the_same_number_on_request(store: Store) -> None:
    """A name that hundreds have is not looked at for it, nor a number that one of the two files had and has no more."""
    await put(
        store,
        ("c1", [value("a"), value("b", number=True)], False),
        ("c2", [value("a"), value("b", number=True)], True),
        ("c3", [value("a"), value("c", number=True)], False),
        ("c4", [value("b")], False),
    )
    assert [Shared("c2", (value("b").value,), True, True)] == await shared(store, "c1", number=True)
    assert [] == await shared(store, "c4", number=True)


@pytest.mark.parametrize("wish", [{}, {"stopped": True}, {"number": True}])
async def test_a_value_is_sought_or_found(store: Store, wish: dict[str, bool]) -> None:
    """A case is found under a value only by one that seeks it; two that seek it, or are found under it, do not meet."""
    uses = {"c1": Use.FOUND, "c2": Use.SEEKS, "c3": Use.SEEKS, "c4": Use.FOUND}
    await put(store, *((ref, [value("a", use, number=True)], True) for ref, use in uses.items()))
    found = {ref: [one.ref for one in await shared(store, ref, **wish)] for ref in uses}
    assert {"c1": [], "c2": ["c1", "c4"], "c3": ["c1", "c4"], "c4": []} == found


async def test_values_are_replaced(store: Store) -> None:
    """The values of a case are those stored last."""
    await put(store, ("c1", [value("a")], False), ("c2", [value("a"), value("b")], False))
    await put(store, ("c2", [value("b")], True))
    assert [] == await shared(store, "c1")


async def test_values_go_with_the_case(store: Store) -> None:
    """Erasure leaves neither the values nor a decision, and they never come back."""
    await put(store, ("c1", [value("a")], False), ("c2", [value("a")], True))

    async def decide(tx: Tx) -> None:
        await tx.save_apart(APART)
        await tx.save_apart(replace(APART, ref="c3", other="c1"))

    await store.commit(decide)
    await store.commit(lambda tx: tx.erase_case("c1"))
    assert [] == await shared(store, "c2")
    await put(store, ("c1", [value("z")], True), ("c3", [value("z")], False))
    assert [] == await shared(store, "c3")
    await store.commit(lambda tx: tx.erase_case("c2"))
    await store.truncate()
    assert None is await store.read(lambda tx: tx.find_apart("c1", "c2"))
    assert None is await store.read(lambda tx: tx.find_apart("c3", "c1"))


async def test_decision_comes_back(store: Store) -> None:
    """A decision comes back as it was stored last, and is gone once it is dropped."""
    later = replace(APART, second="second", second_at=NOW)

    async def unit(tx: Tx) -> list[ApartRow | None]:
        await tx.save_apart(APART)
        found = [await tx.find_apart("c1", "c2")]
        await tx.save_apart(later)
        found += [await tx.find_apart("c1", "c2"), await tx.find_apart("c2", "c1")]
        await tx.drop_apart("c1", "c2")
        return [*found, await tx.find_apart("c1", "c2")]

    assert [APART, later, None, None] == (await store.commit(unit)).value


async def test_list_keeps_what_is_not_lifted(store: Store) -> None:
    """The list holds proposals and entries by country; what was lifted is history and makes room for another."""
    await store.commit(lambda tx: tx.save_no_contact(replace(ENTRY, country="XCC")))
    await store.commit(lambda tx: tx.save_no_contact(ENTRY))
    first = (await store.read(lambda tx: tx.no_contacts()))[0]
    confirmed = replace(first, confirmed_by="second", confirmed_at=NOW)
    await store.commit(lambda tx: tx.save_no_contact(confirmed))
    assert [("XBB", True), ("XCC", False)] == [
        (row.country, row.holds) for row in await store.read(lambda tx: tx.no_contacts())
    ]
    lifted = replace(confirmed, lift_by="first", lift_at=NOW, lifted_by="second", lifted_at=NOW)
    await store.commit(lambda tx: tx.save_no_contact(lifted))
    await store.commit(lambda tx: tx.save_no_contact(ENTRY))
    assert [("XBB", False), ("XCC", False)] == [
        (row.country, row.holds) for row in await store.read(lambda tx: tx.no_contacts())
    ]


async def test_a_state_stands_once_on_the_list(store: Store) -> None:
    """A second open entry of one State is a conflict, and so is one that is not stored."""
    await store.commit(lambda tx: tx.save_no_contact(ENTRY))
    for row in (ENTRY, replace(ENTRY, number=99)):
        with pytest.raises(Conflict):
            await store.commit(lambda tx, row=row: tx.save_no_contact(row))


async def test_references_come_in_parts(store: Store) -> None:
    """The references of all cases come part by part, in their order."""
    await put(store, *[(ref, [], False) for ref in ("c3", "c1", "c2")])

    async def part(tx: Tx) -> list[Any]:
        return [await tx.case_refs("", 2), await tx.case_refs("c2", 2), await tx.case_refs("c3", 2)]

    assert [("c1", "c2"), ("c3",), ()] == await store.read(part)
