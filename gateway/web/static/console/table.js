// A table that is cards on a phone, and that changes row by row: nothing jumps, focus stays.

import { fill, h } from "./dom.js";

/**
 * Make a table. Columns: {head, cell(row), right, main}; `main` names the row. `key(row)` is what a
 * row is known by. Answers {element, show(rows)}; `empty` stands there while there are none.
 */
export function table(caption, columns, key, empty) {
  const body = h("tbody", { role: "rowgroup" });
  const sheet = h("div", { class: "sheet" },
    // The roles are said again: shown as cards, a table is none for a screen reader otherwise.
    h("table", { role: "table" },
      h("caption", { class: "unseen" }, caption),
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, columns.map(head))),
      body));
  const element = h("div", {}, sheet);
  let known = new Map();

  function show(rows) {
    if (!rows.length) {
      known = new Map();
      fill(body);
      fill(element, empty());
      return;
    }
    const held = focused(body);
    const next = new Map();
    for (const row of rows) {
      const said = JSON.stringify(row);
      const old = known.get(key(row));
      next.set(key(row), old?.said === said ? old : { said, line: line(row, columns, key) });
    }
    known = next;
    const lines = [...next.values()].map((each) => each.line);
    if (lines.length !== body.children.length || lines.some((each, place) => body.children[place] !== each)) {
      fill(body, lines);
      restore(body, held);
    }
    if (sheet.parentElement !== element) fill(element, sheet);
  }
  return { element, show };
}

function head(column) {
  return h("th", { scope: "col", role: "columnheader", class: column.right ? "right" : null },
    column.head || h("span", { class: "unseen" }, column.says ?? "Actions"));
}

function line(row, columns, key) {
  return h("tr", { role: "row", "data-key": key(row) }, columns.map((column) => column.main
    ? h("th", { scope: "row", role: "rowheader" }, column.cell(row))
    : cell(column, column.cell(row))));
}

function cell(column, content) {
  // On a card there is no place for what is not known.
  const classes = [column.right ? "right" : null, content === "–" ? "none" : null].filter(Boolean).join(" ");
  return h("td", { role: "cell", "data-label": column.head, class: classes || null }, content);
}

function focused(body) {
  const now = document.activeElement;
  const row = body.contains(now) ? now.closest("tr") : null;
  return row && { key: row.dataset.key, place: [...row.querySelectorAll("a, button")].indexOf(now) };
}

function restore(body, held) {
  if (!held || body.contains(document.activeElement)) return;
  const row = [...body.children].find((each) => each.dataset.key === held.key);
  row?.querySelectorAll("a, button")[held.place]?.focus({ preventScroll: true });
}
