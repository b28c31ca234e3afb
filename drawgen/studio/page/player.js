// A slider over steps, which plays them.

import { el } from './dom.js';

const still = matchMedia('(prefers-reduced-motion: reduce)');

/** Controls of something that is shown step by step, from 0 to `steps`: `show(step)` shows one, `words(step)` says what it is. It
    begins finished, and plays once unless motion is unwanted. */
export class Player {
  constructor({ steps, show, words = (step) => `${step} of ${steps}`, seconds = Math.min(6, 1.2 + 0.14 * steps), name = 'Step', fine = false }) {
    Object.assign(this, { steps, show, words, seconds, fine });
    this.slider = el('input', { type: 'range', min: 0, max: steps, step: fine ? 'any' : 1, 'aria-label': name, oninput: () => { this.pause(); this.at(Number(this.slider.value)); } });
    this.play_ = el('button', { type: 'button', class: 'play', onclick: () => (this.playing ? this.pause() : this.play()) });
    const move = (by) => () => { this.pause(); this.at(Math.round(Math.min(Math.max(this.step + by, 0), steps))); };
    this.told = el('output', { class: 'told' });
    this.element = el('div', { class: 'player' }, this.play_,
      fine ? null : el('button', { type: 'button', class: 'quiet', 'aria-label': 'One step back', onclick: move(-1) }, '‹'), this.slider,
      fine ? null : el('button', { type: 'button', class: 'quiet', 'aria-label': 'One step on', onclick: move(1) }, '›'), this.told);
    this.pause();
    this.at(steps);
    if (!still.matches) this.starting = setTimeout(() => this.play(), 500);
  }

  at(step) {
    this.step = step;
    this.slider.value = step;
    const words = this.words(step);
    this.slider.setAttribute('aria-valuetext', words);
    this.told.textContent = this.fine ? '' : words;
    this.show(step);
  }

  play() {
    clearTimeout(this.starting);
    this.playing = true;
    this.play_.textContent = 'Pause';
    let step = this.step >= this.steps ? 0 : this.step, before = null;
    const tick = (now) => {
      if (!this.playing) return;
      if (!this.element.isConnected) { this.pause(); return; }
      step += ((now - (before ?? now)) / 1000) * (this.steps / this.seconds);
      before = now;
      const shown = Math.min(this.fine ? step : Math.floor(step), this.steps);
      if (shown !== this.step) this.at(shown);
      if (step >= this.steps) this.pause();
      else requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }

  pause() {
    clearTimeout(this.starting);
    this.playing = false;
    this.play_.textContent = 'Play';
  }
}
