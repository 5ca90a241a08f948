/**
 * What small tensors of sizes hold, so that the shapes computed inside a network (Shape, Gather, Concat, Reshape, ...) are
 * known; elements may be symbols of the batch. Row-major.
 */
import type { Extent } from "../graph.ts";
import type { Op } from "../op.ts";
import { elementCount } from "../tensor.ts";
import { SMALL_TENSOR, smallValues } from "../values.ts";
import { ARITHMETIC, UNARY_FUNCTIONS } from "./arithmetic.ts";
import { shapeRange } from "./elementwise.ts";
import { isResolved, productOfAll } from "./extents.ts";
import { broadcastIndex, stridesOf, taken } from "./indexing.ts";
import { sliceRange } from "./layout.ts";
import { type Fact, inputAt, type Site } from "./rule.ts";

type Values = readonly Extent[];

/** Values of the first output of a node; null where they are unknown or too many. */
export function valuesOf(op: Op, site: Site, output: Fact): Values | null {
  if (output.shape === null || !isResolved(output.shape)) return null;
  if (elementCount(output.shape) > SMALL_TENSOR) return null;
  return computed(op, site, output.shape, output);
}

function computed(op: Op, site: Site, shape: readonly number[], output: Fact): Values | null {
  const first = (): Values | null => site.valuesAt(0);
  switch (op.kind) {
    case "constant":
      return op.tensor === null ? null : smallValues(op.tensor);
    case "shape": {
      const input = inputAt(site, 0).shape;
      return input === null
        ? null
        : shapeRange(op, input.length).map((axis) => input[axis] ?? null);
    }
    case "size": {
      const input = inputAt(site, 0).shape;
      return input === null ? null : [productOfAll(input)];
    }
    case "constantOfShape": {
      const value = op.value === null ? [0] : smallValues(op.value);
      return value === null ? null : new Array<Extent>(elementCount(shape)).fill(value[0] ?? null);
    }
    case "range":
      return rangeValues(site, shape);
    case "reshape":
    case "flatten":
    case "squeeze":
    case "unsqueeze":
      return first();
    case "cast":
      return castValues(first(), output);
    case "unary":
      return unaryValues(op.function, first());
    case "elementwise":
      return elementwiseValues(op.function, site, shape, output);
    case "reduce":
      return reducedValues(op, first(), site);
    default:
      return moved(op, site, shape);
  }
}

function rangeValues(site: Site, shape: readonly number[]): Values | null {
  const [start, delta] = [site.valuesAt(0)?.[0], site.valuesAt(2)?.[0]];
  if (typeof start !== "number" || typeof delta !== "number") return null;
  return Array.from({ length: elementCount(shape) }, (_, index) => start + index * delta);
}

function castValues(values: Values | null, output: Fact): Values | null {
  switch (output.type) {
    case "int64":
    case "int32":
      return (
        values?.map((value) => (typeof value === "number" ? Math.trunc(value) : value)) ?? null
      );
    case "float32":
      return (
        values?.map((value) => (typeof value === "number" ? Math.fround(value) : value)) ?? null
      );
    case "float64":
      return values;
    case "bool":
      return values?.map((value) => (value === null ? null : value === 0 ? 0 : 1)) ?? null;
    default:
      return null;
  }
}

function unaryValues(name: string, values: Values | null): Values | null {
  if (name === "Identity") return values;
  const compute = UNARY_FUNCTIONS.get(name);
  if (compute === undefined) return null;
  // Symbols are whole numbers already.
  const rounds = name === "Floor" || name === "Ceil";
  return (
    values?.map((value) => (typeof value === "number" ? compute(value) : rounds ? value : null)) ??
    null
  );
}

function elementwiseValues(
  name: string,
  site: Site,
  shape: readonly number[],
  output: Fact,
): Values | null {
  const compute = ARITHMETIC.get(name);
  if (compute === undefined) return null;
  const operands: { readonly values: Values; readonly shape: readonly number[] }[] = [];
  for (const [index, fact] of site.inputs.entries()) {
    const values = site.valuesAt(index);
    if (values === null || fact.shape === null || !isResolved(fact.shape)) return null;
    operands.push({ values, shape: fact.shape });
  }
  const whole = output.type === "int64" || output.type === "int32";
  const stretched = operands.map((operand) =>
    taken(operand.values, shape, (at) => broadcastIndex(at, operand.shape)),
  );
  return Array.from({ length: elementCount(shape) }, (_, flat) =>
    compute(
      stretched.map((values) => values[flat] ?? null),
      whole,
    ),
  );
}

