import type { Extent } from "../graph.ts";
import { contradiction, inputAt, type Rule, shapeText } from "./rule.ts";

/** One extent per letter; "..." stands for the leading axes that the operands broadcast. */
export const einsum: Rule<"einsum"> = (op, site) => {
  const { type } = inputAt(site, 0);
  if (op.terms === null) return [{ type, shape: null }];
  const extents = new Map<string, Extent>();
  let broadcast: readonly Extent[] | null = [];
  for (const [index, letters] of op.terms.entries()) {
    const { shape } = inputAt(site, index);
    if (shape === null) {
      if (letters.includes("...")) broadcast = null;
      continue;
    }
    const spread = shape.length - letters.filter((letter) => letter !== "...").length;
    if (spread < 0 || (spread > 0 && !letters.includes("..."))) {
      throw contradiction(
        site.node,
        `the term '${letters.join("")}' doesn't fit an operand of shape ${shapeText(shape)}.`,
      );
    }
    let axis = 0;
    for (const letter of letters) {
      if (letter === "...") {
        if (broadcast !== null && spread >= broadcast.length) {
          broadcast = wider(broadcast, shape.slice(axis, axis + spread));
        }
        axis += spread;
        continue;
      }
      const extent = shape[axis] ?? null;
      axis += 1;
      const known = extents.get(letter) ?? null;
      if (typeof known === "number" && typeof extent === "number" && known !== extent) {
        if (known !== 1 && extent !== 1) {
          throw contradiction(site.node, `the letter '${letter}' is ${known} and ${extent}.`);
        }
      }
      if (known === null || known === 1) extents.set(letter, extent);
    }
  }
  const shape: Extent[] = [];
  for (const letter of op.result) {
    if (letter !== "...") shape.push(extents.get(letter) ?? null);
    else if (broadcast === null) return [{ type, shape: null }];
    else shape.push(...broadcast);
  }
  return [{ type, shape }];
};

function wider(left: readonly Extent[], right: readonly Extent[]): readonly Extent[] {
  const skipped = right.length - left.length;
  return right.map((extent, axis) => {
    const other = left[axis - skipped] ?? 1;
    return extent === 1 ? other : extent;
  });
}
