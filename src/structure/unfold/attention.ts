/** The attention ops of onnxruntime's own domain. */
import { at } from "../../core/at.ts";
import { constantOf } from "../../graph/constants.ts";
import { codeOfType } from "../../graph/data-type.ts";
import { numbersOf, tensorOf } from "../../graph/fold/numbers.ts";
import { floatAttribute, intAttribute, intsAttribute } from "../../graph/graph.ts";
import { attend, causal, extentOf, fromHeads, toHeads } from "./attend.ts";
import {
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

/** [batch, keys] of ones and zeros as what is added to scores. */
function paddingBias(fused: Fused, mask: string): string {
  const { step } = stepsOf(fused);
  if (fused.shapes.of(mask)?.shape.length !== 2)
    throw new Kept("its mask is not one number per token");
  const gone = step("Not", [step("Cast", [mask], { to: codeOfType("bool") ?? 0 })]);
  const ones = step("Cast", [gone], { to: codeOfType(typeOf(fused)) ?? 0 });
  const low = step("Mul", [ones, scalar(fused, "filter", filterOf(fused))]);
  return fused.writer.alongAxes("Unsqueeze", low, [1, 2], { wanted: `${low}_wide` });
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
    ...(padding === null ? [] : [paddingBias(fused, padding)]),
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
  const columns = width / headsOf(fused);
  if (Number.isInteger(columns)) return columns;
  throw new Kept(`${headsOf(fused)} heads don't divide a width of ${width}`);
}

const CACHES = "keys and values of earlier calls";

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
  if (names.length < 3) throw new Kept("queries, keys and values are packed into one input");
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

export const fusedAttention: readonly (readonly [string, Unfold])[] = [
  [`${MICROSOFT}:Attention`, attention],
  [`${MICROSOFT}:MultiHeadAttention`, multiHead],
];
