// The audit log: who changed what, newest first.

import { get, query } from "./api.js";
import { field, fill, h } from "./dom.js";
import { at } from "./moments.js";
import { PAGE_SIZE } from "./pager.js";
import { remark } from "./states.js";
import { table } from "./table.js";
import { plain } from "./words.js";

export default async function draw(root, { values, signal }) {
  const search = (name) => h("input", { type: "search", autocomplete: "off", spellcheck: "false", value: values.get(name) ?? "" });
  const inputs = { actor: search("actor"), subject: search("subject") };
  const before = values.get("before") ?? "";
  const asked = () => Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, input.value.trim()]));
  const list = table("Changes, newest first", [
    { head: "When", main: true, cell: (row) => at(row.at) },
    { head: "Who", cell: (row) => narrowed(row.actor_name || row.actor, { actor: row.actor }) },
    { head: "Did", cell: (row) => h("span", { title: row.action }, plain(row.action), row.details?.refused ? [" ", remark("refused", "bad")] : null) },
    { head: "To", cell: (row) => row.subject ? narrowed(row.subject, { subject: row.subject }) : "–" },
    { head: "Details", cell: details },
  ], (row) => String(row.seq), () => h("p", { class: "card empty" }, Object.values(asked()).some(Boolean) || before
    ? ["Nothing is like that. ", h("a", { href: "#/audit" }, "Show all")]
    : "Nothing was changed yet. Whatever a key, a phone or this console changes is written here."));
  const found = await get(query("/v1/audit", { ...asked(), limit: PAGE_SIZE, before }), signal);
  list.show(found.data);
  const refine = (event) => {
    event.preventDefault();
    location.hash = query("#/audit", asked());
  };
  fill(root, h("h1", {}, "Audit log"),
    h("form", { class: "filters", role: "search", onsubmit: refine, onchange: refine },
      field("Who", inputs.actor, "The id of a key or a phone"), field("To", inputs.subject, "The id of what was changed")),
    list.element,
    h("nav", { class: "buttons", "aria-label": "Pages of this list" },
      before ? h("a", { class: "button", href: query("#/audit", asked()) }, "Newest") : null,
      found.has_more ? h("a", { class: "button", href: query("#/audit", { ...asked(), before: found.data.at(-1).seq }) }, "Older") : null));
}

// A click on who or what narrows the list to it.
function narrowed(words, values) {
  return h("a", { href: query("#/audit", values), title: Object.values(values)[0] }, words);
}

function details(row) {
  const told = Object.entries(row.details ?? {});
  if (!told.length) return "";
  if (told.length === 1 && typeof told[0][1] !== "object") return `${plain(told[0][0])}: ${told[0][1]}`;
  return h("details", {}, h("summary", {}, told.length === 1 ? told[0][0] : `${told[0][0]} and ${told.length - 1} more`),
    h("pre", {}, h("code", {}, JSON.stringify(row.details, null, 1))));
}
