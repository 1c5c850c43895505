// Makes elements. Text goes in as text: nothing here reads HTML, whatever a server sends.

/** Make an element: h("button", {class: "main", onclick: act}, "Save"). Null children are left out. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "selected") element[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Put children in place of whatever an element holds. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

let serial = 0;

/** Give an id that no other element of the page has. */
export function freshId(word) {
  serial += 1;
  return `${word}-${serial}`;
}

/** A labelled control; `hint` is read with it. */
export function field(label, control, hint = null) {
  control.id ||= freshId("field");
  const parts = [h("label", { for: control.id }, label), control];
  if (hint) {
    const id = freshId("hint");
    control.setAttribute("aria-describedby", id);
    parts.push(h("p", { class: "hint", id }, hint));
  }
  return h("div", { class: "field" }, parts);
}

/** A choice: options are [value, words]. */
export function select(options, chosen, props = {}) {
  const made = h("select", props, options.map(([value, words]) => h("option", { value }, words)));
  made.value = chosen;
  return made;
}
