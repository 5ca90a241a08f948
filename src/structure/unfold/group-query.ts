/** onnxruntime's GroupQueryAttention: several heads of queries share keys and values; every token reads those before it. */
import { at } from "../../core/at.ts";
import { floatAttribute, input, intAttribute } from "../../graph/graph.ts";
import { consumersOf, producerOf } from "../../graph/traversal.ts";
import { attend, causal, extentOf, fromHeads, lowOf, oncePerHead, toHeads } from "./attend.ts";
import { anglesOf, type Rotation, rotated, turnedOf } from "./rotary.ts";
import {
  CACHES,
  columnsBy,
  type Fused,
  Kept,
  MICROSOFT,
  optional,
  refuseInputs,
  refuseOutputs,
  required,
  type Unfold,
} from "./rule.ts";

const groupQuery: Unfold = (fused) => {
  const { node } = fused;
  refuseBeyond(fused);
  const queryHeads = intAttribute(node, "num_heads", 0);
  const sharedHeads = intAttribute(node, "kv_num_heads", 0);
  const tokens = extentOf(fused, required(fused, 0), 1);
  refuseLengths(fused, tokens);
  const [q, k, v] = operandsOf(fused, queryHeads, sharedHeads);
  const { columns } = q;
  refuseColumns(fused, columns);
  const rotation = rotationOf(fused, columns, tokens);
  const turned = (value: string): string =>
    rotation === null ? value : rotated(fused, value, rotation);
  const shared = { heads: sharedHeads, wanted: queryHeads };
  const heads = {
    q: turned(toHeads(fused, q.value, queryHeads, columns)),
    k: turned(toHeads(fused, k.value, sharedHeads, columns)),
    v: toHeads(fused, v.value, sharedHeads, v.columns),
  };
  const bias = optional(fused, 10);
  const softcap = floatAttribute(node, "softcap", 0);
  if (softcap > 0 && bias !== null) throw new Kept("it bounds scores that a bias is added to");
  const scale = floatAttribute(node, "scale", 0);
  const mixed = attend(fused, {
    q: heads.q,
    k: oncePerHead(fused, heads.k, { ...shared, columns }),
    v: oncePerHead(fused, heads.v, { ...shared, columns: v.columns }),
    ...{ columns, scale: scale === 0 ? null : scale, softcap },
    biases: bias === null ? [] : [bias],
    masks: [causal(fused, { queries: tokens, keys: tokens }, lowOf(fused))],
  });
  fromHeads(fused, mixed, queryHeads * v.columns);
};

/** What the op may do besides. */
function refuseBeyond(fused: Fused): void {
  const { node, graph } = fused;
  refuseInputs(fused, {
    ...{ 3: CACHES, 4: CACHES, 11: "sinks of attention" },
    ...{ 12: "scales of quantised caches", 13: "scales of quantised caches" },
  });
  refuseOutputs(fused, { 3: "the products of queries and keys" });
  for (const output of node.outputs.slice(1, 3)) {
    const isRead =
      (consumersOf(graph).get(output) ?? []).length > 0 ||
      graph.outputs.some(({ name }) => name === output);
    if (output !== "" && isRead) throw new Kept("it also gives keys and values for later calls");
  }
  if (intAttribute(node, "local_window_size", -1) !== -1)
    throw new Kept("each token reads a part of the others only");
  if (intAttribute(node, "smooth_softmax", 0) !== 0)
    throw new Kept("its softmax has one more term than there are keys");
}

/** The network as it is has to run, so that what is written out can be compared with it. */
function refuseColumns({ node }: Fused, columns: number): void {
  const multiple = intAttribute(node, "do_rotary", 0) === 0 ? 8 : 16;
  if (columns % multiple === 0) return;
  throw new Kept(
    `its heads have ${columns} columns, and onnxruntime runs it at multiples of ${multiple} only`,
  );
}

/** Sequences that are shorter than the axis leave numbers behind their end that nothing defines. */
function refuseLengths(fused: Fused, tokens: number | null): void {
  const last = numbersIn(fused, required(fused, 5));
  if (last === null) throw new Kept("the lengths of its sequences are known only when it runs");
  if (last.some((each) => each !== (tokens ?? Number.NaN) - 1))
    throw new Kept(`the lengths of its sequences are not its ${tokens ?? "open number of"} tokens`);
}

/** Which numbers a value holds, also where how often follows from the batch. */
function numbersIn(
  { graph, shapes }: Fused,
  name: string,
): ReturnType<Fused["shapes"]["constant"]> {
  const producer = producerOf(graph).get(name);
  const isSpread = producer?.opType === "Expand" || producer?.opType === "Tile";
  return shapes.constant(name) ?? (isSpread ? shapes.constant(input(producer, 0)) : null);
}

interface Operand {
  readonly value: string;
  readonly columns: number;
}

/** Queries, keys and values as [batch, tokens, heads * columns], from one input or from three. */
function operandsOf(
  fused: Fused,
  queryHeads: number,
  sharedHeads: number,
): readonly [Operand, Operand, Operand] {
  const { writer, node } = fused;
  const [query, key, value] = [required(fused, 0), optional(fused, 1), optional(fused, 2)];
  const widthOf = (name: string): number => {
    const width = extentOf(fused, name, 2);
    if (width === null) throw new Kept(`the width of '${name}' is not known`);
    return width;
  };
  if (key !== null && value !== null)
    return [
      { value: query, columns: columnsBy(widthOf(query), queryHeads) },
      { value: key, columns: columnsBy(widthOf(key), sharedHeads) },
      { value, columns: columnsBy(widthOf(value), sharedHeads) },
    ];
  const columns = columnsBy(widthOf(query), queryHeads + 2 * sharedHeads);
  const sizes = [queryHeads, sharedHeads, sharedHeads].map((heads) => heads * columns);
  const names = ["q", "k", "v"].map((role) => `${at(node.outputs, 0)}_${role}`);
  const [q = "", k = "", v = ""] = writer.split(query, 2, sizes, names);
  return [
    { value: q, columns },
    { value: k, columns },
    { value: v, columns },
  ];
}

/** How the op turns queries and keys itself; null where it doesn't. */
function rotationOf(fused: Fused, columns: number, tokens: number | null): Rotation | null {
  const { node } = fused;
  if (intAttribute(node, "do_rotary", 0) === 0) return null;
  const positions = optional(fused, 9) ?? 0;
  const angles = (index: number): string =>
    anglesOf(fused, { index, positions, tokens, headAxis: 1 });
  const half = extentOf(fused, required(fused, 7), -1) ?? Number.NaN;
  return {
    ...{ cos: angles(7), sin: angles(8), columns },
    turned: turnedOf(fused, 7, columns, 2 * half),
    interleaved: intAttribute(node, "rotary_interleaved", 0) !== 0,
  };
}

export const groupQueryAttention: readonly (readonly [string, Unfold])[] = [
  [`${MICROSOFT}:GroupQueryAttention`, groupQuery],
];
