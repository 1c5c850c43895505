// What is shown once: keys, tokens and codes, to copy or to scan.

import { api } from "./api.js";
import { fill, h } from "./dom.js";
import { say } from "./telling.js";
import { span } from "./words.js";

/** A secret with a button that copies it. */
export function secret(title, text, words) {
  const code = h("code", { tabindex: "-1" }, text);
  const button = h("button", { type: "button", onclick: () => copy(text, code, button) }, "Copy");
  const box = h("div", { class: "notice ok" },
    h("p", {}, h("strong", {}, title), ` ${words}`),
    h("div", { class: "secret" }, code, button));
  say(`${title} ${words}`);
  return box;
}

async function copy(text, code, button) {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
    say("Copied.");
  } catch {
    // A page without TLS may not write to the clipboard: then it is marked to be copied by hand.
    getSelection().selectAllChildren(code);
    button.textContent = "Marked: press Ctrl+C";
  }
}

/** A code that lives for a while, big, with a picture to scan and the time it has left. */
export async function codeToScan({ code, expiresAt, scans, words }, signal) {
  const left = h("p", { class: "quiet number", role: "timer" });
  const element = h("div", { class: "pair" },
    await picture(scans),
    h("div", {}, h("p", { class: "big-code code" }, code), words, left));
  const until = Date.parse(expiresAt);
  const tick = () => {
    const seconds = Math.max(0, (until - Date.now()) / 1000);
    if (seconds) fill(left, `Good once, for ${span(seconds)} more.`);
    else fill(element, h("p", {}, "This code is over. Make another one."));
    if (!seconds) clearInterval(timer);
  };
  const timer = setInterval(tick, 1000);
  signal.addEventListener("abort", () => clearInterval(timer));
  tick();
  say(`The code is ${[...code].join(" ")}.`);
  return element;
}

async function picture(text) {
  const response = await api("POST", "/console/qr", { body: { text }, raw: true }).catch(() => null);
  if (!response) return null; // the code can be typed
  const url = URL.createObjectURL(await response.blob());
  return h("img", { class: "qr", src: url, alt: `QR code of ${text}`, onload: () => URL.revokeObjectURL(url) });
}
