// Says things to people: on the page, and to screen readers.

import { fill, h } from "./dom.js";

const POLITE_MS = 4000;
let last = 0;

/** Say something when there is a pause; `often` words come at most every few seconds. */
export function say(text, often = false) {
  const now = performance.now();
  if (often && now - last < POLITE_MS) return;
  last = now;
  document.getElementById("said").textContent = text;
}

/** A box with what went wrong and what to do, said at once. */
export function wrong(error, again = null) {
  document.getElementById("alarm").textContent = "";
  document.getElementById("alarm").textContent = `${error.message} ${error.hint ?? ""}`.trim();
  return h("div", { class: "notice bad" },
    h("p", {}, h("strong", {}, error.message), error.hint ? ` ${error.hint}` : null),
    error.requestId ? h("p", { class: "hint" }, `For the gateway's log: ${error.requestId}`) : null,
    again ? h("button", { type: "button", onclick: again }, "Try again") : null);
}

/** Run what a button stands for: it is off meanwhile, and what goes wrong is shown in `place`. */
export async function doing(button, place, work) {
  button.disabled = true;
  button.setAttribute("aria-busy", "true");
  try {
    fill(place);
    return await work();
  } catch (error) {
    if (error.name !== "AbortError") fill(place, wrong(error));
    return undefined;
  } finally {
    button.disabled = false;
    button.removeAttribute("aria-busy");
  }
}
