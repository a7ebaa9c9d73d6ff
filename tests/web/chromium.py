"""Chromium as the tests start it, and the authenticator they give it."""

from pathlib import Path

WHOLE = Path("/usr/bin/chromium")
SHELL = Path("/usr/bin/chromium-headless-shell")
"""The same browser without what a person has of it: no windows, no menus, no profile. A test costs a third less."""
CHROMIUM = SHELL if SHELL.exists() else WHOLE

WITHOUT = (
    # What Playwright leaves out by itself: of two such lists the last one counts.
    *("AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades"),
    *(
        "HttpsFirstBalancedModeAutoEnable",
        "LensOverlay",
        "MediaRouter",
        "PaintHolding",
        "ThirdPartyStoragePartitioning",
    ),
    *("AvoidCorsURLLoaderRestartOnRedirect", "OptimizationHints", "NetworkTimeServiceQuerying", "AimEnabled"),
    "PreconnectToSearch",
    # Each window loads these pages for what somebody might type where no window is seen: half of what a window costs.
    *("WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "WebUIOmniboxFullPopup"),
)
"""Features of Chromium that the tests leave out."""

FLAGS = [
    f"--disable-features={','.join(WITHOUT)}",
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
  // Whatever may break a line within a word stands between two words here, but in a day; a digest or an address is not
  // looked at.
  const word = /(?<![\\p{L}\\p{Nd}-])\\d{4}-\\d\\d(?:-\\d\\d)?(?![\\p{L}\\p{Nd}-])|[^\\s\\p{Pd}\\/]+/gu;
  const found = [], range = document.createRange();
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

SHUFFLED = """
() => {
  const right = /[\\u0590-\\u08ff]/, found = [], range = document.createRange();
  const stretches = /[^\\u0590-\\u08ff«»·\\n]+/g;
  const value = /(?:(?<!\\S)[-+/~*@#\\[]+:*)?[\\p{L}\\p{N}_](?:.*[\\p{L}\\p{N}_])?(?:[/*…\\]]| \\.{3})?/u;
  const place = (node, at) => {
    range.setStart(node, at);
    range.setEnd(node, at + 1);
    return range.getClientRects()[0];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node && found.length < 40; node = walker.nextNode()) {
    if (!/[\\d+\\-/…\\]]|\\.{3}/.test(node.data) || !place(node, 0)) continue;
    if (getComputedStyle(node.parentElement).direction === "ltr" && !right.test(node.data)) continue;
    for (const {0: stretch, index} of node.data.matchAll(stretches)) {
      const {0: text, index: at} = value.exec(stretch) || {};
      if (!text || /^\\p{L}+$|^\\p{N}+$/u.test(text)) continue;
      let last = null;
      for (let i = 0; i < text.length; i++) {
        const now = /\\s/.test(text[i]) ? null : place(node, index + at + i);
        if (!now) continue;
        if (last && Math.abs(now.top - last.top) < now.height / 2 && now.left < last.left) {
          found.push(text);
          break;
        }
        last = now;
      }
    }
  }
  return found;
}
"""
"""
The values, as 2026-12-18 or /var/lib, that a page shows in another order than they are read in.

Looked at are the stretches without a letter that is read from the right, in texts that are read from there.
"""
