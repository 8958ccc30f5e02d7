// The page of a deskbell: asks /api/status and shows it. What visitors wrote
// goes into the page as text, never as markup.
"use strict";

const every = 2000; // ms between two questions
const patience = 5000; // ms until an answer counts as none
const lastEvents = 20;
const mostConversations = 50;
const $ = (id) => document.getElementById(id);

let settings; // of the page, asked for once
let zone; // time zone of the configuration; undefined: the browser's
let version; // of the agent that this page came from
let asked; // the timer of the next question
let asking = false;
let answered = null; // when the agent answered last
let shown = null; // the status on the page
let sequence = -1; // up to which events are on the page
let muted = false;

// ---- words

function make(tag, className, text) {
  const e = document.createElement(tag);
  if (className) e.className = className;
  if (text !== undefined) e.textContent = text;
  return e;
}

function put(id, text) {
  const e = typeof id === "string" ? $(id) : id;
  if (e.textContent !== String(text)) e.textContent = text;
}

const number = (n) => n.toLocaleString("en").replaceAll(",", "\u202f");
const count = (n, noun) => number(n) + " " + noun + (n === 1 ? "" : "s");

function span(seconds) {
  const m = Math.floor(seconds / 60), h = Math.floor(m / 60), d = Math.floor(h / 24);
  if (m < 1) return Math.max(0, Math.floor(seconds)) + " s";
  if (h < 1) return m + " min";
  if (h < 48) return h + " h" + (m % 60 ? " " + (m % 60) + " min" : "");
  return d + " days" + (h % 24 ? " " + (h % 24) + " h" : "");
}

function size(bytes) {
  if (bytes < 1024) return bytes + " B";
  if (bytes < 1048576) return Math.floor(bytes / 1024) + " KiB";
  const m = bytes / 1048576;
  return (m < 10 ? Number(m.toFixed(1)) : Math.floor(m)) + " MiB";
}

function clock(iso, seconds) {
  const t = new Date(iso);
  const form = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: zone };
  if (seconds) form.second = "2-digit";
  const day = { year: "numeric", month: "short", day: "numeric", timeZone: zone };
  const today = t.toLocaleDateString("en-GB", day) === new Date().toLocaleDateString("en-GB", day);
  const text = t.toLocaleTimeString("en-GB", form);
  if (today) return text;
  return t.toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: zone }) + ", " + text;
}

function when(iso, seconds) {
  const e = make("time", "", iso ? clock(iso, seconds) : "no clock");
  if (iso) {
    e.dateTime = iso;
    e.title = new Date(iso).toLocaleString("en-GB", { timeZone: zone, timeZoneName: "short" });
  }
  return e;
}

const since = (iso) => span((Date.now() - new Date(iso)) / 1000);

function holder(a) {
  switch (a.kind) {
    case "user": return a.email || (a.id ? "person " + a.id : "a person");
    case "team": return "the team " + a.id;
    case "bot": return "the bot" + (a.id ? " " + a.id : "");
    case "none": return "nobody";
  }
  return "somebody unknown";
}

// ---- lists whose entries stay while their key does, so that nothing flickers

function each(list, items, key, build, update) {
  const old = new Map([...list.children].map((e) => [e.dataset.key, e]));
  let before = list.firstElementChild;
  for (const item of items) {
    const k = String(key(item));
    let e = old.get(k);
    if (e) {
      old.delete(k);
    } else {
      e = build(item);
      e.dataset.key = k;
    }
    update(e, item);
    if (e === before) before = e.nextElementSibling;
    else list.insertBefore(e, before);
  }
  for (const e of old.values()) e.remove();
}

// ---- the parts of the page

function showTop(s) {
  put("device", s.device);
  put("state", "up " + span(s.uptime_seconds));
  put("version", "deskbell " + s.version);
  put("ready", s.ready ? "✓ Ready for events" : "✕ Not ready for events");
  $("ready").className = "badge " + (s.ready ? "good" : "bad");
  $("ready").hidden = false;
  document.title = (s.desk.waiting ? "(" + s.desk.waiting + ") " : "") + s.device + " – deskbell";

  $("problems").hidden = s.problems.length === 0;
  put("problems-title", s.problems.length === 1 ? "⚠\ufe0e Needs attention" : "⚠\ufe0e " + s.problems.length + " things need attention");
  each($("problem-list"), s.problems, (p) => p, (p) => make("li", "", p), () => {});
}

