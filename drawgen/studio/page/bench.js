// What tabs with jobs have in common: a form, a photograph, and a job at work or done.

import { attempt, goOn, remove, start, stop, tell, trouble } from './api.js';
import { duration, el } from './dom.js';
import { PhotoChooser } from './photo.js';
import { add, jobs, listen } from './store.js';

/** How a job is, in words. */
export function wording(job) {
  const { share = 0, left = null, phase = '' } = job.live;
  switch (job.state) {
    case 'queued': return job.seconds ? 'waiting to go on' : 'waiting';
    case 'running': return `${phase || 'beginning'}${share ? `, ${Math.round(100 * share)} %` : ''}${left ? `, ${duration(left)} left` : ''}`;
    case 'stopping': return 'stopping, and keeping the result so far';
    case 'done': return job.seconds ? `done in ${duration(job.seconds)}` : 'done';
    case 'stopped': return 'stopped';
    default: return 'failed';
  }
}

/** The form of a panel, its photograph and the job that is shown. `settings` makes a job's settings of the form; `view` has
    `open(job)`, which returns the elements of the job's view, and `update(job, event)`. */
export class Bench {
  constructor(panel, { kind, settings, view }) {
    this.kind = kind;
    this.view = view;
    this.id = null;
    this.form = panel.querySelector('form');
    this.submit = this.form.querySelector('[type=submit]');
    this.stage = panel.querySelector('.stage');
    this.chooser = new PhotoChooser({ onchange: () => this.photoChanged() });
    panel.querySelector('.photo').append(this.chooser.controls);
    this.head = el('div', { class: 'job-head' });
    this.body = el('div', { class: 'job-body' });
    this.work = el('article', { class: 'job', hidden: true }, this.head, this.body);
    this.stage.append(this.chooser.stage, this.work);
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      if (!this.chooser.value) { trouble('Choose a photograph first.'); this.chooser.input.focus(); return; }
      attempt(async () => {
        this.show(add(await start(kind, { photo: this.chooser.value, ...settings(this.form) })));
        this.stage.scrollIntoView({ block: 'nearest', behavior: 'smooth' });
        tell('The work has been put into the queue');
      }, this.submit);
    });
    listen((job, event) => {
      if (this.id && !jobs.has(this.id)) this.leave();
      if (job && job.id === this.id) this.update(job, event);
    });
  }

  photoChanged() {
    this.leave();
  }

  /** Shows the photograph again, for new work. */
  leave() {
    this.id = null;
    this.work.hidden = true;
    this.chooser.stage.hidden = false;
  }

  show(job) {
    this.id = job.id;
    this.work.hidden = false;
    this.chooser.stage.hidden = true;
    this.bar = el('div', { role: 'progressbar', 'aria-label': 'Progress', 'aria-valuemin': 0, 'aria-valuemax': 100 }, el('span'));
    this.state = el('p', { class: 'state' });
    this.sentence = el('p', { class: 'sentence' });
    this.buttons = el('div', { class: 'buttons' });
    this.log = el('ol');
    this.head.replaceChildren(el('h3', {}, job.title), this.state, this.bar, this.sentence, this.buttons);
    this.body.replaceChildren(...this.view.open(job), el('details', { class: 'log' }, el('summary', {}, 'What it told'), this.log));
    this.shownState = null;
    this.update(job, {});
  }

  update(job, event) {
    const share = job.state === 'done' ? 1 : job.live.share ?? 0;
    const percent = Math.round(100 * share);
    this.bar.setAttribute('aria-valuenow', percent);
    this.bar.firstChild.style.width = `${percent}%`;
    this.bar.hidden = !['running', 'stopping', 'queued'].includes(job.state);
    this.state.textContent = wording(job);
    this.sentence.textContent = job.sentence;
    this.sentence.hidden = !job.sentence;
    this.work.dataset.state = job.state;
    if (this.log.childElementCount !== job.messages.length) this.log.replaceChildren(...job.messages.map((text) => el('li', {}, text)));
    this.log.parentElement.hidden = !job.messages.length;
    if (this.shownState !== job.state) {
      if (this.shownState) tell(`${job.title}: ${wording(job)}. ${job.sentence}`);
      this.shownState = job.state;
      this.buttons.replaceChildren(...this.buttonsFor(job));
    }
    this.view.update(job, event);
  }

  buttonsFor(job) {
    const button = (name, work, look = 'quiet') => {
      const made = el('button', { type: 'button', class: look, onclick: () => attempt(work, made) }, name);
      return made;
    };
    const found = [];
    if (job.state === 'queued') found.push(button('Take it out of the queue', () => stop(job)));
    if (job.state === 'running') found.push(button('Stop, and keep it as it is', () => stop(job)));
    if (job.state === 'stopping') found.push(button('End at once', () => stop(job)));
    if (['stopped', 'failed'].includes(job.state)) found.push(button('Go on', () => goOn(job)));
    found.push(button('New from a photograph', async () => this.leave()));
    if (['done', 'stopped', 'failed'].includes(job.state)) found.push(button('Delete', () => remove(job)));
    return found;
  }
}
