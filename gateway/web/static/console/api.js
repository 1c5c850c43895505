// The one way to the gateway: adds the CSRF token, turns problems into sentences, waits when told.

import { say } from "./telling.js";

const MOST_WAITS = 3;
const LONGEST_WAIT_S = 30;

const HINTS = {
  403: "Sign in with a key that may do this.",
  404: "It may have been deleted meanwhile: go back to the list.",
  409: "Look again: it has changed meanwhile.",
  413: "Send less at once.",
  503: "The gateway is starting, or its store is out of reach: try again in a minute.",
};

/** What the gateway refused, in words for people. */
export class Refusal extends Error {
  constructor(message, { status = 0, code = "", hint = null, requestId = null, details = null } = {}) {
    super(message);
    Object.assign(this, { status, code, hint, requestId, details });
  }
}

const session = { csrf: null, ended: () => {} };

/** Tell how requests are signed from now on, and who hears that the session is over. */
export function use(csrf, ended = session.ended) {
  session.csrf = csrf;
  session.ended = ended;
}

/** Ask the gateway; answers the JSON, or the response itself with `raw`. */
export async function api(method, path, { body, signal, raw = false, quiet = false } = {}) {
  for (let waits = 0; ; waits += 1) {
    const response = await sent(method, path, body, signal);
    if (response.status === 429 && waits < MOST_WAITS) {
      const wait = Math.min(Number(response.headers.get("Retry-After")) || 1, LONGEST_WAIT_S);
      say(`The gateway asks to wait: trying again in ${wait} seconds.`);
      await pause(wait * 1000, signal);
      continue;
    }
    if (response.ok) return raw ? response : response.status === 204 ? null : response.json();
    const refusal = await refused(response);
    if (response.status === 401 && !quiet) session.ended();
    throw refusal;
  }
}

export const get = (path, signal) => api("GET", path, { signal });
export const post = (path, body = {}, signal = undefined) => api("POST", path, { body, signal });
export const remove = (path) => api("DELETE", path);

/** A path with a query; empty values are left out. */
export function query(path, values) {
  const kept = Object.entries(values).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return kept.length ? `${path}?${new URLSearchParams(kept)}` : path;
}

async function sent(method, path, body, signal) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (session.csrf && method !== "GET") headers["X-CSRF-Token"] = session.csrf;
  try {
    return await fetch(path, {
      method, headers, signal, credentials: "same-origin", cache: "no-store",
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal("The gateway does not answer.", { hint: "Look at your connection, then try again." });
  }
}

async function refused(response) {
  const problem = await response.json().catch(() => ({}));
  const said = problem.detail || problem.error?.message || problem.title || `The gateway answered ${response.status}.`;
  const fields = problem.error?.details?.fields;
  return new Refusal(sentence(fields ? `${said}: ${listed(fields)}` : said), {
    status: response.status,
    code: problem.error?.code ?? "",
    hint: problem.error?.details?.hint ?? HINTS[response.status] ?? null,
    requestId: problem.request_id ?? response.headers.get("X-Request-Id"),
    details: problem.error?.details ?? null,
  });
}

function listed(fields) {
  if (!Array.isArray(fields)) return Object.entries(fields).map(([name, why]) => `${name} ${why}`).join("; ");
  return fields.map((each) => `${each.field} ${each.reason}`).join("; ");
}

function sentence(text) {
  const big = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(big) ? big : `${big}.`;
}

function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => { clearTimeout(timer); reject(signal.reason); }, { once: true });
  });
}
