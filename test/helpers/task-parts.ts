import type { AttributeLiteral } from "../../src/graph/build.ts";
import type { NetworkBuilder } from "./networks.ts";

/** Attributes of a node. */
export const attributes = (
  given: Readonly<Record<string, AttributeLiteral>>,
): { readonly attributes: typeof given } => ({ attributes: given });

/** Sixteen channels at a quarter of the picture's sides, with one residual block. */
export function backbone(b: NetworkBuilder, input: string, path = "backbone"): string {
  const stem = b.relu(b.conv(`${path}.stem`, input, { from: 3, to: 8, stride: 2 }));
  const inner = b.relu(b.conv(`${path}.1.conv1`, stem, { from: 8, to: 16 }));
  const block = b.add(`${path}.1`, stem, b.conv(`${path}.1.conv2`, inner, { from: 16, to: 8 }));
  return b.relu(b.conv(`${path}.2`, b.relu(block), { from: 8, to: 16, stride: 2 }));
}

/** [batch, anchors of cells, values] from [batch, values * anchors, rows, columns]. */
export function rows(b: NetworkBuilder, map: string, width: number, name: string): string {
  const last = b.node("Transpose", [map], attributes({ perm: [0, 2, 3, 1] }));
  return b.node("Reshape", [last, b.ints(`${name}.shape`, [0, -1, width])]);
}
