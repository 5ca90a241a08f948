import { floatAttribute, type Node } from "../../../graph/graph.ts";
import type { Op } from "../../../graph/op.ts";
import { hole, keyword, type MemberTensor, type Piece, text, use } from "../pieces.ts";
import { floatLiteral, tupleLiteral } from "../python-text.ts";
import {
  bareParameter,
  constantAt,
  emit,
  type Lowering,
  rankAt,
  resolved,
  unsupported,
} from "./context.ts";
import { addLayer, stored } from "./layers.ts";

export function batchNorm(
  lowering: Lowering,
  node: Node,
  op: Extract<Op, { kind: "batchNorm" }>,
): void {
  const parts = ["weight", "bias", "running_mean", "running_var"];
  const tensors = parts.flatMap((part, index): MemberTensor[] => {
    const tensor = constantAt(lowering, node, index + 1);
    return tensor === null ? [] : [stored(node, index + 1, part, tensor, { buffer: index > 1 })];
  });
  const [scale] = tensors;
  if (scale === undefined || tensors.length < 4)
    throw unsupported(node, "its parameters are computed");
  const kinds = ["", "1d", "1d", "1d", "2d", "3d"];
  const kind = kinds[rankAt(lowering, node, 0)] ?? "2d";
  const momentum = floatLiteral(1 - floatAttribute(node, "momentum", 0.9));
  const rounded = Number(Number(momentum).toPrecision(4));
  const made = text`nn.BatchNorm${kind}(${hole(scale.shape[0] ?? 0, "out")}${keyword(
    "eps",
    epsLiteral(op.epsilon),
    "1e-05",
  )}${keyword("momentum", String(rounded), "0.1")})`;
  addLayer(
    lowering,
    node,
    { constructor: made, tensors, fallback: "norm" },
    resolved(lowering, node.inputs[0] ?? ""),
  );
}

/** As Python writes it, so that defaults are recognised. */
function epsLiteral(value: number): string {
  const literal = floatLiteral(value);
  const scientific = Number(literal)
    .toExponential()
    .replace(/e-(\d)$/, "e-0$1");
  return Math.abs(value) < 1e-4 ? scientific : literal;
}

export function layerNorm(
  lowering: Lowering,
  node: Node,
  op: Extract<Op, { kind: "layerNorm" }>,
): void {
  const input = resolved(lowering, node.inputs[0] ?? "");
  const weight = constantAt(lowering, node, 1);
  const bias = constantAt(lowering, node, 2);
  if (weight === null || node.outputs.filter((name) => name !== "").length > 1)
    throw unsupported(node, "its weight is computed");
  const rank = rankAt(lowering, node, 0);
  if (bias === null && (node.inputs[2] ?? "") !== "")
    throw unsupported(node, "its bias is computed");
  if (op.axis !== -1 && (op.axis < 0 ? op.axis + rank : op.axis) !== rank - weight.shape.length) {
    throw unsupported(node, "its weight doesn't cover the axes that it normalises");
  }
  const sizes: Piece = hole(
    weight.shape.length === 1 ? (weight.shape[0] ?? 0) : tupleLiteral(weight.shape),
    "out",
  );
  if (bias === null) {
    const scale = bareParameter(lowering, node, node.inputs[1] ?? "", weight);
    const path: Piece = { kind: "member", path: scale.path.join(".") };
    const normalised = hole(tupleLiteral(weight.shape), "out");
    emit(lowering, node, {
      text: text`F.layer_norm(${use(input)}, ${normalised}, ${path}, eps=${epsLiteral(op.epsilon)})`,
      inputs: [input],
    });
    return;
  }
  const tensors = [stored(node, 1, "weight", weight), stored(node, 2, "bias", bias)];
  const made = text`nn.LayerNorm(${sizes}${keyword("eps", epsLiteral(op.epsilon), "1e-05")})`;
  addLayer(lowering, node, { constructor: made, tensors, fallback: "norm" }, input);
}

/** InstanceNormalization, and GroupNormalization with a scale per channel. */
export function otherNorm(
  lowering: Lowering,
  node: Node,
  op: Extract<Op, { kind: "instanceNorm" | "groupNorm" }>,
): void {
  const [weight, bias] = [constantAt(lowering, node, 1), constantAt(lowering, node, 2)];
  const channels = lowering.shapes.of(node.inputs[0] ?? "")?.shape[1];
  if (weight === null || bias === null || weight.shape[0] !== channels)
    throw unsupported(node, "its scale isn't a constant per channel");
  const tensors = [stored(node, 1, "weight", weight), stored(node, 2, "bias", bias)];
  const kind = `${rankAt(lowering, node, 0) - 2}d`;
  const size = hole(weight.shape[0] ?? 0, "out");
  const eps = keyword("eps", epsLiteral(op.epsilon), "1e-05");
  const made =
    op.kind === "instanceNorm"
      ? text`nn.InstanceNorm${kind}(${size}${eps}, affine=True)`
      : text`nn.GroupNorm(${hole(op.groups, "groups")}, ${size}${eps})`;
  addLayer(
    lowering,
    node,
    { constructor: made, tensors, fallback: "norm" },
    resolved(lowering, node.inputs[0] ?? ""),
  );
}

/** LayerNormalization over the channels of an image, as a layer of its own class. */
export function layerNorm2d(lowering: Lowering, norm: Node, from: string, output: string): boolean {
  const [weight, bias] = [constantAt(lowering, norm, 1), constantAt(lowering, norm, 2)];
  if (weight === null || bias === null) return false;
  const tensors = [stored(norm, 1, "weight", weight), stored(norm, 2, "bias", bias)];
  const eps = keyword("eps", epsLiteral(floatAttribute(norm, "epsilon", 1e-5)), "1e-05");
  const made = text`LayerNorm2d(${hole(weight.shape[0] ?? 0, "out")}${eps})`;
  addLayer(
    lowering,
    norm,
    { constructor: made, tensors, fallback: "norm" },
    resolved(lowering, from),
    output,
  );
  return true;
}
