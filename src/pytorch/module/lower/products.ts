/** Products, softmax and reductions. */
import type { Node } from "../../../graph/graph.ts";
import type { Op } from "../../../graph/op.ts";
import { keyword, text, tight, use } from "../pieces.ts";
import { emit, type Lowering, operand, rankAt, resolved, shapeAt, unsupported } from "./context.ts";

export function matMul(lowering: Lowering, node: Node): void {
  const [left, right] = [operand(lowering, node, 0, "product"), operand(lowering, node, 1)];
  emit(lowering, node, {
    text: text`${left.piece} @ ${right.piece}`,
    inputs: [...left.inputs, ...right.inputs],
    binding: "product",
  });
}

export function softmax(
  lowering: Lowering,
  node: Node,
  op: Extract<Op, { kind: "softmax" }>,
): void {
  const input = resolved(lowering, node.inputs[0] ?? "");
  const rank = rankAt(lowering, node, 0);
  const axis = op.axis < 0 ? op.axis + rank : op.axis;
  const rest = shapeAt(lowering, node, node.inputs[0] ?? "").slice(axis + 1);
  const name = op.log ? "log_softmax" : "softmax";
  if (!op.flattened || rest.every((extent) => extent === 1)) {
    const dim = axis === rank - 1 ? -1 : axis;
    const module = op.log ? "LogSoftmax" : "Softmax";
    emit(lowering, node, {
      text: text`F.${[name]}(${use(input)}, dim=${dim})`,
      inputs: [input],
      module: text`nn.${[module]}(dim=${dim})`,
    });
    return;
  }
  emit(lowering, node, {
    text: text`F.${[name]}(${tight(input)}.flatten(${axis}), dim=${axis}).reshape(${tight(input)}.shape)`,
    inputs: [input],
  });
}

const REDUCTIONS: ReadonlyMap<string, string> = new Map([
  ["Mean", "mean"],
  ["Sum", "sum"],
  ["Max", "amax"],
  ["Min", "amin"],
  ["LogSumExp", "logsumexp"],
  ["ArgMax", "argmax"],
  ["ArgMin", "argmin"],
]);

export function reduce(lowering: Lowering, node: Node, op: Extract<Op, { kind: "reduce" }>): void {
  const input = resolved(lowering, node.inputs[0] ?? "");
  const rank = rankAt(lowering, node, 0);
  if (op.axes === null) throw unsupported(node, "its axes are computed");
  if (op.axes.length === 0 && op.noopWithEmptyAxes) {
    lowering.aliases.set(node.outputs[0] ?? "", input);
    return;
  }
  const all = Array.from({ length: rank }, (_, axis) => axis);
  const axes =
    op.axes.length === 0
      ? all
      : [...op.axes].map((axis) => (axis < 0 ? axis + rank : axis)).sort((a, b) => a - b);
  const dims = axes.length === 1 ? String(axes[0]) : `(${axes.join(", ")})`;
  const settings = [dims, ...(op.keepDims ? [keyword("keepdim", "True", "False")] : [])];
  const method = REDUCTIONS.get(op.reduction);
  if (method !== undefined) {
    emit(lowering, node, { text: text`${tight(input)}.${[method]}(${settings})`, inputs: [input] });
  } else if (op.reduction === "L2") {
    emit(lowering, node, {
      text: text`torch.linalg.vector_norm(${use(input)}, dim=${settings})`,
      inputs: [input],
    });
  } else if (op.reduction === "SumSquare" || op.reduction === "L1") {
    const function_ = op.reduction === "L1" ? "abs" : "square";
    emit(lowering, node, {
      text: text`${tight(input)}.${[function_]}().sum(${settings})`,
      inputs: [input],
    });
  } else if (op.reduction === "Prod" && axes.length === 1) {
    emit(lowering, node, { text: text`${tight(input)}.prod(${settings})`, inputs: [input] });
  } else {
    throw unsupported(node, "PyTorch has no function of this name here");
  }
}
