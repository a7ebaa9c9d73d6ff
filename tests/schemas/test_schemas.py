"""What holds for every schema: closed objects, bounded strings, described members, local references."""

import base64
import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import schemas
from gateway.core.unseen import has_unseen
from gateway.services import act_bodies
from tests.schemas.support import EXAMPLES, NAMES, nodes, read
from tests.support.rows import for_each

ALL = (*NAMES, "common")
LANGUAGES = {"en", "fr", "ar"}


def _is_schema_of_data(path: tuple[str, ...]) -> bool:
    """Tell whether the node at ``path`` describes data by itself, rather than refining a neighbour."""
    branch = path.index("anyOf") if "anyOf" in path else len(path)
    return not {"if", "then", "else"} & set(path) and path[branch + 2 : branch + 3] != ("properties",)


@for_each("name", ALL)
def test_draft(name: str) -> None:
    """A schema is a valid draft 2020-12 schema with an id, a title and a description."""
    schema = schemas.load(name)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"].endswith(f":schema:{name}")
    assert schema["title"]
    assert schema["description"]


@for_each("name", ALL)
def test_closed_objects(name: str) -> None:
    """No object admits an unknown member, but for a body inside a frame, which the type's own schema closes."""
    for path, node in nodes(schemas.load(name)):
        if path[-1:] == ("properties",) or path[-1:] == ("patternProperties",):
            continue
        if node.get("type") != "object":
            # A branch may refine an object that is closed where it is described.
            assert "properties" not in node or not _is_schema_of_data((*path, "properties")), path
            continue
        if (name, path) in {("payload", ("properties", "body")), ("exercise", ("properties", "body"))}:
            continue
        assert node.get("additionalProperties") is False, path


@for_each("name", ALL)
def test_bounded(name: str) -> None:
    """Every string, list and number that is data has a bound."""
    for path, node in nodes(schemas.load(name)):
        if not _is_schema_of_data(path) or path[-1:] == ("properties",):
            continue
        if node.get("type") == "string" and path != ("properties", "sealing", "items", "properties", "key"):
            assert "maxLength" in node, path
        if node.get("type") == "array":
            assert "maxItems" in node, path
        if node.get("type") in {"integer", "number"}:
            assert {"minimum", "maximum"} <= set(node), path


@for_each("name", ALL)
def test_described(name: str) -> None:
    """Every member has a title and a description, of its own or of the definition it refers to."""
    common = schemas.load("common")["$defs"]
    for path, node in nodes(schemas.load(name)):
        if path[-1:] != ("properties",) or {"if", "then", "else"} & set(path) or path[-3:-2] == ("anyOf",):
            continue
        for member, described in node.items():
            texts = dict(described)
            if "$ref" in texts and "elements/properties" not in texts["$ref"]:
                local = schemas.load(name).get("$defs", {})
                texts = {**{**local, **common}[texts["$ref"].rsplit("/", 1)[1]], **texts}
            elif "$ref" in texts:
                texts = {**common["elements"]["properties"][texts["$ref"].rsplit("/", 1)[1]], **texts}
            assert {"title", "description"} <= set(texts), (path, member)


@for_each("name", ALL)
def test_local_references(name: str) -> None:
    """A reference leads into the same file or the shared definitions."""
    for path, node in nodes(schemas.load(name)):
        if isinstance(node.get("$ref"), str):
            assert node["$ref"].startswith(("#/$defs/", "urn:xg1:schema:common#/$defs/")), path


@for_each("name", ALL)
def test_patterns_are_portable(name: str) -> None:
    """A pattern is anchored at both ends, uses no shorthand class, and does not match before a final line feed."""
    for path, node in nodes(schemas.load(name)):
        patterns = [*node.get("patternProperties", {})] if "properties" not in path[-1:] else []
        if isinstance(node.get("pattern"), str):
            patterns.append(node["pattern"])
        for pattern in patterns:
            assert pattern.startswith("^"), path
            assert pattern.endswith(("$(?!\\n)", "\\n$")), path
            assert not any(shorthand in pattern for shorthand in ("\\d", "\\w", "\\s", "\\p", "\\b")), path


