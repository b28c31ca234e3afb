// A pad to draw on: with a mouse, a pen, a finger, or the keyboard.

import { dragging, el, within } from './dom.js';
import { tell } from './api.js';

const NEAR = 0.006, STEP = 0.04;
/** Lines on a page from 0, 0 to 1, 1, to begin with. */
const SAMPLES = {
  'A digit': [[[0.3, 0.24], [0.48, 0.23], [0.7, 0.22], [0.58, 0.46], [0.44, 0.82]]],
  'A character': [[[0.5, 0.15], [0.5, 0.85]], [[0.22, 0.36], [0.5, 0.3], [0.8, 0.36], [0.76, 0.5], [0.66, 0.6]], [[0.28, 0.62], [0.4, 0.5]]],
  'The beginning of one': [[[0.28, 0.22], [0.28, 0.78]], [[0.28, 0.5], [0.45, 0.48]]],
};

const shape = (line) => `M${(line.length > 1 ? line : [line[0], line[0]]).map(([x, y]) => `${x.toFixed(4)},${y.toFixed(4)}`).join('L')}`;

/** A pad. `lines` is what is on it, each line a list of points; `onchange` is called when that changes. */
export class Pad {
  constructor({ onchange = () => {} } = {}) {
    this.onchange = onchange;
    this.lines = [];
    this.ink = el('g', { class: 'ink' });
    this.pen = el('circle', { class: 'nib', r: 0.012, cx: 0.5, cy: 0.5, hidden: true });
    this.svg = el('svg', { class: 'pad', viewBox: '0 0 1 1', tabindex: 0, role: 'application',
      'aria-label': 'A pad: draw with a mouse, a pen or a finger; by keyboard, the arrow keys move a pen, and the space bar lowers and raises it' }, this.ink, this.pen);
    this.undoing = el('button', { type: 'button', class: 'quiet', onclick: () => { this.lines.pop(); this.changed(); } }, 'Undo');
    this.clearing = el('button', { type: 'button', class: 'quiet', onclick: () => this.set([]) }, 'Clear');
    this.element = el('div', { class: 'pad-frame' }, this.svg,
      el('div', { class: 'buttons' }, this.undoing, this.clearing),
      el('div', { class: 'examples', role: 'group', 'aria-label': 'A sample drawing' }, ...Object.entries(SAMPLES).map(([name, lines]) =>
        el('button', { type: 'button', class: 'quiet', onclick: () => this.set(lines.map((line) => line.map((point) => [...point]))) }, name))));
    this.byPointer();
    this.byKeyboard();
    this.changed();
  }

  set(lines) {
    this.lines = lines;
    this.changed();
  }

  changed() {
    this.ink.replaceChildren(...this.lines.map((line) => el('path', { d: shape(line) })));
    this.undoing.disabled = this.clearing.disabled = !this.lines.length;
    this.down = false;
    this.onchange();
  }

  add(point) {
    const line = this.lines.at(-1), last = line.at(-1);
    const [x, y] = point.map((value) => Math.min(Math.max(value, 0), 1));
    if (last && Math.hypot(x - last[0], y - last[1]) < NEAR) return;
    line.push([x, y]);
    if (line.length === 1) this.ink.append(el('path', { d: shape(line) }));
    else this.ink.lastChild.setAttribute('d', shape(line));
  }

  byPointer() {
    dragging(this.svg, {
      press: (event) => { this.pen.toggleAttribute('hidden', true); this.lines.push([]); this.add(within(event, this.svg)); },
      move: (event) => { for (const part of event.getCoalescedEvents?.() ?? [event]) this.add(within(part, this.svg)); },
      release: () => this.changed(),
    });
  }

  byKeyboard() {
    let at = [0.5, 0.5];
    this.svg.addEventListener('keydown', (event) => {
      const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (!by && event.key !== ' ') return;
      event.preventDefault();
      this.pen.toggleAttribute('hidden', false);
      if (by) {
        at = [0, 1].map((axis) => Math.min(Math.max(at[axis] + STEP * by[axis], 0), 1));
        if (this.down) this.add(at);
      } else if (this.down) {
        this.changed();
      } else {
        this.lines.push([]);
        this.add(at);
        this.down = true;
      }
      this.pen.setAttribute('cx', at[0]);
      this.pen.setAttribute('cy', at[1]);
      this.pen.classList.toggle('down', this.down);
      tell(`${Math.round(100 * at[0])}, ${Math.round(100 * at[1])}, pen ${this.down ? 'down' : 'up'}`);
    });
    this.svg.addEventListener('blur', () => { this.pen.toggleAttribute('hidden', true); if (this.down) this.changed(); });
  }
}
