// How sizes, times and states are said to people.

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** 1503238553 → "1.4 GiB". */
export function bytes(count) {
  if (count === null || count === undefined) return "–";
  let value = count;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit && value < 100 ? value.toFixed(1) : Math.round(value)} ${UNITS[unit]}`;
}

const STEPS = [[60, "second", 1], [3600, "minute", 60], [86400, "hour", 3600], [Infinity, "day", 86400]];
const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const ABSOLUTE = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

/** A moment beside now: "3 minutes ago", "in 2 hours". */
export function relative(at, now = Date.now()) {
  const seconds = (at - now) / 1000;
  const size = Math.abs(seconds);
  if (size < 10) return "just now";
  const [, unit, length] = STEPS.find(([most]) => size < most);
  return RELATIVE.format(Math.trunc(seconds / length), unit);
}

/** A length of time in two units at most: 5025 → "1 h 24 min". */
export function span(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
}

/** A place on a timeline: 75.4 → "1:15". */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds || 0));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  const two = (n) => String(n).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** The same for screen readers: "1 minute 15 seconds". */
export function spoken(seconds) {
  const whole = Math.max(0, Math.floor(seconds || 0));
  const minutes = Math.floor(whole / 60);
  const words = (n, unit) => `${n} ${unit}${n === 1 ? "" : "s"}`;
  return minutes ? `${words(minutes, "minute")} ${words(whole % 60, "second")}` : words(whole, "second");
}

/** In the viewer's zone. */
export const local = (date) => ABSOLUTE.format(date);

/** 2026-03-01 12:00:05 UTC. */
export const utc = (date) => `${date.toISOString().slice(0, 19).replace("T", " ")} UTC`;

/** 1 device, 3 devices. */
export const count = (n, one, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;

/** What a recording is called where nobody gave it a name. */
export const named = (recording) => recording.name || `Recording of ${local(new Date(recording.started_at ?? recording.created_at))}`;

/** What a device is called where it stands alone: boxes name themselves, and often all alike. */
export const called = (name, serial) => name ? `${name} · ${serial}` : serial;

/** With a capital at its begin. */
export const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** upload_complete or lowBattery → "Upload complete", "Low battery". */
export function plain(code) {
  const words = String(code ?? "").replace(/([a-z])([A-Z])/g, "$1 $2").replace(/[_.]/g, " ").toLowerCase();
  return sentence(words);
}
