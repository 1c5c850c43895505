// The fleet: one row a device, the worst first.

import { get, post } from "./api.js";
import { field, fill, h, select } from "./dom.js";
import { lookAgain } from "./live.js";
import { ago } from "./moments.js";
import { remark } from "./states.js";
import { table } from "./table.js";
import { doing, say } from "./telling.js";
import { bytes, count, sentence, span } from "./words.js";

const MIB = 1024 * 1024;
const LOW_BATTERY = 20;
const FULL = 0.9;
const WEAK_DBM = -100;

export default async function draw(root, { signal }) {
  let rows = [];
  const wanted = h("input", { type: "search", autocomplete: "off", placeholder: "Name or number" });
  const which = select([["", "All devices"], ["problems", "With a problem"], ["backlog", "With a backlog"]], "");
  const total = h("p", { class: "quiet number" });
  const list = table("Devices of the fleet, the worst first", COLUMNS, (row) => row.id,
    () => nothing(rows.length));
  const show = () => {
    const text = wanted.value.trim().toLowerCase();
    const found = rows.filter((row) => `${row.name ?? ""} ${row.serial_number}`.toLowerCase().includes(text)
      && (which.value !== "problems" || row.problems.length)
      && (which.value !== "backlog" || row.backlog_count));
    list.show(found);
    const ill = rows.filter((row) => row.problems.length).length;
    const silent = rows.filter((row) => !row.last_seen_at).length;
    const well = silent ? `${silent} not heard of yet` : "all well";
    total.textContent = `${count(rows.length, "device")}, ${ill ? count(ill, "with a problem", "with a problem") : well}`;
    if (found.length !== rows.length) total.textContent += `; ${found.length} shown`;
  };
  const look = async () => { rows = (await get("/v1/fleet", signal)).data.sort(worst); show(); };
  wanted.addEventListener("input", show);
  which.addEventListener("change", show);
  await look();
  fill(root,
    h("div", { class: "head" }, h("div", {}, h("h1", {}, "Fleet"), total), adding()),
    h("form", { class: "filters", role: "search", onsubmit: (event) => event.preventDefault() },
      field("Find", wanted), field("Show", which)),
    list.element);
  lookAgain(["device", "recording"], () => look().catch(() => null), signal, 2000);
}

const COLUMNS = [
  { head: "Device", main: true, cell: (row) => h("span", {},
    h("a", { href: `#/devices/${row.id}` }, row.name || row.serial_number),
    row.name ? h("span", { class: "quiet" }, ` ${row.serial_number}`) : null) },
  { head: "State", cell: (row) => h("span", { class: "states" }, row.problems.length
    ? row.problems.map((problem) => remark(sentence(problem.message), problem.severity === "error" ? "bad" : "warn"))
    : row.last_seen_at ? remark("All well", "ok") : remark("Not heard of yet", "")) },
  { head: "Last seen", cell: (row) => ago(row.last_seen_at) },
  { head: "Battery", right: true, cell: (row) => level(row.battery_percent, "%", row.battery_percent < LOW_BATTERY) },
  { head: "Storage", right: true, cell: storage },
  { head: "Signal", right: true, cell: (row) => level(row.signal_strength_dbm, " dBm", row.signal_strength_dbm < WEAK_DBM) },
  { head: "Backlog", right: true, cell: backlog },
];

function level(value, unit, low) {
  if (value === null || value === undefined) return "–";
  return low ? h("span", { class: "low" }, `${value}${unit}`, h("span", { class: "unseen" }, ", low")) : `${value}${unit}`;
}

function storage(row) {
  if (!row.storage_total_mb) return "–";
  const free = (row.storage_total_mb - row.storage_used_mb) * MIB;
  const full = row.storage_used_mb > FULL * row.storage_total_mb;
  return h("span", { class: full ? "low" : null, title: `of ${bytes(row.storage_total_mb * MIB)}` }, `${bytes(free)} free`);
}

function backlog(row) {
  if (row.backlog_count === null || row.backlog_count === undefined) return "–";
  if (!row.backlog_count) return "none";
  const oldest = row.backlog_oldest_at ? `, oldest ${span((Date.now() - Date.parse(row.backlog_oldest_at)) / 1000)}` : "";
  return `${row.backlog_count} waiting${oldest}`;
}

function worst(a, b) {
  const weight = (row) => row.problems.reduce((sum, problem) => sum + (problem.severity === "error" ? 100 : 2), row.last_seen_at ? 0 : 1);
  return weight(b) - weight(a) || (a.name || a.serial_number).localeCompare(b.name || b.serial_number);
}

function nothing(there) {
  if (there) return h("p", { class: "card empty" }, "No device is like that. Change what is looked for.");
  return h("div", { class: "card empty" },
    h("h2", {}, "No device yet"),
    h("p", {}, "Add the first one with “Add a device”, then make an enrolment code on its page. Or, on the gateway's machine:"),
    h("pre", {}, h("code", {}, "fieldpost-gateway devices add AM-01\nfieldpost-gateway devices code AM-01")),
    h("p", {}, "Then, on the recorder box:"),
    h("pre", {}, h("code", {}, "fieldpost enrol --code CODE")));
}

function adding() {
  const serial = h("input", { required: true, maxlength: 255, autocomplete: "off", spellcheck: "false" });
  const place = h("div");
  const button = h("button", { class: "main" }, "Add");
  const add = (event) => {
    event.preventDefault();
    if (!serial.value.trim()) return void serial.focus();
    doing(button, place, async () => {
      const made = await post("/v1/devices", { serial_number: serial.value.trim() });
      dialog.close();
      say(`${made.serial_number} is added.`);
      location.hash = `#/devices/${made.id}`;
    });
  };
  const dialog = h("dialog", { "aria-labelledby": "add-title" },
    h("form", { onsubmit: add, novalidate: true }, h("h2", { id: "add-title" }, "Add a device"),
      field("Serial number", serial, "As it stands on the box. A number that is known already gives the device that there is."),
      place, h("div", { class: "buttons" }, button,
        h("button", { type: "button", onclick: () => dialog.close() }, "Cancel"))));
  return h("div", {}, h("button", { type: "button", onclick: () => dialog.showModal() }, "Add a device"), dialog);
}
