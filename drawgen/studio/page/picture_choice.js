// A picture of one's own for a question, by its button or dropped on the stage.

import { attempt, tell, upload } from './api.js';
import { el } from './dom.js';

/** `value` is the photograph as the studio takes it, null for none; `onchange` is called when it changes. */
export class PictureChoice {
  constructor(stage, { name = 'Choose a picture', none = 'No picture of yours.', onchange = () => {} } = {}) {
    this.value = null;
    const input = el('input', { type: 'file', accept: 'image/*,.tga,.tif,.tiff,.heic', class: 'unseen', 'aria-label': name,
      onchange: () => { if (input.files[0]) this.take(input.files[0]); input.value = ''; } });
    this.told = el('p', { class: 'photo-name' }, none);
    this.without = el('button', { type: 'button', class: 'quiet', hidden: true, onclick: () => this.set(null, none) }, 'Without it');
    this.element = el('div', { class: 'photo-controls' }, el('label', { class: 'button file' }, input, el('span', {}, name)), this.told, this.without);
    this.onchange = onchange;
    dropping(stage, ([file]) => this.take(file));
  }

  async take(file) {
    this.told.textContent = `Reading ${file.name} ...`;
    const found = await attempt(() => upload(file));
    if (found) this.set({ upload: found.upload }, found.name);
    else this.told.textContent = 'That was no picture; choose another.';
  }

  set(value, told) {
    this.value = value;
    this.told.textContent = told;
    this.without.hidden = !value;
    tell(told);
    this.onchange();
  }
}

/** Calls a function with the files that are dropped on an area. */
export function dropping(area, take) {
  area.addEventListener('dragover', (event) => { event.preventDefault(); area.classList.add('over'); });
  area.addEventListener('dragleave', () => area.classList.remove('over'));
  area.addEventListener('drop', (event) => {
    event.preventDefault();
    area.classList.remove('over');
    const files = [...event.dataTransfer.files];
    if (files.length) take(files);
  });
}
