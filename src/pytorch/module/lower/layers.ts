/** Ops with weights as layers of torch.nn. */
import { constantOf } from "../../../graph/constants.ts";
import type { Node, Tensor } from "../../../graph/graph.ts";
import type { Op, Window } from "../../../graph/op.ts";
import { elementCount } from "../../../graph/tensor.ts";
import { nodePath, parameterPath } from "../paths.ts";
import { hole, keyword, type MemberTensor, type Text, text, tight, use } from "../pieces.ts";
import { floatLiteral, perAxisLiteral } from "../python-text.ts";
import {
  constantAt,
  emit,
  emitLayer,
  type Lowering,
  member,
  type NewMember,
  operand,
  rankAt,
  resolved,
  tensorOf,
  unsupported,
} from "./context.ts";
import { paddedInput } from "./window.ts";

/** The paths that the names of a layer's tensors or of its node say. */
function pathsOf(
  node: Node,
  tensors: readonly MemberTensor[],
): readonly (readonly string[] | null)[] {
  return [
    ...tensors.map(({ initializer, part }) => parameterPath(initializer, part)),
    nodePath(node),
  ];
}

/** A layer at the first free path that its tensors or its node say, and its call with one value. */
export function addLayer(
  lowering: Lowering,
  node: Node,
  made: Omit<NewMember, "kind">,
  input: string,
  output?: string,
): void {
  const layer = member(lowering, node, pathsOf(node, made.tensors), { kind: "layer", ...made });
  emitLayer(lowering, node, layer, input, output);
}

export function stored(
  node: Node,
  index: number,
  part: string,
  tensor: Tensor,
  rest: Partial<MemberTensor> = {},
): MemberTensor {
  return { part, ...tensorOf(node.inputs[index] ?? "", tensor.shape, rest), ...rest };
}

/** A bias of one element per output in any shape that broadcasts so; null where there is none. */
function biasOf(
  lowering: Lowering,
  node: Node,
  index: number,
  outputs: number,
): MemberTensor | null {
  if ((node.inputs[index] ?? "") === "") return null;
  const bias = constantAt(lowering, node, index);
  if (bias === null || elementCount(bias.shape) !== outputs)
    throw unsupported(node, "its bias is computed");
  return { part: "bias", ...tensorOf(node.inputs[index] ?? "", [outputs]) };
}

export function conv(lowering: Lowering, node: Node, op: Extract<Op, { kind: "conv" }>): void {
  const weight = constantAt(lowering, node, 1);
  const value = resolved(lowering, node.inputs[0] ?? "");
  if (weight === null) throw unsupported(node, "its weight is computed");
  const [to = 0, from = 0] = weight.shape;
  const spatial = weight.shape.length - 2;
  const bias = biasOf(lowering, node, 2, to);
  const tensors = [stored(node, 1, "weight", weight), ...(bias === null ? [] : [bias])];
  const { input, padding } = paddedInput(lowering, node, op, value, "0");
  const made = text`nn.Conv${spatial}d(${hole(from * op.group, "in")}, ${hole(to, "out")}, ${hole(
    perAxisLiteral(weight.shape.slice(2)),
    "kernel_size",
  )}${windowKeywords(op, padding)}${keyword("groups", op.group, 1)}${bias === null ? ", bias=False" : ""})`;
  addLayer(lowering, node, { constructor: made, tensors, fallback: "conv" }, input);
}

function windowKeywords(op: Window, padding: readonly number[]): Text {
  return [
    keyword("stride", perAxisLiteral(op.strides), 1),
    keyword("padding", perAxisLiteral(padding), 0),
    keyword("dilation", perAxisLiteral(op.dilations), 1),
  ];
}

export function convTranspose(
  lowering: Lowering,
  node: Node,
  op: Extract<Op, { kind: "convTranspose" }>,
): void {
  const weight = constantAt(lowering, node, 1);
  if (weight === null) throw unsupported(node, "its weight is computed");
  const spatial = weight.shape.length - 2;
  const padding = op.pads.slice(0, spatial);
  const symmetric = padding.every((pad, axis) => pad === op.pads[axis + spatial]);
  if (!symmetric || op.autoPad !== "NOTSET" || op.outputShape !== null)
    throw unsupported(node, "its padding isn't symmetric");
  const [from = 0, width = 0] = weight.shape;
  const to = width * op.group;
  const bias = biasOf(lowering, node, 2, to);
  const tensors = [stored(node, 1, "weight", weight), ...(bias === null ? [] : [bias])];
  const size = hole(perAxisLiteral(weight.shape.slice(2)), "kernel_size");
  const made = text`nn.ConvTranspose${spatial}d(${hole(from, "in")}, ${hole(to, "out")}, ${size}${windowKeywords(op, padding)}${keyword(
    "output_padding",
    perAxisLiteral(op.outputPadding),
    0,
  )}${keyword("groups", op.group, 1)}${bias === null ? ", bias=False" : ""})`;
  addLayer(
    lowering,
    node,
    { constructor: made, tensors, fallback: "upconv" },
    resolved(lowering, node.inputs[0] ?? ""),
  );
}

/** y = x W + b as nn.Linear: Gemm, and MatMul with an Add of a constant. */
export interface LinearParts {
  /** Name of the weight, and whether it is stored as (inputs, outputs), which nn.Linear has the other way round. */
  readonly weight: string;
  readonly transposed: boolean;
  readonly bias: string | null;
  readonly input: string;
  readonly output: string;
}