@pytest.mark.parametrize("part", ["name_part", "name_line", "identifier", "unit"])
def test_no_line_of_text_takes_what_nobody_sees(part: str) -> None:
    """A name, a number and a place hold no character that the house knows nobody can see."""
    pattern = re.compile(schemas.load("common")["$defs"][part]["pattern"])
    unseen = [char for char in map(chr, range(0x110000)) if has_unseen(char)]
    assert len(unseen) > 4000
    assert [] == [hex(ord(char)) for char in unseen if pattern.search(f"a{char}b") or pattern.search(char)]


@for_each("name", ALL)
def test_enums_are_code_lists(name: str) -> None:
    """Every closed list in a schema is the code list that its comment names, or says that it is a part of it."""
    for path, node in nodes(schemas.load(name)):
        if not isinstance(node.get("enum"), list):
            continue
        prefix, _, rest = node["$comment"].partition(": ")
        list_name, _, part = rest.partition(" ")
        values, known = [str(code) for code in node["enum"]], list(schemas.codes(list_name))
        assert prefix == "code list", path
        assert (set(values) < set(known)) if part else (values == known), path


def test_members_fit_the_matrix() -> None:
    """The matrix has a row for every element of the wire, and a place among the national fields for each it bars."""
    matrix = schemas.load_matrix()
    members = {member for row in matrix["elements"] for member in row["members"]}
    draft = schemas.load("case-draft")["properties"]
    assert set(schemas.load("common")["$defs"]["elements"]["properties"]) == members
    assert set(draft["elements"]["properties"]) == members
    assert set(draft["national"]["properties"]) == {row["field"] for row in matrix["never"]}
    assert [row["element"] for row in matrix["elements"]] == list(schemas.codes("element"))


def test_wire_names_are_neutral() -> None:
    """No member, code or type that travels says what a case is about."""
    words = ("traffick", "victim", "child", "asylum", "minor", "palermo")
    travelling = [schemas.load(name) for name in (*schemas.message_types(), "common", "payload", "receipt", "card")]
    travelling += [schemas.load("answer"), schemas.load("statement")]
    for schema in travelling:
        text = json.dumps(schema).lower()
        assert [word for word in words if word in text] == []
    for list_name in schemas.code_lists():
        if list_name not in {"person_role", "asylum_state", "age_class"}:
            text = json.dumps(schemas.codes(list_name), ensure_ascii=False).lower()
            # The United States Minor Outlying Islands are a country code.
            assert [word for word in words if word in text.replace("minor outlying", "")] == [], list_name


