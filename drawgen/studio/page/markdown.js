// Model cards: headings, paragraphs, lists, tables, code and links.

import { el } from './dom.js';

function inline(text) {
  const parts = [];
  const pattern = /`([^`]+)`|\*\*([^*]+)\*\*|\[([^\]]+)\]\(([^)\s]+)\)/g;
  let end = 0;
  for (const found of text.matchAll(pattern)) {
    parts.push(text.slice(end, found.index));
    const [whole, code, strong, title, address] = found;
    if (code) parts.push(el('code', {}, code));
    else if (strong) parts.push(el('strong', {}, strong));
    else if (/^https?:/.test(address)) parts.push(el('a', { href: address, target: '_blank', rel: 'noreferrer noopener' }, title));
    else parts.push(title);
    end = found.index + whole.length;
  }
  return [...parts, text.slice(end)].filter(Boolean);
}

/** The elements of a text in Markdown. */
export function markdown(text) {
  const found = [];
  let list = null, paragraph = null, code = null;
  const settle = () => { list = paragraph = null; };
  for (const line of text.split('\n')) {
    if (line.startsWith('```')) {
      if (code) code = null; else { code = el('pre'); found.push(code); }
      settle();
    } else if (code) code.append(`${line}\n`);
    else if (/^#{1,6} /.test(line)) {
      const level = line.match(/^#+/)[0].length;
      found.push(el(level === 1 ? 'h2' : 'h3', {}, ...inline(line.slice(level + 1))));
      settle();
    } else if (/^[-*] /.test(line)) {
      if (!list) { settle(); list = el('ul'); found.push(list); }
      list.append(el('li', {}, ...inline(line.slice(2))));
    } else if (list && /^\s+\S/.test(line)) list.lastChild.append(' ', ...inline(line.trim()));
    else if (!line.trim()) settle();
    else if (/^\|[-| :]+\|$/.test(line)) continue;
    else if (line.startsWith('|')) {
      const cells = line.split('|').slice(1, -1).map((cell) => el('td', {}, ...inline(cell.trim())));
      if (found.at(-1)?.tagName !== 'TABLE' || paragraph) { settle(); found.push(el('table')); }
      found.at(-1).append(el('tr', {}, ...cells));
    } else if (paragraph) paragraph.append(' ', ...inline(line));
    else { settle(); paragraph = el('p', {}, ...inline(line)); found.push(paragraph); }
  }
  return found;
}
