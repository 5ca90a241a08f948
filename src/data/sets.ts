/** Several data sets as one: a network that reads captions and questions about the same pictures is scored and trained on both. */
import { dirname, resolve } from "node:path";
import { z } from "zod";
import { InputError } from "../core/errors.ts";
import { firstIssues } from "../core/schema.ts";
import { joinedFeeds, type SampleBatch, slicedBatch } from "../runtime/batches.ts";
import { choose } from "./choose.ts";
import type { Dataset } from "./dataset.ts";
import { badSamples } from "./samples-config.ts";

export const SETS_CONFIG = z.strictObject({
  schema: z.literal("mdp-dataset/2"),
  /** Configs of data sets that feed the same inputs, relative to this one's folder. */
  sets: z.array(z.string()).min(2),
});

/** Whether parsed JSON names several data sets. */
export function isSetsConfig(json: unknown): boolean {
  return typeof json === "object" && json !== null && "sets" in json;
}

/** Absolute paths of the sets. @throws InputError `data/bad-config` */
export function readSetsConfig(json: unknown, file: string): readonly string[] {
  const parsed = SETS_CONFIG.safeParse(json);
  if (!parsed.success) throw badSamples(firstIssues(parsed.error), file);
  return parsed.data.sets.map((path) => resolve(dirname(resolve(file)), path));
}

/**
 * The samples of all sets: of sets of one size in turns (sample i of each, then sample i + 1), of others one set behind the other. Targets are kept where every set has
 * the same kind.
 * @throws InputError `data/sets-differ` where they feed different inputs
 */
export function together(sets: readonly Dataset[], path: string): Dataset {
  const [first] = sets;
  if (first === undefined) throw new RangeError("no set");
  const other = sets.find(
    ({ inputs }) => [...inputs].sort().join() !== [...first.inputs].sort().join(),
  );
  if (other !== undefined) {
    throw new InputError({
      code: "data/sets-differ",
      message: `'${first.path}' feeds ${first.inputs.join(", ")}, and '${other.path}' ${other.inputs.join(", ")}.`,
      where: path,
      hint: "Sets that are taken together feed the same inputs.",
    });
  }
  const places = placesIn(sets);
  const sameTarget = sets.every(({ target }) => target === first.target);
  const setOf = (index: number): Dataset => sets[places[index]?.[0] ?? 0] ?? first;
  const own = (index: number): number => places[index]?.[1] ?? -1;
  const samples = async (indices: readonly number[]): Promise<SampleBatch> => {
    const parts = new Array<SampleBatch>(indices.length);
    for (const set of sets) {
      const here = [...indices.keys()].filter((at) => setOf(indices[at] ?? -1) === set);
      if (here.length === 0) continue;
      const read = await set.samples(here.map((at) => own(indices[at] ?? -1)));
      for (const [row, at] of here.entries()) parts[at] = slicedBatch(read, row, row + 1);
    }
    return joined(parts, sameTarget);
  };
  return {
    ...first,
    path,
    count: places.length,
    target: sameTarget ? first.target : null,
    task: sets.every(({ task }) => task === first.task) ? first.task : null,
    labels: Int32Array.from(places, (_, index) =>
      sameTarget ? (setOf(index).labels[own(index)] ?? -1) : -1,
    ),
    names: null,
    samples,
    others: samples,
    isArchive: sets.some(({ isArchive }) => isArchive),
    pixels: async function* (indices) {
      for (const index of indices) {
        for await (const { pixels } of setOf(index).pixels([own(index)])) yield { index, pixels };
      }
    },
    batches: async function* (size, options = {}) {
      const order = choose(places.length, options);
      for (let start = 0; start < order.length; start += size) {
        yield await samples(order.slice(start, start + size));
      }
    },
  };
}

/** Set and index in it of every sample. */
function placesIn(sets: readonly Dataset[]): readonly (readonly [set: number, index: number])[] {
  const all = sets.map(({ count }, set) =>
    Array.from({ length: count }, (_, index) => [set, index] as const),
  );
  const equal = sets.every(({ count }) => count === sets[0]?.count);
  if (!equal) return all.flat();
  return (all[0] ?? []).flatMap((_, index) => all.flatMap((each) => each.slice(index, index + 1)));
}

function joined(parts: readonly SampleBatch[], withTargets: boolean): SampleBatch {
  const names = Object.keys(parts[0]?.feeds ?? {});
  const feeds = Object.fromEntries(
    names.map((name) => [name, joinedFeeds(parts.flatMap(({ feeds: each }) => each[name] ?? []))]),
  );
  const size = parts.length;
  const labels = Int32Array.from(parts, (part) => (withTargets ? (part.labels[0] ?? -1) : -1));
  const targets = parts.flatMap((part) => part.targets ?? []);
  return withTargets && targets.length === size
    ? { size, feeds, labels, targets }
    : { size, feeds, labels };
}
