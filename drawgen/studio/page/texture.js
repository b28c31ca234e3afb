// The tab Texture.

import { ask, attempt, download, fileOf, tell } from './api.js';
import { Bench } from './bench.js';
import { curve } from './curve.js';
import { dragging, el, fields, within } from './dom.js';

const TRIALS = 0.2; // the share of the time that they take

let bench;
const view = {};

export function setup(panel) {
  bench = new Bench(panel, { kind: 'texture', settings, view });
}

export function show(job) {
  bench.show(job);
}

function settings(form) {
  const found = fields(form);
  if (found.steps !== null) found.minutes = null;
  return found;
}

// ---------------------------------------------------------------- one texture

view.open = (job) => {
  view.file = null; // what is shown: the newest, until one is chosen
  view.mode = 'picture';
  view.extra = {}; // files that were made since the job told of its own
  view.picture = el('img', { class: 'picture', alt: '' });
  view.caption = el('figcaption');
  view.wall = el('div', { class: 'wall', tabindex: 0, role: 'img', 'aria-label': 'A wall of the texture; drag it, or move it by the arrow keys', hidden: true });
  view.mask = maskOver(view.picture);
  view.chart = el('div', { class: 'chart' });
  view.variants = el('ul', { class: 'variants', role: 'list' });
  view.tools = tools();
  view.repairs = repairs();
  panWall(view.wall);
  return [
    el('figure', { class: 'shown' }, el('div', { class: 'canvas-frame' }, view.picture, view.mask.canvas, view.mask.ring, view.wall), view.caption),
    view.tools, view.repairs, view.variants, view.chart];
};

view.update = (job, event) => {
  view.job = job;
  const files = { ...job.files, ...view.extra };
  const finished = Object.keys(files).filter((name) => /^(texture|more-.*|repaired-\d+)\.png$/.test(name));
  finished.sort((a, b) => (a === 'texture.png' ? -1 : b === 'texture.png' ? 1 : a.localeCompare(b, undefined, { numeric: true })));
  const ready = ['done', 'stopped', 'failed'].includes(job.state) && finished.length > 0;
  const name = ready ? (finished.includes(view.file) ? view.file : 'texture.png') : 'preview.png';
  view.name = name;
  if (files[name]) {
    const source = fileOf(job, name, files[name]);
    if (view.picture.getAttribute('src') !== source) {
      view.picture.src = source;
      view.wall.style.backgroundImage = `url("${source}")`;
      view.mask.clear();
    }
    view.picture.classList.toggle('preview', !ready);
    view.picture.alt = ready ? `The texture of ${job.title}` : 'A preview of the texture';
  }
  view.picture.hidden = !files[name] || view.mode === 'wall';
  view.caption.textContent = !files[name] ? (job.state === 'queued' ? 'It begins when the work before it is done.' : '')
    : ready ? '' : job.curve.length ? 'What the model has learned so far' : 'A first look: patches of the photograph, laid out newly';
  if (ready) {
    view.tools.hidden = false;
    view.variants.replaceChildren(...(finished.length > 1 ? finished.map((file) => el('li', {},
      el('button', { type: 'button', 'aria-pressed': file === name, onclick: () => { view.file = file; view.update(view.job, {}); } },
        el('img', { src: fileOf(job, file, files[file]), alt: label(file) })))) : []));
  } else {
    view.tools.hidden = true;
    view.repairs.hidden = true;
  }
  if (!ready && view.mode !== 'picture') setMode('picture');
  if (job.curve.length > 1 && (event.point || !view.chart.childElementCount)) {
    const trained = job.curve.filter(([share]) => share > TRIALS); // a trial learns from its own beginning
    view.chart.replaceChildren(curve(trained.length > 2 ? trained : job.curve, { name: 'bits per pixel and channel' }));
  }
};

function label(file) {
  if (file === 'texture.png') return 'the texture';
  const seed = file.match(/^more-(\d+)/);
  return seed ? `another one, seed ${seed[1]}` : `repaired, number ${file.match(/\d+/)[0]}`;
}

function setMode(mode) {
  view.mode = mode;
  view.wall.hidden = mode !== 'wall';
  view.picture.hidden = mode === 'wall';
  view.mask.canvas.hidden = mode !== 'repair';
  view.repairs.hidden = mode !== 'repair';
  for (const button of view.tools.querySelectorAll('[data-mode]')) button.setAttribute('aria-pressed', button.dataset.mode === mode);
}

function tools() {
  const another = el('button', { type: 'button', onclick: () => attempt(() => more(view.job.settings.tile), another) }, 'Another one');
  const mode = (name, title, work = null) => {
    const made = el('button', { type: 'button', 'data-mode': name, 'aria-pressed': name === 'picture', onclick: () => attempt(async () => {
      if (work) await work();
      setMode(name);
    }, made) }, title);
    return made;
  };
  return el('div', { class: 'tools', hidden: true },
    el('div', { class: 'modes', role: 'group', 'aria-label': 'View' }, mode('picture', 'Picture'), mode('wall', 'Wall', tiled), mode('repair', 'Repair')),
    another,
    el('button', { type: 'button', class: 'primary', onclick: () => download(view.job, view.name, `${view.job.title.replace(/\W+/g, '-')}-${view.name}`) }, 'Download PNG'));
}

