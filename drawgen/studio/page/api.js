// Requests to the studio, and what the page says of them.

const meta = (name) => document.querySelector(`meta[name="drawgen-${name}"]`).content;

export const token = meta('token');
export const limit = Number(meta('limit'));
export const samples = meta('samples').split(' ').filter(Boolean);

/** Sends a request; resolves to the answer, or rejects with an Error whose message is a sentence for the page. */
export async function send(method, path, body = undefined, options = {}) {
  const request = { method, headers: { 'X-Drawgen-Token': token }, ...options };
  if (body !== undefined) {
    const plain = !(body instanceof Blob);
    request.body = plain ? JSON.stringify(body) : body;
    if (plain) request.headers['Content-Type'] = 'application/json';
  }
  let response;
  try {
    response = await fetch(path, request);
  } catch {
    throw new Error('The studio does not answer. Is it still running in its terminal?');
  }
  const found = await response.json().catch(() => ({ sentence: 'The studio gave an answer that the page does not understand.' }));
  if (!response.ok) throw new Error(found.sentence ?? 'That did not work.');
  return found;
}

/** Short work: the answer to a question of a tab (`QUESTIONS` in its Python file). */
export async function ask(name, settings) {
  return (await send('POST', `/ask/${name}`, settings)).answer;
}

/** Long work: puts a job into the queue, and resolves to it. */
export const start = (kind, settings) => send('POST', `/jobs/${kind}`, settings);
export const stop = (job) => send('POST', `/jobs/${job.id}/stop`);
export const goOn = (job) => send('POST', `/jobs/${job.id}/go-on`);
export const remove = (job) => send('DELETE', `/jobs/${job.id}`);

/** The address of a job's file; of the version that the page knows of, so that a newer one is loaded. */
export const fileOf = (job, name, version = job.files[name]) => `/jobs/${job.id}/files/${name}?v=${version ?? 0}`;

/** Saves a job's file under a name. */
export function download(job, name, as) {
  const link = document.createElement('a');
  link.href = `${fileOf(job, name)}&save=${as}`;
  link.download = as;
  link.click();
}

/** Uploads a photograph. */
export function upload(file) {
  if (file.size > limit) throw new Error(`${file.name} has more than ${Math.round(limit / 2 ** 20)} MB; reduce it first.`);
  return send('PUT', `/uploads?name=${encodeURIComponent(file.name)}`, file);
}

let clearing = 0;

/** Shows a sentence about what went wrong. */
export function trouble(error) {
  const place = document.getElementById('trouble');
  place.textContent = error instanceof Error ? error.message : String(error);
  clearTimeout(clearing);
  clearing = setTimeout(() => { place.textContent = ''; }, 12000);
}

/** Tells a screen reader what has happened. */
export function tell(text) {
  document.getElementById('told').textContent = text;
}

/** Runs something that may go wrong; meanwhile a button is busy. */
export async function attempt(work, button = null) {
  if (button) { button.disabled = true; button.setAttribute('aria-busy', 'true'); }
  try {
    return await work();
  } catch (error) {
    trouble(error);
    return undefined;
  } finally {
    if (button) { button.disabled = false; button.removeAttribute('aria-busy'); }
  }
}
