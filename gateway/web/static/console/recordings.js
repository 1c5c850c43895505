// Recordings, newest first, with what is coming up at this moment.

import { get, query } from "./api.js";
import { field, fill, h, select } from "./dom.js";
import { lookAgain, on } from "./live.js";
import { ago } from "./moments.js";
import { PAGE_SIZE, pager } from "./pager.js";
import { state } from "./states.js";
import { table } from "./table.js";
import { progressBars } from "./uploading.js";
import { bytes, called, count, named } from "./words.js";

const STATES = [["", "Any state"], ["pending", "Coming up"], ["uploaded", "Stored"], ["integrity_failure", "Damaged"]];
const WORDS = Object.fromEntries(STATES);

export default async function draw(root, { values, signal }) {
  const devices = (await get("/v1/fleet", signal)).data;
  const names = new Map(devices.map((each) => [each.id, called(each.name, each.serial_number)]));
  const device = select([["", "All devices"], ...names], values.get("device_id") ?? "");
  const status = select(STATES, values.get("status") ?? "");
  const user = h("input", { type: "search", autocomplete: "off", spellcheck: "false", value: values.get("end_user_id") ?? "" });
  const offset = Number(values.get("offset")) || 0;
  const filters = () => ({ device_id: device.value, status: status.value, end_user_id: user.value.trim() });
  const bars = progressBars();
  const list = table("Recordings, newest first", columns(names, bars), (row) => row.id,
    () => nothing(Object.values(filters()).some(Boolean) || offset));
  const pages = pager((to) => { location.hash = query("#/recordings", { ...filters(), offset: to || "" }); });
  const look = async () => {
    const found = await get(query("/v1/recordings", { ...filters(), limit: PAGE_SIZE, offset }), signal);
    list.show(found.data);
    pages.show(offset, found.data.length, found.has_more);
  };
  const refine = (event) => {
    event.preventDefault();
    location.hash = query("#/recordings", filters());
  };
  await look();
  fill(root,
    h("h1", {}, "Recordings"),
    h("form", { class: "filters", role: "search", onsubmit: refine, onchange: refine },
      field("Device", device), field("State", status), field("User", user)),
    list.element, pages.element);
  const soon = lookAgain(["recording"], () => look().catch(() => null), signal);
  on("progress", (event) => { if (bars.move(event)) soon(); }, signal);
}

function columns(names, bars) {
  return [
    { head: "Recording", main: true, cell: (row) => h("a", { href: `#/recordings/${row.id}` }, named(row)) },
    { head: "Begun", cell: (row) => ago(row.started_at ?? row.created_at) },
    { head: "Device", cell: (row) => row.device_id
      ? h("a", { href: `#/devices/${row.device_id}` }, names.get(row.device_id) ?? row.device_id) : "–" },
    { head: "Media", cell: media },
    { head: "Size", right: true, cell: (row) => bytes(row.media.reduce((sum, medium) => sum + (medium.file_size_bytes ?? 0), 0)) },
    { head: "State", cell: (row) => row.status === "pending" ? bars.of(row) : state(row.status, WORDS[row.status]) },
  ];
}

function media(row) {
  const kinds = ["audio", "image", "video"].map((kind) => [kind, row.media.filter((each) => each.type === kind).length]);
  return kinds.filter(([, many]) => many).map(([kind, many]) => kind === "audio" && many === 1 ? "audio" : count(many, kind)).join(", ") || "none yet";
}

function nothing(filtered) {
  if (filtered) return h("div", { class: "card empty" }, h("p", {}, "No recording is like that. ", h("a", { href: "#/recordings" }, "Show all")));
  return h("div", { class: "card empty" }, h("h2", {}, "No recording yet"),
    h("p", {}, "One appears here as soon as a device begins to send it. On the recorder box, this says what it waits for:"),
    h("pre", {}, h("code", {}, "fieldpost status")));
}
