/** A network as statements of PyTorch, each with the module that it belongs to. */
import { typeOfCode } from "../../../graph/data-type.ts";
import { type Extent, type Graph, intAttribute, type Node } from "../../../graph/graph.ts";
import type { Op, OpKind } from "../../../graph/op.ts";
import { dataInputs } from "../../../graph/op-traits.ts";
import { opOf } from "../../../graph/read-op.ts";
import { inferShapes, type Shapes } from "../../../graph/shapes/infer.ts";
import type { Member, Statement } from "../pieces.ts";
import { text, tight, use } from "../pieces.ts";
import { emit, type Lowering, resolved, unsupported } from "./context.ts";
import { elementwise, unary } from "./elementwise.ts";
import { gather, slice } from "./indexing.ts";
import { conv, convTranspose, gemm, linear, prelu } from "./layers.ts";
import { concat, expand, reshape, spaceDepth, split, squeeze, tile, transpose } from "./layout.ts";
import { batchNorm, layerNorm, layerNorm2d, otherNorm } from "./norms.ts";
import { findPatterns, type Pattern } from "./patterns.ts";
import { matMul, reduce, softmax } from "./products.ts";
import { globalPool, pad, pool, resize } from "./window.ts";

export interface Lowered {
  readonly statements: readonly Statement[];
  readonly members: ReadonlyMap<string, Member>;
  readonly inputs: readonly string[];
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
    inputs: graph.inputs.map((value) => value.name),
    outputs: graph.outputs.map((value) => resolved(lowering, value.name)),
    shapeOf: (name) => shapes.of(name)?.shape ?? null,
  };
}

/** The nodes whose outputs the network's outputs are computed from, as opposed to sizes. */
function neededNodes(graph: Graph, shapes: Shapes): ReadonlySet<Node> {
  const wanted = new Set(graph.outputs.map((value) => value.name));
  const needed = new Set<Node>();
  for (const node of [...graph.nodes].reverse()) {
    if (!node.outputs.some((name) => wanted.has(name)) || node.opType === "Constant") continue;
    if (isKnown(shapes, node.outputs[0] ?? "")) continue;
    needed.add(node);
    for (const name of dataInputs(node)) wanted.add(name);
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

type Lower<Kind extends OpKind> = (
  lowering: Lowering,
  node: Node,
  op: Extract<Op, { kind: Kind }>,
) => void;

/** "none": PyTorch has no module or function that does the same, or nobody wrote it yet. */
const LOWERS = {
  conv,
  convTranspose,
  gemm,
  matMul,
  batchNorm,
  layerNorm,
  instanceNorm: otherNorm,
  groupNorm: otherNorm,
  lrn: "none",
  pool,
  globalPool,
  reduce,
  softmax,
  unary: (lowering, node, op) => {
    unary(lowering, node, op.function);
  },
  elementwise: (lowering, node, op) => {
    if (op.function === "PRelu") prelu(lowering, node);
    else elementwise(lowering, node, op.function);
  },
  reshape,
  flatten: reshape,
  transpose,
  slice,
  concat,
  split,
  gather,
  expand,
  squeeze,
  unsqueeze: squeeze,
  tile,
  pad,
  resize,
  depthToSpace: spaceDepth,
  spaceToDepth: spaceDepth,
  cast,
  scatter: "none",
  range: "none",
  // What these compute is known, and written where it is used.
  shape: "none",
  size: "none",
  constant: "none",
  constantOfShape: "none",
  einsum: "none",
  quantize: "none",
  dequantize: "none",
  along: "none",
  control: "none",
  fixed: "none",
  opaque: "none",
} as const satisfies { readonly [Kind in OpKind]: Lower<Kind> | "none" };

/** Whether ops of this kind can be written as PyTorch. */
export function canLower(kind: OpKind): boolean {
  return LOWERS[kind] !== "none";
}

function lowerNode(lowering: Lowering, node: Node, op: Op): void {
  const entry = LOWERS[op.kind];
  if (entry === "none") throw unsupported(node, "there is no rule for it");
  // The key names the member of the union, which the table's own type has proven.
  const rule = entry as (lowering: Lowering, node: Node, op: Op) => void;
  rule(lowering, node, op);
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
