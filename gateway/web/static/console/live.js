// What the gateway tells by itself (server-sent events), handed to whoever shows it.

import { get } from "./api.js";

const TYPES = ["recording", "progress", "device", "delivery", "phone"];
// What stands in for all of them: the gateway cannot tell what was missed.
const MISSED = "reload";
// News come in flocks.
const SOON_MS = 50;
// Streams end now and then and come back at once: that is nobody's concern.
const LOST_AFTER_MS = 4000;
const AGAIN_MS = 5000;

const hub = new EventTarget();
const state = document.getElementById("link-state");
let source = null;
let wanted = false;
let broken = false;
let warning = null;
let again = null;

/** Listen to the gateway from now on. */
export function connect() {
  wanted = true;
  open();
}

/** Stop listening. */
export function disconnect() {
  wanted = false;
  close();
  told();
}

function open() {
  clearTimeout(again);
  // A hidden tab would hold one of the few connections that a browser opens to a server.
  if (!wanted || source || document.hidden) return;
  source = new EventSource("/v1/live");
  source.addEventListener("open", () => {
    if (broken) hub.dispatchEvent(new CustomEvent(MISSED, { detail: {} }));
    told();
  });
  source.addEventListener("error", failed);
  for (const type of [...TYPES, MISSED]) {
    source.addEventListener(type, (event) => hub.dispatchEvent(new CustomEvent(type, { detail: parsed(event.data) })));
  }
}

function close() {
  clearTimeout(again);
  source?.close();
  source = null;
}

function failed() {
  broken = true;
  warning ??= setTimeout(() => {
    state.textContent = "No live updates at the moment: trying again. What you see may be old.";
  }, LOST_AFTER_MS);
  // The browser comes back by itself after a break, but not after a refusal.
  if (source?.readyState !== EventSource.CLOSED) return;
  close();
  again = setTimeout(async () => {
    // Says so if it is the session that is over.
    await get("/console/session").catch(() => null);
    open();
  }, AGAIN_MS);
}

function told() {
  broken = false;
  clearTimeout(warning);
  warning = null;
  state.textContent = "";
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) return open();
  broken = true;
  return close();
});

/** Hear of one kind until the page is left. */
export function on(type, hear, signal) {
  hub.addEventListener(type, (event) => hear(event.detail), { signal });
}

/**
 * Look again after any of these kinds: at once after a quiet time, at most every `every` ms in a busy
 * one. Answers what asks for the same from elsewhere.
 */
export function lookAgain(types, look, signal, every = 1000) {
  let timer = null;
  let next = 0;
  const now = async () => {
    timer = null;
    next = performance.now() + every;
    await look();
  };
  const soon = () => {
    if (timer === null && !signal.aborted) timer = setTimeout(now, Math.max(SOON_MS, next - performance.now()));
  };
  for (const type of [...types, MISSED]) on(type, soon, signal);
  signal.addEventListener("abort", () => clearTimeout(timer));
  return soon;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
