// Times on a page: said relatively, kept current, exact on hover and for screen readers.

import { h } from "./dom.js";
import { local, relative, utc } from "./words.js";

/** "3 minutes ago", with the exact time in the viewer's zone and in UTC. */
export function ago(text, never = "never") {
  if (!text) return h("span", { class: "quiet" }, never);
  const date = new Date(text);
  return h("time", { datetime: date.toISOString(), title: `${local(date)} (${utc(date)})` },
    h("span", { class: "relative" }, relative(date)),
    h("span", { class: "unseen" }, `, ${local(date)}`));
}

/** The exact time in the viewer's zone, UTC on hover. */
export function at(text, never = "–") {
  if (!text) return h("span", { class: "quiet" }, never);
  const date = new Date(text);
  return h("time", { datetime: date.toISOString(), title: utc(date) }, local(date));
}

function refresh() {
  for (const words of document.querySelectorAll("time > .relative")) {
    const now = relative(new Date(words.parentElement.dateTime));
    if (words.textContent !== now) words.textContent = now;
  }
}

setInterval(refresh, 15_000);
