// The jobs, as the studio tells of them by server-sent events.

import { token, trouble } from './api.js';

/** id -> job. */
export const jobs = new Map();
const listeners = new Set();

/** Calls a function with a job whenever something about it changes, and with the event if its process told one; the job is null
    where one has gone. */
export function listen(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function changed(job, event = {}) {
  for (const listener of listeners) listener(job, event);
}

function take(told) {
  if (told.token && told.token !== token) {
    location.reload(); // of a studio that was started again
  } else if (told.jobs) {
    const there = new Set(told.jobs.map((job) => job.id));
    for (const id of jobs.keys()) if (!there.has(id)) jobs.delete(id);
    for (const job of told.jobs) { jobs.set(job.id, job); changed(job); }
    if (!told.jobs.length) changed(null);
  } else if (told.job) {
    jobs.set(told.job.id, told.job);
    changed(told.job);
  } else if (told.gone) {
    jobs.delete(told.gone);
    changed(null);
  } else if (jobs.has(told.id)) {
    const job = jobs.get(told.id);
    const { message, point, ...rest } = told.event;
    if (message) job.messages.push(message);
    if (point) job.curve = [...job.curve.filter(([share]) => share < point[0]), point];
    Object.assign(job.live, rest);
    if (rest.made) job.files[rest.preview] = rest.made;
    changed(job, told.event);
  }
}

/** Begins to listen to the studio, and goes on when it is there again. */
export function connect() {
  const source = new EventSource('/events');
  let lost = false;
  source.onmessage = (event) => take(JSON.parse(event.data));
  source.onopen = () => { if (lost) trouble(''); lost = false; };
  source.onerror = () => {
    if (!lost) trouble('The studio does not answer. When it is started again, this page goes on.');
    lost = true;
  };
}

/** Adds a job that the page has just started. */
export function add(job) {
  if (!jobs.has(job.id)) { jobs.set(job.id, job); changed(job); }
  return jobs.get(job.id);
}
