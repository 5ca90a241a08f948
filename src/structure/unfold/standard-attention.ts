/** Attention of the standard domain, opset 23 on. */
import { floatAttribute, intAttribute } from "../../graph/graph.ts";
import { attend, causal, extentOf, fromHeads, lowOf, oncePerHead, toHeads } from "./attend.ts";
import {
  castTo,
  columnsBy,
  type Fused,
  Kept,
  optional,
  refuseInputs,
  refuseOutputs,
  required,
  scalar,
  stepsOf,
  typeOf,
  type Unfold,
} from "./rule.ts";

/** Numbers of a [batch, heads, tokens, columns] operand, from either way in which the op takes it. */
interface Operand {
  readonly value: string;
  readonly heads: number;
  readonly columns: number;
  readonly tokens: number | null;
}

const attention: Unfold = (fused) => {
  const { node, shapes } = fused;
  refuseInputs(fused, {
    4: "keys of earlier calls",
    5: "values of earlier calls",
    6: "lengths of caches",
  });
  refuseOutputs(fused, {
    1: "keys for later calls",
    2: "values for later calls",
    3: "the products of queries and keys",
  });
  const rank = shapes.of(required(fused, 0))?.shape.length;
  if (rank !== 3 && rank !== 4) throw new Kept(`the shape of '${required(fused, 0)}' is not known`);
  const queryHeads = intAttribute(node, "q_num_heads", 0);
  const keyHeads = intAttribute(node, "kv_num_heads", 0);
  const [q, k, v] = [
    operand(fused, 0, queryHeads),
    operand(fused, 1, keyHeads),
    operand(fused, 2, keyHeads),
  ];
  const [keys, values] = [k, v].map(({ value, ...own }) =>
    oncePerHead(fused, value, { ...own, wanted: q.heads }),
  );
  const biases = biasesOf(fused, { queries: q.tokens, keys: k.tokens });
  const softcap = floatAttribute(node, "softcap", 0);
  if (softcap > 0 && biases.length > 0) throw new Kept("it bounds scores that a mask is added to");
  const scale = node.attributes.has("scale") ? floatAttribute(node, "scale", 0) : null;
  const { columns } = q;
  const all = { q: q.value, k: keys ?? "", v: values ?? "", columns, scale, biases, softcap };
  const mixed = attend(fused, all);
  if (rank === 3) fromHeads(fused, mixed, q.heads * v.columns);
  else stepsOf(fused).last("Identity", [mixed]);
};

function operand(fused: Fused, index: number, heads: number): Operand {
  const name = required(fused, index);
  const rank = fused.shapes.of(name)?.shape.length;
  const [tokens, width] = [extentOf(fused, name, -2), extentOf(fused, name, -1)];
  if (width === null) throw new Kept(`the width of '${name}' is not known`);
  if (rank === 4) {
    const own = extentOf(fused, name, 1);
    if (own === null) throw new Kept(`the number of heads of '${name}' is not known`);
    return { value: name, heads: own, columns: width, tokens };
  }
  const columns = columnsBy(width, heads);
  return { value: toHeads(fused, name, heads, columns), heads, columns, tokens };
}

function biasesOf(
  fused: Fused,
  tokens: { readonly queries: number | null; readonly keys: number | null },
): readonly string[] {
  const { node, shapes } = fused;
  const { step } = stepsOf(fused);
  const isCausal = intAttribute(node, "is_causal", 0) !== 0;
  const mask = optional(fused, 3);
  const own = mask === null ? [] : [additive(mask)];
  return [...own, ...(isCausal ? [causal(fused, tokens, lowOf(fused))] : [])];

  function additive(name: string): string {
    const shape = shapes.of(name)?.shape;
    if (shape === undefined) throw new Kept(`the shape of '${name}' is not known`);
    if (tokens.keys !== null && shape.at(-1) !== tokens.keys)
      throw new Kept(`'${name}' is as long as other keys`);
    if (shapes.of(name)?.type !== "bool") return name;
    const gone = castTo(fused, step("Not", [name]), typeOf(fused));
    return step("Mul", [gone, scalar(fused, "low", lowOf(fused))]);
  }
}

export const standardAttention: readonly (readonly [string, Unfold])[] = [
  [":Attention", attention],
];
