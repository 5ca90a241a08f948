/** Attributes of ops that came with later operator sets, or that few networks use. */
import { typeOfCode } from "../data-type.ts";
import type { DataType } from "../graph.ts";
import { intAttribute, intsAttribute, type Node, stringAttribute } from "../graph.ts";
import { type Context, type Kind, numbersAt } from "./context.ts";

/** Letters of "bij, bjk -> bik"; without an arrow the result has those that occur once, sorted. */
export function einsum({ node }: Context): Kind<"einsum"> {
  const [left = "", right] = stringAttribute(node, "equation", "").replaceAll(" ", "").split("->");
  const terms = left.split(",").map(lettersOf);
  const readable = terms.length === node.inputs.length && terms.every((term) => term !== null);
  const letters = terms.flatMap((term) => term ?? []);
  const once = letters.filter((letter) => letters.indexOf(letter) === letters.lastIndexOf(letter));
  const implied = [
    ...(letters.includes("...") ? ["..."] : []),
    ...once.filter((letter) => letter !== "...").sort(),
  ];
  const result = right === undefined ? implied : lettersOf(right);
  return {
    kind: "einsum",
    terms: readable && result !== null ? terms.filter((term) => term !== null) : null,
    result: result ?? [],
  };
}

function lettersOf(term: string): readonly string[] | null {
  return /^[A-Za-z]*(\.\.\.)?[A-Za-z]*$/.test(term) ? (term.match(/\.\.\.|[A-Za-z]/g) ?? []) : null;
}

/** What QuantizeLinear and DequantizeLinear say of their scales. */
export function scalesOf(node: Node): {
  readonly axis: number;
  readonly blockSize: number;
  readonly to: DataType | null;
} {
  const code = intAttribute(node, "output_dtype", 0);
  return {
    axis: intAttribute(node, "axis", 1),
    blockSize: intAttribute(node, "block_size", 0),
    to: code === 0 ? null : typeOfCode(code),
  };
}

/** Axes that each of these ops mixes; all others pass through index by index. */
export function along(context: Context): Kind<"along"> {
  return { kind: "along", opType: context.node.opType, axes: mixedAxes(context) };
}

const SPATIAL = [2, 3, 4];

function mixedAxes(context: Context): readonly number[] {
  const { node, opset } = context;
  switch (node.opType) {
    case "CumSum":
      // An axis that is only known when the network runs could be any.
      return numbersAt(context, 1) ?? [0, 1, 2, 3, 4, 5];
    case "TopK":
      return [intAttribute(node, "axis", opset === 1 ? 1 : -1)];
    case "LpNormalization":
      return [intAttribute(node, "axis", -1)];
    case "Hardmax": {
      const axis = intAttribute(node, "axis", opset < 13 ? 1 : -1);
      return opset < 13 ? [axis, axis + 1, axis + 2, axis + 3, axis + 4] : [axis];
    }
    case "MeanVarianceNormalization":
      return intsAttribute(node, "axes", [0, 2, 3]);
    case "ReverseSequence":
      return [intAttribute(node, "time_axis", 0), intAttribute(node, "batch_axis", 1)];
    case "Trilu":
      return [-1, -2];
    case "GridSample":
      return SPATIAL;
    case "MaxUnpool":
      // Its indices count over all axes at once.
      return [0, 1, ...SPATIAL];
    default:
      // RoiAlign and MaxRoiPool: each region is an image of its own.
      return [0, ...SPATIAL];
  }
}
