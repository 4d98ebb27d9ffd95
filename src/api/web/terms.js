// @ts-check
// Where the words of a keyword stand in a text. Knows nothing of a page.

/** @import { Term } from './types.d.ts' */

/**
 * A term as a pattern of whole words, with any white space between them and either apostrophe: "sue" is not in "issue".
 * @param {string} term
 */
function pattern(term) {
  const words = term
    .trim()
    .split(/\s+/u)
    .map(word => word.replace(/[\\^$.*+?()[\]{}|/-]/gu, '\\$&').replace(/['’]/gu, "['’]"));
  return new RegExp(`(?<![\\p{L}\\p{M}\\p{N}])${words.join('\\s+')}(?![\\p{L}\\p{M}\\p{N}])`, 'giu');
}

/**
 * Where the terms stand in a text, in order and none over another; and the terms that are not there word for word.
 * @param {string} text
 * @param {Term[]} terms
 */
export function places(text, terms) {
  /** @type {{ at: number, end: number, label: string }[]} */
  const all = [];
  /** @type {Term[]} */
  const elsewhere = [];
  for (const { term, label } of terms) {
    const found = term.trim() ? [...text.matchAll(pattern(term))] : [];
    if (!found.length) elsewhere.push({ term, label });
    for (const { index, 0: words } of found) all.push({ at: index, end: index + words.length, label });
  }
  all.sort((a, b) => a.at - b.at || b.end - a.end);
  let done = 0;
  const found = all.filter(place => {
    const fits = place.at >= done;
    if (fits) done = place.end;
    return fits;
  });
  return { found, elsewhere };
}
