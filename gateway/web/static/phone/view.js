/** Shows what is known. Rows are changed in place: what somebody reads or touches must not jump. */

import { TEXT, local, ofProgress, ofRecording } from './words.js';

const MOST_ROWS = 6;
const ORDER = ['problem', 'pulling', 'sending', 'stored', 'waiting'];
const SAY_EVERY_MS = 10_000;

const at = (id) => document.getElementById(id);

/** Fill in the words of the page's own markup. */
export function fillIn() {
  for (const each of document.querySelectorAll('[data-words]')) {
    each.textContent = TEXT[each.dataset.words];
  }
}

/** Show the line at the top: [words, tone]. */
export function showLine([words, tone]) {
  const line = at('line');
  line.hidden = false;
  write(line, words);
  line.dataset.tone = tone;
}

/** Show what is wrong with the page as a whole, or nothing; `act` is what its button does. */
export function showTrouble(trouble, act = null) {
  at('trouble').hidden = trouble === null;
  if (trouble === null) return;
  write(at('trouble-what'), trouble.what);
  write(at('trouble-do'), trouble.todo);
  const button = at('trouble-again');
  button.hidden = trouble.again === null;
  button.textContent = trouble.again ?? '';
  button.onclick = act;
}

/** Show one part of the page: "pairing", "work" or neither. */
export function showPart(part) {
  at('pairing').hidden = part !== 'pairing';
  at('work').hidden = part !== 'work';
}

/** Offer to find recorders, or do not where this browser cannot. */
export function showFinding(possible) {
  at('find').hidden = !possible;
  at('empty').classList.toggle('impossible', !possible);
}

/** Show what the person should do now. */
export function showAdvice(words) {
  write(at('advice'), words);
}

/** Show who this phone is to the gateway. */
export function showPhone({ name }) {
  write(at('phone-name'), TEXT.pairedAs(name));
}

/** Show the recorders; `earlier` are the standings of others, whose recordings go on without them. */
export function showRecorders(recorders, earlier, remove) {
  const cards = recorders.map((each) => ({ key: each.id, recorder: each, standing: each.standing }));
  for (const standing of earlier) {
    cards.push({ key: `earlier ${standing.recorder}`, recorder: null, standing });
  }
  keyed(at('recorders'), cards, makeCard, (card, shown) => fillCard(card, shown, remove));
  at('empty').hidden = cards.length > 0;
  write(at('find'), recorders.length > 0 ? TEXT.findMore : TEXT.find);
}

/** Tells screen readers how it goes, not more often than one can listen to. */
export class Speaker {
  #saidAt = -SAY_EVERY_MS;
  #timer = null;

  say(recorders) {
    const known = recorders.filter(({ standing }) => standing !== null);
    const words = known.map((each) => ofProgress(each.name, each.standing.recordings)).join('. ');
    clearTimeout(this.#timer);
    if (words === at('said').textContent) return;
    const waitMs = this.#saidAt + SAY_EVERY_MS - performance.now();
    this.#timer = setTimeout(() => {
      this.#saidAt = performance.now();
      write(at('said'), words);
    }, Math.max(0, waitMs));
  }
}

function makeCard() {
  const card = make('li', 'card');
  const head = make('div', 'head');
  head.append(make('h2', 'name'), make('p', 'battery'));
  const trouble = make('div', 'card-trouble');
  trouble.append(make('strong', 'what'), make('p', 'todo'), button('again', TEXT.again));
  card.append(head, make('p', 'said'), trouble, make('ul', 'rows'), make('p', 'rest'));
  card.append(make('p', 'safe'), button('forget', TEXT.forget));
  return card;
}

function fillCard(card, { recorder, standing }, remove) {
  const inside = (name) => card.querySelector(`.${name}`);
  const name = recorder === null ? standing.recorder : recorder.name;
  const percent = standing?.battery_percent;
  write(inside('name'), name);
  write(inside('battery'), percent == null ? '' : TEXT.battery(percent));
  const trouble = recorder?.trouble ?? null;
  inside('card-trouble').hidden = trouble === null;
  write(inside('what'), trouble?.what ?? '');
  write(inside('todo'), trouble?.todo ?? '');
  inside('again').onclick = () => recorder.again();
  const said = recorder === null ? standing.message : recorder.said;
  write(inside('said'), trouble === null ? said : '');
  card.dataset.state = trouble === null ? (recorder?.state ?? 'open') : 'trouble';
  const connected = recorder === null || recorder.state === 'open';
  fillRows(inside, standing, connected);
  const forget = inside('forget');
  forget.hidden = connected || (trouble === null && recorder.state !== 'lost');
  forget.setAttribute('aria-label', `${TEXT.forget}: ${name}`);
  forget.onclick = () => remove(recorder.id);
}

function fillRows(inside, standing, connected) {
  const recordings = standing?.recordings ?? [];
  const rows = recordings
    .filter(({ state }) => ORDER.includes(state))
    .sort((one, other) => ORDER.indexOf(one.state) - ORDER.indexOf(other.state));
  const released = recordings.length - rows.length;
  const shown = rows.slice(0, MOST_ROWS).map((each) => ({ key: each.id, connected, ...each }));
  const more = rows.length - shown.length + (standing?.more ?? 0);
  keyed(inside('rows'), shown, makeRow, fillRow);
  write(inside('rest'), more > 0 ? TEXT.more(more) : '');
  write(inside('safe'), released > 0 ? TEXT.safe(released) : '');
}

function makeRow() {
  const row = make('li', 'row');
  row.append(make('span', 'label'), make('span', 'percent'));
  row.append(make('progress', 'bar'), make('span', 'words'));
  return row;
}

function fillRow(row, recording) {
  const { state, label, size_bytes: size, done_bytes: done } = recording;
  row.dataset.state = state;
  write(row.querySelector('.label'), local(label));
  write(row.querySelector('.words'), ofRecording(recording, recording.connected));
  const bar = row.querySelector('progress');
  bar.hidden = state !== 'pulling';
  bar.setAttribute('aria-label', local(label));
  bar.max = size || 1;
  bar.value = done ?? 0;
  const percent = size ? Math.floor((100 * (done ?? 0)) / size) : null;
  write(row.querySelector('.percent'), bar.hidden || percent === null ? '' : `${percent} %`);
}

function keyed(parent, items, build, fill) {
  const before = new Map([...parent.children].map((each) => [each.dataset.key, each]));
  let place = parent.firstElementChild;
  for (const item of items) {
    const node = before.get(item.key) ?? build();
    before.delete(item.key);
    node.dataset.key = item.key;
    fill(node, item);
    if (node === place) place = place.nextElementSibling;
    else parent.insertBefore(node, place);
  }
  for (const gone of before.values()) gone.remove();
}

function write(node, words) {
  if (node.textContent !== words) node.textContent = words;
  if (node.tagName === 'P') node.hidden = words === '';
}

function make(tag, name) {
  const node = document.createElement(tag);
  node.className = name;
  return node;
}

function button(name, words) {
  const node = make('button', `${name} second`);
  node.type = 'button';
  node.textContent = words;
  return node;
}
