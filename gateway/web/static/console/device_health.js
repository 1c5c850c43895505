// How a device fared: its last heartbeats as small charts, and as a table.

import { get } from "./api.js";
import { fill, h } from "./dom.js";
import { at } from "./moments.js";
import { table } from "./table.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 300;
const HEIGHT = 60;

const LINES = [
  { name: "Battery", unit: " %", of: (report) => report.battery_percent, low: 0, high: 100 },
  { name: "Storage used", unit: " %", low: 0, high: 100,
    of: (report) => report.storage_total_mb ? Math.round(100 * report.storage_used_mb / report.storage_total_mb) : null },
  { name: "Signal", unit: " dBm", of: (report) => report.signal_strength_dbm, low: -120, high: -40 },
];

/** Show the heartbeats of a device; answers {element, look}. */
export async function health(path, signal) {
  const element = h("div");
  const look = async () => {
    const found = (await get(`${path}/heartbeats?limit=100`, signal)).data.reverse();
    const open = element.querySelector("details")?.open;
    fill(element, found.length ? [LINES.map((each) => chart(each, found)), numbers(found, open)]
      : h("p", { class: "quiet" }, "It has not reported yet. It does so once its agent runs with a token."));
  };
  await look();
  return { element, look };
}

function chart(kind, reports) {
  const points = reports.map((each) => [Date.parse(each.at), kind.of(each.report)])
    .filter(([, value]) => value !== null && value !== undefined);
  if (!points.length) return null;
  const values = points.map(([, value]) => value);
  const [first, last] = [points[0][0], points.at(-1)[0]];
  const x = (time) => last === first ? WIDTH : WIDTH * (time - first) / (last - first);
  const y = (value) => HEIGHT * (1 - (Math.min(kind.high, Math.max(kind.low, value)) - kind.low) / (kind.high - kind.low));
  // One report is a line, too: a flat one.
  const line = (points.length === 1 ? [[0, values[0]], [WIDTH, values[0]]].map(([px, v]) => `${px},${y(v)}`)
    : points.map(([time, value]) => `${x(time).toFixed(1)},${y(value).toFixed(1)}`)).join(" ");
  const now = `${values.at(-1)}${kind.unit}`;
  const said = `${kind.name}: ${now} now, between ${Math.min(...values)} and ${Math.max(...values)}${kind.unit} in ${points.length} reports`;
  return h("figure", { class: "line-chart" },
    h("figcaption", {}, h("strong", {}, kind.name), h("span", { class: "number" }, now),
      h("span", { class: "number range" }, new Set(values).size === 1 ? "steady" : `${Math.min(...values)} to ${Math.max(...values)}${kind.unit}`)),
    drawn(said, [shape("line", { class: "grid", x1: 0, x2: WIDTH, y1: HEIGHT / 2, y2: HEIGHT / 2 }),
      shape("polyline", { class: "line", points: line })]));
}

function numbers(reports, open) {
  const list = table("Reports, newest first", [
    { head: "Reported", main: true, cell: (row) => at(row.at) },
    ...LINES.map((kind) => ({ head: kind.name, right: true, cell: (row) => {
      const value = kind.of(row.report);
      return value === null || value === undefined ? "–" : `${value}${kind.unit}`;
    } })),
  ], (row) => row.at, () => null);
  list.show([...reports].reverse().slice(0, 20));
  return h("details", { open }, h("summary", {}, "As numbers"), list.element);
}

function drawn(said, children) {
  const picture = shape("svg", { class: "chart", viewBox: `0 -2 ${WIDTH} ${HEIGHT + 4}`, preserveAspectRatio: "none", role: "img", "aria-label": said });
  picture.append(...children);
  return picture;
}

function shape(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}
