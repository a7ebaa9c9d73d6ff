#!/usr/bin/env python3
"""Scores a redactor / asylum gate against a gold corpus (standard library only).

  score.py --gold corpus.jsonl --pred pred.jsonl [options]
  score.py --gold corpus.jsonl --cmd "CMD" [--mode jsonl|text] [--save pred.jsonl] [options]

pred.jsonl (and what CMD prints in jsonl mode): one JSON object a line with "id" and any of
  "redacted": the redacted text     "spans": [{"start","end"[,"type"]}] in code points of the original
  "block": true when the message must not be sent     "ms": the system's own time for the note (optional)
If both are given, "redacted" is what is scored for leaks. A note without a prediction counts as sent unredacted.
CMD, jsonl mode: all notes on stdin as {"id","lang","text"}, one a line (no gold), one reply a line, any order.
CMD, text mode : run once a note; text on stdin, redacted text on stdout; exit code --block-exit (3) means block.

An entity leaks (strict) if any identifying token of it survives; (major) if at least half of its identifying
characters survive. Two tests are joined: position (output aligned to the original) and string survival (the token
turns up anywhere in the output although the original has it only inside gold spans).
"""

import argparse, collections, difflib, json, math, os, re, resource, shlex, subprocess, sys, time, unicodedata

TYPES = [
    "PERSON",
    "PERSON_SUBJECT",
    "PHONE",
    "EMAIL",
    "ADDRESS",
    "SHELTER",
    "DOC_ID",
    "CASE_NO",
    "DOB",
    "BANK",
    "PLATE",
    "HANDLE",
    "GPS",
    "HEALTH",
    "SEXUAL",
    "ASYLUM",
]
NUMERIC = {"PHONE", "DOC_ID", "CASE_NO", "BANK", "PLATE", "GPS"}
PHRASE = {"ADDRESS", "SHELTER", "HEALTH", "SEXUAL", "ASYLUM"}
PLACEHOLDER = re.compile(r"\[[^\[\]\n]{1,60}\]|<[^<>\n]{1,60}>|\{\{[^{}\n]{1,60}\}\}|[█▇■]+|\*{2,}|X{3,}|_{3,}")
TOKEN = re.compile(r"\d+|[^\W\d_]+(?:[’\'ʼ][^\W\d_]+)*[\u064b-\u0652]*", re.U)
# words in a name, address or online contact that identify nobody
GENERIC = set(
    """mr mrs ms miss dr don dott ssa sister suor uncle aunt auntie tante tanti tata tía tia mama madame dona doña
old man the and et y i dhe și si та и و de la le les du des el al ul del della di da dos van von bin ben bint abu ibn od
th st street str strada rue rruga rr road rd avenue av avenida lane row close house flat floor apt ap apartment
bl bloc blloku block sc shk scara vul вул ul ulica улица улице calle carrer via viale odos piso kat kati étage etage
nr no num număr num n º bis bus sat com comuna fshati village city town county judet județul lagjja lagja lagjen pall
pallati hyrja km kilómetro кв дом буд смт село м с г شارع حي زنقة رقم شقة عمارة box po cp pf p o
facebook com people insta instagram snapchat telegram tiktok t me vk https http www example org net maps id profile
tel phone mobile cel mob mail email dot at passport pasaporte cnp nie dni iban""".split()
)
TRANS = {ord(a): b for a, b in zip("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹", "01234567890123456789")}
TRANS.update({ord("أ"): "ا", ord("إ"): "ا", ord("آ"): "ا", ord("ى"): "ي", ord("ـ"): ""})


def norm(s):
    s = unicodedata.normalize("NFKD", s).translate(TRANS).casefold()
    return "".join(c for c in s if not unicodedata.combining(c))


def tokens(s):
    return [(m.start(), m.end(), norm(m.group())) for m in TOKEN.finditer(s)]


def common(a, b):
    m = difflib.SequenceMatcher(None, a, b, autojunk=False).find_longest_match(0, len(a), 0, len(b))
    return m.a, m.size


