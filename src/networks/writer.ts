import { randomFrom } from "../core/random.ts";
import { type AttributeLiteral, type GraphBuilder, graphBuilder } from "../graph/build.ts";
import type { DataType, Extent, Graph } from "../graph/graph.ts";
import { elementCount, floatTensor, intTensor } from "../graph/tensor.ts";

/** Writes a network with initial weights. Names of nodes and weights begin with the path that is given. */
export interface NetworkWriter {
  readonly input: (name: string, shape: readonly Extent[], type?: DataType) => string;
  /** Makes a value an output under a name of its own. */
  readonly output: (name: string, value: string, shape: readonly Extent[]) => void;
  /** One node, `<path>/<op type>`; returns its output, which has the same name. */
  readonly node: (
    path: string,
    opType: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, AttributeLiteral>>,
  ) => string;
  /** Weights drawn evenly from -bound to bound. */
  readonly weights: (path: string, shape: readonly number[], bound: number) => string;
  readonly constant: (path: string, shape: readonly number[], value: number) => string;
  readonly floats: (path: string, values: readonly number[]) => string;
  readonly integers: (path: string, values: readonly number[]) => string;
  readonly graph: () => Graph;
}

/**
 * A writer for opset 17. Weights are a pure function of the seed and of the order in which they are asked for: uniform numbers,
 * so that no platform's logarithm or cosine decides a bit. A path that was written is used again, so that towers can share weights.
 */
export function networkWriter(name: string, seed: number): NetworkWriter {
  const b: GraphBuilder = graphBuilder({ opset: 17, name });
  const random = randomFrom(seed);
  const stored = new Set<string>();
  const once = (path: string, write: () => void): string => {
    if (!stored.has(path)) write();
    stored.add(path);
    return path;
  };
  return {
    input: (input, shape, type = "float32") => b.input(input, shape, type),
    output: (output, value, shape) => {
      b.node("Identity", [value], { name: output, outputs: [output] });
      b.output(output, shape);
    },
    node: (path, opType, inputs, attributes = {}) => {
      const name = `${path}/${opType}`;
      return b.node(opType, inputs, { name, outputs: [name], attributes });
    },
    weights: (path, shape, bound) =>
      once(path, () => {
        const draw = (): number => (2 * random.next() - 1) * bound;
        b.tensor(
          path,
          floatTensor(shape, Float32Array.from({ length: elementCount(shape) }, draw)),
        );
      }),
    constant: (path, shape, value) =>
      once(path, () => {
        b.tensor(path, floatTensor(shape, new Float32Array(elementCount(shape)).fill(value)));
      }),
    floats: (path, values) =>
      once(path, () => {
        b.tensor(path, floatTensor([values.length], values));
      }),
    integers: (path, values) =>
      once(path, () => {
        b.tensor(path, intTensor([values.length], values));
      }),
    graph: () => b.graph(),
  };
}
