import type { Op, OpKind } from "../op.ts";
import { along } from "./along.ts";
import { control } from "./control.ts";
import { einsum } from "./einsum.ts";
import {
  constant,
  constantOfShape,
  elementwise,
  expand,
  range,
  shape,
  unary,
} from "./elementwise.ts";
import { fixed } from "./fixed.ts";
import {
  concat,
  depthToSpace,
  flatten,
  gather,
  pad,
  reshape,
  slice,
  spaceToDepth,
  split,
  squeeze,
  tile,
  transpose,
  unsqueeze,
} from "./layout.ts";
import { batchNorm, gemm, layerNorm, matMul, reduce } from "./matrix.ts";
import { dequantize, quantize } from "./quantized.ts";
import { type Fact, inputAt, type Rule, type Site, UNKNOWN } from "./rule.ts";
import { conv, convTranspose, globalPool, pool, resize, sameShape } from "./window.ts";

const RULES = {
  conv,
  convTranspose,
  gemm,
  matMul,
  batchNorm,
  layerNorm,
  instanceNorm: sameShape,
  groupNorm: sameShape,
  lrn: sameShape,
  pool,
  globalPool,
  reduce,
  unary,
  elementwise,
  softmax: sameShape,
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
  cast: (op, site) => [{ type: op.to, shape: inputAt(site, 0).shape }],
  shape,
  size: () => [{ type: "int64", shape: [] }],
  constant,
  constantOfShape,
  range,
  scatter: sameShape,
  einsum,
  quantize,
  dequantize,
  along,
  control,
  fixed,
  opaque: (_op, site) => site.node.outputs.map(() => UNKNOWN),
} as const satisfies { readonly [Kind in OpKind]: Rule<Kind> };

/** Facts of a node's outputs. */
export function applyRule(op: Op, site: Site): readonly Fact[] {
  // Each rule takes the member of the union that its key names, which the table's own type has proven.
  const rule = RULES[op.kind] as (op: Op, site: Site) => readonly Fact[];
  return rule(op, site);
}
