// How a box gets in: a one-time enrolment code to scan or type, or a new token.

import { post } from "./api.js";
import { sure } from "./asking.js";
import { fill, h } from "./dom.js";
import { codeToScan, secret } from "./secret.js";
import { doing } from "./telling.js";

/** Show what makes codes and tokens. */
export function credentials(path, signal) {
  const place = h("div");
  const code = h("button", { type: "button" }, "Make an enrolment code");
  const rotate = h("button", { type: "button", class: "danger" }, "Make a new token");
  code.addEventListener("click", () => doing(code, place, async () => {
    const made = await post(`${path}/enrol-codes`);
    const line = `fieldpost enrol --code ${made.code}`;
    fill(place, await codeToScan({ code: made.code, expiresAt: made.expires_at, scans: line,
      words: [h("p", {}, "On the box:"), h("pre", {}, h("code", {}, line)),
        h("p", { class: "hint" }, "What the box had works until its new token is first used.")] }, signal));
  }));
  rotate.addEventListener("click", async () => {
    if (!await sure("Make a new token?", "Every older token of this device ends at once. The box is cut off until the new one is put on it by hand; an enrolment code is kinder.", "Make it")) return;
    await doing(rotate, place, async () => {
      const made = await post(`${path}/token/rotate`);
      fill(place, secret("New token.", made.device_token, "It is shown this once. Put it on the box with: fieldpost enrol"));
    });
  });
  return h("div", {},
    h("p", {}, "A code is good once, for 15 minutes."),
    h("div", { class: "buttons" }, code, rotate), place);
}
