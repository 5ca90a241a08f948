import { type Graph, nodeId } from "../../graph/graph.ts";
import { inferShapes } from "../../graph/shapes/infer.ts";
import { elementCount } from "../../graph/tensor.ts";
import { fixedBatchOf } from "../../runtime/bind-feeds.ts";
import type { Recipe } from "../../training/recipe.ts";

/** Bytes that a training step's values may take. */
const MEMORY = 2 ** 31;
/** A step keeps every value, its gradient, and as much again of what backward rules write between. */
const COPIES = 3;
/** Samples that a step of the optimiser looks at where the network takes few at a time. */
const STEP = 32;

/**
 * The recipe with batches that the network, the data and the memory allow, where nobody chose a batch: what the network fixes; else at most half of the samples,
 * so that an epoch has two steps, and so few that the values of a step fit in 2 GiB. Gradients of smaller batches are summed up to 32 samples where there are so many.
 * @returns the recipe, and what was changed as a sentence; null where nothing was
 */
export function withFittingBatch(
  recipe: Recipe,
  graph: Graph,
  samples: number,
): { readonly recipe: Recipe; readonly note: string | null } {
  const wanted = Math.max(...recipe.batch);
  const half = Math.max(1, Math.floor(samples / 2));
  const fixed = fixedBatchOf(graph.inputs);
  const held = Math.max(1, Math.floor(MEMORY / (COPIES * bytesPerSample(graph))));
  const batch = fixed ?? Math.min(wanted, half, held);
  if (batch === wanted && recipe.batch.length === 1) return { recipe, note: null };
  const accumulate = Math.max(1, Math.floor(Math.min(STEP, half) / batch));
  const reason =
    fixed !== null
      ? "the network's batch is fixed"
      : batch === half
        ? `there are ${samples} to train on`
        : "more would not fit in 2 GiB";
  const summed = accumulate === 1 ? "" : `, ${batch * accumulate} per step of the optimiser`;
  return {
    recipe: { ...recipe, batch: [batch], accumulate },
    note: `Trained on ${batch} sample${batch === 1 ? "" : "s"} at a time${summed}: ${reason}.`,
  };
}

function bytesPerSample(graph: Graph): number {
  const fixed = fixedBatchOf(graph.inputs) ?? 1;
  const shapes = inferShapes(graph, { batch: fixed });
  const bytes = graph.nodes.reduce(
    (sum, node) => sum + 4 * elementCount(shapes.resolved(nodeId(node)) ?? [0]),
    0,
  );
  return Math.max(1, bytes / fixed);
}
