// What the gateway tells by itself (server-sent events), handed to whoever shows it.

const TYPES = ["recording", "progress", "device", "delivery", "phone"];
// What stands in for all of them: the gateway cannot tell what was missed.
const MISSED = "reload";
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

/** Look again soon after any of these kinds, at most every `every` ms. */
export function lookAgain(types, look, signal, every = 1000) {
  let timer = null;
  const soon = () => {
    timer ??= setTimeout(() => { timer = null; if (!signal.aborted) look(); }, every);
  };
  for (const type of [...types, MISSED]) on(type, soon, signal);
  signal.addEventListener("abort", () => clearTimeout(timer));
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
