"""Vectors of strict I-JSON."""

from conformance.vectors.makers.collector import Collector


def json_file() -> Collector:
    """Strict I-JSON."""
    file = Collector("json", "Strict I-JSON (protocol 3.1)")

    def ok(about: str, text: str, members: int) -> None:
        file.ok("json", about, "M-3.1", {"text": text}, members=members)

    def bad(about: str, raw: str | bytes) -> None:
        given = {"text": raw} if isinstance(raw, str) else {"hex": raw.hex()}
        file.bad("json", about, "M-3.1", given, "bad-json")

    ok("an empty object", "{}", 0)
    ok("white space around and between", ' {"a" : 1 }\r\n', 1)
    ok("every kind of value", '{"a":null,"b":true,"c":[1,-2],"d":"x","e":{"f":{}}}', 5)
    ok("the largest integer", '{"a":9007199254740991,"b":-9007199254740991}', 2)
    ok("text outside ASCII, raw", '{"a":"\u0416\u0627\U0001f600"}', 1)
    ok("a surrogate pair written as escapes", '{"a":"\\ud83d\\ude00"}', 1)
    ok("sixteen levels", '{"a":' * 16 + "1" + "}" * 16, 1)
    bad("seventeen levels", '{"a":' * 17 + "1" + "}" * 17)
    bad("many levels", '{"a":' + "[" * 5000 + "]" * 5000 + "}")
    bad("one name twice", '{"a":1,"a":1}')
    bad("one name twice, once with an escape", '{"a":1,"\\u0061":2}')
    bad("one name twice, deep inside", '{"a":[{"b":1,"b":2}]}')
    bad("a float", '{"a":1.5}')
    bad("a float that is whole", '{"a":1.0}')
    bad("an exponent", '{"a":1e3}')
    bad("an integer too large", '{"a":9007199254740992}')
    bad("an integer too small", '{"a":-9007199254740992}')
    bad("a leading zero", '{"a":01}')
    bad("a negative zero", '{"a":-0}')
    bad("NaN", '{"a":NaN}')
    bad("Infinity", '{"a":-Infinity}')
    bad("a lone high surrogate", '{"a":"\\ud800"}')
    bad("a lone low surrogate", '{"a":"\\udc00x"}')
    bad("a lone surrogate in a name", '{"\\ud800":1}')
    bad("a noncharacter", '{"a":"\uffff"}')
    bad("a noncharacter written as an escape", '{"a":"\\ufdd0"}')
    bad("a noncharacter outside the first plane", b'{"a":"\xf0\x9f\xbf\xbe"}')
    bad("a byte order mark", b"\xef\xbb\xbf{}")
    bad("invalid UTF-8", b'{"a":"\xff"}')
    bad("an overlong encoding", b'{"a":"\xc0\xaf"}')
    bad("a surrogate encoded as UTF-8", b'{"a":"\xed\xa0\x80"}')
    bad("UTF-16", "{}".encode("utf-16-le"))
    bad("a raw control character", '{"a":"\n"}')
    bad("a raw zero byte", b'{"a":"\x00"}')
    bad("bytes after the object", "{}x")
    bad("two objects", "{}{}")
    bad("an array", "[]")
    bad("a string", '"a"')
    bad("null", "null")
    bad("nothing", "")
    bad("a cut object", '{"a":1')
    bad("a comma at the end", '{"a":1,}')
    bad("single quotes", "{'a':1}")
    bad("a comment", '{"a":1}//')
    bad("a name without quotes", "{a:1}")
    bad("a bad escape", '{"a":"\\x41"}')
    return file
