// API keys: make one (shown once), see what each may do, revoke.

import { get, post, remove } from "./api.js";
import { sure } from "./asking.js";
import { field, fill, h } from "./dom.js";
import { ago, at } from "./moments.js";
import { secret } from "./secret.js";
import { state } from "./states.js";
import { table } from "./table.js";
import { doing, say } from "./telling.js";

const SCOPES = [
  ["recordings:read", "Read recordings"],
  ["recordings:write", "Make, upload and delete recordings"],
  ["devices:read", "Read devices, their reports and settings"],
  ["devices:write", "Change devices, give commands"],
  ["admin", "Administer: this console, keys, webhooks, phones, the audit log"],
];
const WORDS = Object.fromEntries(SCOPES);

export default async function draw(root, { signal }) {
  const place = h("div");
  const list = table("API keys", [
    { head: "Name", main: true, cell: (row) => row.name || row.id },
    { head: "May", cell: (row) => h("span", { class: "states" }, row.scopes.length === SCOPES.length ? state("", "everything", "warn")
      : row.scopes.map((scope) => h("span", { class: "state", title: WORDS[scope] }, scope))) },
    { head: "Made", cell: (row) => at(row.created_at) },
    { head: "State", cell: (row) => row.revoked_at ? h("span", {}, state("revoked"), " ", ago(row.revoked_at)) : state("active") },
    { head: "", cell: (row) => row.revoked_at ? "" : revoke(row) },
  ], (row) => row.id, () => h("p", { class: "card empty" }, "There is no key yet."));
  const look = async () => list.show((await get("/v1/keys", signal)).data);
  const revoke = (row) => {
    const button = h("button", { type: "button", class: "danger", "aria-label": `Revoke ${row.name || row.id}` }, "Revoke");
    button.addEventListener("click", async () => {
      if (!await sure(`Revoke “${row.name || row.id}”?`, "Whoever uses this key is shut out at once. If it is the one you signed in with, that is you.", "Revoke it")) return;
      await doing(button, place, async () => {
        await remove(`/v1/keys/${row.id}`);
        say("Revoked.");
        await look();
      });
    });
    return button;
  };
  await look();
  fill(root, h("h1", {}, "API keys"), place, list.element, making(look));
}

function making(look) {
  const name = h("input", { required: true, maxlength: 255, autocomplete: "off" });
  const ticks = SCOPES.map(([scope, words]) => [scope, h("input", { type: "checkbox", checked: scope === "recordings:read" }), words]);
  const place = h("div");
  const button = h("button", { class: "main" }, "Make it");
  const make = (event) => {
    event.preventDefault();
    if (!name.value.trim()) return void name.focus();
    doing(button, place, async () => {
      const scopes = ticks.filter(([, tick]) => tick.checked).map(([scope]) => scope);
      const made = await post("/v1/keys", { name: name.value.trim(), scopes });
      name.value = "";
      await look();
      fill(place, secret("New key.", made.key, "It is shown this once: keep it where the program reads it."));
    });
  };
  return h("form", { class: "card", onsubmit: make, novalidate: true },
    h("h2", {}, "Make a key"), field("Name", name, "What it is for."),
    h("fieldset", {}, h("legend", {}, "It may"), ticks.map(([scope, tick, words]) => h("label", { class: "tick" }, tick, h("span", {}, words, " ", h("code", { class: "quiet" }, scope))))),
    place, button);
}
