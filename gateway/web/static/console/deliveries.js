// One webhook and its deliveries: each try with what came back, and once more where it failed.

import { api, get, post, query, remove } from "./api.js";
import { sure } from "./asking.js";
import { field, fill, h, select } from "./dom.js";
import { lookAgain } from "./live.js";
import { ago, at } from "./moments.js";
import { PAGE_SIZE, pager } from "./pager.js";
import { secret } from "./secret.js";
import { state } from "./states.js";
import { table } from "./table.js";
import { doing, say } from "./telling.js";
import { count } from "./words.js";

const STATES = [["", "Any state"], ["pending", "On its way"], ["delivered", "Delivered"], ["dead", "Given up"], ["cancelled", "Cancelled"]];
const WORDS = Object.fromEntries(STATES);
const KINDS = { pending: "warn", delivered: "ok", dead: "bad", cancelled: "" };

export default async function draw(root, { params: [id], values, signal }) {
  const path = `/v1/webhooks/${encodeURIComponent(id)}`;
  const place = h("div");
  const about = h("div");
  let shown = "";
  const status = select(STATES, values.get("status") ?? "");
  const offset = Number(values.get("offset")) || 0;
  const here = (extra) => query(`#/webhooks/${id}`, { status: status.value, ...extra });
  status.addEventListener("change", () => { location.hash = here({}); });
  const list = table("Deliveries, newest first", [
    { head: "Event", main: true, cell: (row) => h("span", {}, row.event_type, row.replay_of ? h("span", { class: "quiet" }, " again") : null) },
    { head: "State", cell: (row) => state(row.status, WORDS[row.status], KINDS[row.status]) },
    { head: "Made", cell: (row) => ago(row.created_at) },
    { head: "Next try", cell: (row) => row.status === "pending" ? ago(row.next_at, "now") : "–" },
    { head: "Tries", cell: history },
    { head: "", cell: (row) => row.status === "pending" ? "" : again(row) },
  ], (row) => row.id, () => h("p", { class: "card empty" }, status.value || offset
    ? ["No delivery is like that. ", h("a", { href: `#/webhooks/${id}` }, "Show all")] : "Nothing was sent yet. “Send a test” shows whether the address answers."));
  const pages = pager((to) => { location.hash = here({ offset: to || "" }); });
  const look = async () => {
    const [webhook, found] = await Promise.all([get(path, signal),
      get(query("/v1/deliveries", { webhook_id: id, status: status.value, limit: PAGE_SIZE, offset }), signal)]);
    // Drawn anew only when it changed: a button that has the focus keeps it.
    if (JSON.stringify(webhook) !== shown) fill(about, known(webhook, change));
    shown = JSON.stringify(webhook);
    list.show(found.data);
    pages.show(offset, found.data.length, found.has_more);
  };
  const act = (button, words, work) => button.addEventListener("click", () => doing(button, place, async () => {
    const told = await work();
    say(typeof told === "string" ? told : words);
    await look();
  }));
  const again = (row) => {
    const button = h("button", { type: "button", "aria-label": `Send ${row.event_type} of ${row.created_at} again` }, "Send again");
    act(button, "Sent again.", () => post(`/v1/deliveries/${row.id}/replay`));
    return button;
  };
  const change = (button, words, body) => act(button, words, () => api("PATCH", path, { body }));
  const test = h("button", { type: "button" }, "Send a test");
  act(test, "A test is on its way.", () => post(`${path}/test`));
  const dead = h("button", { type: "button" }, "Send again what was given up");
  act(dead, "", async () => {
    const made = await post(`${path}/replay-dead`);
    return `${count(made.data.length, "delivery", "deliveries")} sent again.${made.has_more ? " There are more: press again." : ""}`;
  });
  await look();
  fill(root,
    h("div", {}, h("p", { class: "crumb" }, h("a", { href: "#/webhooks" }, "Webhooks")), h("h1", {}, "Webhook")),
    h("section", { class: "card" }, about, h("div", { class: "buttons" }, test, dead, rotating(path, place), deleting(path, place))), place,
    h("div", { class: "filters" }, field("State", status)), list.element, pages.element);
  lookAgain(["delivery"], () => look().catch(() => null), signal, 500);
}

function known(webhook, change) {
  const off = !webhook.enabled;
  const button = h("button", { type: "button" }, off ? "Turn on" : "Turn off");
  change(button, off ? "It is on." : "It is off.", { enabled: off });
  return [h("dl", {},
    h("dt", {}, "Address"), h("dd", {}, webhook.url),
    h("dt", {}, "For"), h("dd", {}, webhook.description || "–"),
    h("dt", {}, "Told of"), h("dd", {}, webhook.events.includes("*") ? "everything" : webhook.events.join(", ")),
    h("dt", {}, "State"), h("dd", {}, off ? state("disabled", "Off") : state("active", "On"))),
  button];
}

function history(row) {
  const tries = row.history ?? [];
  if (!tries.length) return "none yet";
  return h("details", {}, h("summary", {}, `${tries.length}: ${outcome(tries.at(-1))}`),
    h("ol", { class: "tries" }, tries.map((each) => h("li", {}, at(each.at), `, ${each.duration_ms} ms: ${outcome(each)}`,
      each.answer ? h("pre", {}, h("code", {}, each.answer)) : null))));
}

const outcome = (each) => each.error ?? `answered ${each.status}`;

function rotating(path, place) {
  const button = h("button", { type: "button" }, "Make a new secret");
  button.addEventListener("click", async () => {
    if (!await sure("Make a new secret?", "From now on everything is signed with the new one: the server must know it at once.", "Make it")) return;
    await doing(button, place, async () => {
      const made = await post(`${path}/rotate-secret`);
      fill(place, secret("New signing secret.", made.secret, "It is shown this once."));
    });
  });
  return button;
}

function deleting(path, place) {
  const button = h("button", { type: "button", class: "danger" }, "Delete");
  button.addEventListener("click", async () => {
    if (!await sure("Delete this webhook?", "It hears of nothing more; what is on its way to it is cancelled.", "Delete it")) return;
    await doing(button, place, async () => { await remove(path); say("Deleted."); location.hash = "#/webhooks"; });
  });
  return button;
}
