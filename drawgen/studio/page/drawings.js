// Drawings in motion: stages with windows, lines of a pen, strokes of a brush.

import { el } from './dom.js';
import { Player } from './player.js';

const SHOWN = { write: 'where it writes', read: 'where it looks', around: 'what it sees coarsely' };

/** A sheet of drawings (`studio/shown.py`) with one player for all of them. `given` are lines that were there before. */
export function sheet(drawings, { given = null, name = 'drawing', windows = true, inked = true, player = {} } = {}) {
  const tiles = drawings.map((drawing, index) => tile(drawing, { given, windows, inked, name: `${name} ${index + 1} of ${drawings.length}` }));
  const fine = tiles.every((one) => one.fine);
  const steps = Math.max(1, ...tiles.map((one) => one.steps));
  const controls = new Player({ steps, fine, name: `How the ${name} is made`, show: (step) => tiles.forEach((one) => one.at(step / steps)), ...player });
  const kinds = windows ? [...new Set(drawings.flatMap((drawing) => Object.keys(drawing.boxes ?? {})))] : [];
  return [
    el('div', { class: `sheet ${drawings.length === 1 ? 'single' : drawings.length <= 4 ? 'few' : ''}` }, ...tiles.map((one) => one.element)),
    kinds.length ? el('p', { class: 'legend' }, ...kinds.map((kind) => el('span', { class: `key ${kind}` }, SHOWN[kind] ?? kind))) : null,
    controls.element].filter(Boolean);
}

function tile(drawing, options) {
  if (drawing.lines) return penTile(drawing, options);
  return drawing.svg ? brushTile(drawing, options) : stageTile(drawing, options);
}

const figure = (name, inked, ...content) => el('div', { class: `tile ${inked ? 'inked' : ''}`, role: 'img', 'aria-label': name }, ...content);

/** Stages, over which the windows lie. */
function stageTile({ frames, size: [height, width], boxes }, { name, windows, inked }) {
  const canvas = el('canvas', { width, height });
  const context = canvas.getContext('2d');
  const images = frames.map((source) => { const image = new Image(); image.src = source; return image; });
  const drawn = Object.entries(windows ? boxes : {}).map(([kind, places]) => ({ places, box: el('rect', { class: `window ${kind}` }) }));
  const over = el('svg', { viewBox: `0 0 ${width} ${height}`, 'aria-hidden': 'true' }, ...drawn.map(({ box }) => box));
  let wanted = 0;
  const at = (share) => {
    const step = wanted = Math.min(Math.floor(share * frames.length + 1e-6), frames.length);
    const image = images[Math.min(step, frames.length - 1)];
    const draw = () => { if (step === wanted) context.drawImage(image, 0, 0); };
    if (image.complete) draw(); else image.addEventListener('load', draw, { once: true });
    for (const { places, box } of drawn) {
      box.toggleAttribute('hidden', step >= frames.length);
      const [left, top, right, bottom] = places[Math.min(step, places.length - 1)];
      Object.entries({ x: left, y: top, width: Math.max(right - left, 0), height: Math.max(bottom - top, 0) }).forEach(([key, value]) => box.setAttribute(key, value));
    }
  };
  return { element: figure(name, inked, canvas, over), steps: frames.length, at };
}

const pathOf = (line) => `M${(line.length > 1 ? line : [line[0], line[0]]).map(([x, y]) => `${x},${y}`).join('L')}`;
const lengthOf = (line) => line.slice(1).reduce((sum, [x, y], index) => sum + Math.hypot(x - line[index][0], y - line[index][1]), 0);

/** Lines of a pen, in the order in which it draws them. */
function penTile({ lines, frame: [left, top, side] }, { name, given }) {
  const paths = lines.map((line) => el('path', { d: pathOf(line), pathLength: 1, 'stroke-dasharray': 1 }));
  const lengths = lines.map((line) => lengthOf(line) + 0.02 * side); // a dot takes a moment, too
  const whole = lengths.reduce((sum, length) => sum + length, 0);
  const old = given ? el('g', { class: 'given' }, ...given.map((line) => el('path', { d: pathOf(line) }))) : null;
  const picture = el('svg', { viewBox: `${left} ${top} ${side} ${side}`, class: 'pen', 'stroke-width': 0.022 * side, 'aria-hidden': 'true' },
    el('g', { class: given ? 'new' : '' }, ...paths), old);
  const at = (share) => {
    let before = 0;
    paths.forEach((path, index) => {
      const done = Math.min(Math.max((share * whole - before) / lengths[index], 0), 1);
      before += lengths[index];
      path.toggleAttribute('hidden', done === 0);
      path.setAttribute('stroke-dashoffset', 1 - done);
    });
  };
  return { element: figure(name, false, picture), steps: 60, fine: true, at };
}

/** Strokes of a brush: the paths of an SVG, one after the other. */
function brushTile({ svg }, { name, inked }) {
  const picture = document.importNode(new DOMParser().parseFromString(svg, 'image/svg+xml').documentElement, true);
  const strokes = [...picture.querySelectorAll('#strokes > *')];
  picture.querySelectorAll('[id]').forEach((part) => part.removeAttribute('id'));
  picture.querySelector('title')?.remove();
  for (const side of ['width', 'height']) picture.removeAttribute(side);
  picture.setAttribute('aria-hidden', 'true');
  const at = (share) => strokes.forEach((stroke, index) => stroke.toggleAttribute('hidden', index >= Math.round(share * strokes.length)));
  return { element: figure(name, inked, picture), steps: strokes.length, at };
}