def test_fullest_typical_request_fits_the_smallest_envelope() -> None:
    """
    Eight long Cyrillic names, every element and two statements fit 8 KiB.

    Names of the greatest length in every part of all eight forms do not; such a message takes the next size.
    """
    body = read(EXAMPLES / "verification.request" / "valid" / "fullest-typical.json")
    statements = read(EXAMPLES / "payload" / "valid" / "reply.json")["statements"]
    frame = {**read(EXAMPLES / "payload" / "valid" / "request.json"), "statements": statements * 2, "body": body}
    payload = json.dumps(frame, ensure_ascii=False, separators=(",", ":")).encode()
    header = base64.urlsafe_b64encode(b'{"alg":"Ed25519","kid":"%s","typ":"xg1-msg+jws"}' % (b"A" * 22))
    jws_bytes = len(header) + 1 + -(-len(payload) * 4 // 3) + 1 + 86
    assert jws_bytes + 4 <= 8192


RETURN_TYPES = sorted(
    kind
    for code in ("RPL", "RAC", "TDQ", "TDI", "TDX", "RSC", "RHO", "RMO", "ERR", "SUS", "RES")
    for kind in schemas.catalogue()[code]
)
CODED = {"date", "instant", "digest", "token", "authority_id", "country", "unit"}
"""Shared definitions of single values that a message of a return may use: none is a text or a name."""
COMPOSED = {"point", "provider", "travel_document", "return_handling", "travel_handling"}


def _referred(schema: dict[str, Any]) -> set[str]:
    return {node["$ref"].rsplit("/", 1)[1] for _, node in nodes(schema) if isinstance(node.get("$ref"), str)}


@pytest.mark.parametrize("name", RETURN_TYPES)
def test_return_carries_no_text(name: str) -> None:
    """A message of a return has days, codes and references; elements of the person are in one type alone (M-3.10)."""
    schema, common = schemas.load(name), schemas.load("common")["$defs"]
    assert _referred(schema) - CODED - COMPOSED == ({"elements"} if name == "travel-document.request" else set())
    for shared in COMPOSED & _referred(schema) - {"return_handling", "travel_handling"}:
        assert _referred(common[shared]) <= CODED, shared
    data = [(path, node) for path, node in nodes(schema) if not {"then", "else"} & set(path)]
    assert {path[-1] for path, node in data if node.get("type") == "string"} <= {"code", "number"}


@pytest.mark.parametrize("name", RETURN_TYPES)
def test_carrier_and_escort_are_in_the_schedule_alone(name: str) -> None:
    """Who travels and by what stands in the message that leaves last (M-3.10, M-3.14)."""
    members = {member for _, node in nodes(schemas.load(name)) for member in node.get("properties", {})}
    travelling = {"carrier", "escort", "departs_at", "arrives_at", "medical_needs"}
    assert (travelling if name == "return.schedule" else set()) == members & travelling


@pytest.mark.parametrize("name", RETURN_TYPES)
def test_return_has_no_place_for_what_never_leaves(name: str) -> None:
    """No field that the matrix bars is a member of any message of a return (M-3.10)."""
    members = {member for _, node in nodes(schemas.load(name)) for member in node.get("properties", {})}
    assert set() == members & {row["field"] for row in schemas.load_matrix()["never"]}


@for_each("path", [p for kind in RETURN_TYPES for p in sorted((EXAMPLES / kind / "valid").glob("*.json"))])
def test_return_fits_the_smallest_envelope(path: Any) -> None:
    """Every message of a return, with the longest statement it may carry, has the size of any other message."""
    body = read(path)
    longest = max(read(EXAMPLES / "payload" / "valid" / "reply.json")["statements"], key=len)
    frame = {**read(EXAMPLES / "payload" / "valid" / "request.json"), "statements": [longest], "body": body}
    payload = json.dumps(frame, ensure_ascii=False, separators=(",", ":")).encode()
    assert -(-len(payload) * 4 // 3) + 300 <= 8192


@for_each("list_name", schemas.code_lists())
def test_code_texts(list_name: str) -> None:
    """Each code has a text in three languages; the Arabic one is in Arabic letters, and no text is used twice."""
    texts = schemas.codes(list_name)
    for code, by_language in texts.items():
        assert set(by_language) == LANGUAGES, code
        assert all(text.strip() == text and text for text in by_language.values()), code
        assert any("\u0600" <= letter <= "\u06ff" for letter in by_language["ar"]), code
    for language in LANGUAGES:
        assert len(texts) == len({by_language[language] for by_language in texts.values()}), language


def test_every_code_list_is_used() -> None:
    """No list lies about to which no schema refers, and no step of a desk."""
    used = set()
    for schema in (*map(schemas.load, ALL), act_bodies.components()):
        for _, node in nodes(schema):
            if "enum" in node and isinstance(node.get("$comment"), str):
                used.add(node["$comment"].removeprefix("code list: ").split(" ")[0])
    assert set(schemas.code_lists()) == used


def test_countries() -> None:
    """The list holds ISO 3166-1, Kosovo and the invented States of tests, and no code that tells a status."""
    countries = schemas.codes("country")
    assert {"AUT", "MAR", "XKX", "XAA", "XBB"} <= set(countries)
    assert not {"XXA", "XXB", "XXC", "XXX", "EUE", "UNO", "SUN"} & set(countries)
    assert len([code for code in countries if not code.startswith("X")]) == 249


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for item in inner for text in _strings(item)]


@pytest.mark.parametrize("name", NAMES)
def test_explanations_quote_nothing(name: str) -> None:
    """No text of a refusal holds a value of what was refused."""
    allowed = {*_strings(schemas.load(name)), *_strings(schemas.load("common"))}
    quoted = []
    for path in sorted((EXAMPLES / name / "invalid").glob("*.json")):
        value = read(path)
        with pytest.raises(schemas.SchemaError) as refused:
            schemas.validate(name, value)
        texts = " ".join(problem.text for problem in refused.value.problems)
        held = {text for text in _strings(value) if len(text) > 3 and text not in allowed}
        quoted += [(path.stem, text) for text in sorted(held) if text in texts]
    assert [] == quoted
