// The tab Draw.

import { el, fields } from './dom.js';
import { sheet } from './drawings.js';
import { Pad } from './pad.js';
import { Asking, bars, examples, parts, saving } from './parts.js';

const ENDINGS = { draw: ['png', 'gif'], sketch_rnn: ['png', 'svg', 'gif', 'json'], painter: ['png', 'svg', 'gif', 'json'] };
const SENTENCES = ['three small green triangles above a huge yellow ring', 'two purple crosses', 'a tiny black star beside a large orange square'];
let first;

export function setup(panel) {
  parts(panel, 'What to draw');
  const [itself, yours, sentence] = panel.querySelectorAll('[data-part]');
  first = byItself(itself);
  afterYours(yours);
  fromASentence(sentence);
}

/** The tab begins with drawings. */
export function shown() {
  if (!first.number) first.ask();
}

// ---------------------------------------------------------------- by itself

function byItself(part) {
  const asking = new Asking(part, {
    question: 'draw.sample',
    settings: fields,
    show: ({ drawings }, { question, settings }) => [
      ...sheet(drawings, { name: 'drawing', windows: settings.boxes }),
      saving(question, settings, ENDINGS[settings.model.split(':')[0]])],
  });
  const { model, seed, temperature, boxes } = part.querySelector('form').elements;
  model.addEventListener('change', () => {
    boxes.closest('label').hidden = !model.value.startsWith('draw:');
    temperature.value = model.value.startsWith('sketch_rnn') ? 0.4 : 1;
    asking.ask(asking.button);
  });
  boxes.addEventListener('change', () => asking.ask());
  part.querySelector('.another').addEventListener('click', (event) => { seed.value = Number(seed.value) + 1; asking.ask(event.target); });
  return asking;
}

// ---------------------------------------------------------------- after yours

function afterYours(part) {
  const pad = new Pad();
  part.querySelector('.pad-place').append(pad.element);
  const given = (form) => ({ lines: pad.lines, seed: fields(form).seed });
  const asking = new Asking(part, { question: 'draw.complete', settings: given, show: completed });
  const shows = { 'draw.redraw': redrawn('pen'), 'draw.repaint': redrawn('brush'), 'draw.read': labels };
  for (const button of part.querySelectorAll('[data-question]')) {
    const { question } = button.dataset;
    button.addEventListener('click', () => asking.ask(button, { question, show: shows[question] }));
  }
}

function completed({ drawings, given }, { question, settings }) {
  return [...sheet(drawings, { given, name: 'way to go on' }),
    el('p', { class: 'legend' }, el('span', { class: 'key given' }, 'yours'), el('span', { class: 'key new' }, 'the model\'s')),
    saving(question, settings, ENDINGS.sketch_rnn)];
}

const redrawn = (tool) => ({ drawings, seen }, { question, settings }) => {
  const [again, ...controls] = sheet(drawings, { name: 'drawing' });
  return [
    el('div', { class: 'beside' },
      el('figure', {}, el('div', { class: `tile seen ${tool === 'brush' ? 'inked' : 'paper'}` }, el('img', { src: seen[0], alt: 'Your drawing as the model sees it' })),
        el('figcaption', {}, 'yours, as the model sees it')),
      el('figure', {}, again, el('figcaption', {}, tool === 'pen' ? 'drawn again with a pen' : 'painted in eight strokes'))),
    ...controls, saving(question, settings, ENDINGS[tool === 'pen' ? 'sketch_rnn' : 'painter'])];
};

/** Labels with their probabilities, as bars. */
function labels({ labels: found, model }) {
  return [el('p', { class: 'big' }, found[0][0]), bars(found), el('p', { class: 'hint centred' }, `read by ${model}`)];
}

// ---------------------------------------------------------------- from a sentence

function fromASentence(part) {
  const asking = new Asking(part, { question: 'draw.illustrate', settings: (form) => ({ ...fields(form), sentence: form.elements.sentence.value }), show: illustrated });
  const { sentence } = part.querySelector('form').elements;
  sentence.closest('label').after(examples(sentence, SENTENCES, { then: () => asking.ask(asking.button) }));
}

function illustrated({ drawings, told }, { question, settings }) {
  const said = told.filter((one) => one.caption);
  return [...sheet(drawings, { name: 'drawing', inked: false }),
    el('p', { class: 'read-as' }, 'The sentence was read as ', el('code', {}, told[0].tree)),
    said.length ? el('ul', { class: 'descriptions' }, ...said.map((one, index) =>
      el('li', {}, `${index + 1}: ${one.caption}, which is ${one.caption_true ? 'true' : 'not true'}`))) : null,
    saving(question, settings, ENDINGS.painter)].filter(Boolean);
}
