// Pages of a list: newer and older, and where one is.

import { fill, h } from "./dom.js";

export const PAGE_SIZE = 25;

/** Make the buttons of a list; `turn(offset)` shows another page. Answers {element, show}. */
export function pager(turn) {
  const element = h("nav", { class: "buttons", "aria-label": "Pages of this list" });
  function show(offset, shown, more) {
    if (!offset && !more) return fill(element);
    return fill(element,
      h("button", { type: "button", disabled: offset === 0, onclick: () => turn(Math.max(0, offset - PAGE_SIZE)) }, "Newer"),
      h("span", { class: "number" }, `${offset + 1} to ${offset + shown}`),
      h("button", { type: "button", disabled: !more, onclick: () => turn(offset + PAGE_SIZE) }, "Older"));
  }
  return { element, show };
}
