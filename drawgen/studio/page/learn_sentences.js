// Learn: translations with their attention, and trees.

import { el } from './dom.js';
import { Asking, examples, percent, saving } from './parts.js';

const TO_TRANSLATE = ['I am very happy to see you.', 'She lost her keys on the way home.', 'The children are playing in the garden.'];
const TO_PARSE = ['Time flies like an arrow.', 'We have known each other for ten years.', 'The book that I read yesterday was written by a friend.'];

export function setup(translation, trees) {
  begin(translation, { question: 'learn.translate', show: translated, texts: TO_TRANSLATE });
  begin(trees, { question: 'learn.parse', show: parsed, texts: TO_PARSE });
}

function begin(part, { question, show, texts }) {
  const asking = new Asking(part, { question, show, settings: (form) => ({ sentence: form.elements.sentence.value }) });
  const { sentence } = asking.form.elements;
  sentence.closest('label').after(examples(sentence, texts, { then: () => asking.ask(asking.button) }));
  new MutationObserver(() => { if (!part.hidden && !asking.number) asking.ask(asking.button); }).observe(part, { attributeFilter: ['hidden'] });
}

// ---------------------------------------------------------------- a translation

/** The attention as a table; hover or focus on a word shows where the model looked for it, and where a word was looked at. */
function translated({ text, others, doubt, unknown, source, target, weights }, { question, settings }) {
  const read = source.map((word) => el('span', { class: 'word' }, word));
  const told = el('p', { class: 'hint centred', 'aria-live': 'polite' }, 'Move over a word, or go through them by the Tab key.');
  const light = (words, shares) => words.forEach((word, index) => word.style.setProperty('--share', shares ? shares[index] : 0));
  const rows = [];
  const from = (row) => {
    light(read, weights[row]);
    rows.forEach((each, index) => each.classList.toggle('here', index === row));
    wrote.forEach((word, index) => word.classList.toggle('here', index === row));
    const best = weights[row].map((share, index) => [share, source[index]]).sort((a, b) => b[0] - a[0]).slice(0, 3).filter(([share]) => share >= 0.05);
    told.textContent = `“${target[row]}” came from ${best.map(([share, word]) => `“${word}” (${percent(share)})`).join(', ')}.`;
  };
  const leave = () => { light(read, null); [...rows, ...wrote].forEach((each) => each.classList.remove('here')); };
  const listening = (row) => ({ onmouseenter: () => from(row), onfocus: () => from(row), onmouseleave: leave, onblur: leave });
  const wrote = target.map((word, row) => el('button', { type: 'button', class: 'word', ...listening(row) }, word));
  const cell = (share) => { const made = el('td', {}, el('span', {}, share >= 0.1 ? Math.round(100 * share) : '')); made.style.setProperty('--share', share); made.title = percent(share); return made; };
  rows.push(...target.map((word, row) => el('tr', { onmouseenter: () => from(row), onmouseleave: leave }, el('th', { scope: 'row' }, word), ...weights[row].map(cell))));
  const table = el('div', { class: 'matrix', tabindex: 0, role: 'region', 'aria-label': 'The attention' }, el('table', {},
    el('caption', { class: 'unseen' }, 'For each word of the translation, the share of attention to each word of the sentence, in percent'),
    el('thead', {}, el('tr', {}, el('td'), ...source.map((word) => el('th', { scope: 'col' }, el('span', {}, word))))), el('tbody', {}, ...rows)));
  return [
    el('p', { class: 'sentence-read' }, ...spaced(read)), el('p', { class: 'sentence-written', lang: 'fr' }, ...(target.length ? spaced(wrote) : [text])), told,
    doubt ? el('p', { class: 'sentence' }, `This is doubtful: ${doubt}.`) : null,
    unknown.length && !doubt ? el('p', { class: 'hint centred' }, `Unknown to the model, and copied: ${unknown.join(', ')}.`) : null,
    target.length ? table : null,
    others.length ? el('p', { class: 'hint centred' }, 'Other translations: ', ...others.flatMap((other, index) => [index ? ' · ' : '', el('span', { lang: 'fr' }, other)])) : null,
    target.length ? saving(question, settings, ['png', 'svg']) : null].filter(Boolean);
}

const spaced = (words) => words.flatMap((word, index) => (index ? [' ', word] : [word]));

// ---------------------------------------------------------------- a tree

/** Constituents as nested boxes; the words are at the bottom. */
function parsed({ tree, brackets, notes }, { question, settings }) {
  const node = ([label, ...content]) => (typeof content[0] === 'string'
    ? el('span', { class: 'node leaf' }, el('span', { class: 'stem' }), el('span', { class: 'tag' }, label), el('span', { class: 'leaf-word' }, content.join(' ')))
    : el('span', { class: 'node' }, el('span', { class: 'label' }, label), el('span', { class: 'inside' }, ...content.map(node))));
  return [
    el('div', { class: 'tree', tabindex: 0, role: 'img', 'aria-label': `The tree: ${brackets}` }, node(tree)),
    ...notes.map((note) => el('p', { class: 'sentence' }, note)),
    el('details', {}, el('summary', {}, 'In brackets'), el('code', {}, brackets)), saving(question, settings, ['png', 'svg', 'json'])];
}
