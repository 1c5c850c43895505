/** Everything that can go wrong, in plain words: what it is, and what to do about it. */

import { TEXT } from './words.js';

const said = (what, todo, again = null) => ({ what, todo, again });

const BROWSERS =
  'Use Chrome or Edge, on Android or on a computer. On an iPhone or iPad neither Safari nor Chrome ' +
  'can do this; the browser “Bluefy” may.';

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

export const GATEWAY_AWAY = said(
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
