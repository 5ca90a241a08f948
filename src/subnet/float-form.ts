import { foldableValues } from "../graph/fold/folded.ts";
import type { DataType, Graph, Node, SourcedAttribute, Tensor, Value } from "../graph/graph.ts";
import { nodeId } from "../graph/graph.ts";
import { traitsOf } from "../graph/op-traits.ts";
import { floatsOf } from "../graph/tensor.ts";

/**
 * The network as it computes in float32: activations are not rounded to few bits (their QuantizeLinear and DequantizeLinear pass
 * on what they read; those of weights stay), and numbers of two bytes are four bytes wide, exactly. Two networks that differ by
 * surgery alone agree in this form within the rounding of sums, while rounding to steps would hide or enlarge a difference.
 * Returns the same graph where there is nothing to do.
 */
export function floatForm(graph: Graph): Graph {
  return widened(unrounded(graph));
}

const HALVES: ReadonlySet<DataType | null> = new Set<DataType>(["float16", "bfloat16"]);
const FLOAT_CODE = 1;
const HALF_CODES: ReadonlySet<number> = new Set([10, 16]);

function widened(graph: Graph): Graph {
  let changed = false;
  const value = (each: Value): Value => {
    if (!HALVES.has(each.type)) return each;
    changed = true;
    return { name: each.name, type: "float32", shape: each.shape };
  };
  const attribute = (name: string, each: SourcedAttribute): SourcedAttribute => {
    if (each.kind === "tensor" && HALVES.has(each.value.type)) {
      changed = true;
      return { kind: "tensor", value: wider(each.value) };
    }
    if (
      each.kind === "int" &&
      /^(to|dtype|output_dtype)$/.test(name) &&
      HALF_CODES.has(each.value)
    ) {
      changed = true;
      return { kind: "int", value: FLOAT_CODE };
    }
    if (each.kind !== "graph") return each;
    const inner = widened(each.value);
    if (inner === each.value) return each;
    changed = true;
    return { kind: "graph", value: inner };
  };
  const result: Graph = {
    ...graph,
    inputs: graph.inputs.map(value),
    outputs: graph.outputs.map(value),
    values: graph.values.map(value),
    initializers: new Map(
      [...graph.initializers].map(([name, tensor]) => {
        if (!HALVES.has(tensor.type)) return [name, tensor] as const;
        changed = true;
        return [name, wider(tensor)] as const;
      }),
    ),
    nodes: graph.nodes.map((node): Node => {
      const attributes = [...node.attributes].map(
        ([name, each]) => [name, attribute(name, each)] as const,
      );
      const same = attributes.every(([name, each]) => node.attributes.get(name) === each);
      return same ? node : { ...node, attributes: new Map(attributes) };
    }),
  };
  return changed ? result : graph;
}

function wider(tensor: Tensor): Tensor {
  return {
    type: "float32",
    shape: tensor.shape,
    byteLength: tensor.byteLength * 2,
    bytes: () => {
      const values = floatsOf(tensor);
      return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    },
  };
}

/** Kinds of ops that work on whole numbers of few bits as they do on floats. */
const SHARED: ReadonlySet<string> = new Set([
  ...["reshape", "flatten", "squeeze", "unsqueeze", "transpose", "concat", "split", "slice"],
  ...["gather", "expand", "tile", "pool", "resize", "depthToSpace", "spaceToDepth"],
]);

/** What is known of a quantised value while the pairs are looked for. */
interface Region {
  readonly quantisers: Set<Node>;
}

/** Without the rounding of activations, wherever each value that was rounded only moves before it is a float again. */
function unrounded(graph: Graph): Graph {
  const constants = foldableValues(graph);
  const isActive = (node: Node): boolean => !constants.has(nodeId(node));
  const regionOf = new Map<string, Region>();
  const spoiled = new Set<Node>();
  for (const node of graph.nodes) {
    const kind = traitsOf(node)?.kind;
    if (kind === "quantize" && isActive(node)) {
      regionOf.set(nodeId(node), { quantisers: new Set([node]) });
      continue;
    }
    const read = node.inputs.flatMap((name) => regionOf.get(name) ?? []);
    if (read.length === 0 || kind === "dequantize") continue;
    const quantisers = new Set(read.flatMap((region) => [...region.quantisers]));
    const moves = kind !== undefined && SHARED.has(kind);
    const whole = node.inputs
      .slice(0, kind === "concat" ? undefined : 1)
      .every((name) => regionOf.has(name));
    if (!moves || !whole) for (const quantiser of quantisers) spoiled.add(quantiser);
    else for (const name of node.outputs) regionOf.set(name, { quantisers });
  }
  const isFree = (name: string): boolean => {
    const region = regionOf.get(name);
    return region !== undefined && [...region.quantisers].every((node) => !spoiled.has(node));
  };
  let changed = false;
  const nodes = graph.nodes.map((node): Node => {
    const kind = traitsOf(node)?.kind;
    const [source = ""] = node.inputs;
    const quantises = kind === "quantize" && isFree(nodeId(node));
    if (!quantises && !(kind === "dequantize" && isFree(source))) return node;
    changed = true;
    const { source: _read, ...rest } = node;
    return { ...rest, opType: "Identity", inputs: [source], attributes: new Map() };
  });
  if (!changed) return graph;
  const retyped = (value: Value): Value =>
    isFree(value.name) ? { name: value.name, type: "float32", shape: value.shape } : value;
  return {
    ...graph,
    nodes,
    outputs: graph.outputs.map(retyped),
    values: graph.values.map(retyped),
  };
}
