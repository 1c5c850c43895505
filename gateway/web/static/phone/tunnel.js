/** The one WebSocket to the gateway: kept open, and opened again at once when the phone wakes up. */

import { decodeCall, encodeAnswer, encodeNotification } from './codec.js';

const PROTOCOL = 'fieldpost.gatt.v1';
const VERSION = 1;
const CLIENT = 'phone-page/1';
const WELCOME_MS = 15_000;
const LOOK_MS = 5_000;
const FIRST_MS = 500;
const MOST_MS = 30_000;
/** A gateway that restarts says so, and is back in seconds. */
const RESTARTS = 1012;
const RESTART_MS = 2_000;
/** It has as many phones as it can carry. */
const FULL = 1013;
/** After these the page does not come back by itself: TUNNEL.md §7. */
const OLD_PAGE = 4400;
const FINAL = new Set([OLD_PAGE, 4401, 4409, 4426]);
/** We ended it ourselves. */
const GIVEN_UP = 0;
/** We ended it because the phone slept longer than the gateway waits. */
export const SLEPT = 1;

/** What is told to `hear`: up(), down(code), message(object), call(call), ended(code). */
export class Tunnel {
  #url;
  #hear;
  #socket = null;
  #welcomed = false;
  #failures = 0;
  #timer = null;
  #pingMs = 20_000;
  #hiddenAt = null;
  #stopped = true;
  #lastChannel = 0;

  constructor(url, hear) {
    this.#url = url;
    this.#hear = hear;
  }

  get up() {
    return this.#welcomed;
  }

  /** Connect, and again after every loss, until `stop` or until the gateway wants no more. */
  start() {
    this.#stopped = false;
    this.#connect();
  }

  stop() {
    this.#stopped = true;
    if (this.#welcomed) this.send({ type: 'bye' });
    this.#drop(1000);
  }

  /** The page was put away: the gateway gives a silent phone up after two pings. */
  hidden() {
    this.#hiddenAt = performance.now();
  }

  /** The phone is back, or its network is: what was lost meanwhile is replaced at once. */
  wake() {
    const awayMs = this.#hiddenAt === null ? 0 : performance.now() - this.#hiddenAt;
    this.#hiddenAt = null;
    if (this.#stopped) return;
    if (this.#welcomed && awayMs > 2 * this.#pingMs) this.#drop(SLEPT);
    if (this.#socket === null) this.#connect();
  }

  /** There is no network: a socket would not notice for minutes. */
  offline() {
    this.#drop(GIVEN_UP);
  }

  /** A number for a recorder's channel that this connection has not seen yet. */
  newChannel() {
    this.#lastChannel += 1;
    return this.#lastChannel;
  }

  send(message) {
    if (this.#welcomed || message.type === 'hello') this.#socket.send(JSON.stringify(message));
  }

  answer(channel, number, value) {
    if (this.#welcomed) this.#socket.send(encodeAnswer(channel, number, value));
  }

  notify(channel, characteristic, value) {
    if (this.#welcomed) this.#socket.send(encodeNotification(channel, characteristic, value));
  }

  #connect() {
    clearTimeout(this.#timer);
    if (this.#socket !== null || this.#stopped) return;
    if (!navigator.onLine) return; // `wake` comes with the network
    const socket = new WebSocket(this.#url, PROTOCOL);
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    this.#lastChannel = 0;
    socket.onopen = () => this.send({ type: 'hello', version: VERSION, client: CLIENT });
    socket.onmessage = ({ data }) => this.#received(socket, data);
    socket.onclose = ({ code }) => this.#closed(socket, code);
    this.#timer = setTimeout(() => this.#drop(GIVEN_UP), WELCOME_MS);
  }

  #received(socket, data) {
    if (socket !== this.#socket) return;
    if (typeof data !== 'string') {
      this.#called(data);
      return;
    }
    const message = JSON.parse(data);
    if (message.type !== 'welcome') {
      this.#hear.message(message);
      return;
    }
    clearTimeout(this.#timer);
    this.#pingMs = message.ping_s * 1000;
    this.#failures = 0;
    this.#welcomed = true;
    this.#watch(socket, performance.now(), 0);
    this.#hear.up();
  }

  #called(frame) {
    let call;
    try {
      call = decodeCall(frame);
    } catch {
      this.#drop(OLD_PAGE);
      return;
    }
    this.#hear.call(call);
  }

  /** Nothing drains and nothing comes: the network is gone though nobody said so. */
  #watch(socket, movedAt, waiting) {
    this.#timer = setTimeout(() => {
      const still = socket.bufferedAmount > 0 && socket.bufferedAmount >= waiting;
      const now = performance.now();
      if (still && now - movedAt > 2 * this.#pingMs) this.#drop(GIVEN_UP);
      else this.#watch(socket, still ? movedAt : now, socket.bufferedAmount);
    }, LOOK_MS);
  }

  #drop(code) {
    const socket = this.#socket;
    if (socket === null) return;
    socket.close();
    this.#closed(socket, code);
  }

  #closed(socket, code) {
    if (socket !== this.#socket) return;
    clearTimeout(this.#timer);
    this.#socket = null;
    this.#welcomed = false;
    if (FINAL.has(code)) {
      this.#stopped = true;
      this.#hear.ended(code);
      return;
    }
    this.#hear.down(code);
    this.#failures += 1;
    const most = Math.min(MOST_MS, FIRST_MS * 2 ** Math.min(this.#failures, 10));
    const pause = { [RESTARTS]: RESTART_MS, [FULL]: MOST_MS }[code] ?? most;
    this.#timer = setTimeout(() => this.#connect(), pause * (0.5 + Math.random() / 2));
  }
}
