/**
 * Convolutions in the runtime's blocked memory layout (NCHWc: channels in groups of 8 or 16 lie side by side), which it
 * chooses by itself only where weights are constant. Faster by a third and more, and undocumented: the block's size depends
 * on the processor, and a wrong one gives wrong numbers silently. So `block-size.ts` measures it, and nobody else may guess.
 */
import { attributesFrom } from "../graph/build.ts";
import {
  type Graph,
  intAttribute,
  intsAttribute,
  type Node,
  stringAttribute,
} from "../graph/graph.ts";
import { inferShapes, type Shapes } from "../graph/shapes/infer.ts";
import { elementCount, intTensor } from "../graph/tensor.ts";
import { topologicalOrder } from "../graph/traversal.ts";
import type { Attributes } from "./emitter.ts";

const LARGEST_KERNEL = 121;
const DOMAIN = "com.microsoft.nchwc";

/**
 * The graph with its convolutions in the blocked layout, each between a pair of conversions; values keep their names and
 * their usual layout. Requires a graph whose shapes are known, at most once.
 * @param block channels per block, as `convolutionBlock` measures it on this machine
 */
export function blockedConvolutions(graph: Graph, block: number): Graph {
  const shapes = inferShapes(graph);
  const initializers = new Map(graph.initializers);
  const ints = (values: readonly number[]): string => {
    const name = `blocked/ints_${values.join("_")}`;
    initializers.set(name, intTensor([values.length], values));
    return name;
  };
  const context: Blocking = { block, shapes, ints, reordered: new Map() };
  const nodes = graph.nodes.flatMap((node) => blockedNodes(node, context) ?? [node]);
  if (nodes.length === graph.nodes.length) return graph;
  const opsets = new Map([...graph.opsets, [DOMAIN, 1]]);
  return { ...graph, nodes: topologicalOrder(nodes), initializers, opsets };
}

interface Blocking {
  readonly block: number;
  readonly shapes: Shapes;
  /** Stores a list; returns its name. */
  readonly ints: (values: readonly number[]) => string;
  /** Values that are there in the blocked layout already. */
  readonly reordered: Map<string, string>;
}

/** What a convolution becomes; null where it has no blocked form. */
function blockedNodes(node: Node, context: Blocking): readonly Node[] | null {
  if (node.domain !== "" || node.opType !== "Conv") return null;
  const [x = "", weight = ""] = node.inputs;
  const { shapes, block } = context;
  const [input, kernel] = [shapes.resolved(x), shapes.resolved(weight)];
  if (input?.length !== 4 || kernel === null || shapes.of(x)?.type !== "float32") return null;
  const depthwise = isDepthwise(node, kernel);
  const [outputs = 1, perGroup = 1] = kernel;
  const aligned = outputs % block === 0 && (depthwise || perGroup % block === 0);
  // Kernels beyond that are gradients in a kernel's place: turning them into blocks costs more than it saves.
  if (elementCount(kernel.slice(2)) > LARGEST_KERNEL) return null;
  if (!aligned || (intAttribute(node, "group", 1) > 1 && !depthwise)) return null;
  const [output = ""] = node.outputs;
  const inside = `${output}/blocked`;
  const before = blockedInput(x, context);
  const filter = blockedFilter(weight, output, kernel, depthwise, context);
  const convolution: Node = {
    ...node,
    domain: DOMAIN,
    inputs: [before.name, filter.name, ...node.inputs.slice(2)],
    outputs: [inside],
    attributes: attributesOf(node, kernel),
  };
  const after = plain(`${output}/unblock`, "ReorderOutput", [inside], output, DOMAIN, {
    channels: outputs,
  });
  return [...before.nodes, ...filter.nodes, convolution, after];
}

function isDepthwise(node: Node, [outputs = 1, perGroup = 1]: readonly number[]): boolean {
  return perGroup === 1 && outputs === intAttribute(node, "group", 1) && outputs > 1;
}

interface Made {
  readonly name: string;
  readonly nodes: readonly Node[];
}

function blockedInput(x: string, { reordered }: Blocking): Made {
  const known = reordered.get(x);
  if (known !== undefined) return { name: known, nodes: [] };
  const name = `${x}/block`;
  reordered.set(x, name);
  return { name, nodes: [plain(name, "ReorderInput", [x], name, DOMAIN)] };
}

// Outputs and inputs in blocks, the kernel's positions between them: [O/b, I/b, height, width, b of I, b of O].
function blockedFilter(
  weight: string,
  output: string,
  kernel: readonly number[],
  depthwise: boolean,
  { block, ints }: Blocking,
): Made {
  const [outputs = 1, perGroup = 1, height = 1, width = 1] = kernel;
  const inner = depthwise ? 1 : block;
  const apart = [outputs / block, block, perGroup / inner, inner, height, width];
  const [split, turned, filter] = [`${output}/split`, `${output}/turned`, `${output}/filter`];
  const perm = [0, 2, 4, 5, 3, 1];
  const nodes = [
    plain(split, "Reshape", [weight, ints(apart)], split),
    plain(turned, "Transpose", [split], turned, "", { perm }),
    plain(filter, "Reshape", [turned, ints(kernel)], filter),
  ];
  return { name: filter, nodes };
}

function plain(
  name: string,
  opType: string,
  inputs: readonly string[],
  output: string,
  domain = "",
  attributes: Attributes = {},
): Node {
  return {
    name,
    opType,
    domain,
    inputs,
    outputs: [output],
    attributes: attributesFrom(attributes),
  };
}

function attributesOf(node: Node, kernel: readonly number[]): Node["attributes"] {
  return attributesFrom({
    group: intAttribute(node, "group", 1),
    kernel_shape: kernel.slice(2),
    strides: intsAttribute(node, "strides", [1, 1]),
    dilations: intsAttribute(node, "dilations", [1, 1]),
    auto_pad: stringAttribute(node, "auto_pad", "NOTSET"),
    pads: intsAttribute(node, "pads", [0, 0, 0, 0]),
  });
}
