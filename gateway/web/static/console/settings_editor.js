// Settings of a device or of all devices: what holds, where it comes from, changed value by value.

import { api, get } from "./api.js";
import { fill, h } from "./dom.js";
import { SECTIONS } from "./settings_table.js";
import { state } from "./states.js";
import { doing, say } from "./telling.js";

/** Show the settings behind a path; each can be changed and given back. `level` is of its headings. */
export async function settings(path, signal, level = "h3") {
  let view = await get(path, signal);
  const general = view.device_id === null;
  const redraws = [];
  const change = async (setting, value) => {
    view = await api("PATCH", path, { body: nested(setting.path, value), signal });
    for (const redraw of redraws) redraw();
    say(value === null ? `${setting.label}: back to inherited.` : `${setting.label}: saved.`);
  };
  return h("div", { class: "settings" }, SECTIONS().map((section) => h("section", {}, h(level, {}, section.title),
    section.values.map((setting) => {
      const row = h("div", { class: "setting" });
      const redraw = () => draw(row, setting, () => view, general, change);
      redraws.push(redraw);
      redraw();
      return row;
    }))));
}

function draw(row, setting, current, general, change) {
  const view = current();
  const value = at(view.value, setting.path);
  const own = at(view.own, setting.path);
  const shown = JSON.stringify([value, own]);
  // Others' values change nothing here: what is being typed stays.
  if (row.dataset.shown === shown) return;
  row.dataset.shown = shown;
  const place = h("div", { class: "answer" });
  const edit = h("button", { type: "button", "aria-label": `${own === undefined ? "Set" : "Change"}: ${setting.label}` }, own === undefined ? "Set" : "Change");
  const back = own === undefined ? null
    : h("button", { type: "button", class: "plain", "aria-label": `${general ? "Unset" : "Back to inherited"}: ${setting.label}` }, general ? "Unset" : "Back to inherited");
  const redone = () => row.querySelector("button")?.focus();
  edit.addEventListener("click", () => {
    edit.disabled = true;
    row.append(form(setting, own ?? value, async (fresh) => { await change(setting, fresh); redone(); }, () => { edit.disabled = false; edit.focus(); }));
    row.querySelector("form :is(input, select)").focus();
  });
  back?.addEventListener("click", () => doing(back, place, async () => { await change(setting, null); redone(); }));
  fill(row,
    h("p", {}, setting.label),
    h("div", { class: "buttons" }, back, edit),
    h("p", { class: "states" }, value === undefined ? null : h("strong", {}, setting.kind.says(value)), origin(value, own, view, setting, general)),
    place);
}

function origin(value, own, view, setting, general) {
  if (value === undefined) return state("", "left to the box", "");
  if (general) return state("", "for all devices", "ok");
  if (own === undefined) return state("", "inherited from all devices", "");
  const other = view.origins[setting.path] === "device" ? null : ` (here ${setting.kind.says(own)}, but the smaller one counts)`;
  return state("", `set for this device${other ?? ""}`, "ok");
}

function form(setting, value, save, close) {
  const place = h("div");
  const control = setting.kind.control(value, setting.label);
  const button = h("button", { class: "main" }, "Save");
  const made = h("form", {
    onsubmit: (event) => { event.preventDefault(); doing(button, place, () => save(control.read())); },
    onkeydown: (event) => { if (event.key === "Escape") { made.remove(); close(); } },
  }, control.element, setting.hint ? h("p", { class: "hint" }, setting.hint) : null, place,
  h("div", { class: "buttons" }, button, h("button", { type: "button", onclick: () => { made.remove(); close(); } }, "Cancel")));
  return made;
}

function at(document, path) {
  return path.split(".").reduce((place, name) => place?.[name], document) ?? undefined;
}

function nested(path, value) {
  return path.split(".").reduceRight((inner, name) => ({ [name]: inner }), value);
}
