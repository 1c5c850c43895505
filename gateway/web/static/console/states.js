// The words and colours of states: never a colour alone.

import { h } from "./dom.js";
import { plain } from "./words.js";

const KINDS = {
  ok: ["uploaded", "executed", "delivered_ok", "succeeded", "success", "sent", "stored", "released", "active", "bound"],
  warn: ["pending", "delivered", "expired", "retrying", "waiting", "pulling", "sending", "open", "disabled"],
  bad: ["failed", "dead", "integrity_failure", "revoked", "problem", "error"],
};

/** A state as a badge; `words` where the code says too little. */
export function state(code, words = plain(code), kind = kindOf(code)) {
  return h("span", { class: `state ${kind}` }, words);
}

/** A badge that may be a sentence. */
export function remark(words, kind) {
  return h("span", { class: `state wrap ${kind}` }, words);
}

function kindOf(code) {
  return Object.keys(KINDS).find((kind) => KINDS[kind].includes(code)) ?? "";
}
