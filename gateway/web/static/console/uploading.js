// Bars of recordings that come up now: bytes while they arrive, media once they are whole.

import { fill, h } from "./dom.js";
import { say } from "./telling.js";
import { bytes } from "./words.js";

/** Keep bars of recordings. `of(row)` makes one; `move(event)` hears of bytes that arrived. */
export function progressBars() {
  const bars = new Map();

  function of(row) {
    const known = bars.get(row.id);
    const bar = { name: row.name || row.id, flying: known?.flying ?? new Map(), media: row.media,
      fill: h("span"), words: h("p", { class: "hint number" }) };
    bar.track = h("span", { class: "bar", role: "progressbar", "aria-label": `Upload of ${bar.name}`, "aria-valuemin": 0, "aria-valuemax": 100 }, bar.fill);
    bars.set(row.id, bar);
    show(bar);
    return h("div", { class: "upload" }, bar.track, bar.words);
  }

  function move(event) {
    const bar = bars.get(event.recording_id);
    if (!bar) return;
    bar.flying.set(event.media_id, event);
    show(bar);
    say(`${bar.name}: ${bar.words.textContent}`, true);
  }
  return { of, move };
}

function show(bar) {
  const total = bar.media.reduce((sum, medium) => sum + size(bar, medium), 0);
  const held = bar.media.reduce((sum, medium) => sum + (medium.status === "uploaded" ? size(bar, medium) : bar.flying.get(medium.id)?.held_bytes ?? 0), 0);
  const percent = total ? Math.floor(100 * held / total) : 0;
  bar.fill.style.width = `${percent}%`;
  bar.track.setAttribute("aria-valuenow", percent);
  fill(bar.words, total ? `${bytes(held)} of ${bytes(total)}` : "coming up");
}

const size = (bar, medium) => medium.file_size_bytes ?? bar.flying.get(medium.id)?.size_bytes ?? 0;
