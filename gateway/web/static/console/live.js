// What the gateway tells by itself (server-sent events), handed to whoever shows it.

const TYPES = ["recording", "progress", "device", "delivery", "phone"];
// What stands in for all of them: the gateway cannot tell what was missed.
const MISSED = "reload";
// News come in flocks.
const SOON_MS = 50;
const hub = new EventTarget();
let source = null;

/** Begin to listen to the gateway, once. The browser comes back by itself after a break. */
export function connect() {
  if (source) return;
  source = new EventSource("/v1/live");
  const state = document.getElementById("link-state");
  source.addEventListener("open", () => { state.textContent = ""; });
  source.addEventListener("error", () => {
    state.textContent = "No live updates at the moment: trying again. What you see may be old.";
  });
  for (const type of [...TYPES, MISSED]) {
    source.addEventListener(type, (event) => hub.dispatchEvent(new CustomEvent(type, { detail: parsed(event.data) })));
  }
}

/** Stop listening. */
export function disconnect() {
  source?.close();
  source = null;
  document.getElementById("link-state").textContent = "";
}

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
