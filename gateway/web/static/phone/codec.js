/** The tunnel's binary frames (gateway/phone/TUNNEL.md): calls in, answers and notifications out. */

const CALLS = { 1: 'read', 2: 'write', 3: 'write-without-response', 4: 'subscribe' };
const ANSWER = 0x81;
const NOTIFICATION = 0x84;
const CALL_BYTES = 8;
const ANSWER_BYTES = 7;
const NOTIFICATION_BYTES = 4;

/**
 * Read a call of the gateway.
 * @param {ArrayBuffer} frame
 * @returns {{call: string, channel: number, number: number, characteristic: number,
 *   value: Uint8Array}}
 * @throws {RangeError} It is no call.
 */
export function decodeCall(frame) {
  const view = new DataView(frame);
  const call = frame.byteLength < CALL_BYTES ? undefined : CALLS[view.getUint8(0)];
  if (call === undefined) throw new RangeError('not a call');
  const value = new Uint8Array(frame, CALL_BYTES);
  if (value.length > 0 && !call.startsWith('write')) throw new RangeError(`a ${call} with a value`);
  return {
    call,
    channel: view.getUint16(1),
    number: view.getUint32(3),
    characteristic: view.getUint8(7),
    value,
  };
}

/** Write that a call succeeded; `value` is what was read, or nothing. */
export function encodeAnswer(channel, number, value) {
  const frame = new Uint8Array(ANSWER_BYTES + value.length);
  const view = new DataView(frame.buffer);
  view.setUint8(0, ANSWER);
  view.setUint16(1, channel);
  view.setUint32(3, number);
  frame.set(value, ANSWER_BYTES);
  return frame;
}

/** Write what a recorder notified. */
export function encodeNotification(channel, characteristic, value) {
  const frame = new Uint8Array(NOTIFICATION_BYTES + value.length);
  const view = new DataView(frame.buffer);
  view.setUint8(0, NOTIFICATION);
  view.setUint16(1, channel);
  view.setUint8(3, characteristic);
  frame.set(value, NOTIFICATION_BYTES);
  return frame;
}