def keep_mask(text, pred):
    """True for each character of the original that is still in the output."""
    if pred is None:
        return [True] * len(text), text, False
    if pred.get("redacted") is None:
        mask = [True] * len(text)
        for s in pred.get("spans") or []:
            for i in range(max(0, s["start"]), min(len(text), s["end"])):
                mask[i] = False
        return mask, "", False
    out = PLACEHOLDER.sub(" \x00 ", pred["redacted"])
    A, B = tokens(text), tokens(out)
    mask = [False] * len(text)
    sm = difflib.SequenceMatcher(None, [t[2] for t in A], [t[2] for t in B], autojunk=False)
    for op, i1, i2, j1, j2 in sm.get_opcodes():
        if op == "equal":
            for s, e, _ in A[i1:i2]:
                for k in range(s, e):
                    mask[k] = True
        elif op == "replace":
            for s, e, w in A[i1:i2]:
                if len(w) != e - s:
                    continue
                for _, _, v in B[j1:j2]:
                    at, size = common(w, v)
                    if size >= (3 if w.isdigit() else 4):
                        for k in range(s + at, s + at + size):
                            mask[k] = True
    return mask, out, True


def digit_runs(s):
    return [re.sub(r"\D", "", m) for m in re.findall(r"\d(?:[\s().\-/+–]{0,3}\d)*", s.translate(TRANS))]


def ident_tokens(typ, surf, base, common_words):
    toks = [(base + s, base + e, w) for s, e, w in tokens(surf)]
    cand = toks
    if typ in ("PERSON", "PERSON_SUBJECT"):
        cand = [t for t in toks if len(t[2]) >= 2 and t[2] not in GENERIC and not t[2].isdigit()]
    elif typ == "EMAIL":
        cut = re.search(r"@|\(at\)", surf)
        end = base + (cut.start() if cut else len(surf))
        cand = [t for t in toks if t[0] < end and len(t[2]) >= 2 and t[2] not in GENERIC]
    elif typ == "HANDLE":
        cand = [t for t in toks if len(t[2]) >= 2 and t[2] not in GENERIC]
    elif typ in PHRASE:
        cand = [
            t
            for t in toks
            if len(t[2]) >= 3 and not t[2].isdigit() and t[2] not in GENERIC and t[2] not in common_words
        ]
    return cand or toks


