// Learn: DRAW's windows, and the glimpses of a reader.

import { el, fields } from './dom.js';
import { sheet } from './drawings.js';
import { Asking, bars, saving } from './parts.js';
import { PictureChoice } from './picture_choice.js';

export function setup(windows, glimpses) {
  const drawing = withPicture(windows, {
    question: 'learn.windows',
    settings: (form, photo) => {
      const { model, after, seed } = fields(form);
      return { model, seed, after: after === 'yes', photo: after === 'yes' ? photo : null };
    },
    show: drawn,
  });
  for (const field of windows.querySelectorAll('select, [type=radio]')) field.addEventListener('change', () => drawing.ask(drawing.button));
  withPicture(glimpses, { question: 'learn.look', settings: (form, photo) => ({ ...fields(form), photo }), show: read });
}

/** A part that may have a picture, and asks as soon as it is looked at. */
function withPicture(part, { question, settings, show }) {
  let choice = null;
  const asking = new Asking(part, { question, show, settings: (form) => settings(form, choice.value) });
  choice = new PictureChoice(asking.stage, { name: 'Choose a picture of yours', none: 'or drop one on the right', onchange: () => asking.ask(asking.button) });
  part.querySelector('.picture-place').append(choice.element);
  part.querySelector('.another').addEventListener('click', (event) => {
    const { seed } = asking.form.elements;
    seed.value = Number(seed.value) + 1;
    if (choice.value) choice.set(null, 'or drop one on the right');
    else asking.ask(event.target);
  });
  new MutationObserver(() => { if (!part.hidden && !asking.number) asking.ask(asking.button); }).observe(part, { attributeFilter: ['hidden'] });
  return asking;
}

const figure = (source, words, look = 'inked') => el('figure', {}, el('div', { class: `tile ${look}` }, el('img', { src: source, alt: words })), el('figcaption', {}, words));

function drawn({ drawings, seen }, { question, settings }) {
  const [tile, ...controls] = sheet(drawings, { name: 'drawing', player: { seconds: 7 } });
  const made = el('figure', {}, tile, el('figcaption', {}, seen ? 'what it has drawn so far' : 'from nothing'));
  return [seen ? el('div', { class: 'beside' }, figure(seen[0], 'the picture'), made) : tile, ...controls, saving(question, settings, ['png', 'gif'])];
}

function read({ drawings, labels, model, page }, { question, settings }) {
  const eye = drawings[0].frames.length > 1;
  const [tile, ...controls] = sheet(drawings, { name: 'way of the eye', player: { seconds: 6, words: (step) => (step === 0 ? 'begin' : `glimpse ${step}`) } });
  const made = el('figure', {}, tile, el('figcaption', {}, eye ? 'what the reader has seen' : 'what the reader sees'));
  return [
    page ? el('div', { class: 'page-read' }, el('img', { src: page, alt: 'The number as it was written' })) : null,
    el('div', { class: 'beside' }, made, el('div', { class: 'answer-read' }, el('p', { class: 'big' }, labels[0][0]), bars(labels), el('p', { class: 'hint centred' }, `read by ${model}`),
      eye ? null : el('p', { class: 'hint centred' }, 'A single digit is read at once, without glimpses.'))),
    ...(eye ? controls : []), eye ? saving(question, settings, ['png', 'gif']) : null].filter(Boolean);
}
