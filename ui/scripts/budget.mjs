// Fails when a screen needs more JavaScript at its first load than it may: what the page itself loads and the
// screen's own code, gzipped. What is loaded later (charts, graphs, Markdown) is told beside it.

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

let over = false;
for (const key of screens) {
  const first = new Set([...page, ...needed(key)]);
  const later = new Set(
    [...first]
      .flatMap((of) => manifest[of].dynamicImports ?? [])
      .filter((of) => !screens.includes(of))
      .flatMap((of) => [...needed(of)]),
  );
  for (const already of first) later.delete(already);
  const bytes = sum(first);
  over ||= bytes > BUDGET_KB * 1000;
  console.log(`${kb(bytes)} kB at first, ${kb(sum(later))} kB later  ${key}`);
}
if (over) {
  console.error(`A screen needs more than ${BUDGET_KB} kB of JavaScript (gzipped) at its first load.`);
  process.exit(1);
}
