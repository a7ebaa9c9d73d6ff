"""A second verifier of evidence (docs/evidence.md), with nothing of the gateway's: python verify.py FILE [ROOT.json]

ROOT.json is the trust list's root as you compared it. Needs PyNaCl and cryptography >= 48. Exits 6 if any is told."""

import base64
import hmac
import sys
import zipfile
from hashlib import sha256
from json import JSONEncoder, loads

from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
from nacl.bindings import crypto_sign_open

members, faults, cards, rows, checkpoints, proved = {}, [], {}, {}, {}, set()
canonical = JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode  # what TUF signs


def need(true, reason):
    if not true:
        raise ValueError(reason)


def attempt(check, name, *more):
    try:
        return check(name, *more)
    except Exception as error:  # whatever a hostile file makes a check raise is a fault of the member it is in
        faults.append((name, str(error) or type(error).__name__))


def b64(text):  # of either alphabet; one text for each value
    plain = text.replace("-", "+").replace("_", "/").rstrip("=")
    raw = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    need(plain == base64.b64encode(raw).decode().rstrip("="), "base64 with bits to spare")
    return raw


def ed25519(key, signature, message):  # libsodium, which refuses keys of small order
    need(len(key) == 32 and len(signature) == 64 and crypto_sign_open(signature + message, key) == message, "unsigned")


