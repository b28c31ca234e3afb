// Choosing a photograph, and the part of it that counts.

import { attempt, samples, tell, upload } from './api.js';
import { dragging, el, within } from './dom.js';

const LEAST = 8;

/** A chooser in two parts: `controls` for a form and `stage` for the large area beside it. `value` is the photograph as the studio
    takes it, null while there is none; `onchange` is called when it changes. */
export class PhotoChooser {
  constructor({ onchange = () => {}, crop = true } = {}) {
    this.onchange = onchange;
    this.photo = null;
    this.crop = null;
    const input = el('input', { type: 'file', accept: 'image/*,.tga,.tif,.tiff,.heic', class: 'unseen', 'aria-label': 'Photograph',
      onchange: () => { if (input.files[0]) this.take(input.files[0]); input.value = ''; } });
    this.input = input;
    this.name = el('p', { class: 'photo-name' }, 'No photograph yet.');
    this.fields = ['left', 'top', 'width', 'height'].map((side) => {
      const field = el('input', { type: 'number', min: side.length > 4 ? LEAST : 0, step: 1, onchange: () => this.fromFields() });
      return { side, field, label: el('label', {}, el('span', {}, side), field) };
    });
    this.part = el('details', { hidden: true }, el('summary', {}, 'Part of it, in pixels'),
      el('div', { class: 'crop-fields' }, ...this.fields.map(({ label }) => label),
        el('button', { type: 'button', class: 'quiet', onclick: () => this.setCrop(null) }, 'All of it')));
    this.controls = el('div', { class: 'photo-controls' },
      el('label', { class: 'button file' }, input, el('span', {}, 'Choose a photograph')), this.name, crop ? this.part : null);
    this.image = el('img', { alt: 'The photograph', draggable: 'false' });
    this.box = el('div', { class: 'crop-box', hidden: true }, ...['nw', 'ne', 'sw', 'se'].map((corner) => el('i', { 'data-corner': corner })));
    this.frame = el('div', { class: 'crop' }, this.image, this.box);
    this.drop = el('div', { class: 'drop' },
      el('p', { class: 'drop-lead' }, 'Drop a photograph here'),
      el('p', {}, 'or take one of these'),
      el('ul', { class: 'samples', role: 'list' }, ...samples.map((name) => el('li', {},
        el('button', { type: 'button', onclick: () => this.sample(name) }, el('img', { src: `/samples/${name}`, alt: '', loading: 'lazy' }), el('span', {}, name))))));
    this.hint = el('p', { class: 'hint' }, 'Drag over the photograph to take a part of it.');
    this.chosen = el('div', { class: 'chosen', hidden: true }, this.frame, crop ? this.hint : null,
      el('button', { type: 'button', class: 'quiet', onclick: () => this.forget() }, 'Another photograph'));
    this.stage = el('div', { class: 'photo-stage' }, this.drop, this.chosen);
    this.acceptDrops(this.stage);
    if (crop) this.cropByDragging();
  }

  get value() {
    if (!this.photo) return null;
    const { upload: id = null, sample = null } = this.photo;
    return { upload: id, sample, crop: this.crop };
  }

  acceptDrops(area) {
    area.addEventListener('dragover', (event) => { event.preventDefault(); area.classList.add('over'); });
    area.addEventListener('dragleave', () => area.classList.remove('over'));
    area.addEventListener('drop', (event) => {
      event.preventDefault();
      area.classList.remove('over');
      if (event.dataTransfer.files[0]) this.take(event.dataTransfer.files[0]);
    });
  }

  async take(file) {
    this.name.textContent = `Reading ${file.name} ...`;
    const found = await attempt(() => upload(file));
    if (found) this.choose({ upload: found.upload, name: found.name, width: found.width, height: found.height }, `/uploads/${found.upload}`);
    else this.name.textContent = this.photo ? this.photo.name : 'No photograph yet.';
  }

  sample(name) {
    const probe = new Image();
    probe.onload = () => this.choose({ sample: name, name, width: probe.naturalWidth, height: probe.naturalHeight }, probe.src);
    probe.src = `/samples/${name}`;
  }

  choose(photo, source) {
    this.photo = photo;
    this.image.src = source;
    this.frame.style.aspectRatio = `${photo.width} / ${photo.height}`;
    this.frame.style.width = `min(100%, ${62 * photo.width / photo.height}vh)`;
    this.drop.hidden = true;
    this.chosen.hidden = false;
    this.part.hidden = false;
    this.setCrop(null);
    tell(`${photo.name} is chosen`);
  }

  forget() {
    this.photo = null;
    this.drop.hidden = false;
    this.chosen.hidden = true;
    this.part.hidden = true;
    this.name.textContent = 'No photograph yet.';
    this.onchange();
    this.input.focus();
  }

  /** Left, top, width and height in the photograph's pixels, or null for all of it. */
  setCrop(crop) {
    const { width, height } = this.photo;
    if (crop) {
      let [left, top, wide, tall] = crop.map((value) => Math.round(value) || 0);
      wide = Math.min(Math.max(wide, LEAST), width);
      tall = Math.min(Math.max(tall, LEAST), height);
      left = Math.min(Math.max(left, 0), width - wide);
      top = Math.min(Math.max(top, 0), height - tall);
      crop = wide === width && tall === height ? null : [left, top, wide, tall];
    }
    this.crop = crop;
    const [left, top, wide, tall] = crop ?? [0, 0, width, height];
    [left, top, wide, tall].forEach((value, index) => {
      this.fields[index].field.value = value;
      this.fields[index].field.max = index % 2 ? height : width;
    });
    this.box.hidden = !crop;
    Object.assign(this.box.style, { left: `${100 * left / width}%`, top: `${100 * top / height}%`, width: `${100 * wide / width}%`, height: `${100 * tall / height}%` });
    this.name.textContent = `${this.photo.name}, ${wide} by ${tall} pixels`;
    this.onchange();
  }

  fromFields() {
    this.setCrop(this.fields.map(({ field }) => Number(field.value)));
  }

  cropByDragging() {
    let held = null;
    const point = (event) => {
      const [x, y] = within(event, this.image);
      return [x * this.photo.width, y * this.photo.height];
    };
    dragging(this.frame, {
      press: (event) => {
        const [x, y] = point(event);
        const corner = event.target.dataset?.corner;
        const [left, top, wide, tall] = this.crop ?? [0, 0, 0, 0];
        if (corner) held = { anchor: [corner.includes('w') ? left + wide : left, corner.includes('n') ? top + tall : top] };
        else if (event.target === this.box) held = { grip: [x - left, y - top], size: [wide, tall] };
        else held = { anchor: [x, y] };
      },
      move: (event) => {
        const [x, y] = point(event);
        if (held.grip) { this.setCrop([x - held.grip[0], y - held.grip[1], ...held.size]); return; }
        const clamp = (value, most) => Math.min(Math.max(value, 0), most);
        const [ax, ay] = held.anchor;
        const [bx, by] = [clamp(x, this.photo.width), clamp(y, this.photo.height)];
        if (Math.abs(bx - ax) > LEAST && Math.abs(by - ay) > LEAST) this.setCrop([Math.min(ax, bx), Math.min(ay, by), Math.abs(bx - ax), Math.abs(by - ay)]);
      },
    });
  }
}
