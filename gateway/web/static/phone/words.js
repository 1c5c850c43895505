/** Every sentence that people read on this page; what goes wrong is in troubles.js. */

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
  slept: ['Connecting…', 'wait'],
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

const PAUSED = 'Goes on from here';

export const ADVICE = {
  moving: 'Keep this page open, the screen on, and the phone near the recorder.',
  offline: 'No network. Nothing is lost: copying goes on when it is back.',
  away: 'The gateway cannot be reached. Nothing is lost: the page keeps trying.',
  slept: 'The phone was locked or this page was away. Copying goes on now.',
};

/** Tell a recording's state in words, with its progress where it moves, or would. */
export function ofRecording({ state, done_bytes: done, size_bytes: size, message }, connected) {
  if (message) return message;
  const words = state === 'pulling' && !connected ? PAUSED : (RECORDING[state] ?? state);
  if (state !== 'pulling' || !size) return words;
  return `${words}: ${bytes(done ?? 0)} of ${bytes(size)}`;
}

/** Name a recorder as people do: what the chooser called it, and the end of its number. */
export function nameOf(advertised, serial) {
  const bare = (text) => text.replace(/[^0-9a-z]/gi, '').toLowerCase();
  if (!advertised || !serial) return advertised || serial || TEXT.unnamed;
  return bare(advertised) === bare(serial) ? serial : `${advertised} ${serial.slice(-4)}`;
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

/** Instants come in UTC; people think in their own time. */
export function local(label) {
  return label.replace(/(\d{4}-\d\d-\d\d) (\d\d:\d\d(?::\d\d)?) UTC/g, (said, day, time) => {
    const instant = new Date(`${day}T${time}Z`);
    if (Number.isNaN(instant.valueOf())) return said;
    return instant.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
  });
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