def part(name, keys, role, meta=None):  # a part of the trust list, by enough of its keys and as it is named above
    value, good = loads(members[name]), set()
    for one in value["signatures"]:
        key = keys.get(one["keyid"]) if one["keyid"] in role["keyids"] else None
        if key and sha256(canonical(key).encode()).hexdigest() == one["keyid"]:
            good.add(bytes.fromhex(key["keyval"]["public"]))  # one key in two texts has two ids
            ed25519(*map(bytes.fromhex, (key["keyval"]["public"], one["sig"])), canonical(value["signed"]).encode())
    least = max(role["threshold"], 1 + len(role["keyids"]) // 2 * name.endswith(("root.json", "targets.json")))
    need(len(good) >= least, f"signed by {len(good)} of the {least} it takes")  # no minority signs for all trustees
    need(meta is None or meta["hashes"]["sha256"] == sha256(members[name]).hexdigest(), "not what the list names")
    return value["signed"]


def trust(_, root):  # from the root that was compared to the identity key of each State
    while (name := f"trust/{root['version'] + 1}.root.json") in members:
        root, before = part(name, root["keys"], root["roles"]["root"]), root["version"]
        need(part(name, root["keys"], root["roles"]["root"])["version"] == before + 1, "a root of another number")
    stamp = part("trust/timestamp.json", root["keys"], root["roles"]["timestamp"])["meta"]
    shot = part("trust/snapshot.json", root["keys"], root["roles"]["snapshot"], stamp["snapshot.json"])["meta"]
    rules = part("trust/targets.json", root["keys"], root["roles"]["targets"], shot["targets.json"])["delegations"]
    for role in [one for one in rules["roles"] if one["threshold"] >= min(2, len(one["keyids"]))]:  # no lone signer
        country, name = role["name"], f"trust/{role['name']}.cards.json"
        if name in members and role["paths"] == [f"cards/{country}/*"]:
            goal = part(f"trust/{country}.json", rules["keys"], role, shot[f"{country}.json"])["targets"]
            need(goal[f"cards/{country}/card.json"]["hashes"]["sha256"] == sha256(members[name]).hexdigest(), name)
            cards[country] = [loads(b64(one.split(".")[1])) for one in loads(members[name])["cards"]]


def signed(name):  # a JWS (RFC 7515), by the key that its State's cards list for that instant
    head, payload, signature = members[name].decode().split(".")
    kid, value, row = loads(b64(head))["kid"], loads(b64(payload)), rows.get(name.split("/")[-1][:43])
    typ = {"ca": "xg1-card", "co": "xg1-msg", "ma": "isthmus-evidence", "re": "xg1-receipt"}[name[:2]]
    need(b64(head) == f'{{"alg":"Ed25519","kid":"{kid}","typ":"{typ}+jws"}}'.encode(), "not the header that is due")
    country = value["country" if name[:2] in ("ca", "ma") else "from"]
    digest = base64.urlsafe_b64encode(sha256(b64(payload)).digest())[:43].decode()
    if typ == "xg1-card":  # by an identity key of the list, or named as the one before by a card that stands
        keys, named = [{"kid": kid, "key": value["identity"]}], {one["prev"] for one in cards.get(country, ())}
        need(len(sys.argv) < 3 or (country, value["identity"]) in listed or digest in named, "not listed")
    else:
        at = value.get({"m": "exported_at", "r": "received_at"}.get(name[0])) or row["received_at"] or row["queued_at"]
        keys = [key for card in cards[country] for key in card["signing"] if key["kid"] == kid]
        keys = [k for k in keys if k["from"] <= at < k["until"] and all(at < (it["revoked_at"] or "~") for it in keys)]
    need(keys and b64(kid) == sha256(b"xg1 sign\0" + b64(keys[0]["key"])).digest()[:16], "by no key, or a revoked one")
    ed25519(b64(keys[0]["key"]), b64(signature), f"{head}.{payload}".encode())
    cards.setdefault(country, []).extend([value] * (typ == "xg1-card"))
    if row:  # the receipt for a message goes the other way
        two = [about["partner"], about["country"]][:: 1 if (row["direction"] == "sent") == (name[0] == "r") else -1]
        mine = [value["from"], value["to"], *([value["payload"]] if name[0] == "r" else [digest, value["thread"]])]
        need(mine == [*two, row["digest"], about["thread"]][: len(mine)], "another message, or another way")
    if typ == "xg1-receipt":
        proved.add((name, country, row["digest"], value["status"], value["code"], row["received_at"] and at))
    need(typ != "xg1-msg" or [value["type"], value["seq"]] == [row["type"], row["seq"]], "not as told")


def opening(name, row):  # RFC 9162 section 2.1.3.2; C2SP tlog-proof, tlog-checkpoint and tlog-cosignature
    head, body, signatures = members[name].decode().split("\n\n")
    (origin, size, root), at, path, by = body.split("\n"), row["index"], map(b64, head.split("\n")[2:]), set()
    node = sha256(b"\0" + hmac.digest(b64(row["r"]), sha256(members[row["receipt"]]).digest(), "sha256")).digest()
    need(0 <= at <= (last := int(size) - 1) and {origin[:3], origin[4:7]} == {about["country"], about["partner"]}, name)
    for sibling in path:
        right = need(last, "the proof is too long") or at & 1 or at == last
        while right and not at & 1 and at:
            at, last = at >> 1, last >> 1
        node = sha256(b"\1" + (sibling + node if right else node + sibling)).digest()
        at, last = at >> 1, last >> 1
    need(last == 0 and node == b64(root), "the receipt is not the entry at that place of the log")
    lines = [(line[1], b64(line[2])) for line in map(str.split, signatures.strip().split("\n"))]
    keys = [(origin, b"\n\1", b64(one["key"])) for card in cards[row["keeper"]] for one in card["log"]]
    keys += [(name, b"\n\6", b64(key)) for name in cards for card in cards[name] for key in card.get("cosigning", ())]
    for country, kind, key, name, blob in [(*key, *line) for key in keys for line in lines]:
        known = (name, blob[:4]) == (country, sha256(country.encode() + kind + key).digest()[:4])
        if known and country == origin:
            ed25519(key, blob[4:], body.encode() + b"\n")
        elif known:
            tree = len(country), country.encode(), blob[4:12], len(origin), origin.encode(), int(size).to_bytes(16)
            MLDSA44PublicKey.from_public_bytes(key).verify(blob[12:], b"subtree/v1\n\0%c%b%b%c%b%b" % tree + b64(root))
        by.update([country] if known else [])
    need(origin in by and origin[:3] == row["keeper"], "the checkpoint is not signed by the keeper of the log")
    checkpoints.setdefault((f"{origin} of {int(size)} entries", b64(root)), set()).update(by)
    return row["receipt"], row["keeper"]


with zipfile.ZipFile(sys.argv[1]) as archive, open(sys.argv[-1], "rb") as file:
    members.update((name, archive.read(name)) for name in archive.namelist())
    faults += [("", "a member stands twice")] * (len(members) != len(archive.namelist()))
    _ = attempt(trust, "trust/targets.json", loads(file.read())["signed"]) if len(sys.argv) > 2 else None
listed = {(country, card["identity"]) for country, own in cards.items() for card in own}
manifest = attempt(lambda name: b64(members[name].split(b".")[1].decode()), "manifest.jws") or b""
about = attempt(lambda name: loads(manifest or members[name]), "manifest.json") or {}
told = attempt(lambda name: {key: str(one["sha256"]) for key, one in about["members"].items()}, "manifest.jws") or {}
told["manifest.json"] = sha256(manifest).hexdigest()
given = {(name, sha256(raw).hexdigest()) for name, raw in members.items() if name != "manifest.jws"}  # verified below
faults += [(it, "missing, not in the manifest, or other bytes than there") for it in sorted(dict(given ^ told.items()))]
both = [attempt(lambda it: loads(members[it])[it[:8]], one) or [] for one in ("messages.json", "openings.json")]
attempt(lambda _: [need(rows.setdefault(row["digest"], row) is row, "one twice") for row in both[0]], "messages.json")
for name in sorted((it for it in members if it.endswith(".jws")), key=lambda it: (it[:2] == "ca", len(it), it))[::-1]:
    attempt(signed, name)  # cards come first, each before the one that it names
entered = {attempt(opening, row.get("proof", "openings.json"), row) for row in both[1]}
said = [more for name, signer, *more in proved if (name, signer) in entered]
said += [[it] + [None] * 3 for it in rows if rows[it].get("direction") == "sent" and it not in {by[2] for by in proved}]
needs = [[it, *map(rows[it].get, ("status", "code", "received_at"))] for it in rows]
faults += [("messages.json", f"{it[0]}: no receipt in the log of its signer says so") for it in needs if it not in said]
faults += [("openings.json", "two roots of one log and size")] * (len(checkpoints) > len({at for at, _ in checkpoints}))
out = [f"{name or 'the file'}: {reason}" for name, reason in faults] or ["nothing is wrong"]
out += [f"checkpoint {at}, signed by {', '.join(sorted(by))}" for (at, _), by in checkpoints.items()]
keys = [f"identity key of {name}: {' '.join({card['identity']: 0 for card in own})}" for name, own in cards.items()]
print("\n".join(ascii(line)[1:-1] for line in out + keys))  # a file says nothing to the terminal
sys.exit(6 if faults else 0)
