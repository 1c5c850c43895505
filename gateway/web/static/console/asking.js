// Asks before something is done that cannot be undone.

import { h } from "./dom.js";

/** Ask; answers true only if the person said yes. Escape is no. */
export function sure(title, words, yes) {
  return new Promise((answered) => {
    const no = h("button", { value: "no" }, "Cancel");
    const dialog = h("dialog", { "aria-labelledby": "sure-title" },
      h("form", { method: "dialog" },
        h("h2", { id: "sure-title" }, title), h("p", {}, words),
        h("div", { class: "buttons" }, h("button", { value: "yes", class: "danger" }, yes), no)));
    dialog.addEventListener("close", () => {
      dialog.remove();
      answered(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
    no.focus();
  });
}
