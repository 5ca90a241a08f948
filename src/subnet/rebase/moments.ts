import type { Graph, Node, Value } from "../../graph/graph.ts";
import { intTensor } from "../../graph/tensor.ts";
import { type Model, withGraph } from "../../onnx/model.ts";
import type { SampleBatch } from "../../runtime/batches.ts";
import { bindFeeds } from "../../runtime/bind-feeds.ts";
import { openModel } from "../../runtime/open-model.ts";
import type { Structure } from "../../structure/structure.ts";
import { findPairs } from "./find-attention.ts";
import { type MomentRoot, momentRoot } from "./head-basis.ts";

/** Second moments of what the layers before attention read: the root of each, with a row for the constant 1 where it is asked. */
export type Roots = (value: string, withOne: boolean) => MomentRoot | null;

/** Runs the samples through the network and sums x x^T over samples and positions, in the runtime. */
export async function momentRoots(
  model: Model,
  structure: Structure,
  batches: AsyncIterable<SampleBatch>,
  threads = 1,
): Promise<Roots> {
  const values = new Set(
    findPairs(structure).flatMap((pair): string[] => {
      if (pair.kind === "refused") return [];
      const makers = pair.kind === "scores" ? [pair.left, pair.right] : [pair.left];
      return makers.map(({ node }) => node.inputs[0] ?? "");
    }),
  );
  const sums = new Map(
    [...values].map((value) => {
      const size = structure.shapes.of(value)?.at(-1) ?? 0;
      return [
        value,
        { size, squares: new Float64Array(size * size), totals: new Float64Array(size), count: 0 },
      ];
    }),
  );
  const session = await openModel(withGraph(model, momentGraph(structure.graph, sums)), {
    threads,
  });
  try {
    for await (const batch of batches) {
      const outputs = await session.run(
        bindFeeds(structure.graph.inputs, batch, structure.graph.name),
      );
      for (const [value, own] of sums) {
        add(own.squares, outputs[`${value}${SQUARES}`]?.data);
        add(own.totals, outputs[`${value}${TOTALS}`]?.data);
        own.count += Number(outputs[`${value}${ROWS}`]?.data[0] ?? 0);
      }
    }
  } finally {
    await session.close();
  }
  return (value, withOne) => {
    const own = sums.get(value);
    if (own === undefined || own.count === 0) return null;
    return withOne
      ? momentRoot(withConstant(own), own.size + 1)
      : momentRoot(own.squares, own.size);
  };
}

const SQUARES = "_mdp_squares";
const TOTALS = "_mdp_totals";
const ROWS = "_mdp_rows";

interface Sums {
  readonly size: number;
  readonly squares: Float64Array;
  readonly totals: Float64Array;
  readonly count: number;
}

/** The moment of (x, 1). */
function withConstant({ size, squares, totals, count }: Sums): Float64Array {
  const wide = new Float64Array((size + 1) ** 2);
  for (let row = 0; row < size; row += 1) {
    wide.set(squares.subarray(row * size, (row + 1) * size), row * (size + 1));
    wide[row * (size + 1) + size] = totals[row] ?? 0;
    wide[size * (size + 1) + row] = totals[row] ?? 0;
  }
  wide[(size + 1) ** 2 - 1] = count;
  return wide;
}

function add(sums: Float64Array, data: ArrayLike<unknown> | undefined): void {
  for (let at = 0; at < sums.length; at += 1) sums[at] = (sums[at] ?? 0) + Number(data?.[at] ?? 0);
}

function momentGraph(graph: Graph, sums: ReadonlyMap<string, Sums>): Graph {
  const nodes: Node[] = [];
  const initializers = new Map(graph.initializers);
  const outputs: Value[] = [];
  const node = (
    opType: string,
    inputs: readonly string[],
    output: string,
    attributes: Node["attributes"] = new Map(),
  ): string => {
    nodes.push({ name: output, opType, domain: "", inputs, outputs: [output], attributes });
    return output;
  };
  for (const [value, { size }] of sums) {
    initializers.set(`${value}_mdp_shape`, intTensor([2], [-1, size]));
    const rows = node("Reshape", [value, `${value}_mdp_shape`], `${value}_mdp_flat`);
    const turned = node("Transpose", [rows], `${value}_mdp_turned`);
    outputs.push({
      name: node("MatMul", [turned, rows], `${value}${SQUARES}`),
      type: "float32",
      shape: null,
    });
    const ones = node("Sub", [rows, rows], `${value}_mdp_zeros`);
    const first = node("Exp", [ones], `${value}_mdp_ones`);
    const totals = node("MatMul", [turned, first], `${value}_mdp_sums`);
    // Each column of the product with ones is the sum over rows.
    initializers.set(`${value}_mdp_first`, intTensor([1], [0]));
    const axis = new Map([["axis", { kind: "int" as const, value: 1 }]]);
    outputs.push({
      name: node("Gather", [totals, `${value}_mdp_first`], `${value}${TOTALS}`, axis),
      type: "float32",
      shape: null,
    });
    const shape = node("Shape", [rows], `${value}_mdp_lengths`);
    outputs.push({
      name: node("Gather", [shape, `${value}_mdp_first`], `${value}${ROWS}`),
      type: "int64",
      shape: null,
    });
  }
  return { ...graph, nodes: [...graph.nodes, ...nodes], initializers, outputs };
}
