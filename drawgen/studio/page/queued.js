// An answer that takes long: a job in the queue, followed in a part's stage until its answer is there.

import { attempt, fileOf, goOn, remove, stop, tell } from './api.js';
import { wording } from './bench.js';
import { el } from './dom.js';
import { jobs, listen } from './store.js';

const ANSWER = 'answer.json';

/** Follows a job in a stage; `show` makes the elements of its answer. A stage follows one job at a time. */
export class Following {
  constructor(stage, show) {
    Object.assign(this, { stage, show, id: null });
    listen((job) => {
      if (this.id && !jobs.has(this.id)) this.leave();
      if (job && job.id === this.id) this.update(job);
    });
  }

  leave() {
    this.id = null;
    this.stage.replaceChildren(el('p', { class: 'empty' }, 'This answer is deleted.'));
  }

  follow(job) {
    this.id = job.id;
    this.shownState = null;
    this.update(job);
  }

  async update(job) {
    if (job.state === 'running' && this.state_) this.state_.textContent = wording(job);
    if (this.shownState === job.state) return;
    this.shownState = job.state;
    const button = (name, work) => { const made = el('button', { type: 'button', class: 'quiet', onclick: () => attempt(work, made) }, name); return made; };
    if (job.state === 'done') {
      const answer = await attempt(async () => {
        const found = await fetch(fileOf(job, ANSWER));
        if (!found.ok) throw new Error('This answer is no longer there.');
        return found.json();
      });
      if (!answer || this.id !== job.id) return;
      this.stage.replaceChildren(...this.show(answer, job), el('div', { class: 'tools' }, button('Delete this answer', () => remove(job))));
      tell('The answer is there');
      return;
    }
    this.state_ = el('p', { class: 'state' }, wording(job));
    const going = ['queued', 'running', 'stopping'].includes(job.state);
    this.stage.replaceChildren(el('article', { class: 'job waiting', 'data-state': job.state }, el('h3', {}, job.title), this.state_,
      job.sentence ? el('p', { class: 'sentence' }, job.sentence) : null,
      el('div', { class: 'buttons' }, going ? button('Stop', () => stop(job)) : button('Again', () => goOn(job)), going ? null : button('Delete', () => remove(job)))));
  }
}
