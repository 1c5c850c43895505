// Bars of recordings that come up now: bytes while they arrive, media once they are whole.

import { fill, h } from "./dom.js";
import { say } from "./telling.js";
import { bytes, named } from "./words.js";

/**
 * Keep bars of recordings. `of(row)` makes one; `move(event)` hears of bytes that arrived, and
 * answers whether they are of a medium that was not known.
 */
export function progressBars() {
  const bars = new Map();

  function of(row) {
    const known = bars.get(row.id);
    const bar = { name: named(row), flying: known?.flying ?? new Map(), media: row.media,
      fill: h("span"), words: h("p", { class: "hint number" }) };
    bar.track = h("span", { class: "bar", role: "progressbar", "aria-label": `Upload of ${bar.name}`, "aria-valuemin": 0, "aria-valuemax": 100 }, bar.fill);
    bars.set(row.id, bar);
    show(bar);
    return h("div", { class: "upload" }, bar.track, bar.words);
  }

  function move(event) {
    const bar = bars.get(event.recording_id);
    if (!bar) return true;
    bar.flying.set(event.medium_id, event);
    show(bar);
    say(`${bar.name}: ${bar.words.textContent}`, true);
    return !bar.media.some((each) => each.id === event.medium_id);
  }
  return { of, move };
}

function show(bar) {
  const known = new Set(bar.media.map((each) => each.id));
  const sent = bar.media.map((each) => {
    const size = each.file_size_bytes ?? bar.flying.get(each.id)?.size_bytes ?? 0;
    return [each.status === "uploaded" ? size : bar.flying.get(each.id)?.received_bytes ?? 0, size];
  });
  for (const [id, event] of bar.flying) {
    if (!known.has(id)) sent.push([event.received_bytes, event.size_bytes ?? event.received_bytes]);
  }
  const held = sent.reduce((sum, [arrived]) => sum + arrived, 0);
  const total = sent.reduce((sum, [, size]) => sum + size, 0);
  const percent = total ? Math.floor(100 * held / total) : 0;
  bar.fill.style.width = `${percent}%`;
  bar.track.setAttribute("aria-valuenow", percent);
  fill(bar.words, total ? `${bytes(held)} of ${bytes(total)}` : "coming up");
}
