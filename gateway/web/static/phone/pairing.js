/** Who this phone is to the gateway: told by a cookie that no script can read. */

/** The gateway answered, and not with what was asked for. */
export class Refused extends Error {
  name = 'Refused';

  constructor(status) {
    super(`status ${status}`);
    this.status = status;
  }
}

/** Take the code out of the address at once: whoever looks at the screen or at the history later
 * must not find it. */
export function codeInAddress() {
  const code = decodeURIComponent(location.hash.slice(1));
  if (code !== '') history.replaceState(null, '', location.pathname);
  return code;
}

/** Answers {id, name}, or null for a phone that is not paired. Throws where the gateway is away. */
export async function whoAmI() {
  const response = await asked('/phone/me', 'GET');
  if (response.status === 401) return null;
  return (await good(response).json()).phone;
}

export async function pair(code) {
  const response = await asked('/phone/pair', 'POST', { code: code.trim().toUpperCase() });
  return (await good(response).json()).phone;
}

export async function unpair() {
  const response = await asked('/phone/me', 'DELETE');
  if (response.status !== 401) good(response);
}

function asked(path, method, body) {
  return fetch(path, {
    method,
    cache: 'no-store',
    credentials: 'same-origin',
    headers: body === undefined ? {} : { 'Content-Type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: AbortSignal.timeout(15_000),
  });
}

function good(response) {
  if (!response.ok) throw new Refused(response.status);
  return response;
}