function showDesk(s) {
  const d = s.desk;
  put("waiting", d.waiting ? number(d.waiting) : "");
  put("waiting-words", d.waiting === 0 ? "Nobody is waiting" : d.waiting === 1 ? "guest is waiting" : "guests are waiting");
  $("desk").classList.toggle("calls", d.waiting > 0);
  each($("counts"), ["open", "acknowledged", "unanswered", "unassigned"], (n) => n, (n) => {
    const e = make("div");
    e.append(make("dt", "", n), make("dd"));
    return e;
  }, (e, n) => put(e.lastChild, number(d[n])));
  muted = d.muted_until !== null;
  $("muted").hidden = !muted;
  if (muted) put("muted", "Sounds are muted until " + clock(d.muted_until) + ".");
  put("mute", muted ? "Unmute" : "Mute 30 min");
  $("ack").disabled = d.waiting === 0;
}

const icons = {
  light: "M10 19.500h6M11 22h4M13 4a6.500 6.500 0 0 0-3.500 12v1.500h7V16A6.500 6.500 0 0 0 13 4z",
  buzzer: "M13 6.500a5.500 5.500 0 0 0-5.500 5.500v4.500L6 19h14l-1.500-2.500V12A5.500 5.500 0 0 0 13 6.500zM13 4.500v2M11.500 21.500h3",
};
const waves = "M4.500 9.500a9.500 9.500 0 0 1 2-4M21.500 9.500a9.500 9.500 0 0 0-2-4";

function icon(...paths) {
  const ns = "http://www.w3.org/2000/svg";
  const e = document.createElementNS(ns, "svg");
  e.setAttribute("viewBox", "0 0 26 26");
  e.setAttribute("aria-hidden", "true");
  for (const d of paths) {
    const p = document.createElementNS(ns, "path");
    p.setAttribute("d", d);
    e.append(p);
  }
  return e;
}

function buildOutput(o) {
  const sounds = o.kind === "buzzer" || o.kind === "tone";
  const li = make("li");
  const lamp = make("div", "lamp"), light = make("span", "light"), text = make("div");
  const shape = sounds ? icons.buzzer : icons.light;
  light.append(sounds ? icon(shape, waves) : icon(shape));
  lamp.append(icon(shape), light);
  const name = make("p");
  name.append(make("span", "name", o.name), make("small", "where"));
  text.append(name, make("p", "does"), make("p", "quiet why"));
  const test = make("button", "small", "Test");
  test.type = "button";
  test.setAttribute("aria-label", "Test " + o.name);
  test.addEventListener("click", () => act(test, "/api/outputs/" + encodeURIComponent(o.name) + "/test", {}, "Testing " + o.name + "."));
  li.append(lamp, text, test);
  return li;
}

function updateOutput(li, o) {
  let pattern = o.pattern || (o.on ? "on" : "off");
  if (o.kind === "relay" && pattern !== "off") pattern = "on"; // it never blinks
  const sounds = o.kind === "buzzer" || o.kind === "tone";
  const known = ["off", "on", "blink", "fast", "pulse", "double", "triple", "chirp", "alarm"].includes(pattern);
  let look = "lamp" + (sounds ? " sound" : "") + (pattern !== "off" ? " shows" : "");
  look += known ? " p-" + pattern : o.on ? " on" : "";
  const lamp = li.querySelector(".lamp");
  if (lamp.className !== look) lamp.className = look;
  put(li.querySelector(".where"), o.pin + (o.driver === "simulated" ? ", simulated" : ""));
  put(li.querySelector(".does"), pattern);
  const why = li.querySelector(".why");
  put(why, o.reason);
  why.hidden = !o.reason;
}

