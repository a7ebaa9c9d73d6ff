// What a script adds to the desks. Every page works without it; nothing here writes markup, only text and attributes.
"use strict";
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

// Error summary: read first.
document.querySelector("[data-focus]")?.focus();
if (document.querySelector("[data-signed-out]")) new BroadcastChannel("desk-out").postMessage("");

// Of two clicks the second would let go of what the first one brings over a slow line: of a session, where it signs in.
let sentAt = -2000;
document.addEventListener("submit", (event) => {
  if (event.timeStamp - sentAt < 2000) event.preventDefault();
  else if (event.target.method === "post" && !event.defaultPrevented) sentAt = event.timeStamp;
});

// Signed out after a while without a request: warn two minutes before, and offer to stay. Tabs tell one another.
const timeOut = document.getElementById("time-out");
if (timeOut) {
  const WARN_MS = 120_000;
  const tabs = new BroadcastChannel(`desk ${timeOut.dataset.whose}`); // Nobody keeps open what another left here.
  let endsAt = 0, looking, asking = false; // One question at a time: whether the session goes on.
  const ask = async (headers = {}) => {
    if (asking) return null;
    asking = true;
    const body = new URLSearchParams({ csrf: document.querySelector("meta[name=csrf]").content });
    const sent = { method: "POST", body, headers, redirect: "manual", signal: AbortSignal.timeout?.(10_000) };
    const answer = await fetch("/session/keep", sent).catch(() => null);
    asking = false;
    return answer;
  };
  const hide = (hidden) => all("main, .desk-beforehand").forEach((one) => (one.hidden = hidden));
  // What was typed and not sent is sent as such when the page is left: it is kept for its person, and never taken.
  const isOwn = (form) => new URL(form.action).pathname === location.pathname; // What a page answers was sent to it.
  let typed = "typed" in timeOut.dataset && all("main form[method=post]").find(isOwn);
  document.addEventListener("input", ({ target }) => (typed = target.form?.method === "post" ? target.form : typed));
  document.addEventListener("submit", ({ target }) => "file" in target.dataset && (typed = null)); // Its page stays.
  const leave = () => {
    clearInterval(looking); // Asked for anew each second, an answer that takes two would never be shown.
    tabs.close(); // Where the line hangs the browser keeps the page, and whoever signs in next is not to see it.
    hide(true);
    if (timeOut.open) timeOut.close();
    if (!typed) return location.assign(timeOut.dataset.ended);
    all("[type=file]", typed).forEach((one) => one.remove());
    typed.append(Object.assign(document.createElement("input"), { type: "hidden", name: "unsent", value: "yes" }));
    typed.submit();
  };
  const wait = (ms) => {
    endsAt = Date.now() + ms;
    hide(false);
    if (timeOut.open && ms > WARN_MS) timeOut.close();
  };
  const restart = () => wait(Number(timeOut.dataset.idleS) * 1000);
  // The session outlasts the time here by up to a minute, and the page that follows would keep it: so it is ended first.
  const end = async (ms) => {
    const answer = await ask({ "Desk-Background": "1" });
    // A step that this page did not hear of, or a clock that is ahead of the desk's: only what is left there is left.
    if (answer?.ok) wait(Number(answer.headers.get("Retry-After")) * 1000);
    else if (answer?.status < 500 || ms < -60_000) leave(); // A redirection has no status here; or another is there.
  };
  const look = () => {
    const ms = endsAt - Date.now();
    if (ms > WARN_MS) return;
    const seconds = Math.max(0, Math.ceil(ms / 1000));
    all("[data-left]", timeOut)[0].textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    if (!timeOut.open) timeOut.showModal();
    hide(ms <= 0); // Whoever passes by reads nothing, whether or not a desk answers.
    if (ms <= 0 && !asking) end(ms);
  };
  const keep = async () => {
    const answer = await ask();
    if (!answer || answer.status >= 500) return; // The clock goes on, and the button can be pressed again.
    if (!answer.ok) return leave();
    restart();
    tabs.postMessage("asked");
  };
  timeOut.querySelector("[data-keep]").addEventListener("click", keep);
  timeOut.addEventListener("cancel", (event) => (event.preventDefault(), keep()));
  // The desk counts from where a form began to come, and a large file takes minutes: to leave meanwhile would stop it.
  document.addEventListener("submit", (event) => event.defaultPrevented || restart());
  tabs.addEventListener("message", restart);
  // Who signs out in one window leaves nothing open in another. The desk is asked: any site may lead to that page.
  new BroadcastChannel("desk-out").addEventListener("message", () => ((endsAt = Date.now()), look()));
  restart();
  tabs.postMessage("asked");
  looking = setInterval(look, 1000);
}

