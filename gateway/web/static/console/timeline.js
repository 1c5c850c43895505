// The timeline of a recording: waveform, images on it, and where one is. A slider for the keyboard.

import { fill, h } from "./dom.js";
import { clock, spoken } from "./words.js";

const KEYS = { ArrowLeft: -5, ArrowRight: 5, ArrowDown: -5, ArrowUp: 5, PageDown: -30, PageUp: 30 };
const PIN_PX = 52;

/** Make the timeline of a playback; answers {element, draw, close}. */
export function timelineOf(playback, images, choose) {
  const canvas = h("canvas", { "aria-hidden": "true" });
  const head = h("span", { class: "playhead" });
  const pins = h("div", { class: "pins", "aria-hidden": "true" });
  const track = h("div", { class: "track", role: "slider", tabindex: "0", "aria-label": "Position in the recording",
    "aria-valuemin": "0" }, canvas, head);
  const ends = h("div", { class: "axis number", "aria-hidden": "true" });
  const element = h("div", { class: "timeline" }, pins, track, ends);
  const share = (seconds) => playback.length ? Math.min(1, Math.max(0, seconds / playback.length)) : 0;

  function draw() {
    paint(canvas, playback);
    const gap = Math.min(...images.map((each, place) => place ? (share(each.offset_s) - share(images[place - 1].offset_s)) * element.clientWidth : Infinity));
    fill(pins, images.map((image, place) => pin(image, place, share(image.offset_s), gap < PIN_PX, choose)));
    move();
  }
  function move() {
    head.style.left = `${share(playback.position) * 100}%`;
    const now = Math.floor(playback.position);
    if (track.getAttribute("aria-valuenow") === String(now) && ends.childElementCount) return;
    track.setAttribute("aria-valuemax", Math.floor(playback.length));
    track.setAttribute("aria-valuenow", now);
    track.setAttribute("aria-valuetext", `${spoken(playback.position)} of ${spoken(playback.length)}`);
    fill(ends, h("span", {}, clock(playback.position)), h("span", {}, playback.length ? clock(playback.length) : "–"));
    paint(canvas, playback);
  }

  const point = (event) => playback.seek(playback.length * (event.clientX - track.getBoundingClientRect().left) / track.clientWidth);
  track.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    track.setPointerCapture(event.pointerId);
    point(event);
  });
  track.addEventListener("pointermove", (event) => { if (track.hasPointerCapture(event.pointerId)) point(event); });
  track.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key in KEYS) playback.seek(playback.position + KEYS[event.key]);
    else if (event.key === "Home") playback.seek(0);
    else if (event.key === "End") playback.seek(playback.length);
    else if (event.key === " " || event.key === "Enter") playback.toggle();
    else return;
    event.preventDefault();
  });
  const resized = new ResizeObserver(draw);
  resized.observe(element);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", draw);
  playback.addEventListener("time", move);
  playback.addEventListener("length", draw);
  return { element, draw, move, close: () => { resized.disconnect(); dark.removeEventListener("change", draw); } };
}

function pin(image, place, share, dense, choose) {
  const made = h("span", { class: dense ? "pin dense" : "pin", title: `Image ${place + 1}, ${clock(image.offset_s)}`, onclick: () => choose(place) },
    dense || !image.download_url || image.type !== "image" ? null : h("img", { src: image.download_url, alt: "", loading: "lazy" }));
  made.style.left = `${share * 100}%`;
  return made;
}

function paint(canvas, playback) {
  const ratio = devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (!width) return;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const style = getComputedStyle(canvas);
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  const scale = playback.length ? width / playback.length : 0;
  const here = playback.position * scale;
  for (const segment of playback.segments) {
    const left = segment.offset_s * scale;
    const wide = scale ? (segment.duration_s ?? 0) * scale : width;
    for (let x = Math.floor(left); x < left + wide; x += 3) {
      const loud = segment.peaks?.length ? loudest(segment.peaks, (x - left) / wide, (x + 3 - left) / wide) : null;
      const tall = loud === null ? 4 : Math.max(2, loud * (height - 6));
      pen.fillStyle = style.getPropertyValue(x < here ? "--accent" : "--wave");
      pen.fillRect(x, (height - tall) / 2, loud === null ? 3 : 2, tall);
    }
  }
}

function loudest(peaks, from, to) {
  const first = Math.max(0, Math.floor(from * peaks.length));
  const last = Math.min(peaks.length, Math.max(first + 1, Math.ceil(to * peaks.length)));
  return Math.min(1, Math.max(0, ...peaks.slice(first, last)));
}
