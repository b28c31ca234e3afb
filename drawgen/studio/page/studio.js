// The frame of the page: tabs, and the list of all work.

import { el } from './dom.js';
import { fileOf } from './api.js';
import { connect, jobs, listen } from './store.js';
import { wording } from './bench.js';

const tabs = [...document.querySelectorAll('[role=tab]')];
const panels = tabs.map((tab) => document.getElementById(tab.getAttribute('aria-controls')));
const modules = new Map();

/** Shows a tab. */
export function choose(name, { focus = false } = {}) {
  tabs.forEach((tab, index) => {
    const chosen = panels[index].id === name;
    tab.setAttribute('aria-selected', chosen);
    tab.tabIndex = chosen ? 0 : -1;
    panels[index].hidden = !chosen;
    if (chosen && focus) tab.focus();
  });
  if (location.hash !== `#${name}`) history.replaceState(null, '', `#${name}`);
  modules.get(name)?.shown?.();
}

/** Shows a job in its tab. */
export function open(job) {
  choose(job.tab);
  modules.get(job.tab)?.show?.(job);
  document.getElementById(job.tab).scrollIntoView({ block: 'start', behavior: 'smooth' });
}

tabs.forEach((tab, index) => {
  tab.addEventListener('click', () => choose(panels[index].id));
  tab.addEventListener('keydown', (event) => {
    const last = tabs.length - 1;
    const next = { ArrowRight: index === last ? 0 : index + 1, ArrowLeft: index ? index - 1 : last, Home: 0, End: last }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    choose(panels[next].id, { focus: true });
  });
});

// ---------------------------------------------------------------- the list of all work

const list = document.getElementById('jobs');
const cards = new Map();

function thumbnail(job) {
  for (const name of ['texture.png', 'painting.png', 'preview.png']) if (job.files[name]) return fileOf(job, name);
  return job.settings.photo?.sample ? `/samples/${job.settings.photo.sample}` : null;
}

function card(job) {
  const image = el('img', { alt: '', loading: 'lazy', width: 56, height: 56 });
  const title = el('span', { class: 'card-title' });
  const state = el('span', { class: 'card-state' });
  const bar = el('span', { class: 'card-bar' });
  const button = el('button', { type: 'button', onclick: () => open(jobs.get(job.id)) }, image, el('span', {}, title, state), bar);
  return { item: el('li', {}, button), image, title, state, bar, button };
}

function refresh() {
  const sorted = [...jobs.values()].sort((a, b) => b.created - a.created);
  list.parentElement.hidden = !sorted.length;
  const waiting = sorted.filter((job) => job.state === 'queued').reverse();
  for (const [id, { item }] of cards) if (!jobs.has(id)) { item.remove(); cards.delete(id); }
  sorted.forEach((job, index) => {
    if (!cards.has(job.id)) cards.set(job.id, card(job));
    const made = cards.get(job.id);
    const source = thumbnail(job);
    if (source && made.image.getAttribute('src') !== source) made.image.src = source;
    made.image.hidden = !source;
    const kind = tabs[panels.findIndex((panel) => panel.id === job.tab)]?.textContent ?? job.kind;
    made.title.textContent = `${kind}: ${job.title}`;
    const place = waiting.indexOf(job);
    made.state.textContent = place > 0 ? `waiting, number ${place + 1} in the queue` : wording(job);
    made.button.dataset.state = job.state;
    made.bar.style.width = job.state === 'running' ? `${100 * (job.live.share ?? 0)}%` : '0';
    if (list.children[index] !== made.item) list.insertBefore(made.item, list.children[index] ?? null);
  });
}

let planned = false;
listen(() => {
  if (!planned) requestAnimationFrame(() => { planned = false; refresh(); });
  planned = true;
});

// ---------------------------------------------------------------- begin

for (const panel of panels) {
  const module = await import(`./${panel.id}.js`);
  module.setup(panel);
  modules.set(panel.id, module);
}
const wanted = location.hash.slice(1);
choose(panels.some((panel) => panel.id === wanted) ? wanted : panels[0].id);
window.addEventListener('hashchange', () => {
  if (panels.some((panel) => panel.id === location.hash.slice(1))) choose(location.hash.slice(1));
});
connect();
