/** A network as statements of PyTorch, each with the module that it belongs to. */
import { typeOfCode } from "../../../graph/data-type.ts";
import { type Extent, type Graph, intAttribute, type Node } from "../../../graph/graph.ts";
import type { Op } from "../../../graph/op.ts";
import { opOf } from "../../../graph/read-op.ts";
import { inferShapes, type Shapes } from "../../../graph/shapes/infer.ts";
import type { Member, Statement } from "../pieces.ts";
import { text, tight, use } from "../pieces.ts";
import { emit, type Lowering, resolved, unsupported } from "./context.ts";
import { elementwise, matMul, reduce, softmax, unary } from "./elementwise.ts";
import {
  batchNorm,
  conv,
  convTranspose,
  gemm,
  layerNorm,
  layerNorm2d,
  linear,
  otherNorm,
  prelu,
} from "./layers.ts";
import {
  concat,
  expand,
  gather,
  reshape,
  slice,
  spaceDepth,
  split,
  squeeze,
  tile,
  transpose,
} from "./layout.ts";
import { findPatterns, type Pattern } from "./patterns.ts";
import { globalPool, pad, pool, resize } from "./window.ts";

export interface Lowered {
  readonly statements: readonly Statement[];
  readonly members: ReadonlyMap<string, Member>;
  /** The value behind each output of the network. */
  readonly outputs: readonly string[];
  readonly shapeOf: (name: string) => readonly Extent[] | null;
}

/**
 * The statements of a network in its own order. What only computes sizes is gone: shapes are known but for the batch.
 * @throws InputError `pytorch/unsupported-op`
 */
export function lower(graph: Graph): Lowered {
  const shapes = inferShapes(graph);
  const lowering: Lowering = {
    graph,
    shapes,
    statements: [],
    members: new Map(),
    aliases: new Map(),
    scopes: new Map(),
    computed: [],
    memberByTensors: new Map(),
  };
  const { at, inside } = findPatterns(graph);
  const needed = neededNodes(graph, shapes);
  for (const node of graph.nodes) {
    if (!needed.has(node)) continue;
    const pattern = at.get(node);
    if (pattern !== undefined && lowerPattern(lowering, node, pattern)) continue;
    if (!inside.has(node)) lowerNode(lowering, node, opOf(node, graph, shapes.constant));
  }
  return {
    statements: lowering.statements,
    members: lowering.members,
    outputs: graph.outputs.map((value) => resolved(lowering, value.name)),
    shapeOf: (name) => shapes.of(name)?.shape ?? null,
  };
}

/** Inputs beyond the first hold sizes, bounds or axes. */
const FIRST_ONLY: ReadonlySet<string> = new Set(
  "Reshape Expand Slice Pad Resize Upsample Clip Dropout Tile Squeeze Unsqueeze Split Flatten Cast".split(
    " ",
  ),
);

/** The nodes whose outputs the network's outputs are computed from, as opposed to sizes. */
function neededNodes(graph: Graph, shapes: Shapes): ReadonlySet<Node> {
  const wanted = new Set(graph.outputs.map((value) => value.name));
  const needed = new Set<Node>();
  for (const node of [...graph.nodes].reverse()) {
    if (!node.outputs.some((name) => wanted.has(name)) || node.opType === "Constant") continue;
    if (isKnown(shapes, node.outputs[0] ?? "")) continue;
    needed.add(node);
    const sizes = FIRST_ONLY.has(node.opType) || node.opType.startsWith("Reduce");
    for (const name of sizes ? node.inputs.slice(0, 1) : node.inputs) wanted.add(name);
  }
  return needed;
}

// Whole numbers that are known, and single numbers of any type, are written where they are used.
function isKnown(shapes: Shapes, name: string): boolean {
  const values = shapes.constant(name);
  const type = shapes.of(name)?.type ?? "";
  return values !== null && (/int|bool/.test(type) || values.length === 1);
}

function lowerPattern(lowering: Lowering, node: Node, pattern: Pattern): boolean {
  switch (pattern.kind) {
    case "linear":
      return linear(lowering, node, pattern.parts);
    case "layerNorm2d":
      return layerNorm2d(lowering, pattern.norm, pattern.input, node.outputs[0] ?? "");
    case "activation": {
      const input = resolved(lowering, pattern.input);
      const module = { gelu: "GELU", silu: "SiLU", hardswish: "Hardswish" }[pattern.name];
      emit(lowering, node, {
        text: text`F.${[pattern.name]}(${use(input)})`,
        inputs: [input],
        module: [`nn.${module}()`],
      });
      return true;
    }
    default:
      return pattern satisfies never;
  }
}

function lowerNode(lowering: Lowering, node: Node, op: Op): void {
  switch (op.kind) {
    case "conv":
      return conv(lowering, node, op);
    case "convTranspose":
      return convTranspose(lowering, node, op);
    case "gemm":
      return gemm(lowering, node, op);
    case "matMul":
      return matMul(lowering, node);
    case "batchNorm":
      return batchNorm(lowering, node, op);
    case "layerNorm":
      return layerNorm(lowering, node, op);
    case "instanceNorm":
    case "groupNorm":
      return otherNorm(lowering, node, op);
    case "pool":
      return pool(lowering, node, op);
    case "globalPool":
      return globalPool(lowering, node, op);
    case "reduce":
      return reduce(lowering, node, op);
    case "softmax":
      return softmax(lowering, node, op);
    case "unary":
      return unary(lowering, node, op.function);
    case "elementwise":
      return op.function === "PRelu"
        ? prelu(lowering, node)
        : elementwise(lowering, node, op.function);
    default:
      return lowerLayout(lowering, node, op);
  }
}

function lowerLayout(lowering: Lowering, node: Node, op: Op): void {
  switch (op.kind) {
    case "reshape":
    case "flatten":
      return reshape(lowering, node);
    case "transpose":
      return transpose(lowering, node, op);
    case "slice":
      return slice(lowering, node, op);
    case "concat":
      return concat(lowering, node, op);
    case "split":
      return split(lowering, node, op);
    case "gather":
      return gather(lowering, node, op);
    case "expand":
      return expand(lowering, node);
    case "squeeze":
    case "unsqueeze":
      return squeeze(lowering, node, op);
    case "tile":
      return tile(lowering, node, op);
    case "pad":
      return pad(lowering, node, op);
    case "resize":
      return resize(lowering, node, op);
    case "depthToSpace":
    case "spaceToDepth":
      return spaceDepth(lowering, node, op);
    case "cast":
      return cast(lowering, node);
    default:
      throw unsupported(node, "there is no rule for it");
  }
}

const TORCH_TYPES: ReadonlyMap<string, string> = new Map([
  ["float32", "float32"],
  ["float64", "float64"],
  ["int64", "int64"],
  ["int32", "int32"],
  ["bool", "bool"],
  ["uint8", "uint8"],
]);

function cast(lowering: Lowering, node: Node): void {
  const input = resolved(lowering, node.inputs[0] ?? "");
  const to = typeOfCode(intAttribute(node, "to", 0));
  if (lowering.shapes.of(node.inputs[0] ?? "")?.type === to) {
    lowering.aliases.set(node.outputs[0] ?? "", input);
    return;
  }
  const type = TORCH_TYPES.get(to);
  if (type === undefined) throw unsupported(node, `it makes ${to}`);
  emit(lowering, node, { text: text`${tight(input)}.to(torch.${[type]})`, inputs: [input] });
}
