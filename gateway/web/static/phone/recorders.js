/** The recorders that this page knows, and whose channel is whose. */

import { Recorder } from './recorder.js';

/** `changed` is called whenever something is to be shown anew. */
export class Recorders {
  #known = new Map();
  #tunnel;
  #changed;

  constructor(tunnel, changed) {
    this.#tunnel = tunnel;
    this.#changed = changed;
  }

  get all() {
    return [...this.#known.values()];
  }

  add(device) {
    const before = this.#known.get(device.id);
    if (before !== undefined) {
      before.again();
      return;
    }
    const recorder = new Recorder(device, this.#tunnel, this.#changed);
    this.#known.set(device.id, recorder);
    recorder.connect();
  }

  remove(id) {
    this.#known.get(id)?.disconnect('lost');
    this.#known.delete(id);
    this.#changed();
  }

  /** The gateway is there, or the phone is back: whoever waits tries now. */
  wake() {
    for (const each of this.all) each.connect();
  }

  down() {
    for (const each of this.all) each.disconnect('waiting');
  }

  call(call) {
    this.#by(call.channel)?.call(call);
  }

  heard(message) {
    this.#by(message.channel)?.heard(message);
  }

  /** What a recorder brought that is not connected now; answers whether it is on the list. */
  heardOf(standing) {
    const known = this.all.filter((each) => each.standing?.recorder === standing.recorder);
    for (const each of known) if (each.channel === null) each.heard(standing);
    return known.length > 0;
  }

  #by(channel) {
    return this.all.find((each) => each.channel === channel);
  }
}
