/** One recorder's GATT connection: calls in order, one at a time as browsers want it. */

import { kindOf } from './places.js';

const CONNECT_MS = 30_000;
const CALL_MS = 10_000;

/** The device is connected, and no recorder. */
export class NotARecorder extends Error {
  name = 'NotARecorder';
}

export class Gatt {
  #device;
  #hear;
  #characteristics = [];
  #queue = Promise.resolve();
  #reading = null;
  #closed = false;
  #onDisconnected = () => this.#lose();

  /** `hear`: notified(characteristic, bytes) and lost(). */
  constructor(device, hear) {
    this.#device = device;
    this.#hear = hear;
  }

  /** Connect and discover; answers {kind, characteristics} as the tunnel's `open` tells them. */
  async open() {
    const { gatt } = this.#device;
    this.#device.addEventListener('gattserverdisconnected', this.#onDisconnected);
    try {
      return await bounded(this.#discover(gatt), CONNECT_MS);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Do one call after those before it; answers what was read, or no bytes. */
  call({ call, characteristic, value }) {
    const done = this.#queue.then(() => {
      const target = this.#characteristics[characteristic];
      if (target === undefined) throw new DOMException('no such characteristic', 'NotFoundError');
      return bounded(this.#do(call, target, value), CALL_MS);
    });
    this.#queue = done.catch(() => {});
    return done;
  }

  /** End the connection. Nothing is told any more. */
  close() {
    if (this.#closed) return; // the device may be in another connection by now
    this.#closed = true;
    this.#device.removeEventListener('gattserverdisconnected', this.#onDisconnected);
    this.#device.gatt.disconnect(); // also ends an attempt to connect
  }

  async #discover(gatt) {
    const server = await gatt.connect();
    const services = await server.getPrimaryServices();
    const kind = kindOf(services.map(({ uuid }) => uuid));
    if (kind === null) throw new NotARecorder();
    const told = [];
    for (const service of services) {
      for (const found of await characteristicsOf(service)) {
        const index = this.#characteristics.push(found) - 1;
        found.addEventListener('characteristicvaluechanged', ({ target }) =>
          this.#changed(index, target.value),
        );
        told.push({ service: service.uuid, uuid: found.uuid, properties: propertiesOf(found) });
      }
    }
    return { kind, characteristics: told };
  }

  async #do(call, target, value) {
    switch (call) {
      case 'read':
        return this.#read(target);
      case 'write':
        await target.writeValueWithResponse(value);
        break;
      case 'write-without-response':
        await target.writeValueWithoutResponse(value);
        break;
      case 'subscribe':
        await target.startNotifications();
        break;
    }
    return new Uint8Array();
  }

  /** Browsers fire the event of a notification for a read, too, with the very view it returns. */
  async #read(target) {
    const reading = { target, views: [] };
    this.#reading = reading;
    let own = null;
    try {
      own = await target.readValue();
      return bytesOf(own);
    } finally {
      this.#reading = null;
      const index = this.#characteristics.indexOf(target);
      for (const view of reading.views) if (view !== own) this.#notify(index, bytesOf(view));
    }
  }

  #changed(index, view) {
    if (this.#reading?.target === this.#characteristics[index]) this.#reading.views.push(view);
    else this.#notify(index, bytesOf(view));
  }

  #notify(index, bytes) {
    if (!this.#closed) this.#hear.notified(index, bytes);
  }

  #lose() {
    if (this.#closed) return;
    this.close();
    this.#hear.lost();
  }
}

/** Copied: a browser may use the buffer again. */
function bytesOf(view) {
  return new Uint8Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
}

async function characteristicsOf(service) {
  try {
    return await service.getCharacteristics();
  } catch (error) {
    if (error.name === 'NotFoundError') return []; // all of them are kept from pages
    throw error;
  }
}

function propertiesOf({ properties }) {
  const names = [];
  if (properties.read) names.push('read');
  if (properties.write) names.push('write');
  if (properties.writeWithoutResponse) names.push('write-without-response');
  if (properties.notify) names.push('notify');
  if (properties.indicate) names.push('indicate');
  return names;
}

function bounded(promise, ms) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new DOMException('no answer in time', 'TimeoutError')), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
