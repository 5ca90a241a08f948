/** Something that was found, in one item: how sure, and whether it is right. */
export interface Find {
  readonly score: number;
  /** Number of the item that it was found in. */
  readonly item: number;
  readonly hit: boolean;
}

/**
 * Average precision over recall: `points` as COCO takes it (the mean of the best precision at a recall of at least 0, 0.01, ... 1), `area` as scikit-learn does (the sum over
 * finds of precision times the step in recall, equal scores together).
 * @param finds by falling score; among equals those of earlier items first
 * @param positives what there is to be found in all items, by how often each item counts
 * @param counts how often each item counts
 * @returns NaN where there is nothing to be found
 */
export function averagePrecision(
  finds: readonly Find[],
  positives: number,
  counts: ArrayLike<number>,
  kind: "points" | "area",
): number {
  if (positives === 0) return Number.NaN;
  const recalls: number[] = [];
  const precisions: number[] = [];
  let [hits, all] = [0, 0];
  for (const [at, { item, hit, score }] of finds.entries()) {
    const times = counts[item] ?? 0;
    if (times === 0) continue;
    all += times;
    if (hit) hits += times;
    const together = kind === "area" && finds[at + 1]?.score === score;
    if (together && isCounted(finds, at + 1, counts, score)) continue;
    recalls.push(hits / positives);
    precisions.push(hits / all);
  }
  return kind === "area" ? areaUnder(recalls, precisions) : atPoints(recalls, precisions);
}

/** Whether a later find of the same score counts. */
function isCounted(
  finds: readonly Find[],
  from: number,
  counts: ArrayLike<number>,
  score: number,
): boolean {
  for (let at = from; finds[at]?.score === score; at += 1) {
    if ((counts[finds[at]?.item ?? -1] ?? 0) > 0) return true;
  }
  return false;
}

function areaUnder(recalls: readonly number[], precisions: readonly number[]): number {
  let [area, before] = [0, 0];
  for (const [at, recall] of recalls.entries()) {
    area += (recall - before) * (precisions[at] ?? 0);
    before = recall;
  }
  return area;
}

const POINTS = 101;

/**
 * The mean of the best precision at a recall of at least 0, 0.01, ... 1, as COCO takes it.
 * @param recalls rising, with the precision at each
 */
export function atPoints(recalls: readonly number[], precisions: readonly number[]): number {
  const best = [...precisions];
  for (let at = best.length - 2; at >= 0; at -= 1) {
    best[at] = Math.max(best[at] ?? 0, best[at + 1] ?? 0);
  }
  let [sum, at] = [0, 0];
  for (let point = 0; point < POINTS; point += 1) {
    const recall = point / (POINTS - 1);
    while (at < recalls.length && (recalls[at] ?? 0) < recall) at += 1;
    sum += best[at] ?? 0;
  }
  return sum / POINTS;
}

/** By falling score, earlier items first among equals. */
export function byScore<T extends { readonly score: number }>(finds: readonly T[]): T[] {
  return [...finds].sort((a, b) => b.score - a.score);
}
