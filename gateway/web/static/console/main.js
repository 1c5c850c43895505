// Starts the console: who is signed in, which page the address names, what is under the header.

import { api, use } from "./api.js";
import { fill, h } from "./dom.js";
import { connect, disconnect } from "./live.js";
import { wrong } from "./telling.js";

const PAGES = [
  { path: /^\/?$/, load: () => import("./fleet.js"), nav: "Fleet", at: "#/" },
  { path: /^\/devices\/([^/]+)$/, load: () => import("./device.js"), under: "#/" },
  { path: /^\/recordings$/, load: () => import("./recordings.js"), nav: "Recordings", at: "#/recordings" },
  { path: /^\/recordings\/([^/]+)$/, load: () => import("./player.js"), under: "#/recordings" },
  { path: /^\/phones$/, load: () => import("./phones.js"), nav: "Phones", at: "#/phones" },
  { path: /^\/webhooks$/, load: () => import("./webhooks.js"), nav: "Webhooks", at: "#/webhooks" },
  { path: /^\/webhooks\/([^/]+)$/, load: () => import("./deliveries.js"), under: "#/webhooks" },
  { path: /^\/settings$/, load: () => import("./settings.js"), nav: "Settings", at: "#/settings" },
  { path: /^\/keys$/, load: () => import("./keys.js"), nav: "API keys", at: "#/keys" },
  { path: /^\/audit$/, load: () => import("./audit.js"), nav: "Audit log", at: "#/audit" },
];
const SIGN_IN = "#/sign-in";

const main = document.getElementById("main");
// By hand: as an address it would be a page, and focus would move a second time when it is read.
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
let signedIn = null;
let leaving = new AbortController();

async function turn() {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const [path, asked] = (location.hash.slice(1) || "/").split("?");
  const values = new URLSearchParams(asked);
  if (!signedIn && !(await look())) {
    if (path !== "/sign-in") return goSignIn();
  }
  if (signal.aborted) return undefined;
  if (path === "/sign-in" && signedIn) {
    // Only within the console: anybody can write such a link.
    const to = values.get("to") ?? "";
    return void location.replace(to.startsWith("#/") ? to : "#/");
  }
  const page = PAGES.find((each) => each.path.test(path));
  mark(page);
  const [, ...params] = page ? path.match(page.path).map(decodeURIComponent) : [];
  return show(path === "/sign-in" ? () => import("./sign_in.js") : page?.load, { params, values, signal, signed });
}

async function show(load, page) {
  const root = h("div", { class: "page" }, h("p", { class: "quiet loading" }, "Loading…"));
  fill(main, root);
  try {
    if (!load) throw Object.assign(new Error("There is no such page."), { hint: "Choose one above." });
    const { default: draw } = await load();
    await draw(root, page);
  } catch (error) {
    if (page.signal.aborted || error.name === "AbortError") return;
    fill(root, h("h1", {}, "That did not work"), wrong(error, turn));
  }
  if (page.signal.aborted) return;
  const heading = root.querySelector("h1");
  document.title = heading ? `${heading.textContent} · Fieldpost` : "Fieldpost";
  // Where the keyboard and a screen reader go on; a form has its own first field.
  if (heading && !root.contains(document.activeElement)) {
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
  }
  root.dataset.ready = "";
}

async function look() {
  const found = await api("GET", "/console/session", { quiet: true }).catch((error) => {
    if (error.status !== 401) fill(main, wrong(error, turn));
    return null;
  });
  if (found) signed(found);
  return signedIn;
}

function signed(found) {
  signedIn = found;
  use(found.csrf, () => { signedIn = null; use(null); goSignIn(); });
  document.getElementById("who").textContent = found.name;
  connect();
}

function goSignIn() {
  disconnect();
  const to = location.hash.startsWith(SIGN_IN) || !location.hash ? "" : `?to=${encodeURIComponent(location.hash)}`;
  location.replace(SIGN_IN + to);
}

function mark(page) {
  document.getElementById("top").hidden = !signedIn;
  const here = page?.at ?? page?.under;
  for (const link of document.querySelectorAll("#nav a")) {
    if (link.getAttribute("href") === here) {
      link.setAttribute("aria-current", page.at ? "page" : "true");
      link.scrollIntoView({ block: "nearest", inline: "nearest" });
    } else link.removeAttribute("aria-current");
  }
}

document.getElementById("nav").append(
  ...PAGES.filter((page) => page.nav).map((page) => h("li", {}, h("a", { href: page.at }, page.nav))));
document.getElementById("leave").addEventListener("click", async () => {
  await api("DELETE", "/console/session", { quiet: true }).catch(() => null);
  signedIn = null;
  use(null);
  location.hash = SIGN_IN;
});
window.addEventListener("hashchange", turn);
turn();
