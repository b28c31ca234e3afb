// The tab Look: captions, and where the model looked for each word.

import { ask, attempt, samples, tell, trouble, upload } from './api.js';
import { el } from './dom.js';
import { dropping } from './picture_choice.js';
import { percent, saving } from './parts.js';

let form, list, drop;

export function setup(panel) {
  form = panel.querySelector('form');
  form.addEventListener('submit', (event) => event.preventDefault());
  const input = el('input', { type: 'file', multiple: true, accept: 'image/*,.tga,.tif,.tiff,.heic', class: 'unseen', 'aria-label': 'Photographs',
    onchange: () => { all([...input.files]); input.value = ''; } });
  form.querySelector('.photo').append(el('label', { class: 'button file' }, input, el('span', {}, 'Choose photographs')));
  const stage = panel.querySelector('.stage');
  drop = el('div', { class: 'drop' }, el('p', { class: 'drop-lead' }, 'Drop photographs here'), el('p', {}, 'or take one of these'),
    el('ul', { class: 'samples', role: 'list' }, ...samples.map((name) => el('li', {}, el('button', { type: 'button', onclick: () => one({ sample: name }, name) },
      el('img', { src: `/samples/${name}`, alt: '', loading: 'lazy' }), el('span', {}, name))))));
  list = el('div', { class: 'looks', 'aria-live': 'polite' });
  stage.append(list, el('div', { class: 'photo-stage' }, drop));
  dropping(stage, all);
}

async function all(files) {
  for (const file of files) {
    const found = await attempt(() => upload(file));
    if (found) await one({ upload: found.upload }, found.name);
  }
}

/** One photograph: a card, which is filled when its caption is there. */
async function one(photo, name) {
  const card = el('article', { class: 'look' }, el('p', { class: 'empty' }, `Looking at ${name} ...`));
  list.prepend(card);
  drop.classList.add('small');
  const settings = { photo, beams: Number(form.elements.beams.value) || 1 };
  try {
    const answer = await ask('look.caption', settings);
    card.replaceChildren(...described(answer, name, settings, () => card.remove()));
    tell(`${name}: ${answer.text}`);
    card.scrollIntoView({ block: 'nearest', behavior: 'smooth' });
  } catch (error) {
    card.remove();
    trouble(error);
  }
}

function described({ text, words, log_probs: logs, others, doubt, model, picture, shades }, name, settings, away) {
  const shade = el('img', { class: 'shade', alt: '' });
  const told = el('p', { class: 'hint' }, shades.length ? 'Point at a word, or go through them by the Tab key.' : 'This model has no maps.');
  const before = told.textContent;
  const buttons = words.map((word, index) => {
    const here = () => {
      shade.src = shades[index];
      shade.classList.add('on');
      buttons.forEach((other) => other.classList.toggle('here', other === button));
      told.textContent = `“${word}”: ${percent(Math.exp(logs[index]))} probable, given the words before it`;
    };
    const leave = () => { shade.classList.remove('on'); button.classList.remove('here'); told.textContent = before; };
    const button = el('button', { type: 'button', class: 'word', ...(shades.length ? { onmouseenter: here, onfocus: here, onclick: here, onmouseleave: leave, onblur: leave } : {}) }, word);
    return button;
  });
  return [
    el('div', { class: 'look-picture' }, el('img', { src: picture, alt: `${name}, as the model sees it` }), shade),
    el('div', { class: 'look-words' },
      el('p', { class: 'caption' }, ...buttons.flatMap((button, index) => (index ? [' ', button] : [button]))), told,
      doubt ? el('p', { class: 'sentence' }, `This is doubtful: ${doubt}.`) : null,
      others.length ? el('ul', { class: 'others', 'aria-label': 'Other captions' }, ...others.map((other) => el('li', {}, other))) : null,
      el('p', { class: 'hint' }, `${name}, by ${model}`),
      saving('look.caption', settings, shades.length ? ['png', 'gif', 'json'] : ['json']),
      el('button', { type: 'button', class: 'quiet', onclick: away }, 'Take it away'))];
}