function buildInput(i) {
  const li = make("li"), knob = make("div", "lamp"), text = make("div"), pair = make("div", "pair");
  knob.append(icon("M13 7a6 6 0 1 0 0 12a6 6 0 0 0 0-12z"));
  const name = make("p");
  name.append(make("span", "name", i.name), make("small", "where"));
  text.append(name, make("p", "does"), make("p", "quiet why"));
  const path = "/api/inputs/" + encodeURIComponent(i.name);
  const press = make("button", "small press", "Press"), lock = make("button", "small lock");
  for (const b of [press, lock]) b.type = "button";
  press.setAttribute("aria-label", "Press " + i.name);
  press.addEventListener("click", () => act(press, path + "/press", {}, "Pressed " + i.name + "."));
  lock.addEventListener("click", () => {
    const locked = li.dataset.locked !== "true";
    act(lock, path + "/lock", { locked }, (locked ? "Locked " : "Unlocked ") + i.name + ".");
  });
  pair.append(press, lock);
  li.append(knob, text, pair);
  return li;
}

function updateInput(li, i) {
  const simulated = i.driver === "simulated";
  li.dataset.locked = i.locked;
  li.querySelector(".lamp").classList.toggle("pressed", i.pressed);
  put(li.querySelector(".where"), i.pin + (simulated ? ", simulated" : ""));
  put(li.querySelector(".does"), (i.pressed ? "pressed" : "not pressed") + (i.locked ? ", locked" : ""));
  const why = li.querySelector(".why"), lock = li.querySelector(".lock");
  put(why, i.last ? "last: " + i.last : "");
  why.hidden = !i.last;
  li.querySelector(".press").hidden = !simulated;
  put(lock, i.locked ? "Unlock" : "Lock");
  lock.setAttribute("aria-label", (i.locked ? "Unlock " : "Lock ") + i.name);
}

function showPath(s) {
  const w = s.webhook, st = s.storage;
  put("accepted", number(w.accepted));
  put("webhook-more", number(w.duplicates) + " repeated, " + number(w.rejected) + " refused");
  put("records", number(st.records));
  put("records-words", (st.records === 1 ? "event" : "events") + " kept");
  let more = size(st.bytes) + " of " + size(st.max_bytes);
  if (st.full) more = "FULL: " + more;
  if (st.dropped) more += ", " + number(st.dropped) + " given up undelivered";
  put("store-more", more);
  $("node-store").classList.toggle("bad", st.full || !s.ready);
  $("fill").style.width = (st.max_bytes > 0 ? Math.min(100, 100 * st.bytes / st.max_bytes) : 0) + "%";
  $("brokers").classList.toggle("one", s.forward.length === 1);
  each($("brokers"), s.forward, (f) => f.name, (f) => {
    const li = make("li"), node = make("div", "node");
    const name = make("h3", "", f.name);
    node.append(name, make("p", "address"), make("p", "link"), make("p", "quiet more"), make("p", "fault"));
    li.append(make("span", "stub"), node);
    return li;
  }, (li, f) => {
    li.classList.toggle("off", !f.connected);
    li.querySelector(".node").classList.toggle("bad", !f.connected);
    put(li.querySelector(".address"), f.broker);
    const link = li.querySelector(".link");
    link.className = "link " + (f.connected ? "good" : "bad");
    put(link, f.connected ? "✓ Connected" : "✕ Not connected");
    let text = f.acked_sequence ? "has everything up to " + number(f.acked_sequence) + ", " : "";
    text += f.pending ? number(f.pending) + " pending" : "nothing pending";
    if (f.set_aside) text += ", " + number(f.set_aside) + " set aside";
    put(li.querySelector(".more"), text);
    const fault = li.querySelector(".fault");
    fault.hidden = !f.last_error;
    put(fault, (f.connected ? "earlier: " : "") + f.last_error);
  });
}

function showConversations(s) {
  const open = s.desk.conversations.filter((c) => c.open).sort((a, b) => b.waiting - a.waiting);
  each($("conversations"), open.slice(0, mostConversations), (c) => c.key, () => {
    const li = make("li"), who = make("p", "quiet who"), title = make("p", "title");
    title.dir = "auto";
    li.append(make("span", "chip"), title, who);
    return li;
  }, (li, c) => {
    const chip = li.querySelector(".chip");
    chip.className = "chip" + (c.waiting ? " calls" : "");
    put(chip, c.waiting ? "● waiting" : "○ open");
    put(li.querySelector(".title"), c.title || "conversation " + c.key.slice(0, 12) + (c.key.length > 12 ? "…" : ""));
    let text = "with " + holder(c.assignee);
    if (c.since) text += " since " + clock(c.since) + " (" + since(c.since) + ")";
    if (c.last_message) text += ", " + c.last_message;
    put(li.querySelector(".who"), text);
  });
  const rest = open.length - mostConversations;
  $("conversations-more").hidden = open.length > 0 && rest <= 0;
  put("conversations-more", rest > 0 ? "and " + number(rest) + " more" : "None. New ones appear here.");
}