class Scorer:
    def __init__(self, gold, keep_types=()):
        self.gold, self.keep = gold, set(keep_types)
        df = collections.Counter()
        for r in gold:
            m = [False] * len(r["text"])
            for s in r["spans"]:
                for i in range(s["start"], s["end"]):
                    m[i] = True
            r["_g"] = m
            r["_outside"] = {w for s, e, w in tokens(r["text"]) if not any(m[s:e])}
            r["_out_digits"] = digit_runs("".join(" " if g else c for c, g in zip(r["text"], m)))
            df.update(r["_outside"])
        self.common_words = {w for w, n in df.items() if n >= 3}

    def entity(self, r, s, mask, out_words, out_runs):
        typ, surf = s["type"], r["text"][s["start"] : s["end"]]
        ids = ident_tokens(typ, surf, s["start"], self.common_words)
        idx = [i for i in range(s["start"], s["end"]) if r["text"][i].isalnum()]
        kept = sum(mask[i] for i in idx)
        digs = [i for i in idx if r["text"][i].isdigit()]
        strict = major = False
        if typ in NUMERIC and len(digs) >= 3:
            kd = sum(mask[i] for i in digs)
            strict = kd >= min(4, math.ceil(len(digs) / 2))
            major = kd * 2 >= len(digs)
            D = "".join(r["text"][i] for i in digs).translate(TRANS)
            for k in range(len(D) - 4):
                g = D[k : k + 5]
                if any(g in x for x in out_runs) and not any(g in x for x in r["_out_digits"]):
                    strict = True
        else:
            tot = sum(e - a for a, e, _ in ids)
            sv = 0
            for a, e, w in ids:
                kk = sum(mask[i] for i in range(a, e))
                sv += kk
                if kk * 2 >= (e - a) and kk >= min(2, e - a):
                    strict = True
                elif typ not in PHRASE and len(w) >= 3 and w in out_words and w not in r["_outside"]:
                    strict = True
            major = tot > 0 and sv * 2 >= tot
        return dict(type=typ, strict=strict, major=major, chars=len(idx), removed=len(idx) - kept, surf=surf)

    def run(self, preds):
        rows = []
        for r in self.gold:
            p = preds.get(r["id"])
            mask, out, free = keep_mask(r["text"], p)
            # words of the output that the alignment does not account for (moved, repeated or rewritten text)
            out_words = collections.Counter(w for _, _, w in tokens(out)) if free else collections.Counter()
            if free:
                out_words.subtract(w for s, e, w in tokens(r["text"]) if all(mask[s:e]))
            out_words = {w for w, n in out_words.items() if n > 0}
            out_runs = digit_runs(out) if free else []
            ents = [self.entity(r, s, mask, out_words, out_runs) for s in r["spans"]]
            al = [i for i, c in enumerate(r["text"]) if c.isalnum()]
            held = set()
            for s in r["spans"]:
                if s["type"] in self.keep:
                    held.update(range(s["start"], s["end"]))
            non = [i for i in al if not r["_g"][i]]
            removed_non = sum(not mask[i] for i in non)
            removed_gold = sum(not mask[i] for i in al if r["_g"][i])
            rows.append(
                dict(
                    id=r["id"],
                    lang=r["lang"],
                    note=r["note"],
                    asylum=r["asylum"],
                    block=bool(p and p.get("block")),
                    has_block=bool(p and "block" in p),
                    missing=p is None,
                    ents=[e for e in ents if e["type"] not in self.keep],
                    non=len(non),
                    removed_non=removed_non,
                    removed_gold=removed_gold,
                    ms=(p or {}).get("ms"),
                )
            )
        return rows


def rate(a, b):
    return None if not b else a / b


def pct(x):
    return "   -  " if x is None else f"{100 * x:5.1f}%"


def wilson(k, n, z=1.96):
    if not n:
        return (None, None)
    p = k / n
    d = 1 + z * z / n
    c = p + z * z / (2 * n)
    h = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (max(0.0, (c - h) / d), min(1.0, (c + h) / d))


def summarise(rows):
    S = dict(notes=len(rows), missing=sum(r["missing"] for r in rows))
    T = {}
    for t in TYPES + ["ALL", "ALL_HARD", "ALL_PHRASE"]:
        es = [
            e
            for r in rows
            for e in r["ents"]
            if t == "ALL"
            or e["type"] == t
            or (t == "ALL_HARD" and e["type"] not in ("HEALTH", "SEXUAL", "ASYLUM"))
            or (t == "ALL_PHRASE" and e["type"] in ("HEALTH", "SEXUAL", "ASYLUM"))
        ]
        if not es:
            continue
        n = len(es)
        ok = sum(not e["strict"] for e in es)
        T[t] = dict(
            n=n,
            strict=ok / n,
            ci=wilson(ok, n),
            major=sum(not e["major"] for e in es) / n,
            chars=sum(e["removed"] for e in es) / max(1, sum(e["chars"] for e in es)),
        )
    S["types"] = T
    rg, rn = sum(r["removed_gold"] for r in rows), sum(r["removed_non"] for r in rows)
    S["precision_chars"] = rate(rg, rg + rn)
    S["over_all"] = rate(rn, sum(r["non"] for r in rows))
    cl = [r for r in rows if r["note"].startswith("clean/")]
    S["over_clean_chars"] = rate(sum(r["removed_non"] for r in cl), sum(r["non"] for r in cl))
    S["over_clean_notes"] = rate(sum(r["removed_non"] > 0 for r in cl), len(cl))
    S["clean_notes"] = len(cl)
    S["has_block"] = any(r["has_block"] for r in rows)
    a = [r for r in rows if r["asylum"]]
    f = [r for r in rows if not r["asylum"]]
    S["block_recall"] = rate(sum(r["block"] for r in a), len(a))
    S["n_asylum"] = len(a)
    S["block_recall_ci"] = wilson(sum(r["block"] for r in a), len(a))
    S["false_block"] = {
        k: [sum(r["block"] for r in f if r["note"].startswith(k)), sum(r["note"].startswith(k) for r in f)]
        for k in ("near-miss", "general", "clean")
    }
    S["false_block"]["all"] = [sum(r["block"] for r in f), len(f)]
    S["missed_asylum"] = [r["id"] for r in a if not r["block"]]
    sent = [r for r in rows if not r["block"] and r["ents"]]
    S["sent_with_entities"] = len(sent)
    S["sent_leak_free_strict"] = rate(sum(not any(e["strict"] for e in r["ents"]) for r in sent), len(sent))
    S["sent_leak_free_major"] = rate(sum(not any(e["major"] for e in r["ents"]) for r in sent), len(sent))
    return S


