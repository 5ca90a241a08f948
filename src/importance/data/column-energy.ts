/**
 * How much the columns of queries and keys say. No layer reads them, so that what layers lose without them can't be told; their part
 * in the products is
 *
 *     score of column c = sum over heads h of sqrt(mean q_hc^2 * mean k_hc^2)
 *
 * over samples and positions: in the basis of `mdp rebase` the sum of the heads' singular values.
 */
import { at } from "../../core/at.ts";
import type { Model } from "../../onnx/model.ts";
import type { Structure } from "../../structure/structure.ts";
import { weightOf } from "../../structure/weight-of.ts";
import type { LayerScores } from "../per-unit.ts";
import { addTo, type Collector } from "./collect.ts";
import { extend } from "./extend.ts";
import { feedsOf, openGraph } from "./feed.ts";

/** Scores of the dims that products of activations contract. */
export interface ColumnEnergy extends Collector {
  readonly scores: () => LayerScores;
  readonly close: () => Promise<void>;
}

/** The two sides of a product; squares are summed over all axes but `kept`, the last of which is contracted. */
interface Side {
  readonly total: string;
  readonly sum: Float64Array;
}

/** Null where the network has no product of activations with columns that could go. */
export async function openColumnEnergy(
  model: Model,
  structure: Structure,
  threads: number,
): Promise<ColumnEnergy | null> {
  const { graph } = structure;
  const extension = extend(graph, "mdp_energy");
  const side = (value: string, contracted: number): Side | null => {
    const shape = structure.shapes.of(value);
    if (shape === null) return null;
    const outer = shape.flatMap((_, axis) =>
      axis < shape.length - 2 && structure.axis(value, axis) !== null ? [axis] : [],
    );
    const kept = [...outer, shape.length + contracted];
    const squares = extension.node("Mul", [value, value]);
    // Axes that are kept stay in their order: heads first, then columns.
    const total = extension.output(extension.sumBut(squares, shape.length, kept));
    const length = kept.reduce((product, axis) => product * (shape[axis] ?? 1), 1);
    return { total, sum: new Float64Array(length) };
  };
  const watched = graph.nodes.flatMap((node) => {
    if (node.opType !== "MatMul" || node.domain !== "" || weightOf(graph, node) !== null) return [];
    const [left = "", right = ""] = node.inputs;
    const units = structure.axis(left, (structure.shapes.of(left)?.length ?? 0) - 1);
    const dims = new Set(units?.levels.flatMap((level) => [...level.dims]) ?? []);
    if (units === null || ![...dims].some((dim) => structure.dims[dim]?.pinned === null)) return [];
    const [a, b] = [side(left, -1), side(right, -2)];
    return a === null || b === null ? [] : [{ units, a, b }];
  });
  if (watched.length === 0) return null;
  const session = await openGraph(model, extension.graph(), threads);
  return {
    sums: new Map(
      watched.flatMap(({ a, b }): [string, Float64Array][] => [
        [a.total, a.sum],
        [b.total, b.sum],
      ]),
    ),
    add: async (batch) => {
      const outputs = await session.run(feedsOf(graph, batch));
      for (const each of watched) {
        for (const { total, sum } of [each.a, each.b]) addTo(sum, outputs[total]?.data);
      }
    },
    scores: () => {
      const scores: LayerScores = new Map();
      for (const { units, a, b } of watched) {
        for (const [index, energy] of a.sum.entries()) {
          // Where the sides have other heads, the left one alone tells.
          const other = a.sum.length === b.sum.length ? at(b.sum, index) : energy;
          for (const { dims, units: own } of units.levels) {
            const column = index % units.length;
            const dim = at(dims, column);
            if (dim < 0) continue;
            const list = scores.get(dim) ?? new Float64Array(at(structure.dims, dim).size);
            scores.set(dim, list);
            const unit = at(own, column);
            list[unit] = at(list, unit) + Math.sqrt(energy * other);
          }
        }
      }
      return scores;
    },
    close: () => session.close(),
  };
}
