import type { Op, OpKind } from "../graph/op.ts";
import { hasTrait } from "../graph/op-traits.ts";
import { noRule, type Rule, type Site } from "./rule.ts";
import { conv, convTranspose } from "./rules/convolution.ts";
import { elementwise, hasOperandRule } from "./rules/elementwise.ts";
import { gather, resize } from "./rules/gather.ts";
import {
  cast,
  concat,
  depthToSpace,
  expand,
  flatten,
  pad,
  reshape,
  slice,
  spaceToDepth,
  split,
  squeeze,
  tile,
  transpose,
  unsqueeze,
} from "./rules/layout.ts";
import { gemm, matMul } from "./rules/matrix.ts";
import { batchNorm, layerNorm } from "./rules/norm.ts";
import { globalPool, pool } from "./rules/pool.ts";
import { hasReductionRule, reduce, softmax } from "./rules/reduce.ts";
import { hasDerivative, unary } from "./rules/unary.ts";

/** "none": no rule; "constant": nothing flows back, because the output doesn't move when the input does. */
type Entry<Kind extends OpKind> = Rule<Kind> | "none" | "constant";

const RULES = {
  conv,
  convTranspose,
  gemm,
  matMul,
  batchNorm,
  layerNorm,
  instanceNorm: "none",
  groupNorm: "none",
  lrn: "none",
  pool,
  globalPool,
  reduce,
  unary,
  elementwise,
  softmax,
  concat,
  split,
  slice,
  pad,
  transpose,
  reshape,
  flatten,
  squeeze,
  unsqueeze,
  expand,
  tile,
  gather,
  resize,
  depthToSpace,
  spaceToDepth,
  cast,
  shape: "constant",
  size: "constant",
  constant: "constant",
  constantOfShape: "constant",
  range: "constant",
  scatter: "none",
  einsum: "none",
  quantize: "none",
  dequantize: "none",
  along: "none",
  control: "none",
  fixed: "none",
  opaque: "none",
} as const satisfies { readonly [Kind in OpKind]: Entry<Kind> };

/** Functions that are constant between steps: their gradient is zero wherever there is one. */
function isStep(opType: string): boolean {
  return hasTrait({ opType, domain: "" }, "step");
}

type RuleKind = "rule" | "none" | "constant";

function decided(constant: boolean, known: boolean): RuleKind {
  if (constant) return "constant";
  return known ? "rule" : "none";
}

/** Kinds of ops whose rule depends on which function they are. */
const DECIDED: { readonly [Kind in OpKind]?: (op: Extract<Op, { kind: Kind }>) => RuleKind } = {
  unary: (op) => decided(isStep(op.function), hasDerivative(op.function)),
  elementwise: (op) => decided(isStep(op.function), hasOperandRule(op.function)),
  reduce: (op) => decided(op.reduction.startsWith("Arg"), hasReductionRule(op.reduction)),
  pool: (op) => decided(false, op.mode !== "lp"),
  globalPool: (op) => decided(false, op.mode !== "lp"),
  cast: (op) => decided(op.to !== "float32" && op.to !== "float64", true),
};

/** What is known of an op's gradient before it is asked for. */
export function kindOfRule(op: Op): RuleKind {
  // The key names the member of the union, which the table's own type has proven.
  const decide = DECIDED[op.kind] as ((op: Op) => RuleKind) | undefined;
  if (decide !== undefined) return decide(op);
  const entry = RULES[op.kind];
  return typeof entry === "string" ? entry : "rule";
}

/**
 * The gradients of an op's inputs; see `Rule`.
 * @throws InputError `gradients/no-rule`
 */
export function applyRule(op: Op, site: Site): ReturnType<Rule<OpKind>> {
  const entry = RULES[op.kind];
  if (typeof entry === "string") throw noRule(site.node);
  // Each rule takes the member of the union that its key names, which the table's own type has proven.
  const rule = entry as (op: Op, site: Site) => ReturnType<Rule<OpKind>>;
  return rule(op, site);
}
