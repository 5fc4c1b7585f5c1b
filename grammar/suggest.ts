/** Guessing what was meant by a name that does not exist. */

/**
 * The candidate nearest to `word` by edits (a letter added, dropped or changed, or two neighbors
 * swapped; the case of a letter is no edit), if it is near: at most a third of the word's letters,
 * rounded up, differ.
 */
export function closest(word: string, candidates: Iterable<string>): string | undefined {
  const bound = Math.ceil(word.length / 3);
  let best: string | undefined;
  let least = bound + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - word.length) > bound) continue;
    const edits = distance(word.toLowerCase(), candidate.toLowerCase());
    if (edits < least) {
      least = edits;
      best = candidate;
    }
  }
  return least < word.length ? best : undefined;
}

/** Damerau–Levenshtein distance with neighbors swapped at most once, in three rows. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (above[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let least = Math.min(change, (above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, (before[j - 2] ?? 0) + 1);
      }
      row.push(least);
    }
    before = above;
    above = row;
  }
  return above[b.length] ?? 0;
}
