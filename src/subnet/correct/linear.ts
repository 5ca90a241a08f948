import type { Graph, Node } from "../../graph/graph.ts";
import type { Op } from "../../graph/op.ts";
import { opOf } from "../../graph/read-op.ts";
import { consumersOf } from "../../graph/traversal.ts";

/**
 * A layer as a linear map of the values around each output position: `output = W patch + bias`, group by group.
 * `patch` holds `inputs` channels of a window for a convolution and one row for a matrix.
 */
export interface LinearLayer {
  readonly node: Node;
  readonly kind: "conv" | "gemm" | "matMul";
  readonly input: string;
  readonly output: string;
  readonly weight: string;
  readonly groups: number;
  /** Input channels of one group. */
  readonly inputs: number;
  /** Output channels of one group. */
  readonly outputs: number;
  /** Weights per output channel: input channels times the window. */
  readonly unknowns: number;
  /** How the weight lies: rows of `unknowns` per output channel, or columns. */
  readonly rows: boolean;
  readonly window: ConvWindow | null;
}

/** Two spatial axes; `pads` top, left. */
export interface ConvWindow {
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  readonly pads: readonly [number, number];
}

/** A layer that least squares can't correct, and why, for people. */
export interface Uncorrected {
  readonly reason: string;
}

/**
 * The node as a linear map.
 * @param shapeOf resolved shapes at some batch
 */
export function linearLayer(
  graph: Graph,
  node: Node,
  shapeOf: (name: string) => readonly number[] | null,
): LinearLayer | Uncorrected {
  const [input = "", weight = ""] = node.inputs;
  const [output = ""] = node.outputs;
  const tensor = graph.initializers.get(weight);
  if (tensor === undefined) return { reason: "its weight is no initializer of its own" };
  if (tensor.type !== "float32") return { reason: `its weight is ${tensor.type}, not float32` };
  if ((consumersOf(graph).get(weight) ?? []).length !== 1)
    return { reason: "its weight is shared with another layer" };
  const op = opOf(node, graph);
  const base = { node, input, output, weight };
  const [first = 0, second = 0] = tensor.shape;
  switch (op.kind) {
    case "conv": {
      const window = windowOf(op, shapeOf(input), shapeOf(output));
      if (window === null) return { reason: "only convolutions over two axes are corrected" };
      const [kernelHeight, kernelWidth] = window.kernel;
      const unknowns = second * kernelHeight * kernelWidth;
      const shape = { groups: op.group, inputs: second, outputs: first / op.group };
      return { ...base, kind: "conv", ...shape, unknowns, rows: true, window };
    }
    case "gemm": {
      if (op.alpha !== 1 || op.beta !== 1 || op.transA)
        return { reason: "it is scaled or transposed" };
      const [inputs, outputs] = op.transB ? [second, first] : [first, second];
      const shape = { groups: 1, inputs, outputs, unknowns: inputs };
      return { ...base, kind: "gemm", ...shape, rows: op.transB, window: null };
    }
    case "matMul": {
      if (tensor.shape.length !== 2) return { reason: "its weight is no matrix" };
      const shape = { groups: 1, inputs: first, outputs: second, unknowns: first };
      return { ...base, kind: "matMul", ...shape, rows: false, window: null };
    }
    default:
      return { reason: `${node.opType} is not corrected` };
  }
}

function windowOf(
  op: Extract<Op, { kind: "conv" }>,
  input: readonly number[] | null,
  output: readonly number[] | null,
): ConvWindow | null {
  const kernel = pairOf(op.kernelShape);
  const strides = pairOf(op.strides);
  const dilations = pairOf(op.dilations);
  if (kernel === null || strides === null || dilations === null) return null;
  if (op.autoPad === "VALID") return { kernel, strides, dilations, pads: [0, 0] };
  const [top = 0, left = 0] = op.pads;
  if (op.autoPad === "NOTSET") return { kernel, strides, dilations, pads: [top, left] };
  const begin = (axis: 0 | 1): number => {
    const reach = (kernel[axis] - 1) * dilations[axis] + 1;
    const covered = ((output?.[axis + 2] ?? 1) - 1) * strides[axis] + reach;
    const padding = Math.max(covered - (input?.[axis + 2] ?? 0), 0);
    return op.autoPad === "SAME_UPPER" ? Math.floor(padding / 2) : Math.ceil(padding / 2);
  };
  return { kernel, strides, dilations, pads: [begin(0), begin(1)] };
}

function pairOf(list: readonly number[] | null): readonly [number, number] | null {
  const [first, second, ...more] = list ?? [];
  return first === undefined || second === undefined || more.length > 0 ? null : [first, second];
}
