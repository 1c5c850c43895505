// Phones that bring recordings: pair one, see what each is doing, revoke.

import { get, post, remove } from "./api.js";
import { sure } from "./asking.js";
import { field, fill, h } from "./dom.js";
import { lookAgain } from "./live.js";
import { ago } from "./moments.js";
import { codeToScan } from "./secret.js";
import { remark, state } from "./states.js";
import { table } from "./table.js";
import { doing, say } from "./telling.js";
import { count, plain } from "./words.js";

const VISITS = { syncing: "Bringing recordings", done: "Done", problem: "Stopped by a problem", cut: "Cut off; goes on at the next visit" };
const KINDS = { syncing: "ok", done: "ok", problem: "bad", cut: "warn" };

export default async function draw(root, { signal }) {
  const place = h("div");
  const visits = table("Visits, newest first", [
    { head: "Recorder", main: true, cell: (row) => row.recorder || row.device_id || "not known yet" },
    { head: "Phone", cell: (row) => row.phone },
    { head: "State", cell: (row) => state(row.state, VISITS[row.state], KINDS[row.state]) },
    { head: "Begun", cell: (row) => ago(row.began_at) },
    { head: "Last heard", cell: (row) => ago(row.ended_at ?? row.heard_at) },
    { head: "Recordings", cell: standing },
  ], (row) => row.id, () => h("p", { class: "card empty" }, "No phone has visited a recorder yet."));
  function revoke(row) {
    const button = h("button", { type: "button", class: "danger", "aria-label": `Revoke ${row.name}` }, "Revoke");
    button.addEventListener("click", async () => {
      if (!await sure(`Revoke “${row.name}”?`, "The phone is shut out at once. What it has handed over stays; the rest stays on the recorder.", "Revoke it")) return;
      await doing(button, place, async () => { await remove(`/v1/phones/${row.id}`); say("Revoked."); await look(); });
    });
    return button;
  }
  const list = table("Phones", [
    { head: "Phone", main: true, cell: (row) => row.name },
    { head: "Brings for", cell: (row) => row.end_user_id ?? "–" },
    { head: "Paired", cell: (row) => ago(row.created_at) },
    { head: "Last seen", cell: (row) => ago(row.seen_at) },
    { head: "", cell: revoke },
  ], (row) => row.id, () => h("div", { class: "card empty" }, h("h2", {}, "No phone yet"),
    h("p", {}, "A phone carries recordings from Bluetooth-only recorders to this gateway, with no app to install: pair one below and scan the code with it.")));
  const look = async () => {
    const phones = (await get("/v1/phones", signal)).data;
    list.show(phones);
    const found = await Promise.all(phones.map(async (phone) =>
      (await get(`/v1/phones/${phone.id}/visits?limit=25`, signal)).data.map((visit) => ({ ...visit, phone: phone.name }))));
    visits.show(found.flat().sort((a, b) => b.began_at.localeCompare(a.began_at)).slice(0, 25));
  };
  await look();
  fill(root, h("h1", {}, "Phones"), place, list.element, pairing(signal),
    h("section", {}, h("h2", {}, "Visits"), visits.element));
  lookAgain(["phone"], () => look().catch(() => null), signal, 500);
}

function standing(row) {
  const { recordings = [], message = "" } = row.standing ?? {};
  if (!recordings.length) return message;
  const done = recordings.filter((each) => ["stored", "released"].includes(each.state)).length;
  const broken = recordings.filter((each) => each.state === "problem");
  return h("span", {}, `${done} of ${count(recordings.length, "recording")} stored `,
    broken.map((each) => remark(`${each.label}: ${each.message || plain(each.state)}`, "bad")));
}

function pairing(signal) {
  const name = h("input", { required: true, maxlength: 255, autocomplete: "off" });
  const user = h("input", { maxlength: 255, autocomplete: "off", spellcheck: "false" });
  const place = h("div");
  const button = h("button", { class: "main" }, "Make a pairing code");
  const pair = (event) => {
    event.preventDefault();
    if (!name.value.trim()) return void name.focus();
    doing(button, place, async () => {
      const asked = { name: name.value.trim() };
      if (user.value.trim()) asked.end_user_id = user.value.trim();
      const made = await post("/v1/phones/codes", asked);
      fill(place, await codeToScan({ code: made.code, expiresAt: made.expires_at, scans: made.url,
        words: h("p", {}, "Scan this with the phone's camera. Or open ", h("a", { href: made.url }, new URL(made.url).origin + "/phone"), " there, in Chrome on Android, and type the code.") }, signal));
    });
  };
  return h("form", { class: "card", onsubmit: pair, novalidate: true }, h("h2", {}, "Pair a phone"),
    h("div", { class: "filters" }, field("Name", name, "Whose phone it is."), field("User", user, "Whose recordings it brings; may be empty.")),
    button, place);
}
