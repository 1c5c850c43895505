// Settings of all devices.

import { fill, h } from "./dom.js";
import { settings } from "./settings_editor.js";

export default async function draw(root, { signal }) {
  const values = await settings("/v1/settings", signal, "h2");
  fill(root,
    h("div", {}, h("h1", {}, "Settings of all devices"),
      h("p", { class: "quiet" }, "A device takes these over with its next heartbeat, unless it has a value of its own or its box says otherwise.")),
    h("div", { class: "card" }, values));
}
