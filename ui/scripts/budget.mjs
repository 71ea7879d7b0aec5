// Fails when a screen, opened by its address, needs more JavaScript than it may, gzipped: what the page itself loads,
// the screen's own code, and then the view in it with its charts or its Markdown. What is loaded only when a button is
// pressed does not count, nor does what works beside the page (the layout of graphs, 16 kB).

import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const BUDGET_KB = 350;
const DIST = new URL('../dist/', import.meta.url);
const manifest = JSON.parse(readFileSync(new URL('.vite/manifest.json', DIST), 'utf8'));

const sizes = new Map();
function gzipped(file) {
  if (!sizes.has(file)) sizes.set(file, gzipSync(readFileSync(new URL(file, DIST))).length);
  return sizes.get(file);
}

/** A chunk and all that it imports at once. */
function needed(key, found = new Set()) {
  if (found.has(key)) return found;
  found.add(key);
  for (const next of manifest[key].imports ?? []) needed(next, found);
  return found;
}

const sum = (keys) => [...keys].reduce((bytes, key) => bytes + gzipped(manifest[key].file), 0);
const kb = (bytes) => (bytes / 1000).toFixed(1).padStart(7);

const entry = Object.keys(manifest).find((key) => manifest[key].isEntry);
const page = needed(entry);
const screens = (manifest[entry].dynamicImports ?? []).filter((key) => key.startsWith('src/features/'));
if (screens.length === 0) throw new Error('The manifest names no screen.');

/** Loaded by a press of a button, never by an address. */
const ASKED_FOR = ['src/charts/picture.ts'];

/** What is loaded by and by once `keys` are there beside `before`, which loads nothing more by itself. */
function following(keys, before, found = new Set()) {
  for (const key of keys) {
    if (before.has(key)) continue;
    for (const next of manifest[key].dynamicImports ?? []) {
      if (screens.includes(next) || ASKED_FOR.includes(next) || found.has(next)) continue;
      const chunks = needed(next);
      for (const chunk of chunks) found.add(chunk);
      following(chunks, before, found);
    }
  }
  return found;
}

let over = false;
for (const key of screens) {
  const first = new Set([...page, ...needed(key)]);
  const own = [...first].flatMap((of) => manifest[of].dynamicImports ?? []);
  const parts = [...new Set(own)].filter((of) => !screens.includes(of) && !ASKED_FOR.includes(of));
  // A chart needs its engine and the parts of its kind together; all else is one view or another.
  const charts = parts.filter((of) => of.startsWith('src/charts/'));
  const views = [
    ...parts.filter((of) => !charts.includes(of)).map((of) => [of]),
    ...(charts.length > 0 ? [charts] : []),
  ];
  const bytes = sum(first);
  console.log(`${kb(bytes)} kB  ${key}`);
  const sizes = views.map((view) => {
    const chunks = new Set(view.flatMap((of) => [...needed(of)]));
    const whole = sum(new Set([...first, ...chunks, ...following(chunks, first)]));
    console.log(`${kb(whole)} kB    with ${view.join(', ')}`);
    return whole;
  });
  over ||= Math.max(bytes, ...sizes) > BUDGET_KB * 1000;
}
if (over) {
  console.error(`A screen needs more than ${BUDGET_KB} kB of JavaScript (gzipped).`);
  process.exit(1);
}
