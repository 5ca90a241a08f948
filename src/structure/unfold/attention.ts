/** The attention ops of onnxruntime's own domain. */
import { at } from "../../core/at.ts";
import { constantOf } from "../../graph/constants.ts";
import { numbersOf, tensorOf } from "../../graph/fold/numbers.ts";
import { floatAttribute, intAttribute, intsAttribute } from "../../graph/graph.ts";
import { attend, causal, extentOf, fromHeads, toHeads } from "./attend.ts";
import {
  CACHES,
  castTo,
  columnsBy,
  type Fused,
  Kept,
  MICROSOFT,
  optional,
  refuseInputs,
  refuseOutputs,
  required,
  scalar,
  stepsOf,
  typeOf,
  type Unfold,
} from "./rule.ts";

/** What is added to the scores of tokens that don't count, unless the op says otherwise. */
const FILTER = -10_000;

function filterOf({ node }: Fused): number {
  return floatAttribute(node, "mask_filter_value", FILTER);
}

/**
 * What is added to scores where keys don't count, by the rank of the mask: [batch] lengths, [batch, keys] or
 * [batch, queries, keys] of ones and zeros.
 */
function paddingBias(fused: Fused, mask: string, keys: number | null): string {
  const { step } = stepsOf(fused);
  const shape = fused.shapes.of(mask)?.shape;
  const rank = shape?.length;
  if (shape === undefined || rank === undefined || rank < 1 || rank > 3)
    throw new Kept("its mask is not one number per sequence, per token or per pair of tokens");
  if (rank > 1 && keys !== null && typeof shape[rank - 1] === "number" && shape[rank - 1] !== keys)
    throw new Kept(`its mask is for ${shape[rank - 1]} keys, and there are ${keys}`);
  const counts = rank > 1 ? castTo(fused, mask, "bool") : withinLength(fused, mask, keys);
  const ones = castTo(fused, step("Not", [counts]), typeOf(fused));
  const low = step("Mul", [ones, scalar(fused, "filter", filterOf(fused))]);
  const axes = rank === 3 ? [1] : [1, 2];
  return fused.writer.alongAxes("Unsqueeze", low, axes, { wanted: `${low}_wide` });
}

/** [batch, keys]: whether a key lies within its sequence, of which the mask has the length. */
function withinLength(fused: Fused, mask: string, keys: number | null): string {
  const { step } = stepsOf(fused);
  const { writer, shapes, node } = fused;
  const batch = shapes.of(at(node.inputs, 0))?.shape[0];
  const lengths = shapes.of(mask)?.shape[0];
  if (JSON.stringify(batch) !== JSON.stringify(lengths))
    throw new Kept("its mask has other numbers than one length per sequence");
  if (keys === null) throw new Kept("the number of its keys is open; give it with --bind");
  const places = tensorOf({
    ...{ type: "int32", shape: [keys] },
    values: Float64Array.from({ length: keys }, (_, place) => place),
  });
  const all = writer.tensor(`${at(node.outputs, 0)}_places`, places);
  const wide = writer.alongAxes("Unsqueeze", mask, [1], { wanted: `${mask}_wide` });
  return step("Less", [all, wide]);
}

/** What is added to the scores: the padding, the caller's bias, and what keeps queries from later tokens. */
function biasesOf(
  fused: Fused,
  inputs: { readonly padding: number; readonly bias: number },
  tokens: { readonly queries: number | null; readonly keys: number | null },
): readonly string[] {
  const padding = optional(fused, inputs.padding);
  const bias = optional(fused, inputs.bias);
  const isCausal = intAttribute(fused.node, "unidirectional", 0) !== 0;
  return [
    ...(padding === null ? [] : [paddingBias(fused, padding, tokens.keys)]),
    ...(bias === null ? [] : [bias]),
    ...(isCausal ? [causal(fused, tokens, filterOf(fused))] : []),
  ];
}

function scaleOf({ node }: Fused): number | null {
  const scale = floatAttribute(node, "scale", 0);
  return scale === 0 ? null : scale;
}

function headsOf({ node }: Fused): number {
  return intAttribute(node, "num_heads", 0);
}

/** A list of columns that isn't split evenly into heads can't be read. */
function columnsOf(fused: Fused, width: number): number {
  return columnsBy(width, headsOf(fused));
}