/** One more texture, with the next seed. */
async function more(tile) {
  const taken = Object.keys({ ...view.job.files, ...view.extra }).map((name) => Number(name.match(/^more-(\d+)/)?.[1] ?? 0));
  const even = (side) => Math.max(16, Math.min(side, 1024) & ~3);
  const { width, height, seed } = view.job.settings;
  const made = await ask('texture.more', { job: view.job.id, width: even(width), height: even(height), tile, seed: Math.max(seed, ...taken) + 1 });
  took(made.file);
}

/** A wall needs a texture that repeats. */
async function tiled() {
  if (view.job.settings.tile || view.name.includes('-tile')) return;
  tell('Making one that repeats');
  await more(true);
}

function took(file) {
  view.extra[file] = Date.now();
  view.file = file;
  view.update(view.job, {});
}

// ---------------------------------------------------------------- the wall

function panWall(wall) {
  let at = [0, 0], from = null;
  const put = () => { wall.style.backgroundPosition = `${at[0]}px ${at[1]}px`; };
  dragging(wall, {
    press: (event) => { from = [event.clientX - at[0], event.clientY - at[1]]; },
    move: (event) => { at = [event.clientX - from[0], event.clientY - from[1]]; put(); },
  });
  wall.addEventListener('keydown', (event) => {
    const by = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] }[event.key];
    if (!by) return;
    event.preventDefault();
    at = [at[0] + by[0], at[1] + by[1]];
    put();
  });
}

// ---------------------------------------------------------------- repairs

/** A canvas over a picture on which one paints where it is to be made again. */
function maskOver(picture) {
  const canvas = el('canvas', { class: 'mask', tabindex: 0, hidden: true, role: 'img',
    'aria-label': 'Paint over what is to be made again; by keyboard, move with the arrow keys and paint with the space bar' });
  const ring = el('i', { class: 'mask-cursor', hidden: true }); // where the keyboard paints
  const mask = { canvas, ring, radius: 16, painted: false };
  let at = null;
  const context = canvas.getContext('2d');
  mask.clear = () => {
    [canvas.width, canvas.height] = [picture.naturalWidth || 1, picture.naturalHeight || 1];
    mask.painted = false;
  };
  picture.addEventListener('load', mask.clear);
  const dab = ([x, y]) => {
    context.strokeStyle = context.fillStyle = '#fff';
    context.lineCap = 'round';
    context.lineWidth = 2 * mask.radius;
    context.beginPath();
    context.moveTo(...(at ?? [x, y]));
    context.lineTo(x, y);
    context.stroke();
    context.beginPath();
    context.arc(x, y, mask.radius, 0, 2 * Math.PI);
    context.fill();
    at = [x, y];
    mask.painted = true;
  };
  const point = (event) => { const [x, y] = within(event, canvas); return [x * canvas.width, y * canvas.height]; };
  dragging(canvas, { press: (event) => { at = null; dab(point(event)); }, move: (event) => dab(point(event)), release: () => { at = null; } });
  let cursor = null;
  canvas.addEventListener('keydown', (event) => {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!by && event.key !== ' ') return;
    event.preventDefault();
    cursor ??= [canvas.width / 2, canvas.height / 2];
    if (by) cursor = [0, 1].map((axis) => Math.min(Math.max(cursor[axis] + mask.radius * by[axis], 0), [canvas.width, canvas.height][axis]));
    else { at = null; dab(cursor); at = null; }
    const scale = canvas.clientWidth / canvas.width, size = 2 * mask.radius * scale;
    ring.hidden = false;
    Object.assign(ring.style, { left: `${canvas.offsetLeft + cursor[0] * scale}px`, top: `${canvas.offsetTop + cursor[1] * scale}px`, width: `${size}px`, height: `${size}px` });
    tell(`${Math.round(cursor[0])}, ${Math.round(cursor[1])}${by ? '' : ' painted'}`);
  });
  canvas.addEventListener('blur', () => { ring.hidden = true; });
  mask.png = () => {
    const whole = el('canvas', { width: canvas.width, height: canvas.height });
    const paper = whole.getContext('2d');
    paper.fillStyle = '#000';
    paper.fillRect(0, 0, whole.width, whole.height);
    paper.drawImage(canvas, 0, 0);
    return whole.toDataURL('image/png').split(',')[1];
  };
  return mask;
}

function repairs() {
  const size = el('input', { type: 'range', min: 4, max: 80, value: 16, oninput: () => { view.mask.radius = Number(size.value); } });
  const go = el('button', { type: 'button', class: 'primary', onclick: () => attempt(async () => {
    if (!view.mask.painted) throw new Error('Paint over what is to be made again first.');
    const made = await ask('texture.repair', { job: view.job.id, file: view.name, mask: view.mask.png() });
    took(made.file);
    tell('Repaired');
  }, go) }, 'Make it again');
  return el('div', { class: 'repairs', hidden: true },
    el('p', { class: 'hint' }, 'Paint over what you do not like; it is made again, and fits what is around it.'),
    el('label', {}, el('span', {}, 'Brush'), size),
    el('button', { type: 'button', class: 'quiet', onclick: () => view.mask.clear() }, 'Clear'), go);
}
