// One recording: hear it, see its images at their moments, know what became of it.

import { get, remove } from "./api.js";
import { sure } from "./asking.js";
import { fill, h } from "./dom.js";
import { imagesOf } from "./images.js";
import { lookAgain, on } from "./live.js";
import { at } from "./moments.js";
import { Playback } from "./playing.js";
import { state } from "./states.js";
import { doing, say } from "./telling.js";
import { timelineOf } from "./timeline.js";
import { progressBars } from "./uploading.js";
import { bytes, called, named, plain, span } from "./words.js";

const NO_WAVE = {
  working: "The waveform is being made.",
  no_decoder: "No waveform: this gateway has no decoder for audio. Its administrator can add one with: pip install 'fieldpost[audio]'.",
  undecodable: "No waveform: this audio cannot be decoded here. It may play all the same.",
  too_large: "No waveform: this audio is too large to decode here.",
  not_uploaded: "The audio is not here yet: the device still has it.",
  unavailable: "No waveform: the object store did not answer.",
};
const ASK_AGAIN_MS = 3000;

export default async function draw(root, { params: [id], values, signal }) {
  const path = `/v1/recordings/${encodeURIComponent(id)}`;
  const bars = progressBars();
  const title = h("h1");
  const facts = h("div");
  const stage = h("section", { class: "card player", "aria-label": "Player" });
  let shown = "";
  let told = "";
  const look = async () => {
    const [recording, timeline] = await Promise.all([get(path, signal), get(`${path}/timeline`, signal)]);
    title.textContent = named(recording);
    if (JSON.stringify(recording) !== told) fill(facts, known(recording, await whose(recording, signal), timeline, bars));
    told = JSON.stringify(recording);
    const media = JSON.stringify(recording.media.map((each) => [each.id, each.status]));
    // What plays goes on: it is set up anew only when there is more to play.
    if (media !== shown) play(stage, timeline, () => get(`${path}/timeline`, signal), signal, Number(values.get("t")) || 0);
    shown = media;
  };
  await look();
  fill(root,
    h("div", {}, h("p", { class: "crumb" }, h("a", { href: "#/recordings" }, "Recordings")), title),
    stage, h("section", { class: "card" }, h("h2", {}, "About it"), facts, deleting(path)));
  const soon = lookAgain(["recording"], () => look().catch(() => null), signal);
  on("progress", (event) => { if (event.recording_id === id && bars.move(event)) soon(); }, signal);
}

async function whose(recording, signal) {
  return recording.device_id ? get(`/v1/devices/${recording.device_id}`, signal) : null;
}

function play(stage, timeline, renew, signal, from) {
  stage.close?.();
  const images = [...timeline.images].sort((a, b) => (a.offset_s ?? 0) - (b.offset_s ?? 0));
  const placed = images.filter((each) => each.offset_s !== null);
  const playback = new Playback(timeline, renew);
  const choose = (place) => {
    const image = images[place];
    pictures.show(place);
    if (image.offset_s === null) return;
    playback.seek(image.offset_s);
    playback.play();
  };
  const pictures = imagesOf(images, choose);
  const line = timelineOf(playback, placed, (place) => choose(images.indexOf(placed[place])));
  const button = h("button", { type: "button", class: "main play", onclick: () => playback.toggle() });
  const reason = h("p", { class: "hint" });
  const step = (by) => choose(Math.min(images.length - 1, Math.max(0, (pictures.shown() ?? 0) + by)));
  const tell = () => fill(button, playback.playing ? "Pause" : "Play");
  const why = () => { reason.textContent = NO_WAVE[(timeline.audio.find((each) => !each.peaks) ?? {}).peaks_reason] ?? ""; };
  let frame = 0;
  const run = () => { line.move(); pictures.follow(playback.position); frame = playback.playing ? requestAnimationFrame(run) : 0; };
  playback.addEventListener("state", () => { tell(); if (playback.playing && !frame) run(); });
  playback.addEventListener("time", () => pictures.follow(playback.position));
  playback.addEventListener("broken", () => { reason.textContent = "The audio cannot be played in this browser. It can be downloaded below."; say(reason.textContent); });
  tell();
  why();
  fill(stage, pictures.now,
    timeline.audio.length ? [line.element, h("div", { class: "buttons" }, button,
      images.length ? [h("button", { type: "button", onclick: () => step(-1) }, "Previous image"), h("button", { type: "button", onclick: () => step(1) }, "Next image")] : null), reason]
      : h("p", {}, "This recording has no audio."),
    pictures.all);
  button.disabled = playback.silent;
  playback.seek(from);
  pictures.follow(from);
  requestAnimationFrame(line.draw);
  const soon = setInterval(async () => {
    if (!timeline.audio.some((each) => each.peaks_reason === "working")) return void clearInterval(soon);
    timeline = await renew().catch(() => timeline);
    for (const segment of playback.segments) Object.assign(segment, { peaks: timeline.audio.find((each) => each.medium_id === segment.medium_id)?.peaks });
    why();
    line.draw();
  }, ASK_AGAIN_MS);
  stage.close = () => { clearInterval(soon); cancelAnimationFrame(frame); playback.close(); line.close(); };
  signal.addEventListener("abort", () => stage.close(), { once: true });
}

function known(recording, device, timeline, bars) {
  const links = new Map([...timeline.audio, ...timeline.images].map((each) => [each.medium_id, each.download_url]));
  const rows = [
    ["State", recording.status === "pending" ? bars.of(recording) : state(recording.status, recording.status === "uploaded" ? "Stored" : "Damaged")],
    ["Begun", at(recording.started_at ?? recording.created_at)],
    ["Length", span(timeline.duration_s)],
    ["Device", recording.device_id ? h("a", { href: `#/devices/${recording.device_id}` }, called(device.device_name, device.serial_number)) : "–"],
    ["User", recording.end_user_id ?? "–"],
    ["Id", h("span", { class: "code" }, recording.id)],
    ...Object.entries(recording.metadata).filter(([name]) => !name.startsWith("fieldpost_"))
      .map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)]),
  ];
  return [h("dl", {}, rows.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    h("details", {}, h("summary", {}, "Files"), h("ul", { class: "files" }, recording.media.map((medium) => h("li", {},
      links.get(medium.id) ? h("a", { href: links.get(medium.id), download: "" }, plain(medium.type)) : `${plain(medium.type)} (not here yet)`,
      ` ${medium.mime_type}, ${bytes(medium.file_size_bytes)} `, medium.content_sha256 ? h("code", { class: "hint" }, `sha256 ${medium.content_sha256}`) : null))))];
}

function deleting(path) {
  const place = h("div");
  const button = h("button", { type: "button", class: "danger" }, "Delete this recording");
  button.addEventListener("click", async () => {
    if (!await sure("Delete this recording?", "Its audio and images are removed from the gateway for good.", "Delete it")) return;
    await doing(button, place, async () => {
      await remove(path);
      say("Deleted.");
      location.hash = "#/recordings";
    });
  });
  return h("div", { class: "apart" }, place, button);
}
