// The tab Models.

import { ask, attempt } from './api.js';
import { curve } from './curve.js';
import { el } from './dom.js';
import { markdown } from './markdown.js';
import { listen } from './store.js';

const FOR = {
  ride: 'Textures', draw: 'Digits', conv_draw: 'Small pictures', painter: 'Painters', sketch_rnn: 'Sketches', captioner: 'Captions',
  char_rnn: 'Texts', seq2seq: 'Translations', seq2tree: 'Trees of sentences', pointer_net: 'Points', draw_classifier: 'Glimpses at digits',
  glimpse_reader: 'Numbers, read by glimpses', text_classifier: 'Texts and drawings with labels', resnet_classifier: 'Residual networks',
};

let panel, list, stage, models = [], chosen = null, stale = true;

export function setup(place) {
  panel = place;
  list = panel.querySelector('.model-list');
  stage = panel.querySelector('.stage');
  panel.querySelector('[name=find]').addEventListener('input', fill);
  listen((job, event) => { if (!event.event && job?.state !== 'running') stale = true; });
}

/** Called when the tab is chosen. */
export async function shown() {
  if (!stale) return;
  stale = false;
  const found = await attempt(() => ask('models.list', {}));
  if (!found) { stale = true; return; }
  models = found;
  fill();
  if (!chosen && models.length) choose(models[0], { quiet: true });
}

function fill() {
  const words = panel.querySelector('[name=find]').value.toLowerCase().split(/\s+/);
  const groups = new Map();
  for (const model of models) {
    const title = model.place === 'own' ? 'Your own' : FOR[model.kind] ?? model.kind;
    const text = `${model.name} ${model.what} ${title}`.toLowerCase();
    if (!words.every((word) => text.includes(word))) continue;
    if (!groups.has(title)) groups.set(title, []);
    groups.get(title).push(model);
  }
  const order = ['Your own', ...Object.values(FOR)];
  const sorted = [...groups].sort(([a], [b]) => order.indexOf(a) - order.indexOf(b));
  list.replaceChildren(...sorted.map(([title, found]) => el('section', {}, el('h3', {}, title), el('ul', { role: 'list' },
    ...found.map((model) => el('li', {}, el('button', { type: 'button', 'aria-pressed': model.name === chosen, onclick: () => choose(model) },
      ...(model.place === 'own' ? [model.what || model.name, short(model)] : [short(model), model.what]).map(
        (text, index) => el('span', { class: index ? 'model-what' : 'model-name' }, text)))))))));
  if (!groups.size) list.append(el('p', { class: 'hint' }, 'None is called that.'));
}

function short(model) {
  return model.place === 'own' ? model.name.replace(/^jobs\//, '').replace(/\/texture\.model$/, '') : model.name.split(':')[1];
}

async function choose(model, { quiet = false } = {}) {
  chosen = model.name;
  fill();
  const found = await attempt(() => ask('models.card', { name: model.name }));
  if (!found || chosen !== model.name) return;
  const [title, ...rest] = markdown(found.card);
  const parts = [title, el('p', { class: 'facts' }, ...[['weights', model.size], ['measured', model.figure]].filter(([, value]) => value).map(
    ([name, value]) => el('span', {}, el('b', {}, value), ` ${name}`)))];
  if (/`drawgen sample /.test(found.card)) parts.push(tryOut(model));
  parts.push(el('div', { class: 'card-text' }, ...rest));
  const charts = Object.entries(found.curves).map(([name, points]) => el('div', {}, curve(points, { name: name.replaceAll('_', ' '), digits: 3 })));
  if (charts.length) parts.push(el('h3', {}, 'How it learned'), el('div', { class: 'charts' }, ...charts));
  stage.replaceChildren(...parts);
  if (!quiet && matchMedia('(max-width: 820px)').matches) stage.scrollIntoView({ block: 'start' });
}

/** What it draws or writes, on request. */
function tryOut(model) {
  let seed = 0;
  const place = el('div', { class: 'tried' });
  const button = el('button', { type: 'button', class: 'primary', onclick: () => attempt(async () => {
    const made = await ask('models.sample', { name: model.name, seed });
    seed += 1;
    place.replaceChildren(made.picture ? el('img', { class: 'picture', src: made.picture, alt: `What ${model.name} draws` }) : el('pre', {}, made.text));
    button.textContent = 'Another one';
  }, button) }, 'Show what it makes');
  return el('div', { class: 'try' }, place, button);
}
