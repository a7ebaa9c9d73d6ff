"""Vectors of trees, checkpoints and proofs."""

import base64

from conformance.reading import b64u, leaf_hash, tree_hash
from conformance.vectors.makers.collector import Collector, Json
from conformance.vectors.makers.story import (
    ASKED,
    LOG,
    OPENING,
    ORIGIN,
    RECEIPT,
    SIGNER,
    fixed,
    jws,
    public,
    receipt,
    std64,
)
from conformance.vectors.makers.tree import LEAVES, PROOF, body, consistency, note, path, proof


def log_file() -> Collector:
    """Trees, checkpoints, proofs."""
    file = Collector("log", "Trees, checkpoints and proofs (protocol 7)")
    ct = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    for size in range(9):
        leaves = [leaf_hash(bytes.fromhex(item)) for item in ct[:size]]
        file.ok("tree", f"{size} entries", "M-7.1", {"entries": ct[:size]}, root=tree_hash(leaves).hex())
    for size, index in ((1, 0), (2, 1), (3, 2), (7, 0), (8, 5), (11, 8), (12, 11)):
        given = _inclusion(index, size)
        file.ok("inclusion", f"leaf {index} of {size}", "M-7.4", given)
    good = _inclusion(8, 11)
    for about, changes in (
        ("another leaf", {"leaf": LEAVES[7].hex()}),
        ("another index", {"index": 9}),
        ("an index past the end", {"index": 11}),
        ("another size", {"size": 20}),
        ("another root", {"root": fixed("root").hex()}),
        ("a hash less", {"path": good["path"][:-1]}),
        ("a hash more", {"path": [*good["path"], good["path"][0]]}),
        ("hashes in another order", {"path": good["path"][::-1]}),
        ("no hash", {"path": []}),
    ):
        file.bad("inclusion", about, "M-7.4", {**good, **changes})
    for old, new in ((1, 1), (1, 2), (3, 4), (4, 8), (6, 11), (7, 12), (12, 12)):
        file.ok("consistency", f"{old} in {new}", "M-7.5", _consistency(old, new))
    good = _consistency(6, 11)
    for about, changes in (
        ("another old root", {"old_root": fixed("root").hex()}),
        ("another new root", {"new_root": fixed("root").hex()}),
        ("another old size", {"old": 5}),
        ("old size 0", {"old": 0}),
        ("sizes reversed", {"old": 11, "new": 6}),
        ("a hash less", {"path": good["path"][:-1]}),
        ("a hash more", {"path": [*good["path"], good["path"][0]]}),
        ("no hash", {"path": []}),
    ):
        file.bad("consistency", about, "M-7.5", {**good, **changes})
    two_roots = {**_consistency(4, 4), "new_root": fixed("root").hex()}
    file.bad("consistency", "one size, two roots", "M-7.5", two_roots)
    checkpoints(file)
    entries(file)
    return file


def _inclusion(index: int, size: int) -> Json:
    hashes = [item.hex() for item in path(index, LEAVES[:size])]
    root = tree_hash(LEAVES[:size]).hex()
    return {"leaf": LEAVES[index].hex(), "index": index, "size": size, "path": hashes, "root": root}


def _consistency(old: int, new: int) -> Json:
    hashes = [item.hex() for item in consistency(old, LEAVES[:new])]
    roots = {"old_root": tree_hash(LEAVES[:old]).hex(), "new_root": tree_hash(LEAVES[:new]).hex()}
    return {"old": old, "new": new, "path": hashes, **roots}


def checkpoints(file: Collector) -> None:
    """Add signed checkpoints: one good, one fault each."""

    def given(text: str) -> Json:
        return {"note": text, "name": ORIGIN, "public": public(LOG).hex()}

    root = tree_hash(LEAVES[:8]).hex()
    good = note(body())
    witness = note(body(), "witness.example/w1", SIGNER).rpartition("\n\n")[2]
    file.ok("checkpoint", "signed by the log", "M-7.3", given(good), size=8, root=root)
    file.ok("checkpoint", "a witness has signed too", "M-7.3", given(good + witness), size=8, root=root)
    forged = good.replace(good.split(" ")[-1][:20], good.split(" ")[-1][:12] + "AAAAAAAA")
    for about, text in {
        "signed by another key": note(body(), key=ASKED),
        "signed under another name": note(body(), name="XBB/XCC/1"),
        "of another log, signed by our key": note(body(origin="XBB/XCC/1")),
        "signed by a witness alone": body() + "\n" + witness,
        "not signed": body(),
        "a signature changed": forged,
        "the size changed": good.replace("\n8\n", "\n9\n"),
        "a leading zero": note(f"{ORIGIN}\n08\n{std64(tree_hash(LEAVES[:8]))}\n"),
        "a root of 31 bytes": note(f"{ORIGIN}\n8\n{std64(fixed('x', 31))}\n"),
        "a line more": note(body() + "extension\n"),
        "a hyphen for the dash": good.replace("\u2014", "-"),
        "no line feed at the end": good[:-1],
        "nothing": "",
    }.items():
        file.bad("checkpoint", about, "M-7.3", given(text))


def entries(file: Collector) -> None:
    """Add receipts proved in a log: one good, one fault each."""
    good = {"receipt": RECEIPT, "r": b64u(OPENING), "proof": PROOF, "origin": ORIGIN, "public": public(LOG).hex()}
    file.ok("entry", "the example", "M-7.2 M-7.4", good, index=5, size=8)
    file.ok("entry", "the same receipt in a larger tree", "M-7.4", {**good, "proof": proof(size=12)}, index=5, size=12)
    lines = PROOF.split("\n")
    for about, changes in (
        ("another receipt", {"receipt": jws(receipt(due_on="2026-12-16"), "xg1-receipt+jws", ASKED)}),
        ("another opening", {"r": b64u(fixed("other opening"))}),
        ("another entry's proof", {"proof": proof(index=4)}),
        ("another log", {"origin": "XBB/XCC/1"}),
        ("another log key", {"public": public(ASKED).hex()}),
        ("another header", {"proof": PROOF.replace("@v1", "@v2")}),
        ("no index", {"proof": "\n".join([lines[0], *lines[2:]])}),
        ("an index with a leading zero", {"proof": PROOF.replace("index 5", "index 05")}),
        ("a hash less", {"proof": "\n".join([*lines[:2], *lines[3:]])}),
        ("a hash in base64url", {"proof": PROOF.replace(lines[2], b64u(base64.b64decode(lines[2])))}),
        ("data that is not defined", {"proof": PROOF.replace("index", "extra AAAA\nindex", 1)}),
        ("no checkpoint", {"proof": PROOF.partition("\n\n")[0] + "\n\n"}),
    ):
        file.bad("entry", about, "M-7.4", {**good, **changes})
    root = tree_hash(LEAVES[:8])
    largest = {"name": ORIGIN, "public": public(LOG).hex(), "note": note(f"{ORIGIN}\n{2**53 - 1}\n{std64(root)}\n")}
    file.ok("checkpoint", "the largest size", "M-7.4", largest, size=2**53 - 1, root=root.hex())
    over = {**largest, "note": note(f"{ORIGIN}\n{2**53}\n{std64(root)}\n")}
    file.bad("checkpoint", "a size of 2^53", "M-7.4", over)