async function showEvents(last) {
  if (last === sequence) return;
  const first = sequence < 0;
  const after = Math.max(0, last - lastEvents);
  const page = last > 0 ? await ask("/api/events?after=" + after + "&limit=" + lastEvents) : { events: [] };
  const arrived = sequence;
  sequence = last;
  each($("events"), page.events.reverse(), (e) => e.id, (e) => {
    const li = make("li", !first && e.sequence > arrived ? "new" : "");
    const text = make("p", "", e.summary);
    text.dir = "auto";
    li.append(when(e.received, true), text, make("p", "quiet kind", e.kind.replaceAll("_", " ") + ", no. " + e.sequence));
    return li;
  }, () => {});
  $("events-none").hidden = page.events.length > 0;
  if (!first && last > arrived) travel();
}

// travel sends a dot down each wire: something came through.
function travel() {
  for (const wire of [$("wire"), ...document.querySelectorAll("#brokers li:not(.off) .stub")]) {
    if (wire.querySelector(".dot")) continue;
    const dot = make("span", "dot");
    dot.addEventListener("animationend", () => dot.remove());
    wire.append(dot);
  }
}

function show(s) {
  if (version && version !== s.version) location.reload();
  version = s.version;
  shown = s;
  showTop(s);
  showDesk(s);
  each($("outputs"), s.outputs, (o) => o.name, buildOutput, updateOutput);
  $("buttons").hidden = s.inputs.length === 0;
  each($("inputs"), s.inputs, (i) => i.name, buildInput, updateInput);
  showPath(s);
  showConversations(s);
  $("main").hidden = false;
}

// ---- asking and acting

async function ask(path, options) {
  const answer = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(patience), ...options });
  const body = await answer.json().catch(() => ({}));
  if (answer.ok) return body;
  const e = new Error((body.error || "The agent answered " + answer.status) + (body.hint ? ". " + body.hint : ""));
  e.code = answer.status;
  throw e;
}

function lost(e) {
  let text = "The agent does not answer.";
  if (e.code === 401) text = "The password is asked for again: load this page anew.";
  else if (e.code) text = "The agent cannot say how things are: " + e.message;
  if (answered) text += " What you see is from " + clock(answered, true) + ".";
  else text += " Is it running? Trying again every " + every / 1000 + " s.";
  put("lost", text);
  $("lost").hidden = false;
  document.body.classList.add("stale");
  document.title = "✕ " + (shown ? shown.device : "deskbell");
  $("ready").hidden = true;
  put("state", "no answer");
}

async function poll() {
  clearTimeout(asked);
  if (document.hidden || asking) return;
  asking = true;
  try {
    settings ||= await ask("/settings.json");
    zone = settings.timezone || undefined;
    const s = await ask("/api/status");
    show(s);
    await showEvents(s.storage.last_sequence);
    answered = new Date();
    $("lost").hidden = true;
    document.body.classList.remove("stale");
  } catch (e) {
    lost(e);
  }
  asking = false;
  asked = setTimeout(poll, every);
}

async function act(button, path, body, done) {
  button.disabled = true;
  const answer = $("answer");
  try {
    const s = await ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    answer.className = "answer";
    put(answer, done);
    button.disabled = false;
    show(s);
  } catch (e) {
    answer.className = "answer bad";
    put(answer, "That did not work: " + (e.code ? e.message : "the agent does not answer."));
    button.disabled = false;
  }
}

$("ack").addEventListener("click", () => act($("ack"), "/api/ack", {}, "Acknowledged."));
$("mute").addEventListener("click", () => muted
  ? act($("mute"), "/api/unmute", {}, "Sounds are on again.")
  : act($("mute"), "/api/mute", { for: "30m" }, "Muted. Lights go on showing."));
document.addEventListener("visibilitychange", poll);
poll();
