// Learn: points, and what a pointer network finds of them.

import { add } from './store.js';
import { attempt, start, tell } from './api.js';
import { el, fields, within } from './dom.js';
import { answered, bars, saving } from './parts.js';
import { Player } from './player.js';
import { Following } from './queued.js';

const NEAR = 0.025, STEP = 0.05, EDGE = 0.04, NAMED = 40;
const board = {};
let form, stage, following, begun = false;

export function setup(part) {
  form = part.querySelector('form');
  stage = part.querySelector('.stage');
  board.points = [];
  board.under = el('g', { class: 'under' });
  board.spots = el('g', { class: 'spots' });
  board.cross = el('path', { class: 'cross', d: 'M-.02,0H.02M0,-.02V.02', hidden: true });
  board.svg = el('svg', { class: 'board', viewBox: `${-EDGE} ${-EDGE} ${1 + 2 * EDGE} ${1 + 2 * EDGE}`, tabindex: 0, role: 'application',
    'aria-label': 'A board of points: click to put one, click one to take it away; by keyboard, arrow keys and the space bar' }, board.under, board.spots, board.cross);
  board.answer = el('div', { class: 'answer' });
  stage.append(board.svg, board.answer);
  following = new Following(el('div'), (answer) => { took(answer, null); return [board.svg, board.answer]; });
  form.addEventListener('submit', (event) => { event.preventDefault(); find({ points: board.points }, form.querySelector('[type=submit]')); });
  form.querySelector('.scatter').addEventListener('click', (event) => scatter(event.target));
  form.querySelector('.clear').addEventListener('click', () => set([]));
  form.querySelector('.undo').addEventListener('click', () => set(board.points.slice(0, -1)));
  form.addEventListener('change', (event) => { if (event.target.name === 'kind' && board.points.length > 2) find({ points: board.points }); });
  byPointer();
  byKeyboard();
}

/** The part begins with an answer. */
export function shown() {
  if (!begun) scatter();
  begun = true;
}

/** Shows the answer of a job. */
export function follow(job) {
  begun = true;
  stage.replaceChildren(following.stage);
  following.follow(job);
}

const kind = () => form.elements.kind.value;

function scatter(button = null) {
  const { random, seed } = fields(form);
  return find({ random: random ?? 14, seed: seed ?? 0 }, button);
}

async function find(given, button = null) {
  const number = board.number = (board.number ?? 0) + 1;
  const settings = { kind: kind(), ...given };
  const found = await answered('learn.points', settings, stage, button);
  if (!found || number !== board.number) return;
  if (found.queue) { follow(add(await attempt(() => start('points', settings)))); return; }
  stage.replaceChildren(board.svg, board.answer);
  took(found, settings);
}

// ---------------------------------------------------------------- the board

function set(points) {
  board.points = points;
  board.number = (board.number ?? 0) + 1; // an answer that is under way is to other points
  board.under.replaceChildren();
  board.answer.replaceChildren(el('p', { class: 'hint centred' }, points.length < 3 ? 'Put at least three points.' : `${points.length} points.`));
  spots();
}

function spots() {
  const named = board.points.length <= NAMED;
  board.spots.replaceChildren(...board.points.map(([x, y], index) => el('g', {},
    el('circle', { cx: x, cy: 1 - y, r: 0.009 }), named ? el('text', { x: x + 0.015, y: 1 - y - 0.015 }, index + 1) : null)));
}

function toggle([x, y]) {
  const place = [Math.min(Math.max(x, 0), 1), Math.min(Math.max(1 - y, 0), 1)];
  const near = board.points.findIndex((point) => Math.hypot(point[0] - place[0], point[1] - place[1]) < NEAR);
  set(near < 0 ? [...board.points, place] : board.points.filter((_, index) => index !== near));
  tell(near < 0 ? `Point ${board.points.length}` : `Point ${near + 1} is taken away`);
}

const spread = ([x, y]) => [x * (1 + 2 * EDGE) - EDGE, y * (1 + 2 * EDGE) - EDGE];

