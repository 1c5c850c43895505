// Sign in with an admin key.

import { api } from "./api.js";
import { field, fill, h } from "./dom.js";
import { doing } from "./telling.js";

export default function draw(root, { values, signed }) {
  const key = h("input", { type: "password", name: "key", autocomplete: "current-password", required: true,
    spellcheck: "false", autocapitalize: "off", placeholder: "sk_…" });
  const place = h("div");
  const button = h("button", { class: "main" }, "Sign in");
  const enter = async (event) => {
    event.preventDefault();
    if (!key.value.trim()) return key.focus();
    await doing(button, place, async () => {
      const session = await api("POST", "/console/session", { body: { key: key.value.trim() }, quiet: true });
      key.value = "";
      signed(session);
      const to = values.get("to") || "#/";
      location.replace(to.startsWith("#/") ? to : "#/");
    });
    return key.isConnected && key.focus();
  };
  fill(root, h("div", { class: "sign-in" },
    h("h1", {}, "Sign in"),
    h("p", {}, "This is the console of a Fieldpost gateway. It opens with a key that has the scope ", h("code", {}, "admin"), "."),
    h("form", { onsubmit: enter, novalidate: true }, field("Key", key), place, button),
    h("details", {}, h("summary", {}, "I have no key"),
      h("p", {}, "Make one on the machine that runs the gateway:"),
      h("pre", {}, h("code", {}, "fieldpost-gateway keys add --name console")),
      h("p", {}, "It is shown once; keep it in a password manager."))));
  key.focus();
}
