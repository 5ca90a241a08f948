import { randomFrom } from "../../core/random.ts";
import type { Graph, Tensor } from "../../graph/graph.ts";

/**
 * The graph with every float weight moved to a neighbouring float, up or down by chance. A computation in floating point
 * is an exact one with weights moved by about that much (Wilkinson's backward error), so how far outputs move says what
 * floating point can say there.
 */
export function withWeightsRounded(graph: Graph, seed: number): Graph {
  const initializers = new Map(
    [...graph.initializers].map(([name, tensor], index) => [name, rounded(tensor, seed + index)]),
  );
  return { ...graph, initializers };
}

function rounded(tensor: Tensor, seed: number): Tensor {
  const { type, shape, byteLength } = tensor;
  if (type !== "float32") return tensor;
  const bytes = (): Uint8Array => {
    const copy = Uint8Array.from(tensor.bytes());
    moveWords(new Int32Array(copy.buffer), seed);
    return copy;
  };
  return { type, shape, byteLength, bytes };
}

const EXPONENT = 0x7f80_0000;

/** The next float up or down is the next integer up or down; zeros, infinities and NaN stay. */
function moveWords(words: Int32Array, seed: number): void {
  const random = randomFrom(seed);
  let bits = 0;
  for (let index = 0; index < words.length; index += 1) {
    if (index % 24 === 0) bits = random.integer(2 ** 24);
    const word = words[index] ?? 0;
    if ((word & 0x7fff_ffff) > 1 && (word & EXPONENT) !== EXPONENT) {
      words[index] = word + ((bits & 1) === 0 ? 1 : -1);
    }
    bits >>= 1;
  }
}
