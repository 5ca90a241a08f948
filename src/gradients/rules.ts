import type { Op, OpKind } from "../graph/op.ts";
import { noRule, type Rule, type Site } from "./rule.ts";
import { conv, convTranspose } from "./rules/convolution.ts";
import { elementwise, hasOperandRule, isComparison } from "./rules/elementwise.ts";
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
import { hasDerivative, isStep, unary } from "./rules/unary.ts";

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
  opaque: "none",
} as const satisfies { readonly [Kind in OpKind]: Entry<Kind> };

/** What is known of an op's gradient before it is asked for. */
export function kindOfRule(op: Op): "rule" | "none" | "constant" {
  switch (op.kind) {
    case "unary":
      if (isStep(op.function)) return "constant";
      return hasDerivative(op.function) ? "rule" : "none";
    case "elementwise":
      if (isComparison(op.function)) return "constant";
      return hasOperandRule(op.function) ? "rule" : "none";
    case "reduce":
      if (op.reduction.startsWith("Arg")) return "constant";
      return hasReductionRule(op.reduction) ? "rule" : "none";
    case "pool":
    case "globalPool":
      return op.mode === "lp" ? "none" : "rule";
    case "cast":
      return op.to === "float32" || op.to === "float64" ? "rule" : "constant";
    default: {
      const entry = RULES[op.kind];
      return typeof entry === "string" ? entry : "rule";
    }
  }
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
