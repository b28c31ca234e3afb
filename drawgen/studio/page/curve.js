// A small curve.

import { el } from './dom.js';

const WIDE = 320, HIGH = 110, EDGE = 6;

/** A curve of [fraction done, number] pairs as an SVG, with its first and last number. */
export function curve(points, { name, digits = 2 }) {
  const values = points.map(([, value]) => value);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const first = points[0][0], last = Math.max(points.at(-1)[0], first + 1e-9);
  const x = (share) => EDGE + (WIDE - 2 * EDGE) * (share - first) / (last - first);
  const y = (value) => 24 + (HIGH - 24 - EDGE) * (high - value) / ((high - low) || 1);
  const ends = points.map(([share, value]) => `${x(share).toFixed(1)},${y(value).toFixed(1)}`);
  const [endX, endY] = ends.at(-1).split(',');
  const said = `${name}: ${values[0].toFixed(digits)} at first, ${values.at(-1).toFixed(digits)} now`;
  return el('svg', { class: 'curve', viewBox: `0 0 ${WIDE} ${HIGH}`, role: 'img', 'aria-label': said },
    el('title', {}, said),
    el('text', { x: EDGE, y: 14 }, name),
    el('text', { x: WIDE - EDGE, y: 14, 'text-anchor': 'end', class: 'curve-now' }, values.at(-1).toFixed(digits)),
    el('polyline', { points: ends.join(' ') }),
    el('circle', { cx: endX, cy: endY, r: 3 }));
}