def show(S, title=""):
    print(f"== {title}  notes {S['notes']}  missing {S['missing']}")
    print(f"{'type':15}{'n':>5}  {'strict':>7} {'95% CI':>15}  {'major':>7} {'chars':>7}")
    for t, v in S["types"].items():
        lo, hi = v["ci"]
        print(
            f"{t:15}{v['n']:5}  {pct(v['strict']):>7} [{pct(lo)},{pct(hi)}]  {pct(v['major']):>7} {pct(v['chars']):>7}"
        )
    print(
        "precision (removed characters that were gold)",
        pct(S["precision_chars"]),
        "; non-gold characters removed: all notes",
        pct(S["over_all"]),
        ", clean notes",
        pct(S["over_clean_chars"]),
        "; clean notes touched",
        pct(S["over_clean_notes"]),
        f"of {S['clean_notes']}",
    )
    if S["has_block"]:
        fb = S["false_block"]
        lo, hi = S["block_recall_ci"]
        print(
            f"asylum block recall {pct(S['block_recall'])} of {S['n_asylum']} [{pct(lo)},{pct(hi)}]; false blocks: "
            + ", ".join(f"{k} {a}/{n}" for k, (a, n) in fb.items())
        )
        print("  asylum notes not blocked:", " ".join(S["missed_asylum"][:40]) or "none")
    else:
        print("no block decisions given: every asylum note counts as sent")
    print(
        f"notes sent that hold gold entities {S['sent_with_entities']}: leak-free strict {pct(S['sent_leak_free_strict'])}, major {pct(S['sent_leak_free_major'])}"
    )


