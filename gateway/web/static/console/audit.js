// The audit log: who changed what, newest first.

import { get, query } from "./api.js";
import { field, fill, h } from "./dom.js";
import { at } from "./moments.js";
import { PAGE_SIZE, pager } from "./pager.js";
import { table } from "./table.js";
import { plain } from "./words.js";

export default async function draw(root, { values, signal }) {
  const inputs = Object.fromEntries([["actor", "search"], ["action", "search"], ["subject", "search"]].map(([name, type]) =>
    [name, h("input", { type, autocomplete: "off", spellcheck: "false", value: values.get(name) ?? "" })]));
  const offset = Number(values.get("offset")) || 0;
  const asked = () => Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, input.value.trim()]));
  const list = table("Changes, newest first", [
    { head: "When", main: true, cell: (row) => at(row.at) },
    { head: "Who", cell: (row) => h("span", { title: row.actor }, row.actor_name || row.actor) },
    { head: "Did", cell: (row) => h("span", { title: row.action }, plain(row.action)) },
    { head: "To", cell: (row) => h("span", { class: "code" }, row.subject) },
    { head: "Details", cell: details },
  ], (row) => row.id ?? String(row.seq), () => h("p", { class: "card empty" }, Object.values(asked()).some(Boolean) || offset
    ? ["Nothing is like that. ", h("a", { href: "#/audit" }, "Show all")] : "Nothing was changed yet. Whatever a key, a phone or this console changes is written here."));
  const pages = pager((to) => { location.hash = query("#/audit", { ...asked(), offset: to || "" }); });
  const found = await get(query("/v1/audit", { ...asked(), limit: PAGE_SIZE, offset }), signal);
  list.show(found.data);
  pages.show(offset, found.data.length, found.has_more);
  const refine = (event) => {
    event.preventDefault();
    location.hash = query("#/audit", asked());
  };
  fill(root, h("h1", {}, "Audit log"),
    h("form", { class: "filters", role: "search", onsubmit: refine, onchange: refine },
      field("Who", inputs.actor, "A key's or a phone's id"), field("Did", inputs.action, "As recording.delete"), field("To", inputs.subject, "An id")),
    list.element, pages.element);
}

function details(row) {
  const told = Object.entries(row.details ?? {});
  if (!told.length) return "";
  return h("details", {}, h("summary", {}, told.length === 1 ? told[0][0] : `${told[0][0]} and ${told.length - 1} more`),
    h("pre", {}, h("code", {}, JSON.stringify(row.details, null, 1))));
}
