// One device: what it is, how it is, what it shall do.

import { get } from "./api.js";
import { fill, h } from "./dom.js";
import { lookAgain } from "./live.js";
import { ago, at } from "./moments.js";
import { remark, state } from "./states.js";
import { table } from "./table.js";
import { bytes, count, named, plain } from "./words.js";
import { commands } from "./device_commands.js";
import { credentials } from "./device_credentials.js";
import { health } from "./device_health.js";
import { settings } from "./settings_editor.js";

const RECORDED = { pending: "Coming up", uploaded: "Stored", integrity_failure: "Damaged" };
const MIB = 1024 * 1024;

export default async function draw(root, { params: [id], signal }) {
  const path = `/v1/devices/${encodeURIComponent(id)}`;
  const facts = h("div");
  const title = h("h1");
  const look = async () => {
    const [device, faults] = await Promise.all([get(path, signal), get(`${path}/diagnostics?limit=5`, signal)]);
    title.textContent = device.device_name || device.serial_number;
    fill(facts, known(device), problems(faults.data));
  };
  await look();
  const [chart, orders, values, recordings] = await Promise.all([
    health(path, signal), commands(path, signal), settings(`${path}/settings`, signal), recent(id, signal)]);
  fill(root,
    h("div", {}, h("p", { class: "crumb" }, h("a", { href: "#/" }, "Fleet")), title),
    h("div", { class: "columns" },
      section("What it is", facts), section("Health", chart.element)),
    section("Recordings", recordings.element),
    section("Way in", credentials(path, signal)),
    section("Commands", orders.element),
    section("Settings", h("p", { class: "quiet" }, "What is not set here comes from ",
        h("a", { href: "#/settings" }, "the settings of all devices"), ", or from the box itself."), values));
  lookAgain(["device", "recording"], () => Promise.all(
    [look(), chart.look(), orders.look(), recordings.look()]).catch(() => null), signal, 2000);
}

function section(title, ...children) {
  return h("section", { class: "card" }, h("h2", {}, title), children);
}

function known(device) {
  const now = device.recording_state ?? {};
  const rows = [
    ["Serial number", device.serial_number],
    ["Id", h("span", { class: "code" }, device.id)],
    ["Last seen", ago(device.last_heartbeat_at)],
    ["State", now.device_state ? plain(now.device_state) : "–"],
    ["Battery", device.battery_percent === null ? "–" : `${device.battery_percent} %`],
    ["Storage", device.storage_total_mb ? `${bytes((device.storage_total_mb - device.storage_used_mb) * MIB)} free of ${bytes(device.storage_total_mb * MIB)}` : "–"],
    ["Signal", device.signal_strength_dbm === null ? "–" : `${device.signal_strength_dbm} dBm ${(now.connection_type ?? []).join(", ")}`],
    ["Backlog", now.pending_recordings === undefined ? "–" : count(now.pending_recordings, "recording")],
    ["Model", device.model ?? "–"],
    ["Firmware", device.firmware_version ?? "–"],
    ["Belongs to", device.end_user_id ?? "nobody in particular"],
    ["Added", at(device.created_at)],
  ];
  return h("dl", {}, rows.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

function problems(faults) {
  if (!faults.length) return null;
  return h("div", {}, h("h3", {}, "Last faults it told of"), h("ul", {}, faults.map((fault) => h("li", {},
    remark(fault.event.message || plain(fault.event.code || fault.event.type || fault.event.event_id), "warn"), " ", ago(fault.received_at)))));
}

async function recent(id, signal) {
  const list = table("The last recordings of this device", [
    { head: "Recording", main: true, cell: (row) => h("a", { href: `#/recordings/${row.id}` }, named(row)) },
    { head: "Begun", cell: (row) => ago(row.started_at ?? row.created_at) },
    { head: "Media", right: true, cell: (row) => String(row.media.length) },
    { head: "State", cell: (row) => state(row.status, RECORDED[row.status]) },
  ], (row) => row.id, () => h("p", { class: "quiet" }, "Nothing has come from it yet."));
  const look = async () => list.show((await get(`/v1/recordings?limit=5&device_id=${encodeURIComponent(id)}`, signal)).data);
  await look();
  const all = h("p", {}, h("a", { href: `#/recordings?device_id=${id}` }, "All recordings of this device"));
  return { element: h("div", {}, list.element, all), look };
}
