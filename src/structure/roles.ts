import type { Node } from "../graph/graph.ts";
import type { FoundBlock } from "./blocks.ts";
import { dimsAlong } from "./counts.ts";
import type { FoundDims } from "./dims.ts";
import { uniqueNames } from "./label.ts";
import type { Propagation } from "./propagation.ts";
import type { AxisUnits, Dim, DimRole } from "./structure.ts";
import { weightOf } from "./weight-of.ts";

/**
 * What dims are in a transformer, from the products of activations that they lie on; null everywhere in a network without any.
 * Of a product [..., rows, inner] x [..., inner, columns]:
 * 1. `qk`: contracted (a column of the queries and keys of all heads);
 * 2. `v`: columns of the right side (a column of the values of all heads); `width` where a dim is both, as in a fused qkv;
 * 3. `heads`: on the axes before; `groups` where several query heads share keys and values: the heads that those have;
 * 4. `embedding`: outlives all blocks and is on the sum that ends one;
 * 5. `mlp`: inside a block without such a product.
 */
export function rolesOf(
  flow: Propagation,
  found: Pick<FoundDims, "axis">,
  dims: readonly Omit<Dim, "role" | "component" | "isUnread">[],
  blocks: readonly FoundBlock[],
): readonly (DimRole | null)[] {
  const products = flow.graph.nodes.filter((node) => isContraction(flow, node));
  if (products.length === 0) return dims.map(() => null);
  const marks = dims.map(() => new Set<DimRole>());
  const mark = (units: AxisUnits | null, role: DimRole): void => {
    for (const dim of dimsAlong(units)) marks[dim]?.add(role);
  };
  for (const node of products) markProduct(flow, found, node, mark);
  const attention = new Set(
    blocks
      .filter(({ branch }) => products.some((node) => branch.has(node)))
      .map(({ index }) => index),
  );
  for (const { add } of blocks) {
    const rank = flow.axes.get(add)?.length ?? 0;
    for (let axis = 0; axis < rank; axis += 1) mark(found.axis(add, axis), "embedding");
  }
  return dims.map(({ block, index }) => {
    const own = marks[index] ?? new Set();
    if (own.has("qk") && own.has("v")) return "width";
    const role = (["qk", "v", "groups", "heads"] as const).find((each) => own.has(each));
    if (role !== undefined) return role;
    if (block === null) return own.has("embedding") ? "embedding" : null;
    return attention.has(block) ? null : "mlp";
  });
}

/** Names that say the role: `blocks.0.attn.heads` for what was `blocks.0.attn`. MLPs keep the name of their first layer. */
export function namesByRole(
  dims: readonly { readonly name: string; readonly role: DimRole | null }[],
): readonly string[] {
  return uniqueNames(
    dims.map(({ name, role }) => {
      if (role === null || role === "mlp") return name;
      const layer = name.replace(/#\d+$/, "");
      return layer.endsWith(`.${role}`) ? layer : `${layer}.${role}`;
    }),
  );
}

function markProduct(
  flow: Propagation,
  { axis }: Pick<FoundDims, "axis">,
  node: Node,
  mark: (units: AxisUnits | null, role: DimRole) => void,
): void {
  const [left = "", right = ""] = node.inputs;
  const rankOf = (name: string): number => flow.axes.get(name)?.length ?? 0;
  mark(axis(left, rankOf(left) - 1), "qk");
  mark(axis(right, rankOf(right) - 1), "v");
  const output = node.outputs[0] ?? "";
  for (let index = 0; index < rankOf(output) - 2; index += 1) {
    const units = axis(output, index);
    mark(units, "heads");
    // Groups times heads of a group: what is copied for the heads comes first.
    const [first, second] = units?.levels ?? [];
    if (units !== null && first !== undefined && second !== undefined) {
      mark({ length: units.length, levels: [first] }, "groups");
    }
  }
}

function isContraction({ graph }: Propagation, node: Node): boolean {
  return node.opType === "MatMul" && node.domain === "" && weightOf(graph, node) === null;
}