// Only of a whole vector: what networks do with sizes.
function reducedValues(
  op: Extract<Op, { kind: "reduce" }>,
  values: Values | null,
  site: Site,
): Values | null {
  if (values === null || inputAt(site, 0).shape?.length !== 1 || op.axes === null) return null;
  if (op.reduction === "Prod") return [productOfAll(values)];
  const numbers = values.filter((value) => typeof value === "number");
  if (numbers.length < values.length) return null;
  if (op.reduction === "Sum") return [numbers.reduce((sum, value) => sum + value, 0)];
  if (op.reduction === "Max") return [Math.max(...numbers)];
  return op.reduction === "Min" ? [Math.min(...numbers)] : null;
}

/** Ops that only move elements: the index of each output element in the input. */
function moved(op: Op, site: Site, shape: readonly number[]): Values | null {
  if (op.kind === "concat") return concatenated(op.axis, site, shape);
  const values = site.valuesAt(0);
  const from = inputAt(site, 0).shape;
  if (values === null || from === null || !isResolved(from)) return null;
  const strides = stridesOf(from);
  const flat = (coordinates: readonly number[]): number =>
    coordinates.reduce((sum, at, axis) => sum + at * (strides[axis] ?? 1), 0);
  switch (op.kind) {
    case "expand":
      return taken(values, shape, (at) => broadcastIndex(at, from));
    case "transpose": {
      const perm = op.perm ?? from.map((_, axis) => from.length - 1 - axis);
      return taken(values, shape, (at) => flat(from.map((_, axis) => at[perm.indexOf(axis)] ?? 0)));
    }
    case "gather":
      return gathered(op, values, from, shape, inputAt(site, 1).shape?.length ?? 0);
    case "slice": {
      const starts = sliceStarts(op, from);
      return starts === null
        ? null
        : taken(values, shape, (at) =>
            flat(
              at.map(
                (index, axis) => (starts[axis]?.first ?? 0) + index * (starts[axis]?.step ?? 1),
              ),
            ),
          );
    }
    default:
      return null;
  }
}

function concatenated(axis: number, site: Site, shape: readonly number[]): Values | null {
  // Vectors only: larger concatenations of sizes don't occur.
  if (shape.length !== 1 || (axis !== 0 && axis !== -1)) return null;
  const parts = site.inputs.map((_, index) => site.valuesAt(index));
  return parts.every((part) => part !== null) ? parts.flat() : null;
}

function gathered(
  op: Extract<Op, { kind: "gather" }>,
  values: Values,
  from: readonly number[],
  shape: readonly number[],
  indexRank: number,
): Values | null {
  const { indices } = op;
  if (indices === null || !isResolved(indices)) return null;
  const axis = op.axis < 0 ? op.axis + from.length : op.axis;
  const extent = from[axis] ?? 1;
  const strides = stridesOf(from);
  const indexStrides = stridesOf(shape.slice(axis, axis + indexRank));
  return taken(values, shape, (at) => {
    const chosen = at
      .slice(axis, axis + indexRank)
      .reduce((sum, coordinate, i) => sum + coordinate * (indexStrides[i] ?? 1), 0);
    const index = indices[chosen] ?? 0;
    const source = [
      ...at.slice(0, axis),
      index < 0 ? index + extent : index,
      ...at.slice(axis + indexRank),
    ];
    return source.reduce((sum, coordinate, i) => sum + coordinate * (strides[i] ?? 1), 0);
  });
}

/** Where a slice starts in each axis and how it goes on. */
function sliceStarts(
  op: Extract<Op, { kind: "slice" }>,
  from: readonly number[],
): readonly { readonly first: number; readonly step: number }[] | null {
  const { starts, ends, axes, steps } = op;
  if (starts === null || ends === null || axes === null || steps === null) return null;
  if (!isResolved(starts) || !isResolved(ends)) return null;
  const positive = axes.map((axis) => (axis < 0 ? axis + from.length : axis));
  return from.map((extent, axis) => {
    const index = positive.indexOf(axis);
    if (index < 0) return { first: 0, step: 1 };
    const step = steps[index] ?? 1;
    const { first } = sliceRange(extent, starts[index] ?? 0, ends[index] ?? 0, step);
    return { first, step };
  });
}
