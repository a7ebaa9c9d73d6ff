"""What may be wrong with what an event of a return brings, whatever the case."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from schemas import ijson
from tests.core import return_support as kit
from tests.core import support

Variant = tuple[str, Mapping[str, Any]]
"""What may be wrong with an event itself, and the data it then brings."""


def text(body: Mapping[str, Any]) -> str:
    """Return a body as it would leave."""
    return ijson.dumps(body).decode()


@cache
def bodies(name: str, minor: bool) -> dict[str, Any]:
    """Return the bodies that may be prepared for ``name``, by what is wrong with them."""
    other = kit.proposal(minor)
    other["conclusions"] = [{**one, "on": "2026-11-24"} for one in other["conclusions"]]
    promised = {**kit.acceptance()["carer"], "agreed_in_writing_on": "2027-01-01"}
    found = {
        "return": {"": kit.proposal(minor), "other conclusions": other, "other message": kit.proposal(minor)},
        "document": {
            "": kit.document_request(minor),
            "other elements": {**kit.document_request(minor), "elements": {}},
        },
        "acceptance": {
            "": kit.acceptance(minor),
            "no carer": kit.acceptance(minor, carer=promised),
            "other person": kit.acceptance(not minor),
            "says otherwise": {**kit.acceptance(minor), "decision": "refused"},
            "other message": kit.acceptance(minor),
            "old acceptance": kit.acceptance(minor, expires_on="2026-11-30"),
        },
        "reply": {"positive": support.reply("NATIONAL"), "negative": support.reply("NOT_FOUND")},
    }
    return found[name]


@cache
def other_variants(name: str, minor: bool) -> tuple[Variant, ...]:
    """Return what may be wrong with what an event brings, whatever the case."""
    wrong_role = {"acceptance": "desk_head" if minor else "welfare", "proposal": "coordinator" if minor else "welfare"}
    kind = {"acceptance": "return.acceptance", "proposal": "return.release"}
    found: list[Variant] = []
    if name == "acceptance":
        found += [(wrong, {"body": body}) for wrong, body in bodies("acceptance", minor).items() if wrong != ""]
        found = [one for one in found if one[0] not in ("says otherwise", "other message")]
    if name in kind:
        by_another = kit.release("theirs", kind[name], wrong_role[name], kit.acceptance(minor))
        found += [("unsigned", {"releases": ()}), ("signed by another", {"releases": (by_another,)})]
    if name in ("acceptance", "refusal"):
        found.append(("other proposal", {"late": True}))
    if name == "proposal":
        found.append(("other reply", {"replied": None}))
    if name == "accept":
        found.append(("unsigned", {"statement": ""}))
    if name in ("document", "reissue"):
        found += [
            ("old document", {"body": old(name, "2026-11-30")}),
            ("short document", {"body": old(name, "2026-12-02")}),
        ]
    if name in ("issue", "reissue_document"):
        found.append(("old document", {"body": text(old(name, "2026-11-30"))}))
    if name in ("schedule", "depart", "cancel"):
        other = "departed" if name == "schedule" else "planned"
        found.append(("says otherwise", {"body": text(kit.schedule(other))}))
    if name == "schedule":
        found.append(("other journey", {"body": text(kit.schedule(departs_at="2026-12-05T14:00:00Z"))}))
    if name == "refuse":
        found.append(("says otherwise", {"body": text(kit.acceptance(minor))}))
    if name in ("report", "report_safe", "report_concern", "report_lost"):
        found.append(("says otherwise", {"body": text(kit.monitoring("SEEN_CONCERN", name == "report"))}))
        if name == "report":
            found.append(("dated ahead", {"body": text({**kit.SAYING[name], "on": "2026-12-02"})}))
        else:
            found[-1] = ("says otherwise", {"body": text(kit.monitoring("SEEN_SAFE", False))})
            found.append(("too soon", {"body": text({**kit.SAYING[name], "on": "2026-10-01"})}))
    if name.startswith("monitoring_"):
        found.append(("too soon", {"body": {**kit.SAYING[name], "on": "2026-10-01"}}))
    if name == "handover":
        found.append(("one hand", {"releases": ()}))
    if name == "confirm_handover":
        found.append(("one hand", {"statement": ""}))
    return tuple(found)


def old(name: str, valid_until: str) -> dict[str, Any]:
    """Return a document that is valid until the day given, as an event of ``name`` brings it."""
    return {**kit.SAYING[name], **kit.issued(valid_until)}
