/** Losses between two modalities' embeddings, appended to a graph as ordinary operations. */
import type { Graph } from "../graph/graph.ts";
import type { Emitter } from "./emitter.ts";
import { appended, type Lossy } from "./losses.ts";
import { add, matMul, matrixTranspose, multiply, reduce, scale, unary } from "./ops.ts";

export interface ContrastiveOptions {
  /** Embeddings of length one, batch x width: row i of both belongs together. */
  readonly left: string;
  readonly right: string;
  /** Similarities are divided by it before softmax; 0.07 unless given. */
  readonly temperature?: number;
}

/**
 * How surely each row finds its partner among the batch, and the partner it (Radford et al., 2103.00020): with S = left right^T /
 * temperature, the mean over i of -(log softmax of row i at i + log softmax of column i at i) / 2.
 *
 * @example
 * const { graph: lossy, loss } = contrastive(graph, { left: "image_embed", right: "text_embed" });
 */
export function contrastive(graph: Graph, options: ContrastiveOptions): Lossy {
  const { left, right, temperature = 0.07 } = options;
  return appended(graph, "loss/contrastive", (e) => {
    const similar = scale(e, matMul(e, left, matrixTranspose(e, right)), 1 / temperature);
    const both = add(
      e,
      unary(e, "LogSoftmax", similar, { axis: 1 }),
      unary(e, "LogSoftmax", similar, { axis: 0 }),
    );
    const [batch = 1] = e.shapeOf(left);
    return scale(
      e,
      reduce(e, "Sum", multiply(e, both, identity(e, batch, left)), [0, 1]),
      -0.5 / batch,
    );
  });
}

/** The identity matrix, of a value's type. */
function identity(e: Emitter, size: number, like: string): string {
  const values = new Float64Array(size * size);
  for (let at = 0; at < size; at += 1) values[at * size + at] = 1;
  return e.floats([size, size], values, e.typeOf(like));
}
