import { at } from "../core/at.ts";
import { type AttributeLiteral, attributesFrom } from "./build.ts";
import { freshNames } from "./fresh-names.ts";
import type { Graph, Node, Tensor } from "./graph.ts";
import { intTensor } from "./tensor.ts";

/** Writes nodes that stand in the place of others. */
export interface NodeWriter {
  /** Version of the standard operator set. */
  readonly opset: number;
  /** A name that nothing has. */
  readonly fresh: (wanted: string) => string;
  /** An initializer; returns its name. */
  readonly tensor: (wanted: string, tensor: Tensor) => string;
  /** A list of whole numbers as an initializer; returns its name. */
  readonly ints: (wanted: string, numbers: readonly number[]) => string;
  /** A node with one output, which is returned: `output` as it is, or a free name like `wanted`. */
  readonly node: (
    opType: string,
    inputs: readonly string[],
    options: { readonly attributes?: Attributes } & (
      | { readonly output: string }
      | { readonly wanted: string }
    ),
  ) => string;
  /** Squeeze or Unsqueeze; from opset 13 on its axes are an input. */
  readonly alongAxes: (
    opType: "Squeeze" | "Unsqueeze",
    input: string,
    axes: readonly number[],
    name: { readonly output: string } | { readonly wanted: string },
  ) => string;
  /** Consecutive parts of an axis; from opset 13 on the sizes are an input. Returns their names. */
  readonly split: (
    input: string,
    axis: number,
    sizes: readonly number[],
    names: readonly string[],
  ) => readonly string[];
  /** Adds a node as it is. */
  readonly push: (node: Node) => void;
  /** The nodes written since the last call. */
  readonly take: () => readonly Node[];
  readonly initializers: ReadonlyMap<string, Tensor>;
}

type Attributes = Readonly<Record<string, AttributeLiteral>>;

/** A writer whose names and initializers don't meet those of the graph. */
export function nodeWriter(graph: Graph): NodeWriter {
  const fresh = freshNames(graph);
  const opset = graph.opsets.get("") ?? 0;
  const initializers = new Map(graph.initializers);
  let written: Node[] = [];
  const tensor: NodeWriter["tensor"] = (wanted, value) => {
    const name = fresh(wanted);
    initializers.set(name, value);
    return name;
  };
  const ints: NodeWriter["ints"] = (wanted, numbers) =>
    tensor(wanted, intTensor([numbers.length], numbers));
  const push = (
    opType: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: Attributes,
  ): void => {
    const name = at(outputs, 0);
    written.push({
      ...{ name, opType, domain: "", inputs, outputs },
      attributes: attributesFrom(attributes),
    });
  };
  const node: NodeWriter["node"] = (opType, inputs, { attributes = {}, ...name }) => {
    const output = "output" in name ? name.output : fresh(name.wanted);
    push(opType, inputs, [output], attributes);
    return output;
  };
  return {
    opset,
    fresh,
    tensor,
    ints,
    node,
    initializers,
    alongAxes: (opType, input, axes, name) => {
      if (opset < 13) return node(opType, [input], { attributes: { axes }, ...name });
      const own = "output" in name ? name.output : name.wanted;
      return node(opType, [input, ints(`${own}_axes`, axes)], name);
    },
    split: (input, axis, sizes, names) => {
      const outputs = names.map(fresh);
      if (opset < 13) push("Split", [input], outputs, { axis, split: sizes });
      else push("Split", [input, ints(`${at(outputs, 0)}_sizes`, sizes)], outputs, { axis });
      return outputs;
    },
    push: (one) => {
      written.push(one);
    },
    take: () => {
      const taken = written;
      written = [];
      return taken;
    },
  };
}
