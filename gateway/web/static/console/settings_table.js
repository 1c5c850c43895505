// Every setting there is: its words, its range, how it is said and how it is entered.

import { field, h, select } from "./dom.js";

const NETWORKS = { wifi: "Wi-Fi", cellular: "mobile network", ble: "phone (Bluetooth)" };
const ORDERS = [["wifi"], ["cellular"], ["ble"], ["wifi", "cellular"], ["cellular", "wifi"], ["wifi", "ble"], ["ble", "wifi"],
  ["wifi", "cellular", "ble"], ["wifi", "ble", "cellular"], ["cellular", "wifi", "ble"], ["ble", "wifi", "cellular"]];

const yes = (path, label, hint) => ({ path, label, hint, kind: CHOICE([["true", "Yes"], ["false", "No"]]) });
const number = (path, label, low, high, unit, hint) => ({ path, label, hint, kind: NUMBER(low, high, unit) });

/** Sections of settings, in the order in which people ask for them. */
export const SECTIONS = () => [
  { title: "Sending", values: [
    number("upload.daily_data_limit_mb", "Most data a day", 0, 10000, "MB", "0 is no limit. Of two limits the smaller one counts."),
    { path: "upload.off_peak_hours", label: "Only at these hours", kind: HOURS },
    yes("upload.allow_roaming", "Send while roaming"),
    yes("upload.pause_on_low_battery", "Pause when the battery is low"),
    { path: "connection.upload_network_preference", label: "Networks, the best first", kind: ORDER },
    yes("upload.streaming_enabled", "Send while it still records"),
    number("upload.streaming_chunk_kb", "Piece that is sent while recording", 64, 1024, "KiB"),
    number("upload.streaming_flush_interval_seconds", "Send such a piece at the latest after", 0, 255, "s"),
  ] },
  { title: "Networks", values: [
    yes("connection.enabled_connections.wifi", "Use Wi-Fi"),
    yes("connection.enabled_connections.cellular", "Use the mobile network"),
    yes("connection.heartbeat_enabled_connections.wifi", "Report over Wi-Fi"),
    yes("connection.heartbeat_enabled_connections.cellular", "Report over the mobile network"),
    number("connection.power_management.wifi_idle_timeout_seconds", "Idle Wi-Fi goes off after", -1, 2540, "s", "-1: never, 0: at once, else 10 or more."),
    number("connection.power_management.cellular_idle_timeout_seconds", "Idle mobile network goes off after", -1, 2540, "s", "-1: never, 0: at once, else 10 or more."),
  ] },
  { title: "Audio", values: [
    { path: "audio.codec", label: "Codec", kind: CHOICE([["opus", "Opus"], ["aac", "AAC"], ["wav", "WAV"]]) },
    { path: "audio.sample_rate_khz", label: "Sample rate", kind: CHOICE([["16", "16 kHz"], ["24", "24 kHz"], ["48", "48 kHz"]]) },
    number("audio.bitrate_kbps", "Bit rate", 8, 320, "kbit/s"),
  ] },
  { title: "Power", values: [
    number("power.low_battery_threshold_percent", "The battery is low below", 0, 100, "%"),
    number("power.auto_sleep_minutes", "Sleep after idle minutes", 0, 1440, "min", "0: never."),
  ] },
];

// A kind: says(value) in words; control(value) answers {element, first, read()}.

function CHOICE(options) {
  return {
    says: (value) => options.find(([code]) => code === String(value))?.[1] ?? String(value),
    control: (value, label) => {
      const made = select(options, value === undefined ? options[0][0] : String(value));
      return { element: field(label, made), first: made, read: () => JSON.parse(/^(true|false|\d+)$/.test(made.value) ? made.value : `"${made.value}"`) };
    },
  };
}

function NUMBER(low, high, unit) {
  return {
    says: (value) => `${value} ${unit}`,
    control: (value, label) => {
      const made = h("input", { type: "number", min: low, max: high, step: 1, required: true, value: value ?? "" });
      return { element: field(`${label}, ${unit}`, made, `${low} to ${high}`), first: made, read: () => Number(made.value) };
    },
  };
}

const ORDER = {
  says: (value) => value.map((each) => NETWORKS[each] ?? each).join(", then "),
  control: (value, label) => {
    const made = select(ORDERS.map((each) => [each.join(), ORDER.says(each)]), (value ?? ORDERS[3]).join());
    return { element: field(label, made), first: made, read: () => made.value.split(",") };
  },
};

const HOURS = {
  says: (value) => value.enabled ? `${value.start} to ${value.end}, ${value.timezone}` : "all day",
  control: (value, label) => {
    const enabled = h("input", { type: "checkbox", checked: value?.enabled ?? true });
    const start = h("input", { type: "time", value: value?.start ?? "22:00" });
    const end = h("input", { type: "time", value: value?.end ?? "06:00" });
    const zone = h("input", { value: value?.timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone, spellcheck: "false" });
    const element = h("fieldset", {}, h("legend", {}, label),
      h("label", { class: "tick" }, enabled, "Nothing goes up outside of these hours"),
      h("div", { class: "filters" }, field("From", start), field("Until", end), field("Time zone", zone)));
    return { element, first: enabled, read: () => enabled.checked
      ? { enabled: true, start: start.value, end: end.value, timezone: zone.value.trim() } : { enabled: false } };
  },
};
