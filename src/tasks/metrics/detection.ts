import type { Box, Target } from "../../runtime/batches.ts";
import { targetAs } from "../answers.ts";
import { atPoints, byScore } from "../average-precision.ts";
import {
  area,
  type Detection,
  intersection,
  onOriginal,
  overlap,
  type SuppressOptions,
  suppressed,
} from "../detection/detection.ts";
import { decoded, type HeadSpec, type InputSize } from "../detection/heads.ts";
import type { Answer, Metric } from "../metric.ts";

/** COCO's thresholds: an object is found where the overlap is at least this. */
export const THRESHOLDS = Array.from({ length: 10 }, (_, step) => (50 + 5 * step) / 100);

/** What one picture says: per class, how many objects there are to be found, and what was found. */
export type PictureFinds = readonly {
  readonly label: number;
  readonly objects: number;
  /** [score, hits, ignored]: bit t of the latter two belongs to threshold t. */
  readonly finds: readonly (readonly [score: number, hits: number, ignored: number])[];
}[];

export interface DetectionOptions {
  readonly head: HeadSpec;
  /** Of the network's input, in pixels. */
  readonly input: InputSize;
  readonly suppress?: SuppressOptions | undefined;
}

/** Detections of one class and picture that count: COCO's largest number. */
const MOST = 100;

/**
 * Mean average precision as COCO's evaluation defines it (pycocotools): the mean over classes and thresholds of the average precision at 101 points of recall;
 * at most 100 detections of a class and picture, crowds neither hits nor misses.
 * @param finds evidence of a picture, from `findsOf`; several metrics share it
 * @param name `mAP@[.5:.95]` takes all ten thresholds, `mAP@.5` the first
 * @param label only this class
 */
export function meanPrecision(
  name: "mAP@[.5:.95]" | "mAP@.5",
  finds: Metric<PictureFinds>["perItem"],
  label?: { readonly index: number; readonly name: string } | undefined,
): Metric<PictureFinds> {
  const thresholds = name === "mAP@.5" ? [0] : THRESHOLDS.map((_, at) => at);
  const pooler = (evidence: readonly PictureFinds[]): ((counts: ArrayLike<number>) => number) =>
    precisionOver(evidence, thresholds, label?.index);
  return {
    ...{ better: "higher", unit: "share", pooling: "pooled", pooler },
    name: label === undefined ? name : `${name.slice(1)} of ${label.name}`,
    perItem: finds,
    pooled: (evidence) => pooler(evidence)(evidence.map(() => 1)),
  };
}

/** Evidence of a picture, worked out once per answer however many metrics ask for it. */
export function findsOf(options: DetectionOptions): Metric<PictureFinds>["perItem"] {
  const known = new WeakMap<Answer, PictureFinds>();
  return (answer, target) => {
    const before = known.get(answer);
    if (before !== undefined) return before;
    const finds = pictureFinds(detectionsIn(answer, target, options), target);
    known.set(answer, finds);
    return finds;
  };
}

/** What a network found in a picture, in pixels of the original. */
export function detectionsIn(
  answer: Answer,
  target: Target,
  { head, input, suppress }: DetectionOptions,
): readonly Detection[] {
  const { placement } = targetAs(target, "boxes");
  return suppressed(decoded(head, answer, input), suppress).map((each) =>
    onOriginal(each, placement),
  );
}

/** Matches what was found in one picture with what there is. */
export function pictureFinds(detections: readonly Detection[], target: Target): PictureFinds {
  const { boxes } = targetAs(target, "boxes");
  const labels = new Set([...boxes, ...detections].map(({ label }) => label));
  return [...labels]
    .sort((a, b) => a - b)
    .map((label) => {
      // What must not be counted comes last: an object that counts is matched first.
      const objects = boxes.filter((box) => box.label === label);
      objects.sort((a, b) => Number(a.ignored !== undefined) - Number(b.ignored !== undefined));
      const finds = byScore(detections.filter((each) => each.label === label)).slice(0, MOST);
      const bits = matched(finds, objects);
      return {
        label,
        objects: objects.filter(({ ignored }) => ignored === undefined).length,
        finds: finds.map(
          ({ score }, at) => [score, bits[at]?.[0] ?? 0, bits[at]?.[1] ?? 0] as const,
        ),
      };
    });
}

