// Learn: the gradient by lag.

import { attempt, start } from './api.js';
import { el, fields } from './dom.js';
import { add } from './store.js';
import { Following } from './queued.js';

const WIDE = 640, HIGH = 300, LEFT = 46, RIGHT = 14, TOP = 12, BOTTOM = 34;
const MOST = 6;
let following;

export function setup(part) {
  const form = part.querySelector('form'), button = form.querySelector('[type=submit]');
  following = new Following(part.querySelector('.stage'), shown);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    attempt(async () => follow(add(await start('gradient', { model: fields(form).model }))), button);
  });
}

export function follow(job) {
  following.follow(job);
}

function shown({ model, lead, says, layers, table }) {
  const names = Object.keys(layers).sort((a, b) => layers[b].lags.length - layers[a].lags.length).slice(0, MOST);
  return [
    el('h3', { class: 'answer-title' }, `The gradient of ${model}`), el('p', { class: 'hint' }, lead), ...chart(names.map((name) => ({ name, ...layers[name] }))), el('p', {}, says),
    table ? el('div', { class: 'matrix plain', tabindex: 0, role: 'region', 'aria-label': 'The layers' }, el('table', {},
      el('thead', {}, el('tr', {}, ...table.header.map((cell) => el('th', { scope: 'col' }, cell)))),
      el('tbody', {}, ...table.rows.map((row) => el('tr', {}, ...row.map((cell) => el('td', {}, cell))))))) : null].filter(Boolean);
}

/** Norms by lag on a logarithmic scale, relative to those at lag 0, dashed their bounds; a slider reads them. */
function chart(layers) {
  const relative = layers.map(({ lags, bound }) => ({ lags: lags.map((size) => size / lags[0]), bound: bound.map((size) => size / lags[0]) }));
  const most = Math.max(...layers.map(({ lags }) => lags.length)) - 1 || 1;
  const sizes = relative.flatMap(({ lags }) => lags).filter((size) => size > 0);
  const high = Math.ceil(Math.log10(Math.max(...sizes)) + 0.15), low = Math.min(Math.floor(Math.log10(Math.min(...sizes))), high - 1);
  const x = (lag) => LEFT + (WIDE - LEFT - RIGHT) * lag / most;
  const y = (size) => TOP + (HIGH - TOP - BOTTOM) * (high - Math.log10(size)) / (high - low);
  const line = (values, look) => {
    const path = values.map((size, lag) => (size > 0 && Math.log10(size) <= high && Math.log10(size) >= low ? `${x(lag).toFixed(1)},${y(size).toFixed(1)}` : null));
    return el('polyline', { class: look, points: path.filter(Boolean).join(' ') });
  };
  const every = Math.max(1, Math.ceil((high - low) / 5));
  const grid = [];
  for (let power = low; power <= high; power += every) {
    grid.push(el('line', { x1: LEFT, x2: WIDE - RIGHT, y1: y(10 ** power), y2: y(10 ** power) }), el('text', { x: LEFT - 6, y: y(10 ** power) + 4, 'text-anchor': 'end' }, power > -4 && power < 4 ? `${+(10 ** power).toPrecision(1)}` : `1e${power}`));
  }
  for (const lag of [0, Math.round(most / 2), most]) grid.push(el('text', { x: x(lag), y: HIGH - 14, 'text-anchor': lag === 0 ? 'start' : lag === most ? 'end' : 'middle' }, `lag ${lag}`));
  const mark = el('line', { class: 'mark', y1: TOP, y2: HIGH - BOTTOM });
  const dots = layers.map((_, index) => el('circle', { r: 4, class: `series-${index}` }));
  const picture = el('svg', { class: 'lags', viewBox: `0 0 ${WIDE} ${HIGH}`, role: 'img', 'aria-label': `The gradient by lag of ${layers.map(({ name }) => name).join(', ')}` },
    el('g', { class: 'grid' }, ...grid), ...relative.flatMap(({ lags, bound }, index) => [bound.length ? line(bound, `bound series-${index}`) : null, line(lags, `series-${index}`)]), mark, ...dots);
  const values = layers.map(({ name, verdict }, index) => { const value = el('b'); return { value, item: el('li', { class: `series-${index}` }, el('span', {}, `${name} (${verdict})`), value) }; });
  const slider = el('input', { type: 'range', min: 0, max: most, step: 1, value: Math.round(most / 4), 'aria-label': 'Lag', oninput: () => read(Number(slider.value)) });
  const told = el('output', { class: 'told' });
  const read = (lag) => {
    mark.setAttribute('x1', x(lag)); mark.setAttribute('x2', x(lag));
    told.textContent = `lag ${lag}`;
    slider.setAttribute('aria-valuetext', `lag ${lag}`);
    relative.forEach(({ lags }, index) => {
      const size = lags[lag];
      values[index].value.textContent = size === undefined ? '-' : size >= 0.01 ? `${+(100 * size).toPrecision(3)} %` : size.toExponential(1);
      const seen = size > 0 && Math.log10(size) >= low;
      dots[index].toggleAttribute('hidden', !seen);
      if (seen) { dots[index].setAttribute('cx', x(lag)); dots[index].setAttribute('cy', y(size)); }
    });
  };
  picture.addEventListener('pointermove', (event) => {
    const box = picture.getBoundingClientRect();
    const lag = Math.round(((event.clientX - box.left) / box.width * WIDE - LEFT) / (WIDE - LEFT - RIGHT) * most);
    slider.value = lag;
    read(Number(slider.value));
  });
  read(Number(slider.value));
  return [picture, el('div', { class: 'player' }, slider, told), el('ul', { class: 'series', role: 'list' }, ...values.map(({ item }) => item)),
    relative.some(({ bound }) => bound.length) ? el('p', { class: 'hint centred' }, 'Norm of the gradient, relative to lag 0; dashed: how much it could be at most.') : el('p', { class: 'hint centred' }, 'Norm of the gradient, relative to lag 0.')];
}
