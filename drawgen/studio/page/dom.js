// Small pieces of the page.

/** An element: el('button', {class: 'quiet', onclick: f}, 'Stop'). */
export function el(name, attributes = {}, ...children) {
  const svg = ['svg', 'path', 'polyline', 'circle', 'line', 'text', 'g', 'title', 'rect', 'polygon'].includes(name);
  const made = svg ? document.createElementNS('http://www.w3.org/2000/svg', name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    const told = key.startsWith('aria-') ? value ?? null : value || value === 0 || value === '' ? value : null;
    if (told === null) continue;
    if (key.startsWith('on')) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true && !key.startsWith('aria-') ? '' : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

/** "about 2 min". */
export function duration(seconds) {
  if (seconds < 1) return 'a moment';
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

/** The fields of a form by name: numbers, check marks, and texts; empty ones are null. */
export function fields(form) {
  const found = {};
  for (const field of form.elements) {
    if (!field.name || field.disabled) continue;
    if (field.type === 'radio') { if (field.checked) found[field.name] = field.value; }
    else if (field.type === 'checkbox') found[field.name] = field.checked;
    else if (field.type === 'number' || field.type === 'range') found[field.name] = field.value === '' ? null : Number(field.value);
    else found[field.name] = field.value === '' ? null : field.value;
  }
  return found;
}

/** A point of the pointer in an element, as fractions of its width and height. */
export function within(event, element) {
  const box = element.getBoundingClientRect();
  return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
}

/** Follows a pointer from its press to its release. */
export function dragging(element, { press, move, release = () => {} }) {
  element.addEventListener('pointerdown', (event) => {
    if (event.button !== 0 || press(event) === false) return;
    element.setPointerCapture(event.pointerId);
    event.preventDefault();
    const moved = (later) => move(later);
    const done = (later) => {
      element.removeEventListener('pointermove', moved);
      release(later);
    };
    element.addEventListener('pointermove', moved);
    element.addEventListener('pointerup', done, { once: true });
    element.addEventListener('pointercancel', done, { once: true });
  });
}
