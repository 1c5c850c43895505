/** Every sentence that people read on this page: what is, and what to do about it. */

export const TEXT = {
  pairTitle: 'Pair this phone',
  pairHow: 'Open the link or scan the code from the console, or type the code here. It works once.',
  pairLabel: 'Pairing code',
  pairButton: 'Pair',
  pairing: 'Pairing…',
  emptyTitle: 'No recorder yet',
  emptyOn: 'Switch the recorder on.',
  emptyNear: 'Stay within a few steps of it.',
  emptyPress: 'Press “Find a recorder” and choose it.',
  find: 'Find a recorder',
  findMore: 'Find another recorder',
  about: 'About this phone',
  unpair: 'Unpair this phone',
  again: 'Try again',
  reload: 'Load this page again',
  useHere: 'Use this page',
  forget: 'Remove from the list',
  more: (count) => `and ${count} more`,
  safe: (count) => `${count} ${count === 1 ? 'recording' : 'recordings'} safe and off the recorder`,
  earlier: 'Copied earlier',
  pairedAs: (name) => `Paired as “${name}”.`,
  battery: (percent) => `Battery ${percent} %`,
  unnamed: 'Recorder',
};

/** The line at the top: [words, tone]. */
export const LINE = {
  up: ['Connected', 'good'],
  connecting: ['Connecting…', 'wait'],
  offline: ['No network', 'bad'],
  away: ['Gateway away', 'bad'],
  resting: ['Resting', 'wait'],
};

/** What a recorder's card says while the gateway has not said more. */
export const STATE = {
  waiting: 'Waits for the gateway. Copying goes on by itself.',
  connecting: 'Connecting…',
  open: 'Connected. Looking for recordings…',
  lost: 'Out of reach. Stay near the recorder: the page connects again by itself.',
};

const RECORDING = {
  waiting: 'Still on the recorder',
  pulling: 'Copying from the recorder',
  sending: 'Copied. On its way into safekeeping',
  stored: 'Safe. The recorder is told next',
  released: 'Safe, and the recorder knows it',
  problem: 'Needs attention',
};

export const ADVICE = {
  moving: 'Keep this page open, the screen on, and the phone near the recorder.',
  idle: '',
  offline: 'No network. Nothing is lost: copying goes on when it is back.',
  away: 'The gateway cannot be reached. Nothing is lost: the page keeps trying.',
};

const said = (what, todo, again = null) => ({ what, todo, again });

const BROWSERS =
  'On Android use Chrome, Edge or Samsung Internet; on a computer Chrome or Edge. On an iPhone or ' +
  'iPad neither Safari nor Chrome can do this: use the browser “Bluefy”.';

export const NO_BLUETOOTH = said('This browser cannot use Bluetooth', BROWSERS);
export const NOT_SECURE = said(
  'This page was not opened over https',
  'Browsers allow Bluetooth only on secure pages. Open the address with https:// in front.',
);
export const ADAPTER_OFF = said(
  'Bluetooth is off',
  'Switch Bluetooth on in the phone’s settings, then try again.',
);
const PERMISSION = said(
  'The browser may not use Bluetooth',
  'Allow “Nearby devices” (before Android 12: “Location”) for the browser in the phone’s settings, ' +
    'and Bluetooth for this site, then try again.',
);
const NOT_CHOSEN = said(
  'No recorder was chosen',
  'Press the button again and choose one. If yours is not in the list, switch it on, come nearer, ' +
    'and make sure that no other phone or box is connected to it.',
);
const OUT_OF_REACH = said(
  'The recorder does not answer',
  'Come nearer and make sure that it is on and that nobody else is connected to it.',
);
const NOT_PAIRED_THERE = said(
  'The recorder wants to be paired with this phone',
  'Put the recorder into pairing mode, and accept the phone’s question. If it was paired before, ' +
    'remove it in the phone’s Bluetooth settings first.',
);
const NOT_A_RECORDER = said(
  'This device is no recorder',
  'Remove it from the list and choose another one.',
);

/** Put a failure of the chooser or of a connection in words: {what, todo}. */
export function ofError(error) {
  const message = (error.message ?? '').toLowerCase();
  switch (error.name) {
    case 'NotARecorder':
      return NOT_A_RECORDER;
    case 'SecurityError':
    case 'NotAllowedError':
      return PERMISSION;
    case 'NotFoundError':
      if (message.includes('adapter')) return ADAPTER_OFF;
      if (/permission|disabled|policy/.test(message)) return PERMISSION;
      if (/cancelled|canceled|chooser|chosen/.test(message)) return NOT_CHOSEN;
      return /service|characteristic/.test(message) ? NOT_A_RECORDER : NOT_CHOSEN;
    case 'NotSupportedError':
      return message.includes('authenti') ? NOT_PAIRED_THERE : NO_BLUETOOTH;
    case 'NetworkError':
      return /authenti|authoriz|encrypt|pair/.test(message) ? NOT_PAIRED_THERE : OUT_OF_REACH;
    case 'TimeoutError':
    case 'AbortError':
    case 'InvalidStateError':
      return OUT_OF_REACH;
    default:
      return said('Something unexpected happened', `Load this page again. (${error.name})`);
  }
}

/** Why pairing did not work. */
export function ofPairing(error) {
  if (error.name !== 'Refused') return GATEWAY_AWAY;
  switch (error.status) {
    case 429:
      return said('Too many codes were tried', 'Wait a few minutes, then try again.');
    case 400:
    case 401:
    case 403:
    case 404:
    case 409:
    case 410:
    case 422:
      return said(
        'This code does not work',
        'A code works once and for 15 minutes. Ask for a new one in the console.',
      );
    default:
      return GATEWAY_AWAY;
  }
}

const GATEWAY_AWAY = said(
  'The gateway cannot be reached',
  'See that the phone is online. If other pages work, tell whoever runs the gateway.',
  TEXT.again,
);

/** Why the gateway ended the connection for good, by close code (TUNNEL.md §7). */
export function ofEnd(code) {
  switch (code) {
    case 4401:
      return said(
        'This phone is not paired any more',
        'What was copied is safe. Ask for a new code in the console.',
      );
    case 4409:
      return said(
        'Another page of this phone took over',
        'Go on there, or press the button to go on here.',
        TEXT.useHere,
      );
    default:
      return said('This page is out of date', 'Load it again; nothing is lost.', TEXT.reload);
  }
}

export { GATEWAY_AWAY };

/** Tell a recording's state in words, with its progress where it moves. */
export function ofRecording({ state, done_bytes: done, size_bytes: size, message }) {
  if (message) return message;
  const words = RECORDING[state] ?? state;
  if (state !== 'pulling' || !size) return words;
  return `${words}: ${bytes(done ?? 0)} of ${bytes(size)}`;
}

/** Tell what is announced to screen readers of one recorder. */
export function ofProgress(name, recordings) {
  const safe = recordings.filter(({ state }) => state === 'stored' || state === 'released').length;
  const moving = recordings.find(({ state }) => state === 'pulling');
  const part = moving?.size_bytes
    ? `, ${Math.floor((100 * (moving.done_bytes ?? 0)) / moving.size_bytes)} percent of the next`
    : '';
  return `${name}: ${safe} of ${recordings.length} recordings safe${part}`;
}

/** Tell a size as people do. */
export function bytes(count) {
  const units = ['bytes', 'KiB', 'MiB', 'GiB'];
  let unit = 0;
  let size = count;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? size : size.toFixed(1)} ${units[unit]}`;
}