function byPointer() {
  board.svg.addEventListener('pointerdown', (event) => { if (event.button === 0) toggle(spread(within(event, board.svg))); });
}

function byKeyboard() {
  let at = [0.5, 0.5];
  const put = () => board.cross.setAttribute('transform', `translate(${at[0]} ${at[1]})`);
  put();
  board.svg.addEventListener('focus', () => board.cross.toggleAttribute('hidden', !board.svg.matches(':focus-visible')));
  board.svg.addEventListener('blur', () => board.cross.toggleAttribute('hidden', true));
  board.svg.addEventListener('keydown', (event) => {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!by && ![' ', 'Enter'].includes(event.key)) return;
    event.preventDefault();
    board.cross.toggleAttribute('hidden', false);
    if (by) { at = [0, 1].map((axis) => Math.min(Math.max(at[axis] + STEP * by[axis], 0), 1)); tell(at.map((side) => Math.round(100 * side)).join(', ')); }
    else toggle(at);
    put();
  });
}

// ---------------------------------------------------------------- the answer, step by step

function took(found, settings) {
  board.points = found.points;
  spots();
  const { order, weighed, exact, points, texts, notes } = found;
  form.elements.kind.value = found.kind;
  const at = (index) => `${points[index][0]},${1 - points[index][1]}`;
  const triangles = (indices) => Array.from({ length: Math.floor(indices.length / 3) }, (_, k) => indices.slice(3 * k, 3 * k + 3));
  const ring = (indices, look) => el('polygon', { class: look, points: indices.map(at).join(' ') });
  const rings = (indices, look) => (found.kind === 'delaunay' ? triangles(indices) : [indices]).map((corners) => ring(corners, look));
  const goal = el('g', { class: 'exact', hidden: true }, ...rings(exact, ''));
  const made = el('g'), halos = el('g', { class: 'halos' });
  board.under.replaceChildren(goal, made, halos);
  const name = (index) => (index === points.length ? 'the end' : `point ${index + 1}`);
  const table = el('div');
  const steps = weighed.length, whole = steps + 1;
  const show = (step) => {
    const done = step >= whole;
    const chosen = order.slice(0, Math.max(Math.floor(step), 0));
    const open = found.kind === 'delaunay' ? chosen.slice(3 * Math.floor(chosen.length / 3)) : chosen;
    const closed = found.kind === 'delaunay' ? rings(chosen, 'found') : done ? rings(order, `found ${found.kind}`) : [];
    made.replaceChildren(...closed, !done || found.kind === 'delaunay' ? el('polyline', { class: 'way', points: open.map(at).join(' ') }) : '');
    const shares = done || step < 1 ? [] : weighed[step - 1];
    halos.replaceChildren(...shares.filter(([index]) => index < points.length).map(([index, share]) =>
      el('circle', { cx: points[index][0], cy: 1 - points[index][1], r: 0.012 + 0.045 * Math.sqrt(share), class: index === order[step - 1] ? 'chosen' : '' })));
    table.replaceChildren(shares.length ? bars(shares.slice(0, 3).map(([index, share]) => [name(index), share])) : el('p', { class: 'hint centred' }, done ? texts[0] : 'Nothing is chosen yet.'));
  };
  const words = (step) => (step >= whole ? 'whole' : step < 1 ? 'begin' : `${step} of ${steps}: ${name(step > order.length ? points.length : order[step - 1])}`);
  const player = new Player({ steps: whole, show, words, seconds: Math.min(12, 1 + 0.45 * steps), name: 'Step of the pointer' });
  const compare = el('label', { class: 'check' }, el('input', { type: 'checkbox', onchange: (event) => goal.toggleAttribute('hidden', !event.target.checked) }), el('span', {}, texts[1]));
  board.answer.replaceChildren(player.element, table, el('div', { class: 'compare' }, compare), ...notes.map((note) => el('p', { class: 'hint centred' }, note)),
    settings ? saving('learn.points', settings, ['png', 'svg', 'json']) : '');
  tell(texts.join('; '));
}
