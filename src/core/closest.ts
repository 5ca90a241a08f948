/** Letters of one word times those of the other. */
const LONGEST = 90_000;

/** The word that was probably meant: the nearest one, where it is near enough; otherwise null. */
export function closest(word: string, words: Iterable<string>): string | null {
  let best: string | null = null;
  let least = word.length / 2;
  for (const candidate of words) {
    // Nobody mistypes names that long; comparing them takes a minute.
    if (word.length * candidate.length > LONGEST) continue;
    const distance = editDistance(word, candidate);
    const isNearer = best === null ? distance <= least : distance < least;
    if (!isNearer) continue;
    best = candidate;
    least = distance;
  }
  return best;
}

/** Insertions, deletions, substitutions and exchanges of neighbours between two words (optimal string alignment). */
function editDistance(left: string, right: string): number {
  let earlier: readonly number[] = [];
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (const [above, letter] of [...left].entries()) {
    const next = [above + 1];
    for (const [before, other] of [...right].entries()) {
      const substituted = (row[before] ?? 0) + (letter === other ? 0 : 1);
      const isExchange = letter === right[before - 1] && left[above - 1] === other;
      const exchanged = isExchange ? (earlier[before - 1] ?? 0) + 1 : Number.POSITIVE_INFINITY;
      const [removed, added] = [(row[before + 1] ?? 0) + 1, (next[before] ?? 0) + 1];
      next.push(Math.min(substituted, removed, added, exchanged));
    }
    [earlier, row] = [row, next];
  }
  return row.at(-1) ?? 0;
}
