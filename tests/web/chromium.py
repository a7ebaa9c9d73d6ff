"""Chromium as the tests start it, and the authenticator they give it."""

from pathlib import Path

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}

SHORT = 12
"""Letters of a word that has room on one line wherever it stands; a digest may be broken."""

BROKEN = """
short => {
  // Whatever may break a line within a word stands between two words here; a digest or an address is not looked at.
  const word = /[^\\s\\p{Pd}\\/]+/gu, found = [], range = document.createRange();
  const tops = (node, from, to) => {
    range.setStart(node, from);
    range.setEnd(node, to);
    return new Set([...range.getClientRects()].map(line => Math.round(line.top))).size;
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node && found.length < 3; node = walker.nextNode()) {
    if (!/\\S/.test(node.data) || tops(node, 0, node.length) < 2) continue;
    const words = [...node.data.slice(0, 2000).matchAll(word)].filter(([one]) => one.length <= short);
    const broken = words.find(({0: one, index}) => tops(node, index, index + one.length) > 1);
    if (broken) found.push(broken[0]);
  }
  return found;
}
"""
"""
What a page shows broken within a word of at most so many letters: the first such word of at most three texts.

A text on one line, as most are, costs one measure; what is not shown has no lines.
"""
