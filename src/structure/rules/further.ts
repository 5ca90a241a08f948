import type { Node } from "../../graph/graph.ts";
import type { Op } from "../../graph/op.ts";
import type { Axis } from "../elements.ts";
import {
  axesOf,
  axisIndex,
  describe,
  inputAxes,
  type Propagation,
  pinAxes,
  pinValues,
  type Rule,
  setAxes,
  shapeOf,
  uniteAxes,
} from "../propagation.ts";

type Kind<K extends Op["kind"]> = Extract<Op, { kind: K }>;

/** Scales and zero points go with the axis that they belong to; one for all couples nothing. */
export const quantized: Rule<Kind<"quantize"> | Kind<"dequantize">> = (node, op, flow) => {
  const axes = [...inputAxes(flow, node, 0)];
  const along = axisIndex(op.axis, axes.length);
  for (const name of node.inputs.slice(1)) {
    const scales = axesOf(flow, name);
    const count = flow.shapes.of(name) ?? [];
    if (op.blockSize > 0 || count.length > 1) {
      const reason = `${describe(node)} scales it in blocks`;
      pinValues(flow, node.inputs, reason);
      setAxes(
        flow,
        node.outputs[0],
        axes.map(() => null),
      );
      return;
    }
    if (count.length !== 1 || count[0] === 1) continue;
    const reason = `${describe(node)} scales an axis that always stays`;
    axes[along] = uniteAxes(flow, axes[along] ?? null, scales[0] ?? null, reason);
  }
  setAxes(flow, node.outputs[0], axes);
};

/** Numbers that are all alike fit whatever they are put beside: each axis has elements of its own, as a constant's. */
export const filled: Rule<Kind<"constantOfShape">> = (node, _op, flow) => {
  const value = node.attributes.get("value");
  // Whole numbers are sizes and indices.
  const isFloat = value?.kind !== "tensor" || value.value.type.includes("float");
  setAxes(
    flow,
    node.outputs[0],
    shapeOf(flow, node.outputs[0]).map((extent) =>
      isFloat && extent > 1 ? flow.elements.fresh(extent) : null,
    ),
  );
};

/** Axes that the op mixes are pinned; the others go on where their length stays. */
export const along: Rule<Kind<"along">> = (node, op, flow) => {
  const axes = inputAxes(flow, node, 0);
  const before = shapeOf(flow, node.inputs[0]);
  // A vector brought to length one keeps its direction in what stays of it.
  const isLength = node.opType === "LpNormalization";
  const mixed = new Set(isLength ? [] : op.axes.map((axis) => axisIndex(axis, axes.length)));
  const reason = `${describe(node)} works along this axis`;
  pinValues(flow, node.inputs.slice(1), `${describe(node)} takes it as a parameter`);
  for (const output of node.outputs) {
    if (output === "") continue;
    const after = shapeOf(flow, output);
    const moves = (index: number): boolean => mixed.has(index) || before[index] !== after[index];
    setAxes(flow, output, pinAxes(flow, axes, moves, reason));
  }
};

/** A letter of the result goes on from the operands that have it; what is summed over is pinned. */
export const einsum: Rule<Kind<"einsum">> = (node, op, flow) => {
  const output = node.outputs[0] ?? "";
  const shape = shapeOf(flow, output);
  if (op.terms === null || [...op.terms, op.result].some(isUnclear)) {
    pinValues(flow, node.inputs, `${describe(node)} has an equation that can't be pruned through`);
    setAxes(
      flow,
      output,
      shape.map(() => null),
    );
    return;
  }
  const letters = new Set(op.terms.flat());
  const found = new Map<string, Axis>();
  for (const letter of letters) found.set(letter, jointAxis(flow, node, op.terms, letter));
  for (const letter of letters) {
    if (op.result.includes(letter)) continue;
    flow.elements.pin(found.get(letter) ?? null, `${describe(node)} sums over this axis`);
  }
  setAxes(
    flow,
    output,
    op.result.map((letter, index) => {
      const axis = found.get(letter) ?? null;
      return axis?.length === shape[index] ? axis : null;
    }),
  );
};

function isUnclear(letters: readonly string[]): boolean {
  return letters.includes("...") || new Set(letters).size < letters.length;
}

/** What stands for a letter's axes in all operands; extents of 1 repeat and couple nothing. */
function jointAxis(
  flow: Propagation,
  node: Node,
  terms: readonly (readonly string[])[],
  letter: string,
): Axis {
  const present = terms.flatMap((term, operand) => {
    const index = term.indexOf(letter);
    if (index < 0) return [];
    const extent = shapeOf(flow, node.inputs[operand])[index] ?? 1;
    return [{ axis: inputAxes(flow, node, operand)[index] ?? null, extent }];
  });
  const extent = present.reduce((most, each) => Math.max(most, each.extent), 1);
  const axes = present.filter((each) => each.extent === extent).map(({ axis }) => axis);
  if (axes.every((axis) => axis === null)) return null;
  const reason = `${describe(node)} combines it with an axis that always stays`;
  return axes.reduce((left, right) => uniteAxes(flow, left, right, reason));
}