/** For every find the thresholds at which it is a hit, and those at which it counts for nothing. */
function matched(
  finds: readonly Detection[],
  objects: readonly Box[],
): readonly (readonly [hits: number, ignored: number])[] {
  const overlaps = finds.map((find) =>
    objects.map((object) =>
      // In a crowd it is enough to lie inside.
      object.ignored === "crowd"
        ? intersection(find, object) / (area(find) || 1)
        : overlap(find, object),
    ),
  );
  const bits = finds.map((): [number, number] => [0, 0]);
  for (const [bit, threshold] of THRESHOLDS.entries()) {
    const taken = new Set<number>();
    for (const [find, own] of overlaps.entries()) {
      const index = bestObject(own, objects, taken, threshold);
      const object = objects[index];
      if (object === undefined) continue;
      taken.add(index);
      const pair = bits[find];
      if (pair === undefined) continue;
      if (object.ignored === undefined) pair[0] |= 1 << bit;
      else pair[1] |= 1 << bit;
    }
  }
  return bits;
}

/** The object that overlaps most, and at least by the threshold; one that counts goes before all others. -1: none. */
function bestObject(
  overlaps: readonly number[],
  objects: readonly Box[],
  taken: ReadonlySet<number>,
  threshold: number,
): number {
  let [best, most] = [-1, Math.min(threshold, 1 - 1e-10)];
  for (const [at, object] of objects.entries()) {
    if (taken.has(at) && object.ignored !== "crowd") continue;
    if (best >= 0 && objects[best]?.ignored === undefined && object.ignored !== undefined) break;
    if ((overlaps[at] ?? 0) < most) continue;
    [best, most] = [at, overlaps[at] ?? 0];
  }
  return best;
}

interface ClassFinds {
  /** [item, objects] */
  readonly objects: readonly (readonly [number, number])[];
  readonly finds: readonly {
    readonly item: number;
    readonly score: number;
    readonly hits: number;
    readonly ignored: number;
  }[];
}

function precisionOver(
  evidence: readonly PictureFinds[],
  thresholds: readonly number[],
  only: number | undefined,
): (counts: ArrayLike<number>) => number {
  const classes = new Map<
    number,
    { objects: [number, number][]; finds: ClassFinds["finds"][number][] }
  >();
  for (const [item, picture] of evidence.entries()) {
    for (const { label, objects, finds } of picture) {
      if (only !== undefined && label !== only) continue;
      const own = classes.get(label) ?? { objects: [], finds: [] };
      classes.set(label, own);
      own.objects.push([item, objects]);
      for (const [score, hits, ignored] of finds) own.finds.push({ item, score, hits, ignored });
    }
  }
  const prepared = [...classes.values()].map(({ objects, finds }) => ({
    objects,
    groups: groupsOf(byScore(finds), thresholds),
  }));
  return (counts) => {
    const values = prepared.flatMap(({ objects, groups }) => {
      const positives = objects.reduce(
        (sum, [item, count]) => sum + count * (counts[item] ?? 0),
        0,
      );
      return positives === 0 ? [] : groups.flatMap((group) => precisions(group, positives, counts));
    });
    return values.reduce((sum, value) => sum + value, 0) / values.length;
  };
}

/** Finds that count at some thresholds, by falling score, and which of them are hits at each of these. */
interface Group {
  readonly items: Int32Array;
  /** Places among the finds. */
  readonly hits: readonly Int32Array[];
}

/** Thresholds that leave out the same finds share the rest: mostly all of them share one list. */
function groupsOf(sorted: ClassFinds["finds"], thresholds: readonly number[]): readonly Group[] {
  const groups = new Map<string, { items: Int32Array; hits: Int32Array[] }>();
  for (const bit of thresholds) {
    const left = sorted.filter(({ ignored }) => ((ignored >> bit) & 1) === 0);
    const out = sorted.flatMap(({ ignored }, at) => (((ignored >> bit) & 1) === 0 ? [] : [at]));
    const key = out.join();
    const items = Int32Array.from(left, ({ item }) => item);
    const group = groups.get(key) ?? { items, hits: [] };
    groups.set(key, group);
    const places = left.flatMap(({ hits }, at) => (((hits >> bit) & 1) === 1 ? [at] : []));
    group.hits.push(Int32Array.from(places));
  }
  return [...groups.values()];
}

/** The average precision at each threshold of a group, by how often each item counts. */
function precisions(
  { items, hits }: Group,
  positives: number,
  counts: ArrayLike<number>,
): number[] {
  // Finds up to each place, repeats counted.
  const found = new Float64Array(items.length);
  let all = 0;
  for (let at = 0; at < items.length; at += 1) {
    all += counts[items[at] ?? -1] ?? 0;
    found[at] = all;
  }
  return hits.map((places) => {
    const [recalls, values]: [number[], number[]] = [[], []];
    let right = 0;
    // A miss lowers the precision at a recall that is reached already: hits alone decide.
    for (const place of places) {
      const times = counts[items[place] ?? -1] ?? 0;
      if (times === 0) continue;
      right += times;
      recalls.push(right / positives);
      values.push(right / (found[place] ?? Number.NaN));
    }
    return atPoints(recalls, values);
  });
}
