import type { Graph } from "../graph/graph.ts";
import { inferShapes } from "../graph/shapes/infer.ts";
import { elementCount } from "../graph/tensor.ts";

/** A value inside both networks by which one is led to the other. */
export interface FeaturePair {
  readonly name: string;
  /** Same shape in both: compared number by number. Otherwise by where the network looks, whatever its width. */
  readonly compare: "values" | "attention";
}

const MOST = 4;

/**
 * Values that two networks have in common (surgery keeps names) and that say most about them: the sums behind their residual
 * branches, or, where there are none, what their activations give. At each resolution the last one counts, since all earlier
 * ones lead to it; at most four, spread evenly.
 */
export function featurePairs(student: Graph, teacher: Graph): FeaturePair[] {
  const [own, other] = [student, teacher].map((graph) => inferShapes(graph, { batch: 2 }));
  const there = new Set(teacher.nodes.flatMap((node) => node.outputs));
  const candidates = (opTypes: ReadonlySet<string>): FeaturePair[] =>
    student.nodes.flatMap((node): FeaturePair[] => {
      const [name = ""] = node.outputs;
      if (!opTypes.has(node.opType) || !there.has(name)) return [];
      const compare = comparable(own?.resolved(name) ?? [], other?.resolved(name) ?? []);
      return compare === null ? [] : [{ name, compare }];
    });
  const sums = candidates(new Set(["Add"]));
  const all = sums.length > 0 ? sums : candidates(new Set(["Relu", "Clip", "HardSwish", "Gelu"]));
  const bySize = new Map<string, FeaturePair[]>();
  for (const pair of all) {
    const shape = own?.resolved(pair.name) ?? [];
    const key = shape.length === 3 ? "tokens" : String(shape.slice(2));
    bySize.set(key, [...(bySize.get(key) ?? []), pair]);
  }
  const lasts =
    bySize.size > 1
      ? [...bySize.values()].map((pairs) => pairs.at(-1))
      : [...bySize.values()].flat();
  const present = lasts.filter((pair) => pair !== undefined);
  if (present.length <= MOST) return present;
  return Array.from(
    { length: MOST },
    (_, at) => present[Math.round(((at + 1) * present.length) / MOST) - 1],
  ).filter((pair) => pair !== undefined);
}

/** How two values of these shapes at batch 2 can be compared; null where they can't. */
function comparable(
  shape: readonly number[],
  wanted: readonly number[],
): FeaturePair["compare"] | null {
  if (shape.length < 3 || shape.length !== wanted.length || shape[0] !== 2) return null;
  if (elementCount(shape.slice(1)) < 2) return null;
  if (String(shape) === String(wanted)) return "values";
  // Only the channels may differ: axis 1 of images, the last one of tokens.
  const channels = shape.length === 3 ? 2 : 1;
  const rest = (extents: readonly number[]): string =>
    String(extents.filter((_, axis) => axis !== channels));
  return rest(shape) === rest(wanted) ? "attention" : null;
}