/** One matrix makes queries, keys and values of one input. */
const attention: Unfold = (fused) => {
  const { node, graph, writer } = fused;
  refuseInputs(fused, { 4: CACHES, 6: "how many tokens came before" });
  refuseOutputs(fused, { 1: "keys and values for later calls" });
  if (intAttribute(node, "do_rotary", 0) !== 0) throw new Kept("it turns queries and keys itself");
  const [x, weight] = [required(fused, 0), required(fused, 1)];
  const width = constantOf(graph, weight)?.shape[1];
  if (width === undefined) throw new Kept("its weights are not constant");
  const sizes = intsAttribute(node, "qkv_hidden_sizes", [width / 3, width / 3, width / 3]);
  const { step } = stepsOf(fused);
  const product = step("MatMul", [x, weight]);
  const bias = optional(fused, 2);
  const all = bias === null ? product : step("Add", [product, bias]);
  const names = ["q", "k", "v"].map((role) => `${at(node.outputs, 0)}_${role}`);
  const parts = writer.split(all, 2, sizes, names);
  const columns = sizes.map((size) => columnsOf(fused, size));
  const [q = "", k = "", v = ""] = parts.map((part, index) =>
    toHeads(fused, part, headsOf(fused), at(columns, index)),
  );
  const tokens = extentOf(fused, x, 1);
  const mixed = attend(fused, {
    ...{ q, k, v, columns: at(columns, 0), scale: scaleOf(fused), softcap: 0 },
    biases: biasesOf(fused, { padding: 3, bias: 5 }, { queries: tokens, keys: tokens }),
  });
  fromHeads(fused, mixed, at(sizes, 2));
};

const PACKED = "it packs sequences of several lengths, which onnxruntime runs on CUDA alone";

function refused(why: string): Unfold {
  return () => {
    throw new Kept(why);
  };
}

/** Queries, keys and values come from layers of their own. */
const multiHead: Unfold = (fused) => {
  const { shapes } = fused;
  refuseInputs(fused, { 6: CACHES, 7: CACHES, 8: "how many tokens came before", 9: CACHES });
  refuseOutputs(fused, {
    1: "keys for later calls",
    2: "values for later calls",
    3: "the products of queries and keys",
  });
  const names = [0, 1, 2].flatMap((index) => optional(fused, index) ?? []);
  if (names.length < 3)
    throw new Kept(
      "queries, keys and values are packed into one input, which onnxruntime runs on CUDA alone",
    );
  for (const name of names) {
    if (shapes.of(name)?.shape.length !== 3)
      throw new Kept(`the shape of '${name}' is unknown or not [batch, tokens, width]`);
  }
  const widths = names.map((name) => {
    const width = extentOf(fused, name, 2);
    if (width === null) throw new Kept(`the width of '${name}' is not known`);
    return width;
  });
  const biased = addBiases(fused, names, widths);
  const [q = "", k = "", v = ""] = biased.map((name, index) =>
    toHeads(fused, name, headsOf(fused), columnsOf(fused, at(widths, index))),
  );
  const tokens = {
    queries: extentOf(fused, at(names, 0), 1),
    keys: extentOf(fused, at(names, 1), 1),
  };
  const columns = columnsOf(fused, at(widths, 0));
  const mixed = attend(fused, {
    ...{ q, k, v, columns, scale: scaleOf(fused), softcap: 0 },
    biases: biasesOf(fused, { padding: 4, bias: 5 }, tokens),
  });
  fromHeads(fused, mixed, at(widths, 2));
};

/** One list of biases for queries, keys and values, taken apart. */
function addBiases(
  fused: Fused,
  names: readonly string[],
  widths: readonly number[],
): readonly string[] {
  const bias = optional(fused, 3);
  if (bias === null) return names;
  const tensor = constantOf(fused.graph, bias);
  const numbers = tensor === null ? null : numbersOf(tensor);
  if (numbers === null) throw new Kept("its bias is not constant");
  let from = 0;
  return names.map((name, index) => {
    const width = at(widths, index);
    const values = numbers.values.slice(from, from + width);
    from += width;
    const own = fused.writer.tensor(
      `${name}_bias`,
      tensorOf({ ...numbers, shape: [width], values }),
    );
    return stepsOf(fused).step("Add", [name, own]);
  });
}

/** Ops that can't be written out, and why. */
const WHOLE = {
  PackedAttention: PACKED,
  PackedMultiHeadAttention: PACKED,
  PagedAttention: `it reads ${CACHES}`,
  DecoderAttention: `it reads ${CACHES}`,
  DecoderMaskedSelfAttention: `it reads ${CACHES}`,
  DecoderMaskedMultiHeadAttention: `it reads ${CACHES}`,
  QAttention: "its weights are quantised and packed",
  QOrderedAttention: "its weights are quantised and packed",
  QOrderedLongformerAttention: "its weights are quantised and packed",
  LongformerAttention: "each token reads a part of the others only",
  SparseAttention: "each token reads a part of the others only",
} as const;

export const fusedAttention: readonly (readonly [string, Unfold])[] = [
  ...Object.entries(WHOLE).map(
    ([opType, why]) => [`${MICROSOFT}:${opType}`, refused(why)] as const,
  ),
  [`${MICROSOFT}:Attention`, attention],
  [`${MICROSOFT}:MultiHeadAttention`, multiHead],
];
