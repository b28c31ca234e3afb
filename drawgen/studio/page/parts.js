// What tabs with several uses have in common: a choice among their parts, an answer that may take a moment, and files.

import { ask, attempt, tell } from './api.js';
import { el } from './dom.js';

const SLOW_MS = 2500;

/** Buttons that show one of a panel's parts (`<section data-part="its name">`) at a time. */
export function parts(panel, name) {
  const found = [...panel.querySelectorAll(':scope > [data-part]')];
  const buttons = found.map((part) => el('button', { type: 'button', onclick: () => choose(part) }, part.dataset.part));
  const choose = (chosen) => found.forEach((part, index) => {
    part.hidden = part !== chosen;
    buttons[index].setAttribute('aria-pressed', part === chosen);
  });
  panel.prepend(el('div', { class: 'parts', role: 'group', 'aria-label': name }, ...buttons));
  choose(found[0]);
  return (title) => choose(found.find((part) => part.dataset.part === title));
}

/** A part with a form and a stage, which shows the newest answer to a question. `settings` makes the question's settings of the
    form, `show` the elements of an answer. */
export class Asking {
  constructor(part, { question, settings, show }) {
    Object.assign(this, { part, question, settings, show });
    this.form = part.querySelector('form');
    this.stage = part.querySelector('.stage');
    this.button = this.form.querySelector('[type=submit]');
    this.form.addEventListener('submit', (event) => { event.preventDefault(); this.ask(this.button); });
  }

  /** Asks, and shows the answer. */
  async ask(button = null, { question = this.question, settings = this.settings(this.form), show = this.show } = {}) {
    const number = this.number = (this.number ?? 0) + 1;
    const answer = await answered(question, settings, this.stage, button);
    if (answer === undefined || number !== this.number) return;
    this.stage.replaceChildren(...show(answer, { question, settings }));
    this.stage.scrollIntoView({ block: 'nearest', behavior: 'smooth' });
    tell('The answer is there');
  }
}

/** The answer to a question, undefined for none; what took long says so in the stage. */
export async function answered(question, settings, stage, button) {
  stage.setAttribute('aria-busy', 'true');
  const note = el('p', { class: 'hint slow', role: 'status' });
  const clock = setTimeout(() => {
    note.textContent = 'One moment. For the first time on a machine this may take a minute: code is being compiled.';
    stage.prepend(note);
  }, SLOW_MS);
  try {
    return await attempt(() => ask(question, settings), button);
  } finally {
    clearTimeout(clock);
    note.remove();
    stage.removeAttribute('aria-busy');
  }
}

/** Buttons that save the files of an answer, by their endings. */
export function saving(question, settings, endings) {
  return el('div', { class: 'tools', role: 'group', 'aria-label': 'Download' }, ...endings.map((ending) => {
    const button = el('button', { type: 'button', onclick: () => attempt(async () => save(await ask(question, { ...settings, ending })), button) },
      `Download ${ending.toUpperCase()}`);
    return button;
  }));
}

/** Saves a file that an answer brought. */
export function save({ name, type, data }) {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const address = URL.createObjectURL(new Blob([bytes], { type }));
  const link = el('a', { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

/** A share as a percentage. */
export const percent = (share) => (share > 0 && share < 0.01 ? 'below 1 %' : `${Math.round(100 * share)} %`);

/** Names with their shares, as bars. */
export function bars(found) {
  return el('ul', { class: 'bars', role: 'list' }, ...found.map(([name, share]) => {
    const bar = el('span', { class: 'bar' });
    bar.style.width = `${100 * share}%`;
    return el('li', {}, el('span', { class: 'bar-name' }, name), el('span', { class: 'bar-track' }, bar), el('span', { class: 'bar-share' }, percent(share)));
  }));
}

/** One of several things to try, which is put into a field. */
export function examples(field, texts, { then = () => {} } = {}) {
  return el('div', { class: 'examples' }, ...texts.map((text) =>
    el('button', { type: 'button', class: 'quiet', onclick: () => { field.value = text; then(); } }, text)));
}
