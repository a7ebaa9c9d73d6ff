"""Values whose parts a text that is read from right to left has to keep in order, for the tests of pages."""

VALUES = {
    "a day": "2026-12-18",
    "a month": "2026-12",
    "a day and time": "2026-12-18 10:00",
    "an instant": "2026-12-18 10:00 UTC+01:00",
    "a telephone number": "+00 5550 100",
    "one with a digit for calls from within": "+00 (0)22 555-01",
    "one with an area in brackets": "(022) 555 01",
    "a range": "08:00-16:00",
    "a negative number": "-5",
    "a path": "/var/lib/isthmus/identity.keys",
    "a folder": "/var/lib/isthmus/",
    "an option": "--json",
    "a command with a gap": "isthmus partner confirm XBB --reason ...",
    "a shortened digest": "sha256:4f-07…",
    "an address": "[2001:db8::1]:8443",
    "an address without a port": "[::1]",
    "a code that begins with digits": "4-xYz_9",
    "a code that begins with a dash": "-xYz_9",
    "a command that begins with a path": "/bin/a &lt; b &gt; c&#39;s",
}
"""Each as a page holds it."""
