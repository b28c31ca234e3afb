// The tab Paint.

import { ask, attempt, download, fileOf, trouble } from './api.js';
import { Bench } from './bench.js';
import { el, fields } from './dom.js';
import { draw } from './strokes.js';

const SHOWN_PX = 900;
const FORMATS = { png: 'PNG', svg: 'SVG', plotter: 'SVG for a plotter', gif: 'GIF', json: 'Strokes as JSON' };
const FIRST_COLOURS = ['#26221f', '#7a3b22', '#c9803f', '#e8cf9c', '#5d7466', '#f6f0e4'];

let bench;
const view = {};

export function setup(panel) {
  bench = new Bench(panel, { kind: 'paint', settings, view });
  const form = bench.form;
  const palette = form.querySelector('.palette');
  const colour = (value) => {
    const input = el('input', { type: 'color', value, 'aria-label': 'Colour' });
    const item = el('span', { class: 'swatch' }, input,
      el('button', { type: 'button', class: 'quiet', 'aria-label': 'Remove this colour', onclick: () => item.remove() }, '×'));
    return item;
  };
  const add = el('button', { type: 'button', class: 'quiet', onclick: () => add.before(colour('#888888')) }, 'Add a colour');
  palette.append(...FIRST_COLOURS.map(colour), add);
  const shownFor = () => {
    for (const part of form.querySelectorAll('[data-for]')) part.hidden = part.dataset.for !== form.palette_kind.value;
    form.querySelector('[data-for-background]').hidden = form.background_kind.value !== 'own';
  };
  form.addEventListener('change', shownFor);
  shownFor();
}

export function show(job) {
  bench.show(job);
}

function settings(form) {
  const { palette_kind: kind, colours, background_kind: ground, background, ...found } = fields(form);
  const own = [...form.querySelectorAll('.palette input')].map((input) => input.value);
  if (kind === 'own' && !own.length) throw new Error('Choose at least one colour.');
  return { ...found, palette: kind === 'auto' ? `auto:${colours}` : kind === 'own' ? own.join(',') : null, background: ground === 'own' ? background : ground };
}

// ---------------------------------------------------------------- one painting

view.open = () => {
  Object.assign(view, { painting: null, loaded: null, loading: false, all: true, wanted: 0 });
  view.canvas = el('canvas', { class: 'picture', role: 'img', 'aria-label': 'The painting' });
  view.picture = el('img', { class: 'picture', alt: 'The painting, laid with bristles', hidden: true });
  view.slider = el('input', { type: 'range', min: 0, max: 1, value: 1, 'aria-label': 'Strokes that are shown',
    oninput: () => { view.all = Number(view.slider.value) >= Number(view.slider.max); redraw(); } });
  view.count = el('output', { class: 'stroke-count' });
  view.downloads = el('div', { class: 'tools', role: 'group', 'aria-label': 'Download', hidden: true }, ...Object.entries(FORMATS).map(([format, title], index) => {
    const button = el('button', { type: 'button', class: index ? '' : 'primary', onclick: () => attempt(() => save(format), button) }, title);
    return button;
  }));
  view.caption = el('figcaption');
  return [el('figure', { class: 'shown' }, el('div', { class: 'canvas-frame checks' }, view.canvas, view.picture), view.caption),
    el('div', { class: 'stroke-slider' }, view.slider, view.count), view.downloads];
};

view.update = (job) => {
  view.job = job;
  const ready = ['done', 'stopped'].includes(job.state) && job.files['painting.json'];
  view.downloads.hidden = !ready;
  const { psnr } = job.live;
  view.caption.textContent = job.state === 'queued' ? 'It begins when the work before it is done.'
    : psnr ? `${psnr.toFixed(1)} dB of PSNR to the photograph` : '';
  load();
  if (ready) redraw();
};

/** Loads the strokes where there are newer ones; one request at a time. */
async function load() {
  const { job } = view;
  const version = job.files['painting.json'];
  if (!version || view.loading || view.loaded === `${job.id} ${version}`) return;
  view.loading = true;
  try {
    const response = await fetch(fileOf(job, 'painting.json', version));
    if (!response.ok) return;
    const painting = await response.json();
    if (view.job.id !== job.id) return;
    view.painting = painting;
    view.loaded = `${job.id} ${version}`;
    const factor = SHOWN_PX / Math.max(painting.width, painting.height);
    const size = [Math.round(painting.width * factor), Math.round(painting.height * factor)];
    if (view.canvas.width !== size[0] || view.canvas.height !== size[1]) [view.canvas.width, view.canvas.height] = size;
    view.slider.max = painting.strokes.length;
    if (view.all) view.slider.value = painting.strokes.length;
    redraw();
  } catch {
    trouble('The strokes could not be loaded.');
  } finally {
    view.loading = false;
  }
  load();
}

function redraw() {
  const { painting, job } = view;
  if (!painting) return;
  const count = Number(view.slider.value);
  view.count.textContent = `${count} of ${painting.strokes.length} strokes`;
  view.slider.setAttribute('aria-valuetext', view.count.textContent);
  draw(view.canvas, painting, count);
  const bristles = job.settings.brush === 'bristles' && ['done', 'stopped'].includes(job.state);
  if (bristles && view.all && job.files['painting.png']) {
    const source = fileOf(job, 'painting.png');
    if (view.picture.getAttribute('src') !== source) view.picture.src = source;
    view.picture.hidden = false;
  } else {
    view.picture.hidden = true;
    if (bristles) bristled(count);
  }
}

/** The first strokes with bristles, once the slider rests. */
function bristled(count) {
  clearTimeout(view.wait);
  view.wait = setTimeout(async () => {
    const { job } = view;
    const found = await attempt(() => ask('paint.look', { job: job.id, count, seed: job.settings.seed }));
    if (!found || view.job.id !== job.id || Number(view.slider.value) !== count) return;
    view.picture.src = found.picture;
    view.picture.hidden = false;
  }, 250);
}

async function save(format) {
  const { job } = view;
  const own = { png: 'painting.png', json: 'painting.json' }[format];
  const { file } = own && job.files[own] ? { file: own } : await ask('paint.file', { job: job.id, format, brush: job.settings.brush, seed: job.settings.seed });
  const ending = file.slice(file.indexOf('.'));
  download(job, file, `${job.title.replace(/\.\w+$/, '').replace(/\W+/g, '-')}${format === 'plotter' ? '-plotter' : ''}${ending}`);
}
