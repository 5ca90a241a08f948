/** onnxruntime's EmbedLayerNormalization: the embeddings of words, positions and segments, added and normalised. */
import { at } from "../../core/at.ts";
import { floatAttribute, intAttribute } from "../../graph/graph.ts";
import { intTensor } from "../../graph/tensor.ts";
import { consumersOf } from "../../graph/traversal.ts";
import {
  castTo,
  type Fused,
  Kept,
  MICROSOFT,
  optional,
  required,
  stepsOf,
  type Unfold,
} from "./rule.ts";

const embedLayerNorm: Unfold = (fused) => {
  const { node, writer } = fused;
  const { step, last } = stepsOf(fused);
  const ids = required(fused, 0);
  const rowsOf = (table: string, indices: string): string =>
    step("Gather", [table, indices], { axis: 0 });
  const words = rowsOf(required(fused, 2), ids);
  const placed = step("Add", [words, positionsOf(fused, ids)]);
  const [segments, table] = [optional(fused, 1), optional(fused, 4)];
  if ((segments === null) !== (table === null))
    throw new Kept("it has segments without their table, or a table without segments");
  const isLast = segments === null || table === null;
  const sum = node.outputs[2] ?? "";
  const named = sum === "" ? { wanted: `${at(node.outputs, 0)}_sum` } : { output: sum };
  const all = isLast
    ? writer.node("Identity", [placed], named)
    : writer.node("Add", [placed, rowsOf(table, segments)], named);
  writeLengths(fused);
  const epsilon = { float: floatAttribute(node, "epsilon", 1e-12) };
  last("LayerNormalization", [all, required(fused, 5), required(fused, 6)], { axis: -1, epsilon });
};

/** The embeddings of positions: of those that are given, or of 0, 1, 2 and so on. */
function positionsOf(fused: Fused, ids: string): string {
  const { writer } = fused;
  const { step } = stepsOf(fused);
  const table = required(fused, 3);
  const given = optional(fused, 8);
  if (given !== null) return step("Gather", [table, given], { axis: 0 });
  const shape = step("Shape", [ids]);
  const second = writer.tensor(`${ids}_second`, intTensor([1], [1]));
  const length = step("Gather", [shape, second], { axis: 0 });
  const zero = writer.ints(`${ids}_zero`, [0]);
  const axis = writer.ints(`${ids}_axis`, [0]);
  return step("Slice", [table, zero, length, axis]);
}

/** The number of tokens that count, per sequence. */
function writeLengths(fused: Fused): void {
  const { node, graph, writer } = fused;
  const lengths = node.outputs[1] ?? "";
  const isRead =
    (consumersOf(graph).get(lengths) ?? []).length > 0 ||
    graph.outputs.some(({ name }) => name === lengths);
  if (lengths === "" || !isRead) return;
  const mask = optional(fused, 7);
  if (mask === null || intAttribute(node, "mask_index_type", 1) !== 1)
    throw new Kept("it gives lengths without a mask to count");
  const counted = castTo(fused, mask, "int32");
  if (writer.opset >= 13)
    writer.node("ReduceSum", [counted, writer.ints(`${lengths}_axes`, [1])], {
      attributes: { keepdims: 0 },
      output: lengths,
    });
  else
    writer.node("ReduceSum", [counted], {
      attributes: { axes: [1], keepdims: 0 },
      output: lengths,
    });
}

export const fusedEmbedding: readonly (readonly [string, Unfold])[] = [
  [`${MICROSOFT}:EmbedLayerNormalization`, embedLayerNorm],
];
