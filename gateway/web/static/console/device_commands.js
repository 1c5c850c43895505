// Commands of a device: give one, see what came of each.

import { get, post, remove } from "./api.js";
import { field, fill, h, select } from "./dom.js";
import { sure } from "./asking.js";
import { ago } from "./moments.js";
import { state } from "./states.js";
import { table } from "./table.js";
import { doing, say } from "./telling.js";
import { plain } from "./words.js";

const TYPES = [
  ["trigger_upload", "Upload now"],
  ["start_recording", "Start a recording"],
  ["stop_recording", "Stop the recording"],
  ["factory_reset", "Reset to factory settings"],
];
const NAMES = Object.fromEntries(TYPES);

/** Show and give commands; answers {element, look}. */
export async function commands(path, signal) {
  const place = h("div");
  const list = table("Commands of this device, newest first", [
    { head: "Command", main: true, cell: (row) => NAMES[row.type] ?? plain(row.type) },
    { head: "State", cell: (row) => h("span", {}, state(row.status, WORDS[row.status]), row.error ? ` ${row.error}` : null) },
    { head: "Given", cell: (row) => ago(row.created_at) },
    { head: "Told to the device", cell: (row) => ago(row.delivered_at, "not yet") },
    { head: "Ended", cell: ended },
    { head: "", cell: (row) => ["pending", "delivered"].includes(row.status) ? cancel(row) : "" },
  ], (row) => row.id, () => h("p", { class: "quiet" }, "None was given yet. A device hears of one with its next heartbeat."));
  const look = async () => list.show((await get(`${path}/commands?limit=10`, signal)).data);
  const cancel = (row) => {
    const button = h("button", { type: "button", "aria-label": `Cancel: ${NAMES[row.type]}` }, "Cancel");
    button.addEventListener("click", () => doing(button, place, async () => {
      await remove(`${path}/commands/${row.id}`);
      say("Cancelled.");
      await look();
    }));
    return button;
  };
  await look();
  return { element: h("div", {}, giving(path, place, look), list.element), look };
}

const WORDS = { pending: "Waits for the device", delivered: "Told, no answer yet", executed: "Done" };

function ended(row) {
  const over = row.executed_at ?? row.cancelled_at;
  if (over) return ago(over);
  return row.status === "expired" ? ago(row.expires_at) : h("span", {}, "expires ", ago(row.expires_at));
}

function giving(path, place, look) {
  const type = select(TYPES, "trigger_upload");
  const minutes = h("input", { type: "number", min: 1, max: 1440, value: "60", inputmode: "numeric" });
  const recorder = h("input", { autocomplete: "off", spellcheck: "false" });
  const more = h("div", { class: "filters" });
  const button = h("button", { class: "main" }, "Give it");
  const shape = () => fill(more,
    type.value === "start_recording" ? field("For at most, minutes", minutes) : null,
    type.value.endsWith("_recording") ? field("Recorder", recorder, "Only where the box has several.") : null);
  type.addEventListener("change", shape);
  const give = async (event) => {
    event.preventDefault();
    if (type.value === "factory_reset" && !await sure("Reset this device?",
      "It forgets its settings. A box with recordings that are not stored yet refuses.", "Reset it")) return;
    await doing(button, place, async () => {
      await post(`${path}/commands`, { type: type.value, params: params(type.value, minutes.value, recorder.value.trim()) });
      say("Given. The device hears of it with its next heartbeat.");
      await look();
    });
  };
  return h("form", { class: "give", onsubmit: give },
    h("div", { class: "filters" }, field("Command", type), button), more, place);
}

function params(type, minutes, recorder) {
  const found = {};
  if (type === "start_recording") found.max_duration_sec = Math.round(Number(minutes) * 60);
  if (type.endsWith("_recording") && recorder) found.recorder = recorder;
  return found;
}