export function linear(lowering: Lowering, node: Node, parts: LinearParts): boolean {
  const weight = constantOf(lowering.graph, parts.weight);
  if (weight === null || weight.shape.length !== 2) return false;
  const [rows = 0, columns = 0] = weight.shape;
  const [outputs, inputs] = parts.transposed ? [columns, rows] : [rows, columns];
  const bias = parts.bias === null ? null : constantOf(lowering.graph, parts.bias);
  if (bias !== null && (elementCount(bias.shape) !== outputs || bias.shape.at(-1) !== outputs))
    return false;
  const change = parts.transposed ? "transpose" : "none";
  const input = resolved(lowering, parts.input);
  const tensors: MemberTensor[] = [
    { part: "weight", ...tensorOf(parts.weight, [outputs, inputs], { change }) },
  ];
  if (parts.bias !== null) tensors.push({ part: "bias", ...tensorOf(parts.bias, [outputs]) });
  const bare = /^(.*\.)?(\w+)_bias$/.exec(parts.bias ?? "");
  if (bare !== null && parameterPath(parts.weight, "weight") === null && parts.bias !== null) {
    // As nn.MultiheadAttention names them: bare parameters of the module around, not a layer of their own.
    const path = parameterPath(parts.bias);
    if (path !== null) return functionalLinear(lowering, node, parts, tensors, path, input);
  }
  const made = text`nn.Linear(${hole(inputs, "in")}, ${hole(outputs, "out")}${parts.bias === null ? ", bias=False" : ""})`;
  addLayer(lowering, node, { constructor: made, tensors, fallback: "linear" }, input, parts.output);
  return true;
}

function functionalLinear(
  lowering: Lowering,
  node: Node,
  parts: LinearParts,
  tensors: readonly MemberTensor[],
  biasPath: readonly string[],
  input: string,
): boolean {
  const stem = (biasPath.at(-1) ?? "").replace(/_bias$/, "");
  const members = tensors.map((tensor) => {
    const path = [...biasPath.slice(0, -1), `${stem}_${tensor.part}`];
    const sizes = tensor.shape.map((size) =>
      hole(size, `${stem}_${tensor.part === "bias" ? "out" : "size"}`),
    );
    const listed = sizes.flatMap((piece, index): Text => (index === 0 ? [piece] : [", ", piece]));
    const value: Text =
      tensor.part === "bias"
        ? ["torch.zeros(", ...listed, ")"]
        : ["0.02 * torch.randn(", ...listed, ")"];
    return member(lowering, node, [path], {
      kind: "parameter",
      constructor: ["nn.Parameter(", ...value, ")"],
      tensors: [{ ...tensor, part: "" }],
      fallback: `${stem}_${tensor.part}`,
    });
  });
  const uses = members.flatMap(
    (made): Text => [", ", { kind: "member", path: made.path.join(".") }],
  );
  emit(lowering, node, {
    text: text`F.linear(${use(input)}${uses})`,
    inputs: [input],
    outputs: [parts.output],
  });
  return true;
}

export function gemm(lowering: Lowering, node: Node, op: Extract<Op, { kind: "gemm" }>): void {
  const [a = "", b = "", c = ""] = node.inputs;
  const plain = op.alpha === 1 && (op.beta === 1 || c === "") && !op.transA;
  const bias = c === "" || constantAt(lowering, node, 2) === null ? null : c;
  const parts = {
    weight: b,
    transposed: !op.transB,
    bias,
    input: a,
    output: node.outputs[0] ?? "",
  };
  if (plain && (c === "" || bias !== null) && linear(lowering, node, parts)) return;
  const [left, right] = [operand(lowering, node, 0), operand(lowering, node, 1)];
  const product = text`${left.piece}${op.transA ? ".t()" : ""} @ ${right.piece}${op.transB ? ".t()" : ""}`;
  const scaled = op.alpha === 1 ? product : text`${floatLiteral(op.alpha)} * (${product})`;
  if (c === "") {
    emit(lowering, node, {
      text: scaled,
      inputs: [...left.inputs, ...right.inputs],
      binding: "sum",
    });
    return;
  }
  const third = operand(lowering, node, 2);
  const added =
    op.beta === 1 ? text`${third.piece}` : text`${floatLiteral(op.beta)} * ${third.piece}`;
  const inputs = [...left.inputs, ...right.inputs, ...third.inputs];
  emit(lowering, node, { text: text`${scaled} + ${added}`, inputs, binding: "sum" });
}

/** PRelu with one slope, or one per channel; otherwise written out. */
export function prelu(lowering: Lowering, node: Node): void {
  const input = resolved(lowering, node.inputs[0] ?? "");
  const slope = constantAt(lowering, node, 1);
  const channels = lowering.shapes.of(node.inputs[0] ?? "")?.shape[1];
  const count = slope === null ? 0 : elementCount(slope.shape);
  const perChannel =
    slope !== null &&
    slope.shape[0] === count &&
    slope.shape.length === rankAt(lowering, node, 0) - 1;
  if (slope !== null && (count === 1 || (perChannel && count === channels))) {
    const tensors: MemberTensor[] = [
      { part: "weight", ...tensorOf(node.inputs[1] ?? "", [count]) },
    ];
    const made = text`nn.PReLU(${hole(count, "out")})`;
    addLayer(lowering, node, { constructor: made, tensors, fallback: "prelu" }, input);
    return;
  }
  const other = operand(lowering, node, 1);
  emit(lowering, node, {
    text: text`torch.where(${tight(input)} < 0, ${other.piece} * ${tight(input)}, ${use(input)})`,
    inputs: [input, ...other.inputs],
  });
}
