import type { Graph } from "../../graph/graph.ts";
import { moduleTensor } from "../module/module-tensors.ts";
import type { PyTorchModule } from "../module/module-text.ts";

/** A parameter whose zeros are to stay while it is trained. */
export interface SparseParameter {
  readonly key: string;
  readonly zeros: number;
}

/** From this share of zeros on, a weight was made sparse: single zeros occur by chance, and in what was initialised with them. */
const SPARSE = 0.05;

/** Weights of two and more axes that have many zeros, and other values besides. */
export function sparseParameters(
  graph: Graph,
  parameters: PyTorchModule["parameters"],
): readonly SparseParameter[] {
  return parameters.flatMap((parameter) => {
    const { key, type, shape, buffer } = parameter;
    if (type !== "float32" || shape.length < 2 || buffer) return [];
    const { values } = moduleTensor(graph, parameter);
    let zeros = 0;
    for (const value of values) if (Number(value) === 0) zeros += 1;
    const isSparse = zeros >= SPARSE * values.length && zeros < values.length;
    return isSparse ? [{ key, zeros }] : [];
  });
}
