/** One recorder: connected whenever the gateway is there to talk to it. */

import { Gatt } from './gatt.js';
import { STATE, nameOf } from './words.js';
import { ofError } from './troubles.js';

const FIRST_MS = 1_000;
const MOST_MS = 15_000;
/** The gateway refuses longer words. */
const MOST_SAID = 255;
const UNFINISHED = new Set(['waiting', 'pulling', 'sending', 'stored']);

/** For as long as it is on the list. */
export class Recorder {
  #device;
  #tunnel;
  #tell;
  #gatt = null;
  #timer = null;
  #failures = 0;
  channel = null;
  state = 'waiting';
  standing = null;
  /** {what, todo} of what keeps it from going on. */
  trouble = null;
  /** Nothing goes on before a person presses the button. */
  resting = false;

  constructor(device, tunnel, tell) {
    this.#device = device;
    this.#tunnel = tunnel;
    this.#tell = tell;
  }

  get id() {
    return this.#device.id;
  }

  get name() {
    return nameOf(this.#device.name, this.standing?.recorder);
  }

  /** Whether it has something that the phone is needed for. */
  get moving() {
    if (this.state !== 'open' && this.state !== 'connecting') return false;
    return this.standing?.recordings.some(({ state }) => UNFINISHED.has(state)) ?? true;
  }

  get said() {
    return this.standing?.message || STATE[this.state];
  }

  /** Connect now, if it is not, and the gateway is there. */
  async connect() {
    clearTimeout(this.#timer);
    if (this.#gatt !== null || this.resting) return;
    if (!this.#tunnel.up) {
      this.#is('waiting');
      return;
    }
    const gatt = new Gatt(this.#device, {
      notified: (index, bytes) => this.#tunnel.notify(this.channel, index, bytes),
      lost: () => this.#lost(gatt),
    });
    this.#gatt = gatt;
    this.#is('connecting');
    try {
      const { kind, characteristics } = await gatt.open();
      if (gatt !== this.#gatt) return;
      this.#opened(kind, characteristics);
    } catch (error) {
      if (gatt !== this.#gatt) return;
      this.#gatt = null;
      this.#failed(error);
    }
  }

  /** Let it go: a connection without the gateway is of no use, and another phone may want it. */
  disconnect(state) {
    clearTimeout(this.#timer);
    const gatt = this.#gatt;
    this.#gatt = null;
    this.channel = null;
    gatt?.close();
    this.#is(state);
  }

  /** Do what the gateway asks for; every call is answered, or the channel is lost. */
  async call(call) {
    const { channel } = this;
    try {
      const value = await this.#gatt.call(call);
      if (channel === this.channel) this.#tunnel.answer(channel, call.number, value);
    } catch ({ name, message }) {
      if (channel !== this.channel) return;
      const told = message.slice(0, MOST_SAID);
      this.#tunnel.send({ type: 'failed', channel, call: call.number, error: name, message: told });
    }
  }

  heard(message) {
    switch (message.type) {
      case 'standing':
        this.standing = message;
        this.#failures = 0;
        this.#tell();
        break;
      case 'refused':
        this.#rest(message.message, message.hint, null);
        break;
      case 'close':
        this.#rest(message.message, '', message.retry_s);
        break;
    }
  }

  again() {
    this.resting = false;
    this.trouble = null;
    this.#failures = 0;
    this.connect();
  }

  #opened(kind, characteristics) {
    const { id, name } = this.#device;
    this.channel = this.#tunnel.newChannel();
    this.trouble = null;
    this.#is('open');
    this.#tunnel.send({
      type: 'open',
      channel: this.channel,
      browser_id: id,
      name: (name ?? '').slice(0, MOST_SAID),
      kind,
      characteristics,
    });
  }

  #lost(gatt) {
    if (gatt !== this.#gatt) return;
    this.#gatt = null;
    if (this.channel !== null) {
      this.#tunnel.send({ type: 'lost', channel: this.channel, reason: 'disconnected' });
      this.channel = null;
    }
    this.#later();
  }

  #failed(error) {
    this.trouble = ofError(error);
    if (error.name === 'NotARecorder' || error.name === 'SecurityError') {
      this.resting = true;
      this.#is('lost');
    } else {
      this.#later();
    }
  }

  #later() {
    this.#failures += 1;
    const most = Math.min(MOST_MS, FIRST_MS * 2 ** Math.min(this.#failures - 1, 10));
    this.#timer = setTimeout(() => this.connect(), most * (0.5 + Math.random() / 2));
    this.#is('lost');
  }

  #rest(what, todo, retryS) {
    this.trouble = what ? { what, todo: todo ?? '' } : null;
    this.resting = retryS === null || retryS === undefined;
    this.disconnect('lost');
    if (!this.resting) this.#timer = setTimeout(() => this.connect(), retryS * 1000);
  }

  #is(state) {
    this.state = state;
    if (state !== 'open') this.standing &&= { ...this.standing, message: '' };
    this.#tell();
  }
}