def run_cmd(cmd, gold, mode, block_exit, timeout):
    preds, info = {}, {}
    if mode == "jsonl":

        def go(notes):
            data = "".join(
                json.dumps({k: r[k] for k in ("id", "lang", "text")}, ensure_ascii=False) + "\n" for r in notes
            )
            t = time.perf_counter()
            p = subprocess.run(cmd, shell=True, input=data.encode(), stdout=subprocess.PIPE, timeout=timeout)
            return time.perf_counter() - t, p

        t1, _ = go(gold[:1])
        tn, p = go(gold)
        info = dict(startup_s=t1, total_s=tn, rc=p.returncode)
        for line in p.stdout.decode("utf-8", "replace").splitlines():
            if line.strip().startswith("{"):
                try:
                    o = json.loads(line)
                    preds[o["id"]] = o
                except (ValueError, KeyError):
                    info["bad_lines"] = info.get("bad_lines", 0) + 1
        per = (tn - t1) / max(1, len(gold) - 1)
        if per <= 0:
            per = tn / len(gold)
            info["note"] = "start-up dominates: ms_per_note is total/notes"
    else:
        t = time.perf_counter()
        for r in gold:
            p = subprocess.run(cmd, shell=True, input=r["text"].encode(), stdout=subprocess.PIPE, timeout=timeout)
            preds[r["id"]] = dict(
                id=r["id"], redacted=p.stdout.decode("utf-8", "replace"), block=p.returncode == block_exit
            )
        info = dict(startup_s=0, total_s=time.perf_counter() - t)
        per = info["total_s"] / len(gold)
    chars = sum(len(r["text"]) for r in gold)
    nb = sum(len(r["text"].encode()) for r in gold)
    info.update(
        ms_per_note=per * 1e3,
        ms_per_500_chars=per * 1e3 * 500 / (chars / len(gold)),
        kb_per_s=nb / len(gold) / per / 1e3,
        peak_rss_mb=resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
    )
    return preds, info


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--gold", required=True)
    ap.add_argument("--pred")
    ap.add_argument("--cmd")
    ap.add_argument("--mode", choices=("jsonl", "text"), default="jsonl")
    ap.add_argument("--block-exit", type=int, default=3)
    ap.add_argument("--timeout", type=float, default=3600)
    ap.add_argument(
        "--keep",
        default="",
        help="comma list of gold types that may stay (e.g. PERSON_SUBJECT): neither leak nor over-redaction",
    )
    ap.add_argument("--by", choices=("lang", "note"), help="also a line for each language or class")
    ap.add_argument("--save")
    ap.add_argument("--json")
    ap.add_argument("--leaks", type=int, default=0, help="print up to N leaked entities")
    ap.add_argument("--title", default="")
    a = ap.parse_args()
    gold = [json.loads(l) for l in open(a.gold, encoding="utf-8") if l.strip()]
    info = {}
    if a.cmd:
        preds, info = run_cmd(a.cmd, gold, a.mode, a.block_exit, a.timeout)
    elif a.pred:
        preds = {o["id"]: o for o in (json.loads(l) for l in open(a.pred, encoding="utf-8") if l.strip())}
    else:
        ap.error("--pred or --cmd")
    if a.save:
        with open(a.save, "w", encoding="utf-8") as fh:
            for o in preds.values():
                fh.write(json.dumps(o, ensure_ascii=False) + "\n")
    rows = Scorer(gold, [t for t in a.keep.split(",") if t]).run(preds)
    own = sorted(o["ms"] for o in preds.values() if o.get("ms") is not None)
    if own:
        sec = sum(own) / 1e3
        nb = sum(len(r["text"].encode()) for r in gold)
        nc = sum(len(r["text"]) for r in gold)
        info.update(
            own_ms_median=own[len(own) // 2],
            own_ms_p95=own[int(len(own) * 0.95)],
            own_ms_per_500_chars=sec * 1e3 * 500 / nc,
            own_kb_per_s=nb / sec / 1e3,
        )
    S = summarise(rows)
    S["speed"] = info
    show(S, a.title or a.cmd or a.pred)
    if info:
        print("speed:", ", ".join(f"{k} {v:.3g}" if isinstance(v, float) else f"{k} {v}" for k, v in info.items()))
    if a.by:
        key = (lambda r: r["lang"]) if a.by == "lang" else (lambda r: r["note"].split("/")[0])
        print(
            f"{a.by:10}{'notes':>6} {'ent':>5} {'strict':>7} {'hard':>7} {'PERSON':>7} {'over':>7} {'block':>7} {'false':>8}"
        )
        S["by"] = {}
        for k in sorted({key(r) for r in rows}):
            q = summarise([r for r in rows if key(r) == k])
            g = q["types"].get
            S["by"][k] = {x: q[x] for x in ("types", "over_all", "block_recall", "false_block")}
            print(
                f"{k:10}{q['notes']:6} {(g('ALL') or {'n': 0})['n']:5} {pct((g('ALL') or {}).get('strict')):>7} {pct((g('ALL_HARD') or {}).get('strict')):>7} {pct((g('PERSON') or {}).get('strict')):>7} {pct(q['over_all']):>7} {pct(q['block_recall']):>7} {q['false_block']['all'][0]:4}/{q['false_block']['all'][1]}"
            )
    if a.leaks:
        n = 0
        for r in rows:
            for e in r["ents"]:
                if e["strict"] and n < a.leaks:
                    print("LEAK", r["id"], r["lang"], e["type"], repr(e["surf"]))
                    n += 1
    if a.json:
        json.dump(S, open(a.json, "w"), indent=1, default=str)


if __name__ == "__main__":
    main()
