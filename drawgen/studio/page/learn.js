// The tab Learn: its parts have modules of their own.

import * as gradients from './learn_gradients.js';
import * as points from './learn_points.js';
import * as pictures from './learn_pictures.js';
import * as sentences from './learn_sentences.js';
import { parts } from './parts.js';

let choose;
const jobs = { points, gradient: gradients };
const titles = { points: 'Points', gradient: 'Gradients' };

export function setup(panel) {
  choose = parts(panel, 'What to look at');
  const [pointing, windows, translation, trees, glimpses, lags] = panel.querySelectorAll('[data-part]');
  points.setup(pointing);
  pictures.setup(windows, glimpses);
  sentences.setup(translation, trees);
  gradients.setup(lags);
}

export function shown() {
  points.shown();
}

/** Shows the answer of a job, or how far it is. */
export function show(job) {
  choose(titles[job.kind]);
  jobs[job.kind].follow(job);
}
