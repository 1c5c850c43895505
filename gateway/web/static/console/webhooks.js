// Webhooks: who is told of events. Make one (its secret is shown once), see how each fares.

import { get, post } from "./api.js";
import { field, fill, h } from "./dom.js";
import { at } from "./moments.js";
import { secret } from "./secret.js";
import { state } from "./states.js";
import { table } from "./table.js";
import { doing } from "./telling.js";

const TYPES = ["recording.created", "recording.uploaded", "recording.deleted", "device.bound", "device.unbound", "device.enrolled"];

export default async function draw(root, { signal }) {
  const list = table("Webhooks", [
    { head: "Address", main: true, cell: (row) => h("a", { href: `#/webhooks/${row.id}` }, row.url) },
    { head: "For", cell: (row) => row.description || "–" },
    { head: "Told of", cell: (row) => row.events.includes("*") ? "everything" : row.events.join(", ") },
    { head: "Made", cell: (row) => at(row.created_at) },
    { head: "State", cell: (row) => row.enabled ? state("active", "On") : state("disabled", "Off") },
  ], (row) => row.id, () => h("div", { class: "card empty" }, h("h2", {}, "No webhook yet"),
    h("p", {}, "A webhook is a server of yours that is told when a recording is stored, with a URL to fetch it. Add its address below.")));
  const look = async () => list.show((await get("/v1/webhooks", signal)).data);
  await look();
  fill(root, h("h1", {}, "Webhooks"), list.element, making(look));
}

function making(look) {
  const url = h("input", { type: "url", required: true, placeholder: "https://…", autocomplete: "off", spellcheck: "false" });
  const words = h("input", { maxlength: 255, autocomplete: "off" });
  const ticks = TYPES.map((type) => [type, h("input", { type: "checkbox", checked: type === "recording.uploaded" })]);
  const place = h("div");
  const button = h("button", { class: "main" }, "Add it");
  const make = (event) => {
    event.preventDefault();
    if (!url.value.trim()) return void url.focus();
    doing(button, place, async () => {
      const events = ticks.filter(([, tick]) => tick.checked).map(([type]) => type);
      const made = await post("/v1/webhooks", { url: url.value.trim(), description: words.value.trim(), events });
      url.value = "";
      await look();
      fill(place, secret("Its signing secret.", made.secret, "It is shown this once. The server checks X-Bota-Signature with it."));
    });
  };
  return h("form", { class: "card", onsubmit: make, novalidate: true }, h("h2", {}, "Add a webhook"),
    field("Address", url), field("What it is for", words),
    h("fieldset", {}, h("legend", {}, "Tell it of"), ticks.map(([type, tick]) => h("label", { class: "tick" }, tick, h("code", {}, type)))),
    place, button);
}
