// Where the words of a keyword stand in a text. Knows nothing of a page.
/** A term as a pattern of whole words, with any white space between them and either apostrophe: "sue" is not in "issue". */
function pattern(term) {
  const words = term.trim().split(/\s+/u).map(word => word.replace(/[\\^$.*+?()[\]{}|/-]/gu, '\\$&').replace(/['’]/gu, "['’]"));
  return new RegExp(`(?<![\\p{L}\\p{M}\\p{N}])${words.join('\\s+')}(?![\\p{L}\\p{M}\\p{N}])`, 'giu');
}

/** Where the terms stand in a text: [{at, end, label}] in order, none over another; and the terms that are not there word for word. */
export function places(text, terms) {
  const all = [], elsewhere = [];
  for (const { term, label } of terms) {
    const found = term.trim() ? [...text.matchAll(pattern(term))] : [];
    if (!found.length) elsewhere.push({ term, label });
    for (const { index, 0: words } of found) all.push({ at: index, end: index + words.length, label });
  }
  all.sort((a, b) => a.at - b.at || b.end - a.end);
  let done = 0;
  return { found: all.filter(place => { const fits = place.at >= done; if (fits) done = place.end; return fits; }), elsewhere };
}
