/** The page: pairing, then recorders, one tunnel, and what to show of them. */

import { Awake } from './wake.js';
import { CHOICE } from './places.js';
import { Recorders } from './recorders.js';
import { SLEPT, Tunnel } from './tunnel.js';
import { codeInAddress, pair, unpair, whoAmI } from './pairing.js';
import * as troubles from './troubles.js';
import * as view from './view.js';
import * as words from './words.js';

const TUNNEL = `${location.protocol === 'https:' ? 'wss:' : 'ws:'}//${location.host}/phone/tunnel`;

const AGAIN_MS = 5_000;

const awake = new Awake();
const speaker = new view.Speaker();
let line = 'connecting';
let working = false;
let trying = null;
/** By recorder: what goes on without it. */
const earlier = new Map();
let drawing = false;

const tunnel = new Tunnel(TUNNEL, {
  up() {
    line = 'up';
    recorders.wake();
    draw();
  },
  down(code) {
    line = navigator.onLine ? (code === SLEPT ? 'slept' : 'away') : 'offline';
    earlier.clear();
    recorders.down();
    draw();
  },
  message(message) {
    if (message.type !== 'standing' || message.channel !== null) {
      recorders.heard(message);
    } else if (!recorders.heardOf(message) && message.recordings.length > 0) {
      earlier.set(message.recorder, message);
      draw();
    }
  },
  call: (call) => recorders.call(call),
  ended(code) {
    line = 'resting';
    working = false;
    recorders.down();
    draw();
    if (code === 4401) {
      askForCode(troubles.ofEnd(code));
    } else {
      view.showPart('none');
      view.showTrouble(troubles.ofEnd(code), () => location.reload());
    }
  },
});
const recorders = new Recorders(tunnel, () => draw());

/** Show everything anew, once a frame at most. */
function draw() {
  if (drawing) return;
  drawing = true;
  const show = () => {
    drawing = false;
    const moving = recorders.all.some((each) => each.moving);
    view.showLine(words.LINE[line]);
    view.showAdvice(words.ADVICE[moving ? 'moving' : line] ?? '');
    const here = new Set(recorders.all.map(({ standing }) => standing?.recorder));
    const others = [...earlier.values()].filter(({ recorder }) => !here.has(recorder));
    view.showRecorders(recorders.all, others, (id) => recorders.remove(id));
    speaker.say(recorders.all);
    awake.want(moving);
  };
  // A hidden page gets no frames, and has to let the screen go all the same.
  if (document.hidden) setTimeout(show);
  else requestAnimationFrame(show);
}

async function find() {
  view.showTrouble(null);
  try {
    recorders.add(await navigator.bluetooth.requestDevice(CHOICE));
  } catch (error) {
    view.showTrouble(troubles.ofError(error));
  }
}

async function begin() {
  clearTimeout(trying);
  trying = null;
  const lacking = unable();
  // A code is good once: a page that could do nothing with it leaves it for one that can.
  const code = lacking === null ? codeInAddress() : '';
  let refused = null;
  try {
    if (code !== '') {
      try {
        work(await pair(code));
        return;
      } catch (error) {
        refused = troubles.ofPairing(error); // a link that was used is no harm to whom it paired
      }
    }
    const phone = await whoAmI();
    if (phone === null && lacking !== null) view.showTrouble(lacking);
    else if (phone === null) askForCode(refused, code);
    else work(phone);
  } catch {
    view.showTrouble(troubles.GATEWAY_AWAY, begin);
    trying = setTimeout(begin, AGAIN_MS);
  }
}

async function pairWith(code) {
  view.showTrouble(null);
  try {
    work(await pair(code));
  } catch (error) {
    askForCode(troubles.ofPairing(error), code);
  }
}

function askForCode(trouble, code = '') {
  view.showPart('pairing');
  view.showTrouble(trouble && { ...trouble, again: null });
  const field = document.getElementById('code');
  field.value = code;
}

async function work(phone) {
  working = true;
  view.showPart('work');
  view.showPhone(phone);
  const lacking = await bluetoothTrouble();
  view.showTrouble(lacking, () => location.reload());
  view.showFinding(lacking === null || lacking === troubles.ADAPTER_OFF);
  line = 'connecting';
  tunnel.start();
  draw();
  if ('getDevices' in (navigator.bluetooth ?? {})) {
    for (const device of await navigator.bluetooth.getDevices()) recorders.add(device);
  }
}

function unable() {
  if (!isSecureContext) return troubles.NOT_SECURE;
  return navigator.bluetooth === undefined ? troubles.NO_BLUETOOTH : null;
}

async function bluetoothTrouble() {
  const lacking = unable();
  if (lacking !== null) return lacking;
  return (await navigator.bluetooth.getAvailability()) ? null : troubles.ADAPTER_OFF;
}

async function leave() {
  try {
    await unpair();
  } catch {
    view.showTrouble(troubles.GATEWAY_AWAY, leave);
    return;
  }
  working = false;
  tunnel.stop();
  for (const { id } of recorders.all) recorders.remove(id);
  askForCode(null);
}

function listen() {
  document.getElementById('find').addEventListener('click', find);
  document.getElementById('unpair').addEventListener('click', leave);
  document.getElementById('pairing').addEventListener('submit', (event) => {
    event.preventDefault();
    pairWith(document.getElementById('code').value);
  });
  const wake = () => {
    tunnel.wake();
    if (tunnel.up) recorders.wake();
  };
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) tunnel.hidden();
    else wake();
  });
  addEventListener('pageshow', wake);
  addEventListener('hashchange', begin);
  addEventListener('online', () => {
    if (trying !== null && !working) begin();
    wake();
  });
  addEventListener('offline', () => tunnel.offline());
  navigator.bluetooth?.addEventListener('availabilitychanged', async () => {
    if (working) view.showTrouble(await bluetoothTrouble());
    wake();
  });
}

view.fillIn();
listen();
begin();
navigator.serviceWorker?.register('/phone/sw.js', { scope: '/phone', updateViaCache: 'none' });