// Figures that stay fresh while the page is seen. The header says that nobody asked, so the time above goes on.
const counts = all("[data-count-url]");
const refreshing = new Set(); // One question at a time: an answer that is late would be written over a newer one.
const refresh = async (element) => {
  if (refreshing.has(element)) return;
  refreshing.add(element);
  const headers = { "Desk-Background": "1", Accept: "text/plain" };
  const answer = await fetch(element.dataset.countUrl, { headers, redirect: "manual" }).catch(() => null);
  const text = answer?.ok ? (await answer.text().catch(() => "")).trim() : "";
  if (/^\d{1,9}\+?$/.test(text)) element.textContent = text.replace(/.*\+/, "\u2066$&\u2069"); // 99+, read as such
  refreshing.delete(element);
};
if (counts.length) setInterval(() => document.hidden || counts.forEach(refresh), 60_000);

// Choose all boxes of a list.
for (const holder of all("[data-select-all]")) {
  const master = holder.querySelector("input");
  const boxes = all(`[name="${holder.dataset.selectAll}"]`, holder.closest("form") ?? document);
  const show = () => {
    const chosen = boxes.filter((box) => box.checked).length;
    master.checked = boxes.length > 0 && chosen === boxes.length;
    master.indeterminate = chosen > 0 && chosen < boxes.length;
  };
  holder.hidden = boxes.length === 0;
  master.addEventListener("change", () => boxes.forEach((box) => (box.checked = master.checked)));
  boxes.forEach((box) => box.addEventListener("change", show));
  show();
}

// Sort a table by a column that allows it.
const order = new Intl.Collator(document.documentElement.lang, { numeric: true }).compare;
for (const header of all("th[data-sort]")) {
  const button = Object.assign(document.createElement("button"), { type: "button", className: "desk-sort" });
  button.append(...header.childNodes);
  header.append(button);
  header.setAttribute("aria-sort", "none");
  button.addEventListener("click", () => {
    const up = header.getAttribute("aria-sort") !== "ascending";
    const table = header.closest("table");
    const cell = (row) => row.cells[header.cellIndex];
    const value = (row) => cell(row).dataset.value ?? cell(row).textContent.trim();
    all("th[data-sort]", table).forEach((other) => other.setAttribute("aria-sort", "none"));
    header.setAttribute("aria-sort", up ? "ascending" : "descending");
    const rows = [...table.tBodies[0].rows].sort((a, b) => (up ? 1 : -1) * order(value(a), value(b)));
    table.tBodies[0].append(...rows);
  });
}

// Single keys, for those who switched them on (WCAG 2.1.4), and never while typing.
if (document.body.dataset.shortcuts === "on") {
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    if (typing || event.ctrlKey || event.altKey || event.metaKey || document.querySelector("dialog[open]")) return;
    const search = document.querySelector("[data-search]");
    if (event.key === "/" && search) search.focus();
    else if (event.key === "?") document.getElementById("shortcuts")?.showModal();
    else return;
    event.preventDefault();
  });
}

// Passkeys: the options are in the form, the credential goes back in it.
const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));
const text = (buffer) => {
  const plain = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(plain).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
};
const withIds = (list) => list?.map((one) => ({ ...one, id: bytes(one.id) }));
const parse = {
  get(json) {
    if (PublicKeyCredential.parseRequestOptionsFromJSON) return PublicKeyCredential.parseRequestOptionsFromJSON(json);
    return { ...json, challenge: bytes(json.challenge), allowCredentials: withIds(json.allowCredentials) };
  },
  create(json) {
    if (PublicKeyCredential.parseCreationOptionsFromJSON) return PublicKeyCredential.parseCreationOptionsFromJSON(json);
    const user = { ...json.user, id: bytes(json.user.id) };
    return { ...json, challenge: bytes(json.challenge), user, excludeCredentials: withIds(json.excludeCredentials) };
  },
};
const serialize = (credential) => {
  if (credential.toJSON) return credential.toJSON();
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[name]) response[name] = text(credential.response[name]);
  }
  if (credential.response.getTransports) response.transports = credential.response.getTransports();
  const { id, type, authenticatorAttachment } = credential;
  const clientExtensionResults = credential.getClientExtensionResults();
  return { id, rawId: text(credential.rawId), type, authenticatorAttachment, clientExtensionResults, response };
};
for (const form of all("form[data-passkey]")) {
  const problem = form.querySelector("[data-problem]");
  const kind = form.dataset.passkey === "create" ? "create" : "get";
  let asked = false;
  for (const button of all("[data-asks]", form)) button.disabled = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (asked) return; // A second press would take what the first one asks for out of its hands.
    asked = true;
    problem.hidden = true;
    try {
      const publicKey = parse[kind](JSON.parse(form.dataset.options));
      const credential = await navigator.credentials[kind]({ publicKey });
      form.elements.credential.value = JSON.stringify(serialize(credential));
      form.submit();
      setTimeout(() => (asked = false), 2000); // The page stays, where whoever waits stops it.
    } catch {
      asked = false;
      problem.hidden = false;
    }
  });
}
